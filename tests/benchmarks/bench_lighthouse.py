"""What Lighthouse says of each kind of page: accessibility must be 100, the performance figure is reported.

    python -m tests.benchmarks.bench_lighthouse [SITE]

Builds the sample site unless a SITE is given, serves it on this machine, and runs Lighthouse 12 through `npx` (Node.js
20 or newer) in the Chromium that the browser tests use. Exits with 1 when a page's accessibility is below 100.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from reportgen.build import build
from reportgen.site.config_file import load_config
from tests.browser import FLAGS, served
from tests.run import find_chromium

ROOT = Path(__file__).parent.parent.parent
LIGHTHOUSE = "lighthouse@12.8.2"
KINDS = ("performance", "accessibility", "best-practices")


def judge(address: str, folder: Path) -> dict[str, int]:
    """Return category -> score of the page at `address`."""
    out = folder / "lighthouse.json"
    flags = " ".join(("--headless=new", "--no-sandbox", *FLAGS))
    command = [
        "npx",
        "--yes",
        LIGHTHOUSE,
        address,
        "--quiet",
        "--preset=desktop",
        f"--only-categories={','.join(KINDS)}",
    ]
    command += ["--output=json", f"--output-path={out}", f"--chrome-flags={flags}"]
    subprocess.run(command, check=True, env=os.environ | {"CHROME_PATH": find_chromium() or ""})
    report = json.loads(out.read_text(encoding="utf-8"))
    for audit in report["audits"].values():
        if audit["score"] == 0 and audit["id"] in _accessibility(report):
            print(f"  {audit['id']}: {audit['title']}")
    return {name: round(100 * report["categories"][name]["score"]) for name in KINDS}


def _accessibility(report: dict[str, dict[str, dict[str, list[dict[str, str]]]]]) -> set[str]:
    return {reference["id"] for reference in report["categories"]["accessibility"]["auditRefs"]}


def pages_of(site: Path) -> list[str]:
    """Return one page of each kind, the comparison of an experiment's first runs with its view."""
    experiments = [file for file in site.glob("e/*.html") if not file.stem.endswith("-compare")]
    first = [min(files).relative_to(site).as_posix() for files in (experiments, site.glob("r/*.html"))]
    compared = ",".join(file.stem for file in sorted((site / "data" / "series").iterdir())[:3])
    return ["index.html", "runs.html", *first, f"compare.html#?runs={compared}"]


def main() -> None:
    """Judge the pages and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("site", nargs="?", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        site = options.site or Path(name, "site")
        if options.site is None:
            config = load_config(ROOT / "sample_runs" / "reportgen.toml", folder=ROOT)
            build([ROOT / "sample_runs"], site, config=config, use_cache=False)
        worst = 100
        print(f"{'':44}" + "".join(f"{kind:>16}" for kind in KINDS))
        with served(site) as address:
            for page in pages_of(site):
                scores = judge(address + page, Path(name))
                worst = min(worst, scores["accessibility"])
                print(f"{page[:42]:44}" + "".join(f"{scores[kind]:16}" for kind in KINDS))
    sys.exit(worst < 100)


if __name__ == "__main__":
    main()

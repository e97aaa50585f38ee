"""Time of `reportgen.load` for many runs, beside unpacking and parsing the same table with bare zlib and orjson.

    python -m tests.benchmarks.bench_loading [--runs 10000] [--points 50] [--metrics 8]

Prints one row for the limit, for a site's folder, for the first and for a second load of the logs, and for a search.
"""

from __future__ import annotations

import argparse
import gzip
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import orjson

from reportgen.loading import Means, Runs, load_runs
from reportgen.site.config import Config
from reportgen.site.data import encode_summaries
from tests.benchmarks.bench_build import write_runs
from tests.sitefiles import write_document, write_pack

_T = TypeVar("_T")


def timed(label: str, do: Callable[[], _T]) -> _T:
    """Run `do` once, print how long it took, and return its result."""
    began = time.perf_counter()
    result = do()
    print(f"{label:44} {time.perf_counter() - began:8.2f} s")
    return result


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--points", type=int, default=50)
    parser.add_argument("--metrics", type=int, default=8)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-loading-") as place:
        root, site = Path(place) / "runs", Path(place) / "site"
        size = write_runs(root, options.runs, options.metrics, options.points)
        then = time.time() - 60
        for log in root.rglob("*.jsonl"):
            os.utime(log, (then, then))  # a log younger than two seconds is read again
        means = Means(cache_dir=Path(place) / "cache")

        def load(source: Path) -> Runs:
            return load_runs(source, config=Config(), means=means)

        print(
            f"{options.runs:,} runs, {options.metrics} metrics, {options.points} points, {size / 2**20:.0f} MiB of logs"
        )
        runs = timed("logs, first time, one process", lambda: load(root))
        timed("logs, again", lambda: load(root))
        (site / "data").mkdir(parents=True)
        write_document(site, {"format": 1, "packs": {}, "files": {}})
        table = encode_summaries(runs.summaries)
        write_pack(site, "mixed-0", {}, rest=table)
        timed(f"limit: gunzip and orjson of {len(table) / 2**20:.1f} MiB", lambda: orjson.loads(gzip.decompress(table)))
        runs = timed("site", lambda: load(site))
        metric = next(iter(runs.summaries[0].metrics))
        timed("search by a metric and a param", lambda: runs.search(f"max({metric}) > 0 AND params.seed = 1"))
        timed("table for pandas", runs.to_pandas)


if __name__ == "__main__":
    main()

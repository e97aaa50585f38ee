"""The browser libraries of the default theme: verify them, or renew them from the npm registry.

    python -m tests.vendor            each file has the hash that the manifest states; no network
    python -m tests.vendor --renew    fetch the versions of the manifest again with npm, and rewrite files and hashes

To move to another version, change it in `themes/default/static/vendor/vendor.json` and renew. The files stay as they
came; `LICENSES.txt` holds the licence text of each package and is published with them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

VENDOR = Path(__file__).parent.parent / "themes" / "default" / "static" / "vendor"
MANIFEST = VENDOR / "vendor.json"
LICENCES = VENDOR / "LICENSES.txt"


def verify() -> list[str]:
    """Return what is wrong with the vendored files, one sentence each."""
    packages = json.loads(MANIFEST.read_text(encoding="utf-8"))["packages"]
    known = {file["name"]: file["sha256"] for package in packages for file in package["files"]}
    present = {file.name for file in VENDOR.iterdir()} - {MANIFEST.name, LICENCES.name}
    faults = [f"{name} is in no package of {MANIFEST.name}" for name in sorted(present - set(known))]
    for name, sha256 in known.items():
        if name not in present:
            faults.append(f"{name} is missing: run `python -m tests.vendor --renew`")
        elif hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() != sha256:
            faults.append(f"{name} is not the file that {MANIFEST.name} names")
    licences = LICENCES.read_text(encoding="utf-8")
    faults += [f"{LICENCES.name} lacks {title(p)}" for p in packages if title(p) not in licences]
    return faults


def renew() -> None:
    """Fetch every package of the manifest and write its files, their hashes and the licences."""
    manifest = json.loads(MANIFEST.read_text(encoding="utf-8"))
    texts = []
    for package in manifest["packages"]:
        with tempfile.TemporaryDirectory() as folder:
            command = ["npm", "pack", "--silent", f"{package['package']}@{package['version']}"]
            subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
            with tarfile.open(next(Path(folder).glob("*.tgz"))) as archive:
                package["license"] = json.loads(member(archive, "package.json"))["license"]
                texts.append(f"{title(package)}\n\n{member(archive, 'LICENSE').decode().strip()}\n")
                for file in package["files"]:
                    content = member(archive, file["from"])
                    file["sha256"] = hashlib.sha256(content).hexdigest()
                    (VENDOR / file["name"]).write_bytes(content)
    MANIFEST.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    LICENCES.write_text(("\n" + "-" * 80 + "\n\n").join(texts), encoding="utf-8")


def title(package: dict[str, Any]) -> str:
    """Return the line that heads a package's licence."""
    return f"{package['package']} {package['version']} ({package['license']})"


def member(archive: tarfile.TarFile, name: str) -> bytes:
    """Return the bytes of one file of an npm package."""
    file = archive.extractfile(f"package/{name}")
    if file is None:
        raise SystemExit(f"{archive.name} has no {name}")
    return file.read()


def main() -> None:
    """Do what the command line asks."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--renew", action="store_true", help="fetch the versions of the manifest again")
    if parser.parse_args().renew:
        renew()
    faults = verify()
    print("\n".join(faults) or "every vendored file is the one that its package published")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()

"""Prints the dependencies of `pyproject.toml`, each pinned to its lower bound, as lines for `pip install -r`."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path


def lowest_requirements(pyproject: Path) -> list[str]:
    """Return each dependency as `name==bound`; exit when one has no lower bound or another limit."""
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    pinned = []
    for requirement in project["dependencies"]:
        found = re.fullmatch(r"([A-Za-z0-9._-]+)>=([0-9.]+)", requirement)
        if not found:
            sys.exit(f"{pyproject.name}: '{requirement}' must be of the form name>=version and nothing more")
        pinned.append(f"{found[1]}=={found[2]}")
    return pinned


if __name__ == "__main__":
    print("\n".join(lowest_requirements(Path(__file__).parent.parent / "pyproject.toml")))

"""The interpreter, the platform and the installed packages. Never names of variables, hosts, users or folders."""

from __future__ import annotations

import os
import platform
import re
import sys
from pathlib import Path
from typing import Any, Final

_INSTALLED: Final = re.compile(r"(?P<name>[A-Za-z0-9._]+)-(?P<version>[^-]+)(?:-[^-]+)*\.(?:dist|egg)-info$")


def read_environment() -> dict[str, Any]:
    """Return the fields of an `env` line: `python`, `platform`, `cpus`, `packages` {name: version}."""
    return {
        "python": f"{platform.python_version()} ({platform.python_implementation()})",
        "platform": " ".join(filter(None, (platform.system(), _kernel_version(), platform.machine()))),
        "cpus": os.cpu_count(),
        "packages": installed_packages(sys.path),
    }


def _kernel_version() -> str:
    """Return the numbers of the kernel's release; what follows them names whose machine it is."""
    return re.sub(r"[^0-9.].*", "", platform.release()).rstrip(".")


def installed_packages(folders: list[str]) -> dict[str, str]:
    """Return the installed distributions by name, read from the names of their metadata folders.

    Reading the metadata themselves takes a thousand times as long. The first folder that has a name wins.
    """
    found: dict[str, str] = {}
    for folder in folders:
        try:
            names = sorted(path.name for path in Path(folder or ".").iterdir())
        except OSError:
            continue  # zip files, and folders that are gone
        for name in names:
            match = _INSTALLED.match(name)
            if match:
                found.setdefault(re.sub(r"[-_.]+", "-", match["name"]).lower(), match["version"])
    return dict(sorted(found.items()))

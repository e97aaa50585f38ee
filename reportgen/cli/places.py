"""Where runs are looked for when no source is named."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

FOLDERS: Final = ("runs", "site")


def default_sources() -> tuple[str, ...]:
    """Return $REPORTGEN_DIR, else the folder of runs here, else the site here; nothing where there is neither."""
    folder = os.environ.get("REPORTGEN_DIR")
    return (folder,) if folder else tuple(name for name in FOLDERS if Path(name).is_dir())[:1]

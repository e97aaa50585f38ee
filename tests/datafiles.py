"""Data files of a built site, replaced by ones of a test's own."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

from reportgen.site.data import script


def write_packed(site: Path, name: str, payload: Any) -> None:
    """Write `data/<name>.js` as a build does: JSON, compressed, as base64."""
    packed = base64.b64encode(gzip.compress(json.dumps(payload).encode())).decode()
    file = site / f"data/{name}.js"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(script(name, packed))

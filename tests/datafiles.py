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
    _write(site, name, _pack(payload))


def write_search(site: Path, *chunks: Any) -> None:
    """Write `data/search.js` of these chunks."""
    _write(site, "search", {f"mixed-{number}": _pack(chunk) for number, chunk in enumerate(chunks)})


def _pack(payload: Any) -> str:
    return base64.b64encode(gzip.compress(json.dumps(payload).encode())).decode()


def _write(site: Path, name: str, payload: Any) -> None:
    file = site / f"data/{name}.js"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(script(name, payload))

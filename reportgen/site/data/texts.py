"""The texts, tables and drawings among the artifacts of one run, for a comparison with those of other runs.

Reads a bounded part of each file that the run's page shows; what is not UTF-8 is replaced, as on the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from reportgen.site.pages.artifacts import Previews, decode_text

MAX_TEXT: Final = 100_000
"""Characters of one text."""
MAX_TEXTS: Final = 400_000
"""Characters of all texts of a run; files come by name."""
_MAX_BYTES: Final = 4 * (MAX_TEXT + 1)
"""A character takes four bytes at most, so that a character that is cut here is beyond `MAX_TEXT`."""


def read_texts(previews: Previews, files: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return artifact path -> `{text, cut}` of the texts, tables and SVGs on the run's page.

    `files` gives for an artifact's path its file on this machine. What comes when `MAX_TEXTS` is full is left out, and
    so is a drawing that would be cut.
    """
    drawings = {p.artifact.path for p in previews.pictures if p.picture and p.picture.inline}
    texts: dict[str, dict[str, Any]] = {}
    room = MAX_TEXTS
    for path in sorted({p.artifact.path for p in (*previews.tables, *previews.excerpts)} | drawings):
        try:
            with Path(files[path]).open("rb") as file:
                whole = decode_text(file.read(_MAX_BYTES))
        except OSError:
            continue  # gone or locked since the page was made
        text = whole[: min(MAX_TEXT, room)]
        cut = len(text) < len(whole)
        if text and not (cut and path in drawings):
            texts[path] = {"text": text, "cut": cut}
            room -= len(text)
    return texts

"""Shows where a filter goes wrong: the text, a caret below the place, what was expected."""

from __future__ import annotations

import re
from typing import Final

from reportgen.errors import QueryError
from reportgen.query.nodes import Place

_UNSEEN: Final = re.compile(
    "[\\x00-\\x1f\\x7f-\\x9f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u2069\\ufeff\\ud800-\\udfff]"
)
_SHOWN: Final = 72
"""Characters of the filter that an error shows."""


def fault(code: str, text: str, place: Place, message: str) -> QueryError:
    """Return the error that says what is wrong with `text` at `place`; names in `message` may hold anything."""
    message = plain(message)
    return QueryError(
        f"{message}\n{point_at(text, place)}", code=code, start=place.start, end=place.end, reason=message
    )


def point_at(text: str, place: Place) -> str:
    """Return two lines: the part of `text` around `place`, on one line, and carets below the place."""
    begin = max(0, min(place.start - _SHOWN // 2, len(text) - _SHOWN))
    end = min(len(text), begin + _SHOWN)
    shown = plain(text[begin:end])
    lead = "…" if begin else ""
    carets = max(1, min(place.end, end) - place.start)
    return f"  {lead}{shown}{'…' if end < len(text) else ''}\n  {' ' * (len(lead) + place.start - begin)}{'^' * carets}"


def plain(text: str) -> str:
    """Return `text` with a blank for each character that moves the cursor or is not seen."""
    return _UNSEEN.sub(" ", text)

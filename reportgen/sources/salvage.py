"""What is whole in a damaged JSON document. Pure; the work is bounded by a few times the length of the text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from reportgen.formats import clean_text, cut_name

WORK: Final = 4
"""A damaged document is looked through so many times at most."""
MAX_DEPTH: Final = 4
"""So deep a damaged document is looked into."""
MAX_DAMAGED: Final = 16 * 2**20
"""Characters of a damaged document that is looked through for what is whole in it."""
_FIELD: Final = re.compile(r'"([^"\\\n]{1,200})"\s*:\s*')
_WHOLE: Final = re.compile(r"\s*(?:[,}\]]|$)")
"""What stands behind a value that is whole."""
_BRACKET: Final = re.compile(r'"(?:[^"\\\n]|\\.)*"?|[{}\[\]]')
_PLAIN_END: Final = re.compile(r"[,}\]\n]")
_MAX_NESTED: Final = 64
_WINDOW: Final = 8192
"""Most objects of a log are shorter."""


def whole_fields(text: str, depth: int = 0) -> dict[str, Any]:
    """Return the fields of a damaged JSON object whose values are whole.

    Of a damaged object or list of objects that is what is whole in it, of any other damaged value nothing. Nothing of a
    text of more than `MAX_DAMAGED` characters.
    """
    decoder, found, place, left = json.JSONDecoder(), dict[str, Any](), text.find("{") + 1, WORK * len(text) + 4096
    while left > 0 and len(text) <= MAX_DAMAGED and (match := _FIELD.search(text, place)):
        name, start = cut_name(clean_text(match[1])), match.end()
        left -= start - place
        try:
            value, place = decoder.raw_decode(text, start)
        except (ValueError, RecursionError) as error:  # an integer of thousands of digits is a ValueError, too
            place = _end_of_value(text, start)
            left -= max(getattr(error, "pos", 0), place) - start + start // 16 + 64  # the error counts lines up to it
            value = _whole_part(text[start:place], depth)
        else:
            left -= place - start
            value = value if _WHOLE.match(text, place) else None
        if value is not None:
            found[name] = value
    return found


def _whole_part(text: str, depth: int) -> Any:
    """Return what is whole in a damaged value, None where that is nothing."""
    if text[:1] == "[":
        return list(iter_objects(text)) or None
    return (whole_fields(text, depth + 1) or None) if text[:1] == "{" and depth < MAX_DEPTH else None


def _end_of_value(text: str, start: int) -> int:
    """Return where a damaged value ends by its brackets; the end of the text where that cannot be told."""
    if text[start : start + 1] not in ("{", "["):
        match = _PLAIN_END.search(text, start)
        return match.start() if match else len(text)
    depth = 0
    for match in _BRACKET.finditer(text, start):
        if match[0] in "{[":
            depth += 1
            if depth > _MAX_NESTED:
                break
        elif match[0] in "}]":
            depth -= 1
            if not depth:
                return match.end()
    return len(text)


def iter_objects(text: str, start: int = 0) -> Iterator[dict[str, Any]]:
    """Yield the objects that are whole in a text from `start` on, the outer ones where they are.

    The work is bounded by a few times the length of the text; nothing of one over `MAX_DAMAGED` characters.
    """
    decoder, left = json.JSONDecoder(), WORK * len(text) + 4096
    place = text.find("{", start)
    while place >= 0 and left > 0 and len(text) <= MAX_DAMAGED:
        window = text[place : place + _WINDOW]
        end = place + 1
        try:
            value, length = decoder.raw_decode(window)
        except json.JSONDecodeError as error:
            left -= 64 + error.pos
            is_cut = error.pos > _WINDOW // 2 or error.msg.startswith("Unterminated")
            if len(window) == _WINDOW and is_cut:  # it may be whole, and longer than that
                try:
                    value, end = decoder.raw_decode(text, place)
                    yield value
                except (ValueError, RecursionError) as error:
                    left -= max(getattr(error, "pos", 0) - place, 0) + place // 16 + _WINDOW
        except (ValueError, RecursionError):  # an integer of thousands of digits, or nested too deep
            left -= _WINDOW
        else:
            end = place + length
            if isinstance(value, dict):
                yield value
        place = text.find("{", end)

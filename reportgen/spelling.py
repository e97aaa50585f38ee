"""Finds the name that a mistyped one was meant to be, for error messages. The pages' scripts do it the same way."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

MAX_EDITS: Final = 3


def nearest(name: str, choices: Iterable[str]) -> str | None:
    """Return the choice that `name` is most likely meant to be, None when nothing is near; the first of equals.

    The nearest is the same name in other case, then one whose last part (after `/` or `.`) is the name, then one that
    begins with it, or whose last part does (from 3 characters on), then the one with the fewest edits (of single
    characters and swapped neighbours, ignoring ASCII case): at most 3, and at most a third of the longer name.
    """
    wanted = name.translate(_LOWER)
    best: str | None = None
    least = MAX_EDITS + 2
    for choice in choices:
        other = choice.translate(_LOWER)
        if other == wanted:
            return choice
        if wanted and other.endswith((f"/{wanted}", f".{wanted}")):
            score = 0
        elif len(wanted) > 2 and (other.startswith(wanted) or f"/{wanted}" in other or f".{wanted}" in other):
            score = 1
        else:
            edits = _count_edits(wanted, other, min(MAX_EDITS, max(len(wanted), len(other)) // 3, least - 2))
            if edits is None:
                continue
            score = 1 + edits
        if score < least:
            best, least = choice, score
    return best


def suggestion(name: str, choices: Iterable[str]) -> str:
    """Return ` did you mean 'x'?` (with the space in front) for the choice nearest to `name`, or nothing."""
    near = nearest(name, choices)
    return f" did you mean '{near}'?" if near is not None else ""


_LOWER: Final = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


def _count_edits(a: str, b: str, limit: int) -> int | None:
    """Return how many edits turn `a` into `b`, None when more than `limit`; O(limit · length).

    An edit adds, takes away or replaces a character, or swaps two neighbours that are not edited again ("optimal
    string alignment").
    """
    if limit < 1 or abs(len(a) - len(b)) > limit:
        return None
    far = limit + 1
    before: list[int] = []
    row = [min(j, far) for j in range(len(b) + 1)]
    for i, letter in enumerate(a, 1):
        low, high = max(1, i - limit), min(len(b), i + limit)
        new = [far] * (len(b) + 1)
        new[0] = min(i, far)
        for j in range(low, high + 1):
            new[j] = min(row[j - 1] + (letter != b[j - 1]), row[j] + 1, new[j - 1] + 1, far)
            if i > 1 and j > 1 and letter == b[j - 2] and a[i - 2] == b[j - 1]:
                new[j] = min(new[j], before[j - 2] + 1)
        if min(new) > limit and min(row) >= limit:  # a swap starts two rows above
            return None
        before, row = row, new
    return row[-1] if row[-1] <= limit else None

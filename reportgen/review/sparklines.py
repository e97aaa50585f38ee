"""Values over commits as a line of blocks, for places where only text is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

BLOCKS: Final = "▁▂▃▄▅▆▇█"
GAP: Final = "·"
"""Stands for a commit without a value."""
LONGEST: Final = 12


def render_blocks(history: Sequence[float | None], last: float | None) -> str:
    """Return the newest `LONGEST` values of `history`, a space, and `last`, all in one range; empty without history."""
    shown = list(history)[-LONGEST:]
    known = [value for value in (*shown, last) if value is not None]
    if not any(value is not None for value in shown):
        return ""
    low, high = min(known), max(known)

    def block(value: float | None) -> str:
        if value is None:
            return GAP
        if high == low:
            return BLOCKS[3]
        part = value / (high - low) - low / (high - low)  # each side for itself: the span may overflow
        return BLOCKS[min(7, max(0, int(part * 8)))]

    return f"{''.join(map(block, shown))} {block(last)}"

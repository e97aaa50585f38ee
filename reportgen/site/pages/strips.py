"""Strips: the values of a row as dots on an axis that the whole column shares, better to the right.

Owns the axis (which values it covers, where its ticks stand); the drawing of one strip is in `reportgen.site.sparks`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from reportgen.analysis import axes
from reportgen.analysis.groups import Spread
from reportgen.site.sparks import STRIP_WIDTH, render_strip

_INSET: Final = 6
"""Distance of both ends of the axis from the edges of the picture, in px; `render_strip` keeps the same."""
_GAP: Final = 7
"""Least distance of two ticks' texts, in px."""
_LARGEST: Final = 1e300
"""Beyond this the distance of two values may not be a number any more."""
_REACH: Final = 4
"""How many times as far from the best as the median is, a value still counts as a contender."""


@dataclass(frozen=True, slots=True)
class StripAxis:
    """Head of a column of strips."""

    low: float
    high: float
    lower_is_better: bool
    """True turns the axis, so that better is to the right."""
    ticks: tuple[tuple[float, str], ...]
    """(x in px from the left edge, text)."""

    width: int = STRIP_WIDTH


def make_strip_axis(
    values: Sequence[float | None], direction: str | None, *, centres: Sequence[float | None] | None = None
) -> StripAxis | None:
    """Return the axis that covers the contenders among `values`; None for fewer than two values.

    The distance from the best to the median of `centres` (by default of the values) says who is a contender, or that
    between the quartiles of the values, where the centres hardly differ. What is worse stands at the edge with its
    number.
    """
    finite = [v for v in values if v is not None and math.isfinite(v)]
    middles = sorted(v for v in (values if centres is None else centres) if v is not None and math.isfinite(v))
    if len(set(finite)) < 2 or not middles:
        return None
    turned = direction == "min"
    best = middles[0] if turned else middles[-1]
    ordered = sorted(finite)
    half = ordered[3 * len(ordered) // 4] - ordered[len(ordered) // 4]
    reach = max(_REACH * abs(best - middles[len(middles) // 2]), half) or math.inf
    inside = [v for v in finite if abs(v - best) <= reach or (v < best) == turned]
    low, high = min(inside), max(inside)
    margin = (high - low) * 0.05 or abs(high) * 0.01 or 0.5
    low, high = low - margin, high + margin
    if max(abs(low), abs(high)) > _LARGEST:
        return None
    axis = axes.step_axis(low, high, target=4, whole=False)
    if axis.low != low or axis.high != high:
        low, high = min(low, axis.low), max(high, axis.high)
    places = []
    room = (STRIP_WIDTH - 2 * _INSET) * abs(axis.ticks[-1] - axis.ticks[0]) / (high - low) if axis.ticks else 0.0
    needed = max(map(axes.text_width, axis.labels), default=0.0) + _GAP
    stride = math.ceil(needed * (len(axis.ticks) - 1) / room) if room > 0 else 1
    for tick, label in zip(axis.ticks[::stride], axis.labels[::stride], strict=True):
        share = (tick - low) / (high - low)
        x = _INSET + (STRIP_WIDTH - 2 * _INSET) * (1 - share if turned else share)
        places.append((round(x, 1), label))
    return StripAxis(low, high, turned, tuple(places))


def draw_value(value: float | None, axis: StripAxis | None, slot: int) -> Markup:
    """Return one run's value on the axis; empty markup without either."""
    if axis is None or value is None:
        return Markup()
    return render_strip((value,), domain=(axis.low, axis.high), slot=slot, lower_is_better=axis.lower_is_better)


def draw_spread(spread: Spread, axis: StripAxis | None, slot: int) -> Markup:
    """Return a group's values with mean and interval on the axis; empty markup without any."""
    if axis is None or not spread.values:
        return Markup()
    return render_strip(
        spread.values,
        domain=(axis.low, axis.high),
        mean=spread.mean,
        interval=spread.interval,
        slot=slot,
        lower_is_better=axis.lower_is_better,
    )

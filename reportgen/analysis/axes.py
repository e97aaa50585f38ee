"""Axes and labels as numbers: value ranges, round ticks and their texts, labels spread apart. Pure; no drawing.

Both the inline charts of run pages and the static plots take their ticks from here, so that a metric reads the same
on every page.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

MINUS: Final = "\u2212"
THIN: Final = "\u202f"
"""Narrow no-break space, between groups of three digits."""
LABEL_GAP: Final = 13.5
"""Least distance between the base lines of two labels, in px."""

_LARGEST: Final = 1e307
"""Values beyond are drawn at this height, so that the span of an axis stays finite."""
_MANTISSAS: Final = (1.0, 2.0, 2.5, 5.0)


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis: its range and its ticks."""

    low: float
    high: float
    ticks: tuple[float, ...]
    labels: tuple[str, ...]
    """Texts of the ticks, with equal decimals."""
    cut: bool = False
    """True when the axis starts so far above zero that differences look larger than they are."""
    log: bool = False


def value_axis(low: float, high: float, *, target: int = 4) -> Axis:
    """Return the axis for values from `low` to `high` (finite, low <= high) with 3 to 6 ticks, about `target`.

    The axis starts at zero when that costs at most a third of the height, and ends on a tick when one is near, which
    may be one more at either end.
    """
    low, high = (min(max(v, -_LARGEST), _LARGEST) for v in (low, high))
    single = _is_point(low, high)
    if single:
        pad = max(abs(low), abs(high)) * 0.02 or 1.0
        low, high = max(low - pad, -_LARGEST), min(high + pad, _LARGEST)
    elif 0 <= low <= 0.35 * high:
        low = 0.0
    elif low <= high <= 0 and high >= 0.35 * low:
        high = 0.0
    pad = 0.04 * (high - low)
    low, high = (low - pad if low else low), (high + pad if high else high)
    step = tick_step(low, high, target)
    cut = not single and low > 0 and low > 0.8 * high
    low = _snap_down(low, step, 1.0 if cut else 0.35)
    high = -_snap_down(-high, step, 0.35)
    return _axis(low, high, step, cut)


@lru_cache(maxsize=256)
def step_axis(low: float, high: float, *, target: int = 5, whole: bool = True) -> Axis:
    """Return the axis for steps from `low` to `high`, not widened; it starts at 0 when the first step is near it.

    `whole` keeps the ticks on whole numbers.
    """
    low, high = max(low, -_LARGEST), min(high, _LARGEST)
    if _is_point(low, high):
        pad = max(1.0, max(abs(low), abs(high)) * 1e-6)
        return Axis(low - pad, high + pad, (low,), (format_step(low),))
    if 0 < low <= 0.08 * high:
        low = 0.0
    step = tick_step(low, high, target, least=2)
    if whole:
        step = max(1.0, step if step != 2.5 else 5.0)
    return _axis(low, high, step, cut=False)


def log_axis(low: float, high: float) -> Axis:
    """Return a logarithmic axis for positive values: powers of ten, with 2 and 5 between when there are few."""
    low, high = min(max(low, 1e-300), 1e300), min(max(high, 1e-300), 1e300)
    if high < low * 1.5:
        low, high = low / 1.5, high * 1.5
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    stride = max(1, math.ceil((last - first) / 6))
    ticks = [10.0**e for e in range(first, last + 1, stride) if low <= 10.0**e <= high]
    if len(ticks) < 3:
        between = [m * 10.0**e for e in range(first, last + 1) for m in (1, 2, 5)]
        ticks = [t for t in between if low <= t <= high] or [math.sqrt(low) * math.sqrt(high)]
    return Axis(low, high, tuple(ticks), tuple(format_number(t, 2) for t in ticks), log=True)


@lru_cache(maxsize=256)  # the charts of one run share their steps
def tick_step(low: float, high: float, target: int, *, least: int = 3, most: int = 6) -> float:
    """Return the round distance (1, 2, 2.5 or 5 times a power of ten) that gives nearest to `target` ticks."""
    exponent = math.floor(math.log10(high - low))
    best = (math.inf, high - low)
    for power in (exponent - 1, exponent):  # a step two powers below the span gives twenty ticks and more
        for mantissa in _MANTISSAS:
            step = mantissa * 10.0**power
            if not step:
                continue
            count = math.floor(high / step + 1e-9) - math.ceil(low / step - 1e-9) + 1
            miss = abs(count - target) + (10 if not least <= count <= most else 0) + (1.25 if mantissa == 2.5 else 0)
            best = min(best, (miss, step))
    return best[1]


def _axis(low: float, high: float, step: float, cut: bool) -> Axis:
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    ticks = tuple(_multiple(n, step) for n in range(first, min(last, first + 20) + 1))
    return Axis(low, high, ticks, format_ticks(ticks, step), cut)


def _multiple(n: int, step: float) -> float:
    """Return n * step without the dust of binary fractions, so that tick texts are short."""
    value = n * step
    return float(f"{value:.12g}") if math.isfinite(value) else value


def _snap_down(value: float, step: float, reach: float) -> float:
    """Return the next lower tick when it is at most `reach` steps away, else `value`."""
    tick = _multiple(math.floor(value / step + 1e-9), step)
    return tick if 0 <= value - tick <= reach * step and abs(tick) <= _LARGEST else value


def _is_point(low: float, high: float) -> bool:
    """Tell whether the span is nothing, or too small against the values for ticks with distinct texts."""
    return high - low <= max(abs(low), abs(high)) * 1e-9 or high - low < 1e-290


def format_ticks(ticks: Sequence[float], step: float) -> tuple[str, ...]:
    """Return the texts of ticks that are `step` apart, with equal decimals; very large and small ones as `5e-4`."""
    largest = max(map(abs, ticks), default=0.0)
    if largest and (largest >= 1e7 or (largest < 1e-2 and step < 1e-3)):
        return tuple(_scientific(t, max(0, _exponent(t) - _exponent(step)) + 1) if t else "0" for t in ticks)
    decimals = 0 if step >= 1 and step % 1 == 0 else max(0, -_exponent(step))
    if decimals < 12 and round(step, decimals) != step and abs(round(step, decimals) - step) > step * 1e-6:
        decimals += 1
    return tuple(_grouped(t, decimals) for t in ticks)


def format_number(value: float, digits: int = 4) -> str:
    """Return `value` with at most `digits` significant digits, thousands grouped; NaN and infinities as words."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else MINUS + "Infinity")
    if value == 0:
        return "0"
    exponent = _exponent(value)
    if exponent >= 7 or exponent < -3:
        return _scientific(value, digits)
    text = _grouped(value, max(0, digits - 1 - exponent))
    return text.rstrip("0").rstrip(".") if "." in text else text


def format_step(value: float) -> str:
    """Return a step with its thousands grouped; a step may be as large as int64."""
    return _grouped(value, 0) if abs(value) < 1e15 else _scientific(value, 4)


def _exponent(value: float) -> int:
    return int(f"{abs(value):e}".partition("e")[2])


def _grouped(value: float, decimals: int) -> str:
    text = f"{value:,.{decimals}f}".replace(",", THIN)
    if text.startswith("-"):
        return MINUS + text[1:] if text.strip("-0.") else text[1:]
    return text


def _scientific(value: float, digits: int) -> str:
    mantissa, _, exponent = f"{value:.{max(0, digits - 1)}e}".partition("e")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    power = int(exponent)
    return f"{mantissa.replace('-', MINUS)}e{'-' if power < 0 else ''}{abs(power)}"


def spread(positions: Sequence[float], *, gap: float, low: float, high: float) -> list[float]:
    """Return positions at least `gap` apart within low…high, in the same order of size, moved as little as may be.

    `positions` need not be sorted. When they do not fit, the gap shrinks. The result minimises the sum of squared
    moves: it is isotonic regression (pool adjacent violators) of position minus rank times gap.
    """
    if not positions:
        return []
    order = sorted(range(len(positions)), key=positions.__getitem__)
    if len(order) > 1:
        gap = min(gap, (high - low) / (len(order) - 1))
    blocks: list[tuple[float, int]] = []
    for rank, index in enumerate(order):
        mean, count = positions[index] - rank * gap, 1
        while blocks and blocks[-1][0] > mean:
            previous, size = blocks.pop()
            mean, count = (previous * size + mean * count) / (size + count), size + count
        blocks.append((mean, count))
    flat = [mean for mean, count in blocks for _ in range(count)]
    top = high - gap * (len(order) - 1)
    result = [0.0] * len(positions)
    for rank, index in enumerate(order):
        result[index] = min(max(flat[rank], low), top) + rank * gap
    return result


def clusters(positions: Sequence[float], *, reach: float, most: int = 3) -> list[list[int]]:
    """Return groups of indices, by position: more than `most` within `reach` are one group, all others stand alone."""
    order = sorted(range(len(positions)), key=positions.__getitem__)
    groups: list[list[int]] = []
    start = 0
    while start < len(order):
        end = start + 1
        while end < len(order) and positions[order[end]] - positions[order[start]] <= reach:
            end += 1
        if end - start > most:
            groups.append(order[start:end])
            start = end
        else:
            groups.append([order[start]])
            start += 1
    return groups


_NARROW: Final = frozenset("iljtfrI.,:;|!'`()[]{}/\\ \u202f")
_BROAD: Final = frozenset("mwMW@%")


@lru_cache(maxsize=1024)
def text_width(text: str, size: float = 11.5) -> float:
    """Return about the width in px that `text` takes at `size` px in the widest of the system sans-serifs."""
    ems = 0.0
    for c in text:
        if c in _NARROW:
            ems += 0.34
        elif c in _BROAD:
            ems += 0.92
        elif c.isupper():
            ems += 0.70
        elif c < "\u2e80":
            ems += 0.60
        else:
            ems += 1.0
    return ems * size


_UNFIT: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufffe\uffff]")


def plain(text: str) -> str:
    """Return `text` on one line, without what XML forbids and without characters that turn the writing direction."""
    return _UNFIT.sub("", " ".join(text.split()))


def cut_text(text: str, width: float, size: float = 11.5) -> str:
    """Return `text` on one line, its end replaced by `…` where it is wider than `width` px."""
    text = plain(text[:400])
    if text_width(text, size) <= width:
        return text
    while text and text_width(text, size) + 0.9 * size > width:
        text = text[:-1]
    return text.rstrip() + "…"

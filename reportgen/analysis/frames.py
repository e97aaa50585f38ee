"""Where the parts of a line chart lie, as numbers: axes over all lines, stretches without gap, free places for words.

Both renderers, the inline charts of run pages and the static plots, ask here, so that they decide alike what is cut,
what is broken and what is said. It must not know SVG or matplotlib.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from reportgen.analysis import axes, downsample
from reportgen.model import Floats, Ints

MAX_LABELS: Final = 10
"""More lines than this get a legend instead of labels at their ends."""
_REMEMBERED: Final = 4096
"""Steps of a line up to which its gaps are remembered."""


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One series of a chart, ordered by step."""

    label: str
    steps: Ints | Floats
    """[n]; may repeat."""
    values: Floats
    """float64[n]; NaN and ±Inf break the line."""
    slot: int = 1
    """Colour slot 1…10; 0 is ink. Larger ones start again at 1."""
    low: Floats | None = None
    """float64[n], lower edge of the band (lowest rank or seed); None = no band."""
    high: Floats | None = None
    """float64[n], upper edge of the band."""
    dashed: bool = False
    inside: tuple[tuple[Floats, Floats], ...] = ()
    """(lower, upper edge) of further bands inside the first, the widest first, float64[n] each."""


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """A line with what a renderer asks of it more than once."""

    line: Line
    shown: NDArray[np.bool_]
    """bool[n]: the point has a place in the chart: a finite value, above zero on a logarithmic axis."""
    count: int
    """How many points are shown."""
    last: int
    """Index of the last point shown, -1 when there is none."""

    @property
    def end_value(self) -> float:
        """The last value shown."""
        return float(self.line.values[self.last])

    @property
    def end_step(self) -> float:
        """The step of the last value shown."""
        return float(self.line.steps[self.last])

    @property
    def stops(self) -> bool:
        """True when the series goes on after its last shown value with NaN or ±Inf."""
        return 0 <= self.last < len(self.line.values) - 1 and not math.isfinite(self.line.values[self.last + 1])

    @property
    def slot(self) -> int:
        """The colour slot, 0…10."""
        slot = self.line.slot
        return slot if 0 <= slot <= 10 else (slot - 1) % 10 + 1

    def said_of_end(self, unit: str) -> str:
        """Return from which step on the values of a series that `stops` are no numbers: `NaN from epoch 44`."""
        after = float(self.line.values[self.last + 1])
        word = "NaN" if math.isnan(after) else axes.format_number(after)
        return f"{word} from {unit} {axes.format_step(float(self.line.steps[self.last + 1]))}"


def look_at(line: Line, *, log_x: bool = False, log_y: bool = False) -> Curve:
    """Return `line` with its shown points found."""
    shown = np.isfinite(line.values)
    if log_x:
        shown &= line.steps > 0
    if log_y:
        shown &= line.values > 0
    count = int(shown.sum())
    last = len(shown) - 1 if count == len(shown) else int(len(shown) - 1 - shown[::-1].argmax())
    return Curve(line, shown, count, last if count else -1)


# ---- axes


def value_axis(
    curves: Sequence[Curve], height: float, *, log: bool = False, whole: bool = False
) -> tuple[axes.Axis, list[str]]:
    """Return the y axis over all curves and their bands, and what must be said about it.

    The axis ends early where the values of the first 10 % of the steps alone would press the rest flat, as the first
    steps of a loss or an accuracy do; the end of a series is never cut. `whole` cuts nothing.
    """
    if not any(c.count for c in curves):
        return axes.Axis(0, 1, (), ()), []
    low, high, later_low, later = _extent([c for c in curves if c.count], log)
    notes = [f"{axes.cut_text(c.line.label, 160)}: {word_for_nothing([c])}" for c in curves if not c.count][:2]
    if log:
        if any(np.any(c.line.values <= 0) for c in curves if c.count):
            notes.append("values of 0 and below are not shown")
        return axes.log_axis(low, high), notes
    longest = max(len(c.line.values) for c in curves)
    if whole:
        pass
    elif longest >= 20 and later > low and high - low > 2.5 * (later - low):
        notes.append(f"first steps up to {axes.format_number(high, 3)} are cut")
        high = later + 0.5 * (later - low)
    elif longest >= 20 and later_low < high and high - low > 2.5 * (high - later_low):
        notes.append(f"first steps from {axes.format_number(low, 3)} are cut")
        low = later_low - 0.5 * (high - later_low)
    axis = axes.value_axis(low, high, target=4 if height >= 140 else 3)
    if axis.cut:
        notes.append(f"axis starts at {axes.format_ticks((axis.low,), axis.ticks[1] - axis.ticks[0])[0]}")
    return axis, notes


def _extent(curves: Sequence[Curve], log: bool) -> tuple[float, float, float, float]:
    """Return the lowest value, the highest, and the lowest and the highest after the first 10 % of the steps."""
    low, high, later_low, later = math.inf, -math.inf, math.inf, -math.inf
    first = min(float(c.line.steps[0]) for c in curves)
    start = first + 0.1 * (max(float(c.line.steps[-1]) for c in curves) - first)
    for c in curves:
        for edge in (c.line.values, c.line.low, c.line.high):
            if edge is None:
                continue
            of_values = edge is c.line.values
            known = c.shown if of_values else np.isfinite(edge) & ((edge > 0) | (not log))
            everything = c.count == len(edge) if of_values else bool(known.all())
            finite = edge if everything else edge[known]
            if len(finite):
                low, high = min(low, float(finite.min())), max(high, float(finite.max()))
                behind = int(np.searchsorted(c.line.steps, start))
                rest = edge[behind:] if everything else edge[behind:][known[behind:]]
                later = max(later, float(rest.max(initial=-math.inf)))
                later_low = min(later_low, float(rest.min(initial=math.inf)))
    return low, high, later_low, later


def step_axis(curves: Sequence[Curve], width: float, *, log: bool = False) -> axes.Axis:
    """Return the x axis over all points, shown or not, with as many ticks as `width` px have room for."""
    seen = [c.line.steps[c.line.steps > 0] if log else c.line.steps for c in curves]
    seen = [x for x in seen if len(x)]
    if not seen:
        return axes.Axis(0, 1, (), ())
    low, high = min(float(x[0]) for x in seen), max(float(x[-1]) for x in seen)
    if log:
        return axes.log_axis(low, high)
    whole = all(np.issubdtype(x.dtype, np.integer) for x in seen)
    room = 0.7 * width / (axes.text_width(axes.format_step(high)) + 28)
    return axes.step_axis(low, high, target=max(2, min(5, int(room))), whole=whole)


# ---- places


@dataclass(frozen=True, slots=True)
class Frame:
    """The plot area: its size in px at the design size, its axes. x grows to the right, y grows downwards."""

    width: float
    height: float
    x: axes.Axis
    y: axes.Axis

    def fraction(self, step: float) -> float:
        """Return the place of a step as a share of the width, 0…1."""
        return min(max(_share_of_one(step, self.x), 0.0), 1.0)

    def level(self, value: float) -> float:
        """Return the y of a value in px, at the frame's edge where it lies outside."""
        return min(max((1 - _share_of_one(value, self.y)) * self.height, 0.0), self.height)

    def xs(self, steps: NDArray[np.number]) -> Floats:
        """Return float64[n], x in px."""
        result: Floats = _share(steps, self.x) * self.width
        return result

    def ys(self, values: Floats) -> Floats:
        """Return float64[n], y in px; values far outside lie one frame outside."""
        result: Floats = (1 - _share(values, self.y)) * self.height
        return result


def _share(values: NDArray[np.number], axis: axes.Axis) -> Floats:
    """Return where values lie on an axis: 0 at its low end, 1 at its high end, within -1…2."""
    span = axis.high - axis.low
    if axis.log:
        low, high = math.log(axis.low), math.log(axis.high)
        logs = np.log(np.maximum(np.asarray(values, dtype=np.float64), 1e-305))
        return np.clip((logs - low) / (high - low), -1.0, 2.0)
    # numpy's `clip` costs more than its work on the points of one chart.
    result: Floats = (np.minimum(np.maximum(values, axis.low - span), axis.high + span) - axis.low) / span
    return result


def _share_of_one(value: float, axis: axes.Axis) -> float:
    """Return `_share` of a single value: ticks and labels ask often, and arrays cost ten times that."""
    value = float(value)
    if axis.log:
        low, high = math.log(axis.low), math.log(axis.high)
        share = (math.log(max(value, 1e-305)) - low) / (high - low)
    else:
        span = axis.high - axis.low
        share = (min(max(value, axis.low - span), axis.high + span) - axis.low) / span
    return min(max(share, -1.0), 2.0)


def pieces(line: Line, shown: NDArray[np.bool_]) -> list[slice]:
    """Return the stretches of the line without gap: index ranges of shown points."""
    breaks = find_gaps(line.steps)
    if not len(breaks) and bool(shown.all()):
        return [slice(0, len(shown))] if len(shown) else []
    known = np.flatnonzero(shown)
    if not len(known):
        return []
    cuts = np.flatnonzero((np.diff(known) > 1) | np.isin(known[:-1], breaks)) + 1
    starts, ends = known[np.r_[0, cuts]], known[np.r_[cuts - 1, len(known) - 1]]
    return [slice(a, b + 1) for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]


def find_gaps(steps: NDArray[np.number]) -> NDArray[np.int64]:
    """Return `downsample.gaps`; those of few steps are remembered, since the lines of a run share theirs."""
    if len(steps) > _REMEMBERED:
        return downsample.gaps(steps)
    return _gaps(steps.tobytes(), steps.dtype.char)


@lru_cache(maxsize=64)
def _gaps(steps: bytes, dtype: str) -> NDArray[np.int64]:
    return downsample.gaps(np.frombuffer(steps, dtype=dtype))


def thinned(curve: Curve, frame: Frame, *, smoothing: float = 0.0) -> tuple[Line, Floats, Floats]:
    """Return the line as mean per bucket of two px, and each bucket's lowest and highest value.

    For lines with more points than px: the extremes, drawn as an area behind the mean, let each spike survive.
    `smoothing` is the weight of the moving average that is taken before the means. Points not shown count as NaN.
    """
    line, places, buckets = curve.line, line_places(curve.line, frame), max(8, int(frame.width) // 2)
    values = line.values if curve.count == len(line.values) else np.where(curve.shown, line.values, np.nan)
    of_all = downsample.envelope(places, values, buckets)
    mean, low, high = of_all.mean, line.low, line.high
    if smoothing:
        mean = downsample.envelope(places, downsample.debiased_ema(values, smoothing), buckets).mean

    def widest(low: Floats, high: Floats) -> tuple[Floats, Floats]:
        return downsample.envelope(places, low, buckets).min, downsample.envelope(places, high, buckets).max

    if low is not None and high is not None:
        low, high = widest(low, high)
    inside = tuple(widest(*edges) for edges in line.inside)
    steps = np.exp(of_all.steps) if frame.x.log else of_all.steps
    return replace(line, steps=steps, values=mean, low=low, high=high, inside=inside), of_all.min, of_all.max


def line_places(line: Line, frame: Frame) -> Floats:
    """Return float64[n], the steps on the scale of the x axis: their logarithms where it is logarithmic."""
    steps = np.asarray(line.steps, dtype=np.float64)
    return np.log(np.maximum(steps, frame.x.low)) if frame.x.log else steps


@dataclass(frozen=True, slots=True)
class Label:
    """A name at the right end of one line, or of several that end together."""

    text: str
    names: tuple[str, ...]
    """Full names of the lines it stands for."""
    slot: int | None
    """Colour slot; None when it stands for several lines."""
    end: float
    """y in px where the line ends."""
    y: float
    """y in px of the text's middle."""


def end_labels(curves: Sequence[Curve], frame: Frame, room: float) -> list[Label]:
    """Return the names of the lines at their right ends, spread apart, cut to `room` px; more than three that end on
    one spot become one label."""
    levels = [frame.level(c.end_value) for c in curves]
    groups = axes.clusters(levels, reach=7)
    ideal = [sum(levels[i] for i in group) / len(group) for group in groups]
    placed = axes.spread(ideal, gap=axes.LABEL_GAP, low=5, high=frame.height - 2)
    labels = []
    for group, end, y in zip(groups, ideal, placed, strict=True):
        names = tuple(curves[i].line.label for i in group)
        if len(group) == 1:
            labels.append(Label(axes.cut_text(names[0], room), names, curves[group[0]].slot, end, y))
        else:
            text = f"all {len(group)}" if len(groups) == 1 else f"{len(group)} others"
            labels.append(Label(text, names, None, end, y))
    return labels


@dataclass(frozen=True, slots=True)
class Remark:
    """Words beside a place of the chart."""

    text: str
    fraction: float
    """Place on the width, 0…1."""
    y: float
    """y in px of the text's middle."""
    side: int
    """1: to the right of the place, -1: to its left, 0: centred on it."""


def beside(text: str, curve: Curve, frame: Frame, y: float) -> Remark:
    """Return words at height `y` to the right of a curve's end, or to its left where the right has no room."""
    fraction = frame.fraction(curve.end_step)
    return Remark(text, fraction, y, 1 if (1 - fraction) * frame.width > axes.text_width(text) + 12 else -1)


def beside_ends(texts: Sequence[str], ends: Sequence[Curve], curves: Sequence[Curve], frame: Frame) -> list[Remark]:
    """Return words at the ends of `ends`, above or below what the lines of `curves` take there, spread apart."""
    levels = []
    for text, c in zip(texts, ends, strict=True):
        fraction, share = frame.fraction(c.end_step), (1.1 * axes.text_width(text) + 16) / frame.width
        side = beside(text, c, frame, 0).side
        left, right = (fraction, fraction + share) if side > 0 else (fraction - share, fraction)
        levels.append(clear_level(left, right, frame.level(c.end_value), curves, frame))
    placed = axes.spread(levels, gap=axes.LABEL_GAP, low=8, high=frame.height - 6)
    return [beside(text, c, frame, y) for text, c, y in zip(texts, ends, placed, strict=True)]


def clear_level(left: float, right: float, wanted: float, curves: Sequence[Curve], frame: Frame) -> float:
    """Return the y nearest to `wanted` where the curves leave the part left…right (0…1) of the width free."""
    top = bottom = wanted
    for c in curves:
        xs = frame.xs(c.line.steps) / frame.width
        there = c.line.values[(xs >= left) & (xs <= right) & c.shown]
        if len(there):
            top = min(top, frame.level(float(there.max())))
            bottom = max(bottom, frame.level(float(there.min())))
    choices = [y for y in (top - 12, bottom + 14) if 8 <= y <= frame.height - 8]
    return min(choices, key=lambda y: abs(y - wanted), default=max(8.0, wanted - 12))


def gap_remark(curves: Sequence[Curve], frame: Frame, unit: str) -> Remark | None:
    """Return the words for the gap of a single line that has exactly one, where they fit."""
    if len(curves) != 1:
        return None
    line = curves[0].line
    gaps = find_gaps(line.steps)
    if len(gaps) != 1:
        return None
    left, right = float(line.steps[gaps[0]]), float(line.steps[gaps[0] + 1])
    text = f"no values, {unit} {axes.format_step(left)} to {axes.format_step(right)}"
    middle = (frame.fraction(left) + frame.fraction(right)) / 2
    half = axes.text_width(text) / 2 / frame.width
    around = [frame.level(v) for v in line.values[gaps[0] : gaps[0] + 2].tolist() if math.isfinite(v)]
    if not around or half > min(middle, 1 - middle):
        return None
    y = clear_level(middle - 1.2 * half, middle + 1.2 * half, sum(around) / len(around), curves, frame)
    return Remark(text, middle, y, 0)


def word_for_nothing(curves: Sequence[Curve]) -> str:
    """Return what stands in a chart that has no point to show."""
    if not any(len(c.line.values) for c in curves):
        return "no values"
    if all(np.isnan(c.line.values).all() for c in curves):
        return "only NaN"
    if any(np.isfinite(c.line.values).any() for c in curves):
        return "no value above 0"
    return "no finite value"

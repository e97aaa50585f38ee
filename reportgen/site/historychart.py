"""The step chart of a metric's history, as inline SVG: a dot for each observation, a line for each level, a tinted band
for the commits that a change lies in. Arrays in, escaped `Markup` out.

As in `charts` the plot area is 0 … 100 % and text keeps its size, so that a chart fills whatever column it stands in.
Two are drawn, by commit and by date; the style sheet shows the first, a script the other.

Classes beside those of `charts`: `.steps` (the picture), `.seeds` (lowest to highest seed), `.dots`, `.hollow`
(uncommitted changes), `.level`, `.range`, `.good` and `.bad`; `.history-spark` is the small picture in lists.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np
from markupsafe import Markup, escape

from reportgen.analysis import axes
from reportgen.analysis.history import MetricHistory, Observation
from reportgen.analysis.steps import Step
from reportgen.model import Floats
from reportgen.site.histories import arrow_of, change_size, verdict_of
from reportgen.site.text import format_number, iso_time

WIDTH: Final = 832
HEIGHT: Final = 330
"""Design size in px; the chart stretches in width."""
SPARK_WIDTH: Final = 76
SPARK_HEIGHT: Final = 22

_TOP: Final = 24
"""Height of the row of labels of changes."""
_BOTTOM: Final = 26
_FEW: Final = 40
"""Up to so many observations have larger dots."""
_HALF_BAND: Final = 80
"""Most that the band of an observation's seeds reaches to either side, in tenths of a px."""
_REACH: Final = 12
"""Values farther than so many deviations from every level stand at the edge, so that one does not flatten the rest."""
_NARROW: Final = 300
"""Width of the plot area on a phone: labels must not meet there either."""
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class StepChart:
    """A drawn history."""

    svg: Markup
    low: float
    high: float
    """The values at the bottom and at the top of the plot area."""
    top: int
    height: int
    """Where the plot area begins, and its height, in px."""
    cut: bool
    """True when the axis starts far above zero."""
    starts_at: str
    """The value at which the axis starts, as a text."""
    outside: int
    """Values that stand at the edge."""
    by_date: bool
    """True when there are two pictures: by commit and by date."""


@dataclass(frozen=True, slots=True)
class _Scene:
    """What both pictures share."""

    metric: MetricHistory
    axis: axes.Axis
    decimals: int
    unit: str
    left: int
    right: int

    @property
    def height(self) -> int:
        return HEIGHT - _TOP - _BOTTOM

    @property
    def width(self) -> int:
        return WIDTH - self.left - self.right

    def y(self, value: float) -> float:
        share = (min(max(value, self.axis.low), self.axis.high) - self.axis.low) / (self.axis.high - self.axis.low)
        return self.height * (1 - share)

    @property
    def verdict(self) -> str:
        return verdict_of(self.metric.changes[-1] if self.metric.changes else None)


def render_history(
    metric: MetricHistory, observations: Sequence[Observation], *, unit: str, decimals: int, title_id: str, said: str
) -> StepChart:
    """Return the chart of `metric`, named by the element `title_id`; `said` describes it to those who do not see it."""
    axis, outside = _value_axis(metric)
    end = _number(metric.levels[-1].value, decimals) if metric.levels else ""
    label = f"{end} {axes.cut_text(unit, 60)}".strip()
    right = min(176, 8 * math.ceil((axes.text_width(label) + 16) / 8)) if label else 16
    left = min(128, 8 * math.ceil((10 + max((axes.text_width(t) for t in axis.labels), default=0)) / 8))
    scene = _Scene(metric, axis, decimals, unit, left, right)
    n = len(observations)
    even = np.arange(n) / max(n - 1, 1) if n > 1 else np.array([0.5])
    dates = np.array([o.time for o in observations])
    pictures = [("by-commit", even)]
    span = float(dates.max() - dates.min()) if n and np.all(np.isfinite(dates)) else 0.0
    if n > 1 and 0 < span < math.inf and np.all(np.diff(dates) >= 0):
        pictures.append(("by-date", (dates - dates.min()) / span))
    named = f'aria-labelledby="{escape(title_id)}"'
    parts = []
    for name, xs in pictures:
        size = f'class="chart steps {name} l{left} r{right}" width="100%" height="{HEIGHT}"'
        parts.append(f'<svg {size} role="img" {named}><desc>{escape(axes.plain(said))}</desc>')
        parts += _picture(scene, xs, observations, label, linear=name == "by-date")
        parts.append("</svg>")
    svg = Markup("".join(parts))  # noqa: S704 - every text went through escape
    starts_at = format_number(axis.low, decimals)
    return StepChart(svg, axis.low, axis.high, _TOP, scene.height, axis.cut, starts_at, outside, len(pictures) > 1)


def _value_axis(metric: MetricHistory) -> tuple[axes.Axis, int]:
    """Return the axis of the values, and how many of them lie beyond it."""
    known = metric.values[np.isfinite(metric.values)]
    levels = [level.value for level in metric.levels]
    error = max((level.error for level in metric.levels), default=0.0)
    low, high = float(known.min()), float(known.max())
    if error and levels:
        low, high = max(low, min(levels) - _REACH * error), min(high, max(levels) + _REACH * error)
    lows, highs = metric.lows[np.isfinite(metric.lows)], metric.highs[np.isfinite(metric.highs)]
    room = (high - low) / 2
    inner = (max(float(lows.min()), low - room), min(float(highs.max()), high + room))
    axis = axes.value_axis(min(low, inner[0]), max(high, inner[1]), target=5)
    return axis, int(np.count_nonzero((known < axis.low) | (known > axis.high)))


def _picture(
    scene: _Scene, xs: Floats, observations: Sequence[Observation], label: str, *, linear: bool
) -> Iterator[str]:
    yield f'<g transform="translate(0 {_TOP})">'
    yield from _ranges(scene, xs)
    yield from _frame(scene, _date_ticks(xs, [o.time for o in observations], linear=linear))
    box = f"0 0 {scene.width * 10} {scene.height * 10}"
    yield f'<svg class="drawn" width="100%" height="{scene.height}" preserveAspectRatio="none" viewBox="{box}">'
    yield from _seeds(scene, xs)
    yield from _dots(scene, xs, observations)
    yield from _levels(scene, xs)
    yield "</svg>"
    yield from _hollow(scene, xs, observations)
    yield from _level_labels(scene, xs, label)
    yield f'<rect class="area" width="100%" height="{scene.height}"/></g>'


# ---- axes and bands


def _percent(x: float) -> str:
    return f"{100 * x:.4g}%"


def _ranges(scene: _Scene, xs: Floats) -> Iterator[str]:
    """Yield the tinted ranges, and above each how large the change is; the newest and the open ones come first."""
    taken: list[tuple[float, float]] = []
    changes = sorted(scene.metric.changes, key=lambda c: (not c.open, -c.after))
    for change in changes:
        a, b = float(xs[change.before]), float(xs[change.after])
        tint = verdict_of(change)
        yield f'<rect class="range {tint}" x="{_percent(a)}" width="{_percent(b - a)}" height="{scene.height}"/>'
        text = f"{arrow_of(change)} {change_size(change, scene.unit)}"
        middle, half = (a + b) / 2, axes.text_width(text) / 2 / _NARROW
        if any(abs(middle - m) < half + h + 0.02 for m, h in taken):
            continue
        taken.append((middle, half))
        place = f'x="{_percent(middle)}" y="-8" text-anchor="{_anchor(middle, half)}"'
        yield f'<text class="change {tint}" {place}>{escape(text)}</text>'


def _anchor(middle: float, half: float) -> str:
    return "start" if middle < half * 0.6 else "end" if middle > 1 - half * 0.3 else "middle"


def _frame(scene: _Scene, ticks: Sequence[tuple[float, str]]) -> Iterator[str]:
    ys = [f"{scene.y(tick):.1f}" for tick in scene.axis.ticks]
    grid = "".join(f'<line x2="100%" y1="{y}" y2="{y}"/>' for y in ys)
    texts = zip(ys, scene.axis.labels, strict=True)
    column = "".join(f'<text x="-8" y="{y}" dy="4">{text}</text>' for y, text in texts)
    yield f'<g class="grid">{grid}</g><g text-anchor="end">{column}</g>'
    bottom = scene.height
    marks = "".join(f'<line x1="{_percent(x)}" x2="{_percent(x)}" y1="{bottom}" y2="{bottom + 4}"/>' for x, _ in ticks)
    yield f'<g class="axis"><line x2="100%" y1="{bottom}" y2="{bottom}"/>{marks}</g>'
    words = "".join(f'<text x="{_percent(x)}" y="{bottom + 18}">{escape(text)}</text>' for x, text in ticks)
    yield f'<g text-anchor="middle">{words}</g>'


def _date_ticks(xs: Floats, times: Sequence[float], *, linear: bool) -> list[tuple[float, str]]:
    """Return (place, text) of at most four dates; those of observations where the axis is not `linear` in time."""
    if not len(xs) or not all(iso_time(t) for t in times):
        return []
    first, span = min(times), max(times) - min(times)
    found: list[tuple[float, str]] = []
    for place in np.linspace(0, 1, 4) if len(xs) > 3 else xs:
        nearest = int(np.argmin(np.abs(xs - place)))
        x, time = (float(place), first + float(place) * span) if linear else (float(xs[nearest]), times[nearest])
        text = _date(time, span)
        if all(text != said for _, said in found):
            found.append((x, text))
    return found


def _date(time: float, span: float) -> str:
    moment = datetime.fromtimestamp(math.floor(time), UTC)
    month = _MONTHS[moment.month - 1]
    if span < 2 * 86_400:
        return f"{moment.day} {month} {moment.hour:02}:{moment.minute:02}"
    return f"{moment.day} {month}" if span < 300 * 86_400 else f"{month} {moment.year}"


# ---- values


def _seeds(scene: _Scene, xs: Floats) -> Iterator[str]:
    """Yield the band from the lowest to the highest seed, over half the way to the next observation on either side."""
    lows, highs = scene.metric.lows, scene.metric.highs
    known = [i for i in range(len(xs)) if math.isfinite(lows[i]) and highs[i] > lows[i]]
    if not known:
        return
    middles, places = (xs[1:] + xs[:-1]) / 2, xs * scene.width * 10
    lefts = np.maximum(np.concatenate([[xs[0]], middles]) * scene.width * 10, places - _HALF_BAND)
    rights = np.minimum(np.concatenate([middles, [xs[-1]]]) * scene.width * 10, places + _HALF_BAND)
    boxes = (
        f"M{lefts[i]:.0f} {10 * scene.y(lows[i]):.0f}H{rights[i]:.0f}V{10 * scene.y(highs[i]):.0f}H{lefts[i]:.0f}z"
        for i in known
    )
    yield f'<path class="seeds" d="{"".join(boxes)}"/>'


def _dots(scene: _Scene, xs: Floats, observations: Sequence[Observation]) -> Iterator[str]:
    last = scene.metric.levels[-1].start if len(scene.metric.levels) > 1 else len(xs)
    for tint, chosen in (("", range(last)), (scene.verdict, range(last, len(xs)))):
        known = [i for i in chosen if math.isfinite(scene.metric.values[i]) and not observations[i].dirty]
        if known:
            d = "".join(f"M{xs[i] * scene.width * 10:.0f} {10 * scene.y(scene.metric.values[i]):.0f}h0" for i in known)
            yield f'<path class="dots {tint}{" few" if len(xs) <= _FEW else ""}" d="{d}"/>'


def _hollow(scene: _Scene, xs: Floats, observations: Sequence[Observation]) -> Iterator[str]:
    for i, observation in enumerate(observations):
        value = float(scene.metric.values[i])
        if observation.dirty and math.isfinite(value):
            yield f'<circle class="hollow" cx="{_percent(float(xs[i]))}" cy="{scene.y(value):.1f}" r="2.75"/>'


def _span(level: Step, xs: Floats) -> tuple[float, float]:
    return float(xs[level.start]), float(xs[level.stop - 1])


def _levels(scene: _Scene, xs: Floats) -> Iterator[str]:
    levels = scene.metric.levels
    for level in levels:
        (a, b), y = _span(level, xs), 10 * scene.y(level.value)
        tint = scene.verdict if level is levels[-1] and len(levels) > 1 else ""
        short = 40 if b == a else 0  # one observation: a stroke around its dot
        left, right = a * scene.width * 10 - short, b * scene.width * 10 + short
        yield f'<path class="level {tint}" d="M{left:.0f} {y:.0f}H{right:.0f}"/>'


def _level_labels(scene: _Scene, xs: Floats, label: str) -> Iterator[str]:
    levels = scene.metric.levels
    for level in levels[:-1]:
        a, b = _span(level, xs)
        text = _number(level.value, scene.decimals)
        if (b - a) * _NARROW < axes.text_width(text) + 6:
            continue
        y = scene.y(level.value)
        above = [v for v in scene.metric.values[level.start : level.stop] if math.isfinite(v)]
        top = min((scene.y(v) for v in above), default=y)
        place = f'x="{_percent((a + b) / 2)}" y="{max(min(top, y) - 9, 10):.1f}" text-anchor="middle"'
        yield f'<text class="value" {place}>{text}</text>'
    if levels:
        tint = scene.verdict if len(levels) > 1 else ""
        y = min(max(scene.y(levels[-1].value), 6), scene.height - 14)
        yield f'<text class="value {tint}" x="100%" dx="10" y="{y:.1f}" dy="4">{escape(label)}</text>'
        yield f'<text x="100%" dx="10" y="{y + 14:.1f}" dy="4">now</text>'


def _number(value: float, decimals: int) -> str:
    return format_number(value, decimals)


# ---- in lists


def render_history_spark(metric: MetricHistory) -> Markup:
    """Return a history in 76 x 22 px: a dot an observation, a line a level, the last in the colour of its verdict."""
    n = len(metric.values)
    known = [i for i in range(n) if math.isfinite(metric.values[i])]
    if not known:
        return Markup()
    low, high = _spark_range(metric)

    def at(i: float, value: float) -> tuple[float, float]:
        share = (min(max(value, low), high) - low) / (high - low) if high > low else 0.5
        return 2 + (SPARK_WIDTH - 4) * (i / max(n - 1, 1) if n > 1 else 0.5), SPARK_HEIGHT - 4 - (
            SPARK_HEIGHT - 8
        ) * share

    stride = -(-len(known) // 120)
    places = [at(i, float(metric.values[i])) for i in known[::stride]]
    parts = [f'<path class="dots" d="{"".join(f"M{x:.1f} {y:.1f}h0" for x, y in places)}"/>']
    for level in metric.levels:
        (a, y), (b, _) = at(level.start, level.value), at(level.stop - 1, level.value)
        tint = verdict_of(metric.changes[-1]) if metric.changes and level is metric.levels[-1] else ""
        parts.append(f'<path class="level {tint}" d="M{a - (a == b):.1f} {y:.1f}H{b + (a == b):.1f}"/>')
    size = f'width="{SPARK_WIDTH}" height="{SPARK_HEIGHT}"'
    svg = f'<svg class="history-spark" {size} aria-hidden="true">{"".join(parts)}</svg>'
    return Markup(svg)  # noqa: S704 - only numbers vary


def _spark_range(metric: MetricHistory) -> tuple[float, float]:
    axis, _ = _value_axis(metric)
    known = metric.values[np.isfinite(metric.values)]
    return max(float(known.min()), axis.low), min(float(known.max()), axis.high)

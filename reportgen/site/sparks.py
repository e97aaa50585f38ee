"""The small pictures in tables and lists: sparklines, seed strips, best so far, runs per day. Numbers in, `Markup` out.

Each is decoration beside numbers that stand in text, so it is hidden from screen readers, except the runs per day,
which have no text of their own. Classes that the style sheet must define: `.spark` and `.best` with `path`, `circle`
(`.seen` a run, `.now` the last best); `.strip` with `.rail .span .mean .dot` and `text`; `.activity` with `.runs
.failed .axis` and `text`. Colours come from `--c` of the slot class, as in `reportgen.site.charts`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Final

from markupsafe import Markup, escape

from reportgen.analysis import axes

SPARK_WIDTH: Final = 84
SPARK_HEIGHT: Final = 20
STRIP_WIDTH: Final = 138
STRIP_HEIGHT: Final = 20
BEST_WIDTH: Final = 148
BEST_HEIGHT: Final = 32
MAX_DOTS: Final = 300
"""Most runs that are drawn one by one in a progress; of more, an even choice and every new best is drawn."""
ACTIVITY_HEIGHT: Final = 40


_SPARK_Y: Final = tuple(f"{17 - height * 14 / 63:.1f}" for height in range(64))


@lru_cache(maxsize=64)
def _spark_xs(count: int) -> tuple[str, ...]:
    if count < 2:
        return (f"{SPARK_WIDTH / 2:.1f}",) * count
    return tuple(f"{3 + i * (SPARK_WIDTH - 6) / (count - 1):.1f}" for i in range(count))


def render_spark(heights: Sequence[int], *, slot: int = 0) -> Markup:
    """Return a sparkline of 84 x 20 px; `heights` are 0 (bottom) … 63 (top) at even distances, -1 is a gap."""
    points = [
        f"{x} {_SPARK_Y[min(h, 63)]}" if h >= 0 else "" for x, h in zip(_spark_xs(len(heights)), heights, strict=True)
    ]
    stretches = [list(part) for known, part in groupby(points, key=bool) if known] if "" in points else [points]
    d = "".join("M" + "L".join(part) + ("h0" if len(part) == 1 else "") for part in stretches if part)
    end = '<circle cx="{}" cy="{}" r="1.75"/>'.format(*stretches[-1][-1].split()) if d else ""
    return _picture(f"spark s{_slot(slot)}", SPARK_WIDTH, SPARK_HEIGHT, f'<path d="{d}"/>{end}')


def render_strip(
    values: Sequence[float],
    *,
    domain: tuple[float, float],
    mean: float | None = None,
    interval: tuple[float, float] | None = None,
    slot: int = 0,
    lower_is_better: bool = False,
) -> Markup:
    """Return the seeds of a group as dots on one axis of 138 px, with a tick at the mean and a bar for the interval.

    `domain` is the range of the column, shared by its rows; better is to the right, so `lower_is_better` turns it.
    Values outside are written at the edge as `‹ 66.9`. Values that are not finite are left out.
    """
    low, high = domain
    span = high - low

    def place(value: float) -> float:
        share = (value - low) / span if span > 0 else 0.5
        return 6 + (STRIP_WIDTH - 12) * min(max(1 - share if lower_is_better else share, 0.0), 1.0)

    known = [v for v in values if math.isfinite(v)]
    inside = [v for v in known if low <= v <= high]
    outside = [v for v in known if not low <= v <= high]
    parts = [f'<line class="rail" x1="6" x2="{STRIP_WIDTH - 6}" y1="10" y2="10"/>']
    if interval and all(map(math.isfinite, interval)) and inside:
        left, right = sorted(map(place, interval))
        parts.append(f'<rect class="span" x="{left:.1f}" y="6" width="{right - left:.1f}" height="8"/>')
    parts += [f'<circle class="dot" cx="{place(v):.1f}" cy="10" r="2.75"/>' for v in inside]
    if mean is not None and low <= mean <= high:
        parts.append(f'<line class="mean" x1="{place(mean):.1f}" x2="{place(mean):.1f}" y1="3" y2="17"/>')
    for side, mark, anchor in (("left", "‹ {}", "start"), ("right", "{} ›", "end")):
        there = [v for v in outside if (place(v) < STRIP_WIDTH / 2) == (side == "left")]
        if there and not inside:
            nearest = min(there, key=lambda v: abs(v - (low if v < low else high)))
            x = 0 if side == "left" else STRIP_WIDTH
            text = mark.format(axes.format_number(nearest, 3))
            parts.append(f'<text x="{x}" y="14" text-anchor="{anchor}">{text}</text>')
    return _picture(f"strip s{_slot(slot)}", STRIP_WIDTH, STRIP_HEIGHT, "".join(parts))


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of an experiment as places in its picture, in px from the top left."""

    dots: tuple[tuple[float, float], ...]
    """A dot for each run in order; of many runs, of some."""
    line: tuple[tuple[float, float], ...]
    """Where a new best was reached; empty where none can be told."""
    end: float
    """Where the line ends, from the left."""


def make_progress(values: Sequence[float | None], direction: str | None) -> Progress:
    """Return the progress of an experiment: a dot for each run in order, a line for the best value until then.

    `direction` is `max` or `min`; without one there are only dots. None and values that are not finite leave a place
    free. The range is chosen so that far outliers do not flatten the line: they stand at the edge.
    """
    known = [(i, v) for i, v in enumerate(values) if v is not None and math.isfinite(v)]
    if not known:
        return Progress((), (), 0.0)
    low, high = _robust_range([v for _, v in known])

    def at(i: int, v: float) -> tuple[float, float]:
        x = 4 + (BEST_WIDTH - 8) * (i / (len(values) - 1) if len(values) > 1 else 0.5)
        share = (min(max(v, low), high) - low) / (high - low) if high > low else 0.5
        return round(x, 1), round(BEST_HEIGHT - 4 - (BEST_HEIGHT - 8) * share, 1)

    steps: list[tuple[int, float]] = []
    for i, v in known:
        if not steps or (v > steps[-1][1] if direction == "max" else v < steps[-1][1]):
            steps.append((i, v))
    stride = -(-len(known) // MAX_DOTS)
    if direction not in ("max", "min"):
        steps = []
    bests = {i for i, _ in steps}
    dots = tuple(at(i, v) for n, (i, v) in enumerate(known) if n % stride == 0 or i in bests)
    return Progress(dots, tuple(at(i, v) for i, v in steps), at(known[-1][0], 0)[0])


def render_progress(progress: Progress) -> Markup:
    """Return the picture of an experiment's progress, of 148 x 32 px."""
    parts = [f'<circle class="seen" cx="{x:.1f}" cy="{y:.1f}" r="1.25"/>' for x, y in progress.dots]
    if progress.line:
        corners, end = progress.line, progress.end
        d = "M{:.1f} {:.1f}".format(*corners[0]) + "".join(f"H{x:.1f}V{y:.1f}" for x, y in corners[1:])
        parts.append(f'<path d="{d}H{end:.1f}"/><circle class="now" cx="{end:.1f}" cy="{corners[-1][1]:.1f}" r="2"/>')
    return _picture("best s0", BEST_WIDTH, BEST_HEIGHT, "".join(parts))


def _robust_range(values: Sequence[float]) -> tuple[float, float]:
    """Return the extremes, or the quartiles widened by three times their distance where that is less."""
    ordered = sorted(min(max(v, -1e300), 1e300) for v in values)
    n = len(ordered)
    lower, upper = ordered[n // 4], ordered[(3 * n) // 4]
    reach = 3 * (upper - lower)
    if n < 8 or not reach:
        return ordered[0], ordered[-1]
    return max(ordered[0], lower - reach), min(ordered[-1], upper + reach)


def render_activity(days: Sequence[tuple[str, int, int]]) -> Markup:
    """Return the runs per day as bars over the whole width of the page.

    Each day is (label, runs, failed of these), consecutive days in order; labels are ISO dates (`2026-11-22`) or any
    text. The first and last day are labelled, and each first of a month between. Each bar has its numbers as title.
    """
    most = max((runs for _, runs, _ in days), default=0)
    total, failed_total = sum(d[1] for d in days), sum(min(d[2], d[1]) for d in days)
    said = f"{total} runs in {len(days)} days, {failed_total} failed; most in a day: {most}"
    width = len(days) * 10
    bars = []
    for i, (label, runs, failed) in enumerate(days):
        if runs <= 0:
            continue
        top = max(2.0, ACTIVITY_HEIGHT * runs / most)
        lost = ACTIVITY_HEIGHT * min(max(failed, 0), runs) / most
        bad = f'<rect class="failed" x="{i * 10}" y="{ACTIVITY_HEIGHT - max(2.0, lost):.1f}" ' if lost else ""
        bad += f'width="9" height="{max(2.0, lost):.1f}"/>' if lost else ""
        words = f"{label}: {runs} run{'s' * (runs != 1)}" + (f", {failed} failed" if failed else "")
        bars.append(
            f'<g><title>{escape(words)}</title><rect class="runs" x="{i * 10}" y="{ACTIVITY_HEIGHT - top:.1f}" '
            f'width="9" height="{top:.1f}"/>{bad}</g>'
        )
    svg = (
        f'<svg class="activity" role="img" aria-label="{escape(said)}" width="100%" height="{ACTIVITY_HEIGHT + 20}">'
        f'<svg width="100%" height="{ACTIVITY_HEIGHT}" viewBox="0 0 {max(width - 1, 1)} {ACTIVITY_HEIGHT}" '
        f'preserveAspectRatio="none">{"".join(bars)}</svg>'
        f'<line class="axis" x2="100%" y1="{ACTIVITY_HEIGHT}.5" y2="{ACTIVITY_HEIGHT}.5"/>{_day_labels(days)}</svg>'
    )
    return Markup(svg)  # noqa: S704 - labels went through escape, the rest are numbers


_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _day_labels(days: Sequence[tuple[str, int, int]]) -> str:
    if not days:
        return ""
    y = ACTIVITY_HEIGHT + 15
    parts = [f'<text y="{y}">{escape(_day(days[0][0]))}</text>']
    if len(days) > 1:
        parts.append(f'<text x="100%" y="{y}" text-anchor="end">{escape(_day(days[-1][0]))}</text>')
    last = 0.08
    for i, (label, _, _) in enumerate(days):
        share = i / len(days)
        if label[7:] == "-01" and last + 0.07 <= share + 1e-9 <= 0.9:
            parts.append(f'<text x="{100 * share:.4g}%" y="{y}">{escape(_day(label, month_only=True))}</text>')
            last = share
    return "".join(parts)


def _day(label: str, *, month_only: bool = False) -> str:
    """Return `22 Nov` for `2026-11-22`; any other text stays as it is, cut."""
    if len(label) == 10 and label[5:7].isdecimal() and label[8:].isdecimal() and 1 <= int(label[5:7]) <= 12:
        month = _MONTHS[int(label[5:7]) - 1]
        return month if month_only else f"{int(label[8:])} {month}"
    return axes.cut_text(label, 90)


def _picture(classes: str, width: int, height: int, body: str) -> Markup:
    size = f'width="{width}" height="{height}"'
    return Markup(f'<svg class="{classes}" {size} aria-hidden="true">{body}</svg>')  # noqa: S704 - only numbers vary


def _slot(slot: int) -> int:
    return slot if 0 <= slot <= 10 else (slot - 1) % 10 + 1

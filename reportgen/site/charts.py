"""Line charts of run pages as inline SVG, light enough for ten thousand pages. Arrays in, escaped `Markup` out.

It owns the drawing of one metric of one run. It must not read runs or know URLs, and nothing that depends on other
runs or on the time of the build is ever drawn. Static plots for papers are `reportgen.plots`; the small pictures in
tables and lists are `reportgen.site.sparks`.

A chart has no `viewBox` of its own: it fills the width of its column, lines stretch, text keeps its size. That works
because the gutters are paddings, which the style sheet gives to `svg.chart` by the classes `lN` and `rN`, so that
0 … 100 % is the plot area; text in the gutters overflows it. Only the lines have a stretched `viewBox`, in tenths of
a px at the design width.

Nothing carries a style attribute. The style sheet must define (`.chart` stands before each but the first):

===============================  ====================================================================================
`.chart`                         `display: block; box-sizing: border-box; width: 100%; overflow: visible`
`s0` … `s10`                     set `--c` (draws) and `--t` (writes); `s0` is ink
`.l16` `.l24` … `.l128`          `padding-left: 16px` …
`.r16` `.r24` … `.r176`          `padding-right: 16px` …
`svg`, `svg.lines`               `overflow: visible`, `overflow: hidden`
`path`, `line`                   `fill: none; vector-effect: non-scaling-stroke`
`.grid` `.axis` `.lead`          lines of the grid, the base line with its ticks, the leaders of labels
`.line` `.dash` `.raw` `.key`    a series; its dashed form; the unsmoothed series behind it; its sample in a legend
`.band` `.spread`                lowest to highest of ranks or seeds, quantiles; lowest to highest in the steps of a px
`.dot` `.cross`                  a single or last value; the place where values stop being numbers
`text`                           axis text; with `.end` a series' label, `.some` a label for several series,
                                 `.value` a number, `.bad` "NaN from …", `.note` remarks
===============================  ====================================================================================
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

from reportgen.analysis import axes, downsample, frames
from reportgen.analysis.frames import Curve, Frame, Remark
from reportgen.analysis.frames import Line as ChartLine
from reportgen.model import Floats

__all__ = ["ChartLine", "render_chart"]

MAX_LEGEND: Final = 30
"""Entries of a legend; the rest is counted."""
LEGEND_BELOW: Final = 320
"""Charts narrower than this have no room for labels."""

_BOTTOM: Final = 24
"""Height of the row of step labels in px."""
_LEGEND_ROW: Final = 17
_LEGEND_COLUMNS: Final = 2
"""As many as a phone has room for."""


def render_chart(
    lines: Sequence[ChartLine],
    *,
    width: int = 556,
    height: int = 244,
    title_id: str = "",
    description: str = "",
    x_label: str = "step",
    status: str = "",
    smoothing: float = 0.0,
) -> Markup:
    """Return one chart of `lines` as `<svg class="chart">`.

    `width` and `height` are the design size in px; the chart stretches to its column, text does not. The chart is
    named by the element `title_id`, else by `description`, which screen readers get in any case. A single line has
    no label, since the title names it. `status` "unfinished" marks the end of the lines. With 0 < `smoothing` < 1
    the moving average is drawn over the faint values. Long series are drawn as mean and extremes per px.
    """
    curves = [frames.look_at(line) for line in lines]
    drawn = [c for c in curves if c.count]
    legend = len(drawn) > 1 and (len(drawn) > frames.MAX_LABELS or width < LEGEND_BELOW)
    labelled = drawn if len(drawn) > 1 and not legend else []
    y_axis, notes = frames.value_axis(curves, height)
    right = 16.0 + max((min(axes.text_width(c.line.label), 0.3 * width, 156) for c in labelled), default=0)
    left = 10 + max((axes.text_width(label) for label in y_axis.labels), default=0)
    left, right = 8 * math.ceil(min(left, 128) / 8), 8 * math.ceil(right / 8)
    top = 22 if notes else 8
    unit = axes.cut_text(x_label, 72)
    x_axis = frames.step_axis(curves, width - left - right)
    frame = Frame(width - left - right, max(height - top - _BOTTOM, 24), x_axis, y_axis)
    total = height + _LEGEND_ROW * (math.ceil(min(len(drawn), MAX_LEGEND + 1) / _LEGEND_COLUMNS) if legend else 0)
    description = axes.plain(description)
    naming = f' aria-labelledby="{escape(title_id)}"' if title_id else f' aria-label="{escape(description)}"'
    parts = [f'<svg class="chart l{left} r{right}" role="img"{naming} width="100%" height="{total}">']
    if title_id and description:
        parts.append(f"<desc>{escape(description)}</desc>")
    if notes:
        parts.append(f'<text class="note" y="10">{escape(" · ".join(notes))}</text>')
    parts.append(f'<g transform="translate(0 {top})">')
    parts += _axes(frame, unit, right)
    parts.append(
        f'<svg class="lines" y="-2" width="100%" height="{frame.height + 4:g}" preserveAspectRatio="none" '
        f'viewBox="0 -20 {frame.width * 10:g} {frame.height * 10 + 40:g}">'
    )
    for c in reversed(drawn):
        parts += _line(c, frame, smoothing)
    parts.append("</svg>")
    parts += _end_labels(labelled, frame, right - 12)
    parts += _marks(curves, drawn, frame, unit, status)
    parts.append("</g>")
    parts += _legend(drawn, width, height) if legend else []
    return Markup("".join(parts) + "</svg>")  # noqa: S704 - every text above went through escape


# ---- axes


def _axes(frame: Frame, unit: str, right: float) -> Iterator[str]:
    ys = [f"{frame.level(t):.1f}" for t in frame.y.ticks]
    grid = "".join(f'<line x2="100%" y1="{y}" y2="{y}"/>' for y in ys)
    yield f'<g class="grid">{grid}</g>'
    texts = zip(ys, frame.y.labels, strict=True)
    column = "".join(f'<text x="-8" y="{y}" dy="4">{text}</text>' for y, text in texts)
    yield f'<g text-anchor="end">{column}</g>'
    yield _step_axis(frame.x, frame.width, frame.height, unit, right)


@lru_cache(maxsize=512)  # the charts of a run share their steps, and so do the runs of a sweep
def _step_axis(axis: axes.Axis, width: float, height: float, unit: str, right: float) -> str:
    frame, bottom = Frame(width, height, axis, axis), f"{height:g}"
    xs = [_percent(frame, t) for t in axis.ticks]
    marks = "".join(f'<line x1="{x}" x2="{x}" y1="{bottom}" y2="{height + 4:g}"/>' for x in xs)
    texts = "".join(_step_texts(xs, frame, unit, right)) if xs else ""
    return f'<g class="axis"><line x2="100%" y1="{bottom}" y2="{bottom}"/>{marks}</g>{texts}'


def _step_texts(xs: Sequence[str], frame: Frame, unit: str, right: float) -> Iterator[str]:
    """Yield the texts of the step ticks at `xs`; the unit follows the last, or precedes it where the right is full."""
    labels, y = frame.x.labels, f"{frame.height + 17:g}"
    half = axes.text_width(labels[-1]) / 2
    behind = (1 - frame.fraction(frame.x.ticks[-1])) * frame.width + right
    follows = half + 5 + axes.text_width(unit) <= behind
    plain = list(zip(xs, labels, strict=True))[: None if follows else -1]
    row = "".join(f'<text x="{x}" y="{y}">{text}</text>' for x, text in plain)
    yield f'<g text-anchor="middle">{row}</g>'
    if follows:
        yield f'<text x="{xs[-1]}" dx="{half + 5:.1f}" y="{y}">{escape(unit)}</text>'
    else:
        last = f'x="{xs[-1]}" dx="{min(half, behind):.1f}" y="{y}" text-anchor="end"'
        yield f"<text {last}>{escape(unit)} {labels[-1]}</text>"


# ---- lines


def _line(c: Curve, frame: Frame, smoothing: float) -> Iterator[str]:
    """Yield the band and the line of one series, wrapped in its colour."""
    line, shown = c.line, c.shown
    yield f'<g class="s{c.slot}">'
    if len(line.steps) > 2 * frame.width:
        line, low, high = frames.thinned(c, frame, smoothing=smoothing)
        shown = np.isfinite(line.values)
        if line.low is None:
            yield _band(line, low, high, frame, "spread")
    elif smoothing and c.count > 2:
        yield _stroke(line, shown, frame, "raw")
        line = replace(line, values=downsample.debiased_ema(line.values, smoothing))
    if line.low is not None and line.high is not None:
        yield _band(line, line.low, line.high, frame, "band")
    yield from (_band(line, low, high, frame, "band") for low, high in line.inside)
    yield _stroke(line, shown, frame, "line dash" if line.dashed else "line")
    yield "</g>"


def _stroke(line: ChartLine, shown: NDArray[np.bool_], frame: Frame, classes: str) -> str:
    pieces = frames.pieces(line, shown)
    y = frame.ys(line.values) * 10
    if len(pieces) == 1 and len(y) > 1 and pieces[0] == slice(0, len(y)):
        d = _whole_path(line.steps, y, frame)
    else:
        x = frame.xs(line.steps) * 10
        d = "".join(_path(x[p], y[p]) for p in pieces)
    return f'<path class="{classes}" d="{d}"/>'


def _whole_path(steps: NDArray[np.number], y: Floats, frame: Frame) -> str:
    """Return `_path` for a line without gap: its steps are most often those of the line before."""
    pattern = _path_pattern(steps.tobytes(), steps.dtype.char, frame.x.low, frame.x.high, frame.x.log, frame.width)
    rounded = np.rint(y).astype(np.int64)
    rounded[1:] -= rounded[:-1].copy()
    return (pattern % tuple(rounded.tolist())).replace(" -", "-")


@lru_cache(maxsize=64)  # the charts of a run share their steps, and so do the runs of a sweep
def _path_pattern(steps: bytes, dtype: str, low: float, high: float, log: bool, width: float) -> str:
    """Return `_path` for these steps with `%d` for each y."""
    frame = Frame(width, 1.0, axes.Axis(low, high, (), (), log=log), axes.Axis(0.0, 1.0, (), ()))
    x = np.rint(frame.xs(np.frombuffer(steps, dtype=dtype)) * 10).astype(np.int64)
    x[1:] -= x[:-1].copy()
    return ("M%d %%dl" + "%d %%d " * (len(x) - 1))[:-1] % tuple(x.tolist())


def _band(line: ChartLine, low: Floats, high: Floats, frame: Frame, classes: str) -> str:
    """Return the area between `low` and `high` at the steps of `line`."""
    x, top, bottom = frame.xs(line.steps) * 10, frame.ys(high) * 10, frame.ys(low) * 10
    pieces = frames.pieces(line, np.isfinite(low) & np.isfinite(high))
    d = [_path(np.r_[x[p], x[p][::-1]], np.r_[top[p], bottom[p][::-1]]) + "z" for p in pieces]
    return f'<path class="{classes}" d="{"".join(d)}"/>'


def _path(x: Floats, y: Floats) -> str:
    """Return the path through the points: after the first, rounded differences, which are short; one is a dot."""
    points = np.rint(np.stack((x, y), axis=1)).astype(np.int64)
    if len(x) == 1:
        return f"M{points[0, 0]} {points[0, 1]}h0"
    points[1:] -= points[:-1].copy()
    text = ("M%d %dl" + "%d %d " * (len(x) - 1)) % tuple(points.ravel().tolist())
    return text[:-1].replace(" -", "-")


# ---- labels and marks


def _end_labels(labelled: Sequence[Curve], frame: Frame, room: float) -> Iterator[str]:
    """Yield the names of the lines at their right ends, with leaders where a line ends early or a name had to move."""
    for c in labelled:
        if frame.fraction(c.end_step) < 0.96 and not c.stops:
            y = f"{frame.level(c.end_value):.1f}"
            yield f'<line class="lead" x1="{_percent(frame, c.end_step)}" x2="100%" y1="{y}" y2="{y}"/>'
    labels = frames.end_labels(labelled, frame, room)
    if labels:
        yield '<svg x="100%">'
    for label in labels:
        if abs(label.end - label.y) > 2.5:
            yield f'<path class="lead" d="M2 {label.end:.1f}L9 {label.y:.1f}"/>'
        classes = "some" if label.slot is None else f"end s{label.slot}"
        full = f"<title>{escape(axes.plain(', '.join(label.names)))}</title>" if label.names != (label.text,) else ""
        yield f'<text class="{classes}" x="11" y="{label.y:.1f}" dy="4">{escape(label.text)}{full}</text>'
    if labels:
        yield "</svg>"


def _marks(curves: Sequence[Curve], drawn: Sequence[Curve], frame: Frame, unit: str, status: str) -> Iterator[str]:
    """Yield what stands at single places: lone values, the cross where numbers end, the end of an unfinished run."""
    if not drawn:
        yield _words("note", Remark(frames.word_for_nothing(curves), 0.5, frame.height / 2, 0))
        return
    yield from _lone_values([c for c in drawn if c.count == 1 and not c.stops], frame, alone=len(drawn) == 1)
    stopped = [c for c in drawn if c.stops]
    for c in stopped:
        x, y = _percent(frame, c.end_step), frame.level(c.end_value)
        yield f'<svg x="{x}" y="{y:.1f}"><path class="cross" d="M-4-4l8 8m0-8l-8 8"/></svg>'
    said = [c.said_of_end(unit) for c in stopped]
    yield from (_words("bad", remark) for remark in frames.beside_ends(said, stopped, drawn, frame))
    going = [c for c in drawn if not c.stops] if status == "unfinished" else []
    if going:
        yield from (_dot(c, frame) for c in going if c.count > 1)
        furthest = max(going, key=lambda c: c.end_step)
        text = f"unfinished, {unit} {axes.format_step(furthest.end_step)}"
        yield _words("note", frames.beside_ends([text], [furthest], drawn, frame)[0])
    gap = frames.gap_remark(drawn, frame, unit)
    if gap:
        yield _words("note", gap)


def _lone_values(lone: Sequence[Curve], frame: Frame, *, alone: bool) -> Iterator[str]:
    """Yield a dot with its number for each line of one value; the only one of a chart has its number above."""
    yield from (_dot(c, frame) for c in lone)
    levels = [frame.level(c.end_value) for c in lone]
    placed = axes.spread(levels, gap=axes.LABEL_GAP, low=8, high=frame.height - 6)
    for c, y in zip(lone, placed, strict=True):
        number = axes.format_number(c.end_value)
        if alone:
            yield _words("value", Remark(number, frame.fraction(c.end_step), max(y - 14, 8), 0))
        else:
            yield _words("value", frames.beside(number, c, frame, y))


def _dot(c: Curve, frame: Frame) -> str:
    x, y = _percent(frame, c.end_step), frame.level(c.end_value)
    return f'<circle class="dot s{c.slot}" cx="{x}" cy="{y:.1f}" r="3.5"/>'


def _words(classes: str, remark: Remark) -> str:
    shift, anchor = {1: (' dx="8"', ""), -1: (' dx="-8"', "end"), 0: ("", "middle")}[remark.side]
    turn = f' text-anchor="{anchor}"' if anchor else ""
    x = f"{100 * remark.fraction:.4g}%"
    return f'<text class="{classes}" x="{x}"{shift} y="{remark.y:.1f}" dy="4"{turn}>{escape(remark.text)}</text>'


def _percent(frame: Frame, step: float) -> str:
    return f"{100 * frame.fraction(step):.4g}%"


def _legend(drawn: Sequence[Curve], width: float, top: float) -> list[str]:
    """Return the rows of samples and names below the chart, in columns of equal width."""
    parts = []
    for i, c in enumerate(drawn[: MAX_LEGEND + 1]):
        x, y = f"{100 * (i % _LEGEND_COLUMNS) // _LEGEND_COLUMNS}%", top + _LEGEND_ROW * (i // _LEGEND_COLUMNS) + 10
        if i == MAX_LEGEND:
            parts.append(f'<text class="note" x="{x}" y="{y:g}" dy="4">and {len(drawn) - MAX_LEGEND} more</text>')
            break
        text = axes.cut_text(c.line.label, min(width / _LEGEND_COLUMNS - 50, 124))
        sample = f'<path class="key{" dash" if c.line.dashed else ""}" d="M0 0h18"/>'
        name = f'<text x="24" dy="4">{escape(text)}</text>'
        parts.append(f'<svg x="{x}" y="{y:g}" class="s{c.slot}">{sample}{name}</svg>')
    return parts

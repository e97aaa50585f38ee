"""Static plots as SVG, PNG and PDF: the only importer of matplotlib. Data in, bytes out; it must not know pages.

The same input gives the same bytes in every process, time zone and locale, whatever `matplotlibrc` says. Everything is
placed by `reportgen.analysis.frames` in CSS pixels and drawn straight on a `Figure`: no pyplot, no `Axes`, whose ticks
and layout would take ten times as long.

An SVG has a transparent ground and follows the reader's light or dark mode by itself: each light colour is a token of
the theme, and a style sheet inside the file maps it to its dark partner. PNG and PDF are light; PNG is on white.
"""

from __future__ import annotations

import hashlib
import io
import math
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, Literal
from xml.sax.saxutils import escape

import numpy as np

from reportgen.analysis import axes, frames
from reportgen.analysis.frames import Curve, Frame, Label, Line, Remark
from reportgen.model import Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.transforms import Transform

__all__ = ["LINE_COLOURS", "Format", "Line", "Plot", "plot_digest", "render_plot"]

DRAWING: Final = 2
"""Version of the drawing: to be raised when the same input is to look different, so that cached plots are remade."""
MAX_LEGEND: Final = 40
"""Entries of a legend; the rest is counted."""

Format = Literal["svg", "png", "pdf"]


@dataclass(frozen=True, slots=True)
class Plot:
    """One figure: a metric over steps, one line a run or group."""

    title: str
    """The metric's name."""
    unit: str
    direction: str | None
    """`max` when higher is better, `min` when lower is, None when neither."""
    lines: tuple[Line, ...]
    x_label: str = "step"
    width_in: float = 4.5
    """Width in inches at 96 px an inch: 4.5 is a column of 432 px."""
    height_in: float = 2.75
    """Height in inches; a legend comes on top of it."""
    log_y: bool = False
    log_x: bool = False


def load_libraries() -> None:
    """Import what draws: a job for a worker process that is to draw soon."""
    from matplotlib.backends import backend_svg  # noqa: F401 - it brings the rest along

    _font(bold=False)
    _font(bold=True)


def plot_digest(plot: Plot) -> str:
    """Return the sha256 of all that the plot's bytes depend on, without drawing or importing anything."""
    digest = hashlib.sha256()
    fixed = (DRAWING, *_libraries(), plot.title, plot.unit, plot.direction, plot.x_label)
    numbers = (float(plot.width_in), float(plot.height_in), bool(plot.log_y), bool(plot.log_x), len(plot.lines))
    digest.update(repr((fixed, numbers)).encode("utf-8", "backslashreplace"))
    for line in plot.lines:
        head = (line.label, int(line.slot), bool(line.dashed), np.asarray(line.steps).dtype.kind)
        digest.update(repr(head).encode("utf-8", "backslashreplace"))
        for array in (line.steps, line.values, line.low, line.high):
            data = None if array is None else np.ascontiguousarray(array)
            digest.update(b"-" if data is None else f"{data.dtype.str}{data.shape}".encode() + data.tobytes())
    return digest.hexdigest()


@cache
def _libraries() -> tuple[str, str]:
    return version("matplotlib"), version("numpy")


def open_matplotlib() -> ModuleType:
    """Return matplotlib, loaded. That it makes its list of fonts first, on a new machine, is no news for its users."""
    import logging

    import matplotlib as mpl

    log = logging.getLogger("matplotlib.font_manager")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        import matplotlib.font_manager
    finally:
        log.setLevel(level)
    return mpl


def render_plot(plot: Plot, fmt: Format = "svg") -> bytes:
    """Return the plot as `svg`, `png` (192 dots an inch) or `pdf`. Raises `ValueError` for any other `fmt`.

    Steps of each line are in order. Not for use in several threads at once: matplotlib's settings are global.
    """
    if fmt not in ("svg", "png", "pdf"):
        raise ValueError(f"unknown plot format '{fmt}': choose svg, png or pdf")
    mpl = open_matplotlib()
    out = io.BytesIO()
    with mpl.rc_context(_SETTINGS), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        figure = _Drawing(plot).figure
        figure.patch.set_visible(fmt == "png")
        if fmt == "svg":
            from matplotlib.backends.backend_svg import FigureCanvasSVG

            canvas: Any = FigureCanvasSVG(figure)
            canvas.print_svg(out, metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
            return _finish_svg(out.getvalue().decode(), plot, figure)
        if fmt == "png":
            figure.savefig(out, format="png", dpi=192, metadata={"Software": None})
        else:
            figure.savefig(out, format="pdf", metadata={"Creator": "reportgen", "Producer": None, "CreationDate": None})
    return out.getvalue()


# ---- colours and settings


_INK: Final = "#17191d"
_INK_2: Final = "#50555f"
_INK_3: Final = "#696f79"
_BAD: Final = "#c0311c"
_AXIS: Final = "#878d97"
_RULE_2: Final = "#c9cdd3"
_GRID: Final = "#eceef0"
LINE_COLOURS: Final = (
    _INK, "#3f90da", "#ce8500", "#bd1f01", "#899896", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd",
)  # fmt: skip
"""Slot -> colour of lines, light."""
_WRITES: Final = (
    _INK, "#2e78bb", "#9a5f00", "#bd1f02", "#66736f", "#832db7", "#9a5f4f", "#c04d00", "#76692f", "#6b6f7a", "#2f7b80",
)  # fmt: skip
"""Slot -> colour of text, light; no colour here draws, so that each has one dark partner."""
_DARK: Final[Mapping[str, str]] = {
    _INK: "#e9ebee",
    _INK_2: "#abb1ba",
    _INK_3: "#8d949f",
    _BAD: "#ff8a75",
    _AXIS: "#6b727d",
    _RULE_2: "#434952",
    _GRID: "#22262b",
    **dict(zip(LINE_COLOURS[1:], ("#3f90da", "#ffa90e", "#c6321a", "#94a4a2", "#9244c4", "#a96b59", "#e76300",
                            "#b9ac70", "#8a8f9b", "#92dadd"), strict=True)),
    **dict(zip(_WRITES[1:], ("#6db0ee", "#ffb733", "#ff7d66", "#a3b2b0", "#c08be6", "#cd9485", "#ff9a4f",
                             "#c9bd85", "#a2a7b2", "#92dadd"), strict=True)),
}  # fmt: skip
"""Light colour -> dark colour."""

_FONTS: Final = 'system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Liberation Sans",sans-serif'
_FAMILY: Final = "DejaVu Sans"
"""The font that matplotlib brings along, so that PNG and PDF are the same on every machine; it is also a wide one, so
that what fits in it fits in the reader's."""
_SETTINGS: Final[dict[Any, Any]] = {
    "agg.path.chunksize": 0,
    "font.family": [_FAMILY],
    "path.effects": [],
    "path.simplify": True,
    "path.simplify_threshold": 0.05,
    "path.sketch": None,
    "path.snap": True,
    "pdf.compression": 6,
    "pdf.fonttype": 3,
    "pdf.use14corefonts": False,
    "savefig.bbox": None,
    "savefig.facecolor": "white",
    "savefig.transparent": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "reportgen",
    "svg.id": None,
    "svg.image_inline": True,
    "text.antialiased": True,
    "text.hinting": "none",
    "text.parse_math": False,
    "text.usetex": False,
}
"""All settings that reach the bytes; pdf.fonttype 3 because subset names of type 42 depend on the hash seed."""


# ---- drawing


_PT: Final = 0.75
"""Points in a CSS px."""
_TOP: Final = 30
"""Height of the title row in px."""
_BOTTOM: Final = 24
_SIZE: Final = 11.5
_TITLE: Final = 12.5
_LEGEND_ROW: Final = 17


class _Drawing:
    """One plot on its way to a figure: coordinates are px from the upper left corner of the plot area."""

    def __init__(self, plot: Plot) -> None:
        from matplotlib.figure import Figure

        self.plot = plot
        width, height = plot.width_in * 96, plot.height_in * 96
        curves = [frames.look_at(line, log_x=plot.log_x, log_y=plot.log_y) for line in plot.lines]
        drawn = [c for c in curves if c.count]
        labelled = drawn if 1 < len(drawn) <= frames.MAX_LABELS else []
        axis, notes = frames.value_axis(curves, height, log=plot.log_y, whole=plot.log_x)
        left = 10 + max((_measure(text) for text in axis.labels), default=0.0)
        right = 16 + max((min(_measure(axes.plain(c.line.label)), 0.36 * width) for c in labelled), default=0.0)
        inner = max(width - left - right, 40.0)
        top = _TOP + (16 if notes else 0)
        steps = frames.step_axis(curves, inner, log=plot.log_x)
        self.frame = Frame(inner, max(height - top - _BOTTOM, 40.0), steps, axis)
        self.unit = axes.cut_text(plot.x_label, 72)
        self.right = right
        labels = frames.end_labels(labelled, self.frame, max(self.right - 12, 24))
        unnamed = {name for label in labels if label.slot is None for name in label.names}
        legend = [c for c in drawn if c.line.label in unnamed or len(drawn) > frames.MAX_LABELS]
        extra = _LEGEND_ROW * math.ceil(min(len(legend), MAX_LEGEND + 1) / 2)
        total = top + self.frame.height + _BOTTOM + extra
        self.figure: Figure = Figure(figsize=(width / 96, total / 96), dpi=72, facecolor="white", edgecolor="none")
        self.place = self._transform(left, total - top)
        self._title(-left, -top + 14.0, width)
        self._write(" · ".join(notes), 0, 12 - 16, colour=_INK_3) if notes else None
        self._axes()
        for c in reversed(drawn):
            self._line(c)
        self._end_labels(labelled, labels)
        self._marks(curves, drawn)
        self._legend(legend, inner + right - 8)

    def _transform(self, left: float, baseline: float) -> Transform:
        from matplotlib.transforms import Affine2D

        return Affine2D().scale(1 / 96, -1 / 96).translate(left / 96, baseline / 96) + self.figure.dpi_scale_trans

    # -- primitives

    def _write(
        self,
        text: str,
        x: float,
        y: float,
        *,
        colour: str,
        anchor: Literal["left", "center", "right"] = "left",
        size: float = _SIZE,
        bold: bool = False,
    ) -> None:
        """Write `text` with its base line at y."""
        from matplotlib.text import Text

        artist = Text(
            x, y, text, color=colour, fontsize=size * _PT, fontfamily=_FAMILY, fontweight="bold" if bold else "normal",
            ha=anchor, va="baseline", transform=self.place, parse_math=False,
        )  # fmt: skip
        self.figure.add_artist(artist)

    def _draw(self, x: Sequence[float] | Floats, y: Sequence[float] | Floats, colour: str, **style: Any) -> None:
        from matplotlib.lines import Line2D

        width = style.pop("width", 1.0)
        clip = style.pop("clip", False)
        line = Line2D(x, y, color=colour, linewidth=width * _PT, transform=self.place, **style)
        self.figure.add_artist(line, clip=clip)
        if clip:
            self._clip(line)

    def _clip(self, artist: Any) -> None:
        from matplotlib.transforms import Bbox, TransformedBbox

        area = Bbox.from_extents(-2, -2, self.frame.width + 2, self.frame.height + 2)
        artist.set_clip_box(TransformedBbox(area, self.place))

    # -- parts

    def _title(self, x: float, y: float, width: float) -> None:
        """Write the metric's name, then its unit and which way is better."""
        plot = self.plot
        better = {"max": "higher is better", "min": "lower is better"}.get(plot.direction or "", "")
        rest = axes.cut_text(", ".join(filter(None, (axes.cut_text(plot.unit, 120), better))), 220)
        room = width - (_measure(rest) + 10 if rest else 0)
        name = axes.cut_text(plot.title, room / 1.08, _TITLE)
        self._write(name, x, y, colour=_INK, size=_TITLE, bold=True)
        self._write(rest, x + _measure(name, _TITLE, bold=True) + 8, y, colour=_INK_3)

    def _axes(self) -> None:
        frame = self.frame
        for tick, label in zip(frame.y.ticks, frame.y.labels, strict=True):
            y = frame.level(tick)
            self._draw((0, frame.width), (y, y), _GRID)
            self._write(label, -8, y + 4, colour=_INK_3, anchor="right")
        bottom = frame.height
        self._draw((0, frame.width), (bottom, bottom), _AXIS)
        xs = [frame.fraction(t) * frame.width for t in frame.x.ticks]
        for x in xs:
            self._draw((x, x), (bottom, bottom + 4), _AXIS)
        for x, label in zip(xs[:-1], frame.x.labels[:-1], strict=True):
            self._write(label, x, bottom + 17, colour=_INK_3, anchor="center")
        if xs:
            self._last_step(xs[-1], frame.x.labels[-1])

    def _last_step(self, x: float, label: str) -> None:
        """Write the last step with the unit behind it, or before it where the right has no room."""
        y, half, behind = self.frame.height + 17, _measure(label) / 2, self.frame.width - x + self.right
        if half + 5 + _measure(self.unit) <= behind:
            self._write(label, x, y, colour=_INK_3, anchor="center")
            self._write(self.unit, x + half + 5, y, colour=_INK_3)
        else:
            self._write(f"{self.unit} {label}".strip(), x + min(half, behind), y, colour=_INK_3, anchor="right")

    def _line(self, c: Curve) -> None:
        line, shown, colour = c.line, c.shown, LINE_COLOURS[c.slot]
        if len(line.steps) > 2 * self.frame.width:
            line, low, high = frames.thinned(c, self.frame)
            shown = np.isfinite(line.values)
            if line.low is None:
                self._band(line, low, high, self.frame.xs(line.steps), colour, edge=0.28)
        x, y = self.frame.xs(line.steps), self.frame.ys(line.values)
        if line.low is not None and line.high is not None:
            self._band(line, line.low, line.high, x, colour)
        parts = frames.pieces(line, shown)
        joined = [p for p in parts if p.stop - p.start > 1]
        if joined:
            style: dict[str, Any] = (
                {"dashes": (5 / 1.75, 3.5 / 1.75)} if line.dashed or c.slot > 6 else {"solid_capstyle": "round"}
            )
            gapped = [np.concatenate([np.append(a[p], np.nan) for p in joined])[:-1] for a in (x, y)]
            self._draw(gapped[0], gapped[1], colour, width=1.75, clip=True, solid_joinstyle="round", **style)
        alone = [p.start for p in parts if p.stop - p.start == 1]
        if alone and c.count > 1:
            # a value between two gaps: a line of no length would not be drawn
            dots: dict[str, Any] = {"linestyle": "none", "marker": "o", "markersize": 2 * _PT, "markeredgewidth": 0}
            self._draw(x[alone], y[alone], colour, clip=True, **dots)

    def _band(self, line: Line, low: Floats, high: Floats, x: Floats, colour: str, *, edge: float = 0.0) -> None:
        """Fill between `low` and `high`; with `edge`, the opacity of its outline, a spike of one px can be seen."""
        from matplotlib.colors import to_rgba
        from matplotlib.patches import Polygon

        top, bottom = self.frame.ys(high), self.frame.ys(low)
        for p in frames.pieces(line, np.isfinite(low) & np.isfinite(high)):
            if p.stop - p.start < 2:
                continue
            corners = np.column_stack((np.r_[x[p], x[p][::-1]], np.r_[top[p], bottom[p][::-1]]))
            fill, outline = to_rgba(colour, 0.16), to_rgba(colour, edge) if edge else "none"
            style: dict[str, Any] = {"facecolor": fill, "edgecolor": outline, "linewidth": _PT if edge else 0}
            area = Polygon(corners, joinstyle="round", transform=self.place, **style)
            self.figure.add_artist(area)
            self._clip(area)

    def _end_labels(self, labelled: Sequence[Curve], labels: Sequence[Label]) -> None:
        frame = self.frame
        for c in labelled:
            if frame.fraction(c.end_step) < 0.96 and not c.stops:
                y = frame.level(c.end_value)
                self._draw((frame.fraction(c.end_step) * frame.width, frame.width), (y, y), _RULE_2)
        for label in labels:
            if abs(label.end - label.y) > 2.5:
                self._draw((frame.width + 2, frame.width + 9), (label.end, label.y), _RULE_2)
            colour = _INK_2 if label.slot is None else _WRITES[label.slot]
            self._write(label.text, frame.width + 11, label.y + 4, colour=colour)

    def _marks(self, curves: Sequence[Curve], drawn: Sequence[Curve]) -> None:
        """Draw what stands at single places: lone values, the cross where numbers end, words in a gap."""
        frame = self.frame
        if not drawn:
            self._words(Remark(frames.word_for_nothing(curves), 0.5, frame.height / 2, 0), _INK_3)
            return
        lone = [c for c in drawn if c.count == 1 and not c.stops]
        for c in lone:
            x, y = frame.fraction(c.end_step) * frame.width, frame.level(c.end_value)
            dot: dict[str, Any] = {"linestyle": "none", "marker": "o", "markersize": 7 * _PT, "markeredgewidth": 0}
            self._draw((x,), (y,), LINE_COLOURS[c.slot], **dot)
        if len(drawn) > 2:
            lone = []  # numbers beside several dots lie on each other and on the lines; the tables have them
        levels = [frame.level(c.end_value) for c in lone]
        for c, y in zip(lone, axes.spread(levels, gap=axes.LABEL_GAP, low=8, high=frame.height - 6), strict=True):
            number = axes.format_number(c.end_value)
            above = Remark(number, frame.fraction(c.end_step), max(y - 14, 8), 0)
            self._words(above if len(drawn) == 1 else frames.beside(number, c, frame, y), _INK)
        stopped = [c for c in drawn if c.stops]
        for c in stopped:
            x, y = frame.fraction(c.end_step) * frame.width, frame.level(c.end_value)
            for rise in (4, -4):
                self._draw((x - 4, x + 4), (y - rise, y + rise), _BAD, width=1.75)
        said = [c.said_of_end(self.unit) for c in stopped]
        for remark in frames.beside_ends(said, stopped, drawn, frame) if len(stopped) <= 3 else ():
            self._words(remark, _BAD)
        gap = frames.gap_remark(drawn, frame, self.unit)
        if gap:
            self._words(gap, _INK_3)

    def _words(self, remark: Remark, colour: str) -> None:
        x = remark.fraction * self.frame.width + 8 * remark.side
        anchor: Literal["left", "center", "right"] = "left" if remark.side > 0 else "right" if remark.side else "center"
        self._write(remark.text, x, remark.y + 4, colour=colour, anchor=anchor)

    def _legend(self, curves: Sequence[Curve], width: float) -> None:
        """Draw the samples and names of more lines than can have labels, in two columns below the axis."""
        for i, c in enumerate(curves[:MAX_LEGEND]):
            x, y = (i % 2) * width / 2, self.frame.height + _BOTTOM + 12 + _LEGEND_ROW * (i // 2)
            style: dict[str, Any] = {"dashes": (5 / 1.75, 3.5 / 1.75)} if c.line.dashed or c.slot > 6 else {}
            self._draw((x, x + 18), (y - 4, y - 4), LINE_COLOURS[c.slot], width=1.75, **style)
            self._write(axes.cut_text(c.line.label, width / 2 - 34), x + 24, y, colour=_INK_2)
        if len(curves) > MAX_LEGEND:
            y = self.frame.height + _BOTTOM + 12 + _LEGEND_ROW * (MAX_LEGEND // 2)
            self._write(f"and {len(curves) - MAX_LEGEND} more", 0, y, colour=_INK_3)


@cache
def _font(bold: bool) -> Any:
    """Return a font object of our own: the ones that matplotlib hands out change their size with each text drawn."""
    from matplotlib import font_manager, ft2font

    properties = font_manager.FontProperties(family=_FAMILY, weight="bold" if bold else "normal")
    font = ft2font.FT2Font(font_manager.findfont(properties))
    font.set_size(100, 72)
    return font


if hasattr(os, "register_at_fork"):
    # An open font shares its place in the file with the processes that are forked from this one.
    os.register_at_fork(after_in_child=_font.cache_clear)


def _measure(text: str, size: float = _SIZE, *, bold: bool = False) -> float:
    """Return the width of `text` in px."""
    font = _font(bold)
    font.set_text(text, 0.0)
    return float(font.get_width_height()[0]) / 64 * size / 100


# ---- the finished SVG


def _finish_svg(svg: str, plot: Plot, figure: Figure) -> bytes:
    """Return the SVG with its size in px, its own style sheet and words for screen readers."""
    width, height = (round(float(v) * 96, 2) for v in figure.get_size_inches())
    start = svg.index("<svg")
    head, body = svg[start : svg.index(">", start)], svg[svg.index(">", start) + 1 :]
    box = head[head.index('viewBox="') :].split('"')[1]
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'width="{width:g}" height="{height:g}" viewBox="{box}" role="img">\n'
        f"<title>{escape(_said(plot))}</title>\n<desc>{escape('; '.join(_said_of_lines(plot)))}</desc>\n"
        f"<style>{_style()}</style>{body}"
    ).encode()


def _said(plot: Plot) -> str:
    better = {"max": "higher is better", "min": "lower is better"}.get(plot.direction or "", "")
    return axes.plain(", ".join(filter(None, (plot.title[:400], plot.unit[:100], better))))


def _said_of_lines(plot: Plot) -> Iterator[str]:
    for line in plot.lines[:100]:
        finite = line.values[np.isfinite(line.values)]
        last = axes.format_number(float(finite[-1])) if len(finite) else "no finite value"
        yield f"{axes.plain(line.label[:400])}: {last}"


@cache
def _style() -> str:
    """Return the style sheet: the reader's font, and the dark colour of each light one."""
    rules = "".join(
        f'[style*="stroke: {light}"]{{stroke:{dark}!important}}[style*="fill: {light}"]{{fill:{dark}!important}}'
        for light, dark in _DARK.items()
        if light != dark
    )
    text = f"text{{font-family:{_FONTS}!important;font-variant-numeric:tabular-nums}}"
    return f"{text}@media (prefers-color-scheme:dark){{{rules}}}"

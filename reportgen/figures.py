"""Figures for papers as PDF, PNG and SVG: curves of metrics, in the size in which they are printed. Data in, bytes out.

The same input gives the same bytes, whatever `matplotlibrc` says. Lines differ in colour, dashes and marks, so that
they can be told apart in grey too; fonts are inside the file. The colours are those of `plots`, which draws for pages.
"""

from __future__ import annotations

import io
import math
import re
import warnings
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import numpy as np

from reportgen.analysis.axes import plain
from reportgen.analysis.downsample import envelope
from reportgen.analysis.frames import look_at
from reportgen.model import Floats
from reportgen.plots import LINE_COLOURS, Format, Line, open_matplotlib

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

Place: TypeAlias = Literal["best", "upper left", "upper right", "lower left", "lower right", "right", "below"]
"""Where a legend stands; the last two are outside the axes."""
PLACES: Final = ("best", "upper left", "upper right", "lower left", "lower right", "right", "below")
FONTS: Final = {"sans": "DejaVu Sans", "serif": "STIXGeneral"}
"""Fonts that matplotlib brings along: the second looks like Times."""
MARKED: Final = 10
"""More lines than this are thin and bare: marks would cover them."""
FEW: Final = 12
"""Up to so many points each has a mark."""
LONG: Final = 4000
"""More points than this become the extremes of so many quarter stretches: no printer shows more."""
LARGEST: Final = 1e100
"""Values beyond are drawn at this height, so that the span of an axis stays finite."""

_DASHES: Final[tuple[Any, ...]] = (
    "solid", (0, (4, 1.5)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)), (0, (7, 2)),
    (0, (3, 1, 1, 1, 1, 1)), (0, (2, 1)), (0, (8, 1.5, 2, 1.5)), (0, (1, 2.4)), (0, (5, 3)),
)  # fmt: skip
_MARKS: Final = "os^DvPX<>*"


@dataclass(frozen=True, slots=True)
class Panel:
    """One pair of axes."""

    y_label: str
    lines: tuple[Line, ...]
    """`steps` are the x of the figure; `slot` gives colour, dashes and mark."""
    behind: tuple[Line, ...] = ()
    """Drawn faintly behind, without a name: values before they were smoothed."""


@dataclass(frozen=True, slots=True)
class PaperFigure:
    """A figure as it is to be printed; panels stand in rows, as many side by side as there is room for."""

    panels: tuple[Panel, ...]
    x_label: str
    title: str = ""
    width_in: float = 3.3
    height_in: float = 2.2
    font_size: float = 8.0
    """In points."""
    font: Literal["sans", "serif"] = "sans"
    legend: Place | None = "best"
    """None for none."""
    dates: bool = False
    """True when x is in UTC seconds since the epoch."""
    log_x: bool = False
    log_y: bool = False
    y_range: tuple[float, float] | None = None
    dpi: int = 300
    """Dots an inch of a PNG."""

    @property
    def columns(self) -> int:
        """Panels side by side."""
        return max(1, min(len(self.panels), round(self.width_in / 2.4)))


def render_figure(paper: PaperFigure, fmt: Format) -> bytes:
    """Return the figure as `pdf`, `png` or `svg`. Raises `ValueError` for any other format.

    Not for use in several threads at once: matplotlib's settings are global.
    """
    if fmt not in ("svg", "png", "pdf"):
        raise ValueError(f"unknown format '{fmt}': choose svg, png or pdf")
    mpl = open_matplotlib()
    out = io.BytesIO()
    with mpl.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        warnings.filterwarnings("ignore", message="constrained_layout not applied", category=UserWarning)
        mpl.rcdefaults()
        mpl.rcParams.update(_settings(paper))
        figure = _draw(paper)
        if fmt == "png":
            figure.savefig(out, format="png", dpi=paper.dpi, metadata={"Software": None})
        elif fmt == "svg":
            figure.savefig(out, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
        else:
            figure.savefig(out, format="pdf", metadata={"Creator": "reportgen", "Producer": None, "CreationDate": None})
            return _with_fixed_names(out.getvalue())
    return out.getvalue()


def _settings(paper: PaperFigure) -> dict[Any, Any]:
    size = paper.font_size
    return {
        "axes.edgecolor": "#50555f",
        "axes.formatter.useoffset": False,
        "axes.formatter.limits": (-4, 6),
        "axes.labelpad": 2.5,
        "axes.linewidth": 0.6,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "figure.constrained_layout.use": True,
        "figure.constrained_layout.h_pad": 0.02,
        "figure.constrained_layout.w_pad": 0.02,
        "font.family": [FONTS[paper.font]],
        "font.size": size,
        "legend.borderpad": 0.3,
        "legend.fontsize": size * 0.9,
        "legend.framealpha": 0.85,
        "legend.edgecolor": "none",
        "legend.handlelength": 2.6,
        "legend.labelspacing": 0.3,
        "mathtext.fontset": "stix" if paper.font == "serif" else "dejavusans",
        "path.simplify_threshold": 0.05,
        "pdf.fonttype": 42,
        "svg.fonttype": "path",
        "svg.hashsalt": "reportgen",
        "timezone": "UTC",
        "xtick.major.size": 2.5,
        "xtick.major.width": 0.6,
        "xtick.minor.size": 1.5,
        "xtick.minor.width": 0.4,
        "ytick.major.size": 2.5,
        "ytick.major.width": 0.6,
        "ytick.minor.size": 1.5,
        "ytick.minor.width": 0.4,
    }


def _draw(paper: PaperFigure) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(paper.width_in, paper.height_in), facecolor="white")
    columns = paper.columns
    rows = -(-len(paper.panels) // columns)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid[len(paper.panels) :]:
        axes.remove()
    for axes, panel in zip(grid, paper.panels, strict=False):
        _draw_panel(axes, panel, paper)
        axes.set_xlabel(plain(paper.x_label), parse_math=False, loc="left" if paper.dates else "center")
    if paper.title:
        figure.suptitle(plain(paper.title), fontsize=paper.font_size * 1.15, parse_math=False)
    _add_legend(figure, list(grid[: len(paper.panels)]), paper)
    return figure


def _draw_panel(axes: Axes, panel: Panel, paper: PaperFigure) -> None:
    axes.set_axisbelow(True)
    axes.grid(axis="y", color="#e6e8eb", linewidth=0.5)
    axes.set_ylabel(plain(panel.y_label), parse_math=False)
    axes.margins(x=0.02)
    if paper.log_x:
        axes.set_xscale("log")
    if paper.log_y:
        axes.set_yscale("log")
    if paper.dates:
        _use_dates(axes)
    for line in panel.behind:
        x, y = _points(line, paper)
        axes.plot(x, y, color=_colour(line), alpha=0.28, linewidth=0.6, zorder=1.5)
    crowded = len(panel.lines) > MARKED
    for place, line in enumerate(panel.lines):
        x, y = _points(line, paper)
        if line.low is not None and line.high is not None:
            low, high = np.clip(line.low, -LARGEST, LARGEST), np.clip(line.high, -LARGEST, LARGEST)
            axes.fill_between(x, low, high, color=_colour(line), alpha=0.16, linewidth=0, zorder=1.2)
        style: dict[str, Any] = {"color": _colour(line), "linewidth": 0.7 if crowded else 1.2}
        if not crowded:
            apart = 0.2  # of the diagonal of the axes; each line begins elsewhere, so that marks seldom coincide
            style |= {
                "linestyle": _DASHES[(line.slot - 1) % len(_DASHES)],
                "marker": _MARKS[(line.slot - 1) % len(_MARKS)],
                "markersize": 0.42 * paper.font_size,
                "markeredgewidth": 0,
                "markevery": 1 if len(x) <= FEW else (apart * place / len(panel.lines), apart),
            }
        axes.plot(x, y, label=plain(line.label), zorder=2 + place / 1000, **style)
    if paper.y_range is not None:
        axes.set_ylim(*paper.y_range)
    if paper.log_x:
        _write_powers(axes.xaxis, *axes.get_xlim())
    if paper.log_y:
        _write_powers(axes.yaxis, *axes.get_ylim())


def _write_powers(axis: Axis, low: float, high: float) -> None:
    """Write the ticks of a logarithmic axis as plain numbers where they are short, and 2 and 5 where powers are few."""
    from matplotlib.ticker import FuncFormatter, LogLocator

    few = high < 30 * low

    def write(value: float, _: int | None = None) -> str:
        power = round(math.log10(value))
        return f"{value:g}" if -4 < power < 5 else f"$\\mathdefault{{10^{{{power}}}}}$"

    def write_between(value: float, _: int | None = None) -> str:
        digit = round(value / 10.0 ** math.floor(math.log10(value) + 1e-9))
        return write(value) if few and digit in (2, 5) and 1e-4 < value < 1e5 else ""

    axis.set_major_locator(LogLocator(numticks=7))
    axis.set_major_formatter(FuncFormatter(write))
    axis.set_minor_formatter(FuncFormatter(write_between))


def _colour(line: Line) -> str:
    return LINE_COLOURS[look_at(line).slot]


def _points(line: Line, paper: PaperFigure) -> tuple[Any, Floats]:
    """Return x and y of what is drawn: breaks where a value is not finite, extremes where there are too many points."""
    x = np.asarray(line.steps, dtype=np.float64)
    y = np.clip(np.where(np.isfinite(line.values), line.values, np.nan), -LARGEST, LARGEST)
    if paper.log_y:
        y = np.where(y > 1 / LARGEST, y, np.nan)
    if len(x) > LONG and line.low is None:
        parts = envelope(x, y, LONG // 4)
        x = np.column_stack((parts.first_steps, parts.steps, parts.steps, parts.last_steps)).ravel()
        y = np.column_stack((parts.first, parts.min, parts.max, parts.last)).ravel()
    if paper.dates:
        x = (x * 1e6).astype("datetime64[us]")
    return x, y


def _use_dates(axes: Axes) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    make_locator: Any = AutoDateLocator  # without types
    make_formatter: Any = ConciseDateFormatter
    locator = make_locator(tz=UTC, minticks=3, maxticks=6)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(make_formatter(locator, tz=UTC))


def _add_legend(figure: Figure, grid: list[Axes], paper: PaperFigure) -> None:
    """Add one legend for all panels: names stand for the same lines in each."""
    handles: dict[str, Any] = {}
    for axes in grid:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    if paper.legend is None or not handles:
        return
    names, signs = list(handles), list(handles.values())
    if paper.legend == "right":
        legend = figure.legend(signs, names, loc="outside right center", frameon=False)
    elif paper.legend == "below":
        longest = max(map(len, names)) + 6
        room = max(1, int(paper.width_in * 72 / (longest * 0.55 * paper.font_size)))
        columns = min(room, len(names))
        legend = figure.legend(signs, names, loc="outside lower center", ncols=columns, frameon=False)
    else:
        legend = grid[0].legend(signs, names, loc=paper.legend)
    for text in legend.get_texts():
        text.set_parse_math(False)


def _with_fixed_names(pdf: bytes) -> bytes:
    """Return the PDF with other names for the subsets of its fonts, of the same length.

    matplotlib takes them from the hash of a set, which is another in each process.
    """
    names: dict[bytes, bytes] = {}

    def rename(found: re.Match[bytes]) -> bytes:
        number = len(names)
        letters = bytes(65 + number // 26**place % 26 for place in range(5, -1, -1))
        return b"/" + names.setdefault(found[1], letters) + b"+"

    return re.sub(rb"/([A-Z]{6})\+", rename, pdf)

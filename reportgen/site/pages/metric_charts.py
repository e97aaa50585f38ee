"""Which metrics of a run share a chart, in which order and size they stand, and what is drawn of several ranks.

Series in, charts with their titles out. The drawing itself is `reportgen.site.charts`; numbers in words and tables
are made by `reportgen.site.pages.run`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from markupsafe import Markup

from reportgen.analysis.bands import mean_and_range
from reportgen.analysis.selection import is_system
from reportgen.model import Floats, Ints, Run, Series
from reportgen.quantiles import MEDIAN_ENDING, Band, find_bands, find_edges
from reportgen.site.charts import ChartLine, render_chart
from reportgen.site.config import Config
from reportgen.site.pages.curves import CurvesChart, CurvesLine
from reportgen.site.text import format_number
from reportgen.sources.summarise import series_in_tables

MAX_CHARTS: Final = 60
"""Charts that a page draws; metrics beyond them stand in the table, and are drawn by the script."""
MAX_LINES: Final = 6
"""Splits that share a chart; a base with more gets a chart for each."""
MAIN_SIZE: Final = (556, 244)
"""Width and height in px that a chart in two columns is drawn for."""
MINOR_SIZE: Final = (268, 160)
"""The same for one in four columns."""
SYSTEM: Final = "system"
"""Prefix of what the logger measures of the machine: last, and folded."""

_SPLITS: Final = {
    "val": "val", "valid": "val", "validation": "val", "dev": "val", "eval": "eval",
    "test": "test", "train": "train", "training": "train",
}  # fmt: skip
_SPLIT_ORDER: Final = ("val", "eval", "test", "train")
_JOINTS: Final = re.compile(r"([/_.\-])")


SMOOTHING: Final = 0.8
"""Weight of the moving average that is drawn over a noisy line."""
NOISY_POINTS: Final = 100
NOISY_PATH: Final = 8.0
"""So many times its range may a line go up and down before it is smoothed."""


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart."""

    id: str
    """Fragment of its title on the page."""
    title: str
    said: str
    """Unit and what the lines are, for the reader: `%, train dashed`."""
    direction: str | None
    svg: Markup
    curves: CurvesChart
    """The same chart, for the script."""


@dataclass(frozen=True, slots=True)
class ChartSection:
    """The charts of one prefix."""

    id: str
    """Fragment of its heading on the page."""
    name: str
    """The prefix, empty for metrics without one."""
    main: tuple[Chart, ...]
    """In two columns."""
    minor: tuple[Chart, ...]
    """In four columns."""
    folded: bool
    """True for measurements of the machine."""


@dataclass(frozen=True, slots=True)
class _Group:
    """The metrics of one chart: split -> metric; the split is empty for a metric without one."""

    base: str
    section: str
    metrics: Mapping[str, str]
    bands: tuple[Band, ...] = ()
    """Quantiles around the median, which is the only metric of a histogram."""


def split_of(metric: str) -> tuple[str, str]:
    """Return (base, split) of a metric's name: `val/acc` is `acc` of `val`, `loss_train` is `loss` of `train`.

    The first or the last part of the name, or one between slashes, may name the split; without one it is empty.
    """
    parts = _JOINTS.split(metric)
    places = [0, len(parts) - 1, *range(2, len(parts) - 2, 2)]
    for i in dict.fromkeys(places):
        split = _SPLITS.get(parts[i].lower())
        inner = 0 < i < len(parts) - 1
        if split is None or len(parts) == 1 or (inner and not parts[i - 1] == parts[i + 1] == "/"):
            continue
        base = "".join(parts[2:] if i == 0 else parts[: i - 1] + parts[i + 1 :])
        if base.strip("/_.-"):
            return base, split
    return metric, ""


def make_chart_sections(run: Run, config: Config) -> tuple[tuple[ChartSection, ...], tuple[CurvesChart, ...]]:
    """Return the sections of charts in the order of the page, and the charts that `MAX_CHARTS` left out."""
    groups = _order(_group(run.series), config)
    sections: list[ChartSection] = []
    for name in dict.fromkeys(group.section for group in groups[:MAX_CHARTS]):
        inside = [(i, g) for i, g in enumerate(groups[:MAX_CHARTS]) if g.section == name]
        curves = [(i, g) for i, g in inside if any(run.summary.metrics[m].count > 1 for m in g.metrics.values())]
        plain = sum(not g.bands for _, g in inside)
        main = [(i, g) for i, g in curves if _is_main(g, len(inside) if g.bands else plain) and name != SYSTEM]
        if not main and name == "":
            main = curves[:2]
        charts = tuple(_make_chart(run, config, g, i, MAIN_SIZE) for i, g in main)
        minor = tuple(_make_chart(run, config, g, i, MINOR_SIZE) for i, g in inside if (i, g) not in main)
        sections.append(ChartSection(f"charts-{len(sections) + 1}", name, charts, minor, name == SYSTEM))
    return tuple(sections), tuple(_make_curves(run, config, group) for group in groups[MAX_CHARTS:])


def _group(metrics: Iterable[str]) -> list[_Group]:
    """Put the splits of one metric together; a bare name joins them (`loss` beside `val_loss`)."""
    of_base: dict[str, dict[str, str]] = {}
    alone: list[_Group] = []
    names = list(metrics)
    bands, edges = find_bands(names), find_edges(names)
    for metric in names:
        if metric in edges:
            continue
        if metric in bands:
            histogram = metric.removesuffix(MEDIAN_ENDING)
            section = SYSTEM if is_system(metric) else _prefix(histogram)
            alone.append(_Group(histogram, section, {"": metric}, bands[metric]))
            continue
        base, split = split_of(metric)
        if is_system(metric):
            alone.append(_Group(metric, SYSTEM, {"": metric}))
            continue
        lines = of_base.setdefault(base, {})
        if split in lines or len(lines) >= MAX_LINES:
            alone.append(_Group(metric, _prefix(base), {"": metric}))
        else:
            lines[split] = metric
    shared = [
        _Group(base if len(lines) > 1 else next(iter(lines.values())), _prefix(base), lines)
        for base, lines in of_base.items()
    ]
    return shared + alone


def _prefix(base: str) -> str:
    """Return what stands before the first slash; one in a unit, as of `speed(iter/s)`, is none."""
    first = base.partition("/")[0]
    return first if "/" in base.strip("/") and ("(" not in first or ")" in first) else ""


def _order(groups: Sequence[_Group], config: Config) -> list[_Group]:
    """Sort by section, metrics without a prefix first, the machine last.

    Inside, what is shared or has a direction comes first, and histograms last.
    """
    sections = list(dict.fromkeys(group.section for group in groups))

    def place(group: _Group) -> tuple[int, int, bool, bool, bool]:
        directed = any(config.metric(m).direction for m in group.metrics.values())
        kind = {"": 0, SYSTEM: 2}.get(group.section, 1)
        return kind, sections.index(group.section), bool(group.bands), len(group.metrics) < 2, not directed

    return sorted(groups, key=place)


def _is_main(group: _Group, in_section: int) -> bool:
    return len(group.metrics) > 1 or in_section <= 2


def _make_chart(run: Run, config: Config, group: _Group, index: int, size: tuple[int, int]) -> Chart:
    curves = _make_curves(run, config, group)
    said = [curves.unit, curves.said, "smoothed, as logged behind" if curves.smooth else ""]
    fragment = f"chart-{index + 1}"
    svg = render_chart(
        [_make_line(run.series, line) for line in curves.lines],
        width=size[0],
        height=size[1],
        title_id=fragment,
        description=_describe(run, curves.lines),
        status=run.summary.status,
        smoothing=curves.smooth,
    )
    return Chart(fragment, curves.title, ", ".join(filter(None, said)), curves.direction, svg, curves)


def _make_curves(run: Run, config: Config, group: _Group) -> CurvesChart:
    order = sorted(group.metrics, key=lambda s: _SPLIT_ORDER.index(s) if s in _SPLIT_ORDER else len(_SPLIT_ORDER))
    first = config.metric(group.metrics[order[0]])
    dashed = "train" if "train" in order else ""
    several = len(order) > 1
    lines = []
    for split in order:
        metric = group.metrics[split]
        label = split or (metric if several else "")
        lines.append(CurvesLine(metric, label, several and split == dashed, group.bands))
    noisy = not group.bands and any(_is_noisy(series_in_tables(run.series[line.metric]).values) for line in lines)
    return CurvesChart(
        title=group.base if several or first.title == lines[0].metric else first.title or group.base,
        unit=first.unit,
        direction=first.direction,
        said=_say_bands(group.bands) or ", ".join(f"{line.label} dashed" for line in lines if line.dashed),
        smooth=SMOOTHING if noisy else 0.0,
        lines=tuple(lines),
    )


def _is_noisy(values: Floats) -> bool:
    """Tell whether a line would be a scribble: many points whose ups and downs add up to many times their range."""
    if len(values) < NOISY_POINTS:
        return False
    path = float(np.abs(values[1:] - values[:-1]).sum())
    if not math.isfinite(path):
        values = values[np.isfinite(values)]
        path = float(np.abs(values[1:] - values[:-1]).sum())
    return path > 0 and path > NOISY_PATH * float(values.max() - values.min())


def _say_bands(bands: Sequence[Band]) -> str:
    """Say what is drawn of a histogram: `median, 5–95 % and 25–75 %`, each on one line."""
    *wider, last = [band.label.replace("–", "–\u2060").replace(" ", "\u00a0") for band in bands] or [""]
    return last and f"median, {', '.join(wider)}{' and ' if wider else ''}{last}"


def _make_line(all_series: Mapping[str, Mapping[int, Series]], about: CurvesLine) -> ChartLine:
    """Return what is drawn of a metric: a histogram's bands, else the range of its ranks."""
    ranks = all_series[about.metric]
    shown = series_in_tables(ranks)
    line = ChartLine(about.label, shown.steps, shown.values, slot=0, dashed=about.dashed)
    if about.bands:
        (low, high), *inside = (
            (_values_at(all_series[band.low], shown.steps), _values_at(all_series[band.high], shown.steps))
            for band in about.bands
        )
        return replace(line, low=low, high=high, inside=tuple(inside))
    if len(ranks) == 1:
        return line
    steps, _, low, high = mean_and_range(tuple(ranks.values()))
    at = np.searchsorted(steps, shown.steps)
    return replace(line, low=low[at], high=high[at])


def _values_at(ranks: Mapping[int, Series], steps: Ints) -> Floats:
    """Return float64[n], the last value at each step; NaN at steps without one."""
    own = series_in_tables(ranks)
    if np.array_equal(own.steps, steps):
        return own.values
    at = np.searchsorted(own.steps, steps, side="right") - 1
    return np.where((at >= 0) & (own.steps[at] == steps), own.values[at], np.nan)


def _describe(run: Run, lines: Sequence[CurvesLine]) -> str:
    """Say in words what the chart shows, for those who do not see it."""
    parts = []
    for line in lines:
        metric = line.metric
        s = run.summary.metrics[metric]
        if s.first is None:
            parts.append(f"{metric}: no finite value")
        elif s.count == 1:
            parts.append(f"{metric}: {format_number(s.first)} at step {s.first_step}")
        else:
            ends = f"{format_number(s.first)} to {format_number(s.last_finite)}"
            parts.append(f"{metric}: {ends}, between {format_number(s.min)} and {format_number(s.max)}")
        parts += [_describe_end(run, band) for band in line.bands]
    return "; ".join(parts)


def _describe_end(run: Run, band: Band) -> str:
    low, high = (float(series_in_tables(run.series[name]).values[-1]) for name in (band.low, band.high))
    return f"{band.label} at the end: {format_number(low)} to {format_number(high)}"

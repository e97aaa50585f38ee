"""Curves of many runs as a figure for a paper: which series, over which x, as single lines or as means of groups."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

import numpy as np

from reportgen.analysis.bands import Spread, mean_of_lines
from reportgen.analysis.downsample import debiased_ema
from reportgen.analysis.selection import COLOURS, assign_slots
from reportgen.errors import ReportgenError
from reportgen.figures import Panel, PaperFigure
from reportgen.index import join_experiments, make_index
from reportgen.loading import LoggedRun, Runs
from reportgen.model import Floats, Series
from reportgen.plots import Line
from reportgen.query import Frame
from reportgen.query.frame import number_of
from reportgen.query.nodes import Field
from reportgen.site.config import Config
from reportgen.site.pages.columns import name_of
from reportgen.site.text import format_param
from reportgen.spelling import suggestion

Axis: TypeAlias = Literal["step", "time", "relative"]
"""Over steps, over the clock, or over the time since the run's first point."""
AXES: Final = ("step", "time", "relative")
SAID: Final[Mapping[str, str]] = {
    "std": "one sample standard deviation",
    "sem": "one standard error",
    "minmax": "the range from the lowest to the highest run",
    "ci95": "the 95 % confidence interval (Student's t)",
}
"""Spread -> what a caption calls the band."""

_UNITS: Final = ((1e-3, "ms"), (1.0, "s"), (60.0, "min"), (3600.0, "h"), (86_400.0, "d"))


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be drawn of which runs."""

    metrics: tuple[str, ...]
    """One panel each."""
    x: Axis = "step"
    groups: tuple[tuple[str, Field], ...] = ()
    """Fields whose values make the groups, with their texts; without any each run has a line of its own."""
    spread: Spread = "std"
    smooth: float = 0.0
    """Weight of the moving average, 0 … 1."""
    log_x: bool = False
    x_label: str = ""
    y_label: str = ""


@dataclass(slots=True)
class Drawn:
    """What a figure shows."""

    panels: tuple[Panel, ...] = ()
    x_label: str = ""
    runs: int = 0
    """Runs with one of the metrics."""
    lines: int = 0
    """Of the panel that has the most."""
    sizes: tuple[int, int] = (0, 0)
    """The smallest and the largest number of runs in a group."""
    missing: dict[str, int] = field(default_factory=dict)
    """Metric -> how many of the runs have no such metric."""


def make_panels(
    runs: Runs, everything: Runs, request: Request, config: Config, progress: Callable[[str, int, int], None]
) -> Drawn:
    """Return the panels with the curves of `runs`; `everything` decides about colours, as on the pages of a site.

    Runs are read one after the other. Raises `ReportgenError` for a metric that none of them has.
    """
    for metric in request.metrics:
        if not any(metric in run.metrics for run in runs.summaries):
            known = dict.fromkeys(name for run in runs.summaries for name in run.metrics)
            near = suggestion(metric, known) or f" they have: {', '.join(list(known)[:8])}" if known else ""
            raise ReportgenError(f"none of the {len(runs):,} runs has the metric '{metric}':{near}")
    drawn = Drawn(missing={m: sum(m not in run.metrics for run in runs.summaries) for m in request.metrics})
    series: list[tuple[LoggedRun, dict[str, Series]]] = []
    wanted = [run for run in runs if any(metric in run.metrics for metric in request.metrics)]
    for done, run in enumerate(wanted):
        progress("points", done, len(wanted))
        series.append((run, {metric: run.series(metric) for metric in request.metrics if metric in run.metrics}))
    progress("points", len(wanted), len(wanted))
    drawn.runs = len(wanted)
    scale, drawn.x_label = _choose_x([own for _, all_own in series for own in all_own.values()], request)
    names = _labels(wanted, everything, request)
    drawn.panels = tuple(
        _make_panel(metric, series, names, scale, request, config, drawn) for metric in request.metrics
    )
    drawn.lines = max(len(panel.lines) for panel in drawn.panels)
    return drawn


def _choose_x(series: Sequence[Series], request: Request) -> tuple[Callable[[Series], Floats], str]:
    """Return what gives the x of a series, and what x is called."""
    if request.x == "step":
        return lambda own: own.steps.astype(np.float64), request.x_label or "step"
    if not any(np.isfinite(own.times).any() for own in series):
        raise ReportgenError("these runs logged no times: take --x step")
    if request.x == "time":
        return lambda own: own.times, request.x_label or "time (UTC)"
    longest = max(float(np.ptp(own.times[np.isfinite(own.times)])) for own in series if np.isfinite(own.times).any())
    unit, name = next(((u, n) for u, n in reversed(_UNITS) if longest >= 2 * u), _UNITS[0])
    return lambda own: (own.times - _first(own.times)) / unit, request.x_label or f"time ({name})"


def _first(times: Floats) -> float:
    known = times[np.isfinite(times)]
    return float(known.min()) if len(known) else math.nan


def _labels(wanted: Sequence[LoggedRun], everything: Runs, request: Request) -> dict[str, tuple[str, int]]:
    """Return run key -> (name of its line, colour slot), in the order of the legend."""
    if not request.groups:
        return _labels_of_runs(wanted, everything)
    frame = Frame([run.summary for run in wanted])
    columns = [frame.texts(f) for _, f in request.groups]
    raw = [frame.values(f) for _, f in request.groups]
    made: dict[str, tuple[tuple[tuple[bool, float, str], ...], str]] = {}
    for row, run in enumerate(wanted):
        order, parts = [], []
        for (text, own), texts, values in zip(request.groups, columns, raw, strict=True):
            known = texts[row]
            number = None if known is None else number_of(values[row])
            order.append((number is None, number or 0.0, known or ""))
            name = text if own.entity == "attribute" else own.name
            parts.append(f"no {name}" if known is None else f"{name} = {format_param(values[row])}")
        made[run.key] = (tuple(order), ", ".join(parts))
    labels = list(dict.fromkeys(label for _, label in sorted(made.values())))
    keys = sorted(made, key=lambda key: made[key])
    return {key: (made[key][1], labels.index(made[key][1]) + 1) for key in keys}


def _labels_of_runs(wanted: Sequence[LoggedRun], everything: Runs) -> dict[str, tuple[str, int]]:
    names = [name_of(run.summary) for run in wanted]
    chosen = sorted(zip(wanted, names, strict=True), key=lambda pair: (pair[0].summary.start_time, pair[0].key))
    slots: Mapping[str, int] = {run.key: place + 1 for place, (run, _) in enumerate(chosen)}
    if len(wanted) <= COLOURS:
        experiments = {run.experiment for run in wanted}
        index = make_index([run for run in everything.summaries if run.experiment in experiments], ())
        summaries = [run.summary for run, _ in chosen]
        slots = assign_slots(join_experiments(index.experiments, summaries), summaries)
    return {
        run.key: (name if names.count(name) == 1 else f"{name} {run.run_id[-4:]}", slots[run.key])
        for run, name in chosen
    }


def _make_panel(
    metric: str,
    series: Sequence[tuple[LoggedRun, dict[str, Series]]],
    names: Mapping[str, tuple[str, int]],
    x_of: Callable[[Series], Floats],
    request: Request,
    config: Config,
    drawn: Drawn,
) -> Panel:
    own = {run.key: _curve(found[metric], x_of, request) for run, found in series if metric in found}
    members: dict[tuple[str, int], list[tuple[Floats, Floats, Floats]]] = {}
    for key, name in names.items():
        if key in own:
            members.setdefault(name, []).append(own[key])
    known = config.metric(metric)
    label = request.y_label or (known.title or metric) + (f" ({known.unit})" if known.unit else "")
    if request.groups:
        sizes = [len(curves) for curves in members.values()]
        low, high = drawn.sizes
        drawn.sizes = (min([low, *sizes] if low else sizes), max(high, *sizes))
        return Panel(label, tuple(_mean_line(name, curves, request.spread) for name, curves in members.items()))
    lines = tuple(Line(name[0], x, y, slot=name[1]) for name, curves in members.items() for x, y, _ in curves)
    behind = tuple(Line("", x, raw, slot=name[1]) for name, curves in members.items() for x, _, raw in curves)
    return Panel(label, lines, behind if request.smooth else ())


def _curve(series: Series, x_of: Callable[[Series], Floats], request: Request) -> tuple[Floats, Floats, Floats]:
    """Return x, the values to draw and the values as logged, in order of x."""
    x = x_of(series)
    known = np.isfinite(x) & ((x > 0) | (not request.log_x))
    x, values = x[known], series.values[known]
    order = np.argsort(x, kind="stable")
    x, values = x[order], values[order]
    return x, debiased_ema(values, request.smooth), values


def _mean_line(name: tuple[str, int], curves: Sequence[tuple[Floats, Floats, Floats]], spread: Spread) -> Line:
    made = mean_of_lines([(x, y) for x, y, _ in curves], spread)
    return Line(name[0], made.x, made.mean, slot=name[1], low=made.low, high=made.high)


def said_of_figure(drawn: Drawn, request: Request) -> Iterator[str]:
    """Yield what a caption must say: what the lines are, and what the bands."""
    if not request.groups:
        return
    low, high = drawn.sizes
    count = f"{low} runs" if low == high else f"{low} to {high} runs"
    if high < 2:
        yield "each line is a single run: nothing is averaged"
        return
    yield f"lines are means over {count}, bands {SAID[request.spread]}"
    if low < (3 if request.spread == "ci95" else 2) and request.spread != "minmax":
        yield "groups with too few runs for that have no band"


__all__ = ["AXES", "SAID", "Drawn", "PaperFigure", "Request", "make_panels", "said_of_figure"]

"""The tables of one experiment: its runs, its configurations, and its best run per metric.

Owns which columns and rows they have; `columns` decides how a value is written, `tables.html` how a row is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from markupsafe import Markup

from reportgen.analysis.groups import (
    Group,
    Spread,
    finite_value,
    is_seed,
    make_groups,
    make_spread,
)
from reportgen.analysis.selection import COLOURS, rank_runs
from reportgen.model import Experiment, Summary
from reportgen.site import urls
from reportgen.site.config import Config
from reportgen.site.pages.columns import (
    MAX_REASON,
    Column,
    Value,
    colour,
    cut_text,
    group_label,
    headline_of,
    is_numeric,
    leading_metric,
    make_column,
    make_sparks,
    make_value,
    name_of,
    param_text,
    spread_decimals,
    summary_name,
    title_of,
    unit_of,
)
from reportgen.site.pages.strips import StripAxis, draw_spread, draw_value, make_strip_axis
from reportgen.site.text import column_decimals, format_number

MAX_ROWS: Final = 100
MAX_CONFIGURATIONS: Final = 30
MAX_SEEDS: Final = 10
"""Runs of one configuration that a plot's mean and band are made of at most: the oldest."""
MAX_PARAMS: Final = 10
"""Columns of params in the page; the CSV has all."""
MAX_WIDTH: Final = 72
"""Characters that the columns of params take together, so that the metrics stay in a window of 1,440 px."""


@dataclass(frozen=True, slots=True)
class ParamColumn:
    """Head of a column of params."""

    name: str
    numeric: bool
    """True when every value is a number: the column stands right-aligned."""


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run in a table."""

    name: str
    page: str
    """Site path of the run's page."""
    status: str
    error: str
    last_time: float
    duration_s: float
    slot: int
    """Colour slot of the run's group, 0 for ink."""
    params: tuple[str | None, ...]
    """One text a column; None where the run has no such param."""
    values: tuple[Value, ...]
    strip: Markup
    spark: Markup


@dataclass(frozen=True, slots=True)
class RunTable:
    """The runs of an experiment, best first."""

    params: tuple[ParamColumn, ...]
    hidden_params: int
    """Params that differ and have no column here."""
    columns: tuple[Column, ...]
    strip: StripAxis | None
    """Axis of the strip beside the first metric."""
    spark: str
    """Title of the metric whose course the sparklines show; empty without sparklines."""
    rows: tuple[RunRow, ...]
    total: int
    """Runs of the experiment."""
    ranked_by: str
    """Title of the metric that orders the rows; empty when the newest come first."""


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One configuration in a table."""

    label: str
    slot: int
    runs: int
    finished: int
    params: tuple[str | None, ...]
    mean: Value
    interval: str
    """`± 0.24`, `n = 2`, or empty without a value."""
    strip: Markup
    others: tuple[Value, ...]
    """Means of the other headline metrics."""
    best_page: str
    """Site path of its best run."""
    best_name: str


@dataclass(frozen=True, slots=True)
class GroupTable:
    """The configurations of an experiment, best mean first."""

    params: tuple[ParamColumn, ...]
    column: Column
    strip: StripAxis | None
    others: tuple[Column, ...]
    rows: tuple[GroupRow, ...]
    total: int


# ---- runs


def make_run_table(experiment: Experiment, config: Config) -> RunTable:
    """Return the table of an experiment's runs: at most `MAX_ROWS`, best by the leading metric, else newest first."""
    metrics = headline_of(experiment, config)
    leading = leading_metric(experiment, config)
    if leading is not None:
        metrics = (leading, *(name for name in metrics if name != leading))
        known = config.metric(leading)
        runs = rank_runs(experiment.runs, leading, summary_name(known), known.direction)[:MAX_ROWS]
    else:
        runs = rank_runs(experiment.runs, "", "last", None)[:MAX_ROWS]
    made = [make_column(runs, metric, config, pool=experiment.runs) for metric in metrics]
    slots = {run.key: colour(experiment.slots.get(experiment.groups.get(run.key, ""), 0)) for run in runs}
    sparks = make_sparks(runs, metrics[0], lambda run: slots[run.key]) if metrics else [Markup()] * len(runs)
    strip = None
    strips = [Markup()] * len(runs)
    if leading is not None:
        values = [finite_value(run, leading, made[0][0].summary) for run in runs]
        strip = make_strip_axis(values, made[0][0].direction)
        strips = [draw_value(v, strip, slots[run.key]) for run, v in zip(runs, values, strict=True)]
    names, hidden = choose_params(experiment)
    return RunTable(
        params=tuple(make_param_column(name, runs) for name in names),
        hidden_params=hidden,
        columns=tuple(column for column, _ in made),
        strip=strip,
        spark=made[0][0].title if made and any(sparks) else "",
        rows=tuple(
            RunRow(
                name=name_of(run),
                page=urls.run_page(run.key, run.name),
                status=run.status,
                error=cut_text(run.error, MAX_REASON),
                last_time=run.last_time,
                duration_s=run.duration_s,
                slot=slots[run.key],
                params=tuple(param_text(run.params[p]) if p in run.params else None for p in names),
                values=tuple(cells[number] for _, cells in made),
                strip=strips[number],
                spark=sparks[number],
            )
            for number, run in enumerate(runs)
        ),
        total=len(experiment.runs),
        ranked_by=made[0][0].title if leading is not None else "",
    )


def choose_params(experiment: Experiment) -> tuple[tuple[str, ...], int]:
    """Return the varying params that get a column, and how many do not.

    Seeds come last; texts that are different in every run (paths, names) only if there is room.
    """
    total = len(experiment.runs)

    def order(item: tuple[int, str]) -> tuple[bool, bool, int]:
        position, param = item
        return (_is_label(experiment.runs, param, total), is_seed(param), position)

    candidates = experiment.varying_params
    if len(candidates) <= 40 * MAX_PARAMS:
        candidates = tuple(param for _, param in sorted(enumerate(candidates), key=order))
    chosen = _as_many_as_fit(candidates[:MAX_PARAMS], experiment.runs[:MAX_ROWS])
    return (*(p for p in chosen if not is_seed(p)), *(p for p in chosen if is_seed(p))), len(candidates) - len(chosen)


def _as_many_as_fit(params: Sequence[str], runs: Sequence[Summary]) -> Sequence[str]:
    """Return the first params whose columns leave the metrics beside them on the page, at least one."""
    room = MAX_WIDTH
    for number, param in enumerate(params):
        widest = max((len(param_text(run.params[param])) for run in runs if param in run.params), default=0)
        room -= min(max(len(param), widest), 20) + 3
        if room < 0 and number:
            return params[:number]
    return params


def _is_label(runs: Sequence[Summary], param: str, total: int) -> bool:
    if total < 4:
        return False
    seen = set()
    for run in runs:
        value = run.params.get(param)
        if not isinstance(value, str) or value in seen:
            return False
        seen.add(value)
    return True


def make_param_column(name: str, runs: Sequence[Summary]) -> ParamColumn:
    """Return the head of a column of params over the shown `runs`."""
    values = [run.params[name] for run in runs if name in run.params]
    return ParamColumn(name, bool(values) and all(is_numeric(value) for value in values))


# ---- configurations


def make_group_table(experiment: Experiment, config: Config) -> GroupTable | None:
    """Return the table of configurations, or None when no two runs share one or no metric has a direction."""
    leading = leading_metric(experiment, config)
    groups = make_groups(experiment)
    if leading is None or len(groups) == len(experiment.runs):
        return None
    ranked = rank_groups(groups, leading, config)
    shown = ranked[:MAX_CONFIGURATIONS]
    means = [spread.mean for _, spread in shown]
    best_mean = means[0] if sum(mean is not None for mean in means) > 1 else None
    decimals = mean_decimals([spread for _, spread in shown])
    known = config.metric(leading)
    summary = summary_name(known)
    column = Column(leading, title_of(leading, known), unit_of(known), known.direction, summary, decimals)
    strip = make_strip_axis([v for _, spread in shown for v in spread.values], known.direction, centres=means)
    names, _ = choose_params(experiment)
    names = tuple(name for name in names if not is_seed(name))
    firsts = [group.runs[0] for group, _ in shown]
    others = [_mean_column(shown, metric, config) for metric in headline_of(experiment, config) if metric != leading]
    rows = []
    for number, (group, spread) in enumerate(shown):
        best = rank_runs(group.runs, leading, summary, known.direction)[0]
        mean = make_value(spread.mean, decimals)
        rows.append(
            GroupRow(
                label=group_label(group),
                slot=colour(group.slot),
                runs=len(group.runs),
                finished=sum(run.status == "finished" for run in group.runs),
                params=tuple(_shared_param(group.runs, p) for p in names),
                mean=Value(mean.text, mean.full, 0, best_mean is not None and spread.mean == best_mean),
                interval=interval_text(spread, decimals),
                strip=draw_spread(spread, strip, colour(group.slot)),
                others=tuple(cells[number] for _, cells in others),
                best_page=urls.run_page(best.key, best.name),
                best_name=name_of(best),
            )
        )
    columns = tuple(made for made, _ in others)
    heads = tuple(make_param_column(name, firsts) for name in names)
    return GroupTable(heads, column, strip, columns, tuple(rows), len(groups))


def _shared_param(runs: Sequence[Summary], param: str) -> str | None:
    """Return the value that all `runs` have, how many values there are where they differ, None where there is none."""
    texts = dict.fromkeys(param_text(run.params[param]) for run in runs if param in run.params)
    if len(texts) > 1:
        return f"{len(texts)} values"
    return next(iter(texts), None)


def live_rows(experiment: Experiment, config: Config) -> int:
    """Return how many rows the table that the script makes has at first: configurations with the runs of the best one.

    The twin of what `table.js` shows without a view in the address.
    """
    groups = make_groups(experiment, max_params=0)
    if len(groups) == len(experiment.runs):
        return len(groups)
    leading = leading_metric(experiment, config)
    if leading is not None:
        first = rank_groups(groups, leading, config)[0][0]
    else:
        first = max(groups, key=lambda group: group.runs[-1].start_time)
    return len(groups) + len(first.runs)


def rank_groups(groups: Sequence[Group], metric: str, config: Config) -> list[tuple[Group, Spread]]:
    """Return the groups with their spread in `metric`, best mean first, those without a finished value last."""
    known = config.metric(metric)
    sign = 1 if known.direction == "min" else -1
    made = [(group, make_spread(group.runs, metric, summary_name(known))) for group in groups]
    return sorted(made, key=lambda item: (item[1].mean is None, sign * (item[1].mean or 0.0), item[0].slot))


def plotted_groups(experiment: Experiment, config: Config) -> tuple[Group, ...]:
    """Return the configurations that an experiment's plots show, best first; none when no configuration was repeated.

    They are the ten best by the leading metric, or the first ten without one; runs that have not finished are left out.
    """
    metric = leading_metric(experiment, config)
    groups = [
        replace(group, runs=tuple(run for run in group.runs if run.status == "finished"))
        for group in make_groups(experiment)
    ]
    groups = [group for group in groups if group.runs]
    if all(len(group.runs) < 2 for group in groups):
        return ()
    if metric is not None:
        groups = [group for group, _ in rank_groups(groups, metric, config)]
    return tuple(groups[:COLOURS])


def interval_text(spread: Spread, decimals: int) -> str:
    """Return what stands behind a mean: `± 0.24`, below three values `n = 2`, nothing without a value."""
    if spread.half_width is not None:
        return f"± {format_number(spread.half_width, decimals)}"
    return f"n = {len(spread.values)}" if spread.values else ""


def mean_decimals(spreads: Sequence[Spread]) -> int:
    """Return the decimals of a column of means: a spread of 0.2 over the seeds is written with two."""
    widths = sorted(s.half_width for s in spreads if s.half_width)
    if not widths:
        return column_decimals([s.mean for s in spreads])
    return spread_decimals(widths[len(widths) // 2])


def _mean_column(shown: Sequence[tuple[Group, Spread]], metric: str, config: Config) -> tuple[Column, list[Value]]:
    known = config.metric(metric)
    summary = summary_name(known)
    means = [make_spread(group.runs, metric, summary).mean for group, _ in shown]
    decimals = column_decimals(means)
    finite = [mean for mean in means if mean is not None]
    best = None
    if known.direction and len(finite) > 1:
        best = max(finite) if known.direction == "max" else min(finite)
    cells = []
    for mean in means:
        cell = make_value(mean, decimals)
        cells.append(Value(cell.text, cell.full, 0, True) if mean is not None and mean == best else cell)
    return Column(metric, title_of(metric, known), unit_of(known), known.direction, summary, decimals), cells


# ---- counts


STATUSES: Final = ("finished", "unfinished", "failed", "stopped")


def count_statuses(runs: Sequence[Summary]) -> tuple[tuple[str, int], ...]:
    """Return (status, number of runs) for each status that occurs, finished first."""
    return tuple((status, n) for status in STATUSES if (n := sum(run.status == status for run in runs)))

"""Comparisons: the selection of an experiment side by side, and the list of all comparisons.

Owns which rows are compared, what counts as a difference, and the sentence that opens the page: it says only what was
tested against the spread of the seeds, and says so where that spread is not known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from reportgen.analysis.groups import (
    Group,
    differences,
    finite_value,
    is_seed,
    make_groups,
    seed_spread,
    usual_values,
)
from reportgen.analysis.selection import assign_slots, rank_runs, rivals
from reportgen.formats import short_key
from reportgen.model import Experiment, ParamValue, Summary
from reportgen.site import urls
from reportgen.site.config import Config
from reportgen.site.data.typed import SitePath
from reportgen.site.packs import csv_parts
from reportgen.site.pages.columns import (
    MAX_REASON,
    NO_VALUE,
    Column,
    Value,
    cut_text,
    describe,
    headline_of,
    leading_metric,
    make_column,
    make_value,
    name_of,
    param_text,
    seeds_of,
    selection_of,
    spread_decimals,
    summary_name,
    title_of,
    title_of_experiment,
    unit_of,
)
from reportgen.site.pages.experiment import Figure, make_figures
from reportgen.site.text import column_decimals, format_duration, format_number, format_time

MAX_METRICS: Final = 60
MAX_PARAMS: Final = 200
MAX_FIGURES: Final = 3
"""Static plots of a comparison: those of the leading headline metrics."""
_LABEL_PARAMS: Final = 60


@dataclass(frozen=True, slots=True)
class ComparedRun:
    """Head of one run's column."""

    k: str
    """Short key, by which the comparison in the browser knows the run."""
    name: str
    page: str
    status: str
    error: str
    slot: int
    differs: str
    """What sets it apart from the usual configuration; may be empty."""


@dataclass(frozen=True, slots=True)
class Delta:
    """How a value differs from the first run's."""

    text: str
    """Size with a sign where no direction is known; empty for the first run and where a value is missing."""
    mark: str = ""
    """`▲`, `▼`, `≈` (within the spread of the seeds), or empty."""
    verdict: str = ""
    """`better`, `worse`, `within`, or empty where the spread is not known or no direction is."""


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One metric over the compared runs."""

    column: Column
    cells: tuple[tuple[Value, Delta], ...]
    spread: Value
    """How far two runs of one configuration differ (95 %), in the experiment of the first run."""


@dataclass(frozen=True, slots=True)
class ParamRow:
    """One param over the compared runs."""

    name: str
    cells: tuple[tuple[str | None, bool], ...]
    """(text or None when the run has no such param, True when it is not the first run's)."""


@dataclass(frozen=True, slots=True)
class FactRow:
    """One fact over the compared runs."""

    name: str
    cells: tuple[str, ...]
    code: bool = False
    """True for hashes."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """What a comparison says first."""

    claim: str
    rest: str


@dataclass(frozen=True, slots=True)
class ComparePage:
    """What `experiment_compare.html` shows."""

    experiment: str
    experiment_page: str
    sentence: Sentence
    runs: tuple[ComparedRun, ...]
    total: int
    """Runs of the experiment."""
    chosen_by: str
    """Title of the metric by which the runs were chosen, empty for the newest."""
    metrics: tuple[MetricRow, ...]
    hidden_metrics: int
    spread_known: bool
    spread_of: str
    """Title of the experiment whose spreads are shown, empty where all runs are of one."""
    different: tuple[ParamRow, ...]
    hidden_params: int
    same: tuple[tuple[str, str], ...]
    """(name, value) of the params that are the same in all compared runs."""
    same_total: int
    facts: tuple[FactRow, ...]
    figures: tuple[Figure, ...]
    csv: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison in the list."""

    experiment: str
    page: SitePath
    runs: int
    sentence: Sentence


@dataclass(frozen=True, slots=True)
class CompareListPage:
    """What `compare.html` shows."""

    comparisons: tuple[Comparison, ...]
    single: tuple[tuple[str, str], ...]
    """(experiment, site path) of experiments with one run, which have nothing to compare."""


def make_comparison(experiment: Experiment, config: Config) -> Comparison | None:
    """Return what the list says of an experiment's comparison, None when there is nothing to compare."""
    runs = selection_of(experiment, config)
    if len(runs) < 2:
        return None
    page = SitePath(urls.experiment_compare_page(experiment.name))
    return Comparison(title_of_experiment(experiment.name), page, len(runs), make_sentence(experiment, runs, config))


def make_compare_page(comparisons: Mapping[str, Comparison | None]) -> CompareListPage:
    """Return the list of the comparisons that experiments have, by name: it stays the same while they do."""
    names = sorted(comparisons)
    return CompareListPage(
        tuple(found for name in names if (found := comparisons[name]) is not None),
        tuple((title_of_experiment(n), urls.experiment_page(n)) for n in names if comparisons[n] is None),
    )


def make_experiment_compare_page(
    experiment: Experiment, config: Config, plots: Mapping[str, str], chosen: Sequence[Summary] = ()
) -> ComparePage:
    """Return the comparison of the `chosen` runs, without any of the experiment's selection.

    `plots` gives metric -> site path of its plot.
    """
    runs = chosen or selection_of(experiment, config)
    metrics = compared_metrics(experiment, runs, config)
    groups = repeated_groups(experiment)
    rows = tuple(make_metric_row(groups, runs, metric, config) for metric in metrics[:MAX_METRICS])
    several = len({run.experiment for run in runs}) > 1
    different, same = _compare_params(runs)
    leading = leading_metric(experiment, config)
    return ComparePage(
        experiment=title_of_experiment(experiment.name),
        experiment_page=urls.experiment_page(experiment.name),
        sentence=make_sentence(experiment, runs, config),
        runs=_heads(experiment, runs),
        total=len(chosen or experiment.runs),
        chosen_by="" if leading is None else title_of(leading, config.metric(leading)),
        metrics=rows,
        hidden_metrics=len(metrics) - len(rows),
        spread_known=any(not row.spread.missing for row in rows),
        spread_of=title_of_experiment(runs[0].experiment) if several else "",
        different=different[:MAX_PARAMS],
        hidden_params=max(0, len(different) - MAX_PARAMS),
        same=same[:MAX_PARAMS],
        same_total=len(same),
        facts=_facts(runs),
        figures=make_figures(experiment, config, plots, runs, pool=runs, limit=MAX_FIGURES),
        csv=_csv_of(experiment),
    )


def _csv_of(experiment: Experiment) -> str:
    """Return where the table of all runs is found: the page of a long experiment links its parts."""
    whole = csv_parts(len(experiment.runs)) == 1
    return urls.experiment_csv(experiment.name) if whole else urls.experiment_page(experiment.name)


def _heads(experiment: Experiment, runs: Sequence[Summary]) -> tuple[ComparedRun, ...]:
    slots = assign_slots(experiment, runs)
    varying = [p for p in experiment.varying_params if not is_seed(p)][:_LABEL_PARAMS]
    usual = usual_values(experiment, varying)
    return tuple(
        ComparedRun(
            short_key(run.key),
            name_of(run),
            urls.run_page(run.key, run.name),
            run.status,
            cut_text(run.error, MAX_REASON),
            slots[run.key],
            describe((*differences(run, usual), *seeds_of(run))),
        )
        for run in runs
    )


def compared_metrics(experiment: Experiment, runs: Sequence[Summary], config: Config) -> tuple[str, ...]:
    """Return the metrics of the compared runs: headline metrics first, then by first appearance."""
    present = {name for run in runs for name in run.metrics}
    first = headline_of(experiment, config)
    ordered = dict.fromkeys((*first, *experiment.metric_names))
    return tuple(name for name in ordered if name in present)


# ---- metrics


def repeated_groups(experiment: Experiment) -> tuple[Group, ...]:
    """Return the configurations with at least two runs, which tell how far seeds differ."""
    return tuple(group for group in make_groups(experiment, max_params=0) if len(group.runs) > 1)


def _spread_between(
    groups: Sequence[Group], first: Summary, second: Summary, metric: str, summary: str
) -> float | None:
    """Return how far two runs of one configuration differ in `metric`, to measure the difference of two runs against.

    `groups` are those that were repeated. It is the spread of the experiment that both runs are of: that of another
    one says nothing of them, and None is returned for runs of two experiments.
    """
    if first.experiment != second.experiment:
        return None
    own = [group for group in groups if group.runs[0].experiment == first.experiment]
    return seed_spread(own, metric, summary)


def make_metric_row(groups: Sequence[Group], runs: Sequence[Summary], metric: str, config: Config) -> MetricRow:
    """Return one metric over `runs`; `groups` are the configurations that were repeated, as of `repeated_groups`."""
    column, cells = make_column(runs, metric, config)
    spread = _spread_between(groups, runs[0], runs[0], metric, column.summary)
    values = [finite_value(run, metric, column.summary) for run in runs]
    deltas = [Delta("")]
    for run, value in zip(runs[1:], values[1:], strict=True):
        known = spread if run.experiment == runs[0].experiment else None
        deltas.append(_delta(values[0], value, column, known))
    shown = NO_VALUE if spread is None else make_value(spread, min(column.decimals, spread_decimals(spread)))
    return MetricRow(column, tuple(zip(cells, deltas, strict=True)), shown)


def _delta(first: float | None, value: float | None, column: Column, spread: float | None) -> Delta:
    """Return the difference to the first run; a verdict only where direction and spread are known."""
    if first is None or value is None or not math.isfinite(value - first):
        return Delta("")
    difference = value - first
    size = format_number(abs(difference), column.decimals)
    signed = f"+{size}" if difference > 0 else format_number(difference, column.decimals)
    if difference == 0:
        return Delta("=")
    if spread is not None and abs(difference) <= spread:
        return Delta(signed if round(difference, column.decimals) else "0", "≈", "within")
    if column.direction is None:
        return Delta(signed)
    better = (difference > 0) == (column.direction == "max")
    verdict = "" if spread is None else "better" if better else "worse"
    return Delta(size, "▲" if difference > 0 else "▼", verdict)


# ---- params and facts


def _compare_params(runs: Sequence[Summary]) -> tuple[tuple[ParamRow, ...], tuple[tuple[str, str], ...]]:
    """Return the params that differ over `runs`, seeds last, and those that are the same, by name."""
    names = tuple(dict.fromkeys(name for run in runs for name in run.params))
    missing = object()
    different: list[ParamRow] = []
    seeds: list[ParamRow] = []
    same: list[tuple[str, str]] = []
    for name in names:
        values: list[object] = [run.params.get(name, missing) for run in runs]
        if all(value == values[0] for value in values):
            same.append((name, param_text(runs[0].params[name])))
            continue
        cells = tuple((_param(run.params, name), v != values[0]) for run, v in zip(runs, values, strict=True))
        (seeds if is_seed(name) else different).append(ParamRow(name, cells))
    return (*different, *seeds), tuple(sorted(same))


def _param(params: Mapping[str, ParamValue], name: str) -> str | None:
    return param_text(params[name]) if name in params else None


def _facts(runs: Sequence[Summary]) -> tuple[FactRow, ...]:
    rows = [
        FactRow("Started", tuple(format_time(run.start_time) for run in runs)),
        FactRow("Duration", tuple(format_duration(run.duration_s) for run in runs)),
        FactRow("Commit", tuple(_commit(run) for run in runs), code=True),
        FactRow("Branch", tuple(cut_text(run.branch) for run in runs)),
        FactRow("User", tuple(cut_text(run.user) for run in runs)),
        FactRow("Group", tuple(cut_text(run.group) for run in runs)),
    ]
    if any(run.ranks > 1 for run in runs):
        rows.append(FactRow("Processes", tuple(str(run.ranks) for run in runs)))
    return tuple(row for row in rows if any(row.cells))


def _commit(run: Summary) -> str:
    return f"{run.commit[:7]}{' + changes' if run.dirty else ''}" if run.commit else ""


# ---- the sentence


def make_sentence(experiment: Experiment, runs: Sequence[Summary], config: Config) -> Sentence:
    """Return what can be said of the compared runs: who is best in what, and whether the lead exceeds the seeds'."""
    if len(runs) < 2:
        return Sentence("One run, nothing to compare it with.", "")
    metrics = [name for name in headline_of(experiment, config) if config.metric(name).direction]
    if not metrics:
        return Sentence("No metric here has a known direction.", "No run is called best.")
    if len({run.experiment for run in runs}) > 1:  # measured by what all of them have
        metrics = [name for name in metrics if all(name in run.metrics for run in runs)]
        if not metrics:
            return Sentence("These runs share no metric with a known direction.", "No run is called best.")
    names = {run.key: name_of(run) for run in runs}
    groups = repeated_groups(experiment)
    bests: dict[str, list[str]] = {}
    open_ones = []
    for metric in metrics:
        known = config.metric(metric)
        summary = summary_name(known)
        ranked = _ranked(runs, metric, config)
        if len(ranked) < 2:
            continue
        (best, value), (second, next_value) = ranked[:2]
        if abs(value - next_value) <= (_spread_between(groups, best, second, metric, summary) or 0.0):
            open_ones.append(metric)
        else:
            bests.setdefault(best.key, []).append(title_of(metric, known))
    said = [f"{names[key]} is best in {_join(own)}." for key, own in bests.items()]
    titles = [title_of(metric, config.metric(metric)) for metric in open_ones]
    lead = _lead_sentence(experiment, runs, metrics[0], config)
    if metrics[0] in open_ones:
        said = [f"No clear winner in {_join(titles)}.", *([lead] if lead else []), *said]
    else:
        said += [lead] if lead else []
        said += [f"No clear winner in {_join(titles)}."] if titles else []
    if not said:
        return Sentence("No run is ahead of the others.", "")
    return Sentence(said[0], " ".join(said[1:]))


def _lead_sentence(experiment: Experiment, runs: Sequence[Summary], metric: str, config: Config) -> str:
    """Return how far the first two runs by `metric` lie apart, measured against the spread of the seeds."""
    known = config.metric(metric)
    summary, title = summary_name(known), title_of(metric, known)
    ranked = _ranked(runs, metric, config)
    if len(ranked) < 2 or ranked[0][1] == ranked[1][1]:
        return ""
    lead = abs(ranked[0][1] - ranked[1][1])
    unit = {"": "", "%": " points"}.get(unit_of(known), f" {unit_of(known)}")
    spread = _spread_between(repeated_groups(experiment), ranked[0][0], ranked[1][0], metric, summary)
    decimals = column_decimals(value for _, value in ranked) if spread is None else spread_decimals(spread)
    said = f"The first two differ by {format_number(lead, decimals)}{unit} in {title}"
    if spread is None:
        return f"{said}; how far two runs of one configuration differ is not known."
    against = f"what two runs of one configuration differ by (±\u00a0{format_number(spread, decimals)})"
    return f"{said}, {'less' if lead <= spread else 'more'} than {against}."


def _ranked(runs: Sequence[Summary], metric: str, config: Config) -> list[tuple[Summary, float]]:
    """Return the runs that may be called best with their finite values, best first."""
    known = config.metric(metric)
    summary = summary_name(known)
    ordered = rank_runs(rivals(runs, metric), metric, summary, known.direction)
    return [(run, value) for run in ordered if (value := finite_value(run, metric, summary)) is not None]


def _join(words: Sequence[str]) -> str:
    cut = [cut_text(word) for word in words]
    return cut[0] if len(cut) == 1 else f"{', '.join(cut[:-1])} and {cut[-1]}"

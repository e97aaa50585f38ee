"""The page of one experiment: the answer in four facts, then configurations, runs and plots as the evidence.

Pure: an experiment, the configuration and the paths of the drawn plots in, the dataclass for `experiment.html` out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from reportgen.analysis.groups import Group, Spread, finite_value, make_groups, seed_spread
from reportgen.analysis.selection import best_run, contenders, rank_runs
from reportgen.formats import short_key
from reportgen.model import Experiment, Problem, Summary
from reportgen.prose import render_markdown
from reportgen.site import urls
from reportgen.site.config import Config
from reportgen.site.histories import HistoryFacts
from reportgen.site.packs import BLOCK_RUNS, csv_parts
from reportgen.site.pages.columns import (
    Value,
    colour,
    group_label,
    headline_of,
    leading_metric,
    make_best_value,
    make_value,
    name_of,
    param_text,
    selection_of,
    summary_name,
    title_of,
    unit_of,
)
from reportgen.site.pages.curves import CurvesChart, CurvesLine, CurvesSection
from reportgen.site.pages.tables import (
    MAX_SEEDS,
    GroupTable,
    RunTable,
    count_statuses,
    interval_text,
    live_rows,
    make_group_table,
    make_run_table,
    mean_decimals,
    plotted_groups,
    rank_groups,
)
from reportgen.site.text import column_decimals, format_count, format_duration, iso_time

PLOT_WIDTH: Final = 432
PLOT_HEIGHT: Final = 264
"""Size of the static plots in px: the room that the page keeps while they load."""
MAX_SAME: Final = 400
"""Params with one value that the page lists; the CSV has all."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One of the facts beside the title."""

    label: str
    value: Value
    unit: str = ""
    interval: str = ""
    """Stands behind the value: `± 0.24`."""
    link: str = ""
    """Text that leads to `page`, or names the configuration of `slot`."""
    page: str = ""
    slot: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """The static plot of one headline metric over the selection."""

    title: str
    unit: str
    direction: str | None
    plot: str
    """Site path of the SVG, or empty when none was drawn."""
    alt: str
    best: Value | None
    best_name: str
    best_page: str
    best_step: int | None
    curves: CurvesChart
    """The same plot, for the script."""
    width: int = PLOT_WIDTH
    height: int = PLOT_HEIGHT


@dataclass(frozen=True, slots=True)
class ExperimentPage:
    """What `experiment.html` shows."""

    name: str
    description: Markup
    statuses: tuple[tuple[str, int], ...]
    runs: int
    first_time: float
    last_time: float
    one_day: bool
    """True when first and last time lie in one UTC day."""
    facts: tuple[Fact, ...]
    groups: GroupTable | None
    table: RunTable
    live_rows: int
    """Rows of the table that the script makes, for which the page keeps room."""
    same_params: tuple[tuple[str, str], ...]
    """(name, value) of params that are the same in all runs."""
    same_total: int
    figures: tuple[Figure, ...]
    curves: CurvesSection
    """What the script that draws the plots has to know beside the plots themselves."""
    selected: int
    """Runs in the comparison, and in the plots unless these show configurations."""
    plotted_groups: int
    """Configurations in the plots; 0 when they show runs."""
    total_groups: int
    chosen_by: str
    """Title of the metric by which they were chosen, empty for the newest."""
    problems: int
    csv: tuple[tuple[int, int, str], ...]
    """(first run, last run, site path) of the tables of all runs: one, or one for each block of a long experiment."""
    compare: str
    """Site path of the comparison; empty for a single run."""
    history: str
    """Site path of the history, empty when there is none."""
    observations: int
    """Commits of the history."""
    regressions: int
    """Regressions that have not been made good."""


def make_experiment_page(
    experiment: Experiment,
    config: Config,
    plots: Mapping[str, str],
    problems: Sequence[Problem] = (),
    *,
    history: HistoryFacts | None = None,
) -> ExperimentPage:
    """Return the page of `experiment`; `plots` gives metric -> site path of its plot over the selection.

    `problems` are faults of this experiment that belong to none of its runs; `history` is what is known of its history.
    """
    selected = selection_of(experiment, config)
    plotted = plotted_groups(experiment, config)
    shown = [run for group in plotted for run in group.runs[:MAX_SEEDS]] or selected
    metric = leading_metric(experiment, config)
    description = config.experiment(experiment.name).description
    same = sorted(experiment.constant_params)
    first = min((run.start_time for run in experiment.runs), default=math.nan)
    last = max((run.last_time for run in experiment.runs), default=math.nan)
    return ExperimentPage(
        name=experiment.name.strip() or "unnamed",
        description=render_markdown(description) if description else Markup(),
        statuses=count_statuses(experiment.runs),
        runs=len(experiment.runs),
        first_time=first,
        last_time=last,
        one_day=iso_time(first)[:10] == iso_time(last)[:10],
        facts=make_facts(experiment, config, metric),
        groups=make_group_table(experiment, config),
        table=make_run_table(experiment, config),
        live_rows=live_rows(experiment, config),
        same_params=tuple((name, param_text(experiment.constant_params[name])) for name in same[:MAX_SAME]),
        same_total=len(same),
        figures=make_figures(experiment, config, plots, shown),
        curves=CurvesSection(
            [short_key(run.key) for run in shown], table=short_key(experiment.name), grouped=bool(plotted)
        ),
        selected=len(selected),
        plotted_groups=len(plotted),
        total_groups=len(set(experiment.groups.values())),
        chosen_by="" if metric is None else title_of(metric, config.metric(metric)),
        problems=len(problems) + sum(len(run.problems) for run in experiment.runs),
        csv=_csv_links(experiment),
        compare=urls.experiment_compare_page(experiment.name) if len(selected) > 1 else "",
        history=history.page if history else "",
        observations=history.observations if history else 0,
        regressions=len(history.open) if history else 0,
    )


def _csv_links(experiment: Experiment) -> tuple[tuple[int, int, str], ...]:
    runs, parts = len(experiment.runs), csv_parts(len(experiment.runs))
    if parts == 1:
        return ((1, runs, urls.experiment_csv(experiment.name)),)
    ends = [(part * BLOCK_RUNS + 1, min(runs, (part + 1) * BLOCK_RUNS)) for part in range(parts)]
    return tuple((*own, urls.experiment_csv(experiment.name, part)) for part, own in enumerate(ends, 1))


# ---- facts


def make_facts(experiment: Experiment, config: Config, metric: str | None) -> tuple[Fact, ...]:
    """Return the facts beside the title: best run, best configuration, its lead, compute.

    What is not known is left out. `metric` ranks the runs; it is None when no metric has a direction.
    """
    facts = []
    if metric is not None:
        facts += _best_facts(experiment, config, metric)
    facts.append(_compute(experiment.runs))
    return tuple(facts)


def _best_facts(experiment: Experiment, config: Config, metric: str) -> list[Fact]:
    known = config.metric(metric)
    summary, title = summary_name(known), title_of(metric, known)
    best = best_run(experiment.runs, metric, summary, known.direction)
    if best is None:
        return []
    step = best.metrics[metric].step_of(summary)
    facts = [
        Fact(
            label=f"Best run, {title}",
            value=make_best_value(experiment.runs, best, metric, summary),
            unit=unit_of(known),
            link=name_of(best),
            page=urls.run_page(best.key, best.name),
            note="" if step is None else f"step {step}",
        )
    ]
    groups = make_groups(experiment)
    ranked = [(group, spread) for group, spread in rank_groups(groups, metric, config) if spread.mean is not None]
    if ranked and any(len(spread.values) > 1 for _, spread in ranked):
        facts += _group_facts(ranked, unit_of(known))
    else:
        facts += _lead_of_run(experiment, metric, config, seed_spread(groups, metric, summary))
    return facts


def _group_facts(ranked: Sequence[tuple[Group, Spread]], unit: str) -> list[Fact]:
    group, spread = ranked[0]
    decimals = mean_decimals([s for _, s in ranked])
    count = len(spread.values)
    facts = [
        Fact(
            label="Best configuration, " + ("one run" if count == 1 else f"mean of {format_count(count, 'run')}"),
            value=make_value(spread.mean, decimals),
            unit=unit,
            interval="" if spread.half_width is None else interval_text(spread, decimals),
            link=group_label(group),
            slot=colour(group.slot),
            note="95 % interval" if spread.half_width is not None else "too few runs for an interval",
        )
    ]
    if len(ranked) > 1:
        facts.append(_lead_of_group(spread, ranked[1][1], unit, decimals))
    return facts


def _lead_of_group(first: Spread, second: Spread, unit: str, decimals: int) -> Fact:
    lead = abs((first.mean or 0.0) - (second.mean or 0.0))
    if first.interval is None or second.interval is None:
        note = "too few runs to tell them apart"
    elif first.interval[0] <= second.interval[1] and second.interval[0] <= first.interval[1]:
        note = "intervals overlap: no clear winner"
    else:
        note = "intervals do not overlap"
    return Fact("Lead over the next configuration", make_value(lead, decimals), _difference_unit(unit), note=note)


def _lead_of_run(experiment: Experiment, metric: str, config: Config, spread: float | None) -> list[Fact]:
    known = config.metric(metric)
    summary = summary_name(known)
    ranked = rank_runs(contenders(experiment.runs), metric, summary, known.direction)[:2]
    values = [v for run in ranked if (v := finite_value(run, metric, summary)) is not None]
    if len(values) < 2:
        return []
    lead = abs(values[0] - values[1])
    note = "one run per configuration: spread unknown"
    if spread is not None:
        note = "within the spread of repeated runs" if lead <= spread else "beyond the spread of repeated runs"
    decimals = column_decimals(finite_value(run, metric, summary) for run in experiment.runs)
    return [Fact("Lead over the next run", make_value(lead, decimals), _difference_unit(unit_of(known)), note=note)]


def _difference_unit(unit: str) -> str:
    return "points" if unit == "%" else unit


def _compute(runs: Sequence[Summary]) -> Fact:
    durations = sorted(run.duration_s for run in runs if math.isfinite(run.duration_s) and run.duration_s >= 0)
    note = format_count(len(runs), "run")
    if len(durations) > 1:
        note += f", median {format_duration(durations[len(durations) // 2])}"
    return Fact("Time of all runs", Value(format_duration(math.fsum(durations))), note=note)


# ---- figures


def make_figures(
    experiment: Experiment,
    config: Config,
    plots: Mapping[str, str],
    selected: Sequence[Summary],
    *,
    pool: Sequence[Summary] | None = None,
    limit: int | None = None,
) -> tuple[Figure, ...]:
    """Return one figure for each headline metric that has a plot or a best run, `limit` at most.

    `selected` are the runs in the plots; the best is that of `pool`, by default of the whole experiment.
    """
    pool = experiment.runs if pool is None else pool
    figures: list[Figure] = []
    for metric in headline_of(experiment, config):
        if len(figures) == limit:
            break
        known = config.metric(metric)
        summary, title = summary_name(known), title_of(metric, known)
        best = best_run(pool, metric, summary, known.direction)
        value = None if best is None else make_best_value(experiment.runs, best, metric, summary)
        plot = plots.get(metric, "")
        if not plot and best is None:
            continue
        shown = sum(metric in run.metrics for run in selected)
        alt = f"Line plot of {title} by step for {format_count(shown, 'run')}."
        if best is not None and value is not None:
            alt += f" Best: {name_of(best)} with {value.text}{' ' + unit_of(known) if unit_of(known) else ''}."
        figures.append(
            Figure(
                title=title,
                unit=unit_of(known),
                direction=known.direction,
                plot=plot,
                alt=alt,
                best=value,
                best_name="" if best is None else name_of(best),
                best_page="" if best is None else urls.run_page(best.key, best.name),
                best_step=None if best is None else best.metrics[metric].step_of(summary),
                curves=CurvesChart(title, unit_of(known), known.direction, "", 0.0, (CurvesLine(metric, "", False),)),
            )
        )
    return tuple(figures)

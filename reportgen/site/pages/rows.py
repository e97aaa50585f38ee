"""Rows of runs from several experiments: the newest runs on the home page and on the page of all runs."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from reportgen.analysis.groups import differences, finite_value, is_seed, usual_values
from reportgen.index import Index
from reportgen.model import Experiment, Summary
from reportgen.site import urls
from reportgen.site.config import Config
from reportgen.site.pages.columns import (
    MAX_REASON,
    Value,
    colour,
    cut_text,
    describe,
    headline_of,
    leading_metric,
    make_own_spark,
    make_value,
    name_of,
    seeds_of,
    summary_name,
    title_of,
    title_of_experiment,
    unit_of,
)
from reportgen.site.text import column_decimals

_MAX_PARAMS = 60
"""Varying params that the column "Differs in" looks at."""


@dataclass(frozen=True, slots=True)
class RecentRun:
    """One run among runs of other experiments."""

    name: str
    page: str
    experiment: str
    experiment_page: str
    status: str
    differs: str
    """What sets it apart from the usual configuration of its experiment; may be empty."""
    metric: str
    """Title of the experiment's first headline metric, empty when the run has none."""
    value: Value
    unit: str
    spark: Markup
    error: str
    note: str
    duration_s: float
    start_time: float
    last_time: float


def make_recent_runs(index: Index, config: Config, limit: int) -> tuple[RecentRun, ...]:
    """Return the `limit` runs with the newest lines, newest first."""
    runs = heapq.nsmallest(limit, index.runs, key=lambda run: (-run.last_time, -run.start_time, run.key))
    return make_rows(runs, index, config)


def make_rows(runs: Sequence[Summary], index: Index, config: Config) -> tuple[RecentRun, ...]:
    """Return one row for each of `runs`, in their order."""
    wanted = {run.experiment for run in runs}
    views = {e.name: _View(e, config) for e in index.experiments if e.name in wanted}
    return tuple(views[run.experiment].row(run) for run in runs)


def make_differs(experiment: Experiment) -> Callable[[Summary], str]:
    """Return what says in a few words how a run of `experiment` differs from its usual configuration, seeds last."""
    params = [p for p in experiment.varying_params if not is_seed(p)][:_MAX_PARAMS]
    usual = usual_values(experiment, params)
    several = len(experiment.runs) > 1
    return lambda run: describe((*differences(run, usual), *(seeds_of(run) if several else ())))


class _View:
    """What the rows of one experiment's runs share."""

    def __init__(self, experiment: Experiment, config: Config) -> None:
        self.experiment = experiment
        self.config = config
        leading = leading_metric(experiment, config)
        rest = (name for name in headline_of(experiment, config) if name != leading)
        self.metrics = (*((leading,) if leading else ()), *rest)
        self.differs = make_differs(experiment)
        self.decimals = 0
        if self.metrics:
            summary = summary_name(config.metric(self.metrics[0]))
            self.decimals = column_decimals(finite_value(run, self.metrics[0], summary) for run in experiment.runs)

    def row(self, run: Summary) -> RecentRun:
        metric = next((name for name in self.metrics[:1] if name in run.metrics), "")
        value, unit, title, spark = make_value(None), "", "", Markup()
        if metric:
            known = self.config.metric(metric)
            value = make_value(run.metrics[metric].value(summary_name(known)), self.decimals)
            unit, title = unit_of(known), title_of(metric, known)
            slot = self.experiment.slots.get(self.experiment.groups.get(run.key, ""), 0)
            spark = make_own_spark(run, metric, colour(slot))
        return RecentRun(
            name=name_of(run),
            page=urls.run_page(run.key, run.name),
            experiment=title_of_experiment(run.experiment),
            experiment_page=urls.experiment_page(run.experiment),
            status=run.status,
            differs=self.differs(run),
            metric=title,
            value=value,
            unit=unit,
            spark=spark,
            error=cut_text(run.error, MAX_REASON),
            note=cut_text(" ".join(run.note.split()), 90),
            duration_s=run.duration_s,
            start_time=run.start_time,
            last_time=run.last_time,
        )

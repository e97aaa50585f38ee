"""Rows of runs from several experiments: the newest runs on the home page and on the page of all runs."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from reportgen.analysis.groups import differences, finite_value, is_seed, usual_values
from reportgen.model import Experiment, Summary
from reportgen.site import urls
from reportgen.site.config import Config
from reportgen.site.data.typed import SitePath
from reportgen.site.pages.columns import (
    MAX_REASON,
    Value,
    colour,
    cut_text,
    describe,
    headline_of,
    leading_metric,
    make_value,
    name_of,
    own_heights,
    seeds_of,
    summary_name,
    title_of,
    title_of_experiment,
    unit_of,
)
from reportgen.site.sparks import render_spark
from reportgen.site.text import column_decimals

_MAX_PARAMS = 60
"""Varying params that the column "Differs in" looks at."""


@dataclass(frozen=True, slots=True)
class RecentRun:
    """One run among runs of other experiments."""

    key: str
    name: str
    page: SitePath
    experiment: str
    experiment_page: SitePath
    status: str
    differs: str
    """What sets it apart from the usual configuration of its experiment; may be empty."""
    metric: str
    """Title of the experiment's first headline metric, empty when the run has none."""
    value: Value
    unit: str
    heights: tuple[int, ...]
    """Sparkline of the metric in its own range, empty where there is none."""
    slot: int
    """Colour of the sparkline."""
    error: str
    note: str
    duration_s: float
    start_time: float
    last_time: float

    @property
    def spark(self) -> Markup:
        """The sparkline; empty markup where there is none."""
        return render_spark(self.heights, slot=self.slot) if self.heights else Markup()


def make_recent_runs(experiment: Experiment, config: Config, limit: int) -> tuple[RecentRun, ...]:
    """Return the `limit` runs of an experiment with the newest lines, newest first."""
    return make_rows(heapq.nsmallest(limit, experiment.runs, key=_recency), experiment, config)


def merge_recent_runs(several: Iterable[Sequence[RecentRun]], limit: int) -> tuple[RecentRun, ...]:
    """Return the `limit` newest of the recent runs of several experiments, newest first."""
    return tuple(heapq.nsmallest(limit, (run for own in several for run in own), key=_recency))


def _recency(run: Summary | RecentRun) -> tuple[float, float, str]:
    return -run.last_time, -run.start_time, run.key


def make_rows(runs: Sequence[Summary], experiment: Experiment, config: Config) -> tuple[RecentRun, ...]:
    """Return one row for each of `runs` of an experiment, in their order."""
    view = _View(experiment, config)
    return tuple(map(view.row, runs))


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
        value, unit, title, slot = make_value(None), "", "", 0
        heights: tuple[int, ...] = ()
        if metric:
            known = self.config.metric(metric)
            value = make_value(run.metrics[metric].value(summary_name(known)), self.decimals)
            unit, title = unit_of(known), title_of(metric, known)
            slot = colour(self.experiment.slots.get(self.experiment.groups.get(run.key, ""), 0))
            heights = own_heights(run, metric)
        return RecentRun(
            key=run.key,
            name=name_of(run),
            page=SitePath(urls.run_page(run.key, run.name)),
            experiment=title_of_experiment(run.experiment),
            experiment_page=SitePath(urls.experiment_page(run.experiment)),
            status=run.status,
            differs=self.differs(run),
            metric=title,
            value=value,
            unit=unit,
            heights=heights,
            slot=slot,
            error=cut_text(run.error, MAX_REASON),
            note=cut_text(" ".join(run.note.split()), 90),
            duration_s=run.duration_s,
            start_time=run.start_time,
            last_time=run.last_time,
        )

"""What pages about the whole site need to know of one experiment.

Made from the experiment and the configuration alone, and kept in the site as JSON data: an experiment of which no run
changed is not read again to make the home page. Numbers and texts only, no markup: a page escapes what it shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from reportgen.analysis.groups import finite_value
from reportgen.analysis.selection import best_run
from reportgen.index import last_activity
from reportgen.model import Experiment
from reportgen.site import urls
from reportgen.site.config import Config
from reportgen.site.data.typed import SitePath
from reportgen.site.histories import HistoryFacts
from reportgen.site.pages.columns import (
    Value,
    leading_metric,
    make_best_value,
    name_of,
    summary_name,
    title_of,
    unit_of,
)
from reportgen.site.pages.compare import Comparison, make_comparison
from reportgen.site.pages.models import VersionRow, make_versions
from reportgen.site.pages.problems import ProblemRow, make_rows
from reportgen.site.pages.rows import RecentRun, make_recent_runs
from reportgen.site.pages.tables import count_statuses
from reportgen.site.sparks import Progress, make_progress

DAYS: Final = 90
"""Days before the newest run of which the home page shows how many runs started."""
RECENT: Final = 100
"""Runs that the page of all runs shows."""
_DAY_S: Final = 86_400
_YEAR_10000_S: Final = 253_402_300_800


@dataclass(frozen=True, slots=True)
class Best:
    """The best run of an experiment by its leading metric."""

    value: Value
    unit: str
    metric: str
    """Title of the metric."""
    direction: str
    run: str
    page: SitePath


@dataclass(frozen=True, slots=True)
class ExperimentFacts:
    """What is known of one experiment without its runs."""

    name: str
    runs: int
    statuses: tuple[tuple[str, int], ...]
    """(status, runs) of each status that occurs."""
    last_time: float
    """Time of the newest line of any run."""
    days: tuple[tuple[int, int, int], ...]
    """(UTC day since 1970, runs started, failed of these), of the last `DAYS` days that end with its newest run."""
    metrics: tuple[str, ...]
    """Names of all metrics of its runs."""
    best: Best | None
    progress: Progress | None
    """How its best value came about, None when no run has one."""
    recent: tuple[RecentRun, ...]
    """The `RECENT` runs with the newest lines, newest first."""
    comparison: Comparison | None
    """None when there is nothing to compare."""
    models: tuple[VersionRow, ...]
    problems: tuple[ProblemRow, ...]
    """Of its runs, newest run first."""
    history: HistoryFacts


def make_facts(experiment: Experiment, config: Config, history: HistoryFacts) -> ExperimentFacts:
    """Return what is known of an experiment with this history."""
    newest = sorted(experiment.runs, key=lambda run: (-run.start_time, run.key))
    best, progress = _find_best(experiment, config)
    return ExperimentFacts(
        name=experiment.name,
        runs=len(experiment.runs),
        statuses=count_statuses(experiment.runs),
        last_time=last_activity(experiment),
        days=_count_days(experiment),
        metrics=experiment.metric_names,
        best=best,
        progress=progress,
        recent=make_recent_runs(experiment, config, RECENT),
        comparison=make_comparison(experiment, config),
        models=make_versions(newest),
        problems=make_rows(newest),
        history=history,
    )


def in_order(facts: Iterable[ExperimentFacts]) -> list[ExperimentFacts]:
    """Return the facts of experiments by last activity, newest first, then by name."""
    return sorted(facts, key=lambda own: (-own.last_time, own.name))


def join_problems(facts: Sequence[ExperimentFacts]) -> tuple[ProblemRow, ...]:
    """Return the problems of all runs, those of the run that started last first."""
    rows = (row for own in facts for row in own.problems)
    return tuple(sorted(rows, key=lambda row: (-row.start_time, row.key)))


def _find_best(experiment: Experiment, config: Config) -> tuple[Best | None, Progress | None]:
    metric = leading_metric(experiment, config)
    if metric is None:
        return None, None
    known = config.metric(metric)
    summary = summary_name(known)
    values = [None if run.status == "failed" else finite_value(run, metric, summary) for run in experiment.runs]
    progress = make_progress(values, known.direction) if any(v is not None for v in values) else None
    run = best_run(experiment.runs, metric, summary, known.direction)
    if run is None:
        return None, progress
    value = make_best_value(experiment.runs, run, metric, summary)
    page = SitePath(urls.run_page(run.key, run.name))
    return Best(value, unit_of(known), title_of(metric, known), known.direction or "", name_of(run), page), progress


def _count_days(experiment: Experiment) -> tuple[tuple[int, int, int], ...]:
    """Return the days on which runs started; runs whose start is no date of the calendar are left out."""
    days: dict[int, list[int]] = {}
    for run in experiment.runs:
        if 0 <= run.start_time < _YEAR_10000_S:
            counts = days.setdefault(int(run.start_time // _DAY_S), [0, 0])
            counts[0] += 1
            counts[1] += run.status == "failed"
    last = max(days, default=0)
    return tuple((day, days[day][0], days[day][1]) for day in sorted(days) if day > last - DAYS)

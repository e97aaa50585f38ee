"""The home page: what was tried, what is best, what ran last.

Pure: an index and a configuration in, the dataclass that `home.html` draws out. Nothing depends on the time of the
build; "recent" is measured from the newest run.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from markupsafe import Markup

from reportgen.analysis.groups import finite_value
from reportgen.analysis.selection import best_run
from reportgen.index import Index, last_activity
from reportgen.model import Experiment, Problem, Summary
from reportgen.prose import plain_text, render_markdown
from reportgen.site import urls
from reportgen.site.config import Config
from reportgen.site.histories import HistoryFacts
from reportgen.site.pages.columns import (
    Value,
    cut_text,
    leading_metric,
    make_best_value,
    name_of,
    summary_name,
    title_of,
    title_of_experiment,
    unit_of,
)
from reportgen.site.pages.history_list import ListedChange, list_open
from reportgen.site.pages.rows import RecentRun, make_recent_runs
from reportgen.site.pages.tables import count_statuses
from reportgen.site.sparks import render_activity, render_best_so_far

DAYS: Final = 90
RECENT: Final = 10
SHOWN_PROBLEMS: Final = 2
SHOWN_REGRESSIONS: Final = 3

_ONE_LINE: Final = 90
"""Characters that fit on the line below a name; of a longer paragraph the first sentence is shown."""
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
    page: str


@dataclass(frozen=True, slots=True)
class ExperimentRow:
    """One experiment in the list."""

    name: str
    page: str
    description: str
    """First line of the description as plain text, may be empty."""
    runs: int
    exceptions: tuple[tuple[str, int], ...]
    """(status, runs) of what did not just finish."""
    best: Best | None
    best_so_far: Markup
    last_time: float


@dataclass(frozen=True, slots=True)
class HomePage:
    """What `home.html` shows."""

    title: str
    description: Markup
    runs: int
    recent_runs: int
    """Runs of the last `DAYS` days before the newest."""
    days: int
    activity: Markup
    last_time: float
    regressions: tuple[ListedChange, ...]
    """The newest open regressions."""
    open: int
    """How many there are."""
    experiments: tuple[ExperimentRow, ...]
    recent: tuple[RecentRun, ...]
    problems: int
    """Faults in the logs, lines of one fault counted once."""
    first_problems: tuple[Problem, ...]
    omitted: int
    """Runs that the configuration leaves out."""
    dropped: int
    """Runs whose exact points were left out."""
    max_site_mb: float | None
    """Size in MiB that the site was kept below, None without a limit."""


def make_home_page(
    index: Index, config: Config, facts: Sequence[HistoryFacts] = (), *, omitted: int = 0, dropped: int = 0
) -> HomePage:
    """Return the home page; `omitted` is how many runs `include` and `exclude` keep out of the site.

    `facts` are those of the histories. `dropped` is of how many runs the exact points were left out to keep the site
    below `max_site_mb`.
    """
    days = activity_days(index.runs)
    regressions = list_open(facts)
    return HomePage(
        title=config.title,
        description=render_markdown(config.description) if config.description else Markup(),
        runs=len(index.runs),
        recent_runs=sum(runs for _, runs, _ in days),
        days=DAYS,
        activity=render_activity(days) if days else Markup(),
        last_time=max((run.last_time for run in index.runs), default=0.0),
        regressions=regressions[:SHOWN_REGRESSIONS],
        open=len(regressions),
        experiments=tuple(make_experiment_row(experiment, config) for experiment in index.experiments),
        recent=make_recent_runs(index, config, RECENT),
        problems=len(index.problems),
        first_problems=tuple(_shortened(problem) for problem, _ in index.problems[:SHOWN_PROBLEMS]),
        omitted=omitted,
        dropped=dropped,
        max_site_mb=config.max_site_mb,
    )


def _shortened(problem: Problem) -> Problem:
    return replace(problem, where=cut_text(problem.where, 100), message=cut_text(problem.message, 160))


def activity_days(runs: Sequence[Summary]) -> list[tuple[str, int, int]]:
    """Return (ISO date, runs started, failed of these) for each of the `DAYS` UTC days that end with the newest run.

    Runs whose start is no date of the calendar are left out; no days without runs.
    """
    known = [(int(r.start_time // _DAY_S), r) for r in runs if 0 <= r.start_time < _YEAR_10000_S]
    if not known:
        return []
    last = max(day for day, _ in known)
    first = max(0, last - DAYS + 1)
    started, failed = [0] * (last - first + 1), [0] * (last - first + 1)
    for day, run in known:
        if day >= first:
            started[day - first] += 1
            failed[day - first] += run.status == "failed"
    dates = [datetime.fromtimestamp(day * _DAY_S, UTC).date().isoformat() for day in range(first, last + 1)]
    return list(zip(dates, started, failed, strict=True))


def make_experiment_row(experiment: Experiment, config: Config) -> ExperimentRow:
    """Return the row of one experiment."""
    metric = leading_metric(experiment, config)
    best, progress = None, Markup()
    if metric is not None:
        known = config.metric(metric)
        summary = summary_name(known)
        values = [None if run.status == "failed" else finite_value(run, metric, summary) for run in experiment.runs]
        progress = render_best_so_far(values, known.direction) if any(v is not None for v in values) else Markup()
        run = best_run(experiment.runs, metric, summary, known.direction)
        if run is not None:
            value = make_best_value(experiment.runs, run, metric, summary)
            page = urls.run_page(run.key, run.name)
            best = Best(value, unit_of(known), title_of(metric, known), known.direction or "", name_of(run), page)
    return ExperimentRow(
        name=title_of_experiment(experiment.name),
        page=urls.experiment_page(experiment.name),
        description=first_line(config.experiment(experiment.name).description),
        runs=len(experiment.runs),
        exceptions=tuple((s, n) for s, n in count_statuses(experiment.runs) if s != "finished"),
        best=best,
        best_so_far=progress,
        last_time=last_activity(experiment) if math.isfinite(last_activity(experiment)) else 0.0,
    )


def first_line(markdown: str) -> str:
    """Return the beginning of a Markdown text as plain words: its first paragraph, of a long one the first sentence."""
    for block in re.split(r"\n\s*\n", markdown[:2000].strip()):
        line = plain_text(block, 400)
        if len(line) > _ONE_LINE and (sentence := re.match(r".{20,}?[.?!](?=\s+[A-Z])", line)):
            line = sentence[0]
        if line:
            return cut_text(line, 160)
    return ""

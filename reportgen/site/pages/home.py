"""The home page: what was tried, what is best, what ran last.

Pure: the facts of the experiments and a configuration in, the dataclass that `home.html` draws out. Nothing depends on
the time of the build; "recent" is measured from the newest run.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from markupsafe import Markup

from reportgen.model import Problem
from reportgen.prose import plain_text, render_markdown
from reportgen.site import urls
from reportgen.site.config import Config
from reportgen.site.facts import DAYS, Best, ExperimentFacts, join_problems
from reportgen.site.pages.columns import cut_text, title_of_experiment
from reportgen.site.pages.history_list import ListedChange, list_open
from reportgen.site.pages.rows import RecentRun, merge_recent_runs
from reportgen.site.sparks import render_activity, render_progress

RECENT: Final = 10
SHOWN_PROBLEMS: Final = 2
SHOWN_REGRESSIONS: Final = 3

_ONE_LINE: Final = 90
"""Characters that fit on the line below a name; of a longer paragraph the first sentence is shown."""
_DAY_S: Final = 86_400


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
    facts: Sequence[ExperimentFacts], loose: Sequence[Problem], config: Config, *, omitted: int = 0, dropped: int = 0
) -> HomePage:
    """Return the home page of the experiments with these facts, by last activity.

    `loose` are the problems that belong to no run, `omitted` is how many runs `include` and `exclude` keep out of the
    site, and `dropped` of how many runs the exact points were left out to keep the site below `max_site_mb`.
    """
    days = activity_days(facts)
    problems = (*loose, *(row.problem for row in join_problems(facts)))
    regressions = list_open(own.history for own in facts)
    return HomePage(
        title=config.title,
        description=render_markdown(config.description) if config.description else Markup(),
        runs=sum(own.runs for own in facts),
        recent_runs=sum(runs for _, runs, _ in days),
        days=DAYS,
        activity=render_activity(days) if days else Markup(),
        last_time=max((own.last_time for own in facts), default=0.0),
        regressions=regressions[:SHOWN_REGRESSIONS],
        open=len(regressions),
        experiments=tuple(make_experiment_row(own, config) for own in facts),
        recent=merge_recent_runs((own.recent for own in facts), RECENT),
        problems=len(problems),
        first_problems=tuple(map(_shortened, problems[:SHOWN_PROBLEMS])),
        omitted=omitted,
        dropped=dropped,
        max_site_mb=config.max_site_mb,
    )


def _shortened(problem: Problem) -> Problem:
    return replace(problem, where=cut_text(problem.where, 100), message=cut_text(problem.message, 160))


def activity_days(facts: Sequence[ExperimentFacts]) -> list[tuple[str, int, int]]:
    """Return (ISO date, runs started, failed of these) for each of the `DAYS` UTC days that end with the newest run.

    Runs whose start is no date of the calendar are left out; no days without runs.
    """
    counted = [day for own in facts for day in own.days]
    if not counted:
        return []
    last = max(day for day, _, _ in counted)
    first = max(0, last - DAYS + 1)
    started, failed = [0] * (last - first + 1), [0] * (last - first + 1)
    for day, runs, lost in counted:
        if day >= first:
            started[day - first] += runs
            failed[day - first] += lost
    dates = [datetime.fromtimestamp(day * _DAY_S, UTC).date().isoformat() for day in range(first, last + 1)]
    return list(zip(dates, started, failed, strict=True))


def make_experiment_row(facts: ExperimentFacts, config: Config) -> ExperimentRow:
    """Return the row of one experiment."""
    return ExperimentRow(
        name=title_of_experiment(facts.name),
        page=urls.experiment_page(facts.name),
        description=first_line(config.experiment(facts.name).description),
        runs=facts.runs,
        exceptions=tuple((s, n) for s, n in facts.statuses if s != "finished"),
        best=facts.best,
        best_so_far=render_progress(facts.progress) if facts.progress else Markup(),
        last_time=facts.last_time if math.isfinite(facts.last_time) else 0.0,
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

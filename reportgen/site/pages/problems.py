"""The page that lists every fault found in the user's data, with what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reportgen.model import Problem, Summary
from reportgen.site import urls
from reportgen.site.data.typed import NO_PATH, SitePath
from reportgen.site.text import format_count


@dataclass(frozen=True, slots=True)
class ProblemRow:
    """One problem."""

    problem: Problem
    run: str = ""
    """Name of the run that it belongs to, empty when it belongs to none."""
    run_page: SitePath = NO_PATH
    experiment: str = ""
    key: str = ""
    """Key of the run."""
    start_time: float = 0.0
    """Of the run."""


def make_rows(runs: Iterable[Summary]) -> tuple[ProblemRow, ...]:
    """Return the problems of the runs, in the order of these."""
    return tuple(
        ProblemRow(
            problem, run.name, SitePath(urls.run_page(run.key, run.name)), run.experiment, run.key, run.start_time
        )
        for run in runs
        for problem in run.problems
    )


@dataclass(frozen=True, slots=True)
class ProblemGroup:
    """All problems with the same message."""

    message: str
    hint: str
    rows: tuple[ProblemRow, ...]
    lines: int
    """Lines or places that have this fault, over all rows."""


@dataclass(frozen=True, slots=True)
class ProblemsPage:
    """What `problems.html` gets."""

    groups: tuple[ProblemGroup, ...]
    """The most frequent first."""
    said: str
    """How many there are, in words: `3 problems in 2 runs and 1 file`; empty when there is none."""


def make_problems_page(problems: Sequence[ProblemRow]) -> ProblemsPage:
    """Return the page of `problems`."""
    grouped: dict[tuple[str, str], list[ProblemRow]] = {}
    for row in sorted(problems, key=_order):
        grouped.setdefault((row.problem.message, row.problem.hint), []).append(row)
    groups = [
        ProblemGroup(message, hint, tuple(rows), sum(row.problem.count for row in rows))
        for (message, hint), rows in grouped.items()
    ]
    groups.sort(key=lambda g: (-len(g.rows), g.message, g.hint))
    return ProblemsPage(tuple(groups), _say(problems))


def _order(row: ProblemRow) -> tuple[str, int, str, str]:
    return row.problem.where, row.problem.line or 0, row.problem.message, row.key


def _say(problems: Sequence[ProblemRow]) -> str:
    if not problems:
        return ""
    runs = len({row.key for row in problems if row.key})
    files = len({row.problem.where for row in problems if not row.key})
    places = [format_count(runs, "run")] if runs else []
    places += [format_count(files, "file without a run", "files without a run")] if files else []
    return f"{format_count(len(problems), 'problem')} in {' and '.join(places)}"

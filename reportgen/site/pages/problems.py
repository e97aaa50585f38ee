"""The page that lists every fault found in the user's data, with what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reportgen.model import Problem, Summary
from reportgen.site import urls
from reportgen.site.text import format_count


@dataclass(frozen=True, slots=True)
class ProblemRow:
    """One problem."""

    problem: Problem
    run: str
    """Name of the run that it belongs to, empty when it belongs to none."""
    run_page: str
    """Site path."""
    experiment: str


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


def make_problems_page(problems: Sequence[tuple[Problem, Summary | None]]) -> ProblemsPage:
    """Return the page of `problems`, each with the run it belongs to, None where no run could be made of the file."""
    grouped: dict[tuple[str, str], list[ProblemRow]] = {}
    for problem, run in sorted(problems, key=_order):
        row = ProblemRow(
            problem=problem,
            run=run.name if run else "",
            run_page=urls.run_page(run.key, run.name) if run else "",
            experiment=run.experiment if run else "",
        )
        grouped.setdefault((problem.message, problem.hint), []).append(row)
    groups = [
        ProblemGroup(message, hint, tuple(rows), sum(row.problem.count for row in rows))
        for (message, hint), rows in grouped.items()
    ]
    groups.sort(key=lambda g: (-len(g.rows), g.message, g.hint))
    return ProblemsPage(tuple(groups), _say(problems))


def _order(item: tuple[Problem, Summary | None]) -> tuple[str, int, str, str]:
    problem, run = item
    return problem.where, problem.line or 0, problem.message, run.key if run else ""


def _say(problems: Sequence[tuple[Problem, Summary | None]]) -> str:
    if not problems:
        return ""
    runs = len({run.key for _, run in problems if run})
    files = len({problem.where for problem, run in problems if not run})
    places = [format_count(runs, "run")] if runs else []
    places += [format_count(files, "file without a run", "files without a run")] if files else []
    return f"{format_count(len(problems), 'problem')} in {' and '.join(places)}"

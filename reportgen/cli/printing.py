"""Text for a terminal: names and messages from logs made harmless, problems as lines, counts in words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from reportgen.model import Problem

MAX_PROBLEMS: Final = 20
"""Problems that are printed; the page of problems has all."""
_COMMAND: Final = re.compile(r"(?:^|(?<=[\r\n]))(?P<blank>[^\S\r\n]*)(?=::)|(?P<sign>#)(?=#(?:vso|teamcity)?\[)")
"""What CI systems obey: GitHub `::` behind blanks at the beginning of a line; it, Azure and TeamCity `##[` and the like
anywhere in a line."""


def shielded(text: str) -> str:
    r"""Return `text` with a backslash in what a CI system would take for a command: `\::error::x`, `#\#[error]x`.

    Markdown shows neither backslash. A text that is shielded already stays as it is.
    """
    if "::" not in text and "##" not in text:
        return text
    return _COMMAND.sub(lambda found: f"{found['blank'] or ''}{found['sign'] or ''}\\", text)


def printable(text: str, *, keep: str = "") -> str:
    r"""Return `text` with everything that could steer a terminal written as an escape (`\x1b`), `keep` apart.

    Logs come from anyone: a run's name must not colour, move, hide or reverse what stands beside it, and it is no
    command to the CI system that reads the output.
    """
    if text.isprintable():
        return shielded(text)
    return shielded("".join(c if c.isprintable() or c in keep else c.encode("unicode_escape").decode() for c in text))


def counted(count: int, noun: str) -> str:
    """Return `1 run`, `2 runs`, `1,200 runs`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def print_problem(problem: Problem, *, lead: str = "problem") -> None:
    """Print one problem on stderr: where, what and how often on one line, the hint on the next."""
    line = "" if problem.line is None else f":{problem.line}"
    lines = "" if problem.count == 1 else f" ({counted(problem.count, 'line')})"
    click.echo(f"{lead}: {printable(f'{problem.where}{line}: {problem.message}')}{lines}", err=True)
    if problem.hint:
        click.echo(f"{' ' * len(lead)}  {printable(problem.hint)}", err=True)


def print_problems(problems: Sequence[Problem], page: str) -> None:
    """Print the first `MAX_PROBLEMS` problems on stderr, and where the others are to be read."""
    for problem in problems[:MAX_PROBLEMS]:
        print_problem(problem)
    if len(problems) > MAX_PROBLEMS:
        click.echo(f"and {len(problems) - MAX_PROBLEMS:,} more: see {printable(page)}", err=True)

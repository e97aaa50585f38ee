"""Text for a terminal: names and messages from logs made harmless, problems as lines, counts in words.

All text that a command prints goes through `echo`: a runner of a forge obeys lines of a job's output, and logs come
from pull requests.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from reportgen.model import Problem

MAX_PROBLEMS: Final = 20
"""Problems that are printed; the page of problems has all."""


def printable(text: str, *, keep: str = "") -> str:
    r"""Return `text` with everything that could steer a terminal written as an escape (`\x1b`), `keep` apart.

    Logs come from anyone: a run's name must not colour, move, hide or reverse what stands beside it.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else c.encode("unicode_escape").decode() for c in text)


_LINE_COMMAND: Final = re.compile(r"(?:^|(?<=[\r\n]))([^\S\r\n]*):(?=:)")
_INLINE_COMMAND: Final = re.compile(r"##(?=[A-Za-z]*\[)")
"""What runners obey: `::error::` at the beginning of a line (GitHub, Forgejo), and anywhere in one `##[error]`
(GitHub), `##vso[…]` (Azure) and `##teamcity[…]`."""


def harmless(text: str) -> str:
    r"""Return `text` without commands to a runner: `\x3a:error::` for `::error::`, `#\x23[` for `##[`."""
    if "::" not in text and "##" not in text:
        return text
    return _INLINE_COMMAND.sub(r"#\\x23", _LINE_COMMAND.sub(r"\1\\x3a", text))


def echo(text: str, *, err: bool = False) -> None:
    """Print `text` and a line end on stdout or stderr, as a runner may see it."""
    click.echo(harmless(text), err=err)


def counted(count: int, noun: str) -> str:
    """Return `1 run`, `2 runs`, `1,200 runs`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def print_problem(problem: Problem, *, lead: str = "problem") -> None:
    """Print one problem on stderr: where, what and how often on one line, the hint on the next."""
    line = "" if problem.line is None else f":{problem.line}"
    lines = "" if problem.count == 1 else f" ({counted(problem.count, 'line')})"
    echo(f"{lead}: {printable(f'{problem.where}{line}: {problem.message}')}{lines}", err=True)
    if problem.hint:
        echo(f"{' ' * len(lead)}  {printable(problem.hint)}", err=True)


def print_problems(problems: Sequence[Problem], page: str) -> None:
    """Print the first `MAX_PROBLEMS` problems on stderr, and where the others are to be read."""
    for problem in problems[:MAX_PROBLEMS]:
        print_problem(problem)
    if len(problems) > MAX_PROBLEMS:
        echo(f"and {len(problems) - MAX_PROBLEMS:,} more: see {printable(page)}", err=True)

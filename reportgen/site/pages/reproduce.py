"""The commands that run the code of a run again, ready to be copied into a shell."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from typing import Final

from reportgen.model import Code

LINE_WIDTH: Final = 76
"""Longer commands are broken in front of an option."""

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def make_reproduction(code: Code) -> str:
    """Return the commands, one a line, quoted for a POSIX shell; empty when neither commit nor command is known.

    What a log says ends up in someone's shell: every word is quoted, and characters that a terminal would act on or
    that turn the direction of writing are replaced by U+FFFD.
    """
    lines = []
    if code.commit:
        lines.append(f"git checkout {_quote(code.commit)}")
        if code.dirty:
            lines.append("# the working tree had changes that are not in this commit")
    if code.command and code.command[0] and not code.command[0].startswith("<"):  # else a notebook, or typed code
        lines += _break(_runnable(code.command))
    return "\n".join(lines)


def _runnable(command: Sequence[str]) -> Sequence[str]:
    """Return the command with its interpreter: a log names a script `train.py` or a module `-m package.train`."""
    entry, *rest = command
    if entry.startswith("-m "):
        return ("python", "-m", entry.removeprefix("-m "), *rest)
    return ("python", entry, *rest) if entry.endswith((".py", ".pyw")) else command


def _break(command: Sequence[str]) -> list[str]:
    """Return a command over as many lines as it needs."""
    lines, current = [], ""
    for word in command:
        quoted = _quote(word)
        too_long = len(current) + 1 + len(quoted) > LINE_WIDTH
        if current and too_long and (word.startswith("-") or len(current) > LINE_WIDTH):
            lines.append(f"{current} \\")
            current = f"  {quoted}"
        else:
            current = f"{current} {quoted}" if current else quoted
    return [*lines, current]


def _quote(word: str) -> str:
    return shlex.quote(_CONTROL.sub("\ufffd", word))

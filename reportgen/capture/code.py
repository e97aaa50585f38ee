"""Which code ran: the git commit of the program's folder, and the command line without its secrets."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from reportgen.capture.git import ask_git
from reportgen.capture.redaction import redact_arguments, strip_credentials

MAX_SUBJECT: Final = 200
"""Characters that are kept of the first line of a commit's message."""


def read_code(program: Path | None, arguments: Sequence[str]) -> dict[str, Any]:
    """Return the fields of a `code` line that are known: those of git, and `entry` and `command`.

    `program` is the file that was started; its folder decides the repository, else the working folder does.
    """
    facts: dict[str, Any] = {}
    for folder in dict.fromkeys(path for path in (program.parent if program else None, Path.cwd()) if path):
        facts = read_git(folder)
        if facts:
            break
    entry = _entry(program)
    command = redact_arguments(_without_home(argument) for argument in arguments[1:])
    return {**facts, "entry": entry, "command": [entry, *command]}


def read_git(folder: Path) -> dict[str, Any]:
    """Return `commit`, `commit_time`, `parents`, `subject`, `branch`, `dirty` and `remote` as far as git tells them."""
    status = ask_git(folder, "status", "--porcelain=v2", "--branch", "--untracked-files=no")
    if status is None:
        return {}
    facts: dict[str, Any] = {"dirty": False}
    for line in status.splitlines():
        if line.startswith("# branch.oid ") and "(initial)" not in line:
            facts["commit"] = line.removeprefix("# branch.oid ")
        elif line.startswith("# branch.head ") and "(detached)" not in line:
            facts["branch"] = line.removeprefix("# branch.head ")
        elif not line.startswith("#"):
            facts["dirty"] = True
    described = ask_git(folder, "log", "-1", "--no-show-signature", "--format=%ct %P%n%s", "HEAD")
    if described:
        head, _, subject = described.partition("\n")
        time, *parents = head.split()
        facts.update(commit_time=int(time), parents=parents, subject=subject.rstrip("\n")[:MAX_SUBJECT])
    remote = ask_git(folder, "config", "--get", "remote.origin.url")
    if remote:
        facts["remote"] = strip_credentials(_without_home(remote.strip()))
    return facts


def _entry(program: Path | None) -> str:
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    if spec is not None and spec.name:
        return f"-m {spec.name.removesuffix('.__main__')}"
    if program is None:
        return ""
    # Below the repository, so that the command can be given at its root; elsewhere the folder is nobody's business.
    root = next((folder for folder in program.parents if (folder / ".git").exists()), program.parent)
    return program.relative_to(root).as_posix()


def _without_home(text: str) -> str:
    try:
        home = str(Path.home())
    except RuntimeError:
        return text  # a user without a home has none to hide
    return text.replace(home, "~") if len(home) > 3 else text

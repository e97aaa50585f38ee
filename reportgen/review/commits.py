"""What a git checkout tells of a change: where it branched off, and what came before. Asks git, changes nothing.

Commits and names of branches come from logs and environments: only what has the shape of one reaches git's command
line, behind `--end-of-options`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reportgen.capture.git import ask_git

GIT_TIMEOUT_S: Final = 30.0
MAX_ANCESTORS: Final = 50_000
"""Commits that are looked through for runs."""
BASE_VARIABLES: Final = (
    "GITHUB_BASE_REF",
    "CI_MERGE_REQUEST_TARGET_BRANCH_NAME",
    "BITBUCKET_PR_DESTINATION_BRANCH",
    "CHANGE_TARGET",
)
"""Where GitHub, GitLab, Bitbucket and Jenkins say into which branch a change is to be merged."""
_DEFAULTS: Final = ("origin/HEAD", "origin/main", "main", "origin/master", "master")
_NO_ANSWER: Final = (
    "git does not answer in this checkout: is it installed, and does the folder belong to this user? "
    "(`git config --global --add safe.directory '*'` in a container)"
)
_HASH: Final = re.compile(r"[0-9a-f]{7,64}")
_SHOWN: Final = re.compile(r"[A-Za-z0-9._/-]{1,100}")
_REF: Final = re.compile(r"[^\s\x00-\x1f\x7f~^:?*\[\\-][^\s\x00-\x1f\x7f~^:?*\[\\]{0,254}")


@dataclass(frozen=True, slots=True)
class Checkout:
    """What git says of the change and its base."""

    head: str = ""
    """Commit of the change."""
    base: str = ""
    """Name of the branch or commit that it is compared with, as it was given or found: `main`."""
    merge_base: str = ""
    """Commit at which the change left the base; empty when it is not known."""
    trunk: tuple[str, ...] = ()
    """The merge base and its first parents, the nearest first."""
    ancestors: frozenset[str] = frozenset()
    """All commits that the merge base holds, itself included."""
    is_shallow: bool = False
    note: str = ""
    """Why the merge base is not known, and what helps, in Markdown; empty when it is known."""


def base_name(given: str | None, environment: Mapping[str, str]) -> str:
    """Return the base that is asked for: as given, else from the variables of the forge; empty when none says it."""
    return given or next((environment[name] for name in BASE_VARIABLES if environment.get(name)), "")


def read_checkout(folder: Path, base: str, commits: Sequence[str]) -> Checkout | None:
    """Return what git knows, None where `folder` is in no checkout.

    `base` is a branch or a commit, empty for the default branch. `commits` are those of the change, the likeliest
    first: the first that git has is the head, so that a job that has the base checked out finds it; else HEAD is.
    """
    if _git(folder, "rev-parse", "--is-inside-work-tree") is None:
        if not any((place / ".git").exists() for place in (folder, *folder.parents)):
            return None
        return Checkout(base=base, note=_NO_ANSWER)
    shallow = _git(folder, "rev-parse", "--is-shallow-repository") == "true"
    candidates = [commit for commit in commits if _HASH.fullmatch(commit)]
    head = next((found for c in (*candidates, "HEAD") if (found := _commit(folder, c))), "")
    if not head:
        return Checkout(base=base, is_shallow=shallow, note="the repository has no commit yet")
    names = (f"origin/{base}", base) if base else _DEFAULTS
    name = next((name for name in names if _REF.fullmatch(name) and _commit(folder, name)), "")
    said = _said_name(folder, name)
    if not name:
        missing = f"{_quoted(base)} is not" if base else "no branch `main` or `master` is"
        note = f"{missing} in this checkout: {_fetch(base or 'main', shallow=shallow)}"
        return Checkout(head, base, is_shallow=shallow, note=note)
    merge_base = _git(folder, "merge-base", "--end-of-options", head, _commit(folder, name))
    if not merge_base:
        why = "the history is cut off here" if shallow else "they have no commit in common"
        remedy = _fetch(base or said, shallow=shallow) if shallow else "was one of them rewritten?"
        return Checkout(
            head, base or said, is_shallow=shallow, note=f"no merge base with {_quoted(said)}: {why}: {remedy}"
        )
    limit = f"--max-count={MAX_ANCESTORS}"
    trunk = _git(folder, "rev-list", "--first-parent", limit, "--end-of-options", merge_base) or ""
    everything = _git(folder, "rev-list", limit, "--end-of-options", merge_base) or ""
    return Checkout(head, base or said, merge_base, tuple(trunk.split()), frozenset(everything.split()), shallow)


def distance(folder: Path, ancestor: str, commit: str) -> int | None:
    """Return how many commits `commit` has that `ancestor` has not; None when git does not know."""
    if not (_HASH.fullmatch(ancestor) and _HASH.fullmatch(commit)):
        return None
    counted = _git(folder, "rev-list", "--count", "--end-of-options", f"{ancestor}..{commit}")
    return int(counted) if counted and counted.isdecimal() else None


def fetch_more() -> str:
    """Return what fetches the whole history."""
    return "`git fetch --unshallow`, or `fetch-depth: 0` for actions/checkout, `GIT_DEPTH: 0` for GitLab"


def _fetch(base: str, *, shallow: bool) -> str:
    if shallow:
        return f"fetch more history with {fetch_more()}"
    command = f"`git fetch origin {base}`" if _SHOWN.fullmatch(base) else "git"
    return f"fetch it with {command}, or name another with `--base`"


def _quoted(name: str) -> str:
    """Return the name of a branch as code, if nothing in it could end that."""
    return f"`{name}`" if _SHOWN.fullmatch(name) else "the base"


def _said_name(folder: Path, name: str) -> str:
    if name == "origin/HEAD":
        name = _git(folder, "rev-parse", "--abbrev-ref", "origin/HEAD") or name
    return name.removeprefix("origin/")


def _commit(folder: Path, name: str) -> str:
    return _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}") or ""


def _git(folder: Path, *arguments: str) -> str | None:
    """Return what git prints without the blanks around it, None when it does not answer."""
    text = ask_git(folder, *arguments, timeout_s=GIT_TIMEOUT_S)
    return None if text is None else text.strip()

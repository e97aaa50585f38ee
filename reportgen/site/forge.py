"""Web addresses of commits on the forge that holds the code: GitHub, GitLab, Bitbucket, and what spells them alike."""

from __future__ import annotations

import re
from typing import Final

_HASH: Final = re.compile(r"[0-9a-f]{7,64}")


def commit_address(repository: str, commit: str) -> str:
    """Return the web address of a commit; empty without a `repository`, and for what is no hash."""
    commit = commit.lower()
    if not (repository and _HASH.fullmatch(commit)):
        return ""
    return f"{repository}/{'commits' if _is(repository, 'bitbucket') else 'commit'}/{commit}"


def compare_address(repository: str, before: str, after: str) -> str:
    """Return the web address of what changed from one commit to another; empty as in `commit_address`."""
    before, after = before.lower(), after.lower()
    if not (repository and _HASH.fullmatch(before) and _HASH.fullmatch(after)):
        return ""
    if _is(repository, "bitbucket"):
        return f"{repository}/branches/compare/{after}%0D{before}"
    return f"{repository}{'/-' if _is(repository, 'gitlab') else ''}/compare/{before}...{after}"


def forge_name(repository: str) -> str:
    """Return the name of the forge, as far as its host tells; else `the forge`."""
    names = {"github": "GitHub", "gitlab": "GitLab", "bitbucket": "Bitbucket"}
    return next((name for host, name in names.items() if _is(repository, host)), "the forge")


def _is(repository: str, forge: str) -> bool:
    return forge in repository.partition("://")[2].partition("/")[0].lower()

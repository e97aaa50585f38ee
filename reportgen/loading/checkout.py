"""What the git checkout that a command runs in knows of commits, for the little that runs do not tell."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Final

TIMEOUT_S: Final = 5.0
"""Longest time that one call of git may take."""
_HASH: Final = re.compile(r"[0-9a-f]{7,64}")


def count_commits(before: str, after: str, folder: Path) -> int | None:
    """Return how many commits lie behind `before`, up to and including `after`, in the repository around `folder`.

    None when it does not know both commits, when the one does not lead to the other, and without git. Hashes come out
    of logs, so that nothing but a hash is handed to git.
    """
    if not (_HASH.fullmatch(before) and _HASH.fullmatch(after)):
        return None
    if _git(folder, "merge-base", "--is-ancestor", before, after) is None:
        return None
    count = _git(folder, "rev-list", "--count", f"{before}..{after}", "--")
    return int(count) if count is not None and count.strip().isdecimal() else None


def _git(folder: Path, *arguments: str) -> str | None:
    """Return what git prints; None when it fails, is missing, or takes too long."""
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            ("git", "-c", "core.fsmonitor=false", "-C", folder, *arguments),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None

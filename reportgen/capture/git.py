"""Asks git: the one way in which reportgen reads a repository. It changes nothing there, and waits for no one."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Final

GIT_TIMEOUT_S: Final = 5.0
"""Longest time that one call of git takes where no other is given: a slow repository is left out, not waited for."""


def ask_git(folder: Path, *arguments: str, timeout_s: float | None = None) -> str | None:
    """Return what git prints, None when there is no git, no repository, no such thing, or no answer in time."""
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            ("git", "-c", "core.fsmonitor=false", "-c", "log.showSignature=false", "-C", folder, *arguments),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=GIT_TIMEOUT_S if timeout_s is None else timeout_s,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None

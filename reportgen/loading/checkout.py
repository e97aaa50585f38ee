"""What the git checkout that a command runs in knows of commits, for the little that runs do not tell."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from reportgen.capture.git import ask_git

_HASH: Final = re.compile(r"[0-9a-f]{7,64}")


def count_commits(before: str, after: str, folder: Path) -> int | None:
    """Return how many commits lie behind `before`, up to and including `after`, in the repository around `folder`.

    None when it does not know both commits, when the one does not lead to the other, and without git. Hashes come out
    of logs, so that nothing but a hash is handed to git.
    """
    if not (_HASH.fullmatch(before) and _HASH.fullmatch(after)):
        return None
    if ask_git(folder, "merge-base", "--is-ancestor", before, after) is None:
        return None
    count = ask_git(folder, "rev-list", "--count", f"{before}..{after}", "--")
    return int(count) if count is not None and count.strip().isdecimal() else None

"""Files that only stand for a log: what Git leaves where Git LFS did not fetch the file itself."""

from __future__ import annotations

import re
from typing import Final

from reportgen.model import Problem
from reportgen.sources.kinds import Listing
from reportgen.sources.parts import label_of

MARK: Final = b"version https://git-lfs.github.com/spec/v1\n"
REMEDY: Final = "run `git lfs pull` in its repository, and build again"
_LOGS: Final = re.compile(
    r".*tfevents.*|.*\.wandb|wandb-summary\.json|mlflow\.db|mlruns\.db|trainer_state\.json|trainer_log\.jsonl|"
    r"logging\.jsonl|metrics\.(?:csv|json)|results\.csv|progress\.(?:csv|json)|result\.json|scalars\.json|"
    r".*\.log\.json|(?:.*\.)?monitor\.csv|(?:learn|test)_error\.tsv|log\.txt|training\.log|history\.(?:csv|json)"
)
"""Names that logs have, and other files hardly: any data set may be kept by Git LFS, and is none of our business."""


def is_pointer(head: bytes) -> bool:
    """Tell whether a file begins as a pointer of Git LFS."""
    return head.startswith(MARK)


def find_pointers(folder: Listing) -> tuple[frozenset[str], tuple[Problem, ...]]:
    """Return the names of the files in a folder that stand for a log, and a problem that says so."""
    names = sorted(name for name in folder.files if _LOGS.fullmatch(name) and is_pointer(folder.head(name)))
    if not names:
        return frozenset(), ()
    one = "the file is a pointer of Git LFS, and not the log itself"
    several = f"this file and {len(names) - 1} more of its folder are pointers of Git LFS, and not the logs themselves"
    problem = Problem(label_of(folder.full(names[0])), one if len(names) == 1 else several, REMEDY)
    return frozenset(names), (problem,)

"""The patterns of the configuration, for experiments, runs, metrics and artifacts alike: `*` and nothing else."""

from __future__ import annotations

import re
from functools import lru_cache


def matches(pattern: str, name: str) -> bool:
    """Tell whether `pattern` fits the whole of `name`: `*` stands for any text, `/` included, all else for itself.

    Names of metrics and files are full of `[0]` and `?`; with the shell's rules they would have to be escaped.
    """
    return _compiled(pattern).fullmatch(name) is not None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in re.split(r"\*+", pattern)), re.DOTALL)

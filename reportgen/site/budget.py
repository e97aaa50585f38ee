"""Which exact points a site goes without so that it stays below a size. Pure: sizes in, keys of runs out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

SENTENCE_BYTES: Final = 1_000
"""What saying that points were left out may add to the home page."""
MENTION_BYTES: Final = 16
"""What naming a run may add to `data/index.js`."""


@dataclass(frozen=True, slots=True)
class RunTiles:
    """The tiles of one run, whether the site holds them or not."""

    key: str
    start_time: float
    sizes: Mapping[str, int]
    """Site path -> size in bytes."""


def choose_dropped(total_bytes: int, max_bytes: int, runs: Iterable[RunTiles]) -> frozenset[str]:
    """Return the keys of the runs whose tiles have to go: of those that started first, and no more than needed.

    `total_bytes` is the size of the site with all tiles. When it is too large without any, all of them go.
    """
    if total_bytes <= max_bytes:
        return frozenset()
    dropped = set()
    left = total_bytes + SENTENCE_BYTES
    for run in sorted((run for run in runs if run.sizes), key=lambda run: (run.start_time, run.key)):
        if left <= max_bytes:
            break
        left -= sum(run.sizes.values()) - MENTION_BYTES
        dropped.add(run.key)
    return frozenset(dropped)

"""Commits as far as runs tell of them: their order, and what lies between two of them.

Runs name their commit, its time and its parents. Commits at which nothing ran are known only where a run names one as
the parent of its own, so a range may have holes; what is said of it says so.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from reportgen.model import Summary

MAX_RANGE: Final = 50
"""Commits of a range that are named."""

_Place = TypeVar("_Place", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit at which something ran."""

    commit: str
    time: float
    """When it was made, else when the first run started; UTC seconds since the epoch."""
    parents: tuple[str, ...]
    subject: str


@dataclass(frozen=True, slots=True)
class RangeCommit:
    """One commit of a range."""

    commit: str
    subject: str
    """Empty when no run tells of the commit."""
    time: float | None
    observation: int | None
    """Index of its observation, None where the configuration was not measured."""


@dataclass(frozen=True, slots=True)
class CommitRange:
    """The commits that a change may lie in."""

    commits: tuple[RangeCommit, ...]
    """Those that are known, newest first; the last one is the commit before the range."""
    whole: bool
    """True when these are all: each one is the only parent of the one before it."""

    @property
    def count(self) -> int:
        """How many commits of the range are known."""
        return len(self.commits) - 1

    @property
    def unmeasured(self) -> tuple[RangeCommit, ...]:
        """The known commits within the range that were not measured."""
        return tuple(c for c in self.commits[:-1] if c.observation is None)


def collect_commits(runs: Iterable[Summary]) -> Mapping[str, Commit]:
    """Return hash -> commit, from all `runs`; where they disagree, the earliest time and the first text count."""
    found: dict[str, Commit] = {}
    for run in sorted(runs, key=lambda run: (run.start_time, run.key)):
        if not run.commit:
            continue
        time = run.commit_time if run.commit_time is not None else math.nan
        known = found.get(run.commit)
        if known is None:
            found[run.commit] = Commit(run.commit, time, run.commit_parents, run.commit_subject)
            continue
        times = [t for t in (known.time, time) if not math.isnan(t)]
        parents, subject = known.parents or run.commit_parents, known.subject or run.commit_subject
        found[run.commit] = Commit(run.commit, min(times, default=math.nan), parents, subject)
    started: dict[str, float] = {}
    for run in runs:
        started[run.commit] = min(started.get(run.commit, math.inf), run.start_time)
    return {
        name: Commit(name, started[name] if math.isnan(c.time) else c.time, c.parents, c.subject)
        for name, c in found.items()
    }


def order_commits(times: Mapping[_Place, float], commits: Mapping[str, Commit]) -> list[_Place]:
    """Return the keys of `times` in order of time, a commit never before one of its parents.

    Commits of one second, and those whose clocks were wrong, are so in their true order as far as runs name parents.
    """
    children: dict[_Place, list[_Place]] = {}
    waiting = dict.fromkeys(times, 0)
    places: dict[object, _Place] = {place: place for place in times}
    for place in times:
        known = commits.get(place) if isinstance(place, str) else None
        for parent in dict.fromkeys(known.parents if known else ()):
            if parent in places and parent != place:
                children.setdefault(places[parent], []).append(place)
                waiting[place] += 1
    ready = [(times[p], str(p), p) for p, count in waiting.items() if not count]
    heapq.heapify(ready)
    ordered: list[_Place] = []
    while ready:
        _, _, place = heapq.heappop(ready)
        ordered.append(place)
        for child in children.get(place, ()):
            waiting[child] -= 1
            if not waiting[child]:
                heapq.heappush(ready, (times[child], str(child), child))
    rest = [p for p, count in waiting.items() if count]  # parents in a circle: no git has them, a log may
    return ordered + sorted(rest, key=lambda p: (times[p], str(p)))


def range_of(before: str, after: str, commits: Mapping[str, Commit], observed: Mapping[str, int]) -> CommitRange | None:
    """Return the range from `before`, left out, to `after`, or None unless both are known.

    It follows the first parents back from `after` as long as runs name them. `observed` gives hash -> index of the
    observation.
    """
    if not before or not after or before == after:
        return None
    found, whole = [_ranged(after, commits, observed)], False
    here = commits.get(after)
    while here is not None and here.parents and len(found) < MAX_RANGE:
        if before in here.parents:
            whole = len(here.parents) == 1
            break
        parent = here.parents[0]
        if len(here.parents) > 1 or parent in observed or any(c.commit == parent for c in found):
            break  # a merge brings more than one line of commits; another observation lies on another line
        found.append(_ranged(parent, commits, observed))
        here = commits.get(parent)
    return CommitRange((*found, _ranged(before, commits, observed)), whole)


def _ranged(name: str, commits: Mapping[str, Commit], observed: Mapping[str, int]) -> RangeCommit:
    known = commits.get(name)
    if known is None:
        return RangeCommit(name, "", None, observed.get(name))
    return RangeCommit(name, known.subject, known.time, observed.get(name))

"""What has changed in the served site, for every page that asks: a counter with the paths of each build."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

KEPT: Final = 100
"""Builds that are remembered; a page that has slept longer is told to load itself anew."""


@dataclass(frozen=True, slots=True)
class Change:
    """What one build did."""

    version: int
    """1 for the first build, then counting."""
    paths: frozenset[str]
    """Site paths that are new, changed or gone."""
    error: str
    """Why the build failed; empty when it did not."""


@dataclass(frozen=True, slots=True)
class News:
    """What a page has missed."""

    version: int
    paths: frozenset[str]
    error: str
    """The error of the last build, empty when it worked."""
    everything: bool
    """True when too much was missed to say what."""


class Changes:
    """The builds of one served site; safe to use from several threads."""

    def __init__(self) -> None:
        self._known: deque[Change] = deque(maxlen=KEPT)
        self._version = 0
        self._closed = False
        self._condition = threading.Condition()

    @property
    def version(self) -> int:
        """The number of the last build."""
        return self._version

    def add(self, paths: Iterable[str], error: str = "") -> None:
        """Note a build, and wake all who wait."""
        with self._condition:
            self._version += 1
            self._known.append(Change(self._version, frozenset(paths), error))
            self._condition.notify_all()

    def close(self) -> None:
        """Wake all who wait, for good."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()

    def wait(self, since: int, timeout_s: float) -> News | None:
        """Return what came after version `since`, as soon as there is something; None when the time is up."""
        with self._condition:
            self._condition.wait_for(lambda: self._closed or self._version > since, timeout_s)
            if self._closed or self._version <= since:
                return None
            missed = [change for change in self._known if change.version > since]
            paths = frozenset[str]().union(*(change.paths for change in missed))
            return News(self._version, paths, missed[-1].error, everything=len(missed) < self._version - since)

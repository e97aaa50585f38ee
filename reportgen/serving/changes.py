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
    """One more than that of the build before."""
    paths: frozenset[str]
    """Site paths that are new, changed or gone."""


@dataclass(frozen=True, slots=True)
class News:
    """What a page has missed."""

    version: int
    paths: frozenset[str]
    error: str
    """What is wrong since the last build, empty when nothing is."""
    everything: bool
    """True when too much was missed to say what."""


class Changes:
    """The builds of one served site; safe to use from several threads.

    The first build has the number after `start`. With a `start` that is later than any number of an earlier server,
    such as the time in milliseconds, pages that outlive that server are told that everything has changed.
    """

    def __init__(self, start: int = 0) -> None:
        self._known: deque[Change] = deque(maxlen=KEPT)
        self._version = start
        self._error = ""
        self._closed = False
        self._condition = threading.Condition()

    def now(self) -> tuple[int, str]:
        """Return the number of the last build, `start` before the first, and what is wrong since."""
        with self._condition:
            return self._version, self._error

    def add(self, paths: Iterable[str], error: str = "") -> None:
        """Note a build, and wake all who wait. One that changed nothing, what is wrong included, is no news."""
        with self._condition:
            change = Change(self._version + 1, frozenset(paths))
            if self._known and not change.paths and error == self._error:
                return
            self._version, self._error = change.version, error
            self._known.append(change)
            self._condition.notify_all()

    def close(self) -> None:
        """Wake all who wait, for good."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()

    def wait(self, since: int, timeout_s: float) -> News | None:
        """Return what came after version `since`, as soon as there is something; None when the time is up.

        A version that is still to come is that of another server: to such a page everything is new. Nothing is told
        before the first build.
        """
        with self._condition:
            if since > self._version:
                since = -1
            self._condition.wait_for(lambda: self._closed or self._has_news(since), timeout_s)
            if self._closed or not self._has_news(since):
                return None
            missed = [change for change in self._known if change.version > since]
            paths = frozenset[str]().union(*(change.paths for change in missed))
            return News(self._version, paths, self._error, everything=len(missed) < self._version - since)

    def _has_news(self, since: int) -> bool:
        return bool(self._known) and self._version > since

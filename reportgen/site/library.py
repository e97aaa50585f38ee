"""The summaries of a build's runs: those that it has made, and those that packs of the earlier build hold.

A pack is unpacked when the first of its runs is asked for, so that what did not change is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reportgen.errors import FormatError, SiteError
from reportgen.model import Summary
from reportgen.site.packs import read_summaries
from reportgen.site.writer import SiteWriter
from reportgen.sources.packs import RunEntry


class SummaryLibrary:
    """The summaries of the runs that `writer`'s new site holds, by key."""

    def __init__(self, writer: SiteWriter) -> None:
        self._writer = writer
        self._known: dict[str, Summary] = {}

    def add(self, summary: Summary) -> None:
        """Take the summary of a run that was read; it counts, whatever a pack says."""
        self._known[summary.key] = summary

    def find(self, keys: Iterable[str], entries: Mapping[str, RunEntry]) -> list[Summary]:
        """Return the summaries of runs that are in the new site, `entries`. Raises `SiteError` for a damaged pack."""
        found = []
        for key in keys:
            if key not in self._known:
                self._unpack(key, entries)
            found.append(self._known[key])
        return found

    def _unpack(self, key: str, entries: Mapping[str, RunEntry]) -> None:
        previous = self._writer.previous
        if previous is None or key not in previous.pack_of:
            raise _damaged(key, "no pack holds it")
        ref = previous.packs[previous.pack_of[key]]
        try:
            summaries = read_summaries(self._writer.location(ref.path).read_bytes())
        except (OSError, FormatError) as error:
            raise _damaged(key, str(error)) from None
        for summary in summaries:
            if summary.key in entries:
                self._known.setdefault(summary.key, summary)
        if key not in self._known:
            raise _damaged(key, "its pack does not hold it")


def _damaged(key: str, reason: str) -> SiteError:
    return SiteError(
        f"the summary of the run '{key}' cannot be read: {reason}: restore the site, or build it again from its logs"
    )

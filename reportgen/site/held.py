"""What a site holds to which runs are added: it is the source of what it has, and it is checked before it is changed.

Nothing of it is lost by adding to it: a record or an artifact that is missing or damaged ends the work before anything
is written. What can be made again from the records is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from reportgen.errors import SiteError
from reportgen.formats import SITE_FORMAT
from reportgen.model import Edits, Problem
from reportgen.site import plan, urls
from reportgen.site.config import Config
from reportgen.site.folder import PreviousSite
from reportgen.site.writer import SiteWriter
from reportgen.sources import RunRef, make_refs
from reportgen.sources.edits import NO_EDITS, decode_edits
from reportgen.sources.packs import RunEntry, record_path
from reportgen.sources.parts import Part
from reportgen.sources.site import find_part, read_problems
from reportgen.sources.statcache import StatCache

SHOWN: Final = 3


class HeldSite:
    """The runs that a site holds, of which it keeps what does not change. `edits` are its corrections.

    Raises `SiteError` for a site that cannot be added to: not whole, or made with `include` or `exclude`.
    """

    def __init__(self, writer: SiteWriter, name: str, config: Config, cache: StatCache) -> None:
        self._writer = writer
        self._name = name
        self._cache = cache
        self._previous = writer.previous
        if writer.damaged:
            raise SiteError(
                f"{urls.SITE_JSON} in '{name}' is damaged, and only it says what the site holds: restore it, from the"
                " history of its branch if it has one; nothing was written"
            )
        _check_config(name, config, self._previous)
        if self._previous is not None:
            _check_whole(name, self._previous)
        self.edits = read_held_edits(writer, name)
        entries = self._previous.entries if self._previous else {}
        self.begun: Collection[str] = frozenset(entries)
        """Keys of the runs that it began with."""
        self._entries = dict(entries)
        self._groups = _group(self._entries)

    @property
    def entries(self) -> Mapping[str, RunEntry]:
        """Run key -> what is noted of it, of all that it holds still."""
        return self._entries

    @property
    def problems(self) -> list[Problem]:
        """Those that belong to no run."""
        return read_problems(self._previous.document) if self._previous else []

    @property
    def stamp(self) -> str:
        """The stamp of the versions and the configuration that it was made with, empty without a site."""
        return str(self._previous.document.get("stamp")) if self._previous else ""

    def forget(self, keys: Collection[str]) -> None:
        """Let go of the runs with these keys, and of all histories of an id whose own key is among them."""
        if keys:
            self.remove([entry.key for entry in self._entries.values() if entry.key in keys or entry.origin in keys])

    def remove(self, keys: Iterable[str]) -> None:
        """Let go of runs."""
        gone = [key for key in keys if self._entries.pop(key, None) is not None]
        if gone:
            self._groups = _group(self._entries)

    def parts(self, origins: Iterable[str]) -> Iterator[Part]:
        """Yield what it holds of the runs with these keys, twins included. Raises `SiteError` for a damaged record."""
        for origin in origins:
            for entry in self._groups.get(origin, ()):
                yield self._part(entry)

    def _part(self, entry: RunEntry) -> Part:
        path = record_path(entry.key)
        unfinished = not self._writer.has(path, entry.sha256) and self._writer.is_unfinished(path)
        file = self._writer.location(path)
        part = find_part(entry, str(file), str(self._writer.location("a")), self._cache)
        if isinstance(part, Problem):
            raise self._lost([path], 1)
        return replace(part, place=replace(part.place, sha256="")) if unfinished else part

    def refs(self, origins: Iterable[str], edits: Edits) -> tuple[RunRef, ...]:
        """Return the runs with these keys, to be read from their records."""
        return make_refs(self.parts(origins), edits)

    def choose_kept(
        self, found: Collection[RunRef], edits: Edits, *, same_look: bool
    ) -> tuple[dict[str, RunEntry], set[str]]:
        """Return which runs stay as they are, by key, and the keys of those that are to be made again from records.

        `found` are the runs that come, with what is held of them; what stays depends on them by their relatives alone.
        Raises `SiteError` when a record or an artifact is missing or damaged.
        """
        coming = {ref.key for ref in found}
        groups = {origin: own for origin, own in self._groups.items() if origin not in coming}
        torn = self._find_torn()
        families = plan.find_families([*found, *(own[0] for own in groups.values())])
        kept: dict[str, RunEntry] = {}
        again = set()
        for origin, own in groups.items():
            head = own[0]
            family = families.get(head.key, plan.NO_FAMILY)
            stamp = plan.run_stamp(head, family, head.sources, edits.of(entry.key for entry in own))
            if same_look and all(entry.stamp == stamp and entry.key not in torn for entry in own):
                kept.update((entry.key, entry) for entry in own)
            else:
                again.add(origin)
        return kept, again

    def _find_torn(self) -> set[str]:
        """Return the keys of the runs of which a file is missing or damaged that can be made again.

        Raises `SiteError` when a record or an artifact is: nothing else holds these.
        """
        torn, lost = set(), set()
        for entry in self._entries.values():
            for path in self._writer.find_changed(entry.files):
                torn.add(entry.key)
                if path.startswith(("a/", "data/runs/")) and not self._writer.is_unfinished(path):
                    lost.add(path)
        if lost:
            raise self._lost(sorted(lost), len(lost))
        return torn

    def _lost(self, paths: list[str], count: int) -> SiteError:
        shown = ", ".join(f"'{path}'" for path in paths[:SHOWN])
        more = f" and {count - SHOWN:,} more" if count > SHOWN else ""
        return SiteError(
            f"the site in '{self._name}' is not whole: {shown}{more} missing or damaged, and nothing else holds that."
            " Restore the files, from the history of its branch if it has one, or give the run up with"
            f" `reportgen edit {self._name} RUN --forget`; nothing was written"
        )


def read_held_edits(writer: SiteWriter, name: str) -> Edits:
    """Return the corrections that the site holds. Raises `SiteError` when they are not what it lists."""
    listed = writer.previous.site_files.get(urls.EDITS) if writer.previous else None
    if listed is None and not writer.is_unfinished(urls.EDITS):
        return NO_EDITS
    if not writer.has(urls.EDITS, listed or "") and not writer.is_unfinished(urls.EDITS):
        raise SiteError(
            f"'{name}' is not whole: '{urls.EDITS}', which holds the corrections of its runs, is missing or was changed"
            " by other means. Restore it, from the history of its branch if it has one; nothing was written"
        )
    edits, wrong = decode_edits(writer.location(urls.EDITS).read_bytes())
    if wrong:
        raise SiteError(f"'{urls.EDITS}' in '{name}' has {wrong} lines that are no edits: restore it")
    return edits


def _group(entries: Mapping[str, RunEntry]) -> dict[str, list[RunEntry]]:
    """Return the runs by the key of their id, each with its twins behind it."""
    groups: dict[str, list[RunEntry]] = {}
    for entry in sorted(entries.values(), key=lambda own: (bool(own.twin_of), own.key)):
        groups.setdefault(entry.origin, []).append(entry)
    return groups


def _check_config(name: str, config: Config, previous: PreviousSite | None) -> None:
    if config.include or config.exclude:
        raise SiteError(
            "include and exclude say which of all runs a site shows, and a site that runs are added to has only those"
            " that it shows: take them out of the configuration, and name the SOURCEs that are wanted"
        )
    if previous is not None and previous.document.get("omitted") != 0:
        raise SiteError(
            f"the site in '{name}' was made with include or exclude, so it does not hold all of its runs: build it"
            " without them before you add to it"
        )


def _check_whole(name: str, previous: PreviousSite) -> None:
    if previous.document.get("format") != SITE_FORMAT:
        raise SiteError(f"the site in '{name}' has an old format: build it again from its logs")
    if previous.broken:
        shown = ", ".join(f"'{path}'" for path in previous.broken[:SHOWN])
        raise SiteError(
            f"the site in '{name}' is not whole: {shown} missing, or not what {urls.SITE_JSON} lists. It was copied or"
            " uploaded in part, or changed by other means: restore it, from the history of its branch if it has one;"
            " nothing was written"
        )
    if previous.dropped:
        raise SiteError(
            f"{urls.SITE_JSON} in '{name}', or a pack, has {previous.dropped:,} entries that no build writes: restore"
            " the site, or build it again from its logs; nothing was written"
        )

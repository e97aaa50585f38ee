"""What is done to a published site beside adding runs: letting go of old ones, correcting and forgetting single ones.

Both are additions of nothing: the site stays the database, and is brought from one whole state to the next.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from reportgen.analysis.retention import choose_pruned
from reportgen.build import BuildResult, build
from reportgen.errors import SiteError
from reportgen.loading import Means, load_runs
from reportgen.loading.addressing import find_run
from reportgen.loading.runs import Runs
from reportgen.model import Edits, Summary
from reportgen.planning import Upkeep
from reportgen.site.config import Config
from reportgen.sources.edits import make_edit
from reportgen.sources.packs import RunEntry
from reportgen.sources.parts import is_site


@dataclass(frozen=True, slots=True)
class Retention:
    """Which runs stay in a site."""

    keep: int | None = None
    """So many of each experiment, those that started last."""
    keep_days: float | None = None
    """Those whose last line is so many days old at most."""
    filter: str = ""
    """Only runs that fulfil it may go."""
    now: float | None = None
    """From when ages count, UTC seconds since the epoch; by default from the newest line in the site."""


@dataclass(frozen=True, slots=True)
class Correction:
    """What `edit_site` does to each of some runs."""

    tags: Mapping[str, str | None]
    """Tag -> its value, None to take it away."""
    undo: Collection[str] = ()
    """Tags that are to be as they were logged."""
    note: str | None = None
    """Markdown that is to stand before the run's own notes; empty for none, None to leave it."""
    forget: bool = False
    """Whether nothing is to be left of the run but its key.

    A log is passed over by its id: with the run that has the id's own key, all histories with this id go.
    """


def find_pruned(site: Path, retention: Retention, *, config: Config) -> tuple[Summary, ...]:
    """Return the runs that `prune_site` would let go of, oldest first.

    Raises `SiteError` for a folder that is no site, `QueryError` for a filter that cannot be understood.
    """
    _check_site(site)
    runs = load_runs(site, config=config, means=Means())
    gone = _choose(runs, retention)
    return tuple(sorted((s for s in runs.summaries if s.key in gone), key=lambda s: (s.start_time, s.key)))


def prune_site(site: Path, retention: Retention, *, config: Config, **options: Any) -> BuildResult:
    """Let go of runs of a site; `options` are those of `build`. Raises what `find_pruned` and `build` raise."""
    _check_site(site)

    def remove(entries: Iterable[RunEntry]) -> Collection[str]:
        kept = {entry.key for entry in entries}
        return _choose(load_runs(site, config=config, means=Means()), retention) & kept

    return build([], site, config=config, append=True, upkeep=Upkeep(remove=remove), **options)


def _choose(runs: Runs, retention: Retention) -> frozenset[str]:
    summaries = runs.summaries
    now = max((s.last_time for s in summaries), default=0.0) if retention.now is None else retention.now
    matching = {s.key for s in runs.search(retention.filter, now=now).summaries} if retention.filter else None
    keys = {s.key for s in summaries} if matching is None else matching
    return choose_pruned(summaries, keys, keep=retention.keep, keep_days=retention.keep_days, now=now)


def edit_site(
    site: Path, names: Sequence[str], correction: Correction, *, config: Config, **options: Any
) -> tuple[BuildResult, tuple[RunEntry, ...]]:
    """Correct the runs of a site that `names` mean; return what that did, and the runs.

    Raises `SiteError` for a folder that is no site, `SourceError` for a name that means no run or several, and what
    `build` raises.
    """
    _check_site(site)
    found: dict[str, RunEntry] = {}

    def edit(edits: Edits, entries: Mapping[str, RunEntry]) -> Edits:
        runs = list(entries.values())

        def summaries() -> tuple[Summary, ...]:
            return load_runs(site, config=config, means=Means()).summaries

        for name in names:
            run = find_run(runs, name, config=config, summaries=summaries)
            found[run.key] = run
        if correction.forget:
            found.update((run.key, run) for run in runs if run.origin in found)
            return edits.without(found)
        for key in found:
            edits = _corrected(edits, key, correction)
        return edits

    result = build([], site, config=config, append=True, upkeep=Upkeep(edit=edit), **options)
    return result, tuple(found.values())


def _corrected(edits: Edits, key: str, correction: Correction) -> Edits:
    made = make_edit(correction.tags, correction.note or "")
    own = edits.runs.get(key)
    tags = {**(own.tags if own else {}), **made.tags}
    tags = {name: text for name, text in tags.items() if name not in correction.undo}
    note = (own.note if own else "") if correction.note is None else made.note
    return edits.changed(key, replace(made, tags=dict(sorted(tags.items())), note=note))


def _check_site(site: Path) -> None:
    if not is_site(str(site)):
        raise SiteError(f"'{site}' is no site of reportgen: name the folder that `reportgen build` wrote")

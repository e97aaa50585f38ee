"""Where loaded runs come from: all their summaries at once, and one run at a time when its series are asked for.

Log folders are read once, and remembered by `summarycache`; of a built site the table of summaries is enough.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, Protocol, TypeAlias

from reportgen.errors import FormatError, SourceError
from reportgen.formats import short_key
from reportgen.loading.summarycache import SummaryCache, drop_old_files, mark_of
from reportgen.model import Problem, Run, Summary
from reportgen.site.packs import read_summaries
from reportgen.sources import (
    Discovery,
    LogFile,
    Place,
    RunRef,
    StatCache,
    discover,
    find_root,
    fingerprint,
    is_address,
    read_run,
    remember_files,
    stat_files,
)
from reportgen.sources.edits import apply_edit, decode_edits
from reportgen.sources.jsonlog import Identity, parse_streams
from reportgen.sources.merge import merge_streams
from reportgen.sources.options import NO_OPTIONS, SourceOptions
from reportgen.sources.packs import REBUILD, iter_packs, read_document, read_packs, record_path
from reportgen.sources.parts import is_site
from reportgen.sources.redact import redact_stream
from reportgen.sources.site import read_edits
from reportgen.sources.statcache import cache_folder

SourceName: TypeAlias = str | os.PathLike[str]
Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with (stage, done, total); the only stage is `read`."""

BATCH: Final = 64
"""Runs that one job reads."""
SERIAL_RUNS: Final = 12
"""Up to so many runs are read in this process: starting workers would take longer."""


@dataclass(frozen=True, slots=True)
class Means:
    """What reading may use."""

    executor: Executor | Callable[[], Executor] | None = None
    """Reads logs; a function that makes one is called only if there is enough to do."""
    progress: Progress = field(default=lambda *_: None)
    cache_dir: Path | None = None
    """Replaces the platform's cache folder."""
    use_cache: bool = True
    options: SourceOptions = NO_OPTIONS
    """What the configuration says of sources."""
    experiments: Collection[str] | None = None
    """Names of the experiments of which runs are wanted, None for all: of a site, less is read."""

    @property
    def folder(self) -> Path:
        """Where caches lie."""
        return self.cache_dir or cache_folder()


class Origin(Protocol):
    """One or several sources that were read together."""

    summaries: tuple[Summary, ...]
    problems: tuple[Problem, ...]
    """Faults that belong to no run."""

    def read(self, summary: Summary) -> Run:
        """Return the whole run of one of the summaries. Raises `SourceError` when it is there no more."""
        ...

    def artifact_folder(self, summary: Summary) -> str | None:
        """Return the folder on this machine with the files that the run kept, None if there is none of its own."""
        ...


def read_origins(sources: Sequence[SourceName], means: Means) -> list[Origin]:
    """Return what `sources` hold; no run is in two of the origins. Raises `SourceError`."""
    if not sources:
        raise SourceError("no source given: name a folder of runs, such as 'runs/', or a site")
    local = list(dict.fromkeys(find_root(source) for source in sources if not is_address(source)))
    wanted = means.experiments
    origins: list[Origin] = [_Published(source, wanted) for source in sources if is_address(source)]
    sites = [_Site(root, wanted) for root in local if is_site(root)]
    logs = [root for root in local if not is_site(root)]
    if _share_runs(sites) or (sites and logs):
        origins.append(_Logs(local, means))  # parts of one run in two places are merged only when they are read
    else:
        origins += sites
        if logs:
            origins.append(_Logs(logs, means))
    return _without_copies(origins)


def remembered_summaries(sources: Sequence[SourceName], cache_dir: Path | None = None) -> tuple[Summary, ...]:
    """Return what earlier calls have read of `sources` and what the tables of sites hold, without a look at any log.

    Addresses are left out. Raises `SourceError` for a source that is not there.
    """
    folder = Means(cache_dir=cache_dir).folder
    roots = list(dict.fromkeys(find_root(source) for source in sources if not is_address(source)))
    found: list[Summary] = []
    for root in roots:
        found += _Site(root, None).summaries if is_site(root) else ()
    for together in (roots, [root for root in roots if not is_site(root)]):
        if together and not found:
            found += SummaryCache(_cache_files(together, folder)[1])
    return tuple(found)


def _cache_files(roots: Sequence[str], folder: Path) -> tuple[Path, Path]:
    """Return the files with digests and with summaries of these roots together."""
    name = short_key("\0".join(sorted(roots)))
    return folder / "loaded" / f"files-{name}.json", folder / "loaded" / f"summaries-{name}"


def _share_runs(origins: Iterable[Origin]) -> bool:
    keys = [summary.key for origin in origins for summary in origin.summaries]
    return len(set(keys)) < len(keys)


def _without_copies(origins: list[Origin]) -> list[Origin]:
    """Let each run stay with the origin that knows most of it; the first of equals."""
    best: dict[str, tuple[tuple[float, int], Origin]] = {}
    for origin in reversed(origins):
        for summary in origin.summaries:
            length = (summary.last_time, sum(metric.count for metric in summary.metrics.values()))
            if summary.key not in best or length >= best[summary.key][0]:
                best[summary.key] = (length, origin)
    for origin in origins:
        origin.summaries = tuple(own for own in origin.summaries if best[own.key][1] is origin)
    return origins


# ---- log folders


class _Logs:
    """Runs that are found and read like those of a build: in folders of logs, or in several places."""

    def __init__(self, roots: Sequence[str], means: Means) -> None:
        files = _cache_files(roots, means.folder)
        self._cache = StatCache(files[0] if means.use_cache else None)
        found = discover(roots, cache=self._cache, options=means.options)
        self.problems = found.problems
        self._refs: dict[str, RunRef] = {}
        self.summaries = self._read_summaries(found, SummaryCache(files[1] if means.use_cache else None), means)
        self._cache.save()
        if means.use_cache:
            drop_old_files(files[0].parent, files)

    def _read_summaries(self, found: Discovery, cache: SummaryCache, means: Means) -> tuple[Summary, ...]:
        made: dict[str, tuple[Summary, ...]] = {}
        todo: list[RunRef] = []
        for ref in found.runs:
            mark = mark_of(ref, fingerprint(ref, self._cache)) if len(cache) else ""
            known = cache.get(mark)
            if known is None:
                todo.append(ref)
            else:
                made[mark] = known
                self._refs.update((summary.key, ref) for summary in known)
        for ref, summaries, marks in self._read(todo, means):
            made[mark_of(ref, marks)] = summaries
            self._refs.update((summary.key, ref) for summary in summaries)
        cache.save(made)
        kept = (summary for several in made.values() for summary in several)
        return tuple(s for s in kept if means.experiments is None or s.experiment in means.experiments)

    def _read(
        self, todo: Sequence[RunRef], means: Means
    ) -> Iterator[tuple[RunRef, tuple[Summary, ...], tuple[str, ...]]]:
        stats = {ref.key: stat_files(ref) for ref in todo}
        batches = [todo[i : i + BATCH] for i in range(0, len(todo), BATCH)]
        executor = means.executor if len(todo) > SERIAL_RUNS else None
        if executor is not None and not isinstance(executor, Executor):
            executor = executor()
        done = 0
        if todo:
            means.progress("read", 0, len(todo))
        made = map(summarise_runs, batches) if executor is None else executor.map(summarise_runs, batches)
        for batch, outcomes in zip(batches, made, strict=True):
            for ref, (summaries, marks) in zip(batch, outcomes, strict=True):
                remember_files(ref, stats[ref.key], marks, self._cache)
                yield ref, summaries, marks
            done += len(batch)
            means.progress("read", done, len(todo))

    def read(self, summary: Summary) -> Run:
        """Read the run's logs again, as they are now."""
        for read in read_run(self._refs[summary.key]):
            if read.run.summary.key == summary.key:
                return read.run
        raise _gone(summary)

    def artifact_folder(self, summary: Summary) -> str | None:
        """Return the folder beside the run's log."""
        place = self._refs[summary.key].places[0]
        return place.artifact_root if place.kind == "runs" else None


def summarise_runs(refs: Sequence[RunRef]) -> list[tuple[tuple[Summary, ...], tuple[str, ...]]]:
    """Return for each run its summaries and the fingerprint of what was read: a job for a worker process."""
    outcomes = []
    for ref in refs:
        reads = read_run(ref)
        outcomes.append((tuple(read.run.summary for read in reads), reads[0].fingerprint if reads else ()))
    return outcomes


# ---- built sites


class _Site:
    """A built site in a folder: its packs have the summaries. Raises `SourceError` when it cannot be read."""

    def __init__(self, root: str, experiments: Collection[str] | None) -> None:
        self._root = root
        document = read_document(root)
        packs = (data for _, data in read_packs(root, document, experiments))
        self.summaries = _summaries(packs, experiments, root)
        self.problems: tuple[Problem, ...] = ()
        self._edits = decode_edits(read_edits(root, document))[0]

    def read(self, summary: Summary) -> Run:
        """Read the run's record."""
        label = record_path(summary.key)
        site = Path(self._root)
        record = site / label
        if any(folder.is_symlink() for folder in (site / "data", record.parent)) or not record.is_file():
            raise _gone(summary)
        place = Place("site", (LogFile(str(record), label),), str(site / "a"))
        names = (summary.run_id, summary.experiment, summary.name, summary.parent_id)
        return read_run(RunRef(summary.key, *names, (place,), self._edits.of([summary.key])))[0].run

    def artifact_folder(self, summary: Summary) -> None:
        """Return nothing: the files of all runs lie together, by digest."""


class _Published:
    """A built site at an address: its packs are fetched at once, its records one by one."""

    def __init__(self, source: SourceName, experiments: Collection[str] | None) -> None:
        from reportgen.sources import address as web  # with http and ssl: most sources need none

        self._source = source
        self.problems: tuple[Problem, ...] = ()
        address = web.Address(source)
        document = web.fetch_document(address)
        packs = (data for _, data in iter_packs(document, partial(web.fetch_pack, address), experiments))
        self.summaries = _summaries(packs, experiments, address.url)
        self._edits = decode_edits(web.fetch_edits(address, document))[0]

    def read(self, summary: Summary) -> Run:
        """Fetch the run's record."""
        from reportgen.sources.address import Address

        label = record_path(summary.key)
        address = Address(self._source)
        identity = Identity(summary.run_id, summary.experiment)
        streams = parse_streams([address.read(label)], label, identity, packed=True)
        if not streams:
            raise SourceError(f"no line of '{address.url}{label}' can be read: upload the site once more")
        run = merge_streams([redact_stream(stream, label) for stream in streams], key=summary.key)
        return apply_edit(run, self._edits.runs.get(summary.key))

    def artifact_folder(self, summary: Summary) -> None:
        """Return nothing: the files are elsewhere."""


def _summaries(packs: Iterable[bytes], experiments: Collection[str] | None, name: str) -> tuple[Summary, ...]:
    """Return the summaries in some packs, of `experiments` alone if they are given. Raises `SourceError`."""
    try:
        found = [summary for data in packs for summary in read_summaries(data)]
    except FormatError as error:
        raise SourceError(f"the site in '{name}' cannot be read: {error}: {REBUILD}") from None
    return tuple(s for s in found if experiments is None or s.experiment in experiments)


def _gone(summary: Summary) -> SourceError:
    return SourceError(f"the run '{summary.name}' ({summary.run_id}) is there no more: load its source again")

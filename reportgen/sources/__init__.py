"""Where runs come from: finds them in the given sources, tells whether they changed, and reads them.

`discover` looks at names, stats and first lines only; `fingerprint` says what a run is made of; `read_run` reads one.
A source is a folder of run logs (a root, an experiment's folder, a run's folder), one log file, or a built site: its
folder, or its `https://` address.
Nothing here knows pages, and nothing of a log's content chooses which file is opened.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from reportgen.errors import SourceError
from reportgen.model import Problem, Stream
from reportgen.sources.artifacts import KeptFiles, check_artifacts, size_mark
from reportgen.sources.faults import Faults, problem_event, with_events
from reportgen.sources.foreign import hash_files, read_foreign
from reportgen.sources.histories import Found, resolve_histories
from reportgen.sources.jsonlog import Identity, read_log
from reportgen.sources.merge import merge_streams
from reportgen.sources.options import NO_OPTIONS, SourceOptions
from reportgen.sources.parts import Part
from reportgen.sources.places import ArtifactLimits, Discovery, LogFile, Place, ReadRun, RunRef
from reportgen.sources.record import encode_record, read_record
from reportgen.sources.redact import redact_stream
from reportgen.sources.runs import find_runs
from reportgen.sources.shapes import repair_start
from reportgen.sources.site import find_site_runs, is_site
from reportgen.sources.statcache import StatCache, cache_folder

__all__ = [
    "ArtifactLimits",
    "Discovery",
    "LogFile",
    "Place",
    "ReadRun",
    "RunRef",
    "SourceOptions",
    "StatCache",
    "discover",
    "encode_record",
    "find_root",
    "fingerprint",
    "is_address",
    "is_copy_of",
    "read_record",
    "read_run",
    "remember_files",
    "stat_files",
]

DEFAULT_LIMITS = ArtifactLimits()


def discover(
    sources: Sequence[str | os.PathLike[str]],
    *,
    cache: StatCache,
    mirror: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    options: SourceOptions = NO_OPTIONS,
) -> Discovery:
    """Return the runs in `sources`, each once, whatever the order and grouping in which they are given.

    With a warm `cache` only folders are listed and files are stat'ed. What is new in a site that is given by its
    address is fetched first, into a folder below `mirror` (by default in the platform's cache folder), and `progress`
    is told (files that have come, files to fetch). `options` are what the configuration says of sources. Raises
    `SourceError` for a source that does not exist, cannot be read, or holds no run log.
    """
    if not sources:
        raise SourceError("no SOURCE given: name a folder of runs, such as runs/")
    parts: dict[tuple[str, str], Part] = {}
    problems: set[Problem] = set()
    for source in sources:
        if is_address(source):
            from reportgen.sources.address import find_address_runs  # with http and ssl: most builds need none

            place = mirror or cache_folder() / "sites"
            found, faults = find_address_runs(source, cache, place, progress=progress)
        else:
            root = find_root(source)
            found, faults = find_site_runs(root, cache) if is_site(root) else find_runs(root, cache, options)
        problems.update(faults)
        for part in found:
            _add_part(parts, part)
    runs: dict[str, list[Part]] = {}
    for part in parts.values():
        runs.setdefault(part.key, []).append(part)
    return Discovery(
        tuple(_make_ref(key, runs[key]) for key in sorted(runs)),
        tuple(sorted(problems, key=lambda p: (p.where, p.line or 0, p.message, p.hint, p.count))),
    )


def is_address(source: str | os.PathLike[str]) -> bool:
    """Tell whether a SOURCE is an address, and not a path on this machine; a `Path` has lost one of its slashes."""
    return re.match(r"https?:/", os.fspath(source), re.IGNORECASE) is not None


def find_root(source: str | os.PathLike[str]) -> str:
    """Return the absolute path of a SOURCE on this machine. Raises `SourceError` when there is none."""
    root = os.path.abspath(os.fspath(source))
    if not os.path.exists(root):
        raise SourceError(f"SOURCE '{os.fspath(source)}' does not exist: give a folder of runs or a built site")
    if not (os.path.isdir(root) or os.path.isfile(root)):
        raise SourceError(f"SOURCE '{os.fspath(source)}' is neither a folder nor a file")
    return root


def _add_part(parts: dict[tuple[str, str], Part], part: Part) -> None:
    """Add a part; a folder that was given twice, or as a whole and in single files, stays one place."""
    first_file = part.place.files[0].path
    key = (part.key, os.path.dirname(first_file) if part.place.kind == "runs" else first_file)
    old = parts.setdefault(key, part)
    if old is part:
        return
    if part.place.kind not in ("runs", "site"):  # the order of its files is its kind's, and a wider SOURCE shows more
        parts[key] = min(old, part, key=lambda own: (-len(own.place.files), _naming_order(own)))
        return
    files = {file.path: file for file in (*old.place.files, *part.place.files)}
    first = min(old, part, key=_naming_order)
    place = replace(old.place, files=tuple(files[path] for path in sorted(files)))
    parts[key] = replace(first, place=place)


def _naming_order(part: Part) -> tuple[tuple[int, str], str, bool, tuple[str, ...]]:
    return (part.order, part.place.kind, part.is_twin, tuple(file.label for file in part.place.files))


def _make_ref(key: str, parts: Sequence[Part]) -> RunRef:
    ordered = sorted(parts, key=_naming_order)
    first = ordered[0]
    places = tuple(part.place for part in ordered)
    return RunRef(key, first.run_id, first.experiment, first.name, first.parent_id, places)


def fingerprint(ref: RunRef, cache: StatCache, *, limits: ArtifactLimits = DEFAULT_LIMITS) -> tuple[str, ...]:
    """Return `<sha256> <label>` of all log and artifact files of a run, sorted; equal ones mean that nothing changed.

    An artifact over the size limit counts with its size. A site's record counts as the files that it was made from.
    A file that cannot be read is left out.
    """
    marks: set[str] = set()
    for place in ref.places:
        marks.update(place.sources)
        if place.sources:
            continue
        for file in place.files:
            try:
                marks.add(f"{cache.sha256(file.path)} {file.label}")
            except OSError:
                continue
        for file in place.artifact_files:
            try:
                size = os.lstat(file.path).st_size
                large = size > limits.max_bytes
                marks.add(size_mark(file, size) if large else f"{cache.sha256(file.path)} {file.label}")
            except OSError:
                continue
    return tuple(sorted(marks))


def is_copy_of(ref: RunRef, records: Collection[str], files: Iterable[str], cache: StatCache) -> bool:
    """Tell whether the sites among the places of a run still hold what an earlier build made of them.

    `records` are the sha256 of the records that it made of the run, `files` the site paths of what it published. The
    fingerprint alone cannot tell: it names the logs behind a site's record, and not the record nor the artifacts.
    """
    names = [os.path.basename(path) for path in files if path.startswith("a/")]
    try:
        return all(
            all(cache.sha256(file.path) in records for file in place.files)
            and all(cache.sha256(os.path.join(place.artifact_root, name))[:20] == name[:20] for name in names)
            for place in ref.places
            if place.kind == "site"
        )
    except OSError:
        return False


def stat_files(ref: RunRef) -> dict[str, os.stat_result]:
    """Return path -> stat of the log and artifact files of a run, for `remember_files` after they were read."""
    stats = {}
    for place in ref.places:
        for file in (*place.files, *place.artifact_files):
            try:
                stats[file.path] = os.lstat(file.path)
            except OSError:
                continue
    return stats


def remember_files(ref: RunRef, stats: Mapping[str, os.stat_result], marks: Sequence[str], cache: StatCache) -> None:
    """Put the digests in the fingerprint `marks` of a run that was read into `cache`; `stats` are from before that."""
    digests: dict[str, set[str]] = {}
    for mark in marks:
        digest, _, label = mark.partition(" ")
        digests.setdefault(label, set()).add(digest)
    files = [file for place in ref.places for file in (*place.files, *place.artifact_files)]
    labels: dict[str, int] = {}
    for file in files:
        labels[file.label] = labels.get(file.label, 0) + 1
    for place in ref.places:
        if place.kind == "site":
            continue
        for file in (*place.files, *place.artifact_files):
            own = digests.get(file.label, set())
            if (
                len(own) == labels[file.label] == 1
                and file.path in stats
                and not (digest := next(iter(own))).startswith("bytes:")
            ):
                cache.put(file.path, stats[file.path], sha256=digest)


def read_run(ref: RunRef, *, limits: ArtifactLimits = DEFAULT_LIMITS) -> tuple[ReadRun, ...]:
    """Read a run from all its places.

    Returns one run, or several where places hold histories of one session that contradict each other: the first one
    has the key of `ref`, the others keys derived from it.
    """
    found: list[Found] = []
    marks: set[str] = set()
    kept = KeptFiles(limits)
    for place in ref.places:
        kept.add_place(place)
        if place.kind not in ("runs", "site"):
            label, path = place.files[0].label, place.files[0].path
            marks.update(hash_files(place))
            found += (Found(label, redact_stream(s, label), path) for s in read_foreign(place, ref, kept))
            continue
        marks.update(place.sources)
        for file in place.files:
            streams, mark = _read_file(file, ref, place)
            found += (Found(file.label, redact_stream(stream, file.label), file.path) for stream in streams)
            if mark and not place.sources:
                marks.add(mark)
    made = tuple(sorted(marks | kept.marks))
    runs = []
    for key, own in resolve_histories(found, ref.key):
        checked = check_artifacts(own, kept)
        run = merge_streams(checked.streams, key=key, verdicts=checked.verdicts)
        runs.append(ReadRun(run, made, checked.files))
    return tuple(runs)


def _read_file(file: LogFile, ref: RunRef, place: Place) -> tuple[tuple[Stream, ...], str]:
    """Return the streams of one file and its mark in the fingerprint; a file that is gone gives a problem."""
    identity = Identity(ref.run_id, ref.experiment)
    try:
        log = read_log(file.path, file.label, identity)
    except OSError as error:
        problem = Problem(file.label, f"the file cannot be read: {error.strerror or error}", "check its permissions")
        start = repair_start({}, None, Faults(file.label), run_id=ref.run_id, experiment=ref.experiment)
        stream = Stream({**start, "name": ref.name}, (), {})
        return (with_events(stream, (problem_event(problem),)),), ""
    streams = log.streams
    if place.sha256 and place.sha256 != log.sha256 and streams:
        message = "the record is not the one that the site was built with: it was changed or damaged since"
        problem = Problem(file.label, message, "build the site again from its logs")
        streams = (with_events(streams[0], (*streams[0].events, problem_event(problem))), *streams[1:])
    return streams, f"{log.sha256} {file.label}"

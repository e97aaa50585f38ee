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
from reportgen.model import Edits, Problem, Stream
from reportgen.sources.artifacts import KeptFiles, check_artifacts, size_mark
from reportgen.sources.edits import NO_EDITS, apply_edit, join_edits
from reportgen.sources.faults import Faults, problem_event, with_events
from reportgen.sources.foreign import hash_files, read_foreign
from reportgen.sources.histories import Found, resolve_histories
from reportgen.sources.jsonlog import Identity, read_log
from reportgen.sources.merge import merge_streams
from reportgen.sources.options import NO_OPTIONS, SourceOptions
from reportgen.sources.parts import Part, is_site
from reportgen.sources.places import ArtifactLimits, Discovery, LogFile, Place, ReadRun, RunRef
from reportgen.sources.record import encode_record, read_record
from reportgen.sources.redact import redact_stream
from reportgen.sources.runs import find_runs
from reportgen.sources.shapes import repair_start
from reportgen.sources.site import FoundSite, find_site_runs
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
    "make_refs",
    "read_record",
    "read_run",
    "remember_files",
    "sort_problems",
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
    held: Callable[[Collection[str]], Iterable[Part]] = lambda _: (),
    edits: Edits = NO_EDITS,
) -> Discovery:
    """Return the runs in `sources`, each once, whatever the order and grouping in which they are given.

    `held` gives, for the keys of the runs that were found, what a site to which they are added holds of them, and
    `edits` are its corrections; those of sites among the sources come to them, and runs that one of them has forgotten
    are passed over.

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
        found = _look(source, cache, mirror, progress, options)
        problems.update(found.problems)
        edits = join_edits(edits, found.edits)
        for part in found.parts:
            _add_part(parts, part)
    keys = {part.key for part in parts.values()}
    for part in held(keys):
        _add_part(parts, part)
    return Discovery(
        make_refs(parts.values(), edits),
        sort_problems(problems),
        edits,
        len(keys & edits.forgotten),
    )


def make_refs(parts: Iterable[Part], edits: Edits) -> tuple[RunRef, ...]:
    """Return the runs that lie in these parts, by key, without those that were forgotten."""
    runs: dict[str, list[Part]] = {}
    for part in parts:
        runs.setdefault(part.key, []).append(part)
    return tuple(_make_ref(key, runs[key], edits) for key in sorted(runs) if key not in edits.forgotten)


def sort_problems(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return problems in the order in which they are told, each once."""
    return tuple(sorted(set(problems), key=lambda p: (p.where, p.line or 0, p.message, p.hint, p.count)))


def _look(
    source: str | os.PathLike[str],
    cache: StatCache,
    mirror: Path | None,
    progress: Callable[[int, int], None] | None,
    options: SourceOptions,
) -> FoundSite:
    """Return what one source holds; a folder of logs is like a site without corrections."""
    if is_address(source):
        from reportgen.sources.address import find_address_runs  # with http and ssl: most builds need none

        return find_address_runs(source, cache, mirror or cache_folder() / "sites", progress=progress)
    root = find_root(source)
    if is_site(root):
        return find_site_runs(root, cache)
    parts, problems = find_runs(root, cache, options)
    return FoundSite(tuple(parts), tuple(problems), NO_EDITS)


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


def _make_ref(key: str, parts: Sequence[Part], edits: Edits) -> RunRef:
    ordered = sorted(parts, key=_naming_order)
    first = ordered[0]
    places = tuple(part.place for part in ordered)
    records = {os.path.basename(place.files[0].label).partition(".")[0] for place in places if place.kind == "site"}
    own = edits.of({key, *records}) if edits.runs else ()
    return RunRef(key, first.run_id, first.experiment, first.name, first.parent_id, places, own)


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
            label = place.files[0].label
            marks.update(hash_files(place))
            found += (Found(label, redact_stream(s, label)) for s in read_foreign(place, ref, kept))
            continue
        marks.update(place.sources)
        for file in place.files:
            streams, mark = _read_file(file, ref, place)
            found += (Found(file.label, redact_stream(stream, file.label)) for stream in streams)
            if mark and not place.sources:
                marks.add(mark)
    histories = resolve_histories(found, ref.key, marks)
    made = tuple(sorted((marks | kept.marks) - (_outdated(ref, found, marks) if len(histories) == 1 else set())))
    runs = []
    edits = dict(ref.edits)
    for key, own in histories:
        checked = check_artifacts(own, kept)
        run = merge_streams(checked.streams, key=key, verdicts=checked.verdicts)
        runs.append(ReadRun(apply_edit(run, edits.get(key)), made, checked.files))
    return tuple(runs)


def _outdated(ref: RunRef, found: Sequence[Found], marks: Collection[str]) -> set[str]:
    """Return those of `marks` that stand for files of which a later state was read, too.

    A site names the files behind its record. When one of these has grown and comes again, the site that is made of
    both is the one that the grown file alone would give, so the earlier state is not named.
    """
    sites = [place for place in ref.places if place.kind == "site"]
    logs = [file for place in ref.places if place.kind != "site" for file in place.files]
    if not sites or not logs:
        return set()
    records = {file.label for place in sites for file in place.files}
    held = {own.stream.order for own in found if own.label in records}
    again = {own.label for own in found if own.label not in records and own.stream.order in held}
    if again:
        again |= {file.label for place in ref.places if place.kind != "site" for file in place.artifact_files}
    named: dict[str, set[str]] = {}
    for mark in (mark for place in sites for mark in place.sources):
        named.setdefault(mark.partition(" ")[2], set()).add(mark)
    read = {label: {mark for mark in marks if mark.partition(" ")[2] == label} for label in again}
    return {
        mark for label in again if len(named.get(label, ())) == 1 and len(read[label]) == 2 for mark in named[label]
    }


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

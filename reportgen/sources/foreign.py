"""Runs in the logs of other programs: asks the kinds what of a folder they know, and reads what they claimed.

Each run gets an id: its own where it has one, else one made from its kind, its experiment, its path below the given
SOURCE and its first recorded time, so that it is the same run when its log has grown.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

from reportgen.formats import clean_text, cut_name, run_key
from reportgen.logartifacts import media_type
from reportgen.model import Problem, Stream
from reportgen.sources.artifacts import KeptFiles, is_inside
from reportgen.sources.extracted import kept_file
from reportgen.sources.faults import problem_event, with_events
from reportgen.sources.kinds import Claim, FoundRun, Listing, iter_kinds, kind_of
from reportgen.sources.parts import Part, label_of, list_files, make_part, redacted
from reportgen.sources.places import LogFile, Place, RunRef
from reportgen.sources.pointers import find_pointers
from reportgen.sources.statcache import hash_file
from reportgen.sources.streams import StreamMaker

NO_EXPERIMENT: Final = "runs"


@dataclass(frozen=True, slots=True)
class Claimed:
    """What one kind took of a folder."""

    kind: str
    claim: Claim
    parts: tuple[Part, ...]
    is_same_run: bool = False
    """Whether it adds nothing: an earlier kind said that the folder is one run, and this one says so, too, or the run
    is taken from another folder."""


def claim_folder(folder: Listing) -> tuple[list[Part], frozenset[str], list[Problem]]:
    """Return the runs of other programs in a folder, the names of folders that belong to them, and what is wrong."""
    pointers, problems = find_pointers(folder)
    claims = list(iter_claims(folder.without(pointers, ())))
    parts = [part for claimed in claims for part in claimed.parts]
    folders = frozenset(name for claimed in claims for name in claimed.claim.folders)
    return parts, folders, [*problems, *(problem for claimed in claims for problem in claimed.claim.problems)]


def iter_claims(folder: Listing) -> Iterator[Claimed]:
    """Yield what each kind takes of a folder.

    Kinds are asked in their order; a file that one has taken is not shown to the next, and where one says that the
    folder is one run, what others see in it is that run again, in another format.
    """
    left = folder
    is_one_run = False
    for kind in iter_kinds():
        claim = kind.claim(left)
        if claim is None:
            continue
        is_same_run = claim.is_twin or (is_one_run and claim.is_one_run)
        runs = () if is_same_run else claim.runs
        yield Claimed(kind.name, claim, tuple(_make_part(kind.name, folder, run) for run in runs), is_same_run)
        is_one_run = is_one_run or (claim.is_one_run and not claim.is_twin)
        left = left.without(claim.files, claim.folders)
        if not (left.files or left.folders):
            break


def _make_part(kind: str, folder: Listing, found: FoundRun) -> Part:
    own = folder.parts[-1] if folder.parts else ""
    above = folder.parts[-2] if len(folder.parts) > 1 else os.path.basename(os.path.dirname(folder.path))
    experiment = cut_name(clean_text(found.experiment or above)) or NO_EXPERIMENT
    run_id = clean_text(found.run_id) or _make_id(kind, experiment, folder, found)
    name = cut_name(clean_text(found.name or own)) or run_id
    files = tuple(LogFile(folder.full(file), label_of(folder.full(file))) for file in found.files)
    artifacts = folder.full(found.artifacts) if found.artifacts else ""
    place = Place(
        kind,
        files,
        artifacts or os.path.join(folder.path, "artifacts"),
        tuple(_artifact_files(artifacts, folder, found.artifact_files)),
        item=found.item,
        extra=tuple(sorted(found.extra.items())),
    )
    facts = {"run_id": run_id, "experiment": experiment, "name": name, "parent": found.parent_id}
    return make_part(run_key(run_id), facts | {"rank": 0, "session": ""}, experiment, place)


def _artifact_files(artifacts: str, folder: Listing, names: Iterable[str]) -> list[LogFile]:
    """Return the named files, else all of the artifact folder; a name that leads out of it or over a link is none."""
    if not names:
        return list_files(artifacts) if artifacts else []
    root = os.path.realpath(artifacts or folder.path)
    found = []
    for name in sorted({name for name in names if is_inside(name)}):
        path = os.path.join(root, *name.split("/"))
        if os.path.realpath(path) == path and os.path.isfile(path):
            found.append(LogFile(path, redacted(clean_text(name))))
    return found


def _make_id(kind: str, experiment: str, folder: Listing, found: FoundRun) -> str:
    """Return the id of a run that has none of its own; the SOURCE's own name is no part of it."""
    path = "/".join((*folder.parts[1:], found.files[0]))
    first = repr(found.began) if found.began is not None else hashlib.sha256(folder.head(found.files[0])).hexdigest()
    text = f"reportgen\0{kind}\0{experiment}\0{path}\0{found.item}\0{first}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:20]


def read_foreign(place: Place, ref: RunRef, kept: KeptFiles) -> tuple[Stream, ...]:
    """Return the streams of one run as its kind reads them, with its artifacts; never raises for what is in it."""
    label = place.files[0].label
    try:
        streams = [_named(stream, ref) for stream in kind_of(place.kind).read(place, ref)]
    except OSError as error:
        problem = Problem(label, f"the file cannot be read: {error.strerror or error}", "check its permissions")
        streams = [_only_problem(label, ref, problem)]
    if not streams:
        problem = Problem(label, "nothing of it can be read", "see `reportgen sniff`; it may be damaged")
        streams = [_only_problem(label, ref, problem)]
    _keep_extracted(streams, kept)
    artifacts = list(_iter_artifacts(place, kept))
    if artifacts:
        streams[0] = with_events(streams[0], (*streams[0].events, *artifacts))
    return tuple(streams)


def _named(stream: Stream, ref: RunRef) -> Stream:
    """Return the stream under the name that discovery gave the run, which links of other pages have."""
    start = {**stream.start, "run_id": ref.run_id, "experiment": ref.experiment, "name": ref.name}
    return replace(stream, start=start | ({"parent": ref.parent_id} if ref.parent_id else {}))


def _only_problem(label: str, ref: RunRef, problem: Problem) -> Stream:
    maker = StreamMaker(label, run_id=ref.run_id, experiment=ref.experiment, name=ref.name)
    stream = maker.finish()
    return with_events(stream, (*stream.events, problem_event(problem)))


def _keep_extracted(streams: Iterable[Stream], kept: KeptFiles) -> None:
    """Add the files that a kind has taken out of a log (`extracted.keep_bytes`) to those that may be artifacts."""
    for stream in streams:
        for event in stream.events:
            if event["event"] == "artifact" and (file := kept_file(event.get("sha256", ""))):
                kept.by_name.setdefault(event["path"], []).append((event["sha256"], file))


def _iter_artifacts(place: Place, kept: KeptFiles) -> Iterator[dict[str, Any]]:
    """Yield an `artifact` line for each file of the artifact folder; one over the size limit has no digest."""
    for file in place.artifact_files:
        try:
            size = os.lstat(file.path).st_size
        except OSError:
            continue
        digest = next((digest for digest, path in kept.by_name.get(file.label, ()) if path == file.path), "")
        event = {"event": "artifact", "path": file.label, "bytes": size, "media": media_type(file.label)}
        yield event | ({"sha256": digest} if digest else {})


def hash_files(place: Place) -> Iterable[str]:
    """Yield the mark of each file of a place in the fingerprint; a file that cannot be read is left out."""
    for file in place.files:
        try:
            stat = os.lstat(file.path)
            digest = _digest(file.path, stat.st_size, stat.st_mtime_ns, stat.st_ino)
        except OSError:
            continue
        yield f"{digest} {file.label}"


@lru_cache(maxsize=64)
def _digest(path: str, size: int, mtime_ns: int, inode: int) -> str:  # noqa: ARG001 - they name the file's state
    """Return the sha256 of a file that may hold thousands of runs, hashed once in each process."""
    return hash_file(path)[0]

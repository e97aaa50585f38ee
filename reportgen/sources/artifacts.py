"""Which artifacts of a run can be published, and from which bytes.

An artifact's name only picks a file out of a listing made before, or a digest in a site's folder: no path is made
from it. What is published has the digest that the run logged.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from reportgen.formats import artifact_path, cut_name
from reportgen.model import Problem, Stream
from reportgen.sources.faults import problem_event, with_events
from reportgen.sources.places import ArtifactLimits, LogFile, Place
from reportgen.sources.statcache import hash_file

MISSING_HINT: Final = "keep the run's folder whole, or log the artifact again"


@dataclass(frozen=True, slots=True)
class CheckedArtifacts:
    """What came of looking at the artifacts of one history of a run."""

    streams: tuple[Stream, ...]
    """The streams with a `problem` event for each artifact that should be there and is not."""
    verdicts: Mapping[str, tuple[str | None, str]]
    """Artifact path -> (site path or None, why it is not published)."""
    files: Mapping[str, str]
    """Artifact path -> path of its bytes on this machine."""


@dataclass(slots=True)
class KeptFiles:
    """The files of a run that may be artifacts, hashed once."""

    limits: ArtifactLimits
    by_name: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    """Artifact path -> (sha256, path on this machine) of the files of that name that are small enough."""
    marks: set[str] = field(default_factory=set)
    """What stands in the fingerprint for each file."""
    roots: list[str] = field(default_factory=list)
    """Artifact folders of run folders."""
    sites: list[str] = field(default_factory=list)
    """Artifact folders of sites."""

    def add_place(self, place: Place) -> None:
        """Hash the files of a place; one that cannot be read is as good as missing."""
        (self.sites if place.kind == "site" else self.roots).append(place.artifact_root)
        for file in place.artifact_files:
            try:
                size = os.lstat(file.path).st_size
                if size > self.limits.max_bytes:
                    self.marks.add(size_mark(file, size))
                    continue
                digest = hash_file(file.path)[0]
            except OSError:
                continue
            self.marks.add(f"{digest} {file.label}")
            self.by_name.setdefault(file.label, []).append((digest, file.path))


def size_mark(file: LogFile, size: int) -> str:
    """Return what stands in a fingerprint for a file that is too large to be published: it is never hashed."""
    return f"bytes:{size} {file.label}"


def check_artifacts(streams: Sequence[Stream], kept: KeptFiles) -> CheckedArtifacts:
    """Find the bytes of each artifact, as logged last; say why there are none where there are none."""
    last: dict[str, tuple[int, Mapping[str, Any]]] = {}
    told: dict[str, str] = {}
    for number, stream in enumerate(streams):
        for event in stream.events:
            if event["event"] == "artifact":
                last[event["path"]] = (number, event)
            elif event["event"] == "problem" and isinstance(event.get("artifact"), str):
                told[event["artifact"]] = str(event.get("reason", ""))
    verdicts: dict[str, tuple[str | None, str]] = {}
    files: dict[str, str] = {}
    added: dict[int, list[dict[str, Any]]] = {}
    sizes: dict[str, int] = {}
    for path, (number, event) in last.items():
        reason, fault = _reason_against(event, kept.limits), ""
        if not reason:
            found, fault = _find(event, kept, in_sites=path not in told)
            size = _size_of(found)
            if size is not None:
                files[path] = found
                if event.get("bytes") != size:
                    sizes[path] = size
                verdicts[path] = (artifact_path(event["sha256"], path), "")
                continue
            reason = told.get(path) or fault
            if path not in told:
                added.setdefault(number, []).append(_problem(streams[number], path, fault))
        verdicts[path] = (None, reason)
    if last or told:
        streams = [_with_problems(s, added.get(number, ()), files) for number, s in enumerate(streams)]
    if sizes:
        streams = [_with_sizes(stream, sizes) for stream in streams]
    return CheckedArtifacts(tuple(streams), verdicts, files)


def _reason_against(event: Mapping[str, Any], limits: ArtifactLimits) -> str:
    if event.get("copied") is False:
        return "kept by reference"
    return limits.reason_against(event["path"], event.get("bytes", 0))


def _size_of(file: str) -> int | None:
    try:
        return os.lstat(file).st_size if file else None
    except OSError:
        return None


def _find(event: Mapping[str, Any], kept: KeptFiles, *, in_sites: bool) -> tuple[str, str]:
    """Return (path of the bytes, "") or ("", what is wrong).

    `in_sites` is False for what a site tells it did not publish: the same bytes there are those of another artifact.
    """
    path, digest = event["path"], event.get("sha256", "")
    if not digest:
        return "", "no sha256 was logged"
    candidates = kept.by_name.get(path, [])
    for found, file in candidates:
        if found == digest:
            return file, ""
    for site in kept.sites if in_sites else ():
        if file := _find_in_site(site, digest, path):
            return file, ""
    if candidates:
        return "", "its content is not what was logged"
    if not is_inside(path):
        return "", "its name leaves the run's folder"
    return "", next((fault for root in kept.roots if (fault := _what_is_there(root, path))), "file is missing")


def _find_in_site(folder: str, digest: str, path: str) -> str:
    """Return the file in a site's `a/` with this digest, empty if there is none."""
    if os.path.islink(folder):
        return ""
    wanted = os.path.basename(artifact_path(digest, path))
    names = [wanted]
    if not os.path.lexists(os.path.join(folder, wanted)):
        try:
            names = sorted(name for name in os.listdir(folder) if name.startswith(f"{digest[:20]}."))
        except OSError:
            return ""
    for name in names:
        file = os.path.join(folder, name)
        try:
            if hash_file(file)[0] == digest:
                return file
        except OSError:
            continue
    return ""


def is_inside(path: str) -> bool:
    """Tell whether the path of an artifact names something in the run's folder, on every system."""
    parts = path.split("/")
    return not (path.startswith("/") or "\\" in path or "\0" in path or ".." in parts or path[1:2] == ":")


def _what_is_there(root: str, path: str) -> str:
    """Return what stands in the place of a file that the listing does not have; nothing is opened."""
    at = root
    for part in path.split("/"):
        at = os.path.join(at, part)
        try:
            mode = os.lstat(at).st_mode
        except (OSError, ValueError):
            return ""
        if stat.S_ISLNK(mode):
            return ""  # as good as missing: what it leads to is none of ours
    if stat.S_ISREG(mode):
        return "over the size limit" if os.access(at, os.R_OK) else "file cannot be read"
    return "it is no regular file"


def _problem(stream: Stream, path: str, fault: str) -> dict[str, Any]:
    where = f"{stream.start['experiment']}/{stream.start['name']}"
    problem = Problem(where, f"artifact '{cut_name(path, 120)}' is not published: {fault}", MISSING_HINT)
    return problem_event(problem, artifact=path, reason=fault)


def _with_sizes(stream: Stream, sizes: Mapping[str, int]) -> Stream:
    """Return the stream with the sizes that files really have where the log has left them out or is wrong."""
    return with_events(
        stream,
        tuple(
            {**e, "bytes": sizes[e["path"]]} if e["event"] == "artifact" and e["path"] in sizes else e
            for e in stream.events
        ),
    )


def _with_problems(stream: Stream, added: Iterable[Mapping[str, Any]], files: Mapping[str, str]) -> Stream:
    """Return the stream with new problems, and without those of artifacts that were found after all."""
    kept = [e for e in stream.events if not (e["event"] == "problem" and e.get("artifact") in files)]
    new = list(added)
    return with_events(stream, (*kept, *new)) if new or len(kept) < len(stream.events) else stream

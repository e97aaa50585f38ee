"""Tells what discovery sees below a path and why: which kind claims what, what it reads in it, what is passed over.

It looks with the same eyes as a build (`find_runs`) and decides nothing itself; of what nobody claims it only says what
it looks like.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import orjson

from reportgen.formats import ARTIFACT_FOLDER, clean_text
from reportgen.model import Problem, Stream
from reportgen.sources.artifacts import KeptFiles
from reportgen.sources.columns import NO_STEP
from reportgen.sources.foreign import iter_claims, read_foreign
from reportgen.sources.jsonlog import Identity, read_log
from reportgen.sources.kinds import Listing
from reportgen.sources.merge import merge_streams
from reportgen.sources.options import NO_OPTIONS, SourceOptions
from reportgen.sources.parts import Part, is_log_name, is_site, redacted
from reportgen.sources.places import ArtifactLimits, Place, RunRef
from reportgen.sources.pointers import REMEDY, find_pointers, is_pointer
from reportgen.sources.redact import redact_stream
from reportgen.sources.runs import iter_folders, read_folder
from reportgen.sources.site import find_site_runs
from reportgen.sources.statcache import StatCache

MAX_DESCRIBED: Final = 200
"""Files of one folder that are looked into when nobody claims them; the others are counted."""
MAX_FIELDS: Final = 8
"""Fields or columns of a file that are named."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in a run, as far as this place holds it."""

    metrics: tuple[str, ...]
    """In order of first appearance."""
    points: int
    steps: tuple[int, int] | None
    """First and last step; None where there are no points."""
    counted: bool
    """Whether the log has no steps, so that they are counted."""
    timed: bool
    """Whether points have times."""
    params: int
    artifacts: int
    status: str
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class SeenRun:
    """A run, or a part of one, that a kind claims in a folder."""

    kind: str
    run_id: str
    experiment: str
    name: str
    files: tuple[str, ...]
    """What it is read from: paths below the folder, with `/`."""
    item: str
    """Which run of the files it is, for files that hold several."""
    noted: Mapping[str, str]
    """What the kind noted for reading, such as the column of the step."""
    again: bool
    """Whether an earlier folder or kind had a part of the same run."""
    contents: Contents | None = None
    """None where it was not read."""


@dataclass(frozen=True, slots=True)
class SameRun:
    """Files in which a kind sees again the run that another one has claimed."""

    kind: str
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PassedOver:
    """Files that nobody claims and that look alike."""

    what: str
    """What they look like."""
    why: str
    """Why they are no run log."""
    remedy: str
    """What to do if they are one; may be empty."""
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SeenFolder:
    """One folder in which there is something to tell."""

    path: str
    """Below the given path, with `/`; empty for itself."""
    runs: tuple[SeenRun, ...] = ()
    same: tuple[SameRun, ...] = ()
    folders: tuple[str, ...] = ()
    """Names of folders that belong to the runs and are not looked into."""
    passed_over: tuple[PassedOver, ...] = ()
    problems: tuple[Problem, ...] = ()


def iter_seen(root: str, *, limit: int = 0, options: SourceOptions = NO_OPTIONS) -> Iterator[SeenFolder]:
    """Yield each folder below the absolute path `root`, or the one file `root`, in which there is something to tell.

    The first `limit` runs are read, all with 0. `options` are what the configuration says of sources. Raises
    `SourceError` when `root` cannot be listed.
    """
    looker = _Looker(root, limit)
    if os.path.isfile(root):
        yield looker.look_at_file(options)
        return
    if is_site(root):
        found = find_site_runs(root, StatCache(None))
        yield SeenFolder("", tuple(looker.see(part, root) for part in found.parts), problems=found.problems)
        return
    problems: list[Problem] = []
    for listing, skip in iter_folders(root, problems, options):
        seen = looker.look(listing, skip)
        if seen is not None or problems:
            seen = seen or SeenFolder(looker.path_of(listing))
            yield replace(seen, problems=(*seen.problems, *problems))
            problems.clear()
    if problems:
        yield SeenFolder("", problems=tuple(problems))


class _Looker:
    """Looks at one folder after the other and remembers which runs it has seen."""

    def __init__(self, root: str, limit: int) -> None:
        self._root = root
        self._left = limit or -1
        self._known: set[str] = set()

    def path_of(self, listing: Listing) -> str:
        """Return the path of a folder below the root."""
        path = os.path.relpath(listing.path, self._root).replace(os.sep, "/")
        return "" if path == "." else clean_text(path)

    def look_at_file(self, options: SourceOptions) -> SeenFolder:
        """Look at the root, which is a file that the user named."""
        folder, name = os.path.split(self._root)
        listing = Listing(folder, (os.path.basename(folder),), (name,), (), named=True, options=options)
        self._root = folder
        return self.look(listing, set()) or SeenFolder("")

    def look(self, listing: Listing, skip: set[str]) -> SeenFolder | None:
        """Return what is in a folder, None where there is nothing; put folders that are not to be entered in `skip`."""
        logs = sorted(name for name in listing.files if is_log_name(name))
        problems: list[Problem] = []
        if logs:
            has_artifacts = ARTIFACT_FOLDER in listing.folders
            paths = [listing.full(name) for name in logs]
            parts = read_folder(listing.path, paths, StatCache(None), problems, has_artifacts=has_artifacts)
            folders = (ARTIFACT_FOLDER,) if has_artifacts else ()
            skip.update(folders)
            runs = tuple(self.see(part, listing.path) for part in parts)
            rest = sorted(listing.files - set(logs))
            beside = (PassedOver("file", "it lies beside the log of a run", "", tuple(rest)),) if rest else ()
            return SeenFolder(self.path_of(listing), runs, (), folders, beside, tuple(problems))
        if not (listing.files or listing.folders):
            return None
        found: list[SeenRun] = []
        same: list[SameRun] = []
        taken: set[str] = set()
        pointers, pointed = find_pointers(listing)
        problems += pointed
        for claimed in iter_claims(listing.without(pointers, ())):
            taken |= claimed.claim.files
            skip |= claimed.claim.folders
            problems += claimed.claim.problems
            found += (self.see(part, listing.path) for part in claimed.parts)
            if claimed.is_same_run:
                names = dict.fromkeys(file for run in claimed.claim.runs for file in run.files)
                same.append(SameRun(claimed.kind, tuple(map(clean_text, names))))
        passed = tuple(_describe_all(listing, sorted(listing.files - taken)))
        if not (found or same or passed or problems or skip):
            return None
        path = self.path_of(listing)
        return SeenFolder(path, tuple(found), tuple(same), tuple(sorted(skip)), passed, tuple(problems))

    def see(self, part: Part, folder: str) -> SeenRun:
        """Return what a part of a run is and, within the limit, what is in it."""
        again = part.key in self._known
        self._known.add(part.key)
        files = (os.path.relpath(file.path, folder).replace(os.sep, "/") for file in part.place.files)
        contents = None
        if self._left:
            self._left -= 1
            contents = _read_contents(part)
        return SeenRun(
            part.place.kind,
            part.run_id,
            part.experiment,
            part.name,
            tuple(map(clean_text, files)),
            part.place.item,
            dict(part.place.extra),
            again,
            contents,
        )


# ---- what is in a run


def _read_contents(part: Part) -> Contents | None:
    """Return what is in a part of a run, None when it cannot be read."""
    ref = RunRef(part.key, part.run_id, part.experiment, part.name, part.parent_id, (part.place,))
    try:
        streams = [redact_stream(stream, part.place.files[0].label) for stream in _read_streams(part.place, ref)]
    except OSError:
        return None
    if not streams:
        return None
    run = merge_streams(streams, key=part.key)
    own = [points for stream in streams for points in stream.points.values() if len(points)]
    series = [series for ranks in run.series.values() for series in ranks.values()]
    return Contents(
        tuple(run.summary.metrics),
        sum(map(len, own)),
        (min(int(s.steps[0]) for s in series), max(int(s.steps[-1]) for s in series)) if series else None,
        bool(own) and all((points.steps == NO_STEP).all() for points in own),
        any((points.times == points.times).any() for points in own),
        len(run.summary.params),
        run.summary.artifacts,
        run.summary.status,
        run.summary.problems,
    )


def _read_streams(place: Place, ref: RunRef) -> Sequence[Stream]:
    if place.kind not in ("runs", "site"):
        return read_foreign(place, ref, KeptFiles(ArtifactLimits()))
    identity = Identity(ref.run_id, ref.experiment)
    return [stream for file in place.files for stream in read_log(file.path, file.label, identity).streams]


# ---- what is no run log

_NO_KIND: Final = "no kind knows it"
_MAGIC: Final[Mapping[bytes, str]] = {
    b"SQLite format 3\0": "SQLite database",
    b"PK\x03\x04": "zip archive",
    b"\x1f\x8b": "gzip file",
    b"PAR1": "Parquet table",
    b"\x93NUMPY": "numpy array",
    b"\x89HDF": "HDF5 file",
    b"\x89PNG": "picture",
    b"\xff\xd8\xff": "picture",
    b"GIF8": "picture",
    b"%PDF": "PDF",
    b"\x7fELF": "program",
}
_ARCHIVES: Final = (".zip", ".tgz", ".gz")
"""Endings of archives; many other files are such an archive inside."""


def _describe_all(listing: Listing, names: Sequence[str]) -> Iterator[PassedOver]:
    """Yield what files look like, those that look alike together; files behind the first many are only counted."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for name in names[:MAX_DESCRIBED]:
        groups.setdefault(_describe(listing, name), []).append(redacted(clean_text(name)))
    for (what, why, remedy), own in groups.items():
        yield PassedOver(what, why, remedy, tuple(own))
    if rest := names[MAX_DESCRIBED:]:
        yield PassedOver("more files", _NO_KIND, "", tuple(redacted(clean_text(name)) for name in rest))


def _describe(listing: Listing, name: str) -> tuple[str, str, str]:
    """Return what a file looks like, why it is no run log, and what to do if it is one all the same."""
    head = listing.head(name)
    if not head:
        return "empty file", "there is nothing in it, or it cannot be read", ""
    for magic, what in _MAGIC.items():
        if head.startswith(magic):
            if what in ("zip archive", "gzip file") and name.lower().endswith(_ARCHIVES):
                return what, "archives are not opened", "unpack it and give the folder"
            return what, _NO_KIND, ""
    if head[:1] == b"\x80" and head[1:2] in b"\2\3\4\5":
        return "pickle", "it could run anything, and is never opened", ""
    if b"\0" in head:
        return "binary file", _NO_KIND, ""
    if is_pointer(head):
        return "pointer of Git LFS", "it stands for a file that was not fetched", REMEDY
    lines = head.decode("utf-8", "replace").lstrip("\ufeff \r\n\t").splitlines()
    if lines and lines[0].startswith("{"):
        return _describe_json(lines[0], name)
    if name.lower().endswith(".json") and lines and lines[0].startswith("["):
        return "JSON document", _NO_KIND, ""
    fields = _columns(lines)
    if fields:
        return _describe_table("table", "columns", fields, name)
    return "text", _NO_KIND, ""


def _describe_json(line: str, name: str) -> tuple[str, str, str]:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:
        return "JSON document", _NO_KIND, ""
    if len(row) > 1 and any(isinstance(value, int | float) for value in row.values()):
        return _describe_table("JSON lines", "fields", list(row), name)
    return "JSON document", _NO_KIND, ""


def _describe_table(what: str, parts: str, fields: Sequence[str], name: str) -> tuple[str, str, str]:
    shown = [redacted(clean_text(field.strip()))[:40] for field in fields[:MAX_FIELDS]]
    more = f" and {len(fields) - MAX_FIELDS} more" if len(fields) > MAX_FIELDS else ""
    remedy = (
        f'if it is a log, say so in reportgen.toml: [[sources.table]] with files = "{_pattern(name)}" and which of its'
        f" {parts} are what"
    )
    why = f"none of its {parts} is known for a step, an epoch or a time with numbers beside it"
    return f"{what} with the {parts} {', '.join(shown)}{more}", why, remedy


def _pattern(name: str) -> str:
    """Return a pattern for files that are called like this one."""
    return re.sub(r"\d+", "*", redacted(clean_text(name))).replace('"', "?")


def _columns(lines: Sequence[str]) -> list[str]:
    """Return the columns that a text has if it is a table: two rows or more with as many cells as its head."""
    if len(lines) < 2:
        return []
    for delimiter in ("\t", ",", ";"):
        if delimiter not in lines[0]:
            continue
        try:
            head, row = list(csv.reader(lines[:2], delimiter=delimiter))
        except (csv.Error, ValueError):
            continue
        if len(head) > 1 and len(head) == len(row) and all(cell.strip() for cell in head):
            return head
    return []

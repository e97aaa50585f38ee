"""Our own run folders: any folder with `events*.jsonl` (or `.jsonl.gz`). Finds them; reads first lines at most."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import orjson

from reportgen.errors import SourceError
from reportgen.formats import ARTIFACT_FOLDER, clean_text, clean_value, run_key
from reportgen.model import Problem
from reportgen.sources.faults import Faults
from reportgen.sources.foreign import claim_folder
from reportgen.sources.jsonlog import Identity, parse_streams
from reportgen.sources.kinds import Listing
from reportgen.sources.options import NO_OPTIONS, SourceOptions
from reportgen.sources.parts import MAX_FOLDERS_DEEP, Part, is_log_name, is_site, label_of, list_files, make_part
from reportgen.sources.places import LogFile, Place
from reportgen.sources.shapes import repair_start
from reportgen.sources.statcache import StatCache, open_regular

HEAD_BYTES: Final = 1 << 16
MAX_HEAD_BYTES: Final = 1 << 24
"""A log in whose first 16 MiB no line can be read has none."""

_NO_ID: Final = Identity("", "")


def find_runs(root: str, cache: StatCache, options: SourceOptions = NO_OPTIONS) -> tuple[list[Part], list[Problem]]:
    """Return the runs below the folder `root`, or in the file `root`, and what is wrong with files.

    Raises `SourceError` when there is none at all, or the folder cannot be read.
    """
    problems: list[Problem] = []
    parts: list[Part] = []
    seen = False
    if os.path.isfile(root):
        folder, name = os.path.split(root)
        if is_log_name(name):
            parts += read_folder(folder, [root], cache, problems, has_artifacts=True)
        if not parts:
            listing = Listing(folder, (os.path.basename(folder),), (name,), (), named=True, options=options)
            parts, _, found = claim_folder(listing)
            problems += found
        if not parts:
            raise SourceError(
                f"'{root}' is no run log that reportgen knows: `reportgen sniff '{root}'` tells what it sees"
                f"{_told(problems)}"
            )
        return parts, problems
    for listing, skip in iter_folders(root, problems, options):
        logs = sorted(name for name in listing.files if is_log_name(name))
        if logs:
            seen = True
            paths = [listing.full(name) for name in logs]
            has_artifacts = ARTIFACT_FOLDER in listing.folders
            parts += read_folder(listing.path, paths, cache, problems, has_artifacts=has_artifacts)
            skip.add(ARTIFACT_FOLDER)
        elif listing.files or listing.folders:
            claimed, folders, found = claim_folder(listing)
            seen = seen or bool(claimed)
            parts += claimed
            problems += found
            skip |= folders
    if not seen:
        raise SourceError(
            f"no run logs in '{root}': neither it nor a folder below holds a log that reportgen knows. Give the folder"
            " that holds your runs (REPORTGEN_DIR or log_dir=, by default runs/); `reportgen sources` lists the kinds"
            f"{_told(problems)}"
        )
    return parts, problems


def _told(problems: Sequence[Problem]) -> str:
    """Return what is wrong with the first of the files that could have been a log, to be added to an error."""
    if not problems:
        return ""
    first = min(problems, key=lambda p: (p.where, p.line or 0, p.message))
    return f". {first.where}: {first.message}" + (f" ({first.hint})" if first.hint else "")


def iter_folders(
    root: str, problems: list[Problem], options: SourceOptions = NO_OPTIONS
) -> Iterator[tuple[Listing, set[str]]]:
    """Yield each folder below `root`, by name, and a set for the names of its folders that are not to be entered.

    Links are not followed; one that leads out of `root` is a problem. A built site is passed over: what it holds came
    from logs.
    """
    waiting: list[tuple[str, tuple[str, ...]]] = [(root, (os.path.basename(root),))]
    inside = os.path.join(os.path.realpath(root), "")
    while waiting:
        folder, parts = waiting.pop()
        files: list[str] = []
        folders: list[str] = []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_symlink():
                        if (is_log_name(entry.name) or entry.is_dir()) and not _leads_inside(entry.path, inside):
                            hint = "give its target as a SOURCE of its own if it is wanted"
                            where = label_of(folder, entry.name)
                            problems.append(Problem(where, "a symbolic link is not followed", hint))
                    elif entry.is_dir():
                        folders.append(entry.name)
                    elif entry.is_file() or is_log_name(entry.name):
                        files.append(entry.name)
        except OSError as error:
            if folder == root:
                raise SourceError(f"cannot read the folder '{root}': {error.strerror}. Check its permissions") from None
            message = f"the folder cannot be read: {error.strerror}"
            problems.append(Problem(label_of(folder, ""), message, "check its permissions"))
            continue
        if "data" in folders and folder != root and is_site(folder):
            continue
        skip: set[str] = set()
        yield Listing(folder, parts, files, folders, options=options), skip
        if len(parts) <= MAX_FOLDERS_DEEP:
            waiting += [
                (os.path.join(folder, name), (*parts, name))
                for name in sorted(folders, reverse=True)
                if not name.startswith(".") and name not in skip
            ]


def _leads_inside(link: str, root: str) -> bool:
    """Tell whether a link leads to what lies below `root`, and is read there."""
    return os.path.realpath(link).startswith(root)


def read_folder(
    folder: str, logs: list[str], cache: StatCache, problems: list[Problem], *, has_artifacts: bool
) -> list[Part]:
    """Return the parts of runs in one folder: normally one, more where several runs wrote into it."""
    known: list[tuple[LogFile, Mapping[str, Any]]] = []
    for path in logs:
        label = label_of(folder, os.path.basename(path))
        try:
            facts = _facts(path, cache)
        except OSError as error:
            message = f"the log cannot be read: {error.strerror or error}"
            problems.append(Problem(label, message, "check its permissions; it is not shown"))
            continue
        if facts:
            known.append((LogFile(path, label), facts))
        else:
            hint = "it is not shown; delete it if its process wrote nothing"
            problems.append(Problem(label, "no line of the log can be read", hint))
    names = {(facts["run_id"], facts["experiment"]) for _, facts in known if facts["run_id"]}
    own, above = os.path.basename(folder), os.path.basename(os.path.dirname(folder))
    run_id, experiment = names.pop() if len(names) == 1 else (clean_text(own) or "run", "")
    experiment = experiment or clean_text(above) or "runs"
    files: dict[str, list[tuple[LogFile, Mapping[str, Any]]]] = {}
    for file, facts in known:
        files.setdefault(facts["run_id"] or run_id, []).append((file, facts))
    artifacts = os.path.join(folder, ARTIFACT_FOLDER)
    listing = tuple(list_files(artifacts)) if has_artifacts and files else ()
    parts = []
    for own_id, group in files.items():
        place = Place("runs", tuple(file for file, _ in group), artifacts, listing)
        facts = min((facts for _, facts in group), key=lambda f: (f["rank"], f["session"], f["name"]))
        parts.append(make_part(run_key(own_id), {**facts, "run_id": own_id}, experiment, place))
    return parts


# ---- first lines


def _facts(path: str, cache: StatCache) -> Mapping[str, Any]:
    """Return what the first line of a log says of its run, from the cache if the file is unchanged.

    Empty when no line can be read; `run_id` is empty when the first line that can is no start line. Raises `OSError`.
    """
    stat = os.lstat(path)
    entry = cache.known(path, stat)
    if entry is not None and entry.facts is not None:
        return entry.facts
    descriptor, stat = open_regular(path)
    with open(descriptor, "rb", buffering=0) as file:
        packed = path.endswith(".gz")
        data = file.read(HEAD_BYTES)
        facts = {} if packed else head_facts(data[: data.find(b"\n") + 1])
        while not facts and data:
            facts = full_facts(data, packed=packed)
            if facts or len(data) >= MAX_HEAD_BYTES:
                break
            more = file.read(len(data))
            if not more:
                break
            data += more
    cache.put(path, stat, facts=facts)
    return facts


def head_facts(line: bytes) -> dict[str, Any]:
    """Return what a sound start line says, empty for any other line."""
    try:
        event = orjson.loads(line)
    except orjson.JSONDecodeError:
        return {}
    if not isinstance(event, dict) or event.get("event") != "start" or not event.get("run_id"):
        return {}
    start = repair_start(clean_value(event), 1, Faults(""), run_id="", experiment="")
    return facts_of(start)


def full_facts(data: bytes, *, packed: bool) -> dict[str, Any]:
    """Return what the beginning of a file says of its run, whatever it looks like."""
    if packed:
        try:
            data = zlib.decompressobj(31).decompress(data, MAX_HEAD_BYTES)
        except zlib.error:
            return {}
    streams = parse_streams([data], "", _NO_ID)
    return facts_of(streams[0].start) if streams else {}


def facts_of(start: Mapping[str, Any]) -> dict[str, Any]:
    """Return what discovery needs of a repaired start line, as plain JSON data."""
    return {
        "run_id": start["run_id"],
        "experiment": start["experiment"],
        "name": start["name"],
        "parent": start.get("parent", ""),
        "session": start["session"],
        "rank": start["rank"],
    }

"""Our own run folders: any folder with `events*.jsonl` (or `.jsonl.gz`). Finds them; reads first lines at most."""

from __future__ import annotations

import fnmatch
import os
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from reportgen.capture.redaction import may_hold_secret, redact_text
from reportgen.errors import SourceError
from reportgen.formats import ARTIFACT_FOLDER, RUN_LOG_GLOB, clean_text, clean_value, run_key
from reportgen.model import Problem
from reportgen.sources.faults import Faults
from reportgen.sources.jsonlog import Identity, parse_streams
from reportgen.sources.places import LogFile, Place
from reportgen.sources.shapes import repair_start
from reportgen.sources.statcache import StatCache, open_regular

HEAD_BYTES: Final = 1 << 16
MAX_HEAD_BYTES: Final = 1 << 24
"""A log in whose first 16 MiB no line can be read has none."""
MAX_FOLDERS_DEEP: Final = 64

_LOG_NAME: Final = re.compile(f"(?:{fnmatch.translate(RUN_LOG_GLOB)})|(?:{fnmatch.translate(RUN_LOG_GLOB + '.gz')})")
_NO_ID: Final = Identity("", "")


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a run that lies in one place."""

    key: str
    run_id: str
    experiment: str
    name: str
    parent_id: str
    order: tuple[int, str]
    """(rank, session) of its first stream: the lowest names the run, as in the run's summary."""
    place: Place
    is_twin: bool = False
    """Whether a site keeps it as a twin: a history that contradicts the one that has the key."""


def redacted(text: str) -> str:
    """Return `text` without what looks like a secret."""
    return redact_text(text)[0] if may_hold_secret(text.encode()) else text


def is_log_name(name: str) -> bool:
    """Tell whether a file of this name is a run's log."""
    return name.startswith("events") and _LOG_NAME.fullmatch(name) is not None


def find_runs(root: str, cache: StatCache) -> tuple[list[Part], list[Problem]]:
    """Return the runs below the folder `root`, or the run in the log file `root`, and what is wrong with files.

    Raises `SourceError` when there is no log at all, or the folder cannot be read.
    """
    problems: list[Problem] = []
    parts: list[Part] = []
    seen = False
    if os.path.isfile(root):
        folder = os.path.dirname(root)
        seen = True
        parts += _read_folder(folder, [root], cache, problems, has_artifacts=True)
        if not parts:
            raise SourceError(
                f"'{root}' is no run log: no line of it can be read. Give a folder of runs or events.jsonl"
            )
    else:
        for folder, logs, has_artifacts in _iter_folders(root, problems):
            seen = True
            parts += _read_folder(folder, logs, cache, problems, has_artifacts=has_artifacts)
    if not seen:
        raise SourceError(
            f"no run logs in '{root}': neither it nor a folder below has a file events*.jsonl. "
            "Give the folder that holds your runs (REPORTGEN_DIR or log_dir=, by default runs/)"
        )
    return parts, problems


def _iter_folders(root: str, problems: list[Problem]) -> Iterator[tuple[str, list[str], bool]]:
    """Yield (folder, its log files, whether it has artifacts) of each run folder; links are not followed."""
    waiting = [(root, 0)]
    while waiting:
        folder, depth = waiting.pop()
        logs: list[str] = []
        folders: list[str] = []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_symlink():
                        if is_log_name(entry.name) or entry.is_dir():
                            hint = "give its target as a SOURCE of its own if it is wanted"
                            where = _label(folder, entry.name)
                            problems.append(Problem(where, "a symbolic link is not followed", hint))
                    elif entry.is_dir():
                        folders.append(entry.name)
                    elif is_log_name(entry.name):
                        logs.append(entry.path)
        except OSError as error:
            if folder == root:
                raise SourceError(f"cannot read the folder '{root}': {error.strerror}. Check its permissions") from None
            message = f"the folder cannot be read: {error.strerror}"
            problems.append(Problem(_label(folder, ""), message, "check its permissions"))
            continue
        if logs:
            yield folder, sorted(logs), ARTIFACT_FOLDER in folders
        if depth < MAX_FOLDERS_DEEP:
            waiting += [
                (os.path.join(folder, name), depth + 1)
                for name in folders
                if not name.startswith(".") and not (logs and name == ARTIFACT_FOLDER)
            ]


def _label(folder: str, name: str) -> str:
    """Return what people read: the last two folders and the file, never an absolute path."""
    parts = [part for part in folder.replace("\\", "/").split("/") if part][-2:]
    return redacted(clean_text("/".join((*parts, name) if name else parts)))


def _read_folder(
    folder: str, logs: list[str], cache: StatCache, problems: list[Problem], *, has_artifacts: bool
) -> list[Part]:
    """Return the parts of runs in one folder: normally one, more where several runs wrote into it."""
    known: list[tuple[LogFile, Mapping[str, Any]]] = []
    for path in logs:
        label = _label(folder, os.path.basename(path))
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
    listing = tuple(_list_artifacts(artifacts)) if has_artifacts and files else ()
    parts = []
    for own_id, group in files.items():
        place = Place("runs", tuple(file for file, _ in group), artifacts, listing)
        facts = min((facts for _, facts in group), key=lambda f: (f["rank"], f["session"], f["name"]))
        parts.append(make_part(run_key(own_id), {**facts, "run_id": own_id}, experiment, place))
    return parts


def make_part(key: str, facts: Mapping[str, Any], experiment: str, place: Place) -> Part:
    """Return the part of a run that lies in `place`, by the `facts` of its first line."""
    texts = (facts["run_id"], facts["experiment"] or experiment, facts["name"] or facts["run_id"], facts["parent"])
    if may_hold_secret("\n".join(texts).encode()):
        texts = (redacted(texts[0]), redacted(texts[1]), redacted(texts[2]), redacted(texts[3]))
    return Part(key, *texts, (facts["rank"], facts["session"]), place)


def _list_artifacts(root: str) -> list[LogFile]:
    """Return the regular files below an artifact folder by name; links and special files are left out."""
    found: list[LogFile] = []
    waiting = [(root, "", 0)]
    while waiting:
        folder, prefix, depth = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        if depth < MAX_FOLDERS_DEEP:
                            waiting.append((entry.path, f"{prefix}{entry.name}/", depth + 1))
                    elif entry.is_file(follow_symlinks=False):
                        found.append(LogFile(entry.path, redacted(clean_text(prefix + entry.name))))
        except OSError:
            continue  # what cannot be listed is missing, which is said of each artifact that was logged
    return sorted(found, key=lambda file: file.label)


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

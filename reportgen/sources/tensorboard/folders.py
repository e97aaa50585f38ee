"""Which folders with event files are one run.

A folder with event files is a run: that is how torch, Lightning and most others write. Three kinds of folders below it
belong to it: what `add_hparams` of torch writes, one folder a line of `add_scalars`, and `train`, `validation`, `eval`
and the like of TensorFlow, which also make a run out of a folder that holds nothing else.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from reportgen.model import Problem
from reportgen.sources.columns import read_time
from reportgen.sources.kinds import Claim, FoundRun, Listing
from reportgen.sources.parts import label_of
from reportgen.sources.tensorboard.events import HPARAMS_TAG
from reportgen.sources.tensorboard.proto import BYTES, FIXED64, ProtoError, iter_fields, read_double, read_text
from reportgen.sources.tensorboard.records import FRAME, HEADER, find_header, short_mask

IN_NAME: Final = "tfevents"
SPLITS: Final = frozenset(
    "train training validation valid val dev eval evaluation test testing train_eval eval_train".split()
)
"""Names of folders that hold one run's metrics of one part of its data."""
ALONE: Final = frozenset(("train", "training", "validation"))
"""Those that make a run of the folder above even when no other one is there."""
SMALL_BYTES: Final = 1 << 16
"""Of files below a run's folder so much is looked at; a larger one is a run of its own."""
MAX_BESIDE: Final = 10_000
"""Folders below one folder that are looked into."""

_COMMON: Final = re.compile(
    r"(?i)version_\d+|(?:lightning|tensorboard|tb|tf)_?logs?|tensorboard|tb|logs?|events|summar(?:y|ies)"
)
"""Folders that are called the same in many runs."""
_STAMP: Final = re.compile(r"[A-Z][a-z]{2}[0-9]{2}_[0-9]{2}-[0-9]{2}-[0-9]{2}_")
HPARAMS, SCALARS, SPLIT = "hparams", "scalars", "split"


@dataclass(slots=True)
class Peek:
    """What the beginning of an event file says."""

    is_events: bool = False
    began: float | None = None
    """Time of the first event."""
    tags: dict[str, int] = field(default_factory=dict)
    """Tag -> number of its values, in order of first appearance."""
    order: list[str] = field(default_factory=list)
    """The first few tags, as they come."""


def claim(folder: Listing) -> Claim | None:
    """Return the runs in a folder and what belongs to them, None when it has no event files."""
    names = sorted(name for name in folder.files if IN_NAME in name)
    if folder.named:
        names = names or sorted(folder.files)
    own, problems = _look_at(folder, names)
    names = [name for name in names if name in own or IN_NAME in name]
    below = _list_below(folder) if not names or own else {}
    if not names and not below:
        return None
    if not own:
        joined = {name: f"{SPLIT}:{name}" for name in below} if _are_splits(below) else {}
        if not joined and not names:
            return None
    else:
        joined = _roles(folder, below)
    files: dict[str, Peek] = dict(own)
    roles = {}
    for name, role in joined.items():
        for file, peek in below[name].items():
            files[f"{name}/{file}"] = peek
            roles[f"{name}/{file}"] = role
    is_run = bool(files) and not (own and len(below) > len(joined) and all(_is_heading(folder, name) for name in own))
    runs: tuple[FoundRun, ...] = ()
    if is_run:
        ordered = sorted(files, key=lambda name: (name in roles, _when(files[name]), name))
        experiment, name = _names(folder.parts)
        began = _when(files[ordered[0]])
        runs = (FoundRun(tuple(ordered), experiment, name, began=began, extra=roles),)
    folders = frozenset(joined if is_run else ())
    return Claim(runs, frozenset(names), folders, is_one_run=is_run, problems=tuple(problems))


def _names(parts: Sequence[str]) -> tuple[str, str]:
    """Return (experiment, name) of a run in a folder that many runs call the same, else two empty texts.

    `sweep/3/lightning_logs/version_0` is the run `3/version_0` of `sweep`, and `sweep/bert/runs/Nov29_10-00-00_host`,
    which writers make that are given no folder, is `bert/Nov29_10-00-00_host` of it.
    """
    if len(parts) > 3 and parts[-2] == "runs" and _STAMP.match(parts[-1]):
        return parts[-4], f"{parts[-3]}/{parts[-1]}"
    base = len(parts) - 1
    while base > 0 and _COMMON.fullmatch(parts[base]):
        base -= 1
    if base < 1 or base >= len(parts) - 2:
        return "", ""
    return parts[base - 1], f"{parts[base]}/{parts[-1]}"


def _look_at(folder: Listing, names: list[str]) -> tuple[dict[str, Peek], list[Problem]]:
    """Return what the event files among `names` begin with, and what is wrong with the others."""
    own, problems = {}, []
    for name in names:
        head = folder.head(name)
        peek = peek_at(head)
        if peek.is_events:
            own[name] = peek
        elif IN_NAME in name:
            message = "it has the name of a TensorBoard event file, and " + (
                "no record of one at its beginning" if head else "is empty"
            )
            problems.append(
                Problem(label_of(folder.path, name), message, "delete it, or copy it again from its source")
            )
    return own, problems


def _list_below(folder: Listing) -> dict[str, dict[str, Peek]]:
    """Return folder -> event file -> what it begins with, for the folders right below."""
    found = {}
    for name in sorted(folder.folders)[:MAX_BESIDE]:
        if name.startswith("."):
            continue
        files = [file for file in folder.list_below(name) if IN_NAME in file]
        peeks = {file: peek for file in files if (peek := peek_at(folder.head(f"{name}/{file}"))).is_events}
        if peeks:
            found[name] = peeks
    return found


def _are_splits(below: dict[str, dict[str, Peek]]) -> bool:
    names = {name.lower() for name in below}
    return bool(names) and names <= SPLITS and (len(names) > 1 or names <= ALONE)


def _roles(folder: Listing, below: dict[str, dict[str, Peek]]) -> dict[str, str]:
    """Return folder -> what it is to the run in whose folder it lies."""
    roles: dict[str, str] = {}
    trials = []
    for name, files in below.items():
        if name.lower() in SPLITS:
            roles[name] = f"{SPLIT}:{name}"
            continue
        peeks = list(files.values())
        if all(peek.order[:1] and peek.order[0].startswith(HPARAMS_TAG) for peek in peeks):  # they may be long
            peeks = [peek_at(folder.head(f"{name}/{file}", SMALL_BYTES)) for file in files]
        tags = list(dict.fromkeys(tag for peek in peeks for tag in peek.tags))
        if len(tags) == 1 and name.startswith(f"{tags[0].replace('/', '_')}_") and tags[0]:
            roles[name] = f"{SCALARS}:{name[len(tags[0]) + 1 :]}"
        elif all(_is_trial(peek) for peek in peeks):
            trials.append(name)
    if len(trials) == 1:
        roles[trials[0]] = HPARAMS
    return roles


def _is_trial(peek: Peek) -> bool:
    """Tell whether this is what `add_hparams` of torch writes: the session ends before it has a value."""
    start, end = f"{HPARAMS_TAG}session_start_info", f"{HPARAMS_TAG}session_end_info"
    return start in peek.order and end in peek.order[:3] and max(peek.tags.values()) == 1


def _is_heading(folder: Listing, name: str) -> bool:
    """Tell whether a file holds nothing of a run: no event, or the description of an experiment of hyperparameters."""
    data = folder.head(name, SMALL_BYTES)
    return len(data) < SMALL_BYTES and set(peek_at(data).tags) <= {f"{HPARAMS_TAG}experiment"}


def _when(peek: Peek) -> float:
    return peek.began or 0.0


def peek_at(head: bytes) -> Peek:
    """Return what the beginning of a file says; checksums of contents are not looked at."""
    found = Peek()
    pos = 0
    while len(head) - pos >= HEADER:
        if short_mask(head[pos : pos + 8]) != head[pos + 8 : pos + HEADER]:
            pos = find_header(head, pos + 1, 1 << 62)
            if pos < 0:
                break
        found.is_events = True
        length = int.from_bytes(head[pos : pos + 8], "little")
        start = pos + HEADER
        _peek_event(head, start, min(start + length, len(head)), found)
        pos += length + FRAME
    found.is_events = found.is_events or (head[HEADER:].startswith(b"\t") and b"brain.Event:" in head[:64])
    return found


def _peek_event(head: bytes, start: int, end: int, found: Peek) -> None:
    try:
        for number, wire, a, b in iter_fields(head, start, end):
            if number == 1 and wire == FIXED64 and found.began is None:
                found.began = read_time(read_double(head, a))
            elif number == 5 and wire == BYTES:
                for inner, kind, x, y in iter_fields(head, a, b):
                    if inner == 1 and kind == BYTES:
                        _peek_value(head, x, y, found)
    except (ProtoError, struct.error):
        return  # cut, or damaged: what was read so far stands


def _peek_value(head: bytes, start: int, end: int, found: Peek) -> None:
    for number, wire, a, b in iter_fields(head, start, end):
        if number == 1 and wire == BYTES:
            tag = read_text(head, a, b)
            found.tags[tag] = found.tags.get(tag, 0) + 1
            if len(found.order) < 8:
                found.order.append(tag)
            return

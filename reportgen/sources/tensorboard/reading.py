"""One run's event files as a stream: metrics, params, notes, pictures, and whether it ended."""

from __future__ import annotations

import io
import math
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import orjson

from reportgen.formats import clean_text, cut_name
from reportgen.logartifacts import media_type, safe_name
from reportgen.model import Floats, Ints, Stream
from reportgen.quantiles import QUANTILES, quantile_name
from reportgen.sources.extracted import keep_bytes
from reportgen.sources.faults import Faults, with_events
from reportgen.sources.places import LogFile, Place, RunRef
from reportgen.sources.statcache import open_regular
from reportgen.sources.streams import StreamMaker
from reportgen.sources.tables.reading import shorten
from reportgen.sources.tensorboard.events import Found, Hparams, Media
from reportgen.sources.tensorboard.folders import HPARAMS, SCALARS, SPLIT
from reportgen.sources.tensorboard.proto import BYTES, ProtoError, iter_fields
from reportgen.sources.tensorboard.records import HEADER, Block, LargeRecord, Readable, iter_blocks
from reportgen.sources.tensorboard.scalars import is_whole, iter_batches

MAX_EVENT: Final = 64 << 20
"""Bytes of an event that is read at all, but for the graph of a model, which never is."""
MAX_OTHER: Final = 1 << 12
"""Bytes of an event without a value whose checksum is looked at: what was no number may have been one."""
MAX_ARTIFACTS: Final = 1000
"""So many pictures and sounds of a run become artifacts; of more, every second (third, …) of a name does."""
MAX_ARTIFACT_BYTES: Final = 256 << 20
MAX_NOTE: Final = 16_384
"""Characters of a text that is a note; a longer one is an artifact, and so is one that was logged at several steps."""
HP_METRIC: Final = "hp_metric"
"""Lightning logs -1 under this name where no metric was given."""
_TRAINED: Final = "train/train_runtime"
"""The Trainer of Hugging Face logs it when the training has ended."""
_TRAINING: Final = "train/loss"
_PARAMS: Final = frozenset({"args", "config", "hparams", "hyperparameters", "params"})
"""Texts of these names are params where they are JSON objects, such as the arguments of a Trainer of Hugging Face."""
SLACK_S: Final = 1.0
"""A session whose end was logged so much before its last value had not ended then."""
_WRONG_SUM: Final = "a record whose checksum is wrong was skipped"
_NO_EVENT: Final = "a record that is no event was skipped"
_DAMAGE_HINT: Final = "the file was damaged: copy it again if its source is whole"

Piece = tuple[Ints, Ints, Floats, Floats]
"""(places, steps, times, values) of one name in one block."""


@dataclass(slots=True)
class _File:
    """What was read of one file."""

    role: str
    found: Found
    pieces: dict[str, list[Piece]] = field(default_factory=dict)


def read_run(place: Place, ref: RunRef) -> Stream:
    """Return the stream of the run in `place`. Raises `OSError` when none of its files can be read."""
    maker = StreamMaker(place.files[0].label, run_id=ref.run_id, experiment=ref.experiment, name=ref.name)
    files: list[_File] = []
    errors: list[OSError] = []
    roles = dict(place.extra)
    for file in place.files:
        role = roles.get("/".join(file.path.replace(os.sep, "/").split("/")[-2:]), "")
        try:
            files.append(_read_file(file, role))
        except OSError as error:
            errors.append(error)
            message = f"the file cannot be read: {error.strerror or error}"
            maker.faults.add(None, message, "check its permissions")
    if not files:
        raise errors[0]
    taken = _add_metrics(maker, files)
    _add_facts(maker, files, taken)
    stream = maker.finish()
    faults = [event for file in files for event in file.found.faults.events()]
    return with_events(stream, (*stream.events, *faults)) if faults else stream


# ---- one file


def _read_file(file: LogFile, role: str) -> _File:
    faults = Faults(file.label)
    own = _File(role, Found(file.path, faults))
    descriptor, stat = open_regular(file.path)
    with open(descriptor, "rb", buffering=0) as opened:
        if not stat.st_size:
            faults.add(None, "the file is empty", "its writer was killed before it wrote, or has only just begun")
        for block in iter_blocks(opened, stat.st_size, faults):
            if isinstance(block, Block):
                _read_block(block, own)
            else:
                _read_large(opened, block, own)
    return own


def first_numbers(head: bytes) -> dict[str, Floats]:
    """Return the numbers of each name, float64[n] in the order of the file, in the first bytes of an event file."""
    own = _File("", Found("", Faults("")))
    for block in iter_blocks(io.BytesIO(head), len(head), own.found.faults):
        if isinstance(block, Block):
            _read_block(block, own)
    numbers = {}
    for tag, pieces in _all_pieces(own).items():
        places, values = _join([piece[0] for piece in pieces]), _join([piece[3] for piece in pieces])
        numbers[tag] = values[np.argsort(places, kind="stable")]
    return numbers


def _read_block(block: Block, own: _File) -> None:
    data, found = block.data, own.found
    slow: list[tuple[int, int]] = []
    for length, places in block.by_length.items():
        alone: list[int] = []
        for batch in iter_batches(data, places, length, alone):
            at = batch.places + block.offset
            own.pieces.setdefault(batch.tag, []).append((at, batch.steps, batch.times, batch.values))
            found.newest = max(found.newest, float(np.fmax.reduce(batch.times, initial=0.0)))
        slow += [(place, length) for place in alone]
    for place, length in sorted(slow):
        start = place + HEADER
        _read_event(data, start, length, block.offset + start, found)


def _read_event(data: bytes, start: int, length: int, place: int, found: Found) -> None:
    """Read one record in `data`, unless it is the graph of a model or damaged."""
    is_other = False
    try:
        is_other = not any(number in (5, 7) for number, _, _, _ in iter_fields(data, start, start + length))
        if is_other and length > MAX_OTHER:
            return
    except ProtoError:
        pass  # damaged, or no event: the checksum tells
    if not is_whole(data, start, length):
        found.faults.add(None, _WRONG_SUM, _DAMAGE_HINT)
        return
    if is_other:
        return
    try:
        found.read_event(data, start, start + length, place)
    except ProtoError:
        found.faults.add(None, _NO_EVENT, "another program wrote it")


def _read_large(file: Readable, record: LargeRecord, own: _File) -> None:
    """Read a record that is larger than a block's share; leave it where it lies if it is a graph, or too large."""
    file.seek(record.offset)
    head = file.read(min(record.length, 1 << 12)) or b""
    kinds = []
    try:
        for number, wire, _, _ in iter_fields(head, 0, len(head)):
            if wire == BYTES:
                kinds.append(number)
    except ProtoError:
        kinds.append(_cut_field(head))
    if not any(kind in (0, 5) for kind in kinds):
        return
    if record.length > MAX_EVENT:
        size = f"{MAX_EVENT >> 20} MiB"
        own.found.faults.add(None, f"an event of more than {size} was skipped", "log smaller pictures or texts")
        return
    file.seek(record.offset)
    data = b""
    while len(data) < record.length + 4:
        more = file.read(record.length + 4 - len(data))
        if not more:
            return
        data += more
    _read_event(data, 0, record.length, record.offset, own.found)


def _cut_field(head: bytes) -> int:
    """Return the number of the field of bytes that goes beyond `head`, 0 where it cannot be told."""
    pos = 0
    try:
        for _, _, _, stop in iter_fields(head, 0, len(head)):
            pos = stop
    except ProtoError:
        return head[pos] >> 3 if pos < len(head) and head[pos] < 0x80 and head[pos] & 7 == BYTES else 0
    return 0


# ---- metrics


def _namer(role: str) -> Callable[[str], str]:
    kind, _, text = role.partition(":")
    if kind == SPLIT:
        return lambda tag: f"{text}/{tag}"
    if kind == SCALARS:
        return lambda tag: f"{tag}/{text}"
    return lambda tag: tag


def _add_metrics(maker: StreamMaker, files: list[_File]) -> dict[str, float]:
    """Add all points; return name -> time of its newest one."""
    newest: dict[str, float] = {}
    for own in sorted(files, key=lambda own: own.role == HPARAMS):
        name_of = _namer(own.role)
        joined: dict[tuple[int, ...], tuple[Ints | None, Ints, Floats]] = {}
        before = set(newest)
        for tag, pieces in _all_pieces(own).items():
            name = name_of(tag)
            if own.role == HPARAMS and name in before:
                name = f"hparams/{name}"
            values = _join([piece[3] for piece in pieces])
            if tag == HP_METRIC and bool((values == -1).all()):
                continue
            key = tuple(number for piece in pieces for number in (id(piece[1]), id(piece[2])))
            if key not in joined:
                places = _join([piece[0] for piece in pieces])
                order = None if bool((places[1:] >= places[:-1]).all()) else np.argsort(places, kind="stable")
                steps, times = _join([piece[1] for piece in pieces]), _join([piece[2] for piece in pieces])
                joined[key] = (order, steps, times) if order is None else (order, steps[order], times[order])
            order, steps, times = joined[key]
            values = values if order is None else values[order]
            keep = _without_repeats(steps, times, values)
            if keep is not None:
                steps, times, values = steps[keep], times[keep], values[keep]
            maker.points(name, values, steps=steps, times=times)
            last = float(np.fmax.reduce(times, initial=0.0))
            newest[name] = max(newest.get(name, 0.0), last)
    return newest


def _without_repeats(steps: Ints, times: Floats, values: Floats) -> Ints | None:
    """Return which points stay when those go that a later one of their step repeats; None when all stay.

    Lightning logs `epoch` beside each of its other values, several times a step.
    """
    if bool((steps[1:] > steps[:-1]).all()):
        return None
    order = np.lexsort((np.arange(len(steps)), np.where(np.isnan(times), -np.inf, times), steps))
    ordered = values[order]
    same = (ordered[1:] == ordered[:-1]) | (np.isnan(ordered[1:]) & np.isnan(ordered[:-1]))
    repeated = np.append((steps[order][1:] == steps[order][:-1]) & same, False)
    return np.sort(order[~repeated]) if repeated.any() else None


def _join(pieces: list[Any]) -> Any:
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)


def _all_pieces(own: _File) -> dict[str, list[Piece]]:
    """Return the points of a file by tag, with those that were read one by one and those of histograms."""
    pieces = {tag: list(several) for tag, several in own.pieces.items()}
    for tag, points in own.found.slow.items():
        values = np.array([value for _, _, _, value in points])
        pieces.setdefault(tag, []).append((*_columns([point[:3] for point in points]), values))
    for tag, rows in own.found.histograms.items():
        columns = _columns([row[:3] for row in rows])
        table = np.array([row[3] for row in rows])
        for number, percent in enumerate(QUANTILES):
            pieces.setdefault(quantile_name(tag, percent), []).append((*columns, table[:, number]))
    return pieces


def _columns(points: Sequence[tuple[int, int, float]]) -> tuple[Ints, Ints, Floats]:
    places, steps, times = zip(*points, strict=True)
    return np.array(places, dtype=np.int64), np.array(steps, dtype=np.int64), np.array(times, dtype=np.float64)


# ---- all else


def _add_facts(maker: StreamMaker, files: list[_File], newest: Mapping[str, float]) -> None:
    hparams = [own.found.hparams for own in files if own.found.hparams]
    for own in hparams:
        maker.params(own.params)
        if own.group and not re.fullmatch("[0-9a-f]{64}", own.group):
            maker.start["group"] = clean_text(own.group)
    used: set[str] = set()
    _add_texts(maker, files, used, has_params=any(own.params for own in hparams))
    _add_media(maker, files, used)
    _add_end(maker, files, hparams, newest)


def _add_end(maker: StreamMaker, files: list[_File], hparams: list[Hparams], newest: Mapping[str, float]) -> None:
    """Add the end line if the log proves that the run ended: a writer may say so when it has only begun."""
    last = max((own.found.newest for own in files), default=0.0)
    ends = [own for own in hparams if own.status in (1, 2)]
    if ends and newest:
        end = max(ends, key=lambda own: own.ended)
        if max(newest.values()) <= end.ended + SLACK_S:
            maker.end("FINISHED" if end.status == 1 else "FAILED", end.ended if math.isfinite(end.ended) else None)
            return
    trained = newest.get(_TRAINED, 0.0)
    if trained and trained >= newest.get(_TRAINING, 0.0):
        maker.end("FINISHED", last)
        return
    stopped = max((own.found.stopped for own in files), default=0.0)
    if stopped and stopped >= last:
        maker.end("FINISHED", stopped)


def _add_texts(maker: StreamMaker, files: list[_File], used: set[str], *, has_params: bool) -> None:
    """Add each text as a note, or as a file when it is long or changes over the steps."""
    texts: dict[str, dict[int, tuple[float, str]]] = {}
    for own in files:
        name_of = _namer(own.role)
        for tag, at_steps in own.found.texts.items():
            known = texts.setdefault(name_of(tag.removesuffix("/text_summary")), {})
            for step, (time, text) in at_steps.items():
                if step not in known or not time < known[step][0]:
                    known[step] = (time, text)
    for name, at_steps in texts.items():
        ordered = sorted(at_steps.items())
        first = ordered[0][1][1]
        params = _read_params(name, first) if len(ordered) == 1 and not has_params else {}
        if params:
            maker.params(params)
        elif len(ordered) == 1 and len(first) <= MAX_NOTE:
            maker.note(f"**{_escape(name)}**\n\n{_fenced(first)}")
        else:
            whole = "\n".join(f"## Step {step}\n\n{text.strip()}\n" for step, (_, text) in ordered)
            _add_artifact(maker, f"text/{name}.md", whole.encode("utf-8", "replace"), used)


def _read_params(name: str, text: str) -> dict[str, Any]:
    """Return the params that a text holds, as a table or, where it is called so, as a JSON object."""
    if name.rpartition("/")[2].lower() not in _PARAMS or not text.lstrip().startswith("{"):
        return _read_table(text)
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return shorten(found) if isinstance(found, dict) else {}


def _read_table(text: str) -> dict[str, str]:
    """Return the params in a Markdown table headed `|param|value|`, as CleanRL and others log them."""
    lines = [line.strip() for line in text.strip().splitlines()]
    heads = [cell.strip().lower() for cell in lines[0].strip("|").split("|")] if lines else []
    if len(lines) < 3 or heads not in (["param", "value"], ["parameter", "value"], ["key", "value"], ["name", "value"]):
        return {}
    if lines[1].strip("|-: "):
        return {}
    rows = [line.removeprefix("|").removesuffix("|").partition("|") for line in lines[2:] if line]
    return {name.strip(): value.strip() for name, between, value in rows if between}


def _fenced(text: str) -> str:
    """Return text as Markdown; JSON as code."""
    stripped = text.strip()
    if stripped.startswith(("{", "[")) and "```" not in stripped:
        try:
            orjson.loads(stripped)
        except orjson.JSONDecodeError:
            return text
        return f"```json\n{stripped}\n```"
    return text


def _escape(name: str) -> str:
    return re.sub(r"([\\`*_\[\]<>])", r"\\\1", " ".join(name.split()))


def _add_media(maker: StreamMaker, files: list[_File], used: set[str]) -> None:
    """Add pictures and sounds as artifacts `images/<name>/<step>.png`, thinned out where they are too many."""
    names: dict[str, dict[tuple[int, int], Media]] = {}
    for own in files:
        name_of = _namer(own.role)
        for tag, media in own.found.media.items():
            known = names.setdefault(name_of(tag.removesuffix("/image_summary").removesuffix("/audio_summary")), {})
            for which, one in media.items():
                if which not in known or not one.time < known[which].time:
                    known[which] = one
    total = sum(map(len, names.values()))
    chosen, every = list(_choose(names, 1)), 1
    while len(chosen) > MAX_ARTIFACTS or sum(one.size for _, _, one in chosen) > MAX_ARTIFACT_BYTES:
        if len(chosen) <= len(names):
            chosen = chosen[: min(len(chosen) - 1, MAX_ARTIFACTS)]
            continue
        every *= 2
        chosen = list(_choose(names, every))
    if len(chosen) < total:
        message = "pictures and sounds are left out: there are too many of them, and each name keeps some"
        maker.faults.add(None, message, "log them less often", count=total - len(chosen))
    several = {name for name, at_steps in names.items() if any(which for _, which in at_steps)}
    by_file: dict[str, list[tuple[str, tuple[int, int], Media]]] = {}
    for picked in chosen:
        by_file.setdefault(picked[2].path, []).append(picked)
    for path, wanted in by_file.items():
        try:
            with open(open_regular(path)[0], "rb") as file:
                for name, (step, number), one in wanted:
                    file.seek(one.offset)
                    folder = "audio" if one.ending == "wav" else "images"
                    suffix = f"-{number}" if name in several else ""
                    own_path = f"{folder}/{name}/{step:08d}{suffix}.{one.ending}"
                    _add_artifact(maker, own_path, file.read(one.size), used)
        except OSError:
            maker.faults.add(None, "pictures could not be read again", "the file went away in the meantime")


def _choose(
    names: Mapping[str, Mapping[tuple[int, int], Media]], every: int
) -> Iterator[tuple[str, tuple[int, int], Media]]:
    """Yield what a name has at its last step and, before it, at each `every`th."""
    for name, media in names.items():
        steps = set(sorted({step for step, _ in media})[::-1][::every])
        for which in sorted(media):
            if which[0] in steps:
                yield name, which, media[which]


def _add_artifact(maker: StreamMaker, name: str, data: bytes, used: set[str]) -> None:
    """Add bytes as an artifact; a name that is taken, or would leave the folder, is changed."""
    parts = [re.sub(r"[\\\0:]", "_", part) for part in clean_text(name).split("/")]
    path = safe_name("/".join("__" if part == ".." else cut_name(part, 100) for part in parts))
    stem, dot, ending = path.rpartition(".")
    number = 2
    while path in used:
        path = f"{stem}~{number}{dot}{ending}"
        number += 1
    used.add(path)
    maker.add("artifact", path=path, bytes=len(data), sha256=keep_bytes(data), media=media_type(path))

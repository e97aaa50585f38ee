"""The same session of the same run in several places: which of its histories stand.

An identical or longer history replaces the shorter one; histories that contradict each other are all kept, each as a
run of its own. Nothing here depends on the order in which the places come.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import orjson

from reportgen.formats import cut_name
from reportgen.model import Points, Problem, Stream
from reportgen.sources.columns import NO_STEP
from reportgen.sources.faults import problem_event, with_events
from reportgen.sources.parts import is_log_name

MAX_NAMED: Final = 4
"""Files that a contradiction names."""


@dataclass(frozen=True, slots=True)
class Found:
    """A stream and the label of the file that it was read from."""

    label: str
    stream: Stream


def resolve_histories(
    found: Iterable[Found], key: str, marks: Iterable[str] = ()
) -> list[tuple[str, tuple[Stream, ...]]]:
    """Return (run key, streams) of each history: one under `key`, and one more for each contradiction.

    `marks` are those of all files that the run was ever read from: a contradiction names them, and not the places in
    which its sides lie now, which depend on what was read before.
    """
    slots: dict[tuple[str, int], list[Found]] = {}
    for own in found:
        slots.setdefault(own.stream.order, []).append(own)
    histories: list[list[Stream]] = [[]]
    for order in sorted(slots):
        candidates = slots[order]
        kept = candidates if len(candidates) == 1 else _longest(candidates)
        streams = [own.stream for own in kept]
        if len(kept) > 1:
            streams = _with_problem(streams, marks)
        for number, stream in enumerate(streams):
            if number == len(histories):
                histories.append([])
            histories[number].append(stream)
    return [(_twin_key(key, streams) if number else key, tuple(streams)) for number, streams in enumerate(histories)]


def _longest(candidates: Sequence[Found]) -> list[Found]:
    """Return the candidates that no other one continues or equals, longest first."""
    ordered = sorted(candidates, key=lambda own: (-_length(own.stream), *_preference(own)))
    kept: list[Found] = []
    for own in ordered:
        if not any(continues(longer.stream, own.stream) for longer in kept):
            kept.append(own)
    return sorted(kept, key=lambda own: (-_length(own.stream), _digest(own.stream, steps=False), _digest(own.stream)))


def continues(longer: Stream, shorter: Stream) -> bool:
    """Tell whether `longer` says all that `shorter` says, in the same order, and maybe more behind it."""
    if longer.start != shorter.start:
        return False
    body, ends = _split(shorter)
    longer_body, longer_ends = _split(longer)
    if longer_body[: len(body)] != body or (ends and ends != longer_ends):
        return False
    return all(name in longer.points and _begins(longer.points[name], own) for name, own in shorter.points.items())


def _split(stream: Stream) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    body = [event for event in stream.events if event["event"] not in ("problem", "end")]
    return body, [event for event in stream.events if event["event"] == "end"]


def _begins(longer: Points, shorter: Points) -> bool:
    count = len(shorter)
    if len(longer) < count:
        return False
    steps = longer.steps[:count]
    same = (steps == shorter.steps) | (steps == NO_STEP) | (shorter.steps == NO_STEP)
    return bool(
        same.all()
        and np.array_equal(longer.times[:count], shorter.times, equal_nan=True)
        and np.array_equal(longer.values[:count], shorter.values, equal_nan=True)
    )


def _length(stream: Stream) -> int:
    body, ends = _split(stream)
    return len(body) + len(ends) + sum(map(len, stream.points.values()))


def _preference(own: Found) -> tuple[bool, bool, int, bytes, str]:
    """Return what decides between equal histories.

    Steps as logged come before counted ones, a record that names the places of its twins before logs that cannot,
    then fewer problems, then their text.
    """
    stream = own.stream
    counted = any((points.steps == NO_STEP).any() for points in stream.points.values())
    problems = [event for event in stream.events if event["event"] == "problem"]
    named = any(map(_names_twins, problems))
    return (not counted, not named, len(problems), orjson.dumps(problems, option=orjson.OPT_SORT_KEYS), own.label)


def _digest(stream: Stream, *, steps: bool = True) -> str:
    """Return the digest of what a stream says; without its `steps`, it is the same for a log and for its record."""
    digest = hashlib.sha256(orjson.dumps([stream.start, *_split(stream)], option=orjson.OPT_SORT_KEYS))
    for name in sorted(stream.points):
        own = stream.points[name]
        digest.update(name.encode("utf-8", "surrogatepass") + b"\0")
        for column in (*((own.steps,) if steps else ()), own.times, own.values):
            digest.update(column.tobytes())
    return digest.hexdigest()


def _twin_key(key: str, streams: Sequence[Stream]) -> str:
    parts = "".join(map(_digest, streams))
    return hashlib.sha256(f"reportgen twin\0{key}\0{parts}".encode()).hexdigest()[:32]


def _contradiction(streams: Sequence[Stream], marks: Iterable[str]) -> Problem:
    """Return what is to be said of the histories of one session: the same whichever of them was known first."""
    start = streams[0].start
    labels = Counter(mark.partition(" ")[2] for mark in set(marks))
    logs = {label: count for label, count in labels.items() if is_log_name(label.rpartition("/")[2])} or labels
    names = [f"'{label}'" + (f" ({logs[label]} states of it)" if logs[label] > 1 else "") for label in sorted(logs)]
    if len(names) > MAX_NAMED:
        names[MAX_NAMED:] = [f"{len(names) - MAX_NAMED:,} more files"]
    number = "two" if len(streams) == 2 else f"{len(streams):,}"
    runs = f"{'both' if number == 'two' else 'all'} are kept, as {number} runs"
    place = f", in {' and '.join(names)}" if names else ""
    return Problem(
        min(logs, default=f"{start['experiment']}/{start['name']}"),
        f"{number} histories of session '{cut_name(start['session'], 80)}' contradict each other{place}: {runs}",
        "one of the files was changed or damaged, or a run id was used twice: remove the wrong one",
    )


def _with_problem(streams: Sequence[Stream], marks: Iterable[str]) -> list[Stream]:
    """Return the streams with the problem that they contradict each other, as they are if all of them say so alike."""
    told = [[event for event in stream.events if _names_twins(event)] for stream in streams]
    if told[0] and all(own == told[0] for own in told):
        return list(streams)
    event = problem_event(_contradiction(streams, marks), twins=True)
    return [
        with_events(stream, (*(own for own in stream.events if not _names_twins(own)), event)) for stream in streams
    ]


def _names_twins(event: Mapping[str, Any]) -> bool:
    return event["event"] == "problem" and bool(event.get("twins"))

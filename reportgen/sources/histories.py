"""The same session of the same run in several places: which of its histories stand.

An identical or longer history replaces the shorter one; histories that contradict each other are all kept, each as a
run of its own. Nothing here depends on the order in which the places come.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from reportgen.model import Points, Problem, Stream
from reportgen.sources.columns import NO_STEP
from reportgen.sources.faults import problem_event, with_events
from reportgen.sources.merge import resolve_steps


@dataclass(frozen=True, slots=True)
class Found:
    """A stream and the label of the file that it was read from."""

    label: str
    stream: Stream
    path: str = ""
    """Absolute path of that file, to tell two of one label apart."""


def resolve_histories(found: Iterable[Found], key: str) -> list[tuple[str, tuple[Stream, ...]]]:
    """Return (run key, streams) of each history: one under `key`, and one more for each contradiction."""
    slots: dict[tuple[str, int], list[Found]] = {}
    for own in found:
        slots.setdefault(own.stream.order, []).append(own)
    histories: list[list[Stream]] = [[]]
    for order in sorted(slots):
        candidates = slots[order]
        kept = candidates if len(candidates) == 1 else _longest(candidates)
        streams = [own.stream for own in kept]
        if len(kept) > 1:
            streams = [_with_problem(own.stream, _places(kept)) for own in kept]
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
    named = any(event.get("twins") for event in problems)
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
    parts = "".join(_digest(stream) for stream in resolve_steps(streams))  # as the record will have them
    return hashlib.sha256(f"reportgen twin\0{key}\0{parts}".encode()).hexdigest()[:32]


def _places(several: Sequence[Found]) -> list[str]:
    """Return the labels of several files, with as many folders in front as it takes to tell them apart."""
    labels = [own.label for own in several]
    parts = [own.path.replace("\\", "/").split("/") for own in several]
    for length in range(4, max(map(len, parts)) + 1):
        if len(set(labels)) == len(labels):
            break
        labels = ["/".join(own[-length:]) for own in parts]
    return labels


def _with_problem(stream: Stream, labels: Sequence[str]) -> Stream:
    """Return the stream with a problem that names all places, unless an earlier build has named them."""
    if any(event["event"] == "problem" and event.get("twins") for event in stream.events):
        return stream
    names = sorted(set(labels))
    text = " and ".join(f"'{name}'" for name in names)
    problem = Problem(
        names[0],
        f"two histories of one session contradict each other, in {text}: both are kept, as two runs",
        "one of the files was changed or damaged, or a run id was used twice: remove the wrong one",
    )
    return with_events(stream, (*stream.events, problem_event(problem, twins=True)))

"""What all processes of one run amount to: streams in, a `Run` with its `Summary` out. Pure.

Streams are merged by (session, rank). Facts come from the lowest rank that there is, points from all. Problems that
follow from the events (a param logged twice, lost calls) are found here each time and are not kept in the record.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import orjson

from reportgen.formats import EVENTS, cut_name
from reportgen.model import (
    Artifact,
    Code,
    Floats,
    Input,
    Ints,
    ModelVersion,
    ParamValue,
    Points,
    Problem,
    Run,
    Series,
    Session,
    Stream,
    Summary,
    Text,
)
from reportgen.sources.columns import NO_STEP, group_points
from reportgen.sources.shapes import field_of
from reportgen.sources.summarise import summarise

STATUSES: Final = {"FINISHED": "finished", "FAILED": "failed", "KILLED": "stopped"}
UNFINISHED: Final = "unfinished"
INTERRUPTED: Final = "interrupted"
MAX_STEP: Final = 2**63 - 1
NOTE_LENGTH: Final = 200
"""Characters of the beginning of the notes in a summary."""
MAX_SUBJECT: Final = 200
MAX_NOTES: Final = 65_536
"""Characters of all notes together in a summary; the rest is in the run's record."""

Event = Mapping[str, Any]


def merge_streams(
    streams: Iterable[Stream], *, key: str, verdicts: Mapping[str, tuple[str | None, str]] | None = None
) -> Run:
    """Return the run that `streams`, at least one, amount to, whatever their order.

    `verdicts` gives for an artifact's path where it is published (None = nowhere) and why not.
    """
    ordered = [_in_record_order(s) for s in sorted(streams, key=lambda s: s.order)]
    lead = min(s.start["rank"] for s in ordered)
    start = min(ordered, key=lambda s: s.start["rank"]).start
    where = f"{start['experiment']}/{start['name']}"
    own = [event for s in ordered if s.start["rank"] == lead for event in s.events]
    events = [event for s in ordered for event in s.events]
    by_stream = _sessions(ordered)
    sessions = tuple(by_stream.values())
    attempts = [by_stream[id(s)] for s in _main_streams(ordered)]
    status, error = _outcome(attempts)
    problems = [problem for s in ordered for problem in s.problems]
    params = _params(_of(own, "params"), _of(events, "params"), where, problems)
    problems += _lost(_of(events, "lost"), where)
    notes = tuple(event["text"] for event in _of(events, "note"))
    code, env = _code(own), _env(own)
    artifacts = _artifacts(_of(events, "artifact"), verdicts or {})
    series = _all_series(resolve_steps(ordered))
    summary = Summary(
        key=key,
        run_id=start["run_id"],
        experiment=start["experiment"],
        name=start["name"],
        status=status,
        error=error,
        start_time=min(s.start_time for s in sessions),
        last_time=max(s.last_time for s in sessions),
        duration_s=sum(max(0.0, s.last_time - s.start_time) for s in attempts if s.rank == lead),
        parent_id=start.get("parent", ""),
        group=start.get("group", ""),
        user=start.get("user", ""),
        params=params,
        tags=_tags(events),
        metrics=summarise(series),
        note=plain_beginning(notes),
        notes="\n\n".join(notes)[:MAX_NOTES],
        commit=code.commit,
        commit_time=code.commit_time,
        commit_parents=code.parents,
        commit_subject=code.subject[:MAX_SUBJECT],
        branch=code.branch,
        dirty=code.dirty,
        artifacts=len(artifacts),
        artifact_paths=tuple(sorted(artifact.path for artifact in artifacts)),
        inputs=_inputs(events),
        models=_models(events),
        problems=tuple(problems),
        ranks=len({s.rank for s in sessions}),
        sessions=len({s.session for s in attempts}),
    )
    return Run(
        summary=summary,
        series=series,
        notes=notes,
        artifacts=artifacts,
        code=code,
        env=env,
        sessions=sessions,
        texts=_texts(events),
        unknown_events=sum(event["event"] not in EVENTS for event in events),
        redacted=sum(event.get("redacted", 0) for event in _of(events, "problem")),
        streams=tuple(ordered),
    )


def merge_series(streams: Iterable[Stream]) -> dict[str, dict[int, Series]]:
    """Return only the series of a run, metric -> rank -> series; the same as `merge_streams` finds."""
    return _all_series(resolve_steps(sorted(streams, key=lambda s: s.order)))


def _of(events: Iterable[Event], kind: str) -> list[Event]:
    return [event for event in events if event["event"] == kind]


# ---- points


def resolve_steps(streams: Sequence[Stream]) -> list[Stream]:
    """Give each point without a step its metric's previous step in the rank plus one, from 0, over all sessions."""
    last: dict[tuple[int, str], int] = {}
    resolved = []
    for stream in streams:
        rank = stream.start["rank"]
        points: dict[str, Points] = {}
        done: dict[tuple[int, int], Ints] = {}
        for name, own in stream.points.items():
            before = last.get((rank, name), -1)
            identity = (id(own.steps), before)
            if identity not in done:
                done[identity] = _counted(own.steps, before)
            steps = done[identity]
            points[name] = own if steps is own.steps else Points(steps, own.times, own.values)
            if len(steps):
                last[rank, name] = int(steps[-1])
        resolved.append(replace(stream, points=points))
    return resolved


def _counted(steps: Ints, before: int) -> Ints:
    missing = steps == NO_STEP
    if not missing.any():
        return steps
    index = np.arange(len(steps))
    known = np.maximum.accumulate(np.where(missing, -1, index))
    base = np.where(known < 0, before, steps[known])
    counted = base + np.minimum(index - known, MAX_STEP - np.maximum(base, 0))  # behind the last step there is none
    return np.where(missing, counted, steps)


def _in_record_order(stream: Stream) -> Stream:
    """Return `stream` with its metrics in the order in which a record holds them."""
    names = [name for _, _, group in group_points(stream.points) for name in group]
    if names == list(stream.points):
        return stream
    return replace(stream, points={name: stream.points[name] for name in names})


def _all_series(streams: Sequence[Stream]) -> dict[str, dict[int, Series]]:
    """Return metric -> rank -> series; metrics that share steps and times still share them."""
    pieces: dict[str, dict[int, list[Points]]] = {}
    for stream in streams:
        for name, own in stream.points.items():
            if len(own):
                pieces.setdefault(name, {}).setdefault(stream.start["rank"], []).append(own)
    joined: dict[tuple[int, ...], tuple[Ints, Floats, bool]] = {}
    return {name: {rank: _one_series(ranks[rank], joined) for rank in sorted(ranks)} for name, ranks in pieces.items()}


def _one_series(pieces: Sequence[Points], joined: dict[tuple[int, ...], tuple[Ints, Floats, bool]]) -> Series:
    key = tuple(number for own in pieces for number in (id(own.steps), id(own.times)))
    if key not in joined:
        steps = pieces[0].steps if len(pieces) == 1 else np.concatenate([own.steps for own in pieces])
        times = pieces[0].times if len(pieces) == 1 else np.concatenate([own.times for own in pieces])
        joined[key] = (steps, times, bool((steps[1:] > steps[:-1]).all()))
    steps, times, rising = joined[key]
    values = pieces[0].values if len(pieces) == 1 else np.concatenate([own.values for own in pieces])
    if rising:
        return Series(steps, times, values)
    order = np.lexsort((values, times, steps))
    return Series(steps[order], times[order], values[order])


# ---- sessions


def _main_streams(streams: Sequence[Stream]) -> list[Stream]:
    """Return the streams that are attempts at the run: what a forked helper wrote is only a share of one."""
    attempts = [s for s in streams if not s.start.get("forked_from")]
    ranks = {s.start["rank"] for s in attempts}
    return [s for s in streams if not s.start.get("forked_from") or s.start["rank"] not in ranks]


def _sessions(streams: Sequence[Stream]) -> dict[int, Session]:
    """Return id of a stream -> its session, in order."""
    last_of_rank = {s.start["rank"]: s for s in _main_streams(streams)}
    attempts = {id(s) for s in _main_streams(streams)}
    return {
        id(s): _session(s, interrupted=id(s) in attempts and last_of_rank[s.start["rank"]] is not s) for s in streams
    }


def _session(stream: Stream, *, interrupted: bool) -> Session:
    start = stream.start
    times = [event["time"] for event in stream.events if event.get("time") is not None]
    columns = {id(points.times): points.times for points in stream.points.values() if len(points)}
    newest = [float(np.fmax.reduce(column)) for column in columns.values()]
    times += [time for time in newest if not math.isnan(time)]
    begin = start["time"] or (min(times) if times else 0.0)
    status, error = INTERRUPTED if interrupted else UNFINISHED, ""
    for event in _of(stream.events, "end"):
        status, error = STATUSES[event["status"]], field_of(event, "error")
    return Session(start["session"], start["rank"], begin, max([begin, *times]), status, error)


def _outcome(sessions: Sequence[Session]) -> tuple[str, str]:
    """Return (status, first line of the error): the worst of what the ranks came to in their last sessions."""
    last = {s.rank: s for s in sessions}
    for status in ("failed", "stopped", UNFINISHED):
        for rank in sorted(last):
            if last[rank].status == status:
                return status, (last[rank].error.strip().splitlines() or [""])[0] if status == "failed" else ""
    return "finished", ""


# ---- facts


def _params(own: Sequence[Event], every: Sequence[Event], where: str, problems: list[Problem]) -> dict[str, ParamValue]:
    """Return the params of the lowest rank, then what only other ranks logged; the first value of a param stands."""
    params: dict[str, ParamValue] = {}
    other: dict[str, int] = {}
    for event in own:
        for name, value in _flatten(event["params"]):
            if name not in params:
                params[name] = value
            elif params[name] != value:
                other[name] = other.get(name, 0) + 1
    for event in every:
        for name, value in _flatten(event["params"]):
            params.setdefault(name, value)
    problems += (
        Problem(
            where,
            f"param '{cut_name(name, 80)}' was logged again with another value: the first one is shown",
            "give a param one value a run, or log what changes as a metric",
            count=count,
        )
        for name, count in other.items()
    )
    return params


def _flatten(params: Mapping[str, Any], prefix: str = "") -> list[tuple[str, ParamValue]]:
    flat: list[tuple[str, ParamValue]] = []
    for name, value in params.items():
        if isinstance(value, dict) and value:
            flat += _flatten(value, f"{prefix}{name}.")
        else:
            flat.append((cut_name(prefix + name), _json_text(value) if isinstance(value, dict | list) else value))
    return flat


def _json_text(value: object) -> str:
    return orjson.dumps(value).decode()


def _tags(events: Iterable[Event]) -> dict[str, str]:
    tags: dict[str, str] = {}
    for event in _of(events, "tags"):
        for name, value in event["tags"].items():
            tags[cut_name(name)] = value if isinstance(value, str) else _json_text(value)
    return tags


def _lost(events: Sequence[Event], where: str) -> list[Problem]:
    calls = sum(field_of(event, "calls") for event in events)
    if not events:
        return []
    errors = ", ".join(sorted({str(event["errno"]) for event in events if event.get("errno") is not None}))
    reason = f" (errno {errors})" if errors else ""
    hint = "look after the disk that the log is written to"
    return [Problem(where, f"{calls} logging calls could not be written{reason}", hint)]


def _code(events: Iterable[Event]) -> Code:
    merged: dict[str, Any] = {"event": "code"}
    for event in _of(events, "code"):
        merged |= event
    return Code(
        commit=field_of(merged, "commit"),
        commit_time=field_of(merged, "commit_time"),
        parents=tuple(field_of(merged, "parents")),
        subject=field_of(merged, "subject"),
        branch=field_of(merged, "branch"),
        dirty=field_of(merged, "dirty"),
        remote=field_of(merged, "remote"),
        command=tuple(field_of(merged, "command")),
        entry=field_of(merged, "entry"),
    )


def _env(events: Iterable[Event]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for event in _of(events, "env"):
        merged |= {name: value for name, value in event.items() if name not in ("event", "time")}
    return merged


def _artifacts(events: Sequence[Event], verdicts: Mapping[str, tuple[str | None, str]]) -> tuple[Artifact, ...]:
    """Return one artifact a path, as logged last, in order of first appearance."""
    last = {event["path"]: event for event in events}
    return tuple(
        Artifact(
            path,
            field_of(event, "bytes"),
            field_of(event, "sha256"),
            field_of(event, "media") or "application/octet-stream",
            *verdicts.get(path, (None, "not published")),
        )
        for path, event in last.items()
    )


def _inputs(events: Iterable[Event]) -> tuple[Input, ...]:
    fields = ("name", "digest", "source", "role")
    return tuple(dict.fromkeys(Input(*(field_of(event, f) for f in fields)) for event in _of(events, "input")))


def _models(events: Iterable[Event]) -> tuple[ModelVersion, ...]:
    return tuple(
        dict.fromkeys(
            ModelVersion(
                name=field_of(event, "name"),
                version=field_of(event, "version"),
                aliases=tuple(field_of(event, "aliases")),
                files=tuple(field_of(event, "files")),
                sha256=field_of(event, "sha256"),
                derived_from=field_of(event, "from"),
            )
            for event in _of(events, "model")
        )
    )


def _texts(events: Iterable[Event]) -> tuple[Text, ...]:
    """Return captured output, consecutive lines of one stream joined."""
    found: list[tuple[str, list[str]]] = []
    for event in _of(events, "text"):
        name = field_of(event, "stream")
        if not found or found[-1][0] != name:
            found.append((name, []))
        found[-1][1].append(event["text"])
    return tuple(Text(name, "".join(parts)) for name, parts in found)


def plain_beginning(notes: Sequence[str]) -> str:
    """Return the beginning of the notes without the marks of Markdown."""
    text = " ".join(notes)[: 4 * NOTE_LENGTH]
    text = re.sub(r"!?\[([^\[\]]{0,200})\]\([^()\s]{0,500}\)", r"\1", text)
    text = re.sub(r"(?m)^\s{0,3}(#{1,6}|>|[-*+])\s+|[`*]", "", text)
    text = " ".join(text.split())
    return text if len(text) <= NOTE_LENGTH else text[: NOTE_LENGTH - 1].rstrip() + "…"

"""Takes secrets out of a stream before any other stage sees it, and says so in a `problem` event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reportgen.capture.redaction import may_hold_secret, redact_arguments, redact_text, redact_value
from reportgen.formats import encode_line
from reportgen.model import Points, Problem, Stream
from reportgen.sources.faults import problem_event, with_events


def redact_stream(stream: Stream, label: str) -> Stream:
    """Return `stream` without what looks like a secret in its start line, its events and the names of its metrics.

    A redacted stream comes back as it is. `label` is the file that the problem names.
    """
    start, total = _redact_event(stream.start)
    events = []
    for event in stream.events:
        clean, count = _redact_event(event)
        events.append(clean)
        total += count
    points = stream.points
    names = "\n".join(points)
    if may_hold_secret(names.encode()):
        points, count = _redact_names(points)
        total += count
    if not total:
        return stream
    values = "1 value looked like a secret and was replaced"
    if total > 1:
        values = f"{total} values looked like secrets and were replaced"
    hint = "take it out of the log, and revoke it if the log was shared"
    problem = problem_event(Problem(redact_text(label)[0], values, hint, None, 1), redacted=total)
    return with_events(replace(stream, start=start, points=points), (*events, problem))


def _redact_event(event: Mapping[str, Any]) -> tuple[Mapping[str, Any], int]:
    flags = 0
    command = event.get("command") if event["event"] == "code" else None
    if isinstance(command, list) and all(isinstance(argument, str) for argument in command):
        clean = list(redact_arguments(command))
        if clean != command:
            flags = sum(new != old for new, old in zip(clean, command, strict=True))
            event = {**event, "command": clean}
    if not may_hold_secret(encode_line(event)):
        return event, flags
    redacted, count = redact_value(event)
    return redacted, flags + count


def _redact_names(points: Mapping[str, Points]) -> tuple[dict[str, Points], int]:
    result: dict[str, Points] = {}
    total = 0
    for name, own in points.items():
        clean, count = redact_text(name)
        while count and clean in result:
            clean += "'"
        result[clean] = own
        total += count
    return result, total

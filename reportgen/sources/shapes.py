"""The shape of each kind of line: turns what a log says into what later stages may rely on, and counts what was wrong.

A line that comes out of here goes through again without a change: the record is written from it and read like a log.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final

from reportgen.formats import END_STATUSES, LOG_FORMAT, clean_text, cut_name, encode_line
from reportgen.sources.columns import read_time
from reportgen.sources.faults import NEWER_HINT, Faults

MAX_RANK: Final = 2**31


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and (not value or (len(value) == 64 and not value.strip("0123456789abcdef")))


def _is_flag(value: object) -> bool:
    return value is None or isinstance(value, bool)


def _is_time(value: object) -> bool:
    return value is None or read_time(value) is not None


Check = tuple[Callable[[object], bool], Any]
"""What a field must be, and what stands for it when it is missing or wrong; `...`: the line is useless without."""
_TEXT: Final[Check] = (_is_text, "")
_TEXTS: Final[Check] = (_is_texts, [])
_NEEDED: Final[Check] = (_is_text, ...)

SHAPES: Final[Mapping[str, Mapping[str, Check]]] = {
    "params": {"params": (_is_object, ...)},
    "tags": {"tags": (_is_object, ...)},
    "note": {"text": _NEEDED},
    "artifact": {"path": _NEEDED, "bytes": (_is_count, 0), "sha256": (_is_digest, ""), "media": _TEXT},
    "input": {"name": _NEEDED, "digest": _TEXT, "source": _TEXT, "role": _TEXT},
    "model": {
        "name": _NEEDED,
        "version": _TEXT,
        "aliases": _TEXTS,
        "files": _TEXTS,
        "sha256": _TEXT,
        "from": _TEXT,
    },
    "env": {},
    "code": {
        "commit": _TEXT,
        "commit_time": (_is_time, None),
        "parents": _TEXTS,
        "subject": _TEXT,
        "branch": _TEXT,
        "dirty": (_is_flag, None),
        "remote": _TEXT,
        "command": _TEXTS,
        "entry": _TEXT,
    },
    "text": {"stream": _TEXT, "text": _NEEDED},
    "lost": {"calls": (_is_count, 0), "errno": (lambda value: value is None or _is_count(value), None)},
    "problem": {"file": _TEXT, "message": _NEEDED, "hint": _TEXT, "count": (_is_count, 1)},
    "end": {"status": (lambda value: value in END_STATUSES, ...), "error": _TEXT},
}


def repair_event(event: dict[str, Any], line: int | None, faults: Faults) -> dict[str, Any] | None:
    """Return the event in the shape of its kind, None if nothing of it can be used.

    A field that is missing stays missing (readers know what stands for it); one of a wrong type is taken out.
    """
    kind = event.get("event")
    if not isinstance(kind, str):
        faults.add(line, "a line has no `event` that names its kind", "it was skipped")
        return None
    if "time" in event and not _is_time(event["time"]):
        faults.add(line, "`time` is no time in seconds since 1970", "write UTC seconds as a number")
        event = {key: value for key, value in event.items() if key != "time"}
    for field, (check, default) in SHAPES.get(kind, {}).items():
        if field in event:
            if check(event[field]):
                continue
            faults.add(line, f"`{field}` of a `{kind}` line has a wrong type or value", "see docs/log-format.md")
            event = {key: value for key, value in event.items() if key != field}
        elif default is ...:
            faults.add(line, f"a `{kind}` line has no `{field}`", "see docs/log-format.md")
        if default is ...:
            return None
    return event


def field_of(event: Mapping[str, Any], field: str) -> Any:
    """Return a field of a repaired event, or what stands for it where it is missing."""
    return event.get(field, SHAPES[event["event"]][field][1])


def repair_start(
    event: Mapping[str, Any],
    line: int | None,
    faults: Faults,
    *,
    run_id: str,
    experiment: str,
    first: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return a start line in which `run_id`, `experiment`, `name`, `rank`, `session` and `time` stand and are sound.

    `run_id` and `experiment` are taken where the line names none. A session without a name gets one from its first
    line: `first`, or the start line itself.
    """
    start = {"event": "start"} | {key: value for key, value in event.items() if key != "event"}
    _check_format(start, line, faults)
    for field, default in (("run_id", run_id), ("experiment", experiment)):
        start[field] = _text(start, field, line, faults) or default
    start["name"] = cut_name(_text(start, "name", line, faults) or start["run_id"])
    start["experiment"] = cut_name(start["experiment"])
    for field in ("parent", "group", "user"):
        if field in start:
            start[field] = _text(start, field, line, faults)
    rank = start.get("rank", 0)
    if not (isinstance(rank, int) and not isinstance(rank, bool) and 0 <= rank < MAX_RANK):
        faults.add(line, "`rank` of the start line is no whole number", "rank 0 was taken")
        rank = 0
    start["rank"] = rank
    time = read_time(start.get("time"))
    if time is None and "time" in start:
        faults.add(line, "`time` of the start line is no time since 1970", "write UTC seconds as a number")
    session = _text(start, "session", line, faults)
    start["session"] = (
        cut_name(session) if session else f"0-{hashlib.sha256(encode_line(first or event)).hexdigest()[:16]}"
    )
    start["time"] = 0.0 if time is None else time
    return start


def _check_format(start: dict[str, Any], line: int | None, faults: Faults) -> None:
    version = start.setdefault("format", LOG_FORMAT)
    if not _is_count(version):
        faults.add(line, "`format` of the start line is no whole number", f"read as format {LOG_FORMAT}")
        start["format"] = LOG_FORMAT
    elif version > LOG_FORMAT:
        start["format"], start["logged_format"] = LOG_FORMAT, version  # the record is written in our own format
        made_by = start.get("reportgen")
        hint = NEWER_HINT
        if isinstance(made_by, str) and made_by and len(made_by) < 40:
            hint = f"install reportgen {made_by} or later: pip install -U 'reportgen>={made_by}'"
        faults.add(
            line,
            f"log format {version} is newer than {LOG_FORMAT}, the newest that this reportgen knows; "
            "what it understands was read",
            hint,
        )


def _text(start: Mapping[str, Any], field: str, line: int | None, faults: Faults) -> str:
    value = start.get(field)
    if value is None:
        return ""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    faults.add(line, f"`{field}` of the start line is no text", "see docs/log-format.md")
    return ""

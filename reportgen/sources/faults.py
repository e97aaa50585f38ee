"""Faults of one log file, collected while it is read. They become `problem` events, to travel in the record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from reportgen.model import Problem, Stream

MAX_KINDS: Final = 100
"""So many different faults are told apart in one file; what comes after is only counted."""
NEWER_HINT: Final = "install a newer reportgen: pip install -U reportgen"


class Faults:
    """Counts faults by message and remembers the first line of each."""

    def __init__(self, label: str) -> None:
        self.label = label
        self._found: dict[str, _Fault] = {}

    def add(self, line: int | None, message: str, hint: str = "", *, count: int = 1, kind: str = "") -> None:
        """Count a fault of `line`; those with the same `kind` (the message by default) are one Problem."""
        kind = kind or message
        fault = self._found.get(kind)
        if fault is None:
            if len(self._found) >= MAX_KINDS:
                kind, message, hint = "", "more faults of other kinds", "see the log file"
                fault = self._found.get(kind)
            if fault is None:
                self._found[kind] = _Fault(line, message, hint, count)
                return
        if line is not None and (fault.line is None or line < fault.line):
            fault.line, fault.message, fault.hint = line, message, hint
        fault.count += count

    def add_all(self, other: Faults) -> None:
        """Count what `other` counted, too."""
        for kind, fault in other._found.items():
            self.add(fault.line, fault.message, fault.hint, count=fault.count, kind=kind)

    def events(self) -> list[dict[str, Any]]:
        """Return the faults as `problem` events, ordered by (line, message)."""
        found = sorted(self._found.values(), key=lambda f: (f.line or 0, f.message))
        return [problem_event(Problem(self.label, f.message, f.hint, f.line, f.count)) for f in found]


class _Fault:
    __slots__ = ("count", "hint", "line", "message")

    def __init__(self, line: int | None, message: str, hint: str, count: int) -> None:
        self.line, self.message, self.hint, self.count = line, message, hint, count


def problem_event(problem: Problem, **more: object) -> dict[str, Any]:
    """Return the line of a record that stands for `problem`; `more` are fields that only the reader needs."""
    event: dict[str, Any] = {"event": "problem", "file": problem.where}
    if problem.line is not None:
        event["line"] = problem.line
    return event | {"message": problem.message, "hint": problem.hint, "count": problem.count} | more


def event_problem(event: Any) -> Problem:
    """Return the Problem that a `problem` event, of the right shape, stands for."""
    line = event.get("line")
    return Problem(
        event.get("file", ""),
        event["message"],
        event.get("hint", ""),
        line if isinstance(line, int) else None,
        event.get("count", 1),
    )


def with_events(stream: Stream, events: Iterable[Mapping[str, Any]]) -> Stream:
    """Return `stream` with other events in the order of a record: what was logged, problems, the end."""
    logged: list[Mapping[str, Any]] = []
    problems: list[Mapping[str, Any]] = []
    ends: list[Mapping[str, Any]] = []
    for event in events:
        kind = event["event"]
        (problems if kind == "problem" else ends if kind == "end" else logged).append(event)
    return replace(stream, events=(*logged, *problems, *ends), problems=tuple(map(event_problem, problems)))

"""Makes a stream, in the terms of the log format, out of what the log of another program says."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np

from reportgen.formats import LOG_FORMAT, clean_text, clean_value, cut_name
from reportgen.model import Floats, Ints, Points, Stream
from reportgen.sources.columns import NO_STEP
from reportgen.sources.faults import Faults, with_events

REPEATED_HINT: Final = "the last value of each step is shown"
_NOTHING: Final[tuple[object, ...]] = (None, "", [], {}, ())


class StreamMaker:
    """Collects what one run, or one session of it, says. Values may be of any kind, and names of any length.

    `label` is the file that problems name. Times are UTC seconds since the epoch.
    """

    def __init__(self, label: str, *, run_id: str, experiment: str, name: str = "") -> None:
        self.faults = Faults(label)
        self.start: dict[str, Any] = {
            "event": "start",
            "format": LOG_FORMAT,
            "run_id": run_id,
            "experiment": cut_name(clean_text(experiment)),
            "name": cut_name(clean_text(name or run_id)),
            "rank": 0,
        }
        """The start line; `parent`, `group`, `user` and `rank` may be set."""
        self.began: float | None = None
        """When the run began; None: at its first point."""
        self._end: dict[str, Any] | None = None
        self._events: list[dict[str, Any]] = []
        self._points: dict[str, list[Points]] = {}

    def add(self, event: str, **fields: object) -> None:
        """Add a line of the log format; fields that are None or empty are left out, `from_` stands for `from`."""
        line = {name.rstrip("_"): clean_value(value) for name, value in fields.items() if value not in _NOTHING}
        self._events.append({"event": event} | line)

    def params(self, params: Mapping[str, Any]) -> None:
        """Add params, nested ones too; nothing where there are none."""
        if params:
            self._events.append({"event": "params", "params": clean_value(params)})

    def tags(self, tags: Mapping[str, Any]) -> None:
        """Add tags, as text; those that are None are left out."""
        texts = {
            cut_name(clean_text(str(name))): clean_text(value if isinstance(value, str) else str(value))
            for name, value in tags.items()
            if value is not None
        }
        if texts:
            self._events.append({"event": "tags", "tags": texts})

    def note(self, text: str) -> None:
        """Add a note in Markdown; nothing where it is blank."""
        if text.strip():
            self._events.append({"event": "note", "text": clean_text(text)})

    def end(self, status: str, time: float | None = None, error: str = "") -> None:
        """Say that the run ended: `FINISHED`, `FAILED` or `KILLED`. Without it the run may still be going on."""
        self._end = {"event": "end", "status": status}
        if time is not None:
            self._end["time"] = time
        if error:
            self._end["error"] = clean_text(error)

    def points(
        self,
        name: str,
        values: Floats | Iterable[float],
        *,
        steps: Ints | Iterable[int] | None = None,
        times: Floats | Iterable[float] | None = None,
    ) -> None:
        """Add points of one metric, float64[n]; steps are counted, and times unknown (NaN), where they are None."""
        column = np.asarray(values, dtype=np.float64)
        count = len(column)
        if count:
            own_steps = np.full(count, NO_STEP, dtype=np.int64) if steps is None else np.asarray(steps, dtype=np.int64)
            own_times = np.full(count, np.nan) if times is None else np.asarray(times, dtype=np.float64)
            self._points.setdefault(cut_name(clean_text(name)), []).append(Points(own_steps, own_times, column))

    def finish(self) -> Stream:
        """Return the stream: each step once, metrics in order of first appearance."""
        shared: dict[tuple[int, ...], tuple[Ints, Floats, Any]] = {}
        points = {name: self._one_series(pieces, shared) for name, pieces in self._points.items()}
        began = self.began
        if began is None:
            firsts = [float(np.nanmin(own.times)) for own in points.values() if not np.isnan(own.times).all()]
            began = min(firsts, default=0.0)
        start = self.start | {"session": _session(began, self.start["run_id"]), "time": began}
        ends = [self._end] if self._end else []
        return with_events(Stream(start, (), points), (*self._events, *self.faults.events(), *ends))

    def _one_series(self, pieces: list[Points], shared: dict[tuple[int, ...], tuple[Ints, Floats, Any]]) -> Points:
        """Join the pieces and keep the last point (by time, then by place) of each step; equal columns stay shared."""
        key = tuple(number for own in pieces for number in (id(own.steps), id(own.times)))
        if key not in shared:
            steps = pieces[0].steps if len(pieces) == 1 else np.concatenate([own.steps for own in pieces])
            times = pieces[0].times if len(pieces) == 1 else np.concatenate([own.times for own in pieces])
            keep = _last_of_each(steps, times)
            if keep is not None:
                self.faults.add(None, "steps were logged more than once", REPEATED_HINT, count=len(steps) - len(keep))
                steps, times = steps[keep], times[keep]
            shared[key] = (steps, times, keep)
        steps, times, keep = shared[key]
        values = pieces[0].values if len(pieces) == 1 else np.concatenate([own.values for own in pieces])
        return Points(steps, times, values if keep is None else values[keep])


def _last_of_each(steps: Ints, times: Floats) -> Ints | None:
    """Return which points stay when each step keeps its last one, in their order; None when all stay."""
    known = steps[steps != NO_STEP]
    if len(known) < 2 or bool((known[1:] > known[:-1]).all()) or len(np.unique(known)) == len(known):
        return None
    place = np.arange(len(steps))
    order = np.lexsort((place, np.where(np.isnan(times), -np.inf, times), steps))
    last = np.append(steps[order][1:] != steps[order][:-1], True) | (steps[order] == NO_STEP)
    return np.sort(order[last])


def _session(began: float, run_id: str) -> str:
    """Return a session's id, which sorts by when it began and is the same whenever the log is read."""
    digest = hashlib.sha256(f"{run_id}\0{began!r}".encode()).hexdigest()[:8]
    try:
        time = dt.datetime.fromtimestamp(began, dt.UTC)
    except (ValueError, OverflowError, OSError):
        return f"0-{digest}"
    return f"{time:%Y%m%dT%H%M%S.%fZ}-{digest}"

"""Points in columns: turns the `metrics` and `points` lines of one log into float64 and int64 arrays.

Lines come in blocks. A block whose lines all have the same metrics is turned into columns by C loops alone; other
blocks are first grouped by their keys; what is left is taken point by point. All three give the same arrays. Metrics
logged together share their arrays of steps and times (the same objects), which later stages use to do them together.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any, Final

import numpy as np

from reportgen.errors import FormatError
from reportgen.formats import cut_name, decode_number
from reportgen.model import Floats, Ints, Points
from reportgen.sources.faults import Faults

NO_STEP: Final = -(2**63)
"""Stands for a step that the log left out; only the series of a run, of all its sessions, have them counted."""
MAX_TIME: Final = 253_402_300_799.0
"""The last second of the year 9999: a greater time is no time in seconds."""
GROUP_ROWS: Final = 8
"""Lines are grouped by their keys when there are, on average, at least so many in a group."""

_METRICS: Final = itemgetter("metrics")
_STEP: Final = itemgetter("step")
_TIME: Final = itemgetter("time")
_WORDS: Final = {word: decode_number(word) for word in ("NaN", "Infinity", "-Infinity")}

Row = Mapping[str, Any]
Part = tuple[int, Floats]
"""Values of one metric in a block, and the number of the group of lines that they come from."""


class Columns:
    """The points of one stream while it is being read."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._pieces: dict[str, list[tuple[Ints, Floats, Floats]]] = {}

    def finish(self) -> dict[str, Points]:
        """Return metric -> its points, in order of first appearance."""
        points: dict[str, Points] = {}
        joined: dict[tuple[int, ...], tuple[Ints, Floats]] = {}
        for name, pieces in self._pieces.items():
            if len(pieces) == 1:
                points[name] = Points(*pieces[0])
            elif pieces:
                key = tuple(id(steps) for steps, _, _ in pieces)
                if key not in joined:
                    joined[key] = (np.concatenate([p[0] for p in pieces]), np.concatenate([p[1] for p in pieces]))
                points[name] = Points(*joined[key], np.concatenate([p[2] for p in pieces]))
        return points

    # ---- metrics lines

    def add_rows(self, rows: Sequence[Row], lines: Sequence[int]) -> None:
        """Add `metrics` lines in the order of the log; `lines` are their numbers."""
        steps, times = self._steps(rows, lines), self._times(rows, lines)
        try:
            metrics: list[Any] = list(map(_METRICS, rows))
        except KeyError:
            metrics = [row.get("metrics") for row in rows]
        if self._add_uniform(metrics, steps, times):
            return
        sound = list(range(len(rows)))
        if set(map(type, metrics)) != {dict}:
            sound = [i for i in sound if isinstance(metrics[i], dict)]
            for i in sorted(set(range(len(rows))).difference(sound)):
                self._faults.add(lines[i], "`metrics` is no object of names and numbers", "the line was skipped")
        self._add_groups(sound, metrics, lines, steps, times)

    def _add_uniform(self, metrics: Sequence[Any], steps: Ints, times: Floats) -> bool:
        """Add lines that all have the metrics of the first one; return False, and do nothing, if they have not."""
        first = metrics[0]
        if first.__class__ is not dict or not first:
            return False
        names = tuple(first)
        try:
            if set(map(len, metrics)) != {len(names)}:
                return False
            columns = _columns(_flatten(names, metrics), len(names))
        except (KeyError, TypeError):
            return False
        sound = [column for column in columns if column is not None]
        if len(sound) < len(columns):
            return False
        for name, values in zip(names, sound, strict=True):
            self._list_of(name).append((steps, times, values))
        return True

    def _add_groups(
        self, sound: list[int], metrics: Sequence[Any], lines: Sequence[int], steps: Ints, times: Floats
    ) -> None:
        """Add the lines `sound`, those with the same keys together where that pays."""
        keys = list(map(tuple, metrics)) if len(sound) == len(metrics) else [tuple(metrics[i]) for i in sound]
        groups = {key: number for number, key in enumerate(dict.fromkeys(keys))}
        for name in dict.fromkeys(chain.from_iterable(groups)):
            self._list_of(name)
        chosen: list[Ints] = []
        parts: dict[str, list[Part]] = {}
        if len(groups) * GROUP_ROWS > len(sound):
            self._add_one_by_one(sound, metrics, lines, parts, chosen)
        else:
            where, numbers = np.array(sound), np.array(list(map(groups.__getitem__, keys)))
            for names, number in groups.items():
                self._add_group(names, where[numbers == number], metrics, lines, parts, chosen)
        taken: dict[tuple[int, ...], tuple[Ints | None, Ints, Floats]] = {}
        for name, own in parts.items():
            key = tuple(number for number, _ in own)
            if key not in taken:
                taken[key] = _take([chosen[number] for number in key], steps, times)
            order, own_steps, own_times = taken[key]
            values = own[0][1] if order is None else np.concatenate([v for _, v in own])[order]
            self._list_of(name).append((own_steps, own_times, values))

    def _add_group(
        self,
        names: tuple[str, ...],
        where: Ints,
        metrics: Sequence[Any],
        lines: Sequence[int],
        parts: dict[str, list[Part]],
        chosen: list[Ints],
    ) -> None:
        if not names:
            return
        indices = where.tolist()
        flat = _flatten(names, [metrics[i] for i in indices])
        columns = _columns(flat, len(names))
        own = len(chosen)
        chosen.append(where)
        for j, (name, column) in enumerate(zip(names, columns, strict=True)):
            number = own
            if column is None:
                column, keep = self._value_column(name, flat[j :: len(names)], [lines[i] for i in indices])
                number = len(chosen)
                chosen.append(where[keep])
            if len(column):
                parts.setdefault(name, []).append((number, column))

    def _add_one_by_one(
        self,
        indices: Iterable[int],
        metrics: Sequence[Any],
        lines: Sequence[int],
        parts: dict[str, list[Part]],
        chosen: list[Ints],
    ) -> None:
        columns: dict[str, tuple[list[int], list[float]]] = {}
        for i in indices:
            for name, value in metrics[i].items():
                if value.__class__ is not float:
                    try:
                        value = decode_number(value)
                    except FormatError as error:
                        self._bad_value(name, lines[i], error)
                        continue
                try:
                    where, values = columns[name]
                except KeyError:
                    where, values = columns[name] = ([], [])
                where.append(i)
                values.append(value)
        numbers: dict[tuple[int, ...], int] = {}
        for name, (where, values) in columns.items():
            number = numbers.setdefault(tuple(where), len(chosen))
            if number == len(chosen):
                chosen.append(np.array(where, dtype=np.int64))
            parts.setdefault(name, []).append((number, np.array(values, dtype=np.float64)))

    # ---- points lines

    def add_points(self, event: Row, line: int) -> None:
        """Add a `points` line: columns of steps, times and values."""
        metrics, raw_steps, raw_times = event.get("metrics"), event.get("steps"), event.get("times")
        if metrics is None and isinstance(event.get("metric"), str):
            metrics = {event["metric"]: event.get("values")}
        if not isinstance(metrics, dict):
            self._faults.add(line, "`metrics` is no object of names and lists", "the line was skipped")
            return
        shared: dict[int, tuple[Ints, Floats]] = {}
        for name, raw in metrics.items():
            if not isinstance(raw, list):
                self._faults.add(line, f"the points of '{cut_name(name, 80)}' are no list", "they were skipped")
                continue
            count = len(raw)
            for other in (raw_steps, raw_times):
                if isinstance(other, list) and len(other) != len(raw):
                    hint = "they were cut to the shortest"
                    self._faults.add(line, "columns of a `points` line differ in length", hint)
                    count = min(count, len(other))
            if count not in shared:
                shared[count] = (
                    self._step_column(raw_steps, count, line),
                    self._time_column(raw_times, count, line),
                )
            steps, times = shared[count]
            values = _floats(raw[:count])
            if values is None:
                values, keep = self._value_column(name, raw[:count], [line] * count)
                steps, times = steps[keep], times[keep]
            self._list_of(name).append((steps, times, values))

    # ---- single columns

    def _list_of(self, name: str) -> list[tuple[Ints, Floats, Floats]]:
        try:
            return self._pieces[name]
        except KeyError:
            return self._pieces.setdefault(cut_name(name), [])

    def _steps(self, rows: Sequence[Row], lines: Sequence[int]) -> Ints:
        try:
            packed = _pack_ints(list(map(_STEP, rows)))
            if not (packed == NO_STEP).any():
                return packed
        except (KeyError, struct.error, OverflowError):
            pass
        steps = [self._step(row.get("step"), line) for row, line in zip(rows, lines, strict=True)]
        return np.array(steps, dtype=np.int64)

    def _times(self, rows: Sequence[Row], lines: Sequence[int]) -> Floats:
        try:
            times = _pack_floats(list(map(_TIME, rows)))
        except (KeyError, struct.error, OverflowError):
            times = None
        if times is not None and times.min() >= 0 and times.max() <= MAX_TIME:
            return times
        return np.array([self._time(row.get("time"), line) for row, line in zip(rows, lines, strict=True)])

    def _step_column(self, raw: object, count: int, line: int) -> Ints:
        if not isinstance(raw, list):
            if raw is not None:
                self._faults.add(line, "`steps` is no list", "the steps were counted from the last one")
            return np.full(count, NO_STEP)
        try:
            packed = _pack_ints(raw[:count])
            if not (packed == NO_STEP).any():
                return packed
        except (struct.error, OverflowError):
            pass
        return np.array([self._step(value, line) for value in raw[:count]], dtype=np.int64)

    def _time_column(self, raw: object, count: int, line: int) -> Floats:
        if not isinstance(raw, list):
            if raw is not None:
                self._faults.add(line, "`times` is no list", "the times of the points were left out")
            return np.full(count, math.nan)
        try:
            times = _pack_floats(raw[:count])
        except (struct.error, OverflowError):
            times = None
        if times is not None and (not count or (times.min() >= 0 and times.max() <= MAX_TIME)):
            return times
        return np.array([self._time(value, line) for value in raw[:count]], dtype=np.float64)

    def _value_column(self, name: str, raw: Sequence[Any], lines: Sequence[int]) -> tuple[Floats, Ints]:
        """Return the values that are numbers, and where they stand in `raw`."""
        keep, good, missing = [], [], []
        for i, value in enumerate(raw):
            if value is None:
                missing.append(i)
                continue
            try:
                good.append(value if value.__class__ is float else decode_number(value))
                keep.append(i)
            except FormatError as error:
                self._bad_value(name, lines[i], error)
        if missing:
            self._bad_value(name, lines[missing[0]], FormatError("null is not a number"), len(missing))
        return np.array(good, dtype=np.float64), np.array(keep, dtype=np.int64)

    # ---- single values

    def _step(self, value: object, line: int) -> int:
        if isinstance(value, int) and -(2**63) < value < 2**63:
            return int(value)
        if value is None:
            return NO_STEP
        if isinstance(value, float) and math.isfinite(value) and abs(value) < 2**63:
            if not value.is_integer():
                self._faults.add(
                    line,
                    f"step {value!r} is no whole number: read as {math.floor(value)}",
                    "log whole numbers as steps, and the fraction as a metric",
                    kind="fractional step",
                )
            return math.floor(value)
        self._faults.add(
            line,
            f"step {str(value)[:40]!r} is no 64-bit whole number: the step after the last one was taken",
            "log whole numbers between -2**63 and 2**63 as steps",
            kind="impossible step",
        )
        return NO_STEP

    def _time(self, value: object, line: int) -> float:
        time = read_time(value)
        if time is not None:
            return time
        if value is not None:
            self._faults.add(
                line,
                f"time {str(value)[:40]!r} is no time in seconds since 1970: it was left out",
                "write UTC seconds as a number",
                kind="impossible time",
            )
        return math.nan

    def _bad_value(self, name: str, line: int, error: FormatError, count: int = 1) -> None:
        self._faults.add(
            line,
            f"metric '{cut_name(name, 80)}': {error}",
            'log numbers; what is not finite is written as "NaN", "Infinity" or "-Infinity"',
            count=count,
            kind=f"value of {name}",
        )


def read_time(value: object) -> float | None:
    """Return a time in UTC seconds since the epoch, None for what is none (a wrong type, milliseconds, `"NaN"`)."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= MAX_TIME:
        return float(value)
    return None


def _flatten(names: tuple[str, ...], metrics: Iterable[Any]) -> list[Any]:
    """Return the values of all lines, line by line, in the order of `names`."""
    if len(names) == 1:
        return list(map(itemgetter(names[0]), metrics))
    return list(chain.from_iterable(map(itemgetter(*names), metrics)))


def _columns(flat: list[Any], count: int) -> Sequence[Floats | None]:
    """Return the `count` columns of values that stand line by line; None for a column in which one is no number."""
    try:
        return list(_pack_floats(flat).reshape(-1, count).T.copy())
    except (struct.error, OverflowError):
        return [_floats(flat[j::count]) for j in range(count)]


def _floats(values: list[Any]) -> Floats | None:
    """Return JSON values as float64, None if one of them is no number. Strings are numbers only as written by us."""
    try:
        return _pack_floats(values)
    except (struct.error, OverflowError):
        pass
    values = values.copy()
    try:
        for i in [i for i, value in enumerate(values) if value.__class__ is str]:
            values[i] = _WORDS[values[i]]
        return _pack_floats(values)
    except (KeyError, struct.error, OverflowError):
        return None


def _pack_floats(values: Sequence[Any]) -> Floats:
    """Return JSON numbers as float64, as fast as Python can; raise `struct.error` if one is no number."""
    return np.frombuffer(struct.pack(f"{len(values)}d", *values)) if values else np.empty(0)


def _pack_ints(values: Sequence[Any]) -> Ints:
    """Return JSON numbers as int64; raise `struct.error` if one is no whole number of 64 bits."""
    return np.frombuffer(struct.pack(f"{len(values)}q", *values), dtype=np.int64) if values else np.empty(0, np.int64)


def _take(chosen: list[Ints], steps: Ints, times: Floats) -> tuple[Ints | None, Ints, Floats]:
    """Return (order, steps, times) of the lines in several groups, put back into the order of the log."""
    if len(chosen) == 1:
        return None, steps[chosen[0]], times[chosen[0]]
    lines = np.concatenate(chosen)
    order = np.argsort(lines, kind="stable")
    return order, steps[lines[order]], times[lines[order]]


def group_points(points: Mapping[str, Points]) -> list[tuple[Ints, Floats, list[str]]]:
    """Return the metrics that have the same steps and times together, in order of first appearance."""
    groups: list[tuple[Ints, Floats, list[str]]] = []
    by_identity: dict[tuple[int, int], list[str]] = {}
    by_content: dict[tuple[bytes, bytes], list[str]] = {}
    for name, own in points.items():
        identity = (id(own.steps), id(own.times))
        names = by_identity.get(identity)
        if names is None:
            content = (own.steps.tobytes(), own.times.tobytes())
            names = by_content.get(content)
            if names is None:
                names = by_content[content] = []
                groups.append((own.steps, own.times, names))
            by_identity[identity] = names
        names.append(name)
    return groups

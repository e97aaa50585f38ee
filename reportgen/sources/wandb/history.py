"""The points of a W&B log: history records to columns, many records at a time.

Most records hold nothing but numbers. Those are split together, by arrays of positions, and every length in them is
checked; a record that does not add up, or that holds more than numbers, is walked field by field.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from reportgen.errors import FormatError
from reportgen.formats import decode_line
from reportgen.model import Floats, Ints
from reportgen.sources import documents
from reportgen.sources.columns import NO_STEP
from reportgen.sources.faults import Faults
from reportgen.sources.streams import StreamMaker
from reportgen.sources.typed import MAX_DEPTH, SEPARATOR, TypedValues
from reportgen.sources.wandb.records import iter_fields

STEP: Final = "_step"
TIME: Final = "_timestamp"
RUNTIME: Final = "_runtime"
MAX_METRICS: Final = 100_000
"""So many names are told apart in one run."""
MAX_DIGITS: Final = 24
"""Numbers of more characters are read one by one; a multiple of 8."""

_SEPARATOR: Final = 0x0182
"""The tag of a `value_json`, behind the fields of its name, as a little-endian word."""
_MARKS: Final = b"\xc2\x0c"
"""Begin of field 200, which records of W&B itself have."""
_FIRST: Final = np.isin(np.arange(256), list(b"-0123456789NItf"))
"""What a number, or a word that stands for one, begins with."""
_IS_WORD: Final = np.isin(np.arange(256), list(b"NItf"))
_MINUS_INFINITY: Final = int.from_bytes(b"-Infinit", "little")
_MASKS: Final = np.array([(1 << (8 * count)) - 1 for count in range(9)], dtype=np.uint64)
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)
_PADDING: Final = bytes(160)
"""Behind the records, so that words can be read from anywhere in them."""


@dataclass(frozen=True, slots=True)
class _Items:
    """Items of records that can be read together: all arrays have one length."""

    rows: Ints
    """Number of the record; rising."""
    starts: Ints
    """Where the fields of the name begin."""
    stops: Ints
    """Where they end and the value's tag begins."""
    sizes: Ints
    """Bytes of the value."""
    marks: NDArray[np.uint64]
    """A number for the name: 64 bits, so that no two names of one log meet by chance."""
    is_nan: NDArray[np.bool_]
    """Whether the value says that it is no number."""


class History:
    """Collects what the history records of one run say, and gives it to a `StreamMaker`."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._names: list[str] = []
        self._numbers: dict[str, int] = {}
        """Name -> its place in `_names`."""
        self._by_mark: dict[int, int] = {}
        """Mark of a name as it stands in records -> its place, -1 where it is not one to read fast."""
        self._batches: list[tuple[Ints, Ints, Floats]] = []
        """(row, place of the name, value) of points, in arrays."""
        self._row_steps: list[int] = []
        """Steps of records that say so only in a field of their own, else `NO_STEP`."""
        self.values = TypedValues(faults)
        """Reads what is more than numbers, and keeps texts and media."""

    @property
    def names(self) -> frozenset[str]:
        """The names that were seen."""
        return frozenset(self._names) | frozenset(self.values.texts)

    def add(self, bodies: Sequence[bytes]) -> None:
        """Add history records in the order of the log."""
        first = len(self._row_steps)
        self._row_steps += [NO_STEP] * len(bodies)
        data = b"".join(bodies) + _PADDING
        items = _split(data, bodies)
        places = self._places_of(data, items)
        values = self._values_of(data, items)
        is_fast = np.zeros(len(bodies), dtype=bool)
        is_fast[items.rows] = True
        is_fast[items.rows[places < 0]] = False
        is_fast[items.rows[np.isnan(values) & ~items.is_nan]] = False
        keep = is_fast[items.rows]
        batch = [(items.rows[keep] + first, places[keep], values[keep])]
        step = self._numbers.get(STEP, -1)
        has_step = np.zeros(len(bodies), dtype=bool)
        has_step[items.rows[places == step]] = True
        for row in np.flatnonzero(is_fast & ~has_step).tolist():
            self._row_steps[first + row] = _step_of(bodies[row])
        slow = [point for row in np.flatnonzero(~is_fast).tolist() for point in self._walk(bodies[row], first + row)]
        if slow:
            columns = list(zip(*slow, strict=True))
            batch.append((np.array(columns[0]), np.array(columns[1]), np.array(columns[2], dtype=np.float64)))
            joined = [np.concatenate(pieces) for pieces in zip(*batch, strict=True)]
            order = np.argsort(joined[0], kind="stable")
            batch = [(joined[0][order], joined[1][order], joined[2][order])]
        self._batches += batch

    def _places_of(self, data: bytes, items: _Items) -> Ints:
        """Return the place of each item's name, -1 where its record must be walked."""
        marks, firsts, which = np.unique(items.marks, return_index=True, return_inverse=True)
        places = np.full(len(marks), -1, dtype=np.int64)
        for i in np.argsort(firsts).tolist():
            mark, item = int(marks[i]), int(firsts[i])
            place = self._by_mark.get(mark)
            if place is None:
                place = self._learn(data[items.starts[item] : items.stops[item]])
                if len(self._by_mark) < 2 * MAX_METRICS:
                    self._by_mark[mark] = place
            places[i] = place
        found: Ints = places[which]
        return found

    def _learn(self, key: bytes) -> int:
        fields = list(iter_fields(key))
        numbers = {field.number for field in fields}
        if sum(2 + len(f.data) for f in fields) != len(key) or not (
            numbers == {2} or (numbers == {1} and len(fields) == 1)
        ):
            return -1
        place = self._place(SEPARATOR.join(field.text for field in fields))
        return -1 if place is None else place

    def _values_of(self, data: bytes, items: _Items) -> Floats:
        """Return the value of each item, NaN where it is none of those that are numbers."""
        words = _words(data)
        texts = np.empty((len(items.stops), MAX_DIGITS // 8), dtype="<u8")
        for word in range(texts.shape[1]):
            texts[:, word] = words[items.stops + 3 + 8 * word] & _MASKS[np.clip(items.sizes - 8 * word, 0, 8)]
        numbers = texts.view(f"S{MAX_DIGITS}").ravel()
        is_word = _IS_WORD[texts[:, 0] & np.uint64(0xFF)] | (texts[:, 0] == _MINUS_INFINITY)
        for text, number in ((b"true", b"1"), (b"false", b"0")):
            numbers[numbers == text] = number
        values = _to_floats(texts, is_word)
        words_at = np.flatnonzero(is_word)
        values[words_at] = [_to_float(number) for number in numbers[words_at].tolist()]
        return values

    def give(self, maker: StreamMaker, began: float | None) -> tuple[int, float]:
        """Add all points to `maker`; return the greatest step and time, `NO_STEP` and NaN where there are none.

        Where a record has no time, it is `began` plus the time that the run had taken, if that is known.
        """
        if not self._batches:
            return NO_STEP, math.nan
        rows = np.concatenate([batch[0] for batch in self._batches])
        places = np.concatenate([batch[1] for batch in self._batches])
        values = np.concatenate([batch[2] for batch in self._batches])
        narrow = places.astype(np.uint16) if len(self._names) < 1 << 16 else places
        order = np.argsort(narrow, kind="stable")
        rows, places, values = rows[order], places[order], values[order]
        bounds = np.searchsorted(places, np.arange(len(self._names) + 1))
        count = len(self._row_steps)
        columns = {}
        for name in (STEP, TIME, RUNTIME):
            column = np.full(count, np.nan)
            place = self._numbers.get(name)
            if place is not None:
                own = slice(bounds[place], bounds[place + 1])
                column[rows[own]] = values[own]
            columns[name] = column
        steps = _whole(columns[STEP], np.array(self._row_steps, dtype=np.int64))
        times = documents.moments(columns[TIME])
        if began is not None:
            times = np.where(np.isnan(times), began + columns[RUNTIME], times)
        shared: dict[bytes, tuple[Any, Any]] = {}
        for place, name in enumerate(self._names):
            if is_own(name):
                continue
            own = slice(bounds[place], bounds[place + 1])
            which = rows[own]
            key = which.tobytes()
            if key not in shared:
                shared[key] = (steps[which], times[which])
            if len(which):
                maker.points(name, values[own], steps=shared[key][0], times=shared[key][1])
        last = int(steps.max()) if count else NO_STEP
        known = times[~np.isnan(times)]
        return last, float(known.max()) if len(known) else math.nan

    # ---- records that hold more than numbers

    def _walk(self, body: bytes, row: int) -> list[tuple[int, int, float]]:
        found: dict[tuple[str, ...], Any] = {}
        for field in iter_fields(body):
            if field.number == 1:
                path, value = read_item(field.data, self._faults)
                if path:
                    found[path] = value
            elif field.number == 2:
                self._row_steps[row] = next((f.signed for f in iter_fields(field.data) if f.number == 1), 0)
        points: list[tuple[int, int, float]] = []
        for name, number in self.values.take(nested(found)):
            place = self._place(name)
            if place is not None:
                points.append((row, place, number))
        return points

    def _place(self, name: str) -> int | None:
        place = self._numbers.get(name)
        if place is None:
            if len(self._names) >= MAX_METRICS:
                message = f"there are more than {MAX_METRICS:,} metrics: the others are not shown"
                self._faults.add(None, message, "give metrics names that do not change with the step")
                return None
            place = self._numbers[name] = len(self._names)
            self._names.append(name)
        return place


def _words(data: bytes) -> NDArray[np.uint64]:
    """Return the 8 bytes from each position of `data` on as a number; nothing is copied."""
    return np.ndarray((len(data) - 7,), dtype="<u8", buffer=data, strides=(1,))


def _split(data: bytes, bodies: Sequence[bytes]) -> _Items:
    """Return the items of those records of `data`, the joined `bodies`, that hold short names and numbers alone.

    Where the value of an item ends, the next one begins: each record is used only if all lengths in it fit.
    """
    octets = np.frombuffer(data, dtype=np.uint8)
    ends = np.cumsum(np.fromiter(map(len, bodies), dtype=np.int64, count=len(bodies)))
    begins = np.concatenate([[0], ends[:-1]]).astype(np.int64)
    pairs = np.ndarray((int(ends[-1]),), dtype="<u2", buffer=data, strides=(1,))
    stops = np.flatnonzero(pairs == _SEPARATOR)
    rows = np.searchsorted(ends, stops, side="right")
    sizes = octets[stops + 2].astype(np.int64)
    after = stops + 3 + sizes
    starts = np.concatenate([[0], after[:-1]]).astype(np.int64)[: len(stops)]
    is_first = np.concatenate([[True], rows[1:] != rows[:-1]])[: len(stops)]
    starts[is_first] = begins[rows[is_first]]
    starts = np.minimum(starts, len(octets) - 2)
    is_sound = (octets[starts] == 0x0A) & (starts + 2 + octets[starts + 1] == after)
    is_sound &= (sizes > 0) & (sizes <= MAX_DIGITS) & _FIRST[octets[stops + 3]] & (after <= ends[rows])
    rows, starts, stops, sizes, after = (x[is_sound] for x in (rows, starts, stops, sizes, after))
    covered = np.bincount(rows, weights=after - starts, minlength=len(bodies)).astype(np.int64)
    is_whole = np.zeros(len(bodies), dtype=bool)
    is_whole[rows] = True
    reached = begins.copy()
    reached[rows] = after  # of the items of one record, the last stays
    is_whole &= (reached - begins == covered) & _are_tails(octets, reached, ends)
    keep = is_whole[rows]
    rows, starts, stops, sizes = rows[keep], starts[keep] + 2, stops[keep], sizes[keep]
    return _Items(rows, starts, stops, sizes, _marks(data, starts, stops), octets[stops + 3] == ord("N"))


def _are_tails(octets: NDArray[np.uint8], begins: Ints, ends: Ints) -> NDArray[np.bool_]:
    """Tell where what lies between is a record's own step, its marks, both or nothing."""
    left = ends - begins
    step = np.where(octets[begins] == 0x12, 2 + octets[begins + 1].astype(np.int64), 0)
    marks = begins + step
    has_marks = (octets[marks] == _MARKS[0]) & (octets[marks + 1] == _MARKS[1])
    result: NDArray[np.bool_] = (left == 0) | ((left == step) & (step > 0)) | ((left > step) & has_marks)
    return result


def _marks(data: bytes, starts: Ints, stops: Ints) -> NDArray[np.uint64]:
    words, sizes = _words(data), stops - starts
    marks = sizes.astype(np.uint64)
    for offset in range(0, int(sizes.max(initial=0)), 8):
        more = words[starts + offset] & _MASKS[np.clip(sizes - offset, 0, 8)]
        mixed = (marks ^ more) * _MIX
        marks = np.where(sizes > offset, mixed ^ (mixed >> np.uint64(29)), marks)
    return marks


def is_own(name: str) -> bool:
    """Tell whether a name is one of W&B's own, and no metric."""
    return name in (STEP, TIME, RUNTIME) or name == "_wandb" or name.startswith("_wandb.")


def _step_of(body: bytes) -> int:
    """Return the step that a record has in a field of its own, `NO_STEP` where it has none."""
    for field in iter_fields(body):
        if field.number == 2:
            return next((inner.signed for inner in iter_fields(field.data) if inner.number == 1), 0)
    return NO_STEP


def _to_floats(texts: NDArray[np.uint64], is_word: NDArray[np.bool_]) -> Floats:
    """Return float64[n] of texts, uint64[n, w] with zeros behind them; what is no number is NaN, or one of the words.

    They are read as one list of JSON, which is three times as fast as numpy's own way.
    """
    count, width = len(texts), 8 * texts.shape[1]
    octets = np.full((count, width + 1), 0x20, dtype=np.uint8)
    octets[:, :width] = texts.view(np.uint8).reshape(count, width)
    octets[is_word, :width] = 0x20
    octets[is_word, 0] = 0x30
    octets[octets == 0] = 0x20
    octets[:, width] = 0x2C
    try:
        found = orjson.loads(b"[" + octets.tobytes()[:-1] + b"]")
        return np.array(found, dtype=np.float64)
    except (orjson.JSONDecodeError, ValueError, TypeError, OverflowError):
        rows = texts.view(f"S{width}").ravel().tolist()
        return np.array([_to_float(row) for row in rows], dtype=np.float64)


def _to_float(number: bytes) -> float:
    try:
        return float(number)
    except ValueError:
        return math.nan


def _whole(logged: Floats, own: Any) -> Any:
    """Return steps, int64[n]: as logged where that is a whole number, else the record's own."""
    sound = np.isfinite(logged) & (np.abs(logged) < 2.0**63)
    return np.where(sound, np.where(sound, logged, 0).astype(np.int64), own)


def read_item(data: bytes, faults: Faults) -> tuple[tuple[str, ...], Any]:
    """Return the path and the value of one item of a history, a summary or a config; no path where it has no name.

    The words of our log format stand for numbers that are not finite.
    """
    key, nested_key, value = "", [], None
    for field in iter_fields(data):
        if field.number == 1:
            key = field.text
        elif field.number == 2:
            nested_key.append(field.text)
        elif field.number == 16:
            value = decode_value(field.data, faults)
    path = tuple(nested_key[: MAX_DEPTH + 1]) or ((key,) if key else ())
    return path, value


def decode_value(data: bytes, faults: Faults) -> Any:
    """Return what a `value_json` holds, None where it is no JSON, which is counted."""
    try:
        return decode_line(b'{"":' + data + b"}").get("")
    except FormatError as error:
        faults.add(None, f"a value is no JSON: {error}", "it is left out")
        return None


def nested(found: Mapping[tuple[str, ...], Any]) -> dict[str, Any]:
    """Return values by path as nested maps."""
    root: dict[str, Any] = {}
    for path, value in found.items():
        inner = root
        for name in path[:-1]:
            below = inner.get(name)
            if not isinstance(below, dict):
                below = inner[name] = {}
            inner = below
        inner[path[-1]] = value
    return root

"""Numbers out of many records at once: those whose events hold scalars and nothing else, which are nearly all.

Records of one length are looked at as rows of bytes. The first is taken apart field by field; rows that are equal to it
but in the bytes of time, step, values and names have the same fields in the same places, so that each of these is a
column. Rows of one name are told apart by their other bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from reportgen.model import Floats, Ints
from reportgen.sources.columns import MAX_TIME
from reportgen.sources.tensorboard.crc import ROW, crc, mask, mask_all, tables, zeros
from reportgen.sources.tensorboard.events import HPARAMS_TAG
from reportgen.sources.tensorboard.proto import (
    BFLOAT16,
    BYTES,
    DTYPES,
    FIXED32,
    FIXED64,
    VARINT,
    ProtoError,
    iter_fields,
    read_text,
)
from reportgen.sources.tensorboard.records import HEADER

FEW: Final = 6
"""Fewer records than this are read one by one."""
MAX_STRANGE: Final = 8
"""After so many rows of one length that are no scalars, the rest is read one by one."""

Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things stand in the content of a record."""

    time: int
    step: int
    step_bytes: int
    """0: the step is 0 and left out."""
    values: tuple[tuple[int, int, int, str], ...]
    """(start of the name, its end, start of the number, numpy's name of its type) of each value."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Points of one name. The columns are shared by names that stand in the same records."""

    tag: str
    places: Ints
    """Where their records begin in the block."""
    steps: Ints
    times: Floats
    values: Floats


def find_layout(data: bytes, start: int, end: int) -> Layout | None:
    """Return the layout of an event that holds scalars and nothing else, None for any other."""
    try:
        return _find_layout(data, start, end)
    except ProtoError:
        return None


def _find_layout(data: bytes, start: int, end: int) -> Layout | None:
    time = step = -1
    step_bytes = 0
    summary = (0, 0)
    before = start
    for number, wire, a, b in iter_fields(data, start, end):
        if number == 1 and wire == FIXED64 and time < 0:
            time = a - start
        elif number == 2 and wire == VARINT and step < 0:
            step, step_bytes = before + 1 - start, b - before - 1
        elif number == 5 and wire == BYTES and not summary[1]:
            summary = (a, b)
        else:
            return None
        before = b
    if time < 0 or not summary[1]:
        return None
    values = []
    for number, wire, a, b in iter_fields(data, *summary):
        found = _find_value(data, a, b) if number == 1 and wire == BYTES else None
        if found is None:
            return None
        first, last, at, kind = found
        values.append((first - start, last - start, at - start, kind))
    return Layout(time, max(step, 0), step_bytes, tuple(values)) if values else None


def _find_value(data: bytes, start: int, end: int) -> tuple[int, int, int, str] | None:
    tag = (-1, -1)
    number_at, kind = -1, ""
    has_plugin = needs_plugin = False
    for number, wire, a, b in iter_fields(data, start, end):
        if number == 1 and wire == BYTES and tag[0] < 0:
            tag = (a, b)
        elif number == 2 and wire == FIXED32 and number_at < 0:
            number_at, kind = a, "<f4"
        elif number == 8 and wire == BYTES and number_at < 0:
            number_at, kind = _find_number(data, a, b)
            needs_plugin = True
        elif number == 9 and wire == BYTES:
            for inner, form, x, y in iter_fields(data, a, b):
                if inner == 1 and form == BYTES and not has_plugin:
                    if data[x:y] not in (b"\n\x07scalars", b"\n\x07scalars\x12\x00"):
                        return None
                    has_plugin = True
                elif inner == 1:
                    return None
        elif not (number == 7 and wire == BYTES):
            return None
    is_known = number_at >= 0 and tag[0] >= 0 and (has_plugin or not needs_plugin)
    if not is_known or data.startswith(HPARAMS_TAG.encode(), tag[0]):
        return None
    return *tag, number_at, kind


def _find_number(data: bytes, start: int, end: int) -> tuple[int, str]:
    """Return (place, type) of the only number of a tensor, (-1, "") where it is not one number of fixed size."""
    dtype, at, size = 0, -1, 0
    shape = b""
    for number, wire, a, b in iter_fields(data, start, end):
        if number == 1 and wire == VARINT:
            dtype = a
        elif number == 2 and wire == BYTES:
            shape = data[a:b]
        elif number in (4, 5, 6) and at < 0 and wire in (BYTES, FIXED32, FIXED64):
            at, size = a, b - a
        elif number != 3:
            return -1, ""
    kind = DTYPES.get(dtype, "")
    if not kind or dtype == BFLOAT16 or shape not in (b"", b"\x12\x02\x08\x01") or np.dtype(kind).itemsize != size:
        return -1, ""
    return at, kind


def iter_batches(data: bytes, places: Sequence[int], length: int, slow: list[int]) -> Iterator[Batch]:
    """Yield the points in the records of one `length` at `places`, whose checksums hold.

    The places of what must be read one by one are added to `slow`; those whose checksum is wrong too.
    """
    if len(places) < FEW or length > ROW:
        slow += places
        return
    width = (length + 4 + 7) // 8 * 8
    view = np.ndarray((len(data) - width + 1,), dtype=f"V{width}", buffer=data, strides=(1,))
    at = np.array(places, dtype=np.int64)
    # A record within `width` of the end of the block's 16 spare bytes is still whole: 4 + 7 < 16.
    words = view[at + HEADER].view(np.uint64).reshape(len(places), width // 8)
    strange = 0
    while len(at):
        place = int(at[0]) + HEADER
        layout = find_layout(data, place, place + length)
        if layout is None:
            strange += 1
            if strange >= MAX_STRANGE or len(at) < FEW:
                slow += at.tolist()
                return
            slow.append(int(at[0]))
            at, words = at[1:], words[1:]
            continue
        same = _is_like_first(words, layout, length)
        if same.all():
            own_at, own = at, words
            at = at[:0]
        else:
            own_at, own = at[same], words[same]
            at, words = at[~same], words[~same]
        yield from _iter_names(own_at, own, layout, length, slow)


def _mask(width: int, ranges: Sequence[tuple[int, int]], byte: int = 0xFF) -> Words:
    """Return words of zeros in which the bytes of `ranges` are `byte`."""
    found = np.zeros(width * 8, dtype=np.uint8)
    for start, stop in ranges:
        found[start:stop] = byte
    return found.view(np.uint64)


def _is_like_first(words: Words, layout: Layout, length: int) -> npt.NDArray[np.bool_]:
    width = words.shape[1]
    free = [(layout.time, layout.time + 8), (length, width * 8)]
    for first, last, at, kind in layout.values:
        free += [(first, last), (at, at + np.dtype(kind).itemsize)]
    kept = ~_mask(width, free)
    kept &= ~_mask(width, [(layout.step, layout.step + layout.step_bytes)], 0x7F)
    return _are_equal(words, words[0], kept)


def _are_equal(words: Words, to: Words, kept: Words) -> npt.NDArray[np.bool_]:
    differs = np.zeros(len(words), dtype=np.uint64)
    for column in np.flatnonzero(kept).tolist():
        differs |= (words[:, column] ^ to[..., column]) & kept[column]
    same: npt.NDArray[np.bool_] = differs == 0
    return same


def _iter_names(at: Ints, words: Words, layout: Layout, length: int, slow: list[int]) -> Iterator[Batch]:
    """Yield the points of rows of one layout; rows of one name (one set of names) are told apart by it."""
    kept = _mask(words.shape[1], [(first, last) for first, last, _, _ in layout.values])
    same = _are_equal(words, words[0], kept)
    if same.all():
        yield from _read_rows(at, words, np.zeros(1, dtype=np.int64), layout, length, slow)
        return
    mixed = _mix(words, kept)
    order = _grouping_order(mixed)
    at, words, mixed = at[order], words[order], mixed[order]
    starts = np.flatnonzero(np.append(True, mixed[1:] != mixed[:-1]))
    same = _are_equal(words, words[np.repeat(starts, np.diff(np.append(starts, len(at))))], kept)
    if not same.all():  # two names that mix to the same number
        slow += at[~same].tolist()
        at, words, mixed = at[same], words[same], mixed[same]
        starts = np.flatnonzero(np.append(True, mixed[1:] != mixed[:-1]))
    yield from _read_rows(at, words, starts, layout, length, slow)


def _grouping_order(mixed: Words) -> Ints:
    """Return an order, int64[n], in which equal numbers stand together as they came, by their upper 32 bits alone.

    Numbers of 16 bits are sorted by radix, which is three times as fast as all 64 at once.
    """
    order = np.argsort((mixed >> np.uint64(32)).astype(np.uint16), kind="stable")
    return order[np.argsort((mixed >> np.uint64(48)).astype(np.uint16)[order], kind="stable")]


def _mix(words: Words, kept: Words) -> Words:
    """Return a number for the bytes of each row that `kept` selects; different ones seldom have the same."""
    mixed = np.zeros(len(words), dtype=np.uint64)
    for column in np.flatnonzero(kept).tolist():
        mixed = (mixed ^ (words[:, column] & kept[column])) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    return mixed


def _read_rows(at: Ints, words: Words, starts: Ints, layout: Layout, length: int, slow: list[int]) -> Iterator[Batch]:
    """Yield the points of rows of one layout; from each of `starts` to the next they have the same names."""
    rows = np.ascontiguousarray(words).view(np.uint8)
    heads = rows[starts]
    good = _is_whole(rows, starts, layout, length)
    if not good.all():
        slow += at[~good].tolist()
        starts = np.append(0, np.cumsum(good))[starts]
        at, rows = at[good], rows[good]
        if not len(at):
            return
    times = _column(rows, layout.time, "<f8")
    is_time = (times >= 0) & (times <= MAX_TIME)
    if not is_time.all():
        times = np.where(is_time, times, np.nan)
    raw = np.zeros(len(rows), dtype=np.uint64)
    for number in range(layout.step_bytes):
        raw |= (rows[:, layout.step + number] & np.uint8(0x7F)).astype(np.uint64) << np.uint64(7 * number)
    steps = raw.view(np.int64)
    values = [_column(rows, place, kind).astype(np.float64) for _, _, place, kind in layout.values]
    names = [[read_text(head.tobytes(), a, b) for a, b, _, _ in layout.values] for head in heads]
    for own, start, stop in zip(names, starts.tolist(), [*starts[1:].tolist(), len(at)], strict=True):
        if stop > start:
            chosen = slice(start, stop)
            shared = at[chosen], steps[chosen], times[chosen]
            for name, column in zip(own, values, strict=True):
                yield Batch(name, *shared, column[chosen])


def _column(rows: Bytes, place: int, kind: str) -> Any:
    """Return the numbers that stand at `place` of each row."""
    count, width = rows.shape
    return np.ndarray((count,), dtype=kind, buffer=rows.data, offset=place, strides=(width,)).copy()


def _is_whole(rows: Bytes, starts: Ints, layout: Layout, length: int) -> npt.NDArray[np.bool_]:
    """Tell of each row whether its checksum holds; what rows of one name have in common is looked up once."""
    added = tables()
    columns = {*range(layout.time, layout.time + 8), *range(layout.step, layout.step + layout.step_bytes)}
    for _, _, place, kind in layout.values:
        columns |= set(range(place, place + np.dtype(kind).itemsize))
    fixed = np.array([place for place in range(length) if place not in columns])
    common = np.bitwise_xor.reduce(added[length - 1 - fixed, rows[starts][:, fixed]], axis=1) ^ np.uint32(zeros(length))
    value = np.repeat(common, np.diff(np.append(starts, len(rows))))
    for place in sorted(columns):
        column = rows[:, place]
        table = added[length - 1 - place]
        if (column == column[0]).all():
            value ^= table[column[0]]
        else:
            value ^= table[column]
    good: npt.NDArray[np.bool_] = mask_all(value) == _column(rows, length, "<u4")
    return good


def is_whole(data: bytes, start: int, length: int) -> bool:
    """Tell whether the checksum behind the content of one record holds."""
    stored = int.from_bytes(data[start + length : start + length + 4], "little")
    return mask(crc(memoryview(data)[start : start + length])) == stored

"""Event files as records: u64 length, masked CRC of it, that many bytes, masked CRC of them; all little-endian.

Finds where records stand, in blocks of the file and sorted by length, so that records of one shape can be read
together. What is damaged is stepped over: the search goes on for the next eight bytes that are a length by their
checksum. Knows nothing of what records hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np

from reportgen.sources.faults import Faults
from reportgen.sources.tensorboard.crc import mask, mask_all, short_crc, tables, zeros

HEADER: Final = 12
FRAME: Final = 16
"""Bytes of a record beside its content."""
BLOCK: Final = 4 << 20
LARGE: Final = 2 << 20
"""Records over this size are handed over one by one, without their bytes."""
MAX_LENGTHS: Final = 100_000
"""So many different lengths are remembered; what a file of more costs is time."""
MAX_STRETCHES: Final = 2000
"""So many damaged places of a file are stepped over."""
MIN_LENGTH: Final = 9
"""No event is shorter, as each has its time: an empty record is never what a search looks for."""


LOOK: Final = 16
"""So many records are looked at before many of one length are stepped over at once."""

DAMAGED: Final = "damaged bytes were skipped: they are no record"
DAMAGED_HINT: Final = "the records around them are shown; copy the file again if its source is whole"


class Readable(Protocol):
    """A file, opened without a buffer."""

    def read(self, size: int, /) -> bytes | None:
        """Return up to `size` bytes."""

    def seek(self, offset: int, /) -> int:
        """Go to `offset`."""


@dataclass(slots=True)
class Block:
    """Whole records that stand together."""

    data: bytes
    """With at least 16 bytes more behind the last record."""
    offset: int
    """Where `data` begins in the file."""
    by_length: dict[int, list[int]] = field(default_factory=dict)
    """Length of the content -> where in `data` such records begin, rising."""


@dataclass(frozen=True, slots=True)
class LargeRecord:
    """A record that is not in memory."""

    offset: int
    """Where its content begins in the file."""
    length: int


def iter_blocks(file: Readable, size: int, faults: Faults) -> Iterator[Block | LargeRecord]:
    """Yield the records in the first `size` bytes of `file`; damage is counted in `faults`."""
    known: dict[bytes, int] = {}
    offset, data = 0, b""
    damaged = stretches = 0
    is_cut = True
    while True:
        chunk = _read(file, min(BLOCK, size - offset - len(data)))
        data += chunk
        at_end = not chunk or offset + len(data) >= size
        room = size - offset if chunk else len(data)
        by_length: dict[int, list[int]] = {}
        pos = length = 0
        while True:
            if damaged:
                found = find_header(data, pos, room)
                behind = found if found >= 0 else len(data) if at_end else max(pos, len(data) - HEADER + 1)
                damaged, pos = damaged + behind - pos, behind
                if found < 0:
                    break
                stretches += 1
                faults.add(None, DAMAGED, DAMAGED_HINT, count=damaged)
                damaged = 0
            pos, is_bad = _walk(data, pos, known, by_length)
            has_header = len(data) - pos >= HEADER
            length = int.from_bytes(data[pos : pos + 8], "little") if has_header else 0
            if not (is_bad or (has_header and pos + length + FRAME > room)):
                break
            damaged, pos, is_cut = 1, pos + 1, not is_bad
            if stretches >= MAX_STRETCHES:
                faults.add(None, "the rest of the file is not read: too much of it is damaged", "copy the file again")
                damaged = length = 0
                pos, at_end = len(data), True
                break
        whole = {length: own for length, own in by_length.items() if own}
        if whole:
            yield Block(data + bytes(FRAME), offset, whole)
        if not damaged and length > LARGE:
            yield LargeRecord(offset + pos + HEADER, length)
            offset, data = offset + pos + length + FRAME, b""
            file.seek(offset)
        elif at_end:
            if not damaged:
                damaged, is_cut = len(data) - pos, True
            break
        else:
            offset, data = offset + pos, data[pos:]
    if damaged and not is_cut:
        faults.add(None, DAMAGED, DAMAGED_HINT, count=damaged)
    elif damaged:
        faults.add(None, "the last record is not whole", "the run was killed while it wrote, or is still going on")


def _read(file: Readable, count: int) -> bytes:
    return (file.read(count) or b"") if count > 0 else b""


def _walk(data: bytes, pos: int, known: dict[bytes, int], by_length: dict[int, list[int]]) -> tuple[int, bool]:
    """Add the places of whole records to `by_length`; return where the rest begins, and whether it is no record."""
    step: dict[bytes, tuple[int, list[int]]] = {}
    end = len(data)
    is_bad = False
    while True:
        try:
            while True:
                size, own = step[data[pos : pos + 12]]
                own.append(pos)
                pos += size
        except KeyError:
            header = data[pos : pos + HEADER]
        if len(header) < HEADER:
            break
        length = known.get(header, -1)
        if length < 0:
            if short_mask(header[:8]) != header[8:]:
                is_bad = True
                break
            length = int.from_bytes(header[:8], "little")
            if len(known) < MAX_LENGTHS:
                known[header] = length
        if length > LARGE or pos + length + FRAME > end:
            break
        size = length + FRAME
        own = by_length.setdefault(length, [])
        step[header] = (size, own)
        count = _run_length(data, pos, size)
        own += range(pos, pos + count * size, size)
        pos += count * size
    if pos > end:  # the last one of a length that came before is not whole
        for size, own in step.values():
            if own and own[-1] + size > end:
                pos = own.pop()
                break
    return pos, is_bad


def _run_length(data: bytes, pos: int, size: int) -> int:
    """Return how many whole records from `pos` on have one header, or 1 where the first few are not alike."""
    count = (len(data) - pos) // size
    for rows in (min(count, LOOK), count):
        heads = np.ndarray((rows, HEADER), dtype=np.uint8, buffer=data, offset=pos, strides=(size, 1))
        same = (heads == heads[0]).all(axis=1)
        if not same.all():
            return int(np.argmin(same)) if rows > LOOK else 1
    return count


def short_mask(data: bytes) -> bytes:
    """Return the masked checksum of a few bytes, as a record holds it."""
    return mask(short_crc(data)).to_bytes(4, "little")


def find_header(data: bytes, start: int, room: int) -> int:
    """Return where the first record at or behind `start` may begin, -1 if nowhere.

    It must end within `room` bytes of the beginning of `data`, and be shorter than 16 MiB.
    """
    raw = np.frombuffer(data, dtype=np.uint8)
    added = tables()
    first, window = start, 1 << 12
    while first + HEADER <= len(raw):
        own = raw[first : first + window + HEADER - 1]
        number = len(own) - HEADER + 1
        is_zero = own == 0
        at = is_zero[3 : 3 + number].copy()
        for place in range(4, 8):
            at &= is_zero[place : place + number]
        places = np.flatnonzero(at)
        if len(places):
            low = [own[places + i].astype(np.int64) for i in range(3)]
            length = low[0] + (low[1] << 8) + (low[2] << 16)
            value = added[7][low[0]] ^ added[6][low[1]] ^ added[5][low[2]] ^ np.uint32(zeros(8))
            stored = np.zeros(len(places), dtype=np.uint32)
            for i in range(4):
                stored |= own[places + 8 + i].astype(np.uint32) << np.uint32(8 * i)
            fits = (length >= MIN_LENGTH) & (first + places + length + FRAME <= room)
            good = places[fits & (mask_all(value) == stored)]
            if len(good):
                return first + int(good[0])
        first += number
        window = min(window * 4, 1 << 20)
    return -1

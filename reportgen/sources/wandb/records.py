"""The `.wandb` file as records: blocks of 32 KiB of pieces with checksum, length and type; and fields of protobuf.

What is damaged is stepped over, to the next piece whose checksum fits. Knows nothing of what the records hold.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol
from zlib import crc32

import numpy as np

from reportgen.sources.faults import Faults

MAGIC: Final = b":W&B"
FILE_HEADER: Final = 7
"""The magic, 0xBEE1 in 16 bits, and a version."""
VERSION: Final = 0
BLOCK: Final = 1 << 15
HEADER: Final = 7
"""CRC-32 in 32 bits, length in 16, type in 8: 1 is a whole record, 2, 3 and 4 are a first, middle and last piece."""
CHUNK: Final = 128 * BLOCK
MAX_RECORD: Final = 16 << 20
"""A larger record is skipped."""
MAX_SEARCHES: Final = 256
"""In so many damaged blocks every byte is tried as the beginning of a piece; later ones are left at once."""

_PIECE: Final = struct.Struct("<IHB")
_CUT: Final = "the log ends in the middle of a record"
_CUT_HINT: Final = "its run was killed, or goes on; what stands before it is shown"
_DAMAGED: Final = "the log is damaged here: a checksum does not fit"
_DAMAGED_HINT: Final = "copy the file again; the records that are whole are shown"


class Readable(Protocol):
    """A file, opened without a buffer."""

    def read(self, size: int, /) -> bytes | None:
        """Return up to `size` bytes."""


class _Joiner:
    """Puts the pieces of long records together."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._parts: list[bytes] = []
        self._size = 0
        self._is_open = False
        self._is_broken = False

    def add(self, kind: int, piece: bytes) -> bytes | None:
        """Return the record that the piece, of a record of several, completes; None where it completes none."""
        if kind == 2:
            self.drop()
            self._is_open = True
        elif not self._is_open:
            return None  # what it belonged to is lost, which was told
        self._size += len(piece)
        if self._size > MAX_RECORD:
            if not self._is_broken:
                self._faults.add(
                    None, f"a record has more than {MAX_RECORD >> 20} MiB: it was skipped", "nothing to do"
                )
            self._is_broken = True
            self._parts = []
        else:
            self._parts.append(piece)
        if kind != 4:
            return None
        record = None if self._is_broken else b"".join(self._parts)
        self._clear()
        return record

    def drop(self) -> None:
        """Give up the record that is not complete."""
        if self._is_open and not self._is_broken:
            self._faults.add(None, _CUT, _CUT_HINT)
        self._clear()

    def _clear(self) -> None:
        self._parts, self._size, self._is_open, self._is_broken = [], 0, False, False


def iter_records(file: Readable, faults: Faults) -> Iterator[list[bytes]]:
    """Yield the records of a `.wandb` file in lists, as they come from the disk; each has one byte before it.

    Memory is bounded by `CHUNK` and `MAX_RECORD`. What is damaged or cut off is counted.
    """
    joiner = _Joiner(faults)
    data = _read_fully(file, CHUNK)
    if not data:
        faults.add(None, "the log is empty", "its process was killed before it wrote; what lies beside it is shown")
        return
    if not data.startswith(MAGIC):
        faults.add(None, "the log does not begin as one of W&B", "it is damaged; the records that are whole are shown")
    elif len(data) >= FILE_HEADER and data[FILE_HEADER - 1] != VERSION:
        hint = "what could be read is shown; see whether there is a newer reportgen"
        faults.add(None, f"version {data[FILE_HEADER - 1]} of the log's format is not known", hint)
    at, searches, is_empty = FILE_HEADER, 0, True
    while data:
        more = _read_fully(file, CHUNK) if len(data) == CHUNK else b""
        records: list[bytes] = []
        searches = _read_chunk(data, at, records, joiner, faults, searches, is_last=not more)
        if records:
            is_empty = False
            yield records
        data, at = more, 0
    joiner.drop()
    if is_empty:
        hint = "its run has just begun, or was killed before it wrote; what lies beside it is shown"
        faults.add(None, "the log holds no record that can be read", hint)


def _read_fully(file: Readable, size: int) -> bytes:
    parts: list[bytes] = []
    while size > 0 and (part := file.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _read_chunk(
    data: bytes, at: int, records: list[bytes], joiner: _Joiner, faults: Faults, searches: int, *, is_last: bool
) -> int:
    """Add the records of some whole blocks (the last one of a file may be cut); return how often was searched."""
    unpack, total = _PIECE.unpack_from, len(data)
    for block in range(0, total, BLOCK):
        at, end = max(at, block), min(block + BLOCK, total)
        while at + HEADER <= end:
            crc, length, kind = unpack(data, at)
            stop = at + HEADER + length
            if stop <= end:
                record = data[at + 6 : stop]
                if crc32(record) == crc and 1 <= kind <= 4:
                    if kind == 1:
                        records.append(record)
                    elif (joined := joiner.add(kind, record if kind == 2 else record[1:])) is not None:
                        records.append(joined)
                    at = stop
                    continue
            if not kind and not length and not data[at:end].strip(b"\0"):
                break  # space that was reserved and never written
            joiner.drop()
            found = _next_piece(data, at + 1, end) if searches < MAX_SEARCHES else -1
            searches += 1
            if found < 0 and is_last and stop > end == total and end % BLOCK and 1 <= kind <= 4:
                faults.add(None, _CUT, _CUT_HINT)
            else:
                faults.add(None, _DAMAGED, _DAMAGED_HINT)
            if found < 0:
                break
            at = found
        else:
            if is_last and end == total and end % BLOCK and at < end and data[at:end].strip(b"\0"):
                joiner.drop()
                faults.add(None, _CUT, _CUT_HINT)
    return searches


def _next_piece(data: bytes, start: int, end: int) -> int:
    """Return where, from `start` on, a piece begins whose checksum fits, -1 if none does before `end`."""
    if end - start < HEADER:
        return -1
    window = np.frombuffer(data, dtype=np.uint8, count=end - start, offset=start)
    count = len(window) - HEADER + 1
    kinds = window[6 : 6 + count]
    lengths = window[4 : 4 + count].astype(np.int64) | (window[5 : 5 + count].astype(np.int64) << 8)
    fits = (kinds >= 1) & (kinds <= 4) & (np.arange(count) + HEADER + lengths <= len(window)) & (lengths > 0)
    for offset in np.flatnonzero(fits).tolist():
        at = start + offset
        crc, length, _ = _PIECE.unpack_from(data, at)
        if crc32(data[at + 6 : at + HEADER + length]) == crc:
            return at
    return -1


# ---- protobuf


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message."""

    number: int
    data: bytes
    """Content of a field with a length, else empty."""
    value: int
    """A whole number without sign, else 0."""

    @property
    def signed(self) -> int:
        """The value as a signed number of 64 bits."""
        return self.value - (1 << 64) if self.value >> 63 else self.value

    @property
    def text(self) -> str:
        """The content as text; bytes that are no UTF-8 are replaced."""
        return self.data.decode("utf-8", "replace")


def iter_fields(data: bytes, at: int = 0) -> Iterator[Field]:
    """Yield the fields of a message in their order; ends quietly where the bytes make no sense any more."""
    total = len(data)
    while at < total:
        tag, at = read_varint(data, at)
        number, wire = tag >> 3, tag & 7
        if at < 0 or not number:
            return
        if wire == 0:
            value, at = read_varint(data, at)
            if at < 0:
                return
            yield Field(number, b"", value)
        elif wire == 2:
            length, at = read_varint(data, at)
            if at < 0 or at + length > total:
                return
            yield Field(number, data[at : at + length], 0)
            at += length
        elif wire == 1:
            at += 8
        elif wire == 5:
            at += 4
        else:
            return


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """Return (number, where the next field begins), the latter -1 where there is no number of 64 bits."""
    value = shift = 0
    while at < len(data) and shift < 64:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & ((1 << 64) - 1), at
        shift += 7
    return 0, -1

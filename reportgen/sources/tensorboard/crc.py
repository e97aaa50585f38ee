"""The checksum of TensorBoard's records: CRC-32C, masked, for one text or for many of one length at once.

A CRC is linear: what a byte adds to it depends on the byte and on how many bytes follow, and on nothing else. So the
checksum of many rows is a lookup a column. RFC 3720, appendix B.4, has the polynomial and the test values.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

ROW: Final = 1024
"""Bytes that are looked up at once."""
_POLYNOMIAL: Final = 0x82F63B78
_MASK_DELTA: Final = 0xA282EAD8

U32 = npt.NDArray[np.uint32]


def _first_table() -> list[int]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (_POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return table


_TABLE: Final = _first_table()


@cache
def tables() -> U32:
    """Return what a byte adds to the checksum, uint32[bytes behind it, byte]."""
    first = np.array(_TABLE, dtype=np.uint32)
    found = np.empty((ROW, 256), dtype=np.uint32)
    found[0] = first
    for distance in range(1, ROW):
        before = found[distance - 1]
        found[distance] = (before >> 8) ^ first[before & 0xFF]
    return found


@cache
def zeros(count: int) -> int:
    """Return the checksum of `count` zero bytes."""
    value = 0xFFFFFFFF
    for _ in range(count):
        value = (value >> 8) ^ _TABLE[value & 0xFF]
    return value ^ 0xFFFFFFFF


def short_crc(data: bytes) -> int:
    """Return the checksum of a few bytes."""
    value = 0xFFFFFFFF
    for byte in data:
        value = (value >> 8) ^ _TABLE[(value ^ byte) & 0xFF]
    return value ^ 0xFFFFFFFF


def crc(data: bytes | memoryview) -> int:
    """Return the checksum of any number of bytes."""
    if len(data) < 16:
        return short_crc(bytes(data))
    added = tables().ravel()
    column = np.arange(ROW - 1, -1, -1, dtype=np.int64) << 8
    whole = len(data) // ROW
    value = 0xFFFFFFFF
    raw = np.frombuffer(data, dtype=np.uint8)
    for first in range(0, whole, 256):
        rows = raw[first * ROW : min(first + 256, whole) * ROW].reshape(-1, ROW)
        for own in np.bitwise_xor.reduce(added[rows + column], axis=1).tolist():
            value = _behind(value, ROW) ^ own
    rest = raw[whole * ROW :]
    if len(rest) < 4:
        for byte in rest.tolist():
            value = (value >> 8) ^ _TABLE[(value ^ byte) & 0xFF]
    else:
        value = _behind(value, len(rest)) ^ int(np.bitwise_xor.reduce(added[rest + column[ROW - len(rest) :]]))
    return value ^ 0xFFFFFFFF


def _behind(value: int, count: int) -> int:
    """Return what the checksum so far adds to that of `count` (4 or more) bytes behind it."""
    added = tables()
    return int(
        added[count - 1, value & 0xFF]
        ^ added[count - 2, (value >> 8) & 0xFF]
        ^ added[count - 3, (value >> 16) & 0xFF]
        ^ added[count - 4, value >> 24]
    )


def mask(value: int) -> int:
    """Return a checksum as records hold it: turned, and with a constant added."""
    return (((value >> 15) | (value << 17)) + _MASK_DELTA) & 0xFFFFFFFF


def mask_all(values: Any) -> U32:
    """Return checksums, uint32[n], as records hold them."""
    masked: U32 = ((values >> np.uint32(15)) | (values << np.uint32(17))) + np.uint32(_MASK_DELTA)
    return masked

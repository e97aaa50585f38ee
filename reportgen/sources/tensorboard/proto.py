"""The little of protocol buffers that event files need: fields of a message, numbers, tensors, JSON-like values.

Nothing is copied but the numbers and texts that are asked for. Positions are into the buffer that was given.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from reportgen.model import Floats

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
MAX_VALUES: Final = 1 << 20
"""A tensor of more numbers is not read."""
MAX_DEPTH: Final = 8
_DOUBLE: Final = struct.Struct("<d")
_FLOAT: Final = struct.Struct("<f")

DTYPES: Final = {
    1: "<f4", 2: "<f8", 3: "<i4", 4: "<u1", 5: "<i2", 6: "<i1", 9: "<i8", 10: "<u1", 17: "<u2", 19: "<f2", 22: "<u4",
    23: "<u8",
}  # fmt: skip
"""Number of a TensorFlow type -> numpy's name of it; bfloat16 (14) and text (7) have none."""
BFLOAT16: Final = 14
STRING: Final = 7
_VARINTS: Final = {7: 32, 10: 64, 11: 1, 13: 16, 16: 32, 17: 64}
"""Field of a tensor that holds varints -> bits of them."""


class ProtoError(ValueError):
    """What was read is no message."""


def read_varint(data: bytes, pos: int, end: int) -> tuple[int, int]:
    """Return (number of at most 64 bits, where it ends). Raises `ProtoError`."""
    value = shift = 0
    while pos < end and shift < 70:
        byte = data[pos]
        pos += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, pos
        shift += 7
    raise ProtoError("a number has no end")


def iter_fields(data: bytes, pos: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield (number, wire type, start, stop) of each field; of a varint, start is the value. Raises `ProtoError`."""
    while pos < end:
        key = data[pos]
        pos += 1
        if key >= 0x80:
            key, pos = read_varint(data, pos - 1, end)
        wire = key & 7
        if wire == BYTES:
            size, pos = read_varint(data, pos, end)
            stop = pos + size
            if stop > end:
                raise ProtoError("a field is longer than its message")
            yield key >> 3, wire, pos, stop
            pos = stop
        elif wire == VARINT:
            value, pos = read_varint(data, pos, end)
            yield key >> 3, wire, value, pos
        elif wire in (FIXED32, FIXED64):
            stop = pos + (4 if wire == FIXED32 else 8)
            if stop > end:
                raise ProtoError("a number is longer than its message")
            yield key >> 3, wire, pos, stop
            pos = stop
        else:
            raise ProtoError("a field of an unknown kind")


def read_double(data: bytes, pos: int) -> float:
    """Return the float64 at `pos`."""
    value: float = _DOUBLE.unpack_from(data, pos)[0]
    return value


def read_float(data: bytes, pos: int) -> float:
    """Return the float32 at `pos`."""
    value: float = _FLOAT.unpack_from(data, pos)[0]
    return value


def read_text(data: bytes, start: int, stop: int) -> str:
    """Return text; what is no UTF-8 is replaced."""
    return data[start:stop].decode("utf-8", "replace")


def signed(value: int, bits: int = 64) -> int:
    """Return the two's complement number that an unsigned one stands for."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


@dataclass(slots=True)
class Tensor:
    """A tensor whose values are numbers or texts."""

    dtype: int = 0
    shape: list[int] = field(default_factory=list)
    values: Floats = field(default_factory=lambda: np.empty(0))
    """Numbers as float64[n], n from the shape; empty for texts."""
    texts: list[tuple[int, int]] = field(default_factory=list)
    """(start, stop) of each text."""


def read_tensor(data: bytes, start: int, end: int) -> Tensor:
    """Return a `TensorProto`. Raises `ProtoError`."""
    found = Tensor()
    pieces: list[Any] = []
    for number, wire, a, b in iter_fields(data, start, end):
        if number == 1 and wire == VARINT:
            found.dtype = a
        elif number == 2 and wire == BYTES:
            found.shape = _read_shape(data, a, b)
        elif number == 4 and wire == BYTES:
            pieces.append(_read_content(data, a, b, found.dtype))
        elif number == 8 and wire == BYTES:
            found.texts.append((a, b))
        elif number in (5, 6) and wire in (BYTES, FIXED32, FIXED64):
            kind = "<f4" if number == 5 else "<f8"
            size = 4 if number == 5 else 8
            pieces.append(np.frombuffer(data, dtype=kind, count=min((b - a) // size, MAX_VALUES), offset=a))
        elif number in _VARINTS:
            pieces.append(_read_varints(data, number, wire, a, b, found.dtype))
        if len(found.texts) > MAX_VALUES or len(pieces) > MAX_VALUES:
            raise ProtoError("a tensor of too many values")
    if pieces:
        found.values = np.concatenate([np.asarray(piece, dtype=np.float64) for piece in pieces])
        wanted = math.prod(found.shape)
        if found.shape and len(found.values) < wanted <= MAX_VALUES and len(found.values):
            found.values = np.append(found.values, np.full(wanted - len(found.values), found.values[-1]))
    elif found.dtype != STRING and not found.texts and math.prod(found.shape) == 1:
        found.values = np.zeros(1)  # zero is what is left out
    return found


def _read_shape(data: bytes, start: int, end: int) -> list[int]:
    sizes = []
    for number, wire, a, b in iter_fields(data, start, end):
        if number == 2 and wire == BYTES:
            size = 0
            for inner, kind, value, _ in iter_fields(data, a, b):
                if inner == 1 and kind == VARINT:
                    size = value
            sizes.append(min(size, MAX_VALUES + 1))
            if len(sizes) > 16:
                raise ProtoError("a tensor of too many dimensions")
    return sizes


def _read_content(data: bytes, start: int, end: int, dtype: int) -> Any:
    if dtype == BFLOAT16:
        high = np.frombuffer(data, dtype="<u2", count=min((end - start) // 2, MAX_VALUES), offset=start)
        return (high.astype("<u4") << 16).view("<f4")
    if dtype not in DTYPES:
        return np.empty(0)
    kind = np.dtype(DTYPES[dtype])
    return np.frombuffer(data, dtype=kind, count=min((end - start) // kind.itemsize, MAX_VALUES), offset=start)


def _read_varints(data: bytes, number: int, wire: int, a: int, b: int, dtype: int) -> Any:
    numbers = []
    if wire == VARINT:
        numbers.append(a)
    elif wire == BYTES:
        while a < b and len(numbers) < MAX_VALUES:
            value, a = read_varint(data, a, b)
            numbers.append(value)
    if dtype in (BFLOAT16, 19):
        halves = np.array([value & 0xFFFF for value in numbers], dtype="<u2")
        return halves.view("<f2") if dtype == 19 else (halves.astype("<u4") << 16).view("<f4")
    bits = _VARINTS[number]
    is_signed = number in (7, 10)
    return np.array([signed(value, bits) if is_signed else value for value in numbers], dtype=np.float64)


def read_value(data: bytes, start: int, end: int, depth: int = 0) -> Any:
    """Return what a `google.protobuf.Value` holds, as JSON. Raises `ProtoError`."""
    if depth > MAX_DEPTH:
        raise ProtoError("values are nested too deep")
    found: Any = None
    for number, wire, a, b in iter_fields(data, start, end):
        if number == 2 and wire == FIXED64:
            value = read_double(data, a)
            found = int(value) if value.is_integer() and abs(value) < 2**53 else value
        elif number == 3 and wire == BYTES:
            found = read_text(data, a, b)
        elif number == 4 and wire == VARINT:
            found = bool(a)
        elif number == 5 and wire == BYTES:
            found = read_map(data, a, b, 1, depth + 1)
        elif number == 6 and wire == BYTES:
            found = [
                read_value(data, x, y, depth + 1)
                for inner, kind, x, y in iter_fields(data, a, b)
                if inner == 1 and kind == BYTES
            ]
    return found


def read_map(data: bytes, start: int, end: int, number: int, depth: int = 0) -> dict[str, Any]:
    """Return the entries of the map field `number`, whose values are `Value`s. Raises `ProtoError`."""
    found = {}
    for own, wire, a, b in iter_fields(data, start, end):
        if own == number and wire == BYTES:
            name, value = "", None
            for inner, kind, x, y in iter_fields(data, a, b):
                if inner == 1 and kind == BYTES:
                    name = read_text(data, x, y)
                elif inner == 2 and kind == BYTES:
                    value = read_value(data, x, y, depth)
            found[name] = value
    return found

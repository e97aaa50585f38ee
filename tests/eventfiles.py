"""Event files of TensorBoard for tests, made by hand: records, events, and the values in them."""

from __future__ import annotations

import struct
from pathlib import Path

_POLYNOMIAL = 0x82F63B78
T0 = 1_700_000_000.0


def crc32c(data: bytes) -> int:
    """Return the CRC-32C of `data`, bit by bit."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (_POLYNOMIAL if value & 1 else 0)
    return value ^ 0xFFFFFFFF


def masked(data: bytes) -> bytes:
    """Return the masked checksum of `data` as a record holds it."""
    value = crc32c(data)
    return struct.pack("<I", ((value >> 15 | value << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def record(content: bytes) -> bytes:
    """Return a record."""
    length = struct.pack("<Q", len(content))
    return length + masked(length) + content + masked(content)


def varint(value: int) -> bytes:
    """Return a whole number as protocol buffers write it; negative ones as 64 bits."""
    value &= 2**64 - 1
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def field(number: int, value: bytes | str | float) -> bytes:
    """Return a field: bytes and text with their length, `int` as varint, `float` as float64."""
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 1) + struct.pack("<d", value)


def float32(number: int, value: float) -> bytes:
    """Return a field of a float32."""
    return varint(number << 3 | 5) + struct.pack("<f", value)


def event(*values: bytes, step: int = 0, time: float = T0) -> bytes:
    """Return an event with a summary of `values`."""
    summary = field(5, b"".join(field(1, value) for value in values)) if values else b""
    return field(1, float(time)) + (field(2, step) if step else b"") + summary


def simple(tag: str, value: float) -> bytes:
    """Return a scalar of TensorFlow 1 and torch."""
    return field(1, tag) + float32(2, value)


def metadata(plugin: str, content: bytes = b"") -> bytes:
    """Return the field of a value that names its plugin."""
    return field(9, field(1, field(1, plugin) + (field(2, content) if content else b"")))


def tensor(dtype: int, *fields: bytes, shape: tuple[int, ...] = ()) -> bytes:
    """Return the field of a value that is a tensor."""
    sizes = b"".join(field(2, field(1, size)) for size in shape)
    return field(8, field(1, dtype) + field(2, sizes) + b"".join(fields))


def scalar(tag: str, tensor_field: bytes, *, plugin: str = "scalars") -> bytes:
    """Return a value that is a tensor."""
    return field(1, tag) + tensor_field + (metadata(plugin) if plugin else b"")


def head(time: float = T0) -> bytes:
    """Return the first record of a file."""
    return record(field(1, float(time)) + field(3, "brain.Event:2"))


def write_events(folder: Path, *events: bytes, name: str = "events.out.tfevents.1700000000.host.1.0") -> Path:
    """Write an event file of a head and these events; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(head() + b"".join(map(record, events)))
    return path

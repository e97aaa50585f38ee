"""Makes `.wandb` files by hand, for tests that have no W&B: records of protobuf in blocks with checksums."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

BLOCK = 1 << 15
HEADER = b":W&B\xe1\xbe\x00"
T0 = 1_795_262_520


def varint(number: int) -> bytes:
    """Return a whole number as protobuf writes it."""
    number &= (1 << 64) - 1
    data = bytearray()
    while number > 0x7F:
        data.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*data, number])


def field(number: int, value: bytes | str | int) -> bytes:
    """Return one field of a message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def item(path: str | tuple[str, ...], value: Any, *, nested: bool = True) -> bytes:
    """Return a history, summary or config item; bytes stand for JSON as it is."""
    names = (path,) if isinstance(path, str) else path
    keys = b"".join(field(2 if nested else 1, name) for name in names)
    return keys + field(16, value if isinstance(value, bytes) else json.dumps(value))


def history(values: Mapping[Any, Any], step: int | None = None, *, nested: bool = True) -> bytes:
    """Return the content of a history record."""
    body = b"".join(field(1, item(name, value, nested=nested)) for name, value in values.items())
    return body if step is None else body + field(2, field(1, step) if step else b"")


def record(kind: int, data: bytes, num: int = 0) -> bytes:
    """Return a record with the content of field `kind`."""
    return (field(1, num) if num else b"") + field(kind, data)


def moment(seconds: float) -> bytes:
    """Return a timestamp message."""
    return field(1, int(seconds)) + field(2, int(seconds % 1 * 1e9))


def run_record(run_id: str = "ab12cd34", *, config: Mapping[str, Any] | None = None, **fields: Any) -> bytes:
    """Return the record that describes the run; `fields` by number as `f6="group"`."""
    update = b"".join(field(1, field(1, name) + field(16, json.dumps(v))) for name, v in (config or {}).items())
    known: dict[int, Any] = {1: run_id, 3: "digits", 4: update, 8: "brave-otter-17", 17: moment(T0)}
    known |= {int(name[1:]): value for name, value in fields.items()}
    parts = []
    for number in sorted(known):
        value = known[number]
        parts += [field(number, one) for one in (value if isinstance(value, list) else [value])]
    return record(17, b"".join(parts))


def exit_record(code: int = 0, runtime: int = 30) -> bytes:
    """Return the record that ends a run."""
    return record(18, field(1, code) + field(2, runtime))


def pack(records: Iterable[bytes]) -> bytes:
    """Return the bytes of a `.wandb` file."""
    data = bytearray(HEADER)
    for whole in records:
        rest, is_first = whole, True
        while True:
            left = BLOCK - len(data) % BLOCK
            if left < 7:
                data += bytes(left)
                left = BLOCK
            piece, rest = rest[: left - 7], rest[left - 7 :]
            kind = (1 if is_first else 4) if not rest else (2 if is_first else 3)
            data += struct.pack("<IHB", zlib.crc32(bytes([kind]) + piece), len(piece), kind) + piece
            is_first = False
            if not rest:
                break
    return bytes(data)


def write_run(
    folder: Path, records: Iterable[bytes], run_id: str = "ab12cd34", *, kind: str = "run", data: bytes | None = None
) -> Path:
    """Write a run's folder below `folder`/wandb; return its log."""
    path = folder / "wandb" / f"{kind}-20261121_120200-{run_id}" / f"run-{run_id}.wandb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pack(records) if data is None else data)
    return path


def steps(count: int, metrics: int = 2, *, summaries: bool = False) -> list[bytes]:
    """Return `count` steps as W&B writes them: a history record, and if asked for its two summary records."""
    found = []
    for step in range(count):
        values: dict[Any, Any] = {f"metric/{m}": 1 / (step + m + 1) for m in range(metrics)}
        values |= {"_timestamp": T0 + step + 0.25, "_runtime": step + 0.25, "_step": step}
        if summaries:
            runtime = field(1, item(("_wandb", "runtime"), step)) + field(1, item("_runtime", step, nested=False))
            found.append(record(3, runtime, 3 * step + 1))
            found.append(record(3, history(values), 3 * step + 2))
        found.append(record(2, history(values, step), 3 * step + 3))
    return found

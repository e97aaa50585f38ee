"""How data files hold numbers and text. Values to bytes and back; nothing here knows what the values mean.

Every script file calls `reportgen.data(id, payload)` once, because a classic script is the only thing that a page
opened from disk can load.
"""

from __future__ import annotations

import base64
import gzip
import zlib
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from reportgen.formats import decode_number, encode_number

PLAIN_COLUMN: Final = 32
"""Columns up to this length stand as a plain list: smaller than the frame of a compressed one."""
_FAST: Final = 1
"""Level for the bytes of numbers, which a higher one makes hardly smaller."""
GZIP_LEVEL: Final = 6
_WINDOW: Final = 16 + 13
"""gzip with a window of 8 KiB: the bytes of numbers repeat nearby or never, and a larger window is slow to set up."""
_SMALL_BYTES: Final = 32_768
"""Up to so many bytes the small window is taken for text as well."""


def gzip_bytes(data: bytes, level: int = GZIP_LEVEL) -> bytes:
    """Return `data` as a gzip file without a name or a time in its header."""
    return gzip.compress(data, level, mtime=0)


# ---- scripts


def script(name: str, payload: Any) -> bytes:
    """Return a classic script that hands `payload` to the page under `name`."""
    return b"reportgen.data(" + orjson.dumps(name) + b"," + orjson.dumps(payload) + b");\n"


def packed_script(name: str, payload: Any) -> bytes:
    """Return a classic script that hands `payload` to the page packed, to be read with `reportgen.unpack`."""
    return script(name, pack(payload))


def pack(payload: Any) -> str:
    """Return a payload as base64 of gzip of its JSON text."""
    text = orjson.dumps(payload)
    if len(text) > _SMALL_BYTES:
        return base64.b64encode(gzip_bytes(text)).decode()
    packer = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, _WINDOW, 6)
    return base64.b64encode(packer.compress(text) + packer.flush()).decode()


def unpack(text: str) -> Any:
    """Return the payload that `pack` was given; the reference for `reportgen.unpack`."""
    return orjson.loads(gzip.decompress(base64.b64decode(text)))


# ---- columns of numbers


def encode_column(values: NDArray[Any]) -> Any:
    """Return a column of int64 or float64 as JSON data, without loss.

    Integers with one difference become `{"start","delta","n"}`. Short columns stay a list (non-finite numbers as
    words). Anything else becomes `{"f4"|"f8"|"i8": text, "n"}`: base64 of gzip of the values' bytes, little-endian,
    all first bytes before all second bytes, which compresses better; `f4` when every value survives float32.
    """
    n = len(values)
    if values.dtype.kind == "i":
        if n > 1 and (delta := _common_difference(values)) is not None:
            return {"start": int(values[0]), "delta": delta, "n": n}
        if n <= PLAIN_COLUMN:
            return values.tolist()
        return {"i8": _pack(values.astype("<i8")), "n": n}
    if n <= PLAIN_COLUMN:
        return [encode_number(v) for v in values.tolist()]
    with np.errstate(over="ignore", invalid="ignore"):
        single = values.astype("<f4")
        exact = bool(((single == values) | (values != values)).all())
    return {"f4": _pack(single), "n": n} if exact else {"f8": _pack(values.astype("<f8")), "n": n}


def _common_difference(values: NDArray[Any]) -> int | None:
    """Return the difference that all neighbours have, None when there is none; one that int64 wraps does not count."""
    first, second, last = (int(values[i]) for i in (0, 1, -1))
    delta = second - first
    if not -(2**63) <= delta < 2**63 or last != first + delta * (len(values) - 1):
        return None
    return delta if bool((np.diff(values) == delta).all()) else None


def _pack(values: NDArray[Any]) -> str:
    shuffled = values.view(np.uint8).reshape(len(values), values.itemsize).T.tobytes()
    packer = zlib.compressobj(_FAST, zlib.DEFLATED, _WINDOW, 6)
    return base64.b64encode(packer.compress(shuffled) + packer.flush()).decode()


def decode_column(column: Any) -> NDArray[Any]:
    """Return the array that `encode_column` was given; the reference for the decoder in the browser."""
    if isinstance(column, list):
        return np.array([decode_number(v) for v in column], dtype=np.float64)
    n = int(column["n"])
    if "start" in column:
        return np.arange(n, dtype=np.int64) * int(column["delta"]) + int(column["start"])
    (kind,) = (k for k in ("f4", "f8", "i8") if k in column)
    raw = np.frombuffer(gzip.decompress(base64.b64decode(column[kind])), dtype=np.uint8)
    size = int(kind[1])
    plain: NDArray[Any] = np.ascontiguousarray(raw.reshape(size, n).T).view(f"<{kind}").reshape(n)
    return plain.astype(np.int64 if kind == "i8" else np.float64)

"""Small whole files of other programs: JSON documents, tables with tabs, and the numbers and times in them. Bounded."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from reportgen.capture.redaction import strip_credentials
from reportgen.errors import FormatError
from reportgen.formats import clean_text, cut_name, decode_line
from reportgen.model import Floats
from reportgen.sources.faults import Faults
from reportgen.sources.places import Place
from reportgen.sources.plainyaml import read_yaml
from reportgen.sources.salvage import whole_fields
from reportgen.sources.statcache import open_regular

MAX_BYTES: Final = 256 * 2**20
"""A larger document is not read."""
MAX_TEXT: Final = 4 * 2**20
"""So many bytes of captured output are kept."""
MAX_LEAVES: Final = 100_000
"""So many values of one nested document are told apart."""
MAX_TIME: Final = 32_503_680_000.0
"""The year 3000 in UTC seconds: what is greater is in a finer unit, or no time."""
MAX_CELL: Final = 40
"""Longer numbers are read one by one: an array of all would be as wide as the longest."""
_WORDS: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def read_bytes(path: str, limit: int = MAX_BYTES) -> bytes:
    """Return the bytes of a regular file. Raises `OSError`, also where it has more than `limit` bytes."""
    descriptor, stat = open_regular(path)
    with open(descriptor, "rb", buffering=0) as file:
        if stat.st_size > limit:
            raise OSError(f"it has more than {limit / 2**20:g} MB")
        return file.read(limit)


def read_tail(path: str, count: int) -> bytes:
    """Return the last bytes of a regular file, nothing where it cannot be read."""
    try:
        descriptor, stat = open_regular(path)
    except OSError:
        return b""
    with open(descriptor, "rb", buffering=0) as file:
        try:
            file.seek(max(0, stat.st_size - count))
            return file.read(count)
        except OSError:
            return b""


def read_object(path: str, faults: Faults) -> dict[str, Any]:
    """Return the JSON object that a file holds, empty where it holds none, which is counted. Bare NaN is taken.

    Numbers that are not finite may come as the words of our own log format: `number` knows both.
    """
    name = os.path.basename(path)
    try:
        data = read_bytes(path)
        return decode_line(data)
    except FileNotFoundError:
        faults.add(None, f"`{clean_text(name)}` is missing", "keep the run's folder whole")
    except OSError as error:
        faults.add(None, f"`{clean_text(name)}` cannot be read: {error.strerror or error}", "check its permissions")
    except FormatError as error:
        found = whole_fields(data.decode("utf-8", "replace"))
        kept = f"the {len(found)} fields that are whole" if found else "the rest of the run"
        message = f"`{clean_text(name)}` is no JSON object: {error}"
        faults.add(None, message, f"it is damaged; {kept} {'are' if found else 'is'} shown")
        return found
    return {}


def read_map(path: str, faults: Faults) -> dict[str, Any]:
    """Return the map that a YAML file holds, what of it can be read; what cannot is counted."""
    name = clean_text(os.path.basename(path))
    try:
        found = read_yaml(read_bytes(path))
    except OSError as error:
        faults.add(None, f"`{name}` cannot be read: {error.strerror or error}", "check its permissions")
        return {}
    if found.fault:
        faults.add(found.line, f"`{name}` cannot be read to its end: {found.fault}", "what stands before it is shown")
    if found.tags:
        faults.add(None, f"values of `{name}` have types of Python", "their plain content is shown", count=found.tags)
    return found.value if isinstance(found.value, dict) else {}


def read_text(path: str, faults: Faults, limit: int = MAX_TEXT) -> str:
    """Return the beginning of a text file, bytes that are no UTF-8 replaced; what is cut off is counted."""
    name = clean_text(os.path.basename(path))
    try:
        descriptor, stat = open_regular(path)
    except OSError as error:
        faults.add(None, f"`{name}` cannot be read: {error.strerror or error}", "check its permissions")
        return ""
    with open(descriptor, "rb", buffering=0) as file:
        data = file.read(limit)
    if stat.st_size > limit:
        faults.add(None, f"`{name}`: only the first {limit / 2**20:g} MB are shown", "look into the file itself")
    return data.decode("utf-8", "replace")


def number(value: object) -> float | None:
    """Return a JSON value as a float, None where it is no number; `true` is 1, as in a metric."""
    if isinstance(value, bool | int | float):
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    return _WORDS.get(value) if isinstance(value, str) else None


def whole(value: object) -> int | None:
    """Return a step, None where it is no whole number of 64 bits."""
    as_float = number(value)
    if as_float is None or not as_float.is_integer() or not -(2.0**63) <= as_float < 2.0**63:
        return None
    return int(value) if isinstance(value, int) else int(as_float)


def moment(value: object) -> float | None:
    """Return a time in UTC seconds, of a number in s, ms, µs or ns by its size, or of ISO text (UTC without a zone)."""
    as_float = number(value)
    if as_float is not None:
        if not (math.isfinite(as_float) and as_float >= 0):
            return None
        for scale in (1.0, 1e3, 1e6, 1e9):
            if as_float / scale <= MAX_TIME:
                return as_float / scale
        return None
    if not isinstance(value, str):
        return None
    try:
        time = dt.datetime.fromisoformat(value.strip())
        seconds = (time if time.tzinfo else time.replace(tzinfo=dt.UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return seconds if 0 <= seconds <= MAX_TIME else None


def moments(values: Floats) -> Floats:
    """Return times in UTC seconds, float64[n], as `moment` reads each number; NaN for what is none."""
    units = (1.0, 1e3, 1e6, 1e9)
    if len(values):
        low, high = float(values.min()), float(values.max())  # NaN where one is, which is in no range
        for unit in units:
            if (low >= 0 if unit == 1.0 else low > MAX_TIME * unit / 1e3) and high <= MAX_TIME * unit:
                return np.divide(values, unit, dtype=np.float64)
    sound = np.where(np.isfinite(values) & (values >= 0), values, np.nan)
    scale = np.select([sound <= MAX_TIME * unit for unit in units], units, np.nan)
    times: Floats = sound / scale
    return times


def digest(data: bytes) -> str:
    """Return 16 digits that stand for `data`."""
    return hashlib.sha256(data).hexdigest()[:16]


def safe_remote(address: str) -> str:
    """Return the address of a repository without credentials, empty where it is a folder of the writer's machine."""
    if address.startswith("file:") or not ("://" in address or re.match(r"[\w.-]+@[\w.-]+:", address)):
        return ""
    return strip_credentials(address)


def iter_leaves(value: Mapping[str, Any], separator: str = ".") -> Iterator[tuple[str, Any]]:
    """Yield (path, value) of what is no mapping, or an empty one, in order; at most `MAX_LEAVES` of them."""
    count = 0
    waiting = [iter(value.items())]
    names = [""]
    while waiting and count < MAX_LEAVES:
        for key, inner in waiting[-1]:
            path = cut_name(f"{names[-1]}{key}")
            if isinstance(inner, Mapping) and inner:
                waiting.append(iter(inner.items()))
                names.append(path + separator)
                break
            count += 1
            yield path, inner
            if count >= MAX_LEAVES:
                break
        else:
            waiting.pop()
            names.pop()


def files_by_name(place: Place) -> dict[str, str]:
    """Return name below the folder -> absolute path of the files of a place that was claimed with `file_names`."""
    names = dict(place.extra).get("files", "").split("\0")
    return dict(zip(names, (file.path for file in place.files), strict=False))


def file_names(files: Iterable[str]) -> dict[str, str]:
    """Return what `FoundRun.extra` must hold for `files_by_name`."""
    return {"files": "\0".join(files)}


# ---- tables


def read_columns(data: bytes, faults: Faults, name: str) -> tuple[list[str], list[Sequence[bytes]]]:
    """Return the names and the columns of a table with tabs; a row without its end, or of another width, is counted."""
    lines = data.replace(b"\r\n", b"\n").split(b"\n")
    header = lines[0].decode("utf-8-sig", "replace").split("\t") if lines else []
    if lines[-1] and len(lines) > 1:
        faults.add(len(lines), f"the last row of `{name}` has no end: it was skipped", "nothing to do")
    elif lines[-1]:
        faults.add(1, f"`{name}` was cut in its header", "it holds nothing; copy it again if its source is whole")
    rows = [line.split(b"\t") for line in lines[1:-1] if line]
    sound = [row for row in rows if len(row) == len(header)]
    if len(sound) < len(rows):
        message = f"rows of `{name}` do not fit its header"
        faults.add(None, message, "they were skipped", count=len(rows) - len(sound))
    return header, list(zip(*sound, strict=True)) if sound else [() for _ in header]


def to_floats(cells: Sequence[bytes]) -> tuple[Floats, int]:
    """Return float64[n], NaN for what is no number, and how many those are."""
    if max(map(len, cells), default=0) <= MAX_CELL and b"\0" not in b"".join(
        cells
    ):  # numpy drops zero bytes at the end
        try:
            return np.array(cells, dtype=bytes).astype(np.float64), 0
        except ValueError:
            pass
    values = np.full(len(cells), np.nan)
    wrong = 0
    for i, cell in enumerate(cells):
        try:
            values[i] = float(cell)
        except ValueError:
            wrong += 1
    return values, wrong


# ---- jsonpickle


def plain(value: Any, depth: int = 0) -> Any:
    """Return what jsonpickle wrote as plain JSON data; nothing is ever made or imported by the names in it.

    Tuples and sets become lists, numbers and small arrays of numpy themselves; other objects keep what they hold.
    """
    if depth > 64:
        return None
    if isinstance(value, list):
        return [plain(item, depth + 1) for item in value]
    if not isinstance(value, dict):
        return value
    for mark in ("py/tuple", "py/set"):
        if isinstance(value.get(mark), list):
            return [plain(item, depth + 1) for item in value[mark]]
    if "py/object" in value:
        if "value" in value:
            return plain(value["value"], depth + 1)
        if isinstance(value.get("values"), list):
            return plain(value["values"], depth + 1)
    if "py/reduce" in value:
        return _reduced(value["py/reduce"])
    return {_plain_key(key): plain(item, depth + 1) for key, item in value.items() if not key.startswith("py/")}


def plain_fields(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a document that jsonpickle wrote, none where it is no object of plain fields."""
    found = plain(dict(value))
    return found if isinstance(found, dict) else {}


def _plain_key(key: str) -> str:
    """Return a key that was no text without the mark that says so."""
    return key.removeprefix("json://").strip('"') if key.startswith("json://") else key


def _reduced(parts: Any) -> float | None:
    """Return the number in the long form of a numpy number: the function `scalar`, a type, and bytes in base 64."""
    text = repr(parts)
    if not isinstance(parts, list) or "multiarray.scalar" not in text or len(text) > 10_000:
        return None
    kind = next((name for name in ("f8", "f4", "f2", "i8", "i4", "u1", "b1") if f"'{name}'" in text), "")
    packed = next(_iter_packed(parts), "")
    try:
        return float(np.frombuffer(base64.b64decode(packed), dtype=f"<{kind}")[0])
    except (ValueError, TypeError, IndexError, binascii.Error):
        return None


def _iter_packed(value: Any, depth: int = 0) -> Iterator[str]:
    if depth > 16:
        return
    if isinstance(value, list):
        for item in value:
            yield from _iter_packed(item, depth + 1)
    elif isinstance(value, dict):
        if isinstance(value.get("py/b64"), str):
            yield value["py/b64"]
        for item in value.values():
            yield from _iter_packed(item, depth + 1)

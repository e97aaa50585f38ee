"""Names, versions, and the encoding and decoding of one line of the log format. Pure: no I/O.

The logger writes with this module and every reader reads with it, so that a field name or a rule stands once.
It may import the standard library and orjson, nothing else. `docs/log-format.md` describes the format to people.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import posixpath
import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

import orjson

from reportgen.errors import FormatError

LOG_FORMAT: Final = 1
"""Version of the log format that this release writes, and the newest that it reads."""
SITE_FORMAT: Final = 1
"""Version of `data/site.json` and of the data files beside it."""

EVENTS: Final = frozenset(
    "start params metrics points tags note artifact input model env code text lost problem end".split()
)
"""Kinds of lines that this version understands; others are kept and skipped."""

END_STATUSES: Final = ("FINISHED", "FAILED", "KILLED")
"""Values of `status` in an end line. A run without an end line is `unfinished` (RUNNING in filters)."""

MAX_NAME: Final = 250
"""Longest name of a run, metric, param or tag in characters; longer ones are cut and get a hash."""
MAX_LINE_BYTES: Final = 256 * 2**20
"""Longest line that is decoded; a longer one is a Problem."""

RUN_LOG_GLOB: Final = "events*.jsonl"
"""Names of the log files in a run's folder (`events.jsonl`, `events.1.jsonl`, …); a reader takes `.gz` behind them."""
ARTIFACT_FOLDER: Final = "artifacts"
"""Folder in a run's folder that holds the copies of its artifacts."""

_NON_FINITE: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


# ---- numbers


def encode_number(value: float) -> float | str:
    """Return `value` as it stands in a line: itself, or `"NaN"`, `"Infinity"`, `"-Infinity"`."""
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def decode_number(value: object) -> float:
    """Return the float that a JSON value of a line stands for; raise `FormatError` for anything but a number."""
    if isinstance(value, float):
        return value
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, int):
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    if isinstance(value, str) and value in _NON_FINITE:
        return _NON_FINITE[value]
    raise FormatError(f"{json.dumps(value)[:40]} is not a number")


# ---- text


def clean_text(text: str) -> str:
    """Return `text` with each lone surrogate replaced by U+FFFD, so that it can be written as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


MAX_DEPTH: Final = 32
"""Deepest nesting of a logged value; what lies deeper is logged as its `repr`."""
_REPR_FAULTS: Final = (
    ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, NameError, OSError, ReferenceError,
    RuntimeError, TypeError, ValueError,
)  # fmt: skip
"""What foreign `__repr__`, `__str__` and `tolist` methods raise; a value is never worth the run that logs it."""


def clean_value(value: object) -> Any:
    """Return `value` as plain JSON data: non-finite numbers become strings, what JSON cannot hold becomes its `repr`.

    numpy and torch scalars and arrays are asked for `.item()` and `.tolist()`; mapping keys become text.
    A value that contains itself is cut where it begins again.
    """
    return _clean(value, ())


def _clean(value: Any, above: tuple[int, ...]) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return clean_text(str(value))
    if isinstance(value, int):
        return int(value) if -(2**63) <= value < 2**64 else _short_text(int(value), str)
    if isinstance(value, float):
        return encode_number(float(value))
    if id(value) in above:
        return f"<{type(value).__name__} that contains itself>"
    if len(above) >= MAX_DEPTH:
        return _short_text(value, repr)
    inside = (*above, id(value))
    if isinstance(value, Mapping):
        return {_short_text(k, str): _clean(v, inside) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(v, inside) for v in value]
    if isinstance(value, set | frozenset):
        return sorted((_clean(v, inside) for v in value), key=repr)
    return _clean_foreign(value, inside)


def _clean_foreign(value: Any, inside: tuple[int, ...]) -> Any:
    for method in ("tolist", "item"):
        plain = getattr(value, method, None)
        if callable(plain) and not isinstance(value, type):
            try:
                result = plain()
            except _REPR_FAULTS:
                continue
            if isinstance(result, bool | int | float | str | list):
                return _clean(result, inside)
    return _short_text(value, repr)


def _short_text(value: object, make: Callable[[object], str]) -> str:
    try:
        return clean_text(make(value))[:10_000]
    except _REPR_FAULTS:
        return f"<{type(value).__name__}>"


def cut_name(name: str, limit: int = MAX_NAME) -> str:
    """Return `name`, or its beginning and an 8-digit hash when it has more than `limit` characters."""
    if len(name) <= limit:
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{name[: limit - 9]}~{digest}"


# ---- lines


def encode_line(event: Mapping[str, Any]) -> bytes:
    """Return one line of a log, newline included. Non-finite numbers must have gone through `encode_number`."""
    try:
        return orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE)
    except (orjson.JSONEncodeError, TypeError):
        return orjson.dumps(clean_value(event), option=orjson.OPT_APPEND_NEWLINE)


def decode_line(line: bytes) -> dict[str, Any]:
    """Return the object that one line holds. Raises `FormatError` with the reason when it holds none.

    orjson decides first; what it refuses and other writers emit all the same (bare `NaN`, lone surrogates)
    goes through the standard library and comes back in our own notation.
    """
    if len(line) > MAX_LINE_BYTES:
        raise FormatError(f"a line of {len(line):,} bytes is longer than {MAX_LINE_BYTES:,}")
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        value = _decode_lenient(line)
    if not isinstance(value, dict):
        raise FormatError("the line is JSON, but not an object")
    return value


def _decode_lenient(line: bytes) -> Any:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(f"invalid UTF-8 at byte {error.start}") from None
    try:
        return clean_value(json.loads(text.lstrip("\ufeff"), parse_float=_parse_float))
    except RecursionError:
        raise FormatError("nested too deeply") from None
    except json.JSONDecodeError as error:
        raise FormatError(f"not JSON: {error.msg} at character {error.pos + 1}") from None
    except ValueError as error:
        raise FormatError(f"not JSON: {error}") from None


def _parse_float(text: str) -> float:
    return float(text)


# ---- keys and names of files


def run_key(run_id: str) -> str:
    """Return the key of one of our own runs: 32 hexadecimal digits of sha256, safe in file names and URLs."""
    return hashlib.sha256(b"reportgen\0" + run_id.encode("utf-8", "surrogatepass")).hexdigest()[:32]


@lru_cache(maxsize=65_536)
def short_key(key: str) -> str:
    """Return the first 10 lower-case base32 digits of sha256(`key`), the part of a page's URL that identifies."""
    return base64.b32encode(hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()).decode()[:10].lower()


def slug(name: str, limit: int = 40) -> str:
    """Return a cosmetic `[a-z0-9-]{1,limit}` form of `name`."""
    plain = unicodedata.normalize("NFKD", clean_text(name)).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:limit].rstrip("-") or "x"


_TEXT_ONLY: Final = frozenset("html htm shtml xhtml xht xml svg svgz mht mhtml js mjs css".split())


def artifact_path(sha256: str, name: str) -> str:
    """Return the site path of a published artifact; what a browser would run or style gets `.txt` behind its ending."""
    base = posixpath.basename(name)
    extension = base.rpartition(".")[2].lower() if "." in base else ""
    if not re.fullmatch(r"[a-z0-9]{1,10}", extension):
        extension = "bin"
    if extension in _TEXT_ONLY:
        extension = f"{extension}.txt"
    return f"a/{sha256[:20]}.{extension}"


_WINDOWS_RESERVED: Final = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?$", re.IGNORECASE)


def folder_name(name: str) -> str:
    """Return a file name for `name` that every file system takes, unique without regard to case.

    A plain lower-case name stands as it is; anything else gets 8 digits of its hash.
    """
    if re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", name) and not _WINDOWS_RESERVED.match(name):
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{slug(name)}-{digest}"

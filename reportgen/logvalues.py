"""Values as a line of the log holds them: numbers, steps, columns, params and tags, checked at the call that logs them.

Wrong types raise `LoggerError` here, in the first second of a training rather than at its end. numpy and torch are
never imported: their scalars and arrays are asked for `item()` and `tolist()`.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any

from reportgen.errors import LoggerError
from reportgen.formats import MAX_NAME, clean_text, clean_value, cut_name, encode_number
from reportgen.logfile import warn


def checked_mapping(value: object, what: str) -> Mapping[Any, Any]:
    """Return `value` if it is a mapping."""
    if isinstance(value, Mapping):
        return value
    hint = f"; give vars({what})" if hasattr(value, "__dict__") else ""
    raise LoggerError(f"{what} must be a mapping, not {type(value).__name__}{hint}")


def checked_name(name: object, what: str, limit: int = MAX_NAME) -> str:
    """Return a name as it is logged; cut, with a hash and a warning, when it is longer than `limit` characters."""
    if not isinstance(name, str) or not name:
        shown = repr(name) if isinstance(name, str) else type(name).__name__
        raise LoggerError(f"the name of a {what} must be a text that is not empty, not {shown}")
    clean = clean_text(str(name))
    if len(clean) <= limit:
        return clean
    short = cut_name(clean, limit)
    warn(f"the name of a {what} has {len(clean)} characters; it is logged as {short!r}")
    return short


def checked_text(text: object, what: str) -> str:
    """Return a text that can be written as UTF-8."""
    if not isinstance(text, str):
        raise LoggerError(f"{what} must be text, not {type(text).__name__}")
    return clean_text(text)


def checked_number(value: Any, what: str) -> float:
    """Return what `float` makes of a number, a one-element array or tensor, or a numeric text."""
    if isinstance(value, Mapping | list | tuple | set | bytes) or value is None:
        raise LoggerError(f"{what} must be a number, not {type(value).__name__}: {brief(value)}")
    try:
        item = getattr(value, "item", None)
        return float(item() if callable(item) else value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
    except (TypeError, ValueError, RuntimeError) as error:
        raise LoggerError(f"{what} must be a number, not {type(value).__name__} {brief(value)}: {error}") from None


def plain_metric(name: str, value: Any) -> float | str:
    """Return a metric's value as it stands in a line: whole numbers stay whole, non-finite ones become text."""
    if type(value) is int and -(2**63) <= value < 2**63:
        return value
    return encode_number(checked_number(value, f"metric {name!r}"))


def checked_step(step: Any) -> int:
    """Return a step as int64. Raises `LoggerError` for what is not a whole number in that range."""
    try:
        item = getattr(step, "item", None)
        number = item() if callable(item) else step
        whole = int(number)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        raise LoggerError(f"a step must be a whole number, not {type(step).__name__} {brief(step)}") from None
    if isinstance(number, str | bytes) or whole != number or not -(2**63) < whole < 2**63:
        raise LoggerError(f"a step must be a whole number of 64 bits, not {brief(step)}")
    return whole


def as_list(values: Any, what: str) -> list[Any]:
    """Return an array or a sequence of numbers as a flat list."""
    tolist = getattr(values, "tolist", None)
    plain = tolist() if callable(tolist) else values
    if isinstance(plain, str | bytes | Mapping):
        raise LoggerError(f"{what} must be an array of numbers, not {type(values).__name__}")
    try:
        return list(plain)
    except TypeError:
        raise LoggerError(f"{what} must be an array of numbers, not {type(values).__name__}") from None


def checked_column(values: Any, what: str) -> list[float | str]:
    """Return an array of numbers as it stands in a `points` line."""
    column = as_list(values, what)
    if all(type(value) is float and not value - value for value in column):
        return column
    return [plain_metric(what, value) for value in column]


def checked_steps(steps: Any) -> list[int]:
    """Return an array of steps as it stands in a `points` line."""
    return [
        step if type(step) is int and -(2**63) < step < 2**63 else checked_step(step)
        for step in as_list(steps, "steps")
    ]


def checked_quantiles(values: Any, percents: Iterable[Any], what: str) -> list[float]:
    """Return the quantiles of an array of any shape at `percents` (0 … 100); none of an empty one.

    With a NaN among the numbers all are NaN. Where numpy is loaded it finds the few numbers that count without
    sorting the others.
    """
    from reportgen.quantiles import interpolate

    wanted = [checked_number(percent, "a quantile in percent") for percent in percents]
    if not all(0 <= percent <= 100 for percent in wanted):
        raise LoggerError(f"quantiles are percents from 0 to 100, not {brief(wanted)}")
    detach = getattr(values, "detach", None)  # of torch: away from the graph and the accelerator
    plain = detach().cpu() if callable(detach) else values
    numpy: Any = sys.modules.get("numpy")
    try:
        array = numpy.asarray(plain) if numpy is not None and hasattr(plain, "shape") else None
    except (TypeError, ValueError, RuntimeError):  # numbers that numpy has no type for
        array = None
    if array is not None and array.ndim and array.dtype.kind in "biuf":
        return _quantiles_of_array(array, wanted, numpy)
    numbers = _iter_flat(as_list(plain, what))
    ordered = [value if type(value) is float else checked_number(value, what) for value in numbers]
    if any(value != value for value in ordered):
        return [math.nan] * len(wanted)
    ordered.sort()
    return [interpolate(ordered, len(ordered), percent) for percent in wanted] if ordered else []


def _quantiles_of_array(array: Any, percents: Sequence[float], numpy: Any) -> list[float]:
    from reportgen.quantiles import interpolate, places

    count = array.size
    if not count:
        return []
    needed = sorted({count - 1, *(place for percent in percents for place in places(count, percent)[:2])})
    parted = numpy.partition(array.ravel(), needed)  # NaN comes last
    found = dict(zip(needed, map(float, parted[needed]), strict=True))
    if found[count - 1] != found[count - 1]:
        return [math.nan] * len(percents)
    return [interpolate(found, count, percent) for percent in percents]


def _iter_flat(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, list | tuple):
            yield from _iter_flat(value)
        else:
            yield value


def plain_param(value: Any) -> Any:
    """Return a param as JSON data; paths and enumerations as what they stand for."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    return clean_value(value)


def plain_tag(value: Any) -> str:
    """Return a tag, a version or an alias as text."""
    if isinstance(value, str):
        return clean_text(value)
    plain = plain_param(value)
    return plain if isinstance(plain, str) else clean_text(str(plain))


def brief(value: Any) -> str:
    """Return a short text for an error message."""
    text = clean_value(repr(value) if isinstance(value, int | float | str) else value)
    shown = text if isinstance(text, str) else repr(text)
    return shown if len(shown) <= 60 else shown[:59] + "…"

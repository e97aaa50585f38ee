"""Numbers, times, durations and sizes as pages write them. Pure: nothing here knows pages, runs or the locale.

Signs are those of print: the minus is U+2212, thousands are parted by a narrow no-break space (U+202F), what is missing
is an en dash, and what is not finite is said in a word. `full_digits` and `format_param` are the exceptions: what they
return is meant to be copied back into code, so they keep to ASCII signs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

MISSING: Final = "–"
"""Stands where there is no value; never `0`, never nothing."""
MINUS: Final = "\u2212"
THIN_SPACE: Final = "\u202f"

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SIGNIFICANT: Final = 4
_SMALLEST_PLAIN: Final = 1e-4
"""Below this a number is written with an exponent."""
_LARGEST_PLAIN: Final = 1e15
"""From here on a float no longer holds every integer's digits, so that an exponent is the honest form."""


def format_number(value: float | None, decimals: int | None = None) -> str:
    """Return `value` for a page: four significant digits, or `decimals` places where a column shares them.

    A value that is not zero never reads as zero: where the shared places would round it away, it keeps two digits.
    In columns of six and more places what is below 0.001 is written like a number that stands alone.
    """
    if value is None:
        return MISSING
    if not math.isfinite(value):
        return _word(value)
    size = abs(value)
    if decimals is not None and decimals >= 6 and size < 1e-3:
        decimals = None
    hidden = decimals is not None and size < 1 and round(size, decimals) == 0
    if size >= _LARGEST_PLAIN or (0 < size < _SMALLEST_PLAIN and (decimals is None or hidden)):
        return _signed(value, _exponent(size, _SIGNIFICANT if decimals is None else 2))
    if decimals is None:
        if isinstance(value, int):
            return _signed(value, f"{size:,}")
        places = max(0, _SIGNIFICANT - 1 - _magnitude(size)) if size else 0
        digits = f"{size:,.{places}f}"
        return _signed(value, digits.rstrip("0").rstrip(".") if places else digits)
    if size and hidden:
        return _signed(value, f"{size:.2g}")
    digits = f"{size:,.{decimals}f}"
    return _signed(value if float(digits.replace(",", "")) else 0, digits)


def column_decimals(values: Iterable[float | None]) -> int:
    """Return how many decimals a column of `values` is written with, 0 to 8.

    The largest value keeps four significant digits, three below 0.1. Values that lie closer together than that get up
    to three more, as many as tell them apart with two digits of their spread. Places that no value uses are left out.
    """
    finite = [float(v) for v in values if v is not None and math.isfinite(v)]
    largest = max((abs(v) for v in finite), default=0.0)
    if not largest or largest >= _LARGEST_PLAIN:
        return 0
    wanted = (_SIGNIFICANT if largest >= 0.1 else _SIGNIFICANT - 1) - 1 - _magnitude(largest)
    spread = max(finite) - min(finite)
    if spread > 0:
        wanted = max(wanted, min(1 - _magnitude(spread), wanted + 3))
    wanted = min(max(wanted, 0), 8)
    used = 0
    for v in finite:
        used = max(used, len(f"{v:.{wanted}f}".rstrip("0").partition(".")[2]))
        if used == wanted:
            break
    return used


def format_param(value: str | float | bool | None) -> str:
    """Return a param as one would type it: `1e-3`, `0.05`, `256`, `True`, `None`; an empty string as `""`.

    A float takes the shorter of its plain and its exponent form, the plain one when they are equally long.
    """
    if isinstance(value, float):
        return _shortest(value)
    if value == "":
        return '""'
    return str(value)


def full_digits(value: float | None) -> str:
    """Return all digits of `value` for a `title` attribute; empty when there is no value."""
    if value is None:
        return ""
    if not math.isfinite(value):
        return _word(value).replace(MINUS, "-")
    if float(value).is_integer() and abs(value) < _LARGEST_PLAIN:
        return str(int(value))
    return repr(float(value)).replace("e-0", "e-").replace("e+", "e")


def format_duration(seconds: float | None) -> str:
    """Return a duration with its two largest units: `35 ms`, `8.2 s`, `3 min 05 s`, `48 min`, `4 h 13 min`, `2 d 04 h`.

    Seconds are left out from ten minutes on. A duration that is missing, negative or not finite is an en dash.
    """
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        return MISSING
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms" if seconds >= 0.0005 else "0 s"
    if seconds < 9.95:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 600:
        return _two_units(whole // 60, "min", whole % 60, "s")
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return _two_units(minutes // 60, "h", minutes % 60, "min")
    hours = round(seconds / 3600)
    days = _two_units(hours // 24, "d", hours % 24, "h") if hours < 240 else f"{hours // 24:,} d"
    return days.replace(",", THIN_SPACE)


def format_size(size_bytes: int) -> str:
    """Return a size in units of 1,000: `1 byte`, `812 bytes`, `2.4 KB`, `24 KB`, `22.4 MB`."""
    if size_bytes < 1000:
        return format_count(size_bytes, "byte")
    size = float(size_bytes)
    for unit in ("KB", "MB", "GB", "TB"):
        size /= 1000
        if size < 999.5 or unit == "TB":
            break
    digits = f"{size:.0f}" if size >= 99.95 or (unit == "KB" and size >= 9.95) else f"{size:.1f}".removesuffix(".0")
    return f"{digits} {unit}"


def format_time(time: float | None) -> str:
    """Return a time in UTC seconds since the epoch as `21 Nov 2026, 12:05 UTC`; an en dash when there is none.

    0 is none: the time of a run whose log has no times.
    """
    moment = _moment(time)
    if moment is None:
        return MISSING
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}, {moment.hour:02}:{moment.minute:02} UTC"


def iso_time(time: float | None) -> str:
    """Return a time as `2026-11-21T12:05:33Z` for a `datetime` attribute; empty when there is none."""
    moment = _moment(time)
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}".rjust(20, "0") if moment else ""


def format_count(count: int, noun: str, plural: str = "") -> str:
    """Return `1 run`, `28 runs`, `9 870 runs`; `plural` for nouns that take more than an `s`."""
    return f"{format_number(count)} {noun if count == 1 else plural or noun + 's'}"


def _moment(time: float | None) -> datetime | None:
    if not time or not math.isfinite(time):
        return None
    try:
        return datetime.fromtimestamp(math.floor(time), UTC)
    except (OverflowError, ValueError, OSError):
        return None  # a year that the calendar does not have


def _two_units(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large} {large_unit} {small:02} {small_unit}"


def _magnitude(size: float) -> int:
    """Return the power of ten of the first digit of `size` > 0 after rounding to four digits (9.9996 counts as 10)."""
    return int(f"{size:.{_SIGNIFICANT - 1}e}".partition("e")[2])


def _exponent(size: float, significant: int) -> str:
    mantissa, _, power = f"{size:.{significant - 1}e}".partition("e")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}e{int(power)}"


def _signed(value: float, digits: str) -> str:
    return (MINUS if value < 0 else "") + digits.replace(",", THIN_SPACE)


def _word(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Inf" if value > 0 else f"{MINUS}Inf"


def _shortest(value: float) -> str:
    if not math.isfinite(value):
        return _word(value).replace(MINUS, "-")
    shortest = repr(value).removesuffix(".0")
    if "e" in shortest:
        mantissa, _, power = shortest.partition("e")
        return f"{mantissa}e{int(power)}"
    digits = shortest.lstrip("-").replace(".", "").lstrip("0")
    compact = f"{value:.{max(len(digits.rstrip('0')) - 1, 0)}e}"
    mantissa, _, power = compact.partition("e")
    compact = f"{mantissa}e{int(power)}"
    return compact if len(compact) < len(shortest) and not 1 <= abs(value) < 1e6 else shortest

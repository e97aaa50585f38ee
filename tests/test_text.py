"""How pages write numbers, times, durations and sizes."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reportgen.site.text import (
    column_decimals,
    format_count,
    format_duration,
    format_number,
    format_param,
    format_size,
    format_time,
    full_digits,
    iso_time,
)

FLOATS = st.floats(allow_nan=True, allow_infinity=True)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0, "0"),
        (-0.0, "0"),
        (78.4312, "78.43"),
        (0.5, "0.5"),
        (0.913, "0.913"),
        (4791.3, "4\u202f791"),
        (1234567, "1\u202f234\u202f567"),
        (9.99996, "10"),
        (-0.25, "\u22120.25"),
        (1e-5, "1e-5"),
        (1.234567e-5, "1.235e-5"),
        (2.5e20, "2.5e20"),
        (math.nan, "NaN"),
        (math.inf, "Inf"),
        (-math.inf, "\u2212Inf"),
    ],
)
def test_a_number_that_stands_alone_has_four_significant_digits(value: float | None, text: str) -> None:
    assert format_number(value) == text


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (78.4312, 2, "78.43"),
        (78, 2, "78.00"),
        (12345.6, 1, "12\u202f345.6"),
        (-0.001, 2, "\u22120.001"),
        (1e-7, 2, "1e-7"),
        (0.0, 3, "0.000"),
        (0.0009753, 7, "0.0009753"),
        (0.0, 7, "0"),
        (1e300, 2, "1e300"),
    ],
)
def test_a_column_shares_its_decimals_and_no_value_is_rounded_to_zero(value: float, decimals: int, text: str) -> None:
    assert format_number(value, decimals) == text


@pytest.mark.parametrize(
    ("values", "decimals"),
    [
        ([], 0),
        ([None, math.nan, math.inf], 0),
        ([3, 12], 0),
        ([7.16, 78.43], 2),
        ([3.081, 0.913], 3),
        ([0.0977, 0.0184], 4),
        ([4386.2, 4835.9], 0),
        ([0.1, 0.2], 1),
        ([1.38011, 1.38022, 1.38043], 5),
        ([0.78431, 0.78], 4),
    ],
)
def test_decimals_of_a_column_follow_its_largest_value_and_its_spread(
    values: list[float | None], decimals: int
) -> None:
    assert column_decimals(values) == decimals


@given(st.lists(st.one_of(FLOATS, st.none()), max_size=8))
def test_any_column_can_be_written(values: list[float | None]) -> None:
    decimals = column_decimals(values)
    assert 0 <= decimals <= 8
    for value in values:
        text = format_number(value, decimals)
        assert text
        assert value in (None, 0) or text.strip("\u22120.\u202f")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_full_digits_and_params_read_back_as_the_same_number(value: float) -> None:
    assert float(full_digits(value)) == value
    assert float(format_param(value)) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e-3, "1e-3"),
        (0.05, "0.05"),
        (0.01, "0.01"),
        (1.5e-4, "1.5e-4"),
        (-5e-5, "-5e-5"),
        (0.1, "0.1"),
        (3.0, "3"),
        (0.0, "0"),
        (1e6, "1e6"),
        (1234567.0, "1234567"),
        (256, "256"),
        (True, "True"),
        (None, "None"),
        ("", '""'),
        ("adamw", "adamw"),
        (math.nan, "NaN"),
        (-math.inf, "-Inf"),
    ],
)
def test_a_param_is_written_as_one_would_type_it(value: str | float | bool | None, text: str) -> None:
    assert format_param(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (-1.0, "–"),
        (math.nan, "–"),
        (math.inf, "–"),
        (0, "0 s"),
        (0.035, "35 ms"),
        (0.9996, "1 s"),
        (8.24, "8.2 s"),
        (59.6, "1 min 00 s"),
        (185, "3 min 05 s"),
        (599.7, "10 min"),
        (2880, "48 min"),
        (3599, "1 h 00 min"),
        (15180, "4 h 13 min"),
        (172_799, "2 d 00 h"),
        (820_800, "9 d 12 h"),
        (86_400 * 4000, "4\u202f000 d"),
    ],
)
def test_a_duration_has_its_two_largest_units(seconds: float | None, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1 KB"),
        (2400, "2.4 KB"),
        (24_000, "24 KB"),
        (999_600, "1 MB"),
        (22_400_000, "22.4 MB"),
        (1_500_000_000_000, "1.5 TB"),
    ],
)
def test_a_size_is_in_units_of_a_thousand(size: int, text: str) -> None:
    assert format_size(size) == text


def test_a_time_is_absolute_and_in_utc() -> None:
    assert format_time(1_795_262_733.9) == "21 Nov 2026, 12:05 UTC"
    assert iso_time(1_795_262_733.9) == "2026-11-21T12:05:33Z"
    assert iso_time(-62_135_596_800) == "0001-01-01T00:00:00Z"


@pytest.mark.parametrize("time", [None, 0.0, math.nan, math.inf, 1e30, -1e30])
def test_a_time_that_no_calendar_has_is_missing(time: float | None) -> None:
    assert format_time(time) == "–"
    assert iso_time(time) == ""


def test_a_count_agrees_with_its_noun() -> None:
    assert format_count(1, "run") == "1 run"
    assert format_count(28, "run") == "28 runs"
    assert format_count(9870, "run") == "9\u202f870 runs"
    assert format_count(2, "process", "processes") == "2 processes"

from __future__ import annotations

import json
import math
from enum import Enum
from pathlib import PurePosixPath

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reportgen.errors import FormatError
from reportgen.formats import (
    MAX_DEPTH,
    MAX_LINE_BYTES,
    MAX_NAME,
    artifact_path,
    clean_text,
    clean_value,
    cut_name,
    decode_line,
    decode_number,
    encode_line,
    encode_number,
    folder_name,
    run_key,
    short_key,
    slug,
)

ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=400)
"""Any code points, lone surrogates included."""
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize("value", [0.0, -1.5, math.nan, math.inf, -math.inf, 5e-324, 1.7976931348623157e308])
def test_numbers_come_back(value: float) -> None:
    back = decode_number(decode_line(encode_line({"x": encode_number(value)}))["x"])
    assert back == value or (math.isnan(back) and math.isnan(value))


@pytest.mark.parametrize("value", ["nan", "1.0", None, [], {}])
def test_what_is_no_number_is_refused(value: object) -> None:
    with pytest.raises(FormatError, match="is not a number"):
        decode_number(value)


def test_whole_numbers_beyond_floats_become_infinite() -> None:
    assert decode_number(10**400) == math.inf
    assert decode_number(-(10**400)) == -math.inf
    assert decode_number(True) == 1.0


@given(ANY_TEXT)
def test_any_text_can_be_written_after_cleaning(text: str) -> None:
    clean = clean_text(text)
    assert decode_line(encode_line({"x": clean})) == {"x": clean}
    assert clean_text(clean) == clean


@pytest.mark.parametrize(
    ("text", "clean"),
    [("a\ud800b", "a\ufffdb"), ("\udfff", "\ufffd"), ("\ud83d\ude00", "\U0001f600"), ("ok ü", "ok ü")],
)
def test_each_lone_surrogate_becomes_one_replacement_character(text: str, clean: str) -> None:
    assert clean_text(text) == clean


@given(JSON_VALUES)
def test_clean_values_survive_a_line(value: object) -> None:
    clean = clean_value(value)
    assert decode_line(encode_line({"x": clean})) == {"x": clean}
    assert clean_value(clean) == clean


def test_numpy_values_become_plain_ones() -> None:
    value = {"a": np.float32(0.5), "b": np.int64(7), "c": np.arange(3), "d": np.bool_(True), "e": np.float64("nan")}
    assert clean_value(value) == {"a": 0.5, "b": 7, "c": [0, 1, 2], "d": True, "e": "NaN"}
    assert clean_value(np.array([[1.0, np.inf]])) == [[1.0, "Infinity"]]


class Colour(Enum):
    RED = 1


class Broken:
    def __repr__(self) -> str:
        raise ZeroDivisionError

    def tolist(self) -> list[int]:
        raise RuntimeError("CUDA error")


def test_what_json_cannot_hold_becomes_its_repr() -> None:
    values = [Colour.RED, PurePosixPath("a"), b"x", 1j, 2**64, object]
    assert clean_value(values) == [
        "<Colour.RED: 1>", "PurePosixPath('a')", "b'x'", "1j", "18446744073709551616", "<class 'object'>",
    ]  # fmt: skip
    assert clean_value(Broken()) == "<Broken>"
    assert clean_value(10**5000) == "<int>"
    assert clean_value({1: 2, None: 3, Broken(): 4}) == {"1": 2, "None": 3, "<Broken>": 4}
    assert clean_value({3, 1, 2}) == [1, 2, 3]


def test_values_that_contain_themselves_are_cut() -> None:
    loop: dict[str, object] = {}
    loop["a"] = loop["b"] = [loop]
    assert clean_value(loop) == {"a": ["<dict that contains itself>"], "b": ["<dict that contains itself>"]}


def test_values_nested_too_deeply_are_cut() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    text = encode_line({"x": clean_value(deep)})
    assert text.startswith(b'{"x":' + b"[" * MAX_DEPTH)
    assert len(text) < 11_000


def test_an_event_with_foreign_values_is_still_one_line() -> None:
    line = encode_line({"event": "x", "a": Colour, "b": 2**70, "c": "\ud800"})
    assert line.count(b"\n") == 1
    assert decode_line(line)["b"] == str(2**70)


@given(ANY_TEXT, st.integers(20, 300))
def test_cut_names_are_short_and_differ(name: str, limit: int) -> None:
    assert len(cut_name(name, limit)) <= limit
    longer = name + "x" * limit
    assert cut_name(longer + "a", limit) != cut_name(longer + "b", limit)


def test_short_names_stand() -> None:
    assert cut_name("n" * MAX_NAME) == "n" * MAX_NAME
    assert len(cut_name("n" * (MAX_NAME + 1))) == MAX_NAME


# ---- reading what others wrote


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (b'{"x":NaN}', "NaN"),
        (b'{"x":-Infinity}', "-Infinity"),
        (b'{"x":1e999}', "Infinity"),
        (b'{"x":"\\ud800"}', "\ufffd"),
        (b'{"x":"\\ud83d\\ude00"}', "\U0001f600"),
        (b'\xef\xbb\xbf{"x":1}', 1),
        (b'  {"x":1}\r', 1),
        ('{"x":"\u2028"}'.encode(), "\u2028"),
    ],
)
def test_other_writers_habits_are_read(line: bytes, value: object) -> None:
    assert decode_line(line) == {"x": value}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'{"x":1', "not JSON"),
        (b"[1]", "not an object"),
        (b'"x"', "not an object"),
        (b'{"x":"\xff"}', "invalid UTF-8 at byte 6"),
        (b"\0" * 100, "not JSON"),
        (b'{"x":' + b"[" * 200_000 + b"]" * 200_000 + b"}", "nested too deeply"),
        (b'{"x":' + b"9" * 5000 + b",}", "not JSON"),
    ],
)
def test_bad_lines_have_a_reason(line: bytes, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        decode_line(line)


def test_a_huge_line_is_refused_before_it_is_parsed() -> None:
    class Huge(bytes):
        def __len__(self) -> int:
            return MAX_LINE_BYTES + 1

    with pytest.raises(FormatError, match="is longer than"):
        decode_line(Huge())


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(line: bytes) -> None:
    try:
        value = decode_line(line)
    except FormatError:
        return
    assert isinstance(json.loads(encode_line(clean_value(value))), dict)


# ---- names of files


@given(ANY_TEXT)
def test_folder_names_are_safe_anywhere(name: str) -> None:
    folder = folder_name(name)
    assert 1 <= len(folder) <= 64
    assert set(folder) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_")
    assert folder[0] not in "-_"


@given(st.lists(ANY_TEXT, unique=True, min_size=2, max_size=6))
def test_different_names_get_different_folders(names: list[str]) -> None:
    assert len({folder_name(name) for name in names}) == len(names)


def test_folder_names_differ_without_regard_to_case() -> None:
    names = ["run", "Run", "RUN", "con", "CON", "com1", "nul", "é", "e\u0301", "a/b", "a\\b", "..", "."]
    assert len({folder_name(name).lower() for name in names}) == len(names)
    assert folder_name("con") != "con"
    assert folder_name("20260921-101530-3f9a1c77d2") == "20260921-101530-3f9a1c77d2"


def test_keys_and_addresses_stay_what_they_are() -> None:
    assert run_key("a") == "b7b7775c6f4ddb876f5797a5881f8a74"
    assert short_key("a") == "zklycewkdo"
    assert len(run_key("\ud800")) == 32


@pytest.mark.parametrize(
    ("name", "expected"), [("Ünïcode Näme!", "unicode-name"), ("///", "x"), ("損失", "x"), ("a" * 99, "a" * 40)]
)
def test_slugs_are_cosmetic(name: str, expected: str) -> None:
    assert slug(name) == expected


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("a.png", "png"),
        ("a.html", "html.txt"),
        ("a.SVG", "svg.txt"),
        ("a", "bin"),
        ("a.b/c", "bin"),
        ("a.p\nng", "bin"),
    ],
)
def test_what_a_browser_would_run_is_published_as_text(name: str, ending: str) -> None:
    assert artifact_path("0" * 64, name) == f"a/{'0' * 20}.{ending}"

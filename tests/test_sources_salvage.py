"""What is whole in a damaged JSON document: that and no more comes back, in time that does not explode."""

from __future__ import annotations

import json

import pytest

from reportgen.sources.salvage import iter_objects, whole_fields


def test_fields_before_and_behind_a_damaged_value_come_back() -> None:
    text = '{"a": 1, "b": tr\x10e, "c": {"d": 2, "e": 3x}, "f": [{"g": 1}, {"g": !}, {"g": 3}], "h": "end"}'
    assert whole_fields(text) == {"a": 1, "c": {"d": 2}, "f": [{"g": 1}, {"g": 3}], "h": "end"}


def test_a_number_with_a_damaged_digit_is_not_taken_for_a_shorter_one() -> None:
    assert whole_fields('{"a": 0.\x105, "b": 12\x00, "c": 7}') == {"c": 7}


def test_a_list_of_numbers_that_is_damaged_gives_nothing() -> None:
    assert whole_fields('{"a": [1, 2, ?, 4], "b": [1, 2]}') == {"b": [1, 2]}


def test_what_was_cut_keeps_what_stands_before() -> None:
    whole = json.dumps({"a": 1, "rows": [{"step": 1}, {"step": 2}], "z": 1})
    assert whole_fields(whole[:-12]) == {"a": 1, "rows": [{"step": 1}]}
    assert list(iter_objects(whole[:-12], 1)) == [{"step": 1}]


def test_an_object_that_is_longer_than_the_first_look_comes_back() -> None:
    long = {"text": "x" * 20_000, "step": 1}
    assert list(iter_objects(f"[{{!}}, {json.dumps(long)}, {{}}")) == [long, {}]


def test_an_integer_of_thousands_of_digits_costs_its_own_value() -> None:
    endless = "1" * 5000
    assert whole_fields(f'{{"a": 1, "n": {endless}, "b": 2') == {"a": 1, "b": 2}
    assert list(iter_objects(f'[{{"a": 1}}, {{"n": {endless}}}, {{"b": 2}}')) == [{"a": 1}, {"b": 2}]
    long = f'{{"text": "{"x" * 20_000}", "n": {endless}}}'
    assert list(iter_objects(f'[{long}, {{"b": 2}}')) == [{"b": 2}]


class _Counted(str):
    """A text that counts how many of its characters are handed out in slices."""

    __slots__ = ()
    slices = 0

    def __getitem__(self, key: object) -> str:
        found = super().__getitem__(key)  # type: ignore[index]
        _Counted.slices += len(found)
        return found


@pytest.mark.parametrize("unit", ["{", '{"a":', '{"a":[', '{"a":1x,', '{"a":"\\', '"a":{'])
def test_nesting_without_an_end_costs_a_few_times_its_length(unit: str) -> None:
    _Counted.slices = 0
    text = _Counted(unit * 20_000)
    assert not any(list(iter_objects(text)))
    assert _Counted.slices <= 600 * len(text)
    assert not any(isinstance(value, str) for value in whole_fields(text).values())

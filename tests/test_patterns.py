"""Patterns: `*` is the only character with a meaning of its own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reportgen.patterns import matches


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("a*c", "abbc", True),
        ("a*c", "ac", True),
        ("*", "", True),
        ("", "", True),
        ("", "a", False),
        ("a", "ab", False),
        ("a", "A", False),
        ("a?[b]", "a?[b]", True),
        ("a?[b]", "axb", False),
        ("*.png", "plots/a.png", True),
        ("a*", "a\nb/c", True),
        ("*" * 30 + "x", "a" * 2000, False),
    ],
)
def test_only_the_asterisk_is_special(pattern: str, name: str, fits: bool) -> None:
    assert matches(pattern, name) is fits


@given(st.text(alphabet=st.characters(exclude_characters="*")))
def test_a_name_fits_itself_and_every_beginning(name: str) -> None:
    assert matches(name, name)
    assert matches(name[: len(name) // 2] + "*", name)

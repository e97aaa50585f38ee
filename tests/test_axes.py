import math
from itertools import pairwise

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from reportgen.analysis import axes

FINITE = st.floats(allow_nan=False, allow_infinity=False)


@example(3.0286, 3.0286)
@given(FINITE, FINITE)
def test_a_value_axis_covers_the_values_with_few_distinct_ticks(a, b):
    low, high = min(a, b), max(a, b)
    axis = axes.value_axis(low, high)
    reach = 1e307
    assert axis.low <= min(max(low, -reach), reach)
    assert axis.high >= max(min(high, reach), -reach)
    assert axis.low < axis.high
    assert math.isfinite(axis.high - axis.low)
    assert 2 <= len(axis.ticks) <= 8
    assert len(set(axis.labels)) == len(axis.labels)
    slack = 1e-6 * (axis.high - axis.low)
    assert all(axis.low - slack <= t <= axis.high + slack for t in axis.ticks)


@given(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**63), 2**63 - 1))
def test_a_step_axis_never_widens_to_less_than_its_steps(a, b):
    low, high = float(min(a, b)), float(max(a, b))
    axis = axes.step_axis(low, high)
    assert axis.low <= low <= high <= axis.high
    assert 1 <= len(axis.ticks) <= 7
    assert all(t == int(t) for t in axis.ticks)


@given(st.floats(1e-300, 1e300), st.floats(1e-300, 1e300))
def test_a_logarithmic_axis_has_ticks_inside(a, b):
    axis = axes.log_axis(min(a, b), max(a, b))
    assert axis.log
    assert axis.low <= min(a, b) * 1.0000001
    assert 1 <= len(axis.ticks) <= 12
    assert all(axis.low <= t <= axis.high for t in axis.ticks)


def test_ticks_have_equal_decimals_and_typographic_signs():
    assert axes.value_axis(0.021, 0.098).labels == ("0.00", "0.05", "0.10")
    assert axes.format_ticks((-1000.0, 0.0, 1000.0), 1000.0) == ("−1\u202f000", "0", "1\u202f000")
    assert axes.format_ticks((0.0, 5e-4, 1e-3), 5e-4) == ("0", "5e-4", "1e-3")
    assert axes.format_ticks((0.0, 2.5, 5.0), 2.5) == ("0.0", "2.5", "5.0")
    assert "0.0000" not in axes.value_axis(1e-7, 3e-7).labels


def test_an_axis_that_hides_zero_says_so_and_one_from_zero_does_not():
    assert axes.value_axis(4600, 4900).cut
    assert axes.value_axis(4600, 4900).low == axes.value_axis(4600, 4900).ticks[0]
    assert not axes.value_axis(0.1, 0.9).cut
    assert axes.value_axis(0.1, 0.9).low == 0


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (78.43, "78.43"),
        (0.0, "0"),
        (-1234.5678, "−1\u202f235"),
        (1e-9, "1e-9"),
        (2.5e12, "2.5e12"),
        (math.nan, "NaN"),
        (-math.inf, "−Infinity"),
    ],
)
def test_numbers_have_four_digits(value, text):
    assert axes.format_number(value) == text


@given(st.lists(st.floats(0, 200), max_size=12))
def test_spread_labels_keep_their_distance_and_order(positions):
    placed = axes.spread(positions, gap=13.5, low=5, high=195)
    assert len(placed) == len(positions)
    ordered = sorted(placed)
    assert all(b - a >= 13.5 - 1e-6 for a, b in pairwise(ordered))
    assert all(5 - 1e-6 <= p <= 195 + 1e-6 for p in placed)
    for i, p in enumerate(positions):
        for j, q in enumerate(positions):
            assert p >= q or placed[i] <= placed[j]


def test_labels_with_room_stay_where_they_are():
    assert axes.spread([50.0, 10.0], gap=13.5, low=0, high=100) == [50.0, 10.0]


def test_too_many_labels_share_the_height():
    placed = axes.spread([50.0] * 20, gap=13.5, low=0, high=95)
    assert max(placed) - min(placed) == pytest.approx(95)


def test_more_than_three_on_one_spot_are_one_group():
    groups = axes.clusters([10, 11, 12, 13, 80], reach=7)
    assert sorted(map(len, groups)) == [1, 4]
    assert all(len(g) == 1 for g in axes.clusters([10, 11, 12, 80], reach=7))


def test_text_is_cut_to_its_room_and_cleaned():
    cut = axes.cut_text("a very long label " * 50, 80)
    assert cut.endswith("…")
    assert axes.text_width(cut) <= 80
    assert axes.cut_text("a\x00b\u202e\nc\ud800", 100) == "ab c"


@given(st.text(max_size=60), st.floats(5, 300))
def test_cut_text_is_never_wider_than_its_room(text, width):
    assume(width > 12)
    assert axes.text_width(axes.cut_text(text, width)) <= width + 0.01

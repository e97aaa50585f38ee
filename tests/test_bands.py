"""Series of ranks or seeds become one line with a band."""

from __future__ import annotations

import math

import numpy as np

from reportgen.analysis.bands import MAX_GRID, mean_and_range, mean_of_lines
from reportgen.model import Series
from tests.factories import make_series


def test_each_step_that_any_series_has_gets_mean_and_range() -> None:
    uneven = (make_series(([0, 1, 2], [1.0, 2.0, math.nan])), make_series(([1, 2, 4], [4.0, math.nan, 8.0])))
    steps, mean, low, high = mean_and_range(uneven)
    assert steps.tolist() == [0, 1, 2, 4]
    np.testing.assert_array_equal(mean, [1.0, 3.0, np.nan, 8.0])
    np.testing.assert_array_equal(low, [1.0, 2.0, np.nan, 8.0])
    np.testing.assert_array_equal(high, [1.0, 4.0, np.nan, 8.0])


def test_infinity_stays_infinity() -> None:
    even = tuple(make_series([1.0 + rank, math.inf]) for rank in range(2))
    assert mean_and_range(even)[1].tolist() == [1.5, math.inf]


def test_a_repeated_step_counts_with_its_last_value() -> None:
    repeated = tuple(Series(np.array([3, 3]), np.zeros(2), np.array([1.0, 2.0 + rank])) for rank in range(2))
    assert mean_and_range(repeated)[1].tolist() == [2.5]


def test_between_its_points_a_line_counts_with_the_straight_line_and_beyond_them_not() -> None:
    lines = [(np.array([0.0, 2.0]), np.array([0.0, 2.0])), (np.array([0.0, 1.0, 4.0]), np.array([4.0, 3.0, 6.0]))]
    made = mean_of_lines(lines, "minmax")
    assert made.x.tolist() == [0, 1, 2, 4]
    assert made.mean.tolist() == [2, 2, 3, 6]
    assert made.low.tolist() == [0, 1, 2, 6]
    assert made.high.tolist() == [4, 3, 4, 6]
    assert made.counts.tolist() == [2, 2, 2, 1]


def test_bands_are_the_usual_statistics() -> None:
    x = np.array([0.0])
    lines = [(x, np.array([value])) for value in (1.0, 2.0, 3.0, 6.0)]
    deviation = float(np.std([1, 2, 3, 6], ddof=1))
    for spread, half in (("std", deviation), ("sem", deviation / 2), ("ci95", 3.1824 * deviation / 2)):
        made = mean_of_lines(lines, spread)  # type: ignore[arg-type]
        assert made.mean[0] == 3
        np.testing.assert_allclose([made.low[0], made.high[0]], [3 - half, 3 + half])


def test_too_few_lines_have_no_band() -> None:
    one, x = np.array([1.0]), np.array([0.0])
    assert np.isnan(mean_of_lines([(x, one)], "std").low).all()
    assert np.isnan(mean_of_lines([(x, one), (x, 2 * one)], "ci95").low).all()
    assert not np.isnan(mean_of_lines([(x, one), (x, 2 * one)], "sem").low).any()


def test_what_is_not_finite_does_not_reach_a_mean() -> None:
    x = np.array([0.0, 1.0, 2.0])
    made = mean_of_lines([(x, np.array([1.0, math.nan, 3.0])), (x, np.array([math.inf, 5.0, math.nan]))], "minmax")
    assert made.mean.tolist() == [1.0, 3.5, 3.0]
    assert len(mean_of_lines([(x, np.full(3, math.nan))], "std").x) == 0


def test_very_many_places_give_way_to_even_ones() -> None:
    lines = [(np.arange(1500.0) + shift / 10, np.ones(1500)) for shift in range(8)]
    made = mean_of_lines(lines, "std")
    assert len(made.x) <= MAX_GRID + 1
    assert (made.mean == 1).all()

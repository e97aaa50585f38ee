"""Series of ranks or seeds become one line with a band."""

from __future__ import annotations

import math

import numpy as np

from reportgen.analysis.bands import mean_and_range
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

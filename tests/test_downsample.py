import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reportgen.analysis.downsample import debiased_ema, envelope, gaps


def test_a_spike_of_one_step_survives():
    values = np.zeros(100_000)
    values[31_234] = 7.0
    values[70_001] = -3.0
    result = envelope(np.arange(100_000), values, 200)
    assert len(result) == 200
    assert result.max.max() == 7.0
    assert result.min.min() == -3.0
    assert result.max.argmax() == 31_234 * 200 // 99_999


def test_buckets_follow_the_steps_and_not_the_order():
    steps = np.array([0, 1, 2, 3, 100])
    result = envelope(steps, np.array([1.0, 2.0, 3.0, 4.0, 5.0]), 10)
    assert len(result) == 2
    assert result.first.tolist() == [1.0, 5.0]
    assert result.last.tolist() == [4.0, 5.0]
    assert result.mean.tolist() == [2.5, 5.0]
    assert result.steps.tolist() == [1.5, 100.0]
    assert (result.first_steps.tolist(), result.last_steps.tolist()) == ([0, 100], [3, 100])


def test_values_that_are_not_finite_do_not_hide_their_neighbours():
    values = np.array([1.0, np.nan, np.inf, 4.0, np.nan, np.nan])
    result = envelope(np.arange(6), values, 2)
    assert result.max.tolist()[0] == 1.0
    assert result.min.tolist()[1] == 4.0
    assert np.isnan(envelope(np.arange(4), np.full(4, np.nan), 2).mean).all()


def test_empty_single_and_repeated_steps():
    assert len(envelope(np.empty(0, np.int64), np.empty(0), 10)) == 0
    one = envelope(np.array([5]), np.array([2.0]), 10)
    assert (one.steps[0], one.min[0], one.max[0]) == (5, 2.0, 2.0)
    same = envelope(np.full(9, 3), np.arange(9.0), 4)
    assert (len(same), same.min[0], same.max[0], same.mean[0]) == (1, 0.0, 8.0, 4.0)


def test_a_mean_whose_sum_overflows_stays_between_the_extremes():
    result = envelope(np.arange(4), np.full(4, 1.7e308), 1)
    assert result.mean.tolist() == [1.7e308]


@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=200),
    st.integers(1, 50),
    st.integers(-(2**62), 2**62),
)
def test_extremes_are_those_of_the_series(values, buckets, start):
    array = np.array(values)
    finite = array[np.isfinite(array)]
    result = envelope(np.arange(len(values)) + start, array, buckets)
    assert len(result) <= buckets
    assert np.all(np.diff(result.steps) >= 0)
    if len(finite):
        assert np.nanmin(result.min) == finite.min()
        assert np.nanmax(result.max) == finite.max()
        known = ~np.isnan(result.mean)
        assert np.all((result.min[known] <= result.mean[known]) & (result.mean[known] <= result.max[known]))


def test_the_moving_average_has_no_start_at_zero():
    assert debiased_ema(np.array([5.0, 5.0, 5.0]), 0.9).tolist() == [5.0, 5.0, 5.0]
    smooth = debiased_ema(np.array([1.0, 3.0]), 0.5)
    assert smooth.tolist() == pytest.approx([1.0, (0.25 * 1 + 0.5 * 3) / 0.75])


def test_the_moving_average_passes_nan_through_and_does_not_count_it():
    with_gap = debiased_ema(np.array([1.0, np.nan, 3.0]), 0.5)
    assert np.isnan(with_gap[1])
    assert with_gap[2] == debiased_ema(np.array([1.0, 3.0]), 0.5)[1]


@pytest.mark.parametrize("weight", [-0.1, 1.0, float("nan")])
def test_a_weight_outside_the_range_is_refused(weight):
    with pytest.raises(ValueError, match="weight"):
        debiased_ema(np.array([1.0, 2.0]), weight)


def test_a_gap_is_found_and_growing_distances_are_none():
    steps = np.r_[np.arange(0, 71), np.arange(102, 200)]
    assert gaps(steps).tolist() == [70]
    assert gaps(np.array([1, 2, 5, 10, 20, 50, 100, 200, 500, 1000])).tolist() == []
    assert gaps(np.arange(0, 1000, 100)).tolist() == []
    assert gaps(np.array([1, 2])).tolist() == []

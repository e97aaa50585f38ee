"""Histograms: the names of their quantiles, which belong together, and what counts in buckets say of them."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reportgen.quantiles import (
    QUANTILES,
    Band,
    find_bands,
    find_edges,
    interpolate,
    places,
    quantile_name,
    split_quantile,
)
from reportgen.sources.histograms import quantiles_of_buckets


@pytest.mark.parametrize(
    ("percent", "name"),
    [(5, "w/q05"), (50, "w/q50"), (0, "w/q00"), (100, "w/q100"), (97.5, "w/q97.5"), (2.5, "w/q02.5"), (0.1, "w/q00.1")],
)
def test_a_name_says_which_quantile_it_is(percent: float, name: str) -> None:
    assert quantile_name("w", percent) == name
    assert split_quantile(name) == ("w", percent)


@pytest.mark.parametrize(
    "name", ["w", "w/q", "w/q101", "w/q5x", "/q05", "w/Q05", "w/q-5", "w_q05", "q05", "w/q٥", "w/q05/x"]
)
def test_other_names_are_no_quantiles(name: str) -> None:
    assert split_quantile(name) is None


def test_opposite_quantiles_around_a_median_are_bands_the_widest_first() -> None:
    names = ["loss", "a/w/q25", "a/w/q05", "a/w/q50", "a/w/q95", "a/w/q75", "b/q00", "b/q50", "b/q100"]
    bands = find_bands(names)
    assert bands == {
        "a/w/q50": (Band("a/w/q05", "a/w/q95", (5, 95)), Band("a/w/q25", "a/w/q75", (25, 75))),
        "b/q50": (Band("b/q00", "b/q100", (0, 100)),),
    }
    assert [band.label for band in (*bands["a/w/q50"], *bands["b/q50"])] == ["5–95 %", "25–75 %", "min–max"]
    assert [band.ends for band in (*bands["a/w/q50"], *bands["b/q50"])][1:] == [("25 %", "75 %"), ("min", "max")]
    assert find_edges(names) == set(names) - {"loss", "a/w/q50", "b/q50"}


def test_quantiles_that_lack_a_median_or_their_opposite_are_ordinary_metrics() -> None:
    assert find_bands(["a/q05", "a/q95", "b/q50", "b/q90", "c/q50", "d/q05", "e/p05", "e/p50", "e/p95"]) == {}
    assert find_edges(["a/q50", "a/q90", "a/q25", "a/q75"]) == {"a/q25", "a/q75"}


@given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=40), st.floats(0, 100))
def test_numbers_between_two_others_are_those_of_numpy(values: list[float], percent: float) -> None:
    ordered = sorted(values)
    own = interpolate(ordered, len(ordered), percent)
    low, high, share = places(len(ordered), percent)
    assert ordered[low] <= own <= ordered[high]
    assert 0 <= share < 1
    scale = max(map(abs, values))
    assert own == pytest.approx(
        float(np.quantile(np.array(values) / 4, percent / 100)) * 4, rel=1e-9, abs=1e-12 * scale
    )


def test_infinite_numbers_stay_at_the_ends() -> None:
    ordered = [-math.inf, 1.0, 2.0, math.inf]
    assert [interpolate(ordered, 4, percent) for percent in (0, 50, 100)] == [-math.inf, 1.5, math.inf]
    assert math.isnan(interpolate([-math.inf, math.inf], 2, 50))


# ---- buckets


def counted(values: list[float], bounds: list[float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return left and right bounds of buckets (left, right] around all values, and how many lie in each."""
    edges = np.array(sorted({min(values) - 1.0, *bounds, max(values)}))
    edges = edges[(edges >= min(values) - 1.0) & (edges <= max(values))]
    counts = np.array([sum(a < v <= b for v in values) for a, b in pairwise(edges)])
    return edges[:-1], edges[1:], counts.astype(np.float64)


@given(
    st.lists(st.integers(-1000, 1000).map(float), min_size=1, max_size=60),
    st.lists(st.integers(-1000, 1000).map(float), max_size=12),
)
def test_a_quantile_of_buckets_is_in_the_bucket_of_the_true_one(values: list[float], bounds: list[float]) -> None:
    left, right, counts = counted(values, bounds)
    found = quantiles_of_buckets(left, right, counts)
    assert found is not None
    true = np.quantile(values, np.array(QUANTILES) / 100, method="inverted_cdf")
    for own, wanted in zip(found.tolist(), true.tolist(), strict=True):
        bucket = int(np.flatnonzero((left < wanted) & (wanted <= right))[0])
        assert left[bucket] <= own <= right[bucket]


def test_numbers_lie_evenly_in_a_bucket() -> None:
    found = quantiles_of_buckets(np.array([0.0, 10.0]), np.array([10.0, 30.0]), np.array([10.0, 10.0]))
    assert found is not None
    assert found.tolist() == [1.0, 5.0, 10.0, 20.0, 28.0]


@pytest.mark.parametrize("counts", [[], [0.0], [-1.0], [math.nan], [math.inf]])
def test_buckets_without_a_number_have_no_quantiles(counts: list[float]) -> None:
    bounds = np.arange(len(counts), dtype=np.float64)
    assert quantiles_of_buckets(bounds, bounds + 1, np.array(counts)) is None


def test_counts_and_bounds_at_the_end_of_their_range_overflow_nothing() -> None:
    found = quantiles_of_buckets(np.array([-1.7e308, 0.0]), np.array([0.0, 1.7e308]), np.array([1e308, 1e308]))
    assert found is not None
    assert found[2] == 0
    assert np.isfinite(found).all()

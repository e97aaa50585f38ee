"""Differences of means: the distributions against scipy's, the tests against scipy's, and how often they are wrong."""

from __future__ import annotations

import itertools
import math
import random
import statistics

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from reportgen.analysis.statistics import (
    ALPHA,
    Noise,
    Pair,
    Sample,
    are_identical,
    beta_cdf,
    coincidence,
    compare_family,
    compare_means,
    correct,
    f_tail,
    find_resolution,
    make_sample,
    pool_noise,
    t_quantile,
    t_tail,
)

FREEDOMS = (1, 2, 3.7, 8, 29.5, 400, 1e6)


@pytest.mark.parametrize("freedom", FREEDOMS)
def test_tails_of_t_are_those_of_scipy(freedom: float) -> None:
    for t in (0.0, 1e-6, 0.5, 1, 2.5, 7, 40, 1e4):
        assert t_tail(-t, freedom) == pytest.approx(2 * stats.t.sf(t, freedom), rel=1e-8, abs=1e-300)


@pytest.mark.parametrize("freedom", FREEDOMS)
def test_quantiles_of_t_are_those_of_scipy(freedom: float) -> None:
    for tail in (1, 0.999, 0.4, 0.05, 0.005, 1e-4, 1e-9):
        assert t_quantile(tail, freedom) == pytest.approx(stats.t.isf(tail / 2, freedom), rel=1e-8, abs=1e-8)
    with pytest.raises(ValueError, match="a tail is a probability"):
        t_quantile(0, freedom)


def test_tails_of_f_and_the_beta_function_are_those_of_scipy() -> None:
    for over, under, f in ((4, 80, 2.4), (40, 800, 1.3), (1, 1, 9), (3, 7, 0.01)):
        assert f_tail(f, over, under) == pytest.approx(stats.f.sf(f, over, under), rel=1e-10)
    for x, a, b in ((0.2, 0.5, 0.5), (0.999, 40, 0.5), (1e-9, 2, 3), (0.5, 300, 300)):
        assert beta_cdf(x, a, b) == pytest.approx(stats.beta.cdf(x, a, b), rel=1e-9)
    assert (f_tail(0, 1, 1), f_tail(math.inf, 1, 1), beta_cdf(0, 1, 1), beta_cdf(1, 1, 1)) == (1, 0, 0, 1)


values = st.lists(st.floats(-1e6, 1e6).map(lambda v: round(v, 4)), min_size=2, max_size=12)


@pytest.mark.filterwarnings("ignore:Precision loss occurred:RuntimeWarning")
@given(values, values)
def test_welchs_interval_is_that_of_scipy(baseline: list[float], change: list[float]) -> None:
    one, other = make_sample(baseline), make_sample(change)
    assume(one.squares and other.squares)
    made = compare_means(one, other)
    expected = stats.ttest_ind(change, baseline, equal_var=False)
    low, high = expected.confidence_interval(0.99)
    assert made.method == "welch"
    assert made.p == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-12)
    interval = made.interval(0.01)
    assert interval == pytest.approx((low, high), rel=1e-6, abs=1e-9)


@given(values, values)
def test_pooled_with_earlier_runs_it_is_the_test_of_students_over_all_of_them(
    baseline: list[float], change: list[float]
) -> None:
    """The reference: a linear model with a mean for each commit, whose residual variance is the pooled one."""
    random_numbers = random.Random(1)
    earlier = [[random_numbers.gauss(100 * i, 2) for _ in range(4)] for i in range(5)]
    made = compare_means(make_sample(baseline), make_sample(change), pool_noise(earlier))
    groups = [baseline, change, *earlier]
    freedom = sum(len(g) - 1 for g in groups)
    squares = sum(statistics.variance(g) * (len(g) - 1) for g in groups)
    error = math.sqrt(squares / freedom * (1 / len(baseline) + 1 / len(change)))
    assert (made.method, made.freedom) == ("pooled", freedom)
    assert made.error == pytest.approx(error, rel=1e-6)
    assert made.p == pytest.approx(2 * stats.t.sf(abs(made.estimate) / error, freedom), rel=1e-6, abs=1e-300)


@given(st.lists(st.floats(0, 1), max_size=20))
def test_levels_are_those_of_holm(probabilities: list[float]) -> None:
    levels = correct(probabilities)
    order = sorted(range(len(probabilities)), key=lambda i: probabilities[i])
    rejected = set()
    for place, i in enumerate(order):  # Holm's own words
        if probabilities[i] > ALPHA / (len(order) - place):
            break
        rejected.add(i)
    assert {i for i, (p, level) in enumerate(zip(probabilities, levels, strict=True)) if p <= level} == rejected


@given(values, values, st.floats(1e-6, 1))
def test_an_interval_excludes_zero_if_and_only_if_the_level_is_reached(
    baseline: list[float], change: list[float], level: float
) -> None:
    made = compare_means(make_sample(baseline), make_sample(change))
    interval = made.interval(level)
    if abs(made.p - level) > 1e-9 * level:
        assert (interval is not None and not interval[0] <= 0 <= interval[1]) == (made.p <= level)


def test_one_run_a_side_claims_nothing() -> None:
    made = compare_means(make_sample([1.0]), make_sample([9.0, 9.1, 9.2]), Noise(1.0, 80, 20))
    assert (made.method, made.p, made.interval(1.0), made.detectable(0.05)) == ("none", 1.0, None, None)


def test_values_that_repeat_are_judged_by_the_ways_to_deal_them_out() -> None:
    three, five = (compare_means(make_sample([1.0] * n), make_sample([2.0] * n)) for n in (3, 5))
    assert (three.p, five.p) == (2 / 20, 2 / 252)
    assert three.interval(0.05) is None
    assert five.interval(0.05) == (1.0, 1.0)
    assert compare_means(make_sample([1.0] * 3), make_sample([2.0] * 4)).p == 1 / 35
    known = compare_means(make_sample([1.0] * 2), make_sample([2.0] * 2), pool_noise([[5.0] * 3] * 4))
    assert (known.method, known.p, known.interval(1e-9), known.detectable(0.05)) == ("exact", 0.0, (1.0, 1.0), 0.0)
    same = compare_means(make_sample([0.1 + 0.2] * 3), make_sample([0.3] * 3))
    assert (same.method, same.p, same.estimate) == ("exact", 1.0, 0.0)


def test_huge_values_are_no_difference_rather_than_an_overflow() -> None:
    made = compare_means(make_sample([1e308, -1e308]), make_sample([1e308, -1e308, 0.0]))
    assert (made.method, made.p) == ("none", 1.0)
    assert make_sample([]).count == 0 and math.isnan(make_sample([]).mean)


@pytest.mark.parametrize("size", [1e-300, 1e-180, 1e300])
def test_values_whose_squares_no_float_holds_claim_nothing(size: float) -> None:
    numbers = random.Random(1)
    baseline, change, *earlier = ([numbers.gauss(size, size / 10) for _ in range(5)] for _ in range(5))
    assert pool_noise([*earlier, [size] * 5]) == Noise(0.0, 4, 1)
    for noise in (None, pool_noise([[1.0, 1.5, 2.0]] * 5)):
        found = compare_means(make_sample(baseline), make_sample(change), noise)
        assert (found.method, found.p, found.interval(ALPHA)) == ("none", 1.0, None)
    calm = [Pair(make_sample([1, 2.1, 3]), make_sample([1, 2, 3]), pool_noise([[1.0, 2, 3]] * 5)) for _ in range(3)]
    odd = Pair(make_sample(baseline), make_sample(change), pool_noise([[1.0, 2, 3]] * 5))
    assert [d.method for d in compare_family([*calm, odd])] == ["pooled"] * 3 + ["none"]


def test_a_detectable_difference_is_found_in_about_four_of_five_cases() -> None:
    one, other = Sample(5, 0.0, 4.0), Sample(5, 0.0, 4.0)  # a standard deviation of 1 on either side
    found = compare_means(one, other)
    size = found.detectable(0.05)
    assert size is not None
    power = stats.nct.sf(stats.t.isf(0.025, 8), 8, size / math.sqrt(2 / 5))
    assert power == pytest.approx(0.8, abs=0.03)


def test_noise_of_earlier_runs_is_left_aside_where_these_spread_more() -> None:
    noise = Noise(80.0, 80, 20)
    calm, wild = Sample(5, 0.0, 4.0), Sample(5, 3.0, 24.0)
    methods = [d.method for d in compare_family([Pair(calm, wild, noise), *[Pair(calm, calm, noise)] * 9])]
    assert methods == ["welch", *["pooled"] * 9]
    a_little = Sample(5, 0.0, 11.0)
    assert {d.method for d in compare_family([Pair(calm, a_little, noise)] * 10)} == {"welch"}
    assert compare_family([Pair(calm, calm, Noise(0.0, 80, 20))])[0].method == "welch"
    assert compare_family([Pair(calm, calm, Noise(3.0, 7, 7))])[0].method == "welch"


# ---- how often it is wrong, and how often it finds something


def judge(
    random_numbers: random.Random, *, commits: int, shift: float = 0.0, spread: float = 1.0, metrics: int = 10
) -> list[bool]:
    """Return which of the metrics of a simulated change are said to differ; `shift` moves the fourth."""
    pairs = []
    for i in range(metrics):
        scale = 10.0 ** (i % 5 - 2)

        def draw(mean: float = 0.0, deviation: float = 1.0, scale: float = scale) -> list[float]:
            return [scale * random_numbers.gauss(mean, deviation) for _ in range(5)]

        noise = pool_noise(draw() for _ in range(commits))
        pairs.append(Pair(make_sample(draw()), make_sample(draw(shift if i == 3 else 0.0, spread)), noise))
    found = compare_family(pairs)
    return [d.p <= level for d, level in zip(found, correct([d.p for d in found]), strict=True)]


@pytest.mark.parametrize(("commits", "spread"), [(0, 1.0), (0, 1.5), (10, 1.0), (10, 1.5)])
def test_a_change_without_effect_is_seldom_said_to_have_one(commits: int, spread: float) -> None:
    random_numbers = random.Random(7)
    trials = 300
    wrong = sum(any(judge(random_numbers, commits=commits, spread=spread)) for _ in range(trials))
    assert stats.binom.sf(wrong - 1, trials, 0.06) > 1e-3, wrong  # more than 6 % would be as unlikely as this


def test_a_change_of_three_deviations_in_one_of_ten_metrics_is_found_once_the_noise_is_known() -> None:
    random_numbers = random.Random(7)
    trials = 300
    found = sum(judge(random_numbers, commits=10, shift=3.0)[3] for _ in range(trials))
    assert stats.binom.cdf(found, trials, 0.95) > 1e-3, found
    alone = sum(judge(random_numbers, commits=0, shift=3.0)[3] for _ in range(trials))
    assert 0.6 * trials < alone < 0.85 * trials  # Welch's test with five runs a side finds three of four


# ---- seeds that repeat their values


@pytest.mark.parametrize(
    ("values", "resolution"),
    [
        ([0.9, 0.95], 0.05),
        ([0.949999988079071, 0.8999999761581421], 0.05),  # as float32 holds them
        ([27 / 30, 28 / 30], 1 / 30),
        ([0.9532, 0.9611], 0.0001),
        ([0.0003, 0.0005], 0.0001),
        ([12.0, -8.0, 0.0], 4.0),
        ([0.9, 0.951234567891], 0.0),
        ([1e300, math.pi * 1e-300], 0.0),
    ],
)
def test_the_resolution_is_the_largest_number_that_all_values_are_multiples_of(
    values: list[float], resolution: float
) -> None:
    assert find_resolution(values) == pytest.approx(resolution, rel=1e-6)


@pytest.mark.parametrize("resolution", [0.2, 0.5, 1.0])
def test_how_likely_coarse_values_repeat_is_about_what_a_normal_distribution_says(resolution: float) -> None:
    """Rounded values of deviation 1 that are spread as evenly as ten can be."""
    drawn = [resolution * round(stats.norm.ppf((i + 0.5) / 10) / resolution) for i in range(10)]
    cells = [resolution * (k + 0.5) for k in range(-80, 80)]
    each = sum((stats.norm.cdf(b) - stats.norm.cdf(a)) ** 2 for a, b in itertools.pairwise(cells))
    assert coincidence(drawn) ** (1 / 10) == pytest.approx(each, rel=0.15)


def test_sides_repeat_when_all_seeds_do_beyond_chance() -> None:
    sharp = {"1": 0.912345678, "2": 0.898765432}
    assert are_identical(sharp, dict(reversed(sharp.items())))
    assert are_identical(sharp, {seed: value * (1 + 1e-15) for seed, value in sharp.items()})
    assert not are_identical(sharp, {**sharp, "2": 0.898765431})
    assert not are_identical(sharp, {**sharp, "3": 0.9})
    assert not are_identical({"1": 0.912345678}, {"1": 0.912345678})
    assert not are_identical({}, {})
    for coarse in ({"1": 0.9, "2": 0.95}, {"1": 0.9, "2": 0.9}):
        assert not are_identical(coarse, dict(coarse))


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=6))
def test_any_values_have_a_chance_to_repeat(values: list[float]) -> None:
    assert 0 <= coincidence(values) <= 1

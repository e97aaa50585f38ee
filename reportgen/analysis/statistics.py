"""Whether two means differ by more than chance: Welch's interval, Holm's correction, noise known from repeated runs.

Pure functions on numbers. `docs/statistics.md` gives the method in words, its sources, what it assumes and what it does
not claim. The distributions are computed here, since scipy is no dependency; tests compare them with scipy's.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Final, Literal, TypeAlias

ALPHA: Final = 0.05
"""Chance of a false claim among all tests of a family when nothing has changed."""
POWER: Final = 0.8
"""How surely a difference that is called detectable would be found."""
MIN_FREEDOM: Final = 8
"""Degrees of freedom from which on earlier runs tell how noisy a metric is."""
GUARD_ONE: Final = 0.002
GUARD_ALL: Final = 0.005
"""Levels of the tests whether runs spread more than earlier ones: of one metric, and of all metrics together."""
EXACT: Final = 1e-12
"""Values that differ by less than this part of their size are the same number, summed in another order."""
COINCIDENCE: Final = 0.01
"""How likely independent runs may be to repeat all values, for a repetition to tell that nothing changed."""

Method: TypeAlias = Literal["welch", "pooled", "identical", "exact", "repeats", "none"]
"""`welch`: each side's own variance; `pooled`: one variance of both sides and of earlier runs; `identical`: each seed
gave the same value on either side; `exact`: the metric has never varied; `repeats`: it did not vary in these runs, of
which there may be too few; `none`: too few values."""


# ---- distributions


def beta_cdf(x: float, a: float, b: float) -> float:
    """Return the regularised incomplete beta function I_x(a, b) for 0 <= x <= 1 and a, b > 0.

    The continued fraction of DLMF 8.17.22, evaluated by Lentz's method as modified by Thompson and Barnett (1986).
    """
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    if x < (a + 1) / (a + b + 2):
        return math.exp(log_front) * _beta_fraction(x, a, b) / a
    return 1.0 - math.exp(log_front) * _beta_fraction(1 - x, b, a) / b


def _beta_fraction(x: float, a: float, b: float) -> float:
    tiny = 1e-300
    c, d = 1.0, 1.0 - (a + b) * x / (a + 1)
    d = 1.0 / (d if abs(d) > tiny else tiny)
    result = d
    for m in range(1, 10_000):
        for numerator in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1.0 + numerator * d
            d = 1.0 / (d if abs(d) > tiny else tiny)
            c = 1.0 + numerator / c
            c = c if abs(c) > tiny else tiny
            result *= d * c
        if abs(d * c - 1.0) < 1e-15:
            break
    return result


def t_tail(t: float, freedom: float) -> float:
    """Return the probability that |T| > |t| for Student's t with `freedom` > 0 degrees of freedom."""
    if math.isinf(t):
        return 0.0
    if t * t < 1:  # the other side of the same integral, which small t do not round away
        return 1.0 - beta_cdf(t * t / (freedom + t * t), 0.5, freedom / 2)
    return beta_cdf(freedom / (freedom + t * t), freedom / 2, 0.5)


@lru_cache(maxsize=4096)
def t_quantile(tail: float, freedom: float) -> float:
    """Return the t >= 0 with `t_tail(t, freedom)` = `tail`, for 0 < tail <= 1: Newton's method within a bracket."""
    if not 0 < tail <= 1:
        raise ValueError(f"a tail is a probability above 0, not {tail}")
    low, high = 0.0, 1.0
    while t_tail(high, freedom) > tail:
        low, high = high, high * 2
        if high > 1e300:
            return math.inf
    log_scale = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2) - 0.5 * math.log(freedom * math.pi)
    t = (low + high) / 2
    for _ in range(200):
        error = t_tail(t, freedom) - tail
        low, high = (t, high) if error > 0 else (low, t)
        density = math.exp(log_scale - (freedom + 1) / 2 * math.log1p(t * t / freedom))
        step = t + error / (2 * density) if density else math.inf
        following = step if low < step < high else (low + high) / 2
        if abs(following - t) <= 1e-13 * max(1.0, t):
            return following
        t = following
    return t


def f_tail(f: float, over: float, under: float) -> float:
    """Return the probability that F > f for the F distribution with `over` and `under` degrees of freedom."""
    if f <= 0:
        return 1.0
    if math.isinf(f):
        return 0.0
    return beta_cdf(under / (under + over * f), under / 2, over / 2)


# ---- samples and noise


@dataclass(frozen=True, slots=True)
class Sample:
    """What a few values amount to."""

    count: int
    mean: float
    """NaN without values."""
    squares: float
    """Σ(x - mean)²; 0 only for values that are equal but for rounding, infinite where no float holds it."""

    @property
    def freedom(self) -> int:
        """Degrees of freedom of the variance."""
        return max(0, self.count - 1)

    @property
    def variance(self) -> float:
        """The sample variance; NaN below two values."""
        return self.squares / self.freedom if self.freedom else math.nan


def make_sample(values: Sequence[float]) -> Sample:
    """Return count, mean and sum of squares of finite values."""
    if not values:
        return Sample(0, math.nan, 0.0)
    mean = math.fsum(v / len(values) for v in values)
    spread = max(values) - min(values)
    if spread <= EXACT * max(abs(v) for v in values):
        return Sample(len(values), mean, 0.0)
    scale = spread if math.isfinite(spread) else max(abs(v) for v in values)
    squares = scale * scale * math.fsum(((v - mean) / scale) ** 2 for v in values)
    return Sample(len(values), mean, squares if squares >= sys.float_info.min else math.inf)


@dataclass(frozen=True, slots=True)
class Noise:
    """How much runs of one configuration vary at one commit."""

    squares: float
    freedom: int
    groups: int
    """Commits with at least two runs."""

    @property
    def variance(self) -> float:
        """The variance within the commits, pooled: Σ(x - mean of its commit)² / Σ(n - 1)."""
        return self.squares / self.freedom

    @property
    def is_known(self) -> bool:
        """True when there are enough runs to rely on it."""
        return self.freedom >= MIN_FREEDOM


def pool_noise(groups: Iterable[Sequence[float]]) -> Noise | None:
    """Return the noise within groups of repeated runs; None when no group has two values."""
    samples = [sample for values in groups if math.isfinite((sample := make_sample(values)).squares) and sample.freedom]
    if not samples:
        return None
    return Noise(math.fsum(s.squares for s in samples), sum(s.freedom for s in samples), len(samples))


# ---- differences


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference of two means and how sure it is, before it is corrected for its company."""

    estimate: float
    """Mean of the change minus mean of the baseline."""
    error: float
    """Its standard error; NaN where it is not known, 0 where there is none."""
    freedom: float
    p: float
    """Probability of a difference at least as large without a cause; 1 where nothing can be said."""
    method: Method

    def interval(self, level: float) -> tuple[float, float] | None:
        """Return the interval that excludes zero if and only if p <= `level`; None where there is none."""
        if self.method == "none" or (self.method == "repeats" and self.p > level):
            return None
        half = t_quantile(level, self.freedom) * self.error if self.error else 0.0
        return (self.estimate - half, self.estimate + half)

    def detectable(self, level: float) -> float | None:
        """Return the smallest true difference that would be found in about 80 % of cases; None where none would.

        (t(1 - level / 2) + t(0.8)) · standard error, the usual approximation (Bloom 1995).
        """
        if self.method in ("none", "repeats") or not self.error:
            return 0.0 if self.method == "exact" else None
        return (t_quantile(level, self.freedom) + t_quantile(2 * (1 - POWER), self.freedom)) * self.error


def compare_means(baseline: Sample, change: Sample, noise: Noise | None = None) -> Difference:
    """Return the difference of two means.

    With `noise` that is known its variance is pooled with that of both sides. Without, it is Welch's test (1947), the
    degrees of freedom after Satterthwaite (1946). Below two values on a side nothing is claimed.
    """
    estimate = change.mean - baseline.mean
    if min(baseline.count, change.count) < 2 or not math.isfinite(estimate + baseline.squares + change.squares):
        return Difference(estimate, math.nan, 0.0, 1.0, "none")
    known = noise if noise is not None and noise.is_known else None
    if known is not None and known.squares + baseline.squares + change.squares > 0:
        freedom: float = known.freedom + baseline.freedom + change.freedom
        variance = (known.squares + baseline.squares + change.squares) / freedom
        error = math.sqrt(variance * (1 / baseline.count + 1 / change.count))
        return _tested(estimate, error, freedom, "pooled")
    if baseline.squares == change.squares == 0:
        return _compare_repeats(baseline, change, estimate, is_exact=known is not None)
    parts = (baseline.variance / baseline.count, change.variance / change.count)
    total = math.fsum(parts)
    if not total or not math.isfinite(total):
        return Difference(estimate, math.nan, 0.0, 1.0, "none")  # beyond what a float can square
    shares = [part / total for part in parts]
    freedom = 1 / (shares[0] ** 2 / baseline.freedom + shares[1] ** 2 / change.freedom)
    return _tested(estimate, math.sqrt(total), freedom, "welch")


def _tested(estimate: float, error: float, freedom: float, method: Method) -> Difference:
    return Difference(estimate, error, freedom, t_tail(estimate / error, freedom), method)


def _compare_repeats(baseline: Sample, change: Sample, estimate: float, *, is_exact: bool) -> Difference:
    """Compare sides that do not vary: exactly if earlier runs did not either, else by the permutation test.

    Without a cause each way to deal the values out to the sides is as likely as the one that was seen, and only this
    one (and its mirror image, for sides of one size) parts them as clearly: p = 1 or 2 / C(n + m, n).
    """
    if abs(estimate) <= EXACT * max(abs(baseline.mean), abs(change.mean)):
        return Difference(0.0, 0.0, math.inf, 1.0, "exact")
    if is_exact:
        return Difference(estimate, 0.0, math.inf, 0.0, "exact")
    ways = math.comb(baseline.count + change.count, change.count)
    return Difference(estimate, 0.0, math.inf, (2 if baseline.count == change.count else 1) / ways, "repeats")


# ---- families


@dataclass(frozen=True, slots=True)
class Pair:
    """What is known of one metric of one configuration on both sides."""

    baseline: Sample
    change: Sample
    noise: Noise | None
    """Of earlier commits than the baseline's."""
    is_identical: bool = False
    """True for `are_identical` sides."""


def compare_family(pairs: Sequence[Pair]) -> list[Difference]:
    """Return the differences of metrics that are judged together.

    Noise of earlier runs counts only where these runs do not spread more: a metric whose runs do (F test of either
    side, 0.2 %) is tested by Welch's test, and so are all where they do together (0.5 %).
    """
    known = [pair for pair in pairs if pair.noise is not None and pair.noise.is_known and pair.noise.squares > 0]
    restless = any(_spreads_more(known, side) for side in ("baseline", "change"))
    return [
        _IDENTICAL
        if p.is_identical
        else compare_means(p.baseline, p.change, None if restless or _is_louder(p) else p.noise)
        for p in pairs
    ]


_IDENTICAL: Final = Difference(0.0, 0.0, math.inf, 1.0, "identical")
"""Every difference between runs of one seed is 0, and so is their mean, without an error."""


def are_identical(baseline: Mapping[str, float], change: Mapping[str, float]) -> bool:
    """Tell whether both sides have the same seeds, two at least, and each the same value, which is no coincidence."""
    return (
        len(baseline) > 1
        and baseline.keys() == change.keys()
        and all(abs(value - change[seed]) <= EXACT * abs(value) for seed, value in baseline.items())
        and coincidence(list(baseline.values())) <= COINCIDENCE
    )


def coincidence(values: Sequence[float]) -> float:
    """Return about how likely independent runs that spread like `values`, two at least, are to repeat each of them.

    (q / (2 s √π))ⁿ: the density at 0 of the difference of two normal values of deviation s, times the resolution q.
    """
    deviation = math.sqrt(make_sample(values).variance)
    if not deviation:
        return 1.0
    return min(1.0, find_resolution(values) / (2 * deviation * math.sqrt(math.pi))) ** len(values)


def find_resolution(values: Iterable[float]) -> float:
    """Return the largest number of which all finite `values` are multiples: 0.05 for accuracies on twenty examples.

    0 where one is neither a ratio with a denominator up to 1,000 nor a decimal of four digits, within a float32.
    """
    found = []
    for value in values:
        near = (Fraction(value).limit_denominator(1000), Fraction(f"{value:.4g}"))
        ratio = next((each for each in near if abs(each - Fraction(value)) <= abs(value) * 1e-7), None)
        if ratio is None:
            return 0.0
        found.append(ratio)
    whole = math.lcm(*(each.denominator for each in found))
    return float(Fraction(math.gcd(*(int(each * whole) for each in found)), whole))


def _is_louder(pair: Pair) -> bool:
    if pair.noise is None or not pair.noise.is_known:
        return False
    for side in (pair.baseline, pair.change):
        if not pair.noise.squares:
            if side.squares:
                return True
        elif side.freedom and f_tail(side.variance / pair.noise.variance, side.freedom, pair.noise.freedom) < GUARD_ONE:
            return True
    return False


def _spreads_more(pairs: Sequence[Pair], side: str) -> bool:
    """Tell whether the runs of one side spread more than earlier ones, over all metrics together.

    The mean ratio of the variances, each over what it would be on average, n / (n - 2), is taken for F distributed with
    the degrees of freedom of all metrics. Metrics that depend on each other make it fire too often, which costs
    sharpness and never honesty.
    """
    own: list[tuple[Sample, Noise]] = []
    for pair in pairs:
        sample: Sample = getattr(pair, side)
        if sample.freedom and math.isfinite(sample.squares) and pair.noise is not None:
            own.append((sample, pair.noise))
    if len(own) < 2:
        return False
    over, under = sum(s.freedom for s, _ in own), sum(n.freedom for _, n in own)
    ratio = math.fsum(s.squares / n.variance * (n.freedom - 2) / n.freedom for s, n in own) / over
    return f_tail(ratio, over, under) < GUARD_ALL


def correct(probabilities: Sequence[float], alpha: float = ALPHA) -> list[float]:
    """Return for each p the level that it is judged by, so that p <= level holds if and only if Holm rejects it.

    Holm (1979): the smallest of m is judged by alpha / m, the next by alpha / (m - 1), and so on until one fails, by
    whose level all larger ones are judged. The chance of any false claim stays below alpha, however the tests depend
    on each other.
    """
    order = sorted(range(len(probabilities)), key=lambda i: probabilities[i])
    levels = [alpha] * len(probabilities)
    level = alpha / max(1, len(probabilities))
    failed = False
    for place, i in enumerate(order):
        if not failed:
            level = alpha / (len(probabilities) - place)
            failed = probabilities[i] > level
        levels[i] = level
    return levels

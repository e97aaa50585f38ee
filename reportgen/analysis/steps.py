"""Steps in a noisy series: stretches of one level, and the changes between them. Pure functions on arrays.

The method is that of airspeed velocity (`asv.step_detect`): a weighted L1 Potts fit, whose penalty is chosen by an
information criterion that knows of correlated noise. `docs/history.md` tells of it at length; `tests/peers` compares
the two on the same series.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import add
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from reportgen.analysis.rangemedian import RangeMedian
from reportgen.model import Floats, Ints

WINDOW: Final = 20
"""Longest piece that is looked for exactly; longer ones are made of these."""
LEAST: Final = 8
"""Of fewer values nothing is claimed: in three of them noise alone would make a step in two of five cases."""
_LARGEST: Final = 1e308
_ROUNDING: Final = 1e-9
"""Parts of the largest deviation by which equal values may differ, as means of equal values do."""
_GOLDEN: Final = 2 / (1 + math.sqrt(5))


@dataclass(frozen=True, slots=True)
class Step:
    """A stretch of a series at one level."""

    start: int
    """Index of its first value."""
    stop: int
    """Index behind its last value; missing values between two stretches belong to neither."""
    value: float
    """Weighted median of its values."""
    low: float
    """The least of its values."""
    error: float
    """Mean weighted distance of its values from the median."""
    count: int
    """How many values it has, missing ones left out."""


@dataclass(frozen=True, slots=True)
class Rise:
    """A place from which on a series stayed above where it had been."""

    before: int
    """Index of the last value before it."""
    after: int
    """Index of the first value behind it."""


# ---- the fit


def penalty(count: int) -> float:
    """Return β, what one more level must gain in a series of `count` values: 4·ln(n)/n up to 12, 3·ln(n)/n from 18 on.

    asv takes the former throughout, and then misses half of the steps of six deviations in twenty values. The latter
    finds most of them, with false ones in less than 1 % of series of independent normal values (`bench_steps`), and
    more where values drift; in shorter series it would see more.
    """
    factor = 3 + min(1.0, max(0.0, (18 - count) / 6))
    return factor * math.log(count) / count


def least_misfit(values: Floats) -> float:
    """Return σ₀, what is left of any fit of `values` float64[n], which lie within ±1: better ones fit too well.

    A tenth of the median move from one value to the next. Rounded values, such as accuracies on few examples, repeat
    although they are noisy, and each may be off by half of their resolution: so it is at least as much for each move.
    """
    moves = np.abs(np.diff(values))
    if not np.any(moves > 0):
        return 1e-300
    gaps = np.diff(np.sort(values))
    resolution = float(np.min(gaps[gaps > _ROUNDING], initial=2.0))
    coarse = 0.5 * resolution * np.count_nonzero(moves > _ROUNDING)
    return max(1e-300, 0.1 * float(np.median(moves[moves > 0])), float(coarse))


def detect_steps(values: Floats, weights: Floats | None = None) -> tuple[Step, ...]:
    """Return the stretches of `values` float64[n] of equal level, in order; what is not finite is missing.

    Fewer than `LEAST` values are one stretch.

    `weights` float64[n] say how much each value counts against the others; NaN is the usual weight, and a value whose
    weight is not above zero is missing. The fit minimises γ·J + Σ w·|y − x|, with J the number of stretches, the γ that
    minimises β·J + log(σ₀ + Σ w·|E_j − ρ·E_{j−1}|), β being `penalty(n)`, E the residuals, ρ their fitted correlation,
    and σ₀ the `least_misfit`.
    """
    given = np.full(len(values), math.nan) if weights is None else np.asarray(weights, np.float64)
    known = np.flatnonzero(np.isfinite(values) & ~(given <= 0) & ~np.isinf(given))
    if not len(known):
        return ()
    own, heavy = np.asarray(values, np.float64)[known], _filled(given)[known]
    rights = _Fit(own, heavy).solve().tolist() if len(own) >= LEAST else [len(own)]
    return tuple(
        _make_step(int(known[a]), int(known[b - 1]) + 1, own[a:b], heavy[a:b]) for a, b in pairwise([0, *rights])
    )


def _make_step(start: int, stop: int, values: Floats, weights: Floats) -> Step:
    """Return the stretch of `values`, none of which is missing."""
    order = np.argsort(values, kind="stable")
    running = np.cumsum(weights[order])
    half = running[-1] / 2
    lower, upper = values[order[np.argmax(running >= half)]], values[order[np.argmax(running > half)]]
    with np.errstate(over="ignore"):
        value = float(lower / 2 + upper / 2) if lower != upper else float(lower)
        error = float(np.dot(weights, np.abs(values - value)) / len(values))
    return Step(start, stop, value, float(values.min()), min(error, _LARGEST), len(values))


def _filled(weights: Floats) -> Floats:
    """Return the weights in units of their median, 1 where one is not known."""
    known = weights[~np.isnan(weights)]
    middle = float(np.median(known)) if len(known) else 1.0
    return np.where(np.isnan(weights), 1.0, weights / (middle or 1.0))


class _Fit:
    """The Potts problem of one series without gaps, in which all values have weights."""

    def __init__(self, values: Floats, weights: Floats) -> None:
        self._weights = weights
        self._n = len(values)
        # Sums must neither overflow nor lose what distinguishes values that are far from zero.
        centre = float(np.partition(values, self._n // 2)[self._n // 2])
        with np.errstate(over="ignore"):
            largest = float(np.max(np.abs(values - centre)))
        scale = min(largest, _LARGEST) or 1.0
        if largest > _LARGEST:
            self._scaled = values / scale - centre / scale
        else:
            self._scaled = (values - centre) / scale
        self._floor = least_misfit(self._scaled)
        self._ranges = RangeMedian(self._scaled, weights)
        self._windows = self._make_windows()

    def solve(self) -> Ints:
        """Return the right ends of the pieces, for the best γ."""
        n, whole = self._n, float(self._ranges.distances(np.array([0]), np.array([self._n]))[0]) or 1.0
        if n < 2:
            return np.array([n])
        beta = penalty(n)
        best: tuple[float, Ints] = (math.inf, np.array([n]))

        def judge(x: float) -> float:
            nonlocal best
            rights = self._approximate(whole * math.exp(x))
            objective = beta * len(rights) + math.log(self._misfit(rights))
            if objective < best[0]:
                best = (objective, rights)
            return objective

        low = math.log(0.1 / n)
        _golden_search(judge, low, 0.0, near=abs(low) * 0.1, alike=0.0)
        return best[1]

    def _misfit(self, rights: Ints) -> float:
        """Return σ₀ + Σ w·|E_j − ρ·E_{j−1}| for the best ρ: the noise that is left, correlated noise counted once."""
        lefts = np.concatenate([[0], rights[:-1]])
        residuals = self._scaled - np.repeat(self._ranges.medians(lefts, rights), rights - lefts)
        now, then, weights = residuals[1:], residuals[:-1], self._weights[1:]
        first = abs(residuals[0]) * self._weights[0]

        def remaining(rho: float) -> float:
            return float(first + np.dot(weights, np.abs(now - rho * then)))

        return self._floor + remaining(_golden_search(remaining, -1.0, 1.0, near=0.05, alike=1e-8))

    # ---- one γ

    def _make_windows(self) -> list[list[float]]:
        """Return for each value the distances of the ranges that end with it, of 1, 2 … `WINDOW` values."""
        n, values, weights = self._n, self._scaled, self._weights
        distances = np.zeros((n, WINDOW))  # of one value it is zero
        even = bool(np.all(weights == weights[0]))
        for size in range(2, min(WINDOW, n) + 1):
            ranges, heavy = sliding_window_view(values, size), sliding_window_view(weights, size)
            if even:
                middle = np.partition(ranges, size // 2, axis=1)[:, size // 2]
            else:
                order = np.argsort(ranges, axis=1)
                running = np.cumsum(np.take_along_axis(heavy, order, 1), axis=1)
                place = np.argmax(running >= running[:, -1:] / 2, axis=1)[:, None]
                middle = np.take_along_axis(ranges, np.take_along_axis(order, place, 1), 1)[:, 0]
            distances[size - 1 :, size - 1] = np.einsum("ij,ij->i", heavy, np.abs(ranges - middle[:, None]))
        return [row[: i + 1] for i, row in enumerate(distances.tolist())]

    def _approximate(self, gamma: float) -> Ints:
        """Return the right ends of pieces that are near the optimum for `gamma`: short ones, joined and shifted."""
        rights, grown = self._join(self._short_pieces(gamma), gamma)
        return self._shift(rights, grown)

    def _short_pieces(self, gamma: float) -> Ints:
        """Return the right ends of the optimal pieces of at most `WINDOW` values.

        Dynamic programming over the last piece (Friedrich, Kempe, Liebscher and Winkler 2008).
        """
        cost, lengths = [-gamma], []
        for distances in self._windows:
            trial = list(map(add, cost[: -WINDOW - 1 : -1], distances))
            least = min(trial)
            cost.append(least + gamma)
            lengths.append(trial.index(least) + 1)  # the shortest of equally good ones
        rights, right = [], self._n
        while right > 0:
            rights.append(right)
            right -= lengths[right - 1]
        return np.array(rights[::-1])

    def _join(self, rights: Ints, gamma: float) -> tuple[Ints, frozenset[int]]:
        """Join neighbours as long as that lowers the cost; return the right ends, and those at which a joined piece is.

        In each round all pairs are joined that gain more than the pairs beside them.
        """
        joined = np.zeros(len(rights), bool)
        own = self._ranges.distances(np.concatenate([[0], rights[:-1]]), rights)
        while len(rights) > 1:
            lefts = np.concatenate([[0], rights[:-1]])
            both = self._ranges.distances(lefts[:-1], rights[1:])
            change = both - own[:-1] - own[1:] - gamma
            around = np.concatenate([[math.inf], change, [math.inf]])
            chosen = np.flatnonzero((change <= 0) & (change <= around[:-2]) & (change < around[2:]))
            if not len(chosen):
                break
            own[chosen + 1] = both[chosen]
            joined[chosen + 1] = True
            rights, own, joined = (np.delete(a, chosen) for a in (rights, own, joined))
        touched = joined[:-1] | joined[1:]
        return rights, frozenset(rights[:-1][touched].tolist())

    def _shift(self, rights: Ints, doubtful: frozenset[int]) -> Ints:
        """Move the `doubtful` ends by up to `WINDOW` where that lowers the cost: every second one, then the others."""
        movable = np.array([r in doubtful for r in rights[:-1].tolist()], bool)
        offsets = np.concatenate([[0], np.delete(np.arange(-WINDOW, WINDOW + 1), WINDOW)])
        for turn in (0, 1):
            at = np.flatnonzero(movable & (np.arange(len(movable)) % 2 == turn))
            if not len(at):
                continue
            lefts, ends = np.where(at > 0, rights[at - 1], 0)[:, None], rights[at + 1][:, None]
            trial = rights[at][:, None] + offsets
            valid = (trial > lefts) & (trial < ends)
            trial = np.where(valid, trial, rights[at][:, None])
            left, right = (np.broadcast_to(a, trial.shape).ravel() for a in (lefts, ends))
            flat = trial.ravel()
            cost = (self._ranges.distances(left, flat) + self._ranges.distances(flat, right)).reshape(trial.shape)
            best = np.argmin(np.where(valid, cost, math.inf), axis=1)  # the first of equals, so that none moves in vain
            rights = rights.copy()
            rights[at] = trial[np.arange(len(at)), best]
        return rights


def _golden_search(f: Callable[[float], float], low: float, high: float, *, near: float, alike: float) -> float:
    """Return about where `f` is least, by golden section that begins with `low` and `high` themselves.

    It ends when the bracket is narrower than `near`, or the values at its inner points differ by less than `alike`
    times the first ones.
    """
    g = _GOLDEN
    a, d = (g * low - (1 - g) * high) / (2 * g - 1), (g * high - (1 - g) * low) / (2 * g - 1)
    b, c = g * a + (1 - g) * d, (1 - g) * a + g * d
    at_b, at_c = f(b), f(c)
    largest = max(abs(at_b), abs(at_c))
    while abs(a - d) >= near and abs(at_b - at_c) >= alike * largest:
        if at_c < at_b:
            a, b, at_b = b, c, at_c
            c = g * b + (1 - g) * d
            at_c = f(c)
        else:
            d, c, at_c = c, b, at_b
            b = g * c + (1 - g) * a
            at_b = f(b)
    return c if at_c < at_b else b


# ---- what changed


def find_rises(steps: Sequence[Step], *, threshold: float = 0.0, least: int = 2) -> tuple[Rise, ...]:
    """Return the rises that explain why the latest level is above the best one, oldest first.

    Walks back from the latest level. A step counts when what came after it is worse by more than the errors of both
    levels and than `threshold` times the level before. A stretch of fewer than `least` values does not count when the
    level before it is that after it.
    """
    if not steps:
        return ()
    found: list[Rise] = []
    best, error = steps[-1].value, steps[-1].error
    behind, short = steps[-1].start, None
    for step in reversed(steps):
        need = max(step.error, error, threshold * abs(step.value))
        if best > step.value + need:
            if step.count < least:
                short = (best, error)
            found.append(Rise(step.stop - 1, behind))
            best, error = step.value, step.error
        elif short is not None:
            if short[0] <= step.value + need:
                found.pop()
                best, error = short
            short = None
        behind = step.start
    return tuple(reversed(found))


def settle_steps(
    steps: Sequence[Step], values: Floats, weights: Floats | None = None, *, threshold: float = 0.0, least: int = 2
) -> tuple[Step, ...]:
    """Return `steps` without those that say nothing: stretches that the level returns from, and changes within noise.

    A stretch of fewer than `least` values between two equal levels is an outlier and joins them. Neighbours are one
    level when they differ by no more than their errors or than `threshold` times the earlier level, the nearest first.
    `values` and `weights` are those that the steps were detected in.
    """
    levels = list(steps)
    while True:
        outliers = [i for i in range(1, len(levels) - 1) if levels[i].count < least]
        i = next((i for i in outliers if _alike(levels[i - 1], levels[i + 1], threshold) <= 0), 0)
        if i:
            levels[i - 1 : i + 2] = [_joined(levels[i - 1], levels[i + 1], values, weights)]
            continue
        excess = [(_alike(a, b, threshold), i) for i, (a, b) in enumerate(pairwise(levels))]
        nearest, i = min(excess, default=(math.inf, 0))
        if nearest > 0:
            return tuple(levels)
        levels[i : i + 2] = [_joined(levels[i], levels[i + 1], values, weights)]


def _alike(a: Step, b: Step, threshold: float) -> float:
    """Return by how much two levels differ beyond what may be noise; above zero they are not alike."""
    return abs(a.value - b.value) - max(a.error, b.error, threshold * abs(a.value))


def _joined(first: Step, last: Step, values: Floats, weights: Floats | None) -> Step:
    """Return one level for all values from `first` to `last`."""
    own = np.asarray(values, np.float64)[first.start : last.stop]
    given = np.full(len(own), math.nan) if weights is None else np.asarray(weights, np.float64)[first.start : last.stop]
    known = np.isfinite(own) & ~(given <= 0) & ~np.isinf(given)
    return _make_step(first.start, last.stop, own[known], _filled(given[known]))

"""Weighted medians of ranges of a series, and how far the values lie from them: many ranges in one call.

A wavelet matrix over the ranks of the values: `log2 n` rows, in each of which the elements stand parted by one bit of
their rank, with running sums of weights and of weighted values. One pass down the rows finds the median of a range, and
the sums that were passed on the way give the distance. Building takes O(n log n), each range O(log n).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from reportgen.model import Floats, Ints


class _Row(NamedTuple):
    """One row: running sums over the elements whose bit is 0, each with a zero in front."""

    bit: int
    zeros: Ints
    """How many of them there are."""
    weight: Floats
    total: Floats
    """Of weight times value."""


class RangeMedian:
    """Answers for ranges `start <= i < stop` of `values` float64[n], all finite, with `weights` float64[n] > 0."""

    def __init__(self, values: Floats, weights: Floats) -> None:
        n = len(values)
        order = np.argsort(values, kind="stable")
        ranks = np.empty(n, np.int64)
        ranks[order] = np.arange(n)
        self._sorted = values[order]
        self._weight = _running(weights)
        self._total = _running(weights * values)
        self._rows = []
        for bit in reversed(range(max(1, (n - 1).bit_length()))):
            zero = (ranks >> bit) & 1 == 0
            light = np.where(zero, weights, 0.0)
            self._rows.append(_Row(bit, _counts(zero), _running(light), _running(light * values)))
            turn = np.concatenate([np.flatnonzero(zero), np.flatnonzero(~zero)])
            ranks, values, weights = ranks[turn], values[turn], weights[turn]

    def distances(self, start: Ints, stop: Ints) -> Floats:
        """Return Σ w·|y − median| of each range, float64[k]; no range may be empty."""
        rank, weight, total = self._descend(start, stop, upper=False)
        middle = self._sorted[rank]
        all_weight, all_total = self._weight[stop] - self._weight[start], self._total[stop] - self._total[start]
        result: Floats = np.maximum(middle * (2 * weight - all_weight) + all_total - 2 * total, 0.0)
        return result

    def medians(self, start: Ints, stop: Ints) -> Floats:
        """Return the weighted median of each range; between two values where the weight is halved there."""
        lower, upper = (self._sorted[self._descend(start, stop, upper=u)[0]] for u in (False, True))
        result: Floats = lower + (upper - lower) / 2
        return result

    def _descend(self, start: Ints, stop: Ints, *, upper: bool) -> tuple[Ints, Floats, Floats]:
        """Return the rank of each range's median, and weight and weighted sum of the values in the range below it.

        The lower median is the first value up to which half of the weight is reached, the upper one the first up to
        which it is exceeded.
        """
        half = (self._weight[stop] - self._weight[start]) / 2
        rank = np.zeros(len(start), np.int64)
        weight, total = np.zeros(len(start)), np.zeros(len(start))
        for row in self._rows:
            first, last = row.zeros[start], row.zeros[stop]
            below = row.weight[stop] - row.weight[start]
            reached = (weight + below > half) if upper else (weight + below >= half)
            # Rounding must not lead to a side on which the range has no element.
            left = (last > first) & (reached | (last - first == stop - start))
            weight = np.where(left, weight, weight + below)
            total = np.where(left, total, total + row.total[stop] - row.total[start])
            rank += np.where(left, 0, 1 << row.bit)
            turn = row.zeros[-1]
            start, stop = np.where(left, first, start - first + turn), np.where(left, last, stop - last + turn)
        return rank, weight, total


def _running(values: Floats) -> Floats:
    return np.concatenate([[0.0], np.cumsum(values)])


def _counts(flags: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Ints:
    return np.concatenate([[0], np.cumsum(flags)]).astype(np.int64)

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
    sums: Floats
    """float64[n + 1, 2]: of their weights, and of weight times value."""


class RangeMedian:
    """Answers for ranges `start <= i < stop` of `values` float64[n], all finite, with `weights` float64[n] > 0."""

    def __init__(self, values: Floats, weights: Floats) -> None:
        n = len(values)
        order = np.argsort(values, kind="stable")
        ranks = np.empty(n, np.int64)
        ranks[order] = np.arange(n)
        self._sorted = values[order]
        parts = np.stack([weights, weights * values], axis=1)
        self._sums = _running(parts)
        self._rows = []
        for bit in reversed(range(max(1, (n - 1).bit_length()))):
            zero = (ranks >> bit) & 1 == 0
            zeros = np.concatenate([[0], np.cumsum(zero)]).astype(np.int64)
            self._rows.append(_Row(bit, zeros, _running(np.where(zero[:, None], parts, 0.0))))
            turn = np.concatenate([np.flatnonzero(zero), np.flatnonzero(~zero)])
            ranks, parts = ranks[turn], parts[turn]

    def distances(self, start: Ints, stop: Ints) -> Floats:
        """Return Σ w·|y − median| of each range, float64[k]; no range may be empty."""
        rank, below = self._descend(start, stop, upper=False)
        (weight, total), (all_weight, all_total) = below.T, (self._sums[stop] - self._sums[start]).T
        result: Floats = np.maximum(self._sorted[rank] * (2 * weight - all_weight) + all_total - 2 * total, 0.0)
        return result

    def medians(self, start: Ints, stop: Ints) -> Floats:
        """Return the weighted median of each range; between two values where the weight is halved there."""
        lower, upper = (self._sorted[self._descend(start, stop, upper=u)[0]] for u in (False, True))
        result: Floats = lower + (upper - lower) / 2
        return result

    def _descend(self, start: Ints, stop: Ints, *, upper: bool) -> tuple[Ints, Floats]:
        """Return the rank of each range's median, and weight and weighted sum of the values in the range below it.

        The lower median is the first value up to which half of the weight is reached, the upper one the first up to
        which it is exceeded.
        """
        half = (self._sums[stop, 0] - self._sums[start, 0]) / 2
        rank = np.zeros(len(start), np.int64)
        below = np.zeros((len(start), 2))
        for row in self._rows:
            first, last = row.zeros[start], row.zeros[stop]
            more = below + row.sums[stop] - row.sums[start]
            reached = more[:, 0] > half if upper else more[:, 0] >= half
            # Rounding must not lead to a side on which the range has no element.
            count = last - first
            left = (count > 0) & (reached | (count == stop - start))
            below = np.where(left[:, None], below, more)
            rank += np.where(left, 0, 1 << row.bit)
            turn = row.zeros[-1]
            start, stop = np.where(left, first, start - first + turn), np.where(left, last, stop - last + turn)
        return rank, below


def _running(parts: Floats) -> Floats:
    return np.concatenate([np.zeros((1, parts.shape[1])), np.cumsum(parts, axis=0)])

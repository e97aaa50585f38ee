"""Fewer points for drawing: extremes per bucket, so that a spike of one step survives; smoothing. Pure numpy.

Nothing here ever feeds a number in a table: summaries are made from all points.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from reportgen.model import Floats

_Number = TypeVar("_Number", bound=np.number)


@dataclass(frozen=True, slots=True)
class Envelope:
    """A series in buckets of equal width along the steps; empty buckets are left out. All arrays have one length."""

    steps: Floats
    """float64[b]: mean step of each bucket's points."""
    first_steps: Floats
    """float64[b]: the lowest step in each bucket."""
    last_steps: Floats
    """float64[b]: the highest step in each bucket."""
    first: Floats
    """float64[b]: the bucket's first value; NaN and ±Inf stand for themselves."""
    last: Floats
    """float64[b]: the bucket's last value; NaN and ±Inf stand for themselves."""
    min: Floats
    """float64[b]: lowest finite value, NaN where the bucket has none."""
    max: Floats
    """float64[b]: highest finite value, NaN where the bucket has none."""
    mean: Floats
    """float64[b]: mean of the finite values, NaN where the bucket has none."""

    def __len__(self) -> int:
        return len(self.steps)


def envelope(steps: NDArray[_Number], values: Floats, buckets: int) -> Envelope:
    """Return first, last, min, max and mean per bucket of a series ordered by step, in linear time.

    The range of the steps is cut into `buckets` >= 1 equal parts, so each becomes one column of a chart whatever the
    spacing of the points. A bucket with values that are not finite keeps the extremes of the others.
    """
    n = len(steps)
    if n == 0:
        empty = np.empty(0)
        return Envelope(empty, empty, empty, empty, empty, empty, empty, empty)
    x = np.asarray(steps, dtype=np.float64)
    span = x[-1] - x[0]
    if span > 0:
        index = np.minimum(((x - x[0]) * (buckets / span)).astype(np.int64), buckets - 1)
        starts = np.flatnonzero(np.diff(index, prepend=-1))
    else:
        starts = np.zeros(1, dtype=np.int64)
    ends = np.append(starts[1:], n) - 1
    counts = ends - starts + 1
    finite = np.isfinite(values)
    if finite.all():
        low = np.minimum.reduceat(values, starts)
        high = np.maximum.reduceat(values, starts)
        mean = _mean(values, starts, counts, low, high)
    else:
        low = np.minimum.reduceat(np.where(finite, values, np.inf), starts)
        high = np.maximum.reduceat(np.where(finite, values, -np.inf), starts)
        seen = np.add.reduceat(finite.astype(np.int64), starts)
        low, high = np.where(seen > 0, low, np.nan), np.where(seen > 0, high, np.nan)
        mean = _mean(np.where(finite, values, 0.0), starts, np.maximum(seen, 1), low, high)
    middle = np.clip(np.add.reduceat(x - x[0], starts) / counts + x[0], x[starts], x[ends])
    return Envelope(middle, x[starts], x[ends], values[starts], values[ends], low, high, mean)


def _mean(values: Floats, starts: NDArray[np.int64], counts: NDArray[np.int64], low: Floats, high: Floats) -> Floats:
    """Return the means per bucket, kept between the extremes where a sum overflows or rounds."""
    with np.errstate(over="ignore", invalid="ignore"):
        total = np.add.reduceat(values, starts) / counts
    total = np.where(np.isfinite(total), total, low / 2 + high / 2)
    result: Floats = np.clip(total, low, high)
    return result


def debiased_ema(values: Floats, weight: float) -> Floats:
    """Return the exponential moving average of `values` with 0 <= `weight` < 1, corrected for its start at zero.

    The formula is TensorBoard's: `last = last * w + (1 - w) * y`, divided by `1 - w**n` after n finite values.
    Values that are not finite stay as they are and do not count.
    """
    if not 0 <= weight < 1:
        raise ValueError(f"weight {weight} is not in 0 … 1")
    if weight == 0 or len(values) == 0 or np.all(values == values[0]):
        return values.copy()
    result = values.tolist()
    last, debt, gain = 0.0, 1.0, 1 - weight
    for i, finite in enumerate(np.isfinite(values).tolist()):
        if finite:
            last = last * weight + gain * result[i]
            debt *= weight
            result[i] = last / (1 - debt)
    return np.array(result)


def gaps(steps: NDArray[_Number]) -> NDArray[np.int64]:
    """Return the indices i behind which the steps have a gap: between i and i + 1 points are missing.

    A gap is a distance of more than 5 times the two distances before and the two behind it and of more than 3 % of
    the range; growing distances (1, 2, 5, 10, …) are none.
    """
    if len(steps) < 6:
        return np.empty(0, dtype=np.int64)
    far = 0.03 * (float(steps[-1]) - float(steps[0]))
    places = np.asarray(steps, dtype=np.float64)
    distance = places[1:] - places[:-1]
    if float(distance.max()) <= far:
        return np.empty(0, dtype=np.int64)
    wide = np.flatnonzero(distance > max(far, 5 * float(distance.min())))
    wide = wide[(wide >= 2) & (wide < len(distance) - 2)]
    if not len(wide):
        return wide
    around = np.maximum.reduce([distance[wide + k] for k in (-2, -1, 1, 2)])
    result: NDArray[np.int64] = wide[distance[wide] > 5 * around]
    return result

"""Quantiles of histograms that are known as counts in buckets: how many numbers lay between which bounds.

Where inside a bucket its numbers lay is lost, so they are taken to lie evenly. With c numbers before the bucket that
the p-th of n numbers is in, k numbers in it and the bounds a and b of it, the quantile is

    a + (b - a) (p n - c) / k

as TensorBoard's own distributions are found. The smallest number at or below which the share p of them lies is in the
same bucket, so that the two differ by less than its width.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from reportgen.model import Floats
from reportgen.quantiles import QUANTILES

LARGE: Final = 1e200


def quantiles_of_buckets(left: Floats, right: Floats, counts: Floats) -> Floats | None:
    """Return float64[5], the values at `QUANTILES` of buckets float64[k] in ascending order; None where they are empty.

    Counts below 0 and NaN count as 0. Nothing is raised, whatever the bounds are.
    """
    with np.errstate(all="ignore"):
        counts = np.where(counts > 0, counts, 0.0)
        if np.max(counts, initial=0.0) > LARGE:
            counts = counts / LARGE  # so that their sum is finite; whole counts stay exact otherwise
        total = np.cumsum(counts)
        if not (len(total) and 0 < total[-1] < np.inf):
            return None
        wanted = np.array(QUANTILES) / 100 * total[-1]
        at = np.minimum(np.searchsorted(total, wanted, side="left"), len(total) - 1)
        share = np.clip((wanted - (total[at] - counts[at])) / np.where(counts[at] > 0, counts[at], 1.0), 0.0, 1.0)
        values: Floats = np.where(share == 1, right[at], left[at] * (1 - share) + right[at] * share)
        return values

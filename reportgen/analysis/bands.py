"""Several series as one line with a band: ranks of one run, seeds of one configuration. Pure numpy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from reportgen.model import Floats, Ints, Series


def mean_and_range(several: Sequence[Series]) -> tuple[Ints, Floats, Floats, Floats]:
    """Return steps, mean, lowest and highest value at each step that any of the series has; [n] each.

    A series with a step twice counts with its last value. Where all values at a step are NaN, so are the three.
    """
    first = several[0]
    if all(np.array_equal(s.steps, first.steps) for s in several) and bool((np.diff(first.steps) > 0).all()):
        steps, table = first.steps, np.stack([s.values for s in several])
    else:
        steps = np.unique(np.concatenate([s.steps for s in several]))
        table = np.full((len(several), len(steps)), np.nan)
        for row, s in zip(table, several, strict=True):
            row[np.searchsorted(steps, s.steps)] = s.values
    known = ~np.isnan(table)
    count = known.sum(axis=0)
    with np.errstate(invalid="ignore", over="ignore"):
        mean = np.where(count > 0, np.where(known, table, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)
    low = np.where(count > 0, np.where(known, table, np.inf).min(axis=0), np.nan)
    high = np.where(count > 0, np.where(known, table, -np.inf).max(axis=0), np.nan)
    return steps, mean, low, high

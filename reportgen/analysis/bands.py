"""Several series as one line with a band: ranks of one run, seeds of one configuration. Pure numpy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np

from reportgen.analysis.groups import MIN_SEEDS, t_quantile_975
from reportgen.model import Floats, Ints, Series

Spread: TypeAlias = Literal["std", "sem", "minmax", "ci95"]
"""Width of a band: the sample standard deviation, the standard error, lowest to highest, the 95 % t interval."""
SPREADS: Final = ("std", "sem", "minmax", "ci95")
MAX_GRID: Final = 2000
"""Places at which lines of different x are averaged, at most."""


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


@dataclass(frozen=True, slots=True, eq=False)
class Mean:
    """The mean of several lines and how far they spread; all arrays have one length."""

    x: Floats
    """float64[n], rising."""
    mean: Floats
    low: Floats
    """float64[n], lower edge of the band; NaN where there are too few lines to say."""
    high: Floats
    counts: Ints
    """int64[n], lines that have a value there."""


def mean_of_lines(lines: Sequence[tuple[Floats, Floats]], spread: Spread) -> Mean:
    """Return the mean of lines (x, y) at every x that one of them has, and the band of `spread` around it.

    Between its points a line counts with the straight line between them, before its first and behind its last finite
    value not at all; the last value counts where an x comes twice. Many x that differ give way to `MAX_GRID` even ones.
    """
    known = [_unique(x, y) for x, y in lines]
    known = [(x, y) for x, y in known if len(x)]
    if not known:
        empty = np.empty(0)
        return Mean(empty, empty, empty, empty, np.empty(0, dtype=np.int64))
    grid = np.unique(np.concatenate([x for x, _ in known]))
    if len(grid) > max(MAX_GRID, 2 * max(len(x) for x, _ in known)):
        grid = np.linspace(grid[0], grid[-1], MAX_GRID)
    table = np.stack([np.interp(grid, x, y, left=np.nan, right=np.nan) for x, y in known])
    there = ~np.isnan(table)
    counts = there.sum(axis=0)
    grid, table, there, counts = grid[counts > 0], table[:, counts > 0], there[:, counts > 0], counts[counts > 0]
    filled = np.where(there, table, 0.0)
    mean = filled.sum(axis=0) / counts
    if spread == "minmax":
        low, high = np.where(there, table, np.inf).min(axis=0), np.where(there, table, -np.inf).max(axis=0)
        return Mean(grid, mean, low, high, counts)
    away = np.where(there, table - mean, 0.0)
    enough = counts >= (MIN_SEEDS if spread == "ci95" else 2)
    half = np.where(enough, np.sqrt((away**2).sum(axis=0) / np.maximum(counts - 1, 1)), np.nan)
    if spread != "std":
        half = half / np.sqrt(counts)
    if spread == "ci95":
        quantiles = {int(n): t_quantile_975(int(n) - 1) for n in np.unique(counts[enough])}
        half = half * np.array([quantiles.get(int(n), np.nan) for n in counts])
    return Mean(grid, mean, mean - half, mean + half, counts)


def _unique(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    finite = np.isfinite(x) & np.isfinite(y)
    x, y = x[finite], y[finite]
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    last = np.append(np.diff(x) > 0, True) if len(x) else np.empty(0, dtype=np.bool_)
    return x[last], y[last]

"""Statistics of series: the numbers and the small curve that tables show of each metric.

Metrics with the same steps are done together, one row of a matrix each, because a run has few points and the cost of
a call to numpy would be most of the work.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from reportgen.model import Floats, Ints, MetricSummary, Series
from reportgen.quantiles import find_edges

SPARK_POINTS: Final = 40
SPARK_TOP: Final = 63
NO_HEIGHT: Final = -1


def summarise(series: Mapping[str, Mapping[int, Series]]) -> dict[str, MetricSummary]:
    """Return metric -> its summary; see `series_in_tables`. Of a histogram only the median has one."""
    edges = find_edges(series)
    chosen = {name: series_in_tables(ranks) for name, ranks in series.items() if name not in edges}
    together: dict[int, list[str]] = {}
    for name, own in chosen.items():
        together.setdefault(id(own.steps), []).append(name)
    found: dict[str, MetricSummary] = {}
    for names in together.values():
        rows = [chosen[name].values for name in names]
        values = rows[0].reshape(1, -1) if len(rows) == 1 else np.stack(rows)
        ranks_of = [series[name] for name in names]
        found |= zip(names, _summarise_rows(chosen[names[0]].steps, values, ranks_of), strict=True)
    return {name: found[name] for name in chosen}


def series_in_tables(ranks: Mapping[int, Series]) -> Series:
    """Return the series whose values stand for a metric of several ranks: rank 0's, else the mean over the ranks."""
    return ranks[0] if 0 in ranks else mean_over_ranks(list(ranks.values()))


def mean_over_ranks(ranks: Sequence[Series]) -> Series:
    """Return the mean over ranks at each step that any of them logged; times are those of the last to log it."""
    if len(ranks) == 1:
        return ranks[0]
    steps, where = np.unique(np.concatenate([own.steps for own in ranks]), return_inverse=True)
    counts = np.bincount(where, minlength=len(steps))
    with np.errstate(invalid="ignore", over="ignore"):
        sums = np.bincount(where, weights=np.concatenate([own.values for own in ranks]), minlength=len(steps))
    times = np.full(len(steps), math.nan)
    np.fmax.at(times, where, np.concatenate([own.times for own in ranks]))
    return Series(steps.astype(np.int64), times, sums / counts)


def _summarise_rows(steps: Ints, values: Floats, ranks_of: Sequence[Mapping[int, Series]]) -> list[MetricSummary]:
    """Return one summary a row of `values` float64[m, n]; n is at least 1."""
    length = len(steps)
    finite = np.isfinite(values)
    whole = bool(finite.all())
    low_values = values if whole else np.where(finite, values, np.inf)
    high_values = values if whole else np.where(finite, values, -np.inf)
    low_at, high_at = low_values.argmin(axis=1), high_values.argmax(axis=1)
    rows = np.arange(len(values))
    low, high = low_values[rows, low_at], high_values[rows, high_at]
    if whole:
        counts = [length] * len(values)
        first_at = last_at = None
    else:
        counts = finite.sum(axis=1).tolist()
        first_at, last_at = finite.argmax(axis=1).tolist(), (length - 1 - finite[:, ::-1].argmax(axis=1)).tolist()
    means = _means(values, finite, whole)
    sparks = _sparks(steps, values, low, high)
    low_steps, high_steps = steps[low_at].tolist(), steps[high_at].tolist()
    lows, highs = low.tolist(), high.tolist()
    firsts, lasts = values[:, 0].tolist(), values[:, -1].tolist()
    first_step, last_step = int(steps[0]), int(steps[-1])
    result = []
    for i, ranks in enumerate(ranks_of):
        count = counts[i]
        first, last_finite, start, stop = firsts[i], lasts[i], first_step, last_step
        if first_at is not None and last_at is not None and count:
            first, last_finite = float(values[i, first_at[i]]), float(values[i, last_at[i]])
            start, stop = int(steps[first_at[i]]), int(steps[last_at[i]])
        result.append(
            MetricSummary(
                count=sum(map(len, ranks.values())),
                non_finite=length - count,
                first=first if count else None,
                last=lasts[i],
                min=lows[i] if count else None,
                max=highs[i] if count else None,
                mean=min(max(means[i], lows[i]), highs[i]) if count else None,  # a sum rounds
                first_step=start,
                last_step=last_step,
                min_step=low_steps[i] if count else None,
                max_step=high_steps[i] if count else None,
                last_finite=last_finite if count else None,
                last_finite_step=stop if count else None,
                spark=tuple(sparks[i]),
                ranks=len(ranks),
                of_rank_0=0 in ranks,
            )
        )
    return result


def _means(values: Floats, finite: NDArray[np.bool_], whole: bool) -> list[float]:
    """Return the mean of the finite values of each row; no sum overflows."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        if whole:
            means = values.mean(axis=1)
            if np.isfinite(means).all():
                return [float(mean) for mean in means]
        counts = finite.sum(axis=1, keepdims=True)
        kept = np.where(finite, values, 0.0)
        means = kept.sum(axis=1) / counts[:, 0]
        scaled = (kept / counts).sum(axis=1)
        return [float(mean) for mean in np.where(np.isfinite(means), means, scaled)]


def _sparks(steps: Ints, values: Floats, low: Floats, high: Floats) -> list[list[int]]:
    """Return at most 40 heights a row: the last value at or before each of 40 steps spread evenly."""
    count = min(SPARK_POINTS, len(steps))
    if count > 1:
        first, span = int(steps[0]), int(steps[-1]) - int(steps[0])
        wanted = np.array([first + span * i // (count - 1) for i in range(count)], dtype=np.int64)
        values = values[:, np.searchsorted(steps, wanted, side="right") - 1]
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        if not np.isfinite(high - low).all():
            values, low, high = values / 2, low / 2, high / 2
        scale = (high - low) / SPARK_TOP
        heights = np.rint((values - low[:, None]) / scale[:, None])
        flat = scale == 0
        if flat.any():
            heights[flat] = np.where(np.isfinite(values[flat]), SPARK_TOP // 2, np.nan)
        bad = ~np.isfinite(heights) | ~np.isfinite(values)
        if bad.any():
            heights[bad] = NO_HEIGHT
    clipped: list[list[int]] = np.clip(heights, NO_HEIGHT, SPARK_TOP).astype(np.int64).tolist()
    return clipped

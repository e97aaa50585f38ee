"""Histograms as metrics: what the quantiles of a histogram are called, which belong together, and how they are found.

A histogram is logged as its quantiles, one metric each: `weights/q05` is the value below which 5 % of the numbers lie,
`weights/q50` the median. The median stands for the histogram wherever a run has one number for a metric; quantiles
that come in opposite pairs beside it, as `q05` and `q95`, are drawn as bands around it and listed nowhere else.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

QUANTILES: Final = (5.0, 25.0, 50.0, 75.0, 95.0)
"""Percents that the logger and all readers of histograms take."""
MEDIAN: Final = 50.0

MEDIAN_ENDING: Final = "/q50"
"""What the name of a median has behind that of its histogram."""

_DIGITS: Final = 4
_NAME: Final = re.compile(r"(.+)/q(100|\d\d?(?:\.\d{1,4})?)", re.DOTALL | re.ASCII)


class Band(NamedTuple):
    """Two opposite quantiles of a histogram."""

    low: str
    """Name of the metric that is the lower edge: `weights/q05`."""
    high: str
    percents: tuple[float, float]
    """The quantiles that they are: (5, 95)."""

    @property
    def label(self) -> str:
        """The quantiles in words: `5–95 %`, or `min–max`."""
        low, high = self.percents
        return f"{low:g}–{high:g} %" if low else "min–max"

    @property
    def ends(self) -> tuple[str, str]:
        """Each edge in words: `5 %` and `95 %`, or `min` and `max`."""
        low, high = self.percents
        return (f"{low:g} %", f"{high:g} %") if low else ("min", "max")


def quantile_name(histogram: str, percent: float) -> str:
    """Return the name of a quantile, `weights/q05` or `weights/q97.5`; more than four decimals are rounded."""
    whole, _, rest = f"{percent:.{_DIGITS}f}".partition(".")
    rest = rest.rstrip("0")
    return f"{histogram}/q{whole:0>2}{'.' if rest else ''}{rest}"


def split_quantile(name: str) -> tuple[str, float] | None:
    """Return (histogram, percent) as a metric's name says, None for any other name."""
    found = _NAME.fullmatch(name)
    return (found[1], float(found[2])) if found else None


def find_bands(metrics: Iterable[str]) -> dict[str, tuple[Band, ...]]:
    """Return name of the median -> its bands, the widest first, for each histogram among `metrics`.

    A histogram has a median and at least one pair of opposite quantiles; other names are ordinary metrics.
    """
    names = list(metrics)
    medians = [name for name in names if name.endswith(MEDIAN_ENDING)]
    found: dict[str, dict[float, str]] = {name.removesuffix(MEDIAN_ENDING): {} for name in medians}
    if not found:
        return {}
    for name in names:
        split = split_quantile(name)
        if split and split[0] in found:
            found[split[0]].setdefault(split[1], name)
    bands = {histogram + MEDIAN_ENDING: tuple(_iter_pairs(of_percent)) for histogram, of_percent in found.items()}
    return {median: pairs for median, pairs in bands.items() if pairs}


def _iter_pairs(of_percent: Mapping[float, str]) -> Iterator[Band]:
    for percent in sorted(of_percent):
        opposite = round(100 - percent, _DIGITS)
        if percent < opposite and opposite in of_percent:
            yield Band(of_percent[percent], of_percent[opposite], (percent, opposite))


def find_edges(metrics: Iterable[str]) -> frozenset[str]:
    """Return the metrics that are edges of bands: the quantiles that no table or list shows."""
    bands = find_bands(metrics).values()
    return frozenset(name for several in bands for band in several for name in (band.low, band.high))


def interpolate(ordered: Sequence[float] | Mapping[int, float], count: int, percent: float) -> float:
    """Return a quantile of `count` numbers, of which `ordered` holds those that `places` names, in ascending order.

    The quantile p lies at place p (n - 1) of the ordered numbers, and between two of them on the line that joins them:
    number 7 in Hyndman and Fan, Sample Quantiles in Statistical Packages (The American Statistician 50, 1996).
    """
    low, high, share = places(count, percent)
    a, b = ordered[low], ordered[high]
    if share == 0 or a == b:
        return a
    between = a * (1 - share) + b * share  # a difference of the largest numbers would be infinite
    return between if math.isnan(between) else min(max(between, a), b)


def places(count: int, percent: float) -> tuple[int, int, float]:
    """Return the two places of `count` ordered numbers between which a quantile lies, and how far from the first."""
    at = percent / 100 * (count - 1)
    low = min(int(at), count - 1)
    return low, min(low + 1, count - 1), at - low

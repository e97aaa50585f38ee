"""Values as W&B and trackio log them: numbers, text, maps in maps, and objects that say with `_type` what they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from reportgen.quantiles import QUANTILES, quantile_name
from reportgen.sources import documents
from reportgen.sources.faults import Faults
from reportgen.sources.histograms import quantiles_of_buckets

SEPARATOR: Final = "."
"""Between the names of nested values, as W&B itself shows them."""
MAX_DEPTH: Final = 32
MAX_TEXT: Final = 1000
"""Longer text is cut where it becomes a tag."""
MAX_TEXTS: Final = 10_000


class TypedValues:
    """Tells what is a number, and keeps what is not."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self.texts: dict[str, str] = {}
        """Name -> last text logged under it."""
        self.media: set[str] = set()
        """Paths of media files that were logged."""

    def take(self, values: Mapping[str, Any]) -> list[tuple[str, float]]:
        """Return (name, number) of what can be drawn among nested values; keep texts and the paths of media.

        A histogram gives its quantiles, `name/q05` to `name/q95`. Lists are counted, other objects are left out.
        """
        points: list[tuple[str, float]] = []
        self._take(values, "", points, 0)
        return points

    def _take(self, values: Mapping[str, Any], prefix: str, points: list[tuple[str, float]], depth: int) -> None:
        for name, value in values.items():
            path = prefix + name
            number = documents.number(value)
            if number is not None:
                points.append((path, number))
            elif isinstance(value, str):
                if path in self.texts or len(self.texts) < MAX_TEXTS:
                    self.texts[path] = value[:MAX_TEXT]
            elif isinstance(value, dict):
                kind = value.get("_type")
                if isinstance(kind, str):
                    self._take_object(path, kind, value, points)
                elif depth < MAX_DEPTH:
                    self._take(value, path + SEPARATOR, points, depth + 1)
            elif isinstance(value, list):
                hint = "log each number under a name of its own"
                self._faults.add(None, "lists of values are not shown", hint)

    def _take_object(self, name: str, kind: str, value: Mapping[str, Any], points: list[tuple[str, float]]) -> None:
        if kind.endswith("histogram"):
            points += ((quantile_name(name, q), x) for q, x in zip(QUANTILES, read_histogram(value), strict=False))
            return
        paths = [value.get("path"), value.get("file_path")]
        if isinstance(value.get("filenames"), list):
            paths += value["filenames"]
        self.media.update(path for path in paths if isinstance(path, str) and path)


def read_histogram(value: Mapping[str, Any]) -> list[float]:
    """Return the `QUANTILES` of a histogram; nothing where it is empty or no histogram.

    Its bins are `values` between the edges `bins`, or `packedBins` of one width.
    """
    counts, edges, packed = value.get("values"), value.get("bins"), value.get("packedBins")
    if isinstance(packed, dict) and isinstance(counts, list):
        low, width = documents.number(packed.get("min")), documents.number(packed.get("size"))
        if low is not None and width is not None:
            edges = (low + width * np.arange(len(counts) + 1)).tolist()
    try:
        heights, borders = np.array(counts, dtype=np.float64), np.array(edges, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return []
    if heights.ndim != 1 or borders.ndim != 1 or len(borders) != len(heights) + 1:
        return []
    if not (np.isfinite(heights).all() and np.isfinite(borders).all() and (heights >= 0).all()):
        return []
    found = quantiles_of_buckets(borders[:-1], borders[1:], heights)
    return [] if found is None else found.tolist()

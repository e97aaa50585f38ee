"""What a page tells the script that draws its charts: `curves.js` reads it from the attributes `data-curves`.

Dataclasses in, JSON text out. The attribute of a figure says what its chart shows, so that the script can draw in
place of the picture; that of the section says which runs, and what else can be drawn. The keys are those that
`reportgen.d.ts` lists as `CurvesChart` and `CurvesSection`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from reportgen.quantiles import Band


@dataclass(frozen=True, slots=True)
class CurvesLine:
    """One line of a chart, for each run or group of runs."""

    metric: str
    label: str
    """What tells the line from the others of its chart: `train`. Empty for the only one."""
    dashed: bool
    bands: tuple[Band, ...] = ()
    """Quantiles that are drawn around the line, the median of a histogram; the widest first."""

    def values(self) -> dict[str, Any]:
        """Return the line as values for JSON."""
        line = {"metric": self.metric, "label": self.label, "dashed": self.dashed}
        if not self.bands:
            return line
        above = [(band.ends[1], band.high) for band in self.bands]
        below = [(band.ends[0], band.low) for band in reversed(self.bands)]
        return {**line, "quantiles": [*above, ("median", self.metric), *below]}


@dataclass(frozen=True, slots=True)
class CurvesChart:
    """One chart."""

    title: str
    unit: str
    direction: str | None
    said: str
    """What the lines are: `train dashed`; the script adds the unit and how it smooths."""
    smooth: float
    """Weight of the moving average as long as the reader chooses none."""
    lines: tuple[CurvesLine, ...]

    def as_json(self) -> str:
        """Return the chart as JSON text."""
        return orjson.dumps(self.values()).decode()

    def values(self) -> dict[str, Any]:
        """Return the chart as values for JSON."""
        return {
            "title": self.title,
            "unit": self.unit,
            "direction": self.direction,
            "said": self.said,
            "smooth": self.smooth,
            "lines": [line.values() for line in self.lines],
        }


@dataclass(frozen=True, slots=True)
class CurvesSection:
    """The charts of a page: which runs they show, and what else there is to draw."""

    runs: Sequence[str]
    """Short keys of the runs, in order."""
    table: str = ""
    """Short key of the experiment whose table knows the runs; empty on the page of one run."""
    grouped: bool = False
    """True when the charts show configurations: means of the runs, with bands."""
    more: tuple[CurvesChart, ...] = ()
    """Charts beyond those on the page. Pages about many runs name none: there the script finds them in the runs."""

    def as_json(self) -> str:
        """Return the section as JSON text."""
        values = {
            "runs": list(self.runs),
            "table": self.table,
            "grouped": self.grouped,
            "more": [chart.values() for chart in self.more],
        }
        return orjson.dumps(values).decode()

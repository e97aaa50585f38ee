"""Values of runs as texts for a terminal: numbers in ASCII signs, ages, states, small curves. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from reportgen.analysis.selection import rivals
from reportgen.cli.printing import printable
from reportgen.cli.tables import Cell, Look
from reportgen.model import ParamValue, Summary
from reportgen.site.text import MINUS, MISSING, THIN_SPACE, format_number, format_param, format_time

STATES: Final[dict[str, tuple[str, Look]]] = {
    "finished": ("●", ""),
    "failed": ("✕", "bad"),
    "stopped": ("–", "faint"),
    "unfinished": ("◐", ""),
}
"""Status -> the sign that stands for it where the word has no room, and how both look."""
BARS: Final = "▁▂▃▄▅▆▇█"
GONE: Final = Cell(MISSING, "faint")
BEST: Final = "*"
"""Stands behind the best value of a column."""
ARROWS: Final = {"max": "↑", "min": "↓"}
"""Direction of a metric -> the sign for it, as on the pages."""

_DIGITS: Final = 6
"""Significant digits of a param in a column."""
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_AGES: Final = 14 * _DAY
"""Older than this a time is written as a date."""


def plain_number(value: float | None, decimals: int | None = None) -> str:
    """Return a number as pages write it, in signs that can be copied into code: `-0.5`, `12,000`."""
    return format_number(value, decimals).replace(MINUS, "-").replace(THIN_SPACE, ",")


def param_cell(value: ParamValue) -> str:
    """Return a param on one line."""
    return printable(format_param(value))


def short_param_cell(value: ParamValue) -> str:
    """Return a param for a column of many: of a float with many digits the first ones, and an ellipsis."""
    text = param_cell(value)
    if isinstance(value, float) and math.isfinite(value) and len(text) > _DIGITS + 3:
        return f"{param_cell(float(f'{value:.{_DIGITS}g}'))}…"
    return text


def age_of(time: float, now: float) -> str:
    """Return `3 h ago`, or the day where that is more than 14 days ago or still to come."""
    age = now - time
    if not -_MINUTE <= age <= _AGES:
        return format_time(time).split(",")[0]
    if age < _MINUTE:
        return "just now"
    if age < _HOUR:
        return f"{math.floor(age / _MINUTE)} min ago"
    if age < _DAY:
        return f"{math.floor(age / _HOUR)} h ago"
    return f"{math.floor(age / _DAY)} d ago"


def spark(heights: Sequence[int], width: int) -> str:
    """Return a curve of `heights` 0…63 in at most `width` block signs; a blank where there is no value."""
    count = min(width, len(heights))
    if not any(height >= 0 for height in heights) or count < 2:
        return ""
    picked = [heights[round(i * (len(heights) - 1) / (count - 1))] for i in range(count)]
    return "".join(BARS[min(height, 63) // 8] if height >= 0 else " " for height in picked)


def best_runs(
    runs: Sequence[Summary], metric: str, values: Sequence[float | None], direction: str | None
) -> frozenset[str]:
    """Return the keys of the runs with the best of `values` in their experiment; failed runs are none of them.

    Children of a run that has the metric too are left out: the best fold is not the best model. An experiment in which
    all values are equal has no best one.
    """
    if direction is None:
        return frozenset()
    value_of = {run.key: value for run, value in zip(runs, values, strict=True)}
    members: dict[str, list[Summary]] = {}
    for run in runs:
        members.setdefault(run.experiment, []).append(run)
    best: set[str] = set()
    for own in members.values():
        able = [run.key for run in rivals(own, metric)]
        known = {key: value for key in able if (value := value_of[key]) is not None and math.isfinite(value)}
        if len(set(known.values())) > 1:
            top = max(known.values()) if direction == "max" else min(known.values())
            best.update(key for key, value in known.items() if value == top)
    return frozenset(best)


def metric_values(runs: Sequence[Summary], metric: str, summary: str) -> list[float | None]:
    """Return the value of each run that tables show, NaN and infinities included."""
    return [run.metrics[metric].value(summary) if metric in run.metrics else None for run in runs]

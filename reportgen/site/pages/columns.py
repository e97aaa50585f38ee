"""Columns of the tables of many runs: how values are written, shaded and marked, and what a configuration is called.

Owns the rules of one column (decimals, shade, best, shared range of sparklines). Rows and whole tables are made in
`tables` and by the pages.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from reportgen.analysis.groups import Difference, Group, finite_value, is_seed
from reportgen.analysis.selection import (
    COLOURS,
    best_run,
    contenders,
    headline_metrics,
    rank_runs,
    rivals,
    select_runs,
)
from reportgen.model import Experiment, MetricSummary, ParamValue, Summary
from reportgen.site.config import Config, MetricConfig
from reportgen.site.sparks import render_spark
from reportgen.site.text import column_decimals, format_number, format_param, full_digits

MAX_TEXT: Final = 60
"""Characters of a param that a cell shows; the rest is on the run's page and in the CSV."""
MAX_TITLE: Final = 48
"""Characters of a metric's name in heads and sentences."""
MAX_REASON: Final = 160
"""Characters of the reason of a failure in a row."""
LABEL_PARTS: Final = 4
"""Params that a label names before it says how many more differ."""

_SHADES: Final = 5
_FLAT: Final = 0.012
"""A column whose best value is nearer than this part of itself to the 20th percentile is hardly shaded."""


@dataclass(frozen=True, slots=True)
class Column:
    """Head of a column of metric values."""

    metric: str
    title: str
    unit: str
    direction: str | None
    summary: str
    """Which value stands in the cells: `last min max mean first`."""
    decimals: int

    @property
    def about(self) -> str:
        """The second line of the head: `max, %`."""
        return f"{self.summary}, {self.unit}" if self.unit else self.summary


@dataclass(frozen=True, slots=True)
class Value:
    """One number as a page writes it."""

    text: str
    full: str = ""
    """All digits, for hovering; empty when `text` has them all or there is no value."""
    level: int = 0
    """Shade of the cell, 0 (none) to 5 (best)."""
    best: bool = False

    @property
    def missing(self) -> bool:
        """True when there is no value."""
        return self.text == MISSING_VALUE


MISSING_VALUE: Final = format_number(None)
NO_VALUE: Final = Value(MISSING_VALUE)


# ---- what stands for an experiment


def headline_of(experiment: Experiment, config: Config) -> tuple[str, ...]:
    """Return the headline metrics of an experiment: declared for it, for the site, or chosen."""
    declared = config.experiment(experiment.name).headline or config.headline
    return headline_metrics(experiment, declared, lambda name: config.metric(name).direction)


def leading_metric(experiment: Experiment, config: Config) -> str | None:
    """Return the first headline metric with a direction, by which the experiment's runs are ranked; None without."""
    return next((name for name in headline_of(experiment, config) if config.metric(name).direction), None)


def selection_of(experiment: Experiment, config: Config) -> tuple[Summary, ...]:
    """Return the runs of an experiment that its plots and its comparison show."""
    metric = leading_metric(experiment, config)
    if metric is None:
        return select_runs(experiment, None, "last", None)
    known = config.metric(metric)
    found = select_runs(experiment, metric, summary_name(known), known.direction)
    if len(found) > 1:
        return found
    # one run has the metric: it stands beside those that have not, so that there is something to compare
    return rank_runs(contenders(experiment.runs), metric, summary_name(known), known.direction)[:COLOURS]


def summary_name(known: MetricConfig) -> str:
    """Return which value of a resolved metric stands in tables, `best` spelled out as `max`, `min` or `last`."""
    name = known.summary or "best"
    return {"max": "max", "min": "min"}.get(known.direction or "", "last") if name == "best" else name


def title_of(metric: str, known: MetricConfig) -> str:
    """Return the name of a metric on pages, cut where it would burst a table."""
    return cut_text((known.title or metric).strip(), MAX_TITLE) or "unnamed"


def unit_of(known: MetricConfig) -> str:
    """Return the unit of a metric, cut where it would burst a table."""
    return cut_text(known.unit, 16)


# ---- numbers


def make_value(value: float | None, decimals: int | None = None) -> Value:
    """Return `value` as a page writes it, all digits aside where rounding has cut some."""
    if value is None:
        return NO_VALUE
    text, full = format_number(value, decimals), full_digits(value)
    return Value(text, "" if not math.isfinite(value) or full.replace("-", "\u2212") == text else full)


def spread_decimals(spread: float) -> int:
    """Return with how many decimals a value with this spread is written: 0.2 gives two."""
    if spread <= 0 or not math.isfinite(spread):
        return 0
    return min(max(1 - math.floor(math.log10(spread)), 0), 8)


def make_best_value(runs: Sequence[Summary], best: Summary, metric: str, summary: str) -> Value:
    """Return the value of the best run with the decimals that the column of all `runs` has."""
    decimals = column_decimals(finite_value(run, metric, summary) for run in contenders(runs))
    return make_value(finite_value(best, metric, summary), decimals)


def make_column(
    runs: Sequence[Summary], metric: str, config: Config, *, pool: Sequence[Summary] | None = None
) -> tuple[Column, list[Value]]:
    """Return the head and the cells of `metric` for the shown `runs`.

    `pool` (by default `runs`) is what "best" and the shades are measured against: all runs of the experiment, even
    where a table shows some of them. Failed runs are neither shaded nor best unless every run failed, and a value that
    no other is measured against is not best.
    """
    known = config.metric(metric)
    summary, direction = summary_name(known), known.direction
    pool = runs if pool is None else pool
    able = contenders(pool)
    measured = [run for run in rivals(pool, metric) if finite_value(run, metric, summary) is not None]
    best = best_run(pool, metric, summary, direction) if len(measured) > 1 else None
    numbers = [_number(run.metrics.get(metric), summary) for run in runs]
    allowed = {run.key for run in able}
    telling = [n for run, n in zip(runs, numbers, strict=True) if n is not None and run.key in allowed]
    decimals = column_decimals(telling or numbers)
    shade = _shader([v for r in able if (v := finite_value(r, metric, summary)) is not None], direction)
    best_value = None if best is None else finite_value(best, metric, summary)
    cells = []
    for run, number in zip(runs, numbers, strict=True):
        far = number is not None and run.key not in allowed and (not decimals or abs(number) >= 1000)
        cell = make_value(number, None if far else decimals)
        if number is not None and run.key in allowed:
            cell = Value(cell.text, cell.full, shade(number), best_value is not None and number == best_value)
        cells.append(cell)
    return Column(metric, title_of(metric, known), unit_of(known), direction, summary, decimals), cells


def _number(found: MetricSummary | None, summary: str) -> float | None:
    return None if found is None else found.value(summary)


def _shader(values: Sequence[float], direction: str | None) -> Callable[[float], int]:
    """Return value -> shade: by value, never by rank, from the 20th percentile of the runs to the best of them."""
    if direction is None or len(values) < 2:
        return lambda _: 0
    ordered = sorted(values, reverse=direction == "min")
    best, start = ordered[-1], ordered[len(ordered) // 5]
    span = best - start
    if span == 0 or not math.isfinite(span):
        return lambda _: 0
    most = 1 if abs(span) < _FLAT * abs(best) else _SHADES

    def shade(value: float) -> int:
        part = (value - start) / span
        return min(most, max(0, math.ceil(part * most))) if math.isfinite(part) else 0

    return shade


# ---- sparklines


def make_sparks(runs: Sequence[Summary], metric: str, slots: Callable[[Summary], int]) -> list[Markup]:
    """Return the sparkline of `metric` for each run, all in the column's range; empty markup where there is none.

    The range leaves out the outer tenths, so that one run that diverged does not flatten the others.
    """
    known = [m for r in runs if (m := r.metrics.get(metric)) is not None and m.min is not None and m.max is not None]
    lows, highs = sorted(m.min for m in known if m.min is not None), sorted(m.max for m in known if m.max is not None)
    if not lows:
        return [Markup() for _ in runs]
    low, high = lows[len(lows) // 10], highs[len(highs) - 1 - len(highs) // 10]
    return [
        Markup() if (found := run.metrics.get(metric)) is None else _spark(found, low, high, slots(run)) for run in runs
    ]


def own_heights(run: Summary, metric: str) -> tuple[int, ...]:
    """Return the heights of the run's sparkline in its own range; empty when the run has no values of `metric`."""
    found = run.metrics.get(metric)
    return found.spark if found and any(h >= 0 for h in found.spark) else ()


def _spark(metric: MetricSummary, low: float, high: float, slot: int) -> Markup:
    if metric.min is None or metric.max is None or not any(h >= 0 for h in metric.spark):
        return Markup()
    span, own = high - low, metric.max - metric.min
    if span <= 0 or not (math.isfinite(span) and math.isfinite(own)):
        return render_spark(metric.spark, slot=slot)

    def height(own_height: int) -> int:
        part = (metric.min + own_height / 63 * own - low) / span if metric.min is not None else 0.0
        return round(63 * min(1.0, max(0.0, part)))

    return render_spark(tuple(h if h < 0 else height(h) for h in metric.spark), slot=slot)


def colour(slot: int) -> int:
    """Return the slot to draw with: groups beyond the colours are all ink rather than another group's colour."""
    return slot if 1 <= slot <= COLOURS else 0


# ---- words


def name_of(run: Summary) -> str:
    """Return the run's name as tables and links show it, never blank: whole on the run's own page, cut elsewhere."""
    return cut_text(whole_name(run))


def whole_name(run: Summary) -> str:
    """Return the run's name, never blank, however long it is."""
    return run.name.strip() or run.run_id.strip() or "unnamed"


def title_of_experiment(name: str) -> str:
    """Return the name of an experiment as links show it, never blank."""
    return cut_text(name.strip(), 80) or "unnamed"


def cut_text(text: str, limit: int = MAX_TEXT) -> str:
    """Return `text`, or its beginning and an ellipsis when it has more than `limit` characters."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def param_text(value: ParamValue) -> str:
    """Return a param as a cell shows it."""
    return cut_text(format_param(value))


def is_numeric(value: ParamValue) -> bool:
    """Tell whether a param stands right-aligned like a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def describe(differences: Sequence[Difference]) -> str:
    """Return what sets a run or a configuration apart: `lion · lr 1e-4`; empty for no differences.

    Params that it did not log are named only where nothing else sets it apart.
    A word stands alone, since it names itself; numbers, booleans and odd texts get the name of their param.
    """
    differences = [d for d in differences if d.logged] or differences
    parts = [_describe(d) for d in differences[:LABEL_PARTS]]
    rest = len(differences) - LABEL_PARTS
    return " · ".join(parts) + (f" · {rest} more" if rest > 0 else "")


def _describe(difference: Difference) -> str:
    value, param = difference.value, cut_text(difference.param, 40)
    if not difference.logged:
        return f"{param} not logged"
    text = cut_text(format_param(value), 32)
    if isinstance(value, str) and text[:1].isalpha() and text.lower() not in ("true", "false", "none", "nan", "inf"):
        return text
    return f"{param} {text}"


def group_label(group: Group) -> str:
    """Return the name of a configuration."""
    return cut_text(group.name) if group.name else describe(group.differences) or "one configuration"


def seeds_of(run: Summary) -> tuple[Difference, ...]:
    """Return the run's seeds, which tell it from the others of its configuration."""
    return tuple(Difference(name, value) for name, value in run.params.items() if is_seed(name))

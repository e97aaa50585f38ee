"""The tables for spreadsheets and data frames: all runs, all columns, nothing rounded.

Text that a spreadsheet would run as a formula gets an apostrophe in front; numbers stay numbers.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from reportgen.formats import clean_text
from reportgen.model import MetricSummary, ParamValue, Summary
from reportgen.site.text import iso_time

_FORMULA: Final = re.compile(r"[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""Beginnings that make spreadsheets see a formula or a command, their full-width forms included."""
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")

_FACTS: Final = (
    *("experiment", "name", "run_id", "status", "error", "start_time", "end_time", "duration_s"),
    *("group", "user", "parent_id", "commit", "branch", "dirty", "artifacts", "ranks", "sessions", "problems", "note"),
)
_STATISTICS: Final = ("last", "min", "max", "mean", "first")
"""A bare `metrics.x` is the last value, as in filters; the others are `metrics.x.min` …"""


def runs_csv(summaries: Iterable[Summary]) -> bytes:
    """Return the runs as CSV (RFC 4180, UTF-8), one a row, in the order in which they come.

    Columns: facts, `params.…`, `metrics.…` (last, min, max, mean, first), `tags.…`; names in order of first
    appearance. An empty cell means that the run has no such value; what is not finite is `NaN`, `Infinity`,
    `-Infinity`.
    """
    runs = tuple(summaries)
    params = _names(run.params for run in runs)
    metrics = _names(run.metrics for run in runs)
    tags = _names(run.tags for run in runs)
    head = [*_FACTS, *(f"params.{name}" for name in params)]
    head += [f"metrics.{m}" if s == "last" else f"metrics.{m}.{s}" for m in metrics for s in _STATISTICS]
    head += [f"tags.{name}" for name in tags]
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([safe_text(name) for name in head])
    for run in runs:
        row = _facts(run)
        row += [safe_cell(run.params[name]) if name in run.params else "" for name in params]
        for name in metrics:
            row += _statistics(run.metrics.get(name))
        row += [safe_text(run.tags[name]) if name in run.tags else "" for name in tags]
        writer.writerow(row)
    return clean_text(out.getvalue()).encode()


def _names(mappings: Iterable[Mapping[str, object]]) -> Sequence[str]:
    names: dict[str, None] = {}
    for mapping in mappings:
        names.update(dict.fromkeys(mapping))
    return tuple(names)


def _facts(run: Summary) -> list[str]:
    dirty = "" if run.dirty is None else str(run.dirty)
    texts = (run.experiment, run.name, run.run_id, run.status, run.error)
    more = (run.group, run.user, run.parent_id, run.commit, run.branch)
    return [
        *map(safe_text, texts),
        iso_time(run.start_time),
        iso_time(run.last_time),
        safe_cell(run.duration_s),
        *map(safe_text, more),
        dirty,
        str(run.artifacts),
        str(run.ranks),
        str(run.sessions),
        str(len(run.problems)),
        safe_text(run.note),
    ]


def _statistics(metric: MetricSummary | None) -> Sequence[str]:
    if metric is None:
        return ("",) * len(_STATISTICS)
    values = (metric.last, metric.min, metric.max, metric.mean, metric.first)
    # Written out for finite numbers: a site has thousands of runs with many metrics each, in two tables.
    return [repr(v) if v.__class__ is float and v - v == 0.0 else safe_cell(v) for v in values]


def safe_cell(value: ParamValue) -> str:
    """Return a value as a cell: all digits of a number, a text made safe, nothing for None."""
    if value is None:
        return ""
    if isinstance(value, str):
        return safe_text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return repr(value)


_CONTROLS: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""Characters that spreadsheets choke on."""


def safe_text(text: str) -> str:
    """Return `text` with an apostrophe in front where a spreadsheet would run it; a number written as text stays."""
    text = _CONTROLS.sub("\ufffd", text)
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text

"""The table of an experiment's observations, for spreadsheets and for readers without scripts."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from reportgen.analysis.history import Histories, History, MetricHistory
from reportgen.formats import clean_text
from reportgen.site.pages.csv import safe_cell, safe_text
from reportgen.site.text import iso_time

_FACTS: Final = ("configuration", "commit", "time", "subject", "dirty", "runs")
_PARTS: Final = ("", ".min", ".max", ".level", ".change")
"""Columns of a metric: a bare name is the mean over the runs."""


def history_csv(histories: Histories, labels: Mapping[str, str]) -> bytes:
    """Return the observations as CSV (RFC 4180, UTF-8), one a row, in the order of the page.

    Of each metric there are the mean over the runs, `min` and `max` where several have it, the `level` that the value
    belongs to, and the `change` (`regression`, `improvement` or `change`) at the first observation of a new level.
    `labels` gives history key -> name of the configuration.
    """
    names = tuple(dict.fromkeys(metric.measure.metric for h in histories.histories for metric in h.metrics))
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([*_FACTS, *(safe_text(f"{name}{part}") for name in names for part in _PARTS)])
    for history in histories.histories:
        writer.writerows(_rows(history, names, labels[history.key]))
    return clean_text(out.getvalue()).encode()


def _rows(history: History, names: Sequence[str], label: str) -> Iterator[list[str]]:
    cells = {metric.measure.metric: _cells(metric) for metric in history.metrics}
    for i, o in enumerate(history.observations):
        row = [safe_text(label), safe_text(o.commit), iso_time(o.time), safe_text(o.subject), str(o.dirty)]
        row.append(str(len(o.runs)))
        for name in names:
            row += cells[name][i] if name in cells else _NONE
        yield row


_NONE: Final = ("",) * len(_PARTS)


def _cells(metric: MetricHistory) -> list[Sequence[str]]:
    """Return the cells of each observation."""
    kinds = {change.after: change.kind for change in metric.changes}
    level_of = {i: safe_cell(level.value) for level in metric.levels for i in range(level.start, level.stop)}
    rows: list[Sequence[str]] = []
    for i, count in enumerate(metric.counts):
        if not count:
            rows.append(_NONE)
            continue
        ends = (metric.lows[i], metric.highs[i]) if count > 1 else ()
        numbers = [safe_cell(float(v)) for v in (metric.values[i], *ends)]
        rows.append([*numbers, *([] if ends else ["", ""]), level_of.get(i, ""), kinds.get(i, "")])
    return rows

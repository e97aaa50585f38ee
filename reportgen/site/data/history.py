"""The table of an experiment's observations, for spreadsheets and for readers without scripts."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping

from reportgen.analysis.history import Histories, History, MetricHistory
from reportgen.formats import clean_text
from reportgen.site.pages.csv import safe_cell, safe_text
from reportgen.site.text import iso_time

_HEAD = (
    *("configuration", "metric", "summary", "direction", "commit", "time", "subject", "dirty", "runs"),
    *("mean", "min", "max", "level", "change"),
)


def history_csv(histories: Histories, labels: Mapping[str, str]) -> bytes:
    """Return the observations as CSV (RFC 4180, UTF-8), one row for each metric of each, in the order of the page.

    `level` is the level that the observation belongs to, and `change` says `regression`, `improvement` or `change` at
    the first observation of a new level. `labels` gives history key -> name of the configuration.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(_HEAD)
    for history in histories.histories:
        for metric in history.metrics:
            writer.writerows(_rows(history, metric, labels[history.key]))
    return clean_text(out.getvalue()).encode()


def _rows(history: History, metric: MetricHistory, label: str) -> Iterator[list[str]]:
    kinds = {change.after: change.kind for change in metric.changes}
    measure = metric.measure
    for i, o in enumerate(history.observations):
        if not metric.counts[i]:
            continue
        level = next((level.value for level in metric.levels if level.start <= i < level.stop), math.nan)
        numbers = (metric.values[i], metric.lows[i], metric.highs[i])
        yield [
            *map(safe_text, (label, measure.metric, measure.summary, measure.direction or "", o.commit)),
            iso_time(o.time),
            safe_text(o.subject),
            str(o.dirty),
            str(int(metric.counts[i])),
            *(safe_cell(float(v)) for v in numbers),
            "" if math.isnan(level) else safe_cell(float(level)),
            kinds.get(i, ""),
        ]

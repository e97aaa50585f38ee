"""Histories as JSON data: the observations of each configuration, the levels of each metric, and what changed. Pure.

Times are UTC seconds since the epoch; what is not known is null.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from reportgen.analysis.history import Change, Histories, History, MetricHistory
from reportgen.formats import clean_text, encode_number

Counter = Callable[[str, str], int | None]
"""Says how many commits lie between two, as far as that is known."""


def history_record(experiment: str, histories: Histories, labels: Mapping[str, str], count: Counter) -> dict[str, Any]:
    """Return the histories of one experiment; `labels` gives history key -> name of the configuration.

    `count` is asked for the commits of a change where the runs do not tell how many they are.
    """
    return {
        "experiment": clean_text(experiment),
        "configurations": [_configuration(h, labels[h.key], count) for h in histories.histories],
        "left_out": histories.left_out,
    }


def _configuration(history: History, label: str, count: Counter) -> dict[str, Any]:
    return {
        "name": clean_text(label),
        "total": history.total,
        "observations": [
            {
                "commit": o.commit or None,
                "subject": clean_text(o.subject),
                "time": encode_number(o.time),
                "dirty": o.dirty,
                "runs": [run.run_id for run in o.runs],
            }
            for o in history.observations
        ],
        "metrics": [_metric(history, metric, count) for metric in history.metrics],
    }


def _metric(history: History, metric: MetricHistory, count: Counter) -> dict[str, Any]:
    return {
        "metric": clean_text(metric.measure.metric),
        "summary": metric.measure.summary,
        "direction": metric.measure.direction,
        "values": [_number(v) for v in metric.values],
        "lows": [_number(v) for v in metric.lows],
        "highs": [_number(v) for v in metric.highs],
        "runs": [int(n) for n in metric.counts],
        "levels": [
            {"first": s.start, "last": s.stop - 1, "value": s.value, "deviation": s.error, "observations": s.count}
            for s in metric.levels
        ],
        "changes": [_change(history, change, count) for change in metric.changes],
    }


def _change(history: History, change: Change, count: Counter) -> dict[str, Any]:
    before, after = history.observations[change.before], history.observations[change.after]
    return {
        "kind": change.kind,
        "open": change.open,
        "confirmed": change.confirmed,
        "before": change.before,
        "after": change.after,
        "commit_before": before.commit or None,
        "commit_after": after.commit or None,
        "commits": commits_in(change, before.commit, after.commit, count),
        "old": change.old,
        "new": change.new,
        "part": change.part,
        "deviations": change.deviations,
    }


def commits_in(change: Change, before: str, after: str, count: Counter) -> int | None:
    """Return how many commits a change lies in: as the runs tell, else as `count` does; None when neither knows."""
    if change.range is not None and change.range.whole:
        return change.range.count
    return count(before, after) if before and after else None


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None

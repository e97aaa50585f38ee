"""A few runs side by side, for the command line: what the page of a comparison says, and what only the logs know.

Values, differences and verdicts are those of the comparison pages of a site.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reportgen.analysis.groups import finite_value
from reportgen.exporting.records import encode_value, run_record
from reportgen.index import join_experiments, make_index
from reportgen.loading import LoggedRun
from reportgen.model import ParamValue, Summary
from reportgen.site.config import Config
from reportgen.site.pages.compare import (
    ComparePage,
    FactRow,
    MetricRow,
    compared_metrics,
    make_experiment_compare_page,
    make_metric_row,
    repeated_groups,
)
from reportgen.site.pages.environment import make_environment


@dataclass(frozen=True, slots=True)
class Sides:
    """Runs side by side. Each row has one cell a run, in the order of `runs`; the first run is the baseline."""

    runs: tuple[LoggedRun, ...]
    page: ComparePage
    """What the site says of them."""
    metrics: tuple[MetricRow, ...]
    """All metrics of the runs, headline metrics first."""
    tags: tuple[FactRow, ...]
    """Those that differ, empty where a run has none."""
    code: tuple[FactRow, ...]
    """What differs in the version of the code and how it was started."""
    environment: tuple[FactRow, ...]
    """What differs in the surroundings, packages last."""


def compare_runs(runs: Sequence[LoggedRun], everything: Sequence[Summary], config: Config) -> Sides:
    """Return `runs` side by side; `everything` has the other runs of their experiments, for how far seeds differ.

    The logs of the runs are read. Raises `SourceError` when one is there no more.
    """
    wanted = {run.experiment for run in runs}
    index = make_index([summary for summary in everything if summary.experiment in wanted], ())
    summaries = [run.summary for run in runs]
    experiment = join_experiments(index.experiments, summaries)
    groups = repeated_groups(experiment)
    names = compared_metrics(experiment, summaries, config)
    return Sides(
        runs=tuple(runs),
        page=make_experiment_compare_page(experiment, config, {}, summaries),
        metrics=tuple(make_metric_row(groups, summaries, name, config) for name in names),
        tags=_differing([dict(run.tags) for run in runs]),
        code=_differing([_code(run) for run in runs]),
        environment=_differing([_environment(run) for run in runs]),
    )


def _differing(columns: Sequence[Mapping[str, str]]) -> tuple[FactRow, ...]:
    """Return a row for each name whose text is not the same in all `columns`."""
    names = dict.fromkeys(name for column in columns for name in column)
    rows = (FactRow(name, tuple(column.get(name, "") for column in columns)) for name in names)
    return tuple(row for row in rows if len(set(row.cells)) > 1)


def _code(run: LoggedRun) -> dict[str, str]:
    code = run.code
    changes = {True: " + changes", False: "", None: ""}[code.dirty]
    return {
        "commit": f"{code.commit[:10]}{changes}" if code.commit else "",
        "branch": code.branch,
        "remote": code.remote,
        "entry": code.entry,
        "command": " ".join(code.command),
    }


def _environment(run: LoggedRun) -> dict[str, str]:
    noted = make_environment(run.env)
    return {} if noted is None else {**dict(noted.facts), **{f"package {name}": v for name, v in noted.packages}}


# ---- as JSON data


def comparison_record(sides: Sides, config: Config) -> dict[str, Any]:
    """Return the comparison as JSON data; values are whole, and what is the same in all runs is there once."""
    summaries = [run.summary for run in sides.runs]
    params = dict.fromkeys(name for run in summaries for name in run.params)
    differing = [name for name in params if _differs(summaries, name)]
    return {
        "claim": " ".join(filter(None, (sides.page.sentence.claim, sides.page.sentence.rest))),
        "runs": [_head(run_record(summary, config)) for summary in summaries],
        "metrics": [_metric(row, summaries) for row in sides.metrics],
        "params": {name: [_param(run.params, name) for run in summaries] for name in differing},
        "same_params": {name: encode_value(summaries[0].params[name]) for name in params if name not in differing},
        "tags": _texts(sides.tags),
        "code": _texts(sides.code),
        "environment": _texts(sides.environment),
    }


def _head(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in ("params", "tags", "metrics", "notes")}


def _differs(runs: Sequence[Summary], name: str) -> bool:
    first = runs[0].params
    return any((name in run.params) != (name in first) or run.params.get(name) != first.get(name) for run in runs[1:])


def _param(params: Mapping[str, ParamValue], name: str) -> dict[str, Any] | None:
    return {"value": encode_value(params[name])} if name in params else None


def _metric(row: MetricRow, runs: Sequence[Summary]) -> dict[str, Any]:
    column = row.column
    found = [run.metrics.get(column.metric) for run in runs]
    values = [None if metric is None else metric.value(column.summary) for metric in found]
    finite = [finite_value(run, column.metric, column.summary) for run in runs]
    return {
        "name": column.metric,
        "unit": column.unit,
        "direction": column.direction,
        "summary": column.summary,
        "values": [None if value is None else encode_value(value) for value in values],
        "differences": [_difference(finite[0], value) for value in finite],
        "verdicts": [delta.verdict or None for _, delta in row.cells],
        "best": [value.best for value, _ in row.cells],
    }


def _difference(first: float | None, value: float | None) -> float | None:
    if first is None or value is None or not math.isfinite(value - first):
        return None
    return value - first


def _texts(rows: Sequence[FactRow]) -> dict[str, list[str]]:
    return {row.name: list(row.cells) for row in rows}

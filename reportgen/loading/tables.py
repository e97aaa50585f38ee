"""Runs as pandas tables; the only importer of pandas, which is an extra.

The names of columns are those of MLflow's `search_runs`. Texts are objects, so that what is missing is None in every
version of pandas.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from reportgen.errors import ReportgenError
from reportgen.model import ParamValue, Series, Summary
from reportgen.query.fields import STATUSES, TAG_ALIASES
from reportgen.query.frame import text_of

if TYPE_CHECKING:
    import pandas as pd

_NO_TIME: Final = np.datetime64("NaT", "ns")
_MAX_S: Final = 9.2e9
"""Seconds that fit in nanoseconds of int64."""

_MLFLOW_TAGS: Final[Mapping[str, str]] = {"mlflow.runName": "run_name", **TAG_ALIASES}


def load_pandas() -> ModuleType:
    """Return the module. Raises `ReportgenError` when it is not installed."""
    try:
        import pandas as pd
    except ImportError:
        raise ReportgenError("tables need pandas: pip install 'reportgen[pandas]'") from None
    module: ModuleType = pd
    return module


def runs_table(runs: Sequence[Summary], folders: Sequence[str | None]) -> pd.DataFrame:
    """Return one row a run; `folders` are those of their artifacts.

    MLflow's columns come first: `run_id`, `experiment_id` (its name), `status` (FINISHED, FAILED, KILLED, RUNNING),
    `artifact_uri`, `start_time`, `end_time` (UTC, to the ms; NaT for a run that has not ended), `metrics.<name>` (last
    value, NaN where missing), `params.<name>` (text, None where missing), `tags.<name>` (the same). Behind them:
    `experiment`, `run_name`, `duration` (s), `error`, `user`, `group`, `parent`, `commit`, `branch`, `dirty`, `notes`,
    `artifacts` (how many).
    """
    pd = load_pandas()
    texts = partial(_texts, pd)
    columns: dict[str, Any] = {
        "run_id": texts(run.run_id for run in runs),
        "experiment_id": texts(run.experiment for run in runs),
        "status": texts(STATUSES[run.status] for run in runs),
        "artifact_uri": texts(folders),
        "start_time": _times(pd, [run.start_time or math.nan for run in runs], places=3),
        "end_time": _times(pd, [_end_of(run) for run in runs], places=3),
    }
    for name, values in _columns([run.metrics for run in runs]):
        columns[f"metrics.{name}"] = np.array([math.nan if m is None else m.last for m in values], dtype=np.float64)
    for name, params in _columns([{n: text_of(v) for n, v in run.params.items()} for run in runs]):
        columns[f"params.{name}"] = texts(params)
    for name, tags in _columns([_tags_of(run) for run in runs]):
        columns[f"tags.{name}"] = texts(tags)
    columns |= {
        "experiment": texts(run.experiment for run in runs),
        "run_name": texts(run.name for run in runs),
        "duration": np.array([run.duration_s for run in runs], dtype=np.float64),
        "error": texts(run.error or None for run in runs),
        "user": texts(run.user or None for run in runs),
        "group": texts(run.group or None for run in runs),
        "parent": texts(run.parent_id or None for run in runs),
        "commit": texts(run.commit or None for run in runs),
        "branch": texts(run.branch or None for run in runs),
        "dirty": texts(run.dirty for run in runs),
        "notes": texts(run.notes or None for run in runs),
        "artifacts": np.array([run.artifacts for run in runs], dtype=np.int64),
    }
    return _frame(pd, columns)


def series_table(series: Mapping[str, Mapping[int, Series]]) -> pd.DataFrame:
    """Return one row a point: `metric`, `rank`, `step`, `time` (UTC), `value`."""
    pd = load_pandas()
    pieces = [(name, rank, own) for name, ranks in series.items() for rank, own in ranks.items()]
    lengths = [len(own) for _, _, own in pieces]
    names = np.empty(len(pieces), dtype=object)
    names[:] = [name for name, _, _ in pieces]

    def joined(arrays: Iterable[Any], kind: type) -> Any:
        return np.concatenate([np.empty(0, dtype=kind), *arrays])

    return _frame(
        pd,
        {
            "metric": np.repeat(names, lengths),
            "rank": np.repeat(np.array([rank for _, rank, _ in pieces], dtype=np.int64), lengths),
            "step": joined((own.steps for _, _, own in pieces), np.int64),
            "time": _times(pd, joined((own.times for _, _, own in pieces), np.float64), places=6),
            "value": joined((own.values for _, _, own in pieces), np.float64),
        },
    )


def comparison_table(
    names: Sequence[str], params: Mapping[str, tuple[ParamValue, ...]], metrics: Mapping[str, tuple[float | None, ...]]
) -> pd.DataFrame:
    """Return one row a metric and param, by (kind, name), and one column a run."""
    pd = load_pandas()
    rows: list[tuple[str, str, Sequence[ParamValue]]] = [("metric", name, values) for name, values in metrics.items()]
    rows += [("param", name, values) for name, values in params.items()]
    index = pd.MultiIndex.from_tuples([(kind, name) for kind, name, _ in rows], names=["kind", "name"])
    columns = {name: _texts(pd, [values[i] for _, _, values in rows]) for i, name in enumerate(names)}
    return _frame(pd, columns, index=index)


def _frame(pandas: ModuleType, columns: Mapping[str, Any], index: Any = None) -> pd.DataFrame:
    made: pd.DataFrame = pandas.DataFrame(columns)
    if index is not None:
        made.index = index
    return made


def _columns(rows: Sequence[Mapping[str, Any]]) -> Iterable[tuple[str, list[Any]]]:
    """Return each name with one value for each row, None where the row has not got it, in order of appearance."""
    columns: dict[str, list[Any]] = {}
    for i, row in enumerate(rows):
        for name, value in row.items():
            column = columns.get(name)
            if column is None:
                column = columns[name] = [None] * len(rows)
            column[i] = value
    return columns.items()


def _tags_of(run: Summary) -> dict[str, str]:
    """Return the tags of a run, and those that MLflow would have set itself."""
    facts = {
        "run_name": run.name,
        "user": run.user,
        "notes": run.notes,
        "parent": run.parent_id,
        "commit": run.commit,
        "branch": run.branch,
    }
    own = {tag: facts[fact] for tag, fact in _MLFLOW_TAGS.items() if facts[fact]}
    return {**own, **run.tags}


def _texts(pandas: ModuleType, values: Iterable[Any]) -> Any:
    items = list(values)
    column = np.empty(len(items), dtype=object)
    column[:] = items
    return pandas.Series(column, dtype=object)  # given as an array, newer versions take it for texts of their own kind


def _end_of(run: Summary) -> float:
    return math.nan if run.status == "unfinished" else run.last_time or math.nan


def _times(pandas: ModuleType, seconds: Sequence[float] | Any, *, places: int) -> Any:
    """Return UTC times of datetime64[ns] out of seconds since the epoch, rounded to `places`; NaT for NaN."""
    values = np.asarray(seconds, dtype=np.float64)
    known = np.isfinite(values) & (np.abs(values) < _MAX_S)
    units = np.floor(np.where(known, values, 0.0) * 10.0**places + 0.5).astype(np.int64) * 10 ** (9 - places)
    times = np.where(known, units.view("datetime64[ns]"), _NO_TIME)
    return pandas.Series(pandas.DatetimeIndex(times).tz_localize("UTC"))

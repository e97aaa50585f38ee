"""The columns that filters and orders compare, made from summaries when they are first asked for, and kept."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from reportgen.errors import QueryError
from reportgen.model import Floats, Ints, MetricSummary, ParamValue, Summary
from reportgen.query.fields import STATUSES, TAG_ALIASES
from reportgen.query.lexer import number_of_text
from reportgen.query.nodes import Field

Mask: TypeAlias = NDArray[np.bool_]
Direction: TypeAlias = Callable[[str], str | None]
"""Metric -> `max`, `min`, or None where it has no direction."""

_MISSING: Final = math.nan


class Frame:
    """Runs as columns: what `search` works on. A column is made once, so keep the frame for further searches.

    `summaries` give the rows and must not change; `direction` answers for `best()` and `step_of_best()`.
    """

    def __init__(self, summaries: Sequence[Summary], *, direction: Direction = lambda _: None) -> None:
        self.runs = summaries
        self.direction = direction
        self._numbers: dict[tuple[str, str, str], tuple[Floats, Mask]] = {}
        self._texts: dict[tuple[str, str], list[str | None]] = {}
        self._values: dict[tuple[str, str], list[ParamValue]] = {}
        self._order: Ints | None = None

    def __len__(self) -> int:
        return len(self.runs)

    def numbers(self, field: Field) -> tuple[Floats, Mask]:
        """Return float64[n] and which of them are there. Raises `QueryError` for `best()` without a direction.

        Times are in ms since the epoch, durations in seconds, as filters write them; a text that stands for no
        number is not there.
        """
        key = (field.entity, field.name, field.function)
        if key not in self._numbers:
            values = list(self._iter_numbers(field))
            there = np.fromiter((value is not None for value in values), np.bool_, len(values))
            column = np.array([_MISSING if value is None else value for value in values], dtype=np.float64)
            self._numbers[key] = (column, there)
        return self._numbers[key]

    def texts(self, field: Field) -> list[str | None]:
        """Return the text of a param, a tag or an attribute for each run, None where it is missing."""
        key = (field.entity, field.name)
        if key not in self._texts:
            self._texts[key] = [None if value is _NONE else text_of(value) for value in self.values(field)]
        return self._texts[key]

    def values(self, field: Field) -> list[ParamValue]:
        """Return the value of a param, a tag or an attribute as it was logged; `_NONE` where it is missing."""
        key = (field.entity, field.name)
        if key not in self._values:
            self._values[key] = list(self._iter_values(field))
        return self._values[key]

    def lists(self, field: Field) -> list[tuple[str, ...]]:
        """Return the texts of a field that has several for each run."""
        if field.entity == "attribute":
            return [run.artifact_paths for run in self.runs]
        name = "role" if field.name == "context" else field.name
        return [tuple(text for each in run.inputs if (text := getattr(each, name))) for run in self.runs]

    def lack_of(self, field: Field) -> str:
        """Return what is missing for `best()` and `step_of_best()` of a metric without a direction, else nothing."""
        if field.function not in ("best", "step_of_best") or self.direction(field.name) is not None:
            return ""
        return (
            f"{field.function}() needs to know whether '{field.name}' should rise or fall: write max() or min(), or"
            f' declare it in reportgen.toml: [metrics."{field.name}"] direction = "max"'
        )

    def natural_order(self) -> Ints:
        """Return int64[n]: all rows by start time, newest first, then by run id, as MLflow orders runs."""
        if self._order is None:
            self._order = _newest_first(self.runs)
        return self._order

    def known(self) -> Iterator[tuple[str, str]]:
        """Yield (entity, name) of every metric, param and tag of the runs, metrics first, in order of appearance."""
        for entity in ("metric", "param", "tag"):
            names: dict[str, None] = {}
            for run in self.runs:
                names.update(dict.fromkeys(getattr(run, f"{entity}s")))
            yield from ((entity, name) for name in names)

    # ---- what is in the columns

    def _iter_numbers(self, field: Field) -> Iterator[float | None]:
        if field.entity == "metric":
            pick = self._picker(field)
            name = field.name
            for run in self.runs:
                metric = run.metrics.get(name)
                yield None if metric is None else pick(metric)
        elif field.kind == "time":
            if field.name == "start_time":
                yield from (shown_ms(run.start_time) if run.start_time else None for run in self.runs)
            else:
                ended = (run.last_time if run.status != "unfinished" else 0 for run in self.runs)
                yield from (shown_ms(time) if time else None for time in ended)
        elif field.kind == "duration":
            yield from (shown_duration(run.duration_s) for run in self.runs)
        elif field.kind == "files":
            yield from (run.artifacts for run in self.runs)
        else:
            yield from map(number_of, self.values(field))

    def _picker(self, field: Field) -> Callable[[MetricSummary], float | None]:
        function = field.function
        if function in ("best", "step_of_best"):
            direction = self.direction(field.name)
            if direction is None:
                raise QueryError(self.lack_of(field), code="no-direction", start=field.place.start, end=field.place.end)
            function = direction if function == "best" else f"{direction}_step"
        return _PICK[function]

    def _iter_values(self, field: Field) -> Iterator[ParamValue]:
        name = field.name
        if field.entity == "param":
            yield from (run.params.get(name, _NONE) for run in self.runs)
        elif field.entity == "tag":
            fact = TAG_ALIASES.get(name)
            for run in self.runs:
                value: ParamValue = run.tags.get(name, _NONE)
                yield _fact(run, fact) if value is _NONE and fact else value
        else:
            yield from (_fact(run, name) for run in self.runs)


_NONE: Final = "\0missing"
"""Stands for a value that is not there: a param may hold None. Compared by identity."""

_PICK: Final[dict[str, Callable[[MetricSummary], float | None]]] = {
    "last": lambda metric: metric.last,
    "min": lambda metric: metric.min,
    "max": lambda metric: metric.max,
    "mean": lambda metric: metric.mean,
    "first": lambda metric: metric.first,
    "count": lambda metric: metric.count,
    "min_step": lambda metric: metric.min_step,
    "max_step": lambda metric: metric.max_step,
}

_FACTS: Final[dict[str, Callable[[Summary], str]]] = {
    "run_id": lambda run: run.run_id,
    "run_name": lambda run: run.name,
    "experiment": lambda run: run.experiment,
    "status": lambda run: STATUSES[run.status],
    "error": lambda run: run.error,
    "user": lambda run: run.user,
    "group": lambda run: run.group,
    "parent": lambda run: run.parent_id,
    "commit": lambda run: run.commit,
    "branch": lambda run: run.branch,
    "notes": lambda run: run.notes,
    "artifact_uri": lambda _: "",
}


def _fact(run: Summary, name: str) -> ParamValue:
    if name == "dirty":
        return _NONE if run.dirty is None else run.dirty
    return _FACTS[name](run) or _NONE


def text_of(value: ParamValue) -> str:
    """Return a param as text: what `str` makes of it, which is what MLflow keeps."""
    return value if isinstance(value, str) else str(value)


def number_of(value: ParamValue) -> float | None:
    """Return the number that a param, a tag or a text is or stands for, None where it is none; a truth is none."""
    if value is None or value is _NONE or isinstance(value, bool):
        return None
    if isinstance(value, str):
        return number_of_text(value)
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def shown_duration(seconds: float) -> float:
    """Return a duration as tables and filters have it: to the ms, from 100 s on to a tenth of a second."""
    return round(seconds, 1 if seconds >= 100 else 3)


def _newest_first(runs: Sequence[Summary]) -> Ints:
    """Return the rows by start, newest first; only runs of one and the same ms are compared by their ids."""
    times = np.array([-shown_ms(run.start_time) for run in runs], dtype=np.int64)
    order: Ints = np.argsort(times, kind="stable")
    starts = np.flatnonzero(np.diff(times[order], prepend=np.iinfo(np.int64).min))
    for start, end in pairwise((*starts.tolist(), len(runs))):
        if end - start > 1:
            own = sorted(order[start:end].tolist(), key=lambda row: (runs[row].run_id, runs[row].key))
            order[start:end] = own
    return order


def shown_ms(seconds: float) -> int:
    """Return a time in s as filters and tables have it: in whole ms, as MLflow keeps it."""
    return math.floor(seconds * 1000 + 0.5)

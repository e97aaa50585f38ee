"""Runs as columns, each of one kind: all that is known, or what the filter language names. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from reportgen.model import ParamValue, Summary
from reportgen.query import Frame
from reportgen.query.frame import text_of
from reportgen.query.nodes import Field

Kind: TypeAlias = Literal["text", "number", "whole", "truth", "time"]
"""`number` is a float, `whole` an integer of 64 bits, `time` UTC seconds since the epoch."""

_SIGNED: Final = range(-(2**63), 2**63)


@dataclass(frozen=True, slots=True)
class Column:
    """One value of every run."""

    name: str
    kind: Kind
    values: Sequence[Any]
    """None where a run has no such value."""


_FACTS: Final[tuple[tuple[str, Kind, Callable[[Summary], Any]], ...]] = (
    ("experiment", "text", lambda run: run.experiment),
    ("name", "text", lambda run: run.name),
    ("run_id", "text", lambda run: run.run_id),
    ("status", "text", lambda run: run.status),
    ("error", "text", lambda run: run.error or None),
    ("start_time", "time", lambda run: run.start_time or None),
    ("end_time", "time", lambda run: run.last_time or None),
    ("duration_s", "number", lambda run: run.duration_s),
    ("group", "text", lambda run: run.group or None),
    ("user", "text", lambda run: run.user or None),
    ("parent_id", "text", lambda run: run.parent_id or None),
    ("commit", "text", lambda run: run.commit or None),
    ("branch", "text", lambda run: run.branch or None),
    ("dirty", "truth", lambda run: run.dirty),
    ("artifacts", "whole", lambda run: run.artifacts),
    ("ranks", "whole", lambda run: run.ranks),
    ("sessions", "whole", lambda run: run.sessions),
    ("problems", "whole", lambda run: len(run.problems)),
    ("note", "text", lambda run: run.note or None),
)
_STATISTICS: Final = ("last", "min", "max", "mean", "first")


def all_columns(runs: Sequence[Summary]) -> list[Column]:
    """Return the columns of `runs.csv`, with kinds: facts, `params.…`, `metrics.…` and its statistics, `tags.…`.

    A statistic that has the name of another metric (`metrics.acc.min`) is left out.
    """
    columns = {name: Column(name, kind, [value(run) for run in runs]) for name, kind, value in _FACTS}
    for name in _names(run.params for run in runs):
        values = [run.params.get(name) for run in runs]
        columns[f"params.{name}"] = _typed(f"params.{name}", values)
    metrics = _names(run.metrics for run in runs)
    bare = {f"metrics.{metric}" for metric in metrics}
    for metric in metrics:
        found = [run.metrics.get(metric) for run in runs]
        for statistic in _STATISTICS:
            name = f"metrics.{metric}" if statistic == "last" else f"metrics.{metric}.{statistic}"
            if statistic == "last" or name not in bare:
                numbers = [None if own is None else own.value(statistic) for own in found]
                columns[name] = Column(name, "number", numbers)
    for name in _names(run.tags for run in runs):
        columns[f"tags.{name}"] = Column(f"tags.{name}", "text", [run.tags.get(name) for run in runs])
    return list(columns.values())


def named_columns(frame: Frame, fields: Iterable[tuple[str, Field]]) -> list[Column]:
    """Return a column for each of `fields`, (its text, the field). Raises `QueryError` for `best()` without direction.

    Times are in seconds, and statuses our own words. What a run has several of is one text with commas.
    """
    return [_named(frame, text, field) for text, field in fields]


def _named(frame: Frame, text: str, field: Field) -> Column:
    if field.kind == "many":
        return Column(text, "text", [", ".join(texts) or None for texts in frame.lists(field)])
    if field.kind in ("number", "time", "duration", "files"):
        numbers, there = frame.numbers(field)
        values: list[Any] = [value if known else None for value, known in zip(numbers.tolist(), there, strict=True)]
        if field.kind == "time":
            return Column(text, "time", [None if value is None else value / 1000 for value in values])
        if field.kind == "files" or field.function in ("step_of_best", "count"):
            return Column(text, "whole", [None if value is None else int(value) for value in values])
        return Column(text, "number", values)
    if field.entity == "attribute" and field.name == "status":
        return Column(text, "text", [run.status for run in frame.runs])
    texts = frame.texts(field)
    return _typed(text, [None if t is None else v for v, t in zip(frame.values(field), texts, strict=True)])


def _names(mappings: Iterable[Mapping[str, object]]) -> list[str]:
    return list(dict.fromkeys(name for mapping in mappings for name in mapping))


def _typed(name: str, values: Sequence[ParamValue]) -> Column:
    """Return a column of the narrowest kind that holds all of `values`; a None that was logged is missing."""
    known = [value for value in values if value is not None]
    kinds = {type(value) for value in known}
    if kinds == {bool}:
        return Column(name, "truth", values)
    if kinds == {int} and all(value in _SIGNED for value in known):
        return Column(name, "whole", values)
    if kinds in ({float}, {int, float}) and all(abs(value) < 2**53 for value in known if isinstance(value, int)):
        return Column(name, "number", [None if value is None else float(value) for value in values])
    return Column(name, "text", [None if value is None else text_of(value) for value in values])

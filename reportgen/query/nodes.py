"""What a filter is, once it has been parsed: frozen values that know where in the text they stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal as OneOf
from typing import TypeAlias

Entity: TypeAlias = OneOf["metric", "param", "tag", "dataset", "attribute"]
FieldKind: TypeAlias = OneOf["number", "time", "duration", "text", "mixed", "truth", "many", "files"]
"""`mixed` is a text that may stand for a number (params, tags); `many` is several texts; `files` is `many` that can
also be compared with how many there are."""


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of the filter's text, in characters (Unicode code points) from 0."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Field:
    """What is compared or ordered by: `metrics.loss`, `max(metrics.acc)`, `params.lr`, `duration` …"""

    entity: Entity
    name: str
    """Key of the metric, param or tag, `name digest context` of a dataset, or the name of an attribute."""
    function: str
    """`last min max mean first best step_of_best count` of a metric, `number` of a text, else empty."""
    kind: FieldKind
    place: Place


@dataclass(frozen=True, slots=True)
class Value:
    """A value that a field is compared with."""

    kind: OneOf["number", "text", "truth", "age", "now"]
    number: float
    """The number; the age or the distance from now in seconds; 1 or 0 for TRUE and FALSE."""
    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class Comparison:
    """One clause. A run that has not the field does not fulfil it, whatever the operator, except `NULL`."""

    field: Field
    operator: OneOf["=", "!=", "<", "<=", ">", ">=", "LIKE", "ILIKE", "CONTAINS", "IN", "BETWEEN", "NULL", "NAN"]
    values: tuple[Value, ...]
    """One; two for `BETWEEN`; any number for `IN`; none for `NULL` and `NAN`."""
    negated: bool
    """`NOT LIKE`, `NOT IN`, `IS NOT NULL` …"""


@dataclass(frozen=True, slots=True)
class Not:
    """True for the runs for which `part` is not."""

    part: Node


@dataclass(frozen=True, slots=True)
class Every:
    """Clauses joined by AND; without any it is true."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """Clauses joined by OR."""

    parts: tuple[Node, ...]


Node: TypeAlias = Comparison | Not | Every | Some


@dataclass(frozen=True, slots=True)
class OrderKey:
    """One key of an order."""

    field: Field
    descending: bool


def iter_fields(node: Node) -> list[Field]:
    """Return the fields of all clauses, from left to right."""
    fields: list[Field] = []
    waiting = [node]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Comparison):
            fields.append(each.field)
        elif isinstance(each, Not):
            waiting.append(each.part)
        else:
            waiting.extend(reversed(each.parts))
    return fields

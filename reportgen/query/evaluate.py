"""Which runs fulfil a filter. `query.js` decides in the same way."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from reportgen.model import Floats, ParamValue
from reportgen.query.fields import STATUSES
from reportgen.query.frame import _NONE, Frame, Mask
from reportgen.query.nodes import Comparison, Every, Field, Node, Not, Value
from reportgen.query.parser import parse_time_ms

_COMPARE: Final[dict[str, Callable[..., object]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_LOWER: Final = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_UPPER: Final = {small: large for large, small in _LOWER.items()}


def evaluate(node: Node, frame: Frame, now: float) -> Mask:
    """Return bool[n]: the runs of `frame` for which `node` is true; `now` is in seconds since the epoch."""
    if isinstance(node, Comparison):
        return _compare(node, frame, now)
    if isinstance(node, Not):
        return ~evaluate(node.part, frame, now)
    every = isinstance(node, Every)
    mask = np.full(len(frame), every)
    for part in node.parts:
        mask = mask & evaluate(part, frame, now) if every else mask | evaluate(part, frame, now)
    return mask


def _compare(clause: Comparison, frame: Frame, now: float) -> Mask:
    field = clause.field
    if field.kind in ("many", "files"):
        return _compare_lists(clause, frame)
    if field.kind in ("number", "time", "duration"):
        values, there = frame.numbers(field)
        return there_and(clause, there, lambda: _fit_numbers(clause, values, now))
    column = frame.values(field)
    there = np.fromiter((value is not _NONE for value in column), np.bool_, len(column))
    return there_and(clause, there, lambda: _fit_texts(clause, frame, column))


def there_and(clause: Comparison, there: Mask, fit: Callable[[], Mask]) -> Mask:
    """Return what is true of a run that has the field, and false for a run that has not, except for `IS NULL`."""
    if clause.operator == "NULL":
        return there if clause.negated else ~there
    fits = fit()
    return there & (~fits if clause.negated else fits)


# ---- numbers


def _fit_numbers(clause: Comparison, column: Floats, now: float) -> Mask:
    if clause.operator == "NAN":
        return np.isnan(column)
    numbers = [_number(clause.field, value, now) for value in clause.values]
    if clause.operator == "IN":
        return np.isin(column, numbers)
    if clause.operator == "BETWEEN":
        mask: Mask = (column >= numbers[0]) & (column <= numbers[1])
    else:
        mask = np.asarray(_COMPARE[clause.operator](column, numbers[0]), dtype=np.bool_)
    return mask


def _number(field: Field, value: Value, now: float) -> float:
    """Return the number that a value stands for beside a number, a time (ms) or a duration (s)."""
    if value.kind == "now":
        return now * 1000 + value.number * 1000
    if value.kind == "text" and field.kind == "time":
        return parse_time_ms(value.text) or 0.0  # the parser took only dates
    return value.number


# ---- texts


def _fit_texts(clause: Comparison, frame: Frame, column: Sequence[ParamValue]) -> Mask:
    field, n = clause.field, len(column)
    kind = clause.operator
    if kind == "NAN":
        return np.isnan(_as_numbers(frame, field)[0]) & _as_numbers(frame, field)[1]
    if kind in ("LIKE", "ILIKE", "CONTAINS"):
        matches = _matcher(kind, clause.values[0].text)
        return np.fromiter((text is not None and matches(text) for text in frame.texts(field)), np.bool_, n)
    if kind == "IN":
        return _is_one_of(field, clause.values, frame, column)
    if kind == "BETWEEN":
        low, high = clause.values
        return _fit_text(field, ">=", low, frame, column) & _fit_text(field, "<=", high, frame, column)
    return _fit_text(field, kind, clause.values[0], frame, column)


def _fit_text(field: Field, sign: str, value: Value, frame: Frame, column: Sequence[ParamValue]) -> Mask:
    """Compare a text with one value: as number with a number, as text with a text, as truth with TRUE and FALSE.

    What cannot be compared is unequal, and neither smaller nor greater.
    """
    n = len(column)
    if value.kind == "number":
        numbers, are = _as_numbers(frame, field)
        fits = np.asarray(_COMPARE[sign](numbers, value.number), dtype=np.bool_)
        return np.asarray(fits | ~are if sign == "!=" else fits & are, dtype=np.bool_)
    if value.kind == "truth":
        equal = np.fromiter((_truth(each) == bool(value.number) for each in column), np.bool_, n)
        return ~equal if sign == "!=" else equal
    text, compare = _text_of(field, value), _COMPARE[sign]
    return np.fromiter((each is not None and bool(compare(each, text)) for each in frame.texts(field)), np.bool_, n)


def _is_one_of(field: Field, values: Sequence[Value], frame: Frame, column: Sequence[ParamValue]) -> Mask:
    """Return what `=` says of any of the values, in one pass however many there are."""
    mask = np.zeros(len(column), dtype=np.bool_)
    if numbers := [value.number for value in values if value.kind == "number"]:
        own, are = _as_numbers(frame, field)
        mask |= are & np.isin(own, numbers)
    if texts := frozenset(_text_of(field, value) for value in values if value.kind == "text"):
        mask |= np.fromiter((each in texts for each in frame.texts(field)), np.bool_, len(column))
    if truths := frozenset(bool(value.number) for value in values if value.kind == "truth"):
        mask |= np.fromiter((_truth(each) in truths for each in column), np.bool_, len(column))
    return mask


def _text_of(field: Field, value: Value) -> str:
    """Return the text that a field is compared with: of a status MLflow's word for it."""
    return _status(value.text) if field.entity == "attribute" and field.name == "status" else value.text


def _as_numbers(frame: Frame, field: Field) -> tuple[Floats, Mask]:
    return frame.numbers(Field(field.entity, field.name, "number", "number", field.place))


def _truth(value: ParamValue) -> bool | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.translate(_LOWER))
    return None


def _status(text: str) -> str:
    """Return the word of a status that filters compare for our own words and those of MLflow, in any case."""
    return STATUSES.get(text.translate(_LOWER), text.translate(_UPPER))


# ---- several texts


def _compare_lists(clause: Comparison, frame: Frame) -> Mask:
    """A clause about several texts is true when it is true of one of them, as MLflow has it for data sets."""
    n = len(frame)
    if clause.operator != "NULL" and any(value.kind == "number" for value in clause.values):
        values, there = frame.numbers(clause.field)
        return there_and(clause, there, lambda: _fit_numbers(clause, values, 0.0))
    lists = frame.lists(clause.field)
    if clause.operator == "NULL":
        return np.fromiter(((not texts) != clause.negated for texts in lists), np.bool_, n)
    fits = _fits_one(clause)
    return np.fromiter((any(fits(text) != clause.negated for text in texts) for texts in lists), np.bool_, n)


def _fits_one(clause: Comparison) -> Callable[[str], bool]:
    kind, texts = clause.operator, [value.text for value in clause.values]
    if kind in ("LIKE", "ILIKE", "CONTAINS"):
        return _matcher(kind, texts[0])
    if kind == "IN":
        return frozenset(texts).__contains__
    if kind == "BETWEEN":
        return lambda text: texts[0] <= text <= texts[1]
    compare = _COMPARE[kind]
    return lambda text: bool(compare(text, texts[0]))


# ---- patterns


def _matcher(kind: str, pattern: str) -> Callable[[str], bool]:
    """Return the test of LIKE, ILIKE or CONTAINS; linear in the length of pattern times text.

    `%` is any text, `_` one character; there is no escape. ILIKE and CONTAINS ignore the case of ASCII letters.
    """
    if kind == "CONTAINS":
        wanted = pattern.translate(_LOWER)
        return lambda text: wanted in text.translate(_LOWER)
    if kind == "ILIKE":
        matches = make_like(pattern.translate(_LOWER))
        return lambda text: matches(text.translate(_LOWER))
    return make_like(pattern)


def make_like(pattern: str) -> Callable[[str], bool]:
    """Return the test whether a whole text has the form of `pattern`."""
    first, *rest = pattern.split("%")
    if not rest:
        whole = re.compile(_regex(first), re.DOTALL)
        return lambda text: whole.fullmatch(text) is not None
    *middle, last = rest
    starts = re.compile(_regex(first), re.DOTALL)
    ends = re.compile(_regex(last), re.DOTALL)
    parts = [re.compile(_regex(part), re.DOTALL) for part in middle if part]

    def matches(text: str) -> bool:
        found = starts.match(text)
        if not found:
            return False
        at = found.end()
        for part in parts:  # each as early as it can be: that leaves most for the others
            found = part.search(text, at)
            if not found:
                return False
            at = found.end()
        return len(text) - len(last) >= at and ends.fullmatch(text, len(text) - len(last)) is not None

    return matches


def _regex(part: str) -> str:
    runs = re.findall("_+|[^_]+", part)  # a count of any characters is compiled at once, a million of them one by one
    return "".join(f".{{{len(run)}}}" if run[0] == "_" else re.escape(run) for run in runs)

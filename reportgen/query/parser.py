"""Parses filters and orders. The grammar stands in `docs/query.md`; `query.js` parses in the same way, with the same
words for the same faults."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable
from typing import Final

from reportgen.errors import QueryError
from reportgen.query.errors import fault, plain
from reportgen.query.fields import (
    ATTRIBUTE_ALIASES,
    ATTRIBUTES,
    DATASET_KEYS,
    ENTITIES,
    FUNCTIONS,
    MAX_DEPTH,
    METRIC_FUNCTIONS,
)
from reportgen.query.lexer import BLANKS, ENDS_WORD, Token, cut, number_of_text
from reportgen.query.nodes import Comparison, Every, Field, Node, Not, OrderKey, Place, Some, Value
from reportgen.spelling import nearest

_ORDERING: Final = ("<", "<=", ">", ">=")
_WORDS: Final = ("LIKE", "ILIKE", "CONTAINS", "IN", "BETWEEN")
_RESERVED: Final = frozenset(("AND", "OR", "NOT", "IS", "NULL", "NAN", *_WORDS))
_DATE: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,6}))?)?(?:Z|([-+])([01][0-9]|2[0-3]):?([0-5][0-9]))?)?"
)
_EXAMPLE: Final = "metrics.acc > 0.9 AND params.model = 'cnn'"
_KEYED: Final = "metrics.NAME, params.NAME, tags.NAME or datasets.NAME"

Known = Callable[[], Iterable[tuple[str, str]]]
"""Returns (entity, name) of all metrics, params and tags that the runs have, for remedies."""


def parse_filter(text: str, known: Known = tuple) -> Node:
    """Return the tree of a filter; a filter of blanks alone is true of every run.

    `known` is asked for names only when an error needs them. Raises `QueryError`.
    """
    return _Parser(text, known).filter()


def parse_order(text: str, known: Known = tuple) -> OrderKey:
    """Return one key of an order, `FIELD`, `FIELD ASC` or `FIELD DESC`. Raises `QueryError`."""
    return _Parser(text, known).order_key()


def parse_columns(text: str, known: Known = tuple) -> list[tuple[str, Field]]:
    """Return the fields of `FIELD, FIELD, …`, each with its own text. Raises `QueryError`."""
    return _Parser(text, known).columns()


def parse_time_ms(text: str) -> float | None:
    """Return a date or time as ms since the epoch, UTC where it names no zone; None for any other text.

    `YYYY-MM-DD`, with `HH:MM`, `HH:MM:SS` or `HH:MM:SS.ffffff` after a `T` or a blank, and `Z` or `±HH:MM` after that.
    """
    found = _DATE.fullmatch(text.strip(BLANKS))
    if not found:
        return None
    year, month, day, hour, minute, second, fraction, sign, zone_hour, zone_minute = found.groups()
    try:
        time = dt.datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=dt.UTC
        )
    except ValueError:
        return None
    away = (int(zone_hour or 0) * 60 + int(zone_minute or 0)) * (-1 if sign == "-" else 1)
    whole = (time - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(seconds=1) - away * 60
    return whole * 1000.0 + int((fraction or "").ljust(6, "0")) / 1000


class _Parser:
    def __init__(self, text: str, known: Known) -> None:
        self.text = text
        self.known = known
        self.tokens = cut(text)
        self.at = 0
        self.depth = 0

    # ---- tokens

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def take(self) -> Token:
        token = self.token
        if token.kind != "end":
            self.at += 1
        return token

    def take_word(self, *words: str) -> bool:
        """Take the next token if it is one of the keywords."""
        if self.token.upper in words:
            self.at += 1
            return True
        return False

    def take_sign(self, sign: str) -> bool:
        if self.token.kind == "sign" and self.token.text == sign:
            self.at += 1
            return True
        return False

    def fault(self, code: str, message: str, place: Place | None = None) -> QueryError:
        return fault(code, self.text, place or self.token.place, message)

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.fault(
                "depth", f"more than {MAX_DEPTH} parentheses and NOTs inside one another", self.last_place()
            )

    def last_place(self) -> Place:
        return self.tokens[self.at - 1].place

    # ---- filters

    def filter(self) -> Node:
        if len(self.tokens) == 1:
            return Every(())
        node = self.any_of()
        if self.token.kind == "end":
            return node
        if self.token.text == ")" and self.token.kind == "sign":
            raise self.fault("unopened-parenthesis", "this ) closes no parenthesis: remove it")
        raise self.fault("missing-and", f"expected AND or OR before {self.named()}")

    def any_of(self) -> Node:
        parts = [self.all_of()]
        while self.take_word("OR"):
            parts.append(self.all_of())
        return parts[0] if len(parts) == 1 else Some(tuple(parts))

    def all_of(self) -> Node:
        parts = [self.clause()]
        while self.take_word("AND"):
            parts.append(self.clause())
        return parts[0] if len(parts) == 1 else Every(tuple(parts))

    def clause(self) -> Node:
        if self.take_word("NOT"):
            self.deeper()
            node: Node = Not(self.clause())
        elif self.take_sign("("):
            opened = self.last_place()
            self.deeper()
            node = self.any_of()
            if not self.take_sign(")"):
                if self.token.kind == "end":
                    raise self.fault("unclosed-parenthesis", "this ( is not closed: add )", opened)
                raise self.fault("missing-and", f"expected AND, OR or ) before {self.named()}")
        else:
            return self.comparison()
        self.depth -= 1
        return node

    def comparison(self) -> Comparison:
        field = self.field()
        if self.take_word("IS"):
            negated = self.take_word("NOT")
            if self.take_word("NULL"):
                return Comparison(field, "NULL", (), negated)
            if self.take_word("NAN"):
                if field.kind != "number" and field.kind != "mixed":
                    raise self.fault("type", f"{self.shown(field)} is never NaN", field.place)
                return Comparison(field, "NAN", (), negated)
            raise self.fault("expected-null", "expected NULL or NAN after IS" + (" NOT" if negated else ""))
        negated = self.take_word("NOT")
        if self.take_word("LIKE", "ILIKE", "CONTAINS"):
            return self.match(field, self.tokens[self.at - 1].upper, negated)
        if self.take_word("IN"):
            return Comparison(field, "IN", self.listed(field), negated)
        if self.take_word("BETWEEN"):
            return self.between(field, negated)
        if negated:
            raise self.fault("expected-operator", "expected LIKE, ILIKE, CONTAINS, IN or BETWEEN after NOT")
        if self.token.kind == "sign" and self.token.text in ("=", "!=", *_ORDERING):
            operator = self.take().text
            value = self.value(field, ordering=operator in _ORDERING)
            return Comparison(field, operator, (value,), negated=False)  # type: ignore[arg-type] # narrowed above
        raise self.operator_fault(field)

    def operator_fault(self, field: Field) -> QueryError:
        wanted = "=, !=, <, <=, >, >=, LIKE, ILIKE, CONTAINS, IN, BETWEEN or IS NULL"
        if self.token.upper in ("RLIKE", "REGEXP", "MATCHES"):
            return self.fault(
                "operator", "there are no regular expressions: use LIKE with % for any text and _ for one character"
            )
        after = self.text[field.place.start : field.place.end]
        return self.fault("expected-operator", f"expected {wanted} after {_short(after)}")

    def match(self, field: Field, operator: str, negated: bool) -> Comparison:
        if field.kind in ("number", "time", "duration", "truth"):
            raise self.fault("type", f"{operator} compares texts, and {self.shown(field)} is none", field.place)
        token = self.token
        if token.kind != "quoted" or token.quote == "`":
            raise self.fault("expected-value", f"expected a text in quotes after {operator}" + self.quoted_remedy())
        self.take()
        value = Value("text", 0.0, token.text, token.place)
        return Comparison(field, operator, (value,), negated)  # type: ignore[arg-type] # one of the three

    def listed(self, field: Field) -> tuple[Value, ...]:
        if not self.take_sign("("):
            raise self.fault("expected-list", "expected a list in parentheses after IN, such as ('a', 'b')")
        opened = self.last_place()
        values = [self.value(field, ordering=False)]
        while self.take_sign(","):
            values.append(self.value(field, ordering=False))
        if not self.take_sign(")"):
            if self.token.kind == "end":
                raise self.fault("unclosed-parenthesis", "this ( is not closed: add )", opened)
            raise self.fault("expected-list", f"expected a comma or ) before {self.named()}")
        if field.kind == "files" and len({value.kind for value in values}) > 1:
            raise self.fault("type", f"{self.shown(field)} is compared with numbers or with texts, not both", opened)
        return tuple(values)

    def between(self, field: Field, negated: bool) -> Comparison:
        low = self.value(field, ordering=True)
        if not self.take_word("AND"):
            raise self.fault("expected-and", "expected AND between the ends of BETWEEN, as in BETWEEN 1 AND 2")
        high = self.value(field, ordering=True)
        if (low.kind == "text") != (high.kind == "text") and field.kind not in ("time", "duration"):
            raise self.fault("type", "the ends of BETWEEN must be two numbers or two texts", high.place)
        return Comparison(field, "BETWEEN", (low, high), negated)

    # ---- values

    def value(self, field: Field, *, ordering: bool) -> Value:
        token = self.token
        if token.kind == "number":
            value = Value("number", token.number, token.text, token.place)
        elif token.kind == "quoted" and token.quote != "`":
            value = Value("text", 0.0, token.text, token.place)
        elif token.kind == "age":
            value = Value("age", token.number, token.text, token.place)
        elif token.kind == "now":
            following = self.tokens[self.at + 1]
            if following.kind in ("word", "number", "age") and following.text[0] in "+-":
                raise self.fault(
                    "age", "expected an age after now, such as now - 7d (s, m, h, d or w)", following.place
                )
            value = Value("now", token.number, token.text, token.place)
        elif token.upper in ("TRUE", "FALSE"):
            value = Value("truth", float(token.upper == "TRUE"), token.text, token.place)
        else:
            raise self.fault("expected-value", f"expected {_VALUES[field.kind]}" + self.quoted_remedy())
        self.take()
        self.check_value(field, value, ordering)
        return value

    def quoted_remedy(self) -> str:
        token = self.token
        if token.kind == "word" and token.text.lower() in ("nan", "-nan", "+nan"):
            return ": write IS NAN for values that are no number"
        if token.kind == "word" and not token.quote and token.upper not in _RESERVED:
            return f": put text in quotes, '{_short(token.text)}'"
        if token.kind == "quoted":
            return f": put text in single or double quotes, '{_short(token.text)}'"
        return ""

    def check_value(self, field: Field, value: Value, ordering: bool) -> None:
        """Fail unless a value of this kind can be compared with the field."""
        kind, wanted = field.kind, _VALUES[field.kind]
        if kind == "time":
            if value.kind == "text" and parse_time_ms(value.text) is None:
                raise self.fault(
                    "date", "expected a date such as '2026-11-01' or '2026-11-01 18:30' (UTC)", value.place
                )
            if value.kind == "age":
                raise self.fault("type", f"an age is no time: write now - {value.text}", value.place)
            fits = value.kind != "truth"
        elif kind == "duration":
            fits = value.kind in ("number", "age")
        elif kind == "number":
            fits = value.kind == "number"
            if value.kind == "text" and number_of_text(value.text) is not None:
                raise self.fault("type", f"{self.shown(field)} is a number: write it without quotes", value.place)
        elif kind == "truth":
            fits = value.kind == "truth" and not ordering
        else:
            fits = value.kind in ("number", "text") or (value.kind == "truth" and kind == "mixed" and not ordering)
            if value.kind == "number" and kind == "many":
                fits = False
            if ordering and kind != "many" and value.kind == "text" and number_of_text(value.text) is not None:
                bare = _short(value.text.strip(BLANKS))
                remedy = f"quotes compare as text: write {bare} without quotes to compare numbers"
                raise self.fault("type", remedy, value.place)
        if not fits:
            raise self.fault(
                "type",
                f"{self.shown(field)} cannot be compared with {_short(value.text)}: expected {wanted}",
                value.place,
            )

    # ---- fields

    def field(self) -> Field:
        token = self.token
        following = self.tokens[min(self.at + 1, len(self.tokens) - 1)]
        is_call = following.kind == "sign" and following.text == "(" and token.kind == "word" and not token.quote
        if is_call and token.upper not in _RESERVED:
            return self.call()
        if token.kind == "quoted" and token.quote != "'":
            self.take()
            return self.attribute(token.text, token)
        if token.kind != "word" or token.upper in _RESERVED:
            message = f"expected a clause such as {_EXAMPLE}"
            if token.kind == "quoted":
                message = "expected a name; a text in quotes stands after an operator, as in params.model = 'cnn'"
            elif token.kind == "number":
                message = "expected a name; a number stands after an operator, as in metrics.acc > 0.9"
            raise self.fault("expected-field", message)
        self.take()
        return self.named_field(token)

    def named_field(self, token: Token) -> Field:
        entity, dot, key = token.text.partition(".")
        if not dot:
            return self.attribute(token.text, token)
        if entity not in ENTITIES:
            near = nearest(entity, ENTITIES)
            remedy = f"did you mean {near}.{_short(key)}?" if near else f"names are {_KEYED}; "
            if not near:
                remedy += self.remedy_for(token.text)
            raise self.fault("unknown-entity", f"unknown kind of name '{_short(entity)}': {remedy}", token.place)
        kind = ENTITIES[entity]
        if kind == "attribute":
            return self.attribute(key, token)
        if not key:
            raise self.fault("expected-field", f"expected a name after {entity}.", token.place)
        if kind == "dataset":
            if key not in DATASET_KEYS:
                raise self.fault(
                    "unknown-attribute", f"a dataset has name, digest and context, not '{_short(key)}'", token.place
                )
            return Field("dataset", key, "", "many", token.place)
        if kind == "metric":
            return Field("metric", key, "last", "number", token.place)
        return Field(kind, key, "", "mixed", token.place)

    def attribute(self, name: str, token: Token) -> Field:
        name = ATTRIBUTE_ALIASES.get(name, name)
        if name in ATTRIBUTES:
            return Field("attribute", name, "", ATTRIBUTES[name], token.place)
        raise self.fault("unknown-attribute", f"unknown name '{_short(name)}': {self.remedy_for(name)}", token.place)

    def remedy_for(self, name: str) -> str:
        """Return what a name that is no attribute may be meant to be."""
        known = list(self.known())
        near = nearest(name, (key for _, key in known))
        if near is not None and near.lower() == name.lower():
            entity = next(entity for entity, key in known if key == near)
            return f"did you mean {spell(entity, near)}?"
        attribute = nearest(name, (*ATTRIBUTES, *ATTRIBUTE_ALIASES))
        if attribute:
            return f"did you mean {attribute}?"
        if near is not None:
            entity = next(entity for entity, key in known if key == near)
            return f"did you mean {spell(entity, near)}?"
        return f"a metric, param or tag is written {_KEYED}"

    def call(self) -> Field:
        token = self.take()
        name = token.text.lower()
        if name not in FUNCTIONS:
            near = nearest(name, FUNCTIONS)
            remedy = f"did you mean {near}()?" if near else f"there are {', '.join(FUNCTIONS)}"
            raise self.fault("unknown-function", f"unknown function '{_short(token.text)}': {remedy}", token.place)
        self.take()
        inner = self.token
        if inner.kind not in ("word", "quoted"):
            raise self.fault("expected-field", f"expected a metric in the parentheses, as in {name}(metrics.loss)")
        self.take()
        entity, dot, _ = inner.text.partition(".")
        bare = inner.kind == "quoted" or (not inner.quote and not (dot and entity in ENTITIES))
        if not bare:
            field = self.named_field(inner)
        elif name == "number" and ATTRIBUTE_ALIASES.get(inner.text, inner.text) in ATTRIBUTES:
            field = self.attribute(inner.text, inner)
        else:
            field = Field("metric", inner.text, "last", "number", inner.place)
        if not self.take_sign(")"):
            raise self.fault("unclosed-parenthesis", f"expected ) after the name in {name}(")
        place = Place(token.place.start, self.last_place().end)
        if name in METRIC_FUNCTIONS:
            if field.entity != "metric":
                raise self.fault("type", f"{name}() is of a metric, and {self.shown(field)} is none", field.place)
            return Field("metric", field.name, name, "number", place)
        if field.kind not in ("text", "mixed"):
            raise self.fault(
                "type", f"number() is of a param, a tag or a text, and {self.shown(field)} is none", field.place
            )
        return Field(field.entity, field.name, "number", "number", place)

    # ---- orders

    def order_key(self) -> OrderKey:
        field = self.field()
        if field.kind in ("many", "files"):
            raise self.fault("type", f"runs cannot be ordered by {self.shown(field)}", field.place)
        descending = False
        if self.token.upper in ("ASC", "DESC"):
            descending = self.take().upper == "DESC"
        if self.token.kind != "end":
            message = "expected ASC, DESC or the end"
            if self.token.kind == "sign" and self.token.text == ",":
                message = "each key is a text of its own: ['metrics.acc DESC', 'start_time']"
            raise self.fault("order", message)
        return OrderKey(field, descending)

    def columns(self) -> list[tuple[str, Field]]:
        fields = []
        while True:
            field = self.field()
            fields.append((self.text[field.place.start : field.place.end], field))
            if not self.take_sign(","):
                break
        if self.token.kind != "end":
            raise self.fault("expected-field", f"expected a comma before {self.named()}")
        return fields

    # ---- words

    def named(self) -> str:
        place = self.token.place
        return _short(self.text[place.start : place.end])

    def shown(self, field: Field) -> str:
        return _short(self.text[field.place.start : field.place.end])


_VALUES: Final = {
    "number": "a number",
    "time": "a date such as '2026-11-01', now - 7d, or a number of ms",
    "duration": "a number of seconds or an age such as 2h",
    "text": "a text in quotes or a number",
    "mixed": "a text in quotes or a number",
    "truth": "TRUE or FALSE",
    "many": "a text in quotes",
    "files": "a text in quotes or a number",
}
"""Kind of a field -> what it is compared with."""


def spell(entity: str, name: str) -> str:
    """Return a metric, param or tag as a filter writes it, the name in backticks where it must be quoted."""
    if not name or any(letter in ENDS_WORD for letter in name):
        quote = next((quote for quote in "`\"'" if quote not in name), "`")
        name = f"{quote}{name}{quote}"
    return f"{entity}s.{name}"


def _short(text: str) -> str:
    text = plain(text)
    return text if len(text) <= 60 else f"{text[:59]}…"

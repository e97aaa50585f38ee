"""The filter language: finds runs by what is known of them. Pure functions on summaries, without I/O.

`docs/query.md` describes the language; the pages' `query.js` answers the same. `search` is all that most callers need.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from reportgen.query.errors import fault, plain
from reportgen.query.frame import Frame
from reportgen.query.nodes import Field, iter_fields
from reportgen.query.parser import parse_columns, parse_filter, parse_order, parse_time_ms, spell
from reportgen.spelling import nearest

__all__ = ["Frame", "parse_columns", "parse_filter", "parse_order", "parse_time_ms", "search", "spell", "unknown_names"]

_MOST_TOLD: Final = 20
"""Unknown names that get a sentence: each is compared with all known names."""


def search(frame: Frame, text: str = "", order_by: Sequence[str] = (), *, now: float) -> list[int]:
    """Return the rows of `frame` that fulfil the filter `text`, in order.

    Runs that are equal in all of `order_by` stand by start time, newest first, then by run id. `now` is in seconds
    since the epoch. Raises `QueryError` for a filter or an order that cannot be understood.
    """
    from reportgen.query.evaluate import evaluate
    from reportgen.query.order import order_rows

    node = parse_filter(text, frame.known)
    keys = [parse_order(key, frame.known) for key in order_by]
    _check_directions(frame, [(text, field) for field in iter_fields(node)])
    _check_directions(frame, [(words, key.field) for words, key in zip(order_by, keys, strict=True)])
    mask = evaluate(node, frame, now)
    order = frame.natural_order()
    return order_rows(order[mask[order]], keys, frame)


def unknown_names(frame: Frame, text: str = "", order_by: Sequence[str] = ()) -> list[str]:
    """Return a sentence for each metric, param and tag that is asked for and that no run has, with the nearest known.

    Such a name is no error, since it is missing from every run; mostly it is a slip. Of more than 20 such names the
    last sentence says how many there are. Raises `QueryError`.
    """
    fields = list(iter_fields(parse_filter(text, frame.known)))
    fields += (parse_order(key, frame.known).field for key in order_by)
    wanted = {(field.entity, field.name): None for field in fields if field.entity in ("metric", "param", "tag")}
    known = dict.fromkeys(frame.known()) if wanted else {}
    unknown = [
        (entity, name)
        for entity, name in wanted
        if (entity, name) not in known and len(frame) and not (entity == "tag" and name.startswith("mlflow."))
    ]
    sentences = []
    for entity, name in unknown[:_MOST_TOLD]:
        near = nearest(name, (other for kind, other in known if kind == entity))
        remedy = f": did you mean {spell(entity, near)}?" if near is not None else ""
        sentences.append(plain(f"no run has {spell(entity, name)}{remedy}"))
    if len(unknown) > _MOST_TOLD:
        sentences.append(f"no run has {len(unknown) - _MOST_TOLD:,} more of the names that are asked for")
    return sentences


def _check_directions(frame: Frame, asked: Sequence[tuple[str, Field]]) -> None:
    """Raise `QueryError` for a field in a text that needs a direction where its metric has none."""
    for text, field in asked:
        lack = frame.lack_of(field)
        if lack:
            raise fault("no-direction", text, field.place, lack)

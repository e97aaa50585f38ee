"""Orders runs by fields: numbers, then NaN, then runs that have not the field, in both directions, as in MLflow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from reportgen.model import Ints
from reportgen.query.frame import Frame
from reportgen.query.nodes import OrderKey


def order_rows(rows: Ints, keys: Sequence[OrderKey], frame: Frame) -> list[int]:
    """Return `rows` ordered by `keys`, the first key first; rows that are equal in all stay as they come.

    Params, tags and other texts are ordered as texts, by code point; `number(params.lr)` orders by number.
    """
    for key in reversed(keys):
        rows = _order_by(rows, key, frame)
    return rows.tolist()  # type: ignore[no-any-return] # numpy types it as Any


def _order_by(rows: Ints, key: OrderKey, frame: Frame) -> Ints:
    field = key.field
    if field.kind in ("number", "time", "duration"):
        column, there = frame.numbers(field)
        values = column[rows]
        rank = np.where(there[rows], np.where(np.isnan(values), 1, 0), 2)
        values = np.where(rank == 0, -values if key.descending else values, 0.0)
        return rows[np.lexsort((values, rank))]
    texts = frame.texts(field)
    present = [row for row in rows.tolist() if texts[row] is not None]
    missing = [row for row in rows.tolist() if texts[row] is None]
    present.sort(key=lambda row: texts[row] or "", reverse=key.descending)
    return np.array(present + missing, dtype=np.int64)

"""Reads one JSON document as a table: an array of rows, or lists of numbers side by side, as histories are dumped.

`[{"step": 1, "loss": 0.5}, …]` is the first, `{"loss": [0.5, 0.4], "val_loss": […]}` the second, which may be nested
(`{"train": {"rmse": […]}}`) and have single numbers beside it. What is whole in a damaged document is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from reportgen.sources.documents import number
from reportgen.sources.faults import Faults
from reportgen.sources.salvage import MAX_DAMAGED, iter_objects
from reportgen.sources.tables.naming import has_metric_name
from reportgen.sources.tables.rows import MAX_COLUMNS, Rows, decode_row, read_objects, read_series

MAX_DOCUMENT: Final = 64 * 2**20
"""A larger document is no table."""
MAX_DEPTH: Final = 4
"""So deep may lists lie in objects."""
_WRAPPERS: Final = frozenset({"history", "log", "logs", "metrics", "results"})
"""Names of an object that only holds the lists, and are no part of their names."""
_DAMAGED: Final = "the document is damaged"
_KEPT: Final = "what is whole in it is shown: copy it again if its source is whole"
_SERIES: Final = re.compile(
    r'"([^"\\\n]{1,200})"\s*+:\s*+(?:\[([^\[\]{}"]*+)\]|\{(\s*+"[0-9]++"\s*+:[^\[\]{}]*+)\}|(\{))|(\})'
)
"""A list of numbers, or an object with the keys `0`, `1`, …; nothing is tried twice."""
_KEY: Final = re.compile(rb'"([^"\\\n]{1,100})"\s*:')
_LIST: Final = re.compile(rb'"([^"\\\n]{1,200})"\s*:\s*(?:\[\s*[-0-9NI]|\{\s*"0"\s*:)')


def names_of_keys(head: bytes) -> list[str]:
    """Return the names of the fields in the beginning of a document, in order."""
    return [match.decode("utf-8", "replace") for match in _KEY.findall(head)]


def may_be_history(head: bytes) -> bool:
    """Tell whether the beginning of a document has a list of numbers that is called like a metric."""
    return head.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] == b"{" and has_metric_name(
        name.decode("utf-8", "replace") for name in _LIST.findall(head)
    )


def read_document(data: bytes, faults: Faults, *, skip: frozenset[str] = frozenset()) -> Rows:
    """Return the rows of a document; none where it is no table.

    Beside lists, a single number with a fraction that is called like a metric stands in the last row, and all else
    that is single in `preface`. Where there is no list, all numbers are one row.
    """
    try:
        value = decode_row(data.removeprefix(b"\xef\xbb\xbf"))
    except ValueError:
        faults.add(None, _DAMAGED, _KEPT)
        text = data.decode("utf-8", "replace") if len(data) <= MAX_DAMAGED else ""
        if text.lstrip("\ufeff \r\n\t")[:1] == "[":
            return read_objects(iter_objects(text), faults, skip=skip)
        return _side_by_side(dict(_iter_whole_lists(text)), faults)
    if isinstance(value, list):
        return read_objects(value, faults, skip=skip)
    return _side_by_side(dict(_iter_columns(value)), faults) if isinstance(value, dict) else Rows()


def read_list(data: bytes, name: str, faults: Faults) -> Rows:
    """Return the rows of the list of objects `name` in an object, those that are whole in a damaged one."""
    try:
        value = decode_row(data)
    except ValueError:
        faults.add(None, _DAMAGED, _KEPT)
        text = data.decode("utf-8", "replace")
        found = text.find(f'"{name}"')
        return read_objects((row for row in iter_objects(text, max(found, 1)) if "step" in row), faults)
    rows = value.get(name) if isinstance(value, dict) else None
    if not isinstance(value, dict):
        faults.add(None, "the document is no JSON object", "it is damaged; the rest of the run is shown")
    return read_objects(rows if isinstance(rows, list) else [], faults)


def _side_by_side(columns: Mapping[str, Any], faults: Faults) -> Rows:
    """Return lists as columns, without the `history/` that all have in front, and what is single in the last row."""
    series = {name: value for name, value in columns.items() if isinstance(value, list)}
    count = max(map(len, series.values()), default=1)
    wrapper = next(iter(series), "").partition("/")[0]
    inner = [name for name in series if "/" in name]
    is_wrapped = wrapper in _WRAPPERS and all(name.startswith(f"{wrapper}/") for name in inner)
    shared = (
        f"{wrapper}/" if is_wrapped and not any(name.removeprefix(f"{wrapper}/") in series for name in inner) else ""
    )
    cells: list[tuple[str, int, list[Any]]] = []
    settings: dict[str, Any] = {}
    for name, value in columns.items():
        if isinstance(value, list):
            cells.append((name.removeprefix(shared), 0, value))
        elif (isinstance(value, float) and has_metric_name((name,))) or (not series and type(value) in (int, float)):
            cells.append((name, count - 1, [value]))
        else:
            settings[name.replace("/", ".")] = value
    rows = read_series(cells, count, faults)
    rows.preface = settings
    return rows


def _iter_columns(value: Mapping[str, Any], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield the lists of numbers or texts and the single values in an object, by path."""
    for key, item in list(value.items())[:MAX_COLUMNS]:
        found = _as_list(item) if isinstance(item, dict) else item
        if isinstance(found, dict):
            if depth < MAX_DEPTH:
                yield from _iter_columns(found, f"{prefix}{key}/", depth + 1)
        elif isinstance(found, list):
            if found and all(one is None or isinstance(one, str | int | float) for one in found):
                yield f"{prefix}{key}", found
        elif found is not None:
            yield f"{prefix}{key}", found


def _as_list(value: dict[str, Any]) -> Any:
    """Return the values of an object with the keys `0`, `1`, …, as pandas writes a column; any other object itself."""
    if len(value) > 1 and all(key == str(place) for place, key in enumerate(value)):
        return list(value.values())
    return value


def _iter_whole_lists(text: str) -> Iterator[tuple[str, list[Any]]]:
    """Yield (path, list of numbers) of the lists that are whole in a damaged object."""
    path: list[str] = []
    for match in _SERIES.finditer(text):
        name, cells, pairs, opens, closes = match.groups(default="")
        if closes:
            del path[-1:]
        elif opens:
            path.append(name)
        elif len(path) <= MAX_DEPTH:
            numbers = [_number_of(cell.rpartition(":")[2]) for cell in (cells or pairs).split(",")]
            if any(one is not None for one in numbers):
                yield "/".join((*path, name)), numbers


def _number_of(cell: str) -> float | None:
    cell = cell.strip()
    known = number(cell)
    if known is not None:
        return known
    try:
        return float(cell)
    except ValueError:
        return None

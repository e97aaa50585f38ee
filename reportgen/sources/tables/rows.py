"""Reads the rows of a table, JSON lines, CSV or `name:value` text, into columns. Bounded; faults are counted."""

from __future__ import annotations

import csv
import json
import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final

import numpy as np
import orjson

from reportgen.formats import clean_text, cut_name
from reportgen.model import Floats, Ints
from reportgen.sources.faults import Faults

MAX_LINE: Final = 16 * 2**20
"""Bytes of a line; a longer one is left out."""
MAX_COLUMNS: Final = 20_000
MAX_DEPTH: Final = 8
MAX_LIST: Final = 32
"""A list of up to so many numbers is as many metrics; a longer one is data, and left out."""
MAX_TEXTS: Final = 2_000_000
"""Cells of text that are kept of one file."""
MAX_TEXT: Final = 1000
BATCH: Final = 20_000
"""Rows of CSV that are turned into columns at a time."""
_WORDS: Final = {"NaN": float("nan"), "nan": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
_PAIR: Final = re.compile(rb"([A-Za-z_][\w/.]*):\s*([-+]?(?:[0-9][0-9.]*(?:[eE][-+]?[0-9]+)?|nan|inf))(?:/([0-9]+))?")

Lines = Iterable[tuple[int, bytes]]


@dataclass(slots=True)
class Rows:
    """A table as columns."""

    count: int = 0
    """Number of rows."""
    numbers: dict[str, tuple[Ints, Floats]] = field(default_factory=dict)
    """Name -> (rows that have a number, int64[n], and the numbers, float64[n]), in order of first appearance."""
    texts: dict[str, tuple[Ints, list[str]]] = field(default_factory=dict)
    """The same for text."""
    preface: dict[str, Any] = field(default_factory=dict)
    """What a first line `#{...}` says, or what a document says beside its lists."""
    headers: tuple[int, ...] = ()
    """Rows before which the header of a CSV stands again: somebody began to write anew."""


def iter_lines(file: BinaryIO, faults: Faults, *, has_header: bool = False) -> Iterator[tuple[int, bytes]]:
    """Yield number and bytes of each line that is not blank, with its end; one over `MAX_LINE` is left out.

    A line with zero bytes is left out, too, but for the header of a table, without which no other line says anything.
    """
    number, is_first = 0, has_header
    while line := file.readline(MAX_LINE):
        number += 1
        if len(line) == MAX_LINE and not line.endswith(b"\n"):
            faults.add(number, f"a line is longer than {MAX_LINE / 2**20:g} MB", "it was left out")
            while line and not line.endswith(b"\n"):
                line = file.readline(MAX_LINE)
            continue
        if b"\0" in line:
            if is_first and line.strip(b"\0\r\n\t "):
                faults.add(number, "the header holds zero bytes", "it is damaged: names of columns may be others")
                line = line.replace(b"\0", b"")
            else:
                faults.add(number, "a line holds zero bytes", "it was left out: it was never written, or damaged")
                continue
        if not line.isspace():
            is_first = is_first and line.startswith(b"#")
            yield number, line


class _Columns:
    """Collects cells by column."""

    def __init__(self, faults: Faults, only: frozenset[str] | None) -> None:
        self.faults = faults
        self.only = only
        self.numbers: dict[str, tuple[array[int], array[float]]] = {}
        self.texts: dict[str, tuple[array[int], list[str]]] = {}
        self.kept_texts = 0

    def number_column(self, name: str) -> tuple[array[int], array[float]] | None:
        """Return where the numbers of a column go, None where it has no name, is not wanted, or there are too many."""
        found = self.numbers.get(name)
        if found is None:
            if not name or (self.only is not None and name not in self.only):
                return None
            if len(self.numbers) >= MAX_COLUMNS:
                self.faults.add(None, f"it has more than {MAX_COLUMNS} columns", "the others were left out")
                return None
            found = self.numbers[name] = (array("q"), array("d"))
        return found

    def add_number(self, name: str, row: int, value: float) -> None:
        column = self.numbers.get(name) or self.number_column(name)
        if column is None:
            return
        rows, values = column
        if rows and rows[-1] == row:
            self.faults.add(None, "a row has several values of one name", "the last one is shown")
            values[-1] = value
            return
        rows.append(row)
        values.append(value)

    def add_text(self, name: str, row: int, text: str) -> None:
        if not name or (self.only is not None and name not in self.only):
            return
        found = self.texts.get(name)
        if found is None:
            if len(self.texts) >= MAX_COLUMNS:
                return
            found = self.texts[name] = (array("q"), [])
        if self.kept_texts < MAX_TEXTS:
            self.kept_texts += 1
            found[0].append(row)
            found[1].append(clean_text(text[:MAX_TEXT]))

    def rows(self, count: int) -> Rows:
        return Rows(
            count,
            {n: (np.frombuffer(r, dtype=np.int64), np.frombuffer(v)) for n, (r, v) in self.numbers.items() if len(r)},
            {n: (np.frombuffer(r, dtype=np.int64), texts) for n, (r, texts) in self.texts.items() if texts},
        )


# ---- JSON lines


def decode_row(line: bytes) -> Any:
    """Return what a line of JSON says, bare `NaN` and `Infinity` included. Raises `ValueError`."""
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        if b"NaN" not in line and b"Infinity" not in line:
            raise
    try:
        return json.loads(line)
    except RecursionError:
        raise ValueError("nested too deep") from None


def read_json(
    lines: Lines, faults: Faults, *, skip: frozenset[str] = frozenset(), only: frozenset[str] | None = None
) -> Rows:
    """Return the rows of JSON lines; nested objects have names with `/`, those in `skip` (at the top) are left out."""
    columns = _Columns(faults, only)
    count = 0
    for number, line in lines:
        try:
            row = decode_row(line)
        except ValueError:
            whole = line.endswith(b"\n")
            faults.add(number, "a line is no JSON" if whole else "the last line was cut", "it was left out")
            continue
        if not isinstance(row, dict):
            faults.add(number, "a line is no JSON object", "it was left out")
            continue
        add_object(columns, count, row, skip)
        count += 1
    return columns.rows(count)


def read_series(series: Iterable[tuple[str, int, Sequence[Any]]], count: int, faults: Faults) -> Rows:
    """Return `count` rows of columns (name, first row, JSON values that are no lists or objects)."""
    columns = _Columns(faults, None)
    for name, first, values in series:
        _add_values(columns, _name(name), first, values)
    return columns.rows(count)


def _add_values(columns: _Columns, name: str, first: int, values: Sequence[Any]) -> None:
    if set(map(type, values)) <= {int, float}:
        try:
            numbers = array("d", values)
        except OverflowError:
            pass  # an integer that no float holds
        else:
            column = columns.number_column(name)
            if column is None:
                return
            if not column[0]:
                column[0].extend(range(first, first + len(numbers)))
                column[1].extend(numbers)
                return
    for row, value in enumerate(values, first):
        if value is not None:
            _add_item(columns, row, name, value, MAX_DEPTH)


def read_objects(objects: Iterable[Any], faults: Faults, *, skip: frozenset[str] = frozenset()) -> Rows:
    """Return the rows that JSON objects are."""
    columns = _Columns(faults, None)
    count = 0
    for row in objects:
        if isinstance(row, dict):
            add_object(columns, count, row, skip)
            count += 1
        else:
            faults.add(None, "a row is no JSON object", "it was left out")
    return columns.rows(count)


def add_object(columns: _Columns, row: int, value: dict[str, Any], skip: frozenset[str]) -> None:
    """Add one row."""
    for key, item in value.items():
        kind = type(item)
        if kind is float or kind is int:
            if key not in skip:
                _add_number(columns, row, key, item)
        elif item is not None and key not in skip:
            _add_item(columns, row, key, item, 1)


def _add_item(columns: _Columns, row: int, name: str, item: Any, depth: int) -> None:
    if isinstance(item, str):
        if item in _WORDS:
            columns.add_number(_name(name), row, _WORDS[item])
        else:
            columns.add_text(_name(name), row, item)
    elif isinstance(item, bool):
        columns.add_text(_name(name), row, "true" if item else "false")
    elif isinstance(item, int | float):
        _add_number(columns, row, name, item)
    elif isinstance(item, dict):
        if depth < MAX_DEPTH:
            for key, inner in item.items():
                _add_item(columns, row, f"{name}/{key}", inner, depth + 1)
    elif isinstance(item, list) and 0 < len(item) <= MAX_LIST and all(type(one) in (int, float) for one in item):
        for place, one in enumerate(item):
            _add_number(columns, row, f"{name}/{place}", one)


def _add_number(columns: _Columns, row: int, name: str, value: float) -> None:
    try:
        number = float(value)
    except OverflowError:
        number = float("inf") if value > 0 else float("-inf")
    columns.add_number(name if len(name) < 200 else _name(name), row, number)


def _name(name: str) -> str:
    return cut_name(clean_text(name))


# ---- CSV


def delimiter_of(header: bytes) -> bytes:
    """Return what stands between the cells of a header."""
    return max((b",", b"\t", b";"), key=header.count)


def split_cells(line: bytes, delimiter: bytes) -> list[bytes]:
    """Return the cells of a line, without quotes."""
    line = line.rstrip(b"\r\n")
    if b'"' not in line:
        return line.split(delimiter)
    try:
        cells = next(csv.reader([line.decode("utf-8", "replace")], delimiter=delimiter.decode()), [])
    except csv.Error:
        return line.split(delimiter)
    return [cell.encode() for cell in cells]


def names_of(cells: Sequence[bytes]) -> list[str]:
    """Return the names of columns; one that comes again has a number, and one without a name is empty."""
    names: list[str] = []
    seen: set[str] = set()
    for cell in cells[:MAX_COLUMNS]:
        name = cut_name(clean_text(cell.decode("utf-8-sig", "replace").strip()))
        count = 1
        while name and name in seen:
            count += 1
            name = f"{name.partition('#')[0]}#{count}"
        seen.add(name)
        names.append("" if name.startswith("Unnamed: ") else name)
    return names


def is_number(cell: bytes) -> bool:
    """Tell whether a cell is a number."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def read_csv(lines: Lines, faults: Faults, *, only: frozenset[str] | None = None) -> Rows:
    """Return the rows of a CSV with a header.

    A row with another number of cells than the header is left out: what its cells belong to is not known.
    """
    columns = _Columns(faults, only)
    header: list[bytes] = []
    names: list[str] = []
    preface: dict[str, Any] = {}
    delimiter = b","
    count = 0
    batch: list[list[bytes]] = []
    again: list[int] = []
    for number, line in lines:
        if not header:
            if line.startswith(b"#"):
                preface = preface or _preface(line)
                continue
            delimiter = delimiter_of(line)
            header = split_cells(line.removeprefix(b"\xef\xbb\xbf"), delimiter)
            names = names_of(header)
            if all(map(is_number, header)):
                faults.add(number, "the table has no header", "its columns have no names: it is damaged, and not shown")
                return Rows()
            if not line.endswith(b"\n"):
                faults.add(number, "the file ends in its header", "it was cut, or its process was killed at once")
            continue
        cells = split_cells(line, delimiter)
        if cells[0][-1:].isalpha() and _is_header(cells, names):
            count = _flush(columns, names, batch, count)
            again.append(count)
            header, names = cells, names_of(cells)
            continue
        if len(cells) != len(header):
            extra = cells[len(header) :]
            if extra and not any(cell.strip() for cell in extra):
                cells = cells[: len(header)]
            else:
                _count_odd(faults, number, line)
                continue
        batch.append(cells)
        if len(batch) >= BATCH:
            count = _flush(columns, names, batch, count)
    count = _flush(columns, names, batch, count)
    rows = columns.rows(count)
    rows.preface, rows.headers = preface, tuple(again)
    return rows


def _count_odd(faults: Faults, number: int, line: bytes) -> None:
    if line.endswith(b"\n"):
        message = "rows have another number of cells than the header"
        faults.add(number, message, "they were left out: what their cells belong to is not known")
    else:
        faults.add(number, "the last row was cut", "it was left out")


def _is_header(cells: Sequence[bytes], names: Sequence[str]) -> bool:
    """Tell whether a row is a header again, the same or another one."""
    own = names_of(cells)
    return not any(map(is_number, cells)) and 2 * len(set(own) & set(names)) >= min(len(own), len(names))


def _preface(line: bytes) -> dict[str, Any]:
    try:
        found = decode_row(line[1:])
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _flush(columns: _Columns, names: Sequence[str], batch: list[list[bytes]], start: int) -> int:
    """Turn a batch of rows into cells of columns; return the number of the next row."""
    if not batch:
        return start
    dense = array("q", range(start, start + len(batch)))
    for name, cells in zip(names, zip(*batch, strict=True), strict=False):
        if not name or (columns.only is not None and name not in columns.only):
            continue
        try:
            numbers = array("d", map(float, cells))
        except ValueError:
            _add_mixed(columns, name, cells, start)
            continue
        column = columns.number_column(name)
        if column is not None:
            column[0].extend(dense)
            column[1].extend(numbers)
    end = start + len(batch)
    batch.clear()
    return end


def _add_mixed(columns: _Columns, name: str, cells: Sequence[bytes], start: int) -> None:
    for row, cell in enumerate(cells, start):
        if not cell or cell.isspace():
            continue
        try:
            number = float(cell)
        except ValueError:
            columns.add_text(name, row, cell.decode("utf-8", "replace").strip())
        else:
            columns.add_number(name, row, number)


# ---- text


def read_pairs(lines: Lines, faults: Faults, *, only: frozenset[str] | None = None) -> Rows:
    """Return the rows of a text log in which some lines begin with `step:1/1530`, followed by `name:value`.

    The total behind the slash is the column `step/total`; units behind numbers are left out.
    """
    columns = _Columns(faults, only)
    count = 0
    for _, line in lines:
        if not line.startswith(b"step:"):
            continue
        pairs = _PAIR.findall(line[:10_000])
        for name, value, total in pairs:
            try:
                columns.add_number(name.decode(), count, float(value))
            except ValueError:
                continue
            if total:
                columns.add_number(f"{name.decode()}/total", count, float(total))
        count += 1
    return columns.rows(count)

"""Tables of summaries: what packs hold, and what the next build and other readers read instead of runs."""

from __future__ import annotations

import dataclasses
import re
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise, repeat
from types import NoneType
from typing import Any, Final, TypeAlias, TypeVar

import orjson

from reportgen.collector import without_collector
from reportgen.errors import FormatError
from reportgen.formats import SITE_FORMAT, decode_number, encode_number
from reportgen.model import Input, MetricSummary, ModelVersion, Problem, Summary
from reportgen.site.data.encoding import GZIP_LEVEL, gzip_bytes

_Rest = TypeVar("_Rest", str, tuple[Any, ...], list[Any])

_SPARK: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_SPARK_HEIGHT: Final = {digit: height for height, digit in enumerate(_SPARK)} | {".": -1}
_SPARK_DIGIT: Final = {height: digit for digit, height in _SPARK_HEIGHT.items()}

_DOT_OR_WRONG: Final = 255
_SPARK_BYTES: Final = bytes(_SPARK.find(chr(byte)) % 256 for byte in range(256))
"""Byte of a sparkline -> its height, 255 for a gap and for what no sparkline holds."""

_Kinds: TypeAlias = frozenset[Any]

_TEXT: Final[_Kinds] = frozenset({str})
_COUNT: Final[_Kinds] = frozenset({int})
_NUMBER: Final[_Kinds] = frozenset({int, float})
_OPTIONAL: Final[_Kinds] = frozenset({int, float, NoneType})
_OPTIONAL_COUNT: Final[_Kinds] = frozenset({int, NoneType})
_FLAG: Final[_Kinds] = frozenset({bool})
_FACTS: Final[Mapping[str, _Kinds]] = {
    **dict.fromkeys("key run_id name status error".split(), _TEXT),
    **dict.fromkeys("start_time last_time duration_s".split(), _NUMBER),
    **dict.fromkeys("parent_id group user note commit".split(), _TEXT),
    "commit_time": _OPTIONAL,
    **dict.fromkeys("commit_subject branch".split(), _TEXT),
    "dirty": frozenset({bool, NoneType}),
    **dict.fromkeys("artifacts ranks sessions".split(), _COUNT),
}
"""Fact -> the types that its column may hold, in the order of the file."""
_METRIC_FIELDS: Final[Mapping[str, _Kinds]] = {
    **dict.fromkeys("count non_finite".split(), _COUNT),
    "first": _OPTIONAL,
    "last": frozenset({int, float, str}),
    **dict.fromkeys("min max mean".split(), _OPTIONAL),
    **dict.fromkeys("first_step last_step".split(), _COUNT),
    **dict.fromkeys("min_step max_step".split(), _OPTIONAL_COUNT),
    "last_finite": _OPTIONAL,
    "last_finite_step": _OPTIONAL_COUNT,
    "ranks": _COUNT,
    "of_rank_0": _FLAG,
}
"""Statistic of a metric -> the types that its column may hold, in the order of the file."""
_PARAM: Final[_Kinds] = frozenset({str, int, float, bool, NoneType})
_KEY: Final = re.compile(r"[0-9a-f]{32}")
_STATUSES: Final = frozenset({"finished", "failed", "stopped", "unfinished"})


def encode_summaries(summaries: Sequence[Summary], *, level: int = GZIP_LEVEL) -> bytes:
    """Return summaries as columns in a gzip file, runs in the given order.

    A fact is a column over all runs. A param, tag or metric that some runs lack names the runs that have it in `runs`.
    A run that logged its names in another order than the columns stand in has its own order in `order`, since pages
    show names in the order in which they first appear.
    """
    params, tags, metrics = ([getattr(s, field) for s in summaries] for field in ("params", "tags", "metrics"))
    experiments = list(dict.fromkeys(s.experiment for s in summaries))
    number = {name: i for i, name in enumerate(experiments)}
    facts: dict[str, list[Any]] = {name: [getattr(s, name) for s in summaries] for name in _FACTS}
    payload = {
        "format": SITE_FORMAT,
        "n": len(summaries),
        "experiments": experiments,
        "experiment": [number[s.experiment] for s in summaries],
        "facts": facts,
        "params": sparse_columns(params),
        "tags": sparse_columns(tags),
        "metrics": [
            {"name": column["name"], "runs": column["runs"], **_metric_columns(column["values"])}
            for column in sparse_columns(metrics)
        ],
        "order": {"params": _orders(params), "tags": _orders(tags), "metrics": _orders(metrics)},
        "notes": _rest([s.notes for s in summaries]),
        "commit_parents": _rest([s.commit_parents for s in summaries]),
        "artifact_paths": _rest([s.artifact_paths for s in summaries]),
        "inputs": _rest([list(map(dataclasses.astuple, s.inputs)) for s in summaries]),
        "models": _rest([list(map(dataclasses.astuple, s.models)) for s in summaries]),
        "problems": _rest([list(map(dataclasses.astuple, s.problems)) for s in summaries]),
    }
    return gzip_bytes(orjson.dumps(payload, option=orjson.OPT_APPEND_NEWLINE), level)


def sparse_columns(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the columns of `rows` in order of first appearance; `runs` is None where every row has a value."""
    columns: dict[str, tuple[list[int], list[Any]]] = {}
    n = 0
    for n, row in enumerate(rows, 1):
        for name, value in row.items():
            column = columns.get(name)
            if column is None:
                column = columns[name] = ([], [])
            column[0].append(n - 1)
            column[1].append(value)
    return [
        {"name": name, "runs": None if len(runs) == n else runs, "values": values}
        for name, (runs, values) in columns.items()
    ]


def _orders(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[int]]:
    """Return run index -> numbers of its columns, for the rows whose names do not stand in the order of the columns."""
    number: dict[str, int] = {}
    orders = {}
    for i, row in enumerate(rows):
        own = [number.setdefault(name, len(number)) for name in row]
        if any(a > b for a, b in pairwise(own)):
            orders[str(i)] = own
    return orders


def _rest(rows: Sequence[_Rest]) -> dict[str, _Rest]:
    """Return only the rows that hold something, by their index."""
    return {str(i): row for i, row in enumerate(rows) if row}


def _metric_columns(values: list[MetricSummary]) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for field in _METRIC_FIELDS:
        column = [getattr(m, field) for m in values]
        if field == "last":
            column = [encode_number(v) for v in column]
        # One value stands for a constant column; not for zeros, where 0.0 and -0.0 are equal and yet differ.
        columns[field] = column[0] if column[0] != 0 and len(set(column)) == 1 else column
    columns["spark"] = [encode_spark(m.spark) for m in values]
    return columns


def encode_spark(heights: Iterable[int]) -> str:
    """Return the heights of a sparkline, 0 … 63 or -1 for a gap, one character each."""
    return "".join([_SPARK_DIGIT[height] for height in heights])


def decode_summaries(data: bytes, *, max_bytes: int = 2**31) -> tuple[Summary, ...]:
    """Return the summaries of a file that `encode_summaries` made; raise `FormatError` for anything else.

    The file may be anybody's: every value has the type that `Summary` declares, and every key the shape of one.
    `max_bytes` limits what is unpacked.
    """
    try:
        inflate = zlib.decompressobj(31)
        raw = inflate.decompress(data, max_bytes)
        if inflate.unconsumed_tail or not inflate.eof:
            raise FormatError("summaries are cut or larger than the limit")
        payload = orjson.loads(raw)
        if payload["format"] != SITE_FORMAT:
            raise FormatError(f"summaries of format {str(payload['format'])[:40]}, this version reads {SITE_FORMAT}")
        with without_collector():
            return _decode_rows(payload)
    except (zlib.error, orjson.JSONDecodeError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise FormatError(f"summaries cannot be read: {error}") from None


def _decode_rows(payload: Any) -> tuple[Summary, ...]:
    n = len(payload["facts"]["key"])
    if payload["n"] != n:
        raise FormatError("summaries cannot be read: a column has not one value for each run")
    facts = {name: _column(payload["facts"][name], kinds, n, name) for name, kinds in _FACTS.items()}
    keys = facts["key"]
    if not all(map(_KEY.fullmatch, keys)) or len(set(keys)) < n or not _STATUSES.issuperset(facts["status"]):
        raise FormatError("summaries cannot be read: a run has no key or status of its own")
    order = payload["order"]
    experiments = _column(payload["experiments"], _TEXT, len(payload["experiments"]), "experiments")
    params = _dense([_checked(column, _PARAM, n) for column in payload["params"]], n, order["params"])
    tags = _dense([_checked(column, _TEXT, n) for column in payload["tags"]], n, order["tags"])
    metrics = _dense([{**c, "values": _decode_metrics(c, n)} for c in payload["metrics"]], n, order["metrics"])
    columns: dict[str, Iterable[Any]] = {
        **facts,
        "experiment": [experiments[i] for i in _column(payload["experiment"], _COUNT, n, "experiment")],
        "params": params,
        "tags": tags,
        "metrics": metrics,
        "notes": _rows(payload["notes"], n, _text, ""),
        "commit_parents": _rows(payload["commit_parents"], n, _texts, ()),
        "artifact_paths": _rows(payload["artifact_paths"], n, _texts, ()),
        "inputs": _rows(payload["inputs"], n, lambda rows: tuple(_input(row) for row in rows), ()),
        "models": _rows(payload["models"], n, lambda rows: tuple(_model_version(row) for row in rows), ()),
        "problems": _rows(payload["problems"], n, lambda rows: tuple(_problem(row) for row in rows), ()),
    }
    return tuple(map(Summary, *(columns[field.name] for field in dataclasses.fields(Summary))))


def _column(values: Any, kinds: _Kinds, n: int, name: str) -> list[Any]:
    """Return `values` if they are a list of `n` values of the types in `kinds`."""
    if type(values) is not list or len(values) != n or not kinds.issuperset(map(type, values)):
        raise FormatError(f"summaries cannot be read: the column {str(name)[:80]!r} is not what it should be")
    return values


def _rows(rows: Mapping[str, Any], n: int, decode: Callable[[Any], _Rest], empty: _Rest) -> list[_Rest]:
    """Return one value for each run, `empty` for those that are not in `rows`."""
    decoded = [empty] * n
    for i, row in rows.items():
        decoded[int(i)] = decode(row)
    return decoded


def _checked(column: Mapping[str, Any], kinds: _Kinds, n: int) -> Mapping[str, Any]:
    count = n if column["runs"] is None else len(column["runs"])
    _column(column["values"], kinds, count, column["name"])
    return column


def _dense(columns: Sequence[Mapping[str, Any]], n: int, orders: Mapping[str, list[int]]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [{} for _ in range(n)]
    for column in columns:
        name, runs = column["name"], column["runs"]
        if type(name) is not str or (runs and (not _COUNT.issuperset(map(type, runs)) or min(runs) < 0)):
            raise FormatError("summaries cannot be read: a column has no name or no runs")
        for run, value in zip(range(n) if runs is None else runs, column["values"], strict=True):
            rows[run][name] = value
    for i, own in orders.items():
        names = [columns[number]["name"] for number in own]
        rows[int(i)] = {name: rows[int(i)][name] for name in names}
    return rows


def _decode_metrics(column: Mapping[str, Any], n: int) -> list[MetricSummary]:
    count = n if column["runs"] is None else len(column["runs"])
    fields: dict[str, Iterable[Any]] = {}
    for name, kinds in _METRIC_FIELDS.items():
        values = column[name]
        if isinstance(values, list):
            fields[name] = _column(values, kinds, count, name)
        else:
            fields[name] = repeat(_column([values], kinds, 1, name)[0], count)
    fields["last"] = map(decode_number, fields["last"])
    fields["spark"] = map(_decode_spark, _column(column["spark"], _TEXT, count, "spark"))
    return list(map(MetricSummary, *(fields[field.name] for field in dataclasses.fields(MetricSummary))))


def _decode_spark(text: str) -> tuple[int, ...]:
    heights = text.encode("ascii").translate(_SPARK_BYTES)
    if _DOT_OR_WRONG in heights:
        return tuple(_SPARK_HEIGHT[digit] for digit in text)
    return tuple(heights)


def _text(value: Any) -> str:
    if type(value) is not str:
        raise FormatError("summaries cannot be read: a text is none")
    return value


def _texts(values: Any) -> tuple[str, ...]:
    return tuple(_column(values, _TEXT, len(values), "texts"))


def _input(row: Sequence[Any]) -> Input:
    return Input(*_texts(row))


def _problem(row: Sequence[Any]) -> Problem:
    where, message, hint, line, count = row
    if type(count) is not int or not (line is None or type(line) is int):
        raise FormatError("summaries cannot be read: the place of a problem is none")
    where, message, hint = _texts([where, message, hint])
    return Problem(where, message, hint, line, count)


def _model_version(row: Sequence[Any]) -> ModelVersion:
    name, version, aliases, files, sha256, derived_from = row
    name, version, sha256, derived_from = _texts([name, version, sha256, derived_from])
    return ModelVersion(name, version, _texts(aliases), _texts(files), sha256, derived_from)

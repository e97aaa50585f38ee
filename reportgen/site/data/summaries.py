"""The table of all summaries: one request for scripts, and what the next build reads instead of unchanged runs."""

from __future__ import annotations

import base64
import dataclasses
import zlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import orjson

from reportgen.errors import FormatError
from reportgen.formats import SITE_FORMAT, decode_number, encode_number
from reportgen.model import Input, MetricSummary, ModelVersion, Problem, Summary
from reportgen.site.data.encoding import gzip_bytes, script

_SPARK: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_SPARK_HEIGHT: Final = {digit: height for height, digit in enumerate(_SPARK)} | {".": -1}
_SPARK_DIGIT: Final = {height: digit for digit, height in _SPARK_HEIGHT.items()}

_FACTS: Final = (
    "key run_id name status error start_time last_time duration_s parent_id group user note commit branch dirty"
    " artifacts ranks sessions"
).split()
_METRIC_FIELDS: Final = tuple(f.name for f in dataclasses.fields(MetricSummary) if f.name != "spark")


def encode_summaries(summaries: Sequence[Summary]) -> bytes:
    """Return `data/summaries.json.gz`: all summaries as columns, runs in the given order.

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
        "inputs": _rest([list(map(dataclasses.astuple, s.inputs)) for s in summaries]),
        "models": _rest([list(map(dataclasses.astuple, s.models)) for s in summaries]),
        "problems": _rest([list(map(dataclasses.astuple, s.problems)) for s in summaries]),
    }
    return gzip_bytes(orjson.dumps(payload))


def summaries_script(encoded: bytes) -> bytes:
    """Return `data/summaries.js`: the same bytes in base64, since a page from disk cannot fetch the other file."""
    return script("summaries", base64.b64encode(encoded).decode())


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


def _rest(rows: list[list[Any]]) -> dict[str, list[Any]]:
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
    """Return the summaries of a file that `encode_summaries` made; raise `FormatError` for anything else."""
    try:
        inflate = zlib.decompressobj(31)
        raw = inflate.decompress(data, max_bytes)
        if inflate.unconsumed_tail or not inflate.eof:
            raise FormatError("summaries are cut or larger than the limit")
        payload = orjson.loads(raw)
        if payload["format"] != SITE_FORMAT:
            raise FormatError(f"summaries of format {payload['format']!r}, this version reads {SITE_FORMAT}")
        return _decode_rows(payload)
    except (zlib.error, orjson.JSONDecodeError, KeyError, IndexError, TypeError, ValueError) as error:
        raise FormatError(f"summaries cannot be read: {error}") from None


def _decode_rows(payload: Any) -> tuple[Summary, ...]:
    n = payload["n"]
    order = payload["order"]
    params = _dense(payload["params"], n, order["params"])
    tags = _dense(payload["tags"], n, order["tags"])
    metrics = _dense([{**c, "values": _decode_metrics(c, n)} for c in payload["metrics"]], n, order["metrics"])
    facts = payload["facts"]
    return tuple(
        Summary(
            **{name: facts[name][i] for name in _FACTS},
            experiment=payload["experiments"][payload["experiment"][i]],
            params=params[i],
            tags=tags[i],
            metrics=metrics[i],
            inputs=tuple(Input(*row) for row in payload["inputs"].get(str(i), ())),
            models=tuple(_model_version(row) for row in payload["models"].get(str(i), ())),
            problems=tuple(Problem(*row) for row in payload["problems"].get(str(i), ())),
        )
        for i in range(n)
    )


def _dense(columns: Sequence[Mapping[str, Any]], n: int, orders: Mapping[str, list[int]]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [{} for _ in range(n)]
    for column in columns:
        runs = range(n) if column["runs"] is None else column["runs"]
        for run, value in zip(runs, column["values"], strict=True):
            rows[run][column["name"]] = value
    for i, own in orders.items():
        names = [columns[number]["name"] for number in own]
        rows[int(i)] = {name: rows[int(i)][name] for name in names}
    return rows


def _decode_metrics(column: Mapping[str, Any], n: int) -> list[MetricSummary]:
    count = n if column["runs"] is None else len(column["runs"])
    fields = {f: column[f] if isinstance(column[f], list) else [column[f]] * count for f in _METRIC_FIELDS}
    fields["last"] = [decode_number(v) for v in fields["last"]]
    return [
        MetricSummary(**{f: fields[f][i] for f in _METRIC_FIELDS}, spark=tuple(_SPARK_HEIGHT[d] for d in spark))
        for i, spark in enumerate(column["spark"])
    ]


def _model_version(row: Sequence[Any]) -> ModelVersion:
    name, version, aliases, files, sha256, derived_from = row
    return ModelVersion(name, version, tuple(aliases), tuple(files), sha256, derived_from)

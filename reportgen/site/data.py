"""The data files of the site: columns for scripts, and the table of summaries that the next build reads back.

Values to bytes and back, no I/O. Every script file calls `reportgen.data(id, payload)` once, because a classic script
is the only thing that a page opened from disk can load. `docs/data-format.md` describes what stands in each file.
"""

from __future__ import annotations

import base64
import dataclasses
import gzip
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from reportgen.analysis.downsample import envelope
from reportgen.errors import FormatError
from reportgen.formats import SITE_FORMAT, decode_number, encode_number, short_key
from reportgen.model import Input, MetricSummary, ModelVersion, Problem, Run, Series, Summary
from reportgen.site import urls

PLAIN_COLUMN: Final = 32
"""Columns up to this length stand as a plain list: smaller than the frame of a compressed one."""
LONG_SERIES: Final = 4_000
"""A series with more points is drawn from an envelope first; its exact points stand in tiles."""
BUCKETS: Final = 2_000
"""Buckets of an envelope: more than any chart has pixels."""
TILE_POINTS: Final = 65_536
"""Points of one tile."""
_ENVELOPE: Final = ("first_steps", "last_steps", "min", "max", "mean")
_GZIP_LEVEL: Final = 1
_WINDOW: Final = 16 + 13
"""gzip with a window of 8 KiB: the bytes of numbers repeat nearby or never, and a larger window is slow to set up."""


def gzip_bytes(data: bytes, level: int = 6) -> bytes:
    """Return `data` as a gzip file without a name or a time in its header."""
    return gzip.compress(data, level, mtime=0)


# ---- columns for scripts


def encode_column(values: NDArray[Any]) -> Any:
    """Return a column of int64 or float64 as JSON data, without loss.

    Integers with one difference become `{"start","delta","n"}`. Short columns stay a list (non-finite numbers as
    words). Anything else becomes `{"f4"|"f8"|"i8": text, "n"}`: base64 of gzip of the values' bytes, little-endian,
    all first bytes before all second bytes, which compresses better; `f4` when every value survives float32.
    """
    n = len(values)
    if values.dtype.kind == "i":
        if n > 1 and (delta := _common_difference(values)) is not None:
            return {"start": int(values[0]), "delta": delta, "n": n}
        if n <= PLAIN_COLUMN:
            return values.tolist()
        return {"i8": _pack(values.astype("<i8")), "n": n}
    if n <= PLAIN_COLUMN:
        return [encode_number(v) for v in values.tolist()]
    with np.errstate(over="ignore", invalid="ignore"):
        single = values.astype("<f4")
        exact = bool(((single == values) | (values != values)).all())
    return {"f4": _pack(single), "n": n} if exact else {"f8": _pack(values.astype("<f8")), "n": n}


def _common_difference(values: NDArray[Any]) -> int | None:
    """Return the difference that all neighbours have, None when there is none; one that int64 wraps does not count."""
    first, second, last = (int(values[i]) for i in (0, 1, -1))
    delta = second - first
    if not -(2**63) <= delta < 2**63 or last != first + delta * (len(values) - 1):
        return None
    return delta if bool((np.diff(values) == delta).all()) else None


def _pack(values: NDArray[Any]) -> str:
    shuffled = values.view(np.uint8).reshape(len(values), values.itemsize).T.tobytes()
    packer = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _WINDOW, 6)
    return base64.b64encode(packer.compress(shuffled) + packer.flush()).decode()


def decode_column(column: Any) -> NDArray[Any]:
    """Return the array that `encode_column` was given; the reference for the decoder in the browser."""
    if isinstance(column, list):
        return np.array([decode_number(v) for v in column], dtype=np.float64)
    n = int(column["n"])
    if "start" in column:
        return np.arange(n, dtype=np.int64) * int(column["delta"]) + int(column["start"])
    (kind,) = (k for k in ("f4", "f8", "i8") if k in column)
    raw = np.frombuffer(gzip.decompress(base64.b64decode(column[kind])), dtype=np.uint8)
    size = int(kind[1])
    plain: NDArray[Any] = np.ascontiguousarray(raw.reshape(size, n).T).view(f"<{kind}").reshape(n)
    return plain.astype(np.int64 if kind == "i8" else np.float64)


def script(name: str, payload: Any) -> bytes:
    """Return a classic script that hands `payload` to the page under `name`."""
    return b"reportgen.data(" + orjson.dumps(name) + b"," + orjson.dumps(payload) + b");\n"


# ---- the charts of one run


@dataclass(frozen=True, slots=True)
class RunFiles:
    """The data files of one run."""

    series: bytes
    """`data/series/<k>.js`"""
    tiles: Mapping[str, bytes]
    """Site path -> bytes of every tile."""


def make_run_files(run: Run) -> RunFiles:
    """Return the script files with all points of a run: short series whole, long ones as envelope and tiles."""
    key = run.summary.key
    blocks: dict[tuple[int, bytes, bytes], list[tuple[str, Series]]] = {}
    long: list[dict[str, Any]] = []
    tiles: dict[str, bytes] = {}
    for name, ranks in run.series.items():
        for rank, series in ranks.items():
            if len(series) <= LONG_SERIES:
                same = (rank, series.steps.tobytes(), series.times.tobytes())
                blocks.setdefault(same, []).append((name, series))
            else:
                count = _add_tiles(tiles, key, len(long), series)
                long.append({**_envelope(name, rank, series), "series": len(long), "tiles": count})
    payload = {
        "format": SITE_FORMAT,
        "key": key,
        "blocks": [
            {
                "rank": rank,
                "names": [name for name, _ in members],
                "steps": encode_column(members[0][1].steps),
                "times": encode_column(members[0][1].times),
                "values": encode_column(np.concatenate([s.values for _, s in members])),
            }
            for (rank, _, _), members in blocks.items()
        ],
        "long": long,
    }
    return RunFiles(script(f"series/{short_key(key)}", payload), tiles)


def _add_tiles(tiles: dict[str, bytes], key: str, index: int, series: Series) -> int:
    """Add the tiles of one long series to `tiles`; return how many."""
    count = -(-len(series) // TILE_POINTS)
    for tile in range(count):
        part = slice(tile * TILE_POINTS, (tile + 1) * TILE_POINTS)
        payload = {
            "steps": encode_column(series.steps[part]),
            "times": encode_column(series.times[part]),
            "values": encode_column(series.values[part]),
        }
        path = urls.tile_js(key, index, tile)
        tiles[path] = script(path.removeprefix("data/").removesuffix(".js"), payload)
    return count


def _envelope(name: str, rank: int, series: Series) -> dict[str, Any]:
    buckets = envelope(series.steps, series.values, BUCKETS)
    columns = {name: encode_column(getattr(buckets, name)) for name in _ENVELOPE}
    return {"name": name, "rank": rank, "n": len(series), **columns}


# ---- all summaries: one request for the browser, and what the next build reads back

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
        "params": _sparse(params),
        "tags": _sparse(tags),
        "metrics": [
            {"name": column["name"], "runs": column["runs"], **_metric_columns(column["values"])}
            for column in _sparse(metrics)
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


def _sparse(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
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
    columns["spark"] = ["".join([_SPARK_DIGIT[h] for h in m.spark]) for m in values]
    return columns


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

"""Columns and points as Parquet; the only importer of pyarrow, which is an extra."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any, BinaryIO, Final

import numpy as np

from reportgen.errors import ReportgenError
from reportgen.exporting.columns import Column, Kind
from reportgen.formats import clean_text
from reportgen.model import Floats, Series

GROUP_ROWS: Final = 2**17
"""Points of a row group, about: what stays in memory until it is written, and what a reader takes in one piece."""
_FAR_S: Final = 9.0e12
"""Seconds that fit in microseconds of int64."""


def load_pyarrow() -> tuple[ModuleType, ModuleType]:
    """Return the modules `pyarrow` and `pyarrow.parquet`. Raises `ReportgenError` when they are not installed."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise ReportgenError("Parquet needs pyarrow: pip install 'reportgen[parquet]'") from None
    return pa, pq


def write_columns(columns: Sequence[Column], out: BinaryIO) -> None:
    """Write one row a run."""
    pa, pq = load_pyarrow()
    fields = [pa.field(clean_text(column.name), _type(pa, column.kind)) for column in columns]
    arrays = [pa.array(_plain(column), type=field.type) for column, field in zip(columns, fields, strict=True)]
    pq.write_table(pa.Table.from_arrays(arrays, schema=pa.schema(fields)), out, compression="zstd")


def _type(pa: ModuleType, kind: Kind) -> Any:
    types = {"text": pa.string, "number": pa.float64, "whole": pa.int64, "truth": pa.bool_}
    return pa.timestamp("us", tz="UTC") if kind == "time" else types[kind]()


def _plain(column: Column) -> Any:
    if column.kind == "text":
        return [None if value is None else clean_text(value) for value in column.values]
    if column.kind == "time":
        return _microseconds(np.array([np.nan if v is None else v for v in column.values], dtype=np.float64))
    return column.values


def _microseconds(seconds: Floats) -> Any:
    """Return a masked int64[n]; what is no time, or beyond every calendar, is masked."""
    known = np.isfinite(seconds) & (np.abs(seconds) < _FAR_S)
    whole = np.rint(np.where(known, seconds, 0.0) * 1e6).astype(np.int64)
    return np.ma.masked_array(whole, mask=~known)


class PointsFile:
    """Writes points run by run; what comes in is written as soon as it makes a row group."""

    def __init__(self, out: BinaryIO) -> None:
        self._pa, pq = load_pyarrow()
        pa = self._pa
        names = {"run_id": pa.string(), "metric": pa.string(), "rank": pa.int32(), "step": pa.int64()}
        self._schema = pa.schema({**names, "time": _type(pa, "time"), "value": pa.float64()})
        self._writer = pq.ParquetWriter(out, self._schema, compression="zstd")
        self._waiting: list[Any] = []
        self._rows = 0

    def add(self, run_id: str, metric: str, rank: int, series: Series) -> None:
        """Add the points of one series."""
        pa, n = self._pa, len(series)
        times = pa.array(_microseconds(series.times), type=self._schema.field("time").type)
        texts = [pa.repeat(pa.scalar(clean_text(text), pa.string()), n) for text in (run_id, metric)]
        ranks = pa.repeat(pa.scalar(rank, pa.int32()), n)
        columns = [*texts, ranks, pa.array(series.steps), times, pa.array(series.values)]
        self._waiting.append(pa.record_batch(columns, schema=self._schema))
        self._rows += n
        if self._rows >= GROUP_ROWS:
            self._flush()

    def close(self) -> None:
        """Write what waits, and the end of the file."""
        if self._waiting:
            self._flush()
        self._writer.close()

    def _flush(self) -> None:
        self._writer.write_table(self._pa.Table.from_batches(self._waiting), row_group_size=2 * GROUP_ROWS)
        self._waiting, self._rows = [], 0

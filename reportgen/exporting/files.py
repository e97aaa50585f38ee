"""Files of runs and of points: CSV, JSON, JSON lines and Parquet, by the ending of their name."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol, TypeAlias

from reportgen.errors import ReportgenError
from reportgen.exporting.columns import Column, all_columns
from reportgen.exporting.parquet import PointsFile, load_pyarrow, write_columns
from reportgen.exporting.records import encode_json, encode_value, run_record
from reportgen.formats import clean_text, encode_number
from reportgen.loading import LoggedRun, Runs
from reportgen.model import Series, Summary
from reportgen.site.config import Config
from reportgen.site.pages.csv import runs_csv, safe_cell, safe_text
from reportgen.site.staging import explained
from reportgen.site.text import iso_time
from reportgen.spelling import suggestion

FORMATS: Final = ("csv", "json", "jsonl", "parquet")
POINT_KEYS: Final = ("run_id", "metric", "rank", "step", "time", "value")

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with (stage, done, total); the only stage is `points`."""


def format_of(file: Path) -> str:
    """Return the format that the ending of a file's name means. Raises `ReportgenError` for any other."""
    ending = file.suffix.lower().removeprefix(".")
    if ending not in FORMATS:
        near = suggestion(ending, FORMATS)
        endings = ", ".join(f".{kind}" for kind in FORMATS)
        raise ReportgenError(f"'{file.name}' has no ending that says what to write:{near} take one of {endings}")
    if ending == "parquet":
        load_pyarrow()  # says so at once, and not after everything was read
    return ending


def write_runs(runs: Sequence[Summary], file: Path, config: Config) -> None:
    """Write one row or record a run; the file is replaced at once and whole. Raises `ReportgenError`."""
    kind = format_of(file)
    with _opened(file) as out:
        if kind == "parquet":
            write_columns(all_columns(runs), out)
        elif kind == "csv":
            out.write(runs_csv(runs))
        else:
            records = (run_record(run, config) for run in runs)
            out.writelines(encode_records(records, kind))


def write_points(runs: Runs, file: Path, progress: Progress) -> int:
    """Write all points of `runs` in long form, one row a point; return how many. Runs are read one after the other.

    The keys are `POINT_KEYS`; points are in the order of runs, metrics as logged, ranks, steps.
    """
    kind = format_of(file)
    points = 0
    with _opened(file) as out:
        target: PointsTarget = _TARGETS[kind](out)
        for done, run in enumerate(runs):
            progress("points", done, len(runs))
            for metric, rank, series in _iter_series(run):
                target.add(run.run_id, metric, rank, series)
                points += len(series)
        target.close()
        progress("points", len(runs), len(runs))
    return points


def write_bytes(file: Path, content: bytes) -> None:
    """Write a whole file, replaced at once. Raises `SiteError`."""
    with _opened(file) as out:
        out.write(content)


def _iter_series(run: LoggedRun) -> Iterator[tuple[str, int, Series]]:
    for metric, ranks in run.all_series().items():
        for rank in sorted(ranks):
            yield metric, rank, ranks[rank]


class PointsTarget(Protocol):
    """A file of points that grows series by series."""

    def add(self, run_id: str, metric: str, rank: int, series: Series) -> None: ...
    def close(self) -> None: ...


class _CsvPoints:
    def __init__(self, out: BinaryIO) -> None:
        self._text = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=True)
        self._writer = csv.writer(self._text)
        self._writer.writerow(POINT_KEYS)

    def add(self, run_id: str, metric: str, rank: int, series: Series) -> None:
        """Add the points of one series; times are ISO 8601 with microseconds, empty where there is none."""
        head = [safe_text(clean_text(run_id)), safe_text(clean_text(metric)), rank]
        rows = zip(series.steps.tolist(), series.times.tolist(), series.values.tolist(), strict=True)
        self._writer.writerows([*head, step, precise_time(time), safe_cell(value)] for step, time, value in rows)

    def close(self) -> None:
        """Leave the file to who opened it."""
        self._text.detach()


class _JsonPoints:
    """JSON lines, or with commas and brackets around them one list."""

    def __init__(
        self, out: BinaryIO, *, first: str = "", between: str = "\n", last: str = "\n", empty: str = ""
    ) -> None:
        self._out = out
        self._lead, self._between, self._last, self._empty = first, between, last, empty

    def add(self, run_id: str, metric: str, rank: int, series: Series) -> None:
        """Add the points of one series."""
        if not len(series):
            return
        names = encode_json({"run_id": run_id, "metric": metric, "rank": rank})[:-1]
        lines = (
            f'{names}, "step": {step}, "time": {_json_number(time)}, "value": {_json_number(value)}}}'
            for step, time, value in zip(
                series.steps.tolist(), series.times.tolist(), series.values.tolist(), strict=True
            )
        )
        self._out.write((self._lead + self._between.join(lines)).encode())
        self._lead, self._empty = self._between, self._last

    def close(self) -> None:
        """Write the end."""
        self._out.write(self._empty.encode())


def _json_number(value: float) -> str:
    encoded = encode_number(value)
    return f'"{encoded}"' if isinstance(encoded, str) else repr(encoded)


def _json_list(out: BinaryIO) -> _JsonPoints:
    return _JsonPoints(out, first="[\n", between=",\n", last="\n]\n", empty="[]\n")


_TARGETS: Final[dict[str, Callable[[BinaryIO], PointsTarget]]] = {
    "csv": _CsvPoints,
    "jsonl": _JsonPoints,
    "json": _json_list,
    "parquet": PointsFile,
}


# ---- chosen columns, for commands that print them


def columns_csv(columns: Sequence[Column]) -> bytes:
    """Return CSV (RFC 4180) with the columns; texts that a spreadsheet would run get an apostrophe in front."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([safe_text(column.name) for column in columns])
    cells = [[iso_time(v) if column.kind == "time" else safe_cell(v) for v in column.values] for column in columns]
    writer.writerows(zip(*cells, strict=True))
    return clean_text(out.getvalue()).encode()


def columns_parquet(columns: Sequence[Column]) -> bytes:
    """Return a Parquet file with the columns. Raises `ReportgenError` when pyarrow is not installed."""
    out = io.BytesIO()
    write_columns(columns, out)
    return out.getvalue()


def columns_records(columns: Sequence[Column]) -> Iterator[dict[str, Any]]:
    """Yield a mapping of column -> value for each row, as JSON data."""
    names = [column.name for column in columns]
    for row in zip(*(column.values for column in columns), strict=True):
        yield dict(zip(names, map(encode_value, row), strict=True))


def encode_records(records: Iterable[dict[str, Any]], kind: str) -> Iterator[bytes]:
    """Yield the pieces of JSON lines (`jsonl`), or of one list (`json`); either has one record a line."""
    if kind == "jsonl":
        yield from (f"{encode_json(record)}\n".encode() for record in records)
        return
    lead = "[\n"
    for record in records:
        yield f"{lead}{encode_json(record)}".encode()
        lead = ",\n"
    yield b"\n]\n" if lead == ",\n" else b"[]\n"


def precise_time(seconds: float) -> str:
    """Return a time as `2026-11-21T12:05:33.250000Z`, empty where there is none."""
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return ""
    return f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}".rjust(27, "0")


@contextmanager
def _opened(file: Path) -> Iterator[BinaryIO]:
    """Yield a file beside `file` that takes its place at the end; whatever goes wrong, `file` is as it was."""
    target = Path(os.path.realpath(file))
    staged = target.with_name(f"{target.name[:200]}.{os.getpid()}.part")
    with explained("write", str(file), remedy="mend that and run the command again"):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with staged.open("wb") as out:
                yield out
            staged.replace(target)
        finally:
            staged.unlink(missing_ok=True)

"""trackio: one SQLite database a project, or the Parquet files that it exports, with the media beside them."""

from __future__ import annotations

import math
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from reportgen.errors import FormatError
from reportgen.formats import clean_text, decode_line
from reportgen.model import Floats, Ints, Problem, Stream
from reportgen.sources import documents
from reportgen.sources.artifacts import is_inside
from reportgen.sources.columns import NO_STEP
from reportgen.sources.kinds import Claim, FoundRun, Listing
from reportgen.sources.parts import label_of
from reportgen.sources.places import Place, RunRef
from reportgen.sources.sqlitefile import MAGIC, columns_of, open_database, quote_name
from reportgen.sources.statcache import open_regular
from reportgen.sources.streams import StreamMaker
from reportgen.sources.typed import TypedValues

SYSTEM: Final = "system/"
MAX_RUNS: Final = 100_000
MAX_FOOTER: Final = 1 << 20
MAX_PARQUET: Final = 1 << 30
"""A larger Parquet file is not read."""
STATIC: Final = "metrics.parquet"
"""What a static export calls the metrics of its one project."""
SIDECARS: Final = ("_system", "_configs", "_traces")
PARQUET_MAGIC: Final = b"PAR1"
DAMAGED_HINT: Final = "it may be damaged: `sqlite3 FILE .recover` saves what is left"
NEED_PYARROW: Final = "install pyarrow to read it: pip install 'reportgen[parquet]'"

_LINKED: Final = (
    "SELECT l.direction, a.name, a.type, v.version, v.manifest_digest FROM run_artifact_links l"
    " JOIN artifact_versions v ON v.id = l.artifact_version_id JOIN artifacts a ON a.id = v.artifact_id"
)
_LINKS: Final = {
    "run_id": f"{_LINKED} WHERE l.run_id = ? ORDER BY l.rowid",
    "run_name": f"{_LINKED} WHERE l.run_name = ? ORDER BY l.rowid",
}

Row = Mapping[str, Any]


class Trackio:
    """Reads what trackio 0.1 and later keeps and exports."""

    name = "trackio"
    title = "trackio"
    about = (
        "a SQLite database with trackio's table `metrics` (run_name, timestamp, step, metrics), or its Parquet files"
    )

    def claim(self, folder: Listing) -> Claim | None:
        """Take the databases and the Parquet files of a folder, and the media beside them."""
        runs: list[FoundRun] = []
        taken: set[str] = set()
        problems: list[Problem] = []
        for name in folder.ending(".db", ".sqlite", ".sqlite3"):
            if folder.head(name, len(MAGIC)) == MAGIC:
                try:
                    found = _find_in_database(folder, name)
                except (sqlite3.Error, OSError) as error:
                    if "trackio" not in folder.parts[-1:] and not folder.named:
                        continue  # nothing says that it is a log at all
                    message = f"the database cannot be read: {clean_text(str(error))}"
                    problems.append(Problem(label_of(folder.full(name)), message, DAMAGED_HINT))
                    taken.add(name)
                    continue
                if found is not None:
                    runs += found
                    stem = os.path.splitext(name)[0]
                    taken |= {name, f"{name}-wal", f"{name}-shm", f"{stem}.lock", f"{stem}.parquet"}
                    taken |= {f"{stem}{end}.parquet" for end in SIDECARS}
        for name in folder.ending(".parquet"):
            if name in taken or not _is_metrics(folder, name):
                continue
            found, problem = _find_in_parquet(folder, name)
            runs += found
            problems += [problem] if problem else []
            stem = os.path.splitext(name)[0]
            taken |= {name, *(f"{stem}{end}.parquet" for end in SIDECARS)}
            if name == STATIC:
                taken |= {"runs.json", "settings.json"}
        if not taken:
            return None
        return Claim(
            tuple(runs),
            frozenset(taken & folder.files),
            frozenset({"media", "aux"} & folder.folders),
            problems=tuple(problems),
        )

    def read(self, place: Place, ref: RunRef) -> Iterable[Stream]:
        """Read one run of a project."""
        maker = StreamMaker(place.files[0].label, run_id=ref.run_id, experiment=ref.experiment, name=ref.name)
        reader = _Reader(maker, {file.label for file in place.artifact_files})
        path = place.files[0].path
        column = "run_id" if dict(place.extra).get("column") == "run_id" else "run_name"
        if path.endswith(".parquet"):
            _read_parquets([file.path for file in place.files], column, place.item, reader)
        else:
            try:
                _read_database(path, column, place.item, dict(place.extra).get("project", ""), reader)
            except sqlite3.Error as error:
                reader.add_fault(f"the database cannot be read to its end: {error}")
        reader.finish()
        return [maker.finish()]


KIND: Final = Trackio()


class _Reader:
    """Collects the rows of one run."""

    def __init__(self, maker: StreamMaker, kept: set[str]) -> None:
        self._maker = maker
        self._kept = kept
        self._values = TypedValues(maker.faults)
        self._points: dict[str, tuple[list[int], list[float], list[float]]] = {}

    def add_row(self, values: Row, step: object, timestamp: object, prefix: str = "") -> None:
        """Add one row of metrics; system metrics have no steps."""
        time = documents.moment(timestamp)
        whole = documents.whole(step)
        if whole is None and step is not None:
            self._maker.faults.add(None, "a step is no whole number", "its points are counted on")
        for name, number in self._values.take(values):
            steps, times, numbers = self._points.setdefault(prefix + name, ([], [], []))
            steps.append(NO_STEP if whole is None else whole)
            times.append(math.nan if time is None else time)
            numbers.append(number)

    def add_json(self, data: object, step: object, timestamp: object, prefix: str = "") -> None:
        """Add one row whose metrics are JSON."""
        values = self.parse(data)
        if values is not None:
            self.add_row(values, step, timestamp, prefix)

    def parse(self, data: object) -> dict[str, Any] | None:
        """Return the object that a cell holds; what is none is counted."""
        try:
            return decode_line(data.encode() if isinstance(data, str) else bytes(data))  # type: ignore[call-overload]
        except (FormatError, TypeError, ValueError) as error:
            self._maker.faults.add(None, f"a row is no JSON object: {error}", "it was skipped")
            return None

    def add_config(self, config: Row, created: object) -> None:
        """Add what a run was started with; names with `_` are trackio's own."""
        user, group = config.get("_Username"), config.get("_Group")
        if isinstance(user, str) and user:
            self._maker.start["user"] = clean_text(user)
        if isinstance(group, str) and group:
            self._maker.start["group"] = clean_text(group)
        began = documents.moment(config.get("_Created"))
        self._maker.began = documents.moment(created) if began is None else began
        self._maker.params({name: value for name, value in config.items() if not name.startswith("_")})

    def add_alert(self, title: object, text: object) -> None:
        """Add an alert as a note."""
        parts = [part for part in (f"**{title}**" if title else "", str(text or "")) if part]
        self._maker.note(" ".join(parts))

    def add_artifact(self, row: Sequence[Any]) -> None:
        """Add an artifact that the run made or used: (direction, name, type, version, digest)."""
        direction, name, kind, version, digest = row
        if direction == "input":
            self._maker.add("input", name=f"{name}:v{version}", digest=str(digest or ""), role=str(kind or ""))
        elif kind == "model":
            self._maker.add("model", name=str(name), version=f"v{version}")

    def add_fault(self, message: str) -> None:
        """Count a fault of a whole file."""
        self._maker.faults.add(None, message, "it is damaged or incomplete; what could be read is shown")

    def finish(self) -> None:
        """Give all points and texts to the maker."""
        shared: dict[tuple[bytes, bytes], tuple[Ints, Floats]] = {}
        for name, (steps, times, numbers) in self._points.items():
            columns = np.array(steps, dtype=np.int64), np.array(times, dtype=np.float64)
            own = shared.setdefault((columns[0].tobytes(), columns[1].tobytes()), columns)
            self._maker.points(name, numbers, steps=own[0], times=own[1])
        self._maker.tags(self._values.texts)
        kept = {name for label in self._kept for name in (label, label.rpartition("/")[2])}
        missing = {path for path in self._values.media if path.replace("\\", "/").rpartition("/")[2] not in kept}
        if missing:
            message = "media files that the log names are missing"
            self._maker.faults.add(None, message, "keep `media/` beside the database", count=len(missing))


# ---- databases


def _find_in_database(folder: Listing, name: str) -> list[FoundRun] | None:
    """Return the runs of a database, None where it is none of trackio's. Raises `OSError` and `sqlite3.Error`."""
    with open_database(folder.full(name)) as connection:
        columns = columns_of(connection, "metrics")
        if not {"run_name", "timestamp", "step", "metrics"} <= columns:
            return None
        column = "run_id" if "run_id" in columns else "run_name"
        project = next((own for own in ("project_name", "project") if own in columns), "")
        rows = list(_iter_runs(connection, column, project))
    stem = os.path.splitext(name)[0]
    files = [file for file in (name, f"{name}-wal") if file in folder.files]
    return [_found(folder, files, own or stem, column, run, run_name, first, own) for run, run_name, first, own in rows]


def _iter_runs(connection: sqlite3.Connection, column: str, project: str) -> Iterator[tuple[str, str, Any, str]]:
    """Yield (run, its name, first time, project where the table has one) of each run, by the first time."""
    seen: set[tuple[str, str]] = set()
    own = quote_name(project) if project else "''"
    for table, time in (("metrics", "timestamp"), ("system_metrics", "timestamp"), ("configs", "created_at")):
        columns = columns_of(connection, table)
        if not {column, "run_name", time} <= columns or (project and project not in columns):
            continue
        query = (
            f"SELECT {column}, MAX(run_name), MIN({time}), {own} FROM {table} GROUP BY {column}, {own} ORDER BY 3, 1"  # noqa: S608 - names of ours
        )
        for run, run_name, first, of_project in connection.execute(query):
            key = (str(of_project), str(run))
            if key not in seen and len(seen) < MAX_RUNS:
                seen.add(key)
                yield str(run), str(run_name), first, str(of_project)


def _read_database(path: str, column: str, run: str, project: str, reader: _Reader) -> None:
    with open_database(path) as connection:
        where, values = f"{column} = ?", [run]
        if project:
            own = next(name for name in ("project_name", "project") if name in columns_of(connection, "metrics"))
            where, values = f"{where} AND {own} = ?", [run, project]

        def select(table: str, names: str, order: str) -> Iterator[tuple[Any, ...]]:
            if {column, *names.split(", ")} <= columns_of(connection, table):
                yield from connection.execute(f"SELECT {names} FROM {table} WHERE {where} ORDER BY {order}", values)  # noqa: S608 - names of ours

        for config, created in select("configs", "config, created_at", "rowid"):
            found = reader.parse(config)
            reader.add_config(found or {}, created)
        for step, timestamp, metrics in select("metrics", "step, timestamp, metrics", "rowid"):
            reader.add_json(metrics, step, timestamp)
        for timestamp, metrics in select("system_metrics", "timestamp, metrics", "rowid"):
            reader.add_json(metrics, None, timestamp, SYSTEM)
        for title, text in select("alerts", "title, text", "rowid"):
            reader.add_alert(title, text)
        if {column, "direction", "artifact_version_id"} <= columns_of(connection, "run_artifact_links"):
            for row in connection.execute(_LINKS[column], [run]):
                reader.add_artifact(row)


# ---- Parquet


def _is_metrics(folder: Listing, name: str) -> bool:
    """Tell by its footer whether a Parquet file is trackio's table of metrics."""
    if folder.head(name, 4) != PARQUET_MAGIC or any(name.endswith(f"{end}.parquet") for end in SIDECARS):
        return False
    try:
        descriptor, stat = open_regular(folder.full(name))
        with open(descriptor, "rb", buffering=0) as file:
            file.seek(max(0, stat.st_size - MAX_FOOTER))
            footer = file.read(MAX_FOOTER)
    except OSError:
        return False
    return all(column in footer for column in (b"run_name", b"timestamp", b"step", b"id"))


def _find_in_parquet(folder: Listing, name: str) -> tuple[list[FoundRun], Problem | None]:
    where = label_of(folder.path, name)
    stem = "" if name == STATIC else os.path.splitext(name)[0]
    beside = ("aux/configs.parquet", "aux/system_metrics.parquet")
    if stem:
        beside = (f"{stem}_configs.parquet", f"{stem}_system.parquet")
    files = [name, *(file for file in beside if os.path.isfile(folder.full(file)))]
    try:
        from pyarrow import ArrowException
    except ImportError:
        return [], Problem(where, "a Parquet file of trackio was not read", NEED_PYARROW)
    try:
        table = _open_parquet(folder.full(name))
        names = table.schema_arrow.names
        if not {"run_name", "timestamp", "step"} <= set(names):
            return [], None
        column = "run_id" if "run_id" in names else "run_name"
        runs: dict[str, tuple[str, str]] = {}
        for batch in table.iter_batches(columns=list({column, "run_name", "timestamp"})):
            rows = zip(*(batch.column(own).to_pylist() for own in (column, "run_name", "timestamp")), strict=True)
            for run, run_name, time in rows:
                old = runs.get(str(run))
                if old is None and len(runs) >= MAX_RUNS:
                    continue
                runs[str(run)] = (str(run_name), min(old[1], str(time)) if old else str(time))
    except (ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        return [], Problem(where, f"a Parquet file of trackio cannot be read: {error}"[:300], "export it again")
    experiment = stem or (folder.parts[-1] if folder.parts else "")
    return [
        _found(folder, files, experiment, column, run, run_name, first, "") for run, (run_name, first) in runs.items()
    ], None


def _open_parquet(path: str) -> Any:
    """Return an open Parquet file. Raises `OSError` or an `ArrowException`."""
    from pyarrow.parquet import ParquetFile

    descriptor, stat = open_regular(path)
    os.close(descriptor)
    if stat.st_size > MAX_PARQUET:
        raise OSError(f"it has more than {MAX_PARQUET >> 30} GiB")
    return ParquetFile(path)


def _read_parquets(paths: Sequence[str], column: str, run: str, reader: _Reader) -> None:
    for path in paths:
        name = os.path.basename(path)
        for row in _iter_rows(path, column, run, reader):
            values = {key: value for key, value in row.items() if key not in _OWN_COLUMNS and value is not None}
            if name.endswith("configs.parquet"):
                reader.add_config(values, row.get("created_at"))
            elif name.endswith(("_system.parquet", "system_metrics.parquet")):
                reader.add_row(values, None, row.get("timestamp"), SYSTEM)
            else:
                reader.add_row(values, row.get("step"), row.get("timestamp"))


_OWN_COLUMNS: Final = frozenset({"id", "run_id", "run_name", "timestamp", "step", "log_id", "space_id", "created_at"})


def _iter_rows(path: str, column: str, run: str, reader: _Reader) -> Iterator[Row]:
    try:
        from pyarrow import ArrowException, compute
    except ImportError:
        raise OSError(NEED_PYARROW) from None
    try:
        for batch in _open_parquet(path).iter_batches():
            if column in batch.schema.names:
                yield from batch.filter(compute.equal(batch.column(column), run)).to_pylist()
    except (ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        reader.add_fault(f"`{os.path.basename(path)}` cannot be read to its end: {error}"[:300])


# ---- both


def _found(
    folder: Listing,
    files: Sequence[str],
    experiment: str,
    column: str,
    run: str,
    name: str,
    first: object,
    project: str,
) -> FoundRun:
    media = ""
    for own in (run, name):
        path = f"media/{experiment}/{own}"
        if "media" in folder.folders and is_inside(path) and os.path.isdir(folder.full(path)):
            media = path
            break
    return FoundRun(
        files=tuple(files),
        experiment=experiment,
        name=name,
        run_id=run if column == "run_id" and len(run) == 32 else "",
        began=documents.moment(first) or 0.0,
        item=run,
        artifacts=media,
        extra={"column": column} | ({"project": project} if project else {}),
    )

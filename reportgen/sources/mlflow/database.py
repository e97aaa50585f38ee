"""MLflow's SQLite databases, of every version of its schema: tables and columns are looked up by name.

A database is opened for reading alone, so that nothing beside it appears or changes. It is not trusted: no view, no
trigger and no virtual table is asked, and a query that takes too long is stopped.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import shutil
import sqlite3
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from reportgen.formats import clean_text
from reportgen.model import Floats, Problem, Stream
from reportgen.sources import documents
from reportgen.sources.kinds import Claim, FoundRun, Listing, read_head
from reportgen.sources.mlflow import facts as own
from reportgen.sources.mlflow.points import add_history
from reportgen.sources.parts import label_of
from reportgen.sources.places import Place, RunRef
from reportgen.sources.streams import StreamMaker

HEADER: Final = b"SQLite format 3\0"
SUFFIXES: Final = (".db", ".sqlite", ".sqlite3", ".db3")
NEEDED: Final[Mapping[str, frozenset[str]]] = {
    "experiments": frozenset({"experiment_id", "name"}),
    "runs": frozenset({"run_uuid", "experiment_id"}),
    "metrics": frozenset({"key", "value", "run_uuid"}),
    "params": frozenset({"key", "value", "run_uuid"}),
    "tags": frozenset({"key", "value", "run_uuid"}),
}
"""What must be there for a database to be MLflow's."""
STORES: Final = ("mlruns", "mlartifacts")
"""Folders beside a database in which its artifacts are."""
BUSY_S: Final = 2.0
MAX_TEXT: Final = 16 * 2**20
"""Bytes of one value."""
MAX_COPY: Final = 2**30
TICK: Final = 1_000_000
MAX_TICKS: Final = 20_000
"""A query is stopped after `TICK` times so many steps of SQLite's machine."""
ROWS: Final = 500_000
"""Points are fetched so many at a time."""

_LARGEST: Final = sys.float_info.max
_UNSURE_HINT: Final = "build again when nothing writes to it"


class Database:
    """An open database of MLflow.

    Raises `sqlite3.Error` when it cannot be read, and `OSError` when there is none.
    """

    def __init__(self, path: str) -> None:
        self.note = ""
        """What may be missing, and why."""
        self._copy: tempfile.TemporaryDirectory[str] | None = None
        self._ticks = 0
        self._by_run: set[str] = set()
        self._connection: sqlite3.Connection | None = None
        self._tables: dict[str, tuple[str, ...]] = {}
        self._open(path)

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Close it; nothing of it is left."""
        connection, self._connection = getattr(self, "_connection", None), None
        if connection is not None:
            connection.close()
        copy, self._copy = getattr(self, "_copy", None), None
        if copy is not None:
            copy.cleanup()

    def _open(self, path: str) -> None:
        """Open without a trace: a database in WAL mode would else get files beside it."""
        path = os.path.abspath(path)
        head = read_head(path, 32)
        if not head.startswith(HEADER):
            raise sqlite3.DatabaseError("it is no SQLite database")
        options: tuple[str, ...] = ("mode=ro", "mode=ro&immutable=1")
        if head[18:20] == b"\2\2":
            if _size(f"{path}-wal") == 0:
                options = ("mode=ro&immutable=1",)
            elif not os.path.exists(f"{path}-shm"):
                path = self._copy_of(path)
        fault = sqlite3.OperationalError("it cannot be opened")
        for option in options:
            try:
                self._connect(path, option)
            except sqlite3.OperationalError as error:
                self.close_connection()
                fault = error
            else:
                if option != options[0]:
                    self.note = "another program holds or left a lock on the database: what it was writing is not shown"
                return
        raise fault

    def close_connection(self) -> None:
        """Close the connection alone."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _copy_of(self, path: str) -> str:
        """Return the path of a copy that SQLite may add files to; the original where it is too large for that."""
        if _size(path) + _size(f"{path}-wal") > MAX_COPY:
            self.note = "what stands in the `-wal` file of the database is not shown: its `-shm` file is missing"
            return path
        self._copy = tempfile.TemporaryDirectory(prefix="reportgen-")
        copy = os.path.join(self._copy.name, "mlflow.db")
        shutil.copyfile(path, copy)
        shutil.copyfile(f"{path}-wal", f"{copy}-wal")
        return copy

    def _connect(self, path: str, option: str) -> None:
        uri = f"{Path(path).as_uri()}?{option}"
        connection = sqlite3.connect(uri, uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        self._connection = connection
        connection.text_factory = lambda data: data.decode("utf-8", "replace")
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_TEXT)
        connection.set_progress_handler(self._tick, TICK)
        for pragma in ("trusted_schema=OFF", "cell_size_check=ON", "query_only=ON"):
            connection.execute(f"PRAGMA {pragma}")
        tables = self._fetch("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
        for name, sql in tables:
            if isinstance(name, str) and isinstance(sql, str) and re.fullmatch(r"[a-z_]{1,64}", name):
                if re.match(r"\s*CREATE\s+VIRTUAL", sql, re.IGNORECASE):
                    continue
                columns = self._fetch(f"PRAGMA table_info({name})")
                self._tables[name] = tuple(str(column[1]) for column in columns)

    def _tick(self) -> int:
        self._ticks += 1
        return int(self._ticks > MAX_TICKS)

    def _fetch(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        assert self._connection is not None  # noqa: S101 - it is closed by its owner alone
        self._ticks = 0
        try:
            return self._connection.execute(query, values).fetchall()
        except UnicodeDecodeError as error:  # a name in the message of an error, or in a damaged schema
            raise sqlite3.DatabaseError("malformed names") from error

    @property
    def is_mlflow(self) -> bool:
        """Whether it has MLflow's tables."""
        return all(needed <= set(self._tables.get(table, ())) for table, needed in NEEDED.items())

    def rows(
        self, table: str, columns: Sequence[str], where: str = "", values: Sequence[Any] = ()
    ) -> list[tuple[Any, ...]]:
        """Return the rows of a table in a fixed order, None for columns that this version does not have."""
        return self._fetch(*self._query(table, columns, where, values))

    def _query(
        self, table: str, columns: Sequence[str], where: str, values: Sequence[Any]
    ) -> tuple[str, Sequence[Any]]:
        known = self._tables.get(table)
        if known is None or (where and where.partition(" ")[0].strip('"') not in known):
            return "SELECT 1 WHERE 0", ()
        wanted = ", ".join(f'"{column}"' if column in known else "NULL" for column in columns)
        return f'SELECT {wanted} FROM "{table}"' + (f" WHERE {where}" if where else ""), values  # noqa: S608 - ours

    def of_run(self, table: str, columns: Sequence[str], run_id: str, where: str = "") -> list[tuple[Any, ...]]:
        """Return the rows of one run in the order in which they were written."""
        return list(self.iter_of_run(table, columns, run_id, where))

    def iter_of_run(
        self, table: str, columns: Sequence[str], run_id: str, where: str = ""
    ) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of one run; tables of versions that have no index of runs get one of ours, in memory."""
        assert self._connection is not None  # noqa: S101 - it is closed by its owner alone
        known = self._tables.get(table, ())
        if "run_uuid" not in known:
            return
        self._index(table)
        wanted = ", ".join(f't."{column}"' if column in known else "NULL" for column in columns)
        more = f" AND ({where})" if where else ""
        if table in self._by_run:
            query = (
                f'SELECT {wanted} FROM temp."of_{table}" o JOIN main."{table}" t ON t.rowid = o.place'  # noqa: S608
                f" WHERE o.run_uuid = ?{more} ORDER BY o.place"
            )
        else:
            query = f'SELECT {wanted} FROM "{table}" t WHERE t.run_uuid = ?{more} ORDER BY t.rowid'  # noqa: S608
        self._ticks = 0
        cursor = self._connection.execute(query, (run_id,))
        while rows := cursor.fetchmany(ROWS):
            self._ticks = 0
            yield from rows

    def _index(self, table: str) -> None:
        """See to it that the rows of a run are found without reading all of a table."""
        if table in self._by_run or not self._tables.get(table):
            return
        for index in self._fetch(f"PRAGMA index_list({table})"):
            columns = self._fetch("SELECT name FROM pragma_index_info(?) WHERE seqno = 0", (index[1],))
            if columns and columns[0][0] == "run_uuid":
                return
        self._fetch("PRAGMA query_only=OFF")
        self._fetch(
            f'CREATE TEMP TABLE "of_{table}" AS SELECT run_uuid, rowid AS place FROM main."{table}"'  # noqa: S608
        )
        self._fetch(f'CREATE INDEX temp."runs_of_{table}" ON "of_{table}" (run_uuid)')
        self._fetch("PRAGMA query_only=ON")
        self._by_run.add(table)


def _size(path: str) -> int:
    try:
        return os.lstat(path).st_size
    except OSError:
        return 0


# ---- discovery


def claim_databases(folder: Listing, *, deleted: bool) -> Claim | None:
    """Take the databases of MLflow in a folder."""
    names = folder.files if folder.named else folder.ending(*SUFFIXES)
    claims = [claim for name in sorted(names) if (claim := _claim_database(folder, name, deleted=deleted))]
    if not claims:
        return None
    return Claim(
        tuple(run for claim in claims for run in claim.runs),
        frozenset().union(*(claim.files for claim in claims)),
        frozenset().union(*(claim.folders for claim in claims)),
        problems=tuple(problem for claim in claims for problem in claim.problems),
    )


def _claim_database(folder: Listing, name: str, *, deleted: bool) -> Claim | None:
    if folder.head(name, len(HEADER)) != HEADER:
        return None
    beside = {f"{name}-{part}" for part in ("wal", "shm", "journal")} & folder.files
    label = label_of(folder.full(name))
    try:
        with contextlib.closing(Database(folder.full(name))) as database:
            if not database.is_mlflow:
                return None
            runs, folders, problems = _find_runs(database, folder, name, deleted=deleted)
            if database.note:
                problems.append(Problem(label, database.note, _UNSURE_HINT))
    except (sqlite3.Error, OSError) as error:
        if "mlflow" not in name.lower() and not folder.named:
            return None  # nothing says that it is a log at all
        message = f"the database cannot be read: {clean_text(str(error))}"
        hint = "it may be damaged: `sqlite3 FILE .recover` saves what is left"
        return Claim(files=frozenset({name}) | beside, problems=(Problem(label, message, hint),))
    return Claim(tuple(runs), frozenset({name}) | beside, frozenset(folders), problems=tuple(problems))


def _find_runs(
    database: Database, folder: Listing, name: str, *, deleted: bool
) -> tuple[list[FoundRun], set[str], list[Problem]]:
    experiments: dict[str, str] = {}
    for number, title, stage in database.rows("experiments", ("experiment_id", "name", "lifecycle_stage")):
        if deleted or stage != "deleted":
            experiments[_text(number)] = _text(title)
    tags: dict[tuple[str, str], str] = {}
    names = (own.PARENT, own.NAME)
    for run_id, key, value in database.rows("tags", ("run_uuid", "key", "value"), '"key" IN (?, ?)', names):
        tags[_text(run_id), _text(key)] = _text(value)
    logs = tuple(file for file in (name, f"{name}-wal") if file == name or _size(folder.full(file)))
    columns = ("run_uuid", "name", "experiment_id", "lifecycle_stage", "artifact_uri", "start_time")
    artifacts = _Artifacts(folder)
    found = []
    for run_id, title, experiment, stage, address, start in database.rows("runs", columns):
        own_id = _text(run_id)
        if not own_id or _text(experiment) not in experiments or (stage == "deleted" and not deleted):
            continue
        found.append(
            FoundRun(
                files=logs,
                experiment=experiments[_text(experiment)],
                name=_text(title) or tags.get((own_id, own.NAME), "") or own_id,
                run_id=own_id,
                began=documents.moment(start),
                item=own_id,
                parent_id=tags.get((own_id, own.PARENT), ""),
                artifacts=artifacts.find(_text(address), own_id),
            )
        )
    found.sort(key=lambda run: run.run_id)
    known = {run.run_id for run in found}
    label = label_of(folder.full(name))
    lost = [
        f"{_text(model)} {_text(version)}"
        for model, version, run_id in database.rows("model_versions", ("name", "version", "run_id"))
        if _text(run_id) not in known
    ]
    problems = []
    if lost:
        more = f" and {len(lost) - 3} more" if len(lost) > 3 else ""
        message = f"model versions of no run that is here are not shown: {', '.join(sorted(lost)[:3])}{more}"
        hint = "register models with the run that made them, or restore the run"
        problems.append(Problem(label, clean_text(message), hint, count=len(lost)))
    return found, artifacts.folders, problems


class _Artifacts:
    """Finds the artifacts of runs below the folder of their database, wherever their writer had them."""

    def __init__(self, folder: Listing) -> None:
        self._root = os.path.realpath(folder.path)
        self._bases: dict[str, bool] = {}
        self.folders: set[str] = set()
        """Folders beside the database that hold nothing but its artifacts."""

    def find(self, address: str, run_id: str) -> str:
        """Return the folder of a run's artifacts, below the database's folder; empty where there is none."""
        parts = [part for part in re.split(r"[/\\]+", address.partition("?")[0]) if part]
        if not own.RUN_ID.fullmatch(run_id) or parts[-2:] != [run_id, "artifacts"] or ".." in parts or len(parts) > 64:
            return ""
        above = [part for part in parts[:-2] if not part.endswith(":")]
        bases = ["/".join(above[i:]) for i in range(len(above) + 1)]
        if above:
            bases += [f"{store}/{above[-1]}" for store in STORES]
        for base in bases:
            if self._is_folder(base):
                found = f"{base}/{run_id}/artifacts" if base else f"{run_id}/artifacts"
                if all(_is_real_folder(os.path.join(self._root, *p.split("/"))) for p in (found[:-10], found)):
                    self._account(base)
                    return found
        return ""

    def _is_folder(self, base: str) -> bool:
        if base not in self._bases:
            path = os.path.join(self._root, *base.split("/")) if base else self._root
            self._bases[base] = os.path.isdir(path) and os.path.realpath(path) == path
        return self._bases[base]

    def _account(self, base: str) -> None:
        top = base.split("/", 1)[0]
        if top in STORES and top not in self.folders:
            path = os.path.join(self._root, top)
            with contextlib.suppress(OSError):
                if not any(os.path.isfile(os.path.join(path, name, "meta.yaml")) for name in os.listdir(path)):
                    self.folders.add(top)


def _is_real_folder(path: str) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)


# ---- reading

MAX_OPEN: Final = 4
_local: Final = threading.local()


def _opened() -> dict[tuple[Any, ...], Database]:
    """Return the databases that this thread of this process has open; what was open before a fork is not ours."""
    if getattr(_local, "pid", None) != os.getpid():
        _local.pid, _local.inherited, _local.open = os.getpid(), getattr(_local, "open", None), {}
    found: dict[tuple[Any, ...], Database] = _local.open
    return found


def close_databases() -> None:
    """Close what this thread has open."""
    opened = _opened()
    while opened:
        opened.popitem()[1].close()


def _database(path: str) -> Database:
    """Return a database that this thread has open already, or open it: a build reads thousands of runs from one."""
    stat = os.lstat(path)
    key = (path, stat.st_size, stat.st_mtime_ns, stat.st_ino, _size(f"{path}-wal"))
    opened = _opened()
    if key not in opened:
        database = Database(path)
        stale = [other for other in opened if other[0] == path] or list(opened)[: len(opened) // MAX_OPEN]
        for other in stale:
            opened.pop(other).close()
        opened[key] = database
    return opened[key]


def read_database(place: Place, ref: RunRef) -> Stream:
    """Read one run of a database."""
    maker = StreamMaker(place.files[0].label, run_id=ref.run_id, experiment=ref.experiment, name=ref.name)
    facts = own.Facts()
    try:
        database = _database(place.files[0].path)
        _read_facts(database, place.item, facts)
    except sqlite3.Error as error:
        _count(maker, error)
    own.add_facts(maker, facts, ref.run_id, place.artifact_files)
    try:
        for name, times, values, steps in _iter_histories(_database(place.files[0].path), place.item):
            add_history(maker, name, documents.moments(times), values, _whole(steps))
    except sqlite3.Error as error:
        _count(maker, error)
    return maker.finish()


def _count(maker: StreamMaker, error: sqlite3.Error) -> None:
    message = f"the database cannot be read to its end: {clean_text(str(error))}"
    maker.faults.add(None, message, "it may be damaged: `sqlite3 FILE .recover` saves what is left")


def _read_facts(database: Database, run_id: str, facts: own.Facts) -> None:
    columns = ("user_id", "status", "start_time", "end_time", "source_version", "source_name", "experiment_id")
    for user, status, start, end, commit, entry, experiment in database.of_run("runs", columns, run_id):
        facts.user, facts.status = _text(user), _text(status)
        facts.start, facts.end = documents.moment(start), documents.moment(end)
        facts.commit, facts.entry = _text(commit), _text(entry)
        tags = database.rows("experiment_tags", ("key", "value"), '"experiment_id" = ?', (experiment,))
        facts.experiment_tags = {_text(key): _text(value) for key, value in tags}
    facts.params = {_text(key): _text(value) for key, value in database.of_run("params", ("key", "value"), run_id)}
    facts.tags = {_text(key): _text(value) for key, value in database.of_run("tags", ("key", "value"), run_id)}
    facts.inputs = list(_iter_inputs(database, run_id))
    facts.models = list(_iter_models(database, run_id))


def _iter_inputs(database: Database, run_id: str) -> Iterator[own.DataSet]:
    columns = ("input_uuid", "source_type", "source_id", "destination_type")
    for uuid, kind, source, destination in database.rows("inputs", columns, '"destination_id" = ?', (run_id,)):
        if kind != "DATASET" or destination != "RUN":
            continue
        tags = dict(database.rows("input_tags", ("name", "value"), '"input_uuid" = ?', (uuid,)))
        fields = ("name", "digest", "dataset_source_type", "dataset_source")
        for name, digest, source_kind, address in database.rows("datasets", fields, '"dataset_uuid" = ?', (source,)):
            role = _text(tags.get(own.CONTEXT))
            yield own.set_data(_text(name), _text(digest), role, _text(source_kind), _text(address))


def _iter_models(database: Database, run_id: str) -> Iterator[own.Version]:
    columns = ("name", "version", "current_stage", "source")
    for name, version, stage, source in database.rows("model_versions", columns, '"run_id" = ?', (run_id,)):
        aliases = [
            _text(alias)
            for alias, number in database.rows("registered_model_aliases", ("alias", "version"), '"name" = ?', (name,))
            if _text(number) == _text(version)
        ]
        if stage and stage != "None":
            aliases.append(_text(stage))
        yield own.Version(_text(name), _text(version), tuple(aliases), _text(source))


def _iter_histories(database: Database, run_id: str) -> Iterator[tuple[str, Floats, Floats, Floats]]:
    """Yield (metric, times as written, values, steps) by name, points in the order in which they were written."""
    histories: dict[Any, list[tuple[Any, ...]]] = {}
    for key, *point in database.iter_of_run("metrics", ("key", "timestamp", "value", "step", "is_nan"), run_id):
        histories.setdefault(key, []).append(tuple(point))
    for key in sorted(histories, key=_text):
        times, values, steps, nans = (_floats(column) for column in zip(*histories[key], strict=True))
        values[nans == 1] = np.nan
        values[values == _LARGEST] = np.inf  # a database has no infinity, so that MLflow writes the largest number
        values[values == -_LARGEST] = -np.inf
        yield _text(key), times, values, steps


def _floats(column: Sequence[Any]) -> Floats:
    try:
        return np.array(column, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return np.array([_as_float(value) for value in column])


def _as_float(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _whole(steps: Floats) -> Any:
    """Return steps as whole numbers; what is none, as in versions without steps, is 0."""
    sound = np.isfinite(steps) & (np.abs(steps) < 2.0**62)
    return np.where(sound, steps, 0).astype(np.int64)


def _text(value: Any) -> str:
    if value is None:
        return ""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return clean_text(text.rstrip("\r\n"))

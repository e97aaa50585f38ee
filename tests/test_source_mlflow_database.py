"""MLflow's databases: all versions of the schema, what others hold or left open, damage, the same run in a store."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from reportgen.errors import SourceError
from reportgen.sources import discover, fingerprint, read_run
from reportgen.sources.mlflow import database as module
from reportgen.sources.mlflow.database import Database
from reportgen.sources.options import SourceOptions
from reportgen.sources.statcache import StatCache
from tests.foreignruns import find, messages, read_all, read_one, rows
from tests.mlflowlogs import (
    SCHEMAS,
    TABLES_0,
    insert,
    insert_run,
    make_database,
    run_id,
    write_experiment,
    write_files,
    write_run,
)

POINTS = {"loss": [(1700000001000, 0.5, 0), (1700000002000, 0.25, 1)], "val/acc": [(1700000002000, 0.75, 1)]}


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Close what a test has left open, so that its files can go."""
    yield
    module.close_databases()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a database of two runs, one nested in the other."""
    root = tmp_path / "project"
    with closing(make_database(root / "mlflow.db")) as db:
        insert_run(
            db,
            1,
            params={"lr": "0.1", "empty": ""},
            metrics=POINTS,
            tags={"mlflow.runName": "first", "mlflow.note.content": "# Better", "stage": "candidate"},
        )
        insert_run(db, 2, status="RUNNING", tags={"mlflow.runName": "second", "mlflow.parentRunId": run_id(1)})
    return root


@pytest.mark.parametrize("version", SCHEMAS)
def test_every_version_of_the_schema_is_read(tmp_path: Path, version: str) -> None:
    points = {name: [point[:2] for point in own] for name, own in POINTS.items()} if version == "0.x" else POINTS
    with closing(make_database(tmp_path / "mlflow.db", SCHEMAS[version])) as db:
        insert_run(db, 1, params={"lr": "0.1"}, metrics=points, tags={"mlflow.runName": "first", "stage": "x"})
    run = read_one(tmp_path)
    summary = run.summary
    assert (summary.run_id, summary.name, summary.experiment, summary.user) == (run_id(1), "first", "exp 1", "ada")
    assert (summary.status, summary.start_time, summary.last_time) == ("finished", 1.7e9, 1.7e9 + 60)
    assert (dict(summary.params), dict(summary.tags)) == ({"lr": 0.1}, {"stage": "x"})
    assert rows(run, "loss") == [(0, 1700000001.0, 0.5), (1, 1700000002.0, 0.25)]
    assert messages(run) == []


def test_runs_are_nested_and_unfinished_ones_told(folder: Path) -> None:
    runs = read_all(folder)
    assert runs["first"].notes == ("# Better",)
    assert (runs["second"].summary.parent_id, runs["second"].summary.status) == (run_id(1), "unfinished")


def test_a_database_can_be_given_whatever_its_name(folder: Path) -> None:
    other = folder / "tracking.backup"
    (folder / "mlflow.db").rename(other)
    assert sorted(read_all(other)) == ["first", "second"]
    with pytest.raises(SourceError):
        find(folder)


def test_numbers_that_are_not_finite(tmp_path: Path) -> None:
    largest = sys.float_info.max
    points: list[tuple[object, ...]] = [(1000, 0.0, 0, 1), (2000, largest, 1, 0), (3000, -largest, 2, 0)]
    with closing(make_database(tmp_path / "mlflow.db")) as db:
        insert_run(db, 1, metrics={"m": points})
    inf = float("inf")
    assert [row[0::2] for row in rows(read_one(tmp_path), "m")] == [(0, None), (1, inf), (2, -inf)]


def test_values_of_strange_types_are_no_numbers(tmp_path: Path) -> None:
    with closing(make_database(tmp_path / "mlflow.db")) as db:
        insert_run(db, 1, metrics={"m": [(1000, "x", 0), (2000, 0.5, "y"), ("z", 0.25, 2), (3000, b"\xff", 4)]})
    assert [row[0::2] for row in rows(read_one(tmp_path), "m")] == [(0, 0.5), (2, 0.25), (4, None)]


def test_deleted_runs_and_experiments_are_left_out_unless_they_are_wanted(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "mlflow.db")) as db:
        insert_run(db, 3, stage="deleted")
        insert_run(db, 4, experiment=2)
        db.execute("update experiments set lifecycle_stage = 'deleted' where experiment_id = 2")
        db.commit()
    assert len(find(folder).runs) == 2
    everything = discover([folder], cache=StatCache(None), options=SourceOptions(mlflow_deleted=True))
    assert len(everything.runs) == 4


def test_data_sets_models_and_the_metric_that_counts(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "mlflow.db")) as db:
        insert(
            db,
            "datasets",
            dataset_uuid="d",
            experiment_id=1,
            name="songs",
            digest="abc",
            dataset_source_type="local",
            dataset_source='{"uri": "/home/ada/x.csv"}',
        )
        both = {"destination_type": "RUN", "destination_id": run_id(1)}
        insert(db, "inputs", input_uuid="i", source_type="DATASET", source_id="d", **both)
        insert(db, "inputs", input_uuid="j", source_type="MODEL", source_id="m", **both)
        insert(db, "input_tags", input_uuid="i", name="mlflow.data.context", value="train")
        source = f"/home/ada/project/mlruns/1/{run_id(1)}/artifacts/model"
        insert(db, "model_versions", name="singer", version=3, current_stage="None", source=source, run_id=run_id(1))
        insert(db, "model_versions", name="other", version=1, current_stage="None", source="/x", run_id=None)
        insert(db, "registered_model_aliases", alias="best", version=3, name="singer")
        insert(db, "registered_model_aliases", alias="old", version=2, name="singer")
        insert(db, "experiment_tags", key="mlflow.experiment.primaryMetric.name", value="acc", experiment_id=1)
        db.commit()
    write_files(folder, {f"mlruns/1/{run_id(1)}/artifacts/model/MLmodel": "x"})
    summary = read_all(folder)["first"].summary
    assert [(own.name, own.digest, own.source, own.role) for own in summary.inputs] == [
        ("songs", "abc", "x.csv", "train")
    ]
    assert [(own.name, own.version, own.aliases, own.files) for own in summary.models] == [
        ("singer", "3", ("best",), ("model/MLmodel",))
    ]
    assert summary.tags["mlflow.experiment.primaryMetric.name"] == "acc"
    assert [own.message for own in find(folder).problems] == [
        "model versions of no run that is here are not shown: other 1"
    ]


# ---- artifacts


@pytest.mark.parametrize("place", ["mlruns/1", "mlartifacts/1", "1", "project/mlruns/1"])
def test_artifacts_are_found_below_the_folder_of_the_database(folder: Path, place: str) -> None:
    with closing(sqlite3.connect(folder / "mlflow.db")) as db:
        if place.startswith("mlartifacts"):
            db.execute("update runs set artifact_uri = 'mlflow-artifacts:/1/' || run_uuid || '/artifacts'")
        db.commit()
    write_files(folder, {f"{place}/{run_id(1)}/artifacts/plots/results.csv": "step,loss\n1,2\n2,1\n"})
    runs = read_all(folder)
    assert runs["first"].summary.artifact_paths == ("plots/results.csv",)
    if place.startswith("ml"):
        assert sorted(runs) == ["first", "second"]  # and nothing in it is taken for a log of its own


@pytest.mark.parametrize(
    "address", ["/x/../mlruns/1/{}/artifacts", "/private", "{}/artifacts/..", "/link/1/{}/artifacts", ""]
)
def test_a_database_names_no_other_folder(folder: Path, tmp_path: Path, address: str) -> None:
    write_files(folder, {"private/x": "s"})
    write_files(tmp_path / "away", {f"1/{run_id(1)}/artifacts/x": "s"})
    (folder / "link").symlink_to(tmp_path / "away")
    with closing(sqlite3.connect(folder / "mlflow.db")) as db:
        db.execute("update runs set artifact_uri = ?", (address.format(run_id(1)),))
        db.commit()
    assert read_all(folder)["first"].summary.artifact_paths == ()


# ---- the same run twice


def test_a_run_in_a_store_and_in_a_database_is_one_run(folder: Path) -> None:
    metrics = {
        "loss": "1700000001000 0.5 0\n1700000002000 0.25 1\n",
        "val/acc": "1700000002000 0.75 1\n",
        "m": "1700000003000 3 0\n1700000003000 1 0\n1700000003001 nan 0\n",
        "r": "1700000003000 3 5\n1700000003000 1 5\n1700000003000 2 4\n",
    }
    with closing(sqlite3.connect(folder / "mlflow.db")) as db:
        more: dict[str, list[tuple[object, ...]]] = {
            "m": [(1700000003000, 3, 0, 0), (1700000003000, 1, 0, 0), (1700000003001, 0, 0, 1)],
            "r": [(1700000003000, 1, 5, 0), (1700000003000, 2, 4, 0), (1700000003000, 3, 5, 0)],
        }
        for key, points in more.items():
            for point in points:
                fields = dict(zip(("timestamp", "value", "step", "is_nan"), point, strict=True))
                insert(db, "metrics", key=key, run_uuid=run_id(1), **fields)
        db.commit()
    write_run(
        write_experiment(folder / "mlruns", "1", "exp 1"),
        1,
        params={"lr": "0.1", "empty": ""},
        metrics=metrics,
        tags={"mlflow.runName": "first", "mlflow.note.content": "# Better", "stage": "candidate"},
        artifacts={"a.txt": "x"},
    )
    ref = next(ref for ref in find(folder).runs if ref.run_id == run_id(1))
    assert len(ref.places) == 2
    (read,) = read_run(ref)
    assert [row[2] for row in rows(read.run, "m")] == [3.0, 1.0, None]
    assert [row[0::2] for row in rows(read.run, "r")] == [(4, 2.0), (5, 3.0)]
    assert messages(read.run) == ["steps were logged more than once"]
    assert read.run.summary.artifact_paths == ("a.txt",)


def test_a_copy_of_a_database_beside_it_adds_nothing_and_a_longer_one_counts(folder: Path) -> None:
    shutil.copy(folder / "mlflow.db", folder / "backup.sqlite")
    with closing(sqlite3.connect(folder / "mlflow.db")) as db:
        insert(db, "metrics", key="loss", value=0.125, timestamp=1700000003000, step=2, is_nan=0, run_uuid=run_id(1))
        db.commit()
    runs = read_all(folder)
    assert sorted(runs) == ["first", "second"]
    assert len(rows(runs["first"], "loss")) == 3


def test_a_change_of_the_database_changes_the_fingerprint(folder: Path) -> None:
    before = [fingerprint(ref, StatCache(None)) for ref in find(folder).runs]
    with closing(sqlite3.connect(folder / "mlflow.db")) as db:
        db.execute("update params set value = '0.2'")
        db.commit()
    assert all(new != old for new, old in zip(map(_marks, find(folder).runs), before, strict=True))
    assert read_all(folder)["first"].summary.params["lr"] == 0.2


def _marks(ref: object) -> tuple[str, ...]:
    return fingerprint(ref, StatCache(None))  # type: ignore[arg-type]


# ---- other programs at work


def test_an_open_database_in_wal_mode_is_read_as_it_is_and_not_touched(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "mlflow.db")) as db:
        db.execute("pragma journal_mode=wal")
        insert(db, "params", key="new", value="1", run_uuid=run_id(1))
        db.commit()
        before = sorted(os.listdir(folder))
        assert "mlflow.db-wal" in before
        assert read_all(folder)["first"].summary.params["new"] == 1
        assert sorted(os.listdir(folder)) == before
        insert(db, "params", key="newer", value="2", run_uuid=run_id(1))
        db.commit()
        assert read_all(folder)["first"].summary.params["newer"] == 2


def test_a_copy_with_its_wal_file_is_read_and_nothing_appears_beside_it(folder: Path, tmp_path: Path) -> None:
    there = tmp_path / "copy"
    there.mkdir()
    with closing(sqlite3.connect(folder / "mlflow.db")) as db:
        db.execute("pragma journal_mode=wal")
        insert(db, "params", key="new", value="1", run_uuid=run_id(1))
        db.commit()
        for name in ("mlflow.db", "mlflow.db-wal"):
            shutil.copy(folder / name, there / name)
    bytes_before = {name: (there / name).read_bytes() for name in os.listdir(there)}
    assert read_all(there)["first"].summary.params["new"] == 1
    assert {name: (there / name).read_bytes() for name in os.listdir(there)} == bytes_before
    (there / "mlflow.db-wal").unlink()
    assert "new" not in read_all(there)["first"].summary.params
    assert sorted(os.listdir(there)) == ["mlflow.db"]


def test_a_locked_database_is_read_and_it_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BUSY_S", 0.05)
    with closing(sqlite3.connect(folder / "mlflow.db", isolation_level=None)) as db:
        db.execute("begin exclusive")
        found = find(folder)
        assert [own.message for own in found.problems] == [
            "another program holds or left a lock on the database: what it was writing is not shown"
        ]
        assert {read.run.summary.name for ref in found.runs for read in read_run(ref)} == {"first", "second"}
        db.execute("rollback")
    assert find(folder).problems == ()


def test_what_a_killed_writer_left_behind_stops_nothing(folder: Path) -> None:
    script = (
        "import os, sqlite3, sys\n"
        "db = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "db.execute('pragma cache_size=1')\n"
        "db.execute('begin')\n"
        "for i in range(5000): db.execute('insert into params values (?, ?, ?)', (f'p{i}', 'x' * 500, sys.argv[2]))\n"
        "os._exit(9)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(folder / "mlflow.db"), run_id(2)])
    assert "mlflow.db-journal" in os.listdir(folder)
    before = (folder / "mlflow.db").read_bytes()
    found = find(folder)
    assert len(found.problems) == 1
    for ref in found.runs:
        read_run(ref)
    assert (folder / "mlflow.db").read_bytes() == before


# ---- other programs' databases, damage, hostile ones


def test_databases_of_other_programs_are_no_logs(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "history.db")) as db:
        db.execute("create table runs (id, name)")
    (tmp_path / "notes.db").write_bytes(b"no database at all")
    (tmp_path / "mlflow.db").write_bytes(b"")
    with pytest.raises(SourceError, match="no run logs"):
        find(tmp_path)


def test_a_database_without_runs_is_none(tmp_path: Path) -> None:
    make_database(tmp_path / "mlflow.db").close()
    with pytest.raises(SourceError):
        find(tmp_path)


def test_views_and_virtual_tables_are_not_asked(tmp_path: Path) -> None:
    with closing(make_database(tmp_path / "mlflow.db")) as db:
        insert_run(db, 1)
        db.execute("drop table metrics")
        db.execute(
            "create view metrics as with recursive n(x) as (select 1 union all select x + 1 from n)"
            " select 'm' as key, x as value, x as timestamp, x as step, 0 as is_nan, '" + run_id(1) + "' as run_uuid"
            " from n"
        )
    with pytest.raises(SourceError):
        find(tmp_path)


def test_a_query_that_takes_too_long_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(make_database(tmp_path / "mlflow.db")) as db:
        insert_run(db, 1, params={"lr": "0.1"}, metrics={"m": [(1000 + i, 0.5, i) for i in range(5000)]})
    found = find(tmp_path)
    monkeypatch.setattr(module, "TICK", 1000)
    monkeypatch.setattr(module, "MAX_TICKS", 10)
    run = read_run(found.runs[0])[0].run
    assert run.summary.params["lr"] == 0.1
    assert messages(run) == ["the database cannot be read to its end: interrupted"]


def test_runs_are_found_without_an_index_of_the_database(tmp_path: Path) -> None:
    with closing(make_database(tmp_path / "mlflow.db", TABLES_0)) as db:
        for number in range(1, 6):
            insert_run(db, number, params={"n": str(number)}, metrics={"m": [(1000, number)]})
    assert {run.summary.params["n"] for run in read_all(tmp_path).values()} == {1, 2, 3, 4, 5}
    with closing(Database(str(tmp_path / "mlflow.db"))) as own:
        assert own.of_run("metrics", ("value", "step"), run_id(3)) == [(3.0, None)]
        plan = own._fetch("explain query plan select * from temp.of_metrics where run_uuid = 'x'")
        assert "runs_of_metrics" in str(plan)
        assert own.rows("nothing", ("a",)) == []


def test_few_databases_stay_open(tmp_path: Path) -> None:
    for number in range(6):
        with closing(make_database(tmp_path / str(number) / "mlflow.db")) as db:
            insert_run(db, number)
    assert len(read_all(tmp_path)) == 6
    assert len(module._opened()) == module.MAX_OPEN


def test_damage_costs_no_more_than_what_it_hits(folder: Path, tmp_path: Path) -> None:
    chance = random.Random(5)
    sound = (folder / "mlflow.db").read_bytes()
    file = tmp_path / "scratch" / "mlflow.db"
    file.parent.mkdir()
    outcomes = set()
    for turn in range(150):
        data = bytearray(sound)
        if turn % 3 == 0:
            del data[chance.randrange(len(data)) :]
        for _ in range(chance.randrange(1, 40)):
            if data:
                data[chance.randrange(len(data))] = chance.randrange(256)
        file.write_bytes(data)
        try:
            for ref in find(file.parent).runs:
                for read in read_run(ref):
                    outcomes.add(bool(read.run.summary.problems))
        except SourceError:
            outcomes.add(None)
    assert {True, None} <= outcomes


def test_a_damaged_database_is_a_problem(folder: Path) -> None:
    file = folder / "mlflow.db"
    data = bytearray(file.read_bytes())
    data[100:4096] = b"\xff" * (len(data[100:4096]))
    file.write_bytes(data)
    write_run(write_experiment(folder / "mlruns", "1", "e"), 9)
    (problem,) = find(folder).problems
    assert problem.where == f"{folder.parent.name}/project/mlflow.db"
    assert problem.message.startswith("the database cannot be read: ")

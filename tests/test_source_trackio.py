"""trackio's databases and Parquet files: what is recognised, what is read of them, and what damage does."""

from __future__ import annotations

import json
import math
import random
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reportgen.errors import SourceError
from reportgen.model import Run
from reportgen.sources import Discovery, StatCache, discover, read_run

ID = "06c1e1bba79c4098b767ec60aac30b8d"
TIMES = [f"2026-11-21T12:0{minute}:00.500000+00:00" for minute in range(10)]
T0 = 1_795_262_400.5


def find(root: Path) -> Discovery:
    """Return what is below `root`."""
    return discover([root], cache=StatCache(None))


def read_all(root: Path) -> dict[str, Run]:
    """Return name -> run of all that is below `root`."""
    return {ref.name: read_run(ref)[0].run for ref in find(root).runs}


def messages(run: Run) -> list[str]:
    """Return what is wrong with a run."""
    return [problem.message for problem in run.summary.problems]


def points(run: Run, name: str) -> list[tuple[int, float]]:
    """Return (step, value) of a metric."""
    series = run.series[name][0]
    return list(zip(series.steps.tolist(), series.values.tolist(), strict=True))


def write_database(path: Path, rows: list[tuple[int, dict[str, Any]]], *, with_ids: bool = True) -> None:
    """Write a project with the run `run-a`, as trackio 0.43 does, or as it did before it had run ids."""
    path.parent.mkdir(parents=True, exist_ok=True)
    own = "run_id TEXT NOT NULL, " if with_ids else ""
    with sqlite3.connect(path) as database:
        database.execute(
            f"CREATE TABLE metrics (id INTEGER PRIMARY KEY, {own}timestamp TEXT, run_name TEXT, step INTEGER, metrics)"
        )
        database.execute(
            f"CREATE TABLE configs (id INTEGER PRIMARY KEY, {own}run_name TEXT, config TEXT, created_at TEXT)"
        )
        ids = (ID,) if with_ids else ()
        marks = "?, " if with_ids else ""
        for number, (step, values) in enumerate(rows):
            row = (*ids, TIMES[number], "run-a", step, json.dumps(values).encode())
            names = "run_id, " if with_ids else ""
            database.execute(
                f"INSERT INTO metrics ({names}timestamp, run_name, step, metrics) VALUES ({marks}?, ?, ?, ?)", row
            )
        config = {"lr": 0.1, "opt": {"name": "adam"}, "_Username": "ada", "_Created": TIMES[0], "_Group": "sweep-3"}
        names = "run_id, " if with_ids else ""
        database.execute(
            f"INSERT INTO configs ({names}run_name, config, created_at) VALUES ({marks}?, ?, ?)",
            (*ids, "run-a", json.dumps(config), TIMES[1]),
        )
    database.close()


ROWS: list[tuple[int, dict[str, Any]]] = [
    (0, {"loss": 1.5, "nan": "NaN", "nested": {"a": 1}}),
    (5, {"loss": "Infinity", "text": "hello", "h": {"_type": "trackio.histogram", "bins": [0, 2], "values": [4]}}),
    (5, {"loss": 0.5}),
]


def test_a_database_is_read_with_all_that_it_says(tmp_path: Path) -> None:
    write_database(tmp_path / "digits.db", ROWS)
    with sqlite3.connect(tmp_path / "digits.db") as database:
        database.execute("CREATE TABLE system_metrics (run_id TEXT, timestamp TEXT, run_name TEXT, metrics TEXT)")
        database.execute("INSERT INTO system_metrics VALUES (?, ?, 'run-a', ?)", (ID, TIMES[2], '{"gpu/0": 55}'))
        database.execute("CREATE TABLE alerts (run_id TEXT, title TEXT, text TEXT, step INTEGER)")
        database.execute("INSERT INTO alerts VALUES (?, 'uh', 'oh', 5)", (ID,))
        database.execute("CREATE TABLE artifacts (id INTEGER PRIMARY KEY, name TEXT, type TEXT)")
        database.execute(
            "CREATE TABLE artifact_versions (id INTEGER PRIMARY KEY, artifact_id, version, manifest_digest)"
        )
        database.execute("CREATE TABLE run_artifact_links (run_id, run_name, artifact_version_id, direction)")
        database.execute("INSERT INTO artifacts VALUES (1, 'mlp', 'model'), (2, 'mnist', 'dataset')")
        database.execute("INSERT INTO artifact_versions VALUES (1, 1, 0, 'd1'), (2, 2, 3, 'd2')")
        database.execute(f"INSERT INTO run_artifact_links VALUES ('{ID}', 'x', 1, 'output'), ('{ID}', 'x', 2, 'input')")
    database.close()
    media = tmp_path / "media" / "digits" / "run-a" / "5"
    media.mkdir(parents=True)
    (media / "a.png").write_bytes(b"\x89PNG")
    (run,) = read_all(tmp_path).values()
    summary = run.summary
    assert (summary.run_id, summary.experiment, summary.name, summary.status) == (ID, "digits", "run-a", "unfinished")
    assert (summary.user, summary.group, summary.start_time, summary.notes) == ("ada", "sweep-3", T0, "**uh** oh")
    assert summary.params == {"lr": 0.1, "opt.name": "adam"}
    assert summary.tags == {"text": "hello"}
    assert points(run, "loss") == [(0, 1.5), (5, 0.5)]
    assert run.series["loss"][0].times.tolist() == [T0, T0 + 120]
    assert math.isnan(points(run, "nan")[0][1])
    assert points(run, "nested.a") == [(0, 1)]
    assert points(run, "h/q50") == [(5, 1)]
    assert points(run, "system/gpu/0") == [(0, 55)]
    assert summary.artifact_paths == ("5/a.png",)
    assert [(m.name, m.version) for m in summary.models] == [("mlp", "v0")]
    assert [(i.name, i.digest, i.role) for i in summary.inputs] == [("mnist:v3", "d2", "dataset")]
    assert messages(run) == ["steps were logged more than once"]


def test_a_database_of_before_there_were_run_ids(tmp_path: Path) -> None:
    write_database(tmp_path / "digits.db", ROWS[:1], with_ids=False)
    (run,) = read_all(tmp_path).values()
    assert (run.summary.experiment, run.summary.name, points(run, "loss")) == ("digits", "run-a", [(0, 1.5)])
    assert len(run.summary.run_id) == 20


def test_the_first_databases_held_all_projects(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "trackio.db") as database:
        database.execute("CREATE TABLE metrics (timestamp, project_name, run_name, step, metrics)")
        for project in ("one", "two"):
            values = (TIMES[0], project, "run-a", 0, json.dumps({"loss": len(project) + (project == "two")}))
            database.execute("INSERT INTO metrics VALUES (?, ?, ?, ?, ?)", values)
    database.close()
    found = {run.summary.experiment: points(run, "loss") for run in (read_run(r)[0].run for r in find(tmp_path).runs)}
    assert found == {"one": [(0, 3)], "two": [(0, 4)]}


def test_what_is_still_in_the_journal_is_read_and_nothing_is_left_beside_the_database(tmp_path: Path) -> None:
    path = tmp_path / "digits.db"
    write_database(path, ROWS[:1])
    writer = sqlite3.connect(path)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("PRAGMA wal_autocheckpoint = 0")
    values = (ID, TIMES[1], "run-a", 1, '{"loss": 0.75}')
    writer.execute("INSERT INTO metrics (run_id, timestamp, run_name, step, metrics) VALUES (?, ?, ?, ?, ?)", values)
    writer.commit()
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir() if not file.name.endswith("-shm")}
    assert "digits.db-wal" in before
    (run,) = read_all(tmp_path).values()
    assert points(run, "loss") == [(0, 1.5), (1, 0.75)]
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir() if not file.name.endswith("-shm")} == before
    writer.close()


def test_databases_of_others_are_none(tmp_path: Path) -> None:
    for name, table in (("a.db", "CREATE TABLE metrics (key, value)"), ("b.db", "CREATE TABLE x (y)")):
        with sqlite3.connect(tmp_path / name) as database:
            database.execute(table)
        database.close()
    (tmp_path / "c.db").write_bytes(b"SQLite format 3\0" + bytes(200))
    (tmp_path / "d.db").write_bytes(b"no database")
    with sqlite3.connect(tmp_path / "view.db") as database:
        database.execute(
            "CREATE VIEW metrics AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)"
            " SELECT x AS run_name, x AS timestamp, x AS step, '{}' AS metrics FROM n"
        )
    database.close()
    with pytest.raises(SourceError, match="no run logs"):
        find(tmp_path)


def flatten(rows: list[tuple[int, dict[str, Any]]]) -> list[dict[str, Any]]:
    """Return rows as trackio exports them."""
    return [
        {"id": n, "run_id": ID, "timestamp": TIMES[n], "run_name": "run-a", "step": step, "log_id": str(n), **values}
        for n, (step, values) in enumerate(rows)
    ]


PLAIN: list[tuple[int, dict[str, Any]]] = [
    (0, {"loss": 1.5, "o": {"a": 1.0}, "text": None}),
    (1, {"loss": math.nan, "o": None, "text": "hello"}),
]


def write_parquets(folder: Path) -> None:
    """Write what trackio exports of the project `digits`."""
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(flatten(PLAIN)), folder / "digits.parquet")
    config = {"id": 1, "run_id": ID, "run_name": "run-a", "created_at": TIMES[1], "lr": 0.1, "_Created": TIMES[0]}
    pq.write_table(pa.Table.from_pylist([config]), folder / "digits_configs.parquet")
    system = {"id": 1, "run_id": ID, "run_name": "run-a", "timestamp": TIMES[1], "cpu": 12.5}
    pq.write_table(pa.Table.from_pylist([system]), folder / "digits_system.parquet")


def test_parquet_files_are_read_as_the_database_is(tmp_path: Path) -> None:
    write_parquets(tmp_path)
    (run,) = read_all(tmp_path).values()
    assert (run.summary.run_id, run.summary.experiment, run.summary.name) == (ID, "digits", "run-a")
    assert (run.summary.params, run.summary.start_time, run.summary.tags) == ({"lr": 0.1}, T0, {"text": "hello"})
    assert points(run, "loss")[0] == (0, 1.5)
    assert math.isnan(points(run, "loss")[1][1])
    assert (points(run, "o.a"), points(run, "system/cpu")) == ([(0, 1)], [(0, 12.5)])
    assert messages(run) == []


def test_an_export_for_a_static_space_is_called_after_its_folder(tmp_path: Path) -> None:
    write_parquets(tmp_path / "space")
    (tmp_path / "space" / "digits.parquet").rename(tmp_path / "space" / "metrics.parquet")
    (tmp_path / "space" / "aux").mkdir()
    (tmp_path / "space" / "digits_configs.parquet").rename(tmp_path / "space" / "aux" / "configs.parquet")
    (tmp_path / "space" / "digits_system.parquet").unlink()
    (tmp_path / "space" / "runs.json").write_text('[{"id": "x"}]')
    (run,) = read_all(tmp_path).values()
    assert (run.summary.experiment, run.summary.params) == ("space", {"lr": 0.1})


def test_a_database_goes_before_its_export(tmp_path: Path) -> None:
    write_database(tmp_path / "digits.db", ROWS)
    write_parquets(tmp_path)
    (run,) = read_all(tmp_path).values()
    assert points(run, "loss")[0] == (0, 1.5)
    assert [place.kind for ref in find(tmp_path).runs for place in ref.places] == ["trackio"]


def test_without_pyarrow_a_problem_names_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_parquets(tmp_path / "export")
    write_database(tmp_path / "other" / "digits.db", ROWS)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (problem,) = find(tmp_path).problems
    assert problem.where.endswith("export/digits.parquet")
    assert "reportgen[parquet]" in problem.hint


def test_other_parquet_files_are_none(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": [1, 2]}), tmp_path / "data.parquet")
    write_database(tmp_path / "digits.db", ROWS)
    assert len(find(tmp_path).runs) == 1
    assert find(tmp_path).problems == ()


def test_a_damaged_export_is_a_problem(tmp_path: Path) -> None:
    write_parquets(tmp_path / "export")
    write_database(tmp_path / "other" / "digits.db", ROWS)
    file = tmp_path / "export" / "digits.parquet"
    file.write_bytes(file.read_bytes()[:-4] + b"XXXX")
    (problem,) = find(tmp_path).problems
    assert "cannot be read" in problem.message


def test_a_damaged_database_in_trackios_folder_is_a_problem(tmp_path: Path) -> None:
    write_database(tmp_path / "trackio" / "digits.db", ROWS)
    write_database(tmp_path / "trackio" / "other.db", ROWS)
    file = tmp_path / "trackio" / "other.db"
    data = bytearray(file.read_bytes())
    data[100:2000] = bytes(1900)  # the list of its tables
    file.write_bytes(data)
    found = find(tmp_path)
    (problem,) = found.problems
    assert problem.where.endswith("trackio/other.db")
    assert "cannot be read" in problem.message
    assert found.runs


def test_rows_that_are_no_objects_are_counted(tmp_path: Path) -> None:
    write_database(tmp_path / "digits.db", ROWS[:1])
    with sqlite3.connect(tmp_path / "digits.db") as database:
        for metrics in ("[1]", "{", None, 7, b"\xff\xfe"):
            row = (ID, TIMES[1], "run-a", "x", metrics)
            database.execute(
                "INSERT INTO metrics (run_id, timestamp, run_name, step, metrics) VALUES (?, ?, ?, ?, ?)", row
            )
    database.close()
    (run,) = read_all(tmp_path).values()
    assert points(run, "loss") == [(0, 1.5)]
    assert sum(problem.count for problem in run.summary.problems if "no JSON object" in problem.message) == 5


@pytest.mark.parametrize("seed", range(4))
def test_random_damage_never_raises(tmp_path: Path, seed: int) -> None:
    generator = random.Random(seed)
    write_database(tmp_path / "whole" / "digits.db", [(n, {"loss": n, "t": "x" * 900}) for n in range(9)])
    write_parquets(tmp_path / "whole")
    names = ("digits.db", "digits.parquet", "digits_configs.parquet")
    whole = {name: (tmp_path / "whole" / name).read_bytes() for name in names}
    write_database(tmp_path / "damaged" / "sound" / "digits.db", ROWS)
    for number in range(30):
        folder = tmp_path / "damaged" / str(number)
        folder.mkdir()
        for name in names if number % 2 else names[1:]:
            data = bytearray(whole[name])
            for _ in range(generator.randrange(1, 9)):
                data[generator.randrange(len(data))] = generator.randrange(256)
            if generator.random() < 0.3:
                del data[generator.randrange(len(data)) :]
            (folder / name).write_bytes(data)
    for ref in find(tmp_path / "damaged").runs:
        read_run(ref)

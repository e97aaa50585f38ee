"""pytest-benchmark: saved files, where they lie, every statistic, and files that are others'."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.foreignruns import find, messages, read_one, rows, survives

COMMIT = "5b78858eb718649a31fb93d8dc96ca2cee41a4cd"
SAVED = f"0003_{COMMIT}_20150815_030157_uncommitted-changes.json"
STATS = {"min": 0.5, "max": 2.0, "mean": 1.0, "stddev": 0.1, "rounds": 3, "outliers": "1;2", "ops": 1.0}
ENTRY: dict[str, Any] = {
    "machine_info": {
        "node": "adas-laptop",
        "processor": "x86_64",
        "machine": "x86_64",
        "python_implementation": "CPython",
        "python_version": "3.11.7",
        "system": "Linux",
        "release": "6.1",
        "cpu": {"brand_raw": "Xeon", "count": 4, "flags": ["fpu"] * 500},
    },
    "commit_info": {
        "id": COMMIT,
        "time": "2026-03-01T12:00:00+02:00",
        "dirty": True,
        "project": "digits",
        "branch": "main",
    },
    "benchmarks": [
        {
            "name": "test_a[0]",
            "fullname": "tests/test_a.py::test_a[0]",
            "options": {"timer": "perf_counter", "warmup": False, "min_rounds": 5},
            "extra_info": {"size": 7, "backend": "numpy"},
            "stats": STATS | {"data": [0.5, 1.0, 2.0]},
        },
        {
            "name": "test_b",
            "fullname": "tests/test_a.py::test_b",
            "options": {"timer": "perf_counter", "warmup": True, "min_rounds": 5},
            "stats": STATS,
        },
    ],
    "datetime": "2026-03-01T10:30:00.250000+00:00",
    "version": "5.1.0",
}
TIME = 1772361000.25


def write(path: Path, entry: Any = ENTRY) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(entry if isinstance(entry, str) else json.dumps(entry, indent=4), encoding="utf-8")
    return path


def test_a_saved_file_below_the_hidden_folder(tmp_path: Path) -> None:
    write(tmp_path / "p" / ".benchmarks" / "Linux-CPython-3.11-64bit" / SAVED)
    run = read_one(tmp_path / "p")
    own = run.summary
    assert (own.experiment, own.name, own.status) == ("digits", "0003_5b78858e", "finished")
    assert (own.start_time, own.commit, own.branch, own.dirty) == (TIME, COMMIT, "main", True)
    assert run.code.commit_time == 1772359200.0
    assert own.params == {"options.timer": "perf_counter", "options.min_rounds": 5}
    name = "tests/test_a.py::test_a[0]"
    stats = {f"{name}/{stat}" for stat in STATS if stat != "outliers"}
    assert {key for key in run.series if key.startswith(name)} == stats | {f"{name}/data", f"{name}/extra_info/size"}
    assert rows(run, f"{name}/mean") == [(0, TIME, 1.0)]
    assert [(step, value) for step, _, value in rows(run, f"{name}/data")] == [(0, 0.5), (1, 1.0), (2, 2.0)]
    assert own.tags == {f"{name}/backend": "numpy"}
    assert run.env == {"python": "3.11.7 (CPython)", "platform": "Linux 6.1 x86_64", "cpu": "Xeon", "cpus": 4}
    assert messages(run) == []
    assert "adas-laptop" not in repr(run)


@pytest.mark.parametrize("where", ["out.json", "0001_mine.json", "sub/.benchmarks/m/0001_x.json"])
def test_where_files_lie(tmp_path: Path, where: str) -> None:
    bare = {**ENTRY, "commit_info": {"id": "unversioned", "dirty": False}}
    write(tmp_path / "p" / where, bare)
    write(tmp_path / "p" / "package.json", {"name": "benchmarks", "machine_info": 1})
    run = read_one(tmp_path / "p")
    assert run.summary.experiment == ("sub" if where.startswith("sub") else "p")
    assert (run.summary.name, run.summary.commit) == (Path(where).stem, "")


def test_keys_of_old_files_come_in_any_order(tmp_path: Path) -> None:
    entry = {key: ENTRY[key] for key in ("benchmarks", "datetime", "commit_info", "machine_info", "version")}
    assert len(find(write(tmp_path / "p" / SAVED, entry).parent).runs) == 1


def test_files_of_others_are_no_runs(tmp_path: Path) -> None:
    write(tmp_path / "a" / "0001_x.json", {"a": 1})
    write(tmp_path / "a" / "google.json", {"context": {"host_name": "x"}, "benchmarks": []})
    write(tmp_path / "b" / SAVED)
    assert len(find(tmp_path).runs) == 1


def test_what_is_wrong_is_counted_and_the_rest_is_read(tmp_path: Path) -> None:
    odd = [None, {"name": "x"}, {"fullname": "y", "stats": {"min": 1, "max": "high"}}]
    run = read_one(write(tmp_path / "p" / SAVED, {**ENTRY, "benchmarks": odd, "commit_info": None}))
    assert rows(run, "y/min") == [(0, TIME, 1.0)]
    assert sorted(problem.count for problem in run.summary.problems) == [1, 2]
    cut = read_one(write(tmp_path / "q" / SAVED, json.dumps(ENTRY)[:4000]))
    assert (cut.summary.status, len(messages(cut))) == ("unfinished", 1)


@pytest.mark.parametrize("rest", ["", json.dumps(ENTRY)[:5], "garbage"])
@pytest.mark.parametrize("where", ["", ".benchmarks/machine/"])
def test_a_saved_file_of_which_nothing_is_left_is_told(tmp_path: Path, where: str, rest: str) -> None:
    write(tmp_path / "a" / where / SAVED, rest)
    write(tmp_path / "b" / where / SAVED.replace("0003", "0004"))
    write(tmp_path / "b" / where / "0005_unversioned.json", rest)
    found = find(tmp_path)
    assert len(found.runs) == 1
    assert {problem.message for problem in found.problems} == {"the file holds no results of pytest-benchmark"}
    assert len(found.problems) == 2


def test_damage(tmp_path: Path) -> None:
    write(tmp_path / "sound" / SAVED)
    write(tmp_path / "sound" / ".benchmarks" / "m" / SAVED)
    survives(tmp_path / "sound", tmp_path / "damaged")

"""asv: both versions of its results, where they lie, units, and what is no result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.foreignruns import find, messages, read_all, read_one, rows, survives

HASH = "fcf8c079fae7ebad9f27bd31a819f0e4fdd85b99"
PARAMS = {"arch": "x86_64", "machine": "cheetah", "numpy": "1.8", "os": "Linux", "python": "3.11", "ram": "8G"}
OLD: dict[str, Any] = {
    "commit_hash": HASH,
    "date": 1367127519000,
    "params": PARAMS,
    "python": "3.11",
    "requirements": {"numpy": "1.8"},
    "results": {
        "time_a": 0.25,
        "time_b": None,
        "mem_p": {"params": [["1", "2"], ["'x'"]], "result": [10, None]},
        "time_ci": {"result": 3, "stats": [{"ci_99": [1, 5]}]},
    },
    "version": 1,
}
COLUMNS = ["result", "params", "version", "started_at", "duration", "stats_ci_99_a"]
NEW: dict[str, Any] = {
    **OLD,
    "env_name": "virtualenv-py3.11",
    "env_vars": {"OMP_NUM_THREADS": "1"},
    "result_columns": COLUMNS,
    "results": {
        "time_a": [[0.25], [], "v", 1700000000000, 1.5, [0.2]],
        "time_b": [None, []],
        "mem_p": [[10, None, float("nan"), 40], [["1", "2"], ["'x'", "'y'"]]],
    },
    "durations": {},
    "version": 2,
}
BENCHMARKS = {"time_a": {"unit": "seconds"}, "mem_p": {"unit": "bytes"}, "time_z": {"unit": "seconds"}, "version": 2}
MACHINE = {"machine": "cheetah", "os": "Linux", "version": 1}


def write(folder: Path, files: dict[str, Any]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content, indent=4), encoding="utf-8")
    return folder


def results(base: str = "", entry: Any = NEW) -> dict[str, Any]:
    return {
        f"{base}benchmarks.json": BENCHMARKS,
        f"{base}cheetah/machine.json": MACHINE,
        f"{base}cheetah/fcf8c079-virtualenv-py3.11.json": entry,
    }


def test_results_of_now(tmp_path: Path) -> None:
    run = read_one(write(tmp_path / "bench", results("results/")))
    own = run.summary
    assert (own.experiment, own.name, own.status) == ("bench", "fcf8c079-virtualenv-py3.11", "finished")
    assert (own.start_time, own.duration_s, own.commit) == (1367127519.0, 0.0, HASH)
    assert run.code.commit_time == 1367127519.0
    assert rows(run, "time_a") == [(0, 1367127519.0, 0.25)]
    assert rows(run, "mem_p(1, 'x')") == [(0, 1367127519.0, 10.0)]
    assert rows(run, "mem_p(2, 'y')") == [(0, 1367127519.0, 40.0)]
    assert set(run.series) == {"time_a", "mem_p(1, 'x')", "mem_p(2, 'y')"}
    matrix = {"machine": "cheetah", "numpy": "1.8", "python": "3.11"}
    assert own.params == {**matrix, "env_vars.OMP_NUM_THREADS": "1"}
    assert own.tags == {
        "machine": "cheetah",
        "environment": "virtualenv-py3.11",
        "benchmarks failed": "2",
        "benchmarks skipped": "1",
        "unit bytes": "mem_p",
        "unit seconds": "time_a",
    }
    packages = {"numpy": "1.8"}
    assert run.env == {"python": "3.11", "platform": "Linux x86_64", "packages": packages, "memory": "8G"}
    assert messages(run) == []


def test_results_of_the_first_version(tmp_path: Path) -> None:
    run = read_one(write(tmp_path / "bench", results("results/", OLD)))
    assert {name: rows(run, name)[0][2] for name in run.series} == {"time_a": 0.25, "mem_p(1, 'x')": 10, "time_ci": 3}
    assert run.summary.tags["benchmarks failed"] == "2"


@pytest.mark.parametrize(
    ("base", "source", "experiment"),
    [
        (".asv/results/", "", "digits"),
        ("results/", "", "digits"),
        ("data/results/", "", "data"),
        ("results/", "results/cheetah", "bench"),
        (".asv/results/", ".asv/results", "runs"),
    ],
)
def test_where_results_lie(tmp_path: Path, base: str, source: str, experiment: str) -> None:
    config = f'{{\n    // "project": "no",\n    "project": "digits",\n    "results_dir": "{base.rstrip("/")}"\n}}'
    folder = write(tmp_path / "bench", {"asv.conf.json": config, **results(base)})
    run = read_one(folder / source)
    if source:
        assert run.summary.experiment
    else:
        assert run.summary.experiment == experiment
    assert "time_a" in run.series


def test_a_configuration_leads_nowhere_else(tmp_path: Path) -> None:
    write(tmp_path / "outside", results())
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link").symlink_to(tmp_path / "outside")
    write(tmp_path / "in", results("results/"))
    for named in ("../outside", str(tmp_path / "outside"), "link", "."):
        write(tmp_path / "in", {"asv.conf.json": f'{{\n"results_dir": "{named}"\n}}'})
        (ref,) = find(tmp_path / "in").runs
        assert all(Path(file.path).is_relative_to(tmp_path / "in" / "results") for file in ref.places[0].files)


def test_what_is_no_result_is_told_and_passed_over(tmp_path: Path) -> None:
    folder = write(tmp_path / "bench", results("results/"))
    write(folder, {"results/cheetah/aaaaaaaa-py.json": "{\n not JSON", "results/cheetah/bbbbbbbb-py.json": {"date": 1}})
    found = find(folder)
    assert len(found.runs) == 1
    assert [p.where.rpartition("/")[2] for p in found.problems] == ["aaaaaaaa-py.json", "bbbbbbbb-py.json"]


def test_a_result_that_is_cut_is_a_run_with_a_problem(tmp_path: Path) -> None:
    run = read_one(write(tmp_path / "bench", results("results/", json.dumps(NEW)[:200])))
    assert (run.summary.status, len(messages(run))) == ("unfinished", 1)


def test_runs_of_several_commits_and_machines_have_ids_that_stay(tmp_path: Path) -> None:
    folder = write(tmp_path / "bench", results("results/"))
    (first,) = find(folder).runs
    more = {**NEW, "results": {"time_new": [[1.0], []]}}
    write(folder, {"results/cheetah/fcf8c079-virtualenv-py3.11.json": more, "results/lion/machine.json": MACHINE})
    write(folder, {"results/lion/fcf8c079-virtualenv-py3.11.json": NEW, "results/lion/0a1b2c3d-py.json": NEW})
    runs = find(folder).runs
    assert len(runs) == len({ref.run_id for ref in runs}) == 3
    assert first.run_id in {ref.run_id for ref in runs}
    assert set(read_all(folder)) == {"fcf8c079-virtualenv-py3.11", "0a1b2c3d-py"}


def test_damage(tmp_path: Path) -> None:
    sound = write(tmp_path / "sound", results("results/") | results("old/", OLD))
    survives(sound, tmp_path / "damaged")

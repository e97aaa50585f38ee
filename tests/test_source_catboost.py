"""CatBoost: the tables of one training are one run; what is damaged costs its own cells."""

from __future__ import annotations

from pathlib import Path

from tests.foreignruns import find, messages, read_one, rows, survives

TABLES = {
    "learn_error.tsv": "iter\tLogloss\n0\t0.5\n1\t0.25\n",
    "test_error.tsv": "iter\tLogloss\tAUC\n0\t0.75\t0.5\n1\t0.5\t0.625\n",
    "time_left.tsv": "iter\tPassed\tRemaining\n0\t500\t500\n1\t1000\t0\n",
    "catboost_training.json": "{}",
}


def write(folder: Path, **changed: str) -> Path:
    folder.mkdir(parents=True)
    for name, text in TABLES.items():
        (folder / name).write_text(changed.get(name.partition(".")[0], text))
    return folder


def test_a_training_is_one_run_called_after_its_folder(tmp_path: Path) -> None:
    folder = write(tmp_path / "deep" / "churn" / "catboost_info")
    for name in ("learn", "tmp"):
        (folder / name).mkdir()
    (ref,) = find(tmp_path).runs
    assert (ref.name, ref.experiment) == ("churn", "deep")
    run = read_one(tmp_path)
    assert [(step, value) for step, _, value in rows(run, "learn/Logloss")] == [(0, 0.5), (1, 0.25)]
    assert [(step, value) for step, _, value in rows(run, "test/AUC")] == [(0, 0.5), (1, 0.625)]
    assert [value for _, _, value in rows(run, "passed_time")] == [0.5, 1.0]
    assert (sorted(run.series), messages(run)) == (["learn/Logloss", "passed_time", "test/AUC", "test/Logloss"], [])


def test_what_is_wrong_is_counted_and_the_rest_is_read(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "a" / "catboost_info",
        learn_error="iter\tLogloss\n0\t0.5\nx\t0.25\n2\t?\n3\t0.125\n",
        time_left="?ter\tPassed\n0\t1\n",
    )
    run = read_one(folder)
    assert [(step, value) for step, _, value in rows(run, "learn/Logloss")] == [(0, 0.5), (2, None), (3, 0.125)]
    assert messages(run) == [
        "cells of `learn_error.tsv` are no numbers",
        "`time_left.tsv` has no column `iter`",
    ]


def test_damage_never_raises(tmp_path: Path) -> None:
    write(tmp_path / "sound" / "a" / "catboost_info")
    survives(tmp_path / "sound", tmp_path / "scratch")


def test_another_log_in_the_folder_is_another_run(tmp_path: Path) -> None:
    folder = write(tmp_path / "project")
    (folder / "log.csv").write_text("step,loss\n1,0.5\n2,0.25\n")
    assert len(find(folder).runs) == 2

"""DVCLive: the folders of all its versions, what is in them, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.foreignruns import find, messages, read_all, read_one, rows, survives


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    return folder


NEW = {
    "plots/metrics/loss.tsv": "step\tloss\n0\t1.5\n1\tnan\n3\t-inf\n",
    "plots/metrics/eval/loss.tsv": "step\tloss\n1\t2.5\n",
    "plots/metrics/val acc.tsv": "step\tval acc\n",
    "plots/images/0/cm.png": "png",
    "metrics.json": '{\n    "loss": 1.0,\n    "eval": {\n        "loss": 2.5,\n        "f1": 0.5},\n    "step": 3\n}',
    "params.yaml": "lr: 0.1\nopt:\n  name: adam\n  betas: [0.9, 0.99]\n",
    "dvc.yaml": "metrics:\n- metrics.json\n",
    "report.html": "<script>alert(1)</script>",
}
OLD = {
    "logs.json": '{"step": 2, "loss": 0.25, "epochs": 9}',
    "logs/loss.tsv": "timestamp\tstep\tloss\r\n1612345678901\t0\t0.5\r\n1612345679901\t2\t0.25\r\n",
    "logs/train/acc.tsv": "timestamp\tstep\tacc\r\n1612345678801\t0\t0.75\r\n",
}


def test_a_folder_of_now(tmp_path: Path) -> None:
    run = read_one(write(tmp_path / "project" / "first" / "dvclive", NEW).parent.parent)
    summary = run.summary
    assert (summary.experiment, summary.name, summary.status) == ("project", "first", "unfinished")
    assert rows(run, "loss") == [(0, None, 1.5), (1, None, None), (3, None, float("-inf"))]
    assert rows(run, "eval/loss") == [(1, None, 2.5)]
    assert rows(run, "eval/f1") == [(3, None, 0.5)]
    assert set(run.series) == {"loss", "eval/loss", "eval/f1"}
    assert summary.params == {"lr": 0.1, "opt.name": "adam", "opt.betas": "[0.9,0.99]"}
    assert summary.artifact_paths == ("plots/images/0/cm.png",)
    assert messages(run) == []


@pytest.mark.parametrize("root", ["plots/scalars", "scalars"])
def test_folders_of_the_versions_between(tmp_path: Path, root: str) -> None:
    run = read_one(write(tmp_path / "p", {f"{root}/a.tsv": "timestamp\tstep\ta\n1612345678901\t4\t2\n"}))
    assert rows(run, "a") == [(4, 1612345678.901, 2.0)]


def test_a_folder_of_before_1(tmp_path: Path) -> None:
    run = read_one(write(tmp_path / "p", OLD))
    assert (run.summary.experiment, run.summary.name) == ("p", "logs")
    assert rows(run, "loss") == [(0, 1612345678.901, 0.5), (2, 1612345679.901, 0.25)]
    assert rows(run, "train/acc") == [(0, 1612345678.801, 0.75)]
    assert rows(run, "epochs") == [(2, None, 9.0)]
    assert run.summary.start_time == 1612345678.801


def test_a_folder_of_before_1_without_its_summary(tmp_path: Path) -> None:
    run = read_one(write(tmp_path / "p", {"loss.tsv": OLD["logs/loss.tsv"]}))
    assert rows(run, "loss")[0] == (0, 1612345678.901, 0.5)


def test_only_the_summary_is_left(tmp_path: Path) -> None:
    run = read_one(write(tmp_path / "dvclive", {"metrics.json": NEW["metrics.json"]}))
    assert rows(run, "eval/loss") == [(3, None, 2.5)]


def test_a_run_keeps_its_id_while_it_grows_and_another_one_in_the_folder_has_its_own(tmp_path: Path) -> None:
    folder = write(tmp_path / "p", NEW)
    (before,) = find(folder).runs
    write(folder, {"plots/metrics/acc.tsv": "step\tacc\n9\t1\n", "metrics.json": '{\n    "step": 9}'})
    (after,) = find(folder).runs
    write(folder, {"params.yaml": "lr: 0.2\n"})
    (other,) = find(folder).runs
    assert before.run_id == after.run_id != other.run_id


def test_what_is_wrong_is_counted_and_the_rest_is_read(tmp_path: Path) -> None:
    bad = {
        "plots/metrics/loss.tsv": "step\tloss\n0\t1\nx\t2\n2\tlow\n3\t4\t5\n4\t0.",
        "plots/metrics/odd.tsv": "a\tb\n1\t2\n",
        "plots/metrics/stage.tsv": "step\tstage\n0\twarm up\n1\tcool down\n",
        "metrics.json": '{\n    "step": 1',
        "params.yaml": "a: 1\nb: [",
    }
    run = read_one(write(tmp_path / "dvclive", bad))
    assert rows(run, "loss") == [(0, None, 1.0), (1, None, 2.0), (2, None, None)]
    assert run.summary.tags == {"stage": "cool down"}
    assert run.summary.params["a"] == 1
    assert len(messages(run)) == 7


def test_other_tables_with_tabs_are_no_runs(tmp_path: Path) -> None:
    write(tmp_path, {"a/words.tsv": "step\tword\n1\tx\n", "a/metrics.json": '{"step": 1, "loss": 2}', **NEW})
    assert len(find(tmp_path).runs) == 1


def test_several_runs_side_by_side(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write(tmp_path / name, {"dvclive/plots/metrics/a.tsv": "step\ta\n0\t1\n"})
        write(tmp_path / "old", {k.replace("logs", name): v for k, v in OLD.items()})
    assert len(find(tmp_path).runs) == 4
    assert {run.summary.experiment for run in read_all(tmp_path / "old").values()} == {"old"}


def test_damage(tmp_path: Path) -> None:
    sound = write(tmp_path / "sound" / "dvclive", NEW).parent
    write(sound, OLD)
    survives(sound, tmp_path / "damaged")


def test_zero_bytes_behind_a_number_are_damage_that_is_told(tmp_path: Path) -> None:
    table = "step\tloss\n0\t1.5\n1\t0.5\0\0\0\n4\t0.25\n"
    run = read_one(write(tmp_path / "dvclive", NEW | {"plots/metrics/loss.tsv": table}))
    assert [(step, value) for step, _, value in rows(run, "loss") if value is not None] == [(0, 1.5), (4, 0.25)]
    assert len(messages(run)) == 1

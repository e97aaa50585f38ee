"""MLflow's file stores: facts, histories of every shape, deleted runs, registered models, faults and hostile ones."""

from __future__ import annotations

import math
import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reportgen.errors import SourceError
from reportgen.sources import discover, fingerprint
from reportgen.sources.faults import Faults
from reportgen.sources.kinds import Listing
from reportgen.sources.mlflow import KIND
from reportgen.sources.mlflow.facts import artifact_name, param_value, set_data
from reportgen.sources.mlflow.points import BLOCK_BYTES, parse_history
from reportgen.sources.options import SourceOptions
from reportgen.sources.statcache import StatCache
from tests.foreignruns import find, messages, read_all, read_one, rows, survives
from tests.mlflowlogs import T0, run_id, write_experiment, write_files, write_run, write_version

ALL = SourceOptions(mlflow_deleted=True)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with an experiment of two runs, the second nested in the first."""
    root = tmp_path / "tracking"
    experiment = write_experiment(root, "7", "bird songs")
    write_run(
        experiment,
        1,
        params={"lr": "0.1", "optimizer.name": "adam", "note": "two\nlines", "Best Trade ": "8.5", "empty": ""},
        metrics={"loss": "1700000001000 0.5 0\n1700000002000 0.25 1\n", "val/acc": "1700000002000 0.75 1\n"},
        tags={
            "mlflow.runName": "first",
            "mlflow.user": "ada",
            "mlflow.note.content": "# Better",
            "mlflow.source.name": "/home/ada/project/train.py",
            "mlflow.source.type": "LOCAL",
            "mlflow.source.git.commit": "a" * 40,
            "mlflow.source.git.branch": "main",
            "mlflow.source.git.dirty": "True",
            "mlflow.source.git.repoURL": "https://ada:secret@example.org/p.git",
            "mlflow.log-model.history": "[{}]",
            "stage": "candidate",
        },
        artifacts={"plots/a.txt": "picture", "model/MLmodel": "flavors: {}"},
    )
    write_run(experiment, 2, status=4, tags={"mlflow.runName": "second", "mlflow.parentRunId": run_id(1)})
    return root


def test_a_run_has_what_mlflow_knows_of_it(store: Path) -> None:
    runs = read_all(store)
    first, second = runs["first"], runs["second"]
    summary = first.summary
    assert (summary.run_id, summary.experiment, summary.status, summary.user) == (
        run_id(1),
        "bird songs",
        "finished",
        "ada",
    )
    assert dict(summary.params) == {
        "Best Trade ": 8.5,
        "empty": "",
        "lr": 0.1,
        "note": "two\nlines",
        "optimizer.name": "adam",
    }
    assert rows(first, "loss") == [(0, 1700000001.0, 0.5), (1, 1700000002.0, 0.25)]
    assert rows(first, "val/acc") == [(1, 1700000002.0, 0.75)]
    assert dict(summary.tags) == {"stage": "candidate"}
    assert first.notes == ("# Better",)
    code = first.code
    assert (code.commit, code.branch, code.dirty, code.entry) == ("a" * 40, "main", True, "train.py")
    assert code.remote == "https://example.org/p.git"
    assert (summary.start_time, summary.last_time) == (T0, T0 + 60)
    assert summary.artifact_paths == ("model/MLmodel", "plots/a.txt")
    assert messages(first) == []
    assert (second.summary.status, second.summary.parent_id) == ("failed", run_id(1))


def test_a_store_an_experiment_and_a_run_can_be_given(store: Path) -> None:
    whole = find(store)
    assert len(whole.runs) == 2
    for source in (store.parent, store / "7", store / "7" / run_id(1)):
        found = {ref.run_id: ref for ref in find(source).runs}
        assert found.keys() <= {ref.run_id for ref in whole.runs}
        assert found[run_id(1)].experiment == "bird songs"
        assert found[run_id(1)].name == "first"
    twice = find(store / "7" / run_id(1), store, store / "7")
    assert [len(ref.places) for ref in twice.runs] == [1, 1]
    assert twice == find(store, store / "7", store / "7" / run_id(1))
    assert read_all(store, store / "7" / run_id(1))["first"].summary == read_all(store)["first"].summary


def test_discovery_opens_no_metric_and_no_param(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    real = os.open

    def noting(path: Any, *args: Any, **options: Any) -> int:
        opened.append(str(path).replace("\\", "/"))
        return real(path, *args, **options)

    monkeypatch.setattr(os, "open", noting)
    assert len(find(store).runs) == 2
    assert any("/meta.yaml" in path for path in opened)
    assert [path for path in opened if "/metrics/" in path or "/params/" in path] == []


def test_experiments_without_runs_and_other_meta_files_are_no_runs(tmp_path: Path) -> None:
    write_experiment(tmp_path, "0", "Default")
    write_files(tmp_path / "recipe", {"meta.yaml": "package:\n  name: x\n  version: 1\n", "data/x.txt": "1"})
    with pytest.raises(SourceError, match="no run logs"):
        find(tmp_path)


@pytest.mark.parametrize(
    ("status", "expected"), [(1, "unfinished"), (2, "unfinished"), (3, "finished"), (4, "failed"), (5, "stopped")]
)
def test_status(tmp_path: Path, status: int, expected: str) -> None:
    write_run(write_experiment(tmp_path, "1", "e"), 1, status=status)
    assert read_one(tmp_path).summary.status == expected


def test_an_old_run_has_its_name_in_a_tag_and_its_commit_in_its_meta(tmp_path: Path) -> None:
    folder = write_run(write_experiment(tmp_path, "1", "e"), 1, tags={"mlflow.runName": "old"})
    (folder / "meta.yaml").write_text(
        f"artifact_uri: file:C:\\Users\\ada\\mlruns\\1\\{run_id(1)}\\artifacts\nend_time: null\nentry_point_name: ''\n"
        f"experiment_id: '1'\nlifecycle_stage: active\nname: ''\nrun_uuid: {run_id(1)}\nsource_name: C:\\p\\train.py\n"
        f"source_type: 4\nsource_version: {'b' * 40}\nstart_time: 1540000000000\nstatus: 1\ntags: []\nuser_id: bob\n"
    )
    run = read_one(tmp_path)
    assert (run.summary.name, run.summary.user, run.summary.status) == ("old", "bob", "unfinished")
    assert (run.code.commit, run.code.entry, run.summary.start_time) == ("b" * 40, "train.py", 1540000000.0)


def test_deleted_runs_and_experiments_are_left_out_unless_they_are_wanted(tmp_path: Path) -> None:
    experiment = write_experiment(tmp_path, "1", "e")
    write_run(experiment, 1)
    write_run(experiment, 2, deleted=True)
    write_run(write_experiment(tmp_path / ".trash", "2", "gone", deleted=True), 3, deleted=True)
    assert {ref.run_id for ref in find(tmp_path).runs} == {run_id(1)}
    everything = discover([tmp_path], cache=StatCache(None), options=ALL)
    assert {ref.run_id for ref in everything.runs} == {run_id(1), run_id(2), run_id(3)}


def test_the_metric_that_counts_in_an_experiment_is_told(tmp_path: Path) -> None:
    experiment = write_experiment(tmp_path, "1", "e")
    write_files(
        experiment / "tags",
        {
            "mlflow.experiment.primaryMetric.name": "acc",
            "mlflow.experiment.primaryMetric.greaterIsBetter": "True",
            "mlflow.note.content": "of all",
            "team": "blue",
        },
    )
    write_run(experiment, 1)
    assert dict(read_one(tmp_path).summary.tags) == {
        "mlflow.experiment.primaryMetric.greaterIsBetter": "True",
        "mlflow.experiment.primaryMetric.name": "acc",
    }


# ---- histories


def history(text: str) -> tuple[list[tuple[int, float, float]], list[str]]:
    faults = Faults("x")
    times, values, steps = parse_history(text.encode(), "m", faults)
    points = list(zip(steps.tolist(), times.tolist(), values.tolist(), strict=True))
    return points, [event["message"] for event in faults.events()]


def test_lines_have_two_or_three_fields_or_name_a_data_set() -> None:
    text = "1000000000000 0.5\n1000000001000 0.25 3\n1000000002000 0.125 4 my data set abc\n1000000003000 -inf 5 d 1\n"
    points = [(0, 1e9, 0.5), (3, 1e9 + 1, 0.25), (4, 1e9 + 2, 0.125), (5, 1e9 + 3, -math.inf)]
    assert history(text) == (points, [])
    assert history(text * 100) == (points * 100, [])
    assert history("1000000000000 1.5\n" * 500) == ([(0, 1e9, 1.5)] * 500, [])
    assert history("1000000000000 1.5 1\n".replace("\n", "\r\n") * 500) == ([(1, 1e9, 1.5)] * 500, [])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the history of metric `m` is empty"),
        ("1 0.5 0\n2 0.5", "the last line of metric `m` has no end: it was skipped"),
        ("1 0.5 0\n\n\nx y z\n", "a line of metric `m` is no time, value and step"),
        ("1 0.5 0\n2\n", "a line of metric `m` is no time, value and step"),
        ("1 0.5 0\n2 0.5 1.5\n", "a line of metric `m` is no time, value and step"),
        ("1 0.5 0\n2 0.5 99999999999999999999\n", "a line of metric `m` is no time, value and step"),
        ("1 0.5 0\nnan 0.5 1\n", "a line of metric `m` is no time, value and step"),
    ],
)
def test_what_is_no_point_is_counted_and_the_others_are_kept(text: str, message: str) -> None:
    assert history(text) == ([(0, 1.0, 0.5)] if text else [], [message])
    if text:
        points, said = history("1 0.5 0\n" * 400 + text)
        assert (points, said) == ([(0, 1.0, 0.5)] * 401, [message])


def test_large_steps_are_exact() -> None:
    step = 2**53 + 1
    text = f"1000 0.5 {step}\n" * 300
    assert {point[0] for point in history(text)[0]} == {step}


def test_long_histories_are_read_like_short_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(3)
    words = ["nan", "inf", "-inf", "0.1", "1e-300", "12345678.9", "-0.0"]
    lines = [f"{1700000000000 + i} {chance.choice(words)} {chance.randrange(-5, 10**9)}" for i in range(3000)]
    lines = [line + " d s x" if chance.random() < 0.3 else line for line in lines]
    data = "".join(f"{line}\n" for line in lines).encode()
    fast = parse_history(data, "m", Faults("x"))
    monkeypatch.setattr("reportgen.sources.mlflow.points._parse_uniform", lambda block: None)
    slow = parse_history(data, "m", Faults("x"))
    monkeypatch.setattr("reportgen.sources.mlflow.points.BLOCK_BYTES", 5000)
    pieces = parse_history(data, "m", Faults("x"))
    for one, other, third in zip(fast, slow, pieces, strict=True):
        np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(one, third)
    assert len(fast[0]) == 3000
    assert len(data) < BLOCK_BYTES


def test_a_fault_has_its_line_in_a_long_history() -> None:
    faults = Faults("x")
    parse_history(b"1 0.5 0\n" * 700 + b"what\n" + b"1 0.5 0\n", "m", faults)
    assert [event["line"] for event in faults.events()] == [701]


def test_a_metric_that_was_logged_without_steps_is_counted_by_time(tmp_path: Path) -> None:
    text = "1700000002000 0.25 0\n1700000001000 0.5 0\n1700000003000 nan 0\n"
    write_run(write_experiment(tmp_path, "1", "e"), 1, metrics={"loss": text})
    run = read_one(tmp_path)
    assert rows(run, "loss") == [(0, 1700000001.0, 0.5), (1, 1700000002.0, 0.25), (2, 1700000003.0, None)]
    assert messages(run) == []


def test_a_line_that_comes_twice_is_one_point(tmp_path: Path) -> None:
    """MLflow 3 writes a metric that belongs to a model twice, at one time."""
    experiment = write_experiment(tmp_path / "mlruns", "1", "wine")
    write_run(experiment, 1, metrics={"once": "1700000000000 2.5 0\n" * 2, "two": "1700000000000 nan 0\n" * 3})
    run = read_one(tmp_path)
    assert rows(run, "once") == [(0, 1.7e9, 2.5)]
    assert rows(run, "two") == [(0, 1.7e9, None)]
    assert messages(run) == []


@pytest.mark.parametrize("rest", ["", "artifact_location: file:///x", "\0" * 50])
def test_an_experiment_that_no_longer_says_what_it_is_keeps_its_runs(tmp_path: Path, rest: str) -> None:
    for number in ("1", "2"):
        write_run(write_experiment(tmp_path / "mlruns", number, f"e{number}"), int(number), params={"lr": "0.1"})
    (tmp_path / "mlruns" / "2" / "meta.yaml").write_text(rest)
    found = find(tmp_path)
    assert sorted(ref.experiment for ref in found.runs) == ["2", "e1"]
    assert [problem.message for problem in found.problems] == ["it does not say which experiment this is"]


def test_the_last_point_of_a_step_is_the_one_that_mlflow_takes(tmp_path: Path) -> None:
    text = "1700000003000 3.0 2\n1700000002000 9.0 1\n1700000002000 1.0 1\n1700000001000 20.0 1\n"
    write_run(write_experiment(tmp_path, "1", "e"), 1, metrics={"loss": text})
    run = read_one(tmp_path)
    assert rows(run, "loss") == [(1, 1700000002.0, 9.0), (2, 1700000003.0, 3.0)]
    assert messages(run) == ["steps were logged more than once"]
    assert run.summary.problems[0].count == 2


def test_a_value_that_was_logged_again_at_its_step_is_no_problem(tmp_path: Path) -> None:
    text = "1000000001000 1 5\n1000000002000 1 5\n1000000003000 nan 9\n1000000004000 nan 9\n1000000001000 0 4\n"
    write_run(write_experiment(tmp_path, "1", "e"), 1, metrics={"epoch": text})
    run = read_one(tmp_path)
    assert rows(run, "epoch") == [(4, 1e9 + 1, 0.0), (5, 1e9 + 2, 1.0), (9, 1e9 + 4, None)]
    assert messages(run) == []


# ---- params


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.1", 0.1),
        ("1e-05", 1e-5),
        ("1e-3", 1e-3),
        ("2.50e-4", 2.5e-4),
        ("12", 12),
        ("-3", -3),
        ("True", True),
        ("None", None),
        ("1.10", "1.10"),
        ("007", "007"),
        ("12e4567", "12e4567"),
        ("1e10", "1e10"),
        ("9" * 40, "9" * 40),
        ("nan", "nan"),
        ("[1, 2]", "[1, 2]"),
        ("true", "true"),
        ("", ""),
        ("1\n", "1\n"),
        ("٣", "٣"),
    ],
)
def test_a_param_is_a_number_where_its_text_says_so(text: str, value: object) -> None:
    assert repr(param_value(text)) == repr(value)


# ---- data sets and models


def test_data_sets_are_inputs(tmp_path: Path) -> None:
    experiment = write_experiment(tmp_path, "1", "e")
    run = write_run(experiment, 1)
    write_files(
        run / "inputs",
        {
            "i1/meta.yaml": "source_id: d1\nsource_type: DATASET\ntags:\n  mlflow.data.context: train\n",
            "i2/meta.yaml": "source_id: d2\nsource_type: DATASET\ntags: {}\n",
            "i3/meta.yaml": "source_id: m-1\nsource_type: MODEL\ntags: {}\n",
        },
    )
    described = "digest: abc\nname: songs\nprofile: '{\"rows\": 3}'\nschema: null\n"
    write_files(
        experiment / "datasets",
        {
            "d1/meta.yaml": described + 'source: \'{"url": "https://u:p@example.org/x.csv"}\'\nsource_type: http\n',
            "d2/meta.yaml": described + 'source: \'{"uri": "/home/ada/x.csv"}\'\nsource_type: local\n',
        },
    )
    run_ = read_one(tmp_path)
    assert [(own.name, own.digest, own.source, own.role) for own in run_.summary.inputs] == [
        ("songs", "abc", "x.csv", ""),
        ("songs", "abc", "https://example.org/x.csv", "train"),
    ]
    assert messages(run_) == []
    alone = read_one(run)
    assert alone.summary.inputs == ()
    assert messages(alone) == ["the description of a data set is missing"]


@pytest.mark.parametrize(
    ("kind", "source", "expected"),
    [
        ("s3", '{"uri": "s3://bucket/x"}', "s3://bucket/x"),
        ("hf", '{"path": "rajpurkar/squad", "revision": "v1"}', "rajpurkar/squad@v1"),
        ("local", '{"uri": "file:///home/ada/x%20y.csv"}', "x y.csv"),
        ("local", '{"uri": "C:\\\\data\\\\x.csv"}', "x.csv"),
        ("code", '{"tags": {"mlflow.user": "ada"}}', ""),
        ("local", "{broken", "{broken"),
        ("local", "[1]", "[1]"),
        ("", "", ""),
    ],
)
def test_the_source_of_a_data_set_names_no_folder_of_the_writers_machine(kind: str, source: str, expected: str) -> None:
    assert set_data("n", "d", "", kind, source).source == expected


def test_registered_models_are_lines_of_the_run_that_made_them(store: Path) -> None:
    source = f"file:///elsewhere/7/{run_id(1)}/artifacts/model"
    write_version(store, "singer", 1, run_id(1), source, stage="Production")
    write_version(store, "singer", 2, run_id(1), "models:/m-1")
    write_files(store / "models" / "singer" / "aliases", {"best": "1", "newest": "2"})
    summary = read_all(store)["first"].summary
    assert [(own.name, own.version, own.aliases, own.files) for own in summary.models] == [
        ("singer", "1", ("Production", "best"), ("model/MLmodel",)),
        ("singer", "2", ("newest",), ()),
    ]
    assert find(store).problems == ()


def test_models_of_no_run_that_is_here_are_problems(store: Path) -> None:
    write_version(store, "singer", 1, "", "/tmp/model")
    write_version(store, "singer", 2, run_id(9), "/tmp/model")
    assert [(own.where, own.message) for own in find(store).problems] == [
        ("singer/version-1/meta.yaml", "version 1 of the model 'singer' is of no run: it is not shown"),
        (
            "singer/version-2/meta.yaml",
            "version 2 of the model 'singer' is of a run that is deleted or not here: it is not shown",
        ),
    ]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (f"/a/b/{run_id(1)}/artifacts/model", "model"),
        (f"file:C:\\a\\{run_id(1)}\\artifacts\\model\\sub", "model/sub"),
        (f"runs:/{run_id(1)}/model", "model"),
        (f"mlflow-artifacts:/0/{run_id(1)}/artifacts", ""),
        (f"/a/{run_id(2)}/artifacts/model", ""),
        ("", ""),
    ],
)
def test_an_address_of_an_artifact_is_understood_wherever_its_store_was(address: str, expected: str) -> None:
    assert artifact_name(address, run_id(1)) == expected


# ---- changes and faults


def test_every_file_of_a_run_counts_in_its_fingerprint(store: Path) -> None:
    def marks() -> tuple[str, ...]:
        ref = next(ref for ref in find(store).runs if ref.run_id == run_id(1))
        return fingerprint(ref, StatCache(None))

    run = store / "7" / run_id(1)
    seen = {marks()}
    for file in ("metrics/val/acc", "params/lr", "tags/stage", "meta.yaml", "../meta.yaml", "artifacts/plots/a.txt"):
        path = run / file
        path.write_bytes(path.read_bytes() + b" ")
        seen.add(marks())
    write_version(store, "singer", 1, run_id(1), "")
    seen.add(marks())
    assert len(seen) == 8


@pytest.mark.parametrize("meta", [None, b"", b"\0\0\0", b"run_id: [", b"- a\n- b\n"])
def test_a_run_without_a_sound_meta_file_is_shown_with_what_is_left(store: Path, meta: bytes | None) -> None:
    file = store / "7" / run_id(1) / "meta.yaml"
    if meta is None:
        file.unlink()
    else:
        file.write_bytes(meta)
    run = read_all(store)["first"]
    assert run.summary.run_id == run_id(1)
    assert run.summary.params["lr"] == 0.1
    assert run.summary.status == "unfinished"
    assert len(messages(run)) == 1
    assert "meta.yaml" in messages(run)[0]


def test_what_cannot_be_read_costs_nothing_else(store: Path) -> None:
    run = store / "7" / run_id(1)
    (run / "params" / "huge").write_bytes(b"x" * (2 << 20))
    (run / "tags" / "odd").write_bytes(b"\xff\xfe")
    (run / "metrics" / "loss").write_bytes(b"\0" * 5000)
    found = read_all(store)["first"]
    assert found.summary.params["lr"] == 0.1
    assert found.summary.tags["odd"] == "\ufffd\ufffd"
    assert sorted(messages(found)) == [
        "a line of metric `loss` is no time, value and step",
        "param `huge` cannot be read: it has more than 1 MB",
    ]


def test_links_are_not_followed(store: Path, tmp_path: Path) -> None:
    write_files(tmp_path / "away", {"artifacts/secret.txt": "s", "params/p": "1", "d1/meta.yaml": "name: x\n"})
    outside = write_run(write_experiment(tmp_path / "other", "1", "other"), 5)
    second = store / "7" / run_id(2)
    (second / "artifacts").symlink_to(tmp_path / "away" / "artifacts")
    (second / "params").symlink_to(tmp_path / "away" / "params")
    write_files(second / "inputs", {"i/meta.yaml": "source_id: d1\nsource_type: DATASET\n"})
    (store / "7" / "datasets").symlink_to(tmp_path / "away")
    (store / "7" / run_id(5)).symlink_to(outside)
    runs = read_all(store)
    assert sorted(runs) == ["first", "second"]
    assert runs["second"].summary.artifact_paths == ()
    assert runs["second"].summary.params == {}
    assert runs["second"].summary.inputs == ()


def test_a_run_with_endless_files_is_cut(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reportgen.sources.mlflow.files.MAX_FILES", 3)
    run = read_all(store)["first"]
    assert len(run.summary.params) == 3
    assert messages(run) == ["the run has more than 3 files: not all were read"]


def test_the_claim_accounts_for_all_that_is_mlflows(store: Path) -> None:
    write_version(store, "singer", 1, run_id(1), "")
    (store / "8" / run_id(7) / "artifacts").mkdir(parents=True)  # of a run that a database has
    claim = KIND.claim(Listing(str(store), ("tracking",), (), ("7", "8", "models", "other")))
    assert claim is not None
    assert claim.folders == {"7", "8", "models"}
    assert KIND.claim(Listing(str(store.parent), ("x",), (), ("tracking",))) is None


def test_damage_costs_no_more_than_what_it_hits(store: Path, tmp_path: Path) -> None:
    write_version(store, "singer", 1, run_id(1), "")
    survives(store, tmp_path / "scratch", 80)

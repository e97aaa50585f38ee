"""JSON lines and CSV of unknown origin: which are logs, what their columns are, and which are left alone."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from reportgen.errors import SourceError
from reportgen.sources import discover, read_run
from reportgen.sources.options import SourceOptions, TableMapping
from reportgen.sources.statcache import StatCache
from reportgen.sources.tables import reading
from reportgen.sources.tables.rows import Rows
from tests.foreignruns import find, messages, read_all, read_one, rows, survives

T0 = 1_700_000_000


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def lines(*objects: object) -> str:
    return "".join(json.dumps(one) + "\n" for one in objects)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("log.csv", f"iter,ts,loss,note\n10,{T0},2.5,a\n20,{T0 + 1},1.5,a\n"),
        ("log.tsv", f"iter\tts\tloss\n10\t{T0 * 1000}\t2.5\n20\t{T0 * 1000 + 1000}\t1.5\n"),
        ("log.jsonl", lines({"iter": 10, "ts": T0, "loss": 2.5}, {"iter": 20, "ts": T0 + 1, "loss": 1.5})),
        (
            "log.json",
            lines(
                {"iter": 10, "ts": "2023-11-14T22:13:20Z", "loss": 2.5},
                {"iter": 20, "ts": "2023-11-14T23:13:21+01:00", "loss": 1.5},
            ),
        ),
        ("log.csv", "iter;ts;loss\n10;2023-11-14 22:13:20;2.5\n20;2023-11-14 22:13:21;1.5\n"),
    ],
)
def test_a_table_with_steps_is_a_run(tmp_path: Path, name: str, text: str) -> None:
    run = read_one(write(tmp_path / "e" / "r", {name: text, "config.json": '{"lr": 0.5}'}).parent)
    assert (run.summary.experiment, run.summary.name) == ("e", "r")
    assert rows(run, "loss") == [(10, float(T0), 2.5), (20, T0 + 1.0, 1.5)]
    assert set(run.series) == {"loss"}
    assert run.summary.params == {"lr": 0.5}
    assert messages(run) == []


def test_several_tables_of_a_folder_are_several_runs(tmp_path: Path) -> None:
    text = "step,loss\n0,1.5\n1,0.5\n"
    runs = read_all(write(tmp_path / "sweep", {"a.csv": text, "b.csv": text}))
    assert {name: run.summary.experiment for name, run in runs.items()} == {"a": "sweep", "b": "sweep"}


def test_a_column_names_the_runs(tmp_path: Path) -> None:
    text = "run,step,loss\nx,0,1.5\ny,0,2.5\nx,1,0.5\n"
    runs = read_all(write(tmp_path / "sweep", {"all.csv": text}))
    assert sorted(runs) == ["x", "y"]
    assert rows(runs["x"], "loss") == [(0, None, 1.5), (1, None, 0.5)]


def test_a_step_that_begins_again_is_another_run(tmp_path: Path) -> None:
    text = "step,loss\n0,4\n1,3\n2,2\n0,9\n1,8\n1,7\n"
    runs = read_all(write(tmp_path / "e" / "r", {"l.csv": text}).parent)
    assert sorted(runs) == ["l 1", "l 2"]
    assert rows(runs["l 2"], "loss") == [(0, None, 9.0), (1, None, 7.0)]


def test_a_leaderboard_is_a_run_a_line(tmp_path: Path) -> None:
    rows_ = [{"model": m, "config": {"lr": 0.1, "opt": "adam"}, "results": {"f1": 0.5}, "seed": 1} for m in "ab"]
    runs = read_all(write(tmp_path / "board", {"board.jsonl": lines(*rows_)}))
    assert sorted(runs) == ["a", "b"]
    assert runs["a"].summary.params == {"config/lr": 0.1, "config/opt": "adam", "seed": 1}
    assert rows(runs["a"], "results/f1") == [(0, None, 0.5)]
    assert runs["a"].summary.status == "finished"


EXPORTS = {
    "wandb": '"Name","State","User","Created","Runtime","lr","optimizer","val/acc"\n'
    '"soft-sun-1","finished","ada","2024-01-10T12:00:00.000Z","3500","0.001","adam","0.91234"\n'
    '"warm-dew-2","crashed","ada","2024-01-10T13:00:00.000Z","120","0.01","sgd","0.51234"\n',
    "mlflow": "run_id,experiment_id,status,artifact_uri,start_time,end_time,metrics.val/acc,params.lr,params.optimizer,"
    "tags.mlflow.runName,tags.mlflow.user\n"
    "0b1c,1,FINISHED,file:///0b1c,2024-01-10 12:00:00+00:00,2024-01-10 12:10:00+00:00,0.91234,0.001,adam,soft-sun-1,a\n"
    "0b1d,1,FAILED,file:///x/0b1d,2024-01-10 13:00:00+00:00,2024-01-10 13:10:00+00:00,0.51234,0.01,sgd,warm-dew-2,a\n",
    "names": "run,lr,optimizer,status,val/acc,time\n"
    "soft-sun-1,0.001,adam,done,0.91234,2024-01-10T12:00:00Z\nwarm-dew-2,0.01,sgd,failed,0.51234,2024-01-10T13:00:00Z\n",
}


@pytest.mark.parametrize("name", EXPORTS)
def test_exported_tables_of_runs_are_a_run_a_row(tmp_path: Path, name: str) -> None:
    runs = read_all(write(tmp_path / "sweep", {"export.csv": EXPORTS[name]}))
    assert {run.summary.status for run in runs.values()} == {"finished", "failed"}
    run = runs["soft-sun-1"]
    metric = "metrics.val/acc" if name == "mlflow" else "val/acc"
    assert rows(run, metric) == [(0, 1704888000.0, 0.91234)]
    assert {key.removeprefix("params."): value for key, value in run.summary.params.items()} == {
        "lr": 0.001,
        "optimizer": "adam",
    }
    assert run.summary.metrics.keys() <= {metric, "Runtime"}
    assert run.summary.duration_s == {"wandb": 3500, "mlflow": 600, "names": 0}[name]


def test_results_that_begin_as_settings_do_are_metrics(tmp_path: Path) -> None:
    text = "run,max_depth,n_heads,max_reward,n_correct\na,3,8,0.5,7\nb,4,8,0.75,9\n"
    run = read_all(write(tmp_path / "sweep", {"runs.csv": text}))["b"]
    assert run.summary.params == {"max_depth": 4, "n_heads": 8}
    assert rows(run, "max_reward") == [(0, None, 0.75)] and rows(run, "n_correct") == [(0, None, 9.0)]


def test_the_trials_of_a_study_are_a_run_a_row(tmp_path: Path) -> None:
    text = (
        ",number,value,datetime_start,datetime_complete,duration,params_lr,state\n"
        "0,0,0.71234,2024-01-10 12:00:00.1,2024-01-10 12:10:00.2,0 days 00:10:00,0.1,COMPLETE\n"
        "1,1,0.81234,2024-01-10 12:10:00.1,2024-01-10 12:20:00.2,0 days 00:10:00,0.2,RUNNING\n"
    )
    runs = read_all(write(tmp_path / "study", {"trials.csv": text}))
    first, second = runs["trials 1"], runs["trials 2"]
    assert (first.summary.params, first.summary.status) == ({"params_lr": 0.1}, "finished")
    assert (list(second.summary.metrics), second.summary.status) == (["value"], "unfinished")


def test_a_table_of_models_is_a_run_a_row_when_it_is_named(tmp_path: Path) -> None:
    folder = write(tmp_path / "board", {"scores.csv": "model,epochs,accuracy\nvit,9,0.91234\nmlp,8,0.81234\n"})
    with pytest.raises(SourceError, match="no run logs"):
        find(folder)
    runs = read_all(folder / "scores.csv")
    assert {name: rows(run, "accuracy") for name, run in runs.items()} == {
        "vit": [(9, None, 0.91234)],
        "mlp": [(8, None, 0.81234)],
    }


DATA_SETS = {
    "iris.csv": "sepal_length,sepal_width,species\n5.1,3.5,setosa\n4.9,3.0,setosa\n",
    "prices.csv": "Date,Open,High,Low,Close,Volume\n2020-01-01,1,2,3,4,5\n2020-01-02,1,2,3,4,5\n",
    "sensors.csv": "timestamp,temperature,humidity\n1700000000,20.5,40\n1700000060,20.6,41\n",
    "paysim.csv": "step,type,amount,nameOrig,nameDest\n1,PAYMENT,9.5,C1,M1\n1,TRANSFER,181.0,C2,M2\n",
    "many.csv": "step,x,y\n" + "".join(f"1,{i},{i}\n" for i in range(40)),
    "falling.csv": "step,x\n" + "".join(f"{9 - i},{i}\n" for i in range(10)),
    "people.jsonl": lines({"name": "Ada", "age": 36}, {"name": "Bob", "age": 40}),
    "qa.jsonl": lines({"id": "1", "question": "why?", "score": 1.5}, {"id": "2", "question": "x" * 200, "score": 2}),
    "package.json": '{"name": "x", "version": 1}',
    "words.txt": "step by step\n",
    "notes.log": "epoch 1 loss 2\n",
    "empty.csv": "",
    "header.csv": "step,loss\n",
    "times.jsonl": lines({"time": float("nan"), "val": 1}, {"time": float("nan"), "val": 2}),
    "events.json": lines({"level": "info", "time": T0, "msg": "x"}, {"level": "info", "time": T0 + 1, "msg": "y"}),
}


@pytest.mark.parametrize("name", DATA_SETS)
def test_a_data_set_is_no_run_and_no_problem(tmp_path: Path, name: str) -> None:
    write(tmp_path / "data", {name: DATA_SETS[name]})
    write(tmp_path / "run", {"log.csv": "step,loss\n0,1\n1,2\n"})
    found = find(tmp_path)
    assert [ref.name for ref in found.runs] == ["run"]
    assert found.problems == ()


def test_a_file_that_is_named_is_taken_if_it_can_be(tmp_path: Path) -> None:
    write(tmp_path, DATA_SETS | {"bare.csv": "a,b\n1,2\n3,4\n"})
    assert rows(read_one(tmp_path / "bare.csv"), "b") == [(0, None, 2.0), (1, None, 4.0)]
    with pytest.raises(SourceError, match="sniff"):
        find(tmp_path / "words.txt")


def test_a_mapping_is_trusted(tmp_path: Path) -> None:
    write(tmp_path / "s", {"prices.csv": DATA_SETS["prices.csv"], "other.csv": DATA_SETS["iris.csv"]})
    mapping = TableMapping(("price*.csv",), time="Date", skip=("Volume",))
    found = discover([tmp_path / "s"], cache=StatCache(None), options=SourceOptions((mapping,)))
    ((read,),) = (read_run(ref) for ref in found.runs)
    assert set(read.run.series) == {"Open", "High", "Low", "Close"}
    assert rows(read.run, "Close") == [(0, 1577836800.0, 4.0), (1, 1577923200.0, 4.0)]


def test_a_mapping_of_rows_that_are_runs(tmp_path: Path) -> None:
    write(tmp_path / "s", {"deep/board.csv": "who,team,auc,opt\na,x,0.5,adam\nb,y,0.25,sgd\n"})
    mapping = TableMapping(("deep/*.csv",), name="who", experiment="team", rows="runs")
    found = discover([tmp_path / "s"], cache=StatCache(None), options=SourceOptions((mapping,)))
    assert sorted((ref.experiment, ref.name) for ref in found.runs) == [("x", "a"), ("y", "b")]
    runs = {ref.name: read_run(ref)[0].run for ref in found.runs}
    assert rows(runs["b"], "auc") == [(0, None, 0.25)]
    assert runs["b"].summary.params == {"opt": "sgd"}


def test_a_folder_of_data_is_passed_over_with_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for number in range(1200):
        (folder / f"{number:04}.csv").write_text("a,b\n1,2\n")
    write(tmp_path / "run", {"log.csv": "step,loss\n0,1\n1,2\n"})
    found = find(tmp_path)
    assert [problem.message for problem in found.problems] == [
        "200 tables were not looked into: the first 1000 of the folder are no run logs"
    ]


@pytest.mark.slow
def test_a_folder_with_a_hundred_thousand_files_is_passed_in_time(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for number in range(100_000):
        os.close(os.open(folder / f"{number}.csv", os.O_CREAT | os.O_WRONLY))
    write(tmp_path / "run", {"log.csv": "step,loss\n0,1\n1,2\n"})
    begin = time.perf_counter()
    assert len(find(tmp_path).runs) == 1
    assert time.perf_counter() - begin < 60


def test_lines_that_are_wrong_are_counted(tmp_path: Path) -> None:
    good = lines({"step": 0, "loss": 1.5}, {"step": 1, "loss": float("nan")}, {"step": 2, "loss": 0.5})
    text = good + "\n[1]\n" + '{"step": 3, "loss": ' + "\n" + '{"step": 4, "loss": 2.5}\n{"step": 5, "lo'
    run = read_one(write(tmp_path / "e" / "r", {"l.jsonl": text}).parent)
    assert rows(run, "loss") == [(0, None, 1.5), (1, None, None), (2, None, 0.5), (4, None, 2.5)]
    assert sorted(messages(run)) == ["a line is no JSON", "a line is no JSON object", "the last line was cut"]


def test_huge_numbers_and_deep_rows_are_survived(tmp_path: Path) -> None:
    deep = '{"step": 1, "loss": 2, "x": ' + '{"a": ' * 500 + "1" + "}" * 501 + "\n"
    text = lines({"step": 0, "loss": 1}) + deep + '{"step": 99999999999999999999999, "loss": 1' + "0" * 400 + "}\n"
    run = read_one(write(tmp_path / "e" / "r", {"l.jsonl": text}).parent)
    assert [value for _, _, value in rows(run, "loss")][:2] == [1.0, 2.0]


def test_damage(tmp_path: Path) -> None:
    sound = write(
        tmp_path / "sound",
        {
            "a/l.jsonl": lines({"step": 0, "loss": 1.5, "x": {"y": 2}}, {"step": 1, "loss": float("nan")}),
            "b/l.csv": 'step,loss,note\n0,1.5,"a, b"\n1,2.5,c\n',
            "b/args.yaml": "lr: 0.1\nopt: [a, b]\n",
            "c/board.jsonl": lines({"model": "a", "f1": 0.5}, {"model": "b", "f1": 0.25}),
        },
    )
    survives(sound, tmp_path / "scratch", 120)


def test_a_column_of_text_beside_losses_does_not_hide_a_log(tmp_path: Path) -> None:
    text = "Epoch,Training Loss,Validation Loss,Learnable Weights\n1,4.03,1.92,[0.93  0.80]\n2,1.22,0.57,[0.90  0.64]\n"
    run = read_one(write(tmp_path / "e" / "r", {"training_log.csv": text}).parent)
    assert rows(run, "Validation Loss") == [(1, None, 1.92), (2, None, 0.57)]
    assert run.summary.tags == {}


def test_cells_that_are_no_numbers_are_counted(tmp_path: Path) -> None:
    text = "step,loss,acc\n" + "".join(f"{i},{0.5 + i},{'None' if i == 2 else 0.25}\n" for i in range(6))
    run = read_one(write(tmp_path / "e" / "r", {"log.csv": text.replace("3.5", "3/5")}).parent)
    assert [step for step, _, _ in rows(run, "loss")] == [0, 1, 2, 4, 5]
    assert [step for step, _, _ in rows(run, "acc")] == [0, 1, 3, 4, 5]
    assert messages(run) == ["values of `loss` are no numbers"]


def test_what_was_never_written_is_counted(tmp_path: Path) -> None:
    text = "step,loss\n0,1.5\n1,0.5\n2,0." + "\0" * 4096
    run = read_one(write(tmp_path / "e" / "r", {"log.csv": text}).parent)
    assert rows(run, "loss") == [(0, None, 1.5), (1, None, 0.5)]
    assert messages(run) == ["a line holds zero bytes"]


def test_an_array_of_rows_is_read_as_json_lines_are(tmp_path: Path) -> None:
    history = [{"loss": 2.0, "epoch": 0.5, "step": 5}, {"eval_loss": 1.5, "step": 5}, {"loss": 1.0, "step": 10}]
    run = read_one(write(tmp_path / "a", {"log_history.json": json.dumps(history, indent=2)}))
    assert [(step, value) for step, _, value in rows(run, "loss")] == [(5, 2.0), (10, 1.0)]
    assert [(step, value) for step, _, value in rows(run, "eval_loss")] == [(5, 1.5)]


@pytest.mark.parametrize(
    ("document", "metrics"),
    [
        ({"loss": [3.0, 2.0], "val_loss": [2.5, None]}, {"loss": [3.0, 2.0], "val_loss": [2.5]}),
        (
            {"loss": {"0": 3.0, "1": 2.0}, "accuracy": {"0": 0.5, "1": 0.75}},
            {"loss": [3.0, 2.0], "accuracy": [0.5, 0.75]},
        ),
        (
            {"train": {"rmse": [3.0, 2.0]}, "valid": {"rmse": [4.0, 3.5]}},
            {"train/rmse": [3.0, 2.0], "valid/rmse": [4.0, 3.5]},
        ),
        ({"history": {"loss": [3.0, 2.0]}, "test_accuracy": 0.5}, {"loss": [3.0, 2.0], "test_accuracy": [0.5]}),
    ],
)
def test_lists_side_by_side_are_a_run(tmp_path: Path, document: object, metrics: dict[str, list[float]]) -> None:
    run = read_one(write(tmp_path / "a", {"history.json": json.dumps(document)}))
    assert {name: [value for _, _, value in rows(run, name)] for name in run.series} == metrics
    assert [step for step, _, _ in rows(run, next(iter(metrics)))] == [0, 1]
    assert messages(run) == []


def test_what_is_single_beside_lists_is_a_param_or_the_last_value(tmp_path: Path) -> None:
    document = {"epoch": [1, 2, 3], "loss": [3.0, 2.0, 1.0], "optimizer": "adam", "train_size": 500, "test_loss": 1.25}
    run = read_one(write(tmp_path / "a", {"history.json": json.dumps(document)}))
    assert run.summary.params == {"optimizer": "adam", "train_size": 500}
    assert [(step, value) for step, _, value in rows(run, "test_loss")] == [(3, 1.25)]
    assert [step for step, _, _ in rows(run, "loss")] == [1, 2, 3]


@pytest.mark.parametrize(
    "document",
    [
        {"precision": [0.5, 0.75], "recall": [0.5, 0.25], "thresholds": [0.1, 0.2]},
        {"classes": ["a", "b"], "train_f1": [0.5, 0.75]},
        {"accuracy": 0.5, "loss": 1.5},
        {"test_score": [0.5, 0.75], "train_score": [0.5, 0.7], "fit_time": [1.0, 2.0]},
        [{"name": "a", "price": 1.5}, {"name": "b", "price": 2.5}],
        [1, 2, 3],
        {"train": [0, 5, 7], "val": [1, 2, 9], "test": [3, 4, 6]},
        {"fold0": {"train": [1, 2, 3], "val": [4, 5, 6]}},
        {"train_crop_size": [224, 224], "val_resize_size": [256, 256]},
        {"lr": [0.1, 0.01, 0.001], "epochs": [10, 20]},
        {"lr_steps": [60, 80], "lr": 0.01, "epochs": 90},
        {"loss_weights": [1.0, 0.4], "train_ratio": [0.8, 0.2]},
        {"train": [0.25, 0.75], "val": [0.5, 0.5]},
        {"train_embedding": [0.5, 0.25, 0.125], "val_embedding": [0.5, 0.25, 0.125]},
        {"loss": [0.5, 0.25], "predictions": [0.1, 0.9], "labels": [0, 1]},
        {"eval_loss": [0.5, 0.25], "ids": [7, 8]},
        {"val": {"precision": [0.5, 0.75], "recall": [0.5, 0.25]}},
        {"precision": [0.5, 0.75, 0.8], "recall": [0.5, 0.25, 0.2], "epochs": [1, 2]},
        [{"epochs": 10, "lr": 0.1}, {"epochs": 20, "lr": 0.01}],
        {"files": {"src/train.py": {"executed_lines": [1, 2, 3]}}, "loss": []},
        {"annotations": [{"id": 1, "bbox": [1.5, 2, 3, 4]}], "categories": [{"id": 1, "name": "train"}]},
    ],
)
def test_other_documents_are_no_logs(tmp_path: Path, document: object) -> None:
    with pytest.raises(SourceError):
        find(write(tmp_path / "a", {"metrics.json": json.dumps(document)}))


@pytest.mark.parametrize(
    "document",
    [
        {"trainLoss": [1.5, 0.5], "valLoss": [1.25, 0.75]},
        {"training": {"binary_logloss": [0.5, 0.25]}, "valid_1": {"binary_logloss": [0.5, 0.25]}},
        {"epoch": [1, 2], "miou": [0.5, 0.75]},
        {"train": [0.5, 0.25, 0.125], "val": [0.5, 0.25, 0.2]},
        {"episode_rewards": [1, 5], "episode_lengths": [3, 4]},
    ],
)
def test_histories_are_known_by_their_names(tmp_path: Path, document: object) -> None:
    run = read_one(write(tmp_path / "a", {"h.json": json.dumps(document)}))
    assert all(len(rows(run, name)) in (2, 3) for name in run.series)
    assert messages(run) == []


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_rows_of_models_with_their_epochs_are_runs(tmp_path: Path, form: str) -> None:
    board = [
        {"model": "a", "epochs": 10, "accuracy": 0.5, "f1": 0.25},
        {"model": "b", "epochs": 20, "accuracy": 0.75, "f1": 0.5},
    ]
    runs = read_all(
        write(tmp_path / "board", {f"board.{form}": json.dumps(board) if form == "json" else lines(*board)})
    )
    assert {name: rows(run, "f1")[0][2] for name, run in runs.items()} == {"a": 0.25, "b": 0.5}


def test_rows_of_models_with_times_are_runs(tmp_path: Path) -> None:
    board = [
        {"model": f"m{i}", "date": "2023-11-14", "config": {"lr": i, "seed": 1}, "results": {"acc": i / 4, "f1": 0.5}}
        for i in range(3)
    ]
    runs = read_all(write(tmp_path / "board", {"board.jsonl": lines(*board)}))
    assert {name: rows(run, "results/acc")[0][2] for name, run in runs.items()} == {"m0": 0, "m1": 0.25, "m2": 0.5}
    assert runs["m2"].summary.params == {"config/lr": 2, "config/seed": 1}


def test_a_row_that_is_a_run_has_no_step_of_its_place(tmp_path: Path) -> None:
    entries = [
        {"id": name, "model": name, "date": "2023-11-14", "accuracy": value, "seed": 1}
        for name, value in (("a", 0.5), ("b", 0.75))
    ]
    runs = read_all(write(tmp_path / "board", {"board.json": json.dumps(entries)}))
    assert {name: rows(run, "accuracy")[0][0] for name, run in runs.items()} == {"a": 0, "b": 0}


def test_a_file_of_many_runs_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [
        {"model": f"m{i}", "date": f"2023-11-{i + 1:02}", "acc": i / 4, "f1": "bad" if i == 3 else 0.5}
        for i in range(9)
    ]
    found = find(write(tmp_path / "board", {"board.jsonl": lines(*entries) + "{torn\n"}))
    calls: list[str] = []
    real = reading.read_table

    def counted(path: str, *args: Any, **options: Any) -> Rows:
        calls.append(path)
        return real(path, *args, **options)

    monkeypatch.setattr(reading, "read_table", counted)
    runs = {read.run.summary.name: read.run for ref in found.runs for read in read_run(ref)}
    assert len(calls) == 1
    assert [rows(runs[f"m{i}"], "acc")[0][2] for i in range(9)] == [i / 4 for i in range(9)]
    assert {len(messages(run)) for name, run in runs.items() if name != "m3"} == {1}
    assert "values of `f1` are no numbers" in messages(runs["m3"])
    (tmp_path / "board" / "board.jsonl").write_text(lines(*entries, {**entries[0], "model": "new"}))
    assert len(read_all(tmp_path / "board")) == 10


def test_fields_without_a_name_and_endless_integers_are_survived(tmp_path: Path) -> None:
    file = write(tmp_path / "a", {"x.jsonl": lines({"": "1/2", "a": 3}, {"": "2/2", "a": 4})}) / "x.jsonl"
    assert [value for _, _, value in rows(read_one(file), "a")] == [3.0, 4.0]
    text = '[{"step": 1, "loss": 0.5}, {"step": 2, "loss": 0.25}, {"step": 3, "loss": ' + "1" * 5000 + "}]"
    run = read_one(write(tmp_path / "b", {"h.json": text}))
    assert rows(run, "loss") == [(1, None, 0.5), (2, None, 0.25)]
    assert messages(run) == ["the document is damaged"]
    text = '{"val_loss": [0.5, NaN], "loss": [0.5, ' + "1" * 400 + '], "seed": ' + "1" * 400 + "}"
    run = read_one(write(tmp_path / "c", {"h.json": text}))
    assert [value for _, _, value in rows(run, "loss")] == [0.5, float("inf")]


def test_documents_that_are_none_of_ours_are_no_problem(tmp_path: Path) -> None:
    folder = write(tmp_path / "a", {"log.csv": "step,loss\n1,2\n", "eval_results.json": "\n"})
    (folder / "history.json").write_bytes(b'\xef\xbb\xbf{"version": 1}')
    assert find(folder).problems == ()


def test_damage_in_a_history_costs_the_list_that_it_hit(tmp_path: Path) -> None:
    text = json.dumps(
        {"train": {"loss": [3.0, 2.0, 1.0]}, "valid": {"loss": [3.5, 2.5, 1.5], "acc": [0.25, 0.5, 0.75]}}
    )
    run = read_one(write(tmp_path / "a", {"history.json": text.replace("3.5, 2.5", '3.5 "} 2.5')}))
    assert [value for _, _, value in rows(run, "train/loss")] == [3.0, 2.0, 1.0]
    assert "valid/loss" not in run.series
    assert messages(run) == ["the document is damaged"]
    found = find(write(tmp_path / "b", {"history.json": "{?" + text, "log.csv": "step,loss\n1,2\n"}))
    assert [problem.message for problem in found.problems] in ([], ["it is no JSON, but has the name of a history"])
    found = find(write(tmp_path / "c", {"history.json": "{" + "?" * 99, "log.csv": "step,loss\n1,2\n"}))
    assert [problem.message for problem in found.problems] == ["it is no JSON, but has the name of a history"]


def test_two_values_of_one_name_in_a_row_are_told(tmp_path: Path) -> None:
    text = lines({"step": 1, "a/b": 1, "a": {"b": 2}, "loss": 3}, {"step": 2, "loss": 2}, {"step": 3, "loss": 1})
    run = read_one(write(tmp_path / "a", {"log.jsonl": text}))
    assert [(step, value) for step, _, value in rows(run, "a/b")] == [(1, 2.0)]
    assert messages(run) == ["a row has several values of one name"]


def test_a_damaged_header_keeps_the_names_that_are_left(tmp_path: Path) -> None:
    run = read_one(write(tmp_path / "a", {"log.csv": "step,loss,gr\0d\n1,3.5,1\n2,2.5,2\n"}))
    assert [value for _, _, value in rows(run, "loss")] == [3.5, 2.5]
    assert messages(run) == ["the header holds zero bytes"]


def test_rows_without_a_header_are_no_metrics(tmp_path: Path) -> None:
    folder = write(tmp_path / "version_0", {"metrics.csv": "1,3.5,1\n2,2.5,2\n", "hparams.yaml": "{}\n"})
    found = find(write(folder, {"log.csv": "step,loss\n1,2\n"}))
    assert [problem.message for problem in found.problems] == ["it does not begin as the log that its name says"]
    (run,) = read_all(folder).values()
    assert list(run.series) == ["loss"]


def test_damage_to_documents_never_raises(tmp_path: Path) -> None:
    history = {"loss": [3.0, 2.0], "val": {"acc": [0.5, 0.75]}}
    files = {
        "a/history.json": json.dumps(history),
        "b/log_history.json": json.dumps([{"step": i, "loss": 1.0} for i in (1, 2)]),
    }
    survives(write(tmp_path / "sound", files), tmp_path / "scratch")


def test_a_document_of_single_numbers_is_a_run_where_it_is_named(tmp_path: Path) -> None:
    document = {"accuracy": 0.5, "count": 3, "model": {"name": "x", "f1": 0.25}}
    file = write(tmp_path / "a", {"metrics.json": json.dumps(document, indent=2)}) / "metrics.json"
    run = read_one(file)
    assert {name: rows(run, name)[0][2] for name in run.series} == {"accuracy": 0.5, "count": 3.0, "model/f1": 0.25}
    assert run.summary.params == {"model.name": "x"}


def test_a_monitor_that_does_not_begin_as_one_is_told(tmp_path: Path) -> None:
    files = {"0.monitor.csv": '"{"t_start": 1700000000}\nr,l,t\n1,2,3\n', "log.csv": "step,loss\n1,2\n"}
    found = find(write(tmp_path / "a", files))
    assert [problem.message for problem in found.problems] == ["it does not begin as the log that its name says"]

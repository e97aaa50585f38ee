"""Sacred's file storage: facts, metrics in both of its places, numbers as jsonpickle writes them, faults."""

from __future__ import annotations

import base64
import json
import struct
from pathlib import Path
from typing import Any

import pytest

from tests.foreignruns import find, messages, read_all, read_one, rows, survives

ENTRY: dict[str, Any] = {
    "artifacts": ["model.h5", "../secret.txt", "run.json"],
    "command": "train",
    "experiment": {
        "base_dir": "/home/ada/project",
        "dependencies": ["numpy==1.26.4", "sacred==0.8.7"],
        "mainfile": "src/train.py",
        "name": "digits",
        "repositories": [{"commit": "a" * 40, "dirty": True, "url": "https://ada:pw@example.org/p.git"}],
        "sources": [["train.py", "_sources/train_d41d8cd98f00b204e9800998ecf8427e.py"]],
    },
    "fail_trace": None,
    "heartbeat": "2024-03-01T10:00:30.000000",
    "host": {"hostname": "adas-laptop", "os": ["Linux", "Linux-6.1"], "python_version": "3.11.7", "cpu": "Xeon"},
    "meta": {"command": "train", "options": {"--comment": None}, "comment": "A *note*."},
    "resources": [["/home/ada/data.csv", "/home/ada/runs/_resources/data_d41d8cd98f00b204e9800998ecf8427e.csv"]],
    "result": {"py/object": "numpy.float64", "dtype": "float64", "value": 0.75},
    "start_time": "2024-03-01T10:00:00.500000",
    "status": "COMPLETED",
    "stop_time": "2024-03-01T10:01:00.000000",
}
START = 1709287200.5
CONFIG = {"lr": 0.1, "layers": {"py/tuple": [256, 10]}, "opt": {"name": "adam"}, "seed": 7, "json://3": "three"}
METRICS = {
    "loss": {
        "steps": [0, 10, 20],
        "timestamps": ["2024-03-01T10:00:01", "2024-03-01T10:00:02", "2024-03-01T10:00:03"],
        "values": [1.5, {"py/object": "numpy.float64", "value": 0.5}, float("nan")],
    }
}


def pickled(value: float) -> dict[str, Any]:
    packed = base64.b64encode(struct.pack("<d", value)).decode()
    dtype = {"py/reduce": [{"py/type": "numpy.dtype"}, {"py/tuple": ["f8", 0, 1]}]}
    return {"py/reduce": [{"py/function": "numpy.core.multiarray.scalar"}, {"py/tuple": [dtype, {"py/b64": packed}]}]}


INFO = {"return_mean": [1.0, pickled(2.5)], "return_mean_T": [100, 200], "best": 3, "phase": "two", "other": [1, "x"]}


def write(folder: Path, **files: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content, sort_keys=True, indent=2)
        (folder / (f"{name}.txt" if name == "cout" else f"{name}.json")).write_text(text, encoding="utf-8")
    return folder


def write_all(folder: Path, **changed: Any) -> Path:
    entry = ENTRY | changed
    (folder.parent / "_sources").mkdir(parents=True, exist_ok=True)
    (folder.parent / "_sources" / "train.py").write_text("pass\n")
    write(folder, run=entry, config=CONFIG, metrics=METRICS, info=INFO, cout="epoch 1\n")
    (folder / "model.h5").write_bytes(b"weights")
    (folder.parent / "secret.txt").write_bytes(b"secret")
    return folder


def test_a_run(tmp_path: Path) -> None:
    write_all(tmp_path / "sacred" / "1")
    run = read_one(tmp_path / "sacred")
    own = run.summary
    assert (own.experiment, own.name, own.status) == ("digits", "1", "finished")
    assert (own.start_time, own.last_time) == (START, 1709287260.0)
    assert own.params == {"lr": 0.1, "layers": "[256,10]", "opt.name": "adam", "seed": 7, "3": "three"}
    assert rows(run, "loss") == [(0, 1709287201.0, 1.5), (10, 1709287202.0, 0.5), (20, 1709287203.0, None)]
    assert rows(run, "return_mean") == [(100, None, 1.0), (200, None, 2.5)]
    assert rows(run, "best") == [(0, None, 3.0)]
    assert rows(run, "result") == [(0, None, 0.75)]
    assert set(run.series) == {"loss", "return_mean", "best", "result"}
    assert own.tags == {"command": "train", "phase": "two"}
    assert run.notes == ("A *note*.",)
    assert (run.code.commit, run.code.dirty, run.code.remote) == ("a" * 40, True, "https://example.org/p.git")
    assert run.code.entry == "train.py"
    assert run.env["packages"] == {"numpy": "1.26.4", "sacred": "0.8.7"}
    assert [(i.name, i.digest) for i in own.inputs] == [("data.csv", "md5:d41d8cd98f00b204e9800998ecf8427e")]
    assert own.artifact_paths == ("model.h5",)
    assert [(text.stream, text.text) for text in run.texts] == [("stdout", "epoch 1\n")]
    assert messages(run) == []
    assert "adas-laptop" not in repr(run)
    assert "/home/ada" not in repr(run.summary) + repr(run.env) + repr(run.code)


@pytest.mark.parametrize(
    ("status", "shown"),
    [("RUNNING", "unfinished"), ("FAILED", "failed"), ("INTERRUPTED", "stopped"), ("QUEUED", "unfinished")],
)
def test_the_status(tmp_path: Path, status: str, shown: str) -> None:
    trace = ["Traceback\n", "  File x\n", "ValueError: loss is NaN\n"]
    write_all(tmp_path / "1", status=status, fail_trace=trace)
    own = read_one(tmp_path / "1").summary
    assert own.status == shown
    assert own.error == ("ValueError: loss is NaN" if status == "FAILED" else "")


def test_runs_keep_their_ids_while_they_go_on(tmp_path: Path) -> None:
    write_all(tmp_path / "x" / "1", status="RUNNING")
    (before,) = find(tmp_path / "x").runs
    write_all(tmp_path / "x" / "1")
    write_all(tmp_path / "x" / "2")
    assert before.run_id in {ref.run_id for ref in find(tmp_path / "x").runs}
    assert set(read_all(tmp_path / "x")) == {"1", "2"}


def test_a_run_json_of_something_else_is_no_run(tmp_path: Path) -> None:
    write(tmp_path / "1", run={"name": "x", "status": "done"}, config={})
    write_all(tmp_path / "2")
    assert len(find(tmp_path).runs) == 1


def test_what_is_wrong_is_counted_and_the_rest_is_read(tmp_path: Path) -> None:
    folder = write_all(tmp_path / "1")
    loss = {"steps": [1, "x"], "timestamps": "soon", "values": [1.0, 2.0, "low"]}
    write(folder, config="{", metrics={"loss": loss, "odd": 3}, info="[1]")
    run = read_one(folder)
    assert rows(run, "loss") == [(1, None, 1.0), (2, None, 2.0)]
    assert len(messages(run)) == 4


def test_names_are_never_followed(tmp_path: Path) -> None:
    """Nothing that jsonpickle would make is made, whatever its name."""
    evil = {"py/reduce": [{"py/function": "os.system"}, {"py/tuple": [f"touch {tmp_path / 'owned'}"]}]}
    write_all(tmp_path / "1", result=evil)
    write(tmp_path / "1", config={"a": evil, "b": {"py/object": "os.system", "x": 1}})
    run = read_one(tmp_path / "1")
    assert run.summary.params == {"a": None, "b.x": 1}
    assert not (tmp_path / "owned").exists()


def test_a_damaged_run_json_beside_the_other_files_is_a_run(tmp_path: Path) -> None:
    folder = write_all(tmp_path / "1")
    for rest in ("", "{", "\0" * 100):
        (folder / "run.json").write_text(rest)
        run = read_one(folder)
        assert "loss" in run.series
        assert len([message for message in messages(run) if "run.json" in message]) == 1


def test_damage(tmp_path: Path) -> None:
    write_all(tmp_path / "sound" / "1")
    survives(tmp_path / "sound", tmp_path / "damaged")


def test_a_document_that_is_no_object_of_python_gives_nothing(tmp_path: Path) -> None:
    write(tmp_path / "1", run=ENTRY, config={"py/tuple": [1, 2]}, info={"py/set": [1]})
    run = read_all(tmp_path)["1"]
    assert run.summary.params == {}

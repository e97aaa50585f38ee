"""A small log of each kind of other programs, written by hand, for tests of what holds for all kinds.

The tests of a kind itself have logs of their own, and those in `tests/peers` compare with the programs.
"""

from __future__ import annotations

import json
import sqlite3
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from tests import wandblogs

T0: Final = 1_795_262_520
"""When all runs began, in UTC seconds since the epoch."""
COMMIT: Final = "9fceb02d0ae598e95dc970b74767f19372d61af8"


def write_files(root: Path, files: Mapping[str, str]) -> None:
    """Write texts by their path below `root`."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def write_mlflow(root: Path) -> None:
    """Write a store with an experiment, a run with an artifact, and a run nested in it."""
    ids = ("0" * 31 + "a", "0" * 31 + "b")
    write_files(
        root / "mlruns",
        {
            "7/meta.yaml": "artifact_location: file:///x/mlruns/7\nexperiment_id: '7'\nlifecycle_stage: active\n"
            "name: digits\n",
            f"7/{ids[0]}/artifacts/plots/table.csv": "a,b\n1,2\n",
            f"7/{ids[1]}/tags/mlflow.parentRunId": ids[0],
        },
    )
    for number, own in enumerate(ids):
        write_files(
            root / "mlruns" / "7" / own,
            {
                "meta.yaml": f"artifact_uri: file:///x/mlruns/7/{own}/artifacts\nend_time: {(T0 + 60) * 1000}\n"
                f"entry_point_name: ''\nexperiment_id: '7'\nlifecycle_stage: active\nrun_id: {own}\n"
                f"run_name: run-{number}\nrun_uuid: {own}\nsource_name: ''\nsource_type: 4\nsource_version: ''\n"
                f"start_time: {T0 * 1000}\nstatus: 3\ntags: []\nuser_id: ada\n",
                "params/lr": "0.1",
                "params/net.width": "256",
                "metrics/train/loss": "".join(f"{(T0 + s) * 1000} {1 / (s + 1)} {s}\n" for s in range(5)),
                "metrics/acc": f"{T0 * 1000} nan 0\n{T0 * 1000 + 1000} 0.5 1\n",
                "tags/mlflow.runName": f"run-{number}",
                "tags/mlflow.note.content": "A *note*",
                "tags/mlflow.source.git.commit": COMMIT,
                "tags/team": "vision",
            },
        )


def write_tensorboard(root: Path) -> None:
    """Write an event file with two scalars, each at five steps."""
    file = root / "lightning" / "mlp" / f"events.out.tfevents.{T0}.host.1.0"
    file.parent.mkdir(parents=True)
    events = [b"\x09" + struct.pack("<d", T0) + _bytes(3, b"brain.Event:2")]
    for step in range(5):
        for tag, value in (("train/loss", 1 / (step + 1)), ("acc", step / 5)):
            scalar = _bytes(1, tag.encode()) + b"\x15" + struct.pack("<f", value)
            events.append(
                b"\x09" + struct.pack("<d", T0 + step) + b"\x10" + bytes([step]) + _bytes(5, _bytes(1, scalar))
            )
    file.write_bytes(b"".join(map(_record, events)))


def _bytes(number: int, data: bytes) -> bytes:
    """Return a field of a protocol buffer that holds up to 127 bytes."""
    return bytes([number << 3 | 2, len(data)]) + data


def _record(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", _masked(length)) + data + struct.pack("<I", _masked(data))


def _masked(data: bytes) -> int:
    """Return the masked crc32c of TensorFlow's records."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x82F63B78 * (crc & 1)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def write_wandb(root: Path) -> None:
    """Write an offline run."""
    records = [
        wandblogs.run_record(config={"lr": 0.1, "net": {"width": 256}}),
        *wandblogs.steps(5),
        wandblogs.exit_record(),
    ]
    wandblogs.write_run(root / "wandb", records)


def write_tables(root: Path) -> None:
    """Write a table of nobody in particular."""
    rows = "".join(f"{step},{T0 + step},{1 / (step + 1)},{step / 5}\n" for step in range(5))
    write_files(root / "digits" / "mlp", {"log.csv": f"step,time,loss,accuracy\n{rows}"})


def write_lm_eval(root: Path) -> None:
    """Write a result file of lm-evaluation-harness."""
    document = {
        "results": {"hellaswag": {"alias": "hellaswag", "acc,none": 0.5, "acc_stderr,none": 0.01}},
        "configs": {"hellaswag": {"task": "hellaswag", "num_fewshot": 0}},
        "versions": {"hellaswag": 1.0},
        "n-shot": {"hellaswag": 0},
        "config": {"model": "hf", "model_args": "pretrained=gpt2", "batch_size": "8"},
        "git_hash": COMMIT[:7],
        "date": float(T0),
        "model_name": "gpt2",
    }
    write_files(root / "evals" / "gpt2", {"results_2026-11-21T12-02-00.000000.json": json.dumps(document)})


def write_frameworks(root: Path) -> None:
    """Write what Lightning's CSVLogger writes."""
    rows = ["epoch,step,train_loss,val_acc"]
    for step in range(5):
        rows += [f"{step},{step * 10},{1 / (step + 1)},", f"{step},{step * 10},,{step / 5}"]
    files = {"metrics.csv": "\n".join(rows) + "\n", "hparams.yaml": "lr: 0.1\nnet:\n  width: 256\n"}
    write_files(root / "lightning_logs" / "version_0", files)


def write_catboost(root: Path) -> None:
    """Write what CatBoost leaves where it trains."""
    errors = "".join(f"{step}\t{1 / (step + 1)}\n" for step in range(5))
    files = {
        "learn_error.tsv": f"iter\tLogloss\n{errors}",
        "test_error.tsv": f"iter\tLogloss\n{errors}",
        "time_left.tsv": "iter\tPassed\tRemaining\n0\t50\t200\n4\t250\t0\n",
        "catboost_training.json": "{}",
    }
    write_files(root / "churn" / "catboost_info", files)


def write_dvclive(root: Path) -> None:
    """Write what DVCLive 3 writes."""
    steps = "".join(f"{step}\t{1 / (step + 1)}\n" for step in range(5))
    write_files(
        root / "digits" / "dvclive",
        {
            "plots/metrics/train/loss.tsv": f"step\tloss\n{steps}",
            "plots/metrics/acc.tsv": "step\tacc\n0\t0.5\n1\tnan\n",
            "metrics.json": '{"step": 4, "train": {"loss": 0.2}, "acc": 0.5}',
            "params.yaml": "lr: 0.1\nnet:\n  width: 256\n",
        },
    )


def write_sacred(root: Path) -> None:
    """Write what Sacred's file storage writes."""
    run = {
        "experiment": {"name": "digits", "base_dir": "/x", "mainfile": "train.py", "sources": [], "dependencies": []},
        "start_time": "2026-11-21T12:02:00.000000",
        "stop_time": "2026-11-21T12:03:00.000000",
        "heartbeat": "2026-11-21T12:03:00.000000",
        "status": "COMPLETED",
        "artifacts": ["table.csv"],
        "host": {"python_version": "3.12.1", "os": ["Linux", "x"], "hostname": "x"},
        "command": "main",
        "result": 0.5,
    }
    times = [f"2026-11-21T12:02:0{step}.000000" for step in range(5)]
    metrics = {"train.loss": {"steps": list(range(5)), "timestamps": times, "values": [1 / (s + 1) for s in range(5)]}}
    write_files(
        root / "sacred" / "1",
        {
            "run.json": json.dumps(run),
            "config.json": '{"lr": 0.1, "seed": 1}',
            "metrics.json": json.dumps(metrics),
            "info.json": "{}",
            "cout.txt": "hello\n",
            "table.csv": "a,b\n1,2\n",
        },
    )


def write_guild(root: Path) -> None:
    """Write what Guild keeps of a run."""
    attrs = {
        "id": "a" * 32,
        "label": "lr=0.1",
        "flags": "lr: 0.1\nwidth: 256",
        "started": f"{T0}000000",
        "stopped": f"{T0 + 60}000000",
        "exit_status": "0",
        "cmd": "- python\n- train.py",
    }
    folder = f"guild/runs/{'a' * 32}/.guild"
    write_files(root, {f"{folder}/attrs/{name}": f"{value}\n" for name, value in attrs.items()})
    write_files(root, {f"{folder}/opref": "guildfile:/x/guild.yml hash digits train\n"})


def write_asv(root: Path) -> None:
    """Write one result file of asv, with the list of benchmarks."""
    result = {
        "version": 2,
        "commit_hash": COMMIT,
        "date": T0 * 1000,
        "env_name": "virtualenv-py3.12",
        "python": "3.12",
        "params": {"machine": "cheetah", "os": "Linux", "python": "3.12"},
        "requirements": {},
        "env_vars": {},
        "result_columns": ["result", "params", "version", "started_at", "duration"],
        "results": {"time_sort": [[0.25], [], "1", T0 * 1000, 1.5]},
        "durations": {},
    }
    benchmarks = {"version": 2, "time_sort": {"name": "time_sort", "type": "time", "unit": "seconds", "version": "1"}}
    write_files(
        root / "results",
        {
            f"cheetah/{COMMIT[:8]}-virtualenv-py3.12.json": json.dumps(result),
            "cheetah/machine.json": '{"machine": "cheetah", "os": "Linux", "version": 1}',
            "benchmarks.json": json.dumps(benchmarks),
        },
    )


def write_pytest_benchmark(root: Path) -> None:
    """Write one stored run of pytest-benchmark."""
    stats = {"min": 0.1, "max": 0.3, "mean": 0.2, "stddev": 0.01, "rounds": 5, "median": 0.2, "iterations": 1}
    document = {
        "machine_info": {"node": "x", "machine": "x86_64", "python_version": "3.12.1", "system": "Linux"},
        "commit_info": {"id": COMMIT, "time": "2026-11-21T12:02:00+00:00", "dirty": False, "branch": "main"},
        "benchmarks": [
            {"group": None, "name": "test_sort", "fullname": "t.py::test_sort", "params": None, "stats": stats}
        ],
        "datetime": "2026-11-21T12:02:00.000000",
        "version": "4.0.0",
    }
    write_files(root, {f"storage/Linux-CPython-3.12-64bit/0001_{COMMIT}.json": json.dumps(document)})


def write_trackio(root: Path) -> None:
    """Write a project of trackio."""
    (root / "trackio").mkdir(parents=True)
    base = sqlite3.connect(root / "trackio" / "digits.db")
    base.execute(
        "CREATE TABLE metrics (id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp TEXT NOT NULL, run_name TEXT NOT NULL,"
        " step INTEGER NOT NULL, metrics TEXT NOT NULL)"
    )
    base.execute(
        "CREATE TABLE configs (id INTEGER PRIMARY KEY AUTOINCREMENT, run_name TEXT NOT NULL, config TEXT NOT NULL,"
        " created_at TEXT NOT NULL, UNIQUE(run_name))"
    )
    for step in range(5):
        row = (f"2026-11-21T12:02:0{step}+00:00", "brave-otter-0", step, json.dumps({"train/loss": 1 / (step + 1)}))
        base.execute("INSERT INTO metrics (timestamp, run_name, step, metrics) VALUES (?, ?, ?, ?)", row)
    config = ("brave-otter-0", '{"lr": 0.1}', "2026-11-21T12:02:00+00:00")
    base.execute("INSERT INTO configs (run_name, config, created_at) VALUES (?, ?, ?)", config)
    base.commit()
    base.close()


WRITERS: Final[Mapping[str, Callable[[Path], None]]] = {
    "asv": write_asv,
    "catboost": write_catboost,
    "dvclive": write_dvclive,
    "frameworks": write_frameworks,
    "guild": write_guild,
    "lm_eval": write_lm_eval,
    "mlflow": write_mlflow,
    "pytest_benchmark": write_pytest_benchmark,
    "sacred": write_sacred,
    "tables": write_tables,
    "tensorboard": write_tensorboard,
    "trackio": write_trackio,
    "wandb": write_wandb,
}
"""Kind -> what writes a log of it below a folder."""

UNREADABLE: Final = frozenset({"aim"})
"""Kinds that only say how their logs are taken elsewhere."""

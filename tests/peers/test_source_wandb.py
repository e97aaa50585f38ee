"""Runs that W&B itself wrote offline, beside what its own messages hold and what was logged."""

from __future__ import annotations

import math
import random
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import wandb
from wandb.proto import wandb_internal_pb2

from tests.foreignruns import messages, read_one

BLOCK = 1 << 15


@pytest.fixture(autouse=True)
def _offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("WANDB_DIR", "WANDB_DATA_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_ARTIFACT_DIR"):
        folder = tmp_path / ("work" if name == "WANDB_DIR" else "own")
        folder.mkdir(exist_ok=True)
        monkeypatch.setenv(name, str(folder))
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    yield
    wandb.teardown()


def own_records(path: Path) -> Iterator[Any]:
    """Yield the records of a log as W&B's own message classes read them; the frame is walked as simply as can be."""
    data, at, record = path.read_bytes(), 7, b""
    while at + 7 <= len(data):
        left = BLOCK - at % BLOCK
        if left < 7:
            at += left
            continue
        _, length, kind = struct.unpack_from("<IHB", data, at)
        record = (b"" if kind in (1, 2) else record) + data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):
            message = wandb_internal_pb2.Record()
            message.ParseFromString(record)
            yield message


def finished_log(folder: Path) -> Path:
    """Return the log of the only run below `folder`, once it is whole: W&B goes on writing it after `finish()`."""
    (log,) = folder.glob("**/*.wandb")
    ends = time.monotonic() + 60
    while not any(record.WhichOneof("record_type") == "exit" for record in own_records(log)):
        assert time.monotonic() < ends, "W&B wrote no exit record"
        time.sleep(0.05)
    return log


def test_every_value(tmp_path: Path) -> None:
    chance = random.Random(5)
    run = wandb.init(
        project="digits",
        name="brave-otter",
        group="sweep-3",
        job_type="train",
        notes="Wider *helped*.",
        tags=["baseline", "best"],
        config={"lr": 0.1, "layers": [256, 10], "opt": {"name": "adam", "eps": None}},
    )
    logged: dict[str, list[tuple[int, float]]] = {}
    for step in range(300):
        values: dict[str, float] = {}
        for name in ("loss", "train/损失", "emoji/🚀speed", "flag", "x" * 150):
            if name == "flag":
                values[name] = chance.random() < 0.5
            elif chance.random() < 0.8:
                values[name] = chance.choice(
                    [math.nan, math.inf, -math.inf, chance.gauss(0, 1) * 10 ** chance.randrange(-12, 12)]
                )
        run.log(values | {"nested": {"a": {"b": step}}})
        for name, value in (values | {"nested.a.b": step}).items():
            logged.setdefault(name, []).append((step, float(value)))
    data = np.random.default_rng(3).normal(size=5000)
    run.log({"h": wandb.Histogram(data), "img": wandb.Image(np.zeros((8, 8, 3), np.uint8)), "text": "hello"})
    run.config.update({"late": 3})
    run.summary["best_of_all"] = 0.9
    run.finish()
    log = finished_log(tmp_path / "work")
    read = read_one(tmp_path / "work")
    assert messages(read) == []
    summary = read.summary
    assert summary.run_id in (run.id, f"digits/{run.id}")  # the latter where W&B made an id of letters alone
    assert (summary.experiment, summary.name) == ("digits", "brave-otter")
    assert (summary.status, summary.group, summary.notes) == ("finished", "sweep-3", "Wider *helped*.")
    assert summary.params == {"lr": 0.1, "layers": "[256,10]", "opt.name": "adam", "opt.eps": None, "late": 3}
    assert summary.tags == {"baseline": "true", "best": "true", "job_type": "train", "text": "hello"}
    for name, points in logged.items():
        own = read.series[name][0]
        assert own.steps.tolist() == [step for step, _ in points]
        assert list(map(repr, own.values.tolist())) == [repr(value) for _, value in points]
    assert read.series["best_of_all"][0].values.tolist() == [0.9]
    width = 64  # bins of W&B's histogram
    for percent in (5, 25, 50, 75, 95):
        found = read.series[f"h/q{percent:02d}"][0].values[0]
        assert abs(found - np.percentile(data, percent)) < 2 * np.ptp(data) / width
    assert [path for path in summary.artifact_paths if path.endswith(".png")]
    assert not [path for path in summary.artifact_paths if "requirements" in path or "output" in path]
    histories = [record.history for record in own_records(log) if record.WhichOneof("record_type") == "history"]
    stamps = [float(item.value_json) for one in histories for item in one.item if "_timestamp" in item.nested_key]
    assert read.series["nested.a.b"][0].times.tolist() == stamps[:300]
    started = next(r.run.start_time for r in own_records(log) if r.WhichOneof("record_type") == "run")
    assert summary.start_time == pytest.approx(started.seconds + started.nanos / 1e9, abs=1e-6)
    assert read.env["packages"]["numpy"] == np.__version__


def test_a_run_that_failed_and_one_that_was_logged_at_steps_of_its_own(tmp_path: Path) -> None:
    run = wandb.init(project="digits", id="failed01")
    run.define_metric("acc", summary="max")
    for step in (0, 10, 25):
        run.log({"acc": -step}, step=step)
    run.finish(exit_code=3)
    finished_log(tmp_path / "work")
    read = read_one(tmp_path / "work")
    assert (read.summary.status, read.summary.error) == ("failed", "exit code 3")
    assert read.series["acc"][0].steps.tolist() == [0, 10, 25]
    assert {name for name in read.series if not name.startswith("system/")} == {"acc"}

"""MLflow's own stores, of both kinds, beside what its own client says is in them."""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import pytest
from mlflow.data.http_dataset_source import HTTPDatasetSource
from mlflow.data.meta_dataset import MetaDataset
from mlflow.tracking import MlflowClient

from reportgen.model import Run
from reportgen.sources import read_run
from tests.foreignruns import find, messages

RUNS = 6
LARGEST = {sys.float_info.max: math.inf, -sys.float_info.max: -math.inf}
"""What stands for infinity in a database."""
STATUS = {"FINISHED": "finished", "FAILED": "failed", "KILLED": "stopped", "RUNNING": "unfinished"}


@pytest.fixture(params=["files", "database"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make a store with MLflow; the folder that holds it."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.chdir(tmp_path)
    before = mlflow.get_tracking_uri()
    is_files = request.param == "files"
    mlflow.set_tracking_uri(str(tmp_path / "mlruns") if is_files else f"sqlite:///{tmp_path / 'mlflow.db'}")
    try:
        make()
        yield tmp_path
    finally:
        mlflow.set_tracking_uri(before)


def make() -> None:
    chance = random.Random(7)
    client = MlflowClient()
    experiment = mlflow.create_experiment("bird songs")
    mlflow.set_experiment("bird songs")
    mlflow.set_experiment_tag("mlflow.experiment.primaryMetric.name", "val/acc")
    parent = ""
    for number in range(RUNS):
        with mlflow.start_run(run_name=f"run {number}", parent_run_id=parent or None, description="# hi") as run:
            parent = parent or run.info.run_id
            mlflow.log_params(
                {"lr": chance.random(), "n": number, "on": True, "none": None, "opt.name": "a b", "e": ""}
            )
            mlflow.set_tags({"stage": "candidate", "päper": "ü", "a/b": "nested"})
            for step in range(chance.randrange(1, 40)):
                mlflow.log_metrics({"loss": chance.random(), "val/acc": -chance.random()}, step=step * 3)
            for value in (1.0, math.nan, math.inf, -math.inf, 5e-324, 1e308):
                mlflow.log_metric("odd values", value, step=chance.randrange(100))
            mlflow.log_metric("twice", 2.0, step=5, timestamp=1_700_000_000_000)
            mlflow.log_metric("twice", 1.0, step=5, timestamp=1_700_000_000_000)
            data = MetaDataset(HTTPDatasetSource("https://example.org/x.csv"), name="songs", digest="abc")
            mlflow.log_input(data, context="train")
            mlflow.log_metric("of data", 0.5, step=7, dataset=data)
            mlflow.log_text("hello", "notes/x.txt")
        if number == 1:
            client.set_terminated(run.info.run_id, "KILLED")
    client.create_run(experiment, run_name="open")
    gone = client.create_run(experiment, run_name="gone")
    client.delete_run(gone.info.run_id)
    client.create_registered_model("singer")
    version = client.create_model_version("singer", f"runs:/{parent}/notes", run_id=parent)
    client.set_registered_model_alias("singer", "best", version.version)


def of_mlflow(client: MlflowClient, run: Any) -> dict[str, list[tuple[int, float, Any]]]:
    """Return what MLflow has of each metric by its own order, the last one of each step."""
    found = {}
    for name in run.data.metrics:
        try:
            points = client.get_metric_history(run.info.run_id, name)
        except mlflow.MlflowException:
            continue
        ordered = sorted(points, key=lambda p: (p.step, p.timestamp, math.inf if math.isnan(p.value) else p.value))
        last = {p.step: (p.step, p.timestamp / 1000, repr(LARGEST.get(p.value, p.value))) for p in ordered}
        found[name] = list(last.values())
    return found


def ours(run: Run) -> dict[str, list[tuple[int, float, Any]]]:
    found = {}
    for name, ranks in run.series.items():
        own = ranks[0]
        found[name] = [
            (int(s), float(t), repr(float(v))) for s, t, v in zip(own.steps, own.times, own.values, strict=True)
        ]
    return found


def test_runs_are_what_mlflow_says(place: Path) -> None:
    client = MlflowClient()
    experiment = client.get_experiment_by_name("bird songs")
    assert experiment is not None
    theirs = {run.info.run_id: run for run in client.search_runs([experiment.experiment_id])}
    found = find(place)
    assert found.problems == ()
    runs = {ref.run_id: read_run(ref)[0].run for ref in found.runs}
    assert runs.keys() == theirs.keys()
    assert len(runs) == RUNS + 1
    in_files = (place / "mlruns" / experiment.experiment_id / "meta.yaml").exists()
    for run_id, run in runs.items():
        their, summary = theirs[run_id], run.summary
        assert summary.name == their.info.run_name
        assert summary.experiment == "bird songs"
        assert summary.status == STATUS[their.info.status]
        assert summary.start_time == their.info.start_time / 1000
        if their.info.end_time:
            assert summary.last_time >= their.info.end_time / 1000
        assert {name: str(value) for name, value in summary.params.items()} == their.data.params
        own_tags = {name: value for name, value in their.data.tags.items() if not name.startswith("mlflow.")}
        assert dict(summary.tags) == own_tags | {"mlflow.experiment.primaryMetric.name": "val/acc"}
        assert summary.parent_id == their.data.tags.get("mlflow.parentRunId", "")
        expected = of_mlflow(client, their)
        if in_files and "of data" in expected:  # MLflow reads the step of such lines as 0
            expected["of data"] = [(7, *expected["of data"][0][1:])]
        assert ours(run) == expected
        last = {name: repr(LARGEST.get(value, value)) for name, value in their.data.metrics.items()}
        assert {name: repr(metric.last) for name, metric in summary.metrics.items()} == last
        assert [(own.name, own.digest, own.role) for own in summary.inputs] == [
            (own.dataset.name, own.dataset.digest, own.tags[0].value) for own in their.inputs.dataset_inputs
        ]
        assert list(summary.artifact_paths) == (["notes/x.txt"] if their.data.metrics else [])
        if their.data.metrics:
            assert run.notes == ("# hi",)
            assert messages(run) in (["steps were logged more than once"], [])


def test_registered_models_are_theirs(place: Path) -> None:
    version = MlflowClient().get_model_version_by_alias("singer", "best")
    models = {ref.run_id: read_run(ref)[0].run.summary.models for ref in find(place).runs}
    (model,) = models.pop(version.run_id)
    assert (model.name, model.version, model.aliases) == ("singer", str(version.version), ("best",))
    assert model.files == ("notes/x.txt",)
    assert set(models.values()) == {()}

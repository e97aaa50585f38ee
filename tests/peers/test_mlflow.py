"""The logger beside MLflow itself: every public name is either there with MLflow's arguments, or says what to use."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import mlflow
import pytest

import reportgen
from reportgen.mlflow_names import ADVICE, SEARCH_RUNS_ADVICE

ALIASES = {"experiment_id": "experiment", "run_name": "name"}
NOT_TAKEN = {"log_image": {"timestamp", "synchronous"}, "log_input": {"model"}, "set_experiment": {"trace_location"}}
"""Arguments that have no meaning here; giving one is a TypeError, in the first second of a script."""


def arguments(function: Any) -> list[str]:
    return list(inspect.signature(function).parameters)


def test_every_public_name_is_there_or_says_what_to_use() -> None:
    silent = [name for name in mlflow.__all__ if name not in reportgen.__all__ and name not in ADVICE]
    assert silent == []


def test_search_runs_takes_mlflows_arguments_or_says_what_to_write() -> None:
    theirs = set(arguments(mlflow.search_runs))
    assert theirs - SEARCH_RUNS_ADVICE.keys() == theirs & set(arguments(reportgen.search_runs))


@pytest.mark.parametrize("name", sorted((set(mlflow.__all__) & set(reportgen.__all__)) - {"search_runs"}))
def test_functions_take_mlflows_arguments_in_mlflows_order(name: str) -> None:
    ours = getattr(reportgen, name)
    if inspect.isclass(ours):
        pytest.fail(f"{name} is a class here")
    theirs = [a for a in arguments(getattr(mlflow, name)) if a not in NOT_TAKEN.get(name, set())]
    if name == "start_run":
        theirs = [ALIASES.get(a, a) for a in theirs]
    assert set(theirs) <= set(arguments(ours))
    assert [a for a in arguments(ours) if a in theirs] == theirs


def script(tracking: Any, folder: Path) -> None:
    """Log what tutorials log; the only difference between the two runs of it is `tracking`."""
    table = folder / "table.csv"
    table.write_text("a,b\n1,2\n", encoding="utf-8")
    tracking.set_experiment("tutorial")
    with tracking.start_run(run_name="parent", tags={"team": "x"}) as parent:
        tracking.log_param("alpha", 0.5)
        tracking.log_params({"l1_ratio": 0.1, "solver": "lbfgs"})
        for epoch in range(3):
            tracking.log_metric("rmse", 1.0 / (epoch + 1), step=epoch)
            tracking.log_metrics({"mae": 2.0 / (epoch + 1), "r2": 0.1 * epoch}, step=epoch)
        tracking.log_metric("nan", float("nan"), step=0)
        tracking.set_tag("stage", "dev")
        tracking.log_artifact(str(table), "tables")
        tracking.log_text("hello", "notes/hello.txt")
        tracking.log_dict({"a": [1, 2]}, "config.json")
        assert tracking.active_run().info.run_id == parent.info.run_id
        with tracking.start_run(run_name="child", nested=True) as child:
            tracking.log_metric("rmse", 7.0, 4)
            assert child.info.run_id != parent.info.run_id
    assert tracking.active_run() is None


def test_the_same_script_leaves_the_same_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri((tmp_path / "mlruns").as_uri())
    mlflow.create_experiment("tutorial", artifact_location=(tmp_path / "theirs").as_uri())
    script(mlflow, tmp_path)
    script(reportgen, tmp_path)
    client = mlflow.MlflowClient()
    experiment = client.get_experiment_by_name("tutorial")
    theirs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    ours: dict[str, list[dict[str, Any]]] = {}
    for log in (tmp_path / "runs").rglob("events.jsonl"):
        events = [json.loads(line) for line in log.read_bytes().splitlines()]
        ours[events[0]["name"]] = events
    assert ours.keys() == theirs.keys() == {"parent", "child"}
    for name, events in ours.items():
        run = theirs[name]
        params = {k: str(v) for e in events if e["event"] == "params" for k, v in e["params"].items()}
        assert params == run.data.params
        points: dict[str, list[tuple[int, str]]] = {}
        for event in events:
            for metric, value in event["metrics"].items() if event["event"] == "metrics" else ():
                points.setdefault(metric, []).append((event["step"], f"{float(value):.12g}"))
        for metric, own in points.items():
            history = client.get_metric_history(run.info.run_id, metric)
            assert own == [(m.step, f"{m.value:.12g}") for m in history]
        assert points.keys() == run.data.metrics.keys()
        kept = {e["path"] for e in events if e["event"] == "artifact"}
        listed = {f"{a.path}" for a in _files(client, run.info.run_id, "")}
        assert kept == listed
    assert ours["child"][0]["parent"] == ours["parent"][0]["run_id"]
    assert theirs["child"].data.tags["mlflow.parentRunId"] == theirs["parent"].info.run_id


def _files(client: Any, run_id: str, path: str) -> list[Any]:
    found = []
    for entry in client.list_artifacts(run_id, path):
        found += _files(client, run_id, entry.path) if entry.is_dir else [entry]
    return found

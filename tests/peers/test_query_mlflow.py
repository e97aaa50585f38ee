"""The filter language beside MLflow's own search: what MLflow documents finds the same runs in the same order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random
from typing import Any, Final

import pytest
from mlflow.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LifecycleStage,
    Metric,
    Param,
    Run,
    RunData,
    RunInfo,
    RunInputs,
    RunTag,
)
from mlflow.exceptions import MlflowException
from mlflow.utils.search_utils import SearchUtils

from reportgen.model import Summary
from reportgen.query import Frame, search
from tests import querygen
from tests.query_runs import NOW, RUNS, direction
from tests.test_query_cases import CASES

PAIRS: Final = 20_000
FILTERS_PER_SET: Final = 50
CASES_OF_MLFLOW: Final = [case for case in CASES if case.get("mlflow")]
STATUS: Final = {"finished": "FINISHED", "failed": "FAILED", "stopped": "KILLED", "unfinished": "RUNNING"}


def ms(seconds: float) -> int:
    return math.floor(seconds * 1000 + 0.5)


def to_mlflow(run: Summary) -> Run:
    """Return the run as MLflow keeps it: params as texts, the last values of the metrics, its own tags set."""
    info = RunInfo(
        run_id=run.run_id,
        experiment_id="0",
        user_id=run.user,
        status=STATUS[run.status],
        start_time=ms(run.start_time),
        end_time=None if run.status == "unfinished" else ms(run.last_time),
        lifecycle_stage=LifecycleStage.ACTIVE,
        run_name=run.name,
    )
    if not run.user:
        info._user_id = None  # its constructor insists on a text; what it loads from a database may be None
    own = {
        "mlflow.user": run.user,
        "mlflow.runName": run.name,
        "mlflow.parentRunId": run.parent_id,
        "mlflow.note.content": run.notes,
        "mlflow.source.git.commit": run.commit,
        "mlflow.source.git.branch": run.branch,
    }
    tags = {name: value for name, value in own.items() if value} | dict(run.tags)
    data = RunData(
        metrics=[Metric(name, metric.last, 0, metric.last_step) for name, metric in run.metrics.items()],
        params=[Param(name, str(value)) for name, value in run.params.items()],
        tags=[RunTag(name, value) for name, value in tags.items()],
    )
    inputs = [
        DatasetInput(
            Dataset(each.name, each.digest, "local", each.source),
            [InputTag("mlflow.data.context", each.role)] if each.role else [],
        )
        for each in run.inputs
    ]
    return Run(info, data, RunInputs(inputs))


def theirs(runs: Sequence[Run], text: str, order_by: Sequence[str] = ()) -> list[str]:
    return [run.info.run_id for run in SearchUtils.sort(SearchUtils.filter(list(runs), text), list(order_by))]


def ours(frame: Frame, text: str, order_by: Sequence[str] = ()) -> list[str]:
    return [frame.runs[row].run_id for row in search(frame, text, order_by, now=NOW)]


# ---- by hand

ENTITIES_OF_RUNS: Final = [to_mlflow(run) for run in RUNS]


@pytest.mark.parametrize(
    "case", CASES_OF_MLFLOW, ids=lambda case: case["filter"][:60].encode("unicode_escape").decode()
)
def test_mlflow_answers_each_case_within_its_grammar_as_expected(case: dict[str, Any]) -> None:
    assert theirs(ENTITIES_OF_RUNS, case["filter"], case.get("order_by", ())) == case["ids"]


# ---- at random


def make_sets(seed: int, pairs: int) -> list[tuple[Frame, list[Run], Random]]:
    rng = Random(seed)
    made = []
    for _ in range(pairs // FILTERS_PER_SET):
        runs = querygen.make_runs(rng, plain=True)
        made.append((Frame(runs, direction=querygen.direction), [to_mlflow(run) for run in runs], rng))
    return made


def test_random_filters_find_the_same_runs() -> None:
    found = 0
    for frame, entities, rng in make_sets(1, PAIRS):
        for _ in range(FILTERS_PER_SET):
            text = querygen.make_mlflow_filter(rng, frame.runs)
            expected = theirs(entities, text)
            assert ours(frame, text) == expected, text
            found += 0 < len(expected) < len(entities)
    assert found > PAIRS / 5  # filters that all runs or none fulfil prove little


def test_random_orders_are_the_same() -> None:
    moved = 0
    for frame, entities, rng in make_sets(2, PAIRS // 4):
        for _ in range(FILTERS_PER_SET):
            order = querygen.make_mlflow_order(rng)
            expected = theirs(entities, "", order)
            assert ours(frame, "", order) == expected, order
            moved += expected != theirs(entities, "")
    assert moved > PAIRS / 16


# ---- where the two part


@pytest.mark.parametrize(
    "text",
    [
        "metrics.acc > 1 OR metrics.acc < 0",
        "NOT metrics.acc > 1",
        "(metrics.acc > 1)",
        "metrics.acc BETWEEN 0 AND 1",
        "metrics.acc IN (1, 2)",
        "params.x IN ('5')",
        "status IN ('FAILED')",
        "params.x = 5",
        "params.x > 5",
        "params.x NOT LIKE '5%'",
        "params.x CONTAINS '5'",
        "max(metrics.acc) > 0",
        "duration > 60",
        "experiment = 'x'",
        "start_time > '2026-11-01'",
        "start_time > now - 7d",
        "metrics.acc IS NULL",
        "notes CONTAINS 'x'",
    ],
)
def test_what_is_marked_as_ours_mlflow_refuses(text: str) -> None:
    search(Frame(RUNS, direction=direction), text, now=NOW)
    with pytest.raises(MlflowException):
        theirs(ENTITIES_OF_RUNS, text)


def test_the_differences_are_those_of_the_page() -> None:
    frame = Frame(RUNS, direction=direction)
    assert theirs(ENTITIES_OF_RUNS, "run_id = 'l-done' run_id = 'l-done'") == ["l-done"]
    assert theirs(ENTITIES_OF_RUNS, "status = 'failed'") == []
    assert ours(frame, "status = 'failed'") == ["l-failed"]
    assert theirs(ENTITIES_OF_RUNS, "tags.team ILIKE 'ÉMILE'") == ["t-accent-lower", "t-accent"]
    assert ours(frame, "tags.team ILIKE 'ÉMILE'") == ["t-accent"]
    assert theirs(ENTITIES_OF_RUNS, "tags.team LIKE 'vi%on'") == ["t-lower"]
    assert ours(frame, "tags.team LIKE 'vi%on'") == ["t-line", "t-lower"]

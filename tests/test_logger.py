"""What the logging calls write, refuse and warn of. Faults of the machine are in `test_logger_faults`."""

from __future__ import annotations

import argparse
import inspect
import math
import random
import re
import threading
import time
from collections import UserDict
from enum import Enum
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import reportgen
import reportgen as mlflow
from reportgen import LoggerError, LoggerWarning, logger
from reportgen.formats import MAX_NAME, decode_number, folder_name
from reportgen.logrun import POINTS_PER_LINE, Run
from reportgen.quantiles import QUANTILES
from tests.runlogs import _no_runs, read_events, run_script  # noqa: F401 - a fixture for all tests

ANY_TEXT = st.text(st.characters(exclude_categories=[]), min_size=1, max_size=300)


def start(**arguments: Any) -> Run:
    return logger.start_run(capture=False, **arguments)


# ---- starting and ending


def test_a_run_is_a_folder_with_a_start_and_an_end_line() -> None:
    with start(experiment="Digits, big", name="mlp", group="g", user="ada") as run:
        assert run.path == Path.cwd() / "runs" / folder_name("Digits, big") / run.run_id / "events.jsonl"
    begin, end = read_events(run)
    assert begin.keys() == {
        "event", "format", "run_id", "experiment", "name", "rank", "session", "time", "group", "user", "reportgen",
    }  # fmt: skip
    assert (begin["experiment"], begin["name"], begin["rank"]) == ("Digits, big", "mlp", 0)
    assert re.fullmatch(r"\d{8}T\d{6}\.\d{6}Z-[0-9a-f]{4}", begin["session"])
    assert re.fullmatch(r"\d{8}-\d{6}-[0-9a-f]{10}", begin["run_id"])
    assert (end["event"], end["status"]) == ("end", "FINISHED")
    assert "error" not in end
    assert abs(begin["time"] - time.time()) < 60


def test_names_are_readable_and_the_same_for_all_ranks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPORTGEN_RUN_ID", "job-7")
    with start(rank=0) as first:
        pass
    monkeypatch.setattr(logger, "_shared_runs", 0)
    with start(rank=1) as second:
        pass
    assert re.fullmatch(r"[a-z]+-[a-z]+-\d\d", first.name)
    assert first.name == second.name


def test_the_random_numbers_of_the_training_are_left_alone() -> None:
    random.seed(7)
    wanted = random.random()
    random.seed(7)
    with start():
        assert random.random() == wanted


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (ValueError("loss is NaN"), "FAILED", "ValueError: loss is NaN"),
        (ValueError(), "FAILED", "ValueError"),
        (KeyboardInterrupt(), "KILLED", "KeyboardInterrupt"),
        (SystemExit(3), "FAILED", "SystemExit: 3"),
        (SystemExit(0), "FINISHED", None),
        (ValueError("\ud800"), "FAILED", "ValueError: \ufffd"),
        (ValueError("x" * 10_000), "FAILED", "ValueError: " + "x" * (4000 - 12)),
    ],
)
def test_a_block_that_raises_ends_the_run_with_the_reason(error: BaseException, status: str, told: str | None) -> None:
    with pytest.raises(type(error)), start() as run:
        raise error
    end = read_events(run, "end")[0]
    assert (end["status"], end.get("error")) == (status, told)


def test_an_error_that_cannot_be_shown_is_named() -> None:
    class OddError(Exception):
        def __str__(self) -> str:
            raise AttributeError

    with pytest.raises(OddError), start() as run:
        raise OddError
    assert read_events(run, "end")[0]["error"] == "OddError"


def test_a_run_ends_once() -> None:
    run = start()
    run.end("KILLED", "enough")
    run.end()
    logger.end_run()
    assert [(e["status"], e["error"]) for e in read_events(run, "end")] == [("KILLED", "enough")]
    with pytest.raises(LoggerError, match=r"has ended; start_run\(run_id="):
        run.log_metric("x", 1)
    with pytest.raises(LoggerError, match="has ended"):
        run.log_text("x", "x.txt")
    with pytest.raises(LoggerError, match="choose FINISHED, FAILED, KILLED"):
        run.end("RUNNING")


def test_a_program_that_ends_ends_its_runs(tmp_path: Path) -> None:
    cases = {
        "pass": ("FINISHED", None, 0),
        "raise ValueError('oops')": ("FAILED", "ValueError: oops", 1),
        "raise KeyboardInterrupt": ("KILLED", "KeyboardInterrupt", -2),
    }
    for number, (ending, (status, error, code)) in enumerate(cases.items()):
        script = f"import reportgen as rg; run = rg.start_run(experiment='e{number}', capture=False)\n{ending}"
        done = run_script(script, cwd=tmp_path)
        assert done.returncode == code
        (log,) = tmp_path.glob(f"runs/e{number}/*/events.jsonl")
        end = read_events(log)[-1]
        assert (end["event"], end["status"], end.get("error")) == ("end", status, error)


# ---- the active run


def test_a_second_run_needs_nested() -> None:
    with start(name="outer") as outer:
        with pytest.raises(LoggerError, match=r"run outer .* is active: end it with end_run\(\)"):
            start()
        with start(nested=True) as inner:
            assert logger.active_run() is inner
            assert read_events(inner, "start")[0]["parent"] == outer.run_id
            assert inner.experiment == outer.experiment
        assert logger.active_run() is outer
    assert logger.active_run() is None
    assert logger.last_active_run() is inner


def test_a_parent_can_be_named() -> None:
    with start(parent_run_id="p1") as run:
        assert read_events(run, "start")[0]["parent"] == "p1"


def test_logging_without_a_run_starts_one_and_warns_once() -> None:
    with pytest.warns(LoggerWarning, match="no run was active: started run") as caught:
        reportgen.log_metric("x", 1.0)
        reportgen.log_metric("x", 2.0)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    run = logger.active_run()
    assert run is not None
    assert len(read_events(run, "metrics")) == 2
    logger.end_run("FAILED")
    assert read_events(run, "end")[0]["status"] == "FAILED"


def test_threads_log_to_the_programs_run_and_may_have_their_own() -> None:
    seen: dict[str, Any] = {}

    def work() -> None:
        seen["shared"] = logger.active_run()
        with start(nested=True) as own:
            barrier.wait(60)
            seen["own"] = logger.active_run() is own
            seen["parent"] = read_events(own, "start")[0]["parent"]
            barrier.wait(60)

    barrier = threading.Barrier(2)
    with start() as run:
        thread = threading.Thread(target=work)
        thread.start()
        barrier.wait(60)
        assert logger.active_run() is run
        barrier.wait(60)
        thread.join()
    assert seen == {"shared": run, "own": True, "parent": run.run_id}


def test_an_experiment_is_set_for_the_runs_to_come() -> None:
    experiment = mlflow.set_experiment("digits")
    assert (experiment.name, experiment.experiment_id) == ("digits", "digits")
    with start() as run:
        assert run.experiment == "digits"
    with start(experiment_id="other") as run:
        assert run.info.experiment_id == "other"
    with pytest.raises(LoggerError, match="experiment was given twice: 'a' and 'b'"):
        start(experiment="a", experiment_id="b")
    with pytest.raises(LoggerError, match="experiment_name must be text, not int"):
        logger.set_experiment(3)  # type: ignore[arg-type]


def test_a_mlflow_script_runs_unchanged() -> None:
    mlflow.set_experiment("old")
    with mlflow.start_run(run_name="base", tags={"team": "x"}, description="**note**") as run:
        mlflow.log_param("lr", 0.1)
        mlflow.log_params({"a": 1})
        mlflow.log_metric("loss", 0.5, 3, timestamp=1700000000123)
        mlflow.log_metrics({"acc": 0.5}, step=4, synchronous=False, run_id=run.info.run_id)
        mlflow.set_tag("mlflow.note.content", "more")
        mlflow.log_dict({"a": 1}, "a.json")
        active = mlflow.active_run()
        assert active is not None
        assert active.info.run_id == run.info.run_id
    last = mlflow.last_active_run()
    assert last is not None
    assert last.info.run_name == "base"
    assert run.info.status == "FINISHED"
    assert run.info.artifact_uri == (run.folder / "artifacts").as_uri()
    assert run.info.end_time is not None
    assert run.info.end_time >= run.info.start_time > 1.7e12
    first = read_events(run, "metrics")[0]
    assert (first["step"], first["time"]) == (3, 1700000000.123)
    assert [event["text"] for event in read_events(run, "note")] == ["**note**", "more"]
    with pytest.raises(AttributeError, match="a run has no 'data': what was logged"):
        _ = run.data  # type: ignore[attr-defined]


def test_what_mlflow_would_record_besides_is_told() -> None:
    with pytest.warns(LoggerWarning, match="system metrics are not recorded"), start(log_system_metrics=True):
        pass


def test_another_active_run_can_be_named() -> None:
    with start() as outer, start(nested=True):
        logger.log_param("a", 1)
        logger.log_params({"b": 1}, run_id=outer.run_id)
        with pytest.raises(LoggerError, match="run 'nobody' is not active in this process"):
            logger.log_metric("x", 1.0, run_id="nobody")
    assert read_events(outer, "params") == [{"event": "params", "params": {"b": 1}}]


# ---- metrics


def test_a_call_is_a_line() -> None:
    with start() as run:
        run.log_metrics({"a": 0.5, "b": 2}, step=3, time=17.5)
        run.log_metric("a", 1.5)
        run.log_metrics({})
    first, second = read_events(run, "metrics")
    assert first == {"event": "metrics", "step": 3, "time": 17.5, "metrics": {"a": 0.5, "b": 2}}
    assert second.keys() == {"event", "time", "metrics"}


class Tensor:
    """A scalar of a library that is not installed here."""

    def __init__(self, value: float) -> None:
        self.value = value

    def item(self) -> float:
        return self.value

    def __float__(self) -> float:
        raise RuntimeError("can't call on a tensor that requires grad")


@pytest.mark.parametrize(
    ("value", "logged"),
    [
        (1, 1), (2**60 + 1, 2**60 + 1), (2**70, float(2**70)), (True, 1.0), ("0.5", 0.5), (Fraction(1, 4), 0.25),
        (np.float32(0.5), 0.5), (np.float64(0.1), 0.1), (np.int32(3), 3.0), (np.array([0.5]), 0.5), (Tensor(0.5), 0.5),
        (math.nan, "NaN"), (math.inf, "Infinity"), (-math.inf, "-Infinity"), (np.float64("nan"), "NaN"),
        (10**400, "Infinity"), (-(10**400), "-Infinity"),
    ],
)  # fmt: skip
def test_numbers_of_all_kinds_are_taken(value: Any, logged: object) -> None:
    with start() as run:
        run.log_metric("x", value)
        run.log_metric("x", value)
    assert [event["metrics"]["x"] for event in read_events(run, "metrics")] == [logged, logged]


@pytest.mark.parametrize("value", ["high", None, {"a": 1}, [1.0], (1,), b"1", 1j, np.array([1.0, 2.0]), object()])
def test_what_is_no_number_raises_at_the_call(value: Any) -> None:
    with start() as run:
        with pytest.raises(LoggerError, match="metric 'x' must be a number"):
            run.log_metric("x", value)
        run.log_metric("x", 1.0)
    assert len(read_events(run, "metrics")) == 1


@pytest.mark.parametrize("name", ["", 3, None, b"x", ("a",)])
def test_what_is_no_name_raises_at_the_call(name: Any) -> None:
    with start() as run:
        for log in (run.log_metric, run.log_param, run.set_tag):
            with pytest.raises(LoggerError, match="must be a text that is not empty"):
                log(name, 1)


@pytest.mark.parametrize("metrics", [None, 1, [("a", 1)], "a"])
def test_what_is_no_mapping_raises_at_the_call(metrics: Any) -> None:
    with start() as run:
        for log in (run.log_metrics, run.log_params, run.set_tags):
            with pytest.raises(LoggerError, match="must be a mapping"):
                log(metrics)
        with pytest.raises(LoggerError, match=r"give vars\(params\)"):
            run.log_params(argparse.Namespace(lr=1))  # type: ignore[arg-type]
        run.log_metrics(UserDict(a=1.0))
    assert read_events(run, "metrics")[0]["metrics"] == {"a": 1.0}


@pytest.mark.parametrize(
    ("step", "logged"), [(5, 5), (-1, -1), (np.int64(5), 5), (5.0, 5), (True, 1), (2**63 - 1, 2**63 - 1)]
)
def test_steps_are_whole_numbers(step: Any, logged: int) -> None:
    with start() as run:
        run.log_metric("x", 1.0, step=step)
    assert read_events(run, "metrics")[0]["step"] == logged


@pytest.mark.parametrize("step", [1.5, "5", 2**63, math.nan, math.inf, [1], object()])
def test_other_steps_raise(step: Any) -> None:
    with start() as run, pytest.raises(LoggerError, match="a step must be a whole number"):
        run.log_metric("x", 1.0, step=step)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(ANY_TEXT, st.floats() | st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=5))
@pytest.mark.filterwarnings("ignore::reportgen.LoggerWarning")
def test_any_name_and_any_number_come_back(metrics: dict[str, float]) -> None:
    with start() as run:
        run.log_metrics(metrics, step=1)
        run.log_metrics(metrics, step=2)
    for event in read_events(run, "metrics"):
        logged = event["metrics"]
        assert all(len(name) <= MAX_NAME for name in logged)
        if len(logged) == len(metrics):
            for value, back in zip(metrics.values(), logged.values(), strict=True):
                assert decode_number(back) == float(value) or value != value


def test_long_names_are_cut_with_a_hash_and_a_warning() -> None:
    with start() as run:
        for log in (run.log_metric, run.log_param, run.set_tag):
            with pytest.warns(LoggerWarning, match="has 400 characters; it is logged as 'nnn") as caught:
                log("n" * 400, 1)
            assert caught[0].filename == __file__
    names = [next(iter(event[event["event"]])) for event in read_events(run, "metrics", "params", "tags")]
    assert [len(name) for name in names] == [MAX_NAME] * 3


def test_arrays_are_logged_as_columns() -> None:
    with start() as run:
        run.log_points("loss", np.array([0.5, np.nan, 2]))
        run.log_points({"a": [1, 2.5], "b": (np.float32(1), math.inf)}, steps=np.array([3, 5]), times=[1.5, 2])
        run.log_points({})
    assert read_events(run, "points") == [
        {"event": "points", "metrics": {"loss": [0.5, "NaN", 2.0]}},
        {"event": "points", "steps": [3, 5], "times": [1.5, 2], "metrics": {"a": [1, 2.5], "b": [1.0, "Infinity"]}},
    ]


def test_long_arrays_become_several_lines() -> None:
    with start() as run:
        run.log_points("x", np.zeros(POINTS_PER_LINE + 1), steps=np.arange(POINTS_PER_LINE + 1))
    assert [len(event["metrics"]["x"]) for event in read_events(run, "points")] == [POINTS_PER_LINE, 1]
    assert read_events(run, "points")[1]["steps"] == [POINTS_PER_LINE]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("x",), "takes a name and its values, or one mapping"),
        (({"x": [1]}, [1]), "takes a name and its values, or one mapping"),
        (("x", [1, 2], [1]), "must have one length; these have: 'steps' 1, 'x' 2"),
        (({"x": [1], "y": [1, 2]},), "must have one length"),
        (("x", [1], [1], [1, 2]), "'times' 2"),
        (("x", "abc"), "must be an array of numbers, not str"),
        (("x", 3), "must be an array of numbers, not int"),
        (("x", [[1, 2]]), "must be a number, not list"),
        (("x", [1], [0.5]), "a step must be a whole number"),
    ],
)
def test_arrays_that_do_not_fit_raise(arguments: Any, message: str) -> None:
    with start() as run, pytest.raises(LoggerError, match=message):
        run.log_points(*arguments)


# ---- histograms

SAMPLE = [math.sin(i * i) for i in range(101)]


@pytest.mark.parametrize("values", [SAMPLE, np.array(SAMPLE), np.array(SAMPLE[:100]).reshape(4, 5, 5)])
def test_a_histogram_is_logged_as_its_quantiles(values: Any) -> None:
    with start() as run:
        run.log_histogram("weights", values, step=7, time=3.0)
    (event,) = read_events(run, "metrics")
    assert (event["step"], event["time"]) == (7, 3.0)
    assert list(event["metrics"]) == ["weights/q05", "weights/q25", "weights/q50", "weights/q75", "weights/q95"]
    assert list(event["metrics"].values()) == pytest.approx(
        np.quantile(values, [0.05, 0.25, 0.5, 0.75, 0.95]), rel=1e-15
    )


@pytest.mark.parametrize("kind", ["f2", "f4", "i8", "u1", "bool", "object"])
def test_arrays_of_any_numbers_have_quantiles(kind: str) -> None:
    values = np.array([1, 0, 1, 1, 0]).astype(kind)
    with start() as run:
        run.log_histogram("x", values, quantiles=(0, 100))
    assert read_events(run, "metrics")[0]["metrics"] == {"x/q00": 0, "x/q50": 1, "x/q100": 1}


class Tensor:
    """Has of torch what matters: it must leave the graph and the accelerator before it can be read."""

    def __init__(self, values: list[float], *, home: bool = False) -> None:
        self.values, self.home, self.shape = values, home, (len(values),)

    def detach(self) -> Tensor:
        return self

    def cpu(self) -> Tensor:
        return Tensor(self.values, home=True)

    def tolist(self) -> list[float]:
        assert self.home
        return self.values

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise TypeError("numpy has no bfloat16")


def test_a_tensor_that_numpy_has_no_type_for_is_read_as_a_list() -> None:
    with start() as run:
        run.log_histogram("x", Tensor([3.0, 1.0, 2.0]), quantiles=[])
    assert read_events(run, "metrics")[0]["metrics"] == {"x/q50": 2.0}


@pytest.mark.parametrize("make", [list, np.array])
def test_a_histogram_with_a_nan_is_nan_and_one_without_numbers_is_nothing(make: Any) -> None:
    with start() as run:
        run.log_histogram("x", make([1.0, math.nan]), quantiles=(0, 100))
        run.log_histogram("x", make([]))
        run.log_histogram("y", make([math.inf, 0.0, -math.inf]), quantiles=(0, 100))
    assert [event["metrics"] for event in read_events(run, "metrics")] == [
        {"x/q00": "NaN", "x/q50": "NaN", "x/q100": "NaN"},
        {"y/q00": "-Infinity", "y/q50": 0.0, "y/q100": "Infinity"},
    ]


def test_a_histogram_with_a_long_name_keeps_its_quantiles_together() -> None:
    with start() as run, pytest.warns(LoggerWarning, match="has 245 characters"):
        run.log_histogram("x" * 245, [1.0, 2.0])
    names = list(read_events(run, "metrics")[0]["metrics"])
    assert len({name.rpartition("/")[0] for name in names}) == 1
    assert max(map(len, names)) <= MAX_NAME


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("", [1]), "the name of a histogram must be a text"),
        (("x", "abc"), "must be an array of numbers, not str"),
        (("x", 3.0), "must be an array of numbers, not float"),
        (("x", np.float64(3)), "must be an array of numbers, not float64"),
        (("x", [1, None]), "histogram 'x' must be a number, not NoneType"),
        (("x", np.array([1j])), "histogram 'x' must be a number, not complex"),
    ],
)
def test_what_is_no_histogram_raises(arguments: Any, message: str) -> None:
    with start() as run, pytest.raises(LoggerError, match=message):
        run.log_histogram(*arguments)


def test_the_quantiles_of_the_logger_are_those_of_all_readers() -> None:
    for function in (reportgen.log_histogram, Run.log_histogram):
        assert inspect.signature(function).parameters["quantiles"].default == QUANTILES


def test_quantiles_are_percents() -> None:
    with start() as run, pytest.raises(LoggerError, match=r"percents from 0 to 100, not \[0.5, 50.0, 101.0\]"):
        run.log_histogram("x", [1.0], quantiles=(0.5, 101))


# ---- params, tags, notes, data sets


class Size(Enum):
    BIG = "big"


def test_params_keep_their_types() -> None:
    with start(params={"lr": 1e-3}) as run:
        run.log_params({"n": np.int64(3), "path": Path("a/b"), "size": Size.BIG, "nested": {"a": (1, None)}, "f": len})
        assert run.log_param("q", "x") == "x"
    logged = {key: value for event in read_events(run, "params") for key, value in event["params"].items()}
    assert logged == {
        "lr": 1e-3, "n": 3, "path": "a/b", "size": "big", "nested": {"a": [1, None]},
        "f": "<built-in function len>", "q": "x",
    }  # fmt: skip


def test_a_param_logged_again_warns_only_when_it_differs() -> None:
    with start(params={"lr": 0.1}) as run:
        run.log_param("lr", 0.1)
        with pytest.warns(LoggerWarning, match=r"param 'lr' of run .* is 0\.1 and was logged again as 0\.2"):
            run.log_param("lr", 0.2)
    assert [event["params"] for event in read_events(run, "params")] == [{"lr": 0.1}, {"lr": 0.2}]


def test_tags_are_text() -> None:
    with start() as run:
        run.set_tags({"a": 1, "b": None, "c": "\ud800", "d": True})
    assert read_events(run, "tags")[0]["tags"] == {"a": "1", "b": "None", "c": "\ufffd", "d": "True"}


def test_data_sets_have_a_name() -> None:
    dataset = SimpleNamespace(name="digits", digest="abc", source="https://user:pass@host/digits")
    with start() as run:
        run.log_input(dataset, context="train")
        run.log_input("digits", "test", source="data/digits.csv", digest="d")
        run.log_input({"name": "m"}, tags={"a": 1})
        run.log_input(Path("data/x.csv"))
        for wrong in (3, [1], "", SimpleNamespace(name=None)):
            with pytest.raises(LoggerError, match="log_input takes the name of a data set"):
                run.log_input(wrong)
    assert [{k: v for k, v in event.items() if k != "event"} for event in read_events(run, "input")] == [
        {"name": "digits", "digest": "abc", "source": "https://host/digits", "role": "train"},
        {"name": "digits", "digest": "d", "source": "data/digits.csv", "role": "test"},
        {"name": "m", "digest": "", "source": "", "role": "", "tags": {"a": 1}},
        {"name": "x.csv", "digest": "", "source": "data/x.csv", "role": ""},
    ]


def test_notes_are_text() -> None:
    with start() as run:
        run.note("a\ud800")
        with pytest.raises(LoggerError, match="a note must be text, not int"):
            run.note(3)  # type: ignore[arg-type]
    assert read_events(run, "note") == [{"event": "note", "text": "a\ufffd"}]


def test_secrets_of_the_environment_stand_in_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_API_TOKEN", 'quo"ted-secret-value')
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")
    with pytest.raises(ValueError, match="denied"), start(name='for quo"ted-secret-value') as run:
        run.log_params({"t": 'x quo"ted-secret-value y', "p": "false"})
        run.set_tag("t", 'quo"ted-secret-value')
        run.note('quo"ted-secret-value')
        raise ValueError('denied: quo"ted-secret-value')
    assert run.path is not None
    text = run.path.read_text()
    assert "secret-value" not in text
    assert text.count("[redacted:environment]") == 5
    assert '"p":"false"' in text


# ---- ids, ranks, continued runs


def test_a_run_id_continues_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    with start(experiment="digits", name="mlp", params={"lr": 0.1}, group="g") as first:
        pass
    logger.set_experiment("elsewhere")
    with start(run_id=first.run_id) as second, pytest.warns(LoggerWarning, match="param 'lr'"):
        second.log_param("lr", 0.2)
    assert (second.experiment, second.name, second.folder) == ("digits", "mlp", first.folder)
    assert second.path == first.folder / "events.1.jsonl"
    assert read_events(first.folder / "events.jsonl")[-1]["event"] == "end"
    begin = read_events(second, "start")[0]
    assert begin["group"] == "g"
    assert begin["session"] > read_events(first, "start")[0]["session"]
    with pytest.raises(LoggerError, match="belongs to experiment 'digits', not 'x'"):
        start(run_id=first.run_id, experiment="x")


def test_logs_of_others_do_not_confuse_a_continued_run() -> None:
    folder = Path("runs", "digits", "r1")
    folder.mkdir(parents=True)
    (folder / "events.jsonl").write_bytes(b"\0\0\n{")
    (folder / "events.1.jsonl").write_text('{"event":"start","run_id":"another","experiment":"x"}\n')
    (folder / "events.2.jsonl").write_text(
        '{"event":"start","run_id":"r1","experiment":"Digits","name":7}\n{"event":"params","params":[1]}\n'
        '{"event":"params"\n{"event":"params","params":{"a":1}}\n'
    )
    with start(run_id="r1", params={"a": 1}) as run:
        assert (run.experiment, run.name) == ("Digits", "r1")
    assert read_events(run, "params") == []


def test_processes_that_share_an_id_log_one_run(monkeypatch: pytest.MonkeyPatch) -> None:
    logs = []
    for rank in ("0", "1"):
        monkeypatch.setenv("REPORTGEN_RUN_ID", "Job 1")
        monkeypatch.setenv("RANK", rank)
        monkeypatch.setattr(logger, "_shared_runs", 0)
        with start(experiment="e") as run, start(nested=True) as child:
            assert child.run_id == "Job 1-2"
        with start() as third:
            assert third.run_id == "Job 1-3"
        logs.append((run.path, run.rank, run.run_id))
    folder = Path.cwd() / "runs" / "e" / folder_name("Job 1")
    assert logs == [(folder / "events.jsonl", 0, "Job 1"), (folder / "events.1.jsonl", 1, "Job 1")]


def test_torchruns_id_joins_and_its_placeholder_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "job")
    monkeypatch.setenv("RANK", "2")
    with start() as run:
        assert (run.run_id, run.rank) == ("job", 2)
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    with pytest.warns(LoggerWarning, match="process 2 of a job without a shared run id"), start() as run:
        assert run.rank == 0
        assert run.run_id != "none"


def test_a_scheduler_alone_never_joins_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_PROCID", "3")
    with pytest.warns(LoggerWarning, match="set REPORTGEN_RUN_ID"), start() as run:
        assert run.rank == 0
    with start(run_id="shared") as run:
        assert run.rank == 3
    with start(rank=5) as run:
        assert run.rank == 5
    monkeypatch.setenv("SLURM_PROCID", "x")
    with start() as run:
        assert run.rank == 0
    for rank in (-1, "1", True, 2**31):
        with pytest.raises(LoggerError, match="rank must be a whole number from 0"):
            start(rank=rank)


@pytest.mark.parametrize("name", ["../../up", "/etc", "CON", "a\0b", "\ud800", ".", "x" * 240, "Digits"])
def test_hostile_names_stay_in_the_folder(name: str) -> None:
    with start(run_id=name, experiment=name, name=name) as run:
        pass
    root = Path.cwd() / "runs"
    assert run.folder.parent.parent == root
    assert [path.parent.parent.parent for path in root.rglob("events.jsonl")] == [root]
    with start(run_id=run.run_id) as again:
        assert again.folder == run.folder


def test_the_folder_of_logs_can_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPORTGEN_DIR", str(tmp_path / "a"))
    with start() as run:
        assert run.folder.parent.parent == tmp_path / "a"
    with start(log_dir=tmp_path / "b") as run:
        assert run.folder.parent.parent == tmp_path / "b"


def test_a_run_started_in_a_folder_stays_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with start() as run:
        other = tmp_path / "other"
        other.mkdir()
        monkeypatch.chdir(other)
        run.log_text("x", "x.txt")
    assert (tmp_path / "runs").is_dir()
    assert list(other.iterdir()) == []

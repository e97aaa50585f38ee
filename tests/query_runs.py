"""Runs that the cases in `query_cases.jsonl` ask for, each made for what its id says, and their form in JSON.

Four families, told apart by how the ids begin: `m-` has metrics, `x-` has one param `x` in every kind of value, `t-`
has strange texts and names, `l-` has the facts of a run's life. What a run is not made for, it has not got.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from reportgen.model import Code, Input, MetricSummary, ParamValue, Summary
from tests.factories import Values, make_summary

T0: Final = 1_793_491_200.0
"""2026-11-01 00:00 UTC."""
NOW: Final = T0 + 21 * 86_400
"""2026-11-22 00:00 UTC, what `now` means in the cases."""
NAN, INF = math.nan, math.inf

_DIRECTIONS: Final = {"acc": "max", "loss": "min"}


def direction(metric: str) -> str | None:
    """Return `max` for the metric `acc`, `min` for `loss`, None for all others."""
    return _DIRECTIONS.get(metric)


def make_runs() -> tuple[Summary, ...]:
    """Return the runs, oldest first but for those of the `l-` family, which say when they started."""
    families = (*_metric_runs(), *_param_runs(), *_text_runs())
    return (*_life_runs(), *(make(T0 + 10 * 86_400 + 60 * at) for at, make in enumerate(families)))


def _bare(run_id: str, **facts: Any) -> Any:
    """Return what makes the run once it is told when to start; by itself a run has an id, a name and a status."""
    defaults: dict[str, Any] = {
        "experiment": "bench", "duration_s": 60.0, "user": "", "params": {}, "tags": {}, "metrics": {}, "code": Code(),
    }  # fmt: skip

    def make(start_time: float) -> Summary:
        return make_summary(**{"name": run_id, "run_id": run_id, "start_time": start_time, **defaults, **facts})

    return make


def _metric_runs() -> list[Any]:
    named: dict[str, Values] = {
        "val/acc": [0.95], "f1 score": [0.5], "a-b": [1.0], "1st": [2.0], "top.1": [3.0], "loss(train)": [4.0],
        "a,b": [5.0], "x=y": [6.0], "🦊": [7.0], 'say "hi"': [8.0], "it's": [9.0], "`tick`": [10.0],
        "line\nbreak": [11.0], "and": [12.0], "NOT": [13.0], "metrics": [14.0], "run": [15.0], "now": [16.0],
        "Acc": [0.9], "דיוק": [17.0], "best": [18.0], " lead": [19.0], "1e-3": [20.0], "number": [21.0],
    }  # fmt: skip
    metrics: dict[str, dict[str, Values]] = {
        "m-up": {"acc": [0.1, 0.5, 0.9], "loss": [3.0, 2.0, 1.0]},
        "m-down": {"acc": [0.9, 0.5, 0.1], "loss": [1.0, NAN, 2.0]},
        "m-one": {"acc": [0.5], "loss": [NAN, NAN]},
        "m-nan": {"acc": [0.9, NAN]},
        "m-inf": {"acc": [INF]},
        "m-neginf": {"acc": [1.0, -INF]},
        "m-zero": {"acc": [0.0]},
        "m-minus0": {"acc": [-0.0]},
        "m-steps": {"acc": ([10, 20, 20, 30], [0.25, 0.75, 0.75, 0.5])},
        "m-big": {"acc": [1e308], "loss": [5e-324], "exact": [9007199254740993.0]},
        "m-names": named,
    }
    return [_bare(run_id, metrics=of) for run_id, of in metrics.items()]


def _param_runs() -> list[Any]:
    values: dict[str, ParamValue] = {
        "x-int": 5,
        "x-float": 5.0,
        "x-text": "5",
        "x-blanks": " 5 ",
        "x-zero-ten": "0.10",
        "x-tenth": 0.1,
        "x-small": 1e-05,
        "x-small-text": "0.00001",
        "x-true": True,
        "x-false": False,
        "x-true-text": "TRUE",
        "x-false-text": "false",
        "x-none": None,
        "x-none-text": "None",
        "x-word": "adam",
        "x-empty": "",
        "x-nan": NAN,
        "x-nan-text": "NaN",
        "x-inf": INF,
        "x-neginf-text": "-Infinity",
        "x-huge": 2**70,
        "x-vast": 10**400,
        "x-e16": 1e16,
        "x-minus0": -0.0,
        "x-hex": "0x10",
        "x-under": "1_000",
        "x-digits": "٣",
        "x-plus": "+7",
    }
    return [_bare(run_id, params={"x": value}) for run_id, value in values.items()]


def _text_runs() -> list[Any]:
    texts = {
        "t-lower": ("vision", "cnn"),
        "t-title": ("Vision", "CNN"),
        "t-empty": ("", ""),
        "t-line": ("vi\nsion", "c\nn"),
        "t-wild": ("100%", "c_n"),
        "t-accent": ("Émile", "straße"),
        "t-accent-lower": ("émile", "STRASSE"),
        "t-fox": ("🦊🦊", "a🦊b"),
        "t-high": ("\uffff", "a\uffffb"),
        "t-rtl": ("שלום", "שלום עולם"),
        "t-quote": ("it's", 'say "hi"'),
        "t-regex": ("a.c", "a+c(d)[e]^$|\\"),
    }
    params: dict[str, ParamValue] = {
        "a b": 1, "a.b": 2, "a/b": 3, "a-b": 4, "it's": 5, 'say "x"': 6, "tick`": 7, "🦊": 8, "שלום": 9, "a,b": 10,
        "(p)": 11, "p=1": 12, "two\nlines": 13, "1st": 14, "Model": "upper", "in": "i", "null": "n", "<>": 15,
        "a''b": 16, "true": "t",
    }  # fmt: skip
    tags = {"a b": "one", "mlflow.user": "tagged", "mlflow.note.content": "note tag", "release.v1": "yes", "n": "3"}
    return [
        *(_bare(run_id, tags={"team": team}, params={"model": model}) for run_id, (team, model) in texts.items()),
        _bare("t-names", params=params, tags=tags),
    ]


def _life_runs() -> list[Summary]:
    done = _bare(
        "l-done", name="baseline", group="g1", user="ada", duration_s=7200.04, notes="Baseline run.\nSecond *line*",
        note="Baseline run. Second line", code=Code(commit="a41f09c2d5e8b7f6", branch="main", dirty=False),
        artifacts=["model.pt", "plots/loss.png"],
        inputs=[Input("mnist", "abc", "", "train"), Input("mnist-test", "def", "", "test")],
    )  # fmt: skip
    failed = _bare(
        "l-failed", name="baseline", status="failed", error="ValueError: bad lr", user="bob", parent_id="l-done",
        duration_s=59.9994, code=Code(commit="0c7d20c4", branch="feature/x", dirty=True), artifacts=["log.txt"],
    )  # fmt: skip
    stopped = _bare(
        "l-stopped", name="third", status="stopped", group="g1", user="ada", duration_s=99.9996,
        inputs=[Input("cifar", "123", "", "")],
    )  # fmt: skip
    unfinished = _bare("l-open", name="Run 7", status="unfinished", duration_s=5400.0, notes="baseline 2")
    odd = _bare(
        "l-odd", name="100% sure", experiment="Other/exp", group="g_1", user="Ada", duration_s=0.0015,
        artifacts=["a.pt", "b.PT", "c/model.pt"], code=Code(commit="0001", branch="main", dirty=None),
        notes="100% sure", inputs=[Input("mnist", "xyz", "", "train")],
    )  # fmt: skip
    old = _bare("l-old", name="7", group="100", experiment="bench-old", duration_s=1.0)
    return [
        old(86_400.0),
        done(T0),
        failed(T0),  # at one time with l-done
        stopped(T0 + 86_400 + 18.5 * 3600),  # 2026-11-02 18:30
        odd(T0 + 2 * 86_400 + 0.0006),  # rounds to 2026-11-03 00:00:00.001
        unfinished(NOW - 5400),
    ]


# ---- JSON


def to_json(run: Summary) -> dict[str, Any]:
    """Return all that filters ask of a run as plain JSON.

    A number that JSON has not stands as `"nan"`, `"inf"` or `"-inf"`. A param is [kind, text], the kind `text`, `int`,
    `float`, `bool` or `none`, the text what `str` makes of the value.
    """
    facts = (
        "key run_id experiment name status error start_time last_time duration_s parent_id group user notes commit"
        " branch dirty artifacts"
    ).split()
    return {
        **{name: getattr(run, name) for name in facts},
        "artifact_paths": list(run.artifact_paths),
        "inputs": [{"name": each.name, "digest": each.digest, "role": each.role} for each in run.inputs],
        "tags": dict(run.tags),
        "params": {name: [_KINDS[type(value)], str(value)] for name, value in run.params.items()},
        "metrics": {
            name: {what: _number_to_json(getattr(metric, what)) for what in _STATISTICS}
            for name, metric in run.metrics.items()
        },
    }


def from_json(data: Mapping[str, Any]) -> Summary:
    """Return the run that `to_json` was given, without what filters do not ask for."""
    dropped = {
        "params": {name: _VALUES[kind](text) for name, (kind, text) in data["params"].items()},
        "metrics": {name: _metric(each) for name, each in data["metrics"].items()},
        "inputs": tuple(Input(each["name"], each["digest"], "", each["role"]) for each in data["inputs"]),
        "artifact_paths": tuple(data["artifact_paths"]),
    }
    rest: dict[str, Any] = {"note": "", "models": (), "problems": (), "ranks": 1, "sessions": 1}
    rest |= {"commit_time": None, "commit_parents": (), "commit_subject": ""}
    return Summary(**{**data, **dropped, **rest})


_KINDS: Final = {str: "text", int: "int", float: "float", bool: "bool", type(None): "none"}
_VALUES: Final[Mapping[str, Any]] = {
    "text": str,
    "int": int,
    "float": float,
    "bool": "True".__eq__,
    "none": lambda _: None,
}
_STATISTICS: Final = ("count", "first", "last", "min", "max", "mean", "min_step", "max_step")


def _number_to_json(number: float | None) -> float | str | None:
    return str(number) if isinstance(number, float) and not math.isfinite(number) else number


def _metric(data: Mapping[str, Any]) -> MetricSummary:
    numbers = {name: float(value) if isinstance(value, str) else value for name, value in data.items()}
    return MetricSummary(
        **numbers, non_finite=0, first_step=0, last_step=0, last_finite=None, last_finite_step=None, spark=()
    )


def make_run(run_id: str, *, start_time: float, **facts: Any) -> Summary:
    """Return a run with these facts, as `make_summary` takes them; what is not given it has not got."""
    run: Summary = _bare(run_id, **facts)(start_time)
    return run


RUNS: Final = make_runs()

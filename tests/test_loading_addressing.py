"""What a text that names a run means: ids, names, beginnings, keys, and runs by what they hold."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from reportgen.errors import SourceError
from reportgen.formats import run_key, short_key
from reportgen.loading import find_experiment, find_run
from reportgen.model import Summary
from reportgen.site.config import Config, MetricConfig
from reportgen.sources import RunRef
from tests.factories import START, make_summary

NAN = float("nan")


def make(run_id: str, name: str, experiment: str = "digits", hours: float = 0, **metrics: float) -> Summary:
    values = {key.replace("__", "/"): [value] for key, value in metrics.items()}
    return make_summary(name, run_id=run_id, experiment=experiment, start_time=START + 3600 * hours, metrics=values)


RUNS = [
    make("20261121-a1", "mlp-256", hours=1, val__accuracy=0.9, loss=0.3),
    make("20261121-a2", "mlp-512", hours=2, val__accuracy=0.8, loss=0.1),
    make("20261122-b1", "cnn", "letters", hours=3, val__accuracy=0.99, speed=3.0),
    make("20261122-b2", "twin", "letters", hours=0, val__accuracy=NAN, speed=4.0),
    make("20261122-b3", "twin", "letters", hours=-1, speed=5.0),
]


def find(text: str, runs: list[Summary] | None = None, config: Config | None = None) -> str:
    own = RUNS if runs is None else runs
    return find_run(own, text, config=config or Config(), summaries=lambda: own).run_id


def error(text: str, runs: list[Summary] | None = None) -> str:
    with pytest.raises(SourceError) as caught:
        find(text, runs)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("20261121-a2", "a2"),
        ("mlp-256", "a1"),
        ("mlp-5", "a2"),
        ("20261122-b1", "b1"),
        ("c", "b1"),
        (run_key("20261121-a1"), "a1"),
        (short_key(run_key("20261122-b3")), "b3"),
        ("latest", "b1"),
        ("latest@digits", "a2"),
        ("best:val/accuracy", "b1"),
        ("best:val/accuracy@digits", "a1"),
        ("best:loss", "a2"),
        ("best:loss@digits", "a2"),
        ("max:speed", "b3"),
        ("min:speed@letters", "b1"),
        ("max:val/accuracy@digits", "a1"),
        ("min:val/accuracy", "a2"),
    ],
)
def test_texts_and_what_they_mean(text: str, found: str) -> None:
    assert find(text).endswith(found)


def test_min_and_max_take_the_extreme_and_not_the_last_value() -> None:
    runs = [make("a", "a", x=0.6), make("b", "b", x=0.4)]
    assert find("min:x", runs) == "b"
    runs = [
        make_summary("a", run_id="a", metrics={"x": [9.0, 1.0]}),
        make_summary("b", run_id="b", metrics={"x": [5.0, 2.0]}),
    ]
    assert (find("max:x", runs), find("min:x", runs)) == ("a", "a")


def test_best_goes_by_the_value_in_tables() -> None:
    runs = [
        make_summary("a", run_id="a", metrics={"acc": [9.0, 1.0]}),
        make_summary("b", run_id="b", metrics={"acc": [5.0, 2.0]}),
    ]
    last = Config(metrics={"acc": MetricConfig(summary="last")})
    falling = Config(metrics={"acc": MetricConfig(direction="min")})
    assert [find("best:acc", runs), find("best:acc", runs, last), find("best:acc", runs, falling)] == ["a", "b", "a"]


def test_failed_runs_are_not_best() -> None:
    runs = [make_summary("a", run_id="a", status="failed", metrics={"acc": [9.0]}), make("b", "b", acc=1.0)]
    assert find("best:acc", runs) == "b"


def test_metrics_and_experiments_with_an_at_sign() -> None:
    runs = [
        make_summary("a", run_id="a", experiment="x", metrics={"recall@10": [0.9]}),
        make_summary("b", run_id="b", experiment="x@2", metrics={"recall@10": [0.7]}),
        make_summary("c", run_id="c", experiment="10", metrics={"recall": [0.1]}),
    ]
    assert find("best:recall@10@x", runs) == "a"
    assert find("best:recall@10@x@2", runs) == "b"
    assert find("best:recall@10", runs) == "c"
    assert find("best:recall@10", runs[:2]) == "a"


def test_a_name_comes_before_what_it_could_mean() -> None:
    runs = [make("a", "latest"), make("b", "best:loss", hours=1, loss=1.0), make("c", "b", hours=2, loss=0.1)]
    assert find("latest", runs) == "a"
    assert find("best:loss", runs) == "b"
    assert find("b", runs) == "b"


def test_errors_list_what_can_be_meant() -> None:
    assert "'twin' can mean 2 runs" in error("twin") and "20261122-b2 (twin, experiment letters)" in error("twin")
    assert "'mlp' can mean 2 runs" in error("mlp")
    assert "no run is called 'mlp-265': did you mean 'mlp-256'?" in error("mlp-265")
    assert "there are: cnn, mlp-256, mlp-512, twin;" in error("something-else")
    assert "no run is called ''" in error("")
    assert "no run is called 'x'" in error("x", [])
    assert "no experiment is called 'digit': did you mean 'digits'?" in error("latest@digit")
    assert "no experiment is called 'digit': did you mean 'digits'?" in error("best:loss@digit")
    assert "no run has the metric 'los': did you mean 'loss'?" in error("best:los")
    assert "no run of 'letters' has the metric 'loss'" in error("best:loss@letters")
    assert "'best:speed@letters' needs to know" in error("best:speed@letters")
    assert "max:speed@letters or min:speed@letters" in error("best:speed@letters")
    assert "none has a value that is a finite number" in error(
        "max:x", [make_summary("a", run_id="a", metrics={"x": [NAN]})]
    )
    assert "means no run" in error("latest", [])
    with pytest.raises(SourceError, match="there are: digits, letters"):
        find_experiment(["letters", "digits"], "xyz")


@dataclass
class Asked:
    """Counts how often the summaries were wanted."""

    times: int = 0

    def __call__(self) -> list[Summary]:
        self.times += 1
        return RUNS[:2]


def test_runs_that_were_not_read_are_found_and_read_only_where_it_takes_that() -> None:
    refs = [RunRef(run.key, run.run_id, run.experiment, run.name, "", ()) for run in RUNS]
    asked = Asked()
    assert find_run(refs, "mlp-5", config=Config(), summaries=asked) is refs[1]
    assert asked.times == 0
    assert find_run(refs, "best:loss", config=Config(), summaries=asked) is refs[1]
    assert asked.times == 1
    with pytest.raises(SourceError, match="cannot be read"):
        find_run(refs[2:], "best:loss", config=Config(), summaries=asked)

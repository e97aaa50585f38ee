"""What the site keeps of each experiment: it comes back from JSON as it was, and nothing of another shape does."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from reportgen.errors import FormatError
from reportgen.index import make_experiment
from reportgen.model import Experiment, ModelVersion, Problem
from reportgen.site.config import Config, MetricConfig
from reportgen.site.data.typed import decode_typed, encode_typed
from reportgen.site.facts import ExperimentFacts, in_order, join_problems, make_facts
from reportgen.site.histories import make_history
from tests.factories import START, make_summary

CONFIG = Config(metrics={"acc": MetricConfig(direction="max", unit="%")})


def facts_of(experiment: Experiment, config: Config) -> ExperimentFacts:
    return make_facts(experiment, config, make_history(experiment, config).facts)


def some_facts(name: str = "digits") -> ExperimentFacts:
    """Return the facts of an experiment of which every part has something."""
    runs = [
        make_summary(
            f"run-{number}",
            run_id=f"{name}-{number}",
            experiment=name,
            start_time=START + number,
            status="failed" if number == 1 else "finished",
            params={"lr": 0.1 * number},
            metrics={"acc": [1.0, 2.0 + number, math.nan]},
            models=(ModelVersion("net", str(number), ("best",), ("x.pt",), "0" * 64, ""),),
            problems=(Problem("a/b.jsonl", "torn", "nothing", line=number),) if number else (),
        )
        for number in range(4)
    ]
    return facts_of(make_experiment(name, runs), CONFIG)


def test_facts_come_back_from_json_as_they_were() -> None:
    facts = some_facts()
    assert facts.best and facts.progress and facts.comparison and facts.recent and facts.models and facts.problems
    back = decode_typed(ExperimentFacts, orjson.loads(orjson.dumps(encode_typed(facts))))
    assert back == facts
    assert [run.spark for run in back.recent] == [run.spark for run in facts.recent]


def test_numbers_that_json_cannot_hold_come_back() -> None:
    run = make_summary("a", start_time=START, metrics={"loss": [math.inf]})
    facts = facts_of(make_experiment("digits", [run]), Config(headline=("loss",)))
    assert decode_typed(ExperimentFacts, orjson.loads(orjson.dumps(encode_typed(facts)))) == facts


@pytest.mark.parametrize(
    "spoil",
    [
        lambda facts: facts.pop("runs"),
        lambda facts: facts.update(more=1),
        lambda facts: facts.update(runs="4"),
        lambda facts: facts.update(runs=True),
        lambda facts: facts.update(last_time="soon"),
        lambda facts: facts.update(days=[[1, 2]]),
        lambda facts: facts.update(recent={}),
        lambda facts: facts["recent"][0].update(page="javascript:alert(1)"),
        lambda facts: facts["recent"][0].update(heights=[1.5]),
        lambda facts: facts["best"].update(page="../../etc/passwd"),
        lambda facts: facts["problems"][0].update(problem="torn"),
        lambda facts: facts.update(comparison=[]),
    ],
)
def test_facts_of_another_shape_are_refused(spoil: Callable[[dict[str, Any]], object]) -> None:
    told = encode_typed(some_facts())
    spoil(told)
    with pytest.raises(FormatError):
        decode_typed(ExperimentFacts, told)


def test_experiments_stand_by_their_last_activity_and_problems_by_their_runs() -> None:
    old, new = some_facts("old"), some_facts("new")
    late = facts_of(make_experiment("late", [make_summary("x", start_time=START + 9e6)]), CONFIG)
    assert [facts.name for facts in in_order([old, late, new])] == ["late", "new", "old"]
    assert [row.problem.line for row in join_problems([old, new])] == [3, 3, 2, 2, 1, 1]

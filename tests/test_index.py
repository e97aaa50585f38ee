"""The index: order, what varies, and independence of the order in which runs come."""

from __future__ import annotations

import random
from dataclasses import replace

from reportgen.index import last_activity, make_experiment, make_index
from reportgen.model import Problem
from tests.factories import make_summary


def test_experiments_come_by_last_activity_then_by_name() -> None:
    index = make_index(
        [
            make_summary("a", experiment="old", start_time=100, duration_s=10),
            make_summary("b", experiment="zeta", start_time=50, duration_s=500),
            make_summary("c", experiment="alpha", start_time=540, duration_s=10),
        ],
        [],
    )
    assert [e.name for e in index.experiments] == ["alpha", "zeta", "old"]
    assert last_activity(index.experiments[0]) == last_activity(index.experiments[1]) == 550


def test_runs_come_newest_first_and_stand_oldest_first_in_their_experiment() -> None:
    runs = [make_summary(name, start_time=time) for name, time in (("a", 3), ("b", 1), ("c", 2))]
    index = make_index(runs, [])
    assert [run.name for run in index.runs] == ["a", "c", "b"]
    assert [run.name for run in index.experiments[0].runs] == ["b", "c", "a"]


def test_the_order_in_which_runs_come_does_not_matter() -> None:
    runs = [
        make_summary(
            f"r{i}", experiment=f"e{i % 3}", start_time=i // 4, params={"lr": i % 2, "seed": i, "x": str(i % 3)}
        )
        for i in range(40)
    ]
    problems = [Problem(f"f{i % 3}", "torn", line=i) for i in range(9)]
    first = make_index(runs, problems)
    mixed = list(runs)
    random.Random(7).shuffle(mixed)
    assert make_index(mixed, problems[::-1]) == first


def test_a_param_varies_when_its_value_differs_or_some_run_lacks_it() -> None:
    experiment = make_experiment(
        "e",
        [
            make_summary("a", params={"lr": 0.1, "same": "x", "seed": 1}),
            make_summary("b", params={"lr": 0.2, "same": "x", "seed": 1, "extra": True}),
        ],
    )
    assert experiment.varying_params == ("lr", "extra")
    assert experiment.constant_params == {"same": "x", "seed": 1}


def test_slots_follow_the_start_of_a_groups_first_run() -> None:
    runs = [
        make_summary("late", params={"lr": 1}, start_time=30),
        make_summary("first", params={"lr": 2}, start_time=10),
        make_summary("again", params={"lr": 1}, start_time=20),
    ]
    (experiment,) = make_index(runs, []).experiments
    by_name = {run.name: experiment.slots[experiment.groups[run.key]] for run in experiment.runs}
    assert by_name == {"first": 1, "again": 2, "late": 2}


def test_metric_names_come_in_order_of_first_appearance() -> None:
    experiment = make_experiment(
        "e",
        [
            make_summary("a", metrics={"loss": [1.0], "acc": [0.5]}),
            make_summary("b", metrics={"f1": [0.2], "acc": [1]}),
        ],
    )
    assert experiment.metric_names == ("loss", "acc", "f1")


def test_problems_of_no_run_come_first_and_the_others_name_their_run() -> None:
    run = replace(make_summary("a"), problems=(Problem("e/a/events.jsonl", "torn"),))
    index = make_index([run], [Problem("b", "unreadable"), Problem("a", "unreadable")])
    assert [(p.where, key) for p, key in index.problems] == [("a", None), ("b", None), ("e/a/events.jsonl", run.key)]


def test_nothing_makes_an_empty_index() -> None:
    index = make_index([], [])
    assert (index.experiments, index.runs, index.problems) == ((), (), ())

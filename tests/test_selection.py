"""Selections: the best runs, the headline metrics, and the colours of runs that are shown together."""

from __future__ import annotations

import math

from reportgen.analysis.selection import (
    COLOURS,
    assign_slots,
    best_run,
    contenders,
    headline_metrics,
    rank_runs,
    select_runs,
    settle_slots,
)
from reportgen.index import make_experiment
from reportgen.model import Experiment, Summary
from reportgen.site.directions import guess_direction
from tests.factories import make_summary


def scored(name: str, value: float, start: float = 0.0, status: str = "finished") -> Summary:
    return make_summary(name, metrics={"acc": [value]}, start_time=start, status=status)


def names(runs: tuple[Summary, ...]) -> list[str]:
    return [run.name for run in runs]


def experiment_with(*metrics: str, runs: int = 2) -> Experiment:
    return make_experiment("e", [make_summary(f"r{i}", metrics={m: [1.0] for m in metrics}) for i in range(runs)])


def test_the_ten_best_are_selected_best_first() -> None:
    experiment = make_experiment("e", [scored(f"r{i:02}", i % 13, i) for i in range(30)])
    chosen = select_runs(experiment, "acc", "max", "max")
    assert len(chosen) == 10
    values = [run.metrics["acc"].max for run in chosen]
    assert values == sorted(values, key=lambda v: -(v or 0))
    assert names(select_runs(experiment, "acc", "min", "min"))[:2] == ["r00", "r13"]


def test_equal_values_stand_by_start() -> None:
    experiment = make_experiment("e", [scored("early", 1, 1), scored("late", 1, 2)])
    assert names(select_runs(experiment, "acc", "last", "max")) == ["early", "late"]


def test_without_a_usable_metric_the_newest_are_selected() -> None:
    experiment = make_experiment("e", [scored(f"r{i:02}", math.nan, i) for i in range(12)])
    newest = [f"r{i:02}" for i in range(11, 1, -1)]
    assert names(select_runs(experiment, None, "last", None)) == newest
    assert names(select_runs(experiment, "acc", "max", "max")) == newest
    assert names(select_runs(experiment, "acc", "last", None)) == newest


def test_runs_without_a_finite_value_are_not_selected() -> None:
    experiment = make_experiment("e", [scored("a", 1), scored("b", math.inf), make_summary("c", metrics={})])
    assert names(select_runs(experiment, "acc", "last", "max")) == ["a"]


def test_a_failed_run_is_no_contender_unless_all_failed() -> None:
    runs = [scored("good", 1), scored("failed", 99, status="failed")]
    assert names(contenders(runs)) == ["good"]
    assert names(rank_runs(runs, "acc", "last", "max")) == ["good", "failed"]
    best = best_run(runs[1:], "acc", "last", "max")
    assert best is not None
    assert best.name == "failed"


def test_nothing_is_best_without_a_direction_or_a_value() -> None:
    assert best_run([scored("a", 1)], "acc", "last", None) is None
    assert best_run([scored("a", math.nan)], "acc", "last", "max") is None
    assert best_run([], "acc", "last", "max") is None


def test_declared_headline_metrics_stand_in_their_order() -> None:
    experiment = experiment_with("loss", "val/acc", "lr")
    assert headline_metrics(experiment, ["lr", "unknown", "loss", "lr"], guess_direction) == ("lr", "loss")
    assert headline_metrics(experiment, ["unknown"], guess_direction)[0] == "val/acc"


def test_chosen_headline_metrics_are_evaluation_first_and_leave_out_the_machine() -> None:
    experiment = experiment_with(
        "system/gpu", "grad_norm", "train/loss", "train/acc", "val/loss", "val/acc", "throughput"
    )
    chosen = headline_metrics(experiment, [], guess_direction)
    assert chosen == ("val/acc", "val/loss", "throughput", "train/acc", "train/loss", "grad_norm")


def test_a_metric_of_few_runs_does_not_lead() -> None:
    runs = [make_summary(f"r{i}", metrics={"loss": [1.0]}) for i in range(5)]
    runs.append(make_summary("odd", metrics={"val/acc": [1.0]}))
    assert headline_metrics(make_experiment("e", runs), [], guess_direction) == ("loss", "val/acc")


def test_no_more_headline_metrics_than_asked_for() -> None:
    experiment = experiment_with(*(f"m{i}" for i in range(20)))
    assert headline_metrics(experiment, [], guess_direction, limit=3) == ("m0", "m1", "m2")
    assert headline_metrics(make_experiment("e", []), [], guess_direction) == ()


def test_runs_take_the_slot_of_their_group_and_further_runs_the_lowest_free_one() -> None:
    runs = [
        make_summary(n, params={"lr": lr, "seed": n}, start_time=i)
        for i, (n, lr) in enumerate(zip("abcd", (1, 2, 1, 3), strict=True))
    ]
    experiment = make_experiment("e", runs)
    slots = assign_slots(experiment, [runs[3], runs[2], runs[0]])
    assert [slots[run.key] for run in (runs[3], runs[2], runs[0])] == [3, 1, 2]


def test_ten_runs_of_any_groups_have_ten_colours() -> None:
    runs = [make_summary(f"r{i:02}", params={"lr": i // 2}, start_time=i) for i in range(60)]
    experiment = make_experiment("e", runs)
    for shown in (runs[:10], runs[30:40], runs[-10:]):
        assert sorted(assign_slots(experiment, shown).values()) == list(range(1, COLOURS + 1))
    assert set(assign_slots(experiment, runs).values()) == set(range(1, COLOURS + 1))


def test_lines_shown_together_have_colours_of_their_own() -> None:
    assert settle_slots([3, 3, 1, 0, 667]) == [3, 2, 1, 4, 5]
    assert settle_slots([500 + i for i in range(10)]) == list(range(1, 11))
    assert settle_slots([]) == []


def test_the_best_fold_is_not_the_best_run() -> None:
    parent = make_summary(run_id="forest", metrics={"auc": [0.90]})
    fold = make_summary(run_id="fold", metrics={"auc": [0.99]}, parent_id="forest")
    assert best_run([parent, fold], "auc", "max", "max") == parent
    lone = make_summary(run_id="forest", metrics={"loss": [0.1]})
    assert best_run([lone, fold], "auc", "max", "max") == fold

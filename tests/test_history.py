"""Histories: which runs are one observation, which configurations have a history, and what changed in it."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import numpy as np
import pytest

from reportgen.analysis import history
from reportgen.analysis.history import Measure, configurations, make_histories, weigh
from reportgen.model import Summary
from tests.factories import START, make_metric_summary
from tests.historyruns import DAY, commit_hash, falling_runs, run_at, without_commit

ACCURACY = Measure("val/accuracy", "max", "max")


def only(runs: list[Summary], **options: object) -> history.History:
    (found,) = make_histories(runs, [ACCURACY], **options).histories  # type: ignore[arg-type]
    return found


# ---- observations


def test_runs_of_one_commit_are_one_observation_with_the_range_of_the_seeds() -> None:
    runs = [run_at(n, 0.5 + 0.1 * s, seed=s) for n in (1, 2, 3) for s in (0, 1, 2)]
    found = only(runs)
    (metric,) = found.metrics
    assert [o.commit for o in found.observations] == [commit_hash(n) for n in (1, 2, 3)]
    assert [o.subject for o in found.observations] == [f"Commit number {n}" for n in (1, 2, 3)]
    assert metric.values.tolist() == pytest.approx([0.6] * 3)
    assert (metric.lows.tolist(), metric.highs.tolist()) == ([0.5] * 3, [0.7] * 3)
    assert metric.counts.tolist() == [3, 3, 3]


def test_what_came_in_which_order_does_not_matter() -> None:
    runs = falling_runs()
    shuffled = list(runs)
    random.Random(1).shuffle(shuffled)
    a, b = only(runs), only(shuffled)
    assert a.observations == b.observations
    assert a.metrics[0].changes == b.metrics[0].changes


def test_only_finished_runs_count() -> None:
    runs = [run_at(n, 0.5) for n in (1, 2, 3)]
    assert make_histories([*runs[:2], replace(runs[2], status="failed")], [ACCURACY]).histories == ()
    assert make_histories([*runs[:2], replace(runs[2], status="unfinished")], [ACCURACY]).histories == ()


def test_uncommitted_changes_count_only_where_nothing_else_was_measured() -> None:
    runs = [run_at(n, 0.5) for n in (1, 2, 3)]
    runs += [run_at(2, 0.9, dirty=True), run_at(4, 0.6, dirty=True)]
    found = only(runs)
    assert [o.dirty for o in found.observations] == [False, False, False, True]
    assert found.metrics[0].values.tolist() == pytest.approx([0.5, 0.5, 0.5, 0.6])


def test_without_commits_a_day_is_an_observation() -> None:
    runs = [without_commit(run_at(0, 0.5, seed=n), start_time=START + n // 2 * DAY) for n in range(6)]
    found = only(runs)
    assert [o.commit for o in found.observations] == ["", "", ""]
    assert [o.time for o in found.observations] == [START, START + DAY, START + 2 * DAY]
    assert found.metrics[0].counts.tolist() == [2, 2, 2]


def test_seeds_of_one_evening_are_no_history() -> None:
    runs = [without_commit(run_at(0, 0.5, seed=n), start_time=START + n) for n in range(20)]
    assert make_histories(runs, [ACCURACY]).histories == ()


def test_a_metric_with_fewer_than_three_values_has_no_history() -> None:
    runs = [run_at(n, 0.5) for n in (1, 2, 3)]
    runs[0] = replace(runs[0], metrics={"val/accuracy": make_metric_summary([math.nan])})
    assert make_histories(runs, [ACCURACY]).histories == ()


# ---- configurations


def test_params_and_groups_make_configurations_and_the_one_with_most_runs_comes_first() -> None:
    runs = [run_at(n, 0.5, width=8) for n in range(5)] + [run_at(n, 0.5, seed=s) for n in range(4) for s in (0, 1)]
    found = make_histories(runs, [ACCURACY]).histories
    assert [h.total for h in found] == [4, 5]
    grouped = [replace(run, group="nightly") for run in runs]
    assert only(grouped).total == 5


def test_runs_without_params_belong_together_by_a_name_that_returns() -> None:
    named = [run_at(n, 0.5, params={}, run_id=f"{name}{n}") for n in range(3) for name in "ab"]
    named = [replace(run, name="ridge" if run.run_id[0] == "a" else "lasso") for run in named]
    assert {kind for kind, _ in configurations(named)} == {"name"}
    assert [h.key for h in make_histories(named, [ACCURACY]).histories] == ["lasso", "ridge"]


def test_runs_without_params_and_with_ever_new_names_are_one_configuration() -> None:
    found = only([replace(run_at(n, 0.5, params={}), name=f"{n}-py3.12") for n in range(4)])
    assert (found.kind, found.total) == ("all", 4)


def test_branches_can_be_chosen() -> None:
    runs = [run_at(n, 0.5, branch=branch) for n, branch in enumerate(["main", "main", "", "release/1", "topic"])]
    assert [o.commit for o in only(runs, branches=("main", "release/*")).observations] == [
        commit_hash(n) for n in range(4)
    ]


def test_what_has_no_room_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [run_at(n, 0.5, width=width) for n in range(5) for width in (1, 2, 3)]
    found = make_histories(runs, [ACCURACY], most_values=11)
    assert (len(found.histories), found.left_out) == (2, 1)
    sweep = [run_at(n, 0.5, width=width) for n in range(3) for width in range(20)]
    told = make_histories(sweep, [ACCURACY])
    assert (len(told.histories), told.left_out) == (history.MAX_CONFIGURATIONS, 20 - history.MAX_CONFIGURATIONS)
    monkeypatch.setattr(history, "MAX_OBSERVATIONS", 3)
    shown = make_histories(runs, [ACCURACY]).histories[0]
    assert (len(shown.observations), shown.total) == (3, 5)
    assert shown.observations[-1].commit == commit_hash(4)


# ---- changes


def test_changes_are_told_with_their_commits_and_whether_they_are_open() -> None:
    (metric,) = only(falling_runs()).metrics
    better, worse = metric.changes
    assert (better.kind, better.before, better.after, better.open) == ("improvement", 7, 8, False)
    assert (worse.kind, worse.before, worse.after, worse.open) == ("regression", 15, 16, True)
    assert metric.open == (worse,)
    assert worse.confirmed and (worse.count_before, worse.count_after) == (8, 8)
    assert worse.part == pytest.approx(-0.055, abs=0.002)
    assert worse.deviations is not None and worse.deviations > 10
    assert worse.range is not None and worse.range.whole and worse.range.count == 1


def test_the_direction_says_what_is_better() -> None:
    for direction, kinds in (("min", ["regression", "improvement"]), (None, ["change", "change"])):
        (found,) = make_histories(falling_runs(), [Measure("val/accuracy", "last", direction)]).histories
        assert [change.kind for change in found.metrics[0].changes] == kinds
        assert [change.open for change in found.metrics[0].changes] == [direction == "min", False]


def test_a_regression_that_was_made_good_is_not_open() -> None:
    runs = falling_runs() + [run_at(n, 0.9 + 0.001 * (n % 3), seed=s) for n in range(24, 32) for s in range(3)]
    kinds = [(change.kind, change.open) for change in only(runs).metrics[0].changes]
    assert kinds == [("improvement", False), ("regression", False), ("improvement", False)]


def test_one_new_measurement_is_not_confirmed() -> None:
    runs = [run_at(n, 0.9 + 0.001 * (n % 3)) for n in range(20)] + [run_at(20, 0.5)]
    (change,) = only(runs).metrics[0].changes
    assert change.open and not change.confirmed


def test_changes_below_the_threshold_are_none() -> None:
    assert only(falling_runs(), threshold=0.2).metrics[0].changes == ()


def test_a_change_from_zero_has_no_part() -> None:
    runs = [run_at(n, 0.0 if n < 8 else 5.0) for n in range(16)]
    (change,) = only(runs).metrics[0].changes
    assert (change.part, change.deviations) == (None, None)


# ---- weights


def test_without_repeats_all_weigh_the_same() -> None:
    assert weigh([[1.0], [2.0], []]) is None


def test_more_and_calmer_seeds_weigh_more_and_equal_ones_are_no_certainty() -> None:
    weights = weigh([[1.0], [1.0, 1.2], [1.0, 1.2, 1.1, 1.1], [1.0, 1.0], [0.0, 5.0]])
    assert weights is not None
    single, usual, many, equal, wild = weights.tolist()
    assert wild < single < usual < many
    assert usual < equal < 3 * usual


def test_exact_repeats_weigh_by_their_number() -> None:
    weights = weigh([[1.0, 1.0], [2.0] * 4])
    assert weights is not None
    assert weights.tolist() == pytest.approx([math.sqrt(2), 2.0])


def test_values_too_large_to_square_do_no_harm() -> None:
    weights = weigh([[1e300, -1e300], [1.0, 2.0], [1.0]])
    assert weights is not None and np.all(np.isfinite(weights)) and weights[0] == 0

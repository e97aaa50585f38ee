"""Groups of seeds: who belongs together, what a configuration is called, and the intervals."""

from __future__ import annotations

import math
import statistics
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reportgen.analysis.groups import (
    Difference,
    differences,
    group_of,
    is_seed,
    make_groups,
    make_spread,
    seed_spread,
    t_quantile_975,
    usual_values,
)
from reportgen.index import make_experiment
from tests.factories import make_summary

KNOWN_T = {
    1: 12.7062, 2: 4.3027, 3: 3.1824, 4: 2.7764, 5: 2.5706, 9: 2.2622, 10: 2.2281, 11: 2.2010, 12: 2.1788,
    15: 2.1314, 20: 2.0860, 29: 2.0452, 30: 2.0423, 60: 2.0003, 120: 1.9799, 1000: 1.9623,
}  # fmt: skip
"""0.975 quantiles of Student's t as printed in statistical tables."""


@pytest.mark.parametrize(
    "name", ["seed", "random_seed", "random_state", "data/seed", "trainer.seed", "a.b/random_state"]
)
def test_params_that_name_the_repetition_are_seeds(name: str) -> None:
    assert is_seed(name)


@pytest.mark.parametrize("name", ["seeds", "seed_everything", "linseed", "seed/scale", "", "Seed."])
def test_other_params_are_not_seeds(name: str) -> None:
    assert not is_seed(name)


def test_runs_that_differ_in_the_seed_alone_are_one_group() -> None:
    a = make_summary("a", params={"lr": 0.1, "seed": 1})
    b = make_summary("b", params={"seed": 2, "lr": 0.1})
    c = make_summary("c", params={"lr": 0.2, "seed": 1})
    assert group_of(a) == group_of(b) != group_of(c)


def test_a_named_group_wins_over_the_params() -> None:
    a = make_summary("a", group="baseline", params={"lr": 1})
    b = make_summary("b", group="baseline", params={"lr": 2})
    assert group_of(a) == group_of(b) != group_of(make_summary("c", group="other", params={"lr": 1}))


def test_numbers_are_compared_by_value_and_texts_are_not_numbers() -> None:
    assert group_of(make_summary("a", params={"n": 1})) == group_of(make_summary("b", params={"n": 1.0}))
    assert group_of(make_summary("a", params={"n": 1})) != group_of(make_summary("b", params={"n": "1"}))


def test_runs_without_params_stand_alone_but_seeds_alone_are_repetitions() -> None:
    assert group_of(make_summary("a", params={})) != group_of(make_summary("b", params={}))
    assert group_of(make_summary("a", params={"seed": 1})) == group_of(make_summary("b", params={"seed": 2}))


def test_odd_values_have_a_group_too() -> None:
    odd = {"big": 2**80, "nan": math.nan, "inf": math.inf, "lone": "\ud800", "none": None, "huge": 1e300}
    assert group_of(make_summary("a", params=odd)) == group_of(make_summary("b", params=dict(reversed(odd.items()))))


def test_a_group_is_named_by_what_is_not_usual() -> None:
    base = {"optimizer": "adamw", "lr": 1e-3, "mixup": 0.2}
    runs = [make_summary(f"base{i}", params={**base, "seed": i}, start_time=i) for i in range(3)]
    runs.append(make_summary("lion", params={**base, "optimizer": "lion", "lr": 1e-4, "seed": 1}, start_time=10))
    runs.append(make_summary("none", params={k: v for k, v in base.items() if k != "mixup"}, start_time=11))
    groups = make_groups(make_experiment("e", runs))
    assert [group.slot for group in groups] == [1, 2, 3]
    assert [len(group.runs) for group in groups] == [3, 1, 1]
    assert groups[1].differences == (Difference("optimizer", "lion"), Difference("lr", 1e-4))
    assert groups[2].differences == (Difference("mixup", None, logged=False),)


def test_the_usual_configuration_names_its_first_two_varying_params() -> None:
    runs = [
        make_summary("a", params={"opt": "adam", "lr": 1, "depth": 3}, start_time=1),
        make_summary("b", params={"opt": "sgd", "lr": 1, "depth": 3}, start_time=2),
        make_summary("c", params={"opt": "adam", "lr": 2, "depth": 3}, start_time=3),
        make_summary("d", params={"opt": "adam", "lr": 1, "depth": 4}, start_time=4),
    ]
    first = make_groups(make_experiment("e", runs))[0]
    assert first.differences == (Difference("opt", "adam"), Difference("lr", 1))


def test_a_configuration_with_many_seeds_does_not_define_what_is_usual() -> None:
    runs = [make_summary(f"s{i}", params={"lr": 9, "seed": i}, start_time=i) for i in range(20)]
    runs += [make_summary(f"x{i}", params={"lr": 1, "width": i}, start_time=100 + i) for i in range(3)]
    assert usual_values(make_experiment("e", runs), ["lr"]) == {"lr": 1}


def test_a_param_that_is_usually_missing_is_named_where_it_is_logged() -> None:
    runs = [make_summary(n, params={"n": n}, start_time=i) for i, n in enumerate("abc")]
    odd = make_summary("d", params={"n": "d", "extra": None}, start_time=9)
    experiment = make_experiment("e", [*runs, odd])
    usual = usual_values(experiment, ["extra"])
    assert differences(odd, usual) == (Difference("extra", None),)
    assert differences(runs[0], usual) == ()


@pytest.mark.parametrize(("freedom", "quantile"), KNOWN_T.items())
def test_t_quantiles_agree_with_the_tables(freedom: int, quantile: float) -> None:
    assert t_quantile_975(freedom) == pytest.approx(quantile, abs=6e-5)


def test_t_quantiles_fall_towards_the_normal_one() -> None:
    values = [t_quantile_975(n) for n in range(1, 400)]
    assert values == sorted(values, reverse=True)
    assert values[-1] > 1.95996


def test_no_degrees_of_freedom_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1, not 0"):
        t_quantile_975(0)


def test_the_interval_is_that_of_the_textbook() -> None:
    values = [78.43, 78.27, 78.06, 78.30]
    spread = make_spread([make_summary(f"r{v}", metrics={"acc": [v]}) for v in values], "acc", "max")
    assert spread.mean == pytest.approx(statistics.mean(values))
    assert spread.half_width == pytest.approx(3.1824 * statistics.stdev(values) / 2, rel=1e-4)
    assert spread.interval is not None
    assert spread.interval[0] < 78.265 < spread.interval[1]


def test_two_values_have_a_mean_but_no_interval() -> None:
    spread = make_spread([make_summary(f"r{v}", metrics={"acc": [v]}) for v in (1.0, 2.0)], "acc", "last")
    assert (spread.values, spread.mean, spread.half_width, spread.interval) == ((1.0, 2.0), 1.5, None, None)


def test_only_finished_runs_with_finite_values_count() -> None:
    runs = [
        make_summary("a", metrics={"acc": [1.0]}),
        make_summary("b", metrics={"acc": [2.0]}, status="failed"),
        make_summary("c", metrics={"acc": [2.0]}, status="unfinished"),
        make_summary("d", metrics={"acc": [math.nan]}),
        make_summary("e", metrics={"loss": [2.0]}),
    ]
    assert make_spread(runs, "acc", "last").values == (1.0,)
    assert make_spread(runs[1:], "acc", "last").mean is None


def test_the_spread_of_seeds_pools_the_variance_within_groups() -> None:
    runs = [
        make_summary(f"{lr}-{seed}", params={"lr": lr, "seed": seed}, metrics={"acc": [value]}, start_time=seed)
        for lr, values in ((1, (10.0, 12.0)), (2, (50.0, 52.0, 54.0)))
        for seed, value in enumerate(values)
    ]
    groups = make_groups(make_experiment("e", runs))
    variance = (2.0 + 8.0) / 3
    assert seed_spread(groups, "acc", "last") == pytest.approx(3.1824 * math.sqrt(2 * variance), rel=1e-4)
    assert seed_spread(groups[:1], "acc", "last") is None


def test_what_a_change_of_the_code_did_is_no_spread_of_seeds() -> None:
    def spread(*values: tuple[str, float]) -> float | None:
        runs = [
            replace(make_summary(f"{i}", params={"lr": 1, "seed": i}, metrics={"acc": [value]}), commit=commit)
            for i, (commit, value) in enumerate(values)
        ]
        return seed_spread(make_groups(make_experiment("e", runs)), "acc", "last")

    within = spread(("a", 10.0), ("a", 12.0), ("b", 50.0), ("b", 52.0))
    assert within == pytest.approx(4.3027 * math.sqrt(2 * 2.0), rel=1e-4)
    once_each = spread(("a", 10.0), ("b", 12.0), ("c", 14.0))
    assert once_each == spread(("", 10.0), ("", 12.0), ("", 14.0))
    assert once_each is not None
    assert spread(("", 90.0), ("", 70.0), ("a", 10.0), ("a", 12.0), ("b", 50.0), ("b", 52.0)) == within


@given(st.lists(st.floats(-1e308, 1e308), min_size=1, max_size=8))
def test_no_values_break_the_arithmetic(values: list[float]) -> None:
    spread = make_spread([make_summary(f"r{i}", metrics={"acc": [v]}) for i, v in enumerate(values)], "acc", "last")
    assert spread.mean is not None
    assert min(values) - 1e295 <= spread.mean <= max(values) + 1e295
    assert spread.half_width is None or (spread.half_width >= 0 and math.isfinite(spread.half_width))

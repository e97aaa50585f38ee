"""What a review finds: which runs it pairs, what it compares them with, what it claims, and which gates fail."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import Any

import pytest

from reportgen.capture.names import make_name
from reportgen.errors import ConfigError
from reportgen.model import Summary
from reportgen.review import notes, wording
from reportgen.review.baseline import choose_baseline
from reportgen.review.commits import Checkout
from reportgen.review.outcome import Review, Row
from reportgen.review.pairing import bare_name, identity_of
from reportgen.review.record import make_record
from reportgen.site.config import Config, MetricConfig
from reportgen.site.gates import Gate, ReviewConfig
from tests.factories import make_summary
from tests.reviewlogs import CHANGE, COMMITS, draw, gate, make_seeds, on_branch, review_of, trunk

ACCURACY = "val/accuracy"


def changed(values: dict[str, list[float]] | None = None, **others: Any) -> list[Summary]:
    """Return the runs of a change: unchanged unless `values` say otherwise."""
    return make_seeds(values or {ACCURACY: draw(1)}, commit=CHANGE, day=0.5, branch="topic", **others)


def only(review: Review) -> Row:
    """Return the row of the only metric."""
    (row,) = review.rows
    return row


# ---- pairing


@pytest.mark.parametrize(
    ("name", "bare"),
    [
        ("mlp-seed3", "mlp"),
        ("mlp_seed=12_wide", "mlp_wide"),
        ("seed-1", ""),
        ("resnet_s3", "resnet"),
        ("vit-s16-s3", "vit-s16"),
        ("run 3", "run"),
        ("mlp-2026-11-29_12-30-05-seed3", "mlp"),
        ("mlp-20261129T123005", "mlp"),
        ("seedling-4", "seedling-4"),
        ("width64", "width64"),
    ],
)
def test_a_bare_name_has_no_seed_and_no_date(name: str, bare: str) -> None:
    run = make_summary(name, params={"lr": 0.1, "trainer/seed": 3}, metrics={})
    assert bare_name(run, ReviewConfig()) == bare


def test_names_that_were_made_up_say_nothing() -> None:
    run = make_summary(make_name("abc"), run_id="abc", params={}, metrics={})
    assert bare_name(run, ReviewConfig()) == ""
    assert bare_name(make_summary("abc", run_id="abc", metrics={}), ReviewConfig()) == ""


def test_a_group_wins_over_params_and_params_over_names() -> None:
    run = make_summary("mlp-seed1", group="big", params={"model": "mlp", "data/set": "mnist", "lr": 1}, metrics={})
    config = ReviewConfig(match=("model", "data/*"))
    assert identity_of(run, config).label == "big"
    assert identity_of(replace(run, group=""), config).label == "model=mlp, data/set=mnist"
    assert identity_of(replace(run, group=""), ReviewConfig()).label == "mlp"


def test_params_never_unpair_runs_but_are_told() -> None:
    review = review_of(trunk(), changed(params={"lr": 0.3, "new": True}), checkout=on_branch())
    assert only(review).baseline.count == only(review).change.count == 5
    told = {c.name: (c.baseline, c.change) for c in review.changes[0].params}
    assert told == {"lr": ((0.1,), (0.3,)), "new": ((), (True,))}


def test_a_param_that_is_not_a_number_on_either_side_is_no_change() -> None:
    source = make_seeds({ACCURACY: draw(1)}, commit=COMMITS[-1], params={"clip": math.nan})
    review = review_of(source, changed(params={"clip": math.nan}), checkout=on_branch())
    assert review.changes[0].params == ()


def test_the_only_configurations_of_two_sides_are_a_pair_whatever_their_names() -> None:
    review = review_of(trunk(), changed(name="renamed"), checkout=on_branch())
    assert only(review).baseline.count == 5
    assert len(only(review).history) == 12  # the noise is that of the configuration that it was paired with


def test_configurations_of_one_side_are_listed_as_new_and_not_run() -> None:
    source = [*trunk(), *make_seeds({ACCURACY: draw(2)}, commit=COMMITS[-1], name="old")]
    review = review_of(source, [*changed(), *changed(name="fresh")], checkout=on_branch())
    state = {c.identity.label: (c.is_new, c.is_missing) for c in review.configurations}
    assert state == {"mlp": (False, False), "fresh": (True, False), "old": (False, True)}
    assert {(r.configuration.identity.label, r.verdict) for r in review.rows} == {("mlp", "same"), ("fresh", "new")}


# ---- baseline


def test_the_baseline_is_the_merge_base_and_what_came_before_is_its_history() -> None:
    review = review_of(trunk(), changed(), checkout=on_branch())
    assert review.baseline is not None
    base = review.baseline.by_experiment["digits"]
    assert (base.how, base.commit, base.distance, len(base.runs)) == ("merge-base", COMMITS[-1], 0, 5)
    assert [runs[0].commit for runs in base.earlier] == list(reversed(COMMITS[-12:-1]))
    assert only(review).difference.method == "pooled"


def test_without_runs_there_the_nearest_ancestor_that_has_some_counts() -> None:
    source = [run for run in trunk() if run.commit not in COMMITS[-3:]]
    review = review_of(source, changed(), checkout=on_branch())
    assert review.baseline is not None
    base = review.baseline.by_experiment["digits"]
    assert (base.how, base.distance) == ("ancestor", 3)
    assert wording.say_base(base, "main") == f"`{COMMITS[-4][:8]}`, 3 commits before the merge base"


def test_each_experiment_has_a_nearest_ancestor_of_its_own() -> None:
    source = [*trunk(), *make_seeds({ACCURACY: draw(5)}, commit=COMMITS[-9], experiment="weekly")]
    change = [*changed(), *changed(experiment="weekly", name="w")]
    review = review_of(source, change, checkout=on_branch())
    assert review.baseline is not None
    assert {n: b.distance for n, b in review.baseline.by_experiment.items()} == {"digits": 0, "weekly": 8}


def test_commits_off_the_trunk_count_only_if_nothing_on_it_has_runs() -> None:
    aside = "d" * 40
    source = make_seeds({ACCURACY: draw(3)}, commit=aside)
    checkout = replace(on_branch(), ancestors=frozenset((*COMMITS, aside)))
    found = choose_baseline(source, changed(), checkout, "", lambda *_: 4)
    assert wording.base_label(review_of(source, changed(), checkout=checkout)) == "main"
    assert (found.by_experiment["digits"].commit, found.by_experiment["digits"].distance) == (aside, 4)
    both = choose_baseline([*source, *trunk()], changed(), checkout, "", lambda *_: 4)
    assert both.by_experiment["digits"].commit == COMMITS[-1]


def test_runs_of_the_change_that_are_in_the_baseline_are_not_compared_with_themselves() -> None:
    change = changed()
    review = review_of([*trunk(), *change], change, checkout=on_branch())
    assert review.baseline is not None and review.baseline.left_out == 5
    assert only(review).baseline.count == 5
    assert not {r.key for r in change} & {r.key for c in review.configurations for r in c.baseline}


@pytest.mark.parametrize("shallow", [False, True])
def test_a_history_without_the_commits_of_the_baseline_is_told_with_what_helps(shallow: bool) -> None:
    checkout = Checkout(CHANGE, "main", "e" * 40, ("e" * 40,), frozenset({"e" * 40}), shallow)
    review = review_of(trunk(), changed(), checkout=checkout)
    assert review.baseline is not None
    assert review.baseline.by_experiment["digits"].how == "newest"
    (note,) = review.baseline.notes
    assert "none of its 12 commits is in the history of this checkout" in note
    assert ("git fetch --unshallow" in note) == shallow
    assert "Compared with the newest runs instead" in note


def test_without_git_the_newest_commit_counts_that_is_no_earlier_push_of_the_change() -> None:
    pushed = make_seeds({ACCURACY: draw(9)}, commit="b" * 40, day=0.4, branch="topic")
    review = review_of([*trunk(), *pushed], changed())
    assert review.baseline is not None
    assert review.baseline.by_experiment["digits"].commit == COMMITS[-1]
    named = review_of([*trunk(), *pushed], changed(), base="main")
    assert named.baseline is not None and named.baseline.by_experiment["digits"].commit == COMMITS[-1]
    older = review_of(trunk(), changed(), base=COMMITS[-4][:10])
    assert older.baseline is not None and older.baseline.by_experiment["digits"].how == "named"
    assert older.baseline.by_experiment["digits"].commit == COMMITS[-4]


def test_runs_that_name_no_commit_all_count() -> None:
    review = review_of(make_seeds({ACCURACY: draw(3)}), changed(), checkout=on_branch())
    assert review.baseline is not None and review.baseline.by_experiment["digits"].how == "all"
    assert "name no commit" in review.baseline.notes[0]


def test_dirty_runs_are_said_to_be_dirty() -> None:
    source = [replace(run, dirty=True) for run in trunk()]
    review = review_of(source, changed(), checkout=on_branch())
    assert review.baseline is not None
    assert "with changes that no commit holds" in wording.say_base(review.baseline.by_experiment["digits"], "main")


def test_a_baseline_of_another_project_leaves_nothing_to_compare() -> None:
    review = review_of(make_seeds({ACCURACY: draw(1)}, experiment="cats"), changed(), gate(), checkout=on_branch())
    assert not review.is_compared
    assert wording.say_heading(review) == "Nothing to compare · 1 gate not judged"
    assert list(notes.iter_base_notes(review)) == [
        "No experiment in common: the change has `digits`, the baseline `cats`"
    ]
    assert [j.answer for _, j in review.judgements] == ["unjudged"]
    assert make_record(review)["verdict"] == "not-compared"


def test_no_baseline_at_all_is_said_and_bounds_still_count() -> None:
    review = review_of(None, changed(), gate(), Gate(ACCURACY, min=0.95))
    assert wording.say_heading(review) == "✕ 1 gate failed: no baseline yet"
    assert [j.answer for _, j in review.judgements] == ["unjudged", "failed"]
    assert wording.say_heading(review_of(None, changed())) == "No baseline yet"


# ---- claims and gates


def test_a_regression_fails_its_gate_and_an_improvement_does_not() -> None:
    worse = review_of(trunk(), changed({ACCURACY: draw(1, mean=0.8)}), gate(), checkout=on_branch())
    assert (only(worse).verdict, worse.errors) == ("worse", 1)
    assert only(worse).failed[0].said.endswith(" % worse, 1 % allowed")
    better = review_of(trunk(), changed({ACCURACY: draw(1, mean=0.97)}), gate(), checkout=on_branch())
    assert (only(better).verdict, better.errors) == ("better", 0)


def test_the_direction_decides_what_is_worse() -> None:
    source, change = trunk("val/loss"), changed({"val/loss": draw(1, mean=0.97)})
    assert only(review_of(source, change, gate("val/loss"), checkout=on_branch())).verdict == "worse"
    config = Config(metrics={"val/loss": MetricConfig("max")})
    assert only(review_of(source, change, gate("val/loss"), checkout=on_branch(), config=config)).verdict == "better"


def test_a_regression_within_the_tolerance_passes_and_is_shown() -> None:
    review = review_of(trunk(), changed({ACCURACY: draw(1, mean=0.8)}), gate(size="20%"), checkout=on_branch())
    assert (only(review).verdict, review.errors) == ("worse", 0)
    assert "within the 20 % allowed" in only(review).judgements[0].said


def test_a_tolerance_may_be_in_the_metrics_unit() -> None:
    change = changed({ACCURACY: draw(1, mean=0.8)})
    assert review_of(trunk(), change, gate(size="0.05"), checkout=on_branch()).errors == 1
    assert review_of(trunk(), change, gate(size="0.2"), checkout=on_branch()).errors == 0


def test_one_run_a_side_claims_nothing_and_fails_only_bounds() -> None:
    change = changed({ACCURACY: [0.1]})
    review = review_of(trunk(), change, gate(), checkout=on_branch())
    assert (only(review).verdict, review.errors) == ("unknown", 0)
    assert only(review).judgements[0].said == "one run of the change tells no difference from noise"
    assert only(review).noise is not None  # it is shown beside
    assert "runs at 11 earlier commits spread by ± 0.0" in wording.say_reasons(only(review))
    assert wording.say_interval(only(review)).startswith("earlier runs ±\u00a00.0")
    assert review_of(trunk(), change, Gate(ACCURACY, min=0.5), checkout=on_branch()).errors == 1


def test_a_wide_interval_says_what_it_could_have_found() -> None:
    source = make_seeds({ACCURACY: draw(3, deviation=0.05, count=3)}, commit=COMMITS[-1])
    review = review_of(source, changed({ACCURACY: draw(4, deviation=0.05, count=3)}), gate(), checkout=on_branch())
    assert only(review).verdict == "unknown"
    said = only(review).judgements[0].said
    assert said.startswith("cannot tell: n = 3 detects only ≥ ") and said.endswith(" %")
    assert review.errors == 0


def test_bounds_are_kept_by_the_mean() -> None:
    within = review_of(trunk(), changed(), Gate(ACCURACY, min=0.5, max=1.0), checkout=on_branch())
    assert [j.answer for j in only(within).judgements] == ["passed"]
    above = review_of(trunk(), changed(), Gate(ACCURACY, max=0.5), checkout=on_branch())
    assert "is above the bound 0.5" in only(above).failed[0].said


def test_a_warning_is_told_and_ends_nothing() -> None:
    review = review_of(trunk(), changed(), Gate(ACCURACY, min=0.99, severity="warning"), checkout=on_branch())
    assert (len(review.failed), review.errors, make_record(review)["exit_code"]) == (1, 0, 0)
    assert wording.say_heading(review) == "✕ 1 warning: no difference found in 1 metric"


def test_a_gated_metric_that_the_change_does_not_log_fails() -> None:
    review = review_of(trunk(), changed({"other": [1.0] * 5}), gate(), checkout=on_branch())
    row = next(row for row in review.rows if row.metric == ACCURACY)
    assert (row.verdict, row.failed[0].said) == ("missing", "the change does not log it (5 finished runs)")
    assert review.errors == 1


def test_a_gate_on_a_metric_that_is_nowhere_fails_and_one_on_an_experiment_that_was_not_run_waits() -> None:
    review = review_of(trunk(), changed(), gate("val/acuracy"), gate(experiment="cats"), checkout=on_branch())
    assert [(j.answer, j.said) for j in review.loose] == [
        ("failed", "no run logs it"),
        ("unjudged", "the change has no run of its experiment"),
    ]
    assert review.errors == 1


def test_values_that_are_no_numbers_are_named_and_fail_the_gate() -> None:
    values = draw(1)
    values[2] = math.nan
    review = review_of(trunk(), changed({ACCURACY: values}), gate(), checkout=on_branch())
    assert only(review).failed[0].said == "NaN in 1 of 5 runs"
    assert only(review).change.count == 4
    assert "val/accuracy is NaN in 1 of 5 runs of the change, left out of its mean" in notes.iter_run_notes(review)
    everywhere = review_of(trunk(), changed({ACCURACY: [math.inf] * 5}), checkout=on_branch())
    assert only(everywhere).verdict == "missing"
    assert make_record(everywhere)["metrics"][0]["change"]["non_finite"] == ["Infinity"] * 5


def test_nan_in_the_baseline_too_is_named_and_does_not_fail() -> None:
    broken = [*draw(1)[:4], math.nan]
    source = make_seeds({ACCURACY: broken}, commit=COMMITS[-1])
    review = review_of(source, changed({ACCURACY: broken}), gate(size="50%"), checkout=on_branch())
    assert review.errors == 0
    assert len(list(notes.iter_run_notes(review))) == 2


def test_a_best_value_before_a_nan_is_no_result() -> None:
    run = replace(changed()[0], metrics=make_summary(metrics={ACCURACY: [0.9, math.nan]}).metrics)
    review = review_of(trunk(), [run], checkout=on_branch())
    assert only(review).change.non_finite and not only(review).change.values


def test_only_finished_runs_count_and_the_others_are_named_with_their_error() -> None:
    failed = changed({ACCURACY: [0.1]}, name="mlp-retry", group="", status="failed", error="CUDA out of memory")
    failed = [replace(run, name="mlp-seed9") for run in failed]
    review = review_of(trunk(), [*changed(), *failed], gate(), checkout=on_branch())
    assert only(review).change.count == 5
    assert next(notes.iter_run_notes(review)) == "Run `mlp-seed9` failed and does not count: `CUDA out of memory`"
    none = review_of(trunk(), [replace(r, status="failed") for r in changed()], gate(), checkout=on_branch())
    assert [j.said for _, j in none.failed] == ["no run of the change finished"]


def test_too_few_runs_of_the_change_fail_and_too_few_of_the_baseline_leave_it_open() -> None:
    few = review_of(trunk(), changed({ACCURACY: draw(1, count=2)}), gate(min_runs=3), checkout=on_branch())
    assert only(few).failed[0].said == "needs 3 runs of the change, it has 2"
    source = make_seeds({ACCURACY: draw(1, count=2)}, commit=COMMITS[-1])
    waiting = review_of(source, changed(), gate(min_runs=3), checkout=on_branch())
    assert [(j.answer, j.said) for j in only(waiting).judgements] == [("unjudged", "needs 3 runs, the baseline has 2")]


def test_metrics_that_never_vary_differ_exactly() -> None:
    source = trunk("size", deviation=0.0, mean=161.0)
    config = Config(headline=("size",), metrics={"size": MetricConfig("min")})
    review = review_of(source, changed({"size": [121.0] * 2}), config=config, checkout=on_branch())
    assert (only(review).verdict, only(review).difference.method) == ("better", "exact")
    first = review_of(source[-2:], changed({"size": [121.0] * 2}), config=config, checkout=on_branch())
    assert only(first).verdict == "unknown"
    assert wording.say_reasons(only(first)).startswith("cannot tell: so few values (2 a side) may be equal by chance")
    same = review_of(source[-5:], changed({"size": [161.0] * 2}), config=config, checkout=on_branch())
    assert only(same).verdict == "same"


def test_a_gate_on_a_metric_without_direction_is_an_error_with_a_remedy() -> None:
    with pytest.raises(ConfigError, match=r'reportgen.toml:3: .*\[metrics."thing"\] direction = "max"'):
        review_of(trunk("thing"), changed({"thing": draw(1)}), gate("thing"))
    bounds = review_of(trunk("thing"), changed({"thing": draw(1)}), Gate("thing", max=2.0), checkout=on_branch())
    assert bounds.errors == 0


def test_gated_metrics_are_judged_together_and_the_others_beside_them() -> None:
    names = [f"val/m{i}" for i in range(10)]
    config = Config(metrics={"*": MetricConfig("max")}, headline=("val/extra",))
    source = make_seeds({n: draw(i) for i, n in enumerate([*names, "val/extra"])}, commit=COMMITS[-1])
    values = {n: draw(50 + i) for i, n in enumerate([*names, "val/extra"])}
    review = review_of(source, changed(values), gate("val/m*", "5%"), config=config, checkout=on_branch())
    assert review.family == 10
    assert {row.level for row in review.rows if row.is_gated} == {0.05 / 10}
    assert [row.level for row in review.rows if not row.is_gated] == [0.01]


def test_a_zero_baseline_has_no_percent() -> None:
    source = make_seeds({"val/loss": [-0.01, 0.01, 0.0]}, commit=COMMITS[-1])
    review = review_of(source, changed({"val/loss": [1.0, 1.01, 0.99]}), gate("val/loss"), checkout=on_branch())
    assert only(review).relative is None
    assert review.errors == 1
    assert wording.say_difference(only(review)) == "▲ 1.000"


def test_hundreds_of_reviews_without_a_change_seldom_claim_one() -> None:
    """The whole way, from summaries to the verdict, with ten gated metrics and five seeds a side."""
    names = [f"val/m{i}" for i in range(10)]
    config = Config(metrics={"*": MetricConfig("max")})
    wrong = 0
    for trial in range(60):
        numbers = random.Random(trial)
        sides = [
            make_seeds({n: [numbers.gauss(0.8, 0.02) for _ in range(5)] for n in names}, commit=c, day=d)
            for c, d in ((COMMITS[-1], 0.0), (CHANGE, 1.0))
        ]
        review = review_of(sides[0], sides[1], gate("val/*", "0.001%"), config=config, checkout=on_branch())
        wrong += bool(review.count("worse") or review.count("better"))
    assert wrong <= 9  # 6 % would be 3.6; ten or more has a chance of 0.4 %


# ---- the record


def test_the_record_holds_what_the_comment_says() -> None:
    review = review_of(trunk(), changed({ACCURACY: draw(1, mean=0.8)}), gate(), checkout=on_branch())
    record = make_record(review)
    assert (record["format"], record["verdict"], record["exit_code"]) == (1, "failed", 3)
    assert record["counts"]["worse"] == 1
    assert record["base"]["experiments"]["digits"]["commit"] == COMMITS[-1]
    (metric,) = record["metrics"]
    assert metric["interval"][1] < 0 and metric["relative"] < -0.05
    assert record["gates"] == [
        {
            "experiment": "digits",
            "configuration": "mlp",
            "metric": ACCURACY,
            "answer": "failed",
            "severity": "error",
            "reason": only(review).failed[0].said,
            "file": "reportgen.toml",
            "line": 3,
        }
    ]

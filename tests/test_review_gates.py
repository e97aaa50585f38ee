"""Gates that must not pass in silence, and claims that must not be made: crashes, odd numbers, repeated runs."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from reportgen.model import Summary
from reportgen.review import notes, wording
from reportgen.review.baseline import choose_baseline
from reportgen.review.comment import Links, render_comment
from reportgen.review.comparing import find_one_sided
from reportgen.review.outcome import Row
from reportgen.review.record import make_record
from reportgen.site.config import Config, MetricConfig
from reportgen.site.gates import Gate
from tests.reviewlogs import CHANGE, COMMITS, draw, gate, make_seeds, on_branch, review_of, trunk

ACCURACY = "val/accuracy"


def changed(values: list[float] | None = None, name: str = "mlp", status: str = "finished") -> list[Summary]:
    """Return the runs of a change that is as good as the trunk unless `values` say otherwise."""
    own = {ACCURACY: draw(1) if values is None else values}
    return make_seeds(own, commit=CHANGE, day=0.5, branch="topic", name=name, status=status)


def crashed(commit: str, day: float) -> list[Summary]:
    """Return runs at a commit none of which finished."""
    return make_seeds({ACCURACY: [0.1] * 5}, commit=commit, day=day, status="failed", error="boom")


def answers(row: Row) -> list[tuple[str, str]]:
    """Return what each gate says of a row."""
    return [(judgement.answer, judgement.said) for judgement in row.judgements]


def test_a_crash_at_the_merge_base_does_not_let_a_regression_pass() -> None:
    source = [run for run in trunk() if run.commit not in COMMITS[-2:]]
    source += [*crashed(COMMITS[-2], -2), *crashed(COMMITS[-1], -1)]
    review = review_of(source, changed([x - 0.1 for x in draw(1)]), gate(), checkout=on_branch())
    assert review.errors == 1
    assert review.baseline is not None
    base = review.baseline.by_experiment["digits"]
    assert (base.how, base.commit, base.distance) == ("ancestor", COMMITS[-3], 2)
    (note,) = review.baseline.notes
    assert note == (
        f"None of the runs at 2 commits nearer to the change finished: `{COMMITS[-3][:8]}`, 2 commits before the merge"
        " base, stands for it, so the differences are those of these 2 commits, too"
    )


def test_crashes_before_the_merge_base_are_not_told() -> None:
    source = [run for run in trunk() if run.commit != COMMITS[-2]] + crashed(COMMITS[-2], -2)
    chosen = choose_baseline(source, changed(), on_branch(), "", lambda *_: None)
    assert (chosen.by_experiment["digits"].how, chosen.notes) == ("merge-base", ())
    assert all(run.status == "finished" for runs in chosen.by_experiment["digits"].earlier for run in runs)


def test_a_baseline_in_which_nothing_ever_finished_is_said_to_have_no_value() -> None:
    review = review_of(crashed(COMMITS[-1], -1), changed(), gate(), checkout=on_branch())
    assert answers(review.rows[0]) == [("unjudged", "the baseline has no value")]
    assert wording.say_heading(review) == "+ 1 new metric · 1 gate not judged"


def test_a_change_that_crashes_before_it_logs_fails_its_gates() -> None:
    crash = [replace(run, metrics={}) for run in changed(status="failed")]
    review = review_of(None, crash, gate(), gate(experiment="cats"))
    assert [(j.answer, j.said) for j in review.loose] == [
        ("failed", "no run of the change finished"),
        ("unjudged", "the change has no run of its experiment"),
    ]


def test_runs_that_are_not_there_are_not_called_one_run() -> None:
    review = review_of(crashed(COMMITS[-1], -1), changed(status="failed"), gate(), checkout=on_branch())
    assert wording.say_reasons(review.rows[0]).startswith("cannot tell: the change has no value")


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_bound_is_broken_by_what_is_no_number_whatever_the_baseline_has(bad: float) -> None:
    values = [*draw(1)[:4], bad]
    source = make_seeds({ACCURACY: values}, commit=COMMITS[-1])
    review = review_of(source, changed(values), Gate(ACCURACY, max=2.0), gate(size="50%"), checkout=on_branch())
    assert [answer for answer, _ in answers(review.rows[0])] == ["failed", "passed"]


def test_each_gate_is_judged_by_its_own_tolerance() -> None:
    source = make_seeds({ACCURACY: draw(3, deviation=0.02)}, commit=COMMITS[-1])
    own = changed(draw(4, deviation=0.02))
    review = review_of(source, own, gate(size="1%"), gate(size="40%"), checkout=on_branch())
    assert [answer for answer, _ in answers(review.rows[0])] == ["unjudged", "passed"]
    assert review.rows[0].verdict == "unknown"


def test_runs_that_would_have_found_what_a_gate_allows_are_not_said_to_be_too_few() -> None:
    baseline = [0.9, 0.91, 0.89, 0.905, 0.895]
    source = make_seeds({ACCURACY: baseline}, commit=COMMITS[-1])
    own = changed([value - 0.009 for value in baseline])
    review = review_of(source, own, gate(size="0.018"), checkout=on_branch())
    assert answers(review.rows[0]) == [("unjudged", "cannot tell: the interval reaches beyond the 0.018 allowed")]


def test_configurations_that_the_change_leaves_out_are_named() -> None:
    names = ["cnn", "mlp", "rnn", "svm", "vit", "xgb"]
    source = [run for name in names for run in make_seeds({ACCURACY: draw(1)}, commit=COMMITS[-1], name=name)]
    review = review_of(source, changed(), gate(), checkout=on_branch())
    assert "Not run by this change, while the baseline has runs: cnn, rnn, svm and 2 more" in list(
        notes.iter_run_notes(review)
    )
    whole = review_of(source[5:10], changed(), gate(), checkout=on_branch())
    assert list(notes.iter_run_notes(whole)) == []


def test_the_heading_of_a_change_that_is_fine_is_calm_and_claims_no_more_than_was_found() -> None:
    assert (
        wording.say_heading(review_of(trunk(), changed(), checkout=on_branch())) == "≈ No difference found in 1 metric"
    )
    gated = review_of(trunk(), changed(), gate(size="5%"), gate(experiment="cats"), checkout=on_branch())
    assert make_record(gated)["answers"] == {"failed": 0, "passed": 1, "unjudged": 1}
    assert wording.say_heading(gated) == "≈ No difference found in 1 metric · 1 gate passed, 1 not judged"


def again(runs: list[Summary], times: int) -> list[Summary]:
    """Return runs as a job leaves them that was run `times` times: the same seeds, the same values, other ids."""
    return [replace(run, run_id=f"{run.run_id}-{i}", key=f"{run.key}{i}") for i in range(times) for run in runs]


def test_seeds_that_were_run_again_with_the_same_result_count_once() -> None:
    source = make_seeds({ACCURACY: draw(3)}, commit=COMMITS[-1])
    own = changed(draw(4))
    (once,) = review_of(source, own, gate(), checkout=on_branch()).rows
    (thrice,) = review_of(again(source, 3), again(own, 3), gate(min_runs=5), checkout=on_branch()).rows
    assert (thrice.baseline.values, thrice.baseline.repeated) == (once.baseline.values, 10)
    assert thrice.interval == once.interval
    assert "20 runs left out, which repeat a seed and its value" in wording.say_reasons(thrice)
    (few,) = review_of(again(source, 3), again(own, 3), gate(min_runs=6), checkout=on_branch()).rows
    assert answers(few) == [("failed", "needs 6 runs of the change, it has 5")]


def test_jobs_that_were_run_again_claim_no_more_than_five_in_a_hundred() -> None:
    claims = 0
    for i in range(300):
        source = again(make_seeds({ACCURACY: draw(7000 + 2 * i)}, commit=COMMITS[-1]), 3)
        (row,) = review_of(source, again(changed(draw(7001 + 2 * i)), 3), gate(), checkout=on_branch()).rows
        claims += row.verdict in ("worse", "better")
    assert 0 < claims <= 300 * 0.08


def test_runs_of_one_seed_and_runs_that_vary_for_other_reasons_all_count() -> None:
    one = [replace(run, params={"seed": 7}) for run in changed([0.5] * 5)]
    varied = again(changed(), 2)
    other = replace(varied[0], run_id="other", key="f" * len(varied[0].key), metrics=one[0].metrics)
    unseeded = [replace(run, params={}) for run in changed([0.5, 0.5, 0.6])]
    for runs in (one, [*varied, other], unseeded):
        row = review_of(None, runs).rows[0]
        assert (row.change.count, row.change.repeated) == (len(runs), 0)


# ---- what only the survivors tell


def test_more_runs_without_a_number_than_before_are_no_pass_and_stand_in_the_heading() -> None:
    good = draw(1)
    source = make_seeds({ACCURACY: [*good[:4], math.nan]}, commit=COMMITS[-1])
    survivors = [good[0], good[1], math.nan, math.nan, math.nan]
    review = review_of(source, changed(survivors), gate(size="90%"), checkout=on_branch())
    assert answers(review.rows[0]) == [("unjudged", "no number in 3 of 5 runs, in 1 of 5 runs of the baseline")]
    assert wording.say_heading(review) == (
        "? NaN or infinity in 1 metric, no difference found in 1 metric · 1 gate not judged"
    )
    assert next(notes.iter_run_notes(review)).startswith("val/accuracy is NaN in 3 of 5 runs of the change")
    fewer = review_of(
        make_seeds({ACCURACY: survivors}, commit=COMMITS[-1]),
        changed([*good[:4], math.nan]),
        gate(size="90%"),
        checkout=on_branch(),
    )
    assert answers(fewer.rows[0]) == [("passed", "no regression found")]
    assert "NaN" not in wording.say_heading(fewer)


# ---- the same seeds with the same values


def test_seeds_that_gave_the_same_values_tell_that_nothing_changed() -> None:
    values = draw(3, deviation=0.05)
    source = make_seeds({ACCURACY: values}, commit=COMMITS[-1])
    review = review_of(source, changed(values), gate(), checkout=on_branch())
    (row,) = review.rows
    assert (row.verdict, row.difference.method, row.interval) == ("same", "identical", (0.0, 0.0))
    assert answers(row) == [("passed", "no regression found")]
    assert wording.say_reasons(row) == "each seed gave the same value on either side"


def test_seeds_that_are_others_or_gave_other_values_are_compared_by_their_means() -> None:
    values = draw(3, deviation=0.05)
    source = make_seeds({ACCURACY: values}, commit=COMMITS[-1])
    others = [replace(run, params={**run.params, "seed": 10 + int(run.params["seed"])}) for run in changed(values)]  # type: ignore[arg-type]
    unseeded = [replace(run, params={"lr": 0.1}) for run in changed(values)]
    turned = changed([*values[1:], values[0]])
    broken = changed([*values[:4], math.nan])
    for own in (others, unseeded, turned, broken):
        assert review_of(source, own, gate(), checkout=on_branch()).rows[0].difference.method == "welch"
    single = review_of(source[:1], changed(values)[:1], gate(), checkout=on_branch())
    assert (single.rows[0].verdict, single.rows[0].difference.method) == ("unknown", "none")


def test_coarse_values_that_agree_may_do_so_by_chance() -> None:
    """Accuracies on twenty examples: two seeds agree by chance in one of six cases."""
    for values, method in (
        ([0.9, 0.95], "welch"),
        ([27 / 30, 28 / 30], "welch"),
        ([0.9123, 0.9218], "identical"),
        ([0.85, 0.95, 0.8, 0.9, 1.0], "identical"),
        ([0.9] * 5, "exact"),
    ):
        source = make_seeds({ACCURACY: values}, commit=COMMITS[-1])
        (row,) = review_of(source, changed(values), gate(), checkout=on_branch()).rows
        assert row.difference.method == method, values


def test_metrics_that_agree_count_among_those_that_share_the_chance_of_a_false_claim() -> None:
    config = Config(metrics={"*": MetricConfig("max")})
    same = draw(2)
    source = make_seeds({"a": draw(1), "b": same}, commit=COMMITS[-1])
    own = make_seeds({"a": draw(3, mean=0.8), "b": same}, commit=CHANGE, day=0.5)
    review = review_of(source, own, gate("a"), gate("b"), config=config, checkout=on_branch())
    assert {row.metric: (row.difference.method, row.level) for row in review.rows} == {
        "a": ("welch", 0.025),
        "b": ("identical", 0.05),
    }
    assert review.family == 2


def test_a_metric_that_repeats_still_breaks_its_bound() -> None:
    values = draw(3)
    source = make_seeds({ACCURACY: values}, commit=COMMITS[-1])
    (row,) = review_of(source, changed(values), gate(min=0.99, min_runs=9), checkout=on_branch()).rows
    assert answers(row) == [("failed", "needs 9 runs of the change, it has 5")]
    (row,) = review_of(source, changed(values), gate(min=0.99), checkout=on_branch()).rows
    assert row.difference.method == "identical"
    assert [answer for answer, _ in answers(row)] == ["failed"]


# ---- what one side lacks


def test_a_metric_that_fewer_runs_log_than_before_is_no_pass() -> None:
    source = make_seeds({ACCURACY: draw(1), "loss": draw(4)}, commit=COMMITS[-1])
    own = make_seeds({"loss": draw(4), ACCURACY: draw(2)[:3]}, commit=CHANGE, day=0.5)
    review = review_of(source, own, gate(size="90%"), checkout=on_branch())
    (row,) = (row for row in review.rows if row.metric == ACCURACY)
    assert answers(row) == [("unjudged", "not logged by 2 of 5 runs, by 0 of 5 runs of the baseline")]
    assert list(notes.iter_run_notes(review)) == ["Not logged by some runs of the change: val/accuracy (2 of 5 runs)"]
    (row,) = (row for row in review_of(own, source, gate(size="90%"), checkout=None).rows if row.metric == ACCURACY)
    assert answers(row) == [("passed", "no regression found")]


def test_an_experiment_that_was_measured_where_the_change_left_is_named_when_it_was_not_run() -> None:
    letters = [replace(run, experiment="letters", key=f"l{run.key}", run_id=f"l{run.run_id}") for run in trunk()]
    now = [run for run in letters if run.commit == COMMITS[-1]]
    past = [run for run in letters if run.commit != COMMITS[-1]]
    said = "Not run by this change, while the baseline has runs: letters"
    review = review_of([*trunk(), *now], changed(), gate(), checkout=on_branch())
    assert list(notes.iter_run_notes(review)) == [said]
    assert make_record(review)["not_run"] == ["letters"]
    old = review_of([*trunk(), *past], changed(), gate(), checkout=on_branch())
    crashed_there = review_of(
        [*trunk(), *(replace(run, status="failed") for run in now)], changed(), gate(), checkout=on_branch()
    )
    assert list(notes.iter_run_notes(old)) == list(notes.iter_run_notes(crashed_there)) == []


def test_metrics_that_only_one_side_logs_are_found_where_both_sides_finished() -> None:
    source = make_seeds({ACCURACY: draw(1), "old": draw(2), "system/gpu0": draw(2)}, commit=COMMITS[-1])
    own = make_seeds({ACCURACY: draw(3), "young": draw(2)}, commit=CHANGE, day=0.5)
    review = review_of(source, own, gate(), checkout=on_branch())
    shown = [row for row in review.rows if row.metric == ACCURACY]
    assert find_one_sided(review.configurations, shown) == (["old"], ["young"])
    assert find_one_sided(review.configurations, review.rows) == ([], [])
    failed = review_of(source, [replace(run, status="failed") for run in own], gate(), checkout=on_branch())
    assert find_one_sided(failed.configurations, []) == ([], [])
    told = list(notes.iter_run_notes(replace(review, lost=("old",), added=("@young",))))
    assert told[-2:] == [
        "Logged by the baseline and not by this change: old",
        "Logged by this change and not by the baseline: `@young`",
    ]


def test_a_configuration_with_another_name_says_what_it_is_compared_with() -> None:
    source = make_seeds({ACCURACY: draw(1)}, commit=COMMITS[-1])
    review = review_of(source, changed(draw(2), name="perceptron"), gate(), checkout=on_branch())
    assert list(notes.iter_run_notes(review)) == ["perceptron is compared with mlp, the only configuration there"]
    unnamed = [replace(run, name=run.run_id) for run in changed(draw(2))]
    assert list(notes.iter_run_notes(review_of(source, unnamed, gate(), checkout=on_branch()))) == []


# ---- how it is told


def test_runs_that_failed_alike_are_told_in_one_line() -> None:
    failed = [replace(run, status="failed", error="out of memory") for run in changed()]
    other = replace(failed[4], error="no space")
    review = review_of(trunk(), [*failed[:4], other], gate(), checkout=on_branch())
    assert list(notes.iter_run_notes(review)) == [
        "Runs `mlp-seed0`, `mlp-seed1`, `mlp-seed2`, `mlp-seed3` failed and do not count: `out of memory`",
        "Run `mlp-seed4` failed and does not count: `no space`",
    ]


def test_an_ancestor_that_stands_for_the_merge_base_is_told_with_what_lies_between() -> None:
    source = [run for run in trunk() if run.commit not in COMMITS[-3:]]
    review = review_of(source, changed(), gate(), checkout=on_branch())
    assert review.baseline is not None
    (note,) = review.baseline.notes
    assert note == (
        f"The merge base `{COMMITS[-1][:8]}` has no runs: `{COMMITS[-4][:8]}`, 3 commits before, stands for it, so the"
        " differences are those of these 3 commits, too"
    )


def test_gates_on_errors_come_before_warnings_whatever_the_size() -> None:
    config = Config(metrics={"*": MetricConfig("max")})
    source = make_seeds({"a": draw(1), "b": draw(2)}, commit=COMMITS[-1])
    own = make_seeds({"a": draw(3, mean=3.0), "b": draw(4, mean=1.5)}, commit=CHANGE, day=0.5)
    gates = (gate("a", severity="warning"), gate("b"))
    assert [row.metric for row in review_of(source, own, *gates, config=config, checkout=on_branch()).rows] == [
        "b",
        "a",
    ]


def test_why_the_noise_of_earlier_commits_was_left_aside_is_said() -> None:
    wild = changed(draw(5, deviation=0.2))
    (row,) = review_of(trunk(), wild, gate(), checkout=on_branch()).rows
    assert row.difference.method == "welch"
    assert "since these runs spread more than earlier ones" in wording.say_reasons(replace(row, verdict="same"))


def test_gates_without_an_answer_for_one_reason_share_a_line() -> None:
    config = Config(metrics={"*": MetricConfig("max")})
    source = make_seeds({"a": draw(1), "b": draw(2)}, commit=COMMITS[-1])
    own = make_seeds({"a": draw(3), "b": draw(4)}, commit=CHANGE, day=0.5)[:1]
    review = review_of(source, own, gate("a"), gate("b"), config=config, checkout=on_branch())
    text = render_comment(review, "github", Links())
    assert "* Gates on b, a not judged: one run of the change tells no difference from noise" in text
    assert "cannot tell for 2 metrics · 2 gates not judged" in text.lower()

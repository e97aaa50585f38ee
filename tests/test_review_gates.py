"""Gates that must not pass in silence, and claims that must not be made: crashes, odd numbers, repeated runs."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from reportgen.model import Summary
from reportgen.review import wording
from reportgen.review.baseline import choose_baseline
from reportgen.review.outcome import Row
from reportgen.review.record import make_record
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
    assert note == "None of the runs at 2 commits nearer to the change finished: those of an earlier one count"


def test_crashes_before_the_merge_base_are_not_told() -> None:
    source = [run for run in trunk() if run.commit != COMMITS[-2]] + crashed(COMMITS[-2], -2)
    chosen = choose_baseline(source, changed(), on_branch(), "", lambda *_: None)
    assert (chosen.by_experiment["digits"].how, chosen.notes) == ("merge-base", ())
    assert all(run.status == "finished" for runs in chosen.by_experiment["digits"].earlier for run in runs)


def test_a_baseline_in_which_nothing_ever_finished_is_said_to_have_no_value() -> None:
    review = review_of(crashed(COMMITS[-1], -1), changed(), gate(), checkout=on_branch())
    assert answers(review.rows[0]) == [("unjudged", "the baseline has no value")]
    assert wording.say_heading(review) == "+ 1 new · 1 gate not judged"


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
    names = ["cnn", "mlp", "rnn", "svm", "vit"]
    source = [run for name in names for run in make_seeds({ACCURACY: draw(1)}, commit=COMMITS[-1], name=name)]
    review = review_of(source, changed(), gate(), checkout=on_branch())
    assert "Not run by this change, while the baseline has runs: cnn, rnn, svm and 1 more" in list(
        wording.iter_run_notes(review)
    )
    whole = review_of(source[5:10], changed(), gate(), checkout=on_branch())
    assert list(wording.iter_run_notes(whole)) == []


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
    assert answers(few) == [("failed", "needs 6 runs of the change, there are 5")]


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

"""Streams into a run: order, steps, status, params, and the numbers of the summary against plain Python."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reportgen.model import Run, Series
from reportgen.sources.merge import merge_streams
from reportgen.sources.summarise import mean_over_ranks, summarise
from tests.sourcelogs import LATER, SESSION, T0, make_log, metrics_line, parse, start_line

END = {"event": "end", "status": "FINISHED", "time": T0 + 600}


def merge(*logs: bytes, key: str = "k") -> Run:
    return merge_streams([stream for log in logs for stream in parse(log)], key=key)


def test_the_order_of_the_streams_does_not_matter() -> None:
    logs = [
        make_log(
            start_line(session=session, rank=rank), metrics_line(None, a=rank + 0.5), {"event": "note", "text": session}
        )
        for session in (SESSION, LATER)
        for rank in (0, 1)
    ]
    runs = {repr(merge(*order)) for order in itertools.permutations(logs)}
    assert len(runs) == 1


def test_facts_come_from_the_lowest_rank_and_points_from_all() -> None:
    run = merge(
        make_log(
            start_line(rank=1, session="0", name="other"), metrics_line(0, a=3.0), {"event": "env", "python": "1"}
        ),
        make_log(start_line(rank=0), metrics_line(0, a=1.0), {"event": "env", "python": "0"}, END),
    )
    assert run.summary.name == "brave-otter-17"
    assert run.env == {"python": "0"}
    assert sorted(run.series["a"]) == [0, 1]
    assert (run.summary.ranks, run.summary.metrics["a"].ranks, run.summary.metrics["a"].last) == (2, 2, 1.0)
    assert run.summary.metrics["a"].count == 2


# ---- steps and series


def test_a_step_left_out_is_the_previous_one_of_the_metric_plus_one_over_sessions() -> None:
    first = make_log(start_line(), *(metrics_line(None, a=1.0, b=2.0) for _ in range(3)), metrics_line(10, a=1.0))
    second = make_log(start_line(session=LATER), metrics_line(None, a=1.0, b=2.0), metrics_line(None, a=1.0))
    other_rank = make_log(start_line(rank=1), metrics_line(None, a=5.0))
    run = merge(first, second, other_rank)
    assert run.series["a"][0].steps.tolist() == [0, 1, 2, 10, 11, 12]
    assert run.series["b"][0].steps.tolist() == [0, 1, 2, 3]
    assert run.series["a"][1].steps.tolist() == [0]


def test_a_step_is_counted_on_from_each_step_that_was_given() -> None:
    steps = [None, 5, None, None, 2, None, -7, None]
    run = merge(make_log(start_line(), *({**metrics_line(s, a=1.0), "time": T0 + i} for i, s in enumerate(steps))))
    own = run.series["a"][0]
    assert own.steps[own.times.argsort()].tolist() == [0, 5, 6, 7, 2, 3, -7, -6]


def test_series_are_ordered_by_step_then_time_then_value_and_steps_may_repeat() -> None:
    lines = [
        {"event": "metrics", "step": step, "time": T0 + time, "metrics": {"a": value}}
        for step, time, value in [(2, 0, 1.0), (1, 5, 2.0), (1, 4, 3.0), (1, 4, 2.5), (2, 0, 0.5), (0, 9, "NaN")]
    ]
    own = merge(make_log(start_line(), *lines)).series["a"][0]
    assert own.steps.tolist() == [0, 1, 1, 1, 2, 2]
    assert own.times.tolist() == [T0 + 9, T0 + 4, T0 + 4, T0 + 5, T0, T0]
    assert own.values.tolist()[1:] == [2.5, 3.0, 2.0, 0.5, 1.0]


def test_the_last_value_is_that_of_the_greatest_step_even_if_a_later_session_logs_earlier_steps() -> None:
    first = make_log(start_line(), *(metrics_line(i, a=float(i)) for i in range(10)))
    second = make_log(start_line(session=LATER), metrics_line(3, a=30.0))
    assert merge(first, second).summary.metrics["a"].last == 9.0


# ---- sessions and status


def outcome(*logs: bytes) -> tuple[str, list[str]]:
    run = merge(*logs)
    return run.summary.status, [session.status for session in run.sessions]


def end(status: str, **fields: Any) -> dict[str, Any]:
    return {"event": "end", "status": status, "time": T0 + 600} | fields


@pytest.mark.parametrize(
    ("status", "expected"), [("FINISHED", "finished"), ("FAILED", "failed"), ("KILLED", "stopped")]
)
def test_the_end_line_says_how_a_run_ended(status: str, expected: str) -> None:
    assert outcome(make_log(start_line(), end(status))) == (expected, [expected])


def test_a_run_without_an_end_line_is_unfinished() -> None:
    assert outcome(make_log(start_line())) == ("unfinished", ["unfinished"])


def test_a_later_session_of_the_rank_proves_that_one_without_an_end_was_interrupted() -> None:
    logs = make_log(start_line()), make_log(start_line(session=LATER), end("FINISHED"))
    assert outcome(*logs) == ("finished", ["interrupted", "finished"])
    other_rank = make_log(start_line()), make_log(start_line(session=LATER, rank=1), end("FINISHED"))
    assert outcome(*other_rank) == ("unfinished", ["unfinished", "finished"])


def test_a_forked_helper_is_no_later_attempt() -> None:
    main = make_log(start_line(), end("FINISHED"))
    helper = make_log(start_line(session=LATER, forked_from=SESSION), metrics_line(0, a=1.0))
    run = merge(main, helper)
    assert run.summary.status == "finished"
    assert (run.summary.sessions, run.summary.duration_s) == (1, 600.0)
    assert "a" in run.series
    assert outcome(make_log(start_line()), helper)[1][0] == "unfinished"


def test_a_run_failed_if_one_rank_did() -> None:
    logs = make_log(start_line(), end("FINISHED")), make_log(start_line(rank=1), end("FAILED", error="Boom: x\n  at y"))
    assert outcome(*logs)[0] == "failed"
    assert merge(*logs).summary.error == "Boom: x"


def test_times_and_duration_are_those_of_the_sessions() -> None:
    first = make_log(start_line(), metrics_line(3, a=1.0))
    second = make_log(start_line(session=LATER, time=T0 + 3600), {**END, "time": T0 + 3700})
    summary = merge(first, second).summary
    assert (summary.start_time, summary.last_time, summary.duration_s) == (T0, T0 + 3700, 180.0 + 100.0)


def test_a_log_without_any_time_has_a_finite_one() -> None:
    data = make_log({"event": "start", "run_id": "x"}, {"event": "metrics", "step": 0, "metrics": {"a": 1}})
    summary = merge(data).summary
    assert (summary.start_time, summary.last_time, summary.duration_s) == (0.0, 0.0, 0.0)


# ---- facts


def test_params_are_flat_and_lists_are_json() -> None:
    params = {"a": {"b": {"c": 1}, "empty": {}}, "l": [1, {"x": None}], "n": None, "f": 0.5, "t": True, "s": "x"}
    assert merge(make_log(start_line(), {"event": "params", "params": params})).summary.params == {
        "a.b.c": 1, "a.empty": "{}", "l": '[1,{"x":null}]', "n": None, "f": 0.5, "t": True, "s": "x",
    }  # fmt: skip


def test_a_param_with_a_second_value_keeps_the_first_and_is_a_problem() -> None:
    lines = [{"event": "params", "params": {"lr": lr, "same": 1}} for lr in (0.1, 0.2, 0.1, 0.3)]
    summary = merge(make_log(start_line(), *lines)).summary
    assert summary.params == {"lr": 0.1, "same": 1}
    (problem,) = summary.problems
    assert "'lr'" in problem.message
    assert (problem.where, problem.count) == ("digits/brave-otter-17", 2)


def test_params_of_other_ranks_add_and_never_contradict() -> None:
    run = merge(
        make_log(start_line(), {"event": "params", "params": {"device": 0}}),
        make_log(start_line(rank=1), {"event": "params", "params": {"device": 1, "extra": 2}}),
    )
    assert run.summary.params == {"device": 0, "extra": 2}
    assert run.summary.problems == ()


def test_the_last_value_of_a_tag_counts_and_tags_are_text() -> None:
    lines = [{"event": "tags", "tags": {"a": "x", "n": 1}}, {"event": "tags", "tags": {"a": "y", "l": [1]}}]
    assert merge(make_log(start_line(), *lines)).summary.tags == {"a": "y", "n": "1", "l": "[1]"}


def test_lost_calls_are_a_problem() -> None:
    lines = [{"event": "lost", "calls": 3, "errno": 28}, {"event": "lost", "calls": 2}]
    (problem,) = merge(make_log(start_line(), *lines)).summary.problems
    assert problem.message == "5 logging calls could not be written (errno 28)"


def test_notes_texts_inputs_and_models_come_in_order() -> None:
    data_set = {"event": "input", "name": "digits", "digest": "d", "role": "train"}
    run = merge(
        make_log(
            start_line(),
            {"event": "note", "text": "# Wider\n\nhelped, see [it](x.png) and `code`."},
            {"event": "text", "stream": "stdout", "text": "a"},
            {"event": "text", "stream": "stdout", "text": "b"},
            {"event": "text", "stream": "stderr", "text": "c"},
            data_set,
            data_set,
            {"event": "model", "name": "m", "version": "1", "aliases": ["best"], "files": ["m.npz"], "from": "m@0"},
            {"event": "code", "commit": "abc", "dirty": True, "command": ["train.py"]},
            {"event": "later"},
        )
    )
    assert run.summary.note == "Wider helped, see it and code."
    assert [(t.stream, t.text) for t in run.texts] == [("stdout", "ab"), ("stderr", "c")]
    assert len(run.summary.inputs) == 1
    assert run.summary.models[0].derived_from == "m@0"
    assert (run.summary.commit, run.summary.dirty, run.code.command) == ("abc", True, ("train.py",))
    assert run.unknown_events == 1


def test_an_artifact_that_was_logged_twice_counts_as_logged_last() -> None:
    lines = [{"event": "artifact", "path": "a.txt", "bytes": n, "sha256": f"{n:064x}"} for n in (1, 2)]
    (artifact,) = merge(make_log(start_line(), *lines)).artifacts
    assert (artifact.size_bytes, artifact.sha256, artifact.published) == (2, f"{2:064x}", None)


# ---- statistics

NUMBERS = st.lists(
    st.one_of(st.floats(-1e6, 1e6), st.sampled_from([math.nan, math.inf, -math.inf, 0.0, 1e308, -1e308])),
    min_size=1,
    max_size=120,
)


def series_of(values: list[float]) -> Series:
    steps = np.arange(len(values)) * 3 + 1
    return Series(steps, T0 + steps.astype(float), np.array(values))


@settings(max_examples=200)
@given(st.lists(NUMBERS, min_size=1, max_size=4))
def test_a_summary_has_the_numbers_that_plain_python_finds(columns: list[list[float]]) -> None:
    shared = min(map(len, columns))
    series = {f"m{i}": {0: series_of(column[:shared])} for i, column in enumerate(columns)}
    first = series["m0"][0]
    series = {n: {0: Series(first.steps, first.times, r[0].values)} for n, r in series.items()}
    for name, found in summarise(series).items():
        own = series[name][0]
        finite = [v for v in own.values.tolist() if math.isfinite(v)]
        assert found.non_finite == len(own) - len(finite)
        assert found.count == len(own)
        assert repr(found.last) == repr(own.values.tolist()[-1])
        if not finite:
            assert (found.first, found.min, found.max, found.mean, found.min_step, found.last_finite) == (None,) * 6
            assert set(found.spark) == {-1}
            continue
        assert (found.first, found.min, found.max) == (finite[0], min(finite), max(finite))
        assert found.last_finite == finite[-1]
        at = own.values.tolist()
        assert found.min_step == own.steps[at.index(min(finite))]
        assert found.max_step == own.steps[at.index(max(finite))]
        mean = sum(v / len(finite) for v in finite)
        assert found.mean == pytest.approx(mean, rel=1e-9, abs=1e-9 * max(map(abs, finite)))
        assert len(found.spark) == min(40, len(own))
        assert all(-1 <= height <= 63 for height in found.spark)
        assert (found.spark[-1] == -1) == (not math.isfinite(at[-1]))


def test_a_sparkline_goes_from_bottom_to_top_evenly_over_the_steps() -> None:
    line = summarise({"a": {0: series_of([float(i) for i in range(64)])}})["a"].spark
    assert (line[0], line[-1], len(line)) == (0, 63, 40)
    assert list(line) == sorted(line)
    steps = np.array([0, 1, 2, 1000])
    late = Series(steps, np.zeros(4), np.array([0.0, 1.0, 2.0, 4.0]))
    assert summarise({"a": {0: late}})["a"].spark == (0, 32, 32, 63)
    assert set(summarise({"a": {0: series_of([7.0] * 9)}})["a"].spark) == {31}


def test_steps_over_the_whole_range_of_64_bits_have_a_sparkline() -> None:
    steps = np.array([-(2**63) + 1, 0, 2**63 - 1])
    own = summarise({"a": {0: Series(steps, np.zeros(3), np.array([0.0, 1.0, 2.0]))}})["a"]
    assert own.spark == (0, 32, 63)
    assert (own.first_step, own.last_step) == (-(2**63) + 1, 2**63 - 1)


def test_without_rank_0_the_numbers_are_those_of_the_mean_over_ranks() -> None:
    logs = [make_log(start_line(rank=r), *(metrics_line(i, a=float(i * r)) for i in range(r + 1))) for r in (1, 3)]
    found = merge(make_log(start_line()), *logs).summary.metrics["a"]
    assert (found.of_rank_0, found.ranks, found.count) == (False, 2, 6)
    assert (found.min, found.max, found.last, found.last_step) == (0.0, 9.0, 9.0, 3)
    assert found.mean == pytest.approx((0 + 2 + 6 + 9) / 4)


def test_the_mean_over_ranks_is_nan_where_a_rank_is() -> None:
    one, two = series_of([1.0, math.nan, 3.0]), series_of([3.0, 1.0, 5.0])
    mean = mean_over_ranks([one, two])
    assert mean.values.tolist()[::2] == [2.0, 4.0]
    assert math.isnan(mean.values[1])
    assert mean.steps.tolist() == one.steps.tolist()


def test_a_step_behind_the_last_one_that_there_is_stays_the_last_one() -> None:
    greatest = 2**63 - 1
    first = make_log(start_line(), metrics_line(greatest, a=1.0), metrics_line(None, a=2.0))
    second = make_log(start_line(session=LATER), metrics_line(None, a=3.0))
    assert merge(first, second).series["a"][0].steps.tolist() == [greatest] * 3


def test_points_without_steps_are_counted_on_and_one_metric_may_stand_alone() -> None:
    alone = {"event": "points", "metric": "a", "values": [3.0, 4.0]}
    log = make_log(start_line(), {"event": "points", "metrics": {"a": [1.0, 2.0]}}, alone, metrics_line(None, a=5.0))
    own = merge(log).series["a"][0]
    assert own.steps.tolist() == [0, 1, 2, 3, 4]
    assert own.values.tolist() == [1.0, 2.0, 3.0, 4.0, 5.0]

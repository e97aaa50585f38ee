"""The reader of logs: every whole line is recovered, and what is not whole is counted with its line."""

from __future__ import annotations

import gc
import gzip
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reportgen.formats import decode_number, encode_line
from reportgen.model import Problem
from reportgen.sources import jsonlog
from reportgen.sources.columns import NO_STEP
from reportgen.sources.jsonlog import Identity, read_log
from tests.sourcelogs import T0, make_log, messages, metrics_line, parse, parse_one, points_of, start_line

LOG = make_log(
    start_line(),
    {"event": "params", "params": {"lr": 1e-3, "name": "a\u2028b"}},
    metrics_line(0, loss=2.5, acc=0.25),
    metrics_line(1, loss=1.5, acc=0.5),
    {"event": "note", "text": "größer\nbesser 🦦"},
    metrics_line(2, loss="NaN", acc=0.75),
    metrics_line(3, loss=0.5),
    {"event": "points", "steps": [4, 5], "times": [T0 + 240, T0 + 300], "metrics": {"loss": [0.25, "Infinity"]}},
    {"event": "later", "idea": [1, {"a": None}]},
    {"event": "end", "status": "FINISHED", "time": T0 + 400},
)


def describe(data: bytes, **options: Any) -> Any:
    return [(s.start, s.events, points_of(s)) for s in parse(data, **options)]


def test_a_clean_log_is_read_whole_and_without_a_problem() -> None:
    stream = parse_one(LOG)
    assert stream.start["run_id"] == "r1"
    assert [event["event"] for event in stream.events] == ["params", "note", "later", "end"]
    assert stream.events[0]["params"]["name"] == "a\u2028b"
    assert points_of(stream)["loss"] == [
        (0, T0, 2.5),
        (1, T0 + 60, 1.5),
        (2, T0 + 120, "nan"),
        (3, T0 + 180, 0.5),
        (4, T0 + 240, 0.25),
        (5, T0 + 300, math.inf),
    ]
    assert [value for _, _, value in points_of(stream)["acc"]] == [0.25, 0.5, 0.75]
    assert stream.problems == ()


@pytest.mark.parametrize("cut", range(len(LOG) + 1))
def test_a_log_cut_at_any_byte_gives_all_its_whole_lines(cut: int) -> None:
    streams = parse(LOG[:cut])
    whole = [line for line in LOG[:cut].split(b"\n") if _is_whole(line)]
    if not whole:
        assert streams == ()
        return
    (stream,) = streams
    assert stream.start["run_id"] == ("r1" if b'"start"' in whole[0] else "folder")
    kinds = [orjson.loads(line)["event"] for line in whole]
    logged = [event["event"] for event in stream.events if event["event"] != "problem"]
    assert sorted(logged) == sorted(kind for kind in kinds if kind not in ("start", "metrics", "points"))
    assert sum(map(len, stream.points.values())) == sum(map(_points_in, whole))
    torn = bool(LOG[:cut].rpartition(b"\n")[2]) and not _is_whole(LOG[:cut].rpartition(b"\n")[2])
    assert [problem.line for problem in stream.problems] == ([len(whole) + 1] if torn else [])


def _is_whole(line: bytes) -> bool:
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False


def _points_in(line: bytes) -> int:
    metrics = orjson.loads(line).get("metrics", {})
    return sum(len(values) if isinstance(values, list) else 1 for values in metrics.values())


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1000])
def test_the_result_does_not_depend_on_where_the_chunks_end(size: int) -> None:
    damaged = LOG.replace(b"\n", b"\n\0\0\n{torn\n\xff\n\n", 3)
    assert describe(damaged, size=size) == describe(damaged)
    assert describe(gzip.compress(damaged), size=size, packed=True) == describe(damaged)


DAMAGE = {
    "torn line in the middle": (b'{"event":"metrics","step":7,"metr\n', "cannot be read"),
    "bad JSON": (b"hello world\n", "cannot be read"),
    "NUL bytes": (b"\0" * 4096 + b"\n", "NUL bytes"),
    "invalid UTF-8": (b'{"event":"note","text":"\xff\xfe"}\n', "invalid UTF-8"),
    "an array": (b"[1,2,3]\n", "not an object"),
    "a bare number": (b"17\n", "not an object"),
    "deep lists": (b"[" * 100_000 + b"\n", "cannot be read"),
    "deep objects": (b'{"a":' * 5_000 + b"1" + b"}" * 5_000 + b"\n", "cannot be read"),
    "a number with 5000 digits": (b'{"event":"note","text":' + b"1" * 5_000 + b",}\n", "cannot be read"),
    "two objects in a line": (b'{"a":1},{"b":2}\n', "cannot be read"),
    "half an object in each of two lines": (b'{"event":"x","a":[1\n2]}\n', "cannot be read"),
    "no kind": (b'{"time":1}\n', "no `event`"),
    "a kind that is no text": (b'{"event":[1],"time":1}\n', "no `event`"),
    "metrics that are a list": (b'{"event":"metrics","step":1,"metrics":[1,2]}\n', "`metrics` is no object"),
    "metrics that are text": (b'{"event":"metrics","step":1,"metrics":"loss"}\n', "`metrics` is no object"),
    "no metrics": (b'{"event":"metrics","step":1}\n', "`metrics` is no object"),
    "a null value": (
        b'{"event":"metrics","step":9,"metrics":{"other":null}}\n',
        "metric 'other': null is not a number",
    ),
    "a text value": (b'{"event":"metrics","step":9,"metrics":{"other":"low"}}\n', "metric 'other': \"low\" is not a"),
    "a list value": (b'{"event":"metrics","step":9,"metrics":{"other":[1]}}\n', "metric 'other'"),
    "points that are no object": (b'{"event":"points","steps":[1],"metrics":[1]}\n', "`metrics` is no object"),
    "points that are no list": (b'{"event":"points","steps":[1],"metrics":{"other":1}}\n', "no list"),
    "params that are a list": (b'{"event":"params","params":[1]}\n', "`params` of a `params` line"),
    "a note without text": (b'{"event":"note"}\n', "has no `text`"),
    "an unknown status": (b'{"event":"end","status":"DONE"}\n', "`status` of a `end` line"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_costs_nothing_but_its_own_line(name: str) -> None:
    damage, expected = DAMAGE[name]
    before, _, after = LOG.partition(b'{"event":"note"')
    stream = parse_one(before + damage + b'{"event":"note"' + after)
    clean = parse_one(LOG)
    assert points_of(stream) == points_of(clean)
    assert [e for e in stream.events if e["event"] != "problem"] == list(clean.events)
    assert expected in stream.problems[0].message
    assert stream.problems[0].where == "digits/r1/events.jsonl"
    assert stream.problems[0].line == 5


def test_faults_of_one_kind_are_one_problem_with_the_first_line_and_a_count() -> None:
    lines: list[Any] = [b"{torn\n", metrics_line(1, loss=1.0)] * 30
    stream = parse_one(make_log(start_line(), *lines))
    assert [(p.line, p.count) for p in stream.problems] == [(2, 30)]
    assert len(stream.points["loss"]) == 30


def test_a_log_with_a_thousand_kinds_of_faults_has_a_bounded_number_of_problems() -> None:
    stream = parse_one(make_log(start_line(), *(metrics_line(1, **{f"m{i}": None}) for i in range(1000))))
    assert len(stream.problems) == 101
    assert sum(problem.count for problem in stream.problems) == 1000


def test_a_line_behind_nul_bytes_is_read() -> None:
    stream = parse_one(make_log(start_line(), b"\0" * 100 + encode_line(metrics_line(4, loss=1.0))))
    assert points_of(stream) == {"loss": [(4, T0 + 240, 1.0)]}
    assert "NUL" in messages(stream)[0]


def test_a_line_glued_to_a_torn_one_is_read() -> None:
    torn = encode_line(metrics_line(3, loss=9.0))[:40]
    stream = parse_one(make_log(start_line(), torn + encode_line(metrics_line(4, loss=1.0))))
    assert points_of(stream) == {"loss": [(4, T0 + 240, 1.0)]}
    assert "torn" in messages(stream)[0]


@pytest.mark.parametrize(
    ("text", "value"), [("NaN", "nan"), ("1e999", math.inf), ("-1e999", -math.inf), ("Infinity", math.inf)]
)
def test_numbers_that_other_writers_emit_are_read_and_counted(text: str, value: float) -> None:
    line = f'{{"event":"metrics","step":1,"time":5,"metrics":{{"loss":{text}}}}}\n'.encode()
    stream = parse_one(make_log(start_line(), line))
    assert points_of(stream) == {"loss": [(1, 5.0, value)]}
    assert "strict JSON" in messages(stream)[0]


def test_a_lone_surrogate_becomes_a_character_that_can_be_written() -> None:
    stream = parse_one(make_log(start_line(), b'{"event":"note","text":"a\\ud800b"}\n'))
    assert stream.events[0]["text"].startswith("a\ufffd")
    stream.events[0]["text"].encode()


def test_a_key_that_comes_twice_counts_with_its_last_value() -> None:
    stream = parse_one(make_log(start_line(), b'{"event":"metrics","step":1,"step":2,"metrics":{"a":1,"a":5}}\n'))
    assert [(s, v) for s, _, v in points_of(stream)["a"]] == [(2, 5.0)]


def test_what_is_nested_deeply_becomes_text() -> None:
    deep: Any = 1
    for _ in range(200):
        deep = {"a": [deep]}
    stream = parse_one(make_log(start_line(), orjson.dumps({"event": "later", "x": [1]}) + b"\n"))
    assert messages(stream) == []
    line = b'{"event":"later","x":' + b'{"a":[' * 100 + b"1" + b"]}" * 100 + b"}\n"
    stream = parse_one(make_log(start_line(), line))
    assert messages(stream) == ["a line is nested too deeply"]
    assert orjson.loads(orjson.dumps(stream.events[0]))["event"] == "later"


def test_a_huge_line_is_skipped_and_the_lines_around_it_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonlog, "MAX_LINE_BYTES", 1000)
    huge = b'{"event":"note","text":"' + b"x" * 5000 + b'"}\n'
    data = make_log(start_line(), metrics_line(0, a=1.0), huge, metrics_line(1, a=2.0), huge[:-1])
    stream = parse_one(data, size=100)
    assert [v for _, _, v in points_of(stream)["a"]] == [1.0, 2.0]
    assert [(p.line, p.count) for p in stream.problems] == [(3, 2)]


def test_blank_lines_and_windows_line_ends_are_no_fault() -> None:
    stream = parse_one(make_log(start_line(), b"\n\n", metrics_line(0, a=1.0), b"  \n").replace(b"\n", b"\r\n"))
    assert points_of(stream) == {"a": [(0, T0, 1.0)]}
    assert stream.problems == ()


def test_a_byte_order_mark_does_not_hide_the_start_line() -> None:
    assert parse_one(b"\xef\xbb\xbf" + LOG).start["run_id"] == "r1"


def test_a_file_of_garbage_gives_no_stream() -> None:
    assert parse(b"") == ()
    assert parse(b"\n\n") == ()
    assert parse(b"garbage\n\0\0\0") == ()


# ---- start lines


def test_a_log_without_start_line_belongs_to_the_run_of_its_folder() -> None:
    stream = parse_one(make_log(metrics_line(0, a=1.0)))
    assert (stream.start["run_id"], stream.start["experiment"]) == ("folder", "above")
    assert "no start line" in messages(stream)[0]


def test_logs_without_start_line_are_told_apart_by_their_first_line() -> None:
    one, two = (parse_one(make_log(metrics_line(step, a=1.0), metrics_line(9, a=2.0))) for step in (0, 1))
    assert one.start["session"] != two.start["session"]


def test_a_newer_format_is_read_as_far_as_it_is_known_and_names_the_version_to_install() -> None:
    stream = parse_one(make_log(start_line(format=7, reportgen="3.1"), metrics_line(0, a=1.0)))
    assert len(stream.points["a"]) == 1
    assert "log format 7 is newer" in messages(stream)[0]
    assert "reportgen>=3.1" in stream.problems[0].hint
    assert (stream.start["format"], stream.start["logged_format"]) == (1, 7)


@pytest.mark.parametrize(
    "fields",
    [
        {"rank": "0"}, {"rank": -1}, {"rank": True}, {"rank": 1.5}, {"time": "now"}, {"time": 1.7e12}, {"name": [1]},
        {"session": {}}, {"parent": ["x"]}, {"format": "1"}, {"run_id": {"a": 1}}, {"experiment": [None]}, {"user": {}},
    ],
)  # fmt: skip
def test_a_field_of_the_start_line_with_a_wrong_type_is_replaced_and_counted(fields: Mapping[str, Any]) -> None:
    stream = parse_one(make_log({**start_line(), **fields}, metrics_line(0, a=1.0)))
    start = stream.start
    assert all(isinstance(start[name], str) for name in ("run_id", "experiment", "name", "session"))
    assert isinstance(start["rank"], int)
    assert isinstance(start["time"], float)
    assert len(stream.problems) == 1
    assert stream.problems[0].line == 1


def test_numbers_as_names_are_taken_as_text() -> None:
    start = parse_one(make_log(start_line(run_id=17, experiment=2.5, name=3))).start
    assert (start["run_id"], start["experiment"], start["name"]) == ("17", "2.5", "3")


def test_a_second_start_line_of_the_run_begins_a_stream_and_one_of_another_run_does_not() -> None:
    again = start_line(session="20270101T000000.000000Z-aaaa")
    data = make_log(start_line(), metrics_line(0, a=1.0), again, metrics_line(1, a=2.0), start_line("other"))
    first, second = parse(data)
    assert [len(s.points["a"]) for s in (first, second)] == [1, 1]
    assert ["another run" in m for m in messages(second)] == [True]


# ---- steps and times


STEPS = [
    ("1", 1, None),
    ("-5", -5, None),
    ("9223372036854775807", 2**63 - 1, None),
    ("-9223372036854775807", -(2**63) + 1, None),
    ("3.0", 3, None),
    ("1e3", 1000, None),
    ("null", NO_STEP, None),
    ("2.5", 2, "no whole number"),
    ("-2.5", -3, "no whole number"),
    ("9223372036854775808", NO_STEP, "no 64-bit"),
    ("18446744073709551615", NO_STEP, "no 64-bit"),
    ("1e300", NO_STEP, "no 64-bit"),
    ('"7"', NO_STEP, "no 64-bit"),
    ("[1]", NO_STEP, "no 64-bit"),
    ("{}", NO_STEP, "no 64-bit"),
]


@pytest.mark.parametrize(("text", "step", "fault"), STEPS)
def test_steps_are_whole_numbers_of_64_bits(text: str, step: int, fault: str | None) -> None:
    single = f'{{"event":"metrics","step":{text},"metrics":{{"a":1}}}}\n'.encode()
    column = f'{{"event":"points","steps":[{text}],"metrics":{{"a":[1]}}}}\n'.encode()
    for line in (single, column):
        stream = parse_one(make_log(start_line(), line))
        assert stream.points["a"].steps.tolist() == [step]
        assert stream.points["a"].steps.dtype == np.int64
        assert [fault in m for m in messages(stream)] == ([True] if fault else [])  # type: ignore[operator]


@pytest.mark.parametrize(("text", "good"), [("0", True), ("1.5e9", True), ("1.7e12", False), ("-1", False),
                                            ('"NaN"', False), ('"2024"', False), ("[]", False)])  # fmt: skip
def test_a_time_that_is_none_is_left_out(text: str, good: bool) -> None:
    single = f'{{"event":"metrics","time":{text},"metrics":{{"a":1}}}}\n'.encode()
    column = f'{{"event":"points","times":[{text}],"metrics":{{"a":[1]}}}}\n'.encode()
    event = f'{{"event":"note","text":"x","time":{text}}}\n'.encode()
    for line in (single, column):
        stream = parse_one(make_log(start_line(), line))
        assert math.isnan(stream.points["a"].times[0]) is not good
        assert len(stream.problems) == (0 if good else 1)
    stream = parse_one(make_log(start_line(), event))
    assert ("time" in stream.events[0]) is good
    assert len(stream.problems) == (0 if good else 1)


def test_columns_of_different_length_are_cut_to_the_shortest() -> None:
    line = {"event": "points", "steps": [1, 2, 3], "times": [1, 2], "metrics": {"a": [5, 6, 7], "b": [8]}}
    stream = parse_one(make_log(start_line(), line))
    assert points_of(stream) == {"a": [(1, 1.0, 5.0), (2, 2.0, 6.0)], "b": [(1, 1.0, 8.0)]}
    assert "differ in length" in messages(stream)[0]


def test_values_of_a_column_that_are_no_numbers_are_left_out() -> None:
    line = {"event": "points", "steps": [1, 2, 3], "metrics": {"a": [5, None, "NaN"], "b": [1, 2, 3], "c": ["x"] * 3}}
    stream = parse_one(make_log(start_line(), line))
    assert [(s, v) for s, _, v in points_of(stream)["a"]] == [(1, 5.0), (3, "nan")]
    assert len(stream.points["b"]) == 3
    assert len(stream.points["c"]) == 0


# ---- columns against a reader that goes line by line

VALUES: st.SearchStrategy[Any] = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(2**63), 2**64 - 1),
    st.sampled_from(["NaN", "Infinity", "-Infinity", "low", None, True, [1], {}]),
)
ROWS = st.lists(
    st.one_of(
        st.fixed_dictionaries(
            {"event": st.just("metrics"), "metrics": st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)},
            optional={"step": st.integers(-(2**63) + 1, 2**63 - 1), "time": st.floats(0, 4e9)},
        ),
        st.just({"event": "note", "text": "x"}),
        st.just({"event": "metrics", "metrics": [1]}),
    ),
    max_size=60,
)


@settings(max_examples=200)
@given(ROWS, st.integers(1, 12))
def test_columns_hold_what_a_reader_line_by_line_finds(rows: list[dict[str, Any]], repeat: int) -> None:
    rows = [row for row in rows for _ in range(repeat)]
    expected: dict[str, list[tuple[int, float, float]]] = {}
    for row in rows:
        metrics = row.get("metrics")
        for name, value in metrics.items() if isinstance(metrics, dict) else ():
            if isinstance(value, str) and value not in ("NaN", "Infinity", "-Infinity"):
                continue
            if value is None or isinstance(value, list | dict):
                continue
            time = row.get("time", math.nan)
            point = (row.get("step", NO_STEP), time, decode_number(value))
            expected.setdefault(name, []).append(tuple("nan" if x != x else x for x in point))  # type: ignore[arg-type]
    stream = parse_one(make_log(start_line(), *rows))
    assert {name: points for name, points in points_of(stream).items() if points} == expected


def test_metrics_logged_together_share_their_steps_and_times() -> None:
    lines = [metrics_line(i, loss=i / 7, acc=i / 3) for i in range(5000)]
    stream = parse_one(make_log(start_line(), *lines), size=10_000)
    assert len(stream.points["loss"]) == 5000
    assert stream.points["loss"].steps is stream.points["acc"].steps
    assert stream.points["loss"].times is stream.points["acc"].times


# ---- files


def test_a_file_is_hashed_as_it_is_stored(tmp_path: Path) -> None:
    import hashlib

    for name, data in (("events.jsonl", LOG), ("events.jsonl.gz", gzip.compress(LOG) + gzip.compress(b"\n"))):
        (tmp_path / name).write_bytes(data)
        read = read_log(str(tmp_path / name), "l", Identity("r", "e"))
        assert read.sha256 == hashlib.sha256(data).hexdigest()
        assert points_of(read.streams[0]) == points_of(parse_one(LOG))


@pytest.mark.parametrize("cut", [1, 9, 12, 100, -9, -1])
def test_a_gzip_file_that_ends_too_early_gives_what_is_whole(cut: int) -> None:
    packed = gzip.compress(LOG)[:cut]
    streams = parse(packed, packed=True)
    for stream in streams:
        assert any("end too early" in message for message in messages(stream))
    assert len(streams) == (0 if 0 < cut < 200 else 1)


def test_damaged_gzip_data_are_a_problem() -> None:
    packed = bytearray(gzip.compress(LOG + b"x" * 100_000))
    packed[len(packed) - 6] ^= 255
    assert any("damaged" in message for message in messages(parse_one(bytes(packed), packed=True)))
    assert parse(b"this is no gzip", packed=True) == ()


def test_a_compressed_file_is_read_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonlog, "MAX_UNPACKED_BYTES", 1 << 20)
    stream = parse_one(gzip.compress(LOG + b"\n" * (50 << 20)), packed=True)
    assert any("when unpacked" in message for message in messages(stream))
    assert "loss" in stream.points


def test_links_and_pipes_are_never_opened(tmp_path: Path) -> None:
    import os

    (tmp_path / "real.jsonl").write_bytes(LOG)
    (tmp_path / "link.jsonl").symlink_to("real.jsonl")
    os.mkfifo(tmp_path / "pipe.jsonl")
    for name in ("link.jsonl", "pipe.jsonl"):
        with pytest.raises(OSError, match=r"\w"):
            read_log(str(tmp_path / name), "l", Identity("r", "e"))


def test_the_garbage_collector_is_as_it_was() -> None:
    assert gc.isenabled()
    parse(LOG)
    assert gc.isenabled()


def test_a_fault_is_told_with_the_session_that_it_stands_in() -> None:
    second = start_line(session="20270101T000000.000000Z-0001")
    first, other = parse(make_log(start_line(), metrics_line(0, a=1.0), second, b"torn\n", metrics_line(1, a=2.0)))
    assert first.problems == ()
    assert [problem.line for problem in other.problems] == [4]
    assert [len(stream.points["a"]) for stream in (first, other)] == [1, 1]


def test_lines_that_cannot_be_read_for_different_reasons_are_different_problems() -> None:
    log = make_log(start_line(), b"torn\n", b'{"event":"metr\n', b"17\n", b'{"a":"\xff"}\n', b'{"event":"m\n', b"[1]\n")
    found = {(p.message, p.line, p.count) for p in parse_one(log).problems}
    assert found == {
        ("a line cannot be read: not JSON: Expecting value at character 1", 2, 3),
        ("a line cannot be read: the line is JSON, but not an object", 4, 2),
        ("a line cannot be read: invalid UTF-8 at byte 6", 5, 1),
    }


def test_problems_stand_in_the_events_before_the_end() -> None:
    stream = parse_one(make_log(start_line(), b"torn\n", {"event": "end", "status": "FAILED"}, metrics_line(0, a=1.0)))
    assert [event["event"] for event in stream.events] == ["problem", "end"]
    assert stream.problems == (
        Problem(
            "digits/r1/events.jsonl",
            "a line cannot be read: not JSON: Expecting value at character 1",
            "a process that is killed leaves a torn line; all whole lines were read",
            2,
            1,
        ),
    )

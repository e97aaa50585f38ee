"""The record: the truth about a run, the same bytes however often it is read and written."""

from __future__ import annotations

import gzip
import math
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reportgen.formats import decode_line, run_key
from reportgen.model import Points, Stream
from reportgen.sources.merge import merge_streams
from reportgen.sources.record import MAX_ROWS, encode_record, encode_streams, read_record
from tests.sourcelogs import LATER, T0, make_log, metrics_line, parse, points_of, start_line

LOG = make_log(
    start_line(),
    {"event": "params", "params": {"lr": 1e-3, "opt": {"name": "adam", "betas": [0.9, 0.999]}}},
    metrics_line(0, loss=2.5, acc=0.25),
    metrics_line(1, loss="NaN", acc=0.5),
    metrics_line(2, loss=0.1, acc=0.75, lr=1e-3),
    b"{torn\n",
    {"event": "later", "idea": [1, {"a": None}]},
    {"event": "end", "status": "FINISHED", "time": T0 + 400},
)


def lines_of(record: bytes) -> list[dict[str, Any]]:
    return [decode_line(line) for line in gzip.decompress(record).splitlines()]


def test_reading_a_record_and_writing_it_again_gives_the_same_bytes_and_the_same_run() -> None:
    run = merge_streams(parse(LOG), key=run_key("r1"))
    record = encode_record(run)
    again = read_record(record)
    assert encode_record(again) == record
    assert repr(again.summary) == repr(run.summary)
    assert repr(again) == repr(run)


def test_a_record_holds_the_start_the_events_the_points_and_the_end_in_this_order() -> None:
    record = encode_record(merge_streams(parse(LOG), key="k"))
    assert [line["event"] for line in lines_of(record)] == [
        "start", "params", "later", "problem", "points", "points", "end",
    ]  # fmt: skip
    points = [line for line in lines_of(record) if line["event"] == "points"]
    assert points[0]["metrics"] == {"loss": [2.5, "NaN", 0.1], "acc": [0.25, 0.5, 0.75]}
    assert points[0]["steps"] == [0, 1, 2]
    assert points[1] == {"event": "points", "steps": [2], "times": [T0 + 120], "metrics": {"lr": [1e-3]}}


def test_streams_stand_in_the_order_of_session_and_rank() -> None:
    logs = [
        make_log(start_line(session=session, rank=rank), metrics_line(rank, a=1.0))
        for session in (LATER, "0")
        for rank in (1, 0)
    ]
    streams = [stream for log in logs for stream in parse(log)]
    record = encode_record(merge_streams(streams, key="k"))
    starts = [(line["session"], line["rank"]) for line in lines_of(record) if line["event"] == "start"]
    assert starts == [("0", 0), ("0", 1), (LATER, 0), (LATER, 1)]
    assert encode_record(merge_streams(reversed(streams), key="k")) == record
    assert encode_record(read_record(record)) == record


def test_a_record_is_one_gzip_member_without_a_time() -> None:
    import zlib

    record = encode_record(merge_streams(parse(LOG), key="k"))
    unpacker = zlib.decompressobj(31)
    unpacker.decompress(record)
    assert unpacker.eof
    assert unpacker.unused_data == b""
    assert record[4:8] == b"\0\0\0\0"


def test_long_series_take_several_lines() -> None:
    count = MAX_ROWS * 2 + 3
    steps = np.arange(count)
    own = Points(steps, np.full(count, math.nan), np.sin(steps / 1000))
    stream = Stream(start_line(), (), {"a": own, "b": own})
    record = encode_streams([stream])
    lines = [line for line in lines_of(record) if line["event"] == "points"]
    assert [len(line["steps"]) for line in lines] == [MAX_ROWS, MAX_ROWS, 3]
    assert all("times" not in line and set(line["metrics"]) == {"a", "b"} for line in lines)
    again = read_record(record)
    assert np.array_equal(again.series["b"][0].values, own.values)
    assert encode_record(again) == record


def test_times_that_are_partly_missing_are_null() -> None:
    data = make_log(start_line(), metrics_line(0, a=1.0), {"event": "metrics", "step": 1, "metrics": {"a": 2.0}})
    record = encode_record(merge_streams(parse(data), key="k"))
    assert lines_of(record)[1]["times"] == [T0, None]
    again = read_record(record)
    assert again.streams[0].problems == ()
    assert encode_record(again) == record


def test_points_without_a_step_have_none_in_the_record_and_are_counted_each_time() -> None:
    data = make_log(start_line(), metrics_line(None, a=1.0), metrics_line(7, a=2.0), metrics_line(None, a=3.0))
    data += make_log(metrics_line(None, b=1.0), metrics_line(None, b=2.0))
    run = merge_streams(parse(data), key="k")
    assert run.series["a"][0].steps.tolist() == [0, 7, 8]
    record = encode_record(run)
    assert [line.get("steps") for line in lines_of(record)[1:]] == [[None, 7, None], None]
    again = read_record(record)
    assert again.series["a"][0].steps.tolist() == [0, 7, 8]
    assert again.series["b"][0].steps.tolist() == [0, 1]
    assert again.streams[0].problems == ()
    assert encode_record(again) == record


@pytest.mark.parametrize("value", [0.1, 1 / 3, 5e-324, 1.7976931348623157e308, -0.0, 1e22, 123456789.12345679])
def test_every_float_comes_back_exactly(value: float) -> None:
    run = merge_streams(parse(make_log(start_line(), metrics_line(0, a=value))), key="k")
    found = read_record(encode_record(run)).series["a"][0].values[0]
    assert found.tobytes() == np.float64(value).tobytes()


@pytest.mark.parametrize("kind", ["noise", "constant", "rounded"])
def test_measured_and_repeated_values_are_both_compressed(kind: str) -> None:
    rng = np.random.default_rng(1)
    values = {"noise": rng.random(5000), "constant": np.full(5000, 0.1), "rounded": rng.integers(0, 3, 5000) / 8}[kind]
    stream = Stream(start_line(), (), {"a": Points(np.arange(5000), T0 + np.arange(5000.0), values)})
    record = encode_streams([stream])
    plain = gzip.decompress(record)
    assert len(record) < {"noise": 0.55, "constant": 0.3, "rounded": 0.3}[kind] * len(plain)
    assert len(record) < 1.25 * len(gzip.compress(plain, 6))
    assert orjson.loads(plain.splitlines()[1])["metrics"]["a"] == values.tolist()


def test_a_record_without_a_readable_line_raises_an_error_that_names_it() -> None:
    from reportgen.errors import FormatError

    with pytest.raises(FormatError, match="no line of 'data/runs/k' can be read"):
        read_record(b"nothing", label="data/runs/k")


VALUES = st.one_of(st.floats(width=64), st.integers(-5, 5)).map(
    lambda v: v if math.isfinite(v) else "NaN" if v != v else "Infinity" if v > 0 else "-Infinity"
)
TEXT = st.text(max_size=8)
JSON = st.recursive(st.one_of(st.none(), st.booleans(), st.integers(-9, 9), TEXT), lambda s: st.lists(s, max_size=2))
LINES = st.lists(
    st.one_of(
        st.fixed_dictionaries(
            {"event": st.just("metrics"), "metrics": st.dictionaries(TEXT, VALUES, max_size=3)},
            optional={"step": st.integers(-5, 50), "time": st.floats(0, 4e9)},
        ),
        st.fixed_dictionaries({"event": st.just("params"), "params": st.dictionaries(TEXT, JSON, max_size=3)}),
        st.fixed_dictionaries({"event": st.just("tags"), "tags": st.dictionaries(TEXT, JSON, max_size=3)}),
        st.fixed_dictionaries({"event": TEXT, "x": JSON}),
        st.fixed_dictionaries({"event": st.just("end"), "status": st.sampled_from(["FINISHED", "FAILED", 3])}),
        st.just(b"{torn\n"),
    ),
    max_size=20,
)


@settings(max_examples=150)
@given(st.lists(st.tuples(st.integers(0, 1), LINES), min_size=1, max_size=3))
def test_whatever_was_logged_a_record_of_a_record_is_the_record(streams: list[tuple[int, list[Any]]]) -> None:
    found = [
        stream
        for number, (rank, lines) in enumerate(streams)
        for stream in parse(make_log(start_line(rank=rank, session=str(number)), *lines))
    ]
    run = merge_streams(found, key=run_key("r1"))
    record = encode_record(run)
    again = read_record(record)
    assert encode_record(again) == record
    assert repr(again) == repr(run)
    assert [points_of(s) for s in again.streams] == [points_of(s) for s in run.streams]

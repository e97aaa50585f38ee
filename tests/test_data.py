"""Data files: columns and summaries come back as they went in, and scripts cannot be broken out of."""

from __future__ import annotations

import dataclasses
import gzip
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reportgen.errors import FormatError
from reportgen.formats import short_key
from reportgen.site import data, urls
from tests.factories import make_run, make_summary


@given(st.lists(st.floats(allow_nan=True, width=64), max_size=100))
def test_float_columns_lose_nothing(values: list[float]) -> None:
    column = np.array(values, dtype=np.float64)
    decoded = data.decode_column(json.loads(json.dumps(data.encode_column(column))))
    np.testing.assert_array_equal(decoded, column)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=100))
def test_integer_columns_lose_nothing(values: list[int]) -> None:
    column = np.array(values, dtype=np.int64)
    if len(column) <= data.PLAIN_COLUMN and any(abs(v) > 2**53 for v in values):
        encoded = data.encode_column(column)
        assert encoded == values or "start" in encoded
    else:
        decoded = data.decode_column(json.loads(json.dumps(data.encode_column(column))))
        np.testing.assert_array_equal(decoded, column)


def test_arithmetic_steps_take_no_room() -> None:
    assert data.encode_column(np.arange(0, 10_000, 5)) == {"start": 0, "delta": 5, "n": 2_000}


def test_float32_is_chosen_only_when_exact() -> None:
    exact = np.linspace(0, 1, 257)
    assert "f4" in data.encode_column(exact)
    assert "f8" in data.encode_column(exact + 1e-12)


def test_summaries_come_back_equal() -> None:
    summaries = [
        make_summary(run_id="a", params={"lr": 0.1, "deep": None, "flag": True}, tags={"x": "</script>"}),
        make_summary(run_id="b", params={"lr": "0.1", "__proto__": 1}, experiment="andere ✓"),
        make_summary(run_id="c", status="failed", error="ValueError: boom"),
    ]
    assert data.decode_summaries(data.encode_summaries(summaries)) == tuple(summaries)


def test_a_last_value_of_nan_survives() -> None:
    summary = make_summary(run_id="a")
    name, metric = next(iter(summary.metrics.items()))
    broken = dataclasses.replace(summary, metrics={name: dataclasses.replace(metric, last=math.nan)})
    (back,) = data.decode_summaries(data.encode_summaries([broken]))
    assert math.isnan(back.metrics[name].last)


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", gzip.compress(b"{}"), gzip.compress(b'{"format": 99}')],
    ids=["empty", "not packed", "no table", "another format"],
)
def test_foreign_summaries_are_refused(content: bytes) -> None:
    with pytest.raises(FormatError):
        data.decode_summaries(content)


def test_cut_summaries_are_refused() -> None:
    whole = data.encode_summaries([make_summary(run_id="a")])
    for end in range(0, len(whole), 7):
        with pytest.raises(FormatError):
            data.decode_summaries(whole[:end])


def test_summaries_stop_at_the_limit() -> None:
    bomb = gzip.compress(b"[" + b" " * 10_000_000 + b"]")
    with pytest.raises(FormatError, match="larger than the limit"):
        data.decode_summaries(bomb, max_bytes=1_000)


def _payload(script: bytes) -> object:
    text = script.decode()
    assert text.startswith("reportgen.data(")
    return json.loads(text.removeprefix("reportgen.data(").removesuffix(");\n").partition(",")[2])


def test_long_series_get_an_envelope_and_exact_tiles() -> None:
    n = 70_000
    values = np.sin(np.arange(n) / 50)
    values[12_345] = 99.0
    run = make_run(run_id="long", metrics={"loss": values.tolist()})
    files = data.make_run_files(run)
    payload = _payload(files.series)
    assert isinstance(payload, dict)
    (long,) = payload["long"]
    assert long["n"] == n and long["tiles"] == 2
    assert max(data.decode_column(long["max"])) == 99.0
    key = run.summary.key
    tiles = [_payload(files.tiles[urls.tile_js(key, 0, i)]) for i in range(2)]
    exact = np.concatenate([data.decode_column(t["values"]) for t in tiles if isinstance(t, dict)])
    np.testing.assert_array_equal(exact, values)


def test_short_series_with_the_same_steps_share_a_block() -> None:
    run = make_run(run_id="short", metrics={"a": [1.0, 2.0], "b": [3.0, 4.0]})
    payload = _payload(data.make_run_files(run).series)
    assert isinstance(payload, dict)
    assert payload["key"] == run.summary.key
    (block,) = payload["blocks"]
    assert block["names"] == ["a", "b"] and block["values"] == [1.0, 2.0, 3.0, 4.0]
    assert short_key(run.summary.key) in data.make_run_files(run).series.decode().partition(",")[0]

"""What all data files share, and the summaries: they come back as they went in, and scripts cannot be broken out of."""

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
from reportgen.site import data
from tests.contract import read_call
from tests.factories import make_summary


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
        make_summary(run_id="d", notes="# All\n\n*of* it", artifacts=["z/model.pt", "</script>.txt"]),
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


@given(st.recursive(st.none() | st.booleans() | st.text(), lambda inner: st.lists(inner, max_size=3)))
def test_a_packed_payload_comes_back(value: object) -> None:
    assert data.unpack(data.pack(value)) == value


@pytest.mark.parametrize("size", [10, 100_000], ids=["small window", "large window"])
def test_packing_depends_on_the_payload_alone(size: int) -> None:
    payload = [f"{i} × {i * i}" for i in range(size)]
    assert data.pack(payload) == data.pack(list(payload))
    assert data.unpack(data.pack(payload)) == payload


def test_a_script_cannot_be_broken_out_of() -> None:
    hostile = '"); alert(1); ("\u2028</script>'
    name, payload = read_call(data.script("x", [hostile]))
    assert (name, payload) == ("x", [hostile])

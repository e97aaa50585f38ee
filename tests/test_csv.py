"""The CSV of all runs: every column, all digits, and nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
import math

import pytest

from reportgen.model import Summary
from reportgen.site.pages.csv import runs_csv
from tests.factories import make_summary


def read(*runs: Summary) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(runs_csv(runs).decode(), newline=""), strict=True))


def test_a_row_holds_facts_params_metrics_and_tags() -> None:
    run = make_summary(
        "a",
        params={"lr": 1e-3, "name": "x,y", "on": True, "none": None},
        tags={"k": "v"},
        metrics={"loss": [3.0, 1.0, 2.0]},
    )
    (row,) = read(run)
    assert (row["name"], row["run_id"], row["status"]) == ("a", run.run_id, "finished")
    assert row["start_time"] == "2026-11-21T12:02:00Z"
    assert (row["params.lr"], row["params.name"], row["params.on"], row["params.none"]) == ("0.001", "x,y", "True", "")
    assert [row[f"metrics.loss{s}"] for s in ("", ".min", ".max", ".mean", ".first")] == [
        "2.0",
        "1.0",
        "3.0",
        "2.0",
        "3.0",
    ]
    assert row["tags.k"] == "v"


def test_columns_are_those_of_all_runs_and_missing_cells_are_empty() -> None:
    first, second = read(
        make_summary("a", params={"x": 1}, metrics={"m": [1.0]}), make_summary("b", params={"y": 2}, metrics={})
    )
    assert (first["params.x"], first["params.y"]) == ("1", "")
    assert (second["params.x"], second["metrics.m"], second["metrics.m.min"]) == ("", "", "")


def test_numbers_keep_all_digits_and_stay_numbers() -> None:
    values = {"a": -0.1, "b": 1 / 3, "c": -5, "d": 2**70, "e": "-0.5", "f": "+1e-3"}
    (row,) = read(make_summary("a", params=values))
    assert [row[f"params.{n}"] for n in "abcdef"] == ["-0.1", repr(1 / 3), "-5", str(2**70), "-0.5", "+1e-3"]


def test_what_is_not_finite_is_a_word() -> None:
    (row,) = read(make_summary("a", params={"x": math.inf, "y": -math.inf}, metrics={"m": [math.nan]}))
    assert (row["params.x"], row["params.y"], row["metrics.m"], row["metrics.m.min"]) == (
        "Infinity",
        "-Infinity",
        "NaN",
        "",
    )


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_text_that_a_spreadsheet_would_run_gets_an_apostrophe(start: str) -> None:
    hostile = f"{start}cmd|' /C calc'!A0"
    run = make_summary(
        hostile, experiment=hostile, group=hostile, note=hostile, error=hostile, user=hostile, params={"p": hostile},
        tags={"t": hostile},
    )  # fmt: skip
    (row,) = read(run)
    for column in ("name", "experiment", "group", "note", "error", "user", "params.p", "tags.t"):
        assert row[column] == f"'{hostile}"


def test_hostile_names_stay_in_their_cell() -> None:
    names = ['a"b', "a,b", "a\nb", "a\r\nb", "\u2028", "\ud800", "=1", "\0"]
    run = make_summary(
        "r", params=dict.fromkeys(names, "v"), metrics={n: [1.0] for n in names}, tags=dict.fromkeys(names, "t")
    )
    text = runs_csv([run]).decode()
    head, row = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert len(head) == len(row)
    assert "params.a\r\nb" in head
    assert "params.\ufffd" in head


def test_no_runs_make_a_head_alone() -> None:
    assert runs_csv([]).decode().splitlines()[0].startswith("experiment,name,run_id,status")
    assert runs_csv([]).count(b"\r\n") == 1

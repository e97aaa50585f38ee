"""Exported runs and points: every format holds the same, types are kept, memory and files are left in order."""

from __future__ import annotations

import builtins
import csv
import io
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reportgen.errors import QueryError, ReportgenError, SiteError
from reportgen.exporting import parquet
from reportgen.exporting.columns import all_columns, named_columns
from reportgen.exporting.comparison import compare_runs, comparison_record
from reportgen.exporting.files import (
    POINT_KEYS,
    columns_csv,
    columns_records,
    format_of,
    precise_time,
    write_points,
    write_runs,
)
from reportgen.exporting.records import encode_json, full_record, run_record
from reportgen.loading import Means, Runs, load_runs
from reportgen.model import Series
from reportgen.query import Frame, parse_columns
from reportgen.site.config import Config, MetricConfig
from reportgen.site.pages.csv import runs_csv
from tests.cliruns import HOSTILE, write_sweep
from tests.factories import START, make_summary

duckdb = pytest.importorskip("duckdb")
pq = pytest.importorskip("pyarrow.parquet")

CONFIG = Config(metrics={"val/loss": MetricConfig(unit="nats")})
FORMATS = ("csv", "json", "jsonl", "parquet")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    folder = tmp_path_factory.mktemp("exporting")
    return load_runs(write_sweep(folder), config=CONFIG, means=Means(cache_dir=folder / "cache"))


def quiet(*_: object) -> None:
    pass


def read_points(file: Path) -> list[tuple[Any, ...]]:
    """Return the rows of a file of points as (run_id, metric, rank, step, time, value), numbers as numbers."""
    kind = file.suffix[1:]
    if kind == "csv":
        rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"))))
    elif kind == "parquet":
        rows = pq.read_table(file).to_pylist()
    else:
        text = file.read_text(encoding="utf-8")
        rows = json.loads(text) if kind == "json" else [json.loads(line) for line in text.splitlines()]
    assert all(tuple(row) == POINT_KEYS for row in rows)
    numbers = [float(str(row["value"]).replace("Infinity", "inf")) for row in rows]
    return [
        (row["run_id"], row["metric"], int(row["rank"]), int(row["step"]), row["time"], number)
        for row, number in zip(rows, numbers, strict=True)
    ]


# ---- points


@pytest.mark.parametrize("kind", FORMATS)
def test_points_are_all_that_was_logged_in_order(runs: Runs, tmp_path: Path, kind: str) -> None:
    file = tmp_path / f"metrics.{kind}"
    wanted = [
        (run.run_id, metric.replace("\x1b", "\ufffd") if kind == "csv" else metric, 0, step, value)
        for run in runs
        for metric in run.metrics
        for series in [run.series(metric)]
        for step, value in zip(series.steps.tolist(), series.values.tolist(), strict=True)
    ]
    assert write_points(runs, file, quiet) == len(wanted)
    assert [(*row[:4], repr(row[5])) for row in read_points(file)] == [(*row[:4], repr(row[4])) for row in wanted]


def test_times_are_instants_in_every_format(runs: Runs, tmp_path: Path) -> None:
    found = {}
    for kind in FORMATS:
        write_points(runs, tmp_path / f"m.{kind}", quiet)
        found[kind] = read_points(tmp_path / f"m.{kind}")[0][4]
    seconds = runs[0].series("m\x1b").times[0]
    assert found["json"] == found["jsonl"] == seconds
    assert found["parquet"].timestamp() == seconds
    assert found["csv"] == precise_time(seconds) == f"{found['parquet']:%Y-%m-%dT%H:%M:%S.%fZ}"


def test_a_time_that_is_none_is_missing() -> None:
    assert [precise_time(time) for time in (math.nan, 1e300, -math.inf, 0.25)] == [
        "",
        "",
        "",
        "1970-01-01T00:00:00.250000Z",
    ]
    out = io.BytesIO()
    target = parquet.PointsFile(out)
    times = np.array([math.nan, 1e300, START])
    target.add("r", "m", 0, Series(np.arange(3), times, np.array([1.0, math.nan, math.inf])))
    target.close()
    rows = pq.read_table(io.BytesIO(out.getvalue())).to_pylist()
    assert [row["time"] and row["time"].timestamp() for row in rows] == [None, None, START]
    assert [str(row["value"]) for row in rows] == ["1.0", "nan", "inf"]


def test_points_are_written_in_row_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "GROUP_ROWS", 100)
    out = io.BytesIO()
    target = parquet.PointsFile(out)
    for number in range(10):
        target.add(f"r{number}", "loss", 0, Series(np.arange(60), np.zeros(60), np.zeros(60)))
        assert len(target._waiting) < 2
    target.close()
    file = pq.ParquetFile(io.BytesIO(out.getvalue()))
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [120] * 5


def test_runs_are_read_one_after_the_other(runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[tuple[str, int, int]] = []
    write_points(runs, tmp_path / "m.csv", lambda *step: done.append(step))
    assert done == [("points", n, len(runs)) for n in range(len(runs) + 1)]


@pytest.mark.parametrize("kind", FORMATS)
def test_no_runs_make_a_file_without_rows(runs: Runs, tmp_path: Path, kind: str) -> None:
    none = runs.search("run_id = 'x'", now=0)
    assert write_points(none, tmp_path / f"m.{kind}", quiet) == 0
    assert read_points(tmp_path / f"m.{kind}") == []
    write_runs(none.summaries, tmp_path / f"r.{kind}", CONFIG)
    assert (tmp_path / f"r.{kind}").exists()


# ---- runs


def test_csv_is_the_table_of_a_site(runs: Runs, tmp_path: Path) -> None:
    write_runs(runs.summaries, tmp_path / "runs.csv", CONFIG)
    assert (tmp_path / "runs.csv").read_bytes() == runs_csv(runs.summaries)


def test_parquet_has_the_columns_of_the_csv_with_types(runs: Runs, tmp_path: Path) -> None:
    write_runs(runs.summaries, tmp_path / "runs.parquet", CONFIG)
    table = pq.read_table(tmp_path / "runs.parquet")
    head = next(csv.reader(io.StringIO(runs_csv(runs.summaries).decode())))
    assert [name.replace("\x1b", "\ufffd").replace("\x07", "\ufffd") for name in table.column_names] == head
    kinds = {field.name: str(field.type) for field in table.schema}
    assert kinds["start_time"] == "timestamp[us, tz=UTC]"
    assert kinds["params.width"] == "int64"
    assert kinds["params.lr"] == "double"
    assert kinds["params.big"] == "string"  # more than 64 bits
    assert kinds["dirty"] == "bool"
    rows = {row["name"]: row for row in table.to_pylist()}
    assert rows["mlp-512"]["params.width"] == 512
    assert rows["deep"]["params.width"] is None
    assert rows["broken"]["error"] == "ValueError: no"
    assert rows[HOSTILE]["params.big"] == str(2**70)
    assert rows[HOSTILE]["params.formula"] == "=1+1"
    assert rows["mlp-256"]["start_time"].timestamp() == runs.run("mlp-256").summary.start_time


def test_duckdb_answers_the_query_of_the_documentation(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    doc = (Path(__file__).parent.parent / "docs" / "exporting.md").read_text(encoding="utf-8")
    query = doc.split("```sql\n")[1].split("```")[0]
    monkeypatch.chdir(tmp_path)
    write_runs(runs.summaries, Path("runs.parquet"), CONFIG)
    write_points(runs, Path("metrics.parquet"), quiet)
    rows = duckdb.sql(query).fetchall()
    assert [row[0] for row in rows] == ["broken", "mlp-512", "mlp-512-b", "mlp-256-b", "mlp-256"]
    assert rows[0][1:] == (10.0, runs.run("broken").summary.metrics["val/accuracy"].max)


def test_a_statistic_gives_way_to_a_metric_of_its_name() -> None:
    run = make_summary("a", metrics={"acc": [1.0, 2.0], "acc.min": [7.0]})
    columns = {column.name: column.values for column in all_columns([run])}
    assert columns["metrics.acc.min"] == [7.0]
    assert columns["metrics.acc.max"] == [2.0]


def test_a_column_has_the_narrowest_kind_of_its_values() -> None:
    values: Mapping[str, list[Any]] = {
        "truth": [True, None, False],
        "whole": [1, None, -(2**63)],
        "number": [1, 0.5, None],
        "text": [1, "a", True],
    }
    for kind, own in values.items():
        runs = [make_summary(str(i), params={"p": value}) for i, value in enumerate(own)]
        column = next(column for column in all_columns(runs) if column.name == "params.p")
        assert column.kind == kind
    assert column.values == ["1", "a", "True"]


def test_json_holds_what_the_documentation_lists(runs: Runs, tmp_path: Path) -> None:
    write_runs(runs.summaries, tmp_path / "runs.json", CONFIG)
    write_runs(runs.summaries, tmp_path / "runs.jsonl", CONFIG)
    records = json.loads((tmp_path / "runs.json").read_text(encoding="utf-8"))
    lines = (tmp_path / "runs.jsonl").read_text(encoding="utf-8").splitlines()
    assert records == [json.loads(line) for line in lines]
    assert records == [json.loads(json.dumps(run_record(run, CONFIG))) for run in runs.summaries]
    doc = (Path(__file__).parent.parent / "docs" / "exporting.md").read_text(encoding="utf-8")
    table = doc.split("## The record of a run")[1]
    rows = [line.split("|") for line in table.splitlines() if line.startswith("| `")]
    assert set(records[0]) == {name for row in rows for name in row[1].replace("`", "").split()}
    metric = next(row[2] for row in rows if "`metrics`" in row[1])
    assert all(f"`{name}`" in metric for name in records[-1]["metrics"]["val/loss"])
    full = full_record(runs.run("mlp-512"), CONFIG)
    assert set(full) - set(records[0]) == {"code", "env"}
    assert set(full["code"]) == {"commit", "commit_time", "subject", "branch", "dirty", "remote", "entry", "command"}


def test_what_is_not_finite_is_a_word_and_what_steers_a_terminal_is_escaped(runs: Runs) -> None:
    run = make_summary(
        "\x1b[31m\u202e\x9b\U000e0001", params={"p": math.inf, "q": -math.inf}, metrics={"m": [1.0, math.nan]}
    )
    text = encode_json(run_record(run, CONFIG))
    assert text.isprintable()
    record = json.loads(text)
    assert record["name"] == run.name
    assert record["params"] == {"p": "Infinity", "q": "-Infinity"}
    assert record["metrics"]["m"]["last"] == "NaN"


def test_an_unfinished_run_has_no_end(runs: Runs) -> None:
    record = run_record(runs.run("going").summary, CONFIG)
    assert record["end_time"] is None
    assert record["last_time"] > record["start_time"]


# ---- named columns


def columns_of(runs: Runs, text: str) -> dict[str, list[Any]]:
    frame = Frame(runs.summaries, direction=lambda name: CONFIG.metric(name).direction)
    return {column.name: list(column.values) for column in named_columns(frame, parse_columns(text, frame.known))}


def test_named_columns_are_expressions_of_the_filter_language(runs: Runs) -> None:
    few = runs.search("experiment = 'digits'", order_by="run_id", now=0)
    found = columns_of(
        few, 'run_name, params.lr, best(metrics.val/accuracy), step_of_best("val/loss"), status, start_time'
    )
    assert list(found) == [
        "run_name",
        "params.lr",
        "best(metrics.val/accuracy)",
        'step_of_best("val/loss")',
        "status",
        "start_time",
    ]
    assert found["run_name"][:2] == ["mlp-256", "mlp-256-b"]
    assert found["params.lr"][4] == 10.0
    assert found["best(metrics.val/accuracy)"][0] == few[0].summary.metrics["val/accuracy"].max
    assert found['step_of_best("val/loss")'] == [19] * 6
    assert found["status"] == ["finished"] * 4 + ["failed", "unfinished"]
    assert found["start_time"][0] == few[0].summary.start_time


def test_a_column_list_that_is_wrong_shows_the_place(runs: Runs) -> None:
    for text in ("run_name,", "run_name params.lr", "", "max(", "params.lr = 3"):
        with pytest.raises(QueryError, match=r"\^"):
            parse_columns(text)


def test_named_columns_are_safe_in_csv_and_whole_in_json(runs: Runs) -> None:
    frame = Frame(runs.summaries)
    columns = named_columns(frame, parse_columns("params.formula, metrics.val/loss, start_time, params.nan"))
    rows = list(csv.reader(io.StringIO(columns_csv(columns).decode())))
    assert rows[0] == ["params.formula", "metrics.val/loss", "start_time", "params.nan"]
    assert rows[1] == ["'=1+1", "2.0", "2026-11-21T12:10:00Z", "NaN"]
    first = next(columns_records(columns))
    assert first == {
        "params.formula": "=1+1",
        "metrics.val/loss": 2.0,
        "start_time": rows_time(runs),
        "params.nan": "NaN",
    }


def rows_time(runs: Runs) -> float:
    return runs[0].summary.start_time


# ---- files


def test_an_ending_says_what_is_written(tmp_path: Path) -> None:
    assert [format_of(Path(name)) for name in ("a.csv", "b.JSON", "c.jsonl", "d.parquet")] == list(FORMATS)
    with pytest.raises(
        ReportgenError, match=r"'runs\.parqet' has no ending that says what to write: did you mean 'parquet'"
    ):
        format_of(Path("runs.parqet"))
    with pytest.raises(ReportgenError, match=r"take one of \.csv, \.json"):
        format_of(Path("runs"))


def test_without_pyarrow_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *more: Any) -> Any:
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *more)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ReportgenError, match=r"pip install 'reportgen\[parquet\]'"):
        format_of(Path("runs.parquet"))


def test_a_file_is_replaced_whole_or_not_at_all(runs: Runs, tmp_path: Path) -> None:
    file = tmp_path / "new" / "m.jsonl"
    write_points(runs, file, quiet)
    before = file.read_bytes()

    def fail(stage: str, done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_points(runs, file, fail)
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == ["m.jsonl"]
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(SiteError, match=r"cannot write '.*folder\.csv'"):
        write_runs(runs.summaries, tmp_path / "folder.csv", CONFIG)


@pytest.mark.parametrize("kind", FORMATS)
def test_the_same_runs_give_the_same_bytes(runs: Runs, tmp_path: Path, kind: str) -> None:
    made = set()
    for name in ("a", "b"):
        write_runs(runs.summaries, tmp_path / f"{name}.{kind}", CONFIG)
        write_points(runs, tmp_path / f"{name}-m.{kind}", quiet)
        made.add(((tmp_path / f"{name}.{kind}").read_bytes(), (tmp_path / f"{name}-m.{kind}").read_bytes()))
    assert len(made) == 1


# ---- comparisons


def iter_names(runs: Runs, *names: str) -> Iterator[Any]:
    return (runs.run(name) for name in names)


def test_a_comparison_has_what_differs_and_verdicts_by_the_spread_of_seeds(runs: Runs) -> None:
    chosen = list(iter_names(runs, "mlp-256", "mlp-512", "broken"))
    record = comparison_record(compare_runs(chosen, runs.summaries, CONFIG), CONFIG)
    json.loads(encode_json(record))
    assert [run["name"] for run in record["runs"]] == ["mlp-256", "mlp-512", "broken"]
    metric = next(own for own in record["metrics"] if own["name"] == "val/accuracy")
    assert metric["values"] == [run.summary.metrics["val/accuracy"].max for run in chosen]
    assert metric["differences"][1] == metric["values"][1] - metric["values"][0]
    assert metric["verdicts"][:2] == [None, "better"]
    assert metric["best"] == [False, True, False]
    assert (metric["direction"], metric["summary"]) == ("max", "max")
    assert record["params"]["width"] == [{"value": 256}, {"value": 512}, {"value": 512}]
    assert record["same_params"] == {"optimizer": "adam", "seed": 0}
    assert record["tags"] == {}
    assert record["code"] == {}
    other = comparison_record(
        compare_runs(list(iter_names(runs, "mlp-256", "mlp-256-b", "deep")), runs.summaries, CONFIG), CONFIG
    )
    assert other["tags"] == {"team": ["vision", "speech", "vision"]}
    assert other["environment"] == {"package torch": ["2.1.0", "2.0.0", "2.1.0"]}
    assert other["params"]["trees"] == [None, None, {"value": 100}]
    assert other["params"]["depth"] == [None, None, {"value": None}]

"""Loading runs: the same runs from logs, from a folder site and from an address; series, caches, notebooks, tables."""

from __future__ import annotations

import builtins
import html.parser
import json
import math
import os
import re
import shutil
from collections.abc import Callable
from concurrent.futures import Executor, Future
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import reportgen as rg
from reportgen.build import build
from reportgen.errors import QueryError, QueryWarning, ReportgenError, SourceError
from reportgen.formats import run_key
from reportgen.loading import Means, load_runs, origins, summarycache
from reportgen.loading.origins import summarise_runs
from reportgen.site.config import Config
from reportgen.site.data import decode_summaries
from reportgen.sources.packs import split_pack
from tests.sitefiles import pack_files
from tests.sourcelogs import LATER, SESSION, T0, metrics_line, start_line, write_run
from tests.webservers import files_of, send, serving

END = {"event": "end", "status": "FINISHED", "time": T0 + 600}


def write_logs(root: Path) -> Path:
    """Write four runs of two experiments, one of them of two ranks."""
    for number, accuracy in enumerate((0.9, 0.97, 0.95)):
        params = {"lr": 10.0**-number, "width": 64, "deep": None, "opt": "adam"}
        write_run(
            root / "digits" / f"a{number}",
            start_line(f"a{number}", name=f"mlp-{number}", time=T0 + number, user="ada"),
            {"event": "params", "params": params},
            {"event": "tags", "tags": {"team": "vision"}},
            {"event": "note", "text": f"# Try {number}"},
            {"event": "note", "text": "It *helped*."},
            {"event": "env", "python": "3.12.1"},
            {"event": "code", "commit": "c" * 40, "branch": "main", "dirty": False},
            {"event": "artifact", "path": "z/model.pt", "bytes": 5, "copied": False},
            {"event": "artifact", "path": "a.txt", "bytes": 5, "copied": False},
            metrics_line(0, **{"val/accuracy": 0.1, "train/loss": 2.0}),
            metrics_line(1, **{"val/accuracy": accuracy, "train/loss": 1.0}),
            metrics_line(2, **{"val/accuracy": accuracy / 2, "train/loss": 0.5}),
            END,
        )
    for rank in (0, 1):
        write_run(
            root / "letters" / "b0",
            start_line("b0", name="<b>cnn</b>", experiment="letters", rank=rank, time=T0 + 100),
            metrics_line(0, loss=float(rank), only=1.0) if rank else metrics_line(0, loss=0.0),
            name=f"events.{rank}.jsonl",
        )
    return root


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REPORTGEN_CACHE_DIR", str(tmp_path / "cache"))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Return a folder of logs."""
    return write_logs(tmp_path / "runs")


@pytest.fixture
def site(logs: Path, tmp_path: Path) -> Path:
    """Return a site of the same runs."""
    build([logs], tmp_path / "site", config=Config(), cache_dir=tmp_path / "cache")
    return tmp_path / "site"


def names(runs: rg.Runs) -> list[str]:
    return [run.name for run in runs]


def numbers(runs: rg.Runs) -> list[Any]:
    return [
        {
            metric: {
                rank: [column.tolist() for column in (own.steps, own.times, own.values)]
                for rank, own in ((r, run.series(metric, r)) for r in (0, 1) if (run.name[0] == "<" and r) or r == 0)
            }
            for metric in run.metrics
            if metric != "only"
        }
        for run in runs
    ]


# ---- the same from everywhere


def test_logs_a_site_and_its_address_hold_the_same_runs(logs: Path, site: Path) -> None:
    from_logs = rg.load(logs)
    from_site = rg.load(site)
    with serving(files_of(site)) as server:
        from_address = rg.load(server.url)
        assert server.asked == ["/data/site.json", f"/{pack_files(site)[0].relative_to(site).as_posix()}"]
        points = numbers(from_address)
        assert len(server.asked) == 2 + 4
        assert numbers(from_address) == points
        assert len(server.asked) == 2 + 4
    assert from_logs.summaries == from_site.summaries == from_address.summaries
    assert numbers(from_logs) == numbers(from_site) == points
    assert names(from_logs) == ["<b>cnn</b>", "mlp-2", "mlp-1", "mlp-0"]
    assert list(from_logs) == list(from_site)


def test_a_site_is_read_from_its_packs(site: Path) -> None:
    shutil.rmtree(site / "data" / "runs")
    runs = rg.load(site)
    assert len(runs) == 4
    with pytest.raises(SourceError, match="is there no more: load its source again"):
        runs[0].series("loss")


@pytest.mark.parametrize("damage", [None, b"", b"\x1f\x8bdamaged"])
def test_a_site_whose_pack_is_missing_or_damaged_says_so(site: Path, damage: bytes | None) -> None:
    (pack,) = pack_files(site)
    pack.unlink()
    if damage is not None:
        pack.write_bytes(damage)
    with pytest.raises(SourceError, match=r"is not whole: '.*' is missing or not what data/site\.json lists"):
        rg.load(site)


def test_only_the_experiments_that_are_wanted_are_read(site: Path, tmp_path: Path) -> None:
    own = {summary.experiment for summary in rg.load(site).summaries}
    wanted = min(own)
    means = Means(cache_dir=tmp_path / "cache", experiments={wanted})
    assert {s.experiment for s in load_runs(site, config=None, means=means).summaries} == {wanted}


def test_a_table_behind_a_link_is_not_read(site: Path, tmp_path: Path) -> None:
    (site / "data").rename(tmp_path / "elsewhere")
    (site / "data").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    with pytest.raises(SourceError, match="symbolic link"):
        rg.load(site)


def test_a_record_behind_a_link_is_not_read(site: Path, tmp_path: Path) -> None:
    (site / "data" / "runs").rename(tmp_path / "elsewhere")
    (site / "data" / "runs").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    with pytest.raises(SourceError, match="is there no more"):
        rg.load(site)[0].series("loss")


def test_a_run_in_several_sources_is_there_once(logs: Path, site: Path, tmp_path: Path) -> None:
    write_run(
        logs / "digits" / "a0",
        start_line("a0", name="mlp-0", session=LATER),
        metrics_line(9, **{"train/loss": 0.1}),
        name="events.7.jsonl",
    )
    both = rg.load([logs, site])
    assert len(both) == 4
    assert both.run("a0").summary.sessions == 2
    only = tmp_path / "resumed"
    write_run(
        only / "digits" / "a0", start_line("a0", name="mlp-0", session=LATER), metrics_line(9, **{"train/loss": 0.1})
    )
    joined = rg.load([only, site]).run("a0")
    assert joined.summary.sessions == 2
    assert joined.series("train/loss").steps.tolist() == [0, 1, 2, 9]
    with serving(files_of(site)) as server:
        newer = rg.load([server.url, logs])
        older = rg.load([server.url, site])
        assert len(newer) == len(older) == 4
        assert newer.run("a0").metrics["train/loss"] == 0.1
        assert newer.run("a0").artifact_folder is not None
        assert newer.run("a1").artifact_folder is None
    assert len(rg.load([site, site, logs])) == 4


def test_runs_that_contradict_each_other_stay_two(logs: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    write_run(
        other / "digits" / "a0", start_line("a0", name="mlp-0", session=SESSION), metrics_line(0, **{"train/loss": 7.0})
    )
    for _ in range(2):
        runs = rg.load([logs, other])
        twins = [run for run in runs if run.run_id == "a0"]
        assert len(runs) == 5
        assert sorted(len(run.series("train/loss")) for run in twins) == [1, 3]
    assert any("contradict" in problem.message for problem in runs.problems)


def test_sources_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="does not exist"):
        rg.load(tmp_path / "missing")
    with pytest.raises(SourceError, match="no source given"):
        rg.load([])
    with serving(lambda handler: send(handler, b"\x1f\x8b" + b"x" * 99)) as server, pytest.raises(SourceError):
        rg.load(server.url)


def test_a_newer_site_says_what_to_install(site: Path) -> None:
    document = json.loads((site / "data" / "site.json").read_bytes()) | {"format": 99, "reportgen": "7.1"}
    (site / "data" / "site.json").write_text(json.dumps(document), encoding="utf-8")
    with serving(files_of(site)) as server:
        for source in (site, server.url):
            with pytest.raises(SourceError, match=r"pip install -U 'reportgen>=7\.1'"):
                rg.load(source)


# ---- what a run knows


def test_a_run_has_its_facts(logs: Path) -> None:
    run = rg.load(logs).run("a1")
    assert (run.run_id, run.name, run.experiment, run.status) == ("a1", "mlp-1", "digits", "finished")
    assert run.start_time == datetime.fromtimestamp(T0 + 1, UTC)
    assert run.last_time == datetime.fromtimestamp(T0 + 600, UTC)
    assert run.duration == 599
    assert run.params == {"lr": 0.1, "width": 64, "deep": None, "opt": "adam"}
    assert run.metrics == {"val/accuracy": 0.97 / 2, "train/loss": 0.5}
    assert run.tags == {"team": "vision"}
    assert run.notes == "# Try 1\n\nIt *helped*."
    assert (run.user, run.commit, run.group, run.parent, run.error) == ("ada", "c" * 40, "", "", "")
    assert run.best("val/accuracy") == 0.97
    assert run.summary.artifact_paths == ("a.txt", "z/model.pt")
    assert [a.path for a in run.artifacts] == ["z/model.pt", "a.txt"]
    assert run.env["python"] == "3.12.1"
    assert run.code.branch == "main"
    assert run.artifact_folder == str(logs / "digits" / "a1" / "artifacts")
    with pytest.raises(TypeError):
        run.params["lr"] = 1  # type: ignore[index]


def test_series_are_arrays_of_the_rank_that_is_asked_for(logs: Path) -> None:
    run = rg.load(logs).run("b0")
    assert run.series("loss").values.tolist() == run.series("loss", 0).values.tolist() == [0.0]
    assert run.series("loss", rank=1).values.tolist() == [1.0]
    assert run.series("only").values.tolist() == [1.0]
    assert run.series("loss").steps.dtype == np.int64
    with pytest.raises(SourceError, match="rank 7 of run '<b>cnn</b>' has not logged 'loss': these have: 0, 1"):
        run.series("loss", 7)
    with pytest.raises(SourceError, match=r"has no metric 'los': did you mean 'loss'\? it has: loss, only"):
        run.series("los")


def test_best_needs_a_direction(logs: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="rise or fall"):
        rg.load(logs).run("b0").best("only")
    (tmp_path / "c.toml").write_text('[metrics.only]\ndirection = "min"\n', encoding="utf-8")
    assert rg.load(logs, config=tmp_path / "c.toml").run("b0").best("only") == 1.0


def test_times_beyond_the_calendar_do_not_stop_anything(tmp_path: Path) -> None:
    for number, time in enumerate((1e300, -1e300, 1e11)):
        write_run(tmp_path / "runs" / f"r{number}", start_line(f"r{number}", time=time), metrics_line(0, x=1.0))
    runs = rg.load(tmp_path / "runs")
    assert all(run.start_time.tzinfo is UTC for run in runs)
    assert runs.to_pandas()["start_time"].dtype == "datetime64[ns, UTC]"
    assert "runs" in repr(runs) and "<table" in runs._repr_html_()


def test_whole_runs_do_not_pile_up_in_memory(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reportgen.loading.runs.KEPT", 2)
    runs = rg.load(logs)
    for run in runs:
        run.series(next(iter(run.metrics)))
    assert len(runs._library._read) == 2


def test_runs_are_a_sequence(logs: Path) -> None:
    runs = rg.load(logs)
    assert len(runs) == 4
    assert isinstance(runs[1:3], rg.Runs)
    assert names(runs[1:3]) == ["mlp-2", "mlp-1"]
    assert runs[-1] in runs and runs.index(runs[-1]) == 3
    assert {runs[0]: 1}[runs[0]] == 1
    assert list(runs.experiments) == ["digits", "letters"]
    assert names(runs.experiments["digits"]) == ["mlp-2", "mlp-1", "mlp-0"]


# ---- caches


def forbid_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*_: object, **__: object) -> None:
        raise AssertionError("a run was read again")

    monkeypatch.setattr(origins, "read_run", read)


def test_unchanged_logs_are_not_read_again(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = rg.load(logs).summaries
    forbid_reading(monkeypatch)
    assert rg.load(logs).summaries == first
    assert rg.load(os.path.relpath(logs)).summaries == first


def test_what_changed_is_read_again_and_nothing_else(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rg.load(logs)
    with (logs / "digits" / "a2" / "events.jsonl").open("ab") as log:
        log.write(b'{"event":"tags","tags":{"team":"audio"}}\n')
    shutil.rmtree(logs / "digits" / "a0")
    read = []
    original = origins.read_run
    monkeypatch.setattr(origins, "read_run", lambda ref, **named: (read.append(ref.run_id), original(ref, **named))[1])
    runs = rg.load(logs)
    assert read == ["a2"]
    assert len(runs) == 3
    assert runs.run("a2").tags == {"team": "audio"}


@pytest.mark.parametrize("change", ["code", "redaction", "damage", "another format"])
def test_summaries_of_another_version_do_not_count(
    logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    first = rg.load(logs).summaries
    (file,) = (tmp_path / "cache" / "loaded").glob("summaries-*")
    if change == "code":
        monkeypatch.setattr(summarycache, "code_digest", lambda: "another")
    elif change == "redaction":
        monkeypatch.setattr(summarycache, "REDACTION_VERSION", 99)
    elif change == "damage":
        file.write_bytes(file.read_bytes()[:-40])
    else:
        monkeypatch.setattr(summarycache, "CACHE_FORMAT", 99)
    read = []
    original = origins.read_run
    monkeypatch.setattr(origins, "read_run", lambda ref, **named: (read.append(ref.run_id), original(ref, **named))[1])
    assert rg.load(logs).summaries == first
    assert len(read) == 4


def test_a_cache_that_cannot_be_written_costs_only_time(logs: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder belongs", encoding="utf-8")
    assert len(rg.load(logs)) == 4


def test_nothing_is_kept_when_no_cache_is_wanted(logs: Path, tmp_path: Path) -> None:
    assert len(load_runs(logs, config=Config(), means=Means(use_cache=False))) == 4
    assert not (tmp_path / "cache").exists()


def test_the_caches_of_many_sources_do_not_pile_up(tmp_path: Path) -> None:
    for number in range(summarycache.KEEP_FILES):
        source = tmp_path / f"runs-{number}"
        write_run(source / "r", start_line(f"r{number}"), metrics_line(0, x=1.0))
        rg.load(source)
    assert len(list((tmp_path / "cache" / "loaded").iterdir())) == summarycache.KEEP_FILES


class Inline(Executor):
    """Runs jobs at once, and counts them."""

    def __init__(self) -> None:
        self.jobs: list[str] = []

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        self.jobs.append(function.__name__)
        future: Future[Any] = Future()
        future.set_result(function(*arguments, **named))
        return future


def test_an_executor_reads_many_runs_and_few_are_read_here(tmp_path: Path, logs: Path) -> None:
    pool = Inline()
    few = load_runs(logs, config=Config(), means=Means(executor=lambda: pool, use_cache=False))
    assert len(few) == 4 and pool.jobs == []
    for number in range(origins.BATCH + 1):
        write_run(
            tmp_path / "many" / f"r{number}", start_line(f"r{number}", time=T0 + number), metrics_line(0, x=number)
        )
    told: list[tuple[str, int, int]] = []
    means = Means(executor=lambda: pool, progress=lambda *step: told.append(step), use_cache=False)
    many = load_runs(tmp_path / "many", config=Config(), means=means)
    assert pool.jobs == [summarise_runs.__name__] * 2
    assert many.summaries == load_runs(tmp_path / "many", config=Config(), means=Means(use_cache=False)).summaries
    assert told == [("read", 0, 65), ("read", 64, 65), ("read", 65, 65)]


# ---- searching


def test_searches_filter_order_and_cut(logs: Path) -> None:
    runs = rg.load(logs)
    assert names(runs.search("max(metrics.val/accuracy) > 0.92")) == ["mlp-2", "mlp-1"]
    assert names(runs.search("experiment = 'digits'", order_by="max(val/accuracy) DESC")) == ["mlp-1", "mlp-2", "mlp-0"]
    assert names(runs.search(order_by=["experiment DESC", "start_time"], max_results=2)) == ["<b>cnn</b>", "mlp-0"]
    assert names(runs.search("notes CONTAINS 'try 2' OR artifacts = 'nothing'")) == ["mlp-2"]
    assert names(runs.search("artifacts LIKE '%.pt'")) == ["mlp-2", "mlp-1", "mlp-0"]
    assert names(runs.search("start_time > now - 1h", now=T0 + 3600 + 50)) == ["<b>cnn</b>"]
    assert names(runs.search("start_time > now - 1h", now=datetime.fromtimestamp(T0 + 3650, UTC))) == ["<b>cnn</b>"]
    assert names(runs.search("best(metrics.val/accuracy) > 0.96")) == ["mlp-1"]
    assert names(runs.search("run_name LIKE 'mlp%'").search("params.lr = 1")) == ["mlp-0"]


def test_search_runs_takes_one_source_several_or_runs(logs: Path, site: Path) -> None:
    for source in (logs, str(logs), [logs, site], rg.load(site)):
        found = rg.search_runs(source, "params.opt = 'adam'", ["params.lr"], 2)
        assert isinstance(found, rg.Runs)
        assert names(found) == ["mlp-2", "mlp-1"]


def test_a_wrong_filter_is_an_error_and_an_unknown_name_a_warning_at_the_callers_line(logs: Path) -> None:
    runs = rg.load(logs)
    with pytest.raises(QueryError, match=r"\^"):
        runs.search("metrics.loss >")
    with pytest.warns(QueryWarning, match="no run has metrics.los: did you mean metrics.loss") as caught:
        assert len(runs.search("metrics.los > 1")) == 0
        assert len(rg.search_runs(runs, order_by="metrics.los")) == 4
        assert len(rg.search_runs(logs, order_by="metrics.los")) == 4
    assert {warning.filename for warning in caught} == {__file__}
    assert len(caught) == 3


def test_directions_come_from_the_configuration(logs: Path, tmp_path: Path) -> None:
    text = '[metrics.only]\ndirection = "min"\n'
    (tmp_path / "other.toml").write_text(text, encoding="utf-8")
    runs = rg.load(logs)
    with pytest.raises(QueryError, match="rise or fall"):
        runs.search("best(metrics.only) < 2")
    assert len(rg.search_runs(runs, "best(metrics.only) < 2", config=tmp_path / "other.toml")) == 1
    (tmp_path / "reportgen.toml").write_text(text, encoding="utf-8")
    assert len(rg.search_runs(logs, "best(metrics.only) < 2")) == 1


@pytest.mark.parametrize(
    "word", ["filter_string", "experiment_names", "experiment_ids", "run_view_type", "search_all_experiments"]
)
def test_arguments_of_mlflow_say_what_to_write(word: str) -> None:
    with pytest.raises(TypeError, match=rf"no {word}= of MLflow: .+ \(docs/mlflow\.md\)"):
        rg.search_runs(**{word: ["x"]})  # type: ignore[call-overload]


def test_other_wrong_calls(logs: Path) -> None:
    with pytest.raises(TypeError, match="no argument fliter="):
        rg.search_runs(logs, fliter="x")  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="needs a source"):
        rg.search_runs()  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="max_results is -1"):
        rg.search_runs(logs, max_results=-1)
    with pytest.raises(ValueError, match="list and pandas"):
        rg.search_runs(logs, output_format="csv")  # type: ignore[call-overload]


# ---- pandas


def test_the_table_has_mlflows_columns_first(logs: Path) -> None:
    frame = rg.search_runs(logs, order_by="start_time", output_format="pandas")
    assert list(frame.columns)[:6] == ["run_id", "experiment_id", "status", "artifact_uri", "start_time", "end_time"]
    kinds = [re.sub(r"\..*", "", column) for column in frame.columns[6:]]
    assert list(dict.fromkeys(kinds))[:3] == ["metrics", "params", "tags"]
    assert list(frame.columns)[-12:-9] == ["experiment", "run_name", "duration"]
    first, last = frame.iloc[0], frame.iloc[3]
    assert list(frame["status"]) == ["FINISHED"] * 3 + ["RUNNING"]
    assert first["start_time"] == pd.Timestamp(T0, unit="s", tz="UTC")
    assert last["end_time"] is pd.NaT
    assert str(frame["end_time"].dtype) == str(frame["start_time"].dtype) == "datetime64[ns, UTC]"
    assert frame["metrics.val/accuracy"].dtype == np.float64
    assert first["metrics.val/accuracy"] == 0.45 and math.isnan(last["metrics.val/accuracy"])
    assert (first["params.lr"], first["params.deep"], first["params.width"]) == ("1.0", "None", "64")
    assert last["params.lr"] is None and last["tags.team"] is None
    assert first["tags.mlflow.runName"] == "mlp-0" and first["tags.mlflow.user"] == "ada"
    assert first["tags.mlflow.note.content"].startswith("# Try 0")
    assert first["artifact_uri"] == str(logs / "digits" / "a0" / "artifacts")
    assert bool(first["dirty"]) is False and last["dirty"] is None
    assert first["artifacts"] == 2


def test_a_table_without_runs_has_the_fixed_columns(logs: Path) -> None:
    frame = rg.load(logs).search("run_id = 'none'").to_pandas()
    assert len(frame) == 0
    assert str(frame["start_time"].dtype) == "datetime64[ns, UTC]"
    assert frame.columns[0] == "run_id"


def test_points_as_a_table(logs: Path) -> None:
    run = rg.load(logs).run("b0")
    frame = run.to_pandas("loss")
    assert list(frame.columns) == ["metric", "rank", "step", "time", "value"]
    assert list(frame["rank"]) == [0, 1] and list(frame["value"]) == [0.0, 1.0]
    assert set(run.to_pandas()["metric"]) == {"loss", "only"}


def test_without_pandas_the_error_names_the_extra(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def missing(name: str, *arguments: Any) -> Any:
        if name == "pandas":
            raise ImportError(name)
        return original(name, *arguments)

    runs = rg.load(logs)
    monkeypatch.setattr(builtins, "__import__", missing)
    for call in (
        runs.to_pandas,
        runs[0].to_pandas,
        runs.compare("a0", "a1").to_pandas,
        lambda: rg.search_runs(logs / "missing", output_format="pandas"),
    ):
        with pytest.raises(ReportgenError, match=r"pip install 'reportgen\[pandas\]'"):
            call()


# ---- comparing


def test_a_comparison_shows_what_differs(logs: Path) -> None:
    runs = rg.load(logs)
    both = runs.compare("mlp-0", runs.run("a1"))
    assert both.names == ("mlp-0", "mlp-1")
    assert both.params == {"lr": (1.0, 0.1)}
    assert both.same_params == {"width": 64, "deep": None, "opt": "adam"}
    assert both.metrics == {"val/accuracy": (0.9, 0.97), "train/loss": (0.5, 0.5)}
    assert (both.value_of("val/accuracy"), both.value_of("train/loss")) == ("max", "last")
    assert both.best("val/accuracy") == "mlp-1"
    frame = both.to_pandas()
    assert frame.loc[("metric", "val/accuracy"), "mlp-1"] == 0.97
    assert frame.loc[("param", "lr"), "mlp-0"] == 1.0
    assert runs.compare("a0", "b0").params["lr"] == (1.0, None)
    assert "mlp-0" in repr(both) and "lr" in repr(both) and "width" not in repr(both)
    assert len(runs.compare().runs) == 4
    with pytest.raises(SourceError, match="two different runs"):
        runs.compare("a0", "a0")


# ---- notebooks


class Tags(html.parser.HTMLParser):
    """Notes which elements and attributes there are, and whether all are closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


HOSTILE = "<img src=x onerror=alert(1)>\u202e\"'&"


def test_everything_shows_itself_as_a_small_escaped_table(tmp_path: Path) -> None:
    for number in range(25):
        write_run(
            tmp_path / "runs" / f"r{number}",
            start_line(f"r{number}", name=HOSTILE + str(number), experiment=HOSTILE, time=T0 + number),
            {"event": "params", "params": {HOSTILE: f"{HOSTILE}{number}"}},
            {"event": "note", "text": HOSTILE},
            metrics_line(0, **{f"{HOSTILE}/accuracy": 0.01 * number}),
            {"event": "end", "status": "FAILED", "error": HOSTILE, "time": T0 + 60},
        )
    runs = rg.load(tmp_path / "runs")
    for shown in (runs, runs[0], runs.compare(*runs[:3]), runs.search("status = 'failed'"), runs[:0]):
        text = shown._repr_html_()
        page = Tags(text)
        assert page.elements <= {"div", "table", "thead", "tbody", "tr", "th", "td"}
        assert page.attributes <= {"style", "scope"}
        assert page.open == []
        assert "\u202e" not in text and len(text) < 30_000
        assert "\u202e" not in repr(shown) or shown is runs[0]
    page = Tags(runs._repr_html_())
    assert any("onerror" in text for text in page.texts)
    assert "and 5 more" in page.texts
    assert not re.search(r"(?<!-)color:|background", runs._repr_html_())
    assert repr(runs).splitlines()[0].startswith("25 runs of")
    assert len(repr(runs).splitlines()) == 1 + 1 + 10 + 1
    assert repr(runs[0]).startswith("<LoggedRun ")


def test_the_best_value_is_marked(logs: Path) -> None:
    shown = rg.load(logs).experiments["digits"]._repr_html_()
    assert re.findall(r'font-weight:bold">([^<]+)', shown) == ["0.97"]


# ---- untrusted summaries


@pytest.mark.parametrize(
    "spoil",
    [
        lambda d: d["facts"]["key"].__setitem__(0, "../../etc/passwd"),
        lambda d: d["facts"]["key"].__setitem__(0, d["facts"]["key"][1]),
        lambda d: d["facts"]["name"].__setitem__(0, {"a": 1}),
        lambda d: d["facts"]["name"].pop(),
        lambda d: d["facts"]["status"].__setitem__(0, "great"),
        lambda d: d["facts"]["start_time"].__setitem__(0, "now"),
        lambda d: d.__setitem__("n", 10**12),
        lambda d: d["params"][0]["values"].__setitem__(0, [1]),
        lambda d: d["tags"][0]["values"].__setitem__(0, 7),
        lambda d: d["tags"][0].__setitem__("name", 7),
        lambda d: d["params"][0].__setitem__("runs", [-1, 0, 1]),
        lambda d: d["params"][0].__setitem__("runs", [99, 0, 1]),
        lambda d: d["metrics"][0].__setitem__("max", "large"),
        lambda d: d["metrics"][0].__setitem__("count", None),
        lambda d: d["metrics"][0]["spark"].__setitem__(0, "é"),
        lambda d: d["metrics"][0]["spark"].__setitem__(0, "A B"),
        lambda d: d.__setitem__("notes", {"0": 7}),
        lambda d: d.__setitem__("notes", {"99": "x"}),
        lambda d: d.__setitem__("artifact_paths", {"0": [1]}),
        lambda d: d.__setitem__("problems", {"0": [["w", "m", "h", None, "many"]]}),
        lambda d: d.__setitem__("inputs", {"0": [["a", "b"]]}),
        lambda d: d.__setitem__("models", {"0": [["a", "b", "c", 1, "", ""]]}),
        lambda d: d.__setitem__("experiments", [7]),
        lambda d: d.__setitem__("experiment", [0, 0, 0, 9]),
        lambda d: d.__setitem__("facts", []),
    ],
)
def test_a_table_of_a_strange_site_is_refused(site: Path, spoil: Callable[[Any], object]) -> None:
    import gzip

    from reportgen.errors import FormatError

    (pack,) = pack_files(site)
    document = json.loads(gzip.decompress(split_pack(pack.read_bytes())[1]))
    decode_summaries(gzip.compress(json.dumps(document).encode()))
    spoil(document)
    with pytest.raises(FormatError):
        decode_summaries(gzip.compress(json.dumps(document).encode()))


def test_a_record_that_belongs_to_another_run_stays_data(site: Path) -> None:
    good = files_of(site)
    other = (site / "data" / "runs" / f"{run_key('b0')}.jsonl.gz").read_bytes()

    def answer(handler: Any) -> None:
        if "/runs/" in handler.path:
            send(handler, other)
        else:
            good(handler)

    with serving(answer) as server:
        run = rg.load(server.url).run("a0")
        with pytest.raises(SourceError, match="has not logged"):
            run.series("train/loss")

"""The data files of one run: every logged point, what is known of the run, the texts among its artifacts."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reportgen.formats import short_key
from reportgen.model import Artifact, Input, ModelVersion, Run, Series
from reportgen.site import data, urls
from reportgen.site.config import Config, MetricConfig
from reportgen.site.data.facts import MAX_NOTE, make_facts
from reportgen.site.data.series import TILE_POINTS, make_run_files
from reportgen.site.data.texts import MAX_TEXT, MAX_TEXTS, read_texts
from reportgen.site.pages.artifacts import make_previews
from tests.contract import check_run, read_call
from tests.factories import START, make_code, make_run


def run_file(run: Run, config: Config | None = None, texts: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return what `data/series/<k>.js` hands over."""
    name, payload = read_call(make_run_files(run, config or Config(), texts or {})[urls.series_js(run.summary.key)])
    assert name == f"series/{short_key(run.summary.key)}"
    check_run(payload)
    return dict(payload)


def with_series(name: str, series: Series) -> Run:
    """Return a run whose only series is `series`."""
    run = make_run(run_id="r", metrics={name: series.values.tolist()})
    return dataclasses.replace(run, series={name: {0: series}})


def long_series(n: int) -> Series:
    """Return a series with steps that repeat and skip, a spike, and times of its own."""
    steps = np.arange(n) * 3 // 2 * 10
    values = np.sin(np.arange(n) / 50)
    values[n // 3] = 99.0
    values[n // 2] = math.nan
    return Series(steps.astype(np.int64), START + np.arange(n) / 8, values)


# ---- series


def test_short_series_with_the_same_steps_share_a_block() -> None:
    run = make_run(run_id="short", metrics={"a": [1.0, 2.0], "b": [3.0, math.nan], "c": ([5], [4.0])})
    payload = run_file(run)
    first, second = payload["blocks"]
    assert (first["names"], first["values"]) == (["a", "b"], [1.0, 2.0, 3.0, "NaN"])
    assert (second["names"], second["steps"]) == (["c"], [5])
    assert payload["key"] == run.summary.key


@pytest.mark.parametrize("n", [4_001, TILE_POINTS, TILE_POINTS + 1, 200_000])
def test_tiles_hold_every_point_of_a_long_series_and_the_run_says_where_they_begin(n: int) -> None:
    series = long_series(n)
    run = with_series("loss", series)
    files = make_run_files(run, Config(), {})
    (long,) = run_file(run)["long"]
    key = run.summary.key
    tiles = [read_call(files[urls.tile_js(key, 0, i)])[1] for i in range(long["tiles"])]
    for name in ("steps", "times", "values"):
        exact = np.concatenate([data.decode_column(tile[name]) for tile in tiles])
        np.testing.assert_array_equal(exact, getattr(series, name))
    for name in ("steps", "times"):
        begins = [data.decode_column(tile[name])[0] for tile in tiles]
        assert data.decode_column(long[f"tile_{name}"]).tolist() == begins
    assert {path for path in files if urls.is_tile(path)} == {urls.tile_js(key, 0, i) for i in range(long["tiles"])}


def test_an_envelope_keeps_spikes_and_the_time_at_which_each_bucket_begins() -> None:
    series = long_series(50_000)
    (long,) = run_file(with_series("loss", series))["long"]
    columns = ("first_steps", "last_steps", "times", "min", "max", "mean")
    decoded = {name: data.decode_column(long[name]) for name in columns}
    assert len({len(column) for column in decoded.values()}) == 1
    assert len(decoded["times"]) <= 2_000
    assert np.nanmax(decoded["max"]) == 99.0
    for first, time in zip(decoded["first_steps"][::100], decoded["times"][::100], strict=True):
        assert time == series.times[series.steps == first][0]


def test_steps_that_stand_still_make_one_bucket() -> None:
    still = Series(np.full(5_000, 7), START + np.arange(5_000.0), np.arange(5_000.0))
    (long,) = run_file(with_series("loss", still))["long"]
    assert (long["first_steps"], long["times"], long["max"]) == ([7.0], [START], [4999.0])


def test_each_rank_has_its_own_series() -> None:
    blocks = run_file(make_run(run_id="r", metrics={"loss": [1.0, 2.0]}, ranks=3))["blocks"]
    assert [block["rank"] for block in blocks] == [0, 1, 2]


def test_a_run_without_points_has_a_file_all_the_same() -> None:
    payload = run_file(make_run(run_id="r", metrics={}, params={}))
    assert (payload["blocks"], payload["long"]) == ([], [])
    assert data.unpack(payload["about"])["metrics"] == {}


# ---- facts


def test_facts_are_what_the_log_says_and_metrics_are_shown_as_configured() -> None:
    run = make_run(
        "calm lynx",
        run_id="r",
        params={"lr": 1e-3, "name": "</script>", "none": None},
        metrics={"acc": [0.5, math.inf], "empty": [math.nan]},
        notes=["# One", "x" * (MAX_NOTE + 1)],
        code=make_code(dirty=True),
        env={"python": "3.12", "packages": {"numpy": "2.3"}},
        inputs=[Input("digits", "sha256:9f", "s3://x", "train")],
        models=[ModelVersion("net", "3", ("best",), ("a.npz",), "", "")],
        artifacts=[Artifact("a.txt", 3, "0" * 64, "text/plain", f"a/{'0' * 20}.txt"), Artifact("b", 1, "", "x/y")],
    )
    config = Config(metrics={"acc": MetricConfig(direction="max", unit="%", title="accuracy")})
    facts = data.unpack(run_file(run, config, {"a.txt": {"text": "abc", "cut": False}})["about"])
    assert facts["params"] == {"lr": 1e-3, "name": "</script>", "none": None}
    acc = facts["metrics"]["acc"]
    assert (acc["title"], acc["unit"], acc["direction"], acc["summary"]) == ("accuracy", "%", "max", "max")
    assert (acc["first"], acc["last"], acc["max"], acc["max_step"]) == (0.5, "Infinity", 0.5, 0)
    assert (facts["metrics"]["empty"]["max"], facts["metrics"]["empty"]["last"]) == (None, "NaN")
    assert facts["notes"] == ["# One", "x" * MAX_NOTE + "…"]
    assert (facts["code"]["dirty"], facts["code"]["diff"], facts["env"]["packages"]) == (True, "", {"numpy": "2.3"})
    assert facts["page"] == urls.run_page(run.summary.key, "calm lynx")
    assert facts["page"][-15:-5] == facts["k"] == short_key(run.summary.key)
    assert facts["experiment_k"] == short_key(run.summary.experiment)
    assert [artifact["text"] for artifact in facts["artifacts"]] == [True, False]
    assert facts["texts"] is True
    assert facts["inputs"] == [{"name": "digits", "digest": "sha256:9f", "source": "s3://x", "role": "train"}]
    assert facts["models"] == [{"name": "net", "version": "3", "aliases": ["best"]}]


def test_names_that_mean_something_to_javascript_are_plain_names() -> None:
    run = make_run(run_id="r", params={"__proto__": 1, "constructor": "x"}, metrics={"__proto__": [1.0]})
    facts = make_facts(run, Config(), ())
    assert data.unpack(data.pack(facts))["params"] == {"__proto__": 1, "constructor": "x"}
    assert (
        "__proto__"
        not in make_run_files(run, Config(), {})[urls.series_js(run.summary.key)].decode().partition('"blocks"')[0]
    )


# ---- texts


def texts_of(folder: Path, **contents: bytes) -> dict[str, dict[str, Any]]:
    """Return the texts of a run with the given artifacts; `_` stands for a dot in their names."""
    artifacts, files = [], {}
    for number, (name, content) in enumerate(contents.items()):
        path = name.replace("_", ".")
        (folder / path).write_bytes(content)
        media = "image/svg+xml" if path.endswith("svg") else "text/plain"
        artifacts.append(Artifact(path, len(content), f"{number:064}", media, f"a/{number:020}.txt"))
        files[path] = str(folder / path)
    return read_texts(make_previews(artifacts, files), files)


def test_texts_are_those_that_the_page_shows(tmp_path: Path) -> None:
    texts = texts_of(
        tmp_path,
        b_log=b"one\r\ntwo \xff\n",
        a_csv=b"\xef\xbb\xbfx,y\n1,2\n",
        c_bin=b"ab\0cd",
        page_html=b"<script>alert(1)</script>",
        plot_svg=b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        empty_txt=b"",
    )
    assert list(texts) == ["a.csv", "b.log", "plot.svg"]
    assert texts["a.csv"] == {"text": "x,y\n1,2\n", "cut": False}
    assert texts["b.log"]["text"] == "one\ntwo \ufffd\n"


def test_long_texts_are_cut_between_characters_and_say_so(tmp_path: Path) -> None:
    texts = texts_of(tmp_path, a_txt="é🚀".encode() * MAX_TEXT, b_txt=b"x" * MAX_TEXT, c_svg=b"<svg>" + b" " * MAX_TEXT)
    assert texts["a.txt"] == {"text": "é🚀" * (MAX_TEXT // 2), "cut": True}
    assert texts["b.txt"] == {"text": "x" * MAX_TEXT, "cut": False}
    assert "c.svg" not in texts


def test_a_run_gives_only_so_much_text(tmp_path: Path) -> None:
    texts = texts_of(tmp_path, **{f"f{i}_txt": b"x" * (MAX_TEXT - 1) for i in range(7)})
    assert sum(len(found["text"]) for found in texts.values()) == MAX_TEXTS
    assert list(texts) == [f"f{i}.txt" for i in range(5)]
    assert [found["cut"] for found in texts.values()] == [False] * 4 + [True]


def test_a_file_that_is_gone_since_has_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"abc")
    artifacts = [Artifact("a.txt", 3, "0" * 64, "text/plain", f"a/{'0' * 20}.txt")]
    files = {"a.txt": str(tmp_path / "a.txt")}
    previews = make_previews(artifacts, files)
    (tmp_path / "a.txt").unlink()
    assert read_texts(previews, files) == {}


def test_texts_come_in_a_file_of_their_own() -> None:
    run = make_run(run_id="r", metrics={})
    texts = {"__proto__": {"text": "abc", "cut": False}}
    name, payload = read_call(make_run_files(run, Config(), texts)[urls.texts_js(run.summary.key)])
    assert name == f"texts/{short_key(run.summary.key)}"
    assert data.unpack(payload) == texts
    assert urls.texts_js(run.summary.key) not in make_run_files(run, Config(), {})

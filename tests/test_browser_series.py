"""The series of a run in a real browser: from the files that the build writes to the lines that charts draw."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reportgen.analysis.bands import mean_and_range
from reportgen.analysis.downsample import envelope
from reportgen.formats import short_key
from reportgen.model import Run, Series
from reportgen.site.config import Config
from reportgen.site.data import series as data
from reportgen.site.theme import themes_folder
from reportgen.sources.summarise import series_in_tables
from tests.browser import OpenPage, Watched, disk_address
from tests.factories import START, make_run

pytestmark = pytest.mark.browser

PAGE = """<!DOCTYPE html>
<html lang="en" data-root=""><head><meta charset="utf-8"><title>Series</title>
<script src="reportgen.js" defer></script><script src="math.js" defer></script><script src="series.js" defer></script>
</head><body><h1>Series</h1></body></html>"""
TILE = 1000
"""Points of a tile in these tests."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a page that loads series.js; tiles and the limits for them are small."""
    monkeypatch.setattr(data, "TILE_POINTS", TILE)
    monkeypatch.setattr(data, "BUCKETS", 50)
    for name in ("reportgen.js", "math.js", "series.js"):
        (tmp_path / name).write_bytes((themes_folder() / "default" / "static" / name).read_bytes())
    (tmp_path / "page.html").write_text(PAGE)
    return tmp_path


@pytest.fixture
def page(folder: Path, open_page: OpenPage) -> Iterator[Watched]:
    """Return the open page."""
    address = disk_address(folder)
    with open_page(address) as watched:
        watched.open(address + "page.html")
        yield watched


def write(folder: Path, series: Mapping[str, Mapping[int, Series]]) -> str:
    """Write the files of a run with these series; return its short key."""
    run: Run = dataclasses.replace(
        make_run(run_id="r", metrics={name: [1.0, 2.0] for name in series}),
        series={name: dict(ranks) for name, ranks in series.items()},
    )
    for path, content in data.make_run_files(run, Config(), {}).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return short_key(run.summary.key)


def make(steps: Any, values: Any, start: float = START) -> Series:
    """Return a series with a point every ten seconds."""
    steps = np.asarray(steps, np.int64)
    return Series(steps, start + 10.0 * np.arange(len(steps)), np.asarray(values, np.float64))


def floats(words: list[str] | None) -> NDArray[np.float64] | None:
    """Return what the page sent as words."""
    return None if words is None else np.array([float(v) for v in words])


def read(page: Watched, call: str) -> dict[str, Any] | None:
    """Return the series that a call of the page's resolves to, arrays as numpy arrays."""
    columns = ("steps", "times", "values", "low", "high")
    sent = ",".join(f"{c}: s.{c} && Array.from(s.{c}, String)" for c in columns)
    found = page.evaluate(
        f"{call}.then(s => s && {{metric: s.metric, exact: s.exact, n: s.n, ranks: s.ranks, {sent}}})"
    )
    return None if found is None else {**found, **{c: floats(found[c]) for c in columns}}


def test_a_short_series_is_what_was_logged(folder: Path, page: Watched) -> None:
    series = make([0, 5, 5, 7], [1.0, math.nan, math.inf, -2.5])
    k = write(folder, {"loss": {0: series}, "acc": {0: make([0, 5, 5, 7], [1, 2, 3, 4])}, "late": {0: make([9], [1])}})
    loss = read(page, f"reportgen.run('{k}').then(r => r.series('loss'))")
    assert loss is not None
    assert (loss["metric"], loss["exact"], loss["n"], loss["ranks"]) == ("loss", True, 4, 1)
    assert loss["low"] is None
    np.testing.assert_array_equal(loss["steps"], series.steps)
    np.testing.assert_array_equal(loss["times"], series.times)
    np.testing.assert_array_equal(loss["values"], series.values)
    assert page.evaluate(f"reportgen.run('{k}').then(r => [r.k, r.metrics, r.facts.name])") == [
        k,
        ["loss", "acc", "late"],
        "brave-otter-17",
    ]
    acc = read(page, f"reportgen.run('{k}').then(r => r.series('acc'))")
    assert acc is not None
    assert acc["values"].tolist() == [1, 2, 3, 4]
    assert read(page, f"reportgen.run('{k}').then(r => r.series('none'))") is None
    assert read(page, f"reportgen.run('{k}').then(r => r.exact('loss', 0, 5))") is None
    assert page.evaluate(f"Promise.all([reportgen.run('{k}'), reportgen.run('{k}')]).then(([a, b]) => a === b)")
    assert page.messages == []


@pytest.mark.parametrize(
    "ranks",
    [
        {0: make([0, 1, 2, 2, 4], [1, 2, math.nan, 3, 5]), 1: make([0, 2, 2, 4, 9], [4, 9, 0, math.nan, 1])},
        {1: make([0, 1, 2], [1, 2, 3]), 3: make([1, 2, 5], [4, 5, 6], START + 3)},
        {2: make([3, 4], [1, 2])},
        {0: make([0, 1], [math.nan, 1]), 1: make([0, 1], [math.nan, math.inf]), 2: make([0, 1], [math.nan, -3])},
    ],
    ids=["rank 0", "without rank 0", "one", "only NaN"],
)
def test_processes_are_merged_as_in_tables_and_static_charts(
    folder: Path, page: Watched, ranks: dict[int, Series]
) -> None:
    k = write(folder, {"loss": ranks})
    made = read(page, f"reportgen.run('{k}').then(r => r.series('loss'))")
    assert made is not None
    shown = series_in_tables(ranks)
    np.testing.assert_array_equal(made["steps"], shown.steps)
    np.testing.assert_array_equal(made["times"], shown.times)
    np.testing.assert_allclose(made["values"], shown.values)
    assert made["ranks"] == len(ranks)
    if len(ranks) == 1:
        assert made["low"] is None
        return
    steps, _, low, high = mean_and_range(tuple(ranks.values()))
    at = np.searchsorted(steps, shown.steps)
    np.testing.assert_array_equal(made["low"], low[at])
    np.testing.assert_array_equal(made["high"], high[at])


def long_series(n: int, seed: int = 1) -> Series:
    """Return a series with one spike, values that are no numbers, and steps that repeat and skip."""
    rng = np.random.default_rng(seed)
    steps = np.cumsum(rng.integers(0, 4, n))
    values = np.sin(np.arange(n) / 500) + rng.normal(0, 0.01, n)
    values[n // 3], values[n // 2 : n // 2 + 20], values[-1] = 99.0, math.nan, math.inf
    return make(steps, values)


def test_a_long_series_is_an_envelope_first(folder: Path, page: Watched) -> None:
    series = long_series(5000)
    k = write(folder, {"loss": {0: series}})
    made = read(page, f"reportgen.run('{k}').then(r => r.series('loss'))")
    assert made is not None
    wanted = envelope(series.steps, series.values, 50)
    assert (made["exact"], made["n"]) == (False, 5000)
    np.testing.assert_array_equal(made["steps"], np.r_[wanted.first_steps[:-1], wanted.last_steps[-1]])
    np.testing.assert_array_equal(made["values"], wanted.mean)
    np.testing.assert_array_equal(made["low"], wanted.min)
    np.testing.assert_array_equal(made["high"], wanted.max)
    assert made["times"][0] == START
    assert 99.0 in made["high"]


def test_the_envelopes_of_processes_have_the_range_of_all(folder: Path, page: Watched) -> None:
    one, two = long_series(5000, 1), long_series(6000, 2)
    k = write(folder, {"loss": {0: one, 1: two}, "some": {0: one, 1: make([10, 20], [-500, 500])}})
    made = read(page, f"reportgen.run('{k}').then(r => r.series('loss'))")
    assert made is not None
    own = envelope(one.steps, one.values, 50)
    assert made["ranks"] == 2
    assert (made["low"] <= own.min).all()
    assert (made["high"] >= own.max).all()
    assert np.nanmin(made["low"]) < np.nanmin(own.min) or np.nanmax(made["high"]) >= 99
    some = read(page, f"reportgen.run('{k}').then(r => r.series('some'))")
    assert some is not None
    assert (some["low"].min(), some["high"].max()) == (-500, 500)


@pytest.mark.parametrize("by", ["steps", "times"])
@pytest.mark.parametrize("part", [(0.0, 0.01), (0.31, 0.35), (0.5, 0.5), (0.95, 2.0), (-1.0, -0.5), (0.2, 0.6)])
def test_exact_points_come_with_one_more_on_either_side(
    folder: Path, page: Watched, by: str, part: tuple[float, float]
) -> None:
    series = long_series(7300)
    k = write(folder, {"loss": {0: series}})
    axis = getattr(series, by).astype(np.float64)
    low, high = (axis[0] + share * (axis[-1] - axis[0]) for share in part)
    made = read(page, f"reportgen.run('{k}').then(r => r.exact('loss', {low}, {high}, '{by}'))")
    assert made is not None
    start = max(0, int(np.searchsorted(axis, low, side="left")) - 1)
    end = int(np.searchsorted(axis, high, side="right")) + 1
    np.testing.assert_array_equal(made["steps"], series.steps[start:end])
    np.testing.assert_array_equal(made["times"], series.times[start:end])
    np.testing.assert_array_equal(made["values"], series.values[start:end])
    assert (made["exact"], made["n"]) == (True, 7300)
    assert page.messages == []


def test_exact_points_at_the_edges_of_tiles(folder: Path, page: Watched) -> None:
    series = make(np.arange(5000) // 2, np.arange(5000))
    k = write(folder, {"loss": {0: series}})
    for low, high in ((500, 500), (499, 500), (999.5, 1000), (1500, 1999), (2499, 2499)):
        made = read(page, f"reportgen.run('{k}').then(r => r.exact('loss', {low}, {high}))")
        assert made is not None
        start = max(0, int(np.searchsorted(series.steps, low, side="left")) - 1)
        end = int(np.searchsorted(series.steps, high, side="right")) + 1
        np.testing.assert_array_equal(made["values"], series.values[start:end], err_msg=f"{low} {high}")


def test_the_exact_points_of_processes_are_merged(folder: Path, page: Watched) -> None:
    one, two = make(np.arange(5000), np.sin(np.arange(5000))), make(np.arange(4500), np.cos(np.arange(4500)))
    k = write(folder, {"loss": {0: one, 1: two}})
    made = read(page, f"reportgen.run('{k}').then(r => r.exact('loss', 1990, 2010))")
    assert made is not None
    part = slice(1989, 2012)
    np.testing.assert_array_equal(made["values"], one.values[part])
    np.testing.assert_array_equal(made["low"], np.minimum(one.values[part], two.values[part]))
    np.testing.assert_array_equal(made["high"], np.maximum(one.values[part], two.values[part]))


def test_too_many_tiles_are_not_loaded(folder: Path, page: Watched) -> None:
    k = write(folder, {"loss": {0: make(np.arange(30_000), np.arange(30_000))}})
    assert read(page, f"reportgen.run('{k}').then(r => r.exact('loss', 0, 30000))") is None
    assert page.evaluate("document.querySelectorAll('script').length") == 3
    made = read(page, f"reportgen.run('{k}').then(r => r.exact('loss', 5000, 25000))")
    assert made is not None
    assert len(made["steps"]) == 20_003


def test_each_tile_is_loaded_once_and_its_file_is_not_kept(folder: Path, page: Watched) -> None:
    k = write(folder, {"loss": {0: make(np.arange(5000), np.arange(5000))}})
    asked: list[str] = []
    page.page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    both = "Promise.all([r.exact('loss', 10, 20), r.exact('loss', 30, 40)])"
    assert page.evaluate(f"reportgen.run('{k}').then(r => {both}).then(all => all.map(s => s.values.length))") == [
        13,
        13,
    ]
    read(page, f"reportgen.run('{k}').then(r => r.exact('loss', 50, 60))")
    assert asked.count("0-0.js") == 1
    assert page.evaluate(f"reportgen.data('tiles/{k}/0-0') === undefined")


def test_a_missing_tile_is_said_and_asked_for_again(folder: Path, page: Watched) -> None:
    k = write(folder, {"loss": {0: make(np.arange(5000), np.arange(5000))}})
    tile = folder / "data" / "tiles" / k / "0-2.js"
    content = tile.read_bytes()
    tile.unlink()
    call = f"reportgen.run('{k}').then(r => r.exact('loss', 2100, 2200))"
    assert page.evaluate(f"{call}.catch(e => e.message)") == f"data/tiles/{k}/0-2.js cannot be loaded"
    tile.write_bytes(content)
    made = read(page, call)
    assert made is not None
    assert made["values"][1] == 2100


def test_a_run_that_is_loaded_again_is_read_anew(folder: Path, page: Watched) -> None:
    k = write(folder, {"loss": {0: make([0, 1], [1, 2])}})
    length = f"reportgen.run('{k}').then(r => r.series('loss')).then(s => s.values.length)"
    assert page.evaluate(length) == 2
    write(folder, {"loss": {0: make([0, 1, 2], [1, 2, 3])}})
    assert page.evaluate(length) == 2
    assert page.evaluate(f"reportgen.reload('series/{k}').then(() => {length})") == 3


def test_a_run_without_a_file_says_so(page: Watched) -> None:
    message = page.evaluate("reportgen.run('aaaaaaaaaa').catch(e => e.message)")
    assert message == "data/series/aaaaaaaaaa.js cannot be loaded"


def test_names_are_taken_as_they_are(folder: Path, page: Watched) -> None:
    names = ["<b>x</b>", "__proto__", 'quote"', "😀", "שלום", "x" * 250]
    k = write(folder, {name: {0: make([0], [i])} for i, name in enumerate(names)})
    values = f"Promise.all({json.dumps(names)}.map(n => r.series(n).then(s => s.values[0])))"
    assert page.evaluate(f"reportgen.run('{k}').then(r => {values})") == list(range(len(names)))

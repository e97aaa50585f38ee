"""The table of runs that scripts make, in a real browser: it says what the table of the build says, and does more."""

from __future__ import annotations

import json
import math
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from reportgen.analysis.selection import settle_slots
from reportgen.site.pages.columns import Column, _shader
from reportgen.site.pages.compare import _delta
from reportgen.site.pages.strips import make_strip_axis
from tests.browser import OpenPage, Watched, disk_address
from tests.tablefiles import make_table, write_index, write_table

pytestmark = pytest.mark.browser

RUNS = """[...document.querySelectorAll('.grid-body .grid-row:not(.group-row)')]
    .sort((a, b) => a.getAttribute('aria-rowindex') - b.getAttribute('aria-rowindex'))"""
NAMES = f"{RUNS}.map(row => row.querySelector('.frozen-1 .clip').textContent)"
GROUPS = """[...document.querySelectorAll('.group-row')]
    .sort((a, b) => a.getAttribute('aria-rowindex') - b.getAttribute('aria-rowindex'))
    .map(row => row.querySelector('.group-name .clip').textContent)"""


def experiments(site: Path) -> dict[str, str]:
    """Return name -> site path of the experiments' pages."""
    pages = sorted(p.relative_to(site).as_posix() for p in (site / "e").glob("*.html"))
    return {Path(p).stem[:-11]: p for p in pages if not p.endswith("-compare.html")}


@pytest.fixture(scope="module")
def made_site(sample_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the sample site that tests may put tables of their own into."""
    folder = tmp_path_factory.mktemp("table") / "site"
    shutil.copytree(sample_site, folder)
    return folder


@pytest.fixture
def show(made_site: Path, open_page: OpenPage) -> Iterator[Any]:
    """Return a function that shows a made-up table on an experiment's page, with a view, and returns the open page."""
    address = disk_address(made_site)
    path = experiments(made_site)["digits-mlp"]
    with open_page(address) as watched:

        def show(table: dict[str, Any], view: str = "") -> Watched:
            table["k"] = Path(path).stem[-10:]
            write_table(made_site, table)
            watched.page.goto("about:blank")
            watched.open(f"{address}{path}{view}")
            watched.page.locator(".table-live").wait_for()
            return watched

        yield show
        assert watched.messages == []
        assert watched.outside == []


@pytest.fixture
def digits(sample_site: Path, open_page: OpenPage) -> Iterator[Watched]:
    """Return the page of the sweep of the sample runs, its table shown."""
    address = disk_address(sample_site)
    with open_page(address) as watched:
        watched.open(address + experiments(sample_site)["digits-mlp"])
        watched.page.locator(".grid-row").first.wait_for()
        yield watched
        assert watched.messages == []


def go(watched: Watched, view: str) -> None:
    """Open another view of the same page."""
    heard = "new Promise(done => addEventListener('hashchange', () => done(0), { once: true }))"
    watched.evaluate(f"location.hash = {json.dumps(view)}, {heard}")


def texts(watched: Watched, selector: str) -> list[str]:
    """Return the visible text of every element, in the order of the document, spaces made plain."""
    return [" ".join(t.split()) for t in watched.page.locator(selector).all_inner_texts()]


# ---- the twin of the table of the build

STATIC = "table.runs:not(.groups)"
PLAIN = "textContent.replace(/higher is better|lower is better|[▾▴\\s]/g, '')"
CELL = "(cell) => [cell.textContent.replace(/\\s+/g, ' ').trim(), cell.className.replace(/h0|\\s+/g, '')]"
DRAWN = "(svg) => [...svg.querySelectorAll('circle, path')].map(c => c.getAttribute('cx') || c.getAttribute('d'))"


def of_rows(selector: str, read: str) -> str:
    """Return JavaScript that reads every element of the rows, from top to bottom."""
    return f"{RUNS}.flatMap(row => [...row.querySelectorAll('{selector}')].map({read}))"


def of_static(selector: str, read: str) -> str:
    """Return JavaScript that reads every element of the table of the build."""
    return f"[...document.querySelectorAll('{STATIC} {selector}')].map({read})"


@pytest.mark.parametrize("name", ["digits-mlp", "diabetes", "cancer-forest", "wine-two-ranks"])
def test_single_runs_stand_as_the_build_has_them(sample_site: Path, open_page: OpenPage, name: str) -> None:
    address = disk_address(sample_site)
    with open_page(address) as watched:
        watched.open(f"{address}{experiments(sample_site)[name]}#?group=none")
        watched.page.locator(".grid-row").first.wait_for()
        assert watched.evaluate(NAMES) == watched.evaluate(of_static("tbody th a", "a => a.textContent"))
        heads = watched.evaluate(f"[...document.querySelectorAll('.grid-heads > :not(.boxes)')].map(h => h.{PLAIN})")
        assert heads == watched.evaluate(of_static("thead th", f"h => h.{PLAIN}"))
        values = watched.evaluate(of_rows(".cell", CELL))
        assert values
        assert values == watched.evaluate(of_static(".cell", CELL))
        params = watched.evaluate(of_rows(".of-param", f"cell => cell.{PLAIN}"))
        assert params == watched.evaluate(of_static("td.param", f"cell => cell.{PLAIN}"))
        assert watched.evaluate(of_rows("svg.strip", DRAWN)) == watched.evaluate(of_static("svg.strip", DRAWN))
        sparks = watched.evaluate(of_rows("svg.spark", DRAWN)), watched.evaluate(of_static("svg.spark", DRAWN))
        for spark, wanted in zip(*sparks, strict=True):
            made, drawn = ([float(n) for n in re.findall(r"[\d.]+", d[0])] for d in (spark, wanted))
            assert made == pytest.approx(drawn, abs=0.45)  # data files hold every other height
        assert watched.messages == []


def test_configurations_stand_as_the_build_has_them(digits: Watched) -> None:
    plain = "textContent.replace(/best mean|\\s/g, '')"
    marks = "[...row.querySelectorAll('.dot, .span')].map(dot => dot.getAttribute('cx') || dot.getAttribute('x'))"
    static = digits.evaluate(
        "[...document.querySelectorAll('table.groups tbody tr')].map(row => [row.querySelector('th'), row.cells[1], "
        f"row.querySelector('td.quiet')].map(cell => cell.{plain}).concat({marks}))"
    )
    live = digits.evaluate(
        "[...document.querySelectorAll('.group-row')].map(row => ['.group-name .clip', '.of-metric', "
        "'.of-param:nth-of-type(7)'].map(part => row.querySelector(part)"
        f".{plain}.replace('seed', 'run')).concat({marks}))"
    )
    assert live == static
    assert not digits.page.locator("table.groups").is_visible()
    assert digits.page.locator("#runs + .aside").inner_text() == "23 in 8 configurations"


def in_set(table: dict[str, Any], expression: str) -> str:
    """Return JavaScript in which `set` holds the runs of `table`."""
    return f"(() => {{ const set = reportgen.runSet([{json.dumps(table)}]); return {expression}; }})()"


def test_shades_axes_and_differences_are_those_of_the_build(show: Any) -> None:
    table = make_table(40, params=3, metrics=2)
    watched = show(table)
    for number, direction in enumerate(["max", "min"]):
        values = table["metrics"][number]["values"]
        able = [v for v, status in zip(values, table["runs"]["status"], strict=True) if status != "failed"]
        shades = watched.evaluate(in_set(table, f"{values}.map(set.scaleOf(set.byId('metric{number}'), 0).shade)"))
        assert shades == [_shader(able, direction)(v) for v in values]
    values = table["metrics"][0]["values"]
    axis = make_strip_axis(values, "max")
    assert axis is not None
    ticks = "a.ticks.map(t => [Number(t.x.toFixed(1)), t.label])"
    made = watched.evaluate(
        in_set(table, f"[set.stripAxis({values}, {values}, 138)].map(a => [a.low, a.high, {ticks}])[0]")
    )
    assert made[:2] == pytest.approx([axis.low, axis.high])
    assert made[2] == [[x, label] for x, label in axis.ticks]
    column = Column("metric0", "metric0", "%", "max", "max", 3)
    for spread in (0.8, None):
        table["metrics"][0]["spread"] = spread
        deltas = f"{values}.slice(1).map((v, i) => set.deltaOf(set.byId('metric0'), v, i + 1, 0))"
        wanted = [_delta(values[0], value, column, spread) for value in values[1:]]
        made = watched.evaluate(in_set(table, deltas))
        assert [(d["text"], d["mark"], d["verdict"]) for d in made] == [(d.text, d.mark, d.verdict) for d in wanted]


def test_a_lone_value_is_not_the_best_and_colours_are_settled_as_in_the_build(show: Any) -> None:
    table = make_table(4, params=2, metrics=1, seeds=1)
    table["metrics"][0].update(values=[1.0, "NaN"], runs=[0, 1], steps=None)
    watched = show(table)
    assert watched.page.locator(".run-grid .cell").count() == 4
    assert watched.page.locator(".run-grid .best-of").count() == 0
    table["metrics"][0].update(values=[1.0, 0.5], runs=[0, 1])
    watched = show(table)
    assert watched.page.locator(".run-grid .best-of").count() == 1
    for wanted in ([3, 3, 1, 0, 667], [500 + i for i in range(10)], []):
        assert watched.evaluate(f"reportgen.settleSlots({wanted})") == settle_slots(wanted)


# ---- order, filter, groups


def test_rows_are_ordered_by_several_columns_and_what_is_missing_comes_last(show: Any) -> None:
    table = make_table(6, params=2, metrics=2, seeds=1)
    table["runs"]["status"] = ["finished"] * 6
    table["params"][0].update(values=["b", "a", "b", "a", "b", "a"], runs=None)
    table["metrics"][0].update(values=[1, "NaN", 3, 4], runs=[0, 1, 3, 4], steps=None)
    watched = show(table, "#?group=none&sort=param0")
    head = watched.page.locator(".grid-heads .metric", has_text="metric0").first
    assert watched.evaluate(NAMES)[:3] == ["run-3", "run-1", "run-5"]
    head.click(modifiers=["Shift"])
    assert watched.evaluate(NAMES) == ["run-3", "run-1", "run-5", "run-4", "run-0", "run-2"]
    assert "sort=param0,-metric0" in watched.address
    assert watched.evaluate("[...document.querySelectorAll('.sort')].map(s => s.textContent)") == ["▴1", "▾2"]
    head.click(modifiers=["Shift"])
    assert watched.evaluate(NAMES) == ["run-3", "run-1", "run-5", "run-0", "run-4", "run-2"]
    head.click()
    assert watched.evaluate(NAMES) == ["run-0", "run-3", "run-4", "run-1", "run-5", "run-2"]
    assert watched.page.locator("[aria-sort]").get_attribute("aria-sort") == "ascending"
    head.click()
    assert watched.evaluate(NAMES)[:4] == ["run-4", "run-3", "run-0", "run-1"]
    assert "sort" not in watched.address


def test_failed_runs_stand_behind_the_others_and_are_not_the_best(show: Any) -> None:
    table = make_table(4, params=2, metrics=1, seeds=1)
    table["runs"]["status"] = ["finished", "failed", "finished", "finished"]
    table["runs"]["error"] = ["", "train/loss is NaN at epoch 44", "", ""]
    table["metrics"][0].update(values=[1.0, 9.0, 2.0, 3.0])
    watched = show(table)
    assert watched.evaluate(NAMES) == ["run-3", "run-2", "run-0", "run-1"]
    cells = watched.evaluate(f"{RUNS}.map(row => row.querySelector('.cell').className)")
    assert cells == ["cell h5 best-of", "cell h3", "cell h0", "cell h0"]
    assert texts(watched, ".grid-row.failed .why") == ["train/loss is NaN at epoch 44"]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ('"seed=1"', 6),
        ('"SEED=1" "lr=0.01"', 2),
        ("status:failed", 1),
        ("unfinished", 1),
        ("status:running", 1),
        ("name:fox", 1),
        ('"misread, most often"', 6),
        ("lr:0.5", 1),
        ('param:"width=32"', 10),
    ],
)
def test_words_find_runs_by_what_is_said_of_them(digits: Watched, text: str, count: int) -> None:
    go(digits, f"#?group=none&q={text}")
    expect(digits.page.locator("#runs + .aside")).to_have_text(f"{count} of 23 match")
    expect(digits.page.locator(".grid-body .grid-row:not(.group-row)")).to_have_count(count)


def test_a_filter_without_a_match_says_so_and_can_be_cleared(digits: Watched) -> None:
    go(digits, "#?group=none&q=nothing:like-this")
    expect(digits.page.locator(".run-grid")).to_be_hidden()
    assert "nothing:like-this matches 0 of 23 runs." in digits.page.locator(".empty:visible").inner_text()
    digits.page.get_by_role("button", name="Show all runs").click()
    digits.settles(lambda: len(digits.evaluate(NAMES)), 23)
    assert digits.address.endswith("#?group=none")


def test_f_focuses_the_filter_and_escape_clears_it(digits: Watched) -> None:
    digits.page.keyboard.press("f")
    digits.page.keyboard.type("width 64")
    expect(digits.page.locator("#runs + .aside")).to_have_text("2 of 23 match")
    assert "q=width+64" in digits.address
    digits.page.keyboard.press("Escape")
    expect(digits.page.locator("#runs + .aside")).to_have_text("23 in 8 configurations")
    assert "#" not in digits.address


def test_views_count_their_runs(digits: Watched) -> None:
    views = ["All 23", "Finished 21", "Unfinished 1", "Failed 1", "Best per configuration 8"]
    assert texts(digits, ".views button") == views
    digits.page.get_by_role("button", name="Failed 1").click()
    assert digits.evaluate(GROUPS) == ["lr 0.5"]
    digits.page.get_by_role("button", name="Best per configuration").click()
    names = digits.evaluate(NAMES)
    assert len(names) == 8
    assert names[0] == "brief-condor-61"
    assert digits.evaluate(GROUPS) == []
    assert digits.address.endswith("#?view=best")


def test_runs_are_grouped_by_a_param_with_mean_and_interval(digits: Watched) -> None:
    digits.page.locator(".group-by select").select_option("width")
    assert sorted(digits.evaluate(GROUPS)) == ["width 256", "width 32", "width 64"]
    assert "group=width" in digits.address
    row = digits.page.locator(".group-row", has_text="width 32")
    found = re.fullmatch(r"([\d.]+)\s*± ([\d.]+)", " ".join(row.locator(".of-metric").first.inner_text().split()))
    assert found
    values = digits.evaluate(
        "reportgen.table(document.querySelector('[data-k]').dataset.k).then(t => t.metrics[0].values.filter((v, i) => "
        "t.params.find(p => p.name === 'width').values[i] === 32 && t.runs.status[i] === 'finished'))"
    )
    mean = sum(values) / len(values)
    deviation = math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1))
    assert float(found[1]) == pytest.approx(mean, abs=5e-4)
    assert float(found[2]) == pytest.approx(2.262157 * deviation / math.sqrt(len(values)), rel=0.05)
    assert len(values) == 10


def test_groups_fold_and_the_address_remembers_it(digits: Watched) -> None:
    assert len(digits.evaluate(NAMES)) == 4
    digits.page.locator(".group-name").first.click()
    assert digits.evaluate(NAMES) == []
    assert "fold=all" in digits.address
    digits.page.get_by_role("button", name="Unfold all").click()
    assert len(digits.evaluate(NAMES)) == 23
    digits.page.locator(".group-name").first.click()
    assert len(digits.evaluate(NAMES)) == 19
    address = digits.address
    assert digits.page.locator(".group-row[aria-expanded=false]").count() == 1
    digits.page.goto("about:blank")
    digits.open(address)
    digits.page.locator(".grid-row").first.wait_for()
    assert len(digits.evaluate(NAMES)) == 19


# ---- baseline and selection


def test_b_makes_the_run_with_the_focus_the_baseline(digits: Watched) -> None:
    page = digits.page
    page.locator(".grid-body .grid-row:not(.group-row) .frozen-1").nth(1).click(position={"x": 3, "y": 5})
    page.keyboard.press("b")
    pinned = page.locator(".grid-head .baseline")
    assert pinned.locator(".clip").first.inner_text() == "fine-eagle-76"
    row = page.locator(".group-row", has_text="lr 1e-3 · width 32")
    assert texts(digits, ".group-row .of-metric:nth-child(8) .delta")[0].startswith("≈")
    assert row.locator(".delta.worse").count() == 3
    assert "base=" in digits.address
    ends = page.locator(".grid-row:not(.group-row) .of-metric:nth-child(8) > .cell").evaluate_all(
        "cells => cells.map(cell => Math.round(cell.getBoundingClientRect().right))"
    )
    assert len(ends) == 5
    assert len(set(ends)) == 1, "values stand below each other, those of the baseline too"
    pinned.get_by_role("button", name="No baseline").click()
    assert page.locator(".baseline").count() == 0
    assert "base" not in digits.address


def test_selected_runs_lead_to_their_comparison(digits: Watched) -> None:
    page = digits.page
    heard = (
        "document.querySelector('[data-page]').addEventListener('reportgen:selection', e => told.push(e.detail.runs))"
    )
    digits.evaluate(f"window.told = [], {heard}, 0")
    group = page.get_by_role("checkbox", name="Select the runs of lr 0.01", exact=True)
    page.get_by_role("checkbox", name="Select fine-eagle-76").click()
    assert group.evaluate("box => box.indeterminate")
    group.click()
    assert group.is_checked()
    bar = page.get_by_role("region", name="Selected runs")
    assert "4 runs" in bar.inner_text()
    assert "brief-condor-61, fine-eagle-76" in bar.inner_text()
    link = bar.get_by_role("link", name="Compare 4 runs").get_attribute("href") or ""
    keys = digits.evaluate("reportgen.state.get('sel').split(',')")
    assert len(keys) == 4
    assert re.fullmatch(r"\.\./compare\.html#\?runs=(\w{10},){3}\w{10}", link)
    assert sorted(link.split("=")[1].split(",")) == sorted(keys)
    told = digits.evaluate("told")
    assert len(told[0]) == 1
    assert len(told[-1]) == 4
    page.get_by_role("button", name="Clear the selection").click()
    assert not bar.is_visible()
    assert digits.evaluate("told.at(-1)") == []
    assert "sel" not in digits.address


def test_a_range_is_selected_with_shift(digits: Watched) -> None:
    go(digits, "#?group=none")
    boxes = digits.page.locator(".grid-body .box")
    boxes.nth(2).click()
    boxes.nth(6).click(modifiers=["Shift"])
    assert digits.page.locator(".grid-row[aria-selected=true]").count() == 5
    digits.page.get_by_role("checkbox", name="Select all").click()
    assert digits.page.locator(".grid-row[aria-selected=true]").count() == 23
    digits.page.get_by_role("checkbox", name="Select all").click()
    assert digits.page.locator(".grid-row[aria-selected=true]").count() == 0


# ---- columns


def test_columns_are_chosen_and_found_by_name(digits: Watched) -> None:
    page = digits.page
    heads = ".grid-heads .metric"
    before = texts(digits, heads)
    assert "train/accuracy" not in before
    page.locator(".table-tools").get_by_role("button", name="Columns").click()
    panel = page.get_by_role("dialog", name="Columns")
    assert panel.get_by_label("momentum").count() == 0
    panel.get_by_label("only those that differ").uncheck()
    page.keyboard.press("Shift+Tab")
    page.keyboard.type("momen")
    panel.get_by_label("momentum").check()
    assert panel.get_by_role("checkbox", name="momentum").is_checked()
    assert "momentum" in texts(digits, heads)
    assert "momentum" in digits.address
    panel.get_by_role("button", name="Reset").click()
    assert texts(digits, heads) == before
    page.keyboard.press("Escape")
    assert not panel.is_visible()
    assert "cols" not in digits.address


def test_a_column_is_widened_by_pointer_and_by_keys(digits: Watched) -> None:
    page = digits.page
    head = page.locator(".grid-heads .grid-cell", has_text="width")
    width = (head.bounding_box() or {})["width"]
    grip = head.locator(".grip").bounding_box() or {}
    page.mouse.move(grip["x"] + 4, grip["y"] + 10)
    page.mouse.down()
    page.mouse.move(grip["x"] + 64, grip["y"] + 10)
    page.mouse.up()
    assert (head.bounding_box() or {})["width"] == pytest.approx(width + 60, abs=2)
    head.click()
    page.keyboard.press("Shift+ArrowRight")
    assert (head.bounding_box() or {})["width"] == pytest.approx(width + 76, abs=2)
    page.keyboard.press("Shift+ArrowLeft")
    assert (head.bounding_box() or {})["width"] == pytest.approx(width + 60, abs=2)


def test_widths_that_a_reader_sets_are_in_the_address_until_they_are_given_back(digits: Watched) -> None:
    page = digits.page
    head = page.locator(".grid-heads .grid-cell", has_text="width")
    head.click()
    before = (head.bounding_box() or {})["width"]
    for _ in range(3):
        page.keyboard.press("Shift+ArrowRight")
    width = round((head.bounding_box() or {})["width"])
    assert f"wide=width:{width}" in digits.address
    page.reload()
    page.locator(".grid-row").first.wait_for()
    assert (head.bounding_box() or {})["width"] == pytest.approx(width, abs=0.1)
    go(digits, "#?wide=width:5,nothing:90,lr:99999,name:200")
    widths = page.locator(".grid-heads .grid-cell").evaluate_all("cells => cells.map(cell => cell.offsetWidth)")
    assert widths[1] == 200
    assert 40 in widths
    assert 2000 in widths
    head.locator(".grip").dblclick(position={"x": 4, "y": 4})
    assert "width:" not in digits.address
    page.locator(".table-tools").get_by_role("button", name="Columns").click()
    page.get_by_role("button", name="Reset").click()
    assert "wide" not in digits.address
    assert (head.bounding_box() or {})["width"] == pytest.approx(before, abs=20)


def test_the_places_in_the_order_do_not_cut_the_names_of_columns(show: Any) -> None:
    for width in (1280, 390):
        watched = show(make_table(12, params=4, metrics=3), "#?group=none&sort=-metric0,param1,metric1,duration,seed")
        watched.page.set_viewport_size({"width": width, "height": 800})
        cut = "[...document.querySelectorAll('.grid-heads .metric')].filter(e => e.scrollWidth > e.offsetWidth)"
        watched.settles(lambda: watched.evaluate(f"{cut}.map(e => e.textContent)"), [])  # noqa: B023 - read in this round
        if width == 1280:
            assert watched.evaluate("document.querySelectorAll('.sort .place').length") == 5


def test_the_address_gives_the_whole_view_back(digits: Watched) -> None:
    view = "#?group=width&sort=-seed,val/loss&cols=lr,seed,val/loss,val/accuracy&q=width&view=finished&fold=none"
    go(digits, view)
    heads = ["Group and run", "lr", "seed", "val/accuracy", "val/loss"]
    digits.settles(lambda: texts(digits, ".grid-heads .metric"), heads)
    assert digits.page.get_by_label("Filter runs").input_value() == "width"
    assert digits.page.locator(".views [aria-pressed=true]").inner_text() == "Finished 21"
    assert digits.page.locator(".group-by select").input_value() == "width"
    assert len(digits.evaluate(NAMES)) == 21
    digits.page.get_by_role("checkbox", name="Select all").click()
    state = digits.evaluate("Object.fromEntries(new URLSearchParams(location.hash.slice(2)))")
    del state["sel"]
    assert state == {
        "group": "width",
        "sort": "-seed,val/loss",
        "cols": "lr,seed,val/loss,val/accuracy",
        "q": "width",
        "view": "finished",
        "fold": "none",
    }


def test_what_is_shown_can_be_downloaded_without_formulas(show: Any) -> None:
    table = make_table(3, params=2, metrics=1, seeds=1)
    table["runs"]["name"] = ["=1+1", "a,b", "c"]
    table["metrics"][0].update(values=[0.1234567890123, "NaN", 0.5])
    watched = show(table, "#?cols=param0,metric0&q=param0")
    with watched.page.expect_download() as download:
        watched.page.locator(".table-tools").get_by_role("button", name="CSV").click()
    lines = download.value.path().read_text().splitlines()
    assert lines[0] == "run_id,name,params.param0,metrics.metric0.max"
    words = table["params"][0]["values"]
    assert lines[1:] == [
        f"id-2,c,{words[2]},0.5",
        f"id-0,'=1+1,{words[0]},0.1234567890123",
        f'id-1,"a,b",{words[1]},NaN',
    ]


def test_a_download_holds_each_column_once_and_whole_names(show: Any) -> None:
    table = make_table(2, params=2, metrics=1, seeds=1)
    table["name"] = "made-up of many words"
    table["names"] = {"1": "n" * 250}
    table["runs"]["name"][1] = "n" * 59 + "…"
    watched = show(table, "#?cols=run_id,param0&sort=name&q=" + "n" * 250)
    assert watched.page.locator(".frozen-1 .clip").get_attribute("title") == "n" * 250
    with watched.page.expect_download() as download:
        watched.page.locator(".table-tools").get_by_role("button", name="CSV").click()
    lines = download.value.path().read_text().splitlines()
    assert lines == ["run_id,name,params.param0", f"id-1,{'n' * 250},{table['params'][0]['values'][1]}"]


# ---- keys and screen readers


def test_the_keyboard_reaches_every_cell(digits: Watched) -> None:
    page = digits.page
    row = "document.activeElement.parentElement.getAttribute('aria-rowindex')"
    where = f"[{row}, document.activeElement.getAttribute('aria-colindex')]"
    page.get_by_label("Filter runs").focus()
    page.keyboard.press("ArrowDown")
    assert digits.evaluate(where) == ["2", "2"]
    steps = [("ArrowDown", ["3", "2"]), ("ArrowRight", ["3", "3"]), ("End", ["3", "12"]), ("Home", ["3", "1"])]
    steps += [
        ("Control+End", ["13", "12"]),
        ("PageUp", ["3", "12"]),
        ("Control+Home", ["2", "1"]),
        ("ArrowUp", ["1", "1"]),
    ]
    steps += [("ArrowUp", ["1", "1"]), ("PageDown", ["11", "1"])]
    for key, place in steps:
        page.keyboard.press(key)
        assert digits.evaluate(where) == place, key
    assert digits.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert digits.evaluate("document.querySelectorAll('.run-grid [tabindex=\"0\"]').length") == 1


def test_keys_fold_select_sort_and_open(digits: Watched) -> None:
    page = digits.page
    page.get_by_label("Filter runs").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert digits.evaluate(NAMES) == []
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Shift+Space")
    assert page.locator(".grid-row[aria-selected=true]:not(.group-row)").count() == 3
    page.keyboard.press("Control+Home")
    for key in ("ArrowUp", "End", "ArrowLeft", "Enter"):
        page.keyboard.press(key)
    assert page.locator("[aria-sort]").inner_text().startswith("train/loss")
    assert digits.evaluate("document.activeElement.getAttribute('aria-sort')") == "ascending"
    for key in ("ArrowDown", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    page.wait_for_url("**/r/*.html")


def test_a_button_that_goes_leaves_the_focus_in_the_table(digits: Watched) -> None:
    page = digits.page
    page.get_by_role("checkbox", name="Select fine-eagle-76").click()
    page.get_by_role("button", name="Clear the selection").press("Enter")
    assert digits.evaluate("document.activeElement.classList.contains('grid-cell')")
    page.get_by_role("button", name="Finished 21").press("Enter")
    assert digits.evaluate("document.activeElement.textContent") == "Finished 21"
    page.get_by_role("button", name="Fold all").focus()
    page.keyboard.press("Enter")
    assert digits.evaluate("document.activeElement.getAttribute('role')") == "columnheader"


def renew(watched: Watched, k: str) -> None:
    """Tell the page that the data of its table are new."""
    detail = {"data": [f"tables/{k}"], "everything": False}
    watched.evaluate(f"document.dispatchEvent(new CustomEvent('reportgen:refresh', {{detail: {json.dumps(detail)}}}))")


def test_new_runs_come_in(made_site: Path, show: Any) -> None:
    watched = show(make_table(8, params=2, metrics=2, seeds=1), "#?group=none")
    table = make_table(9, params=2, metrics=2, seeds=1)
    table["k"] = watched.evaluate("document.querySelector('main').dataset.k")
    write_table(made_site, table)
    renew(watched, table["k"])
    expect(watched.page.locator("#runs + .aside")).to_have_text("9, best metric0 first")
    assert len(watched.evaluate(NAMES)) == 9


def test_selection_and_focus_outlive_new_data(digits: Watched) -> None:
    digits.page.get_by_role("checkbox", name="Select fine-eagle-76").click()
    digits.evaluate(
        "for (const part of document.querySelectorAll('.table-live, .grid-heads')) part.dataset.old = 'yes'"
    )
    renew(digits, digits.evaluate("document.querySelector('main').dataset.k"))
    expect(digits.page.locator(".grid-heads[data-old]")).to_have_count(0)
    assert digits.page.locator(".grid-row[aria-selected=true] .frozen-1 .clip").all_inner_texts() == ["fine-eagle-76"]
    assert digits.evaluate("document.activeElement.classList.contains('frozen-0')")
    assert digits.page.locator(".table-live[data-old]").count() == 1


def test_the_tree_is_told_to_screen_readers(digits: Watched) -> None:
    grid = digits.page.get_by_role("treegrid", name="Runs")
    assert grid.get_attribute("aria-rowcount") == "13"
    assert grid.get_attribute("aria-colcount") == "12"
    first = grid.get_by_role("row").nth(1)
    assert first.get_attribute("aria-expanded") == "true"
    assert first.get_attribute("aria-level") == "1"
    child = grid.get_by_role("row").nth(2)
    assert child.get_attribute("aria-level") == "2"
    assert child.get_by_role("rowheader", name="Finished brief-condor-61").count() == 1
    assert grid.get_by_role("columnheader").count() == 12
    go(digits, "#?group=none")
    assert digits.page.get_by_role("grid", name="Runs").get_attribute("aria-rowcount") == "24"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_table_is_accessible(sample_site: Path, open_page: OpenPage, scheme: str) -> None:
    address = disk_address(sample_site)
    with open_page(address, scheme=scheme) as watched:
        watched.open(address + experiments(sample_site)["digits-mlp"] + "#?fold=none")
        watched.page.get_by_role("checkbox", name="Select fine-eagle-76").click()
        watched.page.locator(".selection").get_by_role("button", name="Baseline").click()
        assert watched.accessibility_faults() == []
        watched.page.locator(".table-tools").get_by_role("button", name="Columns").click()
        assert watched.accessibility_faults() == []


# ---- sizes


def test_ten_thousand_runs_are_a_few_elements(show: Any) -> None:
    watched = show(make_table(10_000, params=12, metrics=17), "#?group=none")
    page = watched.page
    assert page.locator("#runs + .aside").inner_text() == "10\u202f000, best metric0 first"
    assert watched.evaluate("document.querySelectorAll('.run-grid *').length") < 2500
    page.locator(".grid-cell[tabindex='0']").focus()
    page.keyboard.press("Control+End")
    assert watched.evaluate("document.activeElement.parentElement.getAttribute('aria-rowindex')") == "10001"
    assert watched.evaluate("document.activeElement.getBoundingClientRect().bottom <= innerHeight")
    watched.evaluate("document.querySelector('.run-grid').scrollTop = 100000, new Promise(requestAnimationFrame)")
    assert watched.evaluate(f"{RUNS}.map(row => row.getBoundingClientRect().top).some(top => top > 300 && top < 500)")
    go(watched, '#?q=run-99 "param0=lion"')
    expect(page.locator("#runs + .aside")).to_have_text(re.compile("match"))
    assert 0 < int(page.locator("#runs + .aside").inner_text().split()[0]) < 112


def test_two_thousand_params_are_found_by_search(show: Any) -> None:
    watched = show(make_table(50, params=2000, metrics=3, seeds=1))
    page = watched.page
    assert watched.evaluate("document.querySelectorAll('.grid-heads > *').length") < 40
    page.locator(".table-tools").get_by_role("button", name="Columns").click()
    panel = page.get_by_role("dialog", name="Columns")
    assert panel.get_by_role("checkbox").count() < 220
    panel.get_by_label("Find a column").fill("param1999")
    assert panel.get_by_role("status").inner_text() == "No column has this name"
    page.keyboard.press("Backspace")
    panel.get_by_label("param1997").check()
    assert "param1997" in texts(watched, ".grid-heads .metric")


def test_many_columns_are_drawn_only_where_one_looks(show: Any) -> None:
    columns = ",".join(f"param{i}" for i in range(400))
    watched = show(make_table(60, params=500, metrics=2, seeds=1), f"#?group=none&cols={columns}")
    assert watched.evaluate("document.querySelector('.run-grid').getAttribute('aria-colcount')") == "402"
    assert watched.evaluate("document.querySelectorAll('.grid-heads > *').length") < 60
    watched.page.locator(".grid-cell[tabindex='0']").focus()
    watched.page.keyboard.press("End")
    assert watched.evaluate("document.activeElement.textContent.trim()") == "param399"
    box = "document.activeElement.getBoundingClientRect()"
    assert watched.evaluate(f"{box}.right <= innerWidth && {box}.left > 0")
    watched.page.keyboard.press("ArrowDown")
    assert watched.evaluate("document.activeElement.getAttribute('aria-colindex')") == "402"


@pytest.mark.parametrize("page", ["digits-mlp", "runs.html"])
def test_a_phone_gets_name_metric_and_strip(sample_site: Path, open_page: OpenPage, page: str) -> None:
    address = disk_address(sample_site)
    with open_page(address, width=390) as watched:
        watched.open(address + experiments(sample_site).get(page, page))
        watched.page.locator(".grid-row").first.wait_for()
        assert watched.evaluate("document.documentElement.scrollWidth") == 390
        heads = watched.evaluate("document.querySelectorAll('.grid-heads > *').length")
        assert heads == (4 if page == "digits-mlp" else 3)
        small = watched.evaluate("""[...document.querySelectorAll('.table-tools :is(button, input, select)')]
            .filter(e => e.offsetHeight && e.offsetHeight < 44).map(e => e.outerHTML)""")
        assert small == []
        assert watched.messages == []


# ---- what goes wrong


@pytest.mark.parametrize("content", [None, "reportgen.data(", "reportgen.data('tables/x', 'no');"])
def test_without_its_data_the_table_of_the_build_stays(
    made_site: Path, open_page: OpenPage, content: str | None
) -> None:
    address = disk_address(made_site)
    path = experiments(made_site)["diabetes"]
    file = made_site / "data" / "tables" / f"{Path(path).stem[-10:]}.js"
    file.unlink(missing_ok=True)
    if content is not None:
        file.write_text(content)
    with open_page(address) as watched:
        watched.open(address + path)
        note = watched.page.locator("[data-table] .note.bad")
        note.wait_for()
        assert "The table cannot be sorted or filtered" in note.inner_text()
        assert f"data/tables/{file.name}" in note.inner_text()
        assert watched.page.locator("table.runs").is_visible()


@pytest.mark.parametrize("page", ["digits-mlp", "cancer-forest", "runs.html"])
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_moves_when_the_table_comes(sample_site: Path, open_page: OpenPage, page: str, width: int) -> None:
    address = disk_address(sample_site)
    with open_page(address, width=width) as watched:
        watched.page.add_init_script(
            "window.moved = []; new PerformanceObserver(list => moved.push(...list.getEntries().map(e => e.value)))"
            ".observe({ type: 'layout-shift', buffered: true });"
        )
        watched.page.route("**/data/**", lambda route: (time.sleep(0.2), route.continue_()))
        watched.page.goto(address + experiments(sample_site).get(page, page), wait_until="domcontentloaded")
        below = watched.page.locator("section[aria-labelledby=runs] + section")
        before = (below.bounding_box() or {})["y"]
        assert watched.page.locator("table.groups:visible").count() == 0
        watched.page.locator(".grid-row").first.wait_for()
        assert (below.bounding_box() or {})["y"] == pytest.approx(before, abs=20)
        watched.page.wait_for_timeout(100)
        assert sum(watched.evaluate("moved")) < 0.05


def test_the_table_of_the_build_is_there_while_the_other_takes_long(sample_site: Path, open_page: OpenPage) -> None:
    address = disk_address(sample_site)
    with open_page(address) as watched:
        watched.page.route("**/assets/table*.js", lambda route: route.abort())
        watched.page.goto(address + experiments(sample_site)["digits-mlp"], wait_until="commit")
        watched.page.locator("table.runs:not(.groups)").wait_for()
        box = watched.page.locator(".table-place > [data-still]")
        assert box.evaluate("box => box.scrollHeight > box.clientHeight && box.clientHeight > 400")
        assert not watched.page.locator("table.groups").is_visible()
        watched.evaluate("document.getAnimations().forEach(one => one.finish())")
        assert watched.page.locator("table.groups").is_visible()


def test_paper_and_readers_without_scripts_get_the_table_of_the_build(sample_site: Path, open_page: OpenPage) -> None:
    address = disk_address(sample_site)
    path = address + experiments(sample_site)["digits-mlp"]
    with open_page(address) as watched:
        watched.open(path)
        watched.page.locator(".grid-row").first.wait_for()
        assert watched.page.locator("table.runs:visible").count() == 0
        watched.page.emulate_media(media="print")
        assert watched.page.locator("table.runs:visible").count() == 2
        assert watched.page.locator(".table-live:visible").count() == 0
    with open_page(address, javascript=False) as watched:
        watched.open(path)
        assert watched.page.locator("table.runs:visible").count() == 2


def test_strange_names_do_no_harm(show: Any) -> None:
    table = make_table(6, params=4, metrics=2, seeds=2)
    names = ["<img src=x onerror=alert(1)>", "a\"b'c", "🙂 مرحبا", "x" * 250, "a,b\\c", "&amp;"]
    table["runs"]["name"] = list(names)
    table["params"][0].update(name="a,b\\c=d&e", values=["a", "a", "b", "b", "c", "c"], varying=True)
    table["params"][1]["name"] = "duration"
    table["params"][2]["name"] = "x" * 250
    table["metrics"][1]["name"] = table["metrics"][1]["title"] = "duration"
    table["headline"] = ["metric0", "duration"]
    table["groups"]["label"] = ["<b>bold</b>", "", "y" * 250]
    watched = show(table, "#?fold=none")
    assert sorted(watched.evaluate(NAMES)) == sorted(names)
    assert watched.page.locator(".run-grid img, .run-grid b").count() == 0
    watched.page.locator(".grid-heads .metric", has_text="a,b").click()
    watched.page.locator(".grid-heads .metric", has_text="duration").last.click(modifiers=["Shift"])
    sort = watched.evaluate("reportgen.state.get('sort')")
    assert sort == "a\\,b\\\\c=d&e,metric:duration"
    order = watched.evaluate(NAMES)
    watched.page.reload()
    watched.page.locator(".grid-row").first.wait_for()
    assert watched.evaluate(NAMES) == order
    assert watched.evaluate("[...document.querySelectorAll('.sort')].map(s => s.textContent)") == ["▴1", "▴2"]


@pytest.mark.parametrize("runs", [1, 2])
def test_few_runs_and_no_metric_are_a_table_too(show: Any, runs: int) -> None:
    table = make_table(runs, params=2, metrics=1)
    table.update(metrics=[], headline=[], leading=None, spark=None)
    watched = show(table, "#?fold=none")
    assert len(watched.evaluate(NAMES)) == runs
    assert watched.page.locator(".run-grid .strip, .run-grid .spark").count() == 0


# ---- all runs


def test_all_runs_stand_in_one_table(sample_site: Path, open_page: OpenPage) -> None:
    address = disk_address(sample_site)
    with open_page(address) as watched:
        watched.open(address + "runs.html")
        page = watched.page
        page.locator(".grid-row").first.wait_for()
        assert page.locator(".run-grid").get_attribute("aria-rowcount") == "92"
        heads = texts(watched, ".grid-heads .metric")
        assert heads[:4] == ["Run", "Experiment", "Updated", "Differs in"]
        assert {"val/accuracy", "val/loss", "val/auc", "val/rmse"} <= set(heads)
        page.set_viewport_size({"width": 1280, "height": 6000})  # rows out of sight are not drawn
        page.locator(".group-by select").select_option("experiment")
        experiments = ["cancer-forest", "diabetes", "digits-mlp", "digits-nightly", "wine-two-ranks"]
        assert sorted(watched.evaluate(GROUPS)) == experiments
        page.set_viewport_size({"width": 1280, "height": 800})
        go(watched, "#?q=experiment:diabetes")
        watched.settles(lambda: len(watched.evaluate(NAMES)), 7)
        page.get_by_role("checkbox", name="Select all").click()
        assert page.get_by_role("link", name="Compare 7 runs").is_visible()
        page.locator(".frozen-1 a", has_text="ridge").click()
        page.wait_for_url("**/r/ridge*.html")
        assert watched.messages == []


def test_an_experiment_that_cannot_be_loaded_is_told(made_site: Path, open_page: OpenPage) -> None:
    address = disk_address(made_site)
    tables = [make_table(5, k="aaaaaaaaaa"), make_table(4, k="bbbbbbbbbb")]
    index = (made_site / "data" / "index.js").read_bytes()
    write_table(made_site, tables[0])
    write_index(made_site, tables)
    try:
        with open_page(address) as watched:
            watched.open(address + "runs.html#?group=none")
            note = watched.page.locator("[data-table] .note")
            note.wait_for()
            assert "1 of 2 experiments" in note.inner_text()
            assert len(watched.evaluate(NAMES)) == 5
    finally:
        (made_site / "data" / "index.js").write_bytes(index)

"""One chart in a real browser: what is drawn, and what mouse, keys, screen readers, paper and downloads get of it.

The page under test holds nothing but charts, so that these tests do not depend on what the pages of a site look like.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
from playwright.sync_api import expect

from reportgen.site.charts import ChartLine, render_chart
from reportgen.site.theme import themes_folder
from tests.browser import OpenPage, Watched, disk_address

pytestmark = pytest.mark.browser

STATIC = themes_folder() / "default" / "static"
STYLES = ("theme.css", "layout.css", "tables.css", "chart.css")
SCRIPTS = ("mode.js", "reportgen.js", "math.js", "chart.js", "export.js")
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:"
PAGE = f"""<!DOCTYPE html>
<html lang="en" data-root="" data-export="export.js"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Charts</title><script src="mode.js"></script>
{"".join(f'<link rel="stylesheet" href="{name}">' for name in STYLES)}
<link rel="stylesheet" href="page.css"><script src="reportgen.js" defer></script><script src="math.js" defer></script>
<script src="chart.js" defer></script><script src="page.js" defer></script>
</head><body><main><h1>Charts</h1></main></body></html>"""
PAGE_CSS = "main { padding: 0 16px; } .host { width: 500px; max-width: 100%; height: 240px; } .small { width: 268px; }"
PAGE_JS = """"use strict";
const range = (n, first = 0, by = 1) => Float64Array.from({ length: n }, (_, i) => first + i * by);
const line = (given) => ({
  id: given.label || "a", label: "", slot: 1, dashed: false, raw: null, low: null, high: null, page: "", pinned: false,
  nan_from: null, running: false, ...given,
});
const spec = (given) => ({
  id: "c", title: "val/acc", unit: "%", direction: "max", said: "", x: { kind: "step", label: "epoch" }, log_x: false,
  log_y: false, x_range: null, y_range: [null, null], clip: false, lines: [], ...given,
});
const rise = (n, top = 80) => range(n).map((i) => top * (1 - Math.exp(-i / (n / 5))));
const run = (i) => line({ label: `run-${i}`, slot: i % 11, x: range(100), y: rise(100, 50 + i) });
const many = (n) => Array.from({ length: n }, (_, i) => run(i));
const said = { zoom: [], hover: [], pick: [] };
const charts = [];
function draw(given, own = {}, classes = "host") {
  const host = reportgen.el("div", { class: classes });
  const caption = reportgen.el("figcaption", null, "A chart");
  document.querySelector("main").append(reportgen.el("figure", null, caption, host));
  const chart = reportgen.chart(host, spec(given), {
    hover: (x) => { said.hover.push(x); for (const other of charts) if (other !== chart) other.hover(x); },
    pick: (id) => said.pick.push(id),
    ...own,
  });
  charts.push(chart);
  return charts.length;
}
const all = (element, selector, what) => Array.from(element.querySelectorAll(selector), what);
const texts = (chart, selector = "text") => all(chart.root, `.graph > svg ${selector}`, (t) => t.firstChild.data);
const paths = (chart) => all(chart.picture(), "svg.lines path", (p) => p.getAttribute("d"));
"""

Draw = Callable[..., None]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a page for charts."""
    folder = tmp_path_factory.mktemp("chart")
    for name in STYLES + SCRIPTS:
        (folder / name).write_bytes((STATIC / name).read_bytes())
    (folder / "page.html").write_text(PAGE)
    (folder / "page.css").write_text(PAGE_CSS)
    (folder / "page.js").write_text(PAGE_JS)
    return folder


@pytest.fixture
def open_charts(folder: Path, open_page: OpenPage) -> Callable[..., Any]:
    """Return a function that opens the page; at the end nothing may stand in the console."""

    @contextmanager
    def open_charts(**options: Any) -> Iterator[Watched]:
        address = disk_address(folder)
        with open_page(address, **options) as watched:
            watched.open(address + "page.html")
            yield watched
            assert watched.messages == []

    return open_charts


@pytest.fixture
def page(open_charts: Callable[..., Any]) -> Iterator[Watched]:
    """Return the open page."""
    with open_charts() as watched:
        yield watched


FOUR = """lines: ["loris", "otter", "finch", "newt"].map((label, i) =>
  line({ label, slot: i, x: range(101), y: rise(101, 60 + 5 * i), page: `r/${label}.html` }))"""


HISTOGRAM = """lines: [line({ x: range(11), y: range(11), quantiles: [
  ["95 %", range(11, 3)], ["75 %", range(11, 0.5)], ["median", range(11)], ["25 %", range(11, -1)],
  ["5 %", range(11, -1, 0)]] })]"""


def box_of(page: Watched, nth: int = 0) -> dict[str, float]:
    """Return where the plot area of a chart is."""
    box = page.page.locator(".area").nth(nth).bounding_box()
    assert box is not None
    return dict(box)


def point_at(page: Watched, across: float, down: float = 0.5, nth: int = 0) -> None:
    """Move the mouse to a place in a plot area, in shares of its size."""
    box = box_of(page, nth)
    page.page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"])


def drag(page: Watched, start: float, end: float, nth: int = 0) -> None:
    """Drag the mouse over a part of a plot area."""
    point_at(page, start, nth=nth)
    page.page.mouse.down()
    point_at(page, (start + end) / 2, nth=nth)
    point_at(page, end, nth=nth)
    page.page.mouse.up()


def readout(page: Watched, nth: int = 0) -> list[list[str]]:
    """Return the rows of a readout, the first is its head; empty while it is hidden."""
    return list(
        page.evaluate(
            f"""(r => r.hidden ? [] : Array.from(r.querySelectorAll("p, li"), (row) =>
            row.tagName === "P" ? [row.textContent] : Array.from(row.children).slice(1).map((c) => c.textContent)
            ).filter((row) => row[0])
            )(charts[{nth}].root.querySelector(".readout"))"""
        )
    )


# ---- what is drawn


CURVES = {
    "accuracy": ([*range(200)], [78 * (1 - math.exp(-i / 30)) + math.sin(i) / 3 for i in range(200)]),
    "loss with high first steps": ([*range(1, 101)], [50.0 / i**2 + 1 for i in range(1, 101)]),
    "far from zero": ([*range(300)], [4700.0 + i / 3 for i in range(300)]),
    "negative": ([*range(-50, 50)], [-40.0 - i % 7 for i in range(100)]),
    "constant": ([*range(50)], [3e-4] * 50),
    "single": ([100], [78.43]),
    "large": ([0, 10_000_000], [1e12, 3.3e12]),
    "gap": ([*range(70), *range(100, 201)], [float(i) for i in range(171)]),
    "ends in NaN": ([*range(200)], [4 / (i + 1) + 2 if i < 44 else math.nan for i in range(200)]),
    "only NaN": ([*range(5)], [math.nan] * 5),
    "nothing": ([], []),
}


def test_a_chart_says_what_the_static_picture_says(page: Watched) -> None:
    for nth, (name, (steps, values)) in enumerate(CURVES.items()):
        line = ChartLine("", np.array(steps), np.array(values), slot=1)
        static = render_chart([line], width=500, height=240, x_label="epoch")
        wanted = sorted(re.findall(r"<text[^>]*>([^<]*)", static))
        stops = next((s for s, v in zip(steps, values, strict=True) if math.isnan(v)), None)
        written = ",".join("NaN" if math.isnan(v) else repr(v) for v in values)
        nan_from = json.dumps(stops if values and not math.isnan(values[0]) else None)
        arrays = f"x: new Float64Array({steps}), y: new Float64Array([{written}])"
        page.evaluate(f"draw({{lines: [line({{{arrays}, nan_from: {nan_from}}})]}})")
        assert sorted(t for t in page.evaluate(f"texts(charts[{nth}])") if t.strip()) == wanted, name


def test_names_stand_apart_at_the_ends_of_their_lines(page: Watched) -> None:
    page.evaluate(f"draw({{{FOUR}}})")
    assert page.evaluate("texts(charts[0], 'text.end')") == ["newt", "finch", "otter", "loris"]
    page.evaluate("charts[0].update(spec({lines: many(4)}))")
    ys = page.evaluate("Array.from(charts[0].root.querySelectorAll('text.end'), t => +t.getAttribute('y'))")
    assert all(b - a >= 13.4 for a, b in itertools.pairwise(sorted(ys)))
    assert page.evaluate("charts[0].root.querySelectorAll('.legend li').length") == 0
    together = "many(8).map((line, i) => ({...line, y: rise(100, i < 5 ? 80 : 10 * i)}))"
    page.evaluate(f"charts[0].update(spec({{lines: {together}}}))")
    assert page.evaluate("texts(charts[0], 'text.some')") == ["5 others"]
    right = page.evaluate(
        "Math.max(...Array.from(document.querySelectorAll('.graph text'), t => t.getBoundingClientRect().right))"
    )
    assert right <= page.evaluate("document.querySelector('.host').getBoundingClientRect().right") + 1


def test_many_lines_or_little_width_get_a_legend(page: Watched) -> None:
    page.evaluate(f"draw({{lines: many(50)}}), draw({{{FOUR}}}, {{}}, 'host small')")
    assert page.evaluate("texts(charts[0], 'text.end').length + texts(charts[1], 'text.end').length") == 0
    names = page.evaluate("charts.map(c => Array.from(c.root.querySelectorAll('.legend li'), li => li.textContent))")
    assert names[0][0] == "run-0"
    assert names[0][-1] == "and 38 more"
    assert names[1] == ["loris", "otter", "finch", "newt"]
    inside = page.evaluate("charts.every(c => c.root.scrollHeight <= c.root.parentElement.clientHeight)")
    assert inside
    page.page.locator(".legend button").nth(1).click()
    assert page.evaluate("said.pick") == ["run-1"]


def test_a_line_breaks_where_values_are_missing_and_only_there(page: Watched) -> None:
    page.evaluate(
        """draw({lines: [
          line({label: "nan", x: range(9), y: Float64Array.of(1, 2, NaN, 3, 4, Infinity, 5, NaN, NaN)}),
          line({label: "half", x: range(5, 0, 2), y: range(5)}),
          line({label: "gap", x: Float64Array.from([...range(30), ...range(30, 90)]), y: range(60)}),
          line({label: "back", x: Float64Array.of(3, 1, 2, NaN, 5), y: range(5)}),
        ]})"""
    )
    nan, half, gap, back = reversed(page.evaluate("paths(charts[0])"))
    assert [d.count("M") for d in (nan, half, gap, back)] == [3, 1, 2, 1]
    assert half.count("L") == 4
    xs = [float(x) for x in re.findall(r"[ML]([-\d.]+)", back)]
    assert xs == sorted(xs)
    assert len(xs) == 4


def test_no_spike_is_lost_among_a_million_points(page: Watched) -> None:
    page.evaluate(
        "draw({lines: [line({x: range(1e6), y: range(1e6).map(i => i === 654321 ? 100 : Math.sin(i / 9e4))})]})"
    )
    (path,) = page.evaluate("paths(charts[0])")
    ys = [float(y) for y in re.findall(r"[ML][-\d.]+ ([-\d.]+)", path)]
    assert len(ys) < 4 * 500
    assert min(ys) < 20 < sorted(ys)[5]


def test_bands_raw_values_and_pinned_lines_are_layers(page: Watched) -> None:
    page.evaluate(
        """draw({lines: [
          line({label: "a", x: range(9), y: range(9), raw: range(9), low: range(9), high: range(9), pinned: true}),
          line({label: "b", dashed: true, x: range(9), y: range(9), low: range(9, -3), high: range(9, 3),
                spread: true}),
        ]})"""
    )
    kinds = page.evaluate(
        "Array.from(charts[0].picture().querySelectorAll('svg.lines path'), p => p.getAttribute('class'))"
    )
    assert kinds == ["band", "edge dash", "band", "raw", "line dash", "line pinned"]


def test_what_has_no_place_on_a_logarithmic_axis_is_counted(page: Watched) -> None:
    page.evaluate("draw({log_y: true, lines: [line({x: range(6), y: Float64Array.of(0, -1, 0, 1, 10, 100)})]})")
    assert page.evaluate("texts(charts[0], 'text.note')") == ["3 values at 0 and below are left out"]
    page.evaluate("charts[0].update(spec({log_x: true, lines: [line({x: range(6), y: range(6)})]}))")
    assert page.evaluate("texts(charts[0], 'text.note')") == ["1 value at 0 and below is left out"]
    page.evaluate("charts[0].update(spec({log_y: true, lines: [line({x: range(6), y: range(6, -9)})]}))")
    assert page.evaluate("texts(charts[0], 'text.note')") == ["no value above 0"]


def test_the_range_of_values_can_be_set_and_outliers_left_out(page: Watched) -> None:
    page.evaluate("draw({y_range: [60, 80], lines: [line({x: range(100), y: rise(100)})]})")
    assert page.evaluate("texts(charts[0]).slice(0, 5)") == ["60", "65", "70", "75", "80"]
    assert "M" in page.evaluate("paths(charts[0])")[0]
    spiky = "line({x: range(100), y: range(100).map(i => i === 50 ? 1000 : i % 10)})"
    page.evaluate(f"charts[0].update(spec({{clip: true, lines: [{spiky}]}}))")
    assert page.evaluate("texts(charts[0], 'text.note')") == ["outliers are cut"]
    assert page.evaluate("texts(charts[0])[0]") == "0"
    assert "1 000" not in page.evaluate("texts(charts[0])").__str__().replace("\u202f", " ")


def test_ends_of_runs_and_lone_values_are_marked(page: Watched) -> None:
    page.evaluate(
        """draw({lines: [line({x: range(144), y: rise(144), running: true})]}),
        draw({lines: [1, 2].map(i => line({label: `r${i}`, slot: i, x: range(1, 9 * i), y: range(1, i)}))}),
        draw({lines: [line({x: range(9), y: range(9).map(i => i > 5 ? Infinity : i), nan_from: 6})]})"""
    )
    assert page.evaluate("texts(charts[0], 'text.note')") == ["unfinished, epoch 143"]
    assert page.evaluate("charts.map(c => c.root.querySelectorAll('.dot').length)") == [1, 2, 0]
    assert page.evaluate("texts(charts[1], 'text.value')") == ["1", "2"]
    assert page.evaluate("texts(charts[2], 'text.bad')") == ["Infinity from epoch 6"]
    assert page.page.locator("path.cross").is_visible()


CLOCKS = [
    ("relative", "range(100, 0, .005)", ["0.0", "0.1", "0.2", "0.3", "0.4", "s"]),
    ("relative", "range(100, 0, 50)", ["0", "15", "30", "45", "60", "75", "min"]),
    ("relative", "range(100, 0, 150)", ["0", "1", "2", "3", "4", "h"]),
    ("relative", "range(100, 0, 60000)", ["0", "20", "40", "60", "d"]),
    ("wall", "range(100, 1795262400, 11)", ["21 Nov 12:00", "12:05", "12:10", "12:15", "UTC"]),
    ("wall", "range(100, 1795262400, 7200)", ["23 Nov 2026", "25 Nov", "27 Nov", "29 Nov", "UTC"]),
    ("wall", "range(100, 1795262400, 432000)", ["2027", "Jul", "2028", "UTC"]),
]


def test_times_have_ticks_that_a_clock_has(page: Watched) -> None:
    for kind, x, wanted in CLOCKS:
        page.evaluate(f"draw({{x: {{kind: '{kind}', label: 'time'}}, lines: [line({{x: {x}, y: range(100)}})]}})")
        bottom = page.evaluate(
            """Array.from(charts.at(-1).root.querySelectorAll(".graph > svg:first-child text"))
            .filter(t => +t.getAttribute("y") > 190 && t.getAttribute("x") !== "-8")
            .sort((a, b) => a.getBoundingClientRect().left - b.getBoundingClientRect().left).map(t => t.textContent)"""
        )
        assert bottom == wanted, (kind, x)


def colours(page: Watched) -> set[tuple[int, ...]]:
    """Return the colours of the plot area as it is painted."""
    pixels = matplotlib.image.imread(io.BytesIO(page.page.locator(".graph .lines").screenshot()))
    return set(map(tuple, np.rint(pixels[..., :3] * 255).astype(int).reshape(-1, 3).tolist()))


def test_lines_are_painted_in_the_colours_of_the_theme(page: Watched) -> None:
    page.evaluate("draw({lines: [line({x: range(9), y: range(9).fill(5)})]})")
    assert (0x3F, 0x90, 0xDA) in colours(page)
    page.evaluate("charts[0].update(spec({lines: [line({slot: 2, x: range(9), y: range(9).fill(5)})]}))")
    assert (0xCE, 0x85, 0x00) in colours(page)
    page.page.emulate_media(color_scheme="dark")
    page.settles(lambda: (0xFF, 0xA9, 0x0E) in colours(page), True)
    page.evaluate("document.documentElement.dataset.mode = 'light'")
    page.settles(lambda: (0xCE, 0x85, 0x00) in colours(page), True)


def test_a_chart_follows_the_size_of_its_host(page: Watched) -> None:
    page.evaluate(f"draw({{{FOUR}}}), document.querySelector('.host').hidden = true, charts[0].update(spec({{}})), 0")
    page.evaluate("charts[0].update(spec({lines: many(3)})), document.querySelector('.host').hidden = false, 0")
    page.page.locator("text.end", has_text="run-2").wait_for()
    page.evaluate("document.querySelector('.host').className = 'host small', 0")
    page.page.locator(".legend").wait_for()
    assert box_of(page)["width"] < 268
    page.evaluate("charts[0].destroy()")
    assert page.evaluate("document.querySelectorAll('.host > *').length") == 0


# ---- pointing and zooming


def test_the_readout_tells_the_nearest_values_first(page: Watched) -> None:
    page.evaluate(f"draw({{{FOUR}}})")
    point_at(page, 0.502, 0.02)
    head, *rows = readout(page)
    assert head == ["epoch 50"]
    assert [row[0] for row in rows] == ["newt", "finch", "otter", "loris"]
    assert rows[0][1] == f"{75 * (1 - math.exp(-50 / 20.2)):.2f}"
    point_at(page, 0.502, 0.9)
    assert [row[0] for row in readout(page)[1:]] == ["loris", "otter", "finch", "newt"]
    assert page.evaluate("document.querySelectorAll('.cursor circle:not(.off)').length") == 4
    page.page.mouse.move(2, 2)
    assert readout(page) == []
    assert page.evaluate("said.hover.at(-1)") is None


def test_of_many_lines_the_readout_tells_eight(page: Watched) -> None:
    page.evaluate("draw({lines: many(50)}), document.querySelector('.host').style.height = '400px'")
    page.settles(lambda: box_of(page)["height"] > 300, True)
    point_at(page, 0.8, 0.0)
    rows = readout(page)
    assert len(rows) == 10
    assert rows[1][0] == "run-49"
    assert rows[-1] == ["42 more"]
    assert page.evaluate("document.querySelector('.cursor .line').getAttribute('d').length") > 100


def test_the_readout_says_what_stands_behind_a_value(page: Watched) -> None:
    page.evaluate(
        """draw({lines: [line({label: "smooth", x: range(11), y: range(11), raw: range(11, .5)})]}),
        draw({lines: [line({label: "seeds", x: range(11), y: range(11), low: range(11, -1), high: range(11, 2)}),
                      line({label: "rare", x: range(3, 0, 5), y: range(3, 20), raw: null})]}),
        draw({lines: [line({label: "gone", x: range(11), y: range(11).map(i => i > 4 ? NaN : i), nan_from: 5})]})"""
    )
    point_at(page, 0.301)
    assert readout(page) == [["epoch 3smoothed, as logged"], ["smooth", "3.0", "3.5"]]
    point_at(page, 0.301, 0.97, nth=1)
    assert readout(page, 1)[1:] == [["seeds", "3", "2 – 5"], ["rare", "21", "at epoch 5"]]
    point_at(page, 0.701, nth=2)
    assert readout(page, 2) == [["epoch 7"], ["gone", "NaN", ""]]


def test_the_readout_tells_the_quantiles_of_a_histogram_the_highest_first(page: Watched) -> None:
    page.evaluate(f"draw({{{HISTOGRAM}}})")
    point_at(page, 0.501)
    assert readout(page) == [
        ["epoch 5"], ["95 %", "8.0", ""], ["75 %", "5.5", ""], ["median", "5.0", ""], ["25 %", "4.0", ""],
        ["5 %", "-1.0".replace("-", "−"), ""],
    ]  # fmt: skip
    page.page.keyboard.press("Tab")
    page.page.keyboard.press("Home")
    told = page.evaluate("document.querySelector('body > [aria-live]').textContent")
    assert told == "epoch 0: 95 % 3, 75 % 0.5, median 0, 25 % −1, 5 % −1"


@pytest.mark.parametrize("across", [0.05, 0.3, 0.5, 0.7, 0.95])
@pytest.mark.parametrize("classes", ["host", "host small"])
@pytest.mark.parametrize("what", ["FOUR", "HISTOGRAM"])
def test_the_readout_never_covers_the_place_that_is_pointed_at(
    page: Watched, across: float, classes: str, what: str
) -> None:
    page.evaluate(f"draw({{{FOUR if what == 'FOUR' else HISTOGRAM}}}, {{}}, '{classes}')")
    point_at(page, across)
    box = box_of(page)
    told = page.page.locator(".readout").bounding_box()
    assert told is not None
    x = box["x"] + across * box["width"]
    assert not told["x"] - 4 < x < told["x"] + told["width"] + 4
    host = page.page.locator(".host").bounding_box()
    assert host is not None
    assert host["x"] - 1 <= told["x"]
    assert told["x"] + told["width"] <= host["x"] + host["width"] + 1


def test_the_cross_line_goes_through_all_charts_and_one_has_the_readout(page: Watched) -> None:
    page.evaluate(f"draw({{{FOUR}}}), draw({{{FOUR}}}), draw({{lines: [line({{x: range(20), y: range(20)}})]}})")
    point_at(page, 0.4)
    assert [bool(readout(page, nth)) for nth in range(3)] == [True, False, False]
    shown = "charts.map(c => c.root.querySelector('.graph').classList.contains('pointed'))"
    assert page.evaluate(shown) == [True, True, False]
    assert page.evaluate("said.hover.at(-1)") == 40
    lines = page.evaluate("charts.slice(0, 2).map(c => c.root.querySelector('.hair').getBoundingClientRect().left)")
    assert lines[0] == lines[1]
    point_at(page, 0.4, nth=1)
    assert [bool(readout(page, nth)) for nth in range(3)] == [False, True, False]
    page.page.mouse.move(2, 2)
    assert page.evaluate(shown) == [False] * 3


def test_dragging_zooms_and_a_double_click_shows_all(page: Watched) -> None:
    page.evaluate("draw({lines: [line({x: range(101), y: range(101)})]})")
    drag(page, 0.5, 0.75)
    low, high = page.evaluate("charts[0].spec.x_range")
    assert (low, high) == (pytest.approx(50, abs=0.3), pytest.approx(75, abs=0.3))
    assert page.evaluate("texts(charts[0], 'text.note')") == []
    ticks = page.evaluate("texts(charts[0]).map(Number).filter(Number.isFinite)")
    assert all(49 <= tick <= 76 for tick in ticks), "the values in view fill the height"
    box = box_of(page)
    page.page.mouse.dblclick(box["x"] + 50, box["y"] + 50)
    assert page.evaluate("charts[0].spec.x_range") is None
    drag(page, 0.75, 0.5)
    assert page.evaluate("charts[0].spec.x_range")[0] == pytest.approx(50, abs=0.3)
    page.page.keyboard.press("Escape")
    page.page.keyboard.press("Escape")
    assert page.evaluate("charts[0].spec.x_range") is None
    point_at(page, 0.2)
    page.page.mouse.down()
    point_at(page, 0.6)
    page.page.keyboard.press("Escape")
    page.page.mouse.up()
    assert page.evaluate("charts[0].spec.x_range") is None


def test_a_page_that_keeps_the_view_zooms_by_itself(page: Watched) -> None:
    page.evaluate(f"draw({{{FOUR}}}, {{zoom: r => said.zoom.push(r)}})")
    drag(page, 0.1, 0.3)
    assert page.evaluate("charts[0].spec.x_range") is None
    ((low, high),) = page.evaluate("said.zoom")
    assert (low, high) == (pytest.approx(10, abs=0.4), pytest.approx(30, abs=0.4))
    page.evaluate("charts[0].update({...charts[0].spec, x_range: said.zoom[0]})")
    drag(page, 0, 0.5)
    assert page.evaluate("said.zoom[1]") == [pytest.approx(10, abs=0.4), pytest.approx(20, abs=0.4)]


def test_a_line_passes_through_a_view_between_two_of_its_points(page: Watched) -> None:
    page.evaluate(
        "draw({x_range: [4.2, 4.8], lines: [line({x: range(10, 0, 1e6).map(v => v / 1e6), y: range(10, 0, 10)})]})"
    )
    (path,) = page.evaluate("paths(charts[0])")
    assert path.count("L") == 1
    ticks = [float(t) for t in page.evaluate("texts(charts[0])") if re.fullmatch(r"[\d.]+", t)]
    assert {42.0, 44.0, 46.0, 48.0} <= set(ticks)
    page.evaluate("charts[0].update(spec({x_range: [20, 30], lines: [line({x: range(9), y: range(9)})]}))")
    assert page.evaluate("texts(charts[0], 'text.note')") == ["no values in this range"]


def test_a_click_holds_the_readout_so_that_its_links_can_be_followed(page: Watched) -> None:
    page.evaluate(f"draw({{{FOUR}}})")
    box = box_of(page)
    page.page.mouse.click(box["x"] + 100, box["y"] + 100)
    page.page.mouse.move(2, 2)
    assert len(readout(page)) == 5
    links = page.evaluate("Array.from(document.querySelectorAll('.readout a'), a => a.getAttribute('href'))")
    assert sorted(links) == ["r/finch.html", "r/loris.html", "r/newt.html", "r/otter.html"]
    assert page.accessibility_faults() == []
    page.page.mouse.click(box["x"] + 120, box["y"] + 100)
    assert page.evaluate("document.querySelectorAll('.readout a[href]').length") == 0
    page.page.mouse.move(2, 2)
    assert readout(page) == []


def test_a_name_can_be_picked(page: Watched) -> None:
    page.evaluate(f"draw({{{FOUR}}})")
    page.page.locator("text.end", has_text="finch").click()
    assert page.evaluate("said.pick") == ["finch"]


# ---- without a mouse


def test_keys_move_the_cursor_and_tell_the_values(page: Watched) -> None:
    page.evaluate(f"draw({{{FOUR}}}), draw({{{FOUR}}})")
    page.page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement === charts[0].root.querySelector('.graph')")
    heard = "document.querySelector('body > [aria-live]').textContent"
    page.page.keyboard.press("End")
    assert page.evaluate(heard).startswith("epoch 100: ")
    page.page.keyboard.press("ArrowLeft")
    assert page.evaluate(heard).startswith("epoch 99: ")
    page.page.keyboard.press("Home")
    assert page.evaluate(heard) == "epoch 0: loris 0, otter 0, finch 0, 1 more"
    page.page.keyboard.press("ArrowRight")
    page.page.keyboard.press("ArrowRight")
    assert page.evaluate("said.hover.at(-1)") == 2
    assert readout(page)[0] == ["epoch 2"]
    page.page.keyboard.press("PageDown")
    assert page.evaluate("said.hover.at(-1)") == 12
    for _ in range(2):
        page.page.keyboard.press("ArrowDown")
    assert page.evaluate(heard).startswith("epoch 12: finch ")
    page.page.keyboard.press("Enter")
    assert page.evaluate("said.pick") == ["finch"]
    page.page.keyboard.press("Escape")
    assert readout(page) == []


def test_keys_zoom_and_move_the_view(page: Watched) -> None:
    page.evaluate("draw({lines: [line({x: range(101), y: range(101)})]})")
    page.page.keyboard.press("Tab")
    page.page.keyboard.press("+")
    assert page.evaluate("charts[0].spec.x_range") == [pytest.approx(25), pytest.approx(75)]
    page.page.keyboard.press("Shift+ArrowRight")
    assert page.evaluate("charts[0].spec.x_range") == [pytest.approx(37.5), pytest.approx(87.5)]
    page.page.keyboard.press("-")
    assert page.evaluate("charts[0].spec.x_range") == [pytest.approx(12.5), pytest.approx(100)]
    page.page.keyboard.press("-")
    assert page.evaluate("charts[0].spec.x_range") is None
    page.page.keyboard.press("+")
    page.page.keyboard.press("Escape")
    assert page.evaluate("charts[0].spec.x_range") is None
    assert page.evaluate("document.querySelector('body > [aria-live]').textContent") == "All values"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_charts_are_accessible(open_charts: Callable[..., Any], scheme: str) -> None:
    with open_charts(scheme=scheme) as page:
        page.evaluate(f"draw({{{FOUR}}}), draw({{lines: many(20)}}), draw({{}}), draw({{{FOUR}}}, {{}}, 'host small')")
        point_at(page, 0.4)
        page.evaluate("document.querySelector('details').open = true")
        page.page.locator(".values table").wait_for()
        assert page.accessibility_faults() == []


def test_a_chart_is_described_and_has_a_table_of_its_values(page: Watched) -> None:
    page.evaluate(
        """draw({lines: [
          line({label: "val", x: range(4), y: Float64Array.of(3, NaN, 1, 2), raw: Float64Array.of(4, NaN, 0, 2)}),
          line({label: "none", x: range(2), y: range(2).fill(NaN)}),
        ]})"""
    )
    graph = page.page.locator(".graph")
    assert graph.get_attribute("role") == "group"
    assert graph.get_attribute("aria-label") == "val/acc, %, chart"
    described = page.evaluate(
        "document.getElementById(document.querySelector('.graph').getAttribute('aria-describedby')).textContent"
    )
    assert described.startswith("2 lines over epoch. val: 4 to 2, between 0 and 4; none: NaN to NaN")
    page.page.keyboard.press("Tab")
    page.page.keyboard.press("Tab")
    assert page.page.locator("summary").is_visible()
    page.page.keyboard.press("Enter")
    page.page.locator(".values table").wait_for()
    rows = page.evaluate(
        "Array.from(document.querySelectorAll('.values tr'), r => Array.from(r.cells, c => c.textContent))"
    )
    assert rows == [
        ["Line", "First", "Lowest", "Highest", "Last", "Points"],
        ["val", "4", "0", "4", "2", "4"],
        ["none", "NaN", "NaN", "NaN", "NaN", "2"],
    ]


# ---- strange data


HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "\U0001f600 \u202eevil",
    "שלום עולם",
    "x" * 250,
    "'\"&</text>",
    "a\x00b\ud800c",
]


def test_names_are_text_and_keep_to_their_place(open_charts: Callable[..., Any]) -> None:
    lines = f"{json.dumps(HOSTILE)}.map((label, i) => line({{label, slot: i, x: range(50), y: rise(50, 10 + 12 * i)}}))"
    with open_charts(width=390) as page:
        page.evaluate(
            f"draw({{title: '<b>t</b>', unit: '</svg>', lines: {lines}}}), draw({{lines: {lines}}}, {{}}, 'host small')"
        )
        point_at(page, 0.3)
        page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
        expect(page.page.locator(".values table")).to_have_count(2)
        assert page.evaluate("document.querySelectorAll('main img, main b b').length") == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        labels = page.evaluate("texts(charts[0], 'text.end')")
        assert any(label.endswith("…") for label in labels)
        assert not any("\u202e" in label or "\x00" in label for label in labels)


STRANGE = """[
  [line({x: range(1), y: range(1).fill(NaN)})],
  [line({x: range(3).fill(5), y: range(3)})],
  [line({x: range(0), y: range(0)}), line({label: 'b', x: range(2), y: range(2)})],
  [line({x: range(3).fill(NaN), y: range(3)})],
  [line({x: range(3).fill(Infinity), y: range(3)})],
  [line({x: range(3, -1e300, 1e300), y: range(3, -1e308, 1e308)})],
  [line({x: range(3, 0, 1e-300), y: range(3, 0, 5e-324)})],
  [line({x: range(3), y: range(3).fill(-Infinity), low: range(3), high: range(3).fill(NaN)})],
  [line({slot: 37, x: range(3, 2 ** 60), y: range(3), nan_from: 99, running: true})],
]"""
VIEWS = """[{}, {log_x: true}, {log_y: true, log_x: true}, {clip: true}, {x_range: [1, 1.5]}, {y_range: [5, null]},
  {y_range: [null, -5]}]"""


@pytest.mark.parametrize("kind", ["step", "relative", "wall", "metric"])
def test_nothing_that_is_logged_breaks_a_chart(page: Watched, kind: str) -> None:
    given = f"{{x: {{kind: '{kind}', label: 'x'}}, lines, ...view}}"
    page.evaluate(f"for (const lines of {STRANGE}) for (const view of {VIEWS}) draw({given})")
    assert page.evaluate("charts.every(c => c.root.querySelectorAll('.graph text').length > 0)")
    drawn = page.evaluate("charts.map(c => new XMLSerializer().serializeToString(c.picture())).join()")
    places = re.findall(r' (?:d|x|y|x1|x2|y1|y2|cx|cy|width|transform)="([^"]*)"', drawn)
    assert len(places) > 500
    assert not [place for place in places if re.search("NaN|Infinity|undefined", place)]
    for nth in (0, 1, 5 * 7, 8 * 7):
        page.page.locator(".graph").nth(nth).focus()
        for key in ("Home", "ArrowRight", "ArrowDown", "+", "-", "End", "Escape"):
            page.page.keyboard.press(key)
        point_at(page, 0.5, nth=nth)


# ---- paper and downloads


def test_paper_gets_lines_that_scale(page: Watched) -> None:
    page.evaluate(f"draw({{{FOUR}}}), dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("document.querySelectorAll('.graph-box > svg.chart path.line').length") == 4
    assert not page.page.locator(".graph-box > svg").is_visible()
    page.page.emulate_media(media="print")
    assert page.page.locator(".graph-box > svg").is_visible()
    assert not page.page.locator(".graph canvas").is_visible()
    page.page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("document.querySelectorAll('.graph-box > svg').length") == 0
    assert page.page.locator(".graph canvas").is_visible()


def test_paper_gets_charts_that_are_made_while_it_is_printed(page: Watched) -> None:
    page.evaluate(f"dispatchEvent(new Event('beforeprint')), draw({{{FOUR}}})")
    assert page.evaluate("document.querySelectorAll('.graph-box > svg.chart path.line').length") == 4
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.evaluate(f"draw({{{FOUR}}})")
    assert page.evaluate("document.querySelectorAll('.graph-box > svg').length") == 0


def test_of_many_lines_only_the_baseline_and_pinned_ones_are_strong(page: Watched) -> None:
    page.evaluate("draw({lines: many(10)}), draw({lines: many(12).map((one, i) => ({...one, pinned: i === 5}))})")
    strong = "charts.map(c => all(c.picture(), 'path.line:not(.thin)', (p) => p.parentNode.getAttribute('class')))"
    few, many = page.evaluate(strong)
    assert len(few) == 10
    assert sorted(many) == ["s0", "s0", "s5"]  # the colours repeat: two of twelve are ink
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.page.emulate_media(media="print")
    widths = "new Set(all(charts[1].root, 'svg.lines path', (p) => getComputedStyle(p).strokeWidth))"
    assert sorted(page.evaluate(f"[...{widths}]")) == ["1.75px", "1px", "2.75px"]


def download(page: Watched, kind: str, tmp_path: Path) -> tuple[str, bytes]:
    """Return the name and the content of the file that a chart is downloaded as."""
    with page.page.expect_download() as waiting:
        page.evaluate(f"reportgen.script('export').then(() => reportgen.exportChart(charts[0], '{kind}'))")
    path = tmp_path / f"chart.{kind}"
    waiting.value.save_as(path)
    return waiting.value.suggested_filename, path.read_bytes()


def text_of(element: ET.Element) -> str:
    """Return what an SVG text shows."""
    return (element.text or "") + "".join((e.text or "") + (e.tail or "") for e in element if e.tag.endswith("tspan"))


def test_a_chart_is_downloaded_as_svg(open_charts: Callable[..., Any], tmp_path: Path) -> None:
    lines = f"{json.dumps(HOSTILE)}.map((label, i) => line({{label, slot: i, x: range(50), y: rise(50, 10 + 12 * i)}}))"
    with open_charts(scheme="dark") as page:
        page.evaluate(f"draw({{title: 'a<b>/acc', said: 'train dashed', lines: {lines}}})")
        name, content = download(page, "svg", tmp_path)
        assert name == "a-b-acc.svg"
        root = ET.fromstring(content)
        texts = [text_of(text) for text in root.iter("{http://www.w3.org/2000/svg}text")]
        assert texts[0] == "a<b>/acc ↑ %, train dashed"
        assert {"0", "epoch", "שלום עולם", "'\"&</text>"} <= set(texts)
        text = content.decode()
        assert 'stroke="rgb(63, 144, 218)"' in text, "light colours"
        assert "class=" not in text
        assert "style=" not in text
        assert "var(" not in text
        assert page.evaluate("document.documentElement.dataset.mode") == "auto"


def test_lines_without_a_name_at_their_end_have_one_in_a_legend_of_the_download(page: Watched, tmp_path: Path) -> None:
    page.evaluate("draw({lines: many(30)})")
    root = ET.fromstring(download(page, "svg", tmp_path)[1])
    texts = {text_of(text) for text in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {f"run-{i}" for i in range(30)} <= texts


def test_a_chart_is_downloaded_as_png(page: Watched, tmp_path: Path) -> None:
    page.evaluate(f"draw({{{FOUR}}})")
    name, content = download(page, "png", tmp_path)
    assert name == "val-acc.png"
    assert content.startswith(b"\x89PNG")
    width, height = (int.from_bytes(content[i : i + 4], "big") for i in (16, 20))
    assert (width, height) == (2 * (500 + 24), 2 * (240 + 32 + 24))
    assert len(content) > 10_000


def test_a_histogram_is_described_and_downloaded_with_all_its_quantiles(page: Watched, tmp_path: Path) -> None:
    page.evaluate(f"draw({{{HISTOGRAM}}})")
    assert page.evaluate("paths(charts[0]).length") == 3
    assert (
        page.page.locator(".graph > p").inner_text().startswith("1 line over epoch. median: 0 to 10, between 0 and 10")
    )
    page.evaluate("document.querySelector('details.values').open = true")
    page.page.locator(".values table").wait_for()
    rows = page.evaluate("Array.from(document.querySelectorAll('.values tbody tr'), r => r.innerText.split('\\t'))")
    assert [row[0] for row in rows] == ["95 %", "75 %", "median", "25 %", "5 %"]
    assert [row[4] for row in rows] == ["13", "10.5", "10", "9", "−1"]
    head, first, *_ = csv.reader(io.StringIO(download(page, "csv", tmp_path)[1].decode()))
    names = [f"val/acc {quantile}" for quantile in ("95 %", "75 %", "median", "25 %", "5 %")]
    assert (head, first) == (["epoch", *names], ["0", "3", "0.5", "0", "-1", "-1"])


def test_the_values_of_a_chart_are_downloaded_as_csv(page: Watched, tmp_path: Path) -> None:
    page.evaluate(
        """draw({lines: [
          line({label: "=cmd", x: range(3), y: range(3), raw: Float64Array.of(1.5, NaN, 1 / 3)}),
          line({label: "seeds", x: range(2, 1, 4), y: range(2), low: range(2, -1), high: range(2, 1)}),
        ]})"""
    )
    name, content = download(page, "csv", tmp_path)
    assert name == "val-acc.csv"
    assert list(csv.reader(io.StringIO(content.decode()))) == [
        ["epoch", "'=cmd", "seeds", "seeds low", "seeds high"],
        ["0", "1.5", "", "", ""],
        ["1", "NaN", "0", "-1", "1"],
        ["2", "0.3333333333333333", "", "", ""],
        ["5", "", "1", "0", "2"],
    ]
    wall = "draw({x: {kind: 'wall', label: 'UTC'}, lines: [line({x: range(1, 1795262400), y: range(1)})]})"
    page.evaluate(f"charts.pop(), {wall}")
    assert download(page, "csv", tmp_path)[1].decode() == "UTC,val/acc\r\n2026-11-21T12:00:00.000Z,0\r\n"

"""Charts that readers explore: what takes the place of the pictures, its controls, and the view in the address."""

from __future__ import annotations

import json
import math
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from reportgen.build import build
from reportgen.formats import short_key
from reportgen.site import urls
from reportgen.site.config import Config, MetricConfig
from reportgen.site.data.encoding import script
from tests.browser import OpenPage, Watched, disk_address
from tests.sitefiles import site_summaries

pytestmark = pytest.mark.browser

START = 1_790_000_000
LONG = 80_000
"""Points of the long series: two tiles."""
SPIKE = 50_000


@dataclass(frozen=True, slots=True)
class Site:
    """A built site and its pages."""

    folder: Path
    runs: Mapping[str, tuple[str, str]]
    """Name -> (short key, site path of the page)."""

    def page(self, run: str) -> str:
        return disk_address(self.folder) + self.runs[run][1]

    def k(self, run: str) -> str:
        return self.runs[run][0]

    @property
    def experiment(self) -> str:
        return disk_address(self.folder) + urls.experiment_page("sweep")

    def copy(self, folder: Path) -> Site:
        shutil.copytree(self.folder, folder)
        return Site(folder, self.runs)


def write_run(
    root: Path,
    name: str,
    metrics: Mapping[str, list[float]],
    params: Mapping[str, Any] | None = None,
    experiment: str = "sweep",
    ended: bool = True,
) -> None:
    """Write the log of one run: all metrics at steps 0, 1, 2 …, a point every 10 s."""
    number = len(list(root.glob("*/*")))
    header = {"format": 1, "run_id": name, "experiment": experiment, "name": name, "rank": 0, "session": "s"}
    start = START + 1000 * number
    lines: list[dict[str, Any]] = [
        {"event": "start", **header, "time": start},
        {"event": "params", "params": params or {}},
    ]
    for metric, values in metrics.items():
        steps = list(range(len(values)))
        times = [start + 10 * step for step in steps]
        lines.append({"event": "points", "metric": metric, "steps": steps, "times": times, "values": values})
    if ended:
        lines.append({"event": "end", "status": "FINISHED", "time": start + 5000})
    folder = root / experiment / name
    folder.mkdir(parents=True)
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "events.jsonl").write_text(text, encoding="utf-8")


def curve(rate: float, n: int = 40) -> list[float]:
    return [math.exp(-step * rate) for step in range(n)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    base = tmp_path_factory.mktemp("curves")
    logs = base / "runs"
    for lr in (0.1, 0.01):
        for seed in range(2):
            metrics = {
                "val/loss": curve(lr + seed / 100),
                "train/loss": curve(2 * lr),
                "epoch": [i // 10 for i in range(40)],
            }
            write_run(logs, f"lr {lr} seed {seed}", metrics, {"lr": lr, "seed": seed})
    many = {f"{'grad' if i % 2 else 'weights'}/layer{i}": [float(i), 1.0, 2.0] for i in range(70)}
    write_run(logs, "many", {"loss": curve(0.1), **many}, experiment="many")
    noise = np.random.default_rng(0).normal(0, 0.02, LONG)
    noise[SPIKE] = 9
    spread = {
        f"w/q{percent:02}": [step / 9 + percent / 100 + noise[step] / 10 for step in range(9000)]
        for percent in (5, 25, 50, 75, 95)
    }
    write_run(
        logs, "net", {"loss": curve(0.1), **{f"layer/{n}": v[:30] for n, v in spread.items()}, **spread}, {}, "net"
    )
    write_run(logs, "long", {"train/loss": noise.tolist(), "val/loss": curve(0.1)}, experiment="long")
    config = Config(metrics={"val/loss": MetricConfig(direction="min", unit="nats")})
    build([logs], base / "site", config=config, use_cache=False)
    summaries = site_summaries(base / "site")
    pages = {s.name: (short_key(s.key), urls.run_page(s.key, s.name)) for s in summaries}
    head = (base / "site" / pages["many"][1]).read_text(encoding="utf-8").partition("</head>")[0]
    blank = re.sub("<script[^>]* data-id=[^>]*></script>", "", head) + "</head><body><main></main></body></html>"
    (base / "site/r/blank.html").write_text(blank, encoding="utf-8")
    return Site(base / "site", pages)


@pytest.fixture
def watched(open_page: OpenPage, site: Site) -> Iterator[Watched]:
    """Return a wide page that has nothing to complain about in the end."""
    with open_page(disk_address(site.folder), width=1440) as watched:
        yield watched
        assert watched.messages == []
        assert watched.outside == []


def charts(watched: Watched, count: int) -> None:
    """Wait until `count` charts are drawn."""
    expect(watched.page.locator("figure.live .graph")).to_have_count(count)


def view(watched: Watched) -> str:
    """Return the view in the address, into which it is written after a while."""
    return str(watched.evaluate("location.hash.split('?')[1] || ''"))


# ---- the place of pictures


def heights(watched: Watched) -> list[float]:
    figures = watched.page.locator("figure[data-curves]")
    found: list[float] = figures.evaluate_all("(all) => all.map((f) => Math.round(f.getBoundingClientRect().height))")
    return found


@pytest.mark.parametrize("kind", ["run", "experiment"])
def test_charts_take_the_place_of_pictures_and_nothing_moves(
    site: Site, open_page: OpenPage, watched: Watched, kind: str
) -> None:
    address = site.experiment if kind == "experiment" else site.page("lr 0.1 seed 0")
    with open_page(disk_address(site.folder), width=1440, javascript=False) as plain:
        plain.open(address)
        before = heights(plain)
    watched.open(address)
    watched.page.locator("#metrics").scroll_into_view_if_needed()
    charts(watched, len(before))
    assert len(before) > 1
    assert heights(watched) == before
    assert not watched.page.locator("figure .picture").first.is_visible()


def test_paper_gets_the_picture_or_the_view_that_was_changed(site: Site, watched: Watched) -> None:
    watched.open(site.page("lr 0.1 seed 0"))
    charts(watched, 2)
    watched.page.emulate_media(media="print")
    assert watched.page.locator("figure .picture").first.is_visible()
    assert not watched.page.locator("figure .plot").first.is_visible()
    watched.page.emulate_media(media="screen")
    watched.page.get_by_role("button", name="log").click()
    watched.page.emulate_media(media="print")
    assert not watched.page.locator("figure .picture").first.is_visible()
    assert watched.page.locator("figure .plot").first.is_visible()


@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_without_data_the_pictures_stay_and_the_page_says_why(
    site: Site, tmp_path: Path, open_page: OpenPage, damage: str
) -> None:
    copy = site.copy(tmp_path / "site")
    file = copy.folder / f"data/series/{copy.k('lr 0.1 seed 0')}.js"
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:300])
    with open_page(disk_address(copy.folder), width=1440) as page:
        page.open(copy.page("lr 0.1 seed 0"))
        note = page.page.locator("section .note.bad").filter(has_text="cannot be drawn")
        expect(note).to_contain_text("The pictures are those of the build.")
        assert page.page.locator("figure .chart").first.is_visible()
        page.open(copy.experiment)
        page.page.locator("#metrics").scroll_into_view_if_needed()
        expect(page.page.locator("section .note.bad")).to_contain_text("The others are.")
        expect(page.page.locator("figure.live .graph")).to_have_count(3)


def test_only_what_is_in_view_is_drawn(site: Site, watched: Watched) -> None:
    watched.open(site.page("many"))
    charts_now = watched.page.locator("figure.live .graph")
    expect(charts_now.first).to_be_visible()
    watched.page.wait_for_timeout(200)  # in which others could come
    assert 0 < charts_now.count() < 30
    assert watched.page.locator("figure").count() == 60


# ---- histograms


def test_a_histogram_is_one_chart_with_its_quantiles(site: Site, watched: Watched) -> None:
    page = watched.page
    watched.open(site.page("net"))
    charts(watched, 3)
    short = page.locator("figure", has=page.locator("b", has_text="layer/w"))
    said = short.locator("figcaption").inner_text().replace("\u2060", "").replace("\xa0", " ")
    assert "median, 5–95 % and 25–75 %" in said
    short.scroll_into_view_if_needed()
    box = short.locator(".area").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + box["height"] / 2)
    names = short.locator(".readout:not([hidden]) a").all_inner_texts()
    assert names == ["95 %", "75 %", "median", "25 %", "5 %"]
    values = [float(text) for text in short.locator(".readout:not([hidden]) b").all_inner_texts()]
    assert values == sorted(values, reverse=True)
    assert values[0] - values[-1] == pytest.approx(0.9, abs=0.01)
    page.get_by_label("Smoothing, as a number").fill("0.9")
    page.get_by_label("Smoothing, as a number").press("Enter")
    expect(page.get_by_label("Smoothing, as a number")).to_have_value("0.9")
    assert "smoothed" not in short.locator("figcaption").inner_text()
    assert page.get_by_label("x axis").locator("option").all_inner_texts()[3:] == ["loss", "layer/w/q50", "w/q50"]
    assert page.locator(".curves-rest").is_hidden()


def test_a_long_histogram_shows_every_quantile_when_looked_at_closely(site: Site, watched: Watched) -> None:
    page = watched.page
    watched.open(site.page("net") + "#metrics?zoom=4000..4010")
    long = page.locator("figure", has=page.locator("b", has_text=re.compile("^w$")))
    expect(long.locator("figcaption")).to_contain_text("exact points")
    box = long.locator(".area").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(long.locator(".readout p").first).to_contain_text("4 005".replace(" ", "\u202f"))
    values = [float(text.replace("\u202f", "")) for text in long.locator(".readout:not([hidden]) b").all_inner_texts()]
    noise = np.random.default_rng(0).normal(0, 0.02, LONG)[4005]
    assert values == pytest.approx([4005 / 9 + q + noise / 10 for q in (0.95, 0.75, 0.5, 0.25, 0.05)], abs=0.01)


# ---- finding metrics


def test_search_finds_metrics_beyond_those_of_the_page(site: Site, watched: Watched) -> None:
    page = watched.page
    watched.open(site.page("many"))
    page.get_by_label("Find a metric").fill("grad LAYER69")
    expect(page.locator("figure:visible")).to_have_count(1)
    expect(page.locator("figure:visible figcaption b")).to_have_text("grad/layer69")
    expect(page.locator(".found")).to_have_text("1 of 71")
    expect(page.locator("figure:visible .graph")).to_have_count(1)
    watched.settles(lambda: view(watched), "find=grad+LAYER69")
    page.get_by_label("Find a metric").fill("nothing")
    expect(page.locator("figure:visible")).to_have_count(0)
    expect(page.locator(".found")).to_have_text("no metric matches")
    page.get_by_label("Find a metric").fill("")
    expect(page.locator("figure:visible")).to_have_count(60)
    watched.settles(lambda: view(watched), "")


def test_parts_fold_and_a_link_keeps_them_so(site: Site, watched: Watched) -> None:
    page = watched.page
    watched.open(site.page("many"))
    charts_of_part = page.locator("details[data-part=grad] figure:visible")
    count = charts_of_part.count()
    assert count > 20
    page.locator("summary", has_text="grad").click()
    expect(charts_of_part).to_have_count(0)
    page.locator("summary", has_text="All other metrics").click()
    expect(page.locator("details[data-part=all] figure:visible").first).to_be_visible()
    watched.settles(lambda: view(watched), "open=-grad,all")
    page.reload()
    expect(page.locator("details[data-part=all] figure:visible").first).to_be_visible()
    expect(charts_of_part).to_have_count(0)


# ---- the view


def test_a_link_gives_the_view_and_controls_say_it(site: Site, watched: Watched) -> None:
    page = watched.page
    watched.open(site.page("lr 0.1 seed 0") + "#metrics?x=time&smooth=0.65&ylog=1&xlog=1&clip=1&yr=..2&zoom=50..200")
    charts(watched, 2)
    assert page.get_by_label("Smoothing", exact=True).input_value() == "0.65"
    assert page.get_by_label("x axis").input_value() == "time"
    page.get_by_role("button", name="More", exact=True).click()
    pressed = page.locator(".segments [aria-pressed=true]").all_inner_texts()
    assert pressed == ["log", "log", "clipped"]
    assert page.get_by_label("y to").input_value() == "2"
    assert "over since start" in page.locator("figure .graph > p").first.inner_text()
    assert "smoothed, as logged behind" in page.locator("figcaption").first.inner_text()
    watched.evaluate("location.hash = '#metrics?smooth=0.3'")
    expect(page.get_by_label("Smoothing", exact=True)).to_have_value("0.3")
    assert page.get_by_label("x axis").input_value() == ""


@pytest.mark.parametrize("state", ["hide=line:", "x=m:nothing", "zoom=1000..2000"])
def test_a_link_to_a_view_without_lines_shows_that_view(site: Site, watched: Watched, state: str) -> None:
    watched.open(site.page("lr 0.1 seed 0") + f"#metrics?{state}")
    charts(watched, 2)
    assert not watched.page.locator("figure .picture").first.is_visible()
    watched.page.get_by_role("button", name="Reset").click()
    expect(watched.page.locator("figure.live .graph path").first).to_be_attached()


def test_controls_write_the_view_and_reset_clears_it(site: Site, watched: Watched) -> None:
    page = watched.page
    watched.open(site.page("lr 0.1 seed 0"))
    charts(watched, 2)
    reset = page.get_by_role("button", name="Reset")
    assert not reset.is_visible()
    page.get_by_label("Smoothing, as a number").fill("0.999")
    page.keyboard.press("Tab")
    page.get_by_label("x axis").select_option("epoch")
    page.get_by_role("button", name="log").click()
    watched.settles(lambda: view(watched), "smooth=0.999&x=m:epoch&ylog=1")
    expect(page.locator("figure .graph text", has_text="epoch").first).to_be_visible()
    reset.click()
    watched.settles(lambda: view(watched), "")
    assert not reset.is_visible()


def test_a_link_within_the_page_keeps_the_view(site: Site, watched: Watched) -> None:
    watched.open(site.page("lr 0.1 seed 0") + "#metrics?smooth=0.5")
    charts(watched, 2)
    watched.evaluate("location.hash = '#summary'")
    expect(watched.page.get_by_label("Smoothing", exact=True)).to_have_value("0.5")
    watched.settles(lambda: watched.evaluate("location.hash"), "#summary?smooth=0.5")


def test_dragging_in_one_chart_zooms_all_and_hovering_points_in_all(site: Site, watched: Watched) -> None:
    page = watched.page
    watched.open(site.experiment)
    page.locator("#metrics").scroll_into_view_if_needed()
    charts(watched, 3)
    area = page.locator("figure .area").first
    width = area.bounding_box()["width"]  # type: ignore[index]
    area.hover(position={"x": width * 0.25, "y": 50})
    page.mouse.down()
    area.hover(position={"x": width * 0.5, "y": 50})
    area.hover(position={"x": width * 0.75, "y": 50})
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"\?zoom="))
    low, high = map(float, view(watched).removeprefix("zoom=").split(".."))
    assert low == pytest.approx(39 * 0.25, abs=1.5)
    assert high == pytest.approx(39 * 0.75, abs=1.5)
    area.hover(position={"x": width * 0.5, "y": 60})
    expect(page.locator("figure .graph.pointed")).to_have_count(3)


# ---- runs and groups


def test_keys_hide_show_alone_and_pin(site: Site, watched: Watched) -> None:
    page = watched.page
    watched.open(site.experiment + "#metrics?by=none")
    keys = page.locator(".curves-keys li")
    expect(keys).to_have_count(4)
    names = keys.locator("bdi").all_inner_texts()
    assert sorted(names) == [f"lr {lr} seed {seed}" for lr in (0.01, 0.1) for seed in (0, 1)]
    keys.nth(0).locator("button").nth(0).click()
    first, second = site.k(names[0]), site.k(names[1])
    watched.settles(lambda: view(watched), f"by=none&hide={first}")
    expect(keys.nth(0).locator("button").nth(0)).to_have_attribute("aria-pressed", "false")
    keys.nth(1).locator("button").nth(0).click(modifiers=["Alt"])
    watched.settles(lambda: view(watched), f"by=none&hide=!{second}")
    expect(page.locator(".curves-keys button[aria-pressed=true]")).to_have_count(1)
    page.get_by_role("button", name=f"Only {names[1]}").click()
    watched.settles(lambda: view(watched), "by=none")
    page.get_by_role("button", name=f"Pin {names[1]}").focus()
    page.keyboard.press("Enter")
    watched.settles(lambda: view(watched), f"by=none&pin={second}")
    expect(page.get_by_role("button", name=f"Pin {names[1]}")).to_have_attribute("aria-pressed", "true")


def test_runs_that_are_chosen_in_the_table_are_drawn_instead(site: Site, watched: Watched) -> None:
    page = watched.page
    watched.open(site.experiment)
    page.locator("#metrics").scroll_into_view_if_needed()
    keys = page.locator(".curves-keys bdi")
    expect(keys).to_have_count(2)
    assert keys.all_inner_texts() == ["lr 0.01", "lr 0.1"] or keys.all_inner_texts() == ["lr 0.1", "lr 0.01"]
    chosen = "new CustomEvent('reportgen:selection', {detail: {runs: %s}})"
    choose = f"document.querySelector('[data-page]').dispatchEvent({chosen})"
    watched.evaluate(choose % "[0, 1, 2]")
    expect(keys).to_have_text(["lr 0.01 seed 1", "lr 0.01 seed 0", "lr 0.1 seed 1"])
    expect(page.locator("section[data-curves] .aside")).to_have_text("3 runs")
    watched.evaluate(choose % "[]")
    expect(keys).to_have_count(2)


# ---- what is drawn, in numbers

FAKES = """(() => {
  const specs = {};
  const host = document.createElement("section");
  document.querySelector("main").prepend(host);
  const column = (values) => Float64Array.from(values, Number);
  reportgen.chart = (root, spec) => {
    specs[spec.id] = spec;
    return { root, spec, update: (next) => { specs[spec.id] = next; }, hover() {}, destroy() {} };
  };
  reportgen.run = async (k) => {
    const run = fakes[k];
    const series = (metric) => run.metrics[metric] && {
      metric, steps: column(run.steps), times: column(run.steps.map((s) => 1000 + 10 * s + run.offset)),
      values: column(run.metrics[metric]), low: null, high: null, exact: true, n: run.steps.length, ranks: 1,
    };
    const metrics = Object.keys(run.metrics);
    const known = metrics.map((name) => [name, { unit: "", direction: null }]);
    const facts = { start: 1000 + run.offset, status: run.status, metrics: Object.fromEntries(known) };
    return { k, facts, metrics, series: async (metric) => series(metric) || null, exact: async () => null };
  };
  const lines = made.lines || [{ metric: "loss", label: "", dashed: false }];
  const setting = {
    runs: Object.entries(fakes).map(([k, { name, config, values }], i) => (
      { k, name, slot: i + (made.first_slot || 1), page: "", config, config_slot: 7, values }
    )),
    charts: [
      { title: "loss", unit: "", direction: "min", said: "", lines },
    ],
    group: "", smooth: 0,
  };
  reportgen.curves(host, setting);
  window.specs = specs;
  const word = (v) => (Number.isFinite(v) ? v : String(v));
  const plain = (value) => (ArrayBuffer.isView(value) ? Array.from(value, word) : value);
  const plainLine = (line) => Object.fromEntries(Object.entries(line).map(([key, v]) => [key, plain(v)]));
  window.drawn = () => specs.loss.lines.map(plainLine);
})()"""


def draw(watched: Watched, site: Site, runs: Mapping[str, Any], state: str, **made: Any) -> list[dict[str, Any]]:
    """Return the lines that are drawn of made-up runs in the view `state`; `made` are `lines` and `first_slot`."""
    watched.open(f"{disk_address(site.folder)}r/blank.html#?{state}")
    watched.evaluate(f"fakes = {json.dumps(runs)}; made = {json.dumps(made)}; {FAKES}")
    wait = "const wait = () => (window.specs.loss ? done() : setTimeout(wait, 10)); wait();"
    watched.evaluate(f"new Promise((done) => {{ {wait} }})")
    watched.page.wait_for_timeout(50)
    lines: list[dict[str, Any]] = watched.evaluate("window.drawn()")
    return lines


def fake(values: list[Any], lr: float | None = None, **changes: Any) -> dict[str, Any]:
    params = {} if lr is None else {"param:lr": lr}
    about = {"name": f"run {lr}", "config": "", "values": params, "offset": 0, "status": "finished"}
    return {**about, "steps": list(range(len(values))), "metrics": {"loss": values}, **changes}


def test_lines_are_runs_with_the_values_as_logged(watched: Watched, site: Site) -> None:
    runs = {"a": fake([1, 2, "NaN", 4], name="A"), "b": fake([3, "NaN", "NaN"], name="B", status="unfinished")}
    first, second = draw(watched, site, runs, "")
    assert (first["label"], first["slot"], first["x"], first["y"]) == ("A", 1, [0, 1, 2, 3], [1, 2, "NaN", 4])
    assert (first["raw"], first["low"], first["nan_from"], first["running"]) == (None, None, None, False)
    assert (second["nan_from"], second["running"]) == (1, True)


def test_dashes_tell_splits_of_one_run_apart_and_runs_of_many(watched: Watched, site: Site) -> None:
    splits = [{"metric": "loss", "label": "val", "dashed": False}, {"metric": "loss", "label": "train", "dashed": True}]
    many = {f"r{i}": fake([1, 2], name=str(i)) for i in range(7)}
    one = {"r6": many["r6"]}
    assert [line["dashed"] for line in draw(watched, site, many, "")] == [False] * 6 + [True]
    assert [line["dashed"] for line in draw(watched, site, one, "", first_slot=7)] == [True]
    assert [line["dashed"] for line in draw(watched, site, one, "", first_slot=7, lines=splits)] == [False, True]


def test_smoothing_is_debiased_and_keeps_the_raw_line(watched: Watched, site: Site) -> None:
    values = [1.0, 3.0, 2.0, 8.0]
    (line,) = draw(watched, site, {"a": fake(values)}, "smooth=0.6")
    last, expected = 0.0, []
    for n, value in enumerate(values, 1):
        last = 0.6 * last + 0.4 * value
        expected.append(last / (1 - 0.6**n))
    assert line["y"] == pytest.approx(expected)
    assert line["raw"] == values


@pytest.mark.parametrize(
    ("state", "expected"),
    [("x=time", [0, 10, 20]), ("x=wall", [1005, 1015, 1025]), ("x=m:epoch", [0, 0.5, 1])],
)
def test_x_is_what_the_reader_chose(watched: Watched, site: Site, state: str, expected: list[float]) -> None:
    run = fake([1, 2, 3], offset=5)
    run["metrics"]["epoch"] = [0, "NaN", 1]
    (line,) = draw(watched, site, {"a": run}, state)
    assert line["x"] == pytest.approx(expected)


def test_lines_ascend_in_a_metric_that_goes_back(watched: Watched, site: Site) -> None:
    run = fake([1, 2, 3])
    run["metrics"]["epoch"] = [2, 0, 1]
    (line,) = draw(watched, site, {"a": run}, "x=m:epoch")
    assert (line["x"], line["y"]) == ([0, 1, 2], [2, 3, 1])


@pytest.mark.parametrize("band", ["", "std", "sem", "ci"])
def test_groups_are_means_with_the_band_that_was_chosen(watched: Watched, site: Site, band: str) -> None:
    values = np.array([[1.0, 2, 4], [3, 2, 0], [5, 8, 5]])
    runs = {f"r{i}": fake(row.tolist(), 0.1) for i, row in enumerate(values)} | {"other": fake([7, 7, 7], 0.01)}
    alone, group = draw(watched, site, runs, f"by=param:lr&band={band}")
    assert (alone["label"], alone["slot"], alone["low"]) == ("lr 0.01", 1, None)
    assert (group["label"], group["slot"], group["y"]) == ("lr 0.1", 2, pytest.approx(values.mean(0)))
    deviation = values.std(0, ddof=1)
    half = {"std": deviation, "sem": deviation / math.sqrt(3), "ci": 4.3027 * deviation / math.sqrt(3)}.get(band)
    low, high = (values.min(0), values.max(0)) if half is None else (values.mean(0) - half, values.mean(0) + half)
    assert group["low"] == pytest.approx(low, rel=1e-4)
    assert group["high"] == pytest.approx(high, rel=1e-4)


def test_configurations_have_their_colour_and_runs_without_the_param_a_group(watched: Watched, site: Site) -> None:
    runs = {"a": fake([1, 2], config="base"), "b": fake([1, 2], config="base")}
    (line,) = draw(watched, site, runs, "by=config")
    assert (line["label"], line["slot"]) == ("", 7)
    first, second = draw(watched, site, {"a": fake([1, 2], 0.1), "b": fake([1, 2])}, "by=param:lr")
    assert [first["label"], second["label"]] == ["lr 0.1", "lr not logged"]


def test_no_more_than_200_runs_are_drawn_at_once(watched: Watched, site: Site) -> None:
    lines = draw(watched, site, {f"r{i}": fake([1, 2], name=f"{i}") for i in range(203)}, "")
    assert len(lines) == 200
    expect(watched.page.locator(".note", has_text="200 of 203 runs are drawn")).to_be_visible()


# ---- exact points


def test_looking_closer_loads_every_point(site: Site, watched: Watched) -> None:
    page = watched.page
    watched.open(site.page("long"))
    charts(watched, 1)
    said = page.locator("figcaption [data-said]").first
    expect(said).to_contain_text("envelope of 80 000 points".replace(" 000", "\u202f000"))
    watched.open(site.page("long") + f"#metrics?smooth=0&zoom={SPIKE - 200}..{SPIKE + 200}")
    expect(said).to_contain_text("exact points")
    rows = page.locator("figure .values table")
    page.locator("figure .values summary").first.focus()
    page.keyboard.press("Enter")
    train = rows.first.locator("tr", has_text="train")
    expect(train.locator("td").nth(2)).to_have_text("9")
    assert 400 < int(train.locator("td").nth(4).inner_text()) < 500


@pytest.mark.parametrize("dropped", [True, False])
def test_missing_exact_points_are_told_and_the_envelope_stays(
    site: Site, tmp_path: Path, open_page: OpenPage, dropped: bool
) -> None:
    copy = site.copy(tmp_path / "site")
    shutil.rmtree(copy.folder / f"data/tiles/{copy.k('long')}")
    if dropped:
        index = copy.folder / "data/index.js"
        text = index.read_text(encoding="utf-8")
        payload = json.loads(text[text.index(",") + 1 : text.rindex(")")])
        payload |= {"dropped": [copy.k("long")], "max_site_mb": 5}
        index.write_bytes(script("index", payload))
    with open_page(disk_address(copy.folder), width=1440) as page:
        page.open(copy.page("long") + "#metrics?zoom=100..900")
        note = page.page.locator("section .note", has_text="Exact points cannot be drawn")
        expect(note).to_contain_text("max_site_mb" if dropped else "building the site again")
        expect(page.page.locator("figcaption").first).to_contain_text("envelope")


# ---- one chart


def test_a_chart_fills_the_screen_by_its_menu_and_by_a_link(site: Site, watched: Watched) -> None:
    page = watched.page
    watched.open(site.page("lr 0.1 seed 0"))
    charts(watched, 2)
    menu = page.get_by_role("button", name="More for loss")
    menu.focus()
    page.keyboard.press("Enter")
    page.locator(".curves-menu button").first.wait_for()
    assert page.locator(".curves-menu button").all_inner_texts() == [
        "Full screen", "Download PNG", "Download SVG", "Download CSV", "Copy link",
    ]  # fmt: skip
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="loss")
    expect(dialog.locator(".graph")).to_be_visible()
    box = dialog.locator(".graph").bounding_box()
    assert box is not None and box["height"] > 500
    watched.settles(lambda: view(watched), "full=val/loss")
    dialog.get_by_role("button", name="log").click()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    watched.settles(lambda: view(watched), "ylog=1")
    expect(page.locator(".head .curves-tools")).to_be_visible()
    page.reload()
    watched.open(site.page("lr 0.1 seed 0") + "#metrics?full=val/loss&hide=line:train")
    expect(dialog.locator(".graph")).to_be_visible()
    expect(dialog.locator(".graph text", has_text="train")).to_have_count(0)


def test_a_chart_is_downloaded(site: Site, watched: Watched) -> None:
    page = watched.page
    watched.open(site.page("lr 0.1 seed 0"))
    charts(watched, 2)
    page.get_by_role("button", name="More for loss").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").click()
    text = Path(download.value.path()).read_text(encoding="utf-8")
    assert text.count("\n") > 40


# ---- for everyone


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_charts_and_controls_are_accessible(site: Site, open_page: OpenPage, scheme: Any) -> None:
    with open_page(disk_address(site.folder), width=1440, scheme=scheme) as page:
        page.open(site.experiment)
        page.page.locator("#metrics").scroll_into_view_if_needed()
        charts(page, 3)
        page.page.get_by_role("button", name="More", exact=True).click()
        page.evaluate("document.querySelectorAll('section:not([data-curves])').forEach((other) => other.remove())")
        assert page.accessibility_faults() == []
        page.open(site.page("many") + "#metrics?find=layer6")
        expect(page.page.locator("figure:visible .graph").first).to_be_visible()
        page.page.get_by_role("button", name="More", exact=True).click()
        assert page.accessibility_faults() == []
        assert page.messages == []


def test_a_phone_has_room_for_the_controls(site: Site, open_page: OpenPage) -> None:
    with open_page(disk_address(site.folder), width=390) as page:
        for address in (site.page("many"), site.experiment):
            page.open(address + "#metrics?by=none")
            page.page.locator("#metrics").scroll_into_view_if_needed()
            expect(page.page.locator("figure.live .graph").first).to_be_visible()
            page.page.get_by_role("button", name="More", exact=True).click()
            expect(page.page.locator(".curves-panel")).to_be_visible()
            assert page.evaluate("document.documentElement.scrollWidth") == 390
        assert page.messages == []


def test_a_run_that_trains_is_drawn_again_in_the_same_view(site: Site, tmp_path: Path, open_page: OpenPage) -> None:
    copy = site.copy(tmp_path / "site")
    name = "lr 0.1 seed 0"
    with open_page(disk_address(copy.folder), width=1440) as page:
        page.open(copy.page(name) + "#metrics?zoom=10..30&smooth=0.5")
        charts(page, 2)
        other = copy.folder / f"data/series/{copy.k('lr 0.01 seed 1')}.js"
        text = other.read_text(encoding="utf-8").replace(copy.k("lr 0.01 seed 1"), copy.k(name))
        (copy.folder / f"data/series/{copy.k(name)}.js").write_text(text, encoding="utf-8")
        words = page.page.locator("figure .graph > p").first
        before = words.inner_text()
        detail = json.dumps({"data": [f"series/{copy.k(name)}"]})
        page.evaluate(f"document.dispatchEvent(new CustomEvent('reportgen:refresh', {{detail: {detail}}}))")
        expect(words).not_to_have_text(before)
        assert page.evaluate("location.hash") == "#metrics?zoom=10..30&smooth=0.5"
        assert page.messages == []

"""Runs against all runs: dimensions, parallel coordinates and the plots below them, in a real browser."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reportgen.site.data import gzip_bytes
from reportgen.site.theme import themes_folder
from tests.browser import OpenPage, Watched, disk_address

pytestmark = pytest.mark.browser

STATIC = themes_folder() / "default" / "static"
SCRIPTS = (
    *("reportgen.js", "math.js", "vendor/d3.min.js", "vendor/plot.umd.min.js"),
    *("dimensions.js", "parallel.js", "plots.js", "against.js", "start.js"),
)
STYLES = ("theme.css", "layout.css", "tables.css", "against.css")
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:"
START = """
reportgen.page("test", async (root) => {
  const { tables: keys, runs } = JSON.parse(root.dataset.setting);
  const tables = await Promise.all(keys.map(reportgen.table));
  window.section = reportgen.against(root.querySelector("div"), { tables, runs });
});
"""
Column = Sequence[Any]


def make_table(k: str, params: dict[str, Column], metrics: dict[str, Column], **more: Any) -> dict[str, Any]:
    """Return an `ExperimentTable`; a value `...` of a column means that the run has none."""
    n = len(next(iter((params or metrics).values())))

    def column(name: str, values: Column) -> dict[str, Any]:
        runs = [i for i, value in enumerate(values) if value is not ...]
        return {"name": name, "runs": None if len(runs) == n else runs, "values": [values[i] for i in runs]}

    def metric(name: str, values: Column) -> dict[str, Any]:
        direction = "min" if "loss" in name else "max" if "acc" in name else None
        known = {"title": name, "unit": "%" if "acc" in name else "", "direction": direction, "summary": "last"}
        return {**column(name, values), **known, "steps": None, "spread": None, "decimals": 3}

    status = more.get("status", ["finished"] * n)
    runs = {
        "k": [f"{k}{i:06d}" for i in range(n)],
        "id": [f"id{i}" for i in range(n)],
        "name": more.get("names", [f"run-{i}" for i in range(n)]),
        "page": [f"r/run-{i}.html" for i in range(n)],
        "status": status,
        "error": [""] * n,
        "start": [1.79e9 + 3600 * i for i in range(n)],
        "last": [1.79e9 + 3600 * i + 600 for i in range(n)],
        "duration": [600.0 + i for i in range(n)],
        "group_of": list(range(n)),
    }
    return {
        "format": 1,
        "k": k,
        "name": k,
        "title": f"Sweep {k}",
        "page": f"e/{k}.html",
        "n": n,
        "runs": runs,
        "params": [
            {**column(p, v), "varying": len(set(map(str, v))) > 1, "seed": p == "seed"} for p, v in params.items()
        ],
        "metrics": [metric(m, v) for m, v in metrics.items()],
        "tags": [],
        "headline": list(metrics)[:2],
        "leading": next(iter(metrics), None),
        "spark": None,
        "groups": {"label": [""] * n, "slot": [0] * n},
        "selection": list(range(min(n, 10))),
    }


def make_sweep(n: int, k: str = "sweep") -> dict[str, Any]:
    """Return a sweep in which the accuracy depends on the learning rate most; every ninth run failed early."""
    rng = np.random.default_rng(7)
    lr = 10.0 ** rng.choice([-4, -3.5, -3, -2.5, -2, -1], n)
    width = rng.choice([32, 64, 128, 256], n)
    optimizer = rng.choice(["adamw", "lion", "sgd"], n)
    dropout = rng.choice([0.0, 0.1, 0.2], n)
    accuracy = 0.9 - 0.06 * np.abs(np.log10(lr) + 2.7) + 0.00015 * width - 0.03 * (optimizer == "sgd")
    accuracy += rng.normal(0, 0.01, n)
    failed = np.arange(n) % 9 == 5
    params = {
        "optimizer": optimizer.tolist(),
        "lr": [float(f"{v:.3g}") for v in lr],
        "width": width.tolist(),
        "dropout": [... if i % 7 == 3 else v for i, v in enumerate(dropout.tolist())],
        "augment": [bool(v) for v in rng.integers(0, 2, n)],
        "depth": [None if i % 5 == 0 else int(v) for i, v in enumerate(rng.choice([4, 8], n))],
        "batch_size": [64] * n,
        "seed": list(range(n)),
    }
    metrics = {
        "val/acc": [... if f else float(v) for f, v in zip(failed, accuracy, strict=True)],
        "val/loss": ["NaN" if f else float(2.3 - 2 * v) for f, v in zip(failed, accuracy, strict=True)],
        "throughput": (4000 + 100 * rng.normal(size=n)).tolist(),
    }
    return make_table(k, params, metrics, status=["failed" if f else "finished" for f in failed])


def write_page(folder: Path, tables: Sequence[dict[str, Any]], compared: Sequence[tuple[str, int]]) -> None:
    """Write a page that shows `tables` with the `compared` runs (key, slot) in colour."""
    (folder / "data" / "tables").mkdir(parents=True)
    (folder / "vendor").mkdir()
    for name in {*SCRIPTS, *STYLES} - {"start.js"}:
        (folder / name).write_bytes((STATIC / name).read_bytes())
    (folder / "start.js").write_text(START)
    for table in tables:
        packed = base64.b64encode(gzip_bytes(json.dumps(table).encode())).decode()
        (folder / f"data/tables/{table['k']}.js").write_text(f'reportgen.data("tables/{table["k"]}","{packed}");')
    names = {k: name for t in tables for k, name in zip(t["runs"]["k"], t["runs"]["name"], strict=True)}
    runs = [{"k": k, "name": names.get(k, k), "slot": slot} for k, slot in compared]
    setting = json.dumps({"tables": [t["k"] for t in tables], "runs": runs}).replace('"', "&quot;")
    styles = "".join(f'<link rel="stylesheet" href="{name}">' for name in STYLES)
    scripts = "".join(f'<script src="{name}" defer></script>' for name in SCRIPTS)
    (folder / "page.html").write_text(
        '<!DOCTYPE html><html lang="en" data-root=""><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f'<meta name="viewport" content="width=device-width"><title>Against</title>{styles}{scripts}</head>'
        f'<body><div class="page"><main data-page="test" data-setting="{setting}"><h1>Compare</h1>'
        '<section aria-labelledby="a"><h2 id="a">Against all runs</h2><div></div></section></main></div></body></html>'
    )


Show = Callable[..., AbstractContextManager[Watched]]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the pages of this module: name -> folder."""
    few = make_table(
        "few",
        {"lr": [0.1, 0.2, 0.3], "name": ["<b>&amp;</b>", "שלום 😀", "x" * 250]},
        {"loss": [1.0, "Infinity", ...]},
        names=["<i>one</i>", "two'\"", "y" * 250],
    )
    pages: dict[str, tuple[list[dict[str, Any]], list[tuple[str, int]]]] = {
        "sweep": ([make_sweep(60)], [("sweep000000", 0), ("sweep000007", 1), ("sweep000005", 8)]),
        "many": ([make_sweep(3600)], [("sweep000000", 2)]),
        "two": ([make_sweep(30, "one"), make_sweep(24, "two")], [("one000000", 1), ("two000002", 2)]),
        "few": ([few], [("few000000", 1), ("gone", 2)]),
        "alike": ([make_table("alike", {"lr": [1, 1], "seed": [1, 2]}, {})], []),
        "params": ([make_table("params", {"lr": [1, 2, 3], "width": [1, 4, 2]}, {})], []),
        "astray": ([make_table("astray", {"lr": [1, 2, 3, 4, 5, 6]}, {"loss": [0.1, 0.2, 0.3, 0.2, 0.4, 5e6]})], []),
    }
    folders = {}
    for name, (tables, compared) in pages.items():
        folders[name] = tmp_path_factory.mktemp(name)
        write_page(folders[name], tables, compared)
    return folders


@pytest.fixture
def show(folders: dict[str, Path], open_page: OpenPage) -> Show:
    """Return a function that opens a page with a view and waits until it is drawn; it must have said nothing."""

    @contextmanager
    def show(name: str = "sweep", view: str = "", **how: Any) -> Iterator[Watched]:
        address = disk_address(folders[name])
        with open_page(address, **how) as watched:
            watched.open(f"{address}page.html{view and '#?' + view}")
            watched.page.wait_for_selector(".against-readout, .lacking", state="attached")
            yield watched
            assert watched.messages == []
            assert watched.outside == []

    return show


def axis(watched: Watched, name: str) -> dict[str, float]:
    """Return the box of the line of an axis."""
    box = watched.page.locator(f'[data-id="{name}"] .line').bounding_box()
    assert box
    return dict(box)


def brush(watched: Watched, name: str, low: float, high: float) -> None:
    """Drag over the part of an axis between two heights, 0 … 1."""
    box = axis(watched, name)
    mouse = watched.page.mouse
    mouse.move(box["x"], box["y"] + box["height"] * (1 - low))
    mouse.down()
    mouse.move(box["x"], box["y"] + box["height"] * (1 - (low + high) / 2))
    mouse.move(box["x"], box["y"] + box["height"] * (1 - high))
    mouse.up()


def view_of(watched: Watched) -> dict[str, str]:
    """Return the view in the address."""
    view: dict[str, str] = watched.evaluate(
        "Object.fromEntries(new URLSearchParams(location.hash.replace(/^#[^?]*\\??/, '')))"
    )
    return view


def axes_of(watched: Watched) -> list[str]:
    """Return the ids of the axes from left to right."""
    axes: list[str] = watched.evaluate("[...document.querySelectorAll('.axis')].map((a) => a.dataset.id)")
    return axes


def said(watched: Watched, selector: str) -> str:
    """Return the text of an element with plain spaces."""
    return watched.page.locator(selector).first.inner_text().replace("\u202f", "").strip()


def texts_of(watched: Watched, selector: str) -> list[str]:
    """Return the text of each element."""
    found = f"document.querySelectorAll({json.dumps(selector)})"
    texts: list[str] = watched.evaluate(f"[...{found}].map((element) => element.textContent)")
    return texts


def rows_of(watched: Watched, table: str) -> list[list[str]]:
    """Return the texts of the cells of the body of a table."""
    found = f"document.querySelectorAll({json.dumps(table + ' tbody tr')})"
    rows: list[list[str]] = watched.evaluate(f"[...{found}].map((row) => [...row.cells].map((c) => c.textContent))")
    return rows


def column_of(table: dict[str, Any], kind: str, name: str) -> list[Any]:
    """Return the values of a column, None where a run has none."""
    column = next(c for c in table[kind] if c["name"] == name)
    values = [None] * table["n"]
    for i, value in zip(column["runs"] or range(table["n"]), column["values"], strict=True):
        values[i] = value
    return values


# ---- what runs differ in


def ranks(values: Sequence[float]) -> np.ndarray[Any, Any]:
    """Return mean ranks, the plain way."""
    array = np.asarray(values)
    return np.array([(array < v).sum() + ((array == v).sum() + 1) / 2 for v in array])


def test_params_are_ranked_by_their_correlation_with_the_metric(show: Show) -> None:
    table = make_sweep(60)
    accuracy = column_of(table, "metrics", "val/acc")
    wanted = {}
    for name in ("lr", "width", "dropout", "augment"):
        both = zip(column_of(table, "params", name), accuracy, strict=True)
        pairs = [(float(a), b) for a, b in both if None not in (a, b)]
        a, b = (ranks(side) for side in zip(*pairs, strict=True))
        wanted[name] = (f"{np.corrcoef(a, b)[0, 1]:+.2f}".replace("-", "\u2212"), str(len(pairs)), "")
    for name in ("optimizer", "depth"):
        named = [(str(a), b) for a, b in zip(column_of(table, "params", name), accuracy, strict=True) if b is not None]
        b = ranks([b for _, b in named])
        groups = [b[[i for i, (a, _) in enumerate(named) if a == value]] for value in {a for a, _ in named}]
        n, k = len(named), len(groups)
        between = sum(len(g) * (g.mean() - b.mean()) ** 2 for g in groups) / ((b - b.mean()) ** 2).sum()
        wanted[name] = (f"{math.sqrt(max(0, 1 - (1 - between) * (n - 1) / (n - k))):.2f}", str(n), "unordered")
    with show(view="plot=importance") as watched:
        rows = rows_of(watched, ".importance")
        assert {name: (value, n, note) for name, _, value, n, note in rows} == wanted
        sizes = [abs(float(row[2].replace("\u2212", "-"))) for row in rows]
        assert sizes == sorted(sizes, reverse=True)
        assert "correlation is not cause" in said(watched, ".against-pair figcaption")
        watched.page.get_by_role("button", name=rows[-1][0]).click()
        assert view_of(watched) == {"scatter": f"param:{rows[-1][0]},metric:val/acc"}


def test_few_runs_are_no_ground_for_a_correlation(show: Show) -> None:
    with show("few", "plot=importance") as watched:
        assert "too few runs" in said(watched, ".importance")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ("[1e-4, 1e-3, 1e-2]", {"log": True, "names": None, "rising": True}),
        ("[0, 1e-3, 1e-2]", {"log": False, "names": None, "rising": True}),
        ("[64, 128, 256]", {"log": False, "names": None, "rising": True}),
        ("[true, false, true]", {"log": False, "names": ["False", "True"], "rising": True}),
        ("['b10', 'b2', 'a']", {"log": False, "names": ["a", "b2", "b10"], "rising": False}),
        ("[4, null, 12]", {"log": False, "names": ["None", "4", "12"], "rising": True}),
        ("['auto', 3, 1]", {"log": False, "names": ["1", "3", "auto"], "rising": True}),
        ("[1, 'NaN', 3]", {"log": False, "names": None, "rising": True}),
    ],
)
def test_params_are_numbers_or_names(show: Show, values: str, kind: dict[str, Any]) -> None:
    table = json.dumps(make_table("t", {"p": [1, 2, 3]}, {}))
    with show("params") as watched:
        made = watched.evaluate(
            f"(() => {{ const t = {table}; t.params[0].values = {values};"
            " const { log, names, rising } = reportgen.dimensions.makeModel([t]).get('param:p');"
            " return { log, names, rising }; })()"
        )
        assert made == kind


def test_a_value_far_behind_the_others_stands_at_the_end_of_its_axis(show: Show) -> None:
    with show("astray") as watched:
        ticks = texts_of(watched, '[data-id="metric:loss"] text')
        assert "\u203a 5\u202f000\u202f000" in ticks
        assert "1 run far behind" in said(watched, ".against-pair figcaption")


# ---- parallel coordinates


def test_the_axes_are_telling_params_then_the_headline_metrics(show: Show) -> None:
    with show() as watched:
        axes = axes_of(watched)
        assert axes[-2:] == ["metric:val/loss", "metric:val/acc"]
        assert set(axes[:-2]) == {f"param:{p}" for p in ("optimizer", "lr", "width", "dropout", "augment", "depth")}
        names = [watched.page.locator(f'[data-id="{a}"]').get_attribute("aria-label") for a in axes]
        assert names[-2:] == ["val/loss, last, lower is better", "val/acc, %, last, higher is better"]
        assert "lr, log" in names
        ends = [e.split("run-")[1] for e in texts_of(watched, ".ends text")]
        assert sorted(ends) == ["0", "5", "7"]
        assert watched.page.locator(".ends .s8").count() == 1


def test_brushes_on_several_axes_count_the_runs_and_are_kept_in_the_address(show: Show) -> None:
    table = make_sweep(60)
    chosen = [
        i
        for i, (lr, optimizer) in enumerate(
            zip(column_of(table, "params", "lr"), column_of(table, "params", "optimizer"), strict=True)
        )
        if lr < 2e-3 and optimizer == "lion"
    ]
    assert 1 < len(chosen) < 30
    with show() as watched:
        brush(watched, "param:lr", -0.05, math.log10(2e-3 / 1e-4) / 3)
        brush(watched, "param:optimizer", 0.4, 0.6)
        assert said(watched, ".share") == f"{len(chosen)} of 60 runs"
        link = watched.page.get_by_role("link", name="Compare them").get_attribute("href")
        assert link == "compare.html#?runs=" + ",".join(table["runs"]["k"][i] for i in chosen)
        view = view_of(watched)
        assert view["brush"].endswith(",param:optimizer!lion!lion")
        watched.page.locator(".against-values summary").first.click()
        watched.page.wait_for_selector(".against-values tbody tr")
        names = watched.page.locator(".against-values tbody th").all_inner_texts()
        assert names == [f"run-{i}" for i in chosen]
        address = watched.address
        watched.page.get_by_role("button", name="Show all").click()
        assert view_of(watched) == {}
        assert said(watched, ".share") == "60 runs"
        watched.open(address.replace("page.html", "page.html?again"))
        watched.page.wait_for_selector(".against-readout")
        assert said(watched, ".share") == f"{len(chosen)} of 60 runs"
        watched.page.locator('[data-id="param:lr"] .selection').dblclick()
        assert "param:lr" not in view_of(watched)["brush"]


def test_runs_without_a_value_can_be_brushed_below_the_axis(show: Show) -> None:
    with show() as watched:
        box = axis(watched, "param:dropout")
        watched.page.mouse.move(box["x"], box["y"] + box["height"] + 16)
        watched.page.mouse.down()
        watched.page.mouse.move(box["x"], box["y"] + box["height"] + 34)
        watched.page.mouse.up()
        lacking = sum(v is None for v in column_of(make_sweep(60), "params", "dropout"))
        assert said(watched, ".share") == f"{lacking} of 60 runs"
        assert view_of(watched) == {"brush": "param:dropout!!"}


def test_an_axis_is_worked_by_keys(show: Show) -> None:
    with show() as watched:
        slider = watched.page.locator('[data-id="metric:val/acc"]')
        slider.focus()
        for _ in range(10):
            watched.page.keyboard.press("ArrowUp")
        accuracy = [v for v in column_of(make_sweep(60), "metrics", "val/acc") if v is not None]
        best = sum(v >= (min(accuracy) + max(accuracy)) / 2 - 1e-9 for v in accuracy)
        assert said(watched, ".share") == f"{best} of 60 runs"
        assert f"; {best} of 60 runs" in (slider.get_attribute("aria-valuetext") or "")
        assert slider.get_attribute("aria-valuenow") == "50"
        watched.page.keyboard.press("Shift+ArrowDown")
        assert said(watched, ".share") != f"{best} of 60 runs"
        watched.page.keyboard.press("Escape")
        assert slider.get_attribute("aria-valuetext") == "all values"
        before = axes_of(watched)
        watched.page.keyboard.press("ArrowLeft")
        assert axes_of(watched) == [*before[:-2], before[-1], before[-2]]
        assert watched.evaluate("document.activeElement.dataset.id") == "metric:val/acc"
        assert view_of(watched)["axes"].split(",") == axes_of(watched)


def test_axes_are_chosen_in_a_menu_and_moved_by_their_titles(show: Show) -> None:
    with show() as watched:
        watched.page.get_by_text("Axes", exact=True).click()
        watched.page.get_by_role("checkbox", name="width").uncheck()
        watched.page.get_by_role("checkbox", name="throughput").check()
        watched.page.keyboard.press("Escape")
        assert not watched.page.get_by_role("checkbox", name="width").is_visible()
        axes = axes_of(watched)
        assert "param:width" not in axes
        assert axes[-1] == "metric:throughput"
        box = watched.page.locator('[data-id="metric:throughput"] .axis-title').bounding_box()
        assert box
        watched.page.mouse.move(box["x"] + 20, box["y"] + 10)
        watched.page.mouse.down()
        watched.page.mouse.move(axis(watched, axes[0])["x"], box["y"] + 10, steps=4)
        watched.page.mouse.up()
        assert axes_of(watched) == ["metric:throughput", *axes[:-1]]
        assert view_of(watched)["axes"].split(",") == axes_of(watched)


def test_the_run_under_the_pointer_is_named_and_a_click_holds_it(show: Show) -> None:
    with show() as watched:
        at = axis(watched, "metric:val/acc")
        y = watched.evaluate("document.querySelectorAll('.ends path')[0].getAttribute('d').split(/[ L]/)[1]")
        top = watched.evaluate("document.querySelector('.stack svg').getBoundingClientRect().top")
        watched.page.mouse.move(at["x"] - 1, top + float(y))
        named = texts_of(watched, ".hover .name")[0]
        assert named in ("run-0", "run-5", "run-7")
        watched.page.mouse.click(at["x"] - 30, top + float(y))
        assert watched.page.get_by_role("link", name=named, exact=True).get_attribute("href") == f"r/{named}.html"
        others = watched.page.get_by_role("link", name="compare without it").get_attribute("href")
        assert others
        assert others.count("sweep") == 2


def test_runs_of_several_experiments_have_the_experiment_as_an_axis(show: Show) -> None:
    with show("two") as watched:
        assert axes_of(watched)[0] == "experiment"
        assert said(watched, ".share") == "54 runs"
        brush(watched, "experiment", 0.55, 0.9)
        assert said(watched, ".share") == "30 of 54 runs"
        assert view_of(watched)["brush"] == "experiment!Sweep one!Sweep one"


def test_lines_follow_the_colours_of_the_page(show: Show) -> None:
    with show() as watched:
        darkest = (
            "(() => { const from = document.querySelector('.stack canvas'); const c = from.cloneNode();"
            " const to = c.getContext('2d', { willReadFrequently: true }); to.drawImage(from, 0, 0);"
            " const d = to.getImageData(0, 0, c.width, c.height).data;"
            " for (let i = 0; i < d.length; i += 4) if (d[i + 3] > 100) return d[i]; })()"
        )
        assert watched.evaluate(darkest) < 60
        watched.page.emulate_media(color_scheme="dark")
        watched.evaluate("document.dispatchEvent(new Event('reportgen:mode')), 0")
        assert watched.evaluate(darkest) > 200


def test_on_paper_lines_are_paths_as_wide_as_the_page(show: Show) -> None:
    with show(view="brush=param:optimizer!lion!lion") as watched:
        watched.page.emulate_media(media="print")
        watched.page.set_viewport_size({"width": 700, "height": 900})
        watched.page.wait_for_selector(".printed", state="attached")
        assert watched.page.locator(".printed path.run").count() == 3
        assert not watched.page.locator(".stack canvas").first.is_visible()
        assert watched.evaluate("document.documentElement.scrollWidth") <= 700
        watched.page.emulate_media(media="screen")
        watched.page.wait_for_selector(".printed", state="detached")


# ---- the plots below


def test_the_scatter_plot_shows_any_two_on_log_axes_and_leads_to_the_runs(show: Show) -> None:
    with show() as watched:
        watched.page.get_by_label("Across").select_option("param:lr")
        assert watched.page.get_by_label("log x").is_checked()
        assert view_of(watched)["scatter"] == "param:lr,metric:val/acc"
        watched.page.get_by_label("log x").uncheck()
        assert view_of(watched)["scatter"] == "param:lr,metric:val/acc,,-"
        watched.page.get_by_label("Colour").select_option("param:optimizer")
        assert view_of(watched)["scatter"] == "param:lr,metric:val/acc,param:optimizer,-"
        legend = texts_of(watched, ".against-side .against-legend li")
        assert [text.strip() for text in legend] == ["adamw", "lion", "sgd"]
        known = sum(v is not None for v in column_of(make_sweep(60), "metrics", "val/acc"))
        assert watched.page.locator(".rgplot circle").count() == known
        watched.page.locator(".rgplot").scroll_into_view_if_needed()
        dot = watched.page.locator(".rgplot .top circle").first.bounding_box()
        assert dot
        watched.page.mouse.move(dot["x"] + 4, dot["y"] + 4)
        link = watched.page.locator(".hit")
        assert link.get_attribute("href") == f"r/{texts_of(watched, '.pointed')[0]}.html"
        assert "val/acc 0." in said(watched, ".against-side .against-readout")


def test_thousands_of_points_are_on_a_canvas(show: Show) -> None:
    with show("many", "scatter=param:lr,metric:val/acc,param:width") as watched:
        assert watched.page.locator(".against-plot canvas").count() == 1
        assert watched.page.locator(".rgplot circle").count() == 1
        assert watched.page.locator(".ramp").get_attribute("aria-label") == "width from 32 to 256"


def test_the_box_plot_has_the_quartiles_of_each_group(show: Show) -> None:
    table = make_sweep(60)
    losses = column_of(table, "metrics", "val/loss")
    rows = []
    for width in (32, 64, 128, 256):
        values = [
            loss
            for loss, w in zip(losses, column_of(table, "params", "width"), strict=True)
            if w == width and isinstance(loss, float)
        ]
        rows.append([str(width), str(len(values)), *(f"{np.quantile(values, q):.3f}" for q in (0, 0.25, 0.5, 0.75, 1))])
    with show(view="plot=box,param:width&metric=val/loss") as watched:
        watched.page.get_by_text("Quartiles", exact=True).click()
        watched.page.wait_for_selector(".against-pair tbody tr")
        assert rows_of(watched, ".against-pair") == rows
        assert f"{losses.count('NaN')} runs that failed left out" in said(watched, ".against-side")
        watched.page.get_by_role("combobox", name="By", exact=True).select_option("param:optimizer")
        assert view_of(watched)["metric"] == "val/loss"


def test_a_contour_needs_ten_runs_and_says_how_it_was_made(show: Show) -> None:
    with show(view="plot=contour,param:width,param:lr") as watched:
        assert watched.page.locator(".rgplot path[fill^=color-mix]").count() > 3
        assert "interpolated linearly between" in said(watched, ".against-pair figcaption")
        watched.page.get_by_label("Across").select_option("param:lr")
        assert view_of(watched)["plot"] == "contour,param:lr,param:width"
    with show("few", "plot=contour") as watched:
        assert "needs two numeric parameters" in said(watched, ".lacking")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_every_plot_is_accessible_and_fits_the_page(show: Show, scheme: str, width: int) -> None:
    with show(view="brush=param:optimizer!lion!lion", scheme=scheme, width=width) as watched:
        watched.page.locator(".against-values summary").first.click()
        watched.page.wait_for_selector(".against-values tbody tr")
        for plot in ("Scatter", "Box", "Contour", "Importance"):
            watched.page.get_by_role("button", name=plot, exact=True).click()
            if scheme == "light" or plot in ("Scatter", "Importance"):  # axe takes a second
                assert watched.accessibility_faults() == []
            assert watched.evaluate("document.documentElement.scrollWidth") <= width
            assert watched.page.locator("svg style").count() == 0


def test_small_and_strange_data_are_shown_or_refused_in_words(show: Show) -> None:
    view = "axes=param:lr,nonsense,param:name&brush=x!1,param:name!gone!gone&plot=toString&scatter=,,,zz"
    with show("few", view) as watched:
        assert axes_of(watched) == ["param:lr", "param:name"]
        assert said(watched, ".share") == "3 runs"
        assert watched.page.locator(".against i, .against b b").count() == 0
        for plot in ("Box", "Contour", "Importance", "Scatter"):
            watched.page.get_by_role("button", name=plot, exact=True).click()
    with show("alike") as watched:
        assert "differ in nothing" in said(watched, ".lacking")
    with show("params") as watched:
        assert axes_of(watched) == ["param:lr", "param:width"]
        assert watched.page.locator(".against .segments").count() == 0


def test_other_runs_are_shown_without_losing_the_view(show: Show) -> None:
    with show(view="brush=param:optimizer!lion!lion&plot=box") as watched:
        watched.evaluate(
            "reportgen.table('sweep').then((table) =>"
            " section.update({ tables: [table], runs: [{ k: 'sweep000001', name: 'other', slot: 4 }] }))"
        )
        assert texts_of(watched, ".ends text") == ["otherrun-1"]
        assert watched.page.locator(".against .parallel").count() == 1
        assert watched.page.get_by_role("button", name="Box").get_attribute("aria-pressed") == "true"
        assert said(watched, ".share").endswith("of 60 runs")
        watched.evaluate("section.destroy(), 0")
        assert watched.page.locator(".parallel").count() == 0


# ---- the page of an experiment


def test_an_experiments_page_draws_the_section_when_it_comes_near(sample_site: Path, open_page: OpenPage) -> None:
    page = next(p for p in (sample_site / "e").glob("digits-mlp-*.html") if "compare" not in p.name)
    address = disk_address(sample_site)
    with open_page(address) as watched:
        watched.page.set_viewport_size({"width": 1280, "height": 300})  # so that the section is far away
        watched.open(f"{address}e/{page.name}")
        assert watched.evaluate("typeof d3") == "undefined"
        heading = watched.page.get_by_role("heading", name="Parameters against metrics")
        heading.scroll_into_view_if_needed()
        watched.page.wait_for_selector(".parallel .axis")
        assert axes_of(watched)[-1] == "metric:val/accuracy"
        first = texts_of(watched, ".ends text")
        chosen = "new CustomEvent('reportgen:selection', { detail: { runs: [0, 1] } })"
        watched.evaluate(f"document.querySelector('main').dispatchEvent({chosen}), 0")
        assert watched.page.locator(".ends text").count() == 2
        assert len(first) > 2
        assert watched.messages == []
        assert watched.outside == []
    with open_page(address, javascript=False) as watched:
        watched.open(f"{address}e/{page.name}")
        assert not watched.page.get_by_text("Parameters against metrics").is_visible()

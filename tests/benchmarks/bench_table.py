"""The table of runs in Chromium, beside bare Tabulator with the same data in the same run: paint, sort, filter, group.

Run from the repository root: `python -m tests.benchmarks.bench_table [TABULATOR.js]`. Without the file, npm fetches
Tabulator. Both work on a page from disk under the policy of a published site. A time goes from the call until the
browser has painted; the best of several fresh pages counts. Tabulator gets its columns and one object a run ready-made
and shows plain texts; the table of the theme starts from the compressed data file, and shades cells, ranks runs and
groups them by configuration.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from reportgen.site.theme import themes_folder
from tests.browser import FLAGS
from tests.run import find_chromium
from tests.tablefiles import make_table, write_table

TABULATOR = "tabulator-tables@6.5.3"
SIZES = ((2_000, 30), (10_000, 30), (2_000, 2_000))
ROUNDS = 5
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:"
SCRIPTS = ("reportgen.js", "hold.js", "math.js", "rows.js", "cells.js", "grid.js", "table.js")
STYLES = ("theme.css", "layout.css", "tables.css", "table.css")

HOLD = """
const starts = {};
reportgen.page = (kind, start) => { starts[kind] = start; };
const painted = () => new Promise((resolve) => requestAnimationFrame(() => {
  const channel = new MessageChannel();
  channel.port1.onmessage = resolve;
  channel.port2.postMessage(0);
}));
async function timed(act) {
  const start = performance.now();
  await act();
  await painted();
  return performance.now() - start;
}
const seen = (selector) => new Promise((resolve) => {
  const look = new MutationObserver(() => document.querySelector(selector) && (look.disconnect(), resolve()));
  look.observe(document.body, { childList: true, subtree: true });
});
const view = (hash) => timed(() => new Promise((resolve) => {
  addEventListener("hashchange", () => resolve(), { once: true });
  location.hash = hash;
}));
async function ours() {
  const root = document.querySelector("main");
  const paint = await timed(() => { starts.experiment(root); return seen(".grid-body .grid-row"); });
  await view("#?group=none");
  const sort = await view("#?group=none&sort=metric1");
  const filter = await view("#?group=none&q=adam");
  await view("#?group=none");
  const group = await view("#?fold=none");
  return { paint, sort, filter, group, nodes: document.querySelectorAll("main *").length };
}
async function bare() {
  const table = await reportgen.table("bench");
  const columns = [{ title: "Run", field: "name" }];
  const data = table.runs.name.map((name, i) => ({ id: i, name, config: String(table.runs.group_of[i]) }));
  [...table.params, ...table.metrics].forEach((column, c) => {
    columns.push({ title: column.name, field: `c${c}` });
    column.values.forEach((value, i) => { data[i][`c${c}`] = value; });
  });
  const metric = `c${table.params.length + 1}`;
  const host = document.querySelector("[data-table]");
  let grid;
  const paint = await timed(() => new Promise((resolve) => {
    grid = new Tabulator(host, { height: 760, data, columns });
    grid.on("tableBuilt", resolve);
  }));
  const sort = await timed(() => grid.setSort(metric, "asc"));
  const filter = await timed(() => grid.setFilter("c0", "like", "adam"));
  grid.clearFilter();
  const group = await timed(() => grid.setGroupBy("config"));
  return { paint, sort, filter, group, nodes: document.querySelectorAll("main *").length };
}
"""


def write_page(folder: Path, tabulator: Path, runs: int, columns: int) -> None:
    """Write the page that both are measured on, with the scripts as the theme has them."""
    static = themes_folder() / "default" / "static"
    for name in (*SCRIPTS, *STYLES):
        if (static / name).is_file():
            shutil.copy(static / name, folder / name)
    (folder / "hold.js").write_text(HOLD)
    shutil.copy(tabulator, folder / "tabulator.js")
    metrics = max(4, columns // 5)
    write_table(folder, make_table(runs, params=columns - metrics - 1, metrics=metrics, k="bench"))
    links = "".join(f'<link rel="stylesheet" href="{name}">' for name in STYLES)
    scripts = "".join(f'<script src="{name}" defer></script>' for name in (*SCRIPTS, "tabulator.js"))
    (folder / "page.html").write_text(
        f'<!DOCTYPE html><html lang="en" data-root=""><head><meta charset="utf-8"><title>Bench</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">{links}{scripts}</head>'
        '<body><main data-page="experiment" data-k="bench"><h1>Runs</h1><div data-table></div></main></body></html>'
    )


def measure(browser: Browser, folder: Path, which: str) -> dict[str, float]:
    """Return the best times of fresh pages, in ms."""
    best: dict[str, float] = {}
    for _ in range(ROUNDS):
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto((folder / "page.html").as_uri())
        session = page.context.new_cdp_session(page)
        reply: Any = session.send(
            "Runtime.evaluate", {"expression": f"{which}()", "awaitPromise": True, "returnByValue": True}
        )
        if "exceptionDetails" in reply:
            raise SystemExit(f"{which}: {reply['exceptionDetails']}")
        times: dict[str, float] = reply["result"]["value"]
        best = {name: min(value, best.get(name, value)) for name, value in times.items()}
        page.close()
    return best


def fetch_tabulator(folder: Path) -> Path:
    """Return the minified Tabulator, fetched with npm into `folder`."""
    subprocess.run(["npm", "pack", "--silent", TABULATOR], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        file = archive.extractfile("package/dist/js/tabulator.min.js")
        if file is None:
            raise SystemExit(f"{TABULATOR} has no tabulator.min.js")
        (folder / "tabulator.min.js").write_bytes(file.read())
    return folder / "tabulator.min.js"


def main() -> None:
    """Print the table."""
    random.seed(0)
    chromium = find_chromium()
    with tempfile.TemporaryDirectory() as work, sync_playwright() as playwright:
        folder = Path(work)
        tabulator = Path(sys.argv[1]) if len(sys.argv) > 1 else fetch_tabulator(folder)
        browser = playwright.chromium.launch(executable_path=chromium, args=[*FLAGS, "--no-sandbox"])
        print(f"{'best of ' + str(ROUNDS) + ', ms':28}{'paint':>8}{'sort':>8}{'filter':>8}{'group':>8}{'elements':>10}")
        for runs, columns in SIZES:
            place = folder / f"{runs}x{columns}"
            place.mkdir()
            write_page(place, tabulator, runs, columns)
            for which, name in (("ours", "runs table"), ("bare", "bare Tabulator")):
                if which == "bare" and columns > 100:
                    continue  # it would make an element for each column of each row
                best = measure(browser, place, which)
                row = "".join(f"{best[part]:8.0f}" for part in ("paint", "sort", "filter", "group"))
                print(f"{f'{name}, {runs:,} x {columns:,}':28}{row}{best['nodes']:10.0f}")
        browser.close()


if __name__ == "__main__":
    main()

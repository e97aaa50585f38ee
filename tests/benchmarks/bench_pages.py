"""Time until pages are ready in Chromium over `file://`, beside bare uPlot drawing the same data in the same run.

    python -m tests.benchmarks.bench_pages [--times 5] [--points 10000000]

A page is ready when what it shows first has been painted: from the start of the navigation, best and median of n. The
window is so high that all charts are in sight. Of the comparison there are two rows: its curves, and everything.
Further rows: bare uPlot with the charts of the run page and of the comparison, which also tells how busy the machine
is; a series of 10 thousand and of 10 million points; and the CPU time of a move of the pointer over 12 synced charts of
50 lines. It needs the test packages and npm.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import tarfile
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from reportgen.build import build
from reportgen.formats import short_key
from reportgen.site import urls
from reportgen.site.config import Config
from tests import pagelogs
from tests.browser import FLAGS
from tests.run import find_chromium
from tests.sitefiles import site_summaries

UPLOT = "uplot@1.6.32"
"""The peer, from the npm registry: the fastest of the small chart libraries."""
READY = """(() => {
  const check = () => {
    if (document.readyState !== "loading" && (%s)) {
      requestAnimationFrame(() => setTimeout(() => { window.readyAt = performance.now(); }));
    } else setTimeout(check, 4);
  };
  check();
})()"""
"""Notes when a condition has come true and been painted."""

BARE = """<!DOCTYPE html><meta charset="utf-8"><title>uPlot</title><link rel="stylesheet" href="uPlot.min.css">
<script src="uPlot.iife.min.js" defer></script><script src="data.js" defer></script>
<script src="draw.js" defer></script>
<body></body>"""
DRAW = """for (const data of window.charts) {
  const series = data.slice(1).map((_, i) => ({ stroke: ["#3f90da", "#ce8500", "#bd1f01"][i % 3] }));
  const options = { width: 432, height: 264, scales: { x: { time: false } }, legend: { show: false } };
  new uPlot({ ...options, series: [{}, ...series] }, data, document.body);
}
window.drawn = true;"""
"""The least that uPlot needs for the same charts; the data are plain arrays in a script."""


def live_charts(count: int) -> str:
    """Return the condition that so many charts are live."""
    return f'document.querySelectorAll("figure .graph").length >= {count}'


def time_page(browser: Browser, address: str, ready: str, times: int) -> list[float]:
    """Return the ms until `ready` holds, of each opening in a fresh profile."""
    found = []
    for _ in range(times):
        context = browser.new_context(viewport={"width": 1440, "height": 5000})
        page = context.new_page()
        page.add_init_script(READY % ready)
        page.goto(address)
        found.append(wait_for(page, "window.readyAt"))
        context.close()
    return found


def wait_for(page: Page, expression: str) -> float:
    """Return the value of `expression` once it has one, within a minute; the pages' policy forbids polling inside."""
    session = page.context.new_cdp_session(page)
    for _ in range(2000):
        value = session.send("Runtime.evaluate", {"expression": expression})["result"].get("value")
        if value is not None:
            return float(value)
        page.wait_for_timeout(10)
    raise SystemExit(f"{page.url[:120]}: {expression} never came")


def hover_cost(browser: Browser, address: str, charts: int, moves: int = 60) -> float:
    """Return the CPU ms of the page's main thread for one move of the pointer over a chart."""
    context = browser.new_context(viewport={"width": 1440, "height": 5000})
    page = context.new_page()
    page.add_init_script(READY % live_charts(charts))
    page.goto(address)
    wait_for(page, "window.readyAt")
    figure = page.locator("figure .graph").first
    figure.scroll_into_view_if_needed()
    box = figure.bounding_box()
    assert box is not None
    session = context.new_cdp_session(page)
    session.send("Performance.enable")

    def cpu() -> float:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return float(sum(m["value"] for m in metrics if m["name"] == "TaskDuration")) * 1000

    page.mouse.move(box["x"] + 80, box["y"] + 100)
    before = cpu()
    for i in range(moves):
        page.mouse.move(box["x"] + 80 + i * 4, box["y"] + 100 + i % 20)
        page.wait_for_timeout(16)
    cost = (cpu() - before) / moves
    context.close()
    return cost


def write_bare(folder: Path, charts: list[list[list[float]]]) -> str:
    """Write a page with bare uPlot and return its address."""
    folder.mkdir()
    subprocess.run(["npm", "pack", "--silent", UPLOT], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        for name in ("uPlot.iife.min.js", "uPlot.min.css"):
            file = archive.extractfile(f"package/dist/{name}")
            assert file is not None
            (folder / name).write_bytes(file.read())
    (folder / "data.js").write_text(f"window.charts = {json.dumps(charts)};")
    (folder / "draw.js").write_text(DRAW)
    (folder / "page.html").write_text(BARE)
    return (folder / "page.html").as_uri()


def curves(charts: int, lines: int, steps: int = 500) -> list[list[list[float]]]:
    """Return data for `charts` charts: the shared steps, then the values of each line."""
    along = list(range(steps))
    return [[along, *([round(0.99**s + 0.01 * i, 6) for s in along] for i in range(lines))] for _ in range(charts)]


def main() -> None:
    """Build the site, open its pages, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--points", type=int, default=10_000_000, help="points of the long series; 0 leaves it out")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        for write in (pagelogs.write_table, pagelogs.write_curves, pagelogs.write_single):
            write(folder / "runs")
        if options.points:
            pagelogs.write_long(folder / "runs", options.points)
            pagelogs.write_long(folder / "runs" / "short", 10_000)
        with ProcessPoolExecutor(2) as pool:
            build([folder / "runs"], folder / "site", config=Config(), executor=pool, use_cache=False)
        site = folder / "site"
        keys: dict[str, list[str]] = {}
        for summary in site_summaries(site):
            keys.setdefault(summary.experiment, []).append(summary.key)

        def page(path: str) -> str:
            file, _, fragment = path.partition("#")
            return (site / file).as_uri() + (f"#{fragment}" if fragment else "")

        (single,) = keys[pagelogs.SINGLE]
        compare = page(f"{urls.COMPARE}#?runs={','.join(map(short_key, keys[pagelogs.CURVES]))}")
        rows = [
            ("home", page(urls.HOME), "true", 250),
            ("experiment, 2,000 x 30", page(urls.experiment_page(pagelogs.TABLE)), TABLE_READY, 500),
            ("run, 12 x 2 x 500", page(urls.run_page(single, "run-0")), live_charts(12), 500),
            ("bare uPlot, 12 x 2 x 500", write_bare(folder / "bare2", curves(12, 2)), "window.drawn", None),
            ("comparison, 12 x 50 x 500", compare, live_charts(12), 700),
            ("comparison, everything", compare, AGAINST_READY, 1200),
            ("bare uPlot, 12 x 50 x 500", write_bare(folder / "bare50", curves(12, 50)), "window.drawn", None),
        ]
        if options.points:
            short, long = sorted(keys[pagelogs.LONG], key=lambda key: (site / urls.record(key)).stat().st_size)
            rows += [
                ("run, 10,000 points", page(urls.run_page(short, "run-0")), live_charts(1), None),
                (f"run, {options.points:,} points", page(urls.run_page(long, "run-0")), live_charts(1), None),
            ]
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=[*FLAGS, "--no-sandbox"])
        print(f"{'ready, ms':30}{'best':>8}{'median':>8}{'limit':>8}")
        for label, address, ready, limit in rows:
            found = time_page(browser, address, ready, options.times)
            print(f"{label:30}{min(found):8.0f}{statistics.median(found):8.0f}{limit or '':>8}")
        print(f"{'move over 12 charts, CPU ms':30}{hover_cost(browser, compare, 12):8.1f}{'':8}{12:>8}")
        browser.close()


TABLE_READY = 'document.querySelector("[data-page=experiment] [role=grid], [data-page=experiment] [role=treegrid]")'
"""The condition that the table of runs is live."""
AGAINST_READY = 'document.querySelector(".against-pair svg")'
"""The condition that the last part of the comparison is drawn: these runs have no code and no artifacts."""

if __name__ == "__main__":
    main()

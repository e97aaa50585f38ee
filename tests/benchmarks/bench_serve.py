"""Time from a logged point to the live chart of an open page of `reportgen serve`, beside what no such tool can save.

    python -m tests.benchmarks.bench_serve [--runs 50 1000] [--points 10] [--rate 5]

A point counts from the return of `log_metrics` to the frame in which Chromium shows it at the end of its line. First
one point at a time at odd moments, then a training that logs `rate` points a second, every one of which counts. The
limit is what a bare `watchfiles.watch` needs to tell of a line, and a bare build of the site with one point more; both
are measured in the same run. A point must be there within `LIMIT_S`.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright
from watchfiles import watch

import reportgen as rg
from reportgen.build import build
from reportgen.formats import run_key
from reportgen.site import urls
from reportgen.site.config import Config
from tests.benchmarks.bench_build import write_runs
from tests.browser import FLAGS
from tests.run import find_chromium

LIMIT_S = 3.0
METRICS = 5
STEPS = 200
"""Points of each metric of each run, those of the run that goes on included."""
WATCH = """(() => {
  window.shown = [];
  const look = () => {
    const notes = document.querySelectorAll("figure.live .graph .note");
    const end = Array.from(notes, (note) => /^unfinished, step ([0-9,]+)$/.exec(note.textContent)?.[1]).find(Boolean);
    const step = Number(end?.replaceAll(",", "") ?? -1);
    if (step > (window.shown.at(-1)?.[0] ?? -1)) setTimeout(() => window.shown.push([step, Date.now() / 1000]));
    requestAnimationFrame(look);
  };
  look();
})()"""
"""Notes the step at which the line of an unfinished run ends, each time that another has been painted."""


class Training:
    """A run that goes on."""

    def __init__(self, root: Path) -> None:
        self.run = rg.start_run(experiment="experiment-0", name="live", log_dir=root, capture=False)
        self.logged: dict[int, float] = {}
        """Step -> when its line was in the file."""
        for _ in range(STEPS):
            self.log()

    def log(self) -> int:
        """Log a point of each metric; return its step."""
        step = len(self.logged)
        self.run.log_metrics({f"metric_{i}": (i + 1) / (step + 1) for i in range(METRICS)}, step=step)
        self.logged[step] = time.time()
        return step


def time_watch(root: Path, training: Training, points: int) -> list[float]:
    """Return the seconds after which a bare watch tells of a line."""
    told, stop = threading.Event(), threading.Event()

    def follow() -> None:
        for _ in watch(root, watch_filter=None, step=1, debounce=10, stop_event=stop):
            told.set()

    thread = threading.Thread(target=follow)
    thread.start()
    time.sleep(1)
    found = []
    for _ in range(points):
        told.clear()
        step = training.log()
        told.wait(10)
        found.append(time.time() - training.logged[step])
        time.sleep(0.1)
    stop.set()
    thread.join()
    return found


def time_build(root: Path, out: Path, cache: Path, training: Training, points: int) -> list[float]:
    """Return the seconds of builds that have one point more to show."""
    found = []
    for number in range(points + 1):
        training.log()
        began = time.perf_counter()
        build([root], out, config=Config(), cache_dir=cache)
        if number:  # the first makes the whole site
            found.append(time.perf_counter() - began)
    return found


@contextmanager
def serving(root: Path, cache: Path) -> Iterator[str]:
    """Yield the address of the served site."""
    command = [sys.executable, "-m", "reportgen", "serve", str(root), "--port", "0"]
    environment = os.environ | {"REPORTGEN_CACHE_DIR": str(cache)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(30)


def wait_for(page: Page, step: int, seconds: float = 30) -> None:
    """Return as soon as the chart shows `step`."""
    session = page.context.new_cdp_session(page)  # the pages' policy forbids polling inside
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        last = session.send("Runtime.evaluate", {"expression": "window.shown?.at(-1)?.[0] ?? -1"})["result"]["value"]
        if last >= step:
            session.detach()
            return
        page.wait_for_timeout(50)
    raise SystemExit(f"step {step} never came")


def latencies(page: Page, training: Training, first: int) -> list[float]:
    """Return the seconds that each point from step `first` on took to the chart."""
    shown = page.evaluate("window.shown")
    return [min(at for last, at in shown if last >= step) - at for step, at in training.logged.items() if step >= first]


def time_single(page: Page, training: Training, points: int, chance: random.Random) -> list[float]:
    """Return the latencies of points that come one at a time."""
    first = len(training.logged)
    for _ in range(points):
        page.wait_for_timeout(chance.uniform(0, 2000))
        wait_for(page, training.log())
    return latencies(page, training, first)


def time_stream(page: Page, training: Training, points: int, rate: float) -> list[float]:
    """Return the latencies of points that come at `rate` a second."""
    first = last = len(training.logged)
    for _ in range(points):
        page.wait_for_timeout(1000 / rate)
        last = training.log()
    wait_for(page, last)
    return latencies(page, training, first)


def row(label: str, found: list[float], limit: float) -> None:
    """Print the median and the maximum, and the median as a multiple of `limit`."""
    middle, most = statistics.median(found), max(found)
    verdict = f"  over {LIMIT_S:g} s" if most > LIMIT_S else ""
    print(f"  {label:36}{middle:8.3f}{most:8.3f}{middle / limit:9.1f}{verdict}")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, nargs="+", default=[50, 1000])
    parser.add_argument("--points", type=int, default=10)
    parser.add_argument("--rate", type=float, default=5.0)
    options = parser.parse_args()
    chance = random.Random(1)
    print(f"  {'seconds':36}{'median':>8}{'max':>8}{'x limit':>9}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=[*FLAGS, "--no-sandbox"])
        for runs in options.runs:
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                root = folder / "runs"
                write_runs(root, runs, METRICS, STEPS)
                training = Training(root)
                print(f"{runs:,} runs of {METRICS} metrics x {STEPS} points, and one that goes on")
                watched = time_watch(root, training, options.points)
                built = time_build(root, folder / "site", folder / "bare", training, options.points)
                limit = statistics.median(watched) + statistics.median(built)
                row("bare watch", watched, limit)
                row("bare build", built, limit)
                with serving(root, folder / "cache") as address:
                    context = browser.new_context(viewport={"width": 1280, "height": 2000})
                    page = context.new_page()
                    page.add_init_script(WATCH)
                    page.goto(address + urls.run_page(run_key(training.run.run_id), "live"))
                    wait_for(page, len(training.logged) - 1)
                    row("point to chart, one at a time", time_single(page, training, options.points, chance), limit)
                    found = time_stream(page, training, options.points * 10, options.rate)
                    row(f"point to chart, {options.rate:g} a second", found, limit)
                    context.close()
                training.run.end()
        browser.close()


if __name__ == "__main__":
    main()

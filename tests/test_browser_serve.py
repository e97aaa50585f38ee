"""A page of `reportgen serve` in a browser while a run trains: it renews itself and keeps what the reader chose."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import reportgen as rg
from reportgen.formats import run_key
from reportgen.site import urls
from tests.browser import OpenPage, Watched
from tests.runlogs import ROOT, _no_runs  # noqa: F401 - each test begins without a run around it

pytestmark = pytest.mark.browser


@contextmanager
def serving(runs: Path) -> Iterator[str]:
    """Yield the address of a served site of `runs`."""
    command = [sys.executable, "-m", "reportgen", "serve", str(runs), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()


def until(watched: Watched, expression: str, wanted: object, seconds: float = 30) -> object:
    """Return the value of `expression`, as soon as it is `wanted`, else what it is when the time is up."""
    value = None
    for _ in range(round(seconds / 0.1)):
        value = watched.evaluate(expression)
        if value == wanted:
            break
        time.sleep(0.1)
    return value


def begin(runs: Path) -> rg.Run:
    """Return a run that is under way."""
    run = rg.start_run(experiment="digits", name="follow", params={"lr": 0.1}, log_dir=runs)
    for step in range(20):
        run.log_metrics({"loss": 1 / (step + 1)}, step=step)
    return run


POINTS = "document.querySelector('.summary-table tbody tr td:last-child').textContent"
POINTS_DRAWN = "reportgen.run(document.querySelector('[data-k]').dataset.k).then(r => r.series('loss')).then(s => s.n)"


def test_a_new_point_appears_and_the_zoom_stays(tmp_path: Path, open_page: OpenPage) -> None:
    run = begin(tmp_path / "runs")
    page = urls.run_page(run_key(run.run_id), "follow")
    with serving(tmp_path / "runs") as address, open_page(address) as watched:
        watched.open(address + page + "#metrics?zoom=5..10")
        assert until(watched, POINTS, "20") == "20"
        assert until(watched, "document.querySelectorAll('figure.live').length", 1) == 1
        watched.evaluate("window.untouched = document.querySelector('figure.live'), 0")
        run.log_metrics({"loss": 0.01}, step=20)
        assert until(watched, POINTS, "21") == "21"
        assert until(watched, POINTS_DRAWN, 21) == 21
        assert watched.evaluate("window.untouched.isConnected"), "the chart was not drawn anew from nothing"
        assert watched.page.url.endswith("#metrics?zoom=5..10")
        assert watched.messages == []


def test_a_new_run_appears_on_the_experiments_page(tmp_path: Path, open_page: OpenPage) -> None:
    begin(tmp_path / "runs").end()
    with serving(tmp_path / "runs") as address, open_page(address) as watched:
        watched.open(address + urls.experiment_page("digits"))
        assert "1 run" in watched.page.locator("main").inner_text()
        with rg.start_run(experiment="digits", name="second", log_dir=tmp_path / "runs") as run:
            run.log_metrics({"loss": 0.5}, step=0)
        found = "(document.querySelector('main')?.innerText || '').includes('second')"
        assert until(watched, found, True) is True
        assert watched.messages == []


def test_a_run_of_another_experiment_leaves_the_page_alone(tmp_path: Path, open_page: OpenPage) -> None:
    begin(tmp_path / "runs").end()
    with serving(tmp_path / "runs") as address, open_page(address) as watched:
        watched.open(address + urls.experiment_page("digits"))
        watched.evaluate("window.untouched = document.querySelector('h1'), 0")
        with rg.start_run(experiment="wine", name="second", log_dir=tmp_path / "runs") as run:
            run.log_metrics({"loss": 0.5}, step=0)
        version = f"fetch('{address}live/news?since=1').then(r => r.json()).then(n => n.version > 1)"
        assert until(watched, version, True) is True
        assert watched.evaluate("window.untouched.isConnected")

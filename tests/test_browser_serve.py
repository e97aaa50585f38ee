"""A page of `reportgen serve` in a browser while a run trains: it renews itself and keeps what the reader chose."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

import reportgen as rg
from reportgen.formats import run_key, short_key
from reportgen.site import urls
from tests.browser import OpenPage, Watched
from tests.runlogs import ROOT, _no_runs  # noqa: F401 - each test begins without a run around it

pytestmark = pytest.mark.browser


@dataclass(frozen=True, slots=True)
class Served:
    """A site that is being served."""

    address: str
    process: subprocess.Popen[str]

    def page(self, run: rg.Run) -> str:
        """Return the address of the page of `run`."""
        return self.address + urls.run_page(run_key(run.run_id), "follow")


@contextmanager
def serving(runs: Path, *options: str) -> Iterator[Served]:
    """Yield the served site of `runs`."""
    command = [sys.executable, "-m", "reportgen", "serve", str(runs), *(options or ("--port", "0"))]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield Served(process.stdout.readline().strip(), process)
    finally:
        process.terminate()
        process.wait(120)
        process.stdout.close()


def until(watched: Watched, expression: str, wanted: object, seconds: float = 120) -> object:
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
    with serving(tmp_path / "runs") as site, open_page(site.address) as watched:
        watched.open(site.page(run) + "#metrics?zoom=5..10")
        assert until(watched, POINTS, "20") == "20"
        assert until(watched, "document.querySelectorAll('figure.live').length", 1) == 1
        watched.evaluate("window.untouched = document.querySelector('figure.live'), 0")
        run.log_metrics({"loss": 0.01}, step=20)
        assert until(watched, POINTS, "21") == "21"
        assert until(watched, POINTS_DRAWN, 21) == 21
        assert watched.evaluate("window.untouched.isConnected"), "the chart was not drawn anew from nothing"
        assert watched.address.endswith("#metrics?zoom=5..10")
        assert watched.messages == []


def test_a_new_run_appears_on_the_experiments_page(tmp_path: Path, open_page: OpenPage) -> None:
    begin(tmp_path / "runs").end()
    with serving(tmp_path / "runs") as site, open_page(site.address) as watched:
        watched.open(site.address + urls.experiment_page("digits"))
        assert "1 run" in watched.page.locator("main").inner_text()
        with rg.start_run(experiment="digits", name="second", log_dir=tmp_path / "runs") as run:
            run.log_metrics({"loss": 0.5}, step=0)
        found = "(document.querySelector('.run-grid')?.innerText || '').includes('second')"
        assert until(watched, found, True) is True
        assert watched.page.locator("table.runs:visible").count() == 0
        assert watched.messages == []


def test_a_run_of_another_experiment_leaves_the_page_alone(tmp_path: Path, open_page: OpenPage) -> None:
    begin(tmp_path / "runs").end()
    with serving(tmp_path / "runs") as site, open_page(site.address) as watched:
        watched.open(site.address + urls.experiment_page("digits"))
        watched.evaluate("window.untouched = document.querySelector('h1'), 0")
        with rg.start_run(experiment="wine", name="second", log_dir=tmp_path / "runs") as run:
            run.log_metrics({"loss": 0.5}, step=0)
        built = f"fetch('{site.address}').then(r => r.text()).then(page => page.includes('wine'))"
        assert until(watched, built, True) is True
        assert watched.evaluate("window.untouched.isConnected")
        assert watched.messages == []


SAID = "document.querySelector('main > .note')?.textContent || ''"
SEE = "Object.defineProperty(document, 'hidden', { configurable: true, get: () => %s }),"
SEE += " document.dispatchEvent(new Event('visibilitychange')), 0"
COUNT_REFRESHES = "window.refreshes = 0, document.addEventListener('reportgen:refresh', () => window.refreshes++), 0"
GONE = "This page is no longer part of the site."
ENDED = "The server has ended: this page is no longer kept up to date."


def test_a_page_that_is_gone_says_so_and_nothing_else_until_it_is_back(tmp_path: Path, open_page: OpenPage) -> None:
    runs = tmp_path / "runs"
    run = begin(runs)
    run.end()
    assert run.path is not None
    kept = begin(runs)
    with serving(runs) as site, open_page(site.address) as watched:
        watched.open(site.page(run))
        assert until(watched, "document.querySelectorAll('figure.live').length", 1) == 1
        watched.evaluate(COUNT_REFRESHES)
        run.path.parent.rename(tmp_path / "away")
        assert until(watched, SAID, GONE) == GONE
        kept.log_metrics({"loss": 0.01}, step=20)
        built = f"fetch('{site.address}data/series/{short_key(run_key(kept.run_id))}.js').then(r => r.text())"
        assert until(watched, f"{built}.then(text => text.includes('0.01'))", True) is True
        time.sleep(0.5)
        assert (watched.evaluate(SAID), watched.evaluate("window.refreshes")) == (GONE, 0)
        (tmp_path / "away").rename(run.path.parent)
        assert until(watched, SAID, "") == ""
        assert until(watched, "window.refreshes > 0", True) is True
    assert [m for m in watched.messages if "404" not in m] == []


def test_what_is_wrong_is_said_until_it_is_mended(tmp_path: Path, open_page: OpenPage) -> None:
    begin(tmp_path / "runs").end()
    look = tmp_path / "look" / "templates"
    look.mkdir(parents=True)
    config = tmp_path / "reportgen.toml"
    config.write_text('theme_dirs = ["look"]')
    with serving(tmp_path / "runs", "--port", "0", "--config", str(config)) as site, open_page(site.address) as watched:
        watched.open(site.address)
        (look / "home.html").write_text("{% nonsense %}")
        failed = f"({SAID}).startsWith('The build failed: ')"
        assert until(watched, failed, True) is True
        watched.page.reload()
        assert until(watched, failed, True) is True, "a page that is opened now says it, too"
        (look / "home.html").unlink()
        assert until(watched, SAID, "") == ""
        config.write_text('titel = "A"')
        wrong = f"({SAID}).includes('titel')"
        assert until(watched, wrong, True) is True
        with rg.start_run(experiment="wine", name="second", log_dir=tmp_path / "runs"):
            pass
        assert until(watched, "document.querySelector('main').textContent.includes('wine')", True) is True
        time.sleep(0.3)
        assert watched.evaluate(wrong), "the page was renewed, and the configuration is still wrong"
        assert watched.messages == []


def test_a_change_outside_the_page_itself_loads_it_anew_at_its_place(tmp_path: Path, open_page: OpenPage) -> None:
    run = begin(tmp_path / "runs")
    config = tmp_path / "reportgen.toml"
    config.write_text('title = "A"')
    with serving(tmp_path / "runs", "--port", "0", "--config", str(config)) as site, open_page(site.address) as watched:
        watched.open(site.page(run) + "#metrics?zoom=5..10")
        config.write_text('title = "Digits"')
        assert until(watched, "document.querySelector('header .site')?.textContent", "Digits") == "Digits"
        assert watched.address.endswith("#metrics?zoom=5..10")
        assert watched.messages == []


def test_a_page_outlives_its_server_and_goes_on_with_the_next(tmp_path: Path, open_page: OpenPage) -> None:
    runs, out = tmp_path / "runs", ("-o", str(tmp_path / "site"), "--port")
    run = begin(runs)
    with serving(runs, *out, "0") as site, open_page(site.address) as watched:
        watched.open(site.page(run) + "#metrics?zoom=5..10")
        assert until(watched, "document.querySelectorAll('figure.live').length", 1) == 1
        watched.evaluate("window.untouched = document.querySelector('figure.live'), 0")
        site.process.kill()
        assert until(watched, SAID, ENDED) == ENDED
        run.log_metrics({"loss": 0.01}, step=20)
        with serving(runs, *out, site.address.rsplit(":", 1)[1].strip("/")):
            assert until(watched, POINTS, "21") == "21"
            assert until(watched, POINTS_DRAWN, 21) == 21
            assert until(watched, SAID, "") == ""
            assert watched.evaluate("window.untouched.isConnected")


def test_a_tab_that_is_not_seen_asks_nothing_and_catches_up(tmp_path: Path, open_page: OpenPage) -> None:
    run = begin(tmp_path / "runs")
    with serving(tmp_path / "runs") as site, open_page(site.address) as watched:
        asked, ended = [], []
        watched.page.on("request", lambda r: asked.append(r.url) if "live/news" in r.url else None)
        watched.page.on("requestfailed", lambda r: ended.append(r.failure) if "live/news" in r.url else None)
        watched.open(site.page(run))
        assert until(watched, POINTS, "20") == "20"
        watched.page.wait_for_timeout(1500)  # until the build at the beginning of the watch is over
        watched.settles(lambda: len(asked) > 0, True)
        watched.evaluate(SEE % "true")
        watched.settles(lambda: ended, ["net::ERR_ABORTED"])
        before = len(asked)
        run.log_metrics({"loss": 0.01}, step=20)
        built = f"fetch('{site.address}').then(r => r.text()).then(page => page.includes('0.01'))"
        assert until(watched, built, True) is True
        assert (watched.evaluate(POINTS), len(asked)) == ("20", before)
        watched.evaluate(SEE % "false")
        assert until(watched, POINTS, "21") == "21"
        assert watched.messages == []


def test_the_page_that_waits_for_runs_becomes_the_site(tmp_path: Path, open_page: OpenPage) -> None:
    with serving(tmp_path / "runs") as site, open_page(site.address) as watched:
        watched.open(site.address)
        assert watched.page.locator("h1").inner_text() == f"Waiting for runs in {tmp_path / 'runs'}"
        assert watched.accessibility_faults() == []
        watched.page.wait_for_timeout(1500)
        begin(tmp_path / "runs")
        watched.page.get_by_text("digits").first.wait_for()
    assert [m for m in watched.messages if "503" not in m] == []

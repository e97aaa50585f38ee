"""How much a browser loads for the pages of a large site: code and data, compressed as a web server sends them."""

from __future__ import annotations

import gzip
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from reportgen.build import build
from reportgen.formats import short_key
from reportgen.site import urls
from reportgen.site.config import Config
from tests import pagelogs
from tests.browser import OpenPage, disk_address
from tests.sitefiles import site_summaries

pytestmark = [pytest.mark.browser, pytest.mark.slow]
KB = 1024
LAZY = (
    "vendor-d3",
    "vendor-plot",
    "against",
    "dimensions",
    "parallel",
    "plots",
    "compare-rest",
    "compare-details",
    "differences",
)
"""Beginnings of the names of what comes when the reader of a comparison gets there: analysis, code, artifacts."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a site with an experiment of 2,000 runs, one of 50 runs with 12 curves, and one run with 24 metrics."""
    folder = tmp_path_factory.mktemp("weights")
    for write in (pagelogs.write_table, pagelogs.write_curves, pagelogs.write_single):
        write(folder / "runs")
    with ProcessPoolExecutor(2) as pool:
        build([folder / "runs"], folder / "site", config=Config(), executor=pool, use_cache=False)
    return folder / "site"


def loaded(site: Path, page: str, open_page: OpenPage, drawn: str = "h1", more: str = "") -> dict[str, int]:
    """Return site path -> compressed bytes of all that `page` asked for until `drawn` is there and it is quiet, and of
    what scrolling down brings until `more` is there.
    """
    address = disk_address(site)
    asked: set[str] = set()
    with open_page(address) as watched:
        watched.page.on("request", lambda request: asked.add(request.url))
        watched.open(address + page)
        watched.page.locator(drawn).first.wait_for()
        watched.page.wait_for_timeout(1500)
        if more:
            watched.evaluate("document.querySelector('footer').scrollIntoView()")
            watched.page.locator(more).first.wait_for()
            watched.page.wait_for_timeout(1500)
        assert watched.messages == []
    paths = {unquote(urlsplit(url.removeprefix(address)).path) for url in asked if url.startswith(address)}
    return {path: len(gzip.compress((site / path).read_bytes(), 9)) for path in paths}


def code_of(files: dict[str, int], *, lazy: bool) -> int:
    """Return the bytes of scripts and style sheets: those of `LAZY`, or all others."""
    code = {p: n for p, n in files.items() if p.endswith((".js", ".css")) and p.startswith("assets/")}
    return sum(n for p, n in code.items() if any(p.startswith(f"assets/{name}") for name in LAZY) == lazy)


def data_of(files: dict[str, int]) -> int:
    """Return the bytes of data files."""
    return sum(n for path, n in files.items() if path.startswith("data/"))


def test_home(site: Path, open_page: OpenPage) -> None:
    files = loaded(site, urls.HOME, open_page)
    assert code_of(files, lazy=False) <= 20 * KB, files
    assert data_of(files) <= 50 * KB, files


def test_experiment_with_a_table_of_2000_runs(site: Path, open_page: OpenPage) -> None:
    files = loaded(site, urls.experiment_page(pagelogs.TABLE), open_page, ".grid-row")
    assert any(path.startswith("data/tables/") for path in files)
    assert code_of(files, lazy=False) <= 150 * KB, files
    assert data_of(files) <= 250 * KB, files


def test_run_with_12_charts_of_2_lines(site: Path, open_page: OpenPage) -> None:
    (key,) = keys_of(site, pagelogs.SINGLE)
    files = loaded(site, urls.run_page(key, "run-0"), open_page, "figure.live .graph")
    assert f"data/series/{short_key(key)}.js" in files
    assert code_of(files, lazy=False) <= 50 * KB, files
    assert data_of(files) <= 150 * KB, files


def test_comparison_of_50_runs_with_12_charts(site: Path, open_page: OpenPage) -> None:
    keys = keys_of(site, pagelogs.CURVES)
    assert len(keys) == 50
    page = f"{urls.COMPARE}#?runs={','.join(map(short_key, keys))}"
    files = loaded(site, page, open_page, ".compared", ".against svg")
    assert sum(path.startswith("data/series/") for path in files) == 50
    assert code_of(files, lazy=True) > 0
    assert code_of(files, lazy=False) <= 60 * KB, files
    assert code_of(files, lazy=True) <= 190 * KB, files
    assert data_of(files) <= 1024 * KB, files


def keys_of(site: Path, experiment: str) -> list[str]:
    """Return the keys of the runs of an experiment."""
    summaries = site_summaries(site)
    return [summary.key for summary in summaries if summary.experiment == experiment]

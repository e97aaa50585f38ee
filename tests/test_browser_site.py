"""The sample site in a real browser: silent, self-contained and usable.

From disk and over HTTP, light and dark, wide and narrow, with and without scripts, on screen and on paper.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser import OpenPage, disk_address, served

pytestmark = pytest.mark.browser


def pages_of(site: Path) -> list[str]:
    """Return the site path of every page."""
    return sorted(p.relative_to(site).as_posix() for p in site.rglob("*.html"))


def kinds_of_page(site: Path) -> list[str]:
    """Return one page of each kind: the first of those in one folder whose elements have the same classes."""
    kinds: dict[tuple[str, ...], str] = {}
    for path in pages_of(site):
        text = (site / path).read_text(encoding="utf-8")
        classes = {name for names in re.findall(r'class="([^"]*)"', text) for name in re.sub(r"\d+", "", names).split()}
        kinds.setdefault((path.rpartition("/")[0], *sorted(classes)), path)
    return sorted(kinds.values())


@contextmanager
def address_of(site: Path, way: str) -> Iterator[str]:
    """Yield the address of `site` on disk or on a local server."""
    if way == "file":
        yield disk_address(site)
    else:
        with served(site) as address:
            yield address


@pytest.mark.parametrize("way", ["file", "http"])
def test_no_page_says_anything_to_the_console_or_leaves_the_site(
    sample_site: Path, open_page: OpenPage, way: str
) -> None:
    with address_of(sample_site, way) as address, open_page(address) as watched:
        for path in pages_of(sample_site):
            watched.open(address + path)
        assert watched.messages == []
        assert watched.outside == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_kind_of_page_is_accessible(sample_site: Path, open_page: OpenPage, scheme: str) -> None:
    faults = {}
    address = disk_address(sample_site)
    with open_page(address, scheme=scheme) as watched:
        for path in kinds_of_page(sample_site):
            watched.open(address + path)
            if found := watched.accessibility_faults():
                faults[path] = found
    assert faults == {}


@pytest.mark.parametrize("javascript", [True, False])
def test_no_page_is_wider_than_a_phone(sample_site: Path, open_page: OpenPage, javascript: bool) -> None:
    address = disk_address(sample_site)
    too_wide = {}
    with open_page(address, width=390, javascript=javascript) as watched:
        for path in kinds_of_page(sample_site):
            watched.open(address + path)
            width = watched.evaluate("document.documentElement.scrollWidth")
            if width > 390:
                too_wide[path] = width
    assert too_wide == {}


def test_every_page_reads_without_scripts(sample_site: Path, open_page: OpenPage) -> None:
    address = disk_address(sample_site)
    with open_page(address, javascript=False) as watched:
        for path in kinds_of_page(sample_site):
            watched.open(address + path)
            assert watched.page.locator("h1").count() == 1, path
            assert watched.page.locator("h1").inner_text().strip(), path
            assert len(watched.page.locator("main").inner_text()) > 40, path
        assert watched.messages == []


@pytest.mark.parametrize("way", ["file", "http"])
@pytest.mark.parametrize("javascript", [True, False])
def test_one_gets_from_home_to_a_run_and_back_by_links(
    sample_site: Path, open_page: OpenPage, way: str, javascript: bool
) -> None:
    with address_of(sample_site, way) as address, open_page(address, javascript=javascript) as watched:
        page = watched.page
        watched.open(address + "index.html")
        page.locator("main a[href^='e/']:visible").first.click()
        page.wait_for_url(f"{address}e/*.html")
        page.locator("main a[href^='../r/']:visible").first.click()
        page.wait_for_url(f"{address}r/*.html")
        page.locator("header a.site").click()
        page.wait_for_url(address + "index.html")
        assert watched.messages == []


def test_the_first_tab_stop_leads_to_the_content(sample_site: Path, open_page: OpenPage) -> None:
    address = disk_address(sample_site)
    with open_page(address) as watched:
        watched.open(address + "index.html")
        watched.page.keyboard.press("Tab")
        assert watched.evaluate("document.activeElement.getAttribute('href')") == "#main"
        watched.page.keyboard.press("Enter")
        expect(watched.page.locator("main")).to_be_focused()


def test_every_focus_stop_shows_where_it_is(sample_site: Path, open_page: OpenPage) -> None:
    address = disk_address(sample_site)
    with open_page(address) as watched:
        watched.open(address + "index.html")
        for _ in range(12):
            watched.page.keyboard.press("Tab")
            outline = watched.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none", watched.evaluate("document.activeElement.outerHTML")


def test_paper_gets_no_navigation_and_light_colours(sample_site: Path, open_page: OpenPage) -> None:
    address = disk_address(sample_site)
    with open_page(address, scheme="dark") as watched:
        for path in kinds_of_page(sample_site):
            watched.open(address + path)
            watched.page.emulate_media(media="print")
            for tool in (".bar", ".keys-hint", ".compare-with", ".turn"):
                assert not any(part.is_visible() for part in watched.page.locator(tool).all()), (path, tool)
            ink = watched.evaluate("getComputedStyle(document.querySelector('h1')).color")
            assert sum(map(int, re.findall(r"\d+", ink)[:3])) < 150, (path, ink)
            watched.page.emulate_media(media="screen")

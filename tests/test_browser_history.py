"""The page of a history in a browser: one metric at a time, dates as axis, values under the pointer, links, paper."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser import OpenPage, Watched, disk_address
from tests.conftest import reportgen
from tests.test_cli_history import HASHES, write_history

pytestmark = pytest.mark.browser


def path_of(site: Path) -> str:
    (page,) = site.glob("h/digits-nightly-*.html")
    return page.relative_to(site).as_posix()


@contextmanager
def reading(open_page: OpenPage, site: Path, view: str = "", **options: object) -> Iterator[Watched]:
    address = disk_address(site)
    with open_page(address, **options) as watched:
        watched.open(address + path_of(site) + view)
        yield watched
        assert watched.messages == []
        assert watched.outside == []


def expect_shown(watched: Watched, titles: list[str]) -> None:
    """Wait until metrics of these titles are shown, and no others: a page answers a click when it comes to it."""
    expect(watched.page.locator(".panel:visible figcaption h3")).to_have_text(titles)


def test_one_metric_is_shown_and_the_list_leads_to_the_others(sample_site: Path, open_page: OpenPage) -> None:
    with reading(open_page, sample_site) as watched:
        page = watched.page
        expect_shown(watched, ["val/accuracy"])
        page.locator(".metrics:visible a", has_text="val/loss").click()
        expect_shown(watched, ["val/loss"])
        assert page.locator(".metrics:visible [aria-current]").inner_text().startswith("val/loss")
        assert re.search(r"#m-[a-z2-7]{10}$", page.url)
        page.locator(".configurations a", has_text="width 8").click()
        expect_shown(watched, ["val/accuracy"])
        expect(page.locator(".configuration:visible h2").first).to_have_text("width 8")
        page.go_back()
        expect_shown(watched, ["val/loss"])


def test_without_scripts_all_metrics_follow_each_other(sample_site: Path, open_page: OpenPage) -> None:
    with reading(open_page, sample_site, javascript=False) as watched:
        expect_shown(watched, ["val/accuracy", "val/loss", "val/calibration", "train/loss"] * 2)
        assert watched.page.locator("svg.by-commit:visible").count() == 8
        assert watched.page.locator("svg.by-date:visible").count() == 0
        assert watched.page.locator(".segments:visible, .read:visible").count() == 0


def test_the_axis_turns_to_dates_and_the_view_is_in_the_address(sample_site: Path, open_page: OpenPage) -> None:
    with reading(open_page, sample_site) as watched:
        page = watched.page
        page.get_by_role("button", name="by date").locator("visible=true").click()
        assert page.url.endswith("#?by=date")
        assert page.locator("svg.by-date:visible").count() == 1
        page.locator(".metrics:visible a", has_text="val/loss").click()
        assert page.url.endswith("?by=date")
        address = page.url
        watched.open("about:blank")
        watched.open(address)
        expect_shown(watched, ["val/loss"])
        assert page.locator("svg.by-date:visible").count() == 1
        assert page.locator("button[data-by=date]:visible").get_attribute("aria-pressed") == "true"


def test_pointing_reads_out_an_observation_and_a_click_opens_its_run(sample_site: Path, open_page: OpenPage) -> None:
    with reading(open_page, sample_site) as watched:
        page = watched.page
        box = page.locator(".area:visible").bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + 40)
        said = page.locator(".read:visible").inner_text()
        assert said.startswith("0.9263 (0.9249 to 0.9277 in 3 runs)")
        assert "Keep the images in a quarter of the memory · 20 Nov 2026" in said
        assert page.locator(".cursor:visible").count() == 1
        page.mouse.move(5, 5)
        assert page.locator(".read:visible").inner_text() == ""
        page.mouse.click(box["x"] + box["width"] * 0.8, box["y"] + 40)
        page.wait_for_url("**/r/*.html")
        assert "Keep the images in a quarter of the memory" in page.locator(".facts").inner_text()


def test_the_arrow_keys_read_out_one_after_the_other(sample_site: Path, open_page: OpenPage) -> None:
    with reading(open_page, sample_site) as watched:
        page = watched.page
        page.locator(".panel:visible figure").focus()
        page.keyboard.press("End")
        assert "Check that labels are digits" in page.locator(".read:visible").inner_text()
        page.keyboard.press("ArrowLeft")
        assert "Write down what calibration means" in page.locator(".read:visible").inner_text()
        page.keyboard.press("Escape")
        assert page.locator(".read:visible").inner_text() == ""
        page.keyboard.press("Home")
        page.keyboard.press("Enter")
        page.wait_for_url("**/r/*.html")


def test_a_link_of_the_feed_shows_its_metric(sample_site: Path, open_page: OpenPage) -> None:
    feed = (sample_site / "feed.xml").read_text(encoding="utf-8")
    (target,) = re.findall(r"Regression in digits-nightly, width 32: val/loss.*?href=\"([^\"]+)\"", feed, re.DOTALL)
    address = disk_address(sample_site)
    with open_page(address) as watched:
        watched.open(address + target)
        expect_shown(watched, ["val/loss"])
        assert watched.messages == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_metric_is_accessible(sample_site: Path, open_page: OpenPage, scheme: str) -> None:
    with reading(open_page, sample_site, scheme=scheme) as watched:
        for link in watched.page.locator(".metrics:visible a").all():
            link.click()
            assert watched.accessibility_faults() == []


def test_a_phone_brings_the_chart_into_sight(sample_site: Path, open_page: OpenPage) -> None:
    with reading(open_page, sample_site, width=390) as watched:
        page = watched.page
        assert watched.evaluate("document.documentElement.scrollWidth") == 390
        page.set_viewport_size({"width": 390, "height": 500})
        page.locator(".metrics:visible a", has_text="val/loss").click()
        box = page.locator(".panel:visible figure").bounding_box()
        assert box is not None and -60 < box["y"] < 380


def test_paper_shows_what_the_screen_shows(sample_site: Path, open_page: OpenPage) -> None:
    with reading(open_page, sample_site) as watched:
        watched.page.emulate_media(media="print")
        expect_shown(watched, ["val/accuracy"])
        assert watched.page.locator(".segments:visible, .read:visible").count() == 0


def test_hostile_commits_are_read_out_as_text(tmp_path: Path, open_page: OpenPage) -> None:
    runs = write_history(tmp_path, [f"<img src=x onerror=alert(1)>{h}" for h in HASHES], experiment="digits-nightly")
    assert reportgen("build", runs, "-o", "site", "-q", cwd=tmp_path).status == 0
    with reading(open_page, tmp_path / "site") as watched:
        watched.page.locator(".panel:visible figure").focus()
        watched.page.keyboard.press("End")
        assert "<img sr" in watched.page.locator(".read:visible").inner_text()

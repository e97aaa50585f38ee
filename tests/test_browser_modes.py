"""Light, dark and what the system says: without a flash, kept between pages, in pictures too, never on paper."""

from __future__ import annotations

import io
import re
from pathlib import Path

import matplotlib.image
import pytest

from tests.browser import OpenPage, Watched, disk_address
from tests.test_browser_site import kinds_of_page, pages_of

pytestmark = pytest.mark.browser

LIGHT, DARK = "rgb(255, 255, 255)", "rgb(17, 19, 22)"


def background(watched: Watched) -> str:
    return str(watched.evaluate("getComputedStyle(document.documentElement).backgroundColor"))


def one_of_each_folder(site: Path) -> list[str]:
    """Return a page of each folder: all kinds have the same bar, and take their colours from the same place."""
    return list({path.rpartition("/")[0]: path for path in kinds_of_page(site)}.values())


def choose(watched: Watched, mode: str) -> None:
    """Press the button until it says `mode`."""
    for _ in range(3):
        if watched.page.get_by_role("button", name=f"Colours: {mode}").count():
            return
        watched.page.locator(".bar .mode").click()
    raise AssertionError(f"no mode '{mode}'")


def test_on_every_page_the_choice_is_read_before_the_first_style_sheet(sample_site: Path) -> None:
    for path in pages_of(sample_site):
        head = (sample_site / path).read_text(encoding="utf-8").partition("</head>")[0]
        loaded = re.findall(r'<(?:script src|link rel="stylesheet" href)="[^"]*assets/([\w-]+)\.[^>]*>', head)
        assert loaded[:2] == ["mode", "theme"], path
        assert re.search(r'<script src="[^"]*assets/mode\.\w+\.js"></script>', head), path


def test_the_choice_holds_before_anything_is_painted(sample_site: Path, open_page: OpenPage) -> None:
    address = disk_address(sample_site)
    with open_page(address) as watched:
        watched.open(address + "index.html")
        choose(watched, "dark")
        watched.page.add_init_script(
            "new MutationObserver((_, observer) => { if (!document.body) return;"
            " window.atFirst = document.documentElement.dataset.mode; observer.disconnect(); })"
            ".observe(document, {childList: true, subtree: true});"
        )
        watched.open(address + "runs.html")
        assert watched.evaluate("window.atFirst") == "dark"
        assert watched.messages == []


@pytest.mark.parametrize(("scheme", "mode", "shown"), [("light", "dark", DARK), ("dark", "light", LIGHT)])
def test_a_choice_is_kept_on_other_pages_until_it_is_given_up(
    sample_site: Path, open_page: OpenPage, scheme: str, mode: str, shown: str
) -> None:
    address = disk_address(sample_site)
    with open_page(address, scheme=scheme) as watched:
        watched.open(address + "index.html")
        system = background(watched)
        assert {system, shown} == {LIGHT, DARK}
        choose(watched, mode)
        assert background(watched) == shown
        watched.open(address + "runs.html")
        assert background(watched) == shown
        choose(watched, "auto")
        assert background(watched) == system
        watched.open(address + "index.html")
        assert background(watched) == system
        assert watched.evaluate("localStorage.length") == 0


def test_a_browser_that_forbids_storage_still_changes_the_open_page(sample_site: Path, open_page: OpenPage) -> None:
    address = disk_address(sample_site)
    with open_page(address) as watched:
        watched.page.add_init_script(
            "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no', 'SecurityError'); }})"
        )
        watched.open(address + "index.html")
        choose(watched, "dark")
        assert background(watched) == DARK
        assert watched.messages == []


def test_another_open_page_follows(sample_site: Path, open_page: OpenPage) -> None:
    address = disk_address(sample_site)
    with open_page(address) as watched:
        watched.open(address + "index.html")
        other = watched.page.context.new_page()
        other.goto(address + "runs.html")
        choose(watched, "dark")
        other.get_by_role("button", name="Colours: dark").wait_for()
        assert other.evaluate("document.documentElement.dataset.mode") == "dark"


def test_scripts_that_draw_are_told_of_each_change(sample_site: Path, open_page: OpenPage) -> None:
    address = disk_address(sample_site)
    with open_page(address) as watched:
        watched.open(address + "index.html")
        watched.evaluate("window.told = 0; document.addEventListener('reportgen:mode', () => window.told++)")
        choose(watched, "light")
        assert watched.evaluate("window.told") == 1
        choose(watched, "auto")
        assert watched.evaluate("window.told") == 3
        watched.evaluate("window.next = new Promise(r => document.addEventListener('reportgen:mode', () => r(1))); 0")
        watched.page.emulate_media(color_scheme="dark")
        assert watched.evaluate("window.next") == 1
        ink = "getComputedStyle(document.documentElement).getPropertyValue('--ink').trim()"
        assert watched.evaluate(ink) == "#e9ebee"


@pytest.mark.parametrize(("scheme", "mode"), [("light", "dark"), ("dark", "light")])
def test_static_plots_follow_the_choice(sample_site: Path, open_page: OpenPage, scheme: str, mode: str) -> None:
    address = disk_address(sample_site)
    plot = next(sample_site.glob("assets/plots/*.svg")).name
    with open_page(address, scheme=scheme) as watched:
        watched.open(address + "problems.html")
        choose(watched, mode)
        watched.evaluate(
            "new Promise(resolve => { const plot = new Image(400, 240); plot.id = 'plot'; plot.onload = resolve;"
            f" plot.src = 'assets/plots/{plot}'; document.querySelector('main').prepend(plot); }})"
        )
        seen = matplotlib.image.imread(io.BytesIO(watched.page.locator("#plot").screenshot()), format="png")
    grey = seen[..., :3].mean(axis=2)
    text_and_lines = abs(grey - grey[2, 2]) > 0.3
    assert (grey[2, 2] < 0.2) == (mode == "dark")
    assert text_and_lines.mean() > 0.01


@pytest.mark.parametrize(("scheme", "mode"), [("light", "dark"), ("dark", "light")])
def test_every_kind_of_page_is_accessible_in_a_chosen_mode(
    sample_site: Path, open_page: OpenPage, scheme: str, mode: str
) -> None:
    address = disk_address(sample_site)
    faults = {}
    with open_page(address, scheme=scheme) as watched:
        watched.open(address + "index.html")
        choose(watched, mode)
        for path in one_of_each_folder(sample_site):
            watched.open(address + path)
            assert background(watched) == (DARK if mode == "dark" else LIGHT)
            if found := watched.accessibility_faults():
                faults[path] = found
    assert faults == {}


def test_paper_is_light_whatever_was_chosen(sample_site: Path, open_page: OpenPage) -> None:
    address = disk_address(sample_site)
    with open_page(address, scheme="dark") as watched:
        watched.open(address + "index.html")
        choose(watched, "dark")
        for path in one_of_each_folder(sample_site):
            watched.open(address + path)
            watched.page.emulate_media(media="print")
            assert background(watched) == LIGHT, path
            assert watched.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light", path
            assert not watched.page.locator(".bar").is_visible(), path
            watched.page.emulate_media(media="screen")


@pytest.mark.parametrize("width", [390, 800, 1280])
def test_the_top_bar_holds_its_tools_in_one_row(sample_site: Path, open_page: OpenPage, width: int) -> None:
    address = disk_address(sample_site)
    with open_page(address, width=width) as watched:
        watched.open(address + "index.html")
        boxes = watched.evaluate(
            "['.site', '.search-open', '.mode'].map(s => document.querySelector('.bar ' + s).getBoundingClientRect())"
            ".map(b => ({middle: b.top + b.height / 2, right: b.right, height: b.height, width: b.width}))"
        )
        site, *tools = boxes
        assert all(abs(tool["middle"] - site["middle"]) < 3 for tool in tools)
        assert all(tool["right"] <= width for tool in tools)
        assert all(min(tool["height"], tool["width"]) >= (44 if width == 390 else 24) for tool in tools)
        assert watched.evaluate("document.documentElement.scrollWidth") <= width

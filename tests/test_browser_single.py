"""Reports of one file in a real browser: silent, complete, readable with and without scripts, and on paper."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import expect

from reportgen.single import Request, build_single
from reportgen.site.config import Config
from reportgen.site.config_file import load_config
from tests.browser import OpenPage
from tests.conftest import SAMPLES
from tests.sourcelogs import T0
from tests.test_build import HOSTILE
from tests.test_single_file import Document, faults, titles, write

pytestmark = pytest.mark.browser

REQUESTS = {
    "experiment": Request(experiment="diabetes"),
    "run": Request(run="vivid-walrus-50"),
    "compare": Request(compare=("boosted trees", "ridge", "vivid-walrus-50")),
}


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return a report of each kind on the sample runs."""
    folder = tmp_path_factory.mktemp("reports")
    config = load_config(SAMPLES / "reportgen.toml", folder=folder)
    files = {kind: folder / f"{kind}.html" for kind in REQUESTS}
    for kind, request in REQUESTS.items():
        build_single([SAMPLES], files[kind], request, config=config, use_cache=False)
    return files


@pytest.mark.parametrize("kind", REQUESTS)
@pytest.mark.parametrize("javascript", [True, False])
def test_it_says_nothing_to_the_console_and_asks_for_nothing(
    reports: dict[str, Path], open_page: OpenPage, kind: str, javascript: bool
) -> None:
    address = reports[kind].as_uri()
    with open_page(address, javascript=javascript) as watched:
        asked: list[str] = []
        watched.page.on("request", lambda request: asked.append(request.url))
        watched.open(address)
        if javascript:
            read_to_the_end(watched.page)
        assert [url for url in asked if not url.startswith(("data:", address))] == []
        assert watched.messages == []
        assert watched.outside == []


def read_to_the_end(page: object) -> None:
    """Scroll through the page, so that all that is drawn when it comes into view is drawn."""
    page.evaluate(  # type: ignore[attr-defined]
        """async () => {
            for (let y = 0; y < document.documentElement.scrollHeight; y += 700) {
                scrollTo(0, y);
                await new Promise((resolve) => setTimeout(resolve, 15));
            }
            scrollTo(0, 0);
        }"""
    )


@pytest.mark.parametrize(
    ("kind", "scheme"), [("experiment", "light"), ("run", "light"), ("run", "dark"), ("compare", "dark")]
)
def test_it_is_accessible(
    reports: dict[str, Path], open_page: OpenPage, kind: str, scheme: Literal["light", "dark"]
) -> None:
    address = reports[kind].as_uri()
    with open_page(address, scheme=scheme) as watched:
        watched.open(address)
        read_to_the_end(watched.page)
        assert watched.accessibility_faults() == []


@pytest.mark.parametrize("kind", REQUESTS)
@pytest.mark.parametrize("javascript", [True, False])
def test_it_is_no_wider_than_a_phone(
    reports: dict[str, Path], open_page: OpenPage, kind: str, javascript: bool
) -> None:
    address = reports[kind].as_uri()
    with open_page(address, javascript=javascript, width=390) as watched:
        watched.open(address)
        assert watched.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_list_of_keys_is_part_of_it(reports: dict[str, Path], open_page: OpenPage) -> None:
    address = reports["run"].as_uri()
    with open_page(address) as watched:
        watched.open(address)
        watched.page.keyboard.press("?")
        watched.page.get_by_role("dialog", name="Keys").wait_for()
        assert watched.messages == []


@pytest.mark.parametrize("kind", REQUESTS)
def test_it_stands_for_itself(reports: dict[str, Path], kind: str) -> None:
    assert faults(Document(reports[kind].read_text(encoding="utf-8"))) == []


def test_it_reads_without_scripts_from_title_to_end(reports: dict[str, Path], open_page: OpenPage) -> None:
    address = reports["experiment"].as_uri()
    with open_page(address, javascript=False) as watched:
        watched.open(address)
        heads = watched.page.locator("h1").all()
        names = [head.inner_text() for head in heads]
        assert names[:3] == ["Report on diabetes", "diabetes", "elastic net"]
        places = [head.bounding_box() for head in heads]
        assert all(place is not None for place in places)
        tops = [place["y"] for place in places if place is not None]
        assert tops == sorted(tops)
        assert watched.page.locator(".folded .charts svg:visible").count() > 10
        assert watched.page.locator("img:visible").count() > 2
        assert not watched.page.locator(".search-open").is_visible()


def test_links_lead_to_the_parts_and_back(reports: dict[str, Path], open_page: OpenPage) -> None:
    address = reports["experiment"].as_uri()
    with open_page(address) as watched:
        page = watched.page
        watched.open(address)
        page.locator("#contents a", has_text="ridge").click()
        expect(page).to_have_url(re.compile(r"#r-\w{10}$"))
        part = page.locator(".folded:target")
        assert part.locator("h1").inner_text() == "ridge"
        part.locator(".rail a", has_text="Parameters").click()
        expect(page).to_have_url(re.compile(r"#r-\w{10}-params$"))
        watched.settles(
            lambda: watched.evaluate("Math.abs(document.querySelector(':target').getBoundingClientRect().top) < 60"),
            True,
        )
        part = page.locator(".folded", has=page.locator(":target"))
        part.locator(".path a", has_text="Contents").click()
        expect(page).to_have_url(address + "#contents")
        assert watched.messages == []


def test_pictures_are_shown(reports: dict[str, Path], open_page: OpenPage) -> None:
    for kind, file in reports.items():
        with open_page(file.as_uri()) as watched:
            watched.open(file.as_uri())
            shown = watched.evaluate("[...document.images].map(i => i.complete && i.naturalWidth > 0)")
            assert all(shown), kind
            assert len(shown) >= {"experiment": 3, "run": 0, "compare": 2}[kind]


@pytest.mark.parametrize("kind", REQUESTS)
def test_it_prints_in_its_order(reports: dict[str, Path], open_page: OpenPage, kind: str) -> None:
    address = reports[kind].as_uri()
    expected = titles(Document(reports[kind].read_text(encoding="utf-8")))
    with open_page(address, scheme="dark") as watched:
        watched.open(address)
        printed = watched.page.pdf(outline=True, tagged=True)
        entries = [entry.decode() for entry in re.findall(rb"/Title \(([^()]*)\)", printed)]
        assert set(expected) <= set(entries)
        places = [entries.index(title) for title in expected[1:]]  # a PDF names the whole after its parts
        assert sorted(places) == places
        assert len(re.findall(rb"/Type\s*/Page\b", printed)) > len(expected)
        watched.page.emulate_media(media="print")
        assert not watched.page.locator("header.bar").is_visible()
        assert not watched.page.locator(".licences").is_visible()
        assert watched.page.locator(".still:visible").count() == (kind == "compare")
        ink = watched.evaluate("getComputedStyle(document.querySelector('h1')).color")
        assert sum(map(int, re.findall(r"\d+", ink)[:3])) < 150


def test_what_was_left_out_is_said_at_its_top(reports: dict[str, Path], tmp_path: Path, open_page: OpenPage) -> None:
    config = load_config(SAMPLES / "reportgen.toml", folder=tmp_path)
    file = tmp_path / "report.html"
    limit = (reports["experiment"].stat().st_size - 60_000) / 2**20
    build_single([SAMPLES], file, REQUESTS["experiment"], config=config, max_mb=limit, use_cache=False)
    with open_page(file.as_uri()) as watched:
        watched.open(file.as_uri())
        note = watched.page.locator("main > .note.warn")
        assert re.search(r"Left out to stay below 1?\.?\d+ MB: \d pictures? \(", note.inner_text())
        place = note.bounding_box()
        assert place is not None
        assert place["y"] < 400
        assert watched.page.locator(".left-out", has_text="This picture is not in this file.").first.is_visible()
        assert watched.accessibility_faults() == []
        assert watched.messages == []


def test_every_logged_point_is_in_it_unless_it_says_otherwise(tmp_path: Path, open_page: OpenPage) -> None:
    steps = list(range(9000))
    points = {"event": "points", "steps": steps, "times": [T0 + s for s in steps], "metric": "loss"}
    values = [1 / (1 + s) for s in steps]
    values[4321] = 7.5
    write(tmp_path / "runs", "long", lines=[{**points, "values": values}])
    exact = "reportgen.run('%s').then(run => run.exact('loss', 4320, 4322)).then(s => Array.from(s.values))"
    for max_mb, expected in ((25.0, values[4319:4324]), (0.0, None)):
        file = tmp_path / "report.html"
        limit = max_mb or (file.stat().st_size - 5000) / 2**20
        build_single([tmp_path / "runs"], file, Request(run="long"), config=Config(), max_mb=limit, use_cache=False)
        with open_page(file.as_uri()) as watched:
            watched.open(file.as_uri())
            k = watched.evaluate("document.querySelector('[data-k]').dataset.k")
            if expected:
                assert watched.evaluate(exact % k) == pytest.approx(expected)
            else:
                assert "is not part of this report" in watched.evaluate(f"{exact % k}.catch(error => error.message)")
                assert "the exact points of long series of 1 run" in watched.page.locator("main > .note").inner_text()
            assert watched.messages == []


def test_names_of_any_kind_do_nothing(tmp_path: Path, open_page: OpenPage) -> None:
    for number, name in enumerate(HOSTILE):
        lines = [{"event": "note", "text": name}, {"event": "tags", "tags": {name: name}}]
        files = {"a.txt": f"</script><script>alert({number})</script>".encode()}
        write(tmp_path / "runs", name, experiment=HOSTILE[0], number=number, lines=lines, files=files)
    file = tmp_path / "report.html"
    opened: list[str] = []
    for request in (Request(experiment=HOSTILE[0]), Request(compare=tuple(f"id-{name}" for name in HOSTILE[:3]))):
        build_single([tmp_path / "runs"], file, request, config=Config(), use_cache=False)
        with open_page(file.as_uri()) as watched:
            watched.page.on("dialog", lambda dialog: (opened.append(dialog.message), dialog.dismiss()))
            watched.open(file.as_uri())
            read_to_the_end(watched.page)
            assert opened == []
            assert watched.messages == []
            assert watched.outside == []
            assert watched.page.locator("h1:visible").count() > 3

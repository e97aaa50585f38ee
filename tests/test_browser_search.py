"""The search dialog and the list of keys in a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser import OpenPage, Watched, disk_address
from tests.datafiles import write_search

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=alert(1)> \u05d0\u05d1 😀 " + "x" * 200

RUNS = [
    # name, experiment, text
    ("quiet-note", 0, "lr=0.5\n\nThe loss was high for a while"),
    ("quiet-param", 0, "loss=mse\nlr=0.15"),
    ("big-loss", 1, "lr=0.1\nseed=3"),
    ("loss-hunter", 1, "lr=0.1\nseed=4"),
    ("quiet-experiment", 2, ""),
    ("UPPER", 0, "purpose=A/B test"),
    (HOSTILE, 0, 'tag=<b>bold</b> & "quoted"'),
    *((f"bulk-{i:02}", 0, f"width={i}") for i in range(40)),
]


def search_data(page: str) -> dict[str, Any]:
    """Return `SearchData` in which every run and experiment leads to `page`, told apart by a fragment."""
    titles = ["digits", "wine", "low loss"]
    return {
        "experiments": {
            "title": titles,
            "page": [f"{page}#e{i}" for i in range(3)],
            "text": ["Handwritten", "Two ranks", ""],
        },
        "runs": {
            "name": [name for name, _, _ in RUNS],
            "page": [f"{page}#r{i}" for i in range(len(RUNS))],
            "experiment": [experiment for _, experiment, _ in RUNS],
            "status": ["failed" if name == "UPPER" else "finished" for name, _, _ in RUNS],
            "start": [9_000 - i for i in range(len(RUNS))],
            "text": [text for _, _, text in RUNS],
        },
    }


@pytest.fixture(scope="module")
def site(sample_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the sample site with runs of our own to search."""
    copy = tmp_path_factory.mktemp("search") / "site"
    shutil.copytree(sample_site, copy)
    write_search(copy, search_data("models.html"))
    return copy


def run_page(site: Path) -> str:
    return min(p.relative_to(site).as_posix() for p in site.glob("r/*.html"))


@contextmanager
def searching(open_page: OpenPage, site: Path, path: str = "index.html", **options: Any) -> Iterator[Watched]:
    """Yield a page with the search open and its data loaded."""
    with open_page(disk_address(site), **options) as watched:
        watched.open(disk_address(site) + path)
        watched.page.keyboard.press("/")
        watched.page.get_by_text("can be searched").wait_for()
        yield watched


def found(watched: Watched, group: str) -> list[str]:
    """Return the names in a group of what was found."""
    return watched.page.get_by_role("group", name=group).locator("[role=option] b").all_inner_texts()


def ask(watched: Watched, query: str) -> list[str]:
    """Type `query` and return the names of the runs that are found."""
    watched.page.locator("dialog [role=combobox]").fill(query)
    return found(watched, "Runs")


def active(watched: Watched) -> str:
    """Return the text of the option that the arrow keys have reached."""
    reached = "document.getElementById(document.activeElement.getAttribute('aria-activedescendant'))"
    text: str = watched.evaluate(f"{reached}?.querySelector('b').textContent ?? ''")
    selected: list[str] = watched.evaluate(
        "[...document.querySelectorAll('[aria-selected=true] b')].map(e => e.textContent)"
    )
    assert selected == ([text] if text else [])
    return text


@pytest.mark.parametrize("key", ["/", "Control+k", "Meta+k"])
def test_keys_open_the_search_and_escape_closes_it(site: Path, open_page: OpenPage, key: str) -> None:
    with open_page(disk_address(site)) as watched:
        watched.open(disk_address(site) + "index.html")
        watched.page.keyboard.press(key)
        field = watched.page.locator("dialog [role=combobox]")
        field.wait_for()
        watched.page.keyboard.type("a/b")
        assert field.input_value() == "a/b"
        watched.page.get_by_role("option", name="UPPER").wait_for()
        watched.page.keyboard.press("Escape")
        assert not field.is_visible()
        assert watched.messages == []


def test_the_home_page_loads_the_search_on_its_first_use(site: Path, open_page: OpenPage) -> None:
    with open_page(disk_address(site)) as watched:
        asked: list[str] = []
        watched.page.on("request", lambda request: asked.append(request.url.rpartition("/")[2].partition(".")[0]))
        watched.open(disk_address(site) + "index.html")
        assert "search" not in asked
        watched.page.locator(".search-open").click()
        watched.page.get_by_text("can be searched").wait_for()
        assert sorted(name for name in asked if name == "search") == ["search"] * 3


def test_a_word_in_the_name_counts_more_than_one_in_a_param_and_that_more_than_one_in_a_note(
    site: Path, open_page: OpenPage
) -> None:
    with searching(open_page, site) as watched:
        assert ask(watched, "LOSS") == ["loss-hunter", "big-loss", "quiet-experiment", "quiet-param", "quiet-note"]
        assert found(watched, "Experiments") == ["low loss"]


@pytest.mark.parametrize("query", ["lr=0.1", "lr = 0.1", "  0.1 lr "])
def test_a_param_is_found_by_its_value_exact_ones_first(site: Path, open_page: OpenPage, query: str) -> None:
    with searching(open_page, site) as watched:
        assert ask(watched, query) == ["big-loss", "loss-hunter", "quiet-param"]


def test_all_words_must_match_in_any_place(site: Path, open_page: OpenPage) -> None:
    with searching(open_page, site) as watched:
        assert ask(watched, "wine seed=4") == ["loss-hunter"]
        assert ask(watched, "wine nothing") == []
        assert "Nothing matches" in watched.page.get_by_role("dialog").inner_text()


def test_the_best_twenty_are_shown_and_the_rest_is_in_the_runs_table(site: Path, open_page: OpenPage) -> None:
    with searching(open_page, site, run_page(site)) as watched:
        assert ask(watched, "bulk") == [f"bulk-{i:02}" for i in range(20)]
        dialog = watched.page.get_by_role("dialog")
        assert "40 runs match; first 20 shown" in dialog.inner_text()
        ask(watched, "bulk width=1 &")
        assert "runs table" not in dialog.inner_text()
        ask(watched, "bulk width=1")
        link = dialog.get_by_role("link", name="All of them in the runs table")
        assert link.get_attribute("href") == "../runs.html#?q=bulk%20%22width%3D1%22"


def test_what_was_found_is_marked_where_it_stands(site: Path, open_page: OpenPage) -> None:
    with searching(open_page, site) as watched:
        ask(watched, "upper test")
        option = watched.page.locator("[role=option]", has_text="UPPER")
        assert option.locator("mark").all_inner_texts() == ["UPPER", "test"]
        assert option.locator("small").inner_text() == "digits · purpose=A/B test"
        assert option.locator(".word").inner_text() == "Failed"


def test_names_are_text_whatever_they_say(site: Path, open_page: OpenPage) -> None:
    with searching(open_page, site, width=390) as watched:
        assert ask(watched, "onerror") == [HOSTILE]
        assert watched.page.locator("dialog img").count() == 0
        assert ask(watched, "<b>bold") == [HOSTILE]
        assert watched.evaluate("document.querySelector('dialog .found').scrollWidth") <= 390
        assert watched.messages == []


def test_arrow_keys_choose_and_enter_opens(site: Path, open_page: OpenPage) -> None:
    with searching(open_page, site, run_page(site)) as watched:
        press = watched.page.keyboard.press
        assert active(watched) == ""
        ask(watched, "hunter")
        assert active(watched) == "loss-hunter"
        ask(watched, "lr=0.1")
        press("ArrowDown")
        assert active(watched) == "loss-hunter"
        press("ArrowDown")
        press("ArrowDown")
        assert active(watched) == "big-loss"
        press("ArrowUp")
        assert active(watched) == "quiet-param"
        press("Enter")
        watched.page.wait_for_url(disk_address(site) + "models.html#r1")
        assert watched.messages == []


def test_ctrl_and_enter_opens_a_tab_of_its_own(site: Path, open_page: OpenPage) -> None:
    with searching(open_page, site) as watched:
        ask(watched, "hunter")
        with watched.page.context.expect_page() as opened:
            watched.page.keyboard.press("Control+Enter")
        expect(opened.value).to_have_url(disk_address(site) + "models.html#r3")
        assert watched.page.locator("dialog [role=combobox]").is_visible()


def test_a_section_of_the_open_page_is_found_and_the_view_of_the_page_is_kept(site: Path, open_page: OpenPage) -> None:
    path = run_page(site)
    with searching(open_page, site, path + "#?x=wall") as watched:
        ask(watched, "param")
        assert found(watched, "On this page") == ["Parameters"]
        watched.page.keyboard.press("Enter")
        expect(watched.page).to_have_url(disk_address(site) + path + "#params?x=wall")
        expect(watched.page.locator("#params")).to_be_focused()
        assert not watched.page.get_by_role("dialog").is_visible()


def test_without_a_query_it_is_a_list_of_pages(site: Path, open_page: OpenPage) -> None:
    with searching(open_page, site) as watched:
        assert found(watched, "Pages") == ["Experiments", "All runs", "Compare", "History", "Models", "Problems"]
        assert found(watched, "Experiments") == ["digits", "wine", "low loss"]
        ask(watched, "problems")
        watched.page.keyboard.press("Enter")
        watched.page.wait_for_url(disk_address(site) + "problems.html")


def test_a_missing_data_file_is_said_and_pages_are_still_found(site: Path, open_page: OpenPage, tmp_path: Path) -> None:
    broken = tmp_path / "site"
    shutil.copytree(site, broken)
    (broken / "data/search.js").unlink()
    with open_page(disk_address(broken)) as watched:
        watched.open(disk_address(broken) + "index.html")
        watched.page.keyboard.press("/")
        watched.page.get_by_text("cannot be searched: data/search.js cannot be loaded").wait_for()
        ask(watched, "models")
        assert found(watched, "Pages") == ["Models"]


FIELDS = ("name", "page", "status", "start", "text")


def test_chunks_of_a_large_site_are_searched_as_one(site: Path, open_page: OpenPage, tmp_path: Path) -> None:
    whole = search_data("models.html")
    halves = [{"experiments": {}, "runs": {}}, {"experiments": {}, "runs": {}}]
    for half, own in zip(halves, ([0], [1, 2]), strict=True):
        for name, column in whole["experiments"].items():
            half["experiments"][name] = [column[i] for i in own]
        rows = [i for i, experiment in enumerate(whole["runs"]["experiment"]) if experiment in own]
        for name, column in whole["runs"].items():
            half["runs"][name] = [own.index(column[i]) if name == "experiment" else column[i] for i in rows]
    parted = Path(shutil.copytree(site, tmp_path / "site"))
    write_search(parted, *halves[::-1])
    with open_page(disk_address(parted)) as watched:
        watched.open(disk_address(parted) + "index.html")
        merged = watched.evaluate("reportgen.searchData()")
    with searching(open_page, parted) as watched, searching(open_page, site) as plain:
        for words in ("e", "experiment", "a"):
            assert ask(watched, words) == ask(plain, words)
    titles, runs = merged["experiments"]["title"], merged["runs"]
    rows = zip([titles[i] for i in runs["experiment"]], *(runs[name] for name in FIELDS), strict=True)
    first = [whole["experiments"]["title"][i] for i in whole["runs"]["experiment"]]
    assert sorted(rows) == sorted(zip(first, *(whole["runs"][name] for name in FIELDS), strict=True))


def test_new_data_of_a_served_site_are_searched(site: Path, open_page: OpenPage, tmp_path: Path) -> None:
    changing = tmp_path / "site"
    shutil.copytree(site, changing)
    with searching(open_page, changing) as watched:
        assert ask(watched, "fresh") == []
        data = search_data("models.html")
        data["runs"]["name"][0] = "fresh"
        write_search(changing, data)
        detail = '{detail: {data: ["search"], everything: false}}'
        watched.evaluate(f'document.dispatchEvent(new CustomEvent("reportgen:refresh", {detail}))')
        watched.page.get_by_role("option", name="fresh").wait_for()
        assert watched.messages == []


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_the_open_search_is_accessible(site: Path, open_page: OpenPage, scheme: str, width: int) -> None:
    with searching(open_page, site, scheme=scheme, width=width) as watched:
        assert watched.accessibility_faults() == []
        ask(watched, "loss")
        assert watched.accessibility_faults() == []
        ask(watched, "nothing at all")
        assert watched.accessibility_faults() == []


def test_on_a_phone_all_that_is_touched_is_large(site: Path, open_page: OpenPage) -> None:
    with searching(open_page, site, width=390) as watched:
        ask(watched, "loss")
        sizes = "e => { const box = e.getBoundingClientRect(); return [box.width, box.height]; }"
        parts = "[...document.querySelectorAll('dialog [role=option], dialog button, .tools button')]"
        assert all(min(size) >= 44 for size in watched.evaluate(f"{parts}.map({sizes})"))


# ---- keys


def test_the_keys_of_the_page_are_listed(site: Path, open_page: OpenPage) -> None:
    with open_page(disk_address(site)) as watched:
        watched.open(disk_address(site) + "index.html")
        watched.page.keyboard.press("?")
        dialog = watched.page.get_by_role("dialog", name="Keys")
        assert "/ Ctrl+K\nsearch" in dialog.inner_text()
        assert watched.accessibility_faults() == []
        watched.page.keyboard.press("/")
        assert not watched.page.locator("dialog [role=combobox]").is_visible()
        watched.page.keyboard.press("Escape")
        assert dialog.count() == 0
        watched.page.get_by_role("button", name="press ? for keys").click()
        assert dialog.is_visible()
        assert watched.messages == []


def test_keys_do_nothing_while_one_types(site: Path, open_page: OpenPage) -> None:
    with searching(open_page, site) as watched:
        watched.page.keyboard.type("[?]/")
        assert watched.page.locator("dialog [role=combobox]").input_value() == "[?]/"
        assert watched.page.get_by_role("dialog").count() == 1


def test_without_scripts_there_is_no_button_that_needs_one(site: Path, open_page: OpenPage) -> None:
    with open_page(disk_address(site), javascript=False) as watched:
        for path in ("index.html", run_page(site)):
            watched.open(disk_address(site) + path)
            assert [b for b in watched.page.get_by_role("button").all() if b.is_visible()] == []

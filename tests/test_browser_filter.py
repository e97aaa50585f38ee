"""The box that takes filters: words and filters, faults, hints, completion, help, and the address; in Chromium."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from reportgen.query import Frame, search
from reportgen.site.config import Config
from tests.browser import OpenPage, Watched, disk_address
from tests.sitefiles import site_summaries
from tests.test_browser_table import NAMES, experiments, go

pytestmark = pytest.mark.browser

COUNT = "#runs + .aside"


@pytest.fixture
def digits(sample_site: Path, open_page: OpenPage) -> Iterator[Watched]:
    """Return the page of the sweep of the sample runs, its table shown."""
    yield from opened(sample_site, open_page, experiments(sample_site)["digits-mlp"])


@pytest.fixture
def everything(sample_site: Path, open_page: OpenPage) -> Iterator[Watched]:
    """Return the page of all runs, its table shown."""
    yield from opened(sample_site, open_page, "runs.html")


def opened(site: Path, open_page: OpenPage, page: str) -> Iterator[Watched]:
    """Yield an open page whose table is there."""
    address = disk_address(site)
    with open_page(address) as watched:
        watched.open(address + page)
        watched.page.locator(".grid-row").first.wait_for()
        yield watched
        assert watched.messages == []
        assert watched.outside == []


def box(watched: Watched) -> Any:
    """Return the box."""
    return watched.page.get_by_role("combobox", name="Filter runs")


def write(watched: Watched, text: str) -> None:
    """Write into the box as a reader does."""
    find = watched.page.locator(".find input")
    find.click()
    box(watched).wait_for()
    find.fill("")
    watched.page.keyboard.type(text)


def options(watched: Watched) -> list[str]:
    """Return what is offered, without what is said of it."""
    return [str(text) for text in watched.page.locator(".find-list:not([hidden]) li > span").all_inner_texts()]


def expect_options(watched: Watched, texts: list[str]) -> None:
    """Wait until just these are offered."""
    expect(watched.page.locator(".find-list:not([hidden]) li > span")).to_have_text(texts)


def ids(site: Path, experiment: str, text: str) -> list[str]:
    """Return the names of the runs that Python finds."""
    summaries = [s for s in site_summaries(site) if s.experiment == experiment]
    frame = Frame(summaries, direction=lambda name: Config().metric(name).direction)
    return sorted(summaries[row].name for row in search(frame, text, now=2e9))


# ---- what is found


@pytest.mark.parametrize(
    "text",
    [
        "metrics.val/accuracy > 0.97",
        "min(metrics.val/loss) < 0.06 AND params.width = 256",
        "best(metrics.val/accuracy) >= 0.98",
        "NOT status = 'finished'",
        "params.width IN (32, 64) OR params.lr = 0.5",
        "params.lr = '0.01'",
        "artifacts > 3 AND datasets.name IS NOT NULL",
        "notes IS NOT NULL",
        "count(metrics.train/loss) > 20",
        "run_name LIKE '%o%' and duration < 1s",
    ],
)
def test_a_filter_finds_the_runs_that_python_finds(digits: Watched, sample_site: Path, text: str) -> None:
    go(digits, f"#?group=none&q={text}")
    wanted = ids(sample_site, "digits-mlp", text)
    expect(digits.page.locator(COUNT)).to_have_text(f"{len(wanted)} of 23 match")
    assert sorted(digits.evaluate(NAMES)) == wanted if wanted else True
    assert digits.page.locator(".find input").input_value() == text


def test_all_runs_of_a_site_are_filtered(everything: Watched) -> None:
    write(everything, "experiment = 'diabetes' OR metrics.val/auc > 0.9 ")
    expect(everything.page.locator(COUNT)).not_to_have_text("91 runs")
    summaries = everything.page.locator(COUNT).inner_text()
    assert re.fullmatch(r"\d+ of 91 match", summaries)
    assert 7 <= int(summaries.split()[0]) < 91


def test_a_filter_is_in_the_address_and_a_link_gives_the_same_view(digits: Watched) -> None:
    write(digits, "metrics.val/accuracy > 0.97 AND params.width = 256 ")
    expect(digits.page.locator(COUNT)).to_have_text(re.compile(r"of 23 match"))
    said = digits.page.locator(COUNT).inner_text()
    address = digits.address
    assert "q=metrics.val/accuracy" in address
    digits.page.goto("about:blank")
    digits.open(address)
    expect(digits.page.locator(COUNT)).to_have_text(said)
    assert digits.page.locator(".find input").input_value() == "metrics.val/accuracy > 0.97 AND params.width = 256"


def test_what_is_downloaded_is_what_the_filter_finds(digits: Watched) -> None:
    go(digits, "#?q=params.width = 64")
    expect(digits.page.locator(COUNT)).to_have_text("2 of 23 match")
    with digits.page.expect_download() as download:
        digits.page.get_by_role("button", name="CSV").click()
    assert len(Path(download.value.path()).read_text().splitlines()) == 3


def test_scripts_of_the_filter_come_only_when_they_are_needed(digits: Watched) -> None:
    assert digits.evaluate("'query' in reportgen") is False
    assert digits.evaluate("!reportgen.data('query/' + document.querySelector('[data-k]').dataset.k)")
    write(digits, "metrics.val/accuracy > 0.97")
    expect(digits.page.locator(COUNT)).to_have_text(re.compile("match"))


def test_words_are_found_as_before_and_take_no_room(digits: Watched) -> None:
    write(digits, "width 64")
    expect(digits.page.locator(COUNT)).to_have_text("2 of 23 match")
    assert options(digits) == []
    assert digits.page.locator(".find-said").inner_text() == ""


# ---- what is wrong


def test_while_a_filter_is_wrong_the_last_good_one_stays(digits: Watched) -> None:
    write(digits, "params.width = 64 ")
    expect(digits.page.locator(COUNT)).to_have_text("2 of 23 match")
    digits.page.keyboard.type("AND metrics.valaccuracy2 >")
    fault = digits.page.locator(".find-fault")
    fault.wait_for()
    assert digits.page.locator(COUNT).inner_text() == "2 of 23 match"
    assert "Shown is still params.width = 64" in fault.inner_text()
    assert "Expected a number." in fault.inner_text()
    assert box(digits).get_attribute("aria-invalid") == "true"
    described = (box(digits).get_attribute("aria-describedby") or "").split()
    assert any("Expected a number" in digits.page.locator(f"#{name}").inner_text() for name in described)
    assert digits.page.locator(".find-said").get_attribute("role") == "status"
    digits.page.keyboard.type(" 0")
    fault.wait_for(state="detached")
    assert box(digits).get_attribute("aria-invalid") is None


TAKE_TIMES = """
    window.typed = window.told = 0,
    document.addEventListener("input", () => { typed = performance.now(); }, true),
    new MutationObserver(() => { if (document.querySelector(".find-fault")) told ||= performance.now(); })
        .observe(document.body, { childList: true, subtree: true }), 0"""
"""Keeps when something was typed last, and when a fault was told first, in milliseconds."""


def test_a_fault_is_told_after_a_pause_and_marked_not_by_colour_alone(digits: Watched) -> None:
    digits.evaluate(TAKE_TIMES)
    write(digits, "accuracy > 0.9")
    mark = digits.page.locator(".find-fault mark")
    mark.wait_for()
    assert digits.evaluate("told - typed") > 500
    assert mark.inner_text() == "accuracy"
    assert "wavy" in mark.evaluate("e => getComputedStyle(e).textDecoration")
    assert digits.page.locator(COUNT).inner_text() == "23 in 8 configurations"
    digits.page.get_by_role("button", name="Use it").click()
    assert box(digits).input_value() == "metrics.val/accuracy > 0.9"
    expect(digits.page.locator(COUNT)).to_have_text(re.compile("match"))


def test_enter_tells_a_fault_at_once(digits: Watched) -> None:
    write(digits, "params.lr ")
    expect(digits.page.locator(".find-list")).to_be_visible()
    digits.evaluate("window.setTimeout = () => 0, 0")  # no pause ends any more
    digits.page.keyboard.type(">")
    digits.page.keyboard.press("Enter")
    expect(digits.page.locator(".find-fault")).to_be_visible()


def test_a_wrong_filter_in_the_address_is_told_and_all_runs_are_shown(digits: Watched) -> None:
    go(digits, "#?q=lr=0.01")
    expect(digits.page.locator(".find-fault")).to_contain_text("did you mean params.lr?")
    assert digits.page.locator(COUNT).inner_text() == "23 in 8 configurations"


def test_a_name_that_no_run_has_is_told_with_the_nearest(digits: Watched) -> None:
    write(digits, "metrics.val/acuracy > 0.5 ")
    hint = digits.page.locator(".find-hints")
    hint.wait_for()
    assert "No run has metrics.val/acuracy: did you mean metrics.val/accuracy?" in hint.inner_text()
    assert "matches 0 of 23 runs" in digits.page.locator(".empty:visible").inner_text()
    hint.get_by_role("button", name="Use it").click()
    expect(digits.page.locator(COUNT)).to_have_text(re.compile(r"\d+ of 23 match"))


def test_when_nothing_is_found_the_highest_value_is_said(digits: Watched) -> None:
    write(digits, "metrics.val/accuracy > 2")
    expect(digits.page.locator(".empty:visible")).to_contain_text("The highest val/accuracy is 0.98")
    digits.page.get_by_role("button", name="Show all runs").click()
    expect(digits.page.locator(COUNT)).to_have_text("23 in 8 configurations")
    assert box(digits).input_value() == ""


def test_a_site_without_the_data_says_what_is_missing(sample_site: Path, tmp_path: Path, open_page: OpenPage) -> None:
    import shutil

    site = tmp_path / "site"
    shutil.copytree(sample_site, site)
    for file in (site / "data" / "query").iterdir():
        file.unlink()
    address = disk_address(site)
    with open_page(address) as watched:
        watched.open(address + experiments(site)["digits-mlp"])
        write(watched, "metrics.val/accuracy > 0.97")
        expect(watched.page.locator(COUNT)).to_have_text(re.compile(r"\d+ of 23 match|23 in 8"))
        write(watched, "mean(metrics.val/accuracy) > 0.5")
        expect(watched.page.locator(".find-said")).to_contain_text("cannot be loaded")


# ---- what is offered


def test_names_operators_and_values_are_offered_and_taken(digits: Watched) -> None:
    write(digits, "val/acc")
    expect_options(digits, ["metrics.val/accuracy"])
    assert box(digits).get_attribute("aria-expanded") == "true"
    digits.page.keyboard.press("ArrowDown")
    active = box(digits).get_attribute("aria-activedescendant")
    assert digits.page.locator(f"#{active}").get_attribute("aria-selected") == "true"
    digits.page.keyboard.press("Enter")
    assert box(digits).input_value() == "metrics.val/accuracy "
    expect(digits.page.locator(".find-list li > span").first).to_have_text("=")
    digits.page.keyboard.type(">= 0.97 and sta")
    expect_options(digits, ["status", "start_time"])
    digits.page.keyboard.press("Tab")
    digits.page.keyboard.type("= f")
    expect_options(digits, ["finished", "failed"])
    digits.page.keyboard.press("ArrowDown")
    digits.page.keyboard.press("ArrowDown")
    digits.page.keyboard.press("Enter")
    assert box(digits).input_value() == "metrics.val/accuracy >= 0.97 and status = 'failed' "
    assert options(digits) == []


def test_escape_closes_what_is_offered_and_then_clears(digits: Watched) -> None:
    write(digits, "params.")
    expect(digits.page.locator(".find-list")).to_be_visible()
    assert len(options(digits)) <= 8
    digits.page.keyboard.press("Escape")
    expect(digits.page.locator(".find-list")).to_be_hidden()
    assert box(digits).input_value() == "params."
    digits.page.keyboard.press("Escape")
    assert box(digits).input_value() == ""


def test_keys_work_on_what_is_offered_for_the_text_as_it_is(digits: Watched) -> None:
    write(digits, "params.")
    expect(digits.page.locator(".find-list")).to_be_visible()
    digits.evaluate("window.setTimeout = () => 0, 0")  # what is offered follows the typing no more
    digits.page.keyboard.type("wid")
    digits.page.keyboard.press("ArrowDown")
    assert options(digits) == ["params.width"]
    digits.page.keyboard.press("Enter")
    assert box(digits).input_value() == "params.width "
    expect(digits.page.locator(".find-list")).to_be_visible()
    digits.page.keyboard.type("= ")
    digits.page.keyboard.press("Escape")
    assert options(digits) == []
    assert box(digits).input_value() == "params.width = "


def test_plain_typing_is_not_in_the_way(digits: Watched) -> None:
    write(digits, "lr")
    digits.page.keyboard.press("Tab")
    assert box(digits).input_value() == "lr"
    assert digits.evaluate("document.activeElement.className") == "find-ask"


def test_a_choice_can_be_clicked(digits: Watched) -> None:
    write(digits, "params.width = ")
    digits.page.locator(".find-list li", has_text="64").first.click()
    assert box(digits).input_value() == "params.width = 64 "
    expect(digits.page.locator(COUNT)).to_have_text("2 of 23 match")


SPOTS = {
    "max(": ["metrics.val/accuracy", "metrics.val/loss"],
    "max(val/a": ["metrics.val/accuracy"],
    "params.lr ": ["=", "!="],
    "params.lr IN (": ["0.01"],
    "params.lr IN (0.01, 0.00": ["0.001", "0.003"],
    "params.lr = 0.01 o": ["OR"],
    "NOT (params.lr = 0.01 a": ["AND"],
    "params.lr BETWEEN 1 a": ["AND"],
    "params.lr IS n": ["NULL", "NOT NULL", "NAN"],
    "dirty = ": ["TRUE", "FALSE"],
    "start_time > ": ["now - 1d"],
    "status = 'unf": ["unfinished"],
    'status = "unf': ["unfinished"],
    "duration > 1": ["10m", "1h", "1d"],
    "params.lr = 0.01 and me": ["metrics.val/accuracy"],
    "attributes.sta": ["status", "start_time"],
    "metrics.`val/l": ["metrics.val/loss"],
}


@pytest.mark.parametrize("text", SPOTS)
def test_what_can_stand_at_the_cursor_is_offered(digits: Watched, text: str) -> None:
    write(digits, text)
    wanted = SPOTS[text]
    digits.settles(lambda: [text for text in wanted if text in options(digits)], wanted)
    assert len(options(digits)) <= 8


@pytest.mark.parametrize(
    "text",
    ["params.lr = 'a", "notes CONTAINS 'b", "metrics.val/loss > 1", ") ) (", "params.lr = 0.01 ", "''''", "max(x", "`"],
)
def test_nothing_is_offered_where_nothing_is_known(digits: Watched, text: str) -> None:
    write(digits, text)
    digits.page.wait_for_timeout(200)
    assert options(digits) == []


def test_names_that_need_quotes_get_them(sample_site: Path, tmp_path: Path, open_page: OpenPage) -> None:
    import shutil

    from tests.tablefiles import make_table, write_table

    site = tmp_path / "site"
    shutil.copytree(sample_site, site)
    path = experiments(site)["digits-mlp"]
    table = make_table(20)
    table["k"] = Path(path).stem[-10:]
    table["params"][0]["name"] = "my param"
    table["params"][1]["name"] = "it's `odd`"
    table["params"][0]["values"][0] = "it's"
    write_table(site, table)
    address = disk_address(site)
    with open_page(address) as watched:
        watched.open(address + path)
        write(watched, "params.")
        expect(watched.page.locator(".find-list li > span").first).to_be_visible()
        assert {"params.`my param`", 'params."it\'s `odd`"'} <= set(options(watched))
        write(watched, "params.`my p")
        expect_options(watched, ["params.`my param`"])
        watched.page.keyboard.press("Tab")
        assert box(watched).input_value() == "params.`my param` "
        watched.page.keyboard.type("= it")
        expect_options(watched, ["it's"])
        watched.page.keyboard.press("Tab")
        assert box(watched).input_value() == 'params.`my param` = "it\'s" '
        expect(watched.page.locator(COUNT)).to_have_text("1 of 20 match")


# ---- help


def test_help_has_five_examples_that_work(digits: Watched) -> None:
    ask = digits.page.get_by_role("button", name="How to write filters")
    ask.click()
    examples = digits.page.locator(".find-help .example")
    expect(examples).to_have_count(5)
    assert ask.get_attribute("aria-expanded") == "true"
    assert digits.page.locator(".find-help a").count() == 0
    texts = examples.all_inner_texts()
    assert "val/accuracy" in texts[0]
    for number, text in enumerate(texts):
        examples.nth(number).click()
        assert box(digits).input_value() == text
        expect(digits.page.locator(COUNT)).to_have_text(re.compile(r"\d+ of 23 match"))
        assert digits.page.locator(".find-fault").count() == 0
        assert digits.page.locator(".find-hints").count() == 0
    ask.click()
    assert digits.page.locator(".find-help").count() == 0


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_of_it_can_be_used_by_everyone(sample_site: Path, open_page: OpenPage, width: int, scheme: Any) -> None:
    address = disk_address(sample_site)
    with open_page(address, width=width, scheme=scheme) as watched:
        watched.open(address + experiments(sample_site)["digits-mlp"])
        watched.page.get_by_role("button", name="How to write filters").click()
        watched.page.locator(".find-help").wait_for()
        write(watched, "accuracy > 0.9 and params.")
        watched.page.locator(".find-fault").wait_for()
        watched.page.keyboard.press("Alt+ArrowDown")
        expect(watched.page.locator(".find-list")).to_be_visible()
        watched.page.keyboard.press("ArrowDown")
        assert watched.accessibility_faults() == []
        assert watched.evaluate("document.documentElement.scrollWidth") == width
        write(watched, "metrics.val/acuracy > 0.9")
        watched.page.locator(".find-hints").wait_for()
        assert watched.accessibility_faults() == []
        assert watched.messages == []


# ---- the comparison


def test_runs_to_compare_are_found_by_a_filter(sample_site: Path, open_page: OpenPage) -> None:
    address = disk_address(sample_site)
    with open_page(address) as watched:
        watched.open(address + "compare.html")
        watched.page.get_by_role("button", name="Choose runs").click()
        find = watched.page.get_by_label("Search runs")
        find.click()
        find.press_sequentially("experiment = 'digits-mlp' AND params.width = 64 ")
        status = watched.page.locator(".dialog p[role=status]")
        expect(status).to_have_text("2 runs")
        find.press_sequentially("AND")
        watched.page.locator(".find-fault").wait_for()
        assert status.inner_text() == "2 runs"
        assert watched.accessibility_faults() == []
        find.fill("width=64")
        find.press("Escape")
        assert watched.messages == []


# ---- a site that is served


def test_new_runs_are_filtered_too(sample_site: Path, tmp_path: Path, open_page: OpenPage) -> None:
    import shutil

    from tests.tablefiles import make_table, write_table

    site = tmp_path / "site"
    shutil.copytree(sample_site, site)
    path = experiments(site)["digits-mlp"]
    k = Path(path).stem[-10:]
    address = disk_address(site)
    with open_page(address) as watched:
        write_table(site, {**make_table(40), "k": k})
        watched.open(address + path + "#?q=params.seed = 1&group=none")
        expect(watched.page.locator(COUNT)).to_have_text("10 of 40 match")
        write_table(site, {**make_table(80), "k": k})
        detail = json.dumps({"data": [f"tables/{k}"], "everything": False})
        watched.evaluate(f"document.dispatchEvent(new CustomEvent('reportgen:refresh', {{detail: {detail}}}))")
        expect(watched.page.locator(COUNT)).to_have_text("20 of 80 match")

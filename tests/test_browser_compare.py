"""The comparison of any runs in a real browser: what it says, shows, links to, and how it bears bad data."""

from __future__ import annotations

import difflib
import json
import random
import re
import shutil
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from reportgen.build import build
from reportgen.formats import run_key, short_key
from reportgen.site import urls
from reportgen.site.config import Config, MetricConfig
from tests.browser import OpenPage, Watched, disk_address
from tests.sourcelogs import T0, start_line, write_run

pytestmark = pytest.mark.browser

CONFIG = Config(
    title="Compared",
    repository_url="https://github.com/ada/vision",
    metrics={
        "val/acc": MetricConfig(unit="%", direction="max"),
        "val/loss": MetricConfig(unit="nats", direction="min"),
        "val/ece": MetricConfig(direction="min"),
    },
)
COMMITS = ("5be1c90" + "0" * 33, "a41f09c" + "1" * 33)
CODE = {"commit": COMMITS[0], "branch": "main", "command": ["train.py", "--lr", "1e-3"]}
LION = {"commit": COMMITS[1], "branch": "lion", "command": ["train.py", "--lr", "1e-4", "--lion"]}
MEDIA = {"png": "image/png", "csv": "text/csv", "json": "application/json", "txt": "text/plain"}
HOSTILE = '"><img src=x onerror=alert(1)> \u202eevil\u202c ' + "n" * 250
PACKAGES = {"numpy": "2.4.6", "torch": "2.9.1"}


def png(width: int, height: int, grey: int) -> bytes:
    """Return a picture of one grey."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress((b"\0" + bytes([grey]) * width) * height)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
        + chunk(b"IDAT", rows)
        + chunk(b"IEND", b"")
    )


def write(
    root: Path,
    number: int,
    name: str,
    accuracy: float,
    *,
    experiment: str = "vision",
    files: Mapping[str, bytes] | None = None,
    code: Mapping[str, Any] | None = None,
    packages: Mapping[str, str] = PACKAGES,
    status: str = "FINISHED",
    points: int = 120,
    **params: Any,
) -> None:
    """Write a run whose accuracy rises to `accuracy`, whose loss falls, and which started `number` minutes late."""
    start = T0 + 60 * number
    folder = root / experiment / f"r{number}"
    noise = random.Random(number)
    (folder / "artifacts").mkdir(parents=True)
    lines: list[dict[str, Any]] = [
        start_line(f"r{number}", experiment=experiment, name=name, time=start, user="ada"),
        {"event": "params", "params": {"optimizer": "adamw", "batch": 256, **params}},
        {"event": "tags", "tags": {"purpose": "sweep"}},
        {"event": "code", "dirty": False, "commit_time": T0 - 900, **(code or CODE)},
        {"event": "env", "python": "3.12.7", "platform": "Linux", "packages": dict(packages)},
    ]
    for step in range(points):
        swing = noise.gauss(0, 0.4) if step < points - 1 else 0.0
        values = {"val/acc": accuracy * (1 - 0.9 ** (step + 1)) + swing, "val/loss": 100 / accuracy + 3 * 0.9**step}
        lines.append({"event": "metrics", "step": step, "time": start + step, "metrics": values})
    for path, content in (files or {}).items():
        (folder / "artifacts" / path).write_bytes(content)
        media = MEDIA.get(path.rpartition(".")[2], "application/octet-stream")
        about = {"bytes": len(content), "sha256": sha256(content).hexdigest(), "media": media}
        lines.append({"event": "artifact", "path": path, **about})
    write_run(folder, *lines, {"event": "end", "status": status, "time": start + points + 10 * number})


def rows_csv(*values: float) -> bytes:
    """Return a table with one row a class."""
    return b"class,accuracy\n" + b"".join(b"%d,%.2f\n" % (i, v) for i, v in enumerate(values))


def log_text(*changes: tuple[int, str]) -> bytes:
    """Return a text of 40 lines, some of them exchanged."""
    lines = [f"epoch {i} done" for i in range(40)]
    for i, text in changes:
        lines[i] = text
    return "\n".join(lines).encode() + b"\n"


def write_logs(root: Path) -> None:
    """Write two configurations of three seeds with a clear winner, a failed run, and an experiment beside them."""
    same = {"same.png": png(30, 30, 9)}
    for i in range(3):
        table, log, other = rows_csv(0.9, 0.8, 0.7), log_text(), {"config.json": b'{"a": 1}', "weights.bin": b"w%d" % i}
        files = {**same, **other, "confusion.png": png(120, 80, 40 + 30 * i), "classes.csv": table, "train.txt": log}
        write(root, i, f"adam-{i}", 78.0 + 0.1 * i, lr=1e-3, seed=i, files=files)
    packages = {**PACKAGES, "torch": "2.10.0", "lion": "0.2"}
    table, log = rows_csv(0.9, 0.6, 0.7, 0.5), log_text((3, "epoch 3 skipped"), (30, "epoch 30 slow"))
    files = {**same, "config.json": b'{"a": 2}', "weights.bin": b"v", "classes.csv": table, "train.txt": log}
    files["confusion.png"] = png(60, 40, 200)
    for i in range(3):
        about = {"lr": 1e-4, "seed": i, "optimizer": "lion"}
        write(root, 3 + i, f"lion-{i}", 74.0 + 0.1 * i, files=files, code=LION, packages=packages, **about)
    write(root, 6, "crash", 99.0, lr=1.0, status="FAILED")
    write(root, 7, HOSTILE, 60.0, lr=1e-3, note="</script><script>alert(1)</script>")
    write(root, 8, "text-a", 50.0, experiment="text", model="bert")
    write(root, 9, "text-b", 40.0, experiment="text", model="gpt")
    write(root, 10, "flat-a", 0.5, experiment="flat")
    write(root, 11, "flat-b", 0.5, experiment="flat")


def key(number: int) -> str:
    """Return the short key of a run."""
    return short_key(run_key(f"r{number}"))


def address(*numbers: int, more: str = "") -> str:
    """Return the address of a comparison below the site."""
    return f"{urls.COMPARE}#?runs={','.join(map(key, numbers))}{more}"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a site of the runs above."""
    folder = tmp_path_factory.mktemp("compare")
    write_logs(folder / "runs")
    build([folder / "runs"], folder / "site", config=CONFIG, use_cache=False)
    return folder / "site"


@pytest.fixture
def opened(site: Path, open_page: OpenPage) -> Iterator[Watched]:
    """Return a watched page without an address yet, whose messages must stay empty."""
    with open_page(disk_address(site)) as watched:
        yield watched
        assert watched.messages == []
        assert watched.outside == []


def show(watched: Watched, site: Path, *numbers: int, more: str = "", wait: str = ".compared") -> None:
    """Open a comparison and wait for `wait`."""
    watched.open(disk_address(site) + address(*numbers, more=more))
    watched.page.locator(wait).first.wait_for()


def text(watched: Watched, selector: str) -> list[str]:
    """Return the visible text of every element, blanks made single."""
    return [" ".join(found.split()) for found in watched.page.locator(selector).all_inner_texts()]


def table_of(watched: Watched) -> dict[str, list[str]]:
    """Return the first word of each row of the table -> its cells."""
    rows = watched.evaluate(
        "[...document.querySelectorAll('.side tbody tr:not(.part)')].map(row => [...row.cells].map(c => c.innerText))"
    )
    return {row[0].split()[0]: [" ".join(cell.split()) for cell in row[1:]] for row in rows}


def reach(watched: Watched, selector: str) -> None:
    """Scroll down, and again from the top, since parts are made when they come near, until `selector` is there."""
    found = watched.page.locator(selector).first
    for turn in range(1000):
        if found.count():
            return
        watched.evaluate(f"scrollTo(0, {turn} * 500 % document.documentElement.scrollHeight)")
        watched.page.wait_for_timeout(30)
    raise AssertionError(f"{selector} did not come")


# ---- the list, and the way to a comparison


def test_without_runs_the_page_is_the_list_of_comparisons(opened: Watched, site: Path) -> None:
    opened.open(disk_address(site) + urls.COMPARE)
    assert text(opened, "h1") == ["Compare"]
    assert opened.page.locator(".comparisons tbody tr").count() == 3
    assert opened.evaluate("performance.getEntriesByType('resource').filter(r => r.name.includes('uplot')).length") <= 1
    opened.page.locator("[data-choose]").click()
    opened.page.locator(".pick button", has_text="adam-0").click()
    opened.page.locator(".pick button", has_text="text-a").click()
    opened.page.keyboard.press("Escape")
    opened.page.locator(".compared li").nth(1).wait_for()
    assert opened.address.endswith(address(0, 8))
    assert text(opened, "h1") == ["Compare 2 runs"]


def test_without_scripts_a_link_to_a_comparison_shows_the_list(site: Path, open_page: OpenPage) -> None:
    with open_page(disk_address(site), javascript=False) as watched:
        watched.open(disk_address(site) + address(0, 3))
        assert text(watched, "h1") == ["Compare"]
        watched.open(disk_address(site) + urls.experiment_compare_page("vision"))
        assert not watched.page.locator(".explore").is_visible()


def test_the_live_comparison_says_and_shows_what_the_static_one_does(sample_site: Path, open_page: OpenPage) -> None:
    root = disk_address(sample_site)
    rows = "[...document.querySelector('.side').tBodies[0].rows].map(r => r.innerText.split(/\\s+/))"
    pages = sorted(p.relative_to(sample_site).as_posix() for p in (sample_site / "e").glob("*-compare.html"))
    assert len(pages) == 5
    with open_page(root) as watched:
        for page in pages:
            watched.open(root + page)
            said, shown = text(watched, ".lede"), watched.evaluate(rows)
            watched.page.locator(".explore a").click()
            watched.page.locator(".live .compared").wait_for()
            assert text(watched, ".lede") == said, page
            live = watched.evaluate(rows)
            assert [row for row in live if row in shown] == shown, page
        assert watched.messages == []


# ---- the top


def test_heads_have_names_links_status_and_colours_and_the_baseline_is_ink(opened: Watched, site: Path) -> None:
    show(opened, site, 0, 3, 6)
    assert text(opened, "h1") == ["Compare 3 runs"]
    assert opened.page.title() == "Compare 3 runs · Compared"
    heads = opened.page.locator(".compared li")
    assert [head.split("×")[0].strip() for head in text(opened, ".compared li")] == [
        "adam-0 baseline",
        "lion-0",
        "crash",
    ]
    classes = [heads.nth(i).get_attribute("class") for i in range(3)]
    assert classes[0] == "s0"
    assert len(set(classes)) == 3
    assert heads.nth(0).locator("a").get_attribute("href") == urls.run_page(run_key("r0"), "adam-0")
    assert "Failed" in (heads.nth(2).locator(".status").get_attribute("title") or "")
    assert text(opened, ".path a") == ["Experiments", "vision"]


def test_another_baseline_moves_to_the_front_and_the_others_keep_their_colours(opened: Watched, site: Path) -> None:
    show(opened, site, 0, 1, 3)
    before = {name: slot for name, slot in slots(opened).items() if name != "adam-0"}
    assert opened.evaluate("document.querySelector('.side').querySelectorAll('th a')[0].textContent") == "adam-0"
    assert table_of(opened)["val/acc"][2] == "74.93 ▼ down, worse, 3.96"
    opened.page.get_by_label("Baseline:").select_option(label="lion-0")
    assert opened.address.endswith(f"&base={key(3)}")
    assert text(opened, ".side thead th a") == ["lion-0", "adam-0", "adam-1"]
    assert table_of(opened)["val/acc"][1] == "78.89 best ▲ up, better, 3.96"
    after = slots(opened)
    assert (after["lion-0"], after["adam-1"]) == ("s0", before["adam-1"])
    opened.page.get_by_label("Baseline:").select_option(label="adam-0")
    assert opened.address.endswith(address(0, 1, 3))
    assert {name: slot for name, slot in slots(opened).items() if name != "adam-0"} == before


def slots(watched: Watched) -> dict[str, str]:
    """Return name -> class of each head."""
    heads = (
        "[...document.querySelectorAll('.compared li')].map(li => [li.querySelector('a').textContent, li.className])"
    )
    return dict(watched.evaluate(heads))


def test_runs_come_and_go_and_the_address_knows(opened: Watched, site: Path) -> None:
    show(opened, site, 0, 1, 3)
    opened.page.get_by_label("Remove adam-1").click()
    assert opened.address.endswith(address(0, 3))
    assert opened.evaluate("document.activeElement.getAttribute('aria-label')") == "Remove lion-0"
    opened.page.get_by_role("button", name="Add a run").click()
    opened.page.get_by_label("Search runs").fill('text "lr=1e-3"')
    opened.page.get_by_text("No run matches.").wait_for()
    opened.page.get_by_label("Search runs").fill("gpt")
    opened.page.locator(".pick button").click()
    opened.page.get_by_role("button", name="Done").click()
    opened.page.locator(".compared li").nth(2).wait_for()
    assert opened.address.endswith(address(0, 3, 9))
    assert text(opened, ".path a") == ["Experiments"]


def test_a_link_brings_the_same_view_and_following_another_changes_it(opened: Watched, site: Path) -> None:
    show(opened, site, 0, 3, more=f"&base={key(3)}&params=all&rows=o")
    assert text(opened, ".side thead th a") == ["lion-0", "adam-0"]
    assert "optimizer" in table_of(opened)
    assert "batch" not in table_of(opened)
    assert "purpose" in table_of(opened)
    assert opened.page.get_by_label("Filter rows").input_value() == "o"
    opened.evaluate(f"location.hash = '{address(8, 9).partition('#')[2]}'; 0")
    opened.page.locator(".compared", has_text="text-a").wait_for()
    assert text(opened, "h1") == ["Compare 2 runs"]
    assert "batch" not in table_of(opened)
    opened.page.evaluate("history.back()")
    opened.page.locator(".compared", has_text="lion-0").wait_for()
    assert opened.page.get_by_label("Filter rows").input_value() == "o"


def test_back_and_forward_undo_and_redo_which_runs_are_compared(opened: Watched, site: Path) -> None:
    page = opened.page

    def shows(*numbers: int) -> None:
        page.locator(".compared").or_(page.locator(".comparisons")).wait_for()
        expect(page.locator(".compared .remove")).to_have_count(len(numbers))
        assert opened.address.endswith(address(*numbers) if numbers else urls.COMPARE)

    opened.open(disk_address(site) + urls.COMPARE)
    page.get_by_role("button", name="Choose runs").click()
    for number, name in enumerate(("adam-0", "adam-1", "adam-2")):
        page.get_by_label("Search runs").fill(name)
        page.locator(".pick button").click()
        shows(*range(number + 1))
    page.get_by_role("button", name="Done").click()
    different, every = (page.get_by_role("button", name=name, exact=True) for name in ("different", "all"))
    every.click()  # the view stays with the step that it belongs to
    page.get_by_label("Remove adam-1").click()
    expect(page.locator(".compared .remove")).to_have_count(2)
    different.click()
    page.go_back()
    expect(page.locator(".compared .remove")).to_have_count(3)
    expect(every).to_have_attribute("aria-pressed", "true")
    page.go_back()  # what one visit of the dialog has added is one step
    shows()
    page.go_forward()
    expect(page.locator(".compared .remove")).to_have_count(3)
    page.go_forward()
    expect(page.locator(".compared .remove")).to_have_count(2)
    expect(different).to_have_attribute("aria-pressed", "true")


def test_going_back_shows_in_the_open_dialog(opened: Watched, site: Path) -> None:
    show(opened, site, 0, 3)
    opened.page.get_by_role("button", name="Add a run").click()
    opened.page.get_by_label("Search runs").fill("text-a")
    button = opened.page.locator(".pick button")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    opened.page.go_back()
    expect(button).to_have_attribute("aria-pressed", "false")
    assert opened.address.endswith(address(0, 3))
    button.click()
    opened.page.go_back()
    expect(button).to_have_attribute("aria-pressed", "false")


def test_one_run_asks_for_others(opened: Watched, site: Path) -> None:
    show(opened, site, 0, wait="dialog[open]")
    assert text(opened, ".lede") == ["One run, nothing to compare it with."]
    assert opened.page.locator(".side .best-of").count() == 0


# ---- the sentence and the table


def test_a_clear_winner_is_named_with_its_lead_against_the_seeds(opened: Watched, site: Path) -> None:
    show(opened, site, 2, 3)
    claim, *rest = text(opened, ".lede")[0].partition(". ")
    assert claim == "adam-2 is best in val/acc and val/loss"
    assert re.fullmatch(
        r"The first two differ by 4\.13 points in val/acc,"
        r" more than what two runs of one configuration differ by \(± \d\.\d\d\)\.",
        rest[1],
    )


def test_a_failed_run_is_neither_best_nor_the_one_that_the_lead_is_measured_against(
    opened: Watched, site: Path
) -> None:
    show(opened, site, 0, 3, 6)
    (said,) = text(opened, ".lede")
    assert said.startswith(
        "adam-0 is best in val/acc and val/loss. The first two differ by 3.96 points in val/acc, more"
    )
    assert table_of(opened)["val/acc"][2] == "100.16 ▲ up, better, 21.28"


def test_runs_of_two_experiments_are_measured_without_a_spread(opened: Watched, site: Path) -> None:
    show(opened, site, 0, 8)
    (said,) = text(opened, ".lede")
    assert said == (
        "adam-0 is best in val/acc and val/loss. The first two differ by 27.94 points in val/acc;"
        " how far two runs of one configuration differ is not known."
    )
    assert table_of(opened)["val/acc"][1] == "50.95 ▼ down 27.94"
    assert opened.page.locator(".delta:is(.better, .worse, .within)").count() == 0
    assert text(opened, ".compared .second a") == ["vision", "text"]


def test_a_failed_run_is_written_by_itself_where_the_others_have_whole_numbers(
    tmp_path: Path, open_page: OpenPage
) -> None:
    for number, value, status in ((0, 1, "FINISHED"), (1, 1, "FINISHED"), (2, 0.784, "FAILED")):
        lines = start_line(f"r{number}", experiment="vision", name=f"run {number}", time=T0 + number)
        metrics = {"event": "metrics", "step": 0, "time": T0 + number, "metrics": {"val/acc": value}}
        end = {"event": "end", "status": status, "time": T0 + 9}
        write_run(tmp_path / "runs" / f"r{number}", lines, metrics, end)
    build([tmp_path / "runs"], tmp_path / "site", config=CONFIG, use_cache=False)
    with open_page(disk_address(tmp_path / "site")) as watched:
        show(watched, tmp_path / "site", 0, 1, 2)
        assert table_of(watched)["val/acc"] == ["1 best", "1 best =", "0.784 ▼ down 0.216"]
        watched.open(disk_address(tmp_path / "site") + urls.experiment_page("vision"))
        watched.page.locator(".grid-row").first.wait_for()
        assert "0.784" in " ".join(text(watched, "main"))


def test_only_differences_are_shown_until_all_are_asked_for(opened: Watched, site: Path) -> None:
    show(opened, site, 0, 3)
    opened.page.locator(".side th", has_text="torch").wait_for()
    rows = table_of(opened)
    assert rows["optimizer"] == ["adamw", "lion differs", ""]
    assert rows["torch"] == ["2.9.1", "2.10.0 differs", ""]
    assert rows["lion"] == ["–", "0.2 differs", ""]
    assert rows["Commit"] == ["5be1c90", "a41f09c differs", ""]
    assert not {"batch", "seed", "numpy", "python", "User", "purpose"} & set(rows)
    assert text(opened, ".side .part") == [
        "Parameters 2 are the same", "Run 4 are the same", "Environment 3 are the same",
    ]  # fmt: skip
    assert "The same in all runs: 1 tag." in text(opened, ".below")
    opened.page.get_by_role("button", name="all", exact=True).click()
    assert {"batch", "seed", "numpy", "python", "User", "purpose"} <= set(table_of(opened))
    assert "params=all" in opened.address
    opened.page.get_by_role("button", name="different").click()
    assert opened.address.endswith(address(0, 3))


def test_metrics_come_with_their_difference_verdict_and_spread(opened: Watched, site: Path) -> None:
    show(opened, site, 0, 1, 3)
    accuracy, loss = (table_of(opened)[name] for name in ("val/acc", "val/loss"))
    assert accuracy == ["78.89 best", "78.86 ≈ within the spread, −0.03", "74.93 ▼ down, worse, 3.96", "± 0.85"]
    assert loss[2] == "1.351 ▲ up, worse, 0.069"
    assert opened.page.locator(".delta.worse").count() == 2
    assert table_of(opened)["Duration"] == ["2 min 00 s", "2 min 10 s +10 s", "2 min 30 s +30 s", "–"]


def test_thousands_of_params_are_drawn_in_part_and_found_by_the_filter(tmp_path: Path, open_page: OpenPage) -> None:
    for i in range(2):
        write(tmp_path / "runs", i, f"wide-{i}", 50, points=2, **{f"p{j:04}": i * j for j in range(1, 2000)})
    build([tmp_path / "runs"], tmp_path / "site", config=CONFIG, use_cache=False)
    with open_page(disk_address(tmp_path / "site")) as watched:
        show(watched, tmp_path / "site", 0, 1)
        assert text(watched, ".side .part")[0] == "Parameters 2 are the same"
        assert watched.page.locator(".side tr").count() > 1990
        watched.page.get_by_label("Filter rows").fill("p1234")
        assert [name for name in table_of(watched) if name.startswith("p")] == ["p1234"]
        assert watched.messages == []


# ---- curves, code, artifacts


def test_curves_code_and_files_come_when_the_reader_comes_near(opened: Watched, site: Path) -> None:
    show(opened, site, 0, 1, 2, 3)
    reach(opened, ".curves canvas")
    assert opened.page.locator(".curves figure:visible").count() == 2
    reach(opened, ".against svg")
    reach(opened, ".same-file .patch")
    assert [h.split("\n")[0] for h in opened.page.locator("h2").all_inner_texts()] == [
        "Metrics and parameters", "Curves", "Against all runs", "Code", "Same artifacts",
    ]  # fmt: skip


PRINTED = """[
    document.querySelectorAll(".curves figure .graph-box > svg.chart").length,
    document.querySelectorAll(".against .printed").length,
    document.querySelectorAll(".against-pair svg").length > 0,
    document.querySelectorAll("#code").length && document.querySelectorAll(".words").length > 0,
    document.querySelectorAll(".same-file .patch, .same-file .tables").length,
]"""
"""What paper has: pictures of the curves, lines of the parallel coordinates, the plot below them, code, texts."""


@pytest.mark.parametrize("runs", [(0, 1, 2, 3), (0, 3, 8)], ids=["one experiment", "two experiments"])
def test_the_first_print_has_what_was_out_of_sight(site: Path, open_page: OpenPage, runs: Sequence[int]) -> None:
    with open_page(disk_address(site), width=760) as watched:
        watched.page.set_viewport_size({"width": 760, "height": 300})
        asked: list[str] = []
        watched.page.on("requestfinished", lambda request: asked.append(request.url))
        show(watched, site, *runs)
        watched.page.locator("#code").wait_for(state="attached")
        needed = ("assets/compare-details", "assets/vendor-plot", "data/texts/")
        watched.settles(lambda: [name for name in needed if not any(name in url for url in asked)], [])
        texts = [key(run) for run in runs if (site / f"data/texts/{key(run)}.js").exists()]
        watched.evaluate(
            "Promise.all([...['plots', 'against', 'differences', 'compareDetails'].map(reportgen.script),"
            f" ...{texts}.map((k) => reportgen.load(`texts/${{k}}`))]).then(() => 0)"
        )
        watched.page.wait_for_timeout(500)  # in which the texts are unpacked
        assert watched.evaluate(PRINTED) == [0, 0, False, False, 0]
        # Paper waits for promises that are kept, and for nothing else.
        found = watched.evaluate(f"""(async () => {{
            dispatchEvent(new Event("beforeprint"));
            for (let i = 0; i < 2000; i++) await null;
            return {PRINTED};
        }})()""")
        assert found == [2, 1, True, True, 3]
        watched.evaluate("dispatchEvent(new Event('afterprint'))")
        assert watched.evaluate(PRINTED)[:2] == [0, 0]
        assert len(watched.page.pdf()) > 20_000
        assert watched.messages == []


def test_curves_are_smoothed_where_they_would_be_a_scribble(opened: Watched, site: Path) -> None:
    show(opened, site, 10, 11)
    reach(opened, ".curves canvas")
    captions = [caption.split()[0] for caption in text(opened, ".curves figcaption") if "smoothed" in caption]
    assert captions == ["val/acc"]


def test_commits_and_command_lines_stand_side_by_side(opened: Watched, site: Path) -> None:
    show(opened, site, 0, 1, 3)
    reach(opened, "#code ~ .aside:not(:empty)")
    commits = opened.page.get_by_label("Table of the commits")
    assert [" ".join(row.split()) for row in commits.locator("tbody tr").all_inner_texts()] == [
        "adam-0 adam-1 5be1c90 main 21 Nov 2026, 11:47 UTC none",
        "lion-0 a41f09c lion 21 Nov 2026, 11:47 UTC none 5be1c90 → a41f09c",
    ]
    links = [a.get_attribute("href") for a in commits.locator("a").all()]
    root = "https://github.com/ada/vision"
    assert links == [
        f"{root}/commit/{COMMITS[0]}", f"{root}/commit/{COMMITS[1]}", f"{root}/compare/{COMMITS[0]}...{COMMITS[1]}",
    ]  # fmt: skip
    commands = opened.page.get_by_label("Table of the command lines")
    assert (commands.locator("del").all_inner_texts(), commands.locator("ins").all_inner_texts()) == (
        ["1e-3"], ["1e-4", "--lion"],
    )  # fmt: skip


PATCH = """diff --git a/train.py b/train.py
index 1..2 100644
--- a/train.py
+++ b/train.py
@@ -41,4 +41,5 @@ def step(model):
     x, y = batch
-    y = smooth(y)
+    if cfg.mixup:
+        x, y = mixup(x, y)
     return y
--- a line that only looks like a head
diff --git a/img.png b/img.png
new file mode 100644
Binary files /dev/null and b/img.png differ
"""


def test_uncommitted_changes_are_shown_and_compared_with_those_of_the_baseline(opened: Watched, site: Path) -> None:
    show(opened, site, 0, 1, 3)
    reach(opened, "#code ~ .aside:not(:empty)")
    other = PATCH.replace("mixup(x, y)", "mixup(x, y, 0.2)")
    keys = json.dumps([key(0), key(1), key(3)])
    made = opened.evaluate(f"""reportgen.comparison.find({keys}).then(async ({{ runs }}) => {{
        const diffs = {json.dumps([PATCH, other, PATCH])};
        for (const [i, run] of runs.entries()) {{
            run.facts = structuredClone((await run.file()).facts);
            Object.assign(run.facts.code, {{ diff: diffs[i], dirty: true }});
        }}
        const {{ said, content }} = reportgen.comparedCode(runs, "https://gitlab.example.org/ada/vision");
        const host = reportgen.el("div", {{ id: "made" }}, ...content);
        document.querySelector("main").append(host);
        return [said, host.querySelector("a[href*=compare]").href];
    }})""")
    assert made[0] == "5be1c90 → a41f09c, 3 runs with uncommitted changes"
    assert made[1].startswith("https://gitlab.example.org/ada/vision/-/compare/5be1c90")
    folds = opened.page.locator("#made > .fold")
    assert folds.count() == 3
    first = folds.nth(0).locator(".patch").first.locator("tr")
    assert [" ".join(row.split()) for row in first.all_inner_texts()] == [
        "line 41 def step(model):", "41 41 x, y = batch", "42 − y = smooth(y)", "42 + if cfg.mixup:",
        "43 + x, y = mixup(x, y)", "43 44 return y", "44 − -- a line that only looks like a head",
    ]  # fmt: skip
    assert "img.png Binary files /dev/null and b/img.png differ" in " ".join(folds.nth(0).inner_text().split())
    against = folds.nth(1).locator(".fold")
    against.locator("summary").click()
    against.locator(".patch").wait_for()
    assert [row.split()[-5:] for row in against.locator("tr:is(.added, .removed)").all_inner_texts()] == [
        ["x,", "y", "=", "mixup(x,", "y)"],
        ["y", "=", "mixup(x,", "y,", "0.2)"],
    ]
    assert "the same change as in adam-0" in folds.nth(2).inner_text()


def test_files_of_one_name_are_shown_beside_each_other(opened: Watched, site: Path) -> None:
    show(opened, site, 0, 1, 3)
    reach(opened, ".same-file .patch")
    opened.page.locator(".same-file img[style]").nth(3).wait_for()
    assert text(opened, "#artifacts ~ .aside") == ["6 names occur in all 3 runs"]
    files = dict(zip(text(opened, ".same-file h3"), text(opened, ".same-file header .aside"), strict=True))
    several = dict.fromkeys(("classes.csv", "config.json", "train.txt"), "2 versions in 3 runs")
    assert files == {"confusion.png": "3 versions in 3 runs", "same.png": "the same in 3 runs", **several}
    pictures = opened.page.locator(".same-file").nth(0).locator("img")
    assert pictures.count() == 3
    widths = opened.evaluate("[...document.querySelectorAll('.same-file img')].slice(0, 3).map(i => i.clientWidth)")
    assert widths == [120, 120, 60]
    link = opened.page.locator(".same-file a").first
    assert (link.get_attribute("href") or "").startswith("a/")
    assert opened.page.locator(".same-file").nth(1).locator("img").count() == 1
    changed = opened.page.locator(".same-file", has_text="classes.csv").locator("figure").nth(1)
    assert [" ".join(row.split()) for row in changed.locator("tbody tr").all_inner_texts()] == [
        "1 0.60 , was 0.80",
        "added 3 0.50",
    ]
    assert "Rows: 1 changed, 1 added, 2 the same" in changed.inner_text()
    log = opened.page.locator(".same-file", has_text="train.txt").locator(".patch tr:is(.added, .removed, .gap)")
    assert [" ".join(row.split()) for row in log.all_inner_texts()] == [
        "4 − epoch 3 done", "4 + epoch 3 skipped", "20 lines the same", "31 − epoch 30 done", "31 + epoch 30 slow",
        "6 lines the same",
    ]  # fmt: skip
    listed = opened.page.get_by_label("Table of the same files").locator("tbody tr")
    assert " ".join(listed.inner_text().split()).startswith("weights.bin 3 versions adam-0 2 bytes")


# ---- the pure functions


@pytest.fixture(scope="module")
def pairs() -> list[tuple[list[str], list[str]]]:
    """Return texts to compare: small alphabets, moved blocks, nothing in common, nothing at all."""
    noise = random.Random(7)
    made: list[tuple[list[str], list[str]]] = [([], []), ([], ["a"]), (["a"], []), (["a", "b"], ["b", "a"])]
    for _ in range(60):
        before = [noise.choice("abcde") for _ in range(noise.randrange(30))]
        after = [line for line in before if noise.random() < 0.8]
        for _ in range(noise.randrange(6)):
            after.insert(noise.randrange(len(after) + 1), noise.choice("abcdef"))
        made.append((before, after))
    return made


def lines(watched: Watched, before: Sequence[str], after: Sequence[str]) -> dict[str, Any]:
    """Return what the page says of two texts."""
    found: dict[str, Any] = watched.evaluate(f"reportgen.differences.lines({json.dumps(before)}, {json.dumps(after)})")
    return found


def longest_common(before: Sequence[str], after: Sequence[str]) -> int:
    """Return the length of the longest common subsequence."""
    row = [0] * (len(after) + 1)
    for line in before:
        last = 0
        for j, other in enumerate(after, 1):
            last, row[j] = row[j], last + 1 if line == other else max(row[j], row[j - 1])
    return row[-1]


def test_line_differences_rebuild_both_texts_with_the_fewest_edits(
    opened: Watched, site: Path, pairs: list[tuple[list[str], list[str]]]
) -> None:
    opened.open(disk_address(site) + urls.COMPARE)
    opened.evaluate("reportgen.script('differences')")
    found = opened.evaluate(f"{json.dumps(pairs)}.map(([a, b]) => reportgen.differences.lines(a, b).edits)")
    for (before, after), edits in zip(pairs, found, strict=True):
        assert [e["text"] for e in edits if e["kind"] != "+"] == before
        assert [e["text"] for e in edits if e["kind"] != "-"] == after
        assert sum(e["kind"] == " " for e in edits) == longest_common(before, after)
        assert all(before[e["a"]] == e["text"] for e in edits if e["a"] >= 0)
        assert all(after[e["b"]] == e["text"] for e in edits if e["b"] >= 0)


def test_long_texts_are_compared_in_bounded_time_and_say_so(opened: Watched, site: Path) -> None:
    opened.open(disk_address(site) + urls.COMPARE)
    opened.evaluate("reportgen.script('differences')")
    noise = random.Random(3)
    before = [f"{noise.random()}" for _ in range(4000)]
    after = [line if noise.random() < 0.5 else f"{noise.random()}" for line in before]
    kept = set(before) & set(after)
    found = lines(opened, before, after)
    assert found["parts"] == 1
    assert sum(e["kind"] == " " for e in found["edits"]) == len(kept)
    unlike = lines(opened, [f"a{i}" for i in range(5000)], [f"b{i}" for i in range(5000)])
    assert {e["kind"] for e in unlike["edits"]} == {"+", "-"}
    long = [str(i) for i in range(12_000)]
    found = lines(opened, long, [*long[:7000], "new", *long[7000:]])
    assert found["parts"] == 3
    assert [e["text"] for e in found["edits"] if e["kind"] != "-"] == [*long[:7000], "new", *long[7000:]]
    assert sum(e["kind"] != " " for e in found["edits"]) <= 5


def test_patches_csv_and_tables_are_read(opened: Watched, site: Path) -> None:
    opened.open(disk_address(site) + urls.COMPARE)
    opened.evaluate("reportgen.script('differences')")
    before, after = [f"line {i}\n" for i in range(50)], [f"line {i}\n" for i in range(50) if i != 9]
    after.insert(30, "new\n")
    unified = "".join(difflib.unified_diff(before, after, "a/x y.txt", "b/x y.txt"))
    (file,) = opened.evaluate(f"reportgen.differences.parsePatch({json.dumps(unified)})")
    assert (file["name"], file["added"], file["removed"]) == ("x y.txt", 1, 1)
    assert all(before[e["a"]] == e["text"] + "\n" for e in file["edits"] if e["kind"] in " -")
    assert all(after[e["b"]] == e["text"] + "\n" for e in file["edits"] if e["kind"] in " +")
    assert opened.evaluate("reportgen.differences.parsePatch('no\\n+patch').length") == 0

    def table(path: str, content: str) -> Any:
        return opened.evaluate(f"reportgen.differences.parseTable({json.dumps(path)}, '', {json.dumps(content)})")

    assert table("t.csv", 'a,"b ""c"""\r\n1,"x\ny"\r\n') == {"header": ["a", 'b "c"'], "rows": [["1", "x\ny"]]}
    assert table("t.tsv", "a\tb\n1\t\n") == {"header": ["a", "b"], "rows": [["1", ""]]}
    wanted = {"header": ["a", "b"], "rows": [["1", "x"], ["2", ""]]}
    assert table("t.json", '[{"a": 1, "b": "x"}, {"a": 2}]') == wanted
    assert table("t.json", '{"columns": ["a", "b"], "data": [[1, "x"], [2, null]]}') == wanted
    assert table("t.json", '{"a": [1, 2], "b": ["x", null]}') == wanted
    assert table("t.json", '{"a": [1, 2], "b": [3]}') is None
    assert table("t.json", '{"a": 1') is None


# ---- bad input


def test_runs_that_are_not_there_are_named_and_the_others_compared(opened: Watched, site: Path) -> None:
    address_ = f"{urls.COMPARE}#?runs={key(0)},aaaaaaaaaa,../../etc/passwd,<b>x</b>,{key(3)}"
    asked: list[str] = []
    opened.page.on("request", lambda request: asked.append(request.url))
    opened.open(disk_address(site) + address_)
    opened.page.locator(".compared").wait_for()
    assert text(opened, "h1") == ["Compare 2 runs"]
    assert text(opened, ".notes .note") == ["This site has no runs “aaaaaaaaaa”, “../../etc/passwd”, “<b>x</b>”."]
    assert not [url for url in asked if "passwd" in url or "%3Cb" in url]
    assert [m for m in opened.messages if "aaaaaaaaaa" not in m and "ERR_FILE_NOT_FOUND" not in m] == []
    opened.messages.clear()


def test_no_known_run_leaves_a_sentence(opened: Watched, site: Path) -> None:
    opened.open(f"{disk_address(site)}{urls.COMPARE}#?runs=x")
    opened.page.locator(".note").wait_for()
    assert text(opened, ".lede") == ["There is nothing to compare."]


def test_more_than_200_runs_are_cut_and_it_is_said(tmp_path: Path, open_page: OpenPage) -> None:
    for i in range(203):
        write(tmp_path / "runs", i, f"run-{i}", 50 + i / 10, points=2, lr=i)
    build([tmp_path / "runs"], tmp_path / "site", config=CONFIG, use_cache=False)
    with open_page(disk_address(tmp_path / "site")) as watched:
        show(watched, tmp_path / "site", *range(203))
        assert text(watched, "h1") == ["Compare 200 runs"]
        assert text(watched, ".notes .note") == ["The first 200 of 203 runs are compared."]
        assert watched.page.locator(".compared > li:visible").count() == 25
        watched.page.set_viewport_size({"width": 390, "height": 800})
        assert watched.page.locator(".compared > li:visible").count() == 11
        watched.page.get_by_role("button", name="All 200 runs").click()
        assert watched.page.locator(".compared > li:visible").count() == 200
        watched.page.set_viewport_size({"width": 1280, "height": 800})
        assert watched.page.locator(".side thead a").count() == 200
        assert watched.evaluate("document.documentElement.scrollWidth") <= 1280
        assert watched.messages == []


@pytest.mark.parametrize("fault", ["missing", "cut"])
@pytest.mark.parametrize("file", ["series", "tables"])
def test_a_missing_or_cut_file_leaves_the_rest(
    site: Path, tmp_path: Path, open_page: OpenPage, file: str, fault: str
) -> None:
    copy = tmp_path / "site"
    shutil.copytree(site, copy)
    path = copy / "data" / file / f"{key(3) if file == 'series' else short_key('vision')}.js"
    if fault == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:200])
    with open_page(disk_address(copy)) as watched:
        show(watched, copy, 0, 1, 3, wait=".notes .note")
        rows = table_of(watched)
        (note,) = text(watched, ".notes .note")
        assert path.name in note or "The file of lion-0" in note
        assert rows["val/acc"][:3] == (
            ["78.89 best", "78.86 ≈ within the spread, −0.03", "74.93 ▼ down, worse, 3.96"]
            if file == "series"
            else ["78.89 best", "78.86 ▼ down 0.03", "74.93 ▼ down 3.96"]
        )
        assert rows["lr"] == ["1e-3", "1e-3", "1e-4 differs", *([""] if file == "series" else [])]
        reach(watched, ".curves canvas")


def test_hostile_names_stay_text(opened: Watched, site: Path) -> None:
    show(opened, site, 7, 0, more="&rows=%3Cimg%20src=x%20onerror=alert(1)%3E")
    assert opened.page.locator(".compared img, .compared script").count() == 0
    assert "onerror=alert(1)" in text(opened, ".compared li")[0]
    reach(opened, ".curves canvas")
    assert opened.page.locator("main img[src=x]").count() == 0


# ---- everybody


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_comparison_is_accessible(site: Path, open_page: OpenPage, scheme: str) -> None:
    with open_page(disk_address(site), scheme=scheme) as watched:
        show(watched, site, 0, 3, 6, 7, 8, more="&params=all")
        reach(watched, ".same-file .patch")
        assert watched.accessibility_faults() == []
        watched.page.get_by_role("button", name="Add a run").click()
        watched.page.locator(".pick button").first.wait_for()
        assert watched.accessibility_faults() == []
        assert watched.messages == []


def test_on_a_phone_each_metric_is_a_block_with_a_line_a_run(site: Path, open_page: OpenPage) -> None:
    with open_page(disk_address(site), width=390) as watched:
        show(watched, site, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
        reach(watched, ".same-file .patch")
        assert watched.evaluate("document.documentElement.scrollWidth") == 390
        frame = "(f => [f.scrollWidth, f.clientWidth])(document.querySelector('.scroll:has(> .side)'))"
        scroll, client = watched.evaluate(frame)
        assert scroll == client
        tops = watched.evaluate(
            "[...document.querySelector('.side tbody tr').cells].map(c => c.getBoundingClientRect().top)"
        )
        assert tops[1:11] == sorted(set(tops[1:11]))
        targets = "document.querySelectorAll('.compare-tools > *, .remove, .segments button')"
        small = f"[...{targets}].filter(e => e.offsetParent && e.getBoundingClientRect().height < 44).length"
        assert watched.evaluate(small) == 0
        assert watched.messages == []


def test_on_a_desk_the_table_scrolls_in_its_frame_beside_the_names(site: Path, open_page: OpenPage) -> None:
    with open_page(disk_address(site), width=800) as watched:
        show(watched, site, *range(10))
        assert watched.evaluate("document.documentElement.scrollWidth") == 800
        assert watched.evaluate("(f => f.scrollWidth > f.clientWidth)(document.querySelector('.scroll:has(> .side)'))")
        left = "document.querySelector('.side tbody .stick').getBoundingClientRect().left"
        before = watched.evaluate(left)
        watched.evaluate("document.querySelector('.scroll:has(> .side)').scrollLeft = 200")
        assert watched.evaluate(left) == before


def test_an_address_of_unknown_runs_takes_the_earlier_comparison_away(opened: Watched, site: Path) -> None:
    show(opened, site, 1, 2)
    opened.page.evaluate("location.hash = '#?runs=aaaaaaaaaa'")
    opened.page.get_by_text("There is nothing to compare.").wait_for()
    assert text(opened, "h1") == ["Compare"]
    assert opened.page.locator(".compared, .side").count() == 0
    opened.page.get_by_role("button", name="Add a run").wait_for()
    assert all("data/series/aaaaaaaaaa.js" in message or "ERR_FILE_NOT_FOUND" in message for message in opened.messages)
    opened.messages.clear()  # the browser says that the file is not there

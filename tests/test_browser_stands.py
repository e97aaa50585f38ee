"""Where a run stands among the runs of its experiment, as its page says it when the experiment's table is there."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.browser import OpenPage, Watched, disk_address
from tests.datafiles import write_packed

pytestmark = pytest.mark.browser


@dataclass(frozen=True, slots=True)
class Site:
    """A copy of the sample site, and one of its run pages whose experiment's table the tests write."""

    folder: Path
    page: str
    k: str
    experiment: str

    def write_table(self, **changes: Any) -> None:
        write_packed(self.folder, f"tables/{self.experiment}", table_of(self, **changes))


@pytest.fixture(scope="module")
def site(sample_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    copy = tmp_path_factory.mktemp("stands") / "site"
    shutil.copytree(sample_site, copy)
    file = next(copy.glob("r/avid-gibbon-24-*.html"))
    text = file.read_text(encoding="utf-8")
    k, experiment = (re.findall(rf'<main[^>]* data-{name}="(\w+)"', text)[0] for name in ("k", "experiment"))
    return Site(copy, f"r/{file.name}", k, experiment)


def table_of(
    site: Site,
    *,
    own: int = 1,
    values: Sequence[float | str | None] = (0.99, 0.98, 0.97, 0.96),
    losses: Sequence[float | str | None] = (0.1, 0.2, 0.3, 0.4),
    status: Sequence[str] = ("finished", "finished", "finished", "finished"),
    parent: Sequence[int] = (-1, -1, -1, -1),
    leading: str | None = "val/accuracy",
    selection: Sequence[int] = (0, 1, 2, 3),
    slot: int = 3,
) -> dict[str, Any]:
    """Return `ExperimentTable` of four runs, the newest first, of which the one at `own` has the page."""
    n = 4
    k = [site.k if i == own else "abcdefgh" + "yz23"[i] * 2 for i in range(n)]

    def metric(name: str, column: Sequence[float | str | None], direction: str) -> dict[str, Any]:
        about = {"title": name, "unit": "", "direction": direction, "summary": direction, "decimals": 2, "spread": None}
        return {"name": name, "runs": None, "values": list(column), "steps": [7] * n, **about}

    def param(name: str, value: Any, varying: bool) -> dict[str, Any]:
        return {"name": name, "runs": None, "values": [value] * n, "varying": varying, "seed": False}

    blank: dict[str, list[Any]] = dict.fromkeys(
        ("error", "user", "group", "commit", "branch", "note", "differs"), [""] * n
    )
    return {
        "format": 1,
        "k": site.experiment,
        "name": "x",
        "title": "x",
        "page": "index.html",
        "n": n,
        "runs": {
            "k": k,
            "id": k,
            "name": [f"run <b>{i}</b>" for i in range(n)],
            "page": [f"runs.html#r{i}" for i in range(n)],
            "status": list(status),
            "start": [100.0 - i for i in range(n)],
            "last": [100.0] * n,
            "duration": [1.0] * n,
            "parent": list(parent),
            "dirty": [None] * n,
            "group_of": [0] * n,
            **blank,
        },
        "params": [param("batch", 16, False), param("seed", 2, True), param("lr", 0.01, True)],
        "tags": [],
        "metrics": [metric("val/accuracy", values, "max"), metric("val/loss", losses, "min")],
        "headline": ["val/accuracy", "val/loss"],
        "leading": leading,
        "spark": None,
        "groups": {"label": ["x"], "slot": [slot]},
        "selection": list(selection),
    }


@contextmanager
def opened(open_page: OpenPage, site: Site, **options: Any) -> Iterator[Watched]:
    """Yield the run's page when the table has been shown."""
    with open_page(disk_address(site.folder), **options) as watched:
        watched.open(disk_address(site.folder) + site.page)
        watched.page.locator("[data-stands]").first.wait_for(state="attached")
        yield watched


def said_of(watched: Watched, metric: str) -> str:
    return watched.page.locator(f".headline [data-metric='{metric}'] dd").nth(1).inner_text()


def place_of(watched: Watched, metric: str) -> float:
    """Return where this run's dot is on the strip, in percent from the left."""
    dot = watched.page.locator(f".headline [data-metric='{metric}'] .own").get_attribute("cx")
    assert dot is not None
    return float(dot.removesuffix("%"))


def test_each_metric_has_its_rank_and_better_is_to_the_right(site: Site, open_page: OpenPage) -> None:
    site.write_table(losses=(0.4, 0.1, 0.2, 0.3))
    with opened(open_page, site) as watched:
        assert said_of(watched, "val/accuracy") == "2nd of 4, best at step 7"
        assert said_of(watched, "val/loss") == "1st of 4, best at step 7"
        assert place_of(watched, "val/accuracy") == pytest.approx(100 * 2 / 3, abs=0.1)
        assert place_of(watched, "val/loss") == 100
        assert watched.page.get_by_role("heading", name="Where it stands").is_visible()
        assert watched.page.locator(".rail").get_by_role("link", name="Where it stands").is_visible()
        assert watched.messages == []


def test_runs_of_one_value_share_a_rank(site: Site, open_page: OpenPage) -> None:
    site.write_table(values=(0.98, 0.98, 0.99, 0.97))
    with opened(open_page, site) as watched:
        assert said_of(watched, "val/accuracy").startswith("shared 2nd of 4")


@pytest.mark.parametrize("status", ["failed", "stopped", "unfinished"])
def test_only_finished_runs_are_ranked(site: Site, open_page: OpenPage, status: str) -> None:
    site.write_table(status=("finished", status, "finished", "failed"), values=(0.9, 0.8, 0.7, 1.0))
    with opened(open_page, site) as watched:
        assert said_of(watched, "val/accuracy") == f"Not ranked: {status}, best at step 7"
        assert watched.page.locator(".headline .hollow").count() == 2
    site.write_table(status=(status, "finished", "finished", "finished"))
    with opened(open_page, site) as watched:
        assert said_of(watched, "val/accuracy").startswith("1st of 3")


def test_parts_of_a_run_are_not_ranked_beside_it(site: Site, open_page: OpenPage) -> None:
    site.write_table(parent=(1, -1, 1, -1))
    with opened(open_page, site) as watched:
        assert said_of(watched, "val/accuracy").startswith("1st of 2")
    site.write_table(parent=(-1, 0, -1, -1))
    with opened(open_page, site) as watched:
        assert said_of(watched, "val/accuracy").startswith("Not ranked: a part of another run")
    site.write_table(parent=(-1, 0, 0, -1), values=(None, 0.98, 0.97, 0.96))
    with opened(open_page, site) as watched:
        assert said_of(watched, "val/accuracy").startswith("1st of 3")


def test_values_that_are_no_numbers_are_left_out(site: Site, open_page: OpenPage) -> None:
    site.write_table(values=("NaN", 0.98, None, 0.99), losses=(0.1, "NaN", 0.2, 0.3))
    with opened(open_page, site) as watched:
        assert said_of(watched, "val/accuracy").startswith("2nd of 2")
        assert "of" not in said_of(watched, "val/loss")
        assert watched.messages == []


def test_a_run_far_behind_the_others_does_not_squeeze_them(site: Site, open_page: OpenPage) -> None:
    site.write_table(losses=(0.1, 0.2, 0.3, 1e9))
    with opened(open_page, site) as watched:
        assert place_of(watched, "val/loss") == 50
        marks = watched.page.locator("[data-metric='val/loss'] .others")
        assert marks.count() == 2, "the sign at the left end says that there is one more"


def test_the_only_run_with_a_value_is_not_ranked(site: Site, open_page: OpenPage) -> None:
    site.write_table(values=(None, 0.98, None, None), losses=(None, 0.1, None, None))
    with opened(open_page, site) as watched:
        assert watched.page.get_by_role("heading", name="Results").is_visible()
        assert watched.page.locator(".rank").count() == 0


def test_the_best_run_is_called_so(site: Site, open_page: OpenPage) -> None:
    site.write_table(own=0)
    with opened(open_page, site) as watched:
        assert watched.page.locator(".title .tag").inner_text() == "best val/accuracy"
    site.write_table(own=0, leading=None)
    with opened(open_page, site) as watched:
        assert watched.page.locator(".title .tag").count() == 0


@pytest.mark.parametrize(
    ("own", "leading", "label", "other"),
    [(1, "val/accuracy", "best", "y"), (0, "val/accuracy", "next best", "z"), (1, None, "newest", "y")],
)
def test_the_run_to_compare_with_is_the_best_other(
    site: Site, open_page: OpenPage, own: int, leading: str | None, label: str, other: str
) -> None:
    site.write_table(own=own, leading=leading)
    with opened(open_page, site) as watched:
        button = watched.page.get_by_role("link", name=f"Compare with the {label}")
        assert button.get_attribute("href") == f"../compare.html#?runs={site.k},abcdefgh{other * 2}"


def test_params_that_differ_come_first(site: Site, open_page: OpenPage) -> None:
    site.write_table()
    with opened(open_page, site) as watched:
        section = watched.page.locator("section[aria-labelledby=params]")
        assert section.locator(".aside").all_inner_texts()[1] == "of which 2 differ in this experiment"
        names = section.locator("tbody th").all_inner_texts()
        assert set(names[:2]) == {"lr", "seed"}
        weights = "rows => rows.map(row => getComputedStyle(row.cells[0]).fontWeight)"
        assert section.locator("tbody tr").evaluate_all(weights) == ["600"] * 2 + ["400"] * (len(names) - 2)


def test_the_page_is_drawn_in_the_colour_of_the_run(site: Site, open_page: OpenPage) -> None:
    site.write_table(slot=3)
    with opened(open_page, site) as watched:
        assert watched.page.locator("main").get_attribute("data-slot") == "3"
        spark = watched.page.locator(".summary-table .spark path").first
        assert spark.evaluate("e => getComputedStyle(e).stroke") == "rgb(189, 31, 1)"
    site.write_table(slot=0)
    with opened(open_page, site) as watched:
        assert watched.page.locator("main").get_attribute("data-slot") is None
        assert watched.page.locator(".title .swatch").count() == 0


@pytest.mark.parametrize(("key", "name", "target"), [("[", "previous run", "r2"), ("]", "next run", "r0")])
def test_keys_and_links_lead_to_the_runs_before_and_after(
    site: Site, open_page: OpenPage, key: str, name: str, target: str
) -> None:
    site.write_table()
    with opened(open_page, site) as watched:
        link = watched.page.get_by_role("link", name=name)
        assert link.get_attribute("href") == f"../runs.html#{target}"
        assert f"run <b>{target[1]}</b>" in link.inner_text()
        watched.page.keyboard.press("/")
        field = watched.page.locator("dialog [role=combobox]")
        field.press(key)
        watched.page.keyboard.press("Escape")
        field.wait_for(state="hidden")
        watched.evaluate("new Promise(requestAnimationFrame)")  # then the field has lost the focus
        assert watched.page.url.endswith(site.page)
        watched.page.keyboard.press(key)
        watched.page.wait_for_url(disk_address(site.folder) + f"runs.html#{target}")


def test_the_newest_run_has_no_next(site: Site, open_page: OpenPage) -> None:
    site.write_table(own=0)
    with opened(open_page, site) as watched:
        assert watched.page.get_by_role("link", name="next run").count() == 0
        assert watched.page.locator(".rail .turn-keys").inner_text() == "[ previous run"
        watched.page.keyboard.press("]")
        assert watched.page.url.endswith(site.page)


def test_new_data_of_a_served_site_take_the_place_of_the_old(site: Site, open_page: OpenPage) -> None:
    site.write_table()
    with opened(open_page, site) as watched:
        before = watched.page.locator("[data-stands]").count()
        site.write_table(values=(0.9, 0.98, 0.97, 0.96))
        detail = f'{{detail: {{data: ["tables/{site.experiment}"], everything: false}}}}'
        watched.evaluate(f'document.dispatchEvent(new CustomEvent("reportgen:refresh", {detail}))')
        watched.page.get_by_text("1st of 4", exact=False).first.wait_for()
        assert watched.page.locator("[data-stands]").count() == before + 1, "the tag of the best run is new"
        keys = [key["key"] for key in watched.evaluate("reportgen.keys.list()")]
        assert keys.count("[") == 1
        assert watched.messages == []


def test_a_missing_table_is_said_and_the_values_stay(site: Site, open_page: OpenPage, tmp_path: Path) -> None:
    broken = tmp_path / "site"
    shutil.copytree(site.folder, broken)
    (broken / f"data/tables/{site.experiment}.js").unlink()
    with open_page(disk_address(broken)) as watched:
        watched.open(disk_address(broken) + site.page)
        watched.page.get_by_text(f"cannot be shown: data/tables/{site.experiment}.js cannot be loaded").wait_for()
        assert watched.page.locator(".headline .value").first.is_visible()


def test_the_ranks_come_without_moving_what_is_below(site: Site, open_page: OpenPage) -> None:
    site.write_table()
    top = "document.querySelector('#metrics').getBoundingClientRect().top + scrollY"
    with opened(open_page, site) as watched:
        after = watched.evaluate(top)
        watched.evaluate("document.querySelectorAll('.rank').forEach(e => e.remove())")
        assert watched.evaluate(top) == after


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_the_page_stays_accessible_and_within_a_phone(site: Site, open_page: OpenPage, scheme: str, width: int) -> None:
    site.write_table(own=0, status=("failed", "finished", "finished", "finished"))
    with opened(open_page, site, scheme=scheme, width=width) as watched:
        assert watched.accessibility_faults() == []
        assert watched.evaluate("document.documentElement.scrollWidth") <= width


def test_without_scripts_the_page_has_results_and_no_ranks(site: Site, open_page: OpenPage) -> None:
    with open_page(disk_address(site.folder), javascript=False) as watched:
        watched.open(disk_address(site.folder) + site.page)
        assert watched.page.get_by_role("heading", name="Results").is_visible()
        assert not watched.page.locator(".compare-with").is_visible()

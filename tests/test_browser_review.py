"""The report of a review in a real browser: silent, accessible, readable on a phone and without scripts, and inert."""

from __future__ import annotations

from pathlib import Path

import pytest

from reportgen.loading import Means
from reportgen.reviewing import Request, review_change
from reportgen.site.config import Config
from tests.browser import OpenPage
from tests.sourcelogs import T0, metrics_line, start_line, write_run

pytestmark = pytest.mark.browser

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


def write_side(root: Path, day: int, top: float, text: str) -> Path:
    """Write three seeds and a failed run, with `text` wherever a log may say something."""
    for seed in range(4):
        start = T0 + 86_400 * day + 60 * seed
        lines = [
            start_line(f"{day}-{seed}", name=f"{text} seed{seed}", experiment=text, time=start),
            {"event": "params", "params": {text: f"{text}{day}", "lr": 0.1 * (day + 1), "seed": seed}},
            {"event": "env", "python": f"3.1{day}", "packages": {text: str(day)}},
            {"event": "code", "commit": f"{day}" * 40, "branch": text, "dirty": bool(day)},
            *(
                metrics_line(s, **{"val/loss": top / (s + 1) + 0.001 * seed, f"val/{text} accuracy": 0.1 * s})
                for s in range(9)
            ),
            {"event": "end", "status": "FAILED" if seed == 3 else "FINISHED", "error": text, "time": start + 30},
        ]
        write_run(root / f"{day}-{seed}", *lines)
    return root


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return a report on plain logs and one on hostile ones."""
    place = tmp_path_factory.mktemp("reviews")
    made = {}
    for kind, text in (("plain", "digits"), ("hostile", EVIL)):
        baseline = write_side(place / kind / "baseline", 0, 1.0, text)
        change = write_side(place / kind / "change", 1, 1.5, text)
        request = Request(sources=(str(change),), baseline=str(baseline))
        means = Means(cache_dir=place / "cache")
        out = place / kind / "review"
        review_change(request, out, config=Config(), folder=place, environment={}, means=means)
        made[kind] = out / "report.html"
    return made


@pytest.mark.parametrize("kind", ["plain", "hostile"])
@pytest.mark.parametrize("javascript", [True, False])
def test_it_says_nothing_to_the_console_and_asks_for_nothing(
    reports: dict[str, Path], open_page: OpenPage, kind: str, javascript: bool
) -> None:
    address = reports[kind].as_uri()
    with open_page(address, javascript=javascript) as watched:
        asked: list[str] = []
        watched.page.on("request", lambda request: asked.append(request.url))
        watched.open(address)
        assert [url for url in asked if not url.startswith(("data:", address))] == []
        assert (watched.messages, watched.outside) == ([], [])
        assert "1 regression" in watched.page.locator("h1").inner_text()
        assert watched.page.locator("svg.chart").count() == 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_is_accessible_and_as_wide_as_its_window(
    reports: dict[str, Path], open_page: OpenPage, scheme: str, width: int
) -> None:
    for report in reports.values():
        with open_page(report.as_uri(), scheme=scheme, width=width) as watched:
            watched.open(report.as_uri())
            assert watched.evaluate("document.documentElement.scrollWidth") <= width
            assert watched.accessibility_faults() == []

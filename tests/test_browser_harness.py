"""The browser fixtures themselves: what they must notice on a page that does wrong, and what they must let pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import browser
from tests.browser import LATE, OpenPage, disk_address, served
from tests.linkcheck import POLICY

pytestmark = pytest.mark.browser

HEAD = f"""<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<link rel="icon" href="data:image/svg+xml,%3Csvg%20xmlns='http://www.w3.org/2000/svg'/%3E"><title>t</title>"""


def write_page(folder: Path, body: str) -> Path:
    """Make a site of one page with `body`."""
    site = folder / "site"
    site.mkdir()
    (site / "index.html").write_text(f"{HEAD}</head><body><main><h1>t</h1>{body}</main></body></html>")
    return site


def test_a_quiet_page_has_no_faults_from_disk_and_over_http(tmp_path: Path, open_page: OpenPage) -> None:
    site = write_page(tmp_path, "<p>Nothing to see.</p>")
    with served(site) as address:
        for root in (address, disk_address(site)):
            with open_page(root) as watched:
                watched.open(root + "index.html")
                assert watched.evaluate("document.querySelector('p').textContent") == "Nothing to see."
                assert watched.accessibility_faults() == []
                assert (watched.messages, watched.outside) == ([], [])


@pytest.mark.parametrize(
    "body",
    [
        "<script>document.title = 'x'</script>",
        '<p style="color:red">x</p>',
        '<script src="missing.js"></script>',
        '<iframe src="index.html" title="t"></iframe>',
    ],
)
def test_what_the_policy_refuses_or_is_not_there_is_a_message(tmp_path: Path, open_page: OpenPage, body: str) -> None:
    site = write_page(tmp_path, body)
    with open_page(disk_address(site)) as watched:
        watched.open(disk_address(site) + "index.html")
        watched.settles(lambda: len(watched.messages) > 0, True)


def test_a_request_that_leaves_the_site_is_noted(tmp_path: Path, open_page: OpenPage) -> None:
    (tmp_path / "other.js").write_text("")
    site = write_page(tmp_path, '<script src="../other.js"></script>')
    with served(site) as address, open_page(address) as watched:
        watched.open(address + "index.html")
        assert [url.rpartition("/")[2] for url in watched.outside] == ["other.js"]


def test_axe_reports_a_picture_without_words(tmp_path: Path, open_page: OpenPage) -> None:
    site = write_page(tmp_path, '<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">')
    with open_page(disk_address(site)) as watched:
        watched.open(disk_address(site) + "index.html")
        assert any(fault.startswith("image-alt") for fault in watched.accessibility_faults())


def test_what_a_page_shows_after_a_while_is_waited_for(
    tmp_path: Path, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = write_page(tmp_path, "<p>first</p>")
    with open_page(disk_address(site)) as watched:
        watched.open(disk_address(site) + "index.html")
        text = "document.querySelector('p').textContent"
        watched.evaluate(f"setTimeout(() => {{ {text} = 'second'; }}, 100), 0")
        watched.settles(lambda: watched.evaluate(text), "second")
        monkeypatch.setattr(browser, "PATIENCE", 0.05)
        with pytest.raises(AssertionError, match="assert 'second' == 'third'"):
            watched.settles(lambda: watched.evaluate(text), "third")


HEARS = """
    window.heard = [], addEventListener("hashchange", () => heard.push("event")),
    setTimeout(() => heard.push("timer")), requestAnimationFrame(() => heard.push("frame")),
    new ResizeObserver(() => heard.push("size")).observe(document.body),
    new Promise((done) => { onhashchange = () => done([...heard]); location.hash = "#p"; })"""
"""What a page has heard of, by a moment at which it could have heard of all; `heard` grows afterwards."""


def test_a_page_can_be_made_to_hear_of_everything_late(tmp_path: Path, open_page: OpenPage) -> None:
    site = write_page(tmp_path, "<p>t</p>")
    with open_page(disk_address(site)) as watched:
        watched.page.add_init_script(path=LATE)
        watched.open(disk_address(site) + "index.html")
        assert watched.evaluate(HEARS) == []
        watched.settles(lambda: sorted(watched.evaluate("heard")), ["event", "frame", "size", "timer"])
        watched.evaluate(
            "window.dropped = () => heard.push('dropped'), addEventListener('hashchange', dropped),"
            " removeEventListener('hashchange', dropped), location.hash = '#q', 0"
        )
        watched.settles(lambda: watched.evaluate("heard.filter(what => what === 'event').length"), 2)
        assert "dropped" not in watched.evaluate("heard")

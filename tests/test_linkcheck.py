"""The link checker itself: a clean site passes, and each thing it stands guard against is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.linkcheck import POLICY, check_site


def write_site(folder: Path, body: str, head: str = "", *, policy: str = POLICY) -> Path:
    """Make a site of two pages and a style sheet; `index.html` has `head` and `body`."""
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}">' if policy else ""
    for path, inner, extra in (("index.html", body, head), ("e/other.html", "<p id='here'>x</p>", "")):
        page = folder / path
        page.parent.mkdir(exist_ok=True)
        page.write_text(
            f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">{meta}<title>t</title>{extra}</head>'
            f"<body>{inner}</body></html>"
        )
    (folder / "assets").mkdir()
    (folder / "assets" / "theme.css").write_text("body { margin: 0 }")
    return folder


def test_a_clean_site_has_no_faults(tmp_path: Path) -> None:
    body = (
        '<a href="e/other.html#here">x</a><a href="#top?sort=lr" id="top">x</a><a href="https://example.org/">x</a>'
        '<p>a<ul><li>b<li>c</ul><svg viewBox="0 0 1 1"><path d="M0 0"/></svg>'
        '<img src="data:image/png;base64,AA" alt="">'
    )
    head = '<link rel="stylesheet" href="assets/theme.css">'
    assert check_site(write_site(tmp_path, body, head), reachable=True) == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('<a href="nowhere.html">x</a>', "leads to no file"),
        ('<a href="e/">x</a>', "leads to no file"),
        ('<a href="e/Other.html">x</a>', "leads to no file"),
        ('<a href="e/other.html#there">x</a>', "names no id"),
        ('<a href="../x.html">x</a>', "leaves the site"),
        ('<a href="%2e%2e/x.html">x</a>', "leaves the site"),
        ('<a href="/index.html">x</a>', "not relative"),
        ('<a href="//example.org/x">x</a>', "not relative"),
        ('<a href="javascript:alert(1)">x</a>', "not relative"),
        ('<img src="https://example.org/x.png" alt="">', "not relative"),
        ('<img src="data:text/html,x" alt="">', "not relative"),
        ('<p style="color:red">x</p>', "attribute style"),
        ('<p onclick="x()">x</p>', "attribute onclick"),
        ("<style>p {}</style>", "<style>"),
        ("<script>x()</script>", "no src"),
        ('<script src="e/other.html" type="module"></script>', "does not load from disk"),
        ('<iframe src="e/other.html"></iframe>', "<iframe>"),
        ('<meta http-equiv="refresh" content="0">', "sends itself away"),
        ("<p id='a'>x</p><p id='a'>y</p>", "stands twice"),
        ("<div><p>x</div></section>", "closes nothing"),
        ("<div>", "closes nothing"),
        ('<p class="a" class="b">x</p>', "attribute twice"),
    ],
)
def test_each_fault_is_found(tmp_path: Path, body: str, words: str) -> None:
    faults = check_site(write_site(tmp_path, body))
    assert any(words in fault and fault.startswith("index.html") for fault in faults), faults


def test_a_weaker_policy_is_a_fault(tmp_path: Path) -> None:
    assert "policy is []" in " ".join(check_site(write_site(tmp_path, "", policy="")))


def test_something_before_the_policy_is_a_fault(tmp_path: Path) -> None:
    site = write_site(tmp_path, "")
    page = site / "index.html"
    page.write_text(page.read_text().replace("<head>", '<head><link rel="stylesheet" href="assets/theme.css">'))
    assert any("before the content security policy" in fault for fault in check_site(site))


def test_a_page_that_no_link_leads_to_is_a_fault_when_asked(tmp_path: Path) -> None:
    site = write_site(tmp_path, "<p>x</p>")
    assert check_site(site) == []
    assert check_site(site, reachable=True) == ["e/other.html: no link leads here"]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("_x.html", "", "static hosts leave out"),
        ("Upper.txt", "", "not every host"),
        ("assets/a.css", "p { background: url('b.png') }", "leads to no file"),
        ("assets/a.css", "@import 'theme.css';", "imports another"),
        ("assets/a.svg", "<svg><script>1</script></svg>", "runs or fetches"),
        ("assets/a.svg", "<svg><image href='https://example.org'/></svg>", "runs or fetches"),
    ],
)
def test_faults_of_files_that_are_no_pages_are_found(tmp_path: Path, name: str, content: str, words: str) -> None:
    site = write_site(tmp_path, "<p>x</p>")
    (site / name).write_text(content)
    assert any(words in fault for fault in check_site(site))

"""One page folded into another document: what changes, and that nothing else does."""

from __future__ import annotations

import re

import pytest

from reportgen.site.fold import LEFT_OUT, Folded, Place, Script, fold_frame, fold_page

HERE = Place("r/one-aaaaaaaaaa.html", "r-a", "one")
PARTS = {"r/one-aaaaaaaaaa.html": "r-a", "r/two-bbbbbbbbbb.html": "r-b", "e/digits-cccccccccc.html": "e-c"}


def page(main: str, *, head: str = "", html: str = "", attributes: str = "") -> str:
    return (
        f'<!DOCTYPE html>\n<html lang="en"{html}>\n<head>\n{head}</head>\n<body>\n<nav>Site</nav>\n'
        f'<main id="main" tabindex="-1"{attributes}>{main}</main>\n<footer>reportgen</footer>\n</body>\n</html>\n'
    )


def fold(main: str, place: Place = HERE, **more: str) -> Folded:
    return fold_page(page(main, **more), place, PARTS, lambda source: f"data:image/png;base64,{source}")


def body(main: str, place: Place = HERE) -> str:
    return fold(main, place).body


def test_a_page_without_names_and_links_stays_as_it_is() -> None:
    main = (
        '\n<p CLASS=a title=\'"b"\'>1 &lt; 2 &amp;amp; &#34;3&#34; é</p>\n<!-- <a href="x.html"> -->\n'
        '<svg viewBox="0 0 1 1"><linearGradient gradientUnits="userSpaceOnUse"/><path d="M0 0h1"/></svg>'
        "<br><pre>\n\na</pre>"
    )
    assert body(main) == main


def test_ids_and_all_that_refers_to_them_get_the_prefix_of_the_part() -> None:
    assert body('<b id="x">') == '<b id="r-a-x">'
    assert body('<label for="x">') == '<label for="r-a-x">'
    assert body('<p aria-labelledby="x  y" class="z">') == '<p aria-labelledby="r-a-x r-a-y" class="z">'
    assert body('<button data-copy="x">') == '<button data-copy="r-a-x">'
    assert body('<a href="#x?zoom=1..2">a</a>') == '<a href="#r-a-x?zoom=1..2">a</a>'
    assert body('<path clip-path="url(#x)" d="M0 0"/>') == '<path clip-path="url(#r-a-x)" d="M0 0"/>'
    assert body('<use href="#x"/>') == '<use href="#r-a-x"/>'


def test_the_data_of_scripts_are_not_taken_for_references() -> None:
    main = """<section data-curves='{"title": "url(#x)", "id": "#y"}' data-metric="url(#z)">"""
    assert body(main) == main


def test_links_to_pages_of_the_document_become_fragments() -> None:
    assert body('<a href="two-bbbbbbbbbb.html" dir="auto">b</a>') == '<a href="#r-b" dir="auto">b</a>'
    assert body('<a href="../r/two-bbbbbbbbbb.html#loss">b</a>') == '<a href="#r-b-loss">b</a>'
    assert body('<a href="one-aaaaaaaaaa.html">b</a>') == '<a href="#r-a">b</a>'


def test_links_to_other_hosts_stay() -> None:
    for address in ("https://example.org/commit/1?a=b&amp;c", "http://example.org", "mailto:ada@example.org"):
        assert body(f'<a href="{address}">x</a>') == f'<a href="{address}">x</a>'


@pytest.mark.parametrize(
    "address",
    ["../runs.csv", "three.html", "/etc/passwd", "//example.org/x", "javascript:alert(1)", "JavaScript:alert(1)",
     "data:text/html,x", "../../../r/two-bbbbbbbbbb.html", "http://[", "file:///etc/passwd", " javascript:alert(1)"],
)  # fmt: skip
def test_any_other_link_leads_nowhere(address: str) -> None:
    made = body(f'<b><a class="c" href="{address}" download rel="x">text <i>more</i></a></b>')
    assert made == '<b><a class="c">text <i>more</i></a></b>'


def test_a_button_that_leads_to_a_file_of_the_site_goes() -> None:
    assert body('<p>a <a class="button" href="../data/x.gz">Download <b>log</b></a> b</p>') == "<p>a  b</p>"
    assert body('<a class="button" href="#x">a</a>') == '<a class="button" href="#r-a-x">a</a>'


def test_what_only_a_site_has_goes_with_all_that_is_in_it() -> None:
    assert body('a<div data-site><div id="x"><a href="y"></a></div><img src="z"></div>b<br data-site>c') == "abc"


def test_pictures_become_data_and_are_shown_at_once() -> None:
    made = body('<img src="../a/0.png" alt="x" width="3" loading="lazy">')
    assert made == '<img data-file="a/0.png" src="data:image/png;base64,a/0.png" alt="x" width="3">'
    assert "data:image/svg+xml,x" in body('<img src="data:image/svg+xml,x" alt="">')


@pytest.mark.parametrize(
    "source", ["https://example.org/x.png", "//example.org/x.png", "/x.png", "", "data:text/html,x"]
)
def test_a_picture_from_elsewhere_is_left_out(source: str) -> None:
    assert body(f'<img src="{source}" alt="x">') == LEFT_OUT


def test_nothing_else_loads_anything() -> None:
    assert body('<video src="../a/0.mp4" poster="x"></video>') == "<video></video>"
    assert body('<image href="https://example.org/x.png" x="1"/>') == '<image x="1"/>'
    assert body("<script>alert(1)</script><style>a{}</style><b>c</b>") == "<b>c</b>"


def test_headings_are_one_level_down_and_landmarks_can_be_told_apart() -> None:
    assert body("<h1>a</h1><h3 class=b>c</h3>") == '<h1 aria-level="2">a</h1><h3 aria-level="4" class=b>c</h3>'
    assert body('<section aria-labelledby="x">') == "<section>"
    assert body('<section aria-label="Runs" tabindex="0">') == '<section aria-label="Runs, one" tabindex="0">'
    assert body('<svg aria-label="Line plot">') == '<svg aria-label="Line plot">'


def test_a_page_that_stands_alone_keeps_its_names() -> None:
    main = '<h1 id="x">a</h1><section aria-labelledby="x"><a href="#x">b</a></section>'
    assert body(main, Place(HERE.path, "", "one")) == main


def test_attributes_that_are_written_anew_are_escaped() -> None:
    assert body('<b id="a&quot;&lt;b>">') == '<b id="r-a-a&quot;&lt;b&gt;">'
    assert body("<b id=x/>") == '<b id="r-a-x/">'


def test_what_a_page_is_and_loads_is_told() -> None:
    head = (
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'">\n'
        '<script src="../assets/mode.1.js"></script><link rel="stylesheet" href="../assets/a.1.css">\n'
        '<link rel="icon" href="data:image/svg+xml,x"><script src="../assets/b.1.js" defer></script>\n'
    )
    html = ' data-root="../" data-plot="../assets/plot.1.js" data-plot-style="../assets/plot.1.css" data-a="../a.js"'
    made = fold("", head=head, html=html, attributes=' data-page="run" data-k="k&amp;"')
    assert made.attributes == {"data-page": "run", "data-k": "k&"}
    assert made.styles == ("assets/a.1.css",)
    assert made.scripts == (Script("assets/mode.1.js", deferred=False), Script("assets/b.1.js", deferred=True))
    assert list(made.lazy.items()) == [
        ("data-plot", "assets/plot.1.js"), ("data-plot-style", "assets/plot.1.css"), ("data-a", "a.js")
    ]  # fmt: skip
    assert made.policy == "default-src 'none'"


def test_the_frame_keeps_its_names_and_loads_nothing() -> None:
    head = (
        '<meta http-equiv="Content-Security-Policy" content="x"><title>T</title>\n'
        '<link rel="stylesheet" href="assets/a.1.css"><script src="assets/b.1.js" defer></script>\n'
        '<link rel="icon" href="data:image/svg+xml,x">'
    )
    main = '<h1 id="x">T</h1><a href="r/two-bbbbbbbbbb.html">two</a><a href="index.html">home</a><!--part 0-->'
    made = fold_frame(page(main, head=head, html=' data-root="../" data-plot="assets/p.js"'), "report.html", PARTS)
    assert made.styles == ("assets/a.1.css",)
    found = re.sub(r"\s*\n\s*", "\n", made.body)
    assert found.startswith(
        '<!DOCTYPE html>\n<html data-single lang="en" data-root="">\n<head>\n<title>T</title>\n'
        '<link rel="icon" href="data:image/svg+xml,x"></head>'
    )
    assert '<h1 id="x">T</h1><a href="#r-b">two</a><a>home</a><!--part 0--></main>' in found

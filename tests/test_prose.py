import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from reportgen.prose import MAX_BYTES, plain_text, render_markdown

ALLOWED = set("p h1 h2 h3 h4 h5 h6 em strong s code pre ul ol li blockquote hr br a table thead tbody tr th td".split())


class Reader(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes = set(), []
        self.feed(str(html))

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]


def test_a_note_becomes_html():
    html = render_markdown("Wider *helped*. See `confusion.png`.\n\n- ~~a~~\n- **b**\n")
    assert isinstance(html, Markup)
    assert html.startswith("<p>Wider <em>helped</em>. See <code>confusion.png</code>.</p>")
    assert "<s>a</s>" in html
    assert "<strong>b</strong>" in html


def test_headings_never_reach_the_level_of_the_page():
    html = render_markdown("# a\n\n## b\n\n###### c\n\nd\n=\n")
    assert re.findall(r"<(h\d)>", html) == ["h3", "h4", "h6", "h3"]
    assert "<h2>a</h2>" in render_markdown("# a", top_heading=2)


def test_a_table_is_aligned_by_classes():
    html = render_markdown("|a|b|c|\n|:-|-:|-|\n|1|2|3|\n")
    assert '<td class="left">1</td>' in html
    assert '<td class="right">2</td>' in html
    assert "<td>3</td>" in html
    assert "style" not in html


@pytest.mark.parametrize("target", ["https://e.org/a?b=c&d=e", "http://e.org", "mailto:a@e.org", "HTTPS://E.org"])
def test_web_links_are_kept_and_marked(target):
    attributes = Reader(render_markdown(f"[x]({target})")).attributes
    assert ("a", "rel", "nofollow noopener noreferrer") in attributes
    assert any(name == "href" and value.lower() == target.lower() for _, name, value in attributes)


@pytest.mark.parametrize(
    "target",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "&#106;avascript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "//evil.org/x",
        "/\\evil.org",
        "../../secret.html",
        "confusion.png",
        "#top",
        "https:evil.org",
        "https:///evil.org",
    ],
)
def test_other_targets_are_dropped_and_the_words_stay(target):
    html = render_markdown(f"[words]({target}) ![picture]({target}) <{target}>")
    assert Reader(html).tags <= {"p"}
    assert "words" in html
    assert "picture" in html


def test_images_become_links_and_never_load():
    reader = Reader(render_markdown("![a *chart*](https://evil.org/x.png) [![in](https://a.org/b.png)](https://c.org)"))
    assert "img" not in reader.tags
    assert [v for _, n, v in reader.attributes if n == "href"] == ["https://evil.org/x.png", "https://c.org"]


def test_raw_html_stays_text():
    html = render_markdown("<script>alert(1)</script> <b onclick=x>b</b> <!-- c -->\n\n<iframe src=x></iframe>\n")
    assert Reader(html).tags == {"p"}
    assert "&lt;script&gt;" in html


def test_a_code_block_keeps_its_text_and_cannot_break_out():
    html = render_markdown('```py" onload="x\n</code></pre><script>\n```\n')
    reader = Reader(html)
    assert reader.tags == {"pre", "code"}
    assert [name for _, name, _ in reader.attributes] == ["class"]


@given(st.text(alphabet="ab <>[]()*_`~#|-:!\\&\"'\n\t/;=\x00\u2028\ud800", max_size=200))
def test_any_text_gives_allowed_elements_only(text):
    reader = Reader(render_markdown(text))
    assert reader.tags <= ALLOWED
    assert {name for _, name, _ in reader.attributes} <= {"href", "title", "rel", "class", "start"}
    render_markdown(text).encode()
    assert "\n" not in plain_text(text, 50)


def test_a_long_text_is_cut_and_says_so():
    html = render_markdown("é" * MAX_BYTES)
    assert "The text is longer than 65,536 bytes" in html
    assert html.count("é") == MAX_BYTES // 2
    assert "longer" not in render_markdown("a" * MAX_BYTES)
    assert "longer than 10 bytes" in render_markdown("a" * 11, max_bytes=10)


def test_a_table_of_too_many_cells_and_a_paragraph_of_brackets_stay_text():
    wide = "|a" * 140 + "\n" + "|-" * 140 + "\n" + "|x\n" * 200
    assert "<table>" not in render_markdown(wide)
    assert "<em>" not in render_markdown("*a* " * 400)
    assert "<em>" in render_markdown("*a* " * 100)


@pytest.mark.parametrize(
    "text",
    [
        "[" * MAX_BYTES,
        "> " * 5_000 + "a",
        "- " * 5_000 + "a",
        "**<...>**a**<...>**" * 3_000,
        "`" * MAX_BYTES,
        "|" * 9_999,
    ],
)
def test_hostile_repetition_gives_no_more_than_a_few_times_its_size(text):
    html = render_markdown(text)
    assert len(html) < 6 * len(text) + 1_000
    assert len(plain_text(text, 200)) <= 200


def test_plain_text_keeps_words_and_drops_marks():
    text = "# Head\n\nRun *with* `code`, a [link](https://x.org)\nand ![picture](y.png)\n\n- one\n\n```\nx = 1\n```"
    assert plain_text(text, 200) == "Head Run with code, a link and picture one x = 1"


def test_plain_text_is_cut_at_a_word():
    assert plain_text("one two three four", 12) == "one two…"
    assert plain_text("x" * 50, 10) == "x" * 9 + "…"
    assert plain_text("", 10) == ""
    assert len(plain_text("word " * 100_000, 200)) <= 200

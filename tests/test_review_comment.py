"""The Markdown of a review: what it says, that it fits, and that no text of a log is more than text in it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from reportgen.model import Summary
from reportgen.review.comment import DIALECTS, FORGES, SUMMARY, Forge, Links, render_comment, render_summary
from reportgen.review.escaping import bare, code, link, name, visible
from reportgen.review.outcome import Changed, Review
from reportgen.review.sparklines import BLOCKS, render_blocks
from reportgen.site.config import Config, MetricConfig
from tests.factories import START
from tests.reviewlogs import CHANGE, COMMITS, draw, gate, make_seeds, on_branch, review_of, trunk

NO_LINKS = Links()
GFM = MarkdownIt("commonmark").enable(["table", "strikethrough"])
"""GitHub's dialect as far as blocks, tables and inline marks go; what it makes of plain text is looked for below."""
TRIGGERS = re.compile(
    r"(?i)(?<!\w)@[\w-]|(?<!\w)#\d|(?<!\w)[!&%~$]\d|\bGH-\d|\bwww\.|\bhttps?:|\bftp:|\b[0-9a-f]{7,40}\b|[\w.]@\w"
)
"""What forges make a mention, a reference or a link of in text outside of code."""

HOSTILE = (
    "@everyone",
    "fixes #1",
    "owner/repo#12",
    "a@b.org",
    "https://evil.example/x.png",
    "www.evil.example",
    "![x](https://evil.example/x.png)",
    "[x](javascript:alert(1))",
    "<img src=x onerror=alert(1)>",
    "</details><h1>approved</h1>",
    "<!-- reportgen review -->",
    "a | b | c",
    "a \\| b",
    "`` ` ``` @me",
    "` | @me",
    "\u202egnp.exe",
    "line\n/close\n::error::x\n# head",
    "deadbeefcafe1234",
    "GH-12 ABC-7",
    "~~x~~ **x** __x__ $x$ :tada:",
    "&#64;me &lt;b&gt;",
    "\x00\x1b[31m\u2028\ufeff",
    "|" * 30 + "`" * 31,
    "",
    " ",
)


def text_outside_of_code(tokens: list[Token]) -> str:
    """Return the text in which a forge looks for mentions and references."""
    return "\n".join(
        "".join(child.content for child in token.children or () if child.type == "text") for token in tokens
    )


def kinds(tokens: list[Token]) -> set[str]:
    """Return the kinds of all tokens."""
    return {t.type for token in tokens for t in (token, *(token.children or ()))}


OURS = re.compile(r"<!-- reportgen review -->|</?details>|<details open>|<summary>[^<>]*</summary>|</?sub>|\s+")


def assert_harmless(text: str, *, tables: int | None = None) -> None:
    """Assert that Markdown holds nothing but text, code, tables, lists and our own few tags."""
    tokens = GFM.parse(text)
    found = kinds(tokens)
    forbidden = {"image", "link_open", "fence", "code_block", "hr", "blockquote_open", "ordered_list_open"}
    assert not found & forbidden
    raw = "".join(t.content for token in tokens for t in (token, *(token.children or ())) if t.type.startswith("html_"))
    assert OURS.sub("", raw) == ""
    assert raw.count("<details") == raw.count("</details>")
    assert text.count("<!--") == text.startswith("<!--")
    outside = text_outside_of_code(tokens).replace("reportgen 0", "")
    assert TRIGGERS.search(outside) is None, TRIGGERS.search(outside)
    assert text.replace("\n", "").replace("\u00a0", "").replace("\u202f", "").replace("\u200b", "").isprintable()
    if tables is not None:
        assert sum(token.type == "table_open" for token in tokens) == tables
    for row in re.findall(r"(?m)^\|.*\|$", text):
        assert "\u202e" not in row


def shape(text: str) -> list[int]:
    """Return the cells of each row of each table."""
    rows: list[int] = []
    for token in GFM.parse(text):
        if token.type == "tr_open":
            rows.append(0)
        elif token.type in ("th_open", "td_open"):
            rows[-1] += 1
    return rows


# ---- one text


@given(st.text(max_size=60))
@example("\\|")
@example("`")
@example("<!--")
def test_any_text_as_code_is_one_piece_of_code(text: str) -> None:
    inline = GFM.parse(f"x {code(text)} y")[1]
    assert [t.type for t in inline.children or ()] == ["text", "code_inline", "text"]
    table = f"| a | b |\n| --- | --- |\n| {code(text, in_table=True)} | {name(text, in_table=True)} |"
    assert shape(table) == [2, 2]
    assert_harmless(table)


@given(st.sampled_from(HOSTILE), st.sampled_from(HOSTILE))
def test_hostile_texts_beside_each_other_stay_apart(one: str, other: str) -> None:
    table = f"| a | b |\n| --- | --- |\n| {code(one, in_table=True)} | {name(other, in_table=True)} |"
    assert shape(table) == [2, 2]
    assert_harmless(f"{name(one)} and {code(other)}\n\n{table}")


def test_plain_names_stay_plain_and_others_are_shown_as_they_are() -> None:
    for plain in ("val/accuracy", "train_loss", "mlp-256", "top 5", "metrics/mAP50-95"):
        assert name(plain) == plain
    for odd in ("__init__", "a|b", "loss (B)", "GPT-2", "abcdef1", "http", "x_", "@a", "café"):
        assert name(odd).startswith("`")
    assert code("a|b", in_table=True) == "`a\\|b`"
    assert code("a`b") == "``a`b``"
    assert code("`") == "`` ` ``"
    assert visible("a\u202eb\x1b") == "a\\u202eb\\x1b"
    assert len(visible("x" * 500)) == 80
    assert bare(f"**{name('loss')}** is {code('a`b')}") == "loss is a`b"


def test_links_lead_to_the_web_alone() -> None:
    assert link("Site", "https://example.org/a b)c/index.html") == "[Site](https://example.org/a%20b%29c/index.html)"
    for address in ("javascript:alert(1)", "//x", "data:text/html,x", "/etc", ""):
        assert link("Site", address) == "Site"


def test_block_sparklines_show_history_then_the_change() -> None:
    assert render_blocks([0.0, 1.0, None, 0.5], 1.0) == "▁█·▅ █"
    assert render_blocks([2.0, 2.0], 2.0) == "▄▄ ▄"
    assert render_blocks([], 1.0) == render_blocks([None], 1.0) == ""
    assert len(render_blocks([float(i) for i in range(50)], None)) == 14
    assert set(render_blocks([-1e308, 1e308], 0.0)) <= {*BLOCKS, " "}


# ---- the whole comment


def worse(**others: object) -> Review:
    """Return a review in which the accuracy fell."""
    change = make_seeds({"val/accuracy": draw(1, mean=0.8)}, commit=CHANGE, day=0.5, params={"lr": 0.3})
    return replace(review_of(trunk(), change, gate(), checkout=on_branch()), **others)  # type: ignore[arg-type]


def test_the_comment_says_what_is_worse_first_and_with_what_it_was_compared() -> None:
    text = render_comment(worse(), "github", Links("https://example.org/site/", "https://github.com/acme/x"))
    lines = text.splitlines()
    assert lines[0] == "<!-- reportgen review -->"
    assert lines[2] == "### ✕ 1 gate failed: 1 regression"
    assert re.match(r"- \*\*val/accuracy\*\*: \d+\.\d % worse, 1 % allowed \(0\.\d+ → 0\.\d+\)$", lines[4])
    table = next(line for line in lines if line.startswith("| ✕"))
    assert re.match(r"\| ✕ \| \*\*val/accuracy\*\*\u00a0↑ \| 0\.\d+ \| \*\*0\.\d+\*\* \| \*\*▼ \d+\.\d %\*\* \|", table)
    assert f"`main` at `{COMMITS[-1][:8]}`" in text
    assert "Parameters that changed (1 of 1)" in text and "| lr | `0.1` | `0.3` |" in text
    assert "[Site](https://example.org/site/index.html)" in text
    assert f"Base: merge base `{COMMITS[-1][:8]}`" in lines[-1]
    assert f"[`{CHANGE[:8]}`](https://github.com/acme/x/commit/{CHANGE})" in lines[-1]


def test_the_comment_is_the_same_each_time_and_has_no_more_rows_than_eight() -> None:
    metrics = {f"val/metric{i}": draw(i) for i in range(30)}
    config = Config(metrics={"*": MetricConfig("max")})
    source = make_seeds(metrics, commit=COMMITS[-1])
    change = make_seeds({m: draw(40 + i) for i, m in enumerate(metrics)}, commit=CHANGE, day=1)
    review = review_of(source, change, gate("*", "50%"), config=config, checkout=on_branch())
    text = render_comment(review, "github", NO_LINKS)
    assert text == render_comment(review, "github", NO_LINKS)
    above = text.partition("<details>")[0]
    assert len(re.findall(r"(?m)^\| [✕✓≠≈?+] \|", above)) == 8
    assert "Unchanged metrics (22)" in text


def test_a_marker_has_the_id_and_stands_once() -> None:
    assert render_comment(worse(), "github", NO_LINKS, own_id="gpu 1").startswith("<!-- reportgen review: gpu 1 -->\n")
    assert render_comment(worse(), "bitbucket", NO_LINKS).startswith("[//]: # (reportgen review)\n")


def test_bitbucket_gets_no_html_at_all() -> None:
    for forge in ("bitbucket", "markdown"):
        text = render_comment(worse(), forge, NO_LINKS)  # type: ignore[arg-type]
        assert "<" not in text.removeprefix("<!-- reportgen review -->")
        assert "#### Parameters that changed" in text


def many(count: int) -> Review:
    """Return a review of many metrics with long names, of which a tenth got worse."""
    names = [f"group{i % 7}/a rather long name of a metric number {i} that takes its space" for i in range(count)]
    config = Config(metrics={"*": MetricConfig("max")})
    source = make_seeds({n: draw(i) for i, n in enumerate(names)}, commit=COMMITS[-1])
    params = {f"param{i}": "x" * 300 for i in range(300)}
    values = {n: draw(900 + i, mean=0.2 if i % 10 == 0 else 0.9) for i, n in enumerate(names)}
    change = make_seeds(values, commit=CHANGE, day=1, params=params)
    review = review_of(source, change, gate("*", "50%"), config=config, checkout=on_branch())
    facts = tuple(Changed(f"package p{i}", ("1.0",), ("2.0",)) for i in range(2000))
    return replace(review, changes=tuple(replace(c, environment=facts) for c in review.changes))


@pytest.fixture(scope="module")
def crowd() -> Review:
    return many(500)


@pytest.mark.parametrize("forge", FORGES)
def test_the_comment_keeps_to_the_limit_and_says_what_is_left_out(crowd: Review, forge: Forge) -> None:
    text = render_comment(crowd, forge, Links("https://example.org/s/", "https://github.com/acme/x"))
    assert len(text) <= DIALECTS[forge].limit
    if forge == "gitlab":
        assert "Left out" not in text
        return
    left_out = re.search(
        r"Left out, to stay within the limit of .*: .*unchanged metrics.*`report.html` has all\.", text
    )
    assert left_out is not None
    assert text.count("| ✕ |") >= 8
    assert "group0/a rather long name of a metric number 0 that" in text
    assert "Parameters that changed (300 of 301)" in text


def test_unchanged_metrics_go_before_anything_else(crowd: Review) -> None:
    text = render_comment(crowd, "github", NO_LINKS)
    assert text.count("| ✕ |") == 50
    assert "Unchanged metrics" not in text


def test_the_summary_keeps_to_a_mebibyte_and_shows_the_values(crowd: Review) -> None:
    text = render_summary(crowd, NO_LINKS)
    assert len(text.encode()) <= SUMMARY.limit <= 2**20
    assert "Values of each run" in render_summary(worse(), NO_LINKS)


def hostile_side(texts: list[str], commit: str, day: float, shift: float) -> list[Summary]:
    """Return runs whose every text is one of `texts`."""
    metrics = {text: draw(i, mean=0.9 + shift) for i, text in enumerate(texts)}
    runs = make_seeds(metrics, commit=commit, day=day, params={t: f"{t}{shift}" for t in texts}, group=texts[0])
    failed = make_seeds(
        {texts[0]: [1.0]}, commit=commit, day=day + 0.1, name=texts[-1], group=texts[0], status="failed", error=texts[0]
    )
    return [replace(run, name=texts[i % len(texts)], experiment=texts[0]) for i, run in enumerate([*runs, *failed])]


def hostile_review(texts: list[str]) -> Review:
    """Return a review in which everything that a log can say is one of `texts`."""
    config = Config(headline=tuple(texts), metrics={"*": MetricConfig("max")})
    source = hostile_side(texts, COMMITS[-1], -1, 0.0)
    other = make_seeds({texts[0]: draw(3)}, commit=COMMITS[-2], day=-2, group="other" + texts[0])
    change = hostile_side(texts, CHANGE, 0.5, 0.3)
    change = [replace(run, branch=texts[0]) for run in change]
    new = [replace(run, experiment=texts[0]) for run in make_seeds({texts[0]: [1.0]}, group="n" + texts[0], day=0.6)]
    review = review_of([*source, *other], [*change, *new], gate("*"), config=config, checkout=on_branch())
    changed = Changed(texts[0], (texts[-1],), (texts[0],))
    return replace(review, changes=tuple(replace(c, environment=(changed,)) for c in review.changes))


texts = st.lists(st.one_of(st.sampled_from(HOSTILE), st.text(max_size=40)), min_size=1, max_size=4, unique=True)


@pytest.mark.parametrize("forge", ["github", "markdown"])
@settings(max_examples=60)
@given(texts=texts)
def test_no_text_of_a_log_is_more_than_text(forge: Forge, texts: list[str]) -> None:
    review = hostile_review(texts)
    text = render_comment(review, forge, NO_LINKS)
    assert_harmless(text)
    assert len(text) <= DIALECTS[forge].limit
    assert re.sub("[^|]", "", text.splitlines()[0]) == ""
    cells = shape(text)
    assert len(set(cells)) <= 4  # metrics, params, environment, runs: each table is whole


def test_no_text_of_a_log_is_more_than_text_with_all_of_them_at_once() -> None:
    for markdown in (
        render_comment(hostile_review(list(HOSTILE)), "github", NO_LINKS),
        render_summary(hostile_review(list(HOSTILE)), NO_LINKS),
    ):
        assert_harmless(markdown)


def test_a_stale_baseline_is_said_to_be_stale() -> None:
    assert "stale" not in render_comment(worse(), "github", NO_LINKS)
    old = worse(now=START + 30 * 86_400)
    assert "* The baseline is stale: it was measured 31 d before this change" in render_comment(old, "github", NO_LINKS)

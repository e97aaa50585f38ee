"""Markdown of notes and descriptions to safe HTML: the only importer of markdown-it. It must not know pages or URLs.

The text is untrusted. Raw HTML stays text. A link keeps its target only if that is `http:`, `https:` or `mailto:`,
and gets `rel="nofollow noopener noreferrer"`; any other target is dropped and its words stay, so no link of a note can
break or leave the site unnoticed. Images become links: a picture from another host would tell that host who reads the
page. No element has an id or a style; aligned table cells have the class `left`, `center` or `right`.

Time and output are bounded for any input: the text is cut at `max_bytes`, nesting at 20, a paragraph full of brackets
and a table with very many cells are shown as plain text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markupsafe import Markup

MAX_BYTES: Final = 65_536
"""Longest text that is rendered, in UTF-8 bytes."""
MAX_CELLS: Final = 20_000
"""Most cells that the tables of one text can have (widest line times number of lines); with more there are none."""
MAX_MARKS: Final = 500
"""Most characters with a meaning (brackets, stars, backticks …) in one paragraph; with more they have none."""

_NESTING: Final = 20
_MARK: Final = re.compile(r"[\[\]<>*_`~!\\&]")
_LINK: Final = re.compile(r"(https?://[^/]|mailto:[^/])", re.IGNORECASE)
_REL: Final = "nofollow noopener noreferrer"


def render_markdown(text: str, *, max_bytes: int = MAX_BYTES, top_heading: int = 3) -> Markup:
    """Return `text` as HTML. The highest heading becomes `<hN>` with N = `top_heading`, lower ones follow, to `<h6>`.

    What is longer than `max_bytes` is cut, and the HTML says so.
    """
    kept, was_cut = _cut_bytes(text, max_bytes)
    env: dict[str, object] = {}
    parser = _parser(_cells(kept) <= MAX_CELLS)
    tokens = parser.parse(kept, env)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1]) + top_heading - 1, 6)}"
        elif token.type in ("th_open", "td_open"):
            style = str(token.attrs.pop("style", ""))
            if style:
                token.attrs["class"] = style.rpartition(":")[2]
        if token.children:
            token.children = _safe_links(token.children)
    html = str(parser.renderer.render(tokens, parser.options, env))
    if was_cut:
        html += f"<p>… The text is longer than {max_bytes:,} bytes; the rest is not shown.</p>\n"
    return Markup(html)  # noqa: S704 - made by markdown-it with raw HTML off


def plain_text(text: str, limit: int) -> str:
    """Return the words of the Markdown `text` on one line, without its marks, at most `limit` characters."""
    kept, _ = _cut_bytes(text[: 4 * limit + 400], MAX_BYTES)
    words: list[str] = []
    length = 0
    for piece in _pieces(_parser(_cells(kept) <= MAX_CELLS).parse(kept)):
        words += piece.split()
        length += len(piece)
        if length > 2 * limit + 100:
            break
    line = " ".join(words)
    if len(line) <= limit:
        return line
    head = line[: max(0, limit - 1)]
    whole_words = head.rpartition(" ")[0]
    return (whole_words if len(whole_words) > limit // 2 else head).rstrip() + "…"


def _pieces(tokens: Iterable[Token]) -> Iterator[str]:
    """Yield the texts of blocks; the texts inside one block are joined as they stand."""
    for token in tokens:
        if token.type == "inline":
            yield "".join(" " if "break" in t.type else t.content for t in token.children or ())
        elif token.type in ("fence", "code_block"):
            yield token.content


def _cut_bytes(text: str, limit: int) -> tuple[str, bool]:
    """Return `text` as far as it has at most `limit` bytes in UTF-8, and whether something was cut."""
    data = text[:limit].encode("utf-8", "replace")
    return data[:limit].decode("utf-8", "ignore"), len(data) > limit or len(text) > limit


def _cells(text: str) -> int:
    lines = text.splitlines()
    return len(lines) * max((line.count("|") + 1 for line in lines), default=0)


@cache
def _parser(tables: bool) -> MarkdownIt:
    """Return the parser, with or without tables: `js-default` has raw HTML off and refuses `javascript:` targets."""
    parser = MarkdownIt("js-default", {"html": False, "linkify": False, "maxNesting": _NESTING})
    if not tables:
        parser.disable("table")
    parser.core.ruler.before("inline", "bounded", _bound_inline)
    return parser


def _bound_inline(state: StateCore) -> None:
    """Take the inline rules from paragraphs with so many marks that matching them would take seconds."""
    for token in state.tokens:
        if token.type == "inline" and len(_MARK.findall(token.content)) > MAX_MARKS:
            token.type = "text"


def _safe_links(children: Sequence[Token]) -> list[Token]:
    """Return inline tokens in which images are links and links that must not be followed are gone."""
    safe: list[Token] = []
    kept: list[bool] = []
    for token in children:
        if token.type == "image":
            safe += _image_link(token, inside_link=bool(kept))
        elif token.type == "link_open":
            kept.append(_LINK.match(str(token.attrs.get("href", ""))) is not None)
            token.attrs["rel"] = _REL
            safe += [token] if kept[-1] else []
        elif token.type == "link_close":
            safe += [token] if kept.pop() else []
        else:
            safe.append(token)
    return safe


def _image_link(image: Token, *, inside_link: bool) -> list[Token]:
    """Return a link to an image, its description as words; only the words inside a link or without a web address."""
    target = str(image.attrs.get("src", ""))
    words = "".join(t.content for t in image.children or ()) or target
    text = Token("text", "", 0, content=words)
    if inside_link or not _LINK.match(target):
        return [text]
    return [
        Token("link_open", "a", 1, attrs={"href": target, "rel": _REL}),
        text,
        Token("link_close", "a", -1),
    ]

"""Text of logs in Markdown of the forges: the only way in. What comes out cannot be anything but text.

Names, params and errors come from pull requests. Backslashes do not help: forges look for `@name`, `#123` and addresses
in the text that is left after Markdown. Inside code they do not, so text stands as inline code, unless it is a plain
name of letters and digits. Bidirectional controls, invisible and control characters are written as escapes.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, urlsplit

LONGEST: Final = 80
"""Characters of a text of a log that are shown in a cell or sentence."""
PIPE: Final = "\u2223"
"""Stands for a `|` behind a backslash, which no table can hold in code."""
BREAK: Final = "\u200b"
"""Parts what would be read as one thing."""

_PLAIN: Final = re.compile(r"[A-Za-z0-9]+(?:[ _/.-][A-Za-z0-9]+)*")
_LINKED: Final = re.compile(r"(?i)\bwww\.|\bhttps?\b|\bftp\b|\b[0-9a-f]{7,}\b|\bGH-\d|(?-i:\b[A-Z][A-Z0-9]+-\d)")
"""What forges make a link of without any mark: addresses, commits, issues of other trackers."""


def visible(text: str, limit: int = LONGEST) -> str:
    """Return `text` in one line, cut to `limit` characters, all that cannot be seen written as an escape.

    No comment can begin in it, so that no text of a log is the hidden line by which a comment is found again.
    """
    line = " ".join(text.split())
    if not line.isprintable():
        line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line[: 2 * limit])
    if len(line) > limit:
        line = line[: limit - 1].rstrip() + "…"
    return line.replace("<!--", f"<!{BREAK}--")


def code(text: str, limit: int = LONGEST, *, in_table: bool = False) -> str:
    """Return `text` as inline code, never empty. A table would be broken by a `|`, and shows it behind a backslash."""
    line = visible(text, limit) or " "
    if in_table:
        line = line.replace("\\|", f"\\{PIPE}").replace("|", "\\|")
    fence = "`" * (max(map(len, re.findall("`+", line)), default=0) + 1)
    pad = " " if line[0] in "` " or line[-1] in "` " else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def name(text: str, limit: int = LONGEST, *, in_table: bool = False) -> str:
    """Return the name of a metric, a param or the like: as it is if it is harmless, else as inline code."""
    line = visible(text, limit)
    return line if _PLAIN.fullmatch(line) and not _LINKED.search(line) else code(text, limit, in_table=in_table)


def link(shown: str, address: str) -> str:
    """Return a link; `shown` is escaped already, and stands alone where `address` is none of the web."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return shown
    return f"[{shown}]({quote(address, safe=':/?#@!$&+,;=%~-._')})"


def bare(markdown: str) -> str:
    """Return a sentence that was made here without its marks, for places that show text: a terminal, a page."""
    text = re.sub(r"(?<!`)(`+)(?!`) ?(.*?) ?(?<!`)\1(?!`)", r"\2", markdown)
    return text.replace("**", "").replace(BREAK, "")

"""`feed.xml`: what is new in a site, as an Atom feed (RFC 4287) for readers and chat rooms. Facts in, bytes out.

Every entry has the time of the run that it tells of and an id made of names and commits, so that a site that is built
again tells nobody the same news twice.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from reportgen.analysis.axes import plain
from reportgen.site import urls
from reportgen.site.config import Config
from reportgen.site.histories import MAX_ENTRIES, FeedEntry, HistoryFacts, feed_id
from reportgen.site.text import iso_time

_NEVER: Final = "1970-01-01T00:00:00Z"
"""Time of a feed without entries: the clock of the build must not be in it."""


def feed_xml(facts: Iterable[HistoryFacts], config: Config) -> bytes:
    """Return the feed of a site with these experiments: the `MAX_ENTRIES` newest entries, newest first.

    Links are absolute with `site_url` of the configuration, and relative to the feed without it.
    """
    every = (entry for fact in facts for entry in fact.entries if iso_time(entry.time))  # facts may be another's
    entries = heapq.nsmallest(MAX_ENTRIES, every, key=lambda entry: (-entry.time, entry.id))
    title = _text(config.title) or "Training runs"
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<feed xmlns="http://www.w3.org/2005/Atom">',
        f"<id>{feed_id(config.site_url, config.title)}</id>",
        f"<title>{title}</title>",
        f"<updated>{iso_time(entries[0].time) if entries else _NEVER}</updated>",
        f"<author><name>{title}</name></author>",
        "<generator>reportgen</generator>",
        f'<link rel="alternate" type="text/html" href={_address(urls.HOME, config)}/>',
    ]
    if config.site_url:
        lines.append(f'<link rel="self" type="application/atom+xml" href={_address(urls.FEED, config)}/>')
    for entry in entries:
        lines += _entry(entry, config)
    return "\n".join([*lines, "</feed>", ""]).encode()


def _entry(entry: FeedEntry, config: Config) -> list[str]:
    return [
        "<entry>",
        f"<id>{_text(entry.id)}</id>",
        f"<title>{_text(entry.title)}</title>",
        f"<updated>{iso_time(entry.time)}</updated>",
        f'<link rel="alternate" type="text/html" href={_address(entry.page, config)}/>',
        f'<summary type="text">{_text(entry.summary)}</summary>',
        "</entry>",
    ]


def _text(text: str) -> str:
    """Return `text` without what XML forbids, escaped."""
    return escape(plain(text))


def _address(path: str, config: Config) -> str:
    return quoteattr(f"{config.site_url}/{path}" if config.site_url else path)

"""One page of a site folded into a part of another document.

What stands in its `<main>` is taken over as it is, but for tags that name or point to something: ids and references to
them get a prefix, so that many pages can stand in one document; a link to a page of the document becomes a fragment,
one to another host stays, any other loses its address; pictures become data. Text is never touched: what is escaped
stays escaped. Elements with the attribute `data-site` mean something in a site alone and are left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from html.parser import HTMLParser
from posixpath import dirname, join, normpath
from typing import Final
from urllib.parse import unquote, urlsplit

Picture = Callable[[str], str | None]
"""Site path or `data:` address of a picture -> the `data:` address to show, None when it is left out."""

LEFT_OUT: Final = '<span class="left-out">This picture is not in this file.</span>'
"""Stands where a picture was left out."""

_VOID: Final = frozenset("area base br col embed hr img input link meta param source track wbr".split())
_HEADINGS: Final = {f"h{level}": level for level in range(1, 7)}
_LANDMARKS: Final = frozenset(("section", "nav", "aside", "form"))
_REFERENCES: Final = frozenset(
    "for form headers list popovertarget data-copy aria-activedescendant aria-controls aria-describedby aria-details"
    " aria-errormessage aria-flowto aria-labelledby aria-owns".split()
)
"""Attributes that hold ids, separated by spaces."""
_LINK_ATTRIBUTES: Final = ("href", "download", "target", "rel", "type", "hreflang", "referrerpolicy", "ping")
_LOADING_ATTRIBUTES: Final = frozenset(("src", "srcset", "poster", "data", "background"))
_ATTRIBUTE: Final = re.compile(r"""\s*([^\s"'<>/=]+)(?:\s*=\s*("[^"]*"|'[^']*'|[^\s"'=<>`]+))?""")
_TAG: Final = re.compile(r"<[^\s/>]+")
_PAINT: Final = frozenset("clip-path fill filter marker-end marker-mid marker-start mask stroke".split())
"""Attributes of SVG that may name another element: `url(#id)`."""
_URL_OF_ID: Final = re.compile(r"""url\((["']?)#""")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page comes from, and what it is called in the document."""

    path: str
    """Site path of the page."""
    id: str
    """Id of the part, and the beginning of all ids in it; empty for a page whose names may stay as they are."""
    label: str = ""
    """Tells its landmarks from those of other parts."""


@dataclass(frozen=True, slots=True)
class Script:
    """A script that a page names."""

    path: str
    """Site path."""
    deferred: bool
    """False for one that must run before the page is drawn."""


@dataclass(frozen=True, slots=True)
class Folded:
    """What was made of a page."""

    body: str
    """HTML of the part; of the frame, the whole document without its styles, scripts and policy."""
    attributes: Mapping[str, str]
    """Attributes of `<main>`, which say what kind of page it is and what about."""
    styles: tuple[str, ...]
    """Site paths of the style sheets, in order."""
    scripts: tuple[Script, ...]
    lazy: Mapping[str, str]
    """What scripts load when it is needed: attribute of `<html>` -> site path of a script or style sheet."""
    policy: str
    """Content security policy of the page."""


def fold_page(text: str, place: Place, parts: Mapping[str, str], picture: Picture) -> Folded:
    """Return the page `text` as a part of a document; `parts` gives site path -> id of the pages that are in it."""
    return _Folder(text, place, parts, picture, whole=False).fold()


def fold_frame(text: str, path: str, parts: Mapping[str, str]) -> Folded:
    """Return the page `text` as the frame of the document that `parts` stand in."""
    return _Folder(text, Place(path, ""), parts, lambda _: None, whole=True).fold()


class _Folder(HTMLParser):
    """Finds the tags of one page and notes what is to be written in their place."""

    def __init__(self, text: str, place: Place, parts: Mapping[str, str], picture: Picture, *, whole: bool) -> None:
        super().__init__(convert_charrefs=False)
        self._text, self._place, self._parts, self._picture, self._whole = text, place, parts, picture, whole
        self._prefix = f"{place.id}-" if place.id else ""
        self._lines = [0]
        self._lines.extend(match.end() for match in re.finditer("\n", text))
        self._edits: list[tuple[int, int, str]] = []
        self._region = (0, len(text)) if whole else (0, 0)
        self._inside = whole
        self._doomed = ("", 0, 0)  # tag of an element that is left out, its open elements of that tag, where it began
        self._attributes: dict[str, str] = {}
        self._styles: list[str] = []
        self._scripts: list[Script] = []
        self._lazy: dict[str, str] = {}
        self._policy = ""

    def fold(self) -> Folded:
        self.feed(self._text)
        self.close()
        at, end = self._region
        pieces = []
        for start, stop, new in self._edits:
            pieces += [self._text[at:start], new]
            at = stop
        pieces.append(self._text[at:end])
        return Folded(
            "".join(pieces), self._attributes, tuple(self._styles), tuple(self._scripts), self._lazy, self._policy
        )

    # ---- the parser's calls

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open(tag, attrs, closed=tag in _VOID)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open(tag, attrs, closed=True)

    def handle_endtag(self, tag: str) -> None:
        start = self._offset()
        end = self._text.find(">", start) + 1
        doomed, depth, began = self._doomed
        if doomed:
            if tag == doomed:
                self._doomed = (doomed, depth - 1, began)
                if depth == 1:
                    self._doomed = ("", 0, 0)
                    self._edits.append((began, end, ""))
        elif tag == "main" and not self._whole:
            self._inside = False
            self._region = (self._region[0], start)

    def _open(self, tag: str, attrs: list[tuple[str, str | None]], *, closed: bool) -> None:
        values: dict[str, str] = {}
        for name, value in attrs:
            values.setdefault(name, value or "")
        doomed, depth, began = self._doomed
        if doomed:
            if tag == doomed and not closed:
                self._doomed = (doomed, depth + 1, began)
            return
        keep = self._note(tag, values)
        if tag == "main" and not self._whole:
            self._inside = True
            start = self._offset() + len(self.get_starttag_text() or "")
            self._region = (start, len(self._text))
            self._attributes = {name: value for name, value in values.items() if name not in ("id", "tabindex")}
        elif self._inside:
            if not keep or "data-site" in values or self._is_dead_button(tag, values):
                self._leave_out(tag, closed=closed)
            else:
                self._rewrite(tag, values)

    def _offset(self) -> int:
        line, column = self.getpos()
        return self._lines[line - 1] + column

    # ---- what a page loads

    def _note(self, tag: str, values: Mapping[str, str]) -> bool:
        """Note what a tag loads or allows; return whether it may stay."""
        if tag == "script":
            path = self._site_path(values.get("src", ""))
            if path:
                self._scripts.append(Script(path, "defer" in values or "async" in values))
            return False
        if tag == "link":
            path = self._site_path(values.get("href", ""))
            if path and "stylesheet" in values.get("rel", "").lower().split():
                self._styles.append(path)
            return not path
        if tag == "meta" and values.get("http-equiv", "").lower() == "content-security-policy":
            self._policy = values.get("content", "")
            return False
        if tag == "html":
            paths = {name: self._site_path(v) for name, v in values.items() if v.endswith((".js", ".css"))}
            self._lazy = {name: path for name, path in paths.items() if path}
        return tag not in ("style", "base")

    def _site_path(self, address: str) -> str | None:
        """Return the site path that a relative address names; None for any other address, and for a mere fragment."""
        try:
            parts = urlsplit(address)
        except ValueError:
            return None
        if parts.scheme or parts.netloc or not parts.path or parts.path.startswith("/"):
            return None
        path = normpath(join(dirname(self._place.path), unquote(parts.path)))
        return None if path.startswith("..") else path

    # ---- what becomes of a tag

    def _leave_out(self, tag: str, *, closed: bool) -> None:
        start = self._offset()
        if closed:
            self._edits.append((start, start + len(self.get_starttag_text() or ""), ""))
        else:
            self._doomed = (tag, 1, start)

    def _is_dead_button(self, tag: str, values: Mapping[str, str]) -> bool:
        """Tell whether this is a button that leads to a file of the site: as text it would look as if it still did."""
        return tag == "a" and "button" in values.get("class", "").split() and self._target(values.get("href")) is None

    def _rewrite(self, tag: str, values: Mapping[str, str]) -> None:
        raw = self.get_starttag_text() or ""
        start = self._offset()
        changes: dict[str, str | None] = {}
        if tag == "a" and "href" in values:
            target = self._target(values["href"])
            # Without an address it is no link any more; it stays an <a>, by which styles and scripts find it.
            changes.update(dict.fromkeys(_LINK_ATTRIBUTES) if target is None else {"href": target})
        elif tag == "img":
            shown = self._shown(values.get("src", ""))
            if shown is None:
                self._edits.append((start, start + len(raw), LEFT_OUT))
                return
            changes.update(src=shown, srcset=None, loading=None)
            if not values["src"].startswith("data:"):
                changes["data-file"] = self._site_path(values["src"])  # by which scripts find it
        else:
            changes.update(dict.fromkeys(name for name in values if name in _LOADING_ATTRIBUTES))
            changes.update(
                {name: self._inner(values[name]) for name in ("href", "xlink:href") if name in values and tag != "link"}
            )
        changes.update(self._named(values))
        if self._place.id:
            changes.update(self._lowered(tag, values))
        if tag == "html":
            changes.update(dict.fromkeys(self._lazy), **{"data-root": "", "data-single": ""})
        changes = {n: v for n, v in changes.items() if (n in values or v is not None) and values.get(n) != v}
        if changes:
            self._edits.append((start, start + len(raw), _changed(raw, changes, values)))

    def _target(self, address: str | None) -> str | None:
        """Return where a link leads in the document or outside of it; None when it leads to a file of the site."""
        if address is None:
            return None
        if address.startswith("#"):
            return f"#{self._prefix}{address[1:]}" if len(address) > 1 else f"#{self._place.id}"
        try:
            scheme = urlsplit(address).scheme.lower()
        except ValueError:
            return None
        if scheme:
            return address if scheme in ("http", "https", "mailto") else None
        path, fragment = self._site_path(address), address.partition("#")[2]
        part = self._parts.get(path) if path else None
        if part is None:
            return None
        return f"#{part}-{fragment}" if fragment else f"#{part}"

    def _inner(self, address: str) -> str | None:
        """Return the address of something that is drawn: a part of the page itself, or nothing."""
        if address.startswith("#"):
            return f"#{self._prefix}{address[1:]}"
        return address if address.startswith("data:image/") else None

    def _shown(self, source: str) -> str | None:
        path = source if source.startswith("data:image/") else self._site_path(source)
        return self._picture(path) if path else None

    def _named(self, values: Mapping[str, str]) -> dict[str, str | None]:
        """Return the changes to what names an element and to what refers to others by their names."""
        if not self._prefix:
            return {}
        changes: dict[str, str | None] = {}
        for name, value in values.items():
            if name == "id":
                changes[name] = self._prefix + value
            elif name in _REFERENCES:
                changes[name] = " ".join(self._prefix + one for one in value.split())
            elif name in _PAINT:
                changes[name] = _URL_OF_ID.sub(rf"url(\1#{self._prefix}", value)
        return changes

    def _lowered(self, tag: str, values: Mapping[str, str]) -> dict[str, str | None]:
        """Return the changes that make headings those of a part, and landmarks tellable from those of other parts.

        A heading keeps its tag, by which it is styled, and gets the level below. A section with a heading is no
        landmark any more: a report has hundreds; one with a label, which can be scrolled, keeps it.
        """
        changes: dict[str, str | None] = {}
        if tag in _HEADINGS:
            level = values.get("aria-level", "")
            changes["aria-level"] = str((int(level) if level.isdecimal() else _HEADINGS[tag]) + 1)
        if tag == "section" and "aria-labelledby" in values:
            changes["aria-labelledby"] = None
        if "aria-label" in values and (tag in _LANDMARKS or values.get("role") == "region"):
            changes["aria-label"] = f"{values['aria-label']}, {self._place.label}"
        return changes


def _changed(raw: str, changes: Mapping[str, str | None], values: Mapping[str, str]) -> str:
    """Return the start tag `raw` with other attributes; what does not change keeps its spelling."""
    begin = _TAG.match(raw)
    end = begin.end() if begin else 0

    def replace(match: re.Match[str]) -> str:
        attribute = match[1].lower()
        if attribute not in changes:
            return match[0]
        value = changes[attribute]
        return "" if value is None else f' {match[1]}="{escape(value)}"'

    added = "".join(
        f' {attribute}="{escape(value)}"' if value else f" {attribute}"
        for attribute, value in changes.items()
        if value is not None and attribute not in values
    )
    return raw[:end] + added + _ATTRIBUTE.sub(replace, raw[end:])

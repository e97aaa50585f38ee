"""Checks a built site without a browser: every link resolves, and nothing in it can run, style or leave on its own.

`check_site(folder)` returns the faults as sentences; every test that builds a site asserts that there are none.
`python -m tests.linkcheck SITE` prints them. It reads files and knows nothing of how the site was made.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from posixpath import dirname, join, normpath
from urllib.parse import unquote, urlsplit

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'"
)
VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())
OPTIONAL_END = frozenset("li dt dd p option tr td th thead tbody tfoot colgroup".split())
FORBIDDEN = frozenset("base iframe frame object embed applet style portal".split())
LOADS = frozenset("src srcset poster data background".split())
"""Attributes that make the browser fetch something when the page opens."""
FORBIDDEN_ATTRIBUTES = frozenset("style srcdoc integrity crossorigin ping formaction action manifest".split())
DATA_IMAGE = re.compile(r"data:image/(svg\+xml|png|jpeg|gif|webp)[;,]")


@dataclass(slots=True)
class Page:
    """What one page says of itself and where it points."""

    path: str
    ids: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    """Targets of `<a href>` and their like: followed when somebody asks."""
    loads: list[str] = field(default_factory=list)
    """Targets that are fetched when the page opens."""
    faults: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    """Collects a `Page` and its own faults from one HTML document."""

    def __init__(self, page: Page) -> None:
        super().__init__(convert_charrefs=True)
        self.page = page
        self.open: list[str] = []
        self.title = ""
        self.metas: list[dict[str, str]] = []
        self.doctype = ""

    def fault(self, text: str) -> None:
        self.page.faults.append(f"{self.page.path}:{self.getpos()[0]}: {text}")

    def handle_decl(self, decl: str) -> None:
        self.doctype = decl

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._element(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._element(tag, attrs)
        if tag not in VOID and "svg" not in self.open:
            self.fault(f"<{tag}/> does not close itself outside SVG")
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        while self.open and self.open[-1] != tag and self.open[-1] in OPTIONAL_END:
            self.open.pop()
        if self.open and self.open[-1] == tag:
            self.open.pop()
        else:
            self.fault(f"</{tag}> closes nothing; open: {' '.join(self.open[-4:]) or 'nothing'}")

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "title" and "svg" not in self.open:
            self.title += data
        if self.open and self.open[-1] == "script" and data.strip():
            self.fault("a script stands in the page itself")

    def _element(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        if len(names) != len(set(names)):
            self.fault(f"<{tag}> has an attribute twice")
        values = {name: value or "" for name, value in attrs}
        if tag in FORBIDDEN:
            self.fault(f"<{tag}> has no place in a page")
        for name in names:
            if name in FORBIDDEN_ATTRIBUTES or name.startswith("on"):
                self.fault(f"<{tag}> has the attribute {name}")
        if "id" in values:
            if values["id"] in self.page.ids or not values["id"] or re.search(r"\s", values["id"]):
                self.fault(f"id '{values['id']}' is empty, has a space or stands twice")
            self.page.ids.add(values["id"])
        if tag == "meta":
            self.metas.append(values)
            if values.get("http-equiv", "").lower() == "refresh":
                self.fault("the page sends itself away")
        if tag == "script":
            self._script(values)
        self._targets(tag, values)

    def _script(self, values: dict[str, str]) -> None:
        if not values.get("src"):
            self.fault("a script has no src")
        if values.get("type", "text/javascript") != "text/javascript":
            self.fault(f"a script of type '{values['type']}' does not load from disk")

    def _targets(self, tag: str, values: dict[str, str]) -> None:
        for name in LOADS & values.keys():
            if name == "srcset":
                self.page.loads.extend(part.split()[0] for part in values[name].split(",") if part.strip())
            else:
                self.page.loads.append(values[name])
        href = values.get("href", values.get("xlink:href"))
        if href is None:
            return
        (self.page.links if tag in ("a", "area") else self.page.loads).append(href)


def check_site(folder: Path, *, reachable: bool = False) -> list[str]:
    """Return the faults of the site in `folder`; with `reachable` also the pages that no chain of links leads to."""
    files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    pages = {path: read_page(folder, path) for path in sorted(files) if path.endswith(".html")}
    faults = [fault for page in pages.values() for fault in page.faults]
    if "index.html" not in pages:
        faults.append("index.html is missing")
    followed: dict[str, set[str]] = {path: set() for path in pages}
    for page in pages.values():
        for target in page.loads:
            if not DATA_IMAGE.match(target):
                faults.extend(_check_target(page, target, files, pages))
        for target in page.links:
            if urlsplit(target).scheme not in ("http", "https", "mailto"):
                faults.extend(_check_target(page, target, files, pages))
                followed[page.path].add(_resolve(page.path, target))
    for path in sorted(files):
        faults.extend(_check_file(folder, path, files))
    if reachable:
        faults.extend(f"{path}: no link leads here" for path in sorted(pages.keys() - _closure(followed)))
    return faults


def read_page(folder: Path, path: str) -> Page:
    """Return the page at site path `path` with the faults that show without looking at other files."""
    page = Page(path)
    try:
        text = (folder / path).read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        page.faults.append(f"{path}: not UTF-8 at byte {error.start}")
        return page
    reader = _Reader(page)
    reader.feed(text)
    reader.close()
    if reader.doctype.lower() != "doctype html":
        page.faults.append(f"{path}: does not begin with <!doctype html>")
    if left := [tag for tag in reader.open if tag not in OPTIONAL_END]:
        page.faults.append(f"{path}: never closed: {' '.join(left)}")
    if not reader.title.strip():
        page.faults.append(f"{path}: has no title")
    policies = [m["content"] for m in reader.metas if m.get("http-equiv", "").lower() == "content-security-policy"]
    if policies != [POLICY]:
        page.faults.append(f"{path}: the content security policy is {policies}")
    head = re.search(r"<head>(.*?)</head>", text, re.DOTALL | re.IGNORECASE)
    before = (head[1] if head else "").lower().partition("content-security-policy")[0]
    if re.search(r"<(script|link|img|title)\b", before):
        page.faults.append(f"{path}: something stands before the content security policy")
    return page


def _check_target(page: Page, target: str, files: set[str], pages: dict[str, Page]) -> Iterator[str]:
    parts = urlsplit(target)
    if parts.scheme or parts.netloc or target.startswith("/") or "\\" in target:
        yield f"{page.path}: '{target[:80]}' is not relative"
        return
    if parts.query:
        yield f"{page.path}: '{target[:80]}' has a query, which names no file"
    path = _resolve(page.path, target)
    if path.startswith(".."):
        yield f"{page.path}: '{target[:80]}' leaves the site"
    elif path not in files:
        yield f"{page.path}: '{target[:80]}' leads to no file"
    elif parts.fragment and path in pages:
        anchor = unquote(parts.fragment).partition("?")[0]
        if anchor and anchor not in pages[path].ids:
            yield f"{page.path}: '{target[:80]}' names no id of {path}"


def _resolve(page: str, target: str) -> str:
    path = unquote(urlsplit(target).path)
    return normpath(join(dirname(page), path)) if path else page


def _check_file(folder: Path, path: str, files: set[str]) -> Iterator[str]:
    """Yield the faults of a file that is no page: its name, and what style sheets and pictures refer to."""
    if path != ".nojekyll" and any(part[0] in "._" for part in path.split("/")):
        yield f"{path}: a name that static hosts leave out"
    if not re.fullmatch(r"[\x21-\x7e]+", path) or path != path.lower():
        yield f"{path}: a name that not every host or file system keeps"
    if path.endswith(".css"):
        text = (folder / path).read_text(encoding="utf-8")
        if "@import" in text:
            yield f"{path}: a style sheet that imports another"
        for target in re.findall(r"url\(\s*['\"]?([^'\")]+)", text):
            if not target.startswith(("data:image/", "#")) and _resolve(path, target) not in files:
                yield f"{path}: '{target[:80]}' leads to no file"
    elif path.endswith(".svg"):
        text = (folder / path).read_text(encoding="utf-8")
        tags = re.findall(r"<[^<>]*>", text)  # a label may say anything; only a tag can do something
        if any(
            re.search(r"<script|\son\w+\s*=|javascript:|<foreignObject|href=[\"'](?!#)", t, re.IGNORECASE) for t in tags
        ):
            yield f"{path}: a picture that runs or fetches something"


def _closure(followed: dict[str, set[str]], start: str = "index.html") -> set[str]:
    seen: set[str] = set()
    todo = [start]
    while todo:
        path = todo.pop()
        if path in followed and path not in seen:
            seen.add(path)
            todo.extend(followed[path])
    return seen


def main(arguments: Iterable[str]) -> int:
    """Print the faults of each given site; return 1 when there is any."""
    faults = [fault for argument in arguments for fault in check_site(Path(argument))]
    print("\n".join(faults) or "no faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

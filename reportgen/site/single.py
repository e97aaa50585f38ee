"""A report that is one HTML file: pages of a site, their styles, scripts, pictures and data in one document.

The pages come in as a site has them and are folded by `fold`; this module decides what goes along and, when the file
would be too large, what stays behind. Nothing in the file is loaded from elsewhere: its content security policy names
each script and style by its hash and allows nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from posixpath import dirname, join, normpath
from typing import Any, Final, Protocol, TypeVar

from markupsafe import Markup

from reportgen.errors import SiteError
from reportgen.formats import short_key
from reportgen.site import urls
from reportgen.site.data.encoding import unpack
from reportgen.site.fold import Folded, Place, Script, fold_frame, fold_page
from reportgen.site.pages.single import LeftOut, Part, ShownPart, SinglePage, Subject, say_left_out
from reportgen.site.payloads import cut_index, place_run, place_table, read_payload, write_payload

FRAME: Final = "report.html"
"""Path at which the frame is rendered; no page of a site has it."""
MEDIA: Final = {
    "bmp": "image/bmp",
    "gif": "image/gif",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "png": "image/png",
    "svg": "image/svg+xml",
    "webp": "image/webp",
}
"""Extension of a picture -> its media type."""
_SLACK: Final = 4096
"""Bytes that the sentences on what was left out may need."""
_UNUSED: Final = "data-search"
"""Beginning of the attributes of `<html>` that name what has no use without the whole site."""
_CSS_LINK: Final = re.compile(r"""url\((["']?)([^"')]+)\1\)""")
_TOKEN: Final = re.compile(r"<!--part (\d+)-->")
_ENDING: Final = re.compile(r"<(/script|/style|!--)", re.IGNORECASE)
_HASH: Final = re.compile(r"'sha256-[A-Za-z0-9+/=]+'")


class Files(Protocol):
    """The files of a site, by their site paths."""

    def read(self, path: str) -> bytes | None:
        """Return the bytes of a file, None when there is no such file."""

    def size(self, path: str) -> int | None:
        """Return the size of a file in bytes, None when there is no such file."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a report holds."""

    subject: Subject
    parts: tuple[Part, ...]
    """In reading order."""
    tables: tuple[str, ...]
    """Short keys of the experiments of the runs."""
    texts: bool
    """True when the texts of artifacts are compared."""
    vendor: Collection[str] = ()
    """Site paths of the libraries."""
    licences: str = ""
    """Site path of the texts of their licences."""


@dataclass(frozen=True, slots=True)
class _Behind:
    """What stays behind."""

    pictures: frozenset[str] = frozenset()
    """Sources of pictures: site paths or `data:` addresses."""
    texts: frozenset[str] = frozenset()
    """Short keys of runs whose texts stay behind."""
    finding: frozenset[str] = frozenset()
    """Short keys of experiments of which filters know only what is in the table."""
    exact: frozenset[str] = frozenset()
    """Short keys of runs whose exact points stay behind."""
    runs: frozenset[str] = frozenset()
    """Paths of the pages of runs."""


@dataclass(slots=True)
class _Sizes:
    """What could stay behind, with its size in bytes."""

    pictures: Counter[str] = field(default_factory=Counter)
    texts: dict[str, int] = field(default_factory=dict)
    finding: dict[str, int] = field(default_factory=dict)
    exact: dict[str, int] = field(default_factory=dict)
    runs: dict[str, int] = field(default_factory=dict)


def make_single(report: Report, files: Files, render: Callable[[SinglePage], bytes], *, max_mb: float) -> bytes:
    """Return the report as one HTML document of at most `max_mb` MiB; `render` makes the frame's page.

    When it would be larger, pictures and texts of artifacts stay behind, the largest first; then what filters know
    beside the tables; then the exact points of long series and then the pages of runs, both from the end. Raises
    `SiteError` when that is not enough.
    """
    binder = _Binder(report, files, render, max_mb)
    behind, whole = _Behind(), 0
    while True:
        document, sizes = binder.bind(behind, whole, draft=True)
        size = len(document.encode()) + sum(sizes.pictures.values()) + sum(sizes.exact.values())
        whole = whole or size
        excess = size - int(max_mb * 2**20)
        if excess <= 0:
            return binder.bind(behind, whole, draft=False)[0].encode()
        more = _leave_behind(behind, sizes, excess + _SLACK)
        if more == behind:
            raise SiteError(
                f"the report has {size / 2**20:.2f} MB without all that can be left out, more than the {max_mb:g} MB of"
                " --max-mb: raise that, or choose fewer runs"
            )
        behind = more


def _leave_behind(behind: _Behind, sizes: _Sizes, excess: int) -> _Behind:
    """Return `behind` with more of the first kind of which there is something: enough for `excess` bytes, or all."""
    artifacts = [(size, "picture", source) for source, size in sizes.pictures.items()]
    artifacts += [(size, "texts", k) for k, size in sizes.texts.items()]
    if artifacts:
        artifacts.sort(key=lambda a: (-a[0], a[1:]))
        chosen = _enough((((kind, name), size) for size, kind, name in artifacts), excess)
        pictures = {name for kind, name in chosen if kind == "picture"}
        texts = {name for kind, name in chosen if kind == "texts"}
        return replace(behind, pictures=behind.pictures | pictures, texts=behind.texts | texts)
    if sizes.finding:
        return replace(behind, finding=behind.finding.union(sizes.finding))
    if sizes.exact:
        return replace(behind, exact=behind.exact.union(_enough(reversed(sizes.exact.items()), excess)))
    return replace(behind, runs=behind.runs.union(_enough(reversed(sizes.runs.items()), excess)))


_Name = TypeVar("_Name")


def _enough(items: Iterable[tuple[_Name, int]], excess: int) -> list[_Name]:
    """Return the first of the named sizes that together are at least `excess`; all when they are not."""
    chosen = []
    for name, size in items:
        if excess <= 0:
            break
        chosen.append(name)
        excess -= size
    return chosen


class _Binder:
    """Puts one report together, as often as it takes to find out what fits."""

    def __init__(self, report: Report, files: Files, render: Callable[[SinglePage], bytes], max_mb: float) -> None:
        self._report, self._files, self._render, self._max_mb = report, files, render, max_mb
        self._payloads: dict[str, Any] = {}
        self._sizes: Counter[str] = Counter()
        """Size of each picture (with all its copies) and of each run's texts, by source and short key."""

    def bind(self, behind: _Behind, whole: int, *, draft: bool) -> tuple[str, _Sizes]:
        """Return the document, and the sizes of what else could stay behind.

        `whole` is the size of the document with everything. A draft goes without pictures of artifacts and without
        exact points, since their sizes are known.
        """
        sizes = _Sizes()
        parts = [part for part in self._report.parts if part.page not in behind.runs]
        ids = {part.page: part.id for part in parts}
        pages = [self._fold(part, ids, behind, sizes, draft=draft) for part in parts]
        calls = list(self._iter_calls(parts, ids, behind, sizes, draft=draft))
        if all(part.kind == "run" for part in parts):
            sizes.runs.pop(parts[0].page)  # a report is never empty
        for source in sizes.pictures.keys() | sizes.texts.keys():
            self._sizes[source] = sizes.pictures[source] or sizes.texts[source]
        frame = self._make_frame(parts, pages, ids, behind, whole)
        pieces = _TOKEN.split(frame.body)
        pieces[1::2] = [pages[int(number)].body for number in pieces[1::2]]
        return self._furnish("".join(pieces), [frame, *pages], calls), sizes

    # ---- parts

    def _fold(self, part: Part, ids: Mapping[str, str], behind: _Behind, sizes: _Sizes, *, draft: bool) -> Folded:
        """Return the part; note its size, and that of each picture of an artifact."""

        def show(source: str) -> str | None:
            if source in behind.pictures:
                return None
            if not source.startswith(("a/", "data:")):
                return self._address(source)  # a plot
            size = self._address_size(source)
            if size is None:
                return None
            sizes.pictures[source] += size
            return "" if draft else self._address(source)

        text = (self._files.read(part.page) or b"").decode()
        alone = len(self._report.parts) == 1  # then its names cannot clash, and its title is that of the document
        page = fold_page(text, Place(part.page, "" if alone else part.id, part.title), ids, show)
        if part.kind == "run":
            sizes.runs[part.page] = len(page.body.encode())
        if part.kind == "compare":
            return self._with_tools(page, part)
        return page

    def _with_tools(self, page: Folded, part: Part) -> Folded:
        """Return the page of a comparison with the scripts of the site's page on which any runs can be compared."""
        text = (self._files.read(urls.COMPARE) or b"").decode()
        tools = fold_page(text, Place(urls.COMPARE, part.id), {}, lambda _: None)
        return replace(
            page,
            attributes={**page.attributes, **tools.attributes, "data-runs": ",".join(part.compared)},
            styles=(*page.styles, *tools.styles),
            scripts=(*page.scripts, *tools.scripts),
            lazy={**page.lazy, **tools.lazy},
            policy=tools.policy,
        )

    def _address_size(self, source: str) -> int | None:
        if source.startswith("data:"):
            return len(source)
        size, media = self._files.size(source), _media(source)
        return None if size is None or not media else len(f"data:{media};base64,") + 4 * -(-size // 3)

    def _address(self, source: str) -> str | None:
        if source.startswith("data:"):
            return source
        content, media = self._files.read(source), _media(source)
        return f"data:{media};base64,{base64.b64encode(content).decode()}" if content is not None and media else None

    # ---- data

    def _iter_calls(
        self, parts: Sequence[Part], ids: Mapping[str, str], behind: _Behind, sizes: _Sizes, *, draft: bool
    ) -> Iterator[str]:
        """Yield the calls that hand the data of the report to its scripts; a draft goes without exact points."""
        included = {short_key(part.run.key): part.page for part in parts if part.run}
        index = self._payload("index")
        if index is not None:
            yield write_payload("index", cut_index(index, self._report.tables, ids))
        for k in self._report.tables:
            table = self._payload(f"tables/{k}")
            if table is not None:
                yield write_payload(f"tables/{k}", place_table(table, ids))
            if k not in behind.finding:
                calls = self._finding(k)
                sizes.finding.update({k: sum(map(len, calls))} if calls else {})
                yield from calls
        for k, page in included.items():
            run = self._payload(f"series/{k}")
            if run is None:
                continue
            call = write_payload(f"series/{k}", place_run(run, ids, sizes.pictures.keys()))
            sizes.runs[page] += len(call)
            yield call
            if k not in behind.exact:
                names = [f"tiles/{k}/{long['series']}-{i}" for long in run["long"] for i in range(long["tiles"])]
                size = sum(self._files.size(_file(name)) or 0 for name in names)
                if size:
                    sizes.exact[k] = size
                yield from () if draft else filter(None, map(self._call, names))
            if self._report.texts and k not in behind.texts and (call := self._call(f"texts/{k}")):
                sizes.texts[k] = len(call)
                yield call

    def _finding(self, k: str) -> list[str]:
        """Return the calls with what filters may ask of an experiment's runs beside its table."""
        file = self._payload(f"query/{k}")
        if file is None:
            return []
        head = unpack(file["head"])
        further = [*range(1, len(head["parts"])), *([] if head["notes"] is None else [head["notes"]])]
        names = [f"query/{k}", *(f"query/{k}-{i}" for i in further)]
        return list(filter(None, map(self._call, names)))

    def _payload(self, name: str) -> Any:
        """Return the payload of a data file, None when there is no such file."""
        if name not in self._payloads:
            content = self._files.read(_file(name))
            self._payloads[name] = None if content is None else read_payload(content)[1]
        return self._payloads[name]

    def _call(self, name: str) -> str:
        """Return a data file as it is, empty when there is no such file."""
        content = self._files.read(_file(name))
        return "" if content is None else write_payload(*read_payload(content))

    # ---- the document

    def _make_frame(
        self, parts: Sequence[Part], pages: Sequence[Folded], ids: Mapping[str, str], behind: _Behind, whole: int
    ) -> Folded:
        report = self._report
        gone = [*behind.pictures, *behind.texts]
        said, remedy = say_left_out(
            LeftOut(
                pictures=len(behind.pictures),
                texts=len(behind.texts),
                finding=len(behind.finding),
                file_bytes=sum(self._sizes[name] for name in gone),
                exact=len(behind.exact),
                runs=len(behind.runs),
                max_mb=self._max_mb,
                whole_bytes=whole,
            )
        )
        used = {*_styles(pages), *_later(pages).values(), *(script.path for script in _scripts(pages))}
        frame = SinglePage(
            subject=report.subject,
            left_out=said,
            remedy=remedy,
            later=tuple((name, _id(name)) for name, path in _later(pages).items() if path.endswith(".js")),
            parts=tuple(
                ShownPart(part, page.attributes, Markup(f"<!--part {number}-->"))  # noqa: S704 - nothing of a log
                for number, (part, page) in enumerate(zip(parts, pages, strict=True))
            ),
            licences=(self._files.read(report.licences) or b"").decode() if used & set(report.vendor) else "",
        )
        return fold_frame(self._render(frame).decode(), FRAME, ids)

    def _furnish(self, body: str, pages: Sequence[Folded], calls: Iterable[str]) -> str:
        """Return the document with the styles, scripts and data of its pages, under a policy that allows them."""
        style = _element_text("\n".join(map(self._style, _styles(pages))))
        scripts = _scripts(pages)
        first = [self._script(script.path) for script in scripts if not script.deferred]
        last = [self._script(script.path) for script in scripts if script.deferred] + [_element_text("\n".join(calls))]
        at_once = {script.path for script in scripts}
        later = {
            name: self._script(path)
            for name, path in _later(pages).items()
            if path.endswith(".js") and path not in at_once
        }
        hashes = [source for page in pages for source in _HASH.findall(_directive(page.policy, "style-src"))]
        policy = "; ".join(
            (
                "default-src 'none'",
                f"script-src {' '.join(dict.fromkeys(map(_hash, (*first, *last, *later.values()))))}",
                f"style-src {' '.join(dict.fromkeys((_hash(style), *hashes)))}",
                "img-src data:",
                "base-uri 'none'",
                "form-action 'none'",
            )
        )
        head, _, rest = body.partition("<head>")
        inside, _, rest = rest.partition("</head>")
        content, _, end = rest.rpartition("</body>")
        return (
            f'{head}<head>\n<meta http-equiv="Content-Security-Policy" content="{policy}">{inside}'
            f"{''.join(map(_script_element, first))}<style>{style}</style>\n</head>{content}"
            f"{''.join(_text_element(name, text) for name, text in later.items())}"
            f"{''.join(map(_script_element, last))}</body>{end}"
        )

    def _script(self, path: str) -> str:
        return _element_text(self._text(path))

    def _text(self, path: str) -> str:
        return (self._files.read(path) or b"").decode("utf-8-sig")

    def _style(self, path: str) -> str:
        """Return a style sheet, the pictures that it names as data."""

        def replace_link(match: re.Match[str]) -> str:
            address = None if ":" in match[2] else self._address(normpath(join(dirname(path), match[2])))
            return f'url("{address}")' if address else match[0]

        return _CSS_LINK.sub(replace_link, self._text(path))


def _file(name: str) -> str:
    return f"data/{name}.js"


def _media(path: str) -> str | None:
    return MEDIA.get(path.rpartition(".")[2])


def _styles(pages: Sequence[Folded]) -> list[str]:
    """Return the style sheets of all pages, each once: what is loaded at once, then what scripts would load."""
    named = [path for page in pages for path in page.styles]
    return list(dict.fromkeys([*named, *(path for path in _later(pages).values() if path.endswith(".css"))]))


def _scripts(pages: Sequence[Folded]) -> list[Script]:
    """Return the scripts that run at once, of all pages, each once."""
    named = [script for page in pages for script in page.scripts if not script.path.startswith("data/")]
    return list({script.path: script for script in named}.values())


def _later(pages: Sequence[Folded]) -> dict[str, str]:
    """Return attribute -> site path of the scripts and style sheets that scripts of the pages load when need be."""
    return {name: path for page in pages for name, path in page.lazy.items() if not name.startswith(_UNUSED)}


def _id(attribute: str) -> str:
    return f"script-{attribute.removeprefix('data-')}"


def _directive(policy: str, name: str) -> str:
    return next((d for d in policy.split(";") if d.split()[:1] == [name]), "")


def _element_text(text: str) -> str:
    """Return a script or style as it stands between its tags: nothing in it ends the element.

    Line ends and NUL become what a browser makes of them, since the hash is that of the text after this.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
    return _ENDING.sub(r"<\\\1", text)


def _script_element(text: str) -> str:
    return f"<script>{text}</script>\n"


def _text_element(attribute: str, text: str) -> str:
    """Return a script that does not run: `reportgen.script` makes one that does of its text."""
    return f'<script type="text/plain" id="{_id(attribute)}">{text}</script>\n'


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

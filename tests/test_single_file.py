"""A report that is one file: it holds all that it shows and loads nothing, and what it leaves out it says."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import math
import os
import re
import struct
import sys
import zlib
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from reportgen.build import build
from reportgen.cli import main
from reportgen.errors import SiteError, SourceError
from reportgen.formats import short_key
from reportgen.single import Request, SingleResult, build_single
from reportgen.site.config import Config, MetricConfig
from reportgen.site.pages.single import Part, SinglePage, Subject
from reportgen.site.payloads import cut_index, pack, place_run, place_table, read_payload, unpack, write_payload
from reportgen.site.single import Report, make_single
from tests.sourcelogs import T0, metrics_line, start_line, write_run
from tests.test_build import HOSTILE

ACC = Config(metrics={"acc": MetricConfig("max")})
END = {"event": "end", "status": "FINISHED", "time": T0 + 3600}
VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())
LOADS = frozenset("src srcset poster data background".split())


# ---- a document that is looked through


class Document(HTMLParser):
    """What stands in one HTML file."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.inside: dict[str, list[str]] = {"script": [], "style": []}
        self._open = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag in self.inside:
            self._open = tag
            self.inside[tag].append("")

    def handle_data(self, data: str) -> None:
        if self._open:
            self.inside[self._open][-1] += data

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def values(self, name: str, *tags: str) -> list[str]:
        """Return the values of an attribute, in order."""
        return [own[name] for tag, own in self.tags if name in own and (not tags or tag in tags)]

    @property
    def policy(self) -> dict[str, list[str]]:
        """Directive -> sources of the content security policy."""
        (content,) = [
            own["content"] for tag, own in self.tags if own.get("http-equiv", "").lower() == "content-security-policy"
        ]
        return {words[0]: words[1:] for words in map(str.split, content.split(";"))}


def hash_of(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def faults(document: Document) -> list[str]:
    """Return what keeps a document from standing for itself."""
    found = []
    ids = document.values("id")
    found += [f"id {one} stands {ids.count(one)} times" for one in sorted(set(ids)) if ids.count(one) > 1]
    found += [f"{href} leads nowhere" for href in document.values("href") if href[:1] == "#" and href[1:] not in ids]
    for name in ("for", "aria-labelledby", "aria-describedby", "aria-controls", "data-copy"):
        found += [f"{name}={v} names nothing" for v in document.values(name) if not set(v.split()) <= set(ids)]
    outside = re.compile(r"#|https?://|mailto:")
    found += [f"link to {href}" for href in document.values("href", "a") if not outside.match(href)]
    loads = [value for name in LOADS for value in document.values(name)] + document.values(
        "href", "link", "use", "image"
    )
    found += [f"loads {address[:80]}" for address in loads if not address.startswith(("data:image/", "#"))]
    for tag, own in document.tags:
        found += [f"<{tag} {name}>" for name in own if name.startswith("on") or name in ("style", "srcdoc", "action")]
        found += [f"<{tag}>" for _ in [0] if tag in ("iframe", "object", "embed", "base", "frame")]
    policy = document.policy
    if policy.pop("default-src") != ["'none'"] or any("'unsafe" in s or s == "*" for v in policy.values() for s in v):
        found.append(f"policy: {policy}")
    for directive, tag in (("script-src", "script"), ("style-src", "style")):
        if not {hash_of(text) for text in document.inside[tag]} <= set(policy[directive]):
            found.append(f"a {tag} that the policy refuses")
    return found


def payloads(document: Document) -> dict[str, Any]:
    """Return the data files in a document, by their ids."""
    lines = [line for script in document.inside["script"] for line in script.split("\n")]
    return dict(read_payload(line.encode()) for line in lines if line.startswith("reportgen.data("))


def titles(document: Document) -> list[str]:
    """Return the text of every h1, in order."""
    found = re.findall(r"<h1\b[^>]*>(.*?)</h1>", document.text, re.DOTALL)
    return [re.sub(r"<[^>]*>", "", title).strip() for title in found]


# ---- logs


def picture(side: int) -> bytes:
    """Return a PNG of noise, side x side px, which does not compress."""
    rows = b"".join(b"\0" + hashlib.shake_128(bytes([y % 256, side % 256])).digest(3 * side) for y in range(side))
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows, 0)),
        (b"IEND", b""),
    ]
    made = b"".join(struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + made


def write(
    root: Path,
    name: str,
    *,
    run_id: str = "",
    experiment: str = "digits",
    number: int = 0,
    files: Mapping[str, bytes] | None = None,
    lines: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Write one finished run with two metrics, params and a seed."""
    run_id = run_id or f"id-{name}"
    folder = root / short_key(experiment) / short_key(run_id)
    artifacts = []
    for path, content in (files or {}).items():
        target = folder / "artifacts" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        media = "image/png" if path.endswith(".png") else "text/plain"
        artifacts.append({"event": "artifact", "path": path, "bytes": len(content), "sha256": digest, "media": media})
    write_run(
        folder,
        start_line(run_id, name=name, experiment=experiment, time=T0 + 60 * number),
        {"event": "params", "params": {"lr": 0.1 / (1 + number // 2), "seed": number % 2}},
        *[metrics_line(i, loss=1 / (1 + i + number), acc=0.5 + i / 100 + number / 50) for i in range(6)],
        *lines,
        *artifacts,
        END,
    )


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Return a folder with four runs of `digits`, the last the best, one of `wine`, and pictures of several sizes."""
    root = tmp_path / "runs"
    for number, name in enumerate(("ant", "bee", "cat", "dog")):
        files = {"plots/large.png": picture(90)} if name == "bee" else {"small.png": picture(30 + number)}
        write(root, name, number=number, files={**files, "report.txt": b"line\n" * number + b"<b>end</b>"})
    write(root, "elk", experiment="wine")
    return root


def make(source: Path, request: Request, **options: Any) -> tuple[Document, SingleResult]:
    """Write a report beside `source` and return it."""
    file = source.parent / "report.html"
    result = build_single([source], file, request, config=options.pop("config", ACC), use_cache=False, **options)
    assert result.size_bytes == file.stat().st_size
    return Document(file.read_text(encoding="utf-8")), result


# ---- what is in it


def test_an_experiment_comes_with_its_runs_best_first(logs: Path) -> None:
    document, result = make(logs, Request(experiment="digits"))
    assert titles(document) == ["Report on digits", "digits", "dog", "cat", "bee", "ant"]
    assert (result.runs, result.problems) == (4, ())
    assert "The experiment and all of its 4 runs, best acc first." in document.text
    assert faults(document) == []


def test_the_contents_lead_to_each_part(logs: Path) -> None:
    document, _ = make(logs, Request(experiment="digits"))
    contents = document.text.split('id="contents"')[1].split("</nav>")[0]
    links = re.findall(r'href="#([^"]*)"', contents)
    assert links == [own["id"] for _, own in document.tags if own.get("class") == "folded"]
    assert len(links) == 5


def test_of_a_large_experiment_the_best_runs_are_in_it_and_it_says_so(logs: Path) -> None:
    document, result = make(logs, Request(experiment="digits"), max_runs=2)
    assert titles(document) == ["Report on digits", "digits", "dog", "cat"]
    assert "The experiment and the 2 best by acc of its 4 runs." in document.text
    assert "<code>--max-runs 4</code>" in document.text
    assert result.runs == 2
    table = document.text.split('class="runs"')[1].split("</table>")[0]
    rows = re.findall(r'<a(?: href="(#[^"]*)")? dir="auto">(\w+)</a>', table)
    assert [name for _, name in rows] == ["dog", "cat", "bee", "ant"]
    assert [bool(href) for href, _ in rows] == [True, True, False, False]
    assert faults(document) == []


def test_a_report_on_one_run_is_its_page(logs: Path) -> None:
    document, result = make(logs, Request(run="bee"))
    assert titles(document) == ["bee"]
    assert "results" in document.values("id")
    assert 'id="contents"' not in document.text
    assert result.runs == 1
    assert faults(document) == []


def test_compared_runs_stand_side_by_side_in_the_order_in_which_they_are_named(logs: Path) -> None:
    document, _ = make(logs, Request(compare=("cat", "dog", "bee")))
    assert titles(document) == ["Report on 3 runs", "Compare 3 runs", "cat", "dog", "bee"]
    assert "3 runs of the experiment digits, side by side and one by one." in document.text
    compared = next(own for _, own in document.tags if "data-runs" in own)
    parts = [one for one in document.values("id") if re.fullmatch(r"r-\w{10}", one)]
    assert [f"r-{k}" for k in compared["data-runs"].split(",")] == parts
    assert faults(document) == []


def test_runs_of_several_experiments_can_be_compared(logs: Path) -> None:
    document, _ = make(logs, Request(compare=("dog", "elk")))
    assert titles(document)[1:] == ["Compare 2 runs", "dog", "elk"]
    assert "2 runs of the experiments digits and wine, side by side" in document.text
    assert faults(document) == []


def test_pictures_are_inside(logs: Path) -> None:
    document, _ = make(logs, Request(experiment="digits"))
    sources = [source for source in document.values("src", "img") if source.startswith("data:image/png")]
    found = [base64.b64decode(source.partition(",")[2]) for source in sources]
    assert found == [picture(33), picture(32), picture(90), picture(30)]
    assert any(source.startswith("data:image/svg+xml;base64,") for source in document.values("src", "img"))


def test_problems_of_the_runs_stand_at_the_end(logs: Path) -> None:
    write(
        logs,
        "fox",
        number=9,
        lines=[{"event": "artifact", "path": "gone.bin", "bytes": 1, "sha256": "0" * 64, "media": "x/y"}],
    )
    document, result = make(logs, Request(experiment="digits"))
    assert titles(document)[-1] == "Problems"
    assert [problem.where for problem in result.problems] == ["digits/fox"]
    assert "gone.bin" in document.text.rpartition('id="problems"')[2]
    assert titles(make(logs, Request(compare=("ant", "bee")))[0])[-1] == "bee"


def test_commits_are_still_linked(logs: Path) -> None:
    commit = "d8469f68e8f7994012ff2eabaa1dab11b8b809b5"
    write(logs, "fox", number=9, lines=[{"event": "code", "code": {"commit": commit}, "commit": commit}])
    config = Config(metrics=ACC.metrics, repository_url="https://example.org/ada/digits")
    document, _ = make(logs, Request(run="fox"), config=config)
    assert f"https://example.org/ada/digits/commit/{commit}" in document.values("href")


def test_licences_of_the_libraries_go_along(logs: Path) -> None:
    document, _ = make(logs, Request(compare=("ant", "bee")))
    libraries = [text for text in document.inside["script"] if "d3js.org" in text[:400]]
    assert bool(libraries) == ("Licences of the libraries in this file" in document.text)


# ---- how it is made


def test_it_is_the_same_whatever_it_is_made_from(logs: Path) -> None:
    request = Request(experiment="digits")
    first = make(logs, request)[0].text
    assert make(logs, request)[0].text == first
    build([logs], logs.parent / "site", config=ACC, use_cache=False)
    site = build_single([logs.parent / "site"], logs.parent / "other.html", request, config=ACC, use_cache=False)
    assert site.file.read_text(encoding="utf-8") == first


def test_no_site_is_written_and_nothing_else_is_left(logs: Path) -> None:
    make(logs, Request(run="bee"))
    assert sorted(p.name for p in logs.parent.iterdir()) == ["report.html", "runs"]


def test_a_file_is_replaced_and_a_folder_is_not(logs: Path) -> None:
    target = logs.parent / "new" / "report.html"
    for _ in range(2):
        build_single([logs], target, Request(run="bee"), config=ACC, use_cache=False)
        assert target.read_bytes().startswith(b"<!DOCTYPE html>")
        target.write_text("old")
    with pytest.raises(SiteError, match="is not a file: name the HTML file to write"):
        build_single([logs], target.parent, Request(run="bee"), config=ACC, use_cache=False)
    assert os.listdir(target.parent) == ["report.html"]


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    root = tmp_path / "runs"
    for number, name in enumerate(HOSTILE):
        note = {"event": "note", "text": f"{name} [x](javascript:alert(1)) ![y](https://example.org/z.png)"}
        files = {"a.txt": f"</script><script>alert({number})</script>".encode()}
        tags = {"event": "tags", "tags": {name: name}}
        write(root, name, experiment="<script>&\"'", number=number, files=files, lines=[note, tags])
    document, result = make(root, Request(experiment="<script>&\"'"))
    assert result.runs == len(HOSTILE)
    assert faults(document) == []
    assert [tag for tag, _ in document.tags if tag == "main"] == ["main"]
    assert len(document.inside["script"]) == len(re.findall(r"<script[ >]", document.text))
    assert not any(
        "alert(" in script for script in document.inside["script"] if not script.startswith("reportgen.data(")
    )


def test_runs_of_one_name_can_be_told_apart(logs: Path) -> None:
    for number in (5, 6):
        write(logs, "same", run_id=f"id-{number}", number=number)
    document, _ = make(logs, Request(experiment="digits"))
    contents = document.text.split('id="contents"')[1].split("</nav>")[0]
    assert len(set(re.findall(r'dir="auto">(same[^<]*)</a>', contents))) == 2
    labels = document.values("aria-label", "section", "nav")
    assert len(labels) == len(set(labels))


# ---- which runs


def test_a_run_is_found_by_id_name_key_or_how_they_begin(logs: Path) -> None:
    for name in ("id-bee", "bee", "be", "id-b"):
        assert titles(make(logs, Request(run=name))[0]) == ["bee"]
    by_id = make(logs, Request(run="bee"))[0]
    (key,) = by_id.values("data-k")
    assert titles(make(logs, Request(run=key))[0]) == ["bee"]
    newest = titles(make(logs, Request(run="latest@digits"))[0])
    assert len(newest) == 1
    assert newest != titles(make(logs, Request(run="latest@wine"))[0])


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (
            Request(experiment="digts"),
            "no experiment is called 'digts': did you mean 'digits'? there are: digits, wine",
        ),
        (Request(run="bea"), "no run is called 'bea': did you mean 'bee'? give its id or its name"),
        (Request(run=""), "no run is called ''"),
        (
            Request(run="ant"),
            "'ant' can mean 2 runs: give the id of one of them: id-ant (ant, experiment digits), id-ant-2 (",
        ),
        (Request(run="id-"), "'id-' can mean "),
        (Request(compare=("bee",)), "a comparison needs two different runs"),
        (Request(compare=("bee", "be")), "a comparison needs two different runs"),
        (Request(compare=("bee", "zebra")), "no run is called 'zebra'"),
    ],
)
def test_what_is_not_there_or_not_clear_is_said(logs: Path, request_: Request, message: str) -> None:
    write(logs, "ant", run_id="id-ant-2", experiment="two", number=3)
    with pytest.raises(SourceError) as caught:
        make(logs, request_)
    assert message.replace("digits, wine", "digits, two, wine") in str(caught.value)


def test_runs_that_the_configuration_excludes_are_not_found(logs: Path) -> None:
    with pytest.raises(SourceError, match="no run is called 'bee'"):
        make(logs, Request(run="bee"), config=Config(exclude=("digits/bee",)))


# ---- what does not fit


def test_the_largest_pictures_are_left_out_first(logs: Path) -> None:
    whole, result = make(logs, Request(experiment="digits"))
    assert "Left out" not in whole.text
    limit = (result.size_bytes - 2000) / 2**20
    document, cut = make(logs, Request(experiment="digits"), max_mb=limit)
    assert cut.size_bytes <= limit * 2**20
    sources = [source for source in document.values("src", "img") if source.startswith("data:image/png")]
    assert [base64.b64decode(s.partition(",")[2]) for s in sources] == [picture(33), picture(32), picture(30)]
    said = document.text.split('class="note warn"')[1].split("</div></div>")[0]
    assert re.search(r"Left out to stay below [\d.]+ MB: 1 picture \(\d+ KB\)\.", said)
    assert "<code>--max-mb 1</code>" in said
    assert "This picture is not in this file." in document.text
    assert faults(document) == []


def test_the_last_runs_are_left_out_when_nothing_else_helps(logs: Path) -> None:
    _, result = make(logs, Request(experiment="digits"), config=Config(metrics=ACC.metrics, artifact_exclude=("*",)))
    limit = (result.size_bytes - 20_000) / 2**20
    document, cut = make(logs, Request(experiment="digits"), max_mb=limit)
    assert cut.size_bytes <= limit * 2**20
    assert titles(document)[:3] == ["Report on digits", "digits", "dog"]
    assert 2 < len(titles(document)) < 6
    assert "4 pictures" in document.text
    assert re.search(r"the pages of \d runs?, the last in the order of this report", document.text)
    assert faults(document) == []


def test_a_report_that_cannot_be_so_small_is_an_error(logs: Path) -> None:
    with pytest.raises(SiteError, match=r"the report has \d+\.\d\d MB without all that can be left out.*--max-mb"):
        make(logs, Request(run="bee"), max_mb=0.01)
    assert not (logs.parent / "report.html").exists()


@pytest.mark.parametrize("max_mb", [math.nan, math.inf, -math.inf, -1.0, 0.0, 1e308])
def test_a_limit_that_is_no_size_is_refused(logs: Path, tmp_path: Path, max_mb: float) -> None:
    file = tmp_path / "report.html"
    with pytest.raises(SiteError, match=rf"at most {re.escape(str(max_mb))} MB cannot be made: .*--max-mb 25"):
        build_single([logs], file, Request(run="bee"), config=Config(), max_mb=max_mb, use_cache=False)
    assert not file.exists()


# ---- the binding alone


class Files:
    """Files of a site that was never built."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = dict(files)

    def read(self, path: str) -> bytes | None:
        return self.files.get(path)

    def size(self, path: str) -> int | None:
        return None if path not in self.files else len(self.files[path])


def frame(page: SinglePage) -> bytes:
    """Return the frame of a report without a theme."""
    parts = "".join(f'<div id="{part.about.id}">{part.body}</div>' for part in page.parts)
    head = '<meta http-equiv="Content-Security-Policy" content="x">\n<script src="assets/core.js" defer></script>'
    body = f"<main>{page.left_out}{parts}</main>"
    return f"<!DOCTYPE html>\n<html>\n<head>\n{head}\n</head>\n<body>\n{body}\n</body>\n</html>".encode()


def bind(files: Mapping[str, bytes], *parts: Part, max_mb: float = 1, **more: Any) -> Document:
    report = Report(Subject("x", "y"), parts, tables=("e",), texts=more.pop("texts", False), **more)
    return Document(make_single(report, Files(files), frame, max_mb=max_mb).decode())


def page_with(head: str, main: str = "", html: str = "") -> bytes:
    return f"<html{html}><head>{head}</head><body><main>{main}</main></body></html>".encode()


EXPERIMENT = Part("e", "e/x.html", "experiment", "x")


def test_scripts_and_styles_stand_in_the_file_once_in_their_order() -> None:
    head = (
        '<link rel="stylesheet" href="../assets/a.css"><script src="../assets/first.js"></script>'
        '<script src="../assets/own.js" defer></script><script src="../data/series/k.js" defer></script>'
    )
    html = ' data-lib="../assets/lib.js" data-lib-style="../assets/lib.css" data-search="../assets/search.js"'
    names = ("a.css", "lib.css", "first.js", "own.js", "lib.js", "search.js", "core.js")
    files = {f"assets/{name}": f"/* {name} */".encode() for name in names}
    files |= {"e/x.html": page_with(head, html=html), "r/y.html": page_with(head)}
    document = bind(files, EXPERIMENT, Part("r", "r/y.html", "run", "y"))
    assert document.inside["style"] == ["/* a.css */\n/* lib.css */"]
    assert document.inside["script"] == [*(f"/* {n}.js */" for n in ("first", "lib", "core", "own")), ""]
    later = [own["id"] for tag, own in document.tags if tag == "script" and own.get("type") == "text/plain"]
    assert later == ["script-lib"]
    assert document.text.index("first.js") < document.text.index("<style>") < document.text.index("core.js")
    assert faults(document) == []


def test_no_content_of_a_script_or_style_ends_its_element() -> None:
    files = {
        "e/x.html": page_with('<link rel="stylesheet" href="../assets/a.css"><script src="../assets/b.js"></script>'),
        "assets/a.css": b'a::after{content:"</style><script>alert(1)</script>"}',
        "assets/b.js": b"var a = '</script><!--<script>';\r\nvar b = 1;\rvar c = '\0'",
        "assets/core.js": b"",
    }
    document = bind(files, EXPERIMENT)
    assert document.inside["style"] == ['a::after{content:"<\\/style><script>alert(1)<\\/script>"}']
    assert document.inside["script"][0] == "var a = '<\\/script><\\!--<script>';\nvar b = 1;\nvar c = '\ufffd'"
    assert faults(document) == []


def test_pictures_of_a_style_sheet_are_inside() -> None:
    files = {
        "e/x.html": page_with('<link rel="stylesheet" href="../assets/a.css">'),
        "assets/a.css": b'a{background:url("b.1.png")}b{background:url(data:image/png;base64,AA)}',
        "assets/b.1.png": b"\x00",
    }
    (style,) = bind(files, EXPERIMENT).inside["style"]
    assert style.startswith(
        'a{background:url("data:image/png;base64,AA==")}b{background:url(data:image/png;base64,AA)}'
    )


def test_the_hashes_of_styles_that_a_page_allows_stay_allowed() -> None:
    policy = "default-src 'none'; style-src 'self' 'sha256-abc='; img-src 'self' data:"
    files = {"e/x.html": page_with(f'<meta http-equiv="Content-Security-Policy" content="{policy}">')}
    document = bind(files, EXPERIMENT)
    assert document.policy["style-src"] == [hash_of(""), "'sha256-abc='"]
    assert document.policy["img-src"] == ["data:"]


# ---- data files


def run_summary(name: str) -> Any:
    from tests.factories import make_summary

    return make_summary(name, metrics={})


def site_data(*names: str) -> tuple[dict[str, bytes], list[Part]]:
    """Return the data files of an experiment with runs, one of them with a long series and a text."""
    runs = [run_summary(name) for name in names]
    keys = [short_key(run.key) for run in runs]
    pages = [f"r/{name}.html" for name in names]
    files = {page: page_with("", "<h1>run</h1>" + "x" * 3000) for page in pages}
    files["e/x.html"] = page_with("", "<h1>x</h1>")
    table = {
        "page": "e/x.html",
        "runs": {"k": [*keys, "zzzzzzzzzz"], "page": [*pages, "r/other.html"]},
        "n": len(keys) + 1,
    }
    index = {"experiments": [{"k": "e", "page": "e/x.html"}, {"k": "f", "page": "e/f.html"}], "dropped": keys[:1]}
    files["data/index.js"] = write_payload("index", index).encode()
    files["data/tables/e.js"] = write_payload("tables/e", pack(table)).encode()
    for k, page in zip(keys, pages, strict=True):
        about = {"page": page, "artifacts": [{"path": "a.png", "published": "a/0.png", "reason": ""}]}
        long = [{"series": 0, "tiles": 2}]
        run = {"format": 1, "about": pack(about), "blocks": [], "long": long}
        files[f"data/series/{k}.js"] = write_payload(f"series/{k}", run).encode()
        files[f"data/texts/{k}.js"] = write_payload(
            f"texts/{k}", {"a.txt": {"text": "t" * 2000, "cut": False}}
        ).encode()
        for tile in range(2):
            name = f"tiles/{k}/0-{tile}"
            files[f"data/{name}.js"] = write_payload(name, {"values": "v" * 4000}).encode()
    parts = [Part(f"r-{k}", page, "run", run.name, run) for k, page, run in zip(keys, pages, runs, strict=True)]
    return files, [EXPERIMENT, *parts]


def test_the_data_of_the_runs_are_inside_and_links_in_them_are_fragments() -> None:
    files, parts = site_data("one", "two")
    document = bind(files, *parts, texts=True)
    found = payloads(document)
    one, two = (part.id.removeprefix("r-") for part in parts[1:])
    tiles = [f"tiles/{k}/0-{i}" for k in (one, two) for i in range(2)]
    assert sorted(found) == sorted(
        ["index", "tables/e", *(f"{kind}/{k}" for k in (one, two) for kind in ("series", "texts")), *tiles]
    )
    assert found["index"] == {"experiments": [{"k": "e", "page": "#e"}], "dropped": []}
    assert unpack(found["tables/e"])["runs"]["page"] == [f"#r-{one}", f"#r-{two}", ""]
    about = unpack(found[f"series/{one}"]["about"])
    assert about["page"] == f"#r-{one}"
    assert about["artifacts"] == [{"path": "a.png", "published": None, "reason": "not in this file"}]


def test_what_filters_ask_is_inside_and_goes_before_exact_points() -> None:
    files, parts = site_data("one", "two")
    head = {"parts": [["acc"], ["loss"]], "notes": 2}
    file = {"head": pack(head), "metrics": [{"last": [0.1] * 300}]}
    files["data/query/e.js"] = write_payload("query/e", file).encode()
    files["data/query/e-1.js"] = write_payload("query/e-1", {"metrics": [{"last": [0.1] * 300}]}).encode()
    files["data/query/e-2.js"] = write_payload("query/e-2", pack({"0": "a note"})).encode()
    document = bind(files, *parts)
    found = payloads(document)
    assert {name for name in found if name.startswith("query/")} == {"query/e", "query/e-1", "query/e-2"}
    assert found["query/e"] == file
    smaller = bind(files, *parts, max_mb=(len(document.text) - 200) / 2**20)
    names = payloads(smaller)
    assert not any(name.startswith("query/") for name in names)
    assert sum(name.startswith("tiles/") for name in names) == 4
    assert "what filters know beside the table" in smaller.text


def test_texts_are_inside_only_where_they_are_compared() -> None:
    files, parts = site_data("one")
    assert not any(name.startswith("texts/") for name in payloads(bind(files, *parts)))


def test_texts_then_exact_points_then_runs_are_left_out_the_last_run_first() -> None:
    files, parts = site_data("one", "two", "three")
    keys = [part.id.removeprefix("r-") for part in parts[1:]]
    size = len(bind(files, *parts, texts=True).text)
    seen = []
    for limit in range(size, 4000, -250):
        try:
            document = bind(files, *parts, texts=True, max_mb=limit / 2**20)
        except SiteError:
            break
        assert len(document.text.encode()) <= limit
        names = payloads(document)
        kinds = [
            [k for k in keys if any(f"{kind}/{k}" in name for name in names)] for kind in ("texts", "tiles", "series")
        ]
        seen.append(tuple(map(len, kinds)))
        assert kinds[1] == keys[: len(kinds[1])]
        assert kinds[2] == keys[: len(kinds[2])]
        assert [part.id in document.values("id") for part in parts[1:]] == [k in kinds[2] for k in keys]
        assert kinds[0] == [] or kinds[1] == keys
        assert kinds[1] == [] or kinds[2] == keys
    assert seen == sorted(seen, reverse=True)
    assert {(3, 3, 3), (0, 3, 3), (0, 0, 3), (0, 0, 0)} <= set(seen)


def test_a_report_of_runs_alone_keeps_its_first_run() -> None:
    files, parts = site_data("one", "two")
    with pytest.raises(SiteError):
        bind(files, *parts[1:], max_mb=0.002)
    document = bind(files, *parts[1:], max_mb=0.006)
    assert [part.id in document.values("id") for part in parts[1:]] == [True, False]


def test_payloads_never_end_a_script_and_come_back_as_they_were() -> None:
    value = {"a": "</script><!-- \u2028 é", "b": [1.5, None, True], "c": {"__proto__": "x"}}
    line = write_payload("texts/<k>", value)
    assert "<" not in line
    assert read_payload(line.encode()) == ("texts/<k>", value)
    assert unpack(pack(value)) == value
    assert (
        gzip.decompress(base64.b64decode(pack(value)))
        == json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    )


def test_payloads_are_not_changed_in_place() -> None:
    run = {"about": pack({"page": "a", "artifacts": []})}
    index = {"experiments": [{"k": "x", "page": "a"}], "dropped": []}
    before = json.dumps([run, index])
    place_run(run, {"b": "id"}, ())
    cut_index(index, {"x"}, {})
    assert json.dumps([run, index]) == before


def test_a_table_keeps_the_keys_that_stood_in_its_addresses() -> None:
    table = {"page": "e/x-eeeeeeeeee.html", "runs": {"page": ["r/a-aaaaaaaaaa.html", "r/b-bbbbbbbbbb.html"]}, "n": 2}
    made = unpack(place_table(pack(table), {"r/b-bbbbbbbbbb.html": "r-bbbbbbbbbb"}))
    assert made == {
        "page": "",
        "runs": {"k": ["aaaaaaaaaa", "bbbbbbbbbb"], "page": ["", "#r-bbbbbbbbbb"]},
        "n": 2,
    }


# ---- the command


class FakeSingle:
    """Stands in for `build_single`: keeps what it was called with."""

    def __init__(self) -> None:
        self.called: tuple[Any, ...] = ()
        self.options: dict[str, Any] = {}
        self.problems: tuple[Any, ...] = ()

    def __call__(self, *arguments: Any, **options: Any) -> SimpleNamespace:
        self.called, self.options = arguments, options
        return SimpleNamespace(file=arguments[1], runs=3, size_bytes=5 * 2**19, problems=self.problems, duration_s=1.24)


@pytest.fixture
def single(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeSingle:
    """Replace the making, and work in a folder with `runs/`."""
    fake = FakeSingle()
    module = ModuleType("reportgen.single")
    module.build_single = fake  # type: ignore[attr-defined]
    module.Request = Request  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "reportgen.single", module)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    return fake


def run(*arguments: str) -> Any:
    return CliRunner().invoke(main, ["build", *arguments], prog_name="reportgen")


def test_the_command_tells_what_it_wrote_and_where(single: FakeSingle) -> None:
    shown = run("runs", "--single-file", "report.html", "--run", "bee")
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.splitlines() == [
        "3 runs, no problems, one file of 2.5 MB, 1.2 s",
        Path("report.html").resolve().as_uri(),
    ]
    assert single.called == (("runs",), Path("report.html"), Request(run="bee"))
    assert {"max_mb", "max_runs"} & single.options.keys() == set()


def test_the_command_passes_its_options_on(single: FakeSingle) -> None:
    run(
        "a",
        "b",
        "--single-file",
        "r.html",
        "--compare",
        "x, y,z",
        "--max-mb",
        "0.5",
        "--title",
        "T",
        "--no-cache",
        "-q",
    )
    assert single.called == (("a", "b"), Path("r.html"), Request(compare=("x", "y", "z")))
    assert (single.options["max_mb"], single.options["use_cache"], single.options["progress"]) == (0.5, False, None)
    assert single.options["config"].title == "T"
    run("--single-file", "r.html", "--experiment", "", "--max-runs", "3")
    assert single.called == (("runs",), Path("r.html"), Request(experiment=""))
    assert single.options["max_runs"] == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--run", "x"), "--run goes with --single-file FILE"),
        (("--max-mb", "3"), "--max-mb goes with --single-file FILE"),
        (
            ("--single-file", "r.html"),
            "--single-file goes with exactly one of --experiment NAME, --run RUN and --compare",
        ),
        (("--single-file", "r.html", "--run", "x", "--experiment", "y"), "--single-file goes with exactly one of"),
        (("--single-file", "r.html", "--run", "x", "-o", "site"), "--single-file writes no site: leave out --output"),
        (("--single-file", "r.html", "--run", "x", "--max-mb", "0"), "0.0 is not in the range x>0"),
    ],
)
def test_options_that_say_nothing_together_are_refused(
    single: FakeSingle, arguments: Sequence[str], message: str
) -> None:
    shown = run(*arguments)
    assert shown.exit_code == 2
    assert message in shown.stderr
    assert single.called == ()


def test_strict_fails_after_the_file_is_written(single: FakeSingle) -> None:
    from reportgen.model import Problem

    single.problems = (Problem("digits/a/events.jsonl", "not JSON"),)
    shown = run("--single-file", "r.html", "--run", "x", "--strict")
    assert shown.exit_code == 1
    assert "problem: digits/a/events.jsonl: not JSON" in shown.stderr
    assert "1 problem in the data, and --strict is set" in shown.stderr
    assert shown.stdout.startswith("3 runs, 1 problem, one file")

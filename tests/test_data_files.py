"""The data files of built sites: each is what `reportgen.d.ts` says, names pages that are there, and is documented."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from reportgen.build import build
from reportgen.formats import short_key
from reportgen.site import urls
from reportgen.site.config import Config
from reportgen.site.data import unpack
from tests.browser import OpenPage, disk_address
from tests.contract import check_run, check_search, check_table, fields, names_of, read_file
from tests.sitefiles import read_document, read_heads, site_summaries
from tests.sourcelogs import T0, metrics_line, start_line, write_run
from tests.test_build import END, HOSTILE, hostile_run

DOC = (Path(__file__).parent.parent / "docs" / "data-format.md").read_text(encoding="utf-8")


def check_data(site: Path) -> None:
    """Assert that the data files of a site are whole, agree with each other, and name pages that are there."""
    summaries = {short_key(s.key): s for s in site_summaries(site)}
    index = read_file(site, "index")
    assert index.keys() == fields("SiteIndex")
    tables = {e["k"]: read_file(site, f"tables/{e['k']}") for e in index["experiments"]}
    assert names_of(site, "tables") == sorted(f"tables/{k}" for k in tables)
    for experiment in index["experiments"]:
        assert experiment.keys() == fields("SiteIndex.experiments")
        check_table(tables[experiment["k"]])
    assert sorted(k for table in tables.values() for k in table["runs"]["k"]) == sorted(summaries)
    assert names_of(site, "series") == sorted(f"series/{k}" for k in summaries)
    with_texts = set()
    for k, summary in summaries.items():
        run = read_file(site, f"series/{k}")
        facts = check_run(run)
        assert (run["key"], facts["k"], facts["params"]) == (summary.key, k, summary.params)
        with_texts |= {k} if facts["texts"] else set()
        texts = read_file(site, f"texts/{k}") if facts["texts"] else {}
        assert set(texts) == {a["path"] for a in facts["artifacts"] if a["text"]}
        assert all(text.keys() == {"text", "cut"} for text in texts.values())
        for long in run["long"]:
            tiles = [site / urls.tile_js(summary.key, long["series"], i) for i in range(long["tiles"])]
            assert {tile.exists() for tile in tiles} == {k not in index["dropped"]}
    assert names_of(site, "texts") == sorted(f"texts/{k}" for k in with_texts)
    (chunk,) = read_file(site, "search").values()
    search = unpack(chunk)
    check_search(search)
    assert len(search["runs"]["page"]) == len(summaries)
    named = [table["page"] for table in tables.values()] + [p for t in tables.values() for p in t["runs"]["page"]]
    named += [e["page"] for e in index["experiments"]] + search["runs"]["page"] + search["experiments"]["page"]
    assert [page for page in named if not (site / page).is_file()] == []


def write_odd_runs(root: Path) -> None:
    """Write runs with nothing in them, with NaN alone, with a text, and with names from hell."""
    write_run(root / "odd/empty", start_line("empty", experiment="odd"))
    write_run(root / "odd/nan", start_line("nan", experiment="odd", time=T0 + 1), metrics_line(0, loss="NaN"), END)
    content = "</script>\u2028 é\n"
    digest = hashlib.sha256(content.encode()).hexdigest()
    artifact = {
        "event": "artifact", "path": "__proto__", "sha256": digest, "media": "text/plain",
        "bytes": len(content.encode()),
    }  # fmt: skip
    folder = write_run(root / "odd/text", start_line("text", experiment="odd", time=T0 + 2), artifact, END).parent
    (folder / "artifacts").mkdir()
    (folder / "artifacts" / "__proto__").write_text(content, encoding="utf-8")
    points = {"event": "points", "metric": "long", "steps": list(range(5_000)), "values": [0.5] * 4_999 + ["Infinity"]}
    write_run(root / "odd/long", start_line("long", experiment="odd", time=T0 + 3), points, END)
    for number, name in enumerate(HOSTILE):
        write_run(root / f"e{number}" / "r", *hostile_run(name, number))


@pytest.fixture(scope="module")
def odd_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a site of odd runs."""
    folder = tmp_path_factory.mktemp("odd")
    write_odd_runs(folder / "runs")
    build([folder / "runs"], folder / "site", config=Config(), use_cache=False)
    return folder / "site"


def test_the_data_of_the_sample_site_are_what_scripts_expect(sample_site: Path) -> None:
    check_data(sample_site)


def test_the_data_of_odd_runs_are_what_scripts_expect(odd_site: Path) -> None:
    check_data(odd_site)
    texts = [text for name in names_of(odd_site, "texts") for text in read_file(odd_site, name).items()]
    assert texts == [("__proto__", {"text": "</script>\u2028 é\n", "cut": False})]


@pytest.mark.browser
def test_a_browser_reads_every_file_as_the_build_does(odd_site: Path, open_page: OpenPage) -> None:
    address = disk_address(odd_site)
    tables = [name.partition("/")[2] for name in names_of(odd_site, "tables")]
    with open_page(address) as watched:
        watched.open(address + urls.HOME)
        made = watched.evaluate(f"Promise.all({json.dumps(tables)}.map(reportgen.table))")
        assert made == [json.loads(json.dumps(read_file(odd_site, f"tables/{k}"))) for k in tables]
        assert watched.evaluate("reportgen.index()") == read_file(odd_site, "index")
        (chunk,) = read_file(odd_site, "search").values()
        assert watched.evaluate("reportgen.searchData()") == unpack(chunk)
        for name in (*names_of(odd_site, "series"), *names_of(odd_site, "texts")):
            payload = watched.evaluate(f"reportgen.load('{name}')")
            assert (unpack(payload) if isinstance(payload, str) else payload) == read_file(odd_site, name)
        assert watched.messages == []


# ---- the page that describes them


def shape_of(path: str) -> str:
    """Return a site path as the page writes it: `data/tables/<k>.js`."""
    path = re.sub(r"\b[0-9a-f]{32}\b", "<key>", path)
    path = re.sub(r"packs/.*-[0-9a-f]{10}\.", "packs/<name>-<digest>.", path)
    return re.sub(r"\b[a-z2-7]{10}\b(?=[-/.])", "<k>", path)


def test_every_data_file_of_a_site_is_described(sample_site: Path, odd_site: Path) -> None:
    files = [p.relative_to(site).as_posix() for site in (sample_site, odd_site) for p in (site / "data").rglob("*.*")]
    shapes = {re.sub(r"<k>/\d+-\d+", "<k>/<series>-<i>", shape_of(path)) for path in files}
    shapes = {re.sub(r"<k>-\d+", "<k>-<n>", shape) for shape in shapes}
    assert {shape for shape in shapes if f"`{shape}`" not in DOC} == set()


def section(title: str) -> str:
    """Return the part of the page under a heading."""
    return DOC.split(f"\n## {title}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize(
    ("title", "names"),
    [
        ("`data/index.js`", ["SiteIndex", "SiteIndex.experiments"]),
        (
            "`data/tables/<k>.js`",
            ["ExperimentTable", "ExperimentTable.runs", "ParamColumn", "MetricColumn", "ExperimentTable.spark"],
        ),
        ("`data/query/<k>.js`", ["QueryFile", "QueryHead", "QueryLists", "QueryPart"]),
        ("`data/search.js`", ["SearchData", "SearchData.experiments", "SearchData.runs"]),
        ("`data/series/<k>.js`", ["RunFile", "RunFile.blocks", "RunFile.long", "RunFacts", "RunFacts.code"]),
    ],
)
def test_every_field_is_described(title: str, names: list[str]) -> None:
    said = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]*)`", section(title)))))
    wanted: set[str] = set().union(*map(fields, names))
    assert wanted - said == set()


def test_every_key_of_site_json_is_described(odd_site: Path) -> None:
    said = set(re.findall(r"`(\w+)`", section("`data/site.json`")))
    assert set(read_document(odd_site)) <= said


def test_every_key_of_a_pack_is_described(odd_site: Path) -> None:
    said = set(re.findall(r"`(\w+)`", section("`data/packs/<name>-<digest>.jsonl.gz`")))
    (head,) = read_heads(odd_site)
    runs, experiments = head["runs"].values(), head["experiments"].values()
    assert {*head, *(key for entry in (*runs, *experiments) for key in entry)} <= said

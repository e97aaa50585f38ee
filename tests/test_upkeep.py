"""Corrections of runs in a site, runs that are forgotten, and runs that are let go of."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest

import reportgen as rg
from reportgen.analysis.retention import choose_pruned
from reportgen.build import BuildResult, build
from reportgen.cli import main
from reportgen.errors import QueryError, SiteError, SourceError
from reportgen.formats import run_key
from reportgen.site import urls
from reportgen.site.config import Config
from reportgen.upkeep import Correction, Retention, edit_site, find_pruned, prune_site
from tests.conftest import Ran, reportgen
from tests.contract import read_file
from tests.factories import START, make_summary
from tests.linkcheck import check_site
from tests.sitefiles import read_document, read_entries, site_summaries, write_document
from tests.sourcelogs import T0, metrics_line, start_line, write_run
from tests.test_append import keep_file
from tests.test_build import END
from tests.test_sample_site import contents, differing, states
from tests.webservers import files_of, serving

MARKUP = "<script>alert(1)</script>"
TOKEN = "ghp_" + "a1B2" * 9


def make(sources: list[Path], out: Path, **options: Any) -> BuildResult:
    return build(sources, out, config=Config(), cache_dir=out.parent / "cache", **options)


def edit(site: Path, *names: str, **options: Any) -> BuildResult:
    correction = Correction(options.pop("tags", {}), **options)
    return edit_site(site, names, correction, config=Config(), cache_dir=site.parent / "cache")[0]


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Return the folder of three logs; the first has tags, a note and an artifact, the last is a child of it."""
    root = tmp_path / "runs"
    for number, name in enumerate(("a", "b", "c")):
        folder = root / "digits" / name
        more = [
            {"event": "tags", "tags": {"status": "draft", "team": "one"}},
            {"event": "note", "text": "As *logged*."},
        ]
        kept = [keep_file(folder, "toy.txt", b"toy")] if name == "a" else []
        start = start_line(name, name=f"run {name}", experiment="digits", time=T0 + 60 * number)
        start |= {"parent": "a"} if name == "c" else {}
        write_run(folder, start, metrics_line(0, loss=1.0 - number / 4), *more[: 2 if name == "a" else 0], *kept, END)
    return root


@pytest.fixture
def site(logs: Path, tmp_path: Path) -> Path:
    make([logs], tmp_path / "site")
    return tmp_path / "site"


def summary_of(site: Path, name: str) -> Any:
    return next(s for s in site_summaries(site) if s.key == run_key(name))


def page_of(site: Path, name: str) -> str:
    return (site / urls.run_page(run_key(name), f"run {name}")).read_text(encoding="utf-8")


# ---- corrections


def test_a_correction_changes_what_is_shown_and_leaves_the_record(site: Path) -> None:
    record = (site / urls.record(run_key("a"))).read_bytes()
    result = edit(
        site, "run a", tags={"status": "final", "team": None, "reviewed": "yes"}, note="Trained on **old** data."
    )
    assert (result.added, result.lost, result.runs) == (0, 0, 3)
    assert (site / urls.record(run_key("a"))).read_bytes() == record
    own = summary_of(site, "a")
    assert own.tags == {"status": "final", "reviewed": "yes"}
    assert own.note == "Trained on old data. As logged."
    page = page_of(site, "a")
    assert "<strong>old</strong>" in page and "<em>logged</em>" in page
    assert "Corrected after the run:" in page and "the tag status was set, logged as “draft”" in page
    assert "the tag team was taken away, logged as “one”" in page and "the first note was added" in page
    assert "Corrected after" not in page_of(site, "b")
    assert json.loads((site / urls.EDITS).read_text()) == {
        "run": run_key("a"),
        "tags": {"reviewed": "yes", "status": "final", "team": None},
        "note": "Trained on **old** data.",
    }
    assert check_site(site, reachable=True) == []


def test_only_the_files_of_the_run_and_those_about_all_runs_change(site: Path) -> None:
    before = states(site)
    edit(site, "a", tags={"x": "1"})
    after = states(site)
    others = [path for path in before if path.startswith(("r/", "data/series/", "data/runs/", "a/"))]
    changed = {path for path in others if after[path] != before[path]}
    assert changed == {urls.run_page(run_key("a"), "run a"), urls.series_js(run_key("a"))}


def test_corrections_add_up_and_can_be_undone(site: Path, logs: Path, tmp_path: Path) -> None:
    before = contents(site)
    edit(site, "a", "b", tags={"x": "1"})
    edit(site, "a", tags={"y": "2"}, note="one")
    edit(site, "a", note="two")
    assert summary_of(site, "a").tags == {"status": "draft", "team": "one", "x": "1", "y": "2"}
    assert summary_of(site, "a").note == "two As logged."
    edit(site, "a", "b", undo=("x", "y"), note="")
    assert contents(site) == before
    assert not (site / urls.EDITS).exists()


def test_corrections_travel_with_the_site(site: Path, logs: Path, tmp_path: Path) -> None:
    edit(site, "a", tags={"x": "1"}, note="a note")
    edit(site, "b", forget=True)
    make([site], tmp_path / "copy")
    assert differing(site, tmp_path / "copy") == []
    make([logs], site, append=True)
    assert differing(site, tmp_path / "copy") == []
    with serving(files_of(site)) as server:
        build([server.url], tmp_path / "fetched", config=Config(), cache_dir=tmp_path / "cache")
        loaded = rg.load(server.url)
    assert differing(site, tmp_path / "fetched") == []
    for runs in (loaded, rg.load(site), rg.load([site, logs])):
        assert {summary.run_id for summary in runs.summaries} == {"a", "c"}
        assert runs.run("a").tags["x"] == "1"
        assert runs.run("a").notes.startswith("a note\n")


def test_a_build_that_would_drop_corrections_is_refused(site: Path, logs: Path) -> None:
    edit(site, "a", tags={"x": "1"})
    before = states(site)
    with pytest.raises(SiteError, match="would drop them: add --append"):
        make([logs], site)
    assert states(site) == before
    make([logs, site], site)
    assert summary_of(site, "a").tags["x"] == "1"
    (site / urls.EDITS).unlink()
    with pytest.raises(SiteError, match="is missing or was changed"):
        make([logs], site, append=True)


def test_corrections_of_two_sites_are_joined_whatever_their_order(logs: Path, tmp_path: Path) -> None:
    for name, tags in (("one", {"x": "1", "y": "1"}), ("two", {"x": "2", "z": "2"})):
        make([logs], tmp_path / name)
        edit(tmp_path / name, "a", tags=tags)
    edit(tmp_path / "two", "b", forget=True)
    make([tmp_path / "one", tmp_path / "two"], tmp_path / "joined")
    make([tmp_path / "two", tmp_path / "one"], tmp_path / "other")
    assert differing(tmp_path / "joined", tmp_path / "other") == []
    assert summary_of(tmp_path / "joined", "a").tags == {"status": "draft", "team": "one", "x": "2", "y": "1", "z": "2"}
    assert read_entries(tmp_path / "joined").keys() == {run_key("a"), run_key("c")}


def test_a_correction_is_redacted_and_cannot_run_as_script(site: Path) -> None:
    edit(site, "a", tags={MARKUP: MARKUP, "token": TOKEN}, note=f"{MARKUP} {TOKEN}")
    for path in site.rglob("*"):
        if path.is_file() and path.suffix in (".html", ".jsonl"):
            text = path.read_text(encoding="utf-8")
            assert TOKEN not in text
            assert path.suffix == ".jsonl" or MARKUP not in text
    assert check_site(site) == []


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"[]",
        b'{"run": "../x", "tags": {"a": "b"}}',
        b'{"run": "%s", "tags": {"a": 1}}' % run_key("a").encode(),
        b'{"run": "%s", "note": 7}' % run_key("a").encode(),
        b'{"run": "%s"}' % run_key("a").encode(),
    ],
)
def test_edits_of_another_site_count_in_their_shape_only(site: Path, tmp_path: Path, line: bytes) -> None:
    edit(site, "a", tags={"x": "1"})
    data = (site / urls.EDITS).read_bytes() + line + b"\n"
    (site / urls.EDITS).write_bytes(data)
    result = make([site], tmp_path / "copy")
    assert "a line has not the shape of an edit: it was skipped" in [p.message for p in result.problems]
    assert summary_of(tmp_path / "copy", "a").tags["x"] == "1"


def test_edits_that_were_changed_by_other_means_are_not_taken_for_ours(site: Path) -> None:
    edit(site, "a", tags={"x": "1"})
    (site / urls.EDITS).write_bytes(b"")
    with pytest.raises(SiteError, match=r"edits\.jsonl.* is missing or was changed"):
        edit(site, "a", tags={"x": "2"})


# ---- runs that are forgotten


def test_a_forgotten_run_leaves_its_key_alone(site: Path, logs: Path) -> None:
    before = contents(site)
    result = edit(site, "a", forget=True)
    assert (result.lost, result.runs) == (1, 2)
    assert (site / urls.EDITS).read_bytes() == b'{"run":"%s","forgotten":true}\n' % run_key("a").encode()
    gone = before.keys() - contents(site).keys()
    assert {urls.record(run_key("a")), urls.run_page(run_key("a"), "run a"), urls.series_js(run_key("a"))} <= gone
    assert [path for path in gone if path.startswith("a/")]
    left = b"".join(p.read_bytes() for p in site.rglob("*") if p.is_file() and p.suffix in (".html", ".json", ".csv"))
    assert b"run a<" not in left and run_key("a").encode() not in left
    assert check_site(site, reachable=True) == []
    again = make([logs], site, append=True)
    assert (again.added, again.forgotten, again.written) == (0, 1, 0)


def test_forgetting_takes_the_corrections_along(site: Path) -> None:
    edit(site, "a", tags={"secret": "name"}, note="a note")
    edit(site, "a", forget=True)
    assert b"secret" not in (site / urls.EDITS).read_bytes()


def test_a_site_whose_runs_are_all_forgotten_is_empty_and_still_a_site(site: Path, logs: Path) -> None:
    edit(site, "a", "b", "c", forget=True)
    assert read_entries(site) == {}
    assert list(read_file(site, "search")) == ["mixed-0"]
    assert check_site(site) == []
    write_run(logs / "digits" / "d", start_line("d"), metrics_line(0, loss=1.0), END)
    assert make([logs], site, append=True).runs == 1


@pytest.mark.parametrize("which", ["first", "other"])
def test_histories_of_one_id_are_forgotten_in_a_way_that_copies_and_additions_keep(tmp_path: Path, which: str) -> None:
    parts = [tmp_path / name for name in ("one", "two")]
    for number, root in enumerate(parts):
        write_run(root / "digits" / "a", start_line("a"), metrics_line(0, loss=1.0 + number), END)
    site = tmp_path / "site"
    make(parts, site)
    (other,) = (key for key, entry in read_entries(site).items() if "twin_of" in entry)
    edit(site, other, note="a note")
    result = edit(site, run_key("a") if which == "first" else other, forget=True)
    left = set() if which == "first" else {run_key("a")}
    assert (result.lost, read_entries(site).keys()) == (2 - len(left), left)
    assert b"a note" not in (site / urls.EDITS).read_bytes()
    make([site], tmp_path / "copy")
    assert differing(site, tmp_path / "copy") == []
    again = make(parts, site, append=True)
    assert (again.added, read_entries(site).keys()) == (0, left)
    build([], site, config=Config(title="Other"), append=True, cache_dir=tmp_path / "cache")
    assert read_entries(site).keys() == left


def test_a_site_that_hears_of_a_forgotten_id_lets_go_of_all_its_histories(tmp_path: Path) -> None:
    parts = [tmp_path / name for name in ("one", "two")]
    for number, root in enumerate(parts):
        write_run(root / "digits" / "a", start_line("a"), metrics_line(0, loss=1.0 + number), END)
    make(parts, tmp_path / "site")
    make(parts[:1], tmp_path / "other")
    edit(tmp_path / "other", "a", forget=True)
    result = make([tmp_path / "other"], tmp_path / "site", append=True)
    assert (result.lost, result.runs) == (2, 0)


def test_a_damaged_record_can_be_given_up(site: Path, logs: Path, tmp_path: Path) -> None:
    (site / urls.record(run_key("b"))).write_bytes(b"x")
    with pytest.raises(SiteError, match=r"RUN --forget"):
        make([logs], site, append=True)
    result = edit(site, "b", forget=True)
    assert (result.runs, result.lost) == (2, 1)
    assert make([logs], site, append=True).runs == 2


def test_runs_that_no_name_means_are_an_error(site: Path) -> None:
    before = states(site)
    with pytest.raises(SourceError, match="no run is called 'x'"):
        edit(site, "a", "x", forget=True)
    with pytest.raises(SiteError, match="is no site of reportgen"):
        edit(site.parent / "runs", "a", forget=True)
    assert states(site) == before


def test_a_run_is_edited_by_what_it_is(site: Path) -> None:
    edit(site, "latest", tags={"newest": "yes"})
    assert summary_of(site, "c").tags == {"newest": "yes"}


# ---- runs that are let go of


def runs_of(**starts: float) -> list[Any]:
    return [make_summary(name, run_id=name, start_time=START + at, duration_s=1.0) for name, at in starts.items()]


def pruned(runs: list[Any], matching: str = "", **rules: Any) -> set[str]:
    keys = {run.key for run in runs if not matching or run.name in matching}
    names = {run.key: run.name for run in runs}
    return {names[key] for key in choose_pruned(runs, keys, **{"now": START + 1_000, **rules})}


def test_the_newest_of_each_experiment_stay() -> None:
    runs = [*runs_of(a=0, b=1, c=2), make_summary("x", run_id="x", experiment="other", start_time=START - 9)]
    assert pruned(runs, keep=2) == {"a"}
    assert pruned(runs, keep=0) == {"a", "b", "c", "x"}
    assert pruned(runs, keep=9) == set()


def test_a_run_stays_when_either_rule_says_so() -> None:
    day = 86_400.0
    runs = runs_of(a=-9 * day, b=-5 * day, c=0)
    assert pruned(runs, keep_days=1) == {"a", "b"}
    assert pruned(runs, keep=2, keep_days=1) == {"a"}
    assert pruned(runs, keep=1, keep_days=6) == {"a"}
    assert pruned(runs, keep_days=1, now=START + 99 * day) == {"a", "b", "c"}


def test_only_runs_that_the_filter_finds_go() -> None:
    runs = runs_of(a=0, b=1, c=2)
    assert pruned(runs, "ac", keep=1) == {"a"}
    assert pruned(runs, "b") == {"b"}


def test_the_parents_of_runs_that_stay_do() -> None:
    top = make_summary("top", run_id="top", start_time=START)
    middle = make_summary("middle", run_id="middle", start_time=START + 1, parent_id="top")
    leaf = make_summary("leaf", run_id="leaf", start_time=START + 9, parent_id="middle")
    lone = make_summary("lone", run_id="lone", start_time=START + 2)
    loop = make_summary("loop", run_id="loop", start_time=START + 3, parent_id="loop")
    assert pruned([top, middle, leaf, lone, loop], keep=1) == {"lone", "loop"}


def test_histories_of_one_id_go_together() -> None:
    one = make_summary("a", run_id="a", start_time=START)
    other = replace(one, key="f" * 32, start_time=START + 1)
    assert pruned([one, other], keep=1) == set()
    assert choose_pruned([one, other], {one.key}, now=START) == frozenset()
    assert choose_pruned([one, other], {one.key, other.key}, now=START) == {one.key, other.key}


def test_a_pruned_site_is_that_of_the_runs_that_are_left(site: Path, logs: Path, tmp_path: Path) -> None:
    result = prune_site(site, Retention(filter="run_name = 'run b'"), config=Config(), cache_dir=tmp_path / "cache")
    assert (result.lost, result.runs) == (1, 2)
    make([logs / "digits" / "a", logs / "digits" / "c"], tmp_path / "clean")
    assert differing(tmp_path / "clean", site) == []
    assert make([logs], site, append=True).added == 1


def test_a_child_whose_parent_goes_says_it_by_its_id(site: Path, logs: Path, tmp_path: Path) -> None:
    edit(site, "a", forget=True)
    shutil.rmtree(logs / "digits" / "a")
    make([logs], tmp_path / "clean")
    assert page_of(site, "c") == page_of(tmp_path / "clean", "c")


def test_what_would_go_is_told_without_a_change(site: Path) -> None:
    before = states(site)
    assert [run.run_id for run in find_pruned(site, Retention(keep=2), config=Config())] == []  # the parent of the last
    assert [run.run_id for run in find_pruned(site, Retention(keep=1), config=Config())] == ["b"]
    with pytest.raises(QueryError):
        find_pruned(site, Retention(filter="nonsense ="), config=Config())
    assert states(site) == before


# ---- the commands


def run(site: Path, *arguments: str) -> Ran:
    return reportgen(*arguments, cwd=site.parent)


def test_the_command_edit(site: Path) -> None:
    ran = run(site, "edit", "site", "run a", "--tag", "x=1=2", "--remove-tag", "team", "--note", "n")
    assert ran.status == 0, ran.err
    assert ran.out.startswith("corrected digits/run a (a)\n0 runs added, 3 carried over, ")
    assert summary_of(site, "a").tags == {"status": "draft", "x": "1=2"}
    ran = run(site, "edit", "site", "b", "--forget")
    assert ran.out.startswith("forgotten digits/run b (b)\n0 runs added, 2 carried over, 1 run removed, ")
    for wrong in (("a",), ("a", "--tag", "x"), ("a", "--forget", "--note", "x"), ("--forget",)):
        assert run(site, "edit", "site", *wrong).status == 2
    ran = run(site, "edit", "site", "zzz", "--note", "x")
    assert (ran.status, "no run is called 'zzz'" in ran.err) == (1, True)


def test_the_command_prune(site: Path) -> None:
    ran = run(site, "prune", "site", "--keep", "1", "--dry-run")
    assert (ran.status, ran.out, ran.err) == (0, "digits/run b (b)\n", "1 run would go\n")
    assert run(site, "prune", "site").status == 2
    assert run(site, "prune", "site", "--keep-days", "1", "--now", "yesterday").status == 2
    assert run(site, "prune", "site", "--keep-days", "nan").status == 2
    ran = run(site, "prune", "site", "--keep", "1")
    assert ran.out.startswith("0 runs added, 2 carried over, 1 run removed, ")
    assert run(site, "prune", "runs", "--keep", "1").status == 1


def test_a_site_of_another_version_is_made_anew_when_it_is_edited(site: Path) -> None:
    write_document(site, {**read_document(site), "stamp": ""})
    ran = run(site, "edit", "site", "a", "--note", "n")
    assert "every page is made again" in ran.err
    assert ran.status == 0


@pytest.mark.parametrize("name", ["edit", "prune"])
def test_every_example_is_understood(name: str) -> None:
    group = click.Context(main, **main.context_settings)
    command = main.get_command(group, name)
    assert command is not None
    doc = (Path(__file__).parent.parent / "docs" / "cli.md").read_text(encoding="utf-8")
    lines = re.findall(rf"(?m)^\$ (reportgen {name}\b.*)", doc)
    lines += re.findall(rf"(?m)^ *(reportgen {name} .*?)(?:   .*)?$", command.epilog or "")
    assert len(lines) > 5
    for line in lines:
        command.make_context(name, shlex.split(line)[2:], parent=group)

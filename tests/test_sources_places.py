"""One run in several places: logs, copies and built sites; which history stands, and which artifacts are published."""

from __future__ import annotations

import gzip
import hashlib
import itertools
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from reportgen.errors import SourceError
from reportgen.formats import run_key
from reportgen.sources import ArtifactLimits, ReadRun, discover, encode_record, fingerprint, read_run
from reportgen.sources.packs import RunEntry, record_path
from reportgen.sources.statcache import StatCache
from tests.sitefiles import change_packs, pack_files, read_entries, write_document, write_pack
from tests.sourcelogs import LATER, T0, metrics_line, start_line, write_run

END = {"event": "end", "status": "FINISHED", "time": T0 + 600}


def read_all(*sources: Path, **limits: Any) -> list[ReadRun]:
    refs = discover(sources, cache=StatCache(None)).runs
    return [read for ref in refs for read in read_run(ref, limits=ArtifactLimits(**limits))]


def make_site(folder: Path, reads: Sequence[ReadRun], **more: Any) -> Path:
    """Write what a build leaves of runs for the next reader: records, artifacts, `data/site.json`."""
    (folder / "data" / "runs").mkdir(parents=True)
    (folder / "a").mkdir()
    runs = {}
    first = reads[0].run.summary.key if reads else ""
    for read in reads:
        key, record = read.run.summary.key, encode_record(read.run)
        (folder / "data" / "runs" / f"{key}.jsonl.gz").write_bytes(record)
        summary = read.run.summary
        entry = RunEntry(
            key=key,
            run_id=summary.run_id,
            experiment=summary.experiment,
            name=summary.name,
            parent_id=summary.parent_id,
            start_time=summary.start_time,
            sources=read.fingerprint,
            stamp="",
            files={record_path(key): hashlib.sha256(record).hexdigest()},
            twin_of="" if summary.run_id != reads[0].run.summary.run_id or key == first else first,
        )
        runs[key] = entry.describe()
        for artifact in read.run.artifacts:
            if artifact.published:
                shutil.copy(read.artifact_files[artifact.path], folder / artifact.published)
    document = {"format": 1, "reportgen": "0.1.0", "packs": {}, "files": {}, "problems": []}
    write_document(folder, document | more)
    write_pack(folder, "mixed-0", runs)
    return folder


def describe(reads: Sequence[ReadRun]) -> list[tuple[str, bytes, str, tuple[str, ...]]]:
    return [(r.run.summary.key, encode_record(r.run), repr(r.run), r.fingerprint) for r in reads]


def artifact_line(path: str, data: bytes, **fields: Any) -> dict[str, Any]:
    digest = hashlib.sha256(data).hexdigest()
    return {"event": "artifact", "path": path, "bytes": len(data), "sha256": digest, "media": "text/plain"} | fields


def keep_artifact(run: Path, path: str, data: bytes) -> None:
    file = run / "artifacts" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)


# ---- histories


FULL = [
    start_line(),
    {"event": "params", "params": {"lr": 1}},
    *(metrics_line(i, a=i / 2, b=1.0) for i in range(6)),
    END,
]


@pytest.mark.parametrize("length", range(1, len(FULL)))
def test_a_longer_history_replaces_a_shorter_one_whatever_the_order(tmp_path: Path, length: int) -> None:
    write_run(tmp_path / "one" / "digits" / "r1", *FULL)
    write_run(tmp_path / "two" / "digits" / "r1", *FULL[:length], b'{"torn')
    alone = describe(read_all(tmp_path / "one"))
    for order in itertools.permutations([tmp_path / "one", tmp_path / "two"]):
        (read,) = read_all(*order)
        assert describe([read])[0][:3] == alone[0][:3]
        assert read.run.summary.problems == ()


def test_unknown_sessions_are_added(tmp_path: Path) -> None:
    write_run(tmp_path / "one" / "r1", start_line(), metrics_line(0, a=1.0))
    write_run(tmp_path / "two" / "r1", start_line(session=LATER), metrics_line(1, a=2.0), END)
    (read,) = read_all(tmp_path / "one", tmp_path / "two")
    assert [s.status for s in read.run.sessions] == ["interrupted", "finished"]
    assert read.run.series["a"][0].values.tolist() == [1.0, 2.0]


def conflict(tmp_path: Path) -> list[Path]:
    roots = [tmp_path / name for name in ("one", "two", "three")]
    write_run(roots[0] / "digits" / "r1", *FULL)
    write_run(roots[1] / "digits-copy" / "r1", *FULL[:3], metrics_line(1, a=99.0))
    write_run(roots[2] / "digits" / "r1", *FULL[:4])
    return roots


def test_histories_that_contradict_each_other_are_both_kept_and_said(tmp_path: Path) -> None:
    one, two = read_all(*conflict(tmp_path))
    assert one.run.summary.key == run_key("r1")
    assert two.run.summary.key != one.run.summary.key
    assert one.run.series["a"][0].values.tolist() == [0.0, 0.5, 1.0, 1.5, 2.0, 2.5]
    assert two.run.series["a"][0].values.tolist() == [0.0, 99.0]
    for read in (one, two):
        (problem,) = read.run.summary.problems
        assert "'digits-copy/r1/events.jsonl' and 'digits/r1/events.jsonl'" in problem.message
        assert read.fingerprint == one.fingerprint


def test_which_of_two_histories_comes_first_does_not_depend_on_the_order_of_the_sources(tmp_path: Path) -> None:
    roots = conflict(tmp_path)
    found = {repr(describe(read_all(*order))) for order in itertools.permutations(roots)}
    assert len(found) == 1


def test_a_site_of_contradicting_histories_is_read_as_it_was_built(tmp_path: Path) -> None:
    roots = conflict(tmp_path)
    reads = read_all(*roots)
    site = make_site(tmp_path / "site", reads)
    assert describe(read_all(site)) == describe(reads)
    assert describe(read_all(site, *roots)) == describe(reads)
    assert describe(read_all(roots[1], site)) == describe(reads)


@pytest.mark.parametrize("value", [99.0, 98.0, 97.0, 96.0])
def test_a_contradicting_history_keeps_its_key_when_its_steps_were_counted(tmp_path: Path, value: float) -> None:
    write_run(tmp_path / "one" / "r1", start_line(), metrics_line(None, a=1.0), metrics_line(None, a=2.0))
    write_run(tmp_path / "two" / "r1", start_line(), metrics_line(None, a=1.0), metrics_line(None, a=value))
    reads = read_all(tmp_path / "one", tmp_path / "two")
    assert len(reads) == 2
    assert describe(read_all(make_site(tmp_path / "site", reads))) == describe(reads)


def test_only_the_contradicting_session_is_told_apart(tmp_path: Path) -> None:
    other = start_line(session=LATER), metrics_line(9, a=9.0)
    write_run(tmp_path / "one" / "r1", *FULL)
    write_run(tmp_path / "one" / "r1", *other, name="events.1.jsonl")
    write_run(tmp_path / "two" / "r1", *FULL[:2], metrics_line(0, a=7.0))
    one, two = read_all(tmp_path / "one", tmp_path / "two")
    assert (one.run.summary.sessions, two.run.summary.sessions) == (2, 1)


# ---- sites


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    root = tmp_path / "runs"
    run = root / "digits" / "r1"
    write_run(
        run,
        start_line(),
        b"{torn\n",
        {"event": "metrics", "metrics": {"a": 1.0, "b": "NaN"}},
        metrics_line(None, a=2.0),
        {"event": "params", "params": {"key": "ghp_" + "a1B2" * 9}},
        artifact_line("plots/x.svg", b"<svg/>"),
        artifact_line("missing.txt", b"gone"),
        artifact_line("large.bin", b"x" * 3000),
        {"event": "lost", "calls": 2},
        {"event": "later", "x": [1]},
    )
    write_run(run, start_line(rank=1), metrics_line(0, a=5.0), END, name="events.1.jsonl")
    keep_artifact(run, "plots/x.svg", b"<svg/>")
    keep_artifact(run, "large.bin", b"x" * 3000)
    write_run(root / "digits" / "r2", start_line("r2"), *FULL[2:5])
    return root


def test_a_site_gives_the_same_runs_as_the_logs_that_it_was_built_from(tmp_path: Path, logs: Path) -> None:
    reads = read_all(logs, max_bytes=2000)
    assert {a.path: (a.published is None, a.reason) for a in reads[0].run.artifacts + reads[-1].run.artifacts} == {
        "plots/x.svg": (False, ""),
        "missing.txt": (True, "file is missing"),
        "large.bin": (True, "over 0.00190735 MB"),
    }
    site = make_site(tmp_path / "site", reads)
    again = read_all(site, max_bytes=2000)
    assert describe(again) == describe(reads)
    assert describe(read_all(make_site(tmp_path / "site2", again), max_bytes=2000)) == describe(reads)
    for sources in ((site, logs), (logs, site), (site, logs / "digits" / "r2")):
        assert describe(read_all(*sources, max_bytes=2000)) == describe(reads)


def test_a_run_goes_on_from_its_site(tmp_path: Path) -> None:
    write_run(tmp_path / "one" / "r1", start_line(), metrics_line(None, a=1.0), metrics_line(None, a=2.0))
    site = make_site(tmp_path / "site", read_all(tmp_path / "one"))
    write_run(tmp_path / "two" / "r1", start_line(session=LATER), metrics_line(None, a=3.0))
    (read,) = read_all(site, tmp_path / "two")
    assert read.run.series["a"][0].steps.tolist() == [0, 1, 2]
    (grown,) = read_all(site, write_run(tmp_path / "one" / "r1", start_line(), *[metrics_line(None, a=1.0)] * 1).parent)
    assert grown.run.series["a"][0].values.tolist() == [1.0, 2.0]


def test_an_artifact_that_turns_up_takes_its_problem_away(tmp_path: Path, logs: Path) -> None:
    site = make_site(tmp_path / "site", read_all(logs))
    keep_artifact(logs / "digits" / "r1", "missing.txt", b"gone")
    (read,) = [r for r in read_all(site, logs) if r.run.summary.run_id == "r1"]
    assert {a.path for a in read.run.artifacts if a.published} == {"plots/x.svg", "missing.txt", "large.bin"}
    assert not any("missing.txt" in p.message for p in read.run.summary.problems)


def test_the_problems_of_a_site_that_belong_to_no_run_are_kept(tmp_path: Path) -> None:
    problem = {"where": "e/r/events.jsonl", "message": "m", "hint": "h", "line": None, "count": 2}
    site = make_site(tmp_path / "site", [], problems=[problem, 1, {"where": 1}, {**problem, "line": "x", "count": -1}])
    found = discover([site], cache=StatCache(None))
    assert [(p.where, p.line, p.count) for p in found.problems] == [
        ("e/r/events.jsonl", None, 1),
        ("e/r/events.jsonl", None, 2),
    ]


def test_a_warm_cache_reads_only_the_index_of_a_site(
    tmp_path: Path, logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = make_site(tmp_path / "site", read_all(logs))
    for path in (site / "data" / "runs").iterdir():
        os.utime(path, (T0, T0))
    cache = StatCache(None)
    first = discover([site], cache=cache)
    monkeypatch.setattr("reportgen.sources.site.open_regular", lambda *a: pytest.fail("a record was opened"))
    assert discover([site], cache=cache) == first
    from_logs = discover([logs], cache=cache)
    assert [fingerprint(ref, cache) for ref in first.runs] == [fingerprint(ref, cache) for ref in from_logs.runs]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (b"", "is not JSON"),
        (b"\xff", "is not JSON"),
        (b"[]", "does not describe"),
        (b'{"format":1,"packs":[]}', "does not describe"),
        (b'{"format":2,"reportgen":"9.1","packs":{}}', "newer than 1: pip install -U 'reportgen>=9.1'"),
        (b'{"format":"1; rm -rf /","reportgen":"$(x)","packs":{}}', "pip install -U 'reportgen'"),
    ],
)
def test_an_index_that_cannot_be_read_is_an_error(tmp_path: Path, document: bytes, expected: str) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "site.json").write_bytes(document)
    with pytest.raises(SourceError, match=re.escape(expected)):
        discover([tmp_path], cache=StatCache(None))


@pytest.mark.parametrize(
    "key", ["../../../etc/passwd", "/etc/passwd", "a" * 31, "A" * 32, "", "." * 32, "a" * 31 + "\n"]
)
def test_a_key_that_is_none_opens_nothing(
    tmp_path: Path, logs: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = make_site(tmp_path / "site", read_all(logs)[:1])
    (entry,) = read_entries(site).values()
    files = {f"data/runs/{key}.jsonl.gz": "0" * 64, "../../secret": "0" * 64}
    write_pack(site, "mixed-0", {key: {**entry, "files": files}})
    found = discover([site], cache=StatCache(None))
    assert found.runs == ()
    assert [p.message for p in found.problems] == ["an entry has not the shape of a run: it was skipped"]


@pytest.mark.parametrize("where", ["data", "data/runs", "data/packs", "data/site.json", "record", "a"])
def test_links_in_a_site_are_not_followed(tmp_path: Path, logs: Path, where: str) -> None:
    site = make_site(tmp_path / "site", read_all(logs))
    path = next((site / "data" / "runs").iterdir()) if where == "record" else site / where
    path.rename(tmp_path / "moved")
    path.symlink_to(tmp_path / "moved")
    try:
        found = discover([site], cache=StatCache(None))
    except SourceError:
        assert where in ("data", "data/packs", "data/site.json")
        return
    if where == "a":
        reads = [read for ref in found.runs for read in read_run(ref)]
        assert all(read.artifact_files == {} for read in reads)
    else:
        assert len(found.runs) == (1 if where == "record" else 0)
        assert len(found.problems) == 1


def test_a_record_that_was_changed_is_read_and_said(tmp_path: Path, logs: Path) -> None:
    site = make_site(tmp_path / "site", read_all(logs)[:1])
    (path,) = (site / "data" / "runs").iterdir()
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), 1))
    (read,) = read_all(site)
    assert any("not the one that the site was built with" in p.message for p in read.run.summary.problems)


@pytest.mark.parametrize(
    "content",
    [b"", b"no gzip", gzip.compress(b"", mtime=0), gzip.compress(b"\0" * (64 << 20))],
    ids=["empty", "no gzip", "packed nothing", "bomb"],
)
def test_a_record_without_a_readable_line_is_a_problem(tmp_path: Path, logs: Path, content: bytes) -> None:
    site = make_site(tmp_path / "site", read_all(logs)[:1])
    (path,) = (site / "data" / "runs").iterdir()
    path.write_bytes(content)
    found = discover([site], cache=StatCache(None))
    assert found.runs == ()
    assert [p.message for p in found.problems] == ["no line of the record can be read"]


def test_what_a_site_claims_of_its_sources_is_taken_only_in_its_shape(tmp_path: Path, logs: Path) -> None:
    site = make_site(tmp_path / "site", read_all(logs)[:1])
    (key,) = read_entries(site)
    good = "a" * 64 + " digits/r1/events.jsonl"
    sources = [good, 1, "x", "../..", good + "\n<script>", "b" * 64]
    change_packs(site, lambda head: head["runs"][key].update(sources=sources))
    (ref,) = discover([site], cache=StatCache(None)).runs
    assert ref.places[0].sources == (good,)


@pytest.mark.parametrize(
    "wrong",
    [
        {"twin_of": "../x"},
        {"files": {}},
        {"files": None},
        {"start": None},
        {"id": 7},
        {"dropped": {"x": -1}},
        {"stamp": []},
    ],
)
def test_an_entry_of_another_shape_is_skipped_and_said(tmp_path: Path, logs: Path, wrong: dict[str, Any]) -> None:
    site = make_site(tmp_path / "site", read_all(logs)[:1])
    (key,) = read_entries(site)
    change_packs(site, lambda head: head["runs"][key].update(wrong))
    found = discover([site], cache=StatCache(None))
    assert found.runs == ()
    assert [(p.message, p.count) for p in found.problems] == [
        ("an entry has not the shape of a run: it was skipped", 1)
    ]


@pytest.mark.parametrize(
    "content", [None, b"", b"no gzip", gzip.compress(b"[]", mtime=0), gzip.compress(b"{}", mtime=0)]
)
def test_a_pack_that_is_missing_or_another_is_an_error(tmp_path: Path, logs: Path, content: bytes | None) -> None:
    site = make_site(tmp_path / "site", read_all(logs))
    (file,) = pack_files(site)
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SourceError, match=r"is not whole: '.*' is missing or not what data/site\.json lists"):
        discover([site], cache=StatCache(None))


# ---- artifacts


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "digits" / "r1"


def published(run: Path, *lines: Mapping[str, Any], **limits: Any) -> tuple[dict[str, str], ReadRun]:
    """Return artifact path -> site path or reason."""
    write_run(run, start_line(), *lines)
    (read,) = read_all(run, **limits)
    return {a.path: a.published or a.reason for a in read.run.artifacts}, read


def test_an_artifact_is_published_under_its_digest(run: Path) -> None:
    keep_artifact(run, "a/b.PNG", b"png")
    keep_artifact(run, "page.html", b"<b>")
    found, read = published(run, artifact_line("a/b.PNG", b"png"), artifact_line("page.html", b"<b>"))
    digest = hashlib.sha256(b"png").hexdigest()[:20]
    assert found == {"a/b.PNG": f"a/{digest}.png", "page.html": f"a/{hashlib.sha256(b'<b>').hexdigest()[:20]}.html.txt"}
    assert read.artifact_files == {name: str(run / "artifacts" / name) for name in ("a/b.PNG", "page.html")}
    assert read.run.summary.problems == ()


@pytest.mark.parametrize(
    "name",
    ["../../../../secret", "/etc/passwd", "..", "a/../../x", "C:\\x", "a\\..\\b", "a\0b", "", ".", "a//b", "x/."],
)
def test_a_name_that_leaves_the_folder_is_never_opened(run: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    keep_artifact(run, "x", b"fine")
    found, read = published(run, artifact_line(name, b"secret"))
    assert read.artifact_files == {}
    assert next(iter(found.values())) in (
        "its name leaves the run's folder",
        "file is missing",
        "it is no regular file",
    )
    assert len(read.run.summary.problems) == 1


def test_links_pipes_and_folders_are_not_published(run: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    keep_artifact(run, "folder/x", b"x")
    (run / "artifacts" / "link").symlink_to(tmp_path / "secret")
    (run / "artifacts" / "linked").symlink_to(tmp_path)
    os.mkfifo(run / "artifacts" / "pipe")
    names = ("link", "linked/secret", "pipe", "folder")
    found, read = published(run, *(artifact_line(name, b"secret") for name in names))
    assert found == {
        "link": "file is missing",  # a link is not followed, wherever it leads
        "linked/secret": "file is missing",
        "pipe": "it is no regular file",
        "folder": "it is no regular file",
    }
    assert read.artifact_files == {}
    assert len(read.run.summary.problems) == 4


def test_a_changed_artifact_is_not_published(run: Path) -> None:
    keep_artifact(run, "x.txt", b"changed")
    found, read = published(run, artifact_line("x.txt", b"logged"))
    assert found == {"x.txt": "its content is not what was logged"}
    assert "x.txt" in read.run.summary.problems[0].message


def test_what_is_not_wanted_in_the_site_is_no_problem(run: Path) -> None:
    for name in ("big", "out.ckpt", "in.png"):
        keep_artifact(run, name, b"x" * (50 if name == "big" else 5))
    lines = [artifact_line(name, b"x" * (50 if name == "big" else 5)) for name in ("big", "out.ckpt", "in.png")]
    lines.append({"event": "artifact", "path": "ref", "media": "x/y", "copied": False, "source": "s3://x"})
    found, read = published(run, *lines, max_bytes=40, exclude=("*.ckpt",))
    assert found["big"].startswith("over ")
    assert (found["out.ckpt"], found["ref"]) == ("excluded by the configuration", "kept by reference")
    assert found["in.png"].startswith("a/")
    assert read.run.summary.problems == ()
    found, _ = published(run, *lines, include=("in*",))
    assert found["big"] == "not among the artifacts to publish"


def test_a_file_larger_than_was_logged_is_not_read(run: Path) -> None:
    keep_artifact(run, "x", b"x" * 5000)
    found, read = published(run, artifact_line("x", b"small"), max_bytes=100)
    assert found == {"x": "over the size limit"}
    assert any(mark.startswith("bytes:5000 x") for mark in read.fingerprint)


def test_artifacts_of_a_site_are_found_by_their_digest(tmp_path: Path, run: Path) -> None:
    keep_artifact(run, "x.txt", b"data")
    _, read = published(run, artifact_line("x.txt", b"data"))
    site = make_site(tmp_path / "site", [read])
    (file,) = (site / "a").iterdir()
    file.rename(file.with_suffix(".bin"))
    (again,) = read_all(site)
    assert again.artifact_files == {"x.txt": str(file.with_suffix(".bin"))}
    file.with_suffix(".bin").write_bytes(b"changed")
    (again,) = read_all(site)
    assert again.artifact_files == {}
    assert "file is missing" in again.run.summary.problems[0].message

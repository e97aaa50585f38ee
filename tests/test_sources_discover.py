"""Finding runs in folders: what is a run, what is skipped and said, and that content chooses no path."""

from __future__ import annotations

import gzip
import itertools
import os
from pathlib import Path
from typing import Any

import pytest

from reportgen.errors import SourceError
from reportgen.formats import run_key
from reportgen.sources import Discovery, ReadRun, discover, fingerprint, read_run
from reportgen.sources import runs as runs_module
from reportgen.sources.statcache import StatCache
from tests.sourcelogs import LATER, T0, make_log, metrics_line, start_line, write_run


def find(*sources: Path | str) -> Discovery:
    return discover(sources, cache=StatCache(None))


def read_all(*sources: Path | str) -> list[ReadRun]:
    return [read for ref in find(*sources).runs for read in read_run(ref)]


def messages(found: Discovery) -> list[str]:
    return [problem.message for problem in found.problems]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for run in ("r1", "r2"):
        write_run(tmp_path / "runs" / "digits" / run, start_line(run), metrics_line(0, a=1.0))
    write_run(tmp_path / "runs" / "wine" / "r3", start_line("r3", experiment="Wine!", parent="r1"))
    return tmp_path / "runs"


def test_runs_are_found_below_a_root_an_experiment_a_run_and_in_a_file(root: Path) -> None:
    assert [r.run_id for r in find(root).runs] == sorted(("r1", "r2", "r3"), key=run_key)
    assert {r.run_id for r in find(root / "digits").runs} == {"r1", "r2"}
    for source in (root / "digits" / "r1", root / "digits" / "r1" / "events.jsonl"):
        (ref,) = find(source).runs
        assert (ref.key, ref.run_id, ref.experiment, ref.name) == (run_key("r1"), "r1", "digits", "brave-otter-17")
        assert [file.label for file in ref.places[0].files] == ["digits/r1/events.jsonl"]


def test_a_reference_tells_the_parent(root: Path) -> None:
    assert {ref.run_id: ref.parent_id for ref in find(root).runs} == {"r1": "", "r2": "", "r3": "r1"}


def test_order_grouping_and_repetition_of_sources_do_not_matter(root: Path) -> None:
    expected = find(root)
    sources = [root / "digits", root / "wine" / "r3", root / "digits" / "r1", root / "digits" / "r1" / "events.jsonl"]
    for order in itertools.permutations(sources):
        assert find(*order) == expected


def test_other_files_and_hidden_folders_are_no_runs(root: Path) -> None:
    write_run(root / ".git" / "x", start_line("hidden"))
    write_run(root / "digits" / "r1" / "artifacts", start_line("artifact"))
    (root / "digits" / "notes.jsonl").write_bytes(make_log(start_line("notes")))
    (root / "digits" / "r1" / "events.txt").write_bytes(b"x")
    assert {r.run_id for r in find(root).runs} == {"r1", "r2", "r3"}


def test_compressed_logs_are_read(root: Path) -> None:
    data = make_log(start_line("packed"), metrics_line(0, a=1.0))
    write_run(root / "digits" / "packed", gzip.compress(data), name="events.jsonl.gz")
    (read,) = read_all(root / "digits" / "packed")
    assert read.run.summary.run_id == "packed"
    assert read.run.summary.metrics["a"].last == 1.0


def test_files_of_one_id_are_one_run_wherever_they_lie(root: Path) -> None:
    write_run(root / "digits" / "r1", start_line("r1", rank=1), metrics_line(0, a=3.0), name="events.1.jsonl")
    write_run(root.parent / "elsewhere" / "x", start_line("r1", session=LATER), metrics_line(1, a=5.0))
    refs = {ref.run_id: ref for ref in find(root, root.parent / "elsewhere").runs}
    assert [len(place.files) for place in refs["r1"].places] == [2, 1]
    (read,) = read_run(refs["r1"])
    assert read.run.series["a"][0].values.tolist() == [1.0, 5.0]
    assert read.run.series["a"][1].values.tolist() == [3.0]


def test_ranks_without_a_shared_id_are_runs_of_their_own_even_in_one_folder(root: Path) -> None:
    write_run(root / "digits" / "r1", start_line("other"), name="events.1.jsonl")
    assert {r.run_id for r in find(root / "digits" / "r1").runs} == {"r1", "other"}


def test_a_log_without_start_line_belongs_to_the_run_in_its_folder(root: Path) -> None:
    write_run(root / "digits" / "r1", metrics_line(4, a=9.0), name="events.1.jsonl")
    write_run(root / "Lost Ones" / "Run 7", b'{"torn\n', metrics_line(0, a=1.0))
    refs = {ref.run_id: ref for ref in find(root).runs}
    assert [f.label for f in refs["r1"].places[0].files] == ["digits/r1/events.1.jsonl", "digits/r1/events.jsonl"]
    assert (refs["Run 7"].experiment, refs["Run 7"].key) == ("Lost Ones", run_key("Run 7"))
    (read,) = read_run(refs["Run 7"])
    assert (read.run.summary.experiment, read.run.summary.run_id) == ("Lost Ones", "Run 7")
    assert [p.where for p in read.run.summary.problems] == ["Lost Ones/Run 7/events.jsonl"] * 2


@pytest.mark.parametrize("content", [b"", b"\0" * 5000, b"\n\n", b"no json\n", b'{"event":"start","run_id"'])
def test_a_log_without_a_readable_line_is_a_problem_of_the_site(root: Path, content: bytes) -> None:
    write_run(root / "digits" / "empty", content)
    found = find(root)
    assert len(found.runs) == 3
    assert [(p.where, p.message) for p in found.problems] == [
        ("digits/empty/events.jsonl", "no line of the log can be read")
    ]


def test_a_start_line_behind_damage_or_longer_than_a_chunk_is_found(root: Path) -> None:
    write_run(root / "a" / "b", b"\0\0\0\n", start_line("behind"))
    write_run(root / "a" / "c", start_line("long", note="x" * 300_000))
    write_run(root / "a" / "d", b"x" * 200_000 + b"\n", start_line("far"))
    assert {ref.run_id for ref in find(root / "a").runs} == {"behind", "long", "far"}


def test_links_below_a_source_are_not_followed_and_said(root: Path, tmp_path: Path) -> None:
    write_run(tmp_path / "outside" / "x", start_line("outside"))
    (root / "linked").symlink_to(tmp_path / "outside")
    (root / "digits" / "r2" / "events.1.jsonl").symlink_to(tmp_path / "outside" / "x" / "events.jsonl")
    (root / "loop").symlink_to(root)
    (root / "readme").symlink_to(tmp_path / "nothing")
    found = find(root)
    assert {r.run_id for r in found.runs} == {"r1", "r2", "r3"}
    assert messages(found) == ["a symbolic link is not followed"] * 3
    assert all(str(tmp_path) not in p.where for p in found.problems)


def test_a_source_that_is_a_link_itself_is_followed(root: Path, tmp_path: Path) -> None:
    (tmp_path / "latest").symlink_to(root / "digits" / "r1")
    assert [ref.run_id for ref in find(tmp_path / "latest").runs] == ["r1"]


def test_a_pipe_with_the_name_of_a_log_does_not_hang(root: Path) -> None:
    os.mkfifo(root / "digits" / "r1" / "events.1.jsonl")
    assert messages(find(root)) == ["the log cannot be read: 'events.1.jsonl' is not a regular file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_log_is_a_problem(root: Path) -> None:
    (root / "digits" / "r1" / "events.jsonl").chmod(0)
    assert "cannot be read" in messages(find(root))[0]


def test_an_unreadable_log_is_said_with_its_reason(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> Any:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(runs_module, "open_regular", refuse)
    assert messages(find(root)) == ["the log cannot be read: Permission denied"] * 3


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda p: None, "does not exist"),
        (lambda p: p.mkdir(), "no run logs in"),
        (lambda p: p.write_bytes(b"text\n"), "is no run log"),
        (lambda p: p.write_bytes(b""), "is no run log"),
        (os.mkfifo, "neither a folder nor a file"),
    ],
)
def test_a_source_that_cannot_be_used_is_an_error(tmp_path: Path, make: Any, expected: str) -> None:
    make(tmp_path / "x")
    with pytest.raises(SourceError, match=expected):
        find(tmp_path / "x")


def test_no_source_is_an_error() -> None:
    with pytest.raises(SourceError, match="no SOURCE given"):
        find()


def test_hostile_names_choose_no_path_and_stay_text(tmp_path: Path) -> None:
    names = ["../../etc/passwd", "/etc/passwd", "a\0b", "<script>", "x" * 5000, "CON", "\u202e", "\ud800", ""]
    for i, name in enumerate(names):
        run_id = f"{name}{i}"
        line = b'{"event":"start","run_id":%b,"experiment":%b,"name":%b}\n'
        import json

        text = json.dumps(run_id).encode()
        write_run(tmp_path / "e" / f"run{i}", line % (text, text, text), metrics_line(0, **{name: 1.0}))
    reads = read_all(tmp_path)
    assert len(reads) == len(names)
    for read in reads:
        summary = read.run.summary
        assert len(summary.key) == 32
        assert len(summary.name) <= 250
        (summary.run_id + summary.experiment + summary.name).encode()


def test_secrets_in_names_and_folders_are_replaced_everywhere(tmp_path: Path) -> None:
    token = "ghp_" + "a1B2" * 9
    write_run(
        tmp_path / token / f"run-{token}",
        start_line(f"id-{token}", experiment=token, name=f"x {token}"),
        {"event": "params", "params": {"hf_token": "hf_" + "x" * 34, "url": "https://ada:hunter2x@host/"}},
        {"event": "note", "text": f"see {token}"},
        metrics_line(0, **{f"m {token}": 1.0, "fine": 2.0}),
        f'{{"event":"note","text":"{token}'.encode() + b"\n",
        {"event": "metrics", "step": 1, "metrics": {f"m {token}": token}},
    )
    found = find(tmp_path)
    assert token not in repr([(r.run_id, r.experiment, r.name) for r in found.runs])
    (read,) = read_run(found.runs[0])
    text = repr(read.run)
    assert token not in text
    assert "hunter2x" not in text
    assert "hf_xxx" not in text
    assert token not in repr(read.fingerprint)
    assert read.run.redacted >= 6
    assert any("looked like secrets" in p.message for p in read.run.summary.problems)
    assert read.run.summary.key == found.runs[0].key == run_key(f"id-{token}")


# ---- the cache and the fingerprint


def test_with_a_warm_cache_no_file_is_opened(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = tmp_path / "cache.json"
    cache = StatCache(kept)
    first = discover([root], cache=cache)
    marks = [fingerprint(ref, cache) for ref in first.runs]
    cache.save()

    def refuse(path: str) -> Any:
        raise AssertionError(f"{path} was opened")

    monkeypatch.setattr(runs_module, "open_regular", refuse)
    monkeypatch.setattr("reportgen.sources.statcache.open_regular", refuse)
    cache = StatCache(kept)
    second = discover([root], cache=cache)
    assert second == first
    assert [fingerprint(ref, cache) for ref in second.runs] == marks


def test_what_was_read_has_the_fingerprint_that_was_promised(root: Path) -> None:
    write_run(root / "digits" / "r1" / "artifacts" / "sub", b"data", name="x.txt")
    for ref in find(root).runs:
        (read,) = read_run(ref)
        assert read.fingerprint == fingerprint(ref, StatCache(None))


def test_the_fingerprint_changes_with_every_file_of_the_run_and_with_nothing_else(root: Path, tmp_path: Path) -> None:
    def mark() -> tuple[str, ...]:
        (ref,) = find(root / "digits" / "r1").runs
        return fingerprint(ref, StatCache(None))

    marks = [mark()]
    path = write_run(root / "digits" / "r1" / "artifacts", b"data", name="x.txt")
    marks.append(mark())
    path.write_bytes(b"Data")
    marks.append(mark())
    path.rename(path.with_name("y.txt"))
    marks.append(mark())
    write_run(root / "digits" / "r1", start_line(), metrics_line(0, a=1.0), metrics_line(1, a=1.0))
    marks.append(mark())
    assert len(set(marks)) == 5
    write_run(root / "digits" / "r2", start_line("r2"), metrics_line(9, a=1.0))
    assert mark() == marks[-1]
    assert all(str(tmp_path) not in m for m in marks[-1])


def test_a_log_that_disappears_before_it_is_read_is_a_problem(root: Path) -> None:
    (ref,) = find(root / "digits" / "r1").runs
    (root / "digits" / "r1" / "events.jsonl").unlink()
    (read,) = read_run(ref)
    assert (read.run.summary.run_id, read.run.summary.status) == ("r1", "unfinished")
    assert "cannot be read" in read.run.summary.problems[0].message
    assert read.run.summary.last_time == read.run.summary.start_time != T0

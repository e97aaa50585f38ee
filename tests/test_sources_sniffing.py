"""What `reportgen sniff` says: who claims what, what is in it, and what is passed over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reportgen.errors import SourceError
from reportgen.model import Problem, Stream
from reportgen.sources.kinds import Claim, FoundRun, Listing
from reportgen.sources.places import Place, RunRef
from reportgen.sources.sniffing import MAX_DESCRIBED, SeenFolder, iter_seen
from reportgen.sources.streams import StreamMaker
from tests.sourcelogs import metrics_line, start_line, write_run


class Points:
    """A kind of log for these tests: `NAME.points` with a value a line; a folder with one is a run."""

    name = "points"
    title = "Points"
    about = "`*.points`"
    ending = ".points"

    def claim(self, folder: Listing) -> Claim | None:
        names = folder.ending(self.ending)
        if not names:
            return None
        run = FoundRun(tuple(names), run_id="p1", extra={"column": "value"})
        problem = Problem("x", "odd", "look")
        return Claim((run,), frozenset(names), frozenset({"media"}) & folder.folders, True, (problem,))

    def read(self, place: Place, ref: RunRef) -> Iterator[Stream]:
        maker = StreamMaker(place.files[0].label, run_id=ref.run_id, experiment=ref.experiment, name=ref.name)
        maker.points("loss", [float(line) for line in Path(place.files[0].path).read_text().split()])
        maker.faults.add(1, "a fault", count=2)
        yield maker.finish()


class Copies(Points):
    """Another format of the same runs."""

    name = "copies"
    title = "Copies"
    ending = ".copy"


@pytest.fixture
def kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {kind.name: kind for kind in (Points(), Copies())}
    monkeypatch.setattr("reportgen.sources.foreign.iter_kinds", lambda: iter(known.values()))
    monkeypatch.setattr("reportgen.sources.foreign.kind_of", known.__getitem__)


@pytest.fixture
def no_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reportgen.sources.foreign.iter_kinds", lambda: iter(()))


def seen(root: Path, limit: int = 0) -> dict[str, SeenFolder]:
    return {folder.path: folder for folder in iter_seen(str(root), limit=limit)}


# ---- what is claimed


def test_a_log_of_ours_is_told_with_what_is_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "digits" / "r1"
    write_run(folder, start_line(), {"event": "params", "params": {"lr": 1}}, metrics_line(2, a=1.0, b=2.0), b"torn\n")
    (folder / "artifacts").mkdir()
    (folder / "todo.txt").write_text("x")
    found = seen(tmp_path)
    assert list(found) == ["digits/r1"]
    (run,) = found["digits/r1"].runs
    assert (run.kind, run.run_id, run.experiment, run.name) == ("runs", "r1", "digits", "brave-otter-17")
    assert (run.files, run.again) == (("events.jsonl",), False)
    assert run.contents is not None
    assert (run.contents.metrics, run.contents.points, run.contents.steps) == (("a", "b"), 2, (2, 2))
    assert (run.contents.timed, run.contents.counted, run.contents.params) == (True, False, 1)
    assert len(run.contents.problems) == 1
    assert found["digits/r1"].folders == ("artifacts",)
    assert [(p.why, p.names) for p in found["digits/r1"].passed_over] == [
        ("it lies beside the log of a run", ("todo.txt",))
    ]


@pytest.mark.usefixtures("kinds")
def test_a_claim_is_told_with_its_kind_its_notes_and_its_problems(tmp_path: Path) -> None:
    (tmp_path / "exp" / "run" / "media").mkdir(parents=True)
    (tmp_path / "exp" / "run" / "a.points").write_text("3 2 1")
    (tmp_path / "exp" / "run" / "media" / "x.points").write_text("9")
    found = seen(tmp_path)
    assert list(found) == ["exp/run"]
    (run,) = found["exp/run"].runs
    assert (run.kind, run.experiment, run.name, dict(run.noted)) == ("points", "exp", "run", {"column": "value"})
    assert run.contents is not None
    assert (run.contents.points, run.contents.steps, run.contents.counted) == (3, (0, 2), True)
    assert (run.contents.timed, run.contents.problems[0].count) == (False, 2)
    assert found["exp/run"].folders == ("media",)
    assert found["exp/run"].problems == (Problem("x", "odd", "look"),)


@pytest.mark.usefixtures("kinds")
def test_another_format_of_the_same_run_and_another_part_of_it_are_told(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.points").write_text("1")
    (tmp_path / "one" / "a.copy").write_text("1")
    found = seen(tmp_path)
    assert [(same.kind, same.files) for same in found["one"].same] == [("copies", ("a.copy",))]
    assert [run.again for name in ("one", "two") for run in found[name].runs] == [False, True]


def test_only_so_many_runs_are_read(tmp_path: Path) -> None:
    for number in range(4):
        write_run(tmp_path / f"r{number}", start_line(f"r{number}"), metrics_line(0, a=1.0))
    for limit, read in ((0, 4), (1, 1), (3, 3), (9, 4)):
        runs = [run for folder in seen(tmp_path, limit).values() for run in folder.runs]
        assert (len(runs), sum(run.contents is not None for run in runs)) == (4, read)


def test_a_secret_in_a_name_is_not_told(tmp_path: Path) -> None:
    secret = "ghp_0123456789abcdefghijABCDEFGHIJ012345"
    write_run(tmp_path / "r", start_line(name=secret), metrics_line(0, **{secret: 1.0}))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / f"{secret}.csv").write_text(f"{secret},b\n1,2\n")
    assert "ghp_" not in repr(seen(tmp_path))


# ---- what is passed over


@pytest.mark.usefixtures("no_kinds")
@pytest.mark.parametrize(
    ("content", "what", "remedy"),
    [
        (b"", "empty file", ""),
        (b"SQLite format 3\0" + b"\0" * 90, "SQLite database", ""),
        (b"PK\x03\x04rest", "zip archive", ""),
        (b"\x1f\x8b\x08rest", "gzip file", ""),
        (b"\x80\x04\x95rest.", "pickle", ""),
        (b"abc\0def", "binary file", ""),
        (b"\xff\xfe\xfa not text", "text", ""),
        (b"hello\nworld\n", "text", ""),
        (b"a,b,c\n1,2,3\n4,5,6\n", "table with the columns a, b, c", 'files = "f*.x"'),
        (b"a\tb\n1\t2\n", "table with the columns a, b", "[[sources.table]]"),
        (b'{"a":1,"b":2}\n{"a":1,"b":3}\n', "JSON lines with the fields a, b", "[[sources.table]]"),
        (b'{\n "a": 1}\n', "JSON document", ""),
        (b",".join(b"c%d" % n for n in range(12)) + b"\n" + b",".join([b"1"] * 12), "c6, c7 and 4 more", "files"),
    ],
)
def test_a_file_that_nobody_claims_is_told_by_its_look(content: bytes, what: str, remedy: str, tmp_path: Path) -> None:
    (tmp_path / "f12.x").write_bytes(content)
    (passed,) = seen(tmp_path)[""].passed_over
    assert what in passed.what
    assert remedy in passed.remedy
    assert bool(passed.remedy) == bool(remedy)
    assert passed.why
    assert passed.names == ("f12.x",)


@pytest.mark.usefixtures("no_kinds")
@pytest.mark.parametrize(("name", "content"), [("a.zip", b"PK\x03\x04"), ("logs.tar.gz", b"\x1f\x8b\x08")])
def test_an_archive_is_to_be_unpacked(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    assert seen(tmp_path)[""].passed_over[0].remedy == "unpack it and give the folder"


@pytest.mark.usefixtures("no_kinds")
def test_files_that_look_alike_stand_together_and_the_many_are_counted(tmp_path: Path) -> None:
    for number in range(MAX_DESCRIBED + 50):
        (tmp_path / f"{number:04}.txt").write_text("text")
    assert [len(passed.names) for passed in seen(tmp_path)[""].passed_over] == [MAX_DESCRIBED, 50]


@pytest.mark.usefixtures("no_kinds")
def test_links_are_told_as_a_build_tells_them(tmp_path: Path) -> None:
    (tmp_path / "away").mkdir()
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "link").symlink_to(tmp_path / "away")
    assert [p.message for p in seen(tmp_path / "root")[""].problems] == ["a symbolic link is not followed"]


# ---- other paths


@pytest.mark.usefixtures("kinds")
def test_a_file_is_looked_at_alone(tmp_path: Path) -> None:
    (tmp_path / "a.points").write_text("1")
    (tmp_path / "b.points").write_text("2")
    found = seen(tmp_path / "a.points")
    assert [run.files for run in found[""].runs] == [("a.points",)]
    log = write_run(tmp_path / "r", start_line(), metrics_line(0, a=1.0))
    assert [run.kind for run in seen(log)[""].runs] == ["runs"]


def test_a_site_is_told_by_its_records(sample_site: Path) -> None:
    found = seen(sample_site, 1)
    assert list(found) == [""]
    assert len(found[""].runs) == 91
    assert {run.kind for run in found[""].runs} == {"site"}
    first = found[""].runs[0].contents
    assert first is not None
    assert first.metrics


def test_a_folder_that_cannot_be_listed_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        list(iter_seen(str(tmp_path / "nope")))

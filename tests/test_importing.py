"""Importing: what a build shows of a source it shows of the imported logs, and nothing is ever overwritten."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from reportgen.build import build
from reportgen.errors import SiteError, SourceError
from reportgen.importing import SERIAL_RUNS, WORK_FOLDER, ImportResult, import_runs
from reportgen.model import Stream
from reportgen.site.config import Config
from reportgen.site.lock import FolderLock
from reportgen.sources import StatCache, discover, kinds
from reportgen.sources.kinds import BUILT_IN, Claim, FoundRun, Listing
from reportgen.sources.places import Place, RunRef
from reportgen.sources.streams import StreamMaker
from tests import foreignlogs
from tests.cliruns import write_sweep
from tests.conftest import SAMPLES
from tests.sourcelogs import LATER, T0, make_log, metrics_line, start_line, write_run


class Toy:
    """A kind of log for these tests: a folder with `toy.txt`, one run in each line."""

    name = "toy"
    title = "Toy"
    about = "`toy.txt`"

    def claim(self, folder: Listing) -> Claim | None:
        if "toy.txt" not in folder.files:
            return None
        ids = folder.head("toy.txt").decode().split()
        runs = [
            FoundRun(
                ("toy.txt",),
                run_id=own,
                item=own,
                parent_id=ids[0] if number else "",
                artifacts="" if number else "kept",
            )
            for number, own in enumerate(ids)
        ]
        return Claim(tuple(runs), frozenset({"toy.txt"}), frozenset({"kept"}))

    def read(self, place: Place, ref: RunRef) -> Iterator[Stream]:
        maker = StreamMaker(place.files[0].label, run_id=ref.run_id, experiment=ref.experiment, name=ref.name)
        maker.params({"lr": 0.1, "net": {"layers": [1, 2]}, "nothing": None})
        maker.tags({"secret": "ghp_0123456789abcdefghijABCDEFGHIJ012345"})
        maker.note("A *note* of " + ref.run_id)
        maker.points("loss", [3.0, float("nan"), float("-inf")], steps=[0, 5, 9], times=[T0, T0 + 1, float("nan")])
        maker.points("counted", [1.0, 2.0])
        maker.points("loss", [4.0], steps=[9], times=[T0 + 9])
        maker.add("code", commit="1" * 40, entry="train.py")
        maker.faults.add(7, "a record is torn", "nothing to do", count=3)
        maker.end("FAILED", T0 + 20, "ValueError: no")
        yield maker.finish()


@pytest.fixture
def toys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with three runs of another program, one of which has artifacts."""
    monkeypatch.setattr(kinds, "iter_kinds", lambda: iter((Toy(),)))
    monkeypatch.setattr("reportgen.sources.foreign.iter_kinds", lambda: iter((Toy(),)))
    monkeypatch.setattr("reportgen.sources.foreign.kind_of", {"toy": Toy()}.__getitem__)
    folder = tmp_path / "toys" / "first"
    (folder / "kept" / "deep").mkdir(parents=True)
    (folder / "toy.txt").write_text("aaa bbb ccc")
    (folder / "kept" / "deep" / "table.csv").write_text("a,b\n1,2\n")
    (folder / "kept" / "page.html").write_text("<p>no</p>")
    return tmp_path / "toys"


def pages(source: Path, out: Path, **config: Any) -> dict[str, str]:
    """Build a site and return path -> digest of all its files but those that name the logs."""
    build([source], out, config=Config(**config), cache_dir=out.parent / "cache")
    files = {p.relative_to(out).as_posix(): p for p in out.rglob("*") if p.is_file()}
    named = ("data/site.json", "data/packs/")
    return {p: hashlib.sha256(f.read_bytes()).hexdigest() for p, f in files.items() if not p.startswith(named)}


def tree(folder: Path) -> dict[str, bytes]:
    """Return path -> bytes of all files of a folder."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def outcomes(result: ImportResult) -> dict[str, str]:
    return {run.name: run.outcome for run in result.runs}


# ---- the same pages


def check_same_pages(source: Path, tmp_path: Path) -> None:
    """Fail unless a site of `source` and one of its imported logs have the same bytes."""
    import_runs([source], tmp_path / "imported")
    assert pages(source, tmp_path / "one") == pages(tmp_path / "imported", tmp_path / "other")


def test_the_sample_runs_give_the_same_pages(tmp_path: Path) -> None:
    check_same_pages(SAMPLES, tmp_path)


def test_hostile_names_and_values_give_the_same_pages(tmp_path: Path) -> None:
    check_same_pages(write_sweep(tmp_path), tmp_path)


def test_damaged_logs_sessions_ranks_and_unknown_lines_give_the_same_pages(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "digits" / "r1"
    write_run(folder, start_line(), metrics_line(0, loss=1.0), b'{"event":"metr\n', metrics_line(None, loss="NaN"))
    write_run(folder, start_line(session=LATER, time=T0 + 99), metrics_line(5, loss=0.5), name="events.1.jsonl")
    write_run(
        folder,
        start_line(rank=1),
        {"event": "future", "deep": {"x": [1, None]}},
        {"event": "lost", "calls": 3, "errno": 28},
        {"event": "text", "stream": "stdout", "text": "hello\n"},
        metrics_line(0, loss=2.0),
        {"event": "end", "status": "FINISHED", "time": T0 + 200},
        name="events.2.jsonl",
    )
    write_run(tmp_path / "runs" / "digits" / "no-start", metrics_line(3, acc=1.0))
    check_same_pages(tmp_path / "runs", tmp_path)


def test_two_histories_of_one_run_give_the_same_pages(tmp_path: Path) -> None:
    for name, loss in (("a", 1.0), ("b", 2.0)):
        write_run(tmp_path / "runs" / name / "r1", start_line(), metrics_line(0, loss=loss), metrics_line(1, loss=0.0))
    check_same_pages(tmp_path / "runs", tmp_path)
    assert len(list((tmp_path / "imported").rglob("events.jsonl"))) == 2
    assert import_runs([tmp_path / "runs"], tmp_path / "imported").count("there") == 2


def test_logs_of_another_program_give_the_same_pages(toys: Path, tmp_path: Path) -> None:
    check_same_pages(toys, tmp_path)


@pytest.mark.parametrize("kind", sorted(BUILT_IN.keys() - foreignlogs.UNREADABLE))
def test_logs_of_each_kind_give_the_same_pages(kind: str, tmp_path: Path) -> None:
    assert kind in foreignlogs.WRITERS, f"add a log of '{kind}' to tests/foreignlogs.py"
    foreignlogs.WRITERS[kind](tmp_path / "logs")
    found = discover([tmp_path / "logs"], cache=StatCache(None))
    assert {place.kind for ref in found.runs for place in ref.places} == {kind}
    check_same_pages(tmp_path / "logs", tmp_path)
    result = import_runs([tmp_path / "logs"], tmp_path / "again")
    assert all(run.points for run in result.runs) or kind == "guild"  # its points are in files of other kinds
    assert result.problems == ()


def test_a_site_gives_the_same_pages(tmp_path: Path) -> None:
    runs = write_sweep(tmp_path)
    wanted = pages(runs, tmp_path / "site")
    import_runs([tmp_path / "site"], tmp_path / "imported")
    assert pages(tmp_path / "imported", tmp_path / "again") == wanted


# ---- what is written


def test_an_import_holds_what_our_format_holds(toys: Path, tmp_path: Path) -> None:
    result = import_runs([toys], tmp_path / "runs")
    assert (len(result.runs), result.count("written")) == (3, 3)
    assert [run.folder for run in result.runs] == ["toys/aaa", "toys/bbb", "toys/ccc"]
    assert [(run.points, run.artifacts) for run in result.runs] == [(5, 2), (5, 0), (5, 0)]
    files = tree(tmp_path / "runs")
    assert sorted(files) == [
        "toys/aaa/artifacts/deep/table.csv",
        "toys/aaa/artifacts/page.html",
        "toys/aaa/events.jsonl",
        "toys/bbb/events.jsonl",
        "toys/ccc/events.jsonl",
    ]
    log = files["toys/bbb/events.jsonl"].decode()
    assert '"parent":"aaa"' in log.splitlines()[0]
    assert '"loss":[3.0,"NaN",4.0]' in log
    assert '"message":"a record is torn","hint":"nothing to do","count":3' in log
    assert log.splitlines()[-1].startswith('{"event":"end","status":"FAILED"')


def test_secrets_are_not_written_and_are_counted(toys: Path, tmp_path: Path) -> None:
    import_runs([toys], tmp_path / "runs")
    log = (tmp_path / "runs" / "toys" / "aaa" / "events.jsonl").read_text()
    assert "ghp_" not in log
    assert "[redacted:" in log
    assert '"redacted":1' in log


def test_artifacts_over_the_limit_of_a_site_are_copied(tmp_path: Path) -> None:
    data = b"x" * (11 * 2**20)
    digest = hashlib.sha256(data).hexdigest()
    artifact = {"event": "artifact", "path": "big.bin", "bytes": len(data), "sha256": digest}
    folder = tmp_path / "runs" / "digits" / "r1"
    write_run(folder, start_line(), artifact)
    (folder / "artifacts").mkdir()
    (folder / "artifacts" / "big.bin").write_bytes(data)
    check_same_pages(tmp_path / "runs", tmp_path)
    assert (tmp_path / "imported" / "digits" / "r1" / "artifacts" / "big.bin").read_bytes() == data


@pytest.mark.parametrize("path", ["../../evil.txt", "/evil.txt", "a/../../evil.txt", "x//y.txt", "..\\evil.txt"])
def test_an_artifact_of_a_site_cannot_name_a_path_outside(path: str, tmp_path: Path) -> None:
    digest = hashlib.sha256(b"data").hexdigest()
    folder = tmp_path / "runs" / "digits" / "r1"
    artifact = {"event": "artifact", "path": "good.txt", "bytes": 4, "sha256": digest}
    write_run(folder, start_line(), artifact)
    (folder / "artifacts").mkdir()
    (folder / "artifacts" / "good.txt").write_bytes(b"data")
    pages(tmp_path / "runs", tmp_path / "site")
    record = next((tmp_path / "site" / "data" / "runs").iterdir())
    record.write_bytes(__import__("gzip").compress(make_log(start_line(), {**artifact, "path": path})))
    result = import_runs([tmp_path / "site"], tmp_path / "safe" / "imported")
    (run,) = result.runs
    assert (run.outcome, run.artifacts) == ("written", 0)
    assert "was not copied: its name leaves the run's folder" in run.notices[0].message
    assert list(tree(tmp_path / "safe")) == ["imported/digits/r1/events.jsonl"]


def test_a_name_that_the_disk_does_not_take_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = hashlib.sha256(b"data").hexdigest()
    folder = tmp_path / "runs" / "digits" / "r1"
    names = ["a", "b/" + "n" * 200]
    write_run(folder, start_line(), *({"event": "artifact", "path": n, "bytes": 4, "sha256": digest} for n in names))
    for name in names:
        (folder / "artifacts" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "artifacts" / name).write_bytes(b"data")
    real = os.makedirs

    def refuse(path: str, *more: Any, **options: Any) -> None:
        if path.endswith("b"):
            raise OSError(36, "File name too long")
        real(path, *more, **options)

    monkeypatch.setattr("reportgen.importing.os.makedirs", refuse)
    (run,) = import_runs([tmp_path / "runs"], tmp_path / "imported").runs
    assert run.artifacts == 1
    assert "the disk takes no such name: File name too long" in run.notices[0].message


# ---- again and again


def test_a_second_import_writes_nothing(tmp_path: Path) -> None:
    runs = write_sweep(tmp_path)
    import_runs([runs], tmp_path / "out")
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*")}
    result = import_runs([runs], tmp_path / "out")
    assert (result.count("there"), result.count("written")) == (8, 0)
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*")} == before


def test_logs_are_recognised_in_the_folder_that_they_came_from(tmp_path: Path) -> None:
    runs = write_sweep(tmp_path)
    pages(runs, tmp_path / "site")
    before = tree(runs)
    assert import_runs([tmp_path / "site"], runs).count("there") == 8
    assert import_runs([runs], runs).count("there") == 8
    assert tree(runs) == before


def test_an_import_that_was_cut_short_goes_on(tmp_path: Path) -> None:
    runs = write_sweep(tmp_path)
    import_runs([runs], tmp_path / "out")
    whole = tree(tmp_path / "out")
    shutil.rmtree(tmp_path / "out" / "forest")
    (tmp_path / "out" / WORK_FOLDER / "half").mkdir(parents=True)
    (tmp_path / "out" / WORK_FOLDER / "half" / "events.jsonl").write_text("half")
    result = import_runs([runs], tmp_path / "out")
    assert (result.count("there"), result.count("written")) == (7, 1)
    assert tree(tmp_path / "out") == whole


def test_a_run_that_went_on_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    log = write_run(tmp_path / "runs" / "digits" / "r1", start_line(), metrics_line(0, loss=1.0))
    write_run(tmp_path / "runs" / "digits" / "r2", start_line("r2", name="other"), metrics_line(0, loss=1.0))
    import_runs([tmp_path / "runs"], tmp_path / "out")
    before = tree(tmp_path / "out")
    log.write_bytes(log.read_bytes() + make_log(metrics_line(1, loss=0.5)))
    result = import_runs([tmp_path / "runs"], tmp_path / "out")
    assert outcomes(result) == {"brave-otter-17": "refused", "other": "there"}
    assert tree(tmp_path / "out") == before


def test_an_earlier_state_of_a_run_is_there_already(tmp_path: Path) -> None:
    log = write_run(tmp_path / "runs" / "digits" / "r1", start_line(), metrics_line(0, loss=1.0))
    early = tmp_path / "early" / "digits" / "r1"
    early.mkdir(parents=True)
    shutil.copy(log, early)
    log.write_bytes(log.read_bytes() + make_log(metrics_line(1, loss=0.5)))
    import_runs([tmp_path / "runs"], tmp_path / "out")
    assert import_runs([tmp_path / "early"], tmp_path / "out").count("there") == 1


def test_a_folder_of_something_else_in_its_place_is_refused(tmp_path: Path) -> None:
    write_run(tmp_path / "runs" / "digits" / "r1", start_line(), metrics_line(0, loss=1.0))
    (tmp_path / "out" / "digits" / "r1").mkdir(parents=True)
    (tmp_path / "out" / "digits" / "r1" / "mine.txt").write_text("mine")
    assert import_runs([tmp_path / "runs"], tmp_path / "out").count("refused") == 1
    assert tree(tmp_path / "out") == {"digits/r1/mine.txt": b"mine"}


# ---- how it ends


def test_a_site_is_no_folder_to_import_into(tmp_path: Path) -> None:
    runs = write_sweep(tmp_path)
    pages(runs, tmp_path / "site")
    with pytest.raises(SiteError, match="is a built site"):
        import_runs([runs], tmp_path / "site")


def test_a_full_disk_leaves_whole_runs_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = write_sweep(tmp_path)
    written = []

    def fail(stream: Stream) -> Iterator[bytes]:
        if len(written) == 3:
            raise OSError(28, "No space left on device")
        written.append(stream)
        yield make_log(stream.start)

    monkeypatch.setattr("reportgen.importing.iter_lines", fail)
    with pytest.raises(SiteError, match=r"No space left on device.*free some space; mend that and import again"):
        import_runs([runs], tmp_path / "out")
    assert len(tree(tmp_path / "out")) == 3
    assert not (tmp_path / "out" / WORK_FOLDER).exists()


def test_two_imports_at_once_do_not_mix(tmp_path: Path) -> None:
    runs = write_sweep(tmp_path)
    (tmp_path / "out").mkdir()
    lock = FolderLock(tmp_path / "out" / f"{WORK_FOLDER}.lock", "out")
    assert lock.acquire(wait=False, on_wait=None)
    with pytest.raises(SiteError, match=r"is writing .*out"):
        import_runs([runs], tmp_path / "out")
    lock.release()
    assert import_runs([runs], tmp_path / "out").count("written") == 8
    assert not (tmp_path / "out" / f"{WORK_FOLDER}.lock").exists()


def test_a_source_without_runs_makes_no_folder(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError):
        import_runs([tmp_path / "empty"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_workers_write_the_same(tmp_path: Path) -> None:
    import_runs([SAMPLES], tmp_path / "one")
    seen: list[tuple[str, int, int]] = []
    with ProcessPoolExecutor(2) as pool:
        result = import_runs([SAMPLES], tmp_path / "other", executor=pool, progress=lambda *a: seen.append(a))
    assert len(result.runs) > SERIAL_RUNS
    assert tree(tmp_path / "one") == tree(tmp_path / "other")
    assert seen[0] == ("import", 0, 91)
    assert seen[-1] == ("import", 91, 91)

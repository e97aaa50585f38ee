"""Builds that die: at every single change they make to the disk, at random moments, and beside each other.

The promise: whatever happens, each file is whole, each link resolves on every page that a reader can reach, and the
next build ends with the same folder as one that was never disturbed, with nothing left over.
"""

from __future__ import annotations

import errno
import multiprocessing
import os
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reportgen.errors import SiteError
from reportgen.formats import run_key
from reportgen.site import urls
from reportgen.site.writer import SiteWriter
from reportgen.sources.statcache import StatCache
from tests.test_writer import Site, broken_links, sha256, site_json, small_site, tree, write

OLD = small_site("a1", "a2", "b1", text="old") | {urls.tile_js(run_key("a1"), 0, 0): b"tile"}
NEW = small_site("a1", "a2", "c1", text="new") | {urls.SEARCH_JS: OLD[urls.SEARCH_JS]}
OTHER = small_site("a2", "c1", "d1", text="other")
CHANGES = ("open", "write", "replace", "rename", "unlink", "mkdir", "rmdir", "ftruncate")
PROCESSES = multiprocessing.get_context("forkserver")


class Killed(BaseException):
    """Stands for SIGKILL: nothing that the writer does after it reaches the disk."""


class Disk:
    """Counts the changes made through `os`, and lets the one with the number `fail_at` and all later ones fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls = 0
        self.fail_at: int | None = None
        self.only_once = False
        self.make_fault: Callable[[], BaseException] = Killed
        for name in CHANGES:
            monkeypatch.setattr(os, name, self._watched(name, getattr(os, name)))
        monkeypatch.setattr(os, "fsync", lambda descriptor: None)

    def arm(self, number: int, fault: Callable[[], BaseException] = Killed, *, only_once: bool = False) -> None:
        self.calls, self.fail_at, self.make_fault, self.only_once = 0, number, fault, only_once

    def disarm(self) -> None:
        self.fail_at = None

    def _watched(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **kwargs: Any) -> Any:
            if name == "open" and not args[1] & os.O_CREAT:
                return call(*args, **kwargs)
            self.calls += 1
            if self.fail_at is not None and self.calls >= self.fail_at:
                if name == "write" and self.calls == self.fail_at:
                    call(args[0], args[1][: len(args[1]) // 2])
                if not self.only_once or self.calls == self.fail_at:
                    raise self.make_fault()
            return call(*args, **kwargs)

        return watched


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """Return a folder in memory where the system has one: here builds run by the thousand, and no test needs a disk."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
    else:
        with tempfile.TemporaryDirectory(dir=memory) as folder:
            yield Path(folder)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


@pytest.fixture
def clean(tmp_path: Path) -> Callable[[Site], dict[str, bytes | str | None]]:
    """Return the tree of a build into a fresh folder."""
    known: dict[str, dict[str, bytes | str | None]] = {}

    def build(site: Site) -> dict[str, bytes | str | None]:
        name = sha256(repr(sorted(site.items())).encode())[:8]
        if name not in known:
            write(tmp_path / "clean" / name, site)
            known[name] = tree(tmp_path / "clean" / name)
        return known[name]

    return build


def faults(out: Path, *sites: Site) -> list[str]:
    """Return what is wrong with a site that may be on its way from one of `sites` to another, the last one."""
    wrong = []
    wanted = {".nojekyll": [b""]}
    for site in sites:
        for path, data in site.items():
            wanted.setdefault(path, []).append(data)
    for path, found in tree(out).items():
        if path == urls.SITE_JSON:
            assert isinstance(found, bytes)
            listed = orjson.loads(found)["files"]
            if not any(listed.keys() == {*site, ".nojekyll"} for site in sites):
                wrong.append("site.json is of no build")
        elif found is not None and found not in wanted.get(path, []):
            wrong.append(f"{path} is not whole")
    pages = [path for path in committed(out) if path.endswith(".html")]
    return wrong + broken_links(out, [urls.HOME, *pages])


def committed(out: Path) -> list[str]:
    """Return what the last finished build wrote."""
    file = out / urls.SITE_JSON
    return list(orjson.loads(file.read_bytes())["files"]) if file.exists() else []


def start(out: Path, begin: str) -> None:
    """Bring `out` to the state in which the build that dies finds it."""
    for path in out.parent.glob(".site.*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.rmtree(out, ignore_errors=True)
    if begin == "empty":
        out.mkdir(parents=True)
    elif begin == "site":
        write(out, OLD)


def each_death(disk: Disk, out: Path, begin: str, site: Site) -> Iterator[int]:
    """Yield after a build of `site` died at its first, second, … change, until one lives."""
    for number in range(1, 10_000):
        start(out, begin)
        disk.arm(number)
        try:
            write(out, site)
        except Killed:
            disk.disarm()
            yield number
        else:
            disk.disarm()
            assert number > 20, "the build made fewer changes than there are files"
            return


@pytest.mark.parametrize("begin", ["missing", "empty", "site"])
def test_build_killed_at_any_change_is_whole_and_finished_by_the_next(
    disk: Disk, tmp_path: Path, clean: Callable[[Site], object], begin: str
) -> None:
    out = tmp_path / "work/site"
    before = [OLD] if begin == "site" else []
    for number in each_death(disk, out, begin, NEW):
        assert faults(out, *before, NEW) == [], f"killed at change {number}"
        write(out, NEW)
        assert tree(out) == clean(NEW), f"killed at change {number}"
        assert [path.name for path in out.parent.iterdir()] == ["site"]


@pytest.mark.parametrize("begin", ["missing", "empty", "site"])
def test_build_killed_at_any_change_may_be_followed_by_another_site(
    disk: Disk, tmp_path: Path, clean: Callable[[Site], object], begin: str
) -> None:
    out = tmp_path / "work/site"
    for number in each_death(disk, out, begin, NEW):
        write(out, OTHER)
        assert tree(out) == clean(OTHER), f"killed at change {number}"
        assert [path.name for path in out.parent.iterdir()] == ["site"]


def test_missing_folder_appears_complete_or_not_at_all(disk: Disk, tmp_path: Path, clean: Callable) -> None:
    out = tmp_path / "work/site"
    for number in each_death(disk, out, "missing", NEW):
        assert not out.exists() or tree(out) == clean(NEW), f"killed at change {number}"


def test_finishing_build_that_is_killed_too_is_finished_by_a_third(
    disk: Disk, tmp_path: Path, clean: Callable[[Site], object]
) -> None:
    out = tmp_path / "work/site"
    for number in each_death(disk, out, "site", NEW):
        disk.arm(60 + 7 * number % 60)  # before, in and after the moment when files are put in place
        try:
            write(out, OTHER)
        except Killed:
            pass
        disk.disarm()
        assert faults(out, OLD, NEW, OTHER) == [], f"killed at change {number}"
        write(out, OLD)
        assert tree(out) == clean(OLD), f"killed at change {number}"


def test_foreign_files_survive_a_death_at_any_change(disk: Disk, tmp_path: Path, clean: Callable) -> None:
    out = tmp_path / "work/site"
    foreign = ["robots.txt", "r/notes.md", "data/tiles/mine.js"]
    for number in each_death(disk, out, "site", NEW):
        for path in foreign:
            (out / path).parent.mkdir(parents=True, exist_ok=True)
            (out / path).write_text("mine")
        write(out, OTHER)
        found = tree(out)
        assert [found.pop(path) for path in foreign] == [b"mine"] * 3, f"killed at change {number}"
        found.pop("data/tiles")
        assert found == clean(OTHER)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_error_at_any_change_is_told_and_leaves_the_site_whole(
    disk: Disk, tmp_path: Path, clean: Callable[[Site], object], code: int
) -> None:
    out = tmp_path / "work/site"
    messages = []
    for number in range(1, 10_000):
        start(out, "site")
        disk.arm(number, lambda: OSError(code, os.strerror(code)), only_once=True)
        try:
            write(out, NEW)
        except SiteError as error:
            messages.append(str(error))
        reached = disk.calls >= number
        disk.disarm()
        assert faults(out, OLD, NEW) == [], f"error at change {number}"
        write(out, NEW)
        assert tree(out) == clean(NEW), f"error at change {number}"
        assert [path.name for path in out.parent.iterdir()] == ["site"]
        if not reached:
            break
    assert len(messages) > 20
    assert [message for message in messages if os.strerror(code) not in message or "build again" not in message] == []


def test_full_disk_while_staging_leaves_the_site_as_it_was(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "work/site"
    write(out, OLD)
    before = tree(out)
    whole_write = os.write

    def write_until_full(descriptor: int, data: bytes) -> int:
        if len(data) > 500:  # pages are long here, everything else is short
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return whole_write(descriptor, data)

    monkeypatch.setattr(os, "write", write_until_full)
    with pytest.raises(SiteError, match=r"No space left on device: free some space; the site is unchanged; mend"):
        write(out, NEW)
    assert tree(out) == before
    assert [path.name for path in out.parent.iterdir()] == ["site"]


def test_short_writes_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clean: Callable) -> None:
    expected = clean(NEW)
    whole_write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: whole_write(descriptor, data[:7]))
    write(tmp_path / "site", NEW)
    assert tree(tmp_path / "site") == expected


@pytest.mark.parametrize(
    "journal",
    [
        b"{",
        b"[]",
        b'{"files": 3}',
        b'{"files": {"../victim": ["%s"], "/etc/passwd": ["%s"], "r": [], "index.html": 3, "runs.html": [3, "x"]}}'
        % (sha256(b"mine").encode(), sha256(b"mine").encode()),
    ],
)
def test_damaged_or_hostile_journal_deletes_nothing(tmp_path: Path, journal: bytes, clean: Callable) -> None:
    out = tmp_path / "work/site"
    write(out, OLD)
    (out.parent / "victim").write_text("mine")
    (out.parent / ".site.reportgen-stage").mkdir()
    (out.parent / ".site.reportgen-stage/journal.json").write_bytes(journal)
    write(out, NEW)
    assert tree(out) == clean(NEW)
    assert sorted(path.name for path in out.parent.iterdir()) == ["site", "victim"]


def test_staging_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "work/site"
    write(out, OLD)
    (tmp_path / "elsewhere/files").mkdir(parents=True)
    (tmp_path / "elsewhere/files/thesis.tex").write_text("mine")
    (out.parent / ".site.reportgen-stage").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SiteError, match="is a symbolic link: remove it"):
        write(out, NEW)
    assert (tmp_path / "elsewhere/files/thesis.tex").read_text() == "mine"


def test_journal_alone_does_not_make_a_folder_ours(disk: Disk, tmp_path: Path) -> None:
    out = tmp_path / "work/site"
    start(out, "site")
    disk.arm(60)
    with pytest.raises(Killed):
        write(out, NEW)
    disk.disarm()
    assert (out.parent / ".site.reportgen-stage/journal.json").is_file()
    shutil.rmtree(out)
    out.mkdir()
    (out / urls.HOME).write_text("my home page")
    with pytest.raises(SiteError, match="neither empty nor a site"):
        write(out, NEW)
    assert (out / urls.HOME).read_text() == "my home page"


PATHS = [urls.HOME, urls.RUNS, urls.SEARCH_JS, *(urls.run_page(str(i), "x") for i in range(3)), urls.tile_js("1", 0, 0)]
SITES = st.dictionaries(st.sampled_from(PATHS), st.sampled_from([b"", b"one", b"two"]), min_size=1)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(SITES, st.integers(1, 60)), max_size=5), SITES)
def test_any_sequence_of_deaths_ends_like_a_clean_build(
    disk: Disk, tmp_path: Path, deaths: list[tuple[Site, int]], last: Site
) -> None:
    start(tmp_path / "site", "missing")
    for site, number in deaths:
        disk.arm(number)
        try:
            write(tmp_path / "site", site)
        except Killed:
            pass
        disk.disarm()
    write(tmp_path / "site", last)
    shutil.rmtree(tmp_path / "fresh", ignore_errors=True)
    write(tmp_path / "fresh", last)
    assert tree(tmp_path / "site") == tree(tmp_path / "fresh")


# ---- real processes


@pytest.fixture(scope="module", autouse=True)
def _preloaded() -> None:
    PROCESSES.set_forkserver_preload(["tests.test_writer_faults"])


def build_for_ever(out: Path, ready: Connection) -> None:
    """Build OLD and NEW in turn until somebody kills this process."""
    ready.send("started")
    while True:
        write(out, OLD)
        write(out, NEW)


def test_builds_killed_at_random_moments_are_whole_and_finished_by_the_next(tmp_path: Path, clean: Callable) -> None:
    out = tmp_path / "work/site"
    pause = random.Random(7)
    interrupted = 0
    for trial in range(40):
        ready, other_end = PROCESSES.Pipe(duplex=False)
        process = PROCESSES.Process(target=build_for_ever, args=(out, other_end))
        process.start()
        ready.recv()
        time.sleep(pause.uniform(0, 0.05))
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        process.close()
        ready.close()
        other_end.close()
        interrupted += len(list(out.parent.glob(".site.*"))) > 0
        assert faults(out, OLD, NEW, OTHER) == [], f"trial {trial}"
        write(out, OTHER)
        assert tree(out) == clean(OTHER), f"trial {trial}"
        assert [path.name for path in out.parent.iterdir()] == ["site"]
    assert interrupted, "no build was killed while it was writing"


def build_often(out: Path, site: Site, fresh: Path) -> None:
    """Build `site` again and again, and look each time before the lock is given back."""
    write(fresh, site)
    for _ in range(15):
        with SiteWriter(out, cache=StatCache(None)) as writer:
            for path, data in site.items():
                writer.stage(path, data)
            writer.commit(site_json)
            assert tree(out) == tree(fresh)


def test_builds_that_race_for_one_folder_come_one_after_the_other(tmp_path: Path) -> None:
    out = tmp_path / "work/site"
    racers = [
        PROCESSES.Process(target=build_often, args=(out, site, tmp_path / f"fresh{i}"))
        for i, site in enumerate((OLD, NEW, OTHER))
    ]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert [racer.exitcode for racer in racers] == [0, 0, 0]
    assert tree(out) in [tree(tmp_path / f"fresh{i}") for i in range(3)]
    assert [path.name for path in out.parent.iterdir()] == ["site"]


def build_with_a_worker(out: Path, to_test: Connection) -> None:
    """Take the lock, fork a worker, and wait to be killed, both of us."""
    writer = SiteWriter(out, cache=StatCache(None)).__enter__()
    writer.stage(urls.HOME, b"half")
    if os.fork() == 0:
        to_test.send(os.getpid())
    signal.pause()


def test_worker_that_outlives_a_killed_build_does_not_keep_the_lock(tmp_path: Path) -> None:
    from_process, to_test = PROCESSES.Pipe(duplex=False)
    process = PROCESSES.Process(target=build_with_a_worker, args=(tmp_path / "work/site", to_test))
    process.start()
    worker = from_process.recv()
    process.kill()
    process.join()
    try:
        with SiteWriter(tmp_path / "work/site", cache=StatCache(None), wait=False) as writer:
            writer.stage(urls.HOME, b"whole")
            writer.commit(site_json)
    finally:
        os.kill(worker, signal.SIGKILL)
    assert (tmp_path / "work/site/index.html").read_bytes() == b"whole"

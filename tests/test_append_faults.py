"""Additions and corrections that die at any change they make to the disk: nothing that the site held is lost."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reportgen.build import build
from reportgen.errors import SiteError
from reportgen.formats import run_key
from reportgen.site.config import Config
from reportgen.upkeep import Correction, Retention, edit_site, prune_site
from tests.linkcheck import check_site
from tests.sitefiles import pack_files, read_entries, site_summaries
from tests.sourcelogs import T0, start_line, write_run
from tests.test_build import END
from tests.test_sample_site import contents, states
from tests.test_writer_faults import Disk, Killed, disk, tmp_path

__all__ = ["disk", "tmp_path"]  # fixtures: a disk that fails, a folder in memory

LAST = 24
"""Deaths that are tried among the last changes, one by one: there the site is changed."""
BEFORE = 8
"""Deaths that are tried before."""


def write_log(root: Path, name: str, number: int, *, lines: int = 1) -> Path:
    """Write a run without metrics, so that no plot is drawn."""
    more = [{"event": "text", "stream": "stdout", "text": f"line {i}\n"} for i in range(lines)]
    start = start_line(name, name=name, experiment="digits", time=T0 + number)
    write_run(root / "digits" / name, start, {"event": "params", "params": {"lr": number}}, *more, END)
    return root


def make(sources: list[Path], out: Path, **options: Any) -> None:
    build(sources, out, config=Config(), cache_dir=out.parent.parent / "cache", **options)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Return a site of two runs."""
    for number, name in enumerate("ab"):
        write_log(tmp_path / "old", name, number)
    make([tmp_path / "old"], tmp_path / "base" / "site")
    return tmp_path / "base" / "site"


def clean(tmp_path: Path, name: str, *sources: Path) -> dict[str, str]:
    """Return what a build of all the sources holds."""
    make(list(sources), tmp_path / name / "site")
    return contents(tmp_path / name / "site")


def each_death(disk: Disk, old: Path, act: Callable[[Path], None]) -> Iterator[Path]:
    """Yield a copy of the site `old` after `act` died at one of its changes, for many of these."""
    out = old.parent.parent / "work" / "site"

    def begin(number: int) -> None:
        shutil.rmtree(out.parent, ignore_errors=True)
        shutil.copytree(old, out)
        disk.arm(number)

    begin(10**6)
    act(out)
    last = disk.calls
    disk.disarm()
    first = last - LAST
    assert first > BEFORE
    for number in (*range(1, first, first // BEFORE), *range(first, last + 1)):
        begin(number)
        with pytest.raises(Killed):
            act(out)
        disk.disarm()
        yield out


def check(out: Path, runs: set[str]) -> None:
    """Assert that the site can be read as it lies there, and that it holds at least `runs`."""
    assert runs <= read_entries(out).keys()
    assert runs <= {summary.key for summary in site_summaries(out)}
    assert all(file.exists() for file in pack_files(out))
    assert check_site(out) == []


def test_an_addition_that_is_killed_loses_nothing_and_is_finished_by_the_next(
    disk: Disk, old: Path, tmp_path: Path
) -> None:
    new = write_log(tmp_path / "new", "c", 2)
    wanted = clean(tmp_path, "clean", tmp_path / "old", new)
    runs = set(read_entries(old))
    for out in each_death(disk, old, lambda out: make([new], out, append=True)):
        check(out, runs)
        make([new], out, append=True)
        assert contents(out) == wanted
        assert [path.name for path in out.parent.iterdir()] == ["site"]


def test_an_addition_that_is_killed_may_be_followed_by_another(disk: Disk, old: Path, tmp_path: Path) -> None:
    new, other = write_log(tmp_path / "new", "c", 2), write_log(tmp_path / "other", "d", 3)
    without = clean(tmp_path, "without", tmp_path / "old", other)
    with_it = clean(tmp_path, "with", tmp_path / "old", new, other)
    for out in each_death(disk, old, lambda out: make([new], out, append=True)):
        make([other], out, append=True)
        assert contents(out) in (without, with_it)


def test_a_run_that_went_on_survives_an_addition_that_is_killed(disk: Disk, old: Path, tmp_path: Path) -> None:
    longer, other = write_log(tmp_path / "longer", "a", 0, lines=3), write_log(tmp_path / "other", "d", 3)
    wanted = clean(tmp_path, "clean", longer, write_log(tmp_path / "b", "b", 1))
    for out in each_death(disk, old, lambda out: make([longer], out, append=True)):
        check(out, set(read_entries(old)))
        make([other], out, append=True)
        make([longer], out, append=True)
        prune_site(out, Retention(filter="run_name = 'd'"), config=Config(), cache_dir=tmp_path / "cache")
        assert contents(out) == wanted


@pytest.mark.parametrize("forget", [False, True])
def test_a_correction_that_is_killed_is_finished_by_the_next(
    disk: Disk, old: Path, tmp_path: Path, forget: bool
) -> None:
    correction = Correction({} if forget else {"x": "1"}, note=None if forget else "a note", forget=forget)

    def act(out: Path) -> None:
        edit_site(out, [run_key("a")], correction, config=Config(), cache_dir=tmp_path / "cache")

    wanted_site = tmp_path / "edited" / "site"
    shutil.copytree(old, wanted_site)
    act(wanted_site)
    wanted = contents(wanted_site)
    for out in each_death(disk, old, act):
        check(out, {run_key("b")})
        if run_key("a") in read_entries(out) and not forget:
            act(out)
        make([write_log(tmp_path / "again", "b", 1)], out, append=True)
        if forget and run_key("a") in read_entries(out):
            act(out)
        assert contents(out) == wanted


def test_runs_that_are_pruned_go_all_or_stay_all(disk: Disk, old: Path, tmp_path: Path) -> None:
    def act(out: Path) -> None:
        prune_site(out, Retention(keep=1), config=Config(), cache_dir=tmp_path / "cache")

    wanted = clean(tmp_path, "clean", write_log(tmp_path / "b", "b", 1))
    for out in each_death(disk, old, act):
        check(out, {run_key("b")})
        act(out)
        assert contents(out) == wanted


def test_a_full_disk_leaves_the_site_as_it_was(disk: Disk, old: Path, tmp_path: Path) -> None:
    new = write_log(tmp_path / "new", "c", 2)
    out = tmp_path / "work" / "site"
    shutil.copytree(old, out)
    before = states(out)
    disk.arm(8, lambda: OSError(28, "No space left on device"))
    with pytest.raises(SiteError, match="free some space"):
        make([new], out, append=True, use_cache=False)
    disk.disarm()
    assert states(out) == before

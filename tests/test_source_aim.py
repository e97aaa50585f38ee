"""Aim's repositories: they are seen, and said to be unreadable, with the way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from reportgen.sources import StatCache, discover
from reportgen.sources.aim import KIND
from reportgen.sources.kinds import Listing
from tests.sourcelogs import start_line, write_run


def make_repository(folder: Path) -> Path:
    """Write what of an Aim repository is looked at."""
    for name in ("meta", "seqs"):
        (folder / ".aim" / name / "chunks").mkdir(parents=True)
    (folder / ".aim" / "run_metadata.sqlite").write_bytes(b"SQLite format 3\0")
    return folder


@pytest.mark.parametrize("below", ["", ".aim"])
def test_a_repository_is_one_problem_with_a_way_out(tmp_path: Path, below: str) -> None:
    make_repository(tmp_path / "work")
    root = tmp_path / "work" / below
    files = [entry.name for entry in root.iterdir() if entry.is_file()]
    folders = [entry.name for entry in root.iterdir() if entry.is_dir()]
    claim = KIND.claim(Listing(str(root), ("work",), files, folders))
    assert claim is not None
    (problem,) = claim.problems
    assert problem.where.endswith(".aim/run_metadata.sqlite")
    assert "docs/sources.md#aim" in problem.hint
    assert claim.folders == set(folders)
    assert claim.runs == ()


def test_it_does_not_hide_the_runs_beside_it(tmp_path: Path) -> None:
    make_repository(tmp_path)
    write_run(tmp_path / "digits" / "r1", start_line())
    found = discover([tmp_path], cache=StatCache(None))
    assert len(found.runs) == 1
    assert [problem.message for problem in found.problems] == [
        "an Aim repository was not read: only Aim itself can read it"
    ]


def test_a_folder_of_that_name_alone_is_none(tmp_path: Path) -> None:
    (tmp_path / ".aim").mkdir()
    assert KIND.claim(Listing(str(tmp_path), ("x",), (), (".aim",))) is None

"""Files of Git LFS that were not fetched: they are told as such, and neither read nor called damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from reportgen.errors import SourceError
from reportgen.sources.sniffing import iter_seen
from tests.foreignruns import find

POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 45778\n"
MESSAGE = "the file is a pointer of Git LFS, and not the log itself"


def write(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(POINTER)
    return folder


@pytest.mark.parametrize(
    "name",
    ["events.out.tfevents.1700000000.box", "run-ab12cd34.wandb", "trainer_state.json", "mlflow.db", "results.csv"],
)
def test_a_pointer_is_told_beside_the_runs_that_are_there(tmp_path: Path, name: str) -> None:
    write(tmp_path / "a", name, "data.csv")
    (tmp_path / "log.csv").write_text("step,loss\n1,2.5\n")
    found = find(tmp_path)
    assert [(problem.message, problem.count) for problem in found.problems] == [(MESSAGE, 1)]
    assert "git lfs pull" in found.problems[0].hint
    assert len(found.runs) == 1


def test_pointers_alone_are_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"this file and 1 more of its folder are pointers of Git LFS.*git lfs pull"):
        find(write(tmp_path, "metrics.csv", "progress.csv"))


def test_a_look_into_a_folder_tells_pointers(tmp_path: Path) -> None:
    (seen,) = iter_seen(str(write(tmp_path, "metrics.csv", "data.csv")))
    assert [(passed.what, passed.names) for passed in seen.passed_over] == [
        ("pointer of Git LFS", ("data.csv", "metrics.csv"))
    ]
    assert [problem.message for problem in seen.problems] == [MESSAGE]

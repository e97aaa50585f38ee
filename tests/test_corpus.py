"""Real logs of other programs, where there are some: each example becomes a site, and each problem is explained.

`REPORTGEN_CORPUS` names a folder `<kind>/<owner>+<repository>/…` with logs that their owners have published. They are
not part of this repository.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Final

import pytest

from reportgen.build import BuildResult, build
from reportgen.importing import import_runs
from reportgen.model import Problem
from reportgen.site.config import Config
from tests.linkcheck import check_site

CORPUS = os.environ.get("REPORTGEN_CORPUS", "")
EXAMPLES = sorted(p.relative_to(CORPUS).as_posix() for p in Path(CORPUS).glob("*/*") if p.is_dir()) if CORPUS else []

EXPLAINED: Final[dict[str, dict[str, str]]] = {
    "asv/airspeed-velocity+asv": {
        r"(aaaaaaaa|bbbbbbbb)-.*\.json: the file holds no results of asv": "files that asv's own tests need",
    },
    "dvclive/alex000kim+ML-Pipeline-With-DVC-SkyPilot-HuggingFace": {
        r"2 values looked like secrets and were replaced": "params of transformers that are called `…_token`",
    },
    "tensorboard/janosh+tensorboard-reducer": {
        r"duplicate_steps/.*: steps were logged more than once": "written so on purpose",
    },
}
"""Example -> pattern of `place: message` -> why this is right."""

needs_corpus = pytest.mark.skipif(not CORPUS, reason="REPORTGEN_CORPUS names no folder of examples")


def make_site(source: Path, out: Path) -> BuildResult:
    return build([source], out, config=Config(), cache_dir=out.parent / "cache")


def explain(problem: Problem, example: str) -> str:
    """Return the pattern that explains a problem, empty where none does."""
    text = f"{problem.where}: {problem.message}"
    return next((pattern for pattern in EXPLAINED.get(example, ()) if re.search(pattern, text)), "")


@needs_corpus
def test_the_explained_examples_are_there() -> None:
    assert EXPLAINED.keys() - set(EXAMPLES) == set()


@needs_corpus
@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_becomes_a_site_without_an_unexplained_problem(example: str, tmp_path: Path) -> None:
    result = make_site(Path(CORPUS, example), tmp_path / "site")
    assert result.runs > 0
    explained = {problem: explain(problem, example) for problem in result.problems}
    assert [problem for problem, why in explained.items() if not why] == []
    assert EXPLAINED.get(example, {}).keys() - set(explained.values()) == set(), "explained, and not there"
    assert check_site(tmp_path / "site", reachable=True) == []


@needs_corpus
@pytest.mark.parametrize("example", EXAMPLES)
def test_the_imported_logs_of_an_example_give_the_same_pages(example: str, tmp_path: Path) -> None:
    source = Path(CORPUS, example)
    make_site(source, tmp_path / "site")
    imported = import_runs([source], tmp_path / "runs")
    make_site(tmp_path / "runs", tmp_path / "other")
    differ = differing(tmp_path / "site", tmp_path / "other")
    different = {
        path for path in differ if not path.startswith(("data/site.json", "data/packs/"))
    }  # they name the logs
    own = {problem for run in imported.runs for problem in run.problems}
    if set(imported.problems) - own:  # what belongs to no run stays behind, and is told on these pages
        different -= {"index.html", "problems.html"}
    assert different == set()


def differing(one: Path, other: Path) -> set[str]:
    """Return the site paths at which two sites differ."""
    left, right = (
        {
            p.relative_to(site).as_posix(): hashlib.sha256(p.read_bytes()).digest()
            for p in site.rglob("*")
            if p.is_file()
        }
        for site in (one, other)
    )
    return {path for path in left.keys() | right.keys() if left.get(path) != right.get(path)}


@needs_corpus
def test_the_whole_corpus_is_one_site(tmp_path: Path) -> None:
    result = make_site(Path(CORPUS), tmp_path / "site")
    alone = sum(make_site(Path(CORPUS, example), tmp_path / "alone" / example).runs for example in EXAMPLES)
    assert result.runs <= alone
    assert check_site(tmp_path / "site", reachable=True) == []

"""Damage at random places of any log: no other run is touched, and what is lost is told.

The tests of a kind know what damage of its format costs; here all kinds lie in one SOURCE, and one file at a time is
damaged.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pytest

from reportgen.errors import SourceError
from reportgen.model import Run
from reportgen.sources import StatCache, discover, read_run
from tests.foreignlogs import WRITERS

SEEDS: Final = 8
CHECKED: Final = ("wandb", "tensorboard")
"""Kinds whose files have checksums: no value may change without a word."""


def flip(data: bytearray, rng: random.Random) -> None:
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def scatter(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.randint(2, 20)):
        data[rng.randrange(len(data))] = rng.randrange(256)


def cut(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(len(data)) :]


def drop(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data))
    del data[at : at + rng.choice((1, 3, 40))]


def blank(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data))
    stop = min(len(data), at + rng.choice((1, 16, 512)))
    data[at:stop] = bytes(stop - at)


def insert(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data) + 1)
    data[at:at] = rng.randbytes(rng.choice((1, 8, 200)))


DAMAGES: Final[tuple[Callable[[bytearray, random.Random], None], ...]] = (flip, scatter, cut, drop, blank, insert)

Seen = Mapping[str, tuple[frozenset[str], Run]]
"""Key -> the files that a run is read from, and the run."""


def look(root: Path) -> tuple[Seen, int]:
    """Return the runs below `root`, and how many problems there are with them and without them."""
    found = discover([root], cache=StatCache(None))
    runs = {}
    for ref in found.runs:
        files = frozenset(file.path for place in ref.places for file in place.files)
        runs.update({read.run.summary.key: (files, read.run) for read in read_run(ref)})
    return runs, len(found.problems) + sum(len(run.summary.problems) for _, run in runs.values())


def values_of(run: Run) -> object:
    series = {
        (name, rank): (own.steps.tobytes(), own.times.tobytes(), own.values.tobytes())
        for name, ranks in run.series.items()
        for rank, own in ranks.items()
    }
    return series, run.summary.params, run.summary.tags, run.summary.status, run.summary.name


def points_of(run: Run) -> int:
    return sum(len(own) for ranks in run.series.values() for own in ranks.values())


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Seen]:
    root = tmp_path_factory.mktemp("logs")
    for kind, write in WRITERS.items():
        write(root / kind)
    runs, problems = look(root)
    assert problems == 0
    return root, runs


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("kind", sorted(WRITERS))
def test_damage_costs_no_other_run_and_is_told(
    logs: tuple[Path, Seen], kind: str, damage: Callable[[bytearray, random.Random], None]
) -> None:
    root, before = logs
    own = sorted({file for files, _ in before.values() for file in files if Path(file).is_relative_to(root / kind)})
    for seed in range(SEEDS):
        rng = random.Random(f"{kind} {damage.__name__} {seed}")
        path = Path(rng.choice(own))
        whole = path.read_bytes()
        data = bytearray(whole)
        damage(data, rng)
        path.write_bytes(data)
        try:
            after, problems = look(root)
        finally:
            path.write_bytes(whole)
        hit = {key for key, (files, _) in before.items() if str(path) in files}
        for key, (_, run) in before.items():
            if key not in hit:
                assert values_of(after[key][1]) == values_of(run), f"{path.name}, seed {seed}: another run"
        gone = [key for key in hit if key not in after]
        lost = [key for key in hit - set(gone) if points_of(after[key][1]) < points_of(before[key][1])]
        changed = [key for key in hit - set(gone) if values_of(after[key][1]) != values_of(before[key][1])]
        is_cut = whole.startswith(data) and is_whole_cut(data, kind)
        new = len(after) > len(before) - len(hit)  # under another key, as its beginning was damaged
        assert problems or is_cut or not lost, f"{path.name}, seed {seed}: points were lost without a word"
        is_told = kind != "tables"  # of a table of unknown origin nothing but its header says that it is a log
        assert problems or is_cut or new or not (gone and is_told), f"{path.name}, seed {seed}: a run was lost silently"
        if kind in CHECKED:
            assert problems or is_cut or not changed, f"{path.name}, seed {seed}: values changed without a word"


def is_whole_cut(data: bytearray, kind: str) -> bool:
    """Tell whether what is left of a file ends with a whole record or row."""
    lines = data.split(b"\n")
    is_row = kind in ("frameworks", "tables") and len(lines) > 1 and lines[0].count(b",") == lines[-1].count(b",")
    return kind in CHECKED or not data or data.endswith((b"\n", b"}")) or is_row


def test_a_source_of_nothing_but_damage_is_an_error(tmp_path: Path) -> None:
    rng = random.Random(7)
    for kind, write in WRITERS.items():
        write(tmp_path / kind)
    for path in sorted(tmp_path.rglob("*")):
        if path.is_file():
            path.write_bytes(rng.randbytes(path.stat().st_size))
    try:
        _, problems = look(tmp_path)
    except SourceError as error:
        assert "no run logs" in str(error)
    else:
        assert problems

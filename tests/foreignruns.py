"""Logs of other programs in tests: found and read as a build does it, and damaged in ways that repeat."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

from reportgen.errors import SourceError
from reportgen.model import Run
from reportgen.sources import Discovery, discover, read_run
from reportgen.sources.statcache import StatCache


def find(*sources: Path) -> Discovery:
    """Return what the sources hold."""
    return discover(sources, cache=StatCache(None))


def read_all(*sources: Path) -> dict[str, Run]:
    """Return name -> run of all runs in the sources."""
    return {read.run.summary.name: read.run for ref in find(*sources).runs for read in read_run(ref)}


def read_one(source: Path) -> Run:
    """Return the only run of a source."""
    (run,) = read_all(source).values()
    return run


def rows(run: Run, metric: str) -> list[tuple[int, float, float]]:
    """Return (step, time, value) of a metric; what is NaN is None, so that lists can be compared."""
    series = run.series[metric][0]
    columns = (series.steps.tolist(), series.times.tolist(), series.values.tolist())
    return [tuple(None if x != x else x for x in row) for row in zip(*columns, strict=True)]  # type: ignore[misc]


def messages(run: Run) -> list[str]:
    """Return the messages of a run's problems."""
    return [problem.message for problem in run.summary.problems]


def iter_damaged(sound: Path, scratch: Path, count: int, *, seed: int = 1) -> Iterator[str]:
    """Yield `count` times what was done to one file of a copy of `sound` in `scratch`: cut, bytes flipped, doubled."""
    chance = random.Random(seed)
    files = sorted(file.relative_to(sound) for file in sound.rglob("*") if file.is_file())
    for _ in range(count):
        shutil.rmtree(scratch, ignore_errors=True)
        shutil.copytree(sound, scratch)
        file = scratch / chance.choice(files)
        data = bytearray(file.read_bytes())
        how = chance.choice(("cut", "flip", "double", "empty", "nest"))
        if how == "cut":
            del data[chance.randrange(len(data) + 1) :]
        elif how == "flip":
            for _ in range(min(len(data), 1 + chance.randrange(8))):
                data[chance.randrange(len(data))] = chance.randrange(256)
        elif how == "double":
            at = chance.randrange(len(data) + 1)
            data[at:at] = data
        elif how == "nest":
            data[:0] = b"[" * 100_000
        else:
            data.clear()
        file.write_bytes(data)
        yield f"{how} {file.relative_to(scratch)}"


def survives(sound: Path, scratch: Path, count: int = 60) -> None:
    """Read what `iter_damaged` makes: whatever it is, runs come out, or the words that there are none."""
    for _how in iter_damaged(sound, scratch, count):
        try:
            read_all(scratch)
        except SourceError:
            continue

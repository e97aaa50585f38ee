"""Time and writes of `reportgen build NEW -o SITE --append`, beside what no program can do without.

    python -m tests.benchmarks.bench_append [--runs 1000 10000] [--points 200] [--metrics 5] [--jobs 2]

For each size one row an addition of one run, to an experiment of a fifth of the site: seconds, CPU seconds, peak memory
of the largest process, files that are new, files that are replaced, and the bytes of both. Then the limits, in this
run: starting Python with numpy, asking the system for the state of each file, and writing the same bytes again.
"""

from __future__ import annotations

import argparse
import compileall
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import reportgen
from tests.benchmarks.bench_build import run_build, write_runs

ADDITIONS = 3


def state_of(site: Path) -> dict[str, tuple[int, int]]:
    """Return path -> (size, time of the last change) of each file of a site."""
    files = (Path(folder, name) for folder, _, names in os.walk(site) for name in names)
    return {str(file): ((found := file.lstat()).st_size, found.st_mtime_ns) for file in files}


def run_append(new: Path, site: Path, cache: Path, jobs: int) -> tuple[float, float, int]:
    """Return (wall s, CPU s, peak MiB of the largest process) of one addition in a process of its own."""
    return run_build(new, site, cache, jobs, "--append")


def timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def write_again(sizes: list[int], folder: Path) -> None:
    """Write files of these sizes, bare."""
    folder.mkdir()
    data = os.urandom(max(sizes, default=0))
    for number, size in enumerate(sizes):
        (folder / str(number)).write_bytes(data[:size])


def measure(runs: int, metrics: int, points: int, jobs: int, place: Path) -> None:
    """Build a site of `runs` runs, add some one by one, and print a row for each."""
    site, cache = place / "site", place / "cache"
    write_runs(place / "runs", runs, metrics, points)
    cold = run_build(place / "runs", site, cache, jobs)
    time.sleep(2.1)  # files younger than two seconds are distrusted, and read again
    print(f"{runs:,} runs x {metrics} metrics x {points} points: built in {cold[0]:.1f} s, peak {cold[2]} MiB")
    print(f"{'':26}{'wall s':>8}{'CPU s':>8}{'peak MiB':>10}{'new':>6}{'replaced':>10}{'gone':>6}{'MB':>8}")
    sizes: list[int] = []
    for number in range(ADDITIONS):
        new = place / f"new{number}"
        write_runs(new, 1, metrics, points, first=runs + number)
        before = state_of(site)
        wall, cpu, peak = run_append(new, site, cache, jobs)
        after = state_of(site)
        fresh, gone = after.keys() - before.keys(), before.keys() - after.keys()
        replaced = {path for path in after.keys() & before.keys() if after[path] != before[path]}
        sizes = [after[path][0] for path in (*fresh, *replaced)]
        counts = f"{len(fresh):6}{len(replaced):10}{len(gone):6}{sum(sizes) / 1e6:8.2f}"
        print(f"{f'one run more ({number + 1})':26}{wall:8.2f}{cpu:8.2f}{peak:10}{counts}")
    files = list(state_of(site))
    start = timed(lambda: subprocess.run([sys.executable, "-c", "import numpy"], check=True))
    print(f"{'limit: Python and numpy':26}{start:8.2f}")
    print(f"{f'limit: stat of {len(files):,} files':26}{timed(lambda: [os.lstat(file) for file in files]):8.2f}")
    print(f"{'limit: the same bytes':26}{timed(lambda: write_again(sizes, place / 'bare')):8.2f}")


def main() -> None:
    """Measure each size."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--metrics", type=int, default=5)
    parser.add_argument("--points", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    compileall.compile_dir(reportgen.__path__[0], quiet=1)  # as an installation does it
    for runs in options.runs:
        with tempfile.TemporaryDirectory() as place:
            measure(runs, options.metrics, options.points, options.jobs, Path(place))


if __name__ == "__main__":
    main()

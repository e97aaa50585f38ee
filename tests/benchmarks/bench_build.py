"""Time of `reportgen build` for many runs, as multiples of parsing the same bytes with bare orjson.

    python -m tests.benchmarks.bench_build [--runs 1000] [--points 200] [--metrics 5] [--jobs 2]

Prints one row for the limit (every line through `orjson.loads`, one process), for a build into an empty folder, for a
second build that has nothing to do, for a third with one run more, and for the other limit: writing the same files.
Peak memory is the largest single process.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import orjson

START = 1_790_000_000.0


def write_runs(root: Path, runs: int, metrics: int, points: int, *, first: int = 0) -> int:
    """Write `runs` logs as the logger would, in five experiments; return their bytes."""
    noise = random.Random(first)
    size = 0
    names = [f"{part}/metric_{i}" for i in range(metrics) for part in (("train", "val")[i % 2],)]
    for number in range(first, first + runs):
        experiment = f"experiment-{number % 5}"
        run_id = f"20260921-000000-{number:010d}"
        folder = root / experiment / run_id
        folder.mkdir(parents=True)
        began = START + number * 60
        params = {f"param_{i}": noise.choice([1, 2, 3]) if i < 3 else i for i in range(9)} | {"seed": number % 4}
        lines = [
            {
                "event": "start", "format": 1, "run_id": run_id, "experiment": experiment, "name": f"run-{number}",
                "rank": 0, "session": f"20260921T000000.{number:06d}Z-0000", "time": began,
            },
            {"event": "params", "params": params},
        ]  # fmt: skip
        for step in range(points):
            values = {name: noise.gauss(0, 0.02) + (i + 1) / (1 + step) for i, name in enumerate(names)}
            lines.append({"event": "metrics", "step": step, "time": began + step + noise.random(), "metrics": values})
        lines.append({"event": "end", "status": "FINISHED", "time": began + points + 1})
        data = b"".join(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines)
        (folder / "events.jsonl").write_bytes(data)
        size += len(data)
    return size


def parse_all(root: Path) -> float:
    """Return the seconds that decoding every line of every log takes in one process."""
    began = time.perf_counter()
    for file in root.rglob("events*.jsonl"):
        for line in file.read_bytes().split(b"\n"):
            if line:
                orjson.loads(line)
    return time.perf_counter() - began


def write_files(site: Path, folder: Path) -> float:
    """Return the seconds that writing the files of `site` again, bare, takes: what no build can do without."""
    contents = [
        (folder / str(number), file.stat().st_size) for number, file in enumerate(site.rglob("*")) if file.is_file()
    ]
    folder.mkdir()
    data = os.urandom(max(size for _, size in contents))
    began = time.perf_counter()
    for path, size in contents:
        path.write_bytes(data[:size])
    return time.perf_counter() - began


def run_build(root: Path, out: Path, cache: Path, jobs: int, *options: str) -> tuple[float, float, int]:
    """Return (wall s, CPU s, peak MiB of the largest process) of one build in a process of its own."""
    command = [sys.executable, "-m", "reportgen", "build", str(root), "-o", str(out), "-q", "--jobs", str(jobs)]
    command += options
    began = time.perf_counter()
    process = subprocess.Popen(command, env=os.environ | {"REPORTGEN_CACHE_DIR": str(cache)})
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"the build failed with exit code {process.returncode}")
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024


def main() -> None:
    """Write the runs, build three times, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=1_000)
    parser.add_argument("--metrics", type=int, default=5)
    parser.add_argument("--points", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root, out, cache = Path(folder, "runs"), Path(folder, "site"), Path(folder, "cache")
        size = write_runs(root, options.runs, options.metrics, options.points)
        limit = parse_all(root)
        print(f"{options.runs:,} runs x {options.metrics} metrics x {options.points} points, {size / 2**20:.0f} MiB")
        print(f"{'':24}{'wall s':>9}{'CPU s':>9}{'x parse':>9}{'peak MiB':>10}")
        print(f"{'orjson.loads, each line':24}{limit:9.2f}{limit:9.2f}{1:9.1f}")
        for name in ("cold", "unchanged", "one run more"):
            if name == "one run more":
                write_runs(root, 1, options.metrics, options.points, first=options.runs)
            elif name == "unchanged":
                time.sleep(2.1)  # files younger than two seconds are distrusted, and read again
            wall, cpu, peak = run_build(root, out, cache, options.jobs)
            print(f"{name:24}{wall:9.2f}{cpu:9.2f}{wall / limit:9.1f}{peak:10}")
        bare = write_files(out, Path(folder, "bare"))
        print(f"{'writing the files, bare':24}{bare:9.2f}{bare:9.2f}{bare / limit:9.1f}")


if __name__ == "__main__":
    main()

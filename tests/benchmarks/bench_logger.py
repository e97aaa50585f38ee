"""What one `log_metrics` call costs, beside a bare loop that writes the same lines.

    python -m tests.benchmarks.bench_logger


CPU time of the process (user and system), because other programs take turns on the machine. The bare loop builds the
same event, serialises it with orjson and writes it with one `os.write`. Both are timed in short turns, one after the
other, and the median of the turns' ratios is what counts: what slows the machine slows both.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import process_time, time

import orjson

import reportgen as rg

CALLS = 20_000
TURNS = 15
METRICS = {
    1: {"train/loss": 0.6931471805599453},
    3: {"train/loss": 0.6931471805599453, "val/accuracy": 0.9234567890123457, "lr": 0.0003},
    10: {f"metric/{i}": 0.1234567890123457 * (i + 1) for i in range(10)},
}
LIMIT = 2.0


def run_bare(path: Path, metrics: dict[str, float]) -> float:
    """Return the CPU seconds of `CALLS` lines written with nothing between the dictionary and the disk."""
    fd = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    start = process_time()
    for step in range(CALLS):
        event = {"event": "metrics", "step": step, "time": time(), "metrics": metrics}
        os.write(fd, orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE))
    seconds = process_time() - start
    os.close(fd)
    path.unlink()
    return seconds


def run_logger(log: Callable[..., None], metrics: dict[str, float]) -> float:
    """Return the CPU seconds of `CALLS` calls of `log`."""
    start = process_time()
    for step in range(CALLS):
        log(metrics, step=step)
    return process_time() - start


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        print(f"{'call':34} {'bare us':>9} {'logger us':>10} {'ratio':>7} {'bytes/point':>12}")
        for count, metrics in METRICS.items():
            for label in ("run.log_metrics", "rg.log_metrics"):
                with rg.start_run(log_dir=folder, capture=False) as run:
                    log = run.log_metrics if label.startswith("run") else rg.log_metrics
                    pairs = [
                        (run_bare(Path(folder, "bare.jsonl"), metrics), run_logger(log, metrics)) for _ in range(TURNS)
                    ]
                    assert run.path is not None
                    size = run.path.stat().st_size / (CALLS * TURNS * count)
                bare, logger = (median(column) / CALLS * 1e6 for column in zip(*pairs, strict=True))
                ratio = median(ours / limit for limit, ours in pairs)
                verdict = "" if ratio <= LIMIT else f"  over {LIMIT}"
                print(
                    f"{label}, {count:2} metrics{'':13} {bare:9.2f} {logger:10.2f} {ratio:7.2f} {size:12.1f}{verdict}"
                )


if __name__ == "__main__":
    main()

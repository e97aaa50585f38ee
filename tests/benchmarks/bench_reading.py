"""What reading logs costs, beside a bare `orjson.loads` of the same lines in the same run.

    python -m tests.benchmarks.bench_reading

CPU time of the process, because other programs take turns on the machine. The bare loop decodes each line and drops it;
ours reads the file, hashes it, decodes, checks and sorts everything into float64 columns. Both are timed in turns, and
the median of the turns' ratios counts. A site of many small runs is timed as milliseconds a run: read, merge, summarise
and encode the record.
"""

from __future__ import annotations

import gc
import random
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from time import process_time

import orjson

from reportgen.sources import discover, encode_record, fingerprint, read_run
from reportgen.sources.jsonlog import Identity, read_log
from reportgen.sources.statcache import StatCache

LINES = 100_000
TURNS = 7
RUNS = 1000
METRICS = ("train/loss", "train/accuracy", "lr", "grad/norm", "val/loss")
START = {
    "event": "start",
    "format": 1,
    "run_id": "r",
    "experiment": "e",
    "name": "n",
    "rank": 0,
    "session": "s",
    "time": 1,
}
T0 = 1_795_262_520.0


def line(step: int, count: int) -> dict[str, object]:
    """Return a metrics line of `count` random values."""
    metrics = {name: random.random() for name in METRICS[:count]}
    return {"event": "metrics", "step": step, "time": T0 + step * 0.37 + random.random() / 99, "metrics": metrics}


def uniform(count: int) -> Iterator[bytes]:
    """Yield lines with the same keys."""
    for step in range(LINES):
        yield orjson.dumps(line(step, count))


def mixed(count: int) -> Iterator[bytes]:
    """Yield lines of which some have more keys, NaN or other kinds between them, and some are torn."""
    for step in range(LINES):
        event = line(step, count)
        metrics = event["metrics"]
        assert isinstance(metrics, dict)
        if step % 10 == 0:
            metrics["val/accuracy"] = random.random()
        if step % 97 == 0:
            metrics["train/loss"] = "NaN"
        if step % 500 == 0:
            yield orjson.dumps({"event": "params", "params": {f"p{step}": step}})
        yield orjson.dumps(event)[: 60 if step % 2000 == 77 else None]


def wild(count: int) -> Iterator[bytes]:
    """Yield lines whose keys change all the time."""
    for step in range(LINES):
        event = line(step, count)
        metrics = event["metrics"]
        assert isinstance(metrics, dict)
        yield orjson.dumps({**event, "metrics": {k: v for k, v in metrics.items() if random.random() < 0.6}})


def stepless(count: int) -> Iterator[bytes]:
    """Yield lines without a step."""
    for step in range(LINES):
        yield orjson.dumps({k: v for k, v in line(step, count).items() if k != "step"})


def seconds(work: Callable[[], object]) -> float:
    """Return the CPU seconds of a call."""
    start = process_time()
    work()
    return process_time() - start


def decode(lines: list[bytes]) -> None:
    """Decode each line and drop it."""
    for text in lines:
        try:
            orjson.loads(text)
        except orjson.JSONDecodeError:
            continue


def main() -> None:
    """Print the tables."""
    random.seed(1)
    print(f"{'lines':24} {'MB':>6} {'bare ms':>8} {'ours ms':>8} {'speed':>7}")
    cases: list[tuple[str, Callable[[int], Iterator[bytes]], int, float]] = [
        ("uniform, 3 metrics", uniform, 3, 0.45),
        ("uniform, 4 metrics", uniform, 4, 0.45),
        ("uniform, 5 metrics", uniform, 5, 0.45),
        ("without steps, 3 metrics", stepless, 3, 0.25),
        ("mixed, 4 metrics", mixed, 4, 0.25),
        ("wild, 5 metrics", wild, 5, 0.25),
    ]
    with tempfile.TemporaryDirectory() as folder:
        for label, make, count, limit in cases:
            lines = [orjson.dumps(START), *make(count)]
            path = Path(folder, "events.jsonl")
            path.write_bytes(b"\n".join(lines) + b"\n")
            read = partial(read_log, str(path), "l", Identity("r", "e"))
            pairs = [(seconds(partial(decode, lines)), seconds(read)) for _ in range(TURNS)]
            bare, ours = (median(column) * 1e3 for column in zip(*pairs, strict=True))
            speed = median(limit / own for limit, own in pairs)
            verdict = "" if speed >= limit else f"  under {limit:.0%}"
            print(f"{label:24} {path.stat().st_size / 1e6:6.1f} {bare:8.1f} {ours:8.1f} {speed:7.0%}{verdict}")
        time_many_runs(Path(folder, "many"))


def time_many_runs(root: Path) -> None:
    """Print what finding and reading many small runs costs."""
    for number in range(RUNS):
        run = root / f"exp{number % 5}" / f"run{number:05d}"
        run.mkdir(parents=True)
        start = {**START, "run_id": run.name, "experiment": run.parent.name}
        env = {"event": "env", "packages": {f"package-{i}": "1.2.3" for i in range(60)}}
        params = {"event": "params", "params": {f"param{i}": random.random() for i in range(10)}}
        events = [start, env, params, *(line(step, 5) for step in range(200)), {"event": "end", "status": "FINISHED"}]
        (run / "events.jsonl").write_bytes(b"".join(orjson.dumps(event) + b"\n" for event in events))
    cache = StatCache(None, now_ns=lambda: 2**62)
    cold = seconds(lambda: discover([root], cache=cache))
    refs = discover([root], cache=cache).runs
    marks = seconds(lambda: [fingerprint(ref, cache) for ref in refs])
    warm = seconds(lambda: discover([root], cache=cache))
    lines = [text for ref in refs for text in Path(ref.places[0].files[0].path).read_bytes().splitlines()]
    gc.disable()
    bare = min(seconds(lambda: decode(lines)) for _ in range(3))
    whole = min(seconds(lambda: [encode_record(read.run) for ref in refs for read in read_run(ref)]) for _ in range(3))
    gc.enable()
    print(f"\n{RUNS} runs of 5 metrics x 200 steps, ms a run")
    print(f"discover, cold {cold / RUNS * 1e3:.3f}   warm {warm / RUNS * 1e3:.3f}   hash {marks / RUNS * 1e3:.3f}")
    print(f"read to record {whole / RUNS * 1e3:.2f}   bare orjson.loads {bare / RUNS * 1e3:.2f}   {whole / bare:.1f} x")


if __name__ == "__main__":
    main()

"""What reading the logs of other programs costs, beside reading their bytes in the same run.

    python -m tests.benchmarks.bench_sources [NAME …]

CPU time of the process, because other programs take turns on the machine; the median of some turns. The physical limit
beside it is `read(2)` of the same files. A function `bench_<name>` a kind: it makes a log and times its reading.
"""

from __future__ import annotations

import json
import os
import random
import struct
import sys
import tempfile
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from statistics import median
from time import process_time

from reportgen.sources import RunRef, discover
from reportgen.sources.kinds import kind_of
from reportgen.sources.statcache import StatCache
from reportgen.sources.tensorboard.crc import crc, mask
from reportgen.sources.tensorboard.records import short_mask
from tests import mlflowlogs, wandblogs
from tests.eventfiles import T0, event, field, head, simple

TURNS = 5


def timed(function: Callable[[], object]) -> float:
    """Return the median CPU seconds of a call."""
    turns = []
    for _ in range(TURNS):
        begin = process_time()
        function()
        turns.append(process_time() - begin)
    return median(turns)


def read_refs(refs: tuple[RunRef, ...]) -> int:
    """Return how many points the streams of the runs have."""
    streams = [s for ref in refs for place in ref.places for s in kind_of(place.kind).read(place, ref)]
    return sum(len(points) for stream in streams for points in stream.points.values())


def report(title: str, folder: Path) -> None:
    """Print what finding and reading the runs of a folder costs."""
    refs = discover([folder], cache=StatCache(None)).runs
    found = timed(lambda: discover([folder], cache=StatCache(None)))
    points = read_refs(refs)
    ours = timed(lambda: read_refs(refs))
    paths = {file.path for ref in refs for place in ref.places for file in place.files}
    bare = timed(lambda: [Path(path).read_bytes() for path in paths])
    mb = sum(os.path.getsize(path) for path in paths) / 2**20
    print(
        f"{title}: {len(refs):,} runs, {points:,} points, {mb:.1f} MB; found in {found:.3f} s,"
        f" read in {ours:.3f} s = {points / ours / 1e6:.2f} M points/s; bytes alone {bare:.4f} s"
    )


def bench_mlflow(folder: Path) -> None:
    """Ten metrics of 100,000 steps in one run, then a thousand small runs in a store and in a database."""
    for metric in range(10):
        rows = (f"{1_700_000_000_000 + step} {random.random()} {step}\n" for step in range(100_000))
        write_mlflow(folder / "large", 0, {f"m{metric}": "".join(rows)})
    report("MLflow, a long run", folder / "large")
    for number in range(1000):
        short = "".join(f"{1_700_000_000_000 + step} {random.random()} {step}\n" for step in range(20))
        write_mlflow(folder / "store", number, dict.fromkeys(("loss", "acc", "val/loss", "val/acc", "lr"), short))
    report("MLflow, small runs in a store", folder / "store")
    with closing(mlflowlogs.make_database(folder / "database" / "mlflow.db")) as database:
        for number in range(1000):
            points = [(1_700_000_000_000 + step, random.random(), step, 0) for step in range(20)]
            params = {f"p{i}": str(random.random()) for i in range(8)}
            mlflowlogs.insert_run(database, number, params=params, metrics=dict.fromkeys(("loss", "acc", "lr"), points))
    report("MLflow, small runs in a database", folder / "database")


def write_mlflow(folder: Path, number: int, metrics: dict[str, str]) -> None:
    """Write a run of MLflow, or more metrics of one."""
    experiment = mlflowlogs.write_experiment(folder, "1", "e")
    params = {f"p{i}": str(random.random()) for i in range(8)}
    tags = {"mlflow.user": "ada", "mlflow.source.name": "train.py", "mlflow.source.git.commit": "a" * 40}
    mlflowlogs.write_run(experiment, number, params=params, metrics=metrics, tags=tags)


def bench_dvclive(folder: Path) -> None:
    """Ten metrics of 100,000 steps with times."""
    for metric in range(10):
        rows = (f"{1_700_000_000_000 + step}\t{step}\t{random.random()}\n" for step in range(100_000))
        path = folder / "dvclive" / "plots" / "metrics" / "train" / f"m{metric}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"timestamp\tstep\tm{metric}\n" + "".join(rows), encoding="utf-8")
    (folder / "dvclive" / "metrics.json").write_text('{\n    "step": 99999\n}', encoding="utf-8")
    report("DVCLive", folder)


def bench_sacred(folder: Path) -> None:
    """Five metrics of 40,000 steps in one run."""
    series = {
        "steps": list(range(40_000)),
        "timestamps": [f"2024-03-01T10:{i // 6000:02}:{i // 100 % 60:02}.{i % 100:02}0000" for i in range(40_000)],
        "values": [random.random() for _ in range(40_000)],
    }
    run = folder / "1"
    run.mkdir()
    entry = {"command": "m", "experiment": {"name": "x"}, "host": {}, "meta": {}, "status": "RUNNING"}
    (run / "run.json").write_text(json.dumps(entry), encoding="utf-8")
    (run / "metrics.json").write_text(json.dumps({f"m{i}": series for i in range(5)}, indent=2), encoding="utf-8")
    report("Sacred", folder)


def bench_wandb(folder: Path) -> None:
    """Ten metrics of 100,000 steps, with the summary records that W&B writes beside each step."""
    wandblogs.write_run(folder, [wandblogs.run_record(), *wandblogs.steps(100_000, 10, summaries=True)])
    report("W&B, ten metrics a step", folder)


def bench_wandb_one(folder: Path) -> None:
    """One metric of 200,000 steps: three records a point."""
    wandblogs.write_run(folder, [wandblogs.run_record(), *wandblogs.steps(200_000, 1, summaries=True)])
    report("W&B, one metric a step", folder)


def bench_asv(folder: Path) -> None:
    """Results of 2,000 commits with 200 benchmarks each."""
    machine = folder / "results" / "cheetah"
    machine.mkdir(parents=True)
    (machine / "machine.json").write_text('{"machine": "cheetah", "version": 1}', encoding="utf-8")
    units = {f"time_{i}": {"unit": "seconds"} for i in range(200)}
    (folder / "results" / "benchmarks.json").write_text(json.dumps(units | {"version": 2}), encoding="utf-8")
    for commit in range(2000):
        entry = {
            "commit_hash": f"{commit:040x}",
            "date": 1_367_127_519_000 + commit,
            "params": {"machine": "cheetah"},
            "result_columns": ["result", "params"],
            "results": {name: [[random.random()], []] for name in units},
            "version": 2,
        }
        (machine / f"{commit:08x}-py3.11.json").write_text(json.dumps(entry), encoding="utf-8")
    report("asv", folder)


def bench_tensorboard(folder: Path) -> None:
    """A million scalars, ten and a thousand names, as torch writes them, and twenty thousand histograms."""
    for names in (10, 1000):
        tags = [f"layer{number:04d}/loss" for number in range(names)]
        steps = range(1_000_000 // names)
        events = (
            event(simple(tag, random.random()), step=s, time=T0 + s + i / 999)
            for s in steps
            for i, tag in enumerate(tags)
        )
        write_event_file(folder / f"r{names}", events)
        report(f"TensorBoard, {names} names", folder / f"r{names}")
    bounds, counts = struct.pack("<60d", *range(60)), struct.pack("<60d", *range(60))
    histogram = field(1, "weights") + field(5, field(1, 0.0) + field(2, 60.0) + field(6, bounds) + field(7, counts))
    write_event_file(folder / "h", (event(histogram, step=step) for step in range(20_000)))
    report("TensorBoard, histograms (five points each)", folder / "h")


def bench_tables(folder: Path) -> None:
    """Ten metrics of 100,000 steps as CSV, as CSV with empty cells, and as JSON lines."""
    names = [f"m{number}" for number in range(10)]
    for title in ("CSV", "CSV with empty cells", "JSON lines"):
        path = folder / title / "run" / ("log.jsonl" if title.startswith("JSON") else "log.csv")
        path.parent.mkdir(parents=True)
        with path.open("w", encoding="utf-8") as file:
            if title.startswith("CSV"):
                file.write(",".join(["step", *names]) + "\n")
            for step in range(100_000):
                values = [random.random() for _ in names]
                if title == "JSON lines":
                    file.write(json.dumps({"step": step, **dict(zip(names, values, strict=True))}) + "\n")
                else:
                    has_all = title == "CSV" or step % 10 == 0
                    file.write(
                        ",".join([str(step), *(repr(v) if has_all or i < 5 else "" for i, v in enumerate(values))])
                        + "\n"
                    )
        report(title, folder / title)


def write_event_file(folder: Path, events: Iterable[bytes]) -> None:
    """Write an event file with our own checksums, which are quicker than those of the tests."""
    folder.mkdir()
    with (folder / "events.out.tfevents.1700000000.host").open("wb") as file:
        file.write(head())
        for content in events:
            length = struct.pack("<Q", len(content))
            file.write(length + short_mask(length) + content + mask(crc(content)).to_bytes(4, "little"))


def main(names: list[str]) -> None:
    """Run the benchmarks of the given kinds, of all without a name."""
    for name, function in list(globals().items()):
        if name.startswith("bench_") and (not names or name.removeprefix("bench_") in names):
            with tempfile.TemporaryDirectory() as folder:
                function(Path(folder))


if __name__ == "__main__":
    main(sys.argv[1:])

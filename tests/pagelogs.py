"""The logs behind the pages that weights and times are measured on: a large table, many curves, a long series.

Values are float32, as frameworks report them. Everything is drawn from a fixed seed.
"""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import orjson

START = 1_790_000_000.0
TABLE, CURVES, SINGLE, LONG = "table", "curves", "single", "long"
"""Experiments: 2,000 runs x 30 columns; 50 runs x 12 metrics x 500 steps; 12 charts x 2 x 500; one long series."""


def write_table(root: Path, runs: int = 2_000, *, metrics: int = 10, params: int = 16) -> None:
    """Write `runs` short runs of the experiment `table`: with name, status, start and duration 30 columns."""
    noise = random.Random(1)
    for number in range(runs):
        lr = noise.choice([1e-4, 3e-4, 1e-3, 3e-3])
        values: dict[str, Any] = {"lr": lr, "optimizer": noise.choice(["adamw", "lion", "sgd"]), "seed": number % 4}
        values |= {
            f"param_{i}": noise.choice([0, 0.1, 0.2, 0.5]) if i % 2 else noise.randrange(64) for i in range(params - 3)
        }
        points = [
            {
                f"val/metric_{i}": float(np.float32(1 - math.exp(-step - lr) + noise.gauss(0, 0.01)))
                for i in range(metrics)
            }
            for step in range(3)
        ]
        _write(root, TABLE, number, values, points)


def write_curves(root: Path, runs: int = 50, *, metrics: int = 12, steps: int = 500) -> None:
    """Write the runs of the experiment `curves`."""
    noise = np.random.default_rng(2)
    for number in range(runs):
        _write(
            root,
            CURVES,
            number,
            {"width": 16 * (number % 10), "seed": number // 10},
            _curves(noise, metrics, steps, ""),
        )


def write_single(root: Path, *, charts: int = 12, steps: int = 500) -> None:
    """Write the run of the experiment `single`: each chart shows a metric of the training and of the validation."""
    noise = np.random.default_rng(3)
    train, val = (_curves(noise, charts, steps, f"{split}/") for split in ("train", "val"))
    _write(root, SINGLE, 0, {"lr": 0.1}, [a | b for a, b in zip(train, val, strict=True)])


def write_long(root: Path, points: int = 10_000_000, *, chunk: int = 65_536) -> None:
    """Write the run of the experiment `long`: one metric with `points` values and a spike of one point."""
    noise = np.random.default_rng(4)
    spike = points * 2 // 3
    folder = root / LONG / "run-0"
    folder.mkdir(parents=True)
    with (folder / "events.jsonl").open("wb") as file:
        file.write(_line(_start(LONG, 0)))
        for first in range(0, points, chunk):
            steps = np.arange(first, min(first + chunk, points))
            values = (np.exp(-steps / points * 3) + noise.normal(0, 0.02, len(steps))).astype(np.float32).astype(float)
            values[steps == spike] = 9.0
            times = START + steps / 1000
            file.write(
                _line({"event": "points", "metric": "train/loss", "steps": steps, "times": times, "values": values})
            )
        file.write(_line({"event": "end", "status": "FINISHED", "time": START + points / 1000}))


def _curves(noise: np.random.Generator, metrics: int, steps: int, prefix: str) -> list[dict[str, float]]:
    along = np.arange(steps)
    columns = {
        f"{prefix}metric_{i}": (0.2 + np.exp(-along / (50 + 10 * i)) + noise.normal(0, 0.02, steps))
        .astype(np.float32)
        .tolist()
        for i in range(metrics)
    }
    return [{name: float(values[step]) for name, values in columns.items()} for step in range(steps)]


def _write(root: Path, experiment: str, number: int, params: dict[str, Any], points: list[dict[str, float]]) -> None:
    start = _start(experiment, number)
    lines: list[dict[str, Any]] = [start, {"event": "params", "params": params}]
    for step, values in enumerate(points):
        lines.append({"event": "metrics", "step": step, "time": start["time"] + step, "metrics": values})
    lines.append({"event": "end", "status": "FINISHED", "time": start["time"] + len(points)})
    folder = root / experiment / start["run_id"]
    folder.mkdir(parents=True)
    (folder / "events.jsonl").write_bytes(b"".join(map(_line, lines)))


def _start(experiment: str, number: int) -> dict[str, Any]:
    began = START + 600 * number
    return {
        "event": "start", "format": 1, "run_id": f"{experiment}-{number:06d}", "experiment": experiment,
        "name": f"run-{number}", "rank": 0, "session": f"20260921T000000.{number:06d}Z-0000", "time": began,
    }  # fmt: skip


def _line(event: dict[str, Any]) -> bytes:
    return orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY)

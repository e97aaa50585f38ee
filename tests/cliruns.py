"""Logs of a small sweep, for tests of the commands that look at runs."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from tests.sourcelogs import T0, metrics_line, start_line, write_run

HOSTILE = "\x1b[31mred\x1b[0m \u202e损失\x07|`*"
"""A name that would colour, ring and turn round what stands beside it, and break a Markdown table."""
NOW = "2026-11-22"


def write_sweep(root: Path) -> Path:
    """Write eight runs in three experiments into `root/runs` and return that folder.

    `digits` has the runs mlp-256 and mlp-512 with two seeds each by width, a failed and an unfinished one; `forest` has
    one run; `odd` has a run with hostile names and values.
    """
    runs = root / "runs"
    for number, name, width, seed, top in (
        (1, "mlp-256", 256, 0, 0.90),
        (2, "mlp-256-b", 256, 1, 0.91),
        (3, "mlp-512", 512, 0, 0.95),
        (4, "mlp-512-b", 512, 1, 0.94),
    ):
        _write(runs, "digits", name, number, {"lr": 0.1, "width": width, "seed": seed, "optimizer": "adam"}, top)
    _write(
        runs, "digits", "broken", 5, {"lr": 10.0, "width": 512, "seed": 0, "optimizer": "adam"}, 0.99, status="FAILED"
    )
    _write(runs, "digits", "going", 6, {"lr": 0.1, "width": 64, "seed": 0, "optimizer": "sgd"}, 0.5, status="")
    _write(runs, "forest", "deep", 7, {"trees": 100, "depth": None}, 0.8)
    odd: list[dict[str, Any]] = [
        start_line("odd-1", name=HOSTILE, experiment="odd", time=T0 + 60 * 8),
        {"event": "params", "params": {HOSTILE: HOSTILE, "formula": "=1+1", "big": 2**70, "nan": "NaN"}},
        {"event": "tags", "tags": {HOSTILE: HOSTILE}},
        {"event": "note", "text": f"# A note\n{HOSTILE}"},
        metrics_line(0, **{"m\x1b": "NaN", "val/loss": "Infinity"}),
        metrics_line(1, **{"m\x1b": 1.0, "val/loss": 2.0}),
        {"event": "end", "status": "FINISHED", "time": T0 + 600},
    ]
    write_run(runs / "odd" / "odd-1", *odd)
    return runs


def _write(
    runs: Path, experiment: str, name: str, number: int, params: dict[str, Any], top: float, *, status: str = "FINISHED"
) -> None:
    start = T0 + 60 * number
    lines: list[dict[str, Any]] = [
        start_line(f"2026-{number}", name=name, experiment=experiment, time=start, user="ada"),
        {"event": "params", "params": params},
        {"event": "tags", "tags": {"team": "vision" if number % 2 else "speech"}},
        {"event": "code", "commit": f"{number % 2}" * 40, "branch": "main", "dirty": False, "command": ["train.py"]},
        {"event": "env", "python": "3.12.1", "packages": {"torch": f"2.{number % 2}.0"}},
    ]
    for step in range(20):
        values = {
            "train/loss": 2 / (step + 1),
            "val/accuracy": top * (1 - math.exp(-step - 1)),
            "val/loss": 1 / (step + 1 + number),
        }
        lines.append({**metrics_line(step, **values), "time": start + step})
    if status:
        error = {"error": "ValueError: no\ndetails"} if status == "FAILED" else {}
        lines.append({"event": "end", "status": status, "time": start + 30, **error})
    write_run(runs / experiment / f"run-{number}", *lines)

"""Experiment tables for tests and benchmarks of the table of runs: any number of runs, params and metrics."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

from reportgen.site.data import script
from tests.datafiles import write_packed

SPARK = "AEIMQUYcgkosw048+/"


def make_table(
    runs: int, *, params: int = 3, metrics: int = 3, seeds: int = 4, k: str = "aaaaaaaaaa"
) -> dict[str, Any]:
    """Return a table as `reportgen.d.ts` describes it.

    `seeds` runs in a row share a configuration; `param0` is a word, the other params are numbers, the last one is the
    seed; `metric0` leads and is better when it is higher, `metric1` when it is lower. Every 25th run failed.
    """
    rng = random.Random(runs * 1_000_003 + params)
    configs = [
        [
            rng.choice(["adamw", "sgd", "lion"]),
            *(rng.randint(1, 9) / 10 ** rng.randint(1, 4) for _ in range(params - 2)),
        ]
        for _ in range(math.ceil(runs / seeds))
    ]
    group_of = [row // seeds for row in range(runs)]
    quality = [rng.random() for _ in configs]

    def param(name: str, values: list[Any], *, seed: bool = False) -> dict[str, Any]:
        return {"name": name, "runs": None, "values": values, "varying": len(set(values)) > 1, "seed": seed}

    def metric(number: int) -> dict[str, Any]:
        lower = number % 2
        noise = [quality[g] * 10 + rng.gauss(0, 0.2) for g in group_of]
        values = [round(80 + v if not lower else 2 - v / 10, 6) for v in noise]
        about = {"title": f"metric{number}", "unit": "%" if not lower else "", "direction": "min" if lower else "max"}
        rest = {
            "summary": "min" if lower else "max",
            "steps": None,
            "spread": 0.8 if not lower else 0.08,
            "decimals": 3,
        }
        return {"name": f"metric{number}", "runs": None, "values": values, **about, **rest}

    columns = [param(f"param{p}", [configs[g][p] for g in group_of]) for p in range(params - 1)]
    columns.append(param("seed", [row % seeds for row in range(runs)], seed=True))
    made = [metric(number) for number in range(metrics)]
    status = ["failed" if row % 25 == 24 else "finished" for row in range(runs)]
    starts = [1_790_000_000 - 600 * row for row in range(runs)]
    return {
        "format": 1,
        "k": k,
        "name": "made-up",
        "title": "made-up",
        "page": f"e/made-up-{k}.html",
        "n": runs,
        "runs": {
            "k": [f"r{row:09d}" for row in range(runs)],
            "id": [f"id-{row}" for row in range(runs)],
            "name": [f"run-{row}" for row in range(runs)],
            "page": [f"r/run-r{row:09d}.html" for row in range(runs)],
            "status": status,
            "error": ["train/loss is NaN at epoch 44" if s == "failed" else "" for s in status],
            "start": starts,
            "last": [start + 500 for start in starts],
            "duration": [500.0] * runs,
            "user": ["ann" if row % 2 else "bob" for row in range(runs)],
            "group": [""] * runs,
            "parent": [-1] * runs,
            "commit": ["0123abc"] * runs,
            "branch": ["main"] * runs,
            "dirty": [False] * runs,
            "note": ["a remark" if row == 3 else "" for row in range(runs)],
            "differs": [f"configuration {g}" for g in group_of],
            "group_of": group_of,
        },
        "names": {},
        "params": columns,
        "tags": [{"name": "purpose", "runs": [0], "values": ["smoke test"]}],
        "metrics": made,
        "headline": [m["name"] for m in made[:3]],
        "leading": "metric0",
        "spark": {
            "metric": "metric0",
            "values": [SPARK] * runs,
            "min": [v - 40 for v in made[0]["values"]],
            "max": made[0]["values"],
        },
        "groups": {
            "label": [f"configuration {g}" for g in range(len(configs))],
            "slot": [g + 1 for g in range(len(configs))],
        },
        "selection": list(range(min(10, runs))),
    }


def write_table(folder: Path, table: dict[str, Any]) -> None:
    """Write the table as a data file of the site in `folder`."""
    (folder / "data").mkdir(exist_ok=True)
    write_packed(folder, f"tables/{table['k']}", table)


def write_index(folder: Path, tables: list[dict[str, Any]]) -> None:
    """Write the index of a site with these tables."""
    experiments = [
        {"name": t["name"], "title": t["title"], "k": t["k"], "page": t["page"], "runs": t["n"]} for t in tables
    ]
    index = {"format": 1, "title": "Site", "repository_url": "", "experiments": experiments, "dropped": []}
    (folder / "data" / "index.js").write_bytes(script("index", {**index, "max_site_mb": None}))

"""Runs over commits, for tests of histories: a program whose level moves at known commits."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from reportgen.model import Code, Summary
from tests.factories import START, make_summary

DAY = 86_400.0


def commit_hash(number: int) -> str:
    """Return the hash of commit `number`."""
    return f"{number:07x}" + "c" * 33


def run_at(
    number: int,
    value: float,
    *,
    seed: int = 0,
    experiment: str = "nightly",
    metric: str = "val/accuracy",
    parents: Sequence[int] | None = None,
    dirty: bool = False,
    branch: str = "main",
    width: int = 32,
    **more: object,
) -> Summary:
    """Return a run at commit `number`, whose parent is the commit before it unless others are given."""
    before = (number - 1,) if parents is None else parents
    code = Code(
        commit=commit_hash(number),
        commit_time=START + number * DAY,
        parents=tuple(map(commit_hash, before)),
        subject=f"Commit number {number}",
        branch=branch,
        dirty=dirty,
    )
    facts: dict[str, object] = {
        "run_id": f"{experiment}-{number}-{seed}-{width}-{dirty}",
        "start_time": START + number * DAY + 100 + seed,
        "params": {"width": width, "seed": seed},
        "metrics": {metric: [value]},
        "code": code,
        "status": "finished",
    }
    return make_summary(f"at {number}, seed {seed}", experiment=experiment, **{**facts, **more})  # type: ignore[arg-type]


def falling_runs(*, skip: Sequence[int] = (), seeds: int = 3, commits: int = 24, **more: object) -> list[Summary]:
    """Return runs of a program that gets better at commit 8 and worse at commit 16."""
    rng = random.Random(4)
    runs = []
    for number in range(commits):
        level = 0.80 if number < 8 else 0.90 if number < 16 else 0.85
        for seed in range(seeds):
            value = level + rng.gauss(0, 0.002)
            if number not in skip:
                runs.append(run_at(number, value, seed=seed, **more))  # type: ignore[arg-type]
    return runs


def without_commit(run: Summary, **changes: object) -> Summary:
    """Return `run` as a run outside a repository logs it."""
    facts = {"commit": "", "commit_time": None, "commit_parents": (), "commit_subject": "", "branch": "", "dirty": None}
    return replace(run, **{**facts, **changes})  # type: ignore[arg-type]

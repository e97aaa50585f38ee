"""Sides of a review for tests: summaries of seeds at commits, as a site or logs would give them."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from reportgen.model import Summary
from reportgen.review import comparing
from reportgen.review.baseline import choose_baseline
from reportgen.review.commits import Checkout
from reportgen.review.gating import judge_loose
from reportgen.review.outcome import Review
from reportgen.review.pairing import pair_runs
from reportgen.site.config import Config
from reportgen.site.gates import Gate, ReviewConfig, Tolerance
from tests.factories import START, make_summary

DAY = 86_400.0
COMMITS = tuple(f"{i:x}".ljust(40, "0") for i in range(0xABCDEF01, 0xABCDEF01 + 60))
"""Commits of the trunk, the newest last."""
CHANGE = "c" * 40


def make_seeds(
    values: Mapping[str, Sequence[float]],
    *,
    commit: str = "",
    day: float = 0.0,
    name: str = "mlp",
    branch: str = "main",
    params: Mapping[str, Any] | None = None,
    **others: Any,
) -> list[Summary]:
    """Return one run a value, seeded, whose metrics have the single point of that value."""
    count = max(map(len, values.values()))
    runs = []
    for seed in range(count):
        own = {metric: [several[seed]] for metric, several in values.items() if seed < len(several)}
        run = make_summary(
            f"{name}-seed{seed}",
            run_id=f"{name}-{commit[:10]}-{seed}-{day}",
            experiment=others.get("experiment", "digits"),
            start_time=START + day * DAY + seed,
            duration_s=60,
            params={"lr": 0.1, **(params or {}), "seed": seed},
            metrics=own,
            status=others.get("status", "finished"),
            error=others.get("error", ""),
            group=others.get("group", ""),
        )
        runs.append(
            replace(
                run, commit=commit, commit_time=START + day * DAY - 60 if commit else None, branch=branch, dirty=False
            )
        )
    return runs


def draw(seed: int, mean: float = 0.9, deviation: float = 0.01, count: int = 5) -> list[float]:
    """Return values around a mean, the same for the same seed."""
    numbers = random.Random(seed)
    return [numbers.gauss(mean, deviation) for _ in range(count)]


def trunk(metric: str = "val/accuracy", commits: int = 12, **drawn: Any) -> list[Summary]:
    """Return five seeds at each of the newest commits of the trunk."""
    runs: list[Summary] = []
    for i, commit in enumerate(COMMITS[-commits:]):
        runs += make_seeds({metric: draw(100 + i, **drawn)}, commit=commit, day=i - commits)
    return runs


def on_branch(**facts: Any) -> Checkout:
    """Return what git says of a change that left the trunk at its newest commit."""
    return Checkout(CHANGE, "main", COMMITS[-1], tuple(reversed(COMMITS)), frozenset(COMMITS), **facts)


def gate(metric: str = "val/accuracy", size: str = "1%", **others: Any) -> Gate:
    """Return a gate on a regression."""
    relative = size.endswith("%")
    tolerance = Tolerance(float(size.rstrip("%")) / (100 if relative else 1), relative) if size else None
    return Gate(metric, tolerance, file="reportgen.toml", line=3, **others)


def review_of(
    source: Sequence[Summary] | None,
    change: Iterable[Summary],
    *gates: Gate,
    checkout: Checkout | None = None,
    config: Config | None = None,
    base: str = "",
    **others: Any,
) -> Review:
    """Return the review of `change` against the runs of `source`, None for no baseline."""
    known = replace(config or Config(), review=replace((config or Config()).review, gates=gates))
    own = tuple(sorted(change, key=lambda run: (run.start_time, run.key)))
    chosen = None if source is None else choose_baseline(source, own, checkout, base, lambda *_: 7)
    by_experiment = chosen.by_experiment if chosen else {}
    configurations = pair_runs(
        {name: each.runs for name, each in by_experiment.items()},
        own,
        {name: each.earlier for name, each in by_experiment.items()},
        known.review,
    )
    compared = comparing.compare_configurations(configurations, known)
    finished = {run.experiment for run in comparing.finished(own)}
    experiments = {run.experiment: run.experiment in finished for run in own}
    loose = [judge_loose(g, experiments) for g in comparing.unmet_gates(compared.rows, known)]
    return Review(
        baseline=chosen,
        no_baseline="There is no baseline yet in `site`: no such folder" if chosen is None else "",
        checkout=checkout,
        change=own,
        configurations=tuple(configurations),
        rows=compared.rows,
        changes=tuple(
            comparing.compare_params(c, known.review.is_seed) for c in configurations if c.baseline and c.change
        ),
        loose=tuple(loose),
        alpha=0.05,
        family=compared.family,
        now=others.get("now", max(run.last_time for run in own)),
        stale_days=known.review.stale_days,
    )


__all__ = ["ReviewConfig", "draw", "gate", "make_seeds", "on_branch", "review_of", "trunk"]

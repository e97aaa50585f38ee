"""Selections: which runs and which metrics stand for an experiment on pages about many runs, and in which colours.

Pure functions of the set of runs. What is declared comes in as arguments; this module knows no configuration.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from reportgen.analysis.groups import finite_value
from reportgen.model import Experiment, Summary

COLOURS: Final = 10
"""Number of colour slots that can be told apart."""

_EVALUATION: Final = re.compile(r"(?:^|[/._-])(?:val|valid|validation|test|eval|dev)(?=$|[/._-])", re.IGNORECASE)
_TRAINING: Final = re.compile(r"(?:^|[/._-])(?:train|training)(?=$|[/._-])", re.IGNORECASE)
_SYSTEM: Final = re.compile(r"(?:system|sys|hardware)[/.]", re.IGNORECASE)


def is_system(metric: str) -> bool:
    """Tell whether a metric measures the machine."""
    return _SYSTEM.match(metric) is not None


def is_training(metric: str) -> bool:
    """Tell whether a metric was measured on what the model learns from."""
    return _TRAINING.search(metric) is not None


def contenders(runs: Sequence[Summary]) -> tuple[Summary, ...]:
    """Return the runs that may be called best: those that did not fail, or all when every run failed."""
    return tuple(run for run in runs if run.status != "failed") or tuple(runs)


def rank_runs(runs: Sequence[Summary], metric: str, summary: str, direction: str | None) -> tuple[Summary, ...]:
    """Return `runs`, best first: contenders by value, then failed runs by value, then runs without a finite value.

    Equal values stand in order of (start_time, key). Without a direction the newest runs come first.
    """
    if direction is None:
        return tuple(sorted(runs, key=lambda run: (-run.start_time, run.key)))
    allowed = {run.key for run in contenders(runs)}
    sign = -1 if direction == "max" else 1

    def order(run: Summary) -> tuple[int, float, float, str]:
        value = finite_value(run, metric, summary, direction)
        if value is None:
            return (2, 0.0, run.start_time, run.key)
        return (0 if run.key in allowed else 1, sign * value, run.start_time, run.key)

    return tuple(sorted(runs, key=order))


def best_run(runs: Sequence[Summary], metric: str, summary: str, direction: str | None) -> Summary | None:
    """Return the best of the contenders, None when the metric has no direction or no contender has a finite value."""
    if direction is None:
        return None
    ranked = rank_runs(rivals(runs, metric), metric, summary, direction)
    if not ranked or finite_value(ranked[0], metric, summary, direction) is None:
        return None
    return ranked[0]


def rivals(runs: Sequence[Summary], metric: str) -> tuple[Summary, ...]:
    """Return the contenders without children of runs that have the metric too: the best fold is not the best model."""
    able = contenders(runs)
    parents = {run.run_id for run in able if metric in run.metrics}
    return tuple(run for run in able if run.parent_id not in parents or run.parent_id == run.run_id)


def select_runs(
    experiment: Experiment, metric: str | None, summary: str, direction: str | None, limit: int = 10
) -> tuple[Summary, ...]:
    """Return the `limit` best contenders by `metric`, best first; without a usable metric the newest, newest first."""
    if metric is not None and best_run(experiment.runs, metric, summary, direction) is not None:
        ranked = rank_runs(rivals(experiment.runs, metric), metric, summary, direction)
        return tuple(r for r in ranked if finite_value(r, metric, summary, direction) is not None)[:limit]
    return rank_runs(experiment.runs, "", summary, None)[:limit]


def headline_metrics(
    experiment: Experiment, declared: Sequence[str], direction_of: Callable[[str], str | None], limit: int = 6
) -> tuple[str, ...]:
    """Return the metrics that stand for an experiment, most telling first, at most `limit`.

    Declared ones that the runs have come in the declared order and nothing else then. Otherwise: metrics with a
    direction first, then those that at least half of the runs have, evaluation before training, higher-is-better
    before lower-is-better, in order of first appearance; measurements of the machine (`system/…`) are left out.
    """
    known = frozenset(experiment.metric_names)
    chosen = tuple(dict.fromkeys(name for name in declared if name in known))
    if chosen:
        return chosen[:limit]
    counts = dict.fromkeys(experiment.metric_names, 0)
    for run in experiment.runs:
        for name in run.metrics:
            counts[name] += 1
    half = len(experiment.runs) / 2

    def order(item: tuple[int, str]) -> tuple[bool, bool, int, bool, int]:
        position, name = item
        direction = direction_of(name)
        return (direction is None, counts[name] < half, _split_rank(name), direction == "min", position)

    names = [name for name in experiment.metric_names if not is_system(name)]
    return tuple(name for _, name in sorted(enumerate(names), key=order)[:limit])


def _split_rank(metric: str) -> int:
    if _EVALUATION.search(metric):
        return 0
    return 2 if _TRAINING.search(metric) else 1


def assign_slots(experiment: Experiment, runs: Sequence[Summary]) -> Mapping[str, int]:
    """Return run key -> colour slot in 1…10 for at most ten `runs` that are shown together: each wants its group's."""
    wanted = [experiment.slots.get(experiment.groups.get(run.key, ""), 0) for run in runs]
    return {run.key: slot for run, slot in zip(runs, settle_slots(wanted), strict=True)}


def settle_slots(wanted: Sequence[int]) -> list[int]:
    """Return the colour slots, 1…10, of at most ten lines that are shown together, given the slot that each wants.

    The first that wants a slot has it. A second one, and a line whose own slot is beyond the colours, takes the lowest
    that is still free; from the eleventh line on colours repeat.
    """
    taken: dict[int, int] = {}
    for number, slot in enumerate(wanted):
        if 1 <= slot <= COLOURS:
            taken.setdefault(slot, number)
    settled = {number: slot for slot, number in taken.items()}
    free = [slot for slot in range(1, COLOURS + 1) if slot not in taken]
    rest = [number for number in range(len(wanted)) if number not in settled]
    for place, number in enumerate(rest):
        settled[number] = free[place] if place < len(free) else place % COLOURS + 1
    return [settled[number] for number in range(len(wanted))]

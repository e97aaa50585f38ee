"""The index: all runs' summaries, ordered, and grouped into experiments. It never reads series and does no I/O.

The result is a function of the set of runs alone: the order in which they come in does not matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from reportgen.analysis.groups import group_of
from reportgen.formats import short_key
from reportgen.model import Experiment, ParamValue, Problem, Summary


@dataclass(frozen=True, slots=True)
class Index:
    """What is known of all runs together."""

    experiments: tuple[Experiment, ...]
    """By last activity, newest first, then by name."""
    runs: tuple[Summary, ...]
    """By start, newest first, then by key."""
    problems: tuple[tuple[Problem, str | None], ...]
    """(problem, key of its run or None): first those of no run, by place, then the runs' own in the order of `runs`."""


def make_index(summaries: Iterable[Summary], problems: Sequence[Problem]) -> Index:
    """Return the index over `summaries`; `problems` are those that belong to no run that could be read."""
    runs = tuple(sorted(summaries, key=lambda run: (-run.start_time, run.key)))
    members: dict[str, list[Summary]] = {}
    for run in sorted(runs, key=lambda run: (run.start_time, run.key)):
        members.setdefault(run.experiment, []).append(run)
    experiments = [make_experiment(name, own) for name, own in members.items()]
    experiments.sort(key=lambda experiment: (-last_activity(experiment), experiment.name))
    loose = sorted(problems, key=lambda p: (p.where, p.line or 0, p.message, p.hint, p.count))
    own_problems = [(problem, run.key) for run in runs for problem in run.problems]
    return Index(tuple(experiments), runs, (*((problem, None) for problem in loose), *own_problems))


def last_activity(experiment: Experiment) -> float:
    """Return the time of the newest line of any run, UTC seconds since the epoch; 0 without runs."""
    return max((run.last_time for run in experiment.runs), default=0.0)


def make_experiment(name: str, runs: Sequence[Summary]) -> Experiment:
    """Return the experiment of `runs`, which come oldest first by (start_time, key)."""
    values: dict[str, ParamValue] = {}
    counts: dict[str, int] = {}
    varying: set[str] = set()
    metrics: dict[str, None] = {}
    groups: dict[str, str] = {}
    slots: dict[str, int] = {}
    for run in runs:
        for param, value in run.params.items():
            if param not in values:
                values[param] = value
                counts[param] = 1
                continue
            counts[param] += 1
            if values[param] != value:
                varying.add(param)
        metrics.update(dict.fromkeys(run.metrics))
        group = group_of(run)
        groups[run.key] = group
        slots.setdefault(group, len(slots) + 1)
    varying.update(param for param, count in counts.items() if count < len(runs))
    return Experiment(
        name=name,
        runs=tuple(runs),
        varying_params=tuple(param for param in values if param in varying),
        constant_params={param: value for param, value in values.items() if param not in varying},
        metric_names=tuple(metrics),
        groups=groups,
        slots=slots,
    )


def join_experiments(experiments: Iterable[Experiment], runs: Sequence[Summary]) -> Experiment:
    """Return the experiment of `runs`; several are taken as one, in which they share no configuration.

    Each configuration keeps the colour that it has in its own experiment.
    """
    wanted = {run.experiment for run in runs}
    own = {experiment.name: experiment for experiment in experiments if experiment.name in wanted}
    if len(own) == 1:
        return own[runs[0].experiment]
    members = sorted((run for e in own.values() for run in e.runs), key=lambda run: (run.start_time, run.key))
    groups, slots = {}, {}
    for run in members:
        group = own[run.experiment].groups[run.key]
        groups[run.key] = f"{short_key(run.experiment)}-{group}"
        slots[groups[run.key]] = own[run.experiment].slots[group]
    joined = make_experiment(", ".join(dict.fromkeys(run.experiment for run in runs)), members)
    return replace(joined, groups=groups, slots=slots)

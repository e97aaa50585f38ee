"""Compares the two sides: values, differences, gates, changed params. Pure functions on summaries.

Only finished runs count. What is not a number is kept and named, never silently dropped.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from reportgen.analysis.statistics import (
    ALPHA,
    Pair,
    are_identical,
    compare_family,
    correct,
    make_sample,
    pool_noise,
)
from reportgen.errors import ConfigError
from reportgen.index import make_experiment
from reportgen.model import ParamValue, Summary
from reportgen.review.gating import judge
from reportgen.review.outcome import VERDICTS, Changed, Changes, Row, Side, Verdict
from reportgen.review.pairing import Configuration
from reportgen.site.config import Config
from reportgen.site.gates import Gate
from reportgen.site.pages.columns import headline_of, summary_name

ALPHA_BESIDE = 0.01
"""Chance of a false claim among the metrics that are shown beside the gated ones."""
MACHINE = "system/"
"""Beginning of the names of measurements of the machine, which another machine need not have."""
MAX_VALUES = 5
"""Values of a param that are told of one side."""


_Seeds: TypeAlias = tuple[tuple[str, str], ...]
"""The seeds of a run by the names of their params."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Rows, worst first, and what they were judged with."""

    rows: tuple[Row, ...]
    family: int


def finished(runs: Iterable[Summary]) -> tuple[Summary, ...]:
    """Return the runs that count."""
    return tuple(run for run in runs if run.status == "finished")


def make_side(runs: Sequence[Summary], metric: str, value_of: str, seeds: Mapping[str, _Seeds]) -> Side:
    """Return what the finished of `runs` say of a metric; `seeds` are those of each run by its key.

    A seed that was run again and gave the same value again is one draw and not two, as after a job that was run twice;
    so it counts once where all of the side is like that.
    """
    values, odd, without = [], [], 0
    draws: list[_Seeds] = []
    for run in finished(runs):
        found = run.metrics.get(metric)
        if found is None:
            without += 1
            continue
        value = found.value(value_of)
        if value is not None and math.isfinite(value) and math.isfinite(found.last):
            values.append(value)
            draws.append(seeds[run.key])
        else:  # a best value before the NaN is no result of the run
            odd.append(found.last if value is None or math.isfinite(value) else value)
    single = _without_repeats(draws, values)
    by_seed = {
        " ".join(f"{name}={seed}" for name, seed in d): value for d, value in zip(draws, values, strict=True) if d
    }
    if len(by_seed) != len(single):
        by_seed = {}
    return Side(tuple(single), tuple(odd), without, make_sample(single), len(values) - len(single), by_seed)


def _without_repeats(draws: Sequence[_Seeds], values: Sequence[float]) -> list[float]:
    """Return one value a seed if several seeds alone decide the values; else all of them, which vary for other reasons.

    One seed for all runs says nothing of seeds: its runs are repetitions on purpose.
    """
    distinct = dict.fromkeys(zip(draws, values, strict=True))
    is_decided = 1 < len(set(draws)) == len(distinct) and all(draws)
    return [value for _, value in distinct] if is_decided else list(values)


def _seeds_of(configuration: Configuration, is_seed: Callable[[str], bool]) -> dict[str, _Seeds]:
    runs = (run for side in (configuration.baseline, configuration.change, *configuration.earlier) for run in side)
    return {
        run.key: tuple(sorted((name, str(value)) for name, value in run.params.items() if is_seed(name)))
        for run in runs
    }


def compare_configurations(configurations: Sequence[Configuration], config: Config) -> Compared:
    """Return the rows of all configurations that the change has.

    Metrics that gates compare with the baseline are judged together at `ALPHA`, the headline metrics beside them at
    `ALPHA_BESIDE`; without such gates the headline metrics are judged at `ALPHA`. Raises `ConfigError` for a gate
    on a regression of a metric without direction.
    """
    gates = config.review.gates
    rows: list[Row] = []
    for configuration in configurations:
        if configuration.change:
            seeds = _seeds_of(configuration, config.review.is_seed)
            rows += (_make_row(configuration, m, gates, config, seeds) for m in _metrics(configuration, gates, config))
    gated = [i for i, row in enumerate(rows) if row.is_gated]
    beside = [i for i, row in enumerate(rows) if not row.is_gated]
    _test(rows, gated, ALPHA)
    _test(rows, beside, ALPHA_BESIDE if gated else ALPHA)
    judged = [_judge_row(row, gates) for row in rows]
    return Compared(tuple(sorted(judged, key=_order)), len(_tested(rows, gated or beside)))


def _metrics(configuration: Configuration, gates: Sequence[Gate], config: Config) -> list[str]:
    """Return what is compared: gated metrics in the order of the gates, then the headline metrics."""
    name = configuration.identity.experiment
    runs = sorted((*configuration.baseline, *configuration.change), key=lambda run: (run.start_time, run.key))
    experiment = make_experiment(name, runs)
    wanted: dict[str, None] = {}
    for gate in gates:
        wanted.update((metric, None) for metric in experiment.metric_names if gate.covers(name, metric))
    wanted.update(dict.fromkeys(headline_of(experiment, config)))
    return list(wanted)


def _make_row(
    configuration: Configuration, metric: str, gates: Sequence[Gate], config: Config, seeds: Mapping[str, _Seeds]
) -> Row:
    known = config.metric(metric)
    statistical = [g for g in gates if g.is_statistical and g.covers(configuration.identity.experiment, metric)]
    if statistical and known.direction is None:
        raise no_direction(statistical[0], metric)
    value_of = summary_name(known)
    earlier = [make_side(runs, metric, value_of, seeds) for runs in configuration.earlier]
    baseline = make_side(configuration.baseline, metric, value_of, seeds)
    history = (*(side.mean for side in reversed(earlier)), baseline.mean)
    return Row(
        configuration=configuration,
        metric=metric,
        known=known,
        value_of=value_of,
        baseline=baseline,
        change=make_side(configuration.change, metric, value_of, seeds),
        difference=_NOTHING,
        level=ALPHA,
        noise=pool_noise(side.values for side in earlier),
        is_gated=bool(statistical),
        verdict="same",
        judgements=(),
        history=history,
    )


def no_direction(gate: Gate, metric: str) -> ConfigError:
    """Return the error of a gate that cannot know what a regression is."""
    line = "" if gate.line is None else f":{gate.line}"
    return ConfigError(
        f"{gate.file or 'gate'}{line}: the gate on '{metric}' does not know whether higher or lower is better: add "
        f'[metrics."{metric}"] direction = "max" (or "min"), or use min and max instead of max_regression'
    )


_NOTHING = compare_family([Pair(make_sample([]), make_sample([]), None)])[0]


def _tested(rows: Sequence[Row], chosen: Sequence[int]) -> list[int]:
    return [i for i in chosen if rows[i].difference.method != "none"]


def _test(rows: list[Row], chosen: Sequence[int], alpha: float) -> None:
    """Compare the `chosen` rows in place, each level corrected for those of them that can be tested."""
    pairs = [_make_pair(rows[i]) for i in chosen]
    for i, difference in zip(chosen, compare_family(pairs), strict=True):
        rows[i] = replace(rows[i], difference=difference)
    tested = _tested(rows, chosen)
    for i, level in zip(tested, correct([rows[i].difference.p for i in tested], alpha), strict=True):
        rows[i] = replace(rows[i], level=level)


def _make_pair(row: Row) -> Pair:
    before, after = row.baseline, row.change
    is_identical = are_identical(before.by_seed, after.by_seed) and not before.non_finite and not after.non_finite
    return Pair(before.sample, after.sample, row.noise, is_identical)


def _judge_row(row: Row, gates: Sequence[Gate]) -> Row:
    own = [gate for gate in gates if gate.covers(row.configuration.identity.experiment, row.metric)]
    row = replace(row, verdict=_verdict(row, own))
    return replace(row, judgements=tuple(judge(row, gate) for gate in own))


def _verdict(row: Row, gates: Sequence[Gate]) -> Verdict:
    """Return what is said of a row. "Cannot tell" is for what a gate asks and the runs do not answer."""
    if row.change.mean is None:
        return "missing" if row.baseline.mean is not None else "unknown"
    if row.baseline.mean is None:
        return "new"
    interval = row.interval
    if row.difference.method == "none":
        return "unknown"
    if row.difference.p <= row.level and interval is not None:
        if row.known.direction is None:
            return "changed"
        return "better" if (row.difference.estimate > 0) == (row.known.direction == "max") else "worse"
    if interval is None:
        return "unknown"
    tolerances = [g.max_regression.of(row.baseline.sample.mean) for g in gates if g.max_regression is not None]
    worst = row.worst
    return "unknown" if worst is not None and any(0 < size < worst for size in tolerances) else "same"


def _order(row: Row) -> tuple[object, ...]:
    failed = [j.gate.severity for j in row.failed]
    first = 0 if "error" in failed else 1 if failed else 2
    asked = [j.gate.severity for j in row.judgements]
    weight = 0 if "error" in asked else 1 if asked else 2
    size = abs(row.relative) if row.relative is not None else math.inf
    return (first, VERDICTS.index(row.verdict), weight, -size if row.verdict != "same" else 0.0)


def unmet_gates(rows: Sequence[Row], config: Config) -> list[Gate]:
    """Return the gates that cover no row."""
    covered = [(row.configuration.identity.experiment, row.metric) for row in rows]
    return [gate for gate in config.review.gates if not any(gate.covers(*each) for each in covered)]


# ---- what else differs


def find_one_sided(configurations: Iterable[Configuration], rows: Iterable[Row]) -> tuple[list[str], list[str]]:
    """Return the metrics that only the baseline logs and those that only the change logs, beside those of `rows`.

    Only configurations count of which both sides finished runs: without, every metric would be one-sided.
    """
    shown = {(row.configuration.identity, row.metric) for row in rows}
    lost: dict[str, None] = {}
    added: dict[str, None] = {}
    for each in configurations:
        before, after = (
            {m: None for run in finished(side) for m in run.metrics if not m.startswith(MACHINE)}
            for side in (each.baseline, each.change)
        )
        if not finished(each.baseline) or not finished(each.change):
            continue
        lost.update((m, None) for m in before if m not in after and (each.identity, m) not in shown)
        added.update((m, None) for m in after if m not in before and (each.identity, m) not in shown)
    return list(lost), list(added)


def compare_params(configuration: Configuration, is_seed: Callable[[str], bool]) -> Changes:
    """Return the params whose values differ between the sides, seeds apart, in order of appearance."""
    sides = (configuration.baseline, configuration.change)
    names = [n for n in dict.fromkeys(n for runs in sides for run in runs for n in run.params) if not is_seed(n)]
    found = []
    for name in names:
        before, after = (_counted(run.params.get(name, _GONE) for run in runs) for runs in sides)
        if set(before) != set(after):
            found.append(Changed(name, _told(before), _told(after)))
    return Changes(configuration, tuple(found), len(names))


_GONE = "\0not logged"


def _counted(values: Iterable[ParamValue]) -> dict[ParamValue, int]:
    return dict(Counter("NaN" if value != value else value for value in values).most_common())


def _told(values: Iterable[ParamValue]) -> tuple[ParamValue, ...]:
    return tuple(value for value in values if value != _GONE)[:MAX_VALUES]


def compare_environments(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Changed, ...]:
    """Return the facts that differ, by name."""
    names = sorted(before.keys() | after.keys(), key=lambda name: (name.lower(), name))
    return tuple(
        Changed(name, (before[name],) if name in before else (), (after[name],) if name in after else ())
        for name in names
        if before.get(name) != after.get(name)
    )

"""Groups: runs of one configuration that differ in nothing but the seed, and what their values say together.

This module decides which runs belong together, in which words a configuration differs from the usual one, and how
far a difference can be trusted. It knows neither pages nor how numbers are written.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import orjson

from reportgen.model import Experiment, ParamValue, Summary

_SEED: Final = re.compile(r"(?:.*[/.])?(?:seed|random_seed|random_state)")
"""Params that only tell repetitions of one configuration apart: `seed`, `trainer.seed`, `data/random_state` …"""

_T_975: Final = (12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281)
"""0.975 quantiles of Student's t for 1 … 10 degrees of freedom; above these the expansion is exact to 4 digits."""
_Z_975: Final = 1.959963984540054

MIN_SEEDS: Final = 3
"""Fewer values than this get no interval: the t quantile of one degree of freedom says nothing useful."""


# ---- which runs belong together


@lru_cache(maxsize=4096)
def is_seed(param: str) -> bool:
    """Tell whether a param only names the repetition: `seed`, `random_seed`, `random_state`, also behind `/` or `.`."""
    return _SEED.fullmatch(param) is not None


def group_of(summary: Summary) -> str:
    """Return the key of the run's group: equal for runs of one configuration.

    A group that the run names itself wins. Otherwise the params without seeds decide, numbers compared by value.
    A run without any params stands alone, since nothing says that it repeats another.
    """
    if summary.group:
        return _digest("group", summary.group)
    if not summary.params:
        return _digest("run", summary.key)
    return _digest("params", _canonical(summary.params))


def _canonical(params: Mapping[str, ParamValue]) -> str:
    plain = {name: _by_value(value) for name, value in params.items() if not is_seed(name)}
    try:
        return orjson.dumps(plain, option=orjson.OPT_SORT_KEYS).decode()
    except (orjson.JSONEncodeError, TypeError):  # integers over 64 bits, lone surrogates
        return json.dumps(plain, sort_keys=True, default=repr)


def _by_value(value: ParamValue) -> ParamValue:
    """Return `value` so that values that Python calls equal (1, 1.0, True) have one text."""
    if isinstance(value, bool) or (isinstance(value, float) and value.is_integer() and abs(value) < 2**53):
        return int(value)
    return value


def _digest(kind: str, text: str) -> str:
    return hashlib.sha256(f"{kind}\0{text}".encode("utf-8", "surrogatepass")).hexdigest()[:16]


# ---- what a configuration is called


@dataclass(frozen=True, slots=True)
class Difference:
    """One param of a configuration, to be named in a label."""

    param: str
    value: ParamValue
    logged: bool = True
    """False when the param is usual in the experiment and this configuration did not log it."""


@dataclass(frozen=True, slots=True)
class Group:
    """Runs of one configuration."""

    key: str
    name: str
    """The name that the user gave the group, or empty; a run without params lends its own name."""
    slot: int
    """Colour slot, 1-based, in order of the start of the group's first run; may exceed the number of colours."""
    runs: tuple[Summary, ...]
    """Oldest first."""
    differences: tuple[Difference, ...]
    """What sets it apart from the usual configuration; the usual one itself names its first two varying params."""


_MISSING: Final = object()


def usual_values(experiment: Experiment, params: Sequence[str]) -> dict[str, object]:
    """Return param -> its most frequent value over the experiment's groups; the older value wins a tie.

    Groups count once each, so that a configuration with many seeds does not define what is usual.
    A param that most groups lack maps to a value that equals none.
    """
    first_of_group: dict[str, Summary] = {}
    for run in experiment.runs:
        first_of_group.setdefault(experiment.groups.get(run.key, run.key), run)
    usual = {}
    for param in params:
        counts = Counter(run.params.get(param, _MISSING) for run in first_of_group.values())
        usual[param] = max(counts, key=counts.__getitem__) if counts else _MISSING
    return usual


def differences(run: Summary, usual: Mapping[str, object]) -> tuple[Difference, ...]:
    """Return the params of `run` that differ from the `usual` values, in the order of `usual`."""
    found = []
    for param, value in usual.items():
        own = run.params.get(param, _MISSING)
        if own is _MISSING:
            if value is not _MISSING:
                found.append(Difference(param, None, logged=False))
        elif own != value:
            found.append(Difference(param, run.params[param]))
    return tuple(found)


def make_groups(experiment: Experiment, *, max_params: int = 200) -> tuple[Group, ...]:
    """Return the groups of an experiment in slot order; labels look at the first `max_params` varying params."""
    varying = [p for p in experiment.varying_params[:max_params] if not is_seed(p)]
    usual = usual_values(experiment, varying)
    members: dict[str, list[Summary]] = {}
    for run in experiment.runs:
        members.setdefault(experiment.groups.get(run.key, run.key), []).append(run)
    groups = []
    for number, (key, runs) in enumerate(members.items(), 1):
        first = runs[0]
        apart = differences(first, usual)
        if not apart:
            apart = tuple(Difference(p, first.params[p]) for p in varying[:2] if p in first.params)
        name = first.group or ("" if first.params else first.name)
        groups.append(Group(key, name, experiment.slots.get(key, number), tuple(runs), apart))
    return tuple(sorted(groups, key=lambda group: (group.slot, group.key)))


# ---- what their values say


@dataclass(frozen=True, slots=True)
class Spread:
    """Values of one metric over the runs of a group."""

    values: tuple[float, ...]
    """Finite values of the finished runs, oldest first."""
    mean: float | None
    """None when there is no value."""
    half_width: float | None
    """Half the width of the 95 % t interval of the mean; None below `MIN_SEEDS` values."""

    @property
    def interval(self) -> tuple[float, float] | None:
        """(low, high) of the 95 % interval, or None."""
        if self.mean is None or self.half_width is None:
            return None
        return (self.mean - self.half_width, self.mean + self.half_width)


def make_spread(runs: Iterable[Summary], metric: str, summary: str, direction: str | None = None) -> Spread:
    """Return what the finished runs say of `metric` together: mean ± t(0.975, n - 1) · s / √n."""
    values = tuple(
        value
        for run in runs
        if run.status == "finished" and (value := finite_value(run, metric, summary, direction)) is not None
    )
    if not values:
        return Spread((), None, None)
    mean = math.fsum(v / len(values) for v in values)
    if len(values) < MIN_SEEDS:
        return Spread(values, mean, None)
    half_width = t_quantile_975(len(values) - 1) * _deviation(values, mean) / math.sqrt(len(values))
    return Spread(values, mean, half_width if math.isfinite(half_width) else None)


def finite_value(run: Summary, metric: str, summary: str, direction: str | None = None) -> float | None:
    """Return the run's value of `metric` in tables, or None when it has none or it is NaN or infinite."""
    found = run.metrics.get(metric)
    value = None if found is None else found.value(summary, direction)
    return value if value is not None and math.isfinite(value) else None


def seed_spread(groups: Iterable[Group], metric: str, summary: str, direction: str | None = None) -> float | None:
    """Return how far two single runs of one configuration differ at most in 95 of 100 cases; None when unknown.

    The variance within the groups is pooled: s² = Σ(x - mean of its group)² / Σ(n - 1). The difference of two runs
    has the variance 2·s², so the result is t(0.975, Σ(n - 1)) · s · √2. At least two degrees of freedom are needed.
    Runs at one known commit are a group of their own where that leaves two: what a change of the code did is no noise.
    """
    repeated = [group.runs for group in groups]
    at_commits = [tuple(runs) for group in repeated for runs in _by_commit(group)]
    for within in (at_commits, repeated):
        squares, freedom = [], 0
        for runs in within:
            spread = make_spread(runs, metric, summary, direction)
            if spread.mean is None or len(spread.values) < 2:
                continue
            deviation = _deviation(spread.values, spread.mean)
            squares.append(deviation * deviation * (len(spread.values) - 1))
            freedom += len(spread.values) - 1
        if freedom >= 2:
            result = t_quantile_975(freedom) * math.sqrt(2 * math.fsum(squares) / freedom)
            return result if math.isfinite(result) else None
    return None


def _by_commit(runs: Iterable[Summary]) -> Iterable[list[Summary]]:
    found: dict[str, list[Summary]] = {}
    for run in runs:
        if run.commit:
            found.setdefault(run.commit, []).append(run)
    return found.values()


def _deviation(values: Sequence[float], mean: float) -> float:
    """Return the sample standard deviation; scaled first, so that huge values do not overflow."""
    scale = max(abs(v - mean) for v in values)
    if scale == 0 or not math.isfinite(scale):
        return scale
    return scale * math.sqrt(math.fsum(((v - mean) / scale) ** 2 for v in values) / (len(values) - 1))


def t_quantile_975(freedom: int) -> float:
    """Return the 0.975 quantile of Student's t with `freedom` >= 1 degrees of freedom, to at least 4 digits.

    Tabulated up to 10; above by the Cornish-Fisher expansion (Abramowitz and Stegun 26.7.5).
    """
    if freedom < 1:
        raise ValueError(f"degrees of freedom must be at least 1, not {freedom}")
    if freedom <= len(_T_975):
        return _T_975[freedom - 1]
    z: float = _Z_975
    terms: tuple[float, ...] = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    result: float = z + sum(term / freedom**power for power, term in enumerate(terms, 1))
    return result

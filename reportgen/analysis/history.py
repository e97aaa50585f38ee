"""The history of an experiment: what each configuration measured at one commit after the other, and what changed.

Runs become observations, observations of one metric become levels, and two levels in a row are a change with the range
of commits that it lies in. A pure function of the set of runs; it knows neither pages nor the configuration of a site.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal, TypeAlias

import numpy as np

from reportgen.analysis.commits import Commit, CommitRange, collect_commits, order_commits, range_of
from reportgen.analysis.groups import finite_value, group_of
from reportgen.analysis.steps import Step, detect_steps, find_rises, settle_steps
from reportgen.model import Floats, Ints, Summary
from reportgen.patterns import matches

LEAST: Final = 3
"""Observations that make a history: of two nothing can be said."""
CONFIRMED: Final = 2
"""Observations at the new level from which on a change is more than one odd measurement."""
MAX_OBSERVATIONS: Final = 1000
"""The newest observations of a configuration that are looked at."""
MAX_CONFIGURATIONS: Final = 12
"""Configurations of an experiment of which the history is told: those with the most runs."""
MAX_VALUES: Final = 16_000
"""Values (observations times metrics) of an experiment in which steps are looked for: what is left over is named."""
_DAY_S: Final = 86_400

Kind: TypeAlias = Literal["regression", "improvement", "change"]


# ---- what is asked


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric whose history is wanted."""

    metric: str
    summary: str
    """Which value of a run counts: `last min max mean first`."""
    direction: str | None
    """`max`, `min`, or None when neither is better."""


# ---- what is known


@dataclass(frozen=True, slots=True)
class Observation:
    """What one configuration did at one commit, or on one UTC day where the commit is not known."""

    commit: str
    """Hash of the commit, or empty."""
    subject: str
    time: float
    """When the commit was made, else when the first run started; UTC seconds since the epoch."""
    runs: tuple[Summary, ...]
    """The runs that count, oldest first: those without uncommitted changes, if there are any."""
    dirty: bool
    """True when all of them ran with uncommitted changes."""


@dataclass(frozen=True, slots=True)
class Change:
    """Two levels in a row."""

    before: int
    """Index of the last observation at the old level."""
    after: int
    """Index of the first observation at the new level."""
    old: float
    new: float
    kind: Kind
    open: bool
    """True for a regression that has not been made good: it explains why the latest level is not the best."""
    count_before: int
    """Observations at the old level."""
    count_after: int
    """Observations at the new level."""
    deviations: float | None
    """Size of the change in mean deviations of an observation from its level; None when there is no deviation."""
    range: CommitRange | None
    """The commits that it lies in, None when they are not known."""

    @property
    def confirmed(self) -> bool:
        """True when the new level was measured at more than one commit."""
        return self.count_after >= CONFIRMED

    @property
    def part(self) -> float | None:
        """Size of the change as a part of the old level, None where that is zero."""
        part = (self.new - self.old) / abs(self.old) if self.old else math.inf
        return part if math.isfinite(part) else None


@dataclass(frozen=True, slots=True)
class MetricHistory:
    """One metric of one configuration over its observations. Arrays have one entry an observation."""

    measure: Measure
    values: Floats
    """float64[n]: mean over the runs; NaN where none of them has the metric."""
    lows: Floats
    """float64[n]: the lowest of the runs."""
    highs: Floats
    counts: Ints
    """int64[n]: how many runs have a value."""
    levels: tuple[Step, ...]
    changes: tuple[Change, ...]
    """Oldest first."""

    @property
    def open(self) -> tuple[Change, ...]:
        """The regressions that have not been made good, oldest first."""
        return tuple(change for change in self.changes if change.open)


@dataclass(frozen=True, slots=True)
class History:
    """One configuration over time."""

    key: str
    """Names the configuration within its experiment."""
    kind: Literal["group", "name", "all"]
    """What makes it one configuration: a group or params; the name of runs without params; that runs have no params."""
    observations: tuple[Observation, ...]
    """Oldest first."""
    total: int
    """How many observations there are, beyond `MAX_OBSERVATIONS` too."""
    metrics: tuple[MetricHistory, ...]


@dataclass(frozen=True, slots=True)
class Histories:
    """All histories of an experiment."""

    histories: tuple[History, ...]
    """The configuration with the most runs first, then that which began first."""
    left_out: int
    """Configurations that have a history for which there was no room."""


NO_HISTORIES: Final = Histories((), 0)


def make_histories(
    runs: Sequence[Summary],
    measures: Iterable[Measure],
    *,
    groups: Mapping[str, str] | None = None,
    branches: Sequence[str] = (),
    threshold: float = 0.0,
    most_values: int = MAX_VALUES,
) -> Histories:
    """Return the histories of those configurations among `runs` of one experiment that have `LEAST` observations.

    Only finished runs count, and with `branches` (patterns) only those on one of these or on no branch. Changes below
    `threshold` times the level are none. Of metrics of which fewer than `LEAST` observations are known there is none.
    `groups` gives run key -> `group_of` the run, where that is known already.
    """
    able = [run for run in runs if run.status == "finished" and _on_branch(run, branches)]
    commits = collect_commits(runs)
    found = []
    for (kind, key), members in configurations(able, groups).items():
        observations = make_observations(members, commits)
        if len(observations) >= LEAST:
            found.append((len(members), members[0].start_time, key, kind, observations))
    found.sort(key=lambda item: (-item[0], item[1], item[2]))
    wanted, left = tuple(measures), most_values
    histories: list[History] = []
    for _, _, key, kind, observations in found:
        shown = observations[-MAX_OBSERVATIONS:]
        left -= len(shown) * len(wanted)
        if len(histories) == MAX_CONFIGURATIONS or (left < 0 and histories):
            break
        made = (_metric_history(shown, measure, commits, threshold) for measure in wanted)
        metrics = tuple(one for one in made if np.count_nonzero(one.counts) >= LEAST)
        histories.append(History(key, kind, shown, len(observations), metrics))
    return Histories(tuple(h for h in histories if h.metrics), len(found) - len(histories))


def _on_branch(run: Summary, branches: Sequence[str]) -> bool:
    return not branches or not run.branch or any(matches(pattern, run.branch) for pattern in branches)


# ---- configurations and observations


def configurations(
    runs: Sequence[Summary], groups: Mapping[str, str] | None = None
) -> Mapping[tuple[Literal["group", "name", "all"], str], Sequence[Summary]]:
    """Return (kind, key) -> runs of one configuration, both in order of first appearance.

    Runs with params or a group belong together as everywhere else. Runs without either are one configuration a name
    where that name occurs at several commits or on several days, and all others are one together.
    """
    places: dict[str, set[object]] = {}
    for run in runs:
        if not run.group and not run.params:
            places.setdefault(run.name, set()).add(_place(run))
    found: dict[tuple[Literal["group", "name", "all"], str], list[Summary]] = {}
    for run in runs:
        if run.group or run.params:
            found.setdefault(("group", groups[run.key] if groups else group_of(run)), []).append(run)
        elif len(places[run.name]) > 1:
            found.setdefault(("name", run.name), []).append(run)
        else:
            found.setdefault(("all", ""), []).append(run)
    return found


def _place(run: Summary) -> object:
    """Return what runs of one observation share: the commit, else the day."""
    return run.commit or (math.floor(run.start_time / _DAY_S) if math.isfinite(run.start_time) else None)


def make_observations(runs: Iterable[Summary], commits: Mapping[str, Commit]) -> tuple[Observation, ...]:
    """Return the observations that `runs` of one configuration make, oldest first."""
    members: dict[object, list[Summary]] = {}
    for run in sorted(runs, key=lambda run: (run.start_time, run.key)):
        members.setdefault(_place(run), []).append(run)
    found = {}
    for place, own in members.items():
        clean = [run for run in own if not run.dirty]
        known = commits.get(own[0].commit)
        time = own[0].start_time if known is None else known.time
        subject = "" if known is None else known.subject
        found[place] = Observation(own[0].commit, subject, time, tuple(clean or own), not clean)
    return tuple(found[place] for place in order_commits({p: o.time for p, o in found.items()}, commits))


# ---- one metric


def _metric_history(
    observations: Sequence[Observation], measure: Measure, commits: Mapping[str, Commit], threshold: float
) -> MetricHistory:
    seeds = [
        [
            v
            for run in o.runs
            if (v := finite_value(run, measure.metric, measure.summary, measure.direction)) is not None
        ]
        for o in observations
    ]
    values = np.array([math.fsum(v / len(own) for v in own) if own else math.nan for own in seeds])
    weights = weigh(seeds)
    levels = settle_steps(detect_steps(values, weights), values, weights, threshold=threshold)
    return MetricHistory(
        measure,
        values,
        np.array([min(own, default=math.nan) for own in seeds]),
        np.array([max(own, default=math.nan) for own in seeds]),
        np.array([len(own) for own in seeds], np.int64),
        levels,
        _changes(levels, observations, measure.direction, commits, threshold),
    )


def weigh(seeds: Sequence[Sequence[float]]) -> Floats | None:
    """Return how much each observation counts: one over the standard error of its mean; None when no noise is known.

    The variance s² of an observation's n seeds is drawn towards the usual one, the median s₀² over all observations
    with several seeds, which counts like one seed more: (s₀² + (n−1)·s²) / n. So a lucky pair of equal seeds is no
    certainty, an observation of one seed has the usual noise, and a noisy time does not hide what comes after it.
    """
    counts = np.array([len(own) for own in seeds], np.float64)
    if not np.any(counts > 1):
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        variances = np.array([np.var(own, ddof=1) if len(own) > 1 else 0.0 for own in seeds])
    known = variances[(counts > 1) & np.isfinite(variances)]
    usual = float(np.median(known)) if len(known) else 0.0
    usual = usual or float(np.mean(known)) if len(known) else 0.0
    if not 0 < usual < math.inf:
        return np.sqrt(counts)
    moderate = (usual + np.maximum(counts - 1, 0) * variances) / np.maximum(counts, 1)
    return np.where(np.isfinite(moderate), np.sqrt(usual * counts / moderate), 0.0)


def _changes(
    levels: Sequence[Step],
    observations: Sequence[Observation],
    direction: str | None,
    commits: Mapping[str, Commit],
    threshold: float,
) -> tuple[Change, ...]:
    still_open: set[int] = set()
    if direction is not None:
        sign = -1.0 if direction == "max" else 1.0
        turned = [Step(s.start, s.stop, sign * s.value, s.low, s.error, s.count) for s in levels]
        still_open = {rise.after for rise in find_rises(turned, threshold=threshold)}
    places = {o.commit: i for i, o in enumerate(observations)}
    changes = []
    for old, new in pairwise(levels):
        error = max(old.error, new.error)
        a, b = observations[old.stop - 1], observations[new.start]
        changes.append(
            Change(
                before=old.stop - 1,
                after=new.start,
                old=old.value,
                new=new.value,
                kind=_kind(old.value, new.value, direction),
                open=new.start in still_open,
                count_before=old.count,
                count_after=new.count,
                deviations=abs(new.value - old.value) / error if error else None,
                range=range_of(a.commit, b.commit, commits, places),
            )
        )
    return tuple(changes)


def _kind(old: float, new: float, direction: str | None) -> Kind:
    if direction is None:
        return "change"
    return "improvement" if (new > old) == (direction == "max") else "regression"

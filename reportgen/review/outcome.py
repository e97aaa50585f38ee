"""What a review found: frozen values that Markdown, data and pages are written from. Nothing here is escaped yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from reportgen.analysis.statistics import Difference, Noise, Sample
from reportgen.model import ParamValue, Summary
from reportgen.review.baseline import Baseline
from reportgen.review.commits import Checkout
from reportgen.review.pairing import Configuration
from reportgen.site.config import MetricConfig
from reportgen.site.gates import Gate

Verdict: TypeAlias = Literal["worse", "better", "changed", "missing", "unknown", "new", "same"]
"""`worse`, `better`: the corrected interval excludes zero; `changed`: so it does, and the metric has no direction;
`missing`: the change has no finite value, and the baseline has; `unknown`: cannot tell; `new`: the baseline has no
value; `same`: no difference was found."""
VERDICTS: Final[tuple[Verdict, ...]] = ("worse", "missing", "changed", "better", "unknown", "new", "same")
"""In the order in which rows are shown, behind those whose gates failed."""
Answer: TypeAlias = Literal["failed", "passed", "unjudged"]


@dataclass(frozen=True, slots=True)
class Side:
    """One metric of one configuration on one side."""

    values: tuple[float, ...]
    """Finite values of finished runs, oldest first, of exact repetitions one."""
    non_finite: tuple[float, ...]
    """NaN and infinite values of finished runs."""
    without: int
    """Finished runs that did not log it."""
    sample: Sample
    repeated: int = 0
    """Runs that repeat the seed and the value of another, and count for nothing."""
    by_seed: Mapping[str, float] = field(default_factory=dict)
    """The value of each seed; empty unless each value has a seed of its own."""

    @property
    def mean(self) -> float | None:
        """None without values."""
        return self.sample.mean if self.values else None

    @property
    def count(self) -> int:
        """Runs with a finite value, of exact repetitions one."""
        return len(self.values)

    @property
    def runs(self) -> int:
        """All finished runs."""
        return self.count + self.repeated + len(self.non_finite) + self.without

    @property
    def odd_part(self) -> float:
        """The part of the runs whose value is NaN or infinite."""
        return len(self.non_finite) / max(1, self.runs)

    @property
    def part_without(self) -> float:
        """The part of the runs that did not log it."""
        return self.without / max(1, self.runs)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one gate says of one metric of one configuration."""

    gate: Gate
    answer: Answer
    said: str
    """Why, as words of ours and numbers: no text of a log."""


@dataclass(frozen=True, slots=True)
class Row:
    """One metric of one configuration, compared."""

    configuration: Configuration
    metric: str
    known: MetricConfig
    value_of: str
    """Which value of a run is compared: `last`, `min`, `max`, `mean` or `first`."""
    baseline: Side
    change: Side
    difference: Difference
    level: float
    """The level that the difference is judged by, corrected for all that are judged with it."""
    noise: Noise | None
    """Of earlier commits."""
    is_gated: bool
    """True when a gate compares it with the baseline, so that it is judged with the gated metrics."""
    verdict: Verdict
    judgements: tuple[Judgement, ...]
    history: tuple[float | None, ...]
    """Means at earlier commits, oldest first, then the baseline's."""

    @property
    def interval(self) -> tuple[float, float] | None:
        """The corrected interval of the difference."""
        return self.difference.interval(self.level)

    @property
    def worst(self) -> float | None:
        """How far the interval reaches on the bad side, below 0 where it does not; None without one or a direction."""
        interval = self.interval
        if interval is None or self.known.direction is None:
            return None
        return -interval[0] if self.known.direction == "max" else interval[1]

    @property
    def detectable(self) -> float | None:
        """The smallest difference that would be found in four of five cases."""
        return self.difference.detectable(self.level)

    @property
    def relative(self) -> float | None:
        """The difference as a part of the baseline's mean; None where that is not known or 0."""
        if self.baseline.mean is None or self.change.mean is None or not self.baseline.mean:
            return None
        return self.difference.estimate / abs(self.baseline.mean)

    @property
    def loses_values(self) -> bool:
        """True when more runs of the change end with NaN or infinity than of the baseline: a mean leaves them out."""
        return self.change.odd_part > self.baseline.odd_part

    @property
    def failed(self) -> tuple[Judgement, ...]:
        """Gates that it does not pass, errors first."""
        failed = [j for j in self.judgements if j.answer == "failed"]
        return tuple(sorted(failed, key=lambda j: j.gate.severity))

    @property
    def unjudged(self) -> tuple[Judgement, ...]:
        """Gates that could not be judged."""
        return tuple(j for j in self.judgements if j.answer == "unjudged")


@dataclass(frozen=True, slots=True)
class Changed:
    """Something that differs between the sides: a param, a package, a version."""

    name: str
    baseline: tuple[ParamValue, ...]
    """Values there, those of most runs first; empty where no run has one."""
    change: tuple[ParamValue, ...]


@dataclass(frozen=True, slots=True)
class Changes:
    """What differs between the two sides of one configuration."""

    configuration: Configuration
    params: tuple[Changed, ...]
    params_total: int
    environment: tuple[Changed, ...] = ()


@dataclass(frozen=True, slots=True)
class Review:
    """A change compared with a baseline."""

    baseline: Baseline | None
    """None where there is none at all."""
    no_baseline: str
    """Why there is none, in words of ours; empty when there is one."""
    checkout: Checkout | None
    change: tuple[Summary, ...]
    """All runs of the change, oldest first."""
    configurations: tuple[Configuration, ...]
    rows: tuple[Row, ...]
    """Worst first."""
    changes: tuple[Changes, ...]
    loose: tuple[Judgement, ...]
    """Gates that cover no metric at all."""
    alpha: float
    family: int
    """How many differences are judged together at `alpha`."""
    now: float
    """Time that ages count to, UTC seconds since the epoch."""
    stale_days: float
    lost: tuple[str, ...] = ()
    """Metrics that the baseline has and the change has not, beside those of `rows`."""
    added: tuple[str, ...] = ()
    """Metrics that the change has and the baseline has not, beside those of `rows`."""
    unreadable: int = 0
    """Problems in the logs of the change."""
    unreadable_baseline: int = 0
    """Problems in the files of the baseline that belong to no run."""

    # ---- verdict

    @property
    def judgements(self) -> Iterable[tuple[Row | None, Judgement]]:
        """Each gate's answer with its row, None for a gate that covers none."""
        yield from ((row, judgement) for row in self.rows for judgement in row.judgements)
        yield from ((None, judgement) for judgement in self.loose)

    @property
    def failed(self) -> tuple[tuple[Row | None, Judgement], ...]:
        """The gates that failed, errors first."""
        failed = [(row, j) for row, j in self.judgements if j.answer == "failed"]
        return tuple(sorted(failed, key=lambda pair: pair[1].gate.severity))

    @property
    def errors(self) -> int:
        """How many gates of severity `error` failed."""
        return sum(j.gate.severity == "error" for _, j in self.failed)

    @property
    def is_compared(self) -> bool:
        """True when there is anything on both sides."""
        return any(c.baseline and c.change for c in self.configurations)

    def count(self, verdict: Verdict) -> int:
        """Return how many rows have a verdict."""
        return sum(row.verdict == verdict for row in self.rows)

    # ---- runs

    @property
    def unfinished(self) -> tuple[Summary, ...]:
        """Runs of the change that did not finish, and do not count."""
        return tuple(run for run in self.change if run.status != "finished")

    @property
    def head(self) -> Summary | None:
        """The run that tells the commit of the change: the newest that has one, else the newest."""
        known = [run for run in self.change if run.commit] or list(self.change)
        return known[-1] if known else None

    @property
    def age_s(self) -> float | None:
        """Seconds from the end of the oldest baseline to `now`; None without a baseline."""
        if self.baseline is None or not self.baseline.by_experiment:
            return None
        return max(0.0, self.now - min(base.measured for base in self.baseline.by_experiment.values()))

    @property
    def is_stale(self) -> bool:
        """True when the baseline is older than the configuration allows."""
        return self.age_s is not None and self.age_s > self.stale_days * 86400

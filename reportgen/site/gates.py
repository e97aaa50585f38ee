"""What the configuration says of reviews: how runs are paired, and the gates that a change must pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from reportgen.patterns import matches

Severity: TypeAlias = Literal["error", "warning"]
SEVERITIES: Final = ("error", "warning")
SEEDS: Final = ("seed", "random_seed", "random_state", "*/seed", "*.seed")
"""Patterns of params that only tell repetitions of one configuration apart, unless the configuration names others."""
STALE_DAYS: Final = 14.0


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How much worse a mean may become."""

    size: float
    """As a part of the baseline's mean (0.01 for 1 %), or in the metric's own unit."""
    is_relative: bool

    def of(self, baseline: float) -> float:
        """Return it in the metric's unit, for a baseline whose mean is `baseline`."""
        return self.size * abs(baseline) if self.is_relative else self.size


@dataclass(frozen=True, slots=True)
class Gate:
    """One `[[gate]]`: what a metric of the change must fulfil."""

    metric: str
    """Name or pattern."""
    max_regression: Tolerance | None = None
    """None where only bounds count."""
    min: float | None = None
    max: float | None = None
    """Absolute bounds of the change's mean."""
    experiment: str = "*"
    min_runs: int = 1
    """Finished runs that the change must have."""
    severity: Severity = "error"
    file: str = ""
    """The configuration file as it was named."""
    line: int | None = None
    """1-based line of the gate in that file, None where it is not known."""

    @property
    def is_statistical(self) -> bool:
        """True when the change is compared with the baseline."""
        return self.max_regression is not None

    @property
    def is_bound(self) -> bool:
        """True when the mean of the change has an absolute bound."""
        return self.min is not None or self.max is not None

    def covers(self, experiment: str, metric: str) -> bool:
        """Tell whether the gate is about a metric of an experiment."""
        return matches(self.metric, metric) and matches(self.experiment, experiment)


@dataclass(frozen=True, slots=True)
class ReviewConfig:
    """`[review]` and the gates."""

    match: tuple[str, ...] = ()
    """Patterns of the params that identify a configuration; without them its runs are known by group or name."""
    seeds: tuple[str, ...] = SEEDS
    stale_days: float = STALE_DAYS
    """A baseline that is older is called stale."""
    gates: tuple[Gate, ...] = ()

    def is_seed(self, param: str) -> bool:
        """Tell whether a param only names the repetition."""
        return any(matches(pattern, param) for pattern in self.seeds)

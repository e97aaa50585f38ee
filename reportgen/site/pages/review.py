"""The page of a review: a change compared with its baseline. It is in no site: `report.html` of a review holds it.

`reportgen.review` fills it; what it says is decided there.
"""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

PAGE = "review.html"
"""Site path under which it is rendered."""


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """One metric of one configuration."""

    sign: str
    """`✕ ✓ ≠ ≈ ? +`, as the legend says."""
    said: str
    """The verdict as a word, for screen readers: `worse`."""
    verdict: str
    """`better` or `worse` where it is claimed, or a gate failed; else `within`, `changed` or empty."""
    metric: str
    direction: str | None
    about: str
    """Which value is compared, and its unit: `last, %`."""
    configuration: str
    """Empty when there is only one."""
    baseline: str
    change: str
    strips: tuple[Markup, Markup]
    """The values of the runs on either side, on one axis; empty markup without values."""
    difference: str
    interval: str
    runs: str
    """How many runs of the baseline, and of the change."""
    reasons: tuple[str, ...]
    """How it was decided, and what gates say."""


@dataclass(frozen=True, slots=True)
class ReviewChart:
    """Curves of one metric on both sides."""

    id: str
    title: str
    said: str
    """Unit, configuration."""
    direction: str | None
    svg: Markup


@dataclass(frozen=True, slots=True)
class ReviewChange:
    """Something that differs between the sides."""

    configuration: str
    """Empty when there is only one."""
    name: str
    baseline: str
    change: str


@dataclass(frozen=True, slots=True)
class ReviewRun:
    """One run of either side."""

    side: str
    configuration: str
    name: str
    status: str
    error: str
    commit: str
    address: str
    """Of the commit, empty when the repository is not known."""
    dirty: bool
    duration_s: float


@dataclass(frozen=True, slots=True)
class ReviewPage:
    """What `review.html` gets."""

    heading: str
    """The verdict in a line."""
    is_bad: bool
    """True when a gate failed, or something is worse."""
    failed: tuple[str, ...]
    """Failed gates, a sentence each."""
    notes: tuple[str, ...]
    """What is to be known of the baseline and of runs that do not count."""
    base: str
    """What the change is compared with, in words."""
    head: str
    """Which commit the change is; empty when unknown."""
    baseline_name: str
    several: bool
    """True when there is more than one configuration."""
    rows: tuple[ReviewRow, ...]
    legend: str
    charts: tuple[ReviewChart, ...]
    params: tuple[ReviewChange, ...]
    params_total: int
    environment: tuple[ReviewChange, ...]
    runs: tuple[ReviewRun, ...]

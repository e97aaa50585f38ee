"""The configuration as values, with its defaults, and the questions that the pages ask it.

Nothing here reads a file: `config_file` does. `docs/configuration.md` describes every key to people.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeVar

from reportgen.analysis.selection import is_training
from reportgen.patterns import matches
from reportgen.site.directions import guess_direction
from reportgen.site.gates import ReviewConfig
from reportgen.sources.options import NO_OPTIONS, SourceOptions

DIRECTIONS: Final = ("max", "min", "none")
SUMMARIES: Final = ("last", "min", "max", "mean", "first", "best")


@dataclass(frozen=True, slots=True)
class MetricConfig:
    """What is known of one metric: as the user declared it in `Config.metrics`, resolved from `Config.metric`."""

    direction: str | None = None
    """`max` when higher is better, `min` when lower is. Declared: `none` for neither, None for "guess";
    resolved: None for neither."""
    unit: str = ""
    title: str = ""
    """Name on pages. Declared: empty for the metric's own name; resolved: never empty unless that name is."""
    summary: str | None = None
    """Which value stands in tables, one of `SUMMARIES`. Declared: None for the default;
    resolved: never None, and `best` only with a direction."""


@dataclass(frozen=True, slots=True)
class ExperimentConfig:
    """What the user declares of one experiment."""

    description: str = ""
    """Markdown shown on the experiment's page."""
    headline: tuple[str, ...] = ()
    """Headline metrics of this experiment; the site's when empty."""


@dataclass(frozen=True, slots=True)
class Config:
    """A whole configuration; every key is optional."""

    title: str = "Training runs"
    description: str = ""
    """Markdown shown on the home page."""
    theme: str = "default"
    theme_options: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    theme_dirs: tuple[str, ...] = ()
    """User folders that override templates and static files, relative to the configuration file, searched first."""
    repository_url: str = ""
    """Web address of the code, for links to commits; without a slash at its end."""
    site_url: str = ""
    """Web address under which the site is published, for links in its feed; without a slash at its end."""
    headline: tuple[str, ...] = ()
    """Headline metrics of all experiments, in order; chosen by the build when empty."""
    metrics: Mapping[str, MetricConfig] = field(default_factory=dict)
    """By metric name, as declared; a key with `*` is a pattern. Ask `metric()` for what holds of a metric."""
    experiments: Mapping[str, ExperimentConfig] = field(default_factory=dict)
    """By experiment name, as declared; a key with `*` is a pattern. Ask `experiment()`."""
    include: tuple[str, ...] = ()
    """Patterns of experiments or `experiment/run name`; empty = all."""
    exclude: tuple[str, ...] = ()
    max_site_mb: float | None = None
    """Size in MiB above which the site goes without the exact points of its oldest runs; None for no limit."""
    max_artifact_mb: float = 10.0
    """Largest artifact that is published, in MiB."""
    artifact_include: tuple[str, ...] = ()
    """Patterns of artifact paths to publish; empty = all."""
    artifact_exclude: tuple[str, ...] = ()
    history_branches: tuple[str, ...] = ()
    """Patterns of branches whose runs make the histories; empty = all."""
    history_threshold: float = 0.001
    """Changes of a level by less than this part of it are not reported."""
    sources: SourceOptions = NO_OPTIONS
    """How the logs of other programs are read."""
    review: ReviewConfig = field(default_factory=ReviewConfig)
    """How changes are compared with a baseline; no page of a site depends on it, so that `describe` leaves it out."""
    folder: Path = field(default=Path(), compare=False)
    """Folder of the file that was read, which `theme_dirs` are relative to."""
    notes: tuple[str, ...] = field(default=(), compare=False)
    """Sentences for the person who runs the build, such as a configuration that another one hides."""
    _resolved: dict[str, MetricConfig] = field(default_factory=dict, init=False, repr=False, compare=False)
    """Answers of `metric()`: it is asked for each metric of each run, and a name's answer never changes."""

    @property
    def theme_folders(self) -> tuple[Path, ...]:
        """The folders of `theme_dirs`, ready to be opened."""
        return tuple(self.folder / folder for folder in self.theme_dirs)

    def metric(self, name: str) -> MetricConfig:
        """Return what holds of the metric `name`: declared by name, else by the first pattern that fits, else guessed.

        A declaration without `direction` gets the guess too; `direction = "none"` declines it.
        """
        known = self._resolved.get(name)
        if known is None:
            known = self._resolved[name] = _resolve(name, _find(self.metrics, name) or MetricConfig())
        return known

    def experiment(self, name: str) -> ExperimentConfig:
        """Return what holds of the experiment `name`, found like a metric's; `headline` falls back to the site's."""
        declared = _find(self.experiments, name) or ExperimentConfig()
        return declared if declared.headline else replace(declared, headline=self.headline)

    def includes(self, experiment: str, run_name: str) -> bool:
        """Tell whether a run belongs in the site: some `include` pattern fits, if there are any, and no `exclude`."""
        names = (experiment, f"{experiment}/{run_name}")
        if any(matches(pattern, name) for pattern in self.exclude for name in names):
            return False
        return not self.include or any(matches(pattern, name) for pattern in self.include for name in names)

    def describe(self) -> dict[str, Any]:
        """Return the configuration as JSON data in the layout of the file, all defaults filled in.

        `theme_dirs` is left out: what those folders hold counts, not where they are, and that is in the theme's digest.
        """
        return {
            "title": self.title,
            "description": self.description,
            "theme": self.theme,
            "repository_url": self.repository_url,
            "site_url": self.site_url,
            "headline": list(self.headline),
            "include": list(self.include),
            "exclude": list(self.exclude),
            "max_site_mb": None if self.max_site_mb is None else float(self.max_site_mb),
            "theme_options": dict(sorted(self.theme_options.items())),
            "metrics": {
                name: {"direction": m.direction, "unit": m.unit, "title": m.title, "summary": m.summary}
                for name, m in self.metrics.items()
            },
            "experiments": {
                name: {"description": e.description, "headline": list(e.headline)}
                for name, e in self.experiments.items()
            },
            "artifacts": {
                "max_mb": float(self.max_artifact_mb),
                "include": list(self.artifact_include),
                "exclude": list(self.artifact_exclude),
            },
            "history": {"branches": list(self.history_branches), "threshold": float(self.history_threshold)},
            "sources": self.sources.describe(),
        }

    def digest(self) -> str:
        """Return the sha256 of `describe()`: equal for equal configurations, whatever file they came from."""
        return hashlib.sha256(json.dumps(self.describe(), separators=(",", ":")).encode()).hexdigest()


def _resolve(name: str, declared: MetricConfig) -> MetricConfig:
    direction = guess_direction(name) if declared.direction is None else declared.direction
    if direction == "none":
        direction = None
    summary = declared.summary or "best"
    noisy = declared.summary is None and declared.direction is None and is_training(name)
    if summary == "best" and (direction is None or noisy):
        summary = "last"  # the best of a noisy training loss is an accident of one batch
    return MetricConfig(direction, declared.unit, declared.title or name, summary)


T = TypeVar("T")


def _find(declared: Mapping[str, T], name: str) -> T | None:
    if name in declared:
        return declared[name]
    return next((value for pattern, value in declared.items() if "*" in pattern and matches(pattern, name)), None)

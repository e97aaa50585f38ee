"""The page of models: every version of every named model, and the run that made it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reportgen.model import ModelVersion, Summary
from reportgen.site import urls
from reportgen.site.config import Config
from reportgen.site.data.typed import SitePath
from reportgen.site.pages.columns import name_of, title_of_experiment


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One version of a model."""

    model: str
    version: str
    aliases: tuple[str, ...]
    run: str
    key: str
    """Key of the run."""
    page: SitePath
    experiment: str
    experiment_page: SitePath
    files: tuple[str, ...]
    sha256: str
    derived_from: str
    last_time: float


@dataclass(frozen=True, slots=True)
class ModelRow:
    """One named model with its versions, newest first."""

    name: str
    versions: tuple[VersionRow, ...]


@dataclass(frozen=True, slots=True)
class ModelsPage:
    """What `models.html` shows."""

    title: str
    models: tuple[ModelRow, ...]
    """By name."""
    versions: int


def make_versions(runs: Iterable[Summary]) -> tuple[VersionRow, ...]:
    """Return the versions of models that the runs registered, newest first."""
    found = (_make_row(model, run) for run in runs for model in run.models)
    return tuple(sorted(found, key=_recency))


def _recency(row: VersionRow) -> tuple[float, str]:
    return -row.last_time, row.key


def make_models_page(versions: Iterable[VersionRow], config: Config) -> ModelsPage:
    """Return the page of these versions of models."""
    found: dict[str, list[VersionRow]] = {}
    for row in sorted(versions, key=_recency):
        found.setdefault(row.model, []).append(row)
    models = tuple(ModelRow(name, tuple(found[name])) for name in sorted(found))
    return ModelsPage(config.title, models, sum(len(model.versions) for model in models))


def _make_row(model: ModelVersion, run: Summary) -> VersionRow:
    return VersionRow(
        model=model.name,
        version=model.version,
        aliases=model.aliases,
        run=name_of(run),
        key=run.key,
        page=SitePath(urls.run_page(run.key, run.name)),
        experiment=title_of_experiment(run.experiment),
        experiment_page=SitePath(urls.experiment_page(run.experiment)),
        files=model.files,
        sha256=model.sha256,
        derived_from=model.derived_from,
        last_time=run.last_time,
    )

"""The page of models: every version of every named model, and the run that made it."""

from __future__ import annotations

from dataclasses import dataclass

from reportgen.index import Index
from reportgen.model import ModelVersion, Summary
from reportgen.site import urls
from reportgen.site.config import Config
from reportgen.site.pages.columns import name_of, title_of_experiment


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One version of a model."""

    version: str
    aliases: tuple[str, ...]
    run: str
    page: str
    experiment: str
    experiment_page: str
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


def make_models_page(index: Index, config: Config) -> ModelsPage:
    """Return the page of all models that the runs registered."""
    found: dict[str, list[VersionRow]] = {}
    for run in sorted(index.runs, key=lambda run: (-run.last_time, run.key)):
        for model in run.models:
            found.setdefault(model.name, []).append(_make_row(model, run))
    models = tuple(ModelRow(name, tuple(found[name])) for name in sorted(found))
    return ModelsPage(config.title, models, sum(len(model.versions) for model in models))


def _make_row(model: ModelVersion, run: Summary) -> VersionRow:
    return VersionRow(
        version=model.version,
        aliases=model.aliases,
        run=name_of(run),
        page=urls.run_page(run.key, run.name),
        experiment=title_of_experiment(run.experiment),
        experiment_page=urls.experiment_page(run.experiment),
        files=model.files,
        sha256=model.sha256,
        derived_from=model.derived_from,
        last_time=run.last_time,
    )

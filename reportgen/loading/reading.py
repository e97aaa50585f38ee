"""`load` and `search_runs`: the way into runs for Python, and for the commands that look at them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, overload

from reportgen.collector import without_collector
from reportgen.loading.origins import Means, SourceName, read_origins
from reportgen.loading.runs import Library, Runs
from reportgen.loading.tables import load_pandas
from reportgen.mlflow_names import SEARCH_RUNS_ADVICE
from reportgen.query import Frame
from reportgen.site.config import Config
from reportgen.site.config_file import load_config

if TYPE_CHECKING:
    import pandas as pd

Source: TypeAlias = SourceName | Sequence[SourceName]
ConfigSource: TypeAlias = str | os.PathLike[str] | Config | None

FORMATS: Final = ("list", "pandas")


def load(source: Source, *, config: ConfigSource = None) -> Runs:
    """Return the runs of a source or of several: folders of run logs, and built sites by folder or `https://` address.

    Logs are read once, and remembered in the platform's cache folder; series come when they are asked for. A run that
    is in several sources is there once. `config` is a configuration file, by default the one in the working folder,
    which may declare directions and summaries of metrics; `include` and `exclude` are for sites, and leave no run out.

    Raises `SourceError` for a source that cannot be read, `ConfigError` for a configuration that is wrong.
    """
    return load_runs(source, config=config, means=Means())


def load_runs(source: Source, *, config: ConfigSource, means: Means) -> Runs:
    """Do what `load` does, with what the caller lends to it."""
    known = as_config(config)
    several = [source] if isinstance(source, str | os.PathLike) else list(source)
    with without_collector():
        library = Library(read_origins(several, replace(means, options=known.sources)), known)
    summaries = library.summaries
    return Runs([summaries[row] for row in Frame(summaries).natural_order().tolist()], library)


def as_config(config: ConfigSource) -> Config:
    """Return the configuration itself, that of a file, or without one that of the working folder."""
    if isinstance(config, Config):
        return config
    return load_config(None if config is None else Path(config), folder=Path.cwd())


@overload
def search_runs(
    source: Source | Runs,
    filter: str = ...,
    order_by: str | Sequence[str] | None = ...,
    max_results: int = ...,
    output_format: Literal["list"] = ...,
    *,
    now: float | datetime | None = ...,
    config: ConfigSource = ...,
) -> Runs: ...
@overload
def search_runs(
    source: Source | Runs,
    filter: str = ...,
    order_by: str | Sequence[str] | None = ...,
    max_results: int = ...,
    *,
    output_format: Literal["pandas"],
    now: float | datetime | None = ...,
    config: ConfigSource = ...,
) -> pd.DataFrame: ...
def search_runs(
    source: Source | Runs | None = None,
    filter: str = "",  # noqa: A002 - what it is
    order_by: str | Sequence[str] | None = None,
    max_results: int = 100_000,
    output_format: str = "list",
    *,
    now: float | datetime | None = None,
    config: ConfigSource = None,
    **others: object,
) -> Runs | pd.DataFrame:
    """Return the runs of `source` that fulfil a filter (`docs/query.md`), ordered by `order_by`, else newest first.

    `source` is one or several, as in `load`, or `Runs` that are loaded already. `output_format` is `list` for `Runs`
    or `pandas` for a table with MLflow's columns. `now`, by default the clock, is what ages in the filter count from;
    a number is in UTC seconds since the epoch.

    Raises `QueryError` for a filter or an order that cannot be understood, `SourceError` for a source that cannot be
    read, `ReportgenError` when pandas is asked for and not installed, `TypeError` for arguments that only MLflow has.
    A metric, param or tag that no run has gives a `QueryWarning`.
    """
    for name in others:
        advice = SEARCH_RUNS_ADVICE.get(name)
        if advice is None:
            raise TypeError(f"search_runs() has no argument {name}=")
        raise TypeError(f"search_runs() has no {name}= of MLflow: {advice} (docs/mlflow.md)")
    if source is None:
        raise TypeError("search_runs() needs a source: search_runs('runs/', \"metrics.loss < 0.1\")")
    if output_format not in FORMATS:
        raise ValueError(f"output_format {output_format!r} is unknown: there are {' and '.join(FORMATS)}")
    if output_format == "pandas":
        load_pandas()  # says so at once, and not after everything was read
    if isinstance(source, Runs):
        runs = source if config is None else source.with_config(as_config(config))
    else:
        runs = load(source, config=config)
    found = runs.search_from(3, filter, order_by=order_by, max_results=max_results, now=now)
    return found.to_pandas() if output_format == "pandas" else found

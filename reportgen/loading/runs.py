"""Runs as Python sees them: their facts at once, their series when they are asked for."""

from __future__ import annotations

import time
import warnings
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, overload

from reportgen.errors import QueryWarning, SourceError
from reportgen.loading import notebook
from reportgen.loading.addressing import find_run
from reportgen.loading.comparison import Comparison
from reportgen.loading.origins import Origin
from reportgen.loading.tables import runs_table, series_table
from reportgen.model import Artifact, Code, ParamValue, Problem, Run, Series, Summary
from reportgen.quantiles import split_quantile
from reportgen.query import Frame, search, unknown_names
from reportgen.site.config import Config
from reportgen.sources.summarise import series_in_tables
from reportgen.spelling import suggestion

if TYPE_CHECKING:
    import pandas as pd

KEPT: Final = 32
"""Whole runs that stay in memory, the ones that were asked for last."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Library:
    """Where the runs of one `load` come from, and the whole runs that were read of them."""

    def __init__(self, origins: Sequence[Origin], config: Config) -> None:
        self.config = config
        self.problems = tuple(problem for origin in origins for problem in origin.problems)
        self.summaries = tuple(summary for origin in origins for summary in origin.summaries)
        self._origin_of = {summary.key: origin for origin in origins for summary in origin.summaries}
        self._read: OrderedDict[str, Run] = OrderedDict()

    def read(self, summary: Summary) -> Run:
        """Return the whole run of a summary, from memory if it was read lately. Raises `SourceError`."""
        run = self._read.get(summary.key)
        if run is None:
            run = self._read[summary.key] = self._origin_of[summary.key].read(summary)
        self._read.move_to_end(summary.key)
        while len(self._read) > KEPT:
            self._read.popitem(last=False)
        return run

    def artifact_folder(self, summary: Summary) -> str | None:
        """Return the folder on this machine with the files that the run kept, None if there is none of its own."""
        return self._origin_of[summary.key].artifact_folder(summary)


class LoggedRun:
    """One run that was logged: facts are there at once, series, artifacts, code and environment when asked for."""

    def __init__(self, summary: Summary, library: Library, config: Config) -> None:
        self.summary = summary
        """All that tables know of the run, statistics of its metrics included."""
        self._library = library
        self._config = config

    # ---- facts

    @property
    def key(self) -> str:
        """32 hexadecimal digits that name the run's files in a site."""
        return self.summary.key

    @property
    def run_id(self) -> str:
        """The id, unique among all runs."""
        return self.summary.run_id

    @property
    def name(self) -> str:
        """The name, which other runs may have too."""
        return self.summary.name

    @property
    def experiment(self) -> str:
        """Name of its experiment."""
        return self.summary.experiment

    @property
    def status(self) -> str:
        """`finished`, `failed`, `stopped` or `unfinished`."""
        return self.summary.status

    @property
    def error(self) -> str:
        """First line of what the run failed with, or empty."""
        return self.summary.error

    @property
    def start_time(self) -> datetime | None:
        """When it started, in UTC; None where its log has no times."""
        return time_of(self.summary.start_time) if self.summary.start_time else None

    @property
    def last_time(self) -> datetime | None:
        """When it ended, or logged its last line, in UTC; None where its log has no times."""
        return time_of(self.summary.last_time) if self.summary.last_time else None

    @property
    def duration(self) -> float:
        """How long it ran, in seconds, pauses between sessions left out."""
        return self.summary.duration_s

    @property
    def params(self) -> Mapping[str, ParamValue]:
        """Params as logged: numbers are numbers."""
        return MappingProxyType(dict(self.summary.params))

    @property
    def metrics(self) -> Mapping[str, float]:
        """Metric -> its last value: that of the greatest (step, time, value)."""
        return MappingProxyType({name: metric.last for name, metric in self.summary.metrics.items()})

    @property
    def tags(self) -> Mapping[str, str]:
        """Tags as logged."""
        return MappingProxyType(dict(self.summary.tags))

    @property
    def notes(self) -> str:
        """All notes in Markdown, joined by blank lines, cut at 65,536 characters."""
        return self.summary.notes

    @property
    def commit(self) -> str:
        """Commit of the code that ran, or empty."""
        return self.summary.commit

    @property
    def user(self) -> str:
        """Who ran it, or empty."""
        return self.summary.user

    @property
    def group(self) -> str:
        """The group that it was logged in, or empty."""
        return self.summary.group

    @property
    def parent(self) -> str:
        """Id of the parent run, or empty."""
        return self.summary.parent_id

    def best(self, metric: str) -> float:
        """Return the best value that `metric` ever had, by its direction: declared, or known from its name.

        Raises `SourceError` for a metric that the run has not, or that has no direction or no finite value.
        """
        known = self._config.metric(self._metric(metric))
        if known.direction is None:
            raise SourceError(
                f"nothing says whether '{metric}' should rise or fall: take summary.metrics[…].max or .min, or declare "
                f'it in reportgen.toml: [metrics."{metric}"] direction = "max"'
            )
        value = self.summary.metrics[metric].value("best", known.direction)
        if value is None:
            raise SourceError(f"'{metric}' of run '{self.name}' has no finite value")
        return value

    # ---- what is read when it is asked for

    def series(self, metric: str, rank: int | None = None) -> Series:
        """Return the points of `metric`: `steps` int64[n], `times` float64[n] (UTC seconds), `values` float64[n].

        They are ordered by (step, time, value). Without `rank`, those that tables and charts show: of rank 0, else the
        mean over the ranks. Raises `SourceError` for a metric or a rank that the run has not.
        """
        ranks = self._run().series.get(self._logged(metric), {})
        if rank is None and ranks:
            return series_in_tables(ranks)
        if rank is None or rank not in ranks:
            known = ", ".join(map(str, sorted(ranks))) or "none"
            raise SourceError(f"rank {rank or 0} of run '{self.name}' has not logged '{metric}': these have: {known}")
        return ranks[rank]

    def all_series(self) -> Mapping[str, Mapping[int, Series]]:
        """Return the points of all metrics as logged: metric -> rank -> series, metrics in order of appearance."""
        return MappingProxyType(dict(self._run().series))

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        """Files that the run kept or referred to, with sizes and digests."""
        return self._run().artifacts

    @property
    def env(self) -> Mapping[str, Any]:
        """The environment as logged: `python`, `platform`, `packages`, `hardware` …"""
        return MappingProxyType(dict(self._run().env))

    @property
    def code(self) -> Code:
        """The version of the code that ran."""
        return self._run().code

    @property
    def artifact_folder(self) -> str | None:
        """Folder on this machine with the files that the run kept; None for runs of a site."""
        return self._library.artifact_folder(self.summary)

    def to_pandas(self, metric: str | None = None) -> pd.DataFrame:
        """Return all points of `metric`, or of all metrics, one a row: metric, rank, step, time, value.

        Raises `ReportgenError` when pandas is not installed.
        """
        series = self._run().series
        names = list(series) if metric is None else [self._logged(metric)]
        return series_table({name: series.get(name, {}) for name in names})

    def _run(self) -> Run:
        return self._library.read(self.summary)

    def _metric(self, name: str) -> str:
        if name not in self.summary.metrics:
            known = list(self.summary.metrics)
            near = suggestion(name, known)
            raise SourceError(f"run '{self.name}' has no metric '{name}':{near} it has: {', '.join(known) or 'none'}")
        return name

    def _logged(self, name: str) -> str:
        """Return the name of a metric or of any quantile of a histogram, which summaries leave out."""
        is_quantile = split_quantile(name) is not None and name in self._run().series
        return name if is_quantile else self._metric(name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LoggedRun) and (self.summary is other.summary or self.summary == other.summary)

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        counts = f"{len(self.summary.params)} params, {len(self.summary.metrics)} metrics"
        return f"<LoggedRun {self.name!r} ({self.run_id}) of {self.experiment!r}: {self.status}, {counts}>"

    def _repr_html_(self) -> str:
        return notebook.run_html(self.summary, self._config)


class Runs(Sequence[LoggedRun]):
    """Runs in order: newest start first as they are loaded, as asked for when they are searched."""

    def __init__(self, summaries: Sequence[Summary], library: Library, *, config: Config | None = None) -> None:
        self.summaries = tuple(summaries)
        """What tables know of each run, in the same order."""
        self._library = library
        self._config = config or library.config
        self._frame: Frame | None = None

    @overload
    def __getitem__(self, index: int) -> LoggedRun: ...
    @overload
    def __getitem__(self, index: slice) -> Runs: ...
    def __getitem__(self, index: int | slice) -> LoggedRun | Runs:
        if isinstance(index, slice):
            return self._with(self.summaries[index])
        return self._one(self.summaries[index])

    def __len__(self) -> int:
        return len(self.summaries)

    def __iter__(self) -> Iterator[LoggedRun]:
        return map(self._one, self.summaries)

    @property
    def experiments(self) -> Mapping[str, Runs]:
        """Experiment -> its runs, the one that was active last first."""
        members: dict[str, list[Summary]] = {}
        for summary in self.summaries:
            members.setdefault(summary.experiment, []).append(summary)
        active = sorted(members, key=lambda name: (-max(own.last_time for own in members[name]), name))
        return MappingProxyType({name: self._with(members[name]) for name in active})

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the data: of files that belong to no run, then of the runs."""
        own = (problem for summary in self.summaries for problem in summary.problems)
        return tuple(dict.fromkeys((*self._library.problems, *own)))

    def search(
        self,
        filter: str = "",  # noqa: A002 - what it is
        *,
        order_by: str | Sequence[str] | None = None,
        max_results: int | None = None,
        now: float | datetime | None = None,
    ) -> Runs:
        """Return the runs that fulfil a filter (`docs/query.md`), in the order of `order_by`, else newest first.

        `now`, by default the clock, is what ages in the filter count from. A metric, param or tag that no run has
        gives a `QueryWarning`. Raises `QueryError` for a filter or an order that cannot be understood.
        """
        return self.search_from(3, filter, order_by=order_by, max_results=max_results, now=now)

    def search_from(
        self,
        frames: int,
        text: str,
        *,
        order_by: str | Sequence[str] | None,
        max_results: int | None,
        now: float | datetime | None,
    ) -> Runs:
        """Do what `search` does, and point warnings at the caller so many frames above."""
        if max_results is not None and max_results < 0:
            raise ValueError(f"max_results is {max_results}: give 0 or more")
        if self._frame is None:
            self._frame = Frame(self.summaries, direction=lambda name: self._config.metric(name).direction)
        keys = [order_by] if isinstance(order_by, str) else list(order_by or ())
        seconds = time.time() if now is None else now.timestamp() if isinstance(now, datetime) else now
        rows = search(self._frame, text, keys, now=seconds)
        for sentence in unknown_names(self._frame, text, keys):
            warnings.warn(sentence, QueryWarning, stacklevel=frames)
        return self._with([self.summaries[row] for row in rows[:max_results]])

    def run(self, name: str) -> LoggedRun:
        """Return the run that `name` means: its id, its name, the beginning of one, or the key in its address;
        `latest`, `best:METRIC`, `max:METRIC`, `min:METRIC`, each with `@EXPERIMENT` behind it or over all runs.

        Raises `SourceError` with candidates when it means no run, or several.
        """
        found = find_run(self.summaries, name, config=self._config, summaries=lambda: self.summaries)
        return self._one(found)

    def compare(self, *runs: LoggedRun | str) -> Comparison:
        """Return these runs, or those that the texts mean as in `run`, side by side; all runs when none is named."""
        chosen = [self.run(run) if isinstance(run, str) else run for run in runs] or list(self)
        return Comparison([run.summary for run in chosen], self._config)

    def to_pandas(self) -> pd.DataFrame:
        """Return one row a run with the columns of MLflow's `search_runs`, and further ones behind them.

        Raises `ReportgenError` when pandas is not installed.
        """
        return runs_table(self.summaries, [self._library.artifact_folder(summary) for summary in self.summaries])

    def _one(self, summary: Summary) -> LoggedRun:
        return LoggedRun(summary, self._library, self._config)

    def _with(self, summaries: Sequence[Summary]) -> Runs:
        return Runs(summaries, self._library, config=self._config)

    def with_config(self, config: Config) -> Runs:
        """Return the same runs, with the directions and summaries of metrics that `config` declares."""
        return Runs(self.summaries, self._library, config=config)

    def __repr__(self) -> str:
        return notebook.runs_text(self.summaries, self._config)

    def _repr_html_(self) -> str:
        return notebook.runs_html(self.summaries, self._config)


def time_of(seconds: float) -> datetime:
    """Return a time in UTC; one that no calendar holds becomes the nearest that it does."""
    try:
        return _EPOCH + timedelta(seconds=seconds)
    except (OverflowError, ValueError):
        return datetime.max.replace(tzinfo=UTC) if seconds > 0 else datetime.min.replace(tzinfo=UTC)

"""A few runs side by side: what differs in their params, and the values of their metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from reportgen.analysis.selection import best_run
from reportgen.errors import SourceError
from reportgen.loading import notebook
from reportgen.loading.tables import comparison_table
from reportgen.model import ParamValue, Summary
from reportgen.site.config import Config
from reportgen.site.pages.columns import summary_name

if TYPE_CHECKING:
    import pandas as pd


class Comparison:
    """At least two runs side by side, in the order in which they were named. Raises `SourceError` for fewer."""

    def __init__(self, runs: Sequence[Summary], config: Config) -> None:
        self.runs = tuple({run.key: run for run in runs}.values())
        """What tables know of each run."""
        self._config = config
        if len(self.runs) < 2:
            raise SourceError("a comparison needs two different runs: name them as in runs.compare('first', 'second')")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the runs, the id behind those that two runs share."""
        names = [run.name for run in self.runs]
        return tuple(run.name if names.count(run.name) == 1 else f"{run.name} {run.run_id}" for run in self.runs)

    @property
    def params(self) -> Mapping[str, tuple[ParamValue, ...]]:
        """Param -> its value in each run, for those in which the runs differ; None where a run has not got it."""
        return MappingProxyType({name: self._values(name) for name in self._param_names() if self._differs(name)})

    @property
    def same_params(self) -> Mapping[str, ParamValue]:
        """Param -> the value that it has in all runs."""
        first = self.runs[0].params
        return MappingProxyType({name: first[name] for name in self._param_names() if not self._differs(name)})

    @property
    def metrics(self) -> Mapping[str, tuple[float | None, ...]]:
        """Metric -> the value of each run that tables show (`value_of` says which); None where a run has not got it."""
        return MappingProxyType({name: self._metric_values(name) for name in self._metric_names()})

    def value_of(self, metric: str) -> str:
        """Return which value of a metric is compared: `last`, `min`, `max`, `mean` or `first`."""
        return summary_name(self._config.metric(metric))

    def best(self, metric: str) -> str | None:
        """Return the name of the run that is best by `metric`; None without a direction or a finite value."""
        found = best_run(self.runs, metric, self.value_of(metric), self._config.metric(metric).direction)
        return None if found is None else self.names[self.runs.index(found)]

    def to_pandas(self) -> pd.DataFrame:
        """Return one row a param and metric, by (kind, name), and one column a run.

        Raises `ReportgenError` when pandas is not installed.
        """
        params = {name: self._values(name) for name in self._param_names()}
        return comparison_table(self.names, params, self.metrics)

    def _param_names(self) -> list[str]:
        return list(dict.fromkeys(name for run in self.runs for name in run.params))

    def _metric_names(self) -> list[str]:
        return list(dict.fromkeys(name for run in self.runs for name in run.metrics))

    def _values(self, name: str) -> tuple[ParamValue, ...]:
        return tuple(run.params.get(name) for run in self.runs)

    def _metric_values(self, name: str) -> tuple[float | None, ...]:
        known, summary = self._config.metric(name), self.value_of(name)
        return tuple(
            run.metrics[name].value(summary, known.direction) if name in run.metrics else None for run in self.runs
        )

    def _differs(self, name: str) -> bool:
        first = self.runs[0].params
        return any(
            (name in run.params) != (name in first) or run.params.get(name) != first.get(name) for run in self.runs[1:]
        )

    def _rows(self) -> tuple[list[str], list[list[notebook.Cell]]]:
        rows = [
            [notebook.Cell(metric_label), *notebook.metric_cells(self.runs, name, self._config)]
            for name in self._metric_names()
            for metric_label in (notebook.value_label(name, self._config),)
        ]
        rows += [
            [notebook.Cell(name), *(_param_cell(run, name) for run in self.runs)]
            for name in self._param_names()
            if self._differs(name)
        ]
        return ["", *self.names], rows

    def __repr__(self) -> str:
        head, rows = self._rows()
        return "\n".join((self._title(), *notebook.text_table(head, rows)))

    def _repr_html_(self) -> str:
        head, rows = self._rows()
        return notebook.html_table(head, rows, above=self._title())

    def _title(self) -> str:
        same = len(self._param_names()) - len(self.params)
        return f"{len(self.runs)} runs side by side; {same} params are the same in all"


def _param_cell(run: Summary, name: str) -> notebook.Cell:
    return notebook.Cell(notebook.value_text(run.params[name]) if name in run.params else "")

"""The page of all runs: the newest, whatever their experiment, and the way to the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from reportgen.index import Index
from reportgen.site import urls
from reportgen.site.config import Config
from reportgen.site.pages.columns import title_of_experiment
from reportgen.site.pages.rows import RecentRun, make_recent_runs
from reportgen.site.pages.tables import count_statuses

MAX_ROWS: Final = 100


@dataclass(frozen=True, slots=True)
class RunsPage:
    """What `runs.html` shows."""

    rows: tuple[RecentRun, ...]
    """By last line, newest first."""
    total: int
    statuses: tuple[tuple[str, int], ...]
    experiments: tuple[tuple[str, str, int], ...]
    """(name, site path, runs) by last activity."""
    csv: str
    """Site path of the table of all runs."""


def make_runs_page(index: Index, config: Config) -> RunsPage:
    """Return the page with the `MAX_ROWS` runs that were active last."""
    return RunsPage(
        rows=make_recent_runs(index, config, MAX_ROWS),
        total=len(index.runs),
        statuses=count_statuses(index.runs),
        experiments=tuple(
            (title_of_experiment(e.name), urls.experiment_page(e.name), len(e.runs)) for e in index.experiments
        ),
        csv=urls.RUNS_CSV,
    )

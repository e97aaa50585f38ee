"""The page of all runs: the newest, whatever their experiment, and the way to the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from reportgen.site import urls
from reportgen.site.facts import RECENT, ExperimentFacts
from reportgen.site.pages.columns import title_of_experiment
from reportgen.site.pages.rows import RecentRun, merge_recent_runs
from reportgen.site.pages.tables import STATUSES


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
    """Site path of the table of all runs, empty when there are too many: the experiments' pages have theirs."""


def make_runs_page(facts: Sequence[ExperimentFacts], *, csv: str) -> RunsPage:
    """Return the page with the runs that were active last; `facts` are of all experiments, by last activity."""
    statuses = Counter[str]()
    for own in facts:
        statuses.update(dict(own.statuses))
    return RunsPage(
        rows=merge_recent_runs((own.recent for own in facts), RECENT),
        total=sum(own.runs for own in facts),
        statuses=tuple((status, statuses[status]) for status in STATUSES if statuses[status]),
        experiments=tuple((title_of_experiment(e.name), urls.experiment_page(e.name), e.runs) for e in facts),
        csv=csv,
    )

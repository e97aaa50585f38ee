"""The plan of pages about many runs and of their plots: what is drawn and rendered, under which path, from what.

Decides and makes nothing: a plot is named by the digest of all that it shows, so that one drawn before is recognised; a
page is made only when its turn comes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reportgen.analysis.selection import assign_slots, settle_slots
from reportgen.model import Experiment, Problem, Summary
from reportgen.plots import Plot, plot_digest
from reportgen.site import urls
from reportgen.site.config import Config
from reportgen.site.data.finding import finding_scripts
from reportgen.site.data.history import history_csv
from reportgen.site.data.tables import table_script
from reportgen.site.facts import ExperimentFacts, join_problems
from reportgen.site.histories import ExperimentHistory
from reportgen.site.jobs import PlotJob, PlotLine
from reportgen.site.packs import BLOCK_RUNS, csv_parts
from reportgen.site.pages.columns import group_label, headline_of, selection_of, title_of, unit_of
from reportgen.site.pages.compare import MAX_FIGURES, make_compare_page, make_experiment_compare_page
from reportgen.site.pages.experiment import make_experiment_page
from reportgen.site.pages.history import make_history_page
from reportgen.site.pages.history_list import make_history_list_page
from reportgen.site.pages.home import make_home_page
from reportgen.site.pages.models import make_models_page
from reportgen.site.pages.problems import ProblemRow, make_problems_page
from reportgen.site.pages.runs import make_runs_page
from reportgen.site.pages.tables import MAX_SEEDS, plotted_groups
from reportgen.site.plan import code_digest


@dataclass(frozen=True, slots=True)
class PageJob:
    """One page to render: the dataclass is made only when its turn comes."""

    path: str
    template: str
    make: Callable[[], object]


@dataclass(frozen=True, slots=True)
class PlotPaths:
    """Where the static plots of one experiment stand: metric -> site path."""

    experiment: Mapping[str, str]
    """Configurations with the band of their seeds, or runs where none was repeated."""
    compare: Mapping[str, str]
    """The selected runs."""


@dataclass(frozen=True, slots=True)
class _Line:
    label: str
    slot: int
    runs: tuple[Summary, ...]


# ---- plots


def plan_plots(
    experiment: Experiment, config: Config, records: Mapping[str, str], locate: Callable[[str], Path]
) -> tuple[list[PlotJob], PlotPaths]:
    """Return the plots of an experiment to draw, and their site paths.

    `records` gives run key -> sha256 of its record: a plot's name is the digest of everything that it shows, so that
    one drawn before is recognised without reading a series. `locate` gives where a site path lies now.
    """
    jobs: list[PlotJob] = []
    metrics = headline_of(experiment, config)

    def plan(lines: Sequence[_Line], metrics: Sequence[str]) -> dict[str, str]:
        job, found = _plan_lines(config, lines, metrics, records, locate)
        jobs.extend([job] if job.plots else [])
        return found

    runs, groups = _run_lines(experiment, selection_of(experiment, config)), _group_lines(experiment, config)
    of_runs = plan(runs, metrics[:MAX_FIGURES] if groups else metrics)
    return jobs, PlotPaths(plan(groups, metrics) if groups else of_runs, of_runs)


def plan_comparison(
    experiment: Experiment,
    runs: Sequence[Summary],
    config: Config,
    records: Mapping[str, str],
    locate: Callable[[str], Path],
) -> tuple[PlotJob, dict[str, str]]:
    """Return the plots of a comparison of `runs`, and metric -> site path, as `plan_plots` does for the selection."""
    metrics = headline_of(experiment, config)[:MAX_FIGURES]
    return _plan_lines(config, _run_lines(experiment, runs), metrics, records, locate)


def _run_lines(experiment: Experiment, runs: Sequence[Summary]) -> list[_Line]:
    slots = assign_slots(experiment, runs)
    names = [run.name for run in runs]
    return [
        _Line(r.name if names.count(r.name) == 1 else f"{r.name} {r.run_id[-4:]}", slots[r.key], (r,)) for r in runs
    ]


def _group_lines(experiment: Experiment, config: Config) -> list[_Line]:
    groups = plotted_groups(experiment, config)
    slots = settle_slots([group.slot for group in groups])
    return [_Line(group_label(group), slot, group.runs[:MAX_SEEDS]) for group, slot in zip(groups, slots, strict=True)]


def _plan_lines(
    config: Config,
    lines: Sequence[_Line],
    metrics: Sequence[str],
    records: Mapping[str, str],
    locate: Callable[[str], Path],
) -> tuple[PlotJob, dict[str, str]]:
    """Return the job that draws `lines` for each of `metrics`, and metric -> site path."""
    plots, paths = {}, {}
    for metric in metrics:
        content = [
            (line.label, line.slot, [records[run.key] for run in line.runs if metric in run.metrics]) for line in lines
        ]
        if not any(hashes for _, _, hashes in content):
            continue
        known = config.metric(metric)
        frame = Plot(title=title_of(metric, known), unit=unit_of(known), direction=known.direction, lines=())
        paths[metric] = urls.plot_svg(_plot_digest(metric, frame, content))
        plots[paths[metric]] = (metric, frame)
    placed = tuple(
        PlotLine(line.label, line.slot, tuple(str(locate(urls.record(run.key))) for run in line.runs)) for line in lines
    )
    return PlotJob(placed, plots), paths


def _plot_digest(metric: str, frame: Plot, content: Sequence[tuple[str, int, list[str]]]) -> str:
    return hashlib.sha256(
        repr((code_digest(), plot_digest(frame), metric, content)).encode("utf-8", "backslashreplace")
    ).hexdigest()


# ---- pages


def plan_home(
    facts: Sequence[ExperimentFacts], loose: Sequence[Problem], config: Config, *, omitted: int, dropped: int
) -> PageJob:
    """Return the home page, which says what the site goes without and so is made after all else."""

    def make() -> object:
        return make_home_page(facts, loose, config, omitted=omitted, dropped=dropped)

    return PageJob(urls.HOME, "home.html", make)


def plan_site_pages(facts: Sequence[ExperimentFacts], loose: Sequence[Problem], config: Config) -> list[PageJob]:
    """Return the pages about the whole site but the home page; `facts` are of all experiments, by last activity."""
    csv = urls.RUNS_CSV if sum(own.runs for own in facts) <= BLOCK_RUNS else ""
    problems = (*map(ProblemRow, loose), *join_problems(facts))
    return [
        PageJob(urls.RUNS, "runs.html", lambda: make_runs_page(facts, csv=csv)),
        PageJob(urls.COMPARE, "compare.html", lambda: make_compare_page({own.name: own.comparison for own in facts})),
        PageJob(urls.HISTORY, "history.html", lambda: make_history_list_page(own.history for own in facts)),
        PageJob(
            urls.MODELS,
            "models.html",
            lambda: make_models_page((row for own in facts for row in own.models), config),
        ),
        PageJob(urls.PROBLEMS, "problems.html", lambda: make_problems_page(problems)),
    ]


def plan_experiment_pages(
    experiment: Experiment, config: Config, plots: PlotPaths, history: ExperimentHistory
) -> list[PageJob]:
    """Return the pages about the runs of one experiment."""
    jobs = [
        PageJob(
            urls.experiment_page(experiment.name),
            "experiment.html",
            lambda: make_experiment_page(experiment, config, plots.experiment, history=history.facts),
        )
    ]
    if len(selection_of(experiment, config)) > 1:
        jobs.append(
            PageJob(
                urls.experiment_compare_page(experiment.name),
                "experiment_compare.html",
                lambda: make_experiment_compare_page(experiment, config, plots.compare),
            )
        )
    if history.facts.page:
        jobs.append(
            PageJob(
                history.facts.page,
                "experiment_history.html",
                lambda: make_history_page(experiment, history, config),
            )
        )
    return jobs


def plan_csv(experiment: Experiment) -> Iterator[tuple[str, int, int]]:
    """Yield (site path, index of the first run, index behind the last) of the tables for spreadsheets."""
    runs = len(experiment.runs)
    if csv_parts(runs) == 1:
        yield urls.experiment_csv(experiment.name), 0, runs
        return
    for part in range(csv_parts(runs)):
        first = part * BLOCK_RUNS
        yield urls.experiment_csv(experiment.name, part + 1), first, min(runs, first + BLOCK_RUNS)


def experiment_data(experiment: Experiment, config: Config, history: ExperimentHistory) -> Iterator[tuple[str, bytes]]:
    """Yield (site path, content) of what scripts and tools read of one experiment, but the tables of its runs."""
    yield urls.table_js(experiment.name), table_script(experiment, config)
    yield from finding_scripts(experiment, config)
    if history.facts.page:
        yield urls.history_csv(experiment.name), history_csv(history.histories, history.labels)

"""The complete list of what a build puts into the site, and what of it is there already.

Decides which runs must be read again, which plots drawn, which pages rendered; makes none of them. The only place
that, with `urls`, knows where things stand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import orjson

import reportgen
from reportgen.analysis.selection import assign_slots
from reportgen.capture.redaction import REDACTION_VERSION
from reportgen.formats import SITE_FORMAT
from reportgen.index import Index
from reportgen.model import Experiment, Problem, Relative, Summary
from reportgen.plots import Plot, plot_digest
from reportgen.site import urls
from reportgen.site.config import Config
from reportgen.site.jobs import PlotJob, PlotLine, RunJob
from reportgen.site.pages.columns import colour, group_label, headline_of, selection_of, title_of, unit_of
from reportgen.site.pages.compare import make_compare_page, make_experiment_compare_page
from reportgen.site.pages.experiment import make_experiment_page
from reportgen.site.pages.home import make_home_page
from reportgen.site.pages.models import make_models_page
from reportgen.site.pages.problems import make_problems_page
from reportgen.site.pages.runs import make_runs_page
from reportgen.site.pages.tables import plotted_groups
from reportgen.site.theme import Theme
from reportgen.sources import RunRef

MAX_SEEDS: Final = 10
"""Runs of one configuration that a plot's mean and band are made of at most: the oldest."""
LIBRARIES: Final = ("jinja2", "markdown-it-py", "numpy", "orjson")
"""What the bytes of a run's files depend on, beside our own code."""


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


def site_stamp(config: Config, theme: Theme) -> str:
    """Return the digest of all that decides how the same run looks: versions, code, configuration, theme.

    Runs of a site with another stamp are read and rendered anew.
    """
    digest = hashlib.sha256()
    parts = [f"{name} {version(name)}" for name in LIBRARIES]
    digest.update(repr((SITE_FORMAT, REDACTION_VERSION, reportgen.__version__, parts)).encode())
    digest.update(f"{config.digest()} {theme.digest}".encode())
    package = Path(reportgen.__file__).parent
    for file in sorted(package.rglob("*.py"), key=lambda f: f.relative_to(package).as_posix()):
        digest.update(file.relative_to(package).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def plan_runs(refs: Sequence[RunRef]) -> list[RunJob]:
    """Return one job a run, with its parent and its children (by name, then key)."""
    by_id = {ref.run_id: ref for ref in refs}
    children: dict[str, list[Relative]] = {}
    for ref in refs:
        if ref.parent_id in by_id and ref.parent_id != ref.run_id:
            children.setdefault(ref.parent_id, []).append(_relative(ref))
    return [
        RunJob(
            ref,
            _relative(by_id[ref.parent_id]) if ref.parent_id in by_id and ref.parent_id != ref.run_id else None,
            tuple(sorted(children.get(ref.run_id, ()), key=lambda r: (r.name, r.key))),
        )
        for ref in refs
    ]


def _relative(ref: RunRef) -> Relative:
    return Relative(ref.key, ref.name, ref.run_id)


def job_stamp(job: RunJob, fingerprint: Iterable[str]) -> str:
    """Return the digest of what one run's files depend on, beside the site's stamp."""
    relatives = [(r.key, r.name, r.run_id) for r in ((job.parent,) if job.parent else ()) + job.children]
    identity = (job.ref.run_id, job.ref.experiment, job.ref.name, bool(job.parent))
    return hashlib.sha256(repr((identity, relatives, tuple(fingerprint))).encode()).hexdigest()[:32]


# ---- plots


def plan_plots(
    index: Index, config: Config, records: Mapping[str, str], locate: Callable[[str], Path]
) -> tuple[list[PlotJob], dict[str, PlotPaths]]:
    """Return the plots to draw, and experiment -> the site paths of its plots.

    `records` gives run key -> sha256 of its record: a plot's name is the digest of everything that it shows, so that
    one drawn before is recognised without reading a series. `locate` gives where a site path lies now.
    """
    jobs: list[PlotJob] = []
    paths = {}
    for experiment in index.experiments:

        def plan(lines: Sequence[_Line], experiment: Experiment = experiment) -> dict[str, str]:
            job, found = _plan_lines(experiment, config, lines, records, locate)
            jobs.extend([job] if job.plots else [])
            return found

        runs, groups = _run_lines(experiment, config), _group_lines(experiment, config)
        of_runs = plan(runs)
        paths[experiment.name] = PlotPaths(plan(groups) if groups else of_runs, of_runs)
    return jobs, paths


def _run_lines(experiment: Experiment, config: Config) -> list[_Line]:
    runs = selection_of(experiment, config)
    slots = assign_slots(experiment, runs)
    names = [run.name for run in runs]
    return [
        _Line(r.name if names.count(r.name) == 1 else f"{r.name} {r.run_id[-4:]}", slots[r.key], (r,)) for r in runs
    ]


def _group_lines(experiment: Experiment, config: Config) -> list[_Line]:
    return [
        _Line(group_label(group), colour(group.slot), group.runs[:MAX_SEEDS])
        for group in plotted_groups(experiment, config)
    ]


def _plan_lines(
    experiment: Experiment,
    config: Config,
    lines: Sequence[_Line],
    records: Mapping[str, str],
    locate: Callable[[str], Path],
) -> tuple[PlotJob, dict[str, str]]:
    """Return the job that draws `lines` for each headline metric, and metric -> site path."""
    plots, paths = {}, {}
    for metric in headline_of(experiment, config):
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
    return hashlib.sha256(repr((plot_digest(frame), metric, content)).encode("utf-8", "backslashreplace")).hexdigest()


# ---- pages


def plan_pages(index: Index, config: Config, plots: Mapping[str, PlotPaths], omitted: int) -> list[PageJob]:
    """Return every page about many runs."""
    by_key = {run.key: run for run in index.runs}

    def problems() -> object:
        return make_problems_page([(p, by_key.get(key) if key else None) for p, key in index.problems])

    jobs = [
        PageJob(urls.HOME, "home.html", lambda: make_home_page(index, config, omitted=omitted)),
        PageJob(urls.RUNS, "runs.html", lambda: make_runs_page(index, config)),
        PageJob(urls.COMPARE, "compare.html", lambda: make_compare_page(index, config)),
        PageJob(urls.MODELS, "models.html", lambda: make_models_page(index, config)),
        PageJob(urls.PROBLEMS, "problems.html", problems),
    ]
    for experiment in index.experiments:
        jobs += _experiment_pages(experiment, config, plots[experiment.name])
    return jobs


def _experiment_pages(experiment: Experiment, config: Config, plots: PlotPaths) -> list[PageJob]:
    page = PageJob(
        urls.experiment_page(experiment.name),
        "experiment.html",
        lambda: make_experiment_page(experiment, config, plots.experiment),
    )
    if len(selection_of(experiment, config)) < 2:
        return [page]
    comparison = PageJob(
        urls.experiment_compare_page(experiment.name),
        "experiment_compare.html",
        lambda: make_experiment_compare_page(experiment, config, plots.compare),
    )
    return [page, comparison]


# ---- data/site.json


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """What a whole site depends on, beside its runs."""

    config: Config
    stamp: str
    """`site_stamp` of configuration, theme and versions."""
    problems: tuple[Problem, ...]
    """Problems of files that belong to no run."""
    omitted: int


@dataclass(frozen=True, slots=True)
class RunEntry:
    """What `data/site.json` says of one run."""

    sources: tuple[str, ...]
    """What the run was read from: sha256 of each original file."""
    record: str
    sha256: str
    """sha256 of the record."""
    page: str
    stamp: str
    """`job_stamp` of the run."""
    files: tuple[str, ...]
    """Site paths of all files of the run."""
    twin_of: str = ""
    """Key of the run that has the same id and another history, where that run has the id's own key."""


def encode_site(
    facts: SiteFacts,
    entries: Mapping[str, RunEntry],
    experiments: int,
    problems: Sequence[Problem],
    files: Mapping[str, str],
) -> bytes:
    """Return `data/site.json`, the commit point of a build: what the site holds and what it was made from."""
    document = {
        "format": SITE_FORMAT,
        "reportgen": reportgen.__version__,
        "redaction": REDACTION_VERSION,
        "stamp": facts.stamp,
        "config": facts.config.describe(),
        "config_sha256": facts.config.digest(),
        "omitted": facts.omitted,
        "experiments": experiments,
        "problems": facts.problems,
        "all_problems": problems,
        "runs": dict(sorted(entries.items())),
        "files": dict(sorted(files.items())),
    }
    return orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)


def same_site(document: Mapping[str, Any], facts: SiteFacts) -> bool:
    """Tell whether the site of `document` was made from the same `facts`."""
    return (
        document.get("stamp") == facts.stamp
        and document.get("omitted") == facts.omitted
        and document.get("problems") == orjson.loads(orjson.dumps(facts.problems))
    )


def decode_entries(runs: Mapping[str, Mapping[str, Any]]) -> dict[str, RunEntry]:
    """Return the well-formed entries of a `data/site.json`, by run key."""
    entries = {}
    for key, entry in runs.items():
        try:
            decoded = RunEntry(**{**entry, "sources": tuple(entry["sources"]), "files": tuple(entry["files"])})
        except (KeyError, TypeError):
            continue
        entries[key] = decoded
    return entries


def decode_counts(document: Mapping[str, Any]) -> tuple[int, tuple[Problem, ...]]:
    """Return the number of experiments and all problems that a `data/site.json` tells of."""
    try:
        return int(document["experiments"]), tuple(Problem(**p) for p in document["all_problems"])
    except (KeyError, TypeError, ValueError):
        return 0, ()

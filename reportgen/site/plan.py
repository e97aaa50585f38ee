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
from reportgen.site.pages.columns import headline_of, selection_of
from reportgen.site.pages.compare import make_compare_page, make_experiment_compare_page
from reportgen.site.pages.experiment import make_experiment_page
from reportgen.site.pages.home import make_home_page
from reportgen.site.pages.models import make_models_page
from reportgen.site.pages.problems import make_problems_page
from reportgen.site.pages.runs import make_runs_page
from reportgen.site.theme import Theme
from reportgen.sources import RunRef

LIBRARIES: Final = ("jinja2", "markdown-it-py", "numpy", "orjson")
"""What the bytes of a run's files depend on, beside our own code."""


@dataclass(frozen=True, slots=True)
class PageJob:
    """One page to render: the dataclass is made only when its turn comes."""

    path: str
    template: str
    make: Callable[[], object]


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
) -> tuple[list[PlotJob], dict[str, dict[str, str]]]:
    """Return the plots to draw, one job an experiment, and experiment -> metric -> site path of its plot.

    `records` gives run key -> sha256 of its record: a plot's name is the digest of everything that it shows, so that
    one drawn before is recognised without reading a series. `locate` gives where a site path lies now.
    """
    jobs = []
    paths: dict[str, dict[str, str]] = {}
    for experiment in index.experiments:
        metrics = headline_of(experiment, config)
        runs = selection_of(experiment, config)
        labels, slots = _labels(runs), assign_slots(experiment, runs)
        lines = tuple(
            PlotLine(run.key, labels[run.key], slots[run.key], str(locate(urls.record(run.key)))) for run in runs
        )
        plots = {}
        for metric in metrics:
            shown = [line for line, run in zip(lines, runs, strict=True) if metric in run.metrics]
            if not shown:
                continue
            resolved = config.metric(metric)
            frame = Plot(
                title=resolved.title or metric, unit=resolved.unit, direction=resolved.direction, lines=()
            )
            content = [(records[line.key], line.label, line.slot) for line in shown]
            path = urls.plot_svg(_plot_digest(metric, frame, content))
            plots[path] = (metric, frame)
            paths.setdefault(experiment.name, {})[metric] = path
        if plots:
            jobs.append(PlotJob(lines, plots))
    return jobs, paths


def _plot_digest(metric: str, frame: Plot, content: Sequence[tuple[str, str, int]]) -> str:
    return hashlib.sha256(repr((plot_digest(frame), metric, content)).encode("utf-8", "backslashreplace")).hexdigest()


def _labels(runs: Sequence[Summary]) -> dict[str, str]:
    """Return run key -> its name, with the end of its id where several runs bear the name."""
    names = [run.name for run in runs]
    return {r.key: r.name if names.count(r.name) == 1 else f"{r.name} {r.run_id[-4:]}" for r in runs}


# ---- pages


def plan_pages(
    index: Index, config: Config, plots: Mapping[str, Mapping[str, str]], omitted: int
) -> list[PageJob]:
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
        jobs += _experiment_pages(experiment, config, plots.get(experiment.name, {}))
    return jobs


def _experiment_pages(experiment: Experiment, config: Config, plots: Mapping[str, str]) -> list[PageJob]:
    return [
        PageJob(
            urls.experiment_page(experiment.name),
            "experiment.html",
            lambda: make_experiment_page(experiment, config, plots),
        ),
        PageJob(
            urls.experiment_compare_page(experiment.name),
            "experiment_compare.html",
            lambda: make_experiment_compare_page(experiment, config, plots),
        ),
    ]


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

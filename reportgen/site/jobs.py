"""What worker processes do: read runs and make their files, draw plots. Values in, bytes out; nothing is written here.

Every job is a module-level function on picklable values, so that any `concurrent.futures.Executor` can run it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from reportgen.analysis.bands import mean_and_range
from reportgen.collector import without_collector
from reportgen.model import Series, Summary
from reportgen.plots import Line, Plot, render_plot
from reportgen.site import urls
from reportgen.site.config import Config
from reportgen.site.data.series import make_run_files
from reportgen.site.data.texts import read_texts
from reportgen.site.pages.run import make_run_page
from reportgen.site.plan import RunJob
from reportgen.site.render import Renderer
from reportgen.sources import ArtifactLimits, ReadRun, read_run, stat_files
from reportgen.sources.record import encode_record, read_series
from reportgen.sources.summarise import series_in_tables

TOGETHER_BYTES: Final = 4 * 2**20
"""Runs are made together up to so many bytes of logs and artifacts, which bounds what is in memory at once."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What every job needs to know."""

    config: Config
    renderer: Renderer
    limits: ArtifactLimits


@dataclass(frozen=True, slots=True)
class ArtifactCopy:
    """An artifact to publish."""

    path: str
    """Site path."""
    source: str
    """Path of the bytes on this machine."""
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class RunOutput:
    """All that one run puts into the site."""

    summary: Summary
    fingerprint: tuple[str, ...]
    files: Mapping[str, bytes]
    """Site path -> bytes of record, page and data files."""
    artifacts: tuple[ArtifactCopy, ...]
    twin_of: str = ""
    """Key of the run that was asked for, when this is another run with the same id."""


def make_runs(settings: Settings, jobs: Sequence[RunJob]) -> list[RunOutput]:
    """Read each run and make its record, its page and its data files."""
    with without_collector():
        return [output for group in _group_by_size(jobs) for output in _make_together(settings, group)]


def _group_by_size(jobs: Sequence[RunJob]) -> Iterator[list[RunJob]]:
    """Yield small runs in groups that together are no larger than a medium one, and large runs alone."""
    group: list[RunJob] = []
    total = 0
    for job in jobs:
        size = sum(stat.st_size for stat in stat_files(job.ref).values())
        if group and total + size > TOGETHER_BYTES:
            yield group
            group, total = [], 0
        group.append(job)
        total += size
    if group:
        yield group


def _make_together(settings: Settings, jobs: Sequence[RunJob]) -> list[RunOutput]:
    """Make several runs, one step for all before the next: a processor is faster at what it has just done."""
    reads = [(job, read) for job in jobs for read in read_run(job.ref, limits=settings.limits)]
    pages = [
        make_run_page(
            read.run,
            parent=job.parent,
            children=job.children,
            config=settings.config,
            artifact_files=read.artifact_files,
        )
        for job, read in reads
    ]
    paths = [urls.run_page(read.run.summary.key, read.run.summary.name) for _, read in reads]
    rendered = [settings.renderer.render("run.html", page, path=path) for page, path in zip(pages, paths, strict=True)]
    scripts = [
        make_run_files(read.run, settings.config, read_texts(page.files, read.artifact_files))
        for (_, read), page in zip(reads, pages, strict=True)
    ]
    records = [encode_record(read.run) for _, read in reads]
    return [_make_output(*parts) for parts in zip(reads, paths, rendered, scripts, records, strict=True)]


def _make_output(
    source: tuple[RunJob, ReadRun], path: str, page: bytes, scripts: Mapping[str, bytes], record: bytes
) -> RunOutput:
    job, read = source
    summary = read.run.summary
    files = {urls.record(summary.key): record, path: page, **scripts}
    copies = tuple(
        ArtifactCopy(a.published, read.artifact_files[a.path], a.sha256, a.size_bytes)
        for a in read.run.artifacts
        if a.published is not None
    )
    twin_of = "" if summary.key == job.ref.key else job.ref.key
    return RunOutput(summary, read.fingerprint, files, copies, twin_of)


@dataclass(frozen=True, slots=True)
class PlotLine:
    """One line of a plot: a run, or the mean of a configuration's runs with a band from the lowest to the highest."""

    label: str
    slot: int
    records: tuple[str, ...]
    """Paths of the runs' records on this machine."""


@dataclass(frozen=True, slots=True)
class PlotJob:
    """Plots of the same lines, one a metric."""

    lines: tuple[PlotLine, ...]
    plots: Mapping[str, tuple[str, Plot]]
    """Site path -> (metric, the plot without its lines)."""


def draw_plots(job: PlotJob) -> dict[str, bytes]:
    """Draw the plots of one job; return site path -> SVG."""
    wanted = {metric for metric, _ in job.plots.values()}
    members = [(line, [_main_series(record, wanted) for record in line.records]) for line in job.lines]
    images = {}
    for path, (metric, frame) in job.plots.items():
        lines = []
        for line, runs in members:
            several = [run[metric] for run in runs if metric in run]
            if len(several) == 1:
                lines.append(Line(line.label, several[0].steps, several[0].values, line.slot))
            elif several:
                steps, mean, low, high = mean_and_range(several)
                lines.append(Line(line.label, steps, mean, line.slot, low=low, high=high))
        images[path] = render_plot(replace(frame, lines=tuple(lines)))
    return images


def _main_series(record: str, metrics: set[str]) -> dict[str, Series]:
    """Return the series of the wanted metrics of a run, the same that tables show."""
    series = read_series(Path(record).read_bytes())
    return {name: series_in_tables(ranks) for name, ranks in series.items() if name in metrics}

"""One function that makes a report of one HTML file: it finds what was asked for, has the pages made by `stages` as for
a site, and puts the file in place. What the file holds is decided in `site/single.py`.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Final

from reportgen.analysis.selection import rank_runs
from reportgen.build import Progress
from reportgen.errors import SiteError, SourceError
from reportgen.formats import short_key
from reportgen.index import Index, join_experiments, make_index
from reportgen.loading import Means as ReadingMeans
from reportgen.loading import Runs, find_experiment, find_run, load_runs
from reportgen.model import Problem, Summary
from reportgen.planning import find_means
from reportgen.site import jobs, overviews, plan, urls
from reportgen.site.config import Config
from reportgen.site.pages.columns import leading_metric, name_of, selection_of, summary_name, title_of
from reportgen.site.pages.compare import make_experiment_compare_page
from reportgen.site.pages.problems import make_problems_page, make_rows
from reportgen.site.pages.single import Part, Subject, about_comparison, about_experiment, about_run
from reportgen.site.render import Renderer, SiteInfo
from reportgen.site.single import FRAME, Report, make_single
from reportgen.site.staging import explained
from reportgen.site.writer import SiteWriter
from reportgen.sources import RunRef, discover
from reportgen.sources.statcache import StatCache
from reportgen.stages import Stages

MAX_RUNS: Final = 25
"""Runs of an experiment that get a part of their own unless more are asked for."""
MAX_MB: Final = 25.0
"""Largest file in MiB unless another size is asked for: what opens at once, and what most mail takes."""
_HUGE_MB: Final = 2**40
"""No file is so large; in bytes it is still a number."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a report is asked for: exactly one of the three, runs by id, name or the beginning of either."""

    experiment: str | None = None
    run: str | None = None
    compare: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SingleResult:
    """What was made."""

    file: Path
    runs: int
    """Runs that were asked for."""
    size_bytes: int
    problems: tuple[Problem, ...]
    """Of these runs, and of files that belong to no run."""
    duration_s: float


def build_single(
    sources: Sequence[Path | str],
    file: Path,
    request: Request,
    *,
    config: Config,
    max_mb: float = MAX_MB,
    max_runs: int = MAX_RUNS,
    executor: Executor | Callable[[], Executor] | None = None,
    progress: Progress | None = None,
    cache_dir: Path | None = None,
    use_cache: bool = True,
) -> SingleResult:
    """Write the report that `request` asks for as the one HTML file `file`, which is replaced if it is there.

    The other runs of the same experiments are read too, since ranks, spreads and colours depend on them. `executor`,
    `cache_dir` and `use_cache` are those of `build.build`.

    Raises `SourceError` when a source cannot be used or does not hold what was asked for, `SiteError` when `file`
    cannot be written, `max_mb` is no size, or the report is larger whatever is left out, `ThemeError` for a theme that
    is not there.
    """
    began = time.monotonic()
    report = progress or (lambda *_: None)
    if not 0 < max_mb < _HUGE_MB:  # NaN is neither
        raise SiteError(f"a file of at most {max_mb} MB cannot be made: give its size as a number, as in --max-mb 25")
    target = Path(os.path.realpath(file))
    if target.exists() and not target.is_file():
        raise SiteError(f"'{file}' is not a file: name the HTML file to write, such as report.html")
    config = replace(config, max_site_mb=None)  # the file has a limit of its own
    means = find_means(config, target, cache_dir, use_cache=use_cache)
    theme, cache = means.theme, means.cache
    found = discover(
        sources, cache=cache, mirror=means.mirror, progress=partial(report, "fetch"), options=config.sources
    )
    refs = [ref for ref in found.runs if config.includes(ref.experiment, ref.name)]
    reading = ReadingMeans(executor, report, cache_dir, use_cache)
    chosen = _choose(refs, request, config, lambda: load_runs(sources, config=config, means=reading))
    experiments = {ref.experiment for ref in chosen}
    wanted = [job for job in plan.plan_runs(refs) if job.ref.experiment in experiments]
    facts = plan.SiteFacts(config, plan.site_stamp(config, theme), found.problems, 0)
    with (
        tempfile.TemporaryDirectory(prefix="reportgen-") as place,
        _Pages(Path(place) / "site", cache=StatCache(None)) as pages,
    ):
        stages = Stages(pages, facts, theme, means.limits, cache, means.compiled, executor, report)
        content = stages.make(wanted, {})
        cache.save()
        report("write", 0, 1)
        index = make_index(stages.summaries(), found.problems)
        renderer = Renderer(SiteInfo(config.title), theme, means.compiled)
        records = {key: entry.sha256 for key, entry in content.entries.items()}
        runs = _find_runs(index, chosen)
        made = _Editor(index, config, renderer, pages, records).make_report(request, runs, max_runs)
        html = make_single(made, pages, partial(renderer.render, "single.html", path=FRAME), max_mb=max_mb)
    _write_file(target, html)
    report("write", 1, 1)
    reported = {part.run.key for part in made.parts if part.run}
    problems = [p for p, key in index.problems if key is None or key in reported or request.experiment is not None]
    return SingleResult(file, len(reported), len(html), tuple(dict.fromkeys(problems)), time.monotonic() - began)


# ---- what was asked for


def _choose(refs: Sequence[RunRef], request: Request, config: Config, load: Callable[[], Runs]) -> list[RunRef]:
    """Return the runs that are asked for, in the order in which they are named. Raises `SourceError`.

    `load` reads all runs, and is called only for a name such as `best:loss`, which asks for what they hold.
    """
    if request.experiment is not None:
        name = find_experiment({ref.experiment for ref in refs}, request.experiment)
        return [ref for ref in refs if ref.experiment == name]
    asked = request.compare if request.run is None else (request.run,)
    loaded = lru_cache(maxsize=1)(load)
    found = [find_run(refs, name, config=config, summaries=lambda: [run.summary for run in loaded()]) for name in asked]
    chosen = list({ref.key: ref for ref in found}.values())
    if request.run is None and len(chosen) < 2:
        raise SourceError("a comparison needs two different runs: name them as in `--compare first,second`")
    return chosen


def _find_runs(index: Index, refs: Sequence[RunRef]) -> list[Summary]:
    by_key = {run.key: run for run in index.runs}
    for ref in refs:
        if ref.key not in by_key:
            raise SourceError(f"the run '{ref.run_id}' cannot be read: build a site, whose problems say why")
    return [by_key[ref.key] for ref in refs]


# ---- what the report holds


@dataclass(frozen=True, slots=True)
class _Editor:
    """Decides which pages become a report, and adds those that no site has."""

    index: Index
    """Of the experiments of the runs, with all of their runs."""
    config: Config
    renderer: Renderer
    pages: _Pages
    records: Mapping[str, str]
    """Run key -> sha256 of its record."""

    def make_report(self, request: Request, runs: Sequence[Summary], max_runs: int) -> Report:
        """Return the report on `runs`, those that `request` asks for."""
        if request.experiment is not None:
            return self._report_experiment(request.experiment, max_runs)
        if request.run is not None:
            return self._report_runs(about_run(runs[0]), (), runs)
        return self._report_runs(about_comparison(runs), (self._add_comparison(runs),), runs)

    def _report_experiment(self, name: str, max_runs: int) -> Report:
        """Return the report on an experiment: its page and the pages of its best runs, its selection first."""
        experiment = next((e for e in self.index.experiments if e.name == name), None)
        if experiment is None:
            raise SourceError(f"no run of the experiment '{name}' can be read: build a site, whose problems say why")
        metric = leading_metric(experiment, self.config)
        known = self.config.metric(metric or "")
        direction = known.direction if metric else None
        ranked = rank_runs(experiment.runs, metric or "", summary_name(known), direction)
        runs = list({run.key: run for run in (*selection_of(experiment, self.config), *ranked)}.values())
        chosen_by = title_of(metric, known) if metric else ""
        subject = about_experiment(name, min(len(runs), max_runs), len(runs), chosen_by)
        part = Part(f"e-{short_key(name)}", urls.experiment_page(name), "experiment", subject.name)
        return self._report_runs(subject, (part,), runs[:max_runs])

    def _report_runs(self, subject: Subject, first: Sequence[Part], runs: Sequence[Summary]) -> Report:
        """Return the report that has the parts `first`, then the pages of `runs`, then their problems."""
        kinds = {part.kind for part in first}
        names = [name_of(run) for run in runs]
        parts = [*first]
        for run, name in zip(runs, names, strict=True):
            title = name if names.count(name) == 1 else f"{name} {run.run_id[-4:]}"
            parts.append(Part(f"r-{short_key(run.key)}", urls.run_page(run.key, run.name), "run", title, run))
        keys = {run.key for run in runs}
        by_key = {run.key: run for run in self.index.runs if run.key in keys or "experiment" in kinds}
        faulty = [run for run in by_key.values() if run.problems]
        if faulty and len(parts) > 1:  # a run's own page says them already
            self._add_page(urls.PROBLEMS, "problems.html", make_problems_page(make_rows(faulty)))
            parts.append(Part("problems", urls.PROBLEMS, "problems", "Problems"))
        assets = self.renderer.theme.assets
        return Report(
            subject=subject,
            parts=tuple(parts),
            tables=tuple(dict.fromkeys(short_key(run.experiment) for run in runs)),
            texts="compare" in kinds,
            vendor=frozenset(path for name, path in assets.items() if name.startswith("vendor/")),
            licences=assets.get("vendor/LICENSES.txt", ""),
        )

    def _add_comparison(self, runs: Sequence[Summary]) -> Part:
        """Add the page that compares `runs`, with its plots, and return it as a part."""
        experiment = join_experiments(self.index.experiments, runs)
        job, plots = overviews.plan_comparison(experiment, runs, self.config, self.records, self.pages.location)
        for path, image in jobs.draw_plots(job).items():
            self.pages.add(path, image)
        path = urls.experiment_compare_page(experiment.name)
        page = make_experiment_compare_page(experiment, self.config, plots, runs)
        self._add_page(path, "experiment_compare.html", page)
        compared = tuple(short_key(run.key) for run in runs)
        return Part("compare", path, "compare", "Comparison", compared=compared)

    def _add_page(self, path: str, template: str, page: object) -> None:
        self.pages.add(path, self.renderer.render(template, page, path=path))


# ---- files


class _Pages(SiteWriter):
    """The site that a report is made from: never put in place, and its artifacts are read where they lie."""

    def __init__(self, out: Path, *, cache: StatCache) -> None:
        super().__init__(out, cache=cache)
        self._added: dict[str, bytes] = {}
        self._artifacts: dict[str, tuple[str, str, int]] = {}

    def stage_file(self, path: str, source: str, sha256: str, size_bytes: int) -> None:
        """Note where the bytes of an artifact lie."""
        self._artifacts[path] = (source, sha256, size_bytes)

    def add(self, path: str, content: bytes) -> None:
        """Add a file that no site has, or has otherwise."""
        self._added[path] = content

    def read(self, path: str) -> bytes | None:
        """Return the bytes of a file, None when there is none, or an artifact has changed since its run was read."""
        if path in self._added:
            return self._added[path]
        source, sha256, _ = self._artifacts.get(path, ("", "", 0))
        try:
            content = (Path(source) if source else self.location(path)).read_bytes()
        except OSError:
            return None
        return None if source and hashlib.sha256(content).hexdigest() != sha256 else content

    def size(self, path: str) -> int | None:
        """Return the size of a file in bytes, None when there is none."""
        if path in self._added:
            return len(self._added[path])
        if path in self._artifacts:
            return self._artifacts[path][2]
        try:
            return self.location(path).stat().st_size
        except OSError:
            return None


def _write_file(target: Path, content: bytes) -> None:
    """Put the file in place at once and whole; a file that was there is replaced."""
    remedy = "mend that and run the command again"
    with explained("write", str(target), remedy=remedy):
        target.parent.mkdir(parents=True, exist_ok=True)
        staged = target.with_name(f"{target.name[:200]}.{os.getpid()}.part")
        try:
            staged.write_bytes(content)
            staged.replace(target)
        finally:
            staged.unlink(missing_ok=True)

"""One function that runs the stages: sources, index, plan, render, writer. It knows their order and nothing else.

The executor and the progress callback come from outside; without an executor everything runs in this process.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from reportgen.errors import FormatError, SourceError
from reportgen.index import make_index
from reportgen.model import Problem, Summary
from reportgen.site import data, jobs, plan, urls
from reportgen.site.config import Config
from reportgen.site.pages.csv import runs_csv
from reportgen.site.render import Renderer, SiteInfo
from reportgen.site.theme import Theme, load_theme
from reportgen.site.writer import SiteWriter
from reportgen.sources import ArtifactLimits, discover, fingerprint
from reportgen.sources.statcache import StatCache, cache_folder

Progress = Callable[[str, int, int], None]
"""Called with (stage, done, total); the stages are `read`, `plot`, `page` and `write`."""
BATCH: Final = 16
"""Runs that one job reads: enough to hide the cost of a job, few enough for an even load and little memory."""
SERIAL_RUNS: Final = 12
"""Up to so many runs are read in this process: starting workers would take longer."""
IN_FLIGHT: Final = 64
"""Jobs that are submitted and not yet taken over."""

_Out = TypeVar("_Out")


@dataclass(frozen=True, slots=True)
class BuildResult:
    """What a build did."""

    out: Path
    runs: int
    experiments: int
    problems: tuple[Problem, ...]
    pages: int
    """HTML pages of the site."""
    written: int
    """Files that were put in place."""
    removed: int
    omitted: int
    """Runs that `include` and `exclude` left out."""
    notices: tuple[Problem, ...]
    """What is to be said of the output folder as it was found; it stands on no page."""
    duration_s: float


def build(
    sources: Sequence[Path | str],
    out: Path,
    *,
    config: Config,
    executor: Executor | Callable[[], Executor] | None = None,
    progress: Progress | None = None,
    wait: bool = True,
    on_wait: Callable[[str], None] = lambda _: None,
    cache_dir: Path | None = None,
    use_cache: bool = True,
) -> BuildResult:
    """Build the site of all runs in `sources` into the folder `out`.

    `executor` runs the heavy jobs; a function that makes one is called only if there is enough to do. `cache_dir`
    replaces the platform's cache folder. `on_wait` gets a message when another build is waited for.

    Raises `SourceError` when a source cannot be used, `SiteError` when `out` cannot be written or is being written by
    another build (it is waited for unless `wait` is false), `ThemeError` for a theme that is not there.
    """
    began = time.monotonic()
    theme = load_theme(config.theme, overrides=config.theme_folders, options=config.theme_options)
    cache = StatCache((cache_dir or cache_folder()) / "files.json" if use_cache else None)
    with SiteWriter(out, cache=cache, wait=wait, on_wait=on_wait) as writer:
        found = discover(sources, cache=cache)
        refs = [ref for ref in found.runs if config.includes(ref.experiment, ref.name)]
        omitted = len(found.runs) - len(refs)
        if omitted and not refs:
            raise SourceError(f"include and exclude leave none of {omitted} runs: loosen them in the configuration")
        facts = plan.SiteFacts(config, plan.site_stamp(config, theme), found.problems, omitted)
        run_jobs = plan.plan_runs(refs)
        settings = _settings(config, theme)
        stamps = {
            job.ref.key: plan.job_stamp(job, fingerprint(job.ref, cache, limits=settings.limits)) for job in run_jobs
        }
        report = progress or (lambda *_: None)
        making = _Making(writer, settings, facts, executor, report)
        if not making.keep_all(stamps):
            making.make_runs(run_jobs, stamps)
            making.make_pages()
        report("write", 0, 1)
        written = writer.commit(making.site_json)
        report("write", 1, 1)
        cache.save()
    return BuildResult(
        out=out,
        runs=len(making.entries),
        experiments=making.experiments,
        problems=making.problems,
        pages=sum(path.endswith(".html") for path in (*written.written, *written.unchanged)),
        written=len(written.written),
        removed=len(written.removed),
        omitted=omitted,
        notices=writer.notices,
        duration_s=time.monotonic() - began,
    )


def _settings(config: Config, theme: Theme) -> jobs.Settings:
    limits = ArtifactLimits(
        max_bytes=int(config.max_artifact_mb * 2**20),
        include=config.artifact_include,
        exclude=config.artifact_exclude,
    )
    return jobs.Settings(config, Renderer(SiteInfo(config.title), theme), limits)


class _Making:
    """The stages of one build between discovery and commit: what is kept, what is read, drawn and rendered."""

    def __init__(
        self,
        writer: SiteWriter,
        settings: jobs.Settings,
        facts: plan.SiteFacts,
        executor: Executor | Callable[[], Executor] | None,
        report: Progress,
    ) -> None:
        self._writer = writer
        self._settings = settings
        self._facts = facts
        self._executor = executor
        self._report = report
        self._summaries: dict[str, Summary] = {}
        self.entries: dict[str, plan.RunEntry] = {}
        """Run key -> what `data/site.json` says of the run."""
        self.experiments = 0
        self.problems: tuple[Problem, ...] = ()

    def site_json(self, files: Mapping[str, str]) -> bytes:
        """Return the bytes of `data/site.json` for the outputs `files`."""
        return plan.encode_site(self._facts, self.entries, self.experiments, self.problems, files)

    # ---- what is there already

    def keep_all(self, stamps: Mapping[str, str]) -> bool:
        """Keep every file of the earlier build if nothing that it depends on has changed; tell whether that is so."""
        previous = self._writer.previous
        if previous is None or not plan.same_site(previous.document, self._facts):
            return False
        entries = plan.decode_entries(previous.runs)
        if {k for k, e in entries.items() if not e.twin_of} != set(stamps):
            return False
        if any(entries[key].stamp != stamp for key, stamp in stamps.items()):
            return False
        if not all(self._writer.has(path, sha256) for path, sha256 in previous.files.items()):
            return False
        for path, sha256 in previous.files.items():
            self._writer.keep(path, sha256)
        self.entries = entries
        self.experiments, self.problems = plan.decode_counts(previous.document)
        return True

    def _reusable(self, stamps: Mapping[str, str]) -> dict[str, tuple[plan.RunEntry, Summary]]:
        """Return the runs of the earlier build, by key, that came out of the same logs and whose files are intact."""
        previous = self._writer.previous
        if previous is None or previous.document.get("stamp") != self._facts.stamp:
            return {}
        if not self._writer.has(urls.SUMMARIES, previous.files.get(urls.SUMMARIES, "")):
            return {}
        try:
            encoded = self._writer.location(urls.SUMMARIES).read_bytes()
            known = {s.key: s for s in data.decode_summaries(encoded)}
        except (OSError, FormatError):
            return {}
        reusable = {}
        for key, entry in plan.decode_entries(previous.runs).items():
            origin = entry.twin_of or key
            files = {path: previous.files.get(path, "") for path in entry.files}
            if (
                key in known
                and entry.stamp == stamps.get(origin)
                and all(sha256 and self._writer.has(path, sha256) for path, sha256 in files.items())
            ):
                reusable[key] = (entry, known[key])
        # Runs that share a key were told apart together: all of them are kept, or none.
        broken = {e.twin_of for e in plan.decode_entries(previous.runs).values() if e.twin_of} - {
            e.twin_of for e, _ in reusable.values()
        }
        return {k: v for k, v in reusable.items() if (v[0].twin_of or k) not in broken}

    # ---- runs

    def make_runs(self, run_jobs: Sequence[jobs.RunJob], stamps: Mapping[str, str]) -> None:
        """Keep the files of unchanged runs; read all others and stage what they put into the site."""
        reusable = self._reusable(stamps)
        files = self._writer.previous.files if self._writer.previous else {}
        for key, (entry, summary) in reusable.items():
            for path in entry.files:
                self._writer.keep(path, files[path])
            self.entries[key] = entry
            self._summaries[key] = summary
        todo = [job for job in run_jobs if job.ref.key not in reusable]
        batches = [(self._settings, todo[i : i + BATCH]) for i in range(0, len(todo), BATCH)]
        done = 0
        self._report("read", 0, len(todo))
        for (_, batch), outputs in zip(
            batches, self._map(jobs.make_runs, batches, serial=len(todo) <= SERIAL_RUNS), strict=True
        ):
            for output in outputs:
                self._stage_run(output, stamps)
            done += len(batch)
            self._report("read", done, len(todo))

    def _stage_run(self, output: jobs.RunOutput, stamps: Mapping[str, str]) -> None:
        key = output.summary.key
        hashes = {path: self._writer.stage(path, content) for path, content in output.files.items()}
        for copy in output.artifacts:
            self._writer.stage_file(copy.path, copy.source, copy.sha256, copy.size_bytes)
            hashes[copy.path] = copy.sha256
        self._summaries[key] = output.summary
        self.entries[key] = plan.RunEntry(
            sources=output.fingerprint,
            record=urls.record(key),
            sha256=hashes[urls.record(key)],
            page=urls.run_page(key, output.summary.name),
            stamp=stamps[output.twin_of or key],
            files=tuple(sorted(hashes)),
            twin_of=output.twin_of,
        )

    # ---- pages about many runs

    def make_pages(self) -> None:
        """Draw the plots, render every page about many runs, and stage them with data files and assets."""
        writer, config, renderer = self._writer, self._settings.config, self._settings.renderer
        index = make_index(self._summaries.values(), self._facts.problems)
        self.experiments = len(index.experiments)
        self.problems = tuple(problem for problem, _ in index.problems)
        records = {key: entry.sha256 for key, entry in self.entries.items()}
        plot_jobs, plots = plan.plan_plots(index, config, records, writer.location)
        self._make_plots(plot_jobs)
        pages = plan.plan_pages(index, config, plots, self._facts.omitted)
        for done, page in enumerate(pages):
            self._report("page", done, len(pages))
            writer.stage(page.path, renderer.render(page.template, page.make(), path=page.path))
        self._report("page", len(pages), len(pages))
        for experiment in index.experiments:
            writer.stage(urls.experiment_csv(experiment.name), runs_csv(experiment.runs))
        writer.stage(urls.RUNS_CSV, runs_csv(index.runs))
        encoded = data.encode_summaries(index.runs)
        writer.stage(urls.SUMMARIES, encoded)
        writer.stage(urls.SUMMARIES_JS, data.summaries_script(encoded))
        for name, path in renderer.theme.assets.items():
            writer.stage(path, renderer.theme.read_asset(name))

    def _make_plots(self, plot_jobs: Sequence[jobs.PlotJob]) -> None:
        """Draw the plots that the site does not hold; a plot's path is the digest of what it shows."""
        files = self._writer.previous.files if self._writer.previous else {}
        todo = []
        for job in plot_jobs:
            missing = {}
            for path, plot in job.plots.items():
                if path in files and self._writer.has(path, files[path]):
                    self._writer.keep(path, files[path])
                else:
                    missing[path] = plot
            if missing:
                todo.append((jobs.PlotJob(job.lines, missing),))
        self._report("plot", 0, len(todo))
        for done, images in enumerate(self._map(jobs.draw_plots, todo, serial=len(todo) <= 1), 1):
            for path, image in images.items():
                self._writer.stage(path, image)
            self._report("plot", done, len(todo))

    # ---- the executor

    def _map(
        self, function: Callable[..., _Out], arguments: Sequence[tuple[Any, ...]], *, serial: bool
    ) -> Iterator[_Out]:
        """Yield `function(*a)` for each of `arguments`, in order.

        Only a few jobs are in flight at a time, so that memory does not grow with the number of runs.
        """
        if serial or self._executor is None:
            yield from (function(*a) for a in arguments)
            return
        if not isinstance(self._executor, Executor):
            self._executor = self._executor()
        flying: deque[Future[_Out]] = deque()
        for a in arguments:
            flying.append(self._executor.submit(function, *a))
            if len(flying) >= IN_FLIGHT:
                yield flying.popleft().result()
        while flying:
            yield flying.popleft().result()

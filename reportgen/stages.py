"""The stages of a build that has something to do: read runs, draw plots, render pages, stage the files.

The order of the stages and what is kept from the site that is there; what a file holds is decided below this module.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from itertools import islice
from typing import Any, Final, TypeVar

from reportgen.errors import FormatError
from reportgen.index import Index, make_index
from reportgen.model import Summary
from reportgen.site import jobs, overviews, plan, urls
from reportgen.site.budget import RunTiles, choose_dropped
from reportgen.site.data.finding import finding_scripts
from reportgen.site.data.history import history_csv
from reportgen.site.data.index import index_script
from reportgen.site.data.search import search_script
from reportgen.site.data.summaries import decode_summaries, encode_summaries, summaries_script
from reportgen.site.data.tables import table_script
from reportgen.site.feed import feed_xml
from reportgen.site.folder import NOJEKYLL
from reportgen.site.histories import ExperimentHistory
from reportgen.site.pages.csv import runs_csv
from reportgen.site.render import Renderer, SiteInfo
from reportgen.site.theme import Theme
from reportgen.site.writer import SiteWriter
from reportgen.sources import ArtifactLimits, remember_files, stat_files
from reportgen.sources.statcache import StatCache

BATCH: Final = 16
"""Runs that one job reads: enough to hide the cost of a job, few enough for an even load and little memory."""
SERIAL_RUNS: Final = 12
"""Up to so many runs are read in this process: starting workers would take longer."""
IN_FLIGHT: Final = 64
"""Jobs that are submitted and not yet taken over."""

_Out = TypeVar("_Out")


class Stages:
    """One build between discovery and commit. `make` is called once."""

    def __init__(
        self,
        writer: SiteWriter,
        facts: plan.SiteFacts,
        theme: Theme,
        limits: ArtifactLimits,
        cache: StatCache,
        compiled: str | None,
        executor: Executor | Callable[[], Executor] | None,
        report: Callable[[str, int, int], None],
    ) -> None:
        self._writer = writer
        self._facts = facts
        self._settings = jobs.Settings(facts.config, Renderer(SiteInfo(facts.config.title), theme, compiled), limits)
        self._cache = cache
        self._executor = executor
        self._report = report
        self._summaries: dict[str, Summary] = {}
        self._entries: dict[str, plan.RunEntry] = {}
        self._histories: dict[str, ExperimentHistory] = {}

    def make(self, run_jobs: Sequence[plan.RunJob], stamps: Mapping[str, str]) -> plan.SiteContent:
        """Stage or keep every file of the site and return what it holds.

        `stamps` gives run key -> stamp of its logs as they are now, as far as it was worth finding out.
        """
        self._make_runs(run_jobs, stamps)
        index = make_index(self._summaries.values(), self._facts.problems)
        self._make_pages(index)
        dropped = self._keep_below_limit(run_jobs, index)
        for path, content in self._make_front(index, dropped).items():
            self._writer.stage(path, content)
        return self._content(index, self._entries)

    @staticmethod
    def _content(index: Index, entries: Mapping[str, plan.RunEntry]) -> plan.SiteContent:
        problems = tuple(dict.fromkeys(problem for problem, _ in index.problems))  # twins share theirs
        return plan.SiteContent(entries, len(index.experiments), problems)

    # ---- runs

    def _make_runs(self, run_jobs: Sequence[plan.RunJob], stamps: Mapping[str, str]) -> None:
        """Keep the files of unchanged runs; read all others and stage what they put into the site."""
        reusable = self._reusable(stamps)
        files = self._writer.previous.files if self._writer.previous else {}
        for key, (entry, summary) in reusable.items():
            for path in entry.files:
                self._writer.keep(path, files[path])
            self._entries[key] = entry
            self._summaries[key] = summary
        todo = [job for job in run_jobs if job.ref.key not in reusable]
        stats = {job.ref.key: stat_files(job.ref) for job in todo}
        for job, output in self._read(todo):
            self._stage_run(job, output)
            remember_files(job.ref, stats[job.ref.key], output.fingerprint, self._cache)

    def _read(self, todo: Sequence[plan.RunJob]) -> Iterator[tuple[plan.RunJob, jobs.RunOutput]]:
        """Yield what each run puts into the site, with its job."""
        batches = [todo[i : i + BATCH] for i in range(0, len(todo), BATCH)]
        done = 0
        self._report("read", 0, len(todo))
        arguments = [(self._settings, batch) for batch in batches]
        for batch, made in zip(
            batches, self._map(jobs.make_runs, arguments, serial=len(todo) <= SERIAL_RUNS), strict=True
        ):
            by_key = {job.ref.key: job for job in batch}
            for output in made:
                yield by_key[output.twin_of or output.summary.key], output
            done += len(batch)
            self._report("read", done, len(todo))

    def _reusable(self, stamps: Mapping[str, str]) -> dict[str, tuple[plan.RunEntry, Summary]]:
        """Return the runs of the earlier build, by key, that came out of the same logs and whose files are intact."""
        previous = self._writer.previous
        if not stamps or previous is None:
            return {}
        if not self._writer.has(urls.SUMMARIES, previous.files.get(urls.SUMMARIES, "")):
            return {}
        try:
            encoded = self._writer.location(urls.SUMMARIES).read_bytes()
            known = {s.key: s for s in decode_summaries(encoded)}
        except (OSError, FormatError):
            return {}
        entries = plan.decode_content(previous.document).entries
        reusable, broken = {}, set()
        for key, entry in entries.items():
            origin = entry.twin_of or key
            intact = all(self._writer.has(path, previous.files.get(path, "")) for path in entry.files)
            if key in known and entry.stamp == stamps.get(origin) and intact:
                reusable[key] = (entry, known[key])
            else:
                broken.add(origin)
        # Runs that share an id were told apart together: all of them are kept, or none.
        return {key: kept for key, kept in reusable.items() if (kept[0].twin_of or key) not in broken}

    def _stage_run(self, job: plan.RunJob, output: jobs.RunOutput) -> None:
        key = output.summary.key
        hashes = {path: self._writer.stage(path, content) for path, content in output.files.items()}
        for copy in output.artifacts:
            self._writer.stage_file(copy.path, copy.source, copy.sha256, copy.size_bytes)
            hashes[copy.path] = copy.sha256
        self._summaries[key] = output.summary
        self._entries[key] = plan.RunEntry(
            sources=output.fingerprint,
            record=urls.record(key),
            sha256=hashes[urls.record(key)],
            page=urls.run_page(key, output.summary.name),
            stamp=plan.job_stamp(job, output.fingerprint),
            files=tuple(sorted(hashes)),
            twin_of=output.twin_of,
        )

    # ---- pages about many runs

    def _make_pages(self, index: Index) -> None:
        """Draw the plots, render the pages about many runs, and stage them with data files and assets."""
        writer, config, renderer = self._writer, self._settings.config, self._settings.renderer
        records = {key: entry.sha256 for key, entry in self._entries.items()}
        plot_jobs, plots = overviews.plan_plots(index, config, records, writer.location)
        missing = self._missing_plots(plot_jobs)
        drawn = self._map(jobs.draw_plots, missing, serial=len(missing) <= 1)  # by the workers, meanwhile
        self._histories = overviews.plan_histories(index, config)
        pages = overviews.plan_pages(index, config, plots, self._histories)
        for done, page in enumerate(pages):
            self._report("page", done, len(pages))
            writer.stage(page.path, renderer.render(page.template, page.make(), path=page.path))
        self._report("page", len(pages), len(pages))
        self._stage_histories()
        with jobs.without_collector():
            self._stage_tables(index)
        for name, path in renderer.theme.assets.items():
            writer.stage(path, renderer.theme.read_asset(name))
        self._report("plot", 0, len(missing))
        for done, images in enumerate(drawn, 1):
            for path, image in images.items():
                writer.stage(path, image)
            self._report("plot", done, len(missing))

    def _stage_histories(self) -> None:
        """Stage the tables of the histories, and the feed."""
        for name, history in self._histories.items():
            if history.facts.page:
                self._writer.stage(urls.history_csv(name), history_csv(history.histories, history.labels))
        feed = feed_xml((history.facts for history in self._histories.values()), self._settings.config)
        self._writer.stage(urls.FEED, feed)

    def _stage_tables(self, index: Index) -> None:
        """Stage what tools and scripts read of many runs."""
        writer, config = self._writer, self._settings.config
        for experiment in index.experiments:
            writer.stage(urls.experiment_csv(experiment.name), runs_csv(experiment.runs))
            writer.stage(urls.table_js(experiment.name), table_script(experiment, config))
            for path, content in finding_scripts(experiment, config):
                writer.stage(path, content)
        writer.stage(urls.RUNS_CSV, runs_csv(index.runs))
        writer.stage(urls.SEARCH_JS, search_script(index, config))
        encoded = encode_summaries(index.runs)
        writer.stage(urls.SUMMARIES, encoded)
        writer.stage(urls.SUMMARIES_JS, summaries_script(encoded))

    def _make_front(self, index: Index, dropped: Collection[str]) -> dict[str, bytes]:
        """Return the files that say what the site goes without; `dropped` are keys of runs without tiles."""
        config, renderer = self._settings.config, self._settings.renderer
        facts = [history.facts for history in self._histories.values()]
        home = overviews.plan_home(index, config, facts, omitted=self._facts.omitted, dropped=len(dropped))
        return {
            home.path: renderer.render(home.template, home.make(), path=home.path),
            urls.INDEX_JS: index_script(index, config, dropped),
        }

    def _missing_plots(self, plot_jobs: Sequence[jobs.PlotJob]) -> list[tuple[jobs.PlotJob]]:
        """Keep the plots that the site holds, known by their digests; return the jobs that draw the others."""
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
        return todo

    # ---- the limit of the site's size

    def _keep_below_limit(self, run_jobs: Sequence[plan.RunJob], index: Index) -> Collection[str]:
        """Take the tiles of the oldest runs out of a site that is too large; return the keys of the runs.

        The decision is the same whatever lay in the folder before: tiles that an earlier build left out count with the
        size that it noted, and are made when there is room for them now.
        """
        chosen = self._choose_dropped(index)
        without = {key for key, entry in self._entries.items() if entry.dropped}
        self._bring_tiles_back(run_jobs, without - chosen.keys())
        for key in chosen.keys() - without:
            for path in chosen[key]:
                self._writer.discard(path)
            files = tuple(path for path in self._entries[key].files if path not in chosen[key])
            self._entries[key] = replace(self._entries[key], files=files, dropped=chosen[key])
        return [key for key, entry in self._entries.items() if entry.dropped]

    def _choose_dropped(self, index: Index) -> dict[str, Mapping[str, int]]:
        """Return run key -> tiles with their sizes, of the runs that have to go without."""
        limit = self._settings.config.max_site_mb
        if limit is None:
            return {}
        sizes = self._writer.sizes()
        for entry in self._entries.values():
            sizes.update(entry.dropped)
        runs = {}
        for key, entry in self._entries.items():
            tiles = sorted((*filter(urls.is_tile, entry.files), *entry.dropped))
            runs[key] = RunTiles(key, self._summaries[key].start_time, {path: sizes[path] for path in tiles})
        total = sum(sizes.values()) + self._measure_rest(index, sizes)
        return {key: runs[key].sizes for key in choose_dropped(total, int(limit * 2**20), runs.values())}

    def _measure_rest(self, index: Index, sizes: Mapping[str, int]) -> int:
        """Return the bytes of what is made last, as if no tile had been left out."""
        front = self._make_front(index, ())
        whole = {
            key: replace(entry, files=(*entry.files, *entry.dropped), dropped={})
            for key, entry in self._entries.items()
        }
        files = dict.fromkeys((*sizes, *front, NOJEKYLL), "0" * 64)
        listed = plan.encode_site(self._facts, self._content(index, whole), files)
        return len(listed) + sum(map(len, front.values()))

    def _bring_tiles_back(self, run_jobs: Sequence[plan.RunJob], keys: Collection[str]) -> None:
        """Stage the tiles of runs that an earlier build left out; a run that has changed since waits for the next."""
        origins = {self._entries[key].twin_of or key for key in keys}
        todo = [job for job in run_jobs if job.ref.key in origins]
        for _, output in self._read(todo) if todo else ():
            key = output.summary.key
            if key not in keys or output.fingerprint != self._entries[key].sources:
                continue
            tiles = {path: content for path, content in output.files.items() if urls.is_tile(path)}
            for path, content in tiles.items():
                self._writer.stage(path, content)
            files = tuple(sorted({*self._entries[key].files, *tiles}))
            self._entries[key] = replace(self._entries[key], files=files, dropped={})

    # ---- the executor

    def _map(
        self, function: Callable[..., _Out], arguments: Sequence[tuple[Any, ...]], *, serial: bool
    ) -> Iterator[_Out]:
        """Return an iterator over `function(*a)` for each of `arguments`, in order; the first jobs begin at once.

        Only a few jobs are in flight at a time, so that memory does not grow with the number of runs.
        """
        if serial or self._executor is None:
            return (function(*a) for a in arguments)
        if not isinstance(self._executor, Executor):
            self._executor = self._executor()
        submit = self._executor.submit
        waiting = iter(arguments)
        flying = deque(submit(function, *a) for a in islice(waiting, IN_FLIGHT))

        def results() -> Iterator[_Out]:
            while flying:
                result = flying.popleft().result()
                flying.extend(submit(function, *a) for a in islice(waiting, 1))
                yield result

        return results()

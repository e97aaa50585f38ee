"""The stages of a build that has something to do: read runs, draw plots, render pages, stage the files.

The order of the stages and what is kept from the site that is there; what a file holds is decided below this module.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from itertools import islice
from typing import Any, Final, TypeVar

from reportgen.collector import without_collector
from reportgen.errors import FormatError
from reportgen.index import make_experiment
from reportgen.model import Experiment, Summary
from reportgen.site import jobs, overviews, plan, urls
from reportgen.site.budget import RunTiles, choose_dropped
from reportgen.site.data.index import index_script
from reportgen.site.data.search import read_chunks, search_chunk, search_script
from reportgen.site.data.typed import decode_typed
from reportgen.site.facts import ExperimentFacts, in_order, join_problems, make_facts
from reportgen.site.feed import feed_xml
from reportgen.site.folder import NOJEKYLL
from reportgen.site.histories import make_history
from reportgen.site.library import SummaryLibrary
from reportgen.site.misnamed import find_misnamed
from reportgen.site.packs import (
    BLOCK_RUNS,
    ExperimentEntry,
    Pack,
    describe_facts,
    encode_pack,
    group_of,
    list_members,
    plan_packs,
)
from reportgen.site.pages.csv import runs_csv
from reportgen.site.render import Renderer, SiteInfo
from reportgen.site.theme import Theme
from reportgen.site.writer import SiteWriter
from reportgen.sources import ArtifactLimits, remember_files, stat_files
from reportgen.sources.edits import encode_edits
from reportgen.sources.packs import PackRef, RunEntry
from reportgen.sources.statcache import StatCache

BATCH: Final = 16
"""Runs that one job reads: enough to hide the cost of a job, few enough for an even load and little memory."""
SERIAL_RUNS: Final = 12
"""Up to so many runs are read in this process: starting workers would take longer."""
IN_FLIGHT: Final = 64
"""Jobs that are submitted and not yet taken over."""

_Out = TypeVar("_Out")


class Stages:
    """One build between discovery and commit. `make` is called once, then `site_json` by the writer's commit."""

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
        self._entries: dict[str, RunEntry] = {}
        self._made_facts: dict[str, ExperimentFacts] = {}
        self._library = SummaryLibrary(writer)
        self._previous = writer.previous if plan.same_look(writer.previous, facts) else None
        self._members: dict[str, list[str]] = {}
        self._before = list_members(self._previous.entries.values()) if self._previous else {}
        self._changed: dict[str, Experiment] = {}

    def make(
        self,
        run_jobs: Sequence[plan.RunJob],
        kept: Mapping[str, RunEntry],
        again: Callable[[str], plan.RunJob | None] = lambda _: None,
    ) -> plan.SiteContent:
        """Stage or keep every file of the site and return what it holds.

        `run_jobs` are the runs to read, `kept` those whose files in the folder stay, by key: they are intact, and made
        by the same versions and configuration. `again` gives the job that would read a kept run.
        """
        for entry in kept.values():
            self._writer.keep_all(entry.files)
        self._entries.update(kept)
        self._read_runs(run_jobs)
        self._members = list_members(self._entries.values())
        made = self._make_experiments()
        facts = in_order(self._made_facts.values())
        self._make_site_files(facts, made)
        by_key = {job.ref.key: job for job in run_jobs}
        dropped = self._keep_below_limit(made, facts, lambda key: by_key.get(key) or again(key))
        for path, content in self._make_front(facts, dropped).items():
            self._writer.stage(path, content)
        packs = self._stage_packs(made)
        own = (row.problem for row in join_problems(facts))
        problems = tuple(dict.fromkeys((*self._facts.problems, *own)))  # twins share theirs
        notices = find_misnamed(self._facts.config, {own.name: own.metrics for own in facts})
        return plan.SiteContent(self._entries, len(made), problems, notices, packs, self._owned(made))

    def summaries(self) -> list[Summary]:
        """Return the summaries of all runs of the site, after `make`."""
        return self._library.find(self._entries, self._entries)

    # ---- runs

    def _read_runs(self, todo: Sequence[plan.RunJob]) -> None:
        """Read runs and stage what they put into the site."""
        stats = {job.ref.key: stat_files(job.ref) for job in todo}
        for job, output in self._read(todo):
            if output.summary.key not in self._facts.edits.forgotten:
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

    def _stage_run(self, job: plan.RunJob, output: jobs.RunOutput) -> None:
        summary = output.summary
        hashes = {path: self._writer.stage(path, content) for path, content in output.files.items()}
        for copy in output.artifacts:
            self._writer.stage_file(copy.path, copy.source, copy.sha256, copy.size_bytes)
            hashes[copy.path] = copy.sha256
        self._library.add(summary)
        self._entries[summary.key] = RunEntry(
            key=summary.key,
            run_id=job.ref.run_id,
            experiment=summary.experiment,
            name=job.ref.name,
            parent_id=job.ref.parent_id,
            start_time=summary.start_time,
            sources=output.fingerprint,
            stamp=plan.job_stamp(job, output.fingerprint),
            files=dict(sorted(hashes.items())),
            twin_of=output.twin_of,
        )

    # ---- experiments

    def _make_experiments(self) -> dict[str, ExperimentEntry]:
        """Keep what is about experiments of which no run changed, and make the others; return the entries by name."""
        members = self._members
        stamps = {name: self._experiment_stamp(keys) for name, keys in members.items()}
        entries = {name: kept for name, stamp in stamps.items() if (kept := self._kept_experiment(name, stamp))}
        with without_collector():
            self._changed = {
                name: make_experiment(name, self._library.find(keys, self._entries))
                for name, keys in members.items()
                if name not in entries
            }
            paths = self._make_changed(list(self._changed.values()))
        for name in self._changed:
            files = {path: self._writer.sha256_of(path) for path in sorted(paths[name])}
            entries[name] = ExperimentEntry(stamps[name], files, describe_facts(self._made_facts[name]))
        return dict(sorted(entries.items()))

    def _experiment_stamp(self, keys: Iterable[str]) -> str:
        """Return the digest of what the files about the runs with these keys depend on, beside the site's stamp."""
        parts = [(key, self._entries[key].stamp, self._entries[key].sha256) for key in keys]
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]

    def _kept_experiment(self, name: str, stamp: str) -> ExperimentEntry | None:
        """Return the entry of an experiment that is as the earlier build left it, with its files kept, or None."""
        entry = self._previous.experiments.get(name) if self._previous else None
        if entry is None or entry.stamp != stamp:
            return None
        if not all(self._writer.has(path, sha256) for path, sha256 in entry.files.items()):
            return None
        try:
            self._made_facts[name] = decode_typed(ExperimentFacts, entry.facts)
        except FormatError:
            return None
        self._writer.keep_all(entry.files)
        return entry

    def _make_changed(self, experiments: Sequence[Experiment]) -> dict[str, set[str]]:
        """Draw, render and stage what is about each of `experiments`; return name -> paths of its files."""
        writer, config, renderer = self._writer, self._settings.config, self._settings.renderer
        records = {key: entry.sha256 for key, entry in self._entries.items()}
        planned = {e.name: overviews.plan_plots(e, config, records, writer.location) for e in experiments}
        missing = self._missing_plots([job for plots, _ in planned.values() for job in plots])
        serial = len(missing) <= 1 and len(self._entries) <= BLOCK_RUNS  # else there is enough to do meanwhile
        drawn = self._map(jobs.draw_plots, missing, serial=serial)
        made: dict[str, set[str]] = {}
        for done, experiment in enumerate(experiments):
            self._report("page", done, len(experiments))
            plot_jobs, plots = planned[experiment.name]
            paths = {path for job in plot_jobs for path in job.plots}
            history = make_history(experiment, config)
            for page in overviews.plan_experiment_pages(experiment, config, plots, history):
                writer.stage(page.path, renderer.render(page.template, page.make(), path=page.path))
                paths.add(page.path)
            for path, content in overviews.experiment_data(experiment, config, history):
                writer.stage(path, content)
                paths.add(path)
            made[experiment.name] = paths | self._make_csv(experiment)
            self._made_facts[experiment.name] = make_facts(experiment, config, history.facts)
        self._report("page", len(experiments), len(experiments))
        self._report("plot", 0, len(missing))
        for done, images in enumerate(drawn, 1):
            for path, image in images.items():
                writer.stage(path, image)
            self._report("plot", done, len(missing))
        return made

    def _make_csv(self, experiment: Experiment) -> set[str]:
        """Stage the tables for spreadsheets, or keep those of blocks of which no run changed; return their paths."""
        files = self._previous.files if self._previous else {}
        old = self._before.get(experiment.name, [])
        paths = set()
        for path, start, end in overviews.plan_csv(experiment):
            paths.add(path)
            keys = self._members[experiment.name][start:end]
            same = keys == old[start : start + BLOCK_RUNS] and self._are_unchanged(keys)
            if same and self._writer.has(path, files.get(path, "")):
                self._writer.keep(path, files[path])
            else:
                self._writer.stage(path, runs_csv(experiment.runs[start:end]))
        return paths

    def _are_unchanged(self, keys: Iterable[str]) -> bool:
        known = self._previous.entries if self._previous else {}
        return all(self._entries[key] is known.get(key) for key in keys)

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

    # ---- the whole site

    def _make_site_files(self, facts: Sequence[ExperimentFacts], made: Mapping[str, ExperimentEntry]) -> None:
        """Stage the pages and tables about all runs, the corrections, and the assets."""
        writer, config, renderer = self._writer, self._settings.config, self._settings.renderer
        for page in overviews.plan_site_pages(facts, self._facts.problems, config):
            writer.stage(page.path, renderer.render(page.template, page.make(), path=page.path))
        for name, path in renderer.theme.assets.items():
            writer.stage(path, renderer.theme.read_asset(name))
        writer.stage(urls.FEED, feed_xml((own.history for own in facts), config))
        if self._facts.edits:
            writer.stage(urls.EDITS, encode_edits(self._facts.edits))
        writer.stage(urls.SEARCH_JS, search_script(self._search_chunks(facts, made)))
        if len(self._entries) <= BLOCK_RUNS and not self._keep_csv(made):
            keys = sorted(self._entries, key=lambda key: (-self._entries[key].start_time, key))
            writer.stage(urls.RUNS_CSV, runs_csv(self._library.find(keys, self._entries)))

    def _keep_csv(self, made: Mapping[str, ExperimentEntry]) -> bool:
        """Keep the table of all runs if it is that of the earlier build, and of the same runs; tell whether it is."""
        sha256 = self._previous.site_files.get(urls.RUNS_CSV, "") if self._previous else ""
        if not self._previous or made != self._previous.experiments or not self._writer.has(urls.RUNS_CSV, sha256):
            return False
        self._writer.keep(urls.RUNS_CSV, sha256)
        return True

    def _search_chunks(self, facts: Sequence[ExperimentFacts], made: Mapping[str, ExperimentEntry]) -> dict[str, str]:
        """Return what the search looks through, a chunk for the experiments that share packs; some are kept."""
        groups: dict[str, set[str]] = {}
        for pack in plan_packs(self._members):
            groups.setdefault(pack.group, set()).update(pack.holds)
        if not groups:
            groups["mixed-0"] = set()  # scripts search a site without runs, too
        kept = self._kept_chunks(made)
        chunks = {}
        for group, names in groups.items():
            chunk = kept.get((group, frozenset(names)))
            if chunk is None:
                own = [self._experiment(each.name) for each in facts if each.name in names]
                chunk = search_chunk(own, self._settings.config)
            chunks[group] = chunk
        return chunks

    def _kept_chunks(self, made: Mapping[str, ExperimentEntry]) -> dict[tuple[str, frozenset[str]], str]:
        """Return (group, its experiments) -> chunk of the earlier build, of groups of which nothing changed."""
        previous = self._previous
        if previous is None or not self._writer.has(urls.SEARCH_JS, previous.site_files.get(urls.SEARCH_JS, "")):
            return {}
        try:
            chunks = read_chunks(self._writer.location(urls.SEARCH_JS).read_bytes())
        except FormatError:
            return {}
        groups: dict[str, set[str]] = {}
        for ref in previous.packs.values():
            groups.setdefault(group_of(ref.name), set()).update(ref.experiments)
        return {
            (group, frozenset(names)): chunks[group]
            for group, names in groups.items()
            if group in chunks and all(name in made and made[name] == previous.experiments.get(name) for name in names)
        }

    def _experiment(self, name: str) -> Experiment:
        known = self._changed.get(name)
        return known or make_experiment(name, self._library.find(self._members[name], self._entries))

    def _make_front(self, facts: Sequence[ExperimentFacts], dropped: Collection[str]) -> dict[str, bytes]:
        """Return the files that say what the site goes without; `dropped` are keys of runs without tiles."""
        config, renderer = self._settings.config, self._settings.renderer
        omitted = self._facts.omitted
        home = overviews.plan_home(facts, self._facts.problems, config, omitted=omitted, dropped=len(dropped))
        return {
            home.path: renderer.render(home.template, home.make(), path=home.path),
            urls.INDEX_JS: index_script((own.name for own in facts), config, dropped),
        }

    # ---- packs

    def _stage_packs(self, made: Mapping[str, ExperimentEntry]) -> dict[str, PackRef]:
        """Stage or keep the packs; return them by name."""
        refs = {}
        for pack in plan_packs(self._members):
            ref = self._kept_pack(pack, made)
            if ref is None:
                data = self._encode_pack(pack, self._entries, made)
                ref = PackRef(pack.name, hashlib.sha256(data).hexdigest(), pack.holds)
                self._writer.stage(ref.path, data)
            refs[pack.name] = ref
        return refs

    def _kept_pack(self, pack: Pack, made: Mapping[str, ExperimentEntry]) -> PackRef | None:
        """Return the pack of the earlier build that holds just the same, and keep it; None when there is none."""
        previous = self._previous
        ref = previous.packs.get(pack.name) if previous else None
        if previous is None or ref is None or ref.experiments != pack.holds:
            return None
        if previous.described[pack.name] != {name: made[name] for name in pack.experiments}:
            return None
        if previous.members[pack.name] != {key: self._entries[key] for key in pack.keys}:
            return None
        if not self._writer.has(ref.path, ref.sha256):
            return None
        self._writer.keep(ref.path, ref.sha256)
        return ref

    def _encode_pack(self, pack: Pack, entries: Mapping[str, RunEntry], made: Mapping[str, ExperimentEntry]) -> bytes:
        experiments = {name: made[name] for name in pack.experiments}
        with without_collector():
            summaries = self._library.find(pack.keys, self._entries)
            return encode_pack(experiments, [entries[key] for key in pack.keys], summaries)

    # ---- the limit of the site's size

    def _keep_below_limit(
        self,
        made: Mapping[str, ExperimentEntry],
        facts: Sequence[ExperimentFacts],
        job_of: Callable[[str], plan.RunJob | None],
    ) -> Collection[str]:
        """Take the tiles of the oldest runs out of a site that is too large; return the keys of the runs.

        The decision is the same whatever lay in the folder before: tiles that an earlier build left out count with the
        size that it noted, and are made when there is room for them now.
        """
        chosen = self._choose_dropped(made, facts)
        without = {key for key, entry in self._entries.items() if entry.dropped}
        self._bring_tiles_back(without - chosen.keys(), job_of)
        for key in chosen.keys() - without:
            for path in chosen[key]:
                self._writer.discard(path)
            files = {path: sha256 for path, sha256 in self._entries[key].files.items() if path not in chosen[key]}
            self._entries[key] = replace(self._entries[key], files=files, dropped=chosen[key])
        return [key for key, entry in self._entries.items() if entry.dropped]

    def _choose_dropped(
        self, made: Mapping[str, ExperimentEntry], facts: Sequence[ExperimentFacts]
    ) -> dict[str, Mapping[str, int]]:
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
            runs[key] = RunTiles(key, entry.start_time, {path: sizes[path] for path in tiles})
        total = sum(sizes.values()) + self._measure_rest(made, facts)
        return {key: runs[key].sizes for key in choose_dropped(total, int(limit * 2**20), runs.values())}

    def _measure_rest(self, made: Mapping[str, ExperimentEntry], facts: Sequence[ExperimentFacts]) -> int:
        """Return the bytes of what is made last, as if no tile had been left out."""
        nothing = "0" * 64
        front = self._make_front(facts, ())
        whole = {
            key: _with_tiles(entry, dict.fromkeys(entry.dropped, nothing)) if entry.dropped else entry
            for key, entry in self._entries.items()
        }
        packs, size = {}, 0
        for pack in plan_packs(self._members):
            size += len(self._encode_pack(pack, whole, made))
            packs[pack.name] = PackRef(pack.name, nothing, pack.holds)
        content = plan.SiteContent(whole, len(made), (), (), packs, frozenset())
        files = dict.fromkeys((*(set(self._writer.outputs()) - self._owned(made)), *front, NOJEKYLL), nothing)
        return size + len(plan.encode_site(self._facts, content, files)) + sum(map(len, front.values()))

    def _owned(self, made: Mapping[str, ExperimentEntry]) -> set[str]:
        """Return the paths that belong to a run or an experiment."""
        owned = {path for entry in self._entries.values() for path in entry.files}
        return owned.union(*(entry.files for entry in made.values()))

    def _bring_tiles_back(self, keys: Collection[str], job_of: Callable[[str], plan.RunJob | None]) -> None:
        """Stage the tiles of runs that an earlier build left out; a run that has changed since waits for the next."""
        origins = {self._entries[key].origin for key in keys}
        todo = [job for key in sorted(origins) if (job := job_of(key)) is not None]
        for _, output in self._read(todo) if todo else ():
            key = output.summary.key
            if key not in keys or output.fingerprint != self._entries[key].sources:
                continue
            tiles = {path: content for path, content in output.files.items() if urls.is_tile(path)}
            hashes = {path: self._writer.stage(path, content) for path, content in tiles.items()}
            self._entries[key] = _with_tiles(self._entries[key], hashes)

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


def _with_tiles(entry: RunEntry, tiles: Mapping[str, str]) -> RunEntry:
    """Return the entry of a run with its tiles, site path -> sha256."""
    return replace(entry, files=dict(sorted({**entry.files, **tiles}.items())), dropped={})

"""What a build is going to do: which runs are read, which stay, and what is said of the folder. Reads, never writes.

A site is made of the runs in its sources, whatever lies in the folder, or runs are added to the site that lies there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reportgen.errors import SiteError, SourceError
from reportgen.formats import short_key
from reportgen.model import Edits, Problem
from reportgen.site import plan, urls
from reportgen.site.config import Config
from reportgen.site.held import HeldSite, read_held_edits
from reportgen.site.theme import Theme, load_theme
from reportgen.site.writer import SiteWriter
from reportgen.sources import ArtifactLimits, Discovery, discover, fingerprint, is_copy_of, sort_problems
from reportgen.sources.edits import join_edits
from reportgen.sources.packs import RunEntry
from reportgen.sources.statcache import StatCache, cache_folder


@dataclass(frozen=True, slots=True)
class Means:
    """What a configuration and a machine give to the making of one output."""

    theme: Theme
    cache: StatCache
    """What is known of the files that are read for this output, and of those in it."""
    compiled: str | None
    """Folder that keeps compiled templates; None keeps none."""
    mirror: Path
    """Folder that keeps what was fetched of sites that are given by their address."""
    limits: ArtifactLimits
    """Which artifacts are published."""


def find_means(config: Config, output: Path, cache_dir: Path | None, *, use_cache: bool) -> Means:
    """Return what the making of `output`, a folder or a file, works with. Raises `ThemeError`."""
    theme = load_theme(config.theme, overrides=config.theme_folders, options=config.theme_options)
    folder = cache_dir or cache_folder()
    # A file for each output: a build forgets what it did not ask for, and would evict another project's files.
    name = f"files-{short_key(os.path.realpath(output))}.json"
    return Means(
        theme=theme,
        cache=StatCache(folder / name if use_cache else None),
        compiled=str(folder / "templates" / plan.code_digest()[:12]) if use_cache else None,
        mirror=folder / "sites",
        limits=ArtifactLimits(
            max_bytes=int(config.max_artifact_mb * 2**20),
            include=config.artifact_include,
            exclude=config.artifact_exclude,
        ),
    )


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What is to happen to a site beside the runs that come to it."""

    remove: Callable[[Iterable[RunEntry]], Collection[str]] = lambda _: ()
    """Gives the keys of the runs to let go of."""
    edit: Callable[[Edits, Mapping[str, RunEntry]], Edits] = lambda edits, _: edits
    """Gives the corrections that the site is to have, of those that it has and its runs."""


@dataclass(frozen=True, slots=True)
class Planned:
    """What a build is going to do."""

    facts: plan.SiteFacts
    todo: Sequence[plan.RunJob]
    """Runs to read."""
    kept: Mapping[str, RunEntry]
    """Runs whose files stay, by key."""
    again: Callable[[str], plan.RunJob | None]
    """Gives the job that would read a run that is kept, by the key of its id."""
    promised: Collection[str] = ()
    """Keys, by their ids alone, of runs that the site held and must hold at the end."""
    forgotten: int = 0
    notices: tuple[Problem, ...] = ()


def plan_site(
    writer: SiteWriter,
    sources: Sequence[Path | str],
    name: str,
    config: Config,
    means: Means,
    stamp: str,
    fetch: Callable[[int, int], None],
) -> Planned:
    """Plan the site of the runs in `sources`, whatever lies in the folder; what is the same there is kept."""
    found = discover(sources, cache=means.cache, mirror=means.mirror, progress=fetch, options=config.sources)
    _refuse_lost_edits(writer, name, found.edits)
    refs = [ref for ref in found.runs if config.includes(ref.experiment, ref.name)]
    omitted = len(found.runs) - len(refs)
    if omitted and not refs:
        raise SourceError(f"include and exclude leave none of {omitted} runs: loosen them in the configuration")
    facts = plan.SiteFacts(config, stamp, found.problems, omitted, found.edits)
    jobs = {job.ref.key: job for job in plan.plan_runs(refs)}
    kept = _find_kept(writer, facts, jobs, means)
    origins = {entry.origin for entry in kept.values()}
    todo = [job for key, job in jobs.items() if key not in origins]
    return Planned(facts, todo, kept, jobs.get, forgotten=found.forgotten)


def plan_addition(
    writer: SiteWriter,
    sources: Sequence[Path | str],
    name: str,
    upkeep: Upkeep,
    config: Config,
    means: Means,
    stamp: str,
    fetch: Callable[[int, int], None],
) -> Planned:
    """Plan the site of the runs that the folder holds and those in `sources`."""
    held = HeldSite(writer, name, config, means.cache)
    edits = upkeep.edit(held.edits, held.entries)
    held.forget(edits.forgotten)
    held.remove(upkeep.remove(held.entries.values()))
    promised = {entry.origin for entry in held.entries.values()}
    found = (
        discover(
            sources,
            cache=means.cache,
            mirror=means.mirror,
            progress=fetch,
            options=config.sources,
            held=held.parts,
            edits=edits,
        )
        if sources
        else Discovery((), (), edits)
    )
    held.forget(found.edits.forgotten)
    promised -= found.edits.forgotten
    problems = sort_problems((*held.problems, *found.problems))
    facts = plan.SiteFacts(config, stamp, problems, 0, found.edits)
    same_look = plan.same_look(writer.previous, facts)
    kept, again = held.choose_kept(found.runs, found.edits, same_look=same_look)
    refs = [*found.runs, *held.refs(sorted(again), found.edits)]
    families = plan.find_families([*refs, *(entry for entry in kept.values() if not entry.twin_of)])
    jobs = {ref.key: plan.plan_run(ref, families) for ref in refs}
    unchanged = _find_kept(writer, facts, {ref.key: jobs[ref.key] for ref in found.runs}, means)
    kept = {**kept, **unchanged}
    origins = {entry.origin for entry in unchanged.values()}

    def read_again(origin: str) -> plan.RunJob | None:
        own = (plan.plan_run(ref, families) for ref in held.refs([origin], found.edits))
        return jobs.get(origin) or next(own, None)

    notices: tuple[Problem, ...] = ()
    if held.begun and not same_look:
        message = "made by another version of reportgen, or with another configuration: every page is made again"
        notices = (Problem(name, message, "from the records in its data/runs"),)
    todo = [job for key, job in jobs.items() if key not in origins]
    return Planned(facts, todo, kept, read_again, promised, found.forgotten, notices)


def _refuse_lost_edits(writer: SiteWriter, name: str, edits: Edits) -> None:
    """Raise `SiteError` when the folder holds corrections that a build from `sources` would drop."""
    if writer.previous is None or urls.EDITS not in writer.previous.site_files:
        return
    held = read_held_edits(writer, name)
    if join_edits(edits, held) != edits:
        raise SiteError(
            f"'{name}' holds corrections of its runs ('{urls.EDITS}'), and this build would drop them: add --append to"
            f" add to the site, name it as a SOURCE, too, or delete '{urls.EDITS}' if they are not wanted any more"
        )


def refuse_losses(promised: Collection[str], entries: Mapping[str, RunEntry]) -> None:
    """Raise `SiteError` when a run is gone that was neither removed nor forgotten."""
    held = {entry.origin for entry in entries.values()}
    lost = sorted(key for key in promised if key not in held)
    if lost:
        raise SiteError(
            f"the site would lose {len(lost):,} runs, '{lost[0]}' among them: a record cannot be read as it was."
            " Restore it, from the history of its branch if it has one, or let go of them with `reportgen prune`;"
            " nothing was written"
        )


def _find_kept(
    writer: SiteWriter, facts: plan.SiteFacts, jobs: Mapping[str, plan.RunJob], means: Means
) -> dict[str, RunEntry]:
    """Return the entries of the runs that came out of the same bytes, and whose files are intact, by key."""
    previous = writer.previous
    if previous is None or not plan.same_look(previous, facts):
        return {}  # every run is read, and its fingerprint found on the way
    made: dict[str, list[RunEntry]] = {}
    for entry in previous.entries.values():
        made.setdefault(entry.origin, []).append(entry)
    kept: dict[str, RunEntry] = {}
    for key, job in jobs.items():
        entries = made.get(key)
        if not entries:
            continue
        # Runs that share an id were told apart together: all of them are kept, or none.
        if not all(writer.has(path, sha256) for entry in entries for path, sha256 in entry.files.items()):
            continue
        files = (path for entry in entries for path in entry.files)
        if not is_copy_of(job.ref, {entry.sha256 for entry in entries}, files, means.cache):
            continue
        stamp = plan.job_stamp(job, fingerprint(job.ref, means.cache, limits=means.limits))
        if all(entry.stamp == stamp for entry in entries):
            kept.update((entry.key, entry) for entry in entries)
    return kept

"""One function that builds a site. It finds the runs, keeps a site to which nothing is new, or has it made by `stages`,
and lets the writer put it in place.

The executor and the progress callback come from outside; without an executor everything runs in this process.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from reportgen.errors import SourceError
from reportgen.formats import short_key
from reportgen.model import Problem
from reportgen.site import plan
from reportgen.site.config import Config
from reportgen.site.folder import PreviousSite
from reportgen.site.theme import Theme, load_theme
from reportgen.site.writer import SiteWriter
from reportgen.sources import ArtifactLimits, discover, fingerprint, is_copy_of
from reportgen.sources.statcache import StatCache, cache_folder

Progress = Callable[[str, int, int], None]
"""Called with (stage, done, total); the stages are `fetch`, `read`, `plot`, `page` and `write`."""


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
    dropped: int
    """Runs whose exact points were left out to keep the site below `max_site_mb`."""
    notices: tuple[Problem, ...]
    """What is to be said of the output folder as it was found, of its size, and of the configuration; on no page."""
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
    report = progress or (lambda *_: None)
    means = find_means(config, out, cache_dir, use_cache=use_cache)
    theme, cache, limits = means.theme, means.cache, means.limits
    with SiteWriter(out, cache=cache, wait=wait, on_wait=on_wait) as writer:
        found = discover(
            sources, cache=cache, mirror=means.mirror, progress=partial(report, "fetch"), options=config.sources
        )
        refs = [ref for ref in found.runs if config.includes(ref.experiment, ref.name)]
        omitted = len(found.runs) - len(refs)
        if omitted and not refs:
            raise SourceError(f"include and exclude leave none of {omitted} runs: loosen them in the configuration")
        facts = plan.SiteFacts(config, plan.site_stamp(config, theme), found.problems, omitted)
        jobs = plan.plan_runs(refs)
        stamps = _find_stamps(writer.previous, facts, jobs, cache, limits)
        content = _keep_all(writer, facts, stamps)
        if content is None:
            from reportgen.stages import Stages  # with all that draws and renders: not needed where nothing changed

            content = Stages(writer, facts, theme, limits, cache, means.compiled, executor, report).make(jobs, stamps)
        report("write", 0, 1)
        written = writer.commit(partial(plan.encode_site, facts, content))
        report("write", 1, 1)
        cache.save()
    return BuildResult(
        out=out,
        runs=len(content.entries),
        experiments=content.experiments,
        problems=content.problems,
        pages=sum(path.endswith(".html") for path in (*written.written, *written.unchanged)),
        written=len(written.written),
        removed=len(written.removed),
        omitted=omitted,
        dropped=sum(bool(entry.dropped) for entry in content.entries.values()),
        notices=(*writer.notices, *content.notices, *_find_excess(out, config, (*written.written, *written.unchanged))),
        duration_s=time.monotonic() - began,
    )


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


def _find_excess(out: Path, config: Config, paths: Iterable[str]) -> tuple[Problem, ...]:
    """Return what is to be said of a site that is larger than it should be, although all tiles are gone."""
    if config.max_site_mb is None:
        return ()
    size = sum((out / path).stat().st_size for path in paths) / 2**20
    if size <= config.max_site_mb:
        return ()
    message = f"the site has {size:,.1f} MB without any exact points of long series, more than max_site_mb = "
    hint = "raise it, publish fewer artifacts ([artifacts] in the configuration), or leave runs out (include, exclude)"
    return (Problem(where=str(out), message=f"{message}{config.max_site_mb:g}", hint=hint),)


def _find_stamps(
    previous: PreviousSite | None,
    facts: plan.SiteFacts,
    jobs: Sequence[plan.RunJob],
    cache: StatCache,
    limits: ArtifactLimits,
) -> dict[str, str]:
    """Return run key -> stamp of its logs as they are now; nothing for a run that has to be read in any case."""
    if previous is None or not plan.same_look(previous, facts):
        return {}  # every run is read, and its fingerprint found on the way
    made: dict[str, list[plan.RunEntry]] = {}
    for key, entry in plan.decode_content(previous.document).entries.items():
        made.setdefault(entry.twin_of or key, []).append(entry)
    stamps = {}
    for job in jobs:
        entries = made.get(job.ref.key, [])
        records = {entry.sha256 for entry in entries}
        if is_copy_of(job.ref, records, (path for entry in entries for path in entry.files), cache):
            stamps[job.ref.key] = plan.job_stamp(job, fingerprint(job.ref, cache, limits=limits))
    return stamps


def _keep_all(writer: SiteWriter, facts: plan.SiteFacts, stamps: Mapping[str, str]) -> plan.SiteContent | None:
    """Keep every file of the earlier build and return what it holds, or None if anything that it depends on changed."""
    previous = writer.previous
    if previous is None or not plan.same_site(previous.document, facts):
        return None
    content = plan.decode_content(previous.document)
    if {key for key, entry in content.entries.items() if not entry.twin_of} != set(stamps):
        return None
    if any(content.entries[key].stamp != stamp for key, stamp in stamps.items()):
        return None
    if not all(writer.has(path, sha256) for path, sha256 in previous.files.items()):
        return None
    for path, sha256 in previous.files.items():
        writer.keep(path, sha256)
    return content

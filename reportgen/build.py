"""One function that builds a site. It finds the runs, keeps a site to which nothing is new, or has it made by `stages`,
and lets the writer put it in place.

The executor and the progress callback come from outside; without an executor everything runs in this process.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from reportgen.collector import without_collector
from reportgen.errors import FormatError
from reportgen.model import Problem
from reportgen.planning import Planned, Upkeep, find_means, plan_addition, plan_site, refuse_losses
from reportgen.plots import load_libraries
from reportgen.site import plan
from reportgen.site.config import Config
from reportgen.site.data.typed import decode_typed
from reportgen.site.folder import PreviousSite
from reportgen.site.packs import BLOCK_RUNS
from reportgen.site.pages.problems import ProblemRow
from reportgen.site.writer import SiteWriter

Progress = Callable[[str, int, int], None]
"""Called with (stage, done, total); the stages are `fetch`, `read`, `plot`, `page` and `write`."""


PLOTTERS: Final = 2
"""Jobs that draw what a new run changes: the plots of runs and those of configurations."""


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
    """What is to be said of the output folder as it was found, and of its size; it stands on no page."""
    duration_s: float
    added: int = 0
    """Runs that the folder did not hold before."""
    changed: int = 0
    """Runs that it held in another state."""
    lost: int = 0
    """Runs that the folder held before, and holds no more."""
    forgotten: int = 0
    """Runs that came and were passed over, since the site has forgotten them."""


def build(
    sources: Sequence[Path | str],
    out: Path,
    *,
    config: Config,
    append: bool = False,
    upkeep: Upkeep | None = None,
    executor: Executor | Callable[[], Executor] | None = None,
    progress: Progress | None = None,
    wait: bool = True,
    on_wait: Callable[[str], None] = lambda _: None,
    cache_dir: Path | None = None,
    use_cache: bool = True,
) -> BuildResult:
    """Build the site of all runs in `sources` into the folder `out`.

    With `append` the site in `out` is one of the sources: its runs stay, without their logs, and `upkeep` says what
    else happens to it; then there may be no other source. `executor` runs the heavy jobs; a function that makes one is
    called only if there is enough to do. `cache_dir` replaces the platform's cache folder. `on_wait` gets a message
    when another build is waited for.

    Raises `SourceError` when a source cannot be used, `SiteError` when `out` cannot be written or added to, or is being
    written by another build (it is waited for unless `wait` is false), `ThemeError` for a theme that is not there.
    """
    began = time.monotonic()
    report = progress or (lambda *_: None)
    with without_collector():
        means = find_means(config, out, cache_dir, use_cache=use_cache)
    theme, cache, limits = means.theme, means.cache, means.limits
    with SiteWriter(out, cache=cache, wait=wait, on_wait=on_wait) as writer:
        before = dict(writer.previous.entries) if writer.previous else {}
        if append and sources and len(before) > BLOCK_RUNS:
            executor = _warmed(executor)
        fetch, stamp = partial(report, "fetch"), plan.site_stamp(config, theme)
        with without_collector():
            if append:
                planned = plan_addition(writer, sources, str(out), upkeep or Upkeep(), config, means, stamp, fetch)
            else:
                planned = plan_site(writer, sources, str(out), config, means, stamp, fetch)
            content = None if planned.todo else _keep_all(writer, planned)
        if content is None:
            from reportgen.stages import Stages  # with all that draws and renders: not needed where nothing changed

            stages = Stages(writer, planned.facts, theme, limits, cache, means.compiled, executor, report)
            content = stages.make(planned.todo, planned.kept, planned.again)
        refuse_losses(planned.promised, content.entries)
        report("write", 0, 1)
        with without_collector():
            written = writer.commit(partial(plan.encode_site, planned.facts, content))
        report("write", 1, 1)
        cache.save()
    present = (*written.written, *written.unchanged)
    return BuildResult(
        out=out,
        runs=len(content.entries),
        experiments=content.experiments,
        problems=content.problems,
        pages=sum(path.endswith(".html") for path in present),
        written=len(written.written),
        removed=len(written.removed),
        omitted=planned.facts.omitted,
        dropped=sum(bool(entry.dropped) for entry in content.entries.values()),
        notices=(*writer.notices, *planned.notices, *_find_excess(out, config, present)),
        duration_s=time.monotonic() - began,
        added=sum(key not in before for key in content.entries),
        changed=sum(key in before and entry.sha256 != before[key].sha256 for key, entry in content.entries.items()),
        lost=sum(key not in content.entries for key in before),
        forgotten=planned.forgotten,
    )


def _warmed(executor: Executor | Callable[[], Executor] | None) -> Executor | None:
    """Return the executor, started and about to be ready to draw: the plots of a large site wait for it else."""
    if executor is None:
        return None
    started = executor if isinstance(executor, Executor) else executor()
    for _ in range(PLOTTERS):
        started.submit(load_libraries)
    return started


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


def _keep_all(writer: SiteWriter, planned: Planned) -> plan.SiteContent | None:
    """Keep every file of the earlier build and return what it holds, or None if anything that it depends on changed."""
    previous = writer.previous
    if previous is None or previous.broken or not plan.same_site(previous.document, planned.facts):
        return None
    if planned.kept.keys() != previous.entries.keys():
        return None
    if not all(writer.has(path, sha256) for path, sha256 in previous.files.items()):
        return None
    problems = _read_problems(previous, planned.facts)
    if problems is None:
        return None
    writer.keep_all(previous.files)
    owned = previous.files.keys() - previous.site_files.keys()
    return plan.SiteContent(previous.entries, len(previous.experiments), problems, previous.packs, owned)


def _read_problems(previous: PreviousSite, facts: plan.SiteFacts) -> tuple[Problem, ...] | None:
    """Return all problems of the site, None when its packs do not tell."""
    try:
        rows = [decode_typed(ProblemRow, row) for own in previous.experiments.values() for row in own.facts["problems"]]
    except (FormatError, KeyError, TypeError):
        return None
    rows.sort(key=lambda row: (-row.start_time, row.key))
    return tuple(dict.fromkeys((*facts.problems, *(row.problem for row in rows))))

"""One function that reviews a change: it reads both sides, has `review` compare them, and writes what came out.

Nothing is posted anywhere, and no token is needed: who posts `comment.md` is somebody else.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from reportgen.analysis.statistics import ALPHA
from reportgen.errors import SiteError, SourceError
from reportgen.exporting.records import encode_json
from reportgen.loading import LoggedRun, Means, Runs, load_runs
from reportgen.model import Series, Summary
from reportgen.planning import find_means
from reportgen.plots import render_plot
from reportgen.review import comparing
from reportgen.review.baseline import choose_baseline
from reportgen.review.comment import Forge, Links, render_comment, render_summary
from reportgen.review.commits import base_name, distance, read_checkout
from reportgen.review.gating import judge_loose
from reportgen.review.outcome import Changes, Review, Row
from reportgen.review.page import Curves, make_plot, make_review_page
from reportgen.review.pairing import Configuration, pair_runs
from reportgen.review.record import make_record
from reportgen.site.config import Config
from reportgen.site.pages.environment import make_environment
from reportgen.site.pages.review import PAGE
from reportgen.site.pages.single import Part, Subject
from reportgen.site.render import Renderer, SiteInfo
from reportgen.site.single import FRAME, Report, make_single
from reportgen.site.staging import explained
from reportgen.site.theme import Theme
from reportgen.sources import is_address

Progress = Callable[[str, int, int], None]
"""Called with (stage, done, total)."""
COMMENT: Final = "comment.md"
SUMMARY: Final = "summary.md"
VERDICT: Final = "verdict.json"
REPORT: Final = "report.html"
PLOTS: Final = "plots"
MAX_CURVES: Final = 8
"""Rows whose curves are drawn: those of the first table."""
MAX_RUNS: Final = 10
"""Runs of a side whose series are read for a curve."""
MAX_MB: Final = 25.0
"""Size of the report in MiB."""
MAX_ENVIRONMENTS: Final = 20
"""Configurations whose surroundings are read and compared."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for."""

    sources: tuple[str, ...]
    """Logs of the change."""
    baseline: str
    base: str | None = None
    """Branch or commit; None for that of the forge or the default branch."""
    forge: Forge = "github"
    own_id: str = ""
    """Part of the comment's hidden line, for several comments on one change."""
    site_url: str = ""
    now: float | None = None
    """UTC seconds since the epoch; None for the end of the change's last run."""


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What was found and written."""

    review: Review
    folder: Path
    comment: str
    record: Mapping[str, object]


def review_change(
    request: Request,
    out: Path,
    *,
    config: Config,
    folder: Path,
    environment: Mapping[str, str],
    means: Means,
) -> Reviewed:
    """Compare the runs of `request` with its baseline and write the files of the review into the folder `out`.

    `folder` is where git is asked; `environment` tells the base branch. Raises `SourceError` when the runs, or a
    baseline that is there, cannot be read, `ConfigError` for a gate that means nothing, `SiteError` when `out` cannot
    be written.
    """
    change = load_runs(request.sources, config=config, means=means)
    if not change:
        raise SourceError(f"no run in {', '.join(map(repr, request.sources))}: name the logs of this change's runs")
    baseline, missing = _load_baseline(request.baseline, config, means)
    review = make_review(request, change, baseline, missing, config, folder, environment)
    links = Links(_folder_address(request.site_url), config.repository_url)
    comment = render_comment(review, request.forge, links, own_id=request.own_id)
    record = make_record(review)
    files: dict[str, bytes] = {
        COMMENT: comment.encode(),
        SUMMARY: render_summary(review, links).encode(),
        VERDICT: f"{encode_json(record, indent=2)}\n".encode(),
    }
    curves = _read_curves(review, change, baseline)
    files |= _draw_plots(review, curves)
    files[REPORT] = _render_report(review, curves, config, out, means)
    _write_files(out, files)
    return Reviewed(review, out, comment, record)


def make_review(
    request: Request,
    change: Runs,
    baseline: Runs | None,
    missing: str,
    config: Config,
    folder: Path,
    environment: Mapping[str, str],
) -> Review:
    """Return what the runs of the change are worth beside those of `baseline`, None for none, as `missing` says why."""
    own = tuple(sorted(change.summaries, key=lambda run: (run.start_time, run.key)))
    base = base_name(request.base, environment)
    commits = [run.commit for run in reversed(own)]
    commits += [parent for run in reversed(own) for parent in run.commit_parents]
    checkout = read_checkout(folder, base, list(dict.fromkeys(filter(None, commits))))
    chosen = None
    if baseline is not None:
        chosen = choose_baseline(baseline.summaries, own, checkout, base, partial(distance, folder))
    if chosen is not None and not chosen.by_experiment and not chosen.others:
        same = "all of its runs are those of the change" if chosen.left_out else "it has no run"
        chosen, missing = None, f"There is no baseline yet in {_said(request.baseline)}: {same}"
    configurations = pair_runs(
        {name: each.runs for name, each in chosen.by_experiment.items()} if chosen else {},
        own,
        {name: each.earlier for name, each in chosen.by_experiment.items()} if chosen else {},
        config.review,
    )
    compared = comparing.compare_configurations(configurations, config)
    finished = {run.experiment for run in comparing.finished(own)}
    experiments = {run.experiment: run.experiment in finished for run in own}
    lost, added = comparing.find_one_sided(configurations, compared.rows)
    loose = [judge_loose(gate, experiments) for gate in comparing.unmet_gates(compared.rows, config)]
    return Review(
        baseline=chosen,
        no_baseline=missing,
        checkout=checkout,
        change=own,
        configurations=tuple(configurations),
        rows=compared.rows,
        changes=_find_changes(configurations, change, baseline, config),
        loose=tuple(loose),
        alpha=ALPHA,
        family=compared.family,
        now=max((run.last_time for run in own), default=0.0) if request.now is None else request.now,
        stale_days=config.review.stale_days,
        lost=tuple(lost),
        added=tuple(added),
        unreadable=len(change.problems),
        unreadable_baseline=0 if baseline is None else _count_loose_problems(baseline),
    )


# ---- the baseline


def _load_baseline(source: str, config: Config, means: Means) -> tuple[Runs | None, str]:
    """Return the runs of the baseline, or None and why there is none yet.

    None yet: a folder that is not there or is empty, an address where nothing was published. What is there and cannot
    be read is an error, since a gate that silently found no baseline would pass for good.
    """
    none = f"There is no baseline yet in {_said(source)}"
    if not is_address(source):
        path = Path(source)
        if not path.exists():
            return None, f"{none}: no such folder"
        if path.is_dir() and not any(path.iterdir()):
            return None, f"{none}: the folder is empty"
        return load_runs(source, config=config, means=means), ""
    from reportgen.sources.address import NotThere

    try:
        return load_runs(source, config=config, means=means), ""
    except NotThere:
        return None, f"{none}: nothing is published there"


def _count_loose_problems(runs: Runs) -> int:
    own = {problem for run in runs.summaries for problem in run.problems}
    return len(set(runs.problems) - own)


def _said(source: str) -> str:
    from reportgen.review.escaping import code

    return code(source, 200)


# ---- what else differs


def _find_changes(
    configurations: Sequence[Configuration], change: Runs, baseline: Runs | None, config: Config
) -> tuple[Changes, ...]:
    """Return changed params, and changed surroundings of the newest run on either side."""
    found: list[Changes] = []
    if baseline is None:
        return ()
    own = {run.key: run for run in change}
    theirs = {run.key: run for run in baseline}
    for configuration in configurations:
        if not configuration.baseline or not configuration.change:
            continue
        changes = comparing.compare_params(configuration, config.review.is_seed)
        if len(found) < MAX_ENVIRONMENTS:
            before = _environment(theirs[configuration.baseline[-1].key])
            after = _environment(own[configuration.change[-1].key])
            changes = replace(changes, environment=comparing.compare_environments(before, after))
        found.append(changes)
    return tuple(found)


def _environment(run: LoggedRun) -> dict[str, str]:
    noted = make_environment(run.env)
    return {} if noted is None else {**dict(noted.facts), **{f"package {name}": v for name, v in noted.packages}}


# ---- curves


def _read_curves(review: Review, change: Runs, baseline: Runs | None) -> list[Curves]:
    """Return the series of the first rows on both sides, of the newest finished runs; a single value is no curve.

    The rows of a configuration are read together, since a whole run is read, or fetched, for any of its series.
    """
    rows = [row for row in review.rows if any(_points(run, row.metric) > 1 for run in _drawn(row))][:MAX_CURVES]
    runs = {run.key: run for run in (*(baseline or ()), *change)}
    series: dict[tuple[str, str], Series] = {}
    for identity in dict.fromkeys(row.configuration.identity for row in rows):
        own = [row for row in rows if row.configuration.identity == identity]
        for run in _drawn(own[0]):
            for row in own:
                if row.metric in run.metrics:
                    series[run.key, row.metric] = runs[run.key].series(row.metric)

    def side(row: Row, several: Sequence[Summary]) -> tuple[Series, ...]:
        known = (series.get((run.key, row.metric)) for run in several)
        return tuple(own for own in known if own is not None)

    return [Curves(row, side(row, row.configuration.baseline), side(row, row.configuration.change)) for row in rows]


def _drawn(row: Row) -> list[Summary]:
    """Return the runs of both sides whose curves are drawn."""
    sides = (row.configuration.baseline, row.configuration.change)
    return [run for runs in sides for run in comparing.finished(runs)[-MAX_RUNS:]]


def _points(run: Summary, metric: str) -> int:
    found = run.metrics.get(metric)
    return 0 if found is None else found.count


def _draw_plots(review: Review, curves: Sequence[Curves]) -> dict[str, bytes]:
    """Return the plots as files of the review."""
    files: dict[str, bytes] = {}
    for each in curves:
        plot = make_plot(each, review)
        files[f"{PLOTS}/{each.name}.svg"] = render_plot(plot, "svg")
        files[f"{PLOTS}/{each.name}.png"] = render_plot(plot, "png")
    return files


# ---- the report


def _render_report(review: Review, curves: Sequence[Curves], config: Config, out: Path, means: Means) -> bytes:
    """Return the report of one file, in the look of the site."""
    with_theme = find_means(config, out / REPORT, means.cache_dir, use_cache=means.use_cache)
    renderer = Renderer(SiteInfo(config.title), with_theme.theme, with_theme.compiled)
    page = make_review_page(review, curves, config.repository_url)
    files = _Files(with_theme.theme, {PAGE: renderer.render("review.html", page, path=PAGE)})
    report = Report(Subject("a change", ""), (Part("review", PAGE, "review", "Review"),), (), texts=False)
    return make_single(report, files, partial(renderer.render, "single.html", path=FRAME), max_mb=MAX_MB)


class _Files:
    """The pages and the assets of which the report is made."""

    def __init__(self, theme: Theme, pages: Mapping[str, bytes]) -> None:
        self._theme, self._pages = theme, pages
        self._names = {path: name for name, path in theme.assets.items()}

    def read(self, path: str) -> bytes | None:
        """Return the bytes of a file, None when there is none."""
        if path in self._pages:
            return self._pages[path]
        name = self._names.get(path)
        return None if name is None else self._theme.read_asset(name)

    def size(self, path: str) -> int | None:
        """Return the size of a file in bytes, None when there is none."""
        content = self.read(path)
        return None if content is None else len(content)


# ---- files


def _folder_address(address: str) -> str:
    """Return the address of a site's folder, whatever page of it was given."""
    if not address:
        return ""
    return address.rpartition("/")[0] + "/" if address.endswith(".html") else address.rstrip("/") + "/"


def _write_files(out: Path, files: Mapping[str, bytes]) -> None:
    """Put the files of a review in place, each whole; plots of an earlier one go."""
    if out.exists() and not out.is_dir():
        raise SiteError(f"'{out}' is not a folder: name one for the files of the review")
    with explained("write", str(out), remedy="mend that and run the command again"):
        (out / PLOTS).mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            target = out / name
            staged = target.with_name(f"{target.name}.{os.getpid()}.part")
            try:
                staged.write_bytes(content)
                staged.replace(target)
            finally:
                staged.unlink(missing_ok=True)
        for old in (out / PLOTS).iterdir():
            if f"{PLOTS}/{old.name}" not in files and old.suffix in (".svg", ".png"):
                old.unlink()

"""The page of one run: everything it shows, worked out, in the order in which the template writes it.

A function of the run, its parent and children, and the configuration alone: nothing here may depend on other runs, on
the time of the build or on the place of the site, since the page is kept while those change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from markupsafe import Markup

from reportgen.analysis.selection import is_system
from reportgen.formats import short_key
from reportgen.model import Input, ModelVersion, ParamValue, Problem, Relative, Run, Session, Summary
from reportgen.prose import render_markdown
from reportgen.site import urls
from reportgen.site.config import Config, MetricConfig
from reportgen.site.forge import commit_address
from reportgen.site.pages.artifacts import Excerpt, Previews, make_excerpt, make_previews
from reportgen.site.pages.columns import cut_text
from reportgen.site.pages.curves import CurvesSection
from reportgen.site.pages.environment import Environment, make_environment
from reportgen.site.pages.metric_charts import ChartSection, make_chart_sections, split_of
from reportgen.site.pages.reproduce import make_reproduction
from reportgen.site.sparks import render_spark
from reportgen.site.text import column_decimals, format_count, format_number, format_size, full_digits
from reportgen.sources.summarise import series_in_tables

MAX_HEADLINES: Final = 4
MAX_CHILDREN_IN_FACTS: Final = 3
"""With more children the facts give their number and a section lists them."""
MAX_NAN_SENTENCES: Final = 5
_TEXT_HEAD: Final = 20
_TEXT_TAIL: Final = 60


@dataclass(frozen=True, slots=True)
class RunLink:
    """Another run's page."""

    name: str
    page: str
    """Site path."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A number as the page writes it."""

    text: str
    full: str = ""
    """All digits, for hovering."""


@dataclass(frozen=True, slots=True)
class Headline:
    """The value of a metric that matters most."""

    metric: str
    title: str
    direction: str | None
    unit: str
    value: Shown
    said: str
    """Which value it is and where: `best, at step 199`."""


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """One metric in the summary table."""

    metric: str
    unit: str
    direction: str | None
    spark: Markup
    first: Shown
    min: Shown
    max: Shown
    last: Shown
    best: Shown | None
    """None for a metric without a direction."""
    best_step: int | None
    points: int
    said: str
    """What a reader must know of the numbers: `mean of 2 ranks`; empty when they are of rank 0."""


@dataclass(frozen=True, slots=True)
class OutputText:
    """Captured output of one stream."""

    stream: str
    excerpt: Excerpt


@dataclass(frozen=True, slots=True)
class RailItem:
    """An entry of the section rail."""

    id: str
    title: str
    inner: tuple[tuple[str, str], ...] = ()
    """(fragment, title) of what stands in the section."""


@dataclass(frozen=True, slots=True)
class RunPage:
    """What `run.html` gets."""

    summary: Summary
    """Facts: name, experiment, status, error, times, branch, dirty, user, group, tags, params, problems, models."""
    experiment_page: str
    """Site path."""
    record: str
    """Site path of the run's record."""
    commit_url: str
    """Web address of the commit, empty when the configuration names no repository or the commit is no hash."""
    parent: RunLink | None
    parent_id: str
    """The parent's run id when it is not in the site, else empty."""
    children: tuple[RunLink, ...]
    few_children: bool
    """Whether the children are few enough to stand among the facts."""
    sessions: tuple[Session, ...]
    """All sessions when there is more than one of a rank, else empty."""
    rail: tuple[RailItem, ...]
    headlines: tuple[Headline, ...]
    not_finite: tuple[str, ...]
    """Sentences on metrics that are NaN or infinite."""
    sections: tuple[ChartSection, ...]
    curves: CurvesSection
    """What the script that draws the charts has to know beside the charts themselves; `more` are those left out."""
    charts_said: str
    numbers_said: str
    """Whose numbers they are in a run of several ranks; empty otherwise."""
    """What the bands in the charts are, empty when there is none."""
    rows: tuple[SummaryRow, ...]
    params: tuple[tuple[str, ParamValue], ...]
    notes: tuple[Markup, ...]
    corrected: tuple[str, ...]
    """What was corrected after the run, a clause each; the record does not show it."""
    reproduction: str
    """Commands that run this again; empty when the code is not known."""
    files: Previews
    """The artifacts."""
    files_said: str
    """How many artifacts there are and how large: `6 files, 22.4 MB`; empty when there is none."""
    inputs: tuple[Input, ...]
    models: tuple[ModelVersion, ...]
    environment: Environment | None
    texts: tuple[OutputText, ...]
    problems: tuple[Problem, ...]
    unknown_events: int
    redacted: int


def make_run_page(
    run: Run,
    *,
    parent: Relative | None,
    children: Sequence[Relative],
    config: Config,
    artifact_files: Mapping[str, str],
) -> RunPage:
    """Return the page of `run`; `artifact_files` gives for an artifact's path its file on this machine."""
    summary = run.summary
    sections, left_out = make_chart_sections(run, config)
    size = format_size(sum(a.size_bytes for a in run.artifacts))
    most_ranks = max(map(len, run.series.values()), default=1)
    many_sessions = len({s.session for s in run.sessions}) > 1
    page = RunPage(
        summary=summary,
        experiment_page=urls.experiment_page(summary.experiment),
        record=urls.record(summary.key),
        commit_url=commit_address(config.repository_url, summary.commit),
        parent=_run_link(parent) if parent else None,
        parent_id="" if parent else summary.parent_id,
        children=tuple(map(_run_link, children)),
        few_children=len(children) <= MAX_CHILDREN_IN_FACTS,
        sessions=run.sessions if many_sessions else (),
        rail=(),
        headlines=_make_headlines(summary, config),
        not_finite=_say_not_finite(run),
        sections=sections,
        curves=CurvesSection((short_key(summary.key),), more=left_out),
        charts_said=f"with the range of {format_count(most_ranks, 'rank')}" if most_ranks > 1 else "",
        numbers_said=_say_of_ranks(summary) if most_ranks > 1 else "",
        rows=tuple(_make_row(metric, run, config.metric(metric)) for metric in sorted(summary.metrics, key=is_system)),
        params=tuple(summary.params.items()),
        notes=tuple(render_markdown(note) for note in run.notes),
        corrected=tuple(_iter_corrections(run)),
        reproduction=make_reproduction(run.code),
        files=make_previews(run.artifacts, artifact_files),
        files_said=f"{format_count(len(run.artifacts), 'file')}, {size}" if run.artifacts else "",
        inputs=summary.inputs,
        models=summary.models,
        environment=make_environment(run.env),
        texts=_make_texts(run),
        problems=summary.problems,
        unknown_events=run.unknown_events,
        redacted=run.redacted,
    )
    return replace(page, rail=tuple(_iter_rail(page)))


def _iter_rail(page: RunPage) -> Iterator[RailItem]:
    """Yield the sections that the page has, in its order."""
    if page.headlines:
        yield RailItem("results", "Results")
    if page.sections:
        first = page.sections[0]
        charts = [(c.id, c.title) for c in (*first.main, *first.minor)]
        groups = [(s.id, "System" if s.folded else s.name) for s in page.sections if s.name]
        yield RailItem("metrics", "Metrics", (*(charts[:6] if not first.name else ()), *groups[:10]))
    rest = (
        ("summary", "Summary", page.rows),
        ("children", "Child runs", page.children if not page.few_children else ()),
        ("params", "Parameters", page.params),
        ("notes", "Notes", page.notes),
        ("tags", "Tags", page.summary.tags or page.corrected),
        ("reproduce", "Reproduce", page.reproduction),
        ("artifacts", "Artifacts", page.files_said),
        ("inputs", "Data sets", page.inputs),
        ("models", "Models", page.models),
        ("environment", "Environment", page.environment or page.texts or page.sessions),
        ("problems", "Problems", page.problems),
    )
    yield from (RailItem(fragment, title) for fragment, title, content in rest if content)
    yield RailItem("record", "Record")


def _iter_corrections(run: Run) -> Iterator[str]:
    """Yield what `reportgen edit` changed."""
    if run.edit is None:
        return
    for name, text in run.edit.tags.items():
        logged = run.logged_tags.get(name)
        was = "" if logged is None else f", logged as “{cut_text(logged)}”"
        if text is None and logged is None:
            continue
        yield f"the tag {cut_text(name)} was {'taken away' if text is None else 'set'}{was}"
    if run.edit.note:
        yield "the first note was added"


def _run_link(relative: Relative) -> RunLink:
    return RunLink(relative.name, urls.run_page(relative.key, relative.name))


# ---- numbers


def _make_headlines(summary: Summary, config: Config) -> tuple[Headline, ...]:
    """Return the declared headline metrics, else those with a direction, validation before training."""
    declared = [m for m in config.experiment(summary.experiment).headline if m in summary.metrics]
    directed = [m for m in summary.metrics if config.metric(m).direction]
    evaluated = {split_of(m)[0] for m in directed if split_of(m)[1] not in ("train", "")}
    chosen = declared or sorted(
        (m for m in directed if split_of(m)[1] not in ("train", "") or split_of(m)[0] not in evaluated),
        key=lambda m: split_of(m)[1] in ("train", ""),
    )
    found = (_make_headline(m, summary, config.metric(m)) for m in chosen[:MAX_HEADLINES])
    return tuple(h for h in found if h is not None)


def _make_headline(metric: str, summary: Summary, about: MetricConfig) -> Headline | None:
    numbers = summary.metrics[metric]
    which = about.summary or ("best" if about.direction else "last")
    value = numbers.value(which, about.direction)
    if value is None:
        return None
    step = numbers.step_of(which, about.direction)
    said = f"{which}, at step {format_number(step)}" if step is not None else which
    decimals = column_decimals([numbers.min, numbers.max, numbers.last])
    if numbers.count == numbers.ranks:
        said = f"only value, at step {format_number(numbers.last_step)}"
    elif which in ("best", "min", "max") and numbers.last != value:
        said += f"; last {format_number(numbers.last, decimals)}"
    title = about.title or metric
    return Headline(metric, title, about.direction, about.unit, _shown(value, decimals), said)


def _say_of_ranks(summary: Summary) -> str:
    of_rank_0 = [numbers.of_rank_0 for numbers in summary.metrics.values()]
    if all(of_rank_0):
        return "of rank 0"
    return "of rank 0, or the mean over the ranks" if any(of_rank_0) else "means over the ranks"


def _make_row(metric: str, run: Run, about: MetricConfig) -> SummaryRow:
    numbers = run.summary.metrics[metric]
    decimals = column_decimals([numbers.first, numbers.min, numbers.max, numbers.last])
    best = numbers.value("best", about.direction) if about.direction else None
    return SummaryRow(
        metric=metric,
        unit=about.unit,
        direction=about.direction,
        spark=render_spark(numbers.spark),
        first=_shown(numbers.first, decimals),
        min=_shown(numbers.min, decimals),
        max=_shown(numbers.max, decimals),
        last=_shown(numbers.last, decimals),
        best=_shown(best, decimals) if about.direction else None,
        best_step=numbers.step_of("best", about.direction) if best is not None else None,
        points=numbers.count,
        said="" if numbers.of_rank_0 else f"mean of {format_count(numbers.ranks, 'rank')}",
    )


def _shown(value: float | None, decimals: int) -> Shown:
    text = format_number(value, decimals)
    full = full_digits(value)
    return Shown(text, "" if full == text else full)


def _say_not_finite(run: Run) -> tuple[str, ...]:
    """Say of each metric with NaN or infinite values since when: `train/loss is NaN from step 44`."""
    said = []
    for metric, numbers in run.summary.metrics.items():
        if not numbers.non_finite:
            continue
        after = _first_after(run, metric, numbers.last_finite_step)
        if numbers.last_finite_step is None:
            said.append(f"{metric} is {format_number(numbers.last)} at every step")
        elif after is not None:
            said.append(f"{metric} is {format_number(numbers.last)} from step {format_number(after)}")
        else:
            are = "value that is" if numbers.non_finite == 1 else "values that are"
            said.append(f"{metric} has {format_number(numbers.non_finite)} {are} NaN or infinite")
    more = len(said) - MAX_NAN_SENTENCES
    if more > 0:
        has = "metric has" if more == 1 else "metrics have"
        said[MAX_NAN_SENTENCES:] = [f"{format_number(more)} more {has} values that are NaN or infinite"]
    return tuple(said)


def _first_after(run: Run, metric: str, last_finite_step: int | None) -> int | None:
    """Return the first step after the last finite value, None when the series ends with a finite value."""
    if last_finite_step is None:
        return None
    steps = series_in_tables(run.series[metric]).steps
    after = steps[steps > last_finite_step]
    return int(after[0]) if len(after) else None


# ---- the rest


def _make_texts(run: Run) -> tuple[OutputText, ...]:
    """Join what each stream captured and keep its beginning and end."""
    joined: dict[str, list[str]] = {}
    for text in run.texts:
        joined.setdefault(text.stream, []).append(text.text)
    return tuple(
        OutputText(stream, make_excerpt("".join(parts), head_lines=_TEXT_HEAD, tail_lines=_TEXT_TAIL))
        for stream, parts in joined.items()
        if any(parts)
    )

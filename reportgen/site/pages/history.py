"""The page of an experiment's history: what was measured at one commit after the other, and what changed.

Pure: an experiment, its histories and the configuration in, the dataclass for `experiment_history.html` out. The page
depends on no other experiment.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup

from reportgen.analysis.commits import CommitRange, RangeCommit
from reportgen.analysis.history import Change, History, MetricHistory, Observation
from reportgen.analysis.steps import LEAST
from reportgen.model import Experiment
from reportgen.site import urls
from reportgen.site.config import Config
from reportgen.site.forge import commit_address, compare_address, forge_name
from reportgen.site.histories import (
    ExperimentHistory,
    arrow_of,
    change_size,
    lies_in,
    measured_names,
    panel_id,
    section_id,
    short_commit,
    verdict_of,
)
from reportgen.site.historychart import render_history, render_history_spark
from reportgen.site.pages.columns import Value, cut_text, make_value, title_of, title_of_experiment, unit_of
from reportgen.site.text import column_decimals, format_count, format_number, iso_time

MAX_SUBJECT: Final = 72
"""Characters of a commit's subject in the data for scripts; tables show all that is known."""


@dataclass(frozen=True, slots=True)
class CommitRow:
    """One commit of the range that a change lies in."""

    commit: str
    """Its whole hash."""
    short: str
    url: str
    """Web address of the commit, or empty."""
    subject: str
    time: float | None
    value: Value
    run: str
    """Site path of the first run that measured it, or empty."""
    tint: str
    """`good` or `bad` at the new level, else empty."""
    base: bool
    """True for the last commit at the old level."""
    dirty: bool


@dataclass(frozen=True, slots=True)
class RangeTable:
    """Where the change that matters most lies."""

    title: str
    """`The regression lies in 3 commits`."""
    aside: str
    """`two of them were not measured`, or what is not known."""
    compare: str
    """Web address that compares the two commits at the ends, or empty."""
    forge: str
    """Name of the forge that compares them."""
    ends: str
    """`7d20c4e … e31b9aa`."""
    rows: tuple[CommitRow, ...]
    """Newest first."""
    advice: tuple[str, ...]
    """Short hashes of the commits to measure next."""


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One detected change."""

    kind: str
    """`Regression`, `Improvement`, `Change`."""
    verdict: str
    """`good`, `bad` or empty."""
    open: bool
    time: float
    ends: str
    """`7d20c4e … e31b9aa`, or empty when the commits are not known."""
    lies_in: str
    """`3 commits`."""
    compare: str
    subject: str
    """Subject of the commit when it is known to be just one."""
    old: Value
    new: Value
    arrow: str
    size: str
    evidence: str


@dataclass(frozen=True, slots=True)
class MetricPanel:
    """One metric: its row in the list, its chart, its changes."""

    id: str
    title: str
    unit: str
    direction: str | None
    said: str
    """What the chart shows: `img/s, higher is better; line: level between detected changes; axis starts at 4 300`."""
    spark: Markup
    arrow: str
    """Of the newest change; empty when none was found."""
    size: str
    verdict: str
    open: int
    """Regressions that have not been made good."""
    chart: Markup
    by_date: bool
    top: int
    height: int
    """Where the plot area of the chart begins, and its height, in px."""
    data: Mapping[str, Any]
    """For the script: the values as they are drawn."""
    range: RangeTable | None
    changes: tuple[ChangeRow, ...]
    """Newest first."""
    measured: int
    """Observations that have a value."""
    least: int
    """Of fewer observations no change is claimed."""


@dataclass(frozen=True, slots=True)
class HistorySection:
    """One configuration."""

    id: str
    label: str
    said: tuple[str, ...]
    """`139 commits on main`, `up to 5 runs each`."""
    observations: int
    total: int
    panels: tuple[MetricPanel, ...]
    open: int
    data: Mapping[str, Any]
    """For the script: commits, subjects, times and pages of the observations."""


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """What `experiment_history.html` shows."""

    experiment: str
    experiment_page: str
    csv: str
    open: int
    """Regressions that have not been made good, of all configurations."""
    first_time: float
    last_time: float
    one_day: bool
    sections: tuple[HistorySection, ...]
    more_configurations: int
    more_metrics: int


def make_history_page(experiment: Experiment, history: ExperimentHistory, config: Config) -> HistoryPage:
    """Return the page of `history`, which has at least one configuration."""
    histories = history.histories
    sections = tuple(_section(h, history.labels[h.key], config) for h in histories.histories)
    times = [o.time for h in histories.histories for o in h.observations]
    shown = {m.measure.metric for h in histories.histories for m in h.metrics}
    return HistoryPage(
        experiment=title_of_experiment(experiment.name),
        experiment_page=urls.experiment_page(experiment.name),
        csv=urls.history_csv(experiment.name),
        open=sum(section.open for section in sections),
        first_time=min(times),
        last_time=max(times),
        one_day=iso_time(min(times))[:10] == iso_time(max(times))[:10],
        sections=sections,
        more_configurations=histories.left_out,
        more_metrics=len(set(measured_names(experiment, config)) - shown),
    )


def _section(history: History, label: str, config: Config) -> HistorySection:
    panels = tuple(_panel(history, metric, config) for metric in history.metrics)
    return HistorySection(
        id=section_id(history),
        label=label,
        said=_said_of(history),
        observations=len(history.observations),
        total=history.total,
        panels=panels,
        open=sum(panel.open for panel in panels),
        data={
            "commits": [short_commit(o.commit) for o in history.observations],
            "subjects": [cut_text(o.subject, MAX_SUBJECT) for o in history.observations],
            "times": [round(o.time, 3) if math.isfinite(o.time) else None for o in history.observations],
            "dirty": [i for i, o in enumerate(history.observations) if o.dirty],
            "pages": [urls.run_page(o.runs[0].key, o.runs[0].name) for o in history.observations],
        },
    )


def _said_of(history: History) -> tuple[str, ...]:
    observations = history.observations
    commits = sum(bool(o.commit) for o in observations)
    branches = {run.branch for o in observations for run in o.runs if run.branch}
    where = f" on {cut_text(next(iter(branches)), 40)}" if len(branches) == 1 else ""
    if len(branches) > 1:
        where = f" on {len(branches)} branches"
    said = [format_count(commits, "commit") + where] if commits else []
    days = len(observations) - commits
    if days:
        said.append(f"{format_count(days, 'day')} without a known commit")
    most = max(len(o.runs) for o in observations)
    least = min(len(o.runs) for o in observations)
    if most > 1:
        said.append(f"{most} runs each" if most == least else f"{least} to {most} runs each")
    dirty = sum(o.dirty for o in observations)
    if dirty:
        said.append(f"{dirty} with uncommitted changes, drawn hollow")
    if history.total > len(observations):
        said.append(f"the newest {format_number(len(observations))} of {format_number(history.total)}")
    return tuple(said)


# ---- one metric


def _panel(history: History, metric: MetricHistory, config: Config) -> MetricPanel:
    name = metric.measure.metric
    known = config.metric(name)
    title, unit = title_of(name, known), unit_of(known)
    decimals = column_decimals([level.value for level in metric.levels])
    finite = [float(v) for v in metric.values if math.isfinite(v)]
    decimals = max(decimals, min(column_decimals(finite), decimals + 1))
    id_ = panel_id(history, metric)
    chart = render_history(
        metric,
        history.observations,
        unit=unit,
        decimals=decimals,
        title_id=f"{id_}-title",
        said=_describe(title, unit, metric, history.observations, decimals),
    )
    newest = metric.changes[-1] if metric.changes else None
    shown = next((c for c in reversed(metric.changes) if c.open), newest)
    said = [unit] if unit else []
    said += [f"{metric.measure.summary} of each run"] if metric.measure.summary != "last" else []
    better = {"max": "higher is better", "min": "lower is better"}.get(metric.measure.direction or "", "")
    said += [better] if better else []
    said = [", ".join(said)] if said else []
    said += ["line: level between detected changes"]
    said += [f"axis starts at {chart.starts_at}"] if chart.cut else []
    said += [f"{format_count(chart.outside, 'value')} beyond the edge"] if chart.outside else []
    return MetricPanel(
        id=id_,
        title=title,
        unit=unit,
        direction=metric.measure.direction,
        said="; ".join(said),
        spark=render_history_spark(metric),
        arrow=arrow_of(newest) if newest else "",
        size=change_size(newest, unit) if newest else "",
        verdict=verdict_of(newest),
        open=sum(change.confirmed for change in metric.open),
        chart=chart.svg,
        by_date=chart.by_date,
        top=chart.top,
        height=chart.height,
        data={
            "low": chart.low,
            "high": chart.high,
            "decimals": decimals,
            "unit": unit,
            "values": [_loose(v) for v in metric.values],
            "lows": [_loose(v) for v in metric.lows],
            "highs": [_loose(v) for v in metric.highs],
            "counts": [int(n) for n in metric.counts],
        },
        range=_range_table(shown, history, metric, config, decimals) if shown else None,
        measured=len(finite),
        least=LEAST,
        changes=tuple(_change_row(c, history.observations, unit, decimals, config) for c in reversed(metric.changes)),
    )


def _loose(value: float) -> float | None:
    return float(f"{value:.10g}") if math.isfinite(value) else None


def _describe(title: str, unit: str, metric: MetricHistory, observations: Sequence[Observation], decimals: int) -> str:
    """Say what the chart shows to those who do not see it."""
    levels = [f"{format_number(level.value, decimals)} over {level.count}" for level in metric.levels]
    unit = f" {unit}" if unit else ""
    return f"{title}{unit} at {len(observations)} points in time; levels, oldest first: {', '.join(levels)}."


# ---- changes


def _ends(change: Change, observations: Sequence[Observation]) -> tuple[str, str]:
    return observations[change.before].commit, observations[change.after].commit


def _change_row(
    change: Change, observations: Sequence[Observation], unit: str, decimals: int, config: Config
) -> ChangeRow:
    before, after = _ends(change, observations)
    counted = lies_in(change)
    return ChangeRow(
        kind=change.kind.capitalize(),
        verdict=verdict_of(change),
        open=change.open,
        time=observations[change.after].time,
        ends=f"{short_commit(before)} … {short_commit(after)}" if before and after else "",
        lies_in=counted,
        compare=compare_address(config.repository_url, before, after),
        subject=observations[change.after].subject if counted == "1 commit" else "",
        old=make_value(change.old, decimals),
        new=make_value(change.new, decimals),
        arrow=arrow_of(change),
        size=change_size(change, unit),
        evidence=_evidence(change),
    )


def _evidence(change: Change) -> str:
    """Say what the change rests on: how often either level was measured, and how large it is beside the noise."""
    if not change.confirmed:
        return "one measurement so far"
    counts = f"{change.count_before} before, {change.count_after} after"
    if change.deviations is None:
        return f"{counts}; no other variation"
    times = f"{change.deviations:.1f}" if change.deviations < 10 else f"{change.deviations:,.0f}".replace(",", "\u202f")
    return f"{counts}; {times} × the usual deviation"


def _range_table(
    change: Change, history: History, metric: MetricHistory, config: Config, decimals: int
) -> RangeTable | None:
    found = change.range
    if found is None:
        return None
    what = {"regression": "The regression", "improvement": "The improvement"}.get(change.kind, "The change")
    before, after = _ends(change, history.observations)
    unmeasured = [short_commit(c.commit) for c in found.unmeasured]
    return RangeTable(
        title=f"{what} lies in {lies_in(change) or 'several commits'}"
        if found.whole or found.count > 1
        else f"{what} lies between two measured commits",
        aside=_aside(found, len(unmeasured)),
        compare=compare_address(config.repository_url, before, after),
        forge=forge_name(config.repository_url),
        ends=f"{short_commit(before)} … {short_commit(after)}",
        rows=tuple(_commit_row(c, found, change, history, metric, config, decimals) for c in found.commits),
        advice=tuple(unmeasured[:3]) if len(unmeasured) <= 3 else (unmeasured[len(unmeasured) // 2],),
    )


_NUMBERS: Final = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def _aside(found: CommitRange, unmeasured: int) -> str:
    if not found.whole and found.count == 1:
        return "whether there are commits between them is not known"
    if found.whole:
        words = _NUMBERS[unmeasured] if unmeasured < len(_NUMBERS) else format_number(unmeasured)
        were = "was" if unmeasured == 1 else "were"
        return f"{words} of them {were} not measured" if unmeasured else ""
    return f"{format_count(unmeasured, 'known commit')} not measured, and there may be more"


def _commit_row(
    found: RangeCommit,
    range_: CommitRange,
    change: Change,
    history: History,
    metric: MetricHistory,
    config: Config,
    decimals: int,
) -> CommitRow:
    base = found is range_.commits[-1]
    i = found.observation
    value = float(metric.values[i]) if i is not None else math.nan
    observation = history.observations[i] if i is not None else None
    run = observation.runs[0] if observation else None
    return CommitRow(
        commit=found.commit,
        short=short_commit(found.commit),
        url=commit_address(config.repository_url, found.commit),
        subject=found.subject,
        time=found.time,
        value=make_value(value if math.isfinite(value) else None, decimals),
        run=urls.run_page(run.key, run.name) if run else "",
        tint=verdict_of(change) if i == change.after else "",
        base=base,
        dirty=bool(observation and observation.dirty),
    )

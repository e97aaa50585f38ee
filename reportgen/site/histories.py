"""What a site knows of the history of each experiment: which metrics are looked at, and the few facts that pages about
many experiments and the feed need of it.

`HistoryFacts` is a function of one experiment and the configuration, small, and plain data: a site may keep it and
make the overview and the feed again without a look at the runs of experiments that have not changed.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from reportgen.analysis.groups import finite_value, make_groups
from reportgen.analysis.history import Change, Histories, History, Measure, MetricHistory, make_histories
from reportgen.analysis.selection import is_system, rivals
from reportgen.formats import short_key
from reportgen.model import Experiment, Summary
from reportgen.site import urls
from reportgen.site.config import Config
from reportgen.site.data.typed import NO_PATH, SiteLink, SitePath
from reportgen.site.pages.columns import (
    cut_text,
    group_label,
    headline_of,
    leading_metric,
    name_of,
    summary_name,
    title_of,
    title_of_experiment,
    unit_of,
)
from reportgen.site.text import MINUS, column_decimals, format_number, iso_time

MAX_METRICS: Final = 8
"""Metrics whose history is shown."""
MAX_ENTRIES: Final = 100
"""Entries that an experiment gives to the feed, and that the feed has in all: the newest."""
SPARK: Final = 40
"""Points of the curve in the overview."""
_NAMESPACE: Final = uuid.UUID("6f2c6b0e-5a53-5d0c-9a55-0a6d8c1f3c7b")
"""Under which the ids of entries are made."""


@dataclass(frozen=True, slots=True)
class ExperimentHistory:
    """All that is known of an experiment's history."""

    histories: Histories
    labels: Mapping[str, str]
    """History key -> name of the configuration."""
    facts: HistoryFacts


def make_history(experiment: Experiment, config: Config) -> ExperimentHistory:
    """Return the history of one experiment, a function of its runs and the configuration."""
    histories = histories_of(experiment, config)
    labels = make_labels(experiment, histories)
    return ExperimentHistory(histories, labels, make_facts(experiment, histories, labels, config))


# ---- which histories


def histories_of(experiment: Experiment, config: Config, *, only: Sequence[str] | None = None) -> Histories:
    """Return the histories of an experiment: of its headline metrics, and of those that have a direction.

    With `only`, of these metrics instead.
    """
    names = measured_names(experiment, config)[:MAX_METRICS] if only is None else only
    return make_histories(
        experiment.runs,
        [_measure(name, config) for name in names],
        groups=experiment.groups,
        branches=config.history_branches,
        threshold=config.history_threshold,
    )


def measured_names(experiment: Experiment, config: Config) -> tuple[str, ...]:
    """Return the metrics that have a history: headline metrics first, then others with a direction as they appear."""
    headline = headline_of(experiment, config)
    directed = (m for m in experiment.metric_names if config.metric(m).direction and not is_system(m))
    return tuple(dict.fromkeys((*headline, *directed)))


def _measure(name: str, config: Config) -> Measure:
    known = config.metric(name)
    return Measure(name, summary_name(known), known.direction)


def make_labels(experiment: Experiment, histories: Histories) -> Mapping[str, str]:
    """Return history key -> name of its configuration."""
    groups = {group.key: group for group in make_groups(experiment)} if len(histories.histories) > 1 else {}
    return {h.key: _label(h, groups) for h in histories.histories}


def _label(history: History, groups: Mapping[str, Any]) -> str:
    if history.kind == "name":
        return cut_text(history.key.strip()) or "unnamed"
    if history.kind == "all":
        return "runs without parameters"
    return group_label(groups[history.key]) if history.key in groups else "one configuration"


def section_id(history: History) -> str:
    """Return the fragment of a configuration on the page of the histories; it stays when others come and go."""
    return f"c-{short_key(history.key)}"


def panel_id(history: History, metric: MetricHistory) -> str:
    """Return the fragment of one metric of a configuration."""
    return f"m-{short_key(f'{history.key} {metric.measure.metric}')}"


# ---- in words


def change_size(change: Change, unit: str) -> str:
    """Return the size of a change without its sign: `6.1 %`; in points (`0.73 pt`) of what is measured in percent."""
    part = change.part
    if unit == "%" or part is None:
        size = abs(change.new - change.old)
        digits = f"{size:.2g}" if 0.001 <= size < 10 else format_number(size)
        return f"{digits} pt" if unit == "%" else digits
    percent = abs(part) * 100
    digits = f"{percent:.2g}" if percent < 0.95 else f"{percent:,.1f}" if percent < 1000 else f"{percent:,.0f}"
    return f"{digits} %".replace(",", "\u202f")


def arrow_of(change: Change) -> str:
    """Return `▲` or `▼`: where the values went, whatever that means."""
    return "▲" if change.new > change.old else "▼"


def verdict_of(change: Change | None) -> str:
    """Return `good`, `bad`, or empty where nothing says which is better."""
    return {"regression": "bad", "improvement": "good"}.get(change.kind, "") if change else ""


def short_commit(commit: str) -> str:
    """Return the beginning of a hash, by which people name a commit."""
    return commit[:7]


def lies_in(change: Change) -> str:
    """Return how many commits a change lies in, as far as that is known: `1 commit`, `at least 2 commits`."""
    found = change.range
    if found is None:
        return ""
    words = f"{found.count} commit{'s' * (found.count != 1)}"
    return words if found.whole else f"at least {words}" if found.count > 1 else ""


# ---- facts


@dataclass(frozen=True, slots=True)
class ChangeFact:
    """One change, as pages about many experiments tell of it."""

    metric: str
    """Title of the metric."""
    configuration: str
    """Name of the configuration, empty where the experiment has the history of one."""
    page: SiteLink
    """Site path with the fragment of the metric."""
    kind: str
    """`regression`, `improvement` or `change`."""
    size: str
    """`▼ 6.1 %`."""
    old: str
    new: str
    """Levels as the pages write them, with the unit."""
    before: str
    """Commit of the last observation at the old level, empty when not known."""
    after: str
    lies_in: str
    """How many commits it lies in, empty when not known."""
    time: float
    """When the first commit at the new level was made."""
    confirmed: bool


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """One entry of the feed."""

    id: str
    """A URN that is the same in every build."""
    title: str
    summary: str
    page: SiteLink
    """Site path, with a fragment where there is one."""
    time: float
    """When the run that it tells of logged its last line, UTC seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class HistoryFacts:
    """What the overview, the home page and the feed know of one experiment. Plain data: lists and texts and numbers."""

    experiment: str
    """Name, as links show it."""
    page: SitePath
    """Site path of the page of its history, empty when it has none."""
    observations: int
    """Observations of the configuration that was observed most."""
    configurations: int
    metric: str
    """Title of the first metric, whose curve `spark` is."""
    direction: str | None
    spark: tuple[int, ...]
    """Heights 0…63 of the newest observations, −1 for none."""
    last_time: float
    """Time of the newest observation."""
    newest: ChangeFact | None
    """The newest change of the first configuration, of any metric."""
    open: tuple[ChangeFact, ...]
    """Regressions that have not been made good, newest first."""
    entries: tuple[FeedEntry, ...]
    """Newest first, `MAX_ENTRIES` at most."""


def make_facts(experiment: Experiment, histories: Histories, labels: Mapping[str, str], config: Config) -> HistoryFacts:
    """Return the facts of `experiment` with these histories, whose configurations have these names."""
    page = SitePath(urls.history_page(experiment.name)) if histories.histories else NO_PATH
    found = [
        (h, change, _change_fact(h, m, change, page, labels if len(labels) > 1 else {}, config))
        for h in histories.histories
        for m in h.metrics
        for change in m.changes
    ]
    first = histories.histories[0] if histories.histories else None
    leading = first.metrics[0] if first else None
    open_now = [fact for _, change, fact in found if change.open and change.confirmed]
    own = [fact for h, change, fact in found if h is first and change.confirmed]
    return HistoryFacts(
        experiment=title_of_experiment(experiment.name),
        page=page,
        observations=first.total if first else 0,
        configurations=len(histories.histories) + histories.left_out,
        metric=title_of(leading.measure.metric, config.metric(leading.measure.metric)) if leading else "",
        direction=leading.measure.direction if leading else None,
        spark=spark_heights(leading) if leading else (),
        last_time=max((h.observations[-1].time for h in histories.histories), default=0.0),
        newest=max(own, key=lambda fact: fact.time, default=None),
        open=tuple(sorted(open_now, key=lambda fact: -fact.time)),
        entries=_entries(experiment, found, config),
    )


def _change_fact(
    history: History, metric: MetricHistory, change: Change, page: str, labels: Mapping[str, str], config: Config
) -> ChangeFact:
    name = metric.measure.metric
    known = config.metric(name)
    unit, decimals = unit_of(known), column_decimals([level.value for level in metric.levels])
    old, new = (f"{format_number(v, decimals)}{f' {unit}' if unit else ''}" for v in (change.old, change.new))
    return ChangeFact(
        metric=title_of(name, known),
        configuration=labels.get(history.key, ""),
        page=SiteLink(f"{page}#{panel_id(history, metric)}"),
        kind=change.kind,
        size=f"{arrow_of(change)} {change_size(change, unit)}",
        old=old,
        new=new,
        before=history.observations[change.before].commit,
        after=history.observations[change.after].commit,
        lies_in=lies_in(change),
        time=history.observations[change.after].time,
        confirmed=change.confirmed,
    )


def spark_heights(metric: MetricHistory) -> tuple[int, ...]:
    """Return the newest values as heights, at most `SPARK` of them."""
    values = [float(v) for v in metric.values[-SPARK:]]
    finite = [v for v in values if math.isfinite(v)]
    low, span = min(finite, default=0.0), max(finite, default=0.0) - min(finite, default=0.0)
    if not math.isfinite(span):
        return ()
    return tuple(-1 if math.isnan(v) else round(63 * ((v - low) / span)) if span else 32 for v in values)


# ---- the feed


def _entries(
    experiment: Experiment, found: Iterable[tuple[History, Change, ChangeFact]], config: Config
) -> tuple[FeedEntry, ...]:
    entries = [_first_entry(experiment), *_best_entries(experiment, config)]
    entries += [_change_entry(experiment, *one) for one in found if one[1].confirmed and one[1].kind != "change"]
    dated = (entry for entry in entries if iso_time(entry.time))
    return tuple(sorted(dated, key=lambda entry: (-entry.time, entry.id))[:MAX_ENTRIES])


def _urn(*parts: str) -> str:
    text = "\0".join(parts).encode("utf-8", "surrogatepass")
    return uuid.uuid5(_NAMESPACE, text.decode("utf-8", "backslashreplace")).urn


def feed_id(site_url: str, title: str) -> str:
    """Return the id of a site's feed: that of its address, else of its title."""
    return _urn("feed", site_url or title)


def _first_entry(experiment: Experiment) -> FeedEntry:
    run, title = experiment.runs[0], title_of_experiment(experiment.name)
    said = f"The first run is {name_of(run)}" + (f", by {cut_text(run.user)}." if run.user else ".")
    page = SiteLink(urls.experiment_page(experiment.name))
    return FeedEntry(_urn("experiment", experiment.name), f"New experiment: {title}", said, page, run.last_time)


def _best_entries(experiment: Experiment, config: Config) -> list[FeedEntry]:
    """Return an entry for each run that was better than all before it, in the order in which runs ended."""
    metric = leading_metric(experiment, config)
    if metric is None:
        return []
    known = config.metric(metric)
    value_of = partial(finite_value, metric=metric, summary=summary_name(known), direction=known.direction)
    able = (run for run in rivals(experiment.runs, metric) if run.status != "unfinished")
    runs = [(run, value) for run in sorted(able, key=_ended) if (value := value_of(run)) is not None]
    decimals = column_decimals(value for _, value in runs)
    unit = unit_of(known)
    best, before, entries = math.nan, "", []
    for run, value in runs:
        if not math.isnan(best) and (value <= best if known.direction == "max" else value >= best):
            continue
        text = f"{format_number(value, decimals)}{f' {unit}' if unit else ''}"
        if before:
            title = f"New best in {title_of_experiment(experiment.name)}: {title_of(metric, known)} {text}"
            said = f"{name_of(run)} reached {text}; the best before was {before}."
            id_ = _urn("best", experiment.name, metric, run.key)
            entries.append(FeedEntry(id_, title, said, SiteLink(urls.run_page(run.key, run.name)), run.last_time))
        best, before = value, text
    return entries


def _ended(run: Summary) -> tuple[float, str]:
    return (run.last_time, run.key)


def _change_entry(experiment: Experiment, history: History, change: Change, fact: ChangeFact) -> FeedEntry:
    first, last = history.observations[change.before], history.observations[change.after]
    where = title_of_experiment(experiment.name) + (f", {fact.configuration}" if fact.configuration else "")
    title = f"{fact.kind.capitalize()} in {where}: {fact.metric} {fact.size}"
    said = f"{fact.metric} went from {fact.old} to {fact.new}".replace(MINUS, "-")
    if first.commit and last.commit:
        said += f" between {short_commit(first.commit)} and {short_commit(last.commit)}"
        said += f" ({fact.lies_in})" if fact.lies_in else ""
    said += f": {cut_text(last.subject, 100)}" if last.subject and fact.lies_in == "1 commit" else ""
    places = [o.commit or iso_time(o.time)[:10] for o in (first, last)]
    id_ = _urn(fact.kind, experiment.name, history.key, fact.page.partition("#")[2], *places)
    return FeedEntry(id_, title, f"{said}.", fact.page, min(run.last_time for run in last.runs))

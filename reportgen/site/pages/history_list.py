"""The page of all histories: open regressions first, then each experiment that has one.

Pure: the facts of the experiments in, the dataclass for `history.html` out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup

from reportgen.site.histories import ChangeFact, HistoryFacts, short_commit
from reportgen.site.sparks import render_spark


@dataclass(frozen=True, slots=True)
class ListedChange:
    """A change of an experiment among those of others."""

    experiment: str
    change: ChangeFact
    ends: str
    """`7d20c4e … e31b9aa`, empty when the commits are not known."""

    @property
    def verdict(self) -> str:
        """`good`, `bad`, or empty."""
        return {"regression": "bad", "improvement": "good"}.get(self.change.kind, "")


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One experiment that has a history."""

    experiment: str
    page: str
    observations: int
    configurations: int
    metric: str
    """Title of the metric of `spark`."""
    direction: str | None
    spark: Markup
    open: int
    """Regressions that have not been made good."""
    newest: ListedChange | None
    last_time: float


@dataclass(frozen=True, slots=True)
class HistoryListPage:
    """What `history.html` shows."""

    open: tuple[ListedChange, ...]
    """Newest first."""
    rows: tuple[HistoryRow, ...]
    """Experiments with open regressions first, then by their newest observation."""


def make_history_list_page(facts: Iterable[HistoryFacts]) -> HistoryListPage:
    """Return the page of the experiments with these facts."""
    able = [fact for fact in facts if fact.page]
    rows = sorted(able, key=lambda fact: (not fact.open, -fact.last_time, fact.experiment))
    return HistoryListPage(list_open(able), tuple(map(_row, rows)))


def list_open(facts: Iterable[HistoryFacts]) -> tuple[ListedChange, ...]:
    """Return the open regressions of all experiments, newest first."""
    found = [_listed(fact.experiment, change) for fact in facts for change in fact.open]
    return tuple(sorted(found, key=lambda row: (-row.change.time, row.experiment, row.change.page)))


def _listed(experiment: str, change: ChangeFact) -> ListedChange:
    known = change.before and change.after
    ends = f"{short_commit(change.before)} … {short_commit(change.after)}" if known else ""
    return ListedChange(experiment, change, ends)


def _row(fact: HistoryFacts) -> HistoryRow:
    return HistoryRow(
        experiment=fact.experiment,
        page=fact.page,
        observations=fact.observations,
        configurations=fact.configurations,
        metric=fact.metric,
        direction=fact.direction,
        spark=render_spark(fact.spark) if any(h >= 0 for h in fact.spark) else Markup(),
        open=len(fact.open),
        newest=_listed(fact.experiment, fact.newest) if fact.newest else None,
        last_time=fact.last_time,
    )

"""A review as Markdown: the comment on a pull request, within the limit of its forge, and the summary of a job.

Pure. Parts that may be left out are `Fold`s, filled in the order of their worth while there is room; what is left out
is said. Texts of logs come through `escaping`; `<details>` holds only words of ours outside of code.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

import reportgen
from reportgen.model import Summary
from reportgen.review import notes, wording
from reportgen.review.escaping import code, link, name
from reportgen.review.outcome import Review, Row
from reportgen.review.sparklines import LONGEST, render_blocks
from reportgen.site import urls
from reportgen.site.pages.columns import title_of_experiment
from reportgen.site.text import format_count, format_duration, format_number, format_time

Forge: TypeAlias = Literal["github", "gitlab", "bitbucket", "markdown"]
FORGES: Final = ("github", "gitlab", "bitbucket", "markdown")
MAX_ROWS: Final = 8
"""Rows of the one table that is always there."""
MAX_SENTENCES: Final = 6
"""Failed gates, and notes, that are told one by one."""
NBSP: Final = "\u00a0"
_SLACK: Final = 400
"""Characters kept for the sentence on what was left out."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a forge takes."""

    title: str
    limit: int
    """Characters."""
    html: bool
    """True where `<details>` and `<sub>` are taken; else sections have headings."""
    in_bytes: bool = False
    """True when `limit` counts bytes."""
    comments: bool = True
    """True where an HTML comment is not shown."""


DIALECTS: Final[dict[Forge, Dialect]] = {
    "github": Dialect("GitHub", 65_000, html=True),
    "gitlab": Dialect("GitLab", 990_000, html=True),
    "bitbucket": Dialect("Bitbucket", 32_000, html=False, comments=False),
    "markdown": Dialect("the comment", 65_000, html=False),
}
SUMMARY: Final = Dialect("a job summary", 1_000_000, html=True, in_bytes=True)
"""GitHub takes 1 MiB a step."""


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses that the configuration gives."""

    site: str = ""
    """Of the published site, with a slash at its end; empty for none."""
    repository: str = ""

    def commit(self, commit: str) -> str:
        """Return a commit as code, linked where the repository is known."""
        shown = code(commit[:8])
        return link(shown, f"{self.repository}/commit/{commit}") if self.repository and commit.isalnum() else shown


@dataclass(slots=True)
class Fold:
    """A part that may be left out row by row, from the end."""

    title: str
    """Words of ours."""
    what: str
    """What a row is, as in `unchanged metric`."""
    worth: int
    """Parts of lower numbers are filled first."""
    head: tuple[str, ...]
    """Lines above the rows."""
    rows: list[str]
    is_open: bool = False
    shown: int = field(default=0, init=False)


def marker(dialect: Dialect, own_id: str) -> str:
    """Return the line by which a comment is found again: the first of it, and shown nowhere."""
    text = f"reportgen review: {own_id}" if own_id else "reportgen review"
    return f"<!-- {text} -->" if dialect.comments else f"[//]: # ({text})"


def render_comment(review: Review, forge: Forge, links: Links, *, own_id: str = "") -> str:
    """Return the comment for `forge`, always within its limit."""
    dialect = DIALECTS[forge]
    writer = _Writer(review, dialect, links)
    core = [
        marker(dialect, own_id),
        f"### {wording.say_heading(review)}",
        *writer.lead(),
        *writer.table(review.rows[:MAX_ROWS]),
        *writer.links(),
    ]
    rest = review.rows[MAX_ROWS:]
    folds = [
        *writer.metrics(rest, is_open=False),
        *writer.changed(is_open=False),
        writer.runs(),
        writer.decisions(review.rows),
    ]
    return _fill(core, [fold for fold in folds if fold.rows], writer.last_line(), dialect)


def render_summary(review: Review, links: Links) -> str:
    """Return the summary of a job: the same, with more of it open."""
    writer = _Writer(review, SUMMARY, links)
    core = [f"## {wording.say_heading(review)}", *writer.lead(), *writer.table(review.rows[:50]), *writer.links()]
    folds = [
        *writer.metrics(review.rows[50:], is_open=False),
        *writer.changed(is_open=True),
        writer.runs(),
        writer.decisions(review.rows),
        writer.values(review.rows),
    ]
    return _fill(core, [fold for fold in folds if fold.rows], writer.last_line(), SUMMARY)


# ---- within the limit


def _fill(core: Sequence[str], folds: Sequence[Fold], last: str, dialect: Dialect) -> str:
    """Return the parts in order, as much of the folds as there is room for."""
    size = (lambda text: len(text.encode())) if dialect.in_bytes else len
    room = dialect.limit - size("\n\n".join([*core, last])) - _SLACK
    for fold in sorted(folds, key=lambda fold: fold.worth):
        empty = size("\n".join(_render_fold(fold, dialect))) + 24
        if empty >= room:
            continue
        room -= empty
        for row in fold.rows:
            room -= size(row) + 1
            if room < 0:
                break
            fold.shown += 1
    shown = ["\n".join(_render_fold(fold, dialect)) for fold in folds if fold.shown]
    missing = [(len(fold.rows) - fold.shown, fold.what) for fold in folds if fold.shown < len(fold.rows)]
    told = ", ".join(format_count(count, what, _plural(what)) for count, what in missing)
    left_out = [f"Left out, to stay within the limit of {dialect.title}: {told}. `report.html` has all."]
    return "\n\n".join([*core, *shown, *left_out[: bool(told)], last]) + "\n"


def _plural(what: str) -> str:
    """Return several of `what`; the noun comes first in `metric of which nothing can be told`."""
    noun, of, rest = what.partition(" of ")
    return f"{noun}s{of}{rest}"


def _render_fold(fold: Fold, dialect: Dialect) -> list[str]:
    cut = f", {format_number(fold.shown)} shown" if 0 < fold.shown < len(fold.rows) else ""
    rows = [*fold.head, *fold.rows[: fold.shown]]
    if not dialect.html:
        return [f"#### {fold.title}{cut}", "", *rows]
    tag = "<details open>" if fold.is_open else "<details>"
    return [tag, f"<summary>{fold.title}{cut}</summary>", "", *rows, "", "</details>"]


# ---- parts


class _Writer:
    def __init__(self, review: Review, dialect: Dialect, links: Links) -> None:
        self._review, self._dialect, self._links = review, dialect, links
        self._several = len({row.configuration.identity for row in review.rows}) > 1
        self._base = wording.base_label(review)

    def lead(self) -> Iterator[str]:
        """Yield what stands between the heading and the table: failed gates, the worst finding, notes."""
        review = self._review
        failed = [wording.say_failed(row, judgement, review) for row, judgement in review.failed]
        if failed:
            yield _list(failed, "failed gate")
        elif review.rows and review.rows[0].verdict in ("worse", "better", "changed"):
            yield f"{wording.say_finding(review.rows[0], review)}."
        told = [*notes.iter_base_notes(review), *notes.iter_run_notes(review), *notes.iter_unjudged(review)]
        if told:
            yield _list(told, "note", "*")  # another mark, or both lists would be one

    def table(self, rows: Sequence[Row]) -> Iterator[str]:
        """Yield the table and what its signs mean."""
        if not rows:
            return
        yield "\n".join((*self._table_head(), *map(self._row, rows)))
        yield self._small(wording.say_legend(self._review, rows))

    def _table_head(self) -> tuple[str, str]:
        commit = wording.base_commit(self._review)
        base = code(self._base, in_table=True) if self._base != "baseline" else "Baseline"
        at = f" at {code(commit[:8], in_table=True)}" if commit and self._base != "baseline" else ""
        heads = ["", "Metric", *(["Configuration"] if self._several else []), f"{base}{at}", "This change"]
        heads += ["Difference", "Interval", *(["Runs"] if self._counts_differ else [])]
        heads += [self._spark_head()] if self._has_history else []
        left = 3 if self._several else 2
        marks = [":-:", *[":--"] * (left - 1), *["--:"] * 4, *([":-:"] if self._counts_differ else [])]
        marks += [":--"] if self._has_history else []
        return f"| {' | '.join(heads)} |", f"| {' | '.join(marks)} |"

    @property
    def _counts_differ(self) -> bool:
        return wording.same_counts(self._review.rows) is None

    @property
    def _has_history(self) -> bool:
        return any(len(row.history) > 1 for row in self._review.rows)

    @property
    def _spark_length(self) -> int:
        return LONGEST if not self._several else LONGEST * 2 // 3

    def _spark_head(self) -> str:
        longest = min(self._spark_length, max(len(row.history) for row in self._review.rows))
        return f"{longest} commits, then this"

    def _row(self, row: Row) -> str:
        arrow = wording.ARROWS.get(row.known.direction or "", "")
        is_loud = bool(row.failed) or row.verdict in ("worse", "better", "missing", "changed")
        strong = "**" if is_loud else ""
        claimed = "**" if row.verdict in ("worse", "better", "changed") else ""
        metric = name(row.known.title if row.known.title.strip() else row.metric, in_table=True)
        unit = f" {row.known.unit}" if row.known.unit else ""
        cells = [
            wording.row_sign(row),
            f"{strong}{metric}{strong}{f'{NBSP}{arrow}' if arrow else ''}{_plain_cell(unit)}",
            *([name(wording.label_of(row.configuration, self._review), in_table=True)] if self._several else []),
            wording.say_mean(row, row.baseline),
            f"{strong}{wording.say_mean(row, row.change)}{strong}",
            f"{claimed}{wording.say_difference(row)}{claimed}",
            wording.say_interval(row),
            *([wording.say_runs(row)] if self._counts_differ else []),
        ]
        if self._has_history:
            known = row.history[-self._spark_length :] if len(row.history) > 1 else ()
            blocks = render_blocks(known, row.change.mean).replace(" ", NBSP)
            cells.append(blocks or "–")
        return f"| {' | '.join(cells)} |"

    def _small(self, text: str) -> str:
        return f"<sub>{text}</sub>" if self._dialect.html else text

    def links(self) -> Iterator[str]:
        """Yield the links into the site."""
        if not self._links.site:
            return
        names = sorted({run.experiment for run in self._review.change})[:4]
        found = [link("Site", f"{self._links.site}{urls.HOME}")]
        found += [
            link(name(title_of_experiment(each)), f"{self._links.site}{urls.experiment_page(each)}") for each in names
        ]
        found.append(link("Compare runs", f"{self._links.site}{urls.COMPARE}"))
        yield " · ".join(found)

    def metrics(self, rows: Sequence[Row], *, is_open: bool) -> Iterator[Fold]:
        """Yield the rows that have no place in the first table: what differs, what is open, what is unchanged."""
        head = self._table_head()
        for title, what, worth, verdicts in (
            ("More metrics", "metric", 1, ("worse", "missing", "changed", "better")),
            ("Metrics of which nothing can be told", "metric of which nothing can be told", 8, ("unknown", "new")),
            ("Unchanged metrics", "unchanged metric", 9, ("same",)),
        ):
            own = [row for row in rows if (worth == 1 if row.failed else row.verdict in verdicts)]
            lines = list(map(self._row, own))
            yield Fold(f"{title} ({format_number(len(own))})", what, worth, head, lines, is_open)

    def changed(self, *, is_open: bool) -> Iterator[Fold]:
        """Yield the params and the surroundings that differ."""
        several = len(self._review.changes) > 1
        where = ["Configuration"] if several else []
        base = code(self._base, in_table=True) if self._base != "baseline" else "Baseline"
        for what, worth in (("Parameter", 2), ("Environment", 4)):
            rows: list[str] = []
            total = 0
            for changes in self._review.changes:
                total += changes.params_total
                label = [name(wording.label_of(changes.configuration, self._review), in_table=True)] if several else []
                own = changes.params if what == "Parameter" else changes.environment
                rows += [f"| {' | '.join([*label, *wording.say_changed(each)])} |" for each in own]
            head = (f"| {' | '.join([*where, what, base, 'This change'])} |", f"|{' --- |' * (3 + len(where))}")
            count = f"{format_number(len(rows))} of {format_number(total)}" if what == "Parameter" else str(len(rows))
            title = "Parameters that changed" if what == "Parameter" else "Environment that changed"
            noun = "parameter" if what == "Parameter" else "fact of the environment"
            yield Fold(f"{title} ({count})", noun, worth, head, rows, is_open)

    def runs(self) -> Fold:
        """Return the runs of both sides, and the configurations that only one side has."""
        review = self._review
        rows, new, missing = [], 0, 0
        for each in review.configurations:
            label = name(wording.label_of(each, review), in_table=True)
            new, missing = new + each.is_new, missing + each.is_missing
            said = "new" if each.is_new else "not run by the change" if each.is_missing else ""
            for runs, side in ((each.change, "This change"), (each.baseline, "Baseline")):
                shown = runs if runs is each.change or each.change else runs[:1]
                rows += [self._run_row(run, side, label, said) for run in shown]
        old = sum(len(each.baseline) for each in review.configurations)
        extra = [f"{format_count(new, 'configuration')} new"] if new and review.is_compared else []
        extra += [f"{format_number(missing)} not run"] if missing else []
        title = f"Runs ({', '.join([f'{len(review.change)} here', f'{format_number(old)} in the baseline', *extra])})"
        head = ("| Side | Configuration | Run | Status | Commit | Duration |", "| --- | --- | --- | --- | --- | --: |")
        return Fold(title, "run", 3, head, rows)

    def _run_row(self, run: Summary, side: str, label: str, said: str) -> str:
        status = run.status + (f", {said}" if said else "")
        if run.error:
            status += f": {code(run.error, 100, in_table=True)}"
        dirty = " + changes" if run.dirty else ""
        commit = f"{self._links.commit(run.commit)}{dirty}" if run.commit else "–"
        shown = code(run.name or run.run_id, in_table=True)
        duration = format_duration(run.duration_s).replace(" ", NBSP)
        return f"| {side} | {label} | {shown} | {status} | {commit} | {duration} |"

    def decisions(self, rows: Iterable[Row]) -> Fold:
        """Return how each row was decided."""
        told = []
        for row in rows:
            where = f" ({name(wording.label_of(row.configuration, self._review))})" if self._several else ""
            told.append(f"- {name(row.metric)}{where}: {'; '.join(wording.iter_reasons(row))}")
        return Fold("How this was decided", "reason", 5, (), told)

    def values(self, rows: Iterable[Row]) -> Fold:
        """Return the value of each run."""
        told = []
        for row in rows:
            decimals = wording.decimals_of(row)
            sides = [
                ", ".join(format_number(v, decimals) for v in (*side.values, *side.non_finite)) or "–"
                for side in (row.baseline, row.change)
            ]
            where = [name(wording.label_of(row.configuration, self._review), in_table=True)] if self._several else []
            told.append(f"| {' | '.join([name(row.metric, in_table=True), *where, *sides])} |")
        heads = ["Metric", *(["Configuration"] if self._several else []), "Baseline", "This change"]
        head = (f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}")
        return Fold("Values of each run", "row of values", 6, head, told)

    def last_line(self) -> str:
        """Return what was compared with what, by which version."""
        review = self._review
        base = wording.say_bases(review)
        parts = [f"Base: {base}"] if base else []
        head = review.head
        if head is not None and head.commit:
            changes = " with changes that no commit holds" if head.dirty else ""
            parts.append(f"Head: {self._links.commit(head.commit)}{changes}")
        parts.append(f"reportgen {reportgen.__version__}")
        parts.append(format_time(review.now))
        return self._small(" · ".join(parts))


def _plain_cell(text: str) -> str:
    """Return a unit, which the configuration gives: trusted, and still no end of a cell."""
    return text.replace("|", "\\|")


def _list(items: Sequence[str], what: str, mark: str = "-") -> str:
    """Return sentences as one list, cut."""
    shown = [f"{mark} {item}" for item in items[:MAX_SENTENCES]]
    more = len(items) - MAX_SENTENCES
    return "\n".join([*shown, f"{mark} and {format_count(more, f'more {what}')}"] if more > 0 else shown)

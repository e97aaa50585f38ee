"""A review as a page of the site's look: what `review.html` shows, and the curves on it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from reportgen.analysis.bands import mean_and_range
from reportgen.analysis.frames import Line
from reportgen.formats import short_key, slug
from reportgen.model import ParamValue, Series, Summary
from reportgen.plots import Plot
from reportgen.review import notes, wording
from reportgen.review.escaping import bare
from reportgen.review.outcome import Changed, Review, Row
from reportgen.review.pairing import Configuration, Identity
from reportgen.site.charts import render_chart
from reportgen.site.pages.columns import cut_text
from reportgen.site.pages.review import ReviewChange, ReviewChart, ReviewPage, ReviewRow, ReviewRun
from reportgen.site.sparks import render_strip
from reportgen.site.text import MISSING, format_param

MAX_ROWS: Final = 500
MAX_RUNS: Final = 400
"""Runs that the page lists."""
_SAID: Final = {
    "worse": "worse",
    "missing": "missing",
    "changed": "changed",
    "better": "better",
    "unknown": "cannot tell",
    "new": "new",
    "same": "no difference found",
}
_CLASSES: Final = {"worse": "worse", "missing": "worse", "better": "better", "changed": "changed", "new": ""}


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """The series of one row on both sides."""

    row: Row
    baseline: tuple[Series, ...]
    change: tuple[Series, ...]

    @property
    def name(self) -> str:
        """What its files are called: readable, and different for different rows."""
        identity = self.row.configuration.identity
        parts = (identity.experiment, identity.kind, identity.label, self.row.metric)
        return f"{slug(self.row.metric)}-{short_key(repr(parts))}"


def make_lines(curves: Curves, baseline_name: str) -> tuple[Line, ...]:
    """Return the baseline in ink and the change in the first colour: means, with bands from lowest to highest."""
    lines = []
    for several, label, slot in ((curves.baseline, baseline_name, 0), (curves.change, "this change", 1)):
        if several:
            steps, mean, low, high = mean_and_range(several)
            band = len(several) > 1
            lines.append(Line(label, steps, mean, slot, low if band else None, high if band else None))
    return tuple(lines)


def make_plot(curves: Curves, review: Review) -> Plot:
    """Return the static plot of a row."""
    row = curves.row
    label = wording.label_of(row.configuration, review) if len(review.configurations) > 1 else ""
    title = f"{row.known.title or row.metric}{f' · {label}' if label else ''}"
    name = wording.base_label(review)
    return Plot(cut_text(title, 80), row.known.unit, row.known.direction, make_lines(curves, cut_text(name, 30)))


def make_review_page(review: Review, curves: Sequence[Curves], repository: str) -> ReviewPage:
    """Return the page; `repository` is the address that commits are linked to, or empty."""
    several = len(review.configurations) > 1
    labels = {c.identity: wording.label_of(c, review) if several else "" for c in review.configurations}
    head = review.head
    bases = bare(wording.say_bases(review))
    name = wording.base_label(review)
    where = "" if name == "baseline" else f"{name}: "
    base = f"Compared with {where}{bases}." if bases else ""
    changes = " with changes that no commit holds" if head is not None and head.dirty else ""
    return ReviewPage(
        heading=wording.say_heading(review),
        is_bad=bool(review.errors or review.count("worse") or review.count("missing")),
        failed=tuple(bare(wording.say_failed(row, judgement, review)) for row, judgement in review.failed),
        notes=tuple(
            map(bare, (*notes.iter_base_notes(review), *notes.iter_run_notes(review), *notes.iter_unjudged(review)))
        ),
        base=base or "There is nothing to compare with.",
        head=f"This change: commit {head.commit[:8]}{changes}." if head is not None and head.commit else "",
        baseline_name=name,
        several=several,
        rows=tuple(_make_row(row, labels[row.configuration.identity]) for row in review.rows[:MAX_ROWS]),
        legend=wording.say_legend(review, review.rows),
        charts=tuple(_make_chart(each, i, labels, name) for i, each in enumerate(curves)),
        params=_changes(review, labels, environment=False),
        params_total=sum(changes.params_total for changes in review.changes),
        environment=_changes(review, labels, environment=True),
        runs=tuple(_runs(review, labels, repository))[:MAX_RUNS],
    )


def _make_row(row: Row, label: str) -> ReviewRow:
    values = (*row.baseline.values, *row.change.values)
    strips = (Markup(), Markup())
    if values:
        domain = (min(values), max(values))
        first, second = (
            render_strip(
                side.values, domain=domain, mean=side.mean, slot=slot, lower_is_better=row.known.direction == "min"
            )
            if side.values
            else Markup()
            for side, slot in ((row.baseline, 0), (row.change, 1))
        )
        strips = (first, second)
    verdict = "worse" if row.failed else _CLASSES.get(row.verdict, "within")
    return ReviewRow(
        sign=wording.row_sign(row),
        said="gate failed" if row.failed else _SAID[row.verdict],
        verdict=verdict,
        metric=cut_text(row.known.title.strip() or row.metric, 80) or "unnamed",
        direction=row.known.direction,
        about=", ".join(filter(None, (row.value_of, row.known.unit))),
        configuration=cut_text(label, 80),
        baseline=wording.say_side(row, row.baseline),
        change=wording.say_side(row, row.change),
        strips=strips,
        difference=wording.say_difference(row),
        interval=wording.say_interval(row),
        runs=wording.say_runs(row),
        reasons=tuple(map(bare, wording.iter_reasons(row))),
    )


def _make_chart(curves: Curves, index: int, labels: Mapping[Identity, str], baseline_name: str) -> ReviewChart:
    row, fragment = curves.row, f"chart-{index + 1}"
    lines = make_lines(curves, cut_text(baseline_name, 30))
    said = ", ".join(filter(None, (row.known.unit, cut_text(labels[row.configuration.identity], 60))))
    description = f"{wording.say_side(row, row.baseline)} before, {wording.say_side(row, row.change)} now"
    svg = render_chart(lines, title_id=fragment, description=description)
    return ReviewChart(fragment, cut_text(row.known.title or row.metric, 80), said, row.known.direction, svg)


def _changes(review: Review, labels: Mapping[Identity, str], *, environment: bool) -> tuple[ReviewChange, ...]:
    return tuple(
        ReviewChange(
            cut_text(labels[changes.configuration.identity], 80),
            cut_text(each.name, 80),
            _values(each.baseline),
            _values(each.change),
        )
        for changes in review.changes
        for each in _of(changes.environment if environment else changes.params)
    )


def _of(changed: Sequence[Changed]) -> Sequence[Changed]:
    return changed[:MAX_ROWS]


def _values(values: Sequence[ParamValue]) -> str:
    return ", ".join(cut_text(format_param(value), 120) for value in values) or MISSING


def _runs(review: Review, labels: Mapping[Identity, str], repository: str) -> list[ReviewRun]:
    found = []
    for each in review.configurations:
        for runs, side in ((each.change, "This change"), (each.baseline, "Baseline")):
            found += [_make_run(run, side, each, labels, repository) for run in runs]
    return found


def _make_run(
    run: Summary, side: str, configuration: Configuration, labels: Mapping[Identity, str], repository: str
) -> ReviewRun:
    return ReviewRun(
        side=side,
        configuration=cut_text(labels[configuration.identity], 80),
        name=cut_text(run.name or run.run_id, 80),
        status=run.status,
        error=cut_text(run.error, 200),
        commit=run.commit[:8],
        address=f"{repository}/commit/{run.commit}" if repository and run.commit.isalnum() else "",
        dirty=bool(run.dirty),
        duration_s=run.duration_s,
    )

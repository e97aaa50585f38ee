"""A comparison as one table: a row for each thing in which the runs differ, a column for each run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from reportgen.cli.cells import ARROWS, BEST, GONE
from reportgen.cli.printing import printable
from reportgen.cli.tables import (
    Cell,
    Column,
    Fit,
    Look,
    Screen,
    cut_end,
    display_width,
    escape_markdown,
    fit_columns,
    markdown_table,
    pad,
    render_table,
)
from reportgen.exporting.comparison import Sides
from reportgen.site.pages.compare import Delta, MetricRow
from reportgen.site.text import MINUS, THIN_SPACE

METRICS: Final = 60
"""Metrics of a table; --format json has all."""
LABEL: Final = 16
NARROWEST: Final = 16
"""Widths to which the names of the rows, and the cells of a run, may be cut."""
_LEGEND: Final = (
    "▲▼ above, below the first run; ≈ no further apart than two runs of one configuration; * best of these runs"
)
_LOOKS: Final[dict[str, Look]] = {"better": "good", "worse": "bad", "within": "faint"}
_KEPT: Final = ("Duration", "User", "Group", "Processes")
"""Facts of the site's comparison that no other row has."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its name, and a cell for each run; the title of a part of the table has no cells."""

    label: str
    cells: tuple[Cell, ...] = ()


def make_rows(sides: Sides) -> list[Row]:
    """Return the rows of a comparison: metrics, those that differ first; then what else differs."""
    metrics = sorted(sides.metrics, key=lambda row: not _differs(row))[:METRICS]
    page = sides.page
    facts = [row for row in page.facts if row.name in _KEPT and len(set(row.cells)) > 1]
    status = [f"{run.status}: {run.error}" if run.error else run.status for run in page.runs]
    parts: list[tuple[str, list[Row]]] = [
        ("Metrics", _metric_rows(metrics)),
        ("Params", [Row(row.name, tuple(_text(text) for text, _ in row.cells)) for row in page.different]),
        ("Tags", [Row(row.name, tuple(map(_text, row.cells))) for row in sides.tags]),
        ("Code", [Row(row.name, tuple(map(_text, row.cells))) for row in sides.code]),
        ("Environment", [Row(row.name, tuple(map(_text, row.cells))) for row in sides.environment]),
        (
            "Run",
            [
                *([Row("status", tuple(map(_text, status)))] if len(set(status)) > 1 else []),
                *(Row(row.name.lower(), tuple(map(_text, row.cells))) for row in facts),
            ],
        ),
    ]
    rows: list[Row] = []
    for title, own in parts:
        rows += [Row(title), *own] if own else []
    return rows


def _differs(row: MetricRow) -> bool:
    return len({value.full or value.text for value, _ in row.cells}) > 1


def _text(text: str | None) -> Cell:
    return Cell(printable(text)) if text else GONE


def _metric_rows(metrics: Sequence[MetricRow]) -> list[Row]:
    if not metrics:
        return []
    numbers = [[_plain(value.text) + (BEST if value.best else " ") for value, _ in row.cells] for row in metrics]
    widths = [max(map(display_width, column)) for column in zip(*numbers, strict=True)]
    rows = []
    for metric, own in zip(metrics, numbers, strict=True):
        column = metric.column
        about = " ".join(filter(None, (column.summary, ARROWS.get(column.direction or "", ""))))
        label = f"{column.title} {about}{f', {column.unit}' if column.unit else ''}"
        cells = []
        for text, width, (value, delta) in zip(own, widths, metric.cells, strict=True):
            look: Look = "strong" if value.best else _LOOKS.get(delta.verdict, "")
            cells.append(Cell(f"{pad(text, width, right=True)} {_said_of(delta)}".rstrip(), look))
        rows.append(Row(label, tuple(cells)))
    return rows


def _said_of(delta: Delta) -> str:
    return _plain(" ".join(filter(None, (delta.mark, delta.text))))


def _plain(text: str) -> str:
    return text.replace(MINUS, "-").replace(THIN_SPACE, ",")


# ---- the whole comparison


def render_sides(sides: Sides, screen: Screen) -> list[str]:
    """Return the lines of a comparison; runs that have no place beside the first come in further tables below."""
    rows = make_rows(sides)
    lines = screen.wrap(_claim(sides))
    waiting = list(range(1, len(sides.runs)))
    while waiting:
        count = next((n for n in range(len(waiting), 1, -1) if not _fit(sides, rows, waiting[:n], screen).left_out), 1)
        fit = _fit(sides, rows, waiting[:count], screen)
        lines += ["", *render_table(fit, screen)]
        waiting = waiting[count:]
    lines += ["", *(screen.style(line, "faint") for text in _iter_ends(sides) for line in screen.wrap(text))]
    return lines


def markdown_sides(sides: Sides) -> list[str]:
    """Return the lines of a comparison as Markdown, with all runs in one table."""
    columns = _columns(sides, make_rows(sides), range(1, len(sides.runs)))
    return [
        escape_markdown(_claim(sides)),
        "",
        *markdown_table(columns),
        "",
        *(escape_markdown(text) for text in _iter_ends(sides)),
    ]


def _fit(sides: Sides, rows: Sequence[Row], others: Sequence[int], screen: Screen) -> Fit:
    return fit_columns(_columns(sides, rows, others), screen.width)


def _columns(sides: Sides, rows: Sequence[Row], others: Iterable[int]) -> list[Column]:
    labels = [Cell(printable(row.label), "" if row.cells else "strong") for row in rows]
    columns = [Column("", labels, rank=0, least=LABEL, cut="middle")]
    for place, i in enumerate((0, *others)):
        head = sides.page.runs[i]
        about = "baseline" if i == 0 else printable(head.differs)
        cells = [row.cells[i] if row.cells else Cell("") for row in rows]
        column = Column(printable(head.name), cells, rank=min(place, 2), about=about, least=_least(rows, i))
        columns.append(column)
    return columns


def _least(rows: Sequence[Row], i: int) -> int:
    """Return the width below which the numbers of a run would be cut."""
    end = next((at for at, row in enumerate(rows) if at and not row.cells), len(rows))
    numbers = [row.cells[i].text for row in rows[1:end]] if rows and rows[0].label == "Metrics" else []
    return max([NARROWEST, *map(display_width, numbers)])


def _claim(sides: Sides) -> str:
    sentence = sides.page.sentence
    return printable(_plain(" ".join(filter(None, (sentence.claim, sentence.rest))).replace("\u00a0", " ")))


def _iter_ends(sides: Sides) -> Iterable[str]:
    """Yield what stands below: the signs, what is left out, what is the same in all runs."""
    if sides.metrics:
        yield _LEGEND
    if len(sides.metrics) > METRICS:
        yield f"{len(sides.metrics) - METRICS} more metrics: --format json has them"
    same = [name for name, _ in sides.page.same]
    parts = [f"{len(same)} params ({cut_end(printable(', '.join(same)), 60)})"] if same else []
    parts += [] if sides.code else ["code"]
    parts += [] if sides.environment else ["environment"]
    if parts:
        yield f"the same in all: {', '.join(parts)}"

"""How loaded runs show themselves: as small tables, in HTML for notebooks and as text. Pure.

The tables have no colours of their own but grey lines, so that they read in light and dark notebooks; no scripts, and
every text is escaped, since names come from logs.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from reportgen.analysis.groups import finite_value
from reportgen.analysis.selection import best_run
from reportgen.index import make_experiment
from reportgen.model import Summary
from reportgen.site.config import Config
from reportgen.site.pages.columns import cut_text, headline_of, param_text, summary_name
from reportgen.site.text import column_decimals, format_count, format_duration, format_number, format_param, format_time

HTML_ROWS: Final = 20
TEXT_ROWS: Final = 10
"""Runs that a table shows before it says how many more there are."""
MAX_PARAMS: Final = 5
MAX_METRICS: Final = 3
"""Columns of a table of runs beside the facts."""
MAX_ITEMS: Final = 30
"""Params or metrics that the table of one run shows."""

_LINE: Final = "1px solid rgba(128,128,128,.4)"
_CELL: Final = f"padding:.2em .7em .2em 0;text-align:left;vertical-align:top;border-bottom:{_LINE}"
_NUMBER: Final = _CELL.replace("left", "right", 1) + ";font-variant-numeric:tabular-nums"


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table."""

    text: str
    is_number: bool = False
    is_best: bool = False


def html_table(head: Sequence[str], rows: Sequence[Sequence[Cell]], *, above: str = "", below: str = "") -> str:
    """Return a table with the texts `above` and `below` it; everything is escaped."""
    numbers = [bool(rows) and all(row[i].is_number for row in rows) for i in range(len(head))]
    heads = "".join(
        f'<th scope="col" style="{_NUMBER if number else _CELL}">{_html(text)}</th>'
        for text, number in zip(head, numbers, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f'<td style="{_NUMBER if number else _CELL}{";font-weight:bold" if cell.is_best else ""}">'
            f"{_html(cell.text)}</td>"
            for cell, number in zip(row, numbers, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    table = (
        f'<table style="border-collapse:collapse"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'
        if rows
        else ""
    )
    texts = [f'<div style="margin:.3em 0">{_html(text)}</div>' if text else "" for text in (above, below)]
    return f'<div style="overflow-x:auto">{texts[0]}{table}{texts[1]}</div>'


def _html(text: str) -> str:
    return escape(plain(text))


def plain(text: str) -> str:
    """Return `text` on one line, without characters that move the cursor or turn the direction of writing."""
    return "".join(" " if unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Zl", "Zp") else letter for letter in text)


# ---- many runs


def runs_html(runs: Sequence[Summary], config: Config) -> str:
    """Return the table of `runs` as a notebook shows it."""
    head, rows = _make_rows(runs[:HTML_ROWS], config, several=len({run.experiment for run in runs}) > 1)
    more = len(runs) - HTML_ROWS
    return html_table(head, rows, above=count_runs(runs), below=f"and {more:,} more" if more > 0 else "")


def runs_text(runs: Sequence[Summary], config: Config) -> str:
    """Return the table of `runs` as a prompt shows it."""
    head, rows = _make_rows(runs[:TEXT_ROWS], config, several=len({run.experiment for run in runs}) > 1)
    more = len(runs) - TEXT_ROWS
    lines = [count_runs(runs), *(text_table(head, rows) if rows else ())]
    return "\n".join((*lines, f"and {more:,} more") if more > 0 else lines)


def count_runs(runs: Sequence[Summary]) -> str:
    """Return `46 runs in 5 experiments`."""
    experiments = {run.experiment for run in runs}
    runs_there = format_count(len(runs), "run")
    if len(experiments) == 1:
        return f"{runs_there} of {cut_text(plain(next(iter(experiments))))}"
    return f"{runs_there} in {format_count(len(experiments), 'experiment')}" if runs else "no runs"


def text_table(head: Sequence[str], rows: Sequence[Sequence[Cell]]) -> list[str]:
    """Return the lines of a table in aligned columns."""
    texts = [[plain(text) for text in head], *([plain(cell.text) for cell in row] for row in rows)]
    widths = [max(len(line[i]) for line in texts) for i in range(len(head))]
    right = [bool(rows) and all(row[i].is_number for row in rows) for i in range(len(head))]
    return [
        "  ".join(
            text.rjust(width) if to_right else text.ljust(width)
            for text, width, to_right in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in texts
    ]


def _make_rows(runs: Sequence[Summary], config: Config, *, several: bool) -> tuple[list[str], list[list[Cell]]]:
    """Return the head and the rows of a table of `runs`: what differs among them, and their headline metrics."""
    members = make_experiment(runs[0].experiment if runs else "", sorted(runs, key=lambda r: (r.start_time, r.key)))
    params = members.varying_params[:MAX_PARAMS]
    metrics = headline_of(members, config)[:MAX_METRICS]
    head = ["run", *(["experiment"] if several else []), "status", "started", "duration"]
    head += [cut_text(name) for name in (*params, *(value_label(metric, config) for metric in metrics))]
    columns = [metric_cells(runs, metric, config) for metric in metrics]
    rows = []
    for i, run in enumerate(runs):
        row = [Cell(cut_text(run.name))]
        if several:
            row.append(Cell(cut_text(run.experiment)))
        row += [Cell(run.status), Cell(format_time(run.start_time)), Cell(format_duration(run.duration_s))]
        row += [Cell(param_text(run.params[name]) if name in run.params else "") for name in params]
        row += [column[i] for column in columns]
        rows.append(row)
    return head, rows


def value_label(metric: str, config: Config) -> str:
    """Return what a column of values is called: `val/accuracy · max`."""
    return f"{metric} · {summary_name(config.metric(metric))}"


def metric_cells(runs: Sequence[Summary], metric: str, config: Config) -> list[Cell]:
    """Return the value of each run that tables show, the best one marked."""
    known = config.metric(metric)
    summary = summary_name(known)
    values = [run.metrics[metric].value(summary, known.direction) if metric in run.metrics else None for run in runs]
    decimals = column_decimals(values)
    best = best_run(runs, metric, summary, known.direction)
    top = finite_value(best, metric, summary, known.direction) if best is not None and len(set(values)) > 1 else None
    return [
        Cell(
            "" if value is None else format_number(value, decimals),
            is_number=True,
            is_best=top is not None and value == top,
        )
        for value in values
    ]


# ---- one run


def run_html(run: Summary, config: Config) -> str:
    """Return what a notebook shows of one run."""
    facts = [
        ("experiment", run.experiment),
        ("status", run.status + (f": {run.error}" if run.error else "")),
        ("started", format_time(run.start_time)),
        ("duration", format_duration(run.duration_s)),
        ("user", run.user),
        ("commit", run.commit[:10] + (" with uncommitted changes" if run.commit and run.dirty else "")),
        ("note", run.note),
    ]
    rows = [[Cell(name), Cell(cut_text(text, 200))] for name, text in facts if text]
    rows += [[Cell(cut_text(name)), Cell(param_text(value))] for name, value in list(run.params.items())[:MAX_ITEMS]]
    rows += [
        [Cell(cut_text(value_label(name, config))), metric_cells([run], name, config)[0]]
        for name in list(run.metrics)[:MAX_ITEMS]
    ]
    more = sum(max(0, len(each) - MAX_ITEMS) for each in (run.params, run.metrics))
    return html_table(
        ["run", cut_text(run.name)], rows, below=f"and {more:,} more params and metrics" if more else run.run_id
    )


def value_text(value: str | float | bool | None) -> str:
    """Return a param as tables write it."""
    return cut_text(format_param(value))

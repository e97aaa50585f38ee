"""All that is known of one run, as sections for a terminal or for Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from reportgen.cli.cells import ARROWS, GONE, age_of, param_cell, plain_number, spark
from reportgen.cli.printing import counted, printable
from reportgen.cli.tables import Cell, Column, Look, Section
from reportgen.loading import LoggedRun
from reportgen.model import Code, MetricSummary, Problem, Summary
from reportgen.site.config import Config
from reportgen.site.pages.columns import summary_name, title_of, unit_of
from reportgen.site.pages.environment import make_environment
from reportgen.site.text import column_decimals, format_duration, format_size, format_time

SPARK: Final = 24
"""Signs of a curve."""
_STATISTICS: Final = ("last", "min", "max", "mean", "first")


def make_profile(run: LoggedRun, config: Config, *, now: float | None, notes: bool = True) -> list[Section]:
    """Return the sections on a run; without `now` times stand alone. The run's log is read."""
    summary = run.summary
    sections = [
        Section(printable(summary.name), _pairs(_facts(summary, now))),
        Section("Metrics", _metric_columns(summary.metrics, config)),
        Section("Params", _pairs((name, param_cell(value)) for name, value in summary.params.items())),
        Section("Tags", _pairs((name, printable(value)) for name, value in summary.tags.items())),
        Section("Notes", text=run.notes.strip() if notes else "", is_markdown=True),
        Section("Data and models", _pairs(_iter_inputs(summary))),
        Section("Code", _pairs(_iter_code(run.code))),
        _environment(run),
        _artifacts(run),
        Section("Problems", text="\n".join(map(_said_of_problem, summary.problems))),
    ]
    return [section for section in sections if section.columns or section.text]


def _pairs(pairs: Iterable[tuple[str, str]]) -> tuple[Column, ...]:
    """Return two columns, names and values; nothing where there is none."""
    rows = [(printable(name), value) for name, value in pairs]
    if not rows:
        return ()
    names = Column("", [Cell(name, "faint") for name, _ in rows], rank=0, least=16, cut="middle")
    return names, Column("", [Cell(value) for _, value in rows], rank=0, least=20)


def _facts(run: Summary, now: float | None) -> Iterable[tuple[str, str]]:
    age = "" if now is None else f" ({age_of(run.start_time, now)})"
    status = f"{run.status}: {run.error}" if run.error else run.status
    processes = f", {run.ranks} processes" if run.ranks > 1 else ""
    sessions = f", {run.sessions} sessions" if run.sessions > 1 else ""
    facts = (
        ("run id", run.run_id),
        ("experiment", run.experiment),
        ("status", status),
        ("started", format_time(run.start_time) + (age if "ago" in age or "just" in age else "")),
        ("took", format_duration(run.duration_s) + processes + sessions),
        ("user", run.user),
        ("group", run.group),
        ("parent", run.parent_id),
    )
    return ((name, printable(text)) for name, text in facts if text)


def _metric_columns(metrics: Mapping[str, MetricSummary], config: Config) -> tuple[Column, ...]:
    if not metrics:
        return ()
    known = {name: config.metric(name) for name in metrics}
    titles = [printable(title_of(name, known[name])) for name in metrics]
    better = [Cell(" ".join(filter(None, (ARROWS.get(k.direction or "", ""), unit_of(k))))) for k in known.values()]
    rows = list(metrics.values())
    decimals = [column_decimals([row.value(name) for name in _STATISTICS]) for row in rows]
    columns = [
        Column("metric", list(map(Cell, titles)), rank=0, least=16, cut="middle"),
        Column("", [Cell(printable(cell.text), "faint") for cell in better], rank=5),
        Column("", _curves(rows, SPARK), rank=2, short=_curves(rows, SPARK // 3)),
    ]
    shown = [summary_name(k) for k in known.values()]
    for rank, name in zip((0, 3, 4, 7, 8), _STATISTICS, strict=True):
        cells = [_statistic(row.value(name), places, "strong" if name == own else "")
                 for row, places, own in zip(rows, decimals, shown, strict=True)]  # fmt: skip
        columns.append(Column(name, cells, rank=rank, right=True, what=name))
    best = [row.step_of(own) if own in ("min", "max") else None for row, own in zip(rows, shown, strict=True)]
    columns.append(Column("best at", [_step(step) for step in best], rank=6, right=True, what="step of the best"))
    columns.append(Column("last step", [_step(row.last_step) for row in rows], rank=9, right=True, what="last step"))
    columns.append(Column("points", [_step(row.count) for row in rows], rank=10, right=True, what="points"))
    return tuple(column for column in columns if any(cell.text.strip("– ") for cell in column.cells))


def _curves(metrics: Iterable[MetricSummary], width: int) -> list[Cell]:
    return [Cell(spark(metric.spark, width)) for metric in metrics]


def _statistic(value: float | None, decimals: int, look: Look) -> Cell:
    return GONE if value is None else Cell(plain_number(value, decimals), look)


def _step(value: int | None) -> Cell:
    return GONE if value is None else Cell(f"{value:,}")


def _iter_inputs(run: Summary) -> Iterable[tuple[str, str]]:
    for data in run.inputs:
        digest = f", {data.digest}" if data.digest else ""
        yield data.role or "data", printable(f"{data.name}{digest}{f' from {data.source}' if data.source else ''}")
    for model in run.models:
        aliases = f" ({', '.join(model.aliases)})" if model.aliases else ""
        yield "model", printable(f"{model.name} {model.version}{aliases}")


def _iter_code(code: Code) -> Iterable[tuple[str, str]]:
    changes = " with uncommitted changes" if code.dirty else ""
    facts = (
        ("commit", f"{code.commit}{changes}" if code.commit else ""),
        ("branch", code.branch),
        ("remote", code.remote),
        ("entry", code.entry),
        ("command", " ".join(code.command)),
    )
    return ((name, printable(text)) for name, text in facts if text)


def _environment(run: LoggedRun) -> Section:
    noted = make_environment(run.env)
    if noted is None:
        return Section("")
    more = f"{counted(len(noted.packages), 'package')}, in --format json" if noted.packages else ""
    facts = [(name, printable(value)) for name, value in noted.facts]
    return Section("Environment", _pairs([*facts, *([("packages", more)] if more else [])]))


def _artifacts(run: LoggedRun) -> Section:
    files = run.artifacts
    if not files:
        return Section("")
    sizes = [Cell(format_size(file.size_bytes)) for file in files]
    return Section(
        "Artifacts",
        (
            Column("", [Cell(printable(file.path)) for file in files], rank=0, least=20, cut="middle"),
            Column("", sizes, rank=1, right=True),
            Column("", [Cell(printable(file.media), "faint") for file in files], rank=2),
        ),
    )


def _said_of_problem(problem: Problem) -> str:
    line = "" if problem.line is None else f":{problem.line}"
    return printable(f"{problem.where}{line}: {problem.message}{f' ({problem.hint})' if problem.hint else ''}")

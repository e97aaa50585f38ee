"""The table of many runs: which columns are worth a place, which comes first, how values are written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from reportgen.analysis.groups import is_seed
from reportgen.cli.cells import (
    ARROWS,
    BEST,
    GONE,
    STATES,
    age_of,
    best_runs,
    metric_values,
    param_cell,
    plain_number,
    short_param_cell,
)
from reportgen.cli.printing import counted, printable
from reportgen.cli.tables import Cell, Column, Fit, Look
from reportgen.exporting.columns import Column as Values
from reportgen.index import make_experiment
from reportgen.model import Experiment, Summary
from reportgen.query.nodes import Field
from reportgen.site.config import Config
from reportgen.site.pages.columns import cut_text, headline_of, summary_name, title_of, unit_of
from reportgen.site.text import column_decimals, format_duration, iso_time

NAME: Final = 22
"""Width to which names may be cut, in their middle."""
TEXT: Final = 14
"""Width to which texts may be cut."""
LONGEST: Final = 60
"""Signs of a text that a cell shows at most."""
NAMED: Final = 4
"""Columns that are left out and named; the others are counted."""


# ---- columns that are chosen


def choose_columns(
    runs: Sequence[Summary],
    pool: Sequence[Summary],
    config: Config,
    *,
    now: float | None,
    wanted: Sequence[Field] = (),
) -> list[Column]:
    """Return the columns that tell `runs` apart: name, headline metrics, params that differ, state, age, duration.

    `pool` are all runs that were found, among which the best is marked. What `wanted` names, the fields of the filter
    and the order, comes before others of its kind. Without `now` there are times instead of ages.
    """
    if not runs:
        return []
    shown = {run.experiment for run in runs}
    experiments = _experiments([run for run in pool if run.experiment in shown])
    metrics = _by_use((metric, e) for e in experiments for metric in headline_of(e, config))
    params = _by_use((param, e) for e in experiments for param in e.varying_params)
    asked = {entity: [f.name for f in wanted if f.entity == entity] for entity in ("metric", "param")}
    metrics = _sooner(asked["metric"], metrics, {name for run in runs for name in run.metrics})
    params = _sooner(asked["param"], params, {name for run in runs for name in run.params})
    params.sort(key=is_seed)
    columns = [_name_column(runs)]
    if len(experiments) > 1:
        columns.append(_text_column("experiment", [run.experiment for run in runs], rank=2))
    columns.append(_status_column(runs))
    columns += [_metric_column(runs, pool, metric, config, rank=_rank(i, 0)) for i, metric in enumerate(metrics)]
    columns += [_param_column(runs, param, rank=_rank(i, 1)) for i, param in enumerate(params)]
    columns.append(_time_column(runs, now))
    lasted = [Cell(format_duration(run.duration_s)) for run in runs]
    columns.append(Column("took", lasted, rank=9, right=True, what="duration"))
    return columns


def _sooner(asked: Sequence[str], names: Sequence[str], known: set[str]) -> list[str]:
    """Return those of `names` that are `known`, and before them those that were `asked` for."""
    return list(dict.fromkeys(name for name in (*asked, *names) if name in known))


def _rank(i: int, kind: int) -> int:
    """Return the rank of the i-th metric (0) or param (1): one metric, two params, and so on in turn; then the rest."""
    turns = ((1, 6, 10, 13), (4, 5, 7, 11, 12, 14))[kind]
    return turns[i] if i < len(turns) else 20 + 2 * i + kind


def _experiments(runs: Sequence[Summary]) -> list[Experiment]:
    members: dict[str, list[Summary]] = {}
    for run in sorted(runs, key=lambda run: (run.start_time, run.key)):
        members.setdefault(run.experiment, []).append(run)
    return [make_experiment(name, own) for name, own in members.items()]


def _by_use(names: Iterable[tuple[str, Experiment]]) -> list[str]:
    """Return each name once, those of experiments with the most runs first, as they come where runs are as many."""
    counts: Counter[str] = Counter()
    for name, experiment in names:
        counts[name] += len(experiment.runs)
    return [name for name, _ in counts.most_common()]


def _name_column(runs: Sequence[Summary]) -> Column:
    cells = [Cell(printable(run.name.strip() or run.run_id)) for run in runs]
    return Column("run", cells, rank=0, least=NAME, cut="middle")


def _status_column(runs: Sequence[Summary]) -> Column:
    cells = [Cell(run.status, STATES[run.status][1]) for run in runs]
    return Column("status", cells, rank=3, short=[Cell(*STATES[run.status]) for run in runs], what="status")


def _time_column(runs: Sequence[Summary], now: float | None) -> Column:
    cells = [Cell(iso_time(run.start_time) if now is None else age_of(run.start_time, now)) for run in runs]
    return Column("started", cells, rank=8, right=now is not None, what="start")


def _text_column(head: str, texts: Sequence[str | None], *, rank: int) -> Column:
    cells = [GONE if text is None else Cell(printable(cut_text(text, LONGEST))) for text in texts]
    return Column(printable(head), cells, rank=rank, least=TEXT, what=head)


def _metric_column(
    runs: Sequence[Summary], pool: Sequence[Summary], metric: str, config: Config, *, rank: int
) -> Column:
    """Return the values of a metric that tables show, the best one of each experiment marked."""
    known = config.metric(metric)
    summary = summary_name(known)
    best = best_runs(pool, metric, metric_values(pool, metric, summary), known.direction)
    cells = _number_cells(runs, metric_values(runs, metric, summary), best)
    about = [f"{summary} {ARROWS.get(known.direction or '', '')}".strip(), unit_of(known)]
    said = printable(", ".join(filter(None, about)))
    title = printable(title_of(metric, known))
    return Column(title, cells, rank, about=said, right=True, what=f"metric {title}")


def _param_column(runs: Sequence[Summary], param: str, *, rank: int) -> Column:
    """Return the values of a param."""
    values = [run.params[param] for run in runs if param in run.params]
    cells = [Cell(short_param_cell(run.params[param])) if param in run.params else GONE for run in runs]
    numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    return Column(printable(param), cells, rank, right=numeric, least=0 if numeric else TEXT, what=f"param {param}")


def _number_cells(runs: Sequence[Summary], values: Sequence[float | None], best: frozenset[str]) -> list[Cell]:
    """Return numbers with the same decimals; those of failed runs do not decide how many."""
    telling = [value for run, value in zip(runs, values, strict=True) if value is not None and run.status != "failed"]
    decimals = column_decimals(telling or values)
    tail = " " if any(run.key in best for run in runs) else ""
    cells = []
    for run, value in zip(runs, values, strict=True):
        if value is None:
            cells.append(Cell(GONE.text + tail, GONE.look))
            continue
        far = run.status == "failed" and abs(value) >= 1000
        look: Look = "strong" if run.key in best else ""
        cells.append(Cell(plain_number(value, None if far else decimals) + (BEST if look else tail), look))
    return cells


# ---- columns that are named


def show_columns(
    pool: Sequence[Summary], fields: Sequence[Field], columns: Sequence[Values], config: Config, *, limit: int
) -> list[Column]:
    """Return what `--columns` names, of the first `limit` runs of `pool`, among which the best is marked.

    All columns have a place; long texts are cut.
    """
    return [_shown(pool, field, column, config, limit) for field, column in zip(fields, columns, strict=True)]


def _shown(pool: Sequence[Summary], field: Field, column: Values, config: Config, limit: int) -> Column:
    rank, head, runs = 0, printable(column.name), pool[:limit]
    if field.entity == "metric" and field.function not in ("count", "step_of_best"):
        direction = config.metric(field.name).direction
        best = best_runs(pool, field.name, column.values, direction)
        return Column(head, _number_cells(runs, column.values[:limit], best), rank, right=True)
    column = replace(column, values=column.values[:limit])
    if field.kind == "duration":
        return Column(head, [GONE if v is None else Cell(format_duration(v)) for v in column.values], rank, right=True)
    if column.kind == "time":
        return Column(head, [GONE if v is None else Cell(iso_time(v)) for v in column.values], rank)
    if column.kind in ("number", "whole"):
        write = plain_number if field.kind == "files" or field.entity == "metric" else param_cell
        return Column(head, [GONE if v is None else Cell(write(v)) for v in column.values], rank, right=True)
    if field.entity == "attribute" and field.name == "run_name":
        return replace(_name_column(runs), head=head, rank=rank)
    if field.entity == "attribute" and field.name == "run_id":
        return Column(head, [Cell(printable(run.run_id)) for run in runs], rank)
    texts = [None if value is None else str(value) for value in column.values]
    return replace(_text_column(head, texts, rank=rank), least=TEXT)


# ---- what is said below


def said_of_runs(pool: Sequence[Summary], shown: int, total: int) -> str:
    """Return how many of `total` runs were found, and how many of them are shown."""
    experiments, found = {run.experiment for run in pool}, len(pool)
    of = f" of {total:,}" if found < total else ""
    if len(experiments) == 1:
        where = f" in {printable(next(iter(experiments)))}"
    else:
        where = f" in {counted(len(experiments), 'experiment')}"
    noun = "run" if found == 1 and not of else "runs"
    more = f"; the first {shown:,} are shown, --limit 0 shows all" if shown < found else ""
    return f"{found:,}{of} {noun}{where}{more}"


def said_of_columns(fit: Fit) -> str:
    """Return which columns found no place, empty when all did."""
    names = [printable(column.what) for column in fit.left_out if column.what]
    if not names:
        return ""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"not shown: {', '.join(names[:NAMED])}{more} (--columns)"

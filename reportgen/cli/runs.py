"""`reportgen runs`: the runs of a source, found and ordered, as a table or as data."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from reportgen.cli.completion import complete_field
from reportgen.cli.printing import harmless
from reportgen.cli.reading import (
    filter_option,
    now_option,
    order_option,
    parse_now,
    print_lines,
    read_runs,
    reading_options,
    say,
    search_runs,
    sources_argument,
)

if TYPE_CHECKING:
    from reportgen.exporting.columns import Column
    from reportgen.loading import Runs
    from reportgen.query import Frame
    from reportgen.query.nodes import Field
    from reportgen.site.config import Config

FORMATS: Final = ("table", "json", "jsonl", "csv", "markdown", "parquet")
SHOWN: Final = 50
"""Runs that a table has unless another limit is given."""


@click.command(
    epilog="""\b
    Examples:
      reportgen runs
      reportgen runs runs/ --filter "max(metrics.val/accuracy) > 0.9"
      reportgen runs --order-by "metrics.val/loss" --limit 5
      reportgen runs --columns "run_name, params.lr, best(metrics.val/accuracy)"
      reportgen runs -f "status = 'failed'" --format markdown
      reportgen runs --format csv
    """
)
@sources_argument
@filter_option
@order_option
@click.option(
    "--columns",
    metavar="NAMES",
    shell_complete=complete_field,
    help='What to show, as in "run_name, params.lr, max(metrics.acc)".  [default: what tells the runs apart]',
)
@click.option(
    "-n", "--limit", type=click.IntRange(min=0), help=f"So many runs; 0 is all.  [default: {SHOWN} in tables, else all]"
)
@click.option("--format", "kind", type=click.Choice(FORMATS), default="table", help="How to write them.")
@now_option
@reading_options
def runs(
    sources: tuple[str, ...],
    filter_text: str,
    order_by: tuple[str, ...],
    columns: str | None,
    limit: int | None,
    kind: str,
    now: str | None,
    config_file: Path | None,
    jobs: int | None,
    quiet: bool,
) -> None:
    """List the runs of each SOURCE.

    A SOURCE is a folder of run logs, or a built site by folder or address. Without one, $REPORTGEN_DIR, ./runs or
    ./site is read. Filters, orders and columns are written in the filter language: docs/query.md.

    A table has the columns that fit the terminal; * marks the best value of an experiment.
    """
    moment = parse_now(now)
    if kind == "parquet" and sys.stdout.isatty():
        raise click.UsageError("Parquet is no text: write it to a file, as in --format parquet > runs.parquet")
    everything, config = read_runs(sources, config_file, jobs, quiet=quiet)
    from reportgen.query import Frame

    all_found = search_runs(everything, filter_text, order_by, now=moment, quiet=quiet)
    if limit is None:
        limit = SHOWN if kind in ("table", "markdown") else 0
    found = all_found[:limit] if limit else all_found
    pool = all_found if kind in ("table", "markdown") else found
    frame = Frame(pool.summaries, direction=lambda name: config.metric(name).direction)
    fields = _parse_columns(columns, Frame(everything.summaries), quiet=quiet) if columns else None
    if kind in ("table", "markdown"):
        wanted = _asked_for(filter_text, order_by)
        _print_table(len(found), fields, frame, config, wanted, len(everything), kind, moment, quiet)
    else:
        _print_data(found, fields, frame, config, kind)


def _parse_columns(text: str, frame: Frame, *, quiet: bool) -> list[tuple[str, Field]]:
    from reportgen.query import parse_columns, unknown_names

    fields = list(dict(parse_columns(text, frame.known)).items())
    keyed = [name for name, field in fields if field.entity in ("metric", "param", "tag")]
    for hint in unknown_names(frame, "", keyed) if not quiet else ():
        say(hint)
    return fields


def _asked_for(filter_text: str, order_by: Sequence[str]) -> list[Field]:
    from reportgen.query import parse_filter, parse_order
    from reportgen.query.nodes import iter_fields

    return [*(parse_order(key).field for key in order_by), *iter_fields(parse_filter(filter_text))]


def _print_table(
    limit: int,
    fields: Sequence[tuple[str, Field]] | None,
    frame: Frame,
    config: Config,
    wanted: Sequence[Field],
    total: int,
    kind: str,
    now: float,
    quiet: bool,
) -> None:
    from reportgen.cli import listing, tables
    from reportgen.exporting.columns import named_columns

    pool = frame.runs
    if not pool:
        if not quiet:
            print_lines([f"no run matches, of {total:,}" if total else "no runs"])
        return
    if fields is None:
        shown = listing.choose_columns(
            pool[:limit], pool, config, now=None if kind == "markdown" else now, wanted=wanted
        )
    else:
        shown = listing.show_columns(
            pool, [field for _, field in fields], named_columns(frame, fields), config, limit=limit
        )
    if kind == "markdown":
        print_lines(tables.markdown_table(shown))
        return
    screen = tables.screen_of(sys.stdout)
    fit = tables.fit_columns(shown, screen.width)
    lines = tables.render_table(fit, screen)
    if not quiet:
        said = filter(None, (listing.said_of_runs(pool, limit, total), listing.said_of_columns(fit)))
        lines += [screen.style(line, "faint") for text in said for line in screen.wrap(text)]
    print_lines(lines)


def _print_data(
    found: Runs, fields: Sequence[tuple[str, Field]] | None, frame: Frame, config: Config, kind: str
) -> None:
    from reportgen.exporting import files
    from reportgen.exporting.columns import all_columns, named_columns
    from reportgen.exporting.records import run_record
    from reportgen.site.pages.csv import runs_csv

    columns: Sequence[Column] | None = None if fields is None else named_columns(frame, fields)
    out = sys.stdout.buffer
    if kind in ("json", "jsonl"):
        records = (
            (run_record(run, config) for run in found.summaries) if columns is None else files.columns_records(columns)
        )
        out.writelines(files.encode_records(records, kind))
    elif kind == "parquet":
        out.write(files.columns_parquet(columns or all_columns(found.summaries)))
    else:
        data = files.columns_csv(columns) if columns else runs_csv(found.summaries)
        out.write(harmless(data.decode()).encode())
    out.flush()

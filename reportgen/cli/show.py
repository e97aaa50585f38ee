"""`reportgen show`: all that is known of one run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import click

from reportgen.cli.completion import complete_run
from reportgen.cli.reading import (
    now_option,
    parse_now,
    print_json,
    print_lines,
    read_runs,
    reading_options,
    source_option,
)

FORMATS: Final = ("table", "json", "markdown")


@click.command(
    epilog="""\b
    Examples:
      reportgen show mlp-256
      reportgen show best:val/accuracy@digits
      reportgen show latest -s site/ --format markdown
      reportgen show mlp-256 --format json
    """
)
@click.argument("run", shell_complete=complete_run)
@source_option
@click.option("--format", "kind", type=click.Choice(FORMATS), default="table", help="How to write it.")
@now_option
@reading_options
def show(
    run: str,
    sources: tuple[str, ...],
    kind: str,
    now: str | None,
    config_file: Path | None,
    jobs: int | None,
    quiet: bool,
) -> None:
    """Show a run: metrics with curves, params, tags, notes, code, environment, artifacts.

    RUN is an id, a name or the beginning of one; latest or latest@EXPERIMENT; best:METRIC, max:METRIC or min:METRIC,
    also with @EXPERIMENT.
    """
    moment = parse_now(now)
    runs, config = read_runs(sources, config_file, jobs, quiet=quiet)
    found = runs.run(run)
    if kind == "json":
        from reportgen.exporting.records import full_record

        print_json(full_record(found, config))
        return
    from reportgen.cli import profile, tables

    if kind == "markdown":
        print_lines(tables.markdown_sections(profile.make_profile(found, config, now=None)))
    else:
        screen = tables.screen_of(sys.stdout)
        print_lines(tables.render_sections(profile.make_profile(found, config, now=moment), screen))

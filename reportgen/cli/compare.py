"""`reportgen compare`: runs side by side."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import click

from reportgen.cli.completion import complete_run
from reportgen.cli.printing import counted, echo
from reportgen.cli.progress import ProgressLine
from reportgen.cli.reading import find_sources, print_json, print_lines, read_runs, reading_options, source_option
from reportgen.cli.workers import default_jobs, worker_pool

FORMATS: Final = ("table", "markdown", "json", "html")


@click.command(
    epilog="""\b
    Examples:
      reportgen compare mlp-256 mlp-512
      reportgen compare best:val/accuracy@digits latest@digits --format markdown
      reportgen compare mlp-256 mlp-512 --format json
      reportgen compare mlp-256 mlp-512 --format html -o comparison.html
    """
)
@click.argument("names", nargs=-1, required=True, metavar="RUN RUN...", shell_complete=complete_run)
@source_option
@click.option("--format", "kind", type=click.Choice(FORMATS), default="table", help="How to write it.")
@click.option("-o", "--output", metavar="FILE", type=click.Path(path_type=Path), help="File of --format html.")
@reading_options
def compare(
    names: tuple[str, ...],
    sources: tuple[str, ...],
    kind: str,
    output: Path | None,
    config_file: Path | None,
    jobs: int | None,
    quiet: bool,
) -> None:
    """Show runs side by side: what differs in metrics, params, tags, code and environment.

    A RUN is an id, a name or the beginning of one; latest, best:METRIC, max:METRIC or min:METRIC, each also with
    @EXPERIMENT. The first is the baseline: differences are measured against it.

    With --format html the comparison becomes one HTML file, as with `reportgen build --single-file`.
    """
    if (kind == "html") != (output is not None):
        raise click.UsageError("--format html and -o FILE go together")
    runs, config = read_runs(sources, config_file, jobs, quiet=quiet)
    chosen = list({run.key: run for run in map(runs.run, names)}.values())
    if len(chosen) < 2:
        raise click.UsageError("a comparison needs two different runs")
    if output is not None:
        from reportgen.single import Request, build_single

        request = Request(compare=tuple(run.run_id for run in chosen))
        with ProgressLine(sys.stderr) as line, worker_pool(jobs or default_jobs()) as executor:
            made = build_single(
                find_sources(sources),
                output,
                request,
                config=config,
                executor=executor,
                progress=None if quiet else line,
            )
        if not quiet:
            echo(f"{counted(made.runs, 'run')}, one file of {made.size_bytes / 2**20:.1f} MB")
            echo(made.file.resolve().as_uri())
        return
    from reportgen.exporting.comparison import compare_runs, comparison_record

    sides = compare_runs(chosen, runs.summaries, config)
    if kind == "json":
        print_json(comparison_record(sides, config))
        return
    from reportgen.cli.sides import markdown_sides, render_sides
    from reportgen.cli.tables import screen_of

    print_lines(markdown_sides(sides) if kind == "markdown" else render_sides(sides, screen_of(sys.stdout)))

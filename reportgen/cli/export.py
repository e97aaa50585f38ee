"""`reportgen export`: runs and their points as files for other programs."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from reportgen.cli.printing import counted, echo, printable
from reportgen.cli.progress import ProgressLine
from reportgen.cli.reading import (
    filter_option,
    now_option,
    parse_now,
    print_json,
    read_runs,
    reading_options,
    search_runs,
    sources_argument,
)
from reportgen.cli.results import result_option


@click.command(
    epilog="""\b
    Examples:
      reportgen export runs/ -o runs.parquet
      reportgen export site/ -o runs.csv --metrics metrics.parquet
      reportgen export -f "experiment = 'digits'" --metrics digits.jsonl
    """
)
@sources_argument
@filter_option
@click.option("-o", "--output", metavar="FILE", type=click.Path(path_type=Path), help="File of runs, one row each.")
@click.option("--metrics", metavar="FILE", type=click.Path(path_type=Path), help="File of all points, one row each.")
@now_option
@result_option
@reading_options
def export(
    sources: tuple[str, ...],
    filter_text: str,
    output: Path | None,
    metrics: Path | None,
    now: str | None,
    form: str,
    config_file: Path | None,
    jobs: int | None,
    quiet: bool,
) -> None:
    """Write the runs of each SOURCE, or their points, or both, as files.

    The ending of a file says what is written: .parquet, .csv, .json (a list) or .jsonl (a record a line). Points
    have the columns run_id, metric, rank, step, time and value. Parquet needs: pip install 'reportgen[parquet]'
    """
    if output is None and metrics is None:
        raise click.UsageError("nothing to write: name a file with -o or --metrics, such as -o runs.parquet")
    moment = parse_now(now)
    from reportgen.exporting import files

    for file in (output, metrics):
        if file is not None:
            files.format_of(file)  # before anything is read
    everything, config = read_runs(sources, config_file, jobs, quiet=quiet)
    runs = search_runs(everything, filter_text, now=moment, quiet=quiet)
    points = None
    if output is not None:
        files.write_runs(runs.summaries, output, config)
    if metrics is not None:
        with ProgressLine(sys.stderr) as line:
            points = files.write_points(runs, metrics, (lambda *_: None) if quiet else line)
    if form == "json":
        names = {"runs_file": output and str(output), "points_file": metrics and str(metrics)}
        print_json({**names, "runs": len(runs), "points": points})
    elif not quiet:
        if output is not None:
            echo(f"{printable(str(output))}: {counted(len(runs), 'run')}")
        if points is not None:
            echo(f"{printable(str(metrics))}: {counted(points, 'point')} of {counted(len(runs), 'run')}")

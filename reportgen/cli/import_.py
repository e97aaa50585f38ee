"""`reportgen import`: runs of any source as our own run logs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from reportgen.cli.common import load_configuration
from reportgen.cli.printing import counted, echo, print_problem, print_problems, printable
from reportgen.cli.progress import ProgressLine
from reportgen.cli.reading import print_json
from reportgen.cli.results import imported_record, result_option
from reportgen.cli.workers import default_jobs, worker_pool
from reportgen.errors import SiteError

if TYPE_CHECKING:
    from reportgen.importing import ImportResult

SHOWN: Final = 5
"""Runs that are named where more have the same fault."""


@click.command(
    "import",
    epilog="""\b
    Examples:
      reportgen import mlruns/ -o runs
      reportgen import wandb/ tensorboard/ -o runs
      reportgen import site/ -o runs           the logs of a site
    """,
)
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder of runs; those that are there stay as they are.",
)
@click.option(
    "--config",
    "config_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Configuration file.  [default: reportgen.toml here, else [tool.reportgen] in pyproject.toml]",
)
@click.option("-j", "--jobs", type=click.IntRange(min=1), help="Worker processes; 1 uses none.  [default: all cores]")
@result_option
@click.option("-q", "--quiet", is_flag=True, help="Print problems and errors only.")
def import_(
    sources: tuple[str, ...], output: Path, config_file: Path | None, jobs: int | None, form: str, quiet: bool
) -> None:
    """Write the runs of each SOURCE as run logs of reportgen, with their artifacts.

    A SOURCE is whatever `reportgen build` reads. The folder gets everything that a site of the same SOURCE would
    show, a folder a run, so that the logs it came from are needed no more. Values that look like secrets are replaced.

    A run that is in the folder already is skipped, so that an import can be repeated and continued. Nothing is ever
    overwritten: where the folder has another state of a run, it is named, and the command ends with 1.
    """
    config = load_configuration(config_file, None, None)
    from reportgen.importing import import_runs  # brings numpy, which --help must not wait for

    with ProgressLine(sys.stderr) as line, worker_pool(jobs or default_jobs()) as executor:
        progress = (lambda *_: None) if quiet else line
        result = import_runs(sources, output, executor=executor, progress=progress, options=config.sources)
    for notice in (notice for run in result.runs for notice in run.notices):
        print_problem(notice, lead="note")
    print_problems(result.problems, "the page of problems of a site")
    if form == "json":
        print_json(imported_record(result))
    elif not quiet:
        echo(_summary(result))
        echo(printable(str(output)))
    refused = [run for run in result.runs if run.outcome == "refused"]
    if refused:
        names = ", ".join(f"'{run.folder}'" for run in refused[:SHOWN])
        more = f" and {len(refused) - SHOWN:,} more" if len(refused) > SHOWN else ""
        raise SiteError(
            f"'{output}' has {counted(len(refused), 'run')} in another state, which was left as it is: {names}{more}."
            " Remove these folders and import again, or import into another folder"
        )


def _summary(result: ImportResult) -> str:
    written = [run for run in result.runs if run.outcome == "written"]
    parts = [f"{counted(len(written), 'run')} imported"]
    if written:
        parts.append(counted(sum(run.points for run in written), "point"))
        if files := sum(run.artifacts for run in written):
            parts.append(counted(files, "artifact"))
    if there := result.count("there"):
        parts.append(f"{there:,} there already")
    parts.append(counted(len(result.problems), "problem") if result.problems else "no problems")
    return ", ".join([*parts, f"{result.duration_s:.1f} s"])

"""`reportgen unpack`: run logs out of an archive that nobody vouches for."""

from __future__ import annotations

from pathlib import Path

import click

from reportgen.cli.printing import counted, echo, printable
from reportgen.cli.reading import print_json
from reportgen.cli.results import result_option, unpacked_record


@click.command(
    epilog="""\b
    Examples:
      reportgen unpack runs.zip -o runs
      reportgen unpack runs.zip -o runs --max-files 500 --max-mb 50
      reportgen unpack runs.zip -o runs --artifacts --format json
    """
)
@click.argument("archive", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder of runs, new or empty.",
)
@click.option("--artifacts", is_flag=True, help="Take the files that runs keep, too.")
@click.option("--max-files", type=click.IntRange(min=1), default=10_000, show_default=True, help="Files in it.")
@click.option(
    "--max-mb",
    type=click.FloatRange(min=0, min_open=True),
    default=500,
    show_default=True,
    help="Size of the archive, and of all that is taken out.",
)
@click.option(
    "--max-ratio",
    type=click.FloatRange(min=1),
    default=100,
    show_default=True,
    help="How many times its own size it may hold.",
)
@result_option
def unpack(
    archive: Path, output: Path, artifacts: bool, max_files: int, max_mb: float, max_ratio: float, form: str
) -> None:
    """Take the run logs out of ARCHIVE, a zip file that nobody vouches for, such as the upload of a fork's job.

    Nothing but run logs is taken, all of them or none. An archive with links, names that leave the folder, or more
    files, bytes or compression than allowed is refused.
    """
    from reportgen.unpacking import Limits, unpack_runs

    limits = Limits(max_files, int(max_mb * 2**20), max_ratio)
    done = unpack_runs(archive, output, artifacts=artifacts, limits=limits)
    if form == "json":
        print_json(unpacked_record(done))
        return
    parts = [counted(done.logs, "log")]
    if done.artifacts:
        parts.append(counted(done.artifacts, "artifact"))
    parts.append(f"{done.size_bytes / 2**20:,.1f} MB")
    if done.passed_over:
        parts.append(f"{counted(done.passed_over, 'file')} passed over")
    echo(", ".join(parts))
    echo(printable(str(done.folder)))

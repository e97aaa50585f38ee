"""What the commands that look at runs do alike: which runs are read, by what they are found, what is said on stderr."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from reportgen.cli.common import load_configuration
from reportgen.cli.completion import complete_filter, complete_order
from reportgen.cli.places import FOLDERS, default_sources
from reportgen.cli.printing import counted, echo, printable
from reportgen.cli.progress import ProgressLine
from reportgen.cli.workers import default_jobs, worker_pool
from reportgen.errors import QueryWarning

if TYPE_CHECKING:
    from reportgen.loading import Runs
    from reportgen.site.config import Config

_Function = TypeVar("_Function", bound=Callable[..., Any])


def reading_options(command: _Function) -> _Function:
    """Give `command` what each one that reads runs takes: `config_file`, `jobs` and `quiet`."""
    for add in reversed(
        (
            click.option(
                "--config",
                "config_file",
                metavar="FILE",
                type=click.Path(path_type=Path),
                help="Configuration file.  [default: reportgen.toml here, else [tool.reportgen] in pyproject.toml]",
            ),
            click.option(
                "-j", "--jobs", type=click.IntRange(min=1), help="Worker processes; 1 uses none.  [default: all cores]"
            ),
            click.option("-q", "--quiet", is_flag=True, help="Print no progress and no notes."),
        )
    ):
        command = add(command)
    return command


sources_argument = click.argument("sources", nargs=-1, metavar="[SOURCE]...")
source_option = click.option(
    "-s",
    "--source",
    "sources",
    multiple=True,
    metavar="SOURCE",
    help="Folder of runs, or a site by folder or address; may be repeated.  [default: $REPORTGEN_DIR, runs or site]",
)
filter_option = click.option(
    "-f",
    "--filter",
    "filter_text",
    default="",
    metavar="FILTER",
    shell_complete=complete_filter,
    help="Only runs that fulfil it, as in \"metrics.acc > 0.9 AND params.model = 'cnn'\".",
)
order_option = click.option(
    "--order-by",
    multiple=True,
    metavar="KEY",
    shell_complete=complete_order,
    help='Order, as in "metrics.acc DESC"; may be repeated.  [default: newest first]',
)
now_option = click.option(
    "--now", metavar="TIME", help="Time from which ages count, as in 2026-11-24T12:00.  [default: the clock]"
)


def find_sources(named: Sequence[str]) -> tuple[str, ...]:
    """Return the sources that are read: those that are named, else $REPORTGEN_DIR, ./runs or ./site."""
    sources = tuple(named) or default_sources()
    if not sources:
        raise click.UsageError(
            f"no runs here, neither in '{FOLDERS[0]}' nor in '{FOLDERS[1]}': name a folder of runs or a site, or set"
            " REPORTGEN_DIR"
        )
    return sources


def read_runs(
    sources: Sequence[str], config_file: Path | None, jobs: int | None, *, quiet: bool
) -> tuple[Runs, Config]:
    """Return the runs of the sources and the configuration. Problems in the data are counted on stderr."""
    wanted = find_sources(sources)
    config = load_configuration(config_file, None, None)
    from reportgen.loading import Means, load_runs  # brings numpy, which --help must not wait for

    with ProgressLine(sys.stderr) as line, worker_pool(jobs or default_jobs()) as executor:
        means = Means(executor) if quiet else Means(executor, line)
        runs = load_runs(wanted, config=config, means=means)
    if runs.problems and not quiet:
        say(f"{counted(len(runs.problems), 'problem')} in the data: a site lists them, see `reportgen build`")
    return runs, config


def search_runs(runs: Runs, text: str, order_by: Sequence[str] = (), *, now: float, quiet: bool) -> Runs:
    """Return the runs that fulfil a filter, in order. Names that no run has are told on stderr. Raises `QueryError`."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = runs.search(text, order_by=order_by, now=now)
    for warning in caught:
        if issubclass(warning.category, QueryWarning) and not quiet:
            say(str(warning.message))
    return found


def parse_now(text: str | None) -> float:
    """Return UTC seconds since the epoch: of a text such as `2026-11-24T12:00`, else of the clock."""
    if text is None:
        return time.time()
    from reportgen.query import parse_time_ms

    found = parse_time_ms(text)
    if found is None:
        raise click.BadParameter(f"'{printable(text)}' is no time: write it as 2026-11-24T12:00", param_hint="--now")
    return found / 1000


def say(text: str) -> None:
    """Print a note on stderr."""
    echo(f"note: {printable(text)}", err=True)


def print_lines(lines: Sequence[str]) -> None:
    """Print lines on stdout, none a command to a CI system; signs that its encoding has not become question marks."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")
    echo("\n".join(lines))


def print_json(data: Mapping[str, Any] | list[Any]) -> None:
    """Print the one JSON document that a command with `--format json` has on stdout."""
    from reportgen.exporting.records import encode_json

    print_lines([encode_json(data, indent=2)])

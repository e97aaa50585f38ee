"""`reportgen build`: runs to a static site."""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reportgen.cli.printing import counted, print_problem, print_problems, printable
from reportgen.cli.progress import ProgressLine
from reportgen.cli.workers import default_jobs, worker_pool
from reportgen.errors import StrictError

if TYPE_CHECKING:
    from reportgen.build import BuildResult
    from reportgen.site.config import Config


@click.command(
    epilog="""\b
    Examples:
      reportgen build                          the runs in ./runs into ./site
      reportgen build runs/ -o site --open     and show the site in the browser
      reportgen build cluster/ laptop/ -o site runs from several folders
      reportgen build site/ -o copy            a site is a source like any other
      reportgen build runs/ -o site --strict   in CI: fail when a log is damaged
    """
)
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@click.option(
    "-o", "--output", default="site", show_default=True, type=click.Path(path_type=Path), help="Folder of the site."
)
@click.option("--title", help="Title of the site, over the configuration's.")
@click.option("--theme", help="Theme, over the configuration's; `reportgen themes` lists them.")
@click.option(
    "--config",
    "config_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Configuration file.  [default: reportgen.toml here, else [tool.reportgen] in pyproject.toml]",
)
@click.option("-j", "--jobs", type=click.IntRange(min=1), help="Worker processes; 1 uses none.  [default: all cores]")
@click.option("--strict", is_flag=True, help="Exit with 1 when the data have problems, after writing the site.")
@click.option("--open", "open_site", is_flag=True, help="Open the site in the browser.")
@click.option("--no-wait", is_flag=True, help="Fail when another build writes the site, instead of waiting for it.")
@click.option("--no-cache", is_flag=True, help="Read every log again, whatever the cache knows of it.")
@click.option("-q", "--quiet", is_flag=True, help="Print problems and errors only.")
def build(
    sources: tuple[str, ...],
    output: Path,
    title: str | None,
    theme: str | None,
    config_file: Path | None,
    jobs: int | None,
    strict: bool,
    open_site: bool,
    no_wait: bool,
    no_cache: bool,
    quiet: bool,
) -> None:
    """Write the runs of each SOURCE as a static site.

    A SOURCE is a folder of run logs or a site that was built before. Without one, $REPORTGEN_DIR or ./runs is read.
    A site is brought up to date: only files that change are written, and a build that changes nothing writes nothing.

    The last line of the output is the address of the site.
    """
    sources = sources or (_default_source(),)
    config = _configuration(config_file, title, theme)
    from reportgen.build import build as build_site  # brings numpy and jinja2, which --help must not wait for

    with ProgressLine(sys.stderr) as line, worker_pool(jobs or default_jobs()) as executor:
        result = build_site(
            sources,
            output,
            config=config,
            executor=executor,
            progress=None if quiet else line,
            wait=not no_wait,
            on_wait=line.note,
            use_cache=not no_cache,
        )
    for notice in result.notices:
        print_problem(notice, lead="note")
    print_problems(result.problems, str(result.out / "problems.html"))
    address = (result.out.resolve() / "index.html").as_uri()
    if not quiet:
        click.echo(_summary(result))
        click.echo(address)
    if open_site:
        _open(address)
    if strict and result.problems:
        raise StrictError(f"{counted(len(result.problems), 'problem')} in the data, and --strict is set")


def _default_source() -> str:
    """Return the folder that is read when none is named; it must be there, or the user has yet to learn of SOURCE."""
    source = os.environ.get("REPORTGEN_DIR") or "runs"
    if not Path(source).exists():
        raise click.UsageError(
            f"no SOURCE given, and there is no '{source}' here: name the folder of your runs, as in"
            " `reportgen build path/to/runs -o site`"
        )
    return source


def _configuration(file: Path | None, title: str | None, theme: str | None) -> Config:
    from reportgen.site.config_file import load_config

    config = load_config(file, folder=Path.cwd())
    for note in config.notes:
        click.echo(f"note: {note}", err=True)
    return dataclasses.replace(config, title=title or config.title, theme=theme or config.theme)


def _summary(result: BuildResult) -> str:
    problems = counted(len(result.problems), "problem") if result.problems else "no problems"
    parts = [f"{counted(result.runs, 'run')} in {counted(result.experiments, 'experiment')}", problems]
    if result.omitted:
        parts.append(f"{counted(result.omitted, 'run')} left out")
    if result.written:
        parts.append(f"{counted(result.written, 'file')} written")
    if result.removed:
        parts.append(f"{result.removed:,} removed")
    if not result.written and not result.removed:
        parts.append("nothing changed")
    return ", ".join([*parts, f"{result.duration_s:.1f} s"])


def _open(address: str) -> None:
    import webbrowser

    if not webbrowser.open(address):
        click.echo(f"note: no browser could be started: open {printable(address)} yourself", err=True)

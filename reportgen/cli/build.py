"""`reportgen build`: runs to a static site, or to a report of one file."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reportgen.cli.additions import addition_summary, files_said
from reportgen.cli.common import build_options, default_source, load_configuration, open_address
from reportgen.cli.printing import counted, echo, print_problem, print_problems
from reportgen.cli.progress import ProgressLine
from reportgen.cli.reading import print_json
from reportgen.cli.results import built_record, result_option, single_record
from reportgen.cli.workers import default_jobs, worker_pool
from reportgen.errors import StrictError

if TYPE_CHECKING:
    from reportgen.build import BuildResult
    from reportgen.model import Problem


@click.command(
    epilog="""\b
    Examples:
      reportgen build                          the runs in ./runs into ./site
      reportgen build runs/ -o site --open     and show the site in the browser
      reportgen build cluster/ laptop/ -o site runs from several folders
      reportgen build site/ -o copy            a site is a source like any other
      reportgen build runs/ -o site --append   add these runs to those that the site holds
      reportgen build runs/ -o site --strict   in CI: fail when a log is damaged
      reportgen build runs/ --single-file report.html --experiment digits
      reportgen build site/ --single-file report.html --compare mlp-256,mlp-512
    """
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder of the site.  [default: site]")
@click.option("--append", is_flag=True, help="Keep the runs that the site holds, and add those of each SOURCE to them.")
@click.option(
    "--single-file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write no site but one HTML file, about one of the next three.",
)
@click.option("--experiment", metavar="NAME", help="An experiment with its best runs.")
@click.option("--run", metavar="RUN", help="One run: its id, its name, or how either begins.")
@click.option("--compare", metavar="RUN,RUN", help="Two or more runs side by side, and each of them.")
@click.option("--max-runs", type=click.IntRange(min=1), help="Runs of the experiment in the file.  [default: 25]")
@click.option(
    "--max-mb",
    type=click.FloatRange(min=0, min_open=True),
    help="Size of the file; what does not fit is left out, and the file says so.  [default: 25]",
)
@build_options
@click.option("--strict", is_flag=True, help="Exit with 1 when the data have problems, after writing the site.")
@click.option("--open", "open_site", is_flag=True, help="Open the site in the browser.")
@click.option("--no-wait", is_flag=True, help="Fail when another build writes the site, instead of waiting for it.")
@click.option("--no-cache", is_flag=True, help="Read every log again, whatever the cache knows of it.")
@result_option
@click.option("-q", "--quiet", is_flag=True, help="Print problems and errors only.")
def build(
    sources: tuple[str, ...],
    output: Path | None,
    append: bool,
    single_file: Path | None,
    experiment: str | None,
    run: str | None,
    compare: str | None,
    max_runs: int | None,
    max_mb: float | None,
    title: str | None,
    theme: str | None,
    config_file: Path | None,
    jobs: int | None,
    strict: bool,
    open_site: bool,
    no_wait: bool,
    no_cache: bool,
    form: str,
    quiet: bool,
) -> None:
    """Write the runs of each SOURCE as a static site.

    A SOURCE is a folder of run logs or a site that was built before. Without one, $REPORTGEN_DIR or ./runs is read.
    A site is brought up to date: only files that change are written, and a build that changes nothing writes nothing.

    With --append the site is the database: its runs stay, without their logs, and their pages are not touched. The
    result is the one that a build of all runs together gives. Only `reportgen prune` and `reportgen edit` take runs
    out of it.

    With --single-file the pages of an experiment, a run or a comparison become one HTML file that needs no other.

    The last line of the output is the address of the site or the file; --format json gives one JSON document instead.
    """
    subject = {"experiment": experiment, "run": run, "compare": compare}
    limits = {"max_runs": max_runs, "max_mb": max_mb}
    _check_options(single_file, output, subject, limits)
    if append and single_file is not None:
        raise click.UsageError("--append adds runs to a site: leave out --single-file")
    sources = sources or (default_source(),)
    config = load_configuration(config_file, title, theme)
    with ProgressLine(sys.stderr) as line, worker_pool(jobs or default_jobs()) as executor:
        shared: dict[str, Any] = {
            "config": config,
            "executor": executor,
            "progress": None if quiet else line,
            "use_cache": not no_cache,
        }
        if single_file is not None:
            made = _make_file(sources, single_file, subject, limits, shared)
        else:
            shared |= {"append": append, "wait": not no_wait, "on_wait": line.note}
            made = _make_site(sources, output or Path("site"), shared)
    for notice in made.notices:
        print_problem(notice, lead="note")
    print_problems(made.problems, made.problems_at)
    if form == "json":
        print_json(made.record)
    elif not quiet:
        echo(made.summary)
        echo(made.address)
    if open_site:
        open_address(made.address)
    if strict and made.problems:
        raise StrictError(f"{counted(len(made.problems), 'problem')} in the data, and --strict is set")


def _check_options(
    single_file: Path | None, output: Path | None, subject: Mapping[str, object], limits: Mapping[str, object]
) -> None:
    """Refuse options that say nothing together."""
    given = [name for name, value in subject.items() if value is not None]
    if single_file is None:
        for name in [*given, *(name for name, value in limits.items() if value is not None)]:
            raise click.UsageError(f"--{name.replace('_', '-')} goes with --single-file FILE, which writes one file")
    elif output is not None:
        raise click.UsageError("--single-file writes no site: leave out --output, or --single-file")
    elif len(given) != 1:
        choices = "--experiment NAME, --run RUN and --compare RUN,RUN"
        raise click.UsageError(f"--single-file goes with exactly one of {choices}")


@dataclass(frozen=True, slots=True)
class _Made:
    """What is to be told of a site or a file."""

    summary: str
    address: str
    problems: Sequence[Problem]
    problems_at: str
    """Where all of them are to be read."""
    record: Mapping[str, Any]
    """The same for programs."""
    notices: Sequence[Problem] = ()


def _make_site(sources: Sequence[str], output: Path, shared: Mapping[str, Any]) -> _Made:
    from reportgen.build import build as build_site  # brings numpy and jinja2, which --help must not wait for

    result = build_site(sources, output, **shared)
    address = (result.out.resolve() / "index.html").as_uri()
    summary = addition_summary(result) if shared["append"] else _summary(result)
    page = str(result.out / "problems.html")
    return _Made(summary, address, result.problems, page, built_record(result), result.notices)


def _make_file(
    sources: Sequence[str],
    file: Path,
    subject: Mapping[str, str | None],
    limits: Mapping[str, Any],
    shared: Mapping[str, Any],
) -> _Made:
    from reportgen.single import Request, build_single  # as heavy as the other

    compared = tuple(name.strip() for name in (subject["compare"] or "").split(","))
    request = Request(subject["experiment"], subject["run"], compared if subject["compare"] is not None else ())
    given = {name: value for name, value in limits.items() if value is not None}
    result = build_single(sources, file, request, **given, **shared)
    problems = counted(len(result.problems), "problem") if result.problems else "no problems"
    size = f"one file of {result.size_bytes / 2**20:.1f} MB"
    summary = f"{counted(result.runs, 'run')}, {problems}, {size}, {result.duration_s:.1f} s"
    address = result.file.resolve().as_uri()
    return _Made(summary, address, result.problems, str(result.file), single_record(result))


def _summary(result: BuildResult) -> str:
    problems = counted(len(result.problems), "problem") if result.problems else "no problems"
    parts = [f"{counted(result.runs, 'run')} in {counted(result.experiments, 'experiment')}", problems]
    if result.omitted:
        parts.append(f"{counted(result.omitted, 'run')} left out")
    if result.dropped:
        parts.append(f"exact points of {counted(result.dropped, 'run')} left out")
    return ", ".join([*parts, *files_said(result)])

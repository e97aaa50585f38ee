"""`reportgen prune`: old runs go from a site."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import click

from reportgen.cli.additions import addition_summary
from reportgen.cli.common import load_configuration, look_options
from reportgen.cli.printing import counted, echo, print_problem, printable
from reportgen.cli.progress import ProgressLine
from reportgen.cli.reading import filter_option, parse_now, print_json
from reportgen.cli.results import built_record, named_runs, result_option
from reportgen.cli.workers import default_jobs, worker_pool


@click.command(
    epilog="""\b
    Examples:
      reportgen prune site --keep 200                  the 200 newest runs of each experiment stay
      reportgen prune site --keep 20 --keep-days 90    so do all that ran in the last 90 days
      reportgen prune site -f "status = 'FAILED'"      failed runs go
      reportgen prune site --keep 200 --dry-run        only tell what would go
    """
)
@click.argument("site", type=click.Path(path_type=Path))
@click.option("--keep", metavar="N", type=click.IntRange(min=0), help="Keep the N newest runs of each experiment.")
@click.option(
    "--keep-days",
    metavar="D",
    type=click.FloatRange(min=0),
    help="Keep the runs whose last line is at most D days old.",
)
@filter_option
@click.option(
    "--now",
    metavar="TIME",
    help="Time from which ages count, as in 2026-11-24T12:00.  [default: the site's newest line]",
)
@click.option("--dry-run", is_flag=True, help="List the runs that would go, and change nothing.")
@look_options
@click.option("-j", "--jobs", type=click.IntRange(min=1), help="Worker processes; 1 uses none.  [default: all cores]")
@click.option("--no-wait", is_flag=True, help="Fail when another build writes the site, instead of waiting for it.")
@result_option
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
def prune(
    site: Path,
    keep: int | None,
    keep_days: float | None,
    filter_text: str,
    now: str | None,
    dry_run: bool,
    title: str | None,
    theme: str | None,
    config_file: Path | None,
    jobs: int | None,
    no_wait: bool,
    form: str,
    quiet: bool,
) -> None:
    """Let go of runs of the SITE in a folder, and of all their files.

    A run stays when --keep or --keep-days says so, or when one of its child runs stays. With --filter only runs that
    fulfil it go. Runs that are gone may be added again; `reportgen edit --forget` passes a run over for good.
    """
    if keep is None and keep_days is None and not filter_text:
        raise click.UsageError("say which runs stay with --keep or --keep-days, or which may go with --filter")
    if keep_days is not None and math.isnan(keep_days):
        raise click.BadParameter("NaN is no number of days", param_hint="--keep-days")
    config = load_configuration(config_file, title, theme)
    from reportgen.upkeep import Retention, find_pruned, prune_site  # brings numpy, which --help must not wait for

    retention = Retention(keep, keep_days, filter_text, None if now is None else parse_now(now))
    if dry_run:
        gone = find_pruned(site, retention, config=config)
        if form == "json":
            print_json({"would_go": named_runs(gone)})
            return
        for run in gone:
            echo(f"{printable(run.experiment)}/{printable(run.name)} ({printable(run.run_id)})")
        echo(f"{counted(len(gone), 'run')} would go", err=True)
        return
    with ProgressLine(sys.stderr) as line, worker_pool(jobs or default_jobs()) as executor:
        progress = None if quiet else line
        result = prune_site(
            site,
            retention,
            config=config,
            executor=executor,
            progress=progress,
            wait=not no_wait,
            on_wait=line.note,
        )
    for notice in result.notices:
        print_problem(notice, lead="note")
    if form == "json":
        print_json(built_record(result))
    elif not quiet:
        echo(addition_summary(result))

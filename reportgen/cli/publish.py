"""`reportgen publish`: a site on a branch of a git repository."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reportgen.cli.common import build_options, load_configuration
from reportgen.cli.printing import counted, echo, print_problem, print_problems, printable
from reportgen.cli.progress import ProgressLine
from reportgen.cli.reading import print_json
from reportgen.cli.results import published_record, result_option
from reportgen.cli.workers import default_jobs, worker_pool

if TYPE_CHECKING:
    from reportgen.publishing import Published


@click.command(
    epilog="""\b
    Examples:
      reportgen publish runs/                                  add runs to the site on gh-pages of origin
      reportgen publish runs/ --remote https://git.example/digits.git --branch reports
      reportgen publish runs/ --folder pr/12 --replace         a preview of these runs alone
      reportgen publish --drop 'pr/*' --spare pr/12            the end of all other previews
    """
)
@build_options
@click.option("--remote", default="origin", show_default=True, help="Remote of this repository, or an address.")
@click.option("--branch", default="gh-pages", show_default=True, help="Branch that holds the site.")
@click.option("--folder", default="", metavar="FOLDER", help="Where the site is in the branch.  [default: its top]")
@click.option("--replace", is_flag=True, help="Make the site of these runs alone, whatever it held.")
@click.option("--drop", multiple=True, metavar="PATTERN", help="Remove the sites in these folders; may be repeated.")
@click.option("--spare", multiple=True, metavar="FOLDER", help="Folder that --drop leaves alone; may be repeated.")
@click.option(
    "--previous",
    type=click.IntRange(0, 99),
    default=3,
    show_default=True,
    help="Keep so many earlier sites under refs/reportgen/previous-N.",
)
@click.option(
    "--attempts",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="How often to begin again when others publish at the same time.",
)
@click.option("--message", default="Publish reports", show_default=True, help="Message of the commit.")
@result_option
@click.option("-q", "--quiet", is_flag=True, help="Print problems and errors only.")
def publish(
    sources: tuple[str, ...],
    title: str | None,
    theme: str | None,
    config_file: Path | None,
    jobs: int | None,
    remote: str,
    branch: str,
    folder: str,
    replace: bool,
    drop: tuple[str, ...],
    spare: tuple[str, ...],
    previous: int,
    attempts: int,
    message: str,
    form: str,
    quiet: bool,
) -> None:
    """Add the runs of each SOURCE to the site on a branch of a git repository, and push it.

    Runs that the site holds stay, though their logs are gone. The branch is one commit without parents, so that the
    repository does not grow. When somebody else publishes at the same time the push is refused, and the runs are added
    to what is there then. git signs in, with what it knows; reportgen asks for no token.
    """
    config = load_configuration(config_file, title, theme)
    from reportgen.publishing import Means, Request
    from reportgen.publishing import publish as publish_site

    request = Request(sources, remote, branch, folder.strip("/"), replace, drop, spare, previous, attempts, message)
    with ProgressLine(sys.stderr) as line, worker_pool(jobs or default_jobs()) as executor:
        means = Means(config, executor, None if quiet else line, on_retry=line.note)
        done = publish_site(request, means)
    site = done.site
    for notice in site.notices if site else ():
        print_problem(notice, lead="note")
    print_problems(site.problems if site else (), f"problems.html on {branch}")
    if form == "json":
        print_json(published_record(done))
    elif not quiet:
        echo(_summary(done))


def _summary(done: Published) -> str:
    parts = []
    if done.site:
        parts.append(f"{counted(done.site.runs, 'run')} in {counted(done.site.experiments, 'experiment')}")
    if done.dropped:
        parts.append(f"{counted(len(done.dropped), 'site')} removed")
    if done.attempts > 1:
        parts.append(f"{counted(done.attempts, 'attempt')}")
    where = f"'{printable(done.branch)}' is commit {done.commit[:12]}"
    parts.append(where if done.changed else f"nothing changed, {where}")
    return ", ".join(parts)

"""`reportgen edit`: corrections of runs in a site."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from reportgen.cli.additions import addition_summary
from reportgen.cli.common import load_configuration, look_options
from reportgen.cli.printing import echo, print_problem, printable
from reportgen.cli.progress import ProgressLine
from reportgen.cli.reading import print_json
from reportgen.cli.results import built_record, named_runs, result_option
from reportgen.cli.workers import default_jobs, worker_pool


@click.command(
    epilog="""\b
    Examples:
      reportgen edit site mlp-256 --tag status=baseline
      reportgen edit site mlp-256 --note "Trained on the *old* split."
      reportgen edit site mlp-256 --remove-tag draft
      reportgen edit site mlp-256 --as-logged status
      reportgen edit site mlp-256 mlp-512 --forget
    """
)
@click.argument("site", type=click.Path(path_type=Path))
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@click.option("--tag", "tags", metavar="NAME=VALUE", multiple=True, help="Set a tag; may be repeated.")
@click.option("--remove-tag", "removed", metavar="NAME", multiple=True, help="Take a tag away; may be repeated.")
@click.option(
    "--as-logged", "undone", metavar="NAME", multiple=True, help="Show a tag as it was logged; may be repeated."
)
@click.option("--note", metavar="TEXT", help="Markdown to stand before the run's own notes; an empty text removes it.")
@click.option("--forget", is_flag=True, help="Remove the run and all of its files, and pass it over from now on.")
@look_options
@click.option("--no-wait", is_flag=True, help="Fail when another build writes the site, instead of waiting for it.")
@result_option
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
def edit(
    site: Path,
    runs: tuple[str, ...],
    tags: tuple[str, ...],
    removed: tuple[str, ...],
    undone: tuple[str, ...],
    note: str | None,
    forget: bool,
    title: str | None,
    theme: str | None,
    config_file: Path | None,
    no_wait: bool,
    form: str,
    quiet: bool,
) -> None:
    """Correct each RUN of the SITE in a folder.

    A RUN is an id, a name or the beginning of one, or the key in its address. Its record stays as it was logged; the
    correction stands in data/edits.jsonl, travels with the site, and is named on the run's page. A run that is
    forgotten leaves no name and no content, and its log is passed over if it comes again.
    """
    wanted: dict[str, str | None] = {**_parse_tags(tags), **dict.fromkeys(removed)}
    if forget and (wanted or undone or note is not None):
        raise click.UsageError("--forget leaves nothing to correct: give it alone")
    if not (forget or wanted or undone or note is not None):
        raise click.UsageError("say what to correct: --tag, --remove-tag, --as-logged, --note or --forget")
    config = load_configuration(config_file, title, theme)
    from reportgen.upkeep import Correction, edit_site  # brings numpy, which --help must not wait for

    with ProgressLine(sys.stderr) as line, worker_pool(default_jobs()) as executor:
        result, found = edit_site(
            site,
            runs,
            Correction(wanted, undone, note, forget),
            config=config,
            executor=executor,
            progress=None if quiet else line,
            wait=not no_wait,
            on_wait=line.note,
        )
    for notice in result.notices:
        print_problem(notice, lead="note")
    if form == "json":
        print_json({**built_record(result), "forgotten" if forget else "corrected": named_runs(found)})
    elif not quiet:
        for run in found:
            said = "forgotten" if forget else "corrected"
            echo(f"{said} {printable(run.experiment)}/{printable(run.name)} ({printable(run.run_id)})")
        echo(addition_summary(result))


def _parse_tags(texts: Sequence[str]) -> dict[str, str]:
    tags = {}
    for text in texts:
        name, mark, value = text.partition("=")
        if not mark or not name.strip():
            raise click.BadParameter(f"'{printable(text)}' is no NAME=VALUE", param_hint="--tag")
        tags[name.strip()] = value
    return tags

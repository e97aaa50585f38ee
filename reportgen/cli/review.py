"""`reportgen review`: a change compared with a baseline, for its pull request."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from reportgen.cli.common import load_configuration
from reportgen.cli.printing import counted, echo, harmless, printable
from reportgen.cli.progress import ProgressLine
from reportgen.cli.reading import now_option, parse_now, print_lines, reading_options
from reportgen.cli.workers import default_jobs, worker_pool

if TYPE_CHECKING:
    from reportgen.review.outcome import Review
    from reportgen.reviewing import Reviewed

# The same as in `review.comment`, which brings numpy and which --help must not wait for.
FORGES: Final = ("github", "gitlab", "bitbucket", "markdown")
FORMATS: Final = ("text", "json")
MAX_LINES: Final = 40
"""Metrics that are printed; the files have all."""
GATE_FAILED: Final = 3


def _parse_id(ctx: click.Context, param: click.Parameter, value: str) -> str:  # noqa: ARG001 - click's signature
    if value and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,60}", value):
        raise click.BadParameter("an id has letters, digits, spaces, dots, - and _ only, and at most 61 of them")
    return value


@click.command(
    epilog="""\b
    Examples:
      reportgen review runs/ --baseline https://example.org/runs/
      reportgen review runs/ --baseline site/ -o review --base main
      reportgen review runs/ --baseline ../main/runs --format json
      reportgen review runs/ --baseline site/ --forge gitlab --annotations
    """
)
@click.argument("runs", nargs=-1, metavar="[RUNS]...")
@click.option(
    "--baseline",
    required=True,
    metavar="SOURCE",
    help="What the change is compared with: a folder of runs, or a site by folder or address.",
)
@click.option(
    "-o",
    "--output",
    default="review",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Folder for the files of the review.  [default: review]",
)
@click.option(
    "--base",
    metavar="REF",
    help="Branch or commit that the change is to be merged into.  [default: the forge's variable, else origin/HEAD]",
)
@click.option(
    "--site-url",
    metavar="URL",
    help="Address of the site, for links.  [default: an https baseline, else the configuration's]",
)
@click.option(
    "--forge",
    type=click.Choice(FORGES),
    help="Whose Markdown and limits the comment keeps to.  [default: where it runs, else github]",
)
@click.option(
    "--id", "own_id", default="", metavar="NAME", callback=_parse_id, help="Marks one of several comments on a change."
)
@click.option("--format", "kind", type=click.Choice(FORMATS), default="text", help="What is printed.")
@click.option("--annotations", is_flag=True, help="Print failed gates as annotations of GitHub, too.")
@now_option
@reading_options
def review(
    runs: tuple[str, ...],
    baseline: str,
    output: Path,
    base: str | None,
    site_url: str | None,
    forge: str | None,
    own_id: str,
    kind: str,
    annotations: bool,
    now: str | None,
    config_file: Path | None,
    jobs: int | None,
    quiet: bool,
) -> None:
    """Compare the RUNS of a change with a baseline, and write what a pull request shows.

    The folder gets comment.md, summary.md, verdict.json, report.html and plots. Nothing is posted, and no token is
    needed. In a git checkout the baseline are the runs of the merge base, else of its nearest ancestor that has runs.

    Exit code 3 says that a gate of the configuration failed. Ages count to the end of the last run unless --now says
    otherwise.
    """
    sources = runs or _default_runs()
    moment = None if now is None else parse_now(now)
    config = load_configuration(config_file, None, None)
    from reportgen.loading import Means
    from reportgen.reviewing import Request, review_change
    from reportgen.sources import is_address

    address = site_url if site_url is not None else (baseline if is_address(baseline) else config.site_url)
    request = Request(
        sources=tuple(sources),
        baseline=baseline,
        base=base,
        forge=forge or _find_forge(os.environ),  # type: ignore[arg-type] # one of the choices
        own_id=own_id,
        site_url=address,
        now=moment,
    )
    with ProgressLine(sys.stderr) as line, worker_pool(jobs or default_jobs()) as executor:
        means = Means(executor) if quiet else Means(executor, line)
        made = review_change(request, output, config=config, folder=Path.cwd(), environment=os.environ, means=means)
    if kind == "json":
        from reportgen.exporting.records import encode_json

        print_lines([encode_json(dict(made.record), indent=2)])
    elif quiet:
        for text in _iter_failed(made.review):
            echo(text, err=True)
    else:
        print_lines(list(_iter_lines(made)))
    if annotations:
        for text in _iter_annotations(made.review):
            click.echo(text, err=kind == "json")
    if made.review.errors:
        sys.exit(GATE_FAILED)


def _default_runs() -> tuple[str, ...]:
    """Return the folder of runs that is reviewed when none is named; a site is no change."""
    folder = os.environ.get("REPORTGEN_DIR") or "runs"
    if not Path(folder).exists():
        raise click.UsageError(
            f"no RUNS given, and there is no '{printable(folder)}' here: name the logs of this change, as in"
            " `reportgen review path/to/runs --baseline site`"
        )
    return (folder,)


def _find_forge(environment: Mapping[str, str]) -> str:
    """Return the forge that this job runs for."""
    if environment.get("GITLAB_CI"):
        return "gitlab"
    return "bitbucket" if environment.get("BITBUCKET_BUILD_NUMBER") else "github"


def _iter_lines(made: Reviewed) -> Iterator[str]:
    from reportgen.cli.tables import cut_end
    from reportgen.review import notes, wording
    from reportgen.review.escaping import bare

    found = made.review
    yield wording.say_heading(found)
    yield from _iter_failed(found)
    for row in found.rows[:MAX_LINES]:
        label = wording.label_of(row.configuration, found)
        values = f"{wording.say_side(row, row.baseline)} → {wording.say_side(row, row.change)}"
        interval = f"  [{wording.say_interval(row)}]" if row.interval else ""
        difference = f"{wording.say_difference(row)}{interval}  n = {wording.say_runs(row)}"
        name = cut_end(printable(row.metric), 40)
        yield f"{wording.row_sign(row)} {name} ({cut_end(printable(label), 40)}): {printable(values)}  {difference}"
    if len(found.rows) > MAX_LINES:
        yield f"and {counted(len(found.rows) - MAX_LINES, 'more metric')}: see {printable(str(made.folder))}"
    base = wording.say_bases(found)
    if base:
        yield f"base: {printable(bare(base))}"
    for note in (*notes.iter_base_notes(found), *notes.iter_run_notes(found), *notes.iter_unjudged(found)):
        yield f"note: {printable(bare(note))}"
    yield printable(str(made.folder / "comment.md"))


def _iter_failed(found: Review) -> Iterator[str]:
    """Yield a line for each gate that failed: all that is printed with --quiet, on stderr."""
    for row, judgement in found.failed:
        about = judgement.gate.metric if row is None else row.metric
        yield f"{judgement.gate.severity}: {printable(about)}: {printable(judgement.said)}"


def _iter_annotations(found: Review) -> Iterator[str]:
    """Yield workflow commands for failed gates: the only ones that are ever printed, their text escaped."""
    for row, judgement in found.failed:
        gate = judgement.gate
        about = gate.metric if row is None else row.metric
        place = f"file={_property(gate.file)}" if gate.file else ""
        place += f",line={gate.line}" if place and gate.line is not None else ""
        lead = f"{gate.severity} {place},title=reportgen" if place else f"{gate.severity} title=reportgen"
        yield f"::{lead}::{_data(printable(f'{about}: {judgement.said}'))}"


def _data(text: str) -> str:
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return harmless(text)


def _property(text: str) -> str:
    return _data(printable(text)).replace(":", "%3A").replace(",", "%2C")

"""`reportgen serve`: a site on this machine that follows the logs."""

from __future__ import annotations

import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reportgen.cli.common import default_source, load_configuration, open_address
from reportgen.cli.printing import counted, print_problems
from reportgen.cli.progress import ProgressLine
from reportgen.cli.workers import default_jobs, worker_pool
from reportgen.errors import ReportgenError

if TYPE_CHECKING:
    from reportgen.build import BuildResult
    from reportgen.serving.changes import Changes
    from reportgen.serving.server import SiteServer
    from reportgen.site.config import Config

PORT = 8321
TRIED = 20
"""Ports from `PORT` on that are tried when none is asked for."""


@click.command(
    epilog="""\b
    Examples:
      reportgen serve                      the runs in ./runs, while they train
      reportgen serve runs/ --open         and show them in the browser
      reportgen serve mnt/cluster --poll   on a file system that tells of no changes
    """
)
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@click.option(
    "-p", "--port", type=click.IntRange(0, 65535), help=f"Port; 0 takes a free one.  [default: {PORT} or above]"
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Keep the site in this folder.")
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
@click.option("--poll", is_flag=True, help="Look for changes twice a second, as network file systems need.")
@click.option("--open", "open_site", is_flag=True, help="Open the site in the browser.")
def serve(
    sources: tuple[str, ...],
    port: int | None,
    output: Path | None,
    title: str | None,
    theme: str | None,
    config_file: Path | None,
    jobs: int | None,
    poll: bool,
    open_site: bool,
) -> None:
    """Show the runs of each SOURCE in the browser and follow them while they train.

    The site is built, served to this machine alone, and brought up to date whenever a log changes; open pages renew
    themselves and keep their view. Without a SOURCE, $REPORTGEN_DIR or ./runs is read. Ctrl-C ends it.

    To see a site on another machine, forward the port: ssh -L 8321:localhost:8321 HOST
    """
    sources = sources or (default_source(),)
    config = load_configuration(config_file, title, theme)
    from reportgen.serving import changes as news
    from reportgen.serving import watch

    changes, stop = news.Changes(), threading.Event()
    with _output(output) as out, ProgressLine(sys.stderr) as line, _server(out, changes, port) as server:
        result = _build(sources, out, config, jobs or default_jobs(), line)
        changes.add(())
        print_problems(result.problems, f"{server.address}problems.html")
        folders = [*watch.watched_folders(sources), *config.theme_folders]
        rebuild = partial(_build, sources, out, config, 1, None)
        with _ended_by_signals(stop):
            click.echo(f"{counted(result.runs, 'run')} in {counted(result.experiments, 'experiment')}; Ctrl-C ends")
            click.echo(server.address)
            if open_site:
                open_address(server.address)
            watch.keep_up(folders, out, changes, rebuild, stop, poll=poll, report=_say(line))
            click.echo("Stopped.", err=True)
            changes.close()


@contextmanager
def _ended_by_signals(stop: threading.Event) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM set `stop`: an exception could be lost wherever the signal happens to come."""
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _build(
    sources: tuple[str, ...], out: Path, config: Config, jobs: int, progress: Callable[[str, int, int], None] | None
) -> BuildResult:
    from reportgen.build import build

    with worker_pool(jobs) as executor:
        return build(sources, out, config=config, executor=executor, progress=progress)


def _say(line: ProgressLine) -> Callable[[str], None]:
    """Return what tells of a failed build once, however often it is tried again, and of the first that works."""
    last = ""

    def say(error: str) -> None:
        nonlocal last
        if error != last:
            line.note(f"the build failed: {error}" if error else "the build works again")
        last = error

    return say


@contextmanager
def _output(folder: Path | None) -> Iterator[Path]:
    """Yield the folder of the site: the one that was asked for, or one that is gone afterwards."""
    if folder is not None:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="reportgen-", ignore_cleanup_errors=True) as temporary:
        yield Path(temporary, "site")


@contextmanager
def _server(out: Path, changes: Changes, port: int | None) -> Iterator[SiteServer]:
    """Yield a server that has its port, asked for or the first that is free; it is closed afterwards."""
    from reportgen.serving.server import SiteServer

    server, reason = None, ""
    for candidate in [port] if port is not None else range(PORT, PORT + TRIED):
        try:
            server = SiteServer(out, changes, candidate)
            break
        except OSError as error:
            reason = error.strerror or str(error)
    if server is None:
        tried = f"port {port}" if port is not None else f"ports {PORT} to {PORT + TRIED - 1}"
        raise ReportgenError(f"{tried} cannot be used ({reason}): choose another with --port, or 0 for a free one")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()  # at once: what has not begun cannot be shut down
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

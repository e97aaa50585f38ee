"""`reportgen serve`: a site on this machine that follows the logs."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from reportgen.cli.common import build_options, default_source, open_address, print_notes, read_configuration
from reportgen.cli.printing import counted, echo, print_problems, printable
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
@click.option(
    "-p", "--port", type=click.IntRange(0, 65535), help=f"Port; 0 takes a free one.  [default: {PORT} or above]"
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Keep the site in this folder.")
@build_options
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

    The site is built, served to this machine alone, and brought up to date whenever a log or the configuration changes;
    open pages renew themselves and keep their view. Without a SOURCE, $REPORTGEN_DIR or ./runs is read. Runs that are
    still to come are waited for. Ctrl-C ends it.

    To see a site on another machine, forward the port: ssh -L 8321:localhost:8321 HOST
    """
    sources = sources or (default_source(awaited=True),)
    from reportgen.serving import changes as news
    from reportgen.serving import settings as live
    from reportgen.serving import watch

    settings = live.Settings(partial(read_configuration, config_file, title, theme))
    print_notes(settings.config)
    files = live.config_files(config_file, Path.cwd())
    stop = threading.Event()
    changes = news.Changes(time.time_ns() // 1_000_000)

    def places() -> watch.Places:
        return watch.Places([*watch.watched_folders(sources), *settings.config.theme_folders], files)

    with (
        _ended_by_signals(stop) as interruptible,
        _output(output) as out,
        ProgressLine(sys.stderr) as line,
        _server(out, changes, port) as server,
    ):

        def rebuild() -> str:
            wrong, waiting = settings.renew(), _waiting(watch.find_empty(sources, settings.config.sources))
            if not waiting:
                _build(sources, out, settings.config, 1, None)
            return waiting or wrong

        waiting = _waiting(watch.find_empty(sources, settings.config.sources))
        if waiting:
            server.state = waiting
            echo(f"{printable(waiting)}; Ctrl-C ends")
        else:
            before = watch.site_files(out)
            with interruptible():
                result = _build(sources, out, settings.config, jobs or default_jobs(), line)
            changes.add(watch.changed_files(before, watch.site_files(out)))
            print_problems(result.problems, f"{server.address}problems.html")
            echo(f"{counted(result.runs, 'run')} in {counted(result.experiments, 'experiment')}; Ctrl-C ends")
        echo(server.address)
        if open_site:
            open_address(server.address)
        say = _say(line, server, waiting)
        watch.keep_up(places, out, changes, rebuild, stop, poll=poll, report=say)
        changes.close()
    with suppress(OSError):  # the terminal may be gone
        echo("Stopped.", err=True)


@contextmanager
def _ended_by_signals(stop: threading.Event) -> Iterator[Callable[[], AbstractContextManager[None]]]:
    """Let Ctrl-C, SIGTERM and the end of the terminal set `stop`; yield what also lets them interrupt a block.

    Elsewhere they raise nothing: an exception could be lost wherever the signal happens to come, or leave something.
    """
    owner, blocks, came = os.getpid(), 0, False

    def end(number: int, _: FrameType | None) -> None:
        nonlocal came
        if os.getpid() != owner:  # a worker that was forked: it ends as if nobody had asked
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        # By another thread: this one may be within `stop.wait`, and hold the lock that `set` needs.
        threading.Thread(target=stop.set).start()
        first, came = not came, True
        if blocks and first:
            raise KeyboardInterrupt

    @contextmanager
    def interruptible() -> Iterator[None]:
        nonlocal blocks
        if came:
            raise KeyboardInterrupt
        blocks += 1
        try:
            yield
        finally:
            blocks -= 1

    numbers = [signal.SIGINT, signal.SIGTERM]
    hang_up = getattr(signal, "SIGHUP", None)  # not on Windows
    if hang_up is not None and signal.getsignal(hang_up) != signal.SIG_IGN:  # `nohup` lets it be ignored
        numbers.append(hang_up)
    handlers = {number: signal.signal(number, end) for number in numbers}
    try:
        yield interruptible
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _waiting(empty: Sequence[str]) -> str:
    return f"Waiting for runs in {', '.join(empty)}" if empty else ""


def _build(
    sources: tuple[str, ...], out: Path, config: Config, jobs: int, progress: Callable[[str, int, int], None] | None
) -> BuildResult:
    from reportgen.build import build

    with worker_pool(jobs) as executor:
        return build(sources, out, config=config, executor=executor, progress=progress)


def _say(line: ProgressLine, server: SiteServer, last: str) -> Callable[[str], None]:
    """Return what tells, on the terminal and where there is no page yet, what is wrong and when it is mended.

    Each is told once, however often the build is tried again; `last` was told before.
    """

    def say(wrong: str) -> None:
        nonlocal last
        if wrong != last:
            server.state = wrong or type(server).state
            line.note(wrong[0].lower() + wrong[1:] if wrong else "the site is up to date")
        last = wrong

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

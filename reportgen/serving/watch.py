"""The loop of `reportgen serve`: wait until a log changes, build, tell what is new.

A build costs time while runs are training on the same machine, so that the pause before the next one grows with it.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reportgen.errors import ReportgenError, SiteError, SourceError
from reportgen.serving.changes import Changes
from reportgen.site.folder import SiteFolder
from reportgen.sources import StatCache, discover
from reportgen.sources.options import NO_OPTIONS, SourceOptions
from reportgen.sources.parts import is_log_name, is_site

if TYPE_CHECKING:
    from watchfiles.main import FileChange

SETTLE_MS: Final = 50
"""After a change the loop waits so long for further ones, as long as they come up to four times."""
LOOK_MS: Final = 500
"""So often the loop looks whether the folders that it watches are still the ones that it began with."""
PAUSE: Final = 0.5
"""The pause between two builds, in lengths of the last one."""


@dataclass(frozen=True, slots=True)
class Places:
    """What a served site is made from."""

    folders: Sequence[Path]
    """Watched with all that is below them, as soon as they are there."""
    files: Sequence[Path] = ()
    """Single files, there or not."""


def site_files(folder: Path) -> dict[str, str]:
    """Return path -> sha256 of every file of the site in `folder`, empty when there is none yet."""
    previous = SiteFolder(str(folder), str(folder)).read_previous()
    return dict(previous.files) if previous else {}


def changed_files(before: Mapping[str, str], after: Mapping[str, str]) -> set[str]:
    """Return the paths of files that are new, changed or gone."""
    return {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}


def watched_folders(sources: Sequence[Path | str]) -> list[Path]:
    """Return what must be watched for `sources`: themselves, or the folder of a source that is a file."""
    return [path.parent if (path := Path(source)).is_file() else path for source in sources]


def find_empty(sources: Sequence[Path | str], options: SourceOptions = NO_OPTIONS) -> list[str]:
    """Return those of `sources` whose runs are still to come: folders that are not there or hold no log."""
    return [os.fspath(source) for source in sources if _is_empty(Path(source), options)]


def _is_empty(source: Path, options: SourceOptions) -> bool:
    if not source.is_dir():
        return not source.exists()
    if is_site(str(source)) or not os.access(source, os.R_OK | os.X_OK):
        return False
    for _, folders, names in os.walk(source):
        if any(map(is_log_name, names)):
            return False
        folders[:] = [name for name in folders if not name.startswith(".")]
    try:
        return not discover([source], cache=StatCache(None), options=options).runs  # logs of other programs
    except SourceError:
        return True


def iter_changes(
    places: Callable[[], Places], out: Path, stop: threading.Event, *, poll: bool = False
) -> Iterator[None]:
    """Yield whenever something changes at `places`, what is below `out` apart, until `stop` is set.

    It also yields when a watch has begun, for what came before: at the start, and again when one of the places is
    another one, is there for the first time, or was deleted. Raises `SiteError` when the system cannot watch a folder.
    """
    own = out.resolve()
    while not stop.is_set():
        before = _identify(places())
        folders = [os.path.realpath(folder) for folder in places().folders if before[folder] is not None]
        new = True
        for found in _watch(folders, stop, poll=poll) if folders else _look(stop):
            if new or any(_concerns_logs(change, own) for change in found):
                yield
            new = False
            # A folder that is made anew may have the number of the old one, which nobody watches any more.
            if _identify(places()) != before or any(path in folders for kind, path in found if kind == _DELETED):
                break


_DELETED: Final = 3
"""watchfiles' number for what is gone."""


def _identify(places: Places) -> dict[Path, tuple[int, ...] | None]:
    """Return what tells each place from another one of the same name, and a file from its next state; None: nothing."""
    found: dict[Path, tuple[int, ...] | None] = {}
    for path in (*places.folders, *places.files):
        try:
            stat = path.stat()
        except OSError:
            found[path] = None
            continue
        found[path] = (stat.st_dev, stat.st_ino)
        if path in places.files:
            found[path] = (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns)
    return found


def _look(stop: threading.Event) -> Iterator[set[FileChange]]:
    """Yield nothing new again and again, where there is nothing to be watched."""
    while not stop.wait(LOOK_MS / 1000):
        yield set()


def _watch(folders: Sequence[str], stop: threading.Event, *, poll: bool) -> Iterator[set[FileChange]]:
    """Yield what has changed below `folders`, nothing when that is so for a while; end when one of them is gone."""
    from watchfiles import watch

    try:
        yield from watch(
            *folders,
            watch_filter=None,
            debounce=SETTLE_MS * 4,
            step=SETTLE_MS,
            rust_timeout=LOOK_MS,
            yield_on_timeout=True,
            stop_event=stop,
            force_polling=poll or None,
            poll_delay_ms=500,
            ignore_permission_denied=True,
            raise_interrupt=True,
        )
    except FileNotFoundError:  # it went a moment ago
        if not stop.wait(LOOK_MS / 1000):
            yield set()
    except OSError as error:
        raise SiteError(f"changes of {', '.join(folders)} cannot be watched ({error}): use --poll") from None


def _concerns_logs(change: FileChange, own: Path) -> bool:
    """Tell whether a change may be one of a log: not of the site in `own`, nor of what a build puts beside it."""
    kind, file = change[0], Path(change[1])
    if kind == _DELETED and file.is_symlink():  # polling says this of a link that leads nowhere, every time
        return False
    if not file.is_relative_to(own.parent):
        return True
    beside = file.relative_to(own.parent).parts[:1]
    if not beside:  # the folder that the site is in: each build makes a file there for a while
        return kind == _DELETED
    return beside[0] != own.name and not beside[0].startswith(f".{own.name}.")


def keep_up(
    places: Callable[[], Places],
    out: Path,
    changes: Changes,
    build: Callable[[], str],
    stop: threading.Event,
    *,
    poll: bool = False,
    report: Callable[[str], None] = lambda _: None,
) -> None:
    """Build after every change at `places` until `stop` is set.

    `build` returns what is wrong although it worked, empty when nothing is. `report` gets that, or the error of a build
    that failed, after each. What fails is tried again after the next change. Pages are told as soon as there is a site.
    """
    known = site_files(out)
    for _ in iter_changes(places, out, stop, poll=poll):
        began = time.monotonic()
        try:
            wrong = build()
        except ReportgenError as failed:  # a log that is being moved, a template that is being edited
            wrong = f"The build failed: {failed}"
        now = site_files(out)
        if now:
            changes.add(changed_files(known, now), wrong)
        known = now
        report(wrong)
        stop.wait(PAUSE * (time.monotonic() - began))

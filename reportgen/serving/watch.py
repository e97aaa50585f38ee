"""The loop of `reportgen serve`: wait until a log changes, build, tell what is new.

A build costs time while runs are training on the same machine, so that the pause before the next one grows with it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import orjson

from reportgen.errors import ReportgenError
from reportgen.serving.changes import Changes
from reportgen.site import urls

SETTLE_MS: Final = 200
"""After a change the loop waits so long for further ones."""
PAUSE: Final = 1.0
"""The pause between two builds, in lengths of the last one."""


def site_files(folder: Path) -> dict[str, str]:
    """Return path -> sha256 of every file of the site in `folder`, empty when there is none yet."""
    try:
        files: dict[str, str] = orjson.loads((folder / urls.SITE_JSON).read_bytes())["files"]
    except (OSError, orjson.JSONDecodeError, KeyError):
        return {}
    return files


def watched_folders(sources: Sequence[Path | str]) -> list[Path]:
    """Return what must be watched for `sources`: themselves, or the folder of a source that is a file."""
    return [path if (path := Path(source)).is_dir() else path.parent for source in sources]


def iter_changes(folders: Sequence[Path], out: Path, stop: threading.Event, *, poll: bool) -> Iterator[None]:
    """Yield whenever something changes below `folders`, what is below `out` apart, until `stop` is set."""
    from watchfiles import Change, watch

    own = out.resolve()

    def concerns_logs(_: Change, path: str) -> bool:
        # Locks and staged files of the build lie beside the site under its name.
        return not (Path(path).is_relative_to(own) or Path(path).name.startswith(f".{own.name}"))

    found = watch(
        *folders,
        watch_filter=concerns_logs,
        debounce=SETTLE_MS * 4,
        step=SETTLE_MS,
        stop_event=stop,
        force_polling=poll or None,
        poll_delay_ms=500,
        raise_interrupt=True,
    )
    for _ in found:
        yield


def keep_up(
    folders: Sequence[Path],
    out: Path,
    changes: Changes,
    build: Callable[[], object],
    stop: threading.Event,
    *,
    poll: bool = False,
    report: Callable[[str], None] = lambda _: None,
) -> None:
    """Build after every change below `folders` until `stop` is set.

    `report` gets the error of each build, empty when it worked. What fails is tried again after the next change.
    """
    known = site_files(out)
    for _ in iter_changes(folders, out, stop, poll=poll):
        began = time.monotonic()
        error = ""
        try:
            build()
        except ReportgenError as failed:  # a log that is being moved, a configuration that is being edited
            error = str(failed)
        now = site_files(out)
        paths = {path for path in known.keys() | now.keys() if known.get(path) != now.get(path)}
        known = now
        if paths or error:
            changes.add(paths, error)
        report(error)
        stop.wait(PAUSE * (time.monotonic() - began))

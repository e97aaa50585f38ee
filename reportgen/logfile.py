"""One log file of one process: one line, one `os.write`, on a descriptor opened with `O_APPEND`.

A line is acknowledged when `append` returns True: the kernel has taken all of it, and a `kill -9` cannot lose it.
What cannot be written never stops the training: it is counted, warned of once, and told to the log in a `lost` line
before the next line that can be written. This module knows bytes, files, forks and signals; what the lines say is
the business of `logger`.
"""

from __future__ import annotations

import errno as _errno
import os
import sys
import threading
import warnings
import weakref
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from types import FrameType
from typing import Final

from reportgen.formats import encode_line

REOPEN_S: Final = 1.0
"""Seconds between two tries to create a log file that could not be created, so that a dead disk costs nothing."""

_FLAGS: Final = (
    os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
)


class LoggerWarning(UserWarning):
    """Something was not logged as asked; the training goes on."""


def warn(message: str) -> None:
    """Warn of something that is not logged as asked, at the user's line that asked for it."""
    level = 1
    frame: FrameType | None = sys._getframe()
    while frame is not None and str(frame.f_globals.get("__name__")).partition(".")[0] == "reportgen":
        level, frame = level + 1, frame.f_back
    warnings.warn(message, LoggerWarning, stacklevel=level)


class LogFile:
    """The file that this process writes for one run, created at the first line.

    `first_line` gives the start line of a new file; its argument tells whether this is the file's first try for the
    run in this process, or one after a fork or after somebody closed our descriptor.
    """

    def __init__(self, folder: Path, first_line: Callable[[bool], bytes]) -> None:
        self.folder = folder
        self.path: Path | None = None
        """The file, once it could be created."""
        self.closed = False
        """True after `close`; nothing is written any more."""
        self._first_line = first_line
        self._fd: int | None = None
        self._lock = threading.RLock()
        self._ready = False  # the file is open and its tail whole, and there is nothing to tell before the next line
        self._started = False
        self._again = False
        self._forked = False
        self._lost = 0
        self._errno = 0
        self._warned = False
        self._retry_at = 0.0
        _open_files.add(self)

    def append(self, line: bytes) -> bool:
        """Write one whole line, newline included; return False when it was lost, which is counted."""
        with self._lock:
            if self._ready:
                # Not ready until all of it is in: a signal handler or an exception in between finds the truth.
                self._ready = False
                try:
                    written = os.write(self._fd, line)  # type: ignore[arg-type]
                    if written == len(line):
                        self._ready = True
                        return True
                except OSError as error:
                    return self._fail(error) or self._count_lost()
                # After a short write the rest follows, unless a signal handler has logged in between.
                if not self._ready and self._put(line, written):
                    self._ready = True
                    return True
            return self._append_with_care(line) or self._count_lost()

    def open(self) -> bool:
        """Create the file and write its start line now; return whether that worked."""
        with self._lock:
            return self._ready or self._append_with_care(b"")

    def close(self, line: bytes, *, locked: bool = True) -> None:
        """Write the end line and make it durable. Does nothing in a forked child that never logged.

        A signal handler says `locked=False`, since it may have interrupted the owner of the lock.
        """
        if locked:
            with self._lock:
                self._close(line)
        else:
            self._close(line)

    def lose(self, error: OSError) -> None:
        """Count a call whose data could not be kept beside the log (an artifact), and warn."""
        with self._lock:
            self._fail(error)
            self._count_lost()

    def drop(self) -> None:
        """Give up the descriptor and the lock of the parent; called in a forked child."""
        fd, self._fd = self._fd, None
        self._lock = threading.RLock()
        self._ready = self._started = self._warned = False
        self._again = self._forked = True
        self._lost = 0
        self._retry_at = 0.0
        self.path = None
        if fd is not None:
            try:
                os.close(fd)
            except OSError:
                pass  # somebody closed all descriptors; there is nothing left to give up

    # ---- the careful way: the start line, what follows a fault, what a signal handler logs

    def _append_with_care(self, line: bytes) -> bool:
        if self.closed or (self._fd is None and not self._create()):
            return False
        if not self._started:
            if not self._put_line(self._first_line(self._again)):
                return False
            self._started = True
            self.sync()
        if self._lost:
            if not self._put_line(encode_line({"event": "lost", "calls": self._lost, "errno": self._errno})):
                return False
            self._lost = 0
        if line and not self._put_line(line):
            return False
        self._ready = True
        return True

    def _count_lost(self) -> bool:
        self._lost += 1
        self._ready = False
        return False

    def _put_line(self, line: bytes) -> bool:
        return self._put(line if self._at_line_start() else b"\n" + line, 0)

    def _put(self, data: bytes, written: int) -> bool:
        """Write the rest of `data`; return False after a fault."""
        view = memoryview(data)
        while written < len(data):
            try:
                taken = os.write(self._fd, view[written:])  # type: ignore[arg-type]
            except OSError as error:
                return self._fail(error)
            if not taken:
                return self._fail(OSError(_errno.EIO, "the file takes no more bytes"))
            written += taken
        return True

    def _at_line_start(self) -> bool:
        """Tell whether the last byte of the file is a newline; False when that cannot be known."""
        try:
            size = os.fstat(self._fd).st_size  # type: ignore[arg-type]
            return not size or os.pread(self._fd, 1, size - 1) == b"\n"  # type: ignore[arg-type]
        except (OSError, AttributeError):  # Windows has no pread
            return False

    def _create(self) -> bool:
        if monotonic() < self._retry_at:
            return False
        try:
            made = _make_folder(self.folder)
            number = 0
            while True:
                path = self.folder / (f"events.{number}.jsonl" if number else "events.jsonl")
                try:
                    self._fd = os.open(path, _FLAGS, 0o644)
                    break
                except FileExistsError:
                    number += 1
        except OSError as error:
            self._retry_at = monotonic() + REOPEN_S
            return self._fail(error)
        self.path = path
        for folder in (self.folder, *made):
            _sync_folder(folder)
        return True

    def _fail(self, error: OSError) -> bool:
        self._errno = error.errno or 0
        self._ready = False
        if error.errno == _errno.EBADF:  # closed by someone else: the number may soon be that of another's file
            self._fd, self._started, self._again = None, False, True
        self._warn(error)
        return False

    def _warn(self, error: OSError) -> None:
        if self._warned:
            return
        self._warned = True
        message = (
            f"reportgen cannot write {self.path or self.folder}: {error.strerror or error}. "
            "The program goes on; what is not written is counted and the count is logged as soon as that is possible"
        )
        try:
            warn(message)
        except LoggerWarning:  # warnings are errors here, but a full disk must not end a training
            sys.stderr.write(message + "\n")

    def sync(self) -> None:
        """Make what was written survive a power failure. A failed fsync is told once and never tried again."""
        if self._fd is None:
            return
        try:
            os.fsync(self._fd)
        except OSError as error:
            if error.errno not in (_errno.EINVAL, _errno.ENOTSUP):
                self._warn(error)

    def _close(self, line: bytes) -> None:
        if self.closed or (self._fd is None and self._forked):
            self.closed = True
            return
        self._retry_at = 0.0
        if not self._append_with_care(line):
            self._append_with_care(line)  # without an end line the run counts as unfinished: worth a second try
        self.sync()
        fd, self._fd = self._fd, None
        self._ready = False
        self.closed = True
        if fd is not None:
            try:
                os.close(fd)
            except OSError as error:
                self._warn(error)


_open_files: weakref.WeakSet[LogFile] = weakref.WeakSet()


def _drop_all() -> None:
    for file in list(_open_files):
        file.drop()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_drop_all)


def _make_folder(folder: Path) -> list[Path]:
    """Create `folder` with its parents; return the folders whose listing has changed, for fsync."""
    changed = []
    for parent in (folder, *folder.parents):
        if parent.exists():
            break
        changed.append(parent.parent)
    folder.mkdir(parents=True, exist_ok=True)
    return changed


def _sync_folder(folder: Path) -> None:
    try:
        fd = os.open(folder, os.O_RDONLY)
    except OSError:
        return  # Windows cannot open folders, and a folder without read permission cannot be synced
    try:
        os.fsync(fd)
    except OSError:
        pass  # file systems that cannot sync a folder say so here
    finally:
        os.close(fd)

"""The lock of one output folder: at most one build at a time, whatever the process, and none left over when one dies.

The lock is the operating system's lock on a small file, not the file's existence, so a build that was killed frees it
by dying. The file is deleted when the lock is given back. It holds the number of the process that has the lock, for
the message to the one that waits; nothing else reads it. This module knows nothing of sites.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from reportgen.errors import SiteError

POLL_S: Final = 0.1
"""Pause between two tries of a build that waits."""
_UNSUPPORTED: Final = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP})
_FLAGS: Final = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)

# Descriptors of locks that this process holds or tries to get. Process-wide because a fork is: a worker that was forked
# while the lock is held shares it, and would keep it for as long as it lives if its parent is killed.
_descriptors: Final[set[int]] = set()


def _drop_in_child() -> None:
    for descriptor in _descriptors:
        os.close(descriptor)
    _descriptors.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_drop_in_child)


if sys.platform == "win32":
    import msvcrt

    def _lock_now(descriptor: int) -> bool:
        try:
            os.lseek(descriptor, 2**30, os.SEEK_SET)  # behind the process number, which must stay readable
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EDEADLK):
                return False
            raise
        finally:
            os.lseek(descriptor, 0, os.SEEK_SET)
        return True

else:
    import fcntl

    def _lock_now(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


class FolderLock:
    """The lock whose file is `file`; `what` names the folder in messages."""

    def __init__(self, file: Path, what: str) -> None:
        self._file = file
        self._what = what
        self._descriptor: int | None = None

    def acquire(self, *, wait: bool, on_wait: Callable[[str], None] | None) -> bool:
        """Take the lock; return False when the file system has no locks, so that nothing was taken.

        When another build has it, `on_wait` is called once with a message and the lock is waited for, or with
        `wait=False` `SiteError` is raised. An unusable lock file raises `OSError`.
        """
        told = False
        while True:
            descriptor = os.open(self._file, _FLAGS, 0o666)
            _descriptors.add(descriptor)
            try:
                locked = _lock_now(descriptor)
                # The one who had the lock deletes the file: what was waited for may be a file that is no longer there.
                if locked and self._is_current(descriptor):
                    self._note_process(descriptor)
                    self._descriptor = descriptor
                    return True
                holder = _read_process(descriptor)
            except OSError as error:
                if error.errno not in _UNSUPPORTED:
                    raise
                self._file.unlink(missing_ok=True)
                return False
            finally:
                if self._descriptor is None:
                    self._close(descriptor)
            if locked:
                continue
            if not wait:
                raise SiteError(f"another build{holder} is writing '{self._what}': run this one when it has finished")
            if on_wait is not None and not told:
                on_wait(f"another build{holder} is writing '{self._what}': waiting for it to finish")
                told = True
            time.sleep(POLL_S)

    def release(self) -> None:
        """Delete the lock file and give the lock back; does nothing without the lock, or in a forked child."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None or descriptor not in _descriptors:
            return
        try:
            self._file.unlink(missing_ok=True)
        except OSError:
            pass  # a lock file that stays is harmless: the lock is on the descriptor
        finally:
            self._close(descriptor)

    def _is_current(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), os.stat(self._file, follow_symlinks=False))
        except FileNotFoundError:
            return False

    def _note_process(self, descriptor: int) -> None:
        try:
            os.ftruncate(descriptor, 0)
            os.write(descriptor, str(os.getpid()).encode())
        except OSError:
            pass  # a full disk must be reported where the site is written, not for a courtesy

    def _close(self, descriptor: int) -> None:
        _descriptors.discard(descriptor)
        os.close(descriptor)


def _read_process(descriptor: int) -> str:
    """Return ` (process 123)` for messages, or nothing when the file does not say."""
    try:
        os.lseek(descriptor, 0, os.SEEK_SET)
        text = os.read(descriptor, 20)
    except OSError:
        return ""
    return f" (process {int(text)})" if text.isdigit() else ""

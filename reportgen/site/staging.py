"""The staging folder of one output folder: outputs on their way to the site, and the journal of what is under way.

It holds `files/`, a tree like the site's, and while a site is being changed `journal.json`. It decides nothing: the
writer says what comes in and when it goes. A staging folder that a killed build left is read as untrusted.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import orjson

from reportgen.errors import SiteError
from reportgen.site import urls
from reportgen.site.folder import is_entry, read_object

_CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


class Staging:
    """The staging folder at the absolute path `folder`; it is made with the first file."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.files = os.path.join(folder, "files")
        """Absolute path of the tree of outputs."""
        self._journal = os.path.join(folder, "journal.json")
        self._made: set[str] = set()

    def at(self, path: str) -> str:
        """Return the absolute path of the staged output `path`."""
        return os.path.join(self.files, path)

    def write(self, path: str, pieces: Iterable[bytes], *, durable: bool = False) -> None:
        """Write an output whose bytes come in `pieces`, `durable` with an fsync.

        A second write replaces the first. Raises `SiteError` when the disk is full or does not let us.
        """
        file = self.at(path)
        with explained("stage", file, remedy="the site is unchanged; mend that and build again"):
            folder = os.path.dirname(file)
            if folder not in self._made:
                os.makedirs(folder, exist_ok=True)
                self._made.add(folder)
            try:
                _write_file(file, pieces, durable=durable)
            except BaseException:
                self.discard(path)  # what is in the tree may be moved to the site with it
                raise

    def discard(self, path: str) -> None:
        """Delete a staged output again, if it is there."""
        with explained("clear", self.at(path)):
            try:
                os.unlink(self.at(path))
            except FileNotFoundError:
                pass

    def drop(self, *, keep_journal: bool) -> None:
        """Delete the folder; with `keep_journal` only the staged files, as long as there is a journal."""
        self._made.clear()
        if os.path.islink(self.folder):
            raise SiteError(f"'{self.folder}' is a symbolic link: remove it")
        doomed = self.files if keep_journal and os.path.lexists(self._journal) else self.folder
        if os.path.lexists(doomed):
            shutil.rmtree(doomed)

    def read_journal(self) -> dict[str, set[str]]:
        """Return path -> sha256s of what builds that did not finish may have left in the site; empty without one."""
        entries = read_object(self._journal).get("files")
        if not isinstance(entries, dict):
            return {}
        return {
            path: {sha256 for sha256 in hashes if is_entry(path, sha256)}
            for path, hashes in entries.items()
            if urls.is_site_path(path) and isinstance(hashes, list)
        }

    def write_journal(self, entries: Mapping[str, Iterable[str]]) -> None:
        """Replace the journal by one of path -> sha256s; it is whole at every instant, and on the disk at the end."""
        data = orjson.dumps({"files": {path: sorted(entries[path]) for path in sorted(entries)}})
        os.makedirs(self.folder, exist_ok=True)
        new = f"{self._journal}.new"
        _write_file(new, (data,), durable=True)
        os.replace(new, self._journal)
        sync_folder(self.folder)


@contextmanager
def explained(action: str, place: str, *, remedy: str = "mend that and build again") -> Iterator[None]:
    """Turn an `OSError` into a `SiteError` that says what, where and the remedy."""
    try:
        yield
    except OSError as error:
        at = f" ('{error.filename}')" if error.filename and error.filename != place else ""
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            remedy = f"free some space; {remedy}"
        elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            remedy = f"change its permissions, or choose another folder; {remedy}"
        raise SiteError(f"cannot {action} '{place}': {error.strerror or error}{at}: {remedy}") from error


def sync_folder(folder: str) -> None:
    """Force the names in `folder` to the disk, where the system can do that."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP):  # file systems that cannot
            raise
    finally:
        os.close(descriptor)


def _write_file(file: str, pieces: Iterable[bytes], *, durable: bool) -> None:
    descriptor = os.open(file, _CREATE, 0o666)
    try:
        for piece in pieces:
            rest = memoryview(piece)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
        if durable:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)

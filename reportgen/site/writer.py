"""The only code that writes a site. It decides how files come and go, never what is in them.

A `SiteWriter` holds the lock of one output folder. Outputs are first written to a staging folder beside the site (same
file system), so that a build that fails leaves the site as it was. `commit` then changes the site by renames alone:

1. A journal in the staging folder lists what is about to come and to go.
2. Files at new paths are moved in. Nothing links to them yet.
3. Files that exist already are replaced: data and assets first, then pages, the home page last.
4. `data/site.json`, which lists every file of the site, is replaced: the commit point.
5. What an earlier build wrote and this one did not is deleted, pages before the files they link to.

So at every instant each file is whole, and each link resolves on every page that a reader of the old or of the new
site can reach. A build that was killed leaves its journal, which tells the next one what may lie in the folder besides
the files of the last `data/site.json`; that one ends with the same folder as a build that was never disturbed. A folder
that does not exist yet appears complete, with one rename. Only `data/site.json` and the journal are forced to the disk:
after a power failure other files may be short, which the next build finds by their hashes and mends.

Symbolic links inside the folder are neither followed nor replaced nor deleted, and a file is deleted only when its
content is what a build wrote there: foreign files, and files that the user changed, survive.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Final, Self

from reportgen.errors import SiteError
from reportgen.model import Problem
from reportgen.site import urls
from reportgen.site.folder import NOJEKYLL, PreviousSite, SiteFolder, folders_of, is_entry
from reportgen.site.lock import FolderLock
from reportgen.site.staging import Staging, explained, sync_folder
from reportgen.sources.statcache import StatCache, open_regular

__all__ = ["PreviousSite", "SiteWriter", "WriteReport"]

_CHUNK: Final = 2**20
_GROUPS: Final = ("a/", "assets/", "data/", "r/", "e/", "")


@dataclass(frozen=True, slots=True)
class WriteReport:
    """What one commit did; all paths are site paths."""

    written: tuple[str, ...]
    """Files that are new or have other bytes than before, in the order in which they were put in place."""
    unchanged: tuple[str, ...]
    """Files that the site held already; they were not touched."""
    removed: tuple[str, ...]
    """Files of an earlier build that were deleted."""
    left: tuple[str, ...]
    """What lies at paths of an earlier build that are no longer in use, but was changed since: it was left alone."""


class SiteWriter:
    """One build's hold on the output folder `out`: a context manager from taking the lock to giving it back.

    `cache` gives the hashes of files that lie in the folder. When another build is writing there, `on_wait` gets one
    message and the lock is waited for; with `wait=False` that is a `SiteError`. Every method raises `SiteError` when
    the folder cannot be read or written. What was staged is gone after the `with` block, whichever way it ends.
    """

    previous: PreviousSite | None
    """The site that lies in the folder, None when there is none or it does not say what it holds."""
    notices: tuple[Problem, ...]
    """What the user should know of the folder as it was found. To be printed, never published: no page may depend on
    what lay in the output folder before."""

    damaged: bool
    """Whether a site lies in the folder that does not say what it holds."""

    def __init__(
        self, out: Path, *, cache: StatCache, wait: bool = True, on_wait: Callable[[str], None] | None = None
    ) -> None:
        self._name = str(out)
        self._cache = cache
        self._wait = wait
        self._on_wait = on_wait
        self.previous = None
        self.notices = ()
        self.damaged = False
        self._outputs: dict[str, str] = {}  # path -> sha256 of all that the new site holds
        self._staged: dict[str, bool] = {}  # path -> whether it replaces a file
        self._verified: dict[str, str] = {}  # path -> sha256 of the file that was found there

    def __enter__(self) -> Self:
        """Take the lock and look at the folder; raise `SiteError` for one that is not for us."""
        with explained("use", self._name):
            root = os.path.realpath(self._name)
            place = self._working_place(root)
            self._staging = Staging(f"{place}reportgen-stage")
            self._lock = FolderLock(Path(f"{place}reportgen-lock"), self._name)
            if not self._lock.acquire(wait=self._wait, on_wait=self._on_wait):
                self._notice("the file system has no locks", hint="never run two builds into this folder at once")
        try:
            with explained("use", self._name):
                self._folder = SiteFolder(root, self._name)
                self._staging.drop(keep_journal=True)
                self._unfinished = self._staging.read_journal()
                self.previous = self._folder.read_previous()
                self._check_folder()
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Drop what is staged and give the lock back. A journal stays: only a commit that finished may delete it."""
        try:
            with explained("clear", self._staging.folder):
                self._staging.drop(keep_journal=True)
        except SiteError:
            if kind is None:  # else the first error is the one to tell; the next build clears the rest
                raise
        finally:
            self._lock.release()

    # ---- what the build decides, path by path

    def has(self, path: str, sha256: str) -> bool:
        """Tell whether the site already holds exactly these bytes at `path`, in a regular file of its own."""
        known = self._verified.get(path)
        if known is None:
            found = self._folder.look(path) if urls.is_site_path(path) else None
            if found is None:
                return False
            file, stat = found
            try:
                known = self._verified[path] = self._cache.digest(file, stat) or self._cache.sha256(file)
            except OSError:
                return False
        return known == sha256

    def find_changed(self, files: Mapping[str, str]) -> list[str]:
        """Return those of `files`, path -> sha256, that the site does not hold with these bytes, as `has` tells."""
        known = self._verified
        return [path for path, sha256 in files.items() if known.get(path) != sha256 and not self.has(path, sha256)]

    def is_unfinished(self, path: str) -> bool:
        """Tell whether the file at `path` is what a build put there that was killed before it came to its end."""
        return any(self.has(path, sha256) for sha256 in self._unfinished.get(path, ()))

    def keep(self, path: str, sha256: str) -> None:
        """Take over a file of the earlier build as an output of this one, after `has` has said that it is there.

        Raises `SiteError` when the site does not hold these bytes.
        """
        if not self._take(path, sha256):
            raise SiteError(f"'{self._folder.at(path)}' is not what the last build wrote: run the build again")

    def keep_all(self, files: Mapping[str, str]) -> None:
        """Take over files, path -> sha256, as `keep` does."""
        verified, outputs = self._verified, self._outputs
        for path, sha256 in files.items():
            if verified.get(path) == sha256 and path not in outputs:
                outputs[path] = sha256
            else:
                self.keep(path, sha256)

    def sha256_of(self, path: str) -> str:
        """Return the sha256 of an output. Raises `KeyError` for a path that is none."""
        return self._outputs[path]

    def outputs(self) -> tuple[str, ...]:
        """Return the paths of all outputs so far."""
        return tuple(self._outputs)

    def stage(self, path: str, data: bytes) -> str:
        """Take `data` as the output at `path`, without touching the site; return their sha256.

        Bytes that the site holds already are not written. Raises `ValueError` for a path that no plan makes.
        """
        if path == urls.SITE_JSON:
            raise ValueError(f"'{path}' is for commit() to write")
        return self._stage_bytes(path, data)

    def stage_file(self, path: str, source: str, sha256: str, size_bytes: int) -> None:
        """Copy the file `source`, known by its hash and size, as the output at `path`, in pieces of 1 MiB.

        Raises `SiteError` when it is not, or no longer, a regular file with just these bytes.
        """
        if self._take(path, sha256):
            return
        changed = SiteError(f"'{source}' changed while the site was being built: run the build again")
        try:
            descriptor, found = open_regular(source)
        except OSError as error:
            raise changed from error
        with open(descriptor, "rb", buffering=0) as reader:
            if found.st_size != size_bytes:
                raise changed
            self._write(path, _read_pieces(reader.read, size_bytes), sha256, changed)

    def discard(self, path: str) -> None:
        """Take an output back: the new site will not hold it."""
        del self._outputs[path]
        if path in self._staged:
            del self._staged[path]
            self._staging.discard(path)

    def sizes(self) -> dict[str, int]:
        """Return path -> size in bytes of every output so far."""
        return {path: self.location(path).stat().st_size for path in self._outputs}

    def location(self, path: str) -> Path:
        """Return where the bytes of an output lie until `commit`: in the staging folder, or in the site already."""
        return Path(self._staging.at(path) if path in self._staged else self._folder.at(path))

    def commit(self, site_json: Callable[[Mapping[str, str]], bytes]) -> WriteReport:
        """Bring the site from what it was to what was staged and kept; return what changed. Called once, at the end.

        `site_json` returns the bytes of `data/site.json` from path -> sha256 of all other outputs. When
        nothing is different, nothing is touched. After an error in here the next build finishes the work.
        """
        self._stage_bytes(NOJEKYLL, b"")
        self._stage_bytes(urls.SITE_JSON, site_json(MappingProxyType(self._outputs)), durable=True)
        incoming = sorted(self._staged, key=self._order)
        leftover = self._leftover()
        outgoing, left = self._sort_out(leftover)
        with explained("finish", self._name, remedy="the site works, but is not up to date; build again"):
            if self._folder.missing:
                os.rename(self._staging.files, self._folder.root)
                sync_folder(os.path.dirname(self._folder.root))
            elif incoming or outgoing:
                self._write_journal(incoming, leftover)
                self._put(incoming)
                for path in outgoing:
                    os.unlink(self._folder.at(path))
            self._remove_folders(leftover)
            self._staging.drop(keep_journal=False)
        unchanged = sorted(self._outputs.keys() - set(incoming))
        return WriteReport(tuple(incoming), tuple(unchanged), tuple(outgoing), tuple(left))

    # ---- staging

    def _stage_bytes(self, path: str, data: bytes, *, durable: bool = False) -> str:
        sha256 = hashlib.sha256(data).hexdigest()
        if not self._take(path, sha256):
            self._write(path, (data,), sha256, durable=durable)
        return sha256

    def _take(self, path: str, sha256: str) -> bool:
        """Return True when the output needs no writing, since the site or the staging folder holds it already."""
        if not is_entry(path, sha256):
            raise ValueError(f"{path!r} with hash {sha256!r} is no output of a plan")
        if self._outputs.get(path, sha256) != sha256:
            raise SiteError(f"two different outputs have the path '{path}': rename or exclude one of the runs")
        if path in self._outputs:
            return True
        if self.has(path, sha256):
            self._outputs[path] = sha256
            return True
        return False

    def _write(
        self,
        path: str,
        pieces: Iterable[bytes],
        sha256: str,
        changed: SiteError | None = None,
        *,
        durable: bool = False,
    ) -> None:
        """Stage an output and note it; raise `changed` if its bytes do not have the hash that was promised."""
        replaces = self._folder.can_replace(path)
        if self._staging.write(path, pieces, durable=durable) != sha256 and changed:
            self._staging.discard(path)
            raise changed
        self._staged[path] = replaces
        self._outputs[path] = sha256

    # ---- changing the site

    def _order(self, path: str, replaces: bool | None = None) -> tuple[bool, bool, int, bool, str]:
        """Sort key for putting in place: new paths first, then by group; the home page and site.json come last."""
        group = next(i for i, prefix in enumerate(_GROUPS) if path.startswith(prefix))
        old = self._staged[path] if replaces is None else replaces
        return (path == urls.SITE_JSON, old, group, path == urls.HOME, path)

    def _put(self, incoming: Iterable[str]) -> None:
        for path in incoming:
            self._make_folder(os.path.dirname(path))
            os.replace(self._staging.at(path), self._folder.at(path))
        if urls.SITE_JSON in self._staged:
            sync_folder(os.path.dirname(self._folder.at(urls.SITE_JSON)))

    def _write_journal(self, incoming: Iterable[str], leftover: Mapping[str, set[str]]) -> None:
        """Note what is about to come and to go, and what unfinished builds noted, until all of it is done."""
        entries = {path: set(hashes) for path, hashes in self._unfinished.items()}
        for path, hashes in leftover.items():
            entries.setdefault(path, set()).update(hashes)
        for path in incoming:
            entries.setdefault(path, set()).add(self._outputs[path])
        self._staging.write_journal(entries)

    def _make_folder(self, folder: str) -> None:
        if self._folder.is_folder(folder):
            return
        self._make_folder(os.path.dirname(folder))
        try:
            os.mkdir(self._folder.at(folder))
        except FileExistsError:
            raise self._folder.in_the_way(folder) from None

    def _leftover(self) -> dict[str, set[str]]:
        """Return path -> hashes of what earlier builds wrote, or may have written, where this one has no output."""
        leftover = {path: set(hashes) for path, hashes in self._unfinished.items() if path not in self._outputs}
        for path, sha256 in (self.previous.files if self.previous else {}).items():
            if path not in self._outputs:
                leftover.setdefault(path, set()).add(sha256)
        return leftover

    def _sort_out(self, leftover: Mapping[str, set[str]]) -> tuple[list[str], list[str]]:
        """Return what is to be deleted, in that order, and what stays since it is not what a build wrote."""
        outgoing, left = [], []
        for path in sorted(leftover):
            if any(self.has(path, sha256) for sha256 in leftover[path]):
                outgoing.append(path)
            elif not self._folder.missing and os.path.lexists(self._folder.at(path)):
                left.append(path)
        outgoing.sort(key=lambda path: self._order(path, replaces=True), reverse=True)
        return outgoing, left

    def _remove_folders(self, leftover: Iterable[str]) -> None:
        """Delete folders that earlier builds made and that are empty now, deepest first."""
        doomed = {folder for path in leftover for folder in folders_of(path)}
        doomed -= {folder for path in self._outputs for folder in folders_of(path)}
        for folder in sorted(doomed, reverse=True):
            if self._folder.is_folder(folder):
                try:
                    os.rmdir(self._folder.at(folder))
                except OSError as error:
                    if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
                        raise

    # ---- the folder, and what earlier builds left

    def _working_place(self, root: str) -> str:
        """Return the beginning of the path of the lock and the staging folder, for the absolute path of the site.

        That is beside the site, but within a mounted volume or a parent that cannot be written, where no file could be
        moved from, a hidden place in the site itself.
        """
        parent, name = os.path.split(root)
        if os.path.lexists(root) and not os.path.isdir(root):
            raise SiteError(f"'{self._name}' is a file: name a folder for the site, or remove the file")
        os.makedirs(parent, exist_ok=True)
        missing = not os.path.exists(root)
        if not os.access(parent if missing else root, os.W_OK | os.X_OK):
            raise SiteError(f"'{self._name}' cannot be written: change its permissions, or choose another folder")
        if missing or (os.access(parent, os.W_OK) and os.stat(parent).st_dev == os.stat(root).st_dev):
            return os.path.join(parent, f".{name}.")
        return os.path.join(root, ".")

    def _check_folder(self) -> None:
        """Raise `SiteError` for a folder that holds files and is no site, nor the beginning of one."""
        if self.previous:
            if self.previous.dropped:
                message = "data/site.json and its packs have entries that no build writes"
                self._notice(message, hint="they were ignored", count=self.previous.dropped)
            if self.previous.broken:
                message = "packs are missing or damaged, so files that earlier builds wrote may stay in the folder"
                hint = "delete the folder and build again to be rid of them"
                self._notice(message, hint=hint, count=len(self.previous.broken))
            return
        foreign = self._folder.foreign_entry()
        begun = any(self.has(path, sha256) for path, hashes in self._unfinished.items() for sha256 in hashes)
        if self._folder.has_signs():
            self.damaged = True
            message = "data/site.json is damaged, so files that earlier builds wrote may stay in the folder"
            self._notice(message, hint="delete the folder and build again to be rid of them")
        elif foreign is not None and not begun:
            raise SiteError(
                f"'{self._name}' is neither empty nor a site of reportgen (it holds '{foreign}'): "
                "choose another folder, or empty this one"
            )

    def _notice(self, message: str, *, hint: str, count: int = 1) -> None:
        self.notices += (Problem(where=self._name, message=message, hint=hint, count=count),)


def _read_pieces(read: Callable[[int], bytes], size_bytes: int) -> Iterator[bytes]:
    """Yield what `read` gives until its end, but no more than one byte over `size_bytes`: it may be growing."""
    left = size_bytes + 1
    while left and (piece := read(min(_CHUNK, left))):
        left -= len(piece)
        yield piece

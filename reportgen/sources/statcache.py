"""What is known of files by their stat alone, kept outside the site: sha256 and the facts of a log's first line.

With it a build of unchanged logs opens none of them. The file may be deleted at any time; a damaged or foreign one is
ignored. It never holds anything that a build cannot find out again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat as stat_module
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

CACHE_FORMAT: Final = 1
"""Version of the cache file; another version is ignored."""
YOUNG_NS: Final = 2_000_000_000
"""A file that changed within so many nanoseconds is not trusted: it may change again under the same time stamp."""
_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """What is known of one file in one state."""

    size: int
    mtime_ns: int
    inode: int
    sha256: str = ""
    """64 hexadecimal digits, or empty when the file was never hashed."""
    facts: Mapping[str, Any] | None = None
    """What the file's reader wanted to remember, as plain JSON data."""


def cache_folder(environ: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Path:
    """Return the platform's folder for caches: `REPORTGEN_CACHE_DIR`, else the one that the system names for it."""
    if own := environ.get("REPORTGEN_CACHE_DIR"):
        return Path(own)
    if xdg := environ.get("XDG_CACHE_HOME"):
        return Path(xdg) / "reportgen"
    if platform == "win32":
        return Path(environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "reportgen" / "Cache"
    if platform == "darwin":
        return Path.home() / "Library" / "Caches" / "reportgen"
    return Path.home() / ".cache" / "reportgen"


class StatCache:
    """Maps (path, size, mtime_ns, inode) to what is known of the file's bytes.

    `file` is where it is kept between builds; None keeps it in memory only. `now_ns` is the clock.
    """

    def __init__(self, file: Path | None, *, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._file = file
        self._now_ns = now_ns
        self._entries: dict[str, Sequence[Any]] = _load(file) if file is not None else {}
        self._seen: set[str] = set()
        self._changed = False

    def known(self, path: str, stat: os.stat_result) -> CacheEntry | None:
        """Return what is known of the file at `path` if it is still in the state of `stat`."""
        entry = self._entries.get(path)
        if entry is None or entry[0] != stat.st_size or entry[1] != stat.st_mtime_ns or entry[2] != stat.st_ino:
            return None
        self._seen.add(path)
        return CacheEntry(*entry)

    def digest(self, path: str, stat: os.stat_result) -> str:
        """Return the sha256 of the file at `path` if it is known in the state of `stat`, else an empty text."""
        entry = self._entries.get(path)
        if entry is None or entry[0] != stat.st_size or entry[1] != stat.st_mtime_ns or entry[2] != stat.st_ino:
            return ""
        self._seen.add(path)
        return str(entry[3])

    def put(self, path: str, stat: os.stat_result, *, sha256: str = "", facts: Mapping[str, Any] | None = None) -> None:
        """Remember `sha256` or `facts` of the file at `path`; `stat` was taken before its bytes were read.

        What is known already of the same state stays. A file younger than two seconds is not remembered.
        """
        if self._now_ns() - stat.st_mtime_ns < YOUNG_NS or not _is_storable(path):
            return
        old = self.known(path, stat)
        entry = (
            stat.st_size,
            stat.st_mtime_ns,
            stat.st_ino,
            sha256 or (old.sha256 if old else ""),
            facts if facts is not None else (old.facts if old else None),
        )
        self._entries[path] = entry
        self._seen.add(path)
        self._changed = True

    def sha256(self, path: str) -> str:
        """Return the sha256 of a regular file in hexadecimal digits, from memory or by reading it.

        Raises `OSError` when it cannot be read, is a symbolic link, or is no regular file.
        """
        stat = os.lstat(path)
        entry = self.known(path, stat)
        if entry is not None and entry.sha256:
            return entry.sha256
        digest, stat = hash_file(path)
        self.put(path, stat, sha256=digest)
        return digest

    def save(self) -> None:
        """Write the file if anything changed, without entries that were not asked for; losing it loses only time."""
        if self._file is None or not (self._changed or len(self._seen) < len(self._entries)):
            return
        kept = {path: entry for path, entry in self._entries.items() if path in self._seen}
        data = orjson.dumps({"format": CACHE_FORMAT, "files": kept})
        beside = self._file.with_name(f"{self._file.name}.{os.getpid()}")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            beside.write_bytes(data)
            os.replace(beside, self._file)
        except OSError:
            with contextlib.suppress(OSError):
                beside.unlink()
            return
        self._changed = False


def open_regular(path: str) -> tuple[int, os.stat_result]:
    """Open a regular file for reading and return (descriptor, stat); raise `OSError` for a link, FIFO or device."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags | getattr(os, "O_CLOEXEC", 0))
    stat = os.fstat(descriptor)
    if not stat_module.S_ISREG(stat.st_mode):
        os.close(descriptor)
        raise OSError(f"'{os.path.basename(path)}' is not a regular file")
    return descriptor, stat


def hash_file(path: str) -> tuple[str, os.stat_result]:
    """Return the sha256 of a regular file and its stat from before it was read; raise `OSError` like `open_regular`."""
    descriptor, stat = open_regular(path)
    digest = hashlib.sha256()
    with open(descriptor, "rb", buffering=0) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest(), stat


def _load(file: Path) -> dict[str, Sequence[Any]]:
    try:
        data = orjson.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    if not isinstance(data, dict) or data.get("format") != CACHE_FORMAT or not isinstance(data.get("files"), dict):
        return {}
    return {path: entry for path, entry in data["files"].items() if _is_entry(entry)}


def _is_storable(path: str) -> bool:
    """Tell whether JSON can hold the path: a name that is no UTF-8 stands in it as lone surrogates."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_entry(entry: Any) -> bool:
    if not isinstance(entry, list) or len(entry) != 5:
        return False
    size, mtime_ns, inode, sha256, facts = entry
    whole = isinstance(size, int) and isinstance(mtime_ns, int) and isinstance(inode, int)
    return whole and isinstance(sha256, str) and (facts is None or isinstance(facts, dict))

"""Bytes that lie inside a log and are files of their own right, such as the pictures in an event file.

They are kept in the platform's cache folder under their digest, so that all later stages find a file like any other.
What was not asked for in a month goes. The folder may be deleted at any time while nothing is read.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from functools import cache
from pathlib import Path
from typing import Final

from reportgen.sources.statcache import cache_folder

KEPT_DAYS: Final = 30


def keep_bytes(data: bytes) -> str:
    """Keep `data` as a file and return its sha256; where that fails the file is missing, and told so."""
    digest = hashlib.sha256(data).hexdigest()
    file = _folder() / digest[:2] / digest
    beside = file.with_name(f"{digest}.{os.getpid()}")
    try:
        if file.is_file() and file.stat().st_size == len(data):
            os.utime(file)
            return digest
        file.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(data)
        os.replace(beside, file)
    except OSError:
        with contextlib.suppress(OSError):
            beside.unlink()
    return digest


def kept_file(digest: str) -> str:
    """Return the path of the bytes with this sha256, empty where they are not kept."""
    if len(digest) != 64 or digest.strip("0123456789abcdef"):
        return ""
    file = _folder() / digest[:2] / digest
    return str(file) if file.is_file() and not file.is_symlink() else ""


def _folder() -> Path:
    folder = cache_folder() / "extracted"
    _clean(str(folder))
    return folder


@cache
def _clean(folder: str) -> None:
    """Remove what was not asked for in a month, once in a process."""
    old = time.time() - KEPT_DAYS * 86_400
    with contextlib.suppress(OSError):
        for below in os.scandir(folder):
            if below.is_dir(follow_symlinks=False):
                for entry in os.scandir(below.path):
                    with contextlib.suppress(OSError):
                        if entry.is_file(follow_symlinks=False) and entry.stat().st_mtime < old:
                            os.unlink(entry.path)

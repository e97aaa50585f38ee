"""Run logs out of an archive that nobody vouches for: what a job of a fork uploaded, say.

Of a zip file it takes run logs, with `artifacts` also the files that runs keep, and nothing else. Whatever an archive
can do to the one who opens it ends the work with a `SourceError` before a file is in place: names that leave the
folder, links, devices, encryption, two entries that are one file on some file system, more files or bytes than
allowed, more bytes than their compressed form can honestly hold. Sizes are counted while they are read; what the
archive says of itself is not believed.
"""

from __future__ import annotations

import re
import shutil
import stat
import tempfile
import unicodedata
import zipfile
import zlib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, Final

from reportgen.errors import SourceError
from reportgen.formats import ARTIFACT_FOLDER, RUN_LOG_GLOB

MAX_PART: Final = 200
"""Bytes of one part of a name; file systems take 255, and a site adds to it."""
MAX_DEPTH: Final = 16
"""Parts of a name."""
FREE_BYTES: Final = 2**20
"""So much may be in an archive whatever it is compressed to: a few lines of one constant metric shrink very well."""
MAX_HEADER: Final = 1024
"""Bytes of the archive's table of contents that one file may take on average."""
_CHUNK: Final = 2**18
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_END: Final = b"PK\x05\x06"
_END_BYTES: Final = 22
_LARGE: Final = b"PK\x06\x07"
"""Stands before the end where another record tells of more files or bytes than the end can: in zip64."""
_LARGE_BYTES: Final = 20


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may hold."""

    files: int = 10_000
    """Entries, those that are passed over included."""
    size_bytes: int = 500 * 2**20
    """Of the archive, and of everything that is read out of it."""
    ratio: float = 100.0
    """Bytes that are read out of it for each of its own."""


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What was taken out of an archive."""

    folder: Path
    logs: int
    artifacts: int
    size_bytes: int
    passed_over: int
    """Files that are neither."""


@dataclass(frozen=True, slots=True)
class _Entry:
    info: zipfile.ZipInfo
    parts: tuple[str, ...]
    is_log: bool


def unpack_runs(archive: Path, folder: Path, *, artifacts: bool = False, limits: Limits | None = None) -> Unpacked:
    """Take the run logs in the zip file `archive` into `folder`, which must be new or empty; all of them or none.

    With `artifacts` the files in the `artifacts` folder beside a log come along. Raises `SourceError` for an archive
    that cannot be read, that holds no run log, or that is refused.
    """
    limits = limits or Limits()
    if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
        raise SourceError(f"'{folder}' is there already: name a folder that is new or empty")
    try:
        size = archive.stat().st_size
        if size > limits.size_bytes:
            raise _refused(archive, f"it has {size:,} bytes, more than {limits.size_bytes:,}", "--max-mb")
        with archive.open("rb") as file:
            _check_contents_size(file, size, archive, limits)
            with zipfile.ZipFile(file) as opened:
                entries = _find_entries(opened, archive, limits)
                return _take(opened, entries, archive, folder, size, limits, artifacts=artifacts)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, UnicodeError, ValueError) as error:
        raise SourceError(f"'{archive}' is no whole zip file ({error}): upload it again") from error
    except OSError as error:
        raise SourceError(f"'{error.filename or archive}' cannot be used ({error.strerror})") from error


def _check_contents_size(file: IO[bytes], size: int, archive: Path, limits: Limits) -> None:
    """Refuse a table of contents that would fill the memory: Python reads all of it before anything can be counted."""
    file.seek(max(0, size - _LARGE_BYTES - _END_BYTES - 2**16))
    tail = file.read()
    at = len(tail) - _END_BYTES
    if at < 0 or not (tail.startswith(_END, at) and tail.endswith(b"\0\0")):
        at = tail.rfind(_END)
    record = tail[at : at + _END_BYTES] if at >= 0 else b""
    if len(record) < _END_BYTES:
        raise SourceError(f"'{archive}' is no whole zip file (it has no table of contents): upload it again")
    count, table = int.from_bytes(record[10:12], "little"), int.from_bytes(record[12:16], "little")
    if count > limits.files or count == 0xFFFF:  # which stands for a larger number
        raise _refused(archive, f"it has more than {limits.files:,} files", "--max-files")
    if tail.startswith(_LARGE, max(0, at - _LARGE_BYTES)):  # Python would believe that other record
        raise _refused(archive, "it is in the form for more than 65,535 files or 4 GB")
    if table > max(limits.files, 1) * MAX_HEADER:
        raise _refused(archive, f"its table of contents has {table:,} bytes", "--max-files")
    file.seek(0)


def _find_entries(opened: zipfile.ZipFile, archive: Path, limits: Limits) -> list[_Entry]:
    """Return the files in the archive. Raises `SourceError` for the first one that no honest archive has."""
    infos = opened.infolist()
    if len(infos) > limits.files:
        raise _refused(archive, f"it has more than {limits.files:,} files", "--max-files")
    entries: list[_Entry] = []
    seen: dict[str, str] = {}
    for info in infos:
        fault = _fault_of(info)
        if fault:
            raise _refused(archive, f"{_shown(info)} {fault}")
        if info.is_dir():
            continue
        parts = tuple(info.orig_filename.split("/"))
        same = unicodedata.normalize("NFC", info.orig_filename).casefold()
        if same in seen:
            raise _refused(archive, f"{_shown(info)} is there twice, or differs in case alone from '{seen[same]}'")
        seen[same] = info.orig_filename
        entries.append(_Entry(info, parts, fnmatchcase(parts[-1], RUN_LOG_GLOB)))
    return entries


def _fault_of(info: zipfile.ZipInfo) -> str:
    """Return what is wrong with an entry, empty for nothing."""
    name = info.orig_filename
    parts = name.removesuffix("/").split("/")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR) or (kind and (kind == stat.S_IFDIR) != info.is_dir()):
        return "is no plain file: a link, a device, or a folder that is none"
    if not name.isprintable() or "\\" in name or ":" in name:
        return "has signs in its name that are no part of a name"
    if any(part in ("", ".", "..") for part in parts):
        return "leaves the folder"
    if len(parts) > MAX_DEPTH or any(len(part.encode("utf-8", "surrogatepass")) > MAX_PART for part in parts):
        return f"has more than {MAX_DEPTH} parts in its name, or one longer than {MAX_PART} bytes"
    if any(part != part.rstrip(". ") for part in parts):
        return "has a name that ends in a full stop or a blank"
    if info.flag_bits & 0x41:
        return "is encrypted"
    if info.compress_type not in _METHODS:
        return f"is compressed in a way that is not read ({info.compress_type})"
    return ""


def _take(
    opened: zipfile.ZipFile,
    entries: list[_Entry],
    archive: Path,
    folder: Path,
    size: int,
    limits: Limits,
    *,
    artifacts: bool,
) -> Unpacked:
    """Write the wanted files beside `folder` and put them in place at once."""
    runs = {entry.parts[:-1] for entry in entries if entry.is_log}
    wanted = [entry for entry in entries if entry.is_log or (artifacts and _is_kept(entry, runs))]
    if not runs:
        raise SourceError(
            f"'{archive}' holds no run log ('{RUN_LOG_GLOB}') among {len(entries):,} files: upload the folder that"
            " the logger writes to; logs of other programs go through `reportgen import` first"
        )
    allowed = min(limits.size_bytes, max(FREE_BYTES, int(size * limits.ratio)))
    target = Path.cwd() / folder
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".unpack-", dir=target.parent))
    try:
        left = allowed
        for entry in wanted:
            left -= _write(opened, entry, scratch, left, archive, limits, size)
        if target.exists():
            target.rmdir()
        scratch.chmod(0o755)
        scratch.rename(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    logs = sum(entry.is_log for entry in wanted)
    return Unpacked(folder, logs, len(wanted) - logs, allowed - left, len(entries) - len(wanted))


def _is_kept(entry: _Entry, runs: set[tuple[str, ...]]) -> bool:
    return any(part == ARTIFACT_FOLDER and entry.parts[:at] in runs for at, part in enumerate(entry.parts[:-1]))


def _write(
    opened: zipfile.ZipFile, entry: _Entry, folder: Path, left: int, archive: Path, limits: Limits, size: int
) -> int:
    """Write one file of at most `left` bytes and return how many it has."""
    path = folder.joinpath(*entry.parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with opened.open(entry.info) as source, path.open("xb") as target:
        while chunk := source.read(_CHUNK):
            written += len(chunk)
            if written > left:
                if limits.size_bytes <= max(FREE_BYTES, int(size * limits.ratio)):
                    raise _refused(archive, f"it holds more than {limits.size_bytes:,} bytes", "--max-mb")
                reason = f"it holds more than {limits.ratio:g} times its own {size:,} bytes, as bombs do"
                raise _refused(archive, reason, "--max-ratio")
            target.write(chunk)
    return written


def _shown(info: zipfile.ZipInfo) -> str:
    name = re.sub(r"(.{80}).+", r"\1…", info.orig_filename, flags=re.DOTALL)
    return f"'{name}'"


def _refused(archive: Path, reason: str, option: str = "") -> SourceError:
    remedy = f": if it is yours, raise {option}" if option else ": nothing was taken out of it"
    return SourceError(f"'{archive}' is refused, {reason}{remedy}")

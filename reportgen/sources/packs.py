"""What a built site says of its runs: `data/site.json`, and the packs that it lists.

A *pack* holds what is known of some runs, without their series: two gzip members, each one line of JSON. The first
says what each run was made from and which files it has, the second holds the summaries, as columns, for those who want
them. Which run is in which pack decides `site.packs`; this module reads them. Everything in a site is untrusted: shapes
are checked, and paths are made here from names and digests that have one.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from reportgen.errors import FormatError, SourceError
from reportgen.formats import SITE_FORMAT, clean_text, decode_number, encode_number
from reportgen.sources.parts import redacted
from reportgen.sources.statcache import open_regular

SITE_JSON: Final = "data/site.json"
EDITS: Final = "data/edits.jsonl"
MAX_SITE_JSON: Final = 1 << 28
"""Longest `data/site.json` that is read, in bytes."""
MAX_PACK: Final = 1 << 29
"""Longest pack that is read, in bytes, packed or unpacked."""
REBUILD: Final = "build the site again from its logs"

_KEY: Final = re.compile(r"[0-9a-f]{32}")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_HEX: Final = re.compile(r"[0-9a-f]*")
_MARK: Final = re.compile(r"(?:[0-9a-f]{64}|bytes:\d{1,19}) .{1,2000}")
_NAME: Final = re.compile(r"(?:mixed|[a-z2-7]{10})-\d{1,6}")


@dataclass(frozen=True, slots=True)
class PackRef:
    """A pack as `data/site.json` lists it."""

    name: str
    sha256: str
    experiments: tuple[str, ...]
    """Experiments of which it holds runs."""

    @property
    def path(self) -> str:
        """Site path of the file: its name changes with its bytes, so that a site that is being changed stays whole."""
        return pack_path(self.name, self.sha256)


@dataclass(frozen=True, slots=True)
class RunEntry:
    """What a site notes of one run, beside its summary."""

    key: str
    run_id: str
    experiment: str
    name: str
    parent_id: str
    start_time: float
    sources: tuple[str, ...]
    """What the run was read from: sha256 and name of each original file."""
    stamp: str
    """Digest of what its files depend on, beside the stamp of the site."""
    files: Mapping[str, str]
    """Site path of each file of the run -> sha256."""
    twin_of: str = ""
    """Key of the run that has the same id and another history, where that run has the id's own key."""
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Site path -> size in bytes of each tile that was left out to keep the site below `max_site_mb`."""

    @property
    def origin(self) -> str:
        """Key that the run's id has by itself: that of all its twins."""
        return self.twin_of or self.key

    @property
    def sha256(self) -> str:
        """sha256 of the record."""
        return self.files[record_path(self.key)]

    def describe(self) -> dict[str, Any]:
        """Return the entry as it stands in a pack; `decode_entry` is the way back."""
        entry: dict[str, Any] = {"id": self.run_id, "name": self.name, "experiment": self.experiment}
        if self.parent_id:
            entry["parent"] = self.parent_id
        entry |= {
            "start": encode_number(self.start_time),
            "sources": self.sources,
            "stamp": self.stamp,
            "files": self.files,
        }
        if self.twin_of:
            entry["twin_of"] = self.twin_of
        if self.dropped:
            entry["dropped"] = self.dropped
        return entry


def record_path(key: str) -> str:
    """Return the site path of a run's record."""
    return f"data/runs/{key}.jsonl.gz"


def pack_path(name: str, sha256: str) -> str:
    """Return the site path of a pack."""
    return f"data/packs/{name}-{sha256[:10]}.jsonl.gz"


# ---- data/site.json


def check_document(data: bytes, path: str) -> dict[str, Any]:
    """Return what the `data/site.json` at `path` (or address) says. Raises `SourceError` for one that is no use."""
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise SourceError(f"'{path}' is not JSON ({error}): {REBUILD}") from None
    if not isinstance(document, dict) or "format" not in document:
        raise SourceError(f"'{path}' does not describe a site of reportgen: {REBUILD}")
    version = document["format"]
    if type(version) is not int or version > SITE_FORMAT:
        made_by = document.get("reportgen")
        wanted = f">={made_by}" if isinstance(made_by, str) and re.fullmatch(r"[0-9A-Za-z.+-]{1,40}", made_by) else ""
        raise SourceError(
            f"the site of '{path}' has format {str(version)[:40]}, newer than {SITE_FORMAT}: "
            f"pip install -U 'reportgen{wanted}'"
        )
    if not isinstance(document.get("packs"), dict):
        raise SourceError(f"'{path}' does not describe a site of reportgen: {REBUILD}")
    return document


def read_document(root: str) -> dict[str, Any]:
    """Return what `data/site.json` of the site in the folder `root` says. Raises `SourceError`."""
    path = os.path.join(root, *SITE_JSON.split("/"))
    if not is_real_folder(os.path.join(root, "data")):
        raise SourceError(f"cannot read '{path}': its folder is a symbolic link")
    try:
        data = _read_file(path, MAX_SITE_JSON)
    except OSError as error:
        raise SourceError(f"cannot read '{path}': {error.strerror or error}") from None
    return check_document(b"null" if data is None else data, path)


def list_packs(document: Mapping[str, Any]) -> tuple[list[PackRef], int]:
    """Return the packs that `data/site.json` lists, by name, and how many entries have not the shape of one."""
    packs, wrong = [], 0
    listed = document.get("packs")
    for name, entry in sorted(listed.items()) if isinstance(listed, dict) else ():
        told: dict[str, Any] = entry if isinstance(entry, dict) else {}
        sha256, names = told.get("sha256"), told.get("experiments")
        if not _NAME.fullmatch(name) or not isinstance(sha256, str) or not is_digest(sha256) or not _are_texts(names):
            wrong += 1
            continue
        packs.append(PackRef(name, sha256, tuple(names or ())))
    return packs, wrong


# ---- packs


def read_packs(
    root: str, document: Mapping[str, Any], experiments: Collection[str] | None = None
) -> Iterator[tuple[PackRef, bytes]]:
    """Yield each pack of the site in the folder `root` with its bytes, of `experiments` alone if they are given.

    Raises `SourceError` for a pack that is missing, or not the one that `data/site.json` lists.
    """

    def read(ref: PackRef) -> bytes:
        data = read_pack_file(root, ref)
        if data is None:
            path = os.path.join(root, *ref.path.split("/"))
            raise SourceError(
                f"the site in '{root}' is not whole: '{path}' is missing or not what {SITE_JSON} lists. "
                f"Restore it, from the history of its branch if it has one, or {REBUILD}"
            )
        return data

    return iter_packs(document, read, experiments)


def iter_packs(
    document: Mapping[str, Any], read: Callable[[PackRef], bytes], experiments: Collection[str] | None = None
) -> Iterator[tuple[PackRef, bytes]]:
    """Yield each pack that `document` lists, of `experiments` alone if they are given, with what `read` gives of it."""
    for ref in list_packs(document)[0]:
        if experiments is None or not set(experiments).isdisjoint(ref.experiments):
            yield ref, read(ref)


def read_pack_file(root: str, ref: PackRef) -> bytes | None:
    """Return the bytes of a pack in the folder `root`; None when it is missing, or is not the one that is meant."""
    folders = (os.path.join(root, "data"), os.path.join(root, "data", "packs"))
    try:
        data = _read_file(os.path.join(root, *ref.path.split("/")), MAX_PACK)
    except OSError:
        return None
    if not all(map(is_real_folder, folders)) or data is None or hashlib.sha256(data).hexdigest() != ref.sha256:
        return None
    return data


def split_pack(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the head of a pack, and its summaries as they are packed. Raises `FormatError` for bytes of another kind.

    The head has `experiments` and `runs`, both objects; nothing in them was checked.
    """
    inflate = zlib.decompressobj(31)
    try:
        text = inflate.decompress(data, MAX_PACK)
        head = orjson.loads(text)
        if not inflate.eof or not isinstance(head["runs"], dict) or not isinstance(head["experiments"], dict):
            raise FormatError("a pack cannot be read: it is cut, or larger than the limit")
    except (zlib.error, orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise FormatError(f"a pack cannot be read: {error}") from None
    return head, inflate.unused_data


def decode_entries(head: Mapping[str, Any]) -> tuple[dict[str, RunEntry], int]:
    """Return run key -> entry of a pack's head, and how many entries have not the shape of one.

    Texts are cleaned and redacted: a newer pattern finds what an older one let through.
    """
    entries, wrong = {}, 0
    for key, value in head["runs"].items():
        entry = decode_entry(key, value)
        if entry is None:
            wrong += 1
        else:
            entries[key] = entry
    return entries, wrong


def decode_entry(key: str, value: Any) -> RunEntry | None:
    """Return the entry of one run, None if `value` has not the shape of one."""
    if not _KEY.fullmatch(key) or not isinstance(value, dict):
        return None
    texts: Any = [value.get(name) for name in ("id", "experiment", "name", "stamp")] + [value.get("parent", "")]
    sources: Any = value.get("sources")
    files: Any = value.get("files")
    twin_of, dropped = value.get("twin_of", ""), value.get("dropped", {})
    if not _are_texts(texts) or not is_listing(files) or record_path(key) not in files:
        return None
    if not isinstance(twin_of, str) or (twin_of and not is_key(twin_of)) or not isinstance(dropped, dict):
        return None
    if not all(type(size) is int and size >= 0 for size in dropped.values()):
        return None
    try:
        start = decode_number(value.get("start"))
    except FormatError:
        return None
    marks = tuple(sorted(mark for mark in sources if is_mark(mark))) if isinstance(sources, list) else ()
    run_id, experiment, name, stamp, parent_id = texts
    return RunEntry(key, run_id, experiment, name, parent_id, start, marks, stamp, files, twin_of, dropped)


def cleaned_sources(entry: RunEntry) -> tuple[str, ...]:
    """Return the sources of an entry as a page may show them: an untrusted site wrote them."""
    return tuple(sorted(redacted(clean_text(mark)) for mark in entry.sources))


# ---- shapes


def is_digest(value: object) -> bool:
    """Tell whether `value` is a sha256 in hexadecimal digits."""
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def is_key(value: object) -> bool:
    """Tell whether `value` is the key of a run."""
    return isinstance(value, str) and _KEY.fullmatch(value) is not None


def is_mark(value: object) -> bool:
    """Tell whether `value` names an original file with its digest or its size."""
    return isinstance(value, str) and _MARK.fullmatch(value) is not None


def _are_texts(values: Any) -> bool:
    return isinstance(values, list | tuple) and all(type(value) is str for value in values)


def is_listing(value: Any) -> bool:
    """Tell whether `value` maps texts to digests."""
    if not isinstance(value, dict) or not value:
        return isinstance(value, dict)
    digests = value.values()
    if set(map(type, digests)) != {str} or set(map(len, digests)) != {64}:
        return False
    return _HEX.fullmatch("".join(digests)) is not None


def is_real_folder(path: str) -> bool:
    """Tell whether `path` is a folder, and no link to one."""
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def _read_file(path: str, max_bytes: int) -> bytes | None:
    """Return the bytes of a regular file, None when there are too many. Raises `OSError`."""
    descriptor, found = open_regular(path)
    with open(descriptor, "rb") as file:
        return file.read(max_bytes) if found.st_size <= max_bytes else None

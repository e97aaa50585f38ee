"""A built site as a source: its records are logs again. Everything in a site is untrusted.

Of all that `data/site.json` says, only run keys, digests and texts are taken, each checked for its shape; the paths
that are opened are made here from the keys.
"""

from __future__ import annotations

import os
import re
import stat
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import orjson

from reportgen.errors import SourceError
from reportgen.formats import SITE_FORMAT, clean_text
from reportgen.model import Problem
from reportgen.sources.parts import Part, make_part, redacted
from reportgen.sources.places import LogFile, Place
from reportgen.sources.runs import HEAD_BYTES, full_facts, head_facts
from reportgen.sources.statcache import StatCache, open_regular

SITE_FILE: Final = os.path.join("data", "site.json")
MAX_SITE_JSON: Final = 1 << 29

_KEY: Final = re.compile(r"[0-9a-f]{32}")
_MARK: Final = re.compile(r"(?:[0-9a-f]{64}|bytes:\d{1,19}) .{1,2000}")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
REBUILD: Final = "build the site again from its logs"


def is_site(folder: str) -> bool:
    """Tell whether a folder is a built site."""
    return os.path.lexists(os.path.join(folder, SITE_FILE))


def find_site_runs(root: str, cache: StatCache) -> tuple[list[Part], list[Problem]]:
    """Return the runs of the site in the folder `root`, and its problems that belong to no run.

    Raises `SourceError` when `data/site.json` cannot be read or is of a newer format.
    """
    document = _read_document(root)
    folder = os.path.join(root, "data", "runs")
    if not _is_folder(folder):
        problems = _problems(document)
        if document["runs"]:
            problems.append(Problem("data/runs", "the folder of records is missing or a symbolic link", REBUILD))
        return [], problems
    return make_site_parts(
        document, lambda key: os.path.join(folder, f"{key}.jsonl.gz"), os.path.join(root, "a"), cache
    )


def make_site_parts(
    document: Mapping[str, Any], record_of: Callable[[str], str], artifact_root: str, cache: StatCache
) -> tuple[list[Part], list[Problem]]:
    """Return the runs of the site that `document` describes, and its problems that belong to no run.

    `record_of` gives for a run key, which has the shape of one, the path of its record on this machine.
    """
    problems = _problems(document)
    parts: list[Part] = []
    for key, entry in document["runs"].items():
        if not _KEY.fullmatch(key) or not isinstance(entry, dict):
            problems.append(Problem("data/site.json", "an entry has not the shape of a run: it was skipped", REBUILD))
            continue
        label = f"data/runs/{key}.jsonl.gz"
        path = record_of(key)
        try:
            facts = _record_facts(path, cache)
        except OSError as error:
            problems.append(Problem(label, f"the record cannot be read: {error.strerror or error}", REBUILD))
            continue
        if not facts:
            problems.append(Problem(label, "no line of the record can be read", REBUILD))
            continue
        twin_of = entry.get("twin_of")
        base = twin_of if isinstance(twin_of, str) and _KEY.fullmatch(twin_of) else key
        place = Place(
            "site",
            (LogFile(path, label),),
            artifact_root,
            sha256=entry["sha256"] if _is_digest(entry.get("sha256")) else "",
            sources=tuple(sorted(redacted(clean_text(m)) for m in _list(entry.get("sources")) if _is_mark(m))),
        )
        parts.append(replace(make_part(base, facts, "runs", place), is_twin=base != key))
    return parts, problems


def _read_document(root: str) -> dict[str, Any]:
    path = os.path.join(root, SITE_FILE)
    if not _is_folder(os.path.join(root, "data")):
        raise SourceError(f"cannot read '{path}': its folder is a symbolic link")
    try:
        descriptor, found = open_regular(path)
        with open(descriptor, "rb") as file:
            data = file.read(MAX_SITE_JSON) if found.st_size <= MAX_SITE_JSON else b"null"
    except OSError as error:
        raise SourceError(f"cannot read '{path}': {error.strerror or error}") from None
    return check_document(data, path)


def check_document(data: bytes, path: str) -> dict[str, Any]:
    """Return what the `data/site.json` at `path` (or address) says. Raises `SourceError` for one that is no use."""
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise SourceError(f"'{path}' is not JSON ({error}): {REBUILD}") from None
    if not isinstance(document, dict) or not isinstance(document.get("runs"), dict):
        raise SourceError(f"'{path}' does not describe a site of reportgen: {REBUILD}")
    version = document.get("format")
    if not isinstance(version, int) or version > SITE_FORMAT:
        made_by = document.get("reportgen")
        wanted = f">={made_by}" if isinstance(made_by, str) and re.fullmatch(r"[0-9A-Za-z.+-]{1,40}", made_by) else ""
        raise SourceError(
            f"the site of '{path}' has format {str(version)[:40]}, newer than {SITE_FORMAT}: "
            f"pip install -U 'reportgen{wanted}'"
        )
    return document


def _record_facts(path: str, cache: StatCache) -> Mapping[str, Any]:
    """Return what the first line of a record says, like the facts of a log. Raises `OSError`."""
    found = os.lstat(path)
    entry = cache.known(path, found)
    if entry is not None and entry.facts is not None:
        return entry.facts
    descriptor, found = open_regular(path)
    with open(descriptor, "rb", buffering=0) as file:
        data = file.read(HEAD_BYTES)
    try:
        text = zlib.decompressobj(31).decompress(data, HEAD_BYTES)
    except zlib.error:
        text = b""
    facts = head_facts(text[: text.find(b"\n") + 1]) or full_facts(data, packed=True)
    cache.put(path, found, facts=facts)
    return facts


def _problems(document: Mapping[str, Any]) -> list[Problem]:
    return [p for p in map(_problem, _list(document.get("problems"))) if p is not None]


def _is_folder(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def _is_mark(value: object) -> bool:
    return isinstance(value, str) and _MARK.fullmatch(value) is not None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _problem(value: object) -> Problem | None:
    """Return a problem that a site tells of, None if it has not the shape of one."""
    if not isinstance(value, dict):
        return None
    where, message, hint = (value.get(name) for name in ("where", "message", "hint"))
    line, count = value.get("line"), value.get("count")
    if not (isinstance(where, str) and isinstance(message, str) and isinstance(hint, str)):
        return None
    return Problem(
        redacted(clean_text(where)),
        redacted(clean_text(message)),
        redacted(clean_text(hint)),
        line if isinstance(line, int) and not isinstance(line, bool) else None,
        count if isinstance(count, int) and count > 0 else 1,
    )

"""A built site as a source: its records are logs again. Everything in a site is untrusted.

Of what its packs say of a run, only keys, digests and texts are taken, each checked for its shape; the paths that are
opened are made here from the keys.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from reportgen.errors import FormatError, SourceError
from reportgen.formats import clean_text
from reportgen.model import Edits, Problem
from reportgen.sources.edits import MAX_EDITS, decode_edits
from reportgen.sources.packs import (
    EDITS,
    REBUILD,
    SITE_JSON,
    RunEntry,
    cleaned_sources,
    decode_entries,
    is_digest,
    is_real_folder,
    list_packs,
    read_document,
    read_packs,
    record_path,
    split_pack,
)
from reportgen.sources.parts import Part, make_part, redacted
from reportgen.sources.places import LogFile, Place
from reportgen.sources.runs import HEAD_BYTES, full_facts, head_facts
from reportgen.sources.statcache import StatCache, open_regular


@dataclass(frozen=True, slots=True)
class FoundSite:
    """What a built site holds."""

    parts: tuple[Part, ...]
    problems: tuple[Problem, ...]
    """Those that belong to no run."""
    edits: Edits


def find_site_runs(root: str, cache: StatCache) -> FoundSite:
    """Return what the site in the folder `root` holds.

    Raises `SourceError` when `data/site.json` or a pack cannot be read, or is of a newer format.
    """
    document = read_document(root)
    packs = [data for _, data in read_packs(root, document)]
    folder = os.path.join(root, "data", "runs")
    if not is_real_folder(folder):
        problems = read_problems(document)
        if list_packs(document)[0]:
            problems.append(Problem("data/runs", "the folder of records is missing or a symbolic link", REBUILD))
        return FoundSite((), tuple(problems), decode_edits(read_edits(root, document))[0])
    return make_site(
        document,
        packs,
        read_edits(root, document),
        record_of=lambda entry: os.path.join(folder, f"{entry.key}.jsonl.gz"),
        artifact_root=os.path.join(root, "a"),
        cache=cache,
    )


def make_site(
    document: Mapping[str, Any],
    packs: Iterable[bytes],
    edits: bytes,
    *,
    record_of: Callable[[RunEntry], str],
    artifact_root: str,
    cache: StatCache,
) -> FoundSite:
    """Return what the site holds that `document`, its packs and its `data/edits.jsonl` describe.

    `record_of` gives the path of a run's record on this machine. Raises `SourceError` for a pack of another kind.
    """
    problems = read_problems(document)
    parts: list[Part] = []
    unread = list_packs(document)[1]
    known, odd = decode_edits(edits)
    for data in packs:
        try:
            entries, wrong = decode_entries(split_pack(data)[0])
        except FormatError as error:
            raise SourceError(f"the site cannot be read: {error}: {REBUILD}") from None
        unread += wrong
        for entry in entries.values():
            if entry.key in known.forgotten:
                continue
            part = find_part(entry, record_of(entry), artifact_root, cache)
            if isinstance(part, Part):
                parts.append(part)
            else:
                problems.append(part)
    if unread:
        problems.append(
            Problem(SITE_JSON, "an entry has not the shape of a run: it was skipped", REBUILD, None, unread)
        )
    if odd:
        hint = "write it with `reportgen edit`"
        problems.append(Problem(EDITS, "a line has not the shape of an edit: it was skipped", hint, None, odd))
    return FoundSite(tuple(parts), tuple(problems), known)


def find_part(entry: RunEntry, path: str, artifact_root: str, cache: StatCache) -> Part | Problem:
    """Return what a site holds of a run, whose record lies at `path`; a problem when it cannot be read."""
    label = record_path(entry.key)
    try:
        facts = _record_facts(path, cache)
    except OSError as error:
        return Problem(label, f"the record cannot be read: {error.strerror or error}", REBUILD)
    if not facts:
        return Problem(label, "no line of the record can be read", REBUILD)
    place = Place("site", (LogFile(path, label),), artifact_root, sha256=entry.sha256, sources=cleaned_sources(entry))
    return replace(make_part(entry.origin, facts, "runs", place), is_twin=bool(entry.twin_of))


def read_edits(root: str, document: Mapping[str, Any]) -> bytes:
    """Return `data/edits.jsonl` of the site in the folder `root`, empty when it lists none. Raises `SourceError`."""
    files = document.get("files")
    if not isinstance(files, dict) or not is_digest(files.get(EDITS)):
        return b""
    path = os.path.join(root, *EDITS.split("/"))
    try:
        descriptor, found = open_regular(path)
        with open(descriptor, "rb") as file:
            if found.st_size <= MAX_EDITS:
                return file.read(MAX_EDITS)
    except OSError as error:
        raise SourceError(f"cannot read '{path}': {error.strerror or error}: restore it") from None
    raise SourceError(f"'{path}' has more than {MAX_EDITS:,} bytes, which no edits have: restore it")


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


def read_problems(document: Mapping[str, Any]) -> list[Problem]:
    """Return the problems that a site tells of and that belong to no run."""
    listed = document.get("problems")
    return [p for p in map(_problem, listed if isinstance(listed, list) else ()) if p is not None]


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

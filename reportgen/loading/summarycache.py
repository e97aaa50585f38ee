"""Summaries of runs that were read before, kept outside the runs: what is unchanged is not read again.

A file for each set of sources, beside that of the digests. Both may be deleted at any time; a damaged or foreign one is
ignored. A summary counts for the same files of a run, the same code of reportgen and the same patterns for secrets.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import orjson

import reportgen
from reportgen.capture.redaction import REDACTION_VERSION
from reportgen.errors import FormatError
from reportgen.model import Summary
from reportgen.site.data.summaries import decode_summaries, encode_summaries
from reportgen.site.plan import code_digest
from reportgen.sources import RunRef

CACHE_FORMAT: Final = 1
KEEP_FILES: Final = 32
"""Files in the folder, two for each set of sources; the ones that were used last stay."""
MAX_BYTES: Final = 256 * 2**20
"""Largest file that is written or read."""
_LEVEL: Final = 1
"""Fast rather than small: the file is read far more often on one machine than it is moved."""


def mark_of(ref: RunRef, fingerprint: Sequence[str]) -> str:
    """Return the digest of what the summaries of a run depend on."""
    noted = [(place.kind, place.item, place.extra) for place in ref.places]
    identity = (ref.key, ref.run_id, ref.experiment, ref.name, ref.parent_id, noted, ref.edits, tuple(fingerprint))
    return hashlib.sha256(repr(identity).encode("utf-8", "surrogatepass")).hexdigest()[:32]


class SummaryCache:
    """Maps marks to the summaries of a run: one, or several where histories contradict each other.

    `file` is where it is kept; None keeps nothing.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._known = _load(file) if file is not None else {}

    def __len__(self) -> int:
        return len(self._known)

    def __iter__(self) -> Iterator[Summary]:
        return (summary for several in self._known.values() for summary in several)

    def get(self, mark: str) -> tuple[Summary, ...] | None:
        """Return the summaries of the run with this mark, None if they are not known."""
        return self._known.get(mark)

    def save(self, summaries: Mapping[str, Sequence[Summary]]) -> None:
        """Keep `summaries` by mark, and nothing else; losing the file loses only time."""
        if self._file is None or summaries.keys() == self._known.keys():
            return
        rows = [(mark, summary) for mark, several in summaries.items() for summary in several]
        head = {**_stamp(), "marks": [mark for mark, _ in rows]}
        packed = encode_summaries([summary for _, summary in rows], level=_LEVEL)
        if len(packed) > MAX_BYTES:
            return
        beside = self._file.with_name(f"{self._file.name}.{os.getpid()}.part")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            beside.write_bytes(orjson.dumps(head, option=orjson.OPT_APPEND_NEWLINE) + packed)
            beside.replace(self._file)
        except OSError:
            with contextlib.suppress(OSError):
                beside.unlink()


def _stamp() -> dict[str, object]:
    code = f"{reportgen.__version__} {code_digest()}"
    return {"format": CACHE_FORMAT, "code": code, "redaction": REDACTION_VERSION}


def _load(file: Path) -> dict[str, tuple[Summary, ...]]:
    try:
        if file.stat().st_size > MAX_BYTES:
            return {}
        data = file.read_bytes()
        end = data.index(b"\n") + 1
        head = orjson.loads(data[:end])
        if {name: head.get(name) for name in _stamp()} != _stamp():
            return {}
        known: dict[str, tuple[Summary, ...]] = {}
        for mark, summary in zip(head["marks"], decode_summaries(data[end:]), strict=True):
            known[mark] = (*known[mark], summary) if mark in known else (summary,)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, FormatError):
        return {}
    return known


def drop_old_files(folder: Path, keep: Iterable[Path]) -> None:
    """Remove the files of `folder` that were written longest ago, so that `KEEP_FILES` stay; those of `keep` do."""
    kept = set(keep)
    with contextlib.suppress(OSError):
        files = sorted((f for f in folder.iterdir() if f not in kept), key=lambda f: -f.stat().st_mtime_ns)
        for file in files[KEEP_FILES - len(kept) :]:
            file.unlink()

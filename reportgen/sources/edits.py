"""Corrections of runs in a site: `data/edits.jsonl`. Bytes to values and back, and what an edit does to a run.

A run's record stays as it was logged. An edit is a layer above it: it changes what is shown, found and compared. A run
that was forgotten leaves its key alone, so that its log, if it comes again, is passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import orjson

from reportgen.formats import clean_text, cut_name
from reportgen.model import Edit, Edits, Run
from reportgen.sources.merge import MAX_NOTES, plain_beginning
from reportgen.sources.packs import is_key
from reportgen.sources.parts import redacted

MAX_EDITS: Final = 1 << 26
"""Longest `data/edits.jsonl` that is read, in bytes."""


NO_EDITS: Final = Edits()


def join_edits(first: Edits, second: Edits) -> Edits:
    """Return the edits of two sites: what one has forgotten is forgotten; of two values the greater line's stands."""
    keys = first.runs.keys() | second.runs.keys()
    runs = {key: _joined(first.runs.get(key), second.runs.get(key)) for key in keys}
    return Edits(runs).without(first.forgotten | second.forgotten)


def _joined(a: Edit | None, b: Edit | None) -> Edit:
    if a is None or b is None:
        return a or b or Edit()
    low, high = sorted((a, b), key=_encode)
    return Edit(dict(sorted({**low.tags, **high.tags}.items())), high.note or low.note)


# ---- data/edits.jsonl


def encode_edits(edits: Edits) -> bytes:
    """Return `data/edits.jsonl`: one line a run, by key."""
    lines = {key: _encode(edit, key) for key, edit in edits.runs.items()}
    lines |= {key: orjson.dumps({"run": key, "forgotten": True}) for key in edits.forgotten}
    return b"".join(lines[key] + b"\n" for key in sorted(lines))


def _encode(edit: Edit, key: str = "") -> bytes:
    line: dict[str, Any] = {"run": key}
    if edit.tags:
        line["tags"] = dict(sorted(edit.tags.items()))
    if edit.note:
        line["note"] = edit.note
    return orjson.dumps(line)


def decode_edits(data: bytes) -> tuple[Edits, int]:
    """Return what `data/edits.jsonl` says, and how many lines have not the shape of an edit. Texts are redacted."""
    runs: dict[str, Edit] = {}
    forgotten: set[str] = set()
    wrong = 0
    for line in data.split(b"\n"):
        if not line.strip():
            continue
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError:
            value = None
        key = value.get("run") if isinstance(value, dict) else None
        edit = _decode(value) if isinstance(value, dict) and is_key(key) else None
        if isinstance(value, dict) and isinstance(key, str) and is_key(key) and value.get("forgotten") is True:
            forgotten.add(key)
        elif edit and isinstance(key, str):
            runs[key] = edit
        else:
            wrong += 1
    return Edits(runs).without(forgotten), wrong


def _decode(value: Mapping[str, Any]) -> Edit | None:
    tags, note = value.get("tags", {}), value.get("note", "")
    if not isinstance(tags, dict) or not isinstance(note, str):
        return None
    if not all(tag is None or isinstance(tag, str) for tag in tags.values()):
        return None
    return make_edit(tags, note)


def make_edit(tags: Mapping[str, str | None], note: str) -> Edit:
    """Return an edit whose texts are cleaned, cut and redacted like those of a log."""
    made = {
        cut_name(redacted(clean_text(name))): None if text is None else redacted(clean_text(text))
        for name, text in tags.items()
        if name
    }
    return Edit(dict(sorted(made.items())), redacted(clean_text(note))[:MAX_NOTES])


# ---- runs


def apply_edit(run: Run, edit: Edit | None) -> Run:
    """Return the run as the edit shows it; what it was made from, and so its record, stays."""
    if not edit:
        return run
    own = run.summary
    tags = {name: text for name, text in {**own.tags, **edit.tags}.items() if text is not None}
    notes = (edit.note, *run.notes) if edit.note else run.notes
    summary = replace(own, tags=tags)
    if edit.note:
        summary = replace(summary, note=plain_beginning(notes), notes="\n\n".join(notes)[:MAX_NOTES])
    logged = {name: text for name, text in own.tags.items() if name in edit.tags and edit.tags[name] != text}
    return replace(run, summary=summary, notes=notes, edit=edit, logged_tags=logged)

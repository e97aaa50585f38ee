"""The part of a run that lies in one place, as discovery finds it, whatever its kind."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from reportgen.capture.redaction import may_hold_secret, redact_text
from reportgen.formats import RUN_LOG_GLOB, clean_text
from reportgen.sources.places import LogFile, Place

MAX_FOLDERS_DEEP: Final = 64

_HOST: Final = re.compile(r"(tfevents\.\d+)\..*?((?:\.\d+){0,2}(?:\.v2)?)$")
"""The name of TensorBoard's event files has the host of their writer between its time and its process."""
_LOG_NAME: Final = re.compile(f"(?:{fnmatch.translate(RUN_LOG_GLOB)})|(?:{fnmatch.translate(RUN_LOG_GLOB + '.gz')})")


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a run that lies in one place."""

    key: str
    run_id: str
    experiment: str
    name: str
    parent_id: str
    order: tuple[int, str]
    """(rank, session) of its first stream: the lowest names the run, as in the run's summary."""
    place: Place
    is_twin: bool = False
    """Whether a site keeps it as a twin: a history that contradicts the one that has the key."""


def redacted(text: str) -> str:
    """Return `text` without what looks like a secret."""
    return redact_text(text)[0] if may_hold_secret(text.encode()) else text


def is_log_name(name: str) -> bool:
    """Tell whether a file of this name is a run's log."""
    return name.startswith("events") and _LOG_NAME.fullmatch(name) is not None


def is_site(folder: str) -> bool:
    """Tell whether a folder is a built site."""
    return os.path.lexists(os.path.join(folder, "data", "site.json"))


def label_of(folder: str, name: str | None = None) -> str:
    """Return what people read of a file: the last two folders and its name, never an absolute path."""
    if name is None:
        folder, name = os.path.split(folder)
    name = _HOST.sub(r"\1\2", name)
    parts = [part for part in folder.replace("\\", "/").split("/") if part][-2:]
    return redacted(clean_text("/".join((*parts, name) if name else parts)))


def make_part(key: str, facts: Mapping[str, Any], experiment: str, place: Place) -> Part:
    """Return the part of a run that lies in `place`, by the `facts` of its first line."""
    texts = (facts["run_id"], facts["experiment"] or experiment, facts["name"] or facts["run_id"], facts["parent"])
    if may_hold_secret("\n".join(texts).encode()):
        texts = (redacted(texts[0]), redacted(texts[1]), redacted(texts[2]), redacted(texts[3]))
    return Part(key, *texts, (facts["rank"], facts["session"]), place)


def list_files(root: str) -> list[LogFile]:
    """Return the regular files below a folder by name; links and special files are left out."""
    found: list[LogFile] = []
    waiting = [(root, "", 0)]
    while waiting:
        folder, prefix, depth = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        if depth < MAX_FOLDERS_DEEP:
                            waiting.append((entry.path, f"{prefix}{entry.name}/", depth + 1))
                    elif entry.is_file(follow_symlinks=False):
                        found.append(LogFile(entry.path, redacted(clean_text(prefix + entry.name))))
        except OSError:
            continue  # what cannot be listed is missing, which is said of each artifact that was logged
    return sorted(found, key=lambda file: file.label)

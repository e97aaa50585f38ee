"""Weights & Biases: run folders with the binary log `run-<id>.wandb`, or with the files beside it alone."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterable
from typing import Final

from reportgen.model import Stream
from reportgen.sources.faults import Faults
from reportgen.sources.kinds import Claim, FoundRun, Listing
from reportgen.sources.parts import list_files
from reportgen.sources.places import Place, RunRef
from reportgen.sources.wandb.reader import RunReader
from reportgen.sources.wandb.records import MAGIC, iter_records
from reportgen.sources.wandb.run import RunFacts

OWN_FILES: Final = (
    "config.yaml",
    "wandb-summary.json",
    "wandb-metadata.json",
    "output.log",
    "requirements.txt",
)
"""Files of W&B itself in `files/` that are read; they are no artifacts."""
NO_ARTIFACTS: Final = frozenset({*OWN_FILES, "conda-environment.yaml", "diff.patch", "wandb-events.jsonl"})
MARKS: Final = ("wandb-summary.json", "wandb-metadata.json")
"""One of these tells a run's folder without a log."""
OWN_FOLDERS: Final = frozenset({"files", "logs", "tmp"})
HEAD_BYTES: Final = 1 << 17
"""The run's own record stands before that, but where its config is large."""
MAX_HEAD_BYTES: Final = 1 << 22
MAX_ARTIFACTS: Final = 20_000

_FOLDER: Final = re.compile(r"(?:offline-)?run-[0-9]{8}_[0-9]{6}-(.+)")
_LATEST: Final = "latest-run"
"""A link to the folder of the last run, or a copy of that folder where somebody had no links."""
_LOG: Final = re.compile(r"run-(.+)\.wandb")
_MADE_ID: Final = re.compile(r"(?=.*[0-9])[a-z0-9]{8}")
"""What W&B makes where no id is given, if it has a digit.

Any other id, and those that W&B makes of letters alone, may be a word that somebody chose, such as `baseline`, and is
unique in its project only.
"""


class WandB:
    """Reads what W&B leaves in `wandb/run-…` and `wandb/offline-run-…`."""

    name = "wandb"
    title = "Weights & Biases"
    about = "`run-<id>.wandb` that begins with `:W&B`, or a folder `run-…` with `files/wandb-summary.json`"

    def claim(self, folder: Listing) -> Claim | None:
        """Take the folder of a run."""
        logs = [name for name in folder.ending(".wandb") if folder.head(name).startswith(MAGIC) or _LOG.fullmatch(name)]
        own = folder.parts[-1] if folder.parts else ""
        match = _FOLDER.fullmatch(own)
        beside = folder.list_below("files") if "files" in folder.folders and (logs or match) else ()
        if logs:
            files = [f"files/{name}" for name in OWN_FILES if name in beside] if len(logs) == 1 else []
            artifacts = _artifacts(folder) if len(logs) == 1 else ()
            runs = tuple(_found(folder, log, files, artifacts) for log in logs)
            return Claim(runs, frozenset(logs), OWN_FOLDERS & folder.folders, len(logs) == 1)
        is_copy = own == _LATEST and len(folder.parts) > 1 and not _has_others(folder)
        if is_copy:
            beside = folder.list_below("files") if "files" in folder.folders else ()
        if (match is None and not is_copy) or not any(mark in beside for mark in MARKS):
            return None
        files = [f"files/{name}" for name in OWN_FILES if name in beside]
        first = next(f"files/{mark}" for mark in MARKS if mark in beside)
        files.sort(key=lambda name: name != first)
        artifacts = _artifacts(folder)
        run = FoundRun(
            files=tuple(files),
            experiment=_experiment(folder),
            run_id=_whole_id("", match[1]) if match else "",
            artifacts="files" if artifacts else "",
            artifact_files=artifacts,
        )
        return Claim((run,), frozenset(), OWN_FOLDERS & folder.folders, is_one_run=True)

    def read(self, place: Place, ref: RunRef) -> Iterable[Stream]:
        """Read the log, then what only the files beside it say."""
        return [RunReader(place, ref).read()]


KIND: Final = WandB()


def _found(folder: Listing, log: str, files: list[str], artifacts: tuple[str, ...]) -> FoundRun:
    facts = _facts(folder, log)
    match = _LOG.fullmatch(log)
    own_id = facts.run_id or (match[1] if match else "")
    return FoundRun(
        files=(log, *files),
        experiment=facts.project or _experiment(folder),
        name=facts.name or own_id,
        run_id=_whole_id(facts.project, own_id),
        artifacts="files" if artifacts else "",
        artifact_files=artifacts,
    )


def _facts(folder: Listing, log: str) -> RunFacts:
    """Return what the beginning of a log says of its run."""
    count = HEAD_BYTES
    while True:
        head = folder.head(log, count)
        facts = RunFacts(Faults(""))
        for records in iter_records(io.BytesIO(head), Faults("")):
            for record in records:
                facts.note_run(record)
                if facts.run_id:
                    return facts
        if len(head) < count or count >= MAX_HEAD_BYTES:
            return facts
        count = MAX_HEAD_BYTES


def _whole_id(project: str, run_id: str) -> str:
    return f"{project}/{run_id}" if project and not _MADE_ID.fullmatch(run_id) else run_id


def _has_others(folder: Listing) -> bool:
    """Tell whether the folders of runs lie beside this one: `latest-run` is the last of them then."""
    try:
        with os.scandir(os.path.dirname(folder.path)) as entries:
            return any(_FOLDER.fullmatch(entry.name) for entry in entries)
    except OSError:
        return False


def _experiment(folder: Listing) -> str:
    """Return what stands for the project of a run that names none: the folder that holds its `wandb` folder."""
    parts = folder.parts if len(folder.parts) > 2 else tuple(folder.path.replace(os.sep, "/").split("/"))
    above = [part for part in parts[:-1] if part]
    if above and above[-1] == "wandb":
        above.pop()
    return above[-1] if above else ""


def _artifacts(folder: Listing) -> tuple[str, ...]:
    """Return the files below `files/` that the run kept: media, and what was saved."""
    if "files" not in folder.folders:
        return ()
    root = folder.full("files")
    names = (os.path.relpath(file.path, root).replace(os.sep, "/") for file in list_files(root))
    return tuple(name for name in names if name not in NO_ARTIFACTS)[:MAX_ARTIFACTS]

"""Aim: its repository is a database that Aim alone can read. It is told, with the way to bring its runs over."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from reportgen.model import Problem, Stream
from reportgen.sources.kinds import Claim, Listing
from reportgen.sources.parts import label_of
from reportgen.sources.places import Place, RunRef

FOLDER: Final = ".aim"
MARK: Final = "run_metadata.sqlite"
OWN_FOLDERS: Final = frozenset({"meta", "seqs"})
MESSAGE: Final = "an Aim repository was not read: only Aim itself can read it"
HINT: Final = "the script in docs/sources.md#aim, run once where Aim is installed, logs its runs anew for reportgen"


class Aim:
    """Knows the repository of Aim 3, and reads none of it."""

    name = "aim"
    title = "Aim"
    about = "a folder `.aim` with `run_metadata.sqlite`; it is told how to bring its runs over"

    def claim(self, folder: Listing) -> Claim | None:
        """Take a repository, or the folder that holds one."""
        if MARK in folder.files and folder.folders >= OWN_FOLDERS:
            own = frozenset(folder.files), folder.folders
            return Claim((), *own, problems=(Problem(label_of(folder.path, MARK), MESSAGE, HINT),))
        if FOLDER in folder.folders and MARK in folder.list_below(FOLDER):
            where = label_of(folder.path, f"{FOLDER}/{MARK}")
            return Claim((), folders=frozenset({FOLDER}), problems=(Problem(where, MESSAGE, HINT),))
        return None

    def read(self, place: Place, ref: RunRef) -> Iterable[Stream]:  # noqa: ARG002 - no run is ever claimed
        """Return nothing."""
        return ()


KIND: Final = Aim()

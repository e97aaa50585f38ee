"""What a kind of run log must offer, and the kinds that there are.

A kind looks at one folder at a time and *claims* what it knows: runs, and the files and folders that belong to them.
It tells by content, not by name alone. Later, in any process, it reads a run that it claimed into streams, which are
the log format's own terms; all that comes after that is the same for every kind.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from stat import S_ISREG
from typing import Any, Final, Protocol

from reportgen.errors import SourceError
from reportgen.model import Problem, Stream
from reportgen.sources.options import NO_OPTIONS, SourceOptions
from reportgen.sources.places import Place, RunRef
from reportgen.sources.statcache import open_regular

HEAD_BYTES: Final = 4096
"""So much of a file is looked at to tell its kind."""
ENTRY_POINTS: Final = "reportgen.sources"
"""Group of entry points by which other packages add kinds: the name of the kind -> an object that is a `Kind`."""
OWN_KINDS: Final = ("runs", "site")
"""What places of our own logs and of built sites are called."""

BUILT_IN: Final[Mapping[str, str]] = {
    "mlflow": "reportgen.sources.mlflow",
    "wandb": "reportgen.sources.wandb",
    "trackio": "reportgen.sources.trackio",
    "aim": "reportgen.sources.aim",
    "guild": "reportgen.sources.guild",
    "sacred": "reportgen.sources.sacred",
    "dvclive": "reportgen.sources.dvclive",
    "asv": "reportgen.sources.asv",
    "pytest_benchmark": "reportgen.sources.pytest_benchmark",
    "lm_eval": "reportgen.sources.lm_eval",
    "catboost": "reportgen.sources.catboost",
    "frameworks": "reportgen.sources.tables.frameworks",
    "tensorboard": "reportgen.sources.tensorboard",
    "tables": "reportgen.sources.tables.anytable",
}
"""Name of a kind -> module that holds it as `KIND`; earlier ones are asked first, and take what later ones would."""


class Listing:
    """One folder as discovery sees it: names, and first bytes of files where a kind asks for them.

    Links and special files are not in it. A name with `/` is a file below the folder.
    """

    def __init__(
        self,
        path: str,
        parts: Sequence[str],
        files: Iterable[str],
        folders: Iterable[str],
        *,
        named: bool = False,
        options: SourceOptions = NO_OPTIONS,
    ) -> None:
        self.path = path
        """Absolute path on this machine."""
        self.parts = tuple(parts)
        """Names of the folders from the given SOURCE down to this one, the SOURCE's own first."""
        self.files = frozenset(files)
        self.folders = frozenset(folders)
        self.named = named
        """Whether the user named this one file: what is uncertain is taken then."""
        self.options = options
        """What the configuration says of sources."""
        self._heads: dict[str, bytes] = {}
        self._by_suffix: dict[str, list[str]] | None = None

    def ending(self, *suffixes: str) -> list[str]:
        """Return the names of the files with one of the `suffixes` (`.csv`, lower case), by name."""
        if self._by_suffix is None:
            self._by_suffix = {}
            for name in self.files:
                self._by_suffix.setdefault(os.path.splitext(name)[1].lower(), []).append(name)
        return sorted(name for suffix in suffixes for name in self._by_suffix.get(suffix, ()))

    def full(self, name: str) -> str:
        """Return the absolute path of a file."""
        return os.path.join(self.path, *name.split("/"))

    def head(self, name: str, count: int = HEAD_BYTES) -> bytes:
        """Return the first bytes of a file, nothing where it is no regular file or cannot be read."""
        known = self._heads.get(name)
        if known is None or (len(known) >= HEAD_BYTES and len(known) < count):
            known = self._heads[name] = read_head(self.full(name), max(count, HEAD_BYTES))
        return known[:count]

    def without(self, files: Collection[str], folders: Collection[str]) -> Listing:
        """Return the folder without what is accounted for; what was read of the others stays known."""
        rest = Listing(
            self.path,
            self.parts,
            self.files - set(files),
            self.folders - set(folders),
            named=self.named,
            options=self.options,
        )
        rest._heads = self._heads
        return rest

    def list_below(self, name: str) -> tuple[str, ...]:
        """Return the names of the regular files in the folder `name` below this one, by name; not of its folders."""
        try:
            with os.scandir(self.full(name)) as entries:
                return tuple(sorted(entry.name for entry in entries if entry.is_file(follow_symlinks=False)))
        except OSError:
            return ()


def read_head(path: str, count: int) -> bytes:
    """Return the first bytes of a regular file, nothing where it cannot be read."""
    try:
        descriptor, _ = open_regular(path)
    except OSError:
        return b""
    with open(descriptor, "rb", buffering=0) as file:
        try:
            return file.read(count)
        except OSError:
            return b""


def is_empty(path: str) -> bool:
    """Tell whether there is a regular file without a byte."""
    try:
        stat = os.lstat(path)
    except OSError:
        return False
    return S_ISREG(stat.st_mode) and not stat.st_size


@dataclass(frozen=True, slots=True)
class FoundRun:
    """A run that a kind claims."""

    files: tuple[str, ...]
    """What it is read from: paths below the folder, with `/`; the first is the one whose beginning identifies it."""
    experiment: str = ""
    """Empty: the name of the folder that holds the run's folder."""
    name: str = ""
    """Empty: the run id, or the name of the folder."""
    run_id: str = ""
    """The id that the log itself has, where it has one that is unique in the world; empty: one is made from
    kind, experiment, path and first recorded time."""
    began: float | None = None
    """First recorded time, UTC seconds since the epoch; None: the first bytes of the first file stand for it."""
    item: str = ""
    """Which run of the files it is, for files that hold several."""
    parent_id: str = ""
    artifacts: str = ""
    """Folder of artifacts below the folder, or empty."""
    artifact_files: tuple[str, ...] = ()
    """Artifacts one by one, where not all of a folder are some: paths below `artifacts`, or below the folder."""
    extra: Mapping[str, str] = field(default_factory=dict)
    """What `read` needs to know beside the files."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a kind takes of a folder."""

    runs: tuple[FoundRun, ...] = ()
    files: frozenset[str] = frozenset()
    """Names of files that are accounted for, and that no other kind may take."""
    folders: frozenset[str] = frozenset()
    """Names of folders that are accounted for: they are not walked into."""
    is_one_run: bool = False
    """Whether the whole folder is one run: what another kind finds in it is the same run in another format."""
    problems: tuple[Problem, ...] = ()
    is_twin: bool = False
    """Whether the runs are found again in another folder of the SOURCE, in a format that says more of them: they are
    not taken here."""


class Kind(Protocol):
    """A kind of run log."""

    name: str
    """Short and stable, such as `tensorboard`: it is part of run ids."""
    title: str
    """As people call it."""
    about: str
    """One line: what it is recognised by."""

    def claim(self, folder: Listing) -> Claim | None:
        """Return what of a folder is of this kind, None when nothing is. Must be quick and must not raise."""

    def read(self, place: Place, ref: RunRef) -> Iterable[Stream]:
        """Read one run; `ref` says what it is called.

        What cannot be understood is a problem. Raises `OSError` when a file cannot be read at all.
        """


@cache
def other_kinds() -> Mapping[str, EntryPoint]:
    """Return the entry points of the kinds that other packages add, by name; no name of ours can be taken."""
    found: dict[str, EntryPoint] = {}
    for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: (point.name, package_of(point))):
        if point.name not in BUILT_IN and point.name not in OWN_KINDS:
            found.setdefault(point.name, point)
    return found


def package_of(point: EntryPoint) -> str:
    """Return name and version of the package that has an entry point."""
    return f"{point.dist.name} {point.dist.version}" if point.dist is not None else "an unknown package"


@cache
def kind_of(name: str) -> Kind:
    """Return the kind of that name. Raises `KeyError`, and `SourceError` when another package's cannot be loaded."""
    if name in BUILT_IN:
        kind: Kind = import_module(BUILT_IN[name]).KIND
        return kind
    point = other_kinds()[name]
    remedy = f"update or remove '{package_of(point)}', which adds it"
    try:
        other: Any = point.load()
    except (ImportError, AttributeError, SyntaxError) as error:
        raise SourceError(f"the kind of log '{name}' cannot be loaded ({error}): {remedy}") from error
    missing = [need for need in ("name", "title", "about", "claim", "read") if not hasattr(other, need)]
    if missing or other.name != name:
        fault = f"it has no {missing[0]}" if missing else f"it calls itself '{other.name}'"
        raise SourceError(f"the kind of log '{name}' is not what a kind must be ({fault}): {remedy}")
    found: Kind = other
    return found


def iter_kinds() -> Iterator[Kind]:
    """Yield all kinds: the built-in ones in their order, then those of other packages by name. Raises `SourceError`."""
    yield from map(kind_of, BUILT_IN)
    yield from map(kind_of, other_kinds())

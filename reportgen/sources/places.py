"""What a look at the sources finds: runs, the places where they lie, their files. Values only, no I/O.

The stages after this one see a run as a `RunRef` until it is read, and as a `ReadRun` from then on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reportgen.model import Edit, Edits, Problem, Run
from reportgen.patterns import matches


@dataclass(frozen=True, slots=True)
class LogFile:
    """A file of a run."""

    path: str
    """Absolute path on this machine; it never reaches a page."""
    label: str
    """What people read: `<experiment folder>/<run folder>/<file>`, the path in a site, or an artifact's path."""


@dataclass(frozen=True, slots=True)
class Place:
    """One folder, or one site, in which a part of a run or all of it lies."""

    kind: str
    """`runs` for a folder of logs, `site` for a built site, else the name of the kind that knows the files."""
    files: tuple[LogFile, ...]
    """Log files, or the one record, by path."""
    artifact_root: str
    """Folder that holds the bytes of artifacts; it need not exist."""
    artifact_files: tuple[LogFile, ...] = ()
    """Regular files in `artifact_root`, labelled with the artifact's path; none for a site, which names by digest."""
    sha256: str = ""
    """What a site claims its record's sha256 to be; empty for logs."""
    sources: tuple[str, ...] = ()
    """What a site claims to be the fingerprint of the files that its record was made from."""
    item: str = ""
    """Which run of the files it is, for files of other programs that hold several."""
    extra: tuple[tuple[str, str], ...] = ()
    """What the kind noted for reading."""


@dataclass(frozen=True, slots=True)
class RunRef:
    """A run that was found and not read yet."""

    key: str
    run_id: str
    experiment: str
    name: str
    parent_id: str
    """run id of the parent, or empty."""
    places: tuple[Place, ...]
    edits: tuple[tuple[str, Edit], ...] = ()
    """(run key, correction) of the run and of its twins, by key."""


@dataclass(frozen=True, slots=True)
class Discovery:
    """What the given sources hold."""

    runs: tuple[RunRef, ...]
    """By key."""
    problems: tuple[Problem, ...]
    """Faults that belong to no run, sorted."""
    edits: Edits = field(default_factory=Edits)
    """Corrections that sites among the sources hold; those of the runs stand with them, too."""
    forgotten: int = 0
    """Runs that were passed over, since a site has forgotten them."""


@dataclass(frozen=True, slots=True)
class ArtifactLimits:
    """Which artifacts a site publishes."""

    max_bytes: int = 10 * 2**20
    include: tuple[str, ...] = ()
    """Patterns of artifact paths; empty = all."""
    exclude: tuple[str, ...] = ()

    def reason_against(self, path: str, size_bytes: int) -> str:
        """Return why the artifact is not wanted in a site, empty when it is."""
        if self.include and not any(matches(pattern, path) for pattern in self.include):
            return "not among the artifacts to publish"
        if any(matches(pattern, path) for pattern in self.exclude):
            return "excluded by the configuration"
        if size_bytes > self.max_bytes:
            return f"over {self.max_bytes / 2**20:g} MB"
        return ""


@dataclass(frozen=True, slots=True)
class ReadRun:
    """A run that was read."""

    run: Run
    fingerprint: tuple[str, ...]
    """What `fingerprint` gives for the bytes that were really read."""
    artifact_files: Mapping[str, str]
    """Artifact path -> path of its bytes on this machine; only those whose digest was checked."""

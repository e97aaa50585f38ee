"""What a run is, once it has been read: frozen, slotted, documented values that travel between the stages. No I/O.

`Stream` is what one process wrote; `Run` is what all processes of one run amount to; `Summary` is what pages about
many runs, filters and indexes know of it. A `Problem` is a fault in the user's data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
ParamValue: TypeAlias = str | int | float | bool | None
"""A param as it was logged; nested mappings were flattened with `.`, lists stand as their JSON text."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A fault in the user's data: collected, shown, fatal only with `--strict`."""

    where: str
    """The file as `<experiment folder>/<run folder>/<file>`, or the run's name: never an absolute path."""
    message: str
    """What is wrong, as a sentence without its full stop."""
    hint: str = ""
    """What to do about it."""
    line: int | None = None
    """1-based line of the first occurrence."""
    count: int = 1
    """How many lines have this fault."""


@dataclass(frozen=True, slots=True)
class Points:
    """Points of one metric in the order in which they were logged."""

    steps: Ints
    """int64[n]"""
    times: Floats
    """float64[n], UTC seconds since the epoch; NaN where the log had none."""
    values: Floats
    """float64[n]; NaN and ±Inf stand for themselves."""

    def __len__(self) -> int:
        return len(self.steps)


@dataclass(frozen=True, slots=True)
class Series(Points):
    """All points of (metric, rank) over all sessions, ordered by (step, time, value); steps may repeat."""


@dataclass(frozen=True, slots=True)
class Stream:
    """What one process wrote in one log file: its start line, its other lines, its points."""

    start: Mapping[str, Any]
    """The start line as logged, with `run_id`, `experiment`, `name`, `rank`, `session`, `time` always present."""
    events: tuple[Mapping[str, Any], ...]
    """All lines that hold no points, in order, the end line and lines of unknown kinds included."""
    points: Mapping[str, Points]
    """Metric name -> its points, names in order of first appearance."""
    problems: tuple[Problem, ...] = ()
    """Faults found while the lines were decoded; they travel with the record."""

    @property
    def order(self) -> tuple[str, int]:
        """(session, rank): the order in which streams of one run are merged."""
        return (self.start["session"], self.start["rank"])


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file that a run kept or referred to."""

    path: str
    """Name in the run with `/` between folders, as logged."""
    size_bytes: int
    sha256: str
    """64 hexadecimal digits, or empty for a reference that was never read."""
    media: str
    """Media type such as `image/png`; `application/octet-stream` when unknown."""
    published: str | None = None
    """Site path `a/<sha256[:20]>.<ext>` when the file is in the site, else None."""
    reason: str = ""
    """Why it is not published (`over 10 MB`, `kept by reference`, `file is missing` …); empty when it is."""


@dataclass(frozen=True, slots=True)
class Input:
    """A data set that a run read."""

    name: str
    digest: str
    source: str
    role: str
    """What it was used for: `train`, `test`, …; may be empty."""


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A version of a named model that a run made."""

    name: str
    version: str
    aliases: tuple[str, ...]
    files: tuple[str, ...]
    """Artifact paths that make up the model."""
    sha256: str
    """Digest over the files, or empty."""
    derived_from: str
    """`name@version` of the model that this one continues, or empty."""


@dataclass(frozen=True, slots=True)
class Code:
    """The version of the code that ran. Every field may be empty."""

    commit: str = ""
    commit_time: float | None = None
    parents: tuple[str, ...] = ()
    subject: str = ""
    """First line of the commit's message."""
    branch: str = ""
    dirty: bool | None = None
    """True when the working tree had uncommitted changes; None when unknown."""
    remote: str = ""
    """Remote address without credentials."""
    command: tuple[str, ...] = ()
    """Program and arguments, values of secret-named flags replaced."""
    entry: str = ""
    """The script or module that was started."""


@dataclass(frozen=True, slots=True)
class Session:
    """One stretch of a run: one process from its start line to its end line or its last line."""

    session: str
    rank: int
    start_time: float
    last_time: float
    """Time of the last line that has one."""
    status: str
    """`finished`, `failed`, `stopped`, `unfinished`, or `interrupted` where a later session of the rank proves it."""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """Captured output."""

    stream: str
    text: str


@dataclass(frozen=True, slots=True)
class Relative:
    """A parent or child run, as far as a run page may know it."""

    key: str
    name: str
    run_id: str


@dataclass(frozen=True, slots=True)
class MetricSummary:
    """One metric of one run in numbers; rank 0's series, else the mean over ranks per step.

    All statistics are over finite values; they are None when there is none, except `last`, which is the value of
    the greatest point by (step, time, value) and may be NaN or infinite.
    """

    count: int
    """Points, over all ranks."""
    non_finite: int
    """How many of the series' values are NaN or infinite."""
    first: float | None
    last: float
    min: float | None
    max: float | None
    mean: float | None
    first_step: int
    last_step: int
    min_step: int | None
    """The first step at which `min` was reached."""
    max_step: int | None
    last_finite: float | None
    """The last finite value, for sparklines and sentences about what came before a NaN."""
    last_finite_step: int | None
    spark: tuple[int, ...]
    """At most 40 heights in 0…63 between `min` and `max`, spread evenly over the steps; -1 where there is no value."""
    ranks: int = 1
    """How many ranks logged it."""
    of_rank_0: bool = True
    """False when rank 0 did not log it and the numbers are those of the mean over ranks."""

    def value(self, summary: str, direction: str | None = None) -> float | None:
        """Return the value that `summary` (`last min max mean first best`) names; `best` needs a direction."""
        if summary == "best":
            summary = {"max": "max", "min": "min"}.get(direction or "", "last")
        result: float | None = getattr(self, summary)
        return result

    def step_of(self, summary: str, direction: str | None = None) -> int | None:
        """Return the step at which `value(summary)` was reached, None for `mean`."""
        if summary == "best":
            summary = {"max": "max", "min": "min"}.get(direction or "", "last")
        return None if summary == "mean" else getattr(self, f"{summary}_step")


@dataclass(frozen=True, slots=True)
class Summary:
    """A run without its series: what tables, the index and filters know of it."""

    key: str
    """Names the run's files and, hashed, its URL."""
    run_id: str
    experiment: str
    name: str
    status: str
    """`finished`, `failed`, `stopped` or `unfinished`."""
    error: str
    """First line of the failure, empty when there is none."""
    start_time: float
    last_time: float
    """End of the run, or the time of its last line."""
    duration_s: float
    """Sum over sessions of rank 0 (of the lowest rank there is), in seconds."""
    parent_id: str
    """run id of the parent run, or empty."""
    group: str
    user: str
    params: Mapping[str, ParamValue]
    tags: Mapping[str, str]
    metrics: Mapping[str, MetricSummary]
    note: str
    """Beginning of the notes as plain text, at most 200 characters."""
    notes: str
    """All notes as logged, in Markdown, joined by blank lines and cut at 65,536 characters."""
    commit: str
    commit_time: float | None
    """UTC seconds since the epoch at which the commit was made, None when unknown."""
    commit_parents: tuple[str, ...]
    """Hashes of the commits that it follows, the first parent first; empty when unknown."""
    commit_subject: str
    """First line of the commit's message, at most 200 characters; empty when unknown."""
    branch: str
    dirty: bool | None
    artifacts: int
    """How many files the run kept or referred to."""
    artifact_paths: tuple[str, ...]
    """Their paths as logged, sorted."""
    inputs: tuple[Input, ...]
    models: tuple[ModelVersion, ...]
    problems: tuple[Problem, ...]
    ranks: int
    sessions: int


@dataclass(frozen=True, slots=True)
class Edit:
    """A correction of a run in a site, made after it was logged. False when it changes nothing."""

    tags: Mapping[str, str | None] = field(default_factory=dict)
    """Tag -> its value, None for one that is taken away; by name."""
    note: str = ""
    """Markdown that stands before the run's own notes."""

    def __bool__(self) -> bool:
        return bool(self.tags or self.note)


@dataclass(frozen=True, slots=True)
class Edits:
    """The corrections that a site holds."""

    runs: Mapping[str, Edit] = field(default_factory=dict)
    """Run key -> its edit."""
    forgotten: frozenset[str] = frozenset()
    """Keys of runs that were forgotten."""

    def __bool__(self) -> bool:
        return bool(self.runs or self.forgotten)

    def of(self, keys: Iterable[str]) -> tuple[tuple[str, Edit], ...]:
        """Return (key, edit) for those of `keys` that have one, by key."""
        return tuple((key, self.runs[key]) for key in sorted(set(keys) & self.runs.keys()))

    def changed(self, key: str, edit: Edit) -> Edits:
        """Return these edits with that of one run replaced; an empty one is dropped."""
        runs = {**self.runs, key: edit}
        if not edit:
            del runs[key]
        return Edits(runs, self.forgotten)

    def without(self, keys: Iterable[str]) -> Edits:
        """Return these edits with the runs of `keys` forgotten."""
        gone = self.forgotten | set(keys)
        return Edits({key: edit for key, edit in self.runs.items() if key not in gone}, gone)


@dataclass(frozen=True, slots=True)
class Run:
    """All that is known of one run. `summary` holds the facts; the rest is what only the run's own page needs."""

    summary: Summary
    series: Mapping[str, Mapping[int, Series]]
    """Metric name -> rank -> series."""
    notes: tuple[str, ...]
    """Markdown, in order."""
    artifacts: tuple[Artifact, ...]
    code: Code
    env: Mapping[str, Any]
    """Merged `env` lines of rank 0: `python`, `platform`, `packages` {name: version}, `hardware` …"""
    sessions: tuple[Session, ...]
    texts: tuple[Text, ...]
    unknown_events: int
    """Lines of kinds that this version does not know; kept in the record."""
    redacted: int = 0
    """How many values the build replaced because they look like secrets."""
    streams: tuple[Stream, ...] = field(default=(), repr=False)
    """What the run was made from, in merge order; the record is written from it."""
    edit: Edit | None = None
    """The correction that `summary` and `notes` show, and the record does not."""
    logged_tags: Mapping[str, str] = field(default_factory=dict)
    """Tag -> value as logged, of the tags that the correction changes or takes away."""


@dataclass(frozen=True, slots=True)
class Experiment:
    """The runs of one experiment and what can be said of them together."""

    name: str
    runs: tuple[Summary, ...]
    """By (start_time, key): oldest first."""
    varying_params: tuple[str, ...]
    """Params with at least two values over the runs (missing counts as a value), in order of first appearance."""
    constant_params: Mapping[str, ParamValue]
    metric_names: tuple[str, ...]
    """All metrics of the runs, in order of first appearance."""
    groups: Mapping[str, str] = field(default_factory=dict)
    """Run key -> key of its group (same configuration apart from the seed)."""
    slots: Mapping[str, int] = field(default_factory=dict)
    """Group key -> colour slot, 1-based, in order of the start of its first run."""

"""Writes runs of any source as our own run logs, so that they stay when the program that logged them is gone.

What a build would show of the source it shows of the folder: the logs hold what the records of a site hold, in plain
lines. A run is written beside its place and put there whole, by one rename; what is there already is never changed.
"""

from __future__ import annotations

import errno
import os
import posixpath
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from reportgen.errors import SiteError, SourceError
from reportgen.formats import ARTIFACT_FOLDER, cut_name, folder_name
from reportgen.model import Problem
from reportgen.site.lock import FolderLock
from reportgen.site.staging import explained
from reportgen.sources import ArtifactLimits, ReadRun, RunRef, discover, read_run
from reportgen.sources.artifacts import is_inside
from reportgen.sources.histories import continues
from reportgen.sources.options import NO_OPTIONS, SourceOptions
from reportgen.sources.parts import is_site
from reportgen.sources.record import iter_lines
from reportgen.sources.statcache import StatCache, cache_folder, open_regular

Progress = Callable[[str, int, int], None]
"""Called with (stage, done, total); the stages are `fetch` and `import`."""

BATCH: Final = 16
"""Runs that one job writes."""
SERIAL_RUNS: Final = 12
"""Up to so many runs are written by this process: starting workers would take longer."""
WORK_FOLDER: Final = ".importing"
"""Folder in the output in which runs are made; nothing that looks for runs enters it."""
_ALL: Final = ArtifactLimits(max_bytes=2**63 - 1)
_UNNAMEABLE: Final = frozenset(
    {errno.ENAMETOOLONG, errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.EINVAL, errno.EILSEQ, errno.ENOENT}
)
"""What a file system says of the name of a file, and not of the disk."""
_REMEDY: Final = "mend that and import again"


@dataclass(frozen=True, slots=True)
class Kept:
    """One run, or one history of a run, and what was done with it."""

    experiment: str
    name: str
    folder: str
    """Folder below the output, with `/`."""
    outcome: Literal["written", "there", "refused"]
    """`there`: the output held it already; `refused`: it holds another state of it, which was left as it is."""
    points: int
    artifacts: int
    """Files that were copied."""
    problems: tuple[Problem, ...]
    """Faults in the logs of the run."""
    notices: tuple[Problem, ...] = ()
    """Files that could not be copied."""


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did."""

    out: Path
    runs: tuple[Kept, ...]
    """By experiment and name."""
    problems: tuple[Problem, ...]
    """Faults in the data, those that belong to no run included."""
    duration_s: float

    def count(self, outcome: str) -> int:
        """Return how many runs had this outcome."""
        return sum(run.outcome == outcome for run in self.runs)


@dataclass(frozen=True, slots=True)
class _Job:
    """A run to be written into the folder `out`."""

    ref: RunRef
    known: RunRef | None
    """The run of the same id in `out`, where there is one."""
    out: str


def import_runs(
    sources: Sequence[str | os.PathLike[str]],
    out: Path,
    *,
    executor: Executor | Callable[[], Executor] | None = None,
    progress: Progress = lambda *_: None,
    options: SourceOptions = NO_OPTIONS,
    cache_dir: Path | None = None,
) -> ImportResult:
    """Write all runs of `sources` into the folder `out`: `<experiment>/<run>/events.jsonl` and artifacts.

    A run that `out` holds in the same or a later state is left alone, and so is one that it holds in another state.
    Values that look like secrets are replaced first. `executor` writes many runs at once; a function that makes one is
    called only if there is enough to do. `options` are what the configuration says of sources; `cache_dir` replaces the
    platform's cache folder.

    Raises `SourceError` when a source cannot be used, `SiteError` when `out` cannot be written, is a built site, or is
    being written by another import.
    """
    began = time.monotonic()
    folder = cache_dir or cache_folder()
    if is_site(str(out)):
        raise SiteError(f"'{out}' is a built site: import into a folder of runs, such as -o runs")
    found = discover(
        sources,
        cache=StatCache(None),
        mirror=folder / "sites",
        progress=lambda *a: progress("fetch", *a),
        options=options,
    )
    known = {ref.key: ref for ref in _own_runs(out)}
    jobs = [_Job(ref, known.get(ref.key), str(out)) for ref in found.runs]
    with explained("write", str(out), remedy=_REMEDY), _work_folder(out):
        kept = list(_write_all(jobs, executor, progress))
    runs = tuple(sorted(kept, key=lambda run: (run.experiment, run.name, run.folder)))
    problems = tuple(dict.fromkeys((*found.problems, *(problem for run in runs for problem in run.problems))))
    return ImportResult(out, runs, problems, time.monotonic() - began)


def _own_runs(out: Path) -> Iterator[RunRef]:
    """Yield the runs that `out` holds in our own logs."""
    if not out.is_dir():
        return
    try:
        found = discover([out], cache=StatCache(None))
    except SourceError:  # it holds none
        return
    for ref in found.runs:
        places = tuple(place for place in ref.places if place.kind == "runs")
        if places:
            yield replace(ref, places=places)


@contextmanager
def _work_folder(out: Path) -> Iterator[None]:
    """Make the folder in which runs are made, and remove it at the end; one that is left over is removed first."""
    out.mkdir(parents=True, exist_ok=True)
    work = out / WORK_FOLDER
    lock = FolderLock(out / f"{WORK_FOLDER}.lock", str(out))
    lock.acquire(wait=False, on_wait=None)
    try:
        if work.is_symlink():
            raise SiteError(f"'{work}' is a symbolic link: remove it")
        if work.exists():
            shutil.rmtree(work)
        work.mkdir()
        try:
            yield
        finally:
            shutil.rmtree(work, ignore_errors=True)
    finally:
        lock.release()


def _write_all(
    jobs: Sequence[_Job], executor: Executor | Callable[[], Executor] | None, progress: Progress
) -> Iterator[Kept]:
    lent = executor if len(jobs) > SERIAL_RUNS else None
    if lent is not None and not isinstance(lent, Executor):
        lent = lent()
    size = 1 if lent is None else BATCH
    batches = [jobs[i : i + size] for i in range(0, len(jobs), size)]
    done = 0
    progress("import", 0, len(jobs))
    made = map(import_batch, batches) if lent is None else lent.map(import_batch, batches)
    for batch, kept in zip(batches, made, strict=True):
        yield from kept
        done += len(batch)
        progress("import", done, len(jobs))


def import_batch(jobs: Iterable[_Job]) -> list[Kept]:
    """Write some runs: a job for a worker process. Raises `OSError` when the output cannot be written."""
    return [kept for job in jobs for kept in _import_run(job)]


def _import_run(job: _Job) -> Iterator[Kept]:
    """Write each history of a run that is not there yet."""
    known = read_run(job.known, limits=_ALL) if job.known is not None else ()
    for number, read in enumerate(read_run(job.ref, limits=_ALL)):
        summary = read.run.summary
        folder = f"{folder_name(summary.experiment)}/{folder_name(summary.run_id)}"
        if number:  # another history under the same id
            folder += f"-{summary.key[:8]}"
        target = os.path.join(job.out, *folder.split("/"))
        outcome: Literal["written", "there", "refused"] = "written"
        copied = 0
        notices: list[Problem] = []
        if any(_holds(own, read) for own in known):
            outcome = "there"
        elif (known and not number) or os.path.lexists(target):
            outcome = "refused"
        else:
            work = os.path.join(job.out, WORK_FOLDER, summary.key)
            copied, notices = _write_run(read, work)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.rename(work, target)
        points = sum(len(own) for stream in read.run.streams for own in stream.points.values())
        yield Kept(
            summary.experiment,
            summary.name,
            folder,
            outcome,
            points,
            copied,
            summary.problems,
            tuple(notices),
        )


def _holds(own: ReadRun, read: ReadRun) -> bool:
    """Tell whether the history `own` says all that `read` says, and has its files."""
    streams = {stream.order: stream for stream in own.run.streams}
    return read.artifact_files.keys() <= own.artifact_files.keys() and all(
        stream.order in streams and continues(streams[stream.order], stream) for stream in read.run.streams
    )


def _write_run(read: ReadRun, folder: str) -> tuple[int, list[Problem]]:
    """Write the folder of a run; return how many artifacts were copied, and those that could not be."""
    os.makedirs(folder)
    for number, stream in enumerate(read.run.streams):
        name = f"events.{number}.jsonl" if number else "events.jsonl"
        with open(os.path.join(folder, name), "xb", buffering=1 << 20) as file:
            file.writelines(iter_lines(stream))
    where = f"{read.run.summary.experiment}/{read.run.summary.name}"
    copied = 0
    notices = []
    for path, source in read.artifact_files.items():
        fault = _copy_artifact(source, os.path.join(folder, ARTIFACT_FOLDER), path)
        if fault:
            hint = "copy it by hand if it is wanted"
            notices.append(Problem(where, f"artifact '{cut_name(path, 120)}' was not copied: {fault}", hint))
        copied += not fault
    return copied, notices


def _copy_artifact(source: str, root: str, path: str) -> str:
    """Copy a file to the artifact's `path` below `root`; return why it cannot be, empty when it was."""
    if not is_inside(path) or posixpath.normpath(path) != path:
        return "its name leaves the run's folder"
    try:
        descriptor, _ = open_regular(source)
    except OSError as error:
        return f"it cannot be read: {error.strerror or error}"
    target = os.path.join(root, *path.split("/"))
    with open(descriptor, "rb") as file:
        try:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, "xb") as copy:
                shutil.copyfileobj(file, copy, 1 << 20)
        except OSError as error:
            if error.errno not in _UNNAMEABLE:
                raise
            return f"the disk takes no such name: {error.strerror or error}"
    return ""

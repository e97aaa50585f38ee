"""pytest-benchmark: `.benchmarks/<machine>/NNNN_<commit>.json` and what `--benchmark-json` writes; a file is a run."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from reportgen.model import Problem, Stream
from reportgen.sources import documents
from reportgen.sources.kinds import Claim, FoundRun, Listing, read_head
from reportgen.sources.parts import label_of
from reportgen.sources.places import Place, RunRef
from reportgen.sources.streams import StreamMaker

STORE: Final = ".benchmarks"
MAX_STRANGERS: Final = 200
"""So many other JSON files of a folder are looked into."""
HEAD: Final = 1 << 15

_SAVED: Final = re.compile(r"(\d{4})_.*\.json", re.DOTALL)
_COMMITTED: Final = re.compile(r"(\d{4})_([0-9a-f]{40})(?:_|\.json|$)")
_PROJECT: Final = re.compile(rb'"project"\s*:\s*"([^"\\\n]{1,200})"')
_TIME: Final = re.compile(rb'"datetime"\s*:\s*"([0-9T:.+Z-]{10,40})"')
_NOTHING: Final = "the file holds no results of pytest-benchmark"
_NOTHING_HINT: Final = "it was cut or damaged: copy it again, or delete it"
_TEXTS: Final = ("outliers",)
"""Two numbers in one text, which stand by themselves as well."""


class PytestBenchmark:
    """Reads what pytest-benchmark saves."""

    name = "pytest_benchmark"
    title = "pytest-benchmark"
    about = "JSON with `machine_info`, `commit_info` and `benchmarks` of `stats`; `.benchmarks` is looked into"

    def claim(self, folder: Listing) -> Claim | None:
        """Take the files of a folder, and those in `.benchmarks` below it, which is hidden from all else."""
        stored = list(_iter_stored(folder)) if STORE in folder.folders else []
        names = [*_iter_own(folder), *(path for path in stored if _is_saved(folder, path))]
        pattern = _SAVED if names else _COMMITTED  # alone, a number is not enough to be one
        others = sorted({*folder.ending(".json"), *stored} - set(names))
        lost = [path for path in others if pattern.match(path.rpartition("/")[2])]
        if not (names or lost):
            return None
        runs = tuple(_found(folder, name, _own(folder)) for name in names)
        problems = tuple(Problem(label_of(folder.full(path)), _NOTHING, _NOTHING_HINT) for path in lost)
        files = frozenset(name for name in (*names, *lost) if "/" not in name)
        return Claim(runs, files, frozenset({STORE} & folder.folders), problems=problems)

    def read(self, place: Place, ref: RunRef) -> Iterable[Stream]:
        """Read one file."""
        maker = StreamMaker(place.files[0].label, run_id=ref.run_id, experiment=ref.experiment, name=ref.name)
        entry = documents.read_object(place.files[0].path, maker.faults)
        maker.began = documents.moment(entry.get("datetime"))
        benchmarks = entry.get("benchmarks")
        if not isinstance(benchmarks, list):
            if entry and not list(maker.faults.events()):
                maker.faults.add(None, "the file has no list `benchmarks`", "it is damaged")
            benchmarks = []
        _read_machine(_map(entry.get("machine_info")), maker)
        _read_commit(_map(entry.get("commit_info")), maker)
        maker.params({"options": options} if (options := _common(benchmarks)) else {})
        for number, benchmark in enumerate(benchmarks, 1):
            _read_benchmark(number, _map(benchmark), maker)
        if benchmarks:
            maker.end("FINISHED", maker.began)
        return [maker.finish()]


KIND: Final = PytestBenchmark()


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


# ---- finding


def _own(folder: Listing) -> str:
    """Return the name of the project: that of the folder, or of the one that has `.benchmarks`."""
    parts = list(folder.parts)
    if STORE in parts:
        parts = parts[: parts.index(STORE)]
    return parts[-1] if parts else ""


def _iter_own(folder: Listing) -> Iterator[str]:
    strangers = 0
    for name in folder.ending(".json"):
        head = b""
        if _SAVED.fullmatch(name):
            head = folder.head(name)
        elif strangers < MAX_STRANGERS:
            head = folder.head(name)
            strangers += 1
        if _is_one(head, saved=_SAVED.fullmatch(name) is not None):
            yield name


def _iter_stored(folder: Listing) -> Iterator[str]:
    """Yield the paths of the JSON files in `.benchmarks` and the machines' folders in it."""
    try:
        with os.scandir(folder.full(STORE)) as entries:
            machines = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return
    for machine in ("", *machines):
        base = f"{STORE}/{machine}" if machine else STORE
        yield from (f"{base}/{name}" for name in folder.list_below(base) if name.endswith(".json"))


def _is_saved(folder: Listing, path: str) -> bool:
    return _is_one(folder.head(path), saved=_SAVED.fullmatch(path.rpartition("/")[2]) is not None)


def _is_one(head: bytes, *, saved: bool) -> bool:
    """Tell by its beginning whether a file is of pytest-benchmark; one that it named itself need not say it all."""
    if not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return False
    if b'"machine_info"' in head and b'"python_implementation"' in head:
        return True
    return saved and (b'"benchmarks"' in head or b'"machine_info"' in head)


def _found(folder: Listing, name: str, experiment: str) -> FoundRun:
    head = read_head(folder.full(name), HEAD)
    project = _PROJECT.search(head)
    stem = os.path.splitext(name.rsplit("/", 1)[-1])[0]
    committed = _COMMITTED.match(stem)
    time = _TIME.search(head) or _TIME.search(documents.read_tail(folder.full(name), 4096))
    return FoundRun(
        (name,),
        project[1].decode("utf-8", "replace") if project else experiment,
        f"{committed[1]}_{committed[2][:8]}" if committed else stem,
        began=documents.moment(time[1].decode("ascii")) if time else None,
    )


# ---- reading


def _read_machine(machine: Mapping[str, Any], maker: StreamMaker) -> None:
    python = _text(machine.get("python_version"))
    implementation = _text(machine.get("python_implementation"))
    system = " ".join(filter(None, (_text(machine.get(name)) for name in ("system", "release", "machine"))))
    cpu = _map(machine.get("cpu"))
    brand = _text(cpu.get("brand_raw")) or _text(cpu.get("brand")) or _text(machine.get("processor"))
    version = f"{python} ({implementation})" if implementation else python
    maker.add("env", python=version, platform=system, cpu=brand, cpus=documents.whole(cpu.get("count")))


def _read_commit(commit: Mapping[str, Any], maker: StreamMaker) -> None:
    own = _text(commit.get("id"))
    branch, dirty = _text(commit.get("branch")), commit.get("dirty")
    if own and own not in ("unversioned", "unknown"):
        maker.add(
            "code",
            commit=own,
            commit_time=documents.moment(commit.get("time")),
            branch="" if branch.startswith("(") else branch,
            dirty=dirty if isinstance(dirty, bool) else None,
        )


def _common(benchmarks: Iterable[Any]) -> dict[str, Any]:
    """Return the options that all benchmarks share."""
    common: dict[str, Any] | None = None
    for benchmark in benchmarks:
        options = _map(_map(benchmark).get("options"))
        common = dict(options) if common is None else {k: v for k, v in common.items() if options.get(k) == v}
    return common or {}


def _read_benchmark(number: int, benchmark: Mapping[str, Any], maker: StreamMaker) -> None:
    name = _text(benchmark.get("fullname")) or _text(benchmark.get("name"))
    stats = _map(benchmark.get("stats"))
    if not (name and stats):
        message = "a benchmark has no name or no `stats`"
        maker.faults.add(None, message, f"it was skipped: number {number} of the file")
        return
    times = None if maker.began is None else [maker.began]
    for stat, value in stats.items():
        own = documents.number(value)
        if own is not None:
            maker.points(f"{name}/{stat}", [own], steps=[0], times=times)
        elif stat == "data" and isinstance(value, list):
            rounds = [found for item in value if (found := documents.number(item)) is not None]
            maker.points(f"{name}/data", rounds, steps=range(len(rounds)))
        elif stat not in _TEXTS and value is not None:
            maker.faults.add(None, f"`{stat}` of a benchmark is no number", "it was skipped")
    for extra, value in _map(benchmark.get("extra_info")).items():
        own = documents.number(value)
        if own is not None:
            maker.points(f"{name}/extra_info/{extra}", [own], steps=[0], times=times)
        elif isinstance(value, str):
            maker.tags({f"{name}/{extra}": value})

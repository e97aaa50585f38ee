"""airspeed velocity: a file for each commit and environment, in a folder for each machine. Each file is one run."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from reportgen.formats import clean_text
from reportgen.model import Problem, Stream
from reportgen.sources import documents
from reportgen.sources.faults import Faults
from reportgen.sources.kinds import HEAD_BYTES, Claim, FoundRun, Listing
from reportgen.sources.parts import label_of
from reportgen.sources.places import Place, RunRef
from reportgen.sources.streams import StreamMaker

CONFIG: Final = "asv.conf.json"
BENCHMARKS: Final = "benchmarks.json"
MACHINE: Final = "machine.json"
FOLDERS: Final = (".asv/results", "results")
"""Where results are kept unless the configuration says otherwise."""
MACHINE_FACTS: Final = {"arch": "", "cpu": "cpu", "num_cpu": "cpus", "os": "", "ram": "memory", "version": ""}
"""What `params` says of the machine beside its name, and what that is called in our log; system and arch are one."""
MAX_MACHINES: Final = 1000
MAX_TAG: Final = 500

_RESULT_NAME: Final = re.compile(r"[0-9a-f]{6,40}-.+\.json", re.DOTALL)
_HASH: Final = b'"commit_hash"'
_PROJECT: Final = re.compile(rb'^\s*"project"\s*:\s*"([^"\n]{1,200})"', re.MULTILINE)
_RESULTS_DIR: Final = re.compile(rb'^\s*"results_dir"\s*:\s*"([^"\n]{1,200})"', re.MULTILINE)


class Asv:
    """Reads what asv writes, in both versions of its format."""

    name = "asv"
    title = "airspeed velocity (asv)"
    about = "`<machine>/<commit>-<environment>.json` with `commit_hash`, beside `machine.json`; `benchmarks.json` above"

    def claim(self, folder: Listing) -> Claim | None:
        """Take the results beside a configuration of asv, below a folder of results, or of one machine."""
        if CONFIG in folder.files or ".asv" in folder.folders:
            config = folder.head(CONFIG) if CONFIG in folder.files else b""
            base = next((base for base in _result_folders(config) if _is_folder(folder, base)), "")
            if base:
                project = _PROJECT.search(config)
                experiment = project[1].decode("utf-8", "replace") if project else _own(folder)
                return _claim(folder, f"{base}/", _machines(folder.full(base)), experiment)
        if BENCHMARKS in folder.files and (b'"version"' in folder.head(BENCHMARKS, 1 << 20)):
            above = folder.parts[-2] if len(folder.parts) > 1 else ""
            return _claim(folder, "", sorted(folder.folders)[:MAX_MACHINES], above)
        if MACHINE in folder.files and b'"machine"' in folder.head(MACHINE):
            return _claim(folder, "", [""], folder.parts[-3] if len(folder.parts) > 2 else "")
        return None

    def read(self, place: Place, ref: RunRef) -> Iterable[Stream]:
        """Read one file of results."""
        maker = StreamMaker(place.files[0].label, run_id=ref.run_id, experiment=ref.experiment, name=ref.name)
        entry = documents.read_object(place.files[0].path, maker.faults)
        maker.began = documents.moment(entry.get("date"))
        commit = entry.get("commit_hash")
        if isinstance(commit, str):
            maker.add("code", commit=commit, commit_time=maker.began)
        params = _map(entry.get("params"))
        requirements = {k: v for k, v in _map(entry.get("requirements")).items() if isinstance(v, str)}
        chosen = {name: value for name, value in params.items() if name not in MACHINE_FACTS}
        maker.params(chosen | ({"env_vars": entry["env_vars"]} if _map(entry.get("env_vars")) else {}))
        python, system = entry.get("python"), " ".join(str(params[k]) for k in ("os", "arch") if params.get(k))
        facts = {fact: str(params[name]) for name, fact in MACHINE_FACTS.items() if fact and params.get(name)}
        python = python if isinstance(python, str) else ""
        maker.add("env", python=python, platform=system, packages=requirements, **facts)
        results = _map(entry.get("results"))
        columns = entry.get("result_columns")
        counts = {"failed": 0, "skipped": 0}
        for name, result in results.items():
            _read_result(name, _named(result, columns), counts, maker)
        units = _units(place.files[1].path) if len(place.files) > 1 else {}
        maker.tags({"machine": params.get("machine"), "environment": entry.get("env_name")})
        maker.tags({f"benchmarks {what}": count for what, count in counts.items() if count})
        maker.tags(_unit_tags({name: units[name] for name in results if name in units}))
        if results:
            maker.end("FINISHED", maker.began)
        return [maker.finish()]


KIND: Final = Asv()


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _own(folder: Listing) -> str:
    return folder.parts[-1] if folder.parts else ""


# ---- finding


def _result_folders(config: bytes) -> Iterator[str]:
    """Yield where results may be, below the folder of the configuration."""
    named = _RESULTS_DIR.search(config)
    own = os.path.normpath(named[1].decode("utf-8", "replace")).replace("\\", "/") if named else ""
    if own.startswith(".") or "/" not in own:  # others are walked into, and known by what lies in them
        yield own
    yield from FOLDERS


def _is_folder(folder: Listing, name: str) -> bool:
    """Tell whether there is a folder of that name below `folder`, reached over no link."""
    root = os.path.realpath(folder.path)
    path = os.path.join(root, *name.split("/"))
    return (
        name not in ("", ".") and ".." not in name.split("/") and os.path.realpath(path) == path and os.path.isdir(path)
    )


def _machines(path: str) -> list[str]:
    try:
        with os.scandir(path) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))[:MAX_MACHINES]
    except OSError:
        return []


def _claim(folder: Listing, base: str, machines: Sequence[str], experiment: str) -> Claim | None:
    """Return the runs of the machines in the folder `base` (with `/` at its end, or empty); `""`: the folder itself."""
    runs: list[FoundRun] = []
    problems: list[Problem] = []
    taken: set[str] = set()
    has_units = f"{base}{BENCHMARKS}" in folder.files or (bool(base) and os.path.isfile(folder.full(base + BENCHMARKS)))
    for machine in machines:
        prefix = f"{base}{machine}/" if machine else base
        names = folder.list_below(prefix.rstrip("/")) if prefix else sorted(folder.files)
        if MACHINE not in names:
            continue
        found = [name for name in names if _RESULT_NAME.fullmatch(name)]
        for name in found:
            head = folder.head(prefix + name)
            if _HASH not in head and len(head) < HEAD_BYTES:
                hint = "asv leaves it out, too; delete it if it is damaged"
                problems.append(Problem(label_of(folder.full(prefix + name)), "the file holds no results of asv", hint))
                continue
            files = (prefix + name, *([base + BENCHMARKS] if has_units else ()))
            # A commit has one time: the file's name says which it is, and the file may be written again with more.
            runs.append(FoundRun(files, experiment, os.path.splitext(name)[0], began=0.0))
        if found:
            taken |= {machine} if machine and not base else set()
            taken |= {base.split("/", 1)[0]} & folder.folders if base else set()
    if not (runs or problems):
        return None
    own = {BENCHMARKS, MACHINE, CONFIG} & folder.files
    own |= {run.files[0] for run in runs} & folder.files
    return Claim(tuple(runs), frozenset(own), frozenset(taken), problems=tuple(problems))


# ---- reading


def _named(result: Any, columns: Any) -> Mapping[str, Any]:
    """Return a result by column, whatever the version: a number, an object, or a list in the order of `columns`."""
    if isinstance(result, dict):
        return result
    if isinstance(result, list) and isinstance(columns, list):
        return {name: value for name, value in zip(columns, result, strict=False) if isinstance(name, str)}
    return {"result": result}


def _read_result(name: str, result: Mapping[str, Any], counts: dict[str, int], maker: StreamMaker) -> None:
    values, params = result.get("result"), result.get("params")
    if values is None or not isinstance(values, list):
        values = [values]
    sets = [p for p in params if isinstance(p, list)] if isinstance(params, list) else []
    combinations: Iterator[tuple[Any, ...]] = itertools.product(*sets) if sets else iter([()] * len(values))
    for value, chosen in zip(values, combinations, strict=False):
        own = documents.number(value)
        if own is None:
            counts["failed"] += 1
        elif own != own:
            counts["skipped"] += 1
        else:
            times = None if maker.began is None else [maker.began]
            maker.points(f"{name}({', '.join(map(str, chosen))})" if chosen else name, [own], steps=[0], times=times)


def _units(path: str) -> Mapping[str, str]:
    """Return benchmark -> unit as `benchmarks.json` says, empty where it cannot be read."""
    try:
        stat = os.lstat(path)
    except OSError:
        return {}
    return _read_units(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=8)
def _read_units(path: str, size: int, mtime_ns: int) -> Mapping[str, str]:  # noqa: ARG001 - they name the file's state
    found = documents.read_object(path, Faults(""))
    return {name: unit for name, own in found.items() if isinstance(unit := _map(own).get("unit"), str) and unit}


def _unit_tags(units: Mapping[str, str]) -> dict[str, str]:
    """Return a tag a unit, with the benchmarks that are measured in it."""
    tags: dict[str, str] = {}
    for unit in sorted(set(units.values())):
        names = ", ".join(name for name, own in units.items() if own == unit)
        tags[f"unit {clean_text(unit)}"] = names if len(names) <= MAX_TAG else f"{names[: MAX_TAG - 1]}…"
    return tags

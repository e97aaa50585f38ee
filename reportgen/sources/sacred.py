"""Sacred's file storage: a folder a run with `run.json`, `config.json`, `metrics.json`, `info.json` and `cout.txt`."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np

from reportgen.errors import FormatError
from reportgen.formats import decode_line
from reportgen.model import Stream
from reportgen.sources import documents
from reportgen.sources.columns import NO_STEP
from reportgen.sources.kinds import Claim, FoundRun, Listing
from reportgen.sources.places import Place, RunRef
from reportgen.sources.streams import StreamMaker

FILES: Final = ("run.json", "config.json", "metrics.json", "info.json", "cout.txt")
MAX_LOOK: Final = 1 << 20
"""A `run.json` up to this many bytes is read to find the run; of a larger one only the beginning."""
STATUSES: Final = {
    "COMPLETED": "FINISHED",
    "FAILED": "FAILED",
    "DIED": "FAILED",
    "INTERRUPTED": "KILLED",
    "TIMEOUT": "KILLED",
}

_FIELDS: Final = tuple(f'"{name}"'.encode() for name in ("command", "experiment", "host", "meta", "status"))
_BESIDE: Final = frozenset({"config.json", "cout.txt", "metrics.json"})
_START: Final = re.compile(rb'"start_time":\s*"([^"]{10,40})"')


class Sacred:
    """Reads what Sacred's FileStorageObserver writes."""

    name = "sacred"
    title = "Sacred"
    about = (
        "`run.json` with `experiment`, `host` and `status`, and `config.json`, `metrics.json` or `cout.txt` beside it"
    )

    def claim(self, folder: Listing) -> Claim | None:
        """Take the folder of one run."""
        if "run.json" not in folder.files:
            return None
        head = folder.head("run.json", MAX_LOOK)
        is_known = sum(field in head for field in _FIELDS) >= 3 and b'"status"' in head
        if not (is_known or (folder.files >= _BESIDE and _looks_damaged(head))):
            return None
        try:
            entry = decode_line(head)
        except FormatError:
            entry = {}
        started = _START.search(head)
        began = documents.moment(started[1].decode("ascii", "replace")) if started else None
        files = tuple(name for name in FILES if name in folder.files)
        artifacts = entry.get("artifacts")
        run = FoundRun(
            files=files,
            experiment=_text(_map(entry.get("experiment")).get("name")),
            began=began or 0.0,
            artifact_files=tuple(name for name in _texts(artifacts) if name not in FILES),
            extra=documents.file_names(files),
        )
        return Claim((run,), frozenset(files), is_one_run=True)

    def read(self, place: Place, ref: RunRef) -> Iterable[Stream]:
        """Read the run's documents; each that is missing or damaged is counted."""
        maker = StreamMaker(place.files[0].label, run_id=ref.run_id, experiment=ref.experiment, name=ref.name)
        files = documents.files_by_name(place)
        entry = documents.read_object(files["run.json"], maker.faults)
        if "config.json" in files:
            maker.params(documents.plain_fields(documents.read_object(files["config.json"], maker.faults)))
        _read_entry(entry, maker)
        if "metrics.json" in files:
            _read_metrics(documents.read_object(files["metrics.json"], maker.faults), maker)
        if "info.json" in files:
            _read_info(documents.plain_fields(documents.read_object(files["info.json"], maker.faults)), maker)
        if "cout.txt" in files:
            text = documents.read_text(files["cout.txt"], maker.faults)
            if text:
                maker.add("text", stream="stdout", text=text)
        _read_result(documents.plain(entry.get("result")), maker)
        return [maker.finish()]


KIND: Final = Sacred()


def _looks_damaged(head: bytes) -> bool:
    """Tell whether a `run.json` beside the other files of a run is no JSON any more, and not somebody else's."""
    try:
        decode_line(head)
    except FormatError:
        return True
    return False


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> list[str]:
    """Return file names out of `artifacts`: text, or objects with a `name`."""
    items = value if isinstance(value, list) else []
    return [name for item in items if (name := _text(_map(item).get("name") if isinstance(item, dict) else item))]


def _read_entry(entry: Mapping[str, Any], maker: StreamMaker) -> None:
    maker.began = documents.moment(entry.get("start_time"))
    experiment, host, meta = _map(entry.get("experiment")), _map(entry.get("host")), _map(entry.get("meta"))
    maker.tags({"command": _text(entry.get("command")) or None})
    maker.note(_text(meta.get("comment")) or _text(_map(meta.get("options")).get("--comment")))
    repositories = experiment.get("repositories")
    first = _map(repositories[0]) if isinstance(repositories, list) and repositories else {}
    code = {
        "commit": _text(first.get("commit")),
        "remote": documents.safe_remote(_text(first.get("url"))),
        "entry": _text(experiment.get("mainfile")).replace("\\", "/").rsplit("/", 1)[-1],
    }
    if any(code.values()):
        maker.add("code", **code, dirty=first.get("dirty") if isinstance(first.get("dirty"), bool) else None)
    packages = dict(_package(text) for text in _texts(experiment.get("dependencies")))
    system = host.get("os")
    platform = " ".join(map(str, system)) if isinstance(system, list) else _text(system)
    env = {"python": _text(host.get("python_version")), "platform": platform, "cpu": _text(host.get("cpu"))}
    if packages or any(env.values()):
        maker.add("env", **env, packages=packages)
    resources = entry.get("resources")
    for item in resources if isinstance(resources, list) else ():
        if isinstance(item, list) and item and isinstance(item[0], str):
            kept = _text(item[1]) if len(item) > 1 else ""
            digest = re.search(r"_([0-9a-f]{32})(?:\.[^./]*)?$|^([0-9a-f]{32})$", kept)
            found = next(filter(None, digest.groups()), "") if digest else ""
            maker.add("input", name=posixpath.basename(item[0].replace("\\", "/")), digest=found and f"md5:{found}")
    status = STATUSES.get(_text(entry.get("status")).upper())
    if status:
        trace = entry.get("fail_trace")
        error = _text(trace) or "".join(_texts(trace))
        stopped = documents.moment(entry.get("stop_time")) or documents.moment(entry.get("heartbeat"))
        maker.end(status, stopped, _last(error))


def _last(trace: str) -> str:
    """Return the line of a traceback that says what was wrong, then the traceback."""
    lines = trace.strip().splitlines()
    return f"{lines[-1].strip()}\n{trace.strip()}" if len(lines) > 1 else trace.strip()


def _package(text: str) -> tuple[str, str]:
    name, _, version = text.partition("==")
    return name.strip(), version.strip()


def _read_metrics(metrics: Mapping[str, Any], maker: StreamMaker) -> None:
    for name, series in metrics.items():
        columns = [_map(series).get(field) for field in ("values", "steps", "timestamps")]
        if not isinstance(columns[0], list):
            maker.faults.add(None, f"metric `{name}` of `metrics.json` has no list `values`", "it was skipped")
            continue
        _add_points(name, columns[0], columns[1], columns[2], maker)


def _add_points(name: str, values: list[Any], steps: object, times: object, maker: StreamMaker) -> None:
    """Add points of lists side by side; where one is shorter, what it does not have is counted."""
    numbers = [documents.number(documents.plain(value)) for value in values]
    kept = np.array([value is not None for value in numbers], dtype=bool)
    if not kept.all():
        message = f"values of `{name}` are no numbers"
        maker.faults.add(None, message, "they were skipped", count=int((~kept).sum()))
    own_steps, own_times = [NO_STEP] * len(values), [np.nan] * len(values)
    if isinstance(steps, list):
        for i, step in enumerate(steps[: len(values)]):
            known = documents.whole(documents.plain(step))
            own_steps[i] = NO_STEP if known is None else known
    if isinstance(times, list):
        for i, time in enumerate(times[: len(values)]):
            own_times[i] = documents.moment(documents.plain(time)) or np.nan
    if kept.any():
        maker.points(
            name,
            np.array([value for value in numbers if value is not None]),
            steps=np.array(own_steps, dtype=np.int64)[kept],
            times=np.array(own_times)[kept],
        )


def _read_info(info: Any, maker: StreamMaker) -> None:
    """Read what the user put into `info`: lists of numbers with steps beside them (`x`, `x_T`), numbers, text."""
    leaves = dict(documents.iter_leaves(_map(info)))
    tags: dict[str, str] = {}
    for name, value in leaves.items():
        if name.endswith("_T") and isinstance(leaves.get(name[:-2]), list):
            continue
        if isinstance(value, list):
            if value and all(documents.number(item) is not None for item in value):
                steps = leaves.get(f"{name}_T")
                fits = isinstance(steps, list) and len(steps) == len(value)
                _add_points(name, value, steps if fits else None, None, maker)
        elif documents.number(value) is not None:
            _add_points(name, [value], None, None, maker)
        elif isinstance(value, str):
            tags[name] = value
    maker.tags(tags)


def _read_result(result: Any, maker: StreamMaker) -> None:
    """Read what the main function returned: a number, text, or a map of such."""
    for name, value in documents.iter_leaves({"result": result}):
        if isinstance(value, str) and documents.number(value) is None:
            maker.tags({name: value})
        elif documents.number(value) is not None:
            _add_points(name, [value], None, None, maker)

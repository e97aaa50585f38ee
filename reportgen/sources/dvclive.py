"""DVCLive: a folder with a table of tabs for each metric, a summary of the last values, and params."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np

from reportgen.model import Stream
from reportgen.sources import documents
from reportgen.sources.columns import NO_STEP
from reportgen.sources.kinds import HEAD_BYTES, Claim, FoundRun, Listing
from reportgen.sources.parts import list_files
from reportgen.sources.places import Place, RunRef
from reportgen.sources.streams import StreamMaker

METRICS: Final = "metrics.json"
PARAMS: Final = "params.yaml"
DEFAULT_FOLDER: Final = "dvclive"
TABLE_FOLDERS: Final = ("plots/metrics", "plots/scalars", "scalars")
"""Where versions since 0.12 keep the tables of metrics, the newest first; older ones: in the folder itself."""
MAX_FILES: Final = 10_000
MAX_BESIDE: Final = 100
"""So many folders with a document of their name beside them are looked into."""

_HEADER: Final = re.compile(rb"(?:\xef\xbb\xbf)?(?:timestamp\t)?step\t[^\t\r\n]*\r?(?:\n|\Z)")
_OLD_HEADER: Final = re.compile(rb"(?:\xef\xbb\xbf)?timestamp\tstep\t[^\t\r\n]*\r?(?:\n|\Z)")
_STEP: Final = re.compile(rb'"step":\s*-?[0-9]')


class DvcLive:
    """Reads what DVCLive 0.x to 3.x writes."""

    name = "dvclive"
    title = "DVCLive"
    about = "tables with tabs `step, <metric>` in `plots/metrics`, or `timestamp, step, <metric>`, and `metrics.json`"

    def claim(self, folder: Listing) -> Claim | None:
        """Take a folder of DVCLive, or, for versions before 1.0, the summary beside it as well."""
        beside = sorted(name for name in folder.folders if f"{name}.json" in folder.files)[:MAX_BESIDE]
        old = {name: run for name in beside if (run := _find_old(folder, name))}
        if old:
            return Claim(tuple(old.values()), frozenset(f"{name}.json" for name in old), frozenset(old))
        root, tables = _find_tables(folder)
        if not tables and not _is_summary(folder):
            return None
        files = [name for name in (METRICS, PARAMS) if name in folder.files] + tables
        if not files:
            return None
        experiment, name = _names(folder)
        run = FoundRun(
            files=tuple(files),
            experiment=experiment,
            name=name,
            began=0.0,  # nothing in it tells when it began: the path and the params are what stays as it grows
            item=_mark(folder),
            artifact_files=tuple(_artifacts(folder)),
            extra=documents.file_names(files) | {"root": root},
        )
        own = {name for name in folder.files if name in ("dvc.yaml", METRICS, PARAMS) or name.startswith("report.")}
        own |= {name for name in tables if "/" not in name}
        return Claim((run,), frozenset(own), frozenset({"plots", "scalars", "artifacts"} & folder.folders), True)

    def read(self, place: Place, ref: RunRef) -> Iterable[Stream]:
        """Read the tables, then what only the summary has."""
        maker = StreamMaker(place.files[0].label, run_id=ref.run_id, experiment=ref.experiment, name=ref.name)
        files = documents.files_by_name(place)
        root = dict(place.extra).get("root", "")
        seen: set[str] = set()
        for name, path in files.items():
            if name.endswith((".tsv", ".csv")):
                metric = os.path.splitext(name[len(root) + 1 :] if root else name)[0]
                seen.add(metric)
                _read_table(path, metric, maker)
        for name, path in files.items():
            if name.endswith(".json"):
                _read_summary(documents.read_object(path, maker.faults), seen, maker)
            elif name == PARAMS:
                maker.params(documents.read_map(path, maker.faults))
        return [maker.finish()]


KIND: Final = DvcLive()


def _find_old(folder: Listing, name: str) -> FoundRun | None:
    """Return the run of a version before 1.0: the folder `name` with its summary beside it."""
    if not _STEP.search(folder.head(f"{name}.json")):
        return None
    tables = _tables_below(folder, name)
    if not any(_OLD_HEADER.match(folder.head(table)) for table in tables[:3]):
        return None
    files = (f"{name}.json", *tables)
    own = folder.parts[-1] if folder.parts else ""
    is_named = len(folder.parts) < 2 or name != DEFAULT_FOLDER
    return FoundRun(
        files=files,
        experiment=own if is_named else folder.parts[-2],
        name=name if is_named else own,
        began=_first_time(folder, tables),
        extra=documents.file_names(files) | {"root": name},
    )


def _find_tables(folder: Listing) -> tuple[str, list[str]]:
    """Return where the tables of metrics are, and their paths; none where what is there are other tables."""
    for root in TABLE_FOLDERS:
        if root.split("/")[0] in folder.folders:
            tables = _tables_below(folder, root)
            if any(_HEADER.match(folder.head(table)) for table in tables[:3]):
                return root, tables
    own = folder.ending(".tsv")
    if any(_OLD_HEADER.match(folder.head(table)) for table in own[:3]):
        below = [table for name in sorted(folder.folders) for table in _tables_below(folder, name)]
        return "", [table for table in own + below if _OLD_HEADER.match(folder.head(table))]
    return "", []


def _tables_below(folder: Listing, root: str) -> list[str]:
    base = folder.full(root)
    found = [
        f"{root}/{os.path.relpath(file.path, base).replace(os.sep, '/')}"
        for file in list_files(base)
        if file.path.endswith((".tsv", ".csv"))
    ]
    return sorted(found)[:MAX_FILES]


def _is_summary(folder: Listing) -> bool:
    """Tell whether the folder has a summary of DVCLive alone, as where the tables are kept elsewhere by DVC."""
    if METRICS not in folder.files or not _STEP.search(folder.head(METRICS)):
        return False
    head = folder.head(METRICS)
    is_indented = re.match(rb'\{\r?\n\s+"', head) is not None
    named = bool(folder.parts) and folder.parts[-1] == DEFAULT_FOLDER
    return is_indented and (named or METRICS.encode() in folder.head("dvc.yaml"))


def _names(folder: Listing) -> tuple[str, str]:
    """Return (experiment, name): a folder that has DVCLive's own name says nothing, so that those above it count."""
    if len(folder.parts) > 2 and folder.parts[-1] == DEFAULT_FOLDER:
        return folder.parts[-3], folder.parts[-2]
    return "", ""


def _mark(folder: Listing) -> str:
    """Return what tells runs apart that were written to one folder, one after the other: their params."""
    head = folder.head(PARAMS, HEAD_BYTES) if PARAMS in folder.files else b""
    return documents.digest(head) if head else ""


def _artifacts(folder: Listing) -> list[str]:
    """Return what DVCLive keeps beside metrics: images, other plots, copies of files."""
    found = []
    for root in ("plots", "artifacts"):
        if root in folder.folders:
            base = folder.full(root)
            found += [f"{root}/{os.path.relpath(f.path, base).replace(os.sep, '/')}" for f in list_files(base)]
    skipped = tuple(f"{root}/" for root in TABLE_FOLDERS)
    return [name for name in found if not name.startswith(skipped)][:MAX_FILES]


def _first_time(folder: Listing, tables: Sequence[str]) -> float:
    """Return the first time in the tables, UTC seconds; 0 where there is none."""
    times = []
    for table in tables[:100]:
        lines = folder.head(table).split(b"\n", 2)
        if len(lines) == 3 and lines[0].startswith(b"timestamp\t"):
            times.append(documents.moment(_as_int(lines[1].split(b"\t")[0])))
    return min((time for time in times if time is not None), default=0.0)


def _as_int(cell: bytes) -> int | None:
    return int(cell) if cell.isdigit() and len(cell) < 20 else None


def _read_table(path: str, metric: str, maker: StreamMaker) -> None:
    try:
        data = documents.read_bytes(path)
    except OSError as error:
        maker.faults.add(None, f"`{metric}.tsv` cannot be read: {error.strerror or error}", "check its permissions")
        return
    header, columns = documents.read_columns(data, maker.faults, os.path.basename(path))
    known = [i for i, name in enumerate(header) if name not in ("step", "timestamp")]
    if "step" not in header or len(known) != 1:
        maker.faults.add(1, f"`{metric}.tsv` has no columns `step` and `{metric.rsplit('/', 1)[-1]}`", "it was skipped")
        return
    if not columns[0]:
        return
    steps, bad_steps = documents.to_floats(columns[header.index("step")])
    values, bad_values = documents.to_floats(columns[known[0]])
    if bad_values == len(values):
        maker.tags({metric: columns[known[0]][-1].decode("utf-8", "replace")})
        return
    sound = np.isfinite(steps) & (np.abs(steps) < 2.0**62)
    if bad_steps or not sound.all():
        maker.faults.add(
            None, f"steps of `{metric}.tsv` are no numbers", "they were counted", count=int((~sound).sum())
        )
    if bad_values:
        maker.faults.add(None, f"values of `{metric}.tsv` are no numbers", "they are shown as NaN", count=bad_values)
    times = None
    if "timestamp" in header:
        stamps, _ = documents.to_floats(columns[header.index("timestamp")])
        times = documents.moments(stamps)
    maker.points(metric, values, steps=np.where(sound, steps, NO_STEP).astype(np.int64), times=times)


def _read_summary(summary: dict[str, Any], seen: set[str], maker: StreamMaker) -> None:
    """Add the last values of metrics that have no table of their own."""
    step = documents.whole(summary.get("step"))
    for name, value in documents.iter_leaves(summary, "/"):
        if name == "step" or name in seen:
            continue
        as_float = documents.number(value)
        if as_float is not None:
            maker.points(name, [as_float], steps=None if step is None else [step])
        elif isinstance(value, str):
            maker.tags({name: value})

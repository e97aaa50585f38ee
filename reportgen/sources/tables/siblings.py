"""Tables whose run is logged for TensorBoard, too, in a folder beside theirs: two logs of one run are one run.

Lightning's loggers write `csv_logs/version_0` and `tensorboard_logs/version_0`, the loggers of baselines `progress.csv`
and `tb/`, the Trainer of Hugging Face `trainer_state.json` and `runs/<date>_<host>`. Where the folders lie is only a
reason to look: the same numbers must stand in both, since a run that is joined with another one by mistake is lost, and
one that is shown twice is not.
"""

from __future__ import annotations

import io
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from reportgen.model import Floats
from reportgen.sources.faults import Faults
from reportgen.sources.kinds import Listing, read_head
from reportgen.sources.tables.documents import read_list
from reportgen.sources.tables.layouts import Layout
from reportgen.sources.tables.naming import GENERIC, split_path
from reportgen.sources.tables.rows import iter_lines, read_csv, read_json
from reportgen.sources.tensorboard.reading import first_numbers

MAX_DEEP: Final = 3
"""So many folders with names that many runs have may lie between a run's folder and its logs."""
MAX_FILES: Final = 64
"""Event files of a folder that are looked into."""
HEAD: Final = 1 << 16
_TRAINER_RUNS: Final = "runs"
"""Where the Trainer of Hugging Face puts a folder of event files for each time that it is started."""
MIN_EQUAL: Final = 3
"""So many numbers that hardly come twice must be equal."""
MAX_RARE: Final = 100
"""So many numbers of a metric are looked at for that."""
_COMMON: Final = re.compile(
    r"(?i)(?:.*/)?(?:lr|total_flos|learning_rate|momentum|weight_decay|epochs?|steps?|iter\w*|total_timesteps|time\w*|fps)(?:[-/].*)?"
)
"""Names of metrics that are the same in many runs: that they are equal says nothing."""


def find_twin(folder: Listing, name: str, layout: Layout) -> str:
    """Return the absolute path of the one folder with event files that hold the run of a table, empty if there is none.

    `name` is the table in `folder`. Only what lies in the SOURCE is looked at.
    """
    base, version = split_path(folder)
    if layout.form == "state":
        places = list(_folders(os.path.join(folder.path, _TRAINER_RUNS)))
    elif base and layout.form in ("csv", "json"):
        places = [path for path in _iter_places(base, version, MAX_DEEP) if path != folder.path]
    else:
        return ""
    found = [path for path in places if _event_files(path)]
    if len(found) != 1:
        return ""
    events: dict[str, Floats] = {}
    for file in _event_files(found[0]):
        for tag, values in first_numbers(read_head(os.path.join(found[0], file), HEAD)).items():
            events.setdefault(tag, values)
    return found[0] if are_same(_first_values(folder.head(name, HEAD), layout), events) else ""


def _first_values(head: bytes, layout: Layout) -> dict[str, Floats]:
    """Return the numbers in the first bytes of a table, float64[n] by the names that event files give them."""
    if layout.form == "state":
        rows = read_list(head, "log_history", Faults(""))
        return {_trainer_tag(name): values for name, (_, values) in rows.numbers.items()}
    is_csv = layout.form == "csv"
    lines = iter_lines(io.BytesIO(head[: head.rfind(b"\n") + 1]), Faults(""), has_header=is_csv)
    rows = read_csv(lines, Faults("")) if is_csv else read_json(lines, Faults(""), skip=layout.skip)
    return {name: values for name, (_, values) in rows.numbers.items()}


def _trainer_tag(name: str) -> str:
    """Return what the Trainer calls a number of its state in event files: `eval/loss` for `eval_loss`."""
    split, _, rest = name.partition("_")
    return f"{split}/{rest}" if split in ("eval", "test") and rest else f"train/{name}"


def are_same(one: Mapping[str, Floats], other: Mapping[str, Floats]) -> bool:
    """Tell whether two logs are of one run by the first values of their metrics, float64[n] each by name.

    Half of the metrics of either must be in both, none of these may differ in a value (as float32), and some equal
    values must be such that two runs hardly share them.
    """
    shared = [name for name in one if name in other and not _COMMON.fullmatch(name)]
    own = [sum(not _COMMON.fullmatch(name) for name in names) for names in (one, other)]
    if not shared or len(shared) * 2 < min(own):
        return False
    equal = 0
    for name in shared:
        count = min(len(one[name]), len(other[name]))
        with np.errstate(over="ignore"):
            left, right = (values[:count].astype(np.float32) for values in (one[name], other[name]))
        if not np.array_equal(left, right, equal_nan=True):
            return False
        equal += sum(map(_is_rare, left[:MAX_RARE].tolist()))
    return equal >= MIN_EQUAL


def _is_rare(value: float) -> bool:
    """Tell whether a number has more than five digits that count: others are equal by chance."""
    return math.isfinite(value) and np.float32(f"{value:.5g}") != np.float32(value)


def _iter_places(path: str, version: str, deep: int) -> Iterator[str]:
    """Yield where below a run's folder a logger may have written: folders with names that many runs have."""
    if version:
        if os.path.isdir(os.path.join(path, version)):
            yield os.path.join(path, version)
    else:
        yield path
    if deep:
        for name in _generic_folders(path):
            yield from _iter_places(os.path.join(path, name), version, deep - 1)


def _generic_folders(path: str) -> Sequence[str]:
    return [name for name in map(os.path.basename, _folders(path)) if name.lower() in GENERIC]


def _folders(path: str) -> Sequence[str]:
    try:
        with os.scandir(path) as entries:
            return sorted(e.path for e in entries if e.is_dir(follow_symlinks=False))
    except OSError:
        return ()


def _event_files(path: str) -> Sequence[str]:
    try:
        with os.scandir(path) as entries:
            names = sorted(e.name for e in entries if "tfevents" in e.name and e.is_file(follow_symlinks=False))
    except OSError:
        return ()
    return names[:MAX_FILES]

"""Monitors of environments: `#{"t_start": …}`, then reward, length and time of each episode; one file a worker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from reportgen.model import Floats
from reportgen.sources.documents import moment
from reportgen.sources.streams import StreamMaker
from reportgen.sources.tables.layouts import Layout
from reportgen.sources.tables.reading import read_table
from reportgen.sources.tables.rows import decode_row

_LAYOUT: Final = Layout("Monitor", "csv")
_FACTS: Final = ("env_id",)


def is_monitor(name: str) -> bool:
    """Tell whether a file has the name of a monitor."""
    return name == "monitor.csv" or name.endswith(".monitor.csv")


def is_begun(head: bytes) -> bool:
    """Tell by its beginning whether a file is a monitor: a line of facts behind `#`, then the names of columns."""
    first, _, rest = head.partition(b"\n")
    return first.startswith(b"#") and (b'"t_start"' in first or rest.startswith(b"r,l,t"))


def preface_of(head: bytes) -> dict[str, Any]:
    """Return what the first line of a monitor says."""
    line = head.partition(b"\n")[0]
    try:
        found = decode_row(line[1:]) if line.startswith(b"#") else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def add_monitors(maker: StreamMaker, paths: Sequence[str]) -> float | None:
    """Add the episodes of all workers in order of time, as Stable-Baselines3 itself does; return when they began.

    The step of an episode is how many steps of the environments were done at its end. Raises `OSError`.
    """
    tables = [read_table(path, _LAYOUT, maker.faults) for path in paths]
    empty = sum(not (rows.preface or "r" in rows.numbers) for rows in tables)
    if empty:
        hint = "what the others hold is shown; copy it again if its source is whole"
        maker.faults.add(None, "a monitor is empty, or does not begin as one", hint, count=empty)
    starts: list[float] = []
    columns: dict[str, list[Floats]] = {}
    names = list(dict.fromkeys(name for rows in tables for name in rows.numbers))
    for rows in tables:
        start = moment(rows.preface.get("t_start"))
        if start is not None:
            starts.append(start)
        for name in names:
            values = np.full(rows.count, np.nan)
            if name in rows.numbers:
                own_rows, own = rows.numbers[name]
                values[own_rows] = own
            columns.setdefault(name, []).append(values + (start or 0.0) if name == "t" else values)
    facts = tables[0].preface if tables else {}
    maker.params({name: facts[name] for name in _FACTS if isinstance(facts.get(name), str)})
    began = min(starts, default=None)
    if not names:
        return began
    if not {"r", "l", "t"} <= columns.keys():
        hint = "its columns are called what stands there; without the lengths of episodes these are counted"
        maker.faults.add(None, "the header of a monitor is no `r,l,t`: it is damaged", hint)
    joined = {name: np.concatenate(pieces) for name, pieces in columns.items()}
    count = len(joined[names[0]])
    order = np.argsort(joined["t"], kind="stable") if "t" in joined else np.arange(count)
    lengths = joined["l"][order] if "l" in joined else np.ones(count)
    steps = np.cumsum(np.nan_to_num(lengths, nan=0.0, posinf=0.0, neginf=0.0)).clip(0, 2.0**62).astype(np.int64)
    times = joined["t"][order] if "t" in joined and starts else None
    for name, values in joined.items():
        known = ~np.isnan(values[order])
        if name != "t" and known.all():
            maker.points(name, values[order], steps=steps, times=times)
        elif name != "t" and known.any():
            own_times = None if times is None else times[known]
            maker.points(name, values[order][known], steps=steps[known], times=own_times)
    return began

"""The history of one metric as MLflow keeps it in a file: lines of time, value and step.

Lines of two fields have no step (versions before 1.0). What comes behind the third field names a data set, which may
have blanks in its name, so that the number of fields says nothing. MLflow's own reader takes such lines as step 0.
"""

from __future__ import annotations

import math
import warnings
from typing import Any, Final

import numpy as np

from reportgen.model import Floats, Ints
from reportgen.sources import documents
from reportgen.sources.columns import NO_STEP
from reportgen.sources.faults import Faults
from reportgen.sources.streams import StreamMaker

BLOCK_BYTES: Final = 16 * 2**20
SMALL_BYTES: Final = 2048
"""Below this, lines are taken one by one."""
MAX_EXACT: Final = 2.0**53
MAX_STEP: Final = 2**63

Columns = tuple[Floats, Floats, Ints]
"""Times in UTC seconds, values, steps."""


def parse_history(data: bytes, name: str, faults: Faults) -> Columns:
    """Return (times in UTC seconds, values, steps) in the order of the lines; what is no point is counted."""
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n")
    if not data.strip():
        faults.add(
            None, f"the history of metric `{name}` is empty", "the run may have been killed while it was written"
        )
    if data and not data.endswith(b"\n"):
        end = data.rfind(b"\n") + 1
        if end:
            message = f"the last line of metric `{name}` has no end: it was skipped"
            faults.add(data.count(b"\n") + 1, message, "nothing to do", kind="torn")
        data = data[:end] if end else data + b"\n"
    pieces = []
    start, line = 0, 1
    while start < len(data):
        end = len(data) if len(data) - start <= BLOCK_BYTES else data.rfind(b"\n", start, start + BLOCK_BYTES) + 1
        if end <= start:  # a line as long as a block
            end = data.find(b"\n", start) + 1 or len(data)
        block = data[start:end] if start or end < len(data) else data
        columns = _parse_uniform(block) if len(block) > SMALL_BYTES else None
        pieces.append(columns if columns is not None else _parse_lines(block, line, name, faults))
        start, line = end, line + (block.count(b"\n") if end < len(data) else 0)
    if len(pieces) == 1:
        times, values, steps = pieces[0]
    else:
        times, values, steps = (np.concatenate([piece[i] for piece in pieces] or [np.empty(0)]) for i in range(3))
    return documents.moments(times), values, steps.astype(np.int64, copy=False)


def _parse_uniform(block: bytes) -> Columns | None:
    """Return the columns of lines that are all of one shape, None where they are not; times as written."""
    raw = np.frombuffer(block, dtype=np.uint8)
    places = np.flatnonzero((raw == 0x20) | (raw == 0x0A))
    ends = np.flatnonzero(raw[places] == 0x0A)  # which of the blanks and line ends are line ends
    starts = np.concatenate([[0], ends[:-1] + 1])
    blanks = ends - starts
    width = 2 if blanks.max() == 1 else 3
    if blanks.min() < width - 1:
        return None
    if blanks.max() >= 3:  # from the third blank of a line to its end: a data set
        named = blanks >= 3
        change = np.zeros(len(raw) + 1, dtype=np.int8)
        change[places[starts[named] + 2]] = 1
        change[places[ends[named]]] = -1
        raw = np.where(np.cumsum(change[:-1], dtype=np.int8) == 1, np.uint8(0x20), raw)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what cannot be read is found by the number of numbers
            numbers = np.fromstring(raw.tobytes().decode("ascii"), dtype=np.float64, sep=" ")
    except ValueError:
        return None
    if len(numbers) != width * len(ends):
        return None
    table = numbers.reshape(-1, width)
    if not np.isfinite(table[:, 0]).all():
        return None
    if width == 2:
        return table[:, 0], np.ascontiguousarray(table[:, 1]), np.zeros(len(table), dtype=np.int64)
    steps = table[:, 2]
    if not (np.abs(steps) < MAX_EXACT).all() or (steps != np.floor(steps)).any():
        return None
    return table[:, 0], np.ascontiguousarray(table[:, 1]), steps.astype(np.int64)


def _parse_lines(block: bytes, first: int, name: str, faults: Faults) -> Columns:
    """Return the columns of lines of any shape; `first` is the number of the first one."""
    times: list[float] = []
    values: list[float] = []
    steps: list[int] = []
    for number, line in enumerate(block.split(b"\n"), first):
        if not line:
            continue
        fields = line.split(None, 3)
        try:
            time, value = float(fields[0]), float(fields[1])
            step = _as_step(fields[2]) if len(fields) > 2 else 0
        except (ValueError, IndexError):
            step = None
        if step is None or not math.isfinite(time):
            message = f"a line of metric `{name}` is no time, value and step"
            faults.add(number, message, "the other lines were read", kind="line")
            continue
        times.append(time)
        values.append(value)
        steps.append(step)
    return np.array(times, dtype=np.float64), np.array(values, dtype=np.float64), np.array(steps, dtype=np.int64)


def _as_step(field: bytes) -> int | None:
    try:
        step = int(field)
    except ValueError:
        as_float = float(field)
        if not as_float.is_integer():
            return None
        step = int(as_float)
    return step if -MAX_STEP < step < MAX_STEP else None


def add_history(maker: StreamMaker, name: str, times: Floats, values: Floats, steps: Ints) -> None:
    """Add the points of one metric, in the order in which they were logged.

    A history in which every step is 0 was logged without steps: MLflow makes them 0. Its points are counted by time; a
    line that comes twice, as MLflow 3 writes metrics of models, is one point.
    Others come in MLflow's own order (step, time, value), by which it chooses the last one of a step. A value that was
    logged again at its step, as by training and validation with one logger, is no fault.
    """
    if len(steps) > 1 and not steps.any():
        if not bool((times[1:] >= times[:-1]).all()):
            order = np.argsort(times, kind="stable")
            times, values = times[order], values[order]
        again = (times[1:] == times[:-1]) & _are_equal(values)
        if again.any():
            times, values = times[np.append(True, ~again)], values[np.append(True, ~again)]
        steps = np.full(len(times), NO_STEP, dtype=np.int64) if len(times) > 1 else np.zeros(1, dtype=np.int64)
    elif len(steps) > 1 and not bool((steps[1:] > steps[:-1]).all()):
        order = np.lexsort((values, times, steps))
        times, values, steps = times[order], values[order], steps[order]
        keep = np.append(~((steps[1:] == steps[:-1]) & _are_equal(values)), True)
        times, values, steps = times[keep], values[keep], steps[keep]
    maker.points(name, values, steps=steps, times=times)


def _are_equal(values: Floats) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Tell of each value but the first whether it is that of its predecessor, bool[n - 1]."""
    return np.asarray((values[1:] == values[:-1]) | (np.isnan(values[1:]) & np.isnan(values[:-1])), dtype=np.bool_)

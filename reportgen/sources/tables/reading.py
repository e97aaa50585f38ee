"""Reads a run of a table, by its layout, into a stream."""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from reportgen.formats import cut_name
from reportgen.model import Floats, Ints
from reportgen.sources.columns import NO_STEP
from reportgen.sources.documents import moment, moments, read_bytes, read_map, read_object
from reportgen.sources.faults import Faults
from reportgen.sources.places import Place, RunRef
from reportgen.sources.statcache import open_regular
from reportgen.sources.streams import StreamMaker
from reportgen.sources.tables.documents import MAX_DOCUMENT, read_document, read_list
from reportgen.sources.tables.layouts import Layout
from reportgen.sources.tables.naming import is_setting
from reportgen.sources.tables.rows import Rows, iter_lines, read_csv, read_json, read_pairs

MAX_SPLIT: Final = 256 * 2**20
"""A larger file is one run: discovery does not read it as a whole to tell runs apart."""
MAX_RUNS: Final = 10_000
"""Runs of one file."""
_OF: Final = re.compile(r"([0-9]{1,15})/[0-9]+")
_DATE: Final = re.compile(r"(\d{4}-\d\d-\d\d)_(\d\d)-(\d\d)-(\d\d)")


def read_table(path: str, layout: Layout, faults: Faults, *, only: frozenset[str] | None = None) -> Rows:
    """Return the rows of a file, with the columns in `only` or all. Raises `OSError`."""
    if layout.form == "state":
        return read_list(read_bytes(path), "log_history", faults)
    if layout.form == "document":
        return read_document(read_bytes(path, MAX_DOCUMENT), faults, skip=layout.skip)
    descriptor, _ = open_regular(path)
    with open(descriptor, "rb", buffering=1 << 18) as file:
        lines = iter_lines(file, faults, has_header=layout.form == "csv")
        if layout.form == "csv":
            return read_csv(lines, faults, only=only)
        if layout.form == "pairs":
            return read_pairs(lines, faults, only=only)
        rows = read_json(lines, faults, skip=layout.skip, only=only and only | {layout.fraction})
        _split_fraction(rows, layout)
        return rows


def _split_fraction(rows: Rows, layout: Layout) -> None:
    """Take the step out of a column of texts such as `10/438`; a number of the step's own column stays."""
    if not layout.fraction:
        return
    own_rows, texts = rows.texts.pop(layout.fraction, (np.zeros(0, dtype=np.int64), []))
    found = {int(row): float(match[1]) for row, text in zip(own_rows, texts, strict=True) if (match := _OF.match(text))}
    if found:
        step = layout.steps[0]
        known_rows, known = rows.numbers.get(step, (np.zeros(0, dtype=np.int64), np.zeros(0)))
        found |= {int(row): float(value) for row, value in zip(known_rows, known, strict=True)}
        order = sorted(found)
        rows.numbers[step] = (np.asarray(order, dtype=np.int64), np.asarray([found[row] for row in order]))


# ---- runs of one file


@dataclass(frozen=True, slots=True)
class Piece:
    """The rows of one run."""

    rows: Ints
    name: str = ""
    experiment: str = ""


def pieces_of(rows: Rows, layout: Layout) -> list[Piece]:
    """Return the runs that the rows of a file are, in order of their first rows; at least one."""
    every = np.arange(rows.count, dtype=np.int64)
    if layout.rows == "runs":
        names, experiments = _labels(rows, layout.run), _labels(rows, layout.experiment)
        found = [Piece(every[i : i + 1], names.get(i, ""), experiments.get(i, "")) for i in range(rows.count)]
        return found[:MAX_RUNS] or [Piece(every)]
    if layout.run in rows.texts or layout.run in rows.numbers:
        return _grouped(rows, layout)
    begins = _begins(rows, layout)
    if len(begins) > MAX_RUNS or (len(begins) > 5 and len(begins) * 3 > rows.count):
        begins = []  # steps in no order are no restarts
    return [Piece(part) for part in np.split(every, begins)] or [Piece(every)]


def _labels(rows: Rows, column: str) -> dict[int, str]:
    """Return row -> the text in a column that names runs, of numbers as they are written."""
    own_rows, numbers = rows.numbers.get(column, (np.zeros(0, dtype=np.int64), np.zeros(0)))
    labels = {int(row): f"{value:.15g}" for row, value in zip(own_rows, numbers, strict=True)}
    text_rows, texts = rows.texts.get(column, (np.zeros(0, dtype=np.int64), []))
    return labels | {int(row): text for row, text in zip(text_rows, texts, strict=True)}


def _grouped(rows: Rows, layout: Layout) -> list[Piece]:
    names, experiments = _labels(rows, layout.run), _labels(rows, layout.experiment)
    groups: dict[tuple[str, str], list[int]] = {}
    for row in range(rows.count):
        groups.setdefault((names.get(row, ""), experiments.get(row, "")), []).append(row)
    return [
        Piece(np.asarray(group, dtype=np.int64), name, experiment)
        for (name, experiment), group in list(groups.items())[:MAX_RUNS]
    ] or [Piece(np.zeros(0, dtype=np.int64))]


def _begins(rows: Rows, layout: Layout) -> list[int]:
    """Return the rows with which further runs begin."""
    if layout.mode == "mode" and layout.title == "MMDetection":
        return _falls_of_pairs(rows)
    step = _step_column(rows, layout)
    if not layout.restart or not step or rows.count < 2:
        return []
    own_rows, values = rows.numbers[step]
    is_again = layout.restart == "again"
    falls = np.flatnonzero(values[1:] <= values[:-1] if is_again else values[1:] < values[:-1]) + 1
    if is_again or layout.restart == "first":
        first = values[0]
        kept = []
        for place in falls:
            if values[place] <= first:
                first = values[place]
                kept.append(int(own_rows[place]))
        return kept
    return [int(row) for row in own_rows[falls]]


def _falls_of_pairs(rows: Rows) -> list[int]:
    """Return the rows at which (epoch, iter) of training falls back."""
    epochs, iters = (_filled(rows, name) for name in ("epoch", "iter"))
    begins, last = [], (-1.0, -1.0)
    training = {row for row, mode in _labels(rows, "mode").items() if mode == "train"}
    for row in range(rows.count):
        if row in training:
            now = (float(epochs[row]), float(iters[row]))
            if now < last:
                begins.append(row)
            last = now
    return begins


def _filled(rows: Rows, column: str) -> Floats:
    """Return float64[rows], NaN where a row has no number in the column."""
    values = np.full(rows.count, np.nan)
    if column in rows.numbers:
        own_rows, own = rows.numbers[column]
        values[own_rows] = own
    return values


def split_columns(layout: Layout) -> frozenset[str] | None:
    """Return the columns by which runs of one file are told apart; empty when a file is always one run."""
    if layout.mode:
        return frozenset({"epoch", "iter", layout.mode})
    names = {layout.run, layout.experiment} - {""}
    return frozenset(names | (set(layout.steps) if layout.restart else set())) if layout.rows == "steps" else None


def item_of(number: int, mark: bytes) -> str:
    """Return what a run of a file is called in its place: its number, and a mark of how the file begins."""
    return f"{number}-{zlib.crc32(mark):08x}"


class _LastTable:
    """Reads tables, and remembers the last one that holds several runs: each of them asks for it."""

    def __init__(self) -> None:
        self._last: tuple[object, tuple[Rows, list[Piece], Faults]] | None = None

    def read(self, path: str, layout: Layout) -> tuple[Rows, list[Piece], Faults]:
        """Return the rows of a file, its runs, and what is wrong with it; nobody may change them. Raises `OSError`."""
        stat = os.lstat(path)
        key = (path, layout, stat.st_ino, stat.st_size, stat.st_mtime_ns)
        last = self._last
        if last is not None and last[0] == key:
            return last[1]
        self._last = last = None  # not two at once
        faults = Faults("")
        rows = read_table(path, layout, faults)
        if layout.mode and layout.title == "MMDetection":
            _count_iterations(rows)
        found = rows, pieces_of(rows, layout), faults
        if len(found[1]) > 1:
            self._last = key, found
        return found


_TABLES: Final = _LastTable()


# ---- streams


def make_stream(
    place: Place,
    ref: RunRef,
    layout: Layout,
    path: str,
    *,
    maker: StreamMaker | None = None,
    began: float | None = None,
) -> tuple[StreamMaker, Rows, Ints]:
    """Return the maker with the points of one run in it, the rows of its file, and those of the run.

    Raises `OSError` when the file cannot be read.
    """
    maker = maker or StreamMaker(place.files[0].label, run_id=ref.run_id, experiment=ref.experiment, name=ref.name)
    rows, pieces, faults = _TABLES.read(path, layout)
    maker.faults.add_all(faults)
    number = int(place.item.partition("-")[0] or 0)
    if number >= len(pieces):
        maker.faults.add(None, "the file no longer holds this run", "build again")
        return maker, rows, np.zeros(0, dtype=np.int64)
    own = pieces[number].rows
    add_points(maker, rows, layout, own, began=began)
    return maker, rows, own


def add_points(maker: StreamMaker, rows: Rows, layout: Layout, own: Ints, *, began: float | None = None) -> None:
    """Add the points of the rows `own` (rising) of a table, its tags, and what a run that is one row has as params."""
    step = _step_column(rows, layout)
    steps = _steps(rows, step)
    if steps is None and layout.form == "document" and layout.rows == "steps" and not (layout.times or layout.run):
        steps = np.arange(rows.count, dtype=np.int64)  # lists side by side: their places are the steps
    times, time_column = _times(rows, layout, own, began)
    modes = _labels(rows, layout.mode) if layout.mode else {}
    skip = layout.skip | {step, time_column, layout.mode, layout.run, layout.experiment}
    is_run = layout.rows == "runs"
    chosen = np.zeros(rows.count, dtype=bool)
    chosen[own] = True
    everything = len(own) == rows.count
    shared: dict[bytes, tuple[Ints | None, Floats | None]] = {}
    for name, (own_rows, values) in rows.numbers.items():
        if name in skip or (step == "step/total" and name == step):
            continue
        if not everything:
            mask = chosen[own_rows]
            own_rows, values = own_rows[mask], values[mask]
        if not len(own_rows):
            continue
        if is_run and is_setting(name):
            maker.params({name: _plain(float(values[0]))})
            continue
        for own_name, picked, numbers in _by_mode(name, own_rows, values, modes):
            picked, numbers = _once(picked, numbers, steps)
            key = picked.tobytes() if len(picked) < rows.count else b""
            if key not in shared:
                shared[key] = (None if steps is None else steps[picked], None if times is None else times[picked])
            own_steps, own_times = shared[key]
            maker.points(own_name, numbers, steps=own_steps, times=own_times)
    _count_texts(maker, rows, skip, chosen)
    ended = _ended(rows, own, times) if is_run and len(own) else None
    if is_run and not any(name.lower() in _STATES for name in rows.texts):
        maker.end("FINISHED", ended)  # a table of runs is one of their results
    for name, (own_rows, texts) in rows.texts.items():
        if name in skip or name.lower().rpartition("/")[2] in _PRIVATE:
            continue
        seen = {texts[i] for i in np.flatnonzero(chosen[own_rows])}
        if len(seen) == 1 and (text := seen.pop()):
            if is_run and name.lower() in _STATES:
                maker.tags({name: text})
                if text.lower() in _DONE | _BROKEN:
                    maker.end("FINISHED" if text.lower() in _DONE else "FAILED", ended)
            elif is_run:
                maker.params({name: shorten(text)})
            elif len(text) <= 250:
                maker.tags({name: shorten(text)})


def _ended(rows: Rows, own: Ints, times: Floats | None) -> float | None:
    """Return when the run of one row ended, where a column of a tracker's export says so, in UTC seconds."""
    row = int(own[0])
    for name, (own_rows, texts) in rows.texts.items():
        if name.lower() in _ENDS and (place := np.flatnonzero(own_rows == row)).size:
            return read_moment(texts[int(place[0])])
    for name, (own_rows, values) in rows.numbers.items():
        if name.lower() == _RUNTIME and times is not None and (place := np.flatnonzero(own_rows == row)).size:
            end = float(times[row] + values[int(place[0])])
            return end if np.isfinite(end) else None
    return None


_ENDS: Final = frozenset({"end_time", "datetime_complete"})
"""Columns in which MLflow and Optuna say when a run ended."""
_RUNTIME: Final = "runtime"
"""Column in which W&B says for how many seconds it went on."""
_STATES: Final = frozenset({"state", "status"})
_DONE: Final = frozenset({"finished", "complete", "completed", "done", "success", "succeeded"})
_BROKEN: Final = frozenset({"failed", "fail", "crashed", "error", "killed"})
"""What a column of states says of the run of its row."""
_NOTHING: Final = frozenset({"none", "null", "na", "n/a", "nil", "-", "--", "", "<na>", "true", "false"})
"""What stands in a column of numbers where there is none."""


def _count_texts(maker: StreamMaker, rows: Rows, skip: AbstractSet[str], chosen: npt.NDArray[np.bool_]) -> None:
    """Count the cells of text in columns of numbers: they were numbers, or none."""
    for name in sorted(rows.texts.keys() & rows.numbers.keys() - skip):
        own_rows, texts = rows.texts[name]
        count = sum(texts[place].lower() not in _NOTHING for place in np.flatnonzero(chosen[own_rows]))
        if count and sum(text.lower() not in _NOTHING for text in texts) * 2 < len(rows.numbers[name][0]):
            message = f"values of `{name}` are no numbers"
            maker.faults.add(None, message, "they were left out; the others are shown", count=count)


def _once(rows: Ints, values: Floats, steps: Ints | None) -> tuple[Ints, Floats]:
    """Leave out a point whose successor has the same step and value: several rows of a step often say one thing."""
    if steps is None or len(rows) < 2:
        return rows, values
    own = steps[rows]
    same = (own[1:] == own[:-1]) & ((values[1:] == values[:-1]) | (np.isnan(values[1:]) & np.isnan(values[:-1])))
    if not same.any():
        return rows, values
    keep = np.append(~same, True)
    return rows[keep], values[keep]


_PRIVATE: Final = frozenset({"host", "hostname", "node_ip", "ip", "user", "username", "cwd"})
_ABSOLUTE: Final = re.compile(r"(?:[A-Za-z]:[\\/]|/(?:[\w.~@+-]+/)).*", re.DOTALL)


def shorten(value: Any, depth: int = 0) -> Any:
    """Return a value in which an absolute path of the writer's machine is only the last part of it."""
    if isinstance(value, str) and len(value) < 4096 and "\n" not in value and _ABSOLUTE.fullmatch(value):
        return re.split(r"[\\/]", value.rstrip("\\/"))[-1]
    if isinstance(value, dict) and depth < 32:
        return {name: shorten(item, depth + 1) for name, item in value.items()}
    if isinstance(value, list) and depth < 32:
        return [shorten(item, depth + 1) for item in value]
    return value


def _plain(value: float) -> int | float:
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def _by_mode(name: str, rows: Ints, values: Floats, modes: Mapping[int, str]) -> Sequence[tuple[str, Ints, Floats]]:
    """Return the points of a column by mode, `train/loss` and `val/loss`; without modes as they are."""
    if not modes:
        return [(name, rows, values)]
    found = []
    own = [modes.get(int(row), "") for row in rows]
    for mode in dict.fromkeys(own):
        mask = np.fromiter((one == mode for one in own), dtype=bool, count=len(own))
        found.append((f"{mode}/{name}" if mode else name, rows[mask], values[mask]))
    return found


def _step_column(rows: Rows, layout: Layout) -> str:
    """Return the name of the column of steps, empty where there is none."""
    for name in layout.steps:
        if name in rows.numbers and len(rows.numbers[name][0]):
            values = rows.numbers[name][1]
            sound = values[np.isfinite(values)]
            if len(sound) and bool((sound == np.floor(sound)).all()) and float(np.abs(sound).max()) < 2**62:
                return name
    return ""


def _steps(rows: Rows, column: str) -> Ints | None:
    """Return int64[rows]; a row without a step has that of the row before it, or none."""
    if not column:
        return None
    values = _filled(rows, column)
    known = np.isfinite(values)
    index = np.maximum.accumulate(np.where(known, np.arange(rows.count), -1))
    filled = np.where(index < 0, 0.0, values[np.maximum(index, 0)])
    return np.where(index < 0, NO_STEP, filled.astype(np.int64))


def _times(rows: Rows, layout: Layout, own: Ints, began: float | None) -> tuple[Floats | None, str]:
    """Return float64[rows] of UTC seconds, and the column that they are from where it holds nothing else.

    Times that are text are read in the rows `own` alone.
    """
    for name in layout.times:
        if name in rows.numbers:
            values = _filled(rows, name)
            known = values[np.isfinite(values)]
            if len(known) and float(known.min()) >= 1e8:  # 1973: before it, it is seconds since something else
                return moments(values), name
        if name in rows.texts:
            times = np.full(rows.count, np.nan)
            own_rows, texts = rows.texts[name]
            for place in np.flatnonzero(np.isin(own_rows, own, assume_unique=True)):
                time = read_moment(texts[place])
                times[own_rows[place]] = np.nan if time is None else time
            if not np.isnan(times).all():
                return times, name
    if began is not None:
        for name in layout.elapsed:
            if name in rows.numbers:
                return began + _filled(rows, name), ""
    return None, ""


def read_moment(text: str) -> float | None:
    """Return a time in UTC seconds of text as the writers of tables spell it."""
    date = _DATE.fullmatch(text.strip())
    return moment(f"{date[1]}T{date[2]}:{date[3]}:{date[4]}" if date else text)


def _count_iterations(rows: Rows) -> None:
    """Give rows of MMDetection, in which iterations begin again in each epoch, a step over the whole run."""
    if "iter" not in rows.numbers or "epoch" not in rows.numbers or "step" in rows.numbers:
        return
    epochs, iters = _filled(rows, "epoch"), _filled(rows, "iter")
    modes = _labels(rows, "mode")
    training = np.fromiter((modes.get(row) == "train" for row in range(rows.count)), dtype=bool, count=rows.count)
    steps = np.full(rows.count, np.nan)
    begins = [0, *_falls_of_pairs(rows), rows.count]
    for begin, end in pairwise(begins):
        own = slice(begin, end)
        train = training[own]
        several = len(np.unique(epochs[own][train & np.isfinite(epochs[own])])) > 1
        falls = bool((np.diff(iters[own][train]) < 0).any())
        each = float(np.nanmax(iters[own][train], initial=0.0)) if several and falls else 0.0
        steps[own] = np.where(train, (epochs[own] - 1) * each + iters[own], np.nan)
        last = np.fmax.accumulate(np.where(np.isnan(steps[own]), -np.inf, steps[own])) if end > begin else steps[own]
        before = np.where(np.isfinite(last), last, epochs[own])
        steps[own] = np.where(train, steps[own], before)
    known = np.flatnonzero(np.isfinite(steps))
    rows.numbers["step"] = (known.astype(np.int64), steps[known])


# ---- what lies beside a table


def read_sidecar(path: str, name: str, faults: Faults) -> dict[str, Any]:
    """Return the params of a file beside the table, YAML or JSON by its name."""
    found = read_object(path, faults) if name.endswith(".json") else read_map(path, faults)
    return {cut_name(str(key)): value for key, value in found.items()}

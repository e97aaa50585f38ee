"""The tables that training frameworks write: which runs they are, and what they say beside their rows."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from reportgen.formats import clean_text
from reportgen.model import Stream
from reportgen.sources.documents import file_names, files_by_name, moment, number, read_object, read_tail, whole
from reportgen.sources.faults import Faults
from reportgen.sources.kinds import Claim, FoundRun, Listing, read_head
from reportgen.sources.places import Place, RunRef
from reportgen.sources.streams import StreamMaker
from reportgen.sources.tables.layouts import FRAMEWORKS, Layout
from reportgen.sources.tables.monitors import add_monitors, is_monitor, preface_of
from reportgen.sources.tables.naming import run_names
from reportgen.sources.tables.reading import (
    MAX_SPLIT,
    item_of,
    make_stream,
    pieces_of,
    read_sidecar,
    read_table,
    shorten,
    split_columns,
)
from reportgen.sources.tables.rows import Rows
from reportgen.sources.tables.siblings import find_twin
from reportgen.sources.tables.writers import PARAM_FILES, Found, find_writers

_BETTER: Final = frozenset({"ray", "ray_csv", "sb3", "sb3_json", "baselines", "baselines_csv"})
"""Writers whose event files say less than their tables."""
_EVENT_FILE: Final = re.compile(r"events\.out\.tfevents\.([0-9]{10})\.")


class _Frameworks:
    name = "frameworks"
    title = "Logs of training frameworks"
    about = (
        "Ray Tune, Stable-Baselines3, OpenAI baselines, Ultralytics, Lightning CSVLogger, Keras CSVLogger, Detectron2,"
        " MMDetection, MMEngine, log.txt of DETR, DeiT, MAE and timm, Hugging Face trainer_state.json,"
        " LLaMA-Factory, ms-swift, nanoGPT speedrun"
    )

    def claim(self, folder: Listing) -> Claim | None:
        """Return the runs of a folder."""
        found = list(find_writers(folder))
        if not found:
            return None
        runs = [run for one in found for run in _runs(folder, one)]
        events_below, is_twin = _look_beside(folder, found[0]) if len(found) == len(runs) == 1 else ("", False)
        events = [name for name in folder.files if "tfevents" in name] if any(one.is_one_run for one in found) else []
        return Claim(
            tuple(runs),
            files=frozenset((*(f for one in found for f in (*one.files, *one.beside) if "/" not in f), *events)),
            folders=frozenset((*(name for one in found for name in one.folders), *filter(None, (events_below,)))),
            is_one_run=len(runs) == 1 and found[0].is_one_run,
            is_twin=is_twin,
        )

    def read(self, place: Place, ref: RunRef) -> Iterable[Stream]:
        """Read one run."""
        facts = dict(place.extra)
        writer, files = facts["writer"], files_by_name(place)
        layout = FRAMEWORKS.get(writer)
        own_tables = facts.get("tables", "").split("\0")
        labels = {name: file.label for name, file in zip(files, place.files, strict=True)}
        label = next((labels[name] for name in own_tables if name in labels), place.files[0].label)
        maker = StreamMaker(label, run_id=ref.run_id, experiment=ref.experiment, name=ref.name)
        began = moment(number(facts.get("began")) or _as_float(facts.get("began", "")))
        monitors = [path for name, path in files.items() if is_monitor(name)]
        if monitors:
            start = add_monitors(maker, monitors)
            began = began if start is None else start
        maker.began = began
        tables = [(name, path) for name, path in files.items() if name in own_tables]
        for _, path in tables[:1]:
            if layout is not None:
                _, rows, own = make_stream(place, ref, layout, path, maker=maker, began=began)
                _add_end(maker, writer, rows, own.tolist(), files)
        params: dict[str, Any] = {}
        for name, path in files.items():
            if name in facts.get("params", "").split("\0"):
                params |= read_sidecar(path, name, maker.faults)
        maker.params(shorten(params))
        if writer == "trainer" and tables:
            _add_trainer_state(maker, tables[0][1], files.get("all_results.json", ""))
        return [maker.finish()]


def _as_float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


KIND: Final = _Frameworks()


# ---- claiming


def _runs(folder: Listing, found: Found) -> Iterator[FoundRun]:
    name, experiment = run_names(folder)
    own = name or (folder.parts or ("",))[-1]
    name, experiment = (clean_text(found.stem), own) if found.stem else (own, experiment)
    writer = found.writer
    tables = tuple(file for file in found.files[:1] if not is_monitor(file) and not _is_params(file))
    params = tuple(file for file in found.files if _is_params(file) and file not in tables)
    began = _began_of(folder, found)
    extra = {"writer": writer, "tables": "\0".join(tables), "params": "\0".join(params)}
    extra |= {"began": repr(began)} if began is not None else {}
    first = next(filter(is_monitor, found.files), found.files[0])  # it is there before the first row of progress
    files = (first, *(file for file in found.files if file != first))
    extra = {key: text for key, text in extra.items() if text} | file_names(files)
    mark = _mark(folder, found.writer, first)
    layout = FRAMEWORKS.get(writer)
    pieces = _split(folder.full(tables[0]), layout) if tables and layout is not None else 1
    for place in range(pieces):
        yield FoundRun(
            files,
            experiment=experiment,
            name=f"{name} {place + 1}" if pieces > 1 else name,
            began=0.0 if began is None else began,
            item=item_of(place, mark),
            artifacts=found.artifacts,
            extra=extra,
        )


def _look_beside(folder: Listing, found: Found) -> tuple[str, bool]:
    """Look for event files of the same run in another folder.

    Returns the folder below this one that holds them, where the table says more than they do, as its steps are those of
    the training, and whether they are taken instead of the table, as they have times.
    """
    layout, name = FRAMEWORKS.get(found.writer), found.files[0]
    twin = find_twin(folder, name, layout) if layout is not None and not is_monitor(name) else ""
    if not twin or found.writer not in _BETTER:
        return "", bool(twin)
    below = os.path.relpath(twin, folder.path).split(os.sep)[0]
    return below if below in folder.folders else "", False


def _is_params(file: str) -> bool:
    return file.rpartition("/")[2] in PARAM_FILES or file == "opt.yaml"


def _began_of(folder: Listing, found: Found) -> float | None:
    """Return when the run began, where a monitor or the name of an event file of the same run says so."""
    for name in found.files:
        if is_monitor(name):
            return moment(preface_of(folder.head(name)).get("t_start"))
    times = [int(match[1]) for name in folder.files if (match := _EVENT_FILE.match(name))]
    return float(min(times)) if times and found.is_one_run else None


def _mark(folder: Listing, writer: str, name: str) -> bytes:
    """Return what tells this file from another one of the same name, and stays when it grows."""
    head = folder.head(name)
    if writer == "trainer":
        history = head.partition(b'"log_history"')[2]
        return history.partition(b"}")[0]
    return b"\n".join(head.split(b"\n", 2)[:2])


def _split(path: str, layout: Layout) -> int:
    """Return how many runs a file holds; one where it is too large to be read for that."""
    only = split_columns(layout)
    if not only or (not layout.restart and not layout.mode):
        return 1
    try:
        if os.lstat(path).st_size > MAX_SPLIT:
            return 1
        return len(pieces_of(read_table(path, layout, Faults(""), only=only), layout))
    except OSError:
        return 1


# ---- what else a run says


def _add_end(maker: StreamMaker, writer: str, rows: Rows, own: Sequence[int], files: Mapping[str, str]) -> None:
    """Say that the run ended where its log proves it."""
    if not own:
        return
    if "error.txt" in files:
        text = read_head(files["error.txt"], 1 << 20).decode("utf-8", "replace").strip()
        maker.end("FAILED", error=(text.splitlines() or [""])[-1][:1000])
    elif writer == "ray":
        last_line = read_tail(files["result.json"], 1 << 20).rstrip().rpartition(b"\n")[2]
        if b'"done": true' in last_line or b'"done":true' in last_line:
            maker.end("FINISHED")
    elif writer in ("llama_factory", "swift"):
        _add_end_of_finetuning(maker, rows, files)
    elif writer == "speedrun":
        steps, totals = (rows.numbers.get(name, ((), (0.0,)))[1] for name in ("step", "step/total"))
        if float(max(steps, default=-1.0)) == float(max(totals, default=0.0)):
            maker.end("FINISHED")


def _add_end_of_finetuning(maker: StreamMaker, rows: Rows, files: Mapping[str, str]) -> None:
    """Say that all steps were done, as the last line of LLaMA-Factory or ms-swift may say."""
    if "trainer_log.jsonl" in files:
        last = read_tail(files["trainer_log.jsonl"], 1 << 16).rstrip().rpartition(b"\n")[2]
        counts = [re.search(rb'"%s": ?([0-9]+)' % name, last) for name in (b"current_steps", b"total_steps")]
        done = all(counts) and len({match[1] for match in counts if match}) == 1
    else:
        done = "train_runtime" in rows.numbers
    if done:
        maker.end("FINISHED")


_STATE_PARAMS: Final = (
    "num_train_epochs",
    "max_steps",
    "train_batch_size",
    "logging_steps",
    "eval_steps",
    "save_steps",
    "trial_params",
)


def _add_trainer_state(maker: StreamMaker, path: str, results: str) -> None:
    """Add what the state of a Trainer says beside its history, and `all_results.json` of what was done at the end."""
    state = read_object(path, Faults(""))
    maker.params({name: state[name] for name in _STATE_PARAMS if state.get(name) is not None})
    best = {name: state.get(name) for name in ("best_metric", "best_global_step", "best_model_checkpoint")}
    maker.tags({name: shorten(value) for name, value in best.items() if value is not None})
    maker.tags({"trial_name": state.get("trial_name")})
    history = state.get("log_history")
    last = [row for row in history if isinstance(row, dict)] if isinstance(history, list) else []
    steps, most = whole(state.get("global_step")), number(state.get("max_steps"))
    known = {"epoch", "total_flos", *(name for row in last for name in row)}
    for name, value in (read_object(results, maker.faults) if results else {}).items():
        if name and name not in known and (one := number(value)) is not None:
            maker.points(name, [one], steps=None if steps is None else [steps])
    if any("train_runtime" in row for row in last[-3:]) or (steps is not None and most and steps >= most):
        maker.end("FINISHED")

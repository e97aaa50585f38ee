"""The tables that training frameworks write, each recognised by its file, what stands in it, and its neighbours."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from reportgen.formats import clean_text
from reportgen.model import Stream
from reportgen.sources.documents import file_names, files_by_name, moment, number, read_object, read_tail
from reportgen.sources.faults import Faults
from reportgen.sources.kinds import Claim, FoundRun, Listing, read_head
from reportgen.sources.places import Place, RunRef
from reportgen.sources.streams import StreamMaker
from reportgen.sources.tables.layouts import FRAMEWORKS, Layout
from reportgen.sources.tables.monitors import add_monitors, is_begun, is_monitor, preface_of
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
from reportgen.sources.tables.rows import Rows, decode_row, delimiter_of, names_of, split_cells
from reportgen.sources.tables.siblings import find_twin

PARAM_FILES: Final = (
    "hparams.yaml",
    "hparams.json",
    "args.yaml",
    "args.yml",
    "args.json",
    "config.yaml",
    "config.yml",
    "config.json",
    "params.yaml",
    "params.json",
)
"""Files of params beside a table, the surest first; the first that is there is read."""
_BETTER: Final = frozenset({"ray", "ray_csv", "sb3", "sb3_json", "baselines", "baselines_csv"})
"""Writers whose event files say less than their tables."""
_CHECKPOINT: Final = re.compile(r"checkpoint-([0-9]{1,12})")
_EVENT_FILE: Final = re.compile(r"events\.out\.tfevents\.([0-9]{10})\.")
_SPEEDRUN: Final = re.compile(rb"^step:[0-9]+/[0-9]+ [a-z_]+:", re.MULTILINE)
_LONG_HEAD: Final = 1 << 16
_MAX_FIRST: Final = 20
"""So many lines are looked at for a row that is no damage."""


@dataclass(frozen=True, slots=True)
class _Found:
    """The log of a framework in a folder."""

    writer: str
    """Name of its layout."""
    files: tuple[str, ...]
    """What is read: the table first."""
    beside: tuple[str, ...] = ()
    """Files that say the same again."""
    folders: tuple[str, ...] = ()
    is_one_run: bool = True
    artifacts: str = ""
    stem: str = ""
    """What names the run, for a folder of several; empty: the folder."""


class _Frameworks:
    name = "frameworks"
    title = "Logs of training frameworks"
    about = (
        "Ray Tune, Stable-Baselines3, OpenAI baselines, Ultralytics, Lightning CSVLogger, Keras CSVLogger, Detectron2,"
        " MMDetection, MMEngine, log.txt of DETR, DeiT, MAE and timm, Hugging Face trainer_state.json, nanoGPT speedrun"
    )

    def claim(self, folder: Listing) -> Claim | None:
        """Return the runs of a folder."""
        found = list(_find(folder))
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
        maker = StreamMaker(place.files[0].label, run_id=ref.run_id, experiment=ref.experiment, name=ref.name)
        began = moment(number(facts.get("began")) or _as_float(facts.get("began", "")))
        monitors = [path for name, path in files.items() if is_monitor(name)]
        if monitors:
            start = add_monitors(maker, monitors)
            began = began if start is None else start
        maker.began = began
        tables = [(name, path) for name, path in files.items() if name in facts.get("tables", "").split("\0")]
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
            _add_trainer_state(maker, tables[0][1])
        return [maker.finish()]


def _as_float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


KIND: Final = _Frameworks()


# ---- recognising


def _find(folder: Listing) -> Iterator[_Found]:
    """Yield the logs of frameworks in a folder; one that is the whole folder stands alone."""
    for find in (_find_ray, _find_learning, _find_ultralytics, _find_trainer, _find_lightning):
        found = find(folder)
        if found is not None:
            yield found
            return
    for find in (_find_detectron, _find_mmengine, _find_log_txt):
        found = find(folder)
        if found is not None:
            yield found
    yield from _find_mmdetection(folder)
    yield from _find_speedruns(folder)
    yield from _find_keras(folder)


def _first_row(folder: Listing, name: str) -> dict[str, Any]:
    """Return the first sound row of JSON lines, empty where most of the first lines are none."""
    if name not in folder.files:
        return {}
    return _sound_row(folder.head(name)) or _sound_row(folder.head(name, _LONG_HEAD))


def _sound_row(head: bytes) -> dict[str, Any]:
    lines = [line for line in head.split(b"\n") if line.strip()][:_MAX_FIRST]
    first = _row(lines[0]) if lines else {}
    if first:
        return first
    rows = [row for line in lines if (row := _row(line))]
    wrong = len(lines) - len(rows) - (not head.endswith(b"\n"))  # the last one may go on behind the head
    return rows[0] if rows and wrong <= len(rows) else {}


def _row(line: bytes) -> dict[str, Any]:
    try:
        row = decode_row(line)
    except ValueError:
        return {}
    return row if isinstance(row, dict) else {}


def _header(folder: Listing, name: str) -> list[str]:
    """Return the names of the columns of a CSV, empty where there is no such file."""
    if name not in folder.files:
        return []
    line = folder.head(name).lstrip().partition(b"\n")[0]
    return names_of(split_cells(line, delimiter_of(line))) if line else []


def _params_of(folder: Listing, files: Sequence[str] = PARAM_FILES) -> tuple[str, ...]:
    return next(((name,) for name in files if name in folder.files), ())


def _find_ray(folder: Listing) -> _Found | None:
    names = [name for name in ("result.json", "progress.csv") if name in folder.files]
    has = {name for name in names if folder.head(name, 16)}
    head = folder.head("result.json", _LONG_HEAD) if "result.json" in has else b""
    beside = tuple(name for name in (*names, "params.pkl", "error.pkl") if name in folder.files)
    params = tuple(name for name in ("params.json", "error.txt") if name in folder.files)
    if head.lstrip()[:1] == b"{" and b'"training_iteration"' in head and b'"time_total_s"' in head:
        return _Found("ray", ("result.json", *params), beside)
    if {"training_iteration", "time_total_s"} <= set(_header(folder, "progress.csv")):
        return _Found("ray_csv", ("progress.csv", *params), beside)
    return None


def _find_learning(folder: Listing) -> _Found | None:
    """Find what Stable-Baselines3 and OpenAI baselines write: progress, and one monitor an environment."""
    names = folder.ending(".csv", ".json")
    monitors = tuple(filter(is_monitor, names))
    if not any(is_begun(folder.head(name)) for name in monitors):
        monitors = ()
    own = [name for name in ("progress.json", "progress.csv") if name in folder.files]
    table_of_text = "log.txt" in folder.files and folder.head("log.txt", 11) in (b"Logging to ", b"-----------")
    columns = {name: _header(folder, name) if name.endswith("csv") else list(_first_row(folder, name)) for name in own}
    has_proof = bool(monitors) or table_of_text
    known = [name for name, header in columns.items() if _is_learning(header) or (header and has_proof)]
    if not (monitors or known):
        return None
    if not known and own and any(columns.values()):
        own = []  # a progress.csv of somebody else beside monitors
    writer = "baselines"
    if known:
        is_sb3 = any(name.startswith("time/") for name in columns[known[0]])
        writer = ("sb3_json" if known[0].endswith("json") else "sb3") if is_sb3 else "baselines"
        if writer == "baselines" and known[0].endswith("csv"):
            writer = "baselines_csv"
    params = _learning_params(folder, monitors)
    beside = (*own, *(("log.txt",) if table_of_text else ()))
    return _Found(writer, (*known[:1], *monitors, *params), beside, folders=_folders_of(params))


def _folders_of(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.partition("/")[0] for name in names if "/" in name))


def _is_learning(header: Sequence[str]) -> bool:
    names = set(header)
    marks = {"time/total_timesteps", "misc/total_timesteps", "rollout/ep_rew_mean", "rollout/return", "misc/nupdates"}
    return bool(names & (marks | {"eprewmean", "EpRewMean", "nupdates", "total_timesteps", "serial_timesteps"}))


def _learning_params(folder: Listing, monitors: Sequence[str]) -> tuple[str, ...]:
    """Return the files of params of rl-zoo, `<environment>/args.yml` and `config.yml`, or what lies beside."""
    names = ("args.yml", "config.yml")
    beside = tuple(name for name in names if name in folder.files)
    if beside:
        return beside
    environments = [str(preface_of(folder.head(name)).get("env_id", "")) for name in monitors[:1]]
    environments.append((folder.parts or ("",))[-1].rpartition("_")[0])
    for environment in environments:
        if environment in folder.folders:
            listed = folder.list_below(environment)
            return tuple(f"{environment}/{name}" for name in names if name in listed)
    return _params_of(folder)


def _find_ultralytics(folder: Listing) -> _Found | None:
    header = _header(folder, "results.csv")
    if header[:1] != ["epoch"] or not any(name.startswith(("metrics/", "train/")) for name in header):
        return None
    params = tuple(name for name in ("args.yaml", "opt.yaml") if name in folder.files)
    if not params and not any(name.startswith("metrics/") for name in header):
        return None
    return _Found("ultralytics", ("results.csv", *params), artifacts=".", folders=("weights",))


def _find_lightning(folder: Listing) -> _Found | None:
    header = _header(folder, "metrics.csv")
    if "step" not in header or ("epoch" not in header and "hparams.yaml" not in folder.files):
        return None
    if any("tfevents" in name for name in folder.files):
        return None  # the same run, with times and pictures
    params = tuple(name for name in ("hparams.yaml",) if name in folder.files)
    return _Found("lightning", ("metrics.csv", *params))


def _find_trainer(folder: Listing) -> _Found | None:
    """Find the state of a Hugging Face Trainer: that of the whole run, else that of its last checkpoint."""
    checkpoints = sorted((int(m[1]), name) for name in folder.folders if (m := _CHECKPOINT.fullmatch(name)))
    folders = tuple(name for _, name in checkpoints)
    places = ["trainer_state.json"] if "trainer_state.json" in folder.files else []
    places += [f"{name}/trainer_state.json" for _, name in reversed(checkpoints[-3:])]
    for place in places:
        if b'"log_history"' in folder.head(place, _LONG_HEAD) or b'"best_metric"' in folder.head(place):
            own = _CHECKPOINT.fullmatch((folder.parts or ("",))[-1]) is not None
            return _Found("trainer", (place,), folders=folders, is_one_run=not own)
    return None


def _find_detectron(folder: Listing) -> _Found | None:
    row = _first_row(folder, "metrics.json")
    if "iteration" not in row or not any("loss" in name or "/" in name for name in row):
        return None
    return _Found("detectron2", ("metrics.json", *_params_of(folder, ("config.yaml",))))


def _find_mmengine(folder: Listing) -> _Found | None:
    if "step" not in _first_row(folder, "scalars.json"):
        return None
    own = folder.parts[-2] if len(folder.parts) > 1 else ""
    beside = tuple(name for name in (f"{own}.json",) if own and name in folder.files)
    return _Found("mmengine", ("scalars.json",), beside)


def _find_log_txt(folder: Listing) -> _Found | None:
    row = _first_row(folder, "log.txt")
    if "epoch" not in row or not any(str(name).startswith(("train_", "test_", "val_")) for name in row):
        return None
    return _Found("log_txt", ("log.txt", *_params_of(folder)))


def _find_mmdetection(folder: Listing) -> Iterator[_Found]:
    names = [name for name in folder.ending(".json") if name.endswith(".log.json")]
    for name in names:
        head = folder.head(name, _LONG_HEAD)
        if re.search(rb'"mode": ?"(?:train|val)"', head) and b'"iter"' in head:
            stem = name.removesuffix(".log.json") if len(names) > 1 else ""
            yield _Found("mmdetection", (name,), is_one_run=len(names) == 1, stem=stem)


def _find_speedruns(folder: Listing) -> Iterator[_Found]:
    """Find text logs that begin with a listing of the source and end with `step:1530/1530 val_loss:…`."""
    names = folder.ending(".txt", ".log")
    if len(names) > 5000:
        return
    for name in names:
        head = folder.head(name)
        if (b"import " in head or head.startswith((b"=====", b"step:"))) and (
            _SPEEDRUN.search(head) or _SPEEDRUN.search(read_tail(folder.full(name), 4096))
        ):
            yield _Found("speedrun", (name,), is_one_run=False, stem=name.rpartition(".")[0])


def _find_keras(folder: Listing) -> Iterator[_Found]:
    """Find what `CSVLogger` of Keras writes: `epoch`, then the names of metrics in order of the alphabet."""
    names = folder.ending(".csv", ".log")
    if len(names) > 5000:
        return
    found = []
    for name in names:
        if folder.head(name, 6) not in (b"epoch,", b"epoch;", b"epoch\t"):
            continue
        header = _header(folder, name)
        if header[1:] == sorted(header[1:]) and any("loss" in column for column in header[1:]):
            found.append(name)
    for name in found:
        one = len(found) == 1
        params = _params_of(folder) if one else ()
        yield _Found("keras", (name, *params), is_one_run=one, stem="" if one else name.rpartition(".")[0])


# ---- claiming


def _runs(folder: Listing, found: _Found) -> Iterator[FoundRun]:
    name, experiment = run_names(folder)
    own = name or (folder.parts or ("",))[-1]
    name, experiment = (clean_text(found.stem), own) if found.stem else (own, experiment)
    writer = found.writer
    tables = tuple(file for file in found.files[:1] if not is_monitor(file) and not _is_params(file))
    params = tuple(file for file in found.files if _is_params(file) and file not in tables)
    began = _began_of(folder, found)
    extra = {"writer": writer, "tables": "\0".join(tables), "params": "\0".join(params)}
    extra |= {"began": repr(began)} if began is not None else {}
    extra = {key: text for key, text in extra.items() if text} | file_names(found.files)
    mark = _mark(folder, found)
    layout = FRAMEWORKS.get(writer)
    pieces = _split(folder.full(tables[0]), layout) if tables and layout is not None else 1
    for place in range(pieces):
        yield FoundRun(
            found.files,
            experiment=experiment,
            name=f"{name} {place + 1}" if pieces > 1 else name,
            began=0.0 if began is None else began,
            item=item_of(place, mark),
            artifacts=found.artifacts,
            extra=extra,
        )


def _look_beside(folder: Listing, found: _Found) -> tuple[str, bool]:
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


def _began_of(folder: Listing, found: _Found) -> float | None:
    """Return when the run began, where a monitor or the name of an event file of the same run says so."""
    for name in found.files:
        if is_monitor(name):
            return moment(preface_of(folder.head(name)).get("t_start"))
    times = [int(match[1]) for name in folder.files if (match := _EVENT_FILE.match(name))]
    return float(min(times)) if times and found.is_one_run else None


def _mark(folder: Listing, found: _Found) -> bytes:
    """Return what tells this file from another one of the same name, and stays when it grows."""
    head = folder.head(found.files[0])
    if found.writer == "trainer":
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
    elif writer == "speedrun":
        steps, totals = (rows.numbers.get(name, ((), (0.0,)))[1] for name in ("step", "step/total"))
        if float(max(steps, default=-1.0)) == float(max(totals, default=0.0)):
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


def _add_trainer_state(maker: StreamMaker, path: str) -> None:
    """Add what the state of a Trainer says beside its history."""
    state = read_object(path, Faults(""))
    maker.params({name: state[name] for name in _STATE_PARAMS if state.get(name) is not None})
    best = {name: state.get(name) for name in ("best_metric", "best_global_step", "best_model_checkpoint")}
    maker.tags({name: shorten(value) for name, value in best.items() if value is not None})
    maker.tags({"trial_name": state.get("trial_name")})
    history = state.get("log_history")
    last = [row for row in history if isinstance(row, dict)] if isinstance(history, list) else []
    steps, most = number(state.get("global_step")), number(state.get("max_steps"))
    if any("train_runtime" in row for row in last[-3:]) or (steps is not None and most and steps >= most):
        maker.end("FINISHED")

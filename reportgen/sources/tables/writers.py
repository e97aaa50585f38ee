"""Which training framework wrote the logs in a folder: told by a file, what stands in it, and its neighbours."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from reportgen.sources.documents import read_tail
from reportgen.sources.kinds import Listing
from reportgen.sources.tables.monitors import is_begun, is_monitor, preface_of
from reportgen.sources.tables.rows import decode_row, delimiter_of, names_of, split_cells

PARAM_FILES: Final = (
    "hparams.yaml",
    "hparams.json",
    "training_args.yaml",
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
_CHECKPOINT: Final = re.compile(r"checkpoint-([0-9]{1,12})")
_SPEEDRUN: Final = re.compile(rb"^step:[0-9]+/[0-9]+ [a-z_]+:", re.MULTILINE)
_LONG_HEAD: Final = 1 << 16
_MAX_FIRST: Final = 20
"""So many lines are looked at for a row that is no damage."""


@dataclass(frozen=True, slots=True)
class Found:
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


def find_writers(folder: Listing) -> Iterator[Found]:
    """Yield the logs of frameworks in a folder; one that is the whole folder stands alone."""
    for find in (_find_ray, _find_learning, _find_ultralytics, _find_trainer, _find_finetuning, _find_lightning):
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


def _find_ray(folder: Listing) -> Found | None:
    names = [name for name in ("result.json", "progress.csv") if name in folder.files]
    has = {name for name in names if folder.head(name, 16)}
    head = folder.head("result.json", _LONG_HEAD) if "result.json" in has else b""
    beside = tuple(name for name in (*names, "params.pkl", "error.pkl") if name in folder.files)
    params = tuple(name for name in ("params.json", "error.txt") if name in folder.files)
    if head.lstrip()[:1] == b"{" and b'"training_iteration"' in head and b'"time_total_s"' in head:
        return Found("ray", ("result.json", *params), beside)
    if {"training_iteration", "time_total_s"} <= set(_header(folder, "progress.csv")):
        return Found("ray_csv", ("progress.csv", *params), beside)
    return None


def _find_learning(folder: Listing) -> Found | None:
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
    return Found(writer, (*known[:1], *monitors, *params), beside, folders=_folders_of(params))


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


def _find_ultralytics(folder: Listing) -> Found | None:
    header = _header(folder, "results.csv")
    if header[:1] != ["epoch"] or not any(name.startswith(("metrics/", "train/")) for name in header):
        return None
    params = tuple(name for name in ("args.yaml", "opt.yaml") if name in folder.files)
    if not params and not any(name.startswith("metrics/") for name in header):
        return None
    return Found("ultralytics", ("results.csv", *params), artifacts=".", folders=("weights",))


def _find_lightning(folder: Listing) -> Found | None:
    header = _header(folder, "metrics.csv")
    if "step" not in header or ("epoch" not in header and "hparams.yaml" not in folder.files):
        return None
    if any("tfevents" in name for name in folder.files):
        return None  # the same run, with times and pictures
    params = tuple(name for name in ("hparams.yaml",) if name in folder.files)
    return Found("lightning", ("metrics.csv", *params))


def _find_trainer(folder: Listing) -> Found | None:
    """Find the state of a Hugging Face Trainer: that of the whole run, else that of its last checkpoint."""
    checkpoints = sorted((int(m[1]), name) for name in folder.folders if (m := _CHECKPOINT.fullmatch(name)))
    folders = tuple(name for _, name in checkpoints)
    places = ["trainer_state.json"] if "trainer_state.json" in folder.files else []
    places += [f"{name}/trainer_state.json" for _, name in reversed(checkpoints[-3:])]
    for place in places:
        if b'"log_history"' in folder.head(place, _LONG_HEAD) or b'"best_metric"' in folder.head(place):
            own = _CHECKPOINT.fullmatch((folder.parts or ("",))[-1]) is not None
            beside = ("all_results.json",) if "all_results.json" in folder.files and "/" not in place else ()
            return Found("trainer", (place, *beside), folders=folders, is_one_run=not own)
    return None


def _find_finetuning(folder: Listing) -> Found | None:
    """Find what LLaMA-Factory and ms-swift write line by line, where there is no state of a Trainer."""
    head = folder.head("trainer_log.jsonl") if "trainer_log.jsonl" in folder.files else b""
    if b'"current_steps"' in head and b'"total_steps"' in head:
        return Found("llama_factory", ("trainer_log.jsonl", *_params_of(folder)))
    if "logging.jsonl" in folder.files and b'"global_step/max_steps"' in folder.head("logging.jsonl"):
        return Found("swift", ("logging.jsonl", *_params_of(folder)))
    return None


def _find_detectron(folder: Listing) -> Found | None:
    row = _first_row(folder, "metrics.json")
    if "iteration" not in row or not any("loss" in name or "/" in name for name in row):
        return None
    return Found("detectron2", ("metrics.json", *_params_of(folder, ("config.yaml",))))


def _find_mmengine(folder: Listing) -> Found | None:
    if "step" not in _first_row(folder, "scalars.json"):
        return None
    own = folder.parts[-2] if len(folder.parts) > 1 else ""
    beside = tuple(name for name in (f"{own}.json",) if own and name in folder.files)
    return Found("mmengine", ("scalars.json",), beside)


def _find_log_txt(folder: Listing) -> Found | None:
    row = _first_row(folder, "log.txt")
    if "epoch" not in row or not any(str(name).startswith(("train_", "test_", "val_")) for name in row):
        return None
    return Found("log_txt", ("log.txt", *_params_of(folder)))


def _find_mmdetection(folder: Listing) -> Iterator[Found]:
    names = [name for name in folder.ending(".json") if name.endswith(".log.json")]
    for name in names:
        head = folder.head(name, _LONG_HEAD)
        if re.search(rb'"mode": ?"(?:train|val)"', head) and b'"iter"' in head:
            stem = name.removesuffix(".log.json") if len(names) > 1 else ""
            yield Found("mmdetection", (name,), is_one_run=len(names) == 1, stem=stem)


def _find_speedruns(folder: Listing) -> Iterator[Found]:
    """Find text logs that begin with a listing of the source and end with `step:1530/1530 val_loss:…`."""
    names = folder.ending(".txt", ".log")
    if len(names) > 5000:
        return
    for name in names:
        head = folder.head(name)
        if (b"import " in head or head.startswith((b"=====", b"step:"))) and (
            _SPEEDRUN.search(head) or _SPEEDRUN.search(read_tail(folder.full(name), 4096))
        ):
            yield Found("speedrun", (name,), is_one_run=False, stem=name.rpartition(".")[0])


def _find_keras(folder: Listing) -> Iterator[Found]:
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
        yield Found("keras", (name, *params), is_one_run=one, stem="" if one else name.rpartition(".")[0])

"""MLflow's file store: a folder an experiment, a folder a run in it, a file a param, metric and tag."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from reportgen.formats import clean_text
from reportgen.model import Problem, Stream
from reportgen.sources import documents
from reportgen.sources.faults import Faults
from reportgen.sources.kinds import Claim, FoundRun, Listing, read_head
from reportgen.sources.mlflow import facts as own
from reportgen.sources.mlflow.points import add_history, parse_history
from reportgen.sources.parts import MAX_FOLDERS_DEEP, label_of, redacted
from reportgen.sources.places import Place, RunRef
from reportgen.sources.plainyaml import read_yaml
from reportgen.sources.streams import StreamMaker

META: Final = "meta.yaml"
MODELS: Final = "models"
TRASH: Final = ".trash"
META_BYTES: Final = 1 << 18
DATA_BYTES: Final = 1 << 22
"""The description of a data set may hold its schema and a profile."""
TEXT_BYTES: Final = 1 << 20
MAX_FILES: Final = 100_000
"""So many files of a run are read."""
MAX_VERSIONS: Final = 100_000

_RUN: Final = re.compile(rb"(?m)^run_(?:id|uuid):")
_ANY_RUN: Final = re.compile(rb"(?m)^(?:artifact_uri|experiment_id|lifecycle_stage):")
_EXPERIMENT: Final = re.compile(rb"(?m)^experiment_id:")
_ANY_EXPERIMENT: Final = re.compile(rb"(?m)^(?:artifact_location|lifecycle_stage):")
_MODEL: Final = re.compile(rb"(?m)^creation_timestamp:")
_SOURCE_ID: Final = re.compile(rb"(?m)^source_id: *'?\"?([0-9A-Za-z_-]{1,64})")
_NO_EXPERIMENT: Final = "it does not say which experiment this is"
_NO_NAME: Final = "it was cut or damaged: the experiment's runs are shown, under the number of its folder"
_OWN_FOLDERS: Final = frozenset({"tags", "datasets", "models", "traces", "assessments"})
"""Folders of an experiment that hold no run."""


def is_run(head: bytes) -> bool:
    """Tell whether a `meta.yaml` is that of a run."""
    return bool(_RUN.search(head) and _ANY_RUN.search(head))


def is_experiment(head: bytes) -> bool:
    """Tell whether a `meta.yaml` is that of an experiment."""
    return bool(_EXPERIMENT.search(head) and _ANY_EXPERIMENT.search(head) and not _RUN.search(head))


def claim_files(folder: Listing, *, deleted: bool) -> Claim | None:
    """Take a run's folder, an experiment's, or a whole store."""
    if META in folder.files:
        head = folder.head(META)
        if is_run(head):
            return _claim_run(folder, deleted=deleted)
        if is_experiment(head):
            experiment = _look_at_experiment(folder.path, "", {}, deleted=deleted)
            return Claim(experiment.runs, frozenset({META}), experiment.folders & folder.folders)
        return None
    return _claim_store(folder, deleted=deleted)


def _claim_run(folder: Listing, *, deleted: bool) -> Claim:
    """Take one run; the name of its experiment stands beside it, one folder up."""
    meta = _read_meta(folder.full(META))
    above = os.path.dirname(folder.path)
    beside = _read_meta(os.path.join(above, META), only=is_experiment)
    same = bool(beside) and _text(beside.get("experiment_id")) == _text(meta.get("experiment_id"))
    shared = {"experiment/meta.yaml": "../meta.yaml"} if same else {}
    run = _look_at_run(folder.path, "", _text(beside.get("name")) if same else "", shared, {}, deleted=deleted)
    folders = frozenset({"params", "metrics", "tags", "artifacts", "inputs", "outputs"})
    return Claim((run,) if run else (), frozenset({META}), folders & folder.folders, True)


def _claim_store(folder: Listing, *, deleted: bool) -> Claim | None:
    names = [name for name in sorted(folder.folders) if name != TRASH]
    experiments = [name for name in names if is_experiment(read_head(folder.full(f"{name}/{META}"), META_BYTES))]
    trash = f"{TRASH}/"
    if deleted and TRASH in folder.folders:
        thrown = [trash + name for name in _folders(folder.full(TRASH))]
        experiments += [name for name in thrown if is_experiment(read_head(folder.full(f"{name}/{META}"), META_BYTES))]
    if not experiments:
        return None
    damaged = [name for name in names if name not in experiments and _is_damaged(folder, name)]
    experiments += damaged
    versions: list[_FoundVersion] = []
    registry: dict[str, dict[str, str]] = {}
    if MODELS in folder.folders and MODELS not in experiments:
        versions = list(_iter_versions(folder))
        for version in versions:
            registry.setdefault(version.run_id, {}).update(version.files)
    runs: list[FoundRun] = []
    for name in experiments:
        runs += _look_at_experiment(folder.full(name), f"{name}/", registry, deleted=deleted).runs
    known = {run.run_id for run in runs}
    problems = [_without_run(version, folder) for version in versions if version.run_id not in known]
    problems += [Problem(label_of(folder.full(f"{name}/{META}")), _NO_EXPERIMENT, _NO_NAME) for name in damaged]
    # Experiments of a database beside it have folders of artifacts here, without a `meta.yaml`.
    taken = {name for name in names if name.isdigit()} | {MODELS, TRASH} | set(experiments)
    return Claim(tuple(runs), folders=frozenset(taken & folder.folders), problems=tuple(problems))


def _is_damaged(folder: Listing, name: str) -> bool:
    """Tell whether a folder beside experiments is one whose `meta.yaml` no longer says so."""
    return name.isdigit() and META in folder.list_below(name) and not is_run(folder.head(f"{name}/{META}"))


def _without_run(version: _FoundVersion, folder: Listing) -> Problem:
    why = "is of a run that is deleted or not here" if version.run_id else "is of no run"
    return Problem(
        label_of(folder.full(version.path)),
        redacted(clean_text(f"version {version.version} of the model '{version.name}' {why}: it is not shown")),
        "register models with the run that made them, or restore the run",
    )


# ---- experiments and runs


@dataclass(frozen=True, slots=True)
class _Experiment:
    runs: tuple[FoundRun, ...]
    folders: frozenset[str]


def _look_at_experiment(path: str, prefix: str, registry: dict[str, dict[str, str]], *, deleted: bool) -> _Experiment:
    """Return the runs of an experiment's folder; `prefix` leads to it from the folder that is claimed."""
    meta = _read_meta(os.path.join(path, META))
    name = _text(meta.get("name")) or _text(meta.get("experiment_id")) or os.path.basename(path)
    folders = _folders(path)
    if not deleted and _text(meta.get("lifecycle_stage")) == "deleted":
        return _Experiment((), frozenset(folders))
    shared = {"experiment/meta.yaml": f"{prefix}meta.yaml"}
    tags = _list_tree(os.path.join(path, "tags"), "tags/")[0] if "tags" in folders else []
    shared |= {f"experiment/{tag}": prefix + tag for tag in tags if tag.startswith(f"tags/{own.PRIMARY}")}
    runs, taken = [], set(_OWN_FOLDERS)
    for folder in folders:
        if folder in _OWN_FOLDERS:
            continue
        run = _look_at_run(
            os.path.join(path, folder), f"{prefix}{folder}/", name, shared, registry, prefix, deleted=deleted
        )
        if run is not None:
            runs.append(run)
        if run is not None or own.RUN_ID.fullmatch(folder):
            taken.add(folder)
    return _Experiment(tuple(runs), frozenset(taken))


def _look_at_run(
    path: str,
    prefix: str,
    experiment: str,
    shared: dict[str, str],
    registry: dict[str, dict[str, str]],
    above: str | None = None,
    *,
    deleted: bool,
) -> FoundRun | None:
    """Return the run in a folder, None where there is none; `above` leads to its experiment's, if that is read."""
    files: dict[str, str] = {}
    folders: set[str] = set()
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.add(entry.name)
                elif entry.name == META and entry.is_file(follow_symlinks=False):
                    files[f"run/{META}"] = prefix + META
    except OSError:
        return None
    meta = _read_meta(os.path.join(path, META)) if files else {}
    run_id = _text(meta.get("run_id")) or _text(meta.get("run_uuid"))
    if not run_id:
        folder = os.path.basename(path)
        if not (own.RUN_ID.fullmatch(folder) and folders & {"params", "metrics", "tags"}):
            return None
        run_id = folder
    if not deleted and _text(meta.get("lifecycle_stage")) == "deleted":
        return None
    names: list[str] = []
    cut = False
    for folder in ("params", "metrics", "tags", "inputs"):
        if folder in folders:
            more, is_cut = _list_tree(os.path.join(path, folder), f"{folder}/")
            names += [name for name in more if _is_wanted(name)]
            cut = cut or is_cut
    files |= {f"run/{name}": prefix + name for name in names}
    files |= shared
    if above is not None:
        files |= _data_sets(path, names, above)
    files |= registry.get(run_id, {})
    tags = os.path.join(path, "tags", "")
    name = _text(meta.get("run_name"))
    if not name and f"run/tags/{own.NAME}" in files:
        name = _read_text(tags + own.NAME)
    parent = _read_text(tags + own.PARENT) if f"run/tags/{own.PARENT}" in files else ""
    if not files:
        return None
    return FoundRun(
        files=tuple(files.values()),
        experiment=experiment,
        name=name or _text(meta.get("name")) or run_id,
        run_id=run_id,
        parent_id=clean_text(parent),
        artifacts=f"{prefix}artifacts" if "artifacts" in folders else "",
        extra=documents.file_names(files) | ({"cut": "1"} if cut else {}),
    )


def _is_wanted(name: str) -> bool:
    """Tell whether a file of a run is read: of MLflow's own tags only some have a place here, and some are large."""
    if name.startswith("tags/"):
        tag = name[5:]
        return tag in own.USED_TAGS or not tag.startswith(own.INTERNAL)
    return not name.startswith("inputs/") or name.endswith(f"/{META}")


def _data_sets(path: str, names: Iterable[str], above: str) -> dict[str, str]:
    """Return the files that describe the data sets of a run's inputs."""
    found: dict[str, str] = {}
    for name in names:
        if name.startswith("inputs/"):
            match = _SOURCE_ID.search(read_head(os.path.join(path, *name.split("/")), TEXT_BYTES))
            if match:
                source = match[1].decode()
                folder = os.path.join(os.path.dirname(path), "datasets")
                steps = (folder, os.path.join(folder, source), os.path.join(folder, source, META))
                if os.path.isfile(steps[-1]) and not any(map(os.path.islink, steps)):
                    found[f"experiment/datasets/{source}/{META}"] = f"{above}datasets/{source}/{META}"
    return found


def _list_tree(root: str, prefix: str) -> tuple[list[str], bool]:
    """Return the regular files below a folder, sorted, with `prefix`, and whether there were too many."""
    found: list[str] = []
    waiting = [(root, prefix, 0)]
    while waiting:
        folder, before, depth = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_file(follow_symlinks=False):
                        found.append(before + entry.name)
                    elif entry.is_dir(follow_symlinks=False) and depth < MAX_FOLDERS_DEEP:
                        waiting.append((entry.path, f"{before}{entry.name}/", depth + 1))
        except OSError:
            continue
        if len(found) > MAX_FILES:
            return sorted(found)[:MAX_FILES], True
    found.sort()
    return found, False


def _folders(path: str) -> list[str]:
    try:
        with os.scandir(path) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []


# ---- registered models


@dataclass(frozen=True, slots=True)
class _FoundVersion:
    name: str
    version: str
    run_id: str
    path: str
    files: dict[str, str]


def _iter_versions(folder: Listing) -> Iterator[_FoundVersion]:
    """Yield the versions of the registered models of a store."""
    count = 0
    for model in _folders(folder.full(MODELS)):
        base = f"{MODELS}/{model}"
        if not _MODEL.search(read_head(folder.full(f"{base}/{META}"), META_BYTES)):
            continue
        inside = _folders(folder.full(base))
        aliases: dict[str, dict[str, str]] = {}
        if "aliases" in inside:
            for alias in folder.list_below(f"{base}/aliases"):
                name = f"{base}/aliases/{alias}"
                aliases.setdefault(_read_text(folder.full(name)).strip(), {})[name] = name
        for version in inside:
            if not version.startswith("version-"):
                continue
            count += 1
            if count > MAX_VERSIONS:
                return
            path = f"{base}/{version}/{META}"
            meta = _read_meta(folder.full(path))
            number = _text(meta.get("version")) or version.removeprefix("version-")
            files = {path: path} | aliases.get(number, {})
            yield _FoundVersion(_text(meta.get("name")) or model, number, _text(meta.get("run_id")), path, files)


# ---- reading


def read_files(place: Place, ref: RunRef) -> Stream:
    """Read one run of a file store."""
    maker = StreamMaker(place.files[0].label, run_id=ref.run_id, experiment=ref.experiment, name=ref.name)
    facts = own.Facts()
    files = documents.files_by_name(place)
    meta: dict[str, Any] = {}
    if f"run/{META}" in files:
        meta = _checked_meta(files[f"run/{META}"], maker.faults)
    else:
        maker.faults.add(None, "`meta.yaml` is missing", "the run is shown without its name, times and status")
    facts.user, facts.status = _text(meta.get("user_id")), _text(meta.get("status"))
    facts.start, facts.end = documents.moment(meta.get("start_time")), documents.moment(meta.get("end_time"))
    facts.commit, facts.entry = _text(meta.get("source_version")), _text(meta.get("source_name"))
    metrics = []
    for name, path in files.items():
        room, _, rest = name.partition("/")
        part, _, key = rest.partition("/")
        if room == MODELS:
            continue
        if part == "metrics":
            metrics.append((key, path))
        elif part == "params":
            facts.params[key] = _checked_text(path, f"param `{key}`", maker.faults)
        elif part == "tags" and room == "run":
            facts.tags[key] = _checked_text(path, f"tag `{key}`", maker.faults)
        elif part == "tags":
            facts.experiment_tags[key] = _checked_text(path, f"tag `{key}`", maker.faults)
    facts.inputs = [own_set for own_set in _iter_inputs(files, maker.faults) if own_set is not None]
    facts.models = list(_iter_models(files, maker.faults))
    own.add_facts(maker, facts, ref.run_id, place.artifact_files)
    for key, path in metrics:
        name = clean_text(key)
        try:
            data = documents.read_bytes(path)
        except OSError as error:
            message = f"the history of metric `{name}` cannot be read: {error.strerror or error}"
            maker.faults.add(None, message, "check its permissions")
            continue
        add_history(maker, name, *parse_history(data, name, maker.faults))
    if dict(place.extra).get("cut"):
        maker.faults.add(None, f"the run has more than {MAX_FILES:,} files: not all were read", "look into its folder")
    return maker.finish()


def _iter_inputs(files: dict[str, str], faults: Faults) -> Iterator[own.DataSet | None]:
    for name, path in files.items():
        if not name.startswith("run/inputs/"):
            continue
        said = _checked_meta(path, faults)
        if said.get("source_type", "DATASET") != "DATASET":
            continue
        source = _text(said.get("source_id"))
        tags = said.get("tags")
        role = _text(tags.get(own.CONTEXT)) if isinstance(tags, dict) else ""
        file = files.get(f"experiment/datasets/{source}/{META}")
        if file is None:
            faults.add(None, "the description of a data set is missing", "give the whole store as SOURCE")
            continue
        data = _checked_meta(file, faults)
        yield own.set_data(
            _text(data.get("name")) or source,
            _text(data.get("digest")),
            role,
            _text(data.get("source_type")),
            _text(data.get("source")),
        )


def _iter_models(files: dict[str, str], faults: Faults) -> Iterator[own.Version]:
    for name, path in files.items():
        parts = name.split("/")
        if parts[0] != MODELS or parts[-1] != META:
            continue
        said = _checked_meta(path, faults)
        version = _text(said.get("version")) or parts[-2].removeprefix("version-")
        beside = f"{parts[0]}/{parts[1]}/aliases/"
        aliases = [
            file.removeprefix(beside)
            for file, there in files.items()
            if file.startswith(beside) and _read_text(there).strip() == version
        ]
        stage = _text(said.get("current_stage"))
        if stage and stage != "None":
            aliases.append(stage)
        yield own.Version(_text(said.get("name")) or parts[1], version, tuple(aliases), _text(said.get("source")))


def _read_meta(path: str, only: Any = None) -> dict[str, Any]:
    """Return what a `meta.yaml` says, as far as it can be read, empty where it is none."""
    data = read_head(path, META_BYTES)
    if only is not None and not only(data):
        return {}
    value = read_yaml(_plain(data)).value
    return value if isinstance(value, dict) else {}


def _checked_meta(path: str, faults: Faults) -> dict[str, Any]:
    """Return what a `meta.yaml` says; what cannot be read is counted."""
    label = "/".join(path.replace("\\", "/").split("/")[-2:])
    try:
        found = read_yaml(_plain(documents.read_bytes(path, DATA_BYTES)))
    except OSError as error:
        faults.add(None, f"`{label}` cannot be read: {error.strerror or error}", "check its permissions")
        return {}
    if found.fault or not isinstance(found.value, dict):
        message = f"`{label}` cannot be read to its end: {found.fault}" if found.fault else f"`{label}` says nothing"
        faults.add(found.line, message, "it is damaged; the rest of the run is shown")
    return found.value if isinstance(found.value, dict) else {}


def _plain(data: bytes) -> bytes:
    """Return a `meta.yaml` without the one line of most of them that needs a full parser, and that is always empty."""
    return data.replace(b"\ntags: []\n", b"\n")


def _checked_text(path: str, what: str, faults: Faults) -> str:
    try:
        data = documents.read_bytes(path, TEXT_BYTES)
    except OSError as error:
        faults.add(None, f"{clean_text(what)} cannot be read: {error.strerror or error}", "check the file")
        return ""
    return data.decode("utf-8", "replace").rstrip("\r\n")


def _read_text(path: str) -> str:
    return read_head(path, TEXT_BYTES).decode("utf-8", "replace").rstrip("\r\n")


def _text(value: object) -> str:
    """Return a scalar as text, empty for what is none."""
    if value is None or isinstance(value, list | dict):
        return ""
    return clean_text(str(value))

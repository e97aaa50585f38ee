"""Guild AI: a folder a run, with `.guild/attrs/<name>` (YAML) for each fact, and event files of TensorBoard."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from reportgen.formats import clean_text
from reportgen.model import Stream
from reportgen.sources import documents
from reportgen.sources.kinds import Claim, FoundRun, Listing
from reportgen.sources.parts import list_files
from reportgen.sources.places import LogFile, Place, RunRef
from reportgen.sources.plainyaml import read_yaml
from reportgen.sources.streams import StreamMaker
from reportgen.sources.tensorboard import KIND as TENSORBOARD

OWN: Final = ".guild"
ATTRIBUTES: Final = (
    "cmd comments exit_status flags id label marked pip_freeze platform random_seed started stopped tags user"
    " vcs_commit"
).split()
"""What is read; the others (environment variables, host, folders) are the machine's own affair."""
TELLING: Final = frozenset({"started", "flags", "cmd", "exit_status", "run_params", "initialized", "id"})
MAX_FILES: Final = 10_000
MAX_RUNS: Final = 100_000


class Guild:
    """Reads the folders of Guild's runs."""

    name = "guild"
    title = "Guild AI"
    about = (
        "`.guild/attrs` with `flags`, `started` and others, or event files in `.guild`; `.guild/runs` is looked into"
    )

    def claim(self, folder: Listing) -> Claim | None:
        """Take the folder of a run, or the runs that a project keeps in its own `.guild/runs`."""
        if OWN not in folder.folders:
            return None
        run = _found(folder, "")
        if run is not None:
            below = {name.split("/", 1)[0] for name in run.files if "/" in name}
            events = {name for name in run.files if "/" not in name}
            return Claim((run,), frozenset(events), frozenset(below & folder.folders) | {OWN}, is_one_run=True)
        runs = [run for base in _project_runs(folder) if (run := _found(folder, base))]
        return Claim(tuple(runs), folders=frozenset({OWN})) if runs else None

    def read(self, place: Place, ref: RunRef) -> Iterable[Stream]:
        """Read the attributes, the output, and the event files as TensorBoard's reader reads them."""
        maker = StreamMaker(place.files[0].label, run_id=ref.run_id, experiment=ref.experiment, name=ref.name)
        base = dict(place.extra).get("base", "")
        files = {name[len(base) :]: path for name, path in documents.files_by_name(place).items()}
        known = {name: f"{OWN}/attrs/{name}" for name in ATTRIBUTES}
        values = {name: _value(files[path], name, maker) for name, path in known.items() if path in files}
        _read_attributes(values, maker)
        _read_events(files, place, ref, maker)
        if f"{OWN}/output" in files:
            text = documents.read_text(files[f"{OWN}/output"], maker.faults)
            if text:
                maker.add("text", stream="output", text=text)
        return [maker.finish()]


KIND: Final = Guild()


# ---- finding


def _project_runs(folder: Listing) -> Iterable[str]:
    try:
        with os.scandir(folder.full(f"{OWN}/runs")) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []
    return [f"{OWN}/runs/{name}/" for name in names[:MAX_RUNS]]


def _found(folder: Listing, base: str) -> FoundRun | None:
    """Return the run whose folder is `base` (with `/` at its end, or empty), None where it is none of Guild's."""
    own = f"{base}{OWN}"
    if os.path.islink(folder.full(own)):
        return None
    attributes = folder.list_below(f"{own}/attrs")
    has_events = any("tfevents" in name for name in folder.list_below(own))
    if not (has_events or TELLING & set(attributes)):
        return None
    root = folder.full(base.rstrip("/")) if base else folder.path
    all_files = [os.path.relpath(file.path, root).replace(os.sep, "/") for file in list_files(root)][:MAX_FILES]
    shown = [name for name in all_files if not _is_hidden(name)]
    facts = [f"{OWN}/attrs/{name}" for name in ATTRIBUTES if name in attributes]
    events = [name for name in all_files if _is_events(name)]
    output = [f"{OWN}/output"] if f"{OWN}/output" in all_files else []
    files = [base + name for name in (*facts, *events, *output)]
    if not files:
        return None
    model_op = _operation(folder.head(f"{own}/opref"))
    run_id = _attribute(folder, f"{own}/attrs/id") or _id_of(base.rstrip("/").rsplit("/", 1)[-1] or _own(folder))
    manifest = _copied(folder.head(f"{own}/manifest", 1 << 20))
    return FoundRun(
        tuple(files),
        experiment=model_op,
        name=run_id[:8],
        run_id=run_id,
        began=documents.moment(_as_number(_attribute(folder, f"{own}/attrs/started"))) or 0.0,
        artifacts=base.rstrip("/"),
        artifact_files=tuple(name for name in shown if name not in manifest and not _is_events(name)),
        extra=documents.file_names(files) | {"base": base},
    )


def _own(folder: Listing) -> str:
    return folder.parts[-1] if folder.parts else ""


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") for part in name.split("/"))


def _is_events(name: str) -> bool:
    """Tell whether a path is that of an event file, in the run's folder, in those below it, or in `.guild` itself."""
    folder, _, file = name.rpartition("/")
    return "tfevents" in file and (folder == OWN or not _is_hidden(folder))


def _id_of(text: str) -> str:
    """Return a folder's name where it is an id of Guild's, which is unique in the world."""
    return text if len(text) == 32 and not text.strip("0123456789abcdef") else ""


def _attribute(folder: Listing, path: str) -> str:
    value = read_yaml(folder.head(path)).value
    return clean_text(str(value)) if isinstance(value, str | int) else ""


def _as_number(text: str) -> int | None:
    return int(text) if text.isdigit() and len(text) < 20 else None


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()


def _operation(opref: bytes) -> str:
    """Return `model:operation`, or the operation alone, out of `<type>:<package> <version> <model> <operation>`."""
    words = _words(opref.decode("utf-8", "replace"))
    if len(words) < 2:
        return ""
    model = words[-2] if len(words) > 3 else ""
    return f"{model}:{words[-1]}" if model else words[-1]


def _copied(manifest: bytes) -> set[str]:
    """Return what was there before the run began: its code (`s`) and what it depends on (`d`)."""
    rows = map(_words, manifest.decode("utf-8", "replace").splitlines())
    return {words[1] for words in rows if len(words) > 1 and words[0] in ("s", "d")}


# ---- reading


def _value(path: str, name: str, maker: StreamMaker) -> Any:
    try:
        data = documents.read_bytes(path)
    except OSError as error:
        maker.faults.add(None, f"`attrs/{name}` cannot be read: {error.strerror or error}", "check its permissions")
        return None
    if not data:
        maker.faults.add(None, "facts of the run are empty files", "it was killed at once, or copied in part")
    found = read_yaml(data)
    if found.fault:
        maker.faults.add(found.line, f"`attrs/{name}` cannot be read to its end: {found.fault}", "the rest is shown")
    return found.value


def _read_attributes(values: Mapping[str, Any], maker: StreamMaker) -> None:
    maker.began = documents.moment(values.get("started"))
    flags = values.get("flags")
    maker.params(flags if isinstance(flags, dict) else {})
    if isinstance(values.get("user"), str):
        maker.start["user"] = clean_text(values["user"])
    tags = values.get("tags")
    maker.tags(
        {name: values[name] for name in ("label", "random_seed", "marked") if values.get(name) not in (None, "")}
    )
    maker.tags({"tags": ", ".join(map(str, tags))} if isinstance(tags, list) and tags else {})
    comments = values.get("comments")
    for comment in comments if isinstance(comments, list) else ():
        body = comment.get("body") if isinstance(comment, dict) else comment
        maker.note(body if isinstance(body, str) else "")
    _read_code(values.get("vcs_commit"), values.get("cmd"), maker)
    platform, packages = values.get("platform"), values.get("pip_freeze")
    facts = platform if isinstance(platform, dict) else {}
    pairs = [text.split("==", 1) for text in packages if isinstance(text, str)] if isinstance(packages, list) else []
    env = {
        "python": _first_word(facts.get("python_version")),
        "platform": _first_line(facts.get("architecture")),
        "packages": {pair[0]: pair[1] for pair in pairs if len(pair) == 2},
    }
    if any(env.values()):
        maker.add("env", **env)
    status = documents.whole(values.get("exit_status"))
    if status is not None:
        word = "FINISHED" if status == 0 else "KILLED" if status < 0 else "FAILED"
        maker.end(word, documents.moment(values.get("stopped")), f"exit status {status}" if status > 0 else "")


def _first_word(value: object) -> str:
    return value.split(" ", 1)[0] if isinstance(value, str) else ""


def _first_line(value: object) -> str:
    return value.split("\n", 1)[0] if isinstance(value, str) else ""


def _read_code(commit: object, command: object, maker: StreamMaker) -> None:
    """Read `git:<commit>`, with `*` where files had changed, and the module out of the command line."""
    text = commit if isinstance(commit, str) else ""
    words = [word for word in command if isinstance(word, str)] if isinstance(command, list) else []
    entry = next((words[i + 1] for i, word in enumerate(words[:-1]) if word == "guild.op_main"), "")
    own = text.rstrip("*").rpartition(":")[2].strip()
    if own or entry:
        dirty = text.endswith("*") if own else None
        maker.add("code", commit=own, dirty=dirty, entry=entry.replace("\\", "/").rsplit("/", 1)[-1])


def _read_events(files: Mapping[str, str], place: Place, ref: RunRef, maker: StreamMaker) -> None:
    """Add what the event files say, those of each folder together; a folder's path stands before its metrics."""
    folders: dict[str, list[LogFile]] = {}
    labels = {file.path: file for file in place.files}
    for name, path in files.items():
        if _is_events(name):
            folders.setdefault(name.rpartition("/")[0], []).append(labels[path])
    for folder in sorted(folders):
        prefix = "" if folder in ("", OWN) else f"{folder}/"
        _add_events(folders[folder], prefix, place, ref, maker)


def _add_events(files: Sequence[LogFile], prefix: str, place: Place, ref: RunRef, maker: StreamMaker) -> None:
    try:
        streams = list(TENSORBOARD.read(Place(TENSORBOARD.name, tuple(files), place.artifact_root), ref))
    except OSError as error:
        maker.faults.add(None, f"an event file cannot be read: {error.strerror or error}", "check its permissions")
        return
    for stream in streams:
        for name, points in stream.points.items():
            maker.points(prefix + name, points.values, steps=points.steps, times=points.times)
        for event in stream.events:
            if event["event"] in ("params", "tags", "note", "text", "artifact"):
                maker.add(event["event"], **{key: value for key, value in event.items() if key != "event"})
        for problem in stream.problems:
            maker.faults.add(problem.line, problem.message, problem.hint, count=problem.count)

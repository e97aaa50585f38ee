"""What MLflow knows of a run beside its metrics, and what that is in the terms of the log format.

File stores and databases give the same `Facts`, in the same order, so that a run that is in both is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote

import orjson

from reportgen.capture.redaction import strip_credentials
from reportgen.sources import documents
from reportgen.sources.places import LogFile
from reportgen.sources.streams import StreamMaker

PARENT: Final = "mlflow.parentRunId"
NAME: Final = "mlflow.runName"
CONTEXT: Final = "mlflow.data.context"
PRIMARY: Final = "mlflow.experiment.primaryMetric."
"""Beginning of the tags of an experiment that say which metric counts and which way."""
INTERNAL: Final = "mlflow."
USED_TAGS: Final = frozenset(
    {
        PARENT,
        NAME,
        "mlflow.user",
        "mlflow.note.content",
        "mlflow.source.name",
        "mlflow.source.git.commit",
        "mlflow.source.git.branch",
        "mlflow.source.git.repoURL",
        "mlflow.source.git.dirty",
    }
)
"""The tags of MLflow's own that have a place in the log format; others of its own are left out."""
STATUSES: Final[Mapping[str, str]] = {
    "3": "FINISHED",
    "4": "FAILED",
    "5": "KILLED",
    "FINISHED": "FINISHED",
    "FAILED": "FAILED",
    "KILLED": "KILLED",
}
RUN_ID: Final = re.compile(r"[0-9a-f]{32}")

_WORDS: Final[Mapping[str, Any]] = {"True": True, "False": False, "None": None}
_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_REAL: Final = re.compile(r"-?[0-9]{1,30}(?:\.[0-9]{1,30})?(?:[eE][-+]?[0-9]{1,3})?")
_SCIENTIFIC: Final = re.compile(r"-?[0-9]{1,3}(?:\.[0-9]+[eE][-+]?|[eE]-)[0-9]{1,3}")


@dataclass(slots=True)
class Facts:
    """What MLflow knows of one run."""

    user: str = ""
    commit: str = ""
    """As versions before 1.0 kept it."""
    entry: str = ""
    status: str = ""
    """A number, or a word, of MLflow's."""
    start: float | None = None
    """UTC seconds."""
    end: float | None = None
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    experiment_tags: dict[str, str] = field(default_factory=dict)
    inputs: list[DataSet] = field(default_factory=list)
    models: list[Version] = field(default_factory=list)


@dataclass(frozen=True, slots=True, order=True)
class DataSet:
    """A data set that a run read."""

    name: str
    digest: str
    role: str
    source: str
    """Empty where it is on the writer's machine."""


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A version of a registered model."""

    name: str
    version: str
    aliases: tuple[str, ...]
    source: str


def add_facts(maker: StreamMaker, facts: Facts, run_id: str, artifacts: Iterable[LogFile]) -> None:
    """Add what is known of a run to its stream; `artifacts` are its files, labelled with their paths."""
    tags = facts.tags
    user = tags.get("mlflow.user") or facts.user
    if user and user != "unknown":
        maker.start["user"] = user
    if parent := tags.get(PARENT, ""):
        maker.start["parent"] = parent
    maker.began = facts.start
    maker.params({name: param_value(facts.params[name]) for name in sorted(facts.params)})
    shown = {name: tags[name] for name in sorted(tags) if not name.startswith(INTERNAL)}
    shown |= {name: value for name, value in sorted(facts.experiment_tags.items()) if name.startswith(PRIMARY)}
    maker.tags(shown)
    maker.note(tags.get("mlflow.note.content", ""))
    code = {
        "commit": tags.get("mlflow.source.git.commit") or facts.commit,
        "branch": tags.get("mlflow.source.git.branch", ""),
        "remote": documents.safe_remote(tags.get("mlflow.source.git.repoURL", "")),
        "dirty": _WORDS.get(tags.get("mlflow.source.git.dirty", "").capitalize()),
        "entry": _entry(tags.get("mlflow.source.name") or facts.entry),
    }
    if any(value not in (None, "") for value in code.values()):
        maker.add("code", **code)
    for own in sorted(facts.inputs):
        maker.add("input", name=own.name, digest=own.digest, source=own.source, role=own.role)
    if facts.models:
        paths = [file.label for file in artifacts]
        for model in sorted(facts.models):
            files = _model_files(model.source, run_id, paths)
            maker.add("model", name=model.name, version=model.version, aliases=sorted(model.aliases), files=files)
    if status := STATUSES.get(facts.status):
        maker.end(status, facts.end)


def param_value(text: str) -> Any:
    """Return a param as what it was before MLflow made it a text, where the text says so beyond doubt.

    `1.10` stays a text: it may be a version.
    """
    if not text or len(text) > 64:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text) if text != "-0" else text
    if not _REAL.fullmatch(text):
        return text
    value = float(text)
    return value if repr(value) == text or (_SCIENTIFIC.fullmatch(text) and abs(value) < 1e300) else text


def set_data(name: str, digest: str, role: str, kind: str, source: str) -> DataSet:
    """Return a data set with the address of its source; `kind` and `source` are as MLflow has them."""
    return DataSet(name, digest, role, _address(kind, source))


def _address(kind: str, source: str) -> str:
    """Return where a data set came from, without credentials; of a file on the writer's machine only the name."""
    try:
        said = orjson.loads(source) if source[:1] in ("{", '"') else source
    except orjson.JSONDecodeError:
        said = source
    if kind == "code":
        return ""
    if isinstance(said, dict):
        names = ("url", "uri", "path", "name", "table_name", "delta_table_name")
        found = next((said[name] for name in names if isinstance(said.get(name), str) and said[name]), "")
        revision = said.get("revision")
        said = f"{found}@{revision}" if found and isinstance(revision, str) and revision else found
    return _portable(said) if isinstance(said, str) else ""


def _entry(name: str) -> str:
    return _portable(name)


def _portable(address: str) -> str:
    """Return an address without credentials, and of an absolute path only its last part."""
    address = address.strip()[:2000]
    if address.startswith("file:") or re.match(r"[/\\~]|[A-Za-z]:[\\/]", address):
        parts = re.split(r"[/\\]", unquote(address) if address.startswith("file:") else address)
        return next((part for part in reversed(parts) if part), "")
    return strip_credentials(address)


def artifact_name(address: str, run_id: str) -> str:
    """Return which artifact of the run an address means, empty where it is none of them."""
    parts = [part for part in re.split(r"[/\\]+", address) if part]
    if address.startswith(f"runs:/{run_id}/"):
        return "/".join(parts[2:])
    for place in range(len(parts) - 2, -1, -1):
        if parts[place] == run_id and parts[place + 1] == "artifacts":
            return "/".join(parts[place + 2 :])
    return ""


def _model_files(source: str, run_id: str, paths: Iterable[str]) -> list[str]:
    name = artifact_name(source, run_id)
    return [path for path in paths if path == name or path.startswith(f"{name}/")] if name else []

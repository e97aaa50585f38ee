"""The names that a filter may use, and what each means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from reportgen.query.nodes import Entity, FieldKind

ENTITIES: Final[Mapping[str, Entity]] = {
    **dict.fromkeys(("metric", "metrics"), "metric"),
    **dict.fromkeys(("param", "params", "parameter", "parameters"), "param"),
    **dict.fromkeys(("tag", "tags"), "tag"),
    **dict.fromkeys(("dataset", "datasets"), "dataset"),
    **dict.fromkeys(("attribute", "attributes", "attr", "run"), "attribute"),
}
"""What may stand before the first dot of a name -> what it means; MLflow's words, case-sensitive as there."""

ATTRIBUTES: Final[Mapping[str, FieldKind]] = {
    "run_id": "text",
    "run_name": "text",
    "experiment": "text",
    "status": "text",
    "error": "text",
    "start_time": "time",
    "end_time": "time",
    "duration": "duration",
    "user": "text",
    "group": "text",
    "parent": "text",
    "commit": "text",
    "branch": "text",
    "dirty": "truth",
    "artifacts": "files",
    "notes": "text",
    "artifact_uri": "text",
}
"""Attribute -> its kind. `artifact_uri` is accepted because filters of MLflow may name it; no run has one."""

ATTRIBUTE_ALIASES: Final[Mapping[str, str]] = {
    "user_id": "user",
    "name": "run_name",
    "created": "start_time",
    "Created": "start_time",
    "run name": "run_name",
    "Run name": "run_name",
    "Run Name": "run_name",
    "experiment_id": "experiment",
    "experiment_name": "experiment",
    "parent_id": "parent",
    "note": "notes",
}

TAG_ALIASES: Final[Mapping[str, str]] = {
    "mlflow.runName": "run_name",
    "mlflow.user": "user",
    "mlflow.note.content": "notes",
    "mlflow.parentRunId": "parent",
    "mlflow.source.git.commit": "commit",
    "mlflow.source.git.branch": "branch",
}
"""Tags that MLflow sets itself -> the attribute that answers for a run without the tag."""

DATASET_KEYS: Final = ("name", "digest", "context")

METRIC_FUNCTIONS: Final = ("last", "min", "max", "mean", "first", "best", "step_of_best", "count")
TEXT_FUNCTIONS: Final = ("number",)
FUNCTIONS: Final = (*METRIC_FUNCTIONS, *TEXT_FUNCTIONS)

STATUSES: Final[Mapping[str, str]] = {
    "finished": "FINISHED",
    "failed": "FAILED",
    "stopped": "KILLED",
    "unfinished": "RUNNING",
}
"""Status of a run -> the word that filters compare, which is MLflow's."""

AGES_S: Final[Mapping[str, int]] = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
"""Letter of an age -> seconds."""

MAX_LENGTH: Final = 1_000_000
"""Characters of a filter."""
MAX_DEPTH: Final = 100
"""Parentheses and NOTs inside one another."""

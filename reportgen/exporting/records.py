"""A run as JSON data: the same keys wherever a command prints or writes JSON. Pure.

Times are UTC seconds since the epoch; what is not finite is `"NaN"`, `"Infinity"`, `"-Infinity"`, as in the log format.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from reportgen.formats import clean_text, clean_value, encode_number
from reportgen.loading import LoggedRun
from reportgen.model import Artifact, Code, MetricSummary, ParamValue, Summary
from reportgen.site.config import Config
from reportgen.site.data.facts import describe_metric

STATISTICS: Final = ("last", "first", "min", "max", "mean")


def run_record(run: Summary, config: Config) -> dict[str, Any]:
    """Return what tables know of a run."""
    return {
        "run_id": run.run_id,
        "key": run.key,
        "name": run.name,
        "experiment": run.experiment,
        "status": run.status,
        "error": run.error,
        "start_time": encode_number(run.start_time),
        "end_time": None if run.status == "unfinished" else encode_number(run.last_time),
        "last_time": encode_number(run.last_time),
        "duration_s": encode_number(run.duration_s),
        "user": run.user,
        "group": run.group,
        "parent_id": run.parent_id,
        "commit": run.commit,
        "branch": run.branch,
        "dirty": run.dirty,
        "params": {name: encode_value(value) for name, value in run.params.items()},
        "tags": dict(run.tags),
        "metrics": {name: metric_record(name, metric, config) for name, metric in run.metrics.items()},
        "notes": run.notes,
        "artifacts": list(run.artifact_paths),
        "inputs": [{"name": i.name, "digest": i.digest, "source": i.source, "role": i.role} for i in run.inputs],
        "models": [{"name": m.name, "version": m.version, "aliases": list(m.aliases)} for m in run.models],
        "ranks": run.ranks,
        "sessions": run.sessions,
        "problems": len(run.problems),
    }


def full_record(run: LoggedRun, config: Config) -> dict[str, Any]:
    """Return `run_record` with what only the run's own log holds: sizes and digests of artifacts, code, environment."""
    return {
        **run_record(run.summary, config),
        "artifacts": [_artifact(artifact) for artifact in run.artifacts],
        "code": code_record(run.code),
        "env": clean_value(dict(run.env)),
        "problems": [
            {"where": p.where, "line": p.line, "message": p.message, "hint": p.hint, "count": p.count}
            for p in run.summary.problems
        ],
    }


def metric_record(name: str, metric: MetricSummary, config: Config) -> dict[str, Any]:
    """Return the statistics of a metric, and `value`, which of them `summary` says stands in tables."""
    known = describe_metric(name, config)
    return {
        "value": _number(metric.value(known["summary"])),
        "summary": known["summary"],
        "direction": known["direction"],
        "unit": known["unit"],
        **{statistic: _number(metric.value(statistic)) for statistic in STATISTICS},
        "first_step": metric.first_step,
        "last_step": metric.last_step,
        "min_step": metric.min_step,
        "max_step": metric.max_step,
        "count": metric.count,
        "non_finite": metric.non_finite,
        "ranks": metric.ranks,
    }


def code_record(code: Code) -> dict[str, Any]:
    """Return the version of the code that ran."""
    return {
        "commit": code.commit,
        "commit_time": None if code.commit_time is None else encode_number(code.commit_time),
        "subject": code.subject,
        "branch": code.branch,
        "dirty": code.dirty,
        "remote": code.remote,
        "entry": code.entry,
        "command": list(code.command),
    }


def _artifact(artifact: Artifact) -> dict[str, Any]:
    return {
        "path": artifact.path,
        "size_bytes": artifact.size_bytes,
        "sha256": artifact.sha256,
        "media": artifact.media,
    }


def _number(value: float | None) -> float | str | None:
    return None if value is None else encode_number(value)


def encode_value(value: ParamValue) -> Any:
    """Return a param, a tag or a number as JSON data."""
    return encode_number(value) if isinstance(value, float) else value


def encode_json(data: Mapping[str, Any] | list[Any], *, indent: int | None = None) -> str:
    r"""Return JSON text in which every character can be seen: others are escaped (`\u009b`), as terminals obey them.

    So is what the runners of forges obey in a line of output, `##[error]` and the like.
    """
    text = clean_text(json.dumps(data, ensure_ascii=False, allow_nan=False, indent=indent))
    if "##" in text:
        text = re.sub(r"##(?=[A-Za-z]*\[)", r"#\\u0023", text)
    if text.replace("\n", "").isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)

"""What scripts know of one run beside its series: the part `about` of its file."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from reportgen.formats import encode_number, short_key
from reportgen.model import Artifact, Code, MetricSummary, Run
from reportgen.site import urls
from reportgen.site.config import Config
from reportgen.site.pages.columns import name_of, summary_name, title_of, unit_of

MAX_NOTE: Final = 65_536
"""Characters of one note; the rest of a longer one is in the run's record."""


def make_facts(run: Run, config: Config, texts: Collection[str]) -> dict[str, Any]:
    """Return the facts of a run; `texts` are the paths of its artifacts whose text the site holds."""
    summary = run.summary
    return {
        "key": summary.key,
        "k": short_key(summary.key),
        "run_id": summary.run_id,
        "name": name_of(summary),
        "experiment": summary.experiment,
        "experiment_k": short_key(summary.experiment),
        "page": urls.run_page(summary.key, summary.name),
        "status": summary.status,
        "error": summary.error,
        "start": summary.start_time,
        "last": summary.last_time,
        "duration": summary.duration_s,
        "user": summary.user,
        "group": summary.group,
        "ranks": summary.ranks,
        "sessions": summary.sessions,
        "params": summary.params,
        "tags": summary.tags,
        "notes": [note if len(note) <= MAX_NOTE else f"{note[:MAX_NOTE]}…" for note in run.notes],
        "metrics": {
            name: {**describe_metric(name, config), **_numbers(metric)} for name, metric in summary.metrics.items()
        },
        "code": _code(run.code),
        "env": run.env,
        "artifacts": [_artifact(artifact, text=artifact.path in texts) for artifact in run.artifacts],
        "inputs": summary.inputs,
        "models": [{"name": m.name, "version": m.version, "aliases": m.aliases} for m in summary.models],
        "texts": bool(texts),
    }


def describe_metric(name: str, config: Config) -> dict[str, Any]:
    """Return how a metric is shown: title, unit, direction, and which value stands in tables."""
    known = config.metric(name)
    return {
        "title": title_of(name, known),
        "unit": unit_of(known),
        "direction": known.direction,
        "summary": summary_name(known),
    }


def _numbers(metric: MetricSummary) -> dict[str, Any]:
    return {
        "count": metric.count,
        "first": metric.first,
        "last": encode_number(metric.last),
        "min": metric.min,
        "max": metric.max,
        "mean": metric.mean,
        "first_step": metric.first_step,
        "last_step": metric.last_step,
        "min_step": metric.min_step,
        "max_step": metric.max_step,
    }


def _code(code: Code) -> dict[str, Any]:
    return {
        "commit": code.commit,
        "commit_time": code.commit_time,
        "parents": code.parents,
        "subject": code.subject,
        "branch": code.branch,
        "dirty": code.dirty,
        "remote": code.remote,
        "command": code.command,
        "entry": code.entry,
        "diff": "",  # logs of format 1 hold no changes, only that there were some
    }


def _artifact(artifact: Artifact, *, text: bool) -> dict[str, Any]:
    return {
        "path": artifact.path,
        "size_bytes": artifact.size_bytes,
        "sha256": artifact.sha256,
        "media": artifact.media,
        "published": artifact.published,
        "reason": artifact.reason,
        "text": text,
    }

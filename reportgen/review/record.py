"""A review as JSON data, for other programs: `verdict.json`. `docs/review.md` describes it; `FORMAT` is its version."""

from __future__ import annotations

import math
from typing import Any, Final

import reportgen
from reportgen.model import ParamValue, Summary
from reportgen.review.outcome import Changed, Judgement, Review, Row, Side
from reportgen.review.pairing import Configuration

FORMAT: Final = 1


def make_record(review: Review) -> dict[str, Any]:
    """Return the review as values for JSON; what is not a finite number is a text, as in the log format."""
    return {
        "format": FORMAT,
        "reportgen": reportgen.__version__,
        "verdict": "failed" if review.errors else "passed" if review.is_compared else "not-compared",
        "exit_code": 3 if review.errors else 0,
        "counts": {verdict: review.count(verdict) for verdict in ("worse", "missing", "changed", "better")}
        | {verdict: review.count(verdict) for verdict in ("unknown", "new", "same")},
        "answers": _answers(review),
        "base": _base(review),
        "head": _head(review),
        "statistics": {"alpha": review.alpha, "tests": review.family},
        "gates": [_gate(row, judgement) for row, judgement in review.judgements],
        "metrics": [_row(row) for row in review.rows],
        "params": [
            {**_name(changes.configuration), **_changed(each)} for changes in review.changes for each in changes.params
        ],
        "environment": [
            {**_name(changes.configuration), **_changed(each)}
            for changes in review.changes
            for each in changes.environment
        ],
        "configurations": [_configuration(each) for each in review.configurations],
        "not_run": list(review.baseline.not_run) if review.baseline is not None else [],
        "lost_metrics": list(review.lost),
        "new_metrics": list(review.added),
        "problems": review.unreadable,
    }


def _answers(review: Review) -> dict[str, int]:
    given = [judgement.answer for _, judgement in review.judgements]
    return {answer: given.count(answer) for answer in ("failed", "passed", "unjudged")}


def _number(value: float | None) -> float | str | None:
    if value is None or math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _base(review: Review) -> dict[str, Any]:
    if review.baseline is None:
        return {"missing": review.no_baseline}
    checkout = review.checkout
    return {
        "name": checkout.base if checkout is not None else "",
        "merge_base": checkout.merge_base if checkout is not None else "",
        "age_s": review.age_s,
        "stale": review.is_stale,
        "notes": list(review.baseline.notes),
        "experiments": {
            name: {
                "how": base.how,
                "commit": base.commit,
                "distance": base.distance,
                "dirty": base.is_dirty,
                "measured": base.measured,
                "runs": len(base.runs),
            }
            for name, base in review.baseline.by_experiment.items()
        },
    }


def _head(review: Review) -> dict[str, Any]:
    head = review.head
    return {
        "commit": head.commit if head else "",
        "branch": head.branch if head else "",
        "dirty": head.dirty if head else None,
        "runs": len(review.change),
        "time": review.now,
    }


def _name(configuration: Configuration) -> dict[str, Any]:
    return {"experiment": configuration.identity.experiment, "configuration": configuration.identity.label}


def _gate(row: Row | None, judgement: Judgement) -> dict[str, Any]:
    gate = judgement.gate
    about = (
        {**_name(row.configuration), "metric": row.metric}
        if row is not None
        else {"experiment": gate.experiment, "configuration": None, "metric": gate.metric}
    )
    return {
        **about,
        "answer": judgement.answer,
        "severity": gate.severity,
        "reason": judgement.said,
        "file": gate.file,
        "line": gate.line,
    }


def _row(row: Row) -> dict[str, Any]:
    interval, difference = row.interval, row.difference
    is_known = row.baseline.mean is not None and row.change.mean is not None
    return {
        **_name(row.configuration),
        "metric": row.metric,
        "unit": row.known.unit,
        "direction": row.known.direction,
        "value": row.value_of,
        "verdict": row.verdict,
        "gated": row.is_gated,
        "baseline": _side(row.baseline),
        "change": _side(row.change),
        "difference": _number(difference.estimate) if is_known else None,
        "relative": _number(row.relative),
        "interval": None if interval is None else [_number(bound) for bound in interval],
        "level": row.level,
        "p": difference.p,
        "method": difference.method,
        "detectable": _number(row.detectable),
        "noise": None
        if row.noise is None
        else {
            "deviation": _number(math.sqrt(row.noise.variance)),
            "freedom": row.noise.freedom,
            "commits": row.noise.groups,
        },
        "history": [_number(value) for value in row.history],
    }


def _side(side: Side) -> dict[str, Any]:
    return {
        "mean": _number(side.mean),
        "values": list(side.values),
        "non_finite": [_number(value) for value in side.non_finite],
        "without": side.without,
        "repeated": side.repeated,
    }


def _changed(changed: Changed) -> dict[str, Any]:
    return {
        "name": changed.name,
        "baseline": [_param(value) for value in changed.baseline],
        "change": [_param(value) for value in changed.change],
    }


def _param(value: ParamValue) -> ParamValue:
    return _number(value) if isinstance(value, float) else value


def _configuration(each: Configuration) -> dict[str, Any]:
    return {
        **_name(each),
        "state": "new" if each.is_new else "not-run" if each.is_missing else "paired",
        "baseline": [_run(run) for run in each.baseline],
        "change": [_run(run) for run in each.change],
    }


def _run(run: Summary) -> dict[str, Any]:
    return {
        "id": run.run_id,
        "name": run.name,
        "status": run.status,
        "error": run.error,
        "commit": run.commit,
        "branch": run.branch,
        "dirty": run.dirty,
        "start_time": _number(run.start_time),
        "duration_s": _number(run.duration_s),
    }

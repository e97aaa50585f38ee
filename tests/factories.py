"""Runs and summaries for tests: realistic by default, every field settable, the same for the same arguments.

Nothing is read from disk. The numbers in a `MetricSummary` are worked out here in plain Python, so that a test of the
package's own summaries can compare itself with these.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence

import numpy as np

from reportgen.formats import run_key
from reportgen.model import (
    Artifact,
    Code,
    Input,
    MetricSummary,
    ModelVersion,
    ParamValue,
    Points,
    Problem,
    Run,
    Series,
    Session,
    Stream,
    Summary,
    Text,
)
from reportgen.quantiles import find_edges

START = 1_795_262_520.0
"""21 Nov 2026, 12:02 UTC: when a run starts unless the test says otherwise."""

PARAMS: dict[str, ParamValue] = {
    "optimizer": "adamw",
    "lr": 1e-3,
    "mixup": 0.2,
    "batch_size": 256,
    "model": "vit_small_p4",
    "weight_decay": 0.05,
    "ema": True,
    "seed": 1,
}

Values = Sequence[float] | tuple[Sequence[int], Sequence[float]]
"""Values at steps 0, 1, 2 …, or (steps, values)."""


def make_curves(points: int = 200, seed: int = 1) -> dict[str, list[float]]:
    """Return the metrics of a small image classifier in percent and nats: noisy, saturating, one with a schedule."""
    noise = random.Random(seed)
    at = [i / max(points - 1, 1) for i in range(points)]

    def curve(first: float, last: float, speed: float, spread: float) -> list[float]:
        return [last + (first - last) * math.exp(-speed * x) + noise.gauss(0, spread) for x in at]

    return {
        "train/acc": curve(6, 71, 5, 0.4),
        "train/loss": curve(4.1, 1.4, 5, 0.02),
        "val/acc": curve(7, 78.4, 6, 0.3),
        "val/loss": curve(3.1, 0.91, 6, 0.012),
        "val/ece": [abs(v) for v in curve(0.1, 0.02, 9, 0.001)],
        "lr": [1e-3 * min(1.0, 10 * x) * (0.5 + 0.5 * math.cos(math.pi * x)) for x in at],
        "grad_norm": curve(3.6, 1.3, 14, 0.12),
        "throughput": curve(4400, 4790, 40, 18),
    }


def make_series(values: Values, *, start_time: float = START, every_s: float = 60.0) -> Series:
    """Return a series with one point every `every_s` seconds."""
    steps, numbers = values if isinstance(values, tuple) else (range(len(values)), values)
    times = [start_time + every_s * (i + 1) for i in range(len(numbers))]
    return Series(np.array(steps, np.int64), np.array(times, np.float64), np.array(numbers, np.float64))


def make_metric_summary(values: Values, *, ranks: int = 1, of_rank_0: bool = True) -> MetricSummary:
    """Return the numbers of one series."""
    steps, numbers = values if isinstance(values, tuple) else (range(len(values)), values)
    points = list(zip(steps, numbers, strict=True))
    finite = [(s, v) for s, v in points if math.isfinite(v)]
    low = min(finite, key=lambda p: p[1]) if finite else None
    high = max(finite, key=lambda p: p[1]) if finite else None
    return MetricSummary(
        count=len(points) * ranks,
        non_finite=len(points) - len(finite),
        first=finite[0][1] if finite else None,
        last=points[-1][1],
        min=low[1] if low else None,
        max=high[1] if high else None,
        mean=math.fsum(v for _, v in finite) / len(finite) if finite else None,
        first_step=points[0][0],
        last_step=points[-1][0],
        min_step=low[0] if low else None,
        max_step=high[0] if high else None,
        last_finite=finite[-1][1] if finite else None,
        last_finite_step=finite[-1][0] if finite else None,
        spark=_spark(points),
        ranks=ranks,
        of_rank_0=of_rank_0,
    )


def make_summary(
    name: str = "brave-otter-17",
    *,
    experiment: str = "cifar100-vit-small",
    run_id: str | None = None,
    status: str = "finished",
    error: str = "",
    start_time: float = START,
    duration_s: float = 15_180.0,
    parent_id: str = "",
    group: str = "",
    user: str = "ada",
    params: Mapping[str, ParamValue] | None = None,
    tags: Mapping[str, str] | None = None,
    metrics: Mapping[str, Values] | None = None,
    note: str = "",
    notes: str | None = None,
    code: Code | None = None,
    artifacts: int | Sequence[str] = 0,
    inputs: Sequence[Input] = (),
    models: Sequence[ModelVersion] = (),
    problems: Sequence[Problem] = (),
    ranks: int = 1,
    sessions: int = 1,
    seed: int = 1,
) -> Summary:
    """Return a summary; `metrics` are values by name, `make_curves(seed=seed)` when left out.

    `artifacts` are paths, or how many there are; `notes` are the note when they are left out.
    """
    paths = [f"file-{number}.bin" for number in range(artifacts)] if isinstance(artifacts, int) else artifacts
    identity = run_id if run_id is not None else f"20261121-120200-{name}"
    code = make_code() if code is None else code
    return Summary(
        key=run_key(identity),
        run_id=identity,
        experiment=experiment,
        name=name,
        status=status,
        error=error,
        start_time=start_time,
        last_time=start_time + duration_s,
        duration_s=duration_s,
        parent_id=parent_id,
        group=group,
        user=user,
        params=dict(PARAMS, seed=seed) if params is None else params,
        tags={} if tags is None else tags,
        metrics={
            metric: make_metric_summary(values, ranks=ranks)
            for metric, values in (make_curves(seed=seed) if metrics is None else metrics).items()
            if metric not in find_edges(metrics or ())
        },
        note=note,
        notes=note if notes is None else notes,
        commit=code.commit,
        commit_time=code.commit_time,
        commit_parents=code.parents,
        commit_subject=code.subject,
        branch=code.branch,
        dirty=code.dirty,
        artifacts=len(paths),
        artifact_paths=tuple(sorted(paths)),
        inputs=tuple(inputs),
        models=tuple(models),
        problems=tuple(problems),
        ranks=ranks,
        sessions=sessions,
    )


def make_run(
    name: str = "brave-otter-17",
    *,
    experiment: str = "cifar100-vit-small",
    run_id: str | None = None,
    status: str = "finished",
    error: str = "",
    start_time: float = START,
    duration_s: float = 15_180.0,
    parent_id: str = "",
    group: str = "",
    user: str = "ada",
    params: Mapping[str, ParamValue] | None = None,
    tags: Mapping[str, str] | None = None,
    metrics: Mapping[str, Values] | None = None,
    notes: Sequence[str] = (),
    code: Code | None = None,
    env: Mapping[str, object] | None = None,
    artifacts: Sequence[Artifact] = (),
    inputs: Sequence[Input] = (),
    models: Sequence[ModelVersion] = (),
    texts: Sequence[Text] = (),
    problems: Sequence[Problem] = (),
    ranks: int = 1,
    seed: int = 1,
    unknown_events: int = 0,
    redacted: int = 0,
    with_streams: bool = False,
) -> Run:
    """Return a whole run. With several ranks each metric gets a slightly shifted series per rank; the summary is of
    rank 0. `with_streams` adds the streams that the record is written from."""
    values = make_curves(seed=seed) if metrics is None else metrics
    code = make_code() if code is None else code
    summary = make_summary(
        name,
        experiment=experiment,
        run_id=run_id,
        status=status,
        error=error,
        start_time=start_time,
        duration_s=duration_s,
        parent_id=parent_id,
        group=group,
        user=user,
        params=params,
        tags=tags,
        metrics=values,
        note=" ".join(notes)[:200],
        notes="\n\n".join(notes),
        code=code,
        artifacts=[artifact.path for artifact in artifacts],
        inputs=inputs,
        models=models,
        problems=problems,
        ranks=ranks,
        seed=seed,
    )
    series = {
        metric: {rank: _shifted(make_series(numbers, start_time=start_time), rank) for rank in range(ranks)}
        for metric, numbers in values.items()
    }
    sessions = tuple(
        Session("20261121T120200.000000Z-0a1b", rank, start_time, summary.last_time, status, error)
        for rank in range(ranks)
    )
    return Run(
        summary=summary,
        series=series,
        notes=tuple(notes),
        artifacts=tuple(artifacts),
        code=code,
        env={"python": "3.12.7", "platform": "Linux-6.8-x86_64"} if env is None else env,
        sessions=sessions,
        texts=tuple(texts),
        unknown_events=unknown_events,
        redacted=redacted,
        streams=_streams(summary, series, sessions) if with_streams else (),
    )


def make_code(
    commit: str = "a41f09c2d5e8b7f60a1b2c3d4e5f60718293a4b5", *, dirty: bool | None = False, remote: str = ""
) -> Code:
    """Return a code version with a command."""
    return Code(
        commit=commit,
        commit_time=START - 3600,
        parents=("0c7d20c4e1a2b3c4d5e6f708192a3b4c5d6e7f80",),
        subject="Cut the learning rate after warm-up",
        branch="main",
        dirty=dirty,
        remote=remote,
        command=("python", "train.py", "--config", "configs/vit_small.toml", "--lr", "1e-3"),
        entry="train.py",
    )


def _streams(
    summary: Summary, series: Mapping[str, Mapping[int, Series]], sessions: Sequence[Session]
) -> tuple[Stream, ...]:
    streams = []
    for session in sessions:
        start = {
            "event": "start",
            "format": 1,
            "run_id": summary.run_id,
            "experiment": summary.experiment,
            "name": summary.name,
            "rank": session.rank,
            "session": session.session,
            "time": session.start_time,
        }
        events: list[dict[str, object]] = []
        if session.rank == 0:
            events.append({"event": "params", "time": session.start_time, "params": dict(summary.params)})
        end = {"finished": "FINISHED", "failed": "FAILED", "stopped": "KILLED"}.get(session.status)
        if end is not None:
            events.append({"event": "end", "status": end, "error": session.error, "time": session.last_time})
        points: dict[str, Points] = {
            metric: Points(of[session.rank].steps, of[session.rank].times, of[session.rank].values)
            for metric, of in series.items()
        }
        streams.append(Stream(start, tuple(events), points))
    return tuple(streams)


def _shifted(series: Series, rank: int) -> Series:
    return series if rank == 0 else Series(series.steps, series.times, series.values * (1 + 0.02 * rank))


def _spark(points: Sequence[tuple[int, float]]) -> tuple[int, ...]:
    finite = [v for _, v in points if math.isfinite(v)]
    if not finite:
        return ()
    low, high = min(finite), max(finite)
    wanted = min(len(points), 40)
    chosen = [points[round(i * (len(points) - 1) / max(wanted - 1, 1))][1] for i in range(wanted)]
    scale = 63 / (high - low) if high > low else 0.0
    return tuple(round((v - low) * scale) if math.isfinite(v) else -1 for v in chosen)

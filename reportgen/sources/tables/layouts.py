"""What is known of the tables that training frameworks write: which column is what, and when a new run begins."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Layout:
    """How a table is read."""

    title: str
    """The writer, as people call it; empty for a table of unknown origin."""
    form: str = "json"
    """`json` for JSON lines, `csv`, `pairs` for text with `name:value`, `state` for `trainer_state.json`,
    `document` for a JSON document that is a list of rows, or lists side by side."""
    steps: tuple[str, ...] = ()
    """The first of these columns that holds whole numbers is the step; none: rows are counted."""
    fraction: str = ""
    """Column of texts `10/438` that says the step, and how many there will be."""
    times: tuple[str, ...] = ()
    """The first of these that is there is the time, as a number since 1970 or as text."""
    elapsed: tuple[str, ...] = ()
    """The first of these that is there is seconds since the beginning, where that is known. It stays a metric."""
    skip: frozenset[str] = frozenset()
    """Columns that are no metrics."""
    mode: str = ""
    """Column whose text stands before the names of metrics."""
    run: str = ""
    """Column that names the run of a row."""
    experiment: str = ""
    """Column that names the experiment of a row."""
    restart: str = ""
    """When a new run begins in the same file: `first` where the step falls back to the first one or before it (one
    that falls back less far is the same run, resumed), `again` also where the first one comes twice, `any` where the
    step falls, never where it is empty."""
    rows: str = "steps"
    """`steps` where a row is a step of a run, `runs` where it is a run of its own."""


_BASELINES: Final = Layout(
    "OpenAI baselines",
    steps=(
        "total/steps",
        "misc/total_timesteps",
        "total_timesteps",
        "total timesteps",
        "TimestepsSoFar",
        "timesteps",
        "steps",
        "serial_timesteps",
        "misc/nupdates",
        "nupdates",
        "epoch",
    ),
    elapsed=("total/duration", "misc/time_elapsed", "time_elapsed", "TimeElapsed"),
)

FRAMEWORKS: Final[Mapping[str, Layout]] = {
    "ray": Layout(
        "Ray Tune",
        steps=("training_iteration",),
        times=("timestamp",),
        elapsed=("time_total_s",),
        skip=frozenset({"config", "hist_stats", "pid", "hostname", "node_ip", "date", "done", "should_checkpoint"}),
    ),
    "ray_csv": Layout(
        "Ray Tune",
        "csv",
        steps=("training_iteration",),
        times=("timestamp",),
        elapsed=("time_total_s",),
        skip=frozenset({"pid", "hostname", "node_ip", "date", "done", "should_checkpoint"}),
    ),
    "sb3": Layout("Stable-Baselines3", "csv", steps=("time/total_timesteps",), elapsed=("time/time_elapsed",)),
    "sb3_json": Layout("Stable-Baselines3", steps=("time/total_timesteps",), elapsed=("time/time_elapsed",)),
    "baselines": _BASELINES,
    "baselines_csv": replace(_BASELINES, form="csv"),
    "ultralytics": Layout("Ultralytics", "csv", steps=("epoch",), elapsed=("time",)),
    "lightning": Layout("Lightning CSVLogger", "csv", steps=("step", "epoch")),
    "keras": Layout("Keras CSVLogger", "csv", steps=("epoch",), restart="again"),
    "detectron2": Layout("Detectron2", steps=("iteration",), restart="first"),
    "mmdetection": Layout(
        "MMDetection", steps=("step",), skip=frozenset({"env_info", "config", "hook_msgs", "seed"}), mode="mode"
    ),
    "mmengine": Layout("MMEngine", steps=("step",)),
    "log_txt": Layout("log.txt of DETR, DeiT, MAE and timm", steps=("epoch",), restart="again"),
    "speedrun": Layout("nanoGPT speedrun", "pairs", steps=("step",)),
    "llama_factory": Layout(
        "LLaMA-Factory",
        steps=("current_steps",),
        skip=frozenset({"total_steps", "percentage", "elapsed_time", "remaining_time", "throughput"}),
        restart="first",
    ),
    "swift": Layout(
        "ms-swift",
        steps=("global_step",),
        fraction="global_step/max_steps",
        skip=frozenset({"percentage", "elapsed_time", "remaining_time", "log_history", "train_dataset", "val_dataset"}),
        restart="first",
    ),
    "trainer": Layout("Hugging Face Trainer", "state", steps=("step",)),
}
"""What known writers write; names are noted in what discovery finds."""

_TUPLES: Final = ("steps", "times", "elapsed")
_TEXTS: Final = ("form", "mode", "run", "experiment", "restart", "rows")


def noted(layout: Layout) -> dict[str, str]:
    """Return what must be noted of a layout that is no framework's, for `layout_of`."""
    facts = {name: "\0".join(getattr(layout, name)) for name in _TUPLES} | {n: getattr(layout, n) for n in _TEXTS}
    facts["skip"] = json.dumps(sorted(layout.skip)) if layout.skip else ""
    return {name: text for name, text in facts.items() if text}


def layout_of(facts: Mapping[str, Any]) -> Layout:
    """Return the layout that was noted: a framework's by its name, else what `noted` gave."""
    known = FRAMEWORKS.get(facts.get("writer", ""))
    if known is not None:
        return known
    columns: dict[str, Any] = {name: tuple(facts[name].split("\0")) for name in _TUPLES if facts.get(name)}
    columns |= {name: facts[name] for name in _TEXTS if facts.get(name)}
    return Layout("", **columns, skip=frozenset(json.loads(facts.get("skip") or "[]")))

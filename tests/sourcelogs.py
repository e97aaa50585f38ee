"""Logs for the tests of the sources: lines from dictionaries, run folders from lines."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from reportgen.formats import encode_line
from reportgen.model import Stream
from reportgen.sources.jsonlog import Identity, parse_streams

T0 = 1_795_262_520.0
SESSION = "20261121T120200.000000Z-0a1b"
LATER = "20261121T130200.000000Z-0c1d"


def start_line(run_id: Any = "r1", **fields: Any) -> dict[str, Any]:
    """Return a start line with all that the logger writes."""
    line = {
        "event": "start",
        "format": 1,
        "run_id": run_id,
        "experiment": "digits",
        "name": "brave-otter-17",
        "rank": 0,
        "session": SESSION,
        "time": T0,
    }
    return line | fields


def metrics_line(step: int | None, **values: Any) -> dict[str, Any]:
    """Return a metrics line, a minute a step."""
    line: dict[str, Any] = {"event": "metrics", "time": T0 + 60 * (step or 0), "metrics": values}
    return line if step is None else {**line, "step": step}


def make_log(*lines: Mapping[str, Any] | bytes) -> bytes:
    """Return the bytes of a log; a line given as bytes stands as it is, newline and all."""
    return b"".join(line if isinstance(line, bytes) else encode_line(line) for line in lines)


def parse(
    data: bytes, *, size: int | None = None, packed: bool = False, label: str = "digits/r1/events.jsonl"
) -> tuple[Stream, ...]:
    """Return the streams in `data`, given to the reader in chunks of `size` bytes."""
    chunks: Iterable[bytes] = [data] if size is None else [data[i : i + size] for i in range(0, len(data), size)]
    return parse_streams(chunks, label, Identity("folder", "above"), packed=packed)


def parse_one(data: bytes, **options: Any) -> Stream:
    """Return the only stream in `data`."""
    (stream,) = parse(data, **options)
    return stream


def write_run(folder: Path, *lines: Mapping[str, Any] | bytes, name: str = "events.jsonl", age_s: float = 60) -> Path:
    """Write a log into a run folder, old enough to be trusted by the cache; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(make_log(*lines))
    then = path.stat().st_mtime_ns - int(age_s * 1e9)
    os.utime(path, ns=(then, then))
    return path


def points_of(stream: Stream) -> dict[str, list[tuple[int, float, float]]]:
    """Return metric -> its (step, time, value) in order; NaN as text, so that lists can be compared."""
    return {
        name: [
            tuple("nan" if x != x else x for x in row)  # type: ignore[misc]
            for row in zip(own.steps.tolist(), own.times.tolist(), own.values.tolist(), strict=True)
        ]
        for name, own in stream.points.items()
    }


def messages(stream: Stream) -> list[str]:
    """Return the messages of a stream's problems."""
    return [problem.message for problem in stream.problems]

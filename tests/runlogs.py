"""What the tests of the logger share: a process without runs, and a look at what a run has written."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reportgen import logger
from reportgen.capture.job import SYSTEMS
from reportgen.formats import decode_line
from reportgen.logrun import Run

ROOT = Path(__file__).parent.parent
"""The repository, which child processes import the package from."""
JOB_VARIABLES = (
    "REPORTGEN_DIR", "REPORTGEN_RUN_ID", "TORCHELASTIC_RUN_ID", "RANK", "SLURM_PROCID",
    *(system.sign for system in SYSTEMS),
)  # fmt: skip


@pytest.fixture(autouse=True)
def _no_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let each test begin in an empty folder, without a run, an experiment or a job around it."""
    monkeypatch.chdir(tmp_path)
    for name in JOB_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(logger, "_experiment", None)
    monkeypatch.setattr(logger, "_last", None)
    monkeypatch.setattr(logger, "_shared_runs", 0)
    yield
    for run in list(reversed(logger._active)):
        run.end()


def read_events(source: Run | Path, *kinds: str) -> list[dict[str, Any]]:
    """Return the events in a run's log, those of the given kinds if any are given; every line must be whole."""
    path = source if isinstance(source, Path) else source.path
    assert path is not None
    data = path.read_bytes()
    assert data.endswith(b"\n")
    events = [decode_line(line) for line in data.split(b"\n") if line]
    return [event for event in events if not kinds or event["event"] in kinds]


def run_script(script: str, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run `script` in a Python of its own and return how it ended."""
    environment = {key: value for key, value in os.environ.items() if key not in JOB_VARIABLES}
    environment |= {"PYTHONPATH": str(ROOT), **options.pop("env", {})}
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False, **options)

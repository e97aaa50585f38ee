"""Makes the sample runs again: trains every model of `scripts/` and puts the logs beside this file.

    python -m pip install -e '.[samples]'
    python sample_runs/make.py

The logs that are there are deleted first. Training takes a minute or two. Run it in an environment that holds nothing
else, since each log lists the packages that are installed.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

HERE = Path(__file__).resolve().parent
SCRIPTS = HERE / "scripts"


def start(script: str, *arguments: str, folder: str) -> subprocess.Popen[bytes]:
    """Start a training script whose log goes beside this file and whose scratch files go to `folder`."""
    environment = {
        **os.environ,
        "REPORTGEN_DIR": str(HERE),
        "PYTHONPATH": str(HERE.parent),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
    }
    return subprocess.Popen([sys.executable, SCRIPTS / script, *arguments], cwd=folder, env=environment)


def finish(process: subprocess.Popen[bytes], *, status: int = 0) -> None:
    """Wait for a script; exit when it did not end with `status`."""
    if process.wait() != status:
        sys.exit(f"{process.args!r} ended with {process.returncode}, expected {status}")


def kill_when(process: subprocess.Popen[bytes], condition: Callable[[], bool]) -> None:
    """Kill a script, so that it cannot say goodbye, as soon as `condition` holds."""
    while not condition():
        if process.poll() is not None:
            sys.exit(f"{process.args!r} ended before it was killed")
        time.sleep(0.01)
    process.kill()
    finish(process, status=-signal.SIGKILL)


def epochs_logged(run_id: str) -> int:
    """Return how many epochs the log of a digits run has."""
    logs = (HERE / "digits-mlp").glob(f"{run_id}/events*.jsonl")
    return sum(log.read_bytes().count(b'"event":"metrics"') for log in logs)


def main() -> None:
    """Delete the old logs and train everything."""
    for folder in {log.parent for log in HERE.glob("*/*/events*.jsonl")}:
        shutil.rmtree(folder)
    with tempfile.TemporaryDirectory() as scratch:
        finish(start("digits.py", "sweep", folder=scratch))
        finish(start("digits.py", "diverge", folder=scratch), status=1)
        gone, resumed = (f"digits-{uuid4().hex[:10]}" for _ in range(2))
        kill_when(start("digits.py", "interrupt", "--run-id", gone, folder=scratch), lambda: epochs_logged(gone) >= 37)
        kill_when(
            start("digits.py", "interrupt", "--run-id", resumed, folder=scratch), lambda: epochs_logged(resumed) >= 24
        )
        finish(start("digits.py", "interrupt", "--run-id", resumed, folder=scratch))
        for script in ("diabetes.py", "forest.py", "ranks.py"):
            finish(start(script, folder=scratch))


if __name__ == "__main__":
    main()

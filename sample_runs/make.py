"""Makes the sample runs again: trains every model of `scripts/` and puts the logs beside this file.

    python -m pip install -e '.[samples]'
    python sample_runs/make.py

Training takes a few minutes; then the new logs take the place of the old ones. Run it in an environment that holds
nothing else and in a checkout without changes, since each log lists the packages that are installed and the commit.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Studio:
    """The scratch folder that the scripts run in, and where their logs go until all of them are done."""

    folder: Path

    @property
    def logs(self) -> Path:
        """Folder of the logs; outside the checkout, so that git finds no change while the models are trained."""
        return self.folder / "logs"

    def start(self, script: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a training script."""
        environment = {
            **os.environ,
            "REPORTGEN_DIR": str(self.logs),
            "PYTHONPATH": str(HERE.parent),
            "PYTHONDONTWRITEBYTECODE": "1",
            "OMP_NUM_THREADS": "1",
        }
        return subprocess.Popen(
            [sys.executable, HERE / "scripts" / script, *arguments], cwd=self.folder, env=environment
        )

    def run(self, script: str, *arguments: str, status: int = 0) -> None:
        """Run a training script to its end; exit when it does not end with `status`."""
        process = self.start(script, *arguments)
        if process.wait() != status:
            sys.exit(f"{script} ended with {process.returncode}, expected {status}")

    def kill(self, script: str, *arguments: str, run_id: str, epochs: int) -> None:
        """Run a training script and kill it, so that it cannot say goodbye, once the run has logged `epochs`."""
        process = self.start(script, *arguments, "--run-id", run_id)
        while self.epochs_logged(run_id) < epochs:
            if process.poll() is not None:
                sys.exit(f"{script} ended before it was killed")
            time.sleep(0.01)
        process.kill()
        process.wait()

    def epochs_logged(self, run_id: str) -> int:
        """Return how many epochs the log of a run has."""
        logs = self.logs.glob(f"*/{run_id}/events*.jsonl")
        return sum(log.read_bytes().count(b'"event":"metrics"') for log in logs)


def main() -> None:
    """Train everything, then put the new logs in the place of the old ones."""
    with tempfile.TemporaryDirectory() as folder:
        studio = Studio(Path(folder))
        studio.run("digits.py", "sweep")
        studio.run("digits.py", "diverge", status=1)
        gone, resumed = (f"digits-{uuid4().hex[:10]}" for _ in range(2))
        studio.kill("digits.py", "interrupt", run_id=gone, epochs=37)
        studio.kill("digits.py", "interrupt", run_id=resumed, epochs=24)
        studio.run("digits.py", "interrupt", "--run-id", resumed)
        for script in ("diabetes.py", "forest.py", "ranks.py", "revisions.py"):
            studio.run(script)
        for experiment in {log.parent.parent for log in HERE.glob("*/*/events*.jsonl")}:
            shutil.rmtree(experiment)
        for experiment in sorted(studio.logs.iterdir()):
            shutil.move(experiment, HERE / experiment.name)


if __name__ == "__main__":
    main()

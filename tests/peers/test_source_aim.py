"""The script in docs/sources.md that brings the runs of an Aim repository over."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from reportgen.sources.aim import KIND
from reportgen.sources.kinds import Listing
from tests.foreignruns import read_all

DOC = Path(__file__).parents[2] / "docs" / "sources.md"
MAKE = """
import aim
for number in range(2):
    run = aim.Run(repo=".", experiment="digits", log_system_params=False, system_tracking_interval=None)
    run.name = f"run-{number}"
    if number:
        run["hparams"] = {"lr": 0.2, "opt": {"name": "adam"}}
        run["data"] = "mnist"
    run.add_tag("baseline")
    for step in range(0, 50, 5):
        run.track(step * 1.5, name="loss", step=step, context={"subset": "train"})
        run.track(step * 2.5, name="acc", step=step)
    run.close()
"""


def call(folder: Path, *command: str) -> None:
    """Run Python in `folder`; `aim` warns of itself, so it stays out of this process."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("REPORTGEN_")}
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=environment,
        input="y\n",
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


def test_the_script_logs_each_run_anew(tmp_path: Path) -> None:
    call(tmp_path, "-c", MAKE)
    call(tmp_path, "-c", "from aim.cli.cli import cli_entry_point; cli_entry_point()", "storage", "reindex")
    assert KIND.claim(Listing(str(tmp_path), ("x",), (), (".aim",))) is not None
    section = DOC.read_text(encoding="utf-8").split("\n## Aim\n")[1]
    script = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert script is not None
    call(tmp_path, "-c", script[1])
    found = read_all(tmp_path / "runs")
    assert set(found) == {"run-0", "run-1"}
    own = found["run-1"]
    assert (own.summary.experiment, own.summary.status) == ("digits", "finished")
    assert own.summary.params == {"lr": 0.2, "opt.name": "adam", "data": "mnist"}
    assert own.summary.tags["baseline"] == "true"
    series = own.series["train/loss"][0]
    assert series.steps.tolist() == list(range(0, 50, 5))
    assert series.values.tolist() == pytest.approx([step * 1.5 for step in range(0, 50, 5)])
    assert set(own.series) == {"train/loss", "acc"}
    assert found["run-0"].summary.params == {}

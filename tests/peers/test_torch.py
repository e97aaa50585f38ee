"""The logger under PyTorch: tensors are numbers, and torchrun's processes are one run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import reportgen as rg

SCRIPT = """
import reportgen as rg
with rg.start_run(experiment="ddp", params={"lr": 0.1}) as run:
    for step in range(5):
        run.log_metrics({"loss": 1 / (step + 1) + run.rank}, step=step)
"""


def test_tensors_are_logged_as_the_numbers_they_hold(tmp_path: Path) -> None:
    weight = torch.nn.Parameter(torch.tensor(1.5))
    with rg.start_run(experiment="tensors", log_dir=tmp_path, capture=False) as run:
        run.log_metrics(
            {"loss": (weight * 2).sum(), "half": torch.tensor([0.5], dtype=torch.bfloat16)}, step=torch.tensor(3)
        )
        run.log_metrics({"loss": torch.tensor(float("nan"))}, step=4)
        run.log_points("curve", torch.linspace(0, 1, 5), steps=torch.arange(5))
        for dtype in (torch.float32, torch.bfloat16, torch.float16, torch.int64):
            spread = torch.tensor([[4, 1, 3], [0, 2, 4]], dtype=dtype, requires_grad=dtype.is_floating_point)
            run.log_histogram("spread", spread, step=5, quantiles=(0, 100))
        run.log_params({"shape": torch.Size([2, 3]), "dtype": torch.float32, "scale": torch.tensor(0.25)})
        with pytest.raises(rg.LoggerError, match="must be a number"):
            run.log_metrics({"loss": torch.ones(3)})
        assert run.path is not None
        log = run.path
    events = [json.loads(line) for line in log.read_bytes().splitlines()]
    metrics = [(e["step"], e["metrics"]) for e in events if e["event"] == "metrics"]
    quantiles = (5, {"spread/q00": 0, "spread/q50": 2.5, "spread/q100": 4})
    assert metrics == [(3, {"loss": 3.0, "half": 0.5}), (4, {"loss": "NaN"}), *[quantiles] * 4]
    (points,) = (e for e in events if e["event"] == "points")
    assert (points["steps"], points["metrics"]["curve"]) == ([0, 1, 2, 3, 4], [0, 0.25, 0.5, 0.75, 1])
    (params,) = (e["params"] for e in events if e["event"] == "params")
    assert params == {"shape": [2, 3], "dtype": "torch.float32", "scale": 0.25}


def test_the_processes_of_torchrun_are_the_ranks_of_one_run(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(SCRIPT, encoding="utf-8")
    environment = {k: v for k, v in os.environ.items() if k not in ("RANK", "REPORTGEN_RUN_ID", "REPORTGEN_DIR")}
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--rdzv-backend=c10d"]
    command += ["--rdzv-endpoint=127.0.0.1:0", "--rdzv-id=job7", "train.py"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    logs = sorted((tmp_path / "runs" / "ddp" / "job7").glob("events*.jsonl"))
    starts = [json.loads(log.read_bytes().splitlines()[0]) for log in logs]
    assert sorted(start["rank"] for start in starts) == [0, 1]
    assert {start["run_id"] for start in starts} == {"job7"}

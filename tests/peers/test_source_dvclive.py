"""DVCLive's own folders beside what its own reader returns of them."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import pytest
from dvclive import Live
from dvclive.utils import parse_metrics

from tests.foreignruns import messages, read_one


@pytest.mark.parametrize("timestamp", [False, True])
def test_every_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, timestamp: bool) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    chance = random.Random(3)
    folder = tmp_path / "first" / "dvclive"
    with Live(str(folder), save_dvc_exp=False, dvcyaml=None, report=None) as live:
        live.log_params({"lr": 1e-05, "opt": {"name": "adam", "betas": [0.9, 0.999]}, "flag": True, "none": "null"})
        for _ in range(50):
            for name in ("loss", "train/acc", "val/iou/mean", "損失"):
                value = math.nan if chance.random() < 0.1 else chance.gauss(0, 1) * 10 ** chance.randrange(-12, 12)
                live.log_metric(name, value, timestamp=timestamp)
            live.next_step()
        live.log_metric("only", 7, plot=False)
        live.make_summary()
        history, latest = parse_metrics(live)
    run = read_one(tmp_path / "first")
    assert messages(run) == []
    for path, rows in history.items():
        name = str(Path(path).relative_to(folder / "plots" / "metrics").with_suffix(""))
        own = run.series[name][0]
        assert own.steps.tolist() == [int(row["step"]) for row in rows]
        assert list(map(repr, own.values.tolist())) == [repr(float(row[Path(name).name])) for row in rows]
        if timestamp:
            assert own.times.tolist() == [int(row["timestamp"]) / 1000 for row in rows]
    assert len(run.series) == len(history) + 1
    assert run.series["only"][0].values.tolist() == [latest["only"]]
    assert run.summary.params == {
        "lr": 1e-05,
        "opt.name": "adam",
        "opt.betas": json.dumps([0.9, 0.999], separators=(",", ":")),
        "flag": True,
        "none": "null",
    }

"""Projects that trackio itself wrote, beside what its own reader returns of them."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from reportgen.model import Run
from tests.foreignruns import messages, read_all

SCRIPT = """
import json, math, random, sys
import numpy as np
import trackio
from pathlib import Path
from trackio.sqlite_storage import SQLiteStorage

chance = random.Random(7)
for name in ("run-a", "run-b"):
    trackio.init(project="digits", name=name, group="sweep-3", config={"lr": 0.1, "opt": {"name": "adam"}})
    for step in range(60):
        values = {n: chance.gauss(0, 1) * 10 ** chance.randrange(-9, 9) for n in ("loss", "train/acc", "损失")}
        if step == 7:
            values |= {"loss": math.nan, "train/acc": math.inf}
        trackio.log(values)
    trackio.log({"img": trackio.Image(np.zeros((8, 8, 3), np.uint8)), "h": trackio.Histogram(np.arange(1000.0))})
    trackio.finish()
SQLiteStorage._dataset_import_attempted = True
SQLiteStorage.export_to_parquet()
known = {name: SQLiteStorage.get_logs("digits", name) for name in ("run-a", "run-b")}
Path(sys.argv[1]).write_text(json.dumps(known))
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return trackio's folder with one project, its exports, and `known.json` as its reader sees it."""
    folder = tmp_path_factory.mktemp("trackio")
    environment = os.environ | {"TRACKIO_DIR": str(folder / "store")}
    command = [sys.executable, "-c", SCRIPT, str(folder / "known.json")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return folder


def check(runs: dict[str, Run], known: dict[str, list[dict[str, object]]]) -> None:
    """Compare each value."""
    assert set(runs) == set(known)
    for name, rows in known.items():
        run = runs[name]
        assert (run.summary.experiment, run.summary.group) == ("digits", "sweep-3")
        assert run.summary.params == {"lr": 0.1, "opt.name": "adam"}
        for metric in ("loss", "train/acc", "损失"):
            own = run.series[metric][0]
            logged = [(row["step"], row[metric]) for row in rows if row.get(metric) is not None]
            assert len(logged) == 60
            assert own.steps.tolist() == [step for step, _ in logged]
            assert list(map(repr, own.values.tolist())) == [repr(float(value)) for _, value in logged]  # type: ignore[arg-type]
        assert run.series["h/q50"][0].values[0] == pytest.approx(499.5, abs=16)


def test_every_value(store: Path) -> None:
    import json

    known = json.loads((store / "known.json").read_text())
    assert math.isnan(known["run-a"][7]["loss"])
    runs = read_all(store / "store")
    check(runs, known)
    assert all(messages(run) == [] for run in runs.values())
    assert all(len(run.artifacts) == 1 for run in runs.values())


def test_every_value_of_its_exports(store: Path, tmp_path: Path) -> None:
    import json

    for file in (store / "store").glob("*.parquet"):
        shutil.copy(file, tmp_path)
    check(read_all(tmp_path), json.loads((store / "known.json").read_text()))

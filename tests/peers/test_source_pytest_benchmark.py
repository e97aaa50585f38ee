"""What pytest-benchmark saves of a real session, beside its own reader."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from pytest_benchmark.logger import Logger
from pytest_benchmark.storage.file import FileStorage

from tests.foreignruns import messages, read_all

SCRIPT = """
import pytest

@pytest.mark.parametrize("n", [1, 2])
def test_sum(benchmark, n):
    benchmark.extra_info["size"] = n
    benchmark.pedantic(lambda: sum(range(n)), rounds=20, iterations=3)

def test_other(benchmark):
    benchmark.pedantic(lambda: None, rounds=5)
"""


def test_every_value(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(SCRIPT)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider", "--rootdir=."]
    options = ["--benchmark-save=mine", "--benchmark-save-data", "--benchmark-json=out.json", "test_it.py"]
    subprocess.run([*command, *options], cwd=tmp_path, check=True, capture_output=True)
    runs = read_all(tmp_path)
    assert set(runs) == {"0001_mine", "out"}
    storage = FileStorage(str(tmp_path / ".benchmarks"), logger=Logger(level=Logger.QUIET))
    ((_, saved),) = storage.load("0001_mine")
    assert messages(runs["0001_mine"]) == []
    seen = 0
    for benchmark in saved["benchmarks"]:
        name, stats = benchmark["fullname"], benchmark["stats"]
        for stat, value in stats.items():
            if stat == "outliers":
                continue
            seen += 1
            for run in runs.values():
                if stat == "data" and run.summary.name == "out":
                    continue
                series: Any = run.series[f"{name}/{stat}"][0]
                assert series.values.tolist() == (value if stat == "data" else [value])
    assert seen > 40
    assert runs["out"].series["test_it.py::test_sum[2]/extra_info/size"][0].values.tolist() == [2.0]

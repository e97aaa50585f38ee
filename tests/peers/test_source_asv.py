"""Results that asv's own classes write, beside what they read again."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

from asv.results import Results
from asv.runner import BenchmarkResult

from tests.foreignruns import messages, read_all

PARAMS = {"machine": "cheetah", "os": "Linux", "arch": "x86_64", "python": "3.11"}
BENCHMARKS = {
    "time_a": {"params": [], "version": "1", "unit": "seconds"},
    "mem.Suite.mem_p": {"params": [["1", "2", "3"], ["'x'", "'y'"]], "version": "1", "unit": "bytes"},
}


def test_every_value(tmp_path: Path) -> None:
    folder = tmp_path / "bench" / "results"
    values = {"time_a": [0.25], "mem.Suite.mem_p": [1.0, None, 3.5, math.nan, 5e12, 6.0]}
    for commit in ("a" * 40, "b" * 40):
        results = Results(PARAMS, {"numpy": "1.8"}, commit, 1367127519000, "3.11", "py3.11", {})
        for name, own in values.items():
            done = BenchmarkResult(own, [None] * len(own), [None] * len(own), 0, "", None)
            benchmark = BENCHMARKS[name] | {"name": name}
            results.add_result(benchmark, done, record_samples=True)
        results.save(str(folder))
    (folder / "cheetah" / "machine.json").write_text(json.dumps({"machine": "cheetah", "version": 1}))
    (folder / "benchmarks.json").write_text(json.dumps(BENCHMARKS | {"version": 2}))
    runs = read_all(folder.parent)
    assert set(runs) == {"aaaaaaaa-py3.11", "bbbbbbbb-py3.11"}
    for name, run in runs.items():
        again = Results.load(str(folder / "cheetah" / f"{name}.json"))
        expected = {}
        for benchmark in again.get_all_result_keys():
            params = again.get_result_params(benchmark)
            for value, chosen in zip(
                again.get_result_value(benchmark, params), itertools.product(*params), strict=True
            ):
                if value is not None and not math.isnan(value):
                    expected[f"{benchmark}({', '.join(chosen)})" if chosen else benchmark] = value
        assert {metric: own[0].values.tolist() for metric, own in run.series.items()} == {
            metric: [value] for metric, value in expected.items()
        }
        assert len(expected) == 5
        assert run.summary.commit == again.commit_hash
        assert run.summary.start_time == again.date / 1000
        assert messages(run) == []

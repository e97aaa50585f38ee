"""Sacred's own file storage beside what it was given; numbers beside what jsonpickle itself makes of them."""

from __future__ import annotations

import json
import math
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reportgen.sources.documents import plain
from tests.foreignruns import messages, read_all


class _NoPackages(list):  # type: ignore[type-arg]
    by_key: dict[str, Any] = {}  # noqa: RUF012


@pytest.fixture(scope="module")
def sacred() -> Any:
    """Return the package; what it needs of setuptools, which has dropped it, is stood in for."""
    if "pkg_resources" not in sys.modules:
        module = types.ModuleType("pkg_resources")
        module.working_set = _NoPackages()  # type: ignore[attr-defined]
        module.resource_filename = lambda _package, _name: "/dev/null"  # type: ignore[attr-defined]
        sys.modules["pkg_resources"] = module
    import sacred as package

    return package


def make(sacred: Any, folder: Path, *, fails: bool = False) -> dict[str, Any]:
    from sacred.observers import FileStorageObserver

    kept: dict[str, Any] = {"loss": []}
    experiment = sacred.Experiment("digits", interactive=True, save_git_info=False)
    sacred.SETTINGS.CAPTURE_MODE = "sys"
    experiment.observers.append(FileStorageObserver(folder, copy_sources=False))
    note = folder.parent / "note.txt"
    note.write_text("kept", encoding="utf-8")

    @experiment.config
    def config() -> None:
        lr = 0.1  # noqa: F841
        layers = (256, 10)  # noqa: F841
        opt = {"name": "adam", "eps": 1e-08}  # noqa: F841

    @experiment.main
    def main(_run: Any) -> float:
        for step in range(0, 30, 3):
            value = math.nan if step == 9 else 1 / (step + 1)
            _run.log_scalar("loss", np.float64(value) if step % 2 else value, step)
            kept["loss"].append((step, value))
        _run.log_scalar("train/acc", 0.5)
        _run.info["test_return"] = [np.float32(1.5), 2.5]
        _run.info["test_return_T"] = [10, 20]
        print("hello")
        experiment.add_artifact(str(note))
        if fails:
            raise ValueError("loss is NaN")
        return 0.25

    if fails:
        with pytest.raises(ValueError, match="NaN"):
            experiment.run()
    else:
        experiment.run()
    return kept


def test_every_value(sacred: Any, tmp_path: Path) -> None:
    kept = make(sacred, tmp_path / "runs")
    make(sacred, tmp_path / "runs", fails=True)
    runs = read_all(tmp_path / "runs")
    assert {name: run.summary.status for name, run in runs.items()} == {"1": "finished", "2": "failed"}
    run = runs["1"]
    assert messages(run) == []
    assert run.summary.experiment == "digits"
    own = run.series["loss"][0]
    assert list(map(repr, zip(own.steps.tolist(), own.values.tolist(), strict=True))) == list(map(repr, kept["loss"]))
    stored = json.loads((tmp_path / "runs" / "1" / "metrics.json").read_text())["loss"]["timestamps"]
    assert own.times.tolist() == [np.datetime64(text, "us").astype(np.int64) / 1e6 for text in stored]
    assert run.series["test_return"][0].steps.tolist() == [10, 20]
    assert run.series["test_return"][0].values.tolist() == [1.5, 2.5]
    assert run.series["result"][0].values.tolist() == [0.25]
    seed = run.summary.params["seed"]
    assert run.summary.params == {"lr": 0.1, "layers": "[256,10]", "opt.name": "adam", "opt.eps": 1e-08, "seed": seed}
    assert run.summary.artifact_paths == ("note.txt",)
    assert "hello" in run.texts[0].text
    assert runs["2"].summary.error == "ValueError: loss is NaN"


def test_numbers_of_jsonpickle(sacred: Any) -> None:
    import jsonpickle.handlers
    from sacred.serializer import flatten

    values = [np.float64(1.5), np.float32(0.1), np.float16(2), np.int64(-3), np.bool_(True), (1, 2), np.arange(3.0)]
    expected = [1.5, float(np.float32(0.1)), 2.0, -3, True, [1, 2], [0.0, 1.0, 2.0]]
    assert plain(json.loads(json.dumps(flatten(values)))) == expected
    kept = dict(jsonpickle.handlers.registry._handlers), dict(jsonpickle.handlers.registry._base_handlers)
    try:
        jsonpickle.handlers.registry._handlers.clear()
        jsonpickle.handlers.registry._base_handlers.clear()
        bare = json.loads(jsonpickle.encode(values[:4], keys=True))
    finally:
        jsonpickle.handlers.registry._handlers.update(kept[0])
        jsonpickle.handlers.registry._base_handlers.update(kept[1])
    assert plain(bare) == expected[:4]

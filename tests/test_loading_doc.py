"""docs/python.md is true: its examples run, one after the other, and its table of columns is complete."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import reportgen as rg
from tests.conftest import ROOT
from tests.sourcelogs import T0, metrics_line, start_line, write_run

PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")


def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REPORTGEN_CACHE_DIR", str(tmp_path / "cache"))
    for number, width in enumerate((256, 512)):
        write_run(
            tmp_path / "runs" / "digits" / f"r{number}",
            start_line(f"r{number}", name=f"mlp-{width}", time=T0 + number),
            {"event": "params", "params": {"lr": 1e-3, "width": width}},
            {"event": "env", "python": "3.12.1"},
            metrics_line(0, **{"val/accuracy": 0.91 + number / 100, "train/loss": 0.5 - number / 10}),
            {"event": "end", "status": "FINISHED" if number else "FAILED", "time": T0 + 60},
        )
    known: dict[str, Any] = {}
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    for block in blocks:
        exec(compile(block, "docs/python.md", "exec"), known)
    assert len(blocks) >= 8
    assert known["run"].name == "mlp-512"
    assert [run.name for run in known["good"]] == ["mlp-512", "mlp-256"]
    assert len(known["frame"]) == 2
    assert known["both"].params == {"width": (256, 512)}


def test_the_table_of_columns_is_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPORTGEN_CACHE_DIR", str(tmp_path / "cache"))
    write_run(
        tmp_path / "runs" / "r", start_line("r"), {"event": "params", "params": {"lr": 1}}, metrics_line(0, x=1.0)
    )
    frame = rg.load(tmp_path / "runs", config=None).to_pandas()
    table = PAGE.split("| column | value |")[1].split("\n\n")[0]
    listed = re.findall(r"`([^`]+)`", "".join(line.split("|")[1] for line in table.splitlines()[2:] if line))
    shown = [re.sub(r"^(metrics|params|tags)\..*", r"\1.<name>", column) for column in frame.columns]
    assert list(dict.fromkeys(shown)) == listed

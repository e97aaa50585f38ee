"""Kinds of logs that other installed packages add, by the example of the documentation."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from tests.conftest import ROOT, Ran, reportgen

DOC = (ROOT / "docs" / "sources.md").read_text(encoding="utf-8")
OWN_KIND = DOC.split("## A kind of your own\n")[1]
MODULE = re.findall(r"(?s)```python\n(.*?)```", OWN_KIND)[0]
POINT = re.findall(r"(?s)```toml\n(.*?)```", OWN_KIND)[0]


def install(folder: Path, name: str, points: str, *, version: str = "1.2", **modules: str) -> None:
    """Install a package into `folder`: its modules, and what pip would write of it."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[reportgen.sources]\n{points}\n")
    for module, code in modules.items():
        (folder / f"{module}.py").write_text(code)


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """Return a folder on the path, with the package of the documentation, beside a folder of its logs."""
    section, line = POINT.strip().splitlines()
    assert section == '[project.entry-points."reportgen.sources"]'
    install(tmp_path / "packages", "reportgen-lab", line.replace('"', ""), reportgen_lab=MODULE)
    (tmp_path / "logs" / "digits").mkdir(parents=True)
    (tmp_path / "logs" / "digits" / "mlp-256.lab").write_text("#lab 1\n0 2.5\n1 NaN\nodd\n2 0.5\n")
    (tmp_path / "logs" / "digits" / "other.lab").write_text("no log of Lab\n")
    return tmp_path


def run(here: Path, *arguments: str) -> Ran:
    paths = os.pathsep.join((str(ROOT), str(here / "packages")))
    return reportgen(*arguments, cwd=here, env={"PYTHONPATH": paths})


def test_the_package_of_the_documentation_adds_a_kind(packages: Path) -> None:
    ran = run(packages, "build", "logs", "-o", "site", "--jobs", "2")
    assert ran.status == 0, ran.err
    assert ran.out.startswith("1 run in 1 experiment, 1 problem, ")
    assert "digits/mlp-256.lab:4: a line is no step and loss" in ran.err
    (row,) = json.loads(run(packages, "runs", "site", "--format", "json").out)
    assert (row["experiment"], row["name"], row["status"]) == ("logs", "mlp-256", "unfinished")
    assert (row["metrics"]["loss"]["first"], row["metrics"]["loss"]["last"]) == (2.5, 0.5)


def test_its_logs_can_be_imported_and_are_needed_no_more(packages: Path) -> None:
    assert run(packages, "import", "logs", "-o", "runs").status == 0
    alone = reportgen("runs", "runs", "--format", "json", cwd=packages)  # the package is not there
    (row,) = json.loads(alone.out)
    assert row["metrics"]["loss"]["last"] == 0.5


def test_sources_and_sniff_name_the_package_and_the_kind(packages: Path) -> None:
    rows = json.loads(run(packages, "sources", "--format", "json").out)
    assert rows[-1] == {
        "name": "lab",
        "title": "Lab",
        "about": "files `*.lab` that begin with `#lab 1`",
        "package": "reportgen-lab 1.2",
        "error": None,
    }
    seen = run(packages, "sniff", "logs").out.splitlines()
    assert seen[:2] == ["logs/digits", "  Lab: mlp-256.lab"]
    assert any(line.startswith("  passed over: other.lab: text") for line in seen)


def test_a_site_is_made_anew_with_another_version_of_the_package(packages: Path) -> None:
    run(packages, "build", "logs", "-o", "site")
    assert "nothing changed" in run(packages, "build", "logs", "-o", "site").out
    better = MODULE.replace('maker.points("loss"', 'maker.points("better"')
    (packages / "packages" / "reportgen_lab-1.2.dist-info").rename(packages / "old")
    install(packages / "packages", "reportgen-lab", "lab = reportgen_lab:KIND", version="1.3", reportgen_lab=better)
    assert "nothing changed" not in run(packages, "build", "logs", "-o", "site").out
    assert list(json.loads(run(packages, "runs", "site", "--format", "json").out)[0]["metrics"]) == ["better"]


def test_a_name_of_ours_cannot_be_taken(packages: Path) -> None:
    points = "runs = reportgen_lab:KIND\nsite = reportgen_lab:KIND\ndvclive = reportgen_lab:KIND"
    install(packages / "packages", "thief", points)
    rows = json.loads(run(packages, "sources", "--format", "json").out)
    assert [row["name"] for row in rows if row["package"]] == ["lab"]
    assert len({row["name"] for row in rows}) == len(rows)


@pytest.mark.parametrize(
    ("point", "code", "said"),
    [
        ("broken = broken:KIND", "import not_there\n", "cannot be loaded (No module named 'not_there')"),
        ("broken = broken:NOPE", "", "cannot be loaded (module 'broken' has no attribute 'NOPE')"),
        ("broken = broken:KIND", "KIND = 3\n", "is not what a kind must be (it has no name)"),
        ("broken = reportgen_lab:KIND", "", "is not what a kind must be (it calls itself 'lab')"),
    ],
)
def test_a_package_that_is_broken_is_named(point: str, code: str, said: str, packages: Path) -> None:
    install(packages / "packages", "broken", point, broken=code)
    ran = run(packages, "build", "logs", "-o", "site")
    assert ran.status == 1
    assert ran.err == f"Error: the kind of log 'broken' {said}: update or remove 'broken 1.2', which adds it\n"
    listed = {row["name"]: row["error"] for row in json.loads(run(packages, "sources", "--format", "json").out)}
    assert said in listed["broken"]
    assert listed["lab"] is None

"""The vendored browser libraries are the files that their packages published."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests import vendor


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of the vendored files that a test may spoil."""
    folder = tmp_path / "vendor"
    shutil.copytree(vendor.VENDOR, folder)
    for name, file in {"VENDOR": "", "MANIFEST": "vendor.json", "LICENCES": "LICENSES.txt"}.items():
        monkeypatch.setattr(vendor, name, folder / file)
    return folder


def test_every_file_has_the_hash_that_the_manifest_states() -> None:
    assert vendor.verify() == []


def test_a_changed_missing_or_unknown_file_is_found(copy: Path) -> None:
    (copy / "d3.min.js").write_text("changed")
    (copy / "plot.umd.min.js").unlink()
    (copy / "jquery.js").write_text("")
    faults = vendor.verify()
    assert len(faults) == 3
    assert {f.split()[0] for f in faults} == {"d3.min.js", "plot.umd.min.js", "jquery.js"}


def test_each_package_has_its_licence(copy: Path) -> None:
    packages = json.loads((copy / "vendor.json").read_text())["packages"]
    assert {p["license"] for p in packages} <= {"MIT", "ISC", "Apache-2.0", "BSD-3-Clause"}
    (copy / "LICENSES.txt").write_text("")
    assert len(vendor.verify()) == len(packages)

"""Bytes taken out of logs: kept under their digest, never in the way of a build."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from reportgen.sources import extracted

DATA = b"a picture"
DIGEST = hashlib.sha256(DATA).hexdigest()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of the cache."""
    monkeypatch.setenv("REPORTGEN_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_bytes_are_found_again_under_their_digest() -> None:
    assert extracted.kept_file(DIGEST) == ""
    assert extracted.keep_bytes(DATA) == extracted.keep_bytes(DATA) == DIGEST
    assert Path(extracted.kept_file(DIGEST)).read_bytes() == DATA


def test_a_file_that_was_cut_is_written_again() -> None:
    extracted.keep_bytes(DATA)
    Path(extracted.kept_file(DIGEST)).write_bytes(b"a")
    extracted.keep_bytes(DATA)
    assert Path(extracted.kept_file(DIGEST)).read_bytes() == DATA


@pytest.mark.parametrize("digest", ["", "..", "../" * 20 + "etcx", DIGEST.upper(), "/" * 64])
def test_what_is_no_digest_is_no_file(digest: str) -> None:
    extracted.keep_bytes(DATA)
    assert extracted.kept_file(digest) == ""


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    extracted.keep_bytes(DATA)
    file = Path(extracted.kept_file(DIGEST))
    file.unlink()
    (tmp_path / "secret").write_bytes(DATA)
    file.symlink_to(tmp_path / "secret")
    assert extracted.kept_file(DIGEST) == ""


def test_a_folder_that_cannot_be_written_is_no_fault(cache: Path) -> None:
    cache.mkdir()
    (cache / "extracted").write_bytes(b"in the way")
    assert extracted.keep_bytes(DATA) == DIGEST
    assert extracted.kept_file(DIGEST) == ""


def test_what_was_not_asked_for_in_a_month_goes() -> None:
    extracted.keep_bytes(DATA)
    file = Path(extracted.kept_file(DIGEST))
    then = file.stat().st_mtime - (extracted.KEPT_DAYS + 1) * 86_400
    os.utime(file, (then, then))
    extracted._clean.cache_clear()
    other = extracted.keep_bytes(b"another")
    assert extracted.kept_file(DIGEST) == "" and extracted.kept_file(other)

"""The cache of stats: never wrong about a file that changed, never in the way when it is damaged."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from reportgen.sources.statcache import StatCache, cache_folder, hash_file

OLD = 10_000_000_000
"""Nanoseconds between a file's last change and now, so that it is trusted."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "log"
    path.write_bytes(b"one")
    return path


def cache_at(path: Path, kept: Path | None = None, age_ns: int = OLD) -> StatCache:
    changed = path.stat().st_mtime_ns
    return StatCache(kept, now_ns=lambda: changed + age_ns)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_a_file_is_hashed_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = cache_at(file)
    assert cache.sha256(str(file)) == digest(b"one")
    monkeypatch.setattr("reportgen.sources.statcache.hash_file", lambda path: pytest.fail(f"{path} was read again"))
    assert cache.sha256(str(file)) == digest(b"one")


def test_a_young_file_is_not_trusted(file: Path) -> None:
    cache = cache_at(file, age_ns=1_900_000_000)
    stat = file.stat()
    assert cache.sha256(str(file)) == digest(b"one")
    file.write_bytes(b"two")
    os.utime(file, ns=(stat.st_mtime_ns, stat.st_mtime_ns))
    assert cache.sha256(str(file)) == digest(b"two")


@pytest.mark.parametrize("change", ["size", "mtime", "inode"])
def test_a_changed_file_is_read_again(file: Path, change: str) -> None:
    cache = cache_at(file)
    cache.sha256(str(file))
    stat = file.stat()
    if change == "inode":
        other = file.with_name("other")
        other.write_bytes(b"two")
        other.replace(file)
    else:
        file.write_bytes(b"twoo" if change == "size" else b"two")
    moved = stat.st_mtime_ns + (1 if change == "mtime" else 0)
    os.utime(file, ns=(moved, moved))
    assert cache.sha256(str(file)) == digest(file.read_bytes())


def test_facts_and_digest_of_one_state_are_kept_together(file: Path) -> None:
    cache = cache_at(file)
    cache.put(str(file), file.stat(), facts={"run_id": "r"})
    cache.sha256(str(file))
    known = cache.known(str(file), file.stat())
    assert known is not None
    assert (known.facts, known.sha256) == ({"run_id": "r"}, digest(b"one"))


def test_what_is_known_survives_in_the_file(file: Path, tmp_path: Path) -> None:
    kept = tmp_path / "deep" / "cache.json"
    cache = cache_at(file, kept)
    cache.put(str(file), file.stat(), sha256="a" * 64, facts={"x": 1})
    cache.save()
    known = cache_at(file, kept).known(str(file), file.stat())
    assert known is not None
    assert (known.sha256, known.facts) == ("a" * 64, {"x": 1})
    assert os.listdir(kept.parent) == ["cache.json"]


def test_files_that_were_not_asked_for_are_forgotten(file: Path, tmp_path: Path) -> None:
    kept, other = tmp_path / "cache.json", tmp_path / "other"
    other.write_bytes(b"x")
    os.utime(other, ns=(file.stat().st_mtime_ns,) * 2)
    cache = cache_at(file, kept)
    cache.sha256(str(file))
    cache.sha256(str(other))
    cache.save()
    cache = cache_at(file, kept)
    cache.sha256(str(file))
    cache.save()
    assert cache_at(file, kept).known(str(other), other.stat()) is None
    assert cache_at(file, kept).known(str(file), file.stat()) is not None


def test_an_unchanged_cache_is_not_written(file: Path, tmp_path: Path) -> None:
    kept = tmp_path / "cache.json"
    cache = cache_at(file, kept)
    cache.sha256(str(file))
    cache.save()
    before = kept.stat().st_ino
    cache = cache_at(file, kept)
    cache.sha256(str(file))
    cache.save()
    assert kept.stat().st_ino == before


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\xff\xfe", b"[]", b"{}", b'{"format":99,"files":{}}', b'{"format":1,"files":[1]}',
        b'{"format":1,"files":{"LOG":[1,2]}}', b'{"format":1,"files":{"LOG":[3,"x",1,"",null]}}',
    ],
)  # fmt: skip
def test_a_damaged_or_foreign_cache_is_ignored_and_replaced(file: Path, tmp_path: Path, content: bytes) -> None:
    kept = tmp_path / "cache.json"
    kept.write_bytes(content.replace(b"LOG", str(file).encode()))
    cache = cache_at(file, kept)
    assert cache.sha256(str(file)) == digest(b"one")
    cache.save()
    assert cache_at(file, kept).known(str(file), file.stat()) is not None


def test_a_cache_that_cannot_be_written_stops_nothing(file: Path, tmp_path: Path) -> None:
    (tmp_path / "no folder").write_bytes(b"")
    cache = cache_at(file, tmp_path / "no folder" / "cache.json")
    cache.sha256(str(file))
    cache.save()
    assert (tmp_path / "no folder").read_bytes() == b""


def test_names_that_are_no_utf8_do_not_hinder_saving(file: Path, tmp_path: Path) -> None:
    strange = os.fsdecode(os.fsencode(tmp_path) + b"/\xff")
    Path(strange).write_bytes(b"x")
    os.utime(strange, ns=(file.stat().st_mtime_ns,) * 2)
    cache = cache_at(file, tmp_path / "cache.json")
    assert cache.sha256(strange) == digest(b"x")
    cache.sha256(str(file))
    cache.save()
    assert cache_at(file, tmp_path / "cache.json").known(str(file), file.stat()) is not None


def test_links_folders_and_pipes_have_no_digest(tmp_path: Path, file: Path) -> None:
    (tmp_path / "link").symlink_to(file)
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe", "", "missing"):
        with pytest.raises(OSError, match=r"\w"):
            StatCache(None).sha256(str(tmp_path / name))
        with pytest.raises(OSError, match=r"\w"):
            hash_file(str(tmp_path / name))


def test_the_cache_lies_where_the_platform_wants_it() -> None:
    home = Path.home()
    assert cache_folder({"REPORTGEN_CACHE_DIR": "/a", "XDG_CACHE_HOME": "/b"}, "linux") == Path("/a")
    assert cache_folder({"XDG_CACHE_HOME": "/b"}, "linux") == Path("/b/reportgen")
    assert cache_folder({}, "linux") == home / ".cache" / "reportgen"
    assert cache_folder({}, "darwin") == home / "Library" / "Caches" / "reportgen"
    assert cache_folder({"LOCALAPPDATA": "/c"}, "win32") == Path("/c/reportgen/Cache")

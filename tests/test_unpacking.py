"""Run logs out of archives that nobody vouches for: what is taken, what is refused, and that nothing is left behind."""

from __future__ import annotations

import io
import json
import os
import stat
import struct
import warnings
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reportgen.cli import main
from reportgen.errors import SourceError
from reportgen.unpacking import FREE_BYTES, Limits, unpack_runs
from tests.sourcelogs import make_log, metrics_line, start_line

LOG = make_log(start_line("r1"), metrics_line(0, loss=1.0), metrics_line(1, loss=0.5))
LINK, DEVICE, FIFO = stat.S_IFLNK | 0o777, stat.S_IFBLK | 0o600, stat.S_IFIFO | 0o600


def write_zip(path: Path, *entries: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    """Write a zip file with the given entries, in order, doubles included."""
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", method) as archive:
        warnings.filterwarnings("ignore", "Duplicate name")
        for name, data in entries:
            archive.writestr(name, data)
    return path


def special(name: str, mode: int) -> zipfile.ZipInfo:
    """Return the entry of a file that is no plain file."""
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = mode << 16
    return info


def refused(archive: Path, match: str, **options: object) -> None:
    """Expect that an archive is refused, and that nothing of it is anywhere."""
    before = sorted(os.listdir(archive.parent))
    with pytest.raises(SourceError, match=match):
        unpack_runs(archive, archive.parent / "out", **options)  # type: ignore[arg-type]
    assert sorted(os.listdir(archive.parent)) == before
    assert not (archive.parent.parent / "escaped").exists()


# ---- what is taken


def test_run_logs_are_taken_and_nothing_else(tmp_path: Path) -> None:
    archive = write_zip(
        tmp_path / "runs.zip",
        ("digits/r1/events.jsonl", LOG),
        ("digits/r1/events.1.jsonl", LOG),
        ("digits/r1/artifacts/plot.png", b"png"),
        ("site/index.html", b"<script>"),
        ("reportgen.toml", b"theme = 'mine'"),
        ("themes/mine/theme.toml", b""),
        ("digits/r1/events.jsonl.gz", b"\x1f\x8b"),
    )
    done = unpack_runs(archive, tmp_path / "runs")
    files = sorted(
        str(path.relative_to(tmp_path / "runs")) for path in (tmp_path / "runs").rglob("*") if path.is_file()
    )
    assert files == ["digits/r1/events.1.jsonl", "digits/r1/events.jsonl"]
    assert (tmp_path / "runs/digits/r1/events.jsonl").read_bytes() == LOG
    assert (done.logs, done.artifacts, done.passed_over, done.size_bytes) == (2, 0, 5, 2 * len(LOG))


def test_files_that_runs_keep_come_along_when_they_are_wanted(tmp_path: Path) -> None:
    archive = write_zip(
        tmp_path / "runs.zip",
        ("digits/r1/events.jsonl", LOG),
        ("digits/r1/artifacts/plots/a.png", b"png"),
        ("elsewhere/artifacts/a.png", b"png"),
        ("artifacts/a.png", b"png"),
    )
    done = unpack_runs(archive, tmp_path / "runs", artifacts=True)
    assert (done.logs, done.artifacts, done.passed_over) == (1, 1, 2)
    assert (tmp_path / "runs/digits/r1/artifacts/plots/a.png").read_bytes() == b"png"


def test_an_empty_folder_is_filled_and_a_full_one_is_left_alone(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "runs.zip", ("r1/events.jsonl", LOG))
    (tmp_path / "out").mkdir()
    unpack_runs(archive, tmp_path / "out")
    assert (tmp_path / "out/r1/events.jsonl").read_bytes() == LOG
    with pytest.raises(SourceError, match="name a folder that is new or empty"):
        unpack_runs(archive, tmp_path / "out")


def test_a_link_in_the_place_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "runs.zip", ("r1/events.jsonl", LOG))
    (tmp_path / "real").mkdir()
    (tmp_path / "out").symlink_to("real")
    with pytest.raises(SourceError, match="new or empty"):
        unpack_runs(archive, tmp_path / "out")
    assert not any((tmp_path / "real").iterdir())


# ---- what is refused


@pytest.mark.parametrize(
    "name",
    [
        "../escaped/events.jsonl",
        "a/../../escaped/events.jsonl",
        "/escaped/events.jsonl",
        "a//events.jsonl",
        "./events.jsonl",
        "..\\escaped\\events.jsonl",
        "C:/escaped/events.jsonl",
        "a:b/events.jsonl",
        "a\nb/events.jsonl",
        "a\x1b[2J/events.jsonl",
        "\u202egnp/events.jsonl",
        "a /events.jsonl",
        "a./events.jsonl",
        f"{'x' * 201}/events.jsonl",
        "/".join("abcdefghijklmnop") + "/events.jsonl",
    ],
)  # fmt: skip
def test_a_name_that_no_honest_log_has_ends_the_work(tmp_path: Path, name: str) -> None:
    place = tmp_path / "place"
    place.mkdir()
    refused(write_zip(place / "runs.zip", ("r1/events.jsonl", LOG), (name, LOG)), "is refused")


def test_a_name_with_a_zero_byte_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    archive = write_zip(place / "runs.zip", ("r1/events.jsonlX.png", LOG))
    archive.write_bytes(archive.read_bytes().replace(b"jsonlX.png", b"jsonl\0.png"))
    refused(archive, "has signs in its name")


@pytest.mark.parametrize("mode", [LINK, DEVICE, FIFO, stat.S_IFDIR | 0o755, stat.S_IFSOCK])
def test_links_and_devices_are_refused(tmp_path: Path, mode: int) -> None:
    place = tmp_path / "place"
    place.mkdir()
    entry = (special("r1/events.jsonl", mode), b"/etc/passwd")
    refused(write_zip(place / "runs.zip", entry), "is no plain file")


@pytest.mark.parametrize("second", ["R1/events.jsonl", "r1/events.jsonl", "r1/EVENTS.jsonl"])
def test_two_entries_for_one_file_are_refused(tmp_path: Path, second: str) -> None:
    place = tmp_path / "place"
    place.mkdir()
    refused(write_zip(place / "runs.zip", ("r1/events.jsonl", LOG), (second, b"{}")), "is there twice")


def test_encryption_and_rare_compression_are_refused(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    archive = write_zip(place / "runs.zip", ("r1/events.jsonl", LOG), method=zipfile.ZIP_LZMA)
    refused(archive, "compressed in a way")
    data = bytearray(write_zip(archive, ("r1/events.jsonl", LOG)).read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(data)
    refused(archive, "is encrypted")


def test_more_files_than_allowed_are_refused_before_they_are_listed(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    archive = write_zip(place / "runs.zip", *((f"r{number}/events.jsonl", LOG) for number in range(11)))
    refused(archive, "more than 10 files.*raise --max-files", limits=Limits(files=10))
    assert unpack_runs(archive, place / "out", limits=Limits(files=11)).logs == 11


def test_a_table_of_contents_that_lies_of_its_length_is_counted(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    archive = write_zip(place / "runs.zip", *((f"r{number}/events.jsonl", LOG) for number in range(40)))
    data = bytearray(archive.read_bytes())
    at = data.rindex(b"PK\x05\x06")
    data[at + 8 : at + 12] = struct.pack("<HH", 1, 1)
    archive.write_bytes(data)
    refused(archive, "more than 10 files", limits=Limits(files=10))


def test_a_table_of_contents_that_would_fill_the_memory_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    archive = write_zip(place / "runs.zip", *((f"r{number}/{'x' * 150}/events.jsonl", LOG) for number in range(40)))
    data = bytearray(archive.read_bytes())
    at = data.rindex(b"PK\x05\x06")
    data[at + 8 : at + 12] = struct.pack("<HH", 1, 1)
    archive.write_bytes(data)
    monkeypatch.setattr(zipfile.ZipFile, "__init__", lambda *_, **__: pytest.fail("it was read"))
    refused(archive, "its table of contents has", limits=Limits(files=1))


@pytest.mark.parametrize("comment", [b"", b"a comment"])
def test_a_second_table_of_contents_behind_the_first_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, comment: bytes
) -> None:
    """Python takes the numbers of a zip64 record whatever the plain one says."""
    place = tmp_path / "place"
    place.mkdir()
    archive = write_zip(place / "runs.zip", *((f"r{number}/events.jsonl", LOG) for number in range(40)))
    data = archive.read_bytes()
    at = data.rindex(b"PK\x05\x06")
    size, start = struct.unpack("<LL", data[at + 12 : at + 20])
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 40, 40, size, start)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, at, 1)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, 60, start, len(comment)) + comment
    archive.write_bytes(data[:at] + record + locator + end)
    with zipfile.ZipFile(archive) as opened:
        assert len(opened.infolist()) == 40
    monkeypatch.setattr(zipfile.ZipFile, "__init__", lambda *_, **__: pytest.fail("it was read"))
    refused(archive, "more than 65,535 files or 4 GB", limits=Limits(files=10))


def test_more_bytes_than_allowed_are_refused(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    archive = write_zip(place / "runs.zip", ("r1/events.jsonl", LOG * 50), ("r2/events.jsonl", LOG * 50))
    refused(archive, "more than .* bytes.*raise --max-mb", limits=Limits(size_bytes=len(LOG) * 99))
    refused(archive, "it has .* bytes, more than 10", limits=Limits(size_bytes=10))


def test_a_bomb_is_refused_whatever_its_header_says(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    archive = write_zip(place / "runs.zip", ("r1/events.jsonl", b"\n" * (FREE_BYTES + 64 * 2**20)))
    refused(archive, "more than 100 times its own .*raise --max-ratio")
    assert unpack_runs(archive, place / "out", limits=Limits(ratio=2000)).size_bytes == FREE_BYTES + 64 * 2**20


def test_a_small_file_may_be_compressed_as_well_as_it_likes(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "runs.zip", ("r1/events.jsonl", b"\n" * FREE_BYTES))
    assert unpack_runs(archive, tmp_path / "out").size_bytes == FREE_BYTES


def test_an_archive_without_logs_says_what_to_upload(tmp_path: Path) -> None:
    refused(write_zip(tmp_path / "runs.zip", ("site/index.html", b"x")), "holds no run log .* among 1 files: upload")


def test_what_is_no_zip_file_and_what_is_not_there_say_so(tmp_path: Path) -> None:
    for data in (b"", b"PK", b"not a zip file at all", b"PK\x05\x06" + b"\xff" * 18):
        (tmp_path / "runs.zip").write_bytes(data)
        with pytest.raises(SourceError, match=r"no whole zip file|is refused"):
            unpack_runs(tmp_path / "runs.zip", tmp_path / "out")
    with pytest.raises(SourceError, match=r"nowhere\.zip' cannot be used"):
        unpack_runs(tmp_path / "nowhere.zip", tmp_path / "out")


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_damage_to_an_archive_does_more_than_end_the_work(tmp_path: Path, data: st.DataObject) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("digits/r1/events.jsonl", LOG)
        archive.writestr("digits/r2/events.jsonl", LOG)
    damaged = bytearray(made.getvalue())
    for at in data.draw(st.lists(st.integers(0, len(damaged) - 1), min_size=1, max_size=6)):
        damaged[at] = data.draw(st.integers(0, 255))
    place = Path(data.draw(st.just(tmp_path)))
    out = place / "out"
    (place / "runs.zip").write_bytes(
        damaged[: data.draw(st.integers(0, len(damaged)))] if data.draw(st.booleans()) else damaged
    )
    try:
        unpack_runs(place / "runs.zip", out)
    except SourceError:
        assert not out.exists()
    else:
        for path in sorted(out.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        out.rmdir()
    assert sorted(os.listdir(place)) == ["runs.zip"]


# ---- the command


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["unpack", *arguments], prog_name="reportgen")


def test_the_command_says_what_it_took(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "runs.zip", ("r1/events.jsonl", LOG), ("readme.txt", b"hello"))
    done = run(str(archive), "-o", str(tmp_path / "out"))
    assert (done.exit_code, done.stdout) == (0, f"1 log, 0.0 MB, 1 file passed over\n{tmp_path / 'out'}\n")
    done = run(str(archive), "-o", str(tmp_path / "more"), "--format", "json")
    assert json.loads(done.stdout) == {
        "folder": str(tmp_path / "more"), "logs": 1, "artifacts": 0, "bytes": len(LOG), "passed_over": 1,
    }  # fmt: skip


def test_the_command_passes_its_limits_on(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "runs.zip", ("r1/events.jsonl", LOG), ("r2/events.jsonl", LOG))
    done = run(str(archive), "-o", str(tmp_path / "out"), "--max-files", "1")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith(f"Error: '{archive}' is refused, it has more than 1 files")
    done = run(str(archive), "-o", str(tmp_path / "out"), "--max-mb", "0.0001")
    assert done.exit_code == 1
    assert "--max-mb" in done.stderr

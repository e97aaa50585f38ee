"""Files that a run keeps: names that stay in the folder, whole copies, files made from objects, models."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reportgen import LoggerError, LoggerWarning, logger
from reportgen.logartifacts import MAX_PART, image_bytes, media_type, safe_name
from reportgen.logrun import Run
from tests.runlogs import _no_runs, read_events  # noqa: F401 - a fixture for all tests

ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=400)


def start(**arguments: Any) -> Run:
    return logger.start_run(capture=False, **arguments)


def kept(run: Run) -> dict[str, bytes]:
    """Return the files in the run's artifact folder by name."""
    root = run.folder / "artifacts"
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def assert_lines_tell_the_files(run: Run) -> None:
    lines = {event["path"]: event for event in read_events(run, "artifact")}
    files = kept(run)
    assert lines.keys() == files.keys()
    for name, content in files.items():
        assert lines[name]["bytes"] == len(content)
        assert lines[name]["sha256"] == hashlib.sha256(content).hexdigest()


# ---- names


@given(ANY_TEXT)
def test_any_name_is_safe_or_refused(name: str) -> None:
    try:
        safe = safe_name(name)
    except LoggerError:
        return
    parts = safe.split("/")
    assert ".." not in parts
    assert "." not in parts
    assert "" not in parts
    assert all(len(part) <= MAX_PART and len(part.encode()) <= 240 for part in parts)
    assert "\0" not in safe
    assert "\\" not in safe
    assert safe_name(safe) == safe


@pytest.mark.parametrize(
    "name",
    ["../x", "a/../../x", "/etc/passwd", "..", "a/..", "\\x", "..\\x", "C:\\x", "c:x", "a\0b", "//host/x"],
)
def test_names_that_leave_the_folder_are_refused(name: str) -> None:
    Path("x.txt").write_text("x")
    with start() as run:
        for log in (
            lambda: run.log_text("x", name),
            lambda: run.log_dict({}, name),
            lambda: run.log_table({}, name),
            lambda: run.log_artifact("x.txt", name),
            lambda: run.log_model(name, "x.txt"),
            lambda: run.log_model("m", "x.txt", version=name),
            lambda: run.log_image(np.zeros((2, 2)), key=name),
        ):
            with pytest.raises(LoggerError, match="leaves the run's folder"):
                log()
    assert kept(run) == {}
    assert not Path("runs", "default", "x").exists()


@pytest.mark.parametrize(
    ("name", "message"), [("", "needs a name"), (".", "needs a name"), (3, "must be text, not int")]
)
def test_what_is_no_name_is_refused(name: Any, message: str) -> None:
    with start() as run, pytest.raises(LoggerError, match=message):
        run.log_text("x", name)


def test_long_and_odd_names_are_cut_and_keep_their_ending() -> None:
    names = [
        "n" * 500 + ".png",
        "損" * 200 + ".txt",
        "\ud800.txt",
        "a" * 300 + "/" + "b" * 300,
        "./a//b.txt",
        "." + "x" * 300,
    ]
    with start() as run:
        for name in names:
            run.log_text(name.encode("utf-8", "replace").decode(), name)
    files = kept(run)
    assert len(files) == len(names)
    assert {Path(name).suffix for name in files} >= {".png", ".txt"}
    assert {"\ufffd.txt", "a/b.txt"} <= files.keys()
    assert_lines_tell_the_files(run)


# ---- copies


def test_a_file_is_copied_and_then_told() -> None:
    Path("confusion.png").write_bytes(b"\x89PNG" * 1000)
    with start() as run:
        run.log_artifact("confusion.png")
        run.log_artifact(Path("confusion.png"), "plots/final")
    assert kept(run).keys() == {"confusion.png", "plots/final/confusion.png"}
    assert {event["media"] for event in read_events(run, "artifact")} == {"image/png"}
    assert_lines_tell_the_files(run)


def test_a_folder_is_copied_whole() -> None:
    for name in ("out/a.txt", "out/sub/b.txt"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(name)
    os.mkfifo("out/pipe")
    with start() as run:
        run.log_artifacts("out")
        run.log_artifact("out", "all")
    assert kept(run).keys() == {"a.txt", "sub/b.txt", "all/out/a.txt", "all/out/sub/b.txt"}
    assert_lines_tell_the_files(run)


def test_the_folder_of_logs_is_not_copied_into_itself() -> None:
    Path("a.txt").write_text("a")
    with start() as run:
        run.log_artifacts(".")
    assert kept(run) == {"a.txt": b"a"}


def test_linked_folders_are_not_entered() -> None:
    Path("secret").mkdir()
    Path("secret/key").write_text("k")
    Path("out").mkdir()
    Path("out/link").symlink_to(Path("secret").absolute())
    with start() as run:
        run.log_artifacts("out")
    assert kept(run) == {}


def test_files_that_are_not_there_are_the_callers_mistake() -> None:
    os.mkfifo("pipe")
    with start() as run:
        for log, message in (
            (lambda: run.log_artifact("nope.txt"), "the file 'nope.txt' does not exist"),
            (lambda: run.log_artifact("pipe"), "is no regular file"),
            (lambda: run.log_artifact(3), "takes the path of a file, not int"),  # type: ignore[arg-type]
            (lambda: run.log_artifacts("nope"), "there is no folder 'nope'"),
            (lambda: run.log_artifact("nope.txt", copy=False), "there is no file 'nope.txt'"),
            (lambda: run.log_model("m", "nope.pt"), "'nope.pt' does not exist"),
            (lambda: run.log_model("m", []), "needs the files of the model"),
        ):
            with pytest.raises(LoggerError, match=message):
                log()


def test_the_same_name_again_replaces_the_file() -> None:
    with start() as run:
        run.log_text("one", "a.txt")
        run.log_text("two", "a.txt")
    assert kept(run) == {"a.txt": b"two"}
    assert [event["bytes"] for event in read_events(run, "artifact")] == [3, 3]


def test_references_are_told_and_not_copied() -> None:
    Path("big.ckpt").write_bytes(b"x" * 10)
    with start() as run:
        run.log_artifact("big.ckpt", "ckpt", copy=False)
        run.log_artifact("https://user:pass@host/a/b.pt?sig=1", copy=False)
    assert kept(run) == {}
    assert read_events(run, "artifact") == [
        {
            "event": "artifact", "path": "ckpt/big.ckpt", "media": "application/octet-stream", "copied": False,
            "bytes": 10,
        },
        {
            "event": "artifact", "path": "b.pt", "media": "application/octet-stream", "copied": False,
            "source": "https://host/a/b.pt?sig=1",
        },
    ]  # fmt: skip


def test_a_copy_that_fails_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("a.txt").write_text("a")

    def fail(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    with start() as run:
        monkeypatch.setattr(Path, "replace", fail)
        with pytest.warns(LoggerWarning, match="No space left on device") as caught:
            run.log_artifact("a.txt")
            run.log_text("a", "b.txt")
        monkeypatch.undo()
        assert len(caught) == 1
        assert kept(run) == {}
    assert read_events(run, "lost")[0]["calls"] == 2


# ---- files made from objects


def test_texts_and_mappings() -> None:
    with start() as run:
        run.log_text("a\ud800", "a.txt")
        run.log_dict({"b": [1, float("nan"), np.int64(3)], "ü": {1: None}}, "b.json")
        run.log_dict([1], "c.yaml")
        with pytest.raises(LoggerError, match="takes a mapping or a list, not str"):
            run.log_dict("x", "d.json")
        with pytest.raises(LoggerError, match="must be text, not bytes"):
            run.log_text(b"x", "e.txt")  # type: ignore[arg-type]
    files = kept(run)
    assert files["a.txt"].decode() == "a\ufffd"
    assert json.loads(files["b.json"]) == {"b": [1, "NaN", 3], "ü": {"1": None}}
    assert json.loads(files["c.yaml"]) == [1]


class Frame:
    """What `log_table` needs of a pandas DataFrame."""

    columns = ("a", "b")
    iloc = None

    def to_dict(self, orient: str) -> dict[str, list[float]]:
        assert orient == "list"
        return {"a": [1, 2], "b": [0.5, float("nan")]}


@pytest.mark.parametrize(
    ("data", "columns", "rows"),
    [
        ({"a": [1, 2], "b": ("x", None)}, ["a", "b"], [[1, "x"], [2, None]]),
        ({"a": np.array([1.5, 2])}, ["a"], [[1.5], [2.0]]),
        ({"a": 1}, ["a"], [[1]]),
        ([{"a": 1}, {"b": 2}], ["a", "b"], [[1, None], [None, 2]]),
        (Frame(), ["a", "b"], [[1, 0.5], [2, "NaN"]]),
        ({}, [], []),
    ],
)
def test_tables_of_all_kinds(data: Any, columns: list[str], rows: list[list[Any]]) -> None:
    with start() as run:
        run.log_table(data, "t.json")
    assert json.loads(kept(run)["t.json"]) == {"columns": columns, "data": rows}


def test_a_second_table_of_the_same_name_adds_rows() -> None:
    with start() as run:
        run.log_table({"a": [1]}, "t.csv")
        run.log_table({"a": [2], "b": ['x,"y"\n']}, "./t.csv")
        run.log_table({"a": [3]}, "u.tsv")
    files = kept(run)
    assert list(csv.reader(files["t.csv"].decode().splitlines(keepends=True))) == [
        ["a", "b"],
        ["1", ""],
        ["2", 'x,"y"\n'],
    ]
    assert files["u.tsv"] == b"a\n3\n"
    assert_lines_tell_the_files_at_the_end(run)


def assert_lines_tell_the_files_at_the_end(run: Run) -> None:
    last = {event["path"]: event["sha256"] for event in read_events(run, "artifact")}
    assert last == {name: hashlib.sha256(content).hexdigest() for name, content in kept(run).items()}


def test_tables_that_fit_no_file_are_refused() -> None:
    with start() as run:
        for data, name, message in (
            ({"a": [1], "b": [1, 2]}, "t.csv", "must have one length; these have: 'a' 1, 'b' 2"),
            (3, "t.csv", "log_table takes columns"),
            ({"a": [1]}, "t.parquet", r"kept as \.json, \.csv or \.tsv"),
        ):
            with pytest.raises(LoggerError, match=message):
                run.log_table(data, name)
    assert kept(run) == {}


def png_rows(data: bytes) -> tuple[int, int, int, bytes]:
    """Return (width, height, colour type, raw rows) of a PNG file, and check every chunk's sum."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, raw, header = 8, b"", b""
    while at < len(data):
        (size,) = struct.unpack(">I", data[at : at + 4])
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        assert struct.unpack(">I", data[at + 8 + size : at + 12 + size])[0] == zlib.crc32(kind + body)
        header, raw = (body, raw) if kind == b"IHDR" else (header, raw + body)
        at += 12 + size
    width, height, depth, colour = struct.unpack(">IIBB", header[:10])
    assert depth == 8
    return width, height, colour, zlib.decompress(raw)


@pytest.mark.parametrize(
    ("array", "colour", "rows"),
    [
        (np.array([[0, 255, 7]], dtype=np.uint8), 0, b"\0\x00\xff\x07"),
        (np.array([[0.0, 1.0, 2.0]]), 0, b"\0\x00\xff\xff"),
        (np.array([[True], [False]]), 0, b"\0\xff\0\x00"),
        (np.array([[[1, 2, 3]]], dtype=np.int64), 2, b"\0\1\2\3"),
        (np.array([[[1, 2, 3, 4]]], dtype=np.uint8), 6, b"\0\1\2\3\4"),
        (np.array([[[9]]], dtype=np.uint8), 0, b"\0\x09"),
    ],
)
def test_arrays_become_png_files(array: Any, colour: int, rows: bytes) -> None:
    assert png_rows(image_bytes(array, "a.png")) == (array.shape[1], array.shape[0], colour, rows)


def test_images_and_figures_are_asked_to_save_themselves() -> None:
    matplotlib_figure = pytest.importorskip("matplotlib.figure")
    image_module = pytest.importorskip("PIL.Image")
    figure = matplotlib_figure.Figure()
    figure.subplots().plot([1, 2])
    image = image_module.new("RGB", (3, 2))
    with start() as run:
        run.log_figure(figure, "f.svg", save_kwargs={"dpi": 50})
        run.log_figure(figure, "f.png")
        run.log_image(image, "i.jpg")
        run.log_image(image, key="val/samples", step=7)
        run.log_image(np.zeros((2, 2)), key="z")
    files = kept(run)
    assert files.keys() == {"f.svg", "f.png", "i.jpg", "images/val/samples/000007.png", "images/z/000000.png"}
    assert b"<svg" in files["f.svg"]
    assert image_module.open(BytesIO(files["i.jpg"])).size == (3, 2)
    assert image_module.open(BytesIO(files["images/z/000000.png"])).size == (2, 2)
    assert_lines_tell_the_files(run)


class PlotlyFigure:
    def to_html(self) -> str:
        return "<html>"

    def to_image(self, format: str) -> bytes:
        return format.encode()


def test_plotly_figures_become_pages_or_images() -> None:
    with start() as run:
        run.log_figure(PlotlyFigure(), "f.html")
        run.log_figure(PlotlyFigure(), "f.png")
    assert kept(run) == {"f.html": b"<html>", "f.png": b"png"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.zeros((2, 2)), "a.jpg"), r"give a PIL image"),
        ((np.zeros((2, 2, 2)), "a.png"), r"not ndarray of shape \(2, 2, 2\)"),
        ((np.zeros((0, 2)), "a.png"), "of shape"),
        ((np.full((2, 2), 256), "a.png"), r"must lie in 0…255"),
        (("picture", "a.png"), r"not str of shape \(\)"),
        ((np.zeros((2, 2)),), "takes artifact_file=, or key="),
        ((np.zeros((2, 2)), "a.png", "key"), "takes artifact_file=, or key="),
    ],
)
def test_images_that_are_none_are_refused(arguments: Any, message: str) -> None:
    with start() as run, pytest.raises(LoggerError, match=message):
        run.log_image(*arguments)


def test_figures_that_are_none_are_refused() -> None:
    with start() as run, pytest.raises(LoggerError, match="takes a matplotlib or plotly figure, not int"):
        run.log_figure(3, "a.png")


# ---- models


def test_the_same_files_are_the_same_version() -> None:
    Path("model").mkdir()
    Path("model/weights.bin").write_bytes(b"w")
    Path("config.json").write_text("{}")
    events = []
    for _ in range(2):
        with start() as run:
            run.log_model("digits", ["model", "config.json"], aliases="best", derived_from="digits@1")
        assert_lines_tell_the_files(run)
        events += read_events(run, "model")
    first, second = events
    assert first == second
    assert first["version"] == first["sha256"][:12]
    assert first["files"] == [f"models/digits/{first['version']}/{name}" for name in ("config.json", "weights.bin")]
    assert (first["aliases"], first["from"]) == (["best"], "digits@1")
    digests = [hashlib.sha256(content).hexdigest() for content in (b"{}", b"w")]
    lines = "".join(f"{d}  {name}\n" for d, name in zip(digests, ("config.json", "weights.bin"), strict=True))
    assert first["sha256"] == hashlib.sha256(lines.encode()).hexdigest()


def test_versions_of_a_model_do_not_overwrite_each_other() -> None:
    with start() as run:
        for version, content in ((1, "a"), (None, "b"), ("v3", "c")):
            Path("m.pt").write_text(content)
            run.log_model("m", "m.pt", version)
    assert sorted(kept(run).values()) == [b"a", b"b", b"c"]
    assert [event["version"] for event in read_events(run, "model")][::2] == ["1", "v3"]


def test_files_of_a_model_must_have_different_names() -> None:
    for folder in ("a", "b"):
        Path(folder).mkdir()
        Path(folder, "m.pt").write_text(folder)
    with start() as run, pytest.raises(LoggerError, match=r"two files of the model are named 'm\.pt'"):
        run.log_model("m", ["a/m.pt", "b/m.pt"])
    assert kept(run) == {}


@pytest.mark.parametrize(
    ("name", "media"), [("a.PNG", "image/png"), ("a", "application/octet-stream"), ("a.x/b.csv", "text/csv")]
)
def test_media_types_are_the_same_everywhere(name: str, media: str) -> None:
    assert media_type(name) == media

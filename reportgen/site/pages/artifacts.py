"""What a run page shows of a published file: a picture, a table, the first and last lines of a text.

It opens files only to look into them, reads a bounded part of each, and trusts none: what is not what its name says
is listed like any other file. It must not decide what is published; that is settled before a page is made.
"""

from __future__ import annotations

import base64
import csv
import io
import json
import os
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from reportgen.model import Artifact
from reportgen.site.text import format_number

MAX_PREVIEWS: Final = 24
"""Files shown; the rest of a run's files is listed."""
MAX_INLINE_SVG: Final = 200_000
"""Largest SVG in bytes that is put into the page, as the data of an image, where it cannot run anything."""
MAX_PICTURE_HEIGHT: Final = 560
"""Height in px that a picture is not shown above."""
HEAD_LINES: Final = 12
TAIL_LINES: Final = 6
TABLE_ROWS: Final = 10
TABLE_COLUMNS: Final = 12
MAX_CELL: Final = 160
"""Longest cell or line in characters; a longer one is cut and ends in `…`."""

_HEAD_BYTES: Final = 65_536
_TAIL_BYTES: Final = 16_384
_MAX_JSON_BYTES: Final = 2_000_000
_TEXT_MEDIA: Final = ("application/json", "application/x-ndjson", "application/yaml", "application/toml")
_TEXT_ENDINGS: Final = (
    *("txt", "log", "md", "out", "err", "diff", "patch", "tex", "py", "sh", "sql", "csv", "tsv"),
    *("json", "jsonl", "ndjson", "yaml", "yml", "toml", "ini", "cfg", "conf"),
)
_PAGE_ENDINGS: Final = ("html", "htm", "shtml", "xhtml", "xht", "mht", "mhtml")


@dataclass(frozen=True, slots=True)
class Picture:
    """An image to be shown by `<img>`."""

    source: str
    """Site path of the file, or a `data:` address."""
    inline: bool
    """True for a `data:` address."""
    width: int | None
    """Its own width in px, None for an SVG."""
    height: int | None

    @property
    def fit(self) -> tuple[int, int] | None:
        """Width and height in px at which it is shown, at most `MAX_PICTURE_HEIGHT` high: the space is kept free."""
        if self.width is None or self.height is None:
            return None
        scale = min(1.0, MAX_PICTURE_HEIGHT / self.height)
        return max(1, round(self.width * scale)), max(1, round(self.height * scale))


@dataclass(frozen=True, slots=True)
class Table:
    """The beginning of a table; rows are as wide as the header."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]
    """By column: all cells shown are numbers, so that they stand to the right."""
    said: str
    """How much of the table this is: `first 10 of 10 000 rows, first 12 of 30 columns`; empty when it is all."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The first and the last lines of a text."""

    head: tuple[str, ...]
    tail: tuple[str, ...]
    """Empty when `head` is the whole text."""
    left_out: int
    """Lines between the two."""
    lines: int
    """Lines of the whole text."""


@dataclass(frozen=True, slots=True)
class Preview:
    """A published file and what can be shown of it: exactly one of picture, table and excerpt is set."""

    artifact: Artifact
    picture: Picture | None = None
    table: Table | None = None
    excerpt: Excerpt | None = None


@dataclass(frozen=True, slots=True)
class Previews:
    """The files of a run, sorted by how they are shown; each by name."""

    pictures: tuple[Preview, ...]
    tables: tuple[Preview, ...]
    excerpts: tuple[Preview, ...]
    listed: tuple[Artifact, ...]
    """Files that are only named."""


def make_previews(artifacts: Sequence[Artifact], files: Mapping[str, str]) -> Previews:
    """Return how the files of a run are shown; `files` gives for an artifact's path the file on this machine.

    A file without one is listed, and so is what comes after the first `MAX_PREVIEWS` that can be shown.
    """
    shown: list[Preview] = []
    listed: list[Artifact] = []
    for artifact in sorted(artifacts, key=lambda a: a.path):
        file = files.get(artifact.path)
        preview = None
        if file is not None and artifact.published is not None and len(shown) < MAX_PREVIEWS:
            try:
                preview = _make_preview(artifact, artifact.published, Path(file))
            except OSError:
                preview = None  # gone or locked since the run was read: its name and digest still stand
        if preview is None:
            listed.append(artifact)
        else:
            shown.append(preview)
    return Previews(
        pictures=tuple(p for p in shown if p.picture),
        tables=tuple(p for p in shown if p.table),
        excerpts=tuple(p for p in shown if p.excerpt),
        listed=tuple(listed),
    )


def make_excerpt(text: str, *, head_lines: int = HEAD_LINES, tail_lines: int = TAIL_LINES) -> Excerpt:
    """Return the first and the last lines of `text`; all of them when there are hardly more."""
    lines = text.removesuffix("\n").split("\n")
    if len(lines) <= head_lines + tail_lines + 1:
        return Excerpt(_cut_all(lines), (), 0, len(lines))
    left_out = len(lines) - head_lines - tail_lines
    return Excerpt(_cut_all(lines[:head_lines]), _cut_all(lines[-tail_lines:]), left_out, len(lines))


def _make_preview(artifact: Artifact, published: str, file: Path) -> Preview | None:
    ending = artifact.path.rpartition(".")[2].lower() if "." in artifact.path else ""
    media = artifact.media.partition(";")[0].strip().lower()
    if ending in _PAGE_ENDINGS or media in ("text/html", "application/xhtml+xml"):
        return None
    if ending == "svg" or media == "image/svg+xml":
        picture = _read_svg(file)
        return Preview(artifact, picture=picture) if picture else None
    if media.startswith("image/"):
        with file.open("rb") as stream:
            size = image_size(stream.read(_HEAD_BYTES))
        return Preview(artifact, picture=Picture(published, False, *size)) if size else None
    if not (media.startswith("text/") or media in _TEXT_MEDIA or ending in _TEXT_ENDINGS):
        return None
    if ending in ("csv", "tsv") or media in ("text/csv", "text/tab-separated-values"):
        table = _read_csv(file, "\t" if ending == "tsv" or media == "text/tab-separated-values" else ",")
        if table:
            return Preview(artifact, table=table)
    if ending == "json" or media == "application/json":
        table, text = _read_json(file)
        if table:
            return Preview(artifact, table=table)
        if text:
            return Preview(artifact, excerpt=make_excerpt(text))
    excerpt = _read_excerpt(file)
    return Preview(artifact, excerpt=excerpt) if excerpt else None


# ---- pictures


def image_size(data: bytes) -> tuple[int, int] | None:
    """Return width and height in px from the head of a PNG, GIF, JPEG, WebP or BMP file, else None."""
    size = None
    if data.startswith(b"\x89PNG\r\n\x1a\n") and data[12:16] == b"IHDR" and len(data) >= 24:
        size = struct.unpack(">II", data[16:24])
    elif data[:6] in (b"GIF87a", b"GIF89a") and len(data) >= 10:
        size = struct.unpack("<HH", data[6:10])
    elif data.startswith(b"\xff\xd8"):
        size = _jpeg_size(data)
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP" and len(data) >= 30:
        size = _webp_size(data)
    elif data.startswith(b"BM") and len(data) >= 26:
        width, height = struct.unpack("<ii", data[18:26])
        size = (width, abs(height))
    return (size[0], size[1]) if size and size[0] > 0 and size[1] > 0 else None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Walk the segments of a JPEG to its frame header (SOF0 to SOF15 without DHT, JPG and DAC)."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        kind, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):
            return int.from_bytes(data[at + 7 : at + 9], "big"), int.from_bytes(data[at + 5 : at + 7], "big")
        at += 1 if kind == 0xFF else 2 + length
    return None


def _webp_size(data: bytes) -> tuple[int, int] | None:
    if data[12:16] == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if data[12:16] == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if data[12:16] == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack("<HH", data[26:30])
        return width & 0x3FFF, height & 0x3FFF
    return None


def _read_svg(file: Path) -> Picture | None:
    if file.stat().st_size > MAX_INLINE_SVG:
        return None
    data = file.read_bytes()
    if b"<svg" not in data[:4096]:
        return None
    return Picture("data:image/svg+xml;base64," + base64.b64encode(data).decode(), True, None, None)


# ---- tables


def _read_csv(file: Path, delimiter: str) -> Table | None:
    with file.open("rb") as stream:
        data = stream.read(_HEAD_BYTES + 1)
    whole = len(data) <= _HEAD_BYTES
    text = decode_text(data if whole else data[: data.rfind(b"\n") + 1])
    if not text:
        return None
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row]
    except csv.Error:
        return None
    if not rows:
        return None
    count = len(rows) - 1 if whole else _count_lines(file)[0] - 1
    return _make_table(rows[0], rows[1 : TABLE_ROWS + 1], count, "" if whole else "about ")


def _read_json(file: Path) -> tuple[Table | None, str]:
    """Return a JSON file as a table if it is one, else as text with one value a line; empty when it is neither."""
    if file.stat().st_size > _MAX_JSON_BYTES:
        return None, ""
    raw = file.read_bytes()
    try:
        value = json.loads(raw)
        table = _json_table(value)
        if table is not None:
            return table, ""
        text = decode_text(raw)
        return None, text if "\n" in text.strip() else json.dumps(value, indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return None, ""


def _json_table(value: Any) -> Table | None:
    """Return the table in the shapes that loggers write: columns and data, a list of objects, an object of lists."""
    if isinstance(value, dict) and isinstance(value.get("columns"), list) and isinstance(value.get("data"), list):
        header, rows = value["columns"], value["data"]
    elif isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
        header = list(dict.fromkeys(name for row in value[:TABLE_ROWS] for name in row))
        rows = [[row.get(name, "") for name in header] for row in value[:TABLE_ROWS]]
        return _make_table(header, rows, len(value)) if header else None
    elif isinstance(value, dict) and value and all(isinstance(column, list) for column in value.values()):
        header = list(value)
        lengths = {len(column) for column in value.values()}
        if len(lengths) != 1 or not lengths.pop():
            return None
        rows = [list(row) for row in zip(*value.values(), strict=True)]
    else:
        return None
    if not header or not all(isinstance(row, list) for row in rows):
        return None
    return _make_table(header, rows[:TABLE_ROWS], len(rows))


def _make_table(header: Sequence[Any], rows: Iterable[Sequence[Any]], count: int, about: str = "") -> Table:
    width = min(len(header), TABLE_COLUMNS)
    cells = tuple(tuple(_cell(row[i]) if i < len(row) else "" for i in range(width)) for row in rows)
    said = []
    if count > len(cells):
        said.append(f"first {len(cells)} of {about}{format_number(count)} rows")
    if len(header) > width:
        said.append(f"first {width} of {format_number(len(header))} columns")
    numeric = tuple(bool(cells) and all(_is_number(row[i]) for row in cells) for i in range(width))
    return Table(tuple(_cell(name) for name in header[:width]), cells, numeric, ", ".join(said))


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return _cut(value)
    return _cut(json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else str(value))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return cell == ""
    return True


# ---- texts


def _read_excerpt(file: Path) -> Excerpt | None:
    """Return the first and last lines of a text file; None for an empty or a binary one. Reads all, keeps little."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
        if not head or b"\0" in head:
            return None
        if size <= _HEAD_BYTES:
            return make_excerpt(decode_text(head))
        stream.seek(-_TAIL_BYTES, os.SEEK_END)
        tail = stream.read(_TAIL_BYTES)
    count, ends = _count_lines(file)
    first = decode_text(head).split("\n")[:-1][:HEAD_LINES] or [decode_text(head)]
    last = decode_text(tail).removesuffix("\n" if ends else "").split("\n")[1:][-TAIL_LINES:]
    if len(first) + len(last) >= count:
        return Excerpt(_cut_all(first), _cut_all(last), 0, count)
    return Excerpt(_cut_all(first), _cut_all(last), count - len(first) - len(last), count)


def _count_lines(file: Path) -> tuple[int, bool]:
    """Return the number of lines of a file, and whether the last one ends with a newline."""
    count, last = 0, b"\n"
    with file.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            count += chunk.count(b"\n")
            last = chunk[-1:]
    return count + (last != b"\n"), last == b"\n"


def decode_text(data: bytes) -> str:
    """Return `data` as text with `\\n` at the ends of lines; what is not UTF-8 becomes U+FFFD."""
    text = data.decode("utf-8", "replace").removeprefix("\ufeff")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _cut_all(lines: Sequence[str]) -> tuple[str, ...]:
    return tuple(_cut(line, 400) for line in lines)


def _cut(text: str, limit: int = MAX_CELL) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"

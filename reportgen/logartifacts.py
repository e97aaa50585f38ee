"""Files that a run keeps: their safe names, their copies under the run's folder, and files made from objects.

Objects are asked for what they can do (`savefig`, `save`, `to_dict`); no library is imported that the user has not
imported, and numpy arrays become PNG files without one. Nothing here knows runs or events.
"""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Final, NamedTuple

from reportgen.errors import LoggerError
from reportgen.formats import clean_text, clean_value, cut_name

MAX_PART: Final = 120
"""Longest part of an artifact's name in characters; at four bytes each, twice as many do not fit most file systems."""

_MEDIA: Final = {
    "bin": "application/octet-stream", "bmp": "image/bmp", "cfg": "text/plain", "css": "text/css", "csv": "text/csv",
    "gif": "image/gif", "gz": "application/gzip", "htm": "text/html", "html": "text/html", "ini": "text/plain",
    "ipynb": "application/x-ipynb+json", "jpeg": "image/jpeg", "jpg": "image/jpeg", "js": "text/javascript",
    "json": "application/json", "jsonl": "application/jsonl", "log": "text/plain", "md": "text/markdown",
    "mp4": "video/mp4", "npy": "application/x-npy", "npz": "application/x-npz", "onnx": "application/onnx",
    "parquet": "application/vnd.apache.parquet", "pdf": "application/pdf", "png": "image/png", "py": "text/x-python",
    "svg": "image/svg+xml", "tar": "application/x-tar", "toml": "application/toml", "tsv": "text/tab-separated-values",
    "txt": "text/plain", "wav": "audio/wav", "webp": "image/webp", "xml": "application/xml", "yaml": "application/yaml",
    "yml": "application/yaml", "zip": "application/zip",
}  # fmt: skip


class KeptFile(NamedTuple):
    """A file in a run's artifact folder."""

    name: str
    """Path below the artifact folder, with `/`."""
    size_bytes: int
    sha256: str
    """64 hexadecimal digits."""


def media_type(name: str) -> str:
    """Return the media type that the ending of `name` stands for, the same on every machine."""
    return _MEDIA.get(name.rpartition(".")[2].lower(), "application/octet-stream")


def safe_name(name: object, *, what: str = "artifact") -> str:
    """Return the name of an artifact as it is kept: relative, with `/`, each part short enough for a file system.

    Raises `LoggerError` for a name that leaves the folder, is absolute on any system, or is no text.
    """
    if not isinstance(name, str | os.PathLike):
        raise LoggerError(f"the name of the {what} must be text, not {type(name).__name__}")
    text = clean_text(os.fspath(name))
    parts = [part for part in text.split("/") if part not in {"", "."}]
    if text.startswith("/") or "\\" in text or "\0" in text or ".." in parts or text[1:2] == ":":
        raise LoggerError(f"the name of the {what}, {text!r}, leaves the run's folder: give a relative path with '/'")
    if not parts:
        raise LoggerError(f"the {what} needs a name; {text!r} is none")
    return "/".join(_cut_part(part) for part in parts)


def _cut_part(part: str) -> str:
    if len(part) <= MAX_PART and len(part.encode()) <= 240:
        return part
    stem, dot, ending = part.rpartition(".")
    keeps_ending = bool(dot and stem) and len(ending) <= 10 and ending.isascii()
    cut = cut_name(stem if keeps_ending else part, MAX_PART - 11)
    if len(cut.encode()) > 229:
        cut = cut_name(cut, 50)
    return f"{cut}.{ending}" if keeps_ending else cut


def copy_file(source: Path, folder: Path, name: str) -> KeptFile:
    """Copy the file `source` to `folder`/`name` so that it is there whole or not at all. Raises `OSError`."""
    with source.open("rb") as reader:
        return _write_whole(folder, name, iter(lambda: reader.read(1 << 20), b""))


def write_file(content: bytes, folder: Path, name: str) -> KeptFile:
    """Write `content` to `folder`/`name` so that it is there whole or not at all. Raises `OSError`."""
    return _write_whole(folder, name, (content,))


def hash_file(path: Path) -> str:
    """Return the sha256 of a file's bytes as hexadecimal digits. Raises `OSError`."""
    digest = hashlib.sha256()
    with path.open("rb") as reader:
        while block := reader.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _write_whole(folder: Path, name: str, blocks: Any) -> KeptFile:
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.parent / f".part-{os.getpid()}-{os.urandom(4).hex()}"
    digest, size = hashlib.sha256(), 0
    try:
        with part.open("xb") as writer:
            for block in blocks:
                writer.write(block)
                digest.update(block)
                size += len(block)
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return KeptFile(name, size, digest.hexdigest())


def iter_files(folder: Path, *, skip: Path | None = None) -> list[Path]:
    """Return the regular files below `folder` in order, those below `skip` left out. Linked folders are not entered."""
    found = []
    skipped = skip.resolve() if skip else None
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if (Path(root) / name).resolve() != skipped)
        found += [path for name in sorted(names) if (path := Path(root) / name).is_file()]
    return found


def name_below(folder: str | None, name: str) -> str:
    """Return the safe name of a file below an artifact folder, which may be None."""
    return safe_name(f"{os.fspath(folder)}/{name}" if folder else name)


def require_file(path: Path) -> None:
    """Raise `LoggerError` unless `path` is a regular file: a pipe would never end."""
    if not path.is_file():
        what = "is no regular file" if path.exists() else "does not exist"
        raise LoggerError(f"the file {os.fspath(path)!r} {what}")


def model_files(paths: Sequence[str | os.PathLike[str]]) -> dict[str, Path]:
    """Return the files of a model by the names that they get below its folder."""
    found: dict[str, Path] = {}
    for given in paths:
        path = Path(given)
        inside = iter_files(path) if path.is_dir() else [path]
        for file in inside:
            require_file(file)
            name = file.relative_to(path).as_posix() if path.is_dir() else file.name
            if found.setdefault(name, file) != file:
                raise LoggerError(f"two files of the model are named {name!r}; give the folder that holds both")
    if not found:
        raise LoggerError("log_model needs the files of the model: files='model.pt', a list, or a folder")
    return dict(sorted(found.items()))


def model_digest(digests: Mapping[str, str]) -> str:
    """Return the sha256 over `<sha256>  <name>` lines, as `sha256sum` prints them."""
    lines = "".join(f"{digest}  {name}\n" for name, digest in digests.items())
    return hashlib.sha256(lines.encode("utf-8", "surrogatepass")).hexdigest()


# ---- files made from objects


def figure_bytes(figure: Any, name: str, options: Mapping[str, Any] | None) -> bytes:
    """Return a matplotlib or plotly figure in the format that the ending of `name` asks for."""
    ending = name.rpartition(".")[2].lower() if "." in name else "png"
    if hasattr(figure, "savefig"):
        buffer = BytesIO()
        figure.savefig(buffer, **{"format": ending, **(options or {})})
        return buffer.getvalue()
    if hasattr(figure, "to_html") and hasattr(figure, "to_image"):
        if ending in {"html", "htm"}:
            return clean_text(figure.to_html(**(options or {}))).encode()
        return bytes(figure.to_image(**{"format": ending, **(options or {})}))
    raise LoggerError(f"log_figure takes a matplotlib or plotly figure, not {type(figure).__name__}")


def image_bytes(image: Any, name: str) -> bytes:
    """Return an image as bytes in the format that the ending of `name` asks for.

    Takes a PIL image, anything with `save(file, format=…)`, or an array of shape (height, width[, 1, 3 or 4]): uint8,
    bool, other integers in 0…255, or floats in 0…1. Arrays become PNG, without a library.
    """
    ending = name.rpartition(".")[2].lower() if "." in name else "png"
    if hasattr(image, "save"):
        buffer = BytesIO()
        image.save(buffer, format={"jpg": "jpeg"}.get(ending, ending))
        return buffer.getvalue()
    if ending != "png":
        raise LoggerError(f"an array is kept as .png; for .{ending} give a PIL image")
    return _png_bytes(*_pixels(image))


def _pixels(image: Any) -> tuple[int, int, int, bytes]:
    array = image
    for method in ("detach", "cpu", "numpy"):  # a torch tensor
        array = getattr(array, method)() if callable(getattr(array, method, None)) else array
    shape = tuple(getattr(array, "shape", ()))
    channels = shape[2] if len(shape) == 3 else 1
    if len(shape) not in {2, 3} or channels not in {1, 3, 4} or 0 in shape:
        raise LoggerError(
            f"log_image takes an image or an array of shape (height, width[, 1, 3 or 4]), not {type(image).__name__} "
            f"of shape {shape}"
        )
    if array.dtype.kind == "f":
        array = (array.clip(0, 1) * 255).round()
    elif array.dtype.kind == "b":
        array = array * 255
    elif array.dtype.kind not in "iu" or array.min() < 0 or array.max() > 255:
        raise LoggerError("an image of integers must lie in 0…255; scale it, or give floats in 0…1")
    return int(shape[0]), int(shape[1]), int(channels), array.astype("uint8").tobytes()


def _png_bytes(height: int, width: int, channels: int, pixels: bytes) -> bytes:
    """Return an 8-bit PNG file (ISO/IEC 15948) of rows without a filter."""
    row = width * channels
    raw = b"".join(b"\0" + pixels[at : at + row] for at in range(0, height * row, row))
    header = struct.pack(">IIBBBBB", width, height, 8, {1: 0, 3: 2, 4: 6}[channels], 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(raw, 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


class Table(NamedTuple):
    """Columns and rows of plain JSON values."""

    columns: list[str]
    rows: list[list[Any]]

    def extended(self, other: Table) -> Table:
        """Return this table with the rows of `other` below; columns that one of them lacks are empty there."""
        columns = list(dict.fromkeys([*self.columns, *other.columns]))
        rows = []
        for table in (self, other):
            places = [table.columns.index(name) if name in table.columns else None for name in columns]
            rows += [[None if at is None else row[at] for at in places] for row in table.rows]
        return Table(columns, rows)


def make_table(data: Any) -> Table:
    """Return a table of a mapping from column to values, a sequence of row mappings, or a DataFrame (`to_dict`)."""
    if hasattr(data, "to_dict") and hasattr(data, "columns"):
        data = data.to_dict("list") if hasattr(data, "iloc") else data.to_dict(as_series=False)
    if isinstance(data, Mapping):
        plain = {clean_text(str(name)): clean_value(values) for name, values in data.items()}
        columns = [values if isinstance(values, list) else [values] for values in plain.values()]
        if len({len(values) for values in columns}) > 1:
            lengths = ", ".join(f"{name!r} {len(values)}" for name, values in zip(plain, columns, strict=True))
            raise LoggerError(f"the columns of a table must have one length; these have: {lengths}")
        return Table(list(plain), [list(row) for row in zip(*columns, strict=True)])
    if isinstance(data, Sequence) and all(isinstance(row, Mapping) for row in data):
        rows = [{clean_text(str(name)): clean_value(value) for name, value in row.items()} for row in data]
        names = list(dict.fromkeys(name for row in rows for name in row))
        return Table(names, [[row.get(name) for name in names] for row in rows])
    raise LoggerError(
        f"log_table takes columns {{name: values}}, a list of rows, or a DataFrame, not {type(data).__name__}"
    )


def table_bytes(table: Table, name: str) -> bytes:
    """Return a table as CSV, or as MLflow's JSON `{"columns": […], "data": [[…]]}`, by the ending of `name`."""
    ending = name.rpartition(".")[2].lower()
    if ending == "json":
        return json_bytes({"columns": table.columns, "data": table.rows})
    if ending in {"csv", "tsv"}:
        import csv
        from io import StringIO

        text = StringIO()
        writer = csv.writer(text, delimiter="," if ending == "csv" else "\t", lineterminator="\n")
        writer.writerows([table.columns, *table.rows])
        return text.getvalue().encode()
    raise LoggerError(f"a table is kept as .json, .csv or .tsv; {name!r} ends in none of them")


def json_bytes(value: Any) -> bytes:
    """Return `value` as indented JSON, which is YAML as well; what JSON cannot hold becomes its `repr`."""
    import json

    return (json.dumps(clean_value(value), ensure_ascii=False, indent=2) + "\n").encode()

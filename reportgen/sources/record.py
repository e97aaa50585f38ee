"""The record of a run, the file that holds the truth about it: streams to bytes and back.

For each stream in (session, rank) order: its start line, its events in order, its points as `points` lines, its end
line. Reading a record and writing it again gives the same bytes.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import orjson

from reportgen.errors import FormatError
from reportgen.formats import encode_line, encode_number, run_key
from reportgen.model import Floats, Points, Run, Series, Stream
from reportgen.sources.columns import NO_STEP, group_points
from reportgen.sources.jsonlog import Identity, parse_streams
from reportgen.sources.merge import merge_series, merge_streams

MAX_ROWS: Final = 65_536
"""Points of one metric in one line."""
TEXT_LEVEL: Final = 6
_SAMPLE_BYTES: Final = 2048
_SMALL_BYTES: Final = 4096
_HEADER: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"
"""gzip, deflate, no name, no time, best compression, unknown system."""


def encode_record(run: Run) -> bytes:
    """Return the record of a run, compressed with gzip. Equal runs give equal bytes."""
    return encode_streams(run.streams)


def read_record(data: bytes, *, key: str = "", label: str = "record") -> Run:
    """Return the run that a record holds; `key` is its run key, made from the run id when it is not given.

    The artifacts are those of the record, none of them published. Raises `FormatError` when no line can be read.
    """
    streams = parse_streams([data], label, Identity("unknown", "unknown"), packed=True)
    if not streams:
        raise FormatError(f"no line of '{label}' can be read")
    return merge_streams(streams, key=key or run_key(streams[0].start["run_id"]))


def read_series(data: bytes) -> dict[str, dict[int, Series]]:
    """Return metric -> rank -> series of the run that a record holds, without what else is known of the run."""
    return merge_series(parse_streams([data], "record", Identity("unknown", "unknown"), packed=True))


def iter_lines(stream: Stream) -> Iterator[bytes]:
    """Yield the lines of a log that says what `stream` says: its start, its events, its points, its end."""
    ends = [event for event in stream.events if event["event"] == "end"]
    yield encode_line(stream.start)
    yield from (encode_line(event) for event in stream.events if event["event"] != "end")
    yield from _iter_point_lines(stream.points)
    yield from map(encode_line, ends)


def encode_streams(streams: Iterable[Stream]) -> bytes:
    """Return a record of `streams`, in the order in which they are given."""
    text: list[bytes] = []
    parts: list[bytes] = []
    crc = size = 0
    for stream in streams:
        ends = [event for event in stream.events if event["event"] == "end"]
        text.append(encode_line(stream.start))
        text += [encode_line(event) for event in stream.events if event["event"] != "end"]
        for line in _iter_point_lines(stream.points):
            if text:
                crc, size = _add(parts, b"".join(text), zlib.Z_DEFAULT_STRATEGY, crc, size)
                text = []
            crc, size = _add(parts, line, _strategy(line), crc, size)
        text += [encode_line(event) for event in ends]
    crc, size = _add(parts, b"".join(text), zlib.Z_DEFAULT_STRATEGY, crc, size, last=True)
    return b"".join((_HEADER, *parts, crc.to_bytes(4, "little"), (size & 0xFFFFFFFF).to_bytes(4, "little")))


def _add(parts: list[bytes], data: bytes, strategy: int, crc: int, size: int, *, last: bool = False) -> tuple[int, int]:
    """Append `data` to one deflate stream; each part has its own compressor and ends on a whole byte."""
    window, memory = -15, 9
    if len(data) < _SMALL_BYTES:
        window, memory = -12, 5  # setting up the tables of a large window takes ten times as long as packing
    packer = zlib.compressobj(TEXT_LEVEL, zlib.DEFLATED, window, memory, strategy)
    parts += (packer.compress(data), packer.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH))
    return zlib.crc32(data, crc), size + len(data)


def _strategy(line: bytes) -> int:
    """Return how a line of points is compressed best.

    Digits of measured values hold no repetitions: looking for them costs seven times as much and gains nothing over
    coding the single digits well. Rounded or constant values do repeat; a sample tells.
    """
    sample = line[len(line) // 2 :][:_SAMPLE_BYTES]
    plain = len(zlib.compress(sample, 1))
    packer = zlib.compressobj(1, zlib.DEFLATED, -12, 5, zlib.Z_HUFFMAN_ONLY)
    digits = len(packer.compress(sample)) + len(packer.flush())
    return zlib.Z_DEFAULT_STRATEGY if plain < 0.8 * digits else zlib.Z_HUFFMAN_ONLY


# ---- points


def _iter_point_lines(points: Mapping[str, Points]) -> Iterator[bytes]:
    for steps, times, names in group_points(points):
        for begin in range(0, len(steps), MAX_ROWS):
            rows = slice(begin, begin + MAX_ROWS)
            event: dict[str, Any] = {"event": "points"}
            columns = (("steps", steps[rows], steps[rows] == NO_STEP), ("times", times[rows], np.isnan(times[rows])))
            for column, own, missing in columns:
                if (known := _known(own, missing)) is not None:
                    event[column] = known
            event["metrics"] = {name: _values(points[name].values[rows]) for name in names}
            yield orjson.dumps(event, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE)


def _known(column: npt.NDArray[Any], missing: npt.NDArray[np.bool_]) -> npt.NDArray[Any] | list[Any] | None:
    """Return steps or times as they stand in a line: null where there is none, nothing when there is none at all."""
    if not missing.any():
        return np.ascontiguousarray(column)
    if missing.all():
        return None
    return [None if gone else own for own, gone in zip(column.tolist(), missing.tolist(), strict=True)]


def _values(values: Floats) -> Floats | Sequence[float | str]:
    if np.isfinite(values).all():
        return np.ascontiguousarray(values)
    return [encode_number(value) for value in values.tolist()]

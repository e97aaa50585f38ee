"""One file of JSON lines in, streams out. Every whole line is recovered, whatever stands around it.

Bytes come in chunks. The lines of a chunk are decoded as one JSON array; if that fails, line by line, so
that a torn line costs little. The sha256 of the file is made in the same pass.
"""

from __future__ import annotations

import gc
import hashlib
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final, Protocol, cast

import numpy as np
import orjson

from reportgen.errors import FormatError
from reportgen.formats import MAX_LINE_BYTES, clean_value, decode_line
from reportgen.model import Stream
from reportgen.sources.columns import Columns
from reportgen.sources.faults import Faults, with_events
from reportgen.sources.shapes import repair_event, repair_start
from reportgen.sources.statcache import open_regular

CHUNK_BYTES: Final = 1 << 17
"""So much is read and decoded at once: few enough objects to stay in the processor's cache until they are columns."""
MAX_UNPACKED_BYTES: Final = 4 << 30
"""So much is read of a compressed file."""
MAX_DEPTH: Final = 64
"""What is nested deeper becomes text."""

_EVENT: Final = itemgetter("event")
_START: Final = b'{"event"'
_NULS: Final = re.compile(rb"\0+")
_REASON: Final = re.compile(r"(:| at ).*", re.DOTALL)
"""What is particular in the reason why a line cannot be read: the rest is the kind of fault."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a log belongs to: the run that it was found for, taken where its start line is missing."""

    run_id: str
    experiment: str


@dataclass(frozen=True, slots=True)
class ReadLog:
    """What one file holds."""

    streams: tuple[Stream, ...]
    """One for a log; a record has one for each log that it was made from. Not redacted yet."""
    sha256: str
    """Of the bytes of the file as they are stored."""


def read_log(path: str, label: str, identity: Identity) -> ReadLog:
    """Read one log or record; `.gz` at the end of `path` says that it is compressed. Raises `OSError`."""
    descriptor, found = open_regular(path)
    digest = hashlib.sha256()
    with open(descriptor, "rb", buffering=0) as file:
        chunks = iter_chunks(file, digest, found.st_size)
        packed = path.endswith(".gz")
        return ReadLog(parse_streams(chunks, label, identity, packed=packed), digest.hexdigest())


def parse_streams(
    chunks: Iterable[bytes], label: str, identity: Identity, *, packed: bool = False
) -> tuple[Stream, ...]:
    """Return the streams in the bytes of one file, given in chunks of any size; `packed` says that they are gzip.

    The result does not depend on where the chunks end. A file without one readable line gives no stream.
    """
    parser = _Parser(label, identity)
    collecting = gc.isenabled()
    gc.disable()  # rows form no cycles, and a pass over a million of them costs more than decoding them
    try:
        for block in _iter_blocks(_unpack(chunks, parser) if packed else chunks, parser):
            parser.add_block(block)
    finally:
        if collecting:
            gc.enable()
    return parser.finish()


class _Digest(Protocol):
    def update(self, data: bytes, /) -> object: ...


class _Unpacker(Protocol):
    def decompress(self, data: bytes, /) -> bytes: ...


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes | None: ...


def iter_chunks(file: _Readable, digest: _Digest, size_bytes: int = CHUNK_BYTES) -> Iterator[bytes]:
    """Yield the bytes of a file of about `size_bytes` in chunks, and update `digest` with them."""
    at_once = min(CHUNK_BYTES, size_bytes + 1)  # room for a megabyte costs more than reading a small file
    while chunk := file.read(at_once):
        digest.update(chunk)
        yield chunk


def _unpack(chunks: Iterable[bytes], parser: _Parser) -> Iterator[bytes]:
    """Yield the unpacked bytes of a gzip file of one or more members; what is wrong with it is a fault."""
    unpacker = zlib.decompressobj(31)
    total = 0
    for chunk in chunks:
        while chunk:
            before = unpacker.copy()
            try:
                data = unpacker.decompress(chunk, CHUNK_BYTES)
            except zlib.error as error:
                yield from _salvage(before, chunk)
                parser.fault(None, f"the compressed data are damaged ({error}): the rest was not read", "copy it again")
                _drain(chunks)
                return
            total += len(data)
            if total > MAX_UNPACKED_BYTES:
                parser.fault(None, f"over {MAX_UNPACKED_BYTES >> 30} GiB when unpacked: the rest was not read")
                _drain(chunks)
                return
            if data:
                yield data
            chunk = unpacker.unconsumed_tail
            if unpacker.eof:
                chunk = unpacker.unused_data
                unpacker = zlib.decompressobj(31) if chunk else unpacker
    if not unpacker.eof:
        if rest := unpacker.flush():
            yield rest
        parser.fault(None, "the compressed data end too early", "the file was not closed: what is whole was read")


def _salvage(unpacker: _Unpacker, chunk: bytes) -> Iterator[bytes]:
    """Yield what comes out of a damaged chunk before the damage, which zlib keeps to itself when it raises."""
    for i in range(len(chunk)):
        try:
            data = unpacker.decompress(chunk[i : i + 1])
        except zlib.error:
            return
        if data:
            yield data


def _drain(chunks: Iterable[bytes]) -> None:
    """Read to the end for the sake of the digest."""
    for _ in chunks:
        pass


def _iter_blocks(chunks: Iterable[bytes], parser: _Parser) -> Iterator[bytes]:
    """Yield blocks of whole lines, a newline at the end of each; the last line gets one if it has none."""
    parts: list[bytes] = []
    size = 0
    for chunk in chunks:
        cut = chunk.rfind(b"\n") + 1
        if cut and size <= MAX_LINE_BYTES:
            yield b"".join((*parts, chunk[:cut])) if parts else chunk if cut == len(chunk) else chunk[:cut]
        elif cut:
            first = chunk.find(b"\n") + 1
            parser.skip_huge_line()
            if first < cut:
                yield chunk[first:cut]
        if cut:
            parts, size = [], 0
        size += len(chunk) - cut
        if size <= MAX_LINE_BYTES:
            if cut < len(chunk):
                parts.append(chunk[cut:] if cut else chunk)
        else:
            parts.clear()
    if size > MAX_LINE_BYTES:
        parser.skip_huge_line()
    elif parts:
        yield b"".join((*parts, b"\n"))


class _Parser:
    """Turns blocks of whole lines into streams: one begins at each start line."""

    def __init__(self, label: str, identity: Identity) -> None:
        self._label = label
        self._identity = identity
        self._line = 1
        self._faults = Faults(label)
        self._open: _OpenStream | None = None
        self._torn = False
        """Whether the last block had a broken line; the next one is likely to have one, too."""
        self._streams: list[Stream] = []

    def fault(self, line: int | None, message: str, hint: str = "") -> None:
        """Count a fault of the file."""
        self._faults.add(line, message, hint)

    def skip_huge_line(self) -> None:
        """Count a line that is too long to be decoded and was not kept."""
        self.fault(self._line, f"a line of more than {MAX_LINE_BYTES >> 20} MiB was skipped", "split it")
        self._line += 1

    def add_block(self, block: bytes) -> None:
        """Decode whole lines and add what they hold."""
        count = _count_lines(block)
        rows = None if self._torn else _decode_joined(block, count)
        kinds = _kinds(rows) if rows is not None else None
        if rows is not None and kinds is not None:
            self._add_rows(rows, kinds, range(self._line, self._line + count))
        else:
            self._torn = self._add_damaged(block) < count
        self._line += count

    def _add_damaged(self, block: bytes) -> int:
        """Add what stands in a block of which some line is broken; return how many objects that is.

        What stands before a start line is added before it, so that each fault is told with the stream it stands in.
        """
        total = 0
        found: list[dict[str, Any]] = []
        lines: list[int] = []

        def add() -> None:
            nonlocal total
            total += len(found)
            if found:
                self._add_rows(found, [row.get("event") for row in found], lines)
                found.clear()
                lines.clear()

        for line, text in enumerate(block.split(b"\n")[:-1], self._line):
            try:
                row = orjson.loads(text)
            except orjson.JSONDecodeError:
                row = None
            if row.__class__ is dict and row.get("event") != "start":
                found.append(row)
                lines.append(line)
                continue
            for own in [row] if row.__class__ is dict else self._decode_damaged(text, line):
                begins = own.get("event") == "start"
                if begins:
                    add()
                found.append(own)
                lines.append(line)
                if begins:
                    add()
        add()
        return total

    def _decode_damaged(self, text: bytes, line: int) -> list[dict[str, Any]]:
        """Return the objects in a line that is not one: what stands around NUL bytes or behind a torn line."""
        if b"\0" in text:
            self.fault(line, "NUL bytes stand in the log, as after a power failure", "what stands around them was read")
            return [row for part in _NULS.split(text) for row in self._decode_damaged(part, line)]
        if not text.strip():
            return []
        try:
            row = decode_line(text)
        except FormatError as error:
            reason = error
        else:
            if not _is_strict(text):
                message = "a line is not strict JSON (NaN, 1e999, a lone surrogate …)"
                hint = 'it was read all the same; write numbers that are not finite as "NaN" or "Infinity"'
                self.fault(line, message, hint)
            return [row]
        at = text.rfind(_START, 1)
        if at > 0:
            try:
                row = decode_line(text[at:])
            except FormatError:
                pass
            else:
                self._faults.add(line, "a torn line has a whole one behind it", "the whole one was read")
                return [row]
        self._faults.add(
            line,
            f"a line cannot be read: {reason}",
            "a process that is killed leaves a torn line; all whole lines were read",
            kind=f"unreadable: {_REASON.sub('', str(reason))}",
        )
        return []

    # ---- rows

    def _add_rows(self, rows: Sequence[dict[str, Any]], kinds: Sequence[Any], lines: Sequence[int]) -> None:
        if self._open is None and kinds[0] != "start":
            self._begin({}, None, first=rows[0])
        if kinds.count("metrics") == len(rows):
            self._stream.columns.add_rows(rows, lines)
            return
        begin = 0
        for i in [i for i, kind in enumerate(kinds) if kind != "metrics"]:
            if kinds[i] in ("start", "points"):
                self._add_metrics(begin, i, rows, kinds, lines)
                begin = i
            if kinds[i] == "start":
                self._begin(rows[i], lines[i])
            elif kinds[i] == "points":
                self._stream.columns.add_points(rows[i], lines[i])
            else:
                self._stream.add_event(rows[i], lines[i])
        self._add_metrics(begin, len(rows), rows, kinds, lines)

    def _add_metrics(
        self, begin: int, end: int, rows: Sequence[dict[str, Any]], kinds: Sequence[Any], lines: Sequence[int]
    ) -> None:
        chosen = [i for i in range(begin, end) if kinds[i] == "metrics"]
        if chosen:
            self._stream.columns.add_rows([rows[i] for i in chosen], [lines[i] for i in chosen])

    @property
    def _stream(self) -> _OpenStream:
        if self._open is None:
            self._begin({}, None)
        return cast("_OpenStream", self._open)

    def _begin(self, start: dict[str, Any], line: int | None, *, first: dict[str, Any] | None = None) -> None:
        """Begin a stream; a second start line of another run goes on in the stream that is open."""
        own = self._identity
        if self._open is not None and line is not None:
            run_id = start.get("run_id")
            if run_id is not None and str(run_id) != self._stream.start["run_id"]:
                self.fault(line, "the start line of another run was skipped", "give each run a folder of its own")
                return
        if line is None:
            self.fault(
                1,
                "the log has no start line: run and experiment are named after its folders",
                "its first line was lost, or it was not written by reportgen",
            )
        fixed = repair_start(
            clean_value(start), line, self._faults, run_id=own.run_id, experiment=own.experiment, first=first
        )
        if self._open is not None:
            self._streams.append(self._open.finish())
            self._faults = Faults(self._label)
        self._open = _OpenStream(fixed, self._faults)

    def finish(self) -> tuple[Stream, ...]:
        """Return all streams."""
        if self._open is not None:
            self._streams.append(self._open.finish())
            self._open = None
        return tuple(self._streams)


class _OpenStream:
    """A stream that is being read."""

    def __init__(self, start: dict[str, Any], faults: Faults) -> None:
        self.start = start
        self.faults = faults
        self.columns = Columns(faults)
        self._events: list[Mapping[str, Any]] = []
        self._ends: list[Mapping[str, Any]] = []

    def add_event(self, row: dict[str, Any], line: int) -> None:
        """Add a line that holds no points."""
        event = repair_event(row, line, self.faults)
        if event is None:
            return
        if _is_deep(event):
            hint = f"what is deeper than {MAX_DEPTH // 2} became text"
            self.faults.add(line, "a line is nested too deeply", hint)
            event = clean_value(event)
        (self._ends if event["event"] == "end" else self._events).append(event)

    def finish(self) -> Stream:
        """Return the stream: problems stand behind the other events, the end line last."""
        stream = Stream(self.start, (), self.columns.finish())
        return with_events(stream, (*self._events, *self.faults.events(), *self._ends))


# ---- decoding


def _decode_joined(block: bytes, count: int) -> list[dict[str, Any]] | None:
    """Return the objects of `count` lines, None if not every line holds exactly one."""
    if len(block) > MAX_LINE_BYTES:
        return None
    try:
        rows: list[dict[str, Any]] = orjson.loads(b"[%b]" % block[:-1].replace(b"\n", b","))
    except orjson.JSONDecodeError:
        return None
    return rows if len(rows) == count else None


def _kinds(rows: Sequence[dict[str, Any]]) -> list[Any] | None:
    """Return what each row says it is, None if a row is no object."""
    try:
        return list(map(_EVENT, rows))
    except KeyError:
        return [row.get("event") for row in rows] if set(map(type, rows)) == {dict} else None
    except TypeError:
        return None


def _count_lines(block: bytes) -> int:
    return int(np.count_nonzero(np.frombuffer(block, dtype=np.uint8) == 10))  # five times as fast as bytes.count


def _is_strict(text: bytes) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def _is_deep(event: Mapping[str, Any]) -> bool:
    """Tell whether lists and objects are nested deeper than `MAX_DEPTH`, without recursion."""
    level: list[Any] = [part for part in event.values() if part.__class__ is dict or part.__class__ is list]
    depth = 1
    while level and depth <= MAX_DEPTH:
        depth += 1
        level = [
            part
            for outer in level
            for part in (outer.values() if outer.__class__ is dict else outer)
            if part.__class__ is dict or part.__class__ is list
        ]
    return bool(level)

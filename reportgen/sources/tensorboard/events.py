"""One event of an event file: what each of its values is, taken apart field by field.

This reads anything that an event can hold and is not quick; `scalars` reads the many events that hold nothing but
numbers. Field numbers are those of `event.proto`, `summary.proto` and the plugins' own files in TensorBoard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from reportgen.model import Floats
from reportgen.sources.columns import read_time
from reportgen.sources.faults import Faults
from reportgen.sources.histograms import quantiles_of_buckets
from reportgen.sources.tensorboard.proto import (
    BYTES,
    FIXED32,
    FIXED64,
    STRING,
    VARINT,
    ProtoError,
    Tensor,
    iter_fields,
    read_double,
    read_float,
    read_map,
    read_tensor,
    read_text,
    signed,
)

HPARAMS_TAG: Final = "_hparams_/"
NOT_SHOWN: Final = ("graph", "custom_scalars", "profile", "projector", "keras")
"""Plugins, by the beginnings of their names, whose data says nothing about a run's outcome."""
MAX_TEXT: Final = 4 << 20
"""Bytes of text that are kept of a run."""
MAX_MEDIA: Final = 100_000
"""So many pictures and sounds are told apart."""
MEDIA: Final = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpg"),
    (b"GIF8", "gif"),
    (b"BM", "bmp"),
    (b"RIFF", "wav"),
)
"""How files begin that are taken out of events, and the ending that they get."""


@dataclass(frozen=True, slots=True)
class Media:
    """A picture or a sound that lies in an event file."""

    path: str
    """Event file on this machine."""
    offset: int
    size: int
    ending: str
    time: float


@dataclass(slots=True)
class Hparams:
    """What the plugin for hyperparameters says of a run."""

    params: dict[str, Any] = field(default_factory=dict)
    group: str = ""
    status: int = 0
    """1: success, 2: failure, 3: running; 0: not said."""
    ended: float = 0.0
    """When that was said, UTC seconds."""


@dataclass(slots=True)
class Found:
    """What the events of one file hold beside scalars, and the scalars that `scalars` did not take."""

    path: str
    faults: Faults
    slow: dict[str, list[tuple[int, int, float, float]]] = field(default_factory=dict)
    """Tag -> (place in the file, step, time, value) of numbers."""
    histograms: dict[str, list[tuple[int, int, float, Floats]]] = field(default_factory=dict)
    """Tag -> (place, step, time, values at `QUANTILES`)."""
    texts: dict[str, dict[int, tuple[float, str]]] = field(default_factory=dict)
    """Tag -> step -> (time, Markdown)."""
    media: dict[str, dict[tuple[int, int], Media]] = field(default_factory=dict)
    """Tag -> (step, which of that step) -> where it lies."""
    hparams: Hparams | None = None
    stopped: float = 0.0
    """When the writer said that its session ended, or 0."""
    newest: float = 0.0
    """Time of the newest event."""
    plugins: dict[str, str] = field(default_factory=dict)
    """Tag -> plugin; writers may name it at a tag's first value only."""
    text_bytes: int = 0
    media_count: int = 0

    def read_event(self, data: bytes, start: int, end: int, place: int) -> None:
        """Read one event; `place` is where it begins in the file. Raises `ProtoError`."""
        time, step = float("nan"), 0
        summaries: list[tuple[int, int]] = []
        for number, wire, a, b in iter_fields(data, start, end):
            if number == 1 and wire == FIXED64:
                known = read_time(read_double(data, a))
                time = float("nan") if known is None else known
            elif number == 2 and wire == VARINT:
                step = signed(a)
            elif number == 5 and wire == BYTES:
                summaries.append((a, b))
            elif number == 7 and wire == BYTES and time == time:
                for inner, kind, value, _ in iter_fields(data, a, b):
                    if inner == 1 and kind == VARINT:
                        self.stopped = time if value == 2 else 0.0
        if summaries and time == time:
            self.newest = max(self.newest, time)
        for a, b in summaries:
            for number, wire, x, y in iter_fields(data, a, b):
                if number == 1 and wire == BYTES:
                    self._read_value(data, x, y, place + x - start, step, time)

    def _read_value(self, data: bytes, start: int, end: int, place: int, step: int, time: float) -> None:
        tag, plugin, content = "", "", (0, 0)
        simple: float | None = None
        tensor = image = sound = histogram = (0, 0)
        for number, wire, a, b in iter_fields(data, start, end):
            if wire == BYTES:
                if number == 1:
                    tag = read_text(data, a, b)
                elif number == 4:
                    image = (a, b)
                elif number == 5:
                    histogram = (a, b)
                elif number == 6:
                    sound = (a, b)
                elif number == 8:
                    tensor = (a, b)
                elif number == 9:
                    plugin, content = _read_metadata(data, a, b)
            elif number == 2 and wire == FIXED32:
                simple = read_float(data, a)
        if plugin:
            self.plugins.setdefault(tag, plugin)
        else:
            plugin = self.plugins.get(tag, "")
        if simple is not None:
            self.slow.setdefault(tag, []).append((place, step, time, simple))
        elif histogram[1]:
            self._add_histogram(tag, place, step, time, read_histogram(data, *histogram))
        elif image[1] or sound[1]:
            for number, wire, a, b in iter_fields(data, *(image if image[1] else sound)):
                if number == 4 and wire == BYTES:
                    self._add_media(tag, data, a, b, place + a - start, (step, 0), time)
        elif plugin == "hparams" or tag.startswith(HPARAMS_TAG):
            self._read_hparams(data, *content, time)
        elif tensor[1] and not plugin.startswith(NOT_SHOWN):
            self._add_tensor(tag, plugin, data, read_tensor(data, *tensor), place - start, place, step, time)

    def _add_tensor(
        self, tag: str, plugin: str, data: bytes, tensor: Tensor, shift: int, place: int, step: int, time: float
    ) -> None:
        if plugin in ("", "scalars") and len(tensor.values) == 1:
            self.slow.setdefault(tag, []).append((place, step, time, float(tensor.values[0])))
        elif plugin == "histograms" and len(tensor.shape) == 2 and tensor.shape[1] == 3:
            count = len(tensor.values) // 3
            if count:
                left, right, counts = tensor.values[: 3 * count].reshape(count, 3).T
                self._add_histogram(tag, place, step, time, quantiles_of_buckets(left, right, counts))
        elif plugin == "histograms" and not tensor.texts:
            pass  # an empty one
        elif plugin == "text" or (not plugin and tensor.texts and tensor.dtype == STRING):
            self._add_text(tag, [read_text(data, a, b) for a, b in tensor.texts[:1000]], step, time)
        elif plugin == "images":
            for which, (a, b) in enumerate(tensor.texts[2:]):
                self._add_media(tag, data, a, b, shift + a, (step, which), time)
        elif plugin == "audio":
            stride = 2 if len(tensor.shape) == 2 and tensor.shape[1] == 2 else 1
            for which, (a, b) in enumerate(tensor.texts[::stride]):
                self._add_media(tag, data, a, b, shift + a, (step, which), time)
        else:
            name = f"the plugin '{plugin[:40]}'" if plugin else "tensors that are no single number"
            self.faults.add(None, f"data of {name} is not shown", "log what it says as scalars, text or pictures")

    def _add_histogram(self, tag: str, place: int, step: int, time: float, values: Floats | None) -> None:
        if values is not None:
            self.histograms.setdefault(tag, []).append((place, step, time, values))

    def _add_text(self, tag: str, lines: Sequence[str], step: int, time: float) -> None:
        text = "\n\n".join(lines)
        self.text_bytes += len(text)
        if self.text_bytes > MAX_TEXT:
            self.faults.add(None, f"text over {MAX_TEXT >> 20} MiB in one file is not shown", "log less of it")
            return
        at_step = self.texts.setdefault(tag, {})
        if step not in at_step or not time < at_step[step][0]:
            at_step[step] = (time, text)

    def _add_media(
        self, tag: str, data: bytes, start: int, end: int, place: int, which: tuple[int, int], time: float
    ) -> None:
        head = data[start : min(start + 8, end)]
        ending = next((ending for magic, ending in MEDIA if head.startswith(magic)), "")
        if not ending or self.media_count >= MAX_MEDIA:
            what = "too many pictures and sounds" if ending else "a picture or sound in a format that browsers lack"
            self.faults.add(None, f"{what}: not shown", "log PNG, JPEG, GIF or WAV")
            return
        at_step = self.media.setdefault(tag, {})
        if which not in at_step or not time < at_step[which].time:
            self.media_count += which not in at_step
            at_step[which] = Media(self.path, place, end - start, ending, time)

    def _read_hparams(self, data: bytes, start: int, end: int, time: float) -> None:
        own = self.hparams or Hparams()
        for number, wire, a, b in iter_fields(data, start, end):
            if number == 3 and wire == BYTES:
                own.params.update(read_map(data, a, b, 1))
                for inner, kind, x, y in iter_fields(data, a, b):
                    if inner == 4 and kind == BYTES:
                        own.group = read_text(data, x, y)
                self.hparams = own
            elif number == 4 and wire == BYTES:
                own.ended = time
                for inner, kind, x, _ in iter_fields(data, a, b):
                    if inner == 1 and kind == VARINT:
                        own.status = x
                    elif inner == 2 and kind == FIXED64:
                        own.ended = read_time(read_double(data, x)) or time
                self.hparams = own


def _read_metadata(data: bytes, start: int, end: int) -> tuple[str, tuple[int, int]]:
    """Return (name of the plugin, (start, stop) of its content) of a `SummaryMetadata`."""
    name, content = "", (0, 0)
    for number, wire, a, b in iter_fields(data, start, end):
        if number == 1 and wire == BYTES:
            for inner, kind, x, y in iter_fields(data, a, b):
                if inner == 1 and kind == BYTES:
                    name = read_text(data, x, y)
                elif inner == 2 and kind == BYTES:
                    content = (x, y)
    return name, content


def read_histogram(data: bytes, start: int, end: int) -> Floats | None:
    """Return the values at `QUANTILES` of a `HistogramProto`, None where it is empty. Raises `ProtoError`."""
    low = high = 0.0
    columns: dict[int, list[Floats]] = {6: [], 7: []}
    for number, wire, a, b in iter_fields(data, start, end):
        if wire == FIXED64 and number == 1:
            low = read_double(data, a)
        elif wire == FIXED64 and number == 2:
            high = read_double(data, a)
        elif number in columns and wire in (BYTES, FIXED64):
            columns[number].append(np.frombuffer(data, dtype="<f8", count=(b - a) // 8, offset=a))
    if not (columns[6] and columns[7]):
        return None
    right, counts = np.concatenate(columns[6]), np.concatenate(columns[7])
    if len(right) != len(counts):
        raise ProtoError("a histogram whose bounds and counts differ in number")
    left = np.append(low, right[:-1])
    return quantiles_of_buckets(np.clip(left, low, high), np.clip(right, low, high), counts)

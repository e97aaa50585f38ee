"""What a W&B log says of a run beside its points: who, what, with which settings, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reportgen.sources.faults import Faults
from reportgen.sources.wandb.history import decode_value, read_item
from reportgen.sources.wandb.records import Field, iter_fields

HISTORY: Final = 2
SUMMARY: Final = 3
OUTPUT: Final = 4
CONFIG: Final = 5
STATS: Final = 7
ARTIFACT: Final = 8
ALERT: Final = 10
OUTPUT_RAW: Final = 13
RUN: Final = 17
EXIT: Final = 18
USE_ARTIFACT: Final = 25
ENVIRONMENT: Final = 26
STREAMS: Final = {0: "stderr", 1: "stdout"}
MAX_TEXT: Final = 4 << 20
"""So much captured output is kept."""
MAX_ENTRIES: Final = 10_000
"""So many alerts, models or inputs are kept."""


class RunFacts:
    """Collects the facts of one run, record by record."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self.run_id = ""
        self.project = ""
        self.name = ""
        self.group = ""
        self.job_type = ""
        self.sweep = ""
        self.notes = ""
        self.tags: list[str] = []
        self.config: dict[str, Any] = {}
        self.summary: dict[str, Any] = {}
        """What the summary records say; those of history records are left out by who gives them."""
        self.began: float | None = None
        self.is_resumed = False
        self.commit = ""
        self.remote = ""
        self.environment: dict[str, Any] = {}
        """As in `wandb-metadata.json`."""
        self.output: list[tuple[str, str]] = []
        """(stream, text), consecutive text of one stream joined."""
        self._output: list[str] = []
        self._output_size = 0
        self.last_time: float | None = None
        """Time of the last output."""
        self.alerts: list[str] = []
        self.models: list[dict[str, Any]] = []
        self.inputs: list[dict[str, Any]] = []
        self.exit_code: int | None = None
        """None: the log does not say that the run ended."""
        self.runtime: int | None = None

    def note_run(self, record: bytes) -> None:
        """Take a record in if it is the one that describes the run."""
        for field in iter_fields(record, 1):
            if field.number == RUN:
                self._run(field.data)

    def add(self, kind: int, data: bytes) -> None:
        """Take the content of a record of any kind but history and stats."""
        if kind == RUN:
            self._run(data)
        elif kind == SUMMARY:
            self._update(self.summary, data)
        elif kind == CONFIG:
            self._update(self.config, data)
        elif kind in (OUTPUT_RAW, OUTPUT):
            self._add_output(data)
        elif kind == EXIT:
            self._exit(data)
        elif kind == ENVIRONMENT:
            self._environment(data)
        elif kind == ALERT and len(self.alerts) < MAX_ENTRIES:
            texts = texts_of(data)
            title, text = texts.get(1, ""), texts.get(2, "")
            self.alerts.append(f"**{title}** {text}".strip() if title else text)
        elif kind == ARTIFACT and len(self.models) < MAX_ENTRIES:
            self._artifact(data)
        elif kind == USE_ARTIFACT and len(self.inputs) < MAX_ENTRIES:
            texts = texts_of(data)
            if texts.get(3):
                self.inputs.append({"name": texts[3], "role": texts.get(2, "")})

    def all_output(self) -> list[tuple[str, str]]:
        """Return captured output, (stream, text), in order."""
        return [(stream, "".join(parts)) for stream, parts in self._joined()]

    def _joined(self) -> list[tuple[str, list[str]]]:
        joined: list[tuple[str, list[str]]] = []
        for stream, text in self.output:
            if not joined or joined[-1][0] != stream:
                joined.append((stream, []))
            joined[-1][1].append(text)
        return joined

    def _run(self, data: bytes) -> None:
        tags = []
        for field in iter_fields(data):
            number, text = field.number, field.text if field.data else ""
            if number == 1:
                self.run_id = text
            elif number == 3:
                self.project = text
            elif number == 4:
                self._update(self.config, field.data)
            elif number == 5:
                self._update(self.summary, field.data)
            elif number == 6:
                self.group = text
            elif number == 7:
                self.job_type = text
            elif number == 8:
                self.name = text
            elif number == 9:
                self.notes = text
            elif number == 10:
                tags.append(text)
            elif number == 12:
                self.sweep = text
            elif number == 17:
                self.began = read_time(field.data) or self.began
            elif number == 18:
                self.is_resumed = bool(field.value)
            elif number == 21:
                self._git(field.data)
        self.tags = tags or self.tags

    def _git(self, data: bytes) -> None:
        texts = texts_of(data)
        self.remote, self.commit = texts.get(1) or self.remote, texts.get(2) or self.commit

    def _update(self, known: dict[str, Any], data: bytes) -> None:
        for field in iter_fields(data):
            if field.number not in (1, 2):
                continue
            path, value = read_item(field.data, self._faults)
            if not path or path[0] == "_wandb":
                continue
            inner = known
            for name in path[:-1]:
                below = inner.get(name)
                if not isinstance(below, dict):
                    below = inner[name] = {}
                inner = below
            if field.number == 1:
                inner[path[-1]] = value
            else:
                inner.pop(path[-1], None)

    def _add_output(self, data: bytes) -> None:
        stream, text = 0, ""
        for field in iter_fields(data):
            if field.number == 1:
                stream = field.value
            elif field.number == 2:
                self.last_time = read_time(field.data) or self.last_time
            elif field.number == 3:
                text = field.text
        if self._output_size + len(text) > MAX_TEXT:
            message = f"only the first {MAX_TEXT >> 20} MiB of the output are shown"
            self._faults.add(None, message, "look into `files/output.log` itself")
            return
        self._output_size += len(text)
        self.output.append((STREAMS.get(stream, "stdout"), text))

    def _exit(self, data: bytes) -> None:
        fields = {field.number: field for field in iter_fields(data)}
        if 3 in fields and fields[3].value:
            return
        self.exit_code = fields[1].signed if 1 in fields else 0
        self.runtime = fields[2].value if 2 in fields else None

    def _environment(self, data: bytes) -> None:
        args: list[str] = []
        for field in iter_fields(data):
            name = ENVIRONMENT_FIELDS.get(field.number)
            if field.number == 5:
                args.append(field.text)
            elif field.number == 9:
                self._git(field.data)
            elif name:
                self.environment[name] = field.text if field.data else field.value
        if args:
            self.environment["args"] = args

    def _artifact(self, data: bytes) -> None:
        texts: dict[int, str] = {}
        aliases: list[str] = []
        for field in iter_fields(data):
            if field.number == 11:
                aliases.append(field.text)
            elif field.number in (4, 5, 6):
                texts[field.number] = field.text
        if texts.get(4) == "model" and texts.get(5):
            self.models.append({"name": texts[5], "version": texts.get(6, "")[:12], "aliases": aliases})


ENVIRONMENT_FIELDS: Final[Mapping[int, str]] = {
    1: "os",
    2: "python",
    6: "program",
    7: "codePath",
    13: "username",
    16: "cpu_count",
    17: "cpu_count_logical",
    18: "gpu",
    19: "gpu_count",
    25: "cudaVersion",
}
"""Field of an environment record -> its name in `wandb-metadata.json`."""


def texts_of(data: bytes) -> dict[int, str]:
    """Return number -> text of the last field of each number."""
    return {field.number: field.text for field in iter_fields(data)}


def read_time(data: bytes) -> float | None:
    """Return a timestamp message in UTC seconds, None where it is none."""
    fields: dict[int, Field] = {field.number: field for field in iter_fields(data)}
    seconds = fields[1].signed if 1 in fields else 0
    nanos = fields[2].signed if 2 in fields else 0
    return seconds + nanos / 1e9 if 0 < seconds < 2**36 and 0 <= nanos < 10**9 else None


def read_stats(data: bytes, faults: Faults) -> tuple[float | None, dict[str, Any]]:
    """Return the time of a record of system statistics, and name -> value."""
    time, found = None, {}
    for field in iter_fields(data):
        if field.number == 2:
            time = read_time(field.data)
        elif field.number == 3:
            key, value = "", None
            for inner in iter_fields(field.data):
                if inner.number == 1:
                    key = inner.text
                elif inner.number == 16:
                    value = decode_value(inner.data, faults)
            if key:
                found[key] = value
    return time, found

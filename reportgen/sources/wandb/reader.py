"""One run of W&B: its log and the files beside it to a stream."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from typing import Any, Final

from reportgen.formats import clean_text
from reportgen.model import Stream
from reportgen.sources import documents
from reportgen.sources.columns import NO_STEP
from reportgen.sources.places import Place, RunRef
from reportgen.sources.statcache import open_regular
from reportgen.sources.streams import StreamMaker
from reportgen.sources.wandb.history import STEP, TIME, History, is_own
from reportgen.sources.wandb.records import iter_fields, iter_records, read_varint
from reportgen.sources.wandb.run import HISTORY, STATS, SUMMARY, RunFacts, read_stats

SYSTEM: Final = "system/"
MARKS: Final = 200
"""Fields from here on are marks of the writer."""
STOPPED_CODES: Final = (130, 137, 143, 255)
"""Exit codes of a run that was interrupted or killed; negative ones are signals, too."""
AGGREGATES: Final = frozenset({"min", "max", "mean", "best", "last", "first"})
"""What `define_metric(summary=…)` adds to the summary, and what the history tells as well."""
STATES: Final = {"finished": "FINISHED", "failed": "FAILED", "crashed": "FAILED", "killed": "KILLED"}

_BEGIN: Final = re.compile(rb".(?:\x08[\x80-\xff]{0,9}[\x00-\x7f])?([\x12\x1a])[\x80-\xff]{0,4}[\x00-\x7f]", re.DOTALL)
"""A record that begins, behind its number, with a history or a summary of some length."""
_SUMMARY: Final = b"\x1a"
_RUNTIME: Final = b"\x06_wandb\x12\x07runtime"
_REQUIREMENT: Final = re.compile(r"([A-Za-z0-9._-]{1,100})==([^\s;]{1,100})")


class RunReader:
    """Reads one run; used once."""

    def __init__(self, place: Place, ref: RunRef) -> None:
        self._maker = StreamMaker(place.files[0].label, run_id=ref.run_id, experiment=ref.experiment, name=ref.name)
        self._faults = self._maker.faults
        self._files = {os.path.basename(file.path): file.path for file in place.files}
        self._log = next((file.path for file in place.files if file.path.endswith(".wandb")), "")
        self._kept = {file.label for file in place.artifact_files}
        self._history = History(self._faults)
        self._facts = RunFacts(self._faults)
        self._stats: dict[str, tuple[list[float], list[float]]] = {}
        self._last_time = math.nan

    def read(self) -> Stream:
        """Return what the run amounts to. Raises `OSError` when its log cannot be read at all."""
        metadata: dict[str, Any] = {}
        if "wandb-metadata.json" in self._files:
            metadata = documents.read_object(self._files["wandb-metadata.json"], self._faults)
        if self._log:
            self._read_log()
        else:
            message = "the log of this run is missing: only the last value of each metric is known"
            self._faults.add(None, message, "copy `run-<id>.wandb`, which lies beside `files/`, too")
        facts = self._facts
        began = facts.began if facts.began is not None else documents.moment(metadata.get("startedAt"))
        step, time = self._history.give(self._maker, began)
        self._last_time = max((t for t in (time, facts.last_time or math.nan) if not math.isnan(t)), default=math.nan)
        self._give_stats()
        self._give_summary(step, time)
        self._give_media()
        if not (facts.is_resumed and self._history.names):
            self._maker.began = began  # of a run that goes on, W&B gives the time when it first began
        self._give_params()
        self._give_texts(metadata)
        self._give_surroundings(facts.environment | metadata)
        self._give_output()
        self._give_end(metadata, began)
        return self._maker.finish()

    # ---- the log

    def _read_log(self) -> None:
        descriptor, _ = open_regular(self._log)
        begins = _BEGIN.match
        with open(descriptor, "rb", buffering=0) as file:
            for records in iter_records(file, self._faults):
                bodies: list[bytes] = []
                for record in records:
                    begin = begins(record)
                    if begin is None:
                        bodies += self._take(record)
                        continue
                    if begin[1] == _SUMMARY and _is_of_history(record):
                        continue
                    length, at = read_varint(record, begin.end(1))
                    if at + length > len(record):
                        self._faults.add(None, "a record makes no sense", "it was skipped")
                    elif begin[1] == _SUMMARY:
                        self._facts.add(SUMMARY, record[at : at + length])
                    else:
                        bodies.append(record[at : at + length])
                if bodies:
                    self._history.add(bodies)

    def _take(self, record: bytes) -> list[bytes]:
        """Take in a record of any kind; return what of it is history."""
        bodies = []
        for field in iter_fields(record, 1):
            if field.number == HISTORY:
                bodies.append(field.data)
            elif field.number == STATS:
                self._take_stats(field.data)
            elif field.number < MARKS:
                self._facts.add(field.number, field.data)
        return bodies

    def _take_stats(self, data: bytes) -> None:
        time, values = read_stats(data, self._faults)
        for name, value in values.items():
            number = documents.number(value)
            if number is not None:
                times, numbers = self._stats.setdefault(name, ([], []))
                times.append(math.nan if time is None else time)
                numbers.append(number)

    # ---- what it amounts to

    def _give_stats(self) -> None:
        for name, (times, numbers) in self._stats.items():
            self._maker.points(f"{SYSTEM}{name}", numbers, times=times)

    def _give_summary(self, step: int, time: float) -> None:
        """Add the last values of what is in no history, at the end of the run."""
        summary = self._facts.summary
        if "wandb-summary.json" in self._files:
            found = documents.read_object(self._files["wandb-summary.json"], self._faults)
            summary = found | summary
        if step == NO_STEP:
            own_step, own_time = documents.whole(summary.get(STEP)), documents.moment(summary.get(TIME))
            step = 0 if own_step is None else own_step
            time = math.nan if own_time is None else own_time
        known = self._history.names
        values = {name: value for name, value in summary.items() if not is_own(name)}
        for name, number in self._history.values.take(values):
            base, _, last = name.rpartition(".")
            if name not in known and not (last in AGGREGATES and base in known):
                self._maker.points(name, [number], steps=[step], times=[time])

    def _give_media(self) -> None:
        missing = self._history.values.media - self._kept
        if missing:
            message = "media files that the log names are missing"
            self._faults.add(None, message, "keep the run's folder whole", count=len(missing))

    def _give_params(self) -> None:
        params = dict(self._facts.config)
        if "config.yaml" in self._files and not params:
            found = documents.read_map(self._files["config.yaml"], self._faults)
            for name, entry in found.items():
                if name not in ("_wandb", "wandb_version"):
                    params[name] = entry["value"] if isinstance(entry, dict) and "value" in entry else entry
        self._maker.params(params)

    def _give_texts(self, metadata: Mapping[str, Any]) -> None:
        facts, maker = self._facts, self._maker
        if facts.group:
            maker.start["group"] = clean_text(facts.group)
        user = facts.environment.get("username") or metadata.get("username")
        if isinstance(user, str) and user:
            maker.start["user"] = clean_text(user)
        maker.tags(self._history.values.texts)
        maker.tags(dict.fromkeys(facts.tags, "true"))
        maker.tags({"job_type": facts.job_type or None, "sweep": facts.sweep or None})
        maker.note(facts.notes)
        for alert in facts.alerts:
            maker.note(alert)
        for model in facts.models:
            maker.add("model", **model)
        for entry in facts.inputs:
            maker.add("input", **entry)

    def _give_surroundings(self, noted: Mapping[str, Any]) -> None:
        packages: dict[str, str] = {}
        if "requirements.txt" in self._files:
            text = documents.read_text(self._files["requirements.txt"], self._faults)
            packages = {m[1]: m[2] for line in text.splitlines() if (m := _REQUIREMENT.match(line))}
        self._maker.add(
            "env",
            python=_text(noted, "python"),
            platform=_text(noted, "os"),
            cpus=documents.whole(noted.get("cpu_count")),
            gpu=_text(noted, "gpu") or _text(noted, "gpu_type"),
            gpus=documents.whole(noted.get("gpu_count")),
            cuda=_text(noted, "cudaVersion"),
            packages=packages,
        )
        git = noted["git"] if isinstance(noted.get("git"), dict) else {}
        entry = _text(noted, "codePath") or _text(noted, "program").replace("\\", "/").rpartition("/")[2]
        args = noted.get("args")
        command = [entry, *args] if entry and isinstance(args, list) and all(isinstance(a, str) for a in args) else []
        self._maker.add(
            "code",
            commit=self._facts.commit or _text(git, "commit"),
            remote=documents.safe_remote(self._facts.remote or _text(git, "remote")),
            entry=entry,
            command=command,
        )

    def _give_output(self) -> None:
        output = self._facts.all_output()
        if not output and "output.log" in self._files:
            output = [("stdout", documents.read_text(self._files["output.log"], self._faults))]
        for stream, text in output:
            if text:
                self._maker.add("text", stream=stream, text=text)

    def _give_end(self, metadata: Mapping[str, Any], began: float | None) -> None:
        code = self._facts.exit_code
        if code is None:
            state = STATES.get(_text(metadata, "state"))
            if state:
                self._maker.end(state)
            return
        ends = [self._last_time] if not math.isnan(self._last_time) else []
        if began is not None and self._facts.runtime is not None and not self._facts.is_resumed:
            ends.append(began + self._facts.runtime)
        time = max(ends, default=None)
        if not code:
            self._maker.end("FINISHED", time)
        elif code < 0 or code in STOPPED_CODES:
            self._maker.end("KILLED", time)
        else:
            self._maker.end("FAILED", time, f"exit code {code}")


def _is_of_history(record: bytes) -> bool:
    """Tell whether a summary record only repeats what the history record beside it says."""
    if b"\x0a_timestamp" in record:
        return True
    return _RUNTIME in record and record.count(b"\x82\x01") == 2


def _text(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name)
    return clean_text(value) if isinstance(value, str) else ""

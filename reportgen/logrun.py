"""A run as the process that logs it sees it: each `log_*` call becomes one line, or a file and a line.

What is wrong with a call raises `LoggerError` at once; what is wrong with the disk is warned of once and never stops
the training (`logfile`). This module knows one run; which run is active, and what ends runs that nobody ended, is the
business of `logger`. What is needed rarely (artifacts, capture) is imported where it is used.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from time import gmtime, strftime
from time import time as now
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn, Self

from reportgen.errors import LoggerError
from reportgen.filekeeper import FileKeeper
from reportgen.formats import (
    ARTIFACT_FOLDER,
    END_STATUSES,
    LOG_FORMAT,
    MAX_NAME,
    clean_text,
    clean_value,
    cut_name,
    encode_line,
)
from reportgen.logfile import LogFile, warn
from reportgen.logvalues import (
    brief,
    checked_column,
    checked_mapping,
    checked_name,
    checked_number,
    checked_quantiles,
    checked_step,
    checked_steps,
    checked_text,
    plain_metric,
    plain_param,
    plain_tag,
)

MAX_HISTOGRAM: Final = MAX_NAME - len("/q97.1234")
"""Longest name of a histogram, so that the names of its quantiles are never cut."""
CAPTURE_WAIT_S: Final = 5.0
"""Longest time that the end of a run waits for its surroundings to be read."""
POINTS_PER_LINE: Final = 65_536
"""Rows of one `points` line; more become several lines."""
MAX_ERROR: Final = 4_000
"""Longest text of an error in an end line in characters."""


class RunInfo(NamedTuple):
    """What MLflow scripts ask a run for as `run.info`."""

    run_id: str
    run_name: str
    experiment_id: str
    """The name of the experiment, which identifies it."""
    status: str
    """`RUNNING`, or how this process ended the run."""
    start_time: int
    """Milliseconds since the epoch, as in MLflow."""
    end_time: int | None
    artifact_uri: str
    user_id: str
    lifecycle_stage: str = "active"


class RunFacts(NamedTuple):
    """What the start line of a run says beside the process that writes it."""

    run_id: str
    experiment: str
    name: str
    parent: str | None = None
    group: str | None = None
    user: str | None = None


class Run(FileKeeper):
    """One run, as far as this process logs it. Made by `start_run`; a context manager that ends it.

    All methods may be called from any thread. A forked child that logs writes a file of its own.
    """

    def __init__(
        self,
        facts: RunFacts,
        folder: Path,
        *,
        rank: int = 0,
        known_params: Mapping[str, Any] | None = None,
        when_ended: Callable[[Run], None] | None = None,
    ) -> None:
        self.facts = facts
        self.folder = folder
        self.rank = rank
        self.status = "RUNNING"
        self.thread = threading.get_ident()
        """The thread that started the run."""
        self._start_time = now()
        self._end_time: float | None = None
        self._pid = os.getpid()
        self._session = ""
        self._params: dict[str, Any] = dict(known_params or {})
        self._plain_names: set[str] = set()
        self._tables = {}
        self._when_ended = when_ended
        self._secrets: tuple[tuple[bytes, bytes], ...] = ()
        self._capture: threading.Thread | None = None
        self._file = LogFile(folder, self._start_line)

    # ---- what a run is

    @property
    def run_id(self) -> str:
        """The id that names the run everywhere."""
        return self.facts.run_id

    @property
    def name(self) -> str:
        """The name that people read."""
        return self.facts.name

    @property
    def experiment(self) -> str:
        """The experiment that the run belongs to."""
        return self.facts.experiment

    @property
    def session(self) -> str:
        """The stretch of the run that this process writes; sorts by the time of its start."""
        return self._session

    @property
    def path(self) -> Path | None:
        """The log file of this process, None while there is none (it could not be created yet)."""
        return self._file.path

    @property
    def info(self) -> RunInfo:
        """The facts under the names that MLflow scripts use."""
        end = None if self._end_time is None else int(self._end_time * 1000)
        uri = (self.folder / ARTIFACT_FOLDER).absolute().as_uri()
        facts = self.facts
        start = int(self._start_time * 1000)
        return RunInfo(facts.run_id, facts.name, facts.experiment, self.status, start, end, uri, facts.user or "")

    def __repr__(self) -> str:
        return f"<Run {self.run_id} {self.name!r} of {self.experiment!r}, {self.status}>"

    if not TYPE_CHECKING:  # type checkers know what a run has and has not

        def __getattr__(self, attribute: str) -> NoReturn:
            advice = {"data": "what was logged is read from the built site"}.get(attribute)
            raise AttributeError(f"a run has no {attribute!r}" + (f": {advice}" if advice else ""))

    # ---- metrics: the fast path

    def log_metrics(
        self,
        metrics: Mapping[str, Any],
        step: int | None = None,
        *,
        timestamp: float | None = None,
        time: float | None = None,
    ) -> None:
        """Log several metrics of one step as one line.

        Without `step`, each metric's step is its previous one + 1. `time` is in UTC seconds since the epoch,
        `timestamp` the same in milliseconds, as in MLflow. Numbers are what `float` takes: numpy and torch scalars,
        one-element arrays, numeric strings. Raises `LoggerError` for anything else.
        """
        plain = self._plain_names
        if type(metrics) is not dict:
            metrics = self._checked_metrics(metrics)
        else:
            for name, value in metrics.items():
                # `value - value` is 0.0 unless the number is infinite or NaN
                if type(value) is not float or name not in plain or value - value:
                    metrics = self._checked_metrics(metrics)
                    break
        if time is None:
            time = now() if timestamp is None else checked_number(timestamp, "timestamp") / 1000
        elif type(time) is not float:
            time = checked_number(time, "time")
        if step is None:
            line = encode_line({"event": "metrics", "time": time, "metrics": metrics})
        else:
            if type(step) is not int or not -(2**63) < step < 2**63:
                step = checked_step(step)
            line = encode_line({"event": "metrics", "step": step, "time": time, "metrics": metrics})
        if metrics and not self._file.append(line):
            self._refuse_after_end()

    def log_metric(
        self,
        key: str,
        value: Any,
        step: int | None = None,
        timestamp: float | None = None,
        *,
        time: float | None = None,
    ) -> None:
        """Log one metric; see `log_metrics`."""
        self.log_metrics({key: value}, step, timestamp=timestamp, time=time)

    def log_points(
        self,
        metric: str | Mapping[str, Any],
        values: Any = None,
        steps: Any = None,
        times: Any = None,
    ) -> None:
        """Log arrays: `log_points("loss", values)`, or `log_points({"loss": […], "acc": […]}, steps=steps)`.

        All arrays have one length. Without `steps` the points follow each metric's previous step, as in `log_metrics`;
        `times` are UTC seconds and may be left out.
        """
        if isinstance(metric, Mapping) != (values is None):
            raise LoggerError("log_points takes a name and its values, or one mapping from names to values")
        columns = metric if isinstance(metric, Mapping) else {metric: values}
        clean = {checked_name(name, "metric"): checked_column(column, repr(name)) for name, column in columns.items()}
        if not clean:
            return
        count = len(next(iter(clean.values())))
        step_column = None if steps is None else checked_steps(steps)
        time_column = None if times is None else checked_column(times, "times")
        given = {"steps": step_column, **clean, "times": time_column}
        lengths = {name: len(column) for name, column in given.items() if column is not None}
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{name!r} {length}" for name, length in lengths.items())
            raise LoggerError(f"the arrays of log_points must have one length; these have: {told}")
        for at in range(0, count, POINTS_PER_LINE):
            part = slice(at, at + POINTS_PER_LINE)
            event: dict[str, Any] = {"event": "points"}
            if step_column is not None:
                event["steps"] = step_column[part]
            if time_column is not None:
                event["times"] = time_column[part]
            event["metrics"] = {name: column[part] for name, column in clean.items()}
            self._append(encode_line(event))

    def log_histogram(
        self,
        name: str,
        values: Any,
        step: int | None = None,
        *,
        quantiles: Iterable[float] = (5, 25, 50, 75, 95),
        timestamp: float | None = None,
        time: float | None = None,
    ) -> None:
        """Log how the numbers of an array or tensor of any shape are distributed, as their quantiles.

        `quantiles` are percents; the median is always among them, and opposite ones, as 5 and 95, are drawn as a band
        around it; 0 and 100 are the lowest and the highest value. Each is a metric: `weights/q05` … `weights/q95`.
        Between two numbers they are interpolated, as `numpy.quantile` does. Of an array without numbers nothing is
        logged, of one with a NaN that they are NaN. `step` and times are those of `log_metrics`.
        """
        from reportgen.quantiles import MEDIAN, quantile_name

        histogram = checked_name(name, "histogram", MAX_HISTOGRAM)
        percents = sorted({MEDIAN, *quantiles})
        found = checked_quantiles(values, percents, f"histogram {histogram!r}")
        metrics = {quantile_name(histogram, percent): value for percent, value in zip(percents, found, strict=False)}
        self.log_metrics(metrics, step, timestamp=timestamp, time=time)

    # ---- facts

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Log params: any values; what JSON cannot hold becomes its `repr`.

        A param logged again with another value warns; both stay in the log, the first is shown.
        """
        fresh = {}
        for key, value in checked_mapping(params, "params").items():
            name, clean = checked_name(key, "param"), plain_param(value)
            if name in self._params:
                if self._params[name] == clean:
                    continue
                warn(
                    f"param {name!r} of run {self.name} is {brief(self._params[name])} and was logged again as "
                    f"{brief(clean)}; the first value is shown"
                )
            else:
                self._params[name] = clean
            fresh[name] = clean
        if fresh:
            self._write({"event": "params", "params": fresh})

    def log_param(self, key: str, value: Any) -> Any:
        """Log one param and return its value; see `log_params`."""
        self.log_params({key: value})
        return value

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Set tags: text by name; the last value of a name counts. MLflow's `mlflow.note.content` becomes a note."""
        clean = {checked_name(key, "tag"): plain_tag(value) for key, value in checked_mapping(tags, "tags").items()}
        note = clean.pop("mlflow.note.content", None)
        if clean:
            self._write({"event": "tags", "tags": clean})
        if note:
            self.note(note)

    def set_tag(self, key: str, value: Any) -> None:
        """Set one tag; see `set_tags`."""
        self.set_tags({key: value})

    def note(self, text: str) -> None:
        """Add a note in Markdown, shown on the run's page."""
        self._write({"event": "note", "text": checked_text(text, "a note")})

    def log_input(
        self,
        dataset: Any,
        context: str | None = None,
        tags: Mapping[str, Any] | None = None,
        *,
        digest: str = "",
        source: str = "",
    ) -> None:
        """Note a data set that the run reads: its name, or an object with `name` and perhaps `digest` and `source`.

        `context` says what for (`train`, `test`, …).
        """
        if isinstance(dataset, os.PathLike):
            dataset, source = Path(dataset).name, source or os.fspath(dataset)
        fields = dataset if isinstance(dataset, Mapping) else {"name": dataset}
        if not isinstance(dataset, str | Mapping):
            fields = {field: getattr(dataset, field, None) for field in ("name", "digest", "source")}
        name = fields.get("name")
        if not isinstance(name, str) or not name:
            raise LoggerError(
                f"log_input takes the name of a data set or an object that has one, not {type(dataset).__name__}: "
                'log_input("digits", "train", source="data/digits.csv")'
            )
        from reportgen.capture.redaction import strip_credentials

        event = {
            "event": "input",
            "name": cut_name(clean_text(name)),
            "digest": plain_tag(digest or fields.get("digest") or ""),
            "source": strip_credentials(plain_tag(source or fields.get("source") or "")),
            "role": plain_tag(context or fields.get("role") or ""),
        }
        if tags:
            event["tags"] = clean_value(tags)
        self._write(event)

    # ---- the end

    def end(self, status: str = "FINISHED", error: str | None = None) -> None:
        """End the run: `FINISHED`, `FAILED` or `KILLED`, with a reason. A run that has ended stays as it is."""
        if status not in END_STATUSES:
            raise LoggerError(f"unknown status {status!r}: choose {', '.join(END_STATUSES)}")
        if self.status != "RUNNING":
            return
        if self._capture is not None and self._pid == os.getpid():
            self._capture.join(CAPTURE_WAIT_S)
        self.status, self._end_time = status, now()
        self._file.close(self._end_line(error))
        if self._when_ended is not None:
            self._when_ended(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end(*how_it_ended(error))

    def terminate(self) -> None:
        """End the run from a signal handler: without the lock, which the interrupted code may hold."""
        if self.status == "RUNNING":
            self.status, self._end_time = "KILLED", now()
            self._file.close(self._end_line("SIGTERM"), locked=False)

    def _end_line(self, error: str | None) -> bytes:
        event: dict[str, Any] = {"event": "end", "status": self.status, "time": self._end_time}
        if error:
            event["error"] = clean_text(error)[:MAX_ERROR]
        return self._without_secrets(encode_line(event))

    # ---- lines

    def begin(self, *, capture: bool = True) -> None:
        """Create the log file and note the surroundings, in the background if they are not known yet."""
        from reportgen import capture as surroundings
        from reportgen.capture.job import read_job
        from reportgen.capture.redaction import environment_secrets

        self._secrets = tuple(
            (encode_line(secret)[1:-2], b"[redacted:environment]")  # type: ignore[arg-type]
            for secret in environment_secrets({key: clean_text(value) for key, value in os.environ.items()})
        )
        self._file.open()
        if not capture:
            return
        job = read_job(os.environ)  # at once, so that tags of the script with these names count
        if job:
            self._file.append(self._without_secrets(encode_line({"event": "tags", "tags": job})))
        known = surroundings.known_surroundings()
        if known is not None:
            self._note_surroundings(lambda: known)
            return
        self._capture = threading.Thread(
            target=self._note_surroundings,
            args=(surroundings.read_surroundings,),
            name="reportgen-capture",
            daemon=True,
        )
        self._capture.start()

    def _note_surroundings(self, read: Callable[[], list[dict[str, Any]]]) -> None:
        for event in read():
            self._file.append(self._without_secrets(encode_line(clean_value(event))))

    def _start_line(self, again: bool) -> bytes:
        time = now() if again else self._start_time
        forked_from = self._session if self._pid != os.getpid() else None
        self._pid = os.getpid()
        self._session = _make_session(time)
        event = {
            "event": "start",
            "format": LOG_FORMAT,
            "run_id": self.facts.run_id,
            "experiment": self.facts.experiment,
            "name": self.facts.name,
            "rank": self.rank,
            "session": self._session,
            "time": time,
            "parent": self.facts.parent,
            "group": self.facts.group,
            "user": self.facts.user,
            "forked_from": forked_from,
            "reportgen": _version(),
        }
        return self._without_secrets(encode_line({key: value for key, value in event.items() if value is not None}))

    def _write(self, event: dict[str, Any]) -> None:
        self._append(self._without_secrets(encode_line(event)))

    def _append(self, line: bytes) -> None:
        if not self._file.append(line):
            self._refuse_after_end()

    def _refuse_after_end(self) -> None:
        if self.status != "RUNNING":
            raise LoggerError(
                f"run {self.name} ({self.run_id}) has ended; start_run(run_id={self.run_id!r}) continues it"
            )

    def _without_secrets(self, line: bytes) -> bytes:
        """Replace exact values of this machine's secret-named environment variables."""
        for secret, replacement in self._secrets:
            line = line.replace(secret, replacement)
        return line

    # ---- names and values

    def _checked_metrics(self, metrics: Mapping[str, Any]) -> dict[str, float | str]:
        result = {}
        for key, value in checked_mapping(metrics, "metrics").items():
            name = key
            if key not in self._plain_names:
                name = checked_name(key, "metric")
                if name == key and type(key) is str:
                    self._plain_names.add(key)
            result[name] = plain_metric(key, value)
        return result


# ---- parts of a line


def how_it_ended(error: BaseException | None) -> tuple[str, str | None]:
    """Return the status and the text of the error for a run during which `error` was raised."""
    if error is None or (isinstance(error, SystemExit) and error.code in {None, 0}):
        return "FINISHED", None
    try:
        message = str(error)
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError):
        message = ""
    status = "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED"
    return status, f"{type(error).__name__}: {message}" if message else type(error).__name__


def _make_session(time: float) -> str:
    """Return a unique id for a stretch of a run that sorts by its start; no random generator of the user is touched."""
    return f"{strftime('%Y%m%dT%H%M%S', gmtime(time))}.{int(time % 1 * 1e6):06d}Z-{os.urandom(2).hex()}"


def _version() -> str:
    from reportgen import __version__

    return __version__

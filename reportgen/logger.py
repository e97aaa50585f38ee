"""The tiny logger: `start_run`, and the functions that log to the active run under the names MLflow users know.

This module owns which run is active and what ends runs that nobody ended (`atexit`, SIGTERM); what a run does is in
`logrun`, how a line reaches the disk in `logfile`. `import reportgen` gives all of it.

The active run of a thread is the one that it started last, else the one that the process started last, so that
worker threads log to the run of the main program without ceremony. A `log_*` call without a run starts one.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from time import gmtime, strftime
from types import FrameType
from typing import Any, Final, NamedTuple

from reportgen.errors import FormatError, LoggerError
from reportgen.formats import RUN_LOG_GLOB, decode_line, folder_name
from reportgen.logfile import warn
from reportgen.logrun import Run, RunFacts, how_it_ended
from reportgen.logvalues import checked_name, plain_tag

DEFAULT_ROOT: Final = "runs"
"""Folder of run logs below the working folder, where neither `log_dir=` nor `REPORTGEN_DIR` names another."""
DEFAULT_EXPERIMENT: Final = "default"
RESUME_BYTES: Final = 2**20
"""How much of each earlier log is searched for params when a run is continued."""


class Experiment(NamedTuple):
    """What `set_experiment` returns; an experiment is known by its name alone."""

    name: str
    experiment_id: str
    """The name again, for scripts that pass it on as `experiment_id=`."""


_active: list[Run] = []
_last: Run | None = None
_experiment: str | None = None
_shared_runs = 0


# ---- runs


def start_run(
    run_id: str | None = None,
    experiment: str | None = None,
    name: str | None = None,
    nested: bool = False,
    parent_run_id: str | None = None,
    tags: Mapping[str, Any] | None = None,
    description: str | None = None,
    *,
    params: Mapping[str, Any] | None = None,
    group: str | None = None,
    user: str | None = None,
    rank: int | None = None,
    log_dir: str | os.PathLike[str] | None = None,
    capture: bool = True,
    run_name: str | None = None,
    experiment_id: str | None = None,
    log_system_metrics: bool | None = None,
) -> Run:
    """Start a run, or continue the one named by `run_id`, and make it the active one.

    The positional order is MLflow's, and `run_name` and `experiment_id` are its words for `name` and `experiment`.
    A run inside another needs `nested=True`; its parent is the active run, or `parent_run_id`. `description` is
    Markdown. `group` puts runs together, `user` is logged only when given.

    Logs go to `<log_dir>/<experiment>/<run id>/`; `log_dir` is `REPORTGEN_DIR` or `runs` when left out. Processes
    join one run when they share its id through `run_id`, `REPORTGEN_RUN_ID` or torchrun's own; `rank`, or the
    environment's RANK or SLURM_PROCID, tells them apart then. `capture=False` leaves out code version, packages and
    the tags that name the job (pod, batch job, pipeline).

    Raises `LoggerError` when a run is active already, or when an argument has a wrong type.
    """
    _require_no_active_run(nested)
    above = active_run() if nested else None
    shared_id = run_id or _shared_run_id(nested=nested)
    wanted = _one_of("experiment", experiment, experiment_id)
    root = Path(log_dir if log_dir is not None else os.environ.get("REPORTGEN_DIR") or DEFAULT_ROOT)
    earlier = _find_run(root, shared_id) if shared_id else None
    facts = _make_facts(
        earlier,
        run_id=shared_id,
        experiment=wanted,
        name=_one_of("name", name, run_name),
        parent=parent_run_id or (above.run_id if above else None),
        group=group,
        user=user,
        default_experiment=_experiment or (above.experiment if above else DEFAULT_EXPERIMENT),
    )
    folder = earlier.folder if earlier else root / folder_name(facts.experiment) / folder_name(facts.run_id)
    run = Run(
        facts,
        folder.absolute(),
        rank=_find_rank(rank, shared=bool(shared_id)),
        known_params=earlier.params if earlier else None,
        when_ended=_forget,
    )
    _remember(run)
    run.begin(capture=capture and run.rank == 0)
    if log_system_metrics:
        warn("log_system_metrics: system metrics are not recorded; log what you need with log_metrics")
    if params:
        run.log_params(params)
    if tags:
        run.set_tags(tags)
    if description:
        run.note(description)
    return run


def active_run() -> Run | None:
    """Return the run that `log_*` functions of this thread log to, None when there is none."""
    if not _active:
        return None
    thread = threading.get_ident()
    return next((run for run in reversed(_active) if run.thread == thread), _active[-1])


def last_active_run() -> Run | None:
    """Return the active run, else the one that was started last, ended or not."""
    return active_run() or _last


def end_run(status: str = "FINISHED") -> None:
    """End the active run with `FINISHED`, `FAILED` or `KILLED`; do nothing without one."""
    run = active_run()
    if run is not None:
        run.end(status)


def set_experiment(experiment_name: str | None = None, experiment_id: str | None = None) -> Experiment:
    """Set the experiment of the runs that are started from now on."""
    global _experiment
    wanted = _one_of("experiment_name", experiment_name, experiment_id)
    _experiment = checked_name(wanted, "experiment")
    return Experiment(_experiment, _experiment)


# ---- logging to the active run


def log_metric(
    key: str,
    value: Any,
    step: int | None = None,
    synchronous: bool | None = None,  # noqa: ARG001
    timestamp: float | None = None,
    run_id: str | None = None,
    model_id: str | None = None,
    dataset: Any = None,
    *,
    time: float | None = None,
) -> None:
    """Log one metric; see `Run.log_metrics`. `synchronous` is accepted: every call is on disk when it returns.

    MLflow's `model_id` and `dataset` are not kept, which is warned of.
    """
    if model_id is not None or dataset is not None:
        _warn_not_kept("model_id and dataset")
    _run(run_id).log_metrics({key: value}, step, timestamp=timestamp, time=time)


def log_metrics(
    metrics: Mapping[str, Any],
    step: int | None = None,
    synchronous: bool | None = None,  # noqa: ARG001
    run_id: str | None = None,
    timestamp: float | None = None,
    model_id: str | None = None,
    dataset: Any = None,
    *,
    time: float | None = None,
) -> None:
    """Log several metrics of one step as one line; see `Run.log_metrics`, and `log_metric` for MLflow's arguments."""
    if model_id is not None or dataset is not None:
        _warn_not_kept("model_id and dataset")
    _run(run_id).log_metrics(metrics, step, timestamp=timestamp, time=time)


def log_points(metric: str | Mapping[str, Any], values: Any = None, steps: Any = None, times: Any = None) -> None:
    """Log arrays of one or several metrics at once; see `Run.log_points`."""
    _run().log_points(metric, values, steps, times)


def log_histogram(
    name: str,
    values: Any,
    step: int | None = None,
    *,
    quantiles: Iterable[float] = (5, 25, 50, 75, 95),
    time: float | None = None,
) -> None:
    """Log how the numbers of an array or tensor are distributed; see `Run.log_histogram`."""
    _run().log_histogram(name, values, step, quantiles=quantiles, time=time)


def log_param(key: str, value: Any, synchronous: bool | None = None) -> Any:  # noqa: ARG001
    """Log one param and return its value; see `Run.log_params`."""
    return _run().log_param(key, value)


def log_params(
    params: Mapping[str, Any],
    synchronous: bool | None = None,  # noqa: ARG001
    run_id: str | None = None,
) -> None:
    """Log params; see `Run.log_params`."""
    _run(run_id).log_params(params)


def set_tag(key: str, value: Any, synchronous: bool | None = None) -> None:  # noqa: ARG001
    """Set one tag; see `Run.set_tags`."""
    _run().set_tag(key, value)


def set_tags(tags: Mapping[str, Any], synchronous: bool | None = None) -> None:  # noqa: ARG001
    """Set tags; see `Run.set_tags`."""
    _run().set_tags(tags)


def note(text: str) -> None:
    """Add a note in Markdown to the run's page."""
    _run().note(text)


def log_input(
    dataset: Any,
    context: str | None = None,
    tags: Mapping[str, Any] | None = None,
    *,
    digest: str = "",
    source: str = "",
) -> None:
    """Note a data set that the run reads; see `Run.log_input`."""
    _run().log_input(dataset, context, tags, digest=digest, source=source)


def log_artifact(
    local_path: str | os.PathLike[str],
    artifact_path: str | None = None,
    run_id: str | None = None,
    *,
    copy: bool = True,
) -> None:
    """Keep a copy of a file in the run, or a reference to it; see `Run.log_artifact`."""
    _run(run_id).log_artifact(local_path, artifact_path, copy=copy)


def log_artifacts(
    local_dir: str | os.PathLike[str], artifact_path: str | None = None, run_id: str | None = None
) -> None:
    """Keep copies of all files below a folder; see `Run.log_artifacts`."""
    _run(run_id).log_artifacts(local_dir, artifact_path)


def log_text(text: str, artifact_file: str, run_id: str | None = None) -> None:
    """Keep a text as a file."""
    _run(run_id).log_text(text, artifact_file)


def log_dict(dictionary: Any, artifact_file: str, run_id: str | None = None) -> None:
    """Keep a mapping or a list as a JSON file."""
    _run(run_id).log_dict(dictionary, artifact_file)


def log_figure(figure: Any, artifact_file: str, *, save_kwargs: Mapping[str, Any] | None = None) -> None:
    """Keep a matplotlib or plotly figure; see `Run.log_figure`."""
    _run().log_figure(figure, artifact_file, save_kwargs=save_kwargs)


def log_image(image: Any, artifact_file: str | None = None, key: str | None = None, step: int | None = None) -> None:
    """Keep an image; see `Run.log_image`."""
    _run().log_image(image, artifact_file, key, step)


def log_table(data: Any, artifact_file: str, run_id: str | None = None) -> None:
    """Keep a table, or add rows to one; see `Run.log_table`."""
    _run(run_id).log_table(data, artifact_file)


def log_model(
    name: str,
    files: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    version: str | int | None = None,
    aliases: str | Sequence[str] = (),
    derived_from: str | None = None,
) -> None:
    """Keep the files of a model and note its version; see `Run.log_model`."""
    _run().log_model(name, files, version, aliases, derived_from)


def _warn_not_kept(what: str) -> None:
    warn(f"{what} are not kept with a metric: name them in a tag, a param or log_input")


def _run(run_id: str | None = None) -> Run:
    if run_id is None and len(_active) == 1:
        return _active[0]
    if run_id is not None:
        for run in _active:
            if run.run_id == run_id:
                return run
        raise LoggerError(f"run {run_id!r} is not active in this process; start_run(run_id={run_id!r}) continues it")
    run_or_none = active_run()
    if run_or_none is not None:
        return run_or_none
    run = start_run()
    message = f"no run was active: started run {run.name} of experiment {run.experiment!r}, which ends with the program"
    warn(message)
    return run


# ---- which run: ids, ranks, earlier logs


class _EarlierRun(NamedTuple):
    """What the logs of a run say that is to be continued."""

    folder: Path
    facts: RunFacts
    params: dict[str, Any]


def _make_facts(
    earlier: _EarlierRun | None,
    *,
    run_id: str | None,
    experiment: str | None,
    name: str | None,
    parent: str | None,
    group: str | None,
    user: str | None,
    default_experiment: str,
) -> RunFacts:
    own_id = checked_name(run_id, "run") if run_id is not None else _make_run_id()
    before = earlier.facts if earlier else None
    if before and experiment is not None and experiment != before.experiment:
        raise LoggerError(
            f"run {own_id!r} belongs to experiment {before.experiment!r}, not {experiment!r}; "
            "leave the experiment out to continue it"
        )
    if name is None and before is None:
        from reportgen.capture.names import make_name

        name = make_name(own_id)
    return RunFacts(
        own_id,
        checked_name(experiment or (before.experiment if before else default_experiment), "experiment"),
        checked_name(name or (before.name if before else own_id), "run"),
        parent=parent or (before.parent if before else None),
        group=plain_tag(group) if group is not None else before.group if before else None,
        user=plain_tag(user) if user is not None else before.user if before else None,
    )


def _make_run_id() -> str:
    return f"{strftime('%Y%m%d-%H%M%S', gmtime())}-{os.urandom(5).hex()}"


def _one_of(what: str, value: str | None, alias: str | None) -> str | None:
    if value is not None and alias is not None and value != alias:
        raise LoggerError(f"{what} was given twice: {value!r} and {alias!r}")
    given = alias if value is None else value
    if given is not None and not isinstance(given, str):
        raise LoggerError(f"{what} must be text, not {type(given).__name__}")
    return given


def _shared_run_id(*, nested: bool) -> str | None:
    """Return the run id that the environment gives to all processes of a job, None when it gives none.

    The first run of a process has the id itself, the next ones have `-2`, `-3` … behind it: the processes of a job
    start their runs in the same order.
    """
    global _shared_runs
    torchrun = os.environ.get("TORCHELASTIC_RUN_ID", "none")
    base = os.environ.get("REPORTGEN_RUN_ID") or ("" if torchrun == "none" else torchrun)
    if not base:
        return None
    _shared_runs += 1
    return base if _shared_runs == 1 and not nested else f"{base}-{max(_shared_runs, 2)}"


def _find_rank(rank: int | None, *, shared: bool) -> int:
    if rank is not None:
        if type(rank) is not int or not 0 <= rank < 2**31:
            raise LoggerError(f"rank must be a whole number from 0, not {rank!r}")
        return rank
    told = os.environ.get("RANK") or os.environ.get("SLURM_PROCID") or "0"
    number = int(told) if told.isdecimal() and len(told) < 10 else 0
    if shared:
        return number
    if number:
        warn(
            f"this is process {number} of a job without a shared run id, so it logs a run of its own; "
            "set REPORTGEN_RUN_ID or give run_id= to log one run together",
        )
    return 0


def _find_run(root: Path, run_id: str) -> _EarlierRun | None:
    """Return what earlier logs below `root` say of the run, None when there are none."""
    name = folder_name(checked_name(run_id, "run"))
    try:
        folders = sorted(path for path in root.glob(f"*/{name}") if path.is_dir())
    except OSError:
        return None
    for folder in folders:
        facts: RunFacts | None = None
        params: dict[str, Any] = {}
        for path in sorted(path for path in folder.glob(RUN_LOG_GLOB) if path.is_file()):
            facts = _read_earlier(path, run_id, params) or facts
        if facts is not None:
            return _EarlierRun(folder, facts, params)
    return None


def _read_earlier(path: Path, run_id: str, params: dict[str, Any]) -> RunFacts | None:
    """Add the params of one log to `params` and return what its start line says; None when it is of another run."""
    try:
        with path.open("rb") as log:
            lines = log.read(RESUME_BYTES).split(b"\n")
        start = decode_line(lines[0])
    except (OSError, FormatError):
        return None
    texts = {key: start.get(key) for key in ("run_id", "experiment", "name", "parent", "group", "user")}
    if texts["run_id"] != run_id or not isinstance(texts["experiment"], str):
        return None
    for line in lines[1:]:
        if line.startswith(b'{"event":"params"'):
            try:
                logged = decode_line(line).get("params")
            except FormatError:
                continue
            for key, value in logged.items() if isinstance(logged, dict) else ():
                params.setdefault(key, value)
    optional = {key: value if isinstance(value, str) else None for key, value in texts.items()}
    return RunFacts(
        run_id,
        texts["experiment"],
        optional["name"] or run_id,
        optional["parent"],
        optional["group"],
        optional["user"],
    )


# ---- which run is active, and what ends it


def _require_no_active_run(nested: bool) -> None:
    thread = threading.get_ident()
    own = next((run for run in reversed(_active) if run.thread == thread), None)
    if own is not None and not nested:
        raise LoggerError(
            f"run {own.name} ({own.run_id}) is active: end it with end_run(), or start a run inside it with nested=True"
        )


def _remember(run: Run) -> None:
    global _last
    _active.append(run)
    _last = run
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _on_sigterm)


def _forget(run: Run) -> None:
    if run in _active:
        _active.remove(run)
    main = threading.current_thread() is threading.main_thread()
    if not _active and main and signal.getsignal(signal.SIGTERM) is _on_sigterm:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _on_sigterm(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    """End the runs as stopped, then let the default action end the process, so that its exit status tells why."""
    for run in reversed(_active):
        run.terminate()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTERM)


def _end_all() -> None:
    """End what is still active at the end of the program: as failed when an exception that nobody caught ended it."""
    error = None if hasattr(sys, "ps1") else getattr(sys, "last_value", None)
    status, reason = how_it_ended(error)
    for run in list(reversed(_active)):
        run.end(status, reason)


atexit.register(_end_all)

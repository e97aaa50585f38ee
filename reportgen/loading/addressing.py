"""What a text that names a run means, on the command line as in Python. Pure.

A run is named by its id, its name, the key in its address, the beginning of id or name where only one begins so, or by
what it is: `latest`, `latest@digits`, `best:val/accuracy@digits`, `max:…`, `min:…`. A run's own id or name comes first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol, TypeVar

from reportgen.analysis.groups import finite_value
from reportgen.analysis.selection import best_run, rank_runs
from reportgen.errors import SourceError
from reportgen.formats import short_key
from reportgen.model import Summary
from reportgen.site.config import Config
from reportgen.spelling import suggestion

CANDIDATES: Final = 8
"""Names that an error lists."""
FORMS: Final = ("best:", "max:", "min:")
"""What may stand in front of a metric; `@` and an experiment may stand behind it."""
LATEST: Final = "latest"


class Named(Protocol):
    """What a run is found by: a `Summary`, a `RunRef` or a `LoggedRun`."""

    @property
    def key(self) -> str: ...
    @property
    def run_id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def experiment(self) -> str: ...


_Run = TypeVar("_Run", bound=Named)


def find_run(
    runs: Sequence[_Run],
    text: str,
    *,
    config: Config,
    summaries: Callable[[], Iterable[Summary]],
) -> _Run:
    """Return the one of `runs` that `text` means.

    `summaries` gives the summaries of the runs, and is called only for a text that asks for what they hold. Raises
    `SourceError` when no run or more than one is meant; the message lists candidates.
    """
    ways: tuple[Callable[[_Run], bool], ...] = (
        lambda run: run.run_id == text,
        lambda run: run.name == text,
        lambda run: text in (run.key, short_key(run.key)),
    )
    beginning: Callable[[_Run], bool] = lambda run: run.run_id.startswith(text) or run.name.startswith(text)  # noqa: E731
    for fits in ways:
        if text and (found := [run for run in runs if fits(run)]):
            return _only(found, text)
    if _is_form(text):
        key = _find_by_form(text, list(summaries()), config)
        chosen = next((run for run in runs if run.key == key), None)
        if chosen is None:
            raise SourceError(f"the run that '{text}' means cannot be read: build a site, whose problems say why")
        return chosen
    if text and (found := [run for run in runs if beginning(run)]):
        return _only(found, text)
    near = suggestion(text, [name for run in runs for name in (run.name, run.run_id)])
    if not near and runs:
        near = f" there are: {listed(sorted({run.name for run in runs}))};"
    raise SourceError(
        f"no run is called '{text}':{near} give its id or its name, the beginning of one, latest, or best:METRIC"
    )


def find_experiment(experiments: Iterable[str], name: str) -> str:
    """Return `name` if there is an experiment of that name. Raises `SourceError` with what there is instead."""
    names = sorted(experiments)
    if name not in names:
        near = suggestion(name, names)
        raise SourceError(f"no experiment is called '{name}':{near} there are: {listed(names)}")
    return name


def listed(names: Sequence[str]) -> str:
    """Return the first names of a list, and how many more there are."""
    more = len(names) - CANDIDATES
    return ", ".join(names[:CANDIDATES]) + (f" and {more} more" if more > 0 else "")


def _only(found: list[_Run], text: str) -> _Run:
    if len(found) == 1:
        return found[0]
    found.sort(key=lambda run: (run.experiment, run.name, run.run_id))
    names = listed([f"{run.run_id} ({run.name}, experiment {run.experiment})" for run in found])
    raise SourceError(f"'{text}' can mean {len(found)} runs: give the id of one of them: {names}")


# ---- by what the runs hold


def _is_form(text: str) -> bool:
    return text == LATEST or text.startswith((*FORMS, f"{LATEST}@"))


def _find_by_form(text: str, runs: Sequence[Summary], config: Config) -> str:
    """Return the key of the run that `latest…`, `best:…`, `max:…` or `min:…` means. Raises `SourceError`."""
    experiments: dict[str, list[Summary]] = {}
    for run in runs:
        experiments.setdefault(run.experiment, []).append(run)
    if text == LATEST or text.startswith(f"{LATEST}@"):
        if text != LATEST:
            runs = experiments[find_experiment(experiments, text.removeprefix(f"{LATEST}@"))]
        return _first(rank_runs(runs, "", "last", None), text)
    form, _, rest = text.partition(":")
    metric, runs = _find_metric(rest, runs, experiments)
    if form != "best":
        ranked = [
            run for run in rank_runs(runs, metric, form, form) if finite_value(run, metric, form, form) is not None
        ]
        return _first(ranked, text)
    known = config.metric(metric)
    if known.direction is None:
        raise SourceError(
            f"'{text}' needs to know whether '{metric}' should rise or fall: write max:{rest} or min:{rest}, or "
            f'declare it in reportgen.toml: [metrics."{metric}"] direction = "max"'
        )
    best = best_run(runs, metric, known.summary or "best", known.direction)
    return _first([best] if best else [], text)


def _first(ranked: Sequence[Summary], text: str) -> str:
    if not ranked:
        raise SourceError(f"'{text}' means no run: none has a value that is a finite number")
    return ranked[0].key


def _find_metric(
    rest: str, runs: Sequence[Summary], experiments: Mapping[str, Sequence[Summary]]
) -> tuple[str, Sequence[Summary]]:
    """Return the metric that `METRIC` or `METRIC@EXPERIMENT` names, and the runs to choose from.

    Both may hold an `@` themselves: the parts that there are decide.
    """
    cuts = [i for i, letter in enumerate(rest) if letter == "@"]
    splits = [(rest[:i], rest[i + 1 :]) for i in reversed(cuts)]
    for metric, experiment in splits:
        own = experiments.get(experiment, ())
        if any(metric in run.metrics for run in own):
            return metric, own
    if any(rest in run.metrics for run in runs):
        return rest, runs
    for metric, experiment in splits:
        if experiment in experiments:
            raise _no_metric(metric, experiments[experiment], f"run of '{experiment}'")
        if any(metric in run.metrics for run in runs):
            find_experiment(experiments, experiment)
    raise _no_metric(rest, runs, "run")


def _no_metric(metric: str, runs: Sequence[Summary], whose: str) -> SourceError:
    names = sorted({name for run in runs for name in run.metrics})
    near = suggestion(metric, names)
    return SourceError(f"no {whose} has the metric '{metric}':{near} there are: {listed(names)}")

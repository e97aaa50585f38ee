"""Results of lm-evaluation-harness: `results*.json`, each the evaluation of one model, or of one checkpoint of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from reportgen.formats import clean_text
from reportgen.model import Problem, Stream
from reportgen.sources.documents import iter_leaves, moment, number, read_object
from reportgen.sources.kinds import Claim, FoundRun, Listing
from reportgen.sources.parts import label_of
from reportgen.sources.places import Place, RunRef
from reportgen.sources.streams import StreamMaker
from reportgen.sources.tables.reading import shorten

MAX_LOOKS: Final = 2000
"""Files of a folder that are looked into."""
_LONG_HEAD: Final = 1 << 18
_STEP: Final = re.compile(r"(?i)(?:global_?step|step|checkpoint|ckpt|iter(?:ation)?)[-_]?([0-9]{1,15})(?![0-9])")
_STAMP: Final = re.compile(r"_?[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}[-:][0-9]{2}[-:][0-9.]+")
_NAMED: Final = re.compile(rf"results{_STAMP.pattern}\.json")
"""What the harness itself calls its files."""
_NOTHING: Final = "the file holds no results of lm-evaluation-harness"
_NOTHING_HINT: Final = "it was cut or damaged: copy it again, or delete it"
_MARKS: Final = (b'"versions"', b'"config"', b'"configs"', b'"n-shot"', b'"config_general"')
_NO_METRICS: Final = frozenset({"alias", "name", "sample_len"})


class _LmEval:
    name = "lm_eval"
    title = "lm-evaluation-harness"
    about = "a JSON document with results by task, and the versions or the configuration of the harness"

    def claim(self, folder: Listing) -> Claim | None:
        """Return the runs of a folder: files that differ in the number of a step are one run."""
        groups: dict[str, list[str]] = {}
        for name in folder.ending(".json")[:MAX_LOOKS]:
            if _is_results(folder, name):
                groups.setdefault(_series_of(name), []).append(name)
        own = {name for names in groups.values() for name in names}
        lost = [name for name in folder.ending(".json")[:MAX_LOOKS] if _NAMED.fullmatch(name) and name not in own]
        if not (groups or lost):
            return None
        return Claim(
            tuple(_run(folder, series, sorted(names, key=_order)) for series, names in sorted(groups.items())),
            files=frozenset((*own, *lost)),
            problems=tuple(Problem(label_of(folder.full(name)), _NOTHING, _NOTHING_HINT) for name in lost),
        )

    def read(self, place: Place, ref: RunRef) -> Iterable[Stream]:
        """Read one run."""
        maker = StreamMaker(place.files[0].label, run_id=ref.run_id, experiment=ref.experiment, name=ref.name)
        columns: dict[str, tuple[list[float], list[int], list[float]]] = {}
        last: dict[str, Any] = {}
        time = None
        for file in place.files:
            maker.faults.label = file.label
            document = read_object(file.path, maker.faults)
            if not document:
                continue
            last = document
            time = moment(document.get("date"))
            step = _step_of(file.label.rpartition("/")[2])
            for name, value in _results(document):
                values, steps, times = columns.setdefault(name, ([], [], []))
                values.append(value)
                steps.append(0 if step is None else step)
                times.append(float("nan") if time is None else time)
        for name, (values, steps, times) in columns.items():
            maker.points(name, values, steps=steps, times=times)
        if last:
            maker.params(shorten(_params(last)))
            commit = last.get("git_hash")
            if isinstance(commit, str) and re.fullmatch(r"[0-9a-f]{7,40}", commit):
                maker.add("code", commit=commit)
            maker.end("FINISHED", time)
        return [maker.finish()]


KIND: Final = _LmEval()


def _is_results(folder: Listing, name: str) -> bool:
    """Tell whether a file holds results: what stands in front of them may be long, so that a mark is enough."""
    head = folder.head(name)
    if head.lstrip()[:1] != b"{" or b'"' not in head:
        return False
    if b'"results"' not in head:
        return False
    return any(mark in head for mark in _MARKS) or any(mark in folder.head(name, _LONG_HEAD) for mark in _MARKS)


def _step_of(name: str) -> int | None:
    found = _STEP.findall(name)
    return int(found[-1]) if found else None


def _series_of(name: str) -> str:
    """Return what a file is called without the number of its step; one without a step stands alone."""
    stem = name.removesuffix(".json")
    return _STAMP.sub("", _STEP.sub("#", stem)) if _STEP.search(stem) else stem


def _order(name: str) -> tuple[int, str]:
    return (_step_of(name) or 0, name)


def _run(folder: Listing, series: str, names: list[str]) -> FoundRun:
    name = series.replace("#", "").strip("_-. ") or (folder.parts or ("",))[-1]
    if name == "results" or _STAMP.sub("", name) == "results":
        name = name if len(folder.parts) < 2 else f"{folder.parts[-1]}{name.removeprefix('results')}"
    return FoundRun(tuple(names), name=clean_text(name), began=0.0, item=series)


def _results(document: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Yield the numbers of all tasks and groups as `task/metric`."""
    seen: set[str] = set()
    for key in ("results", "groups"):
        tasks = document.get(key)
        for task, metrics in tasks.items() if isinstance(tasks, dict) else ():
            if task in seen or not isinstance(metrics, dict):
                continue
            seen.add(task)
            for name, value in iter_leaves(metrics, "/"):
                found = number(value)
                if found is not None and name not in _NO_METRICS:
                    yield f"{task}/{name}", found


def _params(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings: the configuration, what the model is, and versions and shots by task."""
    config = document.get("config") or document.get("config_general")
    params = dict(config) if isinstance(config, dict) else {}
    for name in ("model_name", "model_source", "chat_template_sha", "lm_eval_version", "transformers_version"):
        if document.get(name) is not None:
            params[name] = document[name]
    for name in ("versions", "n-shot"):
        if isinstance(document.get(name), dict):
            params[name] = document[name]
    return params

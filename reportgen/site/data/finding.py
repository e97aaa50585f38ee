"""What filters in the page may ask of the runs of one experiment beside its table: `data/query/<k>.js` and its parts.

A script loads them only when a filter needs them. What the table says already is not said again; with the table they
give a filter the very values that `reportgen.query` compares.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from reportgen.formats import SITE_FORMAT
from reportgen.model import Experiment, MetricSummary, ParamValue, Summary
from reportgen.query.frame import text_of
from reportgen.site import urls
from reportgen.site.config import Config
from reportgen.site.data.encoding import encode_column, pack, packed_script, script
from reportgen.site.data.facts import describe_metric
from reportgen.site.data.summaries import sparse_columns
from reportgen.site.data.tables import runs_of
from reportgen.site.pages.columns import MAX_REASON, whole_name

CHUNK_BYTES: Final = 1 << 20
"""Bytes of the numbers in one part, before they are packed; a metric of very many runs may have more."""
STATISTICS: Final = ("last", "first", "min", "max", "mean")
COUNTS: Final = ("count", "min_step", "max_step")
_EXACT: Final = 2**53
"""Beyond this integer, scripts do not know all digits."""


def finding_scripts(experiment: Experiment, config: Config) -> Iterator[tuple[str, bytes]]:
    """Yield (site path, content) of the files of one experiment; the head comes last, with the first part."""
    runs = runs_of(experiment)
    name = experiment.name
    parts: list[list[str]] = []
    first: list[Any] = []
    for names, columns in _iter_chunks(runs, config):
        if parts:
            path = urls.finding_part_js(name, len(parts))
            yield path, script(_id(path), {"metrics": columns})
        else:
            first = columns
        parts.append(names)
    head = make_head(runs, parts)
    notes = _exceptions(runs, lambda run: run.notes, lambda run: run.note)
    if notes:
        head["notes"] = max(len(parts), 1)
        path = urls.finding_part_js(name, head["notes"])
        yield path, packed_script(_id(path), notes)
    path = urls.finding_js(name)
    yield path, script(_id(path), {"head": pack(head), "metrics": first})


def _id(path: str) -> str:
    return path.removeprefix("data/").removesuffix(".js")


def make_head(runs: Sequence[Summary], parts: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Return the head: exact texts, files and data sets of the runs, and which part holds which metric."""
    ids = {run.run_id for run in runs}
    inputs = [tuple((each.name, each.digest, each.role) for each in run.inputs) for run in runs]
    return {
        "format": SITE_FORMAT,
        "n": len(runs),
        "names": _exceptions(runs, lambda run: run.name, whole_name),
        "errors": {str(i): run.error for i, run in enumerate(runs) if len(run.error) > MAX_REASON},
        "parents": {
            str(i): run.parent_id
            for i, run in enumerate(runs)
            if run.parent_id and (run.parent_id not in ids or run.parent_id == run.run_id)
        },
        "params": [made for column in sparse_columns(run.params for run in runs) if (made := _param_texts(column))],
        "parts": parts,
        "notes": None,
        "datasets": _lists(inputs),
        "artifacts": _lists([run.artifact_paths for run in runs]),
        "files": [run.artifacts for run in runs],
    }


def _exceptions(
    runs: Sequence[Summary], exact: Callable[[Summary], str], shown: Callable[[Summary], str]
) -> dict[str, str]:
    """Return run index -> exact text, for the runs of which the table says another."""
    return {str(i): text for i, run in enumerate(runs) if (text := exact(run)) != shown(run)}


def _param_texts(column: dict[str, Any]) -> dict[str, Any] | None:
    """Return what a script must know to write the numbers of a param as Python does; None when it knows.

    With `floats` whole numbers were logged as 5.0, else as 5; `texts` are the others, by the index of the run.
    """
    values: list[ParamValue] = column["values"]
    whole = sum(isinstance(value, float) and value.is_integer() for value in values)
    floats = whole > sum(type(value) is int for value in values)
    owners = range(len(values)) if column["runs"] is None else column["runs"]
    texts = {
        str(i): text_of(value) for i, value in zip(owners, values, strict=True) if not _known_text(value, floats=floats)
    }
    return {"name": column["name"], "floats": floats, "texts": texts} if floats or texts else None


def _known_text(value: ParamValue, *, floats: bool) -> bool:
    """Tell whether a script that has `value` from JSON writes it as Python does."""
    if type(value) is int:
        return not floats and abs(value) < _EXACT
    if isinstance(value, float):
        return math.isfinite(value) and (
            floats or not value.is_integer() or (value == 0 and math.copysign(1, value) < 0)
        )
    return True


def _lists(rows: Sequence[tuple[Any, ...]]) -> dict[str, Any] | None:
    """Return lists of which many are alike: the different `items`, the different `lists` of them, and `of` each run."""
    if not any(rows):
        return None
    items: dict[Any, int] = {}
    lists: dict[tuple[int, ...], int] = {}
    of = [lists.setdefault(tuple(items.setdefault(item, len(items)) for item in row), len(lists)) for row in rows]
    return {"items": list(items), "lists": list(lists), "of": of}


# ---- metrics


def _iter_chunks(runs: Sequence[Summary], config: Config) -> Iterator[tuple[list[str], list[dict[str, Any]]]]:
    """Yield metrics with their columns, as many together as fit into a part."""
    names: list[str] = []
    columns: list[dict[str, Any]] = []
    size = 0
    for column in sparse_columns(run.metrics for run in runs):
        own = len(column["values"]) * 8 * (len(STATISTICS) + len(COUNTS) - 1)
        if names and size + own > CHUNK_BYTES:
            yield names, columns
            names, columns, size = [], [], 0
        names.append(column["name"])
        columns.append(_statistics(column["values"], str(describe_metric(column["name"], config)["summary"])))
        size += own
    if names:
        yield names, columns


def _statistics(metrics: Sequence[MetricSummary], declared: str) -> dict[str, Any]:
    """Return the statistics of one metric as packed columns, in the order of its runs.

    The `declared` one is in the table and left out; a column that is the same as another is the name of that.
    `none` are the places of the runs without a finite value, which have a count and a last value alone.
    """
    read = attrgetter(*STATISTICS, *COUNTS)
    columns = dict(zip((*STATISTICS, *COUNTS), zip(*map(read, metrics), strict=True), strict=True))
    made: dict[str, Any] = {"none": [i for i, low in enumerate(columns["min"]) if low is None]}
    seen: dict[tuple[bool, bool, bytes], str] = {}
    for name in (declared, *columns):
        whole = name in COUNTS
        values = _array(columns[name], whole=whole)
        always = name in ("last", "count") or not made["none"]
        same = seen.setdefault((whole, always, values.tobytes()), name)
        if name != declared:
            made[name] = encode_column(values) if same == name else same
    return made


def _array(values: Iterable[float | None], *, whole: bool) -> NDArray[Any]:
    if whole:
        return np.array([0 if value is None else value for value in values], dtype=np.int64)
    return np.array([math.nan if value is None else value for value in values], dtype=np.float64)

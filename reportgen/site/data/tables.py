"""The runs of one experiment as columns: what its table, the comparison and the charts of many runs are made from.

Values are exact, as in the CSV; how they are written stands beside them. The same rules as on the pages decide what
is best, what differs and which colour a configuration has, so that a script never contradicts the page that it is on.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import orjson

from reportgen.analysis.groups import Group, is_seed, make_groups, seed_spread
from reportgen.analysis.selection import contenders
from reportgen.formats import SITE_FORMAT, encode_number, short_key
from reportgen.model import Experiment, Summary
from reportgen.query.frame import shown_duration, shown_ms
from reportgen.site import urls
from reportgen.site.config import Config
from reportgen.site.data.encoding import decode_column, encode_column, packed_script, unpack
from reportgen.site.data.facts import describe_metric
from reportgen.site.data.summaries import encode_spark, sparse_columns
from reportgen.site.pages.columns import (
    MAX_REASON,
    colour,
    cut_text,
    group_label,
    headline_of,
    leading_metric,
    name_of,
    selection_of,
    title_of_experiment,
    whole_name,
)
from reportgen.site.pages.rows import make_differs
from reportgen.site.text import column_decimals

LONG_TEXT: Final = 12
"""A column whose numbers have more characters than this on average is smaller as bytes."""
_COARSE: Final = {height: round(round(height * 31 / 63) * 63 / 31) for height in range(64)} | {-1: -1}
"""Height of a sparkline -> the nearest of 32 heights."""


def table_script(experiment: Experiment, config: Config) -> bytes:
    """Return `data/tables/<k>.js`: the table without what `decode_table` finds out again."""
    table = make_table(experiment, config)
    del table["runs"]["k"]
    for column in table["metrics"]:
        column["values"] = _pack_values(column["values"])
    return packed_script(f"tables/{table['k']}", table)


def _pack_values(values: list[float | str | None]) -> Any:
    """Return numbers as a packed column where that is smaller, and nothing is missing that only a list can say."""
    if not all(isinstance(value, float) for value in values):
        return values
    return encode_column(np.array(values)) if len(orjson.dumps(values)) > LONG_TEXT * len(values) else values


def decode_table(text: str) -> dict[str, Any]:
    """Return the table that a file holds packed; the reference for `reportgen.table`."""
    table: dict[str, Any] = unpack(text)
    table["runs"].setdefault("k", [page[-15:-5] for page in table["runs"]["page"]])
    for column in table["metrics"]:
        if not isinstance(column["values"], list):
            column["values"] = decode_column(column["values"]).tolist()
    return table


def runs_of(experiment: Experiment) -> list[Summary]:
    """Return the runs of an experiment in the order of its table: by (start, newest first, then key)."""
    return sorted(experiment.runs, key=lambda run: (-run.start_time, run.key))


def make_table(experiment: Experiment, config: Config) -> dict[str, Any]:
    """Return the table of an experiment."""
    runs = runs_of(experiment)
    place = {run.key: i for i, run in enumerate(runs)}
    groups = make_groups(experiment)
    headline = headline_of(experiment, config)
    return {
        "format": SITE_FORMAT,
        "k": short_key(experiment.name),
        "name": experiment.name,
        "title": title_of_experiment(experiment.name),
        "page": urls.experiment_page(experiment.name),
        "n": len(runs),
        "runs": _run_columns(experiment, runs, groups),
        "names": {str(i): whole for i, run in enumerate(runs) if (whole := whole_name(run)) != name_of(run)},
        "params": _param_columns(experiment, runs),
        "tags": sparse_columns(run.tags for run in runs),
        "metrics": _metric_columns(dict.fromkeys((*headline, *experiment.metric_names)), runs, groups, config),
        "headline": headline,
        "leading": leading_metric(experiment, config),
        "spark": _sparks(headline[0], runs) if headline else None,
        "groups": {"label": [group_label(g) for g in groups], "slot": [colour(g.slot) for g in groups]},
        "selection": [place[run.key] for run in selection_of(experiment, config)],
    }


def _run_columns(experiment: Experiment, runs: Sequence[Summary], groups: Sequence[Group]) -> dict[str, list[Any]]:
    by_id = {run.run_id: i for i, run in reversed(list(enumerate(runs)))}
    group_of = {run.key: i for i, group in enumerate(groups) for run in group.runs}
    differs = make_differs(experiment)

    def parent(i: int, run: Summary) -> int:
        found = by_id.get(run.parent_id, -1) if run.parent_id else -1
        return -1 if found == i else found

    return {
        "k": [short_key(run.key) for run in runs],
        "id": [run.run_id for run in runs],
        "name": [name_of(run) for run in runs],
        "page": [urls.run_page(run.key, run.name) for run in runs],
        "status": [run.status for run in runs],
        "error": [cut_text(run.error, MAX_REASON) for run in runs],
        "start": [shown_ms(run.start_time) / 1000 for run in runs],
        "last": [shown_ms(run.last_time) / 1000 for run in runs],
        "duration": [shown_duration(run.duration_s) for run in runs],
        "user": [run.user for run in runs],
        "group": [run.group for run in runs],
        "parent": [parent(i, run) for i, run in enumerate(runs)],
        "commit": [run.commit for run in runs],
        "branch": [run.branch for run in runs],
        "dirty": [run.dirty for run in runs],
        "note": [run.note for run in runs],
        "differs": [differs(run) for run in runs],
        "group_of": [group_of[run.key] for run in runs],
    }


def _param_columns(experiment: Experiment, runs: Sequence[Summary]) -> list[dict[str, Any]]:
    """Return the params in order of first appearance, oldest run first, as everywhere on the pages."""
    varying = frozenset(experiment.varying_params)
    position = {name: i for i, name in enumerate(dict.fromkeys(name for run in experiment.runs for name in run.params))}
    columns = sorted(sparse_columns(run.params for run in runs), key=lambda column: position[column["name"]])
    return [{**column, "varying": column["name"] in varying, "seed": is_seed(column["name"])} for column in columns]


def _metric_columns(
    names: Iterable[str], runs: Sequence[Summary], groups: Sequence[Group], config: Config
) -> list[dict[str, Any]]:
    found = {column["name"]: column for column in sparse_columns(run.metrics for run in runs)}
    repeated = [group for group in groups if len(group.runs) > 1]
    rivals = {run.key for run in contenders(runs)}
    rival = [run.key in rivals for run in runs]
    return [_metric_column(found[name], rival, repeated, config) for name in names]


def _metric_column(
    column: Mapping[str, Any], rival: Sequence[bool], repeated: Sequence[Group], config: Config
) -> dict[str, Any]:
    """Return the column of one metric; `rival` tells of each run whether it may be called best."""
    name, metrics = column["name"], column["values"]
    about = describe_metric(name, config)
    summary = about["summary"]
    numbers = [getattr(metric, summary) for metric in metrics]
    steps = None if summary == "mean" else [getattr(metric, f"{summary}_step") for metric in metrics]
    owners = range(len(rival)) if column["runs"] is None else column["runs"]
    telling = [n for i, n in zip(owners, numbers, strict=True) if rival[i] and n is not None]
    return {
        "name": name,
        "runs": column["runs"],
        "values": [n if n is None else encode_number(n) for n in numbers],
        **about,
        "steps": steps if steps and any(step is not None for step in steps) else None,
        "spread": seed_spread(repeated, name, summary),
        "decimals": column_decimals(telling or numbers),
    }


def _sparks(metric: str, runs: Sequence[Summary]) -> dict[str, Any]:
    """Return the sparklines of `metric`, as fine as they are drawn: in 32 heights, their ranges rounded."""
    found = [run.metrics.get(metric) for run in runs]
    ranges = [(None, None) if m is None else _rounded_range(m.min, m.max) for m in found]
    return {
        "metric": metric,
        "values": ["" if m is None else encode_spark([_COARSE[height] for height in m.spark]) for m in found],
        "min": [low for low, _ in ranges],
        "max": [high for _, high in ranges],
    }


def _rounded_range(low: float | None, high: float | None) -> tuple[float | None, float | None]:
    """Return a range with its ends rounded to less than a hundredth of its width."""
    if low is None or high is None or not 0 < high - low < math.inf:
        return low, high
    decimals = 2 - math.floor(math.log10(high - low))
    return round(low, decimals), round(high, decimals)

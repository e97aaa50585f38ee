"""Tells by its columns whether a table of unknown origin is a run log, and which column is what. Pure.

Any data set may be a table. A table is taken for a log when one column is a step by its name and rises, or is a time
and another one has the name of a metric, and most of the others are numbers; a table of runs, when each row has a name
of its own and results.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Final

import numpy as np

from reportgen.sources.faults import Faults
from reportgen.sources.tables.documents import may_be_history, names_of_keys, read_document
from reportgen.sources.tables.layouts import Layout
from reportgen.sources.tables.naming import SETTINGS, has_metric_name, lower_words
from reportgen.sources.tables.reading import read_moment
from reportgen.sources.tables.rows import Rows, delimiter_of, iter_lines, names_of, read_csv, read_json, split_cells

STEPS: Final = (
    "step",
    "global_step",
    "_step",
    "train_step",
    "training_step",
    "trainer/global_step",
    "iter",
    "iters",
    "iteration",
    "iterations",
    "training_iteration",
    "num_updates",
    "update",
    "updates",
    "steps",
    "timestep",
    "timesteps",
    "total_timesteps",
    "timesteps_total",
    "env_steps",
    "frame",
    "frames",
    "epoch",
    "epochs",
    "round",
    "generation",
    "trial_number",
)
"""Names of columns of steps, in lower case, the surest first."""
TIMES: Final = (
    "time",
    "timestamp",
    "ts",
    "wall_time",
    "walltime",
    "_timestamp",
    "datetime",
    "date",
    "created_at",
    "logged_at",
)
NAMES: Final = ("run", "run_id", "run_name", "runid", "experiment_name", "exp_name", "trial", "trial_id", "trial_name")
"""Names of columns that name the run of a step."""
_MODELS: Final = ("model", "model_name", "config_name", "method", "system")
RUN_NAMES: Final = ("tags.mlflow.runname", *NAMES, "name", "id", *_MODELS)
"""The same in a table of runs."""
EXPERIMENTS: Final = ("experiment", "project", "sweep")
_SURE_STEPS: Final = frozenset(STEPS[: STEPS.index("update")])
_OWN: Final = ({"run_id", "start_time", "duration_s"}, {"run_id", "metric", "rank", "step", "value"})
"""Columns of what `reportgen export` writes of runs that are logs somewhere: beside these they would come twice."""
MAX_ROWS_A_STEP: Final = 16
"""A step with more rows is no step."""
_RESULTS: Final = re.compile(r"(?:results?|metrics?|scores?|eval(?:uation)?|final|summary)[/.]|values?(?:_[0-9]+)?$")
_KEPT_BY_TRACKERS: Final = frozenset(
    "run_id experiment_id artifact_uri end_time number datetime_complete duration user tags.mlflow.user"
    " tags.mlflow.source.name".split()
)
"""Columns of exported runs that say nothing of the training, or something of the machine."""
_STARTS: Final = (*TIMES, "start_time", "datetime_start", "created")
"""Columns that say when the run of a row began."""


def may_be_log(head: bytes, *, is_csv: bool) -> bool:
    """Tell by the first bytes of a file whether it is worth to be looked at."""
    line = head.lstrip(b"\xef\xbb\xbf \r\n\t").partition(b"\n")[0]
    if not is_csv:
        return line[:1] == b"{"
    names = {name.lower() for name in names_of(split_cells(line, delimiter_of(line)))}
    return len(names) > 1 and (not names.isdisjoint((*STEPS, *TIMES, *NAMES)) or _is_export(names))


def sniff(head: bytes, *, is_csv: bool, is_whole: bool, is_lines: bool, is_named: bool = False) -> Layout | None:
    """Return how a table is read of which `head` is the beginning, None where it is no log.

    `is_lines` says that the name of the file promises JSON lines: one row will do then. `is_named` says that the user
    named the file: numbers will do then.
    """
    if not is_whole:
        head = head[: head.rfind(b"\n") + 1]
    faults = Faults("")
    lines = iter_lines(io.BytesIO(head), faults, has_header=is_csv)
    rows = read_csv(lines, faults) if is_csv else read_json(lines, faults)
    wrong = sum(event.get("count", 1) for event in faults.events())
    if not rows.count or wrong > rows.count or (rows.count < 2 and not (is_csv or is_lines)):
        return None
    if not is_named and any(own <= {*rows.numbers, *rows.texts} for own in _OWN):
        return None
    found = _steps_layout(rows, is_csv=is_csv, is_named=is_named) or _runs_layout(rows)
    if found is not None and is_csv:
        found = replace(found, form="csv") if found.rows == "steps" or is_named or _is_sure(rows, found) else None
    if found is None and is_named and len(rows.numbers) >= len(rows.texts):
        return Layout("", "csv" if is_csv else "json")
    return found


def sniff_document(head: bytes, load: Callable[[], bytes], *, is_named: bool = False) -> Layout | None:
    """Return how a JSON document is read as a table, None where it is none.

    `load` returns the whole document, nothing where it has more than `MAX_DOCUMENT` bytes; it is asked only when the
    `head` looks like a table. `is_named` says that the user named the file: numbers will do then.
    """
    is_array = head.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] == b"["
    names = {name.lower() for name in names_of_keys(head)} if is_array else set()
    looks_so = not names.isdisjoint((*STEPS, *TIMES)) and has_metric_name(names) if is_array else may_be_history(head)
    if not (looks_so or is_named):
        return None
    data = load()
    rows = read_document(data, Faults(""))
    if is_array:
        found = _steps_layout(rows, is_csv=False, is_named=is_named) or _runs_layout(rows)
        is_log = found is not None and (found.rows == "runs" or is_named or _has_measure(rows))
        return replace(found, form="document") if found is not None and is_log else None
    if not is_history(rows) and not (is_named and rows.numbers):
        return None
    lower = {name.lower(): name for name in reversed(rows.numbers)}
    steps = tuple(lower[name] for name in STEPS if name in lower and _is_step(rows, lower[name]))
    return Layout("", "document", steps=steps[:1])


# ---- lists side by side

_MEASURE: Final = re.compile(
    r"(?:^|[^a-z])(?:loss|losses|logloss|acc|accs|accuracy|accuracies|rewards?|returns?|auc|auroc|ppl|perplexity|bleu\w*|"
    r"rouge\w*|mae|mse|rmse|elbo|wer|cer|psnr|ssim|fid|nll|bpb|bpc|top1|top5|exact_match|success_rate|cross_entropy|"
    r"fitness|errors?)(?:$|[^a-z])"
)
"""What is measured as often as a training says; a list of learning rates may be a schedule or a grid of them."""
_OF_CLASSES: Final = re.compile(r"(?:^|[^a-z])(?:precision|recall|f1|iou|miou|map|dice)(?:$|[^a-z])")
"""What is measured once a class, or along a curve, as often as once an epoch."""
_CLOCK: Final = re.compile(
    r"(?:^|[^a-z])(?:loss|losses|lr|learning_rate|epochs?|episodes?|steps?|iterations?)(?:$|[^a-z])"
)
"""What only a training has a list of, if it is as long as the others."""
_TRAINED: Final = re.compile(
    r"(?:^|[^a-z])(?:loss|losses|train|training|val|valid|validation\w*|eval|rewards?|returns?|lr|learning_rate|epochs?|"
    r"episodes?|steps?|iterations?)(?:$|[^a-z])"
)
"""Names that lists of a history have."""
_SPLIT: Final = re.compile(r"(?:.*/)?(?:train|training|val|valid|validation|test)")
"""A list that is called so holds values of a metric, or which rows of a data set are which."""
_SETTING: Final = re.compile(
    r"(?:^|[^a-z])(?:weights?|scales?|sizes?|ratios?|ranges?|coefs?|coefficients?|dims?|shapes?)$"
)
_NO_HISTORY: Final = re.compile(
    r"threshold|fit_time|(?:^|/)(?:fpr|tpr|bins?|preds?|predictions?|predicted|y_(?:true|pred|test|hat)|labels?|targets?|"
    r"logits|probs|probabilities|ids|indices|\w+_ids|embeddings?|tokens)$"
)
"""Lists of a curve, of the parts of a cross-validation, or of what was predicted, one for each sample."""
_MIN_SPLIT: Final = 3


def is_history(rows: Rows) -> bool:
    """Tell whether lists side by side are the history of a run: by their names, and by numbers too."""
    series = {lower_words(name): values for name, (own, values) in rows.numbers.items() if len(own) > 1}
    if any(map(_NO_HISTORY.search, series)) or any(len(own) > 1 for own, _ in rows.texts.values()):
        return False
    measures = [name for name in series if _MEASURE.search(name) and not _SETTING.search(name)]
    if measures:
        return any(map(_TRAINED.search, series))
    of_classes = [name for name in series if _OF_CLASSES.search(name) and not _SETTING.search(name)]
    if of_classes:
        lengths = {len(series[name]) for name in of_classes}
        return any(_CLOCK.search(name) and len(values) in lengths for name, values in series.items())
    splits = [values for name, values in series.items() if _SPLIT.fullmatch(name) and len(values) >= _MIN_SPLIT]
    return any(bool((np.isfinite(values) & (values != np.floor(values))).any()) for values in splits)


def _has_measure(rows: Rows) -> bool:
    """Tell whether the rows of a document have more than settings, such as those of a grid of learning rates."""
    names = list(map(lower_words, rows.numbers))
    return any(
        ((_MEASURE.search(name) or _OF_CLASSES.search(name)) and not _SETTING.search(name))
        or (_SPLIT.fullmatch(name) and bool((values != np.floor(values)).any()))
        for name, (_, values) in zip(names, rows.numbers.values(), strict=True)
    )


# ---- rows


def _steps_layout(rows: Rows, *, is_csv: bool, is_named: bool) -> Layout | None:
    lower = {name.lower(): name for name in reversed((*rows.numbers, *rows.texts))}
    steps = tuple(lower[name] for name in STEPS if name in lower and _is_step(rows, lower[name]))
    times = tuple(lower[name] for name in TIMES if name in lower and _is_time(rows, lower[name]))
    run = next((lower[name] for name in NAMES if name in lower), "")
    experiment = next((lower[name] for name in EXPERIMENTS if name in lower), "")
    if _is_board(rows, lower, steps[0] if steps else ""):
        return None
    special = {*steps, *times, run, experiment}
    metrics = [name for name in rows.numbers if name not in special]
    texts = [name for name, (_, values) in rows.texts.items() if name not in special and len(set(values)) > 1]
    few = 2 if steps and has_metric_name(metrics) else 4  # a column of text, such as a printed array, beside two losses
    if not metrics or (not steps and not times) or len(texts) * few > len(metrics):
        return None
    is_sure = any(step.lower() in _SURE_STEPS for step in steps)
    if not is_sure and not is_named and not has_metric_name(metrics):
        return None
    return Layout(
        "",
        "csv" if is_csv else "json",
        steps=steps[:1],
        times=times[:1],
        run=run,
        experiment=experiment,
        restart="" if run else "first",
    )


def _is_board(rows: Rows, lower: Mapping[str, str], step: str) -> bool:
    """Tell whether each row has a model of its own, and no step that is sure or one after the other: rows are runs."""
    if rows.count < 2 or step.lower() in _SURE_STEPS or (step and bool((np.diff(rows.numbers[step][1]) == 1).all())):
        return False
    return any(_names_each(rows, lower[name]) for name in _MODELS if name in lower)


def _is_step(rows: Rows, name: str) -> bool:
    """Tell whether a column is of whole numbers that rise, but for new beginnings, with few rows each."""
    if name not in rows.numbers:
        return False
    own_rows, values = rows.numbers[name]
    if len(own_rows) * 2 < rows.count or not np.isfinite(values).all() or bool((values != np.floor(values)).any()):
        return False
    falls = int((values[1:] < values[:-1]).sum())
    return float(values.min()) >= 0 and falls * 5 <= len(values) and len(values) <= MAX_ROWS_A_STEP * len(set(values))


def _is_time(rows: Rows, name: str) -> bool:
    """Tell whether a column is of times that do not fall."""
    if name in rows.texts and name not in rows.numbers:
        times = [read_moment(text) for text in rows.texts[name][1]]
        known = np.asarray([time for time in times if time is not None])
        return len(known) == rows.count and bool((known[1:] >= known[:-1]).all())
    if name not in rows.numbers:
        return False
    values = rows.numbers[name][1]
    return len(values) == rows.count and bool((values >= 1e8).all()) and bool((values[1:] >= values[:-1]).all())


def _is_export(names: AbstractSet[str]) -> bool:
    """Tell by the columns, in lower case, whether a table has the runs of a tracker: MLflow, Optuna, W&B."""
    has_both = any(map(SETTINGS.match, names)) and any(map(_RESULTS.match, names))
    return has_both or {"name", "state", "runtime"} <= names or {"name", "state", "created"} <= names


def _is_sure(rows: Rows, layout: Layout) -> bool:
    """Tell whether a CSV table is one of runs even where nobody named it: any data set has names and numbers."""
    names = {name.lower() for name in (*rows.numbers, *rows.texts)}
    return _is_export(names) or (layout.run.lower() in NAMES and _has_measure(rows))


def _runs_layout(rows: Rows) -> Layout | None:
    """Return the layout of a table in which each row is a run: it has settings and results, or a name and metrics."""
    names = [*rows.numbers, *rows.texts]
    lower = {name.lower(): name for name in reversed(names)}
    candidates = (lower[name] for name in RUN_NAMES if name in lower)
    run = next((name for name in candidates if _names_each(rows, name)), "")
    experiment = next((lower[name] for name in EXPERIMENTS if name in lower and lower[name] in rows.texts), "")
    has_both = any(SETTINGS.match(name) for name in names) and any(_RESULTS.match(name) for name in rows.numbers)
    results = [name for name in rows.numbers if name != run and not SETTINGS.match(name)]
    long_texts = [n for n, (_, texts) in rows.texts.items() if n != run and max(map(len, texts)) > 100]
    is_board = bool(run) and has_metric_name(results) and len(results) * 2 >= len(rows.texts) and not long_texts
    if not (has_both or is_board):
        return None
    times = tuple(lower[name] for name in _STARTS if name in lower)
    steps = tuple(lower[name] for name in STEPS if name in lower and lower[name] in rows.numbers)
    is_export = _is_export(lower.keys())
    skip = frozenset(name for key, name in lower.items() if is_export and key in _KEPT_BY_TRACKERS)
    return Layout("", steps=steps[:1], times=times[:1], skip=skip, run=run, experiment=experiment, rows="runs")


def _names_each(rows: Rows, name: str) -> bool:
    """Tell whether a column has a text of its own in each row."""
    if name not in rows.texts:
        return False
    own_rows, texts = rows.texts[name]
    return len(own_rows) == rows.count and len(set(texts)) == rows.count

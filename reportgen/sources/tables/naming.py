"""What a run is called whose log does not say it: after its folder, not after a `logs/`. What metrics are called."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import Final

from reportgen.sources.kinds import Listing

GENERIC: Final = frozenset(
    "catboost_info csv csv_logs lightning_logs log logger logs metrics output outputs output_dir results tb tb_logs"
    " tensorboard tensorboard_logs vis_data".split()
)
"""Folders that many runs have, and that name none of them."""
_METRIC: Final = re.compile(
    r"(?:^|[^a-z])(?:loss|losses|logloss|acc|accs|accuracy|accuracies|lr|learning_rate|reward|rewards|return|returns|"
    r"f1|auc|auroc|ppl|perplexity|"
    r"bleu\w*|rouge\w*|mae|mse|rmse|map|miou|iou|precision|recall|grad_norm|gradnorm|kl|elbo|dice|wer|cer|psnr|ssim|fid|"
    r"nll|bpb|bpc|top1|top5|em|exact_match|success_rate|cross_entropy|fitness|val|train)(?:$|[^a-z])"
)
"""What a metric is called, in lower case."""
SETTINGS: Final = re.compile(r"(?i)(?:config|params?|hparams?|hyperparam\w*|args|settings|opt(?:ion)?s)[/.]|params_")
"""How the name of a column begins that holds a param."""
_SETTING: Final = re.compile(
    r"(?i)(?:lr|learning[ _-]?rate|(?:\w+_)?batch[ _-]?size|bs|(?:num_|n_|max_)?epochs|(?:\w+_)?seed|random_state|"
    r"dropout|weight[ _-]?decay|wd|momentum|(?:hidden|embed\w*|model)_(?:size|dim)|depth|width|gamma|alpha|beta[0-9]?|"
    r"temperature|(?:num_|n_)(?:layers|heads|hidden|units|blocks|estimators|trees|neighbors|workers|gpus)|"
    r"max_(?:depth|steps|iters?|len|length|seq_len\w*|features|leaf_nodes)|warmup\w*|fold)"
)
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_VERSION: Final = re.compile(r"version_[0-9]+")


def has_metric_name(names: Iterable[str]) -> bool:
    """Tell whether one of the names is what a metric is called."""
    return any(_METRIC.search(lower_words(name)) for name in names)


def is_setting(name: str) -> bool:
    """Tell whether a column of a table of runs is called as a param is, and not as a result."""
    return SETTINGS.match(name) is not None or _SETTING.fullmatch(name) is not None


def lower_words(name: str) -> str:
    """Return a name in lower case with `_` between its words: `val_loss` for `valLoss`."""
    return _CAMEL.sub("_", name).lower()


def run_names(folder: Listing) -> tuple[str, str]:
    """Return name and experiment of a run that a folder is; empty ones where the folder's own names will do."""
    parts = list(folder.parts)
    depth = _hydra_depth(folder)
    if depth:
        return parts[-depth - 1], parts[-depth - 2] if len(parts) > depth + 1 else ""
    version = parts.pop() if len(parts) > 1 and _VERSION.fullmatch(parts[-1]) else ""
    kept = _without_generic(parts)
    if version:
        return version, kept[-1] if kept else ""
    if len(kept) == len(parts) or not kept:
        return "", ""
    path = folder.path
    for _ in range(len(parts) - len(kept) + 1):
        path = os.path.dirname(path)
    return kept[-1], os.path.basename(path)


def split_path(folder: Listing) -> tuple[str, str]:
    """Return the folder of the run that a log in `folder` is of, and the `version_N` in which it lies, or empty.

    The first one is the folder above those that many runs have; it is empty where it is not in the SOURCE.
    """
    parts = list(folder.parts)
    version = parts.pop() if len(parts) > 1 and _VERSION.fullmatch(parts[-1]) else ""
    kept = _without_generic(parts)
    if not kept:
        return "", ""
    path = folder.path
    for _ in range(len(folder.parts) - len(kept)):
        path = os.path.dirname(path)
    return path, version


def _without_generic(parts: list[str]) -> list[str]:
    parts = list(parts)
    while parts and parts[-1].lower() in GENERIC:
        parts.pop()
    return parts


def _hydra_depth(folder: Listing) -> int:
    """Return how many folders above this one a job of Hydra began (its folder has `.hydra`), 0 for none."""
    path = folder.path
    for depth in range(1, min(5, len(folder.parts))):
        path = os.path.dirname(path)
        if os.path.isdir(os.path.join(path, ".hydra")):
            return depth
    return 0

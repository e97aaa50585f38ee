"""Guesses from a metric's name alone whether higher or lower is better.

It owns the list of well-known names. A name that is not in the list, or is there only in part (`loss_scale`), has no
direction: a wrong arrow on a page does more harm than none. `docs/configuration.md` shows the list.
"""

from __future__ import annotations

import re
from typing import Final


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


LOWER_IS_BETTER: Final = _set("loss error err rmse mse mae mape ece brier perplexity ppl nll wer cer fid latency")
HIGHER_IS_BETTER: Final = _set(
    "acc accuracy f1 auc auroc auprc roc r2 precision recall map ap bleu rouge rougel reward return score"
    " iou miou dice throughput psnr ssim"
)
QUALIFIERS: Final = _set(
    "train training val valid validation test eval dev step epoch mean avg average total ema best"
    " macro micro weighted rate ms us s p50 p90 p95 p99"
)
"""Words that may follow the well-known one without changing what is better: `val_loss_epoch`, `loss/train`."""

_WORDS: Final = re.compile(r"[^\W_]+")
_CAMEL: Final = re.compile(r"[A-Z]+(?![a-z])\d*|[A-Z]?[a-z]+\d*|\d+")


def guess_direction(name: str) -> str | None:
    """Return `max` or `min` for a metric whose name is well known, None for any other.

    The last word of the name that is neither a number nor one of `QUALIFIERS` decides, digits at its end apart:
    `val/accuracy`, `eval_loss`, `valAcc`, `recall@10`, `metrics/mAP50-95(B)`. `neg` in front turns it around, as
    scikit-learn's `neg_mean_squared_error` means it.
    """
    words = _WORDS.findall(re.sub(r"\([^)]*\)$", "", name))
    while words and (words[-1].isdecimal() or words[-1].lower() in QUALIFIERS):
        words.pop()
    if not words:
        return None
    direction = _of_word(words[-1])
    if direction is None:
        parts: list[str] = _CAMEL.findall(words[-1])
        direction = _of_word(parts[-1]) if len(parts) > 1 else None
    if direction is not None and "neg" in (word.lower() for word in words[:-1]):
        direction = "min" if direction == "max" else "max"
    return direction


def _of_word(word: str) -> str | None:
    lower = word.lower()
    for form in (lower, lower.rstrip("0123456789")):
        if form in LOWER_IS_BETTER:
            return "min"
        if form in HIGHER_IS_BETTER:
            return "max"
    return "max" if re.fullmatch(r"top\d+", lower) else None

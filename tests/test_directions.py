"""Which names of metrics have a direction by themselves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reportgen.site.directions import HIGHER_IS_BETTER, LOWER_IS_BETTER, QUALIFIERS, guess_direction

LOWER = """
loss train/loss val_loss eval_loss trainLoss train_loss_epoch loss/train Loss/validation test.error error_rate RMSE
val/mse eval/perplexity wer word_error latency_ms latency_p99 metrics/mean_absolute_error loss1 fid50 neg_accuracy
val/neg_f1_score 损失/loss
"""
HIGHER = """
acc accuracy val/accuracy val_acc valAcc eval.accuracy acc@1 acc1 top1 val/top5 top-1-accuracy f1 macro_f1 f1_macro
F1Score roc_auc AUROC AUC_ROC r2 recall@10 mAP50 metrics/mAP50-95(B) metrics/precision(B) bleu4 rougeL rouge1
episode_reward eval/mean_reward iou@0.5 mIoU dice psnr ssim throughput neg_mean_squared_error test-neg-log-loss
Accuracy/test
"""
NEITHER = """
learning_rate lr loss_scale epoch train/epoch step grad_norm reward_std system/memory lossy closs glass recall_memory
x 17 0.5 accuracy_threshold _ / () (B)
"""


@pytest.mark.parametrize("name", LOWER.split())
def test_lower_is_better_for_well_known_names(name: str) -> None:
    assert guess_direction(name) == "min"


@pytest.mark.parametrize("name", HIGHER.split())
def test_higher_is_better_for_well_known_names(name: str) -> None:
    assert guess_direction(name) == "max"


@pytest.mark.parametrize("name", [*NEITHER.split(), "", " ", "\ud800"])
def test_other_names_have_no_direction(name: str) -> None:
    assert guess_direction(name) is None


def test_no_word_is_in_two_lists() -> None:
    assert LOWER_IS_BETTER.isdisjoint(HIGHER_IS_BETTER)
    assert QUALIFIERS.isdisjoint(LOWER_IS_BETTER | HIGHER_IS_BETTER)


@given(st.text())
def test_any_text_gets_an_answer(name: str) -> None:
    assert guess_direction(name) in {"max", "min", None}

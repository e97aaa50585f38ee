"""Cross-validation of random forests on the breast-cancer data: each fold is a run of its own below its forest's run.

A fold grows its forest tree by tree and logs after every fifth; the parent logs mean and deviation over the folds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import f1_score, log_loss, roc_auc_score
from sklearn.model_selection import StratifiedKFold

import reportgen as rg

FOLDS = 5
TREES = range(5, 101, 5)
FORESTS: dict[str, dict[str, Any]] = {
    "shallow forest": {"max_depth": 2, "max_features": "sqrt"},
    "deep forest": {"max_depth": None, "max_features": "sqrt"},
}
REPORT = """<!doctype html>
<title>{name}</title>
<h1>{name}</h1>
<table>
<tr><th>fold<th>AUC<th>F1
{rows}
</table>
"""


def train_fold(run: rg.Run, config: dict[str, Any], x: Any, y: Any, train: Any, test: Any) -> dict[str, float]:
    """Grow one forest on `train`, log each size of it on `test`, and return its last metrics."""
    forest = RandomForestClassifier(warm_start=True, random_state=0, **config)
    metrics: dict[str, float] = {}
    for trees in TREES:
        forest.set_params(n_estimators=trees).fit(x[train], y[train])
        chance = forest.predict_proba(x[test])[:, 1]
        metrics = {
            "val/auc": float(roc_auc_score(y[test], chance)),
            "val/f1": float(f1_score(y[test], chance > 0.5)),
            "val/log_loss": float(log_loss(y[test], chance)),
        }
        run.log_metrics(metrics, step=trees)
    return metrics


def main() -> None:
    """Cross-validate every forest."""
    bunch = load_breast_cancer()
    x, y = bunch.data, bunch.target
    rg.set_experiment("cancer-forest")
    for name, config in FORESTS.items():
        with rg.start_run(name=name, params={**config, "trees": TREES[-1], "folds": FOLDS}) as parent:
            parent.log_input("breast_cancer", "cross-validation", source="sklearn.datasets.load_breast_cancer")
            results = []
            splits = StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(x, y)
            for fold, (train, test) in enumerate(splits, 1):
                params = {**config, "trees": TREES[-1], "fold": fold}
                with rg.start_run(
                    name=f"{name}, fold {fold}", nested=True, group=f"{name}, folds", params=params
                ) as run:
                    results.append(train_fold(run, config, x, y, train, test))
            for metric in results[0]:
                values = [result[metric] for result in results]
                parent.log_metrics(
                    {metric: np.mean(values), f"{metric} deviation": np.std(values, ddof=1)}, step=TREES[-1]
                )
            rows = "\n".join(
                f"<tr><td>{fold}<td>{result['val/auc']:.4f}<td>{result['val/f1']:.4f}"
                for fold, result in enumerate(results, 1)
            )
            parent.log_text(REPORT.format(name=name, rows=rows), "folds.html")
            parent.log_dict({"folds": results}, "folds.json")
            worst = int(np.argmin([result["val/auc"] for result in results])) + 1
            parent.note(f"Fold {worst} is the hardest for this forest. All folds stand in `folds.html`.")


if __name__ == "__main__":
    main()

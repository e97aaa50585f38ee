"""The program whose history `revisions.py` writes: its first version. Every revision is trained at its own commit.

A network of one hidden layer on the digits: `python train.py WIDTH SEED` logs a run of the experiment `digits-nightly`.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from network import Network, iter_batches
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import reportgen as rg

EPOCHS = 12


def load_data() -> tuple[Any, Any, Any, Any]:
    """Return pixels and labels to learn from, and those to validate on; the split is always the same."""
    bunch = load_digits()
    x = bunch.data.astype(np.float32) / 255
    x, x_val, y, y_val = train_test_split(x, bunch.target, test_size=0.4, random_state=0, stratify=bunch.target)
    return x, y, x_val, y_val


def calibration_error(network: Network, x: NDArray[Any], y: NDArray[Any]) -> float:
    """Return how far confidence and accuracy lie apart, in ten bins of confidence."""
    scores = network.scores(x)
    chance = np.exp(scores - scores.max(1, keepdims=True))
    chance /= chance.sum(1, keepdims=True)
    sure, right = chance.max(1), chance.argmax(1) == y
    bins = np.minimum((sure * 10).astype(int), 9)
    parts = [abs(sure[bins == b].mean() - right[bins == b].mean()) * np.mean(bins == b) for b in set(bins.tolist())]
    return float(sum(parts))


def main() -> None:
    """Train one network."""
    width, seed = int(sys.argv[1]), int(sys.argv[2])
    x, y, x_val, y_val = load_data()
    rng = np.random.default_rng(seed)
    network = Network.create(x.shape[1], width, 10, rng)
    params = {"width": width, "epochs": EPOCHS, "seed": seed}
    with rg.start_run(experiment="digits-nightly", name=f"width {width}, seed {seed}", params=params) as run:
        for epoch in range(EPOCHS):
            for batch in iter_batches(len(x), 32, rng):
                loss, gradients = network.gradients(x[batch], y[batch])
                network.update(gradients, lr=0.05, momentum=0.9)
            val_loss, accuracy = network.evaluate(x_val, y_val)
            metrics = {"train/loss": loss, "val/loss": val_loss, "val/accuracy": accuracy}
            run.log_metrics(metrics | {"val/calibration": calibration_error(network, x_val, y_val)}, step=epoch)


if __name__ == "__main__":
    main()

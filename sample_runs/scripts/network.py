"""A network with one hidden layer in plain numpy: small enough to read, real enough to overfit and to diverge."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float32]
Labels: TypeAlias = NDArray[np.int64]


@dataclass(slots=True)
class Network:
    """Weights `w1[features, width]`, `w2[width, classes]` with biases, and the momentum of each."""

    weights: list[Array]
    momenta: list[Array]

    @classmethod
    def create(cls, features: int, width: int, classes: int, rng: np.random.Generator) -> Network:
        """Return a network with He initialisation."""
        w1 = rng.normal(0, np.sqrt(2 / features), (features, width))
        w2 = rng.normal(0, np.sqrt(2 / width), (width, classes))
        weights = [a.astype(np.float32) for a in (w1, np.zeros(width), w2, np.zeros(classes))]
        return cls(weights, [np.zeros_like(a) for a in weights])

    def scores(self, x: Array) -> Array:
        """Return the class scores float32[n, classes]."""
        w1, b1, w2, b2 = self.weights
        scores: Array = np.maximum(x @ w1 + b1, 0) @ w2 + b2
        return scores

    def evaluate(self, x: Array, y: Labels) -> tuple[float, float]:
        """Return cross entropy in nats and accuracy in 0…1."""
        logs = _log_softmax(self.scores(x))
        return float(-logs[np.arange(len(y)), y].mean()), float((logs.argmax(1) == y).mean())

    def gradients(self, x: Array, y: Labels) -> tuple[float, list[Array]]:
        """Return the loss of one batch and its gradient for each of the weights."""
        w1, b1, w2, b2 = self.weights
        hidden = np.maximum(x @ w1 + b1, 0)
        logs = _log_softmax(hidden @ w2 + b2)
        loss = float(-logs[np.arange(len(y)), y].mean())
        delta = np.exp(logs)
        delta[np.arange(len(y)), y] -= 1
        delta /= len(y)
        back = (delta @ w2.T) * (hidden > 0)
        return loss, [x.T @ back, back.sum(0), hidden.T @ delta, delta.sum(0)]

    def update(self, gradients: list[Array], *, lr: float, momentum: float, decay: float = 0.0) -> None:
        """Take one step of gradient descent with momentum and weight decay."""
        for weight, velocity, gradient in zip(self.weights, self.momenta, gradients, strict=True):
            velocity *= momentum
            velocity -= lr * (gradient + decay * weight)
            weight += velocity

    def save(self, file: Path) -> None:
        """Write weights and momenta to an `.npz` file."""
        np.savez_compressed(file, *self.weights, *self.momenta)

    @classmethod
    def load(cls, file: Path) -> Network:
        """Read what `save` wrote."""
        with np.load(file) as saved:
            arrays = [saved[name] for name in saved.files]
        return cls(arrays[: len(arrays) // 2], arrays[len(arrays) // 2 :])


def iter_batches(count: int, size: int, rng: np.random.Generator) -> Iterator[Labels]:
    """Yield the indices of one epoch's batches in random order."""
    order = rng.permutation(count)
    for start in range(0, count, size):
        yield order[start : start + size]


def _log_softmax(scores: Array) -> Array:
    shifted = scores - scores.max(1, keepdims=True)
    logs: Array = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    return logs

"""The data sets that come with scikit-learn, split once and for all, with the digests that the runs log."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import datasets
from sklearn.model_selection import train_test_split


@dataclass(frozen=True, slots=True)
class Split:
    """A data set in two parts."""

    name: str
    source: str
    x: NDArray[np.float32]
    y: NDArray[Any]
    x_val: NDArray[np.float32]
    y_val: NDArray[Any]
    features: tuple[str, ...]

    def digest(self, role: str) -> str:
        """Return 12 digits that change when the part `role` (`train` or `validation`) does."""
        x, y = (self.x, self.y) if role == "train" else (self.x_val, self.y_val)
        return hashlib.sha256(np.ascontiguousarray(x).tobytes() + np.ascontiguousarray(y).tobytes()).hexdigest()[:12]


def load(name: str, *, test_size: float = 0.3) -> Split:
    """Return `digits`, `diabetes`, `breast_cancer` or `wine`, standardised by its training part."""
    bunch = getattr(datasets, f"load_{name}")()
    stratify = None if name == "diabetes" else bunch.target
    x, x_val, y, y_val = train_test_split(
        bunch.data.astype(np.float32), bunch.target, test_size=test_size, random_state=0, stratify=stratify
    )
    mean, deviation = x.mean(0), x.std(0)
    if name == "digits":
        deviation[:] = 8.0  # half the range of a pixel: some are blank in nearly every picture
    features = tuple(map(str, bunch.feature_names))
    return Split(
        name, f"sklearn.datasets.load_{name}", (x - mean) / deviation, y, (x_val - mean) / deviation, y_val, features
    )

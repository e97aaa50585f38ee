"""Step detection beside asv's own, on random series and on series as benchmarks and trainings make them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from asv import step_detect

from reportgen.analysis import steps as own_steps
from reportgen.analysis.steps import LEAST, Step, detect_steps, find_rises

SEEDS = range(120)


@pytest.fixture(autouse=True)
def _same_penalty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a level cost what it costs in asv: ours is lower in long series, and the rest of the method is the same."""
    monkeypatch.setattr(own_steps, "penalty", lambda count: 4 * math.log(count) / count)


def series(seed: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Return values with up to three steps, and weights or None; noise, gaps, drift and rounding vary with `seed`."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(LEAST + 4, 250))
    noise = rng.choice([0.02, 0.3, 1.0])
    values = rng.normal(0, noise, n)
    if seed % 3 == 0:
        values = np.convolve(rng.normal(0, noise, n + 2), [0.5, 0.3, 0.2], "valid")[:n]
    for _ in range(int(rng.integers(0, 4))):
        values[int(rng.integers(0, n)) :] += rng.normal(0, 3)
    if seed % 4 == 0:
        values[rng.random(n) < 0.1] = np.nan
    return values + rng.choice([1.0, 10.0]), None if seed % 2 else rng.uniform(0.5, 2, n)


def both(values: np.ndarray, weights: np.ndarray | None) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    theirs = step_detect.detect_steps(values.tolist(), None if weights is None else weights.tolist())
    return [(s[0], s[1]) for s in theirs], [(s.start, s.stop) for s in detect_steps(values, weights)]


def test_random_series_are_cut_alike() -> None:
    pairs = [both(*series(seed)) for seed in SEEDS]
    same = sum(theirs == ours for theirs, ours in pairs)
    assert same >= 0.85 * len(pairs)
    assert all(abs(len(theirs) - len(ours)) <= 6 for theirs, ours in pairs)


def test_where_they_are_cut_alike_levels_and_errors_are_the_same() -> None:
    compared = 0
    for seed in SEEDS:
        values, weights = series(seed)
        theirs = step_detect.detect_steps(values.tolist(), None if weights is None else weights.tolist())
        ours = detect_steps(values, weights)
        if [(s[0], s[1]) for s in theirs] != [(s.start, s.stop) for s in ours]:
            continue
        compared += 1
        assert [s.value for s in ours] == pytest.approx([s[2] for s in theirs])
        assert [s.low for s in ours] == [s[3] for s in theirs]
        assert [s.error for s in ours] == pytest.approx([s[4] for s in theirs], abs=1e-9)
    assert compared > 50


@pytest.mark.parametrize("unit", [1e-9, 1.0, 4500.0])
def test_series_as_benchmarks_make_them_are_cut_alike(unit: float) -> None:
    rng = np.random.default_rng(7)
    values = np.concatenate([rng.normal(m, 0.004, n) for m, n in ((1.0, 52), (1.096, 58), (1.03, 27))]) * unit
    values[70] *= 0.97
    theirs, ours = both(values, None)
    assert theirs == ours == [(0, 52), (52, 110), (110, 137)]


def test_noise_far_from_zero_is_one_level_where_asv_sees_several() -> None:
    rng = np.random.default_rng(3)
    pairs = [both(rng.normal(1e6, 1, 60), None) for _ in range(40)]
    assert all(len(ours) == 1 for _, ours in pairs)
    assert any(len(theirs) > 1 for theirs, _ in pairs)


def test_rises_are_those_of_asv() -> None:
    rng = np.random.default_rng(1)
    for _ in range(300):
        count = int(rng.integers(1, 8))
        ends = np.cumsum(rng.integers(1, 5, count)).tolist()
        steps = [
            Step(start, stop, float(rng.choice([1, 1.04, 1.2, 2])), 1.0, float(rng.choice([0, 0.05])), stop - start)
            for start, stop in zip([0, *ends[:-1]], ends, strict=True)
        ]
        for threshold in (0.0, 0.05):
            listed = [(s.start, s.stop, s.value, s.low, s.error) for s in steps]
            found = step_detect.detect_regressions(listed, threshold)[2] or []
            ours = find_rises(steps, threshold=threshold)
            assert [(rise.before, rise.after) for rise in ours] == [(before, after) for before, after, *_ in found]

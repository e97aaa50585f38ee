"""Step detection: how long it takes beside asv's own, in Python and in C++, and how often it is right.

Run from the repository root, where asv is installed too (`pip install 'asv>=0.6'`):
`python -m tests.benchmarks.bench_steps`. Series are noise around a level that moves in the middle. Then the histories
of one experiment of 10,000 runs with 8 metrics are made, with one run a commit and with five. Last come series of which
the truth is known: how many of those without a change get one, with noise of several kinds, and in how many a change
is found. Times are those of the processor, the best of several rounds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from reportgen.analysis.history import Measure, make_histories, weigh
from reportgen.analysis.steps import detect_steps, settle_steps
from reportgen.model import Summary
from tests.factories import START, make_code, make_summary

SIZES = (20, 100, 500, 1000, 2000)
ROUNDS = 3
RUNS = 10_000
METRICS = 8
TRIALS = 300
NOISE_TRIALS = 1000


def best_of(action: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Return the shortest time that `action` takes the processor, in seconds."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        action()
        times.append(time.process_time() - start)
    return min(times)


def compare_times() -> None:
    """Print the times of one series, ours and asv's."""
    try:
        from asv import step_detect
    except ImportError:
        step_detect = None
        print("asv is not installed: pip install 'asv>=0.6'")
    rng = np.random.default_rng(0)
    print("values   reportgen   asv, C++   asv, Python")
    for n in SIZES:
        values = rng.normal(0, 1, n)
        values[n // 2 :] += 3
        own = best_of(lambda v=values: detect_steps(v))  # type: ignore[misc]
        cells = []
        if step_detect is not None:
            listed, fast = values.tolist(), step_detect._rangemedian
            for kept in (fast, None):
                step_detect._rangemedian = kept
                taken = best_of(lambda v=listed: step_detect.detect_steps(v))  # type: ignore[misc]
                cells.append(f"{taken:.3f} s")
            step_detect._rangemedian = fast
        print(f"{n:>6}   {own:>7.3f} s   {'   '.join(f'{cell:>9}' for cell in cells)}")


def make_runs(seeds: int) -> list[Summary]:
    """Return `RUNS` runs of one configuration, `seeds` at each commit."""
    rng = np.random.default_rng(0)
    base = make_summary(params={"width": 8, "seed": 0}, metrics={"m": [1.0]}, code=make_code())
    one = base.metrics["m"]
    runs = []
    for i in range(RUNS):
        commit, values = i // seeds, rng.normal(0, 1, METRICS) + 3 * (i > RUNS * 0.97)
        metrics = {f"loss{j}": replace(one, last=float(v), min=float(v), max=float(v)) for j, v in enumerate(values)}
        facts = {"commit": f"{commit:040x}", "commit_time": START + commit, "commit_parents": (f"{commit - 1:040x}",)}
        runs.append(replace(base, key=f"{i:032x}", start_time=START + i, metrics=metrics, **facts))  # type: ignore[arg-type]
    return runs


def time_experiments() -> None:
    """Print how long the histories of a large experiment take."""
    measures = [Measure(f"loss{j}", "last", "min") for j in range(METRICS)]
    for seeds in (1, 5):
        runs = make_runs(seeds)
        groups = {run.key: "one" for run in runs}
        found = make_histories(runs, measures, groups=groups)
        taken = best_of(lambda r=runs, g=groups: make_histories(r, measures, groups=g), 2)  # type: ignore[misc]
        shown, total = len(found.histories[0].observations), found.histories[0].total
        said = f"{shown:,} of {total:,} commits looked at"
        print(f"{RUNS:,} runs, {METRICS} metrics, {seeds} a commit: {taken:.2f} s; {said}")


def count_errors() -> None:
    """Print how often a change is seen where there is none, and how often one is found, for several sizes of it."""
    rng = np.random.default_rng(1)
    print("commits  seeds   none: seen   3 sd   6 sd   12 sd of a mean, in the last quarter: found")
    for n in (8, 12, 20, 30, 100):
        for seeds in (1, 3):
            cells = []
            for size in (0, 3, 6, 12):
                hits = 0
                for _ in range(TRIALS):
                    values = rng.normal(0, 1, (n, seeds))
                    values[n - n // 4 :] += size / np.sqrt(seeds)
                    mean, weights = values.mean(1), weigh(values.tolist())
                    steps = settle_steps(detect_steps(mean, weights), mean, weights)
                    hits += any(step.count > 1 for step in steps[1:])
                cells.append(f"{100 * hits / TRIALS:.1f} %")
            print(f"{n:>7}  {seeds:>5}   {cells[0]:>10}  {'  '.join(f'{cell:>7}' for cell in cells[1:])}")


def correlated(rng: np.random.Generator, count: int, part: float) -> np.ndarray:
    """Return noise of which each value keeps `part` of the one before; of 1 it is a random walk."""
    values = rng.normal(0, 1, count)
    for i in range(1, count):
        values[i] += part * values[i - 1]
    return values


NOISES: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "normal": lambda rng, n: rng.normal(0, 1, n),
    "t, 3 degrees of freedom": lambda rng, n: rng.standard_t(3, n),
    "log-normal": lambda rng, n: rng.lognormal(0, 1, n),
    "rounded to 1 sd": lambda rng, n: np.round(rng.normal(0, 1, n)),
    "rounded to 2 sd": lambda rng, n: 2 * np.round(rng.normal(0, 1, n) / 2),
    "rounded to 3 sd": lambda rng, n: 3 * np.round(rng.normal(0.5, 1, n) / 3),
    "correlation 0.3": lambda rng, n: correlated(rng, n, 0.3),
    "correlation 0.6": lambda rng, n: correlated(rng, n, 0.6),
    "random walk": lambda rng, n: correlated(rng, n, 1.0),
    "drift of 2 sd": lambda rng, n: rng.normal(0, 1, n) + 2 * np.arange(n) / n,
    "drift of 5 sd": lambda rng, n: rng.normal(0, 1, n) + 5 * np.arange(n) / n,
}


def count_false() -> None:
    """Print how often a change is seen in noise of other kinds, in which there is none."""
    print("no change: seen in  12 commits   20   60")
    for name, draw in NOISES.items():
        cells = []
        for n in (12, 20, 60):
            rng, seen = np.random.default_rng(1), 0
            for _ in range(NOISE_TRIALS):
                values = draw(rng, n)
                seen += any(step.count > 1 for step in settle_steps(detect_steps(values), values)[1:])
            cells.append(f"{100 * seen / NOISE_TRIALS:.1f} %")
        print(f"{name:>24}  {'  '.join(f'{cell:>7}' for cell in cells)}", flush=True)


def main() -> None:
    """Print everything."""
    compare_times()
    time_experiments()
    count_errors()
    count_false()


if __name__ == "__main__":
    main()

"""Time of a review of 50 runs against a site of 10,000, and how often its statistics are right.

    python -m tests.benchmarks.bench_review [--runs 10000] [--trials 2000] [--no-time] [--no-statistics]

The first table gives seconds by the wall clock and of the processor, beside unpacking and parsing the site's table with
bare zlib and orjson, which no review can do without. The second simulates changes with ten gated metrics and five seeds
a side: how often the comment claims something of a change without effect, and how often it finds a change of three
standard deviations in one of the ten. The third does the first half of that with real trainings of one configuration,
dealt out to both sides at random. The last gives the size of the comment with 500 metrics.
"""

from __future__ import annotations

import argparse
import gzip
import os
import random
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import orjson

from reportgen.analysis.statistics import Noise, Pair, compare_family, correct, make_sample, pool_noise
from reportgen.build import build
from reportgen.loading import Means, load_runs
from reportgen.model import MetricSummary, Summary
from reportgen.review.comment import DIALECTS, FORGES, Links, render_comment
from reportgen.reviewing import Request, review_change
from reportgen.site.config import Config
from reportgen.site.gates import Gate, ReviewConfig, Tolerance
from tests.factories import START
from tests.sitefiles import add_summaries, pack_files
from tests.sourcelogs import metrics_line, start_line, write_run
from tests.test_review_comment import many

_T = TypeVar("_T")
CONFIGURATIONS, SEEDS, METRICS, POINTS = 10, 5, 8, 50


def timed(label: str, do: Callable[[], _T]) -> _T:
    """Run `do` once, print how long it took, and return its result."""
    began, used = time.perf_counter(), time.process_time()
    result = do()
    print(f"{label:58} {time.perf_counter() - began:8.2f} s {time.process_time() - used:8.2f} s")
    return result


# ---- time


def write_side(root: Path, commit: str, day: float, seed: int) -> None:
    """Write ten configurations with five seeds each."""
    numbers = random.Random(seed)
    for configuration in range(CONFIGURATIONS):
        for i in range(SEEDS):
            run_id = f"{commit[:10]}-{configuration}-{i}"
            start = START + day * 86_400 + i
            tops = [numbers.gauss(0.9, 0.01) for _ in range(METRICS)]
            lines = [
                start_line(run_id, name=f"model{configuration}-seed{i}", experiment="digits", time=start),
                {"event": "params", "params": {"lr": 0.1, "width": configuration, "seed": i}},
                {"event": "code", "commit": commit, "commit_time": start - 60, "branch": "main", "dirty": False},
                *(
                    metrics_line(step, **{f"val/metric{m}": top * step / POINTS for m, top in enumerate(tops)})
                    for step in range(1, POINTS + 1)
                ),
                {"event": "end", "status": "FINISHED", "time": start + 30},
            ]
            write_run(root / run_id, *lines)


def make_repository(folder: Path, commits: int) -> list[str]:
    """Return the hashes of that many commits in a new repository, the oldest first."""

    def git(*arguments: str) -> str:
        command = ["git", "-c", "user.name=b", "-c", "user.email=b@example.org", *arguments]
        return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q", "-b", "main")
    for i in range(commits):
        git("commit", "-q", "--allow-empty", "-m", f"commit {i}")
    hashes = git("rev-list", "--reverse", "main").split()
    git("checkout", "-q", "-b", "topic")
    git("commit", "-q", "--allow-empty", "-m", "the change")
    return [*hashes, git("rev-parse", "HEAD")]


def earlier(runs: Sequence[Summary], commit: str, day: float, numbers: random.Random) -> list[Summary]:
    """Return the runs as they would be at another commit, with values and curves of their own."""

    def other(metric: MetricSummary) -> MetricSummary:
        top = metric.last + numbers.gauss(0, 0.01)
        spark = tuple(min(63, max(0, height + numbers.randrange(-2, 3))) for height in metric.spark)
        return replace(metric, last=top, max=top, mean=top / 2, last_finite=top, spark=spark)

    return [
        replace(
            run,
            key=f"{numbers.getrandbits(128):032x}",
            run_id=f"{commit[:10]}-{run.run_id[11:]}",
            commit=commit,
            commit_time=START + day * 86_400 - 60,
            start_time=run.start_time + day * 86_400,
            last_time=run.last_time + day * 86_400,
            metrics={name: other(metric) for name, metric in run.metrics.items()},
        )
        for run in runs
    ]


def parse_packs(packs: Sequence[bytes]) -> None:
    """Unpack and parse what a site knows of its runs, and make nothing of it."""
    for pack in packs:
        for line in gzip.decompress(pack).splitlines():
            orjson.loads(line)


def measure_time(count: int) -> None:
    """Print how long a review takes."""
    per_commit = CONFIGURATIONS * SEEDS
    with tempfile.TemporaryDirectory(prefix="bench-review-") as place:
        work, site, change = Path(place) / "work", Path(place) / "site", Path(place) / "change"
        work.mkdir()
        *trunk, head = make_repository(work, max(2, count // per_commit))
        write_side(Path(place) / "logs", trunk[-1], 0, 1)
        write_side(change, head, 1, 2)
        cache = Path(place) / "cache"
        build([Path(place) / "logs"], site, config=Config(), cache_dir=cache)
        means = Means(cache_dir=cache)
        newest = load_runs(site, config=Config(), means=means).summaries
        older: list[Summary] = []
        numbers = random.Random(3)
        for i, commit in enumerate(reversed(trunk[:-1]), 1):
            older += earlier(newest, commit, -i, numbers)
        add_summaries(site, older)
        gates = ReviewConfig(gates=(Gate("val/*", Tolerance(0.01, is_relative=True)),))
        config = Config(metrics={}, review=gates)
        config = replace(config, headline=("val/metric0",), metrics={"val/*": replace(config.metric("acc"), title="")})
        request = Request(sources=(str(change),), baseline=str(site))
        print(f"\nreview of {per_commit} runs against a site of {len(newest) + len(older):,}, {os.cpu_count()} cores")
        print(f"{'':58} {'wall':>10} {'processor':>10}")
        packs = [file.read_bytes() for file in pack_files(site)]
        timed(f"limit: gunzip and orjson of {sum(map(len, packs)) / 2**20:.1f} MiB", lambda: parse_packs(packs))
        timed("  of this: reading the site", lambda: load_runs(str(site), config=config, means=means))
        for label in ("review, first time (logs are read)", "review, again"):
            timed(
                label,
                lambda: review_change(
                    request, Path(place) / "review", config=config, folder=work, environment={}, means=means
                ),
            )


# ---- statistics


def judge(
    numbers: np.random.Generator, commits: int, *, shift: float = 0.0, spread: float = 1.0, wild: int | None = None
) -> list[bool]:
    """Return which of ten metrics of a simulated change are claimed to differ; `shift` moves the first.

    `spread` is how much more the change varies, in all metrics or in `wild` alone. The squares of earlier commits are
    drawn as a whole, from the chi-squared distribution that they have.
    """
    pairs = []
    for i in range(10):
        freedom = commits * (SEEDS - 1)
        noise = Noise(float(numbers.chisquare(freedom)), freedom, commits) if commits else None
        deviation = spread if wild is None or wild == i else 1.0
        change = deviation * numbers.normal(size=SEEDS) + (shift if i == 0 else 0.0)
        pairs.append(Pair(make_sample(numbers.normal(size=SEEDS).tolist()), make_sample(change.tolist()), noise))
    found = compare_family(pairs)
    return [d.p <= level for d, level in zip(found, correct([d.p for d in found]), strict=True)]


def measure_statistics(trials: int) -> None:
    """Print how often the statistics are wrong and right."""
    print(f"\n{trials:,} simulated changes, 10 gated metrics, {SEEDS} seeds a side")
    heads = ("commits before", "false claim", "3 sd found", "all spread 1.5x", "one spreads 2x")
    print("{:>14} {:>12} {:>12} {:>16} {:>15}".format(*heads))
    for commits in (0, 5, 10, 20):
        numbers = np.random.default_rng(1)
        wrong = sum(any(judge(numbers, commits)) for _ in range(trials)) / trials
        found = sum(judge(numbers, commits, shift=3.0)[0] for _ in range(trials)) / trials
        wide = sum(any(judge(numbers, commits, spread=1.5)) for _ in range(trials)) / trials
        wild = sum(any(judge(numbers, commits, spread=2.0, wild=3)) for _ in range(trials)) / trials
        print(f"{commits:14} {wrong:12.1%} {found:12.1%} {wide:16.1%} {wild:15.1%}", flush=True)


def train(seed: int, width: int = 16, rate: float = 0.5) -> list[float]:
    """Return loss, accuracy and Brier score on both splits, and the mean weight, of a small network after training."""
    numbers, data = np.random.default_rng(seed), np.random.default_rng(0)
    inputs, direction = data.normal(size=(600, 8)), data.normal(size=8)
    labels = (np.sin(inputs @ direction) + 0.3 * data.normal(size=600) > 0).astype(float)
    first, bias = numbers.normal(size=(8, width)) * 0.5, np.zeros(width)
    second, offset = numbers.normal(size=width) * 0.5, 0.0

    def predict(rows: slice | np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-(np.tanh(inputs[rows] @ first + bias) @ second + offset)))

    for _ in range(150):
        batch = numbers.integers(0, 400, 64)
        hidden = np.tanh(inputs[batch] @ first + bias)
        error = (predict(batch) - labels[batch]) / 64
        back = np.outer(error, second) * (1 - hidden * hidden)
        second, offset = second - rate * (hidden.T @ error), offset - rate * error.sum()
        first, bias = first - rate * (inputs[batch].T @ back), bias - rate * back.sum(0)
    found = []
    for rows in (slice(0, 400), slice(400, 600)):
        chance, truth = np.clip(predict(rows), 1e-6, 1 - 1e-6), labels[rows]
        found += [-np.mean(truth * np.log(chance) + (1 - truth) * np.log(1 - chance))]
        found += [np.mean((chance > 0.5) == truth), np.mean((chance - truth) ** 2)]
    return [float(value) for value in (*found, np.abs(first).mean())]


def measure_repeats(trials: int) -> None:
    """Print how often a difference is claimed between repeats of one training."""
    values = [train(seed) for seed in range(400)]
    print(f"\n{trials:,} times {SEEDS} against {SEEDS} of 400 real trainings of one configuration, 7 metrics")
    print(f"{'commits before':>14} {'false claim':>12}")
    for commits in (0, 10):
        numbers, wrong = random.Random(1), 0
        for _ in range(trials):
            chosen = numbers.sample(values, SEEDS * (2 + commits))
            groups = [chosen[i : i + SEEDS] for i in range(0, len(chosen), SEEDS)]
            pairs = []
            for m in range(7):
                one, other, *before = ([run[m] for run in group] for group in groups)
                pairs.append(Pair(make_sample(one), make_sample(other), pool_noise(before)))
            found = compare_family(pairs)
            wrong += any(d.p <= level for d, level in zip(found, correct([d.p for d in found]), strict=True))
        print(f"{commits:14} {wrong / trials:12.1%}", flush=True)


def measure_sizes() -> None:
    """Print the size of the comment with 500 metrics."""
    review = many(500)
    print(f"\n{'comment with 500 metrics':24} {'characters':>12} {'limit':>12}")
    for forge in FORGES:
        text = render_comment(review, forge, Links("https://example.org/s/"))  # type: ignore[arg-type]
        print(f"{forge:24} {len(text):12,} {DIALECTS[forge].limit:12,}")  # type: ignore[index]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--trials", type=int, default=2_000)
    parser.add_argument("--no-time", action="store_true")
    parser.add_argument("--no-statistics", action="store_true")
    options = parser.parse_args()
    if not options.no_time:
        measure_time(options.runs)
    if not options.no_statistics:
        measure_statistics(options.trials)
        measure_repeats(options.trials)
    measure_sizes()


if __name__ == "__main__":
    main()

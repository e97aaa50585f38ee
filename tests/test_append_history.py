"""Runs over commits that are added to a site: histories and the feed depend on the set of runs alone."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from reportgen.build import BuildResult, build
from reportgen.site import urls
from reportgen.site.config import Config, MetricConfig
from tests.historyruns import commit_hash
from tests.linkcheck import check_site
from tests.sourcelogs import T0, start_line, write_run
from tests.test_sample_site import differing, states

CONFIG = Config(metrics={"acc": MetricConfig(direction="max")}, site_url="https://example.org/runs")
COMMITS = 14


def write_commit(root: Path, number: int, *, experiment: str = "nightly") -> Path:
    """Write the logs of two configurations with two seeds each at one commit; return their folder."""
    rng = random.Random(number)
    then = T0 + 86_400.0 * number
    for width in (8, 32):
        for seed in range(2):
            name = f"{experiment}-{number}-{width}-{seed}"
            code = {
                "event": "code",
                "commit": commit_hash(number),
                "commit_time": then,
                "parents": [commit_hash(number - 1)],
                "subject": f"Commit number {number}",
                "branch": "main",
                "dirty": False,
            }
            value = (0.9 if number < 7 else 0.8) + rng.gauss(0, 0.002) + width / 1000
            write_run(
                root / f"{number}" / experiment / name,
                start_line(name, name=name, experiment=experiment, time=then + 100 + seed, session=f"s{number}"),
                code,
                {"event": "params", "params": {"width": width, "seed": seed}},
                {"event": "metrics", "time": then + 200, "step": 1, "metrics": {"acc": value}},
                {"event": "end", "status": "FINISHED", "time": then + 300 + seed},
            )
    return root / f"{number}"


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    root = tmp_path_factory.mktemp("history") / "runs"
    parts = [write_commit(root, number) for number in range(COMMITS)]
    for number in (2, 3, 4):
        write_commit(root, number, experiment="weekly")
    return parts


def make(sources: list[Path], out: Path, *, append: bool = False) -> BuildResult:
    return build(sources, out, config=CONFIG, append=append, cache_dir=out.parent / "cache")


@pytest.fixture(scope="module")
def clean(logs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the site that one build makes of all logs."""
    out = tmp_path_factory.mktemp("clean") / "site"
    make(logs, out)
    return out


@pytest.mark.parametrize("seed", range(3))
def test_histories_are_the_same_however_the_commits_came(
    logs: list[Path], clean: Path, tmp_path: Path, seed: int
) -> None:
    assert (clean / urls.history_page("nightly")).exists()
    assert (clean / urls.history_page("weekly")).exists()
    assert b"Regression in nightly" in (clean / urls.FEED).read_bytes()
    order = random.Random(seed).sample(logs, len(logs)) if seed else logs
    at = 0
    while at < len(order):
        step = 1 + (at + seed) % 4
        make(order[at : at + step], tmp_path / "site", append=True)
        at += step
    assert differing(clean, tmp_path / "site") == []
    assert check_site(tmp_path / "site", reachable=True) == []


def test_adding_the_runs_of_commits_that_are_there_writes_nothing(
    logs: list[Path], clean: Path, tmp_path: Path
) -> None:
    site = Path(shutil.copytree(clean, tmp_path / "site"))
    before = states(site)
    assert make(logs[3:5], site, append=True).written == 0
    assert make(logs, site).written == 0
    assert states(site) == before


def test_a_copy_of_a_site_has_its_histories(clean: Path, tmp_path: Path) -> None:
    make([clean], tmp_path / "copy")
    assert differing(clean, tmp_path / "copy") == []


def test_the_feed_keeps_what_it_told_of_experiments_that_did_not_change(
    logs: list[Path], clean: Path, tmp_path: Path
) -> None:
    site = Path(shutil.copytree(clean, tmp_path / "site"))
    before = states(site)
    make([write_commit(tmp_path / "more", 6, experiment="monthly")], site, append=True)
    after = states(site)
    assert after[urls.FEED] != before[urls.FEED]
    for path in (urls.history_page("nightly"), urls.history_csv("nightly"), urls.experiment_page("nightly")):
        assert after[path] == before[path]
    make([*logs, tmp_path / "more"], tmp_path / "all")
    assert differing(tmp_path / "all", site) == []

"""The limit of a site's size: which exact points go, that the result depends on runs and configuration alone, and that
it is said.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from reportgen.build import BuildResult
from reportgen.formats import run_key, short_key
from reportgen.site import urls
from reportgen.site.budget import SENTENCE_BYTES, RunTiles, choose_dropped
from reportgen.site.config import Config
from tests.conftest import reportgen
from tests.contract import read_file
from tests.linkcheck import check_site
from tests.sitefiles import change_packs
from tests.sourcelogs import T0, start_line, write_run
from tests.test_build import END, build_site
from tests.test_data_files import check_data
from tests.test_sample_site import contents, differing, states

POINTS = 6_000


def tiles(key: str, start: float, *sizes: int) -> RunTiles:
    """Return the tiles of a run."""
    return RunTiles(key, start, {f"data/tiles/{key}/0-{i}.js": size for i, size in enumerate(sizes)})


RUNS = [tiles("c", 1, 50_000, 50_000), tiles("a", 3, 70_000), tiles("b", 2, 80_000), tiles("none", 0)]


@pytest.mark.parametrize(
    ("limit", "dropped"),
    [(400_000, ""), (399_999, "c"), (302_000, "c"), (300_000, "cb"), (200_000, "cba"), (1, "cba")],
)
def test_runs_that_started_first_lose_their_tiles_and_no_more_than_needed(limit: int, dropped: str) -> None:
    assert choose_dropped(400_000, limit, RUNS) == frozenset(dropped)
    assert choose_dropped(400_000, limit, RUNS[::-1]) == frozenset(dropped)


def test_what_is_said_of_it_has_room() -> None:
    assert choose_dropped(400_000, 300_000 + SENTENCE_BYTES, RUNS) == {"c", "b"}


# ---- builds


def add_run(root: Path, name: str, number: int, *, points: int = POINTS, **fields: object) -> None:
    """Write a finished run with one long series of noise, whose tile is the largest of its files."""
    noise = random.Random(number)
    steps = list(range(0, 3 * points, 3))
    line = {"event": "points", "metric": "loss", "steps": steps, "values": [noise.random() for _ in steps]}
    start = start_line(name, name=f"run {name}", time=T0 + 60 * number, **fields)
    write_run(root / "digits" / name, start, line, END)


def make_root(folder: Path) -> Path:
    """Return a folder with four runs, the first of which began first."""
    for number in range(4):
        add_run(folder / "runs", f"r{number}", number)
    return folder / "runs"


def size_mb(site: Path) -> float:
    return sum(p.stat().st_size for p in site.rglob("*") if p.is_file()) / 2**20


def with_tiles(site: Path) -> list[str]:
    """Return the names of the runs whose exact points the site holds."""
    keys = {p.parent.name for p in (site / "data" / "tiles").rglob("*.js")}
    return [f"r{i}" for i in range(9) if short_key(run_key(f"r{i}")) in keys]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a site of four runs with all their tiles, beside its logs."""
    folder = tmp_path_factory.mktemp("whole")
    build_site(make_root(folder), folder / "site")
    return folder / "site"


@pytest.fixture
def root(whole: Path, tmp_path: Path) -> Path:
    """Return a folder of the four runs that may be changed."""
    shutil.copytree(whole.parent / "runs", tmp_path / "runs")
    return tmp_path / "runs"


def test_a_site_within_the_limit_is_whole_and_no_limit_is_none(whole: Path, tmp_path: Path) -> None:
    limit = size_mb(whole) + 0.0001
    result = build_site(whole.parent / "runs", tmp_path / "site", Config(max_site_mb=limit))
    assert (result.dropped, result.notices) == (0, ())
    assert differing(whole, tmp_path / "site") == [urls.INDEX_JS, urls.SITE_JSON]
    assert read_file(whole, "index")["max_site_mb"] is None


def limit_for(site: Path, dropped: float) -> Config:
    """Return a limit with which so many runs of `site` go without their tiles."""
    tiles = [p.stat().st_size for p in (site / "data/tiles").rglob("*.js")]
    return Config(max_site_mb=round(size_mb(site) - (dropped - 0.5) * sum(tiles) / len(tiles) / 2**20, 3))


@pytest.mark.parametrize("runs", [1, 3, 4])
def test_a_site_above_the_limit_goes_without_the_oldest_tiles_and_says_so(
    whole: Path, tmp_path: Path, runs: int
) -> None:
    config = limit_for(whole, runs)
    limit = config.max_site_mb
    assert limit is not None
    result = build_site(whole.parent / "runs", tmp_path / "site", config)
    assert (result.dropped, result.notices) == (runs, ())
    assert size_mb(tmp_path / "site") <= limit
    assert with_tiles(tmp_path / "site") == [f"r{i}" for i in range(runs, 4)]
    index = read_file(tmp_path / "site", "index")
    assert index["dropped"] == sorted(short_key(run_key(f"r{i}")) for i in range(runs))
    assert index["max_site_mb"] == limit
    home = (tmp_path / "site" / urls.HOME).read_text(encoding="utf-8")
    noun = "1 run" if runs == 1 else f"{runs} runs"
    assert f"<strong>Exact points of {noun} were left out</strong> to keep the site below " in home
    assert check_site(tmp_path / "site", reachable=True) == []
    check_data(tmp_path / "site")


def test_a_limit_that_cannot_be_kept_is_said_and_stops_nothing(whole: Path, tmp_path: Path) -> None:
    runs = whole.parent / "runs"
    for _ in range(2):
        result = build_site(runs, tmp_path / "site", Config(max_site_mb=0.01))
        (notice,) = result.notices
        assert "more than max_site_mb = 0.01" in notice.message
        assert result.dropped == 4
    assert result.written == 0
    assert with_tiles(tmp_path / "site") == []


def test_the_records_hold_all_points_so_that_a_site_builds_like_its_logs(whole: Path, tmp_path: Path) -> None:
    config = limit_for(whole, 2)
    build_site(whole.parent / "runs", tmp_path / "site", config)
    assert with_tiles(tmp_path / "site") == ["r2", "r3"]
    build_site(tmp_path / "site", tmp_path / "again", config)
    assert differing(tmp_path / "site", tmp_path / "again") == []
    build_site(tmp_path / "site", tmp_path / "unlimited")
    assert differing(whole, tmp_path / "unlimited") == []


Step = Callable[[Path], object]
STEPS: dict[str, tuple[int, Step, int]] = {
    "nothing": (2, lambda root: None, 2),
    "a limit is set": (0, lambda root: None, 2),
    "the limit is lowered": (1, lambda root: None, 3),
    "the limit is raised": (3, lambda root: None, 1),
    "the limit is lifted": (3, lambda root: None, 0),
    "a run is added": (1, lambda root: add_run(root, "r4", 4), 1),
    "an older run is added": (2, lambda root: add_run(root, "r5", -1), 2),
    "a run is removed": (3, lambda root: shutil.rmtree(root / "digits/r3"), 3),
    "a run that went without is removed": (2, lambda root: shutil.rmtree(root / "digits/r0"), 2),
    "a run that went without goes on": (
        2,
        lambda root: write_run(root / "digits/r0", start_line("r0", session="z", time=T0 + 9), name="events.1.jsonl"),
        2,
    ),
    "a run is short now": (2, lambda root: add_run(root, "r0", 0, points=10), 2),
}
"""What happened -> how many of the four runs went without before, what is done, and how many with the limit after."""


@pytest.mark.parametrize(("before", "change", "after"), STEPS.values(), ids=STEPS.keys())
def test_an_incremental_build_ends_with_the_bytes_of_a_clean_one(
    before: int, change: Step, after: int, whole: Path, root: Path, tmp_path: Path
) -> None:
    limits = [limit_for(whole, dropped) if dropped else Config() for dropped in (before, after)]
    assert build_site(root, tmp_path / "site", limits[0]).dropped == before
    change(root)
    build_site(root, tmp_path / "site", limits[1])
    build_site(root, tmp_path / "clean", limits[1])
    assert differing(tmp_path / "site", tmp_path / "clean") == []
    before_third = states(tmp_path / "site")
    result = build_site(root, tmp_path / "site", limits[1])
    assert (result.written, result.removed) == (0, 0)
    assert states(tmp_path / "site") == before_third


def test_another_limit_leaves_all_but_tiles_and_what_speaks_of_them_alone(
    whole: Path, root: Path, tmp_path: Path
) -> None:
    build_site(root, tmp_path / "site")
    old = contents(tmp_path / "site")
    before = states(tmp_path / "site")
    for dropped in (3, 1):
        assert build_site(root, tmp_path / "site", limit_for(whole, dropped)).dropped == dropped
        after = states(tmp_path / "site")
        changed = [path for path in old if not urls.is_tile(path) and after.get(path) != before[path]]
        packs = {path for path in changed if path.startswith("data/packs/")}
        assert set(changed) == {urls.HOME, urls.INDEX_JS, urls.SITE_JSON, *packs}
        before |= {path: after[path] for path in changed if path in after}
        old = {path: digest for path, digest in contents(tmp_path / "site").items() if not urls.is_tile(path)}
        before = {path: after[path] for path in old}


def test_runs_that_share_an_id_lose_and_get_back_their_tiles_each(tmp_path: Path) -> None:
    for folder, number in (("a", 0), ("b", 1), ("c", 2)):
        add_run(tmp_path / "runs" / folder, "same" if number < 2 else "other", number)
    whole = build_site(tmp_path / "runs", tmp_path / "whole")
    assert whole.runs == 3
    for dropped in (1, 3, 2):
        config = limit_for(tmp_path / "whole", dropped)
        build_site(tmp_path / "runs", tmp_path / "site", config)
        shutil.rmtree(tmp_path / "clean", ignore_errors=True)
        assert build_site(tmp_path / "runs", tmp_path / "clean", config).dropped == dropped
        assert differing(tmp_path / "site", tmp_path / "clean") == []


@pytest.mark.parametrize("dropped", [{"../../etc/passwd": 5}, {"data/tiles/aaaaaaaaaa/0-0.js": -1}, ["x"], 5])
def test_a_site_that_lies_about_its_tiles_is_built_anew(
    dropped: object, whole: Path, root: Path, tmp_path: Path
) -> None:
    config = limit_for(whole, 2)
    build_site(root, tmp_path / "clean", config)
    shutil.copytree(tmp_path / "clean", tmp_path / "site")
    change_packs(tmp_path / "site", lambda head: head["runs"][run_key("r0")].update(dropped=dropped))
    build_site(root, tmp_path / "site", config)
    assert differing(tmp_path / "site", tmp_path / "clean") == []


def test_the_command_says_what_was_left_out(whole: Path, tmp_path: Path) -> None:
    (tmp_path / "reportgen.toml").write_text(f"max_site_mb = {limit_for(whole, 1).max_site_mb}")
    ran = reportgen("build", whole.parent / "runs", "-o", "site", cwd=tmp_path)
    assert "exact points of 1 run left out" in ran.out
    assert ran.err == ""


def test_a_build_without_a_limit_measures_nothing(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(*args: object) -> dict[str, int]:
        raise AssertionError("sizes were asked for")

    monkeypatch.setattr("reportgen.site.writer.SiteWriter.sizes", measure)
    result: BuildResult = build_site(root, tmp_path / "site")
    assert result.dropped == 0

"""Runs that are added to a site: the result depends on the set of runs alone, and nothing that was there is lost."""

from __future__ import annotations

import gzip
import hashlib
import itertools
import multiprocessing
import random
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reportgen.build import BuildResult, build
from reportgen.errors import SiteError
from reportgen.formats import run_key
from reportgen.site import packs, urls
from reportgen.site.config import Config, MetricConfig
from reportgen.upkeep import Retention, prune_site
from tests.conftest import reportgen
from tests.linkcheck import check_site
from tests.sitefiles import change_packs, pack_files, read_document, read_entries, read_files, write_document
from tests.sourcelogs import LATER, T0, metrics_line, start_line, write_run
from tests.test_build import END
from tests.test_sample_site import contents, differing, states

NAMES = [f"r{number}" for number in range(7)]
CONFIG = Config(metrics={"acc": MetricConfig(direction="max")})


def write_log(root: Path, name: str, number: int, *, torn: bool = False) -> Path:
    """Write the log of one run: two experiments, a parent with children, one run with an artifact, one damaged."""
    folder = root / ("digits" if number % 3 else "wine") / name
    start = start_line(
        name,
        name=f"run {name}",
        experiment="digits" if number % 3 else "wine",
        time=T0 + 60 * ((number * 5) % 7),
        **({"parent": "r1"} if number in (2, 4) else {}),
    )
    params = {"event": "params", "params": {"lr": 0.1 / (1 + number // 2), "seed": number % 2}}
    steps = [metrics_line(i, loss=1.0 / (1 + i + number), acc=0.5 + i / 100 + number / 50) for i in range(5)]
    kept = [keep_file(folder, "toy.txt", f"toy {number}".encode())] if number % 4 == 1 else []
    write_run(folder, start, params, *steps, *kept, *([b'{"event":"met'] if torn else [END]))
    return folder


def keep_file(folder: Path, name: str, content: bytes) -> dict[str, Any]:
    """Write an artifact of a run; return its line."""
    (folder / "artifacts").mkdir(parents=True)
    (folder / "artifacts" / name).write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    return {"event": "artifact", "path": name, "bytes": len(content), "sha256": digest, "media": "text/plain"}


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the folder of each run's log."""
    root = tmp_path_factory.mktemp("append") / "runs"
    return {name: write_log(root, name, number, torn=number == 5) for number, name in enumerate(NAMES)}


def make(sources: Iterable[Path], out: Path, *, append: bool = False, config: Config = CONFIG) -> BuildResult:
    return build(list(sources), out, config=config, append=append, cache_dir=out.parent / "cache")


@pytest.fixture(scope="module")
def clean(logs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the site that one build makes of all logs."""
    out = tmp_path_factory.mktemp("clean") / "site"
    make(logs.values(), out)
    return out


@pytest.fixture
def site(clean: Path, tmp_path: Path) -> Path:
    """Return a copy of that site, which may be changed."""
    return Path(shutil.copytree(clean, tmp_path / "site"))


# ---- the set of runs alone


def partitions(names: Sequence[str], noise: random.Random) -> list[list[str]]:
    """Return the names in random groups, in a random order."""
    shuffled = noise.sample(list(names), len(names))
    parts: list[list[str]] = []
    while shuffled:
        size = noise.randint(1, 4)
        parts.append(shuffled[:size])
        shuffled = shuffled[size:]
    return parts


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_any_order_and_grouping_of_additions_gives_the_bytes_of_one_build(
    logs: dict[str, Path], clean: Path, tmp_path: Path, seed: int
) -> None:
    shutil.rmtree(tmp_path / "work", ignore_errors=True)
    out = tmp_path / "work" / "site"
    for part in partitions(NAMES, random.Random(seed)):
        make([logs[name] for name in part], out, append=True)
    assert differing(clean, out) == []
    assert check_site(out, reachable=True) == []


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a block have two runs."""
    for module in ("stages", "site.packs", "site.overviews", "site.pages.experiment"):
        monkeypatch.setattr(f"reportgen.{module}.BLOCK_RUNS", 2)
    monkeypatch.setattr(packs, "OWN_RUNS", 3)


@pytest.mark.usefixtures("small_blocks")
def test_a_site_of_several_packs_is_the_same_however_it_grew(logs: dict[str, Path], tmp_path: Path) -> None:
    make(logs.values(), tmp_path / "clean")
    assert len(pack_files(tmp_path / "clean")) > 2
    assert not (tmp_path / "clean" / urls.RUNS_CSV).exists()
    for seed in range(4):
        out = tmp_path / f"site{seed}"
        for part in partitions(NAMES, random.Random(seed)):
            make([logs[name] for name in part], out, append=True)
        assert differing(tmp_path / "clean", out) == []
        assert check_site(out, reachable=True) == []


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("gone", NAMES)
def test_a_site_of_several_packs_from_which_a_run_goes_is_that_of_the_others(
    logs: dict[str, Path], tmp_path: Path, gone: str
) -> None:
    make(logs.values(), tmp_path / "site")
    rest = [folder for name, folder in logs.items() if name != gone]
    make(rest, tmp_path / "clean")
    prune_site(tmp_path / "site", Retention(filter=f"run_name = 'run {gone}'"), config=CONFIG, **cached(tmp_path))
    if gone != "r1":  # two children that stay keep it
        assert differing(tmp_path / "clean", tmp_path / "site") == []
    make(logs.values(), tmp_path / "again")
    make(rest, tmp_path / "again")
    assert differing(tmp_path / "clean", tmp_path / "again") == []


def cached(folder: Path) -> dict[str, Any]:
    return {"cache_dir": folder / "cache"}


def test_a_copy_of_a_grown_site_is_the_same(logs: dict[str, Path], clean: Path, tmp_path: Path) -> None:
    for name in reversed(NAMES):
        make([logs[name]], tmp_path / "site", append=True)
    make([tmp_path / "site"], tmp_path / "copy")
    assert differing(tmp_path / "copy", clean) == []
    make([tmp_path / "site"], tmp_path / "other", append=True)
    assert differing(tmp_path / "other", clean) == []


def test_a_run_that_went_on_gives_the_site_of_its_longer_log(tmp_path: Path) -> None:
    early, late = tmp_path / "early", tmp_path / "late"
    for root, steps in ((early, 2), (late, 5)):
        lines = [metrics_line(step, loss=1.0 / (1 + step)) for step in range(steps)]
        write_run(root / "digits" / "a", start_line("a"), *lines, *([END] if steps == 5 else []))
    make([late], tmp_path / "clean")
    make([early], tmp_path / "site", append=True)
    result = make([late], tmp_path / "site", append=True)
    assert (result.added, result.changed) == (0, 1)
    assert differing(tmp_path / "clean", tmp_path / "site") == []
    make([early], tmp_path / "site", append=True)
    assert (
        contents(tmp_path / "site")["data/runs/" + run_key("a") + ".jsonl.gz"]
        == (contents(tmp_path / "clean")["data/runs/" + run_key("a") + ".jsonl.gz"])
    )


@pytest.mark.parametrize("counted", [False, True])
def test_sessions_that_come_one_by_one_become_one_run(tmp_path: Path, counted: bool) -> None:
    parts = []
    for number, session in enumerate(("20261120T120000Z-1", LATER)):
        root = tmp_path / f"machine{number}"
        start = start_line("a", session=session, time=T0 + 4000 * number)
        lines = [metrics_line(None if counted else number, loss=1.0 - number / 2) for _ in range(1 + counted)]
        name = f"events.{number}.jsonl" if number else "events.jsonl"
        write_run(root / "digits" / "a", start, *lines, name=name)
        parts.append(root)
    make(parts, tmp_path / "clean")
    for order in (parts, parts[::-1]):
        shutil.rmtree(tmp_path / "site", ignore_errors=True)
        for part in order:
            make([part], tmp_path / "site", append=True)
        assert differing(tmp_path / "clean", tmp_path / "site") == []


def test_histories_that_contradict_each_other_are_told_apart_as_in_one_build(tmp_path: Path) -> None:
    parts = [tmp_path / name for name in ("one", "two", "three")]
    for number, root in enumerate(parts):
        write_run(root / "digits" / "a", start_line("a"), metrics_line(0, loss=1.0 + number), END)
    make(parts, tmp_path / "clean")
    for order in itertools.permutations(parts):
        shutil.rmtree(tmp_path / "site", ignore_errors=True)
        for runs, part in enumerate(order, 1):
            assert make([part], tmp_path / "site", append=True).runs == runs
        assert differing(tmp_path / "clean", tmp_path / "site") == []
    again = make(parts[:1], tmp_path / "site", append=True)
    assert (again.runs, again.added, again.written) == (3, 0, 0)
    assert differing(tmp_path / "clean", tmp_path / "site") == []


# ---- what stays is not touched


def test_pages_of_other_runs_and_experiments_are_not_touched(logs: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "site"
    make([logs[name] for name in ("r0", "r3", "r1", "r2")], out)
    before = states(out)
    result = make([logs["r5"]], out, append=True)
    assert (result.added, result.changed, result.lost) == (1, 0, 0)
    after = states(out)
    kept = [path for path in before if path.startswith(("r/", "data/runs/", "data/series/", "data/texts/", "a/"))]
    kept += [urls.experiment_page("wine"), urls.table_js("wine"), urls.experiment_csv("wine"), urls.finding_js("wine")]
    assert [path for path in kept if after[path] != before[path]] == []
    assert after[urls.experiment_page("digits")] != before[urls.experiment_page("digits")]


def test_a_parent_that_gets_a_child_says_so(logs: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "site"
    make([logs["r1"]], out)
    page = out / urls.run_page(run_key("r1"), "run r1")
    assert b"run r2" not in page.read_bytes()
    make([logs["r2"]], out, append=True)
    assert b"run r2" in page.read_bytes()


def test_adding_what_is_there_writes_nothing(logs: dict[str, Path], site: Path) -> None:
    before = states(site)
    result = make(logs.values(), site, append=True)
    assert (result.added, result.written, result.removed) == (0, 0, 0)
    assert states(site) == before


def test_runs_stay_when_their_logs_are_gone(clean: Path, site: Path, tmp_path: Path) -> None:
    write_run(tmp_path / "new" / "digits" / "x", start_line("x"), metrics_line(0, acc=0.1), END)
    result = make([tmp_path / "new"], site, append=True)
    assert (result.added, result.runs) == (1, len(NAMES) + 1)
    assert read_entries(clean).keys() < read_entries(site).keys()


def test_an_empty_or_missing_folder_begins_a_site(logs: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    make([logs["r1"]], tmp_path / "clean")
    for name in ("empty", "missing"):
        make([logs["r1"]], tmp_path / name, append=True)
        assert differing(tmp_path / "clean", tmp_path / name) == []


def test_another_version_makes_every_page_again_from_the_records(
    logs: dict[str, Path], clean: Path, site: Path, tmp_path: Path
) -> None:
    document = read_document(site)
    write_document(site, {**document, "stamp": "0" * 64})
    page = site / urls.run_page(run_key("r1"), "run r1")
    page.write_bytes(b"of another version")
    result = make([logs["r1"]], site, append=True)
    assert [notice.message for notice in result.notices] == [
        "made by another version of reportgen, or with another configuration: every page is made again"
    ]
    assert differing(clean, site) == []


def test_another_configuration_makes_every_page_again(logs: dict[str, Path], site: Path, tmp_path: Path) -> None:
    config = Config(title="Others", metrics={"loss": MetricConfig(direction="min")})
    make(logs.values(), tmp_path / "clean", config=config)
    result = make([logs["r0"]], site, append=True, config=config)
    assert "every page is made again" in result.notices[0].message
    assert differing(tmp_path / "clean", site) == []


# ---- sites that are not whole


def damage(site: Path, where: str) -> str:
    """Damage or remove one file of a site; return its path."""
    kind, _, how = where.partition(" ")
    record = site / f"data/runs/{run_key('r1')}.jsonl.gz"
    files = {"record": record, "artifact": next(site.glob("a/*")), "pack": pack_files(site)[0]}
    file = files[kind]
    if how == "gone":
        file.unlink()
    elif how == "changed":
        file.write_bytes(gzip.compress(gzip.decompress(file.read_bytes()), 1) if kind == "record" else b"x")
    else:
        file.rename(site.parent / "moved")
        file.symlink_to(site.parent / "moved")
    return file.relative_to(site).as_posix()


@pytest.mark.parametrize("kind", ["record", "artifact", "pack"])
@pytest.mark.parametrize("how", ["gone", "changed", "linked"])
@pytest.mark.parametrize("name", ["r1", "x"])
def test_what_nothing_else_holds_must_be_there(
    logs: dict[str, Path], site: Path, tmp_path: Path, kind: str, how: str, name: str
) -> None:
    write_run(tmp_path / "new" / "digits" / "x", start_line("x"), metrics_line(0, acc=0.1), END)
    path = damage(site, f"{kind} {how}")
    before = states(site)
    with pytest.raises(SiteError, match=r"is not whole: .*[Rr]estore .*nothing was written") as caught:
        make([logs["r1"] if name == "r1" else tmp_path / "new"], site, append=True)
    assert path in str(caught.value)
    assert states(site) == before


@pytest.mark.parametrize("kind", ["page", "series", "table", "home", "plot", "search"])
def test_what_can_be_made_again_is(logs: dict[str, Path], clean: Path, site: Path, kind: str) -> None:
    files = {
        "page": site / urls.run_page(run_key("r1"), "run r1"),
        "series": site / urls.series_js(run_key("r2")),
        "table": site / urls.table_js("wine"),
        "home": site / urls.HOME,
        "plot": next(site.glob("assets/plots/*")),
        "search": site / urls.SEARCH_JS,
    }
    files[kind].unlink()
    make([logs["r3"]], site, append=True)
    assert differing(clean, site) == []


def test_entries_that_no_build_writes_end_it(logs: dict[str, Path], site: Path) -> None:
    change_packs(site, lambda head: head["runs"][run_key("r1")].update(stamp=7))
    with pytest.raises(SiteError, match="has 1 entries that no build writes"):
        make([logs["r1"]], site, append=True)


def test_a_folder_that_is_no_site_is_refused(logs: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(SiteError, match="neither empty nor a site"):
        make([logs["r1"]], tmp_path / "mine", append=True)


def test_a_site_whose_index_is_damaged_is_not_taken_for_an_empty_one(logs: dict[str, Path], site: Path) -> None:
    (site / urls.SITE_JSON).write_bytes(b"{")
    before = states(site)
    with pytest.raises(SiteError, match=r"data/site\.json .*damaged"):
        make([logs["r1"]], site, append=True)
    assert states(site) == before


def test_a_site_of_a_newer_format_is_refused(logs: dict[str, Path], site: Path) -> None:
    write_document(site, {**read_document(site), "format": 99})
    with pytest.raises(SiteError, match="newer reportgen"):
        make([logs["r1"]], site, append=True)


def test_a_site_that_leaves_runs_out_cannot_be_added_to(logs: dict[str, Path], tmp_path: Path) -> None:
    config = Config(exclude=("*r1",))
    make(logs.values(), tmp_path / "site", config=config)
    with pytest.raises(SiteError, match="include and exclude"):
        make([logs["r1"]], tmp_path / "site", append=True, config=config)
    with pytest.raises(SiteError, match="was made with include or exclude"):
        make([logs["r1"]], tmp_path / "site", append=True, config=Config())


# ---- packs


def test_packs_hold_a_block_of_runs_each_and_one_run_more_changes_one_of_them() -> None:
    members = {"big": [f"{n:05}" for n in range(2_500)], "small": ["a", "b"], "tiny": ["c"]}
    before = {pack.name: pack for pack in packs.plan_packs(members)}
    members["big"].append("99999")
    after = {pack.name: pack for pack in packs.plan_packs(members)}
    assert [len(pack.keys) for pack in before.values()] == [1_000, 1_000, 500, 3]
    assert [name for name in after if after[name] != before[name]] == [f"{urls.short_key('big')}-2"]
    assert [pack.experiments for pack in before.values()] == [(), (), ("big",), ("small", "tiny")]


def test_a_site_of_up_to_a_thousand_runs_has_one_pack() -> None:
    members = {f"e{n}": [f"{n}-{run}" for run in range(250)] for n in range(4)}
    (pack,) = packs.plan_packs(members)
    assert (pack.name, len(pack.keys)) == ("mixed-0", 1_000)
    members["e0"].append("more")
    assert len(packs.plan_packs(members)) == 2


def test_many_small_experiments_share_few_packs() -> None:
    members = {f"e{n}": [f"{n}-{run}" for run in range(3)] for n in range(2_000)}
    made = packs.plan_packs(members)
    assert len(made) == 8
    assert sorted(key for pack in made for key in pack.keys) == sorted(key for own in members.values() for key in own)
    assert max(len(pack.keys) for pack in made) < 1_000


# ---- two at once


def _append(log: Path, out: Path, cache: Path) -> None:
    build([log], out, config=CONFIG, append=True, cache_dir=cache)


def test_two_additions_at_once_are_both_there_at_the_end(logs: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "site"
    make([logs["r0"], logs["r1"]], out)
    context = multiprocessing.get_context("spawn")
    racers = [
        context.Process(target=_append, args=(logs[name], out, tmp_path / f"cache-{name}")) for name in ("r2", "r3")
    ]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert [racer.exitcode for racer in racers] == [0, 0]
    make([logs[name] for name in ("r0", "r1", "r2", "r3")], tmp_path / "clean")
    assert differing(tmp_path / "clean", out) == []


# ---- the command


def test_the_command_says_what_came_and_what_stayed(logs: dict[str, Path], tmp_path: Path) -> None:
    root = logs["r0"].parent.parent
    assert reportgen("build", root / "wine", "-o", "site", "--append", cwd=tmp_path).status == 0
    ran = reportgen("build", root / "digits", "-o", "site", "--append", cwd=tmp_path)
    first, address = ran.out.splitlines()
    assert first.startswith("4 runs added, 3 carried over, ")
    assert " files written, " in first
    assert address.endswith("/site/index.html")
    ran = reportgen("build", root / "wine", "-o", "site", "--append", cwd=tmp_path)
    assert ran.out.startswith("0 runs added, 7 carried over, ")
    assert "nothing changed" in ran.out
    assert reportgen("build", root, "--append", "--single-file", "x.html", "--run", "r1", cwd=tmp_path).status == 2


def test_every_file_of_a_site_is_listed_once_with_its_hash(site: Path) -> None:
    listed = read_files(site)
    assert listed == {path: digest for path, digest in contents(site).items() if path != urls.SITE_JSON}
    own = orjson.loads((site / urls.SITE_JSON).read_bytes())["files"]
    assert not [path for path in own if path.startswith(("r/", "e/", "data/runs", "data/packs", "data/series"))]

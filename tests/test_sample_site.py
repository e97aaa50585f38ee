"""The whole way from logs to a site, over the command line and the sample runs: links, determinism, and the site as its
own source.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest

from tests.conftest import SAMPLES, build_sample_site, reportgen
from tests.linkcheck import check_site

LOGS = sorted(SAMPLES.rglob("events*.jsonl"))


def contents(site: Path) -> dict[str, str]:
    """Return site path -> sha256 of every file of a site."""
    files = sorted(p for p in site.rglob("*") if p.is_file())
    return {p.relative_to(site).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def differing(one: Path, other: Path) -> list[str]:
    """Return the site paths at which two sites differ."""
    left, right = contents(one), contents(other)
    return sorted(path for path in left.keys() | right.keys() if left.get(path) != right.get(path))


def states(site: Path) -> dict[str, tuple[int, int]]:
    """Return site path -> what changes when a file or folder is written or replaced."""
    return {p.relative_to(site).as_posix(): (p.stat().st_ino, p.stat().st_mtime_ns) for p in sorted(site.rglob("*"))}


def test_every_link_resolves_and_every_page_is_reached(sample_site: Path) -> None:
    assert check_site(sample_site, reachable=True) == []


def test_the_site_has_a_page_for_each_run_and_two_for_each_experiment(sample_site: Path) -> None:
    starts = [json.loads(log.read_bytes().partition(b"\n")[0]) for log in LOGS]
    runs = {start["run_id"] for start in starts}
    experiments = {start["experiment"] for start in starts}
    assert len(list(sample_site.glob("r/*.html"))) == len(runs)
    assert len(list(sample_site.glob("e/*.html"))) == 2 * len(experiments)
    assert {p.name for p in sample_site.glob("*.html")} == {
        f"{name}.html" for name in ("index", "runs", "compare", "history", "models", "problems")
    }


@pytest.mark.slow
def test_time_zone_locale_hash_seed_jobs_and_folder_leave_the_bytes_alone(sample_site: Path, tmp_path: Path) -> None:
    surroundings = {"TZ": "Asia/Kathmandu", "LC_ALL": "C", "LANG": "de_DE.UTF-8", "PYTHONHASHSEED": "4711"}
    build_sample_site(tmp_path / "elsewhere", "--jobs", "1", env=surroundings)
    assert differing(sample_site, tmp_path / "elsewhere") == []


@pytest.mark.slow
def test_runs_given_as_several_sources_in_another_order_give_the_same_site(sample_site: Path, tmp_path: Path) -> None:
    folders = sorted({log.parent.parent for log in LOGS}, reverse=True)
    halves = (tmp_path / "one", tmp_path / "two")
    for number, folder in enumerate(folders):
        shutil.copytree(folder, halves[number % 2] / folder.name)
    config = SAMPLES / "reportgen.toml"
    ran = reportgen("build", *halves, "-o", "site", "--config", config, cwd=tmp_path)
    assert ran.status == 0, ran.err
    assert differing(sample_site, tmp_path / "site") == []


@pytest.mark.slow
def test_a_site_built_from_the_site_has_the_same_bytes(sample_site: Path, tmp_path: Path) -> None:
    config = SAMPLES / "reportgen.toml"
    ran = reportgen("build", sample_site, "-o", "again", "--config", config, cwd=tmp_path)
    assert ran.status == 0, ran.err
    assert differing(sample_site, tmp_path / "again") == []


def test_a_second_build_writes_nothing(sample_site: Path) -> None:
    before = states(sample_site)
    ran = build_sample_site(sample_site)
    assert states(sample_site) == before
    assert "nothing changed" in ran.out


def test_a_build_without_the_cache_writes_nothing_either(sample_site: Path) -> None:
    before = states(sample_site)
    build_sample_site(sample_site, "--no-cache")
    assert states(sample_site) == before


def test_the_build_ends_with_the_address_of_the_site(sample_site: Path) -> None:
    ran = build_sample_site(sample_site)
    assert ran.out.splitlines()[-1] == (sample_site / "index.html").resolve().as_uri()


def test_no_page_tells_where_it_was_built(sample_site: Path) -> None:
    words = (str(sample_site.parent), str(SAMPLES.parent))
    texts = [p for p in sample_site.rglob("*") if p.suffix in (".html", ".js", ".json", ".csv", ".svg", ".txt")]
    assert texts
    assert [p.name for p in texts if any(word in p.read_text(encoding="utf-8") for word in words)] == []


# ---- the sample runs themselves


def test_the_samples_are_small() -> None:
    assert sum(p.stat().st_size for p in SAMPLES.rglob("*") if p.is_file()) < 3_000_000


def test_the_samples_tell_nothing_of_the_machine_that_made_them() -> None:
    assert len(LOGS) >= 40
    private = re.compile(rb"/(home|Users|root|tmp|var|opt|mnt|work)/|hostname|\"user\":\"[^\"]")
    assert [log.parent.name for log in LOGS if private.search(log.read_bytes())] == []


def test_the_samples_show_each_way_in_which_a_run_ends() -> None:
    ends: dict[str, set[str]] = {}
    for log in LOGS:
        lines = [json.loads(line) for line in log.read_bytes().splitlines()]
        assert lines[0]["event"] == "start"
        status = lines[-1]["status"] if lines[-1]["event"] == "end" else "none"
        ends.setdefault(status, set()).add(lines[0]["run_id"])
    assert {"FINISHED", "FAILED", "none"} <= ends.keys()
    assert len(set().union(*ends.values())) >= 40

"""`reportgen history`: what it prints of runs over commits, and what git adds in a checkout."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from reportgen.loading.checkout import count_commits
from tests.cliruns import HOSTILE
from tests.conftest import SAMPLES, Ran, reportgen
from tests.historyruns import commit_hash
from tests.sourcelogs import T0, metrics_line, start_line, write_run


def write_history(root: Path, commits: list[str], *, parents: bool = True, experiment: str = "nightly") -> Path:
    """Write a run at each of `commits` into `root/runs`: the accuracy falls from 0.9 to 0.8 in the middle."""
    for number, commit in enumerate(commits):
        code = {"event": "code", "commit": commit, "commit_time": T0 + 3600 * number, "branch": "main", "dirty": False}
        code |= {"subject": f"Change {number}"}
        if parents and number:
            code["parents"] = [commits[number - 1]]
        value = (0.9 if number < len(commits) // 2 else 0.8) + 0.001 * (number % 3)
        write_run(
            root / "runs" / experiment / f"run-{number}",
            start_line(f"{experiment}-{number}", name=f"run {number}", experiment=experiment, time=T0 + 3600 * number),
            {"event": "params", "params": {"width": 8, "seed": number}},
            code,
            metrics_line(0, **{"val/accuracy": value}),
            {"event": "end", "status": "FINISHED", "time": T0 + 3600 * number + 60},
        )
    return root / "runs"


HASHES = [commit_hash(n) for n in range(1, 25)]


def history(*arguments: str | Path, cwd: Path) -> Ran:
    return reportgen("history", *arguments, "--quiet", cwd=cwd, env={"COLUMNS": "140"})


def test_levels_and_changes_are_printed_open_regressions_first(tmp_path: Path) -> None:
    write_history(tmp_path, HASHES)
    ran = history(cwd=tmp_path)
    assert ran.status == 0, ran.err
    lines = ran.out.splitlines()
    assert lines[0].startswith("nightly: 24 commits, ")
    assert lines[2].split()[:3] == ["val/accuracy", "↑", "0.801"]
    assert "1 open" in lines[2]
    assert lines[4].startswith("regression, open")
    assert "000000c..000000d, 1 commit" in lines[4]
    assert lines[4].endswith("Change 12")


def test_json_holds_what_the_page_shows(tmp_path: Path) -> None:
    write_history(tmp_path, HASHES)
    (record,) = json.loads(history("--format", "json", cwd=tmp_path).out)
    (configuration,) = record["configurations"]
    (metric,) = configuration["metrics"]
    assert record["experiment"] == "nightly"
    assert [o["commit"] for o in configuration["observations"]] == HASHES
    assert len(metric["values"]) == len(metric["lows"]) == len(metric["runs"]) == 24
    assert [(level["first"], level["last"]) for level in metric["levels"]] == [(0, 11), (12, 23)]
    (change,) = metric["changes"]
    assert (change["kind"], change["open"], change["commits"]) == ("regression", True, 1)
    assert (change["commit_before"], change["commit_after"]) == (HASHES[11], HASHES[12])


def test_markdown_is_a_table(tmp_path: Path) -> None:
    write_history(tmp_path, HASHES)
    out = history("--format", "markdown", cwd=tmp_path).out
    assert out.startswith("## nightly: 24 commits")
    assert "| regression, open | val/accuracy |" in out


def test_a_site_tells_the_same_as_its_logs(tmp_path: Path) -> None:
    runs = write_history(tmp_path, HASHES)
    assert reportgen("build", runs, "-o", "site", "-q", cwd=tmp_path).status == 0
    assert (
        history("site", "--format", "json", cwd=tmp_path).out == history("runs", "--format", "json", cwd=tmp_path).out
    )


def test_names_that_are_unknown_end_with_what_there_is(tmp_path: Path) -> None:
    write_history(tmp_path, HASHES[:4])
    ran = history("--experiment", "nightlie", cwd=tmp_path)
    assert (ran.status, "did you mean 'nightly'" in ran.err) == (1, True)
    ran = history("--metric", "val/acuracy", cwd=tmp_path)
    assert (ran.status, "did you mean 'val/accuracy'" in ran.err) == (1, True)


def test_one_experiment_and_one_metric_can_be_asked_for(tmp_path: Path) -> None:
    write_history(tmp_path, HASHES)
    write_history(tmp_path, HASHES, experiment="weekly")
    out = history("--experiment", "weekly", "-m", "val/accuracy", cwd=tmp_path).out
    assert "weekly: 24 commits" in out and "nightly" not in out


def test_without_a_history_it_says_so(tmp_path: Path) -> None:
    write_history(tmp_path, HASHES[:2])
    ran = reportgen("history", cwd=tmp_path)
    assert (ran.status, ran.out) == (0, "no history: no configuration was measured at three or more commits\n")
    assert json.loads(history("--format", "json", cwd=tmp_path).out) == []


def test_the_sample_runs_have_a_better_and_a_worse_commit(tmp_path: Path) -> None:
    records = json.loads(
        history(
            SAMPLES, "--config", SAMPLES / "reportgen.toml", "-m", "val/accuracy", "--format", "json", cwd=tmp_path
        ).out
    )
    (nightly,) = [r for r in records if r["experiment"] == "digits-nightly"]
    wide = nightly["configurations"][0]
    changes = wide["metrics"][0]["changes"]
    subjects = [wide["observations"][change["after"]]["subject"] for change in changes]
    assert [change["kind"] for change in changes] == ["improvement", "regression"]
    assert subjects == ["Scale the pixels by their range, which is 16", "Keep the images in a quarter of the memory"]
    assert [change["commits"] for change in changes] == [1, 2]


def test_hostile_names_steer_no_terminal(tmp_path: Path) -> None:
    write_history(tmp_path, [HOSTILE + h for h in HASHES])
    for kind in ("table", "markdown", "json"):
        ran = history("--format", kind, cwd=tmp_path)
        assert ran.status == 0, ran.err
        assert "\x1b" not in ran.out and "\u202e" not in ran.out


# ---- git


@pytest.fixture
def repository(tmp_path: Path) -> tuple[Path, list[str]]:
    """Return the folder of a git repository and the hashes of its twenty commits."""
    folder = tmp_path / "work"
    folder.mkdir()
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    environment |= {f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(folder), *arguments]
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q")
    hashes = []
    for number in range(20):
        git("commit", "-q", "--allow-empty", "-m", str(number))
        hashes.append(git("rev-parse", "HEAD"))
    return folder, hashes


def test_git_counts_commits_that_no_run_tells_of(repository: tuple[Path, list[str]]) -> None:
    folder, hashes = repository
    write_history(folder, [h for n, h in enumerate(hashes) if n not in (9, 10)], parents=False)
    (record,) = json.loads(history("--format", "json", cwd=folder).out)
    (change,) = record["configurations"][0]["metrics"][0]["changes"]
    assert (change["commit_before"], change["commit_after"], change["commits"]) == (hashes[8], hashes[11], 3)
    assert f"{hashes[8][:7]}..{hashes[11][:7]}, 3 commits" in history(cwd=folder).out


def test_git_is_asked_for_nothing_but_hashes_that_it_knows(repository: tuple[Path, list[str]], tmp_path: Path) -> None:
    folder, hashes = repository
    assert count_commits(hashes[0], hashes[5], folder) == 5
    assert count_commits(hashes[5], hashes[0], folder) is None
    assert count_commits(hashes[0], "f" * 40, folder) is None
    assert count_commits("--output=x", hashes[0], folder) is None
    assert count_commits(hashes[0], hashes[5], tmp_path) is None


def test_a_secret_in_a_commits_subject_is_in_no_file_of_the_site(tmp_path: Path) -> None:
    secret = "ghp_" + "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"
    runs = write_history(tmp_path, HASHES)
    for log in runs.rglob("events.jsonl"):
        log.write_text(log.read_text(encoding="utf-8").replace("Change ", f"use {secret} "), encoding="utf-8")
    assert reportgen("build", runs, "-o", "site", "-q", cwd=tmp_path).status == 0
    told = [p for p in (tmp_path / "site").rglob("*") if p.is_file() and secret.encode() in p.read_bytes()]
    assert told == []
    assert "use [redacted:" in (tmp_path / "site" / "feed.xml").read_text(encoding="utf-8")

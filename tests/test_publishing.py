"""A site on a branch: what is pushed, what stays reachable, and that publishers who meet lose nothing."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import click
import pytest

import reportgen as rg
from reportgen import publishing
from reportgen.cli import main
from reportgen.errors import SiteError
from reportgen.publishing import PREVIOUS, Means, Published, Request, publish
from reportgen.site.config import Config
from tests.conftest import ROOT, reportgen
from tests.sourcelogs import metrics_line, start_line, write_run


def git(folder: Path, *arguments: str) -> str:
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    done = subprocess.run(
        ("git", "-C", str(folder), *identity, *arguments), check=True, capture_output=True, text=True, env=environment
    )
    return done.stdout.strip()


def runs(folder: Path, *names: str) -> Path:
    """Write a run log for each name and return the folder."""
    for name in names:
        write_run(
            folder / "digits" / name,
            start_line(name, name=name),
            metrics_line(0, loss=1.0),
            {"event": "end", "status": "FINISHED", "time": 1_795_262_600.0},
        )
    return folder


@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a bare repository; the tests run beside it, in a git of its own settings."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    git(tmp_path, "init", "-q", "--bare", "-b", "main", "remote.git")
    return tmp_path / "remote.git"


def push(remote: Path | str, *sources: Path, means: Means | None = None, **options: Any) -> Published:
    request = Request(tuple(map(str, sources)), str(remote), **options)
    return publish(request, means or Means(Config(), sleep=lambda _: None))


def published(remote: Path, folder: str = "", ref: str = "gh-pages") -> set[str]:
    """Return the names of the runs in a site of the remote."""
    into = remote.parent / f"look-{len(list(remote.parent.iterdir()))}"
    into.mkdir()
    git(remote, f"--work-tree={into}", "checkout", "-q", "-f", ref, "--", ".")
    return {run.name for run in rg.load(str(into / folder))}


def files(remote: Path, ref: str = "gh-pages") -> set[str]:
    return set(git(remote, "ls-tree", "-r", "--name-only", ref).splitlines())


# ---- one publisher


def test_runs_are_added_to_what_the_branch_holds(remote: Path, tmp_path: Path) -> None:
    first = push(remote, runs(tmp_path / "a", "one"))
    assert (first.changed, first.attempts, first.site.runs if first.site else 0) == (True, 1, 1)
    second = push(remote, runs(tmp_path / "b", "two"))
    assert second.commit == git(remote, "rev-parse", "gh-pages")
    assert published(remote) == {"one", "two"}


def test_the_branch_is_one_commit_and_the_sites_before_it_are_kept(remote: Path, tmp_path: Path) -> None:
    commits = [push(remote, runs(tmp_path / name, name)).commit for name in ("one", "two", "three", "four", "five")]
    assert git(remote, "rev-list", "gh-pages").split() == [commits[-1]]
    kept = [git(remote, "rev-parse", PREVIOUS.format(number)) for number in (1, 2, 3)]
    assert kept == [commits[3], commits[2], commits[1]]
    assert git(remote, "for-each-ref", "--format=%(refname)", "refs/reportgen").count("\n") == 2
    assert published(remote, ref=PREVIOUS.format(1)) == {"one", "two", "three", "four"}


def test_no_earlier_site_is_kept_where_none_is_wanted(remote: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        push(remote, runs(tmp_path / name, name), previous=0)
    assert git(remote, "for-each-ref", "refs/reportgen") == ""


def test_the_same_runs_again_push_nothing(remote: Path, tmp_path: Path) -> None:
    first = push(remote, runs(tmp_path / "a", "one"))
    again = push(remote, tmp_path / "a")
    assert (again.changed, again.commit) == (False, first.commit)
    assert git(remote, "for-each-ref", "refs/reportgen") == ""


def test_files_of_others_on_the_branch_stay_and_history_that_was_there_goes_on_in_previous(
    remote: Path, tmp_path: Path
) -> None:
    git(tmp_path, "clone", "-q", str(remote), "work")
    work = tmp_path / "work"
    (work / "CNAME").write_bytes(b"reports.example\r\n")
    (work / ".gitattributes").write_text("* text eol=lf\n*.html filter=lfs\n")
    (work / ".gitignore").write_text("*.gz\n")
    git(work, "add", "-A")
    git(work, "commit", "-q", "-m", "by hand")
    git(work, "push", "-q", "origin", "HEAD:gh-pages")
    before = git(remote, "rev-parse", "gh-pages")
    push(remote, runs(tmp_path / "a", "one"))
    assert {"CNAME", ".gitattributes", ".gitignore", "index.html"} <= files(remote)
    assert any(path.endswith(".jsonl.gz") for path in files(remote))
    assert git(remote, "cat-file", "blob", "gh-pages:CNAME") == "reports.example"
    assert git(remote, "rev-parse", PREVIOUS.format(1)) == before
    assert published(remote) == {"one"}


def test_nothing_but_the_site_is_pushed(remote: Path, tmp_path: Path) -> None:
    push(remote, runs(tmp_path / "a", "one"))
    push(remote, runs(tmp_path / "p", "preview"), folder="pr/12", replace=True)
    push(remote, runs(tmp_path / "q", "other"), folder="pr/12", replace=True)
    odd = {path for path in files(remote) if "lock" in path or any(part[0] in "._" for part in path.split("/"))}
    assert odd == {".nojekyll", "pr/12/.nojekyll"}


@pytest.mark.parametrize(
    ("there", "folder", "named"),
    [
        ("index.html", "", "index.html"),
        ("assets/x.css", "", "assets"),
        ("pr", "pr/12", "pr"),
        ("pr/12", "pr/12", "pr/12"),
    ],
)
def test_what_somebody_else_has_put_there_is_not_overwritten(
    remote: Path, tmp_path: Path, there: str, folder: str, named: str
) -> None:
    git(tmp_path, "clone", "-q", str(remote), "work")
    (tmp_path / "work" / there).parent.mkdir(exist_ok=True)
    (tmp_path / "work" / there).write_text("by hand")
    (tmp_path / "work" / ".nojekyll").write_text("")
    git(tmp_path / "work", "add", "-A")
    git(tmp_path / "work", "commit", "-q", "-m", "by hand")
    git(tmp_path / "work", "push", "-q", "origin", "HEAD:gh-pages")
    before = git(remote, "rev-parse", "gh-pages")
    with pytest.raises(SiteError, match=f"'{named}' on 'gh-pages' is no site's, and would be overwritten"):
        push(remote, runs(tmp_path / "a", "one"), folder=folder)
    assert git(remote, "rev-parse", "gh-pages") == before


# ---- previews


def test_a_preview_lies_beside_the_site_and_holds_its_runs_alone(remote: Path, tmp_path: Path) -> None:
    push(remote, runs(tmp_path / "p", "old"), folder="pr/12", replace=True)  # before there is a site
    push(remote, runs(tmp_path / "a", "one"))
    push(remote, runs(tmp_path / "q", "new"), folder="pr/12", replace=True)
    push(remote, runs(tmp_path / "b", "two"))
    assert published(remote) == {"one", "two"}
    assert published(remote, "pr/12") == {"new"}


def test_previews_that_nobody_needs_are_dropped(remote: Path, tmp_path: Path) -> None:
    push(remote, runs(tmp_path / "a", "one"))
    for number in (1, 2, 3):
        push(remote, runs(tmp_path / f"p{number}", f"p{number}"), folder=f"pr/{number}", replace=True)
    done = push(
        remote, runs(tmp_path / "p4", "p4"), folder="pr/4", replace=True, drop=("pr/*",), spare=("pr/2", "pr/4")
    )
    assert done.dropped == ("pr/1", "pr/3")
    assert {path.split("/")[1] for path in files(remote) if path.startswith("pr/")} == {"2", "4"}
    assert push(remote, drop=("*",)).dropped == ("pr/2", "pr/4")
    assert published(remote) == {"one"}


@pytest.mark.parametrize(
    "folder", ["../x", "/x", "pr/../x", "pr//1", ".git", "pr/.git", "data", "r/1", "a b", "-x", "x\n"]
)
def test_a_folder_that_could_be_anything_else_is_refused(remote: Path, tmp_path: Path, folder: str) -> None:
    with pytest.raises(SiteError, match=r"cannot be a folder of a site|is a folder of every site"):
        push(remote, runs(tmp_path / "a", "one"), folder=folder)
    assert git(remote, "for-each-ref") == ""


# ---- several publishers


def test_whoever_comes_second_adds_to_what_the_first_pushed(
    remote: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(remote, runs(tmp_path / "a", "one"))
    runs(tmp_path / "b", "two")
    others = iter(("three", "four"))
    real = publishing._Repository.push

    def overtaken(self: Any, updates: Any) -> str:
        monkeypatch.setattr(publishing._Repository, "push", real)
        name = next(others, "")
        if name:
            push(remote, runs(tmp_path / name, name))
            monkeypatch.setattr(publishing._Repository, "push", overtaken)
        return real(self, updates)

    monkeypatch.setattr(publishing._Repository, "push", overtaken)
    told: list[str] = []
    done = push(remote, tmp_path / "b", means=Means(Config(), on_retry=told.append, sleep=lambda _: None))
    assert done.attempts == 3
    assert told == ["'gh-pages' was changed by another publisher: adding to what is there now"] * 2
    assert published(remote) == {"one", "two", "three", "four"}


def test_publishers_that_race_lose_nothing(remote: Path, tmp_path: Path) -> None:
    names = [f"run-{number}" for number in range(4)]
    places = [runs(tmp_path / name, name) for name in names]
    ready = threading.Barrier(len(names))
    done = []

    def work(place: Path) -> None:
        ready.wait()
        done.append(reportgen("publish", place, "--remote", remote, "-j", "1", cwd=place))

    threads = [threading.Thread(target=work, args=(place,)) for place in places]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(ran.status, ran.err.count("Traceback")) for ran in done] == [(0, 0)] * len(names)
    assert published(remote) == set(names)
    assert git(remote, "rev-list", "--count", "gh-pages") == "1"


def test_one_who_is_always_overtaken_says_so(remote: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(publishing._Repository, "push", lambda *_: "! [rejected] (stale info)")
    means = Means(Config(), sleep=waits.append, chance=lambda: 0.5)
    with pytest.raises(SiteError, match="changed by others 3 times in a row: publish again later, or raise --attempts"):
        push(remote, runs(tmp_path / "a", "one"), means=means, attempts=3)
    assert waits == sorted(waits)


# ---- what goes wrong


def test_a_push_that_the_host_refuses_is_not_tried_again(remote: Path, tmp_path: Path) -> None:
    hook = remote / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho no pushes on Fridays >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(SiteError, match=r"the push to 'gh-pages' was refused .*pre-receive hook declined"):
        push(remote, runs(tmp_path / "a", "one"))


def test_a_repository_that_cannot_be_reached_is_named_without_its_password(tmp_path: Path, remote: Path) -> None:
    with pytest.raises(SiteError) as caught:
        push("https://ada:hunter2secret@localhost:1/x.git", runs(tmp_path / "a", "one"))
    assert "localhost:1/x.git" in str(caught.value)
    assert "hunter2secret" not in str(caught.value)


def test_a_remote_is_one_of_the_working_folder_with_how_it_signs_in(
    remote: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs(tmp_path / "a", "one")
    with pytest.raises(SiteError, match="no remote 'origin' here: name one with --remote, or give its address"):
        publish(Request((str(tmp_path / "a"),)), Means(Config()))
    git(tmp_path, "clone", "-q", str(remote), "work")
    monkeypatch.chdir(tmp_path / "work")
    git(Path.cwd(), "config", "http.https://git.example/.extraheader", "AUTHORIZATION: basic c2VjcmV0")
    git(Path.cwd(), "config", "core.autocrlf", "true")
    hook = Path(".git/hooks/pre-push")
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    seen: list[dict[str, str]] = []
    real = publishing._Repository.push
    monkeypatch.setattr(
        publishing._Repository, "push", lambda self, updates: (seen.append(self._environment), real(self, updates))[1]
    )
    publish(Request((str(tmp_path / "a"),)), Means(Config()))
    assert published(remote) == {"one"}
    (environment,) = seen
    assert "AUTHORIZATION: basic c2VjcmV0" in environment.values()
    assert git(Path.cwd(), "status", "--porcelain") == ""
    assert git(Path.cwd(), "for-each-ref", "refs/fetched", "refs/reportgen") == ""


def test_nothing_is_left_in_the_temporary_folder(remote: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "tmp"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    push(remote, runs(tmp_path / "a", "one"))
    with pytest.raises(SiteError):
        push(tmp_path / "nowhere", tmp_path / "a")
    assert list(place.iterdir()) == []


def test_without_runs_and_without_folders_there_is_nothing_to_do(remote: Path) -> None:
    with pytest.raises(SiteError, match="nothing to publish: name runs, or folders with --drop"):
        push(remote)


# ---- the command


def test_the_command_says_what_it_did(remote: Path, tmp_path: Path) -> None:
    place = runs(tmp_path / "a", "one")
    ran = reportgen("publish", place, "--remote", remote, "-j", "1", cwd=tmp_path)
    commit = git(remote, "rev-parse", "gh-pages")
    assert (ran.status, ran.out) == (0, f"1 run in 1 experiment, 'gh-pages' is commit {commit[:12]}\n"), ran.err
    ran = reportgen("publish", place, "--remote", remote, "-j", "1", "--format", "json", cwd=tmp_path)
    assert json.loads(ran.out) == {
        "branch": "gh-pages", "commit": commit, "changed": False, "attempts": 1, "runs": 1, "experiments": 1,
        "dropped": [], "problems": [], "notices": [],
    }  # fmt: skip


@pytest.mark.parametrize("name", ["init", "publish", "unpack"])
def test_examples_of_the_help_are_understood_and_help_loads_nothing_heavy(name: str) -> None:
    code = (
        "import sys\n"
        "from reportgen.cli import main\n"
        f"main([{name!r}, '-h'], standalone_mode=False)\n"
        "print(sorted({'numpy', 'matplotlib', 'jinja2', 'orjson', 'asyncio'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"
    examples = re.findall(r"(?m)^    reportgen (.*?)(?:   .*)?$", done.stdout.split("Examples:")[1])
    assert len(examples) >= 3
    group = click.Context(main, **main.context_settings)
    for line in examples:
        _, command, words = main.resolve_command(group, shlex.split(line))
        assert command is not None
        command.make_context(name, words, parent=group)

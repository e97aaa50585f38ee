"""The script that puts a review on a pull request, against forges that answer well and badly."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cirecipes import RECIPES, Forge, serving_forge

MARKER = "<!-- reportgen review -->"
TEXT = f"{MARKER}\n## No change\n\n| a | b |\n"
KINDS = ("github", "gitlab", "bitbucket")


def comment(forge: Forge, folder: Path, text: str = TEXT, **variables: str) -> subprocess.CompletedProcess[str]:
    file = folder / "comment.md"
    file.write_text(text, encoding="utf-8")
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **forge.environment(), **variables}
    command = [sys.executable, "-I", "-W", "error", str(RECIPES / "comment.py"), forge.kind, str(file)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("kind", KINDS)
def test_a_comment_is_added_once_and_replaced_from_then_on(kind: str, tmp_path: Path) -> None:
    with serving_forge(kind) as forge:
        forge.add("Nice work!", own=False)
        first = comment(forge, tmp_path)
        assert (first.returncode, first.stderr) == (0, "")
        assert first.stdout.startswith("comment: https://forge")
        second = comment(forge, tmp_path, f"{MARKER}\n## Better — ü")
        assert (second.returncode, second.stderr) == (0, "")
        assert forge.texts() == ["Nice work!", f"{MARKER}\n## Better — ü"]
        assert {"secret-token"} == {token.removeprefix("Bearer ") for token in forge.tokens}


@pytest.mark.parametrize("kind", KINDS)
def test_a_comment_of_somebody_else_with_our_marker_is_left_alone(kind: str, tmp_path: Path) -> None:
    with serving_forge(kind) as forge:
        forge.add(TEXT, own=False)
        assert comment(forge, tmp_path, f"{MARKER}\nnew").returncode == 0
        assert forge.texts() == [TEXT, f"{MARKER}\nnew"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_marker_counts_on_the_first_line_alone_and_as_a_whole(kind: str, tmp_path: Path) -> None:
    with serving_forge(kind) as forge:
        others = [f"quoted\n{MARKER}", "<!-- reportgen review: other -->\nx", f"{MARKER} more", "", "\n"]
        for text in others:
            forge.add(text)
        assert comment(forge, tmp_path).returncode == 0
        assert forge.texts() == [*others, TEXT]
        assert comment(forge, tmp_path, "<!-- reportgen review: other -->\r\ny").returncode == 0
        assert forge.texts()[1] == "<!-- reportgen review: other -->\ny"


@pytest.mark.parametrize("kind", KINDS)
def test_our_comment_is_found_behind_many_others(kind: str, tmp_path: Path) -> None:
    with serving_forge(kind) as forge:
        for number in range(250):
            forge.add(f"comment {number}", own=False)
        forge.add(TEXT)
        assert comment(forge, tmp_path, f"{MARKER}\nnew").returncode == 0
        assert (len(forge.comments), forge.texts()[-1]) == (251, f"{MARKER}\nnew")


@pytest.mark.parametrize("actions", ["", "true"])
def test_with_a_users_token_our_comments_are_those_of_the_user(actions: str, tmp_path: Path) -> None:
    with serving_forge("github") as forge:
        forge.login = "ada"
        forge.add(TEXT)
        forge.comments[0]["user"]["login"] = "ada"
        assert comment(forge, tmp_path, f"{MARKER}\nnew", GITHUB_ACTIONS=actions).returncode == 0
        assert forge.texts() == [f"{MARKER}\nnew"]
        assert comment(forge, tmp_path, f"{MARKER}\nmine", AUTHOR="robot").returncode == 0
        assert len(forge.comments) == 2


def test_a_token_of_nobody_outside_of_github_actions_is_refused(tmp_path: Path) -> None:
    with serving_forge("github") as forge:
        done = comment(forge, tmp_path, GITHUB_ACTIONS="")
        assert (done.returncode, forge.comments) == (1, [])
        assert "GET /user was answered with 403" in done.stderr


def test_a_forge_that_is_busy_is_asked_again(tmp_path: Path) -> None:
    with serving_forge("github") as forge:
        forge.add(TEXT)
        forge.fail = [502, 429]
        assert comment(forge, tmp_path, f"{MARKER}\nnew").returncode == 0
        assert forge.texts() == [f"{MARKER}\nnew"]


@pytest.mark.parametrize(
    ("status", "told"), [(403, "403: the token may not write comments"), (401, "the token is not valid"), (500, "500")]
)
def test_a_refusal_says_what_to_look_at_and_shows_no_token(status: int, told: str, tmp_path: Path) -> None:
    with serving_forge("github") as forge:
        forge.fail = [status] * 9
        done = comment(forge, tmp_path)
        assert done.returncode == 1
        assert told in done.stderr
        assert "secret-token" not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr


def test_the_token_follows_no_redirect(tmp_path: Path) -> None:
    with serving_forge("github") as forge:
        forge.fail = [302]
        assert comment(forge, tmp_path).returncode == 1
        assert [path for _, path, _ in forge.asked if "stolen" in path] == []


def test_a_forge_that_is_not_there_is_no_traceback(tmp_path: Path) -> None:
    with serving_forge("github") as forge:
        done = comment(forge, tmp_path, GITHUB_API_URL="http://127.0.0.1:1")
        assert done.returncode == 1
        assert done.stderr.startswith("comment.py: GET http://127.0.0.1:1/user")


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"PULL": ""}, "PULL is not set"),
        ({"PULL": "12/../../x"}, "PULL is no number"),
        ({"PULL": "1²"}, "PULL is no number"),
        ({"REPORTGEN_TOKEN": ""}, "REPORTGEN_TOKEN is not set"),
    ],
)
def test_wrong_variables_are_named(variables: dict[str, str], told: str, tmp_path: Path) -> None:
    with serving_forge("github") as forge:
        done = comment(forge, tmp_path, **variables)
        assert (done.returncode, forge.comments) == (1, [])
        assert told in done.stderr


@pytest.mark.parametrize("text", ["", "\n", "no marker", "<!-- something -->\nx"])
def test_what_is_no_comment_of_ours_is_not_posted(text: str, tmp_path: Path) -> None:
    with serving_forge("github") as forge:
        done = comment(forge, tmp_path, text)
        assert (done.returncode, forge.comments) == (1, [])
        assert "comment" in done.stderr


def test_a_wrong_call_shows_the_usage() -> None:
    done = subprocess.run([sys.executable, str(RECIPES / "comment.py"), "svn"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, "usage: comment.py github|gitlab|bitbucket COMMENT.md\n")

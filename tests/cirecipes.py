"""The recipes of `docs/ci` for tests: their steps, a machine that runs the shell of one, and forges that answer."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import ROOT, share_caches

RECIPES = ROOT / "docs" / "ci"
WORKFLOWS = sorted(RECIPES.glob("github-*.yml"))
ACTION = ROOT / "action.yml"
EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
HOSTILE = (
    "$(touch pwned)", "`touch pwned`", "'; touch pwned; '", '"; touch pwned; "', "a\ntouch pwned", "a\n::error::x",
    "::error::x", "-rf", "--help", "$IFS$(touch${IFS}pwned)", "a;touch pwned", "a|touch pwned", "a&&touch pwned",
    "${HOME}", "*", "a\x1bb", "\u202ea",
)  # fmt: skip
"""What a branch, a title, a name or a path could be to whoever puts it into a shell."""


@dataclass(frozen=True)
class Step:
    """One step of a workflow or of the action."""

    file: Path
    job: str
    data: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.data.get("name", self.data.get("uses", "")))

    @property
    def script(self) -> str:
        return str(self.data["run"])


def read_yaml(file: Path) -> Any:
    """Return a YAML file; GitHub's `on` stays a word."""
    text = re.sub(r"(?m)^on:", '"on":', file.read_text(encoding="utf-8"))
    return yaml.safe_load(text)


def iter_steps(file: Path) -> Iterator[Step]:
    """Yield the steps of a workflow, or of the action."""
    data = read_yaml(file)
    jobs = data.get("jobs") or {"action": {"steps": data["runs"]["steps"]}}
    for name, job in jobs.items():
        for step in job["steps"]:
            yield Step(file, name, step)


def find_step(file: Path, name: str, job: str = "") -> Step:
    """Return the step of that name."""
    (step,) = [step for step in iter_steps(file) if step.name == name and job in ("", step.job)]
    return step


FAKE_GH = """#!{python}
import json, os, sys
import jq
words = sys.argv[1:]
with open(os.environ["FAKE_GH_LOG"], "a") as log:
    log.write(json.dumps(words) + "\\n")
if words[:2] == ["auth", "git-credential"]:
    print("username=x-access-token\\npassword=" + os.environ["GH_TOKEN"])
    sys.exit(0)
assert words[0] == "api", words
expression, path, rest = "", "", iter(words[1:])
for word in rest:
    if word == "--jq":
        expression = next(rest)
    elif not word.startswith("-"):
        path = word
answers = json.load(open(os.environ["FAKE_GH"]))
if path not in answers:
    sys.exit(f"gh: Not Found (HTTP 404): {{path}}")
answer = answers[path]
if isinstance(answer, dict) and "endless" in answer:
    while True:
        sys.stdout.buffer.write(bytes(2**20))
elif isinstance(answer, dict) and "file" in answer:
    sys.stdout.buffer.write(open(answer["file"], "rb").read())
elif expression:
    for value in jq.compile(expression).input_value(answer):
        if value is not None:
            print(value if isinstance(value, str) else json.dumps(value))
else:
    print(json.dumps(answer))
"""
REPORTGEN = """#!/bin/sh
PYTHONPATH='{root}' exec '{python}' -m reportgen "$@"
"""


class Machine:
    """A folder that looks like a job's machine, and the shell that runs a step there as the CI system does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.work, self.temp, self.bin = folder / "work", folder / "temp", folder / "bin"
        for path in (self.work, self.temp / "reportgen" / "bin", self.bin):
            path.mkdir(parents=True)
        own = REPORTGEN.format(root=ROOT, python=sys.executable)
        self.program(self.temp / "reportgen" / "bin" / "reportgen", own)
        self.program(self.bin / "reportgen", own)
        self.program(self.bin / "gh", FAKE_GH.format(python=sys.executable))
        share_caches(folder / ".cache")
        self.answers: dict[str, Any] = {}
        self.variables = {
            "GITHUB_OUTPUT": str(folder / "output"),
            "GITHUB_STEP_SUMMARY": str(folder / "summary"),
            "GITHUB_REPOSITORY": "ada/digits",
            "GITHUB_SERVER_URL": str(folder),
            "GITHUB_ACTIONS": "true",
            "RUNNER_TEMP": str(self.temp),
            "FAKE_GH": str(folder / "gh.json"),
            "FAKE_GH_LOG": str(folder / "gh.log"),
            "XDG_CACHE_HOME": str(folder / ".cache"),
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_SYSTEM": "/dev/null",
            "HOME": str(folder),
        }

    def program(self, path: Path, text: str) -> None:
        """Write an executable file."""
        path.write_text(text)
        path.chmod(0o755)

    def shell(
        self, script: str, environment: Mapping[str, str] | None = None, *, shell: str = "bash"
    ) -> subprocess.CompletedProcess[str]:
        """Run a script as the steps of a job are run."""
        (self.folder / "gh.json").write_text(json.dumps(self.answers))
        file = self.folder / "step.sh"
        file.write_text(script)
        commands = {
            "bash": ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(file)],
            "sh": ["sh", "-xe", str(file)],
        }
        keep = {name: os.environ[name] for name in ("LANG", "LC_ALL", "SYSTEMROOT") if name in os.environ}
        path = os.pathsep.join([str(self.bin), str(Path(sys.executable).parent), os.environ["PATH"]])
        return subprocess.run(
            commands[shell],
            cwd=self.work,
            env={**keep, "PATH": path, **self.variables, **(environment or {})},
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=300,
        )

    def step(
        self, step: Step, context: Mapping[str, str] | None = None, **more: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the shell of a step, with the workflow's, the job's and its own variables; `more` win over them."""
        data = read_yaml(step.file)
        job = (data.get("jobs") or {}).get(step.job, {})
        named = {**(data.get("env") or {}), **(job.get("env") or {}), **(step.data.get("env") or {})}
        values = {name: more.get(name) or self.evaluate(str(text), context or {}) for name, text in named.items()}
        return self.shell(step.script, {**values, **more})

    def evaluate(self, text: str, context: Mapping[str, str]) -> str:
        """Return a text with its `${{ … }}` replaced."""
        return EXPRESSION.sub(lambda found: context[found[1]], text)

    def outputs(self) -> dict[str, str]:
        """Return what the steps have written to $GITHUB_OUTPUT; a line without `=` fails."""
        file = Path(self.variables["GITHUB_OUTPUT"])
        lines = file.read_text().splitlines() if file.exists() else []
        assert all("=" in line for line in lines), lines
        return dict(line.split("=", 1) for line in lines)

    def is_clean(self) -> bool:
        """Tell whether nothing that a hostile value would have made is anywhere."""
        return not list(self.folder.rglob("pwned*"))


# ---- forges


@dataclass
class Forge:
    """Comments of one pull request on a forge, and what it was asked."""

    kind: str
    url: str = ""
    comments: list[dict[str, Any]] = field(default_factory=list)
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    fail: list[int] = field(default_factory=list)
    """Statuses that the next requests are answered with."""
    login: str = ""
    """The user whose token it is on GitHub; a job's own token is nobody's."""

    def add(self, text: str, *, own: bool = True) -> None:
        """Put a comment there, ours or somebody else's."""
        self.comments.append(self.make(len(self.comments) + 1, text, own=own))

    def make(self, number: int, text: str, *, own: bool = True) -> dict[str, Any]:
        if self.kind == "github":
            login = "github-actions[bot]" if own else "eve"
            return {"id": number, "body": text, "user": {"login": login}, "html_url": f"https://forge/#{number}"}
        if self.kind == "gitlab":
            return {"id": number, "body": text, "author": {"id": 7 if own else 8}}
        user = {"uuid": "{own}" if own else "{eve}"}
        return {"id": number, "content": {"raw": text}, "user": user, "links": {"html": {"href": "https://forge"}}}

    def texts(self) -> list[str]:
        """Return the comments as they are now."""
        return [c["content"]["raw"] if self.kind == "bitbucket" else c["body"] for c in self.comments]

    def environment(self) -> dict[str, str]:
        """Return the variables by which the script finds it."""
        return {
            "REPORTGEN_TOKEN": "secret-token", "COMMENT_WAIT_S": "0",
            "GITHUB_API_URL": self.url, "GITHUB_REPOSITORY": "ada/digits", "PULL": "12", "GITHUB_ACTIONS": "true",
            "CI_API_V4_URL": self.url, "CI_PROJECT_ID": "5", "CI_MERGE_REQUEST_IID": "12",
            "CI_MERGE_REQUEST_PROJECT_URL": "https://forge/ada/digits",
            "BITBUCKET_API_URL": self.url, "BITBUCKET_REPO_FULL_NAME": "ada/digits", "BITBUCKET_PR_ID": "12",
        }  # fmt: skip

    def answer(self, method: str, path: str, data: Any) -> tuple[int, Any]:
        """Answer a request as the forge does."""
        listed = {
            "github": "/repos/ada/digits/issues/12/comments",
            "gitlab": "/projects/5/merge_requests/12/notes",
            "bitbucket": "/repositories/ada/digits/pullrequests/12/comments",
        }[self.kind]
        single = "/repos/ada/digits/issues/comments" if self.kind == "github" else listed
        plain, _, query = path.partition("?")
        if method == "GET" and plain == "/user":
            if self.kind == "github" and not self.login:
                return 403, {"message": "Resource not accessible by integration"}
            return 200, {"id": 7, "uuid": "{own}", "login": self.login}
        if plain == listed and method == "GET":
            page = int((re.search(r"(?<![_a-z])page=(\d+)", query) or [0, "1"])[1])
            part = self.comments[(page - 1) * 100 : page * 100]
            if self.kind != "bitbucket":
                return 200, part
            more = {"next": f"{self.url}{listed}?page={page + 1}"} if len(self.comments) > page * 100 else {}
            return 200, {"values": part, **more}
        text = data["content"]["raw"] if self.kind == "bitbucket" else (data or {}).get("body", "")
        if plain == listed and method == "POST":
            self.add(text)
            return 201, self.comments[-1]
        found = re.fullmatch(rf"{re.escape(single)}/(\d+)", plain)
        if found and method == ("PATCH" if self.kind == "github" else "PUT"):
            number = int(found[1])
            self.comments[number - 1] = self.make(number, text)
            return 200, self.comments[number - 1]
        return 404, {"message": "Not Found"}


@contextmanager
def serving_forge(kind: str) -> Iterator[Forge]:
    """Run a forge for the length of the block."""
    forge = Forge(kind)

    class Handler(BaseHTTPRequestHandler):
        def reply(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            data = json.loads(self.rfile.read(size)) if size else None
            forge.asked.append((self.command, self.path, data))
            forge.tokens.append(self.headers.get("Authorization") or self.headers.get("PRIVATE-TOKEN") or "")
            status, body = forge.answer(self.command, self.path, data) if not forge.fail else (forge.fail.pop(0), {})
            content = json.dumps(body).encode()
            self.send_response(status)
            if status == 302:
                self.send_header("Location", f"{forge.url}/stolen")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_PUT = reply  # noqa: N815 - http.server's names

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    forge.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield forge
    finally:
        server.shutdown()
        server.server_close()

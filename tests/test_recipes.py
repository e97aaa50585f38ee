"""The recipes of `docs/ci`: what they allow, what linters say of them, what their shell does with hostile values."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

import reportgen as rg
from tests.cirecipes import (
    ACTION,
    EXPRESSION,
    HOSTILE,
    RECIPES,
    WORKFLOWS,
    Forge,
    Machine,
    Step,
    find_step,
    iter_steps,
    read_yaml,
    serving_forge,
)
from tests.conftest import ROOT, reportgen
from tests.sourcelogs import T0, metrics_line, start_line, write_run

ALL_STEPS = [step for file in (*WORKFLOWS, ACTION) for step in iter_steps(file)]
SCRIPTS = [step for step in ALL_STEPS if "run" in step.data]
FORK_TRAIN = RECIPES / "github-fork-train.yml"


def named(step: Step) -> str:
    return f"{step.file.name}:{step.job}:{step.name}"


# ---- what a workflow allows


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda f: f.name)
def test_nothing_is_allowed_but_what_a_job_names(file: Path) -> None:
    data = read_yaml(file)
    assert data["permissions"] == {}
    for job in data["jobs"].values():
        assert isinstance(job["permissions"], dict)
        assert "write-all" not in job["permissions"].values()
        assert job["timeout-minutes"] <= 60
        assert re.fullmatch(r"ubuntu-\d\d\.04", job["runs-on"])


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda f: f.name)
def test_no_job_that_may_write_runs_code_of_a_change(file: Path) -> None:
    for name, job in read_yaml(file)["jobs"].items():
        texts = " ".join(str(step.get("run", "")) for step in job["steps"])
        refs = [str(step.get("with", {}).get("ref", "")) for step in job["steps"] if "checkout" in step.get("uses", "")]
        may_write = {key for key, value in job["permissions"].items() if value == "write"}
        if "train.py" in texts or any("head" in ref for ref in refs):
            assert (name, may_write) == ("train", set())
        if may_write:
            assert "requirements.txt" not in texts
            assert all(re.search(r"base|^$|gh-pages", ref) for ref in refs)


def test_actions_are_pinned_by_hash_with_their_version_and_everywhere_the_same() -> None:
    pins: dict[str, set[str]] = {}
    for file in (*WORKFLOWS, ACTION):
        uses = re.findall(r"(?m)^\s*(?:- )?uses: (\S+?)@(\S+)(.*)$", file.read_text())
        assert len(uses) == sum("uses" in step.data for step in iter_steps(file))
        for action, pin, rest in uses:
            assert re.fullmatch(r"[0-9a-f]{40}", pin), action
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", rest), action
            assert action.startswith("actions/")
            pins.setdefault(action, set()).add(pin + rest)
    assert [action for action, found in pins.items() if len(found) > 1] == []


def test_no_checkout_leaves_its_token_behind() -> None:
    checkouts = [step for step in ALL_STEPS if "actions/checkout" in str(step.data.get("uses"))]
    assert len(checkouts) >= 8
    assert [named(step) for step in checkouts if step.data["with"].get("persist-credentials") is not False] == []


@pytest.mark.parametrize("step", SCRIPTS, ids=named)
def test_no_expression_stands_in_a_shell(step: Step) -> None:
    assert EXPRESSION.search(step.script) is None
    assert step.file != ACTION or step.data["shell"] == "bash"


def test_steps_of_one_name_are_one_text() -> None:
    texts: dict[str, set[str]] = {}
    for step in SCRIPTS:
        if step.file != ACTION:
            texts.setdefault(step.name, set()).add(step.script)
    assert [name for name, found in texts.items() if len(found) > 1] == []


def test_only_one_deployment_runs_at_a_time_and_no_publisher_is_dropped() -> None:
    jobs = read_yaml(RECIPES / "github-pages.yml")["jobs"]
    assert jobs["deploy"]["concurrency"] == {"group": "reportgen-pages", "cancel-in-progress": False}
    assert not any("concurrency" in jobs[name] for name in ("train", "publish", "preview"))
    assert "concurrency" not in read_yaml(RECIPES / "github-pages.yml")


def test_tokens_are_given_to_the_steps_that_need_them_alone() -> None:
    holders = {step.name for step in ALL_STEPS if re.search(r"github\.token|inputs\.token", str(step.data.get("env")))}
    assert holders == {
        "Comment", "Fetch the commits of the change", "Fetch the run logs", "Find the pull request", "Publish",
        "Publish the preview",
    }  # fmt: skip


def test_no_recipe_installs_by_the_name_alone() -> None:
    """On PyPI it is the name of another project."""
    for file in (*RECIPES.iterdir(), ACTION):
        assert re.findall(r"pip install[^\n]*\breportgen(?:\s|$|[=<>\[])", file.read_text()) == [], file.name


# ---- what linters say


def lint(program: str, *arguments: str | Path, given: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run a linter that came with the test extra."""
    command = [str(Path(sys.executable).parent / program), *map(str, arguments)]
    return subprocess.run(command, input=given, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("vendor.github-workflows", WORKFLOWS),
        ("vendor.github-actions", [ACTION]),
        ("vendor.gitlab-ci", [RECIPES / "gitlab-ci.yml"]),
    ],
)
def test_files_are_what_their_schema_says(schema: str, files: list[Path]) -> None:
    done = lint("check-jsonschema", "--builtin-schema", schema, *files)
    assert done.returncode == 0, done.stdout


def test_zizmor_has_nothing_to_say(tmp_path: Path) -> None:
    done = lint("zizmor", "--offline", "--quiet", "--no-progress", "--format", "json", ACTION, *WORKFLOWS)
    assert (done.returncode, json.loads(done.stdout or "[]")) == (0, []), done.stdout + done.stderr
    broken = tmp_path / "broken.yml"
    broken.write_text(FORK_TRAIN.read_text().replace("python train.py", "echo ${{ github.head_ref }}"))
    assert lint("zizmor", "--offline", "--quiet", "--no-progress", broken).returncode != 0


@pytest.mark.parametrize("step", SCRIPTS, ids=named)
def test_shellcheck_has_nothing_to_say_of_a_step(step: Step) -> None:
    done = lint("shellcheck", "--shell=bash", "--severity=style", "-", given=step.script)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("file", sorted(RECIPES.glob("*.sh")), ids=lambda f: f.name)
def test_shellcheck_has_nothing_to_say_of_a_script(file: Path) -> None:
    done = lint("shellcheck", "--severity=style", file)
    assert done.returncode == 0, done.stdout
    assert os.access(file, os.X_OK)


@pytest.mark.parametrize("file", sorted(RECIPES.glob("kubernetes-*.yaml")), ids=lambda f: f.name)
def test_kubernetes_takes_the_files(file: Path) -> None:
    for version in ("1.31", "1.33"):
        done = lint("kubernetes-validate", "--strict", "--no-warn", "-k", version, file)
        assert done.returncode == 0, done.stdout + done.stderr


# ---- the shell of the steps, with hostile values


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def write_logs(folder: Path, *names: str, commit: str = "a" * 40, loss: float = 1.0) -> Path:
    """Write a run for each name, hostile as it may be, and return the folder."""
    for number, name in enumerate(names):
        write_run(
            folder / "digits" / f"run-{abs(hash((name, str(folder)))) % 10**8}-{number}",
            start_line(f"{name}-{folder.name}", name=name, time=T0 + number),
            {"event": "params", "params": {"lr": 0.1, "seed": number, name: name}},
            {"event": "tags", "tags": {name: name}},
            {"event": "code", "commit": commit},
            metrics_line(0, **{"val/loss": loss + number / 100, name: 1.0}),
            {"event": "end", "status": "FINISHED", "time": T0 + 60},
        )
    return folder


def write_artifact(file: Path, folder: Path) -> Path:
    """Zip a folder as `actions/upload-artifact` does."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder).as_posix())
    return file


HEAD, BASE = "b" * 40, "c" * 40
FIND = find_step(RECIPES / "github-fork-review.yml", "Find the pull request")
CONTEXT = {
    "github.token": "ghs_token",
    "github.event.workflow_run.id": "77",
    "github.event.workflow_run.head_sha": HEAD,
    "github.event.workflow_run.head_repository.full_name": "eve/digits",
}


def answers(*names: str, number: int = 12, **pull: Any) -> dict[str, Any]:
    """Return what GitHub answers: the run's artifacts, and the pull request."""
    uploaded = [
        {"id": 900 + at, "name": name, "size_in_bytes": 5000, "expired": False} for at, name in enumerate(names)
    ]
    about = {"state": "open", "head": {"sha": HEAD, "repo": {"full_name": "eve/digits"}}, "base": {"sha": BASE}}
    return {
        "repos/ada/digits/actions/runs/77/artifacts?per_page=100": {"artifacts": uploaded},
        f"repos/ada/digits/pulls/{number}": {**about, **pull},
    }


def test_the_pull_request_is_the_one_whose_head_was_trained(machine: Machine) -> None:
    machine.answers = answers("other", "reportgen-runs-12")
    done = machine.step(FIND, CONTEXT)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert machine.outputs() == {"number": "12", "base": BASE, "artifact": "901"}


@pytest.mark.parametrize("value", HOSTILE)
def test_a_number_that_is_none_is_not_taken(machine: Machine, value: str) -> None:
    for name in (f"reportgen-runs-{value}", f"reportgen-runs-12{value}", f"{value}reportgen-runs-12"):
        machine.answers = answers(name)
        done = machine.step(FIND, CONTEXT)
        assert done.returncode == 1
        assert done.stdout == "::error::The training did not upload exactly one artifact reportgen-runs-NUMBER.\n"
    assert machine.outputs() == {}
    assert machine.is_clean()


@pytest.mark.parametrize(
    "pull",
    [
        {"state": "closed"},
        {"head": {"sha": "d" * 40, "repo": {"full_name": "eve/digits"}}},
        {"head": {"sha": HEAD, "repo": {"full_name": "mallory/digits"}}},
        {"head": {"sha": HEAD, "repo": None}},
        {"base": {"sha": "$(touch pwned)"}},
        {"base": {"sha": f"{BASE}\nnumber=13"}},
    ],
)
def test_a_pull_request_that_is_not_the_trained_one_is_refused(machine: Machine, pull: dict[str, Any]) -> None:
    machine.answers = answers("reportgen-runs-12", **pull)
    done = machine.step(FIND, CONTEXT)
    assert (done.returncode, machine.outputs()) == (1, {})
    assert "is not open, or its head is not the commit that was trained" in done.stdout
    assert machine.is_clean()


def test_two_artifacts_an_expired_or_a_large_one_are_refused(machine: Machine) -> None:
    machine.answers = answers("reportgen-runs-12", "reportgen-runs-13")
    assert machine.step(FIND, CONTEXT).returncode == 1
    for change, told in (({"expired": True}, "exactly one"), ({"size_in_bytes": 200_000_001}, "more than 200000000")):
        machine.answers = answers("reportgen-runs-12")
        next(iter(machine.answers.values()))["artifacts"][0].update(change)
        done = machine.step(FIND, CONTEXT)
        assert (done.returncode, told in done.stdout) == (1, True)
    assert machine.outputs() == {}


@pytest.mark.parametrize("value", HOSTILE)
def test_what_the_event_says_of_a_fork_is_text(machine: Machine, value: str) -> None:
    machine.answers = answers("reportgen-runs-12")
    for key in ("github.event.workflow_run.head_sha", "github.event.workflow_run.head_repository.full_name"):
        done = machine.step(FIND, {**CONTEXT, key: value})
        assert (done.returncode, machine.outputs()) == (1, {})
    assert machine.is_clean()


def git(folder: Path, *arguments: str) -> str:
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "protocol.file.allow=always")
    done = subprocess.run(
        ("git", "-C", str(folder), *identity, *arguments), check=True, capture_output=True, text=True, env=environment
    )
    return done.stdout.strip()


def make_change(machine: Machine) -> tuple[str, str]:
    """Make a repository with a base and a pull request, checked out at the base; return both commits."""
    machine.work.rmdir()
    origin, seed = machine.folder / "ada" / "digits.git", machine.folder / "seed"
    git(machine.folder, "init", "-q", "--bare", "-b", "main", str(origin))
    git(origin, "config", "uploadpack.allowFilter", "true")
    git(machine.folder, "clone", "-q", str(origin), str(seed))
    (seed / "reportgen.toml").write_text('title = "Digits"\n[[gate]]\nmetric = "val/loss"\nmax = 0.5\n')
    git(seed, "add", "-A")
    git(seed, "commit", "-q", "-m", "base")
    git(seed, "push", "-q", "origin", "HEAD:main")
    base = git(seed, "rev-parse", "HEAD")
    (seed / "reportgen.toml").write_text("title = 'of the fork'\n")
    (seed / "evil.py").write_text("")
    git(seed, "add", "-A")
    git(seed, "commit", "-q", "-m", "$(touch pwned)")
    git(seed, "push", "-q", "origin", "HEAD:refs/pull/12/head")
    head = git(seed, "rev-parse", "HEAD")
    git(machine.folder, "clone", "-q", "--branch", "main", origin.as_uri(), str(machine.work))
    return base, head


def run_review(machine: Machine, forge: Forge, context: dict[str, str], site: Path) -> list[int]:
    """Run the steps of the privileged job that have a shell, from the second on; return how they ended."""
    ended = []
    for step in iter_steps(RECIPES / "github-fork-review.yml"):
        if "run" not in step.data or step.name in ("Find the pull request", "Install reportgen"):
            continue
        done = machine.step(step, context, SITE=str(site), GITHUB_API_URL=forge.url, COMMENT_WAIT_S="0")
        ended.append(done.returncode)
        context = {**context, **{f"steps.review.outputs.{k}": v for k, v in machine.outputs().items()}}
        if step.name == "Gates":
            assert done.stdout.startswith("::error::A gate failed")
        else:
            commands = [line for line in done.stdout.splitlines() if line.lstrip().startswith("::")]
            assert [
                line for line in commands if not line.startswith(("::error file=reportgen.toml", "::error title="))
            ] == []
            assert done.returncode == 0, f"{step.name}: {done.stdout}{done.stderr}"
    return ended


def test_a_forks_runs_are_reviewed_by_the_base_and_the_comment_is_kept_up(machine: Machine) -> None:
    base, head = make_change(machine)
    site = machine.folder / "site"
    logs = write_logs(machine.folder / "before", "mlp", commit=base)
    assert reportgen("build", logs, "-o", site, "-j", "1", cwd=machine.folder).status == 0
    runs = write_logs(machine.folder / "after", *HOSTILE, "mlp", commit=head, loss=2.0)
    (runs / "index.html").write_text("<script>")
    machine.answers["repos/ada/digits/actions/artifacts/900/zip"] = {
        "file": str(write_artifact(machine.folder / "up.zip", runs))
    }
    found = {"number": "12", "base": base, "artifact": "900"}
    context = {"github.token": "secret-token", **{f"steps.pull.outputs.{k}": v for k, v in found.items()}}
    with serving_forge("github") as forge:
        forge.add("<!-- reportgen review -->\nforged", own=False)
        assert run_review(machine, forge, context, site) == [0, 0, 0, 0, 0, 3]
        assert len(forge.comments) == 2
        assert forge.texts()[1].startswith("<!-- reportgen review -->\n")
        assert forge.texts()[1] == (machine.temp / "review" / "comment.md").read_text()
        for name in ("runs", "review"):
            subprocess.run(["rm", "-r", str(machine.temp / name)], check=True)
        assert run_review(machine, forge, context, site)[-1] == 3
        assert len(forge.comments) == 2
    assert machine.is_clean()
    assert "of the fork" not in (machine.temp / "review" / "report.html").read_text()
    assert not (machine.work / "evil.py").exists()
    assert (machine.folder / "summary").read_text().count("\n") > 3
    assert not list((machine.temp / "runs").rglob("*.html"))


def test_an_upload_that_lied_of_its_size_does_not_fill_the_disk(machine: Machine) -> None:
    machine.answers["repos/ada/digits/actions/artifacts/900/zip"] = {"endless": True}
    step = find_step(RECIPES / "github-fork-review.yml", "Fetch the run logs")
    assert machine.step(step, {"github.token": "t", "steps.pull.outputs.artifact": "900"}).returncode != 0
    got = machine.temp / "runs.zip"
    assert got.stat().st_size <= 200 * 2**20 + 1
    got.unlink()
    assert not (machine.temp / "runs").exists()


@pytest.mark.parametrize("value", ["12$(touch pwned)", "12; touch pwned", "`touch pwned`"])
def test_numbers_in_later_steps_are_text_as_well(machine: Machine, value: str) -> None:
    make_change(machine)
    for name in ("Fetch the commits of the change", "Fetch the run logs"):
        step = find_step(RECIPES / "github-fork-review.yml", name)
        done = machine.step(step, {"github.token": "t"}, PULL=value, ARTIFACT=value)
        assert done.returncode != 0
    assert machine.is_clean()


def test_a_venv_of_its_own_gets_what_is_to_be_installed(machine: Machine) -> None:
    step = find_step(RECIPES / "github-fork-review.yml", "Install reportgen")
    machine.program(machine.bin / "python3", '#!/bin/sh\necho "python3 $*" >> "$HOME/calls"\nmkdir -p "$4/bin"\n')
    machine.program(machine.temp / "reportgen" / "bin" / "python", '#!/bin/sh\nprintf "%s\\n" "$@" >> "$HOME/calls"\n')
    for value in HOSTILE:
        (machine.folder / "calls").unlink(missing_ok=True)
        done = machine.step(step, REPORTGEN=value)
        assert done.returncode == 0, done.stderr
        calls = (machine.folder / "calls").read_text()
        assert calls == f"python3 -I -m venv {machine.temp}/reportgen\n-I\n-m\npip\ninstall\n--quiet\n{value}\n"
    assert machine.is_clean()


# ---- the action


def action_step(machine: Machine, name: str, **values: str) -> subprocess.CompletedProcess[str]:
    inputs = {f"inputs.{key}": str(item.get("default", "")) for key, item in read_yaml(ACTION)["inputs"].items()}
    context = {**inputs, "github.event.pull_request.number": "12", "steps.review.outputs.status": "0"}
    return machine.step(find_step(ACTION, name), context, GITHUB_ACTION_PATH=str(ROOT), **values)


def test_the_action_reviews_comments_and_fails_with_a_gate(machine: Machine) -> None:
    site = machine.folder / "site"
    before = write_logs(machine.folder / "before", "mlp")
    assert reportgen("build", before, "-o", site, "-j", "1", cwd=machine.folder).status == 0
    write_logs(machine.work / "runs", *HOSTILE, "mlp", loss=2.0)
    (machine.work / "gates.toml").write_text('[[gate]]\nmetric = "val/loss"\nmax = 0.5\n')
    done = action_step(machine, "Review", BASELINE=str(site), CONFIG="gates.toml", ID="nightly")
    assert done.returncode == 0, done.stderr
    assert machine.outputs() == {"status": "3"}
    assert action_step(machine, "Job summary").returncode == 0
    with serving_forge("github") as forge:
        done = action_step(machine, "Comment", REPORTGEN_TOKEN="t", GITHUB_API_URL=forge.url)
        assert done.returncode == 0, done.stderr
        assert forge.texts()[0].startswith("<!-- reportgen review: nightly -->")
    assert action_step(machine, "Gates", STATUS="3").returncode == 3
    assert action_step(machine, "Gates", STATUS="0").returncode == 0
    assert machine.is_clean()


@pytest.mark.parametrize("value", HOSTILE)
def test_inputs_of_the_action_are_text(machine: Machine, value: str) -> None:
    """Each comes to the command as one word, whatever it is, and none as an option of the command."""
    told = machine.folder / "words"
    recorder = '#!/bin/sh\nprintf "%s\\0" "$@" > "$HOME/words"\nexit 2\n'
    machine.program(machine.temp / "reportgen" / "bin" / "reportgen", recorder)
    usual = {"RUNS": "runs", "BASELINE": "site", "SITE": "s", "CONFIG": "c", "ID": "i", "OUTPUT": "o"}
    for name in usual:
        given = {**usual, name: value}
        assert action_step(machine, "Review", **given).returncode == 2
        words = ["review", "--baseline", given["BASELINE"], "--output", given["OUTPUT"], "--forge", "github"]
        words += ["--annotations", "--site-url", given["SITE"], "--config", given["CONFIG"], "--id", given["ID"]]
        assert told.read_text().split("\0")[:-1] == [*words, "--", given["RUNS"]]
    action_step(machine, "Job summary", OUTPUT=value)
    action_step(machine, "Gates", STATUS=value)
    assert machine.outputs() == {}
    assert machine.is_clean()


@pytest.mark.parametrize("name", ["RUNS", "CONFIG"])
def test_the_command_takes_such_an_input_for_the_name_of_something_that_is_not_there(
    machine: Machine, name: str
) -> None:
    write_logs(machine.work / "runs", "mlp")
    given = {"RUNS": "runs", "BASELINE": "runs", name: "--version"}
    done = action_step(machine, "Review", **given)
    assert (done.returncode, done.stdout) == (1, "")
    assert "--version" in done.stderr
    assert machine.outputs() == {}


def test_an_old_python_is_named_with_the_remedy(machine: Machine) -> None:
    machine.program(machine.bin / "python3", "#!/bin/sh\nexit 1\n")
    done = action_step(machine, "Install")
    assert (done.returncode, done.stdout.count("\n")) == (1, 1)
    assert "needs Python 3.11 or newer: put actions/setup-python before" in done.stdout


def test_the_page_describes_the_action_as_it_is() -> None:
    page = (RECIPES / "README.md").read_text()
    inputs = read_yaml(ACTION)["inputs"]
    rows = dict(re.findall(r"(?m)^\| `([a-z-]+)` \| (.*?) \|", page.split("| input |")[1].split("\n\n")[0]))
    assert rows.keys() == inputs.keys()
    for name, about in inputs.items():
        default = str(about.get("default", ""))
        if default and "{" not in default:
            assert rows[name] == f"`{default}`"
    assert {name for name, about in inputs.items() if about.get("required")} == {"baseline"}
    for text in (page, (ROOT / "README.md").read_text()):
        examples = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]
        steps = [step for example in examples for step in example["steps"] if "reportgen" in step.get("uses", "")]
        assert steps
        assert all(set(step["with"]) <= inputs.keys() for step in steps)
    (example,) = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)]
    assert example["steps"][0]["with"] == {"fetch-depth": 0, "persist-credentials": False}
    outputs = read_yaml(ACTION)["outputs"]
    assert all(f"`{name}`" in page for name in outputs)


# ---- publishing


def published(machine: Machine, folder: str = "", branch: str = "gh-pages") -> set[str]:
    """Return the names of the runs on the branch."""
    look = machine.folder / f"look-{len(list(machine.folder.iterdir()))}"
    git(machine.folder, "clone", "-q", "--branch", branch, str(machine.folder / "ada" / "digits.git"), str(look))
    return {run.name for run in rg.load(look / folder)}


def test_two_publishers_that_meet_lose_no_run(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--bare", "-b", "main", str(tmp_path / "ada" / "digits.git"))
    machines = []
    for name in ("one", "two"):
        machine = Machine(tmp_path / name)
        machine.variables["GITHUB_SERVER_URL"] = str(tmp_path)
        write_logs(machine.temp / "runs", name, *HOSTILE[:3])
        machines.append(machine)
    step = find_step(RECIPES / "github-pages.yml", "Publish")
    done: list[subprocess.CompletedProcess[str]] = []
    threads = [threading.Thread(target=lambda m=m: done.append(m.step(step, {"github.token": "t"}))) for m in machines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [ran.returncode for ran in done] == [0, 0], [ran.stderr for ran in done]
    whole = Machine(tmp_path / "whole")
    whole.folder = tmp_path
    assert {"one", "two"} <= published(whole)
    assert git(tmp_path / "ada" / "digits.git", "rev-list", "--count", "gh-pages") == "1"


def test_previews_are_those_of_open_pull_requests(machine: Machine) -> None:
    git(machine.folder, "init", "-q", "--bare", "-b", "main", str(machine.folder / "ada" / "digits.git"))
    step = find_step(RECIPES / "github-pages.yml", "Publish the preview")
    listed = "repos/ada/digits/pulls?state=open&per_page=100"
    for number, open_ones in ((11, [11]), (12, [11, 12]), (13, [12, 13])):
        machine.answers[listed] = [{"number": other} for other in open_ones]
        subprocess.run(["rm", "-rf", str(machine.temp / "runs")], check=True)
        write_logs(machine.temp / "runs", f"run {number}", HOSTILE[0])
        done = machine.step(step, {"github.token": "t", "steps.pull.outputs.number": str(number)})
        assert done.returncode == 0, done.stderr
    paths = git(machine.folder / "ada" / "digits.git", "ls-tree", "-r", "--name-only", "gh-pages").splitlines()
    assert {path.split("/")[1] for path in paths} == {"12", "13"}
    assert published(machine, "pr/12") == {"run 12", HOSTILE[0]}
    machine.answers.clear()  # GitHub does not say which are open
    assert machine.step(step, {"github.token": "t", "steps.pull.outputs.number": "13"}).returncode != 0
    assert published(machine, "pr/12") == {"run 12", HOSTILE[0]}
    assert machine.is_clean()


SECRET = "a b$(touch pwned)"
ASK_GIT = "printf 'protocol=https\\nhost={}\\n\\n' | GIT_TERMINAL_PROMPT=0 git credential fill\n"
"""What git asks its helpers before it pushes."""


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("github-pages.yml", "Publish"),
        ("github-pages.yml", "Publish the preview"),
        ("github-fork-review.yml", "Fetch the commits of the change"),
    ],
)
def test_git_signs_in_at_github_with_the_jobs_token_and_nowhere_else(machine: Machine, file: str, name: str) -> None:
    step = find_step(RECIPES / file, name)
    context = {"github.token": "ghs_token", "steps.pull.outputs.number": "12"}
    asks = Step(step.file, step.job, {**step.data, "run": ASK_GIT.format("github.com")})
    assert "password=ghs_token" in machine.step(asks, context).stdout.splitlines()
    asks = Step(step.file, step.job, {**step.data, "run": ASK_GIT.format("evil.example")})
    assert "ghs_token" not in machine.step(asks, context).stdout


def test_git_signs_in_at_gitlab_and_from_jenkins(machine: Machine) -> None:
    gitlab = "\n".join(yaml.safe_load((RECIPES / "gitlab-ci.yml").read_text())["pages"]["script"])
    jenkins = re.findall(r"sh '''\n(.*?)'''", (RECIPES / "Jenkinsfile").read_text(), re.DOTALL)[-1]
    for script, variables in (
        (gitlab, {"REPORTGEN_TOKEN": SECRET, "CI_SERVER_URL": "https://git.example"}),
        (jenkins, {"GIT_NAME": "ada", "GIT_PASSWORD": SECRET, "GIT_SERVER": "https://git.example"}),
    ):
        exports = "\n".join(line for line in script.splitlines() if line.strip().startswith("export GIT_CONFIG"))
        done = machine.shell(f"{exports}\n{ASK_GIT.format('git.example')}", variables, shell="sh")
        assert f"password={SECRET}" in done.stdout.splitlines(), done.stderr
        done = machine.shell(f"{exports}\n{ASK_GIT.format('evil.example')}", variables, shell="sh")
        assert SECRET not in done.stdout
    assert machine.is_clean()


# ---- GitLab, Jenkins, any shell

HELPER = "--exclude=SC2016"  # git's helper is a text for git's own shell


def fake_python(machine: Machine) -> None:
    """Put a `python` and `python3` there that install nothing, and train in the place of train.py."""
    text = f"""#!/bin/sh
case "$*" in
  *"-m pip"*|*"-m venv"*) echo "$*" >> "$HOME/calls"; exit 0 ;;
  train.py*) echo "$*" >> "$HOME/calls"; shift; exec '{sys.executable}' "$HOME/train.py" "$@" ;;
esac
exec '{sys.executable}' "$@"
"""
    for name in ("python", "python3"):
        machine.program(machine.bin / name, text)
    (machine.folder / "train.py").write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nimport reportgen as rg\n"
        "name = ' '.join(sys.argv[1:]) or 'mlp'\n"
        "with rg.start_run(experiment='digits', name=name, params={'seed': name}) as run:\n"
        "    run.log_metrics({'val/loss': 0.5}, step=0)\n"
    )


def test_gitlabs_jobs_train_review_and_publish(machine: Machine) -> None:
    fake_python(machine)
    data = yaml.safe_load((RECIPES / "gitlab-ci.yml").read_text())
    scripts = {name: "\n".join(data[name]["script"]) for name in ("train", "review", "pages")}
    site = machine.folder / "site"
    logs = write_logs(machine.folder / "before", "mlp")
    assert reportgen("build", logs, "-o", site, "-j", "1", cwd=machine.folder).status == 0
    git(machine.folder, "init", "-q", "--bare", "-b", "main", str(machine.folder / "ada" / "digits.git"))
    for text in scripts.values():
        assert lint("shellcheck", "--shell=bash", HELPER, "-", given=text).returncode == 0
    assert data["variables"]["SITE"] == "$CI_PAGES_URL"
    assert not {"default", "image"} & data.keys()  # which would hold for jobs of those who include the file
    with serving_forge("gitlab") as forge:
        environment = {
            **forge.environment(), "GITLAB_CI": "true", "SITE": str(site), "REPORTGEN": HOSTILE[0],
            "CI_SERVER_URL": "https://git.example",
            "CI_PROJECT_URL": str(machine.folder / "ada" / "digits"), "CI_COMMIT_REF_NAME": HOSTILE[0],
            "CI_MERGE_REQUEST_TITLE": HOSTILE[0], "GITHUB_ACTIONS": "",
        }  # fmt: skip
        for name, text in scripts.items():
            write_logs(machine.work / "runs", *HOSTILE[:4])
            done = machine.shell(text, environment)
            assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"
        assert len(forge.comments) == 1
        done = machine.shell(scripts["review"], {**environment, "REPORTGEN_TOKEN": ""})
        assert "no note was written" in done.stdout
        assert len(forge.comments) == 1
    assert "mlp" in published(machine, branch="reportgen-pages")
    assert (machine.work / "public" / "index.html").exists()
    assert not (machine.work / "public" / ".git").exists()
    assert f"install --quiet {HOSTILE[0]}" in (machine.folder / "calls").read_text()
    assert machine.is_clean()


def test_jenkins_shells_take_no_text_of_others_and_do_their_work(machine: Machine) -> None:
    text = (RECIPES / "Jenkinsfile").read_text()
    assert not re.search(r'sh\s+"|"""', text)
    scripts = re.findall(r"sh '''\n(.*?)'''", text, re.DOTALL)
    assert len(scripts) == len(re.findall(r"\bsh '''", text)) == 3
    assert text.count("{") == text.count("}")
    fake_python(machine)
    (machine.work / ".venv" / "bin").mkdir(parents=True)
    (machine.work / ".venv" / "bin" / "python").symlink_to(machine.bin / "python")
    (machine.work / ".venv" / "bin" / "reportgen").symlink_to(machine.bin / "reportgen")
    site = machine.folder / "site"
    logs = write_logs(machine.folder / "before", "mlp")
    assert reportgen("build", logs, "-o", site, "-j", "1", cwd=machine.folder).status == 0
    git(machine.folder, "init", "-q", "--bare", "-b", "main", str(machine.folder / "ada" / "digits.git"))
    write_logs(machine.work / "runs", "of the build before")
    with serving_forge("github") as forge:
        forge.login = "jenkins"
        environment = {
            **forge.environment(), "SITE": str(site), "REPORTGEN": HOSTILE[0], "CHANGE_ID": "12", "PULL": "",
            "GITHUB_ACTIONS": "", "GIT_SERVER": str(machine.folder), "CHANGE_TITLE": HOSTILE[0],
            "CHANGE_BRANCH": HOSTILE[0], "JENKINS_URL": "https://ci.example/", "BUILD_TAG": HOSTILE[1],
        }  # fmt: skip
        for script in scripts:
            assert lint("shellcheck", "--shell=sh", HELPER, "-", given=script).returncode == 0
            done = machine.shell(script, environment, shell="sh")
            assert done.returncode == 0, done.stderr
        assert len(forge.comments) == 1
    assert published(machine) == {"mlp"}
    (run,) = rg.load(machine.work / "runs")
    assert (run.tags["ci"], run.tags["ci.branch"]) == ("jenkins", HOSTILE[0])
    assert machine.is_clean()


def test_any_shell_reviews_and_publishes(machine: Machine) -> None:
    site = machine.folder / "site"
    logs = write_logs(machine.folder / "before", "mlp")
    assert reportgen("build", logs, "-o", site, "-j", "1", cwd=machine.folder).status == 0
    git(machine.folder, "init", "-q", "--bare", "-b", "main", str(machine.folder / "ada" / "digits.git"))
    place = write_logs(machine.work / "$(touch pwned) runs", "mlp", *HOSTILE[:3])
    script = str(RECIPES / "shell.sh")
    with serving_forge("github") as forge:
        words = f"sh '{script}' review '{place}' '{site}'"
        assert machine.shell(words, {**forge.environment(), "COMMENT": "github"}).returncode == 0
        assert len(forge.comments) == 1
    assert machine.shell(f"sh '{script}' publish '{place}' '{machine.folder}/ada/digits.git'").returncode == 0
    assert "mlp" in published(machine)
    for words in ("", " review x", " publish", " else"):
        done = machine.shell(f"sh '{script}'{words}")
        assert (done.returncode, done.stderr.startswith("usage:")) == (2, True)
    assert machine.is_clean()


# ---- Kubernetes and Slurm


def pods(file: str) -> dict[str, dict[str, Any]]:
    """Return name -> container of the jobs in a file."""
    found = {}
    for document in yaml.safe_load_all((RECIPES / file).read_text()):
        spec = document["spec"].get("jobTemplate", document)["spec"]
        if "template" in spec:
            pod = spec["template"]["spec"]
            assert pod["automountServiceAccountToken"] is False
            assert pod["securityContext"]["runAsNonRoot"] is True
            (found[document["metadata"]["name"]],) = pod["containers"]
    return found


def test_pods_log_to_one_volume_with_their_names_and_one_publishes(machine: Machine) -> None:
    fake_python(machine)
    volume = machine.folder / "volume"
    volume.mkdir()
    git(machine.folder, "init", "-q", "--bare", "-b", "main", str(machine.folder / "ada" / "digits.git"))
    containers = pods("kubernetes-job.yaml")
    values = {"metadata.name": "train-{}-x7k", "metadata.namespace": "ml", "spec.nodeName": "gpu-{}"}
    for index in range(2):
        environment = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "JOB_COMPLETION_INDEX": str(index)}
        for variable in containers["train"]["env"]:
            path = variable.get("valueFrom", {}).get("fieldRef", {}).get("fieldPath", "")
            environment[variable["name"]] = variable.get("value") or values.get(path, "train").format(index)
        environment["REPORTGEN_DIR"] = str(volume)
        done = machine.shell(containers["train"]["args"][0].replace("/runs", str(volume)), environment, shell="sh")
        assert done.returncode == 0, done.stderr
    publish = containers["publish"]
    environment = {variable["name"]: variable["value"] for variable in publish["env"]}
    environment |= {"TRAININGS": "2", "WAIT_S": "0", "REMOTE": str(machine.folder / "ada" / "digits.git")}
    done = machine.shell(publish["args"][0].replace("/runs", str(volume)), environment, shell="sh")
    assert done.returncode == 0, done.stderr
    assert published(machine) == {"--seed 0", "--seed 1"}
    tags = {run.name: dict(run.tags) for run in rg.load(volume)}
    assert tags["--seed 1"] == {
        "k8s.pod": "train-1-x7k", "k8s.namespace": "ml", "k8s.node": "gpu-1", "k8s.job": "train", "k8s.index": "1",
        "k8s.image": containers["train"]["image"],
    }  # fmt: skip


def test_the_cron_job_publishes_what_there_is(machine: Machine) -> None:
    volume = machine.folder / "volume"
    volume.mkdir()
    git(machine.folder, "init", "-q", "--bare", "-b", "main", str(machine.folder / "ada" / "digits.git"))
    container = pods("kubernetes-cronjob.yaml")["publish-runs"]
    script = container["args"][0].replace("/runs", str(volume))
    environment = {"REMOTE": str(machine.folder / "ada" / "digits.git")}
    assert machine.shell(script, environment, shell="sh").stdout == "no runs yet\n"
    write_logs(volume, "mlp")
    assert machine.shell(script, environment, shell="sh").returncode == 0
    assert published(machine) == {"mlp"}


def test_a_slurm_array_trains_and_a_job_behind_it_publishes(machine: Machine) -> None:
    fake_python(machine)
    place = machine.folder / "$(touch pwned) home"
    place.mkdir()
    (place / "slurm.sh").write_text((RECIPES / "slurm.sh").read_text())
    machine.program(machine.bin / "srun", '#!/bin/sh\nexec "$@"\n')
    machine.program(
        machine.bin / "sbatch",
        '#!/bin/sh\nprintf "%s\\n" "$@" -- >> "$HOME/sbatch"\n'
        'case "$*" in *array=*) echo "812;big" ;; *) echo 813 ;; esac\n',
    )
    done = machine.shell(f"bash '{place}/slurm.sh' submit")
    assert (done.returncode, done.stdout) == (0, "array 812, then job 813\n"), done.stderr
    calls = (machine.folder / "sbatch").read_text().split("\n--\n")
    assert "--array=0-7" in calls[0].splitlines()
    assert calls[0].splitlines()[-2:] == [f"{place}/slurm.sh", "train"]
    assert "--dependency=afterany:812" in calls[1].splitlines()
    job = {"REPORTGEN_SLURM_SCRIPT": f"{place}/slurm.sh", "SLURM_ARRAY_JOB_ID": "812", "SLURM_JOB_NAME": "train"}
    copy = machine.folder / "slurm_script"
    copy.write_text((place / "slurm.sh").read_text())
    for task in ("0", "1"):
        done = machine.shell(f"bash '{copy}' train", {**job, "SLURM_JOB_ID": f"82{task}", "SLURM_ARRAY_TASK_ID": task})
        assert done.returncode == 0, done.stderr
    done = machine.shell(f"bash '{copy}' publish", {**job, "SLURM_CPUS_PER_TASK": "1"})
    assert done.returncode == 0, done.stderr
    site = {run.name: dict(run.tags) for run in rg.load(place / "site")}
    assert site["--seed 1"] == {
        "slurm.job": "821", "slurm.name": "train", "slurm.array": "812", "slurm.task": "1",
    }  # fmt: skip
    assert machine.shell(f"bash '{copy}'").returncode == 2
    assert machine.is_clean()

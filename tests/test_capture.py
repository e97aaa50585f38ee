"""What a run notes of its surroundings, and what it never notes."""

from __future__ import annotations

import getpass
import json
import os
import platform
import re
import subprocess
from pathlib import Path

import pytest

from reportgen.capture.code import read_code, read_git
from reportgen.capture.environment import installed_packages, read_environment
from reportgen.capture.job import MAX_VALUE, SYSTEMS, read_job
from reportgen.capture.names import make_name
from reportgen.logger import start_run
from tests.runlogs import ROOT, _no_runs, read_events, run_script  # noqa: F401 - a fixture for all tests


def git(*arguments: str) -> str:
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false")
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_COMMITTER_DATE": "1790000000 +0000"}
    done = subprocess.run(("git", *identity, *arguments), check=True, capture_output=True, text=True, env=environment)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git("init", "-q", "-b", "trunk")
    Path("train.py").write_text("print()\n")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    Path("train.py").write_text("print(1)\n")
    git("commit", "-q", "-am", "second")
    git("remote", "add", "origin", "https://ada:hunter2secret@example.org/digits.git")
    return tmp_path


def test_git_tells_commit_branch_and_remote_without_credentials(repository: Path) -> None:
    facts = read_git(repository)
    assert facts == {
        "commit": git("rev-parse", "HEAD"),
        "commit_time": 1790000000,
        "parents": [git("rev-parse", "HEAD~1")],
        "subject": "second",
        "branch": "trunk",
        "dirty": False,
        "remote": "https://example.org/digits.git",
    }


def test_uncommitted_changes_are_told_and_untracked_files_are_not(repository: Path) -> None:
    Path("notes.txt").write_text("x")
    assert read_git(repository)["dirty"] is False
    Path("train.py").write_text("print(2)\n")
    assert read_git(repository)["dirty"] is True


def test_a_detached_head_has_no_branch(repository: Path) -> None:
    git("checkout", "-q", "--detach")
    assert "branch" not in read_git(repository)


def test_a_repository_without_commits_is_told_as_such(tmp_path: Path) -> None:
    git("init", "-q", "-b", "trunk")
    assert read_git(tmp_path) == {"branch": "trunk", "dirty": False}


def test_no_repository_and_no_git_are_nothing_to_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert read_git(tmp_path) == {}
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read_git(Path(__file__).parent) == {}


def test_a_git_that_hangs_is_left_out(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = repository / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec sleep 30\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent}:{os.environ['PATH']}")
    monkeypatch.setattr("reportgen.capture.git.GIT_TIMEOUT_S", 0.05)
    assert read_git(repository) == {}


def test_the_command_line_loses_its_secrets_and_the_home_folder() -> None:
    home = str(Path.home())
    command = [
        "/x/train.py",
        "--lr",
        "0.1",
        "--api-key",
        "abcdef",
        f"--data={home}/d",
        "hf_token=xyz",
        "https://a:b@c/d",
    ]
    facts = read_code(Path("/x/train.py"), command)
    assert facts["command"][1:] == [
        "--lr", "0.1", "--api-key", "[redacted:secret-name]", "--data=~/d", "hf_token=[redacted:secret-name]",
        "https://[redacted:url-credentials]@c/d",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("how", "entry"), [(["job.py"], "job.py"), (["-m", "pack.job"], "-m pack.job"), (["-m", "pack"], "-m pack")]
)
def test_a_real_run_notes_what_was_started(repository: Path, how: list[str], entry: str) -> None:
    script = "import reportgen as rg\nwith rg.start_run(log_dir='logs'): pass\n"
    for name in ("job.py", "pack/job.py", "pack/__main__.py"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(script)
    Path("pack/__init__.py").write_text("")
    starter = (
        f"import subprocess, sys; sys.exit(subprocess.run([sys.executable, *{[*how, '--token', 'abc']}]).returncode)"
    )
    done = run_script(starter, cwd=repository)
    assert (done.returncode, done.stderr) == (0, "")
    (log,) = Path("logs").glob("*/*/events.jsonl")
    code, env = read_events(log, "code", "env")
    assert (code["entry"], code["command"]) == (entry, [entry, "--token", "[redacted:secret-name]"])
    assert code["commit"] == git("rev-parse", "HEAD")
    assert env["packages"]["orjson"]
    text = json.dumps([code, env])
    assert str(repository) not in text
    assert platform.node() not in text
    assert "hunter2secret" not in text


def test_the_environment_names_no_host_user_or_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERY_PRIVATE_NAME", "1")
    environment = read_environment()
    assert environment.keys() == {"python", "platform", "cpus", "packages"}
    assert environment["python"].startswith(platform.python_version())
    text = json.dumps({key: value for key, value in environment.items() if key != "packages"})
    for private in ("VERY_PRIVATE_NAME", str(Path.home()), platform.node()):
        assert private not in text
    assert getpass.getuser() not in text.split()


def test_packages_are_read_from_the_names_of_their_metadata(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    for folder, names in (
        (first, ["Flask_Login-0.6.3.dist-info", "numpy-2.0.0.dist-info", "old-1.0-py3.11.egg-info", "not_a_package"]),
        (second, ["numpy-1.0.dist-info", "zope.interface-6.0.dist-info", "nothing.dist-info"]),
    ):
        for name in names:
            (folder / name).mkdir(parents=True)
    found = installed_packages([str(first), str(tmp_path / "gone"), str(second), ""])
    assert found == {"flask-login": "0.6.3", "numpy": "2.0.0", "old": "1.0", "zope-interface": "6.0"}


def test_names_follow_from_the_run_id() -> None:
    names = {make_name(f"run-{number}") for number in range(500)}
    assert len(names) > 490
    assert all(re.fullmatch(r"[a-z]+-[a-z]+-[1-9]\d", name) for name in names)
    assert make_name("a") == make_name("a")


# ---- the job

POD = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "POD_NAME": "train-3-x7k2p", "POD_NAMESPACE": "ml",
       "K8S_NODE_NAME": "gpu-7", "K8S_JOB_NAME": "train",
       "JOB_COMPLETION_INDEX": "3", "K8S_IMAGE": "registry.example/train:1.2"}  # fmt: skip


def test_a_pod_is_named_by_what_its_description_passes_on() -> None:
    assert read_job(POD) == {
        "k8s.pod": "train-3-x7k2p", "k8s.namespace": "ml", "k8s.node": "gpu-7", "k8s.job": "train", "k8s.index": "3",
        "k8s.image": "registry.example/train:1.2",
    }  # fmt: skip
    assert read_job({**POD, "K8S_POD_NAME": "mine"})["k8s.pod"] == "mine"


@pytest.mark.parametrize(
    ("environment", "tags"),
    [
        (
            {"SLURM_JOB_ID": "812", "SLURM_JOB_NAME": "sweep", "SLURM_ARRAY_JOB_ID": "810", "SLURM_ARRAY_TASK_ID": "2",
             "SLURM_JOB_PARTITION": "gpu", "SLURMD_NODENAME": "node-3.site.org", "SLURM_SUBMIT_HOST": "login.site.org"},
            {"slurm.job": "812", "slurm.name": "sweep", "slurm.array": "810", "slurm.task": "2",
             "slurm.partition": "gpu"},
        ),
        ({"PBS_JOBID": "77[2].head.site.org", "PBS_JOBNAME": "sweep"}, {"pbs.job": "77[2]", "pbs.name": "sweep"}),
        (
            {"GITHUB_RUN_ID": "99", "GITHUB_RUN_ATTEMPT": "2", "GITHUB_WORKFLOW": "train", "GITHUB_JOB": "fit",
             "GITHUB_REF": "refs/pull/12/merge", "GITHUB_REF_NAME": "12/merge", "GITHUB_HEAD_REF": "wider",
             "GITHUB_TOKEN": "ghs_x", "GITHUB_ACTOR": "ada"},
            {"ci": "github", "ci.run": "99", "ci.attempt": "2", "ci.workflow": "train", "ci.job": "fit",
             "ci.branch": "wider", "ci.pull_request": "12"},
        ),
        (
            {"GITHUB_RUN_ID": "99", "GITHUB_REF": "refs/heads/main", "GITHUB_REF_NAME": "main", "GITHUB_HEAD_REF": ""},
            {"ci": "github", "ci.run": "99", "ci.branch": "main"},
        ),
        (
            {"GITLAB_CI": "true", "CI_PIPELINE_ID": "5", "CI_JOB_NAME": "fit", "CI_JOB_ID": "51",
             "CI_COMMIT_REF_NAME": "main", "CI_MERGE_REQUEST_IID": "7", "CI_JOB_TOKEN": "glcbt-x"},
            {"ci": "gitlab", "ci.run": "5", "ci.job": "fit", "ci.job_id": "51", "ci.branch": "main",
             "ci.pull_request": "7"},
        ),
        (
            {"JENKINS_URL": "https://ci.example/", "BUILD_TAG": "jenkins-fit-4", "JOB_NAME": "fit/PR-3",
             "CHANGE_ID": "3", "CHANGE_BRANCH": "wider", "NODE_NAME": "agent-9"},
            {"ci": "jenkins", "ci.run": "jenkins-fit-4", "ci.job": "fit/PR-3", "ci.branch": "wider",
             "ci.pull_request": "3"},
        ),
        ({"POD_NAME": "p", "JOB_NAME": "j", "BRANCH_NAME": "b", "CI_JOB_ID": "1", "GITHUB_REF": "r"}, {}),
    ],
)  # fmt: skip
def test_a_job_is_named_by_listed_variables_of_its_system_and_no_others(
    environment: dict[str, str], tags: dict[str, str]
) -> None:
    assert read_job(environment) == tags


def test_a_value_is_cut_and_its_odd_bytes_are_replaced() -> None:
    (value,) = read_job({"SLURM_JOB_ID": "\udcff" + "9" * 5000}).values()
    assert len(value) == MAX_VALUE
    value.encode()


def test_a_run_is_tagged_with_its_job_and_the_scripts_own_tags_count_more(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in POD.items():
        monkeypatch.setenv(name, value)
    with start_run(tags={"k8s.node": "mine"}) as run:
        pass
    first, second = (event["tags"] for event in read_events(run, "tags"))
    assert first == read_job(POD)
    assert second == {"k8s.node": "mine"}


def test_no_capture_means_no_tags_of_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "1")
    with start_run(capture=False) as run:
        pass
    assert read_events(run, "tags") == []


def test_the_page_of_the_format_lists_every_variable_and_its_tag() -> None:
    page = (ROOT / "docs" / "log-format.md").read_text(encoding="utf-8")
    for system in SYSTEMS:
        for tag, variables in system.tags.items():
            assert f"{' or '.join(f'`{name}`' for name in variables)} → `{tag}`" in page

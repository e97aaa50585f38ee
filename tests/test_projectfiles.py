"""`reportgen init`: what it finds, what it writes, and that it overwrites nothing."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from reportgen import projectfiles
from reportgen.cli import main
from reportgen.cli.init import FORGES
from reportgen.projectfiles import REQUIREMENT, Project, fill_in, find_project, make_configuration, toml_text
from reportgen.site.config_file import load_config
from tests.cirecipes import HOSTILE, RECIPES
from tests.cliruns import write_sweep
from tests.sourcelogs import metrics_line, start_line, write_run

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "digits"
    place.mkdir()
    monkeypatch.chdir(place)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / ".cache"))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    monkeypatch.delenv("REPORTGEN_DIR", raising=False)
    return place


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["init", *arguments], prog_name="reportgen")


def remote(address: str) -> None:
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null"}
    for words in (("init", "-q", "-b", "main"), ("remote", "add", "origin", address)):
        subprocess.run(("git", *words), check=True, env=environment)


def files(folder: Path) -> list[str]:
    return sorted(
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and ".git/" not in f"{path}/"
    )


def direct_url(monkeypatch: pytest.MonkeyPatch, origin: Any) -> None:
    """Let reportgen have been installed from `origin`."""
    text = None if origin is None else json.dumps(origin)
    monkeypatch.setattr(
        "importlib.metadata.distribution", lambda name: type("D", (), {"read_text": lambda self, file: text})()
    )


# ---- what is written


def test_a_github_repository_gets_its_three_workflows_with_what_is_known_of_it(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    direct_url(monkeypatch, {"url": "https://git.example/r.git", "vcs_info": {"vcs": "git", "commit_id": COMMIT}})
    remote("git@github.com:Ada/digits.git")
    done = run()
    assert done.exit_code == 0, done.output
    workflows = [f".github/workflows/reportgen-{name}.yml" for name in ("pages", "review", "train")]
    assert files(here) == [*workflows, "reportgen.toml"]
    for path in workflows:
        data = yaml.safe_load((here / path).read_text())
        assert data["env"]["REPORTGEN"] == f"git+https://git.example/r.git@{COMMIT}"
        assert data["env"].get("SITE", "") in ("", "https://ada.github.io/digits/")
    config = load_config(None, folder=here)
    assert (config.title, config.repository_url) == ("digits", "https://github.com/Ada/digits")
    lines = done.stdout.splitlines()
    assert lines[:2] == ["reportgen.toml: written", ".github/workflows/reportgen-train.yml: written"]
    assert lines[-1] == "- commit these files"
    assert not any("REPORTGEN" in line or "PyPI" in line for line in lines)


@pytest.mark.parametrize("forge", FORGES)
def test_every_forge_gets_files_and_is_told_what_to_do(here: Path, forge: str) -> None:
    done = run("--forge", forge)
    assert done.exit_code == 0, done.output
    assert files(here) == sorted(["reportgen.toml", *projectfiles.FORGES[forge].values()])
    assert "next:\n- look through reportgen.toml" in done.stdout
    for path in projectfiles.FORGES[forge].values():
        assert os.access(path, os.X_OK) == path.endswith(".sh")
    is_unsaid = any(REQUIREMENT in Path(path).read_text() for path in projectfiles.FORGES[forge].values())
    assert ("the name alone is another project on PyPI" in done.stdout) == is_unsaid


@pytest.mark.parametrize(
    ("made", "address", "forge"),
    [
        ([".github/x"], "", "github"),
        ([".gitlab-ci.yml"], "git@github.com:ada/digits.git", "gitlab"),
        (["Jenkinsfile"], "https://github.com/ada/digits", "jenkins"),
        ([], "https://gitlab.example/group/sub/digits.git", "gitlab"),
        ([], "https://github.com/ada/digits", "github"),
        ([], "https://git.example/ada/digits", "none"),
        ([], "", "none"),
    ],
)
def test_the_forge_is_found_by_files_and_by_the_remote(here: Path, made: list[str], address: str, forge: str) -> None:
    for path in made:
        (here / path).parent.mkdir(exist_ok=True)
        (here / path).write_text("x")
    if address:
        remote(address)
    assert find_project(here).forge == forge
    assert find_project(here, "slurm").forge == "slurm"


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("git@github.com:ada/digits.git", ("ada", "digits", "https://github.com/ada/digits")),
        ("ssh://git@gitlab.example:2222/a/b/c.git", ("a/b", "c", "https://gitlab.example/a/b/c")),
        ("https://ada:hunter2secret@github.com/ada/digits", ("ada", "digits", "https://github.com/ada/digits")),
        ("/srv/git/digits.git", ("", "", "")),
        ("https://github.com/ada/di'gits;touch pwned", ("", "", "")),
    ],
)
def test_owner_and_repository_are_those_of_the_remote(here: Path, address: str, found: tuple[str, str, str]) -> None:
    remote(address)
    project = find_project(here)
    assert (project.owner, project.repository, project.address) == found


def test_the_branch_is_the_one_that_a_clone_notes_as_the_default(here: Path) -> None:
    assert find_project(here).branch == "main"
    remote("https://github.com/ada/digits")
    head = here / ".git/refs/remotes/origin/HEAD"
    head.parent.mkdir(parents=True)
    for told, branch in (("release/1.x", "release/1.x"), ("x]\nrun: evil", "main"), ("$(touch pwned)", "main")):
        head.write_text(f"ref: refs/remotes/origin/{told}\n")
        assert find_project(here).branch == branch
    head.write_text("ref: refs/remotes/origin/trunk\n")
    assert run().exit_code == 0
    assert "branches: [trunk]" in (here / ".github/workflows/reportgen-pages.yml").read_text()


def test_where_no_clone_notes_it_the_branch_is_the_one_that_is_named_like_a_default(here: Path) -> None:
    remote("https://github.com/ada/digits")
    head = here / ".git/HEAD"
    for current, branch in (("master", "master"), ("main", "main"), ("feature", "main")):
        head.write_text(f"ref: refs/heads/{current}\n")
        assert find_project(here).branch == branch
    heads = here / ".git/refs/heads"
    (heads / "master").write_text(f"{COMMIT}\n")
    assert find_project(here).branch == "master"
    (heads / "master").unlink()
    (here / ".git/packed-refs").write_text(f"{COMMIT} refs/heads/mainly\n{COMMIT} refs/heads/trunk\n")
    assert find_project(here).branch == "trunk"


@pytest.mark.parametrize("forge", ["github", "jenkins"])
@pytest.mark.parametrize(
    "address", ["https://github.corp.example/ml/x", "https://gitlab.com/group/sub/x", "https://github.com.example/a/b"]
)
def test_no_address_on_pages_is_made_up_for_another_host(here: Path, forge: str, address: str) -> None:
    remote(address)
    done = run("--forge", forge)
    texts = [(here / path).read_text() for path in files(here)]
    assert not any(".github.io" in text.replace("https://OWNER.github.io/REPOSITORY/", "") for text in texts)
    assert load_config(None, folder=here).site_url == ""
    assert " SITE " in done.stdout


def test_pods_push_to_the_remote(here: Path) -> None:
    remote("https://gitlab.example/group/sub/digits.git")
    assert run("--forge", "kubernetes").exit_code == 0
    for path in projectfiles.FORGES["kubernetes"].values():
        assert "value: git@gitlab.example:group/sub/digits.git\n" in (here / path).read_text()


def test_below_the_top_of_a_repository_it_says_where_the_forge_looks(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote("https://github.com/ada/digits")
    assert "- move " not in run().stdout
    below = here / "models" / "mlp"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    done = run()
    assert f"reportgen-pages.yml to '{here}', where github looks" in done.stdout
    assert find_project(below).top == str(here)


def test_a_site_of_an_account_has_no_folder() -> None:
    project = Project("github", "Ada", "ada.github.io", "https://github.com/Ada/ada.github.io", "")
    assert fill_in("SITE: https://OWNER.github.io/REPOSITORY/", project) == "SITE: https://ada.github.io/"


@pytest.mark.parametrize(
    ("origin", "requirement"),
    [
        (
            {"url": "https://git.example/r", "vcs_info": {"vcs": "git", "commit_id": COMMIT}},
            f"git+https://git.example/r@{COMMIT}",
        ),
        (
            {"url": "https://x.example/reportgen-1-py3-none-any.whl", "archive_info": {"hashes": {"sha256": "ab"}}},
            "https://x.example/reportgen-1-py3-none-any.whl#sha256=ab",
        ),
        ({"url": "file:///home/ada/reportgen", "dir_info": {"editable": True}}, ""),
        ({"url": "https://git.example/'; touch pwned", "vcs_info": {"vcs": "git", "commit_id": COMMIT}}, ""),
        ({"url": "https://git.example/r", "vcs_info": {"vcs": "git", "commit_id": "main"}}, ""),
        (None, ""),
    ],
)
def test_what_pip_installs_is_this_very_reportgen_or_left_open(
    monkeypatch: pytest.MonkeyPatch, origin: Any, requirement: str
) -> None:
    direct_url(monkeypatch, origin)
    assert projectfiles.find_requirement() == requirement


# ---- what is there


def test_nothing_is_overwritten_without_being_asked(here: Path) -> None:
    (here / "reportgen.toml").write_text("title = 'mine'\n")
    (here / ".github/workflows").mkdir(parents=True)
    (here / ".github/workflows/reportgen-review.yml").write_text("mine")
    done = run()
    assert (here / "reportgen.toml").read_text() == "title = 'mine'\n"
    assert (here / ".github/workflows/reportgen-review.yml").read_text() == "mine"
    assert "reportgen.toml: kept as it is, --force overwrites it" in done.stdout
    assert ".github/workflows/reportgen-train.yml: written" in done.stdout
    assert run("--force").exit_code == 0
    assert load_config(None, folder=here).title == "digits"
    assert "name: reportgen review" in (here / ".github/workflows/reportgen-review.yml").read_text()
    assert "reportgen.toml: there already" in run().stdout


def test_a_link_is_replaced_and_what_it_leads_to_stays(here: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("precious")
    (here / "reportgen.toml").symlink_to(tmp_path / "elsewhere")
    assert "kept" in run().stdout
    assert run("--force").exit_code == 0
    assert (tmp_path / "elsewhere").read_text() == "precious"
    assert load_config(None, folder=here).title == "digits"


@pytest.mark.parametrize(
    ("forge", "own", "other", "told"),
    [
        ("gitlab", ".gitlab-ci.yml", ".gitlab/reportgen.yml", "include: [{local: .gitlab/reportgen.yml}]"),
        ("jenkins", "Jenkinsfile", "Jenkinsfile.reportgen", "take the stages of Jenkinsfile.reportgen"),
    ],
)
def test_a_pipeline_that_is_there_gets_a_file_beside_it(
    here: Path, forge: str, own: str, other: str, told: str
) -> None:
    (here / own).write_text("mine")
    done = run()
    assert files(here) == sorted([own, other, "reportgen.toml"])
    assert (here / own).read_text() == "mine"
    assert told in done.stdout
    again = run("--format", "json")
    outcomes = {file["path"]: file["outcome"] for file in json.loads(again.stdout)["files"]}
    assert outcomes == {"reportgen.toml": "same", other: "same"}


@pytest.mark.parametrize("own", [".gitlab-ci.yml", "Jenkinsfile"])
def test_a_recipe_that_was_changed_is_kept_and_gets_no_second_one_beside_it(here: Path, own: str) -> None:
    forge = "gitlab" if own == ".gitlab-ci.yml" else "jenkins"
    assert run("--forge", forge).exit_code == 0
    changed = (here / own).read_text().replace("train.py", "fit.py")
    (here / own).write_text(changed)
    assert f"{own}: kept as it is" in run("--forge", forge).stdout
    assert files(here) == sorted([own, "reportgen.toml"])
    assert (here / own).read_text() == changed


def test_a_file_in_the_way_of_a_folder_is_told(here: Path) -> None:
    (here / ".github").write_text("")
    done = run()
    assert done.exit_code == 1
    assert "Error: '" in done.stderr
    assert "reportgen-train.yml' cannot be written (" in done.stderr


# ---- the configuration


def test_the_configuration_names_the_metrics_and_experiments_of_the_runs_here(here: Path) -> None:
    write_sweep(here)
    done = run()
    config = load_config(None, folder=here)
    assert {name for name, _ in config.metrics.items()} >= {"val/accuracy", "val/loss", "train/loss"}
    assert config.metric("val/accuracy").direction == "max"
    assert set(config.headline) == {"train/loss", "val/accuracy", "val/loss"}
    assert {name for name, _ in config.experiments.items()} >= {"digits", "forest"}
    assert "note: 8 runs in 'runs'" in done.stderr


def test_hostile_names_stay_names(here: Path) -> None:
    for number, text in enumerate((*HOSTILE, '"]\nexclude = ["*"]\n#', "'''", "\\", "損失")):
        write_run(
            here / "runs" / f"e{number}" / "r",
            start_line(f"r{number}", experiment=text),
            metrics_line(0, **{text: 1.0}),
        )
    assert run().exit_code == 0
    config = load_config(None, folder=here)
    assert config.exclude == ()
    assert len(config.metrics) == len(config.experiments) == projectfiles.MAX_NAMES


@settings(max_examples=200)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_is_one_toml_string(text: str) -> None:
    import tomllib

    line = toml_text(text)
    assert tomllib.loads(f"x = {line}") == {"x": text}
    assert line.isprintable()


def test_runs_that_cannot_be_read_are_left_out_with_a_note(here: Path) -> None:
    (here / "runs").mkdir()
    done = run()
    assert done.exit_code == 0
    assert "are left out of the configuration" in done.stderr
    assert load_config(None, folder=here).metrics == {}


def test_the_lines_that_are_commented_out_are_right_as_well(here: Path) -> None:
    text = make_configuration("t", Project("none", "", "", "", ""), ())
    lines = [
        line.removeprefix("# ") for line in text.splitlines() if line.startswith(("# [", "title")) or " = " in line
    ]
    (here / "all.toml").write_text("\n".join(line for line in lines if not line.startswith("A gate")))
    config = load_config(Path("all.toml"), folder=here)
    assert config.headline == ("val/accuracy", "val/loss")
    assert len(config.review.gates) == 1


# ---- recipes on stdout


def test_a_recipe_is_printed_as_it_is() -> None:
    for path in RECIPES.iterdir():
        if path.suffix != ".md":
            assert run("--print", path.name).stdout == path.read_text()
    done = run("--print", "comment.sh")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "unknown recipe 'comment.sh': did you mean 'comment.py'? recipes: Jenkinsfile, comment.py" in done.stderr


def test_recipes_are_listed() -> None:
    names = sorted(path.name for path in RECIPES.iterdir() if path.suffix != ".md")
    assert run("--list").stdout.split() == names
    assert json.loads(run("--list", "--format", "json").stdout) == names


def test_each_recipe_is_somebodys() -> None:
    used = {name for forge in projectfiles.FORGES.values() for name in forge}
    assert set(projectfiles.recipe_names()) - used == {"comment.py", "github-pull-request.yml"}
    assert tuple(projectfiles.FORGES) == FORGES

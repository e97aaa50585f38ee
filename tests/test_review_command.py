"""`reportgen review` as a user runs it: in a real repository with branches, on bad baselines, and under a runner."""

from __future__ import annotations

import ast
import functools
import json
import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from reportgen.cli import main
from reportgen.cli.printing import harmless
from reportgen.exporting.records import encode_json
from reportgen.review.commits import BASE_VARIABLES, base_name, read_checkout
from tests.sitefiles import pack_files
from tests.sourcelogs import T0, metrics_line, start_line, write_run
from tests.webservers import files_of, send, serving

ROOT = Path(__file__).parent.parent
DOC = (ROOT / "docs" / "review.md").read_text(encoding="utf-8")
GATES = """
[[gate]]
metric = "val/accuracy"
max_regression = "1%"
"""


@pytest.fixture(autouse=True)
def _no_forge(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let no variable of the job that runs the tests decide, and keep caches here."""
    for name in (*BASE_VARIABLES, "GITLAB_CI", "BITBUCKET_BUILD_NUMBER", "REPORTGEN_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def run(*arguments: str | Path) -> Result:
    """Run the command line in this process."""
    return CliRunner().invoke(main, [*map(str, arguments), *(["-j", "1"] if arguments[0] == "review" else [])])


def write_seeds(
    root: Path,
    mean: float,
    *,
    commit: str = "",
    day: int = 0,
    seed: int = 0,
    name: str = "mlp",
    lr: float = 0.1,
    count: int = 5,
    experiment: str = "digits",
    package: str = "2.0",
) -> Path:
    """Write runs of one configuration, whose accuracy rises to about `mean`."""
    numbers = random.Random(seed + day)
    for i in range(count):
        start = T0 + 86_400 * day + 60 * i
        top = numbers.gauss(mean, 0.004)
        run_id = f"{name}-{commit[:8]}-{day}-{i}"
        lines = [
            start_line(run_id, name=f"{name}-seed{i}", experiment=experiment, time=start),
            {"event": "params", "params": {"lr": lr, "seed": i}},
            {"event": "env", "python": "3.12.1", "packages": {"torch": package}},
            *([{"event": "code", "commit": commit, "branch": "", "dirty": False}] if commit else []),
            *(metrics_line(s, **{"val/accuracy": top * s / 9}) for s in range(10)),
            {"event": "end", "status": "FINISHED", "time": start + 30},
        ]
        write_run(root / experiment / re.sub(r"\W", "_", run_id), *lines)
    return root


class Repository:
    """A git repository with a trunk, in the working folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.name", "t")
        self.git("config", "user.email", "t@example.org")

    def git(self, *arguments: str, folder: Path | None = None) -> str:
        """Run git and return what it prints."""
        command = ["git", *arguments]
        done = subprocess.run(command, cwd=folder or self.folder, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def commit(self, text: str) -> str:
        """Make a commit and return its hash."""
        self.git("commit", "-q", "--allow-empty", "-m", text)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    Path("reportgen.toml").write_text(GATES)
    return Repository(folder)


def verdict() -> dict[str, object]:
    """Return what the last review wrote."""
    made: dict[str, object] = json.loads(Path("review/verdict.json").read_text())
    return made


def test_a_failed_gate_is_named_even_with_quiet(repository: Repository) -> None:
    write_seeds(Path("trunk"), 0.90)
    write_seeds(Path("worse"), 0.80, day=1)
    write_seeds(Path("same"), 0.90, day=2)
    made = run("review", "worse", "--baseline", "trunk", "-q")
    assert (made.exit_code, made.stdout) == (3, "")
    assert re.fullmatch(r"error: val/accuracy: \d+\.?\d* % worse, 1 % allowed\n", made.stderr)
    made = run("review", "same", "--baseline", "trunk", "-q")
    assert (made.exit_code, made.stdout, made.stderr) == (0, "", "")


# ---- in a repository


def test_two_branches_whose_truth_is_known(repository: Repository) -> None:
    for day in range(4):
        write_seeds(Path("trunk"), 0.90, commit=repository.commit(f"c{day}"), day=day)
    assert run("build", "trunk", "-o", "site", "-q").exit_code == 0
    base = repository.git("rev-parse", "HEAD")
    repository.git("checkout", "-q", "-b", "worse")
    write_seeds(Path("worse"), 0.80, commit=repository.commit("worse"), day=5, lr=0.5, package="2.1")
    repository.git("checkout", "-q", "main")
    repository.commit("the trunk goes on")
    repository.git("checkout", "-q", "-b", "same", base)
    write_seeds(Path("same"), 0.90, commit=repository.commit("same"), day=6)

    made = run("review", "same", "--baseline", "site")
    assert (made.exit_code, made.stdout.splitlines()[0]) == (0, "≈ No difference found in 1 metric · 1 gate passed")
    repository.git("checkout", "-q", "worse")
    made = run("review", "worse", "--baseline", "site")
    assert made.exit_code == 3, made.output
    assert made.stdout.splitlines()[0] == "✕ 1 gate failed: 1 regression"
    found = verdict()
    assert found["base"]["experiments"]["digits"] | {"measured": 0} == {  # type: ignore[index]
        "how": "merge-base", "commit": base, "distance": 0, "dirty": False, "measured": 0, "runs": 5,
    }  # fmt: skip
    comment = Path("review/comment.md").read_text()
    assert "| lr | `0.1` | `0.5` |" in comment
    assert "| package torch | `2.0` | `2.1` |" in comment
    assert "4 commits, then this" in comment
    assert sorted(f.suffix for f in Path("review/plots").iterdir()) == [".png", ".svg"]


def test_the_same_review_writes_the_same_bytes_whatever_the_workers(repository: Repository) -> None:
    write_seeds(Path("trunk"), 0.90, commit=repository.commit("a"))
    write_seeds(Path("change"), 0.80, commit=repository.commit("b"), day=1)
    for out, jobs in (("one", "1"), ("two", "2")):
        CliRunner().invoke(main, ["review", "change", "--baseline", "trunk", "-o", out, "-j", jobs])
    files = sorted(p.relative_to("one") for p in Path("one").rglob("*") if p.is_file())
    assert len(files) == 6
    assert files == sorted(p.relative_to("two") for p in Path("two").rglob("*") if p.is_file())
    assert [f for f in files if Path("one", f).read_bytes() != Path("two", f).read_bytes()] == []


def test_a_second_review_replaces_the_plots_of_the_first(repository: Repository) -> None:
    write_seeds(Path("trunk"), 0.90, commit=repository.commit("a"))
    write_seeds(Path("change"), 0.80, commit=repository.commit("b"), day=1)
    run("review", "change", "--baseline", "trunk")
    Path("review/plots/old-metric.svg").write_text("x")
    Path("review/plots/notes.txt").write_text("mine")
    run("review", "change", "--baseline", "trunk")
    assert not Path("review/plots/old-metric.svg").exists()
    assert Path("review/plots/notes.txt").exists()


def test_a_stacked_change_is_compared_with_the_branch_below_it(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_seeds(Path("site-runs"), 0.90, commit=repository.commit("a"))
    repository.git("checkout", "-q", "-b", "lower")
    lower = repository.commit("lower")
    write_seeds(Path("site-runs"), 0.70, commit=lower, day=1)
    repository.git("checkout", "-q", "-b", "upper")
    write_seeds(Path("change"), 0.70, commit=repository.commit("upper"), day=2)
    monkeypatch.setenv("GITHUB_BASE_REF", "lower")
    assert run("review", "change", "--baseline", "site-runs").exit_code == 0
    assert verdict()["base"]["experiments"]["digits"]["commit"] == lower  # type: ignore[index]
    monkeypatch.setenv("GITHUB_BASE_REF", "main")
    assert run("review", "change", "--baseline", "site-runs").exit_code == 3


def test_a_job_that_has_the_base_checked_out_finds_the_merge_base_of_the_change(repository: Repository) -> None:
    base = repository.commit("a")
    write_seeds(Path("site-runs"), 0.90, commit=base)
    repository.git("checkout", "-q", "-b", "topic")
    write_seeds(Path("change"), 0.90, commit=repository.commit("topic"), day=2)
    repository.git("checkout", "-q", "main")
    write_seeds(Path("site-runs"), 0.50, commit=repository.commit("later"), day=1)
    assert run("review", "change", "--baseline", "site-runs").exit_code == 0
    assert verdict()["base"]["experiments"]["digits"]["commit"] == base  # type: ignore[index]


def test_a_force_push_and_a_shallow_clone_end_in_a_clear_sentence(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_seeds(Path("trunk"), 0.90, commit=repository.commit("old"))
    repository.git("commit", "-q", "--allow-empty", "--amend", "-m", "rewritten")
    for text in ("b", "c"):
        last = repository.commit(text)
    write_seeds(Path("change"), 0.90, commit=last, day=1)
    made = run("review", "change", "--baseline", "trunk")
    assert made.exit_code == 0
    assert "its commit is not in the history of this checkout (a history that was rewritten" in made.stdout
    shallow = tmp_path / "shallow"
    repository.git("clone", "-q", "--depth", "1", f"file://{repository.folder}", str(shallow))
    for name in ("trunk", "change", "reportgen.toml"):
        source = repository.folder / name
        shutil.copytree(source, shallow / name) if source.is_dir() else shutil.copy(source, shallow / name)
    monkeypatch.chdir(shallow)
    made = run("review", "change", "--baseline", "trunk")
    assert made.exit_code == 0
    assert "which is cut off: fetch more with git fetch --unshallow, or fetch-depth: 0" in made.stdout


def test_a_base_that_is_not_there_or_is_no_name_is_told(repository: Repository) -> None:
    last = repository.commit("a")
    for base in ("nowhere", "--upload-pack=evil", "a b", "x;y", "@{-1}", "\x1b[31m"):
        checkout = read_checkout(Path.cwd(), base, [last, "--evil", "HEAD; true"])
        assert checkout is not None and checkout.merge_base == ""
        assert "not in this checkout" in checkout.note
        assert checkout.note.isprintable()
    assert read_checkout(Path("/"), "", []) is None
    assert base_name("main", {"GITHUB_BASE_REF": "x"}) == "main"
    assert base_name(None, {"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "x"}) == "x"


def test_a_checkout_in_which_git_does_not_answer_is_told(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_seeds(Path("trunk"), 0.90, commit=repository.commit("a"))
    write_seeds(Path("change"), 0.90, commit=repository.commit("b"), day=1)
    monkeypatch.setenv("PATH", str(tmp_path))
    made = run("review", "change", "--baseline", "trunk")
    assert made.exit_code == 0
    assert "Git does not answer in this checkout" in made.stdout
    assert "safe.directory" in Path("review/comment.md").read_text()


# ---- baselines that are not there, or no use


def review_beside(baseline: str | Path, *options: str) -> Result:
    """Review a change in a folder without git."""
    Path("reportgen.toml").write_text(GATES)
    write_seeds(Path("change"), 0.90, day=1)
    return run("review", "change", "--baseline", baseline, *options)


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bare"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    return folder


def test_no_baseline_yet_is_no_error(bare: Path) -> None:
    made = review_beside("nowhere")
    assert (made.exit_code, made.stdout.splitlines()[0]) == (0, "No baseline yet · 1 gate not judged")
    assert "There is no baseline yet in `nowhere`: no such folder" in Path("review/comment.md").read_text()
    Path("empty").mkdir()
    assert review_beside("empty").exit_code == 0
    with serving(files_of(bare / "empty")) as server:
        made = review_beside(server.url)
    assert made.exit_code == 0
    assert "nothing is published there" in Path("review/comment.md").read_text()


def test_a_baseline_that_holds_only_the_change_is_no_baseline_yet(bare: Path) -> None:
    write_seeds(Path("change"), 0.90, day=1)
    assert run("build", "change", "-o", "site", "-q").exit_code == 0
    made = review_beside("site")
    assert (made.exit_code, made.stdout.splitlines()[0]) == (0, "No baseline yet · 1 gate not judged")
    assert "all of its runs are those of the change" in made.stdout


def test_a_baseline_without_a_common_experiment_leaves_nothing_to_compare(bare: Path) -> None:
    write_seeds(Path("other"), 0.90, experiment="cats")
    made = review_beside("other")
    assert (made.exit_code, made.stdout.splitlines()[0]) == (0, "Nothing to compare · 1 gate not judged")


def test_a_baseline_that_cannot_be_read_is_an_error(bare: Path) -> None:
    Path("junk").mkdir()
    Path("junk/readme.txt").write_text("no log")
    made = review_beside("junk")
    assert made.exit_code == 1 and "no run logs in" in made.stderr
    write_seeds(Path("logs"), 0.90)
    assert run("build", "logs", "-o", "site", "-q").exit_code == 0
    newer = json.loads(Path("site/data/site.json").read_text()) | {"format": 999, "reportgen": "9.0"}
    shutil.copytree("site", "newer")
    Path("newer/data/site.json").write_text(json.dumps(newer))
    made = review_beside("newer")
    assert made.exit_code == 1 and "newer than" in made.stderr


def test_addresses_that_answer_badly_are_errors(bare: Path) -> None:
    write_seeds(Path("logs"), 0.90)
    assert run("build", "logs", "-o", "site", "-q").exit_code == 0
    with serving(files_of(bare / "site")) as server:
        assert review_beside(server.url).exit_code == 0
        assert "(mlp)" in run("review", "change", "--baseline", server.url).stdout
    for pack in pack_files(Path("site")):
        pack.unlink()
    with serving(files_of(bare / "site")) as server:
        made = review_beside(server.url)
    assert made.exit_code == 1 and "is not whole" in made.stderr
    with serving(functools.partial(send, body=b"<!doctype html><h1>Log in</h1>")) as server:
        made = review_beside(server.url)
    assert made.exit_code == 1 and "is a web page and no file of a site" in made.stderr
    with serving(functools.partial(send, body=b"", status=403)) as server:
        made = review_beside(server.url)
    assert made.exit_code == 1 and "may not be read" in made.stderr


def test_without_runs_named_the_folder_of_runs_is_reviewed_and_never_the_site(bare: Path) -> None:
    Path("site").mkdir()
    made = run("review", "--baseline", "site")
    assert made.exit_code == 2 and "there is no 'runs' here" in made.stderr
    write_seeds(Path("runs"), 0.9)
    assert run("review", "--baseline", "site").exit_code == 0


def test_odd_values_on_either_side_are_told_and_break_nothing(bare: Path) -> None:
    write_seeds(Path("logs"), 0.90)
    odd = {"big": 2**70, "nan": "NaN", "text": "x" * 5000, "none": None, "flag": True, "list": [1, 2], "deep": {"a": 1}}
    for i, values in enumerate(([1e308, -1e308], ["NaN", "NaN"], ["Infinity", 1.0])):
        lines = [
            start_line(f"odd{i}", name=f"mlp-seed{i}", experiment="digits", time=T0 + 86_400 + i),
            {"event": "params", "params": {**odd, "seed": i}},
            *(metrics_line(s, **{"val/accuracy": v, "val/loss": v}) for s, v in enumerate(values)),
            {"event": "end", "status": "FINISHED", "time": T0 + 86_500},
        ]
        write_run(Path("odd") / f"r{i}", *lines)
    Path("reportgen.toml").write_text(GATES)
    made = run("review", "odd", "--baseline", "logs")
    assert made.exit_code == 3, made.output
    assert "NaN in 1 of 3 runs" in made.stdout
    changed = {param["name"]: param["change"] for param in verdict()["params"]}  # type: ignore[attr-defined]
    assert changed["big"] == [str(2**70)]  # beyond 64 bits a log's numbers are kept as text
    assert changed["nan"] == ["NaN"] and changed["flag"] == [True]


def test_no_runs_of_the_change_and_a_file_in_place_of_the_folder_are_errors(bare: Path) -> None:
    Path("empty").mkdir()
    assert run("review", "empty", "--baseline", "nowhere").exit_code == 1
    Path("review").write_text("a file")
    made = review_beside("nowhere")
    assert made.exit_code == 1 and "'review' is not a folder" in made.stderr


# ---- what is printed


def test_json_is_printed_and_written_alike(bare: Path) -> None:
    write_seeds(Path("logs"), 0.90)
    made = review_beside("logs", "--format", "json")
    assert json.loads(made.stdout) == verdict()


def test_the_forge_and_the_id_are_found_and_checked(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BITBUCKET_BUILD_NUMBER", "1")
    review_beside("nowhere", "--id", "gpu")
    assert Path("review/comment.md").read_text().startswith("[//]: # (reportgen review: gpu)\n")
    monkeypatch.setenv("GITLAB_CI", "true")
    review_beside("nowhere", "--id", "gpu")
    assert Path("review/comment.md").read_text().startswith("<!-- reportgen review: gpu -->\n")
    assert review_beside("nowhere", "--id", "a --> b").exit_code == 2


def test_annotations_point_at_the_gate_and_are_the_only_commands_to_a_runner(bare: Path) -> None:
    evil = "::error::x%0A"
    Path("reportgen.toml").write_text(f'title = "x"\n\n[[gate]]\nmetric = "{evil}*"\nmax = 0.5\n')
    lines = [
        start_line("r1", name="::set-output name=a::b", experiment="##[error]digits", time=T0),
        metrics_line(0, **{f"{evil}a,b:c": 0.9}),
        {"event": "end", "status": "FINISHED", "time": T0 + 30},
    ]
    write_run(Path("change/r1"), *lines)
    made = run("review", "change", "--baseline", "nowhere", "--annotations")
    assert made.exit_code == 3
    commands = [line for line in made.stdout.splitlines() if line.lstrip().startswith("::")]
    assert len(commands) == 1
    assert commands[0].startswith("::error file=reportgen.toml,line=3,title=reportgen::")
    assert "%250A" in commands[0] and "\n" not in commands[0]
    assert "##[" not in made.output


def test_text_that_is_no_command_is_printed_as_it_is() -> None:
    for text in ("std::vector a::b", "## Heading", "#[x]", "x ::y"):
        assert harmless(text) == text
    assert harmless("a\n ::b\n\t::c") == "a\n \\x3a:b\n\t\\x3a:c"
    assert harmless("##[x]##y[") == "#\\x23[x]#\\x23y["
    assert json.loads(encode_json({"a": "###[b]"})) == {"a": "###[b]"}


def test_all_that_is_printed_goes_through_one_door() -> None:
    for file in sorted((ROOT / "reportgen" / "cli").glob("*.py")):
        calls = [
            node
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "click.echo"
        ]
        allowed = {
            "printing.py": 1,
            "__init__.py": 1,
            "review.py": 1,
            "init.py": 1,
        }  # errors; annotations; our own recipes
        assert len(calls) <= allowed.get(file.name, 0), file.name


# ---- the page that describes it


def test_the_docs_list_every_key_of_the_record(bare: Path) -> None:
    write_seeds(Path("logs"), 0.90)
    review_beside("logs")
    section = DOC.split("## verdict.json\n")[1].split("\n## ")[0]
    described = set(re.findall(r"`([a-z_]+)`", section))
    found = verdict()
    keys = {*found}
    for part in ("base", "head", "statistics", "counts"):
        keys |= {*found[part]}  # type: ignore[misc]
    for part in ("metrics", "configurations", "gates"):
        keys |= {key for each in found[part] for key in each}  # type: ignore[attr-defined]
    assert keys - described == set()


def test_the_help_of_every_example_is_understood() -> None:
    shown = run("review", "-h").stdout
    assert "Exit code 3" in shown
    for line in re.findall(r"(?m)^    (reportgen review .*)$", shown):
        group = main.make_context("reportgen", line.split()[1:2], resilient_parsing=True)
        command = main.get_command(group, "review")
        assert command is not None
        command.make_context("review", line.split()[2:], parent=group)

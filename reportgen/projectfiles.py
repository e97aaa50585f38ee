"""The recipes of `docs/ci` as files of a project: which a forge takes, what is filled in, and a first configuration.

The recipes have one source, `docs/ci`, which a wheel carries along. Nothing that is there is overwritten unless that is
asked for. Names that come from run logs stand in the configuration as quoted strings and can be nothing else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from reportgen.capture.code import read_git
from reportgen.errors import ReportgenError
from reportgen.model import Summary
from reportgen.site.config import Config
from reportgen.site.config_file import FILE
from reportgen.spelling import suggestion

FORGES: Final[dict[str, dict[str, str]]] = {
    "github": {
        "github-fork-train.yml": ".github/workflows/reportgen-train.yml",
        "github-fork-review.yml": ".github/workflows/reportgen-review.yml",
        "github-pages.yml": ".github/workflows/reportgen-pages.yml",
    },
    "gitlab": {"gitlab-ci.yml": ".gitlab-ci.yml"},
    "jenkins": {"Jenkinsfile": "Jenkinsfile"},
    "kubernetes": {
        "kubernetes-job.yaml": "kubernetes/train.yaml",
        "kubernetes-cronjob.yaml": "kubernetes/publish.yaml",
    },
    "slurm": {"slurm.sh": "slurm.sh"},
    "shell": {"shell.sh": "reportgen.sh"},
    "none": {},
}
"""Forge, or what else runs jobs -> recipe -> the file that it becomes."""
ELSEWHERE: Final = {".gitlab-ci.yml": ".gitlab/reportgen.yml", "Jenkinsfile": "Jenkinsfile.reportgen"}
"""Files that a project has one of -> where the recipe goes when it is there."""
REQUIREMENT: Final = "git+https://git.example/OWNER/reportgen@COMMIT"
"""Stands in the recipes for what pip installs."""
_REMOTE: Final = "git@git.example:OWNER/REPOSITORY.git"
_BRANCHES: Final = ("main", "master", "trunk")
"""What default branches are called, the likeliest first."""
_ADDRESS: Final = r"[A-Za-z0-9._~:/?&=@%+-]+"
"""What can stand in each recipe as it is."""
MAX_NAMES: Final = 20
"""Metrics and experiments that a first configuration names."""


@dataclass(frozen=True, slots=True)
class Project:
    """What is known of the folder in which reportgen is set up."""

    forge: str
    owner: str
    """Owner and repository on the forge, empty where the remote does not say."""
    repository: str
    address: str
    """Web address of the repository, empty where there is none."""
    requirement: str
    """What pip installs to get this reportgen, empty where that cannot be told."""
    branch: str = "main"
    """The branch whose runs are published."""
    top: str = ""
    """The repository's top where the folder is below it, empty where it is the top or there is none."""

    @property
    def is_on_github(self) -> bool:
        """Whether it is on github.com, whose Pages have addresses that can be told."""
        return self.address.startswith("https://github.com/")


@dataclass(frozen=True, slots=True)
class Written:
    """What became of one file."""

    path: str
    outcome: str
    """`written`, `same` (it is there as it would be written) or `kept` (it is there, and is another)."""


def recipes_folder() -> Path:
    """Return the folder of the recipes: in a wheel inside the package, in a checkout in `docs`."""
    package = Path(__file__).parent
    for folder in (package / "ci", package.parent / "docs" / "ci"):
        if (folder / "comment.py").exists():
            return folder
    raise ReportgenError(f"no recipes found beside {package}: install reportgen again")


def recipe_names() -> tuple[str, ...]:
    """Return the names of all recipes."""
    return tuple(sorted(path.name for path in recipes_folder().iterdir() if path.is_file() and path.suffix != ".md"))


def read_recipe(name: str) -> str:
    """Return the text of a recipe. Raises `ReportgenError` for a name that is none."""
    names = recipe_names()
    if name not in names:
        raise ReportgenError(f"unknown recipe '{name}':{suggestion(name, names)} recipes: {', '.join(names)}")
    return (recipes_folder() / name).read_text(encoding="utf-8")


def find_project(folder: Path, forge: str | None = None) -> Project:
    """Return what the files and the git remote in `folder` tell."""
    facts = read_git(folder)
    host, owner, repository = _parse_remote(str(facts.get("remote", "")))
    address = f"https://{host}/{owner}/{repository}" if host and owner else ""
    above = (folder, *folder.parents) if facts else ()
    top = next((place for place in above if (place / ".git").exists()), folder)
    known = forge or _find_forge(top, host)
    branch = _default_branch(top / ".git", str(facts.get("branch", "")))
    return Project(known, owner, repository, address, find_requirement(), branch, "" if top == folder else str(top))


def _default_branch(git: Path, current: str) -> str:
    """Return the default branch of the remote, as a clone notes it, else the branch here that is named like one."""
    told = _read(git / "refs" / "remotes" / "origin" / "HEAD") or ""
    if found := re.fullmatch(r"ref: refs/remotes/origin/([A-Za-z0-9._/-]+)\n?", told):
        return found[1]
    packed = _read(git / "packed-refs") or ""
    there = (name for name in _BRANCHES if (git / "refs/heads" / name).exists() or f" refs/heads/{name}\n" in packed)
    return current if current in _BRANCHES else next(there, _BRANCHES[0])


def _find_forge(folder: Path, host: str) -> str:
    for name, sign in (("github", ".github"), ("gitlab", ".gitlab-ci.yml"), ("jenkins", "Jenkinsfile")):
        if (folder / sign).exists():
            return name
    return next((name for name in ("github", "gitlab") if name in host), "none")


def _parse_remote(remote: str) -> tuple[str, str, str]:
    """Return host, owner and repository of a remote's address, empty where it has another form."""
    plain = re.sub(r"^[\w.-]+@([\w.-]+):(?!//)", r"ssh://\1/", remote)
    parts = urlsplit(plain)
    path = parts.path.strip("/").removesuffix(".git")
    owner, _, repository = path.rpartition("/")
    if parts.scheme not in ("https", "http", "ssh", "git") or not owner or not re.fullmatch(r"[A-Za-z0-9._/-]+", path):
        return "", "", ""
    return parts.hostname or "", owner, repository


def find_requirement() -> str:
    """Return what pip needs to install this very reportgen elsewhere, empty where that cannot be told.

    The name alone never does: on PyPI it is another project's.
    """
    try:
        told = metadata.distribution("reportgen").read_text("direct_url.json")
        origin = json.loads(told) if told else {}
    except (metadata.PackageNotFoundError, ValueError):
        return ""
    url, version = origin.get("url", ""), origin.get("vcs_info") or {}
    if (
        version.get("vcs") == "git"
        and re.fullmatch("[0-9a-f]{40,64}", version.get("commit_id", ""))
        and re.fullmatch(rf"(?:https|ssh)://{_ADDRESS}", url)
    ):
        return f"git+{url}@{version['commit_id']}"
    if origin.get("archive_info") is not None and re.fullmatch(rf"https://{_ADDRESS}\.whl", url):
        digest = (origin["archive_info"].get("hashes") or {}).get("sha256", "")
        return f"{url}#sha256={digest}" if digest else url
    return ""


def fill_in(text: str, project: Project) -> str:
    """Return the text of a recipe with what is known of the project; what is not stays for the user to fill in."""
    if project.requirement:
        text = text.replace(REQUIREMENT, project.requirement)
    text = text.replace("branches: [main]", f"branches: [{project.branch}]")
    text = text.replace("branch 'main'", f"branch '{project.branch}'")
    if project.address:
        host = urlsplit(project.address).hostname
        text = text.replace(_REMOTE, f"git@{host}:{project.owner}/{project.repository}.git")
    if project.is_on_github:
        text = text.replace("https://OWNER.github.io/REPOSITORY/", _pages_address(project))
        text = text.replace("OWNER/REPOSITORY", f"{project.owner}/{project.repository}")
    return text


def _pages_address(project: Project) -> str:
    own = f"{project.owner.lower()}.github.io"
    return f"https://{own}/" if project.repository.lower() == own else f"https://{own}/{project.repository}/"


def write_project(folder: Path, project: Project, configuration: str, *, force: bool = False) -> list[Written]:
    """Write the configuration and the recipes of the forge into `folder`, and return what became of each file."""
    texts = {FILE: configuration}
    for recipe, path in FORGES[project.forge].items():
        text = fill_in(read_recipe(recipe), project)
        there = _read(folder / path)
        is_ours = there == text or "reportgen publish" in (there or "")  # perhaps changed since
        is_taken = (folder / path).exists() and not force and not is_ours
        texts[ELSEWHERE.get(path, path) if is_taken else path] = text
    return [Written(path, _write(folder / path, text, force=force)) for path, text in texts.items()]


def _write(path: Path, text: str, *, force: bool) -> str:
    try:
        if path.is_symlink() or path.exists():
            if _read(path) == text:
                return "same"
            if not force:
                return "kept"
            path.unlink()  # a link is replaced, not followed
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
        if text.startswith("#!"):
            path.chmod(0o755)
    except OSError as error:
        raise ReportgenError(f"'{path}' cannot be written ({error.strerror})") from error
    return "written"


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


# ---- a first configuration


def make_configuration(title: str, project: Project, runs: Sequence[Summary]) -> str:
    """Return a `reportgen.toml` with comments, with the experiments and metrics of `runs`."""
    metrics = _most_used(name for run in runs for name in run.metrics)
    experiments = _most_used(run.experiment for run in runs)
    config = Config()
    known = [name for name in metrics if config.metric(name).direction in ("min", "max")]
    headline = known[:3] or ["val/accuracy", "val/loss"]
    is_on_pages = project.forge == "github" and project.is_on_github
    lines = [
        "# What reportgen publishes, and how. Every key can be left out; docs/configuration.md describes all of them.",
        "",
        f"title = {toml_text(title)}",
        '# description = "What these runs are about, in **Markdown**."',
        f"{'' if project.address else '# '}repository_url = {toml_text(project.address or 'https://…')}",
        f"site_url = {toml_text(_pages_address(project))}" if is_on_pages else '# site_url = "https://…"',
        "",
        "# The metrics that come first in tables, plots and reviews.",
        f"{'' if known else '# '}headline = [{', '.join(map(toml_text, headline))}]",
        "",
        '# Runs that are not published: "experiment" or "experiment/run", * is any text.',
        '# exclude = ["*/debug-*"]',
        "",
        "# max_site_mb = 900",
        "",
        "# Which way is better, units and titles. Well-known names need no direction; here it is what is assumed.",
    ]
    for name in metrics or ["val/accuracy"]:
        direction = config.metric(name).direction
        lead = "" if metrics else "# "
        lines += [
            f"{lead}[metrics.{toml_text(name)}]",
            f"{lead}direction = {toml_text(direction)}" if direction else '# direction = "min"',
            "",
        ]
    for name in experiments:
        lines += [f"[experiments.{toml_text(name)}]", '# description = ""', ""]
    lines += [
        "# A gate fails a review when a metric is worse than the baseline beyond the noise and by more than this.",
        "# [[gate]]",
        f"# metric = {toml_text(headline[0])}",
        '# max_regression = "1%"',
        "",
    ]
    return "\n".join(lines)


def _most_used(names: Iterable[str]) -> list[str]:
    count: dict[str, int] = {}
    for name in names:
        count[name] = count.get(name, 0) + 1
    return sorted(count, key=lambda name: (-count[name], name))[:MAX_NAMES]


def toml_text(text: str) -> str:
    """Return `text` as a TOML string on one line, in which everything that cannot be seen is escaped."""
    escaped = (
        f"\\{c}"
        if c in '"\\'
        else c
        if c.isprintable()
        else f"\\u{ord(c):04x}"
        if ord(c) < 0x10000
        else f"\\U{ord(c):08x}"
        for c in text.encode("utf-8", "replace").decode()
    )
    return f'"{"".join(escaped)}"'

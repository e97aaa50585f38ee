"""`reportgen init`: a configuration, and the workflow of the forge."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from reportgen.cli.places import default_sources
from reportgen.cli.printing import counted, echo, printable
from reportgen.cli.reading import print_json, print_lines, say
from reportgen.cli.results import result_option
from reportgen.errors import ReportgenError

if TYPE_CHECKING:
    from reportgen.model import Summary
    from reportgen.projectfiles import Project, Written

# The same as in `projectfiles`, which brings numpy and which --help must not wait for.
FORGES: Final = ("github", "gitlab", "jenkins", "kubernetes", "slurm", "shell", "none")


@click.command(
    epilog="""\b
    Examples:
      reportgen init
      reportgen init --forge gitlab
      reportgen init --list
      reportgen init --print comment.py
    """
)
@click.option(
    "--forge",
    type=click.Choice(FORGES),
    help="What runs the jobs.  [default: what the files and the git remote here say]",
)
@click.option("--force", is_flag=True, help="Overwrite files that are there.")
@click.option("--list", "listed", is_flag=True, help="List the recipes, and write nothing.")
@click.option("--print", "recipe", metavar="RECIPE", help="Print a recipe as it is, and write nothing.")
@result_option
def init(forge: str | None, force: bool, listed: bool, recipe: str | None, form: str) -> None:
    """Write a commented reportgen.toml, and the workflow that reviews and publishes runs, into this folder.

    The configuration names the experiments and metrics of the runs in ./runs. Files that are there stay as they are,
    unless --force is given. The last lines say what to do next.
    """
    from reportgen import projectfiles

    if recipe is not None:
        click.echo(projectfiles.read_recipe(recipe), nl=False)
        return
    if listed:
        names = projectfiles.recipe_names()
        print_json(list(names)) if form == "json" else print_lines(names)
        return
    folder = Path.cwd()
    project = projectfiles.find_project(folder, forge)
    title = project.repository or folder.name or "Runs"
    text = projectfiles.make_configuration(title, project, _read_runs())
    written = projectfiles.write_project(folder, project, text, force=force)
    steps = list(_iter_steps(project, written, projectfiles.REQUIREMENT))
    if form == "json":
        files = [{"path": file.path, "outcome": file.outcome} for file in written]
        print_json({"forge": project.forge, "files": files, "next": steps})
        return
    said = {"written": "written", "same": "there already", "kept": "kept as it is, --force overwrites it"}
    for file in written:
        echo(f"{file.path}: {said[file.outcome]}")
    echo("next:")
    for step in steps:
        echo(f"- {printable(step)}")


def _read_runs() -> Sequence[Summary]:
    """Return the runs here, none where there are none or where they cannot be read."""
    sources = default_sources()
    if not sources:
        return ()
    import reportgen

    try:
        runs = reportgen.load(sources)
    except ReportgenError as error:
        say(f"the runs in '{sources[0]}' are left out of the configuration: {error}")
        return ()
    say(f"{counted(len(runs), 'run')} in '{sources[0]}'")
    return runs.summaries


def _iter_steps(project: Project, written: Sequence[Written], requirement: str) -> Iterator[str]:
    """Yield what is left for the user to do; `requirement` stands where pip is not told yet what to install."""
    yield "look through reportgen.toml: directions, headline metrics, gates"
    files = [file.path for file in written if file.path != "reportgen.toml"]
    if project.forge == "none":
        yield "no forge was found here: choose one with --forge, or read docs/ci/README.md"
        return
    unsaid = [path for path in files if requirement in Path(path).read_text(encoding="utf-8", errors="replace")]
    if unsaid:
        yield f"say in {', '.join(unsaid)} where pip gets reportgen from: the name alone is another project on PyPI"
    if project.forge in ("github", "gitlab", "jenkins"):
        if project.top:
            yield f"move {', '.join(files)} to '{project.top}', where {project.forge} looks, and name this folder there"
        yield "put your training's command in the place of `python train.py`, and its requirements beside it"
    if project.forge == "github":
        yield "in the repository's settings choose Pages, Source: GitHub Actions"
        if not project.is_on_github:
            yield "put the address of the published site into SITE in .github/workflows/reportgen-review.yml"
    if project.forge == "gitlab":
        if ".gitlab/reportgen.yml" in files:
            yield (
                "add to .gitlab-ci.yml: include: [{local: .gitlab/reportgen.yml}]; its jobs are train, review and"
                " pages, and their stages train, review and publish must be among yours"
            )
        yield "add the masked variable REPORTGEN_TOKEN: a project access token with the scopes api and write_repository"
    if project.forge == "jenkins":
        if "Jenkinsfile.reportgen" in files:
            yield "take the stages of Jenkinsfile.reportgen over into your Jenkinsfile"
        yield "add the credentials reportgen-token and reportgen-git" + (
            "" if project.is_on_github else ", and set SITE and GITHUB_REPOSITORY"
        )
    if project.forge == "kubernetes":
        yield "put in your image, remote and volume, and create the secret reportgen-git, as the first lines say"
    if project.forge == "slurm":
        yield "put your training's command into slurm.sh, then: bash slurm.sh submit"
    if project.forge == "shell":
        yield "call: sh reportgen.sh review runs SITE, and sh reportgen.sh publish runs REMOTE"
    yield "commit these files"

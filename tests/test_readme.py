"""README.md and the pages in docs/ are true: links lead somewhere, commands are known, examples run."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from reportgen.cli import main
from tests.conftest import ROOT, reportgen

README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md")), ROOT / "docs" / "ci" / "README.md"]
FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def iter_blocks(page: Path, *languages: str) -> Iterator[str]:
    """Yield the fenced code blocks of a page in one of `languages`."""
    for language, code in FENCE.findall(page.read_text(encoding="utf-8")):
        if language in languages:
            yield code


def iter_commands(page: Path) -> Iterator[list[str]]:
    """Yield the words after `reportgen` of every command line that a page shows."""
    for block in iter_blocks(page, "sh", "bash", "console", "shell"):
        for line in block.replace("\\\n", " ").splitlines():
            for part in re.split(r"&&|;", line.removeprefix("$ ")):
                words = shlex.split(part, comments=True)
                if words and words[0].rpartition("/")[2] == "reportgen":
                    yield words[1:]


def anchors(page: Path) -> set[str]:
    """Return the fragments that headings of a page make, as forges spell them."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    titles = [re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", t) for t in re.findall(r"^#+ (.+)$", text, re.MULTILINE)]
    return {re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    broken = []
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"", text):
        link = target[0] or target[1]
        if re.match(r"https?:|mailto:", link):
            continue
        path, _, fragment = link.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (fragment and file.suffix == ".md" and fragment not in anchors(file)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_command_is_one_that_the_command_line_takes(page: Path) -> None:
    for words in iter_commands(page):
        context = click.Context(main, **main.context_settings)
        name, command, rest = main.resolve_command(context, words) if words[0][0] != "-" else (None, main, words)
        assert command is not None, words
        try:
            command.make_context(name, list(rest), parent=context)
        except click.exceptions.Exit:
            continue  # --help and --version end here


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_python_examples_are_python(page: Path) -> None:
    for block in iter_blocks(page, "python"):
        compile(block, page.name, "exec")


def test_the_readme_shows_the_two_commands() -> None:
    lines = {line.strip() for block in iter_blocks(README, "sh", "bash", "console") for line in block.splitlines()}
    assert any(
        line.endswith("/reportgen build sample_runs -o site --config sample_runs/reportgen.toml") for line in lines
    )
    assert sum(bool(re.fullmatch(r"python3 -m venv .* -m tests\.run", line)) for line in lines) == 1


def test_the_readmes_first_command_builds_a_site(tmp_path: Path) -> None:
    words = next(words for words in iter_commands(README) if words[:2] == ["build", "sample_runs"])
    words = [str(ROOT / word) if word.startswith("sample_runs") else word for word in words]
    ran = reportgen(*words, cwd=tmp_path)
    assert ran.status == 0, ran.err
    assert ran.out.splitlines()[-1] == (tmp_path / "site" / "index.html").as_uri()


def test_the_readmes_training_example_makes_a_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    example = next(block for block in iter_blocks(README, "python") if "start_run" in block)
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "README.md", "exec"), {"__name__": "__main__"})
    ran = reportgen("build", "runs", "-o", "site", "--strict", cwd=tmp_path)
    assert ran.status == 0, ran.err


def test_the_extras_that_the_readme_installs_exist() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = re.findall(r"\[(\w+)\]'", "\n".join(iter_blocks(README, "sh", "bash", "console")))
    assert named
    assert set(named) <= project["optional-dependencies"].keys()

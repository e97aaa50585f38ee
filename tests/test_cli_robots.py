"""What programs get: one JSON document on stdout, and no line that a CI system takes for a command."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from reportgen.cli import COMMANDS, main
from reportgen.exporting.records import encode_json
from tests.cliruns import write_sweep
from tests.sourcelogs import T0, metrics_line, start_line, write_run

COMMAND_LINE = re.compile(r"\s*::|.*##(?:vso|teamcity)?\[")
"""What GitHub obeys behind blanks at the beginning of a line, and what it, Azure and TeamCity find anywhere."""
PLANTED = (
    "::error::x", "::set-output name=a::b", "::add-mask::x", "::stop-commands::x",
    "##vso[task.setvariable variable=a]b",
    "##[error]x", "##teamcity[buildStop]", "x\n::error::x", "x\r::error::x", " ::error::x", "x\u2028::error::x",
    "x\x85::error::x", "x\n##[error]x", "x ##[error]x ###vso[a]b",
)  # fmt: skip


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / ".cache"))
    monkeypatch.delenv("REPORTGEN_DIR", raising=False)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments), prog_name="reportgen")


def document(*arguments: str) -> Any:
    done = run(*arguments)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_json_holds_the_same_values_without_the_signs_of_a_command() -> None:
    data = {text: text for text in PLANTED}
    assert json.loads(encode_json(data)) == data
    assert "##[" not in encode_json(data)


# ---- JSON


def test_every_command_that_prints_results_has_json() -> None:
    """`serve` goes on until it is ended, and prints an address."""
    without = set()
    for name in COMMANDS:
        command = main.get_command(click.Context(main), name)
        assert command is not None
        kinds = [p.type.choices for p in command.params if "--format" in p.opts and isinstance(p.type, click.Choice)]
        if not any("json" in choices for choices in kinds):
            without.add(name)
    assert without == {"serve"}


def test_build_tells_what_it_did(here: Path) -> None:
    write_sweep(here)
    (here / "runs/digits/run-1/events.jsonl").write_bytes(
        (here / "runs/digits/run-1/events.jsonl").read_bytes() + b'{"torn'
    )
    told = document("build", "runs", "-o", "site", "-j", "1", "--format", "json")
    assert told["site"] == "site"
    assert told["address"] == (here / "site/index.html").as_uri()
    assert (told["runs"], told["experiments"], told["removed"]) == (8, 3, 0)
    assert told["written"] == sum(path.is_file() for path in (here / "site").rglob("*"))
    torn = [fault for fault in told["problems"] if fault["where"] == "digits/run-1/events.jsonl"]
    assert [(fault["count"], bool(fault["message"]), bool(fault["line"])) for fault in torn] == [(1, True, True)]
    assert document("build", "runs", "-o", "site", "-j", "1", "--format", "json", "-q")["written"] == 0


def test_build_tells_of_a_single_file(here: Path) -> None:
    write_sweep(here)
    command = ("build", "runs", "--single-file", "one.html", "--experiment", "digits", "-j", "1", "--format", "json")
    told = document(*command)
    size = (here / "one.html").stat().st_size
    assert (told["file"], told["runs"], told["bytes"]) == ("one.html", 6, size)
    assert told["address"] == (here / "one.html").as_uri()


def test_strict_fails_after_the_document(here: Path) -> None:
    write_run(here / "runs/digits/r1", start_line("r1"), b"{\n")
    done = run("build", "runs", "-o", "site", "-j", "1", "--format", "json", "--strict")
    assert done.exit_code == 1
    assert len(json.loads(done.stdout)["problems"]) == 1
    assert "--strict is set" in done.stderr


def test_import_tells_of_each_run(here: Path) -> None:
    write_sweep(here)
    told = document("import", "runs", "-o", "copy", "-j", "1", "--format", "json")
    assert (told["folder"], len(told["runs"])) == ("copy", 8)
    assert {run["outcome"] for run in told["runs"]} == {"written"}
    assert all((here / "copy" / run["folder"]).is_dir() for run in told["runs"])
    again = document("import", "runs", "-o", "copy", "-j", "1", "--format", "json")
    assert {run["outcome"] for run in again["runs"]} == {"there"}


def test_plot_and_export_tell_what_they_wrote(here: Path) -> None:
    write_sweep(here)
    told = document("plot", "runs", "-m", "val/loss", "--group", "params.width", "-o", "a.svg", "--format", "json")
    assert (told["file"], told["width_in"], told["lines"]) == ("a.svg", 3.3, 4)
    assert any("means over" in line for line in told["caption"])
    told = document("export", "runs", "-o", "a.csv", "--metrics", "b.jsonl", "--format", "json")
    points = len((here / "b.jsonl").read_text().splitlines())
    assert told == {"runs_file": "a.csv", "points_file": "b.jsonl", "runs": 8, "points": points}
    assert document("export", "runs", "-o", "a.csv", "--format", "json")["points"] is None


def test_themes_are_a_list_with_options() -> None:
    themes = {theme["name"]: theme for theme in document("themes", "--format", "json")}
    assert themes["default"]["options"]["density"]["choices"] == ["normal", "compact"]
    assert themes["paper"]["extends"] == ["default"]
    assert Path(themes["default"]["folder"], "theme.toml").exists()


def test_corrections_and_what_goes_are_told(here: Path) -> None:
    write_sweep(here)
    assert run("build", "runs", "-o", "site", "-j", "1", "-q").exit_code == 0
    told = document("edit", "site", "2026-3", "--tag", "a=b", "--format", "json")
    assert told["corrected"] == [{"run_id": "2026-3", "name": "mlp-512", "experiment": "digits"}]
    told = document("prune", "site", "--keep", "0", "-f", "experiment = 'forest'", "--dry-run", "--format", "json")
    assert [run["name"] for run in told["would_go"]] == ["deep"]
    told = document("prune", "site", "--keep", "0", "-f", "experiment = 'forest'", "-j", "1", "--format", "json")
    assert (told["runs"], told["runs_removed"]) == (7, 1)
    told = document("build", "runs", "-o", "site", "-j", "1", "--append", "--format", "json")
    assert (told["runs"], told["runs_added"], told["runs_continued"]) == (8, 1, 0)


# ---- commands to CI systems in logs


def write_planted(root: Path) -> None:
    """Write runs whose names, experiments, params, tags, metrics, notes, errors and files are commands."""
    for number, text in enumerate(PLANTED):
        folder = root / "runs" / f"e{number}" / f"r{number}"
        write_run(
            folder,
            start_line(f"r{number}", name=text, experiment=text, user=text, group=text),
            {"event": "params", "params": {text: text, "lr": 0.1}},
            {"event": "tags", "tags": {text: text}},
            {"event": "note", "text": f"{text}\n\n{text}"},
            {"event": "code", "commit": text, "branch": text, "command": [text], "subject": text},
            {"event": "env", "python": text, "packages": {text: text}},
            {"event": "artifact", "path": text, "bytes": 1, "sha256": "0" * 64, "media": text},
            {"event": "input", "name": text, "digest": text, "source": text, "role": text},
            metrics_line(0, **{text: 1.0, "loss": 1.0}),
            {**metrics_line(1, **{text: 2.0, "loss": 0.5}), "time": T0 + 60 + number},
            b"::error::x\n",
            {"event": "end", "status": "FAILED", "error": text, "time": T0 + 600},
        )
    (root / "runs" / "::error::x").mkdir()
    (root / "runs" / "::error::x" / "::error::y").write_text("::error::z")


PLANTED_COMMANDS: tuple[tuple[str, ...], ...] = (
    ("build", "runs", "-o", "site", "-j", "1"),
    ("build", "runs", "-o", "site", "-j", "1", "--format", "json"),
    ("build", "runs", "--single-file", "::error::.html", "--run", "r0", "-j", "1"),
    ("build", "::error::nowhere"),
    ("import", "runs", "-o", "copy", "-j", "1"),
    ("import", "runs", "-o", "copy", "-j", "1", "--format", "json"),
    ("runs", "runs"),
    ("runs", "runs", "--columns", "run_name, experiment_name, status"),
    *(("runs", "runs", "--format", form) for form in ("markdown", "csv", "json", "jsonl")),
    ("runs", "runs", "-f", "run_name = '"),
    ("runs", "runs", "-f", "metrics.`::error::y` > 0"),
    ("runs", "runs", "-f", "::error::"),
    *(("show", "r0", "-s", "runs", "--format", form) for form in ("table", "markdown", "json")),
    ("show", "r7", "-s", "runs"),
    ("show", "::error::n", "-s", "runs"),
    *(("compare", "r0", "r1", "-s", "runs", "--format", form) for form in ("table", "markdown", "json")),
    ("compare", "r5", "r7", "r9", "-s", "runs"),
    ("sniff", "runs"),
    ("sniff", "runs", "--format", "json"),
    ("sources",),
    ("build", "runs", "-o", "site", "-j", "1", "--append"),
    ("edit", "site", "r0", "--tag", "::error::x=::error::y", "--note", "::error::z"),
    ("edit", "site", "r0", "r7", "--forget"),
    ("edit", "site", "::error::x", "--forget"),
    ("prune", "site", "--keep", "0", "--dry-run"),
    ("prune", "site", "--keep", "1", "-j", "1"),
    ("prune", "site", "-f", "::error::", "--dry-run"),
    *(("review", "runs", "--baseline", "site", "--format", form, "-j", "1") for form in ("text", "json")),
    ("review", "runs", "--baseline", "::error::x"),
    *(("history", "runs", "--format", form) for form in ("table", "json", "markdown")),
    ("init", "--print", "::error::x"),
    ("init",),
    ("themes",),
    ("plot", "runs", "-m", "loss", "-m", "::error::x", "-o", "::error::.svg"),
    ("plot", "runs", "-m", "::error::y", "-o", "x.svg"),
    ("export", "runs", "-o", "::error::.csv", "--metrics", "::error::.jsonl"),
    ("unpack", "::error::.zip", "-o", "x"),
    ("publish", "runs", "--remote", "./::error::x", "-j", "1"),
    ("publish", "runs", "--remote", "::error::x", "-j", "1"),
    ("::error::x",),
)


@pytest.mark.parametrize("arguments", PLANTED_COMMANDS, ids=" ".join)
def test_no_line_of_the_output_is_a_command_to_a_ci_system(
    arguments: tuple[str, ...], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if arguments[0] not in COMMANDS and arguments[0].isalpha():
        pytest.skip(f"there is no command '{arguments[0]}' yet")
    write_planted(here)
    if "site" in arguments and arguments[0] != "build":
        assert run("build", "runs", "-o", "site", "-j", "1", "-q").exit_code == 0
    monkeypatch.setenv("COLUMNS", "400")
    done = run(*arguments)
    for stream in (done.stdout, done.stderr):
        assert [line for line in re.split(r"[\r\n]", stream) if COMMAND_LINE.match(line)] == []
    assert done.exception is None or isinstance(done.exception, SystemExit)

"""The commands `import`, `sources` and `sniff`: what they print and how they end."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from reportgen.cli import main
from reportgen.cli.sniff import MAX_EMPTY
from reportgen.sources.kinds import BUILT_IN
from tests.cliruns import HOSTILE, write_sweep
from tests.conftest import ROOT
from tests.sourcelogs import make_log, metrics_line, start_line, write_run

DOC = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
OWN = ("import", "sniff", "sources")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, with a cache of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REPORTGEN_CACHE_DIR", str(tmp_path / ".cache"))
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments), prog_name="reportgen")


# ---- import


def test_an_import_says_what_it_wrote_and_where(here: Path) -> None:
    write_sweep(here)
    done = run("import", "runs", "-o", "out", "-j", "1")
    assert (done.exit_code, done.stderr) == (0, "")
    summary, folder = done.stdout.splitlines()
    assert re.fullmatch(r"8 runs imported, [\d,]+ points, no problems, \d+\.\d s", summary)
    assert folder == "out"
    again = run("import", "runs", "-o", "out", "-j", "1").stdout.splitlines()[0]
    assert re.fullmatch(r"0 runs imported, 8 there already, no problems, \d+\.\d s", again)


def test_a_run_in_another_state_is_named_and_ends_with_1(here: Path) -> None:
    log = write_run(here / "runs" / "digits" / "r1", start_line(), metrics_line(0, a=1.0))
    run("import", "runs", "-o", "out")
    log.write_bytes(log.read_bytes() + make_log(metrics_line(1, a=2.0)))
    done = run("import", "runs", "-o", "out", "-q")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == (
        "Error: 'out' has 1 run in another state, which was left as it is: 'digits/r1'. Remove these folders and import"
        " again, or import into another folder\n"
    )


def test_problems_in_the_data_are_printed(here: Path) -> None:
    write_run(here / "runs" / "digits" / "r1", start_line(), b"torn\n", metrics_line(0, a=1.0))
    done = run("import", "runs", "-o", "out")
    assert done.exit_code == 0
    assert done.stderr.startswith("problem: digits/r1/events.jsonl:2: ")
    assert ", 1 problem, " in done.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ((), 2, "Missing argument 'SOURCE...'"),
        (("runs",), 2, "Missing option '-o' / '--output'"),
        (("nope", "-o", "out"), 1, "SOURCE 'nope' does not exist"),
        (("runs", "-o", "file"), 2, "is a file"),
    ],
)
def test_what_cannot_be_imported_ends_with_one_line(
    arguments: tuple[str, ...], status: int, message: str, here: Path
) -> None:
    write_sweep(here)
    (here / "file").write_text("")
    done = run("import", *arguments)
    assert done.exit_code == status
    assert message in done.stderr


def test_what_the_configuration_says_of_tables_counts(here: Path) -> None:
    (here / "logs" / "mlp").mkdir(parents=True)
    (here / "logs" / "mlp" / "odd.csv").write_text("a,b\n10,1.5\n20,2.5\n")
    told = " ".join(run("sniff", "logs").stdout.split())  # lines end where the terminal does
    assert "table with the columns a, b" in told
    assert '[[sources.table]] with files = "odd.csv"' in told
    assert run("import", "logs", "-o", "out").exit_code == 1
    (here / "reportgen.toml").write_text('[[sources.table]]\nfiles = "odd.csv"\nstep = "a"\n')
    assert "1 metric: b; 2 points, steps 10 to 20" in run("sniff", "logs").stdout
    assert run("import", "logs", "-o", "out").stdout.startswith("1 run imported, 2 points, ")


# ---- sources


def test_sources_lists_ours_first_and_every_kind() -> None:
    rows = json.loads(run("sources", "--format", "json").stdout)
    assert [row["name"] for row in rows][: 2 + len(BUILT_IN)] == ["runs", "site", *BUILT_IN]
    assert all(row.keys() == {"name", "title", "about", "package", "error"} for row in rows)
    assert all(row["title"] and row["about"] for row in rows)
    table = run("sources").stdout
    assert all(row["title"] in table for row in rows)


def test_what_a_kind_is_recognised_by_fits_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    lines = run("sources").stdout.splitlines()
    assert max(len(line) for line in lines if line.startswith(" ")) <= 60


# ---- sniff


def test_sniff_tells_folder_by_folder_what_is_seen(here: Path) -> None:
    folder = here / "logs" / "mlp-256"
    write_run(folder, start_line(), *(metrics_line(step, loss=1.0, acc=0.5) for step in range(3)))
    (folder / "todo.txt").write_text("x")
    assert run("sniff", "logs/").stdout.splitlines() == [
        "logs/mlp-256",
        "  reportgen: events.jsonl",
        "    run 'brave-otter-17' in experiment 'digits', id r1",
        "    2 metrics: loss, acc; 6 points, steps 0 to 2, with times",
        "    unfinished, 0 params",
        "  passed over: todo.txt: file; it lies beside the log of a run",
        "",
        "1 run (1 reportgen), 1 file passed over",
    ]


def test_sniff_says_what_was_looked_for_where_there_is_nothing(here: Path) -> None:
    (here / "logs").mkdir()
    (here / "logs" / "notes.txt").write_text("hello")
    done = run("sniff", "logs")
    assert done.exit_code == 0
    assert "  passed over: notes.txt: text; no kind knows it" in done.stdout.splitlines()
    assert "no run log, 1 file passed over; this was looked for:" in done.stdout
    assert "  reportgen: run logs of reportgen: `events*.jsonl`, also compressed (.gz)" in done.stdout


def test_sniff_cannot_be_steered_by_a_log(here: Path) -> None:
    write_sweep(here)
    out = run("sniff", "runs/odd").stdout
    assert out.replace("\n", "").isprintable()
    assert r"\x1b[31mred" in out
    told = run("sniff", "runs/odd", "--format", "json").stdout
    assert told.replace("\n", "").isprintable()
    assert json.loads(told)[0]["runs"][0]["name"] == HOSTILE


def test_sniff_shows_so_many_runs_of_a_folder(here: Path) -> None:
    write_sweep(here)
    run("build", "runs", "-o", "site", "-j", "1")
    assert run("sniff", "site").stdout.count("\n    run '") == 8
    limited = run("sniff", "runs", "-n", "3").stdout
    assert limited.count("    not read (--limit)") == 5


def test_sniff_shows_so_many_folders_without_logs(here: Path) -> None:
    for number in range(MAX_EMPTY + 3):
        (here / "many" / f"{number:02}").mkdir(parents=True)
        (here / "many" / f"{number:02}" / "x.txt").write_text("x")
    write_run(here / "many" / "run", start_line(), metrics_line(0, loss=1.0))
    lines = run("sniff", "many").stdout.splitlines()
    assert sum("passed over: x.txt" in line for line in lines) == MAX_EMPTY
    assert lines[-1] == f"1 run (1 reportgen), {MAX_EMPTY + 3} files passed over, also in 3 folders that are not shown"


def test_sniff_of_nothing_is_an_error() -> None:
    done = run("sniff", "nope")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: SOURCE 'nope' does not exist")


# ---- the page that describes them


def iter_examples() -> Iterator[str]:
    """Yield the commands in the documentation, and those of the help that read what the test has."""
    yield from re.findall(rf"(?m)^\$ (reportgen (?:{'|'.join(OWN)})\b.*)", DOC)
    for name in OWN:
        for line in re.findall(r"(?m)^    (reportgen .*?)(?:   .*)?$", run(name, "-h").stdout.split("Examples:")[1]):
            if not re.search("mlruns|wandb", line):
                yield line


def test_every_example_works(here: Path) -> None:
    write_sweep(here)
    assert run("build", "runs", "-o", "site", "-q", "-j", "1").exit_code == 0
    examples = [line for line in dict.fromkeys(iter_examples()) if " logs/" not in line and " mlruns/" not in line]
    assert len(examples) > 7
    for line in examples:
        done = run(*shlex.split(line)[1:])
        assert done.exit_code == 0, f"{line}\n{done.output}"


def test_help_of_these_commands_loads_no_heavy_library() -> None:
    code = (
        "import sys\n"
        "from reportgen.cli import main\n"
        f"for name in {OWN}:\n"
        "    main([name, '-h'], standalone_mode=False)\n"
        "heavy = {'numpy', 'matplotlib', 'jinja2', 'markdown_it', 'orjson', 'multiprocessing', 'asyncio'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


# ---- what is no log


def test_a_site_and_what_was_exported_beside_the_logs_are_no_logs(here: Path) -> None:
    write_sweep(here)
    before = run("sniff", "runs", "--format", "json").stdout
    assert run("build", "runs", "-o", "runs/site", "-q").exit_code == 0
    for ending in ("csv", "jsonl"):
        done = run("export", "runs", "-o", f"runs/all.{ending}", "--metrics", f"runs/points.{ending}")
        assert done.exit_code == 0
    listed = json.loads(run("runs", "runs", "--format", "json").stdout)
    assert len(listed["runs"] if isinstance(listed, dict) else listed) == 8
    kinds = re.findall(r'"kind": ?"([a-z]+)"', run("sniff", "runs", "--format", "json").stdout)
    assert kinds == re.findall(r'"kind": ?"([a-z]+)"', before)
    assert run("sniff", "runs/all.csv").stdout.count("run '") == 8

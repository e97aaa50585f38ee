"""The commands that find, show, compare, plot and export runs: what they print, what they write, how they end."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner, Result

from reportgen.cli import main
from reportgen.cli.printing import printable
from reportgen.cli.tables import display_width
from tests.cliruns import HOSTILE, NOW, write_sweep

ROOT = Path(__file__).parent.parent
DOC = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
OWN = ("runs", "show", "compare", "plot", "export")
STEERING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with `runs/`, the sweep."""
    folder = tmp_path_factory.mktemp("sweep")
    write_sweep(folder)
    return folder


@pytest.fixture(autouse=True)
def _here(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    monkeypatch.setenv("XDG_CACHE_HOME", str(place / "cache"))
    for name in ("REPORTGEN_DIR", "COLUMNS", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)


def run(*arguments: str) -> Result:
    """Run the command line in this process, without workers."""
    more = ("-j", "1") if arguments[0] in OWN else ()
    return CliRunner().invoke(main, [*arguments, *more], prog_name="reportgen")


def shown(*arguments: str) -> str:
    """Return what a command prints; it must end well and say nothing on stderr."""
    done = run(*arguments)
    assert (done.exit_code, done.stderr) == (0, ""), done.output
    return done.stdout


def cells(table: str) -> list[list[str]]:
    return [re.split(r"\s{2,}", line.strip()) for line in table.splitlines()]


# ---- runs


def test_runs_are_listed_newest_first_with_what_tells_them_apart() -> None:
    out = shown("runs", "--now", NOW, "-f", "experiment = 'digits'")
    head, about, rule, *rows = out.splitlines()
    columns = "run status val/accuracy val/loss train/loss lr width optimizer seed started took"
    assert head.split() == columns.split()
    assert about.split() == ["max", "↑", "min", "↓", "last", "↓"]
    assert set(rule) == {"─"}
    assert [row.split()[0] for row in rows[:6]] == ["going", "broken", "mlp-512-b", "mlp-512", "mlp-256-b", "mlp-256"]
    assert rows[6] == "6 of 8 runs in digits"


def test_the_best_is_marked_by_direction_and_is_no_failed_run() -> None:
    rows = {row[0]: row for row in cells(shown("runs", "--now", NOW, "-f", "experiment = 'digits'"))}
    marked = [name for name, row in rows.items() if any(cell.endswith("*") for cell in row)]
    assert marked == ["going", "mlp-512"]  # the lowest loss, the highest accuracy; `broken` has 0.99
    assert rows["mlp-512"][2] == "0.95*"


def test_the_best_is_sought_among_all_that_were_found() -> None:
    out = shown(
        "runs",
        "--now",
        NOW,
        "-f",
        "experiment = 'digits'",
        "-n",
        "2",
        "--columns",
        "run_name, max(metrics.val/accuracy)",
    )
    assert "*" not in out
    assert out.splitlines()[-1] == "6 of 8 runs in digits; the first 2 are shown, --limit 0 shows all"


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120, 200])
def test_a_table_fits_the_terminal_and_names_what_it_leaves_out(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    lines = shown("runs", "--now", NOW).splitlines()
    end = next(at for at, line in enumerate(lines) if line.startswith("8 runs"))
    assert max(map(display_width, lines)) <= max(width, 22)  # the name is always there
    assert len(lines[:end]) == 8 + (3 if width > 20 else 2)
    assert any(line.startswith("not shown:") for line in lines[end:]) == (width < 200)
    assert ("val/loss" in lines[0]) == (width > 20)


def test_filter_order_limit_and_columns_are_those_of_the_language() -> None:
    chosen = ("-f", "params.width >= 256 AND status = 'finished'", "--order-by", "max(metrics.val/accuracy) DESC")
    out = shown("runs", *chosen, "-n", "2", "--columns", "run_name, params.width, duration", "-q")
    assert cells(out)[2:] == [["mlp-512", "512", "30 s"], ["mlp-512-b", "512", "30 s"]]


def test_what_the_order_names_is_shown_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    digits = ("-f", "experiment = 'digits'", "--now", NOW)
    assert "val/accuracy" in shown("runs", *digits).splitlines()[0].split()[1:2]
    assert "val/loss" in shown("runs", *digits, "--order-by", "metrics.val/loss").splitlines()[0].split()[1:2]


def test_ages_in_a_filter_count_from_now() -> None:
    assert "no run matches, of 8" in shown("runs", "--now", "2027-01-01", "-f", "start_time > now - 7d")
    assert shown("runs", "--now", NOW, "-f", "start_time > now - 7d").splitlines()[-1].startswith("8 runs")
    assert run("runs", "--now", "yesterday").exit_code == 2


def test_a_name_that_no_run_has_is_told_on_stderr() -> None:
    done = run("runs", "-f", "metrics.val/acuracy > 0", "--columns", "params.widht")
    assert done.exit_code == 0
    assert "note: no run has metrics.val/acuracy: did you mean metrics.val/accuracy?" in done.stderr
    assert "note: no run has params.widht" in done.stderr
    assert run("runs", "-q", "-f", "metrics.val/acuracy > 0").stderr == ""


@pytest.mark.parametrize(
    "arguments",
    [("-f", "metrics.val/loss >"), ("--order-by", "max("), ("--columns", "run_name,"), ("-f", "best(metrics.m) > 1")],
)
def test_a_wrong_expression_shows_the_place_and_is_a_fault_of_the_command_line(arguments: tuple[str, str]) -> None:
    done = run("runs", *arguments)
    assert done.exit_code == 2
    assert done.stderr.startswith("Error: ")
    if "best" not in arguments[1]:
        assert "^" in done.stderr


def test_json_is_a_list_and_jsonl_a_record_a_line() -> None:
    records = json.loads(shown("runs", "--format", "json"))
    assert [json.loads(line) for line in shown("runs", "--format", "jsonl").splitlines()] == records
    assert [record["name"] for record in records][-1] == "mlp-256"
    named = json.loads(
        shown("runs", "--format", "json", "--columns", "run_name, metrics.val/accuracy, params.depth", "-n", "2")
    )
    assert named[1]["run_name"] == "deep"
    assert named[0] == {"run_name": HOSTILE, "metrics.val/accuracy": None, "params.depth": None}


def test_csv_is_that_of_a_site_and_safe_for_spreadsheets() -> None:
    rows = list(csv.DictReader(io.StringIO(shown("runs", "--format", "csv"))))
    assert len(rows) == 8
    assert rows[0]["params.formula"] == "'=1+1"
    named = list(
        csv.reader(io.StringIO(shown("runs", "--format", "csv", "--columns", "params.formula, start_time", "-n", "1")))
    )
    assert named == [["params.formula", "start_time"], ["'=1+1", "2026-11-21T12:10:00Z"]]


def test_markdown_is_a_table_with_times() -> None:
    lines = shown("runs", "--format", "markdown", "-f", "experiment = 'digits'").splitlines()
    assert lines[0].startswith("| run | status | val/accuracy (max ↑) |")
    assert lines[1].count("---:") == 7
    assert len(lines) == 8
    assert "**0.95\\***" in lines[5]
    assert "2026-11-21T12:05:00Z" in lines[5]


def test_parquet_goes_to_a_file() -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    done = run("runs", "--format", "parquet", "--columns", "run_name, params.width", "-f", "experiment = 'digits'")
    assert pq.read_table(io.BytesIO(done.stdout_bytes)).to_pylist()[-1] == {"run_name": "mlp-256", "params.width": 256}


def test_nothing_found_is_no_error() -> None:
    assert shown("runs", "-f", "run_id = 'x'") == "no run matches, of 8\n"
    assert json.loads(shown("runs", "-f", "run_id = 'x'", "--format", "json")) == []
    assert shown("runs", "-f", "run_id = 'x'", "--format", "jsonl") == ""


def test_several_experiments_have_a_column_and_a_best_of_their_own() -> None:
    out = shown("runs", "--now", NOW)
    assert out.splitlines()[0].split()[:2] == ["run", "experiment"]
    assert out.splitlines()[-1] == "8 runs in 3 experiments"


# ---- whatever a log says


@pytest.mark.parametrize(
    "arguments",
    [
        ("runs",),
        ("runs", "--format", "markdown"),
        ("runs", "--format", "json"),
        ("runs", "--columns", "run_name, notes, params.formula"),
        ("show", "odd-1"),
        ("show", "odd-1", "--format", "json"),
        ("compare", "odd-1", "mlp-256"),
        ("compare", "odd-1", "mlp-256", "--format", "markdown"),
        ("compare", "odd-1", "mlp-256", "--format", "json"),
    ],
    ids=" ".join,
)
def test_a_log_cannot_steer_the_terminal(arguments: tuple[str, ...]) -> None:
    out = run(*arguments).stdout
    assert STEERING.findall(out.replace("\n", "")) == []
    assert "\\u001b" in out or "\\x1b" in out


def test_lines_of_hostile_names_are_as_wide_as_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    rows = shown("runs", "--now", NOW).splitlines()[3:11]
    assert len({display_width(row) for row in rows}) == 1
    assert printable(HOSTILE)[:5] in rows[0]


# ---- where runs are looked for


def test_sources_are_named_or_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, place: Path) -> None:
    assert json.loads(shown("runs", "--format", "json")) == json.loads(shown("runs", "runs", "--format", "json"))
    monkeypatch.chdir(tmp_path)
    for command in (
        ("runs",),
        ("show", "mlp-256"),
        ("compare", "a", "b"),
        ("plot", "-m", "x", "-o", "x.pdf"),
        ("export", "-o", "x.csv"),
    ):
        done = run(*command)
        assert done.exit_code == 2
        assert "no runs here, neither in 'runs' nor in 'site'" in done.stderr
    assert run("show", "mlp-256", "-s", str(place / "runs")).exit_code == 0
    monkeypatch.setenv("REPORTGEN_DIR", str(place / "runs"))
    assert run("show", "mlp-256").exit_code == 0
    monkeypatch.setenv("REPORTGEN_DIR", str(place / "missing"))
    done = run("runs")
    assert (done.exit_code, done.stderr.startswith("Error: ")) == (1, True)


def test_a_site_is_a_source_like_any_other(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("build", "runs", "-o", str(tmp_path / "site"), "-q", "-j", "1").exit_code == 0
    monkeypatch.chdir(tmp_path)
    assert json.loads(shown("runs", "--format", "json")) == json.loads(
        shown("runs", str(place / "runs"), "--format", "json")
    )
    here, there = (
        json.loads(shown("show", "mlp-512", "--format", "json", "-s", s)) for s in ("site", str(place / "runs"))
    )
    assert here == there


# ---- show


def test_a_run_is_shown_with_all_that_is_known() -> None:
    out = shown("show", "mlp-512", "--now", NOW)
    for text in ("run id      2026-3", "started     21 Nov 2026, 12:05 UTC (11 h ago)", "width      512"):
        assert text in out
    for text in ("team  vision", "commit   1111111111", "python    3.12.1", "packages  1 package, in"):
        assert text in out
    row = next(line for line in out.splitlines() if line.startswith("val/accuracy"))
    assert re.search(r"▁.*█ +0\.9500 +0\.6005 +0\.9500", row)
    assert [line for line in out.splitlines() if line.istitle()] == ["Metrics", "Params", "Tags", "Code", "Environment"]


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_what_is_shown_of_a_run_fits_the_terminal(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    assert max(map(display_width, shown("show", "mlp-512", "--now", NOW).splitlines())) <= width


@pytest.mark.parametrize(
    ("text", "run_id"),
    [
        ("2026-3", "2026-3"),
        ("going", "2026-6"),
        ("dee", "2026-7"),
        ("latest", "odd-1"),
        ("latest@digits", "2026-6"),
        ("best:val/accuracy@digits", "2026-3"),
        ("min:val/accuracy@digits", "2026-6"),
    ],
)
def test_a_run_is_named_in_many_ways(text: str, run_id: str) -> None:
    assert json.loads(shown("show", text, "--format", "json"))["run_id"] == run_id


def test_a_name_that_means_no_run_or_several_lists_candidates() -> None:
    done = run("show", "mlp-51")
    assert (done.exit_code, "2026-4 (mlp-512-b" in done.stderr) == (1, True)
    done = run("show", "mpl-256")
    assert (done.exit_code, "did you mean 'mlp-256'?" in done.stderr) == (1, True)


def test_markdown_of_a_run_has_headings_and_tables() -> None:
    out = shown("show", "mlp-512", "--format", "markdown")
    assert out.startswith("## mlp-512\n\n|  |  |\n")
    assert "\n## Metrics\n\n| metric |" in out
    assert "ago" not in out


# ---- compare


def test_runs_are_compared_with_the_first() -> None:
    out = shown("compare", "mlp-256", "mlp-512", "going")
    assert out.startswith("mlp-512 is best in val/accuracy.")
    rows = {row[0]: row[1:] for row in cells(out)}
    assert rows["val/accuracy max ↑"] == ["0.90", "0.95* ▲ 0.05", "0.50", "▼ 0.40"]
    assert rows["val/loss min ↓"][1:3] == ["0.0435", "≈ -0.0041"]
    assert rows["width"] == ["256", "512", "64"]
    assert rows["status"] == ["finished", "finished", "unfinished"]
    assert "lr" not in rows
    assert "the same in all: 2 params (lr, seed)" in out


def test_differences_come_first_and_alone() -> None:
    out = shown("compare", "mlp-256", "mlp-256-b")
    titles = [line for line in out.splitlines() if line in ("Metrics", "Params", "Tags", "Code", "Environment", "Run")]
    assert titles == ["Metrics", "Params", "Tags", "Code", "Environment"]
    assert "package torch" in out


def test_more_runs_than_fit_come_in_further_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "70")
    out = shown("compare", "mlp-256", "mlp-512", "mlp-512-b", "going", "broken")
    heads = [
        line.split() for line in out.splitlines() if "mlp-256" in line and "mlp-256 " in line and "best" not in line
    ]
    assert [name for head in heads for name in head if name != "mlp-256"] == ["mlp-512", "mlp-512-b", "going", "broken"]
    assert len(heads) > 1
    assert max(map(display_width, out.splitlines())) <= 70


def test_a_comparison_needs_two_runs() -> None:
    for names in (("mlp-256",), ("mlp-256", "2026-1")):
        done = run("compare", *names)
        assert (done.exit_code, "two different runs" in done.stderr) == (2, True)


def test_html_is_one_file(tmp_path: Path) -> None:
    done = run("compare", "mlp-256", "best:val/accuracy@digits", "--format", "html", "-o", str(tmp_path / "c.html"))
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[-1] == (tmp_path / "c.html").as_uri()
    html = (tmp_path / "c.html").read_text(encoding="utf-8")
    assert "mlp-256" in html
    assert "mlp-512" in html
    for wrong in (("--format", "html"), ("-o", "c.html")):
        assert run("compare", "mlp-256", "mlp-512", *wrong).exit_code == 2


# ---- plot


@pytest.mark.parametrize("kind", ["pdf", "png", "svg"])
def test_a_figure_is_written_and_the_same_again(kind: str, tmp_path: Path) -> None:
    files = [tmp_path / f"{name}.{kind}" for name in "ab"]
    for file in files:
        out = shown("plot", "-m", "val/loss", "-f", "experiment = 'digits'", "-o", str(file))
        assert out == f"{file}: 3.3 × 2.2 in, 6 runs\n"
    assert files[0].read_bytes() == files[1].read_bytes()


def test_groups_are_averaged_and_the_caption_says_how(tmp_path: Path) -> None:
    file = str(tmp_path / "a.svg")
    out = shown("plot", "-m", "val/accuracy", "-f", "status = 'finished' AND experiment = 'digits'",
                "--group", "params.width", "-o", file)  # fmt: skip
    assert out.splitlines()[0].endswith("2 lines")
    assert out.splitlines()[1] == "lines are means over 2 runs, bands one sample standard deviation"
    out = shown(
        "plot",
        "-m",
        "val/accuracy",
        "-f",
        "experiment = 'digits'",
        "--group",
        "params.width",
        "--band",
        "ci95",
        "-o",
        file,
    )
    assert "over 1 to 3 runs, bands the 95 % confidence interval" in out
    assert out.splitlines()[2] == "groups with too few runs for that have no band"


def test_figures_take_all_that_papers_ask_for(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    out = run("plot", "-m", "val/loss", "-m", "val/accuracy", "-o", str(file), "--size", "5x2", "--font", "serif",
              "--font-size", "7", "--legend", "--legend-place", "right", "--x", "relative", "--log-y", "--log-x",
              "--smooth", "0.5", "--title", "All", "--x-label", "t", "--y-range", "0.001:1")  # fmt: skip
    assert out.exit_code == 0, out.output
    assert "note: 1 run of 8 without val/accuracy" in out.stderr
    assert file.read_bytes()[16:24] == (1500).to_bytes(4, "big") + (600).to_bytes(4, "big")
    assert run("plot", "-m", "val/loss", "-o", str(file), "--x", "time", "-q").output == ""


def test_what_cannot_be_drawn_says_so(tmp_path: Path) -> None:
    for arguments, code, message in (
        (("-m", "val/los", "-o", "a.pdf"), 1, "did you mean 'val/loss'?"),
        (("-m", "val/loss", "-o", "a.eps"), 2, "end it in .pdf, .png or .svg"),
        (("-m", "val/loss", "-o", "a.pdf", "--size", "3"), 2, "write it as 3.3x2.2"),
        (("-m", "val/loss", "-o", "a.pdf", "--y-range", "1:0"), 2, "write it as 0:1"),
        (("-m", "val/loss", "-o", "a.pdf", "--group", "metrics.val/loss"), 2, "name a param or a tag"),
        (("-m", "val/loss", "-o", "a.pdf", "-f", "run_id = 'x'"), 1, "none of the 0 runs"),
        (("-o", "a.pdf"), 2, "--metric"),
    ):
        done = run("plot", *arguments)
        assert done.exit_code == code, done.output
        assert message in done.stderr
    assert not Path("a.pdf").exists()


# ---- export


def test_runs_and_points_are_exported(tmp_path: Path) -> None:
    runs, points = tmp_path / "runs.csv", tmp_path / "points.jsonl"
    out = shown("export", "-o", str(runs), "--metrics", str(points), "-f", "experiment = 'digits'")
    assert out.splitlines() == [f"{runs}: 6 runs", f"{points}: 360 points of 6 runs"]
    assert len(list(csv.reader(io.StringIO(runs.read_text(encoding="utf-8"))))) == 7
    assert len(points.read_text(encoding="utf-8").splitlines()) == 360
    assert shown("export", "-o", str(runs), "-q") == ""


def test_nothing_or_an_unknown_file_is_refused_before_anything_is_read() -> None:
    done = run("export", "missing")
    assert (done.exit_code, "nothing to write" in done.stderr) == (2, True)
    done = run("export", "missing", "-o", "runs.xlsx")
    assert (done.exit_code, "take one of .csv" in done.stderr) == (1, True)


# ---- completion


def offered(*words: str) -> list[str]:
    """Return what a shell offers behind the last of `words`."""
    shell = ShellComplete(main, {}, "reportgen", "_REPORTGEN_COMPLETE")
    return [item.value for item in shell.get_completions(list(words[:-1]), words[-1])]


@pytest.fixture
def _known(place: Path) -> None:
    assert run("runs", "-q").exit_code == 0


@pytest.mark.usefixtures("_known")
def test_completion_offers_what_earlier_commands_have_read() -> None:
    assert offered("show", "mlp-5") == ["mlp-512-b", "mlp-512"]
    assert offered("show", "2026-") == [f"2026-{n}" for n in (7, 6, 5, 4, 3, 2, 1)]
    assert offered("compare", "mlp-256", "best:val/a") == ["best:val/accuracy"]
    assert offered("show", "best:val/loss@d") == ["best:val/loss@digits"]
    assert offered("show", "latest@f") == ["latest@forest"]
    assert offered("plot", "--metric", "val/") == ["val/loss", "val/accuracy"]
    assert offered("plot", "--group", "params.w") == ["params.width"]
    assert offered("runs", "--columns", "run_name,params.o") == ["run_name,params.optimizer"]
    assert offered("runs", "--filter", "params.lr > 1 AND metrics.val/l") == ["params.lr > 1 AND metrics.val/loss"]
    assert offered("runs", "--order-by", "metrics.val/loss ") == ["metrics.val/loss ASC", "metrics.val/loss DESC"]
    assert offered("runs", "--order-by", "max(metrics.val/a") == ["max(metrics.val/accuracy"]
    assert not any(STEERING.search(word) for word in offered("show", ""))


def test_completion_reads_no_log(place: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("reportgen.sources.read_run", lambda *_: pytest.fail("a log was read"))
    assert offered("show", "mlp") == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("source", ["missing", "https://127.0.0.1:1/site", "\0"])
def test_completion_is_silent_whatever_is_wrong(source: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert offered("show", "-s", source, "mlp") == []
    assert offered("runs", source, "--filter", "metrics.") == []
    assert capfd.readouterr() == ("", "")


# ---- as a process


def command(*arguments: str, place: Path, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", **more}
    return subprocess.run(
        [sys.executable, "-m", "reportgen", *arguments], cwd=place, env=environment, capture_output=True, text=True
    )


def test_workers_give_the_same_answer(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reportgen.loading.origins.SERIAL_RUNS", 0)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    parallel = CliRunner().invoke(main, ["runs", "-j", "2", "--format", "json"])
    assert parallel.stdout == shown("runs", "--format", "json")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pipe that is closed")
def test_a_reader_that_goes_away_is_no_traceback(place: Path) -> None:
    for arguments in (("runs",), ("runs", "--format", "jsonl"), ("runs", "--format", "csv"), ("show", "mlp-256")):
        read, write = os.pipe()
        os.close(read)
        try:
            done = subprocess.run(
                [sys.executable, "-m", "reportgen", *arguments, "-j", "1"],
                cwd=place,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=write,
                stderr=subprocess.PIPE,
                text=True,
            )
        finally:
            os.close(write)
        assert done.stderr == ""


def test_a_terminal_without_unicode_gets_question_marks(place: Path) -> None:
    done = command("runs", "-q", "-j", "1", place=place, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert (done.returncode, done.stderr) == (0, "")
    assert "mlp-256" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_a_real_terminal_gets_colours_and_its_width(place: Path, width: int) -> None:
    for no_color in ("", "1"):
        out = on_terminal(place, width, "runs", "-j", "1", "-q", NO_COLOR=no_color)
        assert ("\x1b[" in out) == (not no_color)
        plain = re.sub(r"\x1b\[[\d;]*m", "", out)
        assert max(map(display_width, plain.splitlines())) <= width
        assert max(map(display_width, plain.splitlines())) > min(width, 100) - 20
    assert "Parquet is no text" in on_terminal(place, width, "runs", "--format", "parquet")


def on_terminal(place: Path, width: int, *arguments: str, **more: str) -> str:
    """Return what a command writes to a terminal of this width, stderr included."""
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", **more}
    started = subprocess.Popen(
        [sys.executable, "-m", "reportgen", *arguments],
        cwd=place,
        env=environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    taken = b""
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        while True:
            try:
                piece = terminal.read(65_536)
            except OSError:  # Linux says so when the other end is closed
                break
            if not piece:
                break
            taken += piece
    started.wait(300)
    return taken.decode().replace("\r\n", "\n")


# ---- what is written about it


def iter_examples() -> Iterator[str]:
    yield from re.findall(rf"(?m)^\$ (reportgen (?:{'|'.join(OWN)})\b.*)", DOC)
    for name in OWN:
        yield from re.findall(r"(?m)^    (reportgen .*)$", run(name, "-h").stdout.split("Examples:")[1])


def test_every_example_of_the_docs_and_the_help_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyarrow")
    write_sweep(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert run("build", "runs", "-o", "site", "-q", "-j", "1").exit_code == 0
    examples = list(dict.fromkeys(iter_examples()))
    assert len(examples) > 25
    for line in examples:
        done = run(*shlex.split(line)[1:])
        assert done.exit_code == 0, f"{line}\n{done.output}"


def test_help_of_these_commands_loads_no_heavy_library() -> None:
    code = (
        "import sys\n"
        "from reportgen.cli import main\n"
        f"for name in {OWN}:\n"
        "    main([name, '-h'], standalone_mode=False)\n"
        "heavy = {'numpy', 'matplotlib', 'jinja2', 'markdown_it', 'orjson', 'multiprocessing', 'asyncio', 'pyarrow'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


def test_choices_that_are_written_twice_agree() -> None:
    from reportgen.analysis.bands import SPREADS
    from reportgen.cli import plot
    from reportgen.exporting.paper import AXES, SAID
    from reportgen.figures import FONTS, PLACES

    assert plot.BANDS == SPREADS == tuple(SAID)
    assert (AXES, PLACES, tuple(FONTS)) == (plot.AXES, plot.PLACES, plot.FONTS)
    own = main.get_command(click.Context(main), "plot")
    assert own is not None

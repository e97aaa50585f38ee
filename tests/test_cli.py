"""The command line: what it passes on, what it prints and how it ends. The build itself is replaced where it can be."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

import reportgen
from reportgen.cli import COMMANDS, main
from reportgen.cli.printing import MAX_PROBLEMS, counted, printable
from reportgen.cli.progress import ProgressLine
from reportgen.cli.workers import default_jobs, worker_pool
from reportgen.errors import ReportgenError, SourceError
from reportgen.model import Problem
from tests import conftest

ROOT = Path(__file__).parent.parent
DOC = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
BUILT: dict[str, Any] = {
    "runs": 48,
    "experiments": 4,
    "problems": (),
    "pages": 61,
    "written": 61,
    "removed": 0,
    "omitted": 0,
    "dropped": 0,
    "notices": (),
    **dict.fromkeys(("added", "changed", "lost", "forgotten"), 0),
    "duration_s": 1.84,
    "added": 48,
    "changed": 0,
    "lost": 0,
    "forgotten": 0,
}


class FakeBuild:
    """Stands in for `reportgen.build`: keeps what it was called with, does what it is told."""

    def __init__(self) -> None:
        self.sources: tuple[str, ...] = ()
        self.out = Path()
        self.options: dict[str, Any] = {}
        self.result = dict(BUILT)
        self.error: BaseException | None = None
        self.act: Callable[[], None] = lambda: None

    def __call__(self, sources: tuple[str, ...], out: Path, **options: Any) -> SimpleNamespace:
        self.sources, self.out, self.options = sources, out, options
        self.act()
        if self.error is not None:
            raise self.error
        return SimpleNamespace(out=out, **self.result)


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeBuild:
    """Replace the build, and work in an empty folder."""
    fake = FakeBuild()
    module = ModuleType("reportgen.build")
    module.build = fake  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "reportgen.build", module)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("REPORTGEN_DIR", raising=False)
    return fake


def run(*arguments: str) -> Result:
    """Run the command line in this process."""
    return CliRunner().invoke(main, list(arguments), prog_name="reportgen")


def problem(number: int = 1, **more: Any) -> Problem:
    return Problem(f"digits/run-{number}/events.jsonl", "not JSON", **more)


# ---- the group


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_every_command_has_help_with_an_example(flag: str) -> None:
    for command in ([], *([name] for name in COMMANDS)):
        shown = run(*command, flag)
        assert shown.exit_code == 0
        assert f"\n    reportgen {' '.join(command)}" in shown.stdout.split("Examples:")[1]


def test_the_version_is_printed() -> None:
    assert run("--version").stdout == f"reportgen {reportgen.__version__}\n"


def test_an_unknown_command_names_the_nearest() -> None:
    shown = run("biuld")
    assert shown.exit_code == 2
    assert f"unknown command 'biuld': did you mean 'build'? commands: {', '.join(sorted(COMMANDS))}" in shown.stderr


def test_a_folder_in_the_place_of_a_command_names_the_command(build: FakeBuild) -> None:
    Path("logs").mkdir()
    shown = run("logs")
    assert shown.exit_code == 2
    assert "did you mean 'reportgen build logs'?" in shown.stderr


def test_every_module_of_commands_is_listed() -> None:
    for name, module in COMMANDS.items():
        assert module.removesuffix("_") == f"reportgen.cli.{name}"
        assert isinstance(main.get_command(click.Context(main), name), click.Command)


def test_help_loads_no_heavy_library() -> None:
    code = (
        "import sys\n"
        "from reportgen.cli import main\n"
        "main(['build', '-h'], standalone_mode=False)\n"
        "heavy = {'numpy', 'matplotlib', 'jinja2', 'markdown_it', 'orjson', 'multiprocessing', 'asyncio'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


# ---- build: what is passed on


def test_build_alone_reads_runs_and_writes_site(build: FakeBuild) -> None:
    Path("runs").mkdir()
    assert run("build").exit_code == 0
    assert (build.sources, build.out) == (("runs",), Path("site"))


def test_build_alone_reads_the_folder_that_the_logger_writes_to(build: FakeBuild, monkeypatch: Any) -> None:
    Path("elsewhere").mkdir()
    monkeypatch.setenv("REPORTGEN_DIR", "elsewhere")
    assert run("build").exit_code == 0
    assert build.sources == ("elsewhere",)


def test_build_alone_without_runs_explains_what_a_source_is(build: FakeBuild) -> None:
    shown = run("build")
    assert shown.exit_code == 2
    assert "no SOURCE given, and there is no 'runs' here" in shown.stderr
    assert build.sources == ()


def test_a_named_source_is_passed_on_as_it_is(build: FakeBuild) -> None:
    assert run("build", "a/", "https://x.org/site/", "-o", "out").exit_code == 0
    assert (build.sources, build.out) == (("a/", "https://x.org/site/"), Path("out"))


def test_the_defaults_wait_use_the_cache_and_all_cores(build: FakeBuild) -> None:
    assert run("build", "a").exit_code == 0
    assert build.options["wait"] is True
    assert build.options["use_cache"] is True
    assert callable(build.options["executor"]) is (default_jobs() > 1)


def test_the_switches_are_passed_on(build: FakeBuild) -> None:
    assert run("build", "a", "--no-wait", "--no-cache", "--jobs", "1", "--quiet").exit_code == 0
    assert build.options["wait"] is False
    assert build.options["use_cache"] is False
    assert build.options["executor"] is None
    assert build.options["progress"] is None


def test_title_and_theme_win_over_the_configuration(build: FakeBuild) -> None:
    Path("reportgen.toml").write_text('title = "A"\ntheme = "a"\ndescription = "kept"')
    assert run("build", "x", "--title", "B", "--theme", "b").exit_code == 0
    config = build.options["config"]
    assert (config.title, config.theme, config.description) == ("B", "b", "kept")


def test_the_configuration_of_the_working_folder_is_read_and_never_that_of_a_source(build: FakeBuild) -> None:
    Path("logs").mkdir()
    Path("logs/reportgen.toml").write_text('title = "from the logs"')
    Path("pyproject.toml").write_text('[tool.reportgen]\ntitle = "from here"')
    assert run("build", "logs").exit_code == 0
    assert build.options["config"].title == "from here"


def test_a_named_configuration_is_read(build: FakeBuild) -> None:
    Path("other.toml").write_text('title = "Other"')
    assert run("build", "x", "--config", "other.toml").exit_code == 0
    assert build.options["config"].title == "Other"


def test_a_hidden_configuration_is_mentioned(build: FakeBuild) -> None:
    Path("reportgen.toml").write_text('title = "A"')
    Path("pyproject.toml").write_text("[tool.reportgen]")
    assert "note: [tool.reportgen] in pyproject.toml is not read" in run("build", "x").stderr


def test_a_wrong_configuration_ends_before_anything_is_read(build: FakeBuild) -> None:
    Path("reportgen.toml").write_text("titel = 1")
    shown = run("build", "x")
    assert shown.exit_code == 1
    assert shown.stderr.startswith("Error: reportgen.toml: titel: unknown key: did you mean 'title'?")
    assert build.sources == ()


@pytest.mark.parametrize("jobs", ["0", "-1", "two"])
def test_jobs_must_be_a_count(build: FakeBuild, jobs: str) -> None:
    assert run("build", "x", "--jobs", jobs).exit_code == 2


# ---- build: what is printed


@pytest.mark.parametrize(
    ("result", "summary"),
    [
        ({}, "48 runs in 4 experiments, no problems, 61 files written, 1.8 s"),
        (
            {"problems": (problem(), problem(2)), "removed": 3, "omitted": 1},
            "48 runs in 4 experiments, 2 problems, 1 run left out, 61 files written, 3 removed, 1.8 s",
        ),
        (
            {"runs": 1, "experiments": 1, "problems": (problem(),), "written": 1},
            "1 run in 1 experiment, 1 problem, 1 file written, 1.8 s",
        ),
        ({"runs": 10_000, "written": 0}, "10,000 runs in 4 experiments, no problems, nothing changed, 1.8 s"),
        ({"written": 0, "removed": 2}, "48 runs in 4 experiments, no problems, 2 removed, 1.8 s"),
    ],
)
def test_stdout_is_a_summary_and_the_address(build: FakeBuild, result: dict[str, Any], summary: str) -> None:
    build.result |= result
    shown = run("build", "x", "-o", "my site")
    address = (Path.cwd() / "my site" / "index.html").resolve().as_uri()
    assert shown.stdout.splitlines() == [summary, address]
    assert address.endswith("/my%20site/index.html")


def test_without_a_terminal_no_progress_is_drawn(build: FakeBuild) -> None:
    build.act = lambda: build.options["progress"]("read", 1, 2)
    assert run("build", "x").stderr == ""


def test_waiting_for_another_build_is_said(build: FakeBuild) -> None:
    build.act = lambda: build.options["on_wait"]("waiting for another build of 'site'")
    assert run("build", "x").stderr == "note: waiting for another build of 'site'\n"


def test_a_problem_names_file_line_and_remedy(build: FakeBuild) -> None:
    build.result["problems"] = (problem(line=12, count=3, hint="was the disk full?"), problem(2))
    assert run("build", "x").stderr.splitlines() == [
        "problem: digits/run-1/events.jsonl:12: not JSON (3 lines)",
        "         was the disk full?",
        "problem: digits/run-2/events.jsonl: not JSON",
    ]


def test_at_most_twenty_problems_are_printed(build: FakeBuild) -> None:
    build.result["problems"] = tuple(problem(n) for n in range(MAX_PROBLEMS + 5))
    lines = run("build", "x").stderr.splitlines()
    assert len(lines) == MAX_PROBLEMS + 1
    assert lines[-1] == f"and 5 more: see {Path('site') / 'problems.html'}"


def test_what_is_to_be_said_of_the_output_folder_is_no_problem(build: FakeBuild) -> None:
    build.result["notices"] = (Problem("site/index.html", "was changed by hand", "it is written again"),)
    shown = run("build", "x", "--strict")
    assert shown.exit_code == 0
    assert shown.stderr.splitlines() == ["note: site/index.html: was changed by hand", "      it is written again"]


def test_a_log_cannot_steer_the_terminal(build: FakeBuild) -> None:
    evil = "\x1b[2J\x1b]0;owned\x07\r\n\u202egnp\u2028\x9b31m\ud800"
    build.result["problems"] = (Problem(evil, evil, evil),)
    shown = run("build", "x")
    assert len(shown.stderr.splitlines()) == 2
    assert shown.stderr.replace("\n", "").isprintable()
    assert r"\x1b[2J" in shown.stderr
    build.error = SourceError(f"{evil}: no runs")
    assert run("build", "x").stderr.replace("\n", "").isprintable()


def test_quiet_leaves_problems_and_errors(build: FakeBuild) -> None:
    build.result["problems"] = (problem(),)
    shown = run("build", "x", "-q")
    assert shown.stdout == ""
    assert shown.stderr.startswith("problem: ")


def test_open_shows_the_site_in_the_browser(build: FakeBuild, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda url: not opened.append(url))  # type: ignore[func-returns-value]
    assert run("build", "x", "--open").exit_code == 0
    assert opened == [(Path.cwd() / "site" / "index.html").resolve().as_uri()]


def test_open_without_a_browser_is_no_error(build: FakeBuild, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webbrowser.open", lambda url: False)
    shown = run("build", "x", "--open")
    assert shown.exit_code == 0
    assert "no browser could be started" in shown.stderr


# ---- build: how it ends


def test_strict_fails_with_problems_after_the_site_is_written(build: FakeBuild) -> None:
    build.result["problems"] = (problem(), problem(2))
    shown = run("build", "x", "--strict")
    assert shown.exit_code == 1
    assert shown.stdout.splitlines()[-1].startswith("file://")
    assert shown.stderr.splitlines()[-1] == "Error: 2 problems in the data, and --strict is set"


def test_strict_passes_without_problems(build: FakeBuild) -> None:
    assert run("build", "x", "--strict").exit_code == 0


def test_an_error_is_shown_without_a_traceback(build: FakeBuild) -> None:
    build.error = SourceError("nope: no such folder")
    shown = run("build", "nope")
    assert shown.exit_code == 1
    assert shown.stderr == "Error: nope: no such folder\n"


def test_a_fault_of_our_own_keeps_its_traceback(build: FakeBuild) -> None:
    build.error = ZeroDivisionError()
    assert isinstance(run("build", "x").exception, ZeroDivisionError)


def test_ctrl_c_ends_with_one_line(build: FakeBuild) -> None:
    build.error = KeyboardInterrupt()
    shown = run("build", "x")
    assert shown.exit_code == 130
    assert shown.stderr == "Interrupted: run the command again to finish it\n"


def test_a_worker_that_dies_names_the_remedy(build: FakeBuild) -> None:
    build.error = BrokenProcessPool()
    shown = run("build", "x", "--jobs", "2")
    assert shown.exit_code == 1
    assert "try again with --jobs 1" in shown.stderr


# ---- themes


def test_themes_lists_the_default_theme_with_its_options() -> None:
    lines = run("themes").stdout.splitlines()
    assert lines[0] == "default"
    assert any(line.startswith('  density = "normal" (of "normal", "compact")  ') for line in lines)
    assert f"  in {ROOT / 'themes' / 'default'}" in lines


def test_themes_names_the_parents(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, manifest in {"a": "", "b": 'extends = "a"\ndescription = "B."', "c": 'extends = "b"'}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "theme.toml").write_text(manifest)
    monkeypatch.setattr("reportgen.site.theme.themes_folder", lambda: tmp_path)
    assert run("themes").stdout == (
        f"a\n  in {tmp_path / 'a'}\n\nb\n  B.\n  extends a\n  in {tmp_path / 'b'}\n\n"
        f"c\n  extends b, a\n  in {tmp_path / 'c'}\n"
    )


# ---- parts


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    return Terminal()


def ticking(step_s: float) -> Callable[[], float]:
    """Return a clock that goes on by `step_s` at each look."""
    ticks: Iterator[int] = iter(range(1, 1_000_000))
    return lambda: next(ticks) * step_s


def test_progress_draws_stage_bar_and_counts(terminal: Terminal) -> None:
    line = ProgressLine(terminal, clock=ticking(1.0))
    line("read", 500, 1000)
    assert terminal.getvalue() == f"\rReading runs    [{'#' * 15}{'-' * 15}]  500/1,000"


def test_progress_leaves_nothing_behind(terminal: Terminal) -> None:
    with ProgressLine(terminal, clock=ticking(1.0)) as line:
        line("read", 1, 2)
    drawn = terminal.getvalue().split("\r")
    assert drawn[-1] == ""
    assert drawn[-2] == " " * len(drawn[-3])


def test_progress_is_drawn_at_most_ten_times_a_second(terminal: Terminal) -> None:
    line = ProgressLine(terminal, clock=ticking(0.01))
    for done in range(100):
        line("read", done, 100)
    assert 9 <= terminal.getvalue().count("\r") <= 11


def test_a_new_stage_is_drawn_at_once(terminal: Terminal) -> None:
    line = ProgressLine(terminal, clock=lambda: 0.0)
    for stage in ("read", "plot", "page", "write", "other"):
        line(stage, 0, 0)
    assert re.findall(r"\r(\w+)", terminal.getvalue()) == ["Reading", "Drawing", "Rendering", "Writing", "other"]


def test_progress_fits_a_narrow_terminal(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    ProgressLine(terminal)("read", 1, 2)
    assert len(terminal.getvalue().strip("\r")) == 19


def test_progress_stays_away_from_a_dumb_terminal(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    with ProgressLine(terminal) as line:
        line("read", 1, 2)
    assert terminal.getvalue() == ""


def test_a_note_stands_on_a_line_of_its_own(terminal: Terminal) -> None:
    line = ProgressLine(terminal)
    line("read", 1, 2)
    line.note("wait\x1b")
    assert terminal.getvalue().endswith(" \rnote: wait\\x1b\n")


def test_a_pool_starts_only_when_it_is_asked_for() -> None:
    with worker_pool(2) as start:
        assert start is not None
        pool = start()
        assert isinstance(pool, ProcessPoolExecutor)
        assert pool.submit(abs, -3).result() == 3
        assert pool.submit(signal.getsignal, signal.SIGINT).result() == signal.SIG_IGN
    with pytest.raises(RuntimeError, match="shutdown"):
        pool.submit(abs, 1)


def test_a_pool_that_was_not_asked_for_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> Executor:
        raise AssertionError("a pool was made")

    monkeypatch.setattr("concurrent.futures.process.ProcessPoolExecutor", refuse)
    with worker_pool(2) as start:
        assert start is not None


def test_one_job_has_no_pool() -> None:
    with worker_pool(1) as start:
        assert start is None


def test_a_broken_pool_is_an_error_with_a_remedy() -> None:
    def lose_a_worker() -> None:
        with worker_pool(2) as start:
            assert start is not None
            start().submit(os._exit, 9).result()

    with pytest.raises(ReportgenError, match="try again with --jobs 1"):
        lose_a_worker()


def test_counts_and_names_are_written_for_people() -> None:
    assert [counted(n, "run") for n in (0, 1, 1200)] == ["0 runs", "1 run", "1,200 runs"]
    assert printable("naïve 损失 🙂 a b") == "naïve 损失 🙂 a b"
    assert printable("a\nb\tc", keep="\n") == "a\nb\\tc"


# ---- as a process


def command(*arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "reportgen", *arguments], cwd=ROOT, capture_output=True, text=True, **more
    )


def test_python_m_reportgen_is_the_command() -> None:
    done = command("--version")
    assert (done.returncode, done.stdout) == (0, f"reportgen {reportgen.__version__}\n")


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "reportgen", "themes"], cwd=ROOT, stdout=write, stderr=subprocess.PIPE, text=True
        )
    finally:
        os.close(write)
    assert done.stderr == ""


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals to processes")
def test_an_interrupted_pool_ends_with_one_line_and_no_child(tmp_path: Path) -> None:
    script = tmp_path / "slow.py"
    script.write_text(
        "import sys, time, types\n"
        "def nap(path):\n"
        "    open(path, 'w').close()\n"
        "    time.sleep(0.5)\n"
        "def build(sources, out, *, executor, **options):\n"
        "    pool = executor()\n"
        f"    jobs = [pool.submit(nap, {str(tmp_path)!r} + f'/began-{{n}}') for n in range(1000)]\n"
        "    [job.result() for job in jobs]\n"
        "if __name__ == '__main__':\n"
        "    module = types.ModuleType('reportgen.build')\n"
        "    module.build = build\n"
        "    sys.modules['reportgen.build'] = module\n"
        "    from reportgen.cli import main\n"
        "    main(['build', 'x', '--jobs', '2'], prog_name='reportgen')\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    started = subprocess.Popen(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not (tmp_path / "began-1").exists():
        assert started.poll() is None
        time.sleep(0.01)
    os.killpg(started.pid, signal.SIGINT)  # as a terminal does: to the command and its workers
    _, err = started.communicate(timeout=300)
    assert (started.returncode, err) == (130, "Interrupted: run the command again to finish it\n")
    with pytest.raises(ProcessLookupError):
        os.killpg(started.pid, 0)
    assert len(list(tmp_path.glob("began-*"))) < 1000


# ---- the page that describes it


def test_the_docs_describe_exactly_the_commands_and_options() -> None:
    described = re.findall(r"(?m)^## `reportgen (\w+)`$", DOC)
    assert sorted(described) == sorted(COMMANDS)
    for name in COMMANDS:
        section = DOC.split(f"## `reportgen {name}`\n")[1].split("\n## ")[0]
        own = main.get_command(click.Context(main), name)
        assert own is not None
        options = {flag for p in own.params if isinstance(p, click.Option) for flag in (*p.opts, *p.secondary_opts)}
        rows = re.findall(r"(?m)^\| (`-.*?) \|", section)
        assert {flag for row in rows for flag in re.findall(r"(?<!\S)`?(-[\w-]+)", row)} == options


def test_the_docs_give_the_summary_that_is_printed(build: FakeBuild) -> None:
    build.result["problems"] = (problem(line=812, hint="the process was killed while it wrote the line"),) * 2
    shown = DOC.split("```text\n")[1].split("```")[0].splitlines()
    assert shown[-2] == run("build", "runs/", "-o", "site").stdout.splitlines()[0]


def test_the_docs_list_the_exit_codes() -> None:
    section = DOC.split("## Exit codes\n")[1].split("\n## ")[0]
    assert re.findall(r"(?m)^\| (\d+) \|", section) == ["0", "1", "2", "3", "130"]


def fake_single() -> ModuleType:
    """Return a module that stands in for `reportgen.single`."""
    made = SimpleNamespace(file=Path("report.html"), runs=3, size_bytes=2**20, problems=(), duration_s=1.0)
    module = ModuleType("reportgen.single")
    module.Request = lambda *_: None  # type: ignore[attr-defined]
    module.build_single = lambda *_, **__: made  # type: ignore[attr-defined]
    return module


def test_every_example_of_the_docs_and_the_help_is_understood(build: FakeBuild) -> None:
    Path("runs").mkdir()
    Path("ci.toml").write_text("")
    lines = re.findall(r"(?m)^\$ (reportgen (?:build|serve|themes)\b.*)", DOC)  # test_cli_runs.py has the others
    for name in ("build", "serve", "themes"):
        lines += re.findall(r"(?m)^    (reportgen .*?)(?:   .*| runs from .*)?$", run(name, "-h").stdout)
    assert len(lines) > 6
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("webbrowser.open", lambda url: True)
        patch.setitem(sys.modules, "reportgen.single", fake_single())
        patch.setattr("reportgen.serving.watch.keep_up", lambda *_, **__: None)  # it would follow the logs for ever
        for line in lines:
            shown = run(*line.split()[1:])
            assert shown.exit_code == 0, f"{line}\n{shown.output}"


# ---- with the real build


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Return a folder with `runs/`: two runs that a training script logged, each in a process of its own."""
    script = (
        "import reportgen as rg, sys\n"
        "with rg.start_run(experiment='digits', name=sys.argv[1], params={'width': 256}) as run:\n"
        "    for step in range(5):\n"
        "        run.log_metrics({'train/loss': 1 / (step + 1), 'val/accuracy': step / 5}, step=step)\n"
    )
    for name in ("mlp-1", "mlp-2"):
        subprocess.run(
            [sys.executable, "-c", script, name],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=True,
            capture_output=True,
        )
    return tmp_path


def test_build_alone_makes_a_site_and_the_second_changes_nothing(logs: Path) -> None:
    first = conftest.reportgen("build", cwd=logs)
    assert (first.status, first.err) == (0, "")
    summary, address = first.out.splitlines()
    assert re.fullmatch(r"2 runs in 1 experiment, no problems, \d+ files written, \d+\.\d s", summary)
    assert address == (logs / "site" / "index.html").resolve().as_uri()
    assert (logs / "site" / "index.html").is_file()
    second = conftest.reportgen("build", "--jobs", "2", cwd=logs)
    assert re.fullmatch(r"2 runs in 1 experiment, no problems, nothing changed, \d+\.\d s", second.out.splitlines()[0])


def test_strict_writes_the_site_and_fails_for_a_torn_log(logs: Path) -> None:
    log = next((logs / "runs").rglob("events.jsonl"))
    log.write_bytes(log.read_bytes() + b'{"event": "metri\n')
    ran = conftest.reportgen("build", "--strict", cwd=logs)
    assert ran.status == 1
    assert (logs / "site" / "index.html").is_file()
    assert ran.err.startswith("problem: digits/")
    assert ran.err.endswith("Error: 1 problem in the data, and --strict is set\n")


def test_the_configuration_reaches_the_pages(logs: Path) -> None:
    (logs / "reportgen.toml").write_text(
        'title = "My <b>digits</b>"\nexclude = ["*/mlp-2"]\ntheme_dirs = ["look"]\n'
        '[theme_options]\ndensity = "compact"\n[metrics."val/accuracy"]\ntitle = "Hit rate"\n'
    )
    (logs / "look" / "templates").mkdir(parents=True)
    (logs / "look" / "static").mkdir()
    (logs / "look" / "static" / "custom.css").write_text("h1 { font-weight: 400 }")
    (logs / "look" / "templates" / "base.html").write_text(
        '{% extends "default/base.html" %}'
        '{% block styles %}<link rel="stylesheet" href="{{ asset(\'custom.css\') }}">{% endblock %}'
    )
    ran = conftest.reportgen("build", cwd=logs)
    assert ran.status == 0, ran.err
    assert ran.out.startswith("1 run in 1 experiment, no problems, 1 run left out, ")
    home = (logs / "site" / "index.html").read_text(encoding="utf-8")
    page = next((logs / "site" / "r").glob("mlp-1-*.html")).read_text(encoding="utf-8")
    assert "My &lt;b&gt;digits&lt;/b&gt;" in home
    assert 'class="compact"' in home
    assert re.search(r"assets/custom\.[0-9a-f]{8}\.css", home)
    assert "Hit rate" in page


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nope"], "nope"),
        (["runs", "--theme", "drak"], "unknown theme 'drak'"),
        (["runs", "-o", "runs"], "runs"),
        (["runs", "--config", "nope.toml"], "nope.toml: no such configuration file"),
    ],
)
def test_what_cannot_work_ends_with_one_line(logs: Path, arguments: list[str], message: str) -> None:
    ran = conftest.reportgen("build", *arguments, cwd=logs)
    assert ran.status == 1
    assert ran.err.startswith("Error: ")
    assert message in ran.err
    assert "Traceback" not in ran.err
    assert ran.out == ""

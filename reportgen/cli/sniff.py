"""`reportgen sniff`: what is seen in a folder or a file, and why."""

from __future__ import annotations

import dataclasses
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from reportgen.cli.common import load_configuration
from reportgen.cli.printing import counted, printable
from reportgen.cli.reading import print_json, print_lines

if TYPE_CHECKING:
    from reportgen.cli.tables import Screen
    from reportgen.sources.sniffing import Contents, PassedOver, SeenFolder, SeenRun

SHOWN: Final = 5
"""Metrics and files that are named."""
LONG: Final = 80
"""What a kind noted is printed when it is shorter than this: names of columns, not lists of files."""
MAX_RUNS: Final = 20
"""Runs of a folder that are printed."""
MAX_EMPTY: Final = 30
"""Folders in which nothing is claimed that are printed."""


@click.command(
    epilog="""\b
    Examples:
      reportgen sniff runs/
      reportgen sniff runs/digits --limit 0
      reportgen sniff runs/ --format json
    """
)
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    help="So many runs are read; 0 reads all.",
)
@click.option(
    "--config",
    "config_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Configuration file.  [default: reportgen.toml here, else [tool.reportgen] in pyproject.toml]",
)
@click.option("--format", "form", type=click.Choice(("text", "json")), default="text", help="How to write it.")
def sniff(path: Path, limit: int, config_file: Path | None, form: str) -> None:
    """Say what is seen in PATH, folder by folder, and why: for each file which kind of log claims it.

    A run is shown with what a build would take from it: its name, experiment and id, its metrics, its steps and times.
    Files that no kind claims are told with what they look like, what was looked for, and what to do if they are logs.
    """
    options = load_configuration(config_file, None, None).sources
    from reportgen.sources import find_root
    from reportgen.sources.sniffing import iter_seen

    root = find_root(path)
    if form == "json":
        print_json([dataclasses.asdict(folder) for folder in iter_seen(root, limit=limit, options=options)])
        return
    from reportgen.cli.tables import screen_of

    printer = _Printer(screen_of(sys.stdout), str(path))
    for folder in iter_seen(root, limit=limit, options=options):
        print_lines(list(printer.show(folder)))
    print_lines(printer.sum_up())


class _Printer:
    """Makes lines of folders and counts what was in them."""

    def __init__(self, screen: Screen, path: str) -> None:
        self._screen = screen
        self._path = path
        self._runs: Counter[str] = Counter()
        self._passed = 0
        self._empty = 0

    def show(self, folder: SeenFolder) -> Iterator[str]:
        """Yield the lines about one folder; of those in which nothing is claimed, the first few."""
        if not (folder.runs or folder.same or folder.problems):
            self._empty += 1
            if self._empty > MAX_EMPTY:
                self._passed += sum(len(passed.names) for passed in folder.passed_over)
                return
        yield self._screen.style(printable(f"{self._path.rstrip('/')}/{folder.path}".rstrip("/")), "strong")
        for number, run in enumerate(folder.runs):
            self._runs[run.kind] += not run.again
            if number < MAX_RUNS:
                yield from self._run_lines(run)
        if len(folder.runs) > MAX_RUNS:
            yield f"  and {counted(len(folder.runs) - MAX_RUNS, 'run')} more"
        for same in folder.same:
            yield f"  {_title(same.kind)}: {_names(same.files)}: the same run in another format, not taken again"
        if folder.folders:
            yield from self._wrapped(f"not looked into, part of these runs: {_names(folder.folders)}", 2)
        for problem in folder.problems:
            yield from self._wrapped(f"problem: {problem.where}: {problem.message}: {problem.hint}", 2)
        for passed in folder.passed_over:
            self._passed += len(passed.names)
            yield from self._passed_lines(passed)

    def _run_lines(self, run: SeenRun) -> Iterator[str]:
        item = f" ({run.item})" if run.item else ""
        yield from self._wrapped(f"{_title(run.kind)}: {_names(run.files)}{item}", 2)
        part = "part of run" if run.again else "run"
        yield from self._wrapped(f"{part} '{run.name}' in experiment '{run.experiment}', id {run.run_id}", 4)
        noted = [
            f"{name} = {value}" for name, value in run.noted.items() if value.isprintable() and 0 < len(value) < LONG
        ]
        if noted:
            yield from self._wrapped(f"noted: {', '.join(noted)}", 4)
        if run.contents is None:
            yield "    not read (--limit)"
            return
        yield from self._wrapped(_said_of_points(run.contents), 4)
        yield from self._wrapped(_said_of_rest(run.contents), 4)
        for problem in run.contents.problems[:SHOWN]:
            lines = "" if problem.count == 1 else f" ({problem.count:,} times)"
            yield from self._wrapped(f"problem: {problem.message}{lines}", 4)

    def _passed_lines(self, passed: PassedOver) -> Iterator[str]:
        text = f"passed over: {_names(passed.names)}: {passed.what}; {passed.why}"
        yield from (self._screen.style(line, "faint") for line in self._wrapped(text, 2))
        if passed.remedy:
            yield from self._wrapped(passed.remedy, 4)

    def sum_up(self) -> list[str]:
        """Return the last lines: how much was seen, or what was looked for."""
        total = sum(self._runs.values())
        passed = f"{counted(self._passed, 'file')} passed over"
        if self._empty > MAX_EMPTY:
            passed += f", also in {counted(self._empty - MAX_EMPTY, 'folder')} that are not shown"
        if total:
            kinds = ", ".join(f"{count:,} {_title(kind)}" for kind, count in self._runs.items() if count)
            return ["", f"{counted(total, 'run')} ({kinds}), {passed}"]
        return [
            "",
            *self._wrapped(f"no run log, {passed}; this was looked for:", 0),
            *(line for told in _abouts() for line in self._wrapped(told, 2)),
            *self._wrapped(
                "docs/sources.md says how another kind is added, docs/log-format.md how a script writes ours", 0
            ),
        ]

    def _wrapped(self, text: str, indent: int) -> Iterator[str]:
        """Yield a text in lines that fit, the later ones further in."""
        yield from textwrap.wrap(
            printable(text),
            max(self._screen.width, 40),
            initial_indent=" " * indent,
            subsequent_indent=" " * (indent + 4 if indent else 0),
            break_on_hyphens=False,
        )


def _said_of_points(contents: Contents) -> str:
    if contents.steps is None:
        return "no metrics"
    first, last = contents.steps
    shown = ", ".join(contents.metrics[:SHOWN])
    more = f" and {len(contents.metrics) - SHOWN:,} more" if len(contents.metrics) > SHOWN else ""
    steps = f"steps {first:,} to {last:,}{', counted' if contents.counted else ''}"
    times = "with times" if contents.timed else "without times"
    metrics = f"{counted(len(contents.metrics), 'metric')}: {shown}{more}"
    return f"{metrics}; {counted(contents.points, 'point')}, {steps}, {times}"


def _said_of_rest(contents: Contents) -> str:
    parts = [contents.status, counted(contents.params, "param")]
    if contents.artifacts:
        parts.append(counted(contents.artifacts, "artifact"))
    return ", ".join(parts)


def _title(kind: str) -> str:
    from reportgen.cli.sources import OWN
    from reportgen.sources.kinds import kind_of

    own = {name: title for name, title, _ in OWN}
    return own.get(kind) or kind_of(kind).title


def _abouts() -> Iterator[str]:
    from reportgen.cli.sources import iter_rows

    yield from (f"{row['title']}: {row['error'] or row['about']}" for row in iter_rows())


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(names[:SHOWN])
    return f"{shown} and {len(names) - SHOWN:,} more" if len(names) > SHOWN else shown

"""What is said at the end of the commands that change a site in place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reportgen.cli.printing import counted

if TYPE_CHECKING:
    from reportgen.build import BuildResult


def addition_summary(result: BuildResult) -> str:
    """Return what happened to a site: `1 run added, 10,000 carried over, 9 files written, 1.4 s`."""
    parts = [f"{counted(result.added, 'run')} added"]
    if result.changed:
        parts.append(f"{result.changed:,} continued")
    parts.append(f"{result.runs - result.added - result.changed:,} carried over")
    if result.lost:
        parts.append(f"{counted(result.lost, 'run')} removed")
    if result.forgotten:
        parts.append(f"{counted(result.forgotten, 'forgotten run')} passed over")
    if result.problems:
        parts.append(counted(len(result.problems), "problem"))
    if result.dropped:
        parts.append(f"exact points of {counted(result.dropped, 'run')} left out")
    return ", ".join([*parts, *files_said(result)])


def files_said(result: BuildResult) -> list[str]:
    """Return what a build did to files, and how long it took."""
    said = [f"{counted(result.written, 'file')} written"] if result.written else []
    said += [f"{result.removed:,} removed"] if result.removed else []
    return [*(said or ["nothing changed"]), f"{result.duration_s:.1f} s"]

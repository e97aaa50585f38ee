"""What commands that write files tell with `--format json`: one document on stdout, its keys in `docs/cli.md`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from reportgen.build import BuildResult
    from reportgen.importing import ImportResult
    from reportgen.model import Problem, Summary
    from reportgen.publishing import Published
    from reportgen.single import SingleResult
    from reportgen.sources.packs import RunEntry
    from reportgen.unpacking import Unpacked

result_option = click.option(
    "--format", "form", type=click.Choice(("text", "json")), default="text", help="How to write the result."
)


def built_record(result: BuildResult) -> dict[str, Any]:
    """Return what a build did."""
    return {
        "site": str(result.out),
        "address": (result.out.resolve() / "index.html").as_uri(),
        "runs": result.runs,
        "experiments": result.experiments,
        "runs_added": result.added,
        "runs_continued": result.changed,
        "runs_removed": result.lost,
        "runs_passed_over": result.forgotten,
        "runs_left_out": result.omitted,
        "points_left_out": result.dropped,
        "written": result.written,
        "removed": result.removed,
        "problems": _problems(result.problems),
        "notices": _problems(result.notices),
        "duration_s": result.duration_s,
    }


def named_runs(runs: Iterable[Summary | RunEntry]) -> list[dict[str, Any]]:
    """Return what names runs that a command has found."""
    return [{"run_id": run.run_id, "name": run.name, "experiment": run.experiment} for run in runs]


def single_record(result: SingleResult) -> dict[str, Any]:
    """Return what the making of a report of one file did."""
    return {
        "file": str(result.file),
        "address": result.file.resolve().as_uri(),
        "runs": result.runs,
        "bytes": result.size_bytes,
        "problems": _problems(result.problems),
        "duration_s": result.duration_s,
    }


def imported_record(result: ImportResult) -> dict[str, Any]:
    """Return what an import did."""
    return {
        "folder": str(result.out),
        "runs": [
            {
                "experiment": run.experiment,
                "name": run.name,
                "folder": run.folder,
                "outcome": run.outcome,
                "points": run.points,
                "artifacts": run.artifacts,
                "notices": _problems(run.notices),
            }
            for run in result.runs
        ],
        "problems": _problems(result.problems),
        "duration_s": result.duration_s,
    }


def published_record(result: Published) -> dict[str, Any]:
    """Return what a branch holds now."""
    site = result.site
    return {
        "branch": result.branch,
        "commit": result.commit,
        "changed": result.changed,
        "attempts": result.attempts,
        "runs": site.runs if site else None,
        "experiments": site.experiments if site else None,
        "dropped": list(result.dropped),
        "problems": _problems(site.problems if site else ()),
        "notices": _problems(site.notices if site else ()),
    }


def unpacked_record(result: Unpacked) -> dict[str, Any]:
    """Return what was taken out of an archive."""
    return {
        "folder": str(result.folder),
        "logs": result.logs,
        "artifacts": result.artifacts,
        "bytes": result.size_bytes,
        "passed_over": result.passed_over,
    }


def _problems(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    return [
        {
            "where": problem.where,
            "line": problem.line,
            "count": problem.count,
            "message": problem.message,
            "hint": problem.hint,
        }
        for problem in problems
    ]

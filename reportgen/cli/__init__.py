"""The command line: one file a command, each parses, calls, prints and exits; no logic of the product lives here.

This module holds the group `reportgen` and what is the same for all commands: they are imported when they are asked
for, an error that reportgen raises on purpose is shown without a traceback, and Ctrl-C ends with one line.
Exit codes: 1 error, 2 usage, 3 a gate failed, 130 interrupted.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Final

import click

import reportgen
from reportgen.cli.printing import harmless, printable
from reportgen.errors import QueryError, ReportgenError
from reportgen.spelling import suggestion

COMMANDS: Final[Mapping[str, str]] = {
    "build": "reportgen.cli.build",
    "compare": "reportgen.cli.compare",
    "edit": "reportgen.cli.edit",
    "export": "reportgen.cli.export",
    "history": "reportgen.cli.history",
    "import": "reportgen.cli.import_",
    "init": "reportgen.cli.init",
    "plot": "reportgen.cli.plot",
    "prune": "reportgen.cli.prune",
    "publish": "reportgen.cli.publish",
    "review": "reportgen.cli.review",
    "runs": "reportgen.cli.runs",
    "serve": "reportgen.cli.serve",
    "show": "reportgen.cli.show",
    "sniff": "reportgen.cli.sniff",
    "sources": "reportgen.cli.sources",
    "themes": "reportgen.cli.themes",
    "unpack": "reportgen.cli.unpack",
}
"""Name of a command -> module that holds it under the module's own name."""


class _Interrupted(click.ClickException):
    """How Ctrl-C ends a command."""

    exit_code = 130

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(self.format_message(), file=file, err=file is None)


class _Misunderstood(click.ClickException):
    """How a filter, an order or a list of columns that cannot be understood ends a command."""

    exit_code = 2


class _Commands(click.Group):
    """The group of all commands, each imported at its first use."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - the same
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[cmd_name])
        command: click.Command = getattr(module, COMMANDS[cmd_name].rpartition(".")[2])
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS and not ctx.resilient_parsing:
            name = printable(args[0])
            near = suggestion(name, COMMANDS)
            if not near and Path(args[0]).is_dir():
                near = f" did you mean 'reportgen build {name}'?"
            ctx.fail(f"unknown command '{name}':{near} commands: {', '.join(sorted(COMMANDS))}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except QueryError as error:
            raise _Misunderstood(harmless(printable(str(error), keep="\n"))) from error
        except ReportgenError as error:
            raise click.ClickException(harmless(printable(str(error), keep="\n"))) from error
        except KeyboardInterrupt:
            raise _Interrupted("Interrupted: run the command again to finish it") from None


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
    Examples:
      reportgen build runs/ -o site
      reportgen serve runs/ --open
      reportgen runs --filter "max(metrics.val/accuracy) > 0.9"
      reportgen compare latest best:val/accuracy
      reportgen themes
      reportgen build -h
    """,
)
@click.version_option(reportgen.__version__, prog_name="reportgen", message="%(prog)s %(version)s")
def main() -> None:
    """Publish the runs of your experiments as a static site that is its own database."""

"""What several commands do alike: the options of a build, the default source, the configuration, the browser."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from reportgen.cli.printing import echo, printable

if TYPE_CHECKING:
    from reportgen.site.config import Config


_Function = TypeVar("_Function", bound=Callable[..., Any])


def build_options(command: _Function) -> _Function:
    """Give `command` what each one that builds takes: `sources`, `title`, `theme`, `config_file` and `jobs`."""
    command = click.option(
        "-j", "--jobs", type=click.IntRange(min=1), help="Worker processes; 1 uses none.  [default: all cores]"
    )(command)
    return click.argument("sources", nargs=-1, metavar="[SOURCE]...")(look_options(command))


def look_options(command: _Function) -> _Function:
    """Give `command` what decides how a site looks: `title`, `theme` and `config_file`."""
    for add in reversed(
        (
            click.option("--title", help="Title of the site, over the configuration's."),
            click.option("--theme", help="Theme, over the configuration's; `reportgen themes` lists them."),
            click.option(
                "--config",
                "config_file",
                metavar="FILE",
                type=click.Path(path_type=Path),
                help="Configuration file.  [default: reportgen.toml here, else [tool.reportgen] in pyproject.toml]",
            ),
        )
    ):
        command = add(command)
    return command


def default_source(*, awaited: bool = False) -> str:
    """Return the folder that is read when none is named.

    Unless it is `awaited` it must be there, or the user has yet to learn of SOURCE.
    """
    source = os.environ.get("REPORTGEN_DIR") or "runs"
    if not awaited and not Path(source).exists():
        raise click.UsageError(
            f"no SOURCE given, and there is no '{source}' here: name the folder of your runs, as in"
            " `reportgen build path/to/runs -o site`"
        )
    return source


def load_configuration(file: Path | None, title: str | None, theme: str | None) -> Config:
    """Return the configuration of `file`, or of the working folder, with what the command line says over it."""
    config = read_configuration(file, title, theme)
    print_notes(config)
    return config


def read_configuration(file: Path | None, title: str | None, theme: str | None) -> Config:
    """Return the same as `load_configuration`, and keep what is to be said of it."""
    from reportgen.site.config_file import load_config

    config = load_config(file, folder=Path.cwd())
    return dataclasses.replace(config, title=title or config.title, theme=theme or config.theme)


def print_notes(config: Config) -> None:
    """Print what is to be said of a configuration on stderr."""
    for note in config.notes:
        echo(f"note: {note}", err=True)


def open_address(address: str) -> None:
    """Show `address` in the user's browser, or say that there is none."""
    import webbrowser

    if not webbrowser.open(address):
        echo(f"note: no browser could be started: open {printable(address)} yourself", err=True)

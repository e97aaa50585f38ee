"""What several commands do alike: the default source, the configuration, the browser."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reportgen.cli.printing import printable

if TYPE_CHECKING:
    from reportgen.site.config import Config


def default_source() -> str:
    """Return the folder that is read when none is named; it must be there, or the user has yet to learn of SOURCE."""
    source = os.environ.get("REPORTGEN_DIR") or "runs"
    if not Path(source).exists():
        raise click.UsageError(
            f"no SOURCE given, and there is no '{source}' here: name the folder of your runs, as in"
            " `reportgen build path/to/runs -o site`"
        )
    return source


def load_configuration(file: Path | None, title: str | None, theme: str | None) -> Config:
    """Return the configuration of `file`, or of the working folder, with what the command line says over it."""
    from reportgen.site.config_file import load_config

    config = load_config(file, folder=Path.cwd())
    for note in config.notes:
        click.echo(f"note: {note}", err=True)
    return dataclasses.replace(config, title=title or config.title, theme=theme or config.theme)


def open_address(address: str) -> None:
    """Show `address` in the user's browser, or say that there is none."""
    import webbrowser

    if not webbrowser.open(address):
        click.echo(f"note: no browser could be started: open {printable(address)} yourself", err=True)

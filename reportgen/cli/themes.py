"""`reportgen themes`: what is installed, and what can be set."""

from __future__ import annotations

import json

import click

from reportgen.cli.printing import echo, printable


@click.command(
    epilog="""\b
    Examples:
      reportgen themes
      reportgen build runs/ -o site --theme default
    """
)
def themes() -> None:
    """List the installed themes with their options and folders.

    Choose one with `--theme` or `theme = "…"` in the configuration, and set its options in [theme_options].
    """
    from reportgen.site.theme import installed_themes, theme_chain, theme_options

    for position, name in enumerate(installed_themes()):
        chain = theme_chain(name)
        echo(("\n" if position else "") + click.style(printable(name), bold=True))
        if chain[0].description:
            echo(f"  {printable(chain[0].description)}")
        if len(chain) > 1:
            echo(f"  extends {', '.join(printable(parent.name) for parent in chain[1:])}")
        for option, declared in theme_options(chain).items():
            choices = f" (of {', '.join(map(json.dumps, declared.choices))})" if declared.choices else ""
            text = f"  {printable(declared.description)}" if declared.description else ""
            echo(f"  {printable(option)} = {json.dumps(declared.default)}{choices}{text}")
        echo(f"  in {printable(str(chain[0].folder))}")

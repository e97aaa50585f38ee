"""`reportgen themes`: what is installed, and what can be set."""

from __future__ import annotations

import json
from typing import Any

import click

from reportgen.cli.printing import echo, printable
from reportgen.cli.reading import print_json


@click.command(
    epilog="""\b
    Examples:
      reportgen themes
      reportgen themes --format json
      reportgen build runs/ -o site --theme default
    """
)
@click.option("--format", "form", type=click.Choice(("text", "json")), default="text", help="How to write them.")
def themes(form: str) -> None:
    """List the installed themes with their options and folders.

    Choose one with `--theme` or `theme = "…"` in the configuration, and set its options in [theme_options].
    """
    from reportgen.site.theme import installed_themes, theme_chain, theme_options

    rows: list[dict[str, Any]] = []
    for name in installed_themes():
        chain = theme_chain(name)
        rows.append(
            {
                "name": name,
                "description": chain[0].description,
                "extends": [parent.name for parent in chain[1:]],
                "options": {
                    option: {
                        "default": declared.default,
                        "choices": list(declared.choices),
                        "description": declared.description,
                    }
                    for option, declared in theme_options(chain).items()
                },
                "folder": str(chain[0].folder),
            }
        )
    if form == "json":
        print_json(rows)
        return
    for position, row in enumerate(rows):
        echo(("\n" if position else "") + click.style(printable(row["name"]), bold=True))
        if row["description"]:
            echo(f"  {printable(row['description'])}")
        if row["extends"]:
            echo(f"  extends {', '.join(map(printable, row['extends']))}")
        for option, declared in row["options"].items():
            choices = f" (of {', '.join(map(json.dumps, declared['choices']))})" if declared["choices"] else ""
            text = f"  {printable(declared['description'])}" if declared["description"] else ""
            echo(f"  {printable(option)} = {json.dumps(declared['default'])}{choices}{text}")
        echo(f"  in {printable(row['folder'])}")

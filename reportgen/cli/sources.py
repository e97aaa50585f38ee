"""`reportgen sources`: the kinds of logs that are read."""

from __future__ import annotations

import sys
import textwrap
from typing import TYPE_CHECKING, Any, Final

import click

from reportgen.cli.printing import printable
from reportgen.cli.reading import print_json, print_lines
from reportgen.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator

OWN: Final = (
    ("runs", "reportgen", "run logs of reportgen: `events*.jsonl`, also compressed (.gz)"),
    ("site", "reportgen site", "a built site, by its folder or its https:// address: `data/site.json`"),
)


@click.command(
    epilog="""\b
    Examples:
      reportgen sources
      reportgen sources --format json
    """
)
@click.option("--format", "form", type=click.Choice(("table", "json")), default="table", help="How to write them.")
def sources(form: str) -> None:
    """List the kinds of run logs that `reportgen build` and the other commands read, and what each is recognised by.

    They are asked in this order. Kinds that other installed packages add say which package.
    """
    rows = list(iter_rows())
    if form == "json":
        print_json(rows)
        return
    from reportgen.cli.tables import screen_of

    screen = screen_of(sys.stdout)
    width = max(len(row["name"]) for row in rows)
    lines: list[str] = []
    for row in rows:
        name = screen.style(printable(row["name"]).ljust(width), "strong")
        package = f" (package {row['package']})" if row["package"] else ""
        lines.append(f"{name}  {printable(row['title'] + package)}")
        told = textwrap.wrap(printable(row["error"] or row["about"]), max(20, screen.width - width - 2))
        lines += [" " * (width + 2) + line for line in told]
    print_lines(lines)


def iter_rows() -> Iterator[dict[str, Any]]:
    """Yield `name`, `title`, `about`, `package` and `error` of each kind; both are None where there is none."""
    from reportgen.sources.kinds import BUILT_IN, kind_of, other_kinds, package_of

    for name, title, about in OWN:
        yield {"name": name, "title": title, "about": about, "package": None, "error": None}
    packages = {name: package_of(point) for name, point in other_kinds().items()}
    for name in (*BUILT_IN, *packages):
        row: dict[str, Any] = {"name": name, "title": name, "about": "", "package": packages.get(name), "error": None}
        try:
            kind = kind_of(name)
            row |= {"title": kind.title, "about": kind.about}
        except SourceError as error:
            row["error"] = str(error)
        yield row

"""The parts of `docs/themes.md` that follow from the code: the blocks of each template, and every type that pages hold.

`python -m tests.themedoc` writes them anew after a template or a page has changed; `test_theme.py` tells when that is
due.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import re
import textwrap
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from reportgen.site.render import SiteInfo
from reportgen.site.theme import themes_folder

PAGE: Final = Path(__file__).parent.parent / "docs" / "themes.md"
HEADING: Final = "## Context types\n"


_ROW: Final = re.compile(r"(?m)^(\| `([\w.]+)`: [^|]* \|[^|]*\|)[^|]*\|$")


def blocks(template: str) -> list[str]:
    """Return the blocks that a template of the default theme fills or defines, in its order."""
    file = themes_folder() / "default" / "templates" / template
    return re.findall(r"{%-?\s*block (\w+)", file.read_text(encoding="utf-8"))


def with_blocks(text: str) -> str:
    """Return `text` with the last column of the table of templates as it should be."""
    return _ROW.sub(lambda m: f"{m[1]} {' '.join([', '.join(f'`{b}`' for b in blocks(m[2])), '|']).strip()}", text)


def page_types(text: str) -> list[type]:
    """Return the classes of `page` that the table of templates in `text` names, in its order."""
    section = text.split("## Templates and blocks\n")[1].partition("\n## ")[0]
    named = re.findall(r"(?m)^\| `[\w.]+`: [^|]* \| `(\w+)\.(\w+)` \|", section)
    return [getattr(importlib.import_module(f"reportgen.site.pages.{module}"), name) for module, name in named]


def context_types(pages: list[type]) -> list[type]:
    """Return `pages` and every dataclass that can be reached from them, in order of first mention."""
    found: dict[type, None] = {}
    waiting = list(pages)
    while waiting:
        kind = waiting.pop(0)
        if kind in found:
            continue
        found[kind] = None
        hints = typing.get_type_hints(kind)
        waiting += [t for f in dataclasses.fields(kind) for t in _dataclasses_in(hints[f.name])]
    return list(found)


def _dataclasses_in(hint: Any) -> Iterator[type]:
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        yield hint
    for part in typing.get_args(hint):
        yield from _dataclasses_in(part)


def describe(kind: type) -> str:
    """Return a type as Markdown: its name, what it is, and a list of its fields with their types and docstrings."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    assert isinstance(tree, ast.ClassDef)
    lines = [f"### `{kind.__module__.removeprefix('reportgen.')}.{kind.__name__}`", "", _sentence(kind.__doc__ or "")]
    fields = {f.name for f in dataclasses.fields(kind)}
    rows = []
    for node, after in zip(tree.body, [*tree.body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id in fields:
            said = after.value.value if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) else ""
            row = f"- `{node.target.id}`: `{ast.unparse(node.annotation)}`"
            rows.append(f"{row}. {_sentence(str(said))}" if said else row)
    inherited = fields - {row.split("`")[1] for row in rows}
    rows += [f"- `{f.name}`: `{f.type}`" for f in dataclasses.fields(kind) if f.name in inherited]
    return "\n".join([*lines, "", *rows])


def _sentence(text: str) -> str:
    """Return the first paragraph of a docstring on one line."""
    return " ".join(text.strip().split("\n\n")[0].split())


def section(text: str) -> str:
    """Return the section as it should stand in the page `text`, its heading included."""
    kinds = context_types([SiteInfo, *page_types(text)])
    lead = textwrap.fill(
        "Written from the code (`python -m tests.themedoc`): `site`, the `page` of every template, and all types that"
        " they hold. Texts come unescaped, `Markup` is ready HTML, times are UTC seconds since the epoch.",
        120,
    )
    return "\n\n".join([HEADING.rstrip(), lead, *map(describe, kinds)]) + "\n"


def main() -> None:
    """Write both into the page."""
    text = with_blocks(PAGE.read_text(encoding="utf-8"))
    PAGE.write_text(text.partition(HEADING)[0].rstrip() + "\n\n" + section(text), encoding="utf-8")


if __name__ == "__main__":
    main()

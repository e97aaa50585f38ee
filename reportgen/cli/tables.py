"""Tables for a terminal: columns of text that fit its width, measured as terminals draw them.

A table is given all columns that are worth showing, with ranks. Those that fit are kept; it says which are left out.
"""

from __future__ import annotations

import os
import shutil
import textwrap
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final, Literal, TextIO, TypeAlias

import click

from reportgen.cli.printing import printable

Look: TypeAlias = Literal["", "strong", "faint", "good", "bad"]

GAP: Final = 2
"""Blanks between columns."""
MOST: Final = 160
"""Width of a table that is not written to a terminal, unless $COLUMNS says another."""
_HEAD: Final = 12
"""Width to which a head that is wider than its cells may be cut."""
_STYLES: Final[dict[str, dict[str, object]]] = {
    "strong": {"bold": True},
    "faint": {"dim": True},
    "good": {"fg": "green"},
    "bad": {"fg": "red"},
}


# ---- the terminal


@dataclass(frozen=True, slots=True)
class Screen:
    """What a table is written to."""

    width: int
    colours: bool

    def style(self, text: str, look: Look) -> str:
        """Return `text` as it looks on this screen."""
        return click.style(text, **_STYLES[look]) if look and self.colours else text  # type: ignore[arg-type]

    def wrap(self, text: str) -> list[str]:
        """Return a sentence in lines that fit."""
        return textwrap.wrap(text, self.width) or [text]


def screen_of(stream: TextIO) -> Screen:
    """Return how wide `stream` is, and whether it takes colours: a terminal does, unless NO_COLOR is set."""
    is_terminal = stream.isatty()
    width = shutil.get_terminal_size((MOST, 24)).columns if is_terminal or os.environ.get("COLUMNS") else MOST
    colours = is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Screen(max(width, 20), colours)


# ---- widths


@lru_cache(maxsize=65_536)
def display_width(text: str) -> int:
    """Return how many columns of a terminal `text` takes: two for East Asian wide characters, none for accents."""
    if text.isascii():
        return len(text)
    return sum(map(_width, text))


def _width(letter: str) -> int:
    if unicodedata.category(letter) in ("Mn", "Me", "Cf") or "\u1160" <= letter <= "\u11ff":
        return 0
    return 2 if unicodedata.east_asian_width(letter) in ("W", "F") else 1


def cut_end(text: str, width: int) -> str:
    """Return `text`, or its beginning and an ellipsis where it is wider than `width`."""
    if display_width(text) <= width:
        return text
    return _beginning(text, width - 1) + "…"


def cut_middle(text: str, width: int) -> str:
    """Return `text`, or its beginning and its end around an ellipsis: names often differ at their ends."""
    if display_width(text) <= width:
        return text
    end = _beginning(text[::-1], (width - 1) // 2)[::-1]
    end = end.lstrip("".join(letter for letter in end if not _width(letter)))  # no accent without its letter
    return _beginning(text, width - 1 - display_width(end)) + "…" + end


def _beginning(text: str, width: int) -> str:
    taken = 0
    for i, letter in enumerate(text):
        taken += _width(letter)
        if taken > width:
            return text[:i]
    return text


def pad(text: str, width: int, *, right: bool = False) -> str:
    """Return `text` with blanks behind it, or in front of it, that make it `width` wide."""
    blanks = " " * (width - display_width(text))
    return blanks + text if right else text + blanks


# ---- columns


@dataclass(frozen=True, slots=True)
class Cell:
    """One text of a table and how it looks."""

    text: str
    look: Look = ""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table. Texts are harmless already: see `printable`."""

    head: str
    cells: Sequence[Cell]
    rank: int
    """The lower, the sooner it gets its place; rank 0 is always there."""
    about: str = ""
    """Second line of the head."""
    right: bool = False
    """True for numbers."""
    least: int = 0
    """Width to which long texts may be cut; 0 cuts none."""
    cut: Literal["end", "middle"] = "end"
    short: Sequence[Cell] = ()
    """The same in fewer signs, where there is no room for more; the column has no head then."""
    what: str = ""
    """How the column is called where it is left out; a column without is not missed."""

    @property
    def cell_width(self) -> int:
        """Width of the widest cell."""
        return max((display_width(cell.text) for cell in self.cells), default=0)

    @property
    def full(self) -> int:
        """Width in which nothing is cut."""
        return max(self.cell_width, display_width(self.head), display_width(self.about))

    @property
    def narrowest(self) -> int:
        """Width below which the column is not shown."""
        cells = min(self.cell_width, self.least) if self.least else self.cell_width
        heads = max(display_width(self.head), display_width(self.about))
        return max(cells, min(heads, _HEAD), 1)


@dataclass(slots=True)
class Fit:
    """The columns that have a place, and those that have none, both in the order in which they were given."""

    columns: list[Column] = field(default_factory=list)
    widths: list[int] = field(default_factory=list)
    left_out: list[Column] = field(default_factory=list)


def fit_columns(columns: Sequence[Column], width: int) -> Fit:
    """Return which of `columns` fit into `width`, by rank, and how wide each is.

    Each is taken at its narrowest, in its short form if it has one; what is left over is given back by rank.
    """
    chosen: dict[int, Column] = {}
    taken = -GAP
    order = sorted(range(len(columns)), key=lambda i: (columns[i].rank, i))
    for i in order:
        column = columns[i]
        if column.short:
            column = replace(column, head="", about="", cells=column.short, short=())
        need = GAP + column.narrowest
        if taken + need <= width or column.rank == 0:
            chosen[i] = column
            taken += need
    widths = {i: column.narrowest for i, column in chosen.items()}
    for i in (i for i in order if i in chosen):
        whole = replace(columns[i], short=())
        room = width - taken + widths[i]
        if chosen[i] is not columns[i] and whole.narrowest <= room:
            chosen[i] = whole
        wide = max(widths[i], chosen[i].narrowest, min(chosen[i].full, room))
        taken += wide - widths[i]
        widths[i] = wide
    shown = sorted(chosen)
    left_out = [column for i, column in enumerate(columns) if i not in chosen]
    return Fit([chosen[i] for i in shown], [widths[i] for i in shown], left_out)


def render_table(fit: Fit, screen: Screen, *, rule: bool = True) -> list[str]:
    """Return the lines of a table: one or two of heads, a rule, one a row."""
    lines = []
    for heads in ([c.head for c in fit.columns], [c.about for c in fit.columns]):
        if any(heads):
            cells = [Cell(cut_middle(head, width), "faint") for head, width in zip(heads, fit.widths, strict=True)]
            lines.append(_line(cells, fit, screen))
    if lines and rule:
        lines.append(screen.style("─" * (sum(fit.widths) + GAP * (len(fit.widths) - 1)), "faint"))
    for row in zip(*(column.cells for column in fit.columns), strict=True):
        cells = [
            Cell((cut_middle if column.cut == "middle" else cut_end)(cell.text, width), cell.look)
            for cell, column, width in zip(row, fit.columns, fit.widths, strict=True)
        ]
        lines.append(_line(cells, fit, screen))
    return lines


def _line(cells: Iterable[Cell], fit: Fit, screen: Screen) -> str:
    parts = []
    for cell, column, width in zip(cells, fit.columns, fit.widths, strict=True):
        blanks = " " * max(0, width - display_width(cell.text))
        text = screen.style(cell.text, cell.look)
        parts.append(blanks + text if column.right else text + blanks)
    return (" " * GAP).join(parts).rstrip()


# ---- several of them


@dataclass(frozen=True, slots=True)
class Section:
    """A part of what is said of a run or of several: a table, or a text, or both."""

    title: str
    columns: Sequence[Column] = ()
    text: str = ""
    """Stands below the table."""
    is_markdown: bool = False
    """True for a text that somebody logged as Markdown; any other is escaped there."""


def render_sections(sections: Iterable[Section], screen: Screen) -> list[str]:
    """Return the lines of all sections for a terminal; columns that have no place are named below their table."""
    lines: list[str] = []
    for section in sections:
        lines += ["", screen.style(section.title, "strong")] if section.title else []
        if section.columns:
            fit = fit_columns(section.columns, screen.width)
            lines += render_table(fit, screen, rule=False)
            missed = [column.what for column in fit.left_out if column.what]
            lines += [screen.style(line, "faint") for line in screen.wrap(f"not shown: {', '.join(missed)}") if missed]
        lines += [printable(line) for line in section.text.splitlines()]
    return lines[1:] if lines and not lines[0] else lines


def markdown_sections(sections: Iterable[Section]) -> list[str]:
    """Return the lines of all sections as Markdown."""
    lines: list[str] = []
    for section in sections:
        lines += ["", f"## {escape_markdown(section.title)}"] if section.title else []
        if section.columns:
            lines += ["", *markdown_table(section.columns)]
        if section.text:
            own = section.text.splitlines()
            lines += ["", *(own if section.is_markdown else map(escape_markdown, own))]
    return lines[1:] if lines and not lines[0] else lines


# ---- Markdown


def markdown_table(columns: Sequence[Column]) -> list[str]:
    """Return the lines of a Markdown table; what looks strong is bold."""
    heads = [escape_markdown(f"{column.head} ({column.about})" if column.about else column.head) for column in columns]
    lines = [_markdown_row(heads), _markdown_row(["---:" if column.right else "---" for column in columns])]
    for row in zip(*(column.cells for column in columns), strict=True):
        texts = [escape_markdown(cell.text.strip()) for cell in row]
        lines.append(
            _markdown_row(f"**{t}**" if cell.look == "strong" and t else t for t, cell in zip(texts, row, strict=True))
        )
    return lines


def _markdown_row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


_MARKS: Final = {ord(letter): f"\\{letter}" for letter in "\\`*_[]<>|#~!"}


def escape_markdown(text: str) -> str:
    """Return `text` so that Markdown shows it as it is, on one line."""
    text = printable(text)
    return text if text.replace(" ", "").isalnum() else text.translate(_MARKS)

"""Reads YAML of unknown origin as plain data: maps, lists, text, numbers, true, false and null, and nothing else.

PyYAML splits the text into events; what they amount to is decided here, so that no tag makes an object, no alias makes
a bomb, and what was read before a fault is kept.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import yaml

MAX_BYTES: Final = 4 * 2**20
MAX_DEPTH: Final = 64
MAX_NODES: Final = 200_000

_INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,399})|0x[0-9a-fA-F]{1,15}|0o[0-7]{1,20}")
_REAL: Final = re.compile(
    r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)\.[0-9]*)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]{1,3}[eE](?:[-+][0-9]{1,3}|[0-9]{1,2})"
)
"""Without a point, what is longer than `1e-4` or `25e5` is the beginning of a commit and the like."""
_WORDS: Final[dict[str, Any]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"), True),
    **dict.fromkeys(("false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **{sign + word: math.inf for sign in ("", "+") for word in (".inf", ".Inf", ".INF")},
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_STANDARD: Final = "tag:yaml.org,2002:"
_UNPRINTABLE: Final = re.compile(
    "[^\x09\x0a\x0d\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_EASY_LINE: Final = re.compile(
    r"([A-Za-z_][A-Za-z0-9_./-]*):"
    r"(?: +([A-Za-z0-9_./](?:[A-Za-z0-9_./+-]|[ :](?=[A-Za-z0-9_./]))*|-[0-9][0-9.eE+-]*"
    r"|'[^'\n]*'|\"[^\"\\\n]*\"))?[ \r]*"
)
"""A line of a flat map that can be read without a parser: most files of most writers have no other."""


@dataclass(frozen=True, slots=True)
class PlainYaml:
    """What a YAML text says."""

    value: Any
    """None, bool, int, float, str, or lists and maps (with text as keys) of those; None where nothing could be read."""
    fault: str = ""
    """Why the rest of it could not be read, empty when all of it was."""
    line: int | None = None
    """Line of the fault, from 1."""
    tags: int = 0
    """How many values had a tag that has no meaning here, such as `!!python/tuple`; their plain content was taken."""


def read_yaml(
    data: bytes | str, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH, max_nodes: int = MAX_NODES
) -> PlainYaml:
    """Return the first document of a YAML text; never raises.

    Scalars are read as YAML 1.2 reads them, but for `yes`, `no`, `on` and `off`, which Python's writers mean as YAML
    1.1 does; dates, and numbers that begin with a zero, stay text. A value with an unknown tag is what it would be
    without; ordered maps of Python are maps. An alias is the value that it stands for, as long as all nodes together
    are at most `max_nodes`. Text over `max_bytes` is not read at all.
    """
    if len(data) > max_bytes:
        return PlainYaml(None, f"it is larger than {max_bytes / 2**20:g} MiB")
    text = data if isinstance(data, str) else data.decode("utf-8-sig", "replace")
    easy = _read_easy(text, max_nodes)
    if easy is not None:
        return PlainYaml(easy)
    return _Builder(max_depth, max_nodes).build(_UNPRINTABLE.sub("\ufffd", text))


def _read_easy(text: str, max_nodes: int) -> dict[str, Any] | None:
    """Return a flat map of simple scalars, None where the text is anything else."""
    lines = text.split("\n")
    if len(lines) > max_nodes:
        return None
    found: dict[str, Any] = {}
    for line in lines:
        if not line:
            continue
        match = _EASY_LINE.fullmatch(line)
        if match is None:
            return None
        name, value = match.group(1), match.group(2) or ""
        if name in _WORDS:
            return None
        found[name] = value[1:-1] if value[:1] in ("'", '"') else _scalar(value)
    return found or None


def _scalar(text: str) -> Any:
    """Return what a scalar without quotes and without a tag means."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    if _INTEGER.fullmatch(text):
        return int(text, 0)
    return float(text) if len(text) <= 400 and _REAL.fullmatch(text) else text


@cache
def _parser() -> Any:
    """Return PyYAML's fastest parser that there is here."""
    return getattr(yaml.cyaml, "CParser") if yaml.__with_libyaml__ else _SlowParser  # noqa: B009 - no types say so


class _SlowParser(yaml.reader.Reader, yaml.scanner.Scanner, yaml.parser.Parser):
    """The parser in Python, for installations without libyaml."""

    def __init__(self, text: str) -> None:
        yaml.reader.Reader.__init__(self, text)
        yaml.scanner.Scanner.__init__(self)
        yaml.parser.Parser.__init__(self)


class _Stop(Exception):  # noqa: N818 - it is no error
    """Why reading stops before the end."""


class _Open:
    """A map or a list that is being read."""

    __slots__ = ("anchor", "before", "is_map", "items", "keep", "key", "tag")

    def __init__(self, anchor: str | None, tag: str, before: int, *, is_map: bool) -> None:
        self.anchor, self.tag, self.before, self.is_map = anchor, tag, before, is_map
        self.items: Any = {} if is_map else []
        self.key: Any = _NO_KEY


_NO_KEY: Final = object()


class _Builder:
    def __init__(self, max_depth: int, max_nodes: int) -> None:
        self.max_depth, self.max_nodes = max_depth, max_nodes
        self.nodes = 0
        self.tags = 0
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.open: list[_Open] = []
        self.root: Any = None

    def build(self, text: str) -> PlainYaml:
        fault, line = "", None
        try:
            for event in _events(text):
                line = event.start_mark.line + 1
                if self._take(event):
                    break
        except _Stop as stop:
            fault = str(stop)
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            mark = getattr(error, "problem_mark", None)
            line = mark.line + 1 if mark is not None else line
            fault = str(getattr(error, "problem", None) or "it is no YAML")[:200]
        while self.open:  # what is complete of what was not closed
            self._close()
        return PlainYaml(self.root, fault, line if fault else None, self.tags)

    def _take(self, event: Any) -> bool:
        """Take one event; tell whether the first document has ended."""
        if isinstance(event, yaml.ScalarEvent):
            self._count(1)
            self._put(self._note(event.anchor, self._meaning(event), 1))
        elif isinstance(event, yaml.CollectionStartEvent):
            self._count(1)
            if len(self.open) >= self.max_depth:
                raise _Stop(f"it is nested more than {self.max_depth} deep")
            is_map = isinstance(event, yaml.MappingStartEvent)
            self.open.append(_Open(event.anchor, event.tag or "", self.nodes - 1, is_map=is_map))
        elif isinstance(event, yaml.CollectionEndEvent):
            self._close()
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in self.anchors:
                raise _Stop("an alias stands for nothing that is complete before it")
            value, count = self.anchors[event.anchor]
            self._count(count)
            self._put(value)
        return isinstance(event, yaml.DocumentEndEvent)

    def _count(self, nodes: int) -> None:
        self.nodes += nodes
        if self.nodes > self.max_nodes:
            raise _Stop(f"it has more than {self.max_nodes} values")

    def _meaning(self, event: Any) -> Any:
        text, tag = event.value, event.tag or ""
        kind = tag[len(_STANDARD) :] if tag.startswith(_STANDARD) else ""
        if kind in ("str", "binary", "timestamp"):
            return text
        if kind in ("int", "float", "bool", "null"):
            return _scalar(text)
        if tag and tag != "!":
            self.tags += 1
            if not text:  # `!!python/name:torch.nn.ReLU ''` has its content in the tag
                return kind.rpartition(":")[2]
        return text if event.style or tag == "!" else _scalar(text)

    def _note(self, anchor: str | None, value: Any, count: int) -> Any:
        if anchor is not None:
            self.anchors[anchor] = (value, count)
        return value

    def _close(self) -> None:
        done = self.open.pop()
        value = done.items
        if done.is_map and done.key is not _NO_KEY:  # cut behind a key
            value[done.key] = None
        if done.tag and not done.tag.startswith(_STANDARD + ("map" if done.is_map else "seq")):
            pairs = _pairs(value) if done.tag.endswith(("OrderedDict", ":omap", ":pairs")) else None
            if pairs is None:
                self.tags += 1
            else:
                value = pairs
        self._put(self._note(done.anchor, value, self.nodes - done.before))

    def _put(self, value: Any) -> None:
        if not self.open:
            self.root = value
            return
        top = self.open[-1]
        if not top.is_map:
            top.items.append(value)
        elif top.key is _NO_KEY:
            top.key = _key(value)
        else:
            if top.key == "<<":
                for one in reversed(value) if isinstance(value, list) else (value,):
                    if isinstance(one, dict):
                        top.items = one | top.items
            else:
                top.items[top.key] = value
            top.key = _NO_KEY


def _events(text: str) -> Iterator[Any]:
    parser = _parser()(text)
    while parser.check_event():
        yield parser.get_event()


def _key(value: Any) -> str:
    """Return a key as text, as YAML spells it."""
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        return ", ".join(map(_key, value))[:200]
    return str(value)


def _pairs(value: Any) -> dict[str, Any] | None:
    """Return the map that an ordered map of Python was written as: pairs, pairs in a list, or maps of one entry."""
    while isinstance(value, list) and len(value) == 1 and isinstance(value[0], list) and _are_pairs(value[0]):
        value = value[0]
    if isinstance(value, list) and _are_pairs(value):
        return {_key(pair[0]): pair[1] for pair in value}
    if isinstance(value, list) and all(isinstance(one, dict) and len(one) == 1 for one in value):
        return {key: item for one in value for key, item in one.items()}
    return None


def _are_pairs(value: list[Any]) -> bool:
    return all(isinstance(pair, list) and len(pair) == 2 for pair in value)

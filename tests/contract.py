"""What `reportgen.d.ts` says of the data files, for tests that compare what a build writes with what the scripts read.

Reads the names of the fields, not their types: a field that one side has and the other has not is what goes wrong.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from reportgen.site.data import unpack
from reportgen.site.data.tables import decode_table

SOURCE = Path(__file__).parent.parent / "themes" / "default" / "static" / "reportgen.d.ts"
_TEXT = re.sub(r"/\*.*?\*/|//[^\n]*", "", SOURCE.read_text(encoding="utf-8"), flags=re.DOTALL)
_CALL = re.compile(r"reportgen\.data\((\"[^\"]*\"),(.*)\);\n", re.DOTALL)


def fields(name: str) -> set[str]:
    """Return the names of the fields of an interface, inherited ones included; `A.b` is the object in field b of A."""
    interface, *inner = name.split(".")
    heads = re.search(rf"interface {interface}\b(?:<\w+>)?(?: extends ([^{{]*))? \{{", _TEXT)
    assert heads, f"reportgen.d.ts has no {interface}"
    block = _block(heads.end())
    for field in inner:
        members = _members(block)
        block = _block(0, members[field].partition("{")[2])
    inherited = re.findall(r"\b(\w+)(?:<[^>]*>)?", heads[1] or "") if not inner else []
    parents = [parent for parent in inherited if f"interface {parent}" in _TEXT]
    return set(_members(block)).union(*map(fields, parents))


def _block(start: int, text: str = _TEXT) -> str:
    """Return what stands between the brace before `start` and its partner."""
    depth, at = 1, start
    while depth:
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        at += 1
    return text[start : at - 1]


def _members(block: str) -> dict[str, str]:
    """Return field -> text of its type."""
    members: dict[str, str] = {}
    depth = begin = 0
    for at, sign in enumerate(block := f"{block};"):
        depth += {"{": 1, "}": -1, "[": 1, "]": -1, "(": 1, ")": -1}.get(sign, 0)
        if sign == ";" and not depth:
            name, colon, kind = block[begin:at].strip().partition(":")
            members |= {name: kind} if colon else {}
            begin = at + 1
    return members


# ---- data files, as a browser reads them


def read_call(script: bytes) -> tuple[str, Any]:
    """Return id and payload of a data file."""
    call = _CALL.fullmatch(script.decode("utf-8"))
    assert call, f"{script[:60]!r} is no call of reportgen.data"
    return json.loads(call[1]), json.loads(call[2])


def read_file(site: Path, name: str) -> Any:
    """Return the payload of `data/<name>.js`, unpacked where it is packed."""
    called, payload = read_call((site / "data" / f"{name}.js").read_bytes())
    assert called == name
    if name.startswith("tables/"):
        return decode_table(payload)
    return unpack(payload) if isinstance(payload, str) else payload


def names_of(site: Path, folder: str) -> list[str]:
    """Return the names of the files in a folder of `data`, as `reportgen.load` takes them."""
    return sorted(f"{folder}/{file.stem}" for file in (site / "data" / folder).glob("*.js"))


def check_table(table: dict[str, Any]) -> None:
    """Assert that an experiment's table has the fields and lengths of `ExperimentTable`."""
    n = table["n"]
    assert table.keys() == fields("ExperimentTable")
    assert table["runs"].keys() == fields("ExperimentTable.runs")
    assert {len(column) for column in table["runs"].values()} == {n}
    kinds = (("params", "ParamColumn"), ("tags", "Column"), ("metrics", "MetricColumn"))
    for kind, interface in kinds:
        for column in table[kind]:
            assert column.keys() == fields(interface), kind
            runs = column["runs"]
            assert runs is None or (runs == sorted(set(runs)) and 0 < len(runs) < n and set(runs) <= set(range(n)))
            assert len(column["values"]) == (n if runs is None else len(runs))
            assert column.get("steps") is None or len(column["steps"]) == len(column["values"])
    if table["spark"] is not None:
        assert table["spark"].keys() == fields("ExperimentTable.spark")
        assert {len(table["spark"][name]) for name in ("values", "min", "max")} == {n}
    assert table["groups"].keys() == fields("ExperimentTable.groups")
    assert len(table["groups"]["label"]) == len(table["groups"]["slot"]) > max(table["runs"]["group_of"], default=-1)
    assert set(table["selection"]) <= set(range(n))
    assert set(table["runs"]["parent"]) <= set(range(-1, n))
    assert {m["name"] for m in table["metrics"][: len(table["headline"])]} == set(table["headline"])


def check_run(run: dict[str, Any]) -> dict[str, Any]:
    """Assert that the file of a run has the fields of `RunFile` and `RunFacts`; return the facts."""
    assert run.keys() == fields("RunFile")
    for block in run["blocks"]:
        assert block.keys() == fields("RunFile.blocks")
    for long in run["long"]:
        assert long.keys() == fields("RunFile.long")
    facts: dict[str, Any] = unpack(run["about"])
    assert facts.keys() == fields("RunFacts")
    assert facts["code"].keys() == fields("RunFacts.code")
    for metric in facts["metrics"].values():
        assert metric.keys() == fields("RunFacts.metrics") | fields("MetricInfo")
    for kind in ("artifacts", "inputs", "models"):
        for item in facts[kind]:
            assert item.keys() == fields(f"RunFacts.{kind}"), kind
    return facts


def check_search(search: dict[str, Any]) -> None:
    """Assert that the search's data have the fields and lengths of `SearchData`."""
    assert search.keys() == fields("SearchData")
    for kind, columns in search.items():
        assert columns.keys() == fields(f"SearchData.{kind}")
        assert len({len(column) for column in columns.values()}) <= 1
    assert set(search["runs"]["experiment"]) <= set(range(len(search["experiments"]["title"])))

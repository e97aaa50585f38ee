"""The filter language by cases, which the engine in Python and the one in the pages must both pass.

`query_cases.jsonl` has one JSON object a line, asked of the runs of `query_runs.py` at the time `NOW`:

- `filter`: the text. With `repeat` (a number) it is the text so many times.
- `order_by`: list of orders, if any.
- `now`: seconds since the epoch, where it is not `NOW`.
- `ids`: the run ids that it finds, in order.
- `error`, in place of `ids`: the `code` of the fault, where it stands (`start` and `end`, in code points), and for
  some its `reason`, the message without the text and the caret. An error in an order is at its place in that order.
- `mlflow`: true when the case is within the grammar that MLflow documents. MLflow itself then answers the same.

The ids were worked out from `docs/query.md`. Where an engine answers otherwise, either is wrong, and the page decides.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, get_args, get_type_hints

import pytest

import reportgen.query
from reportgen.errors import QueryError
from reportgen.query import Frame, parse_filter, parse_order, search
from reportgen.query.fields import ATTRIBUTE_ALIASES, ATTRIBUTES, DATASET_KEYS, ENTITIES, FUNCTIONS, TAG_ALIASES
from reportgen.query.nodes import Comparison, Node, Not
from tests.query_runs import NOW, RUNS, direction, from_json, to_json

CASES: Final = [
    json.loads(line) for line in Path(__file__).with_name("query_cases.jsonl").read_text("utf-8").splitlines()
]
OPERATORS: Final = get_args(get_type_hints(Comparison)["operator"])
FRAME: Final = Frame(RUNS, direction=direction)


def text_of(case: dict[str, Any]) -> str:
    """Return the filter of a case."""
    return str(case["filter"]) * case.get("repeat", 1)


def answer(case: dict[str, Any], frame: Frame = FRAME) -> dict[str, Any]:
    """Return what the engine answers, in the form of a case."""
    try:
        rows = search(frame, text_of(case), case.get("order_by", ()), now=case.get("now", NOW))
    except QueryError as error:
        return {"error": {"code": error.code, "start": error.start, "end": error.end, "reason": error.reason}}
    return {"ids": [frame.runs[row].run_id for row in rows]}


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["filter"])[:60].encode("unicode_escape").decode())
def test_each_case_is_answered_as_the_page_on_the_language_says(case: dict[str, Any]) -> None:
    given = answer(case)
    if "error" in case and "error" in given:
        given["error"] = {name: given["error"][name] for name in case["error"]}
    assert given == {name: case[name] for name in ("ids", "error") if name in case}


def test_the_runs_answer_the_same_after_a_way_through_json() -> None:
    frame = Frame([from_json(json.loads(json.dumps(to_json(run)))) for run in RUNS], direction=direction)
    assert [answer(case, frame) for case in CASES] == [answer(case) for case in CASES]


# ---- the cases are enough


def test_there_are_enough_cases_and_none_stands_twice() -> None:
    assert len(CASES) >= 400
    assert sum("error" in case for case in CASES) >= 100
    assert sum(case.get("mlflow", False) for case in CASES) >= 100
    assert len({json.dumps(case, sort_keys=True) for case in CASES}) == len(CASES)


def test_every_case_has_a_form_that_the_header_describes() -> None:
    for case in CASES:
        assert case.keys() <= {"filter", "repeat", "order_by", "now", "ids", "error", "mlflow"}
        assert ("ids" in case) != ("error" in case)
        if "error" in case:
            assert {"code", "start", "end"} <= case["error"].keys() <= {"code", "start", "end", "reason"}


def test_every_operator_function_entity_and_attribute_occurs_and_finds_something() -> None:
    fields, operators = [], set()
    for case in CASES:
        if case.get("ids"):
            for clause in _clauses(parse_filter(text_of(case))):
                fields.append(clause.field)
                operators.add((clause.operator, clause.negated))
            fields += [parse_order(key).field for key in case.get("order_by", ())]
    assert operators >= {(operator, False) for operator in OPERATORS}
    assert operators >= {(operator, True) for operator in OPERATORS if operator.isalpha()}
    assert {field.function for field in fields} - {""} == set(FUNCTIONS)
    assert {field.name for field in fields if field.entity == "attribute"} == set(ATTRIBUTES)
    assert {field.name for field in fields if field.entity == "dataset"} == set(DATASET_KEYS)
    assert {field.entity for field in fields} == {"metric", "param", "tag", "dataset", "attribute"}
    assert {field.name for field in fields if field.entity == "tag"} >= set(TAG_ALIASES)


def test_every_spelling_of_an_entity_and_an_attribute_occurs() -> None:
    texts = [text for case in CASES if "ids" in case for text in (text_of(case), *case.get("order_by", ()))]
    joined = "\n".join(texts)
    assert [word for word in ENTITIES if f"{word}." not in joined] == []
    assert [name for name in ATTRIBUTE_ALIASES if name not in joined] == []


def test_the_codes_of_errors_are_those_of_the_page_and_all_occur() -> None:
    package = Path(reportgen.query.__file__).parent
    sources = "\n".join(path.read_text("utf-8") for path in package.glob("*.py"))
    raised = set(re.findall(r"""(?:fault\(\s*|code=)"([a-z-]+)\"""", sources))
    page = (Path(__file__).parents[1] / "docs" / "query.md").read_text("utf-8").partition("| code |")[2]
    told = {code for line in page.splitlines() for code in re.findall("`([a-z-]+)`", line.partition(" | ")[0])}
    assert raised == told == {case["error"]["code"] for case in CASES if "error" in case}


def _clauses(node: Node) -> Iterator[Comparison]:
    if isinstance(node, Comparison):
        yield node
    elif isinstance(node, Not):
        yield from _clauses(node.part)
    else:
        for part in node.parts:
            yield from _clauses(part)

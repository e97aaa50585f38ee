"""The filter language beyond its cases: what must hold of every filter, a slow reference beside it, sizes, messages."""

from __future__ import annotations

import datetime as dt
import json
import math
import pickle
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from random import Random
from types import FrameType
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reportgen.errors import QueryError
from reportgen.model import Summary
from reportgen.query import Frame, parse_filter, parse_order, parse_time_ms, search, spell, unknown_names
from reportgen.query.evaluate import make_like
from reportgen.query.fields import FUNCTIONS, MAX_DEPTH, MAX_LENGTH
from reportgen.query.frame import text_of
from reportgen.query.lexer import NO_PATTERNS, cut, number_of_text
from reportgen.query.nodes import Comparison, Every, Not, Some
from reportgen.spelling import nearest
from tests.factories import make_summary
from tests.query_runs import NOW, RUNS, T0, direction, from_json, make_run, to_json
from tests.querygen import (
    Made,
    MadeKey,
    Tree,
    damage,
    iter_sets,
    looks_like_a_number,
    make_filter,
    make_order,
    make_runs,
)
from tests.querygen import direction as made_direction

FRAME: Final = Frame(RUNS, direction=direction)
PAIRS: Final = 5_000


def ids(text: str, order_by: Sequence[str] = (), *, runs: Sequence[Summary] = RUNS, now: float = NOW) -> list[str]:
    frame = FRAME if runs is RUNS else Frame(runs, direction=direction)
    return [frame.runs[row].run_id for row in search(frame, text, order_by, now=now)]


def fault_of(text: str, frame: Frame = FRAME, order_by: Sequence[str] = ()) -> QueryError:
    with pytest.raises(QueryError) as caught:
        search(frame, text, order_by, now=NOW)
    return caught.value


# ---- a slow reference, written from the page on the language: one run and one clause at a time

MISSING: Final = object()
WORDS_OF_STATUS: Final = {"finished": "FINISHED", "failed": "FAILED", "stopped": "KILLED", "unfinished": "RUNNING"}
TAGS_OF_MLFLOW: Final = {"mlflow.user": "user", "mlflow.runName": "name", "mlflow.source.git.branch": "branch"}
BLANKS: Final = " \t\n\r\f\v\xa0"


def holds(tree: Tree | None, run: Summary, now: float) -> bool:
    if tree is None:
        return True
    if tree[0] == "not":
        return not holds(tree[1], run, now)
    if tree[0] == "and":
        return all(holds(part, run, now) for part in tree[1])
    if tree[0] == "or":
        return any(holds(part, run, now) for part in tree[1])
    return clause_holds(run, now, *tree[1:])


def clause_holds(
    run: Summary, now: float, entity: str, name: str, function: str, operator: str, values: Any, negated: bool
) -> bool:
    if entity == "dataset" or (name == "artifacts" and not any(kind == "number" for kind, _ in values)):
        texts = texts_of(run, entity, name)
        if operator == "NULL":
            return (texts == []) != negated
        return any(text_fits(text, operator, values, status=False) != negated for text in texts)
    value = value_of(run, entity, name, function)
    if operator == "NULL":
        return (value is MISSING) != negated
    if value is MISSING:
        return False
    is_number = (
        entity == "metric" or function == "number" or name in ("start_time", "end_time", "duration", "artifacts")
    )
    if is_number and not isinstance(value, str):
        wanted = [as_number(kind, given_, now) for kind, given_ in values]
        return number_fits(value, operator, wanted) != negated
    return text_fits(value, operator, values, status=name == "status" and entity == "attribute") != negated


def value_of(run: Summary, entity: str, name: str, function: str) -> Any:
    """Return what the run has under a name, `MISSING` where it has nothing."""
    if entity == "metric":
        metric = run.metrics.get(name)
        if metric is None:
            return MISSING
        best = made_direction(name)
        what = {"best": best, "step_of_best": f"{best}_step"}.get(function, function)
        value = getattr(metric, str(what))
        return MISSING if value is None else value
    if function == "number":
        number = number_in(value_of(run, entity, name, ""))
        return MISSING if number is None else number
    if entity == "param":
        return run.params.get(name, MISSING)
    if entity == "tag":
        return run.tags.get(
            name, (getattr(run, TAGS_OF_MLFLOW[name]) or MISSING) if name in TAGS_OF_MLFLOW else MISSING
        )
    if name == "start_time":
        return in_ms(run.start_time)
    if name == "end_time":
        return MISSING if run.status == "unfinished" else in_ms(run.last_time)
    if name == "duration":
        return round(run.duration_s, 3) if run.duration_s < 100 else round(run.duration_s, 1)
    if name == "artifacts":
        return len(run.artifact_paths)
    if name == "dirty":
        return MISSING if run.dirty is None else run.dirty
    if name == "status":
        return WORDS_OF_STATUS[run.status]
    return getattr(run, {"run_name": "name", "parent": "parent_id"}.get(name, name)) or MISSING


def texts_of(run: Summary, entity: str, name: str) -> list[str]:
    if entity == "attribute":
        return list(run.artifact_paths)
    texts = [getattr(each, {"context": "role"}.get(name, name)) for each in run.inputs]
    return [text for text in texts if text]


def in_ms(seconds: float) -> int:
    return int((dt.datetime.fromtimestamp(seconds, dt.UTC).timestamp() * 10_000 + 5) // 10)


def number_in(value: Any) -> float | None:
    if isinstance(value, bool) or value is None or value is MISSING:
        return None
    if isinstance(value, str):
        return float(value.strip(BLANKS)) if looks_like_a_number(value) else None
    return float(str(value))


def as_number(kind: str, value: Any, now: float) -> float:
    if kind == "now":
        return (now + value) * 1000
    if kind == "text":
        text = value.strip(BLANKS).replace("00.5-", "00.500-")
        time = dt.datetime.fromisoformat(text)
        return (time if time.tzinfo else time.replace(tzinfo=dt.UTC)).timestamp() * 1000
    return float(value)


def number_fits(value: float, operator: str, wanted: Sequence[float]) -> bool:
    if operator == "NAN":
        return value != value
    if operator == "IN":
        return any(value == each for each in wanted)
    if operator == "BETWEEN":
        return wanted[0] <= value <= wanted[1]
    return compare(value, operator, wanted[0])


def text_fits(value: Any, operator: str, wanted: Sequence[tuple[str, Any]], *, status: bool) -> bool:
    """Return what a clause without its NOT says of a param, a tag or a text."""
    text = value if isinstance(value, str) else str(value)
    if operator == "NAN":
        number = number_in(value)
        return number is not None and math.isnan(number)
    if operator == "CONTAINS":
        return small(wanted[0][1]) in small(text)
    if operator == "LIKE":
        return like(text, wanted[0][1])
    if operator == "ILIKE":
        return like(small(text), small(wanted[0][1]))
    if operator == "IN":
        return any(text_fits(value, "=", [each], status=status) for each in wanted)
    if operator == "BETWEEN":
        return text_fits(value, ">=", [wanted[0]], status=status) and text_fits(value, "<=", [wanted[1]], status=status)
    kind, other = wanted[0]
    if kind == "number":
        number = number_in(value)
        return operator == "!=" if number is None else compare(number, operator, other)
    if kind == "truth":
        truth = value if isinstance(value, bool) else {"true": True, "false": False}.get(small(text)) if text else None
        return (truth is other) == (operator == "=")
    if status:
        other = WORDS_OF_STATUS.get(small(other), other.upper() if other.isascii() else other)
    return compare(text, operator, other)


def compare(value: Any, operator: str, other: Any) -> bool:
    if operator == "=":
        return bool(value == other)
    if operator == "!=":
        return bool(value != other)
    if operator[0] == "<":
        return bool(value < other or (operator == "<=" and value == other))
    return bool(value > other or (operator == ">=" and value == other))


def small(text: str) -> str:
    return "".join(letter.lower() if "A" <= letter <= "Z" else letter for letter in text)


def like(text: str, pattern: str) -> bool:
    """Say whether a text has the form of a pattern: a row for each character of the pattern."""
    reached = [True] + [False] * len(text)
    for sign in pattern:
        if sign == "%":
            reached = [any(reached[: at + 1]) for at in range(len(text) + 1)]
        else:
            reached = [False] + [reached[at] and sign in ("_", letter) for at, letter in enumerate(text)]
    return reached[-1]


def ordered(runs: Sequence[Summary], keys: Sequence[MadeKey]) -> list[Summary]:
    rows = sorted(sorted(runs, key=lambda run: run.run_id), key=lambda run: -in_ms(run.start_time))
    for key in reversed(keys):
        values = [(value_of(run, *key.field), run) for run in rows]
        there = [(as_sorted(value, key.field), run) for value, run in values if value is not MISSING]
        plain = [(value, run) for value, run in there if value == value]
        plain.sort(key=lambda pair: pair[0], reverse=key.descending)
        rows = [run for _, run in plain]
        rows += [run for value, run in there if value != value]
        rows += [run for value, run in values if value is MISSING]
    return rows


def as_sorted(value: Any, field: tuple[str, str, str]) -> Any:
    is_text = field[0] in ("param", "tag") and not field[2]
    return str(value) if is_text or isinstance(value, bool) else value


# ---- random filters


def make_pairs(seed: int, pairs: int, per_set: int = 20) -> Iterator[tuple[Frame, Made, Random]]:
    rng = Random(seed)
    for _ in range(pairs // per_set):
        frame = Frame(make_runs(rng), direction=made_direction)
        for _ in range(per_set):
            yield frame, make_filter(rng, frame.runs), rng


def found(frame: Frame, text: str) -> set[int]:
    return set(search(frame, text, now=NOW))


def test_filters_find_what_a_slow_reference_finds() -> None:
    telling = 0
    for frame, made, _ in make_pairs(1, PAIRS):
        expected = {row for row, run in enumerate(frame.runs) if holds(made.tree, run, NOW)}
        assert found(frame, made.text) == expected, made.text
        telling += 0 < len(expected) < len(frame.runs)
    assert telling > PAIRS / 5


def test_orders_are_those_of_a_slow_reference() -> None:
    rng = Random(2)
    for _ in range(PAIRS // 5):
        frame = Frame(make_runs(rng), direction=made_direction)
        keys = make_order(rng)
        rows = search(frame, "", [key.text for key in keys], now=NOW)
        assert [frame.runs[row].run_id for row in rows] == [run.run_id for run in ordered(frame.runs, keys)], keys


def test_what_holds_of_all_filters() -> None:
    for frame, made, rng in make_pairs(3, 1_500):
        everything, a = set(range(len(frame))), f"({made.text})"
        if made.tree is None:
            continue
        other = make_filter(rng, frame.runs, depth=1)
        b = f"({other.text})" if other.tree else a
        of_a, of_b = found(frame, a), found(frame, b)
        assert found(frame, f"NOT {a}") == everything - of_a
        assert found(frame, f"NOT NOT {a}") == of_a
        assert found(frame, f"{a} AND {b}") == found(frame, f"{b} and {a}") == of_a & of_b
        assert found(frame, f"{a} OR {b}") == found(frame, f"{b}\nor {a}") == of_a | of_b
        assert found(frame, f"NOT ({a} AND {b})") == found(frame, f"NOT {a} OR NOT {b}")
        assert found(frame, f"NOT ({a} OR {b})") == found(frame, f"NOT {a} AND NOT {b}")
        assert found(frame, f"{a} OR {b} AND NOT {a}") == of_a | of_b


SUBJECTS: Final = (
    "metrics.acc",
    "max(loss)",
    "params.lr",
    "params.model",
    "tags.team",
    "run_name",
    "duration",
    "artifacts",
)


def test_in_is_equal_to_one_and_between_is_two_comparisons() -> None:
    rng = Random(4)
    for _ in range(600):
        frame = Frame(make_runs(rng), direction=made_direction)
        field = rng.choice(SUBJECTS)
        texts = field.startswith(("params", "tags", "run"))
        choices = ["0.5", "1", "-1", "5.0", "1e-5", "60", *(["'cnn'", "'adam'", "''", '"it\'s"'] if texts else [])]
        values = [rng.choice(choices) for _ in range(3)]
        equal = " OR ".join(f"{field} = {value}" for value in values)
        assert found(frame, f"{field} IN ({', '.join(values)})") == found(frame, equal)
        there = found(frame, f"{field} IS NOT NULL") if field != "artifacts" else set(range(len(frame)))
        assert found(frame, f"{field} NOT IN ({', '.join(values)})") == there - found(frame, equal)
        low, high = rng.choice(choices[:6]), rng.choice(choices[:6])
        within = f"{field} BETWEEN {low} AND {high}"
        assert found(frame, within) == found(frame, f"{field} >= {low} AND {field} <= {high}")
        assert found(frame, f"{field} NOT BETWEEN {low} AND {high}") == there - found(frame, within)
        assert found(frame, f"{field} != {low}") == there - found(frame, f"{field} = {low}")


def test_orders_are_stable_permutations_of_what_is_found() -> None:
    for frame, made, rng in make_pairs(5, 1_000):
        keys = [key.text for key in make_order(rng)]
        rows = search(frame, made.text, keys, now=NOW)
        assert sorted(rows) == sorted(found(frame, made.text))
        whole = [row for row in search(frame, "", keys, now=NOW) if row in set(rows)]
        assert rows == whole  # what else is there does not matter
        assert rows == search(frame, made.text, [*keys, *keys], now=NOW)
        assert search(frame, made.text, [*keys, "metrics.nowhere"], now=NOW) == rows


def test_a_filter_is_the_same_of_each_run_alone() -> None:
    for frame, made, _ in make_pairs(6, 400):
        together = found(frame, made.text)
        alone = {
            row
            for row, run in enumerate(frame.runs)
            if found(Frame([run], direction=made_direction), made.text)
        }  # fmt: skip
        assert together == alone


def test_a_damaged_filter_is_answered_or_refused_at_a_place_in_it() -> None:
    refused, codes = 0, set()
    for frame, made, rng in make_pairs(7, 4_000):
        text = damage(rng, made.text)
        try:
            search(frame, text, now=NOW)
        except QueryError as error:
            refused += 1
            codes.add(error.code)
            assert 0 <= error.start <= error.end <= len(text), text
            message, shown, carets = str(error).split("\n")
            assert message == error.reason
            assert carets.strip() == "^" * len(carets.strip()) != ""
            assert len(carets) <= len(shown) + 1
    assert refused > 1_500
    assert len(codes) >= 12


def test_what_is_made_up_is_the_same_again_and_can_be_json() -> None:
    made = [json.loads(json.dumps(each)) for each in iter_sets(3, sets=3, filters=5)]
    assert made == list(iter_sets(3, sets=3, filters=5))
    for each in made:
        assert [to_json(from_json(run)) for run in each["runs"]] == each["runs"]


# ---- texts


@given(st.text("aAbB%_\n.🦊*\\", max_size=12), st.text("aAbB%_\n.🦊*\\", max_size=8))
def test_like_is_what_a_slow_reference_says(text: str, pattern: str) -> None:
    assert make_like(pattern)(text) is like(text, pattern)


@given(st.text(max_size=30))
def test_a_text_is_like_itself_and_like_what_its_beginning_goes_on_with(text: str) -> None:
    assert make_like(text)(text)
    assert make_like("_" * len(text))(text)
    assert make_like(text[: len(text) // 2] + "%")(text)
    assert make_like("%" + text[len(text) // 2 :])(text)
    assert not make_like(text + "_")(text) or "%" in text


def test_a_long_text_beside_a_pattern_of_many_parts_takes_no_time() -> None:
    assert not make_like("%a" * 200 + "%b")("a" * 100_000)
    assert not make_like("%" + "_a" * 50 + "b%")("a" * 20_000)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", 1.0), ("+1", 1.0),
        ("-.5e-3", -0.0005), ("5.", 5.0), (" 5\t", 5.0), ("\xa05", 5.0), ("1E3", 1000.0),
        ("inf", math.inf), ("-INFINITY", -math.inf), ("+Inf", math.inf), ("1e999", math.inf),
        ("", None), (" ", None), ("1_0", None), ("0x1", None), ("٣", None), ("1,5", None), ("1 2", None),
        ("--1", None), ("+-inf", None), ("infinit", None), (".", None), ("e5", None), ("1e", None), ("1\u2003", None),
        ("nan(1)", None), ("ınf", None), ("1.0.0", None), ("- 1", None),
    ],
)  # fmt: skip
def test_what_counts_as_a_number(text: str, number: float | None) -> None:
    assert number_of_text(text) == number


def test_nan_counts_as_a_number() -> None:
    assert all(math.isnan(number_of_text(text) or 0.0) for text in ("nan", "NaN", " -NAN ", "+nan"))


@given(st.floats(allow_nan=False))
def test_every_float_is_read_back_from_its_text(number: float) -> None:
    assert number_of_text(repr(number)) == number
    runs = [make_run("a", start_time=T0, metrics={"m": [number]}, params={"p": number})]
    if math.isfinite(number):
        assert ids(f"metrics.m = {number!r} AND params.p = {number!r} AND params.p = '{number}'", runs=runs) == ["a"]


@given(st.datetimes())
def test_every_time_is_read_as_datetime_reads_it(time: dt.datetime) -> None:
    since = time.replace(tzinfo=dt.UTC) - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    whole = since // dt.timedelta(milliseconds=1)
    assert parse_time_ms(time.isoformat(sep=" ", timespec="milliseconds")) == whole
    assert parse_time_ms(time.isoformat(timespec="milliseconds") + "+00:00") == whole
    assert parse_time_ms(time.date().isoformat()) == (whole // 86_400_000) * 86_400_000


@pytest.mark.parametrize("value", [1, 1.0, True, None, "x", 1e-05, 1e16, 10**30, math.nan, -math.inf, -0.0])
def test_the_text_of_a_param_is_what_mlflow_keeps(value: Any) -> None:
    assert text_of(value) == str(value)


# ---- tokens and trees


def test_tokens_say_where_they_stand_in_code_points() -> None:
    text = "🦊 AND metrics.'a b' >= 1e-3 , 7d now - 2h`x`"
    kinds = [(token.kind, text[token.place.start : token.place.end]) for token in cut(text)]
    assert kinds == [
        ("word", "🦊"), ("word", "AND"), ("word", "metrics.'a b'"), ("sign", ">="), ("number", "1e-3"), ("sign", ","),
        ("age", "7d"), ("now", "now - 2h"), ("quoted", "`x`"), ("end", ""),
    ]  # fmt: skip
    assert cut(text)[7].number == -7200
    assert cut(text)[2].text == "metrics.a b"


@pytest.mark.parametrize("text", ["now", "NOW", "Now - 1.5h", "now+7d", "now-1s"])
def test_now_and_ages_are_one_token(text: str) -> None:
    assert [token.kind for token in cut(text)] == ["now", "end"]


@pytest.mark.parametrize("text", ["nowhere", "now.x", "now-", "now-7x", "now-7dx", "snow"])
def test_words_that_begin_like_now_are_words(text: str) -> None:
    assert [token.kind for token in cut(text)] == ["word", "end"]


def test_the_tree_says_what_binds_tighter() -> None:
    tree = parse_filter("run_id = 'a' OR NOT run_id = 'b' AND run_id = 'c'")
    assert isinstance(tree, Some)
    assert isinstance(tree.parts[0], Comparison)
    assert isinstance(tree.parts[1], Every)
    assert isinstance(tree.parts[1].parts[0], Not)
    assert parse_filter("") == Every(())
    assert parse_order("metrics.acc desc").descending is True
    assert parse_order("metrics.acc").descending is False


# ---- messages


def test_the_example_of_the_page_is_what_one_sees() -> None:
    frame = Frame([make_summary("a", metrics={"train/loss": [1.0], "val/accuracy": [0.9]}, params={})])
    assert str(fault_of("accuracy > 0.9", frame)) == (
        "unknown name 'accuracy': did you mean metrics.val/accuracy?\n  accuracy > 0.9\n  ^^^^^^^^"
    )


def test_a_caret_stands_below_a_place_far_in_a_long_filter() -> None:
    error = fault_of("run_id = 'a' OR " * 40 + "metrics.acc == 1" + " OR run_id = 'a'" * 40)
    _, shown, carets = str(error).split("\n")
    assert shown.startswith("  …")
    assert shown.endswith("…")
    assert shown[carets.index("^") : carets.rindex("^") + 1] == "=="
    assert len(shown) < 80


WRITTEN: Final = "metrics.NAME, params.NAME, tags.NAME or datasets.NAME"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ACC > 1", "unknown name 'ACC': did you mean metrics.acc?"),
        ("a b > 1", f"unknown name 'a': a metric, param or tag is written {WRITTEN}"),
        ("params.model = cnn", "expected a text in quotes or a number: put text in quotes, 'cnn'"),
        ("params.model = `cnn`", "expected a text in quotes or a number: put text in single or double quotes, 'cnn'"),
        ("metrics.acc = nan", "expected a number: write IS NAN for values that are no number"),
        ("metrics.acc > '0.9'", "metrics.acc is a number: write it without quotes"),
        ("params.x < ' 0.1 '", "quotes compare as text: write 0.1 without quotes to compare numbers"),
        ("start_time > 7d", "an age is no time: write now - 7d"),
        ("params.x RLIKE 'a'", NO_PATTERNS),
        ("params.x IS 5", "expected NULL or NAN after IS"),
        ("params.x IS NOT 5", "expected NULL or NAN after IS NOT"),
        ("metrics.acc > 1 metrics.acc < 2", "expected AND or OR before metrics.acc"),
        ("avg(acc) > 1", f"unknown function 'avg': there are {', '.join(FUNCTIONS)}"),
        ("metrcs.acc > 1", "unknown kind of name 'metrcs': did you mean metrics.acc?"),
    ],
)  # fmt: skip
def test_messages_name_the_remedy(text: str, reason: str) -> None:
    assert fault_of(text).reason == reason


def test_a_metric_without_a_direction_is_shown_in_the_text_that_asks_for_it() -> None:
    error = fault_of("run_id = 'a' AND best(exact) > 1")
    assert str(error).split("\n")[1:] == ["  run_id = 'a' AND best(exact) > 1", " " * 19 + "^^^^^^^^^^^"]
    assert error.reason.startswith("best() needs to know whether 'exact' should rise or fall: write max() or min()")
    assert str(fault_of("", order_by=["run_id", "step_of_best(exact) DESC"])).endswith(
        "\n  step_of_best(exact) DESC\n  ^^^^^^^^^^^^^^^^^^^"
    )


def test_names_that_logs_made_up_cannot_move_the_cursor() -> None:
    evil = "acc\x1b[2J\n\u202etxt"
    frame = Frame([make_summary("a", metrics={evil: [1.0]}, params={})])
    for message in (str(fault_of(f'"{evil.upper()}" > 1', frame)), *unknown_names(frame, "metrics.acd\x1b > 1")):
        assert not set(message.replace("\n", "", 2)) & set("\x1b\u202e\n"), message
    assert "\x1b" not in str(fault_of(f"best(`{evil}`) > 1", frame))


def test_an_error_travels_between_processes() -> None:
    error = fault_of("metrics.acc == 1")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.code, again.start, again.end) == (str(error), "operator", 12, 14)


@given(st.sampled_from(["metric", "param", "tag"]), st.text(min_size=1, max_size=20))
def test_every_name_but_those_with_all_quotes_is_spelled_so_that_it_is_read_back(entity: str, name: str) -> None:
    if not {"'", '"', "`"} <= set(name):
        clause = parse_filter(f"{spell(entity, name)} IS NULL")
        assert isinstance(clause, Comparison)
        assert (clause.field.entity, clause.field.name) == (entity, name)


def test_names_that_no_run_has_are_told_with_the_nearest() -> None:
    assert unknown_names(
        FRAME, "metrics.acd > 1 OR params.models = 'x' OR tags.nothing_like_it IS NULL", ["max(los)"]
    ) == [
        "no run has metrics.acd: did you mean metrics.acc?",
        "no run has params.models: did you mean params.model?",
        "no run has tags.nothing_like_it",
        "no run has metrics.los: did you mean metrics.loss?",
    ]


def test_names_that_some_run_has_and_names_of_mlflow_are_not_told() -> None:
    assert unknown_names(FRAME, "metrics.acc > 1 AND params.x = 5 AND tags.mlflow.user = 'a'", ["metrics.loss"]) == []
    assert unknown_names(Frame([]), "metrics.anything > 1") == []


def test_of_many_unknown_names_the_last_sentence_counts() -> None:
    told = unknown_names(FRAME, " OR ".join(f"params.unheard{number} = 1" for number in range(1_030)))
    assert len(told) == 21
    assert told[-1] == "no run has 1,010 more of the names that are asked for"


@pytest.mark.parametrize(
    ("name", "choices", "near"),
    [
        ("acc", ["acd", "ACC", "val/acc"], "ACC"),
        ("acc", ["acd", "val/acc", "x.acc"], "val/acc"),
        ("accuracy", ["val/accuracy", "accuracies"], "val/accuracy"),
        ("los", ["loss", "lost"], "loss"),
        ("x", ["y"], None),
        ("", ["a/", "b"], None),
        ("batchsize", ["batch_size", "image_size"], "batch_size"),
        ("completely", ["different"], None),
        ("abcd", ["abxy"], None),
        ("abcdef", ["abcdxy"], "abcdxy"),
    ],
)
def test_the_nearest_name(name: str, choices: list[str], near: str | None) -> None:
    assert nearest(name, choices) == near


# ---- sizes


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Fail where what is inside takes far longer than it may: minutes in place of a second."""

    def fail(number: int, frame: FrameType | None) -> None:
        raise AssertionError(f"took more than {seconds} s")

    before = signal.signal(signal.SIGALRM, fail)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


HUGE: Final = MAX_LENGTH - 20


@pytest.mark.parametrize(
    ("text", "code", "start"),
    [
        ("(" * 100_000, "depth", MAX_DEPTH),
        ("(" * 100_000 + ")" * 100_000, "depth", MAX_DEPTH),
        ("NOT " * 25_000, "depth", 4 * MAX_DEPTH),
        ("a OR " * 20_000, "unknown-attribute", 0),
        ("run_id = 'a' OR " * 6_000, "expected-field", 16 * 6_000),
        ("run_id = 'a'" + " " * 800_000, "", 0),
        ("x" * (MAX_LENGTH + 1), "length", 0),
        ("," * HUGE, "expected-field", 0),
        ("'" * HUGE, "expected-field", 0),
        ("'" * (HUGE - 1), "unclosed-quote", 0),
        ("'' " * 300_000, "expected-field", 0),
        ("9" * HUGE + "x", "unknown-attribute", 0),
        ("9" * (HUGE // 2) + "e" + "9" * (HUGE // 2) + "x", "unknown-attribute", 0),
        ("now " * 200_000, "expected-field", 0),
        ("start_time > now" + " " * 900_000 + "-", "age", 900_016),
        ("a" * 400_000 + "." + "a" * 400_000, "unknown-entity", 0),
        ("metrics.acc > '" + "9" * 900_000 + "'", "type", 14),
        ("start_time > '" + "2" * 900_000 + "'", "date", 13),
        ("max(" * 100_000, "unclosed-parenthesis", 7),
    ],
    ids=lambda value: value[:12] if isinstance(value, str) else None,
)
def test_huge_faults_are_found_soon_and_told_shortly(text: str, code: str, start: int) -> None:
    with within(60):
        if not code:
            assert ids(text) == []
            return
        error = fault_of(text)
    assert (error.code, error.start) == (code, start)
    assert len(str(error)) < 600


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" OR ".join(["run_id = 'l-done'"] * 5_000), ["l-done"]),
        (" AND ".join(["(run_id = 'l-done' OR NOT metrics.acc > 1)"] * 3_000) + " AND run_id LIKE 'l-d%'", ["l-done"]),
        (f"params.model = '{'a' * HUGE}'", []),
        (f"params.model LIKE '{'%a' * 300_000}'", []),
        (f"params.model LIKE '{'_' * 900_000}'", []),
        (f"params.`{'a' * 900_000}` = 1", []),
        (f"metrics.acc >= {'9' * 900_000}", ["m-inf"]),
        (f"metrics.acc > 0.{'9' * 900_000} AND metrics.acc < 1e309", ["m-big"]),
        (f"metrics.exact IN ({','.join(str(n) for n in range(100_000))}, 9007199254740992)", ["m-big"]),
        (f"run_id IN ({','.join(repr(str(n)) for n in range(100_000))}, 'l-done')", ["l-done"]),
        (f"params.x IN ({','.join(str(n) for n in range(8, 100_000))}, 7)", ["x-plus"]),
        (f"datasets.digest IN ({','.join(repr(str(n)) for n in range(50_000))})", ["l-stopped"]),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else None,
)
def test_huge_filters_are_answered(text: str, expected: list[str]) -> None:
    with within(60):
        assert ids(text) == expected


def test_a_list_is_asked_once_for_each_run() -> None:
    runs = [make_run(f"r{number}", start_time=T0, params={"p": f"w{number}"}) for number in range(3_000)]
    listed = ",".join(f"'w{number}'" for number in range(0, 80_000, 2))
    with within(60):
        assert len(ids(f"params.p IN ({listed})", runs=runs)) == 1_500


def test_a_frame_without_runs_answers_everything() -> None:
    empty = Frame([], direction=direction)
    rng = Random(8)
    for _ in range(300):
        made = make_filter(rng, ())
        frame = Frame([], direction=made_direction)
        assert search(frame, made.text, [key.text for key in make_order(rng)], now=NOW) == []
    assert search(empty, now=NOW) == []


def test_masks_are_of_truths_whatever_is_asked() -> None:
    from reportgen.query.evaluate import evaluate

    for frame, made, _ in make_pairs(9, 500):
        mask = evaluate(parse_filter(made.text), frame, NOW)
        assert (mask.dtype, mask.shape) == (np.bool_, (len(frame),))


def test_a_run_whose_log_has_no_times_began_and_ended_at_no_time() -> None:
    runs = [make_run("timed", start_time=T0), make_run("timeless", start_time=0.0, duration_s=0.0)]
    assert ids("start_time < '2000-01-01' OR end_time < '2000-01-01'", runs=runs) == []
    assert ids("start_time IS NULL AND end_time IS NULL", runs=runs) == ["timeless"]
    assert ids("", ["start_time"], runs=runs) == ids("", ["start_time DESC"], runs=runs) == ["timed", "timeless"]


# ---- what users of trackers ask for


def wanted_runs() -> list[Summary]:
    """Return a small sweep: three rates, one run that failed, one of before a param was added, one that was a try."""
    make: Callable[..., Summary] = make_run
    return [
        make("run-1", start_time=T0, params={"lr": 0.1, "opt": "adam"}, metrics={"val acc": [0.2, 0.9, 0.7]}),
        make("run-2", start_time=T0 + 60, params={"lr": 0.01, "opt": "sgd"}, metrics={"val acc": [0.5, 0.6, 0.8]}),
        make("run-3", start_time=T0 + 120, params={"lr": 0.001, "opt": "adamw", "warmup": 5}, status="failed",
             metrics={"val acc": [0.1]}, error="CUDA out of memory", duration_s=12.0),
        make("run-4", start_time=T0 + 180, params={"lr": "1e-3", "opt": "adam", "warmup": 10}, duration_s=7200.0,
             metrics={"val acc": [0.3, 0.75]}, parent_id="run-1", notes="the new *baseline*", tags={"keep": "yes"}),
        make("run-5", start_time=NOW - 3600, status="unfinished", params={"opt": "lion"}, metrics={}),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("want", "text", "order_by", "expected"),
    [
        ("two runs that I name", "run_id = 'run-1' OR run_id = 'run-4'", [], [4, 1]),
        ("runs whose names I list", "run_name IN ('run-1', 'run-4')", [], [4, 1]),
        ("one optimizer or another", "params.opt = 'sgd' OR params.opt = 'lion'", [], [5, 2]),
        ("optimizers from a list", "params.opt IN ('adam', 'adamw')", [], [4, 3, 1]),
        ("a list or a range", "metrics.`val acc` IN (0.1, 0.2) OR metrics.`val acc` BETWEEN 0.7 AND 0.75", [],
         [4, 3, 1]),
        ("a range of rates, as numbers", "params.lr BETWEEN 0.001 AND 0.01", [], [4, 3, 2]),
        ("rates above a number, though params are texts elsewhere", "params.lr >= 0.01", [], [2, 1]),
        ("a metric with a blank in its name", "metrics.`val acc` > 0.72", [], [4, 2]),
        ("the best value and not the last", "max(metrics.`val acc`) > 0.85", [], [1]),
        ("order by the best value", "", ["max(`val acc`) DESC"], [1, 2, 4, 3, 5]),
        ("order by the last value", "", ["metrics.`val acc` DESC"], [2, 4, 1, 3, 5]),
        ("order params as numbers", "params.lr IS NOT NULL", ["number(params.lr) DESC", "start_time"], [1, 2, 3, 4]),
        ("runs from before a param was added", "params.warmup IS NULL", [], [5, 2, 1]),
        ("runs without a tag", "tags.keep IS NULL AND NOT status = 'unfinished'", [], [3, 2, 1]),
        ("all but the failed", "status != 'failed'", [], [5, 4, 2, 1]),
        ("what ran out of memory", "error CONTAINS 'out of memory'", [], [3]),
        ("short runs, which were tries", "duration < 1m", [], [3]),
        ("long runs first", "duration > 1h", ["duration DESC"], [4]),
        ("runs with few points", "count(`val acc`) < 3", [], [4, 3]),
        ("what started in the last day", "start_time > now - 1d", [], [5]),
        ("what started on a day", "start_time BETWEEN '2026-11-01' AND '2026-11-02'", [], [4, 3, 2, 1]),
        ("what ended since a time", "end_time > '2026-11-01 00:02:30'", [], [4]),
        ("children of a run", "parent = 'run-1'", [], [4]),
        ("runs without a parent", "parent IS NULL", [], [5, 3, 2, 1]),
        ("a word in the notes", "notes CONTAINS 'Baseline'", [], [4]),
        ("runs that logged nothing", "metrics.`val acc` IS NULL", [], [5]),
        ("neither of two optimizers", "params.opt NOT IN ('adam', 'sgd')", [], [5, 3]),
        ("names that do not look like something", "params.opt NOT LIKE 'adam%'", [], [5, 2]),
        ("either of two groups", "(params.opt = 'adam' AND params.lr > 0.05) OR (status = 'failed')", [],
         [3, 1]),
    ],
)  # fmt: skip
def test_users_find(want: str, text: str, order_by: list[str], expected: list[int]) -> None:
    assert ids(text, order_by, runs=wanted_runs()) == [f"run-{number}" for number in expected], want

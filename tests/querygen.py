"""Random runs, filters and orders: the same for the same seed, and biased to names and values that the runs have.

A filter comes as a text and as a tree, so that a reference can decide without parsing. A tree is `("and", [trees])`,
`("or", [trees])`, `("not", tree)` or `("clause", entity, name, function, operator, values, negated)`; entities are
`metric param tag dataset attribute`, operators those of `nodes.Comparison`, and a value is `("number", float)`,
`("text", str)`, `("truth", bool)`, `("age", seconds)` or `("now", seconds after now)`. All of it can be JSON.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from reportgen.model import Code, Input, ParamValue, Summary
from tests.factories import Values
from tests.query_runs import NOW, T0, make_run, to_json

NAN, INF = math.nan, math.inf
Tree = tuple[Any, ...]

METRICS: Final = ("acc", "loss", "val/acc", "f1 score", "a-b", "x.y", "1st", "🦊", "it's")
PARAMS: Final = ("lr", "model", "opt.lr", "a b", "n-1", "seed", "שם", "a,b", "Model")
TAGS: Final = ("team", "stage", "release.v1", "a b", "mlflow.user", "mlflow.runName", "mlflow.source.git.branch")
WORDS: Final = (
    "cnn", "CNN", "Cnn", "cnn2", "adam", "a%b", "a_b", "", " ", "x\ny", "Émile", "émile", "🦊", "a🦊b", "\uffff",
    "\u017f", "\u212a", "שלום", "it's", 'say "hi"', "back\\slash", "true", "False", "a.c", "None", "-", "--", "/*",
    "; DROP", "%", "_",
)  # fmt: skip
"""U+017F and U+212A become s and k where case is ignored too eagerly."""
NUMBER_WORDS: Final = (
    "1", "1.0", "0.10", "1e-05", ".5", "5.", "+1", "-1", " 5 ", "nan", "-inf", "Infinity", "1e999", "0x10", "1_0", "٣",
)  # fmt: skip
NUMBERS: Final = (0.0, -0.0, 0.5, 1.0, -1.0, 2.0, 5.0, 0.1, 1e-05, 1e16, 1e22, 123456789.125, -2.5)
PLAIN_WORDS: Final = (
    "cnn", "CNN", "Cnn", "cnn2", "adam", "a%b", "a_b", "", " ", "🦊", "a🦊b", "שלום", "it's", 'say "hi"', "true", "a.c",
    "1", "0.10", "-", "--", "/*", "; DROP", "%", "_", "(a)", "a, b", "AND", "^a$",
)  # fmt: skip
"""Words that MLflow compares as it documents: on one line, and without letters that its ILIKE folds beyond A to Z."""
BRANCHES: Final = ("main", "dev", "Main", "feature/x")
STATUSES: Final = ("finished", "failed", "stopped", "unfinished")
UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
METRIC_FUNCTIONS: Final = ("last", "min", "max", "mean", "first", "best", "step_of_best", "count")
WORD_ATTRIBUTES: Final = (
    "run_id", "run_name", "experiment", "status", "error", "user", "group", "parent", "commit", "branch", "notes",
)  # fmt: skip


@dataclass(frozen=True)
class Made:
    """A filter that was made up: as one writes it, and as what it means."""

    text: str
    tree: Tree | None
    """None for an empty filter."""


@dataclass(frozen=True)
class MadeKey:
    """One key of an order that was made up."""

    text: str
    field: tuple[str, str, str]
    """Entity, name, function."""
    descending: bool


def direction(metric: str) -> str | None:
    """Return the direction of the generated metrics: `max` for accuracies, `min` for the rest."""
    return "max" if "acc" in metric else "min"


# ---- runs


def make_runs(rng: Random, *, plain: bool = False) -> list[Summary]:
    """Return 0 to 12 runs; `plain` leaves out what MLflow compares otherwise than it documents."""
    count = rng.choice((0, 1, 2, 4, 8, 12))
    return [_make_run(rng, number, plain) for number in range(count)]


def _make_run(rng: Random, number: int, plain: bool) -> Summary:
    words = PLAIN_WORDS if plain else (*WORDS, *NUMBER_WORDS)

    def word(chance: float = 0.7) -> str:
        return rng.choice([each for each in words if each or not plain]) if rng.random() < chance else ""

    tags = [name for name in TAGS if not (plain and name.startswith("mlflow."))]
    roles = rng.sample((("mnist", "d1", "train"), ("cifar", "d2", ""), ("Mnist", "d1", "test")), rng.randrange(4))
    day = rng.choice((0.0, 0.0, 1.0, 1.5, 20.0, 20.99))
    return make_run(
        f"run-{rng.randrange(1000):03}-{number}",
        start_time=T0 + day * 86_400 + rng.choice((0.0, 0.0004, 0.0006, 0.25)),
        name=rng.choice(("brave-otter", "Brave-Otter", "cnn", "calm owl", "100%", f"run {number}")),
        experiment=rng.choice(("bench", "Bench", "other/exp")),
        status=rng.choice(STATUSES),
        error=rng.choice(("", "", "ValueError: bad lr", "KeyError: 'x'")),
        duration_s=rng.choice((0.0, 0.0015, 59.9994, 60.0, 99.9996, 3600.0, 7200.04, 86_400.0)),
        parent_id=rng.choice(("", "run-001-0")),
        group=rng.choice(("", "g1", "g_1", "5")),
        user=rng.choice(("", "ada", "Ada", "bob")),
        notes="" if plain else word(0.5),
        params={name: _param(rng, words) for name in PARAMS if rng.random() < 0.55},
        tags={name: rng.choice(words) for name in tags if rng.random() < 0.5},
        metrics={name: _values(rng) for name in METRICS if rng.random() < 0.6},
        code=Code(
            commit=rng.choice(("", "a41f09c2", "0001")),
            branch=rng.choice(("", *BRANCHES)),
            dirty=rng.choice((None, True, False)),
        ),
        artifacts=rng.sample(("model.pt", "a.PT", "plots/loss.png", "it's.txt", "100%_x"), rng.randrange(4)),
        inputs=[Input(name, digest, "", role) for name, digest, role in roles],
    )


def _param(rng: Random, words: Sequence[str]) -> ParamValue:
    pick = rng.random()
    if pick < 0.45:
        return rng.choice(words)
    if pick < 0.7:
        return rng.choice((*NUMBERS, NAN, INF, -INF))
    if pick < 0.85:
        return rng.choice((0, 1, 5, -1, 10**16, 2**70, 10**400))
    return rng.choice((True, False, None))


def _values(rng: Random) -> Values:
    values = [
        rng.choice((*NUMBERS, NAN, INF, -INF) if rng.random() < 0.4 else NUMBERS) for _ in range(rng.randint(1, 5))
    ]
    steps, at = [], rng.choice((0, 0, 10))
    for _ in values:
        steps.append(at)
        at += rng.choice((0, 1, 1, 5))
    return (steps, values)


# ---- filters


def make_filter(rng: Random, runs: Sequence[Summary], *, depth: int = 3) -> Made:
    """Return a filter with everything that the language has."""
    if rng.random() < 0.01:
        return Made(rng.choice(("", " ", "\t\n")), None)
    return _Maker(rng, runs).node(depth)


def make_order(rng: Random) -> list[MadeKey]:
    """Return up to three keys of an order."""
    maker = _Maker(rng, ())
    keys = []
    for _ in range(rng.randrange(4)):
        pick = rng.random()
        param, tag = rng.choice(PARAMS), rng.choice(TAGS)
        if pick < 0.5:
            entity, name, function, text = maker.metric()
        elif pick < 0.7:
            entity, name, function, text = "param", param, "", maker.keyed("param", param)
        elif pick < 0.8:
            entity, name, function, text = "param", param, "number", f"number({maker.keyed('param', param)})"
        elif pick < 0.9:
            entity, name, function, text = "tag", tag, "", maker.keyed("tag", tag)
        else:
            name = rng.choice((*WORD_ATTRIBUTES, "start_time", "end_time", "duration", "dirty"))
            entity, function, text = "attribute", "", name
        way = rng.choice(("", " ASC", " DESC", " desc", "\tAsc "))
        keys.append(MadeKey(text + way, (entity, name, function), "DESC" in way.upper()))
    return keys


def damage(rng: Random, text: str) -> str:
    """Return `text` with one to three characters deleted, added or doubled: mostly a filter with a fault."""
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(text) + 1)
        what = rng.random()
        if what < 0.4:
            text = text[:at] + text[at + 1 :]
        elif what < 0.8:
            text = text[:at] + rng.choice("'\"`()=<>!,.%_ \n;“”~-+09aNx🦊\x00\xa0") + text[at:]
        elif what < 0.9:
            text = text[:at] + text[max(0, at - 4) :]
        else:
            text = text[:at]
    return text


def iter_sets(seed: int, sets: int, filters: int) -> Iterator[dict[str, Any]]:
    """Yield runs with filters to ask them, as JSON: `runs`, `now` (seconds), `filters`; a quarter is damaged."""
    rng = Random(seed)
    for _ in range(sets):
        runs = make_runs(rng)
        texts = [make_filter(rng, runs).text for _ in range(filters)]
        texts = [damage(rng, text) if rng.random() < 0.25 else text for text in texts]
        yield {"runs": [to_json(run) for run in runs], "now": NOW, "filters": texts}


class _Maker:
    def __init__(self, rng: Random, runs: Sequence[Summary]) -> None:
        self.rng = rng
        self.runs = runs

    # ---- trees

    def node(self, depth: int) -> Made:
        pick = self.rng.random()
        if depth == 0 or pick < 0.35:
            return self.clause()
        if pick < 0.55:
            inner = self.node(depth - 1)
            text = inner.text if inner.tree and inner.tree[0] in ("clause", "not") else f"({inner.text})"
            return Made(f"{self.case('NOT')}{self.gap()}{text}", ("not", inner.tree))
        kind = "and" if pick < 0.8 else "or"
        parts = [self.node(depth - 1) for _ in range(self.rng.randint(2, 3))]
        texts = [
            f"({part.text})"
            if (kind == "and" and part.tree and part.tree[0] == "or") or self.rng.random() < 0.15
            else part.text
            for part in parts
        ]
        joint = f"{self.gap()}{self.case(kind.upper())}{self.gap()}"
        return Made(joint.join(texts), (kind, [part.tree for part in parts]))

    def clause(self) -> Made:
        pick = self.rng.random()
        if pick < 0.3:
            return self.of_numbers(*self.metric())
        if pick < 0.55:
            name = self.rng.choice(PARAMS)
            return self.of_mixed("param", name, self.keyed("param", name))
        if pick < 0.65:
            name = self.rng.choice(TAGS)
            return self.of_mixed("tag", name, self.keyed("tag", name))
        if pick < 0.75:
            return self.of_datasets()
        return self.of_attributes()

    # ---- clauses

    def of_numbers(self, entity: str, name: str, function: str, field: str) -> Made:
        rng = self.rng
        pick = rng.random()
        if pick < 0.1:
            return self.is_what(entity, name, function, field, rng.choice(("NULL", "NAN")))
        known = [run.metrics[name].last for run in self.runs if name in run.metrics]
        known += [run.metrics[name].mean or 0.0 for run in self.runs if name in run.metrics]
        known = [number for number in known if math.isfinite(number)]

        def value() -> tuple[str, Any, str]:
            number = rng.choice((*known, *NUMBERS, 3.0))
            return ("number", number, self.number(number))

        return self.compared(entity, name, function, field, value, texts=False)

    def of_mixed(self, entity: str, name: str, field: str) -> Made:
        rng = self.rng
        if entity == "param" and rng.random() < 0.06:
            number = rng.choice(NUMBERS)
            return self.compared(
                entity, name, "number", f"number({field})", lambda: ("number", number, self.number(number)), texts=False
            )
        known = [
            str(of[name]) for run in self.runs for of in (run.params if entity == "param" else run.tags,) if name in of
        ]
        return self.of_texts(entity, name, field, known, truths=True)

    def of_texts(self, entity: str, name: str, field: str, known: Sequence[str], *, truths: bool = False) -> Made:
        rng = self.rng
        pick = rng.random()
        if pick < 0.08:
            return self.is_what(entity, name, "", field, rng.choice(("NULL", "NAN")) if truths else "NULL")
        if pick < 0.13 and truths:
            operator, truth = rng.choice(("=", "!=")), rng.random() < 0.5
            text = f"{field}{self.gap(0)}{operator}{self.gap(0)}{self.case(str(truth).upper())}"
            return Made(text, ("clause", entity, name, "", operator, [("truth", truth)], False))
        if pick < 0.35:
            operator = rng.choice(("LIKE", "ILIKE", "CONTAINS"))
            return self.matched(entity, name, field, operator, known)
        words = [each for each in (*known, *WORDS, "") if self.can_quote(each)]

        def value() -> tuple[str, Any, str]:
            if rng.random() < 0.3 and entity != "dataset":
                number = rng.choice(NUMBERS)
                return ("number", number, self.number(number))
            word = rng.choice(words)
            return ("text", word, self.quoted(word))

        return self.compared(entity, name, "", field, value, texts=True)

    def of_datasets(self) -> Made:
        name = self.rng.choice(("name", "digest", "context"))
        field = f"{self.rng.choice(('dataset', 'datasets'))}.{name}"
        return self.of_texts("dataset", name, field, ("mnist", "cifar", "Mnist", "d1", "d2", "train", "test"))

    def of_attributes(self) -> Made:
        rng = self.rng
        pick = rng.random()
        prefix = rng.choice(("", "", "", "attributes.", "attribute.", "attr.", "run."))
        if pick < 0.2:
            name = rng.choice(("start_time", "end_time"))
            spelled = rng.choice((name, "created")) if name == "start_time" else name
            if rng.random() < 0.06:
                return self.is_what("attribute", name, "", prefix + spelled, "NULL")
            return self.compared("attribute", name, "", prefix + spelled, self.time, texts=False)
        if pick < 0.35:
            return self.compared("attribute", "duration", "", prefix + "duration", self.length, texts=False)
        if pick < 0.42:
            if rng.random() < 0.3:
                return self.is_what("attribute", "dirty", "", prefix + "dirty", "NULL")
            operator, truth = rng.choice(("=", "!=")), rng.random() < 0.5
            text = f"{prefix}dirty {operator} {self.case(str(truth).upper())}"
            return Made(text, ("clause", "attribute", "dirty", "", operator, [("truth", truth)], False))
        if pick < 0.52:
            if rng.random() < 0.5:
                number = float(rng.randrange(4))
                return self.compared(
                    "attribute", "artifacts", "", prefix + "artifacts",
                    lambda: ("number", number, self.number(number)), texts=False,
                )  # fmt: skip
            known = [path for run in self.runs for path in run.artifact_paths]
            return self.of_paths(prefix + "artifacts", known)
        name = rng.choice(WORD_ATTRIBUTES)
        key = {"parent": "parent_id", "run_name": "name"}.get(name, name)
        known = [str(getattr(run, key)) for run in self.runs]
        if name == "status":
            known = [*STATUSES, "FINISHED", "Failed", "KILLED", "running"]
        spelled = rng.choice(
            {"run_name": ("run_name", '"Run name"', "`run name`"), "user": ("user", "user_id")}.get(name, (name,))
        )
        return self.of_texts("attribute", name, prefix + spelled, known)

    def of_paths(self, field: str, known: Sequence[str]) -> Made:
        rng = self.rng
        if rng.random() < 0.1:
            return self.is_what("attribute", "artifacts", "", field, "NULL")
        if rng.random() < 0.5:
            return self.matched("attribute", "artifacts", field, rng.choice(("LIKE", "ILIKE", "CONTAINS")), known)

        def value() -> tuple[str, Any, str]:
            word = rng.choice((*known, "model.pt", "x"))
            return ("text", word, self.quoted(word))

        return self.compared("attribute", "artifacts", "", field, value, texts=True)

    def is_what(self, entity: str, name: str, function: str, field: str, what: str) -> Made:
        negated = self.rng.random() < 0.5
        words = ["IS", *(["NOT"] if negated else []), what]
        text = field + self.gap() + self.gap().join(map(self.case, words))
        return Made(text, ("clause", entity, name, function, what, [], negated))

    def matched(self, entity: str, name: str, field: str, operator: str, known: Sequence[str]) -> Made:
        negated = self.rng.random() < 0.3
        text = self.pattern(known)
        while not self.can_quote(text):
            text = self.pattern(known)
        words = [*(["NOT"] if negated else []), operator]
        shown = field + self.gap() + self.gap().join(map(self.case, words)) + self.gap(0) + self.quoted(text)
        return Made(shown, ("clause", entity, name, "", operator, [("text", text)], negated))

    def compared(self, entity: str, name: str, function: str, field: str, value: Any, *, texts: bool) -> Made:
        rng = self.rng
        pick = rng.random()
        if pick < 0.65:
            operator = rng.choice(("=", "!=", "<", "<=", ">", ">="))
            kind, what, shown = self.fitting(value, ordering=texts and operator not in ("=", "!="))
            text = f"{field}{self.gap(0)}{operator}{self.gap(0)}{shown}"
            return Made(text, ("clause", entity, name, function, operator, [(kind, what)], False))
        negated = rng.random() < 0.35
        leading = [*(["NOT"] if negated else [])]
        if pick < 0.85:
            same = None
            values = []
            for _ in range(rng.randint(1, 4)):
                one = value()
                same = same or one[0]
                values.append(one if name != "artifacts" or one[0] == same else values[0])
            listed = f"{self.gap(0)},{self.gap(0)}".join(shown for _, _, shown in values)
            text = f"{field}{self.gap()}{self.gap().join(map(self.case, [*leading, 'IN']))}{self.gap(0)}({listed})"
            return Made(text, ("clause", entity, name, function, "IN", [each[:2] for each in values], negated))
        low, high = self.fitting(value, ordering=texts), self.fitting(value, ordering=texts)
        while texts and low[0] != high[0]:
            high = self.fitting(value, ordering=texts)
        words = self.gap().join(map(self.case, [*leading, "BETWEEN"]))
        text = f"{field}{self.gap()}{words}{self.gap()}{low[2]}{self.gap()}{self.case('AND')}{self.gap()}{high[2]}"
        return Made(text, ("clause", entity, name, function, "BETWEEN", [low[:2], high[:2]], negated))

    def fitting(self, value: Any, *, ordering: bool) -> tuple[str, Any, str]:
        """Return a value; one that may be ordered by is no text that looks like a number."""
        while True:
            made: tuple[str, Any, str] = value()
            if not ordering or made[0] != "text" or not looks_like_a_number(made[1]):
                return made

    # ---- names

    def metric(self) -> tuple[str, str, str, str]:
        """Return entity, name, function and how all of it is written."""
        name = self.rng.choice(METRICS)
        field = self.keyed("metric", name)
        if self.rng.random() < 0.5:
            return ("metric", name, "last", field)
        function = self.rng.choice(METRIC_FUNCTIONS)
        if self.rng.random() < 0.4:
            field = self.key(name)
        return ("metric", name, function, f"{self.case(function)}({self.gap(0)}{field}{self.gap(0)})")

    def keyed(self, entity: str, name: str) -> str:
        words = {
            "metric": ("metric", "metrics"),
            "param": ("param", "params", "parameter", "parameters"),
            "tag": ("tag", "tags"),
        }
        return f"{self.rng.choice(words[entity])}.{self.key(name)}"

    def key(self, name: str) -> str:
        if not set(name) & set(" '\"`(),=<>!") and self.rng.random() < 0.7:
            return name
        quote = self.rng.choice([quote for quote in "`\"'" if quote not in name])
        return f"{quote}{name}{quote}"

    # ---- values

    def number(self, number: float) -> str:
        """Return one of the ways to write a number that mean just this one."""
        ways = [repr(number), f"{number:.17g}", f"{number:.25e}", f"{number!r}".replace("e", "E")]
        if number == int(number) and abs(number) < 1e15:
            ways += (
                [str(int(number)), f"{int(number)}.", f"{number:+}"] if math.copysign(1, number) > 0 or number else []
            )
        if 0 < number < 1:
            ways.append(repr(number).removeprefix("0") if repr(number).startswith("0.") else repr(number))
        text = self.rng.choice(ways)
        assert float(text) == number
        return text

    def time(self) -> tuple[str, Any, str]:
        rng = self.rng
        pick = rng.random()
        if pick < 0.3:
            number = (T0 + rng.choice((0, 86_400, 20 * 86_400))) * 1000 + rng.choice((0, 0, 1, 250))
            return ("number", number, str(int(number)))
        if pick < 0.7:
            day = rng.choice(("2026-11-01", "2026-11-02", "2026-11-21", "2024-02-29"))
            clock = rng.choice(
                (
                    "",
                    " 00:00",
                    "T12:00",
                    " 12:00:00",
                    "T00:00:00.250",
                    " 00:00Z",
                    "T02:00:00+02:00",
                    " 19:00:00.5-05:00",
                )
            )
            return ("text", day + clock, self.quoted(rng.choice(("", " ")) + day + clock))
        away, shown = self.age()
        sign = rng.choice("+-")
        text = f"{self.case('now')}{self.gap(0)}{sign}{self.gap(0)}{shown}" if rng.random() < 0.9 else self.case("now")
        return ("now", 0.0 if sign not in text else (-away if sign == "-" else away), text)

    def length(self) -> tuple[str, Any, str]:
        if self.rng.random() < 0.5:
            age, shown = self.age()
            return ("age", age, shown)
        number = self.rng.choice((0.0, 0.002, 59.999, 60.0, 100.0, 7200.0, 3600.0))
        return ("number", number, self.number(number))

    def age(self) -> tuple[float, str]:
        unit = self.rng.choice("smhdw")
        number = self.rng.choice(("0", "1", "2", "24", "1.5", "90", "7"))
        return float(number) * UNITS[unit], f"{number}{unit}"

    def pattern(self, known: Sequence[str]) -> str:
        rng = self.rng
        word = rng.choice((*known, *WORDS))
        for _ in range(rng.randrange(4)):
            at, end = sorted((rng.randrange(len(word) + 1), rng.randrange(len(word) + 1)))
            if rng.random() < 0.6:
                word = word[:at] + "%" + word[end:]
            elif rng.random() < 0.5:
                word = word[:at] + "_" + word[at + 1 :]
            else:
                word = word.swapcase() if word.isascii() else word
        return word

    def quoted(self, text: str) -> str:
        quote = self.rng.choice([quote for quote in "'\"" if quote not in text])
        return f"{quote}{text}{quote}"

    def can_quote(self, text: str) -> bool:
        return "'" not in text or '"' not in text

    # ---- looks

    def case(self, word: str) -> str:
        pick = self.rng.random()
        return word if pick < 0.6 else word.lower() if pick < 0.8 else word.capitalize()

    def gap(self, least: int = 1) -> str:
        return self.rng.choice(("", " ") if least == 0 else (" ",) * 8 + ("  ", "\n", "\t", "\xa0"))


def looks_like_a_number(text: str) -> bool:
    """Say whether a text stands for a number, worked out otherwise than the package does it."""
    text = text.strip(" \t\n\r\f\v\xa0")
    if not text.isascii() or "_" in text:
        return False
    try:
        float(text)
    except ValueError:
        return False
    return text == text.strip()


# ---- what MLflow has


def make_mlflow_filter(rng: Random, runs: Sequence[Summary]) -> str:
    """Return a filter within the grammar that MLflow documents."""
    maker = _Maker(rng, runs)
    if rng.random() < 0.02:
        return ""
    clauses = [_mlflow_clause(maker) for _ in range(rng.choice((1, 1, 1, 2, 2, 3)))]
    return f" {maker.case('AND')} ".join(clauses)


def make_mlflow_order(rng: Random) -> list[str]:
    """Return keys of an order as MLflow documents them."""
    maker = _Maker(rng, ())
    keys = []
    for _ in range(rng.randrange(4)):
        entity = rng.choice(("metric", "metric", "param", "tag", "attribute"))
        if entity == "attribute":
            name = rng.choice(("start_time", "end_time", "status", "run_name", "run_id", "user_id", "created"))
            text = rng.choice(("", "attributes.", "attribute.", "attr.", "run.")) + name
        else:
            text = _mlflow_key(maker, entity)
        keys.append(text + rng.choice(("", " ASC", " DESC", " asc", " desc")))
    return keys


def _mlflow_key(maker: _Maker, entity: str) -> str:
    rng = maker.rng
    name = rng.choice(
        {"metric": METRICS, "param": PARAMS, "tag": [tag for tag in TAGS if not tag.startswith("mlflow.")]}[entity]
    )
    word = rng.choice(
        {
            "metric": ("metric", "metrics"),
            "param": ("param", "params", "parameter", "parameters"),
            "tag": ("tag", "tags"),
        }[entity]
    )
    if name.isascii() and name.replace("_", "").replace(".", "").isalnum() and rng.random() < 0.6:
        return f"{word}.{name}"
    quote = rng.choice([quote for quote in '`"' if quote not in name])
    return f"{word}.{quote}{name}{quote}"


def _mlflow_clause(maker: _Maker) -> str:
    rng = maker.rng
    entity = rng.choice(("metric", "metric", "param", "param", "tag", "attribute", "attribute", "dataset"))
    gap = rng.choice(("", " "))
    if entity == "metric":
        number = rng.choice((*NUMBERS, 3.0))  # with no + in an exponent: MLflow reads none
        ways = [repr(number).replace("+", ""), f"{number:.25e}".replace("+", "")]
        if number == int(number) and abs(number) < 1e15:
            ways.append(str(int(number)))
        sign = rng.choice(("=", "!=", "<", "<=", ">", ">="))
        return f"{_mlflow_key(maker, entity)}{gap}{sign}{gap}{rng.choice(ways)}"
    if entity in ("param", "tag"):
        field = _mlflow_key(maker, entity)
        if rng.random() < 0.15:
            return f"{field} {maker.case('IS')} {rng.choice((maker.case('NULL'), maker.case('NOT NULL')))}"
        return f"{field} {_mlflow_match(maker, PLAIN_WORDS)}"
    if entity == "dataset":
        field = f"{rng.choice(('dataset', 'datasets'))}.{rng.choice(('name', 'digest', 'context'))}"
        words: Sequence[str] = ("mnist", "cifar", "Mnist", "d1", "d2", "train", "test")
        return f"{field} {_mlflow_list(maker, words) if rng.random() < 0.3 else _mlflow_match(maker, words)}"
    prefix = rng.choice(("", "", "attributes.", "attribute.", "attr.", "run."))
    if rng.random() < 0.35:
        name = rng.choice(("start_time", "end_time", "created", "Created"))
        number = int(rng.choice(maker.runs).start_time * 1000 + 0.5) if maker.runs else int(T0 * 1000)
        return (
            f"{prefix}{name} {rng.choice(('=', '!=', '<', '<=', '>', '>='))} {number + rng.choice((0, 0, -1, 60_000))}"
        )
    ids = [run.run_id for run in maker.runs] or ["run-000-0"]
    if rng.random() < 0.3:
        return f"{prefix}run_id {_mlflow_list(maker, [*ids, 'run-x'])}"
    name, words = rng.choice(
        (
            ("run_id", ids),
            ("run_name", ("brave-otter", "Brave-Otter", "cnn", "calm owl", "100%")),
            ('"Run name"', ("brave-otter", "cnn", "run 3")),
            ("`run name`", ("brave-otter", "cnn")),
            ("user_id", ("ada", "Ada", "bob")),
            ("status", ("FINISHED", "FAILED", "KILLED", "RUNNING", "F%")),
            ("artifact_uri", ("x", "%")),
        )
    )
    return f"{prefix}{name} {_mlflow_match(maker, words)}"


def _mlflow_match(maker: _Maker, words: Sequence[str]) -> str:
    operator = maker.rng.choice(("=", "!=", "LIKE", "ILIKE"))
    if "LIKE" in operator:
        pattern = maker.pattern(words)
        while not maker.can_quote(pattern) or set(pattern) & set("\n\\") or _folds(pattern):
            pattern = maker.pattern(words)
        return f"{maker.case(operator)} {maker.quoted(pattern)}"
    return f"{operator} {maker.quoted(maker.rng.choice(words))}"


def _mlflow_list(maker: _Maker, words: Sequence[str]) -> str:
    chosen = [maker.quoted(maker.rng.choice(words)) for _ in range(maker.rng.randint(1, 4))]
    return f"{maker.rng.choice(('IN', 'NOT IN', 'in', 'not in'))} ({maker.rng.choice((', ', ',')).join(chosen)})"


def _folds(text: str) -> bool:
    """Say whether the text has letters beyond A to Z that have a case."""
    return any(not letter.isascii() and letter.lower() != letter.upper() for letter in text)


if __name__ == "__main__":  # for a look at what comes out
    for made in iter_sets(1, 1, 40):
        print("\n".join(json.dumps(text, ensure_ascii=False) for text in made["filters"]))

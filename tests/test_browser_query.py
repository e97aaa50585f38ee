"""The filter language in a real browser: `query.js` answers as `reportgen.query` does, with the same faults."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from reportgen.errors import QueryError
from reportgen.formats import short_key
from reportgen.index import make_index
from reportgen.model import Summary
from reportgen.query import Frame, search, unknown_names
from reportgen.query.frame import shown_duration, text_of
from reportgen.site import urls
from reportgen.site.config import Config, MetricConfig
from reportgen.site.data.finding import CHUNK_BYTES, finding_scripts
from reportgen.site.data.tables import table_script
from reportgen.site.theme import load_theme
from tests import query_runs, querygen
from tests.browser import OpenPage, Watched, disk_address
from tests.test_query_cases import CASES
from tests.test_query_cases import text_of as text_of_case

pytestmark = pytest.mark.browser

PAGE: Final = """<!DOCTYPE html>
<html lang="en" data-root=""><head><meta charset="utf-8"><title>Query</title>
<script src="reportgen.js" defer></script><script src="query.js" defer></script>
<script src="finding.js" defer></script><script src="query_source.js" defer></script></head><body></body></html>"""
PAIRS: Final = 20_000
SETS: Final = 400
DIRECTION: Final = "({acc: 'max', loss: 'min'})[name] ?? null"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a page that loads the engine as it is published, and the tests' source."""
    folder = tmp_path_factory.mktemp("query")
    theme = load_theme("default")
    for name in ("reportgen.js", "query.js", "finding.js"):
        (folder / name).write_bytes(theme.read_asset(name))
    (folder / "query_source.js").write_bytes(Path(__file__).with_name("query_source.js").read_bytes())
    (folder / "page.html").write_text(PAGE)
    return folder


@pytest.fixture
def page(folder: Path, open_page: OpenPage) -> Iterator[Watched]:
    """Return the open page."""
    address = disk_address(folder)
    with open_page(address) as watched:
        watched.open(address + "page.html")
        yield watched
        assert watched.messages == []


def answers(
    page: Watched, runs: Sequence[Summary], asked: Sequence[tuple[str, float]], direction: str = "null"
) -> list[Any]:
    """Return what the page answers to filters at a time; `direction` is an expression for that of the metric `name`."""
    data = [{**query_runs.to_json(run), "shown_duration": shown_duration(run.duration_s)} for run in runs]
    return list(
        page.page.evaluate(
            f"([runs, asked]) => {{ const source = querySource(runs, (name) => {direction});"
            " return asked.map(([text, now]) => queryAnswer(source, text, now)); }",
            [data, [list(each) for each in asked]],
        )
    )


def truth(frame: Frame, text: str, now: float) -> dict[str, Any]:
    """Return what the engine in Python answers."""
    try:
        rows = search(frame, text, now=now)
    except QueryError as error:
        return {"code": error.code, "start": error.start, "end": error.end, "reason": error.reason}
    return {"rows": sorted(rows), "hints": unknown_names(frame, text)}


def test_each_case_is_answered_as_in_python(page: Watched) -> None:
    asked = [
        (text_of_case(case), case.get("now", query_runs.NOW))
        for case in CASES
        if case.get("error", {}).get("code") != "order"
    ]
    frame = Frame(query_runs.RUNS, direction=query_runs.direction)
    given = answers(page, query_runs.RUNS, asked, DIRECTION)
    wrong = [
        (text[:200], one, wanted)
        for (text, now), one in zip(asked, given, strict=True)
        if one != (wanted := truth(frame, text, now))
    ]
    assert wrong == []


def test_cases_find_the_runs_that_they_say(page: Watched) -> None:
    cases = [case for case in CASES if not case.get("order_by")]
    asked = [(text_of_case(case), case.get("now", query_runs.NOW)) for case in cases]
    given = answers(page, query_runs.RUNS, asked, DIRECTION)
    assert len(cases) > 300
    for case, one in zip(cases, given, strict=True):
        if "ids" in case:
            assert {query_runs.RUNS[row].run_id for row in one["rows"]} == set(case["ids"]), case["filter"]
        else:
            assert {name: one.get(name) for name in case["error"]} == case["error"], case["filter"]


def test_random_filters_find_the_same_runs_or_the_same_fault(page: Watched) -> None:
    rng = random.Random(20)
    compared = faults = 0
    for _ in range(SETS):
        runs = querygen.make_runs(rng)
        texts = [querygen.make_filter(rng, runs).text for _ in range(PAIRS // SETS)]
        texts = [querygen.damage(rng, text) if rng.random() < 0.3 else text for text in texts]
        frame = Frame(runs, direction=querygen.direction)
        wanted = [truth(frame, text, query_runs.NOW) for text in texts]
        given = answers(page, runs, [(text, query_runs.NOW) for text in texts], "name.includes('acc') ? 'max' : 'min'")
        for text, one, two in zip(texts, given, wanted, strict=True):
            assert one == two, json.dumps(text)
            compared += 1
            faults += "code" in two
    assert compared == PAIRS
    assert PAIRS / 20 < faults < PAIRS / 2


def test_texts_of_numbers_are_those_of_python(page: Watched) -> None:
    rng = random.Random(3)
    floats = [
        0.0,
        -0.0,
        1e16,
        1e15,
        123456789012345680.0,
        9999999999999998.0,
        1e-4,
        1e-5,
        0.00012345,
        1e22,
        5e-324,
        1.5,
    ]
    floats += [rng.uniform(-10, 10) * 10 ** rng.randint(-20, 25) for _ in range(2000)]
    floats += [float(rng.randint(-(10 ** rng.randint(1, 17)), 10 ** rng.randint(1, 17))) for _ in range(2000)]
    made = page.page.evaluate("values => values.map((value) => reportgen.query.asValue(value, true).text)", floats)
    assert made == [text_of(value) for value in floats]
    whole = [0, 5, -5, 2**53 - 1, -(2**53) + 1]
    assert page.page.evaluate("values => values.map((value) => reportgen.query.asValue(value).text)", whole) == [
        str(value) for value in whole
    ]


def test_faults_stand_in_code_points(page: Watched) -> None:
    text = "params.model = '🦊🦊' AND 🦊x = 1"
    (fault,) = answers(page, [], [(text, 0.0)])
    assert text[fault["start"] : fault["end"]] == "🦊x"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("(" * 100_000, "depth"),
        ("NOT " * 100_000 + "dirty = TRUE", "depth"),
        ("a OR " * 20_000, "unknown-attribute"),
        ("metrics.a > 1 OR " * 20_000 + "metrics.a > 1", None),
        ("params.a = '" + "x" * 999_000 + "'", None),
        ("params.a = '" + "x" * 1_000_000 + "'", "length"),
        ("params.x IN (" + ",".join(["1"] * 100_000) + ")", None),
        ("params.x LIKE '" + "%a_" * 10_000 + "'", None),
        ("params.x > " + "1" * 500_000 + "x", "expected-value"),
        ("params.x = now" + " " * 500_000 + "-x", None),
        ("'" * 999_999, "unclosed-quote"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_filter_of_any_size_is_answered(page: Watched, text: str, code: str | None) -> None:
    (given,) = answers(page, query_runs.RUNS, [(text, 0.0)])
    assert given.get("code") == (code or given.get("code"))
    if code is None:
        assert given == truth(Frame(query_runs.RUNS), text, 0.0)


def test_patterns_do_not_take_long_on_long_texts(page: Watched) -> None:
    took = page.page.evaluate(
        """() => {
          const values = [("a".repeat(65536)), "1".repeat(65536) + "x", " ".repeat(65536) + "1"];
          const source = { n: 3, known: () => [], texts: () => ({ codes: Int32Array.of(0, 1, 2), values }) };
          const texts = ["%a%a%a%a%a%b", "a%".repeat(500) + "b", "%" + "_".repeat(1000) + "b%"];
          const filters = [...texts.map((text) => `params.x LIKE '${text}'`), "params.x = 1", "number(params.x) > 0"];
          return filters.map((text) => {
            const start = performance.now();
            reportgen.query.filter(reportgen.query.parse(text, () => []), source, 0);
            return performance.now() - start;
          });
        }"""
    )
    assert max(took) < 60_000, took


def test_text_beyond_the_basic_plane_is_ordered_by_code_point(page: Watched) -> None:
    words = ["", "a", "b", "ab", "\ud7ff", "\ue000", "\uffff", "🦊", "🦊a", "a🦊", "a\uffff", "\U0010ffff"]
    for high in words:
        if '"' in high:
            continue
        runs = [query_runs.make_run(f"r{i}", start_time=0.0, tags={"t": word}) for i, word in enumerate(words)]
        (given,) = answers(page, runs, [(f'tags.t < "{high}"', 0.0)])
        assert given["rows"] == [i for i, word in enumerate(words) if word < high]


# ---- the data files of a site


CONFIG: Final = Config(
    metrics={
        name: MetricConfig(direction=querygen.direction(name), summary=("best", "last", "mean", "first")[number % 4])
        for number, name in enumerate(querygen.METRICS)
    }
)


def write_data(runs: Sequence[Summary]) -> list[str]:
    """Return the data files on many runs as scripts: the index of their experiments first, then tables and the rest."""
    calls = []
    index = make_index(runs, [])
    for experiment in index.experiments:
        calls.append(table_script(experiment, CONFIG))
        calls += [content for _, content in finding_scripts(experiment, CONFIG)]
    keys = [short_key(experiment.name) for experiment in index.experiments]
    return [json.dumps(keys), *(call.decode() for call in calls)]


def found(page: Watched, runs: Sequence[Summary], texts: Sequence[str]) -> list[Any]:
    """Return the ids that the page finds in the data files of `runs`, or the place of the fault, for each filter."""
    keys, *calls = write_data(runs)
    return list(
        page.page.evaluate(
            """async ([keys, calls, texts, now]) => {
              for (const call of calls) {
                const [id, payload] = JSON.parse("[" + call.trim().slice("reportgen.data(".length, -2) + "]");
                reportgen.forget(id);
                reportgen.data(id, payload);
              }
              const tables = await Promise.all(keys.map(reportgen.table));
              const order = tables.flatMap((table, t) => table.runs.id.map((_, i) => [t, i])).reverse();
              const [tableOf, placeOf] = [0, 1].map((at) => order.map((pair) => pair[at]));
              const source = reportgen.finding(tables, tableOf, placeOf);
              const ids = order.map(([t, i]) => tables[t].runs.id[i]);
              const answers = [];
              for (const text of texts) {
                try {
                  const tree = reportgen.query.parse(text, source.known);
                  await source.load(tree, text);
                  const mask = reportgen.query.filter(tree, source, now * 1000, text);
                  answers.push(ids.filter((_, row) => mask[row]).sort());
                } catch (error) {
                  if (!(error instanceof reportgen.query.QueryFault)) throw error;
                  answers.push([error.code, error.start, error.end]);
                }
              }
              return answers;
            }""",
            [json.loads(keys), calls, list(texts), query_runs.NOW],
        )
    )


def wanted(runs: Sequence[Summary], texts: Sequence[str]) -> list[Any]:
    """Return the same from the runs themselves."""
    frame = Frame(runs, direction=querygen.direction)
    made: list[Any] = []
    for text in texts:
        one = truth(frame, text, query_runs.NOW)
        made.append(
            [one["code"], one["start"], one["end"]]
            if "code" in one
            else sorted(runs[row].run_id for row in one["rows"])
        )
    return made


def test_the_data_files_answer_as_the_runs_do(page: Watched) -> None:
    rng = random.Random(7)
    for _ in range(60):
        runs = [run for run in querygen.make_runs(rng) if _can_be_stored(run)]
        texts = [querygen.make_filter(rng, runs).text for _ in range(60)]
        for text, one, two in zip(texts, found(page, runs, texts), wanted(runs, texts), strict=True):
            assert one == two, json.dumps(text)


def test_the_cases_are_answered_from_data_files(page: Watched) -> None:
    runs = [run for run in query_runs.RUNS if _can_be_stored(run)]
    texts = [text_of_case(case) for case in CASES if "ids" in case and not {"order_by", "now", "repeat"} & case.keys()]
    assert len(runs) >= len(query_runs.RUNS) - 2
    assert found(page, runs, texts) == wanted(runs, texts)


def _can_be_stored(run: Summary) -> bool:
    """Tell whether the run can come out of a log: integers of more than 64 bits are logged as texts."""
    return all(not isinstance(value, int) or -(2**63) <= value < 2**64 for value in run.params.values())


def test_metrics_stand_in_parts_that_are_not_too_large(page: Watched) -> None:
    runs = [
        query_runs.make_run(
            f"r{i}", start_time=float(i), experiment="big", metrics={f"m{m}": [i * 0.1, i * 0.3, m] for m in range(60)}
        )
        for i in range(2000)
    ]
    (experiment,) = make_index(runs, []).experiments
    files = dict(finding_scripts(experiment, CONFIG))
    assert len(files) > 5
    assert all(urls.is_site_path(path) for path in files)
    assert max(map(len, files.values())) < 1.5 * CHUNK_BYTES
    texts = [
        "min(metrics.m0) < 50",
        "count(metrics.m59) = 3 AND mean(metrics.m30) > 20",
        "first(m7) <= 1 AND last(m7) = 7",
    ]
    assert found(page, runs, texts) == wanted(runs, texts)

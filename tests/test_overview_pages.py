"""The pages about many runs: what they say, in which order, and that nothing hostile breaks them."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import orjson
import pytest

from reportgen.analysis.groups import Difference
from reportgen.formats import short_key
from reportgen.index import Index, make_experiment, make_index
from reportgen.model import Experiment, ModelVersion, Problem, Summary
from reportgen.site import urls
from reportgen.site.config import Config, ExperimentConfig, MetricConfig
from reportgen.site.facts import ExperimentFacts, in_order, make_facts
from reportgen.site.histories import make_history
from reportgen.site.overviews import _group_lines
from reportgen.site.pages.columns import describe, make_column, spread_decimals
from reportgen.site.pages.compare import make_compare_page, make_experiment_compare_page, make_sentence
from reportgen.site.pages.experiment import make_experiment_page
from reportgen.site.pages.home import activity_days, first_line, make_home_page
from reportgen.site.pages.models import make_models_page, make_versions
from reportgen.site.pages.rows import make_recent_runs
from reportgen.site.pages.runs import make_runs_page
from reportgen.site.pages.strips import make_strip_axis
from reportgen.site.pages.tables import MAX_PARAMS, choose_params, live_rows, make_group_table, make_run_table
from reportgen.site.render import Renderer, SiteInfo
from reportgen.site.theme import load_theme
from tests.factories import START, make_summary
from tests.linkcheck import read_page

HOSTILE = (
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)> '",
    "x" * 250,
    "{{ 7 * 7 }}{% raw %}",
    "\u202eevil\u202c",
    "javascript:alert(1)",
    "../../etc/passwd",
    "  ",
    "",
)
PERCENT = Config(
    title="tinyvision", metrics={"acc": MetricConfig(unit="%", direction="max"), "loss": MetricConfig(direction="min")}
)


def scored(name: str, acc: float, **more: object) -> Summary:
    return make_summary(name, metrics={"acc": [acc / 2, acc], "loss": [300.0, 100 / acc]}, **more)  # type: ignore[arg-type]


def seeds(label: str, values: Sequence[float], start: float = START, **params: object) -> list[Summary]:
    return [
        scored(f"{label}-{i}", v, params={**params, "seed": i}, start_time=start + i, status="finished")
        for i, v in enumerate(values, 1)
    ]


def two_configurations() -> Experiment:
    runs = [*seeds("adam", (78.4, 78.2, 78.3), opt="adam"), *seeds("lion", (78.3, 78.0, 78.2), START + 50, opt="lion")]
    return make_experiment("vit", runs)


def render(template: str, page: object, path: str, title: str = "tinyvision") -> str:
    return Renderer(SiteInfo(title), load_theme("default")).render(template, page, path=path).decode()


def render_all(runs: Sequence[Summary], config: Config, problems: Sequence[Problem] = ()) -> Mapping[str, str]:
    """Return site path -> text of every page about many runs."""
    index = make_index(runs, problems)
    facts = facts_of(index, config)
    pages = {
        urls.HOME: ("home.html", make_home_page(facts, [p for p, key in index.problems if key is None], config)),
        urls.RUNS: ("runs.html", make_runs_page(facts, csv=urls.RUNS_CSV)),
        urls.COMPARE: ("compare.html", make_compare_page({own.name: own.comparison for own in facts})),
        urls.MODELS: ("models.html", make_models_page((row for own in facts for row in own.models), config)),
    }
    for e in index.experiments:
        plots = {metric: urls.plot_svg("0123456789abcdef0123") for metric in e.metric_names}
        pages[urls.experiment_page(e.name)] = ("experiment.html", make_experiment_page(e, config, plots))
        pages[urls.experiment_compare_page(e.name)] = (
            "experiment_compare.html",
            make_experiment_compare_page(e, config, plots),
        )
    return {path: render(template, page, path, config.title) for path, (template, page) in pages.items()}


def words(text: str) -> str:
    """Return the text of a page as one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text.partition("<main")[2])).split())


def facts_of(index: Index, config: Config = PERCENT) -> list[ExperimentFacts]:
    """Return the facts of the experiments of an index, in the order of the home page."""
    return in_order(
        make_facts(experiment, config, make_history(experiment, config).facts) for experiment in index.experiments
    )


def days_of(runs: Sequence[Summary]) -> list[tuple[str, int, int]]:
    return activity_days(facts_of(make_index(runs, [])))


# ---- every page


@pytest.fixture(scope="module")
def hostile_pages() -> Mapping[str, str]:
    runs = [
        make_summary(
            name,
            run_id=f"{i}-{k}",
            experiment=HOSTILE[i % 4] if k else name,
            status=("finished", "failed", "unfinished")[k],
            error=name if k == 1 else "",
            group=name if k == 2 else "",
            params={name: name, "lr": (1e-3, math.nan, 2**80)[k], "long": "y" * 3000 + str(k), "seed": k},
            tags={name: name},
            note=name,
            metrics={name: [1.0, 2.0 + k], "loss": [(math.inf, math.nan, 1e308)[k]], "acc": [-1e308, i + k]},
            start_time=(START, -1e18, 1e18)[k] if i == 2 else START + 10 * i + k,
            duration_s=(60.0, math.nan, -5.0)[k] if i == 3 else 60.0,
            models=[ModelVersion(name, name, (name,), (name,) * 6, "", name)],
            problems=[Problem(name, name, name, line=1)],
        )
        for i, name in enumerate(HOSTILE)
        for k in range(3)
    ]
    config = Config(
        title=HOSTILE[0],
        description=HOSTILE[1],
        metrics={"loss": MetricConfig(unit=HOSTILE[2], title=HOSTILE[1])},
        experiments={name: ExperimentConfig(description=name) for name in HOSTILE},
    )
    return render_all(runs, config, [Problem(HOSTILE[0], HOSTILE[1])])


def test_hostile_names_are_text_on_every_page(hostile_pages: Mapping[str, str]) -> None:
    for path, text in hostile_pages.items():
        assert "<script>alert" not in text, path
        assert "<img src=x" not in text, path
        assert not re.search(r"<[^>]*\son\w+=", re.sub(r'"[^"]*"', '""', text)), path
        assert 'href="javascript:' not in text, path
        assert "{{ 7 * 7 }}" in html.unescape(text) or "49" not in words(text), path


def test_hostile_names_leave_every_page_whole(hostile_pages: Mapping[str, str], tmp_path: Path) -> None:
    for path, text in hostile_pages.items():
        file = tmp_path / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
        assert read_page(tmp_path, path).faults == []


def test_no_link_is_blank(hostile_pages: Mapping[str, str]) -> None:
    for path, text in hostile_pages.items():
        for link in re.findall(r"<a [^>]*>(.*?)</a>", text, re.DOTALL):
            assert words(f"<main>{link}") or "alt=" in link, path


def test_long_names_are_cut_in_tables(hostile_pages: Mapping[str, str]) -> None:
    for path in (urls.HOME, urls.RUNS, urls.COMPARE):
        assert "x" * 161 not in words(hostile_pages[path])
        assert "y" * 61 not in words(hostile_pages[path])


def test_every_table_has_caption_scopes_and_a_labelled_region_that_takes_the_focus() -> None:
    pages = render_all([*two_configurations().runs, scored("other", 1, experiment="single")], PERCENT)
    for path, text in pages.items():
        for table in re.findall(r"<table.*?</table>", text, re.DOTALL):
            assert "<caption" in table, path
            assert all("scope=" in head for head in re.findall(r"<th\b[^>]*>", table)), path
        for region in re.findall(r'<div class="scroll[^>]*>', text):
            assert 'role="region"' in region, path
            assert 'tabindex="0"' in region, path
            assert re.search(r'aria-label="[^"]+"', region), path
        levels = [int(level) for level in re.findall(r"<h([1-6])\b", text)]
        assert levels[0] == 1, path
        assert all(b - a <= 1 for a, b in pairwise(levels)), path


def test_the_order_in_which_runs_come_does_not_change_a_byte() -> None:
    runs = [*two_configurations().runs, scored("x", 3, experiment="other")]
    assert render_all(runs, PERCENT) == render_all(runs[::-1], PERCENT)


def test_pages_without_runs_say_so_in_words() -> None:
    pages = render_all([], Config())
    assert "No run was found" in words(pages[urls.HOME])
    assert "No run was found" in words(pages[urls.RUNS])
    assert "nothing to compare" in words(pages[urls.COMPARE])
    assert "No run has registered a model" in words(pages[urls.MODELS])


def test_an_experiment_without_metrics_says_so_in_words() -> None:
    pages = render_all(
        [make_summary("a", experiment="e", metrics={}), make_summary("b", experiment="e", metrics={})], Config()
    )
    assert "No metric was logged" in words(pages[urls.experiment_page("e")])
    assert "These runs logged no metric" in words(pages[urls.experiment_compare_page("e")])


# ---- home


def test_home_shows_counts_best_and_what_did_not_finish() -> None:
    runs = [
        scored("a", 70),
        scored("b", 78.4),
        scored("c", 99, status="failed", error="loss is NaN"),
        scored("d", 1, status="unfinished"),
    ]
    text = words(render_all(runs, PERCENT)[urls.HOME])
    assert "4 runs" in text
    assert "1 unfinished 1 failed" in text
    assert "finished 2" not in text
    assert "78.4 % acc ↑ higher is better · b" in text
    assert "loss is NaN" in text


def test_the_days_end_with_the_newest_run() -> None:
    day = 86_400.0
    runs = [make_summary("a", start_time=START), make_summary("b", start_time=START - 89 * day, status="failed")]
    days = days_of([*runs, make_summary("old", start_time=START - 90 * day)])
    assert len(days) == 90
    assert (days[0], days[-1]) == (("2026-08-24", 1, 1), ("2026-11-21", 1, 0))
    assert sum(n for _, n, _ in days) == 2


def test_days_of_no_calendar_are_left_out() -> None:
    assert days_of([make_summary("a", start_time=t) for t in (-1e18, 1e18, math.nan, math.inf)]) == []
    assert days_of([make_summary("a", start_time=5.0)]) == [("1970-01-01", 1, 0)]


@pytest.mark.parametrize(
    ("markdown", "line"),
    [
        ("", ""),
        ("\n\n  \n", ""),
        ("# Title\n\nmore", "Title"),
        ("Does *it* work? [See](x.html).", "Does it work? See."),
        ("One `a_b_c` name.", "One a_b_c name."),
        ("A first sentence that stands alone. " + "And a second. " * 9, "A first sentence that stands alone."),
        ("w" * 300, "w" * 159 + "…"),
    ],
)  # fmt: skip
def test_the_first_line_of_a_description_is_plain(markdown: str, line: str) -> None:
    assert first_line(markdown) == line


def test_problems_and_omitted_runs_are_stated() -> None:
    index = make_index([scored("a", 1)], [Problem("e/run/events.jsonl", "the last line is torn", line=3)] * 3)
    loose = [problem for problem, _ in index.problems]
    text = words(render("home.html", make_home_page(facts_of(index, PERCENT), loose, PERCENT, omitted=6), urls.HOME))
    assert "3 problems in the logs. e/run/events.jsonl:3 : the last line is torn." in text
    assert "6 runs left out" in text


def test_recent_runs_come_by_their_last_line_and_say_what_sets_them_apart() -> None:
    rows = make_recent_runs(two_configurations(), PERCENT, 2)
    assert [row.name for row in rows] == ["lion-3", "lion-2"]
    assert rows[0].differs == "lion · seed 3"
    assert (rows[0].metric, rows[0].value.text, rows[0].unit) == ("acc", "78.2", "%")


# ---- all runs


def test_all_runs_shows_a_hundred_and_links_the_rest() -> None:
    text = render_all([scored(f"r{i}", 50 + i / 10, start_time=START + i) for i in range(130)], PERCENT)[urls.RUNS]
    assert text.count('<th scope="row"') == 100
    assert "100 of 130" in words(text)
    assert 'href="runs.csv"' in text


# ---- one experiment


def test_the_facts_name_best_run_best_configuration_and_its_lead() -> None:
    page = make_experiment_page(two_configurations(), PERCENT, {})
    best, configuration, lead, time = page.facts
    assert (best.label, best.value.text, best.unit, best.link, best.note) == (
        "Best run, acc",
        "78.4",
        "%",
        "adam-1",
        "step 1",
    )
    assert (configuration.value.text, configuration.interval, configuration.link) == ("78.30", "± 0.25", "adam")
    assert (lead.value.text, lead.unit, lead.note) == ("0.13", "points", "intervals overlap: no clear winner")
    assert time.label == "Time of all runs"


def test_intervals_that_do_not_overlap_are_said_to() -> None:
    runs = [*seeds("a", (9.0, 9.1, 9.2), opt="a"), *seeds("b", (5.0, 5.1, 5.2), START + 9, opt="b")]
    notes = [fact.note for fact in make_experiment_page(make_experiment("e", runs), PERCENT, {}).facts]
    assert "intervals do not overlap" in notes


def test_too_few_seeds_give_no_verdict() -> None:
    runs = [*seeds("a", (9.0, 9.1), opt="a"), *seeds("b", (5.0, 5.1), START + 9, opt="b")]
    page = make_experiment_page(make_experiment("e", runs), PERCENT, {})
    assert [f.interval for f in page.facts] == [""] * 4
    assert page.facts[2].note == "too few runs to tell them apart"
    assert page.groups is not None
    assert page.groups.rows[0].interval == "n = 2"


def test_without_repetitions_the_lead_says_that_the_spread_is_unknown() -> None:
    runs = [scored(n, v, params={"n": n}) for n, v in (("a", 3.0), ("b", 2.0))]
    page = make_experiment_page(make_experiment("e", runs), PERCENT, {})
    assert page.groups is None
    assert [f.note for f in page.facts if "Lead" in f.label] == ["one run per configuration: spread unknown"]


def test_without_a_direction_nothing_is_called_best() -> None:
    runs = [make_summary(n, metrics={"temperature": [v]}, start_time=v) for n, v in (("a", 3.0), ("b", 2.0))]
    page = make_experiment_page(make_experiment("e", runs), Config(), {})
    assert [fact.label for fact in page.facts] == ["Time of all runs"]
    assert (page.table.ranked_by, [row.name for row in page.table.rows]) == ("", ["a", "b"])
    assert not any(value.best or value.level for row in page.table.rows for value in row.values)


def test_the_best_configurations_come_first_and_count_only_finished_runs() -> None:
    runs = [*seeds("a", (5.0, 5.1), opt="a"), *seeds("b", (9.0, 9.1), START + 9, opt="b")]
    runs.append(scored("b-3", 50.0, params={"opt": "b", "seed": 3}, status="failed", start_time=START + 20))
    table = make_group_table(make_experiment("e", runs), PERCENT)
    assert table is not None
    assert [(row.label, row.mean.text, row.finished, row.runs) for row in table.rows] == [
        ("b", "9.05", 2, 3),
        ("a", "5.05", 2, 2),
    ]
    assert [row.mean.best for row in table.rows] == [True, False]
    assert table.rows[0].best_name == "b-2"


def test_runs_stand_best_first_with_the_failed_ones_behind_and_their_reason() -> None:
    runs = [
        scored("good", 70),
        scored("best", 78),
        scored("failed", 99, status="failed", error="out of memory"),
        make_summary("none", metrics={}),
    ]
    experiment = make_experiment("e", runs)
    table = make_run_table(experiment, PERCENT)
    assert [row.name for row in table.rows] == ["best", "good", "failed", "none"]
    assert [row.values[0].text for row in table.rows] == ["78", "70", "99", "–"]
    assert [row.values[0].best for row in table.rows] == [True, False, False, False]
    assert [row.values[0].level for row in table.rows] == [5, 0, 0, 0]
    text = render("experiment.html", make_experiment_page(experiment, PERCENT, {}), urls.experiment_page("e"))
    assert "out of memory" in words(text)
    assert "best-of" in text


def test_only_params_that_differ_are_columns_seeds_last_names_of_runs_behind() -> None:
    runs = [scored(f"r{i}", 70 + i, params={"out": f"/tmp/{i}", "seed": i, "lr": i % 2, "same": 1}) for i in range(6)]
    experiment = make_experiment("e", runs)
    assert choose_params(experiment) == (("lr", "out", "seed"), 0)
    page = make_experiment_page(experiment, PERCENT, {})
    assert page.same_params == (("same", "1"),)
    assert "1 parameter is the same in all runs" in words(render("experiment.html", page, urls.experiment_page("e")))


def test_two_thousand_params_are_capped_and_the_page_says_so() -> None:
    runs = [scored(f"r{i}", 70 + i, params={f"p{j:04}": i * j for j in range(2000)}) for i in range(3)]
    pages = render_all(runs, PERCENT)
    text = pages[urls.experiment_page(runs[0].experiment)]
    assert max(row.count("<th") for row in re.findall(r"<tr>.*?</tr>", text, re.DOTALL)) < MAX_PARAMS + 12
    assert re.search("1\u202f9\\d\\d more parameters differ", html.unescape(text))
    assert len(text) < 100_000
    assert len(pages[urls.experiment_compare_page(runs[0].experiment)]) < 200_000


def test_a_hundred_runs_are_shown_and_the_rest_counted() -> None:
    runs = [scored(f"r{i}", 1 + i, params={"i": i}) for i in range(130)]
    text = render_all(runs, PERCENT)[urls.experiment_page(runs[0].experiment)]
    assert "100 of 130, best acc first" in words(text)
    assert "the 10 best of 130 runs by acc" in words(text)


def test_figures_have_plot_text_and_best_run() -> None:
    experiment = two_configurations()
    page = make_experiment_page(experiment, PERCENT, {"acc": urls.plot_svg("ab" * 10)})
    acc, loss = page.figures
    assert acc.alt == "Line plot of acc by step for 6 runs. Best: adam-1 with 78.4 %."
    assert (acc.plot, loss.plot, loss.best_name) == (urls.plot_svg("ab" * 10), "", "adam-1")
    text = render("experiment.html", page, urls.experiment_page("vit"))
    assert 'src="../assets/plots/abababababababababab.svg"' in text


def test_scripts_are_told_which_runs_the_plots_show() -> None:
    experiment = two_configurations()
    page = make_experiment_page(experiment, PERCENT, {"acc": urls.plot_svg("ab" * 10)})
    assert orjson.loads(page.curves.as_json()) == {
        "runs": [short_key(run.key) for run in sorted(experiment.runs, key=lambda run: run.name)],
        "table": short_key("vit"),
        "grouped": True,
        "more": [],
    }
    assert [figure.curves.lines[0].metric for figure in page.figures] == ["acc", "loss"]
    text = render("experiment.html", page, urls.experiment_page("vit"))
    assert text.count('<figure data-curves="{') == 1, "a figure without a picture stays as it is"


def test_a_comparison_has_no_more_figures_than_plots_are_drawn_for() -> None:
    names = [f"m{i}/acc" for i in range(6)]
    runs = [make_summary(f"r{i}", metrics={n: [0.1, 0.5 + i / 10] for n in names}) for i in range(3)]
    experiment, config = make_experiment("e", runs), Config(headline=tuple(names))
    plots = {name: urls.plot_svg(f"{i:020d}") for i, name in enumerate(names)}
    assert [f.title for f in make_experiment_compare_page(experiment, config, plots).figures] == names[:3]
    assert [f.title for f in make_experiment_page(experiment, config, plots).figures] == names


# ---- columns


def test_shades_follow_the_value_not_the_rank() -> None:
    runs = [scored(f"r{i}", v) for i, v in enumerate((10.0, 10.0, 50.0, 90.0, 100.0))]
    assert [cell.level for cell in make_column(runs, "acc", PERCENT)[1]] == [0, 0, 3, 5, 5]


def test_a_column_of_nearly_equal_values_is_hardly_shaded() -> None:
    runs = [scored(f"r{i}", 4790 + i) for i in range(5)]
    assert max(cell.level for cell in make_column(runs, "acc", PERCENT)[1]) == 1


def test_the_lowest_is_best_where_lower_is_better() -> None:
    column, cells = make_column([scored("a", 50), scored("b", 80)], "loss", PERCENT)
    assert (column.summary, column.about) == ("min", "min")
    assert [cell.best for cell in cells] == [False, True]


def test_values_that_are_not_finite_are_words_and_never_best() -> None:
    runs = [
        make_summary("a", metrics={"m": [math.nan]}),
        make_summary("b", metrics={"m": [math.inf]}),
        make_summary("c", metrics={"m": [1.5]}),
        make_summary("d", metrics={"m": [0.5]}),
    ]
    config = Config(metrics={"m": MetricConfig(direction="max", summary="last")})
    cells = make_column(runs, "m", config)[1]
    assert [cell.text for cell in cells] == ["NaN", "Inf", "1.5", "0.5"]
    assert [cell.best for cell in cells] == [False, False, True, False]


@pytest.mark.parametrize(
    "others",
    [
        [],
        [make_summary("other", metrics={"loss": [1.0]})],
        [make_summary("other", metrics={"acc": [math.nan]})],
        [scored("other", 5.0, status="failed")],
        [scored("fold", 5.0, parent_id="one")],
    ],
)
def test_a_value_without_another_to_be_measured_against_is_not_best(others: list[Summary]) -> None:
    one = scored("one", 9.0, run_id="one")
    assert not any(cell.best for cell in make_column([one, *others], "acc", PERCENT)[1])
    assert make_column([one, *others, scored("two", 8.0)], "acc", PERCENT)[1][0].best


def test_a_configuration_is_best_only_beside_another_with_a_mean() -> None:
    failed = [scored(f"b{i}", 99.0, params={"opt": "b", "seed": i}, status="failed") for i in range(2)]
    runs = [*seeds("a", (78.4, 78.2), opt="a"), *failed]
    table = make_group_table(make_experiment("e", runs), PERCENT)
    assert table is not None
    assert [row.mean.best for row in table.rows] == [False, False]
    table = make_group_table(make_experiment("e", [*runs, *seeds("c", (70.0, 71.0), START + 50, opt="c")]), PERCENT)
    assert table is not None
    assert [row.mean.best for row in table.rows] == [True, False, False]


def test_configurations_beyond_the_colours_have_some_in_the_plots() -> None:
    runs = [run for i in range(14) for run in seeds(f"c{i}", (50.0 + i, 51.0 + i), START + 9 * i, size=i)]
    lines = _group_lines(make_experiment("e", runs), PERCENT)
    assert [line.label for line in lines] == [f"size {i}" for i in range(13, 3, -1)]
    assert [line.slot for line in lines] == [1, 2, 3, 4, 10, 9, 8, 7, 6, 5]


def test_the_page_keeps_room_for_the_rows_of_the_table_that_scripts_make() -> None:
    assert live_rows(two_configurations(), PERCENT) == 2 + 3
    runs = [*seeds("a", (78.4,), opt="a"), *seeds("b", (70.0, 71.0, 72.0), START + 50, opt="b")]
    assert live_rows(make_experiment("e", runs), PERCENT) == 2 + 1
    unranked = Config(metrics={"acc": MetricConfig(direction="none"), "loss": MetricConfig(direction="none")})
    assert live_rows(make_experiment("e", runs), unranked) == 2 + 3  # newest first
    assert live_rows(make_experiment("e", runs[:2]), PERCENT) == 2


@pytest.mark.parametrize(("spread", "decimals"), [(0.2, 2), (0.024, 3), (3.0, 1), (40.0, 0), (0.0, 0), (math.inf, 0)])
def test_the_spread_decides_the_decimals(spread: float, decimals: int) -> None:
    assert spread_decimals(spread) == decimals


@pytest.mark.parametrize(
    ("differences", "text"),
    [
        ([], ""),
        ([Difference("opt", "lion"), Difference("lr", 1e-4)], "lion · lr 1e-4"),
        ([Difference("ema", True), Difference("act", "none"), Difference("x", "")], 'ema True · act none · x ""'),
        ([Difference("mixup", None, logged=False), Difference("p", "3 layers")], "p 3 layers"),
        ([Difference(f"p{i}", i) for i in range(7)], "p0 0 · p1 1 · p2 2 · p3 3 · 3 more"),
    ],
)
def test_differences_are_told_in_few_words(differences: list[Difference], text: str) -> None:
    assert describe(differences) == text


def test_the_strip_covers_the_contenders_and_turns_where_lower_is_better() -> None:
    values = [78.4, 78.2, 77.1, 76.7, 74.5, 40.0]
    axis = make_strip_axis(values, "max")
    assert axis is not None
    assert 70 < axis.low < 74.5
    assert axis.high > 78.4
    turned = make_strip_axis([-v for v in values], "min")
    assert turned is not None
    assert [x for x, _ in turned.ticks] == sorted((x for x, _ in turned.ticks), reverse=True)
    assert all(0 <= x <= axis.width for x, _ in axis.ticks + turned.ticks)


@pytest.mark.parametrize("values", [[], [None], [1.0], [2.0, 2.0], [1e308, -1e308], [math.nan, 1.0]])
def test_values_that_need_no_axis_get_none(values: list[float | None]) -> None:
    assert make_strip_axis(values, "max") is None


# ---- comparisons


def test_the_sentence_measures_the_lead_against_the_seeds() -> None:
    experiment = two_configurations()
    sentence = make_sentence(experiment, experiment.runs, PERCENT)
    assert sentence.claim == "No clear winner in acc and loss."
    assert sentence.rest == (
        "The first two differ by 0.10 points in acc,"
        " less than what two runs of one configuration differ by (±\u00a00.51)."
    )


def test_the_sentence_says_when_the_spread_is_not_known() -> None:
    runs = [scored("a", 80.0, params={"n": 1}), scored("b", 70.0, params={"n": 2})]
    rest = make_sentence(make_experiment("e", runs), runs, PERCENT).rest
    assert rest == (
        "The first two differ by 10 points in acc; how far two runs of one configuration differ is not known."
    )


def test_equal_runs_are_not_called_best() -> None:
    runs = [scored("a", 80.0, params={"n": 1}), scored("b", 80.0, params={"n": 2})]
    assert make_sentence(make_experiment("e", runs), runs, PERCENT).claim == "No clear winner in acc and loss."


def test_the_lead_is_measured_among_the_runs_that_may_be_called_best() -> None:
    whole = [scored(n, v, params={"n": n}) for n, v in (("a", 80.0), ("b", 70.0))]
    fold = scored("fold", 99.0, parent_id=whole[0].run_id, params={"n": "fold"})
    runs = [*whole, fold, scored("failed", 90.0, status="failed", params={"n": "failed"})]
    sentence = make_sentence(make_experiment("e", runs), runs, PERCENT)
    assert sentence.claim == "a is best in acc and loss."
    assert sentence.rest.startswith("The first two differ by 10 points in acc;")


def test_without_a_direction_the_sentence_claims_nothing() -> None:
    runs = [make_summary(n, metrics={"temperature": [1.0]}) for n in "ab"]
    sentence = make_sentence(make_experiment("e", runs), runs, Config())
    assert sentence.claim == "No metric here has a known direction."


def test_differences_get_a_verdict_only_where_the_spread_is_known() -> None:
    experiment = two_configurations()
    page = make_experiment_compare_page(experiment, PERCENT, {})
    acc = page.metrics[0]
    assert [delta.verdict for _, delta in acc.cells] == ["", *["within"] * 5]
    assert [delta.mark for _, delta in acc.cells][1:] == ["≈"] * 5
    alone = [scored("a", 80.0, params={"n": 1}), scored("b", 70.0, params={"n": 2})]
    (_, delta) = make_experiment_compare_page(make_experiment("e", alone), PERCENT, {}).metrics[0].cells[1]
    assert (delta.mark, delta.text, delta.verdict) == ("▼", "10", "")


def test_a_difference_beyond_the_seeds_is_better_or_worse() -> None:
    runs = [*seeds("a", (9.0, 9.1, 9.2), opt="a"), *seeds("b", (5.0, 5.1, 5.2), START + 9, opt="b")]
    rows = make_experiment_compare_page(make_experiment("e", runs), PERCENT, {}).metrics
    assert [delta.verdict for _, delta in rows[0].cells] == ["", "within", "within", "worse", "worse", "worse"]
    assert [delta.mark for _, delta in rows[0].cells][3:] == ["▼"] * 3
    assert [delta.mark for _, delta in rows[1].cells][3:] == ["▲"] * 3


def two_experiments() -> Experiment:
    """Return two experiments taken as one: in `near` repeated runs hardly differ, in `far` by much."""
    near = [replace(run, experiment="near") for run in seeds("near", (80.0, 80.1, 80.2), opt="a")]
    far = [replace(run, experiment="far") for run in seeds("far", (60.0, 75.0, 90.0), START + 50, opt="b")]
    return make_experiment("near, far", [*near, *far])


def test_runs_of_two_experiments_are_not_measured_by_the_seeds_of_either() -> None:
    joined = two_experiments()
    low, _, high, *far = joined.runs
    page = make_experiment_compare_page(joined, PERCENT, {}, (high, low, far[0], far[2]))
    acc = page.metrics[0]
    assert [delta.verdict for _, delta in acc.cells] == ["", "within", "", ""]
    assert [delta.mark for _, delta in acc.cells] == ["", "≈", "▼", "▲"]
    assert acc.spread.text == "0.6"  # t(0.975, 2) · 0.1 · √2: those of `near` alone
    assert page.spread_of == "near"
    assert page.sentence.claim == "far-3 is best in acc and loss."
    assert "how far two runs of one configuration differ is not known" in page.sentence.rest
    alone = make_experiment_compare_page(joined, PERCENT, {}, (high, low))
    assert (alone.spread_of, alone.sentence.claim) == ("", "No clear winner in acc and loss.")
    assert '<th scope="col" class="num">Spread<span class="about" dir="auto">near</span></th>' in render(
        "experiment_compare.html", page, urls.experiment_compare_page("x")
    )


def test_differing_params_come_first_and_are_marked() -> None:
    page = make_experiment_compare_page(two_configurations(), PERCENT, {})
    assert [row.name for row in page.different] == ["opt", "seed"]
    assert [differs for _, differs in page.different[0].cells].count(True) == 3
    assert page.same == ()
    assert len({run.slot for run in page.runs}) == 6


def test_a_param_that_some_run_lacks_is_a_dash_and_differs() -> None:
    runs = [scored("a", 80.0, params={"lr": 1, "x": None}), scored("b", 70.0, params={"lr": 1})]
    (row,) = make_experiment_compare_page(make_experiment("e", runs), PERCENT, {}).different
    assert row.cells == (("None", False), (None, True))


def test_the_list_of_comparisons_leaves_single_runs_aside() -> None:
    index = make_index([*two_configurations().runs, scored("x", 3, experiment="lonely")], [])
    page = make_compare_page({own.name: own.comparison for own in facts_of(index, PERCENT)})
    assert page.single == (("lonely", urls.experiment_page("lonely")),)
    (row,) = page.comparisons
    assert (row.runs, row.page) == (6, urls.experiment_compare_page(row.experiment))


# ---- models


def test_models_stand_by_name_with_their_newest_version_first() -> None:
    runs = [
        make_summary("old", start_time=1, models=[ModelVersion("net", "1", ("best",), ("a.pt",), "ab" * 32, "")]),
        make_summary(
            "new",
            start_time=2,
            models=[ModelVersion("net", "2", (), (), "", "net@1"), ModelVersion("aux", "1", (), (), "", "")],
        ),
    ]
    page = make_models_page(make_versions(runs), PERCENT)
    assert [(model.name, [v.version for v in model.versions]) for model in page.models] == [
        ("aux", ["1"]),
        ("net", ["2", "1"]),
    ]
    text = words(render("models.html", page, urls.MODELS))
    assert "2 models, 3 versions" in text
    assert "1 best old" in text

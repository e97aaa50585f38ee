"""The pages of histories, what the site knows of them, their table and their feed: what they say, and hostile names."""

from __future__ import annotations

import csv
import html
import io
import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from reportgen.index import make_experiment
from reportgen.model import Experiment, Summary
from reportgen.site import urls
from reportgen.site.config import Config, MetricConfig
from reportgen.site.data.history import history_csv
from reportgen.site.data.typed import decode_typed, encode_typed
from reportgen.site.facts import make_facts as make_experiment_facts
from reportgen.site.feed import feed_xml
from reportgen.site.forge import commit_address, compare_address, forge_name
from reportgen.site.histories import MAX_ENTRIES, HistoryFacts, make_history
from reportgen.site.pages.experiment import make_experiment_page
from reportgen.site.pages.history import HistoryPage, make_history_page
from reportgen.site.pages.history_list import make_history_list_page
from reportgen.site.pages.home import make_home_page
from reportgen.site.render import Renderer, SiteInfo
from reportgen.site.theme import load_theme
from tests.factories import START
from tests.historyruns import commit_hash, falling_runs, run_at
from tests.linkcheck import read_page
from tests.test_overview_pages import HOSTILE, words

GITHUB = Config(repository_url="https://github.com/acme/net", site_url="https://acme.github.io/net")
ATOM = "{http://www.w3.org/2005/Atom}"


def experiment_of(runs: Sequence[Summary], name: str = "nightly") -> Experiment:
    return make_experiment(name, sorted(runs, key=lambda run: (run.start_time, run.key)))


def page_of(runs: Sequence[Summary], config: Config = GITHUB) -> HistoryPage:
    experiment = experiment_of(runs)
    return make_history_page(experiment, make_history(experiment, config), config)


def facts_of(runs: Sequence[Summary], config: Config = GITHUB, name: str = "nightly") -> HistoryFacts:
    return make_history(experiment_of(runs, name), config).facts


def render(template: str, page: object, path: str) -> str:
    return Renderer(SiteInfo("tinyvision"), load_theme("default")).render(template, page, path=path).decode()


def render_history(runs: Sequence[Summary], config: Config = GITHUB) -> str:
    return render("experiment_history.html", page_of(runs, config), urls.history_page("nightly"))


# ---- the page of an experiment


def test_the_page_tells_the_open_regression_and_the_commits_that_it_lies_in() -> None:
    page = page_of(falling_runs())
    (section,) = page.sections
    (panel,) = section.panels
    assert (page.open, section.said) == (1, ("24 commits on main", "3 runs each"))
    assert (panel.arrow, panel.size, panel.verdict) == ("▼", "5.4 %", "bad")
    assert panel.range is not None
    assert (panel.range.title, panel.range.aside) == ("The regression lies in 1 commit", "")
    assert [(row.short, row.base, bool(row.run)) for row in panel.range.rows] == [
        (commit_hash(16)[:7], False, True),
        (commit_hash(15)[:7], True, True),
    ]
    assert [(row.kind, row.open, row.lies_in, row.subject) for row in panel.changes] == [
        ("Regression", True, "1 commit", "Commit number 16"),
        ("Improvement", False, "1 commit", "Commit number 8"),
    ]
    assert panel.changes[0].evidence.startswith("8 before, 8 after; ")


def test_commits_that_were_not_measured_are_named_and_recommended() -> None:
    known = [run_at(15, 0.5, width=8), run_at(16, 0.5, width=8)]
    (panel,) = page_of([*falling_runs(skip=(15, 16)), *known]).sections[0].panels
    assert panel.range is not None
    assert panel.range.title == "The regression lies in 3 commits"
    assert panel.range.aside == "two of them were not measured"
    assert panel.range.advice == (commit_hash(16)[:7], commit_hash(15)[:7])
    assert [row.value.missing for row in panel.range.rows] == [False, True, True, False]


def test_what_no_run_tells_is_not_claimed() -> None:
    (panel,) = page_of(falling_runs(skip=(15, 16))).sections[0].panels
    assert panel.range is not None
    assert panel.range.title == "The regression lies in at least 2 commits"
    assert panel.range.aside == "1 known commit not measured, and there may be more"
    orphans = [replace(run, commit_parents=()) for run in falling_runs()]
    (panel,) = page_of(orphans).sections[0].panels
    assert panel.range is not None
    assert panel.range.title == "The regression lies between two measured commits"
    assert panel.range.aside == "whether there are commits between them is not known"


def test_the_page_reads_without_scripts_and_says_all_of_it() -> None:
    said = words(render_history(falling_runs()))
    for text in ("1 open regression", "24 commits on main", "The regression lies in 1 commit", "Detected changes"):
        assert text in said
    assert "Compare 000000f … 0000010 on GitHub" in said
    assert "last commit at the old level" in said
    text = render_history(falling_runs())
    assert text.count('class="chart steps by-commit') == text.count('class="chart steps by-date') == 1
    assert "https://github.com/acme/net/compare/" in text


def test_several_configurations_have_a_section_each_and_keep_their_addresses() -> None:
    runs = [*falling_runs(), *falling_runs(seeds=1, width=8)]
    page = page_of(runs)
    assert [(section.label, section.total) for section in page.sections] == [("width 32", 24), ("width 8", 24)]
    alone = page_of(falling_runs())
    assert page.sections[0].id == alone.sections[0].id
    assert page.sections[0].panels[0].id == alone.sections[0].panels[0].id
    text = render_history(runs)
    targets = set(re.findall(r'href="#([cm]-[a-z2-7]{10})"', text))
    assert targets <= set(re.findall(r'id="([^"]+)"', text))
    assert len(targets) == 4


def test_uncommitted_changes_are_hollow_and_said() -> None:
    runs = [*falling_runs(), run_at(24, 0.85, dirty=True)]
    page = page_of(runs)
    assert "1 with uncommitted changes, drawn hollow" in page.sections[0].said
    assert str(page.sections[0].panels[0].chart).count("hollow") == 2


def test_few_measurements_say_that_they_are_few() -> None:
    said = words(render_history([run_at(n, 0.5 + n) for n in range(4)]))
    assert "4 measurements: changes are looked for from 8 on" in said
    assert "no open regression" in said


def test_commits_of_one_moment_have_no_axis_of_dates() -> None:
    runs = [replace(run, commit_time=START) for run in falling_runs()]
    (panel,) = page_of(runs).sections[0].panels
    assert not panel.by_date
    assert "by-date" not in panel.chart


def test_an_outlier_stands_at_the_edge_and_is_counted() -> None:
    runs = falling_runs()
    runs[30] = replace(runs[30], metrics=run_at(0, 1e6).metrics)
    (panel,) = (
        page_of(runs, Config(metrics={"val/accuracy": MetricConfig(direction="max", summary="last")}))
        .sections[0]
        .panels
    )
    assert "1 value beyond the edge" in panel.said


@pytest.mark.parametrize("value", [0.0, 1e308, -1e308, 1e-300])
def test_values_of_any_size_are_drawn(value: float) -> None:
    runs = [run_at(n, value if n % 5 else value / 2) for n in range(12)]
    assert page_of(runs).sections[0].panels[0].chart


def test_percent_moves_in_points() -> None:
    config = Config(metrics={"val/accuracy": MetricConfig(unit="%", direction="max")})
    runs = [run_at(n, 80.0 if n < 8 else 75.5) for n in range(16)]
    assert page_of(runs, config).sections[0].panels[0].size == "4.5 pt"


def test_the_page_is_a_function_of_the_set_of_runs() -> None:
    runs = falling_runs()
    assert render_history(runs) == render_history(runs[::-1])


# ---- hostile names


def test_hostile_names_are_text_everywhere(tmp_path: Path) -> None:
    for i, name in enumerate(HOSTILE):
        runs = [
            replace(
                run,
                experiment=name,
                group=name,
                branch=name,
                name=name,
                commit_subject=name,
                commit=f"{name}{run.commit}",
                user=name,
                metrics={name: run.metrics["val/accuracy"], "val/accuracy": run.metrics["val/accuracy"]},
            )
            for run in falling_runs(seeds=1)
        ]
        config = Config(
            title=name, headline=(name, "val/accuracy"), metrics={name: MetricConfig("min", name, name, "last")}
        )
        experiment = experiment_of(runs, name)
        history = make_history(experiment, config)
        pages = {
            urls.history_page(name): render(
                "experiment_history.html", make_history_page(experiment, history, config), urls.history_page(name)
            ),
            urls.HISTORY: render("history.html", make_history_list_page([history.facts]), urls.HISTORY),
        }
        for path, text in pages.items():
            assert "<script>alert" not in text and "<img src=x" not in text, path
            assert not re.search(r"<[^>]*\son\w+=", re.sub(r'"[^"]*"', '""', text)), path
            assert 'href="javascript:' not in text, path
            file = tmp_path / str(i) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            assert read_page(tmp_path / str(i), path).faults == []
        ET.fromstring(feed_xml([history.facts], config))
        for row in csv.reader(io.StringIO(history_csv(history.histories, history.labels).decode(), newline="")):
            assert not any(re.match(r"[=+@\t\r]", cell) for cell in row)


# ---- the overview and the other pages


def test_the_overview_lists_open_regressions_first() -> None:
    calm = [run_at(n, 0.5, experiment="calm") for n in range(30)]
    facts = [facts_of(calm, name="calm"), facts_of(falling_runs()), facts_of([run_at(1, 0.5)], name="one")]
    page = make_history_list_page(facts)
    assert [(row.experiment, row.open) for row in page.rows] == [("nightly", 1), ("calm", 0)]
    assert [(row.change.metric, row.change.size, row.ends) for row in page.open] == [
        ("val/accuracy", "▼ 5.4 %", "000000f … 0000010")
    ]
    said = words(render("history.html", page, urls.HISTORY))
    assert said.index("Open regressions") < said.index("Experiments 2")
    assert "No experiment has a history yet" in words(render("history.html", make_history_list_page([]), urls.HISTORY))


def test_home_and_the_experiment_name_what_is_open() -> None:
    runs, config = falling_runs(), GITHUB
    facts = facts_of(runs)
    home = make_home_page([make_experiment_facts(experiment_of(runs), config, facts)], (), config)
    assert home.open == 1
    assert "▼ 5.4 % val/accuracy in nightly" in words(render("home.html", home, urls.HOME))
    page = make_experiment_page(experiment_of(runs), config, {}, history=facts)
    said = words(render("experiment.html", page, urls.experiment_page("nightly")))
    assert "History over 24 commits" in said and "1 open regression" in said
    without = make_experiment_page(experiment_of(runs), config, {}, history=facts_of([run_at(1, 0.5)]))
    assert (without.history, without.observations) == ("", 0)


def test_one_measurement_opens_nothing_on_other_pages() -> None:
    facts = facts_of([run_at(n, 0.9 + 0.001 * (n % 3)) for n in range(20)] + [run_at(20, 0.5)])
    assert facts.open == ()
    assert not any("Regression" in entry.title for entry in facts.entries)


# ---- facts


def test_facts_are_plain_data_and_come_back_from_json() -> None:
    facts = facts_of([*falling_runs(), *falling_runs(seeds=1, width=8)])
    assert decode_typed(HistoryFacts, orjson.loads(orjson.dumps(encode_typed(facts)))) == facts
    assert len(orjson.dumps(facts)) < 12_000


def test_a_run_that_changes_nothing_leaves_the_facts_as_they_are() -> None:
    runs = falling_runs()
    worse = run_at(3, 0.1, status="failed", seed=9)
    assert facts_of([*runs, worse]) == facts_of(runs)


# ---- the table


def test_the_table_has_every_observation() -> None:
    history = make_history(experiment_of(falling_runs(skip=(3,))), GITHUB)
    rows = list(csv.DictReader(io.StringIO(history_csv(history.histories, history.labels).decode(), newline="")))
    assert len(rows) == 23
    assert {row["runs"] for row in rows} == {"3"}
    name = "val/accuracy"
    assert [row[f"{name}.change"] for row in rows if row[f"{name}.change"]] == ["improvement", "regression"]
    assert all(float(row[f"{name}.min"]) <= float(row[name]) <= float(row[f"{name}.max"]) for row in rows)
    assert len({row[f"{name}.level"] for row in rows}) == 3


def test_the_table_leaves_free_what_a_configuration_has_not() -> None:
    other = [run_at(n, 1.0 + n, width=8, metric="val/loss") for n in range(4)]
    history = make_history(experiment_of([*falling_runs(commits=4), *other]), GITHUB)
    rows = list(csv.DictReader(io.StringIO(history_csv(history.histories, history.labels).decode(), newline="")))
    assert [(row["configuration"], bool(row["val/accuracy"]), bool(row["val/loss"])) for row in rows] == [
        *[("width 32", True, False)] * 4,
        *[("width 8", False, True)] * 4,
    ]
    assert [row["val/loss.min"] for row in rows[4:]] == [""] * 4


# ---- the feed


def entries_of(facts: Sequence[HistoryFacts], config: Config = GITHUB) -> list[ET.Element]:
    return ET.fromstring(feed_xml(facts, config)).findall(f"{ATOM}entry")


def text_of(element: ET.Element, name: str) -> str:
    (found,) = element.findall(f"{ATOM}{name}")
    return found.text or ""


def test_the_feed_tells_of_experiments_bests_and_changes() -> None:
    titles = [text_of(entry, "title") for entry in entries_of([facts_of(falling_runs())])]
    assert titles[-1] == "New experiment: nightly"
    assert "Regression in nightly: val/accuracy ▼ 5.4 %" in titles
    assert "Improvement in nightly: val/accuracy ▲ 12.4 %" in titles
    assert any(title.startswith("New best in nightly: val/accuracy 0.9") for title in titles)


@pytest.mark.parametrize("config", [GITHUB, Config(), Config(title=" \x01 ")])
def test_the_feed_keeps_the_rules_of_atom(config: Config) -> None:
    feed = ET.fromstring(feed_xml([facts_of(falling_runs())], config))
    when = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
    assert feed.tag == f"{ATOM}feed"
    assert text_of(feed, "title").strip()
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", text_of(feed, "id"))
    assert when.fullmatch(text_of(feed, "updated"))
    assert (feed.find(f"{ATOM}author/{ATOM}name").text or "").strip()  # type: ignore[union-attr]
    entries = feed.findall(f"{ATOM}entry")
    ids = [text_of(entry, "id") for entry in entries]
    assert len(set(ids)) == len(ids) > 3
    for entry in entries:
        assert text_of(entry, "title").strip()
        assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", text_of(entry, "id"))
        assert when.fullmatch(text_of(entry, "updated"))
        (link,) = entry.findall(f"{ATOM}link")
        assert link.get("href", "").startswith(
            "https://acme.github.io/net/" if config is GITHUB else ("h/", "e/", "r/")
        )
    times = [text_of(entry, "updated") for entry in entries]
    assert times == sorted(times, reverse=True)
    assert text_of(feed, "updated") == times[0]


@pytest.mark.parametrize("time", [math.nan, math.inf, 1e308, -1e308])
def test_entries_of_a_time_that_is_none_are_in_no_feed(time: float) -> None:
    facts = facts_of(falling_runs())
    spoilt = replace(facts, entries=(*facts.entries, replace(facts.entries[0], time=time, title="never")))
    assert feed_xml([spoilt], GITHUB) == feed_xml([facts], GITHUB)


def test_an_empty_feed_has_no_clock_in_it() -> None:
    feed = ET.fromstring(feed_xml([], GITHUB))
    assert text_of(feed, "updated") == "1970-01-01T00:00:00Z"
    assert feed.findall(f"{ATOM}entry") == []


def test_ids_stay_when_more_is_known() -> None:
    before = {text_of(e, "id"): text_of(e, "title") for e in entries_of([facts_of(falling_runs())])}
    more = [run_at(n, 0.85, seed=s) for n in range(24, 30) for s in range(3)]
    after = {text_of(e, "id") for e in entries_of([facts_of([*falling_runs(), *more])])}
    assert set(before) <= after


def test_the_feed_holds_the_newest_hundred() -> None:
    facts = [facts_of([run_at(n, 0.5, experiment=f"e{n}")], name=f"e{n}") for n in range(MAX_ENTRIES + 20)]
    entries = entries_of(facts)
    assert len(entries) == MAX_ENTRIES
    assert text_of(entries[0], "title") == f"New experiment: e{MAX_ENTRIES + 19}"


def test_runs_without_a_time_are_in_no_feed() -> None:
    runs = [replace(run, start_time=0.0, last_time=0.0) for run in falling_runs(seeds=1)]
    assert entries_of([facts_of(runs)]) == []


# ---- the forge


@pytest.mark.parametrize(
    ("repository", "name", "commit", "compare"),
    [
        ("https://github.com/a/b", "GitHub", "/commit/{b}", "/compare/{a}...{b}"),
        ("https://gitlab.example.org/a/b", "GitLab", "/commit/{b}", "/-/compare/{a}...{b}"),
        ("https://bitbucket.org/a/b", "Bitbucket", "/commits/{b}", "/branches/compare/{b}%0D{a}"),
        ("https://git.example.org/gitlab/b", "the forge", "/commit/{b}", "/compare/{a}...{b}"),
    ],
)
def test_commits_have_addresses_on_the_forge(repository: str, name: str, commit: str, compare: str) -> None:
    a, b = commit_hash(1), commit_hash(2)
    assert forge_name(repository) == name
    assert commit_address(repository, b.upper()) == repository + commit.format(b=b)
    assert compare_address(repository, a, b) == repository + compare.format(a=a, b=b)
    assert commit_address("", b) == compare_address(repository, "main", b) == commit_address(repository, "../x") == ""


def test_a_hostile_hash_leads_nowhere() -> None:
    assert html.escape('"><script>') not in compare_address("https://github.com/a/b", '"><script>', commit_hash(1))

"""The data files on many runs: tables with exact values and the rules of the pages, the index, the search."""

from __future__ import annotations

import gzip
import math
import random
from typing import Any

import numpy as np
import pytest

from reportgen.formats import short_key
from reportgen.index import Index, make_index
from reportgen.model import Summary
from reportgen.site import data
from reportgen.site.config import Config, ExperimentConfig, MetricConfig
from reportgen.site.data.index import index_script
from reportgen.site.data.search import MAX_LINE, read_chunks, search_chunk, search_script
from reportgen.site.data.tables import decode_table, make_table, table_script
from reportgen.site.pages.rows import make_rows
from tests.contract import check_search, check_table, fields, read_call
from tests.factories import make_summary

PERCENT = Config(metrics={"acc": MetricConfig(direction="max", unit="%", title="accuracy")})


def table_of(runs: list[Summary], config: Config | None = None) -> dict[str, Any]:
    """Return the table of the experiment of `runs`, after its way through a file."""
    (experiment,) = make_index(runs, []).experiments
    _, payload = read_call(table_script(experiment, config or PERCENT))
    table = decode_table(payload)
    check_table(table)
    assert table == data.unpack(data.pack(make_table(experiment, config or PERCENT)))
    return table


def sweep(count: int = 6) -> list[Summary]:
    """Return runs with two learning rates, three seeds each, one of them failed."""
    return [
        make_summary(
            f"run {i}",
            run_id=f"id-{i}",
            experiment="sweep",
            start_time=1000.0 + i + 0.25,
            duration_s=60.123456 * 10 ** (i % 3),
            status="failed" if i == 5 else "finished",
            error="ValueError: boom" if i == 5 else "",
            params={"lr": 0.1 if i < 3 else 0.2, "seed": i % 3, "width": 8},
            metrics={"loss": [1.0, 0.5 - i / 100], "acc": [10.0 + i, 90.0 + i + 1 / 3, 50.0]},
            parent_id="id-0",
            tags={"stage": "x"} if i % 2 else {},
        )
        for i in range(count)
    ]


def test_runs_stand_newest_first_with_exact_values() -> None:
    table = table_of(sweep())
    assert table["runs"]["id"] == [f"id-{i}" for i in (5, 4, 3, 2, 1, 0)]
    assert table["runs"]["k"][0] == table["runs"]["page"][0][-15:-5]
    acc, loss = table["metrics"]
    assert (acc["name"], acc["title"], acc["unit"], acc["direction"], acc["summary"]) == (
        "acc", "accuracy", "%", "max", "max",
    )  # fmt: skip
    assert acc["values"] == [90.0 + i + 1 / 3 for i in (5, 4, 3, 2, 1, 0)]
    assert acc["steps"] == [1] * 6
    assert loss["values"][0] == 0.5 - 5 / 100
    assert (table["headline"], table["leading"]) == (["acc", "loss"], "acc")
    assert table["runs"]["error"] == ["ValueError: boom", "", "", "", "", ""]
    assert table["runs"]["start"] == [1000.25 + i for i in (5, 4, 3, 2, 1, 0)]
    assert table["runs"]["duration"][-3:] == [6012.3, 601.2, 60.123]


def test_a_name_that_is_cut_is_there_whole_as_well() -> None:
    runs = [make_summary("short", run_id="a", start_time=2.0), make_summary("long " * 50, run_id="b", start_time=1.0)]
    table = table_of(runs)
    assert [len(name) for name in table["runs"]["name"]] == [5, 60]
    assert table["names"] == {"1": ("long " * 50).strip()}


def test_params_say_what_varies_and_what_is_a_seed() -> None:
    params = {p["name"]: (p["varying"], p["seed"], p["runs"]) for p in table_of(sweep())["params"]}
    assert params == {"lr": (True, False, None), "seed": (True, True, None), "width": (False, False, None)}


def test_what_only_some_runs_have_names_them() -> None:
    (tag,) = table_of(sweep())["tags"]
    assert (tag["runs"], tag["values"]) == ([0, 2, 4], ["x", "x", "x"])


def test_configurations_colours_and_spread_are_those_of_the_pages() -> None:
    runs = sweep()
    table = table_of(runs)
    assert table["groups"] == {"label": ["lr 0.1", "lr 0.2"], "slot": [1, 2]}
    assert table["runs"]["group_of"] == [1, 1, 1, 0, 0, 0]
    index = make_index(runs, [])
    assert table["runs"]["differs"] == [row.differs for row in make_rows(index.runs, index.experiments[0], PERCENT)]
    # within lr 0.1: values 90, 91, 92; the failed run does not count; pooled s² = (2 + 0.5) / 3, t(0.975, 3) = 3.1824
    assert table["metrics"][0]["spread"] == pytest.approx(3.1824 * math.sqrt(2 * 2.5 / 3))
    assert table["selection"] == [1, 2, 3, 4, 5]


def test_a_parent_is_found_in_the_table_and_no_run_is_its_own() -> None:
    assert table_of(sweep())["runs"]["parent"] == [5, 5, 5, 5, 5, -1]
    alone = [make_summary("a", run_id="a", parent_id="elsewhere"), make_summary("b", run_id="b")]
    assert table_of(alone)["runs"]["parent"] == [-1, -1]


def test_values_that_json_does_not_know_are_words_and_missing_ones_null() -> None:
    runs = [
        make_summary("a", run_id="a", start_time=3, metrics={"lr": [math.nan], "acc": [math.inf]}),
        make_summary("b", run_id="b", start_time=2, metrics={"lr": [-math.inf], "acc": [1.0]}),
        make_summary("c", run_id="c", start_time=1, metrics={}, params={}),
    ]
    table = table_of(runs)
    columns = {m["name"]: (m["runs"], m["values"]) for m in table["metrics"]}
    assert columns == {"lr": ([0, 1], ["NaN", "-Infinity"]), "acc": ([0, 1], [None, 1.0])}
    assert table["spark"]["values"][0] == table["spark"]["values"][2] == ""


def test_runs_without_params_and_metrics_make_a_table() -> None:
    table = table_of([make_summary(n, run_id=n, params={}, metrics={}) for n in ("a", "b")], Config())
    assert (table["params"], table["metrics"], table["headline"], table["leading"]) == ([], [], [], None)
    assert table["spark"] is None
    assert sorted(table["groups"]["label"]) == ["a", "b"]


def test_declared_headline_metrics_come_first() -> None:
    config = Config(experiments={"sweep": ExperimentConfig(headline=("loss",))})
    table = table_of(sweep(), config)
    assert ([m["name"] for m in table["metrics"]], table["headline"]) == (["loss", "acc"], ["loss"])
    assert table["spark"]["metric"] == "loss"


def test_a_mean_has_no_step() -> None:
    table = table_of(sweep(), Config(metrics={"acc": MetricConfig(direction="max", summary="mean")}))
    assert [m["steps"] for m in table["metrics"] if m["name"] == "acc"] == [None]


def test_sparklines_keep_their_ends_and_lose_nothing_that_is_drawn() -> None:
    runs = sweep(2)
    spark = table_of(runs)["spark"]
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    for place, run in enumerate(reversed(runs)):
        exact = run.metrics["acc"]
        heights = [digits.index(digit) for digit in spark["values"][place]]
        assert max(abs(a - b) for a, b in zip(heights, exact.spark, strict=True)) <= 1
        assert (min(heights), max(heights)) == (0, 63)
        assert exact.min is not None and exact.max is not None
        assert abs(spark["min"][place] - exact.min) < (exact.max - exact.min) / 100


def many_runs(count: int) -> list[Summary]:
    """Return runs of a random search with 10 metrics, 16 params and curves: 30 columns."""
    noise = random.Random(1)
    runs = []
    for i in range(count):
        params = {f"param_{n}": noise.choice([0, 0.1, 0.2, 0.5]) for n in range(14)}
        curves = {
            f"val/metric_{n}": [
                float(np.float32(1 - math.exp(-step / 20) + noise.gauss(0, 0.02))) for step in range(60)
            ]
            for n in range(10)
        }
        run_id = f"20261121-{i:06}-{noise.getrandbits(40):010x}"
        runs.append(
            make_summary(
                f"calm-lynx-{i}",
                run_id=run_id,
                start_time=1e9 + 97 * i + noise.random(),
                duration_s=3000 + 900 * noise.random(),
                params={**params, "weight_decay": round(10 ** noise.uniform(-5, -1), 6), "seed": i % 3},
                metrics=curves,
            )
        )
    return runs


def test_a_run_with_30_columns_weighs_less_than_125_bytes() -> None:
    """So that a table of 2,000 runs stays below 250 KB, as a web server compresses it."""
    (experiment,) = make_index(many_runs(400), []).experiments
    assert len(gzip.compress(table_script(experiment, Config()), 6)) < 125 * 400


def test_long_numbers_are_packed_and_come_back_exact() -> None:
    runs = many_runs(60)
    (experiment,) = make_index(runs, []).experiments
    _, payload = read_call(table_script(experiment, Config()))
    raw = data.unpack(payload)
    assert "k" not in raw["runs"]
    assert {isinstance(m["values"], dict) for m in raw["metrics"]} == {True}
    newest = list(reversed(runs))
    for metric in decode_table(payload)["metrics"]:
        assert metric["values"] == [run.metrics[metric["name"]].value(metric["summary"]) for run in newest]


# ---- the index and the search


def many_experiments() -> Index:
    return make_index([*sweep(), make_summary("alone", run_id="alone", experiment="<b>", note="a\nnote")], [])


def test_the_index_lists_experiments_and_what_was_left_out() -> None:
    index = many_experiments()
    config = Config(title="Ünïcode </script>", repository_url="https://x.org/y", max_site_mb=2.5)
    name, payload = read_call(index_script(["sweep", "<b>"], config, [index.runs[0].key, index.runs[1].key]))
    assert name == "index"
    assert payload.keys() == fields("SiteIndex")
    assert [e.keys() for e in payload["experiments"]] == [fields("SiteIndex.experiments")] * 2
    assert [e["name"] for e in payload["experiments"]] == ["<b>", "sweep"]
    assert payload["dropped"] == sorted(short_key(run.key) for run in index.runs[:2])
    assert (payload["title"], payload["max_site_mb"]) == ("Ünïcode </script>", 2.5)


def test_the_search_knows_what_tells_runs_apart() -> None:
    config = Config(experiments={"sweep": ExperimentConfig(description="# A *sweep*\n\nof lr")})
    chunk = search_chunk(many_experiments().experiments, config)
    name, payload = read_call(search_script({"mixed-0": chunk}))
    assert payload == {"mixed-0": chunk} == read_chunks(search_script(payload))
    search = data.unpack(chunk)
    check_search(search)
    assert name == "search"
    assert search["experiments"]["text"] == ["", "A sweep of lr"]
    texts = dict(zip(search["runs"]["name"], search["runs"]["text"], strict=True))
    commit = make_summary().commit
    assert texts["run 1"].split("\n") == ["lr=0.1", "seed=1", "stage=x", "ada", commit, "id-1"]
    assert "optimizer=adamw" in texts["alone"].split("\n")
    assert "a note" in texts["alone"].split("\n")


def test_the_search_cuts_long_values_and_keeps_each_on_one_line() -> None:
    long = make_summary("a", run_id="a", params={"x": "y" * 5_000, "two\nlines": "1\n2"}, note="", user="")
    (text,) = data.unpack(search_chunk(make_index([long], []).experiments, Config()))["runs"]["text"]
    first, second, *_ = text.split("\n")
    assert len(first) == len("x=") + MAX_LINE
    assert second == "two lines=1 2"


def test_the_search_tells_zero_false_and_text_apart() -> None:
    runs = [
        make_summary(n, run_id=n, params={"x": value}, start_time=i)
        for i, (n, value) in enumerate([("a", 0), ("b", False), ("c", 0.0), ("d", -0.0), ("e", "0")])
    ]
    texts = data.unpack(search_chunk(make_index(runs, []).experiments, Config()))["runs"]["text"]
    assert [text.split("\n")[0] for text in reversed(texts)] == ["x=0", "x=False", "x=0", "x=-0", "x=0"]

"""Filters on many runs: `reportgen.query` in Python beside MLflow's own search, and `query.js` in Chromium.

Run from the repository root: `python -m tests.benchmarks.bench_query [RUNS]`, 100,000 runs with 20 params and 10
metrics unless told otherwise. In Python the frame is made from loaded summaries, then searched twice: the first call
makes the columns, the second has them. MLflow's `SearchUtils.filter` and `.sort` get the same runs as entities, in the
same run, where mlflow is installed. In the browser the runs are the table that a page has loaded and `data/query/`
files; a time goes from the text to the mask, parsing included, first and again. The best of several rounds counts.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from reportgen.index import make_index
from reportgen.model import MetricSummary, Summary
from reportgen.query import Frame, search
from reportgen.site.config import Config
from reportgen.site.data.finding import finding_scripts
from reportgen.site.data.tables import table_script
from reportgen.site.theme import load_theme
from tests.browser import FLAGS
from tests.query_runs import make_run
from tests.run import find_chromium

RUNS = 100_000
PARAMS, METRICS = 20, 10
PAGE_SIZES = (10_000, 100_000)
ROUNDS = 5
NOW = 1_800_000_000.0
FILTER = "metrics.metric3 > 0.5 AND params.param0 = 'adam'"
ORDER = ["metrics.metric1 DESC"]
FILTERS = (
    "metrics.metric3 > 0.5",
    FILTER,
    "max(metrics.metric3) > 0.9 OR min(metrics.metric4) < 0.1",
    "params.param5 > 500 AND start_time > now - 30d",
    "run_name LIKE '%99%' OR tags.team ILIKE 'v%'",
    "params.param1 IN ('1', '2', '3') AND NOT status = 'failed'",
    "user = 'ada' AND duration > 10m",
)
PAGE = """<!DOCTYPE html>
<html lang="en" data-root=""><head><meta charset="utf-8"><title>Query</title>
<script src="reportgen.js" defer></script><script src="query.js" defer></script>
<script src="finding.js" defer></script></head><body></body></html>"""
TIME = """async ([k, filters, rounds, now]) => {
  const table = await reportgen.table(k);
  const rows = Int32Array.from({ length: table.n }, (_, row) => row);
  const times = {};
  for (const text of filters) {
    let [load, first, again, found] = [Infinity, Infinity, Infinity, 0];
    for (let round = 0; round < rounds; round++) {
      const source = reportgen.finding([table], new Int32Array(table.n), rows);
      const ask = () => {
        const start = performance.now();
        const mask = reportgen.query.filter(reportgen.query.parse(text, source.known), source, now, text);
        found = mask.reduce((sum, one) => sum + one, 0);
        return performance.now() - start;
      };
      const start = performance.now();
      await source.load(reportgen.query.parse(text, source.known), text);
      load = Math.min(load, performance.now() - start);
      first = Math.min(first, ask());
      again = Math.min(again, ask());
    }
    times[text] = [load, first, again, found];
  }
  return times;
}"""


def make_runs(count: int) -> list[Summary]:
    """Return runs with 20 params (texts, integers, floats), a tag and 10 metrics, all of one experiment."""
    rng = random.Random(count)
    summaries = []
    for i in range(count):
        params: dict[str, Any] = {"param0": rng.choice(("adam", "adamw", "sgd", "lion"))}
        params |= {f"param{p}": rng.randint(1, 9) if p % 3 == 1 else rng.random() * 1000 for p in range(1, PARAMS)}
        run = make_run(
            f"{rng.getrandbits(128):032x}", start_time=NOW - rng.random() * 1e7, name=f"run-{i}", experiment="bench",
            status="failed" if i % 25 == 0 else "finished", duration_s=rng.random() * 4000,
            user=rng.choice(("ada", "bob")), params=params, tags={"team": rng.choice(("vision", "text"))},
        )  # fmt: skip
        summaries.append(run)
        for m in range(METRICS):
            last, low, high = rng.random(), rng.random() * 0.5, 0.5 + rng.random() * 0.5
            run.metrics[f"metric{m}"] = MetricSummary(  # type: ignore[index] # a dict, not yet seen by others
                100, 0, low, last, low, high, (low + high) / 2, 0, 99, 5, 60, last, 99, ()
            )
    return summaries


def best(act: Callable[[], Any], rounds: int = ROUNDS) -> float:
    """Return the seconds of this process that the fastest of several calls takes."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        act()
        times.append(time.process_time() - start)
    return min(times)


def bench_python(runs: list[Summary]) -> list[int]:
    """Print how long a search takes in Python; return what it finds."""
    first, again, found = [], [], []
    for _ in range(3):
        frame = Frame(runs)
        first.append(best(lambda frame=frame: search(frame, FILTER, ORDER, now=NOW), 1))  # type: ignore[misc]
        again.append(best(lambda frame=frame: search(frame, FILTER, ORDER, now=NOW)))  # type: ignore[misc]
        found = search(frame, FILTER, ORDER, now=NOW)
    print(f"Python, {len(runs):,} runs, {PARAMS} params, {METRICS} metrics: {FILTER}, by {ORDER[0]}")
    print(f"  reportgen.query  first {min(first):.3f} s, again {min(again):.3f} s, {len(found):,} found")
    return found


def bench_mlflow(runs: list[Summary], found: list[int]) -> None:
    """Print how long MLflow's own filter and sort take on the same runs, and check that they find the same."""
    try:
        from mlflow.entities import Metric, Param, Run, RunData, RunInfo, RunTag
        from mlflow.utils.search_utils import SearchUtils
    except ImportError:
        print("  MLflow           not installed")
        return
    entities = [
        Run(
            RunInfo(
                run_id=run.run_id, experiment_id="0", user_id=run.user, status="FINISHED",
                start_time=int(run.start_time * 1000), end_time=None, lifecycle_stage="active",
            ),
            RunData(
                metrics=[Metric(name, metric.last, 0, 0) for name, metric in run.metrics.items()],
                params=[Param(name, str(value)) for name, value in run.params.items()],
                tags=[RunTag(name, value) for name, value in run.tags.items()],
            ),
        )
        for run in runs
    ]  # fmt: skip

    def ask() -> list[Any]:
        return list(SearchUtils.sort(SearchUtils.filter(entities, FILTER), ORDER))

    took = best(ask, 3)
    same = [run.info.run_id for run in ask()] == [runs[row].run_id for row in found]
    print(f"  MLflow           {took:.3f} s, {'the same runs in the same order' if same else 'OTHER RUNS'}")


def bench_page(sizes: tuple[int, ...]) -> None:
    """Print how long filters take in Chromium."""
    theme = load_theme("default")
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        for script in ("reportgen.js", "query.js", "finding.js"):
            (folder / script).write_bytes(theme.read_asset(script))
        (folder / "page.html").write_text(PAGE)
        path = find_chromium()
        browser = playwright.chromium.launch(executable_path=path, args=[*FLAGS, "--no-sandbox"])
        for size in sizes:
            (experiment,) = make_index(make_runs(size), []).experiments
            k = write_data(folder, experiment)
            page = browser.new_page()
            page.goto((folder / "page.html").as_uri())
            times = page.evaluate(TIME, [k, list(FILTERS), ROUNDS, NOW * 1000])
            page.close()
            print(f"Chromium, {size:,} runs: ms to load, to answer first, again")
            for text, (load, first, again, found) in times.items():
                print(f"  {load:7.1f} {first:7.1f} {again:7.1f}   {found:6,.0f} found: {text}")
        browser.close()


def write_data(folder: Path, experiment: Any) -> str:
    """Write the data files of an experiment; return its short key."""
    config = Config()
    files = dict(finding_scripts(experiment, config))
    table = table_script(experiment, config)
    k = table[:60].decode().split('"')[1].removeprefix("tables/")
    files[f"data/tables/{k}.js"] = table
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return k


def main() -> None:
    """Print all figures."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    runs = make_runs(count)
    bench_mlflow(runs, bench_python(runs))
    del runs
    bench_page(tuple(size for size in PAGE_SIZES if size <= count))


if __name__ == "__main__":
    main()

"""The build as a pure function: an incremental build ends with the bytes of a clean one, whatever changed, whatever the
logs hold.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from reportgen.build import BuildResult, build
from reportgen.errors import SiteError, SourceError, ThemeError
from reportgen.formats import run_key
from reportgen.site import jobs, urls
from reportgen.site.config import Config, MetricConfig
from reportgen.sources import StatCache, discover, encode_record, read_run
from tests.linkcheck import check_site
from tests.sourcelogs import LATER, T0, metrics_line, start_line, write_run
from tests.test_sample_site import contents, differing, states

END = {"event": "end", "status": "FINISHED", "time": T0 + 3600}
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</title></style></script>",
    "../../../etc/passwd",
    "javascript:alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "=cmd|' /C calc'!A0",
    "\u202eabc\u2028def\u2029",
    "Ünïcode 损失 🚀",
    "a" * 250,
    " ",
    "__proto__",
    "con",
    "x\x00y\x1b[31m",
    "'; DROP TABLE runs; --",
]


def make_runs(root: Path, names: Iterable[str], *, experiment: str = "digits", **fields: Any) -> None:
    """Write one finished run a name, with two metrics over five steps, params and a seed."""
    for number, name in enumerate(names):
        steps = [metrics_line(i, loss=1.0 / (1 + i + number), acc=0.5 + i / 100 + number / 50) for i in range(5)]
        params = {"event": "params", "params": {"lr": 0.1 / (1 + number // 2), "seed": number % 2}}
        start = start_line(name, name=f"run {name}", experiment=experiment, time=T0 + 60 * number, **fields)
        write_run(root / experiment / name, start, params, *steps, END)


def build_site(source: Path | list[Path], out: Path, config: Config | None = None, **options: Any) -> BuildResult:
    """Build without a cache outside the test's folder."""
    sources = source if isinstance(source, list) else [source]
    return build(sources, out, config=config or Config(), cache_dir=out.parent / "cache", **options)


Change = Callable[[Path], None]


def add_a_run(root: Path) -> None:
    make_runs(root, ["new"], experiment="digits")


def add_an_experiment(root: Path) -> None:
    make_runs(root, ["x1", "x2"], experiment="wine")


def remove_a_run(root: Path) -> None:
    shutil.rmtree(root / "digits" / "r2")


def remove_all_but_one(root: Path) -> None:
    for name in ("r1", "r2", "r3"):
        shutil.rmtree(root / "digits" / name)


def continue_a_run(root: Path) -> None:
    write_run(
        root / "digits" / "r1",
        start_line("r1", session=LATER, time=T0 + 4000),
        metrics_line(9, loss=0.01),
        name="events.1.jsonl",
    )


def add_a_child(root: Path) -> None:
    make_runs(root, ["child"], parent="r1")


def rename_a_run(root: Path) -> None:
    log = root / "digits" / "r0" / "events.jsonl"
    log.write_bytes(log.read_bytes().replace(b'"run r0"', b'"another name"'))


def damage_a_log(root: Path) -> None:
    log = root / "digits" / "r3" / "events.jsonl"
    log.write_bytes(log.read_bytes()[:-40])


def add_rubbish(root: Path) -> None:
    (root / "digits" / "empty").mkdir()
    (root / "digits" / "empty" / "events.jsonl").write_bytes(b"\x00\x00\xff\n")


CHANGES: list[Change] = [
    add_a_run,
    add_an_experiment,
    remove_a_run,
    remove_all_but_one,
    continue_a_run,
    add_a_child,
    rename_a_run,
    damage_a_log,
    add_rubbish,
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_an_incremental_build_ends_with_the_bytes_of_a_clean_one(change: Change, tmp_path: Path) -> None:
    root = tmp_path / "runs"
    make_runs(root, ["r0", "r1", "r2", "r3"])
    build_site(root, tmp_path / "site")
    change(root)
    build_site(root, tmp_path / "site")
    build_site(root, tmp_path / "clean")
    assert differing(tmp_path / "site", tmp_path / "clean") == []
    assert check_site(tmp_path / "site", reachable=True) == []
    build_site(tmp_path / "site", tmp_path / "again")
    assert differing(tmp_path / "site", tmp_path / "again") == []


def test_a_change_of_the_configuration_renders_everything_anew(tmp_path: Path) -> None:
    make_runs(tmp_path / "runs", ["r0", "r1"])
    config = Config(title="Other", metrics={"acc": MetricConfig(direction="min", unit="%")})
    build_site(tmp_path / "runs", tmp_path / "site")
    build_site(tmp_path / "runs", tmp_path / "site", config)
    build_site(tmp_path / "runs", tmp_path / "clean", config)
    assert differing(tmp_path / "site", tmp_path / "clean") == []


def test_only_what_belongs_to_a_new_run_and_the_overviews_is_written(tmp_path: Path) -> None:
    root = tmp_path / "runs"
    make_runs(root, ["r0", "r1", "r2", "r3"])
    build_site(root, tmp_path / "site")
    before = states(tmp_path / "site")
    add_a_run(root)
    build_site(root, tmp_path / "site")
    after = states(tmp_path / "site")
    old_runs = [path for path in before if path.startswith(("r/", "data/runs/", "data/series/", "data/texts/", "a/"))]
    assert len(old_runs) == 4 * 3
    assert [path for path in old_runs if after[path] != before[path]] == []


def test_the_table_of_an_experiment_stays_when_another_changes(tmp_path: Path) -> None:
    make_runs(tmp_path / "runs", ["r0", "r1"])
    build_site(tmp_path / "runs", tmp_path / "site")
    before = states(tmp_path / "site")
    add_an_experiment(tmp_path / "runs")
    build_site(tmp_path / "runs", tmp_path / "site")
    after = states(tmp_path / "site")
    assert after[urls.table_js("digits")] == before[urls.table_js("digits")]
    assert after[urls.SEARCH_JS] != before[urls.SEARCH_JS]


def test_a_site_grows_when_it_is_its_own_source(tmp_path: Path) -> None:
    make_runs(tmp_path / "old", ["r0", "r1"])
    make_runs(tmp_path / "new", ["r2", "r3"], experiment="wine")
    build_site(tmp_path / "old", tmp_path / "site")
    build_site([tmp_path / "site", tmp_path / "new"], tmp_path / "site")
    build_site([tmp_path / "new", tmp_path / "old"], tmp_path / "clean")
    assert differing(tmp_path / "site", tmp_path / "clean") == []


def test_an_executor_and_its_size_leave_the_bytes_alone(tmp_path: Path) -> None:
    make_runs(tmp_path / "runs", [f"r{i}" for i in range(40)])
    build_site(tmp_path / "runs", tmp_path / "serial")
    with ThreadPoolExecutor(1) as one:
        build_site(tmp_path / "runs", tmp_path / "pool", executor=one)
    assert differing(tmp_path / "serial", tmp_path / "pool") == []


def test_progress_ends_with_every_run_read(tmp_path: Path) -> None:
    make_runs(tmp_path / "runs", ["r0", "r1", "r2"])
    seen: list[tuple[str, int, int]] = []
    build_site(tmp_path / "runs", tmp_path / "site", progress=lambda *report: seen.append(report))
    assert ("read", 3, 3) in seen
    assert {stage for stage, _, _ in seen} == {"read", "plot", "page", "write"}


def test_interrupted_with_an_error_the_site_stays_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_runs(tmp_path / "runs", ["r0"])
    build_site(tmp_path / "runs", tmp_path / "site")
    before = states(tmp_path / "site")
    add_a_run(tmp_path / "runs")

    def no_space(*args: object, **kwargs: object) -> bytes:
        raise SiteError("no space left")

    monkeypatch.setattr("reportgen.stages.runs_csv", no_space)
    with pytest.raises(SiteError):
        build_site(tmp_path / "runs", tmp_path / "site")
    assert states(tmp_path / "site") == before


# ---- what is left out, what is wrong


def test_runs_that_the_configuration_excludes_are_counted(tmp_path: Path) -> None:
    make_runs(tmp_path / "runs", ["r0", "r1"])
    make_runs(tmp_path / "runs", ["w0"], experiment="wine")
    result = build_site(tmp_path / "runs", tmp_path / "site", Config(exclude=("wine",)))
    assert (result.runs, result.omitted) == (2, 1)
    assert "1 run left out" in (tmp_path / "site" / "index.html").read_text(encoding="utf-8")


def test_excluding_every_run_is_an_error(tmp_path: Path) -> None:
    make_runs(tmp_path / "runs", ["r0"])
    with pytest.raises(SourceError, match="leave none of 1 run"):
        build_site(tmp_path / "runs", tmp_path / "site", Config(exclude=("*",)))


def test_an_unknown_theme_names_the_nearest(tmp_path: Path) -> None:
    make_runs(tmp_path / "runs", ["r0"])
    with pytest.raises(ThemeError, match="did you mean 'default'"):
        build_site(tmp_path / "runs", tmp_path / "site", Config(theme="defualt"))


def test_two_runs_with_one_id_are_both_kept_with_a_problem(tmp_path: Path) -> None:
    write_run(tmp_path / "runs/digits/a", start_line("same"), metrics_line(0, loss=1.0), END)
    write_run(tmp_path / "runs/digits/b", start_line("same"), metrics_line(0, loss=2.0), END)
    result = build_site(tmp_path / "runs", tmp_path / "site")
    assert result.runs == 2
    assert any("digits/a" in p.message + p.where + p.hint for p in result.problems)
    assert check_site(tmp_path / "site", reachable=True) == []
    build_site(tmp_path / "site", tmp_path / "again")
    assert differing(tmp_path / "site", tmp_path / "again") == []
    before = states(tmp_path / "site")
    build_site(tmp_path / "runs", tmp_path / "site")
    assert states(tmp_path / "site") == before


def test_secrets_in_a_log_reach_no_file_of_the_site(tmp_path: Path) -> None:
    secret = "ghp_" + "a1B2" * 9
    write_run(
        tmp_path / "runs/digits/r0",
        start_line("r0", name=f"run {secret}"),
        {"event": "params", "params": {"token": secret, "url": f"https://me:{secret}@example.org"}},
        {"event": "note", "text": f"use {secret}"},
        {"event": "tags", "tags": {secret: "x"}},
        {"event": "strange", "what": [secret]},
        metrics_line(0, loss=1.0),
        END,
    )
    build_site(tmp_path / "runs", tmp_path / "site")
    for path in contents(tmp_path / "site"):
        data = (tmp_path / "site" / path).read_bytes()
        data = gzip.decompress(data) if path.endswith(".gz") else data
        assert secret.encode() not in data, path


# ---- hostile and damaged logs


def hostile_run(name: str, number: int) -> list[Mapping[str, Any]]:
    return [
        start_line(f"id {number} {name}"[:250], experiment=name, name=name, group=name, user=name, parent=name),
        {"event": "params", "params": {name: name, "seed": number}},
        {"event": "tags", "tags": {name: name}},
        {"event": "note", "text": f"{name}\n\n# {name}\n\n| {name} |\n|---|\n| {name} |\n"},
        {"event": "input", "name": name, "digest": name, "source": name, "role": name},
        {
            "event": "model",
            "name": name,
            "version": name,
            "aliases": [name],
            "files": [name],
            "sha256": "",
            "from": name,
        },
        {"event": "artifact", "path": name, "bytes": 3, "sha256": "0" * 64, "media": name},
        {"event": "code", "commit": name, "branch": name, "remote": name, "command": [name], "entry": name},
        {"event": "env", "python": name, "platform": name, "packages": {name: name}},
        {"event": "text", "stream": name, "text": name},
        {"event": name, "x": name},
        metrics_line(0, **{name: 1.0}),
        metrics_line(1, **{name: "NaN"}),
        {"event": "end", "status": "FAILED", "error": name, "time": T0 + 5},
    ]


def test_hostile_names_in_every_field_leave_links_and_markup_whole(tmp_path: Path) -> None:
    for number, name in enumerate(HOSTILE):
        write_run(tmp_path / "runs" / f"e{number}" / f"r{number}", *hostile_run(name, number))
        write_run(tmp_path / "runs" / f"e{number}" / f"s{number}", *hostile_run(name, number + 100))
    result = build_site(tmp_path / "runs", tmp_path / "site")
    assert result.runs == 2 * len(HOSTILE)
    assert check_site(tmp_path / "site", reachable=True) == []
    for page in (tmp_path / "site").rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert "<script>alert" not in text
        assert "<img src=x" not in text
    build_site(tmp_path / "site", tmp_path / "again")
    assert differing(tmp_path / "site", tmp_path / "again") == []


@pytest.mark.slow
def test_a_log_cut_at_any_byte_still_gives_a_site(tmp_path: Path) -> None:
    write_run(
        tmp_path / "whole/digits/r0",
        start_line("r0"),
        {"event": "params", "params": {"lr": 0.1}},
        metrics_line(0, loss=1.0),
        metrics_line(1, loss=0.5),
        END,
    )
    log = (tmp_path / "whole/digits/r0/events.jsonl").read_bytes()
    for end in range(1, len(log), 3):
        folder = tmp_path / f"cut{end}"
        write_run(folder / "runs/digits/r0", log[:end])
        result = build_site(folder / "runs", folder / "site")
        whole_lines = log[:end].count(b"\n")
        assert result.runs <= 1
        if whole_lines:
            assert result.runs == 1
            with gzip.open(folder / "site" / urls.record(run_key("r0"))) as record:
                kinds = [json.loads(line)["event"] for line in record]
            assert kinds.count("params") == (whole_lines >= 2)
            assert ("points" in kinds) == (whole_lines >= 3)
        assert check_site(folder / "site") == []
        shutil.rmtree(folder)


def test_names_in_another_order_survive_the_table_of_summaries(tmp_path: Path) -> None:
    root = tmp_path / "runs"
    for number, names in enumerate(("yxz", "xyz")):
        events = [{"event": kind, kind: {name: f"{name}{number}" for name in names}} for kind in ("params", "tags")]
        start = start_line(f"r{number}", experiment="digits", time=T0 + number)
        write_run(root / "digits" / f"r{number}", start, *events, metrics_line(0, **dict.fromkeys(names, 1.0)), END)
    build_site(root, tmp_path / "site")
    add_an_experiment(root)
    build_site(root, tmp_path / "site")
    build_site(root, tmp_path / "clean")
    assert differing(tmp_path / "site", tmp_path / "clean") == []


def test_a_site_that_was_built_anew_is_read_anew_although_its_logs_are_the_same(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"abc").hexdigest()
    artifact = {"event": "artifact", "path": "x.png", "bytes": 3, "sha256": digest, "media": "image/png"}
    folder = write_run(tmp_path / "runs" / "digits" / "r", start_line("r"), artifact, END).parent
    (folder / "artifacts").mkdir()
    (folder / "artifacts" / "x.png").write_bytes(b"abc")
    build_site(tmp_path / "runs", tmp_path / "source", Config(artifact_exclude=("*.png",)))
    build_site(tmp_path / "source", tmp_path / "site")
    build_site(tmp_path / "runs", tmp_path / "source")
    build_site(tmp_path / "source", tmp_path / "site")
    build_site(tmp_path / "source", tmp_path / "clean")
    assert differing(tmp_path / "site", tmp_path / "clean") == []
    assert build_site(tmp_path / "source", tmp_path / "site").written == 0


def test_a_static_plot_shows_the_series_of_the_tables(tmp_path: Path) -> None:
    for rank in (1, 2):
        start = start_line("r", rank=rank, session=f"s{rank}")
        write_run(
            tmp_path,
            start,
            metrics_line(0, loss=float(rank)),
            metrics_line(1, loss=float(rank)),
            name=f"events.{rank}.jsonl",
        )
    (ref,) = discover([tmp_path], cache=StatCache(None)).runs
    (read,) = read_run(ref)
    record = tmp_path / "record.jsonl.gz"
    record.write_bytes(encode_record(read.run))
    drawn = jobs._main_series(str(record), {"loss"})["loss"]
    assert drawn.values.tolist() == [1.5, 1.5]
    assert read.run.summary.metrics["loss"].last == 1.5


def test_two_projects_do_not_evict_each_other_from_the_cache(tmp_path: Path) -> None:
    for name in ("a", "b"):
        make_runs(tmp_path / name, ["r0"])
        build_site(tmp_path / name, tmp_path / f"site-{name}")
    assert len(list((tmp_path / "cache").glob("files-*.json"))) == 2


def test_a_cache_folder_that_cannot_be_made_costs_only_time(tmp_path: Path) -> None:
    make_runs(tmp_path / "runs", ["r0"])
    (tmp_path / "file").touch()
    build([tmp_path / "runs"], tmp_path / "site", config=Config(), cache_dir=tmp_path / "file" / "cache")
    build_site(tmp_path / "runs", tmp_path / "clean")
    assert differing(tmp_path / "site", tmp_path / "clean") == []


def test_control_characters_of_a_log_reach_no_page(tmp_path: Path) -> None:
    write_run(tmp_path / "runs/digits/r0", start_line("r0", name="a\x00b\x1bc"), metrics_line(0, loss=1.0), END)
    build_site(tmp_path / "runs", tmp_path / "site")
    pages = [p for p in (tmp_path / "site").rglob("*") if p.suffix in (".html", ".csv")]
    assert pages
    assert [p.name for p in pages if set(p.read_bytes()) & {0, 0x1B}] == []


@pytest.mark.parametrize(
    ("source", "said"), [("{{ nope }}", "home.html:1: 'nope' is undefined"), ("\n{{ x", "home.html:2")]
)
def test_a_mistake_in_a_template_names_its_line(tmp_path: Path, source: str, said: str) -> None:
    make_runs(tmp_path / "runs", ["r0"])
    (tmp_path / "look" / "templates").mkdir(parents=True)
    (tmp_path / "look" / "templates" / "home.html").write_text(source, encoding="utf-8")
    config = Config(theme_dirs=("look",), folder=tmp_path)
    with pytest.raises(ThemeError, match=said):
        build_site(tmp_path / "runs", tmp_path / "site", config)


def test_an_artifact_of_another_size_than_was_logged_stops_nothing(tmp_path: Path) -> None:
    run = tmp_path / "runs/digits/r0"
    digest = hashlib.sha256(b"abc").hexdigest()
    lines = [
        {"event": "artifact", "path": name, "sha256": digest, **more} for name, more in (("a", {"bytes": 4}), ("b", {}))
    ]
    write_run(run, start_line("r0"), *lines, {"event": "artifact", "path": "c", "bytes": 3}, END)
    for name in "abc":
        (run / "artifacts").mkdir(exist_ok=True)
        (run / "artifacts" / name).write_bytes(b"abc")
    result = build_site(tmp_path / "runs", tmp_path / "site")
    assert (tmp_path / "site" / f"a/{digest[:20]}.bin").read_bytes() == b"abc"
    assert [p.message for p in result.problems] == ["artifact 'c' is not published: no sha256 was logged"]
    build_site(tmp_path / "site", tmp_path / "again")
    assert differing(tmp_path / "site", tmp_path / "again") == []


def test_copies_of_a_run_that_contradict_each_other_are_told_without_the_places_of_this_machine(tmp_path: Path) -> None:
    for machine, loss in (("laptop", 1.0), ("cluster", 2.0)):
        write_run(tmp_path / machine / "runs/digits/r0", start_line("r0"), metrics_line(0, loss=loss), END)
    result = build_site([tmp_path / "laptop/runs", tmp_path / "cluster/runs"], tmp_path / "site")
    (problem,) = result.problems
    assert "in 'digits/r0/events.jsonl' (2 states of it): both are kept, as two runs" in problem.message
    assert str(tmp_path) not in problem.message

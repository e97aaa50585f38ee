"""Results of lm-evaluation-harness: one run a file, one run for the checkpoints of a model."""

from __future__ import annotations

import json
from pathlib import Path

from tests.foreignruns import find, messages, read_all, read_one, rows, survives

RESULTS = {
    "results": {"arc_easy": {"alias": "arc_easy", "acc,none": 0.5, "acc_stderr,none": "N/A"}, "wiki": {"ppl": 12.5}},
    "groups": {"all": {"acc,none": 0.25}},
    "configs": {"arc_easy": {"task": "arc_easy"}},
    "versions": {"arc_easy": 1.0},
    "n-shot": {"arc_easy": 0},
    "config": {"model": "hf", "model_args": "pretrained=gpt2", "batch_size": 8, "device": None},
    "git_hash": "9fceb02",
    "date": 1700000000.5,
}


def write(path: Path, document: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2))
    return path


def test_a_file_is_a_run(tmp_path: Path) -> None:
    write(tmp_path / "out" / "gpt2" / "results_2024-01-02T03-04-05.123.json", RESULTS)
    run = read_one(tmp_path / "out")
    summary = run.summary
    assert (summary.experiment, summary.name, summary.status) == ("out", "gpt2_2024-01-02T03-04-05.123", "finished")
    assert rows(run, "arc_easy/acc,none") == [(0, 1700000000.5, 0.5)]
    assert set(run.series) == {"arc_easy/acc,none", "wiki/ppl", "all/acc,none"}
    assert summary.params["model_args"] == "pretrained=gpt2"
    assert summary.params["n-shot.arc_easy"] == 0
    assert summary.commit == "9fceb02"
    assert messages(run) == []


def test_files_of_checkpoints_are_steps_of_one_run(tmp_path: Path) -> None:
    for step in (1000, 200, 30000):
        write(tmp_path / "evals" / f"tiny_step{step}.json", {**RESULTS, "results": {"t": {"acc": step / 1e5}}})
    write(tmp_path / "evals" / "other.json", RESULTS)
    runs = read_all(tmp_path / "evals")
    assert sorted(runs) == ["other", "tiny"]
    assert [(step, value) for step, _, value in rows(runs["tiny"], "t/acc")] == [
        (200, 0.002),
        (1000, 0.01),
        (30000, 0.3),
    ]


def test_other_json_is_left_alone(tmp_path: Path) -> None:
    write(tmp_path / "a" / "results.json", {"results": [1, 2]})
    write(tmp_path / "a" / "package.json", {"name": "x", "version": "1"})
    write(tmp_path / "b" / "results.json", RESULTS)
    found = find(tmp_path)
    assert [(ref.experiment, ref.name) for ref in found.runs] == [(tmp_path.name, "b")]
    assert found.problems == ()


def test_damage(tmp_path: Path) -> None:
    write(tmp_path / "sound" / "x" / "results.json", RESULTS)
    survives(tmp_path / "sound", tmp_path / "scratch")


def test_a_file_of_the_harness_of_which_nothing_is_left_is_told(tmp_path: Path) -> None:
    write(tmp_path / "gpt2" / "results_2024-01-02T03-04-05.123456.json", RESULTS)
    for number, rest in enumerate(("", '{"resu', "[1]")):
        (tmp_path / "gpt2" / f"results_2024-01-0{number + 3}T03-04-05.123456.json").write_text(rest)
    found = find(tmp_path)
    assert [ref.name for ref in found.runs] == ["gpt2_2024-01-02T03-04-05.123456"]
    assert [p.message for p in found.problems] == ["the file holds no results of lm-evaluation-harness"] * 3

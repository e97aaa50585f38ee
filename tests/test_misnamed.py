"""Metrics that the configuration names and no run has are told, with what they were meant to be."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from reportgen.cli import main
from reportgen.model import Problem
from reportgen.site.config import Config, ExperimentConfig, MetricConfig
from reportgen.site.misnamed import MAX_NAMES, find_misnamed
from tests.sourcelogs import metrics_line, start_line, write_run

METRICS = {"digits": ["val/accuracy", "train/loss"], "trees": ["val/auc"]}
HINT = "correct the name, or leave it if such runs are yet to come"


def messages(config: Config) -> list[str]:
    found = find_misnamed(config, METRICS)
    assert {(problem.where, problem.hint) for problem in found} <= {("configuration", HINT)}
    return [problem.message for problem in found]


def test_names_that_runs_have_and_patterns_are_not_told() -> None:
    experiments = {"dig*": ExperimentConfig(headline=("train/loss",)), "later": ExperimentConfig(headline=("f1",))}
    declared = {"val/auc": MetricConfig(unit="%"), "nothing/*": MetricConfig()}
    assert messages(Config(headline=("val/accuracy",), metrics=declared, experiments=experiments)) == []


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (
            Config(headline=("val/acuracy",)),
            "`headline` names a metric that no run has: 'val/acuracy' (did you mean 'val/accuracy'?)",
        ),
        (
            Config(metrics={"auc": MetricConfig(), "bleu": MetricConfig()}),
            "[metrics] names metrics that no run has: 'auc' (did you mean 'val/auc'?), 'bleu'",
        ),
        (
            Config(experiments={"trees": ExperimentConfig(headline=("train/loss",))}),
            "`headline` of [experiments.trees] names a metric that no run has: 'train/loss'",
        ),
    ],
)
def test_each_part_of_the_configuration_is_told_with_the_nearest_name(config: Config, expected: str) -> None:
    assert messages(config) == [expected]


def test_many_names_are_counted() -> None:
    (message,) = messages(Config(metrics={f"{name}{name}{name}{name}": MetricConfig() for name in "bcdefghi"}))
    assert message.endswith(f"and {8 - MAX_NAMES} more")


def test_a_site_without_metrics_has_nothing_to_compare_with() -> None:
    assert find_misnamed(Config(headline=("acc",)), {"digits": []}) == ()


def test_a_build_tells_it_each_time_and_is_not_failed_by_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "runs" / "digits" / "r1", start_line(), metrics_line(0, acc=1.0))
    (tmp_path / "reportgen.toml").write_text('headline = ["ac"]\n')
    expected = "note: configuration: `headline` names a metric that no run has: 'ac' (did you mean 'acc'?)"
    for said in ("1 run in 1 experiment", "nothing changed"):
        result = CliRunner().invoke(main, ["build", "runs", "-o", "site", "--strict", "--jobs", "1"])
        assert (result.exit_code, expected in result.stderr, said in result.stdout) == (0, True, True), result.output


def test_a_notice_is_a_problem_with_a_remedy() -> None:
    assert find_misnamed(Config(headline=("f1",)), METRICS) == (
        Problem("configuration", "`headline` names a metric that no run has: 'f1'", HINT),
    )

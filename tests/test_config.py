"""The configuration: where it is read from, what it may say, what it answers, and what is said when it is wrong."""

from __future__ import annotations

import json
import pickle
import re
from dataclasses import replace
from pathlib import Path

import pytest

from reportgen.errors import ConfigError
from reportgen.site import directions
from reportgen.site.config import DIRECTIONS, SUMMARIES, Config, ExperimentConfig, MetricConfig
from reportgen.site.config_file import KEYS, load_config
from reportgen.site.gates import Gate, Tolerance

DOC = (Path(__file__).parent.parent / "docs" / "configuration.md").read_text(encoding="utf-8")


def load(folder: Path, text: str, name: str = "reportgen.toml") -> Config:
    """Write `text` as a configuration file and read it as a build in `folder` does."""
    (folder / name).write_text(text, encoding="utf-8")
    return load_config(None, folder=folder)


def refusal(folder: Path, text: str, name: str = "reportgen.toml") -> str:
    """Return what is said of the configuration `text`."""
    with pytest.raises(ConfigError) as caught:
        load(folder, text, name)
    return str(caught.value)


# ---- which file


def test_without_a_file_all_defaults_hold(tmp_path: Path) -> None:
    assert load_config(None, folder=tmp_path) == Config()


def test_reportgen_toml_is_read_from_the_working_folder(tmp_path: Path) -> None:
    assert load(tmp_path, 'title = "A"').title == "A"


def test_the_table_in_pyproject_is_read(tmp_path: Path) -> None:
    config = load(tmp_path, '[tool.reportgen]\ntitle = "A"\n[tool.reportgen.metrics.x]\nunit = "s"', "pyproject.toml")
    assert (config.title, config.metric("x").unit) == ("A", "s")


@pytest.mark.parametrize("text", ["", "[tool.ruff]\nx = 1", 'tool = "x"', "[project]\nname = 'x'"])
def test_a_pyproject_without_our_table_means_defaults(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, text, "pyproject.toml") == Config()


def test_reportgen_toml_hides_the_table_in_pyproject_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.reportgen]\ntitle = "B"')
    config = load(tmp_path, 'title = "A"')
    assert config.title == "A"
    assert "[tool.reportgen] in pyproject.toml is not read" in config.notes[0]


@pytest.mark.parametrize("other", ["[tool.ruff]", "broken ["])
def test_a_pyproject_that_hides_nothing_is_not_mentioned(tmp_path: Path, other: str) -> None:
    (tmp_path / "pyproject.toml").write_text(other)
    assert load(tmp_path, 'title = "A"').notes == ()


def test_a_named_file_wins_and_its_folder_is_where_theme_dirs_start(tmp_path: Path) -> None:
    (tmp_path / "reportgen.toml").write_text('title = "A"')
    (tmp_path / "ci").mkdir()
    (tmp_path / "ci" / "site.toml").write_text('title = "B"\ntheme_dirs = ["look"]')
    config = load_config(Path("ci/site.toml"), folder=tmp_path)
    assert config.title == "B"
    assert config.theme_folders == (tmp_path / "ci" / "look",)


def test_a_named_pyproject_must_have_the_table(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]")
    with pytest.raises(ConfigError, match=r"no table \[tool\.reportgen\]"):
        load_config(Path("pyproject.toml"), folder=tmp_path)


def test_a_missing_named_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nope\.toml: no such configuration file"):
        load_config(Path("nope.toml"), folder=tmp_path)


def test_a_folder_in_the_place_of_the_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "reportgen.toml").mkdir()
    with pytest.raises(ConfigError, match=r"reportgen\.toml: cannot be read"):
        load_config(None, folder=tmp_path)


def test_a_byte_order_mark_is_ignored(tmp_path: Path) -> None:
    assert load(tmp_path, '\ufefftitle = "A"').title == "A"


def test_a_file_that_is_not_utf_8_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "reportgen.toml").write_bytes(b'title = "\xe4"')
    with pytest.raises(ConfigError, match=r"reportgen\.toml: not UTF-8 at byte 10"):
        load_config(None, folder=tmp_path)


# ---- what is wrong with it


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title 1", "reportgen.toml:1:7: Expected '=' after a key"),
        ('title = "A"\nheadline = [', "reportgen.toml:2:13: "),
        (
            '\n[metrics.val/accuracy]\nunit = "s"',
            "reportgen.toml:2:13: Expected ']' at the end of a table declaration: put the name in quotes, as in [met",
        ),
    ],
)
def test_a_syntax_error_says_line_and_column(tmp_path: Path, text: str, message: str) -> None:
    assert refusal(tmp_path, text).startswith(message)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("titel = 'A'", ["reportgen.toml: titel: unknown key: did you mean 'title'? known here: artifacts,"]),
        (
            '[metrics."val/accuracy"]\ndirecton = "max"',
            [
                "reportgen.toml: metrics.\"val/accuracy\".directon: unknown key: did you mean 'direction'?",
                "known here: direction, summary, title, unit",
            ],
        ),
        ("[artifacts]\nmax-mb = 1", ["artifacts.max-mb", "did you mean 'max_mb'?"]),
        ("max_mb = 1", ["max_mb: unknown key: did you mean 'artifacts.max_mb'?"]),
        ("[artifacts]\ntheme = 'x'", ["artifacts.theme: ", "'theme' belongs at the top of the file"]),
        ("[tool.reportgen]\ntitle = 'x'", ["tool: unknown key", "stand at the top, without the table"]),
        ("[metrics.val.accuracy]\nunit = '%'", ["metrics.val.accuracy", 'write [metrics."val.accuracy"]']),
        ("[experiments.x]\nzzz = 1", ["experiments.x.zzz: unknown key: known here: description, headline"]),
    ],
)
def test_an_unknown_key_names_its_place_and_the_nearest(tmp_path: Path, text: str, parts: list[str]) -> None:
    message = refusal(tmp_path, text)
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title = 1", "title: expected a string, found an integer"),
        ("title = true", "title: expected a string, found a boolean"),
        ("theme = 1.5", "theme: expected a string, found a float"),
        ("description = 2024-01-01", "description: expected a string, found a date or time"),
        ("[title]", "title: expected a string, found a table"),
        ("headline = 'loss'", 'headline: expected an array of strings, found a string: write headline = ["loss"]'),
        ("include = ['a', 1]", "include: expected an array of strings, found an integer at position 2"),
        ("metrics = 1", "metrics: expected a table, found an integer"),
        ("[metrics]\nloss = 'min'", "metrics.loss: expected a table, found a string"),
        ("[[artifacts]]", "artifacts: expected a table, found an array"),
        (
            "[sources.table]\nfiles = '*.csv'",
            "sources.table: expected an array of tables, found a table: write [[sources.table]]",
        ),
        ("[sources.mlflow]\ndeleted = 1", "sources.mlflow.deleted: expected true or false, found an integer"),
        ("[[sources.table]]\nfiles = 1", "sources.table.files: expected an array of strings, found an integer"),
        ("[[sources.table]]\nstep = 'n'", 'sources.table.files: must name files: write files = ["*.csv"]'),
        (
            "[[sources.table]]\nfiles = '*'\nrows = 'x'",
            "sources.table.rows: unknown value 'x': choose one of runs, steps",
        ),
        ("[artifacts]\nmax_mb = '1'", "artifacts.max_mb: expected a number, found a string"),
        ("[artifacts]\nmax_mb = true", "artifacts.max_mb: expected a number, found a boolean"),
        ("[theme_options]\nx = []", "theme_options.x: expected a string, a number or a boolean, found an array"),
    ],
)
def test_a_wrong_type_says_what_is_expected_and_found(tmp_path: Path, text: str, message: str) -> None:
    assert refusal(tmp_path, text) == f"reportgen.toml: {message}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[metrics.x]\ndirection = 'mx'", "metrics.x.direction: unknown value 'mx': did you mean 'max'? choose one of"),
        ("[metrics.x]\nsummary = 'median'", "metrics.x.summary: unknown value 'median':"),
        ("[metrics.x]\ndirection='none'\nsummary='best'", "metrics.x.summary: 'best' needs a direction"),
        ("[artifacts]\nmax_mb = -1", "artifacts.max_mb: expected a number from 0 up, found -1"),
        ("[artifacts]\nmax_mb = nan", "artifacts.max_mb: expected a number from 0 up, found nan"),
        ("[artifacts]\nmax_mb = inf", "artifacts.max_mb: expected a number from 0 up, found inf"),
        ("[artifacts]\nmax_mb = 1e308", "artifacts.max_mb: expected a number up to 1,099,511,627,776, found a larger"),
        (f"max_site_mb = 1{'0' * 400}", "max_site_mb: expected a number up to 1,099,511,627,776, found a larger one"),
        ("title = ' '", "title: must not be empty: remove the key to get 'Training runs'"),
        ("repository_url = 'javascript:alert(1)'", "repository_url: 'javascript:alert(1)' is not a web address"),
        ("repository_url = 'git@github.com:a/b'", "repository_url: 'git@github.com:a/b' is not a web address"),
    ],
)
def test_a_value_out_of_range_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    assert refusal(tmp_path, text).startswith(f"reportgen.toml: {message}")


def test_an_error_in_pyproject_names_the_table(tmp_path: Path) -> None:
    message = refusal(tmp_path, "[tool.reportgen]\ntitle = 1", "pyproject.toml")
    assert message == "pyproject.toml: tool.reportgen: title: expected a string, found an integer"


def test_a_table_in_pyproject_that_is_none_is_an_error(tmp_path: Path) -> None:
    message = refusal(tmp_path, "[tool]\nreportgen = 1", "pyproject.toml")
    assert message == "pyproject.toml: tool.reportgen: expected a table, found an integer"


# ---- what it answers


def test_a_metric_is_found_by_name_then_by_the_first_pattern_in_order() -> None:
    config = Config(
        metrics={
            "*/loss": MetricConfig(unit="nats"),
            "val/*": MetricConfig(unit="%"),
            "val/loss": MetricConfig(unit="bits"),
        }
    )
    assert [config.metric(m).unit for m in ("val/loss", "train/loss", "val/x", "x")] == ["bits", "nats", "%", ""]


def test_a_declaration_without_a_direction_gets_the_guess() -> None:
    config = Config(metrics={"val/accuracy": MetricConfig(unit="%")})
    assert config.metric("val/accuracy") == MetricConfig("max", "%", "val/accuracy", "best")


def test_direction_none_declines_the_guess() -> None:
    config = Config(metrics={"loss": MetricConfig(direction="none")})
    assert config.metric("loss") == MetricConfig(None, "", "loss", "last")


@pytest.mark.parametrize(
    ("name", "declared", "summary"),
    [
        ("x", MetricConfig(), "last"),
        ("x", MetricConfig(direction="min"), "best"),
        ("x", MetricConfig(summary="best"), "last"),
        ("x", MetricConfig(summary="mean"), "mean"),
        ("loss", MetricConfig(), "best"),
        ("loss", MetricConfig(summary="last"), "last"),
    ],
)
def test_the_summary_is_best_only_where_there_is_a_direction(name: str, declared: MetricConfig, summary: str) -> None:
    assert Config(metrics={name: declared}).metric(name).summary == summary


def test_a_metric_is_resolved_once() -> None:
    config = Config()
    assert config.metric("loss") is config.metric("loss")


def test_a_changed_copy_forgets_what_was_resolved() -> None:
    config = Config()
    assert config.metric("loss").direction == "min"
    assert replace(config, metrics={"loss": MetricConfig("max")}).metric("loss").direction == "max"


def test_a_configuration_travels_to_a_worker() -> None:
    config = Config(title="A", metrics={"x": MetricConfig("min")})
    config.metric("x")
    copy = pickle.loads(pickle.dumps(config))
    assert copy == config
    assert copy.metric("x") == config.metric("x")


def test_an_experiment_inherits_the_headline_of_the_site() -> None:
    config = Config(
        headline=("acc",),
        experiments={"a": ExperimentConfig("A"), "b*": ExperimentConfig("B", ("loss",))},
    )
    assert config.experiment("a") == ExperimentConfig("A", ("acc",))
    assert config.experiment("b2") == ExperimentConfig("B", ("loss",))
    assert config.experiment("c") == ExperimentConfig("", ("acc",))


@pytest.mark.parametrize(
    ("include", "exclude", "wanted"),
    [
        ((), (), True),
        (("digits",), (), True),
        (("dig*",), (), True),
        (("digits/mlp-*",), (), True),
        (("digits/cnn-*",), (), False),
        (("other", "*/mlp-1"), (), True),
        (("digit",), (), False),
        (("DIGITS",), (), False),
        ((), ("digits",), False),
        (("digits",), ("*/mlp-1",), False),
        ((), ("mlp-1",), True),
    ],
)
def test_runs_are_chosen_by_experiment_or_by_name(include: tuple[str], exclude: tuple[str], wanted: bool) -> None:
    assert Config(include=include, exclude=exclude).includes("digits", "mlp-1") is wanted


# ---- its digest


def test_the_digest_does_not_depend_on_where_the_file_was(tmp_path: Path) -> None:
    texts = (
        'title = "A"\n[theme_options]\nb = 1\na = 2',
        '[tool.reportgen]\ntheme_options = {a = 2, b = 1}\ntitle="A"',
    )
    digests = set()
    for text, name in zip(texts, ("reportgen.toml", "pyproject.toml"), strict=True):
        folder = tmp_path / name
        folder.mkdir()
        digests.add(load(folder, text, name).digest())
    assert len(digests) == 1
    assert re.fullmatch("[0-9a-f]{64}", digests.pop())


@pytest.mark.parametrize(
    "change",
    [
        {"title": "B"},
        {"description": "B"},
        {"theme": "b"},
        {"theme_options": {"a": 1}},
        {"repository_url": "https://x.org"},
        {"headline": ("a",)},
        {"metrics": {"a": MetricConfig()}},
        {"experiments": {"a": ExperimentConfig()}},
        {"include": ("a",)},
        {"exclude": ("a",)},
        {"max_artifact_mb": 1.0},
        {"artifact_include": ("a",)},
        {"artifact_exclude": ("a",)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_digest_depends_on_all_that_a_page_may_show(change: dict[str, object]) -> None:
    assert replace(Config(), **change).digest() != Config().digest()  # type: ignore[arg-type]


def test_the_digest_depends_on_the_order_of_patterns() -> None:
    one = Config(metrics={"a*": MetricConfig("min"), "*b": MetricConfig("max")})
    other = Config(metrics={"*b": MetricConfig("max"), "a*": MetricConfig("min")})
    assert one.digest() != other.digest()


def test_asking_leaves_the_digest_and_the_description_as_they_are(tmp_path: Path) -> None:
    config = load(tmp_path, 'theme_dirs = ["look"]')
    before = config.digest()
    config.metric("loss")
    assert config.digest() == before
    assert str(tmp_path) not in json.dumps(config.describe())
    assert config.digest() == Config().digest()


def test_the_size_of_a_site_has_no_limit_unless_one_is_set(tmp_path: Path) -> None:
    assert Config().max_site_mb is None
    assert load(tmp_path, "").describe()["max_site_mb"] is None
    config = load(tmp_path, "max_site_mb = 900")
    assert (config.max_site_mb, config.describe()["max_site_mb"]) == (900, 900.0)
    assert config.digest() != Config().digest()
    assert config.digest() == load(tmp_path, "max_site_mb = 900.0").digest()


@pytest.mark.parametrize("value", ["-1", "'900'", "true", "inf"])
def test_a_limit_of_the_size_is_a_number_from_0_up(tmp_path: Path, value: str) -> None:
    assert "max_site_mb: expected a number" in refusal(tmp_path, f"max_site_mb = {value}")


# ---- reviews and gates


def test_a_gate_has_what_it_says_and_the_line_it_stands_on(tmp_path: Path) -> None:
    text = 'title = "x"\n\n[[gate]]\nmetric = "acc"\nmax_regression = "1.5%"\n[[gate]]\nmetric = "loss"\nmax = 2\n'
    first, second = load(tmp_path, text + "min_runs = 3\nseverity = 'warning'").review.gates
    assert first == Gate("acc", Tolerance(0.015, is_relative=True), file="reportgen.toml", line=3)
    assert second == Gate("loss", max=2.0, min_runs=3, severity="warning", file="reportgen.toml", line=6)
    assert first.max_regression is not None and first.max_regression.of(-0.8) == pytest.approx(0.012)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("max = 1", "gate.metric: must name a metric"),
        ('metric = "a"', "a gate needs max_regression, min or max"),
        ('metric = "a"\nmax_regression = "a lot"', "'a lot' is no size"),
        ('metric = "a"\nmax_regression = -1', "expected a number from 0 up"),
        ('metric = "a"\nmax_regression = nan', "expected a number from 0 up"),
        ('metric = "a"\nmin = 2\nmax = 1', "gate.min: 2.0 is above max = 1.0"),
        ('metric = "a"\nmin = inf', "gate.min: expected a number"),
        ('metric = "a"\nmax = 1\nmin_runs = 0', "gate.min_runs: expected a whole number from 1 up"),
        ('metric = "a"\nmax = 1\nseverity = "eror"', "did you mean 'error'?"),
        ('metric = "a"\nmax_regresion = 1', "did you mean 'max_regression'?"),
    ],
)
def test_a_gate_that_means_nothing_is_refused_with_its_key(tmp_path: Path, text: str, said: str) -> None:
    assert said in refusal(tmp_path, f"[[gate]]\n{text}")


def test_seeds_of_reviews_have_defaults_that_the_file_replaces(tmp_path: Path) -> None:
    assert load(tmp_path, "").review.is_seed("trainer.seed")
    named = load(tmp_path, '[review]\nseeds = ["fold"]').review
    assert named.is_seed("fold") and not named.is_seed("seed")


def test_what_reviews_are_told_changes_no_page_of_a_site(tmp_path: Path) -> None:
    assert load(tmp_path, '[[gate]]\nmetric = "a"\nmax = 1').digest() == Config().digest()


# ---- the page that describes it


def test_the_example_in_the_docs_uses_every_key(tmp_path: Path) -> None:
    example = re.findall(r"```toml\n(.*?)```", DOC, re.DOTALL)[0]
    config = load(tmp_path, example)
    assert config.metric("val/accuracy") == MetricConfig("max", "%", "accuracy", "best")
    assert config.metric("system/gpu/error").direction is None
    assert config.experiment("digits").headline == ("val/accuracy",)
    assert config.max_artifact_mb == 25
    for table, keys in KEYS.items():
        whole = table in ("", "sources")
        written = example if whole else re.findall(rf"\[{table}\b.*?(?=\n\[|\Z)", example, re.DOTALL)[0]
        assert [key for key in keys if not re.search(rf"(?m)^\[*(sources\.)?{key}\b", written)] == []


def test_the_docs_describe_exactly_the_keys_that_there_are() -> None:
    headings = {"": "Top of the file", "metrics": '`[metrics."name"]`', "experiments": '`[experiments."name"]`'}
    headings |= {"sources.table": "`[[sources.table]]`", "gate": "`[[gate]]`"}
    for table, keys in KEYS.items():
        section = DOC.split(f"## {headings.get(table, f'`[{table}]`')}\n")[1].split("\n## ")[0]
        assert re.findall(r"(?m)^\| `(\w+)` \|", section) == list(keys)


def test_the_docs_list_the_values_and_defaults() -> None:
    rows = dict(re.findall(r"(?m)^\| `(direction|summary)` \| (.*?) \|", DOC))
    assert re.findall(r'"(\w+)"', rows["direction"]) == list(DIRECTIONS)
    assert re.findall(r'"(\w+)"', rows["summary"]) == list(SUMMARIES)
    assert f'| `title` | string | `"{Config().title}"` |' in DOC
    assert f'| `theme` | string | `"{Config().theme}"` |' in DOC
    assert f"| `max_mb` | number | `{Config().max_artifact_mb:g}` |" in DOC


@pytest.mark.parametrize(
    ("lead", "words"),
    [
        ("Lower is better", directions.LOWER_IS_BETTER),
        ("Higher is better", directions.HIGHER_IS_BETTER | {"top1", "top5"}),
        ("Only qualify", directions.QUALIFIERS),
    ],
)
def test_the_docs_list_the_words_that_decide_a_direction(lead: str, words: frozenset[str]) -> None:
    item = DOC.split(f"- {lead}: ")[1].split("\n- ")[0].split("\n\n")[0]
    assert set(re.findall(r"`(\w+)`", item)) == words


def test_the_error_in_the_docs_is_the_one_that_is_given(tmp_path: Path) -> None:
    shown = re.findall(r"```text\nError: (.*?)\n```", DOC)[0]
    assert refusal(tmp_path, '[metrics."val/accuracy"]\ndirecton = "max"') == shown


def test_the_best_of_a_training_metric_is_shown_only_when_its_direction_is_declared() -> None:
    assert Config().metric("train/loss").summary == "last"
    assert Config().metric("val/loss").summary == "best"
    declared = Config(metrics={"train/loss": MetricConfig(direction="min")})
    assert declared.metric("train/loss").summary == "best"

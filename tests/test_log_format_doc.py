"""Reads `docs/log-format.md` and `docs/mlflow.md`, so that the pages cannot say what the code does not do."""

from __future__ import annotations

import inspect
import pkgutil
import re
from pathlib import Path
from typing import Any

import pytest

import reportgen
from reportgen import logger
from reportgen.formats import END_STATUSES, EVENTS, LOG_FORMAT, decode_line, encode_line
from reportgen.mlflow_names import ADVICE
from reportgen.quantiles import find_bands
from tests.runlogs import ROOT, _no_runs, read_events  # noqa: F401 - a fixture for all tests

FORMAT_PAGE = (ROOT / "docs" / "log-format.md").read_text(encoding="utf-8")
MLFLOW_PAGE = (ROOT / "docs" / "mlflow.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", FORMAT_PAGE, re.MULTILINE | re.DOTALL))
EXAMPLES = [(kind, line) for kind, text in SECTIONS.items() for line in re.findall(r"```json\n(.+?)\n```", text)]


def fields_of(kind: str) -> set[str]:
    return {field for of, line in EXAMPLES if of == kind for field in decode_line(line.encode())}


def test_the_page_has_a_section_for_each_kind_of_event() -> None:
    assert set(SECTIONS) == EVENTS
    assert {kind for kind, _ in EXAMPLES} == EVENTS


@pytest.mark.parametrize(("kind", "line"), EXAMPLES)
def test_each_example_is_a_line_of_its_kind(kind: str, line: str) -> None:
    event = decode_line(line.encode())
    assert event["event"] == kind
    assert encode_line(event) == line.encode() + b"\n"


def test_the_histogram_of_the_page_is_one_as_the_logger_writes_it(tmp_path: Path) -> None:
    text = FORMAT_PAGE.split("\n## Histograms\n")[1].split("\n## ")[0]
    (example,) = (decode_line(line.encode()) for line in re.findall(r"```json\n(.+?)\n```", text))
    with logger.start_run() as run:
        run.log_histogram("conv1/weights", [-1.0, 1.0], step=12, time=example["time"])
    (logged,) = read_events(run, "metrics")
    assert {**logged, "metrics": list(logged["metrics"])} == {**example, "metrics": list(example["metrics"])}
    assert [len(bands) for bands in find_bands(example["metrics"]).values()] == [2]


def test_the_page_tells_the_version_and_the_statuses() -> None:
    assert f"Version {LOG_FORMAT}." in FORMAT_PAGE
    assert all(f"`{status}`" in SECTIONS["end"] for status in END_STATUSES)
    assert set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", SECTIONS["start"], re.MULTILINE)))) == (
        fields_of("start") - {"event"}
    )


def test_the_logger_writes_no_field_that_the_page_does_not_show(tmp_path: Path) -> None:
    Path("weights.bin").write_bytes(b"\0" * 64)
    with logger.start_run(experiment="e", params={"a": 1}, tags={"b": 2}, group="g", user="u", description="n") as run:
        run.log_metrics({"x": 1.0}, step=0)
        run.log_points("x", [1.0], steps=[1], times=[2.0])
        run.log_text("t", "t.txt")
        run.log_artifact("weights.bin", copy=False)
        run.log_artifact("s3://bucket/weights.bin", copy=False)
        run.log_input("d", "train", {"k": "v"}, digest="0", source="s")
        run.log_model("m", "weights.bin", aliases=["best"], derived_from="m@1")
        with logger.start_run(nested=True) as child:
            pass
        run.end("FAILED", "because")
    seen: dict[str, set[str]] = {}
    for event in [*read_events(run), *read_events(child)]:
        seen.setdefault(event["event"], set()).update(event)
    assert seen.keys() == EVENTS - {"text", "lost", "problem"}
    for kind, fields in seen.items():
        assert fields <= fields_of(kind), kind


# ---- docs/mlflow.md


def rows(heading: str) -> list[tuple[str, str]]:
    """Return the cells of the table under a heading."""
    text = MLFLOW_PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    cells = [
        tuple(cell.strip() for cell in line.strip("|").split("|")) for line in text.splitlines() if line[:1] == "|"
    ]
    return [(left.strip("`"), right) for left, right in cells[2:]]


def test_supported_names_exist_and_take_mlflows_arguments_in_mlflows_order() -> None:
    supported = rows("Supported")
    assert len(supported) >= 19
    aliases = {"experiment_id": "experiment", "run_name": "name"}
    for call, _ in supported:
        name, arguments = re.fullmatch(r"(\w+)\((.*)\)", call).groups()  # type: ignore[union-attr]
        wanted = [aliases.get(word, word) if name == "start_run" else word for word in re.findall(r"\w+", arguments)]
        has: list[Any] = list(inspect.signature(getattr(reportgen, name)).parameters)
        assert has[: len(wanted)] == wanted, name


def test_other_names_are_listed_with_the_advice_that_they_raise() -> None:
    listed = dict(rows("Use instead"))
    assert listed == ADVICE
    for name, advice in listed.items():
        with pytest.raises(AttributeError, match=re.escape(advice)):
            getattr(reportgen, name)


def test_no_name_is_both_supported_and_replaced() -> None:
    assert not ADVICE.keys() & set(reportgen.__all__)
    assert not ADVICE.keys() & {module.name for module in pkgutil.iter_modules(reportgen.__path__)}
    assert {call.split("(")[0] for call, _ in rows("Supported")} <= set(reportgen.__all__)


def test_advice_names_only_what_exists() -> None:
    for name, advice in ADVICE.items():
        for mentioned in re.findall(r"\b(?:log|set|start|end|active)_\w+(?!\w*=)", advice):
            assert mentioned in reportgen.__all__, f"{name}: {mentioned}"


def test_a_name_of_nobody_is_an_ordinary_error() -> None:
    with pytest.raises(AttributeError, match=r"module 'reportgen' has no attribute 'frobnicate'"):
        _ = reportgen.frobnicate  # type: ignore[attr-defined]
    assert {"start_run", "Run", "log_points"} <= set(dir(reportgen))

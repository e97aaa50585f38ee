"""Reads the configuration: `reportgen.toml` or `[tool.reportgen]`, checked key by key.

It owns the names of the keys, their types and what is said when one is wrong. It looks for a file nowhere but where it
is told to: the configuration is trusted, a SOURCE is not, so no file beside a SOURCE is ever read.
"""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Final

from reportgen.errors import ConfigError
from reportgen.site.config import DIRECTIONS, SUMMARIES, Config, ExperimentConfig, MetricConfig
from reportgen.site.gates import SEVERITIES, Gate, ReviewConfig, Tolerance
from reportgen.sources.options import ROWS, SourceOptions, TableMapping
from reportgen.spelling import suggestion

FILE: Final = "reportgen.toml"
PROJECT_FILE: Final = "pyproject.toml"

KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "": (
        "title",
        "description",
        "theme",
        "theme_dirs",
        "repository_url",
        "site_url",
        "headline",
        "include",
        "exclude",
        "max_site_mb",
        "theme_options",
        "metrics",
        "experiments",
        "artifacts",
        "history",
        "sources",
        "review",
        "gate",
    ),
    "metrics": ("direction", "unit", "title", "summary"),
    "experiments": ("description", "headline"),
    "artifacts": ("max_mb", "include", "exclude"),
    "history": ("branches", "threshold"),
    "sources": ("table", "mlflow"),
    "sources.mlflow": ("deleted",),
    "review": ("match", "seeds", "stale_days"),
    "gate": ("metric", "experiment", "max_regression", "min", "max", "min_runs", "severity"),
    "sources.table": ("files", "step", "time", "name", "experiment", "rows", "skip"),
}
"""Table -> the keys it may have; `metrics` and `experiments` hold one a name, `sources.table` and `gate` are arrays."""
_LARGEST: Final = 2**40
"""Above all sizes in MiB that mean anything; in bytes it is still a number."""


def load_config(path: Path | None, *, folder: Path) -> Config:
    """Read the file `path`; without one, `reportgen.toml` or else `[tool.reportgen]` of `pyproject.toml` in `folder`.

    With neither there, all defaults hold. When both are there `reportgen.toml` counts alone, and `Config.notes` says
    so. A `path` whose name is `pyproject.toml` must have the table. Raises `ConfigError` with file, key and remedy.
    """
    if path is not None:
        file = folder / path
        if file.name != PROJECT_FILE:
            return _config(_read_toml(file, str(path)), str(path), file.parent, _gate_lines(file))
        table = _project_table(file, str(path))
        if table is None:
            raise ConfigError(f"{path}: there is no table [tool.reportgen]: add it or name another file")
        return _config(table, f"{path}: tool.reportgen", file.parent, _gate_lines(file))
    own, project = folder / FILE, folder / PROJECT_FILE
    if own.exists():
        config = _config(_read_toml(own, FILE), FILE, folder, _gate_lines(own))
        return replace(config, notes=(_HIDDEN,)) if _has_table(project) else config
    table = _project_table(project, PROJECT_FILE) if project.exists() else None
    if table is None:
        return Config(folder=folder)
    return _config(table, f"{PROJECT_FILE}: tool.reportgen", folder, _gate_lines(project))


_HIDDEN: Final = f"[tool.reportgen] in {PROJECT_FILE} is not read, because {FILE} is here too: remove one of them"


def _read_toml(file: Path, label: str) -> dict[str, Any]:
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{label}: not UTF-8 at byte {error.start + 1}: save the file as UTF-8") from None
    except FileNotFoundError:
        raise ConfigError(f"{label}: no such configuration file") from None
    except OSError as error:
        raise ConfigError(f"{label}: cannot be read ({error.strerror})") from None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(_syntax(label, text, str(error))) from None


def _syntax(label: str, text: str, message: str) -> str:
    """Return tomllib's message with its place in front, in the form that editors open."""
    place = re.search(r" \((?:at line (\d+), column (\d+)|at end of document)\)$", message)
    if place is None:
        return f"{label}: {message}"
    lines = text.split("\n")
    line, column = int(place[1] or len(lines)), int(place[2] or len(lines[-1]) + 1)
    hint = ""
    if re.match(r"\s*\[\s*(metrics|experiments)\.", lines[line - 1]):
        hint = ': put the name in quotes, as in [metrics."val/accuracy"]'
    return f"{label}:{line}:{column}: {message[: place.start()]}{hint}"


def _project_table(file: Path, label: str) -> object | None:
    tool = _read_toml(file, label).get("tool")
    return tool.get("reportgen") if isinstance(tool, dict) else None


def _has_table(file: Path) -> bool:
    """Tell whether a project file has our table; a file that cannot be read has none that anyone would miss."""
    try:
        return file.exists() and _project_table(file, file.name) is not None
    except ConfigError:
        return False


def _gate_lines(file: Path) -> list[int]:
    """Return the 1-based lines on which gates begin, for messages that point at them."""
    head = re.compile(rb"\s*\[\[\s*(?:tool\s*\.\s*reportgen\s*\.\s*)?gate\s*\]\]")
    return [number for number, line in enumerate(file.read_bytes().split(b"\n"), 1) if head.match(line)]


def _config(data: object, label: str, folder: Path, lines: Sequence[int] = ()) -> Config:
    top = _Table(label, (), data, KEYS[""])
    artifacts = top.table("artifacts", KEYS["artifacts"])
    history = top.table("history", KEYS["history"])
    return Config(
        title=top.text("title", Config().title, required=True),
        description=top.text("description"),
        theme=top.text("theme", Config().theme, required=True),
        theme_options=top.scalars("theme_options"),
        theme_dirs=top.texts("theme_dirs"),
        repository_url=top.address("repository_url"),
        site_url=top.address("site_url"),
        headline=top.texts("headline"),
        metrics={name: _metric(table) for name, table in top.tables("metrics")},
        experiments={
            name: ExperimentConfig(table.text("description"), table.texts("headline"))
            for name, table in top.tables("experiments")
        },
        include=top.texts("include"),
        exclude=top.texts("exclude"),
        max_site_mb=top.number("max_site_mb", 0.0) if "max_site_mb" in top.data else None,
        max_artifact_mb=artifacts.number("max_mb", Config().max_artifact_mb),
        artifact_include=artifacts.texts("include"),
        artifact_exclude=artifacts.texts("exclude"),
        history_branches=history.texts("branches"),
        history_threshold=history.number("threshold", Config().history_threshold),
        sources=_sources(top.table("sources", KEYS["sources"])),
        review=_review(top, lines),
        folder=folder,
    )


def _review(top: _Table, lines: Sequence[int]) -> ReviewConfig:
    table, default = top.table("review", KEYS["review"]), ReviewConfig()
    tables = top.array("gate", KEYS["gate"])
    known = lines if len(lines) == len(tables) else [None] * len(tables)  # `gate = [{…}]` has no lines of its own
    return ReviewConfig(
        match=table.texts("match"),
        seeds=table.texts("seeds") if "seeds" in table.data else default.seeds,
        stale_days=table.number("stale_days", default.stale_days),
        gates=tuple(_gate(each, top.label.partition(":")[0], line) for each, line in zip(tables, known, strict=True)),
    )


def _gate(table: _Table, file: str, line: int | None) -> Gate:
    if not table.text("metric"):
        raise table.error("metric", 'must name a metric: write metric = "val/accuracy"')
    low, high = table.bound("min"), table.bound("max")
    if low is not None and high is not None and low > high:
        raise table.error("min", f"{low} is above max = {high}: no value would pass")
    tolerance = _tolerance(table) if "max_regression" in table.data else None
    if tolerance is None and low is None and high is None:
        raise table.error("", 'a gate needs max_regression, min or max: write max_regression = "1%"')
    runs = table.number("min_runs", 1)
    if runs < 1 or runs % 1:
        raise table.error("min_runs", f"expected a whole number from 1 up, found {runs:g}")
    return Gate(
        metric=table.text("metric"),
        max_regression=tolerance,
        min=low,
        max=high,
        experiment=table.text("experiment", "*", required=True),
        min_runs=int(runs),
        severity="warning" if table.choice("severity", SEVERITIES) == "warning" else "error",
        file=file,
        line=line,
    )


def _tolerance(table: _Table) -> Tolerance:
    value = table.data["max_regression"]
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?(?:e-?\d+)?)\s*(%?)\s*", value) if isinstance(value, str) else None
    if found:
        size = float(found[1])
        return Tolerance(size / 100 if found[2] else size, is_relative=bool(found[2]))
    if isinstance(value, str):
        raise table.error(
            "max_regression", f"'{value}' is no size: write \"1%\" of the baseline, or a number from 0 up"
        )
    return Tolerance(table.number("max_regression", 0.0), is_relative=False)


def _sources(table: _Table) -> SourceOptions:
    return SourceOptions(
        tables=tuple(map(_mapping, table.array("table", KEYS["sources.table"]))),
        mlflow_deleted=table.table("mlflow", KEYS["sources.mlflow"]).flag("deleted"),
    )


def _mapping(table: _Table) -> TableMapping:
    files = (table.text("files"),) if isinstance(table.data.get("files"), str) else table.texts("files")
    if not all(files) or not files:
        raise table.error("files", 'must name files: write files = ["*.csv"]')
    return TableMapping(
        files,
        step=table.text("step"),
        time=table.text("time"),
        name=table.text("name"),
        experiment=table.text("experiment"),
        rows=table.choice("rows", ROWS) or "steps",
        skip=table.texts("skip"),
    )


def _metric(table: _Table) -> MetricConfig:
    direction, summary = table.choice("direction", DIRECTIONS), table.choice("summary", SUMMARIES)
    if direction == "none" and summary == "best":
        raise table.error("summary", "'best' needs a direction, and it is 'none' here: use 'last', 'min' or 'max'")
    return MetricConfig(direction, table.text("unit"), table.text("title"), summary)


class _Table:
    """One table of the file with its place, so that each value is asked for by type and each error names its key."""

    def __init__(self, label: str, place: tuple[str, ...], data: object, known: Sequence[str] | None) -> None:
        self.label, self.place = label, place
        if not isinstance(data, dict):
            raise self.error("", f"expected a table, found {_kind(data)}")
        self.data: dict[str, Any] = data
        for key in data if known is not None else ():
            if key not in (known or ()):
                raise self.error(key, _unknown(self.place, key, data[key], known or ()))

    def error(self, key: str, message: str) -> ConfigError:
        path = (*self.place, key) if key else self.place
        dotted = ".".join(k if re.fullmatch(r"[A-Za-z0-9_-]+", k) else json.dumps(k, ensure_ascii=False) for k in path)
        return ConfigError(f"{self.label}: {dotted}: {message}" if dotted else f"{self.label}: {message}")

    def text(self, key: str, default: str = "", *, required: bool = False) -> str:
        value = self.data.get(key, default)
        if not isinstance(value, str):
            raise self.error(key, f"expected a string, found {_kind(value)}")
        if required and not value.strip():
            raise self.error(key, f"must not be empty: remove the key to get '{default}'")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.data.get(key, [])
        if not isinstance(value, list):
            more = f": write {key} = [{json.dumps(value, ensure_ascii=False)}]" if isinstance(value, str) else ""
            raise self.error(key, f"expected an array of strings, found {_kind(value)}{more}")
        for position, item in enumerate(value, 1):
            if not isinstance(item, str):
                raise self.error(key, f"expected an array of strings, found {_kind(item)} at position {position}")
        return tuple(value)

    def number(self, key: str, default: float) -> float:
        value = self.data.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.error(key, f"expected a number, found {_kind(value)}")
        if not 0 <= value < math.inf:  # NaN is neither
            raise self.error(key, f"expected a number from 0 up, found {value}")
        if value > _LARGEST:
            raise self.error(key, f"expected a number up to {_LARGEST:,}, found a larger one")
        return float(value)

    def bound(self, key: str) -> float | None:
        value = self.data.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self.error(key, f"expected a number, found {_kind(value) if not isinstance(value, float) else value}")
        return float(value)

    def flag(self, key: str) -> bool:
        value = self.data.get(key, False)
        if not isinstance(value, bool):
            raise self.error(key, f"expected true or false, found {_kind(value)}")
        return value

    def choice(self, key: str, choices: Sequence[str]) -> str | None:
        if key not in self.data:
            return None
        value = self.text(key)
        if value not in choices:
            raise self.error(
                key, f"unknown value '{value}':{suggestion(value, choices)} choose one of {_list(choices)}"
            )
        return value

    def address(self, key: str) -> str:
        value = self.text(key).rstrip("/")
        if value and not re.match(r"https?://[^\s/]", value):
            raise self.error(key, f"'{value}' is not a web address: it must start with https:// or http://")
        return value

    def scalars(self, key: str) -> dict[str, str | int | float | bool]:
        table = self.table(key, None)
        for name, value in table.data.items():
            if not isinstance(value, str | int | float | bool):
                raise table.error(name, f"expected a string, a number or a boolean, found {_kind(value)}")
        return table.data

    def table(self, key: str, known: Sequence[str] | None) -> _Table:
        return _Table(self.label, (*self.place, key), self.data.get(key, {}), known)

    def array(self, key: str, known: Sequence[str]) -> list[_Table]:
        value = self.data.get(key, [])
        if not isinstance(value, list):
            place = ".".join((*self.place, key))
            raise self.error(key, f"expected an array of tables, found {_kind(value)}: write [[{place}]]")
        return [_Table(self.label, (*self.place, key), item, known) for item in value]

    def tables(self, key: str) -> list[tuple[str, _Table]]:
        outer = self.table(key, None)
        return [(name, outer.table(name, KEYS[key])) for name in outer.data]


def _unknown(place: tuple[str, ...], key: str, value: object, known: Sequence[str]) -> str:
    """Return why `key` is not allowed here and what was likely meant: another name, another table, or quotes."""
    lead = "unknown key:"
    if not place and key == "tool":
        return f"{lead} in this file the keys of [tool.reportgen] stand at the top, without the table"
    if len(place) == 2 and isinstance(value, dict):
        return f'{lead} a name with dots needs quotes: write [{place[0]}."{place[1]}.{key}"]'
    elsewhere = [table for table, keys in KEYS.items() if key in keys and table not in ("sources.table", "gate")]
    if elsewhere == [""]:
        lead += f" '{key}' belongs at the top of the file, above the first [table];"
    elif "artifacts" in elsewhere:
        lead += f" did you mean 'artifacts.{key}'?"
    else:
        lead += suggestion(key, known)
    return f"{lead} known here: {_list(known)}"


def _list(choices: Sequence[str]) -> str:
    return ", ".join(sorted(choices))


def _kind(value: object) -> str:
    kinds: tuple[tuple[type | tuple[type, ...], str], ...] = (
        (bool, "a boolean"),
        (int, "an integer"),
        (float, "a float"),
        (str, "a string"),
        (list, "an array"),
        (dict, "a table"),
        ((datetime, date, time), "a date or time"),
    )
    return next((name for kind, name in kinds if isinstance(value, kind)), type(value).__name__)

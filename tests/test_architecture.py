"""The rooms of the house: imports go only downwards, each heavy library has one door, and `import reportgen` is light.

The imports are read from the source, those inside functions included, so that a lazy import cannot go up unseen.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import reportgen

PACKAGE = Path(reportgen.__file__).parent

TRAINING = tuple(
    f"reportgen.{room}"
    for room in ("capture", "logartifacts", "logfile", "logvalues", "mlflow_names", "filekeeper", "logrun", "logger")
)
"""The rooms that run inside the user's training; each may import those before it."""

LAYERS = {
    "reportgen.collector": 0,
    "reportgen.errors": 0,
    "reportgen.formats": 0,
    "reportgen.patterns": 0,
    "reportgen.quantiles": 0,
    "reportgen.spelling": 0,
    **dict.fromkeys(TRAINING, 1),
    "reportgen.model": 1,
    "reportgen.sources": 2,
    "reportgen.query": 2,
    "reportgen.index": 3,
    "reportgen.analysis": 3,
    "reportgen.figures": 3,
    "reportgen.plots": 3,
    "reportgen.prose": 3,
    "reportgen.site": 4,
    "reportgen.review": 5,
    "reportgen.planning": 6,
    "reportgen.stages": 6,
    "reportgen.build": 7,
    "reportgen.exporting": 7,
    "reportgen.importing": 7,
    "reportgen.loading": 7,
    "reportgen.reviewing": 7,
    "reportgen.serving": 7,
    "reportgen.publishing": 7,
    "reportgen.projectfiles": 7,
    "reportgen.single": 7,
    "reportgen.unpacking": 7,
    "reportgen.upkeep": 7,
    "reportgen.cli": 8,
    "reportgen.__main__": 9,
}
"""Room -> layer. A room may import rooms of lower layers; within a layer `TRAINING` and `NEIGHBOURS` say which."""

NEIGHBOURS = {
    ("reportgen.exporting", "reportgen.loading"),
    ("reportgen.figures", "reportgen.analysis"),
    ("reportgen.figures", "reportgen.plots"),
    ("reportgen.formats", "reportgen.errors"),
    ("reportgen.index", "reportgen.analysis"),
    ("reportgen.plots", "reportgen.analysis"),
    ("reportgen.publishing", "reportgen.build"),
    ("reportgen.reviewing", "reportgen.exporting"),
    ("reportgen.reviewing", "reportgen.loading"),
    ("reportgen.single", "reportgen.build"),
    ("reportgen.single", "reportgen.loading"),
    ("reportgen.upkeep", "reportgen.build"),
    ("reportgen.upkeep", "reportgen.loading"),
}

DOORS = {
    "matplotlib": {"reportgen.figures", "reportgen.plots"},
    "markdown_it": {"reportgen.prose"},
    "jinja2": {"reportgen.site.render"},
    "click": {"reportgen.cli"},
    "pandas": {"reportgen.loading"},
    "pyarrow": {"reportgen.exporting.parquet", "reportgen.sources.trackio"},
    "watchfiles": {"reportgen.serving.watch"},
}
"""Library -> the only modules or packages that may import it."""

CATCH_ALL = {"reportgen.capture": 1}
"""The marked outer edges: room -> how many `except Exception` it may have."""


def modules() -> dict[str, Path]:
    """Return the name and file of every module of the package."""
    found = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


MODULES = modules()


@cache
def tree_of(module: str) -> ast.Module:
    """Return the parsed source of a module, which nobody changes."""
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def room_of(module: str) -> str:
    """Return the room that `module` lives in: itself or the package below `reportgen`."""
    return ".".join(module.split(".")[:2])


@cache
def imports_of(module: str, *, typing: bool = True) -> tuple[str, ...]:
    """Return every module that `module` imports, as `iter_imports` yields them."""
    return tuple(iter_imports(module, typing=typing))


def iter_imports(module: str, *, typing: bool = True) -> Iterator[str]:
    """Yield every module that `module` imports; without `typing`, not those under `if TYPE_CHECKING`."""
    tree = tree_of(module)
    hidden = set()
    if not typing:
        guards = [n for n in ast.walk(tree) if isinstance(n, ast.If) and "TYPE_CHECKING" in ast.unparse(n.test)]
        hidden = {id(inner) for guard in guards for statement in guard.body for inner in ast.walk(statement)}
    package = module if MODULES[module].name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(tree):
        if id(node) in hidden:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, base]).rstrip(".")
            for alias in node.names:
                full = f"{base}.{alias.name}"
                yield full if full in MODULES else base


def test_every_module_has_a_room() -> None:
    assert {m for m in MODULES if m != "reportgen" and room_of(m) not in LAYERS} == set()


@pytest.mark.parametrize("module", sorted(MODULES.keys() - {"reportgen"}))
def test_imports_go_down(module: str) -> None:
    here = room_of(module)
    wrong = []
    for imported in imports_of(module):
        there = room_of(imported)
        if not imported.startswith("reportgen.") or there == here or (here, there) in NEIGHBOURS:
            continue
        if here in TRAINING and there in TRAINING[: TRAINING.index(here)]:
            continue
        if LAYERS[there] >= LAYERS[here]:
            wrong.append(imported)
    assert wrong == [], f"{module} (layer {LAYERS[here]}) imports from its own layer or above"


def test_modules_do_not_import_each_other_in_a_circle() -> None:
    graph = {m: {i for i in imports_of(m, typing=False) if i in MODULES and i not in (m, "reportgen")} for m in MODULES}
    while leaves := {m for m, needs in graph.items() if not needs}:
        graph = {m: needs - leaves for m, needs in graph.items() if m not in leaves}
    assert graph == {}


@pytest.mark.parametrize("library", sorted(DOORS))
def test_a_heavy_library_has_one_door(library: str) -> None:
    importers = {m for m in MODULES if any(i.split(".")[0] == library for i in imports_of(m))}
    doors = DOORS[library]
    assert {m for m in importers if not any(m == d or m.startswith(d + ".") for d in doors)} == set()


def test_what_runs_inside_training_imports_nothing_else_of_the_package() -> None:
    allowed = {"reportgen", "reportgen.errors", "reportgen.formats", "reportgen.quantiles", *TRAINING}
    for module in sorted(m for m in MODULES if room_of(m) in TRAINING):
        ours = {room_of(i) for i in imports_of(module) if i.split(".")[0] == "reportgen"}
        assert ours <= allowed, module


def test_what_runs_inside_training_needs_no_library_but_orjson() -> None:
    for module in sorted(m for m in MODULES if room_of(m) in TRAINING):
        names = {i.split(".")[0] for i in imports_of(module, typing=False)}
        assert names - sys.stdlib_module_names <= {"reportgen", "orjson"}, module


def test_everything_is_caught_only_at_the_marked_edges() -> None:
    found: dict[str, int] = {}
    for module in MODULES:
        for node in ast.walk(tree_of(module)):
            if isinstance(node, ast.ExceptHandler) and _catches_everything(node):
                found[room_of(module)] = found.get(room_of(module), 0) + 1
    assert {room: n for room, n in found.items() if n > CATCH_ALL.get(room, 0)} == {}


def _catches_everything(handler: ast.ExceptHandler) -> bool:
    """Tell whether `handler` swallows any exception; one that ends in a bare `raise` cleans up and passes it on."""
    if handler.type is not None and not {"Exception", "BaseException"} & set(_names(handler.type)):
        return False
    last = handler.body[-1]
    return not (isinstance(last, ast.Raise) and last.exc is None)


def _names(node: ast.expr) -> list[str]:
    return [n.id for n in ast.walk(node) if isinstance(n, ast.Name)]


def test_the_library_never_prints() -> None:
    printing = {
        module
        for module in MODULES
        if room_of(module) != "reportgen.cli"
        for node in ast.walk(tree_of(module))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    }
    assert printing == set()


def test_every_module_says_what_it_owns() -> None:
    silent = []
    for module in MODULES:
        tree = tree_of(module)
        if tree.body and not ast.get_docstring(tree):
            silent.append(module)
    assert silent == []


def loaded_by(statement: str) -> set[str]:
    """Return the modules that are loaded after `statement` in a fresh interpreter and were not before."""
    script = (
        "import sys; before = set(sys.modules)\n"
        f"{statement}\n"
        "import json; print(json.dumps(sorted(set(sys.modules) - before - {'json'})))"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize(
    "statement", ["import reportgen", "import reportgen.logger", "import reportgen; reportgen.start_run"]
)
def test_importing_the_logger_is_light(statement: str) -> None:
    loaded = loaded_by(statement)
    assert {m.split(".")[0] for m in loaded} & {"click", "jinja2", "matplotlib", "numpy", "markdown_it"} == set()
    assert len(loaded) <= 120


def test_the_command_line_starts_without_the_drawing_libraries() -> None:
    loaded = loaded_by("import reportgen.cli")
    assert {m.split(".")[0] for m in loaded} & {"jinja2", "matplotlib", "markdown_it"} == set()

"""What the configuration says of sources. Values only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from reportgen.patterns import matches

ROWS: Final = ("steps", "runs")


@dataclass(frozen=True, slots=True)
class TableMapping:
    """What the columns of some tables are: `[[sources.table]]`."""

    files: tuple[str, ...]
    """Patterns of file names, or of paths below the SOURCE."""
    step: str = ""
    """Empty: rows are counted."""
    time: str = ""
    name: str = ""
    """Column that names the run of a row; empty: the file names it."""
    experiment: str = ""
    """Column that names the experiment of a row; empty: the folder names it."""
    rows: str = "steps"
    """`steps` where a row is a step of a run, `runs` where it is a run."""
    skip: tuple[str, ...] = ()
    """Columns to leave out."""


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """How sources are read: `[sources]`."""

    tables: tuple[TableMapping, ...] = ()
    mlflow_deleted: bool = False
    """Whether MLflow's deleted runs and experiments are shown, too."""

    def describe(self) -> dict[str, Any]:
        """Return the options as JSON data in the layout of the configuration file."""
        return {"table": [asdict(mapping) for mapping in self.tables], "mlflow": {"deleted": self.mlflow_deleted}}

    def table(self, parts: Sequence[str], name: str) -> TableMapping | None:
        """Return the first mapping for the file `name` of the folder `parts`, the names from the SOURCE down."""
        path = "/".join((*parts[1:], name))
        for mapping in self.tables:
            if any(matches(pattern, name) or matches(pattern, path) for pattern in mapping.files):
                return mapping
        return None


NO_OPTIONS: Final = SourceOptions()

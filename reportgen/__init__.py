"""Log runs with one tiny module; publish them as a static site that is its own database.

```python
import reportgen as rg

with rg.start_run(experiment="digits", params={"lr": 1e-3}) as run:
    for step, (loss, accuracy) in enumerate(train()):
        run.log_metrics({"train/loss": loss, "val/accuracy": accuracy}, step=step)
    run.log_artifact("confusion.png")
```

Then `reportgen build runs/ -o site`, or read them back with `rg.load("runs/")`. Names are loaded when they are first
used, so that `import reportgen` costs a training script next to nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False  # what type checkers take for True; importing `typing` for it would cost 20 modules
__version__ = "0.1.0"

if TYPE_CHECKING:
    from reportgen.errors import LoggerError as LoggerError
    from reportgen.errors import QueryError as QueryError
    from reportgen.errors import QueryWarning as QueryWarning
    from reportgen.errors import ReportgenError as ReportgenError
    from reportgen.errors import SourceError as SourceError
    from reportgen.loading import Comparison as Comparison
    from reportgen.loading import LoggedRun as LoggedRun
    from reportgen.loading import Runs as Runs
    from reportgen.loading import load as load
    from reportgen.loading import search_runs as search_runs
    from reportgen.logfile import LoggerWarning as LoggerWarning
    from reportgen.logger import active_run as active_run
    from reportgen.logger import end_run as end_run
    from reportgen.logger import last_active_run as last_active_run
    from reportgen.logger import log_artifact as log_artifact
    from reportgen.logger import log_artifacts as log_artifacts
    from reportgen.logger import log_dict as log_dict
    from reportgen.logger import log_figure as log_figure
    from reportgen.logger import log_histogram as log_histogram
    from reportgen.logger import log_image as log_image
    from reportgen.logger import log_input as log_input
    from reportgen.logger import log_metric as log_metric
    from reportgen.logger import log_metrics as log_metrics
    from reportgen.logger import log_model as log_model
    from reportgen.logger import log_param as log_param
    from reportgen.logger import log_params as log_params
    from reportgen.logger import log_points as log_points
    from reportgen.logger import log_table as log_table
    from reportgen.logger import log_text as log_text
    from reportgen.logger import note as note
    from reportgen.logger import set_experiment as set_experiment
    from reportgen.logger import set_tag as set_tag
    from reportgen.logger import set_tags as set_tags
    from reportgen.logger import start_run as start_run
    from reportgen.logrun import Run as Run

_HOMES = {
    **dict.fromkeys(
        ("LoggerError", "QueryError", "QueryWarning", "ReportgenError", "SourceError"), "reportgen.errors"
    ),
    **dict.fromkeys(("Comparison", "LoggedRun", "Runs", "load", "search_runs"), "reportgen.loading"),
    "LoggerWarning": "reportgen.logfile",
    "Run": "reportgen.logrun",
    **dict.fromkeys(
        (
            "active_run", "end_run", "last_active_run", "log_artifact", "log_artifacts", "log_dict", "log_figure",
            "log_histogram", "log_image", "log_input", "log_metric", "log_metrics", "log_model", "log_param",
            "log_params", "log_points", "log_table", "log_text", "note", "set_experiment", "set_tag", "set_tags",
            "start_run",
        ),
        "reportgen.logger",
    ),
}  # fmt: skip
"""Public name -> the module it lives in."""

__all__ = ["__version__", *_HOMES]  # noqa: PLE0604 - the keys are texts


if not TYPE_CHECKING:  # type checkers know the names above

    def __getattr__(name: str) -> object:
        home = _HOMES.get(name)
        if home is not None:
            from importlib import import_module

            value = getattr(import_module(home), name)
            globals()[name] = value
            return value
        if not name.startswith("_"):
            from reportgen.mlflow_names import ADVICE

            if name in ADVICE:
                raise AttributeError(f"reportgen has no {name!r} of MLflow: {ADVICE[name]} (docs/mlflow.md)")
        raise AttributeError(f"module 'reportgen' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})

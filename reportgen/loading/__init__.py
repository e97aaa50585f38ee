"""Reading runs back, in Python and for commands: load them, search them, name one, compare a few, make tables of them.

`docs/python.md` shows how. Nothing here writes but into the cache folder, and nothing prints.
"""

from reportgen.loading.addressing import find_experiment, find_run
from reportgen.loading.comparison import Comparison
from reportgen.loading.origins import Means, remembered_summaries
from reportgen.loading.reading import load, load_runs, search_runs
from reportgen.loading.runs import LoggedRun, Runs

__all__ = [
    "Comparison",
    "LoggedRun",
    "Means",
    "Runs",
    "find_experiment",
    "find_run",
    "load",
    "load_runs",
    "remembered_summaries",
    "search_runs",
]

"""Metrics that a configuration names and no run has: most often a name with a slip, which would go unseen.

They are notices and no problems, since a configuration may serve several sites, and a metric may be yet to come.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from reportgen.model import Problem
from reportgen.patterns import matches
from reportgen.site.config import Config
from reportgen.spelling import suggestion

MAX_NAMES: Final = 5
"""So many names stand in one notice; the rest are counted."""


def find_misnamed(config: Config, metrics: Mapping[str, Collection[str]]) -> tuple[Problem, ...]:
    """Return a notice for each part of the configuration that names metrics which no run has.

    `metrics` gives experiment -> names of its metrics. Patterns with `*` are no names, and where nothing was logged
    nothing is said.
    """
    every = dict.fromkeys(name for names in metrics.values() for name in names)
    found = [_notice("`headline`", config.headline, every), _notice("[metrics]", config.metrics, every)]
    for pattern, declared in config.experiments.items():
        there = [names for experiment, names in metrics.items() if matches(pattern, experiment)]
        own = dict.fromkeys(name for names in there for name in names)
        found.append(_notice(f"`headline` of [experiments.{pattern}]", declared.headline, own))
    return tuple(notice for notice in found if notice is not None)


def _notice(part: str, named: Iterable[str], known: Collection[str]) -> Problem | None:
    missing = [name for name in named if "*" not in name and name not in known]
    if not missing or not known:
        return None
    said = [f"'{name}'" + (f" ({near.strip()})" if (near := suggestion(name, known)) else "") for name in missing]
    more = f" and {len(missing) - MAX_NAMES} more" if len(missing) > MAX_NAMES else ""
    what = "a metric that no run has" if len(missing) == 1 else "metrics that no run has"
    message = f"{part} names {what}: {', '.join(said[:MAX_NAMES])}{more}"
    return Problem("configuration", message, "correct the name, or leave it if such runs are yet to come")

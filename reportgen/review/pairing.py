"""Which runs are repetitions of one configuration, and which configurations of two sides are the same one. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from reportgen.capture.names import make_name
from reportgen.model import Summary
from reportgen.patterns import matches
from reportgen.site.gates import ReviewConfig
from reportgen.site.text import format_param

_SEPARATOR: Final = r"[-_./ ,]"
_SEED_WORD: Final = re.compile(
    rf"(?:^|{_SEPARATOR})(?:seed|rs|random_?seed|random_?state)[-_=: ]?\d+(?=$|{_SEPARATOR})", re.IGNORECASE
)
_SHORT_SEED: Final = re.compile(rf"(?:^|{_SEPARATOR})[sS](\d+)(?=$|{_SEPARATOR})")
_MOMENT: Final = re.compile(
    rf"(?:^|{_SEPARATOR})\d{{4}}-?\d\d-?\d\d(?:[T_ -]\d\d[:-]?\d\d(?:[:-]?\d\d(?:\.\d+)?Z?)?)?(?=$|{_SEPARATOR})"
)


@dataclass(frozen=True, slots=True, order=True)
class Identity:
    """What makes runs repetitions of each other."""

    experiment: str
    kind: str
    """`group`, `params` or `name`: what `label` is."""
    label: str
    """The group, the params that identify it, or the name without its seed; empty for runs whose names say nothing."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """Runs of one configuration on both sides."""

    identity: Identity
    """That of the change, or of the baseline where the change has none."""
    baseline: tuple[Summary, ...]
    change: tuple[Summary, ...]
    earlier: tuple[tuple[Summary, ...], ...]
    """Runs at commits before the baseline's, the nearest first."""
    counterpart: str = ""
    """Label of the baseline's configuration, where another stands for it; empty where they are the same."""

    @property
    def is_new(self) -> bool:
        """True when the baseline has no run of it."""
        return not self.baseline

    @property
    def is_missing(self) -> bool:
        """True when the change has no run of it."""
        return not self.change


def identity_of(run: Summary, config: ReviewConfig) -> Identity:
    """Return what a run shares with its repetitions: its group, else the params of `match`, else its bare name.

    All other params are left aside: a change may well be one of a param.
    """
    if run.group:
        return Identity(run.experiment, "group", run.group)
    if config.match:
        chosen = [name for pattern in config.match for name in sorted(run.params) if matches(pattern, name)]
        text = ", ".join(f"{name}={format_param(run.params[name])}" for name in dict.fromkeys(chosen))
        return Identity(run.experiment, "params", text)
    return Identity(run.experiment, "name", bare_name(run, config))


def bare_name(run: Summary, config: ReviewConfig) -> str:
    """Return a run's name without its seed, its id and its date; empty when nothing is left, or it was made up."""
    name = run.name.strip()
    if name in (run.run_id, make_name(run.run_id)):
        return ""
    if run.run_id and len(run.run_id) > 5:
        name = name.replace(run.run_id, "")
    seeds = {str(value) for param, value in run.params.items() if config.is_seed(param)}
    name = _MOMENT.sub("", _SEED_WORD.sub("", name))
    name = _SHORT_SEED.sub(lambda found: "" if found[1] in seeds or not seeds else found[0], name)
    for seed in sorted(seeds, key=lambda text: (-len(text), text)):
        name = re.sub(rf"(?:^|(?<={_SEPARATOR})){re.escape(seed)}$", "", name)
    return name.strip("-_./ ,")


def pair_runs(
    baseline: Mapping[str, Sequence[Summary]],
    change: Sequence[Summary],
    earlier: Mapping[str, Sequence[Sequence[Summary]]],
    config: ReviewConfig,
) -> list[Configuration]:
    """Return the configurations of both sides, by experiment and label.

    `baseline` and `earlier` are by experiment. Where nothing matches in an experiment, and each side has a single
    configuration, these two are a pair.
    """
    own = _members(change, config)
    theirs = _members((run for runs in baseline.values() for run in runs), config)
    for experiment in {identity.experiment for identity in own}:
        left = [identity for identity in own if identity.experiment == experiment]
        right = [identity for identity in theirs if identity.experiment == experiment]
        if len(left) == len(right) == 1 and left != right:
            theirs[left[0]] = theirs.pop(right[0])
    before = {name: [_members(runs, config) for runs in commits] for name, commits in earlier.items()}
    made = []
    for identity in sorted({*own, *theirs}):
        there = tuple(theirs.get(identity, ()))
        known = identity_of(there[0], config) if there else identity
        history = (tuple(members.get(known, ())) for members in before.get(identity.experiment, ()))
        counterpart = "" if known.label == identity.label else known.label
        here = tuple(own.get(identity, ()))
        made.append(Configuration(identity, there, here, tuple(filter(None, history)), counterpart))
    return made


def _members(runs: Iterable[Summary], config: ReviewConfig) -> dict[Identity, list[Summary]]:
    found: dict[Identity, list[Summary]] = {}
    for run in sorted(runs, key=lambda run: (run.start_time, run.key)):
        found.setdefault(identity_of(run, config), []).append(run)
    return found

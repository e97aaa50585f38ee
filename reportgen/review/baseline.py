"""Which runs of a source a change is compared with, and which came before those. Pure: what git says comes in.

Each experiment of the change has a base of its own: the runs of the merge base, else of its nearest ancestor that has
runs of the experiment; where git does not tell, those of the newest commit. `docs/review.md` gives the rule in words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from reportgen.model import Summary
from reportgen.review.commits import Checkout, fetch_more

How: TypeAlias = Literal["merge-base", "ancestor", "named", "newest", "all"]
"""`merge-base`; `ancestor` of it; `named`: the commit that was asked for; `newest` commit of the source; `all` runs,
since none has a commit."""
EARLIER: Final = 40
"""Commits before the baseline's whose runs tell the noise."""


@dataclass(frozen=True, slots=True)
class Base:
    """What one experiment is compared with."""

    how: How
    commit: str
    """Empty when the runs have none."""
    distance: int | None
    """Commits from it to the merge base, None where that is not known."""
    runs: tuple[Summary, ...]
    """Oldest first."""
    earlier: tuple[tuple[Summary, ...], ...]
    """Runs at commits before, the nearest first."""

    @property
    def measured(self) -> float:
        """When its last run ended."""
        return max(run.last_time for run in self.runs)

    @property
    def is_dirty(self) -> bool:
        """True when a run had changes that no commit holds."""
        return any(run.dirty for run in self.runs)


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a change is compared with."""

    by_experiment: Mapping[str, Base]
    """Experiments of the change that the source has, by name."""
    others: tuple[str, ...]
    """Further experiments of the source."""
    not_run: tuple[str, ...]
    """Those of them that finished at a commit which the change is compared with."""
    left_out: int
    """Runs of the source that are runs of the change themselves."""
    notes: tuple[str, ...]
    """Markdown sentences on why it is not the merge base, and what helps."""


def choose_baseline(
    source: Sequence[Summary],
    change: Sequence[Summary],
    checkout: Checkout | None,
    base: str,
    measure: Callable[[str, str], int | None],
) -> Baseline:
    """Return what the runs `change` are compared with among those of `source`.

    `base` is the name of the base as asked for, empty for none. `measure` returns how many commits lie between two.
    """
    keys, ids = {run.key for run in change}, {run.run_id for run in change}
    others = [run for run in source if run.key not in keys and run.run_id not in ids]
    wanted = {run.experiment for run in change}
    by_name: dict[str, list[Summary]] = {}
    for run in others:
        by_name.setdefault(run.experiment, []).append(run)
    chooser = _Chooser(change, checkout, base, measure)
    found = {name: chooser.choose(runs) for name, runs in sorted(by_name.items()) if name in wanted}
    elsewhere = tuple(sorted(by_name.keys() - wanted))
    at = {base.commit for base in found.values() if base.commit}
    not_run = [n for n in elsewhere if any(run.commit in at and run.status == "finished" for run in by_name[n])]
    return Baseline(found, elsewhere, tuple(not_run), len(source) - len(others), tuple(dict.fromkeys(chooser.notes)))


class _Chooser:
    def __init__(
        self,
        change: Sequence[Summary],
        checkout: Checkout | None,
        base: str,
        measure: Callable[[str, str], int | None],
    ) -> None:
        self._checkout, self._base, self._measure = checkout, base, measure
        self._own_branches = {run.branch for run in change if run.branch} - {base, "main", "master"}
        self._own_commits = {run.commit for run in change if run.commit}
        self.notes: list[str] = []

    def choose(self, runs: Sequence[Summary]) -> Base:
        """Return the base among the runs of one experiment."""
        commits = _by_commit(runs)
        named = [c for c in commits if c and len(self._base) >= 7 and c.startswith(self._base)]
        if named and not (self._checkout and self._checkout.merge_base):
            return _make_base("named", named[0], None, commits, _by_time(commits))
        broken = {commit for commit, own in commits.items() if all(run.status != "finished" for run in own)}
        if len(broken) < len(commits):  # a crash of the base must not leave every change without a baseline
            commits = {commit: own for commit, own in commits.items() if commit not in broken}
        checkout = self._checkout
        if checkout is not None and checkout.merge_base:
            found = self._nearest(commits, checkout)
            if found is not None:
                self._note_distance(found, broken - {found.commit}, checkout)
                return found
            self.notes.append(self._why_none(commits, checkout))
        elif checkout is not None and checkout.note and any(commits):
            said = f"{checkout.note[0].upper()}{checkout.note[1:]}{'' if checkout.note.endswith('?') else '.'}"
            self.notes.append(f"{said} Compared with the newest runs instead")
        return self._newest(commits)

    def _nearest(self, commits: Mapping[str, Sequence[Summary]], checkout: Checkout) -> Base | None:
        """Return the runs at the merge base, else at the nearest of its ancestors, first parents first."""
        along = [commit for commit in checkout.trunk if commit in commits]
        rest = [commit for commit in _by_time(commits) if commit in checkout.ancestors and commit not in set(along)]
        if not along and not rest:
            return None
        chosen = along[0] if along else rest[0]
        if along:
            away: int | None = checkout.trunk.index(chosen)
        else:
            away = self._measure(chosen, checkout.merge_base)
        how: How = "merge-base" if chosen == checkout.merge_base else "ancestor"
        return _make_base(how, chosen, away, commits, [*along, *rest] if along else rest)

    def _note_distance(self, chosen: Base, broken: Iterable[str], checkout: Checkout) -> None:
        """Note that an ancestor stands for the merge base, and that what lies between counts as the change's, too."""
        if chosen.commit == checkout.merge_base:
            return
        trunk = checkout.trunk[: chosen.distance] if chosen.commit in checkout.trunk else checkout.trunk
        nearer = len(set(broken).intersection(trunk))
        if nearer:
            why = f"None of the runs at {nearer:,} commit{'' if nearer == 1 else 's'} nearer to the change finished"
        else:
            why = f"The merge base `{checkout.merge_base[:8]}` has no runs"
        count = chosen.distance
        if count is None:
            place = f"an ancestor of {'the merge base' if nearer else 'it'}"
            did = "what lies between"
        else:
            place = f"{count:,} commit{'' if count == 1 else 's'} before{' the merge base' if nearer else ''}"
            did = "that commit" if count == 1 else f"these {count:,} commits"
        self.notes.append(
            f"{why}: `{chosen.commit[:8]}`, {place}, stands for it, so the differences are those of {did}, too"
        )

    def _why_none(self, commits: Mapping[str, Sequence[Summary]], checkout: Checkout) -> str:
        count = sum(1 for commit in commits if commit)
        if not count:
            return "The runs of the baseline name no commit, so that all of them count"
        which = "its commit is" if count == 1 else f"none of its {count:,} commits is"
        negation = " not" if count == 1 else ""
        why = "The baseline has no run at the merge base or before it: "
        why += f"{which}{negation} in the history of this checkout"
        if checkout.is_shallow:
            why += f", which is cut off: fetch more with {fetch_more()}"
        else:
            why += " (a history that was rewritten, or another repository?)"
        return f"{why}. Compared with the newest runs instead"

    def _newest(self, commits: Mapping[str, Sequence[Summary]]) -> Base:
        """Return the runs of the newest commit: on the base, if runs name it, else on no branch of the change's own."""
        known = {commit: runs for commit, runs in commits.items() if commit}
        if not known:
            return _make_base("all", "", None, commits, [""])
        on_base = {c: r for c, r in known.items() if self._base and any(run.branch == self._base for run in r)}
        elsewhere = {
            c: r
            for c, r in known.items()
            if c not in self._own_commits and not any(run.branch in self._own_branches for run in r)
        }
        allowed = on_base or elsewhere or known
        order = _by_time(allowed)
        return _make_base("newest", order[0], None, allowed, order)


def _make_base(
    how: How, commit: str, away: int | None, commits: Mapping[str, Sequence[Summary]], order: Sequence[str]
) -> Base:
    """Return the base at `commit`; `order` are the commits of its history with runs, the newest first."""
    place = order.index(commit)
    earlier = tuple(tuple(commits[other]) for other in order[place + 1 : place + 1 + EARLIER])
    return Base(how, commit, away, tuple(commits[commit]), earlier)


def _by_commit(runs: Iterable[Summary]) -> dict[str, list[Summary]]:
    """Return commit -> its runs, oldest first."""
    found: dict[str, list[Summary]] = {}
    for run in sorted(runs, key=lambda run: (run.start_time, run.key)):
        found.setdefault(run.commit, []).append(run)
    return found


def _by_time(commits: Mapping[str, Sequence[Summary]]) -> list[str]:
    """Return the commits by their own time, else that of their first run, the newest first."""

    def moment(commit: str) -> tuple[float, str]:
        runs = commits[commit]
        known = [run.commit_time for run in runs if run.commit_time is not None]
        return (known[0] if known else runs[0].start_time, commit)

    return sorted((commit for commit in commits if commit), key=moment, reverse=True)

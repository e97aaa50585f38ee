"""Which runs a site lets go of. Pure: summaries in, keys out."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from reportgen.model import Summary

DAY_S = 86_400.0


def choose_pruned(
    runs: Sequence[Summary],
    matching: Collection[str],
    *,
    keep: int | None = None,
    keep_days: float | None = None,
    now: float,
) -> frozenset[str]:
    """Return the keys of the runs to let go of, among those with a key in `matching`.

    Of these, in each experiment, the `keep` runs that started last stay, and the runs whose last line is at most
    `keep_days` days older than `now`, in seconds; without either, none stays. A run stays, too, while one of its
    children, or of their children, does, or another history with its id.
    """
    gone: set[str] = set()
    members: dict[str, list[Summary]] = {}
    for run in sorted(runs, key=lambda run: (-run.start_time, run.key)):
        if run.key in matching:
            members.setdefault(run.experiment, []).append(run)
    for own in members.values():
        gone.update(run.key for run in own[keep or 0 :] if keep_days is None or run.last_time < now - keep_days * DAY_S)
    return frozenset(gone - _find_needed(runs, gone))


def _find_needed(runs: Sequence[Summary], gone: Collection[str]) -> set[str]:
    """Return the keys of the runs above those that are not in `gone`, and of all that share an id with such a run."""
    by_id: dict[str, list[Summary]] = {}
    for run in runs:
        by_id.setdefault(run.run_id, []).append(run)
    needed: set[str] = set()
    waiting = [run for run in runs if run.key not in gone]
    while waiting:
        own = waiting.pop()
        for run in (*by_id.get(own.parent_id, ()), *by_id[own.run_id]):
            if run.key not in needed:
                needed.add(run.key)
                waiting.append(run)
    return needed

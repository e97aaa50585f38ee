"""What a gate says of a compared metric. Pure; the reasons are words of ours and numbers, no text of a log."""

from __future__ import annotations

import math
from collections.abc import Mapping

from reportgen.patterns import matches
from reportgen.review.outcome import Judgement, Row
from reportgen.site.gates import Gate
from reportgen.site.text import format_count, format_number


def judge(row: Row, gate: Gate) -> Judgement:
    """Return the answer of a gate that covers the row's metric."""
    change = row.change
    runs = change.runs
    if not runs:
        return Judgement(gate, "failed", "no run of the change finished")
    if not change.count and not change.non_finite:
        return Judgement(gate, "failed", f"the change does not log it ({format_count(runs, 'finished run')})")
    if change.non_finite and (gate.is_bound or not row.baseline.non_finite or not change.count):
        words = ", ".join(dict.fromkeys(map(format_number, change.non_finite)))
        return Judgement(gate, "failed", f"{words} in {len(change.non_finite)} of {format_count(runs, 'run')}")
    if change.count < gate.min_runs:
        return Judgement(gate, "failed", f"needs {gate.min_runs} runs of the change, it has {change.count}")
    broken = _broken_bound(row, gate)
    if broken:
        return Judgement(gate, "failed", broken)
    if gate.max_regression is None:
        return Judgement(gate, "passed", "within its bounds")
    found = _judge_regression(row, gate, gate.max_regression.of(row.baseline.mean or 0.0))
    lost = _say_lost(row) if found.answer == "passed" else ""
    return Judgement(gate, "unjudged", lost) if lost else found


def _say_lost(row: Row) -> str:
    """Return in how many more runs than of the baseline there is no value, so that the mean is that of the others."""
    before, after = row.baseline, row.change
    there = format_count(before.runs, "run")
    if row.loses_values:
        odd = f"{len(after.non_finite)} of {format_count(after.runs, 'run')}"
        return f"no number in {odd}, in {len(before.non_finite)} of {there} of the baseline"
    if after.part_without > before.part_without:
        missing = f"{after.without} of {format_count(after.runs, 'run')}"
        return f"not logged by {missing}, by {before.without} of {there} of the baseline"
    return ""


def _broken_bound(row: Row, gate: Gate) -> str:
    mean = row.change.sample.mean
    what = "the mean" if row.change.count > 1 else "the value"
    if gate.min is not None and mean < gate.min:
        return f"{what} {format_number(mean)} is below the bound {format_number(gate.min)}"
    if gate.max is not None and mean > gate.max:
        return f"{what} {format_number(mean)} is above the bound {format_number(gate.max)}"
    return ""


def _judge_regression(row: Row, gate: Gate, allowed: float) -> Judgement:
    if row.baseline.mean is None:
        return Judgement(gate, "unjudged", "the baseline has no value")
    fewest = min(row.baseline.count, row.change.count)
    if fewest < 2:
        side = "the baseline" if row.baseline.count < 2 else "the change"
        return Judgement(gate, "unjudged", f"one run of {side} tells no difference from noise")
    if gate.min_runs > row.baseline.count:
        return Judgement(gate, "unjudged", f"needs {gate.min_runs} runs, the baseline has {row.baseline.count}")
    if row.difference.method == "none":
        return Judgement(gate, "unjudged", "the values are too large or too small to compare")
    worse = -row.difference.estimate if row.known.direction == "max" else row.difference.estimate
    size = say_size(worse, row.baseline.sample.mean)
    limit = say_tolerance(gate)
    if row.verdict == "worse" and worse > allowed:
        return Judgement(gate, "failed", f"{size} worse, {limit} allowed")
    if row.verdict == "worse":
        return Judgement(gate, "passed", f"{size} worse, within the {limit} allowed")
    if row.verdict != "better" and not _excludes(row, allowed):
        is_sharp = row.detectable is not None and row.detectable <= allowed
        said = f"cannot tell: the interval reaches beyond the {limit} allowed" if is_sharp else cannot_tell(row)
        return Judgement(gate, "unjudged", said)
    return Judgement(gate, "passed", "no regression found")


def _excludes(row: Row, allowed: float) -> bool:
    """Tell whether the interval ends before a regression of more than `allowed`; 0 asks only for its sign."""
    worst = row.worst
    return worst is not None and (not allowed or worst <= allowed)


def cannot_tell(row: Row) -> str:
    """Return why nothing can be said of a difference, and what could be."""
    count = min(row.baseline.count, row.change.count)
    if not count:
        side = "the change" if not row.change.count else "the baseline"
        return f"cannot tell: {side} has no value"
    if row.difference.method == "none" and count > 1:
        return "cannot tell: the values are too large or too small to compare"
    if count < 2:
        return "cannot tell: one run a side says nothing of noise"
    if row.difference.method == "repeats":
        return f"cannot tell: so few values ({count} a side) may be equal by chance"
    size = row.detectable
    least = "" if size is None else f" detects only ≥ {say_size(size, row.baseline.sample.mean)}"
    return f"cannot tell: n = {count}{least}"


def say_size(size: float, baseline: float) -> str:
    """Return a difference as a part of the baseline's mean, or as it is where that is 0."""
    if not baseline:
        return format_number(abs(size))
    return percent(abs(size / baseline))


def percent(part: float) -> str:
    """Return a part as `6.1 %`; two significant digits below ten, none lost to zero."""
    shown = part * 100
    if not math.isfinite(shown):
        return format_number(shown) + " %"
    if shown >= 9.95 or not shown:
        return f"{format_number(shown, 0 if shown >= 99.5 or not shown else 1)} %"
    return f"{format_number(shown, max(1, 1 - math.floor(math.log10(shown))))} %"


def say_tolerance(gate: Gate) -> str:
    """Return what a gate allows: `1 %`, `0.5`."""
    allowed = gate.max_regression
    if allowed is None:
        return ""
    return f"{format_number(allowed.size * 100)} %" if allowed.is_relative else format_number(allowed.size)


def judge_loose(gate: Gate, experiments: Mapping[str, bool]) -> Judgement:
    """Return the answer of a gate that covers no metric of any run of the change or its baseline.

    `experiments` tells for each experiment of the change whether a run of it finished. A gate on an experiment that the
    change did not run is left open; one whose metric is nowhere fails, since a gate that is never asked would pass for
    good, and so would one on runs that crash before they log.
    """
    own = [has_finished for name, has_finished in experiments.items() if matches(gate.experiment, name)]
    if not own:
        return Judgement(gate, "unjudged", "the change has no run of its experiment")
    return Judgement(gate, "failed", "no run logs it" if any(own) else "no run of the change finished")

"""How a review is said: heading, numbers of a row, sentences. Pure; texts of logs go through `escaping`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from reportgen.model import ParamValue
from reportgen.review.baseline import Base
from reportgen.review.escaping import code, name, visible
from reportgen.review.gating import cannot_tell, percent
from reportgen.review.outcome import VERDICTS, Changed, Judgement, Review, Row, Side, Verdict
from reportgen.review.pairing import Configuration
from reportgen.site.pages.columns import spread_decimals, title_of_experiment
from reportgen.site.text import (
    MINUS,
    MISSING,
    column_decimals,
    format_count,
    format_duration,
    format_number,
    format_param,
)

SIGNS: Final[dict[Verdict, str]] = {
    "worse": "✕",
    "missing": "✕",
    "changed": "≠",
    "better": "✓",
    "unknown": "?",
    "new": "+",
    "same": "≈",
}
ARROWS: Final = {"max": "↑", "min": "↓"}
LEGEND: Final = {
    "✕": "worse, missing, or a gate failed",
    "✓": "better",
    "≠": "changed",
    "≈": "no difference found",
    "?": "cannot tell",
    "+": "new",
}
_WORDS: Final[dict[Verdict, tuple[str, str]]] = {
    "worse": ("1 regression", "{} regressions"),
    "missing": ("1 metric missing", "{} metrics missing"),
    "changed": ("1 change", "{} changes"),
    "better": ("1 improvement", "{} improvements"),
    "unknown": ("cannot tell for 1 metric", "cannot tell for {} metrics"),
    "new": ("1 new metric", "{} new metrics"),
    "same": ("no difference found in 1", "no difference found in {}"),
}


def say_heading(review: Review) -> str:
    """Return the verdict in one line of words of ours."""
    warnings = len(review.failed) - review.errors
    told = [f"{format_count(review.errors, 'gate')} failed"] if review.errors else []
    gates = ", ".join([*told, format_count(warnings, "warning")] if warnings else told)
    passed = f" · {_say_passed(review)}" if any(review.judgements) else ""
    if not review.is_compared:
        what = "no baseline yet" if review.baseline is None else "nothing to compare"
        return f"✕ {gates}: {what}" if gates else f"{what.capitalize()}{passed}"
    counts = [
        (words[0] if count == 1 else words[1].format(format_number(count)))
        for verdict, words in _WORDS.items()
        if (count := review.count(verdict))
    ]
    if review.rows and review.count("same") == len(review.rows):
        counts = [f"no difference found in {format_count(len(review.rows), 'metric')}"]
    losing = sum(row.loses_values for row in review.rows)
    if losing:
        counts.insert(0, f"NaN or infinity in {format_count(losing, 'metric')}")
    found = ", ".join(counts) or "no metric to compare"
    if gates:
        return f"{_sign(review)} {gates}: {found}"
    return f"{_sign(review)} {found[0].upper()}{found[1:]}{passed}"


def _say_passed(review: Review) -> str:
    """Return how many gates passed, and how many have no answer: these must not look like passed ones."""
    answers = [judgement.answer for _, judgement in review.judgements]
    passed, waiting = answers.count("passed"), answers.count("unjudged")
    told = [f"{format_count(passed, 'gate')} passed"] if passed else []
    if waiting:
        told.append(f"{format_number(waiting) if passed else format_count(waiting, 'gate')} not judged")
    return ", ".join(told)


def _sign(review: Review) -> str:
    if review.failed:
        return SIGNS["worse"]
    found = [verdict for verdict in VERDICTS if review.count(verdict)]
    if any(row.loses_values for row in review.rows) and not {"worse", "missing", "changed"} & set(found):
        return SIGNS["unknown"]
    return SIGNS[found[0] if found else "same"]


def row_sign(row: Row) -> str:
    """Return the sign of a row: that of its verdict, unless a gate failed."""
    return SIGNS["worse"] if row.failed else SIGNS[row.verdict]


# ---- numbers


def decimals_of(row: Row) -> int:
    """Return how many decimals the numbers of a row have: two digits of half the interval, where there is one."""
    interval = row.interval
    if interval is not None and interval[1] > interval[0]:
        return spread_decimals((interval[1] - interval[0]) / 2)
    return column_decimals([mean for mean in (row.baseline.mean, row.change.mean) if mean is not None])


def say_side(row: Row, side: Side) -> str:
    """Return the mean of a side with its unit."""
    unit = f" {visible(row.known.unit, 12)}" if row.known.unit and side.mean is not None else ""
    return say_mean(row, side) + unit


def say_mean(row: Row, side: Side) -> str:
    """Return the mean of a side; without one, what its values are instead."""
    if side.mean is not None:
        return format_number(side.mean, decimals_of(row))
    return ", ".join(dict.fromkeys(map(format_number, side.non_finite))) or MISSING


def say_difference(row: Row) -> str:
    """Return the difference: with an arrow and in percent where it is claimed, else with its sign."""
    before, after = row.baseline.mean, row.change.mean
    if before is None or after is None:
        return MISSING
    size = row.difference.estimate
    if row.verdict not in ("worse", "better", "changed"):
        return signed(size, decimals_of(row))
    arrow = "▲" if size > 0 else "▼"
    relative = row.relative
    if relative is None or row.known.unit.strip() == "%":
        return f"{arrow} {format_number(abs(size), decimals_of(row))}{' points' if row.known.unit else ''}"
    return f"{arrow} {percent(abs(relative))}"


def say_interval(row: Row) -> str:
    """Return the corrected interval of the difference; where single runs have none, how much earlier runs spread."""
    interval = row.interval
    if interval is None:
        if row.noise is not None and row.difference.method == "none" and row.noise.squares:
            deviation = row.noise.variance**0.5
            return f"earlier runs ±\u00a0{format_number(deviation, spread_decimals(deviation))}"
        return MISSING
    low, high = interval
    decimals = decimals_of(row)
    if low == high:
        return signed(low, decimals)
    return f"{signed(low, decimals)}\u00a0…\u00a0{signed(high, decimals)}"


def signed(value: float, decimals: int) -> str:
    """Return a number with its sign in front; zero has none."""
    text = format_number(value, decimals)
    return f"+{text}" if value > 0 and not text.startswith(MINUS) else text


def say_runs(row: Row) -> str:
    """Return how many runs stand behind the means: of the baseline, of the change."""
    return f"{row.baseline.count}, {row.change.count}"


def say_legend(review: Review, rows: Sequence[Row]) -> str:
    """Return what signs, arrows, intervals and counts of `rows` mean."""
    signs = dict.fromkeys(map(row_sign, rows))
    told = [f"{sign} {said}" for sign, said in LEGEND.items() if sign in signs]
    arrows = {row.known.direction for row in rows}
    told += ["↑ higher is better"] if "max" in arrows else []
    told += ["↓ lower is better"] if "min" in arrows else []
    if any(row.interval is not None for row in rows):
        sure = f"{format_number(100 * (1 - review.alpha))} %"
        gated = [row.is_gated for row in review.rows]
        if any(gated) and not all(gated):
            sure += f" over the {format_number(review.family)} with gates, 99 % over the others"
        elif review.family > 1:
            sure += f" over all {format_number(review.family)} together"
        told.append(f"intervals of the difference: {sure}")
    same = same_counts(review.rows)
    told.append("runs: of the baseline, of the change" if same is None else _say_same(*same))
    return " · ".join(told)


def same_counts(rows: Sequence[Row]) -> tuple[int, int] | None:
    """Return how many runs stand behind the means of all rows: baseline, change; None where that differs."""
    counts = {(row.baseline.count, row.change.count) for row in rows}
    return counts.pop() if len(counts) == 1 else None


def _say_same(baseline: int, change: int) -> str:
    if not baseline or not change:
        return f"means over {format_count(baseline + change, 'run')} of {'the baseline' if baseline else 'the change'}"
    if baseline == change:
        return f"means over {format_count(change, 'run')} on either side"
    return f"means over {format_count(baseline, 'run')} of the baseline, {format_number(change)} of the change"


# ---- names


def label_of(configuration: Configuration, review: Review) -> str:
    """Return the name of a configuration as a log gave it: what tells it from the others of the review."""
    identity = configuration.identity
    own = [c.identity for c in review.configurations]
    alone = sum(each.experiment == identity.experiment for each in own) == 1
    several = len({each.experiment for each in own}) > 1
    experiment, label = title_of_experiment(identity.experiment), identity.label
    if alone or not label:
        return experiment if several or not label else label
    return f"{experiment} / {label}" if several else label


def base_label(review: Review) -> str:
    """Return the name of the base where the baseline is known to lie on it, else `baseline`."""
    bases, checkout = bases_of(review), review.checkout
    if checkout is None or not checkout.base or not bases:
        return "baseline"
    return checkout.base if all(base.how in ("merge-base", "ancestor") for base in bases) else "baseline"


def bases_of(review: Review) -> list[Base]:
    return list(review.baseline.by_experiment.values()) if review.baseline is not None else []


def base_commit(review: Review) -> str:
    """Return the commit of the baseline; empty where there is none or several."""
    commits = {base.commit for base in bases_of(review)}
    return commits.pop() if len(commits) == 1 else ""


def say_base(base: Base, name_of_base: str) -> str:
    """Return what a base is, in words, its commit as code."""
    commit = code(base.commit[:8]) if base.commit else ""
    changes = " with changes that no commit holds" if base.is_dirty else ""
    if base.how == "merge-base":
        return f"merge base {commit}{changes}"
    if base.how == "ancestor":
        away = "" if base.distance is None else f", {format_count(base.distance, 'commit')} before the merge base"
        return f"{commit}{away}{changes}"
    if base.how == "all":
        return "all runs, which name no commit"
    where = f" on {code(name_of_base)}" if name_of_base != "baseline" and base.how == "newest" else ""
    return f"{'newest commit' if base.how == 'newest' else 'commit'} {commit}{where}{changes}"


def say_bases(review: Review) -> str:
    """Return what the change is compared with and how old that is, in Markdown; empty where there is nothing."""
    bases = list(dict.fromkeys(say_base(base, base_label(review)) for base in bases_of(review)))
    if not bases:
        return ""
    more = [f"{len(bases) - 3} more"] if len(bases) > 3 else []
    age = "" if review.age_s is None else f", measured {format_duration(review.age_s)} before this change"
    return f"{'; '.join([*bases[:3], *more])}{age}"


def say_values(values: Sequence[ParamValue], count: int = 3) -> str:
    """Return the values of a param on one side for a cell."""
    if not values:
        return MISSING
    shown = [code(format_param(value), 60, in_table=True) for value in values[:count]]
    return ", ".join([*shown, "…"] if len(values) > count else shown)


# ---- sentences


def say_failed(row: Row | None, judgement: Judgement, review: Review) -> str:
    """Return why a gate failed, in a sentence with the names that it is about."""
    gate = judgement.gate
    lead = "" if gate.severity == "error" else "(warning) "
    if row is None:
        where = "" if gate.experiment == "*" else f" in {name(gate.experiment)}"
        return f"{lead}{_bold(name(gate.metric))}{where}: {judgement.said}"
    where = f" ({name(label_of(row.configuration, review))})" if _is_one_of_several(review) else ""
    values = ""
    if row.baseline.mean is not None and row.change.mean is not None and gate.is_statistical:
        values = f" ({say_side(row, row.baseline)} → {say_side(row, row.change)})"
    return f"{lead}{_bold(name(row.metric))}{where}: {judgement.said}{values}"


def _bold(text: str) -> str:
    return f"**{text}**"


def _is_one_of_several(review: Review) -> bool:
    return len({row.configuration.identity for row in review.rows}) > 1


def say_finding(row: Row, review: Review) -> str:
    """Return what was found of a row that differs."""
    size = row.difference.estimate
    how = "higher" if size > 0 else "lower"
    relative = row.relative
    by = percent(abs(relative)) if relative is not None else format_number(abs(size))
    where = f" ({name(label_of(row.configuration, review))})" if _is_one_of_several(review) else ""
    values = f"{say_side(row, row.baseline)} → {say_side(row, row.change)}"
    return f"{_bold(f'{name(row.metric)} is {by} {how}')} than on {code(base_label(review))}{where}: {values}"


def say_reasons(row: Row) -> str:
    """Return how a row was decided."""
    method = {
        "welch": "Welch's interval",
        "pooled": "interval with the noise of earlier commits",
        "identical": "each seed gave the same value on either side",
        "exact": "the metric does not vary between runs",
        "repeats": "equal values on either side",
        "none": "not tested",
    }[row.difference.method]
    if row.difference.method == "welch" and row.noise is not None and row.noise.is_known:
        method += ", since these runs spread more than earlier ones"
    if row.verdict == "unknown":
        method = cannot_tell(row)
    elif row.verdict == "same" and row.detectable:
        method += f", detects ≥ {format_number(row.detectable, decimals_of(row))}"
    repeated = row.baseline.repeated + row.change.repeated
    if repeated:
        method += f"; {format_count(repeated, 'run')} left out, which repeat a seed and its value"
    if row.noise is not None and row.noise.freedom:
        deviation = row.noise.variance**0.5
        method += f"; runs at {format_count(row.noise.groups, 'earlier commit')} spread by ± {format_number(deviation)}"
    return method


def iter_reasons(row: Row) -> Iterator[str]:
    """Yield how a row was decided, then what each of its gates says; what was said already is not said again."""
    reason = say_reasons(row)
    yield reason
    for judgement in row.judgements:
        answer = "not judged" if judgement.answer == "unjudged" else judgement.answer
        yield f"gate {answer}" if reason.startswith(judgement.said) else f"gate {answer}: {judgement.said}"


def say_changed(changed: Changed) -> tuple[str, str, str]:
    """Return the cells of something that differs."""
    return name(changed.name, in_table=True), say_values(changed.baseline), say_values(changed.change)

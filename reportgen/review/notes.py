"""What stands beside the verdict of a review: on the baseline, on runs that do not count, on open gates. Pure.

They are Markdown; texts of logs go through `escaping`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from reportgen.review.escaping import code, name
from reportgen.review.outcome import Review
from reportgen.review.wording import label_of
from reportgen.site.pages.columns import title_of_experiment
from reportgen.site.text import format_count, format_duration, format_number

MAX_UNJUDGED: Final = 3
"""Reasons for gates without an answer that are told one by one."""
_MAX_ERROR: Final = 160


def iter_run_notes(review: Review) -> Iterator[str]:
    """Yield sentences on values that are no numbers, on runs that do not count, and on what one side lacks."""
    for row in review.rows:
        for side, whose in ((row.change, "the change"), (row.baseline, "the baseline")):
            if side.non_finite:
                words = ", ".join(dict.fromkeys(map(format_number, side.non_finite)))
                yield (
                    f"{name(row.metric)} is {words} in {len(side.non_finite)} of "
                    f"{format_count(side.runs, 'run')} of {whose}, left out of its mean"
                )
    missing = [
        f"{name(row.metric)} ({format_number(row.change.without)} of {format_count(row.change.runs, 'run')})"
        for row in review.rows
        if row.change.count and row.change.part_without > row.baseline.part_without
    ]
    if missing:
        yield f"Not logged by some runs of the change: {first_of(missing)}"
    not_run = [name(label_of(each, review)) for each in review.configurations if each.is_missing]
    if review.baseline is not None:
        not_run += [name(title_of_experiment(each)) for each in review.baseline.not_run]
    if not_run:
        yield f"Not run by this change, while the baseline has runs: {first_of(not_run)}"
    yield from _iter_unfinished(review)
    for each in review.configurations:
        if each.counterpart and each.identity.label:
            yield f"{name(each.identity.label)} is compared with {name(each.counterpart)}, the only configuration there"
    if review.lost:
        yield f"Logged by the baseline and not by this change: {first_of([name(each) for each in review.lost])}"
    if review.added:
        yield f"Logged by this change and not by the baseline: {first_of([name(each) for each in review.added])}"
    if review.unreadable:
        yield f"{format_count(review.unreadable, 'problem')} in the logs of the change"


def _iter_unfinished(review: Review) -> Iterator[str]:
    """Yield why runs do not count, those of one status and error together."""
    alike: dict[tuple[str, str], list[str]] = {}
    for run in review.unfinished:
        alike.setdefault((run.status, run.error), []).append(code(run.name or run.run_id))
    for (status, error), runs in alike.items():
        why = f": {code(error, _MAX_ERROR)}" if error else ""
        if len(runs) == 1:
            said = f"Run {runs[0]} {'failed' if status == 'failed' else f'is {status}'} and does not count"
        else:
            said = f"Runs {first_of(runs)} {'failed' if status == 'failed' else f'are {status}'} and do not count"
        yield f"{said}{why}"


def first_of(names: Sequence[str], count: int = 3) -> str:
    """Return the first of names, which are escaped already, and how many more there are."""
    if len(names) == count + 1:  # its name is as short as a count
        count += 1
    more = f" and {format_number(len(names) - count)} more" if len(names) > count else ""
    return f"{', '.join(names[:count])}{more}"


def iter_base_notes(review: Review) -> Iterator[str]:
    """Yield what is to be known of the baseline: why it is this one, and how old it is."""
    baseline = review.baseline
    if baseline is None:
        yield review.no_baseline
        return
    if not baseline.by_experiment:
        own = ", ".join(code(n) for n in sorted({run.experiment for run in review.change})[:4])
        theirs = ", ".join(code(n) for n in baseline.others[:4])
        yield f"No experiment in common: the change has {own}, the baseline {theirs or 'nothing else'}"
    yield from baseline.notes
    if review.unreadable_baseline:
        count = format_count(review.unreadable_baseline, "problem")
        yield f"{count} in the files of the baseline: some of its runs may not be counted"
    if review.is_stale and review.age_s is not None:
        yield f"The baseline is stale: it was measured {format_duration(review.age_s)} before this change"


def iter_unjudged(review: Review) -> Iterator[str]:
    """Yield why gates have no answer, those of one reason together."""
    for judgement in review.loose:
        if judgement.answer == "unjudged":
            yield f"Gate on {name(judgement.gate.metric)} not judged: {judgement.said}"
    several = len({row.configuration.identity for row in review.rows}) > 1
    waiting: dict[str, list[str]] = {}
    for row in review.rows:
        where = f" ({name(label_of(row.configuration, review))})" if several else ""
        for judgement in row.unjudged:
            waiting.setdefault(judgement.said, []).append(f"{name(row.metric)}{where}")
    if len(waiting) > MAX_UNJUDGED:
        count = format_number(sum(map(len, waiting.values())))
        yield f'{count} gates not judged, for reasons given under "How this was decided"'
        return
    for said, metrics in waiting.items():
        yield f"{'Gate' if len(metrics) == 1 else 'Gates'} on {first_of(metrics)} not judged: {said}"

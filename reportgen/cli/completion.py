"""What a shell offers behind Tab: runs, experiments, metrics and params that earlier commands have seen.

Only the cache of summaries and the tables of sites are asked, never a log and never the network. Whatever goes wrong,
nothing is offered and nothing is said.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

import click
from click.shell_completion import CompletionItem

from reportgen.cli.places import default_sources
from reportgen.errors import ReportgenError

if TYPE_CHECKING:
    from reportgen.model import Summary

MOST: Final = 200
"""Words that are offered at once."""
_FORMS: Final = ("best:", "max:", "min:")
_PLAIN: Final = re.compile(r"[\w./@:+-]+")
"""Words that a shell takes as they are; others would have to be quoted, and shells do that in different ways."""
_FUNCTIONS: Final = ("max", "min", "mean", "first", "best")


def complete_run(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """Offer names and ids of runs, newest first; behind `best:` metrics, behind `@` experiments."""
    return _offered(_iter_runs(_known_runs(ctx), incomplete), incomplete)


def complete_metric(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """Offer names of metrics."""
    return _offered(((name, "") for name in _names(_known_runs(ctx), "metrics")), incomplete)


def complete_field(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """Offer names as the filter language writes them, the last of several after commas."""
    return _complete_last(ctx, incomplete, ",( ")


def complete_filter(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """Offer names for the last word of a filter."""
    return _complete_last(ctx, incomplete, "( ")


def complete_order(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """Offer names, and the two directions behind one."""
    if incomplete.rstrip() and incomplete.endswith(" "):
        return [CompletionItem(f"{incomplete}{word}") for word in ("ASC", "DESC")]
    return _complete_last(ctx, incomplete, "(")


def _complete_last(ctx: click.Context, incomplete: str, before: str) -> list[CompletionItem]:
    start = max(incomplete.rfind(letter) for letter in before) + 1
    lead, word = incomplete[:start], incomplete[start:]
    fields = ((f"{lead}{name}", "") for name in _iter_fields(_known_runs(ctx), word))
    return _offered(fields, incomplete)


def _iter_fields(runs: Iterable[Summary], word: str) -> Iterator[str]:
    from reportgen.query.fields import ATTRIBUTES

    runs = list(runs)
    entities = ("metrics", "params", "tags")
    if "." not in word and not any(f"{entity}.".startswith(word) and word for entity in entities):
        yield from (name for name in ATTRIBUTES if name != "artifact_uri")
        yield from (f"{function}(" for function in _FUNCTIONS)
    for entity in entities:
        if f"{entity}.".startswith(word) or word.startswith(f"{entity}."):
            yield from (f"{entity}.{name}" for name in _names(runs, entity))


def _iter_runs(runs: Iterable[Summary], incomplete: str) -> Iterator[tuple[str, str]]:
    runs = sorted(runs, key=lambda run: -run.start_time)
    experiments = list(dict.fromkeys(run.experiment for run in runs))
    form = next((form for form in _FORMS if incomplete.startswith(form)), "")
    if form:
        metrics = _names(runs, "metrics")
        metric = incomplete.removeprefix(form).partition("@")[0]
        if "@" in incomplete:
            yield from ((f"{form}{metric}@{name}", "") for name in experiments)
        yield from ((f"{form}{name}", "") for name in metrics)
    elif incomplete.startswith("latest@"):
        yield from ((f"latest@{name}", "") for name in experiments)
    else:
        yield from ((word, "") for word in ("latest", *_FORMS))
        count = Counter(run.name for run in runs)
        for run in runs:
            if count[run.name] == 1 and _PLAIN.fullmatch(run.name):
                yield run.name, run.experiment
            else:
                yield run.run_id, f"{run.name}, {run.experiment}"
        if incomplete:
            yield from ((run.run_id, f"{run.name}, {run.experiment}") for run in runs)


def _names(runs: Iterable[Summary], part: str) -> list[str]:
    return list(dict.fromkeys(name for run in runs for name in getattr(run, part)))


def _offered(words: Iterable[tuple[str, str]], incomplete: str) -> list[CompletionItem]:
    """Return the words that begin so, each once; those that would have to be quoted only where quotes are open."""
    found: dict[str, str] = {}
    for word, about in words:
        fits = word.startswith(incomplete) and _PLAIN.fullmatch(word[len(incomplete) :].rstrip("(") or "x")
        if fits and word not in found:
            found[word] = about if about.isprintable() else ""
        if len(found) == MOST:
            break
    return [CompletionItem(word, help=about or None) for word, about in found.items()]


def _named_sources(ctx: click.Context) -> tuple[str, ...]:
    """Return the sources on the line so far; Click leaves arguments aside when the last option has no value yet."""
    named = tuple(ctx.params.get("sources") or ())
    are_arguments = any(param.name == "sources" and isinstance(param, click.Argument) for param in ctx.command.params)
    return named or (tuple(ctx.args) if are_arguments else ())


def _known_runs(ctx: click.Context) -> tuple[Summary, ...]:
    try:
        sources = _named_sources(ctx) or default_sources()
        from reportgen.loading import remembered_summaries

        return remembered_summaries(sources)
    except (ReportgenError, OSError, ValueError):
        return ()

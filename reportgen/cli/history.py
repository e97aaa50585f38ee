"""`reportgen history`: levels and changes of metrics over the commits at which runs were made."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from reportgen.cli.completion import complete_metric
from reportgen.cli.reading import print_lines, read_runs, reading_options, sources_argument

if TYPE_CHECKING:
    from reportgen.analysis.history import Change, History, MetricHistory
    from reportgen.cli.tables import Column, Look, Section
    from reportgen.exporting.history import Counter
    from reportgen.loading import Runs
    from reportgen.model import Experiment
    from reportgen.site.config import Config

FORMATS: Final = ("table", "json", "markdown")


@click.command(
    epilog="""\b
    Examples:
      reportgen history
      reportgen history runs/ --experiment digits
      reportgen history site/ --metric val/accuracy --metric val/loss
      reportgen history --format json
      reportgen history https://acme.github.io/digits/ --format markdown
    """
)
@sources_argument
@click.option("--experiment", metavar="NAME", help="Only this experiment.")
@click.option(
    "-m",
    "--metric",
    "metrics",
    multiple=True,
    metavar="NAME",
    shell_complete=complete_metric,
    help="Only this metric; may be repeated.  [default: headline metrics, and those with a direction]",
)
@click.option("--format", "kind", type=click.Choice(FORMATS), default="table", help="How to write it.")
@reading_options
def history(
    sources: tuple[str, ...],
    experiment: str | None,
    metrics: tuple[str, ...],
    kind: str,
    config_file: Path | None,
    jobs: int | None,
    quiet: bool,
) -> None:
    """Show how metrics went over the commits at which the runs of each SOURCE were made.

    A configuration has a history when it was measured at three or more commits. For each metric the level of now is
    shown, and each change of the level with the commits that it lies in; in a checkout of the repository git counts
    those that no run tells of.
    """
    runs, config = read_runs(sources, config_file, jobs, quiet=quiet)
    from reportgen.index import make_index
    from reportgen.loading import find_experiment
    from reportgen.loading.checkout import count_commits

    index = make_index(runs.summaries, ())
    if experiment is not None:
        find_experiment((e.name for e in index.experiments), experiment)
    if metrics:
        _check_metrics(metrics, runs)
    chosen = [e for e in index.experiments if experiment in (None, e.name)]
    here = Path.cwd()
    count = lru_cache(maxsize=None)(lambda before, after: count_commits(before, after, here))
    if kind == "json":
        _print_json(chosen, metrics, config, count)
        return
    from reportgen.cli import tables

    sections = [s for e in chosen for s in _sections(e, metrics, config, count)]
    if not sections:
        print_lines(["no history: no configuration was measured at three or more commits"] if not quiet else [])
    elif kind == "markdown":
        print_lines(tables.markdown_sections(sections))
    else:
        print_lines(tables.render_sections(sections, tables.screen_of(sys.stdout)))


def _check_metrics(metrics: Sequence[str], runs: Runs) -> None:
    from reportgen.errors import SourceError
    from reportgen.loading.addressing import listed
    from reportgen.spelling import suggestion

    known = sorted({name for run in runs.summaries for name in run.metrics})
    for name in metrics:
        if name not in known:
            near = suggestion(name, known)
            raise SourceError(f"no run has the metric '{name}':{near} there are: {listed(known) or 'none'}")


def _print_json(experiments: Sequence[Experiment], metrics: Sequence[str], config: Config, count: Counter) -> None:
    from reportgen.exporting.files import encode_records
    from reportgen.exporting.history import history_record
    from reportgen.site.histories import histories_of, make_labels

    out = sys.stdout.buffer
    found = ((e, histories_of(e, config, only=metrics or None)) for e in experiments)
    records = (history_record(e.name, h, make_labels(e, h), count) for e, h in found if h.histories)
    out.writelines(encode_records(records, "json"))
    out.flush()


# ---- tables


def _sections(experiment: Experiment, metrics: Sequence[str], config: Config, count: Counter) -> Iterator[Section]:
    from reportgen.cli.printing import counted, printable
    from reportgen.cli.tables import Section
    from reportgen.site.histories import histories_of, make_labels

    histories = histories_of(experiment, config, only=metrics or None)
    labels = make_labels(experiment, histories)
    for one in histories.histories:
        name = experiment.name + (f", {labels[one.key]}" if len(labels) > 1 else "")
        yield Section(f"{printable(name)}: {_said_of(one)}", _metric_columns(one, config))
        changes = [(metric, change) for metric in one.metrics for change in reversed(metric.changes)]
        changes.sort(key=lambda found: (not found[1].open, -found[1].after))
        if changes:
            yield Section("", _change_columns(one, changes, config, count))
        else:
            yield Section("", text="no change was found that stands out from the noise")
    if histories.left_out:
        yield Section("", text=f"{counted(histories.left_out, 'more configuration')} with fewer runs")


def _said_of(history: History) -> str:
    from reportgen.cli.printing import counted
    from reportgen.site.text import format_time

    first, last = (format_time(history.observations[i].time).split(",")[0] for i in (0, -1))
    commits = sum(bool(o.commit) for o in history.observations)
    said = [counted(commits, "commit")] if commits else []
    days = len(history.observations) - commits
    said += [f"{counted(days, 'day')} without a commit"] if days else []
    return f"{' and '.join(said)}, {first if first == last else f'{first} to {last}'}"


def _metric_columns(history: History, config: Config) -> list[Column]:
    from reportgen.cli.cells import ARROWS, spark
    from reportgen.cli.printing import printable
    from reportgen.cli.tables import Cell, Column
    from reportgen.site.histories import arrow_of, change_size, spark_heights, verdict_of
    from reportgen.site.pages.columns import title_of, unit_of

    rows = []
    for metric in history.metrics:
        known = config.metric(metric.measure.metric)
        newest = metric.changes[-1] if metric.changes else None
        look = _look(verdict_of(newest))
        size = f"{arrow_of(newest)} {change_size(newest, unit_of(known))}" if newest else "–"
        now = _amount(metric.levels[-1].value, metric, config) if metric.levels else "–"
        opened = len(metric.open)
        rows.append(
            (
                Cell(f"{printable(title_of(metric.measure.metric, known))} {ARROWS.get(known.direction or '', '')}"),
                Cell(now, "strong"),
                Cell(spark(spark_heights(metric), 40)),
                Cell(size, look),
                Cell(f"{opened} open" if opened else "", "bad"),
            )
        )
    heads = ("metric", "now", "course", "newest change", "regressions")
    ranks = (0, 1, 4, 2, 3)
    return [
        Column(head, [row[i] for row in rows], rank=ranks[i], right=head == "now", least=12 if not i else 0, what=head)
        for i, head in enumerate(heads)
    ]


def _change_columns(
    history: History, changes: Sequence[tuple[MetricHistory, Change]], config: Config, count: Counter
) -> list[Column]:
    from reportgen.cli.printing import printable
    from reportgen.cli.tables import Cell, Column
    from reportgen.site.histories import arrow_of, change_size, verdict_of
    from reportgen.site.pages.columns import title_of, unit_of
    from reportgen.site.text import format_time

    rows = []
    for metric, change in changes:
        known = config.metric(metric.measure.metric)
        look = _look(verdict_of(change))
        before, after = history.observations[change.before], history.observations[change.after]
        size = f"{arrow_of(change)} {change_size(change, unit_of(known))}"
        rows.append(
            (
                Cell(change.kind + (", open" if change.open else ""), look),
                Cell(printable(title_of(metric.measure.metric, known))),
                Cell(size, look),
                Cell(_amount(change.old, metric, config)),
                Cell(_amount(change.new, metric, config)),
                Cell(_range(change, before.commit, after.commit, count)),
                Cell(format_time(after.time).split(",")[0], "faint"),
                Cell("" if change.confirmed else "one measurement so far", "faint"),
                Cell(printable(after.subject) if _commits(change, before.commit, after.commit, count) == 1 else ""),
            )
        )
    heads = ("change", "of", "size", "before", "after", "commits", "since", "evidence", "subject")
    ranks = (0, 0, 1, 3, 3, 2, 4, 5, 6)
    numbers = ("size", "before", "after")
    return [
        Column(
            head, [row[i] for row in rows], rank=ranks[i], right=head in numbers, least=_LEAST.get(head, 0), what=head
        )
        for i, head in enumerate(heads)
        if any(row[i].text for row in rows)
    ]


_LEAST: Final = {"of": 12, "subject": 16}
"""Column -> width to which its texts may be cut."""


def _look(verdict: str) -> Look:
    return "good" if verdict == "good" else "bad" if verdict == "bad" else ""


def _amount(value: float, metric: MetricHistory, config: Config) -> str:
    from reportgen.cli.cells import plain_number
    from reportgen.cli.printing import printable
    from reportgen.site.pages.columns import unit_of
    from reportgen.site.text import column_decimals

    unit = printable(unit_of(config.metric(metric.measure.metric)))
    digits = plain_number(value, column_decimals([level.value for level in metric.levels]))
    return f"{digits} {unit}" if unit else digits


def _commits(change: Change, before: str, after: str, count: Counter) -> int | None:
    from reportgen.exporting.history import commits_in

    return commits_in(change, before, after, count)


def _range(change: Change, before: str, after: str, count: Counter) -> str:
    from reportgen.cli.printing import counted, printable
    from reportgen.site.histories import lies_in, short_commit

    if not before or not after:
        return ""
    number = _commits(change, before, after, count)
    counts = lies_in(change) if number is None else counted(number, "commit")
    ends = f"{short_commit(printable(before))}..{short_commit(printable(after))}"
    return f"{ends}, {counts}" if counts else ends

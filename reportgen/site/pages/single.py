"""The frame of a report that is one file: its title, what it holds, what was left out, and where its parts stand."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from reportgen.model import Summary
from reportgen.site import urls
from reportgen.site.pages.columns import name_of, title_of_experiment
from reportgen.site.text import format_count, format_size


@dataclass(frozen=True, slots=True)
class Part:
    """A page of the site that becomes a part of the report."""

    id: str
    """Fragment of the part."""
    page: str
    """Site path."""
    kind: str
    """`experiment`, `compare`, `run` or `problems`."""
    title: str
    run: Summary | None = None
    """The run, for the page of one."""
    compared: tuple[str, ...] = ()
    """Short keys of the runs that a comparison begins with."""

    @property
    def experiment(self) -> str:
        """Name of the run's experiment."""
        return title_of_experiment(self.run.experiment) if self.run else ""

    @property
    def experiment_page(self) -> str:
        """Site path of the page of the run's experiment, whether it is in the report or not."""
        return urls.experiment_page(self.run.experiment) if self.run else ""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What did not fit."""

    pictures: int
    texts: int
    """Runs whose texts were left out."""
    file_bytes: int
    """Size of those pictures and texts."""
    finding: int
    """Experiments of which filters know only what is in the table."""
    exact: int
    """Runs of whose long series only envelopes are in the report."""
    runs: int
    """Runs whose parts are not in the report."""
    max_mb: float
    whole_bytes: int
    """Size of the report with all of it."""


@dataclass(frozen=True, slots=True)
class ShownPart:
    """A part in its place."""

    about: Part
    attributes: Mapping[str, str]
    """What scripts are told of the page: `data-page` and the like. They may draw the page anew."""
    body: Markup


@dataclass(frozen=True, slots=True)
class Subject:
    """What a report is about."""

    name: str
    said: str
    """What the report holds, in a sentence."""
    remedy: str = ""
    """The option that takes all runs; empty when they are all there."""


@dataclass(frozen=True, slots=True)
class SinglePage:
    """What `single.html` gets."""

    subject: Subject
    left_out: str
    """What was left out to keep the file small, in a sentence; empty when it is whole."""
    remedy: str
    """The option that takes it in."""
    later: tuple[tuple[str, str], ...]
    """(attribute of `<html>`, id of the element with its text) of the scripts that run when they are needed."""
    parts: tuple[ShownPart, ...]
    """In reading order."""
    licences: str
    """Texts of the licences of the libraries in the file; empty when there is none."""

    @property
    def summaries(self) -> tuple[Part, ...]:
        """The parts about several runs."""
        return self._of("experiment", "compare")

    @property
    def runs(self) -> tuple[Part, ...]:
        """The parts about one run."""
        return self._of("run")

    @property
    def problems(self) -> tuple[Part, ...]:
        """The part about problems, if there is one."""
        return self._of("problems")

    def _of(self, *kinds: str) -> tuple[Part, ...]:
        return tuple(part.about for part in self.parts if part.about.kind in kinds)


def about_experiment(name: str, included: int, total: int, chosen_by: str) -> Subject:
    """Return the subject of a report on the experiment `name` with `included` of its `total` runs.

    `chosen_by` is the title of the metric by which they are the best, empty when they are the newest.
    """
    title = title_of_experiment(name)
    if total == 1:
        return Subject(title, "The experiment and its only run.")
    if included == total:
        order = f"best {chosen_by} first" if chosen_by else "newest first"
        return Subject(title, f"The experiment and all of its {total} runs, {order}.")
    which = f"{included} best by {chosen_by}" if chosen_by else f"{included} newest"
    return Subject(title, f"The experiment and the {which} of its {total} runs.", f"--max-runs {total}")


def about_run(run: Summary) -> Subject:
    """Return the subject of a report on one run."""
    return Subject(name_of(run), f"One run of the experiment {title_of_experiment(run.experiment)}.")


def about_comparison(runs: Sequence[Summary]) -> Subject:
    """Return the subject of a report that compares `runs`."""
    count = format_count(len(runs), "run")
    names = list(dict.fromkeys(title_of_experiment(run.experiment) for run in runs))
    where = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    experiments = "experiment" if len(names) == 1 else "experiments"
    return Subject(count, f"{count} of the {experiments} {where}, side by side and one by one.")


def say_left_out(left_out: LeftOut) -> tuple[str, str]:
    """Return what is missing in a sentence, and the option that takes it in; two empty texts when nothing is."""
    said = []
    if left_out.pictures or left_out.texts:
        kinds = [format_count(left_out.pictures, "picture")] if left_out.pictures else []
        kinds += [f"the texts of {format_count(left_out.texts, 'run')}"] if left_out.texts else []
        said.append(f"{' and '.join(kinds)} ({format_size(left_out.file_bytes)})")
    if left_out.finding:
        said.append("what filters know beside the table, such as notes and statistics of metrics")
    if left_out.exact:
        said.append(
            f"the exact points of long series of {format_count(left_out.exact, 'run')}, "
            "whose curves show lowest and highest values instead"
        )
    if left_out.runs:
        said.append(f"the pages of {format_count(left_out.runs, 'run')}, the last in the order of this report")
    if not said:
        return "", ""
    needed = math.ceil(left_out.whole_bytes / 2**20)
    return (
        f"Left out to stay below {left_out.max_mb:g} MB: {'; '.join(said)}.",
        f"--max-mb {needed}",
    )

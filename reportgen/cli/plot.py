"""`reportgen plot`: curves of metrics as a figure for a paper."""

from __future__ import annotations

import math
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from reportgen.cli.completion import complete_field, complete_metric
from reportgen.cli.printing import counted, echo, printable
from reportgen.cli.progress import ProgressLine
from reportgen.cli.reading import (
    filter_option,
    now_option,
    parse_now,
    print_json,
    read_runs,
    reading_options,
    say,
    search_runs,
    sources_argument,
)
from reportgen.cli.results import result_option

if TYPE_CHECKING:
    from reportgen.loading import Runs
    from reportgen.query.nodes import Field

# The same as in `figures` and `paper`, which bring numpy and which --help must not wait for.
FORMATS: Final = ("pdf", "png", "svg")
BANDS: Final = ("std", "sem", "minmax", "ci95")
AXES: Final = ("step", "time", "relative")
PLACES: Final = ("best", "upper left", "upper right", "lower left", "lower right", "right", "below")
FONTS: Final = ("sans", "serif")
CROWD: Final = 10
"""More lines than this cannot be told apart."""


def _parse_size(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[float, float] | None:  # noqa: ARG001
    if value is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)x(\d+(?:\.\d+)?)", value)
    size = (float(found[1]), float(found[2])) if found else (0.0, 0.0)
    if not all(0.5 <= side <= 40 for side in size):
        raise click.BadParameter(f"'{printable(value)}' is no size in inches: write it as 3.3x2.2")
    return size


def _parse_range(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[float, float] | None:  # noqa: ARG001
    if value is None:
        return None
    low, _, high = value.partition(":")
    try:
        limits = (float(low), float(high))
    except ValueError:
        limits = (0.0, 0.0)
    if not limits[0] < limits[1] or not all(map(math.isfinite, limits)):
        raise click.BadParameter(f"'{printable(value)}' is no range: write it as 0:1")
    return limits


@click.command(
    epilog="""\b
    Examples:
      reportgen plot runs/ -m val/loss -o loss.pdf
      reportgen plot -m val/loss -m val/accuracy -f "params.width = 64" -o both.svg
      reportgen plot -m val/accuracy --group params.lr --band ci95 -o lr.pdf
      reportgen plot -m train/loss --x relative --log-y --smooth 0.8 -o loss.png
      reportgen plot -m val/loss --size 6.8x2.4 --font serif --legend-place right -o wide.pdf
    """
)
@sources_argument
@click.option(
    "-m",
    "--metric",
    "metrics",
    multiple=True,
    required=True,
    metavar="METRIC",
    shell_complete=complete_metric,
    help="What is drawn; several get a panel each.",
)
@filter_option
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="File to write; its ending says what: .pdf, .png or .svg.",
)
@click.option(
    "--group",
    "groups",
    multiple=True,
    metavar="NAME",
    shell_complete=complete_field,
    help="Draw the mean of the runs that are equal in it, as in params.lr; may be repeated.",
)
@click.option("--band", type=click.Choice(BANDS), default="std", help="Band around means.  [default: std]")
@click.option(
    "--x", "axis", type=click.Choice(AXES), default="step", help="Over steps, clock, or time since the start."
)
@click.option("--log-x", is_flag=True, help="Logarithmic x.")
@click.option("--log-y", is_flag=True, help="Logarithmic y.")
@click.option("--y-range", callback=_parse_range, metavar="LOW:HIGH", help="What of y is shown.")
@click.option(
    "--smooth",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.0,
    help="Weight of a moving average, 0 to below 1.  [default: 0]",
)
@click.option(
    "--size", callback=_parse_size, metavar="WxH", help="Inches.  [default: 3.3x2.2, 6.8x2.4 for several metrics]"
)
@click.option("--font", type=click.Choice(FONTS), default="sans", help="serif looks like Times.")
@click.option("--font-size", type=click.FloatRange(3, 40), default=8.0, help="Points.  [default: 8]")
@click.option("--legend/--no-legend", default=None, help="[default: where there are 2 to 10 lines]")
@click.option(
    "--legend-place",
    type=click.Choice(PLACES),
    help="right and below are outside.  [default: best; below for several metrics]",
)
@click.option("--title", default="", help="Title above all.")
@click.option("--x-label", default="", help="Name of x.")
@click.option("--y-label", default="", help="Name of y, for a single metric.  [default: the configuration's]")
@now_option
@result_option
@reading_options
def plot(
    sources: tuple[str, ...],
    metrics: tuple[str, ...],
    filter_text: str,
    output: Path,
    groups: tuple[str, ...],
    band: str,
    axis: str,
    log_x: bool,
    log_y: bool,
    y_range: tuple[float, float] | None,
    smooth: float,
    size: tuple[float, float] | None,
    font: str,
    font_size: float,
    legend: bool | None,
    legend_place: str | None,
    title: str,
    x_label: str,
    y_label: str,
    now: str | None,
    form: str,
    config_file: Path | None,
    jobs: int | None,
    quiet: bool,
) -> None:
    """Draw metrics of the runs of each SOURCE as a figure for a paper.

    The file is as large as it is printed, has its fonts inside, and is the same whenever the runs are. Lines differ
    in colour, dashes and marks. The output says what a caption must say of means and bands.
    """
    kind = output.suffix.lower().removeprefix(".")
    if kind not in FORMATS:
        raise click.UsageError(f"'{printable(output.name)}' is no figure: end it in .pdf, .png or .svg")
    if y_label and len(metrics) > 1:
        raise click.UsageError("--y-label goes with a single --metric")
    moment = parse_now(now)
    everything, config = read_runs(sources, config_file, jobs, quiet=quiet)
    runs = search_runs(everything, filter_text, now=moment, quiet=quiet)
    from reportgen.exporting import files, paper
    from reportgen.figures import PaperFigure, render_figure

    request = paper.Request(
        metrics=tuple(dict.fromkeys(metrics)),
        x=axis,  # type: ignore[arg-type] # one of the choices
        groups=tuple(_parse_group(text, everything) for text in groups),
        spread=band,  # type: ignore[arg-type]
        smooth=smooth,
        log_x=log_x,
        x_label=x_label,
        y_label=y_label,
    )
    with ProgressLine(sys.stderr) as line:
        drawn = paper.make_panels(runs, everything, request, config, (lambda *_: None) if quiet else line)
    width, height = size or ((3.3, 2.2) if len(drawn.panels) == 1 else (6.8, 2.4 * -(-len(drawn.panels) // 3)))
    shown = 1 < drawn.lines <= CROWD if legend is None else legend
    place = legend_place or ("best" if len(drawn.panels) == 1 else "below")
    figure = PaperFigure(
        panels=drawn.panels,
        x_label=drawn.x_label,
        title=title,
        width_in=width,
        height_in=height,
        font_size=font_size,
        font=font,  # type: ignore[arg-type]
        legend=place if shown else None,  # type: ignore[arg-type]
        dates=axis == "time",
        log_x=log_x,
        log_y=log_y,
        y_range=y_range,
    )
    files.write_bytes(output, render_figure(figure, kind))  # type: ignore[arg-type]
    if form == "json":
        print_json(
            {
                "file": str(output),
                "width_in": width,
                "height_in": height,
                "runs": drawn.runs,
                "lines": drawn.lines,
                "runs_without": {metric: count for metric, count in drawn.missing.items() if count},
                "caption": list(paper.said_of_figure(drawn, request)),
            }
        )
        return
    if quiet:
        return
    for metric, missing in drawn.missing.items():
        if missing:
            say(f"{counted(missing, 'run')} of {len(runs):,} without {metric}")
    if drawn.lines > CROWD:
        say(f"{drawn.lines} lines cannot be told apart: choose some with --filter, or average them with --group")
    what = counted(drawn.lines, "line") if groups else counted(drawn.runs, "run")
    echo(f"{printable(str(output))}: {width:g} × {height:g} in, {what}")
    for text in paper.said_of_figure(drawn, request):
        echo(printable(text))


def _parse_group(text: str, runs: Runs) -> tuple[str, Field]:
    from reportgen.query import Frame, parse_columns

    fields = parse_columns(text, Frame(runs.summaries).known)
    if len(fields) != 1 or fields[0][1].kind not in ("mixed", "text", "truth"):
        raise click.BadParameter(
            f"'{printable(text)}' makes no groups: name a param or a tag, as in params.lr",
            param_hint="--group",
        )
    return fields[0]

"""Figures for papers: the size asked for, fonts inside, the same bytes everywhere, lines that can be told apart."""

from __future__ import annotations

import hashlib
import math
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest

from reportgen.figures import FONTS, LONG, PLACES, Panel, PaperFigure, render_figure
from reportgen.plots import Line

ROOT = Path(__file__).parent.parent


def line(label: str, slot: int = 1, points: int = 40, **more: object) -> Line:
    steps = np.arange(points, dtype=np.float64)
    return Line(label, steps, np.exp(-steps / 10) + 0.1 * slot, slot=slot, **more)  # type: ignore[arg-type]


def paper(*lines: Line, **more: object) -> PaperFigure:
    return PaperFigure((Panel("val/loss (nats)", lines or (line("a"), line("b", 2))),), "step", **more)  # type: ignore[arg-type]


def size_of(png: bytes) -> tuple[int, int]:
    return struct.unpack(">II", png[16:24])  # type: ignore[return-value]


def test_a_figure_is_as_large_as_it_is_printed() -> None:
    assert size_of(render_figure(paper(), "png")) == (990, 660)
    assert size_of(render_figure(paper(width_in=6.8, height_in=2.4), "png")) == (2040, 720)
    svg = render_figure(paper(), "svg").decode()
    assert 'width="237.6pt" height="158.4pt"' in svg


def test_a_pdf_has_its_fonts_inside_as_truetype() -> None:
    pdf = render_figure(paper(), "pdf")
    assert b"/FontFile2" in pdf
    assert b"/Type3" not in pdf
    assert set(re.findall(rb"/([A-Z]{6})\+", pdf)) == {b"AAAAAA"}


def test_an_svg_needs_no_font() -> None:
    assert "<text" not in render_figure(paper(), "svg").decode()


def test_other_processes_settings_and_hash_seeds_give_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "matplotlibrc").write_text("axes.facecolor: red\nfont.size: 20\nlines.linewidth: 7\ntimezone: CET\n")
    code = (
        "import hashlib\n"
        "from tests.test_figures import paper, render_figure\n"
        "for fmt in ('svg', 'png', 'pdf'):\n"
        "    print(hashlib.sha256(render_figure(paper(), fmt)).hexdigest())"
    )
    own = [hashlib.sha256(render_figure(paper(), fmt)).hexdigest() for fmt in ("svg", "png", "pdf")]  # type: ignore[arg-type]
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "MPLCONFIGDIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.stdout.split() == own, done.stderr


@pytest.mark.parametrize("call", ["figures.render_figure(test_figures.paper(), 'svg')", "plots.render_plot(empty)"])
def test_a_list_of_fonts_that_takes_long_to_make_is_not_told(tmp_path: Path, call: str) -> None:
    code = (
        "import logging, threading\n"
        "timer = threading.Timer\n"
        "threading.Timer = lambda _, act: timer(0, act)\n"
        "from reportgen import figures, plots\n"
        "from tests import test_figures\n"
        "empty = plots.Plot(title='t', unit='', direction=None, lines=())\n"
        f"{call}\n"
        "print(logging.getLogger('matplotlib.font_manager').level)"
    )
    environment = {**os.environ, "MPLCONFIGDIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")


def test_the_settings_of_the_process_stay_as_they_are() -> None:
    before = dict(mpl.rcParams)
    render_figure(paper(), "png")
    assert dict(mpl.rcParams) == before


def test_lines_differ_in_colour_and_dashes() -> None:
    svg = render_figure(paper(*(line(f"run {slot}", slot) for slot in range(1, 11))), "svg").decode()
    styles = re.findall(r'style="fill: none; ([^"]*stroke-width: 1.2[^"]*)"', svg)
    assert len(set(re.findall(r"stroke: (#\w+)", " ".join(styles)))) == 10
    assert len({re.sub(r".*stroke-dasharray: ([^;]+).*|.*", r"\1", style) for style in styles}) == 10


def test_mathematics_is_for_powers_and_never_for_names() -> None:
    plain = render_figure(paper(line("a $x_2$ \\frac"), title="$\\broken{"), "svg")
    assert plain != render_figure(paper(line("a x2 frac"), title="broken"), "svg")  # drawn as it is, and no error
    assert render_figure(paper(log_y=True), "png")


@pytest.mark.parametrize("place", [*PLACES, None])
def test_legends_have_a_place(place: str | None) -> None:
    assert render_figure(paper(legend=place), "png")


@pytest.mark.parametrize("font", FONTS)
@pytest.mark.parametrize("log", [False, True])
def test_hostile_values_and_names_are_drawn(font: str, log: bool) -> None:
    values = np.array([math.nan, math.inf, -math.inf, 1e300, -1.0, 0.0, 1e-300, 5.0])
    hostile = Line("\x1b[31m 损失 \u202e" + "x" * 50, np.arange(8.0), values, low=values - 1, high=values + 1)
    figure = paper(hostile, line("empty", points=0), font=font, log_x=log, log_y=log)
    for fmt in ("svg", "pdf", "png"):
        assert render_figure(figure, fmt)  # type: ignore[arg-type]


def test_times_are_written_in_utc() -> None:
    times = Line("a", np.array([1.795e9, 1.795e9 + 7200]), np.array([1.0, 2.0]))
    assert render_figure(paper(times, dates=True), "png")


def test_a_long_series_stays_small_and_keeps_its_spike() -> None:
    steps = np.arange(1_000_000.0)
    values = np.zeros(len(steps))
    values[777_777] = 1.0
    pdf = render_figure(paper(Line("a", steps, values)), "svg")
    assert len(pdf) < 400_000
    flat = render_figure(paper(Line("a", steps, np.zeros(len(steps)))), "svg")
    assert len(pdf) != len(flat)
    assert len(steps) > LONG


def test_several_metrics_have_a_panel_each() -> None:
    panels = tuple(Panel(name, (line("a"), line("b", 2))) for name in ("x", "y", "z"))
    figure = PaperFigure(panels, "step", width_in=6.8, height_in=2.4, legend="below")
    assert figure.columns == 3
    assert render_figure(figure, "svg").decode().count('id="axes_') == 3


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown format 'eps'"):
        render_figure(paper(), "eps")  # type: ignore[arg-type]

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest

from reportgen.plots import Line, Plot, plot_digest, render_plot

STEPS = np.arange(200)
RISING = 80 - 75 * np.exp(-STEPS / 40)
SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "$\\frac{</text><script>alert(1)</script>&\x00\u202e\ud800日本"


def plot(*lines, **options):
    return Plot(**{"title": "val/acc", "unit": "%", "direction": "max", "lines": lines, **options})


def parse(data):
    return ET.fromstring(data)


def texts(data):
    return ["".join(e.itertext()) for e in parse(data).iter(f"{SVG}text")]


def strokes(data, colour):
    """Return the points of each line drawn in `colour`, in pt."""
    found = []
    for path in parse(data).iter(f"{SVG}path"):
        if f"stroke: {colour}" in path.get("style", "") and "1.3125" in path.get("style", ""):
            found += [np.array(re.findall(r"-?[\d.]+", piece), float).reshape(-1, 2)
                      for piece in re.findall(r"M[^M]*", path.get("d"))]  # fmt: skip
    return found


def test_a_plot_names_metric_unit_direction_and_lines():
    data = render_plot(plot(Line("a", STEPS, RISING, 1), Line("b", STEPS, RISING - 20, 2), x_label="epoch"))
    assert {"val/acc", "%, higher is better", "a", "b", "epoch", "0", "100"} <= set(texts(data))
    assert "lower is better" in texts(render_plot(plot(unit="", direction="min")))


def test_an_svg_is_responsive_transparent_and_has_words():
    data = render_plot(plot(Line("a", STEPS, RISING, 1)))
    tree = parse(data)
    assert (tree.get("width"), tree.get("height"), tree.get("viewBox")) == ("432", "264", "0 0 324 198")
    assert tree.findtext(f"{SVG}title") == "val/acc, %, higher is better"
    assert tree.findtext(f"{SVG}desc") == "a: 79.48"
    assert b"fill: #ffffff" not in data
    assert b"<image" not in data


def test_every_colour_of_an_svg_has_its_dark_partner():
    lines = tuple(Line(f"run {i}", STEPS, RISING - 3 * i, i) for i in range(1, 11))
    values = RISING.copy()
    values[30:] = np.nan
    data = render_plot(plot(*lines[:9], Line("broken", STEPS, values, 10))).decode()
    style = data[data.index("<style>") : data.index("</style>")]
    used = set(re.findall(r"(?:stroke|fill): (#[0-9a-f]{6})", data.replace(style, "")))
    dark = dict(re.findall(r'\[style\*="stroke: (#[0-9a-f]{6})"\]\{stroke:(#[0-9a-f]{6})', style))
    same_in_both = {"#3f90da", "#a96b59", "#e76300", "#b9ac70", "#92dadd"}
    assert used - same_in_both <= set(dark)
    assert {"#17191d", "#696f79", "#eceef0", "#c0311c"} <= used
    assert dark["#17191d"] == "#e9ebee"


def test_a_spike_survives():
    values = np.zeros(50_000)
    values[31_234] = 9.0
    data = render_plot(plot(Line("a", np.arange(50_000), values, 5)))
    (area,) = [p for p in parse(data).iter(f"{SVG}path") if "fill: #832db6" in p.get("style", "")]
    heights = np.array(re.findall(r"-?[\d.]+", area.get("d")), float)[1::2]
    assert heights.min() < 45
    assert len(data) < 60_000


def test_gaps_and_nan_break_the_line():
    kept = (STEPS <= 70) | (STEPS >= 102)
    data = render_plot(plot(Line("a", STEPS[kept], RISING[kept], 1), x_label="epoch"))
    assert len(strokes(data, "#3f90da")) == 2
    assert "no values, epoch 70 to 102" in texts(data)


def test_nan_from_a_step_is_a_red_cross_with_words():
    values = RISING.copy()
    values[44:] = np.nan
    data = render_plot(plot(Line("a", STEPS, values, 1), x_label="epoch"))
    assert "NaN from epoch 44" in texts(data)
    assert len(strokes(data, "#c0311c")) == 2


def test_one_value_no_value_and_only_nan():
    assert "78.43" in texts(render_plot(plot(Line("a", np.array([100]), np.array([78.43]), 1))))
    assert "only NaN" in texts(render_plot(plot(Line("a", STEPS, np.full(200, np.nan), 1))))
    assert "no values" in texts(render_plot(plot()))


def test_what_a_logarithmic_axis_cannot_show_is_said():
    lines = (Line("a", STEPS, RISING - 40, 1), Line("b", STEPS, -RISING, 2))
    data = render_plot(plot(*lines, log_y=True, log_x=True))
    assert any("values of 0 and below are not shown" in t for t in texts(data))
    assert any("b: no value above 0" in t for t in texts(data))


def test_a_logarithmic_axis_keeps_the_first_of_many_steps():
    steps = np.arange(100_000)
    data = render_plot(plot(Line("a", steps, np.log1p(steps), 1), log_x=True))
    (line,) = strokes(data, "#3f90da")
    assert line[0, 0] < 40


def test_more_than_ten_lines_get_a_legend_below():
    lines = tuple(Line(f"run {i}", STEPS, RISING + i, i + 1) for i in range(12))
    data = render_plot(plot(*lines))
    assert {"run 0", "run 11"} <= set(texts(data))
    assert float(parse(data).get("height")) == 264 + 6 * 17


def test_lines_that_end_on_one_spot_are_named_below():
    lines = tuple(Line(f"run {i}", STEPS, RISING + i / 100, i + 1) for i in range(5))
    assert {"all 5", "run 0", "run 4"} <= set(texts(render_plot(plot(*lines))))


@pytest.mark.parametrize("fmt", ["svg", "png", "pdf"])
def test_hostile_names_stay_text_in_every_format(fmt):
    lines = (Line(HOSTILE, STEPS, RISING, 1), Line(HOSTILE * 40, STEPS, RISING - 9, 2))
    data = render_plot(plot(*lines, title=HOSTILE, unit=HOSTILE, x_label=HOSTILE), fmt)
    assert data[:4] in (b"<?xm", b"\x89PNG", b"%PDF")
    if fmt == "svg":
        assert b"<script" not in data
        assert len(parse(data).findall(f".//{SVG}script")) == 0
        assert any("$\\frac{</text>" in t for t in texts(data))


def test_extreme_values_do_not_stop_a_plot():
    for values in ([1e308, -1e308], [5e-324, 0.0], [np.inf, 1.0], [1.0, 1.0]):
        for options in ({}, {"log_y": True, "log_x": True}):
            data = render_plot(plot(Line("a", np.array([-(2**63), 2**63 - 1]), np.array(values), 1), **options))
            assert b"nan" not in data.lower().replace(b"only nan", b"")


def test_an_unknown_format_is_refused():
    with pytest.raises(ValueError, match="unknown plot format 'gif': choose svg, png or pdf"):
        render_plot(plot(), "gif")


def test_the_digest_tells_every_input_apart():
    line = Line("a", STEPS, RISING, 1)
    base = plot(line)
    others = [
        replace(base, title="x"),
        replace(base, unit="x"),
        replace(base, direction="min"),
        replace(base, x_label="x"),
        replace(base, width_in=5),
        replace(base, height_in=3),
        replace(base, log_y=True),
        replace(base, log_x=True),
        plot(),
        plot(line, line),
        plot(replace(line, label="b")),
        plot(replace(line, slot=2)),
        plot(replace(line, dashed=True)),
        plot(replace(line, values=RISING + 1e-12)),
        plot(replace(line, steps=STEPS + 1)),
        plot(replace(line, steps=STEPS.astype(float))),
        plot(replace(line, low=RISING)),
        plot(replace(line, high=RISING)),
    ]
    digests = [plot_digest(p) for p in (base, *others)]
    assert len(set(digests)) == len(digests)
    assert plot_digest(plot(Line("a", STEPS.copy(), RISING.copy(), 1))) == digests[0]

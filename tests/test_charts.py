import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup

from reportgen.analysis import axes
from reportgen.analysis.frames import Frame
from reportgen.site import charts
from reportgen.site.charts import ChartLine, render_chart
from reportgen.site.sparks import make_progress, render_activity, render_progress, render_spark, render_strip

STEPS = np.arange(200)
RISING = 80 - 75 * np.exp(-STEPS / 40)
HOSTILE = '"><script>alert(1)</script>&\x00\u202e'


def parse(markup):
    """Return the picture as a tree; a picture that is no well-formed XML fails here."""
    assert isinstance(markup, Markup)
    return ET.fromstring(str(markup))


def texts(markup):
    return ["".join(e.itertext()) for e in parse(markup).iter("text")]


def points(markup, classes="line"):
    """Return the points of all lines, in tenths of a px."""
    result = []
    for path in parse(markup).iter("path"):
        if path.get("class") != classes:
            continue
        for piece in re.findall(r"M[^M]*", path.get("d")):
            numbers = [int(n) for n in re.findall(r"-?\d+", piece.replace("h0", ""))]
            result.append(np.cumsum(np.array(numbers).reshape(-1, 2), axis=0))
    return result


def test_two_lines_have_a_grid_ticks_and_their_names():
    svg = render_chart(
        [ChartLine("val", STEPS, RISING), ChartLine("train", STEPS, RISING - 9, dashed=True)], x_label="epoch"
    )
    assert {"val", "train", "epoch", "0", "20", "80", "100"} <= set(texts(svg))
    assert [len(p) for p in points(svg)] == [200]
    assert [len(p) for p in points(svg, "line dash")] == [200]


def test_a_single_line_needs_no_label():
    assert "val" not in texts(render_chart([ChartLine("val", STEPS, RISING)]))


def test_it_carries_no_style_no_script_and_no_id():
    svg = str(render_chart([ChartLine(HOSTILE, STEPS, RISING), ChartLine("b", STEPS, RISING)], description=HOSTILE))
    assert not re.search(r"\s(style|id|on\w+)=", svg)
    assert "<style" not in svg


def test_the_name_comes_from_the_title_or_from_the_description():
    line = ChartLine("a", STEPS, RISING)
    titled = parse(render_chart([line], title_id="chart-1", description="rises"))
    assert titled.get("aria-labelledby") == "chart-1"
    assert titled.findtext("desc") == "rises"
    assert parse(render_chart([line], description="rises")).get("aria-label") == "rises"


def test_a_spike_survives_in_a_long_series():
    values = np.zeros(100_000)
    values[77_777] = 9.0
    svg = render_chart([ChartLine("x", np.arange(100_000), values)])
    (band,) = points(svg, "spread")
    (line,) = points(svg)
    assert len(line) <= 300
    assert band[:, 1].min() < 250
    assert len(str(svg)) < 20_000


def test_a_gap_in_the_steps_breaks_the_line_and_is_named():
    kept = (STEPS <= 70) | (STEPS >= 102)
    svg = render_chart([ChartLine("a", STEPS[kept], RISING[kept])], x_label="epoch")
    assert [len(p) for p in points(svg)] == [71, 98]
    assert "no values, epoch 70 to 102" in texts(svg)


def test_nan_inside_breaks_the_line_and_a_lone_value_is_a_dot():
    values = RISING.copy()
    values[[10, 12]] = np.nan
    svg = render_chart([ChartLine("a", STEPS, values)])
    assert [len(p) for p in points(svg)] == [10, 1, 187]
    assert 'class="cross"' not in svg


@pytest.mark.parametrize(("value", "word"), [(np.nan, "NaN"), (np.inf, "Infinity"), (-np.inf, "−Infinity")])
def test_a_series_that_ends_in_no_number_ends_in_a_cross_with_the_step(value, word):
    values = RISING.copy()
    values[44:] = value
    svg = render_chart([ChartLine("a", STEPS, values)], x_label="epoch")
    assert f"{word} from epoch 44" in texts(svg)
    assert str(svg).count('class="cross"') == 1


def test_one_value_is_a_dot_with_its_number():
    svg = render_chart([ChartLine("a", np.array([100]), np.array([78.43]))])
    assert "78.43" in texts(svg)
    assert len(list(parse(svg).iter("circle"))) == 1


def test_only_nan_nothing_and_only_infinity_are_said():
    assert "only NaN" in texts(render_chart([ChartLine("a", STEPS, np.full(200, np.nan))]))
    assert "no values" in texts(render_chart([]))
    assert "no values" in texts(render_chart([ChartLine("a", np.empty(0, np.int64), np.empty(0))]))
    assert "no finite value" in texts(render_chart([ChartLine("a", STEPS, np.full(200, np.inf))]))
    both = render_chart([ChartLine("a", STEPS, RISING), ChartLine("b", STEPS, np.full(200, np.nan))])
    assert "b: only NaN" in texts(both)


def test_an_unfinished_run_ends_in_a_dot_with_the_step_and_a_finished_one_does_not():
    line = ChartLine("a", STEPS[:144], RISING[:144])
    assert "unfinished, step 143" in texts(render_chart([line], status="unfinished"))
    assert not any("unfinished" in t for t in texts(render_chart([line], status="finished")))


def test_the_first_steps_of_a_loss_are_cut_and_the_end_never():
    values = 1 + 400 * np.exp(-STEPS / 2) + 0.05 * np.cos(STEPS)
    svg = render_chart([ChartLine("loss", STEPS, values)])
    assert any("first steps up to 401 are cut" in t for t in texts(svg))
    (line,) = points(svg)
    assert line[0, 1] < 0
    assert (line[20:, 1] >= 0).all()
    grows = render_chart([ChartLine("loss", STEPS, values[::-1].copy())])
    assert not any("cut" in t for t in texts(grows))
    assert points(grows)[0][-1, 1] >= 0


def test_an_axis_that_does_not_start_at_zero_says_so():
    svg = render_chart([ChartLine("a", STEPS, 4790 + np.sin(STEPS) * 20)])
    assert any("axis starts at 4\u202f" in t for t in texts(svg))


def test_constant_zero_negative_and_tiny_series_lie_inside_the_frame():
    for values in (np.zeros(200), np.full(200, 0.5), -(STEPS**2.0), 1e-300 * (1 + STEPS), 1e300 * (1 + STEPS)):
        (line,) = points(render_chart([ChartLine("a", STEPS, values)]))
        assert line[:, 1].min() >= -20
        assert line[:, 1].max() <= 2140


def test_huge_and_negative_steps_lie_inside_the_frame():
    for steps in (STEPS * 2**55, STEPS - 100, np.array([-(2**63), 2**63 - 1])):
        (line,) = points(render_chart([ChartLine("a", steps, RISING[: len(steps)])]))
        assert line[:, 0].min() >= 0
        assert line[:, 0].max() <= 5560


def test_a_band_of_ranks_is_drawn_behind_the_line():
    svg = render_chart([ChartLine("a", STEPS, RISING, low=RISING - 1, high=RISING + 2)])
    (band,) = points(svg, "band")
    assert len(band) == 400
    assert str(svg).index('class="band"') < str(svg).index('class="line"')


def test_bands_of_a_histogram_lie_in_each_other_behind_the_line():
    inner = ((RISING - 1, RISING + 1),)
    svg = render_chart([ChartLine("a", STEPS, RISING, low=RISING - 3, high=RISING + 3, inside=inner)])
    wide, narrow = points(svg, "band")
    assert wide[:, 1].min() < narrow[:, 1].min() < narrow[:, 1].max() < wide[:, 1].max()
    assert str(svg).rindex('class="band"') < str(svg).index('class="line"')


def test_bands_of_a_long_histogram_keep_their_spikes():
    steps = np.arange(50_000)
    zero = np.zeros(50_000)
    top, low = zero + 2.0, zero - 1.0
    top[20_000], low[30_000] = 2.9, -1.9
    line = ChartLine("a", steps, zero, low=zero - 3, high=zero + 3, inside=((low, top),))
    _, narrow = points(render_chart([line]), "band")
    assert len(narrow) < 1500
    levels = sorted(narrow[:, 1].tolist())
    assert levels[0] < levels[1] < levels[-2] < levels[-1]


def test_four_lines_on_one_spot_share_a_label_that_names_them():
    lines = [ChartLine(f"run {i}", STEPS, RISING + i * 0.01, slot=i) for i in range(1, 5)]
    svg = render_chart([*lines, ChartLine("low", STEPS, RISING - 30)])
    (shared,) = [e for e in parse(svg).iter("text") if e.get("class") == "some"]
    assert shared.text == "4 others"
    assert sorted(shared.findtext("title").split(", ")) == ["run 1", "run 2", "run 3", "run 4"]


def test_labels_that_meet_are_spread_apart():
    svg = render_chart([ChartLine(f"r{i}", STEPS, RISING + i * 0.5, slot=i) for i in range(1, 4)])
    heights = sorted(float(e.get("y")) for e in parse(svg).iter("text") if (e.get("class") or "").startswith("end"))
    assert all(b - a >= 13.4 for a, b in pairwise(heights))
    assert 'class="lead"' in svg


def test_many_lines_get_a_legend_that_counts_what_it_leaves_out():
    svg = render_chart([ChartLine(f"run {i}", STEPS, RISING + i, slot=i + 1) for i in range(40)])
    assert {"run 0", "run 29", "and 10 more"} <= set(texts(svg))
    assert "run 30" not in texts(svg)
    assert int(parse(svg).get("height")) > 244


def test_the_raw_line_stays_behind_the_smoothed_one():
    values = RISING + np.cos(STEPS)
    svg = render_chart([ChartLine("a", STEPS, values)], smoothing=0.8)
    (raw,), (line,) = points(svg, "raw"), points(svg)
    assert np.abs(np.diff(line[50:, 1])).sum() < 0.5 * np.abs(np.diff(raw[50:, 1])).sum()


def test_hostile_names_stay_text():
    lines = [ChartLine(HOSTILE, STEPS, RISING), ChartLine("日本語" * 50, STEPS, RISING - 20)]
    svg = render_chart(lines, description=HOSTILE, x_label=HOSTILE, title_id='x"><b')
    tags = []
    reader = HTMLParser()
    reader.handle_starttag = lambda tag, attrs: tags.append(tag)
    reader.feed(str(svg))
    assert set(tags) <= {"svg", "g", "path", "line", "text", "circle", "desc", "title"}
    assert any('"><script>' in t for t in texts(svg))


@settings(max_examples=150)
@given(
    st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), st.floats()), max_size=40),
    st.sampled_from(["", "unfinished"]),
    st.sampled_from([0.0, 0.7]),
)
def test_any_series_gives_a_well_formed_chart(rows, status, smoothing):
    rows.sort(key=lambda r: r[0])
    line = ChartLine("a", np.array([r[0] for r in rows], dtype=np.int64), np.array([r[1] for r in rows], dtype=float))
    tree = parse(render_chart([line, ChartLine("b", STEPS, RISING)], status=status, smoothing=smoothing))
    assert not re.search(r"\b(nan|inf)\b", ET.tostring(tree, encoding="unicode"))


SAME = """
import hashlib, numpy as np
from reportgen.site.charts import ChartLine, render_chart
from reportgen.plots import Line, Plot, render_plot, plot_digest
n = np.arange(3000)
lines = tuple(ChartLine(f"run {i}", n, np.sin(n / 99) + i / 40, slot=i) for i in range(6))
plot = Plot("val/acc", "%", "max", lines, log_x=True)
made = [render_chart(lines).encode(), plot_digest(plot).encode()]
made += [render_plot(plot, f) for f in ("svg", "png", "pdf")]
print([hashlib.sha256(b).hexdigest() for b in made])
"""


def test_charts_and_plots_are_the_same_in_every_process(tmp_path):
    (tmp_path / "matplotlibrc").write_text("lines.linewidth: 9\nfont.size: 30\nsvg.fonttype: path\npdf.fonttype: 42\n")
    seen = set()
    for environment in (
        {"PYTHONHASHSEED": "1", "TZ": "Asia/Tokyo"},
        {"PYTHONHASHSEED": "2", "TZ": "UTC", "MATPLOTLIBRC": str(tmp_path), "SOURCE_DATE_EPOCH": "1"},
    ):
        made = subprocess.run(
            [sys.executable, "-c", SAME],
            env={"PYTHONPATH": ":".join(sys.path), "HOME": str(tmp_path), **environment},
            capture_output=True,
            text=True,
            check=True,
        )
        seen.add(made.stdout)
    assert len(seen) == 1


def test_a_spark_keeps_gaps_and_its_range():
    tree = parse(render_spark((0, 32, -1, 63), slot=3))
    assert tree.get("class") == "spark s3"
    assert tree.find("path").get("d") == "M3.0 17.0L29.0 9.9M81.0 3.0h0"
    assert parse(render_spark(())).find("path").get("d") == ""
    assert parse(render_spark((-1, -1))).find("circle") is None


def test_a_strip_puts_better_to_the_right_and_names_what_is_outside():
    higher = parse(render_strip([1.0, 2.0], domain=(0, 4), mean=1.5, interval=(1.0, 2.0), slot=2))
    assert [c.get("cx") for c in higher.iter("circle")] == ["37.5", "69.0"]
    lower = parse(render_strip([1.0, 2.0], domain=(0, 4), slot=2, lower_is_better=True))
    assert [c.get("cx") for c in lower.iter("circle")] == ["100.5", "69.0"]
    outside = render_strip([66.9, 5.0, float("nan")], domain=(70, 80), slot=2)
    assert texts(outside) == ["‹ 66.9"]


def test_best_so_far_steps_down_for_a_metric_that_falls():
    tree = parse(render_progress(make_progress([3.0, None, float("nan"), 4.0, 1.0], "min")))
    heights = [float(y) for y in re.findall(r"V([\d.]+)", tree.find("path").get("d"))]
    assert len(heights) == 1
    assert len([c for c in tree.iter("circle") if c.get("class") == "seen"]) == 3
    assert parse(render_progress(make_progress([1.0, 2.0], None))).find("path") is None
    assert len(parse(render_progress(make_progress([None], "max")))) == 0


def test_best_so_far_of_ten_thousand_runs_stays_small():
    values = [float((i * 7919) % 10_007) for i in range(10_000)]
    assert len(str(render_progress(make_progress(values, "max")))) < 40_000


def test_activity_shows_failures_and_says_its_numbers():
    svg = render_activity([("2026-08-25", 2, 0), ("2026-08-26", 0, 0), ("<b>", 4, 1)])
    tree = parse(svg)
    assert tree.get("aria-label") == "6 runs in 3 days, 1 failed; most in a day: 4"
    assert [e.text for e in tree.iter("title")] == ["2026-08-25: 2 runs", "<b>: 4 runs, 1 failed"]
    assert texts(svg) == ["25 Aug", "<b>"]
    assert len(parse(render_activity([]))) == 2


@pytest.mark.parametrize("seed", range(5))
def test_a_line_without_gap_is_drawn_as_its_points_lie(seed: int) -> None:
    rng = np.random.default_rng(seed)
    steps, values = np.cumsum(rng.integers(1, 3, 150)), rng.normal(size=150)
    drawn = []
    for array in (steps, steps.astype(np.float64)):
        frame = Frame(500, 200, axes.step_axis(float(steps[0]), float(steps[-1])), axes.value_axis(-3, 3))
        stroke = charts._stroke(ChartLine("a", array, values), np.isfinite(values), frame, "line")
        (path,) = re.findall(r'd="([^"]*)"', stroke)
        moves = np.array(re.findall(r"-?\d+", path), dtype=np.int64).reshape(-1, 2)
        drawn.append(np.cumsum(moves, axis=0))
    expected = np.rint(np.stack((frame.xs(steps) * 10, frame.ys(values) * 10), axis=1))
    assert np.array_equal(drawn[0], expected)
    assert np.array_equal(drawn[1], expected)

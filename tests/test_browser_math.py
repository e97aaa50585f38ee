"""The numbers behind the charts in a real browser, against numpy and the functions that the build draws with."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reportgen.analysis import axes, downsample
from reportgen.analysis.bands import mean_and_range
from reportgen.analysis.groups import t_quantile_975
from reportgen.model import Series
from reportgen.site.theme import themes_folder
from tests.browser import OpenPage, Watched, disk_address

pytestmark = pytest.mark.browser

PAGE = """<!DOCTYPE html>
<html lang="en" data-root=""><head><meta charset="utf-8"><title>Math</title><script src="reportgen.js" defer></script>
<script src="math.js" defer></script>
<script src="dimensions.js" defer></script></head><body><h1>Math</h1></body></html>"""
NAN, INF = math.nan, math.inf
SERIES = {
    "none": [],
    "single": [3.5],
    "constant": [0.1] * 5,
    "noisy": [math.sin(i) * 3 + i / 7 for i in range(50)],
    "only NaN": [NAN, NAN],
    "gaps": [NAN, 1.0, 2.0, NAN, INF, 3.0, -INF, 2.0],
    "huge": [1e308, -1e308, 1e308],
    "tiny": [5e-324, 1e-310, 0.0],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a page that loads the core, math.js and dimensions.js, which has the ranks."""
    folder = tmp_path_factory.mktemp("math")
    for name in ("reportgen.js", "math.js", "dimensions.js"):
        (folder / name).write_bytes((themes_folder() / "default" / "static" / name).read_bytes())
    (folder / "page.html").write_text(PAGE)
    return folder


@pytest.fixture
def page(folder: Path, open_page: OpenPage) -> Iterator[Watched]:
    """Return the open page."""
    address = disk_address(folder)
    with open_page(address) as watched:
        watched.open(address + "page.html")
        yield watched
        assert watched.messages == []


def js(value: Any) -> str:
    """Return `value` as JavaScript; arrays and lists as Float64Array."""
    if isinstance(value, str):
        return repr(value)
    if isinstance(value, (list, tuple, np.ndarray)):
        return f"new Float64Array([{','.join(js(v) for v in value)}])"
    if math.isfinite(value):
        return repr(float(value))
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def floats(page: Watched, expression: str) -> NDArray[np.float64]:
    """Return an array that the page works out; NaN and infinities come as words."""
    return np.array([float(v) for v in page.evaluate(f"Array.from({expression}, String)")], dtype=np.float64)


@pytest.mark.parametrize("weight", [0, 0.3, 0.6, 0.99, 0.999])
def test_smoothing_is_that_of_the_build(page: Watched, weight: float) -> None:
    for name, values in SERIES.items():
        wanted = downsample.debiased_ema(np.array(values, dtype=np.float64), weight)
        made = floats(page, f"reportgen.math.smooth({js(values)}, {weight})")
        np.testing.assert_array_equal(made, wanted, err_msg=name)


def test_weights_out_of_range_smooth_as_much_as_is_possible(page: Watched) -> None:
    made = floats(page, "reportgen.math.smooth(new Float64Array([0, 2, 4]), 1)")
    np.testing.assert_allclose(made, [0, 1, 2], rtol=1e-3)
    assert floats(page, "reportgen.math.smooth(new Float64Array([0, 2, 4]), -1)").tolist() == [0, 2, 4]


def test_gaps_are_where_the_build_finds_them(page: Watched) -> None:
    rng = np.random.default_rng(2)
    several = [np.r_[0:70, 100:200], np.arange(9), np.array([1, 2, 5, 10, 20, 50, 100, 200]), np.arange(3), np.zeros(0)]
    several += [np.sort(rng.choice(4000, 60, replace=False)) for _ in range(40)]
    several += [np.sort(np.r_[rng.uniform(0, 1, 30), rng.uniform(3, 4, 30), rng.uniform(9, 10, 30)]) for _ in range(20)]
    for x in several:
        assert page.evaluate(f"reportgen.math.gaps({js(x)})") == downsample.gaps(x).tolist()


def test_a_band_of_equal_steps_is_that_of_the_build(page: Watched) -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(size=(4, 30))
    values[1, 3], values[2, :] = NAN, np.where(np.arange(30) < 20, values[2], NAN)
    values[:, 7] = NAN
    steps = np.arange(30)
    _, mean, low, high = mean_and_range([Series(steps, steps.astype(float), v) for v in values])
    lines = ",".join(f"{{x: {js(steps)}, y: {js(v)}}}" for v in values)
    made = {name: floats(page, f"reportgen.math.band([{lines}], 'range').{name}") for name in ("x", "y", "low", "high")}
    np.testing.assert_array_equal(made["x"], steps)
    np.testing.assert_allclose(made["y"], mean, rtol=1e-14)
    np.testing.assert_array_equal(made["low"], low)
    np.testing.assert_array_equal(made["high"], high)


@pytest.mark.parametrize("kind", ["std", "sem", "ci", "range"])
def test_a_band_interpolates_each_line_inside_its_own_range(page: Watched, kind: str) -> None:
    lines = [
        ([0.0, 1, 2, 4], [1.0, 2, 4, 8]),
        ([0.5, 2, 3, 3, 6], [3.0, 1, 5, 7, 2]),
        ([1.0, 2, 3, 4], [2.0, NAN, 3, 4]),
    ]
    at = np.unique(np.concatenate([x for x, _ in lines]))
    table = np.full((3, len(at)), NAN)
    for row, (x, y) in zip(table, lines, strict=True):
        for i, where in enumerate(at):
            if x[0] <= where <= x[-1]:
                here = [b for a, b in zip(x, y, strict=True) if a == where]
                j = int(np.searchsorted(x, where))
                row[i] = here[-1] if here else y[j - 1] + (y[j] - y[j - 1]) * (where - x[j - 1]) / (x[j] - x[j - 1])
    known = [column[~np.isnan(column)] for column in table.T]
    mean = np.array([column.mean() for column in known])
    if kind == "range":
        low, high = np.array([c.min() for c in known]), np.array([c.max() for c in known])
    else:
        half = []
        for c in known:
            deviation = c.std(ddof=1) if len(c) > 1 else NAN
            of = {
                "std": 1.0,
                "sem": len(c) ** -0.5,
                "ci": (t_quantile_975(len(c) - 1) if len(c) > 1 else NAN) * len(c) ** -0.5,
            }
            half.append(deviation * of[kind])
        low, high = mean - half, mean + half
    written = ",".join(f"{{x: {js(x)}, y: {js(y)}}}" for x, y in lines)
    made = {
        name: floats(page, f"reportgen.math.band([{written}], '{kind}').{name}") for name in ("x", "y", "low", "high")
    }
    np.testing.assert_array_equal(made["x"], at)
    np.testing.assert_allclose(made["y"], mean, rtol=1e-13)
    np.testing.assert_allclose(made["low"], low, rtol=1e-13)
    np.testing.assert_allclose(made["high"], high, rtol=1e-13)


def test_a_band_of_nothing_is_empty(page: Watched) -> None:
    assert page.evaluate("reportgen.math.band([], 'ci').x.length") == 0


def test_means_deviations_and_quantiles_are_those_of_numpy(page: Watched) -> None:
    for name, values in SERIES.items():
        finite = [v for v in values if math.isfinite(v)]
        made = floats(page, f"[reportgen.math.mean({js(finite)}), reportgen.math.deviation({js(finite)})]")
        mean = math.fsum(v / len(finite) for v in finite) if finite else NAN
        scale = max((abs(v) for v in finite), default=0) or 1
        deviation = np.std([v / scale for v in finite], ddof=1) * scale if len(finite) > 1 else NAN
        np.testing.assert_allclose(made, [mean, deviation], rtol=1e-12, atol=1e-12, err_msg=name)
        ordered = sorted(v for v in finite if abs(v) < 1e300)
        if ordered:
            quantiles = [0, 0.05, 0.25, 0.5, 0.95, 1]
            made = floats(page, f"{quantiles}.map(q => reportgen.math.quantile({js(ordered)}, q))")
            np.testing.assert_allclose(made, np.quantile(ordered, quantiles), rtol=1e-12, atol=1e-300, err_msg=name)
    assert page.evaluate("Number.isNaN(reportgen.math.quantile([], .5)) && Number.isNaN(reportgen.math.mean([]))")


def test_the_quantile_of_t_is_that_of_the_tables(page: Watched) -> None:
    freedoms = [1, 2, 3, 9, 10, 11, 30, 1000]
    made = floats(page, f"{freedoms}.map(reportgen.math.t975)")
    np.testing.assert_allclose(made, [t_quantile_975(n) for n in freedoms], rtol=1e-12)
    assert page.evaluate("Number.isNaN(reportgen.math.t975(0))")


def rank_correlation(a: Sequence[float], b: Sequence[float]) -> float:
    """Return Pearson's correlation of the ranks, which are the means of those that equal values share."""

    def ranks(values: Sequence[float]) -> list[float]:
        return [sum(other < v for other in values) + (sum(other == v for other in values) + 1) / 2 for v in values]

    if len(set(a)) < 2 or len(set(b)) < 2:
        return NAN
    return float(np.corrcoef(ranks(a), ranks(b))[0, 1])


@pytest.mark.parametrize(
    ("a", "b", "n"),
    [
        ([1, 2, 3, 4], [10, 20, 30, 45], 4),
        ([1, 2, 2, 3, 5, 5], [6, 5, 5, 4, 1, 2], 6),
        ([1, NAN, 3, 4, INF], [1, 2, 5, 4, 3], 3),
        ([1, 1, 1], [1, 2, 3], 3),
        ([], [], 0),
        ([1], [2], 1),
        ([1e-3, 1e-2, 0.1, 1, 3], [5, 4, 4.5, 2, 9], 5),
    ],
)
def test_rank_correlation_with_ties_and_missing_values(page: Watched, a: list[float], b: list[float], n: int) -> None:
    pairs = [(u, v) for u, v in zip(a, b, strict=True) if math.isfinite(u) and math.isfinite(v)]
    wanted = rank_correlation([u for u, _ in pairs], [v for _, v in pairs])
    made = floats(page, f"(({{rho, n}}) => [rho, n])(reportgen.math.spearman({js(a)}, {js(b)}))")
    np.testing.assert_allclose(made, [wanted, n], rtol=1e-12)


def ranges() -> list[tuple[float, float]]:
    """Return value ranges of all kinds."""
    dice = random.Random(4)
    found = [
        (0.0, 1.0),
        (5.0, 5.0),
        (0.0, 0.0),
        (-3.0, -3.0),
        (1e300, 2e300),
        (1e-300, 2e-300),
        (-5.0, 7.0),
        (0.2, 0.21),
    ]
    found += [(4700.0, 4810.0), (-0.3, 0.0), (1e9, 1e9 + 1), (-1e308, 1e308), (3e-4, 3e-4), (0.0, 1e-7), (99.9, 100.0)]
    for _ in range(150):
        low = dice.uniform(-1, 1) * 10.0 ** dice.randint(-6, 6)
        found.append((low, low + dice.random() * 10.0 ** dice.randint(-6, 6)))
    return found


def assert_same_axes(page: Watched, expression: str, wanted: Sequence[axes.Axis]) -> None:
    """Fail unless the list of axes that the page makes is `wanted`."""
    made = page.evaluate(f"({expression}).map(a => [a.low, a.high, a.ticks, a.labels, a.cut, a.log])")
    for one, axis in zip(made, wanted, strict=True):
        assert one[3:] == [list(axis.labels), axis.cut, axis.log], axis
        np.testing.assert_allclose(one[:2], [axis.low, axis.high], rtol=1e-12, atol=1e-300, err_msg=str(axis))
        np.testing.assert_allclose(one[2], axis.ticks, rtol=1e-12, atol=1e-300, err_msg=str(axis))


def test_axes_are_those_of_the_build(page: Watched) -> None:
    pairs = ranges()
    written = f"[{','.join(f'[{low!r},{high!r}]' for low, high in pairs)}]"
    for target in (3, 4):
        wanted = [axes.value_axis(low, high, target=target) for low, high in pairs]
        assert_same_axes(page, f"{written}.map(([a, b]) => reportgen.math.valueAxis(a, b, {target}))", wanted)
    positive = [(abs(low) or 1e-3, abs(low) + abs(high) + 1e-3) for low, high in pairs if abs(low) < 1e305]
    written = f"[{','.join(f'[{low!r},{high!r}]' for low, high in positive)}]"
    wanted = [axes.log_axis(low, high) for low, high in positive]
    assert_same_axes(page, f"{written}.map(([a, b]) => reportgen.math.logAxis(a, b))", wanted)
    steps = [
        (0, 199),
        (1, 200),
        (0, 1),
        (100, 100),
        (-50, 49),
        (0, 10_000_000),
        (7, 9),
        (990, 1010),
        (0, 2**53),
        (5, 5000),
    ]
    written = str([list(pair) for pair in steps])
    for whole in (True, False):
        wanted = [axes.step_axis(low, high, target=4, whole=whole) for low, high in steps]
        flag = str(whole).lower()
        assert_same_axes(page, f"{written}.map(([a, b]) => reportgen.math.stepAxis(a, b, 4, {flag}))", wanted)


def test_ticks_of_a_range(page: Watched) -> None:
    assert page.evaluate("reportgen.math.ticks(0, 1, 5)") == [0, 0.2, 0.4, 0.6, 0.8, 1]
    assert page.evaluate("reportgen.math.ticks(3, 3, 5)") == [3]


def test_numbers_at_axes_are_written_as_the_build_writes_them(page: Watched) -> None:
    numbers = [0, 1, -1.5, 0.001, 9.9e-4, 1234.6, 12345678, 1e-9, 123456, -0.00012, 99.995, 1e22, 5e-324]
    for digits in (2, 3, 4):
        made = page.evaluate(f"{numbers}.map(v => reportgen.math.numberText(v, {digits}))")
        assert made == [axes.format_number(v, digits) for v in numbers]
    assert page.evaluate("[NaN, 1/0, -1/0].map(v => reportgen.math.numberText(v))") == [
        "NaN",
        "Infinity",
        "\u2212Infinity",
    ]
    steps = [0, 7, -50, 1234567, 10**14, 2**62]
    assert page.evaluate(f"{steps}.map(reportgen.math.stepText)") == [axes.format_step(v) for v in steps]


def test_labels_are_spread_and_grouped_as_in_the_build(page: Watched) -> None:
    dice = random.Random(5)
    for count in (0, 1, 2, 5, 9, 30):
        positions = [dice.choice([dice.uniform(0, 200), 100.0, 101.0]) for _ in range(count)]
        wanted = axes.spread(positions, gap=13.5, low=5, high=190)
        np.testing.assert_allclose(
            page.evaluate(f"reportgen.math.spread({positions}, 13.5, 5, 190)"), wanted, rtol=1e-12
        )
        assert page.evaluate(f"reportgen.math.clusters({positions}, 7)") == axes.clusters(positions, reach=7)


def test_binary_search_is_that_of_numpy(page: Watched) -> None:
    values = np.sort(np.random.default_rng(6).integers(0, 20, 30)).astype(float)
    wanted = np.arange(-1, 22) / 1.0
    made = page.evaluate(f"{wanted.tolist()}.map(v => reportgen.math.lowerBound({js(values)}, v))")
    assert made == np.searchsorted(values, wanted).tolist()

"""Cost of a chart and of a plot, in CPU time, beside the plainest way to the same picture in the same process.

Run from the repository root: `python -m tests.benchmarks.bench_plots`. Peers: for the inline chart, joining the same
points into one path with no axes; for the plot, matplotlib's own `Axes` with a new `Figure` each time; for the
digest, sha256 over the bytes of the arrays alone.
"""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Callable

import numpy as np

from reportgen.plots import Line, Plot, plot_digest, render_plot
from reportgen.site.charts import ChartLine, render_chart


def cpu_ms(work: Callable[[], object], repeats: int) -> float:
    """Return the least CPU time of one call in ms, after two calls to warm up."""
    for _ in range(2):
        work()
    best = float("inf")
    for _ in range(repeats):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best * 1e3


def bare_path(points: int) -> str:
    """Return a picture of two lines with nothing but their points."""
    paths = (" ".join(f"{x:.1f},{x % 90:.1f}" for x in range(points)) for _ in range(2))
    return "".join(f'<polyline points="{p}"/>' for p in paths)


def axes_plot(lines: tuple[Line, ...]) -> bytes:
    """Return the lines drawn on matplotlib's own axes with a legend."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    out = io.BytesIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "x"}):
        axes = Figure(figsize=(4.5, 2.75)).add_subplot()
        for line in lines:
            axes.plot(line.steps, line.values, label=line.label)
        axes.legend(loc="upper left")
        axes.set_title("val/acc")
        axes.figure.savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue()


def main() -> None:
    """Print the table."""
    rng = np.random.default_rng(0)
    rows: list[tuple[str, float, float, int]] = []

    def series(count: int, points: int) -> tuple[Line, ...]:
        steps = np.arange(points)
        return tuple(
            Line(f"run {i}", steps, 80 - i - 70 * np.exp(-steps / (points / 5)) + rng.normal(0, 0.3, points), i + 1)
            for i in range(count)
        )

    for count, points in ((1, 200), (2, 200), (2, 10_000)):
        lines: tuple[ChartLine, ...] = series(count, points)
        size = len(render_chart(lines, description="x"))
        spent = cpu_ms(lambda lines=lines: render_chart(lines, description="x"), 200)
        peer = cpu_ms(lambda points=points: bare_path(points), 200)
        rows.append((f"inline chart, {count} x {points:,}", spent, peer, size))
    for count, points in ((3, 200), (10, 200), (10, 1_000), (10, 100_000)):
        plot = Plot("val/acc", "%", "max", series(count, points))
        size = len(render_plot(plot))
        spent = cpu_ms(lambda plot=plot: render_plot(plot), 15)
        peer = cpu_ms(lambda plot=plot: axes_plot(plot.lines), 5)
        rows.append((f"svg plot, {count} x {points:,}", spent, peer, size))
    plot = Plot("val/acc", "%", "max", series(10, 1_000))
    hashed = b"".join(a.tobytes() for line in plot.lines for a in (line.steps, line.values))
    spent, peer = cpu_ms(lambda: plot_digest(plot), 50), cpu_ms(lambda: hashlib.sha256(hashed), 50)
    rows.append(("digest, 10 x 1,000", spent, peer, 64))
    print(f"{'':28} {'CPU ms':>9} {'peer ms':>9} {'ratio':>7} {'bytes':>9}")
    for name, spent, peer, size in rows:
        print(f"{name:28} {spent:9.3f} {peer:9.3f} {spent / peer:7.2f} {size:9,}")


if __name__ == "__main__":
    main()

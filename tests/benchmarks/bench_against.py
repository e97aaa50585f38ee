"""Time of "Against all runs" with 10,000 runs and 10 axes in Chromium, beside bare canvas calls for the same lines.

Run from the repository root: `python -m tests.benchmarks.bench_against`. "Bare" draws the same polylines, or circles,
with nothing else; every time includes the rasterising, which reading a pixel back enforces. The last column is what was
measured when the way of drawing was chosen (own canvas code for 10,000 lines over 10 axes; Plot with SVG for the rest).
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from tests.browser import FLAGS, disk_address
from tests.run import find_chromium
from tests.test_browser_against import make_sweep, write_page

RUNS = 10_000
AXES = (
    *("param:optimizer", "param:lr", "param:width", "param:dropout", "param:augment", "param:depth", "param:seed"),
    *("metric:throughput", "metric:val/loss", "metric:val/acc"),
)
MEASURE = """
(async () => {
  const frames = async (n) => { for (let i = 0; i < n; i++) await new Promise(requestAnimationFrame); };
  const read = (canvas) => canvas.getContext("2d").getImageData(0, 0, 1, 1);
  const flush = (box) => box.querySelectorAll("canvas").forEach(read);
  const best = async (work, n = 5) => {
    let least = Infinity;
    for (let i = 0; i < n; i++) { least = Math.min(least, await work()); await frames(8); }
    return least;
  };
  const table = await reportgen.table("sweep");
  const host = document.querySelector("main section > div");
  const setting = { tables: [table], runs: [{ k: table.runs.k[0], name: "first", slot: 1 }] };
  const show = () => {
    window.section.destroy();
    const start = performance.now();
    window.section = reportgen.against(host, setting);
    return start;
  };
  const out = {};
  out.first = await best(async () => {
    const start = show();
    await frames(6);  // the lines come in parts, one a frame
    flush(host);
    return performance.now() - start - 5 * 1000 / 60;
  });
  const line = document.querySelector('[data-id="metric:val/acc"] .line').getBoundingClientRect();
  const overlay = document.querySelector('[data-id="metric:val/acc"] .overlay');
  const send = (target, kind, y) => {
    const at = { clientX: line.x, clientY: line.y + y };
    target.dispatchEvent(new MouseEvent(kind, { view: window, bubbles: true, cancelable: true, ...at }));
  };
  const brush = async (part) => {
    send(overlay, "mousedown", line.height);
    send(window, "mousemove", line.height - 2);
    const y = line.height * (1 - part);
    const result = { answer: 0, all: 0 };
    for (let i = 0; i < 4; i++) {
      await frames(8);
      const start = performance.now();
      send(window, "mousemove", y + i);
      flush(host);
      const answer = performance.now() - start;
      let all = answer;
      for (let j = 0; j < 6; j++) {
        await frames(1);
        const more = performance.now();
        flush(host);
        all += performance.now() - more;
      }
      if (!i || answer < result.answer) result.answer = answer;
      if (!i || all < result.all) result.all = all;
    }
    result.runs = document.querySelector(".share").textContent;
    send(window, "mouseup", y);
    document.activeElement.blur();
    [...document.querySelectorAll("button")].find((b) => b.textContent === "Show all")?.click();
    return result;
  };
  out.half = await brush(0.45);
  out.all = await brush(1);
  const canvas = document.createElement("canvas");
  canvas.width = 1320; canvas.height = 304;
  host.append(canvas);
  const context = canvas.getContext("2d");
  const random = Float32Array.from({ length: 10 * 10000 }, (_, i) => 46 + 244 * (((i * 2654435761) >>> 0) / 2 ** 32));
  const bare = (n) => best(async () => {
    const start = performance.now();
    context.clearRect(0, 0, 1320, 304);
    context.globalAlpha = 0.1;
    for (let i = 0; i < n; i++) {
      context.beginPath();
      context.moveTo(40, random[i * 10]);
      for (let a = 1; a < 10; a++) context.lineTo(40 + a * 130, random[i * 10 + a]);
      context.stroke();
    }
    context.getImageData(0, 0, 1, 1);
    return performance.now() - start;
  });
  out.bare = await bare(10000);
  out.bare_half = await bare(5000);
  out.bare_circles = await best(async () => {
    const start = performance.now();
    context.clearRect(0, 0, 1320, 304);
    for (let i = 0; i < 10000; i++) {
      context.beginPath();
      context.arc(40 + (i % 1250), random[i], 2, 0, 7);
      context.stroke();
    }
    context.getImageData(0, 0, 1, 1);
    return performance.now() - start;
  });
  canvas.remove();
  const press = async (title) => best(async () => {
    const start = performance.now();
    [...document.querySelectorAll(".against .segments button")].find((b) => b.textContent === title).click();
    document.querySelector(".against-pair").getBoundingClientRect();
    flush(document.querySelector(".against-pair"));
    return performance.now() - start;
  });
  for (const title of ["Scatter", "Box", "Contour", "Importance"]) out[title] = await press(title);
  return out;
})()
"""


def main() -> None:
    """Print the table."""
    chromium = find_chromium()
    if chromium is None:
        raise SystemExit("no Chromium found: `python -m tests.run` installs one")
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        write_page(folder, [make_sweep(RUNS)], [("sweep000000", 1)])
        browser = playwright.chromium.launch(executable_path=chromium, args=[*FLAGS, "--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 1100})
        page.goto(f"{disk_address(folder)}page.html#?axes={','.join(AXES)}")
        page.wait_for_selector(".against .segments")
        page.wait_for_timeout(1000)
        made: dict[str, Any] = page.evaluate(MEASURE)
        browser.close()
    rows = [
        ("parallel coordinates: first drawing, with reading the table", made["first"], made["bare"], "239"),
        (f"brush, {made['half']['runs']}: answer to a move", made["half"]["answer"], None, "43"),
        (f"brush, {made['half']['runs']}: all lines drawn", made["half"]["all"], made["bare_half"], "43"),
        (f"brush, {made['all']['runs']}: answer to a move", made["all"]["answer"], None, "43"),
        (f"brush, {made['all']['runs']}: all lines drawn", made["all"]["all"], made["bare"], "43"),
        ("scatter", made["Scatter"], made["bare_circles"], "48 canvas, 319 Plot"),
        ("box", made["Box"], None, "165"),
        ("contour", made["Contour"], None, "548 (1,000 places)"),
        ("importance", made["Importance"], None, ""),
    ]
    print(f"{'10,000 runs x 10 axes':<62} {'ms':>7} {'bare':>7}  measured before")
    for what, spent, bare, known in rows:
        print(f"{what:<62} {spent:7.0f} {'' if bare is None else format(bare, '.0f'):>7}  {known}")


if __name__ == "__main__":
    main()

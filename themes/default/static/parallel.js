// @ts-check
/**
 * Parallel coordinates: a line a run over axes that the reader chooses, moves and brushes, the compared runs in their
 * colours. Lines are drawn on three canvases (all runs; the brushed ones; those in colour), axes and labels above them
 * in SVG. On paper the lines are SVG too.
 *
 * Needs d3, math.js and dimensions.js.
 */
(() => {
  "use strict";

  const { el, svg, format } = reportgen;
  const { LOST, MISSING, better, ticksOf, heightOf, rangeTexts, measure, shortened, fitCanvas, colourOf } =
    reportgen.dimensions;
  const { compareLink, runLink, foldedTable, runRows } = reportgen.dimensions;

  const MAX_COMPARED = 200;
  const NARROW = 600;
  /** Runs whose names are listed below when there is no room for them beside their lines. */
  const MAX_KEY = 30;
  /** On paper more lines than these share one path. */
  const MAX_PATHS = 3000;

  const TOP = 46;
  const HEIGHT = 244;
  const LABEL_GAP = 13.5;
  /** Lines drawn in one go; the others follow in the next frames, so that a drag never waits for them. */
  const LINES_A_FRAME = 2500;
  /** Up to so many runs their lines are curves, which are easier to follow and cost twice as much. */
  const MAX_CURVES = 1000;
  /** How near in px the pointer must come to a line. */
  const NEAR = 14;

  /** @typedef {{ dimension: Dimension, x: number, u: Float32Array, y: Float32Array }} Axis */

  /**
   * @param {CanvasPath} path
   * @param {Axis[]} axes
   * @param {number} i
   * @param {boolean} curved
   */
  function trace(path, axes, i, curved) {
    let { x } = axes[0];
    let y = axes[0].y[i];
    path.moveTo(x, y);
    for (let a = 1; a < axes.length; a++) {
      const { x: nextX, y: nextYs } = axes[a];
      const nextY = nextYs[i];
      if (curved) {
        const middle = (x + nextX) / 2;
        path.bezierCurveTo(middle, y, middle, nextY, nextX, nextY);
      } else path.lineTo(nextX, nextY);
      x = nextX;
      y = nextY;
    }
  }

  /** How far a curve has come from one axis to the next, in y, at a part of the way in x. @param {number} part */
  function easing(part) {
    let low = 0;
    let high = 1;
    for (let step = 0; step < 20; step++) {
      const s = (low + high) / 2;
      if (1.5 * s * (1 - s) + s ** 3 < part) low = s;
      else high = s;
    }
    return low * low * (3 - 2 * low);
  }

  /**
   * @param {HTMLElement} host
   * @param {AgainstModel} model
   * @param {ShownRun[]} shown
   * @param {() => AgainstView} view
   * @param {() => void} changed the reader chose other axes or brushed
   */
  function makeParallel(host, model, shown, view, changed) {
    const { n } = model;
    const curved = n <= MAX_CURVES;
    /** @type {Axis[]} */
    let axes = [];
    /** @type {number[]} */
    let chosen = [];
    let width = 0;
    let height = 0;
    let hovered = -1;
    let pinned = -1;
    let dragging = false;
    let frame = 0;

    const canvases = [0, 1, 2].map(() => el("canvas", { "aria-hidden": "true" }));
    /** @type {CanvasRenderingContext2D[]} */
    let contexts = [];
    const drawing = svg("svg", { role: "group" });
    const stack = el("div", { class: "stack" }, ...canvases, drawing);
    const box = el("div", { class: "scroll" }, stack);
    const count = el("span", { class: "share" });
    const links = el("span", { class: "links-line" });
    const key = el("ul", { class: "against-legend" });
    const readout = el("p", { class: "against-readout" });
    const menu = makeMenu();
    const table = foldedTable("Values", () => {
      const runs = view().brush.size ? chosen : shown.length ? shown.map(({ i }) => i) : [...model.k.keys()];
      return runRows(model, view().axes.map(model.get), runs);
    });
    const caption = el("figcaption", null, el("b", null, "Parallel coordinates"), count, links, menu);
    const figure = el("figure", { class: "parallel" }, caption, box, key, readout, table.details);
    host.append(figure);

    // -- choosing axes

    function makeMenu() {
      const list = el("div", { class: "choices" });
      const details = el("details", { class: "against-menu" }, el("summary", { class: "button" }, "Axes"), list);
      details.addEventListener("toggle", () => details.open && fillMenu(list));
      details.addEventListener("keydown", (event) => {
        if (event.key !== "Escape" || !details.open) return;
        event.stopPropagation();
        details.open = false;
        details.querySelector("summary")?.focus();
      });
      details.addEventListener("focusout", (event) => {
        if (event.relatedTarget && !details.contains(/** @type {Node} */ (event.relatedTarget))) details.open = false;
      });
      return details;
    }

    /** @param {HTMLElement} list */
    function fillMenu(list) {
      const groups = [
        { title: "Parameters", all: [...model.params, ...model.seeds] },
        { title: "Metrics", all: model.metrics },
        { title: "Other", all: model.facts },
      ].filter(({ all }) => all.length);
      const total = groups.reduce((sum, { all }) => sum + all.length, 0);
      const search = el("input", {
        type: "search",
        "aria-label": "Find an axis",
        placeholder: "Find",
        oninput: narrow,
      });
      function narrow() {
        const wanted = search.value.toLowerCase();
        for (const label of list.querySelectorAll("label")) {
          label.hidden = !(label.textContent || "").toLowerCase().includes(wanted);
        }
      }
      list.replaceChildren(
        ...(total > 16 ? [search] : []),
        ...groups.map(({ title, all }) =>
          el(
            "fieldset",
            null,
            el("legend", null, title),
            ...all.map(({ id, label }) => {
              const input = el("input", { type: "checkbox", checked: view().axes.includes(id) });
              input.addEventListener("change", () => toggleAxis(id, input));
              return el("label", null, input, el("span", { dir: "auto" }, label));
            }),
          ),
        ),
      );
    }

    /** @param {string} id @param {HTMLInputElement} input */
    function toggleAxis(id, input) {
      const { axes: ids, brush } = view();
      if (!input.checked && ids.length <= 2) {
        input.checked = true;
        reportgen.announce("Two axes stay");
        return;
      }
      if (!input.checked) {
        ids.splice(ids.indexOf(id), 1);
        brush.delete(id);
      } else {
        // A param goes before the metrics, a metric to the end.
        const at = id.startsWith("metric:") ? -1 : ids.findIndex((other) => other.startsWith("metric:"));
        ids.splice(at < 0 ? ids.length : at, 0, id);
      }
      changed();
      draw();
    }

    /** @param {string} id @param {number} to */
    function moveAxis(id, to) {
      const ids = view().axes;
      const from = ids.indexOf(id);
      if (from === to || to < 0 || to >= ids.length) return false;
      ids.splice(to, 0, ...ids.splice(from, 1));
      draw();
      return true;
    }

    // -- layout

    /** @param {number} u */
    const yOf = (u) => TOP + (1 - u) * HEIGHT;

    /** @param {Dimension} dimension @param {number} x @returns {Axis} */
    function makeAxis(dimension, x) {
      const { values, names } = dimension;
      const u = new Float32Array(n);
      const y = new Float32Array(n);
      // Lines of one name are spread a little, which shows how many there are.
      const wide = names ? Math.min(0.5 / names.length, 0.09) : 0;
      for (let i = 0; i < n; i++) {
        u[i] = Number.isNaN(values[i]) ? LOST : heightOf(dimension, values[i]);
        y[i] = yOf(u[i] + (u[i] === LOST ? 0.03 : wide) * model.noise[i]);
      }
      return { dimension, x, u, y };
    }

    function draw() {
      const room = box.clientWidth;
      if (!room) return;
      const narrow = room < NARROW;
      const dimensions = view().axes.map(model.get);
      const labelled = !narrow && shown.length <= Math.floor(HEIGHT / LABEL_GAP);
      const names = new Map(labelled ? shown.map(({ i, name }) => [i, shortened(name, 160)]) : []);
      key.replaceChildren(...(labelled || shown.length > MAX_KEY ? [] : shown.map(keyEntry)));
      const [firstTitle, lastTitle] = [dimensions[0], dimensions[dimensions.length - 1]].map(({ label }) =>
        Math.min(measure(label, 600), 110),
      );
      const gutter = Math.max(
        28,
        lastTitle / 2,
        22 + Math.max(0, ...[...names.values()].map((name) => measure(name, 500))),
      );
      const first = ticksOf(dimensions[0], 5).map(({ text }) => measure(shortened(text, narrow ? 64 : 120)));
      const left = Math.max(12 + Math.max(0, ...first), firstTitle / 2);
      const gap = Math.max(narrow ? 74 : 88, (room - left - gutter) / (dimensions.length - 1));
      width = Math.floor(left + gap * (dimensions.length - 1) + gutter);
      axes = dimensions.map((dimension, a) => makeAxis(dimension, left + a * gap));
      const lost = dimensions.some(({ lacking }) => lacking);
      height = Math.ceil(yOf(lost ? LOST : 0) + 14);
      contexts = canvases.map((canvas) => fitCanvas(canvas, width, height));
      const scrolls = width > room + 1;
      box.classList.toggle("wide", scrolls);
      for (const [name, value] of [
        ["tabindex", "0"],
        ["role", "region"],
        ["aria-label", "Axes, wider than the page"],
      ]) {
        if (scrolls) box.setAttribute(name, value);
        else box.removeAttribute(name);
      }
      for (const [name, value] of Object.entries({ width, height, viewBox: `0 0 ${width} ${height}` })) {
        drawing.setAttribute(name, String(value));
      }
      const held = drawing.contains(document.activeElement) && document.activeElement?.getAttribute("data-id");
      drawing.setAttribute("aria-label", summary());
      drawing.replaceChildren(
        ...axes.map((axis) => drawAxis(axis, gap, lost)),
        drawLabels(names),
        svg("g", { class: "hover" }),
      );
      if (held) /** @type {SVGElement | null} */ (drawing.querySelector(`[data-id="${CSS.escape(held)}"]`))?.focus();
      hovered = -1;
      paintAll();
      tellHover();
      filter();
      if (printing) print();
    }

    /** @param {ShownRun} run */
    const keyEntry = ({ slot, name }) => el("li", null, reportgen.swatch(slot), " ", el("bdi", null, name));

    function summary() {
      const told = shown.slice(0, 5).map(({ i, name }) => {
        const values = axes.map(
          ({ dimension: { label, values, text } }) =>
            `${label} ${Number.isNaN(values[i]) ? "missing" : text(values[i])}`,
        );
        return `${name}: ${values.join(", ")}`;
      });
      return `Parallel coordinates of ${format.count(n, "run")} of ${model.title}. ${told.join(". ")}`;
    }

    /** @param {Axis} axis @param {number} gap @param {boolean} lost */
    function drawAxis(axis, gap, lost) {
      const { dimension, x } = axis;
      const { id, label, note, direction } = dimension;
      const room = gap - 10;
      const group = svg("g", {
        class: "axis",
        transform: `translate(${x},0)`,
        tabindex: 0,
        role: "slider",
        "data-id": id,
        "aria-label": [label, note.replace(/ ?[↑↓]/, ""), better(direction)].filter(Boolean).join(", "),
        "aria-orientation": "vertical",
        "aria-valuemin": 0,
        "aria-valuemax": 100,
        "aria-valuenow": 0,
      });
      const title = svg("g", { class: "axis-title" });
      const wide = Math.max(24, Math.min(room, measure(label, 600) + 12));
      title.append(
        svg("rect", { x: -wide / 2, y: 0, width: wide, height: 34, fill: "transparent" }),
        svg("title", {}, label),
        svg("text", { y: 13, class: "name" }, shortened(label, room, true)),
        svg("text", { y: 28 }, shortened(note, room)),
      );
      title.addEventListener("pointerdown", (event) => startMove(/** @type {PointerEvent} */ (event), id));
      group.append(title, svg("path", { class: "line", d: `M0 ${TOP}V${TOP + HEIGHT}` }));
      const ticks = svg("g", { "aria-hidden": "true" });
      let last = Number.POSITIVE_INFINITY;
      const placed = ticksOf(dimension, 5).map(({ at, text }) => ({ text, y: yOf(heightOf(dimension, at)) }));
      // What lies beyond the axis stands at its lower end.
      if (dimension.beyond !== null)
        placed.push({ text: `${direction === "max" ? "‹" : "›"} ${format.number(dimension.beyond)}`, y: yOf(0) });
      for (const { y, text } of placed.reverse().sort((a, b) => b.y - a.y)) {
        if (last - y < LABEL_GAP) continue;
        last = y;
        const told = svg("text", { x: -6, y: y + 4 }, shortened(text, Math.min(gap - 18, 120)));
        if (dimension.names) told.append(svg("title", {}, text));
        ticks.append(svg("path", { d: `M-3 ${y}h6` }), told);
      }
      if (dimension.lacking) {
        ticks.append(svg("text", { class: "lost", x: -6, y: yOf(LOST) + 4 }, MISSING, svg("title", {}, "no value")));
      }
      group.append(ticks);
      group.append(makeBrush(axis, lost));
      group.addEventListener("keydown", (event) => press(/** @type {KeyboardEvent} */ (event), axis));
      group.addEventListener("dblclick", () => setBrush(id, null));
      return group;
    }

    /** @param {Map<number, string>} names */
    function drawLabels(names) {
      const end = axes[axes.length - 1];
      const labels = shown
        .filter(({ i }) => names.has(i))
        .map(({ i, slot }) => ({ slot, text: names.get(i) || "", y: end.y[i], full: model.name[i] }));
      const ys = reportgen.math.spread(
        labels.map(({ y }) => y),
        LABEL_GAP,
        TOP,
        height - 6,
      );
      const group = svg("g", { class: "ends", "aria-hidden": "true" });
      for (const [j, { slot, text, y: from, full }] of labels.entries()) {
        const y = ys[j];
        group.append(
          svg("path", { d: `M${end.x + 4} ${from}L${end.x + 14} ${y}` }),
          svg("text", { class: `s${slot}`, x: end.x + 17, y: y + 4 }, text, svg("title", {}, full)),
        );
      }
      return group;
    }

    // -- brushes

    /** @param {Axis} axis @param {boolean} lost */
    function makeBrush({ dimension }, lost) {
      const { id } = dimension;
      const holder = /** @type {SVGGElement} */ (svg("g", { class: "brush" }));
      const brush = d3
        .brushY()
        .extent([
          [-18, TOP - 3],
          [18, yOf(lost ? LOST - 0.03 : 0) + 3],
        ])
        .on("start brush end", (event) => {
          if (!event.sourceEvent) return;
          dragging = event.type !== "end";
          const { brush: ranges } = view();
          if (event.selection) {
            const [top, bottom] = event.selection;
            ranges.set(id, [1 - (bottom - TOP) / HEIGHT, 1 - (top - TOP) / HEIGHT]);
          } else ranges.delete(id);
          if (event.type !== "end") filter();
          else setBrush(id, ranges.get(id) || null);
        });
      const selection = d3.select(holder);
      selection.call(brush);
      const range = view().brush.get(id);
      if (range) selection.call(brush.move, pixels(range));
      // The handle for programs: a range, or null.
      holder.addEventListener("move", () => {
        const wanted = view().brush.get(id);
        selection.call(brush.move, wanted ? pixels(wanted) : null);
      });
      return holder;
    }

    /** @param {AxisRange} range */
    const pixels = ([low, high]) =>
      /** @type {[number, number]} */ ([yOf(Math.min(high, 1.01)), yOf(Math.max(low, LOST - 0.03))]);

    /**
     * Set or clear the brush of an axis; on names it takes whole ones.
     * @param {string} id
     * @param {AxisRange | null} range
     */
    function setBrush(id, range) {
      const { brush } = view();
      const { names } = model.get(id);
      if (range && names) {
        const size = 1 / names.length;
        const [low, high] = range;
        const snapped = /** @type {AxisRange} */ ([
          low < LOST / 2 ? low : Math.round(Math.max(0, low) / size) * size,
          high < LOST / 2 ? high : Math.round(Math.min(1, high) / size) * size,
        ]);
        // Within one name, it is that name.
        if (snapped[0] === snapped[1]) {
          const part = Math.min(names.length - 1, Math.floor((Math.max(0, low + high) / 2) * names.length));
          snapped[0] = part * size;
          snapped[1] = (part + 1) * size;
        }
        range = snapped;
      }
      if (range) brush.set(id, range);
      else brush.delete(id);
      const axis = drawing.querySelector(`[data-id="${CSS.escape(id)}"]`);
      axis?.querySelector(".brush")?.dispatchEvent(new Event("move"));
      filter();
      changed();
      table.refresh();
      reportgen.announce(count.textContent || "");
    }

    /** @param {KeyboardEvent} event @param {Axis} axis */
    function press(event, { dimension: { id, names } }) {
      const { axes: ids, brush } = view();
      const sideways = event.key === "ArrowLeft" ? -1 : event.key === "ArrowRight" ? 1 : 0;
      const up = event.key === "ArrowUp" ? 1 : event.key === "ArrowDown" ? -1 : 0;
      if (event.key === "Escape" && brush.size) {
        if (brush.has(id)) setBrush(id, null);
        else clear();
      } else if (sideways) {
        if (moveAxis(id, ids.indexOf(id) + sideways)) {
          changed();
          reportgen.announce(`Axis ${ids.indexOf(id) + 1} of ${ids.length}`);
        }
      } else if (up) {
        const step = names ? 1 / names.length : 0.05;
        let [low, high] = brush.get(id) || [0, 1];
        if (event.shiftKey) high = Math.min(1, Math.max(low + step, high + up * step));
        else low = Math.max(0, Math.min(high - step, low + up * step));
        setBrush(id, low <= 1e-9 && high >= 1 - 1e-9 ? null : [low, high]);
      } else return;
      event.preventDefault();
    }

    function clear() {
      const { brush } = view();
      const ids = [...brush.keys()];
      brush.clear();
      for (const id of ids) setBrush(id, null);
    }

    /** Find the runs within all brushes, draw them and say how many there are. */
    function filter() {
      const { brush } = view();
      const used = axes.filter(({ dimension: { id } }) => brush.has(id));
      chosen = [];
      const ranges = used.map(({ dimension: { id }, u }) => ({ u, range: /** @type {AxisRange} */ (brush.get(id)) }));
      for (let i = 0; used.length && i < n; i++) {
        if (ranges.every(({ u, range }) => u[i] >= range[0] && u[i] <= range[1])) chosen.push(i);
      }
      paintChosen();
      paintTop();
      const all = format.count(n, "run");
      count.textContent = used.length ? `${format.number(chosen.length)} of ${all}` : all;
      for (const { dimension } of axes) tellRange(dimension);
      if (dragging) return;
      const comparable = chosen.length > 1 && chosen.length <= MAX_COMPARED && !reportgen.single;
      links.replaceChildren(
        ...(comparable ? [el("a", { href: compareLink(model, chosen) }, "Compare them")] : []),
        ...(chosen.length === 1 ? [runLink(model, chosen[0])] : []),
        ...(used.length && chosen.length > MAX_COMPARED ? [`up to ${MAX_COMPARED} can be compared`] : []),
        ...(used.length ? [el("button", { type: "button", class: "plain", onclick: clear }, "Show all")] : []),
      );
    }

    /** @param {Dimension} dimension */
    function tellRange(dimension) {
      const { id, names, text } = dimension;
      const range = view().brush.get(id);
      const ends = range ? rangeTexts(dimension, range) : [];
      const [from, to] = ends.map((end) => (end === "" ? "no value" : names ? end : text(Number(end))));
      const told = range ? `${from}${from === to ? "" : " to " + to}; ${count.textContent}` : "all values";
      const group = drawing.querySelector(`[data-id="${CSS.escape(id)}"]`);
      group?.setAttribute("aria-valuetext", told);
      group?.setAttribute("aria-valuenow", String(range ? Math.round(100 * Math.max(0, range[0])) : 0));
    }

    // -- lines

    /**
     * Draw one thin line a run, a part of them in each frame.
     * @param {number} layer
     * @param {ArrayLike<number>} runs
     * @param {string} colour
     * @param {number} alpha
     */
    function paintLines(layer, runs, colour, alpha) {
      const context = contexts[layer];
      context.clearRect(0, 0, width, height);
      context.strokeStyle = colour;
      context.globalAlpha = alpha;
      context.lineWidth = 1;
      let from = 0;
      const drawn = axes;
      const step = () => {
        if (context !== contexts[layer] || drawn !== axes) return 0;
        const to = Math.min(runs.length, from + LINES_A_FRAME);
        for (; from < to; from++) {
          context.beginPath();
          trace(context, drawn, runs[from], curved);
          context.stroke();
        }
        return from < runs.length ? requestAnimationFrame(run) : 0;
      };
      const run = () => {
        const next = step();
        if (layer === 1) frame = next;
      };
      run();
    }

    // The canvas itself lets 40 % through (against.css), so that not even thousands of lines hide what lies above them.
    const paintBase = () =>
      paintLines(
        0,
        [...model.k.keys()],
        colourOf(figure, "--ink"),
        Math.max(0.04, 0.5 * Math.sqrt(Math.min(1, 250 / n))),
      );

    function paintChosen() {
      cancelAnimationFrame(frame);
      const strength = 0.62 * Math.sqrt(Math.min(1, 60 / (chosen.length + 1)));
      paintLines(1, chosen, colourOf(figure, "--ink"), Math.max(0.08, strength));
    }

    /** The compared runs in their colours, and the run under the pointer. */
    function paintTop() {
      const context = contexts[2];
      context.clearRect(0, 0, width, height);
      const inside = view().brush.size ? new Set(chosen) : null;
      const many = shown.length > 30;
      for (const { i, slot } of [...shown].reverse()) {
        stroke(
          context,
          i,
          colourOf(figure, slot ? `--s${slot}` : "--ink"),
          many ? 1.25 : 2.25,
          slot > 6,
          !inside || inside.has(i) ? 1 : 0.35,
        );
      }
      const pointed = hovered >= 0 ? hovered : pinned;
      if (pointed < 0) return;
      const own = shown.find(({ i }) => i === pointed);
      stroke(context, pointed, colourOf(figure, "--bg"), 5, false, 0.9);
      stroke(
        context,
        pointed,
        colourOf(figure, own?.slot ? `--s${own.slot}` : "--ink"),
        2.25,
        Boolean(own && own.slot > 6),
        1,
      );
    }

    /**
     * @param {CanvasRenderingContext2D} context
     * @param {number} i
     * @param {string} colour
     * @param {number} thick
     * @param {boolean} dashed
     * @param {number} alpha
     */
    function stroke(context, i, colour, thick, dashed, alpha) {
      context.strokeStyle = colour;
      context.lineWidth = thick;
      context.globalAlpha = alpha;
      context.setLineDash(dashed ? [6, 4] : []);
      context.beginPath();
      trace(context, axes, i, curved);
      context.stroke();
      context.setLineDash([]);
    }

    function paintAll() {
      paintBase();
      paintChosen();
      paintTop();
    }

    // -- the run under the pointer

    /** @param {PointerEvent} event */
    function runAt(event) {
      const { left, top } = drawing.getBoundingClientRect();
      const x = event.clientX - left;
      const y = event.clientY - top;
      if (y < TOP - NEAR || axes.length < 2) return -1;
      let a = axes.findIndex((axis) => axis.x > x);
      if (a <= 0) a = a < 0 ? axes.length - 1 : 1;
      const before = axes[a - 1];
      const after = axes[a];
      const part = Math.min(1, Math.max(0, (x - before.x) / (after.x - before.x)));
      const way = curved ? easing(part) : part;
      let nearest = NEAR;
      let found = -1;
      const look = (/** @type {number} */ i, /** @type {number} */ handicap) => {
        const distance = Math.abs(before.y[i] + (after.y[i] - before.y[i]) * way - y) - handicap;
        if (distance < nearest) {
          nearest = distance;
          found = i;
        }
      };
      for (const { i } of shown) look(i, 4);
      if (view().brush.size) for (const i of chosen) look(i, 0);
      else for (let i = 0; i < n; i++) look(i, 0);
      return found;
    }

    /** @param {number} i @param {PointerEvent | null} event */
    function hover(i, event = null) {
      if (i !== hovered) {
        hovered = i;
        paintTop();
        tellHover();
      }
      const name = drawing.querySelector(".hover .name");
      if (!event || !name) return;
      const { left, top } = drawing.getBoundingClientRect();
      const x = event.clientX - left;
      name.setAttribute("x", String(x + (x > width / 2 ? -10 : 10)));
      name.setAttribute("y", String(event.clientY - top - 10));
      name.setAttribute("text-anchor", x > width / 2 ? "end" : "start");
    }

    function tellHover() {
      const i = hovered >= 0 ? hovered : pinned;
      const group = drawing.querySelector(".hover");
      const texts = axes.flatMap(({ dimension: { values, text, names }, x, y }) =>
        i < 0 || names
          ? []
          : [svg("text", { x: x + 6, y: y[i] + 4 }, Number.isNaN(values[i]) ? MISSING : text(values[i]))],
      );
      if (hovered >= 0) texts.push(svg("text", { class: "name" }, model.name[i]));
      group?.replaceChildren(...texts);
      if (pinned < 0) {
        readout.replaceChildren(
          "Drag along an axis to select runs, click a line to hold it, drag a title to move its axis.",
          el(
            "span",
            { class: "with-keys" },
            " Keys on an axis: ↑ ↓ move its lower end, with Shift the upper one, ← → move the axis, Esc shows all.",
          ),
        );
        return;
      }
      const others = shown.filter((run) => run.i !== pinned).map((run) => run.i);
      const { status } = model;
      readout.replaceChildren(reportgen.mark(status[pinned]), " ", runLink(model, pinned));
      if (others.length && others.length < MAX_COMPARED && !reportgen.single) {
        const told = shown.some(({ i: j }) => j === pinned)
          ? "compare without it"
          : "compare it with the coloured runs";
        const runs = shown.some(({ i: j }) => j === pinned) ? others : [...others, pinned];
        if (runs.length > 1) readout.append(" · ", el("a", { href: compareLink(model, runs) }, told));
      }
    }

    drawing.addEventListener("pointermove", (event) => {
      if (!dragging && !moving) hover(runAt(event), event);
    });
    drawing.addEventListener("pointerleave", () => hover(-1));
    drawing.addEventListener("click", (event) => {
      pinned = runAt(/** @type {PointerEvent} */ (event));
      paintTop();
      tellHover();
    });

    // -- moving an axis by its title

    let moving = false;
    /** @param {PointerEvent} event @param {string} id */
    function startMove(event, id) {
      if (event.button) return;
      event.preventDefault();
      moving = true;
      const before = view().axes.join();
      const follow = (/** @type {PointerEvent} */ moved) => {
        const x = moved.clientX - drawing.getBoundingClientRect().left;
        const distances = axes.map((axis) => Math.abs(axis.x - x));
        moveAxis(id, distances.indexOf(Math.min(...distances)));
      };
      const stop = () => {
        moving = false;
        removeEventListener("pointermove", follow);
        removeEventListener("pointerup", stop);
        removeEventListener("pointercancel", stop);
        if (view().axes.join() !== before) changed();
      };
      addEventListener("pointermove", follow);
      addEventListener("pointerup", stop);
      addEventListener("pointercancel", stop);
    }

    // -- paper: the canvases are replaced by paths, which take the light colours and the width of the page

    let printing = false;
    function print() {
      printing = true;
      if (drawing.querySelector(".printed")) return;
      const path = (/** @type {number[]} */ runs) => {
        const lines = d3.path();
        for (const i of runs) trace(/** @type {any} */ (lines), axes, i, curved);
        return String(lines);
      };
      const opacity = Math.max(0.03, 0.2 * Math.sqrt(Math.min(1, 250 / n)));
      const lines = svg("g", { class: "printed" });
      if (n <= MAX_PATHS) for (const i of model.k.keys()) lines.append(svg("path", { d: path([i]), opacity }));
      else lines.append(svg("path", { d: path([...model.k.keys()]), opacity: 0.2 }));
      lines.append(svg("path", { d: path(chosen), opacity: 0.5 }));
      for (const { i, slot } of [...shown].reverse()) {
        lines.append(svg("path", { class: `run s${slot}${slot > 6 ? " dashed" : ""}`, d: path([i]) }));
      }
      drawing.prepend(lines);
    }
    function endPrint() {
      printing = false;
      drawing.querySelector(".printed")?.remove();
    }

    return { figure, draw, paint: paintAll, print, endPrint };
  }

  reportgen.parallel = makeParallel;
})();

// @ts-check
/**
 * The plots below the parallel coordinates: scatter, box, contour, and the rank correlation of params with a metric.
 * Plot draws axes and marks; thousands of points go on a canvas behind them, the compared runs above them.
 *
 * Needs d3, Plot, math.js and dimensions.js.
 */
(() => {
  "use strict";

  const { el, svg, format } = reportgen;
  const { FEW, MISSING, better, ticksOf, isGrouping, rankParams } = reportgen.dimensions;
  const { measure, shortened, fitCanvas, colourOf, runAddress, runLink, runRows } = reportgen.dimensions;

  /** Above this many points a plot draws them on canvas. */
  const MAX_SVG_POINTS = 3000;
  const MAX_ROWS = 100;
  const LABEL_GAP = 13.5;
  const NARROW = 600;

  /** @param {number} slot */
  const slotColour = (slot) => (slot ? `var(--s${slot})` : "var(--ink)");

  /** @typedef {{ dimension: Dimension, log: boolean }} Side */
  /** @typedef {{ i: number, x: number, y: number }} Point in px */
  /** @typedef {{ at: number, text: string }} Tick */
  /** @typedef {NonNullable<NonNullable<Parameters<typeof Plot.plot>[0]>["marks"]>} Marks */
  /**
   * @param {string} title
   * @param {{ label: string, options: { id: string, label: string }[] }[]} groups
   * @param {string} value
   * @param {(value: string) => void} chosen
   */
  function makeSelect(title, groups, value, chosen) {
    const select = el("select", { onchange: () => chosen(select.value) });
    for (const { label, options } of groups) {
      if (!options.length) continue;
      const made = options.map((option) =>
        el("option", { value: option.id, selected: option.id === value }, option.label),
      );
      select.append(...(label ? [el("optgroup", { label }, ...made)] : made));
    }
    return el("label", { class: "field" }, el("span", null, title), select);
  }

  /** @param {AgainstModel} model */
  const allGroups = ({ params, seeds, metrics, facts }) => [
    { label: "Parameters", options: [...params, ...seeds] },
    { label: "Metrics", options: metrics },
    { label: "Other", options: facts },
  ];
  /** @param {AgainstStage} stage */
  const metricSelect = ({ model, view, change }) =>
    makeSelect("Metric", [{ label: "", options: model.metrics }], view.metric, (metric) => change({ metric }));

  /**
   * @typedef {object} Picture what is drawn between the axes
   * @property {Side} across
   * @property {Side} up
   * @property {number[]} runs all that have a place
   * @property {Float64Array} [xs] in place of the values across
   * @property {Float64Array} [ys]
   * @property {Marks} [marks] of Plot, behind the points
   * @property {object} [color] scale of Plot
   * @property {((i: number) => string) | null} dots colour of the runs that are not compared, empty for hollow ones; null
   *   leaves them out
   * @property {(i: number) => boolean} [only] which of them are drawn
   * @property {(i: number) => string} fill colour of the compared runs
   * @property {boolean} [ringed] these have a ring in ink, since their colour means something else
   * @property {string} told for screen readers
   */

  /**
   * Room, scales and ticks.
   * @param {Side} across
   * @param {Side} up
   * @param {number} room
   */
  function layOut(across, up, room) {
    const narrow = room < NARROW;
    const height = narrow ? 300 : 380;
    const [top, right, bottom] = [26, 16, 42];
    const yTexts = ticksOf(up.dimension, 5, up.log).map(({ at, text }) => ({ at, text: shortened(text, 110) }));
    const left = 14 + Math.max(12, ...yTexts.map(({ text }) => measure(text)));
    const x = makeScale(across, [left, room - right]);
    const y = makeScale(up, [height - bottom, top]);
    const { names } = across.dimension;
    const wide = names ? Math.max(28, (room - left) / names.length - 8) : 120;
    const xTexts = ticksOf(across.dimension, narrow ? 4 : 8, across.log);
    const xTicks = apart(
      xTexts.map(({ at, text }) => ({ at, text: shortened(text, wide) })),
      x,
      (text) => measure(text) + 10,
    );
    return { room, height, top, right, bottom, left, x, y, xTicks, yTicks: apart(yTexts, y, () => LABEL_GAP) };
  }
  /** @typedef {ReturnType<typeof layOut>} Layout */

  /**
   * The axes and the marks behind the compared runs, by Plot.
   * @param {Layout} layout
   * @param {Picture} picture
   * @param {Marks} marks
   * @param {boolean} lines
   */
  function drawAxes(layout, { across, up, color, told }, marks, lines) {
    const { room, height, top, right, bottom, left, x, y, xTicks, yTicks } = layout;
    /** @param {Side} side @param {Layout["x"]} scale */
    const axis = ({ log }, scale) => ({
      type: /** @type {"log" | "linear"} */ (log ? "log" : "linear"),
      domain: scale.domain(),
      range: scale.range(),
      label: null,
    });
    /** @param {Tick[]} ticks */
    const labels = (ticks) => {
      const texts = new Map(ticks.map(({ at, text }) => [at, text]));
      return { ticks: [...texts.keys()], tickFormat: (/** @type {number} */ at) => texts.get(at) || "", label: null };
    };
    const at = yTicks.map((tick) => tick.at);
    const drawn = Plot.plot({
      className: "rgplot",
      width: room,
      height,
      marginTop: top,
      marginRight: right,
      marginBottom: bottom,
      marginLeft: left,
      x: axis(across, x),
      y: axis(up, y),
      color,
      marks: [
        lines ? Plot.gridY(at, { stroke: "var(--grid)", strokeOpacity: 1 }) : null,
        Plot.axisY({ ...labels(yTicks), tickSize: 0 }),
        Plot.axisX({ ...labels(xTicks), tickSize: 4, stroke: "var(--ctl)", fill: "currentColor" }),
        Plot.frame({ anchor: "bottom", stroke: "var(--ctl)" }),
        marks,
      ],
    });
    // Plot brings a style element, which the policy of the pages forbids; against.css says the same.
    drawn.querySelector("style")?.remove();
    // It also names every mark, which no role of theirs allows; the picture as a whole has a name.
    for (const element of drawn.querySelectorAll("[aria-label], [aria-description]")) {
      for (const name of ["aria-label", "aria-description"]) element.removeAttribute(name);
    }
    drawn.setAttribute("role", "img");
    drawn.setAttribute("aria-label", told);
    return drawn;
  }

  /**
   * Thousands of points, and the grid behind them.
   * @param {HTMLElement} host
   * @param {Layout} layout
   * @param {Point[]} points
   * @param {(i: number) => string} dots
   */
  function drawCanvas(host, layout, points, dots) {
    const { room, height, left, right, y, yTicks } = layout;
    const canvas = el("canvas", { "aria-hidden": "true" });
    const context = fitCanvas(canvas, room, height);
    const resolved = resolver(host);
    context.fillStyle = resolved("var(--grid)");
    for (const { at } of yTicks) context.fillRect(left, Math.round(y(at)), room - left - right, 1);
    context.globalAlpha = 0.6;
    for (const point of points) {
      const colour = dots(point.i);
      context.beginPath();
      context.arc(point.x, point.y, 2, 0, 7);
      if (colour) {
        context.fillStyle = resolved(colour);
        context.fill();
      } else {
        context.strokeStyle = resolved("var(--ctl)");
        context.stroke();
      }
    }
    return canvas;
  }

  /** Values beyond the ends of an axis stand at its ends. @param {Float64Array} values @param {number[]} domain */
  const within = (values, [low, high]) => values.map((v) => Math.min(high, Math.max(low, v)));

  /**
   * A plot: axes and marks by Plot, thousands of points on a canvas behind it, the compared runs with their names above.
   * @param {AgainstStage} stage
   * @param {Picture} picture
   */
  function drawPlot({ model, shown, room, host }, picture) {
    const { across, up, runs, dots } = picture;
    const layout = layOut(across, up, room);
    const { x, y, left, right, bottom, height } = layout;
    const xs = within(picture.xs || across.dimension.values, x.domain());
    const ys = within(picture.ys || up.dimension.values, y.domain());
    /** @param {number} i @returns {Point} */
    const place = (i) => ({ i, x: x(xs[i]), y: y(ys[i]) });

    const compared = new Set(shown.map(({ i }) => i));
    const others = dots ? runs.filter((i) => !compared.has(i) && (!picture.only || picture.only(i))) : [];
    const light = others.length <= MAX_SVG_POINTS;
    const points = light
      ? Plot.dot(others, {
          x: (i) => xs[i],
          y: (i) => ys[i],
          r: runs.length > 400 ? 2.5 : 3.5,
          fill: (i) => dots?.(i) || "var(--bg)",
          stroke: "var(--ctl)",
          strokeWidth: picture.ringed ? 0.6 : 1.2,
        })
      : null;
    const drawn = drawAxes(layout, picture, [picture.marks || [], points], light);
    const box = el("div", { class: "against-plot" });
    if (dots && !light) box.append(drawCanvas(host, layout, others.map(place), dots));

    const top = svg("g", { class: "top" });
    const having = new Set(runs);
    const present = shown.filter(({ i }) => having.has(i)).map((run) => ({ ...run, ...place(run.i) }));
    for (const { i, slot, x: cx, y: cy } of [...present].reverse()) {
      top.append(svg("circle", { cx, cy, r: 5, class: picture.ringed ? "ringed" : `s${slot}`, fill: picture.fill(i) }));
    }
    const named = picture.ringed ? present.map((run) => ({ ...run, slot: 0 })) : present;
    const xName = { class: "axis-name", x: room - right, y: height - 6, "text-anchor": "end" };
    top.append(
      ...placeNames(named, { left, right: room, top: 12, bottom: height - bottom }),
      svg("text", xName, sideText(across)),
      svg("text", { class: "axis-name", x: 0, y: 12, "text-anchor": "start" }, shortened(sideText(up), room)),
    );
    drawn.append(top);
    box.append(drawn);

    const readout = el("p", { class: "against-readout" });
    const seen = dots ? [...others, ...present.map(({ i }) => i)] : runs;
    followPointer(box, drawn, seen.map(place), model, (i) => {
      readout.replaceChildren();
      if (i < 0) return;
      const told = [across.dimension, up.dimension].map(({ label, values, text }) => `${label} ${text(values[i])}`);
      readout.append(reportgen.mark(model.status[i]), " ", runLink(model, i), ` · ${told.join(" · ")}`);
    });
    return { box, readout };
  }

  /** @param {Side} side */
  const sideText = ({ dimension: { label, note, id }, log }) =>
    [label, id.startsWith("param:") ? (log ? "log" : "") : note].filter(Boolean).join(", ");

  /** Colours that name a variable of the style sheet, for canvas. @param {Element} element */
  function resolver(element) {
    /** @type {Map<string, string>} */
    const known = new Map();
    return (/** @type {string} */ colour) => {
      let found = known.get(colour);
      if (!found) {
        const name = /^var\((.*)\)$/.exec(colour);
        found = name ? colourOf(element, name[1]) : colour;
        known.set(colour, found);
      }
      return found;
    };
  }

  /**
   * @param {Side} side
   * @param {[number, number]} range
   */
  function makeScale({ dimension: { names, low, high }, log }, range) {
    if (names) return d3.scaleLinear([-0.6, names.length - 0.4], range);
    if (log) return d3.scaleLog([low / (high / low) ** 0.04, high * (high / low) ** 0.04], range);
    const room = high > low ? (high - low) * 0.05 : Math.abs(low) * 0.1 || 1;
    return d3.scaleLinear([low - room, high + room], range);
  }

  /**
   * Leave out ticks that would run into their neighbours.
   * @param {{ at: number, text: string }[]} ticks
   * @param {(value: number) => number} scale
   * @param {(text: string) => number} size
   */
  function apart(ticks, scale, size) {
    let free = Number.NEGATIVE_INFINITY;
    const placed = ticks.map((tick) => ({ ...tick, px: scale(tick.at) })).sort((a, b) => a.px - b.px);
    return placed.filter(({ px, text }) => {
      const half = size(text) / 2;
      if (px - half < free) return false;
      free = px + half;
      return true;
    });
  }

  /**
   * Names beside their points where there is room; a name that finds none is left out.
   * @param {{ slot: number, name: string, x: number, y: number }[]} runs
   * @param {{ left: number, right: number, top: number, bottom: number }} frame
   */
  function placeNames(runs, frame) {
    const taken = runs.map(({ x, y }) => ({ x0: x - 5, x1: x + 5, y0: y - 5, y1: y + 5 }));
    const texts = [];
    for (const { slot, name, x, y } of runs.slice(0, 24)) {
      const text = shortened(name, 150);
      const size = measure(text, 500);
      const places = [
        { x0: x + 9, y0: y - 7 },
        { x0: x - 9 - size, y0: y - 7 },
        { x0: x - size / 2, y0: y - 21 },
        { x0: x - size / 2, y0: y + 8 },
      ];
      const boxes = places.map(({ x0, y0 }) => ({ x0, x1: x0 + size, y0, y1: y0 + 13 }));
      const box = boxes.find(
        (b) =>
          b.x0 >= frame.left &&
          b.x1 <= frame.right &&
          b.y0 >= frame.top &&
          b.y1 <= frame.bottom &&
          taken.every((t) => b.x1 < t.x0 || b.x0 > t.x1 || b.y1 < t.y0 || b.y0 > t.y1),
      );
      if (!box) continue;
      taken.push(box);
      texts.push(svg("text", { class: `name s${slot}`, x: box.x0, y: box.y0 + 11 }, text));
    }
    return texts;
  }

  /**
   * Name the point nearest to the pointer; a click goes to its run.
   * @param {HTMLElement} box
   * @param {Element} drawn
   * @param {Point[]} points
   * @param {AgainstModel} model
   * @param {(i: number) => void} tell
   */
  function followPointer(box, drawn, points, model, tell) {
    const ring = svg("circle", { class: "ring", r: 7 });
    const name = svg("text", { class: "pointed" });
    // A link above the picture, so that a click with Ctrl or the middle button does what it does elsewhere.
    const hit = el("a", { class: "hit", tabindex: -1, "aria-hidden": "true", hidden: true });
    box.append(hit);
    box.addEventListener("pointermove", (event) => {
      const { left, top } = box.getBoundingClientRect();
      const [x, y] = [event.clientX - left, event.clientY - top];
      let found = null;
      let nearest = 24 ** 2;
      for (const point of points) {
        const distance = (point.x - x) ** 2 + (point.y - y) ** 2;
        if (distance < nearest) {
          nearest = distance;
          found = point;
        }
      }
      const address = found ? runAddress(model, found.i) : "";
      hit.hidden = !address;
      if (!found) {
        ring.remove();
        name.remove();
        tell(-1);
        return;
      }
      hit.href = address;
      hit.style.left = `${found.x - 12}px`;
      hit.style.top = `${found.y - 12}px`;
      const end = found.x > box.clientWidth / 2;
      for (const [key, value] of Object.entries({ cx: found.x, cy: found.y })) ring.setAttribute(key, String(value));
      const at = { x: found.x + (end ? -12 : 12), y: Math.max(24, found.y - 9), "text-anchor": end ? "end" : "start" };
      for (const [key, value] of Object.entries(at)) name.setAttribute(key, String(value));
      name.textContent = model.name[found.i];
      drawn.append(ring, name);
      tell(found.i);
    });
    box.addEventListener("pointerleave", () => {
      hit.hidden = true;
      ring.remove();
      name.remove();
    });
  }

  /**
   * Runs that have all of these, in their order.
   * @param {AgainstModel} model
   * @param {Float64Array[]} columns
   * @param {boolean} [failed] failed runs too
   */
  function runsWith(model, columns, failed = true) {
    const runs = [];
    for (let i = 0; i < model.n; i++) {
      if ((failed || model.status[i] !== "failed") && columns.every((values) => !Number.isNaN(values[i]))) runs.push(i);
    }
    return runs;
  }

  /** @param {ShownRun[]} shown @returns {(i: number) => string} */
  const slotFill = (shown) => {
    const slots = new Map(shown.map(({ i, slot }) => [i, slot]));
    return (i) => slotColour(slots.get(i) || 0);
  };

  /** @param {AgainstStage} stage @returns {AgainstDrawn} */
  function drawScatter(stage) {
    const { model, shown, view, change } = stage;
    const [x, y] = [model.get(view.x), model.get(view.y)];
    const colour = view.colour ? model.get(view.colour) : null;
    /** @param {Dimension} dimension @param {string} letter */
    const side = (dimension, letter) => {
      const possible =
        !dimension.names && dimension.low > 0 && dimension.high > dimension.low && dimension.id !== "start";
      return { dimension, possible, log: possible && (view.logs ? view.logs.includes(letter) : dimension.log) };
    };
    const across = side(x, "x");
    const up = side(y, "y");
    const runs = runsWith(model, [x.values, y.values]);
    /** Points of one name are spread a little. @param {Dimension} dimension */
    const loose = ({ names, values }) => (names ? values.map((v, i) => v + 0.4 * model.noise[i]) : values);
    const fill = colour ? fillBy(colour) : slotFill(shown);
    const missing = model.n - runs.length;
    const { box, readout } = drawPlot(stage, {
      across,
      up,
      runs,
      xs: loose(x),
      ys: loose(y),
      dots: colour ? fill : () => "",
      fill,
      ringed: Boolean(colour),
      told: `${y.label} against ${x.label} of ${format.count(runs.length, "run")}`,
    });
    /** @param {typeof across} of @param {string} letter */
    const logBox = (of, letter) =>
      el(
        "label",
        { class: of.possible ? "check" : "check off" },
        el("input", {
          type: "checkbox",
          checked: of.log,
          disabled: !of.possible,
          onchange: () => {
            const logs = [across.log !== (letter === "x") ? "x" : "", up.log !== (letter === "y") ? "y" : ""].join("");
            change({ logs: logs || "-" });
          },
        }),
        `log ${letter}`,
      );
    return {
      title: `${y.label} against ${x.label}`,
      note: [
        missing ? `without ${format.count(missing, "run")} that ${missing === 1 ? "lacks" : "lack"} one of them` : "",
        beyondNote([x, y], runs),
      ]
        .filter(Boolean)
        .join("; "),
      body: box,
      controls: [
        makeSelect("Across", allGroups(model), x.id, (id) => change({ x: id, logs: "" })),
        makeSelect("Up", allGroups(model), y.id, (id) => change({ y: id, logs: "" })),
        makeSelect(
          "Colour",
          [{ label: "", options: [{ id: "", label: "compared runs" }] }, ...allGroups(model)],
          view.colour,
          (id) => change({ colour: id }),
        ),
        el("div", { class: "checks" }, logBox(across, "x"), logBox(up, "y")),
        ...(colour ? [makeLegend(colour)] : []),
      ],
      said: [readout],
      table: {
        title: "Values",
        read: () =>
          runRows(
            model,
            [x, y, ...(colour ? [colour] : [])],
            [
              ...shown.map(({ i }) => i).filter((i) => runs.includes(i)),
              ...runs.filter((i) => !shown.some((run) => run.i === i)),
            ],
          ),
      },
    };
  }

  /** @param {Dimension[]} dimensions @param {number[]} runs */
  function beyondNote(dimensions, runs) {
    const far = runs.filter((i) =>
      dimensions.some(({ beyond, values, low, high }) => beyond !== null && (values[i] < low || values[i] > high)),
    );
    return far.length ? `${format.count(far.length, "run")} far behind at the edge` : "";
  }

  /** @param {Dimension} dimension @returns {(i: number) => string} */
  function fillBy({ values, names, log, low, high }) {
    return (i) => {
      const v = values[i];
      if (Number.isNaN(v)) return "var(--bg)";
      if (names) return v < 10 ? slotColour(v + 1) : "var(--ink-3)";
      const at = Math.min(high, Math.max(low, v));
      return d3.interpolateViridis(
        high === low ? 0.5 : log ? Math.log(at / low) / Math.log(high / low) : (at - low) / (high - low),
      );
    };
  }

  /** @param {Dimension} dimension */
  function makeLegend({ label, names, low, high, text }) {
    if (names) {
      const told = names.slice(0, 10).map((name, j) => {
        const dot = svg("svg", { viewBox: "0 0 10 10", width: 10, height: 10, "aria-hidden": "true" });
        dot.append(svg("circle", { cx: 5, cy: 5, r: 4.5, fill: slotColour(j + 1) }));
        return el("li", null, dot, " ", el("span", { dir: "auto" }, name));
      });
      if (names.length > 10) told.push(el("li", null, `grey: ${names.length - 10} more`));
      return el("ul", { class: "against-legend" }, ...told);
    }
    return makeRamp(d3.range(0, 1.001, 0.05).map(d3.interpolateViridis), text(low), text(high), label);
  }

  /** @param {string[]} colours @param {string} low @param {string} high @param {string} label */
  function makeRamp(colours, low, high, label) {
    const ramp = svg("svg", {
      class: "ramp",
      viewBox: `0 0 ${colours.length} 1`,
      preserveAspectRatio: "none",
      role: "img",
    });
    ramp.setAttribute("aria-label", `${label} from ${low} to ${high}`);
    ramp.append(...colours.map((fill, j) => svg("rect", { x: j, y: 0, width: 1.02, height: 1, fill })));
    return el("div", { class: "against-legend" }, ramp, el("span", null, low), el("span", null, high));
  }

  /** A dimension whose few values stand side by side. @param {Dimension} dimension @returns {Dimension} */
  function asNames(dimension) {
    const { names, distinct, values, text } = dimension;
    if (names) return dimension;
    const index = new Map(distinct.map((v, j) => [v, j]));
    return {
      ...dimension,
      names: distinct.map(text),
      values: values.map((v) => index.get(v) ?? Number.NaN),
      text: (j) => text(distinct[j]),
    };
  }

  /**
   * Quartiles of each group, and how far its whiskers reach.
   * @param {Dimension} by
   * @param {Dimension} metric
   * @param {number[]} runs
   */
  function makeGroups(by, metric, runs) {
    const values = (by.names || []).map(() => /** @type {number[]} */ ([]));
    for (const i of runs) values[by.values[i]].push(metric.values[i]);
    return values.map((unsorted, j) => {
      const sorted = Float64Array.from(unsorted).sort();
      const [least, q1, median, q3, most] = [0, 0.25, 0.5, 0.75, 1].map((q) => reportgen.math.quantile(sorted, q));
      const reach = 1.5 * (q3 - q1);
      const inside = sorted.filter((v) => v >= q1 - reach && v <= q3 + reach);
      const [low, high] = [inside[0], inside[inside.length - 1]];
      return { j, name: by.text(j), n: sorted.length, least, q1, median, q3, most, low, high };
    });
  }
  /** @typedef {ReturnType<typeof makeGroups>[number]} Group */

  /** @param {AgainstStage} stage @returns {AgainstDrawn} */
  function drawBox(stage) {
    const { model, shown, view, change } = stage;
    const options = model.params.filter(({ id }) => isGrouping(model.get(id)));
    const metric = model.get(view.metric);
    const others = [...model.seeds, ...model.facts].filter(({ id }) => isGrouping(model.get(id)));
    /** @type {HTMLElement[]} */
    const controls = [metricSelect(stage)];
    if (!view.by) return withoutPlot(`No parameter that differs has ${FEW} values or fewer.`, controls);
    const choices = [
      { label: "Parameters", options },
      { label: "Other", options: others },
    ];
    controls.push(makeSelect("By", choices, view.by, (by) => change({ by })));
    const by = asNames(model.get(view.by));
    const runs = runsWith(model, [by.values, metric.values], false);
    const groups = makeGroups(by, metric, runs);
    const centre = { x1: (/** @type {Group} */ { j }) => j - 0.32, x2: (/** @type {Group} */ { j }) => j + 0.32 };
    // A group far behind has its runs at the edge, and no box there.
    const { low, high } = metric;
    const cut = (/** @type {number} */ v) => Math.min(high, Math.max(low, v));
    const boxes = groups.filter(({ n, q1, q3 }) => n > 4 && q3 >= low && q1 <= high);
    const medians = groups.map(
      ({ name, n, median }) => name + (n ? `: median ${metric.text(median)} of ${n}` : ": none"),
    );
    /** @param {number} i */
    const isFar = (i) => metric.values[i] < groups[by.values[i]].low || metric.values[i] > groups[by.values[i]].high;
    const { box, readout } = drawPlot(stage, {
      across: { dimension: by, log: false },
      up: { dimension: metric, log: metric.log },
      runs,
      xs: by.values.map((v, i) => v + 0.5 * model.noise[i]),
      marks: [
        Plot.ruleX(boxes, { x: "j", y1: (/** @type {Group} */ g) => cut(g.low), y2: (/** @type {Group} */ g) => cut(g.high), stroke: "var(--ink-3)" }),
        Plot.rect(boxes, { ...centre, y1: (/** @type {Group} */ g) => cut(g.q1), y2: (/** @type {Group} */ g) => cut(g.q3), fill: "var(--surface)", stroke: "var(--ctl)" }),
        Plot.ruleY(
          groups.filter(({ n, median }) => n > 1 && median >= low && median <= high),
          { ...centre, y: "median", stroke: "var(--ink)", strokeWidth: 1.75 },
        ),
      ],
      dots: () => "",
      only: runs.length > MAX_SVG_POINTS ? isFar : undefined,
      fill: slotFill(shown),
      told: `${metric.label} by ${by.label}. ${medians.join("; ")}`,
    });
    return {
      title: `${metric.label} by ${by.label}`,
      note: [
        "quartiles and median; whiskers to the last run within 1.5 box heights; boxes from five runs on",
        runs.length > MAX_SVG_POINTS ? "of the other runs those beyond the whiskers" : "",
        beyondNote([metric], runs),
      ]
        .filter(Boolean)
        .join("; "),
      body: box,
      controls,
      said: [failedNote(model), readout],
      table: {
        title: "Quartiles",
        read: () => ({
          head: [by.label, "n", "lowest", "lower quartile", "median", "upper quartile", "highest"],
          rows: groups.map(({ name, n, least, q1, median, q3, most }) => [
            name,
            String(n),
            ...[least, q1, median, q3, most].map((v) => (n ? metric.text(v) : MISSING)),
          ]),
          more: "",
        }),
      },
    };
  }

  /** @param {AgainstModel} model */
  function failedNote({ status }) {
    const failed = status.filter((word) => word === "failed").length;
    return failed ? el("p", { class: "fine" }, `${format.count(failed, "run")} that failed left out.`) : "";
  }

  /** @param {string} text @param {Node[]} controls @returns {AgainstDrawn} */
  const withoutPlot = (text, controls) => ({
    title: "",
    note: "",
    body: el("p", { class: "lacking" }, text),
    controls,
    said: [],
    table: null,
  });

  /**
   * Repetitions share a place, whose level is their mean; of a logarithmic metric, the mean of the logarithms.
   * @param {Dimension} x
   * @param {Dimension} y
   * @param {Dimension} metric
   * @param {number[]} runs
   */
  function makePlaces(x, y, metric, runs) {
    /** @type {Map<string, { x: number, y: number, n: number, sum: number }>} */
    const places = new Map();
    const values = within(metric.values, [metric.low, metric.high]);
    for (const i of runs) {
      const key = `${x.values[i]} ${y.values[i]}`;
      const place = places.get(key) || { x: x.values[i], y: y.values[i], n: 0, sum: 0 };
      places.set(key, place);
      place.n++;
      place.sum += metric.log ? Math.log10(values[i]) : values[i];
    }
    return [...places.values()].map((place) => ({ x: place.x, y: place.y, level: place.sum / place.n }));
  }

  /** @param {AgainstStage} stage @returns {AgainstDrawn} */
  function drawContour(stage) {
    const { model, shown, view, change } = stage;
    const metric = model.get(view.metric);
    /** @type {HTMLElement[]} */
    const controls = [metricSelect(stage)];
    const options = model.params.filter(({ id }) => !model.get(id).names && model.get(id).distinct.length > 1);
    if (view.plane.length < 2 || options.length < 2) {
      return withoutPlot("A contour needs two numeric parameters that differ.", controls);
    }
    const [x, y] = view.plane.map(model.get);
    for (const [j, title] of ["Across", "Up"].entries()) {
      controls.push(
        makeSelect(title, [{ label: "", options }], view.plane[j], (id) => {
          const plane = [...view.plane];
          if (plane[1 - j] === id) plane[1 - j] = plane[j];
          plane[j] = id;
          change({ plane });
        }),
      );
    }
    const runs = runsWith(model, [x.values, y.values, metric.values], false);
    const data = makePlaces(x, y, metric, runs);
    const spanned = ["x", "y"].every((key) => new Set(data.map((place) => /** @type {any} */ (place)[key])).size > 1);
    const [low, high] = /** @type {[number, number]} */ (d3.extent(data, ({ level }) => level));
    if (runs.length < 10 || data.length < 4 || !spanned || low === high) {
      return withoutPlot(
        `A contour needs ten runs with ${x.label}, ${y.label} and ${metric.label} that spread over both parameters; there are ${format.number(runs.length)} in ${format.count(data.length, "place")}.`,
        controls,
      );
    }
    // The darker the better, without a direction the higher.
    const levels = 8;
    const shades = d3.range(levels).map((j) => {
      const strength = (metric.direction === "min" ? levels - 1 - j : j) / (levels - 1);
      return `color-mix(in oklab, var(--s1) ${Math.round(6 + 84 * strength)}%, var(--bg))`;
    });
    const thresholds = d3.range(levels).map((j) => low + ((high - low) * j) / levels);
    const bounds = { x1: x.low, x2: x.high, y1: y.low, y2: y.high };
    const drawn = { x: "x", y: "y", fill: "level", stroke: "var(--bg)", strokeOpacity: 0.5 };
    const { box, readout } = drawPlot(stage, {
      across: { dimension: x, log: x.log },
      up: { dimension: y, log: y.log },
      runs,
      color: { type: "threshold", domain: thresholds.slice(1), range: shades },
      marks: [
        Plot.contour(data, { ...drawn, ...bounds, thresholds, interpolate: "barycentric", pixelSize: 3 }),
        Plot.dot(data, { x: "x", y: "y", r: 2.5, fill: "var(--ink)", stroke: "var(--bg)", strokeWidth: 1.5 }),
      ],
      dots: null,
      fill: slotFill(shown),
      told: `${metric.label} over ${x.label} and ${y.label}, interpolated between ${format.count(data.length, "place")}`,
    });
    /** @param {number} level */
    const text = (level) => metric.text(metric.log ? 10 ** level : level);
    controls.push(makeRamp(shades, text(low), text(high), metric.label));
    const repeated = data.length < runs.length ? `, means of ${format.count(runs.length, "run")}` : "";
    return {
      title: `${metric.label} over ${x.label} and ${y.label}`,
      note: `interpolated linearly between ${format.count(data.length, "place")}${repeated}; a guess where there is no dot`,
      body: box,
      controls,
      said: [failedNote(model), readout],
      table: { title: "Values", read: () => runRows(model, [x, y, metric], runs) },
    };
  }

  /** @param {AgainstStage} stage @returns {AgainstDrawn} */
  function drawImportance(stage) {
    const { model, view } = stage;
    const metric = model.get(view.metric);
    const rows = rankParams(model, view.metric);
    /** @type {HTMLElement[]} */
    const controls = [metricSelect(stage)];
    if (!rows.length) return withoutPlot("The runs differ in no parameter.", controls);
    const most = Math.max(0, ...rows.map(({ n }) => n));
    const table = el(
      "table",
      { class: "importance" },
      el("caption", { class: "hidden" }, `Parameters by their rank correlation with ${metric.label}`),
      el(
        "thead",
        null,
        el(
          "tr",
          null,
          el("th", { scope: "col" }, "Parameter"),
          el(
            "th",
            { scope: "col", class: "bar-cell" },
            el("span", { "aria-hidden": "true" }, "− ← → +"),
            el("span", { class: "hidden" }, "drawn"),
          ),
          el("th", { scope: "col", class: "num" }, "correlation"),
          el("th", { scope: "col", class: "num" }, "n"),
          el("th", { scope: "col" }, el("span", { class: "hidden" }, "remark")),
        ),
      ),
      el("tbody", null, ...rows.slice(0, MAX_ROWS).map((row) => importanceRow(stage, row))),
    );
    const left = model.params.length - Math.min(rows.length, MAX_ROWS);
    return {
      title: `Rank correlation with ${metric.label}`,
      note: `n = ${format.number(most)}; correlation is not cause`,
      body: el("div", { class: "scroll" }, table),
      controls,
      said: [
        el(
          "p",
          { class: "fine" },
          `Spearman’s ρ over the runs that have both: + means ${metric.label} rises with the parameter, − that it falls. ` +
            "Unordered: correlation ratio of the ranks among the parameter’s values, corrected for how many there are; it has no sign." +
            (metric.direction ? ` Of ${metric.label}, ${better(metric.direction)}.` : ""),
        ),
        failedNote(model),
        ...(left > 0 ? [el("p", { class: "fine" }, `${format.count(left, "more parameter")} not shown.`)] : []),
      ],
      table: null,
    };
  }

  /**
   * @param {AgainstStage} stage
   * @param {Relation} row
   */
  function importanceRow({ model, view: { metric }, change }, { id, value, n, ordered, few }) {
    const { label } = model.get(id);
    const known = !Number.isNaN(value);
    const size = Math.abs(value) * 100;
    const bar = svg("svg", {
      class: "bar-of",
      viewBox: "-100 0 200 10",
      preserveAspectRatio: "none",
      "aria-hidden": "true",
    });
    if (known) {
      const x = ordered ? Math.min(0, value * 100) : -size / 2;
      bar.append(svg("rect", { class: few ? "few" : ordered ? "" : "unsigned", x, y: 1, width: size, height: 8 }));
    }
    bar.append(svg("path", { d: "M0 0v10" }));
    const show = () => change({ plot: "scatter", x: id, y: metric, logs: "" });
    const said = few ? "too few runs" : !known ? "differs in every run, or in none" : ordered ? "" : "unordered";
    return el(
      "tr",
      { class: few || !known ? "weak" : null },
      el(
        "th",
        { scope: "row" },
        el(
          "button",
          { type: "button", class: "plain", dir: "auto", title: "Show as scatter plot", onclick: show },
          label,
        ),
      ),
      el("td", { class: "bar-cell" }, bar),
      el("td", { class: "num" }, known ? (ordered && value > 0 ? "+" : "") + format.number(value, 2) : MISSING),
      el("td", { class: "num" }, format.number(n)),
      el("td", { class: "quiet" }, said),
    );
  }

  /** @type {AgainstPlots} */
  reportgen.plots = {
    scatter: { title: "Scatter", draw: drawScatter },
    box: { title: "Box", draw: drawBox },
    contour: { title: "Contour", draw: drawContour },
    importance: { title: "Importance", draw: drawImportance },
  };
})();

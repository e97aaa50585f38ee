// @ts-check
/**
 * The charts of a section: draws in place of the pictures that the page came with, and keeps the view in the address.
 *
 * It decides what is drawn: which metrics of which runs, over which x, how smooth. `chart.js` draws, `series.js` loads,
 * and `curves-more.js` has what is for several runs, and what readers ask for now and then.
 */
(() => {
  "use strict";

  /** Runs that are drawn at once. */
  const MAX_RUNS = 200;
  /** Charts that stay drawn while they are out of sight. */
  const MAX_LIVE = 40;
  /** More lines than these are drawn without the bands of their envelopes, which would hide each other. */
  const MAX_BANDS = 10;
  /** With more charts than these there is a search. */
  const MANY = 6;
  /** The view is written to the address when it has been still for so many ms: browsers refuse to do it often. */
  const STILL = 200;
  /** So long a range has to be looked at before its exact points are loaded. */
  const LOOKED_AT = 150;

  /** @typedef {Record<string, string>} View */
  /** @typedef {{ x: Float64Array, y: Float64Array, low: Float64Array | null, high: Float64Array | null }} Points */

  // ---- the view: what the address says, all of it text; empty is the default

  /** What a reset leaves: where the reader is. */
  const PLACES = ["find", "full", "open"];
  const CHANGES = ["x", "smooth", "ylog", "xlog", "clip", "yr", "zoom", "by", "band", "hide", "pin"];
  const KEYS = [...CHANGES, ...PLACES];
  /** What only `curves-more.js` can show. */
  const FURTHER = ["zoom", "by", "band", "hide", "pin", ...PLACES];
  /** @type {View} */
  const view = {};
  /** @type {Set<{ show(changes: View): void, hover(from: CurvesItem, x: number | null): void }>} */
  const sections = new Set();
  /** @type {Record<string, string | null>} */
  let unwritten = {};
  let writing = 0;

  function write() {
    clearTimeout(writing);
    reportgen.state.set(unwritten);
    unwritten = {};
  }

  /** @param {View} changes */
  function change(changes) {
    Object.assign(view, changes);
    for (const key in changes) unwritten[key] = changes[key] || null;
    clearTimeout(writing);
    writing = setTimeout(write, STILL);
    for (const section of sections) section.show(changes);
  }

  function read() {
    for (const key of KEYS) view[key] = reportgen.state.get(key) || "";
  }

  function follow() {
    unwritten = {};
    read();
    for (const section of sections) section.show(view);
  }

  /** @param {Iterable<string>} ids */
  const join = (ids) => Array.from(ids, (id) => id.replace(/[%,]/g, encodeURIComponent)).join(",");
  /** @param {string} text */
  const split = (text) =>
    new Set(
      text
        .split(",")
        .filter(Boolean)
        .map((id) => id.replace(/%2[5C]/g, decodeURIComponent)),
    );

  /** @param {string} text `a..b`, either may be missing @returns {[number | null, number | null]} */
  function range(text) {
    const [low, high] = text.split("..").map((part) => (part && Number.isFinite(+part) ? +part : null));
    return [low, high ?? null];
  }

  /** @param {[number, number]} ends */
  function rangeText([low, high]) {
    /** @param {number} end with 5 digits, more when the ends are near each other */
    const text = (end) => +end.toPrecision(Math.min(17, 5 + Math.max(0, Math.ceil(Math.log10(Math.abs(end) / (high - low) || 1)))));
    return `${text(low)}..${text(high)}`;
  }

  /** Lines ascend in x: the times of a run that was resumed, or another metric, may not. @param {Points} points @returns {Points} */
  function ascending(points) {
    const { x, y, low, high } = points;
    if (x.every((value, i) => value >= (i ? x[i - 1] : value))) return points;
    const order = [...x.keys()].filter((i) => Number.isFinite(x[i])).sort((a, b) => x[a] - x[b]);
    /** @param {Float64Array} values */
    const pick = (values) => Float64Array.from(order, (i) => values[i]);
    return { x: pick(x), y: pick(y), low: low && pick(low), high: high && pick(high) };
  }

  /** Where the finite values end and others follow. @param {Points} points */
  function endOfNumbers({ x, y }) {
    const end = y.findLastIndex(Number.isFinite) + 1;
    return end && end < y.length ? x[end] : null;
  }

  // ---- a section

  /**
   * @param {HTMLElement} host
   * @param {CurvesSetting} setting
   * @returns {Curves}
   */
  function curves(host, setting) {
    const { el, format, math } = reportgen;
    let started = false;
    let version = 0;
    /** @type {CurvesMore | null} */
    let further = null;
    /** @type {Promise<CurvesMore | null> | null} */
    let asked = null;

    // ---- what is loaded

    async function load() {
      started = true;
      const mine = own.setting;
      const wanted = mine.runs.slice(0, MAX_RUNS);
      const [found] = await Promise.all([
        Promise.allSettled(wanted.map(({ k }) => reportgen.run(k))),
        wanted.length > 1 && ask(),
      ]);
      if (mine !== own.setting) return;
      const faults = found.flatMap((one) => (one.status === "rejected" ? [one.reason.message || one.reason] : []));
      const others = faults.length < found.length ? "The others are." : "The pictures are those of the build.";
      say(
        "runs",
        !!faults[0] && `${format.count(faults.length, "run")} cannot be drawn: ${faults[0]}. ${others}`,
        "bad",
      );
      const all = mine.runs.length;
      say("many", all > MAX_RUNS && `${MAX_RUNS} of ${format.number(all)} runs are drawn, the most at once.`);
      own.runs = found.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
      listMore();
      fillX();
      regroup();
      further?.loaded();
      version++;
      paint(); // at once: while the page is painted for the first time a frame may be far away
    }

    function wake() {
      if (started) queue();
      else load();
    }

    /** Have the script for more, or say why not. */
    function ask() {
      asked ||= reportgen.script("curvesMore").then(
        () => {
          further = reportgen.curvesMore(own);
          if (own.runs.length) regroup();
          further.loaded();
          return further;
        },
        (error) => {
          asked = null;
          say("more", `This cannot be shown: ${error.message}.`, "bad");
          return null;
        },
      );
      return asked;
    }
    const needed = () => FURTHER.some((key) => view[key]) || view.x.startsWith("m:");

    /** @type {Map<string, HTMLElement>} */
    const notes = new Map();
    /** @param {string} about @param {string | false} text @param {"warn" | "bad"} [kind] */
    function say(about, text, kind = "warn") {
      notes.get(about)?.remove();
      if (!text) return;
      const note = reportgen.note(kind, text);
      notes.set(about, note);
      panel.after(note);
    }

    /** Have all series that a chart needs. @param {CurvesItem} item */
    async function gather(item) {
      const { runs } = own;
      if (view.x.startsWith("m:")) await Promise.all(runs.map((run) => further?.loadX(run)));
      if (item.loaded === runs) return;
      /** @type {CurvesItem["series"]} */
      const series = new Map();
      const names = item.about.lines.flatMap(({ metric, quantiles }) => quantiles?.map((one) => one[1]) || metric);
      const wanted = runs.flatMap((run) => names.map((metric) => ({ run, metric })));
      const found = await Promise.all(wanted.map(({ run, metric }) => run.series(metric)));
      for (const [i, { run, metric }] of wanted.entries())
        if (found[i]?.steps.length) series.set(`${run.k} ${metric}`, found[i]);
      if (runs === own.runs) Object.assign(item, { loaded: runs, series, exact: new Map(), closer: "" });
    }

    // ---- what is drawn

    const by = () => view.by || own.setting.group || "none";

    function regroup() {
      const about = new Map(own.setting.runs.map((run) => [run.k, run]));
      const single = (/** @type {LoadedRun} */ run) => {
        const { k, name, slot, page } = /** @type {CurvesRun} */ (about.get(run.k));
        return { id: k, name, slot, page, runs: [run] };
      };
      own.entries = further && by() !== "none" ? further.group(by()) : own.runs.map(single);
    }

    /** Quantiles are drawn as they are. @param {CurvesItem} item */
    const weightOf = ({ about }) =>
      about.lines[0].quantiles
        ? 0
        : Math.min(0.999, Math.max(0, +(view.smooth || (about.smooth ?? own.setting.smooth)) || 0));

    /** @param {RunSeries} series @param {LoadedRun} run */
    function xOf(series, run) {
      if (view.x === "wall") return series.times;
      if (view.x === "time") return series.times.map((time) => time - run.facts.start);
      return further && view.x ? further.along(series, run) : series.steps;
    }

    /** @param {CurvesItem} item @returns {ChartLine[]} */
    function linesOf(item) {
      const { entries } = own;
      const weight = weightOf(item);
      const hidden = further?.hidden();
      const pinned = split(view.pin).add(own.hot);
      const banded = by() === "none" && entries.length * item.about.lines.length <= MAX_BANDS;
      /** @type {ChartLine[]} */
      const lines = [];
      for (const entry of entries) {
        for (const { metric, label, dashed, quantiles } of item.about.lines) {
          const line = `line:${label}`;
          if (hidden?.(entry.id) || hidden?.(line)) continue;
          let exact = true;
          /** @type {ChartLine["quantiles"]} */
          let told;
          const drawn = entry.runs.flatMap((run) => {
            const known = (/** @type {string} */ name) =>
              item.exact.get(`${run.k} ${name}`) || item.series.get(`${run.k} ${name}`);
            const series = known(metric);
            if (!series) return [];
            exact &&= series.exact;
            const points = { x: xOf(series, run), y: series.values, low: series.low, high: series.high };
            told = quantiles && reportgen.quantiles(quantiles, series.steps, known);
            return points.x.length ? [told ? points : ascending(points)] : []; // `chart.js` sorts a single line
          });
          if (!drawn.length) continue;
          const several = drawn.length > 1;
          const points = several ? math.band(drawn, /** @type {"range"} */ (view.band || "range")) : drawn[0];
          const smooth = (/** @type {Float64Array} */ values) => (weight ? math.smooth(values, weight) : values);
          const edge = (/** @type {Float64Array | null} */ values) =>
            several && values ? smooth(values) : banded ? values : null;
          lines.push({
            id: `${entry.id}\n${label}`,
            label: [entries.length > 1 && entry.name, label].filter(Boolean).join(" "),
            slot: entry.slot,
            dashed: dashed || (entry.slot > 6 && item.about.lines.length < 2),
            x: points.x,
            y: smooth(points.y),
            raw: weight ? points.y : null,
            low: edge(points.low),
            high: edge(points.high),
            quantiles: told,
            spread: !several && !exact,
            page: entry.page && reportgen.root + entry.page,
            pinned: pinned.has(entry.id) || pinned.has(line),
            nan_from: several ? null : endOfNumbers(points),
            running: !several && entry.runs.some((run) => run.facts.status === "unfinished"),
          });
        }
      }
      return lines;
    }

    /** What is done to the lines, and whether each point of a long series is drawn. @param {CurvesItem} item */
    function sayHow(item) {
      const long = [...item.series].filter(([, one]) => !one.exact).map(([key, one]) => item.exact.get(key) || one);
      const most = Math.max(0, ...long.map((one) => (one.exact ? 0 : one.n)));
      const drawn = most
        ? `${long.length > 1 ? "envelopes of up to" : "envelope of"} ${format.number(most)} points`
        : "exact points";
      if (!weightOf(item)) return long.length ? drawn : "";
      return `smoothed, ${long.length ? drawn : "as logged"} behind`;
    }

    /** @returns {[number, number] | null} */
    function zoomed() {
      const [low, high] = range(view.zoom);
      return low !== null && high !== null && low < high ? [low, high] : null;
    }

    /** @type {Record<string, ChartSpec["x"]>} */
    const X = {
      "": { kind: "step", label: "step" },
      wall: { kind: "wall", label: "UTC" },
      time: { kind: "relative", label: "since start" },
    };

    /** @param {CurvesItem} item @returns {ChartSpec} */
    function specOf(item) {
      const { title, unit, direction, said } = item.about;
      return {
        id: item.id,
        title,
        unit,
        direction,
        said: [said, sayHow(item)].filter(Boolean).join(", "),
        lines: linesOf(item),
        x: X[view.x] || { kind: "metric", label: nameOf(view.x) },
        log_x: !!view.xlog,
        log_y: !!view.ylog,
        x_range: zoomed(),
        y_range: range(view.yr),
        clip: !!view.clip,
      };
    }

    // ---- drawing: what is in sight, once a frame

    let queued = false;
    function queue() {
      if (queued) return;
      queued = true;
      requestAnimationFrame(() => {
        queued = false;
        paint();
      });
    }

    function redraw() {
      version++;
      queue();
    }

    async function paint() {
      const mine = version;
      const list = own.items.filter((item) => item.seen && item.drawn !== version);
      if (!own.runs.length || !list.length) return;
      if (needed()) await ask();
      await Promise.all(list.map(gather));
      if (mine !== version) return;
      /** @type {[CurvesItem, ChartSpec][]} */
      const fresh = [];
      for (const item of list) {
        if (item.loaded !== own.runs) continue;
        if (item.closer !== part()) item.exact.clear();
        const spec = specOf(item);
        item.drawn = version;
        if (item.live) {
          sayOf(item, spec);
          item.live.update(spec);
        } else if (spec.lines.length || !item.picture || changed()) fresh.push([item, spec]);
      }
      begin(fresh);
      lookCloser();
    }

    /** @param {CurvesItem} item @param {ChartSpec} spec */
    function sayOf({ said }, spec) {
      said.textContent = [spec.unit, spec.said].filter(Boolean).join(", ");
    }

    /** Put charts in the place of pictures, with the same height: the layout is read twice for all of them. @param {[CurvesItem, ChartSpec][]} fresh */
    function begin(fresh) {
      const before = fresh.map(([{ figure }]) => figure.offsetHeight);
      for (const [{ figure, caption, picture, plot }] of fresh) {
        if (!picture || plot.isConnected) continue;
        caption.classList.replace("hidden", "titled");
        // Paper gets the picture, also when it was too far away to be loaded so far.
        picture.querySelector("img")?.setAttribute("loading", "eager");
        plot.style.height = "0";
        caption.after(plot);
        figure.classList.add("live");
      }
      for (const [item, spec] of fresh) sayOf(item, spec);
      const after = fresh.map(([{ figure }]) => figure.offsetHeight);
      for (const [i, [item, spec]] of fresh.entries()) {
        if (before[i] > after[i]) item.plot.style.height = `${before[i] - after[i]}px`;
        item.live = reportgen.chart(item.plot, spec, {
          zoom: (ends) => change({ zoom: ends ? rangeText(ends) : "" }),
          hover: (x) => {
            for (const section of sections) section.hover(item, x);
          },
          pick(id) {
            const [entry, label] = id.split("\n");
            ask().then((more) => more?.toggle("pin", own.entries.length > 1 ? entry : `line:${label}`));
          },
        });
      }
    }

    /** Take charts down; their places stay. @param {CurvesItem[]} items */
    function end(items) {
      for (const item of items) {
        item.live?.destroy();
        item.live = null;
        item.drawn = -1;
      }
    }

    /** Paper shows the charts that have no picture of the build, seen or not, as far as their data are there. */
    async function print() {
      const bare = own.items.filter((item) => !item.picture && !own.moreItems.includes(item));
      if (!bare.length) return;
      for (const item of bare) item.seen = true;
      if (!started) await load();
      await paint();
    }
    addEventListener("beforeprint", print);

    const part = () => `${view.zoom} ${view.x}`;
    let looking = 0;
    function lookCloser() {
      clearTimeout(looking);
      const ends = zoomed();
      if (!ends) return;
      looking = setTimeout(() => {
        for (const item of own.items) if (item.seen && item.closer !== part()) further?.refine(item, ends);
      }, LOOKED_AT);
    }

    // ---- figures

    const sight = new IntersectionObserver(
      (changes) => {
        for (const { target, isIntersecting } of changes) {
          const item = own.items.find(({ figure }) => figure === target);
          if (item) item.seen = isIntersecting;
        }
        end(own.items.filter((item) => item.live && !item.seen).slice(MAX_LIVE));
        if (own.items.some((item) => item.seen)) wake();
      },
      { rootMargin: "300px" },
    );

    /** @param {HTMLElement} figure @param {CurvesChart} about */
    function makeItem(figure, about) {
      const picture = figure.querySelector(":scope > svg, :scope > a");
      let caption = figure.querySelector("figcaption");
      if (!caption) {
        const [arrow, word] = about.direction === "max" ? ["↑", "higher"] : ["↓", "lower"];
        const better =
          about.direction &&
          el("span", { class: "arrow" }, arrow, el("span", { class: "hidden" }, ` ${word} is better`));
        caption = el(
          "figcaption",
          null,
          el("b", { dir: "auto" }, about.title),
          " ",
          better,
          " ",
          el("span", { class: "unit", "data-said": "" }),
        );
        figure.append(caption);
      }
      const plot = el("div", { class: "plot" });
      if (picture) picture.classList.add("picture");
      else figure.append(plot);
      /** @type {CurvesItem} */
      const item = {
        about,
        id: about.lines[0].metric,
        figure,
        caption,
        said: /** @type {Element} */ (caption.querySelector("[data-said]")),
        plot,
        picture,
        seen: false,
        live: null,
        drawn: -1,
        loaded: null,
        series: new Map(),
        exact: new Map(),
        closer: "",
      };
      own.items.push(item);
      return item;
    }

    /** @param {HTMLElement} figure @param {CurvesChart} about */
    function adopt(figure, about) {
      const item = makeItem(figure, about);
      const open = button("⋯", () => ask().then((more) => more?.menu(item, open)), {
        class: "chart-menu",
        "aria-label": `More for ${about.title}`,
        "aria-haspopup": "true",
      });
      item.caption.append(open);
      sight.observe(figure);
      return item;
    }

    /** @param {CurvesItem[]} items */
    function remove(items) {
      end(items);
      own.items = own.items.filter((item) => !items.includes(item));
    }

    // ---- controls

    /** Whether the pictures of the build show something else. */
    const changed = () => !reset.hidden || !!own.setting.chosen;

    /** @type {(() => void)[]} */
    const syncs = [];
    const sync = () => {
      for (const one of syncs) one();
    };

    /** @param {string} value `param:lr` */
    const nameOf = (value) => value.replace(/^(param|tag|m):/, "");

    /** @param {string} text @param {() => void} onclick @param {Attributes} [attributes] */
    const button = (text, onclick, attributes) => el("button", { type: "button", onclick, ...attributes }, text);

    /** @param {string} label @param {string} key @param {[string, string][]} options value and text */
    function choice(label, key, options) {
      const input = el("select", {
        "aria-label": key === "x" ? "x axis" : label,
        onchange: () => change({ [key]: input.value, ...(key === "x" && { zoom: "" }) }),
      });
      const set = () => {
        input.value = view[key];
        if (input.selectedIndex < 0) input.append(new Option(nameOf(view[key]), view[key], false, true));
      };
      const fill = (/** @type {typeof options} */ list) => {
        input.replaceChildren(...list.map(([value, text]) => new Option(text, value)));
        set();
      };
      syncs.push(set);
      fill(options);
      return { element: el("span", null, label, " ", input), fill };
    }

    /** @param {string} label @param {string} key @param {[string, string][]} options value and text */
    function segments(label, key, options) {
      const buttons = options.map(([value, text]) => button(text, () => change({ [key]: value })));
      syncs.push(() => {
        for (const [i, [value]] of options.entries()) buttons[i].ariaPressed = String(view[key] === value);
      });
      return el(
        "span",
        null,
        label,
        " ",
        el("span", { class: "segments", role: "group", "aria-label": label }, ...buttons),
      );
    }

    function smoothing() {
      const set = (/** @type {string} */ value) =>
        change({ smooth: value && String(Math.min(0.999, Math.max(0, +value))) });
      const slide = el("input", {
        type: "range",
        max: 0.99,
        step: 0.01,
        "aria-label": "Smoothing",
        oninput: () => set(slide.value),
      });
      const exact = el("input", {
        type: "number",
        min: 0,
        max: 0.999,
        step: 0.001,
        placeholder: "auto",
        "aria-label": "Smoothing, as a number",
        onchange: () => set(exact.value),
      });
      syncs.push(() => {
        const weights = new Set(own.items.filter(({ about }) => !about.lines[0].quantiles).map(weightOf));
        exact.value = weights.size === 1 ? String([...weights]) : "";
        slide.value = exact.value || "0";
      });
      return el("span", null, "smoothing ", slide, " ", exact);
    }

    /** @type {[string, string][]} */
    const times = [
      ["", "step"],
      ["time", "relative time"],
      ["wall", "wall time"],
    ];
    const x = choice("x", "x", times);
    function fillX() {
      const metrics = new Set(own.runs.flatMap((run) => run.metrics));
      x.fill([...times, ...Array.from(metrics, (name) => /** @type {[string, string]} */ ([`m:${name}`, name]))]);
    }

    const find = el("input", {
      type: "search",
      placeholder: "Find a metric",
      "aria-label": "Find a metric",
      oninput: () => change({ find: find.value }),
    });
    const panel = el("div", { class: "curves-panel", hidden: true });
    const toggle = () => {
      panel.hidden = !panel.hidden;
      unfold.ariaExpanded = String(!panel.hidden);
    };
    const unfold = button("More", () => ask().then(toggle), { class: "button", "aria-expanded": "false" });
    const reset = button("Reset", () => change(Object.fromEntries(CHANGES.map((key) => [key, ""]))), {
      class: "button",
    });
    const y = segments("y", "ylog", [
      ["", "linear"],
      ["1", "log"],
    ]);
    const tools = el("div", { class: "curves-tools" }, find, x.element, smoothing(), y, unfold, reset);
    syncs.push(() => {
      if (find.value !== view.find) find.value = view.find;
      reset.hidden = !CHANGES.some((key) => view[key]);
      // Paper shows the pictures of the build as long as they show the same.
      host.classList.toggle("changed", changed());
    });

    // ---- metrics that have no chart on the page

    const restSaid = el("span", { class: "more" });
    const rest = el(
      "details",
      { class: "fold curves-rest", "data-part": "all" },
      el("summary", null, el("b", null, "All other metrics"), " ", restSaid),
    );

    function listMore() {
      const { items, moreItems, runs } = own;
      const told = own.setting.more || [];
      const charts = [...items.filter((item) => !moreItems.includes(item)).map(({ about }) => about), ...told];
      const left = new Map(runs.flatMap((run) => run.metrics.map((metric) => [metric, run.facts.metrics[metric]])));
      for (const { lines } of charts) for (const { metric } of lines) left.delete(metric);
      own.more = [
        ...told,
        ...Array.from(left, ([title, { unit, direction }]) => ({
          title,
          unit,
          direction,
          said: "",
          lines: [{ metric: title, label: "", dashed: false }],
        })),
      ];
      rest.hidden = !own.more.length;
      restSaid.textContent = format.count(own.more.length, "chart");
      find.hidden = charts.length + left.size <= MANY;
    }

    /** Fold or unfold a part, and remember it. @param {MouseEvent} event */
    function fold(event) {
      const box = /** @type {HTMLElement} */ (event.target).closest("summary")?.parentElement;
      if (!(box instanceof HTMLDetailsElement) || !box.dataset.part) return;
      event.preventDefault();
      const { part } = box.dataset;
      box.dataset.first ??= String(box.open);
      box.open = !box.open;
      const open = split(view.open);
      open.delete(part);
      open.delete(`-${part}`);
      if (String(box.open) !== box.dataset.first) open.add(`${box.open ? "" : "-"}${part}`);
      change({ open: join(open) });
    }

    // ---- together

    const self = {
      /** @param {View} changes */
      show(changes) {
        sync();
        if ("by" in changes) regroup();
        if (needed()) ask();
        further?.show();
        redraw();
      },
      /** @param {CurvesItem} from @param {number | null} at */
      hover(from, at) {
        for (const item of own.items) if (item !== from && item.seen) item.live?.hover(at);
      },
    };

    const head = /** @type {HTMLElement} */ (host.querySelector(".head") || el("div", { class: "head" }));
    if (!head.isConnected) host.prepend(head);
    /** @type {CurvesParts} */
    const own = {
      ...{ host, head, tools, panel, rest, setting, runs: [], entries: [], items: [], more: [], moreItems: [], hot: "" },
      ...{ view, change, write, by, ids: split, join, nameOf, xOf, part, makeItem, adopt, remove, wake, redraw, say },
      ...{ button, segments, choice, sync, syncs },
    };

    host.classList.add("curves");
    host.addEventListener("click", fold);
    host.querySelector("[data-left-out]")?.remove();
    head.append(tools);
    head.after(panel);
    for (const figure of /** @type {NodeListOf<HTMLElement>} */ (host.querySelectorAll("figure[data-curves]"))) {
      adopt(figure, JSON.parse(figure.dataset.curves || ""));
    }
    const pictured = new Set(own.items.map(({ id }) => id));
    const wanted = setting.charts.filter(({ lines }) => !pictured.has(lines[0].metric));
    const figures = wanted.map(() => el("figure"));
    if (wanted.length) host.append(el("div", { class: "plots" }, ...figures));
    for (const [i, about] of wanted.entries()) adopt(figures[i], about);
    host.append(rest);
    listMore();
    sections.add(self);
    self.show({});

    return {
      update(next) {
        own.setting = next;
        if (started) load();
      },
      async refresh() {
        await Promise.allSettled(own.setting.runs.slice(0, MAX_RUNS).map(({ k }) => reportgen.reload(`series/${k}`)));
        if (started) await load();
      },
      destroy() {
        sections.delete(self);
        removeEventListener("beforeprint", print);
        sight.disconnect();
        host.removeEventListener("click", fold);
        further?.destroy();
        end(own.items);
        for (const { figure, caption, plot } of own.items) {
          figure.classList.remove("live");
          caption.classList.replace("titled", "hidden");
          plot.remove();
        }
        for (const element of [...notes.values(), tools, panel, rest]) element.remove();
      },
    };
  }

  read();
  reportgen.state.listen(follow);
  reportgen.curves = curves;
})();

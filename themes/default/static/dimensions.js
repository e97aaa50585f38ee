// @ts-check
/**
 * What the runs of some experiments differ in, for drawing them against each other: each param, metric or time becomes a
 * `Dimension`, one number a run, so that every drawing treats them alike. Also how closely a param goes with a metric,
 * and the small parts that the drawings share.
 *
 * Needs d3 and math.js. parallel.js, plots.js and against.js build on it.
 */
(() => {
  "use strict";

  const { el, format } = reportgen;

  // ---- ranks; the rest of the statistics is in math.js, which every chart needs

  /** Ranks from 1; equal values share the mean of theirs. @param {number[]} values */
  function ranks(values) {
    const order = values.map((_, i) => i).sort((a, b) => values[a] - values[b]);
    /** @type {number[]} */
    const result = new Array(values.length);
    for (let i = 0, j = 0; i < order.length; i = j) {
      while (j < order.length && values[order[j]] === values[order[i]]) j++;
      for (let k = i; k < j; k++) result[order[k]] = (i + j + 1) / 2;
    }
    return result;
  }

  /** Pearson's correlation of the ranks. @param {ArrayLike<number>} a @param {ArrayLike<number>} b */
  function spearman(a, b) {
    const pairs = [];
    for (let i = 0; i < Math.min(a.length, b.length); i++) {
      if (Number.isFinite(a[i]) && Number.isFinite(b[i])) pairs.push(i);
    }
    const n = pairs.length;
    const left = ranks(pairs.map((i) => a[i]));
    const right = ranks(pairs.map((i) => b[i]));
    let [ab, aa, bb] = [0, 0, 0];
    for (let i = 0; i < n; i++) {
      const u = left[i] - (n + 1) / 2;
      const v = right[i] - (n + 1) / 2;
      ab += u * v;
      aa += u * u;
      bb += v * v;
    }
    return { rho: ab / Math.sqrt(aa * bb), n };
  }

  Object.assign(reportgen.math, { ranks, spearman });

  /** Up to so many different numbers are ticks, groups of a box plot, or names when None is among them. */
  const FEW = 12;
  /** Values that span two decades are shown on a logarithmic axis. */
  const DECADES = 99.9;
  /** How many times as far from the best as the median is, a value still has its own place; as in `pages/strips.py`. */
  const REACH = 4;
  /** Below this many runs a correlation says nothing. */
  const ENOUGH = 8;
  /** Height of the runs without a value, below the axis. */
  const LOST = -0.12;
  const MISSING = "–";
  const MAX_ROWS = 100;

  // ---- what runs differ in

  /** @param {Direction} direction */
  const arrow = (direction) => (direction === "max" ? "↑" : direction === "min" ? "↓" : "");
  /** @param {Direction} direction */
  const better = (direction) => (direction ? `${direction === "max" ? "higher" : "lower"} is better` : "");

  /**
   * @param {string} id
   * @param {string} label
   * @param {(ParamValue | undefined)[]} raw one a run, undefined where it has none
   * @param {Partial<Dimension>} more
   * @returns {Dimension}
   */
  function makeDimension(id, label, raw, more) {
    const kinds = new Set(raw);
    kinds.delete(undefined);
    const present = [...kinds];
    const numeric =
      present.every((v) => typeof v === "number" || v === null || /^(NaN|-?Infinity)$/.test(String(v))) &&
      !(present.includes(null) && present.length <= FEW);
    /** @param {ParamValue | undefined} v */
    const rank = (v) => (typeof v === "number" ? v : v === null ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY);
    const names = numeric
      ? null
      : [
          ...new Set(
            present
              .sort(
                (a, b) =>
                  (rank(a) === rank(b) ? 0 : rank(a) - rank(b)) ||
                  String(a).localeCompare(String(b), "en", { numeric: true }),
              )
              .map((v) => format.param(/** @type {ParamValue} */ (v))),
          ),
        ];
    const index = names && new Map(names.map((name, i) => [name, i]));
    const values = Float64Array.from(raw, (v) =>
      v === undefined
        ? Number.NaN
        : index
          ? Number(index.get(format.param(v)))
          : typeof v === "number"
            ? v
            : Number.NaN,
    );
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    const distinct = new Set();
    for (let i = 0; i < values.length; i++) {
      const v = values[i];
      if (!Number.isFinite(v)) {
        values[i] = Number.NaN;
        continue;
      }
      if (v < low) low = v;
      if (v > high) high = v;
      if (distinct.size <= FEW) distinct.add(v);
    }
    const direction = more.direction || null;
    const beyond = direction && !names ? worstWithin(values, direction, direction === "max" ? high : low) : null;
    const worst = direction === "max" ? low : high;
    if (beyond !== null && direction === "max") low = beyond;
    if (beyond !== null && direction === "min") high = beyond;
    const log = !names && low > 0 && high / low >= DECADES;
    return {
      id,
      label,
      note: log ? "log" : "",
      values,
      names,
      ordered: !names || present.every((v) => typeof v === "boolean"),
      distinct: [...distinct].sort((a, b) => a - b),
      lacking: values.some(Number.isNaN),
      direction,
      rising: names ? present.some((v) => typeof v === "number" || typeof v === "boolean") : more.direction !== "min",
      log,
      low,
      high,
      beyond: beyond === null || beyond === worst ? null : worst,
      text: names ? (v) => names[v] : (v) => format.param(v),
      ...more,
    };
  }

  /**
   * The worst value that is not far behind the others, so that one run that went astray does not press all others
   * together; null when they are too few or too alike to tell.
   * @param {Float64Array} values
   * @param {Direction} direction
   * @param {number} best
   */
  function worstWithin(values, direction, best) {
    const known = values.filter((v) => !Number.isNaN(v));
    const reach = REACH * reportgen.math.quantile(known.map((v) => Math.abs(v - best)).sort(), 0.5);
    if (known.length < 5 || !reach) return null;
    const near = known.filter((v) => Math.abs(v - best) <= reach);
    return near.reduce((a, b) => (direction === "max" ? Math.min(a, b) : Math.max(a, b)), best);
  }

  /**
   * @param {ExperimentTable[]} tables
   * @returns {AgainstModel}
   */
  function makeModel(tables) {
    const offsets = tables.map((_, t) => tables.slice(0, t).reduce((sum, table) => sum + table.n, 0));
    const n = tables.reduce((sum, table) => sum + table.n, 0);
    /** @template T @param {(table: ExperimentTable) => T[]} part @returns {T[]} */
    const joined = (part) => tables.flatMap(part);

    /** @template C @param {(table: ExperimentTable) => (C & { name: string })[]} part */
    function columnsByName(part) {
      /** @type {Map<string, { at: number, column: C & { name: string } }[]>} */
      const found = new Map();
      for (const [t, table] of tables.entries()) {
        for (const column of part(table)) {
          const same = found.get(column.name);
          if (same) same.push({ at: offsets[t], column });
          else found.set(column.name, [{ at: offsets[t], column }]);
        }
      }
      return found;
    }
    const params = columnsByName((table) => table.params);
    const metrics = columnsByName((table) => table.metrics);

    /** @template T @param {{ at: number, column: Column<T> }[]} parts @returns {(T | undefined)[]} */
    function spread(parts) {
      const raw = new Array(n).fill(undefined);
      for (const { at, column } of parts) {
        for (const [j, value] of column.values.entries()) raw[at + (column.runs ? column.runs[j] : j)] = value;
      }
      return raw;
    }

    /** @param {string} name */
    function metric(name) {
      const parts = metrics.get(name) || [];
      const { unit, summary, direction } = parts[0].column;
      const decimals = Math.max(...parts.map((part) => part.column.decimals));
      const raw = spread(parts).map((v) => (v === undefined || v === null ? undefined : Number(v)));
      const made = makeDimension(`metric:${name}`, titleOf(name), raw, {
        direction,
        text: (v) => format.number(v, decimals),
      });
      const said = [unit, summary, made.log ? "log" : ""].filter(Boolean).join(", ");
      return { ...made, note: `${said} ${arrow(direction)}`.trim() };
    }
    /** @param {string} name */
    const titleOf = (name) => metrics.get(name)?.[0].column.title || name;

    /** @type {Record<string, () => Dimension>} */
    const facts = {
      experiment: () =>
        makeDimension(
          "experiment",
          "experiment",
          joined((table) => new Array(table.n).fill(table.title)),
          {},
        ),
      start: () => {
        const made = makeDimension(
          "start",
          "start",
          joined((table) => table.runs.start),
          { text: format.time },
        );
        return { ...made, log: false, note: "UTC" };
      },
      duration: () => {
        const raw = joined((table) => table.runs.duration);
        const longest = Math.max(...raw.filter(Number.isFinite));
        const [unit, size] = longest < 120 ? ["s", 1] : longest < 7200 ? ["min", 60] : ["h", 3600];
        const made = makeDimension(
          "duration",
          "duration",
          raw.map((v) => v / Number(size)),
          {
            text: (v) => format.duration(v * Number(size)),
          },
        );
        return { ...made, note: made.log ? `${unit}, log` : String(unit) };
      },
    };

    /** @type {Map<string, Dimension>} */
    const made = new Map();
    /** @param {string} id */
    const nameOf = (id) => id.slice(id.indexOf(":") + 1);
    /** @param {string} id */
    const has = (id) =>
      id.startsWith("param:")
        ? params.has(nameOf(id))
        : id.startsWith("metric:")
          ? metrics.has(nameOf(id))
          : Object.hasOwn(facts, id);
    /** @param {string} id */
    function get(id) {
      let dimension = made.get(id);
      if (!dimension) {
        const name = nameOf(id);
        if (id.startsWith("metric:")) dimension = metric(name);
        else if (id.startsWith("param:")) dimension = makeDimension(id, name, spread(params.get(name) || []), {});
        else dimension = facts[id]();
        made.set(id, dimension);
      }
      return dimension;
    }

    const varying = [...params].filter(
      ([, parts]) =>
        parts.length < tables.length ||
        parts.some(({ column }) => column.varying || column.values[0] !== parts[0].column.values[0]),
    );
    /** @param {boolean} seed */
    const paramsBySeed = (seed) =>
      varying
        .filter(([, parts]) => parts.every(({ column }) => column.seed) === seed)
        .map(([name]) => ({ id: `param:${name}`, label: name }));
    const leading = tables.find((table) => table.leading)?.leading;
    const headline = [...new Set(tables.flatMap((table) => table.headline))].filter((name) => metrics.has(name));
    if (!headline.length) headline.push(...[...metrics.keys()].slice(0, 3));
    headline.sort((a, b) => Number(b === leading) - Number(a === leading));
    const k = joined((table) => table.runs.k);
    return {
      n,
      k,
      name: joined((table) => table.runs.name),
      page: joined((table) => table.runs.page),
      status: joined((table) => table.runs.status),
      noise: Float32Array.from(k, noiseOf),
      params: paramsBySeed(false),
      seeds: paramsBySeed(true),
      metrics: [...metrics.keys()].map((name) => ({ id: `metric:${name}`, label: titleOf(name) })),
      facts: (tables.length > 1 ? ["experiment", "start", "duration"] : ["start", "duration"]).map((id) => ({
        id,
        label: id,
      })),
      headline: headline.map((name) => `metric:${name}`),
      title: tables.length === 1 ? tables[0].title : format.count(tables.length, "experiment"),
      has,
      get,
    };
  }

  /** @param {string} key */
  function noiseOf(key) {
    // FNV-1a, and its bits mixed: keys may differ in their last letter alone.
    let hash = 2166136261;
    for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 16777619);
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    return ((hash ^ (hash >>> 13)) >>> 8) / 2 ** 24 - 0.5;
  }

  /**
   * Values at which an axis from `low` to `high` has ticks, and their texts.
   * @param {Dimension} dimension
   * @param {number} count about so many
   * @param {boolean} log
   */
  function ticksOf(dimension, count, log = dimension.log) {
    const { low, high, names, distinct, id } = dimension;
    if (names) return names.map((name, at) => ({ at, text: name }));
    if (!(high >= low)) return [];
    if (id === "start") {
      const short = d3.utcFormat(high - low > 3 * 86400 ? "%-d %b" : "%-d %b %H:%M");
      const times = d3.scaleUtc([low * 1e3, high * 1e3], [0, 1]).ticks(count);
      return times.map((time) => ({ at: +time / 1e3, text: short(time) }));
    }
    /** @type {number[]} */
    let values;
    if (distinct.length <= Math.max(2, count) && id.startsWith("param:")) values = distinct;
    else if (log) {
      values = d3.scaleLog([low, high], [0, 1]).ticks(count);
      const powers = values.filter((v) => Number.isInteger(Math.round(Math.log10(v) * 1e9) / 1e9));
      if (powers.length > 1) values = powers.filter((_, i) => i % Math.ceil(powers.length / count) === 0);
    } else values = d3.ticks(low, high, count);
    values = values.map((v) => Number(v.toPrecision(12)));
    const decimals = format.decimals(values);
    const plain = id.startsWith("metric:") && !log;
    return values.map((at) => ({ at, text: plain ? format.number(at, decimals) : format.param(at) }));
  }

  /**
   * How high a value stands on its axis, 0 … 1: what is better or more above, of words the first. Values beyond the axis
   * stand at its end.
   * @param {Dimension} dimension
   * @param {number} value
   */
  function heightOf({ names, log, low, high, rising }, value) {
    const at = Math.min(high, Math.max(low, value));
    let part = 0.5;
    if (names) part = (at + 0.5) / names.length;
    else if (high > low) part = log ? Math.log(at / low) / Math.log(high / low) : (at - low) / (high - low);
    return rising ? part : 1 - part;
  }

  /**
   * @param {Dimension} dimension
   * @param {number} height
   */
  function valueAt({ names, log, low, high, rising }, height) {
    const part = Math.min(1, Math.max(0, rising ? height : 1 - height));
    if (names) return Math.min(names.length - 1, Math.floor(part * names.length));
    return log ? low * (high / low) ** part : low + part * (high - low);
  }

  // ---- parts of the address

  /** @param {string} text */
  const escaped = (text) => text.replace(/[%,!]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
  /** @param {string} text */
  function unescaped(text) {
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  }

  /** @param {Dimension} dimension */
  const isGrouping = ({ id, distinct }) => id !== "start" && distinct.length > 0 && distinct.length <= FEW;

  /**
   * A brush as the address holds it: the values at its lower and upper end, empty for the runs without one.
   * @param {Dimension} dimension
   * @param {string} from
   * @param {string} to
   * @returns {AxisRange | null}
   */
  function rangeOf(dimension, from, to) {
    const { names } = dimension;
    const half = names ? 0.5 / names.length : 1e-5;
    /** @param {string} text @param {number} more */
    const height = (text, more) =>
      text ? heightOf(dimension, names ? names.indexOf(text) : Number(text)) + more : LOST + Math.sign(more) * 1e-3;
    if (names && [from, to].some((text) => text && !names.includes(text))) return null;
    const low = height(from, -half);
    const high = height(to, half);
    return low <= high ? [low, high] : null;
  }

  /**
   * @param {Dimension} dimension
   * @param {AxisRange} range
   */
  function rangeTexts(dimension, [low, high]) {
    const { names, log } = dimension;
    const half = names ? 0.5 / names.length : 0;
    const digits = 5 - Math.floor(Math.log10(dimension.high - dimension.low));
    /** @param {number} height */
    const text = (height) => {
      const value = valueAt(dimension, height);
      if (names) return names[value];
      return String(Number(log ? value.toPrecision(6) : value.toFixed(Math.min(20, Math.max(0, digits)))));
    };
    return [low <= LOST ? "" : text(low + half), high < -1e-3 ? "" : text(high - half)];
  }

  // ---- how much a param has to do with a metric

  /**
   * Correlation ratio of the ranks of `b` in the groups `a`, corrected for the number of groups (Kelley 1935, the
   * adjusted R² of the group means): 0 when groups explain no more than chance, 1 when they explain all. NaN when no
   * run repeats a group.
   * @param {number[]} a
   * @param {number[]} b
   */
  function correlationRatio(a, b) {
    const n = a.length;
    const ranks = reportgen.math.ranks(b);
    const mean = (n + 1) / 2;
    /** @type {Map<number, { n: number, sum: number }>} */
    const groups = new Map();
    let total = 0;
    for (let i = 0; i < n; i++) {
      const group = groups.get(a[i]) || { n: 0, sum: 0 };
      groups.set(a[i], group);
      group.n++;
      group.sum += ranks[i] - mean;
      total += (ranks[i] - mean) ** 2;
    }
    let between = 0;
    for (const group of groups.values()) between += group.sum ** 2 / group.n;
    const k = groups.size;
    if (k < 2 || k >= n || !total) return Number.NaN;
    return Math.sqrt(Math.max(0, 1 - ((1 - between / total) * (n - 1)) / (n - k)));
  }

  /**
   * Relation of two dimensions over the runs that have both and did not fail.
   * @param {AgainstModel} model
   * @param {Dimension} dimension
   * @param {Dimension} metric
   * @returns {Relation}
   */
  function relationOf(model, dimension, metric) {
    const a = [];
    const b = [];
    for (let i = 0; i < model.n; i++) {
      if (model.status[i] === "failed" || Number.isNaN(dimension.values[i]) || Number.isNaN(metric.values[i])) continue;
      a.push(dimension.values[i]);
      b.push(metric.values[i]);
    }
    const { ordered } = dimension;
    const value = ordered ? reportgen.math.spearman(a, b).rho : correlationRatio(a, b);
    return { id: dimension.id, value, n: a.length, ordered, few: a.length < ENOUGH };
  }

  /** @type {WeakMap<AgainstModel, Map<string, Relation[]>>} */
  const ranked = new WeakMap();

  /**
   * Params with their relation to a metric, the closest first; those that say nothing last.
   * @param {AgainstModel} model
   * @param {string} metric
   */
  function rankParams(model, metric) {
    const known = ranked.get(model) || new Map();
    ranked.set(model, known);
    /** @type {Relation[] | undefined} */
    let rows = known.get(metric);
    if (!rows) {
      // Each relation sorts all runs: with many runs and thousands of params, the first ones have to do.
      const most = Math.max(40, Math.floor(2e6 / (model.n + 1)));
      /** @param {Relation} row */
      const weight = ({ value, few }) => (Number.isNaN(value) ? -2 : few ? -1 : Math.abs(value));
      rows = model.params.slice(0, most).map(({ id }) => relationOf(model, model.get(id), model.get(metric)));
      rows.sort((a, b) => weight(b) - weight(a));
      known.set(metric, rows);
    }
    return rows;
  }

  // ---- what drawings share

  const measure = (() => {
    const context = /** @type {CanvasRenderingContext2D} */ (document.createElement("canvas").getContext("2d"));
    let family = "";
    /** @param {string} text @param {number} [weight] */
    return (text, weight = 400) => {
      family ||= getComputedStyle(document.body).fontFamily;
      context.font = `${weight} 11.5px ${family}`;
      return context.measureText(text).width;
    };
  })();

  /**
   * `text` cut to `room` px; names of params and metrics say most at their end.
   * @param {string} text
   * @param {number} room
   * @param {boolean} [atEnd] keep the end
   */
  function shortened(text, room, atEnd = false) {
    if (measure(text, 600) <= room) return text;
    const signs = [...text];
    let kept = signs.length - 1;
    const cut = () => (atEnd ? `…${signs.slice(-kept).join("")}` : `${signs.slice(0, kept).join("")}…`);
    while (kept > 1 && measure(cut(), 600) > room) kept--;
    return cut();
  }

  /**
   * A canvas of the given size with its context scaled to the pixels of the screen.
   * @param {HTMLCanvasElement} canvas
   * @param {number} width
   * @param {number} height
   */
  function fitCanvas(canvas, width, height) {
    const scale = Math.min(2, devicePixelRatio || 1);
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    context.scale(scale, scale);
    return context;
  }

  /** @param {Element} element @param {string} name */
  const colourOf = (element, name) => getComputedStyle(element).getPropertyValue(name).trim();

  /** @param {AgainstModel} model @param {number[]} runs */
  const compareLink = (model, runs) => `${reportgen.root}compare.html#?runs=${runs.map((i) => model.k[i]).join(",")}`;

  /** Empty for a run whose page is not part of a report in one file. @param {AgainstModel} model @param {number} i */
  const runAddress = (model, i) => model.page[i] && reportgen.root + model.page[i];

  /** @param {AgainstModel} model @param {number} i */
  const runLink = (model, i) => el("a", { href: runAddress(model, i) || null, dir: "auto" }, model.name[i]);

  /**
   * What a figure shows, as a table that is made when it is opened.
   * @param {string} title
   * @param {() => { head: string[], rows: (string | Node)[][], more: string }} read
   */
  function foldedTable(title, read) {
    const box = el("div", { class: "scroll", role: "region", tabindex: 0, "aria-label": title });
    const details = el("details", { class: "against-values" }, el("summary", null, title), box);
    const refresh = () => {
      if (!details.open) return;
      const { head, rows, more } = read();
      const table = el(
        "table",
        null,
        el(
          "thead",
          null,
          el("tr", null, ...head.map((text, j) => el("th", { scope: "col", class: j ? "num" : null }, text))),
        ),
        el(
          "tbody",
          null,
          ...rows.map((row) =>
            el(
              "tr",
              null,
              ...row.map((cell, j) => (j ? el("td", { class: "num" }, cell) : el("th", { scope: "row" }, cell))),
            ),
          ),
        ),
      );
      box.replaceChildren(table, ...(more ? [el("p", { class: "below" }, more)] : []));
    };
    details.addEventListener("toggle", refresh);
    return { details, refresh };
  }

  /**
   * @param {AgainstModel} model
   * @param {Dimension[]} dimensions
   * @param {number[]} runs
   */
  function runRows(model, dimensions, runs) {
    return {
      head: ["Run", ...dimensions.map(({ label, note }) => (note ? `${label} (${note})` : label))],
      rows: runs
        .slice(0, MAX_ROWS)
        .map((i) => [
          runLink(model, i),
          ...dimensions.map(({ values, text }) => (Number.isNaN(values[i]) ? MISSING : text(values[i]))),
        ]),
      more: runs.length > MAX_ROWS ? `${MAX_ROWS} of ${format.count(runs.length, "run")}` : "",
    };
  }

  reportgen.dimensions = {
    FEW,
    LOST,
    MISSING,
    better,
    makeModel,
    ticksOf,
    heightOf,
    isGrouping,
    rangeOf,
    rangeTexts,
    escaped,
    unescaped,
    rankParams,
    measure,
    shortened,
    fitCanvas,
    colourOf,
    compareLink,
    runAddress,
    runLink,
    foldedTable,
    runRows,
  };
})();

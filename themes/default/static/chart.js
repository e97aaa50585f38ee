// @ts-check
/**
 * One chart in a box of the page: lines, bands, axes, names at the ends of the lines; zoom, cross line and readout for
 * mouse, touch and keyboard; a table of values for those who cannot see it.
 *
 * It fills its host, whose height the page decides, and draws what the spec says; it loads nothing and keeps no view.
 * Lines and bands are on a canvas; all else is SVG with the classes of the charts that the build makes, and follows the
 * same rules (`reportgen/analysis/frames.py`, `reportgen/site/charts.py`).
 */
(() => {
  "use strict";

  const { el, svg, format } = reportgen;

  /** More lines than this have a legend instead of names at their ends, and so have charts narrower than the next. */
  const MAX_LABELS = 10;
  const LEGEND_BELOW = 320;
  const LEGEND_NAMES = 12;
  /** Lines that the readout tells. */
  const MAX_ROWS = 8;
  /** Height of the row of x labels in px. */
  const BOTTOM = 24;
  /** Room around the plot area for half of a line's width. */
  const PAD = 3;
  const DASH = [5, 3.5];
  const FONT = 11.5;

  /**
   * A line in order of x, with what is asked of it more than once. What has no place on the axes is NaN in `y`.
   * @typedef {object} Curve
   * @property {ChartLine} line
   * @property {Float64Array} x
   * @property {Float64Array} y
   * @property {Float64Array} values `y` with what has no place
   * @property {Float64Array | null} raw
   * @property {Float64Array[]} edges of bands, the highest first; the median may be in the middle
   * @property {number} first index of the first point shown, -1 without any
   * @property {number} last
   * @property {number} lost points that a logarithmic axis has no place for
   * @property {number[]} breaks indices behind which points are missing
   * @property {number} from the visible points and one on either side
   * @property {number} to
   */
  /**
   * Where everything is, in px inside the plot area.
   * @typedef {object} Frame
   * @property {ChartSpec} spec
   * @property {Curve[]} curves
   * @property {Curve[]} drawn those with a point to show
   * @property {Curve[]} labelled
   * @property {boolean} legend
   * @property {string[]} notes
   * @property {number} left
   * @property {number} right
   * @property {number} top
   * @property {number} width
   * @property {number} height
   * @property {ChartAxis} x
   * @property {ChartAxis} y
   * @property {string} unit what follows the last label of x
   * @property {(x: number) => number} toX
   * @property {(y: number) => number} toY
   */
  /** @typedef {{ moveTo(x: number, y: number): void, lineTo(x: number, y: number): void, closePath(): void }} Pen */
  /** @typedef {{ curve: Curve, kind: "band" | "edge" | "raw" | "line", band?: number }} Layer `band`: 0 is the widest */
  /** @typedef {{ curve: Curve, i: number, x: number, y: number }} Hit a point near the cursor, in px */

  // ---- lines

  /** @param {ChartSpec} spec */
  const logX = (spec) => spec.log_x && spec.x.kind !== "wall";

  /** What a line tells: a histogram its quantiles, the highest first. @param {Curve} curve @returns {[string, Float64Array][]} */
  const toldOf = ({ line, edges, values }) => line.quantiles?.map(([name], i) => [name, edges[i]]) || [[line.label, values]];

  /** @param {ChartLine} line @param {ChartSpec} spec @returns {Curve} */
  function lookAt(line, spec) {
    let { x, y, raw } = line;
    let edges = line.quantiles?.map((one) => one[1]) || (line.low && line.high ? [line.high, line.low] : []);
    /** @param {(values: Float64Array) => Float64Array} change */
    const each = (change) => {
      [x, y] = [change(x), change(y)];
      raw = raw && change(raw);
      edges = edges.map(change);
    };
    if (!x.every((v, i) => Number.isFinite(v) && (i === 0 || v >= x[i - 1]))) {
      const all = x;
      const order = Array.from(all.keys()).filter((i) => Number.isFinite(all[i]));
      order.sort((a, b) => all[a] - all[b] || a - b);
      each((values) => Float64Array.from(order, (i) => values[i]));
    }
    let lost = 0;
    if (logX(spec)) {
      lost = reportgen.math.lowerBound(x, Number.MIN_VALUE);
      each((values) => values.subarray(lost));
    }
    const values = y;
    if (spec.log_y) {
      const positive = (/** @type {Float64Array} */ values) => values.map((v) => (v > 0 ? v : NaN));
      for (const v of raw || y) if (v <= 0) lost++;
      y = positive(y);
      raw = raw && positive(raw);
    }
    const first = y.findIndex(Number.isFinite);
    let last = first < 0 ? -1 : y.length - 1;
    while (last >= 0 && !Number.isFinite(y[last])) last--;
    return { line, x, y, values, raw, edges, first, last, lost, breaks: reportgen.math.gaps(x), from: 0, to: x.length - 1 };
  }

  /** On the line at x; NaN where it does not pass. @param {Curve} curve @param {number} at */
  function valueAt({ x, y, breaks }, at) {
    const i = reportgen.math.lowerBound(x, at);
    if (x[i] === at) return y[i];
    if (!i || i === x.length || breaks.includes(i - 1)) return NaN;
    return y[i - 1] + ((y[i] - y[i - 1]) * (at - x[i - 1])) / (x[i] - x[i - 1]);
  }

  /** What stands in a chart that has no point to show. @param {Curve[]} curves */
  function wordForNothing(curves) {
    const values = curves.flatMap(({ line }) => Array.from(line.raw || line.y));
    if (!values.length) return "no values";
    if (values.every(Number.isNaN)) return "only NaN";
    return values.some(Number.isFinite) ? "no value above 0" : "no finite value";
  }

  // ---- axes

  /** @param {number} low @param {number} high @param {number} count @returns {ChartAxis} */
  function plainAxis(low, high, count) {
    const { ticks, tickTexts } = reportgen.math;
    const found = ticks(low, high, count);
    const step = found.length > 1 ? found[1] - found[0] : Math.abs(found[0]) || 1;
    return { low, high, ticks: found, labels: tickTexts(found, step), cut: false, log: false };
  }

  /** The axis of values, and what must be said about it. @param {Curve[]} curves @param {ChartSpec} spec @param {number} height @returns {{ y: ChartAxis, notes: string[] }} */
  function valueAxis(curves, spec, height) {
    const { math } = reportgen;
    const drawn = curves.filter((c) => c.last >= 0);
    const empty = { low: 0, high: 1, ticks: [], labels: [], cut: false, log: false };
    if (!drawn.length) return { y: empty, notes: [] };
    const notes = curves.filter((c) => c.last < 0).slice(0, 2).map((c) => `${cut(c.line.label, 160)}: ${wordForNothing([c])}`);
    const zoomed = spec.x_range;
    const from = zoomed ? zoomed[0] : Math.min(...drawn.map((c) => c.x[0]));
    const to = zoomed ? zoomed[1] : Math.max(...drawn.map((c) => c.x[c.x.length - 1]));
    const start = from + 0.1 * (to - from);
    let [low, high, laterLow, later, longest] = [Infinity, -Infinity, Infinity, -Infinity, 0];
    for (const c of drawn) {
      longest = Math.max(longest, c.x.length);
      for (const edge of [c.raw || c.y, ...c.edges]) {
        for (let i = c.from; i <= c.to; i++) {
          const v = edge[i];
          // The bucket of an envelope that begins before the view reaches into it.
          const before = c.x[i] < from && !(c.line.spread && c.x[i + 1] > from);
          if (!Number.isFinite(v) || before || c.x[i] > to || (spec.log_y && v <= 0)) continue;
          if (v < low) low = v;
          if (v > high) high = v;
          if (c.x[i] >= start && v < laterLow) laterLow = v;
          if (c.x[i] >= start && v > later) later = v;
        }
      }
      if (zoomed) {
        for (const v of [valueAt(c, from), valueAt(c, to)]) {
          if (v < low) low = v;
          if (v > high) high = v;
        }
      }
    }
    if (low > high) return { y: empty, notes };
    if (spec.clip) {
      const inner = drawn.map((c) => middle(c, from, to)).filter((range) => range[0] <= range[1]);
      const bottom = Math.min(...inner.map((range) => range[0]));
      const top = Math.max(...inner.map((range) => range[1]));
      if (low < bottom || high > top) notes.push("outliers are cut");
      [low, high] = [Math.max(low, bottom), Math.min(high, top)];
    }
    const [bottom, top] = spec.y_range;
    const lost = drawn.reduce((sum, c) => sum + c.lost, 0);
    if (lost) notes.push(`${format.count(lost, "value")} at 0 and below ${lost === 1 ? "is" : "are"} left out`);
    if (spec.log_y) {
      const ends = [bottom !== null && bottom > 0 ? bottom : low, top !== null && top > 0 ? top : high];
      return { y: math.logAxis(Math.min(...ends), Math.max(...ends)), notes };
    }
    if (!spec.clip && !zoomed && longest >= 20 && bottom === null && top === null) {
      if (later > low && high - low > 2.5 * (later - low)) {
        notes.push(`first steps up to ${math.numberText(high, 3)} are cut`);
        high = later + 0.5 * (later - low);
      } else if (laterLow < high && high - low > 2.5 * (high - laterLow)) {
        notes.push(`first steps from ${math.numberText(low, 3)} are cut`);
        low = laterLow - 0.5 * (high - laterLow);
      }
    }
    const count = height >= 140 ? 4 : 3;
    let y = math.valueAxis(low, high, count);
    if (bottom !== null || top !== null) {
      const ends = [bottom ?? Math.min(y.low, (top ?? 0) - 1), top ?? Math.max(y.high, (bottom ?? 0) + 1)];
      y = plainAxis(Math.min(...ends), Math.max(...ends), count);
      y.cut = y.low > 0 && y.low > 0.8 * y.high;
    }
    if (y.cut && y.ticks.length > 1) notes.push(`axis starts at ${math.tickTexts([y.low], y.ticks[1] - y.ticks[0])[0]}`);
    return { y, notes };
  }

  /** The 5th and 95th percentile of a line between two x. @param {Curve} curve @param {number} from @param {number} to */
  function middle(curve, from, to) {
    const values = curve.raw || curve.y;
    const every = Math.ceil((curve.to - curve.from + 1) / 20000); // of more points a sample says the same
    const kept = [];
    for (let i = curve.from; i <= curve.to; i += every) {
      if (Number.isFinite(values[i]) && curve.x[i] >= from && curve.x[i] <= to) kept.push(values[i]);
    }
    const sorted = Float64Array.from(kept).sort();
    return [reportgen.math.quantile(sorted, 0.05), reportgen.math.quantile(sorted, 0.95)];
  }

  const MINUTE = 60;
  const HOUR = 3600;
  const DAY = 86400;
  /** Distances of ticks that a clock has, in s. */
  const NATURAL = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, DAY];

  /** How many ticks there are. @param {number} low @param {number} high @param {number} step */
  const countOf = (low, high, step) => Math.floor(high / step) - Math.ceil(low / step) + 1;

  /** @param {number} low @param {number} high @param {number} step */
  const multiples = (low, high, step) => Array.from({ length: countOf(low, high, step) }, (_, i) => (Math.ceil(low / step) + i) * step);

  /** The distance that gives nearest to `count` ticks. @param {number[]} steps @param {number} low @param {number} high @param {number} count */
  function fitting(steps, low, high, count) {
    const miss = steps.map((step) => Math.abs(countOf(low, high, step) - count));
    return steps[miss.indexOf(Math.min(...miss))];
  }

  /** Time since the start, in the unit that fits. @param {number} low @param {number} high @param {number} count @returns {[ChartAxis, string]} */
  function elapsedAxis(low, high, count) {
    const natural = high - low > 8 * DAY ? 0 : fitting(NATURAL, low, high, count);
    if (!natural || high - low < 2) {
      const unit = natural ? 1 : DAY;
      const plain = plainAxis(low / unit, high / unit, count);
      return [{ ...plain, low, high, ticks: plain.ticks.map((tick) => tick * unit) }, natural ? "s" : "d"];
    }
    const [unit, name] = /** @type {[number, string][]} */ ([[DAY, "d"], [HOUR, "h"], [MINUTE, "min"], [1, "s"]]).find(([size]) => natural % size === 0) || [1, "s"];
    const ticks = multiples(low, high, natural);
    const clock = unit < HOUR && high >= 300 * unit;
    const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
    const text = (/** @type {number} */ s) => {
      if (!clock) return reportgen.math.stepText(s / unit);
      const minutes = `${Math.floor(s / HOUR)}:${two(Math.floor((s % HOUR) / MINUTE))}`;
      return unit === 1 ? `${minutes}:${two(s % MINUTE)}` : minutes;
    };
    return [{ low, high, ticks, labels: ticks.map(text), cut: false, log: false }, clock ? (unit === 1 ? "h:min:s" : "h:min") : name];
  }

  /** Dates and hours in UTC; the first label says the rest of the date. @param {number} low @param {number} high @param {number} count @returns {[ChartAxis, string]} */
  function clockAxis(low, high, count) {
    const days = (high - low) / DAY;
    const step = fitting([...NATURAL, 2 * DAY, 5 * DAY, 10 * DAY], low, high, count);
    let ticks = days > 60 ? [] : multiples(low, high, step);
    if (days > 60) {
      const months = [1, 3, 6, 12, 24, 60, 120].find((n) => days / 30 / n <= count) || 600;
      const year = new Date(low * 1000).getUTCFullYear();
      const starts = Array.from({ length: 40 }, (_, i) => Date.UTC(year, i * months) / 1000);
      ticks = starts.filter((start) => start >= low && start <= high);
    }
    const labels = ticks.map((tick, i) => {
      const [day, month, year] = format.time(tick).split(",")[0].split(" ");
      if (days > 60) return month === "Jan" ? year : i ? month : `${month} ${year}`;
      const clock = step < DAY && tick % DAY ? new Date(tick * 1000).toISOString().slice(11, step < MINUTE ? 19 : 16) : "";
      return [(!clock || !i) && `${day} ${month}`, !clock && !i && year, clock].filter(Boolean).join(" ");
    });
    return [{ low, high, ticks, labels, cut: false, log: false }, "UTC"];
  }

  /** @param {Curve[]} curves @param {ChartSpec} spec @param {number} width @returns {[ChartAxis, string]} */
  function placeAxis(curves, spec, width) {
    const { math } = reportgen;
    const { kind, label } = spec.x;
    const seen = curves.filter((c) => c.x.length);
    let [low, high] = spec.x_range || [Math.min(...seen.map((c) => c.x[0])), Math.max(...seen.map((c) => c.x[c.x.length - 1]))];
    if (!(low <= high)) return [{ low: 0, high: 1, ticks: [], labels: [], cut: false, log: false }, ""];
    const unit = cut(label, 72);
    if (logX(spec)) return [math.logAxis(low > 0 ? low : Math.min(high, 1), high), kind === "relative" ? "s" : unit];
    const clock = kind === "wall" || kind === "relative";
    const room = clock ? width / (measure("00 Mmm") + 20) : (0.7 * width) / (measure(math.stepText(high)) + 28);
    const count = Math.max(2, Math.min(5, Math.floor(room)));
    if (clock && Math.max(-low, high) < 1e11) {
      if (high - low < 1e-3) [low, high] = [low - 1, high + 1];
      else if (kind === "relative" && !spec.x_range && low > 0 && low <= 0.08 * high) low = 0;
      return kind === "wall" ? clockAxis(low, high, count) : elapsedAxis(low, high, count);
    }
    if (!spec.x_range) return [math.stepAxis(low, high, count, kind === "step"), unit];
    const axis = plainAxis(low, high, count);
    const whole = axis.ticks.filter(Number.isInteger);
    if (kind === "step" && whole.length > 1) return [{ ...axis, ticks: whole, labels: math.tickTexts(whole, 1) }, unit];
    return [axis, unit];
  }

  // ---- texts

  const pencil = /** @type {CanvasRenderingContext2D} */ (document.createElement("canvas").getContext("2d"));
  let family = "";

  /** The width in px, as labels are written. @param {string} text */
  function measure(text) {
    family ||= getComputedStyle(document.body).fontFamily;
    pencil.font = `500 ${FONT}px ${family}`;
    return pencil.measureText(text).width;
  }

  /** On one line, without control characters and marks that turn the writing direction. @param {string} text */
  const plain = (text) => text.replace(/[^\S\u00a0\u202f]+/g, " ").replace(/[\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069\ufffe\uffff]/gu, "").trim();

  /** At most so many px wide. @param {string} text @param {number} width */
  function cut(text, width) {
    const letters = Array.from(plain(text.slice(0, 400)));
    if (measure(letters.join("")) <= width) return letters.join("");
    while (letters.length && measure(`${letters.join("")}…`) > width) letters.pop();
    return `${letters.join("").trimEnd()}…`;
  }

  /** x in words. @param {ChartSpec} spec @param {number} x */
  function say({ x: { kind, label } }, x) {
    if (kind === "relative") return format.duration(x);
    if (kind === "wall") return format.time(x).replace(" UTC", () => `:${new Date(x * 1000).toISOString().slice(17, 19)} UTC`);
    return `${label} ${kind === "step" ? reportgen.math.stepText(x) : reportgen.math.numberText(x, 6)}`;
  }

  // ---- the frame

  /** @param {ChartSpec} spec @param {number} width @param {number} height @returns {Frame} */
  function makeFrame(spec, width, height) {
    const curves = spec.lines.map((line) => lookAt(line, spec));
    const { x_range } = spec;
    if (x_range) {
      for (const c of curves) {
        c.from = Math.max(0, reportgen.math.lowerBound(c.x, x_range[0]) - 1);
        c.to = Math.min(c.x.length - 1, reportgen.math.lowerBound(c.x, x_range[1]));
        while (c.to + 1 < c.x.length && c.x[c.to] <= x_range[1]) c.to++;
      }
    }
    const drawn = curves.filter((c) => c.last >= 0);
    const legend = drawn.length > 1 && (drawn.length > MAX_LABELS || width < LEGEND_BELOW);
    const labelled = drawn.length > 1 && !legend ? drawn : [];
    const { y, notes } = valueAxis(curves, spec, height);
    const widest = Math.min(0.3 * width, 156);
    const names = labelled.map((c) => plain(c.line.label));
    const right = Math.ceil(16 + Math.max(0, ...[...names, names.length > 3 ? "9 others" : ""].map((name) => Math.min(measure(name), widest))));
    const left = Math.ceil(10 + Math.max(0, ...y.labels.map(measure)));
    const top = notes.length ? 22 : 8;
    const inner = Math.max(40, width - left - right);
    const deep = Math.max(24, height - top - BOTTOM);
    const [x, unit] = placeAxis(curves, spec, inner);
    /** @param {ChartAxis} axis @param {number} size */
    const scale = ({ low, high, log }, size) => {
      const span = log ? Math.log(high / low) : high - low;
      if (log) return (/** @type {number} */ v) => (Math.log(Math.max(v, 1e-305) / low) / span) * size;
      return (/** @type {number} */ v) => ((v - low) / span) * size;
    };
    const up = scale(y, deep);
    const toY = (/** @type {number} */ v) => deep - Math.min(Math.max(up(v), -deep), 2 * deep);
    return { spec, curves, drawn, labelled, legend, notes, left, right, top, width: inner, height: deep, x, y, unit, toX: scale(x, inner), toY };
  }

  /** @param {Frame} frame @param {number} px */
  function fromX({ x, width }, px) {
    const share = px / width;
    return x.log ? x.low * (x.high / x.low) ** share : x.low + share * (x.high - x.low);
  }

  // ---- drawing lines, on a canvas or as the path of an SVG

  class Words {
    text = "";
    /** @param {number} x @param {number} y */
    moveTo(x, y) {
      this.text += `M${x.toFixed(1)} ${y.toFixed(1)}`;
    }
    /** @param {number} x @param {number} y */
    lineTo(x, y) {
      this.text += `L${x.toFixed(1)} ${y.toFixed(1)}`;
    }
    closePath() {
      this.text += "z";
    }
  }

  /**
   * Draw the values of a curve. Where there are many points to a px, the first, the lowest, the highest and the last of
   * each px are joined, which gives the same picture.
   * @param {Pen} pen @param {Frame} frame @param {Curve} curve @param {Float64Array} values
   */
  function drawLine(pen, frame, curve, values) {
    const { x, breaks, from, to } = curve;
    const { toX, toY, width } = frame;
    const dense = to - from > 4 * width;
    let open = false;
    let alone = false;
    let next = reportgen.math.lowerBound(breaks, from);
    let column = -1;
    let [low, high, first, end, lowest, highest] = [0, 0, 0, 0, 0, 0];
    const point = (/** @type {number} */ px, /** @type {number} */ py) => {
      if (open) pen.lineTo(px, py);
      else pen.moveTo(px, py);
      alone = !open;
      open = true;
    };
    const flush = () => {
      if (column < 0) return;
      const px = column + 0.5;
      point(px, first);
      if (low !== first || high !== first) {
        pen.lineTo(px, lowest < highest ? low : high);
        pen.lineTo(px, lowest < highest ? high : low);
        pen.lineTo(px, end);
        alone = false;
      }
      column = -1;
    };
    const stop = () => {
      flush();
      if (open && alone) pen.lineTo(lastX + 0.1, lastY); // a single point is a dot
      open = false;
    };
    let [lastX, lastY] = [0, 0];
    for (let i = from; i <= to; i++) {
      if (!Number.isFinite(values[i])) {
        stop();
        continue;
      }
      let px = toX(x[i]);
      let py = toY(values[i]);
      const inner = px < -50 ? i + 1 : px > width + 50 ? i - 1 : -1;
      if (inner >= from && inner <= to && Number.isFinite(values[inner])) {
        // A point far outside would be too far for the painter: the line starts where it comes near.
        const edge = px < 0 ? -50 : width + 50;
        py += ((toY(values[inner]) - py) * (edge - px)) / (toX(x[inner]) - px || 1);
        px = edge;
      }
      [lastX, lastY] = [px, py];
      if (!dense || px < 0) {
        flush();
        point(px, py);
      } else {
        const at = Math.floor(px);
        if (at !== column) {
          flush();
          [column, first, low, high, lowest, highest] = [at, py, py, py, i, i];
        }
        if (py > low) [low, lowest] = [py, i];
        if (py < high) [high, highest] = [py, i];
        end = py;
      }
      if (breaks[next] === i) {
        stop();
        next++;
      }
    }
    stop();
  }

  /** @param {Pen} pen @param {Frame} frame @param {Curve} curve @param {number} band */
  function drawBand(pen, frame, curve, band) {
    const { x, breaks, from, to, edges } = curve;
    const high = edges[band];
    const low = edges[edges.length - 1 - band];
    const dense = to - from > 4 * frame.width;
    let next = reportgen.math.lowerBound(breaks, from);
    /** @type {[number, number, number][]} x, top, bottom */
    let piece = [];
    const stop = () => {
      if (piece.length) pen.moveTo(piece[0][0], piece[0][1]);
      for (const [px, top] of piece) pen.lineTo(px, top);
      for (const [px, , bottom] of piece.reverse()) pen.lineTo(px, bottom);
      if (piece.length) pen.closePath();
      piece = [];
    };
    for (let i = from; i <= to; i++) {
      if (Number.isFinite(low[i]) && Number.isFinite(high[i])) {
        const px = Math.min(Math.max(frame.toX(x[i]), -1e4), 1e4);
        const top = frame.toY(high[i]);
        const bottom = frame.toY(low[i]);
        const before = piece[piece.length - 1];
        if (dense && before && Math.floor(before[0]) === Math.floor(px)) {
          before[1] = Math.min(before[1], top);
          before[2] = Math.max(before[2], bottom);
        } else piece.push([px, top, bottom]);
      } else stop();
      if (breaks[next] === i) {
        stop();
        next++;
      }
    }
    stop();
  }

  /** From back to front; the first lines of the spec are in front, and pinned ones before all. @param {Frame} frame @returns {Layer[]} */
  function layersOf({ drawn }) {
    const order = [...drawn].reverse().sort((a, b) => Number(a.line.pinned) - Number(b.line.pinned));
    return [
      ...order.flatMap((curve) => curve.edges.slice(0, curve.edges.length / 2).flatMap((_, band) => /** @type {Layer[]} */ ([{ curve, kind: "band", band }, ...(curve.line.spread ? [{ curve, kind: "edge", band }] : [])]))),
      ...order.filter((c) => c.raw).map((curve) => /** @type {Layer} */ ({ curve, kind: "raw" })),
      ...order.map((curve) => /** @type {Layer} */ ({ curve, kind: "line" })),
    ];
  }

  /** @param {Pen} pen @param {Frame} frame @param {Layer} layer */
  function drawLayer(pen, frame, { curve, kind, band }) {
    if (band !== undefined) drawBand(pen, frame, curve, band);
    else drawLine(pen, frame, curve, (kind === "raw" && curve.raw) || curve.y);
  }

  /** @param {ChartLine} line */
  const slotOf = ({ slot }) => (slot >= 0 && slot <= 10 ? slot : ((slot - 1) % 10) + 1);
  /**
   * Of many lines each is thin, but for the baseline and pinned ones: they can be told apart, and a line of one px is
   * painted ten times as fast.
   * @param {Frame} frame @param {ChartLine} line
   */
  const isThin = ({ drawn }, { slot, pinned }) => drawn.length > MAX_LABELS && slot !== 0 && !pinned;

  /** How much of a layer's colour is used. @type {Record<Layer["kind"], number>} */
  const ALPHA = { band: 0.16, edge: 0.28, raw: 0.28, line: 1 };

  /** Paint lines and bands. @param {Frame} frame @param {HTMLCanvasElement} canvas */
  function paintLines(frame, canvas) {
    const styles = getComputedStyle(canvas);
    const forced = matchMedia("(forced-colors: active)").matches;
    const colour = (/** @type {number} */ slot) => (forced ? "CanvasText" : styles.getPropertyValue(slot ? `--s${slot}` : "--ink").trim());
    const [width, height] = [frame.width + 2 * PAD, frame.height + 2 * PAD];
    [canvas.width, canvas.height] = [width * devicePixelRatio, height * devicePixelRatio].map(Math.round);
    const pen = canvas.getContext("2d");
    if (!pen) return;
    pen.scale(canvas.width / width, canvas.height / height);
    pen.translate(PAD, PAD);
    pen.rect(-2, -2, frame.width + 4, frame.height + 4);
    pen.clip();
    pen.lineJoin = "round";
    for (const layer of layersOf(frame)) {
      const { kind, curve } = layer;
      const dashed = (kind === "line" || kind === "raw") && curve.line.dashed;
      pen.globalAlpha = ALPHA[kind];
      pen.fillStyle = pen.strokeStyle = colour(slotOf(curve.line));
      pen.lineWidth = isThin(frame, curve.line) ? 1 : kind === "line" ? (curve.line.pinned ? 2.75 : 1.75) : kind === "raw" ? 1.25 : 1;
      pen.lineCap = dashed ? "butt" : "round";
      pen.setLineDash(dashed ? DASH : []);
      pen.beginPath();
      drawLayer(pen, frame, layer);
      if (kind === "band") pen.fill();
      else pen.stroke();
    }
  }

  // ---- drawing what is around the lines, as the build does

  /** @param {Record<string, string | number>} attributes @param {string} content */
  const text = (attributes, content) => svg("text", attributes, content);
  /** @param {number} x1 @param {number} x2 @param {number} y1 @param {number} y2 */
  const stroke = (x1, x2, y1, y2) => svg("line", { x1, x2, y1, y2 });
  /** @param {number} value */
  const px = (value) => Math.round(value * 10) / 10;

  /** @param {Frame} frame */
  function axesOf({ x, y, unit, width, height, right, notes, left, top, toX, toY }) {
    const levels = y.ticks.map((tick) => px(toY(tick)));
    const places = x.ticks.map((tick) => px(toX(tick)));
    const parts = [
      svg("g", { class: "grid" }, ...levels.map((level) => stroke(0, width, level, level))),
      svg("g", { "text-anchor": "end" }, ...levels.map((level, i) => text({ x: -8, y: level, dy: 4 }, y.labels[i]))),
      svg("g", { class: "axis" }, stroke(0, width, height, height), ...places.map((at) => stroke(at, at, height, height + 4))),
    ];
    if (notes.length) parts.push(text({ class: "note", x: -left, y: 10 - top }, cut(notes.join(" · "), left + width + right)));
    const below = height + 17;
    const half = x.labels.map((label) => measure(label) / 2);
    const spots = places.map((place, i) => Math.max(place, half[i] - left));
    const last = places.length - 1;
    const edge = width + right;
    // The unit follows the last label, or stands in front of it where the right has no room.
    const behind = last >= 0 ? spots[last] + half[last] : edge;
    const follows = last >= 0 && behind + 5 + measure(unit) <= edge;
    if (follows) parts.push(text({ x: px(behind + 5), y: below }, unit));
    else parts.push(text({ x: px(Math.min(behind, edge)), y: below, "text-anchor": "end" }, `${unit} ${x.labels[last] || ""}`));
    let free = follows ? Infinity : Math.min(behind, edge) - measure(`${unit} ${x.labels[last]}`) - 6;
    const wide = half[0] > half[1] && spots[0] + half[0] + 6 > spots[1] - half[1];
    for (let i = follows ? last : last - 1; i >= 0; i--) {
      if (spots[i] + half[i] > free || (i === 1 && wide)) continue;
      parts.push(text({ x: px(spots[i]), y: below, "text-anchor": "middle" }, x.labels[i]));
      free = spots[i] - half[i] - 6;
    }
    return parts;
  }

  /** The last point of a curve that is in view, in data; null when it has none there. @param {Frame} frame @param {Curve} curve */
  function endOf({ x }, curve) {
    const at = Math.min(curve.x[curve.last], x.high);
    const value = at < x.low ? NaN : valueAt(curve, at);
    if (Number.isFinite(value)) return { at, value };
    for (let i = Math.min(curve.to, curve.last); i >= curve.from; i--) {
      if (Number.isFinite(curve.y[i]) && curve.x[i] <= x.high && curve.x[i] >= x.low) return { at: curve.x[i], value: curve.y[i] };
    }
    return null;
  }

  /** @param {Frame} frame @param {ChartEvents} events */
  function labelsOf(frame, events) {
    const { math } = reportgen;
    const { width, height, right, toX, toY } = frame;
    const clamp = (/** @type {number} */ y) => Math.min(Math.max(y, 0), height);
    const parts = [];
    const ends = frame.labelled.flatMap((curve) => {
      const end = endOf(frame, curve);
      return end ? [{ curve, x: toX(end.at), y: clamp(toY(end.value)) }] : [];
    });
    for (const { curve, x, y } of ends) {
      if (x < 0.96 * width && curve.line.nan_from === null) parts.push(svg("line", { class: "lead", x1: px(x), x2: width, y1: px(y), y2: px(y) }));
    }
    const groups = math.clusters(ends.map((end) => end.y), 7);
    const ideal = groups.map((group) => math.mean(group.map((i) => ends[i].y)));
    const placed = math.spread(ideal, 13.5, 5, height - 2);
    groups.forEach((group, n) => {
      const lines = group.map((i) => ends[i].curve.line);
      const [y, end] = [px(placed[n]), px(ideal[n])];
      if (Math.abs(end - y) > 2.5) parts.push(svg("path", { class: "lead", d: `M${width + 2} ${end}L${width + 9} ${y}` }));
      const name = lines.length === 1 ? cut(lines[0].label, right - 12) : groups.length === 1 ? `all ${lines.length}` : `${lines.length} others`;
      const label = text({ class: lines.length > 1 ? "some" : `end s${slotOf(lines[0])}`, x: width + 11, y, dy: 4 }, name);
      label.append(svg("title", {}, plain(lines.map((line) => line.label).join(", "))));
      if (events.pick && lines.length === 1) {
        label.classList.add("pick");
        label.addEventListener("click", () => events.pick?.(lines[0].id));
      }
      parts.push(label);
    });
    return parts;
  }

  /** Words beside a point, to its right or, where that has no room, to its left. @param {Frame} frame @param {string} kind @param {string} words @param {number} x @param {number} y */
  function beside(frame, kind, words, x, y) {
    const room = frame.width - x > measure(words) + 12;
    return text({ class: kind, x: px(x + (room ? 8 : -8)), y: px(y), dy: 4, "text-anchor": room ? "start" : "end" }, words);
  }

  /** The y nearest to `wanted` where the lines leave the part from left to right free. @param {Frame} frame @param {number} left @param {number} right @param {number} wanted */
  function clearLevel({ drawn, toX, toY, height }, left, right, wanted) {
    let [top, bottom] = [wanted, wanted];
    for (const { x, y, from, to } of drawn) {
      for (let i = from; i <= to; i++) {
        const at = toX(x[i]);
        if (at < left || at > right || !Number.isFinite(y[i])) continue;
        top = Math.min(top, toY(y[i]));
        bottom = Math.max(bottom, toY(y[i]));
      }
    }
    const choices = [Math.max(top, 0) - 12, Math.min(bottom, height) + 14].filter((y) => y >= 8 && y <= height - 8);
    choices.sort((a, b) => Math.abs(a - wanted) - Math.abs(b - wanted));
    return choices[0] ?? Math.max(8, wanted - 12);
  }

  /** Lone values, the cross where numbers end, the ends of runs that go on, the words of an empty chart. @param {Frame} frame */
  function marksOf(frame) {
    const { drawn, curves, width, height, toX, toY, spec } = frame;
    const { math } = reportgen;
    const parts = [];
    const inside = (/** @type {number} */ x) => x >= -1 && x <= width + 1;
    const nowhere = drawn.length && drawn.every((c) => !endOf(frame, c));
    if (!drawn.length || nowhere) {
      const words = nowhere ? "no values in this range" : wordForNothing(curves);
      return [text({ class: "note", x: width / 2, y: height / 2, "text-anchor": "middle" }, words)];
    }
    /** @param {Curve} c */
    const dot = (c) => svg("circle", { class: `dot s${slotOf(c.line)}`, cx: px(toX(c.x[c.last])), cy: px(toY(c.y[c.last])), r: 3.5 });
    const lone = drawn.filter((c) => c.first === c.last && c.line.nan_from === null && inside(toX(c.x[c.last])));
    const levels = math.spread(lone.map((c) => toY(c.y[c.last])), 13.5, 8, height - 6);
    lone.forEach((c, i) => {
      const words = math.numberText(c.y[c.last]);
      const x = toX(c.x[c.last]);
      parts.push(dot(c));
      if (drawn.length > 1) parts.push(beside(frame, "value", words, x, levels[i]));
      else parts.push(text({ class: "value", x: px(x), y: Math.max(levels[i] - 14, 8), dy: 4, "text-anchor": "middle" }, words));
    });
    /** @type {{ kind: string, words: string, x: number, y: number, ideal: number }[]} */
    const remarks = [];
    /** @param {string} kind @param {string} words @param {Curve} c */
    const remark = (kind, words, c) => {
      const [x, y, wide] = [toX(c.x[c.last]), toY(c.y[c.last]), 1.1 * measure(words) + 16];
      const right = width - x > measure(words) + 12;
      remarks.push({ kind, words, x, y, ideal: clearLevel(frame, right ? x : x - wide, right ? x + wide : x, y) });
    };
    for (const c of drawn) {
      const { nan_from } = c.line;
      if (nan_from === null || !inside(toX(c.x[c.last]))) continue;
      const [x, y] = [px(toX(c.x[c.last])), px(toY(c.y[c.last]))];
      parts.push(svg("path", { class: "cross", d: `M${x - 4} ${y - 4}l8 8m0-8l-8 8` }));
      const after = c.line.y[c.line.x.indexOf(nan_from)];
      if (remarks.length < 3) remark("bad", `${math.numberText(Number.isFinite(after) ? NaN : after)} from ${say(spec, nan_from)}`, c);
    }
    const going = drawn.filter((c) => c.line.running && c.line.nan_from === null && inside(toX(c.x[c.last])));
    for (const c of going) if (c.first !== c.last) parts.push(dot(c));
    if (going.length) {
      const furthest = going.reduce((a, b) => (b.x[b.last] > a.x[a.last] ? b : a));
      remark("note", `unfinished, ${say(spec, furthest.x[furthest.last])}`, furthest);
    }
    const heights = math.spread(remarks.map((one) => one.ideal), 13.5, 8, height - 6);
    parts.push(...remarks.map(({ kind, words, x }, i) => beside(frame, kind, words, x, heights[i])));
    const [only] = drawn;
    if (drawn.length === 1 && only.breaks.length === 1 && !spec.x_range) {
      const i = only.breaks[0];
      const words = `no values, ${say(spec, only.x[i])} to ${say(spec, only.x[i + 1]).replace(spec.x.label, "").trim()}`;
      const at = (toX(only.x[i]) + toX(only.x[i + 1])) / 2;
      const half = measure(words) / 2;
      const around = [only.y[i], only.y[i + 1]].filter(Number.isFinite).map(toY);
      if (around.length && half <= Math.min(at, width - at)) {
        const y = clearLevel(frame, at - 1.2 * half, at + 1.2 * half, math.mean(around));
        parts.push(text({ class: "note", x: px(at), y: px(y), dy: 4, "text-anchor": "middle" }, words));
      }
    }
    return parts;
  }

  // ---- words for those who do not see it

  /** First, lowest, highest and last of the values as logged, where they are finite. @param {ChartLine} line */
  function factsOf(line) {
    const values = line.raw || line.y;
    const facts = [NaN, NaN, NaN, NaN];
    for (let i = 0; i < values.length; i++) {
      if (!Number.isFinite(values[i])) continue;
      const low = line.spread && line.low ? line.low[i] : values[i];
      const high = line.spread && line.high ? line.high[i] : values[i];
      if (Number.isNaN(facts[0])) facts[0] = values[i];
      if (!(low >= facts[1])) facts[1] = low;
      if (!(high <= facts[2])) facts[2] = high;
      facts[3] = values[i];
    }
    return facts;
  }

  /** @param {ChartSpec} spec */
  function describe({ lines, x }) {
    const told = lines.slice(0, 5).map((line) => {
      const [first, low, high, last] = factsOf(line).map((v) => reportgen.math.numberText(v));
      return `${plain(line.label) || (line.quantiles ? "median" : "values")}: ${first} to ${last}, between ${low} and ${high}`;
    });
    const rest = lines.length > 5 ? ` ${format.count(lines.length - 5, "more line")}.` : "";
    return `${format.count(lines.length, "line")} over ${x.label}. ${told.join("; ")}${told.length ? "." : ""}${rest}`;
  }

  // ---- all charts of the document

  /** @type {Set<{ paint(): void, print(on: boolean): void }>} */
  const charts = new Set();
  const repaint = () => {
    for (const chart of charts) chart.paint();
  };
  /** @type {WeakMap<Element, () => void>} */
  const sized = new WeakMap();
  const sizes = new ResizeObserver((entries) => {
    for (const { target } of entries) sized.get(target)?.();
  });
  for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)"]) matchMedia(query).addEventListener("change", repaint);
  new MutationObserver(repaint).observe(document.documentElement, { attributeFilter: ["data-mode"] });
  /** When the page is zoomed or moved to another screen, its pixels change size. */
  function followPixels() {
    const changed = () => {
      repaint();
      followPixels();
    };
    matchMedia(`(resolution: ${devicePixelRatio}dppx)`).addEventListener("change", changed, { once: true });
  }
  followPixels();
  let printing = false;
  for (const on of [true, false]) {
    addEventListener(on ? "beforeprint" : "afterprint", () => {
      printing = on;
      for (const chart of charts) chart.print(on);
    });
  }
  let made = 0;

  // ---- one chart

  /** @param {HTMLElement} host @param {ChartSpec} first @param {ChartEvents} events @returns {Chart} */
  reportgen.chart = (host, first, events) => {
    let spec = first;
    /** @type {Frame | null} */
    let frame = null;
    let size = "";
    /** Where the cursor is, in data. @type {number | null} */
    let at = null;
    /** Whether a click has fixed the cursor. */
    let held = false;
    /** The line that the arrow keys have come to. */
    let chosen = "";
    /** @type {{ from: number, to: number, moved: boolean } | null} */
    let drag = null;
    /** @type {Map<Curve, string>} */
    const traced = new Map();
    /** Whether the left and the right half have more room below. @type {boolean[]} */
    let lower = [];

    const id = `graph-${++made}`;
    const back = svg("svg", { class: "chart", "aria-hidden": "true" });
    const canvas = el("canvas", { class: "lines" });
    const front = svg("svg", { class: "chart", "aria-hidden": "true" });
    const area = el("div", { class: "area" });
    const select = el("div", { class: "select", hidden: true });
    const hair = el("div", { class: "hair" });
    const [head, meaning, list, rest] = [el("span"), el("small"), el("ul"), el("p")];
    const readout = el("div", { class: "readout", hidden: true, "aria-hidden": "true" }, el("p", null, head, meaning), list, rest);
    /** @type {ReturnType<typeof makeRow>[]} */
    const rows = [];
    const words = el("p", { class: "hidden", id });
    const graph = el("div", { class: "graph", tabindex: 0, role: "group", "aria-describedby": id }, back, canvas, front, hair, area, select, readout, words);
    const legend = el("ul", { class: "legend", hidden: true });
    const details = el("details", { class: "values", ontoggle: fillTable }, el("summary", null, "Table of values"));
    const root = el("div", { class: "graph-box" }, graph, legend, details);
    const halo = svg("path", { class: "halo" });
    const hot = svg("path", { class: "line" });
    const cursor = svg("g", { class: "cursor" }, halo, hot);
    /** @type {SVGElement[]} */
    const dots = [];

    // ---- drawing

    function paint() {
      size = `${graph.clientWidth} ${graph.clientHeight}`;
      if (!graph.clientWidth || !graph.clientHeight) return;
      let f = makeFrame(spec, graph.clientWidth, graph.clientHeight);
      if (f.legend || !legend.hidden) {
        const before = graph.clientHeight;
        fillLegend(f);
        if (graph.clientHeight !== before) f = makeFrame(spec, graph.clientWidth, graph.clientHeight);
      }
      frame = f;
      traced.clear();
      lower = [];
      size = `${graph.clientWidth} ${graph.clientHeight}`;
      const shift = { transform: `translate(${f.left} ${f.top})` };
      back.replaceChildren(svg("g", shift, ...axesOf(f)));
      front.replaceChildren(svg("g", shift, ...labelsOf(f, events), ...marksOf(f), cursor));
      place(canvas, f.left - PAD, f.top - PAD, f.width + 2 * PAD, f.height + 2 * PAD);
      place(area, f.left, f.top, f.width, f.height);
      hair.style.height = `${f.height}px`;
      paintLines(f, canvas);
      show(at, null, !readout.hidden);
    }

    function write() {
      graph.setAttribute("aria-label", `${plain([spec.title, spec.unit].filter(Boolean).join(", "))}, chart`);
      words.textContent = `${describe(spec)} Arrow keys move through the values, plus and minus zoom, Escape shows all.`;
      details.open = false;
    }

    /** @param {Frame} f */
    function fillLegend(f) {
      legend.hidden = !f.legend;
      legend.classList.toggle("many", f.drawn.length > MAX_LABELS);
      const names = f.legend ? f.drawn.slice(0, LEGEND_NAMES) : [];
      legend.replaceChildren(
        ...names.map(({ line }) => {
          const tag = events.pick ? "button" : "span";
          const pick = events.pick ? { type: "button", onclick: () => events.pick?.(line.id) } : null;
          return el("li", null, el(tag, { ...pick, title: line.label }, sample(line), el("span", { dir: "auto" }, cut(line.label, 150))));
        }),
      );
      if (f.drawn.length > names.length) legend.append(el("li", null, `and ${format.number(f.drawn.length - names.length)} more`));
    }

    /** @param {ChartLine} line */
    function sample(line) {
      const drawn = reportgen.swatch(slotOf(line));
      drawn.classList.toggle("dashed", line.dashed);
      return drawn;
    }

    async function fillTable() {
      const table = details.open ? await reportgen.script("export").then(() => reportgen.chartTable(spec, factsOf), ({ message }) => el("p", null, message)) : "";
      details.replaceChildren(details.children[0], table);
    }

    /** @param {HTMLElement} element @param {number} left @param {number} top @param {number} width @param {number} height */
    function place({ style }, left, top, width, height) {
      [style.left, style.top, style.width, style.height] = [left, top, width, height].map((value) => `${value}px`);
    }

    /** @param {Frame} f @param {Layer} layer */
    function trace(f, layer) {
      const pen = new Words();
      drawLayer(pen, f, layer);
      return pen.text;
    }

    function picture() {
      const f = frame || makeFrame(spec, 640, 300);
      const [width, height] = [f.left + f.width + f.right, f.top + f.height + BOTTOM];
      const lines = layersOf(f).map((layer) => {
        const { kind, curve } = layer;
        const dash = kind !== "band" && curve.line.dashed ? " dash" : "";
        const name = kind === "edge" ? "edge" : kind;
        const path = svg("path", { class: name + dash, d: trace(f, layer) });
        if (isThin(f, curve.line)) path.classList.add("thin");
        else if (curve.line.pinned && kind === "line") path.classList.add("pinned");
        return svg("g", { class: `s${slotOf(curve.line)}` }, path);
      });
      const inner = { class: "lines", y: -2, width: f.width, height: f.height + 4, viewBox: `0 -2 ${f.width} ${f.height + 4}` };
      const all = svg("g", { transform: `translate(${f.left} ${f.top})` }, ...axesOf(f), svg("svg", inner, ...lines), ...labelsOf(f, {}), ...marksOf(f));
      const label = `${plain(spec.title)}. ${describe(spec)}`;
      return svg("svg", { class: "chart", width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label }, all);
    }

    // ---- the cursor

    /** The points nearest to x, one a line. @param {Frame} f @param {number} x @returns {Hit[]} */
    function near(f, x) {
      const wanted = f.toX(x);
      return f.drawn.flatMap((curve) => {
        let i = reportgen.math.lowerBound(curve.x, x);
        if (i === curve.x.length || (i > 0 && wanted - f.toX(curve.x[i - 1]) < f.toX(curve.x[i]) - wanted)) i--;
        const place = f.toX(curve.x[i]);
        const passed = x >= curve.x[0] && x <= curve.x[curve.x.length - 1];
        if ((!passed && Math.abs(place - wanted) > 8) || place < -1 || place > f.width + 1) return [];
        return [{ curve, i, x: place, y: f.toY(curve.y[i]) }];
      });
    }

    /**
     * Show the cross line, with the readout when it is this chart that is pointed at.
     * @param {number | null} x @param {number | null} pointer its height in px @param {boolean} own
     */
    function show(x, pointer, own) {
      const f = frame;
      const many = Boolean(f && f.drawn.length > MAX_LABELS);
      // Of many lines only those that the readout tells are marked, so other charts need not look for them.
      const hits = f && x !== null && (own || !many) ? near(f, x) : [];
      const on = hits.length > 0 || Boolean(f && x !== null && !own && many && x >= f.x.low && x <= f.x.high);
      graph.classList.toggle("pointed", on);
      if (readout.hidden === (own && on)) readout.hidden = !(own && on);
      at = on ? x : null;
      if (!f || x === null || !on) return hits;
      const level = pointer ?? hits.find(({ curve }) => curve.line.id === chosen)?.y ?? f.height / 2;
      const away = (/** @type {Hit} */ { y }) => (Number.isFinite(y) ? Math.abs(y - level) : Infinity);
      if (own) hits.sort((a, b) => away(a) - away(b));
      const told = own ? hits.slice(0, Math.max(3, Math.min(MAX_ROWS, Math.floor(f.height / 18) - 1))) : [];
      const marked = (many ? told : hits).filter(({ y }) => y >= -4 && y <= f.height + 4);
      hair.style.transform = `translate(${px(f.left + f.toX(x))}px, ${f.top}px)`;
      marked.forEach(({ curve, x: cx, y: cy }, n) => {
        dots[n] ||= cursor.appendChild(svg("circle", { r: 3.5 }));
        for (const [name, value] of Object.entries({ class: `dot s${slotOf(curve.line)}`, cx: px(cx), cy: px(cy) })) dots[n].setAttribute(name, String(value));
      });
      for (let n = marked.length; n < dots.length; n++) dots[n].setAttribute("class", "off");
      if (many) mark(f, own && away(hits[0]) < 60 ? hits[0].curve : null);
      if (own) tell(f, told, hits.length - told.length);
      return hits;
    }

    /** Draw one of many lines in front of the others. @param {Frame} f @param {Curve | null} curve */
    function mark(f, curve) {
      const path = curve ? traced.get(curve) || trace(f, { curve, kind: "line" }) : "";
      if (curve) {
        traced.set(curve, path);
        hot.setAttribute("class", `line s${slotOf(curve.line)}${curve.line.dashed ? " dash" : ""}`);
      }
      if (hot.getAttribute("d") !== path) for (const line of [halo, hot]) line.setAttribute("d", path);
    }

    /** @param {Frame} f @param {Hit[]} told nearest first @param {number} more */
    function tell(f, told, more) {
      const decimals = format.decimals(told.flatMap(({ curve, i }) => [curve.values, curve.raw, ...curve.edges].flatMap((all) => (all ? [all[i]] : []))));
      const write = (/** @type {Float64Array} */ values, /** @type {number} */ i) => format.number(values[i], decimals);
      const place = told[0].x;
      put(head, say(spec, told[0].curve.x[told[0].i]));
      put(meaning, told.some(({ curve }) => curve.raw) ? "smoothed, as logged" : "");
      put(rest, more ? `${format.number(more)} more` : "");
      const values = told.flatMap((hit) => toldOf(hit.curve).map(([label, column]) => ({ ...hit, label, column })));
      values.forEach(({ curve, i, x, label, column }, n) => {
        const { line, raw, edges } = curve;
        rows[n] ||= makeRow();
        const { swatch, name, value, beside } = rows[n];
        swatch.setAttribute("class", `swatch s${slotOf(line)}${line.dashed ? " dashed" : ""}${line.quantiles && label !== "median" ? " off" : ""}`);
        put(name, cut(label || spec.title, 220));
        if (held && line.page) name.setAttribute("href", line.page);
        else name.removeAttribute("href");
        put(value, write(column, i));
        const also = raw ? write(raw, i) : edges.length === 2 ? `${write(edges[1], i)} – ${write(edges[0], i)}` : "";
        put(beside, [also, Math.abs(x - place) > 2 && `at ${say(spec, curve.x[i])}`].filter(Boolean).join(" "));
      });
      if (list.children.length !== values.length) list.replaceChildren(...rows.slice(0, values.length).map((row) => row.item));
      const right = place < (f.width + f.right) / 2;
      const below = emptier(f, right);
      const { style } = readout;
      style.maxWidth = `${Math.max(120, right ? f.width + f.right - place - 12 : f.left + place - 12)}px`;
      [style.left, style.top, style.bottom] = [right ? "auto" : "0", below ? "auto" : `${f.top}px`, below ? `${BOTTOM + 4}px` : "auto"];
    }

    function makeRow() {
      const [swatch, name, value, beside] = [reportgen.swatch(0), el("a", { dir: "auto" }), el("b"), el("small")];
      return { item: el("li", null, swatch, name, value, beside), swatch, name, value, beside };
    }

    /** @param {Element} element @param {string} text */
    function put(element, text) {
      if (element.textContent !== text) element.textContent = text;
    }

    /** Whether the lower half of one side has fewer points than the upper. @param {Frame} f @param {boolean} right */
    function emptier(f, right) {
      const known = lower[Number(right)];
      if (known !== undefined) return known;
      let balance = 0;
      for (const { x, y, from, to } of f.drawn) {
        const every = Math.ceil((to - from + 1) / 100);
        for (let i = from; i <= to; i += every) {
          if (f.toX(x[i]) > f.width / 2 === right) balance += f.toY(y[i]) > f.height / 2 ? 1 : -1;
        }
      }
      lower[Number(right)] = balance < 0;
      return balance < 0;
    }

    /** Move the cursor to the logged point nearest to a place in px. @param {number} place @param {number | null} pointer */
    function point(place, pointer) {
      const f = frame;
      if (!f) return [];
      const hits = near(f, fromX(f, place));
      if (!hits.length) return leave();
      const best = hits.reduce((a, b) => (Math.abs(b.x - place) < Math.abs(a.x - place) ? b : a));
      const x = best.curve.x[best.i];
      const shown = show(x, pointer, true);
      events.hover?.(x);
      return shown;
    }

    function leave() {
      hold(false);
      if (at !== null) events.hover?.(null);
      return show(null, null, false);
    }

    /** @param {boolean} on */
    function hold(on) {
      if (held === on) return;
      held = on;
      readout.classList.toggle("held", on);
      if (on) readout.removeAttribute("aria-hidden");
      else readout.setAttribute("aria-hidden", "true");
    }

    // ---- zoom

    /** @param {[number, number] | null} range */
    function zoom(range) {
      if (range && !(range[1] - range[0] > 1e-12 * Math.abs(range[1]))) return;
      if (events.zoom) events.zoom(range);
      else chart.update({ ...spec, x_range: range });
      reportgen.announce(range ? `${say(spec, range[0])} to ${say(spec, range[1])}` : "All values");
    }

    /** Show `factor` times as much, around the cursor, or move the view by a share of its width. @param {number} factor @param {number} [by] */
    function rescale(factor, by = 0) {
      const f = frame;
      if (!f) return;
      const middle = at === null ? f.width / 2 : f.toX(at);
      const shift = by * f.width;
      const full = makeFrame({ ...spec, x_range: null }, graph.clientWidth, graph.clientHeight).x;
      const low = Math.max(full.low, fromX(f, middle - middle * factor + shift));
      const high = Math.min(full.high, fromX(f, middle + (f.width - middle) * factor + shift));
      if (low < high) zoom(low === full.low && high === full.high ? null : [low, high]);
    }

    // ---- mouse and touch

    area.addEventListener("pointerdown", (event) => {
      if (event.button || !event.isPrimary || !frame) return;
      drag = { from: event.offsetX, to: event.offsetX, moved: false };
      area.setPointerCapture(event.pointerId);
    });
    area.addEventListener("pointermove", (event) => {
      const f = frame;
      if (!f) return;
      if (drag) {
        drag.to = Math.min(Math.max(event.offsetX, 0), f.width);
        drag.moved ||= Math.abs(drag.to - drag.from) > 4;
        select.hidden = !drag.moved;
        place(select, f.left + Math.min(drag.from, drag.to), f.top, Math.abs(drag.to - drag.from), f.height);
      }
      if (!held || drag?.moved) point(event.offsetX, event.offsetY);
    });
    area.addEventListener("pointerup", (event) => {
      const done = endDrag();
      if (!done || !frame) return;
      if (done.moved) {
        leave();
        return zoom([fromX(frame, Math.min(done.from, done.to)), fromX(frame, Math.max(done.from, done.to))]);
      }
      hold(false);
      point(event.offsetX, event.offsetY);
      if (!done.held) {
        hold(at !== null);
        show(at, event.offsetY, true);
      }
    });
    area.addEventListener("pointercancel", endDrag);
    area.addEventListener("pointerleave", () => {
      if (!held && !drag) leave();
    });
    area.addEventListener("dblclick", () => {
      if (spec.x_range) zoom(null);
    });

    function endDrag() {
      const done = drag && { ...drag, held };
      drag = null;
      select.hidden = true;
      return done;
    }

    // ---- keys

    /** Where the next point in a direction is, in px; at least one px away. @param {Frame} f @param {1 | -1} direction */
    function next(f, direction) {
      const now = at === null ? (direction > 0 ? -1 : f.width + 1) : f.toX(at);
      const limit = fromX(f, now + direction);
      const places = f.drawn.flatMap(({ x }) => {
        const i = reportgen.math.lowerBound(x, limit);
        const place = f.toX(direction > 0 || x[i] === limit ? x[i] : x[i - 1]);
        return place >= -1 && place <= f.width + 1 ? [place] : [];
      });
      return places.length ? (direction > 0 ? Math.min(...places) : Math.max(...places)) : now;
    }

    /** Choose the line above or below. @param {Frame} f @param {1 | -1} direction */
    function choose(f, direction) {
      if (at === null) return next(f, 1);
      const hits = near(f, at).sort((a, b) => a.y - b.y);
      const index = hits.findIndex(({ curve }) => curve.line.id === chosen);
      const wanted = hits[index < 0 ? 0 : Math.min(Math.max(index + direction, 0), hits.length - 1)];
      if (wanted) chosen = wanted.curve.line.id;
      return f.toX(at);
    }

    /** @type {Record<string, (f: Frame) => number | void>} what a key does; a number is where the cursor goes, in px */
    const actions = {
      ArrowRight: (f) => next(f, 1),
      ArrowLeft: (f) => next(f, -1),
      PageDown: (f) => (at === null ? 0 : f.toX(at)) + f.width / 10,
      PageUp: (f) => (at === null ? f.width : f.toX(at)) - f.width / 10,
      Home: () => 0,
      End: (f) => f.width,
      ArrowUp: (f) => choose(f, -1),
      ArrowDown: (f) => choose(f, 1),
      "+": () => rescale(0.5),
      "=": () => rescale(0.5),
      "-": () => rescale(2),
      Enter: () => {
        if (chosen && at !== null) events.pick?.(chosen);
      },
    };

    graph.addEventListener("keydown", (event) => {
      const f = frame;
      if (!f || event.ctrlKey || event.metaKey || event.altKey || event.target !== graph) return;
      if (event.key === "Escape") {
        if (drag) endDrag();
        else if (at !== null) leave();
        else if (spec.x_range) zoom(null);
        else return; // a dialog around the chart may want it
      } else if (event.shiftKey && /^Arrow(Left|Right)$/.test(event.key)) {
        if (spec.x_range) rescale(1, event.key === "ArrowLeft" ? -0.25 : 0.25);
      } else {
        const act = actions[event.key];
        if (!act) return;
        const place = act(f);
        if (typeof place === "number") {
          hold(false);
          announce(point(Math.min(Math.max(place, 0), f.width), null));
        }
      }
      event.preventDefault();
      event.stopPropagation();
    });
    graph.addEventListener("focusout", (event) => {
      if (!graph.contains(/** @type {Node | null} */ (event.relatedTarget)) && !held) leave();
    });

    /** @param {Hit[]} hits nearest first */
    function announce(hits) {
      if (at === null) return;
      const told = hits.slice(0, 3).flatMap(({ curve, i }) => toldOf(curve).map(([label, column]) => `${plain(label)} ${format.number(column[i])}`.trim()));
      reportgen.announce(`${say(spec, at)}: ${told.join(", ")}${hits.length > 3 ? ", " + (hits.length - 3) + " more" : ""}`);
    }

    // ---- what the page may do

    /** @type {SVGElement | null} */
    let paper = null;
    const self = {
      paint,
      /** @param {boolean} on */
      print(on) {
        paper?.remove();
        paper = on ? picture() : null;
        if (paper) root.append(paper);
      },
    };
    /** @type {Chart} */
    const chart = {
      root,
      get spec() {
        return spec;
      },
      update(next) {
        spec = next;
        write();
        paint();
      },
      hover(x) {
        hold(false);
        show(x, null, false);
      },
      picture,
      destroy() {
        charts.delete(self);
        sizes.unobserve(graph);
        root.remove();
      },
    };
    charts.add(self);
    sized.set(graph, () => {
      if (size !== `${graph.clientWidth} ${graph.clientHeight}`) paint();
    });
    sizes.observe(graph);
    host.append(root);
    write();
    paint();
    self.print(printing);
    return chart;
  };
})();

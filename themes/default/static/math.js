// @ts-check
/**
 * Numbers behind the charts, as pure functions on arrays: smoothing, bands, statistics, axes.
 *
 * Smoothing, bands, gaps and axes follow `reportgen/analysis` (`downsample.py`, `bands.py`, `groups.py`, `axes.py`), so
 * that a picture made by the build and the chart that takes its place agree.
 */
(() => {
  "use strict";

  const MINUS = "\u2212";
  const THIN = "\u202f";
  /** Values beyond are drawn at this height, so that the span of an axis stays finite. */
  const LARGEST = 1e307;
  /** 0.975 quantiles of Student's t for 1 … 10 degrees of freedom. */
  const T_975 = [12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.306, 2.2622, 2.2281];

  /** The index of the first value that is at least `wanted`. @param {ArrayLike<number>} sorted @param {number} wanted */
  function lowerBound(sorted, wanted) {
    let low = 0;
    for (let high = sorted.length; low < high; ) {
      const middle = (low + high) >> 1;
      if (sorted[middle] < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  // ---- lines

  /**
   * TensorBoard's debiased moving average: `last = last·w + (1 - w)·y`, divided by `1 - wⁿ` after n finite values; what
   * is not finite passes and does not count, a constant line stays as it is.
   * @param {Float64Array} values
   * @param {number} weight
   */
  function smooth(values, weight) {
    const result = values.slice();
    const w = Math.min(weight, 0.9999);
    if (!(w > 0) || values.every((v) => v === values[0])) return result;
    let last = 0;
    let debt = 1;
    for (let i = 0; i < result.length; i++) {
      if (!Number.isFinite(result[i])) continue;
      last = last * w + (1 - w) * result[i];
      debt *= w;
      result[i] = last / (1 - debt);
    }
    return result;
  }

  /**
   * The indices behind which points are missing: a distance of more than 5 times the two before and the two behind it,
   * and of more than 3 % of the range.
   * @param {ArrayLike<number>} x in order
   */
  function gaps(x) {
    const found = [];
    const n = x.length;
    const far = 0.03 * (x[n - 1] - x[0]);
    for (let i = 2; i < n - 3; i++) {
      const distance = x[i + 1] - x[i];
      if (distance <= far) continue;
      const around = Math.max(x[i] - x[i - 1], x[i - 1] - x[i - 2], x[i + 2] - x[i + 1], x[i + 3] - x[i + 2]);
      if (distance > 5 * around) found.push(i);
    }
    return found;
  }

  /**
   * @param {{ x: Float64Array, y: Float64Array }[]} lines each in order of x
   * @param {"range" | "std" | "sem" | "ci"} kind
   */
  function band(lines, kind) {
    const first = lines[0]?.x ?? new Float64Array(0);
    const shared = lines.every(({ x }) => x === first || (x.length === first.length && x.every((v, i) => v === first[i])));
    let x = first;
    if (!shared || x.some((v, i) => v === x[i - 1])) {
      const all = new Float64Array(lines.reduce((n, line) => n + line.x.length, 0));
      let filled = 0;
      for (const line of lines) {
        all.set(line.x, filled);
        filled += line.x.length;
      }
      all.sort();
      x = all.filter((v, i) => v !== all[i - 1] && !Number.isNaN(v));
    }
    const y = new Float64Array(x.length);
    const low = new Float64Array(x.length);
    const high = new Float64Array(x.length);
    const column = new Float64Array(lines.length);
    const places = new Int32Array(lines.length);
    for (let i = 0; i < x.length; i++) {
      let count = 0;
      for (let k = 0; k < lines.length; k++) {
        const { x: own, y: values } = lines[k];
        let at = places[k];
        while (at < own.length && own[at] <= x[i]) at++;
        places[k] = at; // the last point at or before x[i] is at - 1
        let value = NaN;
        if (at && own[at - 1] === x[i]) value = values[at - 1];
        else if (at && at < own.length) {
          const share = (x[i] - own[at - 1]) / (own[at] - own[at - 1]);
          value = values[at - 1] * (1 - share) + values[at] * share;
        }
        if (Number.isFinite(value)) column[count++] = value;
      }
      const known = column.subarray(0, count);
      y[i] = mean(known);
      if (kind === "range") {
        low[i] = count ? Math.min(...known) : NaN;
        high[i] = count ? Math.max(...known) : NaN;
      } else {
        const share = kind === "std" ? 1 : (kind === "ci" ? t975(count - 1) : 1) / Math.sqrt(count);
        const half = deviation(known) * share;
        low[i] = y[i] - half;
        high[i] = y[i] + half;
      }
    }
    return { x, y, low, high };
  }

  // ---- statistics

  /** Linear between neighbours. @param {ArrayLike<number>} sorted @param {number} q */
  function quantile(sorted, q) {
    if (!sorted.length) return NaN;
    const place = q * (sorted.length - 1);
    const at = Math.floor(place);
    const rest = place - at;
    return rest ? sorted[at] * (1 - rest) + sorted[at + 1] * rest : sorted[at];
  }

  /** @param {ArrayLike<number>} values */
  function mean(values) {
    const n = values.length;
    let sum = 0;
    for (let i = 0; i < n; i++) sum += values[i];
    if (Math.abs(sum) !== Infinity) return sum / n;
    sum = 0;
    for (let i = 0; i < n; i++) sum += values[i] / n; // of huge values, whose sum is no number
    return sum;
  }

  /** @param {ArrayLike<number>} values */
  function deviation(values) {
    const n = values.length;
    if (n < 2) return NaN;
    const middle = mean(values);
    let scale = 0;
    for (let i = 0; i < n; i++) scale = Math.max(scale, Math.abs(values[i] - middle));
    if (!(scale > 0 && scale < Infinity)) return scale;
    let squares = 0;
    for (let i = 0; i < n; i++) squares += ((values[i] - middle) / scale) ** 2;
    return scale * Math.sqrt(squares / (n - 1));
  }

  /** Tabulated up to 10; above by the Cornish-Fisher expansion (Abramowitz and Stegun 26.7.5). @param {number} freedom */
  function t975(freedom) {
    if (!(freedom >= 1)) return NaN;
    if (freedom <= 10) return T_975[freedom - 1];
    const z = 1.959963984540054;
    return [
      (z ** 3 + z) / 4,
      (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96,
      (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384,
      (79 * z ** 9 + 776 * z ** 7 + 1482 * z ** 5 - 1920 * z ** 3 - 945 * z) / 92160,
    ].reduce((sum, term, i) => sum + term / freedom ** (i + 1), z);
  }

  // ---- axes

  /** The power of ten of the first digit. @param {number} value */
  const exponentOf = (value) => Number(Math.abs(value).toExponential().split("e")[1]);

  /** Whether a span is nothing, or too small against the values for ticks with distinct texts. @param {number} low @param {number} high */
  const isPoint = (low, high) => high - low <= Math.max(Math.abs(low), Math.abs(high)) * 1e-9 || high - low < 1e-290;

  /**
   * The round distance (1, 2, 2.5 or 5 times a power of ten) that gives nearest to `target` ticks.
   * @param {number} low @param {number} high @param {number} target @param {number} [least] @param {number} [most]
   */
  function tickStep(low, high, target, least = 3, most = 6) {
    const exponent = exponentOf(high - low);
    let best = Infinity;
    let chosen = high - low;
    for (let power = exponent - 2; power <= exponent; power++) {
      for (const mantissa of [1, 2, 2.5, 5]) {
        const step = Number(`${mantissa}e${power}`);
        if (!step) continue;
        const count = Math.floor(high / step + 1e-9) - Math.ceil(low / step - 1e-9) + 1;
        const miss = Math.abs(count - target) + (count < least || count > most ? 10 : 0) + (mantissa === 2.5 ? 1.25 : 0);
        if (miss < best || (miss === best && step < chosen)) [best, chosen] = [miss, step];
      }
    }
    return chosen;
  }

  /** n · step without the dust of binary fractions. @param {number} n @param {number} step */
  const multiple = (n, step) => (Number.isFinite(n * step) ? Number((n * step).toPrecision(12)) : n * step);

  /** @param {number} low @param {number} high @param {number} step */
  function multiples(low, high, step) {
    const first = Math.ceil(low / step - 1e-9);
    const last = Math.min(Math.floor(high / step + 1e-9), first + 20);
    const found = [];
    for (let n = first; n <= last; n++) found.push(multiple(n, step));
    return found;
  }

  /** @param {number} low @param {number} high @param {number} step @param {boolean} [cut] @returns {ChartAxis} */
  function axis(low, high, step, cut = false) {
    const ticks = multiples(low, high, step);
    return { low, high, ticks, labels: tickTexts(ticks, step), cut, log: false };
  }

  /** @param {number} low @param {number} high @param {number} count */
  const ticks = (low, high, count) => (isPoint(low, high) ? [low] : multiples(low, high, tickStep(low, high, count)));

  /** The next lower tick when it is near, else `value`. @param {number} value @param {number} step @param {number} reach in steps */
  function snapDown(value, step, reach) {
    const tick = multiple(Math.floor(value / step + 1e-9), step);
    return value - tick >= 0 && value - tick <= reach * step && Math.abs(tick) <= LARGEST ? tick : value;
  }

  /**
   * It starts at zero when that costs at most a third of the height, and ends on a tick when one is near.
   * @param {number} low @param {number} high @param {number} [target]
   */
  function valueAxis(low, high, target = 4) {
    [low, high] = [low, high].map((v) => Math.min(Math.max(v, -LARGEST), LARGEST));
    const single = isPoint(low, high);
    if (single) {
      const pad = Math.max(Math.abs(low), Math.abs(high)) * 0.02 || 1;
      [low, high] = [Math.max(low - pad, -LARGEST), Math.min(high + pad, LARGEST)];
    } else if (low >= 0 && low <= 0.35 * high) low = 0;
    else if (high <= 0 && high >= 0.35 * low) high = 0;
    const pad = 0.04 * (high - low);
    if (low) low -= pad;
    if (high) high += pad;
    const step = tickStep(low, high, target);
    const cut = !single && low > 0 && low > 0.8 * high;
    return axis(snapDown(low, step, cut ? 1 : 0.35), -snapDown(-high, step, 0.35), step, cut);
  }

  /**
   * Not widened; it starts at 0 when the first step is near it.
   * @param {number} low @param {number} high @param {number} target @param {boolean} whole ticks on whole numbers
   * @returns {ChartAxis}
   */
  function stepAxis(low, high, target, whole) {
    if (isPoint(low, high)) {
      const pad = Math.max(1, Math.abs(low) * 1e-6, Math.abs(high) * 1e-6);
      return { low: low - pad, high: high + pad, ticks: [low], labels: [stepText(low)], cut: false, log: false };
    }
    if (low > 0 && low <= 0.08 * high) low = 0;
    const step = tickStep(low, high, target, 2);
    return axis(low, high, whole ? Math.max(1, step === 2.5 ? 5 : step) : step);
  }

  /** Powers of ten, with 2 and 5 between when there are few. @param {number} low @param {number} high @returns {ChartAxis} */
  function logAxis(low, high) {
    [low, high] = [low, high].map((v) => Math.min(Math.max(v, 1e-300), 1e300));
    if (high < low * 1.5) [low, high] = [low / 1.5, high * 1.5];
    const first = exponentOf(low);
    const last = exponentOf(high) + (Number(`1e${exponentOf(high)}`) < high ? 1 : 0);
    const between = (/** @type {number} */ stride, /** @type {number[]} */ mantissas) => {
      const found = [];
      for (let e = first; e <= last; e += stride) found.push(...mantissas.map((m) => Number(`${m}e${e}`)));
      return found.filter((tick) => low <= tick && tick <= high);
    };
    let chosen = between(Math.max(1, Math.ceil((last - first) / 6)), [1]);
    if (chosen.length < 3) chosen = between(1, [1, 2, 5]);
    if (!chosen.length) chosen = [Math.sqrt(low) * Math.sqrt(high)];
    return { low, high, ticks: chosen, labels: chosen.map((tick) => numberText(tick, 2)), cut: false, log: true };
  }

  // ---- texts of numbers on axes

  /** @param {number} value @param {number} decimals */
  function grouped(value, decimals) {
    const [whole, rest] = Math.abs(value).toFixed(decimals).split(".");
    const text = whole.replace(/\B(?=(\d{3})+(?!\d))/g, THIN) + (rest ? `.${rest}` : "");
    return value < 0 && /[1-9]/.test(text) ? MINUS + text : text;
  }

  /** @param {number} value @param {number} digits */
  function scientific(value, digits) {
    const [mantissa, power] = value.toExponential(Math.min(Math.max(0, digits - 1), 15)).split("e");
    return `${String(Number(mantissa)).replace("-", MINUS)}e${Number(power)}`;
  }

  /** The texts of ticks that are `step` apart, with equal decimals. @param {number[]} ticks @param {number} step */
  function tickTexts(ticks, step) {
    const largest = Math.max(0, ...ticks.map(Math.abs));
    const size = exponentOf(step);
    if (largest && (largest >= 1e7 || (largest < 1e-2 && step < 1e-3))) {
      return ticks.map((tick) => (tick ? scientific(tick, Math.max(0, exponentOf(tick) - size) + 1) : "0"));
    }
    let decimals = step >= 1 && step % 1 === 0 ? 0 : Math.max(0, -size);
    if (decimals < 12 && Math.abs(Number(step.toFixed(decimals)) - step) > step * 1e-6) decimals++;
    return ticks.map((tick) => grouped(tick, Math.min(decimals, 100)));
  }

  /** At most `digits` significant digits. @param {number} value @param {number} [digits] */
  function numberText(value, digits = 4) {
    if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : `${MINUS}Infinity`;
    const exponent = value ? exponentOf(value) : 0;
    if (exponent >= 7 || exponent < -3) return scientific(value, digits);
    const text = grouped(value, Math.max(0, digits - 1 - exponent));
    return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
  }

  /** @param {number} value */
  const stepText = (value) => (Math.abs(value) < 1e15 ? grouped(value, 0) : scientific(value, 4));

  // ---- labels

  /**
   * Positions at least `gap` apart within low … high, in the same order of size, moved as little as may be (least
   * squares: isotonic regression of position minus rank times gap).
   * @param {number[]} positions @param {number} gap @param {number} low @param {number} high
   */
  function spread(positions, gap, low, high) {
    const order = positions.map((_, i) => i).sort((a, b) => positions[a] - positions[b] || a - b);
    const apart = order.length > 1 ? Math.min(gap, (high - low) / (order.length - 1)) : gap;
    /** @type {[number, number][]} */
    const blocks = [];
    order.forEach((index, rank) => {
      let mean = positions[index] - rank * apart;
      let count = 1;
      for (let before = blocks.at(-1); before && before[0] > mean; before = blocks.at(-1)) {
        mean = (before[0] * before[1] + mean * count) / (before[1] + count);
        count += before[1];
        blocks.pop();
      }
      blocks.push([mean, count]);
    });
    const top = high - apart * (order.length - 1);
    const flat = blocks.flatMap(([mean, count]) => new Array(count).fill(mean));
    /** @type {number[]} */
    const result = new Array(order.length);
    order.forEach((index, rank) => {
      result[index] = Math.min(Math.max(flat[rank], low), top) + rank * apart;
    });
    return result;
  }

  /**
   * Indices by position: more than `most` within `reach` are one group, all others stand alone.
   * @param {number[]} positions @param {number} reach @param {number} [most]
   */
  function clusters(positions, reach, most = 3) {
    const order = positions.map((_, i) => i).sort((a, b) => positions[a] - positions[b] || a - b);
    const groups = [];
    for (let start = 0, end = 0; start < order.length; start = end) {
      end = start + 1;
      while (end < order.length && positions[order[end]] - positions[order[start]] <= reach) end++;
      if (end - start <= most) end = start + 1;
      groups.push(order.slice(start, end));
    }
    return groups;
  }

  reportgen.math = /** @type {ReportgenMath} */ ({
    lowerBound,
    smooth,
    gaps,
    band,
    quantile,
    mean,
    deviation,
    t975,
    ticks,
    tickTexts,
    valueAxis,
    stepAxis,
    logAxis,
    numberText,
    stepText,
    spread,
    clusters,
  });
})();

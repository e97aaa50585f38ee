// @ts-check
/**
 * The series of a run: decodes `data/series/<k>.js` when asked for a metric, merges the processes of a run as the tables
 * and the static charts do, and reads the exact points of long series from their tiles.
 */
(() => {
  "use strict";

  /** More tiles than this are not loaded for one view: 24 hold 1.5 million points. */
  const MAX_TILES = 24;
  /** Decoded tiles that are kept, 1.5 MB each. */
  const KEPT_TILES = 32;

  /**
   * What one process logged of a metric, or all of them.
   * @typedef {{ steps: Float64Array, times: Float64Array, values: Float64Array, low: Float64Array | null,
   *   high: Float64Array | null, exact: boolean, n: number }} Points
   * @typedef {{ rank: number, whole: () => Promise<Points>, long: RunFile["long"][number] | null }} Source
   */

  /** @type {WeakMap<RunFile, Promise<LoadedRun>>} */
  const runs = new WeakMap();
  /** The longest unused first. @type {Map<string, Promise<Points>>} */
  const tiles = new Map();
  let opened = 0;

  /** @template T @param {() => T} make */
  function lazily(make) {
    /** @type {T | undefined} */
    let made;
    return () => {
      made ??= make();
      return made;
    };
  }

  /** @param {PackedColumn[]} columns */
  const decode = (...columns) => Promise.all(columns.map(reportgen.column));

  /** @param {{ steps: PackedColumn, times: PackedColumn, values: PackedColumn }} packed @returns {Promise<Points>} */
  async function pointsOf(packed) {
    const [steps, times, values] = await decode(packed.steps, packed.times, packed.values);
    return { steps, times, values, low: null, high: null, exact: true, n: steps.length };
  }

  /** @param {RunFile["long"][number]} long @returns {Promise<Points>} */
  async function envelopeOf(long) {
    const { first_steps, last_steps, times: first_times, mean, min, max } = long;
    const [steps, ends, times, values, low, high] = await decode(first_steps, last_steps, first_times, mean, min, max);
    steps[steps.length - 1] = ends[ends.length - 1]; // the line reaches to the last step
    return { steps, times, values, low, high, exact: false, n: long.n };
  }

  // ---- processes of one run

  /** The mean at each step that any of them logged; times are those of the last to log it. @param {Points[]} parts @returns {Points} */
  function meanOf(parts) {
    const all = Float64Array.from(parts.flatMap(({ steps }) => Array.from(steps))).sort();
    const steps = all.filter((step, i) => step !== all[i - 1]);
    const values = new Float64Array(steps.length);
    const counts = new Float64Array(steps.length);
    const times = new Float64Array(steps.length).fill(NaN);
    for (const part of parts) {
      for (let i = 0, at = 0; i < part.steps.length; i++) {
        while (steps[at] < part.steps[i]) at++;
        values[at] += part.values[i];
        counts[at]++;
        if (!(part.times[i] <= times[at])) times[at] = part.times[i];
      }
    }
    for (let i = 0; i < values.length; i++) values[i] /= counts[i];
    const n = Math.max(steps.length, ...parts.map((part) => part.n));
    return { steps, times, values, low: null, high: null, exact: parts.every((part) => part.exact), n };
  }

  /** Widen `low` and `high` at the steps of `shown` by what another process logged there. @param {Points} shown @param {Points} part @param {Float64Array} low @param {Float64Array} high */
  function widen(shown, part, low, high) {
    const { steps, values } = part;
    const bottom = part.low || values;
    const top = part.high || values;
    const n = steps.length;
    for (let i = 0, at = 0; i < shown.steps.length; i++) {
      const step = shown.steps[i];
      const end = shown.exact ? step : shown.steps[i + 1] ?? Infinity;
      while (at < n && steps[at] < step) at++;
      let to = at;
      while (to < n && (steps[to] === step || steps[to] < end)) to++;
      let from = at;
      if (!part.exact) from -= at > 0 && steps[at] !== step ? 1 : 0; // the bucket that the step lies in
      else if (shown.exact) from = Math.max(from, to - 1); // of a step that came twice the last value counts
      for (let j = from; j < to; j++) {
        if (bottom[j] < low[i] || Number.isNaN(low[i])) low[i] = bottom[j];
        if (top[j] > high[i] || Number.isNaN(high[i])) high[i] = top[j];
      }
    }
  }

  /** Rank 0, else the mean over ranks, with the range over all. @param {string} metric @param {Points[]} parts @param {number} first index of rank 0, or -1 @returns {RunSeries} */
  function merge(metric, parts, first) {
    const shown = parts[first] || (parts.length === 1 ? parts[0] : meanOf(parts));
    let { low, high } = shown;
    if (parts.length > 1) {
      low = new Float64Array(shown.steps.length).fill(NaN);
      high = low.slice();
      for (const part of parts) widen(shown, part, low, high);
    }
    return { ...shown, metric, low, high, ranks: parts.length };
  }

  // ---- tiles

  /** @param {string} id @param {string} key */
  function tile(id, key) {
    let made = tiles.get(key);
    if (!made) {
      made = reportgen.load(id).then((packed) => pointsOf(/** @type {any} */ (packed)));
      made.catch(() => tiles.delete(key)).finally(() => reportgen.forget(id));
    }
    tiles.delete(key);
    tiles.set(key, made);
    for (const oldest of tiles.keys()) if (tiles.size > KEPT_TILES) tiles.delete(oldest);
    return made;
  }

  /** The part between two steps or times, one further point on either side. @param {Points} points @param {number} from @param {number} to @param {"steps" | "times"} by @returns {Points} */
  function cutOut(points, from, to, by) {
    const start = Math.max(0, reportgen.math.lowerBound(points[by], from) - 1);
    let end = Math.max(start, reportgen.math.lowerBound(points[by], to));
    while (end < points.steps.length && points[by][end] <= to) end++;
    const part = (/** @type {Float64Array} */ values) => values.subarray(start, end + 1);
    const { steps, times, values } = points;
    return { ...points, steps: part(steps), times: part(times), values: part(values) };
  }

  /** @param {Points[]} parts @returns {Points} */
  function joined(parts) {
    const n = parts.reduce((sum, part) => sum + part.n, 0);
    const whole = { steps: new Float64Array(n), times: new Float64Array(n), values: new Float64Array(n) };
    let filled = 0;
    for (const part of parts) {
      for (const name of /** @type {const} */ (["steps", "times", "values"])) whole[name].set(part[name], filled);
      filled += part.n;
    }
    return { ...whole, low: null, high: null, exact: true, n };
  }

  // ---- one run

  /** @param {ShortKey} k @param {RunFile} file @returns {Promise<LoadedRun>} */
  async function open(k, file) {
    const version = ++opened;
    const facts = /** @type {RunFacts} */ (await reportgen.unpack(file.about));

    /** @type {Map<string, Source[]>} */
    const sources = new Map();
    /** @param {string} name @param {Source} source */
    const add = (name, source) => sources.set(name, [...(sources.get(name) || []), source]);
    for (const block of file.blocks) {
      const all = lazily(() => pointsOf(block));
      block.names.forEach((name, i) => {
        const whole = lazily(async () => {
          const points = await all();
          return { ...points, values: points.values.subarray(i * points.n, (i + 1) * points.n) };
        });
        add(name, { rank: block.rank, whole, long: null });
      });
    }
    for (const long of file.long) add(long.name, { rank: long.rank, whole: lazily(() => envelopeOf(long)), long });
    for (const own of sources.values()) own.sort((a, b) => a.rank - b.rank);

    /** @param {string} metric */
    async function whole(metric) {
      const own = sources.get(metric);
      if (!own) return null;
      return merge(metric, await Promise.all(own.map((source) => source.whole())), own.findIndex(({ rank }) => rank === 0));
    }
    /** @type {Map<string, ReturnType<typeof whole>>} */
    const merged = new Map();

    /** @param {string} metric @param {number} from @param {number} to @param {"steps" | "times"} by */
    async function exact(metric, from, to, by = "steps") {
      const own = sources.get(metric) || [];
      const ranges = await Promise.all(
        own.map(async ({ long }) => {
          if (!long) return [];
          const starts = await reportgen.column(by === "steps" ? long.tile_steps : long.tile_times);
          const first = Math.max(0, reportgen.math.lowerBound(starts, from) - 1);
          let last = first;
          while (last + 1 < long.tiles && starts[last + 1] <= to) last++;
          return Array.from({ length: last - first + 1 }, (_, i) => first + i);
        }),
      );
      const wanted = ranges.reduce((sum, range) => sum + range.length, 0);
      if (!wanted || wanted > MAX_TILES) return null;
      const parts = await Promise.all(
        own.map(async ({ long, whole }, i) => {
          if (!long) return cutOut(await whole(), from, to, by);
          const id = (/** @type {number} */ number) => `tiles/${k}/${long.series}-${number}`;
          const load = (/** @type {number} */ number) => tile(id(number), `${version} ${id(number)}`);
          const loaded = await Promise.all(ranges[i].map(load));
          const next = ranges[i][ranges[i].length - 1] + 1;
          if (next < long.tiles && Number(loaded[loaded.length - 1][by].at(-1)) <= to) loaded.push(await load(next));
          return { ...cutOut(joined(loaded), from, to, by), n: long.n };
        }),
      );
      return merge(metric, parts, own.findIndex(({ rank }) => rank === 0));
    }

    return {
      k,
      facts,
      metrics: Object.keys(facts.metrics),
      series(metric) {
        const made = merged.get(metric) || whole(metric);
        merged.set(metric, made);
        return made;
      },
      exact,
    };
  }

  reportgen.run = async (k) => {
    const file = /** @type {RunFile} */ (await reportgen.load(`series/${k}`));
    const known = runs.get(file);
    if (known) return known;
    const made = open(k, file);
    runs.set(file, made);
    made.catch(() => runs.delete(file));
    return made;
  };
})();

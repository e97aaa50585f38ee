// @ts-check
/**
 * The runs behind a table as columns: which there are, which runs match, in which order and groups they stand, and what
 * the values of a group say together. No page and no drawing.
 *
 * What is best, how a cell is shaded and how far a group's mean can be trusted follow `reportgen/site/pages` (`columns.py`,
 * `tables.py`, `strips.py`, `compare.py`), so that the table of the build and the one that takes its place agree.
 */
(() => {
  "use strict";

  const { format } = reportgen;

  const SHADES = 5;
  /** A column whose best value is nearer than this part of itself to the 20th percentile is hardly shaded. */
  const FLAT = 0.012;
  /** How many times as far from the best as the median is, a value still counts as a contender. */
  const REACH = 4;
  /** Fewer finished runs than this get no interval. */
  const MIN_SEEDS = 3;
  /** Columns of params at first, and the characters that they take together. */
  const MAX_PARAMS = 10;
  const MAX_WIDTH = 72;
  /** Metrics at first in a table of several experiments. */
  const MAX_METRICS = 5;
  const COLOURS = 10;
  /** Least distance of the texts of two ticks of a strip's axis, in px. */
  const TICK_GAP = 7;
  /** Order of what can be sorted: values (0), values of failed runs, NaN, nothing. */
  const [FAILED, NAN, NONE] = [1, 2, 3];

  /** @type {[id: string, title: string, key: string][]} */
  const FACTS = [
    ["experiment", "Experiment", ""],
    ["differs", "Differs in", "differs"],
    ["started", "Started", "start"],
    ["updated", "Updated", "last"],
    ["duration", "Duration", "duration"],
    ["status", "Status", "status"],
    ["user", "User", "user"],
    ["group", "Group", "group"],
    ["commit", "Commit", "commit"],
    ["branch", "Branch", "branch"],
    ["run_id", "Run id", "id"],
    ["note", "Note", "note"],
    ["headline", "Headline metric", ""],
    ["name", "Run", "name"],
  ];
  const TIMES = ["started", "updated", "duration"];
  /** Facts that the filter does not look at: times, and what repeats params and metrics. */
  const UNSEARCHED = [...TIMES, "differs", "headline"];

  const collator = new Intl.Collator("en", { numeric: true });
  const lower = (/** @type {string} */ text) => text.toLowerCase();

  /** @template V @param {Map<any, V>} cache @param {any} key @param {() => V} make @returns {V} */
  function kept(cache, key, make) {
    if (!cache.has(key)) cache.set(key, make());
    return /** @type {V} */ (cache.get(key));
  }

  /** Numbers before texts, texts as people order them. @param {unknown} a @param {unknown} b */
  function compareValues(a, b) {
    if (typeof a === "number" && typeof b === "number") return a - b;
    if (typeof a === "number") return -1;
    return typeof b === "number" ? 1 : collator.compare(format.param(/** @type {any} */ (a)), format.param(/** @type {any} */ (b)));
  }

  // Of any number of values: too many arguments of a function are an error.
  const smallest = (/** @type {number[]} */ values) => values.reduce((a, b) => Math.min(a, b));
  const largest = (/** @type {number[]} */ values) => values.reduce((a, b) => Math.max(a, b));
  /** @param {number[]} values in order */
  const middle = (values) => values[values.length >> 1];

  /** Decimals of a value with this spread: 0.2 gives two. @param {number} spread */
  const spreadDecimals = (spread) => (spread > 0 && Number.isFinite(spread) ? Math.min(Math.max(1 - Math.floor(Math.log10(spread)), 0), 8) : 0);

  /**
   * Words of a filter: text, a quoted text, and either behind a `name:`.
   * @param {string} text
   */
  const wordsOf = (text) => (text.match(/(?:[^\s"]|"[^"]*"?)+/g) || []).map((word) => lower(word.replace(/"/g, ""))).filter(Boolean);

  /** @param {ExperimentTable[]} tables @returns {RunSet} */
  function makeRunSet(tables) {
    const several = tables.length !== 1;
    const order = tables.flatMap((table, t) => Array.from({ length: table.n }, (_, i) => [t, i]));
    if (several) order.sort(([t, i], [u, j]) => tables[u].runs.start[j] - tables[t].runs.start[i]);
    const n = order.length;
    const tableOf = Int32Array.from(order, ([t]) => t);
    const placeOf = Int32Array.from(order, ([, i]) => i);
    const rowOf = tables.map((table) => new Int32Array(table.n));
    for (let row = 0; row < n; row++) rowOf[tableOf[row]][placeOf[row]] = row;
    const cache = new Map();

    /** @template {keyof ExperimentTable["runs"]} F @param {F} key @returns {ExperimentTable["runs"][F][number][]} */
    const fact = (key) => (several ? kept(cache, key, () => order.map(([t, i]) => tables[t].runs[key][i])) : tables[0].runs[key]);
    const status = fact("status");
    /** @param {number} row */
    const nameOf = (row) => tables[tableOf[row]].names[placeOf[row]] ?? fact("name")[row];

    /** Runs that may be called best: those that did not fail, or all when every run failed. */
    const allFailed = tables.map(({ runs }) => runs.status.every((word) => word === "failed"));
    const contends = (/** @type {number} */ row) => status[row] !== "failed" || allFailed[tableOf[row]];

    // ---- columns

    /**
     * @param {RunColumn["kind"]} kind
     * @param {string} name
     * @param {Partial<RunColumn>} more
     * @returns {RunColumn}
     */
    const column = (kind, name, more) => ({ id: name, kind, name, title: name, varying: true, seed: false, numeric: false, infos: [], values: () => [], ...more });

    /**
     * One column out of those that have a name in several experiments.
     * @param {"params" | "tags" | "metrics"} part
     * @returns {{ name: string, sources: any[] }[]}
     */
    function merge(part) {
      /** @type {Map<string, { name: string, sources: any[] }>} */
      const found = new Map();
      tables.forEach((table, t) => {
        for (const source of table[part]) kept(found, source.name, () => ({ name: source.name, sources: [] })).sources[t] = source;
      });
      return [...found.values()];
    }

    /** Values by row. @param {any[]} sources one for each table that has the column @param {boolean} numbers */
    function dense(sources, numbers) {
      if (!several && !sources[0].runs && (!numbers || sources[0].values.every(Number.isFinite))) return sources[0].values;
      /** @type {unknown[]} */
      const values = new Array(n).fill(undefined);
      sources.forEach(({ runs, values: own }, t) => {
        for (let i = 0; i < own.length; i++) {
          values[rowOf[t][runs ? runs[i] : i]] = !numbers ? own[i] : own[i] === null ? undefined : Number(own[i]);
        }
      });
      return values;
    }

    /** @param {{ name: string, sources: any[] }} made */
    const held = ({ sources }) => sources.reduce((sum, source) => sum + source.values.length, 0);

    /** The first headline metric of each run, with its value. */
    const headlineTexts = () =>
      order.map(([t], row) => {
        const info = tables[t].metrics.find(({ name }) => name === tables[t].headline[0]);
        const value = info && byId.get(`metric:${info.name}`)?.values()[row];
        return info && value !== undefined ? `${info.title} ${format.number(/** @type {number} */ (value), info.decimals)}` : "";
      });
    const facts = FACTS.map(([id, title, key]) => {
      const numeric = TIMES.includes(id);
      /** @returns {any[]} */
      const read = () => {
        if (key) return fact(/** @type {any} */ (key));
        return id === "experiment" ? order.map(([t]) => tables[t].title) : headlineTexts();
      };
      const values = () => (numeric ? read() : kept(cache, `values ${id}`, () => read().map((v) => (v === "" || v === null ? undefined : v))));
      return column("fact", id, { title, numeric, values, varying: numeric || id === "headline" || read().some((value, _, all) => value !== all[0]) });
    });
    const params = merge("params").map((made) => {
      const values = () => kept(cache, made, () => dense(made.sources, false));
      return column("param", made.name, {
        values,
        varying: several ? held(made) < n || new Set(values()).size > 1 : made.sources[0].varying,
        seed: made.sources.some((source) => source?.seed),
        numeric: made.sources.every((source) => source.values.every((/** @type {unknown} */ v) => typeof v === "number")),
      });
    });
    const tags = merge("tags").map((made) => {
      const values = () => kept(cache, made, () => dense(made.sources, false));
      return column("tag", made.name, { values, varying: held(made) < n || new Set(values()).size > 1 });
    });
    const headlines = new Set(tables.flatMap(({ headline }) => headline));
    const leadings = new Set(tables.flatMap(({ leading: name }) => name ?? []));
    const leadingName = several ? null : tables[0].leading;
    const mergedMetrics = merge("metrics");
    if (several) {
      const importance = (/** @type {string} */ name) => Number(leadings.has(name)) + Number(headlines.has(name));
      mergedMetrics.sort((a, b) => importance(b.name) - importance(a.name) || held(b) - held(a));
    } else {
      mergedMetrics.sort((a, b) => Number(b.name === leadingName) - Number(a.name === leadingName));
    }
    const metrics = mergedMetrics.map((made) => {
      const { title } = made.sources.find(Boolean);
      return column("metric", made.name, { title, infos: made.sources, numeric: true, values: () => kept(cache, made, () => dense(made.sources, true)) });
    });
    const leading = metrics.find(({ name }) => name === leadingName) || null;
    const strip = column("drawn", "strip", { title: leading ? `${leading.title}, as dots on one axis` : "", varying: leading !== null });
    const hasSparks = tables.some(({ spark }) => spark?.values.some(Boolean));
    const sparkMetric = tables[0]?.metrics.find(({ name }) => name === tables[0].spark?.metric);
    const spark = column("drawn", "spark", { title: several ? "Course" : (sparkMetric?.title ?? ""), varying: hasSparks });

    /** As they stand in a table, from left to right. */
    const columns = (() => {
      const of = (/** @type {string[]} */ ...ids) => ids.map((id) => /** @type {RunColumn} */ (facts.find((one) => one.id === id)));
      const ordered = [...params.filter(({ seed }) => !seed), ...params.filter(({ seed }) => seed)];
      const known = metrics.flatMap((metric) => (metric === leading ? [metric, strip] : [metric]));
      const about = of("status", "user", "group", "commit", "branch", "run_id");
      const made = several
        ? [...of("experiment", "updated", "started", "differs"), ...about, ...tags, ...ordered, ...of("headline"), ...known, spark, ...of("note", "duration")]
        : [...of("updated", "duration", "started"), ...about, ...tags, ...ordered, ...known, spark, ...of("note")];
      return made.filter((one) => one.kind !== "drawn" || one.varying);
    })();
    const name = facts[facts.length - 1];

    // A name that is taken gets its kind in front: facts and drawn columns keep theirs, then metrics, params, tags.
    const byId = new Map([name, ...facts, strip, spark].map((one) => [one.id, one]));
    for (const one of [...metrics, ...params, ...tags]) {
      const whole = `${one.kind}:${one.name}`;
      if (byId.has(one.name)) one.id = whole;
      byId.set(one.id, one).set(whole, one);
    }

    // ---- what is shown at first

    /** The params that get a column: seeds last, texts that differ in every run only if there is room. */
    function chooseParams() {
      const label = (/** @type {RunColumn} */ one) => {
        if (n < 4 || one.numeric) return 0;
        const values = one.values();
        return Number(values.every((value) => typeof value === "string") && new Set(values).size === n);
      };
      const candidates = params.filter(({ varying }) => varying);
      if (candidates.length <= 40 * MAX_PARAMS) {
        const rank = new Map(candidates.map((one, i) => [one, [label(one), Number(one.seed), i]]));
        candidates.sort((a, b) => {
          const [left, right] = [/** @type {number[]} */ (rank.get(a)), /** @type {number[]} */ (rank.get(b))];
          return left[0] - right[0] || left[1] - right[1] || left[2] - right[2];
        });
      }
      const first = ranking().slice(0, 100);
      let room = MAX_WIDTH;
      return candidates.slice(0, MAX_PARAMS).filter((one, i) => {
        const values = one.values();
        const lengths = first.map((row) => (values[row] === undefined ? 0 : format.param(/** @type {any} */ (values[row])).length));
        room -= Math.min(Math.max(one.name.length, ...lengths), 20) + 3;
        return room >= 0 || !i;
      });
    }

    /** @param {boolean} narrow */
    function usualColumns(narrow) {
      const shown = metrics.filter((one) => headlines.has(one.name));
      const facts = (several ? ["experiment", "differs", "duration", "updated"] : ["updated", "duration"]).map((id) => byId.get(id));
      const wide = several ? [...shown.slice(0, MAX_METRICS), spark, ...facts] : [...shown, strip, spark, ...chooseParams(), ...facts];
      const chosen = new Set(narrow ? [several ? byId.get("headline") : leading || shown[0], strip] : wide);
      return columns.filter((one) => chosen.has(one));
    }

    // ---- order

    /** @param {RunColumn} one @returns {{ ranks: Uint8Array, keys: Float64Array }} */
    function sortKeys(one) {
      return kept(cache, `sort ${one.id}`, () => {
        const values = one.values();
        const ranks = new Uint8Array(n);
        const keys = new Float64Array(n);
        const ordinals = new Map();
        const different = one.numeric ? [] : [...new Set(values)].sort(compareValues);
        for (const [i, value] of different.entries()) ordinals.set(value, i);
        for (let row = 0; row < n; row++) {
          const value = values[row];
          keys[row] = one.numeric ? /** @type {number} */ (value ?? 0) : ordinals.get(value);
          if (value === undefined) ranks[row] = NONE;
          else if (Number.isNaN(keys[row])) ranks[row] = NAN;
          else if (one.infos[tableOf[row]]?.direction && !contends(row)) ranks[row] = FAILED;
        }
        return { ranks, keys };
      });
    }

    /** Best first: contenders by value, then failed runs, then runs without a value; without a leading metric newest first. */
    function ranking() {
      return kept(/** @type {Map<string, number[]>} */ (cache), "ranking", () => {
        const rows = Array.from({ length: n }, (_, row) => row);
        if (several) {
          const last = fact("last");
          return rows.sort((a, b) => last[b] - last[a] || a - b);
        }
        return leading ? rows.reverse().sort(comparison(usualSort())) : rows;
      });
    }

    /** Place of each row in the ranking. @returns {Int32Array} */
    const places = () =>
      kept(cache, "places", () => {
        const made = new Int32Array(n);
        ranking().forEach((row, i) => {
          made[row] = i;
        });
        return made;
      });

    /** @returns {SortKey[]} */
    const usualSort = () => (leading ? [{ column: leading, down: leading.infos[0].direction === "max" }] : []);

    /** What has no value comes last, upwards and downwards. @param {SortKey[]} sort @returns {(a: number, b: number) => number} */
    function comparison(sort) {
      const made = sort.map(({ column: one, down }) => ({ ...sortKeys(one), down }));
      return (a, b) => {
        for (const { ranks, keys, down } of made) {
          if (ranks[a] !== ranks[b]) return ranks[a] - ranks[b];
          if (ranks[a] < NAN && keys[a] !== keys[b]) return keys[a] < keys[b] === down ? 1 : -1;
        }
        return 0;
      };
    }

    /** @param {number[]} rows @param {SortKey[]} sort */
    function sortRows(rows, sort) {
      const place = places();
      const compare = comparison(sort);
      return rows.sort((a, b) => compare(a, b) || place[a] - place[b]);
    }

    // ---- filter

    /** @type {Map<string, { codes: Int32Array, texts: string[] }>} */
    const textCache = new Map();
    /** The different texts of a column, lower case, and which of them each row has (-1 none). @param {RunColumn} one */
    const texts = (one) =>
      kept(textCache, one.kind + one.name, () => {
        const values = one === name ? order.map((_, row) => nameOf(row)) : one.values();
        const numbers = new Map();
        const codes = new Int32Array(n).fill(-1);
        for (let row = 0; row < n; row++) {
          const value = values[row];
          if (value === undefined) continue;
          const known = numbers.get(value);
          codes[row] = known ?? numbers.size;
          if (known === undefined) numbers.set(value, numbers.size);
        }
        const said = (/** @type {any} */ value) => {
          if (one.kind !== "fact") return lower(`${one.name}=${format.param(value)}`);
          return one.id === "status" && value === "unfinished" ? "unfinished running" : lower(String(value));
        };
        return { codes, texts: [...numbers.keys()].map(said) };
      });

    /** @param {string} word @returns {{ part: string, searched: RunColumn[] }} */
    function searchedBy(word) {
      const searched = [...facts.filter(({ id }) => !UNSEARCHED.includes(id)), ...params, ...tags];
      const [, field, part] = /^([^:]+):(.+)$/s.exec(word) || [];
      if (field) {
        const own = searched.filter((one) => lower(one.name) === field || (one.kind !== "fact" && one.kind === field));
        if (own.length) return { part, searched: own };
      }
      return { part: word, searched };
    }

    /**
     * Whether a run matches a text: every word stands somewhere in its name, facts, params, tags (`lr=0.1`) or note, or
     * behind `name:` in the one that is named. The one place that knows what can be written into the filter.
     * @param {string} text
     * @returns {(row: number) => boolean}
     */
    function matcher(text) {
      const tests = wordsOf(text).map((word) => {
        const hits = new Uint8Array(n);
        const { part, searched } = searchedBy(word);
        for (const one of searched) {
          const { codes, texts: own } = texts(one);
          const found = own.map((said) => said.includes(part));
          if (!found.includes(true)) continue;
          for (let row = 0; row < n; row++) if (codes[row] >= 0 && found[codes[row]]) hits[row] = 1;
        }
        return hits;
      });
      return (row) => tests.every((hits) => hits[row]);
    }

    // ---- groups

    const repeated = tables.some(({ groups, n: runs }) => groups.label.length < runs);
    const configOf = fact("group_of");
    const slotOf = (/** @type {number} */ row) => {
      const slot = tables[tableOf[row]].groups.slot[configOf[row]];
      return slot >= 1 && slot <= COLOURS ? slot : 0;
    };

    /** The best run of each configuration. */
    const bestOfConfigs = () =>
      kept(/** @type {Map<string, Set<number>>} */ (cache), "best of configs", () => {
        const seen = new Set();
        return new Set(
          ranking().filter((row) => {
            const key = `${tableOf[row]} ${configOf[row]}`;
            if (seen.has(key) || (leading && sortKeys(leading).ranks[row] >= NAN)) return false;
            return seen.add(key);
          }),
        );
      });

    /** @param {number} row @param {string} by @returns {{ id: string, label: string, slot: number | null }} */
    function groupAt(row, by) {
      const table = tables[tableOf[row]];
      if (by === "config") return { id: "", label: table.groups.label[configOf[row]], slot: slotOf(row) };
      if (by === "experiment") return { id: table.name, label: table.title, slot: null };
      const one = /** @type {RunColumn} */ (byId.get(by));
      const value = /** @type {any} */ (one.values()[row]);
      const said = value === undefined ? `no ${one.title}` : one.kind === "fact" ? String(value) : `${one.title} ${format.param(value)}`;
      return { id: value === undefined ? "" : format.param(value), label: said, slot: null };
    }

    /**
     * @param {number[]} rows in their order
     * @param {string} by `config`, `experiment`, or a column
     * @returns {RunGroup[]} in the order of their first rows
     */
    function makeGroups(rows, by) {
      /** @type {Map<unknown, RunGroup>} */
      const groups = new Map();
      const values = byId.get(by)?.values();
      for (const row of rows) {
        const key = by === "config" ? tableOf[row] * 2 ** 31 + configOf[row] : by === "experiment" ? tableOf[row] : values?.[row];
        const group = groups.get(key);
        if (group) group.rows.push(row);
        else groups.set(key, { ...groupAt(row, by), rows: [row], spreads: new Map(), shared: new Map() });
      }
      const keys = fact("k");
      // Rows are newest first, so the largest number is the oldest run: it stays when others are added.
      if (by === "config") for (const group of groups.values()) group.id = keys[largest(group.rows)];
      return [...groups.values()];
    }

    /** The groups of all runs, for what does not depend on the filter. @param {string} by */
    const allGroups = (by) => kept(/** @type {Map<string, RunGroup[]>} */ (cache), `groups ${by}`, () => makeGroups(ranking(), by));

    /** @param {RunGroup} group @param {RunColumn} metric @returns {RunSpread} */
    function spreadOf(group, metric) {
      return kept(group.spreads, metric.id, () => {
        const values = metric.values();
        /** @type {number[]} */
        const own = [];
        for (const row of [...group.rows].sort((a, b) => b - a)) {
          const value = values[row];
          if (status[row] === "finished" && Number.isFinite(value)) own.push(/** @type {number} */ (value));
        }
        const mean = own.length ? reportgen.math.mean(own) : null;
        const half = (reportgen.math.t975(own.length - 1) * reportgen.math.deviation(own)) / Math.sqrt(own.length);
        return { values: own, mean, half: own.length >= MIN_SEEDS && Number.isFinite(half) ? half : null };
      });
    }

    /** The value that all rows share; undefined where they have none or differ. @param {RunGroup} group @param {RunColumn} one */
    function sharedValue({ rows, shared }, one) {
      return kept(shared, one, () => {
        const values = one.values();
        const first = values[rows[0]];
        return rows.every((row) => values[row] === first) ? first : undefined;
      });
    }

    /** The number that stands for a group in a column of facts. @param {RunGroup} group @param {RunColumn} one */
    function groupFact({ rows }, one) {
      const values = /** @type {number[]} */ (one.values());
      const own = rows.map((row) => values[row]);
      if (one.id === "duration") return own.reduce((sum, value) => sum + Math.max(value || 0, 0), 0);
      return one.id === "started" ? smallest(own) : largest(own);
    }

    /**
     * By what stands in the groups' own rows: means, shared values; those without come last.
     * @param {RunGroup[]} groups
     * @param {SortKey[]} sort
     */
    function sortGroups(groups, sort) {
      const keys = new Map(groups.map((group) => [group, sort.map(({ column: one }) => groupKey(group, one))]));
      return groups.sort((a, b) => {
        const [left, right] = [/** @type {unknown[]} */ (keys.get(a)), /** @type {unknown[]} */ (keys.get(b))];
        for (let i = 0; i < sort.length; i++) {
          const none = Number(left[i] === undefined) - Number(right[i] === undefined);
          if (none) return none;
          const apart = left[i] === undefined ? 0 : compareValues(left[i], right[i]);
          if (apart) return sort[i].down ? -apart : apart;
        }
        return 0;
      });
    }

    /** @param {RunGroup} group @param {RunColumn} one */
    function groupKey(group, one) {
      if (one.id === "name") return group.label;
      if (one.kind === "metric") return spreadOf(group, one).mean ?? undefined;
      return one.kind === "fact" && one.numeric ? groupFact(group, one) : sharedValue(group, one);
    }

    /** Decimals of the means of all groups. @param {RunGroup[]} groups @param {RunColumn} metric */
    function meanDecimals(groups, metric) {
      const spreads = groups.map((group) => spreadOf(group, metric));
      const widths = spreads.flatMap(({ half }) => half || []).sort((a, b) => a - b);
      return metric === leading && widths.length ? spreadDecimals(middle(widths)) : format.decimals(spreads.map(({ mean }) => mean));
    }

    /** The best of the groups' means; null without a direction. @param {RunGroup[]} groups @param {RunColumn} metric */
    function bestMean(groups, metric) {
      const direction = metric.infos.find(Boolean)?.direction;
      const means = groups.flatMap((group) => spreadOf(group, metric).mean ?? []);
      if (several || !direction || means.length < 2) return null;
      return direction === "max" ? largest(means) : smallest(means);
    }

    // ---- shades, the best, differences

    /** What the values of one experiment are measured against. @param {RunColumn} metric @param {number} t @returns {RunScale} */
    function scaleOf(metric, t) {
      return kept(cache, `scale ${t} ${metric.name}`, () => {
        const direction = metric.infos[t]?.direction;
        const values = /** @type {(number | undefined)[]} */ (metric.values());
        const rows = Array.from(rowOf[t]).filter((row) => contends(row) && Number.isFinite(values[row]));
        if (!direction || rows.length < 2) return { best: null, shade: () => 0 };
        const at = (/** @type {number} */ row) => /** @type {number} */ (values[row]);
        const better = (/** @type {number} */ a, /** @type {number} */ b) => (direction === "max" ? a > b : a < b);
        const ordered = Float64Array.from(rows, at).sort();
        if (direction === "min") ordered.reverse();
        const most = ordered[ordered.length - 1];
        const start = ordered[Math.floor(ordered.length / 5)];
        // A part of a run that has the metric too (a fold) is not the best: the best fold is not the best model.
        const { parent } = tables[t].runs;
        const isPart = (/** @type {number} */ row) => {
          const above = parent[placeOf[row]];
          return above >= 0 && above !== placeOf[row] && contends(rowOf[t][above]) && values[rowOf[t][above]] !== undefined;
        };
        const whole = rows.filter((row) => !isPart(row)).map(at);
        const best = whole.length > 1 ? whole.reduce((a, b) => (better(b, a) ? b : a)) : null; // one value beats nothing
        const span = most - start;
        const steps = Math.abs(span) < FLAT * Math.abs(most) ? 1 : SHADES;
        const shade = (/** @type {number} */ value) => {
          const part = Math.ceil(((value - start) / span) * steps);
          return Number.isFinite(part) ? Math.min(steps, Math.max(0, part)) : 0;
        };
        return { best, shade: span && Number.isFinite(span) ? shade : () => 0 };
      });
    }

    /**
     * How `value` differs from that of the baseline; a verdict only where direction and spread are known.
     * @param {RunColumn} metric
     * @param {number | null | undefined} value
     * @param {number} row whose it is
     * @param {number} base
     * @returns {RunDelta | null}
     */
    function deltaOf(metric, value, row, base) {
      const first = /** @type {number | undefined} */ (metric.values()[base]);
      const info = metric.infos[tableOf[row]];
      if (first === undefined || value === undefined || value === null || !info || !Number.isFinite(value - first)) return null;
      const apart = value - first;
      if (apart === 0) return { text: "=", mark: "", verdict: "" };
      const spread = tableOf[row] === tableOf[base] ? info.spread : null;
      const size = format.number(Math.abs(apart), info.decimals);
      const signed = (apart > 0 ? "+" : "\u2212") + size;
      if (spread !== null && Math.abs(apart) <= spread) return { text: Number(apart.toFixed(info.decimals)) ? signed : "0", mark: "≈", verdict: "within" };
      if (!info.direction) return { text: signed, mark: "", verdict: "" };
      const better = apart > 0 === (info.direction === "max");
      return { text: size, mark: apart > 0 ? "▲" : "▼", verdict: spread === null ? "" : better ? "better" : "worse" };
    }

    // ---- the axis of the strips

    /**
     * It covers the contenders among `values`: the distance from the best to the median of `centres` says who is one, or
     * that between the quartiles of the values, where the centres hardly differ.
     * @param {number[]} values
     * @param {number[]} centres
     * @param {number} width px
     * @returns {StripAxis | null}
     */
    function stripAxis(values, centres, width) {
      if (!leading) return null;
      const turned = leading.infos[0].direction === "min";
      const finite = values.filter(Number.isFinite);
      const middles = centres.filter(Number.isFinite).sort((a, b) => a - b);
      if (new Set(finite).size < 2 || !middles.length) return null;
      const best = turned ? middles[0] : middles[middles.length - 1];
      const ordered = [...finite].sort((a, b) => a - b);
      const half = ordered[Math.floor((3 * ordered.length) / 4)] - ordered[Math.floor(ordered.length / 4)];
      const reach = Math.max(REACH * Math.abs(best - middle(middles)), half) || Infinity;
      const inside = finite.filter((v) => Math.abs(v - best) <= reach || v < best === turned);
      let low = smallest(inside);
      let high = largest(inside);
      const margin = (high - low) * 0.05 || Math.abs(high) * 0.01 || 0.5;
      low -= margin;
      high += margin;
      if (Math.max(Math.abs(low), Math.abs(high)) > 1e300) return null;
      const axis = reportgen.math.stepAxis(low, high, 4, false);
      low = Math.min(low, axis.low);
      high = Math.max(high, axis.high);
      const inset = 6;
      const place = (/** @type {number} */ value) => {
        const share = Math.min(Math.max((value - low) / (high - low), 0), 1);
        return inset + (width - 2 * inset) * (turned ? 1 - share : share);
      };
      const room = Math.abs(place(axis.ticks[axis.ticks.length - 1]) - place(axis.ticks[0]));
      const needed = Math.max(...axis.labels.map((label) => label.length * 6.9 - (label.includes(".") ? 3 : 0))) + TICK_GAP;
      const stride = room > 0 ? Math.ceil((needed * (axis.ticks.length - 1)) / room) : 1;
      const ticks = axis.ticks.flatMap((tick, i) => (i % stride ? [] : { x: place(tick), label: axis.labels[i] }));
      return { low, high, width, place, ticks };
    }

    return {
      ...{ tables, n, several, repeated, columns, name, leading, tableOf, placeOf },
      ...{ fact, nameOf, slotOf, contends, byId: (id) => byId.get(id), usualColumns, usualSort, ranking, sortRows, matcher, bestOfConfigs },
      ...{ makeGroups, allGroups, sortGroups, spreadOf, sharedValue, groupFact, meanDecimals, bestMean, scaleOf, deltaOf, stripAxis },
    };
  }

  reportgen.runSet = makeRunSet;
})();

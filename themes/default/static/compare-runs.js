// @ts-check
/**
 * The runs of a comparison: finds them by their keys, gives them their colours, lines up their metrics, params and facts,
 * and makes the sentence that is said of them. Draws nothing.
 */
(() => {
  "use strict";

  const { format } = reportgen;

  const COLOURS = 10;
  const MAX_TEXT = 60;
  const KEY = /^[a-z2-7]{10}$/;

  /** Characters of a text that a cell or a sentence shows. @param {string} text */
  const cut = (text) => (text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT - 1).trimEnd()}…` : text);

  /** @param {string[]} words */
  const join = (words) => (words.length === 1 ? words[0] : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`);

  // ---- finding runs

  /** Each page ends in the key of what it shows. @param {string} page */
  const keyOf = (page) => page.slice(-15, -5);

  /** The file of a run, asked for once. @param {ShortKey} k */
  function fileOf(k) {
    /** @type {Promise<LoadedRun> | null} */
    let asked = null;
    return () => {
      asked ??= reportgen.run(k);
      return asked;
    };
  }

  /** @param {ExperimentTable} table @param {number} at @param {ComparedRun["file"]} file @returns {ComparedRun} */
  function fromTable(table, at, file) {
    /** @type {any} */
    const row = Object.fromEntries(Object.entries(table.runs).map(([name, column]) => [name, column[at]]));
    const { label, slot } = table.groups;
    const group = { config: label[row.group_of], own: slot[row.group_of] };
    const experiment = { k: table.k, title: table.title, page: table.page };
    return { ...row, ...group, parent: table.runs.k[row.parent] || "", experiment, table, at, file, facts: null, slot: 0 };
  }

  /** @param {RunFacts} facts @param {ComparedRun["file"]} file @returns {ComparedRun} */
  function fromFacts(facts, file) {
    const experiment = { k: facts.experiment_k, title: facts.experiment || "unnamed", page: "" };
    const unknown = { differs: "", parent: "", config: "", own: 0, table: null, at: -1, slot: 0 };
    return { ...facts, ...facts.code, ...unknown, name: facts.name || "unnamed", experiment, file, facts };
  }

  /** The tables of the experiments of some runs, by the addresses in the search data. @param {ShortKey[]} keys */
  async function searchTables(keys) {
    const { runs, experiments } = await reportgen.searchData();
    const found = runs.experiment.filter((_, i) => keys.includes(keyOf(runs.page[i])));
    return Promise.all([...new Set(found)].map((i) => reportgen.table(keyOf(experiments.page[i]))));
  }

  /**
   * Find runs in the tables of their experiments. A run's file says which that is, so one is loaded after the other: the
   * first table usually has all the runs, and the files of the others can wait.
   * @param {ShortKey[]} keys
   * @returns {Promise<{ runs: ComparedRun[], said: string[] }>} with what the reader has to know
   */
  async function find(keys) {
    const files = new Map(keys.filter((k) => KEY.test(k)).map((k) => [k, fileOf(k)]));
    /** @type {Map<ShortKey, ComparedRun>} */
    const found = new Map();
    /** @type {Set<string>} */
    const said = new Set();
    /** @param {ExperimentTable} table */
    const take = (table) => {
      for (const [at, k] of table.runs.k.entries()) {
        const file = files.get(k);
        if (file) found.set(k, fromTable(table, at, file));
      }
    };
    const lost = [];
    for (const [k, file] of files) {
      if (found.has(k)) continue;
      const facts = await file().then((run) => run.facts, () => null);
      if (!facts) lost.push(k);
      else {
        await reportgen.table(facts.experiment_k).then(take, (error) => {
          said.add(`${error.message}: how far two runs of one configuration of ${facts.experiment} differ is not known here.`);
        });
        if (!found.has(k)) found.set(k, fromFacts(facts, file));
      }
    }
    if (lost.some((k) => !found.has(k))) {
      await searchTables(lost).then((tables) => tables.forEach(take), (error) => said.add(`${error.message}.`));
    }
    const unknown = keys.filter((k) => !found.has(k));
    if (unknown.length) {
      const names = unknown.slice(0, 10).map((k) => `“${k.slice(0, 40)}”`);
      said.add(`This site has no ${unknown.length === 1 ? "run" : "runs"} ${names.join(", ")}${unknown.length > 10 ? " …" : "."}`);
    }
    return { runs: keys.flatMap((k) => found.get(k) || []), said: [...said] };
  }

  /**
   * The twin of `assign_slots` in `reportgen/analysis/selection.py`; from the eleventh run on colours repeat, dashed.
   * The baseline is ink, and the others keep their colours when it changes.
   * @param {ComparedRun[]} runs
   * @param {ComparedRun} base
   */
  function assignSlots(runs, base) {
    /** @type {Map<number, ComparedRun>} */
    const taken = new Map();
    for (const run of runs) if (run.own >= 1 && run.own <= COLOURS && !taken.has(run.own)) taken.set(run.own, run);
    let slot = 0;
    for (const run of runs) {
      if (taken.get(run.own) === run) run.slot = run.own;
      else {
        do slot++;
        while (taken.has(slot));
        run.slot = slot;
      }
    }
    base.slot = 0;
  }

  /** @param {number} slot */
  const colourOf = (slot) => slot && ((slot - 1) % COLOURS) + 1;
  /** @param {ComparedRun} run */
  const classOf = ({ slot }) => `s${colourOf(slot)}${slot > 6 ? " dashed" : ""}`;

  // ---- values

  /**
   * What a run of a table has in one of its columns.
   * @template T
   * @param {Column<T>} column
   * @param {number} run
   * @returns {T | undefined}
   */
  function valueIn({ runs, values }, run) {
    if (!runs) return values[run];
    let low = 0;
    let high = runs.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (runs[middle] < run) low = middle + 1;
      else high = middle;
    }
    return runs[low] === run ? values[low] : undefined;
  }

  /** @param {ComparedRun[]} runs */
  const tablesOf = (runs) => [...new Set(runs.flatMap((run) => run.table || []))];

  /**
   * Call `each` for every column of a kind that a run has something in, with the values of the runs.
   * @param {ComparedRun[]} runs
   * @param {"params" | "tags" | "metrics"} kind
   * @param {(column: any, values: any[], table: ExperimentTable | null) => void} each
   */
  function eachColumn(runs, kind, each) {
    for (const table of tablesOf(runs)) {
      for (const column of table[kind]) {
        const values = runs.map((run) => (run.table === table ? valueIn(/** @type {Column<any>} */ (column), run.at) : undefined));
        if (values.some((value) => value !== undefined)) each(column, values, table);
      }
    }
    for (const run of runs) {
      if (run.table || !run.facts) continue;
      for (const [name, value] of Object.entries(run.facts[kind])) {
        const column = kind === "metrics" ? { ...value, name, spread: null } : { name };
        const own = kind === "metrics" ? value[value.summary] : value;
        each(column, runs.map((other) => (other === run ? own : undefined)), null);
      }
    }
  }

  /**
   * The metrics of the runs: headline metrics first, then by first appearance.
   * @param {ComparedRun[]} runs
   */
  function metricsOf(runs) {
    /** @type {Map<string, ComparedMetric>} */
    const metrics = new Map();
    eachColumn(runs, "metrics", (/** @type {MetricColumn} */ column, values, table) => {
      const { name, title, unit, direction, summary } = column;
      const headline = table ? table.headline.includes(name) : direction !== null;
      const metric = metrics.get(name) || { name, title, unit, direction, summary, headline, values: runs.map(() => undefined), spreads: new Map() };
      metrics.set(name, metric);
      if (table) metric.spreads.set(table, column.spread);
      for (const [i, value] of values.entries()) if (value !== undefined) metric.values[i] = reportgen.loose(value);
    });
    return [...metrics.values()].sort((a, b) => Number(b.headline) - Number(a.headline));
  }

  /**
   * How far two runs differ that differ in nothing but the seed; known only within one experiment.
   * @param {ComparedMetric} metric
   * @param {ComparedRun} a
   * @param {ComparedRun} b
   */
  const spreadOf = (metric, a, b) => (a.table && a.table === b.table ? (metric.spreads.get(a.table) ?? null) : null);

  /**
   * The runs that may be called best in a metric, the twin of `rivals` in `reportgen/analysis/selection.py`: those that
   * did not fail, or all when every run failed, without children of runs that have the metric too.
   * @param {ComparedRun[]} runs
   * @param {ComparedMetric} metric
   */
  function rivalsOf(runs, metric) {
    const all = runs.map((run, i) => ({ run, value: metric.values[i] }));
    const whole = all.filter(({ run }) => run.status !== "failed");
    const able = whole.length ? whole : all;
    const parents = new Set(able.filter(({ value }) => value !== undefined).map(({ run }) => run.k));
    return able.filter(({ run }) => !parents.has(run.parent) || run.parent === run.k);
  }

  /** Rivals with a finite value, best first. @param {ComparedRun[]} runs @param {ComparedMetric} metric */
  function ranked(runs, metric) {
    const sign = metric.direction === "max" ? -1 : 1;
    const finite = rivalsOf(runs, metric).flatMap(({ run, value }) => (Number.isFinite(value) ? [{ run, value: Number(value) }] : []));
    return finite.sort((a, b) => sign * (a.value - b.value));
  }

  // ---- the sentence, the twin of `make_sentence` in `reportgen/site/pages/compare.py`

  /** Decimals of a value with this spread: 0.2 gives two. @param {number} spread */
  const spreadDecimals = (spread) => (spread > 0 && Number.isFinite(spread) ? Math.min(Math.max(1 - Math.floor(Math.log10(spread)), 0), 8) : 0);

  /** How far the two best runs lie apart, measured against the spread of the seeds. @param {ComparedRun[]} runs @param {ComparedMetric} metric */
  function leadSentence(runs, metric) {
    const order = ranked(runs, metric);
    const [first, second] = order;
    if (!second || first.value === second.value) return "";
    const lead = Math.abs(first.value - second.value);
    const unit = { "": "", "%": " points" }[metric.unit] ?? ` ${metric.unit}`;
    const spread = spreadOf(metric, first.run, second.run);
    const decimals = spread === null ? format.decimals(order.map(({ value }) => value)) : spreadDecimals(spread);
    const said = `The first two differ by ${format.number(lead, decimals)}${unit} in ${metric.title}`;
    if (spread === null) return `${said}; how far two runs of one configuration differ is not known.`;
    const against = `what two runs of one configuration differ by (±\u00a0${format.number(spread, decimals)})`;
    return `${said}, ${lead <= spread ? "less" : "more"} than ${against}.`;
  }

  /**
   * What can be said of the runs: who is best in what, and whether the lead exceeds that of seeds. Runs of several
   * experiments are measured by metrics that all of them have.
   * @param {ComparedRun[]} runs
   * @param {ComparedMetric[]} metrics
   * @returns {[string, string]} claim and what is said behind it
   */
  function sentence(runs, metrics) {
    if (runs.length < 2) return ["One run, nothing to compare it with.", ""];
    const several = new Set(runs.map((run) => run.experiment.k)).size > 1;
    const telling = metrics.filter((metric) => metric.headline && metric.direction);
    const shared = telling.filter((metric) => !several || !metric.values.includes(undefined));
    if (!shared.length) {
      const claim = telling.length ? "These runs share no metric with a known direction." : "No metric here has a known direction.";
      return [claim, "No run is called best."];
    }
    /** @type {Map<ComparedRun, string[]>} */
    const bests = new Map();
    /** @type {string[]} */
    const open = [];
    for (const metric of shared) {
      const [first, second] = ranked(runs, metric);
      if (!second) continue;
      const within = Math.abs(first.value - second.value) <= (spreadOf(metric, first.run, second.run) || 0);
      if (within) open.push(metric.title);
      else bests.set(first.run, [...(bests.get(first.run) || []), metric.title]);
    }
    const said = [...bests].map(([run, titles]) => `${run.name} is best in ${join(titles.map(cut))}.`);
    const unclear = open.length ? [`No clear winner in ${join(open.map(cut))}.`] : [];
    const lead = [leadSentence(runs, shared[0])].filter(Boolean);
    const all = open[0] === shared[0].title ? [...unclear, ...lead, ...said] : [...said, ...lead, ...unclear];
    return [all[0] || "No run is ahead of the others.", all.slice(1).join(" ")];
  }

  // ---- rows

  /** `seed`, `random_seed`, `random_state`, also behind `/` or `.`. @param {string} name */
  const isSeed = (name) => /^(.*[/.])?(seed|random_seed|random_state)$/s.test(name);

  /** Params or tags in order of first appearance, seeds last. @param {ComparedRun[]} runs @param {"params" | "tags"} kind */
  function rowsOf(runs, kind) {
    /** @type {Map<string, ComparedRow>} */
    const rows = new Map();
    eachColumn(runs, kind, ({ name }, values) => {
      const row = rows.get(name) || { name, cells: runs.map(() => undefined) };
      rows.set(name, row);
      for (const [i, value] of values.entries()) if (value !== undefined) row.cells[i] = value;
    });
    return [...rows.values()].sort((a, b) => Number(isSeed(a.name)) - Number(isSeed(b.name)));
  }

  /** @param {ComparedRun[]} runs @returns {ComparedRow[]} */
  function factRows(runs) {
    /** @param {string} name @param {(run: ComparedRun) => ParamValue | undefined} of @param {Partial<ComparedRow>} [more] */
    const row = (name, of, more) => ({ name, cells: runs.map((run) => of(run) || undefined), ...more });
    const rows = [
      row("Experiment", (run) => run.experiment.title),
      row("Status", (run) => run.status),
      row("Started", (run) => run.start, { write: format.time }),
      row("Commit", (run) => run.commit && `${run.commit.slice(0, 7)}${run.dirty ? " + changes" : ""}`, { code: true }),
      row("Branch", (run) => run.branch),
      row("User", (run) => run.user),
      row("Group", (run) => run.group),
      row("Processes", (run) => run.facts?.ranks, { unknown: runs.map((run) => !run.facts) }),
    ];
    return rows.filter(({ cells }) => cells.some((value) => value !== undefined));
  }

  /**
   * What a run noted of its surroundings, nested names joined by a point, packages by their names alone and last.
   * @param {Record<string, unknown>} env
   */
  function surroundings({ packages, ...others }) {
    /** @type {Map<string, string>} */
    const facts = new Map();
    /** @param {unknown} values @param {string} prefix @param {number} depth */
    const walk = (values, prefix, depth) => {
      for (const [name, value] of Object.entries(values || {})) {
        if (value && typeof value === "object" && !Array.isArray(value) && depth) walk(value, `${prefix}${name}.`, depth - 1);
        else if ((value ?? "") !== "") facts.set(prefix + name, typeof value === "string" ? value : JSON.stringify(value));
      }
    };
    walk(others, "", 4);
    walk(typeof packages === "object" ? packages : { packages }, "", 0);
    return facts;
  }

  /** @param {ComparedRun[]} runs @returns {ComparedRow[]} */
  function environmentRows(runs) {
    const known = runs.map((run) => run.facts && surroundings(run.facts.env));
    const names = new Set(known.flatMap((facts) => [...(facts?.keys() || [])]));
    const unknown = known.map((facts) => !facts);
    return [...names].map((name) => ({ name, cells: known.map((facts) => facts?.get(name)), unknown }));
  }

  /** Whether a cell says something else than the baseline's, the first; numbers and booleans by value. @param {ComparedRow} row @param {number} i */
  function differs({ cells, unknown }, i) {
    if (unknown?.[i] || unknown?.[0]) return false;
    const [a, b] = [cells[i], cells[0]].map((value) => (typeof value === "boolean" ? Number(value) : value));
    return a !== b;
  }

  reportgen.comparison = {
    find,
    keyOf,
    assignSlots,
    colourOf,
    classOf,
    tablesOf,
    metricsOf,
    spreadOf,
    spreadDecimals,
    ranked,
    sentence,
    rowsOf,
    factRows,
    environmentRows,
    differs,
    cut,
    join,
  };
})();

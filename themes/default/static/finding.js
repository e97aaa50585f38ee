// @ts-check
/**
 * Runs of some experiments as filters see them (`QuerySource`): from their tables, and from `data/query/<k>.js` and its
 * parts (`reportgen/site/data/finding.py`), which are loaded only when a filter needs them. The values are the very ones
 * that `reportgen.query` compares in Python.
 */
(() => {
  "use strict";

  /** @typedef {{ table: ExperimentTable, head: QueryHead | null, columns: Map<string, any> }} Part of one experiment; a column by metric and statistic */

  /** Attributes that the table has as they are. @type {Record<string, "id" | "user" | "group" | "commit" | "branch">} */
  const FACTS = { run_id: "id", user: "user", group: "group", commit: "commit", branch: "branch" };
  /** Attributes that need the head. */
  const IN_HEAD = ["run_name", "error", "parent", "notes", "artifacts"];
  const STEPS = ["min_step", "max_step"];

  /**
   * @param {ExperimentTable[]} tables
   * @param {ArrayLike<number>} tableOf
   * @param {ArrayLike<number>} placeOf
   * @param {boolean} [fresh] load again what has been loaded before
   * @returns {Finding}
   */
  function finding(tables, tableOf, placeOf, fresh = false) {
    const { query } = reportgen;
    const n = tableOf.length;
    /** @type {Part[]} */
    const parts = tables.map((table) => ({ table, head: null, columns: new Map() }));
    const rowOf = tables.map((table) => new Int32Array(table.n).fill(-1));
    for (let row = 0; row < n; row++) rowOf[tableOf[row]][placeOf[row]] = row;
    /** @type {Map<string, any>} */
    const kept = new Map();
    /** @template V @param {string} key @param {() => V} make @returns {V} */
    const once = (key, make) => {
      if (!kept.has(key)) kept.set(key, make());
      return kept.get(key);
    };
    /** A column of a table by its name. @param {"params" | "tags" | "metrics"} kind @param {Part} part @param {string} name @returns {any} */
    const columnOf = (kind, { table }, name) => table[kind].find((column) => column.name === name);

    // ---- what has to be loaded

    /** @type {Map<string, Promise<any>>} */
    const loading = new Map();
    /** @param {string} id */
    function fetch(id) {
      const made = loading.get(id) ?? (fresh ? reportgen.reload(id) : reportgen.load(id));
      loading.set(id, made);
      made.catch(() => loading.delete(id));
      return made;
    }

    /** @param {Part} part @returns {Promise<QueryHead>} */
    async function needHead(part) {
      part.head ??= /** @type {QueryHead} */ (await reportgen.unpack(/** @type {QueryFile} */ (await fetch(`query/${part.table.k}`)).head));
      if (part.head.n !== part.table.n) throw new Error(`data/query/${part.table.k}.js is of another build than the table`);
      return part.head;
    }

    /** @param {Part} part */
    async function needNotes(part) {
      const { notes } = await needHead(part);
      if (notes === null || part.columns.has("notes")) return;
      part.columns.set("notes", await reportgen.unpack(await fetch(`query/${part.table.k}-${notes}`)));
    }

    /** Load one statistic of a metric. @param {Part} part @param {string} name @param {string} statistic */
    async function needMetric(part, name, statistic) {
      const key = `${statistic} ${name}`;
      if (inTable(columnOf("metrics", part, name), statistic) || part.columns.has(key)) return;
      const { parts: held } = await needHead(part);
      const at = held.findIndex((names) => names.includes(name));
      const { metrics } = /** @type {QueryPart} */ (await fetch(`query/${part.table.k}${at ? `-${at}` : ""}`));
      const own = metrics[held[at].indexOf(name)];
      const info = columnOf("metrics", part, name);
      const column = own[/** @type {QueryStatistic} */ (statistic)];
      if (typeof column === "string") {
        await needMetric(part, name, column);
        part.columns.set(key, inTable(info, column) ? fromTable(info, column) : part.columns.get(`${column} ${name}`));
        return;
      }
      const values = await reportgen.column(/** @type {PackedColumn} */ (column));
      const there = new Uint8Array(values.length).fill(1);
      if (statistic !== "last" && statistic !== "count") for (const place of own.none) there[place] = 0;
      part.columns.set(key, { values, there });
    }

    /** @param {MetricColumn | undefined} info @param {string} statistic */
    const inTable = (info, statistic) => !info || info.summary === statistic || (info.steps !== null && `${info.summary}_step` === statistic);

    /** @param {MetricColumn} info @param {string} statistic @returns {QueryNumbers} */
    function fromTable(info, statistic) {
      const values = STEPS.includes(statistic) ? /** @type {(number | null)[]} */ (info.steps) : info.values;
      return { values: Float64Array.from(values, Number), there: Uint8Array.from(values, (value) => Number(value !== null)) };
    }

    /** Whether JSON leaves open what a value of a param is in Python, or how that writes it. @param {any} column @param {boolean} asText */
    const isOpen = (column, asText) => column.values.some((/** @type {ParamValue} */ value) => value === null || (asText && Number.isInteger(value)));

    /** @param {QueryClause} clause @param {string} text @param {Part} part */
    async function need({ field, operator, values }, text, part) {
      const { entity } = field;
      const name = (entity === "tag" && Object.hasOwn(query.words.tags, field.name) && query.words.tags[field.name]) || field.name;
      if (entity === "metric") {
        if (columnOf("metrics", part, name)) await needMetric(part, name, query.statistic(field, text, direction));
      } else if (entity === "param") {
        const column = operator !== "NULL" && columnOf("params", part, name);
        if (column && isOpen(column, values.some(({ kind }) => kind === "text"))) await needHead(part);
      } else if (entity === "dataset" || (entity === "attribute" || name !== field.name ? IN_HEAD.includes(name) : false)) {
        await (name === "notes" ? needNotes(part) : needHead(part));
      }
    }

    /** @param {QueryNode} node @param {string} text */
    async function load(node, text) {
      const before = parts.map(({ head, columns }) => Number(head !== null) + columns.size).join();
      for (const clause of query.clausesOf(node)) await Promise.all(parts.map((part) => need(clause, text, part)));
      if (parts.map(({ head, columns }) => Number(head !== null) + columns.size).join() !== before) kept.clear();
    }

    // ---- what is known

    /** @returns {QueryName[]} */
    const known = () =>
      once("known", () => {
        /** @param {QueryName[0]} entity @param {"metrics" | "params" | "tags"} kind @returns {QueryName[]} */
        const of = (entity, kind) => [...new Set(tables.flatMap((table) => table[kind].map(({ name }) => name)))].map((name) => [entity, name]);
        return [...of("metric", "metrics"), ...of("param", "params"), ...of("tag", "tags")];
      });

    /** Of a metric that no run has any will do. @param {string} metric @returns {Direction} */
    function direction(metric) {
      const infos = parts.flatMap((part) => columnOf("metrics", part, metric) ?? []);
      return infos.length ? infos[0].direction : "max";
    }

    // ---- columns

    /** @param {string} name @param {string} statistic @returns {QueryNumbers | null} */
    function metric(name, statistic) {
      return once(`metric ${statistic} ${name}`, () => {
        const values = new Float64Array(n);
        const there = new Uint8Array(n);
        let some = false;
        parts.forEach((part, t) => {
          const info = columnOf("metrics", part, name);
          if (!info) return;
          some = true;
          const own = inTable(info, statistic) ? fromTable(info, statistic) : part.columns.get(`${statistic} ${name}`);
          for (let i = 0; i < own.values.length; i++) {
            const row = rowOf[t][info.runs ? info.runs[i] : i];
            values[row] = own.values[i];
            there[row] = own.there[i];
          }
        });
        return some ? { values, there } : null;
      });
    }

    /** A fact by table and place. @template V @param {(part: Part) => (place: number) => V} read @returns {V[]} */
    function byRow(read) {
      const readers = parts.map(read);
      return Array.from({ length: n }, (_, row) => readers[tableOf[row]](placeOf[row]));
    }

    /** @param {string} name @returns {QueryNumbers} */
    function numbers(name) {
      return once(`numbers ${name}`, () => {
        const ended = byRow(({ table }) => (place) => Number(name !== "end_time" || table.runs.status[place] !== "unfinished"));
        const values = byRow(({ table: { runs }, head }) => {
          if (name === "duration") return (place) => runs.duration[place];
          if (name === "artifacts") return (place) => /** @type {QueryHead} */ (head).files[place];
          const times = name === "start_time" ? runs.start : runs.last;
          return (place) => Math.round(times[place] * 1000);
        });
        return { values: Float64Array.from(values), there: Uint8Array.from(ended) };
      });
    }

    /** Each different text once, and each different object. @param {(QueryValue | undefined)[]} values by row @returns {QueryTexts} */
    function coded(values) {
      const numbers = new Map();
      /** @type {QueryValue[]} */
      const different = [];
      const codes = new Int32Array(n).fill(-1);
      for (let row = 0; row < n; row++) {
        const value = values[row];
        if (value === undefined) continue;
        let code = numbers.get(value);
        if (code === undefined) {
          code = different.push(value) - 1;
          numbers.set(value, code);
        }
        codes[row] = code;
      }
      return { codes, values: different };
    }

    /** @param {string} name */
    function params(name) {
      /** @type {(QueryValue | undefined)[]} */
      const values = new Array(n).fill(undefined);
      parts.forEach((part, t) => {
        const column = columnOf("params", part, name);
        if (!column) return;
        const told = part.head?.params.find((each) => each.name === name);
        /** @type {Map<ParamValue, QueryValue>} */
        const made = new Map();
        for (let i = 0; i < column.values.length; i++) {
          const place = column.runs ? column.runs[i] : i;
          const text = told?.texts[place];
          const value = column.values[i];
          if (!made.has(value) && text === undefined) made.set(value, query.asValue(value, told?.floats));
          values[rowOf[t][place]] = text === undefined ? made.get(value) : query.asNumber(text);
        }
      });
      return coded(values);
    }

    /** @param {string} name */
    function tags(name) {
      const values = new Array(n).fill(undefined);
      parts.forEach((part, t) => {
        const column = columnOf("tags", part, name);
        for (let i = 0; column && i < column.values.length; i++) values[rowOf[t][column.runs ? column.runs[i] : i]] = column.values[i];
      });
      return coded(values);
    }

    /** The text of a fact, empty where there is none. @param {string} name @param {Part} part @returns {(place: number) => string} */
    function factOf(name, { table, head, columns }) {
      const { runs } = table;
      if (Object.hasOwn(FACTS, name)) return (place) => runs[FACTS[name]][place];
      if (name === "experiment") return () => table.name;
      if (name === "status") return (place) => query.words.statuses[runs.status[place]];
      if (name === "run_name") return (place) => head?.names[place] ?? table.names[place] ?? runs.name[place];
      if (name === "error") return (place) => head?.errors[place] ?? runs.error[place];
      if (name === "parent") return (place) => head?.parents[place] ?? (runs.parent[place] < 0 ? "" : runs.id[runs.parent[place]]);
      if (name === "notes") return (place) => columns.get("notes")?.[place] ?? runs.note[place];
      return () => "";
    }

    /** @param {string} name */
    function facts(name) {
      if (name === "dirty") {
        const values = byRow(({ table }) => (place) => table.runs.dirty[place]);
        const [no, yes] = [query.asValue(false), query.asValue(true)];
        return coded(values.map((value) => (value === null ? undefined : value ? yes : no)));
      }
      return coded(byRow((part) => factOf(name, part)).map((text) => text || undefined));
    }

    /** @param {"param" | "tag" | "attribute"} entity @param {string} name @returns {QueryTexts | null} */
    function texts(entity, name) {
      const has = entity === "attribute" || known().some(([kind, other]) => kind === entity && other === name);
      return has ? once(`${entity} ${name}`, () => (entity === "attribute" ? facts(name) : entity === "tag" ? tags(name) : params(name))) : null;
    }

    /** @param {string} name */
    function lists(name) {
      return once(`lists ${name}`, () => {
        const at = ["name", "digest", "context"].indexOf(name);
        return byRow(({ head }) => {
          const held = /** @type {QueryLists<any> | null | undefined} */ (name === "artifacts" ? head?.artifacts : head?.datasets);
          if (!held) return () => [];
          const made = held.lists.map((list) => list.map((i) => (at < 0 ? held.items[i] : held.items[i][at])).filter((text) => at < 0 || text));
          return (place) => made[held.of[place]];
        });
      });
    }

    return { n, load, known, direction, metric, numbers, texts, lists };
  }

  reportgen.finding = finding;
})();

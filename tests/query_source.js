/* The runs of a query test, as `query_runs.to_json` writes them, as the source that query.js asks; and what it answers. */
"use strict";
globalThis.querySource = (runs, direction) => {
  const { asValue } = reportgen.query;
  const n = runs.length;
  const number = (value) => (typeof value === "string" ? { nan: NaN, inf: Infinity, "-inf": -Infinity }[value] : value);
  const column = (values) => {
    const there = Uint8Array.from(values, (value) => Number(value !== null && value !== undefined));
    return { values: Float64Array.from(values, (value) => number(value) ?? 0), there };
  };
  const value = ([kind, text]) => {
    if (kind === "text") return text;
    if (kind === "none") return asValue(null);
    if (kind === "bool") return asValue(text === "True");
    const made = Object.hasOwn({ nan: 0, inf: 0, "-inf": 0 }, text) ? number(text) : Number(text);
    return kind === "int" && !Number.isSafeInteger(made) ? { text, number: made, truth: null } : asValue(made, kind === "float");
  };
  const coded = (values) => {
    const different = [...new Set(values.filter((each) => each !== undefined))];
    const codes = new Map(different.map((each, code) => [each, code]));
    return { codes: Int32Array.from(values, (each) => codes.get(each) ?? -1), values: different };
  };
  const ms = (seconds) => Math.floor(seconds * 1000 + 0.5);
  const statuses = { finished: "FINISHED", failed: "FAILED", stopped: "KILLED", unfinished: "RUNNING" };
  const facts = {
    run_id: (run) => run.run_id,
    run_name: (run) => run.name,
    experiment: (run) => run.experiment,
    status: (run) => statuses[run.status],
    error: (run) => run.error,
    user: (run) => run.user,
    group: (run) => run.group,
    parent: (run) => run.parent_id,
    commit: (run) => run.commit,
    branch: (run) => run.branch,
    notes: (run) => run.notes,
    artifact_uri: () => "",
  };
  const own = (table, name) => (Object.hasOwn(table, name) ? table[name] : undefined);
  return {
    n,
    known: () => ["metric", "param", "tag"].flatMap((entity) => {
      const names = new Set(runs.flatMap((run) => Object.keys(run[`${entity}s`])));
      return [...names].map((name) => [entity, name]);
    }),
    direction,
    metric: (name, statistic) => column(runs.map((run) => own(run.metrics, name)?.[statistic])),
    numbers(name) {
      if (name === "start_time") return column(runs.map((run) => (run.start_time ? ms(run.start_time) : null)));
      if (name === "end_time") return column(runs.map((run) => (run.status === "unfinished" || !run.last_time ? null : ms(run.last_time))));
      return column(runs.map((run) => (name === "duration" ? run.shown_duration : run.artifacts)));
    },
    texts(entity, name) {
      if (entity === "attribute" && name === "dirty") return coded(runs.map(({ dirty }) => (dirty === null ? undefined : asValue(dirty))));
      if (entity === "attribute") return coded(runs.map((run) => facts[name](run) || undefined));
      return coded(runs.map((run) => {
        const found = own(run[`${entity}s`], name);
        return found === undefined ? undefined : entity === "tag" ? found : value(found);
      }));
    },
    lists: (name) => runs.map((run) => (name === "artifacts" ? run.artifact_paths : run.inputs.map((input) => input[name === "context" ? "role" : name]).filter(Boolean))),
  };
};

globalThis.queryAnswer = (source, text, now) => {
  const { parse, filter, unknownNames, QueryFault } = reportgen.query;
  try {
    const tree = parse(text, source.known);
    return { rows: [...filter(tree, source, now * 1000, text)].flatMap((hit, row) => (hit ? [row] : [])), hints: unknownNames(tree, source) };
  } catch (error) {
    if (!(error instanceof QueryFault)) throw error;
    return { code: error.code, start: error.start, end: error.end, reason: error.reason };
  }
};

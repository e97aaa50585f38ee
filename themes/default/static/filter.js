// @ts-check
/**
 * What a box needs to take filters (query.js): when what is typed is a filter, what it finds, what is wrong with it, what
 * can stand at the cursor, and help. Words without an operator are left to the page, which searches its rows for them.
 *
 * A filter that parses is applied; while it does not, the last good one stays, and what is wrong is said after a pause.
 */
(() => {
  "use strict";

  const { el, format, query } = reportgen;

  /** Choices that are shown at once. */
  const MAX_SHOWN = 8;
  /** Different values of a param that are looked at. */
  const MAX_VALUES = 5000;
  /** ms after the last key until a fault is told. */
  const PATIENCE = 900;
  /** Characters of a filter that are shown with its fault. */
  const EXCERPT = 90;
  const { entities, attributes, functions, statuses } = query.words;

  // ---- filter or words

  const QUOTED = /(^|[\s(,:=<>!.])(?:'[^']*'?|"[^"]*"?|`[^`]*`?)/g;
  const WORD = "(?:^|[\\s(])";
  const LATER = "(?:not\\s+)?(?:i?like|contains|between)\\b|(?:not\\s+)?in\\s*\\(|is\\s+(?:not\\s+)?(?:null|nan)\\b";
  const KEYED = new RegExp(`${WORD}(?:${entities.filter((name) => name !== "run").join("|")})\\.`);
  const CALLED = new RegExp(`${WORD}(?:${functions.join("|")})\\(`, "i");
  const NAMED = new RegExp(`(?:${WORD}(?:${Object.keys(attributes).join("|")})|'')\\s+(?:${LATER})`, "i");
  /** Whether a text is a filter, finished or not; all else is words. @param {string} text */
  function isFilter(text) {
    const bare = text.replace(QUOTED, "$1''");
    return /[=<>!]/.test(bare) || KEYED.test(bare) || CALLED.test(bare) || NAMED.test(bare);
  }

  // ---- what can stand at the cursor

  /**
   * @typedef {{ text: string, note: string, insert: string, key?: string }} Choice
   * @typedef {{ start: number, end: number, part: string, quote: string, wants: string, field: QueryField | null, inCall: string, depth: number, first: boolean }} Spot
   */

  /** Where the quotes open that the text ends in, -1 when it ends in none. @param {string} text */
  function openQuote(text) {
    try {
      query.cut(text);
      return -1;
    } catch (error) {
      const fault = /** @type {QueryFault} */ (error);
      return fault.code === "unclosed-quote" ? [...text].slice(0, fault.start).join("").length : -2;
    }
  }

  /**
   * What is being written at `caret`, and what is expected there; null where nothing can be said.
   * @param {string} text
   * @param {number} caret
   * @returns {Spot | null}
   */
  function spotAt(text, caret) {
    const before = text.slice(0, caret);
    const open = openQuote(before);
    if (open === -2) return null;
    let [start, part, quote] = [caret, "", ""];
    let told = before;
    if (open >= 0) {
      [start, part, quote] = [open, before.slice(open + 1), before[open]];
      const key = /(?:^|[\s(,])([a-z]+\.)$/.exec(before.slice(0, open));
      if (key) [start, part, quote] = [open - key[1].length, key[1] + part, ""];
      told = before.slice(0, start);
    }
    /** @type {QueryToken[]} */
    const tokens = query.cut(told).slice(0, -1);
    const last = tokens[tokens.length - 1];
    if (open < 0 && last && last.place.end === caret && ["word", "number", "age", "now"].includes(last.kind)) {
      tokens.pop();
      start = last.place.start;
      part = before.slice(start);
    }
    let end = caret;
    if (open < 0) while (end < text.length && !/[\s'"`(),=<>!]/.test(text[end])) end++;
    else if (text[caret] === before[open]) end++;
    const state = follow(told, tokens);
    return state && { start, end, part, quote, ...state, first: !tokens.length };
  }

  /**
   * What is expected behind a text: `field metric operator value text list null and joint`, empty for what cannot be told.
   * @param {string} text
   * @param {QueryToken[]} tokens
   */
  function follow(text, tokens) {
    let [wants, inCall, depth, ends] = ["field", "", 0, 0];
    /** @type {QueryField | null} */
    let field = null;
    for (let i = 0; i < tokens.length; i++) {
      const token = tokens[i];
      const word = token.kind === "word" && !token.quote ? token.text.toUpperCase() : token.kind === "sign" ? token.text : "";
      const isValue = token.kind !== "sign" && word !== "AND" && word !== "OR";
      if (wants === "field") {
        if (word === "NOT") continue;
        if (word === "(") depth++;
        else if (tokens[i + 1]?.text === "(" && functions.includes(token.text.toLowerCase())) {
          [inCall, wants] = [token.text.toLowerCase(), "metric"];
          i++;
        } else if (isValue) {
          field = fieldOf(text.slice(token.place.start, token.place.end));
          wants = "operator";
        } else return null;
      } else if (wants === "metric") {
        field = { entity: "metric", name: "", function: inCall, kind: "number", place: token.place };
        if (tokens[i + 1]?.text === ")") [wants, inCall, i] = ["operator", "", i + 1];
        else wants = "";
      } else if (wants === "operator") {
        if (word === "IS") wants = "null";
        else if (word === "IN") wants = "list";
        else if (word === "BETWEEN") [wants, ends] = ["value", 1];
        else if (["LIKE", "ILIKE", "CONTAINS"].includes(word)) wants = "text";
        else if (token.kind === "sign" && /[=<>]/.test(word)) wants = "value";
        else if (word !== "NOT") return null;
      } else if (wants === "list") {
        if (word === "(") wants = "listed";
        else if (word === ")") wants = "joint";
        else if (word === ",") wants = "listed";
        else return null;
      } else if (wants === "listed") {
        wants = "list";
      } else if (wants === "value" || wants === "text") {
        [wants, ends] = ends ? ["and", 0] : ["joint", 0];
      } else if (wants === "and") {
        wants = "value";
      } else if (wants === "null") {
        if (word !== "NOT") wants = "joint";
      } else if (wants === "joint") {
        if (word === "AND" || word === "OR") wants = "field";
        else if (word === ")") depth--;
        else return null;
      } else return null;
    }
    return { wants: wants === "listed" ? "value" : wants, field, inCall, depth };
  }

  /** @param {string} written a name as it stands in the filter @returns {QueryField | null} */
  function fieldOf(written) {
    try {
      return query.clausesOf(query.parse(`${written} IS NULL`, () => []))[0].field;
    } catch {
      return null;
    }
  }

  /** How well a name fits what was typed, 0 best; -1 not at all. @param {string} name @param {string} part */
  function fit(name, part) {
    const [whole, wanted] = [name.toLowerCase(), part.toLowerCase()];
    const at = whole.indexOf(wanted);
    if (at < 0) return -1;
    return at === 0 ? 0 : /[\W_]/.test(whole[at - 1]) ? 1 : wanted.length > 1 ? 2 : -1;
  }

  /** The best of the choices for what was typed. @param {Choice[]} choices @param {(choice: Choice) => number} rank */
  function bestOf(choices, rank) {
    const ranked = choices.map((choice, i) => ({ choice, i, rank: rank(choice) })).filter((each) => each.rank >= 0);
    return ranked.sort((a, b) => a.rank - b.rank || a.i - b.i).slice(0, MAX_SHOWN).map(({ choice }) => choice);
  }

  /** Metrics of the head line first, params that differ before those that do not. @param {ExperimentTable[]} tables */
  function namesOf(tables) {
    const headline = tables.flatMap((table) => table.headline);
    const metrics = [...headline, ...tables.flatMap((table) => table.metrics.map(({ name }) => name))];
    const params = tables.flatMap((table) => table.params);
    const varying = [...params.filter((param) => param.varying && !param.seed), ...params].map(({ name }) => name);
    const tags = tables.flatMap((table) => table.tags.map(({ name }) => name));
    return { metrics: [...new Set(metrics)], params: [...new Set(varying)], tags: [...new Set(tags)] };
  }

  /** Facts in the order of use; what cannot be asked for in this site is left out. */
  const FACTS = ["status", "start_time", "run_name", "duration", "user", "experiment", "group", "branch", "commit", "dirty", "notes", "error", "artifacts", "end_time", "run_id", "parent"];

  /** @param {Spot} spot @param {ExperimentTable[]} tables @returns {Choice[]} */
  function fieldChoices({ part, quote, inCall, first }, tables) {
    if (quote && quote !== "`" && quote !== '"') return [];
    const { metrics, params, tags } = namesOf(tables);
    /** @param {string} entity @param {string} note @param {string[]} names */
    const keyed = (entity, note, names) => names.map((name) => ({ text: query.spell(entity, name), note, insert: query.spell(entity, name), key: name }));
    const inside = inCall === "number" ? [...keyed("param", "param", params), ...keyed("tag", "tag", tags)] : keyed("metric", "metric", metrics);
    const [, entity = "", key = ""] = /^([a-z]+)\.[`"']?(.*)$/is.exec(part) || [];
    const all = inCall
      ? inside.map((one) => ({ ...one, insert: `${one.insert})` }))
      : [
          ...keyed("metric", "metric", metrics),
          ...keyed("param", "param", params),
          ...FACTS.map((name) => ({ text: name, note: "fact", insert: name, key: name })),
          ...keyed("tag", "tag", tags),
          ...functions.map((name) => ({ text: `${name}()`, note: name === "number" ? "number of a text" : "of a metric", insert: `${name}(`, key: name })),
          ...["name", "digest", "context"].map((name) => ({ text: `datasets.${name}`, note: "data set", insert: `datasets.${name}`, key: name })),
        ];
    if (entity && entities.includes(entity)) {
      const kind = /^(metric|param|tag|dataset|attr|run)/.exec(entity)?.[1];
      const own = all.filter(({ text, note }) => (kind === "attr" || kind === "run" ? note === "fact" : text.startsWith(`${kind}`)));
      return bestOf(own, ({ key: name }) => fit(name ?? "", key));
    }
    if (first && part.length < 2) return [];
    return bestOf(all, ({ text, key: name }) => {
      const own = fit(name ?? "", part);
      return own >= 0 ? own : fit(text, part) === 0 ? 1 : -1;
    });
  }

  /** @type {[sign: string, note: string, kinds: string][]} `n` numbers, `t` times and lengths, `x` texts, `m` either, `b` truths, `l` lists */
  const OPERATORS = [
    ["=", "is", "ntxmbl"],
    ["!=", "is not", "ntxmbl"],
    [">", "greater", "ntm"],
    [">=", "greater or equal", "nt"],
    ["<", "smaller", "ntm"],
    ["<=", "smaller or equal", "nt"],
    ["BETWEEN", "from … to", "nt"],
    ["IN", "one of", "xml"],
    ["LIKE", "has the form, % is any text", "xml"],
    ["CONTAINS", "holds the text", "xml"],
    ["IS NULL", "is missing", "ntxmbl"],
    ["IS NOT NULL", "is there", "xmb"],
    ["IS NAN", "is not a number", "n"],
  ];
  const KINDS = { number: "n", time: "t", duration: "t", text: "x", mixed: "m", truth: "b", many: "l", files: "l" };

  /** @param {Spot} spot @returns {Choice[]} */
  function operatorChoices({ field, part }) {
    const kind = field ? KINDS[field.kind] : "m";
    const able = OPERATORS.filter(([, , kinds]) => kinds.includes(kind)).map(([sign, note]) => ({ text: sign, note, insert: sign === "IN" ? "IN (" : `${sign} ` }));
    return bestOf(able, ({ text }) => (text.startsWith(part.toUpperCase()) ? 0 : -1));
  }

  /** A text as a filter writes it, null where no quotes fit. @param {string} text */
  function quoted(text) {
    const quote = ["'", '"'].find((one) => !text.includes(one));
    return quote && !/[\n\r]/.test(text) ? quote + text + quote : null;
  }

  /** @param {Spot} spot @param {Finding} source @param {boolean} asText @returns {Choice[]} */
  function valueChoices({ field, part, quote }, source, asText) {
    if (!field || quote === "`") return [];
    /** @param {[text: string, note: string][]} pairs */
    const given = (...pairs) => bestOf(pairs.map(([text, note]) => ({ text, note, insert: text })), ({ text }) => fit(text.replace(/^'/, ""), part));
    if (field.kind === "truth") return given(["TRUE", ""], ["FALSE", ""]);
    if (field.kind === "duration") return quote ? [] : given(["10m", "10 minutes"], ["1h", "an hour"], ["1d", "a day"]);
    if (field.kind === "time") {
      const day = new Date(Math.max(0, ...source.numbers("start_time").values)).toISOString().slice(0, 10);
      const ages = /** @type {[string, string][]} */ ([["now - 1d", "a day ago"], ["now - 7d", "a week ago"], ["now - 4w", "4 weeks ago"]]);
      return given(...(quote ? [] : ages), [`'${day}'`, "the day of the newest run, UTC"]);
    }
    if (field.kind !== "text" && field.kind !== "mixed") return [];
    const column = source.texts(/** @type {any} */ (field.entity), field.name);
    if (!column) return [];
    const counts = new Uint32Array(column.values.length);
    for (const code of column.codes) if (code >= 0) counts[code]++;
    const own = column.values.slice(0, MAX_VALUES).flatMap((value, code) => {
      if (!counts[code]) return [];
      let text = typeof value === "string" ? value : "";
      let insert = typeof value === "string" ? quoted(value) : null;
      if (typeof value !== "string") {
        if (asText || quote) return [];
        text = value.truth !== null ? String(value.truth).toUpperCase() : value.number === null ? "" : format.full(value.number);
        insert = Number.isFinite(value.number ?? 0) ? text : null;
      } else if (field.name === "status" && field.entity === "attribute") {
        text = Object.keys(statuses).find((word) => statuses[word] === value) ?? value;
        insert = quoted(text);
      }
      return insert && text.length <= 80 ? [{ text, note: format.count(counts[code], "run"), insert, count: counts[code] }] : [];
    });
    own.sort((a, b) => b.count - a.count);
    return bestOf(own, ({ text, insert }) => (text === insert && !text.startsWith(part) ? -1 : fit(text, part)));
  }

  /** @param {Spot} spot @param {Finding} source @param {ExperimentTable[]} tables @returns {Choice[]} */
  function choicesAt(spot, source, tables) {
    const { wants, part, depth } = spot;
    /** @param {string[]} words */
    const words = (...words) => bestOf(words.map((word) => ({ text: word, note: "", insert: `${word} ` })), ({ text }) => (part && text.startsWith(part.toUpperCase()) ? 0 : -1));
    if (wants === "field" || wants === "metric") return fieldChoices(spot, tables);
    if (spot.quote && wants !== "value" && wants !== "text") return [];
    if (wants === "operator") return operatorChoices(spot);
    if (wants === "value") return valueChoices(spot, source, false);
    if (wants === "text") return spot.field && spot.field.name !== "notes" ? valueChoices(spot, source, true) : [];
    if (wants === "null") return words("NULL", "NOT NULL", "NAN");
    if (wants === "joint") return words("AND", "OR", ...(depth > 0 ? [")"] : []));
    return wants === "and" ? words("AND") : [];
  }

  // ---- examples from the page's own runs

  /** A round number that about a third of the runs reach. @param {MetricColumn} metric */
  function threshold({ values, direction }) {
    const sorted = values.map(Number).filter(Number.isFinite).sort((a, b) => a - b);
    const at = sorted[Math.floor(sorted.length * (direction === "min" ? 0.35 : 0.65))];
    if (!at) return "0";
    const spread = sorted[sorted.length - 1] - sorted[0] || Math.abs(at);
    const digits = Math.min(Math.max(1 - Math.floor(Math.log10(spread)), 0), 6);
    return Number(at.toFixed(digits)) ? String(Number(at.toFixed(digits))) : String(Number(at.toPrecision(2)));
  }

  /** @param {ExperimentTable[]} tables @returns {[filter: string, said: string][]} */
  function examplesOf(tables) {
    const table = tables.reduce((a, b) => (b.n > a.n ? b : a));
    const metric = table.metrics.find(({ name }) => name === (table.leading ?? table.headline[0]));
    const sign = metric?.direction === "min" ? "<" : ">";
    const params = table.params.filter(({ varying, seed }) => varying && !seed);
    const usual = (/** @type {ParamColumn | undefined} */ param) => {
      const values = (param?.values ?? []).filter((value) => (typeof value === "string" ? quoted(value) && value.length <= 24 : typeof value === "number"));
      return [...new Set(values)].slice(0, 2).map((value) => (typeof value === "string" ? /** @type {string} */ (quoted(value)) : format.full(/** @type {number} */ (value))));
    };
    const param = params.find((one) => usual(one).length > 1) || params[0];
    const [one, two] = usual(param);
    const numeric = table.params.find((each) => each !== param && each.varying && !each.seed && each.values.every((value) => typeof value === "number"));
    const middle = numeric && [...numeric.values].map(Number).sort((a, b) => a - b)[numeric.values.length >> 1];
    /** @type {[string, string][]} */
    const made = [];
    if (metric) {
      made.push([`${query.spell("metric", metric.name)} ${sign} ${threshold(metric)}`, "its last value"]);
      const best = metric.direction ? "best" : "max";
      made.push([`${best}(${query.spell("metric", metric.name)}) ${sign} ${threshold(metric)} AND NOT status = 'failed'`, `its ${metric.direction ? "best" : "highest"} value`]);
    }
    if (param && two) made.push([`${query.spell("param", param.name)} IN (${one}, ${two})`, "one of several"]);
    const other = param && one ? `${query.spell("param", param.name)} = ${one}` : "dirty = TRUE";
    if (numeric) made.push([`${query.spell("param", numeric.name)} <= ${format.full(middle ?? 0)} OR ${other}`, "one or the other"]);
    made.push(["start_time > now - 7d", "of the last seven days"], ["duration > 1h", "that ran for more than an hour"], ["run_name LIKE '%base%'", "% is any text"], ["notes CONTAINS 'baseline'", "in their notes"]);
    return made.slice(0, 5);
  }

  // ---- the box

  let boxes = 0;

  /** @param {FilterBoxSetting} setting @returns {FilterBox} */
  function filterBox({ input, host, below, tables, source, apply, finds }) {
    const id = `filter-${++boxes}`;
    const list = el("ul", { class: "find-list", id: `${id}-list`, role: "listbox", "aria-label": "What can stand here", hidden: true });
    const said = el("div", { class: "find-said", id: `${id}-said`, role: "status" });
    host.append(list);
    below.append(said);
    const described = [input.getAttribute("aria-describedby"), said.id].filter(Boolean).join(" ");
    for (const [name, value] of Object.entries({ role: "combobox", "aria-expanded": "false", "aria-controls": list.id, "aria-autocomplete": "list", "aria-describedby": described })) input.setAttribute(name, value);

    /** The last filter that was good, empty for none. @type {{ text: string, mask: Uint8Array | null }} */
    let good = { text: "", mask: null };
    /** What the page shows. */
    let applied = "";
    let asked = 0;
    let pause = 0;

    // -- deciding

    /** @param {string} text @returns {Promise<FilterAnswer>} */
    async function check(text) {
      if (!isFilter(text)) return { mask: null, hints: [], lack: "" };
      const held = await source();
      try {
        const tree = query.parse(text, held.known);
        await held.load(tree, text);
        const mask = query.filter(tree, held, Date.now(), text);
        return { mask, hints: query.unknownNames(tree, held), lack: mask.includes(1) ? "" : lackOf(tree, held) };
      } catch (error) {
        if (error instanceof query.QueryFault) return { fault: /** @type {any} */ (error) };
        return { failure: /** @type {Error} */ (error).message };
      }
    }

    /** Why a filter of one clause about a metric finds nothing. @param {QueryNode} tree @param {Finding} held */
    function lackOf(tree, held) {
      if (tree.kind !== "clause" || tree.field.entity !== "metric" || !/^[<>]/.test(tree.operator)) return "";
      const { field, operator } = tree;
      const column = held.metric(field.name, query.statistic(field, "", held.direction));
      const values = column ? [...column.values].filter((value, row) => Number.isFinite(value) && column.there?.[row]) : [];
      if (!values.length) return "";
      const high = operator.startsWith(">");
      const end = values.reduce((a, b) => (high ? Math.max(a, b) : Math.min(a, b)));
      const [what, name] = [high ? "highest" : "lowest", field.function === "last" ? field.name : `${field.function} of ${field.name}`];
      return ` The ${what} ${name} is ${format.number(end)}.`;
    }

    /** Apply what the box holds; `now` says at once what is wrong. @param {boolean} now */
    async function decide(now) {
      const text = input.value;
      const number = ++asked;
      clearTimeout(pause);
      /** @param {() => void} act */
      const afterPause = (act) => {
        if (now) act();
        else pause = setTimeout(() => number === asked && act(), PATIENCE);
      };
      if (!isFilter(text)) {
        const unfinished = text.trim() && !/\s/.test(text.trim()) && options.length && !finds(text);
        const act = () => {
          clear();
          applied = text;
          good = { text: "", mask: null };
          apply(text, null, "");
        };
        return unfinished ? afterPause(act) : act();
      }
      const slow = setTimeout(() => number === asked && said.replaceChildren(el("p", { class: "fine" }, "Loading what the filter asks for")), 400);
      const answer = await check(text);
      clearTimeout(slow);
      if (number !== asked) return;
      if ("mask" in answer) {
        good = { text, mask: answer.mask };
        applied = text;
        input.removeAttribute("aria-invalid");
        said.replaceChildren();
        if (answer.hints.length) afterPause(() => tellHints(answer.hints));
        return apply(text, answer.mask, answer.lack);
      }
      // Words were but the beginning of the filter.
      if (applied !== good.text) {
        applied = good.text;
        apply(good.text, good.mask, "");
      }
      afterPause(() => tellFault(text, answer, now));
    }

    // -- saying

    function clear() {
      input.removeAttribute("aria-invalid");
      said.replaceChildren();
    }

    /** @param {string[]} hints */
    function tellHints(hints) {
      said.replaceChildren(el("ul", { class: "find-hints" }, ...hints.slice(0, 5).map((hint) => el("li", { dir: "auto" }, `${hint[0].toUpperCase()}${hint.slice(1)}`, useOf(hint)))));
    }

    /** @param {string} text @param {{ fault: QueryFault } | { failure: string }} answer @param {boolean} now */
    function tellFault(text, answer, now) {
      if ("failure" in answer) return said.replaceChildren(reportgen.note("bad", `The filter cannot be answered: ${answer.failure}.`));
      const { reason, start, end } = answer.fault;
      const letters = [...text];
      if (options.length && spot) {
        // What stands at the cursor is not finished, and what is missing is offered; a fault before it must be seen.
        if (!now && start >= [...text.slice(0, spot.start)].length) return;
        close();
      }
      const from = Math.max(0, Math.min(start - EXCERPT / 3, letters.length - EXCERPT));
      const until = Math.min(letters.length, Math.max(from + EXCERPT, start + 1));
      const part = letters.slice(start, Math.min(end, until)).join("");
      const shown = el("code", { dir: "ltr" }, `${from ? "…" : ""}${letters.slice(from, start).join("")}`, el("mark", { class: part.trim() ? "" : "gap" }, part || "\u00a0"), `${letters.slice(Math.min(end, until), until).join("")}${until < letters.length ? "…" : ""}`);
      const still = good.text ? ["Shown is still ", el("code", { dir: "auto" }, good.text.length > 60 ? `${good.text.slice(0, 59)}…` : good.text), "."] : ["All runs are shown."];
      const sign = el("span", { class: "sign", "aria-hidden": "true" }, "✕");
      input.setAttribute("aria-invalid", "true");
      said.replaceChildren(el("div", { class: "find-fault" }, el("p", null, sign, el("span", { dir: "auto" }, `${reason[0].toUpperCase()}${reason.slice(1)}${/[.?!]$/.test(reason) ? "" : "."}`), useOf(reason, answer.fault)), el("p", { class: "where" }, shown), el("p", { class: "fine" }, ...still)));
    }

    /** A button that puts in what was meant. @param {string} sentence @param {QueryFault} [fault] */
    function useOf(sentence, fault) {
      const [, meant] = /did you mean (.+?)(?:\(\))?\?$/s.exec(sentence) || [];
      const [, wrong = ""] = /^no run has (.+): did you mean/s.exec(sentence) || [];
      if (!meant || (!fault && !input.value.includes(wrong))) return null;
      const act = () => {
        const letters = [...input.value];
        const renewed = fault ? [...letters.slice(0, fault.start), meant, ...letters.slice(fault.end)].join("") : input.value.replace(wrong, () => meant);
        put(renewed, renewed.length);
      };
      return el("button", { type: "button", class: "use", onclick: act }, "Use it");
    }

    /** @param {string} text @param {number} caret */
    function put(text, caret) {
      input.value = text;
      input.focus();
      input.setSelectionRange(caret, caret);
      close();
      decide(true);
    }

    // -- completion

    /** @type {Choice[]} */
    let options = [];
    let active = -1;
    /** @type {Spot | null} */
    let spot = null;
    /** The text that the choices are for. */
    let offered = "";

    function close() {
      options = [];
      active = -1;
      list.hidden = true;
      input.setAttribute("aria-expanded", "false");
      input.removeAttribute("aria-activedescendant");
    }

    /** @param {number} next */
    function setActive(next) {
      list.children[active]?.setAttribute("aria-selected", "false");
      active = next;
      const option = list.children[active];
      if (!option) return input.removeAttribute("aria-activedescendant");
      option.setAttribute("aria-selected", "true");
      input.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    }

    /** What is known of the runs, once it is there; `source` may give another one later. @type {Finding | null} */
    let held = null;
    async function complete() {
      const text = input.value;
      held = await source().catch(() => null);
      if (text === input.value && document.activeElement === input) offer();
    }

    function offer() {
      if (!held) return close();
      const text = input.value;
      const caret = input.selectionStart ?? text.length;
      spot = input.selectionEnd === caret ? spotAt(text, caret) : null;
      const words = !isFilter(text) && spot && !spot.first;
      const found = spot && !words ? choicesAt(spot, held, tables()) : [];
      const done = found.length === 1 && spot && found[0].insert.trim().toLowerCase() === text.slice(spot.start, spot.end).toLowerCase();
      options = done ? [] : found;
      offered = text;
      active = -1;
      if (!options.length) return close();
      list.replaceChildren(
        ...options.map(({ text: name, note }, i) =>
          el("li", { role: "option", id: `${id}-${i}`, "aria-selected": "false" }, el("span", { dir: "auto" }, name), note ? el("small", null, note) : null),
        ),
      );
      list.hidden = false;
      list.scrollTop = 0;
      input.setAttribute("aria-expanded", "true");
      input.removeAttribute("aria-activedescendant");
    }

    /** @param {number} i */
    function take(i) {
      const choice = options[i];
      if (!choice || !spot || input.value !== offered) return;
      const { wants, start, end } = spot;
      const [before, after] = [input.value.slice(0, start), input.value.slice(end)];
      const more = /[\s(]$/.test(choice.insert) ? "" : " ";
      const inserted = choice.insert + (/^\s/.test(after) ? "" : more);
      input.value = before + inserted + (choice.insert.endsWith(")") ? after.replace(/^\)/, "") : after);
      const caret = before.length + inserted.length;
      input.setSelectionRange(caret, caret);
      input.focus();
      close();
      decide(false);
      if (wants !== "joint" || choice.insert.trim() !== ")") complete();
    }

    input.addEventListener("keydown", (event) => {
      if (event.isComposing) return;
      // Who types fast has not seen what is offered now, and means no list of an earlier text.
      if (event.key.length > 1 && input.value !== offered && (options.length || (event.key === "Tab" && isFilter(input.value)))) offer();
      const open = options.length > 0 && input.value === offered;
      const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
      if (step && open) setActive(active < 0 ? (step > 0 ? 0 : options.length - 1) : (active + step + options.length) % options.length);
      else if (event.key === "ArrowDown" && event.altKey) complete();
      else if (event.key === "Escape" && open) close();
      else if (event.key === "Enter" && active >= 0) take(active);
      else if (event.key === "Tab" && open && !event.shiftKey && !event.ctrlKey && (active >= 0 || isFilter(input.value))) take(Math.max(active, 0));
      else {
        if (event.key === "Enter") {
          close();
          decide(true);
        } else if (event.key === "Tab") close();
        return;
      }
      event.preventDefault();
      event.stopImmediatePropagation();
    }, true);
    list.addEventListener("pointerdown", (event) => event.preventDefault()); // the box keeps the focus
    list.addEventListener("click", (event) => {
      const option = /** @type {Element} */ (event.target).closest("li");
      if (option) take([...list.children].indexOf(option));
    });
    below.addEventListener("pointerdown", (event) => /** @type {Element} */ (event.target).closest("button") && event.preventDefault());
    input.addEventListener("blur", ({ relatedTarget }) => {
      close();
      if (input.value !== applied && !below.contains(/** @type {Node | null} */ (relatedTarget))) decide(true);
    });

    // -- help

    /** @type {HTMLElement | null} */
    let help = null;
    /** Show the help, or put it away. @param {HTMLElement} button */
    async function toggleHelp(button) {
      await source();
      if (help) {
        help.remove();
        help = null;
      } else {
        const use = (/** @type {string} */ text) => () => put(text, text.length);
        const rows = examplesOf(tables()).map(([text, note]) => el("li", null, el("button", { type: "button", class: "example", title: "Put this into the box", onclick: use(text) }, el("code", { dir: "ltr" }, text)), el("small", null, note)));
        help = el(
          "div",
          { class: "find-help", id: `${id}-help` },
          el("p", null, "Words search names, params, tags and notes. A filter compares, and joins with ", el("code", null, "AND"), ", ", el("code", null, "OR"), ", ", el("code", null, "NOT"), ":"),
          el("ul", null, ...rows),
          el("p", { class: "fine" }, "Names without quotes, texts in quotes. ↓ and Enter, or Tab, take what is offered below the box."),
        );
        below.prepend(help);
        button.setAttribute("aria-controls", help.id);
      }
      button.setAttribute("aria-expanded", String(help !== null));
    }

    return {
      check,
      toggleHelp,
      async typed() {
        await complete();
        decide(false);
      },
      show(text, mask) {
        asked++;
        clearTimeout(pause);
        clear();
        close();
        input.value = text;
        applied = text;
        good = mask ? { text, mask } : { text: "", mask: null };
      },
      /** @param {string} text @param {FilterAnswer} answer */
      tell(text, answer) {
        if ("mask" in answer) {
          if (answer.hints.length) tellHints(answer.hints);
        } else tellFault(text, answer, true);
      },
    };
  }

  const { filterStyle } = document.documentElement.dataset;
  if (filterStyle && !reportgen.single) document.head.append(el("link", { rel: "stylesheet", href: filterStyle }));

  reportgen.filterBox = filterBox;
})();

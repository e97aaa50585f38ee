// @ts-check
/**
 * The filter language in the page: lexer, parser, and which runs fulfil a filter. `docs/query.md` describes it;
 * `reportgen/query` is its twin, with the same faults in the same words. No page and no drawing; what is known of the
 * runs comes from a `QuerySource`.
 *
 * Inside, places are in UTF-16 units, as scripts count; a fault says its place in code points, as Python counts.
 */
(() => {
  "use strict";

  const MAX_LENGTH = 1000000;
  const MAX_DEPTH = 100;
  const MAX_EDITS = 3;
  /** Unknown names that get a sentence: each is compared with all known names. */
  const MOST_TOLD = 20;

  // ---- names

  /** @type {Record<string, QueryField["entity"]>} what may stand before the first dot */
  const ENTITIES = {
    metric: "metric",
    metrics: "metric",
    param: "param",
    params: "param",
    parameter: "param",
    parameters: "param",
    tag: "tag",
    tags: "tag",
    dataset: "dataset",
    datasets: "dataset",
    attribute: "attribute",
    attributes: "attribute",
    attr: "attribute",
    run: "attribute",
  };
  /** @type {Record<string, QueryField["kind"]>} */
  const ATTRIBUTES = {
    run_id: "text",
    run_name: "text",
    experiment: "text",
    status: "text",
    error: "text",
    start_time: "time",
    end_time: "time",
    duration: "duration",
    user: "text",
    group: "text",
    parent: "text",
    commit: "text",
    branch: "text",
    dirty: "truth",
    artifacts: "files",
    notes: "text",
    artifact_uri: "text",
  };
  /** @type {Record<string, string>} */
  const ATTRIBUTE_ALIASES = {
    user_id: "user",
    name: "run_name",
    created: "start_time",
    Created: "start_time",
    "run name": "run_name",
    "Run name": "run_name",
    "Run Name": "run_name",
    experiment_id: "experiment",
    experiment_name: "experiment",
    parent_id: "parent",
    note: "notes",
  };
  /** Tags that MLflow sets itself: the attribute that answers for a run without the tag. @type {Record<string, string>} */
  const TAG_ALIASES = {
    "mlflow.runName": "run_name",
    "mlflow.user": "user",
    "mlflow.note.content": "notes",
    "mlflow.parentRunId": "parent",
    "mlflow.source.git.commit": "commit",
    "mlflow.source.git.branch": "branch",
  };
  const DATASET_KEYS = ["name", "digest", "context"];
  const METRIC_FUNCTIONS = ["last", "min", "max", "mean", "first", "best", "step_of_best", "count"];
  const FUNCTIONS = [...METRIC_FUNCTIONS, "number"];
  /** @type {Record<string, string>} */
  const STATUSES = { finished: "FINISHED", failed: "FAILED", stopped: "KILLED", unfinished: "RUNNING" };
  /** Letter of an age: seconds. @type {Record<string, number>} */
  const AGES_S = { s: 1, m: 60, h: 3600, d: 86400, w: 604800 };

  /** A table by name, safe against names such as `constructor`. @template V @param {Record<string, V>} table @param {string} name */
  const known = (table, name) => (Object.hasOwn(table, name) ? table[name] : undefined);

  // ---- texts

  /** @param {string} text ASCII letters in lower case, all others as they are */
  const lower = (text) => (/[A-Z]/.test(text) ? text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : text);
  const SURROGATE = /[\ud800-\udfff]/;
  /** Code points. @param {string} text */
  function lengthOf(text) {
    if (!SURROGATE.test(text)) return text.length;
    let n = 0;
    for (let i = 0; i < text.length; i++, n++) i += Number(isPair(text, i));
    return n;
  }
  /** Whether two units at `i` are one code point. @param {string} text @param {number} i */
  function isPair(text, i) {
    const unit = text.charCodeAt(i);
    if (unit < 0xd800 || unit > 0xdbff) return false;
    const next = text.charCodeAt(i + 1);
    return next >= 0xdc00 && next <= 0xdfff;
  }

  /** Units as code points are ordered: those of pairs behind all others. @param {number} unit */
  const rankOf = (unit) => (unit < 0xd800 ? unit : unit < 0xe000 ? unit + 0x2000 : unit - 0x800);
  /** Order by code point. @param {string} a @param {string} b */
  function compareTexts(a, b) {
    if (a === b) return 0;
    const n = Math.min(a.length, b.length);
    for (let i = 0; i < n; i++) {
      const x = a.charCodeAt(i);
      const y = b.charCodeAt(i);
      if (x !== y) return rankOf(x) - rankOf(y);
    }
    return a.length - b.length;
  }

  /** A blank for each character that moves the cursor or is not seen. @param {string} text */
  const plain = (text) => text.replace(/[\p{Cc}\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]/gu, " ");
  /** @param {string} text */
  function short(text) {
    const letters = [...plain(text.slice(0, 200))];
    return letters.length <= 60 ? letters.join("") : `${letters.slice(0, 59).join("")}…`;
  }

  // ---- numbers

  /** @param {number} n */
  const thousands = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ",");
  const NUMBER = /^[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$/;
  const AROUND = /^[ \t\n\r\f\v\xa0]+/;
  const BLANKS = " \t\n\r\f\v\xa0";
  const ENDS_WORD = `${BLANKS}'"\`(),=<>!`;

  /** Without blanks around it. @param {string} text */
  function strip(text) {
    let end = text.length;
    while (end && BLANKS.includes(text[end - 1])) end--;
    return text.slice(0, end).replace(AROUND, "");
  }

  /** The number that a text stands for, null where it stands for none. @param {string} text @returns {number | null} */
  function numberOfText(text) {
    const made = strip(text);
    if (NUMBER.test(made)) return Number(made);
    const [, sign, word] = /^([-+]?)(nan|inf|infinity)$/i.exec(made) || [];
    if (!word) return null;
    return lower(word) === "nan" ? Number.NaN : sign === "-" ? -Infinity : Infinity;
  }

  /** What Python's `str` makes of a float. @param {number} value */
  function floatText(value) {
    if (Number.isNaN(value)) return "nan";
    if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
    if (Object.is(value, -0)) return "-0.0";
    const [mantissa, power] = value.toExponential().split("e");
    const at = Number(power);
    if (value && (at < -4 || at >= 16)) {
      return `${mantissa}e${at < 0 ? "-" : "+"}${String(Math.abs(at)).padStart(2, "0")}`;
    }
    const text = String(value);
    return text.includes(".") ? text : `${text}.0`;
  }

  /**
   * A value as filters compare it. A text stands for itself.
   * @param {ParamValue} value
   * @param {boolean} [float] whether a whole number was logged as a float
   * @returns {QueryValue}
   */
  function asValue(value, float = false) {
    if (typeof value === "string") return value;
    if (value === null) return { text: "None", number: null, truth: null };
    if (typeof value === "boolean") return { text: value ? "True" : "False", number: null, truth: value };
    return new LoggedNumber(value, float || !Number.isInteger(value) || Object.is(value, -0));
  }
  /** A number whose text is written only when a filter asks for it. */
  class LoggedNumber {
    /** @param {number} number @param {boolean} isFloat */
    constructor(number, isFloat) {
      this.number = number;
      this.isFloat = isFloat;
    }
    get truth() {
      return null;
    }
    get text() {
      return this.isFloat ? floatText(this.number) : BigInt(this.number).toString();
    }
  }
  /** A number by the text that Python has for it. @param {string} text @returns {QueryValue} */
  const asNumber = (text) => ({ text, number: numberOfText(text), truth: null });
  /** @param {QueryValue} value */
  const textOf = (value) => (typeof value === "string" ? value : value.text);
  /** @param {QueryValue} value */
  const numberOf = (value) => (typeof value === "string" ? numberOfText(value) : value.number);
  /** @param {QueryValue} value */
  function truthOf(value) {
    if (typeof value !== "string") return value.truth;
    const word = value.length < 6 ? lower(value) : "";
    return word === "true" ? true : word === "false" ? false : null;
  }

  const DATE =
    /^([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,6}))?)?(?:Z|([-+])([01][0-9]|2[0-3]):?([0-5][0-9]))?)?$/;
  /** A date or time in ms since the epoch, null for any other text. @param {string} text @returns {number | null} */
  function parseTime(text) {
    const found = DATE.exec(strip(text));
    if (!found) return null;
    const [year, month, day, hour, minute, second] = found.slice(1, 7).map((part) => Number(part || 0));
    const date = new Date(0);
    date.setUTCFullYear(year, month - 1, day);
    if (!year || date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return null;
    if (hour > 23 || minute > 59 || second > 59) return null;
    const [fraction, sign, zoneHour, zoneMinute] = found.slice(7);
    const away = (Number(zoneHour || 0) * 60 + Number(zoneMinute || 0)) * (sign === "-" ? -1 : 1);
    const whole = Math.floor(date.getTime() / 1000) + hour * 3600 + minute * 60 + second - away * 60;
    return whole * 1000 + Number((fraction || "").padEnd(6, "0")) / 1000;
  }

  // ---- faults

  /** What is wrong with a filter, and where: `start` and `end` in code points. */
  class QueryFault extends Error {
    /** @param {string} code @param {string} text @param {QueryPlace} place @param {string} reason */
    constructor(code, text, { start, end }, reason) {
      super(reason);
      this.name = "QueryFault";
      this.code = code;
      this.start = lengthOf(text.slice(0, start));
      this.end = this.start + lengthOf(text.slice(start, end));
      this.reason = reason;
    }
  }

  // ---- lexer

  const NO_PATTERNS = "there are no regular expressions: use LIKE with % for any text and _ for one character";
  const AGE = /^([0-9]+(?:\.[0-9]+)?)([smhdw])$/;
  const NOW = /[nN][oO][wW](?:[ \t\n\r\f\v\xa0]*([-+])[ \t\n\r\f\v\xa0]*([0-9]+(?:\.[0-9]+)?)([smhdw]))?(?![^ \t\n\r\f\v\xa0'"`(),=<>!])/y;
  const COMPARATOR = /!=|<=|>=|<>|==|=~|!~|[=<>!]/y;
  /** @type {Record<string, string>} */
  const WRONG_SIGNS = {
    "==": "write = for equal",
    "<>": "write != for unequal",
    "!": "write != for unequal, or NOT",
    "=~": NO_PATTERNS,
    "!~": NO_PATTERNS,
  };

  /** @param {RegExp} pattern sticky @param {string} text @param {number} at */
  function matchAt(pattern, text, at) {
    pattern.lastIndex = at;
    return pattern.exec(text);
  }

  /**
   * @param {QueryToken["kind"]} kind
   * @param {string} text
   * @param {number} start
   * @param {number} end
   * @param {string} [quote]
   * @param {number} [number]
   * @returns {QueryToken}
   */
  const makeToken = (kind, text, start, end, quote = "", number = 0) => ({ kind, text, place: { start, end }, quote, number });

  /** The tokens of a text, the last of kind `end`. @param {string} text */
  function cut(text) {
    const length = text.length > MAX_LENGTH ? lengthOf(text) : 0;
    if (length > MAX_LENGTH) {
      throw new QueryFault("length", "", { start: 0, end: 0 }, `the filter has ${thousands(length)} characters, more than ${thousands(MAX_LENGTH)}`);
    }
    /** @type {QueryToken[]} */
    const tokens = [];
    for (let at = 0; ; ) {
      while (at < text.length && BLANKS.includes(text[at])) at++;
      const token = at === text.length ? makeToken("end", "", at, at) : cutOne(text, at);
      tokens.push(token);
      if (token.kind === "end") return tokens;
      at = token.place.end;
    }
  }

  /** @param {string} text @param {number} at */
  function cutOne(text, at) {
    const letter = text[at];
    if ("(),".includes(letter)) return makeToken("sign", letter, at, at + 1);
    const sign = matchAt(COMPARATOR, text, at);
    if (sign) {
      const remedy = known(WRONG_SIGNS, sign[0]);
      const end = at + sign[0].length;
      if (remedy) throw new QueryFault("operator", text, { start: at, end }, remedy);
      return makeToken("sign", sign[0], at, end);
    }
    if ("'\"`".includes(letter)) {
      const end = endOfQuotes(text, at);
      return makeToken("quoted", text.slice(at + 1, end - 1), at, end, letter);
    }
    if ("‘’“”„‚".includes(letter)) {
      throw new QueryFault("curly-quote", text, { start: at, end: at + 1 }, "quotes must be straight: ' or \"");
    }
    const now = matchAt(NOW, text, at);
    if (now) {
      const [whole, way, number, unit] = now;
      return makeToken("now", whole, at, at + whole.length, "", way ? Number(way + number) * AGES_S[unit] : 0);
    }
    let end = at;
    while (end < text.length && !ENDS_WORD.includes(text[end])) end++;
    if (end < text.length && "'\"`".includes(text[end]) && text[end - 1] === ".") {
      const stop = endOfQuotes(text, end);
      return makeToken("word", text.slice(at, end) + text.slice(end + 1, stop - 1), at, stop, text[end]);
    }
    const word = text.slice(at, end);
    if (NUMBER.test(word)) return makeToken("number", word, at, end, "", Number(word));
    const age = AGE.exec(word);
    if (age) return makeToken("age", word, at, end, "", Number(age[1]) * AGES_S[age[2]]);
    return makeToken("word", word, at, end);
  }

  /** Where the text goes on behind the quotes that open at `at`; a doubled quote is content. @param {string} text @param {number} at */
  function endOfQuotes(text, at) {
    const quote = text[at];
    for (let end = at + 1; end < text.length; end++) {
      if (text[end] !== quote) continue;
      if (text[end + 1] !== quote) return end + 1;
      end++;
    }
    throw new QueryFault("unclosed-quote", text, { start: at, end: text.length }, `the ${quote} is not closed: add another ${quote}`);
  }

  /** The word in upper case where it may be a keyword. @param {QueryToken} token */
  const upperOf = (token) => (token.kind === "word" && !token.quote && /^[A-Za-z]+$/.test(token.text) ? token.text.toUpperCase() : "");

  // ---- the name that a mistyped one was meant to be

  /**
   * The same name in other case, then one whose last part (after `/` or `.`) it is, then that with the fewest edits.
   * @param {string} name
   * @param {Iterable<string>} choices
   * @returns {string | null}
   */
  function nearest(name, choices) {
    const wanted = lower(name);
    const letters = [...wanted];
    /** @type {string | null} */
    let best = null;
    let least = MAX_EDITS + 2;
    for (const choice of choices) {
      const other = lower(choice);
      if (other === wanted) return choice;
      let score = 0;
      if (!wanted || !(other.endsWith(`/${wanted}`) || other.endsWith(`.${wanted}`))) {
        score = 1;
        const begins = other.startsWith(wanted) || other.includes(`/${wanted}`) || other.includes(`.${wanted}`);
        if (letters.length < 3 || !begins) {
          const longest = Math.max(letters.length, lengthOf(other));
          const edits = countEdits(letters, other, Math.min(MAX_EDITS, Math.floor(longest / 3), least - 2));
          if (edits === null) continue;
          score = 1 + edits;
        }
      }
      if (score < least) [best, least] = [choice, score];
    }
    return best;
  }

  /** Levenshtein's distance, null when it is greater than `limit`. @param {string[]} a @param {string} text @param {number} limit */
  function countEdits(a, text, limit) {
    if (limit < 1) return null;
    const b = [...text];
    if (Math.abs(a.length - b.length) > limit) return null;
    const far = limit + 1;
    /** @type {number[]} */
    let before = [];
    let row = Array.from({ length: b.length + 1 }, (_, j) => Math.min(j, far));
    for (let i = 1; i <= a.length; i++) {
      const high = Math.min(b.length, i + limit);
      const next = new Array(b.length + 1).fill(far);
      next[0] = Math.min(i, far);
      for (let j = Math.max(1, i - limit); j <= high; j++) {
        next[j] = Math.min(row[j - 1] + Number(a[i - 1] !== b[j - 1]), row[j] + 1, next[j - 1] + 1, far);
        const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
        if (swapped) next[j] = Math.min(next[j], before[j - 2] + 1);
      }
      if (Math.min(...next) > limit && Math.min(...row) >= limit) return null;
      [before, row] = [row, next];
    }
    return row[b.length] <= limit ? row[b.length] : null;
  }

  /** A metric, param or tag as a filter writes it. @param {string} entity @param {string} name */
  function spell(entity, name) {
    let written = name;
    if (!name || [...ENDS_WORD].some((letter) => name.includes(letter))) {
      const quote = [..."`\"'"].find((one) => !name.includes(one)) ?? "`";
      written = quote + name + quote;
    }
    return `${entity}s.${written}`;
  }

  // ---- parser

  const ORDERING = ["<", "<=", ">", ">="];
  const RESERVED = ["AND", "OR", "NOT", "IS", "NULL", "NAN", "LIKE", "ILIKE", "CONTAINS", "IN", "BETWEEN"];
  const EXAMPLE = "metrics.acc > 0.9 AND params.model = 'cnn'";
  const KEYED = "metrics.NAME, params.NAME, tags.NAME or datasets.NAME";
  /** Kind of a field: what it is compared with. @type {Record<QueryField["kind"], string>} */
  const VALUES = {
    number: "a number",
    time: "a date such as '2026-11-01', now - 7d, or a number of ms",
    duration: "a number of seconds or an age such as 2h",
    text: "a text in quotes or a number",
    mixed: "a text in quotes or a number",
    truth: "TRUE or FALSE",
    many: "a text in quotes",
    files: "a text in quotes or a number",
  };

  /**
   * The tree of a filter; one of blanks alone is true of every run.
   * @param {string} text
   * @param {() => QueryName[]} names all metrics, params and tags, asked for only when a fault needs them
   * @returns {QueryNode}
   */
  function parse(text, names) {
    const tokens = cut(text);
    let at = 0;
    let depth = 0;

    // -- tokens

    const next = () => tokens[at];
    function take() {
      const token = tokens[at];
      if (token.kind !== "end") at++;
      return token;
    }
    /** @param {string[]} words */
    function takeWord(...words) {
      if (!words.includes(upperOf(next()))) return false;
      at++;
      return true;
    }
    /** @param {string} sign */
    function takeSign(sign) {
      if (next().kind !== "sign" || next().text !== sign) return false;
      at++;
      return true;
    }
    const lastPlace = () => tokens[at - 1].place;
    /** @param {string} code @param {string} reason @param {QueryPlace} [place] */
    const fault = (code, reason, place) => new QueryFault(code, text, place || next().place, reason);
    /** @param {QueryPlace} place */
    const written = ({ start, end }) => short(text.slice(start, end));
    const named = () => written(next().place);
    /** @param {QueryField} field */
    const shown = (field) => written(field.place);

    function deeper() {
      depth++;
      if (depth > MAX_DEPTH) throw fault("depth", `more than ${MAX_DEPTH} parentheses and NOTs inside one another`, lastPlace());
    }

    // -- clauses

    /** @param {string} word @param {"some" | "every"} kind @param {() => QueryNode} part @returns {QueryNode} */
    function joined(word, kind, part) {
      const parts = [part()];
      while (takeWord(word)) parts.push(part());
      return parts.length === 1 ? parts[0] : { kind, parts };
    }
    /** @returns {QueryNode} */
    const anyOf = () => joined("OR", "some", () => joined("AND", "every", clause));

    /** @returns {QueryNode} */
    function clause() {
      /** @type {QueryNode} */
      let node;
      if (takeWord("NOT")) {
        deeper();
        node = { kind: "not", part: clause() };
      } else if (takeSign("(")) {
        const opened = lastPlace();
        deeper();
        node = anyOf();
        if (!takeSign(")")) {
          if (next().kind === "end") throw fault("unclosed-parenthesis", "this ( is not closed: add )", opened);
          throw fault("missing-and", `expected AND, OR or ) before ${named()}`);
        }
      } else {
        return comparison();
      }
      depth--;
      return node;
    }

    /** @param {QueryField} of @param {QueryClause["operator"]} operator @param {QueryLiteral[]} values @param {boolean} negated @returns {QueryClause} */
    const make = (of, operator, values, negated) => ({ kind: "clause", field: of, operator, values, negated });

    function comparison() {
      const of = field();
      if (takeWord("IS")) {
        const negated = takeWord("NOT");
        if (takeWord("NULL")) return make(of, "NULL", [], negated);
        if (takeWord("NAN")) {
          if (of.kind !== "number" && of.kind !== "mixed") throw fault("type", `${shown(of)} is never NaN`, of.place);
          return make(of, "NAN", [], negated);
        }
        throw fault("expected-null", `expected NULL or NAN after IS${negated ? " NOT" : ""}`);
      }
      const negated = takeWord("NOT");
      if (takeWord("LIKE", "ILIKE", "CONTAINS")) return match(of, /** @type {any} */ (upperOf(tokens[at - 1])), negated);
      if (takeWord("IN")) return make(of, "IN", listed(of), negated);
      if (takeWord("BETWEEN")) return between(of, negated);
      if (negated) throw fault("expected-operator", "expected LIKE, ILIKE, CONTAINS, IN or BETWEEN after NOT");
      if (next().kind === "sign" && ["=", "!=", ...ORDERING].includes(next().text)) {
        const operator = /** @type {any} */ (take().text);
        return make(of, operator, [literal(of, ORDERING.includes(operator))], false);
      }
      if (["RLIKE", "REGEXP", "MATCHES"].includes(upperOf(next()))) throw fault("operator", NO_PATTERNS);
      throw fault("expected-operator", `expected =, !=, <, <=, >, >=, LIKE, ILIKE, CONTAINS, IN, BETWEEN or IS NULL after ${shown(of)}`);
    }

    /** @param {QueryField} of @param {QueryClause["operator"]} operator @param {boolean} negated */
    function match(of, operator, negated) {
      if (["number", "time", "duration", "truth"].includes(of.kind)) {
        throw fault("type", `${operator} compares texts, and ${shown(of)} is none`, of.place);
      }
      const token = next();
      if (token.kind !== "quoted" || token.quote === "`") {
        throw fault("expected-value", `expected a text in quotes after ${operator}${quotedRemedy()}`);
      }
      take();
      return make(of, operator, [{ kind: "text", number: 0, text: token.text, place: token.place }], negated);
    }

    /** @param {QueryField} of */
    function listed(of) {
      if (!takeSign("(")) throw fault("expected-list", "expected a list in parentheses after IN, such as ('a', 'b')");
      const opened = lastPlace();
      const values = [literal(of, false)];
      while (takeSign(",")) values.push(literal(of, false));
      if (!takeSign(")")) {
        if (next().kind === "end") throw fault("unclosed-parenthesis", "this ( is not closed: add )", opened);
        throw fault("expected-list", `expected a comma or ) before ${named()}`);
      }
      if (of.kind === "files" && values.some(({ kind }) => kind !== values[0].kind)) {
        throw fault("type", `${shown(of)} is compared with numbers or with texts, not both`, opened);
      }
      return values;
    }

    /** @param {QueryField} of @param {boolean} negated */
    function between(of, negated) {
      const low = literal(of, true);
      if (!takeWord("AND")) throw fault("expected-and", "expected AND between the ends of BETWEEN, as in BETWEEN 1 AND 2");
      const high = literal(of, true);
      if ((low.kind === "text") !== (high.kind === "text") && of.kind !== "time" && of.kind !== "duration") {
        throw fault("type", "the ends of BETWEEN must be two numbers or two texts", high.place);
      }
      return make(of, "BETWEEN", [low, high], negated);
    }

    // -- values

    /** @param {QueryField} of @param {boolean} ordering @returns {QueryLiteral} */
    function literal(of, ordering) {
      const token = next();
      /** @type {QueryLiteral["kind"]} */
      let kind;
      let { number } = token;
      if (token.kind === "number" || token.kind === "age") kind = token.kind;
      else if (token.kind === "quoted" && token.quote !== "`") kind = "text";
      else if (token.kind === "now") {
        const following = tokens[at + 1];
        if (["word", "number", "age"].includes(following.kind) && "+-".includes(following.text[0])) {
          throw fault("age", "expected an age after now, such as now - 7d (s, m, h, d or w)", following.place);
        }
        kind = "now";
      } else if (["TRUE", "FALSE"].includes(upperOf(token))) {
        kind = "truth";
        number = Number(upperOf(token) === "TRUE");
      } else {
        throw fault("expected-value", `expected ${VALUES[of.kind]}${quotedRemedy()}`);
      }
      take();
      const value = { kind, number, text: token.text, place: token.place };
      check(of, value, ordering);
      return value;
    }

    function quotedRemedy() {
      const token = next();
      if (token.kind === "word" && /^[-+]?nan$/i.test(token.text)) return ": write IS NAN for values that are no number";
      if (token.kind === "word" && !token.quote && !RESERVED.includes(upperOf(token))) return `: put text in quotes, '${short(token.text)}'`;
      return token.kind === "quoted" ? `: put text in single or double quotes, '${short(token.text)}'` : "";
    }

    /** Fail unless a value of this kind can be compared with the field. @param {QueryField} of @param {QueryLiteral} value @param {boolean} ordering */
    function check(of, value, ordering) {
      const { kind } = of;
      let fits;
      if (kind === "time") {
        if (value.kind === "text" && parseTime(value.text) === null) {
          throw fault("date", "expected a date such as '2026-11-01' or '2026-11-01 18:30' (UTC)", value.place);
        }
        if (value.kind === "age") throw fault("type", `an age is no time: write now - ${value.text}`, value.place);
        fits = value.kind !== "truth";
      } else if (kind === "duration") {
        fits = value.kind === "number" || value.kind === "age";
      } else if (kind === "number") {
        fits = value.kind === "number";
        if (value.kind === "text" && numberOfText(value.text) !== null) {
          throw fault("type", `${shown(of)} is a number: write it without quotes`, value.place);
        }
      } else if (kind === "truth") {
        fits = value.kind === "truth" && !ordering;
      } else {
        fits = value.kind === "number" || value.kind === "text" || (value.kind === "truth" && kind === "mixed" && !ordering);
        if (value.kind === "number" && kind === "many") fits = false;
        if (ordering && kind !== "many" && value.kind === "text" && numberOfText(value.text) !== null) {
          throw fault("type", `quotes compare as text: write ${short(strip(value.text))} without quotes to compare numbers`, value.place);
        }
      }
      if (!fits) throw fault("type", `${shown(of)} cannot be compared with ${short(value.text)}: expected ${VALUES[kind]}`, value.place);
    }

    // -- fields

    /** @returns {QueryField} */
    function field() {
      const token = next();
      const following = tokens[Math.min(at + 1, tokens.length - 1)];
      const isCall = following.kind === "sign" && following.text === "(" && token.kind === "word" && !token.quote;
      if (isCall && !RESERVED.includes(upperOf(token))) return call();
      if (token.kind === "quoted" && token.quote !== "'") return attribute(take().text, token);
      if (token.kind !== "word" || RESERVED.includes(upperOf(token))) {
        let message = `expected a clause such as ${EXAMPLE}`;
        if (token.kind === "quoted") message = "expected a name; a text in quotes stands after an operator, as in params.model = 'cnn'";
        else if (token.kind === "number") message = "expected a name; a number stands after an operator, as in metrics.acc > 0.9";
        throw fault("expected-field", message);
      }
      return namedField(take());
    }

    /** @param {QueryToken} token @returns {QueryField} */
    function namedField({ text: whole, place }) {
      const dot = whole.indexOf(".");
      if (dot < 0) return attribute(whole, { place });
      const entity = whole.slice(0, dot);
      const key = whole.slice(dot + 1);
      const kind = known(ENTITIES, entity);
      if (!kind) {
        const near = nearest(entity, Object.keys(ENTITIES));
        const remedy = near ? `did you mean ${near}.${short(key)}?` : `names are ${KEYED}; ${remedyFor(whole)}`;
        throw fault("unknown-entity", `unknown kind of name '${short(entity)}': ${remedy}`, place);
      }
      if (kind === "attribute") return attribute(key, { place });
      if (!key) throw fault("expected-field", `expected a name after ${entity}.`, place);
      if (kind === "dataset") {
        if (DATASET_KEYS.includes(key)) return { entity: kind, name: key, function: "", kind: "many", place };
        throw fault("unknown-attribute", `a dataset has name, digest and context, not '${short(key)}'`, place);
      }
      if (kind === "metric") return { entity: kind, name: key, function: "last", kind: "number", place };
      return { entity: kind, name: key, function: "", kind: "mixed", place };
    }

    /** @param {string} name @param {{ place: QueryPlace }} token @returns {QueryField} */
    function attribute(name, { place }) {
      const own = known(ATTRIBUTE_ALIASES, name) ?? name;
      const kind = known(ATTRIBUTES, own);
      if (kind) return { entity: "attribute", name: own, function: "", kind, place };
      throw fault("unknown-attribute", `unknown name '${short(own)}': ${remedyFor(own)}`, place);
    }

    /** What a name that is no attribute may be meant to be. @param {string} name */
    function remedyFor(name) {
      const all = names();
      const near = nearest(name, all.map(([, key]) => key));
      const spelled = () => {
        const [entity] = /** @type {QueryName} */ (all.find(([, key]) => key === near));
        return `did you mean ${spell(entity, near ?? "")}?`;
      };
      if (near !== null && near.toLowerCase() === name.toLowerCase()) return spelled();
      const other = nearest(name, [...Object.keys(ATTRIBUTES), ...Object.keys(ATTRIBUTE_ALIASES)]);
      if (other) return `did you mean ${other}?`;
      return near !== null ? spelled() : `a metric, param or tag is written ${KEYED}`;
    }

    /** @returns {QueryField} */
    function call() {
      const token = take();
      const name = token.text.toLowerCase();
      if (!FUNCTIONS.includes(name)) {
        const near = nearest(name, FUNCTIONS);
        const remedy = near ? `did you mean ${near}()?` : `there are ${FUNCTIONS.join(", ")}`;
        throw fault("unknown-function", `unknown function '${short(token.text)}': ${remedy}`, token.place);
      }
      take();
      const inner = next();
      if (inner.kind !== "word" && inner.kind !== "quoted") {
        throw fault("expected-field", `expected a metric in the parentheses, as in ${name}(metrics.loss)`);
      }
      take();
      const [entity, dot] = inner.text.split(/(\.)/, 2);
      const bare = inner.kind === "quoted" || (!inner.quote && !(dot && known(ENTITIES, entity)));
      /** @type {QueryField} */
      let of = { entity: "metric", name: inner.text, function: "last", kind: "number", place: inner.place };
      if (!bare) of = namedField(inner);
      else if (name === "number" && known(ATTRIBUTES, known(ATTRIBUTE_ALIASES, inner.text) ?? inner.text)) of = attribute(inner.text, inner);
      if (!takeSign(")")) throw fault("unclosed-parenthesis", `expected ) after the name in ${name}(`);
      const place = { start: token.place.start, end: lastPlace().end };
      if (name !== "number") {
        if (of.entity !== "metric") throw fault("type", `${name}() is of a metric, and ${shown(of)} is none`, of.place);
        return { ...of, function: name, place };
      }
      if (of.kind !== "text" && of.kind !== "mixed") {
        throw fault("type", `number() is of a param, a tag or a text, and ${shown(of)} is none`, of.place);
      }
      return { ...of, function: "number", kind: "number", place };
    }

    // -- the whole

    if (tokens.length === 1) return { kind: "every", parts: [] };
    const node = anyOf();
    if (next().kind === "end") return node;
    if (next().kind === "sign" && next().text === ")") throw fault("unopened-parenthesis", "this ) closes no parenthesis: remove it");
    throw fault("missing-and", `expected AND or OR before ${named()}`);
  }

  // ---- evaluation: a mask is a Uint8Array of 0 and 1, one a run

  /** @type {Record<string, (a: number, b: number) => boolean>} */
  const COMPARE = {
    "=": (a, b) => a === b,
    "!=": (a, b) => a !== b,
    "<": (a, b) => a < b,
    "<=": (a, b) => a <= b,
    ">": (a, b) => a > b,
    ">=": (a, b) => a >= b,
  };

  /**
   * Which statistic of a metric a field is: one of `QuerySource.metric`. Throws for `best()` without a direction.
   * @param {QueryField} field
   * @param {string} text of the filter
   * @param {(metric: string) => Direction} directionOf
   */
  function statistic(field, text, directionOf) {
    if (field.function !== "best" && field.function !== "step_of_best") return field.function;
    const direction = directionOf(field.name);
    if (direction) return field.function === "best" ? direction : `${direction}_step`;
    const remedy = `write max() or min(), or declare it in reportgen.toml: [metrics."${field.name}"] direction = "max"`;
    throw new QueryFault("no-direction", text, field.place, `${field.function}() needs to know whether '${field.name}' should rise or fall: ${remedy}`);
  }

  /**
   * The runs for which `node` is true. Throws `QueryFault` for `best()` of a metric without a direction.
   * @param {QueryNode} node
   * @param {QuerySource} source
   * @param {number} now_ms
   * @param {string} [text] of the filter, for the place of a fault
   * @returns {Uint8Array}
   */
  function filter(node, source, now_ms, text = "") {
    const { n } = source;

    /** @param {QueryNode} each @returns {Uint8Array} */
    function evaluate(each) {
      if (each.kind === "clause") return compare(each);
      if (each.kind === "not") return turned(evaluate(each.part));
      const every = each.kind === "every";
      const mask = new Uint8Array(n).fill(Number(every));
      for (const part of each.parts) {
        const own = evaluate(part);
        if (every) for (let row = 0; row < n; row++) mask[row] &= own[row];
        else for (let row = 0; row < n; row++) mask[row] |= own[row];
      }
      return mask;
    }

    /** @param {Uint8Array} mask */
    function turned(mask) {
      for (let row = 0; row < n; row++) mask[row] ^= 1;
      return mask;
    }

    /** @param {QueryClause} clause */
    function compare(clause) {
      const { field, values } = clause;
      if (field.kind === "many" || field.kind === "files") {
        if (clause.operator === "NULL" || values.every(({ kind }) => kind !== "number")) return ofLists(clause);
        return ofNumbers(clause, numbersOf(field));
      }
      if (["number", "time", "duration"].includes(field.kind)) return ofNumbers(clause, numbersOf(field));
      return ofTexts(clause, textsOf(field));
    }

    // -- numbers

    /** @param {QueryField} field @returns {QueryNumbers | null} null where no run has it */
    function numbersOf(field) {
      if (field.entity === "metric") return source.metric(field.name, statistic(field, text, source.direction));
      if (field.function !== "number") return source.numbers(field.name);
      const column = textsOf(field);
      if (!column) return null;
      const numbers = column.values.map(numberOf);
      const values = new Float64Array(n);
      const there = new Uint8Array(n);
      for (let row = 0; row < n; row++) {
        const number = column.codes[row] < 0 ? null : numbers[column.codes[row]];
        values[row] = number ?? 0;
        there[row] = Number(number !== null);
      }
      return { values, there };
    }

    /** @param {QueryClause} clause @param {QueryNumbers | null} column */
    function ofNumbers(clause, column) {
      const mask = new Uint8Array(n);
      const { operator, negated } = clause;
      if (!column) return operator === "NULL" && !negated ? mask.fill(1) : mask;
      const { values, there } = column;
      if (operator === "NULL") {
        for (let row = 0; row < n; row++) mask[row] = Number(Boolean(there && !there[row]) !== negated);
        return mask;
      }
      const fits = fitNumber(clause);
      for (let row = 0; row < n; row++) mask[row] = Number((!there || there[row] === 1) && fits(values[row]) !== negated);
      return mask;
    }

    /** @param {QueryClause} clause @returns {(value: number) => boolean} */
    function fitNumber({ field, operator, values }) {
      if (operator === "NAN") return Number.isNaN;
      const numbers = values.map((value) => {
        if (value.kind === "now") return now_ms + value.number * 1000;
        return value.kind === "text" && field.kind === "time" ? (parseTime(value.text) ?? 0) : value.number;
      });
      if (operator === "IN") {
        const wanted = new Set(numbers);
        return (value) => wanted.has(value);
      }
      const [low, high] = numbers;
      if (operator === "BETWEEN") return (value) => value >= low && value <= high;
      const fits = COMPARE[operator];
      return (value) => fits(value, low);
    }

    // -- texts: each different value is compared once

    /** @param {QueryField} field @returns {QueryTexts | null} */
    function textsOf({ entity, name }) {
      const column = source.texts(/** @type {any} */ (entity), name);
      const fact = entity === "tag" ? known(TAG_ALIASES, name) : undefined;
      if (!fact) return column;
      const other = source.texts("attribute", fact);
      if (!column || !other) return column || other;
      const shift = column.values.length;
      const codes = Int32Array.from(column.codes, (code, row) => (code >= 0 || other.codes[row] < 0 ? code : other.codes[row] + shift));
      return { codes, values: [...column.values, ...other.values] };
    }

    /** @param {QueryClause} clause @param {QueryTexts | null} column */
    function ofTexts(clause, column) {
      const mask = new Uint8Array(n);
      const { operator, negated } = clause;
      if (!column) return operator === "NULL" && !negated ? mask.fill(1) : mask;
      const { codes, values } = column;
      if (operator === "NULL") {
        for (let row = 0; row < n; row++) mask[row] = Number(codes[row] < 0 !== negated);
        return mask;
      }
      const fits = fitText(clause);
      const answers = Uint8Array.from(values, (value) => Number(fits(value) !== negated));
      for (let row = 0; row < n; row++) mask[row] = codes[row] < 0 ? 0 : answers[codes[row]];
      return mask;
    }

    /** @param {QueryClause} clause @returns {(value: QueryValue) => boolean} */
    function fitText({ field, operator, values }) {
      if (operator === "NAN") return (value) => Number.isNaN(numberOf(value) ?? 0);
      if (operator === "LIKE" || operator === "ILIKE" || operator === "CONTAINS") {
        const matches = matcher(operator, values[0].text);
        return (value) => matches(textOf(value));
      }
      if (operator === "IN") return fitOneOf(field, values);
      if (operator === "BETWEEN") {
        const above = fitOne(field, ">=", values[0]);
        const below = fitOne(field, "<=", values[1]);
        return (value) => above(value) && below(value);
      }
      return fitOne(field, operator, values[0]);
    }

    /** @param {QueryField} field @param {QueryLiteral} value */
    const wordOf = (field, value) => {
      if (field.entity !== "attribute" || field.name !== "status") return value.text;
      return known(STATUSES, lower(value.text)) ?? value.text.replace(/[a-z]+/g, (letters) => letters.toUpperCase());
    };

    /** @param {QueryField} field @param {QueryLiteral[]} values @returns {(value: QueryValue) => boolean} */
    function fitOneOf(field, values) {
      const numbers = new Set(values.flatMap((each) => (each.kind === "number" ? each.number : [])));
      const texts = new Set(values.flatMap((each) => (each.kind === "text" ? wordOf(field, each) : [])));
      const truths = new Set(values.flatMap((each) => (each.kind === "truth" ? each.number === 1 : [])));
      return (value) => {
        if (texts.has(textOf(value))) return true;
        if (truths.size && truths.has(/** @type {any} */ (truthOf(value)))) return true;
        return numbers.size > 0 && numbers.has(/** @type {any} */ (numberOf(value)));
      };
    }

    /**
     * As number with a number, as text with a text, as truth with TRUE and FALSE; what cannot be compared is unequal.
     * @param {QueryField} field
     * @param {string} sign
     * @param {QueryLiteral} wanted
     * @returns {(value: QueryValue) => boolean}
     */
    function fitOne(field, sign, wanted) {
      const fits = COMPARE[sign];
      if (wanted.kind === "number") {
        return (value) => {
          const number = numberOf(value);
          return number === null ? sign === "!=" : fits(number, wanted.number);
        };
      }
      if (wanted.kind === "truth") return (value) => (truthOf(value) === (wanted.number === 1)) === (sign === "=");
      const word = wordOf(field, wanted);
      return (value) => fits(compareTexts(textOf(value), word), 0);
    }

    // -- several texts: true when it is true of one of them

    /** @param {QueryClause} clause */
    function ofLists(clause) {
      const { field, operator, values, negated } = clause;
      const mask = new Uint8Array(n);
      const lists = source.lists(field.entity === "dataset" ? field.name : "artifacts");
      if (operator === "NULL") {
        for (let row = 0; row < n; row++) mask[row] = Number(!lists?.[row].length !== negated);
        return mask;
      }
      const fits = fitOneText(operator, values.map((value) => value.text));
      for (let row = 0; row < n; row++) mask[row] = Number(lists?.[row].some((each) => fits(each) !== negated) ?? false);
      return mask;
    }

    /** @param {string} operator @param {string[]} texts @returns {(value: string) => boolean} */
    function fitOneText(operator, texts) {
      if (operator === "LIKE" || operator === "ILIKE" || operator === "CONTAINS") return matcher(operator, texts[0]);
      if (operator === "IN") {
        const wanted = new Set(texts);
        return (value) => wanted.has(value);
      }
      if (operator === "BETWEEN") return (value) => compareTexts(texts[0], value) <= 0 && compareTexts(value, texts[1]) <= 0;
      return (value) => COMPARE[operator](compareTexts(value, texts[0]), 0);
    }

    return evaluate(node);
  }

  // ---- patterns: `%` is any text, `_` one code point; no pattern of a reader becomes a regular expression

  /** @param {"LIKE" | "ILIKE" | "CONTAINS"} operator @param {string} pattern @returns {(text: string) => boolean} */
  function matcher(operator, pattern) {
    if (operator === "LIKE") return makeLike(pattern);
    const wanted = lower(pattern);
    if (operator === "CONTAINS") return (text) => lower(text).includes(wanted);
    const matches = makeLike(wanted);
    return (text) => matches(lower(text));
  }

  /** @param {string} pattern @returns {(text: string) => boolean} */
  function makeLike(pattern) {
    const [first, ...rest] = pattern.split("%");
    if (!rest.length && !first.includes("_")) return (text) => text === first;
    const starts = makePart(first);
    if (!rest.length) return (text) => starts.at(text, 0) === text.length;
    const ends = makePart(/** @type {string} */ (rest.pop()));
    const parts = rest.filter(Boolean).map(makePart);
    return (text) => {
      let at = starts.at(text, 0);
      for (const part of parts) {
        if (at < 0) return false;
        at = part.find(text, at); // as early as it can be: that leaves most for the others
      }
      if (at < 0) return false;
      const from = back(text, ends.length);
      return from >= at && ends.at(text, from) === text.length;
    };
  }

  /** Where the last `n` code points of a text begin, -1 when it has fewer. @param {string} text @param {number} n */
  function back(text, n) {
    if (!SURROGATE.test(text)) return text.length - n;
    let at = text.length;
    for (; n > 0 && at >= 0; n--) at -= at > 1 && isPair(text, at - 2) ? 2 : 1;
    return at;
  }

  /** A part of a pattern without `%`. @param {string} pattern */
  function makePart(pattern) {
    const pieces = pattern.split("_");
    const least = pattern.length;
    const length = lengthOf(pattern);
    /** Where the part ends that begins at `i`, -1 when it does not. @param {string} text @param {number} i */
    function at(text, i) {
      if (i < 0 || text.length - i < length) return -1;
      for (let p = 0; p < pieces.length; p++) {
        if (p) {
          if (i >= text.length) return -1;
          i += isPair(text, i) ? 2 : 1;
        }
        if (!text.startsWith(pieces[p], i)) return -1;
        i += pieces[p].length;
      }
      return i;
    }
    /** Where the first such part at or behind `i` ends. @param {string} text @param {number} i */
    function find(text, i) {
      if (pieces.length === 1) {
        const found = text.indexOf(pattern, i);
        return found < 0 ? -1 : found + least;
      }
      while (text.length - i >= length) {
        if (pieces[0]) i = text.indexOf(pieces[0], i);
        if (i < 0) return -1;
        const end = at(text, i);
        if (end >= 0) return end;
        i += isPair(text, i) ? 2 : 1;
      }
      return -1;
    }
    return { at, find, length };
  }

  // ---- what a filter asks for

  /** The clauses of a filter, in its order. @param {QueryNode} node */
  function clausesOf(node) {
    /** @type {QueryClause[]} */
    const clauses = [];
    const waiting = [node];
    for (let each = waiting.pop(); each; each = waiting.pop()) {
      if (each.kind === "clause") clauses.push(each);
      else if (each.kind === "not") waiting.push(each.part);
      else for (let i = each.parts.length - 1; i >= 0; i--) waiting.push(each.parts[i]);
    }
    return clauses;
  }

  /**
   * A sentence for each metric, param and tag that no run has, with the nearest that there is; of many, how many more.
   * @param {QueryNode} node
   * @param {QuerySource} source
   */
  function unknownNames(node, source) {
    const wanted = new Map();
    for (const { field } of clausesOf(node)) {
      const { entity, name } = field;
      if (entity === "metric" || entity === "param" || entity === "tag") wanted.set(`${entity} ${name}`, [entity, name]);
    }
    if (!wanted.size || !source.n) return [];
    const all = source.known();
    const there = new Set(all.map(([entity, name]) => `${entity} ${name}`));
    const unknown = [...wanted].filter(([key, [entity, name]]) => !there.has(key) && !(entity === "tag" && name.startsWith("mlflow.")));
    const sentences = unknown.slice(0, MOST_TOLD).map(([, [entity, name]]) => {
      const near = nearest(name, all.filter(([kind]) => kind === entity).map(([, other]) => other));
      const remedy = near === null ? "" : `: did you mean ${spell(entity, near)}?`;
      return plain(`no run has ${spell(entity, name)}${remedy}`);
    });
    const more = unknown.length - MOST_TOLD;
    if (more > 0) sentences.push(`no run has ${thousands(more)} more of the names that are asked for`);
    return sentences;
  }

  reportgen.query = {
    parse,
    filter,
    clausesOf,
    statistic,
    unknownNames,
    cut,
    spell,
    nearest,
    asValue,
    asNumber,
    QueryFault,
    words: { entities: Object.keys(ENTITIES), attributes: ATTRIBUTES, functions: FUNCTIONS, datasets: DATASET_KEYS, statuses: STATUSES, tags: TAG_ALIASES },
  };
})();

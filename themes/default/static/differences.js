// @ts-check
/**
 * Differences between lines, words and tables, and the reading of patches and CSV. Pure functions; compare-code.js and
 * compare-files.js draw what they return.
 */
(() => {
  "use strict";

  /** Texts with more lines are compared part by part. */
  const PART = 5000;
  /** Edits after which a shortest way is no longer looked for. */
  const MAX_EDITS = 1000;
  const MAX_SAID = 160;

  // ---- differences

  /**
   * Mark which lines of `a` stand in `b` too: `match[i]` is the place in `b`, -1 for none. Places only grow.
   * @param {Int32Array} a
   * @param {Int32Array} b
   * @param {Int32Array} match
   * @param {[number, number, number, number]} range
   */
  function align(a, b, match, [a0, a1, b0, b1]) {
    while (a0 < a1 && b0 < b1 && a[a0] === b[b0]) match[a0++] = b0++;
    while (a0 < a1 && b0 < b1 && a[a1 - 1] === b[b1 - 1]) match[--a1] = --b1;
    if (a0 === a1 || b0 === b1 || shortest(a, b, match, [a0, a1, b0, b1])) return;
    // Too far apart for that: the lines that are unique in both split the work.
    let [i, j] = [a0, b0];
    for (const [x, y] of anchors(a, b, [a0, a1, b0, b1])) {
      if (i < x || j < y) align(a, b, match, [i, x, j, y]);
      match[x] = y;
      [i, j] = [x + 1, y + 1];
    }
    if (i > a0) align(a, b, match, [i, a1, j, b1]);
  }

  /**
   * The fewest edits, after Myers, An O(ND) Difference Algorithm (1986). False when there are more than `MAX_EDITS`.
   * @param {Int32Array} a
   * @param {Int32Array} b
   * @param {Int32Array} match
   * @param {[number, number, number, number]} range
   */
  function shortest(a, b, match, [a0, a1, b0, b1]) {
    const [n, m] = [a1 - a0, b1 - b0];
    const most = Math.min(n + m, MAX_EDITS);
    /** Furthest x on each diagonal k, at index k + most + 1. */
    const reach = new Int32Array(2 * most + 3);
    /** @type {Int32Array[]} */
    const trace = [];
    for (let d = 0; d <= most; d++) {
      trace.push(reach.slice(most + 1 - d - 1, most + 1 + d + 2));
      for (let k = -d; k <= d; k += 2) {
        const at = k + most + 1;
        let x = k === -d || (k !== d && reach[at - 1] < reach[at + 1]) ? reach[at + 1] : reach[at - 1] + 1;
        while (x < n && x - k < m && a[a0 + x] === b[b0 + x - k]) x++;
        reach[at] = x;
        if (x >= n && x - k >= m) {
          walkBack(trace, match, [a0, b0, n, m]);
          return true;
        }
      }
    }
    return false;
  }

  /** @param {Int32Array[]} trace @param {Int32Array} match @param {[number, number, number, number]} box */
  function walkBack(trace, match, [a0, b0, n, m]) {
    let [x, y] = [n, m];
    for (let d = trace.length - 1; d >= 0; d--) {
      const reach = trace[d]; // diagonal k stands at k + d + 1
      const k = x - y;
      const down = k === -d || (k !== d && reach[k + d] < reach[k + d + 2]);
      const from = down ? k + 1 : k - 1;
      const startX = d ? reach[from + d + 1] : 0;
      const startY = d ? startX - from : 0;
      while (x > startX && y > startY) match[a0 + --x] = b0 + --y;
      [x, y] = [startX, startY];
    }
  }

  /**
   * Lines that stand once in each, as far as they keep their order: the longest increasing row of them.
   * @param {Int32Array} a
   * @param {Int32Array} b
   * @param {[number, number, number, number]} range
   */
  function anchors(a, b, [a0, a1, b0, b1]) {
    /** @type {Map<number, number>} */
    const inA = new Map();
    /** @type {Map<number, number>} */
    const inB = new Map();
    for (let i = a0; i < a1; i++) inA.set(a[i], inA.has(a[i]) ? -1 : i);
    for (let j = b0; j < b1; j++) inB.set(b[j], inB.has(b[j]) ? -1 : j);
    /** @type {{ x: number, y: number, before: any }[]} */
    const tops = [];
    for (const [line, x] of inA) {
      const y = inB.get(line) ?? -1;
      if (x < 0 || y < 0) continue;
      let [low, high] = [0, tops.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (tops[middle].y < y) low = middle + 1;
        else high = middle;
      }
      tops[low] = { x, y, before: tops[low - 1] };
    }
    /** @type {[number, number][]} */
    const found = [];
    for (let top = tops.at(-1); top; top = top.before) found.push([top.x, top.y]);
    return found.reverse();
  }

  /**
   * What has to be taken out of `before` and put in to get `after`. Above 5,000 entries on a side they are compared
   * part by part, `parts` says in how many.
   * @param {string[]} before
   * @param {string[]} after
   * @returns {{ edits: Edit[], parts: number }}
   */
  function compare(before, after) {
    const numbers = new Map();
    const number = (/** @type {string} */ text) => {
      const found = numbers.get(text) ?? numbers.size;
      numbers.set(text, found);
      return found;
    };
    const [a, b] = [Int32Array.from(before, number), Int32Array.from(after, number)];
    const match = new Int32Array(a.length).fill(-1);
    const parts = Math.max(1, Math.ceil(Math.max(a.length, b.length) / PART));
    for (let part = 0; part < parts; part++) {
      const [from, to] = [part * PART, (part + 1) * PART];
      align(a, b, match, [Math.min(from, a.length), Math.min(to, a.length), Math.min(from, b.length), Math.min(to, b.length)]);
    }
    /** @type {Edit[]} */
    const edits = [];
    let j = 0;
    for (const [i, text] of before.entries()) {
      if (match[i] < 0) {
        edits.push({ kind: "-", text, a: i, b: -1 });
        continue;
      }
      for (; j < match[i]; j++) edits.push({ kind: "+", text: after[j], a: -1, b: j });
      edits.push({ kind: " ", text, a: i, b: j++ });
    }
    for (; j < after.length; j++) edits.push({ kind: "+", text: after[j], a: -1, b: j });
    return { edits: removalsFirst(edits), parts };
  }

  /** In each stretch of changes what goes stands before what comes. @param {Edit[]} edits */
  function removalsFirst(edits) {
    /** @type {Edit[]} */
    const ordered = [];
    /** @type {Edit[]} */
    let added = [];
    for (const edit of edits) {
      if (edit.kind === "+") added.push(edit);
      else if (edit.kind === "-") ordered.push(edit);
      else {
        ordered.push(...added, edit);
        added = [];
      }
    }
    return ordered.concat(added);
  }

  /** @param {string} text */
  const linesOf = (text) => text.replace(/\r?\n$/, "").split(/\r?\n/);

  /**
   * The files of a unified diff; what is no such diff is left out.
   * @param {string} text
   * @returns {PatchFile[]}
   */
  function parsePatch(text) {
    /** @type {PatchFile[]} */
    const files = [];
    /** @param {string} name */
    const open = (name) => files.push({ name, added: 0, removed: 0, edits: [] });
    /** @param {string} name */
    const bare = (name) => name.replace(/\t.*$/, "").replace(/^"(.*)"$/, "$1").replace(/^[abciow]\//, "");
    /** Next line on either side, and how many the part still has. */
    let [a, b, leftA, leftB] = [0, 0, 0, 0];
    for (const line of linesOf(text)) {
      const file = files.at(-1);
      const kind = line[0] || " ";
      if (file && (leftA > 0 || leftB > 0) && " +-".includes(kind)) {
        file.edits.push({ kind: /** @type {Edit["kind"]} */ (kind), text: line.slice(1), a: kind === "+" ? -1 : a++, b: kind === "-" ? -1 : b++ });
        leftA -= Number(kind !== "+");
        leftB -= Number(kind !== "-");
        file.added += Number(kind === "+");
        file.removed += Number(kind === "-");
        continue;
      }
      const part = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@(.*)/.exec(line);
      const start = /^diff --git (?:"?a\/.*?"?) "?b\/(.*?)"?$/.exec(line);
      if (start) open(start[1]);
      else if (line.startsWith("--- ") && (!file || file.edits.length)) open(bare(line.slice(4)));
      else if (!file) continue;
      else if (line.startsWith("+++ ") && line !== "+++ /dev/null") file.name = bare(line.slice(4));
      else if (part) {
        [a, b] = [Number(part[1]) - 1, Number(part[3]) - 1];
        [leftA, leftB] = [Number(part[2] ?? 1), Number(part[4] ?? 1)];
        file.edits.push({ kind: "@", text: part[5].trim(), a, b });
      } else if (/^(Binary files|GIT binary patch|new file|deleted file|rename )/.test(line)) file.said = line.slice(0, MAX_SAID);
    }
    return files;
  }

  /**
   * A CSV text as rows of cells; quotes as in RFC 4180.
   * @param {string} text
   * @param {string} delimiter
   */
  function parseCsv(text, delimiter) {
    /** @type {string[][]} */
    const rows = [];
    let row = [""];
    let quoted = false;
    for (let i = 0; i < text.length; i++) {
      const c = text[i];
      if (quoted) {
        if (c !== '"') row[row.length - 1] += c;
        else if (text[i + 1] === '"') row[row.length - 1] += text[++i];
        else quoted = false;
      } else if (c === '"' && !row[row.length - 1]) quoted = true;
      else if (c === delimiter) row.push("");
      else if (c === "\n") {
        rows.push(row);
        row = [""];
      } else if (c !== "\r") row[row.length - 1] += c;
    }
    return [...rows, row].filter((cells) => cells.length > 1 || cells[0]);
  }

  /** @param {any} value */
  const cellText = (value) => (typeof (value ?? "") === "string" ? (value ?? "") : JSON.stringify(value));

  /**
   * A text as a table, when it is one: CSV, or JSON in the shapes that loggers write (columns and data, a list of
   * objects, an object of lists).
   * @param {string} path
   * @param {string} media
   * @param {string} text
   * @returns {{ header: string[], rows: string[][] } | null}
   */
  function parseTable(path, media, text) {
    const ending = path.toLowerCase().split(".").at(-1) || "";
    if (["csv", "tsv"].includes(ending) || media === "text/csv") {
      const [header, ...rows] = parseCsv(text, ending === "tsv" ? "\t" : ",");
      return header && rows.length ? { header, rows } : null;
    }
    if (ending !== "json") return null;
    /** @type {any} */
    let value;
    try {
      value = JSON.parse(text);
    } catch {
      return null;
    }
    if (!value || typeof value !== "object") return null;
    const isList = Array.isArray;
    if (isList(value.columns) && isList(value.data) && value.data.every(isList)) {
      return { header: value.columns.map(cellText), rows: value.data.map((/** @type {any[]} */ row) => row.map(cellText)) };
    }
    if (isList(value) && value.length && value.every((row) => row && typeof row === "object" && !isList(row))) {
      const header = [...new Set(value.flatMap(Object.keys))];
      return { header, rows: value.map((row) => header.map((name) => cellText(row[name]))) };
    }
    const columns = Object.values(value);
    if (!columns.length || !columns.every((column) => isList(column) && column.length && column.length === columns[0].length)) return null;
    return { header: Object.keys(value), rows: columns[0].map((/** @type {any} */ _, /** @type {number} */ i) => columns.map((column) => cellText(column[i]))) };
  }

  /**
   * The rows of `after` against those of `before`, columns by name, rows by the first column where it tells them apart
   * in both, else by their place. `was` holds what stood there before, null for the same.
   * @param {{ header: string[], rows: string[][] }} before
   * @param {{ header: string[], rows: string[][] }} after
   */
  function compareTables(before, after) {
    const distinct = (/** @type {string[][]} */ rows) => new Set(rows.map((row) => row[0])).size === rows.length;
    const keyed = before.header[0] === after.header[0] && distinct(before.rows) && distinct(after.rows);
    const key = (/** @type {string[]} */ row, /** @type {number} */ i) => (keyed ? row[0] : String(i));
    const old = new Map(before.rows.map((row, i) => [key(row, i), row]));
    const places = after.header.map((name) => before.header.indexOf(name));
    const rows = after.rows.map((cells, i) => {
      const row = old.get(key(cells, i));
      old.delete(key(cells, i));
      const was = row ? cells.map((cell, c) => (places[c] < 0 || row[places[c]] === cell ? null : (row[places[c]] ?? ""))) : null;
      return { kind: !row ? "added" : was?.some((cell) => cell !== null) ? "changed" : "same", cells, was };
    });
    const gone = [...old.values()].map((row) => ({ kind: "removed", cells: after.header.map((_, c) => row[places[c]] ?? ""), was: null }));
    return [...rows, ...gone];
  }

  reportgen.differences = { lines: compare, linesOf, parsePatch, parseTable, compareTables };
})();

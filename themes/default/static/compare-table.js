// @ts-check
/**
 * The table of a comparison: metrics with their differences to the baseline, then the params, tags and facts that differ,
 * or all of them; one column a run, the baseline first. `params` and `rows` of the address hold what is shown.
 */
(() => {
  "use strict";

  const { el, format, state, comparison } = reportgen;
  const { spreadOf, differs, cut, join } = comparison;

  /** Cells of one part of the table that are drawn at first, fewer where they stand below each other. */
  const MAX_CELLS = innerWidth > 760 ? 4000 : 1000;
  /** From so many rows on there is a field that filters them. */
  const MANY_ROWS = 25;
  /** A table with more rows scrolls in its frame, below its head. */
  const TALL = 60;

  /** @param {Direction} direction */
  function arrow(direction) {
    if (!direction) return null;
    const [sign, word] = direction === "max" ? ["↑", "higher"] : ["↓", "lower"];
    return el("span", { class: "arrow", title: `${word} is better` }, sign, el("span", { class: "hidden" }, ` ${word} is better`));
  }

  const none = () => el("span", { class: "none" }, "–");

  /**
   * A difference to the baseline: the twin of `_delta` in `reportgen/site/pages/compare.py`.
   * @param {number} difference
   * @param {number | undefined} decimals
   * @param {Direction} direction
   * @param {number | null} spread
   * @returns {[mark: string, text: string, verdict: string]}
   */
  function delta(difference, decimals, direction, spread) {
    const size = format.number(Math.abs(difference), decimals);
    const signed = difference > 0 ? `+${size}` : format.number(difference, decimals);
    if (difference === 0) return ["", "=", ""];
    if (spread !== null && Math.abs(difference) <= spread) {
      return ["≈", Number(difference.toFixed(decimals ?? 8)) ? signed : "0", "within"];
    }
    if (!direction) return ["", signed, ""];
    const better = difference > 0 === (direction === "max");
    return [difference > 0 ? "▲" : "▼", size, spread === null ? "" : better ? "better" : "worse"];
  }

  /** @param {[string, string, string]} delta */
  function deltaOf([mark, text, verdict]) {
    const word = { "▲": "up", "▼": "down", "≈": "within the spread," }[mark];
    const said = verdict && mark !== "≈" ? `${word}, ${verdict},` : word;
    const sign = mark ? [el("span", { "aria-hidden": "true" }, mark), el("span", { class: "hidden" }, said), " "] : [];
    return el("span", { class: `delta ${verdict}` }, ...sign, text);
  }

  /** @param {number | null} value @param {number | undefined} decimals @param {boolean} best */
  function valueSpan(value, decimals, best) {
    const cell = el("span", { class: `cell${best ? " best-of" : ""}` }, value === null ? none() : format.number(value, decimals));
    if (value !== null && Number.isFinite(value) && format.full(value).replace("-", "\u2212") !== cell.textContent) cell.title = format.full(value);
    if (best) cell.append(el("span", { class: "hidden" }, " best"));
    return cell;
  }

  /** Attributes of a run's cell: its name and colour show where cells stand below each other. @param {ComparedRun} run @param {string} [more] */
  const cellOf = (run, more = "") => ({ class: `num ${comparison.classOf(run)}${more}`, "data-run": run.name });

  /** @param {ComparedRun[]} runs @param {ComparedMetric} metric @param {boolean} spreads */
  function metricRow(runs, metric, spreads) {
    const [base] = runs;
    const order = comparison.ranked(runs, metric);
    const best = metric.direction && order.length > 1 ? order[0].value : null; // one value beats nothing
    const able = new Set(order.map(({ run }) => run));
    const alive = runs.some((run) => run.status !== "failed");
    const values = metric.values.map((value) => value ?? null);
    const decimals = format.decimals(order.length ? order.map(({ value }) => value) : values);
    const cells = runs.map((run, i) => {
      const value = values[i];
      const far = alive && run.status === "failed" && value !== null && (!decimals || Math.abs(value) >= 1000);
      const places = far ? undefined : decimals;
      const pair = el("span", { class: "pair" }, valueSpan(value, places, best !== null && value === best && able.has(run)));
      const difference = i && values[0] !== null && value !== null ? value - values[0] : NaN;
      if (Number.isFinite(difference)) pair.append(deltaOf(delta(difference, places, metric.direction, spreadOf(metric, base, run))));
      else if (i) pair.append(el("span", { class: "delta" }));
      return el("td", cellOf(run), pair);
    });
    const about = metric.unit ? `${metric.summary}, ${metric.unit}` : metric.summary;
    const spread = spreadOf(metric, base, base);
    const said = spread === null ? "–" : `± ${format.number(spread, Math.min(decimals, comparison.spreadDecimals(spread)))}`;
    const name = el("th", { scope: "row", class: "stick" }, el("span", { dir: "auto" }, metric.title), " ", arrow(metric.direction), el("span", { class: "about" }, about));
    return el("tr", null, name, ...cells, spreads ? el("td", { class: "num quiet spread" }, said) : null);
  }

  /** @param {ComparedRun[]} runs @param {boolean} spreads */
  function durationRow(runs, spreads) {
    const cells = runs.map((run, i) => {
      const difference = run.duration - runs[0].duration;
      const text = difference ? `${difference > 0 ? "+" : "\u2212"}${format.duration(Math.abs(difference))}` : "=";
      const pair = el("span", { class: "pair" }, el("span", { class: "cell" }, format.duration(run.duration)));
      if (i) pair.append(el("span", { class: "delta" }, Number.isFinite(difference) ? text : ""));
      return el("td", cellOf(run), pair);
    });
    return el("tr", null, el("th", { scope: "row", class: "stick" }, "Duration"), ...cells, spreads ? el("td", { class: "num quiet spread" }, "–") : null);
  }

  /** @param {ComparedRun[]} runs @param {ComparedRow} row @param {boolean} spreads */
  function plainRow(runs, row, spreads) {
    const cells = runs.map((run, i) => {
      const value = row.cells[i];
      const other = !row.write && differs(row, i);
      const text = value === undefined ? "" : row.write ? row.write(value) : format.param(value);
      const attributes = { ...cellOf(run, other ? " strong" : i ? " quiet" : ""), dir: "auto", title: cut(text) === text ? null : text };
      return el("td", attributes, text ? el(row.code ? "code" : "span", null, cut(text)) : none(), other ? el("span", { class: "hidden" }, " differs") : null);
    });
    return el("tr", null, el("th", { scope: "row", class: "stick", dir: "auto" }, row.name), ...cells, spreads ? el("td", { class: "spread" }) : null);
  }

  /**
   * @param {string} id
   * @returns {ComparedTable}
   */
  function comparedTable(id) {
    /** @param {string} label @param {string | null} value */
    const choice = (label, value) => el("button", { type: "button", onclick: () => set({ params: value }) }, label);
    const different = choice("different", null);
    const all = choice("all", "all");
    const filter = el("input", { type: "search", class: "filter", placeholder: "Filter rows", "aria-label": "Filter rows", oninput: () => set({ rows: filter.value || null }) });
    const aside = el("p", { class: "aside" });
    const segments = el("span", { class: "segments", role: "group", "aria-label": "Parameters, tags and facts" }, different, all);
    const right = el("div", { class: "right" }, filter, el("span", null, "parameters ", segments));
    const head = el("div", { class: "head" }, el("h2", { id }, "Metrics and parameters"), aside, right);
    const table = el("table");
    const frame = el("section", { class: "scroll", "aria-label": "Table of the compared runs", tabindex: "0" }, table);
    const below = el("p", { class: "below" });

    /** @type {ComparedRun[]} */
    let runs = [];
    /** @type {ComparedMetric[]} */
    let metrics = [];

    /** @param {Record<string, string | null>} changes */
    function set(changes) {
      state.set(changes);
      draw();
    }

    /**
     * Rows, so many at first that the page stays quick.
     * @template T
     * @param {T[]} items
     * @param {(item: T) => HTMLElement} make
     * @returns {HTMLElement[]}
     */
    function some(items, make) {
      const limit = Math.max(20, Math.floor(MAX_CELLS / runs.length));
      const made = items.slice(0, limit).map(make);
      const rest = items.slice(limit);
      if (rest.length) {
        const more = el("button", { type: "button", class: "button", onclick: () => row.replaceWith(...some(rest, make)) }, `Show ${Math.min(rest.length, limit)} of ${format.count(rest.length, "more row")}`);
        const row = el("tr", null, el("td", { colspan: runs.length + 1 }, more));
        made.push(row);
      }
      return made;
    }

    /** What is drawn, and what it was drawn from. @type {{ body: HTMLElement, from: string }[]} */
    let drawn = [];

    /** @param {string} name */
    const passes = (name) => name.toLowerCase().includes((state.get("rows") || "").toLowerCase());
    const everything = () => state.get("params") === "all";
    const spread = () => metrics.some((metric) => spreadOf(metric, runs[0], runs[0]) !== null);

    function draw() {
      const typed = state.get("rows") || "";
      different.setAttribute("aria-pressed", String(!everything()));
      all.setAttribute("aria-pressed", String(everything()));
      if (filter.value !== typed) filter.value = typed;

      const [base] = runs;
      const several = comparison.tablesOf(runs).length > 1;
      const spreads = spread();
      const spreadHead = spreads ? el("th", { scope: "col", class: "num" }, "Spread", several ? el("span", { class: "about", dir: "auto" }, base.experiment.title) : null) : null;
      const heads = runs.map((run) => el("th", { scope: "col", class: "num" }, reportgen.swatch(run.slot), el("a", { href: reportgen.root + run.page, dir: "auto" }, run.name)));
      const top = el("thead", null, el("tr", null, el("th", { scope: "col", class: "stick" }, "Metric"), ...heads, spreadHead));
      const shown = metrics.filter((metric) => passes(`${metric.title}\n${metric.name}`));
      const values = el("tbody", null, ...some(shown, (metric) => metricRow(runs, metric, spreads)));
      if (!metrics.length) values.append(el("tr", null, el("td", { colspan: runs.length + 1, class: "quiet" }, "These runs logged no metric.")));
      if (passes("duration")) values.append(durationRow(runs, spreads));
      table.className = `side${runs.length < 5 ? " few" : runs.length > 8 ? " many" : ""}`;
      table.replaceChildren(el("caption", { class: "hidden" }, "Metrics, then what differs; one column a run, the baseline first"), top, values);
      drawn = [];
      drawParts();
      const approximate = spreads ? "≈ is a difference that two runs of one configuration show too; " : "";
      aside.textContent = runs.length > 1 ? `change against the baseline; ${approximate}bold is not as in the baseline` : "";
    }

    /** Params, tags and facts; what is drawn already stays, since each change costs a layout of the whole table. */
    function drawParts() {
      const words = state.get("rows");
      const spreads = spread();
      const params = comparison.rowsOf(runs, "params");
      const environment = comparison.environmentRows(runs);
      /** @type {[title: string, rows: ComparedRow[], noun: string, nouns: string][]} */
      const parts = [
        ["Parameters", params, "parameter", "parameters"],
        ["Tags", comparison.rowsOf(runs, "tags"), "tag", "tags"],
        ["Run", comparison.factRows(runs), "fact of the run", "facts of the run"],
        ["Environment", environment, "fact of the environment", "facts of the environment"],
      ];
      /** @type {string[]} */
      const equal = [];
      const before = drawn;
      drawn = parts.flatMap(([title, rows, noun, nouns]) => {
        const changed = rows.filter((row) => runs.some((_, i) => differs(row, i)));
        const same = rows.length - changed.length;
        const own = (everything() ? rows : changed).filter((row) => passes(row.name));
        if (!own.length && (words || title !== "Parameters")) {
          if (same && !everything()) equal.push(format.count(same, noun, nouns));
          return [];
        }
        const alike = `${format.number(same)} ${same === 1 ? "is" : "are"} the same`;
        const differing = [changed.length ? "" : "none differs", same ? alike : ""].filter(Boolean).join(", ");
        const said = !rows.length ? "none was logged" : everything() ? `${format.number(changed.length)} of ${format.number(rows.length)} differ` : differing;
        const from = JSON.stringify([title, said, own]);
        const known = before.find((part) => part.from === from);
        if (known) return known;
        const name = el("span", null, title, " ", el("span", { class: "aside" }, said));
        const row = el("tr", { class: "part" }, el("th", { scope: "rowgroup", colspan: runs.length + 1 + Number(spreads) }, name));
        return { body: el("tbody", null, row, ...some(own, (item) => plainRow(runs, item, spreads))), from };
      });
      for (const part of before) if (!drawn.includes(part)) part.body.remove();
      drawn.forEach(({ body }, i) => {
        if (body !== table.tBodies[i + 1]) table.tBodies[i].after(body);
      });
      below.textContent = equal.length && !words && runs.length > 1 ? `The same in all runs: ${join(equal)}.` : "";
      filter.hidden = !words && metrics.length + params.length + (everything() ? environment.length : 0) < MANY_ROWS;
      frame.classList.toggle("tall", table.rows.length > TALL);
    }

    return {
      nodes: [head, frame, below],
      show(next, own) {
        const same = runs === next && metrics === own;
        runs = next;
        metrics = own;
        if (same) drawParts();
        else draw();
      },
    };
  }

  reportgen.comparedTable = comparedTable;
})();

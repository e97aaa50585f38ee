// @ts-check
/**
 * What the page of a run says of its place among the runs of its experiment: ranks, its colour, the params that differ,
 * the run to compare it with, the runs before and after it. All from the experiment's table, since a run's page is made
 * without knowing other runs.
 */
(() => {
  "use strict";

  const { el, svg, format } = reportgen;
  /** How many times as far from the best as the median is, a value still stands on the strip; as in `pages/strips.py`. */
  const REACH = 4;
  /** Places along a strip that are told apart. */
  const PLACES = 1000;

  /** @param {number} n */
  function ordinal(n) {
    const ending = n % 100 >= 11 && n % 100 <= 13 ? "th" : ["th", "st", "nd", "rd"][n % 10] || "th";
    return format.number(n) + ending;
  }

  /** The values of a column, null for a run without one. @param {ExperimentTable} table @param {MetricColumn} column */
  function valuesOf(table, column) {
    /** @type {(number | null)[]} */
    const values = new Array(table.n).fill(null);
    column.values.forEach((value, i) => {
      values[column.runs ? column.runs[i] : i] = reportgen.loose(value);
    });
    return values;
  }

  /**
   * Where run `own` stands: null for a metric in which no two finished runs can be ranked. `others` are the values of
   * the ranked runs. A run below one that has the metric too is a part of it (the best fold is not the best model).
   * @param {ExperimentTable} table
   * @param {MetricColumn} column
   * @param {number} own
   */
  function standing(table, column, own) {
    const values = valuesOf(table, column);
    const { status, parent } = table.runs;
    /** @param {number} run */
    const isPart = (run) => {
      const above = parent[run];
      return above >= 0 && above !== run && values[above] !== null && status[above] !== "failed";
    };
    const ranked = [...values.keys()].filter(
      (run) => status[run] === "finished" && Number.isFinite(values[run]) && !isPart(run),
    );
    const others = ranked.map((run) => /** @type {number} */ (values[run]));
    const value = values[own];
    if (!column.direction || others.length < 2 || value === null || !Number.isFinite(value)) return null;
    /** @param {number} a @param {number} b */
    const better = (a, b) => (column.direction === "max" ? a > b : a < b);
    const why = status[own] !== "finished" ? status[own] : isPart(own) ? "a part of another run" : "";
    const rank = 1 + others.filter((other) => better(other, value)).length;
    const shared = others.filter((other) => other === value).length > 1;
    const said = why ? `Not ranked: ${why}` : `${shared ? "shared " : ""}${ordinal(rank)}`;
    return { others, value, rank: why ? 0 : rank, said, of: why ? "" : ` of ${format.number(others.length)}` };
  }

  /**
   * The ranked runs as marks, better to the right, and the value of this run as a dot. What lies far behind the others
   * is no more than a sign at the left end.
   * @param {number[]} others
   * @param {number} value
   * @param {Direction} direction
   * @param {boolean} hollow
   */
  function drawStrip(others, value, direction, hollow) {
    const sign = direction === "min" ? -1 : 1;
    const sorted = others.map((other) => sign * other).sort((a, b) => a - b);
    const best = sorted[sorted.length - 1];
    const reach = REACH * (best - sorted[sorted.length >> 1]) || Number.POSITIVE_INFINITY;
    const low = /** @type {number} */ (sorted.find((other) => best - other <= reach));
    const span = best - low;
    /** @param {number} at */
    const place = (at) => Math.round(PLACES * Math.min(Math.max(span > 0 ? (at - low) / span : 0.5, 0), 1));
    const places = [...new Set(sorted.filter((other) => other >= low).map(place))];
    const dot = place(sign * value);
    const marks = svg(
      "svg",
      { viewBox: `0 0 ${PLACES} 16`, preserveAspectRatio: "none", width: "100%", height: 16 },
      svg("path", { class: "base", d: `M0 8H${PLACES}` }),
      svg("path", { class: "others", d: places.map((x) => `M${x} 4v8`).join("") }),
    );
    const behind = svg("path", { class: "others", d: "M-3 5l-3 3l3 3" });
    const own = svg("circle", { class: hollow ? "own hollow" : "own", cx: `${dot / (PLACES / 100)}%`, cy: 8, r: 4 });
    return svg(
      "svg",
      { class: "rank", height: 16, "aria-hidden": "true" },
      marks,
      ...(sorted[0] < low ? [behind] : []),
      own,
    );
  }

  /** @param {MetricColumn} column @param {number} own */
  function whereOf(column, own) {
    const step = column.steps?.[column.runs ? column.runs.indexOf(own) : own];
    const which = column.summary === column.direction ? "best" : column.summary;
    return typeof step === "number" ? `${which} at step ${format.number(step)}` : which;
  }

  // ---- on the page; what is added there is marked, so that it can be made anew

  /** @template {Element} T @param {T} element */
  function added(element) {
    element.setAttribute("data-stands", "");
    return element;
  }

  /** What is said beside the heading of a section. @param {Element | null | undefined} head @param {string} text */
  const say = (head, text) => head?.append(added(el("p", { class: "aside" }, text)));

  /** @param {HTMLElement} root @param {ExperimentTable} table @param {number} own */
  function showRanks(root, table, own) {
    const headline = root.querySelector(".headline");
    if (!headline) return;
    let drawn = 0;
    for (const host of /** @type {NodeListOf<HTMLElement>} */ (headline.querySelectorAll("[data-metric]"))) {
      const column = table.metrics.find(({ name }) => name === host.dataset.metric);
      const stands = column && standing(table, column, own);
      const [shown, said] = host.querySelectorAll("dd");
      if (!stands || !said) continue;
      drawn++;
      shown.append(added(drawStrip(stands.others, stands.value, column.direction, !stands.rank)));
      said.replaceChildren(el("b", null, stands.said), `${stands.of}, ${whereOf(column, own)}`);
      if (column.name === table.leading && stands.rank === 1) {
        root
          .querySelector(".title .status")
          ?.after(added(el("span", { class: "tag" }, "best ", el("bdi", null, column.title))));
      }
    }
    const head = headline.previousElementSibling;
    const title = head?.querySelector("[id]");
    if (!drawn || !title) return;
    title.textContent = "Where it stands";
    const link = root.querySelector(`.rail a[href="#${CSS.escape(title.id)}"]`);
    if (link) link.textContent = "Where it stands";
    say(head, "each mark is a finished run of this experiment, better to the right");
  }

  /** Draw all of the page in the run's one colour. @param {HTMLElement} root @param {number} slot */
  function showColour(root, slot) {
    if (!slot) return;
    root.style.setProperty("--own", `var(--s${slot})`);
    root.style.setProperty("--own-text", `var(--t${slot})`);
    if (root.dataset.slot !== String(slot)) root.dataset.slot = String(slot); // the charts look at it
    root.querySelector(".title > :first-child")?.after(added(reportgen.swatch(slot)));
  }

  /** @param {HTMLElement} root @param {ExperimentTable} table */
  function showDifferences(root, table) {
    const varying = new Set(table.params.filter((param) => param.varying).map(({ name }) => name));
    const section = root.querySelector("section:has(> .params)");
    const body = section?.querySelector("tbody");
    if (!section || !body || table.n < 2) return;
    const rows = [...body.rows].filter((row) => varying.has(row.cells[0].textContent || ""));
    for (const row of body.rows) row.classList.toggle("strong", rows.includes(row));
    body.prepend(...rows);
    const n = rows.length ? format.number(rows.length) : "none";
    say(section.querySelector(".head"), `of which ${n} ${rows.length > 1 ? "differ" : "differs"} in this experiment`);
  }

  /** @param {HTMLElement} root @param {ExperimentTable} table @param {number} own */
  function linkBest(root, table, own) {
    const button = /** @type {HTMLAnchorElement | null} */ (root.querySelector(".title .compare-with"));
    const other = table.selection.find((run) => run !== own);
    if (!button || other === undefined) return;
    const which = table.leading === null ? "newest" : table.selection[0] === own ? "next best" : "best";
    button.textContent = `Compare with the ${which}`;
    button.title = table.runs.name[other];
    button.href = `${reportgen.root}compare.html#?runs=${table.runs.k[own]},${table.runs.k[other]}`;
  }

  /** Addresses of the runs before and after this one, for the keys. @type {Record<string, string>} */
  const neighbours = {};

  /**
   * Link the runs that started before and after; the table has the newest first.
   * @param {HTMLElement} root
   * @param {ExperimentTable} table
   * @param {number} own
   */
  function linkNeighbours(root, table, own) {
    const turn = added(el("nav", { class: "turn", "aria-label": "Runs before and after" }));
    const hint = added(el("p", { class: "turn-keys" }));
    const words = [];
    for (const [key, word, rel, run] of /** @type {[string, string, string, number][]} */ ([
      ["[", "previous", "prev", own + 1],
      ["]", "next", "next", own - 1],
    ])) {
      const page = table.runs.page[run];
      if (page === undefined) continue;
      const href = reportgen.root + page;
      if (!neighbours[key]) {
        reportgen.keys.add(key, `${word} run of the experiment`, () => {
          location.href = neighbours[key];
        });
      }
      neighbours[key] = href;
      turn.append(el("a", { href, rel }, el("span", null, `${word} run`), el("bdi", null, table.runs.name[run])));
      hint.append(el("kbd", null, key), " ");
      words.push(word);
    }
    if (!words.length) return;
    hint.append(`${words.join(", ")} run`);
    root.querySelector(".rail")?.append(hint);
    root.querySelector(".run > .body")?.append(turn);
  }

  /** @param {HTMLElement} root @param {string} k @param {string} experiment */
  async function show(root, k, experiment) {
    let table;
    try {
      table = await reportgen.table(experiment);
    } catch (error) {
      const what = /** @type {Error} */ (error).message;
      const note = reportgen.note("bad", `How this run ranks in its experiment cannot be shown: ${what}.`);
      if (!reportgen.single) root.querySelector(".headline")?.before(added(note));
      return;
    }
    for (const old of root.querySelectorAll("[data-stands]")) old.remove();
    const own = table.runs.k.indexOf(k);
    if (own < 0) return;
    showRanks(root, table, own);
    showColour(root, table.groups.slot[table.runs.group_of[own]]);
    showDifferences(root, table);
    if (reportgen.single) return; // no other page to go to
    linkBest(root, table, own);
    linkNeighbours(root, table, own);
  }

  reportgen.page("run", (root) => {
    const { k, experiment } = root.dataset;
    if (!k || !experiment) return;
    show(root, k, experiment);
    // A site that is served while runs train exchanges parts of the page.
    document.addEventListener("reportgen:refresh", async (event) => {
      const { data, everything } = /** @type {CustomEvent} */ (event).detail;
      if (everything || data.includes(`tables/${experiment}`))
        await reportgen.reload(`tables/${experiment}`).catch(() => {});
      show(root, k, experiment);
    });
  });
})();

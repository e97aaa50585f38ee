// @ts-check
/** The dialog that adds runs to a comparison, or takes them out: a search over all runs of the site, by words or a filter. */
(() => {
  "use strict";

  const { el, format, comparison } = reportgen;

  const MAX_FOUND = 50;

  /** @typedef {{ k: ShortKey, name: string, status: Status, experiment: string, text: string }} Choice */

  /** @returns {Promise<Choice[]>} */
  async function allRuns() {
    const { runs, experiments } = await reportgen.searchData();
    const newest = [...runs.start.keys()].sort((a, b) => runs.start[b] - runs.start[a]);
    return newest.map((i) => {
      const [name, page] = [runs.name[i], runs.page[i]];
      const experiment = experiments.title[runs.experiment[i]];
      return { k: comparison.keyOf(page), name, status: runs.status[i], experiment, text: `${name}\n${experiment}\n${runs.text[i]}`.toLowerCase() };
    });
  }

  /** @param {ComparedRun[]} compared @returns {Choice[]} the runs of their experiments */
  function nearRuns(compared) {
    return comparison.tablesOf(compared).flatMap(({ runs, title }) =>
      runs.k.flatMap((k, i) => (reportgen.single && !runs.page[i] ? [] : { k, name: runs.name[i], status: runs.status[i], experiment: title, text: `${runs.name[i]}\n${title}\n${runs.differs[i]}`.toLowerCase() })),
    );
  }

  /**
   * @param {ComparedRun[]} compared
   * @param {() => ShortKey[]} keys of the runs that are compared
   * @param {(keys: ShortKey[], step: boolean) => void} change the first until the dialog is closed is a step
   */
  async function addRuns(compared, keys, change) {
    const input = el("input", { type: "search", placeholder: "Words, or metrics.acc > 0.9", "aria-label": "Search runs", spellcheck: "false", autocomplete: "off", autocapitalize: "off", oninput: typed, onfocus: () => filter().catch(() => {}) });
    const finder = el("div", { class: "pick-find" }, input);
    const below = el("div", { class: "find-below" });
    const found = el("ul", { class: "pick" });
    const said = el("p", { class: "fine", role: "status" }, "Loading");
    const done = el("button", { type: "button", class: "button", onclick: () => dialog.close() }, "Done");
    const dialog = el("dialog", { class: "dialog", "aria-label": "Runs to compare" }, el("div", null, el("header", null, el("h2", null, "Runs to compare"), done), finder, below, found, said));
    let step = true;
    const follow = () => {
      step = true;
      list();
    };
    addEventListener("hashchange", follow); // the reader went back
    dialog.addEventListener("close", () => {
      removeEventListener("hashchange", follow);
      dialog.remove();
    });
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    dialog.addEventListener("keydown", (event) => event.stopPropagation()); // what lies behind must not act on a key
    document.body.append(dialog);
    dialog.showModal();

    /** @type {Choice[]} */
    let choices = [];
    /** Runs that the filter finds, null for words. @type {Set<ShortKey> | null} */
    let kept = null;
    let words = "";
    let ready = false; // the box that reads filters; a reader may type before anything is loaded
    /** @type {ExperimentTable[]} */
    let tables = [];
    /** @type {Promise<Finding> | null} */
    let source = null;
    /** @type {Promise<FilterBox> | null} */
    let box = null;
    try {
      // Of a report in one file, only what is in it.
      choices = reportgen.single ? nearRuns(compared) : await allRuns();
    } catch (error) {
      found.before(reportgen.note("warn", `${/** @type {Error} */ (error).message}: only runs of the compared experiments can be added.`));
      choices = nearRuns(compared);
    }
    const near = new Set(compared.map((run) => run.experiment.title));
    choices.sort((a, b) => Number(near.has(b.experiment)) - Number(near.has(a.experiment)));
    list();

    // ---- filters: over all runs of the site, or of the report

    async function loadTables() {
      tables = reportgen.single ? comparison.tablesOf(compared) : await Promise.all((await reportgen.index()).experiments.map(({ k }) => reportgen.table(k)));
      const places = tables.flatMap((table, t) => Array.from({ length: table.n }, (_, i) => [t, i]));
      return reportgen.finding(tables, places.map(([t]) => t), places.map(([, i]) => i));
    }

    function filter() {
      box ??= Promise.all(["query", "finding", "filter"].map(reportgen.script)).then(() =>
        reportgen.filterBox({
          input,
          host: finder,
          below,
          tables: () => tables,
          source() {
            source ??= loadTables();
            source.catch(() => {
              source = null;
            });
            return source;
          },
          apply(text, mask) {
            if (!mask && !kept && text === words) return; // it is listed already
            const keys = tables.flatMap(({ runs }) => runs.k);
            kept = mask && new Set(keys.filter((_, row) => mask[row]));
            words = mask ? "" : text;
            list();
          },
          finds: (text) => choices.some(matcher(text)),
        }),
      );
      return box;
    }

    function typed() {
      if (!ready) {
        words = input.value;
        list();
      }
      filter().then(
        (made) => {
          ready = true;
          made.typed();
        },
        () => {},
      );
    }

    /** @param {string} text @returns {(choice: Choice) => boolean} */
    function matcher(text) {
      const parts = (text.toLowerCase().match(/(?:[^\s"]|"[^"]*"?)+/g) || []).map((part) => part.replace(/"/g, ""));
      return (choice) => parts.every((part) => choice.text.includes(part));
    }

    function list() {
      const hits = choices.filter(({ k }) => !kept || kept.has(k)).filter(matcher(words));
      found.replaceChildren(...hits.slice(0, MAX_FOUND).map((hit) => el("li", null, toggle(hit))));
      const many = format.count(hits.length, "run");
      said.textContent = hits.length > MAX_FOUND ? `${MAX_FOUND} of ${many}: type more to find others.` : hits.length ? many : "No run matches.";
    }

    /** @param {Choice} choice */
    function toggle({ k, name, status, experiment }) {
      const button = el("button", { type: "button", "aria-pressed": String(keys().includes(k)), onclick: act }, reportgen.mark(status), el("bdi", null, name), el("small", { dir: "auto" }, experiment));
      function act() {
        const before = keys();
        const next = before.includes(k) ? before.filter((other) => other !== k) : [...before, k];
        button.setAttribute("aria-pressed", String(next.includes(k)));
        change(next, step);
        step = false;
      }
      return button;
    }
  }

  reportgen.addRuns = addRuns;
})();

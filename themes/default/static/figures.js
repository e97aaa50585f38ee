// @ts-check
/**
 * Starts the charts of an experiment's page when they come near: loads what they need, and tells curves.js which runs
 * they show. These are the configurations or the best runs, as in the pictures, or the runs chosen in the table.
 */
(() => {
  "use strict";

  const SCRIPTS = ["math", "series", "chart", "curves"];

  /** @param {Element} element @returns {Promise<void>} when it comes near the part of the page that is read */
  function near(element) {
    return new Promise((resolve) => {
      const sight = new IntersectionObserver(
        ([{ isIntersecting }]) => {
          if (!isIntersecting) return;
          sight.disconnect();
          resolve();
        },
        { rootMargin: "600px" },
      );
      sight.observe(element);
    });
  }

  /** The value of run `i`. @template T @param {Column<T>} column @param {number} i */
  function valueAt({ runs, values }, i) {
    if (!runs) return values[i];
    let low = 0;
    for (let high = runs.length; low < high; ) {
      const middle = (low + high) >> 1;
      if (runs[middle] < i) low = middle + 1;
      else high = middle;
    }
    return runs[low] === i ? values[low] : undefined;
  }

  /**
   * Colours of lines shown together, as `settle_slots` of the build gives them: the one that each wants, or the lowest that
   * is free. Where there are more lines than colours, each has what it wants.
   * @param {number[]} wanted
   */
  function settleSlots(wanted) {
    if (wanted.length > 10) return wanted.map((slot) => (slot <= 10 ? slot : 0));
    const taken = new Set();
    const slots = wanted.map((slot) => {
      const own = slot >= 1 && slot <= 10 && !taken.has(slot) ? slot : 0;
      if (own) taken.add(own);
      return own;
    });
    const free = Array.from({ length: 10 }, (_, i) => i + 1).filter((slot) => !taken.has(slot));
    let rest = 0;
    return slots.map((slot) => slot || free[rest++]);
  }
  reportgen.settleSlots = settleSlots;

  /** The colours of the configurations of these runs. @param {ExperimentTable} table @param {number[]} chosen */
  function slotsOfConfigs({ runs, groups }, chosen) {
    const configs = [...new Set(chosen.map((i) => runs.group_of[i]))];
    const slots = settleSlots(configs.map((config) => groups.slot[config]));
    return new Map(configs.map((config, n) => [config, slots[n]]));
  }
  reportgen.slotsOfConfigs = slotsOfConfigs;

  /** @param {ExperimentTable} table @param {number[]} chosen @returns {CurvesRun[]} */
  function describe(table, chosen) {
    const { k, name, id, page, group_of } = table.runs;
    const names = chosen.map((i) => name[i]);
    const slots = settleSlots(chosen.map((i) => table.groups.slot[group_of[i]]));
    const configSlots = slotsOfConfigs(table, chosen);
    /** @type {[string, Column<ParamValue>][]} */
    const columns = [
      ...table.params
        .filter((column) => column.varying)
        .map((column) => /** @type {[string, Column<ParamValue>]} */ ([`param:${column.name}`, column])),
      ...table.tags.map((column) => /** @type {[string, Column<ParamValue>]} */ ([`tag:${column.name}`, column])),
    ];
    return chosen.map((i, n) => {
      /** @type {Record<string, ParamValue>} */
      const values = {};
      for (const [key, column] of columns) {
        const value = valueAt(column, i);
        if (value !== undefined) values[key] = value;
      }
      const twice = names.indexOf(name[i]) !== names.lastIndexOf(name[i]);
      return {
        k: k[i],
        name: twice ? `${name[i]} ${id[i].slice(-4)}` : name[i],
        slot: slots[n],
        page: page[i],
        config: table.groups.label[group_of[i]],
        config_slot: configSlots.get(group_of[i]),
        values,
      };
    });
  }

  /** @param {HTMLElement} root @param {HTMLElement} section */
  async function start(root, section) {
    /** @type {CurvesSection} */
    const told = JSON.parse(section.dataset.curves || "");
    /** @type {number[]} */
    let chosen = [];
    /** @type {Curves | null} */
    let curves = null;
    /** @type {ExperimentTable} */
    let table;
    const setting = () => {
      const pictured = told.grouped
        ? told.runs.map((k) => table.runs.k.indexOf(k)).filter((i) => i >= 0)
        : table.selection;
      const group = told.grouped && !chosen.length ? "config" : "";
      return { runs: describe(table, chosen.length ? chosen : pictured), charts: [], group, smooth: 0, chosen: chosen.length > 0 };
    };
    root.addEventListener("reportgen:selection", (event) => {
      chosen = /** @type {CustomEvent} */ (event).detail.runs;
      curves?.update(setting());
    });
    if (!reportgen.state.get("full")) await near(section); // a link to one chart shows it at once
    [table] = await Promise.all([reportgen.table(told.table), ...SCRIPTS.map(reportgen.script)]);
    const made = reportgen.curves(section, setting());
    curves = made;
    // A site that is being served says so when runs go on.
    document.addEventListener("reportgen:refresh", async (event) => {
      const { data, everything } = /** @type {CustomEvent} */ (event).detail;
      if (!everything && !data.includes(`tables/${told.table}`)) return;
      await reportgen.reload(`tables/${told.table}`);
      table = await reportgen.table(told.table);
      await made.refresh();
      made.update(setting());
    });
  }

  reportgen.page("experiment", (root) => {
    const section = /** @type {HTMLElement | null} */ (root.querySelector("section[data-curves]"));
    if (!section) return;
    start(root, section).catch((error) => {
      const text = `The charts cannot be explored: ${error.message || error}. The pictures are those of the build.`;
      section.querySelector(".head")?.after(reportgen.note("bad", text));
    });
  });
})();

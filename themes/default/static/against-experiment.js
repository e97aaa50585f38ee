// @ts-check
/**
 * The section "Parameters against metrics" of an experiment's page. It is hidden until this script shows it, and loads
 * what it needs when it comes near. In colour are the runs that are chosen in the table, at first those of the plots.
 */
(() => {
  "use strict";

  const SCRIPTS = ["math", "d3", "plot", "dimensions", "parallel", "plots", "against"];

  /** @param {HTMLElement} root @param {HTMLElement} section @param {HTMLElement} host */
  function start(root, section, host) {
    const k = root.dataset.k || "";
    /** @type {number[]} */
    let chosen = [];
    /** @type {ExperimentTable} */
    let table;
    /** @type {Against | null} */
    let drawn = null;

    /** @returns {AgainstSetting} */
    function setting() {
      const { runs, groups, selection } = table;
      const shown = chosen.length ? chosen : selection;
      const slots = shown.map((i) => groups.slot[runs.group_of[i]]);
      // Where the plots show configurations, a run has the colour of its own, until runs are chosen.
      /** @type {CurvesSection} */
      const told = JSON.parse(root.querySelector("section[data-curves]")?.getAttribute("data-curves") || "{}");
      const plotted = !chosen.length && told.grouped ? told.runs.map((one) => runs.k.indexOf(one)).filter((i) => i >= 0) : [];
      const configs = reportgen.slotsOfConfigs(table, plotted);
      const taken = [...configs.values()];
      const own = (/** @type {number} */ i, /** @type {number} */ slot) => configs.get(runs.group_of[i]) ?? (taken.includes(slot) ? 0 : slot);
      const colours = plotted.length ? shown.map((i, j) => own(i, slots[j])) : reportgen.settleSlots(slots);
      return { tables: [table], runs: shown.map((i, j) => ({ k: runs.k[i], name: runs.name[i], slot: colours[j] })) };
    }

    async function draw() {
      try {
        [table] = await Promise.all([reportgen.table(k), ...SCRIPTS.map(reportgen.script)]);
        drawn = reportgen.against(host, setting());
      } catch (error) {
        const what = error instanceof Error ? error.message : error;
        host.replaceWith(reportgen.note("bad", `${what}: parameters cannot be drawn against metrics.`));
      }
    }

    section.hidden = false;
    const sight = new IntersectionObserver(
      ([{ isIntersecting }]) => {
        if (!isIntersecting) return;
        sight.disconnect();
        draw();
      },
      { rootMargin: "600px" },
    );
    sight.observe(section);

    root.addEventListener("reportgen:selection", (event) => {
      chosen = /** @type {CustomEvent} */ (event).detail.runs;
      drawn?.update(setting());
    });
    // A site that is served while runs train.
    document.addEventListener("reportgen:refresh", async (event) => {
      const { data, everything } = /** @type {CustomEvent} */ (event).detail;
      if (!drawn || !(everything || data.includes(`tables/${k}`))) return;
      await reportgen.reload(`tables/${k}`).catch(() => {});
      table = await reportgen.table(k);
      drawn.update(setting());
    });
  }

  reportgen.page("experiment", (root) => {
    const section = /** @type {HTMLElement | null} */ (root.querySelector("section[data-against]"));
    const host = /** @type {HTMLElement | null | undefined} */ (section?.querySelector(".against"));
    if (section && host && document.documentElement.dataset.against) start(root, section, host);
  });
})();

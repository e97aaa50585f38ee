// @ts-check
/**
 * Starts the charts of a run's page: all its metrics, in its own colour; finds the quantiles of its histograms.
 */
(() => {
  "use strict";

  reportgen.quantiles = (names, steps, series) =>
    names.map(([name, metric], i) => {
      const own = series(metric);
      const side = i < (names.length >> 1) ? own?.high : i > (names.length >> 1) ? own?.low : null;
      const values = (!own?.exact && side) || own?.values || []; // of an envelope the outermost
      const at = new Map(Array.from(own?.steps || [], (step, n) => [step, values[n]]));
      return [name, steps.map((step) => at.get(step) ?? NaN)];
    });

  reportgen.page("run", (root) => {
    const section = /** @type {HTMLElement | null} */ (root.querySelector("section[data-curves]"));
    if (!section) return;
    /** @type {CurvesSection} */
    const { runs, more } = JSON.parse(section.dataset.curves || "");
    const [k] = runs;
    const name = root.querySelector("h1")?.textContent || "";
    const setting = () => ({
      runs: [{ k, name, slot: Number(root.dataset.slot || 0), page: "", config: "", values: {} }],
      charts: [],
      more,
      group: "",
      smooth: 0,
    });
    const made = reportgen.curves(section, setting());
    new MutationObserver(() => made.update(setting())).observe(root, { attributeFilter: ["data-slot"] });
    document.addEventListener("reportgen:refresh", (event) => {
      const { data, everything } = /** @type {CustomEvent} */ (event).detail;
      if (everything || data.includes(`series/${k}`)) made.refresh();
    });
  });
})();

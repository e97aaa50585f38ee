// @ts-check
/**
 * The page of an experiment's history: shows one metric of one configuration at a time, turns the horizontal axis from
 * commits to dates, and reads out what stands under the pointer. Without it everything stands below each other.
 *
 * The place in the address is the metric (`#m-…`) or the configuration (`#c-…`), as in the links of the page; `by=date` is
 * the axis.
 */
(() => {
  "use strict";

  const { el, svg, format, state } = reportgen;

  /** @param {HTMLElement} root */
  function start(root) {
    const sections = /** @type {HTMLElement[]} */ ([...root.querySelectorAll(".configuration")]);
    const panels = /** @type {HTMLElement[]} */ ([...root.querySelectorAll(".panel")]);
    const links = /** @type {HTMLAnchorElement[]} */ ([...root.querySelectorAll(".metrics a, .configurations a")]);

    /** The panel that the address names; else the first of the configuration that it names, else the first of all. */
    function chosen() {
      const named = document.getElementById(decodeURIComponent(location.hash.slice(1).split("?")[0]));
      const own = /** @type {HTMLElement | null | undefined} */ (named?.closest(".panel") || named?.querySelector(".panel"));
      return own && root.contains(own) ? own : panels[0];
    }

    function show() {
      const panel = chosen();
      const section = panel.closest(".configuration");
      for (const one of sections) one.hidden = one !== section;
      for (const one of panels) one.hidden = one !== panel;
      for (const link of links) {
        const target = decodeURIComponent(link.hash.slice(1));
        if (target === panel.id || target === section?.id) link.setAttribute("aria-current", "true");
        else link.removeAttribute("aria-current");
      }
      const by = state.get("by") === "date" ? "date" : "commit";
      for (const figure of /** @type {HTMLElement[]} */ ([...root.querySelectorAll(".panel figure")])) {
        figure.dataset.by = figure.querySelector(".by-date") ? by : "commit";
        for (const button of /** @type {HTMLElement[]} */ ([...figure.querySelectorAll("[data-by]")])) {
          if (button !== figure) button.setAttribute("aria-pressed", String(button.dataset.by === figure.dataset.by));
        }
      }
    }

    /** What was below the list on a phone is brought into sight when it is chosen there. */
    function follow() {
      show();
      const figure = chosen().querySelector("figure");
      const box = figure?.getBoundingClientRect();
      if (box && (box.top > innerHeight - 120 || box.bottom < 60)) figure?.scrollIntoView({ block: "start" });
    }

    for (const panel of panels) enliven(panel, () => show());
    state.listen(follow);
    show();
  }

  /** @param {HTMLElement} panel @param {() => void} changed */
  function enliven(panel, changed) {
    const figure = /** @type {HTMLElement} */ (panel.querySelector("figure"));
    const section = /** @type {HTMLElement} */ (panel.closest(".configuration"));
    /** @type {HistoryValues} */
    const own = JSON.parse(figure.dataset.history || "");
    /** @type {HistoryObservations} */
    const shared = JSON.parse(section.dataset.history || "");
    const read = /** @type {HTMLElement} */ (figure.querySelector(".read"));
    const switches = /** @type {HTMLElement | null} */ (figure.querySelector(".segments"));
    read.hidden = false;
    if (switches) switches.hidden = false;
    for (const button of switches?.querySelectorAll("button") || []) {
      button.addEventListener("click", () => {
        state.set({ by: button.dataset.by === "date" ? "date" : null });
        changed();
      });
    }
    const known = own.values.flatMap((value, i) => (value === null ? [] : [i]));
    const first = Math.min(...shared.times.map((time) => time ?? Infinity));
    const span = Math.max(...shared.times.map((time) => time ?? -Infinity)) - first;
    const last = shared.times.length - 1;

    /** Where observation `i` stands, 0 to 1. @param {number} i */
    function placeOf(i) {
      if (figure.dataset.by === "date") return (Number(shared.times[i]) - first) / span;
      return last ? i / last : 0.5;
    }

    /** @param {number} value */
    const amount = (value) => [format.number(value, own.decimals), own.unit].filter(Boolean).join(" ");

    /** @param {number} i */
    function describe(i) {
      const [value, low, high, runs] = [Number(own.values[i]), Number(own.lows[i]), Number(own.highs[i]), own.counts[i]];
      const spread = low < high ? ` (${format.number(low, own.decimals)} to ${format.number(high, own.decimals)} in ${format.count(runs, "run")})` : "";
      const when = format.time(shared.times[i]);
      const words = [shared.subjects[i], when, shared.dirty.includes(i) ? "with uncommitted changes" : ""].filter(Boolean);
      const commit = shared.commits[i] ? [el("code", null, shared.commits[i]), " "] : [];
      read.replaceChildren(el("b", null, amount(value)), `${spread} · `, ...commit, el("bdi", null, words.join(" · ")));
    }

    /** The observation that is read out, -1 for none. */
    let at = -1;

    /** @param {SVGElement} area @param {number} i */
    function mark(area, i) {
      at = i;
      figure.querySelector(".cursor")?.remove();
      if (i < 0) {
        read.replaceChildren();
        return;
      }
      const height = Number(figure.dataset.height);
      const part = (Math.min(Math.max(Number(own.values[i]), own.low), own.high) - own.low) / (own.high - own.low);
      const x = `${100 * placeOf(i)}%`;
      const line = svg("line", { class: "hair", x1: x, x2: x, y1: 0, y2: height });
      area.before(svg("g", { class: "cursor" }, line, svg("circle", { class: "at", cx: x, cy: height * (1 - part), r: 4.5 })));
      describe(i);
    }

    /** @param {SVGElement} area @param {PointerEvent} event */
    function nearest(area, event) {
      const box = area.getBoundingClientRect();
      const x = (event.clientX - box.left) / box.width;
      return known.reduce((best, i) => (Math.abs(placeOf(i) - x) < Math.abs(placeOf(best) - x) ? i : best), known[0]);
    }

    for (const area of /** @type {SVGElement[]} */ ([...figure.querySelectorAll(".area")])) {
      area.classList.add("live");
      area.addEventListener("pointermove", (event) => mark(area, nearest(area, event)));
      area.addEventListener("pointerleave", () => mark(area, -1));
      area.addEventListener("click", (event) => {
        const i = nearest(area, /** @type {PointerEvent} */ (event));
        // On a touch screen the first tap reads out, the second one opens the run.
        if (i !== at || /** @type {PointerEvent} */ (event).pointerType !== "touch") location.href = reportgen.root + shared.pages[i];
      });
    }

    // With the keyboard: the arrows read out one observation after the other, Enter opens its run.
    figure.tabIndex = 0;
    figure.setAttribute("aria-describedby", read.id);
    figure.addEventListener("keydown", (event) => {
      if (event.target !== figure) return;
      const area = /** @type {SVGElement} */ (figure.querySelector(`.by-${figure.dataset.by} .area`));
      const now = known.indexOf(at);
      /** @type {Record<string, number>} */
      const moves = { ArrowLeft: now < 0 ? known.length - 1 : Math.max(now - 1, 0), ArrowRight: Math.min(now + 1, known.length - 1), Home: 0, End: known.length - 1 };
      if (event.key in moves) {
        event.preventDefault();
        mark(area, known[moves[event.key]]);
        reportgen.announce(read.textContent || "");
      } else if (event.key === "Enter" && at >= 0) location.href = reportgen.root + shared.pages[at];
      else if (event.key === "Escape") mark(area, -1);
    });
    figure.addEventListener("blur", () => mark(/** @type {SVGElement} */ (figure.querySelector(".area")), -1));
  }

  reportgen.page("history", start);
})();

// @ts-check
/**
 * What follows the curves of a comparison: the runs against all runs of their experiments, their code, and their files of
 * one name. Decides when each part is loaded and drawn: when the reader comes near, or prints. What it needs is loaded
 * before that, once the page is still, since paper does not wait.
 */
(() => {
  "use strict";

  const { el, format, comparison } = reportgen;

  /** Scripts, each behind those that it needs. */
  const AGAINST = ["math", "d3", "plot", "dimensions", "parallel", "plots", "against"];
  const DETAILS = ["differences", "compareDetails"];
  /** So many ms after the comparison has changed, what the parts need is loaded. */
  const STILL = 500;

  /** @param {string[]} names @param {string} style */
  function load(names, style) {
    reportgen.style(style);
    return Promise.all(names.map(reportgen.script));
  }
  const loadAgainst = () => load(AGAINST, "againstStyle");
  /** Also the address of the repository. */
  const loadDetails = () => Promise.all([reportgen.index().catch(() => null), load(DETAILS, "compareStyle")]);

  /** @param {string} id @param {string} title @param {string} [kind] */
  const section = (id, title, kind) =>
    el("section", { "aria-labelledby": id }, el("div", { class: "head" }, el("h2", { id }, title), el("p", { class: "aside" })), el("div", { class: kind }));

  /** @param {HTMLElement} part @param {string} text */
  function setAside(part, text) {
    /** @type {Element} */ (part.querySelector(".aside")).textContent = text;
  }

  /**
   * @param {(name: string) => string} id
   * @returns {ComparedRest}
   */
  function comparedRest(id) {
    const againstPart = section(id("against"), "Against all runs", "against");
    const codePart = section(id("code"), "Code");
    const filesPart = section(id("artifacts"), "Same artifacts");
    const hosts = [againstPart, codePart, filesPart].map((part) => /** @type {HTMLElement} */ (part.lastElementChild));

    /** @type {ComparedRun[]} */
    let runs = [];
    /** @type {{ destroy(): void } | null} */
    let against = null;
    /** Number of the comparison on show: what was asked for an earlier one comes too late. */
    let turn = 0;

    async function drawAgainst() {
      const mine = turn;
      await loadAgainst();
      if (mine !== turn) return;
      const shown = runs.map(({ k, name, slot }) => ({ k, name, slot: comparison.colourOf(slot) }));
      against = reportgen.against(hosts[0], { tables: comparison.tablesOf(runs), runs: shown });
    }

    /** Whether any run has what the last two parts show. */
    async function isDetailed() {
      const files = await Promise.allSettled(runs.map((run) => run.file()));
      return files.some((file) => {
        if (file.status !== "fulfilled") return false;
        const { artifacts, code } = file.value.facts;
        return artifacts.length || code.commit || code.command.length || code.diff;
      });
    }

    async function drawDetails() {
      const mine = turn;
      const some = await isDetailed();
      if (mine === turn) codePart.hidden = !some;
      if (!some) return;
      const [site] = await loadDetails();
      if (mine !== turn) return;
      fill(codePart, reportgen.comparedCode(runs, site?.repository_url || ""));
      fill(filesPart, reportgen.sameFiles(runs));
    }

    /** @param {HTMLElement} part @param {{ said: string, content: Node[] }} drawn */
    function fill(part, { said, content }) {
      part.hidden = !content.length;
      setAside(part, said);
      part.lastElementChild?.replaceChildren(...content);
    }

    // ---- on sight

    /** @type {Map<Element, () => Promise<void>>} */
    const draw = new Map([
      [againstPart, drawAgainst],
      [codePart, drawDetails],
    ]);
    /** Parts that are not drawn yet. @type {Set<Element>} */
    const due = new Set();
    /** @param {Element} part */
    async function drawPart(part) {
      if (!due.delete(part)) return;
      sight.unobserve(part);
      await draw.get(part)?.().catch((error) => part.firstElementChild?.after(reportgen.note("bad", `${error.message}. Reload the page.`)));
    }
    const sight = new IntersectionObserver(
      (entries) => {
        for (const { target, isIntersecting } of entries) if (isIntersecting) drawPart(target);
      },
      { rootMargin: "400px" },
    );

    // ---- on paper

    let printing = false;
    addEventListener("afterprint", () => {
      printing = false;
    });
    addEventListener("beforeprint", async () => {
      printing = true;
      if (!due.size) return;
      await Promise.all([...due].map(drawPart));
      if (printing) dispatchEvent(new Event("beforeprint")); // what has just been drawn missed it
    });

    let waiting = 0;
    async function prepare() {
      const compared = runs;
      const details = async () => {
        if (!(await isDetailed())) return;
        await loadDetails();
        await reportgen.readTexts(compared);
      };
      await Promise.allSettled([due.has(againstPart) && loadAgainst(), details()]); // who draws hears of what fails
    }

    return {
      nodes: [againstPart, codePart, filesPart],
      show(next) {
        turn++;
        runs = next;
        against?.destroy();
        against = null;
        for (const host of hosts) host.replaceChildren();
        const tables = comparison.tablesOf(runs);
        const total = tables.reduce((sum, { n }) => sum + n, 0);
        setAside(againstPart, `${format.count(total, "run")} of ${tables.length === 1 ? tables[0].title : format.count(tables.length, "experiment")}`);
        againstPart.hidden = !tables.length || !document.documentElement.dataset.against;
        codePart.hidden = false;
        filesPart.hidden = true;
        sight.disconnect();
        due.clear();
        for (const part of draw.keys()) {
          part.querySelector(":scope > .note")?.remove();
          if (!runs.length || (part === againstPart && againstPart.hidden)) continue;
          due.add(part);
          sight.observe(part);
        }
        clearTimeout(waiting);
        waiting = setTimeout(prepare, STILL);
      },
    };
  }

  reportgen.comparedRest = comparedRest;
})();

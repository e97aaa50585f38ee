// @ts-check
/**
 * The comparison of any runs of the site: `compare.html#?runs=k1,k2&base=k1`, the first run being the baseline unless
 * `base` says otherwise. Owns the page: which runs are compared, their heads, and in which order the parts are loaded:
 * the table, the curves, and what follows them (`compare-rest.js`). Without runs in the address the page stays the list
 * that the build wrote.
 */
(() => {
  "use strict";

  const { el, format, state } = reportgen;

  const MAX_RUNS = 200;
  const MAX_CHARTS = 12;
  const SMOOTHING = 0.8;
  const NOISY_POINTS = 100;
  const NOISY_PATH = 8;
  /** With more runs than these their heads are small. */
  const MANY = 10;

  /** So many ms the browser has to paint the curves, before what follows them is loaded. */
  const PAINTING = 100;

  /** Scripts, each behind those that it needs. */
  const TABLE = ["series", "compareRuns", "compareTable"];
  const CURVES = ["math", "chart", "curves", "curvesMore"];
  /** @param {string[]} names */
  const load = (names) => Promise.all(names.map(reportgen.script));

  /** @type {Set<string>} */
  const styled = new Set();
  reportgen.style = (name) => {
    const address = document.documentElement.dataset[name];
    if (address && !styled.has(name)) document.head.append(el("link", { rel: "stylesheet", href: address }));
    styled.add(name);
  };

  /**
   * Tell whether a line would be a scribble: many points whose ups and downs add up to many times their range. The twin
   * of `_is_noisy` in `reportgen/site/pages/metric_charts.py`; of an envelope the heights of its buckets count.
   * @param {RunSeries | null | undefined} series
   */
  function isNoisy(series) {
    if (!series || series.n < NOISY_POINTS) return false;
    const { low, high, exact } = series;
    const values = series.values.filter(Number.isFinite);
    const [least, most] = values.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, -Infinity]);
    const heights = exact || !low || !high ? values.map((value, i) => (i ? Math.abs(value - values[i - 1]) : 0)) : high.map((value, i) => value - low[i] || 0);
    return heights.reduce((path, height) => path + height, 0) > NOISY_PATH * (most - least);
  }

  let pages = 0;

  /** @param {HTMLElement} root */
  function start(root) {
    const written = [...root.childNodes];
    const writtenTitle = document.title;
    const number = pages++;
    const id = (/** @type {string} */ name) => (number ? `${name}-${number}` : name);
    /** Runs that were looked for on this page, null for those that are not in the site. @type {Map<ShortKey, ComparedRun | null>} */
    const known = new Map();
    /** What the reader has to know of them. @type {Set<string>} */
    const told = new Set();
    /** As in the address. @type {ComparedRun[]} */
    let order = [];
    /** The baseline, then the others. @type {ComparedRun[]} */
    let runs = [];
    /** @type {ComparedMetric[]} */
    let metrics = [];
    /** @type {ComparedTable | null} */
    let table = null;
    /** @type {Curves | null} */
    let curves = null;
    /** @type {ComparedRest | null} */
    let rest = null;
    /** Number of the comparison on show: what was asked for an earlier one comes too late. */
    let turn = 0;

    /** @returns {ShortKey[]} */
    const wanted = () => [...new Set((state.get("runs") ?? root.dataset.runs ?? "").split(",").map((k) => k.trim()))].filter(Boolean);

    // ---- what stays while the comparison changes

    const path = el("nav", { class: "path", "aria-label": "Path" });
    const title = el("h1", { tabindex: "-1", "aria-level": reportgen.single ? 2 : null });
    const lede = el("p", { class: "lede", dir: "auto" });
    const notes = el("div", { class: "notes" });
    const heads = el("ul", { class: "compared short" });
    const baseline = el("select", { onchange: () => change(order, baseline.value, false) });
    const link = el("input", { class: "link", readonly: true, hidden: true, "aria-label": "Link to this comparison" });
    const copy = el("button", { type: "button", class: "button", onclick: copyLink }, "Copy link");
    const add = el("button", { type: "button", class: "button", onclick: addRuns }, "Add a run");
    const tools = el("div", { class: "compare-tools" }, el("label", { class: "button" }, "Baseline: ", baseline), add, copy, link);
    const tablePart = el("section", { "aria-labelledby": id("metrics") });
    const curvesPart = el("section", { "aria-labelledby": id("curves") }, el("div", { class: "head" }, el("h2", { id: id("curves") }, "Curves"), el("p", { class: "aside" })));

    // ---- changes

    /** @param {ComparedRun[]} next @param {ShortKey} base @param {boolean} step */
    function change(next, base, step) {
      state.set({ runs: next.map((run) => run.k).join(",") || null, base: next.slice(1).some((run) => run.k === base) ? base : null }, step);
      return show();
    }

    /** @param {ComparedRun} run */
    async function remove(run) {
      const at = runs.indexOf(run);
      await change(order.filter((other) => other !== run), runs[0].k, true);
      reportgen.announce(`${run.name} removed`);
      const buttons = /** @type {NodeListOf<HTMLElement>} */ (heads.querySelectorAll(".remove"));
      (buttons[Math.min(at, buttons.length - 1)] || title).focus();
      if (!title.isConnected) /** @type {HTMLElement | null} */ (root.querySelector("[data-choose]"))?.focus();
    }

    async function addRuns() {
      reportgen.style("compareStyle");
      await load(["compareRuns", "compareAdd"]);
      reportgen.addRuns(order, wanted, (keys, step) => {
        state.set({ runs: keys.join(",") || null }, step);
        show();
      });
    }

    function copyLink() {
      link.value = state.link({});
      const say = (/** @type {string} */ said) => {
        copy.textContent = said;
      };
      const copied = () => {
        say("Copied");
        setTimeout(say, 2000, "Copy link");
      };
      const select = () => {
        link.hidden = false;
        link.select();
      };
      if (navigator.clipboard) navigator.clipboard.writeText(link.value).then(copied, select);
      else select();
    }

    // ---- parts

    function drawTop() {
      const experiments = new Set(runs.map((run) => run.experiment.k));
      const { experiment } = runs[0];
      const steps = [["Experiments", "index.html"], ...(experiments.size === 1 && experiment.page ? [[experiment.title, experiment.page]] : [])];
      path.replaceChildren(el("ol", null, ...steps.map(([text, page]) => el("li", null, el("a", { href: reportgen.root + page, dir: "auto" }, text)))));
      title.textContent = `Compare ${format.count(runs.length, "run")}`;
      document.title = writtenTitle.replace(/^Compare/, title.textContent);
      baseline.replaceChildren(...order.map((run) => new Option(run.name, run.k)));
      baseline.value = runs[0].k;
      link.hidden = true;
      const [claim, rest] = reportgen.comparison.sentence(runs, metrics);
      lede.replaceChildren(el("strong", null, claim), " ", rest);
      heads.classList.toggle("many", runs.length > MANY);
      heads.replaceChildren(...runs.map((run) => head(run, experiments.size > 1)));
      // The style sheet says how many are seen at first, and where all of them are.
      const all = el("button", { type: "button", class: "button", onclick: () => heads.classList.remove("short") }, `All ${format.count(runs.length, "run")}`);
      if (runs.length > MANY) heads.append(el("li", { class: "more" }, all));
    }

    /** @param {ComparedRun} run @param {boolean} several */
    function head(run, several) {
      const { name, experiment } = run;
      const link = (/** @type {string} */ page, /** @type {string} */ text) => (page ? el("a", { href: reportgen.root + page, dir: "auto" }, text) : text);
      return el(
        "li",
        { class: reportgen.comparison.classOf(run) },
        link(run.page, name),
        ...(run === runs[0] ? [" ", el("span", { class: "tag" }, "baseline")] : []),
        el("button", { type: "button", class: "remove", "aria-label": `Remove ${name}`, title: "Remove", onclick: () => remove(run) }, "×"),
        el("span", { class: "second" }, reportgen.mark(run.status), " ", el("span", { dir: "auto" }, run.differs || run.status)),
        several ? el("span", { class: "second" }, link(experiment.page, experiment.title)) : null,
        run.error ? el("span", { class: "second bad-text", dir: "auto" }, run.error) : null,
      );
    }

    /** The runs whose files could be read. */
    async function arrived() {
      const files = await Promise.allSettled(runs.map((run) => run.file()));
      return files.flatMap((file) => (file.status === "fulfilled" ? file.value : []));
    }

    async function drawCurves() {
      const mine = turn;
      await load(CURVES);
      const files = await arrived();
      const shown = coursesOf(files);
      const noisy = await Promise.all(shown.map(async ({ name }) => isNoisy(await files.find(({ metrics }) => metrics.includes(name))?.series(name))));
      if (mine !== turn) return;
      /** @param {ComparedRun} run @param {"params" | "tags"} kind @param {string} prefix */
      const values = (run, kind, prefix) => reportgen.comparison.rowsOf([run], kind).map(({ name, cells }) => [prefix + name, cells[0]]);
      /** @type {CurvesSetting} */
      const setting = {
        runs: runs.map((run) => {
          const { k, name, slot, page, config, own } = run;
          return { k, name, slot, page, config, config_slot: own, values: Object.fromEntries([...values(run, "params", "param:"), ...values(run, "tags", "tag:")]) };
        }),
        charts: shown.map(({ name, title, unit, direction }, i) => ({ title, unit, direction, said: "", smooth: noisy[i] ? SMOOTHING : 0, lines: [{ metric: name, label: "", dashed: false }] })),
        group: "",
        smooth: 0,
      };
      curvesPart.hidden = !shown.length;
      if (curves) curves.update(setting);
      else curves = reportgen.curves(curvesPart, setting);
      // Also what is out of sight, since paper does not wait for it.
      await Promise.all(shown.flatMap(({ name }) => files.map((file) => file.series(name))));
    }

    /** Metrics that several runs share, and of which one has more than a point. @param {LoadedRun[]} files */
    function coursesOf(files) {
      const shared = metrics.filter(({ values }) => values.filter((value) => value !== undefined).length >= Math.min(2, runs.length));
      return shared.filter(({ name }) => files.some(({ facts }) => facts.metrics[name]?.count > 1)).slice(0, MAX_CHARTS);
    }

    async function drawRest() {
      if (rest) return;
      await new Promise((resolve) => setTimeout(resolve, PAINTING));
      await load(["compareRest"]);
      if (rest || !runs.length) return;
      rest = reportgen.comparedRest(id);
      root.append(...rest.nodes);
      rest.show(runs);
    }

    /** @param {string[]} said @param {"warn" | "bad"} kind */
    const tell = (said, kind) => notes.append(...said.map((text) => reportgen.note(kind, text)));
    /** @param {Error} error */
    const fail = ({ message }) => tell([`${message}. Reload the page.`], "bad");

    /** What only the runs' own files say: processes and surroundings. */
    async function drawFacts() {
      const mine = turn;
      const compared = runs;
      /** @type {string[]} */
      const lost = [];
      const files = await Promise.allSettled(compared.map((run) => run.file()));
      for (const [i, file] of files.entries()) {
        if (file.status === "fulfilled") compared[i].facts = file.value.facts;
        else lost.push(compared[i].name);
      }
      if (mine !== turn) return;
      table?.show(runs, metrics);
      if (!lost.length) return;
      const names = `${reportgen.comparison.join(lost.slice(0, 5))}${lost.length > 5 ? " and " + (lost.length - 5) + " more" : ""}`;
      tell([`The ${lost.length === 1 ? "file" : "files"} of ${names} cannot be loaded: curves, environment, code and artifacts are missing here.`], "bad");
    }

    // ---- together

    function restore() {
      order = runs = [];
      rest?.show(runs);
      document.title = writtenTitle;
      root.classList.remove("live");
      root.replaceChildren(...written);
    }

    async function show() {
      const mine = ++turn;
      const keys = wanted();
      if (!keys.length) return restore();
      if (!title.isConnected) {
        title.textContent = `Compare ${format.count(keys.length, "run")}`;
        lede.textContent = "Loading";
        root.classList.add("live");
        root.replaceChildren(el("div", { class: "title" }, title), lede, notes);
      }
      try {
        // What has to be read first, the experiment of a run, comes with the scripts.
        if (/^[a-z2-7]{10}$/.test(keys[0])) reportgen.load(`series/${keys[0]}`).catch(() => {});
        const loaded = load(TABLE);
        load(CURVES).catch(() => {}); // who needs them will hear of it
        await loaded;
      } catch (error) {
        lede.textContent = "";
        return fail(/** @type {Error} */ (error));
      }
      const fresh = keys.slice(0, MAX_RUNS).filter((k) => !known.has(k));
      const found = await reportgen.comparison.find(fresh);
      for (const k of fresh) known.set(k, null);
      for (const run of found.runs) known.set(run.k, run);
      for (const text of found.said) told.add(text);
      if (mine !== turn) return;
      order = keys.slice(0, MAX_RUNS).flatMap((k) => known.get(k) || []);
      notes.replaceChildren();
      tell([...told, ...(keys.length > MAX_RUNS ? [`The first ${MAX_RUNS} of ${format.number(keys.length)} runs are compared.`] : [])], "warn");
      if (!order.length) {
        lede.textContent = "There is nothing to compare.";
        title.textContent = "Compare";
        document.title = writtenTitle;
        runs = [];
        rest?.show(runs);
        root.replaceChildren(el("div", { class: "title" }, title, add), lede, notes);
        return;
      }
      const base = order.find((run) => run.k === state.get("base")) || order[0];
      runs = [base, ...order.filter((run) => run !== base)];
      reportgen.comparison.assignSlots(order, base);
      metrics = reportgen.comparison.metricsOf(runs);
      if (!table) {
        table = reportgen.comparedTable(id("metrics"));
        tablePart.append(...table.nodes);
      }
      if (!heads.isConnected) root.replaceChildren(path, el("div", { class: "title" }, title, tools), lede, notes, heads, tablePart, curvesPart, ...(rest?.nodes || []));
      drawTop();
      table.show(runs, metrics);
      rest?.show(runs);
      drawFacts().then(drawCurves).catch(fail).then(drawRest).catch(fail);
    }

    root.querySelector("[data-choose]")?.addEventListener("click", addRuns);
    state.listen(show);
    show().then(() => {
      if (order.length === 1) addRuns();
    });
    // A site that is served while runs train.
    document.addEventListener("reportgen:refresh", (event) => {
      const { data, everything } = /** @type {CustomEvent<{ data: string[], everything: boolean }>} */ (event).detail;
      const own = order.flatMap((run) => [`series/${run.k}`, `tables/${run.experiment.k}`]);
      if (!everything && !own.some((name) => data.includes(name))) return;
      own.forEach(reportgen.forget);
      known.clear();
      told.clear();
      show();
    });
  }

  reportgen.page("compare", start);
})();

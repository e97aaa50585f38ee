// @ts-check
/**
 * What `curves.js` loads when several runs are drawn, or when a reader asks for it: groups, keys of the lines, the rarer
 * controls, exact points, another metric as x, metrics that are not on the page and the search among them, the menu of
 * a chart with its downloads, full screen.
 */
(() => {
  "use strict";

  /** Exact points that are drawn one by one; where there are more, they become an envelope of so many buckets. */
  const MAX_POINTS = 8000;
  const BUCKETS = 2000;
  /** Points before those in view, so that a smoothed line does not start anew at the edge. */
  const WARM_UP = 1000;

  // ---- arrays

  /** @param {ArrayLike<number>} values @param {ArrayLike<number>} order */
  const pick = (values, order) => Float64Array.from(order, (i) => values[i]);

  /** The values of y at `at`, on straight lines between its finite points; NaN outside. All x ascend. @param {Float64Array} at @param {Float64Array} x @param {Float64Array} y */
  function interpolate(at, x, y) {
    const known = [...x.keys()].filter((i) => Number.isFinite(y[i]));
    let next = 0;
    return at.map((wanted) => {
      while (x[known[next]] < wanted) next++;
      const right = known[next];
      const left = x[right] === wanted ? right : known[next - 1];
      const share = (wanted - x[left]) / (x[right] - x[left]) || 0;
      return y[left] + (y[right] - y[left]) * share;
    });
  }

  /** Mean, lowest and highest of as many points each. @param {RunSeries} series @returns {RunSeries} */
  function envelope(series) {
    const { steps, times, values, low, high } = series;
    const n = steps.length;
    const size = Math.ceil(n / BUCKETS);
    const starts = Array.from({ length: Math.ceil(n / size) }, (_, i) => i * size);
    /** @param {Float64Array} column @param {(part: Float64Array) => number} of */
    const each = (column, of) =>
      Float64Array.from(starts, (from) => of(column.subarray(from, from + size).filter(Number.isFinite)));
    return {
      ...series,
      n,
      exact: false,
      steps: pick(steps, starts),
      times: pick(times, starts),
      values: each(values, reportgen.math.mean),
      low: each(low || values, (part) => (part.length ? Math.min(...part) : NaN)),
      high: each(high || values, (part) => (part.length ? Math.max(...part) : NaN)),
    };
  }

  /**
   * The points between two x, one further point behind them, and before them what the smoothing starts from: buckets of
   * a series of millions hold more points than are drawn.
   * @param {RunSeries} series @param {Float64Array} x @param {[number, number]} ends @returns {RunSeries}
   */
  function inView(series, x, [low, high]) {
    const first = x.findIndex((value) => value >= low);
    const from = first < 0 ? x.length - 1 : Math.max(0, first - WARM_UP);
    const to = Math.max(from, x.findLastIndex((value) => value <= high) + 1);
    const part = (/** @type {Float64Array} */ values) => values.subarray(from, to + 1);
    const { steps, times, values } = series;
    const [bottom, top] = [series.low && part(series.low), series.high && part(series.high)];
    return { ...series, steps: part(steps), times: part(times), values: part(values), low: bottom, high: top };
  }

  /** @param {CurvesParts} own @returns {CurvesMore} */
  reportgen.curvesMore = (own) => {
    const { el, format } = reportgen;
    const { host, head, tools, panel, rest, view, change, button, join } = own;

    // ---- groups

    /** @param {string} by @returns {CurvesEntry[]} */
    function group(by) {
      /** @type {Map<string, CurvesEntry & { value: ParamValue | undefined }>} */
      const found = new Map();
      for (const run of own.runs) {
        const about = /** @type {CurvesRun} */ (own.setting.runs.find(({ k }) => k === run.k));
        const config = by === "config";
        const value = config ? about.config : about.values[by];
        const text =
          value === undefined ? "not logged" : typeof value === "string" && value ? value : format.param(value);
        const id = `${by}=${text}`;
        const entry = found.get(id);
        if (entry) {
          entry.runs.push(run);
          entry.page = "";
          continue;
        }
        const name = config ? text : `${own.nameOf(by)} ${text}`;
        found.set(id, {
          id,
          name,
          slot: config ? (about.config_slot ?? about.slot) : about.slot,
          page: about.page,
          runs: [run],
          value,
        });
      }
      const entries = [...found.values()];
      if (by !== "config") {
        entries.sort((a, b) => Number(a.value) - Number(b.value) || 0);
        for (const [i, entry] of entries.entries()) entry.slot = i < 10 ? i + 1 : 0;
      }
      return entries;
    }

    let aside = head.querySelector(".aside");
    const original = aside?.textContent;

    /** Say beside the heading what the lines are. */
    function showAside() {
      const by = own.by();
      if (own.setting.runs.length < 2 || (by === "none" && !head.querySelector("h2"))) return;
      if (!aside) {
        aside = el("p", { class: "aside" });
        tools.before(aside);
      }
      /** @type {Record<string, string>} */
      const bands = {
        "": "from lowest to highest",
        std: "of one standard deviation",
        sem: "of one standard error",
        ci: "of 95 % intervals",
      };
      const n = own.entries.length;
      const groups =
        by === "config" ? format.count(n, "configuration") : `${format.count(n, "group")} by ${own.nameOf(by)}`;
      const said = by === "none" ? format.count(n, "run") : `${groups}: means, band ${bands[view.band]}`;
      aside.textContent = (!own.setting.chosen && !view.by && !view.band && original) || said;
    }

    // ---- keys: one for each run or group, or for each line of the only run's charts

    /** @returns {{ id: string, name: string, slot: number, dashed?: boolean }[]} */
    function keyed() {
      if (own.entries.length > 1) return own.entries;
      const lines = new Map(own.items.flatMap(({ about }) => about.lines.map(({ label, dashed }) => [label, dashed])));
      lines.delete("");
      const slot = own.entries[0]?.slot || 0;
      return Array.from(lines, ([name, dashed]) => ({ id: `line:${name}`, name, slot, dashed }));
    }

    /** `hide` lists what is hidden, or behind `!` the only entries that are not. */
    function hidden() {
      const only = view.hide.startsWith("!");
      const ids = own.ids(view.hide.slice(only ? 1 : 0));
      return (/** @type {string} */ id) => ids.has(id) !== (only && !id.startsWith("line:"));
    }

    function showKeys() {
      const isHidden = hidden();
      const pinned = own.ids(view.pin);
      const list = keyed();
      keys.hidden = list.length < 2;
      host.classList.toggle("keyed", own.entries.length > 1);
      const shape = JSON.stringify(list.map(({ id, slot }) => [id, slot]));
      if (keys.dataset.shape !== shape) {
        keys.dataset.shape = shape;
        keys.replaceChildren(...list.map(makeKey));
        if (own.entries.length > 1) panel.after(keys);
        else panel.append(keys);
      }
      for (const [i, { id }] of list.entries()) {
        const [shown, , pin] = keys.children[i].children;
        shown.ariaPressed = String(!isHidden(id));
        pin.ariaPressed = String(pinned.has(id));
      }
    }

    /** @param {{ id: string, name: string, slot: number, dashed?: boolean }} key */
    function makeKey({ id, name, slot, dashed }) {
      const swatch = reportgen.swatch(slot);
      if (dashed) swatch.classList.add("dashed");
      const pick = (/** @type {() => void} */ act) => () => {
        for (const other of keys.children) other.classList.toggle("current", other === item);
        act();
      };
      const title = "Show or hide; with Alt: show alone";
      const shown = el(
        "button",
        { type: "button", title, onclick: (/** @type {MouseEvent} */ event) => pick(() => hide(id, event.altKey))() },
        swatch,
        " ",
        el("bdi", null, name),
      );
      const only = button(
        "only",
        pick(() => hide(id, true)),
        { class: "act", "aria-label": `Only ${name}` },
      );
      const pin = button(
        "pin",
        pick(() => toggle("pin", id)),
        { class: "act", "aria-label": `Pin ${name}` },
      );
      const item = el("li", { "data-id": id }, shown, only, pin);
      return item;
    }

    /** @param {"pin"} key @param {string} id */
    function toggle(key, id) {
      const ids = own.ids(view[key]);
      if (!ids.delete(id)) ids.add(id);
      change({ [key]: join(ids) });
    }

    /** Show or hide; with `only` show it alone, or all when it is. @param {string} id @param {boolean} only */
    function hide(id, only) {
      const isHidden = hidden();
      const all = keyed().map((one) => one.id);
      const others = all.filter((one) => one !== id);
      const alone = !isHidden(id) && others.every(isHidden);
      const gone = only ? (alone ? [] : others) : all.filter((one) => isHidden(one) !== (one === id));
      const left = all.filter((one) => !gone.includes(one));
      const inverse = own.entries.length > 1 && left.length > 0 && left.length < gone.length;
      change({ hide: inverse ? `!${join(left)}` : join(gone) });
    }

    const keys = el("ul", { class: "curves-keys", "aria-label": "Lines", hidden: true });
    for (const type of ["pointerover", "pointerleave", "focusin", "focusout"]) {
      keys.addEventListener(type, (event) => {
        const over = /pointerover|focusin/.test(type) && /** @type {HTMLElement} */ (event.target).closest("li");
        const id = over ? over.dataset.id || "" : "";
        if (id === own.hot) return;
        own.hot = id;
        own.redraw();
      });
    }

    // ---- controls

    /** @param {string} name @param {0 | 1} end */
    function yEnd(name, end) {
      const set = () => {
        const [low = "", high = ""] = end
          ? [view.yr.split("..")[0], field.value]
          : [field.value, view.yr.split("..")[1]];
        change({ yr: low || high ? `${low}..${high}` : "" });
      };
      const field = el("input", {
        type: "number",
        step: "any",
        "aria-label": name,
        placeholder: "auto",
        onchange: set,
      });
      own.syncs.push(() => {
        field.value = view.yr.split("..")[end] || "";
      });
      return field;
    }

    const groups = own.choice("group by", "by", []);
    const band = own.choice("band", "band", [
      ["", "range"],
      ["std", "std"],
      ["sem", "std error"],
      ["ci", "95 % interval"],
    ]);
    panel.prepend(
      own.segments("x", "xlog", [
        ["", "linear"],
        ["1", "log"],
      ]),
      el("span", null, "y from ", yEnd("y from", 0), " to ", yEnd("y to", 1)),
      own.segments("outliers", "clip", [
        ["", "shown"],
        ["1", "clipped"],
      ]),
      groups.element,
      band.element,
    );
    own.syncs.push(() => {
      band.element.hidden = own.by() === "none";
    });

    /** Offer what the runs differ in to group them by. */
    function fillGroups() {
      const { runs, group: usual } = own.setting;
      const names = new Set(runs.flatMap(({ values }) => Object.keys(values)));
      const differ = (/** @type {(run: CurvesRun) => unknown} */ of) => runs.some((run) => of(run) !== of(runs[0]));
      /** @type {[string, string][]} */
      const options = [["none", "none"]];
      if (differ((run) => run.config)) options.push(["config", "configuration"]);
      for (const name of names) if (differ(({ values }) => values[name])) options.push([name, own.nameOf(name)]);
      groups.fill(options.map(([value, text]) => [value === (usual || "none") ? "" : value, text]));
      groups.element.hidden = options.length < 2;
    }

    // ---- another metric as x

    /** By run and name. @type {WeakMap<LoadedRun, Map<string, RunSeries | null>>} */
    const across = new WeakMap();

    /** @param {LoadedRun} run */
    async function loadX(run) {
      const metric = view.x.slice(2);
      const known = across.get(run) || new Map();
      across.set(run, known);
      if (!known.has(metric)) known.set(metric, await run.series(metric));
    }

    /** @param {RunSeries} series @param {LoadedRun} run */
    function along({ steps }, run) {
      const axis = across.get(run)?.get(view.x.slice(2));
      return axis ? interpolate(steps, axis.steps, axis.values) : steps.map(() => NaN);
    }

    // ---- exact points

    /** @param {CurvesItem} item @param {[number, number]} ends */
    async function refine(item, ends) {
      const closer = own.part();
      const { runs } = own;
      if (item.loaded !== runs) return;
      item.closer = closer;
      /** @type {CurvesItem["exact"]} */
      const found = new Map();
      const done = await Promise.allSettled(
        [...item.series].map(async ([key, whole]) => {
          const run = runs.find(({ k }) => key.startsWith(`${k} `));
          if (whole.exact || !run) return;
          const x = own.xOf(whole, run);
          const from = x.findIndex((value, i) => value >= ends[0] || x[i + 1] > ends[0]);
          const to = x.findLastIndex((value) => value <= ends[1]);
          if (from < 0 || to < from) return;
          // The steps of a bucket reach up to those of the next.
          const points = await run.exact(
            key.slice(run.k.length + 1),
            whole.steps[from],
            whole.steps[to + 1] ?? Infinity,
          );
          if (!points) return;
          const seen = inView(points, own.xOf(points, run), ends);
          found.set(key, seen.steps.length > MAX_POINTS ? envelope(seen) : seen);
        }),
      );
      if (closer !== own.part() || item.loaded !== runs) return;
      const fault = done.find((one) => one.status === "rejected");
      if (fault) sayMissing(/** @type {PromiseRejectedResult} */ (fault).reason);
      if (!found.size) return;
      item.exact = found;
      item.drawn = -1;
      own.wake();
    }

    /** @param {any} reason */
    async function sayMissing(reason) {
      const index = await reportgen.index().catch(() => null);
      const dropped = index && own.runs.some(({ k }) => index.dropped.includes(k));
      const why = dropped
        ? `they were left out to keep the site below ${format.number(index.max_site_mb)} MB; a build with a larger max_site_mb has them`
        : `${reason.message || reason}; building the site again brings them back`;
      own.say("tiles", `Exact points cannot be drawn, the envelope from lowest to highest stays: ${why}.`);
    }

    // ---- metrics that are not on the page, and search

    const found = el("span", { class: "found", role: "status" });
    tools.querySelector("input")?.after(found);
    let made = "";

    function makeMore() {
      const names = JSON.stringify(own.more);
      if (names === made) return;
      made = names;
      own.remove(own.moreItems);
      rest.replaceChildren(/** @type {Element} */ (rest.firstElementChild));
      own.moreItems = [];
      const prefix = (/** @type {CurvesChart} */ { title }) => title.slice(0, Math.max(0, title.indexOf("/")));
      const prefixes = [...new Set(own.more.map(prefix))];
      for (const name of prefixes) {
        const charts = own.more.filter((about) => prefix(about) === name);
        const figures = charts.map(() => el("figure"));
        own.moreItems.push(...charts.map((about, i) => own.adopt(figures[i], about)));
        const grid = el("div", { class: host.querySelector(".charts") ? "charts minor" : "plots" }, ...figures);
        const count = el("span", { class: "more" }, format.count(charts.length, "chart"));
        const summary = el("summary", null, el("h3", { dir: "auto" }, name), " ", count);
        const folded = name && prefixes.length > 1;
        rest.append(folded ? el("details", { class: "part", open: true, "data-part": name }, summary, grid) : grid);
      }
    }

    /** Show the charts that are looked for, and unfold what is open. */
    function sift() {
      const words = view.find.toLowerCase().split(/\s+/).filter(Boolean);
      const open = own.ids(view.open);
      const looking = words.length > 0;
      const elsewhere = view.full && !own.items.some(({ id }) => id === view.full);
      if (looking || elsewhere || open.has("all")) {
        own.wake();
        makeMore();
      }
      let hits = 0;
      for (const { about, figure } of own.items) {
        const text = [about.title, ...about.lines.map(({ metric }) => metric)].join(" ").toLowerCase();
        figure.hidden = !large && !words.every((word) => text.includes(word));
        if (!figure.hidden) hits++;
      }
      for (const part of /** @type {NodeListOf<HTMLDetailsElement>} */ (
        host.querySelectorAll("[data-part], .charts, .plots")
      )) {
        part.hidden = part === rest && !own.more.length;
        if (looking && !part.querySelector("figure:not([hidden])")) part.hidden = true;
        const name = part.dataset.part;
        if (!name) continue;
        part.dataset.first ??= String(part.open);
        part.open = looking || open.has(name) || (part.dataset.first === "true" && !open.has(`-${name}`));
      }
      const count = `${format.number(hits)} of ${format.number(own.items.length)}`;
      found.textContent = looking ? (hits ? count : "no metric matches") : "";
    }

    // ---- the menu of a chart

    const menu = el("div", { class: "curves-menu", popover: "auto" });
    host.append(menu);

    /** @param {CurvesItem} item @param {(act: () => void) => () => void} then */
    function actions(item, then) {
      const kinds = /** @type {const} */ (["png", "svg", "csv"]);
      const download = async (/** @type {typeof kinds[number]} */ kind) => {
        try {
          await reportgen.script("export");
          if (item.live) await reportgen.exportChart(item.live, kind);
        } catch (error) {
          own.say(
            "export",
            `The ${kind.toUpperCase()} cannot be made: ${/** @type {Error} */ (error).message}.`,
            "bad",
          );
        }
      };
      const downloads = kinds.map((kind) =>
        button(
          `Download ${kind.toUpperCase()}`,
          then(() => download(kind)),
        ),
      );
      return [
        ...downloads,
        button(
          "Copy link",
          then(() => copyLink(item.id)),
        ),
      ];
    }

    /** @param {CurvesItem} item @param {HTMLElement} from */
    function showMenu(item, from) {
      const then = (/** @type {() => void} */ act) => () => {
        menu.hidePopover();
        act();
      };
      menu.replaceChildren(
        button(
          "Full screen",
          then(() => change({ full: item.id })),
        ),
        ...actions(item, then),
      );
      const { bottom, right } = from.getBoundingClientRect();
      menu.style.top = `${bottom + scrollY}px`;
      menu.style.right = `${document.documentElement.clientWidth - right}px`;
      menu.showPopover();
      menu.querySelector("button")?.focus();
    }

    /** @param {string} id */
    async function copyLink(id) {
      own.write();
      try {
        await navigator.clipboard.writeText(reportgen.state.link({ full: id }));
        reportgen.announce("Link copied");
      } catch {
        change({ full: id });
        reportgen.announce("The address of this page is the link now");
      }
    }

    // ---- full screen

    /** @type {{ dialog: HTMLDialogElement, item: CurvesItem } | null} */
    let large = null;

    function showFull() {
      if (large && large.item.id !== view.full) large.dialog.close();
      const wanted = own.items.find(({ id }) => id === view.full);
      if (!wanted || large) return;
      const figure = el("figure");
      const item = own.makeItem(figure, wanted.about);
      const moved = [tools, panel, ...(panel.contains(keys) ? [] : [keys])];
      const dialog = el("dialog", { class: "curves-full", "aria-label": wanted.about.title }, ...moved, figure);
      const close = button("Close", () => dialog.close());
      item.caption.append(el("span", { class: "acts" }, ...actions(item, (act) => act), close));
      dialog.addEventListener("close", () => {
        large = null;
        own.remove([item]);
        head.append(tools);
        head.after(...moved.slice(1));
        dialog.remove();
        if (view.full === item.id) change({ full: "" });
      });
      host.append(dialog);
      dialog.showModal();
      close.focus();
      large = { dialog, item };
      item.seen = true;
      own.wake();
    }

    function show() {
      sift();
      showFull();
      showKeys();
      showAside();
    }
    function loaded() {
      fillGroups();
      own.sync();
      show();
    }
    function destroy() {
      large?.dialog.close();
      for (const element of [keys, menu, found]) element.remove();
    }
    return { show, loaded, group, hidden, loadX, along, refine, toggle, menu: showMenu, destroy };
  };
})();

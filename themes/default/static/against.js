// @ts-check
/**
 * Some runs against all runs of their experiments: parallel coordinates, and below them one of four plots. This part
 * decides what is shown and keeps it in the address: `axes` and `brush` of the parallel coordinates, `plot` and `metric`
 * below, `scatter` for its two axes and its colour. `dimensions.js`, `parallel.js` and `plots.js` do the rest.
 */
(() => {
  "use strict";

  const { el, state } = reportgen;
  const { FEW, isGrouping, rangeOf, rangeTexts, escaped, unescaped, rankParams, makeModel, foldedTable } =
    reportgen.dimensions;

  const NARROW = 600;

  // ---- the view and the address

  /** @param {string | null} text */
  const listed = (text) => (text || "").split(",").map(unescaped);

  /**
   * Params that say most about the leading metric, the closest beside the metrics; then the headline metrics, the
   * leading one last.
   * @param {AgainstModel} model
   * @param {number} most
   */
  function defaultAxes(model, most) {
    const metrics = model.headline.slice(0, most > 6 ? 3 : 2);
    const telling = (metrics.length ? rankParams(model, metrics[0]) : model.params).filter(({ id }) => {
      const { names, distinct } = model.get(id);
      return distinct.length > 1 && (!names || (names.length <= 20 && (names.length < model.n || model.n <= FEW)));
    });
    const params = telling.slice(0, Math.min(8, most - metrics.length)).map(({ id }) => id);
    const axes = metrics.length ? [...params.reverse(), ...metrics.reverse()] : params;
    return model.facts[0].id === "experiment" ? ["experiment", ...axes] : axes;
  }

  /**
   * @param {AgainstModel} model
   * @param {number} most axes at first
   * @param {(key: string) => string | null} read
   * @returns {AgainstView}
   */
  function readView(model, most, read) {
    /** @param {string | undefined} id @param {string} otherwise */
    const known = (id, otherwise) => (id && model.has(id) ? id : otherwise);
    const axes = [...new Set(listed(read("axes")))].filter(model.has);
    const [plot, ...extra] = listed(read("plot"));
    const metric = known(`metric:${read("metric")}`, model.headline[0] || "");
    const [x, y, colour, logs] = listed(read("scatter"));
    const ranked = metric ? rankParams(model, metric).map(({ id }) => id) : [];
    const numbers = ranked.filter((id) => !model.get(id).names);
    const few = ranked.filter((id) => isGrouping(model.get(id)));
    const view = {
      axes: axes.length > 1 ? axes : defaultAxes(model, most),
      brush: new Map(),
      plot: Object.hasOwn(reportgen.plots, plot) ? plot : "scatter",
      metric,
      x: known(x, ranked[0] || model.headline[1] || "start"),
      y: known(y, metric || "duration"),
      colour: known(colour, ""),
      logs: /^(x|y|xy|-)$/.test(logs || "") ? logs : "",
      by: plot === "box" && isGrouping(model.get(known(extra[0], "start"))) ? extra[0] : few[0] || "",
      plane: plot === "contour" && extra.length === 2 && extra.every(model.has) ? extra : numbers.slice(0, 2),
    };
    for (const part of (read("brush") || "").split(",").filter(Boolean)) {
      const [id, from, to] = part.split("!").map(unescaped);
      const range = view.axes.includes(id) && to !== undefined ? rangeOf(model.get(id), from, to) : null;
      if (range) view.brush.set(id, range);
    }
    return view;
  }

  /**
   * @param {AgainstModel} model
   * @param {AgainstView} view
   * @param {AgainstView} usual what the address need not say
   */
  function writeView(model, view, usual) {
    /** @param {string[]} ids */
    const join = (ids) => ids.map(escaped).join(",");
    const brush = [...view.brush].map(([id, range]) =>
      [id, ...rangeTexts(model.get(id), range)].map(escaped).join("!"),
    );
    /** @param {AgainstView} of */
    const scatter = ({ x, y, colour, logs }) => join([x, y, colour, logs]).replace(/,+$/, "");
    /** @param {AgainstView} of */
    const extra = ({ by, plane }) => (view.plot === "box" ? [by] : view.plot === "contour" ? plane : []);
    const plot = [view.plot, ...(join(extra(view)) === join(extra(usual)) ? [] : extra(view))];
    state.set({
      axes: join(view.axes) === join(usual.axes) ? null : join(view.axes),
      brush: brush.join(",") || null,
      scatter: scatter(view) === scatter(usual) ? null : scatter(view),
      plot: join(plot) === "scatter" ? null : join(plot),
      metric: view.metric === model.headline[0] ? null : view.metric.slice("metric:".length),
    });
  }

  // ---- the section

  /**
   * @param {HTMLElement} host
   * @param {AgainstSetting} setting
   */
  function against(host, setting) {
    /** @type {ReturnType<typeof show> | null} */
    let section = show(host, setting);
    return {
      /** @param {AgainstSetting} next */
      update(next) {
        section?.destroy();
        section = show(host, next);
      },
      destroy() {
        section?.destroy();
        section = null;
      },
    };
  }

  /**
   * @param {HTMLElement} host
   * @param {AgainstSetting} setting
   */
  function show(host, { tables, runs }) {
    const model = makeModel(tables);
    const index = new Map(model.k.map((k, i) => [k, i]));
    const shown = runs
      .filter(({ k }) => index.has(k))
      .map(({ k, slot, name }) => ({ i: Number(index.get(k)), slot, name }));
    const root = el("div", { class: "against" });
    const stop = new AbortController();
    host.replaceChildren(root);
    const possible = model.params.length + model.metrics.length > 1 && model.n > 1;
    if (!possible) {
      root.append(
        el("p", { class: "lacking" }, "These runs differ in nothing that could be drawn against each other."),
      );
      return { destroy: () => root.remove() };
    }

    const most = host.clientWidth < NARROW ? 4 : Math.max(5, Math.min(11, Math.floor(host.clientWidth / 110)));
    const read = () => readView(model, most, state.get);
    const usual = () => readView(model, most, (key) => (key === "metric" ? state.get("metric") : null));
    let view = read();

    const parallel = reportgen.parallel(
      root,
      model,
      shown,
      () => view,
      () => writeView(model, view, usual()),
    );
    let room = 0;
    const heading = el("div", { class: "against-head" });
    const pair = el("div", { class: "against-pair" });
    if (model.headline.length) root.append(heading, pair);

    /** @param {Partial<AgainstView>} changes */
    function change(changes) {
      const before = usual();
      view = { ...view, ...changes };
      writeView(model, view, before);
      view = read();
      drawBelow();
    }

    function drawBelow() {
      if (!model.headline.length) return;
      const focused = root.contains(document.activeElement) && document.activeElement?.getAttribute("data-focus");
      const buttons = Object.entries(reportgen.plots).map(([id, { title }]) =>
        el(
          "button",
          {
            type: "button",
            "aria-pressed": String(view.plot === id),
            "data-focus": `plot ${id}`,
            onclick: () => change({ plot: id }),
          },
          title,
        ),
      );
      heading.replaceChildren(el("div", { class: "segments", role: "group", "aria-label": "Plot" }, ...buttons));
      const figure = el("figure", null);
      const side = el("div", { class: "against-side" });
      pair.replaceChildren(figure, side);
      room = figure.clientWidth;
      const drawn = reportgen.plots[view.plot].draw({ model, shown, view, room, host: root, change });
      if (drawn.title)
        figure.append(el("figcaption", null, el("b", null, drawn.title), el("span", { class: "unit" }, drawn.note)));
      figure.append(drawn.body);
      if (drawn.table) figure.append(foldedTable(drawn.table.title, drawn.table.read).details);
      side.append(...drawn.controls, ...drawn.said);
      for (const [j, field] of side.querySelectorAll("select, input").entries())
        field.setAttribute("data-focus", `field ${j}`);
      if (focused) /** @type {HTMLElement | null} */ (root.querySelector(`[data-focus="${focused}"]`))?.focus();
    }

    let width = 0;
    // The style sheet may come after the first drawing, and change the width of a part alone.
    function fit() {
      const settled = root.clientWidth === width && (pair.querySelector("figure")?.clientWidth ?? room) === room;
      if (settled || !root.clientWidth) return;
      width = root.clientWidth;
      parallel.draw();
      drawBelow();
    }
    fit();
    const observer = new ResizeObserver(fit);
    observer.observe(root);
    const { signal } = stop;
    const repaint = () => {
      parallel.paint();
      drawBelow();
    };
    document.addEventListener("reportgen:mode", repaint, { signal });
    addEventListener("beforeprint", parallel.print, { signal });
    addEventListener("afterprint", parallel.endPrint, { signal });
    matchMedia("print").addEventListener(
      "change",
      ({ matches }) => (matches ? parallel.print() : parallel.endPrint()),
      { signal },
    );
    state.listen(() => {
      if (signal.aborted) return;
      view = read();
      parallel.draw();
      drawBelow();
    });
    return {
      destroy() {
        stop.abort();
        observer.disconnect();
        root.remove();
      },
    };
  }

  reportgen.against = against;
})();

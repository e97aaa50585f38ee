// @ts-check
/**
 * The table of the runs of one experiment, or of all, in place of the one that the build wrote: filter, views, groups,
 * order, columns and their widths, a baseline, and a selection that leads to the comparison. What is shown is in the
 * address, as `q view group sort cols wide base sel fold`; what is as usual is not.
 *
 * The page says where it goes: `[data-table]` is its place, `[data-still]` is what it takes the place of (table.css).
 */
(() => {
  "use strict";

  const { el, svg, format, state } = reportgen;

  /** Runs that the address remembers as selected, and that one comparison takes. */
  const MAX_SELECTED = 200;
  /** Params that the table can be grouped by. */
  const MAX_GROUPINGS = 40;
  /** @type {[status: string, title: string][]} */
  const STATUSES = [["finished", "Finished"], ["unfinished", "Unfinished"], ["failed", "Failed"], ["stopped", "Stopped"]];
  /** px of a column that an address may ask for. */
  const WIDTHS = { least: 40, most: 2000 };
  const STRIP_WIDTH = { wide: 138, narrow: 84 };
  const WHY_HEIGHT = 16;
  /** px of the sign of the order; its number, where several columns have one, is in the padding. */
  const SORT_WIDTH = 12;
  const SAMPLE = 60;
  /** What may be a filter (filter.js knows): it is loaded then. */
  const FILTER = /[=<>!]|\b(?:i?like|in|is|between|contains)\b/i;
  const narrow = matchMedia("(max-width: 760px)");

  /** @typedef {{ tables: ExperimentTable[], lack: string }} Loaded what is there, and what is said of the rest */

  /** The keys of the page act on the table that was used last. @type {{ find(): void, rebase(): void }[]} */
  const tables = [];

  // ---- lists in the address: `,` and `\` in a name get a `\` in front

  /** @param {string[]} names */
  const join = (names) => names.map((name) => name.replace(/[,\\]/g, "\\$&")).join(",");
  /** @param {string | null} text */
  const split = (text) => ((text || "").match(/(?:\\.|[^,\\])+/gs) || []).map((name) => name.replace(/\\(.)/gs, "$1"));

  /** @param {RunSet} set @returns {RunsView} */
  function readView(set) {
    const known = new Map(set.fact("k").map((k, row) => [k, row]));
    const sort = split(state.get("sort")).flatMap((id) => {
      const column = set.byId(id) || set.byId(id.replace(/^-/, ""));
      return column && column.kind !== "drawn" ? [{ column, down: column.id !== id }] : [];
    });
    const cols = split(state.get("cols")).flatMap((id) => set.byId(id) ?? []);
    const [fold, ...but] = split(state.get("fold"));
    const wide = split(state.get("wide")).flatMap((text) => {
      const [, id, width] = /^(.+):(\d+)$/s.exec(text) || [];
      const column = id && set.byId(id);
      return column ? [/** @type {[string, number]} */ ([column.id, Math.min(Math.max(+width, WIDTHS.least), WIDTHS.most)])] : [];
    });
    return {
      q: state.get("q") || "",
      view: state.get("view") || "",
      group: state.get("group"),
      sort: sort.length ? sort : null,
      cols: state.get("cols") === null ? null : set.columns.filter((column) => cols.includes(column)),
      widths: new Map(wide),
      base: known.get(state.get("base") || "") ?? null,
      selected: new Set(split(state.get("sel")).flatMap((k) => known.get(k) ?? [])),
      fold: fold === "all" || fold === "none" ? { open: fold === "none", but: new Set(but) } : null,
    };
  }

  /** A view as the address holds it. @param {RunSet} set @param {RunsView} view @returns {Record<string, string | null>} */
  function keysOf(set, { q, view, group, selected, fold, sort, cols, widths, base }) {
    const keys = set.fact("k");
    return {
      q: q.trim() || null,
      view: view || null,
      group,
      sort: sort && join(sort.map(({ column, down }) => (down ? "-" : "") + column.id)),
      cols: cols && join(cols.map(({ id }) => id)),
      wide: widths.size ? join(Array.from(widths, ([id, width]) => `${id}:${width}`)) : null,
      base: base === null ? null : keys[base],
      sel: selected.size && selected.size <= MAX_SELECTED ? join([...selected].map((row) => keys[row])) : null,
      fold: fold && join([fold.open ? "none" : "all", ...fold.but]),
    };
  }

  /** What is shown, with all digits and whole names. @param {RunSet} set @param {RunColumn[]} columns @param {number[]} rows */
  function csvOf(set, columns, rows) {
    const shown = columns.filter(({ kind, id }) => kind !== "drawn" && id !== "run_id"); // the id comes first
    const ids = set.fact("id");
    /** @param {RunColumn} column */
    const nameOf = ({ kind, id, name, infos }) => {
      if (kind === "fact") return id;
      const summary = kind === "metric" ? `.${infos.find(Boolean)?.summary}` : "";
      return `${kind}s.${name}${summary}`;
    };
    /** @param {RunColumn} column @param {number} row */
    const write = (column, row) => {
      const value = column.values()[row];
      if (column === set.name) return set.nameOf(row);
      if (column.id === "experiment") return set.tables[set.tableOf[row]].name;
      if (value === undefined) return null;
      if (column.id === "updated" || column.id === "started") return new Date(Number(value) * 1000).toISOString();
      return typeof value === "number" ? value : column.kind === "fact" ? String(value) : format.param(/** @type {any} */ (value));
    };
    const lines = rows.map((row) => [ids[row], ...shown.map((column) => write(column, row))]);
    return reportgen.csv([["run_id", ...shown.map(nameOf)], ...lines]);
  }

  /**
   * @param {HTMLElement} root
   * @param {() => Promise<Loaded>} load
   */
  async function start(root, load) {
    const place = /** @type {HTMLElement | null} */ (root.querySelector("[data-table]"));
    if (!place) return;
    try {
      const [made] = await Promise.all([load(), reportgen.script("math")]);
      await show(root, place, made, load);
    } catch (error) {
      const what = error instanceof Error ? error.message : error;
      place.replaceChildren(reportgen.note("bad", `The table cannot be sorted or filtered: ${what}. What follows is from the build.`));
    }
  }

  /**
   * @param {HTMLElement} root
   * @param {HTMLElement} place
   * @param {Loaded} loaded
   * @param {() => Promise<Loaded>} load
   */
  async function show(root, place, loaded, load) {
    let set = reportgen.runSet(loaded.tables);
    let cells = reportgen.runCells(set);
    const aside = place.closest("section")?.querySelector(".head .aside");

    let view = readView(set);
    /** Rows that a filter in `view.q` finds, null when it is words. @type {Uint8Array | null} */
    let mask = null;
    /** Why it finds none, if that can be said. */
    let lack = "";
    /** Rows that match, in their order. @type {number[]} */
    let rows = [];
    /** @type {RunGroup[]} */
    let groups = [];
    /** What the grid shows: rows, and groups as -1 - number. @type {number[]} */
    let entries = [];
    /** The group of each row, by number. */
    let groupOf = new Int32Array(0);
    /** @type {RunColumn[]} */
    let columns = [];
    /** @type {RunLook} */
    let look;
    /** The row whose box was changed last, where a range of them starts. */
    let anchor = -1;

    /** Other parts of the page may have keys of the same name, so only what changes is written. @param {Partial<RunsView>} changes */
    function write(changes) {
      const before = keysOf(set, view);
      view = { ...view, ...changes };
      state.set(Object.fromEntries(Object.entries(keysOf(set, view)).filter(([key, value]) => value !== before[key])));
    }

    /** @param {Partial<RunsView>} changes */
    function change(changes) {
      write(changes);
      update();
    }

    // ---- what is shown

    /** @param {string} name @returns {(row: number) => boolean} */
    function inView(name) {
      const status = set.fact("status");
      if (name === "best" && set.leading) return (row) => set.bestOfConfigs().has(row);
      return STATUSES.some(([known]) => known === name) ? (row) => status[row] === name : () => true;
    }

    const usualGroup = () => (set.repeated && !set.several && view.view !== "best" ? "config" : "none");
    function grouping() {
      const by = view.group ?? usualGroup();
      if (by === "config" || (by === "experiment" && set.several) || set.byId(by)) return by;
      return "none";
    }

    /** @param {RunGroup} group */
    function isOpen(group) {
      if (!view.fold) return group === groups[0];
      return view.fold.open !== view.fold.but.has(group.id);
    }

    function arrange() {
      const found = mask;
      const matches = found ? (/** @type {number} */ row) => found[row] === 1 : set.matcher(view.q);
      const wanted = inView(view.view);
      const sort = view.sort || set.usualSort();
      const by = grouping();
      rows = set.sortRows(set.ranking().filter((row) => wanted(row) && matches(row)), sort);
      groups = by === "none" ? [] : set.sortGroups(set.makeGroups(rows, by), sort);
      groupOf = new Int32Array(set.n).fill(-1);
      groups.forEach((group, g) => {
        for (const row of group.rows) groupOf[row] = g;
      });
      entries = by === "none" ? rows : groups.flatMap((group, g) => (isOpen(group) ? [-1 - g, ...group.rows] : [-1 - g]));
      columns = [set.name, ...(view.cols || set.usualColumns(narrow.matches))];
    }

    /** The axis of the strips: the same whatever is filtered. */
    function makeAxis() {
      const width = narrow.matches ? STRIP_WIDTH.narrow : STRIP_WIDTH.wide;
      const { leading } = set;
      if (!leading) return null;
      const values = /** @type {number[]} */ (leading.values());
      if (grouping() === "none") return set.stripAxis(values, values, width);
      const spreads = set.allGroups(grouping()).map((group) => set.spreadOf(group, leading));
      return set.stripAxis(spreads.flatMap((spread) => spread.values), spreads.map(({ mean }) => mean ?? Number.NaN), width);
    }

    /** What is made anew only when the layout changes: widths by column, the axis. @type {Map<string, any>} */
    const layout = new Map();
    let layoutOf = "";
    /** @template V @param {string} key @param {() => V} make @returns {V} */
    function laidOut(key, make) {
      const now = [grouping(), view.base !== null, narrow.matches].join();
      if (now !== layoutOf) layout.clear();
      layoutOf = now;
      if (!layout.has(key)) layout.set(key, make());
      return layout.get(key);
    }

    /** What all cells of one drawing share. */
    function makeLook() {
      /** @template V @param {(column: RunColumn) => V} make @returns {(column: RunColumn) => V} */
      const once = (make) => {
        /** @type {Map<RunColumn, V>} */
        const made = new Map();
        return (column) => {
          if (!made.has(column)) made.set(column, make(column));
          return /** @type {V} */ (made.get(column));
        };
      };
      look = {
        axis: laidOut("axis", makeAxis),
        base: view.base,
        now_ms: Date.now(),
        counted: grouping() === "config" ? columns.find(({ seed }) => seed) || null : null,
        decimals: once((column) => set.meanDecimals(groups, column)),
        best: once((column) => set.bestMean(groups, column)),
        rebase: (row) => change({ base: view.base === row ? null : row }),
      };
    }

    // ---- columns of the grid

    const pen = /** @type {CanvasRenderingContext2D} */ (document.createElement("canvas").getContext("2d"));
    /** @param {string} text @param {string} font */
    function widthOf(text, font) {
      pen.font = font;
      return pen.measureText(text).width;
    }

    /** The width that a column needs for its head and what stands in some of its rows. @param {RunColumn} column @param {string} family */
    function naturalWidth(column, family) {
      if (column.kind === "drawn") return column.id === "spark" ? 100 : (look.axis?.width ?? STRIP_WIDTH.wide) + (narrow.matches ? 8 : 16);
      const step = Math.max(1, Math.floor(set.n / SAMPLE));
      const font = `400 13px ${family}`;
      let widest = 0;
      for (let row = 0; row < set.n; row += step) widest = Math.max(widest, widthOf(cells.text(column, row, look.now_ms), font));
      if (column === set.name) {
        const counts = look.counted ? 0 : widthOf("3 of 4 runs", `400 12px ${family}`) + 6;
        for (const group of groups.slice(0, SAMPLE)) widest = Math.max(widest, widthOf(group.label, `600 13px ${family}`) + 20 + counts);
        return narrow.matches ? 112 : Math.min(Math.max(widest + 58, 170), 320);
      }
      if (column === look.counted) {
        for (const group of groups.slice(0, SAMPLE)) widest = Math.max(widest, widthOf(cells.countOf(group, "seed"), font));
      }
      if (column.id === "duration") {
        for (const group of groups.slice(0, SAMPLE)) widest = Math.max(widest, widthOf(format.duration(set.groupFact(group, column)), font));
      }
      const mixed = (/** @type {RunGroup} */ { rows: own }) => new Set(own.map((one) => column.values()[one])).size > 1;
      if (column.kind === "param" && column !== look.counted && groups.slice(0, SAMPLE).some(mixed)) widest = Math.max(widest, widthOf("10 values", font));
      const about = column.kind === "metric" ? aboutOf(column) : "";
      const title = column.title.length > 24 ? column.title.slice(0, 18) : column.title;
      const headWidth = Math.max(widthOf(title, `500 12.5px ${family}`) + SORT_WIDTH, widthOf(about, `400 12px ${family}`));
      if (column.kind === "metric") {
        widest += 14;
        if (groups.length && column === set.leading) {
          for (const group of groups.slice(0, SAMPLE)) {
            const { mean, half } = set.spreadOf(group, column);
            const decimals = look.decimals(column);
            const interval = narrow.matches ? "" : ` ± ${format.number(half, decimals)}`;
            widest = Math.max(widest, widthOf(format.number(mean, decimals) + interval, font) + 10);
          }
        }
        if (view.base !== null && !narrow.matches) widest += 76;
      }
      return Math.min(Math.max(widest, headWidth), column.kind === "metric" ? 400 : 220) + (narrow.matches ? 10 : 16);
    }

    /** The width that the reader chose; on a phone the name leaves room for another column. @param {RunColumn} column */
    function widthOfReader(column) {
      const chosen = view.widths.get(column.id);
      return chosen && column === set.name && narrow.matches ? Math.min(chosen, innerWidth / 2) : chosen;
    }

    /** @param {RunColumn} metric */
    function aboutOf({ infos }) {
      const { summary, unit, direction } = /** @type {MetricColumn} */ (infos.find(Boolean));
      const arrow = direction === "max" ? " ↑" : direction === "min" ? " ↓" : "";
      return (unit ? `${summary}, ${unit}` : summary) + arrow;
    }

    /** @param {RunColumn} column */
    function sortOf(column) {
      const sort = view.sort || set.usualSort();
      const at = sort.findIndex((key) => key.column === column);
      return at < 0 ? null : { at, down: sort[at].down, several: sort.length > 1 };
    }

    /** @param {RunColumn} column @returns {Node[]} */
    function drawHead(column) {
      const sorted = sortOf(column);
      const place = sorted?.several ? el("span", { class: "place" }, `${sorted.at + 1}`) : null;
      const sign = sorted && el("span", { class: "sort", "aria-hidden": "true" }, sorted.down ? "▾" : "▴", place);
      if (column.id === "strip" && column.kind === "drawn") {
        return [el("span", { class: "hidden" }, column.title), ...(look.axis ? [reportgen.runCells.drawAxis(look.axis)] : [])];
      }
      const title = column === set.name ? (groups.length ? (grouping() === "config" ? "Configuration and run" : "Group and run") : "Run") : column.title;
      const about = column.kind === "metric" ? aboutOf(column) : column.id === "spark" && column.kind === "drawn" ? "by step" : "";
      const name = el("span", { class: `metric${title.length > 24 ? " long" : ""}`, dir: "auto" }, title);
      const fold = column === set.name && groups.length ? drawFoldAll() : null;
      return [el("span", { class: "head-text" }, el("span", { class: "head-line" }, fold, name, sign), about ? el("span", { class: "about" }, about) : null)];
    }

    function drawFoldAll() {
      const open = groups.every(isOpen);
      const said = open ? "Fold all" : "Unfold all";
      return el("button", { type: "button", class: "fold-all", tabindex: -1, "aria-label": said, title: said, onclick: () => change({ fold: { open: !open, but: new Set() } }) }, open ? "▾" : "▸");
    }

    /** @param {"all" | "some" | "none"} checked @param {string} label */
    function drawBox(checked, label) {
      const box = el("input", { type: "checkbox", class: "box", tabindex: -1, "aria-label": label, checked: checked === "all" });
      box.indeterminate = checked === "some";
      return box;
    }

    /** @param {number[]} of */
    function checkedOf(of) {
      const count = of.reduce((sum, row) => sum + Number(view.selected.has(row)), 0);
      return count === 0 ? "none" : count === of.length ? "all" : "some";
    }

    /** @returns {GridColumn[]} */
    function gridColumns() {
      const family = getComputedStyle(place).fontFamily;
      const made = columns.map((column) => {
        const sorted = sortOf(column);
        const chosen = widthOfReader(column);
        return /** @type {GridColumn} */ ({
          id: column.id,
          width: chosen ?? laidOut(`${column.kind} ${column.id}`, () => Math.ceil(naturalWidth(column, family))),
          fixed: chosen !== undefined || column.kind === "drawn" || (narrow.matches && column !== set.name),
          resizable: column.kind !== "drawn",
          class: [column.numeric || column === look.counted ? "num" : "", column.kind === "drawn" ? `drawn-${column.id}` : `of-${column.kind}`, TONES[column.id] || ""].join(" "),
          sort: sorted && sorted.at === 0 ? (sorted.down ? "descending" : "ascending") : null,
          head: () => drawHead(column),
        });
      });
      const all = checkedOf(rows);
      made.unshift({ id: "", width: narrow.matches ? 28 : 34, fixed: true, resizable: false, class: "boxes", sort: null, head: () => [drawBox(all, "Select all runs that are shown")] });
      return made;
    }

    /** @param {HTMLElement} cell @param {number} i @param {number} c */
    function fill(cell, i, c) {
      const entry = entryOf(i);
      if (entry < 0) {
        const group = groups[-1 - entry];
        if (c === 0) cell.append(drawBox(checkedOf(group.rows), `Select the runs of ${group.label}`));
        else cells.group(cell, columns[c - 1], group, look, isOpen(group));
      } else if (c === 0) cell.append(drawBox(view.selected.has(entry) ? "all" : "none", `Select ${set.fact("name")[entry]}`));
      else cells.run(cell, columns[c - 1], entry, look, (i >= 0 && groups[groupOf[entry]]) || null, i < 0);
    }

    /** px of a row, from the style sheet. */
    let height = 35;
    /** @param {number} i */
    const entryOf = (i) => (i < 0 ? /** @type {number} */ (view.base) : entries[i]);
    /** @param {number} i */
    const hasWhy = (i) => i >= 0 && entries[i] >= 0 && Boolean(set.fact("error")[entries[i]]);

    /** @param {number} i @returns {GridRow} */
    function row(i) {
      const entry = entryOf(i);
      if (entry < 0) {
        const group = groups[-1 - entry];
        return { class: "group-row", level: 1, expanded: isOpen(group), selected: checkedOf(group.rows) === "all" };
      }
      const classes = [set.fact("status")[entry], i < 0 ? "baseline" : "", hasWhy(i) ? "with-why" : ""];
      return { class: classes.join(" "), level: i >= 0 && groups.length ? 2 : 1, selected: view.selected.has(entry) };
    }

    /** @returns {GridSetting} */
    const setting = () => ({
      label: "Runs",
      tree: groups.length > 0,
      pinned: view.base !== null,
      rows: entries.length,
      columns: gridColumns(),
      height: (i) => (hasWhy(i) ? height + WHY_HEIGHT : height),
      key: (i) => (entries[i] < 0 ? `group ${groups[-1 - entries[i]].id}` : String(entries[i])),
      row,
      fill,
    });

    // ---- acts of the grid

    /** @param {number} c @param {boolean} add */
    function sortBy(c, add) {
      const column = columns[c - 1];
      if (!column || column.kind === "drawn") return;
      const direction = column.infos.find(Boolean)?.direction;
      const down = direction ? direction === "max" : column.kind === "metric" || (column.kind === "fact" && column.numeric);
      const before = view.sort || set.usualSort();
      const own = before.find((key) => key.column === column);
      const turned = own && own.down !== down;
      /** @type {SortKey[]} */
      let sort;
      if (!own) sort = [...(add ? before : []), { column, down }];
      else if (add) sort = before.flatMap((key) => (key !== own ? [key] : turned ? [] : [{ column, down: !down }]));
      else sort = turned && before.length === 1 ? [] : [{ column, down: before.length > 1 ? own.down : !own.down }];
      const usual = set.usualSort();
      const same = sort.length === usual.length && sort.every((key, i) => key.column === usual[i].column && key.down === usual[i].down);
      change({ sort: same || !sort.length ? null : sort });
      const said = (view.sort || usual).map((key) => `${key.column.title} ${key.down ? "descending" : "ascending"}`);
      reportgen.announce(said.length ? `Sorted by ${said.join(", then ")}` : "Newest first");
    }

    /** @param {RunGroup} group */
    function toggle(group) {
      const open = isOpen(group);
      const fold = view.fold || { open: false, but: new Set(groups.filter(isOpen).map(({ id }) => id)) };
      const but = new Set(fold.but);
      if (fold.open === open) but.add(group.id);
      else but.delete(group.id);
      change({ fold: { open: fold.open, but } });
    }

    /** @param {number} i @param {boolean} aside */
    function open(i, aside) {
      const entry = i < 0 ? view.base : entries[i];
      if (entry === null || entry === undefined) return;
      if (entry < 0) toggle(groups[-1 - entry]);
      else {
        const address = reportgen.root + set.fact("page")[entry];
        if (!address) return; // a run that a report of one file does not hold
        if (aside) window.open(address, "_blank", "noopener");
        else location.href = address;
      }
    }

    /** @param {number} i -1 the baseline, below it all @param {boolean} range */
    function select(i, range) {
      const of = i < -1 ? rows : i === -1 ? [/** @type {number} */ (view.base)] : entries[i] < 0 ? groups[-1 - entries[i]].rows : [entries[i]];
      const on = checkedOf(of) !== "all";
      const from = range && anchor >= 0 ? Math.min(anchor, i) : i;
      const touched = range && anchor >= 0 && i >= 0 ? entries.slice(from, Math.max(anchor, i) + 1).filter((entry) => entry >= 0) : of;
      const selected = new Set(view.selected);
      for (const one of touched) {
        if (on) selected.add(one);
        else selected.delete(one);
      }
      anchor = i;
      choose(selected);
    }

    /** @param {Set<number>} selected */
    function choose(selected) {
      write({ selected });
      drawBar();
      if (rows.length) grid.update(setting());
      tell();
      reportgen.announce(selected.size ? `${format.count(selected.size, "run")} selected` : "No run is selected");
    }

    function tell() {
      const runs = set.several ? [] : [...view.selected].map((one) => set.placeOf[one]);
      root.dispatchEvent(new CustomEvent("reportgen:selection", { detail: { runs } }));
    }

    // ---- tools above the table

    const icon = svg("svg", { viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true" }, svg("path", { d: "M7 2.5a4.5 4.5 0 1 1 0 9a4.5 4.5 0 1 1 0-9M10.3 10.3l3.7 3.7", fill: "none", stroke: "currentColor", "stroke-width": 1.4, "stroke-linecap": "round" }));
    const find = el("input", { type: "search", placeholder: "Filter: words, or metrics.acc > 0.9", "aria-label": "Filter runs", "aria-keyshortcuts": "f", spellcheck: "false", autocomplete: "off", autocapitalize: "off", oninput: typed, onfocus: () => filter().catch(() => {}) });
    const helpButton = el("button", { type: "button", class: "find-ask", "aria-label": "How to write filters", title: "How to write filters", "aria-expanded": "false", onclick: () => filter().then((box) => box.toggleHelp(helpButton)).catch(admitFilter) }, "?");
    const below = el("div", { class: "find-below" });
    const finder = el("div", { class: "find" }, icon, find, el("kbd", { "aria-hidden": "true" }, "f"), helpButton);
    const views = el("div", { class: "views", role: "group", "aria-label": "Views" });
    const groupBy = el("select", { onchange: () => change({ group: groupBy.value === usualGroup() ? null : groupBy.value, fold: null }) });
    const columnsButton = el("button", { type: "button", class: "button", "aria-haspopup": "dialog", onclick: openColumns }, "Columns");
    const csvButton = el("button", { type: "button", class: "button less", title: "Download the rows and columns that are shown", onclick: download }, "CSV");
    const tools = el(
      "div",
      { class: "table-tools" },
      finder,
      columnsButton,
      csvButton,
      views,
      el("label", { class: "group-by" }, "Group by ", groupBy),
    );
    const stage = el("div");
    const nothing = el("div", { class: "empty", hidden: true });
    const bar = el("div", { class: "selection", role: "region", "aria-label": "Selected runs", hidden: true });
    const missing = el("div");
    const live = el("div", { class: "table-live" }, missing, tools, below, stage, nothing, bar);
    const grid = reportgen.grid(stage, {
      sort: sortBy,
      open,
      select,
      resize(c, width) {
        const { id } = columns[c - 1];
        const widths = new Map(view.widths);
        if (width === null) widths.delete(id);
        else widths.set(id, width);
        write({ widths });
        grid.update(setting());
        if (width !== null) reportgen.announce(`${Math.round(width)} pixels`);
      },
    });

    let waiting = 0;
    /** With many runs, wait until the word is typed. @param {() => void} act */
    function later(act) {
      clearTimeout(waiting);
      waiting = setTimeout(act, set.n > 2000 ? 120 : 0);
    }

    // ---- the filter: filter.js and what it needs are loaded when the box gets the focus, or has a filter from the address

    /** @type {Promise<FilterBox> | null} */
    let made = null;
    /** @type {Promise<Finding> | null} */
    let source = null;
    let fresh = false;
    let ready = false;
    function filter() {
      made ??= Promise.all(["query", "finding", "filter"].map(reportgen.script)).then(() =>
        reportgen.filterBox({
          input: find,
          host: finder,
          below,
          tables: () => set.tables,
          source: () => {
            source ??= Promise.resolve(reportgen.finding(set.tables, set.tableOf, set.placeOf, fresh));
            return source;
          },
          apply(q, found, why) {
            mask = found;
            lack = why;
            change({ q });
          },
          finds: (words) => Array.from({ length: set.n }, (_, one) => one).some(set.matcher(words)),
        }),
      );
      made.then(
        () => {
          ready = true;
        },
        () => {
          made = null;
        },
      );
      return made;
    }
    /** @param {Error} error */
    const admitFilter = (error) => admit(`Filters cannot be answered: ${error.message}. Words can.`);

    function typed() {
      const q = find.value;
      if (!ready && !FILTER.test(q)) later(() => change({ q }));
      filter().then(
        (box) => later(() => box.typed()),
        (error) => FILTER.test(q) && admitFilter(error),
      );
    }

    /** Take over `view.q` from the address, or for other runs. */
    async function settle() {
      const { q } = view;
      mask = null;
      lack = "";
      find.value = q;
      if (!made && !FILTER.test(q)) return;
      try {
        const box = await filter();
        const answer = await box.check(q);
        if (q !== view.q) return;
        if ("mask" in answer) ({ mask, lack } = answer);
        else view = { ...view, q: "" };
        box.show(q, mask);
        box.tell(q, answer);
      } catch (error) {
        view = { ...view, q: "" };
        admitFilter(/** @type {Error} */ (error));
      }
    }

    /** @param {Partial<RunsView>} [changes] */
    function clearFilter(changes) {
      find.value = "";
      made?.then((box) => box.show("", null), () => {});
      mask = null;
      change({ ...changes, q: "" });
    }

    function drawViews() {
      const status = set.fact("status");
      /** @type {[string, string, number][]} */
      const made = [["", "All", set.n]];
      for (const [name, title] of STATUSES) made.push([name, title, status.reduce((sum, word) => sum + Number(word === name), 0)]);
      if (set.repeated && set.leading) made.push(["best", "Best per configuration", set.bestOfConfigs().size]);
      const buttons = made.filter(([name, , count]) => !name || count);
      const draw = (/** @type {[string, string, number]} */ [name, title, count]) =>
        el("button", { type: "button", "data-view": name, onclick: () => change({ view: name }) }, `${title} `, el("span", { class: "number" }, format.number(count)));
      views.replaceChildren(...buttons.map(draw));
    }

    function drawGroupings() {
      const able = set.columns.filter(({ kind, seed, varying, numeric, id }) => varying && !seed && kind !== "drawn" && kind !== "metric" && !(kind === "fact" && (numeric || ["run_id", "note", "differs", "experiment"].includes(id))));
      const few = able.slice(0, 4 * MAX_GROUPINGS).filter((column) => {
        const different = new Set(column.values()).size;
        return different > 1 && different < Math.max(set.n, 3);
      });
      const option = (/** @type {string} */ value, /** @type {string} */ text) => el("option", { value }, text);
      const part = (/** @type {string} */ label, /** @type {string} */ kind) => {
        const own = few.filter((column) => column.kind === kind).slice(0, MAX_GROUPINGS);
        return own.length ? [el("optgroup", { label }, ...own.map(({ id, title }) => option(id, title)))] : [];
      };
      const whole = [option("none", "none"), ...(set.repeated ? [option("config", "configuration")] : []), ...(set.several ? [option("experiment", "experiment")] : [])];
      groupBy.replaceChildren(...whole, ...part("Params", "param"), ...part("Tags", "tag"), ...part("Facts", "fact"));
      groupBy.value = grouping();
    }

    function download() {
      const name = set.several ? "runs" : set.tables[0].title;
      reportgen.download(`${name}.csv`, "text/csv", csvOf(set, columns, groups.length ? groups.flatMap((group) => group.rows) : rows));
    }

    /** Only once: then the list is the button's own. */
    async function openColumns() {
      if (columnsButton.popoverTargetElement) return;
      try {
        await reportgen.script("columns");
      } catch (error) {
        return admit(`The list of columns is missing: ${/** @type {Error} */ (error).message}.`);
      }
      const choose = (/** @type {RunColumn[] | null} */ cols) => change(cols ? { cols } : { cols, widths: new Map() });
      reportgen.columnList({ button: columnsButton, all: () => set.columns, shown: () => columns, label: labelOf, choose });
    }

    /** @param {RunColumn} column */
    function labelOf(column) {
      if (column.kind !== "drawn") return column.title;
      if (column.id === "strip") return `${set.leading?.title} on an axis`;
      return set.several ? "Course of the first metric" : `Course of ${column.title}`;
    }

    // ---- the selection

    function drawBar() {
      const { selected, base } = view;
      const chosen = [...selected];
      bar.hidden = !chosen.length;
      if (!chosen.length) return bar.replaceChildren();
      const order = new Map(rows.map((one, i) => [one, i]));
      chosen.sort((a, b) => (order.get(a) ?? set.n) - (order.get(b) ?? set.n));
      const names = set.fact("name");
      const keys = set.fact("k");
      const all = (base === null || selected.has(base) ? chosen : [base, ...chosen]).slice(0, MAX_SELECTED);
      const against = base === null ? "" : `&base=${keys[base]}`;
      const address = `${reportgen.root}compare.html#?runs=${all.map((one) => keys[one]).join(",")}${against}`;
      const dots = chosen.slice(0, 10).map((one) => svg("svg", { class: `s${set.slotOf(one)}`, viewBox: "0 0 10 10", width: 10, height: 10 }, svg("circle", { cx: 5, cy: 5, r: 4.5 })));
      const compare = all.length > 1 ? `Compare ${format.number(all.length)} runs` : "Compare with …";
      const rebase = el("button", { type: "button", class: "bar-act", title: "Compare the others with this run (b)", onclick: () => after(() => look.rebase(chosen[0])) }, base === chosen[0] ? "No baseline" : "Baseline");
      bar.replaceChildren(
        el("strong", null, format.count(chosen.length, "run")),
        el("span", { class: "dots", "aria-hidden": "true" }, ...dots),
        el("span", { class: "names", dir: "auto" }, `${chosen.slice(0, 20).map((one) => names[one]).join(", ")}${chosen.length > 20 ? " …" : ""}`),
        ...(chosen.length === 1 ? [rebase] : []),
        ...(reportgen.single ? [] : [el("a", { class: "button", href: address, title: chosen.length > MAX_SELECTED ? `The first ${MAX_SELECTED} of them` : null }, compare)]),
        el("button", { type: "button", class: "bar-act", "aria-label": "Clear the selection", title: "Clear the selection", onclick: () => after(() => choose(new Set())) }, "✕"),
      );
    }

    /** The button that was pressed is drawn anew or gone, so that the focus goes back to the table. @param {() => void} act */
    function after(act) {
      act();
      grid.focus();
    }

    // ---- drawing

    function drawNothing() {
      const { q } = view;
      nothing.hidden = rows.length > 0;
      stage.hidden = !rows.length;
      if (rows.length) return;
      const clear = el("button", { type: "button", class: "button", onclick: () => clearFilter({ view: "" }) }, "Show all runs");
      const said = q.trim() ? [el("code", { dir: "auto" }, q.trim()), ` matches 0 of ${format.count(set.n, "run")}.${lack}`] : ["This view is empty."];
      nothing.replaceChildren(el("p", null, el("strong", null, "No run matches."), " ", ...said), clear);
    }

    function saying() {
      if (rows.length < set.n || view.q.trim()) return `${format.number(rows.length)} of ${format.number(set.n)} match`;
      const by = grouping();
      if (by === "none") return set.leading && !view.sort ? `${format.number(set.n)}, best ${set.leading.title} first` : format.count(set.n, "run");
      return `${format.number(set.n)} in ${format.count(groups.length, by === "config" ? "configuration" : by === "experiment" ? "experiment" : "group")}`;
    }

    let told = "";
    function update() {
      arrange();
      makeLook();
      const by = grouping();
      if (![...groupBy.options].some(({ value }) => value === by)) groupBy.append(el("option", { value: by }, set.byId(by)?.title ?? (by === "config" ? "configuration" : by)));
      groupBy.value = by;
      for (const button of views.children) button.setAttribute("aria-pressed", String(button.getAttribute("data-view") === view.view));
      anchor = -1;
      drawNothing();
      height = Number.parseFloat(getComputedStyle(stage).getPropertyValue("--grid-row")) || height;
      if (rows.length) grid.update(setting());
      drawBar();
      const said = saying();
      if (aside) aside.textContent = said;
      if (told && told !== said) reportgen.announce(said);
      told = said;
    }

    // ---- start

    /** @param {string} lack */
    const admit = (lack) => missing.replaceChildren(...(lack ? [reportgen.note("bad", lack)] : []));

    /** Take over the runs as they are now. @param {Loaded} now */
    async function renew({ tables: loaded, lack: less }) {
      const chosen = new Set([...view.selected].map((one) => set.fact("k")[one]));
      const [typing, before] = [find.value, view.q];
      set = reportgen.runSet(loaded);
      cells = reportgen.runCells(set);
      source = null;
      fresh = true;
      layout.clear();
      admit(less);
      view = { ...readView(set), selected: new Set([...set.fact("k").keys()].filter((one) => chosen.has(set.fact("k")[one]))) };
      await settle();
      if (typing !== before) find.value = typing;
      drawViews();
      update();
      drawGroupings();
    }

    await settle();
    place.replaceChildren(live);
    admit(loaded.lack);
    drawViews();
    update();
    setTimeout(drawGroupings); // it looks at all columns, after the table is there
    if (view.selected.size) tell();
    state.listen(async () => {
      view = readView(set);
      await settle();
      update();
      tell();
    });
    narrow.addEventListener("change", update);
    document.addEventListener("reportgen:refresh", async (event) => {
      const { data, everything } = /** @type {CustomEvent} */ (event).detail;
      const ids = [...(set.several ? ["index"] : []), ...set.tables.map(({ k }) => `tables/${k}`)];
      if (!everything && !ids.some((id) => data.includes(id))) return;
      try {
        await Promise.all(ids.map((id) => reportgen.reload(id)));
        await renew(await load());
      } catch (error) {
        admit(`The table is not up to date: ${/** @type {Error} */ (error).message}.`);
      }
    });
    tables.push({
      find: () => {
        find.focus();
        find.select();
      },
      rebase() {
        const i = grid.focusedRow();
        const entry = i === null ? undefined : i < 0 ? view.base : entries[i];
        if (entry !== undefined && entry !== null && entry >= 0) look.rebase(entry);
      },
    });
    find.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && find.value) clearFilter();
      else if (event.key === "ArrowDown" && rows.length) grid.focus(true);
      else return;
      event.preventDefault();
    });
  }

  /** Quieter columns. @type {Record<string, string>} */
  const TONES = { updated: "quiet", started: "quiet", duration: "quiet", note: "remark", differs: "remark", experiment: "remark" };

  let keyed = false;
  function addKeys() {
    if (keyed) return;
    keyed = true;
    reportgen.keys.add("f", "filter the runs", () => tables[0]?.find());
    reportgen.keys.add("b", "compare the others with the run that has the focus", () => {
      for (const table of tables) table.rebase();
    });
  }

  reportgen.page("experiment", (root) => {
    addKeys();
    start(root, async () => ({ tables: [await reportgen.table(root.dataset.k || "")], lack: "" }));
  });

  reportgen.page("runs", (root) => {
    addKeys();
    start(root, async () => {
      const { experiments } = await reportgen.index();
      const results = await Promise.allSettled(experiments.map(({ k }) => reportgen.table(k)));
      const found = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
      const failed = results.find((result) => result.status === "rejected");
      if (!found.length && failed) throw failed.reason;
      const lack = `${format.number(results.length - found.length)} of ${format.count(results.length, "experiment")} could not be loaded`;
      return { tables: found, lack: failed ? `${lack}: ${failed.reason.message}. Their runs are not in this table.` : "" };
    });
  });
})();

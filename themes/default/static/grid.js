// @ts-check
/**
 * A grid of any number of rows and columns, of which only those in view are elements: frozen first columns, rows that
 * fold, selection, one baseline row that stays on top, columns that can be sorted and resized, all by keyboard as well
 * (the ARIA pattern "grid", or "treegrid" where rows fold). It knows nothing of runs: table.js fills the cells.
 *
 * A short grid whose columns fit grows with the page, which scrolls; else it scrolls inside its own frame.
 */
(() => {
  "use strict";

  const { el } = reportgen;

  /** Columns that stay in place: the boxes and the names. */
  const FROZEN = 2;
  /** Rows up to which a grid grows with the page. */
  const FLOW_ROWS = 40;
  /** Rows and columns drawn beyond what is seen. */
  const SPARE = 6;
  const MIN_WIDTH = 40;
  /** px by which a key widens a column. */
  const STEP = 16;
  /** Numbers of the rows that stay on top. */
  const [HEAD, BASE] = [-2, -1];

  /** @param {HTMLElement} host @param {GridEvents} events @returns {Grid} */
  function makeGrid(host, events) {
    const head = el("div", { class: "grid-head", role: "rowgroup" });
    const body = el("div", { class: "grid-body", role: "rowgroup" });
    const root = el("div", { class: "run-grid", "data-keys": "table" }, head, body);
    host.append(root);

    /** @type {GridSetting} */
    let setting = { label: "", tree: false, pinned: false, rows: 0, columns: [], height: () => 0, key: () => "", row: () => ({ class: "" }), fill: () => {} };
    /** Tops of the rows and, at the end, the height of all. */
    let tops = new Float64Array(1);
    /** Left edges of the columns and, at the end, the width of all. */
    let lefts = [0];
    /** The columns behind the frozen ones that are drawn. */
    let drawn = { from: FROZEN, to: FROZEN };
    let framed = false;
    /** The rows that are drawn, by number. @type {Map<number, HTMLElement>} */
    const shown = new Map();
    /** The cell that has the focus, or gets it: rows as `aria-rowindex` counts them, 1 is the head. */
    let active = { row: 1, column: 1 };

    /** `aria-rowindex` of the first row below head and baseline. */
    const first = () => (setting.pinned ? 3 : 2);
    /** The number of a row, by its `aria-rowindex`. @param {number} row */
    const numberOf = (row) => (row === 1 ? HEAD : row - first());

    // ---- places and sizes

    function measure() {
      tops = new Float64Array(setting.rows + 1);
      for (let i = 0; i < setting.rows; i++) tops[i + 1] = tops[i] + setting.height(i);
      body.style.height = `${tops[setting.rows]}px`;
    }

    /** Columns share the room that is left. */
    function layOut() {
      const { columns } = setting;
      const room = root.clientWidth;
      const least = columns.reduce((sum, { width }) => sum + width, 0);
      const free = columns.reduce((sum, { width, fixed }) => sum + (fixed ? 0 : width), 0);
      const share = free && room > least ? (room - least) / free : 0;
      lefts = [0];
      for (const { width, fixed } of columns) lefts.push(lefts[lefts.length - 1] + (fixed ? width : width * (1 + share)));
      const widths = columns.map((_, c) => `${(lefts[c + 1] - lefts[c]).toFixed(2)}px`);
      root.style.setProperty("--columns", widths.join(" "));
      root.style.setProperty("--width", `${lefts[columns.length].toFixed(2)}px`);
      root.style.setProperty("--box", widths[0] || "0px");
      root.style.setProperty("--frozen", `${lefts[Math.min(FROZEN, columns.length)]}px`);
      framed = setting.rows > FLOW_ROWS || least > room;
      root.classList.toggle("framed", framed);
    }

    /** @returns {[number, number]} the columns that are seen */
    function seenColumns() {
      const end = setting.columns.length;
      if (!framed || lefts[end] <= root.clientWidth + 1) return [FROZEN, end];
      const left = root.scrollLeft + lefts[FROZEN];
      const right = root.scrollLeft + root.clientWidth;
      let from = FROZEN;
      while (from < end && lefts[from + 1] <= left) from++;
      let to = from;
      while (to < end && lefts[to] < right) to++;
      return [from, to];
    }

    /** @returns {[number, number]} the rows that are seen, and some more */
    function seenRows() {
      if (!framed) return [0, setting.rows];
      const height = root.clientHeight - head.offsetHeight;
      let low = 0;
      for (let high = setting.rows; low < high; ) {
        const middle = (low + high) >> 1;
        if (tops[middle + 1] <= root.scrollTop) low = middle + 1;
        else high = middle;
      }
      let to = low;
      while (to < setting.rows && tops[to] < root.scrollTop + height) to++;
      return [Math.max(0, low - SPARE), Math.min(setting.rows, to + SPARE)];
    }

    // ---- drawing

    /** @param {HTMLElement} row @param {(cell: HTMLElement, c: number) => void} fill @param {(c: number) => string} role */
    function drawCells(row, fill, role) {
      for (let c = 0; c < drawn.to; c = c === FROZEN - 1 ? drawn.from : c + 1) {
        if (c >= setting.columns.length) break;
        const cell = el("div", { class: `grid-cell ${setting.columns[c].class}`, role: role(c), "aria-colindex": c + 1 });
        if (c < FROZEN) cell.classList.add("frozen", `frozen-${c}`);
        if (c === drawn.from) cell.style.gridColumnStart = String(c + 1);
        fill(cell, c);
        row.append(cell);
      }
    }

    /** @param {number} i */
    function drawRow(i) {
      const { class: name, level, expanded, selected } = setting.row(i);
      const row = el("div", {
        class: `grid-row ${name}`,
        role: "row",
        "aria-rowindex": i + first(),
        "aria-level": setting.tree ? (level ?? 1) : null,
        "aria-expanded": setting.tree && expanded !== undefined ? String(expanded) : null,
        "aria-selected": selected === undefined ? null : String(selected),
      });
      row.style.height = `${setting.height(i)}px`;
      if (i >= 0) row.style.top = `${tops[i]}px`;
      drawCells(
        row,
        (cell, c) => setting.fill(cell, i, c),
        (c) => (c === 1 ? "rowheader" : "gridcell"),
      );
      return row;
    }

    /** @param {HTMLElement} cell @param {number} c */
    function drawHead(cell, c) {
      const { head: make, sort, resizable } = setting.columns[c];
      cell.append(...make());
      if (sort) cell.setAttribute("aria-sort", sort);
      if (resizable) cell.append(el("span", { class: "grip", "aria-hidden": "true" }));
    }

    function drawHeads() {
      const row = el("div", { class: "grid-row grid-heads", role: "row", "aria-rowindex": 1 });
      drawCells(row, drawHead, () => "columnheader");
      head.replaceChildren(row);
      if (setting.pinned) head.append(drawRow(BASE));
    }

    /** Draw what is seen and not there yet; rows that are out of sight go, but for the one with the focus. */
    function draw() {
      const [from, to] = seenColumns();
      if (from < drawn.from || to > drawn.to) {
        drawn = { from: Math.max(FROZEN, from - SPARE), to: Math.min(setting.columns.length, to + SPARE) };
        keepFocus(clear);
      }
      const [top, bottom] = seenRows();
      const focused = active.row - first();
      for (const [i, row] of shown) {
        if ((i >= top && i < bottom) || (i === focused && row.contains(document.activeElement))) continue;
        row.remove();
        shown.delete(i);
      }
      for (let i = top; i < bottom; i++) need(i);
      mark();
    }

    function clear() {
      drawHeads();
      for (const row of shown.values()) row.remove();
      shown.clear();
    }

    /** The element of a row, in its place among the others. @param {number} i */
    function need(i) {
      let row = shown.get(i);
      if (row) return row;
      row = drawRow(i);
      let next = null;
      for (const [other, element] of shown) if (other > i && (next === null || other < next.other)) next = { other, element };
      body.insertBefore(row, next?.element ?? null);
      shown.set(i, row);
      return row;
    }

    // ---- focus

    /** @param {number} row @param {number} column @returns {HTMLElement | null} */
    function cellAt(row, column) {
      const i = row - first();
      const element = i >= 0 ? shown.get(i) : head.children[row - 1];
      return element?.querySelector(`:scope > [aria-colindex="${column + 1}"]`) ?? null;
    }

    /** Exactly one cell can be reached by Tab. */
    function mark() {
      const cell = cellAt(active.row, active.column) || cellAt(1, 1);
      if (cell?.tabIndex === 0) return;
      for (const other of root.querySelectorAll("[role][tabindex]")) other.removeAttribute("tabindex");
      cell?.setAttribute("tabindex", "0");
    }

    /** @param {number} row @param {number} column */
    function focusCell(row, column) {
      active = { row: Math.min(Math.max(row, 1), first() + setting.rows - 1), column: Math.min(Math.max(column, 0), setting.columns.length - 1) };
      const { column: c } = active;
      if (c >= FROZEN && framed) {
        const left = root.scrollLeft + lefts[FROZEN];
        if (lefts[c] < left) root.scrollLeft = lefts[c] - lefts[FROZEN];
        else if (lefts[c + 1] > root.scrollLeft + root.clientWidth) root.scrollLeft = lefts[c + 1] - root.clientWidth;
      }
      const i = active.row - first();
      if (i >= 0) need(i);
      draw();
      if (i >= 0) need(i);
      mark();
      const cell = cellAt(active.row, c);
      cell?.focus({ preventScroll: true });
      cell?.scrollIntoView({ block: "nearest" });
      draw();
    }

    /** Do what may replace the element that has the focus, and give the focus back. @param {() => void} act */
    function keepFocus(act) {
      const had = root.contains(document.activeElement);
      act();
      if (!had) return;
      const i = active.row - first();
      if (i >= 0 && i < setting.rows) need(i);
      mark();
      cellAt(active.row, active.column)?.focus({ preventScroll: true });
    }

    /** @param {EventTarget | null} target */
    function placeOf(target) {
      const cell = /** @type {HTMLElement | null} */ (/** @type {Element} */ (target).closest(".grid-cell"));
      const row = cell?.parentElement;
      if (!cell || !row) return null;
      return { row: Number(row.getAttribute("aria-rowindex")), column: Number(cell.getAttribute("aria-colindex")) - 1 };
    }

    // ---- keys and pointer

    /** @param {KeyboardEvent} event */
    function press(event) {
      const place = placeOf(event.target);
      if (!place || event.altKey || (event.target instanceof HTMLInputElement && event.target.type !== "checkbox")) return;
      const { row, column } = place;
      const { key, shiftKey: shift } = event;
      const ctrl = event.ctrlKey || event.metaKey;
      const last = first() + setting.rows - 1;
      const page = framed ? Math.max(1, Math.floor((root.clientHeight - head.offsetHeight) / (tops[setting.rows] / setting.rows || 1)) - 1) : 10;
      /** @type {Record<string, () => void>} */
      const keys = {
        ArrowDown: () => focusCell(row + 1, column),
        ArrowUp: () => focusCell(row - 1, column),
        ArrowRight: () => (shift && row === 1 ? widen(column, STEP) : focusCell(row, column + 1)),
        ArrowLeft: () => (shift && row === 1 ? widen(column, -STEP) : focusCell(row, column - 1)),
        PageDown: () => focusCell(row + page, column),
        PageUp: () => focusCell(Math.max(row - page, Math.min(row, first())), column),
        Home: () => focusCell(ctrl ? first() : row, 0),
        End: () => focusCell(ctrl ? last : row, setting.columns.length - 1),
        Enter: () => (row === 1 ? events.sort(column, shift) : events.open(numberOf(row), ctrl)),
        " ": () => (row === 1 && column ? events.sort(column, shift) : events.select(numberOf(row), shift)),
      };
      if (!keys[key] || (ctrl && !["Home", "End", "Enter"].includes(key))) return;
      event.preventDefault();
      active = { row, column };
      keys[key]();
    }

    /** @param {number} c @param {number} by px */
    function widen(c, by) {
      if (setting.columns[c].resizable) setWidth(c, lefts[c + 1] - lefts[c] + by, true);
    }

    /** @param {number} c @param {number} width @param {boolean} done */
    function setWidth(c, width, done) {
      const column = setting.columns[c];
      column.width = Math.max(MIN_WIDTH, Math.round(width));
      column.fixed = true;
      if (done) events.resize(c, column.width);
      layOut();
      draw();
    }

    /** @param {PointerEvent} event */
    function grab(event) {
      const place = placeOf(event.target);
      if (!place || event.button) return;
      const target = /** @type {HTMLElement} */ (event.target);
      active = place;
      mark();
      if (!target.classList.contains("grip")) return;
      event.preventDefault();
      const { column: c } = place;
      const start = lefts[c + 1] - lefts[c] - event.clientX;
      target.setPointerCapture(event.pointerId);
      let moves = false; // a click alone draws nothing, so that a second one finds the same grip
      const move = (/** @type {PointerEvent} */ moved) => {
        moves ||= moved.clientX !== event.clientX;
        if (moves) setWidth(c, start + moved.clientX, false);
      };
      target.addEventListener("pointermove", move);
      const stop = () => {
        target.removeEventListener("pointermove", move);
        if (moves) events.resize(c, setting.columns[c].width);
      };
      target.addEventListener("lostpointercapture", stop, { once: true });
    }

    /** @param {MouseEvent} event */
    function click(event) {
      const place = placeOf(event.target);
      const target = /** @type {HTMLElement} */ (event.target);
      if (!place || target.closest("a, button")) return;
      if (target.classList.contains("grip")) {
        if (event.detail === 2) events.resize(place.column, null);
      } else if (place.column === 0) {
        event.preventDefault(); // the box is drawn again
        events.select(numberOf(place.row), event.shiftKey);
      } else if (place.row === 1) events.sort(place.column, event.shiftKey);
      else if (target.closest("[data-fold]")) events.open(numberOf(place.row), false);
    }

    root.addEventListener("keydown", press);
    root.addEventListener("pointerdown", grab);
    root.addEventListener("click", click);
    root.addEventListener("focusin", ({ target }) => {
      const place = placeOf(target);
      if (place) active = place;
    });
    root.addEventListener("scroll", () => framed && draw(), { passive: true });
    new ResizeObserver(() => {
      if (!root.clientWidth) return;
      layOut();
      draw();
    }).observe(root);

    return {
      root,
      update(made) {
        keepFocus(() => {
          const before = active.row - first();
          const key = root.contains(document.activeElement) && before >= 0 && before < setting.rows ? setting.key(before) : null;
          const columnId = setting.columns[active.column]?.id;
          setting = made;
          root.setAttribute("role", made.tree ? "treegrid" : "grid");
          root.setAttribute("aria-label", made.label);
          root.setAttribute("aria-multiselectable", "true");
          root.setAttribute("aria-rowcount", String(made.rows + first() - 1));
          root.setAttribute("aria-colcount", String(made.columns.length));
          measure();
          layOut();
          let i = 0;
          while (key !== null && i < made.rows && made.key(i) !== key) i++;
          active.row = Math.min(key !== null && i < made.rows ? i + first() : active.row, first() + (key === null ? 0 : made.rows) - 1);
          active.column = Math.max(0, made.columns.findIndex(({ id }) => id === columnId));
          drawn = { from: Number.POSITIVE_INFINITY, to: 0 };
          draw();
        });
      },
      focusedRow: () => (root.contains(document.activeElement) && active.row > 1 ? numberOf(active.row) : null),
      focus(start = false) {
        if (start) active = { row: first(), column: 1 };
        focusCell(active.row, active.column);
      },
    };
  }

  reportgen.grid = makeGrid;
})();

// @ts-check
/**
 * The list in which the columns of a table of runs are chosen; table.js loads it when it is asked for.
 */
(() => {
  "use strict";

  const { el, format } = reportgen;

  /** Columns that are listed at once; the others are found by search. */
  const MAX_LISTED = 200;
  const MARGIN = 8;
  /** @type {[title: string, kinds: string[]][]} */
  const PARTS = [
    ["Metrics", ["metric", "drawn"]],
    ["Params", ["param"]],
    ["Tags", ["tag"]],
    ["Facts", ["fact"]],
  ];

  /**
   * Make the list, show it at the button, and let the button open and close it from now on.
   * @param {ColumnListSetting} setting
   */
  function makeColumnList({ button, all, shown, label, choose }) {
    const search = el("input", { type: "search", placeholder: "Find a column", "aria-label": "Find a column", oninput: list });
    const varying = el("input", { type: "checkbox", checked: true, onchange: list });
    const lists = el("div", { class: "column-lists" });
    const said = el("p", { class: "fine", role: "status" });
    const panel = el(
      "div",
      { class: "columns-panel", popover: "auto", role: "dialog", "aria-label": "Columns" },
      el("div", { class: "columns-top" }, search, el("label", null, varying, "only those that differ")),
      lists,
      el("div", { class: "columns-end" }, said, el("button", { type: "button", class: "button", onclick: () => pick(null) }, "Reset")),
    );

    /** @param {RunColumn[] | null} columns */
    function pick(columns) {
      choose(columns);
      list();
    }

    /** @param {RunColumn} column @param {RunColumn[]} now */
    function drawChoice(column, now) {
      const turn = (/** @type {Event} */ { target }) => {
        const on = /** @type {HTMLInputElement} */ (target).checked;
        pick(all().filter((one) => (one === column ? on : shown().includes(one))));
      };
      const box = el("input", { type: "checkbox", value: column.id, checked: now.includes(column), onchange: turn });
      return el("label", null, box, el("span", { dir: "auto" }, label(column)));
    }

    function list() {
      const now = shown();
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      const able = all().filter((column) => {
        const text = `${column.name} ${column.title}`.toLowerCase();
        return (column.varying || !varying.checked) && words.every((word) => text.includes(word));
      });
      // Those that the table has come first, so that a cut list still holds them.
      const ordered = able.length > MAX_LISTED ? [...able.filter((one) => now.includes(one)), ...able.filter((one) => !now.includes(one))] : able;
      const listed = ordered.slice(0, MAX_LISTED);
      const focused = /** @type {HTMLInputElement | null} */ (lists.querySelector("input:focus"))?.value;
      const parts = PARTS.map(([title, kinds]) => ({ title, own: listed.filter(({ kind }) => kinds.includes(kind)) }));
      lists.replaceChildren(
        ...parts
          .filter(({ own }) => own.length)
          .map(({ title, own }) => el("fieldset", null, el("legend", null, title), ...own.map((column) => drawChoice(column, now)))),
      );
      if (focused) /** @type {HTMLElement | null} */ (lists.querySelector(`input[value="${CSS.escape(focused)}"]`))?.focus();
      const rest = able.length - listed.length;
      said.textContent = !able.length ? "No column has this name" : rest ? `${format.count(rest, "more column")}: search for one` : `${format.number(now.length - 1)} shown`;
    }

    function open() {
      list();
      const box = button.getBoundingClientRect();
      panel.style.top = `${Math.max(MARGIN, Math.min(box.bottom + 6, innerHeight - panel.offsetHeight - MARGIN))}px`;
      panel.style.left = `${Math.max(MARGIN, Math.min(box.right - panel.offsetWidth, innerWidth - panel.offsetWidth - MARGIN))}px`;
      search.focus();
    }

    button.after(panel);
    button.popoverTargetElement = panel;
    panel.addEventListener("toggle", (event) => /** @type {ToggleEvent} */ (event).newState === "open" && open());
    panel.showPopover();
    open();
  }

  reportgen.columnList = makeColumnList;
})();

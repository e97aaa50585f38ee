// @ts-check
/** The list of keys: those of the page, then those of its parts that must have the focus. */
(() => {
  "use strict";

  const { el } = reportgen;

  /**
   * Open a dialog over the page; it is gone when it is closed.
   * @param {string} title
   * @param {Node[]} content
   */
  function openDialog(title, ...content) {
    const close = el("button", { type: "button", class: "button", onclick: () => dialog.close() }, "Close");
    const head = el("header", null, el("h2", null, title), close);
    const dialog = el("dialog", { class: "dialog", "aria-label": title }, el("div", null, head, ...content));
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    dialog.addEventListener("close", () => dialog.remove());
    // What lies behind must not act on a key.
    dialog.addEventListener("keydown", (event) => event.stopPropagation());
    document.body.append(dialog);
    dialog.showModal();
  }

  /** Keys of parts that must have the focus: where they are, and what they do there. */
  const LOCAL = [
    {
      title: "On a chart",
      selector: ".graph, [data-curves]",
      keys: [
        ["← →", "the values at the next point"],
        ["↑ ↓", "another line; Enter pins it"],
        ["Home End", "the first and the last point"],
        ["+ −", "zoom; with Shift, ← and → move what is shown"],
        ["Esc", "the whole again"],
      ],
    },
    {
      title: "In a table",
      selector: "[data-keys=table]",
      keys: [
        ["← → ↑ ↓", "the next cell; with Shift, in the head, the width of the column"],
        ["Home End", "the ends of a row; with Ctrl, of the table"],
        ["Enter", "open the run; in the head, sort; with Shift, by one more column"],
        ["Space", "select the run"],
      ],
    },
    {
      title: "On an axis of the parallel coordinates",
      selector: ".parallel .axis",
      keys: [
        ["↑ ↓", "the lower end of the chosen range; with Shift, the upper end"],
        ["← →", "move the axis"],
        ["Esc", "all values again"],
      ],
    },
  ];

  /** @param {string[][]} rows */
  const keyList = (rows) =>
    el(
      "dl",
      { class: "keys" },
      ...rows.map(([keys, description]) =>
        el(
          "div",
          null,
          el("dt", null, ...keys.split(" ").flatMap((key) => [" ", el("kbd", null, key)])),
          el("dd", null, description),
        ),
      ),
    );

  reportgen.help = () => {
    const page = reportgen.keys
      .list()
      .map(({ key, description }) => [key.replace(/Ctrl-(\w)/g, (_, k) => `Ctrl+${k.toUpperCase()}`), description]);
    const there = LOCAL.filter(({ selector }) => document.querySelector(selector));
    openDialog("Keys", keyList(page), ...there.flatMap(({ title, keys }) => [el("h3", null, title), keyList(keys)]));
  };
})();

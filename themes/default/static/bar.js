// @ts-check
/**
 * The top bar and the footer: the button for light and dark, the ways to the search (search.js) and to the list of keys
 * (help.js). Without scripts none of them is there.
 */
(() => {
  "use strict";

  const html = document.documentElement;

  // ---- light and dark

  const MODES = ["auto", "light", "dark"];
  const STORED = "reportgen.mode";

  const storedMode = () => {
    try {
      return localStorage.getItem(STORED) || "auto";
    } catch {
      return html.dataset.mode || "auto";
    }
  };

  /** Canvases do not follow a style sheet: their scripts draw again when this event comes. */
  const tell = () => document.dispatchEvent(new Event("reportgen:mode"));

  /** @param {string} mode */
  function setMode(mode) {
    const button = document.querySelector(".bar .mode");
    button?.setAttribute("aria-label", `Colours: ${mode}`);
    button?.setAttribute("title", `Colours: ${mode === "auto" ? "as the system" : mode}`);
    if (html.dataset.mode === mode) return;
    html.dataset.mode = mode;
    tell();
  }

  function nextMode() {
    const mode = MODES[(MODES.indexOf(html.dataset.mode || "") + 1) % MODES.length];
    try {
      if (mode === "auto") localStorage.removeItem(STORED);
      else localStorage.setItem(STORED, mode);
    } catch {
      // the choice then holds for this page alone
    }
    setMode(mode);
    reportgen.announce(`Colours: ${mode}`);
  }

  /** Take over what was chosen on another page. */
  function followMode() {
    const mode = storedMode();
    if (MODES.includes(mode)) setMode(mode);
  }

  // ---- search and keys, in scripts that come on their first use

  /** @param {"search" | "help"} name @param {() => void} open */
  async function use(name, open) {
    try {
      await reportgen.script(name);
      open();
    } catch (error) {
      const said = `${/** @type {Error} */ (error).message}. Reload the page.`;
      document.querySelector("main")?.prepend(reportgen.note("bad", said));
    }
  }

  const openSearch = () => use("search", () => reportgen.search());
  const showKeys = () => use("help", () => reportgen.help());

  function start() {
    document.querySelector(".bar .mode")?.addEventListener("click", nextMode);
    followMode();
    addEventListener("storage", followMode);
    addEventListener("pageshow", followMode);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", tell);

    if (html.dataset.search) {
      document.querySelector(".bar .search-open")?.addEventListener("click", openSearch);
      reportgen.keys.add("/ Ctrl-k", "search", openSearch);
    }
    document.querySelector("footer .keys-open")?.addEventListener("click", showKeys);
    reportgen.keys.add("?", "show the keys", showKeys);
  }

  if (document.readyState === "loading") addEventListener("DOMContentLoaded", start);
  else start();
})();

// @ts-check
/**
 * Light, dark, or what the system says: the reader's last choice, put into `data-mode` of `<html>` before anything is
 * painted. Loaded in front of the style sheets, so it does nothing else; the button is in bar.js.
 */
(() => {
  "use strict";

  let mode = null;
  try {
    mode = localStorage.getItem("reportgen.mode");
  } catch {
    // storage may be forbidden: then each page starts with the system's colours
  }
  document.documentElement.dataset.mode = mode === "light" || mode === "dark" ? mode : "auto";
})();

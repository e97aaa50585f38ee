// @ts-check
/**
 * What every page may do with a script, and what data files hand their payload to. Pages read without it: it only
 * turns recent times into "3 h ago", calls an unfinished run running while its log is fresh, and copies commands.
 */
var reportgen = (() => {
  "use strict";

  var MINUTE = 60e3;
  var HOUR = 60 * MINUTE;
  var DAY = 24 * HOUR;
  /** Up to this age a time is told as a distance. */
  var AGO_LIMIT = 14 * DAY;
  /** An unfinished run whose last line is younger than this is called running. */
  var RUNNING_LIMIT = 30 * MINUTE;

  /** @type {Map<string, unknown>} */
  var payloads = new Map();

  /**
   * Keep the payload of a data file under its id; without a payload, return what is kept.
   * @param {string} id
   * @param {unknown} [payload]
   * @returns {unknown} the payload, undefined while its file has not been loaded
   */
  function data(id, payload) {
    if (payload !== undefined) payloads.set(id, payload);
    return payloads.get(id);
  }

  /**
   * @param {number} then milliseconds since the epoch
   * @param {number} now
   * @returns {string} `3 h ago`, or empty when `then` is too old, not a time, or in the future
   */
  function ago(then, now) {
    var age = now - then;
    if (!(age >= -MINUTE && age <= AGO_LIMIT)) return "";
    if (age < MINUTE) return "just now";
    if (age < HOUR) return Math.floor(age / MINUTE) + " min ago";
    if (age < DAY) return Math.floor(age / HOUR) + " h ago";
    return Math.floor(age / DAY) + " d ago";
  }

  /** @param {number} now */
  function tellTimes(now) {
    /** @type {NodeListOf<HTMLTimeElement>} */ (document.querySelectorAll("time.ago")).forEach((element) => {
      var text = ago(Date.parse(element.dateTime), now);
      if (!text) return;
      if (!element.title) element.title = element.textContent || "";
      element.textContent = text;
    });
  }

  /** On paper "3 h ago" means nothing: put the absolute times back. */
  function restoreTimes() {
    /** @type {NodeListOf<HTMLTimeElement>} */ (document.querySelectorAll("time.ago[title]")).forEach((element) => {
      element.textContent = element.title;
    });
  }

  /** @param {number} now */
  function markRunning(now) {
    /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".status[data-last]")).forEach((element) => {
      var age = now - Date.parse(element.dataset.last || "");
      if (!(age >= -MINUTE && age <= RUNNING_LIMIT)) return;
      var mark = element.querySelector(".mark");
      var word = element.querySelector(".word");
      if (mark) mark.setAttribute("class", "mark running");
      if (word) word.textContent = "Running";
      element.title = "last line " + ago(Date.parse(element.dataset.last || ""), now);
    });
  }

  /**
   * @param {HTMLElement} source element whose text is to be copied
   * @param {HTMLButtonElement} button
   */
  function copy(source, button) {
    /** @param {string} word */
    function say(word) {
      button.textContent = word;
      setTimeout(() => {
        button.textContent = "Copy";
      }, 2000);
    }
    function select() {
      var selection = getSelection();
      if (selection) selection.selectAllChildren(source);
      say("Selected");
    }
    if (!navigator.clipboard) return select();
    navigator.clipboard.writeText((source.textContent || "").trim()).then(() => {
      say("Copied");
    }, select);
  }

  function enableCopying() {
    /** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll("button[data-copy]")).forEach((button) => {
      var source = document.getElementById(button.dataset.copy || "");
      if (!source) return;
      var text = source;
      button.hidden = false;
      button.addEventListener("click", () => {
        copy(text, button);
      });
    });
  }

  /** Mark in the rail which section is being read. */
  function followSections() {
    /** @type {Map<Element, Element>} */
    var links = new Map();
    /** @type {NodeListOf<HTMLAnchorElement>} */ (document.querySelectorAll(".rail a")).forEach((link) => {
      var heading = document.getElementById(decodeURIComponent(link.hash.slice(1)));
      var section = heading?.closest("section");
      if (section && !links.has(section)) links.set(section, link);
    });
    if (!links.size || !("IntersectionObserver" in window)) return;
    var visible = new Set();
    var observer = new IntersectionObserver(
      (entries) => {
        entries.forEach((entry) => {
          if (entry.isIntersecting) visible.add(entry.target);
          else visible.delete(entry.target);
        });
        var current = Array.from(links.keys()).find((section) => visible.has(section));
        if (!current) return;
        links.forEach((link, section) => {
          if (section === current) link.setAttribute("aria-current", "true");
          else link.removeAttribute("aria-current");
        });
      },
      { rootMargin: "0px 0px -70% 0px" },
    );
    links.forEach((_, section) => {
      observer.observe(section);
    });
  }

  /** Print what is folded away, and fold it again afterwards. */
  function preparePrinting() {
    /** @type {HTMLDetailsElement[]} */
    var opened = [];
    addEventListener("beforeprint", () => {
      restoreTimes();
      opened = Array.from(document.querySelectorAll("details")).filter((details) => !details.open);
      opened.forEach((details) => {
        details.open = true;
      });
    });
    addEventListener("afterprint", () => {
      opened.forEach((details) => {
        details.open = false;
      });
      tellTimes(Date.now());
    });
  }

  var start = Date.now();
  tellTimes(start);
  markRunning(start);
  enableCopying();
  followSections();
  preparePrinting();

  return { data: data, ago: ago };
})();

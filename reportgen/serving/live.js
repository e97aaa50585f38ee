// @ts-check
/**
 * Keeps a page that `reportgen serve` shows up to date: asks for news, exchanges the parts of the page whose source has
 * changed, and tells the others (charts, tables) which data files are new. Parts marked `data-live` renew themselves.
 *
 * It runs before the other scripts, while the page is still as it was sent. No published site has it.
 */
(() => {
  "use strict";

  const script = /** @type {HTMLScriptElement} */ (document.currentScript);
  const home = new URL(document.documentElement.dataset.root || "./", location.href);
  const own = location.href.split(/[?#]/)[0].slice(home.href.length) || "index.html";
  let version = Number(script.dataset.version);
  /** What is wrong since the last build; whether the site has this page no more; whether nobody answers. */
  let [error, gone, ended] = [script.dataset.error || "", false, false];

  /**
   * The parts of a page that are exchanged as a whole: what holds no section.
   * @param {Element} element
   * @param {string} place
   * @param {Map<string, { element: Element, html: string }>} found
   */
  function collect(element, place, found) {
    for (const [number, child] of Array.from(element.children).entries()) {
      const name = `${place} ${child.localName}${child.id && `#${child.id}`} ${number}`;
      const nested = child.querySelector("section[aria-labelledby]") && !child.hasAttribute("data-live");
      if (nested) collect(child, name, found);
      else found.set(name, { element: child, html: child.outerHTML });
    }
    return found;
  }

  /** @param {Document} page */
  function partsOf(page) {
    const main = page.querySelector("main");
    return main ? collect(main, "", new Map()) : new Map();
  }

  /** @param {Document} page */
  function assetsOf(page) {
    const named = page.querySelectorAll("head link[href], head script[src]:not([data-version])");
    return Array.from(named, (element) => element.getAttribute("href") || element.getAttribute("src"))
      .filter((address) => address?.includes("assets/"))
      .join(" ");
  }

  /** What stands around the parts, such as the title of the site. @param {Document} page */
  function frameOf(page) {
    const body = /** @type {HTMLElement} */ (page.body.cloneNode(true));
    body.querySelector("main")?.remove();
    return assetsOf(page) + body.innerHTML;
  }

  let parts = partsOf(document);
  const frame = frameOf(document);

  /**
   * Exchange what differs; a page of another shape is loaded anew, which keeps the view and the scroll position.
   * @returns {Promise<void>}
   */
  async function renew() {
    const answer = await fetch(location.pathname, { cache: "no-store" });
    gone = answer.status === 404;
    if (gone) return;
    if (!answer.ok) throw new Error(answer.statusText);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = partsOf(page);
    if (frameOf(page) !== frame || [...fresh.keys()].join() !== [...parts.keys()].join()) return begin();
    document.title = page.title;
    for (const [name, part] of fresh) {
      const old = /** @type {{ element: Element, html: string }} */ (parts.get(name));
      if (old.html === part.html || old.element.hasAttribute("data-live")) {
        part.element = old.element;
        continue;
      }
      if (!old.element.isConnected) return begin();
      part.element = document.adoptNode(part.element);
      old.element.replaceWith(part.element);
    }
    parts = fresh;
  }

  /** Load the page anew; nothing is done with the old one any more. @returns {Promise<never>} */
  function begin() {
    location.reload();
    return new Promise(() => {});
  }

  /** @type {HTMLElement | null} */
  let said = null;
  /** Say the gravest of what is to be said. */
  function say() {
    let text = error;
    if (gone) text = "This page is no longer part of the site.";
    if (ended) text = "The server has ended: this page is no longer kept up to date.";
    if (text === (said?.textContent || "")) return;
    said?.remove();
    said = text ? reportgen.note(gone || ended ? "warn" : "bad", text) : null;
    if (said) document.querySelector("main")?.prepend(said);
  }

  /** @param {{ version: number, paths?: string[], error?: string, everything?: boolean }} news without paths: none */
  async function take({ version: latest, paths, error: wrong, everything }) {
    if (paths) {
      if (everything || paths.includes(own)) await renew();
      error = wrong || "";
      const data = paths.flatMap((path) => /^data\/(.+)\.js$/.exec(path)?.[1] || []);
      const detail = { data, everything };
      if (!gone) document.dispatchEvent(new CustomEvent("reportgen:refresh", { detail }));
    }
    version = latest;
  }

  /** Only a page that is seen asks: a browser keeps few connections to one server. */
  function seen() {
    if (!document.hidden) return Promise.resolve();
    return new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
  }

  async function follow() {
    say();
    for (let failures = 0; ; ) {
      await seen();
      const asked = new AbortController();
      const { signal } = asked;
      document.addEventListener("visibilitychange", () => asked.abort(), { once: true, signal });
      try {
        const answer = await fetch(new URL(`live/news?since=${version}`, home), { cache: "no-store", signal });
        await take(await answer.json());
        failures = 0;
      } catch {
        if (signal.aborted) continue;
        failures += 1;
      } finally {
        asked.abort();
      }
      ended = failures >= 3;
      say();
      await new Promise((resolve) => setTimeout(resolve, Math.min(failures, 3) * 1000));
    }
  }

  addEventListener("load", follow);
})();

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

  let parts = partsOf(document);
  const assets = assetsOf(document);

  /** Exchange what differs; a page of another shape is loaded anew, which keeps the view and the scroll position. */
  async function renew() {
    const answer = await fetch(location.pathname, { cache: "no-store" });
    if (!answer.ok) return say("warn", "This page is no longer part of the site.");
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = partsOf(page);
    if (assetsOf(page) !== assets || [...fresh.keys()].join() !== [...parts.keys()].join()) return location.reload();
    document.title = page.title;
    for (const [name, part] of fresh) {
      const old = /** @type {{ element: Element, html: string }} */ (parts.get(name));
      if (old.html === part.html || old.element.hasAttribute("data-live")) {
        part.element = old.element;
        continue;
      }
      if (!old.element.isConnected) return location.reload();
      part.element = document.adoptNode(part.element);
      old.element.replaceWith(part.element);
    }
    parts = fresh;
  }

  /** @type {HTMLElement | null} */
  let said = null;
  /**
   * @param {"warn" | "bad"} kind
   * @param {string} text
   */
  function say(kind, text) {
    said?.remove();
    said = text ? reportgen.note(kind, text) : null;
    if (said) document.querySelector("main")?.prepend(said);
  }

  /** @param {{ version: number, paths?: string[], error?: string, everything?: boolean }} news */
  async function take(news) {
    version = news.version;
    if (!news.paths) return;
    say("bad", news.error ? `The last build failed: ${news.error}` : "");
    if (news.everything || news.paths.includes(own)) await renew();
    const data = news.paths.flatMap((path) => /^data\/(.+)\.js$/.exec(path)?.[1] || []);
    document.dispatchEvent(new CustomEvent("reportgen:refresh", { detail: { data, everything: news.everything } }));
  }

  /** Only a page that is seen asks: a browser keeps few connections to one server. */
  function seen() {
    if (!document.hidden) return Promise.resolve();
    return new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
  }

  async function follow() {
    for (let failures = 0; ; ) {
      await seen();
      try {
        const answer = await fetch(new URL(`live/news?since=${version}`, home), { cache: "no-store" });
        await take(await answer.json());
        failures = 0;
      } catch {
        failures += 1;
        if (failures === 3) say("warn", "The server has ended: this page is no longer kept up to date.");
        await new Promise((resolve) => setTimeout(resolve, Math.min(failures, 10) * 1000));
      }
    }
  }

  addEventListener("load", follow);
})();

// @ts-check
/** Loads the page anew as soon as `reportgen serve` has a site to show. */
(async () => {
  "use strict";

  for (;;) {
    try {
      const answer = await fetch("/live/news?since=0", { cache: "no-store" });
      if ((await answer.json()).paths) return location.reload();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
})();

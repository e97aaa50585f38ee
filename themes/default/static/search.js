// @ts-check
/**
 * The search over experiments, runs, pages and the sections of the open page: a combobox in a dialog. bar.js loads it
 * on its first use; it loads `data/search.js`.
 */
(() => {
  "use strict";

  const { el } = reportgen;
  const html = document.documentElement;
  /** Runs that are shown; the runs table shows all. */
  const SHOWN = 20;
  const SHOWN_OTHERS = 6;
  /** Characters of a line around what was found in it. */
  const AROUND = 40;
  const EXCERPTS = 3;

  /** Lower case that leaves each letter in its place, so that finds can be marked in the text. @param {string} text */
  function lower(text) {
    const small = text.toLowerCase();
    return small.length === text.length ? small : text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
  }

  /**
   * The words of a query; blanks around `=` belong to a param: `lr = 0.1`.
   * @param {string} query
   */
  const wordsOf = (query) =>
    lower(query.trim().replace(/\s*=\s*/g, "="))
      .split(/\s+/)
      .filter(Boolean);

  // ---- what is searched

  /** What a search looks through: for each entry a line with its name, one with what it belongs to, and its text. */
  class Entries {
    /** @param {string[]} names @param {string[]} owners @param {string[]} texts */
    constructor(names, owners, texts) {
      this.names = names;
      this.owners = owners;
      const line = (/** @type {string} */ name) => name.replace(/\n/g, " ");
      this.hay = names.map((name, i) => lower(`${line(name)}\n${line(owners[i])}\n${texts[i]}\n`));
    }

    /**
     * Entries that have all the words, best first: those whose name begins with a word before those that have it in the
     * name, then in what they belong to, in a param or tag, in a note; else in the order they came in.
     * @param {string[]} words
     */
    find(words) {
      const n = this.hay.length;
      /** @type {number[]} */
      const found = [];
      for (let i = 0; i < n; i++) {
        const hay = this.hay[i];
        let rank = 0;
        for (const word of words) {
          const at = hay.indexOf(word);
          if (at < 0) {
            rank = -1;
            break;
          }
          rank += this.rank(i, word, at);
        }
        if (rank >= 0) found.push(rank * n + i);
      }
      return Float64Array.from(found)
        .sort()
        .map((place) => place % n);
    }

    /** @param {number} i @param {string} word @param {number} at where the word is first */
    rank(i, word, at) {
      const name = this.names[i].length;
      if (at < name) return at ? 1 : 0;
      const text = name + this.owners[i].length + 2;
      if (at < text) return 2;
      const hay = this.hay[i];
      if (hay.includes(`\n${word}\n`, text - 1) || hay.includes(`=${word}\n`, text)) return 3;
      const line = hay.slice(hay.lastIndexOf("\n", at) + 1, hay.indexOf("\n", at));
      if (!line.includes("=")) return 6;
      return hay.includes(`\n${word}`, text - 1) ? 4 : 5;
    }
  }

  /** @type {Promise<{ data: SearchData, experiments: Entries, runs: Entries }> | null} */
  let loading = null;

  async function loadEntries() {
    const data = await reportgen.searchData();
    const { experiments, runs } = data;
    const newest = [...runs.start.keys()].sort((a, b) => runs.start[b] - runs.start[a]);
    for (const [name, column] of Object.entries(runs)) Object.assign(runs, { [name]: newest.map((i) => column[i]) });
    const owners = runs.experiment.map((number) => experiments.title[number]);
    return {
      data,
      experiments: new Entries(
        experiments.title,
        experiments.title.map(() => ""),
        experiments.text,
      ),
      runs: new Entries(runs.name, owners, runs.text),
    };
  }

  // ---- what is shown

  /** @param {string} text @param {string[]} words @returns {(Node | string)[]} */
  function marked(text, words) {
    const small = lower(text);
    /** @type {[number, number][]} */
    const places = [];
    for (const word of words) {
      for (let at = small.indexOf(word); at >= 0; at = small.indexOf(word, at + word.length))
        places.push([at, at + word.length]);
    }
    places.sort((a, b) => a[0] - b[0]);
    const parts = [];
    let done = 0;
    for (const [from, to] of places) {
      if (to <= done) continue;
      if (from > done) parts.push(text.slice(done, from));
      parts.push(el("mark", null, text.slice(Math.max(from, done), to)));
      done = to;
    }
    return [...parts, text.slice(done)];
  }

  /**
   * Lines of a text in which the words stand, cut around them.
   * @param {string} text
   * @param {string[]} words
   */
  function excerpts(text, words) {
    /** @type {(Node | string)[]} */
    const parts = [];
    let open = words;
    for (const line of text.split("\n")) {
      const small = lower(line);
      const hit = open.find((word) => small.includes(word));
      if (!hit || parts.length >= 2 * EXCERPTS) continue;
      const at = small.indexOf(hit);
      const from = at > AROUND ? at - AROUND : 0;
      const to = Math.min(line.length, at + hit.length + AROUND);
      const cut = (from ? "…" : "") + line.slice(from, to) + (to < line.length ? "…" : "");
      parts.push(" · ", el("bdi", null, ...marked(cut, words)));
      open = open.filter((word) => !small.includes(word));
    }
    return parts;
  }

  /** Words that are not in a text. @param {string[]} words @param {string} text */
  const restOf = (words, text) => words.filter((word) => !lower(text).includes(word));

  let made = 0;
  /**
   * @param {string} address
   * @param {(Node | string)[]} name
   * @param {(Node | string)[]} about
   * @param {Node | null} [sign]
   */
  function option(address, name, about, sign) {
    const said = el("span", null, el("b", null, el("bdi", null, ...name)));
    if (about.length) said.append(el("small", null, ...about));
    return el(
      "a",
      { role: "option", id: `found-${++made}`, href: address, tabindex: -1, "aria-selected": "false" },
      sign,
      said,
    );
  }

  /** @param {string} title @param {HTMLAnchorElement[]} options */
  function group(title, options) {
    if (!options.length) return null;
    const id = `found-${++made}`;
    return el(
      "div",
      { role: "group", "aria-labelledby": id },
      el("span", { id, role: "presentation" }, title),
      ...options,
    );
  }

  /** Sections, charts and metrics of the open page, by what a reader sees of them. */
  function placesOfPage() {
    /** @type {Map<string, Element>} */
    const places = new Map();
    for (const element of document.querySelectorAll(
      "main :is(h2, h3, figcaption [id]), main .summary-table tbody bdi",
    )) {
      const name = (element.textContent || "").trim();
      if (name && !element.closest("dialog, [hidden]") && !places.has(name)) places.set(name, element);
    }
    return places;
  }

  /** Bring a place of this page into view and keep the view of its charts and tables. @param {Element} place */
  function goTo(place) {
    for (let folded = place.closest("details"); folded; folded = folded.parentElement?.closest("details") || null)
      folded.open = true;
    if (place.id) history.pushState(null, "", `#${place.id}${location.hash.match(/\?.*/)?.[0] || ""}`);
    place.setAttribute("tabindex", "-1");
    /** @type {HTMLElement} */ (place).focus();
    place.scrollIntoView({ block: place.matches("bdi") ? "center" : "start" });
  }

  /** The links of the top bar and the footer, as the page has them. */
  function pages() {
    return /** @type {HTMLAnchorElement[]} */ ([
      ...document.querySelectorAll(".bar nav a, body > .page > footer a[href$='problems.html']"),
    ]);
  }

  // ---- the dialog

  function makeDialog() {
    const input = el("input", {
      type: "text",
      role: "combobox",
      "aria-label": "Search runs, params, notes",
      "aria-expanded": "true",
      "aria-controls": "found",
      "aria-autocomplete": "list",
      autocomplete: "off",
      autocapitalize: "off",
      spellcheck: "false",
      enterkeyhint: "go",
      placeholder: "Search runs, params, notes",
    });
    const list = el("div", { class: "found", id: "found", role: "listbox", "aria-label": "Found" });
    const said = el("span", { role: "status" });
    const all = el("a", { hidden: true }, "All of them in the runs table");
    const fault = el("div", null);
    const sign = document.querySelector(".search-open svg")?.cloneNode(true);
    const close = el("button", { type: "button", onclick: () => dialog.close() }, "Close");
    const field = el("div", { class: "field" }, sign, input, close);
    const dialog = el(
      "dialog",
      { class: "dialog search", "aria-label": "Search" },
      el("div", null, field, fault, list, el("footer", null, said, all)),
    );

    /** @type {Map<string, Element>} */
    let places = new Map();
    /** @type {Awaited<ReturnType<typeof loadEntries>> | null} */
    let entries = null;
    /** @type {HTMLAnchorElement[]} */
    let options = [];
    let active = -1;

    /** @param {number} next */
    function setActive(next, scroll = true) {
      options[active]?.setAttribute("aria-selected", "false");
      active = next;
      const option = options[active];
      if (!option) return input.removeAttribute("aria-activedescendant");
      option.setAttribute("aria-selected", "true");
      input.setAttribute("aria-activedescendant", option.id);
      if (scroll) option.scrollIntoView({ block: "nearest" });
    }

    /** @param {string[]} words */
    function showExperiments(words) {
      if (!entries) return [];
      const { title, page, text } = entries.data.experiments;
      return [...entries.experiments.find(words).slice(0, SHOWN_OTHERS)].map((i) =>
        option(reportgen.root + page[i], marked(title[i], words), excerpts(text[i], restOf(words, title[i])).slice(1)),
      );
    }

    /** @param {string[]} words @param {ArrayLike<number>} found */
    function showRuns(words, found) {
      if (!entries) return [];
      const { name, page, experiment, status, text } = entries.data.runs;
      return Array.from(found).map((i) => {
        const owner = /** @type {NonNullable<typeof entries>} */ (entries).data.experiments.title[experiment[i]];
        const rest = restOf(words, `${name[i]}\n${owner}`);
        const about = [el("bdi", null, ...marked(owner, words)), ...excerpts(text[i], rest)];
        return option(reportgen.root + page[i], marked(name[i], words), about, reportgen.mark(status[i]));
      });
    }

    function show() {
      const words = wordsOf(input.value);
      const has = (/** @type {string} */ name) => words.every((word) => lower(name).includes(word));
      const here = [...places].filter(([name]) => has(name)).slice(0, SHOWN_OTHERS);
      const found = entries && words.length ? entries.runs.find(words) : [];
      const groups = [
        group(
          "On this page",
          here.map(([name, place]) => {
            const made = option(place.id ? `#${place.id}` : location.href, marked(name, words), []);
            made.addEventListener("click", (event) => {
              if (event.ctrlKey || event.metaKey || event.shiftKey) return;
              event.preventDefault();
              dialog.close();
              goTo(place);
            });
            return made;
          }),
        ),
        group("Experiments", showExperiments(words)),
        group("Runs", showRuns(words, found.slice(0, SHOWN))),
        group(
          "Pages",
          pages()
            .filter((link) => has(link.textContent || ""))
            .map((link) => option(link.href, marked(link.textContent || "", words), [])),
        ),
      ];
      list.replaceChildren(...groups.filter((group) => group !== null));
      options = /** @type {HTMLAnchorElement[]} */ ([...list.querySelectorAll("a")]);
      active = -1;
      setActive(words.length && options.length ? 0 : -1);
      list.scrollTop = 0;
      input.setAttribute("aria-expanded", String(options.length > 0));
      list.hidden = !options.length;

      const { count } = reportgen.format;
      const first = found.length > SHOWN ? `; first ${SHOWN} shown` : "";
      if (!options.length)
        said.textContent = "Nothing matches. Each word must be part of a name, a param, a tag or a note.";
      else if (!words.length)
        said.textContent = entries ? `${count(entries.runs.names.length, "run")} can be searched` : "";
      else if (entries)
        said.textContent = `${count(found.length, "run")} ${found.length === 1 ? "matches" : "match"}${first}`;
      all.hidden = found.length < 2;
      // In quotes, what looks like a filter is a word there too.
      const asWords = input.value.trim().replace(/[^\s"]*[=<>!][^\s"]*/g, '"$&"');
      all.href = `${reportgen.root}runs.html#?q=${encodeURIComponent(asWords)}`;
    }

    async function load() {
      if (!loading) loading = loadEntries();
      said.textContent = "Loading";
      try {
        entries = await loading;
        fault.replaceChildren();
      } catch (error) {
        loading = null;
        const what = /** @type {Error} */ (error).message;
        fault.replaceChildren(reportgen.note("bad", `Experiments and runs cannot be searched: ${what}.`));
      }
      show();
    }

    function open() {
      if (dialog.open) return;
      if (!dialog.isConnected) document.body.append(dialog);
      places = placesOfPage();
      dialog.showModal();
      input.select();
      show();
      if (!entries) load();
    }

    /** @param {KeyboardEvent} event */
    function act(event) {
      event.stopPropagation(); // what lies behind must not act on a key
      const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
      const n = options.length;
      if (step && n) setActive(active < 0 ? (step > 0 ? 0 : n - 1) : (active + step + n) % n);
      else if (event.key === "Enter" && !event.isComposing && event.target === input) {
        const option = options[active];
        if (option && (event.ctrlKey || event.metaKey)) window.open(option.href, "_blank", "noopener");
        else option?.click();
      } else if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey)) input.select();
      else return;
      event.preventDefault();
    }

    input.addEventListener("input", show);
    dialog.addEventListener("keydown", act);
    dialog.addEventListener("click", (event) => {
      const link = /** @type {Element} */ (event.target).closest("a");
      if (event.target === dialog || (link && !event.ctrlKey && !event.metaKey && !event.shiftKey)) dialog.close();
    });
    list.addEventListener("pointermove", (event) => {
      const at = options.indexOf(/** @type {HTMLAnchorElement} */ (/** @type {Element} */ (event.target).closest("a")));
      if (at >= 0 && at !== active) setActive(at, false);
    });
    // The field keeps the focus: options are reached by arrow keys.
    list.addEventListener("pointerdown", (event) => event.button === 0 && event.preventDefault());

    /** Search in new data from now on. */
    function renew() {
      entries = null;
      if (dialog.open) load();
    }

    return { open, renew };
  }

  /** @type {ReturnType<typeof makeDialog> | null} */
  let dialog = null;

  /** The dialog needs its style sheet before it is seen. */
  function loadStyle() {
    return new Promise((resolve) => {
      const link = el("link", {
        rel: "stylesheet",
        href: html.dataset.searchStyle || "",
        onload: resolve,
        onerror: resolve,
      });
      if (html.dataset.searchStyle) document.head.append(link);
      else resolve(null);
    });
  }
  const styled = loadStyle();

  // A site that is served while runs train.
  document.addEventListener("reportgen:refresh", async (event) => {
    const { data, everything } = /** @type {CustomEvent} */ (event).detail;
    if (!loading || !(everything || data.includes("search"))) return;
    await reportgen.reload("search").catch(() => {});
    loading = null;
    dialog?.renew();
  });

  reportgen.search = () => {
    if (!dialog) dialog = makeDialog();
    const { open } = dialog;
    styled.then(open);
  };
})();

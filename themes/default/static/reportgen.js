// @ts-check
/**
 * What every page may do with a script: the registry that data files hand their payload to, the view in the address,
 * elements, numbers as the build writes them, keys. Pages read without it.
 *
 * Everything else of the theme adds its part to the global `reportgen`; `reportgen.d.ts` in the sources lists them all.
 */
var reportgen = /** @type {Reportgen} */ (
  (() => {
    "use strict";

    const MINUTE = 60e3;
    const HOUR = 60 * MINUTE;
    const DAY = 24 * HOUR;
    /** Up to this age a time is told as a distance. */
    const AGO_LIMIT = 14 * DAY;
    /** An unfinished run whose last line is younger than this is called running. */
    const RUNNING_LIMIT = 30 * MINUTE;

    const html = document.documentElement;
    const root = html.dataset.root || "";
    const single = "single" in html.dataset;

    // ---- data files: each calls `reportgen.data(id, payload)`, since a page from disk can load nothing but scripts

    /** @type {Map<string, unknown>} */
    const payloads = new Map();
    /** @type {Map<string, Promise<any>>} */
    const loading = new Map();

    /**
     * @param {string} id
     * @param {unknown} [payload]
     * @returns {unknown} the payload, undefined while its file has not been loaded
     */
    function data(id, payload) {
      if (payload !== undefined) payloads.set(id, payload);
      return payloads.get(id);
    }

    /**
     * Insert a script; what failed once may be tried again.
     * @param {string} address
     * @param {boolean} [ordered] to run after those that were inserted so before it
     * @returns {Promise<void>}
     */
    function insert(address, ordered = false) {
      /** @type {Promise<void>} */
      const done = new Promise((resolve, reject) => {
        const script = document.createElement("script");
        script.src = address;
        script.async = !ordered;
        script.onload = () => resolve();
        script.onerror = () => reject(new Error(`${address.replace(/^(\.\.\/)+/, "").split("?")[0]} cannot be loaded`));
        document.head.append(script);
      });
      return done.finally(() => {
        document.head.querySelector(`script[src="${CSS.escape(address)}"]`)?.remove();
      });
    }

    /**
     * @param {string} key
     * @param {() => Promise<any>} make
     */
    function once(key, make) {
      let made = loading.get(key);
      if (!made) {
        made = make();
        loading.set(key, made);
        made.catch(() => loading.delete(key));
      }
      return made;
    }

    /**
     * @param {string} id
     * @param {string} [mark] what makes the address another one
     */
    async function fetchData(id, mark = "") {
      if (single) throw new Error(`data/${id}.js is not part of this report`);
      await insert(`${root}data/${id}.js${mark}`);
      if (!payloads.has(id)) throw new Error(`data/${id}.js is cut or damaged`);
      return payloads.get(id);
    }

    /** @param {string} id */
    async function load(id) {
      await loaded(id);
      return payloads.has(id) ? payloads.get(id) : once(`data ${id}`, () => fetchData(id));
    }

    /** A script of the page that is still on its way is waited for instead of loaded twice. @param {string} id */
    function loaded(id) {
      const element = document.querySelector(`script[data-id="${CSS.escape(id)}"]`);
      return payloads.has(id) || !element || document.readyState !== "loading" ? null : ready;
    }

    /** @param {string} id */
    function forget(id) {
      for (const key of [...loading.keys()]) if (key.endsWith(` ${id}`)) loading.delete(key);
      payloads.delete(id);
    }

    let reloads = 0;
    /** @param {string} id */
    function reload(id) {
      forget(id);
      return fetchData(id, `?${Date.now()}-${++reloads}`);
    }

    /** @param {string} name */
    function script(name) {
      return once(`script ${name}`, () => {
        const address = html.dataset[name];
        if (!single) return address ? insert(address, true) : Promise.resolve();
        const inside = address ? document.getElementById(address) : null;
        if (inside) document.head.append(el("script", null, inside.textContent));
        inside?.remove();
        return Promise.resolve();
      });
    }

    /** @param {string} path */
    function file(path) {
      if (!single) return root + path;
      const shown = /** @type {HTMLImageElement | null} */ (document.querySelector(`img[data-file="${CSS.escape(path)}"]`));
      return shown ? shown.src : "";
    }

    /** @param {string} text */
    function bytesOf(text) {
      const raw = atob(text);
      const bytes = new Uint8Array(raw.length);
      for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
      return bytes;
    }

    /** @param {string} text base64 of gzip */
    function inflate(text) {
      // Written here, since a Blob would go through another process of the browser, which takes five times as long.
      const { readable, writable } = new DecompressionStream("gzip");
      const writer = writable.getWriter();
      for (const step of [writer.write(bytesOf(text)), writer.close()]) step.catch(() => {}); // the reader hears of it
      return new Response(readable);
    }

    /** @param {string} text */
    function unpack(text) {
      return inflate(text).json();
    }

    /**
     * The twin of `encode_column` in `reportgen/site`.
     * @param {any} column
     * @returns {Promise<Float64Array>}
     */
    async function column(column) {
      if (Array.isArray(column)) return Float64Array.from(column, Number);
      const n = column.n;
      const values = new Float64Array(n);
      if ("start" in column) {
        for (let i = 0; i < n; i++) values[i] = column.start + i * column.delta;
        return values;
      }
      const size = column.f4 ? 4 : 8;
      const bytes = new Uint8Array(await inflate(column.f4 || column.f8 || column.i8).arrayBuffer());
      if (bytes.length !== n * size) throw new Error("a column is cut");
      const plain = new Uint8Array(n * size);
      for (let b = 0; b < size; b++) for (let i = 0, from = b * n; i < n; i++) plain[i * size + b] = bytes[from + i];
      if (column.f4) return Float64Array.from(new Float32Array(plain.buffer));
      if (column.f8) return new Float64Array(plain.buffer);
      const whole = new BigInt64Array(plain.buffer);
      for (let i = 0; i < n; i++) values[i] = Number(whole[i]);
      return values;
    }

    /** The twin of `decode_table` in `reportgen/site`. @param {string} k */
    function table(k) {
      return once(`table tables/${k}`, async () => {
        const found = await unpack(/** @type {string} */ (await load(`tables/${k}`)));
        found.runs.k ||= found.runs.page.map((/** @type {string} */ page) => page.slice(-15, -5));
        const unpacked = found.metrics.map(async (/** @type {any} */ metric) => {
          if (!Array.isArray(metric.values)) metric.values = [...(await column(metric.values))];
        });
        await Promise.all(unpacked);
        return found;
      });
    }

    // ---- pages

    /** @type {Promise<void>} */
    const ready = new Promise((resolve) => {
      if (document.readyState === "loading") addEventListener("DOMContentLoaded", () => resolve());
      else resolve();
    });

    /**
     * @param {string} kind
     * @param {(root: HTMLElement) => void} start
     */
    function page(kind, start) {
      ready.then(() => {
        for (const element of document.querySelectorAll(`[data-page="${kind}"]`)) {
          start(/** @type {HTMLElement} */ (element));
        }
      });
    }

    // ---- the view, in the address: `#<place>?<key>=<value>&…`

    function parts() {
      const [place, query = ""] = location.hash.slice(1).split(/\?(.*)/s);
      return { place, keys: new URLSearchParams(query) };
    }

    /** @param {Record<string, string | null>} changes */
    function viewWith(changes) {
      const { place, keys } = parts();
      for (const [key, value] of Object.entries(changes)) {
        if (value === null) keys.delete(key);
        else keys.set(key, value);
      }
      // Commas, colons, slashes and the like may stand in a fragment as they are, which keeps links readable.
      const query = keys.toString().replace(/%(2C|3A|2F|40|21|28|29|3B|24)/g, (code) => decodeURIComponent(code));
      return place || query ? `#${place}${query ? `?${query}` : ""}` : "";
    }

    // A link to another place of the page (`#same`, `#main`) names no view: it keeps the one that is shown.
    let last = location.hash;
    addEventListener("hashchange", () => {
      const query = last.split(/\?(.*)/s)[1];
      if (query && location.hash && !location.hash.includes("?")) history.replaceState(null, "", `${location.hash}?${query}`);
      last = location.hash;
    });

    const state = {
      /** @param {string} key */
      get: (key) => parts().keys.get(key),
      /** @param {Record<string, string | null>} changes @param {boolean} [step] */
      set(changes, step) {
        const view = viewWith(changes);
        if (view !== location.hash) history[step ? "pushState" : "replaceState"](null, "", view || location.pathname + location.search);
        last = location.hash;
      },
      /** @param {() => void} changed */
      listen(changed) {
        addEventListener("hashchange", changed);
      },
      /** @param {Record<string, string | null>} changes */
      link: (changes) => location.href.split("#")[0] + viewWith(changes),
    };

    /** A view behind the place hides it from the browser, so the way to it is gone here. */
    function goToPlace() {
      const { place } = parts();
      if (!place || !location.hash.includes("?")) return;
      const target = document.getElementById(decodeURIComponent(place));
      if (target) target.scrollIntoView();
    }

    // ---- elements

    /**
     * @param {Element} element
     * @param {any} attributes
     * @param {(Node | string | null | undefined)[]} children
     */
    function furnish(element, attributes, children) {
      for (const [name, value] of Object.entries(attributes || {})) {
        if (value === null || value === undefined || value === false) continue;
        if (name === "href" && value === "") continue; // a page that a report of one file does not hold
        if (typeof value === "function") element.addEventListener(name.slice(2), value);
        else element.setAttribute(name, value === true ? "" : String(value));
      }
      for (const child of children) if (child !== null && child !== undefined) element.append(child);
      return element;
    }

    /** @type {any} */
    const el = (/** @type {string} */ tag, /** @type {any} */ attributes, /** @type {any[]} */ ...children) =>
      furnish(document.createElement(tag), attributes, children);

    /**
     * @param {string} tag
     * @param {Record<string, string | number>} [attributes]
     * @param {(Node | string)[]} children
     */
    function svg(tag, attributes, ...children) {
      const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
      return /** @type {SVGElement} */ (furnish(element, attributes, children));
    }

    /** @param {number} slot */
    function swatch(slot) {
      const shape = { class: `swatch s${slot && ((slot - 1) % 10) + 1}${slot > 6 ? " dashed" : ""}`, viewBox: "0 0 14 4", width: 14, height: 4 };
      return svg("svg", { ...shape, "aria-hidden": "true" }, svg("path", { d: "M0 2h14" }));
    }

    /** @type {Record<string, () => SVGElement[]>} */
    const shapes = {
      finished: () => [svg("circle", { cx: 5, cy: 5, r: 3.2, fill: "currentColor" })],
      failed: () => [svg("path", { d: "M1.8 1.8l6.4 6.4M8.2 1.8l-6.4 6.4", stroke: "currentColor", "stroke-width": 1.8 })],
      unfinished: () => [
        svg("circle", { cx: 5, cy: 5, r: 3.4, fill: "none", stroke: "currentColor", "stroke-width": 1.6 }),
        svg("path", { d: "M5 1.6a3.4 3.4 0 0 1 0 6.8z", fill: "currentColor" }),
      ],
      stopped: () => [svg("path", { d: "M1 5h8", stroke: "currentColor", "stroke-width": 1.8 })],
    };

    /** @param {string} status */
    function mark(status) {
      const word = status[0].toUpperCase() + status.slice(1);
      const drawn = shapes[status === "running" ? "unfinished" : status] || shapes.stopped;
      const box = { class: `mark ${status}`, viewBox: "0 0 10 10", width: 10, height: 10, "aria-hidden": "true" };
      return el("span", { class: `status ${status}`, title: word }, svg("svg", box, ...drawn()), el("span", { class: "word hidden" }, word));
    }

    /**
     * @param {"warn" | "bad"} kind
     * @param {string} text
     */
    function note(kind, text) {
      const lines = { fill: "none", stroke: "currentColor" };
      const drawn =
        kind === "bad"
          ? [svg("path", { ...lines, d: "M3 3l8 8M11 3l-8 8", "stroke-width": 1.8 })]
          : [
              svg("path", { ...lines, d: "M7 1.8L13 12.2H1z", "stroke-width": 1.3, "stroke-linejoin": "round" }),
              svg("path", { ...lines, d: "M7 5.4v3.4M7 9.8v1.2", "stroke-width": 1.3 }),
            ];
      const sign = svg("svg", { viewBox: "0 0 14 14", width: 14, height: 14, "aria-hidden": "true" }, ...drawn);
      return el("div", { class: `note ${kind}`, role: "status" }, sign, el("div", null, text));
    }

    /** @type {HTMLElement | null} */
    let speaker = null;
    /** @param {string} text */
    function announce(text) {
      if (!speaker) {
        speaker = el("div", { class: "hidden", "aria-live": "polite" });
        document.body.append(/** @type {HTMLElement} */ (speaker));
      }
      /** @type {HTMLElement} */ (speaker).textContent = text;
    }

    // ---- numbers, as `reportgen/site/text.py` writes them

    const MISSING = "–";
    const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

    /**
     * `size` with so many decimals; ties go to the even digit.
     * @param {number} size
     * @param {number} decimals
     */
    function fixed(size, decimals) {
      const text = size.toFixed(decimals);
      const halves = size * 2 ** (decimals + 1);
      const tie = Number.isInteger(halves) && halves % 2 === 1;
      return tie && Number(text.at(-1)) % 2 ? (Number(text) - 10 ** -decimals).toFixed(decimals) : text;
    }

    /** The power of ten of the first digit, after rounding to four. @param {number} size */
    const magnitude = (size) => Number(size.toExponential(3).split("e")[1]);
    /** @param {string} digits */
    const grouped = (digits) => digits.replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
    /** @param {number} value @param {string} digits */
    const signed = (value, digits) => {
      const [whole, rest] = digits.split(".");
      return (value < 0 ? "\u2212" : "") + (/e/.test(digits) ? digits : grouped(whole) + (rest ? `.${rest}` : ""));
    };
    /** @param {number} size @param {number} significant */
    const exponent = (size, significant) => {
      const [mantissa, power] = size.toExponential(significant - 1).split("e");
      return `${Number(mantissa)}e${Number(power)}`;
    };
    /** @param {number} value */
    const word = (value) => (Number.isNaN(value) ? "NaN" : value > 0 ? "Inf" : "\u2212Inf");

    /**
     * @param {number | null | undefined} value
     * @param {number} [decimals]
     * @returns {string}
     */
    function number(value, decimals) {
      if (value === null || value === undefined) return MISSING;
      if (!Number.isFinite(value)) return word(value);
      const size = Math.abs(value);
      if (decimals !== undefined && decimals >= 6 && size < 1e-3) decimals = undefined;
      const hidden = decimals !== undefined && size < 1 && Number(fixed(size, decimals)) === 0;
      if (size >= 1e15 || (size > 0 && size < 1e-4 && (decimals === undefined || hidden))) {
        return signed(value, exponent(size, decimals === undefined ? 4 : 2));
      }
      if (decimals === undefined) {
        if (Number.isInteger(value)) return signed(value, String(size));
        const text = fixed(size, Math.max(0, 3 - magnitude(size)));
        return signed(value, text.includes(".") ? text.replace(/\.?0+$/, "") : text);
      }
      if (size && hidden) return signed(value, String(Number(fixed(size, 1 - Number(size.toExponential(1).split("e")[1])))));
      const text = fixed(size, decimals);
      return signed(Number(text) ? value : 0, text);
    }

    /** @param {(number | null)[]} values */
    function decimals(values) {
      const finite = values.filter((v) => v !== null && Number.isFinite(v)).map(Number);
      let largest = 0;
      let low = Infinity;
      let high = -Infinity;
      for (const v of finite) {
        largest = Math.max(largest, Math.abs(v));
        low = Math.min(low, v);
        high = Math.max(high, v);
      }
      if (!largest || largest >= 1e15) return 0;
      let wanted = (largest >= 0.1 ? 4 : 3) - 1 - magnitude(largest);
      if (high > low) wanted = Math.max(wanted, Math.min(1 - magnitude(high - low), wanted + 3));
      wanted = Math.min(Math.max(wanted, 0), 8);
      let used = 0;
      for (const v of finite) {
        if (used === wanted) break;
        const rest = fixed(Math.abs(v), wanted).replace(/0+$/, "").split(".")[1] || "";
        used = Math.max(used, rest.length);
      }
      return used;
    }

    /** @param {number | null | undefined} value */
    function full(value) {
      if (value === null || value === undefined) return "";
      return Number.isFinite(value) ? String(value).replace("e+", "e") : word(value).replace("\u2212", "-");
    }

    /** @param {ParamValue | undefined} value */
    function param(value) {
      if (value === null || value === undefined) return "None";
      if (value === true) return "True";
      if (value === false) return "False";
      if (value === "") return '""';
      if (Object.is(value, -0)) return "-0";
      if (typeof value !== "number" || Number.isInteger(value)) return String(value);
      const plain = String(value).replace("e+", "e");
      if (plain.includes("e")) return plain;
      const compact = value.toExponential().replace("e+", "e");
      return compact.length < plain.length && !(Math.abs(value) >= 1 && Math.abs(value) < 1e6) ? compact : plain;
    }

    /** @param {number} large @param {string} unit @param {number} small @param {string} smallUnit */
    const units = (large, unit, small, smallUnit) => `${large} ${unit} ${String(small).padStart(2, "0")} ${smallUnit}`;

    /** @param {number | null} seconds */
    function duration(seconds) {
      if (seconds === null || !Number.isFinite(seconds) || seconds < 0) return MISSING;
      if (seconds < 0.9995) return seconds >= 0.0005 ? `${fixed(seconds * 1000, 0)} ms` : "0 s";
      if (seconds < 9.95) return `${fixed(seconds, 1).replace(/\.0$/, "")} s`;
      const whole = Math.round(seconds);
      if (whole < 60) return `${whole} s`;
      if (whole < 600) return units(Math.floor(whole / 60), "min", whole % 60, "s");
      const minutes = Math.round(seconds / 60);
      if (minutes < 60) return `${minutes} min`;
      if (minutes < 48 * 60) return units(Math.floor(minutes / 60), "h", minutes % 60, "min");
      const hours = Math.round(seconds / 3600);
      return hours < 240 ? units(Math.floor(hours / 24), "d", hours % 24, "h") : `${grouped(String(Math.floor(hours / 24)))} d`;
    }

    /** @param {number} bytes */
    function size(bytes) {
      if (bytes < 1000) return count(bytes, "byte");
      let value = bytes;
      let unit = "";
      for (unit of ["KB", "MB", "GB", "TB"]) {
        value /= 1000;
        if (value < 999.5) break;
      }
      const whole = value >= 99.95 || (unit === "KB" && value >= 9.95);
      return `${whole ? fixed(value, 0) : fixed(value, 1).replace(/\.0$/, "")} ${unit}`;
    }

    /** @param {number | null} seconds */
    function time(seconds) {
      const moment = new Date(Math.floor(seconds || Number.NaN) * 1000);
      if (Number.isNaN(moment.getTime())) return MISSING;
      const clock = `${String(moment.getUTCHours()).padStart(2, "0")}:${String(moment.getUTCMinutes()).padStart(2, "0")}`;
      return `${moment.getUTCDate()} ${MONTHS[moment.getUTCMonth()]} ${moment.getUTCFullYear()}, ${clock} UTC`;
    }

    /** @param {number} many @param {string} noun @param {string} [plural] */
    function count(many, noun, plural) {
      return `${number(many)} ${many === 1 ? noun : plural || `${noun}s`}`;
    }

    /**
     * @param {number} then milliseconds since the epoch
     * @param {number} now
     * @returns {string} `3 h ago`, or empty when `then` is too old, not a time, or in the future
     */
    function ago(then, now) {
      const age = now - then;
      if (!(age >= -MINUTE && age <= AGO_LIMIT)) return "";
      if (age < MINUTE) return "just now";
      if (age < HOUR) return `${Math.floor(age / MINUTE)} min ago`;
      if (age < DAY) return `${Math.floor(age / HOUR)} h ago`;
      return `${Math.floor(age / DAY)} d ago`;
    }

    // ---- downloads

    /** @param {string} name @param {string} type @param {BlobPart} content */
    function download(name, type, content) {
      const address = URL.createObjectURL(new Blob([content], { type }));
      el("a", { href: address, download: name.replace(/[^\w.-]+/g, "-").slice(0, 120) }).click();
      setTimeout(() => URL.revokeObjectURL(address), 10e3);
    }

    /** @param {(string | number | null)[][]} rows */
    function csv(rows) {
      /** @param {string | number | null} cell */
      const write = (cell) => {
        if (cell === null) return "";
        if (typeof cell === "number") return full(cell);
        const safe = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
        return /[",\r\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
      };
      return rows.map((row) => `${row.map(write).join(",")}\r\n`).join("");
    }

    // ---- keys

    /** @type {{ key: string, description: string, act: (event: KeyboardEvent) => void }[]} */
    const bindings = [];
    addEventListener("keydown", (event) => {
      const target = /** @type {HTMLElement} */ (event.target);
      const typing = target.closest?.("input:not([type=checkbox], [type=range]), textarea, select, [contenteditable]");
      // With AltGr a letter is typed, such as [ on a German keyboard; Windows says Ctrl and Alt then.
      const typed = event.getModifierState("AltGraph");
      const ctrl = !typed && (event.ctrlKey || event.metaKey);
      if (event.defaultPrevented || (event.altKey && !typed) || (typing && !ctrl)) return;
      const name = `${ctrl ? "Ctrl-" : ""}${event.key.length === 1 ? event.key.toLowerCase() : event.key}`;
      for (const binding of bindings) {
        if (!binding.key.split(" ").includes(name)) continue;
        event.preventDefault();
        binding.act(event);
        return;
      }
    });

    const keys = {
      /** @param {string} key @param {string} description @param {(event: KeyboardEvent) => void} act */
      add(key, description, act) {
        bindings.push({ key, description, act });
      },
      list: () => bindings.map(({ key, description }) => ({ key, description })),
    };

    // ---- small things on every page

    /** @template {Element} T @param {string} selector @returns {T[]} */
    function all(selector) {
      return /** @type {T[]} */ (Array.from(document.querySelectorAll(selector)));
    }

    /** @param {number} now */
    function tellTimes(now) {
      for (const element of /** @type {HTMLTimeElement[]} */ (all("time.ago"))) {
        const text = ago(Date.parse(element.dateTime), now);
        if (!text) continue;
        if (!element.title) element.title = element.textContent || "";
        element.textContent = text;
      }
    }

    /** On paper "3 h ago" means nothing: put the absolute times back. */
    function restoreTimes() {
      for (const element of /** @type {HTMLTimeElement[]} */ (all("time.ago[title]"))) element.textContent = element.title;
    }

    /** @param {number} now */
    function markRunning(now) {
      for (const element of /** @type {HTMLElement[]} */ (all(".status[data-last]"))) {
        const then = Date.parse(element.dataset.last || "");
        if (!(now - then >= -MINUTE && now - then <= RUNNING_LIMIT)) continue;
        element.querySelector(".mark")?.setAttribute("class", "mark running");
        const said = element.querySelector(".word");
        if (said) said.textContent = "Running";
        element.title = `last line ${ago(then, now)}`;
      }
    }

    /**
     * @param {HTMLElement} source element whose text is to be copied
     * @param {HTMLButtonElement} button
     */
    function copy(source, button) {
      /** @param {string} said */
      function say(said) {
        button.textContent = said;
        setTimeout(() => {
          button.textContent = "Copy";
        }, 2000);
      }
      function select() {
        getSelection()?.selectAllChildren(source);
        say("Selected");
      }
      if (!navigator.clipboard) return select();
      navigator.clipboard.writeText((source.textContent || "").trim()).then(() => say("Copied"), select);
    }

    function enableCopying() {
      for (const button of /** @type {HTMLButtonElement[]} */ (all("button[data-copy]"))) {
        const source = document.getElementById(button.dataset.copy || "");
        if (!source) continue;
        button.hidden = false;
        button.addEventListener("click", () => copy(source, button));
      }
    }

    /** Mark in the rail which section is being read. */
    function followSections() {
      /** @type {Map<Element, Element>} */
      const links = new Map();
      for (const link of /** @type {HTMLAnchorElement[]} */ (all(".rail a"))) {
        const section = document.getElementById(decodeURIComponent(link.hash.slice(1)))?.closest("section");
        if (section && !links.has(section)) links.set(section, link);
      }
      if (!links.size) return;
      const visible = new Set();
      const observer = new IntersectionObserver(
        (entries) => {
          for (const entry of entries) {
            if (entry.isIntersecting) visible.add(entry.target);
            else visible.delete(entry.target);
          }
          const current = Array.from(links.keys()).find((section) => visible.has(section));
          if (!current) return;
          links.forEach((link, section) => {
            if (section === current) link.setAttribute("aria-current", "true");
            else link.removeAttribute("aria-current");
          });
        },
        { rootMargin: "0px 0px -70% 0px" },
      );
      for (const section of links.keys()) observer.observe(section);
    }

    /** Print what is folded away, and fold it again afterwards. */
    function preparePrinting() {
      /** @type {HTMLDetailsElement[]} */
      let opened = [];
      addEventListener("beforeprint", () => {
        restoreTimes();
        opened = /** @type {HTMLDetailsElement[]} */ (all("details:not([open])"));
        for (const details of opened) details.open = true;
      });
      addEventListener("afterprint", () => {
        for (const details of opened) details.open = false;
        tellTimes(Date.now());
      });
    }

    /** The search's chunks as one, runs newest first within each: most sites have a single one. @returns {Promise<SearchData>} */
    async function searchData() {
      const chunks = /** @type {Record<string, string>} */ (await load("search"));
      const [all, ...others] = /** @type {Record<string, Record<string, any[]>>[]} */ (await Promise.all(Object.values(chunks).map(unpack)));
      for (const other of others) {
        other.runs.experiment = other.runs.experiment.map((number) => number + all.experiments.title.length);
        for (const kind in all) for (const name in all[kind]) all[kind][name] = all[kind][name].concat(other[kind][name]);
      }
      return /** @type {SearchData} */ (/** @type {unknown} */ (all));
    }

    ready.then(() => {
      const now = Date.now();
      tellTimes(now);
      markRunning(now);
      enableCopying();
      followSections();
      preparePrinting();
      goToPlace();
    });

    return {
      root,
      single,
      data,
      load,
      forget,
      reload,
      script,
      file,
      unpack,
      column,
      table,
      index: () => load("index"),
      searchData,
      page,
      state,
      el,
      svg,
      format: { number, full, param, duration, size, time, ago, count, decimals },
      loose: (/** @type {LooseNumber | null} */ value) => (value === null ? null : Number(value)),
      keys,
      announce,
      download,
      csv,
      note,
      swatch,
      mark,
    };
  })()
);

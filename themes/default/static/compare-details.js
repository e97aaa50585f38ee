// @ts-check
/**
 * The end of a comparison: the code of the runs (commits, command lines, uncommitted changes) and the files that several
 * of them have under one name: pictures, texts and tables beside each other.
 */
(() => {
  "use strict";

  const { el, format, differences } = reportgen;

  const CONTEXT = 3;
  /** Lines of a difference that are shown at first. */
  const SHOWN_LINES = 80;
  const SHOWN_NAMES = 6;
  const SHOWN_FILES = 12;
  const SHOWN_VERSIONS = 12;
  const SHOWN_ROWS = 10;
  const SHOWN_COLUMNS = 12;
  const MAX_CELL = 160;
  /** Texts of more bytes are loaded only when the reader comes near. */
  const MANY_TEXTS = 2 ** 20;

  // ---- what both draw

  /** @param {ComparedRun[]} runs */
  function runNames(runs) {
    const items = runs.slice(0, SHOWN_NAMES).map(({ name, slot }) => el("span", null, reportgen.swatch(slot), " ", el("bdi", null, name)));
    return el("span", { class: "run-names" }, ...items, runs.length > SHOWN_NAMES ? `and ${runs.length - SHOWN_NAMES} more` : null);
  }

  /** @param {string} label @param {Node[]} content */
  const scroll = (label, ...content) => el("section", { class: "scroll", "aria-label": label, tabindex: "0" }, ...content);

  /** @param {string} label @param {string[]} heads @param {Node[]} rows */
  const listing = (label, heads, ...rows) =>
    scroll(label, el("table", { class: "words" }, el("thead", null, el("tr", null, ...heads.map((head) => el("th", { scope: "col" }, head)))), el("tbody", null, ...rows)));

  /** @param {string} label @param {() => void} act */
  const button = (label, act) => el("button", { type: "button", class: "button", onclick: act }, label);

  /** @param {string} text */
  const aside = (text) => el("span", { class: "aside", dir: "auto" }, text);

  /** @param {number} added @param {number} removed */
  const counts = (added, removed) => el("span", { class: "counts" }, el("span", { class: "added" }, `+${added}`), " ", el("span", { class: "removed" }, `−${removed}`));

  /**
   * Edits as lines with their numbers; long stretches without a change are left out.
   * @param {Edit[]} edits
   * @param {string} label
   */
  function patchTable(edits, label) {
    const changed = edits.map(({ kind }) => kind !== " ");
    /** An edit, or how many lines are left out. @type {(Edit | number)[]} */
    const items = [];
    for (const [i, edit] of edits.entries()) {
      const last = items.at(-1);
      if (changed.slice(Math.max(0, i - CONTEXT), i + CONTEXT + 1).includes(true)) items.push(edit);
      else if (typeof last === "number") items[items.length - 1] = last + 1;
      else items.push(1);
    }
    const body = el("tbody");
    const host = el("div", null, scroll(label, el("table", { class: "patch" }, body)));
    const more = button("", () => show(20 * SHOWN_LINES));
    let at = 0;
    /** @param {number} most */
    function show(most) {
      body.append(...items.slice(at, at + most).map(patchLine));
      at = Math.min(at + most, items.length);
      more.textContent = format.count(items.length - at, "more line");
      if (at < items.length) host.append(more);
      else more.remove();
    }
    show(items.length > SHOWN_LINES * 1.25 ? SHOWN_LINES : items.length);
    return host;
  }

  /** @param {Edit | number} item */
  function patchLine(item) {
    const gap = (/** @type {string} */ text) => el("tr", { class: "gap" }, el("td", { colspan: 4, dir: "auto" }, text));
    if (typeof item === "number") return gap(`${format.count(item, "line")} the same`);
    const { kind, text, a, b } = item;
    if (kind === "@") return gap(`line ${b + 1} ${text}`);
    const [mark, name] = { "+": ["+", "added"], "-": ["−", "removed"], " ": ["", ""] }[kind];
    const number = (/** @type {number} */ n) => el("td", { class: "num" }, n < 0 ? "" : String(n + 1));
    return el("tr", { class: name }, number(a), number(b), el("td", { class: "sign" }, mark), el("td", null, text));
  }

  /** A part whose content is made when it is opened, or printed. @param {(Node | string)[]} head @param {boolean} open @param {() => Node[]} make */
  function fold(head, open, make) {
    const details = el("details", { class: "fold" }, el("summary", null, ...head, el("span", { class: "more" })));
    const fill = () => {
      if (details.childElementCount === 1) details.append(el("div", null, ...make()));
    };
    details.addEventListener("toggle", fill);
    addEventListener("beforeprint", fill);
    if (open) {
      fill();
      details.open = true;
    }
    return details;
  }

  // ---- code

  /** @typedef {{ code: RunFacts["code"], runs: ComparedRun[], files: PatchFile[] }} CodeState */

  /** @param {string} url @param {string} commit */
  const isLinked = (url, commit) => /^https?:/.test(url) && /^[0-9a-f]{7,64}$/.test(commit);

  /** @param {string} url @param {string} commit */
  function commitName(url, commit) {
    if (!commit) return el("span", { class: "none" }, "–");
    const short = el("code", null, commit.slice(0, 7));
    return isLinked(url, commit) ? el("a", { href: `${url}/commit/${commit}` }, short) : short;
  }

  /** Where the forge compares two commits; GitLab spells it in its own way. @param {string} url @param {string} from @param {string} to */
  function compareLink(url, from, to) {
    const words = el("code", null, `${from.slice(0, 7)} → ${to.slice(0, 7)}`);
    const between = url.includes("gitlab") ? "/-/compare/" : "/compare/";
    return isLinked(url, from) && isLinked(url, to) ? el("a", { href: `${url}${between}${from}...${to}` }, words) : words;
  }

  /** @param {RunFacts["code"]} code @param {PatchFile[]} files */
  function changesOf({ dirty, diff }, files) {
    if (!diff) return dirty === null ? "not known" : dirty ? "yes, but not kept" : "none";
    const sum = (/** @type {"added" | "removed"} */ which) => files.reduce((total, file) => total + file[which], 0);
    return el("span", null, `${format.count(files.length, "file")} `, counts(sum("added"), sum("removed")));
  }

  /** Runs by what `key` says of their code, the baseline's first. @param {ComparedRun[]} runs @param {(code: RunFacts["code"]) => unknown} key */
  function groupsOf(runs, key) {
    /** @type {Map<string, CodeState>} */
    const groups = new Map();
    for (const run of runs) {
      const { code } = /** @type {RunFacts} */ (run.facts);
      const name = JSON.stringify(key(code));
      const group = groups.get(name) || { code, runs: [], files: [] };
      group.runs.push(run);
      groups.set(name, group);
    }
    return [...groups.values()];
  }

  /**
   * @param {ComparedRun[]} runs
   * @param {string} url of the repository
   * @returns {{ said: string, content: Node[] }}
   */
  function comparedCode(runs, url) {
    const known = runs.filter(({ facts }) => facts && (facts.code.commit || facts.code.diff || facts.code.command.length));
    if (!known.length) return { said: "", content: [] };
    const states = groupsOf(known, ({ commit, branch, dirty, diff }) => [commit, branch, dirty, diff]);
    for (const state of states) state.files = differences.parsePatch(state.code.diff);
    const commits = [...new Set(states.map(({ code }) => code.commit))].filter(Boolean);
    const commands = groupsOf(known, ({ command }) => command);
    const changed = states.filter(({ code }) => code.diff);
    const content = [states.length > 1 || changed.length ? stateTable(states, url) : onlyState(states[0].code, url)];
    if (commands.length > 1) {
      const rows = commands.map(({ code, runs: own }) => el("tr", null, el("th", { scope: "row" }, runNames(own)), el("td", null, el("code", { dir: "auto" }, ...wordDifference(commands[0].code.command, code.command)))));
      content.push(listing("Table of the command lines", ["Runs", "Command line"], ...rows));
    }
    for (const state of changed) {
      const lines = state.files.reduce((sum, file) => sum + file.edits.length, 0);
      const against = [" uncommitted, on top of ", el("code", null, state.code.commit.slice(0, 7) || "its commit"), " "];
      const others = state === states[0] ? null : states[0];
      content.push(fold([runNames(state.runs), el("span", null, ...against, changesOf(state.code, state.files))], changed.length < 4 && lines <= SHOWN_LINES, () => patchFiles(state, others)));
    }
    const dirty = known.filter(({ facts }) => facts?.code.dirty || facts?.code.diff).length;
    const said = commits.length === 2 ? commits.map((commit) => commit.slice(0, 7)).join(" → ") : commits.length > 2 ? format.count(commits.length, "commit") : "";
    return { said: [said, dirty ? `${format.count(dirty, "run")} with uncommitted changes` : ""].filter(Boolean).join(", "), content };
  }

  /** @param {RunFacts["code"]} code @param {string} url */
  function onlyState({ commit, branch, dirty }, url) {
    if (!commit) return el("p", { class: "said" }, "The commit is not known.");
    const end = dirty === null ? "; whether there were uncommitted changes is not known." : dirty ? ", with uncommitted changes that were not kept." : ", without uncommitted changes.";
    return el("p", { class: "said" }, "All runs ran ", commitName(url, commit), ...(branch ? [" on ", el("bdi", null, branch)] : []), end);
  }

  /** @param {CodeState[]} states @param {string} url */
  function stateTable(states, url) {
    const first = states[0].code.commit;
    const rows = states.map((state, i) => {
      const { commit, branch, commit_time } = state.code;
      const against = commit && first && commit !== first ? compareLink(url, first, commit) : i ? "the same commit" : "";
      const cells = [commitName(url, commit), el("bdi", null, branch || "–"), format.time(commit_time), changesOf(state.code, state.files), against];
      return el("tr", null, el("th", { scope: "row" }, runNames(state.runs)), ...cells.map((cell) => el("td", null, cell)));
    });
    return listing("Table of the commits", ["Runs", "Commit", "Branch", "Committed", "Uncommitted changes", "Against the baseline"], ...rows);
  }

  /** The changed files of one state, and what differs from the changes of the baseline when that has some. @param {CodeState} state @param {CodeState | null} others @returns {Node[]} */
  function patchFiles({ files }, others) {
    const name = others?.runs[0].name;
    const linesOf = (/** @type {PatchFile} */ { edits }) => edits.map(({ kind, text }) => (kind === "@" ? `@@ ${text}` : kind + text));
    const content = files.flatMap((file) => {
      const other = others?.files.find((candidate) => candidate.name === file.name);
      const same = other && linesOf(other).join("\n") === linesOf(file).join("\n");
      const head = el("p", { class: "patch-head" }, el("code", { dir: "auto" }, file.name), file.edits.length ? counts(file.added, file.removed) : null, same ? aside(`the same change as in ${name}`) : null, file.said ? aside(file.said) : null);
      if (same || !file.edits.length) return [head];
      /** @type {HTMLElement[]} */
      const made = [head, patchTable(file.edits, `Changes of ${file.name}`)];
      if (other) made.push(fold([`Against the change of ${name}`], false, () => [patchTable(differences.lines(linesOf(other), linesOf(file)).edits, `Change of ${file.name} against that of ${name}`)]));
      return made;
    });
    const only = others?.files.filter((other) => !files.some((file) => file.name === other.name)) || [];
    if (only.length) content.push(el("p", { class: "fine", dir: "auto" }, `Changed in ${name} alone: ${only.map((file) => file.name).join(", ")}`));
    return content;
  }

  /** @param {string[]} before @param {string[]} after @returns {(Node | string)[]} */
  function wordDifference(before, after) {
    return differences.lines(before, after).edits.flatMap(({ kind, text }) => [kind === "+" ? el("ins", null, text) : kind === "-" ? el("del", null, text) : text, " "]);
  }

  // ---- files

  /** @typedef {RunFacts["artifacts"][0]} Artifact */
  /** The same bytes under one name. @typedef {{ runs: ComparedRun[], artifact: Artifact }} Version */
  /** @typedef {{ path: string, versions: Version[], kind: "picture" | "drawing" | "text" | "file", runs: number }} SameFile */

  /** @param {Artifact} artifact @returns {SameFile["kind"]} */
  function kindOf({ media, published, path, text }) {
    if (/^image\/svg/.test(media) || /\.svg$/i.test(path)) return text ? "drawing" : "file";
    if (/^image\//.test(media) && published) return "picture";
    return text ? "text" : "file";
  }

  /** The files that at least two runs have, pictures first. @param {ComparedRun[]} runs @returns {SameFile[]} */
  function filesOf(runs) {
    /** @type {Map<string, Map<string, Version>>} */
    const paths = new Map();
    for (const run of runs) {
      for (const artifact of run.facts?.artifacts || []) {
        const versions = paths.get(artifact.path) || new Map();
        const name = artifact.sha256 || run.k;
        const version = versions.get(name) || { runs: [], artifact };
        version.runs.push(run);
        paths.set(artifact.path, versions.set(name, version));
      }
    }
    const rank = { picture: 0, drawing: 0, text: 1, file: 2 };
    const files = [...paths].map(([path, found]) => {
      const versions = [...found.values()];
      const kinds = new Set(versions.map(({ artifact }) => kindOf(artifact)));
      return { path, versions, kind: kinds.size === 1 ? [...kinds][0] : "file", runs: versions.reduce((sum, version) => sum + version.runs.length, 0) };
    });
    return files.filter((file) => file.runs > 1).sort((a, b) => rank[a.kind] - rank[b.kind] || (a.path < b.path ? -1 : 1));
  }

  /**
   * @param {ComparedRun[]} runs
   * @returns {{ said: string, content: Node[] }}
   */
  function sameFiles(runs) {
    const files = filesOf(runs);
    if (!files.length) return { said: "", content: [] };
    const shown = files.filter(({ kind, versions }) => kind !== "file" && (kind !== "text" || versions.length > 1));
    const grid = el("div", { class: "same-files" }, ...shown.slice(0, SHOWN_FILES).map(fileBlock));
    /** @type {Node[]} */
    const content = shown.length ? [grid] : [];
    const rest = shown.slice(SHOWN_FILES);
    if (rest.length) {
      const more = button(format.count(rest.length, "more file"), () => {
        grid.append(...rest.map(fileBlock));
        more.remove();
      });
      content.push(more);
    }
    const listed = files.filter((file) => !shown.includes(file));
    if (listed.length) content.push(listing("Table of the same files", ["File", "Content", "Size and sha256"], ...listed.map(fileRow)));
    const everywhere = files.filter((file) => file.runs === runs.length).length;
    const where = everywhere === files.length ? `all ${runs.length} runs` : `at least two runs, ${everywhere} in all`;
    return { said: `${format.count(files.length, "name")} ${files.length === 1 ? "occurs" : "occur"} in ${where}`, content };
  }

  /** @param {SameFile} file */
  function fileBlock({ path, versions, kind, runs }) {
    const said = versions.length === 1 ? `the same in ${runs} runs` : `${versions.length} versions in ${runs} runs`;
    const host = el("div", { class: kind === "text" ? "texts" : "pictures" });
    const block = el("article", { class: "same-file" }, el("header", null, el("h3", { dir: "auto" }, path), aside(said)), host);
    const shown = versions.slice(0, SHOWN_VERSIONS);
    if (shown.length < versions.length) block.append(el("p", { class: "fine" }, `${versions.length - shown.length} more versions are not shown.`));
    if (kind === "picture") {
      const pictures = shown.map(({ artifact }) => el("img", { src: reportgen.file(artifact.published || ""), alt: path, loading: "lazy", onload: () => sameScale(pictures) }));
      host.append(...shown.map((version, i) => figure(version, el("a", { href: reportgen.single ? "" : reportgen.root + version.artifact.published }, pictures[i]))));
      return block;
    }
    let filled = false;
    const fill = async () => {
      if (filled || !block.isConnected) return;
      filled = true;
      sight.disconnect();
      try {
        const texts = await Promise.all(shown.map(textOf));
        if (kind === "text") host.append(...textVersions(path, shown, texts));
        else host.append(...shown.map((version, i) => figure(version, drawing(path, texts[i].text))));
      } catch (error) {
        host.replaceChildren(reportgen.note("bad", `${/** @type {Error} */ (error).message}: ${path} is not shown.`));
      }
    };
    const sight = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && fill(), { rootMargin: "400px" });
    sight.observe(block);
    addEventListener("beforeprint", fill);
    return block;
  }

  /** @param {Version} version @param {Node} content */
  const figure = ({ runs, artifact }, content) => el("figure", null, content, el("figcaption", null, runNames(runs), aside(format.size(artifact.size_bytes))));

  /** Pictures of one name are shown at one scale. @param {HTMLImageElement[]} pictures */
  function sameScale(pictures) {
    const widest = Math.max(...pictures.map((picture) => picture.naturalWidth));
    for (const picture of pictures) {
      if (!picture.naturalWidth) continue;
      picture.style.width = `${(100 * picture.naturalWidth) / widest}%`;
      picture.style.maxWidth = `${picture.naturalWidth}px`;
    }
  }

  /** A drawing as the data of an image, where nothing in it can run. @param {string} path @param {string} text */
  function drawing(path, text) {
    let raw = "";
    for (const byte of new TextEncoder().encode(text)) raw += String.fromCharCode(byte);
    return el("img", { src: `data:image/svg+xml;base64,${btoa(raw)}`, alt: path });
  }

  /** @type {Map<ShortKey, Promise<RunTexts>>} */
  const known = new Map();
  /** The texts of a run, unpacked once. @param {ShortKey} k */
  function textsOf(k) {
    const made = known.get(k) || reportgen.load(`texts/${k}`).then((payload) => /** @type {RunTexts | Promise<RunTexts>} */ (typeof payload === "string" ? reportgen.unpack(payload) : payload));
    known.set(k, made);
    made.catch(() => known.delete(k));
    return made;
  }

  /** @param {Version} version */
  async function textOf({ runs: [{ k }], artifact }) {
    const texts = await textsOf(k);
    if (!texts[artifact.path]) throw new Error(`data/texts/${k}.js is cut or damaged`);
    return texts[artifact.path];
  }

  /** Have the texts ready, unless they are many. @param {ComparedRun[]} runs */
  async function readTexts(runs) {
    const size = runs.reduce((sum, { facts }) => sum + (facts?.artifacts || []).reduce((part, { text, size_bytes }) => part + (text ? size_bytes : 0), 0), 0);
    if (size <= MANY_TEXTS) await Promise.allSettled(runs.map(({ k, facts }) => facts?.texts && textsOf(k)));
  }

  /** @param {string} path @param {Version[]} versions @param {RunTexts[string][]} texts @returns {Node[]} */
  function textVersions(path, versions, texts) {
    const tables = versions.map(({ artifact }, i) => (texts[i].cut ? null : differences.parseTable(path, artifact.media, texts[i].text)));
    const [first] = tables;
    if (first && tables.every((table) => table !== null)) {
      const names = versions.map(({ runs }) => `${path} of ${runs[0].name}`);
      const drawn = tables.map((table, i) => (i && table ? tableDifference(names[i], first, table) : tableStart(names[i], first)));
      return [el("div", { class: "tables" }, ...versions.map((version, i) => figure(version, drawn[i])))];
    }
    const against = versions[0].runs[0].name;
    const lines = texts.map(({ text }) => differences.linesOf(pretty(text)));
    const made = versions.slice(1).map((version, i) => {
      const { edits, parts } = differences.lines(lines[0], lines[i + 1]);
      const count = (/** @type {string} */ kind) => edits.filter((edit) => edit.kind === kind).length;
      const head = el("p", { class: "patch-head" }, runNames(version.runs), counts(count("+"), count("-")), aside(`against ${against}`));
      const said = parts > 1 ? el("p", { class: "fine" }, `Compared in ${parts} parts, since the text is long: what moved from one to another counts as changed.`) : null;
      return el("div", null, head, patchTable(edits, `${path} of ${version.runs[0].name} against ${against}`), said);
    });
    return texts.some(({ cut }) => cut) ? [...made, el("p", { class: "fine" }, "Of long texts only the beginning is compared.")] : made;
  }

  /** JSON on one line is spread out, so that lines can be compared. @param {string} text */
  function pretty(text) {
    if (!/^\s*[[{]/.test(text) || text.trim().includes("\n")) return text;
    try {
      return JSON.stringify(JSON.parse(text), null, 2);
    } catch {
      return text;
    }
  }

  /** @param {string | undefined} text */
  const cell = (text = "") => (text.length > MAX_CELL ? `${text.slice(0, MAX_CELL - 1)}…` : text);

  /** @param {string} path @param {string[]} header @param {{ kind: string, cells: string[], was: (string | null)[] | null }[]} rows */
  function dataTable(path, header, rows) {
    const names = header.slice(0, SHOWN_COLUMNS);
    const numeric = names.map((_, c) => rows.every(({ cells }) => Number.isFinite(Number(cells[c] ?? ""))));
    const side = (/** @type {number} */ c) => (numeric[c] ? "num" : "");
    const heads = names.map((name, c) => el("th", { scope: "col", dir: "auto", class: side(c) }, cell(name)));
    const body = rows.map(({ kind, cells, was }) => {
      const said = kind === "added" || kind === "removed" ? el("span", { class: "hidden" }, `${kind} `) : null;
      const made = names.map((_, c) => {
        const before = was?.[c] ?? null;
        if (before === null) return el("td", { dir: "auto", class: side(c) }, c ? null : said, cell(cells[c]));
        const words = `was ${cell(before) || "empty"}`;
        return el("td", { dir: "auto", class: `${side(c)} strong`, title: words }, cell(cells[c]), el("span", { class: "hidden" }, `, ${words}`));
      });
      return el("tr", { class: kind }, ...made);
    });
    return scroll(`Rows of ${path}`, el("table", null, el("thead", null, el("tr", null, ...heads)), el("tbody", null, ...body)));
  }

  /** @param {string} path @param {DataTable} table */
  function tableStart(path, { header, rows }) {
    const shown = rows.slice(0, SHOWN_ROWS).map((cells) => ({ kind: "", cells, was: null }));
    const rest = rows.length - shown.length;
    return el("div", null, dataTable(path, header, shown), rest ? el("p", { class: "fine" }, format.count(rest, "more row")) : null);
  }

  /** @param {string} path @param {DataTable} before @param {DataTable} after */
  function tableDifference(path, before, after) {
    const all = differences.compareTables(before, after);
    const changed = all.filter(({ kind }) => kind !== "same");
    const said = ["changed", "added", "removed", "same"].flatMap((kind) => {
      const count = all.filter((row) => row.kind === kind).length;
      return count ? `${format.number(count)} ${kind === "same" ? "the same" : kind}` : [];
    });
    const hidden = changed.length - SHOWN_ROWS;
    return el("div", null, dataTable(path, after.header, changed.slice(0, SHOWN_ROWS)), el("p", { class: "fine" }, `Rows: ${said.join(", ")}${hidden > 0 ? "; " + hidden + " more differ" : ""}`));
  }

  /** @param {SameFile} file */
  function fileRow({ path, versions, runs }) {
    const known = versions.every(({ artifact }) => artifact.sha256);
    const said = versions.length === 1 ? `the same in ${runs} runs` : known ? `${versions.length} versions` : "not known: no checksum";
    const items = versions.slice(0, 4).map(({ runs: own, artifact: { size_bytes, published, sha256 } }) => {
      const size = format.size(size_bytes);
      const link = published && !reportgen.single ? el("a", { href: reportgen.root + published }, size) : el("span", null, size);
      return el("li", null, versions.length > 1 ? runNames(own) : null, link, sha256 ? el("code", { title: sha256 }, sha256.slice(0, 10)) : null);
    });
    if (versions.length > 4) items.push(el("li", null, `and ${versions.length - 4} more`));
    return el("tr", null, el("th", { scope: "row", dir: "auto" }, path), el("td", null, said), el("td", null, el("ul", null, ...items)));
  }

  reportgen.comparedCode = comparedCode;
  reportgen.sameFiles = sameFiles;
  reportgen.readTexts = readTexts;
})();

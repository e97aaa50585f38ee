// @ts-check
/**
 * What stands in the cells of a table of runs: values with their shades, differences to a baseline, sparklines, strips.
 * The twins of `reportgen/site/sparks.py` and of the macros in `tables.html`.
 */
(() => {
  "use strict";

  const { el, svg, format } = reportgen;

  const SPARK = { width: 84, height: 20, top: 17, rise: 14, inset: 3 };
  const STRIP_HEIGHT = 20;
  const HEIGHTS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const MAX_TEXT = 60;
  /** Longer names may be cut, and are said whole to who points at them. */
  const MAX_NAME = 14;
  /** Facts that differ from run to run by their nature. */
  const OWN_TEXTS = ["differs", "note", "run_id", "headline"];
  /** An unfinished run whose last line is younger than this is called running. */
  const RUNNING_LIMIT_S = 30 * 60;
  const VERDICTS = { better: "better than the baseline", worse: "worse than the baseline", within: "within the spread of repeated runs", "": "" };

  /** @param {string} text @param {number} [limit] */
  const cut = (text, limit = MAX_TEXT) => (text.length > limit ? `${text.slice(0, limit - 1).trimEnd()}…` : text);
  const none = () => el("span", { class: "none" }, "–");
  /** @param {string} text */
  const hidden = (text) => el("span", { class: "hidden" }, ` ${text}`);
  /** A number with a tenth of a pixel. @param {number} value */
  const px = (value) => value.toFixed(1);

  // ---- small pictures

  /** @param {number[]} heights 0 … 63, -1 is a gap @param {number} slot */
  function drawSpark(heights, slot) {
    const { width, height, top, rise, inset } = SPARK;
    const step = heights.length > 1 ? (width - 2 * inset) / (heights.length - 1) : 0;
    let d = "";
    let end = "";
    heights.forEach((h, i) => {
      if (h < 0) return;
      const [x, y] = [px(heights.length > 1 ? inset + i * step : width / 2), px(top - (h * rise) / 63)];
      const alone = !(heights[i - 1] >= 0) && !(heights[i + 1] >= 0);
      d += `${heights[i - 1] >= 0 ? "L" : "M"}${x} ${y}${alone ? "h0" : ""}`;
      end = `${x} ${y}`;
    });
    const [cx, cy] = end.split(" ");
    const dot = end ? [svg("circle", { cx, cy, r: 1.75 })] : [];
    return svg("svg", { class: `spark s${slot}`, width, height, "aria-hidden": "true" }, svg("path", { d }), ...dot);
  }

  /** @param {RunSpread} spread @param {StripAxis} axis @param {number} slot */
  function drawStrip({ values, mean, half }, axis, slot) {
    const { low, high, width, place } = axis;
    const inside = values.filter((v) => v >= low && v <= high);
    const parts = [svg("line", { class: "rail", x1: 6, x2: width - 6, y1: 10, y2: 10 })];
    if (half !== null && mean !== null && inside.length) {
      const [left, right] = [place(mean - half), place(mean + half)].sort((a, b) => a - b);
      parts.push(svg("rect", { class: "span", x: px(left), y: 6, width: px(right - left), height: 8 }));
    }
    for (const v of inside) parts.push(svg("circle", { class: "dot", cx: px(place(v)), cy: 10, r: 2.75 }));
    if (mean !== null && values.length > 1 && mean >= low && mean <= high) parts.push(svg("line", { class: "mean", x1: px(place(mean)), x2: px(place(mean)), y1: 3, y2: 17 }));
    for (const left of inside.length ? [] : [true, false]) {
      const edge = left ? low : high;
      const there = values.filter((v) => place(v) < width / 2 === left).sort((a, b) => Math.abs(a - edge) - Math.abs(b - edge));
      if (!there.length) continue;
      const text = reportgen.math.numberText(there[0], 3);
      parts.push(svg("text", { x: left ? 0 : width, y: 14, "text-anchor": left ? "start" : "end" }, left ? `‹ ${text}` : `${text} ›`));
    }
    return svg("svg", { class: `strip s${slot}`, width, height: STRIP_HEIGHT, "aria-hidden": "true" }, ...parts);
  }

  /** @param {StripAxis} axis */
  function drawAxis({ width, ticks }) {
    const texts = ticks.map(({ x, label }) => svg("text", { x: px(x), y: 11, "text-anchor": "middle" }, label));
    return svg("svg", { class: "strip-axis", width, height: 14, "aria-hidden": "true" }, ...texts);
  }

  // ---- cells

  /** @param {RunSet} set @returns {RunCells} */
  function makeCells(set) {
    const status = set.fact("status");
    const last = set.fact("last");
    const runName = set.fact("name");
    const page = set.fact("page");
    const errors = set.fact("error");

    /** The range of the sparklines of one experiment, without the outer tenths. */
    const ranges = set.tables.map(({ spark }) => {
      /** @param {(number | null)[]} values @returns {number[]} */
      const ordered = (values) => Array.from(Float64Array.from(values.flatMap((v) => v ?? [])).sort());
      const [lows, highs] = [ordered(spark?.min || []), ordered(spark?.max || [])];
      return { low: lows[Math.floor(lows.length / 10)], high: highs[highs.length - 1 - Math.floor(highs.length / 10)] };
    });

    /** Heights of a run's sparkline in the range of its column; null without one. @param {number} row */
    function heightsOf(row) {
      const { spark } = set.tables[set.tableOf[row]];
      const i = set.placeOf[row];
      const text = spark?.values[i];
      if (!spark || !text) return null;
      const own = Array.from(text, (letter) => HEIGHTS.indexOf(letter));
      const [low, high] = [spark.min[i], spark.max[i]];
      const range = ranges[set.tableOf[row]];
      const span = range.high - range.low;
      if (low === null || high === null || !own.some((h) => h >= 0)) return null;
      if (!(span > 0 && Number.isFinite(span) && Number.isFinite(high - low))) return own;
      return own.map((h) => (h < 0 ? h : Math.round(63 * Math.min(1, Math.max(0, (low + (h / 63) * (high - low) - range.low) / span)))));
    }

    /** The mean of the finished runs' sparklines, as far as they have as many places as the longest. @param {RunGroup} group */
    function groupHeights({ rows }) {
      const finished = rows.filter((row) => status[row] === "finished");
      const all = (finished.length ? finished : rows).flatMap((row) => {
        const heights = heightsOf(row);
        return heights ? [heights] : [];
      });
      const length = all.reduce((most, { length: own }) => Math.max(most, own), 0);
      const whole = all.filter((heights) => heights.length === length);
      return Array.from({ length }, (_, i) => {
        const known = whole.map((heights) => heights[i]).filter((h) => h >= 0);
        return known.length ? reportgen.math.mean(known) : -1;
      });
    }

    /** @param {number} row @param {number} now_s */
    const wordOf = (row, now_s) => (status[row] === "unfinished" && Math.abs(now_s - last[row]) < RUNNING_LIMIT_S ? "running" : status[row]);

    /** @param {RunColumn} metric @param {number} row @param {number} value */
    function numberOf(metric, row, value) {
      const info = metric.infos[set.tableOf[row]];
      return format.number(value, !set.contends(row) && (!info?.decimals || Math.abs(value) >= 1000) ? undefined : info?.decimals);
    }

    /** Empty where there is none, so that values stand below each other. @param {RunDelta | null} delta */
    function drawDelta(delta) {
      if (!delta) return el("span", { class: "delta" });
      const said = VERDICTS[delta.verdict];
      return el("span", { class: `delta ${delta.verdict}`, title: said || null }, `${delta.mark} ${delta.text}`.trim(), said ? hidden(said) : null);
    }

    /** @param {HTMLElement} cell @param {RunColumn} metric @param {number} row @param {RunLook} look */
    function drawValue(cell, metric, row, { base }) {
      const value = /** @type {number | undefined} */ (metric.values()[row]);
      const scale = set.scaleOf(metric, set.tableOf[row]);
      const counts = value !== undefined && set.contends(row);
      const best = counts && value === scale.best;
      const level = counts && base === null ? scale.shade(value) : 0;
      const text = value === undefined ? none() : numberOf(metric, row, value);
      cell.append(el("span", { class: `cell h${level}${best ? " best-of" : ""}`, title: format.full(value ?? null) || null }, text, best ? hidden("best") : null));
      if (base !== null) cell.append(drawDelta(base === row ? null : set.deltaOf(metric, value, row, base)));
    }

    /** A fact or a param as its cell says it. @param {RunColumn} column @param {unknown} value @param {number} now_ms */
    function textOf(column, value, now_ms) {
      if (value === undefined) return "–";
      if (column.id === "duration") return format.duration(/** @type {number} */ (value));
      if (column.kind === "fact" && column.numeric) return format.ago(/** @type {number} */ (value) * 1000, now_ms) || format.time(/** @type {number} */ (value)).split(",")[0];
      if (column.id === "commit") return String(value).slice(0, 7);
      return column.kind === "fact" ? cut(String(value), 160) : cut(format.param(/** @type {any} */ (value)));
    }

    /** @param {HTMLElement} cell @param {RunColumn} column @param {unknown} value @param {RunLook} look */
    function drawText(cell, column, value, { now_ms }) {
      const text = textOf(column, value, now_ms);
      if (value === undefined) return cell.append(none());
      if (column.kind === "fact" && column.numeric && column.id !== "duration") cell.title = format.time(/** @type {number} */ (value));
      else if (text.length > 14) cell.title = cut(String(value), 2000);
      if (column.id === "commit") cell.append(el("code", null, text));
      else cell.append(el("span", { class: "clip", dir: column.numeric ? null : "auto" }, text));
    }

    /** @param {HTMLElement} cell @param {number} row @param {RunLook} look @param {boolean} child @param {boolean} pinned */
    function drawName(cell, row, { base, now_ms, rebase }, child, pinned) {
      const about = { dir: "auto", class: "clip", title: runName[row].length > MAX_NAME ? set.nameOf(row) : null };
      const named = page[row] ? el("a", { href: reportgen.root + page[row], tabindex: -1, ...about }, runName[row]) : el("span", about, runName[row]);
      const mark = pinned ? reportgen.swatch(0) : reportgen.mark(/** @type {any} */ (wordOf(row, now_ms / 1000)));
      cell.classList.toggle("child", child);
      cell.append(mark, named);
      const act = { type: "button", class: "row-act", tabindex: -1, onclick: () => rebase(row) };
      if (pinned || base === row) cell.append(el("button", { ...act, "aria-label": "No baseline", title: "Show values alone (b)" }, "Baseline ✕"));
      else cell.append(el("button", { ...act, title: "Compare the others with this run (b)" }, "Baseline"));
      if (errors[row] && !pinned) cell.append(el("span", { class: "why", dir: "auto", title: errors[row] }, cut(errors[row], 160)));
    }

    /** How many runs of a group have finished. @param {RunGroup} group @param {string} noun */
    function countOf({ rows }, noun) {
      const finished = rows.filter((row) => status[row] === "finished").length;
      const of = finished === rows.length ? "" : `${format.number(finished)} of `;
      return of + format.count(rows.length, noun);
    }

    return {
      countOf,
      text: (column, row, now_ms) => {
        const value = column.values()[row];
        return column.kind === "metric" && value !== undefined ? numberOf(column, row, /** @type {number} */ (value)) : textOf(column, value, now_ms);
      },

      run(cell, column, row, look, group, pinned = false) {
        const slot = set.slotOf(row);
        const value = column.values()[row];
        if (column === set.name) drawName(cell, row, look, group !== null, pinned);
        else if (column.kind === "metric") drawValue(cell, column, row, look);
        else if (column.id === "spark" && column.kind === "drawn") {
          const heights = heightsOf(row);
          if (heights) cell.append(drawSpark(heights, slot));
        } else if (column.kind === "drawn") {
          const own = /** @type {number | undefined} */ (set.leading?.values()[row]);
          if (look.axis && Number.isFinite(own)) cell.append(drawStrip({ values: [/** @type {number} */ (own)], mean: null, half: null }, look.axis, slot));
        } else if (!group || (column.kind === "fact" && column.numeric) || set.sharedValue(group, column) === undefined) {
          drawText(cell, column, value, look);
          if (look.base !== null && look.base !== row && column.kind === "param") cell.classList.toggle("same-as", value === column.values()[look.base]);
        }
      },

      group(cell, column, group, look, open) {
        const { rows } = group;
        if (column === set.name) {
          const others = open ? [] : rows.filter((row) => status[row] !== "finished").slice(0, 3);
          const marks = others.map((row) => reportgen.mark(/** @type {any} */ (wordOf(row, look.now_ms / 1000))));
          const arrow = el("span", { class: "arrow", "aria-hidden": "true" }, open ? "▾" : "▸");
          // A dot begins the second line with the word behind it: alone at the end of the first it would take its room.
          const text = group.label.replaceAll(" · ", " ·\u00a0");
          const label = el("span", { class: "clip", dir: "auto", title: group.label.length > 20 ? group.label : null }, text);
          cell.append(el("span", { class: "group-name", "data-fold": true }, arrow, group.slot === null ? null : reportgen.swatch(group.slot), label));
          if (marks.length) cell.append(el("span", { class: "marks" }, ...marks));
          if (!look.counted) cell.append(el("span", { class: "count" }, countOf(group, "run")));
        } else if (column.kind === "metric") {
          const spread = set.spreadOf(group, column);
          const { mean, half, values } = spread;
          const decimals = look.decimals(column);
          const text = mean === null ? none() : el("span", { title: format.full(mean) }, format.number(mean, decimals));
          const best = mean !== null && mean === look.best(column);
          cell.append(best ? el("strong", null, text, hidden("best mean")) : text);
          if (column === set.leading && mean !== null) cell.append(el("span", { class: "interval" }, half === null ? `n = ${values.length}` : `± ${format.number(half, decimals)}`));
          if (look.base !== null) cell.append(drawDelta(set.deltaOf(column, mean, rows[0], look.base)));
        } else if (column.id === "spark" && column.kind === "drawn") {
          const heights = groupHeights(group);
          if (heights.length) cell.append(drawSpark(heights, group.slot ?? 0));
        } else if (column.kind === "drawn") {
          const spread = set.leading && set.spreadOf(group, set.leading);
          if (look.axis && spread?.values.length) cell.append(drawStrip(spread, look.axis, group.slot ?? 0));
        } else if (column === look.counted) cell.append(countOf(group, "seed"));
        else if (column.kind === "fact" && column.numeric) drawText(cell, column, set.groupFact(group, column), look);
        else {
          const values = column.values();
          const different = new Set(rows.map((row) => values[row]));
          if (OWN_TEXTS.includes(column.id)) return;
          if (different.size > 1) cell.append(el("span", { class: "quiet" }, `${format.number(different.size)} values`));
          else drawText(cell, column, values[rows[0]], look);
        }
      },
    };
  }

  reportgen.runCells = Object.assign(makeCells, { drawAxis });
})();

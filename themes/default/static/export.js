// @ts-check
/**
 * Downloads of a chart: as SVG and PNG in light colours with title and names, or its values as CSV; and its table.
 * Loaded when a reader asks for one.
 */
(() => {
  "use strict";

  const { el, svg, format } = reportgen;

  /** What the style sheets set on parts of a chart, with the value that it has without them. */
  const STYLES = {
    fill: "rgb(0, 0, 0)",
    "fill-opacity": "1",
    stroke: "none",
    "stroke-width": "1px",
    "stroke-opacity": "1",
    "stroke-dasharray": "none",
    "stroke-linecap": "butt",
    "stroke-linejoin": "miter",
    "paint-order": "normal",
    "font-size": "",
    "font-weight": "400",
  };
  const MARGIN = 12;
  const TITLE = 32;
  const ROW = 18;
  /** PNG files have so many dots a px. */
  const SCALE = 2;

  /** @param {string} text */
  const plain = (text) => text.replace(/[\p{Cc}\p{Cs}\ufffe\uffff]/gu, " ");

  /** Write what the style sheets say into the elements, since the file has no style sheet. @param {SVGElement} picture */
  function dress(picture) {
    for (const element of picture.querySelectorAll("*")) {
      const styles = getComputedStyle(element);
      const isText = element.tagName === "text";
      if (!isText && !/^(path|line|circle|rect)$/.test(element.tagName)) continue;
      for (const [name, usual] of Object.entries(STYLES)) {
        const value = styles.getPropertyValue(name);
        if (value !== usual && (isText || !name.startsWith("font"))) element.setAttribute(name, value);
      }
    }
    picture.setAttribute("font-family", getComputedStyle(document.body).fontFamily);
    for (const element of [picture, ...picture.querySelectorAll("[class]")]) element.removeAttribute("class");
  }

  /**
   * The chart as it is shown, with its title, and with a legend unless each line has its name at its end.
   * @param {Chart} chart
   */
  function pictureOf(chart) {
    const { title, unit, direction, said, lines } = chart.spec;
    const picture = chart.picture();
    const width = Number(picture.getAttribute("width"));
    const height = Number(picture.getAttribute("height"));
    const named = picture.querySelectorAll("text.end").length;
    const keys = lines.length > 1 && named < lines.length ? lines.slice(0, 100) : [];
    const columns = Math.max(1, Math.floor(width / 180));
    const under = TITLE + height + 14;
    const legend = keys.map((line, i) => {
      const place = `translate(${((i % columns) * width) / columns} ${under + ROW * Math.floor(i / columns)})`;
      const sample = svg("path", { class: `line${line.dashed ? " dash" : ""}`, d: "M0 0h18" });
      return svg("g", { class: `s${line.slot}`, transform: place }, sample, svg("text", { x: 24, dy: 4 }, plain(line.label).slice(0, 60)));
    });
    const arrow = direction ? { max: "↑", min: "↓" }[direction] : "";
    const about = [arrow, [unit, said].filter(Boolean).join(", ")].filter(Boolean).join(" ");
    const name = svg("tspan", { "font-weight": 600 }, plain(title));
    const head = svg("text", { y: 12 }, name, plain(` ${about}`));
    picture.setAttribute("y", String(TITLE));
    const all = svg("g", { transform: `translate(${MARGIN} ${MARGIN})` }, head, picture, ...legend);
    const size = { width: width + 2 * MARGIN, height: (keys.length ? under + ROW * Math.ceil(keys.length / columns) : TITLE + height) + 2 * MARGIN };
    const box = { ...size, class: "chart", xmlns: "http://www.w3.org/2000/svg", viewBox: `0 0 ${size.width} ${size.height}` };
    const whole = svg("svg", box, svg("title", {}, plain(title)), all);

    // The colours are read from the page while it is light for a moment: nothing is painted in between.
    const { dataset } = document.documentElement;
    const mode = dataset.mode;
    dataset.mode = "light";
    chart.root.append(whole);
    dress(whole);
    const token = (/** @type {string} */ name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    name.setAttribute("fill", token("--ink"));
    whole.prepend(svg("rect", { width: "100%", height: "100%", fill: token("--bg") }));
    whole.remove();
    if (mode === undefined) delete dataset.mode;
    else dataset.mode = mode;
    return { text: new XMLSerializer().serializeToString(whole), ...size };
  }

  /** @param {{ text: string, width: number, height: number }} picture @returns {Promise<Blob>} */
  async function paint({ text, width, height }) {
    const image = new Image();
    const bytes = new TextEncoder().encode(text);
    let raw = "";
    for (let i = 0; i < bytes.length; i += 8192) raw += String.fromCharCode(...bytes.subarray(i, i + 8192));
    image.src = `data:image/svg+xml;base64,${btoa(raw)}`;
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = width * SCALE;
    canvas.height = height * SCALE;
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    return new Promise((resolve, reject) => {
      canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("the picture is too large"))), "image/png");
    });
  }

  /** One row for each x of any line: x, then the values as logged, and the edges of bands. @param {ChartSpec} spec */
  function valuesOf({ lines, x, title }) {
    const head = [x.kind === "relative" ? `${x.label} (s)` : x.label];
    /** @type {Map<number, (string | number | null)[]>} */
    const rows = new Map();
    const columns = lines.flatMap((line) => {
      const name = line.label || title;
      head.push(name);
      const main = { at: line.x, values: line.raw || line.y };
      if (line.quantiles) {
        head.splice(-1, 1, ...line.quantiles.map(([quantile]) => `${name} ${quantile}`));
        return line.quantiles.map(([, values]) => ({ at: line.x, values }));
      }
      if (!line.low || !line.high) return [main];
      head.push(`${name} low`, `${name} high`);
      return [main, { at: line.x, values: line.low }, { at: line.x, values: line.high }];
    });
    columns.forEach(({ at, values }, column) => {
      for (let i = 0; i < at.length; i++) {
        let row = rows.get(at[i]);
        if (!row) {
          row = new Array(columns.length + 1).fill(null);
          row[0] = x.kind === "wall" ? new Date(at[i] * 1000).toISOString() : at[i];
          rows.set(at[i], row);
        }
        row[column + 1] = values[i];
      }
    });
    const order = [...rows.keys()].sort((a, b) => a - b);
    return [head, .../** @type {(string | number | null)[][]} */ (order.map((at) => rows.get(at)))];
  }

  reportgen.chartTable = (spec, factsOf) => {
    const head = ["Line", "First", "Lowest", "Highest", "Last", "Points"];
    const lines = spec.lines.flatMap((line) => line.quantiles?.map(([label, y]) => ({ ...line, label, y })) || line);
    const rows = lines.map((line) => {
      const cells = [...factsOf(line).map((v) => format.number(v)), format.number(line.x.length)];
      return el("tr", null, el("th", { scope: "row", dir: "auto" }, line.label || spec.title), ...cells.map((cell) => el("td", { class: "num" }, cell)));
    });
    const columns = head.map((name, i) => el("th", { scope: "col", class: i ? "num" : "" }, name));
    return el("table", null, el("thead", null, el("tr", null, ...columns)), el("tbody", null, ...rows));
  };

  reportgen.exportChart = async (chart, kind) => {
    const name = `${chart.spec.title}.${kind}`;
    if (kind === "csv") return reportgen.download(name, "text/csv", reportgen.csv(valuesOf(chart.spec)));
    const picture = pictureOf(chart);
    if (kind === "svg") return reportgen.download(name, "image/svg+xml", picture.text);
    reportgen.download(name, "image/png", await paint(picture));
  };
})();

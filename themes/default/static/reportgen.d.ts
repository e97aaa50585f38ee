/**
 * What the scripts of the theme share: the global `reportgen`, the data files of a site, and the parts that pages are
 * made of. `docs/data-format.md` describes the files to people; this page is what the scripts are checked against.
 */

/** Lower-case base32 name of a run or an experiment, as it stands in addresses: ten characters. */
type ShortKey = string;
type Direction = "max" | "min" | null;
/** A number, or the word that stands for one that JSON cannot hold. */
type LooseNumber = number | "NaN" | "Infinity" | "-Infinity";
type ParamValue = string | number | boolean | null;
type Status = "finished" | "failed" | "stopped" | "unfinished";

/** A column of numbers as data files hold it; `reportgen.column` turns it into an array. */
type PackedColumn =
  | LooseNumber[]
  | { start: number; delta: number; n: number }
  | { f4: string; n: number }
  | { f8: string; n: number }
  | { i8: string; n: number };

/** How a metric is shown, after the configuration and the guesses of the build. */
interface MetricInfo {
  title: string;
  unit: string;
  direction: Direction;
  /** Which value stands in tables. */
  summary: "last" | "min" | "max" | "mean" | "first";
}

// ---- data/index.js: what the whole site holds, small

interface SiteIndex {
  format: number;
  title: string;
  /** Web address of the code, for links to commits; empty when there is none. */
  repository_url: string;
  experiments: {
    name: string;
    /** Name as links show it. */
    title: string;
    k: ShortKey;
    page: string;
    runs: number;
  }[];
  /** Runs whose exact points were left out to keep the site below `max_site_mb`. */
  dropped: ShortKey[];
  max_site_mb: number | null;
}

// ---- data/tables/<k>.js: the runs of one experiment as columns (packed: `await reportgen.table(k)`)

interface Column<T> {
  name: string;
  /** Indices of the runs that have a value; null when all have. */
  runs: number[] | null;
  values: T[];
}
interface ParamColumn extends Column<ParamValue> {
  /** True when the runs differ in it (a missing value counts). */
  varying: boolean;
  /** True when it only tells repetitions apart. */
  seed: boolean;
}
interface MetricColumn extends Column<LooseNumber | null>, MetricInfo {
  /** Step at which the value was reached; null for a mean. */
  steps: (number | null)[] | null;
  /** How far two runs of one configuration differ in 95 of 100 cases; null when unknown. */
  spread: number | null;
  /** Places that the column is written with. */
  decimals: number;
}
interface ExperimentTable {
  format: number;
  k: ShortKey;
  name: string;
  title: string;
  page: string;
  n: number;
  /** One entry a run, newest start first. Times in s since the epoch (UTC). */
  runs: {
    k: ShortKey[];
    id: string[];
    /** As shown, never blank. */
    name: string[];
    page: string[];
    status: Status[];
    error: string[];
    start: number[];
    last: number[];
    duration: number[];
    user: string[];
    group: string[];
    /** Index of the parent run in this table, -1 without. */
    parent: number[];
    commit: string[];
    branch: string[];
    dirty: (boolean | null)[];
    note: string[];
    /** In a few words, what sets the run apart from the usual configuration. */
    differs: string[];
    /** Index into `groups`. */
    group_of: number[];
  };
  params: ParamColumn[];
  tags: Column<string>[];
  /** Headline metrics first, then by first appearance. */
  metrics: MetricColumn[];
  /** Names of the headline metrics, in order. */
  headline: string[];
  /** The headline metric by which runs are ranked, null when none has a direction. */
  leading: string | null;
  /** Sparklines of the first headline metric: one string a run, empty when it has none; see data-format.md. */
  spark: { metric: string; values: string[]; min: (number | null)[]; max: (number | null)[] } | null;
  /** Configurations: runs that differ in nothing but the seed. Slot 0 is beyond the colours: ink. */
  groups: { label: string[]; slot: number[] };
  /** Runs that plots show and a comparison starts with, best first. */
  selection: number[];
}

// ---- data/series/<k>.js: one run (decoded: `await reportgen.run(k)`)

interface RunFile {
  format: number;
  key: string;
  /** base64 of gzip of the JSON text of `RunFacts`; `reportgen.unpack` reads it. */
  about: string;
  blocks: { rank: number; names: string[]; steps: PackedColumn; times: PackedColumn; values: PackedColumn }[];
  long: {
    name: string;
    rank: number;
    n: number;
    /** Number of the series in the names of its tiles. */
    series: number;
    tiles: number;
    /** First step and first time of each tile. */
    tile_steps: PackedColumn;
    tile_times: PackedColumn;
    first_steps: PackedColumn;
    last_steps: PackedColumn;
    /** Time of the first point of each bucket. */
    times: PackedColumn;
    min: PackedColumn;
    max: PackedColumn;
    mean: PackedColumn;
  }[];
}

/** What is known of a run beside its series. */
interface RunFacts {
  key: string;
  k: ShortKey;
  run_id: string;
  name: string;
  experiment: string;
  /** Short key of the experiment. */
  experiment_k: ShortKey;
  page: string;
  status: Status;
  error: string;
  start: number;
  last: number;
  duration: number;
  user: string;
  group: string;
  ranks: number;
  sessions: number;
  params: Record<string, ParamValue>;
  tags: Record<string, string>;
  /** Markdown as written. */
  notes: string[];
  metrics: Record<
    string,
    MetricInfo & {
      count: number;
      first: number | null;
      last: LooseNumber;
      min: number | null;
      max: number | null;
      mean: number | null;
      first_step: number;
      last_step: number;
      min_step: number | null;
      max_step: number | null;
    }
  >;
  code: {
    commit: string;
    commit_time: number | null;
    parents: string[];
    branch: string;
    dirty: boolean | null;
    remote: string;
    command: string[];
    entry: string;
    /** Uncommitted changes as a unified diff, empty when there are none or they were not captured. */
    diff: string;
  };
  /** `python`, `platform`, `packages` {name: version} … */
  env: Record<string, unknown>;
  artifacts: {
    path: string;
    size_bytes: number;
    sha256: string;
    media: string;
    /** Site path, null when it is not published. */
    published: string | null;
    reason: string;
    /** True when `data/texts/<k>.js` holds its text. */
    text: boolean;
  }[];
  inputs: { name: string; digest: string; source: string; role: string }[];
  models: { name: string; version: string; aliases: string[] }[];
  /** True when there is a `data/texts/<k>.js`. */
  texts: boolean;
}

// ---- data/texts/<k>.js: texts and tables among a run's artifacts: path -> text (only for runs that have some)
type RunTexts = Record<string, { text: string; cut: boolean }>;

// ---- data/search.js (packed): what the search looks through

interface SearchData {
  experiments: { title: string[]; page: string[]; text: string[] };
  runs: { name: string[]; page: string[]; experiment: number[]; status: Status[]; text: string[] };
}

// ---- series.js: the series of runs, decoded

/** One line as logged: rank 0, or the mean over ranks with the range from lowest to highest. */
interface RunSeries {
  metric: string;
  steps: Float64Array;
  /** s since the epoch */
  times: Float64Array;
  /** NaN and infinities as logged. For an envelope: the means of the buckets. */
  values: Float64Array;
  /** Lowest and highest of ranks, or of the points of a bucket; null when values are single points. */
  low: Float64Array | null;
  high: Float64Array | null;
  /** False for an envelope: every point of `steps` then stands for several logged points. */
  exact: boolean;
  /** Logged points. */
  n: number;
  ranks: number;
}
interface LoadedRun {
  k: ShortKey;
  facts: RunFacts;
  /** Names in the order of the log. */
  metrics: string[];
  /** The whole series, an envelope when it is long; null when the run has no such metric. */
  series(metric: string): Promise<RunSeries | null>;
  /**
   * The exact points between two steps, one further point on either side, from tiles. Null when the whole is exact
   * already, or more than 24 tiles would be needed. Rejects when a tile is missing (see `SiteIndex.dropped`).
   */
  exact(metric: string, from: number, to: number): Promise<RunSeries | null>;
}

// ---- chart.js: one chart

interface ChartLine {
  /** Stays the same while the reader changes the view. */
  id: string;
  label: string;
  /** 0 ink, 1 … 10 the colours of the theme; over 6 is dashed too. */
  slot: number;
  dashed: boolean;
  x: Float64Array;
  /** What is drawn; NaN is a gap. */
  y: Float64Array;
  /** Values as logged, drawn faint behind `y`; null when `y` is them. */
  raw: Float64Array | null;
  /** Band around the line. */
  low: Float64Array | null;
  high: Float64Array | null;
  /** Link of the line's run, for the readout; empty without one. */
  page: string;
  /** Drawn stronger, and on top, as pinned by the reader. */
  pinned: boolean;
  /** A red cross where the finite values end: the step at which NaN begins, in x; null when they do not. */
  nan_from: number | null;
  /** True for a run without an end: a dot with its last value. */
  running: boolean;
}
interface ChartSpec {
  id: string;
  title: string;
  unit: string;
  direction: Direction;
  /** Said beside the title: `train dashed`. */
  said: string;
  lines: ChartLine[];
  /** What x is: `step` or a metric are numbers, `relative` is in s since the run's start, `wall` in s since the epoch. */
  x: { kind: "step" | "relative" | "wall" | "metric"; label: string };
  log_x: boolean;
  log_y: boolean;
  /** Shown range; null for all. */
  x_range: [number, number] | null;
  y_range: [number | null, number | null];
  /** Leave outliers out of the y range (5th to 95th percentile of each line, as TensorBoard does); data stay. */
  clip: boolean;
}
interface ChartEvents {
  /** The reader chose a range by dragging or keys; null for all. */
  zoom?(range: [number, number] | null): void;
  /** The cursor is at x (in data), or has left: for charts of the same page. */
  hover?(x: number | null): void;
  /** A line's label was clicked. */
  pick?(id: string): void;
}
interface Chart {
  root: HTMLElement;
  spec: ChartSpec;
  /** Draw another view or other data; the host keeps its size. */
  update(spec: ChartSpec): void;
  /** Show the cross line of another chart. */
  hover(x: number | null): void;
  destroy(): void;
}

/** uPlot, Tabulator, d3 and Plot are declared by tests/frontend/globals.d.ts, with the types of their packages. */

// ---- compare.js and against.js

/** A run that is compared, with its colour. */
interface ComparedRun {
  k: ShortKey;
  slot: number;
  run: LoadedRun;
}

interface Reportgen {
  /** The way from this page to the root of the site: empty or `../`. */
  readonly root: string;
  /** True in a report that is one file, where nothing further can be loaded. */
  readonly single: boolean;
  /** Keep the payload of a data file under its id; without a payload, return what is kept. */
  data(id: string, payload?: unknown): unknown;
  /** Load `data/<id>.js` unless it is there; rejects with a sentence for the reader when it is missing or cut. */
  load(id: string): Promise<unknown>;
  /** Load it again, whatever is kept: for a site that is being served while runs train. */
  reload(id: string): Promise<unknown>;
  /** Load a script of the theme that the page named in `data-<name>` of `<html>`; once. */
  script(name: string): Promise<void>;
  unpack(text: string): Promise<unknown>;
  column(column: PackedColumn): Promise<Float64Array>;
  table(k: ShortKey): Promise<ExperimentTable>;
  index(): Promise<SiteIndex>;
  /** Call `start` for each element with `data-page="<kind>"`, when the page is read. */
  page(kind: string, start: (root: HTMLElement) => void): void;
  /** The view as the address holds it: `#<place>?<key>=<value>&…`. */
  state: {
    get(key: string): string | null;
    /** null removes a key. Does not call the listeners. */
    set(changes: Record<string, string | null>): void;
    /** Called when the reader goes back, forward or to another link of the same page. */
    listen(changed: () => void): void;
    /** Address of this page with its view, and some keys changed. */
    link(changes: Record<string, string | null>): string;
  };
  el: MakeElement;
  svg(tag: string, attributes?: Record<string, string | number>, ...children: (Node | string)[]): SVGElement;
  format: {
    number(value: number | null, decimals?: number): string;
    full(value: number | null): string;
    param(value: ParamValue): string;
    duration(seconds: number | null): string;
    size(bytes: number): string;
    /** `21 Nov 2026, 12:05 UTC` */
    time(seconds: number | null): string;
    /** `3 h ago`, or empty when it is no recent time. */
    ago(then_ms: number, now_ms: number): string;
    count(count: number, noun: string, plural?: string): string;
    decimals(values: (number | null)[]): number;
  };
  /** Turn a word of JSON into its number. */
  loose(value: LooseNumber | null): number | null;
  keys: {
    /** A key that does something on this page, for `?`; `when` tells whether it holds now. */
    add(key: string, description: string, act: (event: KeyboardEvent) => void): void;
    list(): { key: string; description: string }[];
  };
  /** Say something to screen readers. */
  announce(text: string): void;
  download(name: string, type: string, content: BlobPart): void;
  /** Rows to CSV text; cells that a spreadsheet would take for formulas get an apostrophe. */
  csv(rows: (string | number | null)[][]): string;
  /** A note for the reader in place of what could not be shown: `warn` or `bad`. */
  note(kind: "warn" | "bad", text: string): HTMLElement;
  swatch(slot: number): SVGElement;
  mark(status: Status | "running"): HTMLElement;

  // the parts below are there on pages that include their script
  math: ReportgenMath;
  run(k: ShortKey): Promise<LoadedRun>;
  chart(host: HTMLElement, spec: ChartSpec, events: ChartEvents): Chart;
  curves(host: HTMLElement, setting: CurvesSetting): Curves;
  against(host: HTMLElement, setting: AgainstSetting): { destroy(): void };
}

type Attributes = Record<string, string | number | boolean | null | undefined | ((event: any) => void)>;
/**
 * Make an element: `el("a", {href: "…", class: "x", onclick: f}, "text", child)`. `text` is never read as markup; false,
 * null and undefined leave an attribute out, a function listens to the event named behind `on`. No `style`.
 */
type MakeElement = <T extends keyof HTMLElementTagNameMap>(
  tag: T,
  attributes?: Attributes | null,
  ...children: (Node | string | null | undefined)[]
) => HTMLElementTagNameMap[T];

/** math.js: pure functions on arrays; formulas and their sources stand there. */
interface ReportgenMath {
  /** TensorBoard's debiased moving average; weight 0 … 1. Non-finite values pass. */
  smooth(values: Float64Array, weight: number): Float64Array;
  /** Lowest and highest per bucket, in order of x, so that a spike of one point is drawn. */
  thin(x: Float64Array, y: Float64Array, buckets: number): { x: Float64Array; y: Float64Array };
  quantile(sorted: ArrayLike<number>, q: number): number;
  mean(values: ArrayLike<number>): number;
  /** Sample standard deviation (n - 1); NaN below two values. */
  deviation(values: ArrayLike<number>): number;
  /** 0.975 quantile of Student's t. */
  t975(freedom: number): number;
  /**
   * Mean and band over several lines at the union of their x, each line interpolated inside its own range. `low` and
   * `high`: lowest and highest, mean ± deviation, mean ± deviation / √n, or mean ± t · deviation / √n.
   */
  band(
    lines: { x: Float64Array; y: Float64Array }[],
    kind: "range" | "std" | "sem" | "ci",
  ): { x: Float64Array; y: Float64Array; low: Float64Array; high: Float64Array };
  /** Spearman's rank correlation with mean ranks for ties, over pairs that are both finite. */
  spearman(a: ArrayLike<number>, b: ArrayLike<number>): { rho: number; n: number };
  /** Round steps for an axis with about `count` ticks. */
  ticks(low: number, high: number, count: number): number[];
}

/** curves.js: the charts of a section with their controls. */
interface CurvesSetting {
  /** The runs to draw; their files are loaded when the section comes into view. */
  runs: { k: ShortKey; name: string; slot: number; page: string; config: string; values: Record<string, ParamValue> }[];
  /** Metrics that get a chart at first, in order; the others come by search. Splits of one metric may share a chart. */
  charts: { title: string; unit: string; direction: Direction; said: string; lines: { metric: string; label: string; dashed: boolean }[] }[];
  /** What is grouped at first: "" single runs, "config" the configurations, "param:lr" or "tag:x" a param or tag. */
  group: string;
  /** Smoothing at first, 0 … 0.999. */
  smooth: number;
}
interface Curves {
  /** Draw other runs. */
  update(setting: CurvesSetting): void;
  /** Load the series again (a run that trains) and keep the view. */
  refresh(): Promise<void>;
  destroy(): void;
}

/** against.js: compared runs among all runs of their experiments: parallel coordinates, scatter, box, contour, importance. */
interface AgainstSetting {
  tables: ExperimentTable[];
  runs: { k: ShortKey; name: string; slot: number }[];
}

declare var reportgen: Reportgen;

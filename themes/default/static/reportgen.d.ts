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

// Pages are site paths; in a report that is one file they are fragments, and empty where it does not hold the page.

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
  }[];
  /** Runs whose exact points were left out to keep the site below `max_site_mb`. */
  dropped: ShortKey[];
  max_site_mb: number | null;
}

// ---- data/tables/<k>.js: the runs of one experiment as columns (packed: `await reportgen.table(k)`)
// In the file the values of a metric may be a `PackedColumn`, and `runs.k` is left out: each page ends in it.

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
  /** One entry a run, newest start first. Times in s since the epoch (UTC), to the ms. */
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
  /** Whole names of the runs whose name is too long to be shown whole, by number. */
  names: Record<number, string>;
  params: ParamColumn[];
  tags: Column<string>[];
  /** Headline metrics first, then by first appearance. */
  metrics: MetricColumn[];
  /** Names of the headline metrics, in order. */
  headline: string[];
  /** The headline metric by which runs are ranked, null when none has a direction. */
  leading: string | null;
  /** Sparklines of the first headline metric, as fine as they are drawn; one string a run, empty when it has none. */
  spark: { metric: string; values: string[]; min: (number | null)[]; max: (number | null)[] } | null;
  /** Configurations: runs that differ in nothing but the seed. Slot 0 is beyond the colours: ink. */
  groups: { label: string[]; slot: number[] };
  /** Runs that plots show and a comparison starts with, best first. */
  selection: number[];
}

// ---- data/query/<k>.js: what filters may ask of these runs beside the table, and its further parts data/query/<k>-<n>.js

/** The head, packed, and the first part. */
interface QueryFile extends QueryPart {
  head: string;
}

interface QueryHead {
  format: number;
  n: number;
  // Exact texts by the index of the run, where the table has others.
  names: Record<number, string>;
  errors: Record<number, string>;
  /** Ids of parents that are not in the table. */
  parents: Record<number, string>;
  /** How Python writes the numbers of a param: whole ones as 5.0 with `floats`, else as 5, but for `texts`. */
  params: { name: string; floats: boolean; texts: Record<number, string> }[];
  /** Names of the metrics in each part. */
  parts: string[][];
  /** The part with the notes (packed: index of a run -> notes, where the table has only their beginning); null without. */
  notes: number | null;
  datasets: QueryLists<[name: string, digest: string, role: string]> | null;
  artifacts: QueryLists<string> | null;
  /** How many artifacts each run has. */
  files: number[];
}
/** `of` gives the list of each run, a list the numbers of its items. */
interface QueryLists<T> {
  items: T[];
  lists: number[][];
  of: number[];
}
type QueryStatistic = "last" | "first" | "min" | "max" | "mean" | "count" | "min_step" | "max_step";
interface QueryPart {
  /**
   * A column for each statistic but that of the table, over the runs that have the metric; the name of another one when
   * it is the same. `none` are the places without a finite value, which have only a count and a last value.
   */
  metrics: ({ none: number[] } & { [S in QueryStatistic]?: PackedColumn | QueryStatistic })[];
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
// ---- the page of a history: attributes `data-history` of a configuration and of the figure of a metric

/** The observations of one configuration, oldest first. */
interface HistoryObservations {
  /** Short hashes; empty where the commit is not known. */
  commits: string[];
  subjects: string[];
  /** s since the epoch (UTC). */
  times: (number | null)[];
  /** Indices of those with uncommitted changes. */
  dirty: number[];
  /** Site path of the first run of each. */
  pages: string[];
}
/** What a chart shows of them. */
interface HistoryValues {
  /** The values at the bottom and at the top of the plot area. */
  low: number;
  high: number;
  decimals: number;
  unit: string;
  /** Means of the runs of each observation; null where it has none. */
  values: (number | null)[];
  lows: (number | null)[];
  highs: (number | null)[];
  counts: number[];
}

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
    subject: string;
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

// ---- data/texts/<k>.js (packed): texts, tables and SVGs among a run's artifacts: path -> text (only for runs with some)
type RunTexts = Record<string, { text: string; cut: boolean }>;

// ---- data/search.js: what the search looks through, a packed chunk for some experiments each; `reportgen.searchData`

interface SearchData {
  /** `text` is the description. */
  experiments: { title: string[]; page: string[]; text: string[] };
  /** `text`: params that differ and tags as `name=value`, one a line, then note, user, commit and run id. */
  runs: { name: string[]; page: string[]; experiment: number[]; status: Status[]; start: number[]; text: string[] };
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
   * The exact points between two steps (or times, in s since the epoch), one further point on either side, from tiles.
   * Null when the whole is exact already, or more than 24 tiles would be needed. Rejects when a tile is missing (see
   * `SiteIndex.dropped`).
   */
  exact(metric: string, from: number, to: number, by?: "steps" | "times"): Promise<RunSeries | null>;
}

// ---- chart.js: one chart

interface ChartLine {
  /** Stays the same while the reader changes the view. */
  id: string;
  label: string;
  /** 0 ink, 1 … 10 the colours of the theme, which repeat from 11 on. */
  slot: number;
  /** Tells the splits of a metric apart; where there is one, the colours over 6 from those before. */
  dashed: boolean;
  x: Float64Array;
  /** What is drawn; NaN is a gap. */
  y: Float64Array;
  /** Values as logged, drawn faint behind `y`; null when `y` is them. */
  raw: Float64Array | null;
  /** Band around the line. */
  low: Float64Array | null;
  high: Float64Array | null;
  /** Names and values of a histogram's quantiles, the highest first, in the middle the median: they are drawn as bands. */
  quantiles?: [string, Float64Array][];
  /** True when the band is the lowest and highest of many points: it gets an outline, so that a spike shows. */
  spread?: boolean;
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
  /** The reader chose a range by dragging or keys; null for all. The page then updates the chart, which else does it itself. */
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
  /** What is shown, as SVG with the classes of the static charts; for paper and export. */
  picture(): SVGElement;
  destroy(): void;
}

/** d3 and Plot are declared by tests/frontend/globals.d.ts, with the types of their packages. */

// ---- compare.js and against.js

/** A run of a comparison: the row of its experiment's table or, when that is missing, what its own file says. */
interface ComparedRun {
  k: ShortKey;
  name: string;
  page: string;
  status: Status;
  error: string;
  start: number;
  duration: number;
  user: string;
  group: string;
  commit: string;
  branch: string;
  dirty: boolean | null;
  differs: string;
  /** Empty without. */
  parent: ShortKey;
  /** Label of its configuration and that one's slot, 0 beyond the colours. */
  config: string;
  own: number;
  /** Page empty when not known. */
  experiment: { k: ShortKey; title: string; page: string };
  table: ExperimentTable | null;
  /** Index in `table`. */
  at: number;
  /** Colour in this comparison: 0 the baseline; from 11 on the colours repeat, dashed. */
  slot: number;
  file(): Promise<LoadedRun>;
  /** Null until the file is loaded. */
  facts: RunFacts | null;
}
/** A metric over the compared runs; undefined where a run has none. */
interface ComparedMetric extends MetricInfo {
  name: string;
  headline: boolean;
  values: (number | null | undefined)[];
  spreads: Map<ExperimentTable, number | null>;
}
/** A param, tag or fact over the compared runs. */
interface ComparedRow {
  name: string;
  cells: (ParamValue | undefined)[];
  /** True for hashes. */
  code?: boolean;
  /** Where nothing is known, which is no difference. */
  unknown?: boolean[];
  /** How values are written that differ from run to run by their nature. */
  write?(value: any): string;
}
/** compare-runs.js */
interface Comparison {
  find(keys: ShortKey[]): Promise<{ runs: ComparedRun[]; said: string[] }>;
  keyOf(page: string): ShortKey;
  assignSlots(runs: ComparedRun[], base: ComparedRun): void;
  tablesOf(runs: ComparedRun[]): ExperimentTable[];
  metricsOf(runs: ComparedRun[]): ComparedMetric[];
  spreadOf(metric: ComparedMetric, a: ComparedRun, b: ComparedRun): number | null;
  spreadDecimals(spread: number): number;
  /** The colour of a slot, 0 … 10. */
  colourOf(slot: number): number;
  /** Classes of what a run colours. */
  classOf(run: ComparedRun): string;
  ranked(runs: ComparedRun[], metric: ComparedMetric): { run: ComparedRun; value: number }[];
  sentence(runs: ComparedRun[], metrics: ComparedMetric[]): [claim: string, rest: string];
  rowsOf(runs: ComparedRun[], kind: "params" | "tags"): ComparedRow[];
  factRows(runs: ComparedRun[]): ComparedRow[];
  environmentRows(runs: ComparedRun[]): ComparedRow[];
  differs(row: ComparedRow, run: number): boolean;
  cut(text: string): string;
  join(words: string[]): string;
}
/** compare-table.js: the baseline stands first among the runs. */
interface ComparedTable {
  nodes: Node[];
  show(runs: ComparedRun[], metrics: ComparedMetric[]): void;
}

/** compare-rest.js: what follows the curves. */
interface ComparedRest {
  nodes: Node[];
  /** Without runs nothing is drawn. */
  show(runs: ComparedRun[]): void;
}

/** differences.js */
interface Differences {
  /** What has to be taken out of `before` and put in to get `after`; texts over 5,000 lines are compared in `parts`. */
  lines(before: string[], after: string[]): { edits: Edit[]; parts: number };
  linesOf(text: string): string[];
  /** The files of a unified diff. */
  parsePatch(text: string): PatchFile[];
  /** A text as a table when it is one: CSV, or JSON in the shapes that loggers write. */
  parseTable(path: string, media: string, text: string): DataTable | null;
  /** Rows of `after` against those of `before`, then rows that are gone; `was` has the other value of each cell that changed. */
  compareTables(before: DataTable, after: DataTable): { kind: string; cells: string[]; was: (string | null)[] | null }[];
}
/** A line that both have, or one alone; `@` is the head of a part of a patch. Places count from 0, -1 for none. */
interface Edit {
  kind: " " | "+" | "-" | "@";
  text: string;
  a: number;
  b: number;
}
interface PatchFile {
  name: string;
  added: number;
  removed: number;
  edits: Edit[];
  /** `Binary files … differ`, `new file mode …`. */
  said?: string;
}
interface DataTable {
  header: string[];
  rows: string[][];
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
  /** Keep a payload no longer; `load` then asks for its file again. */
  forget(id: string): void;
  /** Load it again, whatever is kept: for a site that is being served while runs train. */
  reload(id: string): Promise<unknown>;
  /** Load a script of the theme that the page named in `data-<name>` of `<html>`; once. Scripts run in the order of the calls. */
  script(name: string): Promise<void>;
  /** Address of a published file; in a report of one file it is that of a picture, empty when it is not in it. */
  file(path: string): string;
  unpack(text: string): Promise<unknown>;
  column(column: PackedColumn): Promise<Float64Array>;
  table(k: ShortKey): Promise<ExperimentTable>;
  index(): Promise<SiteIndex>;
  /** What the search looks through; in a large site the runs of one chunk stand behind those of another. */
  searchData(): Promise<SearchData>;
  /** Call `start` for each element with `data-page="<kind>"`, when the page is read. */
  page(kind: string, start: (root: HTMLElement) => void): void;
  /** The view as the address holds it: `#<place>?<key>=<value>&…`. */
  state: {
    get(key: string): string | null;
    /** null removes a key. A `step` is one that the reader can go back from. Does not call the listeners. */
    set(changes: Record<string, string | null>, step?: boolean): void;
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
  /** Fill `host`, whose height the page decides, with a chart. Title, caption and static picture are the page's. */
  chart(host: HTMLElement, spec: ChartSpec, events: ChartEvents): Chart;
  /** The table of a chart's values, and its download (export.js, loaded by `reportgen.script("export")`). */
  chartTable(spec: ChartSpec, factsOf: (line: ChartLine) => number[]): HTMLElement;
  exportChart(chart: Chart, format: "png" | "svg" | "csv"): Promise<void>;
  curves(host: HTMLElement, setting: CurvesSetting): Curves;
  /** curves-run.js: the quantiles of a histogram at the steps of its median, NaN where there is none. */
  quantiles(
    names: [string, string][],
    steps: Float64Array,
    series: (metric: string) => RunSeries | undefined,
  ): [string, Float64Array][];
  /** curves-more.js, which curves.js loads. */
  curvesMore(parts: CurvesParts): CurvesMore;
  /** Colours of lines shown together, from those that they want (figures.js). */
  settleSlots(wanted: number[]): number[];
  /** Number of a configuration -> its colour where all of these runs are shown by configuration. */
  slotsOfConfigs(table: ExperimentTable, chosen: number[]): Map<number, number>;
  against(host: HTMLElement, setting: AgainstSetting): Against;
  runSet(tables: ExperimentTable[]): RunSet;
  runCells: ((set: RunSet) => RunCells) & { drawAxis(axis: StripAxis): SVGElement };
  grid(host: HTMLElement, events: GridEvents): Grid;
  query: Query;
  /** `tableOf` and `placeOf` tell of each row the table and the run in it. */
  finding(tables: ExperimentTable[], tableOf: ArrayLike<number>, placeOf: ArrayLike<number>, fresh?: boolean): Finding;
  filterBox(setting: FilterBoxSetting): FilterBox;
  /** columns.js, which table.js loads. */
  columnList(setting: ColumnListSetting): void;
  dimensions: Dimensions;
  parallel(host: HTMLElement, model: AgainstModel, shown: ShownRun[], view: () => AgainstView, changed: () => void): Parallel;
  plots: AgainstPlots;
  comparison: Comparison;
  /** `id` names its heading. */
  comparedTable(id: string): ComparedTable;
  /** compare.js: load a style sheet that the page named in `data-<name>` of `<html>`; once. */
  style(name: string): void;
  /** `id` makes the names of its headings. */
  comparedRest(id: (name: string) => string): ComparedRest;
  /** The dialog that adds runs; `keys` tells which are compared. All changes until it is closed are one step. */
  addRuns(compared: ComparedRun[], keys: () => ShortKey[], change: (keys: ShortKey[], step: boolean) => void): Promise<void>;
  differences: Differences;
  /** compare-details.js: the end of a comparison, nothing when there is nothing to tell. */
  comparedCode(runs: ComparedRun[], repository_url: string): { said: string; content: Node[] };
  sameFiles(runs: ComparedRun[]): { said: string; content: Node[] };
  /** Loads the texts that `sameFiles` shows, unless they are large. */
  readTexts(runs: ComparedRun[]): Promise<void>;
  /** Open the search (search.js, which bar.js loads). */
  search(): void;
  /** Show the list of keys (help.js, which bar.js loads). */
  help(): void;
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
  /** Ranks from 1; equal values share the mean of theirs. */
  ranks(values: number[]): number[];
  /** Spearman's rank correlation with mean ranks for ties, over pairs that are both finite. */
  spearman(a: ArrayLike<number>, b: ArrayLike<number>): { rho: number; n: number };
  /** Round steps for an axis with about `count` ticks. */
  ticks(low: number, high: number, count: number): number[];
  /** The index of the first of the sorted values that is at least `wanted`. */
  lowerBound(sorted: ArrayLike<number>, wanted: number): number;
  /** The indices behind which points are missing, in an x much larger than those around it. */
  gaps(x: ArrayLike<number>): number[];
  /** The axis for values from `low` to `high` with 3 to 6 ticks, about `target` (4). */
  valueAxis(low: number, high: number, target?: number): ChartAxis;
  /** The axis for steps, not widened. */
  stepAxis(low: number, high: number, target: number, whole: boolean): ChartAxis;
  /** A logarithmic axis for positive values. */
  logAxis(low: number, high: number): ChartAxis;
  /** Texts of ticks that are `step` apart, with equal decimals. */
  tickTexts(ticks: number[], step: number): string[];
  /** A number with at most `digits` (4) significant digits, as static charts write it. */
  numberText(value: number, digits?: number): string;
  stepText(value: number): string;
  /** Positions at least `gap` apart within low … high, in the same order, moved as little as may be. */
  spread(positions: number[], gap: number, low: number, high: number): number[];
  /** Indices by position: more than `most` (3) within `reach` are one group, all others stand alone. */
  clusters(positions: number[], reach: number, most?: number): number[][];
}
interface ChartAxis {
  low: number;
  high: number;
  ticks: number[];
  labels: string[];
  /** True when it starts so far above zero that differences look larger than they are. */
  cut: boolean;
  log: boolean;
}

/** curves.js: the charts of a section with their controls. */
interface CurvesRun {
  k: ShortKey;
  name: string;
  slot: number;
  /** Site path. */
  page: string;
  /** Label of its configuration. */
  config: string;
  /** Slot of its configuration; `slot` without it. */
  config_slot?: number;
  /** Params and tags that the charts can be grouped by: `param:lr`, `tag:x`. */
  values: Record<string, ParamValue>;
}
/** Splits of one metric may share a chart. */
interface CurvesChart {
  title: string;
  unit: string;
  direction: Direction;
  /** What the lines are: `train dashed`. */
  said: string;
  /** Smoothing as long as the reader chooses none; that of the setting without it. */
  smooth?: number;
  lines: CurvesLine[];
}
interface CurvesLine {
  metric: string;
  label: string;
  dashed: boolean;
  /** Of a histogram, whose median `metric` is, the quantiles and their metrics, the highest first. */
  quantiles?: [string, string][];
}
interface CurvesSetting {
  /** The runs to draw; their files are loaded when the first chart comes into view. At most 200 are drawn. */
  runs: CurvesRun[];
  /** Charts shown at first, in order, beside those that stand in the host as `<figure data-curves='{…CurvesChart}'>`. */
  charts: CurvesChart[];
  /** Charts that come by "all metrics" or search; metrics of the runs that are in no chart come after them. */
  more?: CurvesChart[];
  /** What is grouped at first: "" single runs, "config" the configurations, "param:lr" or "tag:x" a param or tag. */
  group: string;
  /** Whether the reader chose the runs: the pictures of the build then show others. */
  chosen?: boolean;
  /** Smoothing at first, 0 … 0.999. */
  smooth: number;
}
/** `data-curves` of the section of metrics on the page of a run or an experiment. */
interface CurvesSection {
  runs: ShortKey[];
  /** The experiment whose table knows the runs; empty on the page of one run. */
  table: ShortKey;
  /** Whether configurations are drawn: means of the runs, with bands. */
  grouped: boolean;
  more: CurvesChart[];
}
/** A chart of a section, drawn or not. */
interface CurvesItem {
  about: CurvesChart;
  id: string;
  figure: HTMLElement;
  caption: HTMLElement;
  said: Element;
  plot: HTMLElement;
  /** The picture that it was before. */
  picture: Element | null;
  seen: boolean;
  live: Chart | null;
  /** Version of the view that it shows. */
  drawn: number;
  /** The runs whose series it has. */
  loaded: LoadedRun[] | null;
  /** By short key of the run and metric, a blank between them. */
  series: Map<string, RunSeries>;
  /** The visible part of long series, and which part that is. */
  exact: Map<string, RunSeries>;
  closer: string;
}
/** What a line of each chart stands for: a run, or a group of them. */
interface CurvesEntry {
  id: string;
  name: string;
  slot: number;
  /** Site path of the only run. */
  page: string;
  runs: LoadedRun[];
}
/** What curves.js shares with curves-more.js, which it loads when the reader asks for more, or when runs are compared. */
interface CurvesParts {
  host: HTMLElement;
  head: HTMLElement;
  tools: HTMLElement;
  panel: HTMLElement;
  /** What folds the charts that are not on the page. */
  rest: HTMLElement;
  setting: CurvesSetting;
  runs: LoadedRun[];
  entries: CurvesEntry[];
  items: CurvesItem[];
  /** Charts that are not on the page, and their items once they are made. */
  more: CurvesChart[];
  moreItems: CurvesItem[];
  /** The entry that the reader points at. */
  hot: string;
  /** What the address says, all of it text; empty is the default. */
  view: Record<string, string>;
  change(changes: Record<string, string>): void;
  /** Write the view to the address now. */
  write(): void;
  by(): string;
  /** Short keys and names in a text, with commas between them. */
  ids(text: string): Set<string>;
  join(ids: Iterable<string>): string;
  nameOf(value: string): string;
  xOf(series: RunSeries, run: LoadedRun): Float64Array;
  /** The part of the series that is looked at. */
  part(): string;
  /** Make a chart of an element; `adopt` adds its menu and draws it when it comes into view. */
  makeItem(figure: HTMLElement, about: CurvesChart): CurvesItem;
  adopt(figure: HTMLElement, about: CurvesChart): CurvesItem;
  remove(items: CurvesItem[]): void;
  /** Load and draw what is in view; `redraw` draws again what is drawn. */
  wake(): void;
  redraw(): void;
  say(about: string, text: string | false, kind?: "warn" | "bad"): void;
  button(text: string, onclick: () => void, attributes?: Attributes): HTMLButtonElement;
  segments(label: string, key: string, options: [string, string][]): HTMLElement;
  choice(label: string, key: string, options: [string, string][]): { element: HTMLElement; fill(options: [string, string][]): void };
  /** Bring the controls in line with the view. */
  sync(): void;
  syncs: (() => void)[];
}
/** curves-more.js */
interface CurvesMore {
  /** The view has changed, or what is loaded. */
  show(): void;
  loaded(): void;
  /** The runs in groups of `by`. */
  group(by: string): CurvesEntry[];
  /** Whether an entry, or the line `line:<label>` of it, is hidden. */
  hidden(): (id: string) => boolean;
  /** Load the metric that is x for a run, and what x it gives to a series. */
  loadX(run: LoadedRun): Promise<unknown>;
  along(series: RunSeries, run: LoadedRun): Float64Array;
  /** Replace envelopes by what was logged in the visible range. */
  refine(item: CurvesItem, range: [number, number]): void;
  toggle(key: "pin", id: string): void;
  menu(item: CurvesItem, button: HTMLElement): void;
  destroy(): void;
}
/**
 * `reportgen.curves(host, setting)`: the controls go into the host's `.head`, or into one of their own. The view is in
 * the address: `x smooth ylog xlog clip yr zoom by band hide pin find full open`.
 */
interface Curves {
  /** Draw other runs. */
  update(setting: CurvesSetting): void;
  /** Load the series again (a run that trains) and keep the view. */
  refresh(): Promise<void>;
  destroy(): void;
}

/**
 * against.js: compared runs among all runs of their experiments: parallel coordinates, scatter, box, contour, importance.
 * Needs the scripts `d3 plot math dimensions parallel plots against`, in this order. The view is in the address: `axes brush
 * scatter plot metric`.
 */
interface AgainstSetting {
  tables: ExperimentTable[];
  runs: { k: ShortKey; name: string; slot: number }[];
}
interface Against {
  /** Draw other runs, or tables that have changed; what the reader chose stays. */
  update(setting: AgainstSetting): void;
  destroy(): void;
}

/** dimensions.js: one thing that runs differ in, as a number a run. */
interface Dimension {
  /** `param:lr`, `metric:val/acc`, `start`, `duration`, `experiment` */
  id: string;
  label: string;
  /** Unit, statistic, direction, `log`. */
  note: string;
  /** One a run, NaN where there is none; of names, their numbers. */
  values: Float64Array;
  /** When the values are no numbers. */
  names: string[] | null;
  /** False when the names have no order. */
  ordered: boolean;
  /** Different values, ascending; of many only some. */
  distinct: number[];
  /** True when some run has no value. */
  lacking: boolean;
  direction: Direction;
  /** Whether higher values stand higher. */
  rising: boolean;
  log: boolean;
  /** Ends of the axis. */
  low: number;
  high: number;
  /** The worst value, when it lies so far behind the others that the axis ends before it. */
  beyond: number | null;
  text(value: number): string;
}
interface AgainstChoice {
  id: string;
  label: string;
}
/** All runs of the experiments, one after the other. */
interface AgainstModel {
  n: number;
  k: ShortKey[];
  name: string[];
  page: string[];
  status: Status[];
  /** -0.5 … 0.5, from the name: spreads what would lie on each other. */
  noise: Float32Array;
  /** Params that differ, without seeds. */
  params: AgainstChoice[];
  seeds: AgainstChoice[];
  metrics: AgainstChoice[];
  facts: AgainstChoice[];
  /** Ids of metrics, the leading one first. */
  headline: string[];
  /** The experiment, or how many there are. */
  title: string;
  has(id: string): boolean;
  get(id: string): Dimension;
}
/** A compared run: its number in the model. */
interface ShownRun {
  i: number;
  slot: number;
  name: string;
}
/** Part of an axis by height, 0 … 1; the runs without a value are at `LOST`. */
type AxisRange = [number, number];
interface AgainstView {
  axes: string[];
  brush: Map<string, AxisRange>;
  plot: string;
  metric: string;
  x: string;
  y: string;
  /** Empty without. */
  colour: string;
  /** Which axes are logarithmic: `x`, `y`, `xy` or `-`; empty leaves it to the values. */
  logs: string;
  /** What the box plot groups by. */
  by: string;
  /** The params of the contour. */
  plane: string[];
}
/** A relation to a metric: Spearman's rank correlation, or of names without an order the correlation ratio. */
interface Relation {
  id: string;
  /** NaN when there is none. */
  value: number;
  n: number;
  ordered: boolean;
  few: boolean;
}
interface TableContent {
  head: string[];
  rows: (string | Node)[][];
  /** Said below it. */
  more: string;
}
interface Dimensions {
  FEW: number;
  LOST: number;
  MISSING: string;
  makeModel(tables: ExperimentTable[]): AgainstModel;
  isGrouping(dimension: Dimension): boolean;
  better(direction: Direction): string;
  ticksOf(dimension: Dimension, count: number, log?: boolean): { at: number; text: string }[];
  heightOf(dimension: Dimension, value: number): number;
  /** A part of an axis as the address holds it: the values at its ends, empty for the runs without one. */
  rangeOf(dimension: Dimension, from: string, to: string): AxisRange | null;
  rangeTexts(dimension: Dimension, range: AxisRange): string[];
  escaped(text: string): string;
  unescaped(text: string): string;
  /** All params that differ, the closest first; those that say nothing last. */
  rankParams(model: AgainstModel, metric: string): Relation[];
  measure(text: string, weight?: number): number;
  shortened(text: string, room: number, atEnd?: boolean): string;
  fitCanvas(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D;
  colourOf(element: Element, name: string): string;
  compareLink(model: AgainstModel, runs: number[]): string;
  /** Empty for a run without a page. */
  runAddress(model: AgainstModel, i: number): string;
  runLink(model: AgainstModel, i: number): HTMLElement;
  foldedTable(title: string, read: () => TableContent): { details: HTMLElement; refresh(): void };
  runRows(model: AgainstModel, dimensions: Dimension[], runs: number[]): TableContent;
}
/** parallel.js */
interface Parallel {
  /** Lay out for the width that there is. */
  draw(): void;
  /** Draw the lines again, in the colours of now. */
  paint(): void;
  print(): void;
  endPrint(): void;
}
/** plots.js: what a plot is made from, and what it puts on the page. */
interface AgainstStage {
  model: AgainstModel;
  shown: ShownRun[];
  view: AgainstView;
  /** Width in px. */
  room: number;
  host: HTMLElement;
  change(changes: Partial<AgainstView>): void;
}
interface AgainstDrawn {
  title: string;
  note: string;
  body: Node;
  controls: Node[];
  /** Below the controls. */
  said: (string | Node)[];
  table: { title: string; read(): TableContent } | null;
}
type AgainstPlots = Record<string, { title: string; draw(stage: AgainstStage): AgainstDrawn }>;

// ---- rows.js, cells.js, grid.js: the parts of the table of runs (table.js)

/** A column of a table of runs; `drawn` are the strip of the leading metric and the sparkline. */
interface RunColumn {
  /** Name in the address: as logged, behind its kind (`param:`, `tag:`) where another column has that name. */
  id: string;
  kind: "fact" | "param" | "tag" | "metric" | "drawn";
  name: string;
  title: string;
  /** False when all runs have the same value. */
  varying: boolean;
  seed: boolean;
  /** True when every value is a number. */
  numeric: boolean;
  /** For a metric: what is known of it in each table, with gaps. */
  infos: MetricColumn[];
  /** Value of each row, undefined where it has none. */
  values(): unknown[];
}
interface SortKey {
  column: RunColumn;
  down: boolean;
}
/** Rows that are shown together. */
interface RunGroup {
  /** Stays the same when runs are added. */
  id: string;
  label: string;
  /** Slot of a configuration, null for other groups. */
  slot: number | null;
  rows: number[];
  spreads: Map<string, RunSpread>;
  shared: Map<RunColumn, unknown>;
}
/** The finite values of the finished runs, oldest first; `half` is half of the 95 % interval of their mean. */
interface RunSpread {
  values: number[];
  mean: number | null;
  half: number | null;
}
/** What the values of a metric in one experiment are measured against; a shade is 0 (none) to 5. */
interface RunScale {
  best: number | null;
  shade(value: number): number;
}
interface StripAxis {
  low: number;
  high: number;
  width: number;
  /** px from the left edge, better to the right. */
  place(value: number): number;
  ticks: { x: number; label: string }[];
}
interface RunDelta {
  text: string;
  mark: "" | "≈" | "▲" | "▼";
  verdict: "" | "better" | "worse" | "within";
}
/** The runs of some experiments, newest start first; a row is a number from 0. */
interface RunSet {
  tables: ExperimentTable[];
  n: number;
  several: boolean;
  /** Whether some runs share a configuration. */
  repeated: boolean;
  /** All but the name, from left to right. */
  columns: RunColumn[];
  name: RunColumn;
  /** The metric by which runs are ranked. */
  leading: RunColumn | null;
  /** Table of each row, and its number there. */
  tableOf: Int32Array;
  placeOf: Int32Array;
  fact<F extends keyof ExperimentTable["runs"]>(name: F): ExperimentTable["runs"][F][number][];
  /** The whole name of a run, which columns and pages may cut. */
  nameOf(row: number): string;
  slotOf(row: number): number;
  /** Whether a run may be called best. */
  contends(row: number): boolean;
  byId(id: string): RunColumn | undefined;
  usualColumns(narrow: boolean): RunColumn[];
  usualSort(): SortKey[];
  /** All rows, best first. */
  ranking(): number[];
  /** In place; what has no value comes last, and equal rows stand in the order of the ranking. */
  sortRows(rows: number[], sort: SortKey[]): number[];
  matcher(text: string): (row: number) => boolean;
  bestOfConfigs(): Set<number>;
  makeGroups(rows: number[], by: string): RunGroup[];
  allGroups(by: string): RunGroup[];
  sortGroups(groups: RunGroup[], sort: SortKey[]): RunGroup[];
  spreadOf(group: RunGroup, metric: RunColumn): RunSpread;
  sharedValue(group: RunGroup, column: RunColumn): unknown;
  groupFact(group: RunGroup, column: RunColumn): number;
  meanDecimals(groups: RunGroup[], metric: RunColumn): number;
  bestMean(groups: RunGroup[], metric: RunColumn): number | null;
  scaleOf(metric: RunColumn, table: number): RunScale;
  deltaOf(metric: RunColumn, value: number | null | undefined, row: number, base: number): RunDelta | null;
  stripAxis(values: number[], centres: number[], width: number): StripAxis | null;
}
/** What all cells of one drawing share. */
interface RunLook {
  axis: StripAxis | null;
  /** Row of the baseline. */
  base: number | null;
  now_ms: number;
  /** Column in which a group says how many of its runs have finished; null when its name does. */
  counted: RunColumn | null;
  decimals(metric: RunColumn): number;
  best(metric: RunColumn): number | null;
  rebase(row: number): void;
}
interface RunCells {
  /** `3 of 4 seeds`. */
  countOf(group: RunGroup, noun: string): string;
  /** A value as its cell says it. */
  text(column: RunColumn, row: number, now_ms: number): string;
  run(cell: HTMLElement, column: RunColumn, row: number, look: RunLook, group: RunGroup | null, pinned?: boolean): void;
  group(cell: HTMLElement, column: RunColumn, group: RunGroup, look: RunLook, open: boolean): void;
}
interface ColumnListSetting {
  button: HTMLButtonElement;
  all(): RunColumn[];
  /** Those of the table, its name first. */
  shown(): RunColumn[];
  label(column: RunColumn): string;
  /** null for those that are shown at first. */
  choose(columns: RunColumn[] | null): void;
}
/** What the table shows; null is what is usual. */
interface RunsView {
  q: string;
  view: string;
  group: string | null;
  sort: SortKey[] | null;
  cols: RunColumn[] | null;
  /** px of columns whose width the reader chose, by id. */
  widths: Map<string, number>;
  base: number | null;
  selected: Set<number>;
  /** All groups open or folded, but some. */
  fold: { open: boolean; but: Set<string> } | null;
}

// ---- query.js: the filter language (docs/query.md), loaded when a filter is written or stands in the address

interface QueryPlace {
  start: number;
  end: number;
}
interface QueryToken {
  kind: "word" | "quoted" | "number" | "age" | "now" | "sign" | "end";
  text: string;
  /** In UTF-16 units. */
  place: QueryPlace;
  quote: string;
  number: number;
}
type QueryName = [entity: "metric" | "param" | "tag", name: string];
interface QueryField {
  entity: "metric" | "param" | "tag" | "dataset" | "attribute";
  name: string;
  /** `last min max mean first best step_of_best count` of a metric, `number` of a text, else empty. */
  function: string;
  kind: "number" | "time" | "duration" | "text" | "mixed" | "truth" | "many" | "files";
  place: QueryPlace;
}
interface QueryLiteral {
  kind: "number" | "text" | "truth" | "age" | "now";
  /** The number; seconds of an age, or after now; 1 or 0 for TRUE and FALSE. */
  number: number;
  text: string;
  place: QueryPlace;
}
interface QueryClause {
  kind: "clause";
  field: QueryField;
  operator: "=" | "!=" | "<" | "<=" | ">" | ">=" | "LIKE" | "ILIKE" | "CONTAINS" | "IN" | "BETWEEN" | "NULL" | "NAN";
  values: QueryLiteral[];
  negated: boolean;
}
type QueryNode = QueryClause | { kind: "not"; part: QueryNode } | { kind: "every" | "some"; parts: QueryNode[] };
/** A param, tag or fact as filters compare it: a text, or what was logged as something else with its text in Python. */
type QueryValue = string | { text: string; number: number | null; truth: boolean | null };
interface QueryNumbers {
  values: Float64Array;
  /** 1 for the runs that have it; null when all have. */
  there: Uint8Array | null;
}
interface QueryTexts {
  /** Index into `values` of each run, -1 for those without. */
  codes: Int32Array;
  values: QueryValue[];
}
/** What filters ask of runs; null for what no run has. */
interface QuerySource {
  n: number;
  /** All metrics, params and tags, metrics first, in order of appearance. */
  known(): QueryName[];
  direction(metric: string): Direction;
  /** `last min max mean first count min_step max_step` */
  metric(name: string, statistic: string): QueryNumbers | null;
  /** Times in ms since the epoch, `duration` in s, how many `artifacts`. */
  numbers(attribute: string): QueryNumbers;
  texts(entity: "param" | "tag" | "attribute", name: string): QueryTexts | null;
  /** `name digest context` of data sets, or the paths of `artifacts`. */
  lists(name: string): (readonly string[])[] | null;
}
interface Query {
  /** Throws `QueryFault`. `names` is asked for remedies only. */
  parse(text: string, names: () => QueryName[]): QueryNode;
  /** 1 for each run that fulfils the filter. Throws `QueryFault` for `best()` of a metric without a direction. */
  filter(node: QueryNode, source: QuerySource, now_ms: number, text?: string): Uint8Array;
  clausesOf(node: QueryNode): QueryClause[];
  /** Which statistic of `QuerySource.metric` a field is. Throws `QueryFault`. */
  statistic(field: QueryField, text: string, directionOf: (metric: string) => Direction): string;
  /** A sentence for each name that no run has. */
  unknownNames(node: QueryNode, source: QuerySource): string[];
  /** Throws `QueryFault`. */
  cut(text: string): QueryToken[];
  /** A name as a filter writes it. */
  spell(entity: string, name: string): string;
  nearest(name: string, choices: Iterable<string>): string | null;
  /** `float` tells a whole number that was logged as 5.0 from 5. */
  asValue(value: ParamValue, float?: boolean): QueryValue;
  /** A number by the text that Python has for it. */
  asNumber(text: string): QueryValue;
  QueryFault: { new (code: string, text: string, place: QueryPlace, reason: string): QueryFault };
  words: {
    entities: string[];
    attributes: Record<string, QueryField["kind"]>;
    functions: string[];
    datasets: string[];
    statuses: Record<string, string>;
    /** Tags that MLflow sets itself: the attribute that answers for them. */
    tags: Record<string, string>;
  };
}
/** finding.js: runs of some experiments as filters see them; what the tables lack is loaded when it is asked for. */
interface Finding extends QuerySource {
  /** Load what a filter needs; then `filter` can answer it. Rejects with a sentence for the reader. */
  load(node: QueryNode, text: string): Promise<void>;
}
/** filter.js: what makes a box take filters. */
interface FilterBoxSetting {
  input: HTMLInputElement;
  /** What the choices are shown below; it must be positioned. */
  host: HTMLElement;
  /** Gets what is said of the filter, and the help. */
  below: HTMLElement;
  /** Those of the runs, once `source` has come. */
  tables(): ExperimentTable[];
  source(): Promise<Finding>;
  /** Show what a text finds: by `mask`, or by words without one. `lack` says in a sentence why it finds nothing. */
  apply(text: string, mask: Uint8Array | null, lack: string): void;
  /** Whether these words are found anywhere. */
  finds(words: string): boolean;
}
/** A mask is null for words. */
type FilterAnswer = { mask: Uint8Array | null; hints: string[]; lack: string } | { fault: QueryFault } | { failure: string };
interface FilterBox {
  check(text: string): Promise<FilterAnswer>;
  /** Say what is to be said of a text that is in the box. */
  tell(text: string, answer: FilterAnswer): void;
  /** The reader has typed. */
  typed(): Promise<void>;
  /** Put a text into the box that is applied already. */
  show(text: string, mask: Uint8Array | null): void;
  toggleHelp(button: HTMLElement): Promise<void>;
}
/** `start` and `end` in code points. */
interface QueryFault extends Error {
  code: string;
  start: number;
  end: number;
  reason: string;
}

interface GridColumn {
  id: string;
  /** px; more when there is room, unless it is fixed. */
  width: number;
  fixed: boolean;
  resizable: boolean;
  class: string;
  sort: "ascending" | "descending" | null;
  head(): Node[];
}
interface GridRow {
  class: string;
  level?: number;
  expanded?: boolean;
  selected?: boolean;
}
interface GridSetting {
  label: string;
  /** Whether rows fold. */
  tree: boolean;
  /** Whether the row -1 stands on top. */
  pinned: boolean;
  rows: number;
  columns: GridColumn[];
  height(i: number): number;
  /** Tells the row from others when the grid changes. */
  key(i: number): string;
  row(i: number): GridRow;
  fill(cell: HTMLElement, i: number, c: number): void;
}
/** Rows by number: -1 the one on top, -2 the head. */
interface GridEvents {
  sort(c: number, add: boolean): void;
  open(i: number, aside: boolean): void;
  select(i: number, range: boolean): void;
  /** null gives the width back. */
  resize(c: number, width: number | null): void;
}
interface Grid {
  root: HTMLElement;
  update(setting: GridSetting): void;
  focusedRow(): number | null;
  /** Focus the cell that had the focus last, or the first row. */
  focus(start?: boolean): void;
}

declare var reportgen: Reportgen;

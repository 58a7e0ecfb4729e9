import { version as vegaVersion } from "vega";
import { version as embedVersion } from "vega-embed";
import { version as vegaLiteVersion } from "vega-lite";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Packages whose minified builds the site carries, at the versions that draw the reports' charts. */
const PACKAGES = [
  { name: "vega", version: vegaVersion },
  { name: "vega-lite", version: vegaLiteVersion },
  { name: "vega-embed", version: embedVersion },
];

/** The scripts of a page with charts, in the order in which they need each other. */
export const CHART_SCRIPTS: readonly string[] = [
  ...PACKAGES.map(({ name }) => `vendor/${name}.min.js`),
  "assets/charts.js",
];

/** The packages' builds and their licenses, by their paths in the site. */
export function vendorFiles(): Map<string, string> {
  const files = new Map<string, string>();
  const licenses: string[] = [];
  for (const { name, version } of PACKAGES) {
    const build = new URL(`./${name}.min.js`, import.meta.resolve(name));
    // A source map is as large as the site, and a console would ask for it.
    files.set(`vendor/${name}.min.js`, read(build).replace(/\n\/\/# sourceMappingURL=.*\s*$/, "\n"));
    licenses.push(`${name} ${version}\n\n${read(new URL("../LICENSE", build)).trim()}\n`);
  }
  files.set("vendor/LICENSES.txt", licenses.join("\n\n"));
  return files;
}

function read(file: URL): string {
  return readFileSync(fileURLToPath(file), "utf8");
}

// Builds the page's program and style into the Python package, with what their content security
// policy and their licences need: `npm ci && npm run build`.

import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync, existsSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { JSDOM } from "jsdom";

const HERE = dirname(fileURLToPath(import.meta.url));
const OUT = join(HERE, "../../python_models/jobforge/report/assets");
const sha256 = (text) => createHash("sha256").update(text);

const { metafile } = await build({
  absWorkingDir: HERE, entryPoints: ["src/main.js"], outfile: join(OUT, "report.js"), bundle: true, minify: true,
  format: "iife", target: "es2022", charset: "ascii", metafile: true, legalComments: "none", logLevel: "warning",
});

// The library puts a style of its own into each plot; the policy allows it by its hash.
const { document } = new JSDOM("").window;
const Plot = await import("@observablehq/plot");
const styles = new Set();
for (const marks of [[Plot.dot([[0, 0]], { tip: true })], [Plot.barX([{ x: 1, y: "a" }], { x: "x", y: "y" })]]) {
  const plot = Plot.plot({ document, marks });
  for (const style of plot.querySelectorAll("style")) styles.add(style.textContent);
}
if (!styles.size) throw new Error("the library adds no style: the policy need not allow one");

// Of every package that is in the program, its licence.
const packages = new Set(Object.keys(metafile.inputs)
  .map((file) => /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1]).filter(Boolean));
const licences = [...packages].sort().map((name) => {
  const folder = join(HERE, "node_modules", name);
  const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf-8"));
  const file = readdirSync(folder).find((one) => /^(licen[cs]e|unlicense)/i.test(one));
  if (!file) throw new Error(`${name} has no licence file`);
  return `${name} ${version} (${license})\n\n${readFileSync(join(folder, file), "utf-8").trim()}\n`;
});
writeFileSync(join(OUT, "LICENSES.txt"), "The program of the page has these packages in it.\n\n"
  + licences.join(`\n${"-".repeat(72)}\n\n`));

// What the program was built from; a test holds it against what stands in the project.
function sources(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? sources(join(folder, entry.name)) : [join(folder, entry.name)]);
}
const files = [...sources(join(HERE, "src")), ...["build.mjs", "package.json", "package-lock.json"]
  .map((name) => join(HERE, name))].filter(existsSync).sort();
const built = {
  sources: Object.fromEntries(files.map((file) =>
    [relative(HERE, file).replaceAll("\\", "/"), sha256(readFileSync(file)).digest("hex")])),
  program: sha256(readFileSync(join(OUT, "report.js"))).digest("hex"),
  styles: [...styles].map((text) => `'sha256-${sha256(text).digest("base64")}'`),
};
writeFileSync(join(OUT, "build.json"), `${JSON.stringify(built, null, 2)}\n`);
console.log(`${files.length} files, ${packages.size} packages, ${readFileSync(join(OUT, "report.js")).length} bytes`);

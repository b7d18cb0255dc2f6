/**
 * Bundle the page's script and style into graphc/view/bundle, with the licences of what is in it.
 *
 *     node build.js [FOLDER]
 */

import { readFile, readdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const here = new URL(".", import.meta.url);
const folder = process.argv[2] ?? fileURLToPath(new URL("../graphc/view/bundle", here));

const made = await build({
  absWorkingDir: fileURLToPath(here),
  entryPoints: { view: "src/main.js" },
  bundle: true,
  write: false,
  minify: true,
  format: "iife",
  target: "es2022",
  legalComments: "none",
  charset: "ascii",
  metafile: true,
});
const [script] = made.outputFiles;
const style = await build({
  absWorkingDir: fileURLToPath(here),
  entryPoints: ["src/view.css"],
  write: false,
  minify: true,
});

/** The packages whose files are in the bundle. */
const packages = new Set();
for (const path of Object.keys(made.metafile.inputs)) {
  const found = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path);
  if (found !== null) packages.add(found[1]);
}
const licences = [];
for (const name of [...packages].sort()) {
  const at = new URL(`node_modules/${name}/`, here);
  const { version, license } = JSON.parse(await readFile(new URL("package.json", at), "utf-8"));
  const [file] = (await readdir(at)).filter((one) => /^licen[cs]e/i.test(one));
  const text = (await readFile(new URL(file, at), "utf-8")).trim();
  licences.push(`${name} ${version} (${license})\n\n${text}\n`);
}
// Within the page's own element no text may end it.
const text = script.text.replaceAll("</script", "<\\/script");
await writeFile(`${folder}/view.js`, text);
await writeFile(`${folder}/view.css`, style.outputFiles[0].text);
await writeFile(`${folder}/LICENSES.txt`, licences.join("\n"));
console.log(
  `${folder}: ${text.length} bytes of script, of ${[...packages].join(", ")} and our own`,
);

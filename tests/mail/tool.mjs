// What the scripts here share: where npm's packages are, which mails there are, where to answer.
//
// Each is run as `node SCRIPT NPM FOLDER [MORE ...]`, looks at every FOLDER/NAME.html, and writes
// what it finds to FOLDER/SCRIPT.json. Nothing is judged here; the tests beside it do that.

import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [, script, npm, folder] = process.argv;
const require = createRequire(join(resolve(npm), "package.json"));

export const more = process.argv.slice(4);

/** A package of the folder of npm's packages, whichever kind of module it is. */
export async function need(name) {
  const found = await import(pathToFileURL(require.resolve(name)).href);
  return found.default ?? found;
}

/** The mails: [name, HTML, path]. */
export function mails() {
  const names = readdirSync(folder).filter((name) => name.endsWith(".html"));
  return names.map((name) => {
    const path = resolve(folder, name);
    return [basename(name, ".html"), readFileSync(path, "utf8"), path];
  });
}

/** Writes the answer, to a file: a pipe is cut off at 64 kB when Node exits. */
export function tell(answer) {
  writeFileSync(join(folder, `${basename(script, ".mjs")}.json`), JSON.stringify(answer));
}

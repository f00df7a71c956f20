// Writes index.js: the modules of src/ as one file, which a page can load without a build step. `npm run build` runs it.
//
// The script copies each module without its imports and without the word `export`. Each module comes after the modules
// that it imports. The script understands one form of imports and exports: `import { name } from "./module.js";` on one
// line, and `export` in front of a function, a class or a constant. It fails if a module uses another form.
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const SOURCE = new URL("./src/", import.meta.url);
const OUTPUT = new URL("./index.js", import.meta.url);
const NOTICE = "// Generated from src/ by `npm run build`. Edit the files in src/, not this one.";

const IMPORT = /^import \{ [\w, ]+ \} from "\.\/([\w-]+\.js)";\n/gm;
const EXPORT = /^export (?=(?:async )?function |class |const )/gm;
const PUBLIC = /^export \{ [\w, ]+ \};\n/m;

/** Returns the text of index.js. */
export async function bundle() {
  const entry = await readModule("index.js");
  const modules = new Map();
  for (const name of entry.imports) await collect(name, modules);
  const [exported] = PUBLIC.exec(entry.text) ?? [];
  if (!exported) throw new Error("src/index.js has no line `export { … };`");
  const top = entry.text.replace(PUBLIC, "");
  checkForms("index.js", top);
  for (const [name, text] of modules) checkForms(name, text);
  const parts = [`${NOTICE}\n//\n${top}`, ...modules.values(), exported];
  return `${parts.map((part) => part.trim()).join("\n\n")}\n`;
}

/** Adds a module to `modules`, after all modules that it imports. */
async function collect(name, modules) {
  if (modules.has(name)) return;
  const { text, imports } = await readModule(name);
  for (const other of imports) await collect(other, modules);
  modules.set(name, text.replace(EXPORT, ""));
}

async function readModule(name) {
  const text = await readFile(new URL(name, SOURCE), "utf8");
  const imports = Array.from(text.matchAll(IMPORT), ([, file]) => file);
  return { text: text.replace(IMPORT, ""), imports };
}

function checkForms(name, text) {
  const [line] = /^.*\b(?:import|export)\b(?!\w).*$/m.exec(text.replace(/^\s*(?:\/\/|\/?\*).*$/gm, "")) ?? [];
  if (line !== undefined) throw new Error(`src/${name} has an import or export that build.mjs cannot copy: ${line.trim()}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeFile(OUTPUT, await bundle());

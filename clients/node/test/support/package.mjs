// The package as others get it: packed, unpacked into a `node_modules` of its own, and run in a process of its own.
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Runs a program here and answers what it wrote. */
export async function output(program, ...args) {
  const { stdout } = await run(program, args, { cwd: ROOT });
  return stdout;
}

/** A new directory, until the test is over. */
export async function temporary(t) {
  const home = await mkdtemp(join(tmpdir(), "countersign-"));
  t.after(() => rm(home, { recursive: true, force: true }));
  return home;
}

/** Packs the package into a directory, as npm would publish it. Answers the path of the archive. */
export async function pack(home) {
  const [{ filename }] = JSON.parse(await output("npm", "pack", "--json", "--pack-destination", home));
  return join(home, filename);
}

/** Unpacks an archive of the package into the modules of a directory. */
export async function unpack(archive, home) {
  const target = join(home, "node_modules", "countersign");
  await mkdir(target, { recursive: true });
  await run("tar", ["-xf", archive, "-C", target, "--strip-components=1"]);
}

/** Installs the package into a new directory. */
export async function install(t) {
  const home = await temporary(t);
  await unpack(await pack(home), home);
  return home;
}

// `require` of an ES module works on newer releases of Node 20; the package must not lean on it.
const WITHOUT = "--experimental-require-module";
const FLAGS = process.allowedNodeEnvironmentFlags.has(WITHOUT) ? ["--no-experimental-require-module"] : [];

/** Runs a script beside the installed package. Rejects when it fails or takes longer than ten seconds. */
export async function script(home, name, text, ...args) {
  await writeFile(join(home, name), text);
  const began = performance.now();
  const { stdout, stderr } = await run(process.execPath, [...FLAGS, name, ...args], { cwd: home, timeout: 10_000 });
  return { stdout, stderr, took: performance.now() - began };
}

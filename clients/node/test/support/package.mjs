// Packs the package, unpacks it into a separate `node_modules`, and runs programs with it in separate processes.
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Runs a program in the root of the package and returns its output. */
export async function output(program, ...args) {
  const { stdout } = await run(program, args, { cwd: ROOT });
  return stdout;
}

/** Creates a directory that is removed after the test. */
export async function createDirectory(t) {
  const home = await mkdtemp(join(tmpdir(), "countersign-"));
  t.after(() => rm(home, { recursive: true, force: true }));
  return home;
}

/** Packs the package as npm would publish it, and returns the path of the archive. */
export async function pack(home) {
  const [{ filename }] = JSON.parse(await output("npm", "pack", "--json", "--pack-destination", home));
  return join(home, filename);
}

/** Unpacks an archive of the package into the `node_modules` of a directory. */
export async function unpack(archive, home) {
  const target = join(home, "node_modules", "countersign");
  await mkdir(target, { recursive: true });
  await run("tar", ["-xf", archive, "-C", target, "--strip-components=1"]);
}

/** Installs the package into a new directory. */
export async function install(t) {
  const home = await createDirectory(t);
  await unpack(await pack(home), home);
  return home;
}

// Newer releases of Node 20 can `require` an ES module. The package must also work without that.
const FLAG = "--experimental-require-module";
const FLAGS = process.allowedNodeEnvironmentFlags.has(FLAG) ? ["--no-experimental-require-module"] : [];

/** Runs a script with the installed package. Rejects if it fails or takes longer than ten seconds. */
export async function runScript(home, name, text, ...args) {
  await writeFile(join(home, name), text);
  const start = performance.now();
  const { stdout, stderr } = await run(process.execPath, [...FLAGS, name, ...args], { cwd: home, timeout: 10_000 });
  return { stdout, stderr, took: performance.now() - start };
}

// Runs the runtimes, bundlers and package managers that test/matrix/package.json pins.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { ROOT } from "./package.mjs";

const run = promisify(execFile);

const HOME = join(ROOT, "test", "matrix");
const MODULES = join(HOME, "node_modules");
const INSTALLED = join(MODULES, ".installed-from-lock");
const PROGRAMS = ["scenario.cjs", "smoke.cjs", "smoke.mjs", "smoke.jest.cjs", "proxied.cjs"];

/** Milliseconds for one program, so long because the machine may be busy. */
const TIMEOUT = 120_000;

/** Installs what the lock file pins, unless it is already installed. This takes half a minute. */
export async function installMatrix() {
  const lock = await readFile(join(HOME, "package-lock.json"), "utf8");
  const installed = await readFile(INSTALLED, "utf8").catch(() => undefined);
  if (installed === lock) return;
  const options = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
  await run("npm", options, { cwd: HOME, timeout: 10 * TIMEOUT });
  await writeFile(INSTALLED, lock);
}

/** Imports a module of a pinned package. */
export async function load(name) {
  return import(join(MODULES, name));
}

/** The path of a pinned package's program. */
export const bin = (name) => join(MODULES, ".bin", name);

/** The binary of a major version of Node, or `undefined` if npm has none for this platform. */
export function nodeOf(major) {
  const path = join(MODULES, `node-${major}-${process.platform}-${process.arch}`, "bin", "node");
  return existsSync(path) ? path : undefined;
}

/** Copies the programs of the matrix into a directory. */
export async function copyPrograms(home) {
  await Promise.all(PROGRAMS.map((name) => copyFile(join(HOME, name), join(home, name))));
}

/** Runs a program to its end and returns its output. */
export async function runIn(home, program, args, env = {}) {
  // These variables would make a program write its output in the format of the test runner.
  const { NODE_TEST_CONTEXT, NODE_OPTIONS, ...others } = process.env;
  return run(program, args, { cwd: home, env: { ...others, ...env }, timeout: TIMEOUT });
}

/** Yarn, which is a script that Node runs. */
export const YARN = join(MODULES, "@yarnpkg", "cli-dist", "bin", "yarn.js");


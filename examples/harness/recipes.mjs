// The recipes: how each is installed and started, and where its library goes its own way.
//
// To add one, put its directory beside the others and an entry in `all`. Its program reads ISSUER, AUDIENCE and PORT,
// serves GET /protectedRoute on 127.0.0.1 and prints `listening`.
import { createHash } from "node:crypto";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Program, accepts, environment, freePort, run } from "./process.mjs";

export const ROOT = resolve(import.meta.dirname, "..");
const STAMP = ".installed";
const MADE = new Set([".venv", "__pycache__", "bin", "node_modules", "target"]);

/** `into`: the directory that an installation makes. `inputs`: the files that it depends on, if not on all. */
const node = {
  into: "node_modules",
  inputs: ["package.json", "package-lock.json"],
  install: [["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"]],
  start: ["node", "server.mjs"],
};
const python = {
  into: ".venv",
  inputs: ["requirements.txt"],
  install: [
    ["python3", "-m", "venv", "--clear", ".venv"],
    [".venv/bin/pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r", "requirements.txt"],
  ],
  start: [".venv/bin/python", "app.py"],
};
const go = {
  into: "bin",
  install: [["go", "build", "-buildvcs=false", "-o", "bin/server", "."]],
  start: ["bin/server"],
};
const cargo = {
  // The workspace's own target directory knows what is up to date.
  install: [["cargo", "build", "--quiet", "--release", "--locked", "--package", "countersign-example-api"]],
  start: ["../../target/release/countersign-example-api"],
};
const maven = {
  into: "target",
  install: [["mvn", "-q", "-B", "package"]],
  start: ["java", "-jar", "target/server.jar"],
};

/** What this project's own packages do. */
const ours = { tolerance: 5, malformed: 400, notBearer: 401, followsRevocations: true };

/**
 * `tolerance`: for so many seconds after its expiry the library still takes a token.
 * `malformed`: the status for a request that carries its token in a wrong way.
 * `notBearer`: the status if what was sent does not even say that it is a bearer token, where that is another.
 * `followsRevocations`: refuses a token soon after its session has been revoked.
 * `withoutKeys`: the status for a good token while the key set has never been to be had; "ends": does not start then.
 */
const all = [
  // It stands on the package in this repository, whatever that is at the moment.
  { ...node, ...ours, name: "express-countersign", into: undefined, withoutKeys: 503 },
  { ...cargo, ...ours, name: "axum", withoutKeys: "ends" },
  {
    ...ours,
    name: "axum-minimal",
    directory: "axum",
    install: [[...cargo.install[0], "--example", "minimal"]],
    start: ["../../target/release/examples/minimal"],
    withoutKeys: "ends",
  },
  { name: "express-oauth2-jwt-bearer", ...node, tolerance: 5, malformed: 400, withoutKeys: 401 },
  { name: "express-jwt", ...node, tolerance: 0, malformed: 401, withoutKeys: 503 },
  { name: "node-jose", ...node, tolerance: 0, malformed: 401, withoutKeys: 503 },
  { name: "fastapi-pyjwt", ...python, tolerance: 0, malformed: 401, withoutKeys: 503 },
  { name: "flask-authlib", ...python, tolerance: 0, malformed: 401, withoutKeys: 503 },
  { name: "go-jwt", ...go, tolerance: 0, malformed: 401, withoutKeys: 401 },
  { name: "go-oidc", ...go, tolerance: 0, malformed: 401, withoutKeys: "ends" },
  { name: "spring-security", ...maven, tolerance: 60, malformed: 401, withoutKeys: 401 },
];
const READY = /^listening\b|Uvicorn running on/m;

/** All recipes, or the one that the environment's RECIPE names. */
export function recipes(only = process.env.RECIPE) {
  const chosen = all.filter(({ name }) => !only || name === only);
  const names = all.map(({ name }) => name).join(", ");
  if (chosen.length === 0) throw new Error(`there is no recipe ${only}; there are ${names}`);
  return chosen;
}

/** The directories that have no line above: a recipe that nobody runs is a mistake. */
export async function directoriesWithoutRecipe() {
  const entries = await readdir(ROOT, { withFileTypes: true });
  const known = new Set(["forward-auth", "harness", ...all.map(({ name, directory = name }) => directory)]);
  return entries.filter((entry) => entry.isDirectory() && !known.has(entry.name)).map(({ name }) => name);
}

/** Installs and builds unless that was done for the same files in this place; returns whether it had to. */
export async function install(recipe) {
  const directory = home(recipe);
  if (!recipe.into) {
    for (const step of recipe.install) await run(step, { cwd: directory, env: process.env });
    return true;
  }
  const file = join(directory, recipe.into, STAMP);
  const stamp = await fingerprint(directory, recipe.inputs);
  const before = await readFile(file, "utf8").catch(() => "");
  if (before === stamp) return false;
  const env = { ...process.env, GOTOOLCHAIN: "local" };
  for (const step of recipe.install) await run(step, { cwd: directory, env });
  await writeFile(file, stamp);
  return true;
}

export async function start(recipe, { issuer, audience }) {
  const port = await freePort();
  const env = environment({ ISSUER: issuer, AUDIENCE: audience, PORT: String(port) });
  const program = new Program(recipe.name, recipe.start, { cwd: home(recipe), env });
  try {
    await program.says(READY);
    await accepts(port);
  } catch (error) {
    await program.stop();
    throw error;
  }
  return { ...recipe, program, url: `http://127.0.0.1:${port}/protectedRoute` };
}

const home = ({ name, directory = name }) => join(ROOT, directory);

async function fingerprint(directory, inputs) {
  const hash = createHash("sha256").update(directory);
  for (const file of inputs ?? (await files(directory)).sort()) {
    hash.update(`\0${file}\0`).update(await readFile(join(directory, file)));
  }
  return hash.digest("hex");
}

async function files(directory, under = "") {
  const entries = await readdir(join(directory, under), { withFileTypes: true });
  const nested = entries
    .filter(({ name }) => !MADE.has(name))
    .map((entry) => (entry.isDirectory() ? files(directory, join(under, entry.name)) : [join(under, entry.name)]));
  return (await Promise.all(nested)).flat();
}

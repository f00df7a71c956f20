// The recipes: how each is installed and started, and how its library differs from the others.
//
// To add a recipe, add its directory next to the others and an entry to `all`. Its program must read ISSUER, AUDIENCE and
// PORT, serve GET /protectedRoute on 127.0.0.1 and print `listening`.
import { createHash } from "node:crypto";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Program, accepts, environment, freePort, run } from "./process.mjs";

export const ROOT = resolve(import.meta.dirname, "..");
const STAMP = ".installed";
const MADE = new Set([".venv", "__pycache__", "bin", "node_modules", "target"]);

/** `into`: the directory that the installation creates. `inputs`: the files that it depends on; all files by default. */
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
  // No `into`: cargo itself knows whether the build is up to date.
  install: [["cargo", "build", "--quiet", "--release", "--locked", "--package", "countersign-example-api"]],
  start: ["../../target/release/countersign-example-api"],
};
const maven = {
  into: "target",
  install: [["mvn", "-q", "-B", "package"]],
  start: ["java", "-jar", "target/server.jar"],
};

/** The behaviour of this project's packages. */
const ours = { tolerance: 5, malformed: 400, notBearer: 401, followsRevocations: true };

/**
 * `tolerance`: how many seconds after its expiry the library still accepts a token.
 * `malformed`: the status for a malformed Authorization header, or a token elsewhere.
 * `notBearer`: the status if such a request does not use the Bearer scheme, if it differs from `malformed`.
 * `followsRevocations`: whether it rejects a token soon after the session was revoked.
 * `withoutKeys`: the status for a valid token if the key set was never reachable; "ends" if the program does not start.
 */
const all = [
  // No `into`: it depends on the package in this repository, so it is always installed again.
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
  if (chosen.length === 0) throw new Error(`unknown recipe ${only}; the recipes are ${names}`);
  return chosen;
}

/** The directories without an entry in `all`, whose recipes would never be tested. */
export async function directoriesWithoutRecipe() {
  const entries = await readdir(ROOT, { withFileTypes: true });
  const known = new Set(["forward-auth", "harness", ...all.map(({ name, directory = name }) => directory)]);
  return entries.filter((entry) => entry.isDirectory() && !known.has(entry.name)).map(({ name }) => name);
}

/** Installs and builds a recipe if its files have changed since the last installation. Returns whether it did so. */
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

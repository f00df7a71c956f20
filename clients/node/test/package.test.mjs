// The packed package: its files, CommonJS and ES modules, its types, and when it keeps a process alive.
import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { AUDIENCE, FakeIssuer } from "./support/fake-issuer.mjs";
import { ROOT, install, output, runScript } from "./support/package.mjs";

const read = async (name) => JSON.parse(await readFile(join(ROOT, name), "utf8"));

async function installed(t) {
  const issuer = await FakeIssuer.start();
  t.after(() => issuer.stop());
  return { issuer, home: await install(t) };
}

const OPTIONS = `{ issuer: process.argv[2], audience: ${JSON.stringify(AUDIENCE)} }`;

test("the package contains its sources, types, licences and documents, and nothing else", async () => {
  const [{ files }] = JSON.parse(await output("npm", "pack", "--dry-run", "--json"));
  const sources = (await readdir(join(ROOT, "src"))).map((name) => `src/${name}`);
  const documents = ["CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT", "README.md", "package.json"];
  const entries = ["index", "express"].flatMap((name) => ["d.mts", "d.ts", "js", "mjs"].map((end) => `${name}.${end}`));
  assert.deepEqual(files.map(({ path }) => path).sort(), [...documents, ...entries, ...sources].sort());
  assert.ok(sources.every((name) => name.endsWith(".js")));
});

test("the package has no dependencies, and the lock file names no other registry than npm's", async () => {
  const manifest = await read("package.json");
  const kinds = ["dependencies", "peerDependencies", "optionalDependencies", "bundleDependencies"];
  assert.deepEqual(
    kinds.filter((kind) => kind in manifest),
    [],
  );
  const { packages } = await read("package-lock.json");
  const resolved = Object.values(packages).map((entry) => entry.resolved ?? "");
  assert.ok(resolved.every((address) => address === "" || address.startsWith("https://registry.npmjs.org/")));
});

test("the sources load only each other and Node's modules, and never by import()", async () => {
  for (const name of await readdir(join(ROOT, "src"))) {
    const text = await readFile(join(ROOT, "src", name), "utf8");
    // Jest's runtime for CommonJS does not support `import()`.
    assert.doesNotMatch(text, /\bimport\(/, name);
    const loaded = [...text.matchAll(/require\("([^"]+)"\)/g)].map(([, specifier]) => specifier);
    const isAllowed = (specifier) => /^(\.\/[a-z0-9-]+\.js|node:[a-z_/]+)$/.test(specifier);
    assert.deepEqual(
      loaded.filter((specifier) => !isAllowed(specifier)),
      [],
      name,
    );
  }
});

test("countersign/express is the same package", async (t) => {
  const home = await install(t);
  const text = `
    import { createRequire } from "node:module";
    import * as imported from "countersign/express";
    import * as plain from "countersign";
    const required = createRequire(import.meta.url)("countersign/express");
    const names = ["Refusal", "claimsOf", "createGuard", "requireToken"];
    console.log(Object.keys(imported).join(), names.every((name) => imported[name] === plain[name] && plain[name] === required[name]));`;
  const { stdout } = await runScript(home, "a.mjs", text);
  assert.equal(stdout, "Refusal,claimsOf,createGuard,requireToken true\n");
});

const VERIFY = `
  createGuard(${OPTIONS}).verify(process.argv[3]).then(
    ({ sub }) => console.log(typeof requireToken, Refusal.name, sub),
  );`;

test("the package can be imported", async (t) => {
  const { issuer, home } = await installed(t);
  const text = `import { createGuard, requireToken, Refusal } from "countersign"; ${VERIFY}`;
  const { stdout, stderr } = await runScript(home, "a.mjs", text, issuer.url, await issuer.token());
  assert.deepEqual([stdout, stderr], ["function Refusal 1\n", ""]);
});

test("the package can be required", async (t) => {
  const { issuer, home } = await installed(t);
  const text = `const { createGuard, requireToken, Refusal } = require("countersign"); ${VERIFY}`;
  const { stdout, stderr } = await runScript(home, "a.cjs", text, issuer.url, await issuer.token());
  assert.deepEqual([stdout, stderr], ["function Refusal 1\n", ""]);
});

test("CommonJS and ES modules of one process share the revocation list", async (t) => {
  const { issuer, home } = await installed(t);
  const text = `
    import { createRequire } from "node:module";
    import * as imported from "countersign";
    const required = createRequire(import.meta.url)("countersign");
    const guards = [imported, required].map(({ createGuard }) => createGuard(${OPTIONS}));
    await Promise.all(guards.map((guard) => guard.ready()));
    console.log(imported.Refusal === required.Refusal);`;
  const { stdout } = await runScript(home, "a.mjs", text, issuer.url);
  assert.equal(stdout, "true\n");
  assert.deepEqual([issuer.streamRequests.length, issuer.keyRequests], [1, 1]);
});

test("a wrong option stops a program at its start, with require and with import", async (t) => {
  const home = await install(t);
  const programs = {
    "a.mjs": 'import { requireToken } from "countersign";',
    "a.cjs": 'const { requireToken } = require("countersign");',
  };
  for (const [name, load] of Object.entries(programs)) {
    const failed = runScript(home, name, `${load} requireToken({ issuer: "https://id.example" }); console.log("on");`);
    const { code, stdout, stderr } = await failed.catch((error) => error);
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, /TypeError: `audience` must be/);
  }
});

test("a guard does not keep its process alive while it follows the revocation list", async (t) => {
  const { issuer, home } = await installed(t);
  const text = `
    import { createGuard } from "countersign";
    const guard = createGuard(${OPTIONS});
    await guard.ready();
    console.log(guard.status().revocations.behind <= 5);`;
  const { stdout, took } = await runScript(home, "a.mjs", text, issuer.url);
  assert.equal(stdout, "true\n");
  assert.equal(issuer.streamRequests.length, 1);
  assert.ok(took < 5_000, String(took));
});

test("a guard does not keep its process alive while the server fails, is silent, or is unreachable", async (t) => {
  const { issuer, home } = await installed(t);
  const text = `require("countersign").requireToken(${OPTIONS}); setTimeout(() => console.log("done"), 300);`;
  const silent = createServer(() => {});
  await new Promise((resolve) => silent.listen(0, "127.0.0.1", resolve));
  t.after(() => silent.close());
  issuer.keysHandler = (_, response) => response.writeHead(503).end();
  issuer.streamHandler = (_, response) => response.writeHead(503).end();
  const unreachable = "http://127.0.0.1:1";
  for (const url of [issuer.url, `http://127.0.0.1:${silent.address().port}`, unreachable]) {
    const { stdout, stderr, took } = await runScript(home, "a.cjs", text, url);
    assert.equal(stdout, "done\n", url);
    const expected = /^(countersign: cannot (fetch the keys|follow the revocation list) of .*)?$/;
    for (const line of stderr.trimEnd().split("\n")) assert.match(line, expected);
    assert.ok(took < 4_000, `${url}: ${took}`);
  }
});

test("a program that awaits ready() stays alive", async (t) => {
  const { issuer, home } = await installed(t);
  await issuer.stop();
  const text = `
    import { createGuard } from "countersign";
    await createGuard(${OPTIONS}).ready();
    console.log("ready");`;
  const waiting = runScript(home, "a.mjs", text, issuer.url);
  setTimeout(() => issuer.listen(), 800);
  const { stdout } = await waiting;
  assert.equal(stdout, "ready\n");
});

test("the types are correct for CommonJS and ES modules", async () => {
  const errors = await output("npm", "run", "--silent", "types").catch(({ stdout }) => assert.fail(stdout));
  assert.equal(errors, "");
});

test("each file has at most 400 lines and begins with a comment on its purpose", async () => {
  for (const directory of ["src", "test", "test/support"]) {
    const names = (await readdir(join(ROOT, directory))).filter((name) => /\.m?js$/.test(name));
    assert.ok(names.length > 2);
    for (const name of names) {
      const lines = (await readFile(join(ROOT, directory, name), "utf8")).split("\n");
      assert.match(
        lines.find((line) => line !== '"use strict";'),
        /^\/\/ \S/,
        name,
      );
      assert.ok(lines.length <= 400, `${name} has ${lines.length} lines`);
      assert.deepEqual(
        lines.filter((line) => line.length > 140),
        [],
        name,
      );
    }
  }
});

// Runs the programs of the README and of the example, and compares the limits in the README with the code.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import limits from "../src/limits.js";
import { freePort } from "../../../examples/harness/process.mjs";
import { bearerHeader, sendRequest } from "./support/api.mjs";
import { AUDIENCE, FakeIssuer } from "./support/fake-issuer.mjs";
import { ROOT, install } from "./support/package.mjs";

const README = await readFile(join(ROOT, "README.md"), "utf8");
const EXAMPLE = await readFile(join(ROOT, "../../examples/express-countersign/server.mjs"), "utf8");
const programs = [...README.matchAll(/^```js\n(.*?)^```$/gms)].map(([, text]) => text);

/** Starts a program that listens, and stops it after the test. */
async function startProgram(t, text) {
  const issuer = await FakeIssuer.start();
  t.after(() => issuer.stop());
  const home = await install(t);
  await symlink(join(ROOT, "node_modules", "express"), join(home, "node_modules", "express"));
  await writeFile(join(home, "server.mjs"), text);
  const port = await freePort();
  const env = { ...process.env, ISSUER: issuer.url, AUDIENCE, PORT: String(port) };
  const program = spawn(process.execPath, ["server.mjs"], { cwd: home, env, stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => program.kill());
  const [output] = await once(program.stdout, "data");
  assert.equal(String(output), "listening\n");
  return { issuer, url: `http://127.0.0.1:${port}/protectedRoute` };
}

test("the README's first program is the example, and guards a route", async (t) => {
  assert.equal(programs[0], EXAMPLE);
  const { issuer, url } = await startProgram(t, EXAMPLE);
  const claims = issuer.claims();
  const { status, text } = await sendRequest(url, bearerHeader(await issuer.token({ claims })));
  assert.equal(status, 200);
  assert.deepEqual(JSON.parse(text), { message: "This is a protected route", user: claims });
  assert.equal((await sendRequest(url)).status, 401);
});

test("the README's program for node:http guards a route", async (t) => {
  const { issuer, url } = await startProgram(t, programs[1]);
  const { status, text } = await sendRequest(url, bearerHeader(await issuer.token()));
  assert.deepEqual([status, text], [200, "The orders of 1"]);
  assert.equal((await sendRequest(url, bearerHeader(await issuer.token({ claims: { scope: "x" } })))).status, 403);
});

test("the README's program for Fetch guards a handler", async (t) => {
  assert.equal(programs.length, 3);
  const issuer = await FakeIssuer.start();
  t.after(() => issuer.stop());
  const home = await install(t);
  await writeFile(join(home, "server.mjs"), programs[2]);
  Object.assign(process.env, { ISSUER: issuer.url, AUDIENCE });
  const { default: server } = await import(pathToFileURL(join(home, "server.mjs")));
  const response = await server.fetch(new Request("https://api.example", { headers: bearerHeader(await issuer.token()) }));
  assert.deepEqual(await response.json(), { orders: [], of: "1" });
  assert.equal((await server.fetch(new Request("https://api.example"))).status, 401);
});

test("the README states the current limits", () => {
  const stated = [
    `at most ${limits.tokenLength / 1024} KiB`,
    `more than ${limits.jsonDepth} levels`,
    `key set | ${limits.keySetSize / 1024} KiB and ${limits.keySetKeys} keys`,
    `event of the stream | ${limits.eventLength / 1024} KiB`,
    `polls | ${limits.pageSize / 1024} KiB, in five seconds`,
    `${limits.revokedSessions.toLocaleString("en")}, in 42 MB`,
    `silent for ${limits.pollAfterSilence / 1000} seconds`,
    `up to ${limits.longestRetryAfter / 1000} seconds`,
    `${limits.revokedRanges.toLocaleString("en")} revocations`,
    `silent for ${limits.streamTimeout / 1000} seconds`,
    `often than every ${limits.keySetCoolDown / 1000} seconds`,
    `\`Retry-After: ${limits.retryAfter}\``,
    `more than ${limits.staleAfter} seconds old`,
    `${limits.staleAfter} to ${limits.longestServedStale.toLocaleString("en")}`,
  ];
  assert.deepEqual([limits.listInterval, limits.listTimeout], [5_000, 5_000]);
  for (const text of stated) assert.ok(README.replaceAll("\n", " ").includes(text), text);
});

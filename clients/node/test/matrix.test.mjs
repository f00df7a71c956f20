// The package in every runtime, bundler, test runner and package manager that the README names.
import assert from "node:assert/strict";
import { once } from "node:events";
import { rm, writeFile } from "node:fs/promises";
import { createServer, request as send } from "node:http";
import { createServer as createTcpServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { AUDIENCE, FakeIssuer, sessionId, signingKey } from "./support/fake-issuer.mjs";
import { YARN, bin, copyPrograms, installMatrix, load, nodeOf, runIn } from "./support/matrix.mjs";
import { pack, temporary, unpack } from "./support/package.mjs";

const ALGORITHMS = ["ES256", "RS256", "PS256", "EdDSA"];

const EXPECTED = {
  ...Object.fromEntries(ALGORITHMS.map((alg) => [alg, "1"])),
  forged: "bad_signature",
  revoked: "revoked",
  withToken: 200,
  without: 401,
};

await installMatrix();
const archive = await pack(await temporary(test));
const keys = await Promise.all(ALGORITHMS.map((alg) => signingKey(`the-${alg}-key`, alg)));
const issuer = await FakeIssuer.start({ keys });
test.after(() => issuer.stop());
const environment = { SCENARIO: JSON.stringify(await scenario()), EXPECTED: JSON.stringify(EXPECTED) };

/** A token of each algorithm, one with a signature of another key, and one of a revoked session. */
async function scenario() {
  const sid = sessionId();
  await issuer.revoke({ sid });
  const tokens = Object.fromEntries(await Promise.all(keys.map(async (key) => [key.alg, await issuer.token({ key })])));
  tokens.forged = await issuer.token({ key: await signingKey("the-ES256-key") });
  tokens.revoked = await issuer.token({ claims: { sid } });
  return { issuer: issuer.url, audience: AUDIENCE, tokens };
}

/** A directory with the programs and the package. */
async function installed(t) {
  const home = await temporary(t);
  await Promise.all([copyPrograms(home), unpack(archive, home)]);
  return home;
}

async function works(home, program, args) {
  const { stdout, stderr } = await runIn(home, program, args, environment);
  assert.deepEqual(JSON.parse(stdout), EXPECTED, stderr);
}

for (const major of ["18", "22", "24"]) {
  test(`Node ${major} requires and imports it`, async (t) => {
    const node = nodeOf(major);
    if (node === undefined) return t.skip("npm has no build of this version for this platform");
    const home = await installed(t);
    await works(home, node, ["smoke.cjs"]);
    return works(home, node, ["smoke.mjs"]);
  });
}

test("this Node requires and imports it", async (t) => {
  const home = await installed(t);
  await works(home, process.execPath, ["smoke.cjs"]);
  await works(home, process.execPath, ["smoke.mjs"]);
});

test("Bun requires and imports it", async (t) => {
  const home = await installed(t);
  await works(home, bin("bun"), ["smoke.cjs"]);
  await works(home, bin("bun"), ["smoke.mjs"]);
});

test("Deno requires and imports it", async (t) => {
  const home = await installed(t);
  await writeFile(join(home, "package.json"), "{}");
  const options = ["run", "--allow-all", "--node-modules-dir=manual", "--no-remote"];
  await works(home, bin("deno"), [...options, "smoke.cjs"]);
  await works(home, bin("deno"), [...options, "smoke.mjs"]);
});

test("Jest runs it in its runtime for CommonJS", async (t) => {
  const home = await installed(t);
  const config = { rootDir: home, testMatch: ["<rootDir>/smoke.jest.cjs"], cacheDirectory: join(home, "cache") };
  await writeFile(join(home, "package.json"), "{}");
  const { stderr } = await runIn(home, bin("jest"), ["--config", JSON.stringify(config)], environment);
  assert.match(stderr, /1 passed/);
  assert.doesNotMatch(stderr, /did not exit|failed to exit/);
});

/** Runs a bundle in a directory that has nothing else. */
async function bundleWorks(t, bundle) {
  const home = await installed(t);
  await bundle(home, join(home, "out"));
  await Promise.all(["node_modules", "scenario.cjs"].map((name) => rm(join(home, name), { recursive: true })));
  return (name) => works(join(home, "out"), process.execPath, [name]);
}

for (const [format, name] of [
  ["cjs", "bundle.cjs"],
  ["esm", "bundle.mjs"],
]) {
  for (const entry of ["smoke.cjs", "smoke.mjs"]) {
    // A bundle of CommonJS cannot wait at its top level.
    if (format === "cjs" && entry === "smoke.mjs") continue;
    test(`esbuild bundles ${entry} as ${format}`, async (t) => {
      const { build } = await load("esbuild/lib/main.js");
      const runs = await bundleWorks(t, (home, out) =>
        build({
          absWorkingDir: home,
          entryPoints: [entry],
          bundle: true,
          platform: "node",
          target: "node18",
          format,
          outfile: join(out, name),
          logLevel: "silent",
          // esbuild's documented way to `require` the modules of Node in a bundle of ES modules.
          banner: format === "esm" ? { js: REQUIRE } : {},
        }),
      );
      await runs(name);
    });
  }
}

const REQUIRE = 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);';

for (const [type, name, entry] of [
  ["commonjs2", "bundle.cjs", "smoke.cjs"],
  ["module", "bundle.mjs", "smoke.cjs"],
  ["module", "bundle.mjs", "smoke.mjs"],
]) {
  test(`webpack bundles ${entry} as ${type}`, async (t) => {
    const { default: webpack } = await load("webpack/lib/index.js");
    const runs = await bundleWorks(t, (context, path) =>
      webpacked(webpack, {
        context,
        entry: `./${entry}`,
        target: "node18",
        mode: "production",
        output: { path, filename: name, library: { type }, module: type === "module" },
        experiments: { outputModule: type === "module" },
      }),
    );
    await runs(name);
  });
}

function webpacked(webpack, options) {
  return new Promise((resolve, reject) =>
    webpack(options, (error, stats) => {
      if (error || stats.hasErrors()) reject(error ?? new Error(stats.toString()));
      else resolve();
    }),
  );
}

/** A project that a package manager is to install. */
async function project(t, files = {}) {
  const home = await temporary(t);
  await copyPrograms(home);
  const manifest = { private: true, dependencies: { countersign: `file:${archive}` } };
  const all = { "package.json": JSON.stringify(manifest), ...files };
  await Promise.all(Object.entries(all).map(([name, text]) => writeFile(join(home, name), text)));
  return home;
}

test("pnpm installs it", async (t) => {
  const home = await project(t);
  await runIn(home, bin("pnpm"), ["install", "--offline", "--store-dir", join(home, "store")]);
  await works(home, process.execPath, ["smoke.cjs"]);
  await works(home, process.execPath, ["smoke.mjs"]);
});

test("Yarn's Plug'n'Play installs it", async (t) => {
  const settings = ["nodeLinker: pnp", "pnpEnableEsmLoader: true"];
  const alone = ["enableGlobalCache: false", "enableNetwork: false", "enableTelemetry: false"];
  const home = await project(t, { ".yarnrc.yml": [...settings, ...alone, ""].join("\n"), "yarn.lock": "" });
  await runIn(home, process.execPath, [YARN, "install", "--mode=skip-build"], { CI: "" });
  await works(home, process.execPath, [YARN, "node", "smoke.cjs"]);
  await works(home, process.execPath, [YARN, "node", "smoke.mjs"]);
});

/** A proxy for plain http, and the addresses that it was asked for. */
async function proxy(t) {
  const asked = [];
  const server = createServer((request, response) => {
    asked.push(new URL(request.url).pathname);
    const forwarded = send(request.url, { headers: request.headers, agent: false }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers).flushHeaders();
      answer.pipe(response);
    });
    forwarded.on("error", () => response.destroy()).end();
    response.on("close", () => forwarded.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close() && server.closeAllConnections());
  return { asked, url: `http://127.0.0.1:${server.address().port}` };
}

for (const major of ["22", "24"]) {
  test(`Node ${major} sends all requests through the proxy of its environment`, async (t) => {
    const node = nodeOf(major);
    if (node === undefined) return t.skip("npm has no build of this version for this platform");
    const home = await installed(t);
    const { asked, url } = await proxy(t);
    const variables = { ...environment, HTTP_PROXY: url, http_proxy: url, NO_PROXY: "", no_proxy: "" };
    const run = async (more) => JSON.parse((await runIn(home, node, ["smoke.cjs"], { ...variables, ...more })).stdout);
    assert.equal((await run({})).ES256, "1");
    assert.deepEqual(asked, [], "without the switch");
    assert.equal((await run({ NODE_USE_ENV_PROXY: "1" })).ES256, "1");
    assert.deepEqual(new Set(asked), new Set(["/.well-known/jwks.json", "/revocations/stream"]));
    return undefined;
  });

  test(`a proxy that does not answer keeps no process of Node ${major} alive`, async (t) => {
    const node = nodeOf(major);
    if (node === undefined) return t.skip("npm has no build of this version for this platform");
    const home = await installed(t);
    const silent = createTcpServer((socket) => socket.on("error", () => {}));
    silent.listen(0, "127.0.0.1");
    await once(silent, "listening");
    t.after(() => silent.close());
    const url = `http://127.0.0.1:${silent.address().port}`;
    const OPTIONS = JSON.stringify({ issuer: "https://id.example", audience: AUDIENCE });
    const variables = { OPTIONS, HTTPS_PROXY: url, https_proxy: url, NO_PROXY: "", no_proxy: "", NODE_USE_ENV_PROXY: "1" };
    const began = performance.now();
    const { stdout } = await runIn(home, node, ["proxied.cjs"], variables);
    assert.equal(stdout, "done\n");
    assert.ok(performance.now() - began < 4_000);
    return undefined;
  });
}

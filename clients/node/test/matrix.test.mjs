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
import { createDirectory, pack, unpack } from "./support/package.mjs";

const ALGORITHMS = ["ES256", "RS256", "PS256", "EdDSA"];

const EXPECTED = {
  ...Object.fromEntries(ALGORITHMS.map((alg) => [alg, "1"])),
  forged: "bad_signature",
  revoked: "revoked",
  withToken: 200,
  without: 401,
};

await installMatrix();
const archive = await pack(await createDirectory(test));
const keys = await Promise.all(ALGORITHMS.map((alg) => signingKey(`the-${alg}-key`, alg)));
const issuer = await FakeIssuer.start({ keys });
test.after(() => issuer.stop());
const environment = { SCENARIO: JSON.stringify(await scenario()), EXPECTED: JSON.stringify(EXPECTED) };

/** A token for each algorithm, one with the signature of another key, and one of a revoked session. */
async function scenario() {
  const sid = sessionId();
  await issuer.revoke({ sid });
  const tokens = Object.fromEntries(await Promise.all(keys.map(async (key) => [key.alg, await issuer.token({ key })])));
  tokens.forged = await issuer.token({ key: await signingKey("the-ES256-key") });
  tokens.revoked = await issuer.token({ claims: { sid } });
  return { issuer: issuer.url, audience: AUDIENCE, tokens };
}

/** Creates a directory with the programs and the package. */
async function installed(t) {
  const home = await createDirectory(t);
  await Promise.all([copyPrograms(home), unpack(archive, home)]);
  return home;
}

async function assertWorks(home, program, args) {
  const { stdout, stderr } = await runIn(home, program, args, environment);
  assert.deepEqual(JSON.parse(stdout), EXPECTED, stderr);
}

for (const major of ["18", "22", "24"]) {
  test(`Node ${major} requires and imports the package`, async (t) => {
    const node = nodeOf(major);
    if (node === undefined) return t.skip("npm has no build of this version for this platform");
    const home = await installed(t);
    await assertWorks(home, node, ["smoke.cjs"]);
    return assertWorks(home, node, ["smoke.mjs"]);
  });
}

test("this version of Node requires and imports the package", async (t) => {
  const home = await installed(t);
  await assertWorks(home, process.execPath, ["smoke.cjs"]);
  await assertWorks(home, process.execPath, ["smoke.mjs"]);
});

test("Bun requires and imports the package", async (t) => {
  const home = await installed(t);
  await assertWorks(home, bin("bun"), ["smoke.cjs"]);
  await assertWorks(home, bin("bun"), ["smoke.mjs"]);
});

test("Deno requires and imports the package", async (t) => {
  const home = await installed(t);
  await writeFile(join(home, "package.json"), "{}");
  const options = ["run", "--allow-all", "--node-modules-dir=manual", "--no-remote"];
  await assertWorks(home, bin("deno"), [...options, "smoke.cjs"]);
  await assertWorks(home, bin("deno"), [...options, "smoke.mjs"]);
});

test("Jest runs the package in its runtime for CommonJS", async (t) => {
  const home = await installed(t);
  const config = { rootDir: home, testMatch: ["<rootDir>/smoke.jest.cjs"], cacheDirectory: join(home, "cache") };
  await writeFile(join(home, "package.json"), "{}");
  const { stderr } = await runIn(home, bin("jest"), ["--config", JSON.stringify(config)], environment);
  assert.match(stderr, /1 passed/);
  assert.doesNotMatch(stderr, /did not exit|failed to exit/);
});

/** Creates a bundle and returns a function that runs it in a directory without the package. */
async function bundled(t, bundle) {
  const home = await installed(t);
  await bundle(home, join(home, "out"));
  await Promise.all(["node_modules", "scenario.cjs"].map((name) => rm(join(home, name), { recursive: true })));
  return (name) => assertWorks(join(home, "out"), process.execPath, [name]);
}

for (const [format, name] of [
  ["cjs", "bundle.cjs"],
  ["esm", "bundle.mjs"],
]) {
  for (const entry of ["smoke.cjs", "smoke.mjs"]) {
    // CommonJS has no top-level `await`.
    if (format === "cjs" && entry === "smoke.mjs") continue;
    test(`esbuild bundles ${entry} as ${format}`, async (t) => {
      const { build } = await load("esbuild/lib/main.js");
      const runs = await bundled(t, (home, out) =>
        build({
          absWorkingDir: home,
          entryPoints: [entry],
          bundle: true,
          platform: "node",
          target: "node18",
          format,
          outfile: join(out, name),
          logLevel: "silent",
          // The README documents this banner, with which a bundle of ES modules can `require` Node's modules.
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
    const runs = await bundled(t, (context, path) =>
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

/** Creates a project for a package manager to install. */
async function project(t, files = {}) {
  const home = await createDirectory(t);
  await copyPrograms(home);
  const manifest = { private: true, dependencies: { countersign: `file:${archive}` } };
  const all = { "package.json": JSON.stringify(manifest), ...files };
  await Promise.all(Object.entries(all).map(([name, text]) => writeFile(join(home, name), text)));
  return home;
}

test("pnpm installs the package", async (t) => {
  const home = await project(t);
  await runIn(home, bin("pnpm"), ["install", "--offline", "--store-dir", join(home, "store")]);
  await assertWorks(home, process.execPath, ["smoke.cjs"]);
  await assertWorks(home, process.execPath, ["smoke.mjs"]);
});

test("Yarn's Plug'n'Play installs the package", async (t) => {
  const settings = ["nodeLinker: pnp", "pnpEnableEsmLoader: true"];
  const isolation = ["enableGlobalCache: false", "enableNetwork: false", "enableTelemetry: false"];
  const home = await project(t, { ".yarnrc.yml": [...settings, ...isolation, ""].join("\n"), "yarn.lock": "" });
  await runIn(home, process.execPath, [YARN, "install", "--mode=skip-build"], { CI: "" });
  await assertWorks(home, process.execPath, [YARN, "node", "smoke.cjs"]);
  await assertWorks(home, process.execPath, [YARN, "node", "smoke.mjs"]);
});

/** Starts a proxy for plain http. `paths` holds the paths of its requests. */
async function proxy(t) {
  const paths = [];
  const server = createServer((request, response) => {
    paths.push(new URL(request.url).pathname);
    const forwarded = send(request.url, { headers: request.headers, agent: false }, (received) => {
      response.writeHead(received.statusCode, received.headers).flushHeaders();
      received.pipe(response);
    });
    forwarded.on("error", () => response.destroy()).end();
    response.on("close", () => forwarded.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close() && server.closeAllConnections());
  return { paths, url: `http://127.0.0.1:${server.address().port}` };
}

for (const major of ["22", "24"]) {
  test(`Node ${major} sends all requests through the proxy in the environment`, async (t) => {
    const node = nodeOf(major);
    if (node === undefined) return t.skip("npm has no build of this version for this platform");
    const home = await installed(t);
    const { paths, url } = await proxy(t);
    const variables = { ...environment, HTTP_PROXY: url, http_proxy: url, NO_PROXY: "", no_proxy: "" };
    const run = async (more) => JSON.parse((await runIn(home, node, ["smoke.cjs"], { ...variables, ...more })).stdout);
    assert.equal((await run({})).ES256, "1");
    assert.deepEqual(paths, [], "without NODE_USE_ENV_PROXY");
    assert.equal((await run({ NODE_USE_ENV_PROXY: "1" })).ES256, "1");
    assert.deepEqual(new Set(paths), new Set(["/.well-known/jwks.json", "/revocations/stream"]));
    return undefined;
  });

  test(`a proxy that does not respond does not keep a process of Node ${major} alive`, async (t) => {
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
    const start = performance.now();
    const { stdout } = await runIn(home, node, ["proxied.cjs"], variables);
    assert.equal(stdout, "done\n");
    assert.ok(performance.now() - start < 4_000);
    return undefined;
  });
}

// The published package: its files, its size, its types and its README.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { bundle } from "../build.mjs";
import { FakeBrowser } from "./support/fake-browser.mjs";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("..", import.meta.url));
const LARGEST = 35_840;
const LARGEST_COMPRESSED = 11_264;

const read = (name) => readFile(join(ROOT, name), "utf8");

async function output(program, ...args) {
  const { stdout } = await run(program, args, { cwd: ROOT });
  return stdout;
}

test("the package contains one module, its types, licences and documentation, and nothing else", async () => {
  const [{ files }] = JSON.parse(await output("npm", "pack", "--dry-run", "--json"));
  const texts = ["CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT", "README.md", "package.json"];
  assert.deepEqual(files.map(({ path }) => path).sort(), [...texts, "index.d.ts", "index.js"].sort());
});

test("index.js is what `npm run build` writes from src", async () => {
  assert.equal(await read("index.js"), await bundle(), "run `npm run build`");
});

test("there are no dependencies, and the lock file names only the npm registry", async () => {
  const manifest = JSON.parse(await read("package.json"));
  for (const kind of ["dependencies", "peerDependencies", "optionalDependencies", "bundleDependencies"]) {
    assert.equal(manifest[kind], undefined);
  }
  assert.doesNotMatch(await read("index.js"), /\bimport\b|\brequire\(/);
  const { packages } = JSON.parse(await read("package-lock.json"));
  const addresses = Object.values(packages).map(({ resolved = "" }) => resolved);
  assert.ok(addresses.every((address) => address === "" || address.startsWith("https://registry.npmjs.org/")));
});

test("the module, with its comments, is as small as the README says", async () => {
  const source = await readFile(join(ROOT, "index.js"));
  assert.ok(source.length <= LARGEST, `${source.length} bytes`);
  const compressed = gzipSync(source, { level: 9 }).length;
  assert.ok(compressed <= LARGEST_COMPRESSED, `${compressed} bytes, compressed`);
  const stated = (await read("README.md")).replaceAll("\n", " ");
  assert.ok(stated.includes(`${LARGEST / 1024} KiB as it stands, ${LARGEST_COMPRESSED / 1024} KiB compressed`));
});

test("the module can be imported outside a browser, for example to render a page on a server", async (t) => {
  const home = await mkdtemp(join(tmpdir(), "countersign-browser-"));
  t.after(() => rm(home, { recursive: true }));
  const [{ filename }] = JSON.parse(await output("npm", "pack", "--json", "--pack-destination", home));
  const modules = join(home, "node_modules", "countersign-browser");
  await mkdir(modules, { recursive: true });
  await run("tar", ["-xf", join(home, filename), "-C", modules, "--strip-components=1"]);
  const text = 'import * as all from "countersign-browser"; console.log(Object.keys(all).join());';
  await writeFile(join(home, "a.mjs"), text);
  const { stdout } = await run(process.execPath, ["a.mjs"], { cwd: home });
  assert.equal(stdout, "SessionError,createSession\n");
});

test("the types fit an example page, and the modules of src pass the type check", async () => {
  const problems = await output("npm", "run", "--silent", "types").catch(({ stdout }) => assert.fail(stdout));
  assert.equal(problems, "");
});

test("the README's example signs in, sends a request and signs out", async () => {
  const [, program] = /^```js\n(.*?)^```$/ms.exec(await read("README.md"));
  assert.equal(program.trim().split("\n").length, 10);
  const browser = new FakeBrowser();
  const shown = [];
  const form = { username: { value: "ada" }, password: { value: "right" } };
  const [more, leave] = [{}, {}];
  const page = { form, more, leave, show: (...words) => shown.push(words) };
  browser.run(program.replace(/^import.*$/m, ""), page);
  await browser.clock.advance(500);
  await browser.during(form.onsubmit({ preventDefault: () => {} }));
  await browser.during(more.onclick());
  await browser.during(leave.onclick());
  const [[orders]] = shown.splice(2, 1);
  assert.equal(orders.path, "/api/orders");
  assert.deepEqual(shown, [["signed-out", null], ["signed-in", null], ["signed-out", "signed-out"]]);
});

test("each file is short and begins with a comment", async () => {
  const files = ["build.mjs", "index.d.ts"];
  for (const directory of ["src", "test", "test/support", "test/browser", "test/browser/support"]) {
    const names = (await readdir(join(ROOT, directory))).filter((name) => /\.m?js$/.test(name));
    assert.ok(names.length > 1);
    files.push(...names.map((name) => join(directory, name)));
  }
  for (const name of files) {
    const lines = (await read(name)).split("\n");
    assert.match(lines[0], /^\/\/ \S/, name);
    assert.ok(lines.length <= 400, `${name} has ${lines.length} lines`);
    assert.deepEqual(lines.filter((line) => line.length > 140), [], name);
  }
});

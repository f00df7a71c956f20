// The curl command that repeats a call of the page.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";

const { curlOf } = await import("../../../crates/countersign/lab/server.js");
const run = promisify(execFile);

/** The arguments that a shell passes to curl. */
async function words(line) {
  const { stdout } = await run("sh", ["-c", `curl() { printf '%s\\0' "$@"; }; ${line}`]);
  return stdout.split("\0").slice(0, -1);
}

const url = "http://localhost:3000/v1/sessions";

test("a GET has only the URL and the headers as arguments", async () => {
  const line = curlOf({ method: "GET", url, requestHeaders: { Authorization: "Bearer a.b-c_d" }, requestBody: null });
  assert.deepEqual(await words(line), ["-i", url, "-H", "Authorization: Bearer a.b-c_d"]);
});

test("-X is added only if curl would not choose the method itself", async () => {
  const body = '{"refresh_token":"csr_"}';
  assert.deepEqual(await words(curlOf({ method: "POST", url, requestHeaders: {}, requestBody: body })), [
    "-i",
    url,
    "--data-raw",
    body,
  ]);
  assert.deepEqual(await words(curlOf({ method: "POST", url, requestHeaders: {}, requestBody: null })), [
    "-i",
    "-X",
    "POST",
    url,
  ]);
  assert.deepEqual(await words(curlOf({ method: "DELETE", url, requestHeaders: {}, requestBody: null })), [
    "-i",
    "-X",
    "DELETE",
    url,
  ]);
});

for (const hostile of ["'; rm -rf / #", "$(id) `id` $HOME", 'a"b\\c', "@/etc/passwd", "line\nbreak", "ü🎉", ""]) {
  test(`${JSON.stringify(hostile)} is passed to curl unchanged, as one argument`, async () => {
    const line = curlOf({ method: "POST", url, requestHeaders: { "X-Note": hostile }, requestBody: hostile });
    assert.deepEqual(await words(line), ["-i", url, "-H", `X-Note: ${hostile}`, "--data-raw", hostile]);
  });
}

test("a URL with shell metacharacters is quoted", () => {
  const line = curlOf({ method: "GET", url: `${url}?a=[1-3]&b={c}`, requestHeaders: {}, requestBody: null });
  assert.equal(line, `curl -i '${url}?a=[1-3]&b={c}'`);
});

// Without JavaScript the page is a tour for a terminal, and each command has the result that the page describes.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import { Stage } from "../support/stage.mjs";
import { eventsOf } from "../support/traffic.mjs";

const run = promisify(execFile);
const NEXT = "=== next ===";

let steps;
const stage = new Stage(async ({ browser, server }) => {
  const page = await browser.newPage({ javaScriptEnabled: false });
  await page.goto(`${server.url}/`);
  steps = await stepsOn(page);
});

describe("the tour", { concurrency: true }, () => {
  test("has the expected steps, and nothing that needs JavaScript", () => {
    assert.deepEqual(steps.map(({ title }) => title), [
      "Prepare",
      "Open a session",
      "Call an API",
      "Refresh",
      "Present the spent token again",
      "Sign out",
    ]);
  });

  test("has commands with the described results", async () => {
    const [prepared, opened, called, refreshed, again, signedOut] = await outputs(steps.map(({ command }) => command));

    assert.equal(prepared, "");
    const pair = JSON.parse(opened);
    assert.equal(pair.expires_in, 30);
    assert.match(steps[1].text, /valid for 30 seconds/);
    assert.match(JSON.parse(called).message, /This is a protected route/);
    assert.match(steps[2].text, /This is a protected route/);
    assert.notEqual(JSON.parse(refreshed).refresh_token, pair.refresh_token);
    assert.equal(JSON.parse(again).status, 401);
    assert.match(steps[4].text, /The server responds with 401/);
    assert.deepEqual(await eventsOf(stage.server, pair.session_id, 3), ["opened", "rotated 0 → 1", "reused 0 → 1"]);
    assert.deepEqual(signedOut.match(/\b\d{3}$/gm), ["204", "401", "403"]);
    assert.match(steps[5].text, /204, 401 and 403/);
  });

  test("has an access token that expires after the described time", async () => {
    const [prepare, open, call] = steps.map(({ command }) => command);
    const line = call.split("\n").at(-1).replace("curl -s", "curl -s -w '%{http_code}'");
    const [, , , later] = await outputs([prepare, open, call, `sleep 31\n${line}`]);

    assert.match(later, /403$/);
    assert.match(steps[2].text, /Wait 30 seconds and repeat the last line: the response is 403/);
  });
});

async function stepsOn(page) {
  assert.equal(await page.locator(".needs-script").filter({ visible: true }).count(), 0);
  const items = page.locator("noscript .steps > li");
  const texts = await items.allInnerTexts();
  return Promise.all(
    texts.map(async (text, index) => {
      const item = items.nth(index);
      return { text, title: await item.locator("h3").innerText(), command: await item.locator("pre").innerText() };
    }),
  );
}

/** The output of each command. All commands run in one shell, one after another. */
async function outputs(commands) {
  const script = commands.join(`\necho '${NEXT}'\n`).replaceAll("http://localhost:3000", stage.server.url);
  const { stdout, stderr } = await run("bash", ["-c", script]);
  assert.equal(stderr, "");
  return stdout.split(NEXT).map((text) => text.trim());
}

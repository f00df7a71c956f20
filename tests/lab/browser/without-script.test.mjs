// Without JavaScript the page is a tour for a terminal, and what it says of each command comes back.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { before, after, test } from "node:test";
import { promisify } from "node:util";
import { launch, openLab } from "../support/chromium.mjs";
import { startServer } from "../support/server.mjs";

const run = promisify(execFile);
const NEXT = "=== next ===";

let server;
let steps;
const endings = [];

before(async () => {
  const whole = { after: (end) => endings.unshift(end) };
  server = await startServer(whole);
  const { page } = await openLab(whole, await launch(whole), server, { javaScriptEnabled: false });
  steps = await page.locator(".tour li").evaluateAll((items) => items.map((item) => item.innerText)).catch(() => null);
  steps ??= [];
  const items = page.locator(".tour li");
  for (let index = 0; index < (await items.count()); index++) {
    const item = items.nth(index);
    steps.push({ text: await item.innerText(), command: await item.locator("pre").innerText() });
  }
  assert.equal(await page.locator(".needs-script:visible").count(), 0);
});

after(async () => {
  for (const end of endings) await end();
});

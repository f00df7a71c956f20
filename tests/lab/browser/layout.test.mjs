// No state of the page scrolls horizontally at any of the widths. With SCREENSHOTS=1, the tests also save screenshots of each
// state in screenshots/, in both colour schemes.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { experimentOf, inspect, openSession, outcomeOf, press, runAll, unfold } from "../support/acts.mjs";
import { openLab } from "../support/chromium.mjs";
import { startServer } from "../support/server.mjs";
import { Stage } from "../support/stage.mjs";
import { experiments } from "../../../crates/countersign/lab/experiments.js";

const WIDTHS = [360, 768, 1_440];
const HEIGHT = 900;
const SCHEMES = process.env.SCREENSHOTS ? ["light", "dark"] : ["light"];
const PICTURES = join(import.meta.dirname, "../screenshots");
/** These experiments affect all others, so they run last, one after the other. */
const DISTURBING = ["key-rotation", "restart"];

const stage = new Stage();

const open = async (t, options) => (await stage.open(t, { viewport: { width: 1_440, height: HEIGHT }, ...options })).page;

describe("nothing scrolls horizontally", { concurrency: true }, () => {
  test("with every experiment finished", async (t) => {
    const page = await open(t);
    const ids = experiments.map(({ id }) => id);
    const others = ids.filter((id) => !DISTURBING.includes(id));
    for (const id of ids) await unfold(page, id);
    // The clicks come one after another, and then the experiments run in parallel.
    for (const id of others) await experimentOf(page, id).locator("[data-action=all]").click();
    await Promise.all(others.map((id) => outcomeOf(experimentOf(page, id))));
    for (const id of DISTURBING) await runAll(experimentOf(page, id));
    await look(page, "experiments");
    for (const id of ids) await keep(page, `experiment-${id}`, experimentOf(page, id));
  });

  test("at first, with a pair, and with an expired one", async (t) => {
    const page = await open(t);
    await page.getByText("connected", { exact: true }).waitFor();
    await look(page, "start");
    await openSession(page);
    await press(page, "Refresh");
    await look(page, "pair");
    await page.getByText(/^Expired \d+ s ago/).waitFor({ timeout: 40_000 });
    await press(page, "Call the API");
    await look(page, "expired");
  });

  test("with the inspector filled in", async (t) => {
    const page = await open(t);
    await openSession(page);
    await page.getByRole("button", { name: "Inspect it below" }).click();
    await page.locator("#inspector").getByText("A verifier accepts the token").first().waitFor();
    await look(page, "inspector-good", "#inspector");
    for (const [name, text] of Object.entries(BAD)) {
      await inspect(page, text);
      await page.waitForTimeout(500);
      await look(page, `inspector-${name}`, "#inspector");
    }
  });

  test("with a long history", async (t) => {
    // This test starts its own server, because the page shows the newest session of a server.
    const { page } = await openLab(t, stage.browser, await startServer(t), { viewport: { width: 1_440, height: HEIGHT } });
    await openSession(page);
    for (let refreshes = 0; refreshes < 12; refreshes++) await press(page, "Refresh");
    await press(page, "Sign out");
    await page.locator("#story .chart-word").getByText("revoked").waitFor();
    await page.locator("#calls summary").first().click();
    await look(page, "story");
  });

  test("with the server unreachable", async (t) => {
    const page = await open(t);
    await openSession(page);
    await page.context().setOffline(true);
    await press(page, "Refresh");
    await look(page, "offline");
  });

  test("without JavaScript", async (t) => {
    await look(await open(t, { javaScriptEnabled: false }), "without-script");
  });
});

const part = (text) => Buffer.from(text).toString("base64url");
const BAD = {
  "unsigned": `${part('{"alg":"none"}')}.${part('{"exp":1,"sub":"1","iss":"https://issuer.example"}')}.`,
  "long": `${part(`{"alg":"RS256","kid":"${"k".repeat(300)}"}`)}.${part(`{"${"n".repeat(300)}":"${"v".repeat(3_000)}","a":{"b":{"c":[1,2,3]}}}`)}.${"A".repeat(342)}`,
  "no-token": "This is no token.",
  "refresh-token": `csr_${"A".repeat(88)}`,
};

/** Checks the page at each width, and saves screenshots of the page, or of the part that `selector` matches. */
async function look(page, name, selector) {
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: HEIGHT });
    const [wide, room] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
    assert.ok(wide <= room, `${name} is ${wide} pixels wide where ${room} are`);
  }
  await keep(page, name, selector && page.locator(selector));
}

async function keep(page, name, target) {
  if (!process.env.SCREENSHOTS) return;
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: HEIGHT });
    for (const colorScheme of SCHEMES) {
      await page.emulateMedia({ colorScheme });
      const path = join(PICTURES, `${name}-${width}-${colorScheme}.png`);
      await (target ? target.screenshot({ path }) : page.screenshot({ path, fullPage: true }));
    }
  }
  await page.emulateMedia({ colorScheme: "light" });
}

// Two tabs with the same server: each tab draws the events of both as they happen.
import assert from "node:assert/strict";
import { test } from "node:test";
import { openSession, press } from "../support/acts.mjs";
import { launch, openLab, openTab } from "../support/chromium.mjs";
import { startServer } from "../support/server.mjs";
import { eventsOf } from "../support/traffic.mjs";

test("two tabs refresh at the same time, and both draw both histories", async (t) => {
  const server = await startServer(t);
  const { context, traffic, ...one } = await openLab(t, await launch(t), server);
  const two = await openTab(context, server);

  await openSession(one.page);
  await press(one.page, "Refresh");
  await Promise.all([one, two].map(({ page }) => drawn(page, ["opened", "rotated"])));

  await openSession(two.page);
  await Promise.all([press(one.page, "Refresh"), press(two.page, "Refresh")]);
  await press(two.page, "Sign out");
  await Promise.all([one, two].map(({ page }) => drawn(page, ["opened", "rotated", "revoked"])));

  const [first, second] = (await traffic.to("POST", "/v1/lab/sessions")).map(({ json }) => json.session_id);
  const rows = [await server.session(first), await server.session(second)];
  assert.deepEqual(rows.map(({ state, generation }) => [state, generation]), [["live", 2], ["signed_out", 1]]);
  assert.deepEqual(await eventsOf(server, first, 3), ["opened", "rotated 0 → 1", "rotated 1 → 2"]);
  assert.deepEqual(await eventsOf(server, second, 3), ["opened", "rotated 0 → 1", "revoked: signed_out"]);

  for (const { page } of [one, two]) {
    await page.getByLabel("Session", { exact: true }).selectOption(first);
    await drawn(page, ["opened", "rotated", "rotated"]);
    await page.locator("#story").getByText(/signed in with client lab/).waitFor();
  }
  assert.deepEqual([one.troubles, two.troubles], [[], []]);
});

test("a session that another client opened is drawn too", async (t) => {
  const server = await startServer(t);
  const { page } = await openLab(t, await launch(t), server);
  await fetch(`${server.url}/v1/lab/sessions`, { method: "POST" });

  await drawn(page, ["opened"]);
});

/** Waits until the chart, and the list for screen readers, show these events. */
async function drawn(page, words) {
  await page.waitForFunction(
    (wanted) => {
      const texts = (selector) => [...document.querySelectorAll(`#story ${selector}`)].map(({ textContent }) => textContent);
      const isSaid = texts("ol.visually-hidden li").map((text) => text.split(":")[0]);
      return texts(".chart-word").join() === wanted && isSaid.join() === wanted;
    },
    words.join(),
  );
}

// The size of the page's initial files, and the time to its first paint.
import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { launch, openLab } from "../../support/chromium.mjs";
import { startServer } from "../../support/server.mjs";

/** Bytes, with each file compressed separately. */
const MOST_BYTES = 60_000;
/** Milliseconds. */
const SEEN_WITHIN = 500;
const LOADS = 5;

test("the files that the page loads initially are small", async (t) => {
  const server = await startServer(t);
  const browser = await launch(t);
  const { page, traffic } = await openLab(t, browser, server);
  await page.waitForLoadState("networkidle");
  await page.getByText("connected", { exact: true }).waitFor();

  const files = traffic.urls.filter(isFile);
  const bodies = await Promise.all(files.map(async (url) => Buffer.from(await (await fetch(url)).arrayBuffer())));
  const sizes = bodies.map((body) => gzipSync(body, { level: 9 }).length);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  t.diagnostic(`${files.length} files, ${total} bytes`);
  assert.ok(files.length > 5);
  assert.ok(total < MOST_BYTES, `${total} bytes in ${files.length} files`);
});

test("the first contentful paint is within half a second", async (t) => {
  const server = await startServer(t);
  const browser = await launch(t);
  const times = [];
  for (let load = 0; load < LOADS; load++) {
    const { page, context } = await openLab(t, browser, server);
    times.push(await page.evaluate(firstPaint));
    await context.close();
  }
  times.sort((one, other) => one - other);
  t.diagnostic(`first contentful paint: ${times.map(Math.round).join(", ")} ms`);
  const median = times[Math.floor(LOADS / 2)];
  assert.ok(median < SEEN_WITHIN, `the median of ${LOADS} loads is ${median} ms`);
});

const isFile = (url) => /^\/$|^\/lab\//.test(new URL(url).pathname);

/** Runs in the page. */
const firstPaint = () =>
  new Promise((resolve) => {
    const look = (list) => list.getEntriesByName("first-contentful-paint").forEach(({ startTime }) => resolve(startTime));
    new PerformanceObserver(look).observe({ type: "paint", buffered: true });
  });

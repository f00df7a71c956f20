// When a token is refreshed: after elapsed time, even if the system clock is wrong.
import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeBrowser, ORIGIN } from "./support/fake-browser.mjs";
import { sessionId } from "./support/fake-server.mjs";

async function signedIn({ random = 0.5 } = {}) {
  const browser = new FakeBrowser();
  const [tab] = await browser.openMany(1);
  browser.random = random;
  await tab.signIn();
  const before = browser.server.refreshes;
  return { browser, server: browser.server, tab, refreshes: () => browser.server.refreshes - before };
}

async function answered(browser, tab) {
  return (await browser.during(tab.session.fetch(`${ORIGIN}/api`))).status;
}

/** Milliseconds. How long a tab waits for the tokens of other tabs before it refreshes. */
const REPLY_WAIT = 100;

for (const [random, seconds] of [[0, 674.25], [1, 809.1]]) {
  test(`a token of 900 seconds is due for a refresh after ${seconds} seconds if Math.random returns ${random}`, async () => {
    const { browser, refreshes } = await signedIn({ random });
    await browser.clock.advance(seconds * 1000 - 100);
    assert.equal(refreshes(), 0);
    await browser.clock.advance(200 + REPLY_WAIT);
    assert.equal(refreshes(), 1);
    await browser.clock.advance(seconds * 1000 + REPLY_WAIT);
    assert.equal(refreshes(), 2);
  });
}

test("a hidden tab refreshes only when it needs a token or becomes visible", async () => {
  const { browser, tab, refreshes } = await signedIn();
  tab.show("hidden");
  await browser.clock.advance(5_000_000);
  assert.equal(refreshes(), 0);
  assert.equal(await answered(browser, tab), 200);
  assert.equal(refreshes(), 1);
  await browser.clock.advance(5_000_000);
  tab.show("visible");
  await browser.clock.advance(500);
  assert.equal(refreshes(), 2);
});

test("after the machine has slept, no expired token is sent", async () => {
  const { browser, server, tab, refreshes } = await signedIn();
  browser.clock.sleep(3_600_000);
  assert.equal(await answered(browser, tab), 200);
  assert.equal(refreshes(), 1);
  assert.equal(server.count("/api", "GET"), 1);
});

test("a system clock that is years ahead or behind has no effect", async () => {
  for (const years of [-10, 10]) {
    const browser = new FakeBrowser();
    const [tab] = await browser.openMany(1);
    const { now } = tab.globals.Date;
    tab.globals.Date.now = () => now() + years * 31_557_600_000;
    await tab.signIn();
    const before = browser.server.refreshes;
    await browser.clock.advance(600_000);
    assert.equal(browser.server.refreshes, before);
    await browser.clock.advance(150_000);
    assert.equal(browser.server.refreshes, before + 1);
  }
});

test("a system clock that is set back does not delay a refresh", async () => {
  const { browser, tab, refreshes } = await signedIn();
  const { now } = tab.globals.Date;
  tab.globals.Date.now = () => now() - 86_400_000;
  await browser.clock.advance(760_000);
  assert.equal(refreshes(), 1);
});

test("a token's age counts from the request, not from a slow response", async () => {
  const { browser, server, refreshes } = await signedIn();
  server.latency = 4_000;
  await browser.clock.advance(750_000 + 4_000);
  assert.equal(refreshes(), 1);
  server.latency = 0;
  await browser.clock.advance(742_500 + 4_000);
  assert.equal(refreshes(), 2);
});

test("a page that is restored from the back/forward cache refreshes before it uses its token", async () => {
  const { browser, server, tab } = await signedIn();
  server.sessions.get(sessionId(1)).isLive = false;
  tab.dispatch("pageshow", { persisted: false });
  await browser.clock.advance(500);
  assert.equal(tab.session.state, "signed-in");
  tab.dispatch("pageshow", { persisted: true });
  await browser.clock.advance(500);
  assert.deepEqual([tab.session.state, tab.session.reason], ["signed-out", "ended"]);
});

test("a token that has almost expired is used while the server cannot refresh it", async () => {
  const { browser, server, tab } = await signedIn();
  tab.show("hidden");
  await browser.clock.advance(893_000);
  server.override = ({ path }) => (path.includes("refresh") ? { status: 503, headers: { "retry-after": "30" } } : undefined);
  assert.equal(await answered(browser, tab), 200);
  await browser.clock.advance(10_000);
  await assert.rejects(browser.during(tab.session.fetch(`${ORIGIN}/api`)), { code: "unavailable", retryAfter: 20 });
});

test("an access token that is not a JWT works, and the user is null", async () => {
  const browser = new FakeBrowser();
  const [tab] = await browser.openMany(1);
  const body = { access_token: "opaque", expires_in: 900, session_id: sessionId(9) };
  browser.server.override = () => ({ status: 201, body });
  assert.equal(await tab.signIn(), null);
  assert.deepEqual([tab.session.state, tab.session.user], ["signed-in", null]);
});

test("a username can contain any Unicode characters", async () => {
  const browser = new FakeBrowser();
  const [tab] = await browser.openMany(1);
  const name = "Žofie 你好 ÿ?>~~~>>>";
  await tab.signIn(name);
  assert.equal(tab.session.user.username, name);
  const answer = await tab.session.fetch(`${ORIGIN}/api`);
  assert.equal(answer.status, 200);
  assert.match(browser.server.requests.at(-1).access, /\..*-.*_|_.*-.*\./);
  assert.ok(Object.isFrozen(tab.session.user));
});

test("a refresh uses no cache, rejects redirects, and continues after its page is closed", async () => {
  const { browser, server } = await signedIn();
  await browser.clock.advance(900_000);
  const { how } = server.requests.at(-1);
  assert.deepEqual(how, { cache: "no-store", credentials: "include", keepalive: true, redirect: "error" });
});

for (const mode of ["cookie", "body"]) {
  for (const [why, delay] of [
    ["slow", ({ clock }) => clock.advance(2_900)],
    ["delayed by sleep", ({ clock }) => clock.sleep(3_600_000)],
  ]) {
    test(`in ${mode} mode a token whose response was ${why} is refreshed again without a request of the page`, async () => {
      const browser = new FakeBrowser();
      browser.server.lifetime = 4;
      const [tab] = await browser.openMany(1, { mode });
      await browser.during(tab.signIn());
      browser.server.latency = 2_950;
      const before = browser.server.refreshes;
      while (browser.server.refreshes === before) await browser.clock.advance(100);
      await delay(browser);
      await browser.clock.advance(100);
      browser.server.latency = 0;
      await browser.clock.advance(10_000);
      assert.ok(browser.server.refreshes - before >= 4, String(browser.server.refreshes - before));
      assert.equal(tab.session.state, "signed-in");
    });
  }
}

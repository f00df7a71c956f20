// Signing out, and sessions that another sign-in replaces.
import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeBrowser, ORIGIN } from "./support/fake-browser.mjs";
import { claimsOf, sessionId } from "./support/fake-server.mjs";

const MODES = ["cookie", "body"];

async function signedIn(mode, count = 3) {
  const browser = new FakeBrowser();
  const tabs = await browser.openMany(count, { mode });
  await browser.during(tabs[0].signIn());
  return { browser, server: browser.server, tabs, session: browser.server.sessions.get(sessionId(1)) };
}

const reasons = (tabs) => tabs.map(({ session }) => session.reason);

const all = (state, count = 3) => Array(count).fill(state);

for (const mode of MODES) {
  test(`in ${mode} mode a sign-out in one tab signs out all tabs and revokes the session`, async () => {
    const { browser, server, tabs, session } = await signedIn(mode);
    await browser.during(tabs[1].session.signOut());
    assert.deepEqual([session.isLive, reasons(tabs), browser.jar.token], [false, all("signed-out"), ""]);
    const before = server.requests.length;
    await browser.clock.advance(10_000_000);
    await browser.during(tabs[0].session.signOut());
    assert.equal(server.requests.length, before);
    assert.equal(browser.localStorage.items.size, 0);
  });

  test(`in ${mode} mode a sign-out works after the access token has expired`, async () => {
    const { browser, tabs, session } = await signedIn(mode);
    for (const tab of tabs) tab.show("hidden");
    await browser.clock.advance(5_000_000);
    await browser.during(tabs[1].session.signOut());
    assert.deepEqual([session.isLive, reasons(tabs)], [false, all("signed-out")]);
  });

  test(`in ${mode} mode a sign-out during a refresh in another tab is not undone`, async () => {
    const { browser, server, tabs, session } = await signedIn(mode);
    server.latency = 2_000;
    await browser.clock.advance(749_000);
    const { tab } = server.requests.at(-1);
    const other = tabs.find((one) => one !== tab);
    await browser.during(other.session.signOut(), 20_000);
    assert.deepEqual([session.isLive, reasons(tabs)], [false, all("signed-out")]);
    assert.equal(tabs.flatMap(({ changes }) => changes).filter((change) => change === "signed-in").length, 3);
  });

  test(`in ${mode} mode a sign-out that the server did not receive rejects, and is completed later`, async () => {
    const { browser, tabs, session } = await signedIn(mode);
    await browser.setOnline(false);
    await assert.rejects(browser.during(tabs[0].session.signOut()), { code: "unavailable" });
    assert.deepEqual([reasons(tabs), session.isLive], [all("signed-out"), true]);
    await browser.setOnline(true);
    await browser.clock.advance(1_000);
    assert.equal(session.isLive, false);
  });
}

test("a sign-out right after a page load revokes the session before the page knows it", async () => {
  const { browser, tabs, session } = await signedIn("cookie");
  for (const tab of tabs) tab.vanish();
  await browser.during(browser.open().session.signOut());
  assert.deepEqual([session.isLive, browser.jar.token], [false, ""]);
});

test("a sign-out stops a refresh that is being repeated, and requests that wait for it are not sent", async () => {
  const { browser, server, tabs } = await signedIn("body");
  for (const tab of tabs) tab.show("hidden");
  await browser.clock.advance(5_000_000);
  server.losses = Infinity;
  const waiting = assert.rejects(tabs[0].session.fetch(`${ORIGIN}/api`), { code: "signed-out" });
  await browser.clock.advance(1_000);
  const { refreshes } = server;
  const signedOut = tabs[1].session.signOut();
  await browser.clock.advance(20_000);
  await Promise.all([waiting, signedOut]);
  assert.equal(server.refreshes, refreshes);
});

test("a sign-out does not wait for the pauses between repeated refreshes", async () => {
  const { browser, server, tabs, session } = await signedIn("cookie", 2);
  for (const tab of tabs) tab.show("hidden");
  await browser.clock.advance(5_000_000);
  server.losses = 1;
  server.latency = 1_000;
  const waiting = assert.rejects(tabs[0].session.fetch(`${ORIGIN}/api`), { code: "signed-out" });
  await browser.clock.advance(600);
  const began = browser.clock.now;
  const signedOut = tabs[1].session.signOut().then(() => browser.clock.now - began);
  await browser.clock.advance(20_000);
  await waiting;
  // The rest of the lost response, then the two requests of the sign-out.
  assert.equal(await signedOut, 500 + 2 * 1_000);
  assert.equal(session.isLive, false);
});

test("a pending sign-out does not revoke the session of a later sign-in by another page", async () => {
  const { browser, tabs } = await signedIn("cookie");
  await browser.setOnline(false);
  await assert.rejects(browser.during(tabs[0].session.signOut()));
  for (const tab of tabs) tab.vanish();
  browser.isOnline = true;
  // A page without this module, such as one of the server.
  const body = { username: "bob", password: "right", token_mode: "cookie" };
  await browser.server.answer({ method: "POST", path: "/v1/sessions", body }, browser.jar);
  const next = browser.open();
  await browser.clock.advance(1_000);
  assert.equal(browser.server.sessions.get(sessionId(2)).isLive, true);
  assert.equal(browser.localStorage.items.size, 0);
  next.vanish();
  const reloaded = browser.open();
  await browser.clock.advance(1_000);
  assert.equal(reloaded.session.user.username, "bob");
});

test("a page load after a sign-out that the server did not receive completes the sign-out", async () => {
  const { browser, tabs, session } = await signedIn("cookie");
  browser.server.isDown = true;
  await assert.rejects(browser.during(tabs[0].session.signOut(), 10_000), { code: "unavailable" });
  for (const tab of tabs) tab.vanish();
  assert.deepEqual([...browser.localStorage.items.values()], [sessionId(1)]);
  browser.server.isDown = false;
  const next = browser.open();
  assert.equal(next.session.state, "signed-out");
  await browser.clock.advance(1_000);
  assert.deepEqual([session.isLive, browser.jar.token, next.changes], [false, "", ["signed-out: signed-out"]]);
  assert.equal(browser.localStorage.items.size, 0);
});

test("another open tab completes a sign-out if the tab that started it was closed", async () => {
  const { browser, server, tabs, session } = await signedIn("cookie");
  await browser.setOnline(false);
  await assert.rejects(browser.during(tabs[0].session.signOut()), { code: "unavailable" });
  tabs[0].vanish();
  await browser.setOnline(true);
  await browser.clock.advance(1_000);
  assert.deepEqual([session.isLive, browser.jar.token, browser.localStorage.items.size], [false, "", 0]);
  assert.deepEqual(reasons(tabs), all("signed-out"));
  assert.equal(server.count(`/v1/sessions/${sessionId(1)}`, "DELETE"), 1);
});

test("a sign-in cancels a pending sign-out", async () => {
  const { browser, tabs } = await signedIn("cookie");
  await browser.setOnline(false);
  await assert.rejects(browser.during(tabs[0].session.signOut()));
  browser.isOnline = true;
  const { refreshes } = browser.server;
  await browser.during(tabs[1].signIn("bob"));
  assert.equal(browser.localStorage.items.size, 0);
  await browser.setOnline(true);
  for (const tab of tabs) tab.show("visible");
  await browser.clock.advance(5_000);
  assert.deepEqual(
    tabs.map(({ session }) => session.user?.username),
    all("bob"),
  );
  assert.equal(browser.server.sessions.get(sessionId(2)).isLive, true);
  assert.equal(browser.server.refreshes, refreshes);
});

test("a sign-out that the server rejects is an error", async () => {
  const { browser, server, tabs } = await signedIn("cookie");
  server.override = ({ method }) => (method === "DELETE" ? { status: 403, body: { code: "cross_origin" } } : undefined);
  await assert.rejects(browser.during(tabs[0].session.signOut()), { code: "cross_origin", status: 403 });
});

test("in cookie mode a sign-in as another user signs out the other tabs", async () => {
  const { browser, server, tabs } = await signedIn("cookie");
  await browser.during(tabs[2].signIn("bob"));
  assert.deepEqual(reasons(tabs), ["replaced", "replaced", null]);
  assert.equal(tabs[2].session.user.username, "bob");
  // A message that replies to a new tab does not count as a sign-in.
  const next = browser.open();
  await browser.clock.advance(500);
  assert.deepEqual([next.session.user.username, ...reasons(tabs)], ["bob", "replaced", "replaced", null]);
  next.vanish();
  await browser.clock.advance(5_000_000);
  assert.deepEqual(reasons(tabs), ["replaced", "replaced", null]);
  const asking = server.requests.filter(({ path }) => path.includes("refresh")).map(({ tab }) => tab);
  assert.ok(asking.slice(3).every((tab) => tab === tabs[2]));
});

test("in cookie mode a tab that missed the sign-in of another user is signed out by its next refresh", async () => {
  const { browser, tabs } = await signedIn("cookie", 2);
  tabs[0].isFrozen = true;
  await browser.during(tabs[1].signIn("bob"));
  await browser.clock.advance(760_000);
  assert.deepEqual(reasons(tabs), ["replaced", null]);
  assert.deepEqual(tabs[0].changes.slice(-1), ["signed-out: replaced"]);
  assert.equal(tabs[1].session.user.username, "bob");
});

test("in body mode two tabs can keep two users", async () => {
  const { browser, server, tabs } = await signedIn("body", 2);
  await browser.during(tabs[1].signIn("bob"));
  const users = () => tabs.map(({ session }) => session.user?.username);
  assert.deepEqual(users(), ["ada", "bob"]);
  await browser.clock.advance(5_000_000);
  assert.deepEqual(users(), ["ada", "bob"]);
  await browser.during(tabs[0].session.signOut());
  assert.deepEqual(users(), [undefined, "bob"]);
  const live = [1, 2].map((number) => server.sessions.get(sessionId(number)).isLive);
  assert.deepEqual(live, [false, true]);
});

test("a request that waits for one user's token is not sent with another user's token", async () => {
  for (const mode of MODES) {
    // With locks, the sign-in waits for the refresh. Without locks, the sign-in finishes first.
    for (const missing of [[], ["locks"]]) {
      const browser = new FakeBrowser({ missing });
      const { server, clock } = browser;
      const [tab] = await browser.openMany(1, { mode });
      await browser.during(tab.signIn());
      tab.show("hidden");
      await clock.advance(5_000_000);
      server.override = ({ path }) => void (server.latency = path.includes("refresh") ? 2_000 : 100);
      const waiting = tab.session.fetch(`${ORIGIN}/api`, { method: "POST", body: "of ada" });
      const answer = waiting.then(({ status }) => status, ({ code }) => code);
      await clock.advance(300);
      await browser.during(tab.signIn("bob"), 5_000);
      const sent = server.requests.filter(({ path }) => path === "/api").map(({ access }) => claimsOf(access).username);
      const expected = missing.length > 0 ? ["signed-out", []] : [200, ["ada"]];
      assert.deepEqual([await answer, sent], expected, `${mode} ${missing}`);
      assert.equal(tab.session.user.username, "bob");
    }
  }
});

test("in cookie mode no token is stored where a script can read it", async () => {
  const { browser, tabs } = await signedIn("cookie");
  await browser.clock.advance(5_000_000);
  await browser.setOnline(false);
  await assert.rejects(browser.during(tabs[0].session.signOut()));
  assert.deepEqual([...browser.localStorage.items.values()], [sessionId(1)]);
});

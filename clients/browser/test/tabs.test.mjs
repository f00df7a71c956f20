// Tabs of one origin share one refresh, even if the browser lacks a feature or a tab is closed.
import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeBrowser, ORIGIN } from "./support/fake-browser.mjs";
import { sessionId } from "./support/fake-server.mjs";

const MODES = ["cookie", "body"];
const LATENCY = 20;

async function signedIn(mode, { count = 5, ...more } = {}) {
  const browser = new FakeBrowser(more);
  const tabs = await browser.openMany(count, { mode });
  await browser.during(tabs[0].signIn());
  browser.server.latency = LATENCY;
  const before = browser.server.refreshes;
  const refreshes = () => browser.server.refreshes - before;
  return { browser, server: browser.server, tabs, refreshes, session: browser.server.sessions.get(sessionId(1)) };
}

const states = (tabs) => tabs.map(({ session }) => session.state);

const all = (state, count = 5) => Array(count).fill(state);

async function answers(browser, tabs) {
  const responses = Promise.all(tabs.map(({ session }) => session.fetch(`${ORIGIN}/api`)));
  return (await browser.during(responses, 12_000)).map(({ status }) => status);
}

for (const mode of MODES) {
  test(`in ${mode} mode a sign-in in one tab signs in all tabs with the same token`, async () => {
    const { browser, server, tabs } = await signedIn(mode);
    assert.deepEqual(states(tabs), all("signed-in"));
    assert.deepEqual(await answers(browser, tabs), all(200));
    const used = server.requests.filter(({ path }) => path === "/api").map(({ access }) => access);
    assert.equal(new Set(used).size, 1);
  });

  test(`in ${mode} mode five tabs refresh once per token lifetime`, async () => {
    const { browser, tabs, refreshes, session } = await signedIn(mode);
    await browser.clock.advance(750_000 * 10 + 5_000);
    assert.deepEqual([refreshes(), session.generation], [10, 10]);
    assert.deepEqual(await answers(browser, tabs), all(200));
  });

  test(`in ${mode} mode a tab whose token is due before it receives the newer one does not refresh it again`, async () => {
    for (let later = 10; later <= 200; later += 10) {
      const browser = new FakeBrowser();
      const tabs = await browser.openMany(2, { mode });
      Object.assign(browser, { messageDelay: 40, random: 0.5 });
      browser.server.latency = LATENCY;
      const signIn = tabs[0].signIn();
      await browser.clock.advance(LATENCY + 10);
      // The second tab receives the token now, and it is due there `later` milliseconds later than in the first tab.
      browser.random += later / (0.15 * 899_000);
      await browser.during(signIn);
      const before = browser.server.refreshes;
      await browser.clock.advance(750_000);
      assert.equal(browser.server.refreshes - before, 1, `${later} ms later`);
    }
  });

  test(`in ${mode} mode five tabs that need a token at once cause one refresh`, async () => {
    const { browser, tabs, refreshes, session } = await signedIn(mode);
    for (const tab of tabs) tab.show("hidden");
    await browser.clock.advance(5_000_000);
    assert.deepEqual(await answers(browser, tabs), all(200));
    assert.deepEqual([refreshes(), session.generation], [1, 1]);
  });

  test(`in ${mode} mode a new tab gets the session from another tab without a request to the server`, async () => {
    const { browser, server, tabs } = await signedIn(mode);
    const before = server.requests.length;
    const tab = browser.open({ mode });
    await browser.during(tab.session.ready);
    assert.deepEqual([tab.session.state, tab.session.user.username, server.requests.length], ["signed-in", "ada", before]);
    // The new tab stays signed in after the others are closed.
    for (const other of tabs) other.vanish();
    await browser.clock.advance(800_000);
    assert.deepEqual(await answers(browser, [tab]), [200]);
  });

  test(`in ${mode} mode another tab refreshes if a tab is closed during its refresh`, async () => {
    const { browser, server, tabs, session } = await signedIn(mode);
    server.latency = 1_000;
    await browser.clock.advance(749_500);
    const [{ tab }] = server.requests.slice(-1);
    tab.vanish();
    const others = tabs.filter((other) => other !== tab);
    server.latency = LATENCY;
    await browser.clock.advance(5_000);
    assert.deepEqual([states(others), session.isLive], [all("signed-in", 4), true]);
    assert.deepEqual(await answers(browser, others), all(200, 4));
  });

  for (const missing of [["locks"], ["channel"], ["locks", "channel"]]) {
    test(`in ${mode} mode tabs of a browser without ${missing.join(" and ")} stay signed in`, async () => {
      const browser = new FakeBrowser({ missing });
      const tabs = await browser.openMany(5, { mode });
      await browser.during(tabs[0].signIn());
      const reloaded = missing.includes("channel") && mode === "cookie" ? await browser.openMany(4, { mode }) : [];
      const live = [...tabs, ...reloaded].filter(({ session }) => session.state === "signed-in");
      assert.equal(live.length, missing.includes("channel") && mode === "body" ? 1 : 5);
      await browser.clock.advance(750_000 * 5 + 5_000);
      assert.deepEqual(await answers(browser, live), all(200, live.length));
      assert.equal(browser.server.sessions.get(sessionId(1)).isLive, true);
    });
  }

  test(`in ${mode} mode a tab that was frozen for hours does not present a refresh token that another tab has spent`, async () => {
    const { browser, tabs, session } = await signedIn(mode, { count: 2 });
    const [awake, frozen] = tabs;
    frozen.show("hidden");
    frozen.isFrozen = true;
    await browser.clock.advance(7_200_000);
    awake.show("hidden");
    frozen.thaw();
    frozen.show("visible");
    await browser.clock.advance(1_000);
    assert.deepEqual([states(tabs), session.isLive], [all("signed-in", 2), true]);
    assert.deepEqual(await answers(browser, tabs), all(200, 2));
  });
}

test("a tab that receives an expired token from another tab refreshes with the refresh token of that one", async () => {
  const { browser, server, tabs, session } = await signedIn("body", { count: 2 });
  const [other, frozen] = tabs;
  frozen.show("hidden");
  frozen.isFrozen = true;
  await browser.clock.advance(7_200_000);
  other.show("hidden");
  await browser.clock.advance(2_000_000);
  frozen.thaw();
  const { generation } = session;
  assert.deepEqual(await answers(browser, [frozen]), [200]);
  assert.deepEqual([session.isLive, session.generation, server.count("/api", "GET")], [true, generation + 1, 1]);
});

test("simultaneous requests of one tab share a refresh, even without locks", async () => {
  const { browser, tabs, refreshes } = await signedIn("body", { count: 1, missing: ["locks"] });
  tabs[0].show("hidden");
  await browser.clock.advance(5_000_000);
  assert.deepEqual(await answers(browser, Array(5).fill(tabs[0])), all(200));
  assert.equal(refreshes(), 1);
});

test("twenty tabs that are restored at once send one request", async () => {
  const { browser, server, tabs } = await signedIn("cookie");
  for (const tab of tabs) tab.vanish();
  const before = server.requests.length;
  server.latency = 300;
  const restored = await browser.openMany(20);
  await browser.clock.advance(2_000);
  assert.deepEqual(states(restored), all("signed-in", 20));
  assert.equal(server.requests.length, before + 1);
});

test("messages about other sessions, and messages with an old token, are ignored", async () => {
  const { browser, tabs } = await signedIn("body", { count: 2 });
  const [tab] = tabs;
  const name = "countersign:body:https://app.example";
  const user = tab.session.user;
  const news = { type: "news", access: "stale", refresh: "x", lifetime: 900_000, wall: browser.clock.wall };
  tab.receive(name, { ...news, session: sessionId(1), serial: 0 });
  tab.receive(name, { ...news, session: sessionId(7), serial: 5 });
  tab.receive(name, { ...news, session: sessionId(7), serial: 5, opened: true });
  tab.receive(name, { type: "end", session: sessionId(7), reason: "ended" });
  assert.deepEqual([tab.session.state, tab.session.user], ["signed-in", user]);
  await browser.during(tab.session.signOut());
  tab.receive(name, { ...news, session: sessionId(1), serial: 9, opened: true });
  assert.equal(tab.session.state, "signed-out");
});

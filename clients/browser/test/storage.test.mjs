// A storage that is full, denied, broken, cleared or stale. A failure of storage never undoes a change at the server or
// in the memory of the tab.
import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeBrowser, FakeStorage, ORIGIN } from "./support/fake-browser.mjs";
import { sessionId } from "./support/fake-server.mjs";

const NAME = `countersign:body:${ORIGIN}`;
const MARK = `countersign:cookie:${ORIGIN}`;
/** A token of 900 seconds is refreshed within this time. */
const DUE = 760_000;
/** Longer than the server accepts a spent token. */
const GRACE = 11_000;

const FAILURES = {
  "refuses every call": { refuses: () => true },
  "is full": { refuses: (method) => method === "setItem" },
  "cannot remove": { refuses: (method) => method === "removeItem" },
  "drops what is written": { drops: (method) => method !== "getItem" },
  "cannot be read": { refuses: (method) => method === "getItem" },
  "returns a value that is not a string": { getItem: () => Promise.resolve("{}") },
};

async function signedIn(options, storage = new FakeStorage()) {
  const browser = new FakeBrowser();
  const body = { mode: "body", storage };
  const [tab, other] = await browser.openMany(2, options ?? body);
  await browser.during(tab.signIn());
  const session = browser.server.sessions.get(sessionId(1));
  return { browser, server: browser.server, storage, tab, other, session };
}

const record = (session, serial) =>
  JSON.stringify({ session: sessionId(session), serial, refresh: `${sessionId(session)} ${serial}` });

async function reload(browser, options) {
  for (const tab of browser.tabs) tab.vanish();
  await browser.clock.advance(GRACE);
  const tab = browser.open(options);
  await browser.clock.advance(1_000);
  return tab;
}

for (const [name, failure] of Object.entries(FAILURES)) {
  test(`in cookie mode a sign-out reaches the server and all tabs if localStorage ${name}`, async () => {
    const { browser, tab, other, session } = await signedIn({});
    Object.assign(browser.localStorage, failure);
    await browser.during(tab.session.signOut());
    assert.deepEqual([session.isLive, browser.jar.token], [false, ""]);
    assert.deepEqual([tab.session.reason, other.session.reason], ["signed-out", "signed-out"]);
    assert.equal(tab.warnings.length, 1);
  });

  test(`in cookie mode a sign-out that the server did not receive is repeated if localStorage ${name}`, async () => {
    const { browser, tab, session } = await signedIn({});
    Object.assign(browser.localStorage, failure);
    await browser.setOnline(false);
    await assert.rejects(browser.during(tab.session.signOut()), { code: "unavailable" });
    assert.equal(tab.session.reason, "signed-out");
    await browser.setOnline(true);
    await browser.clock.advance(1_000);
    assert.equal(session.isLive, false);
  });

  test(`in body mode a tab signs in, refreshes and signs out from memory if its storage ${name}`, async () => {
    const storage = Object.assign(new FakeStorage(), failure);
    const { browser, tab, other, session } = await signedIn(undefined, storage);
    await browser.clock.advance(5 * DUE);
    assert.deepEqual([tab.session.state, other.session.state, session.isLive], ["signed-in", "signed-in", true]);
    assert.equal((await browser.during(tab.session.fetch(`${ORIGIN}/api`))).status, 200);
    await browser.during(tab.session.signOut());
    assert.deepEqual([session.isLive, tab.session.reason, other.session.reason], [false, "signed-out", "signed-out"]);
    assert.ok(tab.warnings.length <= 1, String(tab.warnings));
  });
}

test("the warning names the storage and its error, and appears once", async () => {
  const storage = Object.assign(new FakeStorage(), { refuses: () => true });
  const { browser, tab } = await signedIn(undefined, storage);
  await browser.clock.advance(5 * DUE);
  assert.equal(tab.warnings.length, 1);
  assert.match(tab.warnings[0], /storage cannot be used \(QuotaExceededError: .*memory of this tab/);
});

test("in body mode the stale token is removed from storage if the new one cannot be stored", async () => {
  for (const failure of [FAILURES["is full"], { drops: (method) => method === "setItem" }]) {
    const { browser, storage, session } = await signedIn();
    Object.assign(storage, failure);
    await browser.clock.advance(DUE);
    assert.deepEqual([session.generation, storage.items.size], [1, 0]);
    const tab = await reload(browser, { mode: "body", storage });
    assert.deepEqual([tab.session.state, session.isLive], ["signed-out", true]);
  }
});

test("in body mode a failed write to storage is repeated when the tab is hidden", async () => {
  const { browser, storage, tab, session } = await signedIn();
  storage.refuses = (method) => method === "setItem";
  await browser.clock.advance(DUE);
  storage.refuses = () => false;
  tab.show("hidden");
  assert.equal(storage.items.get(NAME), record(1, 1));
  const next = await reload(browser, { mode: "body", storage });
  assert.deepEqual([next.session.state, session.isLive], ["signed-in", true]);
});

test("in body mode a stale token that stays in storage after a sign-out causes one request, and the page is signed out", async () => {
  const { browser, server, storage, tab, session } = await signedIn();
  const kept = storage.items.get(NAME);
  storage.refuses = (method) => method !== "getItem";
  await browser.during(tab.session.signOut());
  assert.deepEqual([session.isLive, storage.items.get(NAME)], [false, kept]);
  const before = server.requests.length;
  const next = await reload(browser, { mode: "body", storage });
  assert.deepEqual([next.session.state, next.changes], ["signed-out", ["signed-out: ended"]]);
  await next.session.ready;
  for (const event of ["online", "pageshow"]) next.dispatch(event);
  await browser.clock.advance(5 * DUE);
  assert.equal(server.requests.length, before + 1);
  await browser.during(next.signIn());
  assert.equal(next.session.state, "signed-in");
});

test("if storage cannot remove the token, a sign-out overwrites it", async () => {
  const { browser, storage, tab } = await signedIn();
  storage.refuses = (method) => method === "removeItem";
  await browser.setOnline(false);
  await assert.rejects(browser.during(tab.session.signOut()));
  assert.equal(storage.items.get(NAME), "");
  browser.isOnline = true;
  const next = await reload(browser, { mode: "body", storage });
  assert.deepEqual([next.session.state, next.session.reason], ["signed-out", null]);
});

test("a page that clears localStorage during a sign-out is signed out", async () => {
  const { browser, tab, session } = await signedIn({});
  const signedOut = tab.session.signOut();
  browser.localStorage.items.clear();
  await browser.during(signedOut);
  assert.deepEqual([session.isLive, browser.jar.token], [false, ""]);
});

test("a new token is applied to memory first, then to storage, then sent to other tabs", async () => {
  const { browser, storage, tab, other } = await signedIn();
  const moments = [];
  storage.refuses = (method) => {
    if (method === "setItem") moments.push([tab.session.user?.username, browser.posts]);
    return false;
  };
  await browser.during(tab.session.signOut());
  const { posts } = browser;
  other.vanish();
  await browser.during(tab.signIn("bob"));
  assert.deepEqual([moments, browser.posts], [[["bob", posts]], posts + 1]);
});

test("the next refresh writes the token to a storage that was cleared", async () => {
  const { browser, storage, tab } = await signedIn();
  storage.items.clear();
  await browser.clock.advance(DUE);
  assert.deepEqual([tab.session.state, storage.items.get(NAME)], ["signed-in", record(1, 1)]);
});

test("the mark of an old sign-out that could not be removed does not sign out a later session", async () => {
  const { browser, tab, session } = await signedIn({});
  browser.localStorage.items.set(MARK, sessionId(9));
  browser.localStorage.refuses = (method) => method !== "getItem";
  const next = await reload(browser, {});
  assert.deepEqual([next.session.state, next.session.user?.username, session.isLive], ["signed-in", "ada", true]);
  assert.deepEqual(next.changes, ["signed-out: signed-out", "signed-in"]);
  assert.equal(tab.warnings.length, 0);
});

test("a stored record that is not a token counts as empty", async () => {
  const valid = JSON.parse(record(1, 1));
  const records = [[], "text", true, {}, { ...valid, refresh: undefined }, { ...valid, refresh: 7 }, { ...valid, serial: "1" }];
  for (const wrong of [...records, { ...valid, session: null }, { ...valid, session: "" }]) {
    const browser = new FakeBrowser();
    const storage = new FakeStorage();
    storage.setItem(NAME, JSON.stringify(wrong));
    const tab = browser.open({ mode: "body", storage });
    await browser.clock.advance(500);
    assert.deepEqual([tab.session.state, browser.server.requests.length], ["signed-out", 0], JSON.stringify(wrong));
  }
});

test("a tab uses the token in storage if it is newer than the token of another tab", async () => {
  const { browser, storage, tab, other, session } = await signedIn();
  other.show("hidden");
  other.isFrozen = true;
  await browser.clock.advance(3 * DUE);
  assert.equal(session.generation, 3);
  tab.vanish();
  await browser.clock.advance(GRACE);
  const next = browser.open({ mode: "body", storage });
  other.thaw();
  other.receive(NAME, { type: "ask" });
  await browser.clock.advance(1_000);
  assert.deepEqual([next.session.state, session.isLive, session.generation], ["signed-in", true, 4]);
});

test("tabs that share a storage but no channel use the newest token", async () => {
  const browser = new FakeBrowser({ missing: ["channel"] });
  const storage = new FakeStorage();
  const tab = browser.open({ mode: "body", storage });
  await browser.clock.advance(500);
  await browser.during(tab.signIn());
  const other = browser.open({ mode: "body", storage });
  await browser.clock.advance(500);
  for (let round = 0; round < 20; round += 1) {
    await browser.clock.advance(DUE / 2);
    for (const { session } of [tab, other]) assert.equal((await browser.during(session.fetch(`${ORIGIN}/api`))).status, 200);
  }
  assert.equal(browser.server.sessions.get(sessionId(1)).isLive, true);
});

test("a tab does not overwrite a newer token in a shared storage, and keeps its access token", async () => {
  const { browser, server, storage, tab, other, session } = await signedIn();
  storage.items.set(NAME, record(1, 7));
  session.generation = 7;
  for (const one of [tab, other]) one.show("hidden");
  await browser.clock.advance(893_000);
  server.override = ({ path }) => (path.includes("refresh") ? { status: 503, headers: { "retry-after": "30" } } : undefined);
  assert.equal((await browser.during(tab.session.fetch(`${ORIGIN}/api`))).status, 200);
  assert.equal(storage.items.get(NAME), record(1, 7));
});

test("a sign-out leaves another user's token in a shared storage", async () => {
  const { browser, storage, tab, other } = await signedIn();
  await browser.during(other.signIn("bob"));
  await browser.during(tab.session.signOut());
  assert.deepEqual([other.session.state, storage.items.get(NAME)], ["signed-in", record(2, 0)]);
});

test("in body mode a pending sign-out is completed even if another user signs in first", async () => {
  const { browser, tab, session } = await signedIn();
  browser.server.isDown = true;
  await assert.rejects(browser.during(tab.session.signOut(), 10_000), { code: "unavailable" });
  browser.server.isDown = false;
  await browser.during(tab.signIn("bob"));
  tab.show("visible");
  await browser.clock.advance(1_000);
  assert.deepEqual([session.isLive, tab.session.user.username], [false, "bob"]);
  assert.equal(browser.server.sessions.get(sessionId(2)).isLive, true);
});

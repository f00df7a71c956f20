// Signing in, the state after a page load, and invalid options.
import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeBrowser, FakeStorage, ORIGIN } from "./support/fake-browser.mjs";
import { settle } from "./support/clock.mjs";
import { sessionId } from "./support/fake-server.mjs";

for (const mode of ["cookie", "body"]) {
  test(`in ${mode} mode a sign-in sends the credentials and returns the user`, async () => {
    const browser = new FakeBrowser();
    const tab = browser.open({ mode });
    await browser.clock.advance(200);
    assert.deepEqual([tab.session.state, tab.session.user], ["signed-out", null]);
    const user = await tab.session.signIn({ username: "ada", password: "right", newPassword: "new", scope: "a b" });
    const [{ body, path }] = browser.server.requests.slice(-1);
    const credentials = { username: "ada", password: "right", new_password: "new", scope: "a b" };
    assert.deepEqual([path, body], ["/v1/sessions", { ...credentials, token_mode: mode }]);
    assert.equal(user.username, "ada");
    assert.deepEqual([tab.session.state, tab.session.user, tab.session.reason], ["signed-in", user, null]);
    assert.deepEqual(tab.changes, ["signed-out", "signed-in"]);
  });
}

test("invalid credentials reject with the server's error, and the sign-in is not repeated", async () => {
  const browser = new FakeBrowser();
  const [tab] = await browser.openMany(1);
  const expected = { name: "SessionError", code: "invalid_credentials", status: 401, message: "That is invalid_credentials." };
  await assert.rejects(tab.signIn("ada", "wrong"), expected);
  assert.equal(browser.server.count("/v1/sessions"), 1);
  assert.equal(tab.session.state, "signed-out");
});

test("the error of a throttled sign-in says how long to wait", async () => {
  const browser = new FakeBrowser();
  const [tab] = await browser.openMany(1);
  browser.server.override = () => ({ status: 429, headers: { "retry-after": "7" }, body: { code: "too_many_requests" } });
  await assert.rejects(tab.signIn(), { code: "too_many_requests", status: 429, retryAfter: 7 });
});

test("a sign-in without a response is not repeated", async () => {
  const browser = new FakeBrowser();
  const [tab] = await browser.openMany(1);
  browser.server.isDown = true;
  await assert.rejects(tab.signIn(), { code: "unavailable", status: 0 });
  assert.equal(browser.server.count("/v1/sessions"), 1);
});

test("a page load in cookie mode finds the session by its cookie", async () => {
  const browser = new FakeBrowser();
  const first = browser.open();
  await browser.during(first.signIn());
  first.vanish();
  const second = browser.open();
  assert.equal(second.session.state, "unknown");
  await browser.clock.advance(200);
  await second.session.ready;
  assert.deepEqual([second.session.state, second.session.user.username], ["signed-in", "ada"]);
  assert.deepEqual(second.changes, ["signed-in"]);
});

test("a page load without a cookie is signed out after one request", async () => {
  const browser = new FakeBrowser();
  const tab = browser.open();
  await browser.clock.advance(600_000);
  await tab.session.ready;
  assert.deepEqual([tab.session.state, tab.session.reason], ["signed-out", null]);
  assert.equal(browser.server.requests.length, 1);
});

test("a page load in body mode without other tabs sends no request and stores nothing", async () => {
  const browser = new FakeBrowser();
  const first = browser.open({ mode: "body" });
  await browser.clock.advance(200);
  await browser.during(first.signIn());
  first.vanish();
  const second = browser.open({ mode: "body" });
  await browser.clock.advance(200);
  assert.equal(second.session.state, "signed-out");
  assert.deepEqual([browser.server.requests.length, browser.localStorage.items.size], [1, 0]);
});

test("a session in body mode survives a reload if the page passes a storage", async () => {
  const browser = new FakeBrowser();
  const storage = new FakeStorage();
  const first = browser.open({ mode: "body", storage });
  await browser.clock.advance(200);
  await first.signIn();
  await browser.clock.advance(2_000_000);
  first.vanish();
  const second = browser.open({ mode: "body", storage });
  await browser.clock.advance(200);
  assert.deepEqual([second.session.state, second.session.user.username], ["signed-in", "ada"]);
  assert.equal(browser.server.sessions.get(sessionId(1)).isLive, true);
  await browser.during(second.session.signOut());
  assert.equal(storage.items.size, 0);
});

test("a tab that was duplicated with its storage gets the session from the first tab", async () => {
  const browser = new FakeBrowser();
  const storage = new FakeStorage();
  const first = browser.open({ mode: "body", storage });
  await browser.during(first.signIn());
  const copy = Object.assign(new FakeStorage(), { items: new Map(storage.items) });
  copy.getItem = (name) => copy.items.get(name) ?? null;
  const before = browser.server.requests.length;
  const second = browser.open({ mode: "body", storage: copy });
  await browser.clock.advance(500);
  assert.deepEqual([second.session.user.sid, browser.server.requests.length], [first.session.user.sid, before]);
});

test("a storage that holds invalid data counts as empty", async () => {
  const browser = new FakeBrowser();
  for (const text of ["", "{", "null", "0"]) {
    const storage = new FakeStorage();
    storage.setItem("countersign:body:https://app.example", text);
    const tab = browser.open({ mode: "body", storage });
    await browser.clock.advance(500);
    assert.deepEqual([tab.session.state, browser.server.requests.length], ["signed-out", 0], text);
  }
});

test("a session object that is closed during a sign-in stays closed", async () => {
  for (const mode of ["cookie", "body"]) {
    const browser = new FakeBrowser();
    const [tab] = await browser.openMany(1, { mode });
    browser.server.latency = 100;
    const signedIn = tab.signIn();
    await browser.clock.advance(10);
    tab.session.close();
    await browser.during(signedIn);
    assert.deepEqual([tab.session.state, tab.session.user], ["signed-out", null]);
  }
});

test("after a page load the state is unknown until the server can be reached", async () => {
  const browser = new FakeBrowser();
  const first = browser.open();
  await browser.during(first.signIn());
  first.vanish();
  browser.server.isDown = true;
  const second = browser.open();
  await browser.clock.advance(20_000);
  assert.equal(second.session.state, "unknown");
  await assert.rejects(browser.during(second.session.fetch(`${ORIGIN}/api`), 10_000), { code: "unavailable" });
  browser.server.isDown = false;
  await browser.clock.advance(60_000);
  assert.equal(second.session.state, "signed-in");
});

test("a listener that throws does not affect the others, and a removed listener is not called", async () => {
  const browser = new FakeBrowser();
  const tab = browser.open();
  const failures = [];
  tab.globals.queueMicrotask = (run) =>
    queueMicrotask(() => {
      try {
        run();
      } catch (error) {
        failures.push(error.message);
      }
    });
  const calls = [];
  const stop = tab.session.onChange(() => calls.push("removed"));
  tab.session.onChange(() => {
    throw new Error("listener");
  });
  tab.session.onChange(({ state }) => calls.push(state));
  stop();
  await browser.during(tab.signIn());
  await settle();
  assert.deepEqual([calls, failures], [["signed-out", "signed-in"], ["listener", "listener"]]);
});

test("invalid options throw at once, and the error names the option", () => {
  const browser = new FakeBrowser();
  const wrong = {
    mode: { mode: "jwt" },
    allow: { allow: ["data:text/plain,x"] },
    baseUrl: { baseUrl: "data:text/plain,x" },
    storage: { storage: browser.localStorage },
    colour: { colour: "red" },
  };
  for (const [name, options] of Object.entries(wrong)) {
    assert.throws(() => browser.open(options), { name: "TypeError", message: new RegExp(`\`${name}\``) });
  }
  assert.throws(() => browser.open({ baseUrl: undefined }), { name: "TypeError", message: /`baseUrl`/ });
  assert.throws(() => browser.open({ allow: ["api.example"] }), /Invalid URL/);
  assert.throws(() => browser.open({ baseUrl: "https://" }), /Invalid URL/);
});

test("baseUrl can have a path", async () => {
  const browser = new FakeBrowser();
  const tab = browser.open({ baseUrl: "/id/" });
  await browser.clock.advance(200);
  await assert.rejects(tab.signIn("ada", "wrong"));
  const urls = browser.server.requests.map(({ origin, path }) => origin + path);
  assert.deepEqual(urls, [`${ORIGIN}/id/v1/sessions/refresh`, `${ORIGIN}/id/v1/sessions`]);
});

test("a closed session object sends nothing more, and does not sign out", async () => {
  const browser = new FakeBrowser();
  const [tab, other] = await browser.openMany(2);
  await tab.signIn();
  await browser.clock.advance(10);
  assert.deepEqual(tab.held, { channels: 1, listeners: 4 });
  tab.session.close();
  await settle();
  assert.deepEqual(tab.held, { channels: 0, listeners: 0 });
  assert.deepEqual(tab.changes.slice(-1), ["signed-out: closed"]);
  await assert.rejects(tab.session.fetch(`${ORIGIN}/api`), { code: "closed" });
  await assert.rejects(tab.signIn(), { code: "closed" });
  const before = browser.server.requests.length;
  other.vanish();
  await browser.clock.advance(2_000_000);
  assert.equal(browser.server.requests.length, before);
  assert.equal(browser.server.sessions.get(sessionId(1)).isLive, true);
});

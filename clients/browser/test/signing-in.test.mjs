// Signing in, what a page load finds, and wrong options.
import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeBrowser, FakeStorage, ORIGIN } from "./support/fake-browser.mjs";
import { settle } from "./support/clock.mjs";
import { sessionId } from "./support/fake-server.mjs";

for (const mode of ["cookie", "body"]) {
  test(`in ${mode} mode a sign-in sends what the server wants, and says who it is`, async () => {
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

test("refused credentials are refused in the server's words, and nothing is asked again", async () => {
  const browser = new FakeBrowser();
  const [tab] = await browser.openMany(1);
  const expected = { name: "SessionError", code: "invalid_credentials", status: 401, message: "That is invalid_credentials." };
  await assert.rejects(tab.signIn("ada", "wrong"), expected);
  assert.equal(browser.server.count("/v1/sessions"), 1);
  assert.equal(tab.session.state, "signed-out");
});

test("a throttled sign-in says how long to wait", async () => {
  const browser = new FakeBrowser();
  const [tab] = await browser.openMany(1);
  browser.server.override = () => ({ status: 429, headers: { "retry-after": "7" }, body: { code: "too_many_requests" } });
  await assert.rejects(tab.signIn(), { code: "too_many_requests", status: 429, retryAfter: 7 });
});

test("a sign-in without an answer is not repeated: the password is the user's to send", async () => {
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

test("a page load in body mode without other tabs asks nobody and stores nothing", async () => {
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

test("a storage that was asked for lets a session in body mode survive a reload", async () => {
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

test("a tab that was duplicated with its storage gets the session from the first", async () => {
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

test("a storage that holds something else is as good as empty", async () => {
  const browser = new FakeBrowser();
  for (const text of ["", "{", "null", "0"]) {
    const storage = new FakeStorage();
    storage.setItem("countersign:body:https://app.example", text);
    const tab = browser.open({ mode: "body", storage });
    await browser.clock.advance(500);
    assert.deepEqual([tab.session.state, browser.server.requests.length], ["signed-out", 0], text);
  }
});

test("an object that is closed during a sign-in stays closed", async () => {
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

test("while the server cannot be reached after a page load, nothing is settled, and it is asked until it answers", async () => {
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

test("a listener that fails keeps nobody else from hearing, and one that left hears nothing", async () => {
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
  const heard = [];
  const stop = tab.session.onChange(() => heard.push("left"));
  tab.session.onChange(() => {
    throw new Error("listener");
  });
  tab.session.onChange(({ state }) => heard.push(state));
  stop();
  await browser.during(tab.signIn());
  await settle();
  assert.deepEqual([heard, failures], [["signed-out", "signed-in"], ["listener", "listener"]]);
});

test("wrong options are errors at once, and name themselves", () => {
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

test("the server may have a path", async () => {
  const browser = new FakeBrowser();
  const tab = browser.open({ baseUrl: "/id/" });
  await browser.clock.advance(200);
  await assert.rejects(tab.signIn("ada", "wrong"));
  const asked = browser.server.requests.map(({ origin, path }) => origin + path);
  assert.deepEqual(asked, [`${ORIGIN}/id/v1/sessions/refresh`, `${ORIGIN}/id/v1/sessions`]);
});

test("a closed session does nothing more, and signs nobody out", async () => {
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

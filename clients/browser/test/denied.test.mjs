// Browsers that lack or deny features other than storage, where a tab works from memory, and environments that are not
// pages.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createSession } from "../index.js";
import { FakeBrowser, FakeStorage, ORIGIN } from "./support/fake-browser.mjs";
import { sessionId } from "./support/fake-server.mjs";

const MODES = ["cookie", "body"];
const DUE = 760_000;

const denied = () => {
  throw new DOMException("the test denies it", "SecurityError");
};

const deny = (object, name) => Object.defineProperty(object, name, { get: denied, configurable: true });

/** Never responds to a lock request. */
const silent = () => new Promise(() => {});

/** Reports that the lock is taken, and never grants it. */
const taken = (name, ...rest) => (rest.length === 2 ? Promise.resolve(rest[1](null)) : silent());

class NoChannel {
  constructor() {
    denied();
  }
}

class BrokenChannel {
  postMessage() {
    denied();
  }

  close() {}
}

const DENIALS = {
  "localStorage is denied": (world) => deny(world, "localStorage"),
  "localStorage is null": (world) => (world.localStorage = null),
  "localStorage is absent": (world) => delete world.localStorage,
  "navigator.locks is denied": (world) => deny(world.navigator, "locks"),
  "navigator.locks is absent": (world) => delete world.navigator.locks,
  "locks reject": (world) => (world.navigator.locks = { request: async () => denied() }),
  "locks throw": (world) => (world.navigator.locks = { request: denied }),
  "BroadcastChannel is denied": (world) => deny(world, "BroadcastChannel"),
  "BroadcastChannel is absent": (world) => delete world.BroadcastChannel,
  "BroadcastChannel throws": (world) => (world.BroadcastChannel = NoChannel),
  "messages throw": (world) => (world.BroadcastChannel = BrokenChannel),
  "all of them are denied": (world) => {
    for (const name of ["localStorage", "BroadcastChannel"]) deny(world, name);
    deny(world.navigator, "locks");
  },
};

/** Passes `localStorage` as `storage` in body mode, which otherwise does not use it. */
async function opened(mode, change = () => {}) {
  let world;
  const alter = (globals) => {
    world = globals;
    change(globals);
  };
  const browser = new FakeBrowser({ alter });
  const tab = browser.open({ mode, ...(mode === "body" && { storage: () => world.localStorage }) });
  await browser.clock.advance(500);
  return { browser, tab };
}

for (const mode of MODES) {
  for (const [name, alter] of Object.entries(DENIALS)) {
    test(`in ${mode} mode a tab signs in, refreshes and signs out if ${name}, and warns once`, async () => {
      const { browser, tab } = await opened(mode, alter);
      await tab.session.ready;
      assert.equal(tab.session.state, "signed-out");
      await browser.during(tab.signIn());
      await browser.clock.advance(5 * DUE);
      assert.equal((await browser.during(tab.session.fetch(`${ORIGIN}/api`))).status, 200);
      await browser.during(tab.session.signOut());
      assert.deepEqual([tab.session.reason, browser.server.sessions.get(sessionId(1)).isLive], ["signed-out", false]);
      assert.equal(tab.warnings.length, 1, String(tab.warnings));
      assert.match(tab.warnings[0], /^countersign-browser: /);
    });
  }

  for (const [name, request, wait] of [["responds to", silent, 3_500], ["grants", taken, 36_000]]) {
    test(`in ${mode} mode a tab continues without a lock that the browser never ${name}`, async () => {
      const { browser, tab } = await opened(mode, (world) => (world.navigator.locks = { request }));
      await browser.during(tab.session.ready, wait);
      assert.equal(tab.session.state, "signed-out");
      await browser.during(tab.signIn(), wait);
      assert.equal(tab.session.state, "signed-in");
      await browser.during(tab.session.signOut(), wait);
      assert.equal(browser.server.sessions.get(sessionId(1)).isLive, false);
      assert.equal(tab.warnings.length, 1);
    });
  }

  test(`in ${mode} mode a lock that is granted too late does not repeat the request`, async () => {
    const grants = [];
    const late = (name, ...rest) => new Promise((resolve) => grants.push(() => resolve(rest.at(-1)({ name }))));
    const { browser, tab } = await opened(mode, (world) => (world.navigator.locks = { request: late }));
    await browser.during(tab.session.ready, 3_500);
    await browser.during(tab.signIn(), 3_500);
    const before = browser.server.requests.length;
    for (const grant of grants) grant();
    await browser.clock.advance(1_000);
    assert.equal(browser.server.requests.length, before);
  });

  test(`in ${mode} mode an error of a sign-in is not reported as an error of the lock`, async () => {
    const { browser, tab } = await opened(mode);
    await assert.rejects(browser.during(tab.signIn("ada", "wrong")), { code: "invalid_credentials" });
    assert.deepEqual([browser.server.count("/v1/sessions"), tab.warnings], [1, []]);
  });

  for (const [name, fetch] of [["throws", denied], ["never settles", silent]]) {
    test(`in ${mode} mode a fetch that ${name} counts as a lost response`, async () => {
      const { browser, tab } = await opened(mode);
      await browser.during(tab.signIn());
      const real = tab.globals.fetch;
      tab.globals.fetch = fetch;
      await assert.rejects(browser.during(tab.session.signOut(), 20_000), { code: "unavailable" });
      assert.equal(tab.session.reason, "signed-out");
      tab.globals.fetch = real;
      await browser.clock.advance(61_000);
      assert.equal(browser.server.sessions.get(sessionId(1)).isLive, false);
    });
  }
}

test("there is no warning in a browser that denies nothing", async () => {
  for (const mode of MODES) {
    const { browser, tab } = await opened(mode);
    await browser.during(tab.signIn());
    await browser.clock.advance(DUE);
    await browser.during(tab.session.signOut());
    assert.deepEqual(tab.warnings, []);
  }
});

test("storage can be a function, and a function that throws counts as no storage", async () => {
  const browser = new FakeBrowser();
  const storage = new FakeStorage();
  const [tab, other] = [browser.open({ mode: "body", storage: () => storage }), browser.open({ mode: "body", storage: denied })];
  await browser.clock.advance(500);
  await browser.during(tab.signIn());
  assert.deepEqual([storage.items.size, tab.session.state, other.session.state], [1, "signed-in", "signed-in"]);
  assert.deepEqual([tab.warnings.length, other.warnings.length], [0, 1]);
});

test("without cookies there is a warning, and a sign-out uses the access token", async () => {
  const { browser, tab } = await opened("cookie", (world) => (world.navigator.cookieEnabled = false));
  Object.defineProperty(browser.jar, "token", { get: () => "", set: () => {} });
  await browser.during(tab.signIn());
  assert.equal(tab.session.state, "signed-in");
  await browser.during(tab.session.signOut());
  assert.equal(browser.server.sessions.get(sessionId(1)).isLive, false);
  assert.match(String(tab.warnings), /cookies/);
});

test("in body mode a page that is loaded offline is signed out", async () => {
  const browser = new FakeBrowser();
  browser.isOnline = false;
  const tab = browser.open({ mode: "body" });
  await browser.during(tab.session.ready);
  assert.equal(tab.session.state, "signed-out");
});

test("a prerendered page sends no requests until the user opens it", async () => {
  const { browser, tab } = await opened("cookie", (world) => {
    world.document.prerendering = true;
    world.navigator.locks = { request: silent };
  });
  await browser.clock.advance(60_000);
  assert.deepEqual([browser.server.requests.length, browser.posts, tab.warnings], [0, 0, []]);
  tab.document.prerendering = false;
  tab.globals.navigator.locks.request = (name, ...rest) => browser.lock(name, tab, ...rest);
  tab.dispatch("prerenderingchange");
  await browser.during(tab.session.ready);
  assert.deepEqual([tab.session.state, browser.server.requests.length], ["signed-out", 1]);
});

test("a browser that does not report whether it is online counts as online", async () => {
  const browser = new FakeBrowser();
  browser.isOnline = undefined;
  const [tab] = await browser.openMany(1);
  await browser.during(tab.signIn());
  assert.equal(tab.session.state, "signed-in");
});

test("a sign-out while the state is unknown is completed when the server can be reached", async () => {
  const browser = new FakeBrowser();
  const first = browser.open();
  await browser.during(first.signIn());
  first.vanish();
  browser.server.isDown = true;
  const tab = browser.open();
  await assert.rejects(browser.during(tab.session.signOut(), 30_000), { code: "unavailable" });
  assert.deepEqual([tab.session.state, tab.session.reason], ["signed-out", "signed-out"]);
  tab.vanish();
  browser.server.isDown = false;
  const next = browser.open();
  assert.equal(next.session.state, "signed-out");
  await browser.clock.advance(1_000);
  assert.equal(browser.server.sessions.get(sessionId(1)).isLive, false);
  assert.deepEqual([browser.jar.token, browser.localStorage.items.size, next.session.state], ["", 0, "signed-out"]);
});

test("a page that stays open repeats a sign-out that the server did not receive", async () => {
  for (const mode of MODES) {
    const { browser, tab } = await opened(mode);
    await browser.during(tab.signIn());
    browser.server.isDown = true;
    await assert.rejects(browser.during(tab.session.signOut(), 10_000));
    tab.show("visible");
    await browser.clock.advance(100_000);
    browser.server.isDown = false;
    await browser.clock.advance(100_000);
    assert.equal(browser.server.sessions.get(sessionId(1)).isLive, false);
    const before = browser.server.requests.length;
    await browser.clock.advance(1_000_000);
    assert.equal(browser.server.requests.length, before);
  }
});

test("a token with a lifetime of months does not overflow setTimeout", async () => {
  const { browser, tab } = await opened("cookie");
  browser.server.lifetime = 90 * 86_400;
  const waits = [];
  const { setTimeout } = tab.globals;
  tab.globals.setTimeout = (run, wait) => setTimeout(run, waits.push(wait) && wait);
  await browser.during(tab.signIn());
  assert.ok(Math.max(...waits) < 2 ** 31, String(waits));
});

test("outside a page createSession throws an error that says where to call it", () => {
  const expected = { name: "SessionError", code: "unsupported", message: /needs a page.*server.*worker/ };
  assert.throws(() => createSession({ baseUrl: "/", mode: "cookie" }), expected);
  const worker = new FakeBrowser({ alter: (world) => delete world.document });
  assert.throws(() => worker.open(), expected);
});

test("in a sandboxed frame cookie mode throws at once, and body mode works", async () => {
  const alter = (world) => {
    world.origin = "null";
    DENIALS["all of them are denied"](world);
  };
  assert.throws(() => new FakeBrowser({ alter }).open(), { code: "unsupported", message: /allow-same-origin/ });
  const browser = new FakeBrowser({ alter });
  const tab = browser.open({ mode: "body" });
  await browser.during(tab.signIn());
  assert.equal(tab.session.state, "signed-in");
});

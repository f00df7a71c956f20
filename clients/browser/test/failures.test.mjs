// Lost responses, unavailable servers, no network, and sessions that have ended.
import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeBrowser, ORIGIN } from "./support/fake-browser.mjs";
import { sessionId } from "./support/fake-server.mjs";

const MODES = ["cookie", "body"];
/** Milliseconds after which a token of 900 seconds is refreshed if `Math.random` returns 0.5. */
const DUE = 741_675;
const LATENCY = 20;

async function signedIn(mode, count = 5) {
  const browser = new FakeBrowser();
  const tabs = await browser.openMany(count, { mode });
  await browser.during(tabs[0].signIn(), 0);
  await browser.clock.advance(2);
  browser.server.latency = LATENCY;
  const before = browser.server.refreshes;
  const refreshes = () => browser.server.refreshes - before;
  return { browser, server: browser.server, tabs, refreshes, session: browser.server.sessions.get(sessionId(1)) };
}

const states = (tabs) => tabs.map(({ session }) => session.state);

const all = (state, count = 5) => Array(count).fill(state);

/** The times of refresh requests from now on, in milliseconds after the first of them. */
function refreshTimes({ server }) {
  const before = server.requests.length;
  return () => {
    const refreshes = server.requests.slice(before).filter(({ path }) => path.includes("refresh"));
    return refreshes.map(({ at }) => Math.round(at - refreshes[0].at));
  };
}

const unavailable = (headers) => ({ path }) => (path.includes("refresh") ? { status: 503, headers, text: "<html>" } : undefined);

for (const mode of MODES) {
  test(`in ${mode} mode a refresh whose response is lost is repeated with the same token`, async () => {
    const { browser, server, tabs, refreshes, session } = await signedIn(mode);
    server.losses = 3;
    await browser.clock.advance(DUE + 5_000);
    assert.deepEqual([refreshes(), session.generation, states(tabs)], [4, 1, all("signed-in")]);
    const sent = server.requests.slice(-4).map(({ body }) => body?.refresh_token);
    assert.equal(new Set(sent).size, 1);
  });

  test(`in ${mode} mode a response counts as lost after five seconds`, async () => {
    const { browser, server, tabs, session } = await signedIn(mode);
    const times = refreshTimes(browser);
    server.latency = 60_000;
    await browser.clock.advance(DUE + 1_000);
    server.latency = LATENCY;
    await browser.clock.advance(5_000);
    assert.deepEqual([times(), session.generation, states(tabs)], [[0, 5_188], 1, all("signed-in")]);
  });

  test(`in ${mode} mode a rejected refresh token ends the session in all tabs after one request`, async () => {
    const { browser, server, tabs, refreshes, session } = await signedIn(mode);
    session.isLive = false;
    await browser.clock.advance(DUE + 200);
    assert.deepEqual([states(tabs), tabs.map((tab) => tab.session.reason)], [all("signed-out"), all("ended")]);
    assert.equal(refreshes(), 1);
    const before = server.requests.length;
    await browser.clock.advance(100_000_000);
    for (const tab of tabs) for (const event of ["online", "pageshow"]) tab.dispatch(event, { persisted: true });
    for (const tab of tabs) tab.show("visible");
    await browser.clock.advance(100_000_000);
    assert.equal(server.requests.length, before);
    assert.deepEqual(
      tabs.map(({ changes }) => changes),
      all(["signed-out", "signed-in", "signed-out: ended"]),
    );
  });

  test(`in ${mode} mode no tab refreshes before the time in Retry-After`, async () => {
    for (const status of [429, 503]) {
      const { browser, server, tabs, session } = await signedIn(mode);
      server.override = (request) => ({ ...unavailable({ "retry-after": "60" })(request), status });
      const times = refreshTimes(browser);
      await browser.clock.advance(DUE + 1_000);
      for (const tab of tabs) {
        tab.dispatch("online");
        tab.show("visible");
      }
      await browser.clock.advance(58_000);
      assert.deepEqual(times(), [0]);
      server.override = () => undefined;
      await browser.clock.advance(20_000);
      assert.deepEqual([session.generation, states(tabs)], [1, all("signed-in")]);
    }
  });

  test(`in ${mode} mode the pauses between refreshes grow while the server is down`, async () => {
    const { browser, server, tabs } = await signedIn(mode);
    const times = refreshTimes(browser);
    server.isDown = true;
    await browser.clock.advance(DUE + 600_000);
    const at = times();
    // The first round lasts as long as the server treats the requests as one refresh.
    const round = at.filter((moment) => moment < 10_000);
    assert.deepEqual(round, [0, 188, 563, 1_313, 2_813, 4_313, 5_813, 7_313]);
    const rounds = at.filter((moment, index) => index === 0 || moment - at[index - 1] > 8_000);
    const pauses = rounds.slice(1).map((moment, index) => moment - rounds[index]);
    assert.ok(pauses[0] > 10_000 && Math.max(...pauses) < 120_000, String(pauses));
    assert.ok(pauses.at(-1) > 2 * pauses[0], String(pauses));
    assert.ok(at.length < 90, String(at.length));
    server.isDown = false;
    await browser.clock.advance(120_000);
    assert.deepEqual(states(tabs), all("signed-in"));
    assert.equal((await browser.during(tabs[4].session.fetch(`${ORIGIN}/api`))).status, 200);
  });

  test(`in ${mode} mode no request is sent while offline, and the online event causes a refresh`, async () => {
    const { browser, server, tabs, refreshes, session } = await signedIn(mode);
    await browser.setOnline(false);
    const { posts } = browser;
    await browser.clock.advance(3 * DUE);
    assert.deepEqual([refreshes(), browser.posts], [0, posts]);
    await assert.rejects(browser.during(tabs[0].session.fetch(`${ORIGIN}/api`)), { code: "unavailable" });
    assert.equal(server.requests.filter(({ path }) => path === "/api").length, 0);
    await browser.setOnline(true);
    await browser.clock.advance(1_000);
    assert.deepEqual([refreshes(), session.generation, states(tabs)], [1, 1, all("signed-in")]);
  });

  test(`in ${mode} mode the session survives a short network outage during a refresh`, async () => {
    const { browser, server, tabs, refreshes, session } = await signedIn(mode);
    server.losses = 1;
    await browser.clock.advance(DUE + 200);
    assert.equal(refreshes(), 1);
    await browser.setOnline(false);
    await browser.clock.advance(5_000);
    await browser.setOnline(true);
    await browser.clock.advance(1_000);
    assert.deepEqual([session.generation, session.isLive, states(tabs)], [1, true, all("signed-in")]);
  });
}

test("pauses are random, so that many browsers do not send requests at once", async () => {
  const rounds = [];
  for (const random of [0, 1]) {
    const { browser, server } = await signedIn("body", 1);
    const times = refreshTimes(browser);
    browser.random = random;
    server.isDown = true;
    await browser.clock.advance(DUE + 200_000);
    const later = times().find((moment) => moment > 10_000);
    rounds.push([times()[1], later]);
  }
  assert.equal(rounds[0][0], 125);
  assert.equal(rounds[1][0], 250);
  assert.ok(rounds[1][1] - rounds[0][1] > 2_000, String(rounds));
});

test("requests that need a token wait for a short Retry-After", async () => {
  for (const status of [429, 503]) {
    const { browser, server, tabs } = await signedIn("cookie");
    for (const tab of tabs) tab.show("hidden");
    await browser.clock.advance(5_000_000);
    const times = refreshTimes(browser);
    const refusals = [{ status, headers: { "retry-after": "2" } }, { status }];
    server.override = ({ path }) => (path.includes("refresh") ? refusals.shift() : undefined);
    const answers = await browser.during(Promise.all(tabs.map(({ session }) => session.fetch(`${ORIGIN}/api`))), 9_000);
    assert.deepEqual(answers.map((answer) => answer.status), all(200));
    assert.deepEqual(times(), [0, 2_000 + LATENCY, 2_000 + 2 * LATENCY + 375]);
  }
});

test("a round of refreshes ends within the server's grace period", async () => {
  const { browser, server, tabs } = await signedIn("body", 1);
  tabs[0].show("hidden");
  await browser.clock.advance(5_000_000);
  server.latency = 60_000;
  const began = browser.clock.now;
  let took;
  const failed = assert.rejects(tabs[0].session.fetch(`${ORIGIN}/api`), { code: "unavailable" });
  failed.then(() => (took = browser.clock.now - began));
  await browser.clock.advance(20_000);
  await failed;
  assert.ok(took > 8_000 && took < 9_200, String(took));
});

test("a success ends the pauses of an earlier failure", async () => {
  const { browser, server, tabs } = await signedIn("body", 1);
  const rounds = [];
  for (let outage = 0; outage < 2; outage += 1) {
    const times = refreshTimes(browser);
    server.isDown = true;
    await browser.clock.advance(DUE + 10_000);
    server.isDown = false;
    await browser.clock.advance(60_000);
    rounds.push(times().find((moment) => moment > 10_000));
  }
  assert.ok(Math.abs(rounds[0] - rounds[1]) < 100, String(rounds));
  const held = ({ path }) => (path.includes("refresh") ? { status: 503, headers: { "retry-after": "3600" } } : undefined);
  server.override = held;
  await browser.clock.advance(DUE + 10_000);
  // A new sign-in also ends the pause of the earlier session.
  await browser.during(tabs[0].signIn());
  let left = 1;
  server.override = ({ path }) => (path === "/api" && left-- > 0 ? { status: 401 } : undefined);
  assert.equal((await browser.during(tabs[0].session.fetch(`${ORIGIN}/api`))).status, 200);
});

test("other error responses to a refresh do not end the session", async () => {
  const wrong = [
    { status: 401, body: { code: "proxy_authentication" } },
    { status: 401, text: "<html>" },
    { status: 403, body: { code: "cross_origin" } },
    { status: 404, text: "" },
    { status: 500, body: { code: "internal" } },
    { status: 200, text: "<html>Accept the terms of this network</html>" },
    { status: 200, body: {} },
  ];
  for (const answer of wrong) {
    const { browser, server, tabs, refreshes } = await signedIn("cookie", 2);
    server.override = ({ path }) => (path.includes("refresh") ? answer : undefined);
    await browser.clock.advance(DUE + 9_000);
    assert.deepEqual(states(tabs), all("signed-in", 2), JSON.stringify(answer));
    assert.ok(refreshes() >= 1 && refreshes() <= 8, `${JSON.stringify(answer)}: ${refreshes()}`);
    server.override = () => undefined;
    await browser.clock.advance(60_000);
    assert.equal((await browser.during(tabs[1].session.fetch(`${ORIGIN}/api`))).status, 200);
  }
});

test("a missing cookie ends the session", async () => {
  const { browser, tabs } = await signedIn("cookie");
  browser.jar.token = "";
  await browser.clock.advance(DUE + 200);
  assert.deepEqual(
    tabs.map(({ session }) => session.reason),
    all("ended"),
  );
});

// Which requests get a token, for which origins, and how often they are sent.
import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeBrowser, ORIGIN } from "./support/fake-browser.mjs";
import { settle } from "./support/clock.mjs";

const API = `${ORIGIN}/api/orders`;

async function signedIn(options) {
  const browser = new FakeBrowser();
  const [tab] = await browser.openMany(1, options);
  await tab.signIn();
  return { browser, server: browser.server, tab };
}

const sent = (server) => server.requests.filter(({ path }) => path.startsWith("/api"));

const refused = { status: 401, body: { code: "invalid_token" } };

/** The API rejects the tokens of the next requests, `times` in all. */
function refuse(server, times) {
  let left = times;
  server.override = ({ path }) => (path.startsWith("/api") && left-- > 0 ? refused : undefined);
}

test("a request to the server's origin has the token as a bearer token", async () => {
  const { server, tab } = await signedIn();
  const response = await tab.session.fetch(API, { method: "POST", body: "text" });
  assert.deepEqual(await response.json(), { path: "/api/orders", method: "POST", sent: "text" });
  assert.match(sent(server)[0].authorization, /^Bearer e30\..+\.x$/);
});

test("other origins do not get the token unless they are in allow", async () => {
  const { server, tab } = await signedIn({ allow: ["https://api.example/whatever"] });
  const others = [
    "https://evil.example/api",
    "http://app.example/api",
    "https://app.example:8443/api",
    "https://app.example.evil.example/api",
    "//evil.example/api",
    "https:\\\\evil.example/api",
  ];
  for (const url of others) {
    await tab.session.fetch(url);
    assert.equal(server.requests.at(-1).authorization, null, url);
  }
  await tab.session.fetch(new Request(others[0], { method: "POST", body: "x" }));
  assert.equal(server.requests.at(-1).authorization, null);
  await tab.session.fetch("https://api.example/api");
  assert.match(server.requests.at(-1).authorization, /^Bearer /);
});

test("an Authorization header of the caller is not changed", async () => {
  const { server, tab } = await signedIn();
  await tab.session.fetch(API, { headers: { authorization: "Basic eDp5" } });
  assert.equal(sent(server)[0].authorization, "Basic eDp5");
});

test("requests have no token while the page is signed out", async () => {
  const browser = new FakeBrowser();
  const [tab] = await browser.openMany(1);
  const response = await tab.session.fetch(API);
  assert.deepEqual([response.status, sent(browser.server)[0].authorization], [401, null]);
  assert.equal(browser.server.requests.length, 2);
});

test("the first request after a page load waits until the state is known", async () => {
  const { browser, server, tab } = await signedIn();
  tab.vanish();
  const next = browser.open();
  const response = await browser.during(next.session.fetch(API), 200);
  assert.equal(response.status, 200);
  assert.equal(sent(server).length, 1);
});

test("after a 401 the token is refreshed and the request is sent once more with its body", async () => {
  const { browser, server, tab } = await signedIn();
  refuse(server, 1);
  const bodies = [new Blob(["text"]), "text", new URLSearchParams("text")];
  const make = [() => new Request(API, { method: "POST", body: "text" }), ...bodies.map((body) => () => [API, { method: "POST", body }])];
  for (const request of make) {
    refuse(server, 1);
    const answer = await browser.during(tab.session.fetch(...[request()].flat()), 200);
    assert.equal(answer.status, 200);
    const [first, second] = sent(server).slice(-2);
    assert.equal(first.text.replace("=", ""), "text");
    assert.equal(second.text, first.text);
    assert.notEqual(second.authorization, first.authorization);
    await browser.clock.advance(11_000);
  }
});

test("a request whose body is a stream is sent once", async () => {
  const { server, tab } = await signedIn();
  refuse(server, 1);
  const body = new Blob(["text"]).stream();
  const { status } = await tab.session.fetch(API, { method: "POST", body, duplex: "half" });
  assert.deepEqual([status, sent(server).length, server.refreshes], [401, 1, 1]);
});

test("an API that rejects every token gets each request at most twice, and causes at most one refresh in ten seconds", async () => {
  const { browser, server, tab } = await signedIn();
  refuse(server, Infinity);
  const before = server.refreshes;
  const answers = [];
  for (let second = 0; second < 20; second += 1) {
    tab.session.fetch(API).then(({ status }) => answers.push(status));
    await browser.clock.advance(1_000);
  }
  assert.deepEqual(answers, Array(20).fill(401));
  assert.equal(server.refreshes - before, 2);
  assert.equal(sent(server).length, 22);
});

test("requests that are rejected together are sent again after one refresh", async () => {
  const { browser, server, tab } = await signedIn();
  refuse(server, 8);
  const before = server.refreshes;
  const answers = Promise.all(Array.from({ length: 8 }, () => tab.session.fetch(API)));
  await browser.clock.advance(500);
  const statuses = (await answers).map(({ status }) => status);
  // The first of them causes the refresh. The others were rejected with the earlier token, so they use the new one.
  assert.deepEqual(statuses, Array(8).fill(200));
  assert.equal(server.refreshes - before, 1);
});

test("a request is not sent if the session ends while it waits for a token", async () => {
  const { browser, server, tab } = await signedIn();
  tab.show("hidden");
  await browser.clock.advance(1_000_000);
  server.sessions.values().next().value.isLive = false;
  const answer = assert.rejects(tab.session.fetch(API, { method: "POST", body: "x" }), { code: "signed-out" });
  await browser.clock.advance(500);
  await answer;
  assert.equal(sent(server).length, 0);
});

test("if the refresh after a 401 fails, the caller gets the 401", async () => {
  const { browser, server, tab } = await signedIn();
  server.sessions.values().next().value.isLive = false;
  const answer = await browser.during(tab.session.fetch(API), 500);
  assert.equal(answer.status, 401);
  await settle();
  assert.deepEqual([tab.session.state, tab.session.reason], ["signed-out", "ended"]);
});

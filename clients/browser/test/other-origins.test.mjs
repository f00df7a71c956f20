// A server on a different origin from the page: which requests send cookies, and which send the access token.
import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeBrowser, ORIGIN } from "./support/fake-browser.mjs";

const SERVER = "https://id.app.example";
const MODES = ["cookie", "body"];

async function signedIn(mode, more) {
  const browser = new FakeBrowser();
  const [tab] = await browser.openMany(1, { baseUrl: SERVER, mode, ...more });
  await browser.during(tab.signIn());
  return { browser, server: browser.server, tab };
}

/** Each combination of origin and credentials in the module's own requests. */
function ways({ requests }) {
  const own = requests.filter(({ path }) => path.startsWith("/v1/sessions") || path === "/logout");
  return [...new Set(own.map(({ origin, how }) => `${origin} ${how.credentials}`))];
}

for (const mode of MODES) {
  test(`in ${mode} mode a server on another origin signs in, refreshes and signs out`, async () => {
    const { browser, server, tab } = await signedIn(mode);
    await browser.clock.advance(900_000);
    assert.ok(server.refreshes >= 2 - (mode === "body"));
    assert.equal(tab.session.state, "signed-in");
    await browser.during(tab.session.signOut());
    assert.deepEqual([server.sessions.values().next().value.isLive, browser.jar.token], [false, ""]);
    assert.deepEqual(ways(server), [`${SERVER} ${mode === "cookie" ? "include" : "same-origin"}`]);
  });

  test(`in ${mode} mode requests of the page keep the credentials that the page chose`, async () => {
    const { server, tab } = await signedIn(mode, { allow: ["https://api.example"] });
    for (const origin of [ORIGIN, SERVER, "https://api.example", "https://any.example"]) {
      await tab.session.fetch(`${origin}/v1/users/me`);
      assert.equal(server.requests.at(-1).how.credentials, "same-origin", origin);
      for (const credentials of ["omit", "same-origin", "include"]) {
        await tab.session.fetch(`${origin}/v1/users/me`, { credentials });
        assert.equal(server.requests.at(-1).how.credentials, credentials, origin);
        await tab.session.fetch(new Request(`${origin}/v1/users/me`, { credentials }));
        assert.equal(server.requests.at(-1).how.credentials, credentials, origin);
      }
    }
  });

  test(`in ${mode} mode a request that is sent again keeps its credentials`, async () => {
    const { browser, server, tab } = await signedIn(mode);
    let left = 1;
    server.override = ({ path }) => (path === "/api" && left-- > 0 ? { status: 401, body: {} } : undefined);
    const { status } = await browser.during(tab.session.fetch(`${SERVER}/api`, { credentials: "omit" }));
    const sent = server.requests.filter(({ path }) => path === "/api").map(({ how }) => how.credentials);
    assert.deepEqual([status, sent], [200, ["omit", "omit"]]);
  });

  test(`in ${mode} mode the page's own origin gets the token of a server on another origin only if it is in allow`, async () => {
    for (const allow of [[], [ORIGIN]]) {
      const { server, tab } = await signedIn(mode, { allow });
      await tab.session.fetch("/api");
      assert.equal(Boolean(server.requests.at(-1).authorization), allow.length > 0);
      await tab.session.fetch(`${SERVER}/v1/users/me`);
      assert.match(server.requests.at(-1).authorization, /^Bearer /);
    }
  });
}

test("a page load finds the session by the cookie of a server on another origin", async () => {
  const { browser, tab } = await signedIn("cookie");
  tab.vanish();
  const [next] = await browser.openMany(1, { baseUrl: SERVER });
  assert.deepEqual([next.session.state, next.session.user.sub], ["signed-in", "ada"]);
});

test("if the browser does not store the cookie of another site, the session ends when a refresh is due", async () => {
  const { browser, tab } = await signedIn("cookie");
  browser.jar.token = "";
  await browser.clock.advance(900_000);
  assert.deepEqual([tab.session.state, tab.session.reason], ["signed-out", "ended"]);
});

test("a server that does not allow the page's origin is unavailable", async () => {
  const browser = new FakeBrowser();
  // The browser withholds the response, and `fetch` rejects.
  browser.server.isDown = true;
  const [tab] = await browser.openMany(1, { baseUrl: SERVER, mode: "body" });
  await assert.rejects(browser.during(tab.signIn()), { code: "unavailable", status: 0 });
});

test("in a file, cookie mode throws at once", () => {
  const alter = (world) => {
    world.origin = "null";
    world.location = { href: "file:///page.html", origin: "null" };
  };
  const open = () => new FakeBrowser({ alter }).open({ baseUrl: SERVER });
  assert.throws(open, { code: "unsupported", message: /in a file/ });
});

// Pages on other origins than the server: an allowed origin, an allowed origin on another site, and one not allowed.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Person, launch } from "./support/chromium.mjs";
import { Countersign, USERNAME } from "./support/countersign.mjs";
import { until } from "./support/pause.mjs";
import { Site } from "./support/site.mjs";

/** The tabs refresh more than once a second. */
const LIFETIME = "2s";
const REFRESH = "/v1/sessions/refresh";

let browser;
let server;
let allowed;
let second;
let foreign;
/** Allowed, but on another site, because its host is not `localhost`. */
let elsewhere;
const cleanups = [];

before(async () => {
  const suite = { after: (cleanup) => cleanups.unshift(cleanup) };
  [allowed, second, foreign] = [await Site.start(suite), await Site.start(suite), await Site.start(suite)];
  elsewhere = { url: allowed.url.replace("localhost", "127.0.0.1") };
  const origins = [allowed, second, elsewhere].map(({ url }) => url);
  server = await Countersign.start(suite, LIFETIME, { COUNTERSIGN_CORS__ALLOWED_ORIGINS: origins.join(",") });
  browser = await launch(suite);
});

after(async () => {
  for (const cleanup of cleanups) await cleanup();
});

/** Opens a tab with the page of that site. The page uses the server directly, not through the site. */
const open = (person, site) => person.open(`&server=${server.url}`, site);

async function signedIn(t, mode, site = allowed) {
  const person = await Person.create(t, browser, site, mode);
  const tab = await open(person, site);
  const user = await tab.signIn(USERNAME, server.password);
  return { person, tab, user };
}

const me = ({ page }) =>
  page.evaluate(async (url) => (await (await window.session.fetch(url)).json()).username, `${server.url}/v1/users/me`);

const generation = async ({ sid }) => (await server.session(sid)).generation;

/** Waits until the page has refreshed. */
const refreshed = ({ page }) =>
  page.waitForResponse((answer) => answer.url() === server.url + REFRESH && answer.status() === 200);

/** Sends a request from the page without the module. Returns the status, or the name of the error. */
const fetched = ({ page }, path, init) =>
  page.evaluate(
    async ([url, how]) => fetch(url, how).then(({ type, status }) => (type === "opaque" ? type : status), ({ name }) => name),
    [server.url + path, init],
  );

/** Submits a form of the page, which needs no preflight. Returns the status. */
async function submitted(page, path) {
  const url = server.url + path;
  const answer = page.waitForResponse(url);
  await page.evaluate((action) => {
    const form = Object.assign(document.createElement("form"), { method: "post", action });
    document.body.append(form);
    form.submit();
  }, url);
  return (await answer).status();
}

describe("pages of other origins", { concurrency: 6 }, () => {
  for (const mode of ["cookie", "body"]) {
    test(`in ${mode} mode an allowed page signs in, refreshes, calls the server and signs out`, async (t) => {
      const { person, tab, user } = await signedIn(t, mode);
      const cookie = await person.cookie();
      assert.deepEqual([cookie?.httpOnly, cookie?.sameSite], mode === "cookie" ? [true, "Strict"] : [undefined, undefined]);
      await refreshed(tab);
      // The second refresh presents the token that the first one returned.
      await refreshed(tab);
      assert.equal(await me(tab), USERNAME);
      await tab.signOut();
      assert.equal((await server.session(user.sid)).state, "signed_out");
      assert.equal(await person.cookie(), undefined);
    });

    test(`in ${mode} mode an allowed page can read the server's error`, async (t) => {
      const tab = await open(await Person.create(t, browser, allowed, mode), allowed);
      const wrong = { username: USERNAME, password: "wrong" };
      const code = tab.page.evaluate((what) => window.session.signIn(what).catch((error) => error.code), wrong);
      assert.equal(await code, "invalid_credentials");
    });
  }

  test("a reload of an allowed page finds the session by the server's cookie", async (t) => {
    const { tab, user } = await signedIn(t, "cookie");
    await tab.page.reload();
    await tab.page.waitForFunction(() => window.session?.state === "signed-in");
    assert.equal((await tab.look()).user.sid, user.sid);
    assert.equal(await me(tab), USERNAME);
  });

  test("pages of two allowed origins share the session of the cookie, and a sign-out ends it for both", async (t) => {
    const { person, tab, user } = await signedIn(t, "cookie");
    const other = await open(person, second);
    assert.equal((await other.look()).user.sid, user.sid);
    await Promise.all([refreshed(tab), refreshed(other)]);
    assert.deepEqual([await me(tab), await me(other)], [USERNAME, USERNAME]);
    await tab.signOut();
    // On a busy machine its next refresh may be lost. It is then repeated after ten seconds.
    await until(async () => (await other.look()).reason === "ended", "the other page is signed out", 30_000);
  });

  test("body mode works on another site", async (t) => {
    const { tab, user } = await signedIn(t, "body", elsewhere);
    await refreshed(tab);
    assert.equal(await me(tab), USERNAME);
    await tab.signOut();
    assert.equal((await server.session(user.sid)).state, "signed_out");
  });

  test("on another site the browser does not store the cookie, and the session ends when a refresh is due", async (t) => {
    const { person, tab } = await signedIn(t, "cookie", elsewhere);
    assert.deepEqual(await person.context.cookies(server.url), []);
    await until(async () => (await tab.look()).reason === "ended", "the session ends");
  });

  // D10
  test("a page that is not allowed cannot read or change anything with the user's cookie", async (t) => {
    const { person, tab, user } = await signedIn(t, "cookie");
    // Close the session, and wait until no refresh is in progress. After that only the page that is not allowed could refresh.
    await tab.page.evaluate(async (base) => {
      window.session.close();
      await navigator.locks.request(`countersign:cookie:${base}`, () => {});
    }, server.url);
    const page = await person.context.newPage();
    await page.goto(`${foreign.url}/index.js`);
    const [before, cookie] = [await generation(user), (await person.cookie()).value];
    const post = { method: "POST", credentials: "include" };
    const body = JSON.stringify({ username: USERNAME, password: server.password, token_mode: "cookie" });
    const json = { headers: { "content-type": "application/json" }, body };
    const rejected = [
      [REFRESH, post],
      [REFRESH, { ...post, ...json }],
      ["/v1/sessions", { ...post, ...json }],
      ["/v1/sessions", { credentials: "include" }],
      [`/v1/sessions/${user.sid}`, { method: "DELETE", credentials: "include" }],
      ["/v1/users/me", { credentials: "include" }],
      ["/v1/users/me", { headers: { authorization: "Bearer x" } }],
      ["/logout", post],
    ];
    for (const [path, init] of rejected) assert.equal(await fetched({ page }, path, init), "TypeError", `${init.method} ${path}`);
    // The browser sends these requests with the cookie and without a preflight, and hides the responses.
    for (const path of [REFRESH, "/logout"]) assert.equal(await fetched({ page }, path, { ...post, mode: "no-cors" }), "TypeError");
    assert.equal(await submitted(page, REFRESH), 403);
    assert.deepEqual([await generation(user), (await person.cookie()).value], [before, cookie]);
    assert.equal((await server.session(user.sid)).state, "live");
  });

  test("the module reports unavailable on a page that is not allowed", async (t) => {
    const person = await Person.create(t, browser, foreign, "body");
    const tab = await open(person, foreign);
    const credentials = { username: USERNAME, password: server.password };
    const code = (what) => window.session.signIn(what).then(() => "signed in", (error) => error.code);
    assert.equal(await tab.page.evaluate(code, credentials), "unavailable");
    assert.deepEqual(await person.context.cookies(server.url), []);
  });

  test("a page that is not allowed can read the key set and the revocation list", async (t) => {
    const page = await (await Person.create(t, browser, foreign, "cookie")).context.newPage();
    await page.goto(`${foreign.url}/index.js`);
    for (const path of ["/.well-known/jwks.json", "/revocations"]) assert.equal(await fetched({ page }, path), 200, path);
    // A response to a request with credentials would have to name the origin.
    assert.equal(await fetched({ page }, "/revocations", { credentials: "include" }), "TypeError");
    const keys = page.evaluate(async (url) => (await (await fetch(url)).json()).keys.length, `${server.url}/.well-known/jwks.json`);
    assert.ok((await keys) > 0);
  });
});

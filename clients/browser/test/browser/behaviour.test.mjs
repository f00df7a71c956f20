// Behaviour that only a real browser can show: storage, cookies, the network, redirects and closed tabs.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Person, launch, looks } from "./support/chromium.mjs";
import { Countersign, USERNAME } from "./support/countersign.mjs";
import { pause, until } from "./support/pause.mjs";
import { Site, anotherOrigin } from "./support/site.mjs";

const MODES = ["cookie", "body"];
/** The tabs refresh every two to three seconds. */
const LIFETIME = "4s";
const OTHER = "jane";
const PASSWORD = "correct horse battery staple";

let browser;
let server;
const cleanups = [];

before(async () => {
  const suite = { after: (cleanup) => cleanups.unshift(cleanup) };
  server = await Countersign.start(suite, LIFETIME);
  await server.addUser(OTHER, PASSWORD);
  browser = await launch(suite);
});

after(async () => {
  for (const cleanup of cleanups) await cleanup();
});

async function setUp(t, mode, count) {
  const site = await Site.start(t, server);
  const person = await Person.create(t, browser, site, mode);
  const tabs = await person.openMany(count);
  // In cookie mode, each page load has sent a refresh.
  site.requests = [];
  const user = await tabs[0].signIn(USERNAME, server.password);
  await until(async () => (await looks(tabs)).every(({ state }) => state === "signed-in"), "all tabs are signed in");
  return { site, person, tabs, user };
}

const states = async (tabs) => (await looks(tabs)).map(({ state, reason }) => reason ?? state);

/** Waits for `count` more refresh requests. */
function more(site, count) {
  const goal = site.refreshes + count;
  return until(() => site.refreshes >= goal, `${count} more refreshes`);
}

const stored = ({ page }) =>
  page.evaluate(async () => ({
    local: Object.entries(localStorage),
    session: Object.entries(sessionStorage),
    cookies: document.cookie,
    databases: (await indexedDB.databases()).length,
    caches: await caches.keys(),
  }));

describe("in a real browser", { concurrency: 4 }, () => {
  for (const mode of MODES) {
    test(`in ${mode} mode scripts find nothing in storage before, during and after a session`, async (t) => {
      const { site, tabs, person } = await setUp(t, mode, 2);
      const nothing = { local: [], session: [], cookies: "", databases: 0, caches: [] };
      assert.deepEqual(await stored(tabs[0]), nothing);
      await more(site, 2);
      for (const tab of tabs) assert.deepEqual(await stored(tab), nothing);
      const { httpOnly, secure, sameSite, path } = (await person.cookie()) ?? {};
      const expected = mode === "cookie" ? [true, true, "Strict", "/"] : Array(4).fill(undefined);
      assert.deepEqual([httpOnly, secure, sameSite, path], expected);
      await tabs[0].signOut();
      assert.deepEqual(await stored(tabs[0]), nothing);
    });

    test(`in ${mode} mode a sign-out signs out the other tab, revokes the session and removes the cookie`, async (t) => {
      const { site, tabs, person, user } = await setUp(t, mode, 2);
      await tabs[1].signOut();
      await until(async () => String(await states(tabs)) === "signed-out,signed-out", "both tabs are signed out");
      assert.equal((await server.session(user.sid)).state, "signed_out");
      assert.equal(await person.cookie(), undefined);
      const sent = site.requests.length;
      const next = await person.open();
      assert.equal((await next.look()).state, "signed-out");
      await pause(4_000);
      assert.equal(site.requests.length, sent + (mode === "cookie" ? 1 : 0));
    });

    test(`in ${mode} mode a new tab gets the session from an open tab without a request to the server`, async (t) => {
      const { site, tabs, person, user } = await setUp(t, mode, 1);
      const sent = site.refreshes;
      const began = performance.now();
      const next = await person.open();
      assert.equal((await next.look()).user.sid, user.sid);
      // A busy machine may take seconds to open the tab. The open tab refreshes at most once in two seconds.
      const due = Math.ceil((performance.now() - began) / 2_000);
      assert.ok(site.refreshes - sent <= due, `${site.refreshes - sent} refreshes, of which ${due} can be due`);
      await tabs[0].page.close();
      await more(site, 2);
      assert.equal((await next.ask()).answer, 200);
    });

    test(`in ${mode} mode tabs stop while offline and continue when the network returns`, async (t) => {
      const { site, person, tabs } = await setUp(t, mode, 2);
      await more(site, 1);
      await person.context.setOffline(true);
      await pause(300);
      const sent = site.requests.length;
      await pause(6_000);
      assert.equal(site.requests.length, sent);
      assert.equal((await tabs[0].ask()).answer, "unavailable");
      await person.context.setOffline(false);
      await more(site, 1);
      for (const tab of tabs) assert.equal((await tab.ask()).answer, 200);
      assert.deepEqual(await states(tabs), ["signed-in", "signed-in"]);
    });

    for (const status of [429, 503]) {
      test(`in ${mode} mode no tab refreshes before the Retry-After of a ${status} has passed`, async (t) => {
        const { site, tabs } = await setUp(t, mode, 3);
        const refused = { status, headers: { "retry-after": "10" } };
        const times = [];
        site.override = ({ path }) => {
          if (!path.endsWith("/refresh")) return undefined;
          times.push(performance.now());
          return times.length === 1 ? refused : undefined;
        };
        await until(() => times.length === 1, "a refresh");
        await pause(5_000);
        assert.equal((await tabs[0].ask()).answer, "unavailable");
        await until(() => times.length === 2, "the next refresh");
        assert.ok(times[1] - times[0] > 9_900, String(times[1] - times[0]));
        // By then each tab has the token from the tab that refreshed.
        await until(async () => (await tabs[2].ask()).answer === 200, "a valid token");
        assert.deepEqual(await states(tabs), Array(3).fill("signed-in"));
      });
    }

    test(`in ${mode} mode all tabs wait for one slow refresh`, async (t) => {
      const { site, tabs, user } = await setUp(t, mode, 3);
      await more(site, 1);
      site.delay = 1_500;
      await more(site, 2);
      const answers = await Promise.all(tabs.map((tab) => tab.ask()));
      assert.deepEqual(answers.map(({ answer }) => answer), [200, 200, 200]);
      const { generation } = await server.session(user.sid);
      assert.deepEqual([site.refreshesAtOnce, site.refreshes - generation <= 1], [1, true]);
      site.delay = 0;
    });

    test(`in ${mode} mode a redirect to another origin drops the token`, async (t) => {
      const other = await anotherOrigin(t);
      const { site, tabs } = await setUp(t, mode, 1);
      site.elsewhere = `${other.url}/api`;
      assert.equal((await tabs[0].ask("/elsewhere")).answer, 200);
      assert.equal((await tabs[0].ask(`${other.url}/api`)).answer, 200);
      const gets = other.seen.filter(({ method }) => method === "GET");
      assert.deepEqual(gets.map(({ authorization }) => authorization), [undefined, undefined]);
    });

    test(`in ${mode} mode an origin in allow gets the token`, async (t) => {
      const other = await anotherOrigin(t);
      const { person } = await setUp(t, mode, 1);
      const tab = await person.open(`&allow=${encodeURIComponent(other.url)}`);
      await tab.ask(`${other.url}/api`);
      const headers = other.seen.map(({ authorization }) => authorization).filter(Boolean);
      assert.match(String(headers), /^Bearer eyJ[\w-]+\.[\w-]+\.[\w-]+$/);
    });
  }

  test("a page load finds the session by its cookie", async (t) => {
    const { site, tabs, user } = await setUp(t, "cookie", 1);
    await tabs[0].page.reload();
    await tabs[0].page.waitForFunction(() => window.session?.state === "signed-in");
    assert.equal((await tabs[0].look()).user.sid, user.sid);
    assert.equal((await tabs[0].ask()).answer, 200);
    assert.ok(site.refreshes >= 1);
  });

  test("the browser stores the cookie of a refresh even if the last tab is closed before the response", async (t) => {
    const { site, person, tabs, user } = await setUp(t, "cookie", 1);
    const spent = (await person.cookie()).value;
    site.delay = 1_000;
    await more(site, 1);
    await tabs[0].page.close();
    await until(async () => (await person.cookie()).value !== spent, "the next cookie");
    site.delay = 0;
    // Longer than the grace period, in which the server still accepts the spent token.
    await pause(11_000);
    const next = await person.open();
    const look = await next.look();
    assert.deepEqual([look.state, look.user.sid], ["signed-in", user.sid]);
  });

  test("in cookie mode a sign-in as another user signs out the other tabs, and a reload shows the new user", async (t) => {
    const { site, tabs } = await setUp(t, "cookie", 2);
    await tabs[1].signIn(OTHER, PASSWORD);
    await until(async () => (await states(tabs))[0] === "replaced", "the first tab is signed out");
    const users = async () => (await looks(tabs)).map(({ user }) => user?.username);
    assert.deepEqual(await users(), [undefined, OTHER]);
    await more(site, 2);
    assert.deepEqual(await users(), [undefined, OTHER]);
    await tabs[0].page.reload();
    await tabs[0].page.waitForFunction(() => window.session?.state === "signed-in");
    assert.deepEqual(await users(), [OTHER, OTHER]);
  });

  test("in body mode two tabs can keep two users", async (t) => {
    const { site, tabs } = await setUp(t, "body", 2);
    await tabs[1].signIn(OTHER, PASSWORD);
    const name = async () => (await (await window.session.fetch("/v1/users/me")).json()).username;
    const names = () => Promise.all(tabs.map(({ page }) => page.evaluate(name)));
    assert.deepEqual(await names(), [USERNAME, OTHER]);
    await more(site, 4);
    assert.deepEqual(await names(), [USERNAME, OTHER]);
    await tabs[0].signOut();
    assert.deepEqual(await states(tabs), ["signed-out", "signed-in"]);
  });
});

// What only a real browser can show: its storage and cookies, its network, its redirects and its closed tabs.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Person, launch, looks } from "./support/chromium.mjs";
import { Countersign, USERNAME } from "./support/countersign.mjs";
import { pause, until } from "./support/pause.mjs";
import { Site, anotherOrigin } from "./support/site.mjs";

const MODES = ["cookie", "body"];
/** A refresh comes two to three seconds after the one before. */
const LIFETIME = "4s";
const OTHER = "jane";
const PASSWORD = "correct horse battery staple";

let browser;
let server;
const endings = [];

before(async () => {
  const whole = { after: (end) => endings.unshift(end) };
  server = await Countersign.start(whole, LIFETIME);
  await server.addUser(OTHER, PASSWORD);
  browser = await launch(whole);
});

after(async () => {
  for (const end of endings) await end();
});

async function people(t, mode, count) {
  const site = await Site.start(t, server);
  const person = await Person.meet(t, browser, site, mode);
  const tabs = await person.openMany(count);
  // With cookies, each page load has asked who is signed in.
  site.requests = [];
  const user = await tabs[0].signIn(USERNAME, server.password);
  await until(async () => (await looks(tabs)).every(({ state }) => state === "signed-in"), "all tabs are signed in");
  return { site, person, tabs, user };
}

const states = async (tabs) => (await looks(tabs)).map(({ state, reason }) => reason ?? state);

/** Waits until so many more refreshes were asked for. */
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
    test(`in ${mode} mode no script finds anything stored, before, during and after a session`, async (t) => {
      const { site, tabs, person } = await people(t, mode, 2);
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

    test(`in ${mode} mode a sign-out in one tab signs out the other, the server and the cookie`, async (t) => {
      const { site, tabs, person, user } = await people(t, mode, 2);
      await tabs[1].signOut();
      await until(async () => String(await states(tabs)) === "signed-out,signed-out", "both tabs know");
      assert.equal((await server.session(user.sid)).state, "signed_out");
      assert.equal(await person.cookie(), undefined);
      const sent = site.requests.length;
      const next = await person.open();
      assert.equal((await next.look()).state, "signed-out");
      await pause(4_000);
      assert.equal(site.requests.length, sent + (mode === "cookie" ? 1 : 0));
    });

    test(`in ${mode} mode a new tab has the session of the others without asking the server`, async (t) => {
      const { site, tabs, person, user } = await people(t, mode, 1);
      const sent = site.refreshes;
      const next = await person.open();
      assert.equal((await next.look()).user.sid, user.sid);
      assert.ok(site.refreshes - sent <= 1, "but for one that was due");
      await tabs[0].page.close();
      await more(site, 2);
      assert.equal((await next.ask()).answer, 200);
    });

    test(`in ${mode} mode tabs wait for the network and go on when it is back`, async (t) => {
      const { site, person, tabs } = await people(t, mode, 2);
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
      test(`in ${mode} mode no tab asks before the Retry-After of a ${status} has passed`, async (t) => {
        const { site, tabs } = await people(t, mode, 3);
        const refused = { status, headers: { "retry-after": "10" } };
        const asked = [];
        site.override = ({ path }) => {
          if (!path.endsWith("/refresh")) return undefined;
          asked.push(performance.now());
          return asked.length === 1 ? refused : undefined;
        };
        await until(() => asked.length === 1, "a refresh");
        await pause(5_000);
        assert.equal((await tabs[0].ask()).answer, "unavailable");
        await until(() => asked.length === 2, "the next");
        assert.ok(asked[1] - asked[0] > 9_900, String(asked[1] - asked[0]));
        // By then each tab has it from the one that asked.
        await until(async () => (await tabs[2].ask()).answer === 200, "a good token");
        assert.deepEqual(await states(tabs), Array(3).fill("signed-in"));
      });
    }

    test(`in ${mode} mode a slow answer is waited for, by all tabs together`, async (t) => {
      const { site, tabs, user } = await people(t, mode, 3);
      await more(site, 1);
      site.delay = 1_500;
      await more(site, 2);
      const answers = await Promise.all(tabs.map((tab) => tab.ask()));
      assert.deepEqual(answers.map(({ answer }) => answer), [200, 200, 200]);
      const { generation } = await server.session(user.sid);
      assert.deepEqual([site.refreshesAtOnce, site.refreshes - generation <= 1], [1, true]);
      site.delay = 0;
    });

    test(`in ${mode} mode a redirect to another origin does not take the token along`, async (t) => {
      const other = await anotherOrigin(t);
      const { site, tabs } = await people(t, mode, 1);
      site.elsewhere = `${other.url}/api`;
      assert.equal((await tabs[0].ask("/elsewhere")).answer, 200);
      assert.equal((await tabs[0].ask(`${other.url}/api`)).answer, 200);
      const gets = other.seen.filter(({ method }) => method === "GET");
      assert.deepEqual(gets.map(({ authorization }) => authorization), [undefined, undefined]);
    });

    test(`in ${mode} mode an origin that was allowed gets the token`, async (t) => {
      const other = await anotherOrigin(t);
      const { person } = await people(t, mode, 1);
      const tab = await person.open(`&allow=${encodeURIComponent(other.url)}`);
      await tab.ask(`${other.url}/api`);
      const headers = other.seen.map(({ authorization }) => authorization).filter(Boolean);
      assert.match(String(headers), /^Bearer eyJ[\w-]+\.[\w-]+\.[\w-]+$/);
    });
  }

  test("a page load finds the session by its cookie", async (t) => {
    const { site, tabs, user } = await people(t, "cookie", 1);
    await tabs[0].page.reload();
    await tabs[0].page.waitForFunction(() => window.session?.state === "signed-in");
    assert.equal((await tabs[0].look()).user.sid, user.sid);
    assert.equal((await tabs[0].ask()).answer, 200);
    assert.ok(site.refreshes >= 1);
  });

  test("the cookie of a refresh is kept even if the last tab is closed before the answer", async (t) => {
    const { site, person, tabs, user } = await people(t, "cookie", 1);
    const spent = (await person.cookie()).value;
    site.delay = 1_000;
    await more(site, 1);
    await tabs[0].page.close();
    await until(async () => (await person.cookie()).value !== spent, "the next cookie");
    site.delay = 0;
    // Longer than the grace, in which the spent one would be answered too.
    await pause(11_000);
    const next = await person.open();
    const look = await next.look();
    assert.deepEqual([look.state, look.user.sid], ["signed-in", user.sid]);
  });

  test("with cookies, another user's sign-in ends the session of the other tabs, and a reload shows who it is", async (t) => {
    const { site, tabs } = await people(t, "cookie", 2);
    await tabs[1].signIn(OTHER, PASSWORD);
    await until(async () => (await states(tabs))[0] === "replaced", "the first tab knows");
    const users = async () => (await looks(tabs)).map(({ user }) => user?.username);
    assert.deepEqual(await users(), [undefined, OTHER]);
    await more(site, 2);
    assert.deepEqual(await users(), [undefined, OTHER]);
    await tabs[0].page.reload();
    await tabs[0].page.waitForFunction(() => window.session?.state === "signed-in");
    assert.deepEqual(await users(), [OTHER, OTHER]);
  });

  test("without cookies, two users in two tabs stay two", async (t) => {
    const { site, tabs } = await people(t, "body", 2);
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

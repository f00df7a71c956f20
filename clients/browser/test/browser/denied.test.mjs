// A real browser that denies site data, whose storage is full, or whose storage fails during a sign-out.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Person, launch } from "./support/chromium.mjs";
import { Countersign, USERNAME } from "./support/countersign.mjs";
import { pause, until } from "./support/pause.mjs";
import { Site } from "./support/site.mjs";

const MODES = ["cookie", "body"];
/** The tabs refresh every two to three seconds. */
const LIFETIME = "4s";
/** Longer than the server accepts a spent token. */
const GRACE = 11_000;

let browser;
let server;
const cleanups = [];

before(async () => {
  const suite = { after: (cleanup) => cleanups.unshift(cleanup) };
  server = await Countersign.start(suite, LIFETIME);
  browser = await launch(suite);
});

after(async () => {
  for (const cleanup of cleanups) await cleanup();
});

async function signedIn(t, mode, query) {
  const site = await Site.start(t, server);
  const person = await Person.create(t, browser, site, mode);
  const tab = await person.open(query);
  const user = await tab.signIn(USERNAME, server.password);
  return { site, person, tab, user };
}

const stateOf = async ({ sid }) => (await server.session(sid)).state;

/** Makes these methods of every storage of the page throw. */
const breakStorage = ({ page }, ...methods) =>
  page.evaluate((names) => {
    for (const name of names) {
      Storage.prototype[name] = () => {
        throw new DOMException("the test refuses it", "QuotaExceededError");
      };
    }
  }, methods);

/** Fills a storage of the page completely. */
const fill = ({ page }, storage) =>
  page.evaluate((name) => {
    let text = "";
    for (let length = 2 ** 23; length >= 1; length /= 2) {
      try {
        window[name].setItem("filler", text + "x".repeat(length));
        text += "x".repeat(length);
      } catch {
        // The next attempt is half as long.
      }
    }
    return text.length;
  }, storage);

const reload = async ({ page }) => {
  await page.reload();
  await page.waitForFunction(() => window.session && window.session.state !== "unknown");
};

describe("a browser that denies storage", { concurrency: 4 }, () => {
  for (const mode of MODES) {
    test(`in ${mode} mode a browser that blocks site data signs in and out, and the module warns once`, async (t) => {
      const site = await Site.start(t, server);
      const person = await Person.createWithoutSiteData(t, site, mode);
      const tab = await person.open(mode === "body" ? "&storage=sessionStorage" : "");
      const user = await tab.signIn(USERNAME, server.password);
      assert.equal((await tab.ask()).answer, 200);
      if (mode === "body") {
        await until(() => site.refreshes >= 2, "two refreshes");
        assert.equal((await tab.ask()).answer, 200);
      }
      await tab.signOut();
      assert.deepEqual([(await tab.look()).reason, await stateOf(user)], ["signed-out", "signed_out"]);
      assert.equal(tab.warnings.length, 1, String(tab.warnings));
      assert.match(tab.warnings[0], /SecurityError/);
    });

    test(`in ${mode} mode a sign-out reaches the server and the other tab although storage throws`, async (t) => {
      const query = mode === "body" ? "&storage=sessionStorage" : "";
      const { person, tab, user } = await signedIn(t, mode, query);
      const other = await person.open(query);
      assert.equal((await other.look()).state, "signed-in");
      await breakStorage(tab, "getItem", "setItem", "removeItem");
      await tab.signOut();
      await until(async () => (await other.look()).state === "signed-out", "the other tab is signed out");
      assert.deepEqual([(await tab.look()).reason, await stateOf(user)], ["signed-out", "signed_out"]);
      assert.equal(await person.cookie(), undefined);
      await reload(tab);
      assert.equal((await tab.look()).state, "signed-out");
    });
  }

  test("in a sandboxed frame, body mode works from memory", async (t) => {
    const site = await Site.start(t, server);
    site.allowsFrames = true;
    const person = await Person.create(t, browser, site, "body");
    const tab = await person.openFrame("&storage=localStorage");
    await tab.page.waitForFunction(() => window.session?.state === "signed-out");
    const user = await tab.signIn(USERNAME, server.password);
    await until(() => site.refreshes >= 2, "two refreshes");
    assert.equal((await tab.ask()).answer, 200);
    await tab.signOut();
    assert.deepEqual([(await tab.look()).reason, await stateOf(user)], ["signed-out", "signed_out"]);
    assert.deepEqual([tab.warnings.length, tab.errors], [1, []]);
  });

  test("in a sandboxed frame, cookie mode throws an error that names the cause", async (t) => {
    const site = await Site.start(t, server);
    site.allowsFrames = true;
    const person = await Person.create(t, browser, site, "cookie");
    const tab = await person.openFrame();
    await until(() => tab.errors.length > 0, "an error");
    assert.match(tab.errors[0], /sandboxed frame without `allow-same-origin`/);
    assert.equal(site.refreshes, 0);
  });

  test("in a worker the module can be imported, and createSession throws an error that names the cause", async (t) => {
    const { tab } = await signedIn(t, "cookie");
    const error = await tab.page.evaluate(async () => {
      const text = `import("${location.origin}/index.js").then(({ createSession }) => createSession({ baseUrl: "/", mode: "cookie" }))
        .catch(({ code, message }) => postMessage([code, message]));`;
      const worker = new Worker(URL.createObjectURL(new Blob([text], { type: "text/javascript" })), { type: "module" });
      return new Promise((resolve) => (worker.onmessage = ({ data }) => resolve(data)));
    });
    assert.equal(error[0], "unsupported");
    assert.match(error[1], /needs a page/);
  });

  for (const storage of ["localStorage", "sessionStorage"]) {
    test(`in body mode a full ${storage} does not end the session at the server, even after a reload`, async (t) => {
      const site = await Site.start(t, server);
      const person = await Person.create(t, browser, site, "body");
      const tab = await person.open(`&storage=${storage}`);
      assert.ok((await fill(tab, storage)) > 1_000_000);
      const user = await tab.signIn(USERNAME, server.password);
      const { refreshes } = site;
      await until(() => site.refreshes >= refreshes + 2, "two refreshes");
      assert.equal((await tab.ask()).answer, 200);
      assert.equal(tab.warnings.length, 1, String(tab.warnings));
      await reload(tab);
      assert.deepEqual([(await tab.look()).state, await stateOf(user)], ["signed-out", "live"]);
    });
  }

  test("in body mode a reload does not present a stale token if the new one could not be stored", async (t) => {
    const { site, tab, user } = await signedIn(t, "body", "&storage=sessionStorage");
    await breakStorage(tab, "setItem");
    await until(() => site.refreshes >= 1, "a refresh");
    await pause(GRACE);
    await reload(tab);
    await pause(500);
    assert.deepEqual([(await tab.look()).state, await stateOf(user)], ["signed-out", "live"]);
  });

  test("in body mode a stale token that stays after a sign-out is rejected once and not presented again", async (t) => {
    const { site, tab, user } = await signedIn(t, "body", "&storage=sessionStorage");
    await breakStorage(tab, "setItem", "removeItem");
    await tab.signOut();
    assert.equal(await stateOf(user), "signed_out");
    const { refreshes } = site;
    await reload(tab);
    const { state, reason } = await tab.look();
    assert.deepEqual([state, reason], ["signed-out", "ended"]);
    await pause(5_000);
    assert.equal(site.refreshes, refreshes + 1);
    await tab.signIn(USERNAME, server.password);
    assert.equal((await tab.ask()).answer, 200);
  });

  test("in cookie mode an offline sign-out with a full storage is completed when the network returns", async (t) => {
    const { person, tab, user } = await signedIn(t, "cookie");
    await fill(tab, "localStorage");
    await person.context.setOffline(true);
    await assert.rejects(tab.signOut());
    assert.equal((await tab.look()).reason, "signed-out");
    await person.context.setOffline(false);
    await until(async () => (await stateOf(user)) === "signed_out", "the session is revoked");
    assert.equal(await person.cookie(), undefined);
    assert.equal(tab.warnings.length, 1);
  });
});

// Five tabs of a real browser refresh fifty times, while a fifth of the responses get lost, the server restarts and its
// keys rotate. Then an attacker presents a stolen refresh token. Both modes run at the same time, each with a separate
// server. With `TABS_REFRESHES=200` the test takes almost three minutes.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Person, launch, looks } from "./support/chromium.mjs";
import { Countersign, USERNAME } from "./support/countersign.mjs";
import { pause, until } from "./support/pause.mjs";
import { Site } from "./support/site.mjs";

const TABS = 5;
const REFRESHES = Number(process.env.TABS_REFRESHES ?? 50);
const GRACE = 10_000;

const total = (counts) => Object.values(counts).reduce((sum, count) => sum + count, 0);

async function setUp(t, mode) {
  const server = await Countersign.start(t, "2s");
  const site = await Site.start(t, server);
  const person = await Person.create(t, await launch(t), site, mode);
  const tabs = await person.openMany(TABS);
  const user = await tabs[0].signIn(USERNAME, server.password);
  await until(async () => (await looks(tabs)).every(({ state }) => state === "signed-in"), "all tabs are signed in");
  return { server, site, person, tabs, id: user.sid };
}

async function reach(server, count) {
  const seconds = 120 + count;
  await until(async () => ((await server.refreshes()).rotated ?? 0) >= count, `${count} refreshes`, seconds * 1000);
}

/** Steals a refresh token: from the browser's cookies, or from the messages between tabs. */
async function steal(person, tab, mode) {
  if (mode === "cookie") return (await person.cookie()).value;
  return tab.page.evaluate(async () => {
    const channel = new BroadcastChannel(`countersign:body:${location.origin}`);
    const token = new Promise((resolve) => (channel.onmessage = ({ data }) => data.refresh && resolve(data.refresh)));
    channel.postMessage({ type: "ask" });
    return token.finally(() => channel.close());
  });
}

async function present({ port }, token) {
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ refresh_token: token });
  const answer = await fetch(`http://localhost:${port}/v1/sessions/refresh`, { method: "POST", headers, body });
  return { status: answer.status, code: (await answer.json()).code };
}

describe("five tabs", { concurrency: true }, () => {
  for (const mode of ["cookie", "body"]) {
    test(`in ${mode} mode failures sign out no tab, and a stolen token signs out all tabs`, async (t) => {
      const { server, site, person, tabs, id } = await setUp(t, mode);
      site.lossRate = 0.2;
      for (const tab of tabs) await tab.work();
      const stolen = await steal(person, tabs[0], mode);
      const stolenAt = Date.now();

      await reach(server, REFRESHES / 3);
      await site.cut();
      await server.restart();
      site.isCut = false;
      await reach(server, (2 * REFRESHES) / 3);
      await server.rotateKeys();
      await reach(server, REFRESHES);

      // Stop all requests, so that the counts do not change.
      await site.cut();
      const counts = await server.refreshes();
      const { generation, state } = await server.session(id);
      assert.deepEqual([counts.rotated, state], [generation, "live"]);
      assert.deepEqual(Object.keys(counts).sort(), ["replayed", "rotated"]);
      assert.ok(generation >= REFRESHES);
      assert.equal(site.refreshesAtOnce, 1);
      assert.ok(counts.replayed - site.lost <= REFRESHES / 40, "a refresh whose response arrived is not repeated");
      assert.ok(site.lost > 0.1 * total(counts) && site.lost < 0.3 * total(counts), `${site.lost} of ${total(counts)}`);
      assert.ok(site.kids.size >= 2, "access tokens of both keys were used");
      for (const look of await looks(tabs)) {
        assert.deepEqual([look.state, look.changes], ["signed-in", ["signed-out", "signed-in"]]);
        const failed = look.answers.filter((answer) => answer !== 200);
        t.diagnostic(`${mode}: ${look.answers.length} answers, ${JSON.stringify(failed)}`);
        assert.ok(failed.every((answer) => answer === "TypeError" || answer === "unavailable"), String(failed));
        assert.ok(failed.length < 20, "requests fail only while the connection is cut");
      }
      t.diagnostic(`${mode}: ${JSON.stringify(counts)}, ${site.lost} lost, ${site.refreshes} requested`);
      site.isCut = false;
      site.lossRate = 0;
      await until(async () => (await tabs[0].ask()).answer === 200, "the connection works again");

      // The attacker presents the stolen token.
      assert.ok(Date.now() - stolenAt > GRACE);
      assert.deepEqual(await present(server, stolen), { status: 401, code: "invalid_refresh_token" });
      assert.equal((await server.session(id)).state, "reuse");
      await until(async () => (await looks(tabs)).every(({ state }) => state === "signed-out"), "all tabs are signed out");
      // A request that a tab sent before it was signed out can still be on its way.
      await pause(1_000);
      const after = site.requests.length;
      await pause(5_000);
      assert.equal(site.requests.length, after, "no request is sent after the session has ended");
      const ends = (await looks(tabs)).map(({ changes }) => changes.at(-1));
      assert.deepEqual(ends, Array(TABS).fill("signed-out: ended"));
      const { ended = 0, reuse = 0 } = await server.refreshes();
      t.diagnostic(`${mode}: ${ended} rejected after ${reuse} reuse by the attacker`);
      assert.deepEqual([reuse, ended], [1, 1], "one tab sent a refresh and informed the others");
      assert.equal(await person.cookie(), undefined);
    });
  }
});

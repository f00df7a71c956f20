// Each experiment to its end, against what the server has answered, stored and told. They disturb no other, so they run
// side by side; those that restart the server or rotate its keys are in disturbing.test.mjs.
import assert from "node:assert/strict";
import { createHmac, createPublicKey, verify } from "node:crypto";
import { describe, test } from "node:test";
import { outcomeOf, runAll, runOne, unfold } from "../support/acts.mjs";
import { Stage } from "../support/stage.mjs";
import { eventsOf } from "../support/traffic.mjs";

const REFRESH = ["POST", "/v1/sessions/refresh"];
const API = ["GET", "/protectedRoute"];
/** Seconds, as the server has them for the lab. */
const GRACE = 10;
const SOON = 2_000;

const stage = new Stage();

// Those that wait begin first, beside them the others.
describe("an experiment at its end", { concurrency: 7 }, () => {
  ends("a sign-out reaches three APIs in their own time", { id: "signed-out", answer: "apart" }, signedOut);
  ends("a sign-out reaches them so at any pace of reading", { id: "signed-out", answer: "apart", steps: 2, reading: 3_000 }, signedOut);
  ends("a thief who comes second ends the session", { id: "thief-second", answer: "ended" }, thiefSecond);
  ends("a thief who comes first is found out", { id: "thief-first", answer: "nobody" }, thiefFirst);
  ends("two designs meet one theft", { id: "two-designs", answer: "one" }, twoDesigns);

  test("after the grace a second try ends the session, and the page does not promise otherwise", async (t) => {
    const { experiment, page, traffic } = await begin(t, "lost-answer");
    await runOne(experiment, 1);
    await runOne(experiment, 2);
    const next = experiment.locator("[data-step='3']");
    await next.getByText(/^The grace still runs: \d+ s$/).waitFor();
    await page.waitForTimeout((GRACE + 1) * 1_000);
    await next.getByText("The grace is over", { exact: true }).waitFor();
    const outcome = await runAll(experiment);

    const { row, told } = await sessionIn(traffic);
    assert.deepEqual(statuses(await traffic.to(...REFRESH)), [200, 401, 401]);
    assert.equal(row.state, "reuse");
    assert.deepEqual(await told(3), ["opened", "rotated 0 → 1", "reused 0 → 1"]);
    assert.equal(outcome, "as-designed");
    assert.deepEqual(await happened(experiment), ["ended"]);
  });

  test("a cancelled experiment asks nothing more and has no outcome", async (t) => {
    const { experiment, page, traffic } = await begin(t, "thief-second");
    await experiment.locator("[data-action=all]").click();
    await experiment.locator("progress").waitFor();
    await experiment.locator("[data-action=cancel]").click();
    await page.waitForTimeout((GRACE + 2) * 1_000);

    assert.equal((await traffic.to(...REFRESH)).length, 1);
    assert.equal(await experiment.getAttribute("data-state"), "waiting");
    assert.equal(await experiment.getAttribute("data-outcome"), null);
    assert.equal((await sessionIn(traffic)).row.state, "live");
  });

  ends("five tabs that refresh at once get one refresh token", { id: "two-tabs", answer: "same" }, fiveTabs);
  ends("a lost answer is given again", { id: "lost-answer", answer: "same" }, lostAnswer);
  ends("a lost answer is given again, step by step", { id: "lost-answer", answer: "same", steps: 4 }, lostAnswer);
  ends("an edited access token is refused", { id: "edited-token", answer: "refused" }, edited);
  ends("an edited access token is refused, step by step", { id: "edited-token", answer: "refused", steps: 3 }, edited);
  ends("a token without a signature is refused", { id: "alg-none", answer: "refused" }, unsigned);
  ends("a token signed with the public key is refused", { id: "public-key-as-secret", answer: "refused" }, confused);
  ends("a token of another key is refused", { id: "other-issuer", answer: "refused" }, otherKey);

  test("a server that breaks its promise is shown as different", async (t) => {
    const { experiment, page } = await begin(t, "two-tabs");
    let refreshes = 0;
    await page.route("**/v1/sessions/refresh", (route) =>
      (refreshes += 1) === 1 ? route.continue() : route.fulfill({ status: 401, json: { code: "invalid_refresh_token" } }),
    );

    assert.equal(await runAll(experiment), "different");
  });

  test("a server in trouble proves nothing", async (t) => {
    const { experiment, page } = await begin(t, "thief-second");
    await page.route("**/v1/sessions/refresh", (route) => route.fulfill({ status: 503, json: {} }));

    assert.equal(await runAll(experiment), "failed");
    assert.match(await experiment.locator(".experiment-outcome").innerText(), /503/);
    assert.deepEqual(await happened(experiment), []);
  });

  test("a picked answer is compared with what happened", async (t) => {
    const { experiment } = await begin(t, "two-tabs");
    await experiment.locator("[data-guess=ended] input").check();
    await runAll(experiment);

    assert.match(await experiment.locator(".experiment-outcome").innerText(), /You expected something else/);
  });
});

/**
 * Runs an experiment, at once or in so many `steps`, with `reading` milliseconds before each, and `check`s what the server
 * did; the page must mark `answer`.
 */
function ends(name, { id, answer, steps = 0, reading = 0 }, check) {
  test(name, async (t) => {
    const { page, experiment, troubles, breaches, heard, traffic } = await begin(t, id);
    for (let step = 1; step <= steps; step++) {
      await page.waitForTimeout(reading);
      await runOne(experiment, step);
    }
    const outcome = await (steps ? outcomeOf(experiment) : runAll(experiment));

    await check({ traffic, experiment, ...(await sessionIn(traffic)) });
    assert.equal(outcome, "as-designed");
    assert.deepEqual(await happened(experiment), [answer]);
    assert.match((await heard()).at(-1), /: as designed\. /);
    assert.deepEqual([troubles, await breaches()], [[], []]);
  });
}

async function begin(t, id) {
  const { page, ...lab } = await stage.open(t);
  return { page, ...lab, experiment: await unfold(page, id) };
}

/** The one session that an experiment has opened: its first refresh token, and what the server has and tells of it. */
async function sessionIn(traffic) {
  const [{ json }, ...others] = await traffic.to("POST", "/v1/lab/sessions");
  assert.deepEqual(others, []);
  const { session_id: id, refresh_token: refreshToken } = json;
  return { refreshToken, row: await stage.server.session(id), told: (count) => eventsOf(stage.server, id, count) };
}

const happened = (experiment) => experiment.locator(".happened").evaluateAll((labels) => labels.map(({ dataset }) => dataset.guess));
const statuses = (calls) => calls.map(({ status }) => status);
const presented = (calls) => calls.map(({ sent }) => sent.refresh_token);
const given = (calls) => calls.map(({ json }) => json.refresh_token);

async function fiveTabs({ traffic, refreshToken, row, told }) {
  const calls = await traffic.to(...REFRESH);
  const [successor] = given(calls);
  assert.deepEqual(statuses(calls), Array(6).fill(200));
  assert.deepEqual(presented(calls), [...Array(5).fill(refreshToken), successor]);
  assert.deepEqual(given(calls.slice(0, 5)), Array(5).fill(successor));
  assert.notEqual(calls[5].json.refresh_token, successor);
  assert.deepEqual([row.state, row.generation], ["live", 2]);
  const events = await told(7);
  // What was under way at one moment is told in any order.
  const [opened, ...atOnce] = events.slice(0, 6);
  assert.deepEqual([opened, events[6]], ["opened", "rotated 1 → 2"]);
  assert.deepEqual(atOnce.sort(), [...Array(4).fill("replayed 0 → 1"), "rotated 0 → 1"]);
}

async function lostAnswer({ traffic, refreshToken, row, told }) {
  const calls = await traffic.to(...REFRESH);
  const [successor] = given(calls);
  assert.deepEqual(statuses(calls), [200, 200, 200]);
  assert.deepEqual(presented(calls), [refreshToken, refreshToken, successor]);
  assert.equal(calls[1].json.refresh_token, successor);
  assert.deepEqual([row.state, row.generation], ["live", 2]);
  assert.deepEqual(await told(4), ["opened", "rotated 0 → 1", "replayed 0 → 1", "rotated 1 → 2"]);
}

async function thiefSecond({ traffic, refreshToken, row, told }) {
  const calls = await traffic.to(...REFRESH);
  const [successor] = given(calls.slice(0, 1));
  assert.deepEqual(statuses(calls), [200, 401, 401]);
  assert.deepEqual(presented(calls), [refreshToken, refreshToken, successor]);
  assert.deepEqual([row.state, row.generation], ["reuse", 1]);
  assert.deepEqual(await told(3), ["opened", "rotated 0 → 1", "reused 0 → 1"]);
}

async function thiefFirst({ traffic, refreshToken, row, told }) {
  const calls = await traffic.to(...REFRESH);
  const [shared, , newest] = given(calls.slice(0, 3));
  assert.deepEqual(statuses(calls), [200, 200, 200, 401, 401]);
  assert.deepEqual(presented(calls), [refreshToken, refreshToken, shared, shared, newest]);
  assert.equal(calls[1].json.refresh_token, shared);
  assert.deepEqual([row.state, row.generation], ["reuse", 2]);
  assert.deepEqual(await told(5), ["opened", "rotated 0 → 1", "replayed 0 → 1", "rotated 1 → 2", "reused 1 → 2"]);
}

/** The real token was let in, and each forgery was refused; answers the forgeries, decoded. */
async function forgeries(traffic, count) {
  const calls = await traffic.to(...API);
  assert.deepEqual(statuses(calls), [200, ...Array(count).fill(403)]);
  const [real, ...forged] = calls.map(({ token }) => decode(token));
  assert.equal(new Set(forged.map(({ token }) => token)).size, count);
  return { real, forged };
}

async function edited({ traffic }) {
  const { real, forged } = await forgeries(traffic, 3);
  assert.deepEqual(forged.map(({ header }) => header), Array(3).fill(real.header));
  const [{ claims: dream }, { claims: later }, { claims }] = forged;
  assert.equal(dream.username, "admin");
  assert.deepEqual(later, { ...real.claims, exp: real.claims.exp + 1 });
  assert.deepEqual(claims, real.claims);
}

async function unsigned({ traffic }) {
  const { forged } = await forgeries(traffic, 5);
  assert.deepEqual(forged.map(({ header }) => header.alg), ["none", "None", "NONE", "nOnE", "ES256"]);
  assert.deepEqual(forged.map(({ signature }) => signature), Array(5).fill(""));
}

/** They are what they claim to be: signatures that a careless verifier would take. */
async function confused({ traffic }) {
  const { real, forged } = await forgeries(traffic, 4);
  const { keys } = await (await fetch(`${stage.server.url}/.well-known/jwks.json`)).json();
  const jwk = keys.find(({ kid }) => kid === real.header.kid);
  const key = createPublicKey({ key: jwk, format: "jwk" });
  const pem = key.export({ type: "spki", format: "pem" });
  const secrets = [pem, pem.trim(), key.export({ type: "spki", format: "der" }), JSON.stringify(jwk)];
  assert.deepEqual(
    forged.map(({ signature }) => signature),
    forged.map(({ signed }, index) => createHmac("sha256", secrets[index]).update(signed).digest("base64url")),
  );
  assert.deepEqual(forged.map(({ header }) => header), Array(4).fill({ ...real.header, alg: "HS256" }));
}

async function otherKey({ traffic }) {
  const { real, forged } = await forgeries(traffic, 4);
  const { kid, typ } = real.header;
  const { jwk } = forged[2].header;
  const header = { alg: "ES256", typ };
  assert.deepEqual(forged.map((token) => token.header), [{ ...header, kid: "my-key" }, { ...header, kid }, { ...header, kid, jwk }, header]);
  const key = { key: createPublicKey({ key: jwk, format: "jwk" }), dsaEncoding: "ieee-p1363" };
  const isSigned = ({ signed, signature }) => verify("sha256", Buffer.from(signed), key, Buffer.from(signature, "base64url"));
  assert.deepEqual(forged.map(isSigned), [true, true, true, true]);
  assert.equal(isSigned(real), false);
}

async function signedOut({ traffic, experiment, row, told }) {
  const asked = (await traffic.to("POST", "/oauth2/introspect")).map(({ status, json }) => (status === 200 ? json.active : status));
  assert.deepEqual([asked[0], asked.at(-1)], [true, false]);
  assert.deepEqual(statuses(await traffic.to("POST", "/logout")), [204]);
  assert.equal(row.state, "signed_out");
  assert.deepEqual(await told(3), ["opened", "rotated 0 → 1", "revoked: signed_out"]);
  const rows = experiment.locator("[data-refused-after]");
  const after = await rows.evaluateAll((items) => items.map(({ dataset }) => Number(dataset.refusedAfter)));
  const [alone, following, asking] = after;
  assert.ok(asking < SOON && following < SOON, `the two that are told refused after ${asking} and ${following} ms`);
  // The token was made for 30 s, just before the sign-out, with times in whole seconds.
  assert.ok(alone > 25_000 && alone < 32_000, `the one that verifies alone refused after ${alone} ms`);
}

async function twoDesigns({ traffic, refreshToken, experiment, row, told }) {
  const calls = await traffic.to(...REFRESH);
  const [successor] = given(calls.slice(0, 1));
  assert.deepEqual(statuses(calls), [200, 401, 401, 401]);
  assert.deepEqual(presented(calls), [refreshToken, refreshToken, successor, refreshToken]);
  assert.deepEqual([row.state, row.generation], ["reuse", 1]);
  assert.deepEqual(await told(3), ["opened", "rotated 0 → 1", "reused 0 → 1"]);
  assert.match(await experiment.locator("[data-side=page]").first().innerText(), /re-enacted in this page/);
}

function decode(token) {
  const [header, claims, signature] = token.split(".");
  const read = (part) => JSON.parse(Buffer.from(part, "base64url"));
  return { token, header: read(header), claims: read(claims), signature, signed: `${header}.${claims}` };
}

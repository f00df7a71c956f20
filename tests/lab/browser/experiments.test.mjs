// Runs each experiment, and compares the result with the server's responses, database and events. These experiments do not
// affect each other, so they run in parallel. Those that restart the server or rotate its keys are in disturbing.test.mjs.
import assert from "node:assert/strict";
import { createHmac, createPublicKey, verify } from "node:crypto";
import { describe, test } from "node:test";
import { outcomeOf, runAll, runOne, unfold } from "../support/acts.mjs";
import { Stage } from "../support/stage.mjs";
import { eventsOf } from "../support/traffic.mjs";

const REFRESH = ["POST", "/v1/sessions/refresh"];
const API = ["GET", "/protectedRoute"];
/** Seconds: the grace period that the server sets for the lab. */
const GRACE = 10;
const SOON = 2_000;

const stage = new Stage();

// The tests that wait start first, and the others run during their waits.
describe("a finished experiment", { concurrency: 7 }, () => {
  ends("three APIs notice a sign-out at different times", { id: "signed-out", answer: "apart" }, signedOut);
  ends("three APIs notice a sign-out at different times, with pauses before the steps", { id: "signed-out", answer: "apart", steps: 2, reading: 3_000 }, signedOut);
  ends("a thief who refreshes second is detected, and the session is revoked", { id: "thief-second", answer: "ended" }, thiefSecond);
  ends("a thief who refreshes first is detected", { id: "thief-first", answer: "neither" }, thiefFirst);
  ends("the same theft is run in two designs", { id: "two-designs", answer: "one" }, twoDesigns);

  test("a retry after the grace period revokes the session, and the page expects that", async (t) => {
    const { experiment, page, traffic } = await begin(t, "lost-answer");
    await runOne(experiment, 1);
    await runOne(experiment, 2);
    const next = experiment.locator("[data-step='3']");
    await next.getByText(/^Grace period: \d+ s$/).waitFor();
    await page.waitForTimeout((GRACE + 1) * 1_000);
    await next.getByText("The grace period is over", { exact: true }).waitFor();
    const outcome = await runAll(experiment);

    const { row, told } = await sessionIn(traffic);
    assert.deepEqual(statuses(await traffic.to(...REFRESH)), [200, 401, 401]);
    assert.equal(row.state, "reuse");
    assert.deepEqual(await told(3), ["opened", "rotated 0 → 1", "reused 0 → 1"]);
    assert.equal(outcome, "as-designed");
    assert.deepEqual(await happened(experiment), ["ended"]);
  });

  test("a cancelled experiment makes no more calls and has no outcome", async (t) => {
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
  ends("a lost response is returned again", { id: "lost-answer", answer: "same" }, lostAnswer);
  ends("a lost response is returned again, step by step", { id: "lost-answer", answer: "same", steps: 4 }, lostAnswer);
  ends("an edited access token is rejected", { id: "edited-token", answer: "refused" }, edited);
  ends("an edited access token is rejected, step by step", { id: "edited-token", answer: "refused", steps: 3 }, edited);
  ends("a token without a signature is rejected", { id: "alg-none", answer: "refused" }, unsigned);
  ends("a token signed with the public key as HS256 secret is rejected", { id: "public-key-as-secret", answer: "refused" }, confused);
  ends("a token signed with another key is rejected", { id: "other-issuer", answer: "refused" }, otherKey);

  test("a server that behaves differently is shown as not as designed", async (t) => {
    const { experiment, page } = await begin(t, "two-tabs");
    let refreshes = 0;
    await page.route("**/v1/sessions/refresh", (route) =>
      (refreshes += 1) === 1 ? route.continue() : route.fulfill({ status: 401, json: { code: "invalid_refresh_token" } }),
    );

    assert.equal(await runAll(experiment), "different");
  });

  test("an unexpected error response stops the experiment without a result", async (t) => {
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

    assert.match(await experiment.locator(".experiment-outcome").innerText(), /You expected another answer/);
  });
});

/**
 * Runs an experiment, all at once or in `steps` single steps with a pause of `reading` milliseconds before each. Then `check`
 * compares the server's state, and the page must mark `answer`.
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

/** The one session that an experiment has opened: its first refresh token, its row in the database, and its events. */
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
  // Events of simultaneous requests arrive in any order.
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

/** Checks that the real token was accepted and each forgery rejected. Returns the decoded tokens. */
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
  const [{ claims: admin }, { claims: later }, { claims }] = forged;
  assert.equal(admin.username, "admin");
  assert.deepEqual(later, { ...real.claims, exp: real.claims.exp + 1 });
  assert.deepEqual(claims, real.claims);
}

async function unsigned({ traffic }) {
  const { forged } = await forgeries(traffic, 5);
  assert.deepEqual(forged.map(({ header }) => header.alg), ["none", "None", "NONE", "nOnE", "ES256"]);
  assert.deepEqual(forged.map(({ signature }) => signature), Array(5).fill(""));
}

/** Checks that the forgeries have valid HS256 signatures, which a careless verifier would accept. */
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
  assert.ok(asking < SOON && following < SOON, `the APIs that ask and follow rejected the token after ${asking} and ${following} ms`);
  // The token was issued just before the sign-out and lives for 30 s, with times in whole seconds.
  assert.ok(alone > 25_000 && alone < 32_000, `the API that verifies locally rejected the token after ${alone} ms`);
}

async function twoDesigns({ traffic, refreshToken, experiment, row, told }) {
  const calls = await traffic.to(...REFRESH);
  const [successor] = given(calls.slice(0, 1));
  assert.deepEqual(statuses(calls), [200, 401, 401, 401]);
  assert.deepEqual(presented(calls), [refreshToken, refreshToken, successor, refreshToken]);
  assert.deepEqual([row.state, row.generation], ["reuse", 1]);
  assert.deepEqual(await told(3), ["opened", "rotated 0 → 1", "reused 0 → 1"]);
  assert.match(await experiment.locator("[data-side=page]").first().innerText(), /simulated in this page/);
}

function decode(token) {
  const [header, claims, signature] = token.split(".");
  const read = (part) => JSON.parse(Buffer.from(part, "base64url"));
  return { token, header: read(header), claims: read(claims), signature, signed: `${header}.${claims}` };
}

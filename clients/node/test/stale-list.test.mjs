// What happens while the list of revocations is out of date. The time of day is the test's own.
import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeIssuer, seconds, sessionId } from "./support/fake-issuer.mjs";
import { bearerHeader, createTestGuard, fastRuntime, sendRequest, serveBehindGuard, sleep, waitUntil } from "./support/api.mjs";

/** An issuer that has said all it will say, and a guard whose clock can be put forward. */
async function stale(t, { limits, ...options } = {}) {
  const issuer = await FakeIssuer.start();
  t.after(() => issuer.stop().catch(() => {}));
  const clock = { ahead: 0 };
  const runtime = { ...fastRuntime(limits), now: () => seconds() + clock.ahead };
  const guard = createTestGuard(t, issuer, { runtime, ...options });
  const revoked = sessionId();
  await issuer.revoke({ sid: revoked });
  await waitUntil(() => guard.status().revocations.entries === 1);
  await issuer.stop();
  await waitUntil(() => guard.status().revocations.error !== undefined);
  const claims = { iat: seconds() - 1_000, exp: seconds() + 100_000 };
  const tokens = {
    good: await issuer.token({ claims }),
    revoked: await issuer.token({ claims: { ...claims, sid: revoked } }),
  };
  return { issuer, guard, clock, tokens };
}

/** What becomes of a token. Clocks are put so far ahead that a second more or less does not matter. */
const codeOf = (guard, token) =>
  guard.verify(token).then(
    () => "served",
    ({ code }) => code,
  );

// C10
test("by default a list is good for a minute, and then nobody is let in", async (t) => {
  const { guard, clock, tokens } = await stale(t);
  clock.ahead = 50;
  assert.equal(await codeOf(guard, tokens.good), "served");
  clock.ahead = 61;
  const { status, headers } = await sendRequest(await serveBehindGuard(t, guard), bearerHeader(tokens.good));
  assert.deepEqual([status, headers["retry-after"]], [503, "5"]);
  assert.deepEqual(guard.refused, ["revocations_stale"]);
});

// C10
test("a guard can serve longer", async (t) => {
  const { guard, clock, tokens } = await stale(t, { revocations: { stale: { policy: "serve", for: 900 } } });
  clock.ahead = 890;
  assert.equal(await codeOf(guard, tokens.good), "served");
  clock.ahead = 901;
  assert.equal(await codeOf(guard, tokens.good), "revocations_stale");
});

// C10
test("a guard can refuse as soon as heartbeats are missing", async (t) => {
  const { guard, clock, tokens } = await stale(t, { revocations: { stale: { policy: "refuse" } } });
  clock.ahead = 8;
  assert.equal(await codeOf(guard, tokens.good), "served");
  clock.ahead = 16;
  assert.equal(await codeOf(guard, tokens.good), "revocations_stale");
});

test("what is known to be revoked stays so, however old the list is", async (t) => {
  const { guard, clock, tokens } = await stale(t);
  for (const ahead of [0, 50, 61]) {
    clock.ahead = ahead;
    assert.equal(await codeOf(guard, tokens.revoked), "revoked", String(ahead));
  }
});

test("the cause of a refusal says why the list is old", async (t) => {
  const { guard, clock, tokens } = await stale(t);
  clock.ahead = 61;
  const { cause } = await guard.verify(tokens.good).catch((error) => error);
  assert.match(cause.message, /ECONNREFUSED|ended|aborted|socket hang up/);
});

test("everybody is let in again when the server is back", async (t) => {
  const { issuer, guard, clock, tokens } = await stale(t);
  clock.ahead = 61;
  assert.equal(await codeOf(guard, tokens.good), "revocations_stale");
  clock.ahead = 0;
  await issuer.listen();
  await waitUntil(() => guard.status().revocations.error === undefined);
  assert.equal(await codeOf(guard, tokens.good), "served");
});

// C10
test("nobody is let in before the list was ever known, whatever the policy", async (t) => {
  const issuer = await FakeIssuer.start({ isSilent: true });
  t.after(() => issuer.stop());
  const guard = createTestGuard(t, issuer, { revocations: { stale: { policy: "serve", for: 3_600 } } });
  assert.equal(await codeOf(guard, await issuer.token()), "revocations_stale");
});

test("who ignores revocations does not ask for them", async (t) => {
  const issuer = await FakeIssuer.start();
  t.after(() => issuer.stop());
  const guard = createTestGuard(t, issuer, { dangerouslyIgnoreRevocations: true });
  const sid = sessionId();
  await issuer.revoke({ sid });
  assert.equal(await codeOf(guard, await issuer.token({ claims: { sid } })), "served");
  await sleep(100);
  assert.deepEqual([issuer.streamRequests.length, guard.status().revocations], [0, null]);
});

test("a list that does not fit into memory is out of date until it does", async (t) => {
  const issuer = await FakeIssuer.start();
  t.after(() => issuer.stop());
  const sessions = Array.from({ length: 4 }, () => sessionId());
  for (const sid of sessions) await issuer.revoke({ sid });
  const guard = createTestGuard(t, issuer, { runtime: fastRuntime({ revokedSessions: 3 }) });
  await waitUntil(() => /^the list of revocations does not fit into memory/.test(guard.status().revocations.error));
  assert.equal(await codeOf(guard, await issuer.token()), "revocations_stale");
  assert.equal(await codeOf(guard, await issuer.token({ claims: { sid: sessions[0] } })), "revoked");
  assert.equal(guard.status().revocations.entries, 3);
  issuer.list = issuer.list.slice(0, 3);
  await guard.ready();
  assert.equal(await codeOf(guard, await issuer.token()), "served");
});

test("entries are forgotten when the issuer's time says that they are over, and not by a wrong clock here", async (t) => {
  const issuer = await FakeIssuer.start();
  t.after(() => issuer.stop());
  const clock = { ahead: 0 };
  const runtime = { ...fastRuntime({ sweepInterval: 0 }), now: () => seconds() + clock.ahead };
  const guard = createTestGuard(t, issuer, { runtime });
  await issuer.revoke({ sid: sessionId(), exp: seconds() + 20 });
  await issuer.revoke({ sid: sessionId(), exp: seconds() + 900 });
  await waitUntil(() => guard.status().revocations.entries === 2);
  clock.ahead = 30;
  issuer.pageClaims = { exp: seconds() + 100 };
  await sleep(200);
  assert.equal(guard.status().revocations.entries, 2);
  issuer.pageClaims = { iat: seconds() + 30, exp: seconds() + 100 };
  await waitUntil(() => guard.status().revocations.entries === 1);
});

test("an entry is kept for as long as clocks may differ after it is over", async (t) => {
  const exp = seconds() + 20;
  const pageClaims = { iat: seconds() - 1, exp: seconds() + 100 };
  const issuer = await FakeIssuer.start({ pageClaims });
  t.after(() => issuer.stop());
  const runtime = { ...fastRuntime({ sweepInterval: 0 }), now: () => exp + 6 };
  const guard = createTestGuard(t, issuer, { runtime });
  await issuer.revoke({ sid: sessionId(), exp });
  await waitUntil(() => guard.status().revocations.entries === 1);
  issuer.pageClaims = { iat: exp + 4, exp: exp + 100 };
  await waitUntil(() => guard.status().revocations.behind === 2);
  assert.equal(guard.status().revocations.entries, 1);
  issuer.pageClaims = { iat: exp + 5, exp: exp + 100 };
  await waitUntil(() => guard.status().revocations.entries === 0);
});

test("a clock that was set back does not make an old list new", async (t) => {
  const { guard, clock, tokens } = await stale(t);
  clock.ahead = -3;
  assert.equal(await codeOf(guard, tokens.good), "served");
  clock.ahead = -60;
  assert.equal(await codeOf(guard, tokens.good), "revocations_stale");
});

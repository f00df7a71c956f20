// What a guard does while the revocation list is out of date. The tests set the guard's clock.
import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeIssuer, seconds, sessionId } from "./support/fake-issuer.mjs";
import { bearerHeader, createTestGuard, fastRuntime, sendRequest, serveBehindGuard, sleep, waitUntil } from "./support/api.mjs";

/** A guard that has the list of an issuer that is now unreachable. `clock.ahead` shifts the guard's clock by seconds. */
async function startWithStaleList(t, { limits, ...options } = {}) {
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
    valid: await issuer.token({ claims }),
    revoked: await issuer.token({ claims: { ...claims, sid: revoked } }),
  };
  return { issuer, guard, clock, tokens };
}

/** "served" or the code of the refusal. Tests shift the clock so far that a second more or less does not matter. */
const codeOf = (guard, token) =>
  guard.verify(token).then(
    () => "served",
    ({ code }) => code,
  );

// C10
test("by default, the guard uses a list for a minute and then responds with 503", async (t) => {
  const { guard, clock, tokens } = await startWithStaleList(t);
  clock.ahead = 50;
  assert.equal(await codeOf(guard, tokens.valid), "served");
  clock.ahead = 61;
  const { status, headers } = await sendRequest(await serveBehindGuard(t, guard), bearerHeader(tokens.valid));
  assert.deepEqual([status, headers["retry-after"]], [503, "5"]);
  assert.deepEqual(guard.refused, ["revocations_stale"]);
});

// C10
test("a guard can be configured to use a list for longer", async (t) => {
  const { guard, clock, tokens } = await startWithStaleList(t, { revocations: { stale: { policy: "serve", for: 900 } } });
  clock.ahead = 890;
  assert.equal(await codeOf(guard, tokens.valid), "served");
  clock.ahead = 901;
  assert.equal(await codeOf(guard, tokens.valid), "revocations_stale");
});

// C10
test("a guard can be configured to reject requests as soon as heartbeats are missing", async (t) => {
  const { guard, clock, tokens } = await startWithStaleList(t, { revocations: { stale: { policy: "refuse" } } });
  clock.ahead = 8;
  assert.equal(await codeOf(guard, tokens.valid), "served");
  clock.ahead = 16;
  assert.equal(await codeOf(guard, tokens.valid), "revocations_stale");
});

test("known revoked sessions stay revoked, whatever the age of the list", async (t) => {
  const { guard, clock, tokens } = await startWithStaleList(t);
  for (const ahead of [0, 50, 61]) {
    clock.ahead = ahead;
    assert.equal(await codeOf(guard, tokens.revoked), "revoked", String(ahead));
  }
});

test("the cause of a refusal says why the list is out of date", async (t) => {
  const { guard, clock, tokens } = await startWithStaleList(t);
  clock.ahead = 61;
  const { cause } = await guard.verify(tokens.valid).catch((error) => error);
  assert.match(cause.message, /ECONNREFUSED|ended|aborted|socket hang up/);
});

test("accepts tokens again when the server is reachable again", async (t) => {
  const { issuer, guard, clock, tokens } = await startWithStaleList(t);
  clock.ahead = 61;
  assert.equal(await codeOf(guard, tokens.valid), "revocations_stale");
  clock.ahead = 0;
  await issuer.listen();
  await waitUntil(() => guard.status().revocations.error === undefined);
  assert.equal(await codeOf(guard, tokens.valid), "served");
});

// C10
test("rejects all tokens before the list is complete for the first time, whatever the policy", async (t) => {
  const issuer = await FakeIssuer.start({ isSilent: true });
  t.after(() => issuer.stop());
  const guard = createTestGuard(t, issuer, { revocations: { stale: { policy: "serve", for: 3_600 } } });
  assert.equal(await codeOf(guard, await issuer.token()), "revocations_stale");
});

test("a guard that ignores revocations does not request them", async (t) => {
  const issuer = await FakeIssuer.start();
  t.after(() => issuer.stop());
  const guard = createTestGuard(t, issuer, { dangerouslyIgnoreRevocations: true });
  const sid = sessionId();
  await issuer.revoke({ sid });
  assert.equal(await codeOf(guard, await issuer.token({ claims: { sid } })), "served");
  await sleep(100);
  assert.deepEqual([issuer.streamRequests.length, guard.status().revocations], [0, null]);
});

test("a list with too many entries counts as out of date until it fits", async (t) => {
  const issuer = await FakeIssuer.start();
  t.after(() => issuer.stop());
  const sessions = Array.from({ length: 4 }, () => sessionId());
  for (const sid of sessions) await issuer.revoke({ sid });
  const guard = createTestGuard(t, issuer, { runtime: fastRuntime({ revokedSessions: 3 }) });
  await waitUntil(() => /^the revocation list has more entries than the guard can store/.test(guard.status().revocations.error));
  assert.equal(await codeOf(guard, await issuer.token()), "revocations_stale");
  assert.equal(await codeOf(guard, await issuer.token({ claims: { sid: sessions[0] } })), "revoked");
  assert.equal(guard.status().revocations.entries, 3);
  issuer.list = issuer.list.slice(0, 3);
  await guard.ready();
  assert.equal(await codeOf(guard, await issuer.token()), "served");
});

test("entries expire by the issuer's clock and not by the guard's", async (t) => {
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

test("keeps an expired entry for as long as clocks may differ", async (t) => {
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

test("setting the clock back does not make an old list recent", async (t) => {
  const { guard, clock, tokens } = await startWithStaleList(t);
  clock.ahead = -3;
  assert.equal(await codeOf(guard, tokens.valid), "served");
  clock.ahead = -60;
  assert.equal(await codeOf(guard, tokens.valid), "revocations_stale");
});

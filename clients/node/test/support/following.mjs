// Helpers that start a guard with the revocation list of an issuer, and sessions that tests revoke.
import { FakeIssuer, sessionId } from "./fake-issuer.mjs";
import { createTestGuard, fastRuntime, waitUntil } from "./api.mjs";

/** An issuer, and a guard that follows its list; `limits` change the guard's. */
export async function startFollowing(t, { limits, ...options } = {}) {
  const issuer = await FakeIssuer.start(options);
  t.after(() => issuer.stop().catch(() => {}));
  const guard = createTestGuard(t, issuer, { runtime: fastRuntime(limits) });
  return { issuer, guard };
}

export const isRevoked = (guard, token) =>
  guard.verify(token).then(
    () => false,
    ({ code }) => code === "revoked",
  );

export const waitUntilCaughtUp = (issuer, guard) => waitUntil(() => guard.status().revocations.entries === issuer.list.length);

/** A new session id, and a token of the session. */
export async function createSession(issuer, claims = {}) {
  const sid = sessionId();
  return { sid, token: await issuer.token({ claims: { sid, ...claims } }) };
}

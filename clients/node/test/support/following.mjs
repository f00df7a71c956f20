// A guard that follows an issuer's list of revocations, and sessions to take back.
import { FakeIssuer, sessionId } from "./fake-issuer.mjs";
import { guardOf, hasty, until } from "./api.mjs";

/** An issuer, and a guard that follows its list; `limits` are the guard's. */
export async function following(t, { limits, ...options } = {}) {
  const issuer = await FakeIssuer.start(options);
  t.after(() => issuer.stop().catch(() => {}));
  const guard = guardOf(t, issuer, { world: hasty(limits) });
  return { issuer, guard };
}

export const isRevoked = (guard, token) =>
  guard.verify(token).then(
    () => false,
    ({ code }) => code === "revoked",
  );

export const caughtUp = (issuer, guard) => until(() => guard.status().revocations.entries === issuer.list.length);

/** A session with its token. */
export async function signedIn(issuer, claims = {}) {
  const sid = sessionId();
  return { sid, token: await issuer.token({ claims: { sid, ...claims } }) };
}

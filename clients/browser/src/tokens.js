// Access tokens and their age.
//
// Tabs send each other tokens as `{ type: "news", session, serial, access, refresh, lifetime, wall }`. `serial` counts the
// refreshes of a session, and `lifetime` is in milliseconds. The tab that holds a token adds `at` and `due`.

/**
 * Milliseconds since the token was issued, by the clock that says more. `at` is on the monotonic clock, which cannot be
 * set. `wall` is on the system clock, which runs while the machine sleeps.
 */
export const age = ({ at, wall }) => Math.max(performance.now() - at, Date.now() - wall);

export const isFresh = (token) => token && token.lifetime - age(token) > Math.min(10_000, token.lifetime / 10);

/** Returns the message that tells the other tabs about a token response of the server. */
export function tokenMessage({ session_id: session, access_token: access, refresh_token: refresh, expires_in }, more) {
  // A token's times are whole seconds, rounded down, so a token may expire up to a second before `expires_in`.
  const lifetime = Math.max(expires_in - 1, expires_in / 2) * 1000;
  return { type: "news", session, access, refresh, lifetime, ...more };
}

/** Returns the token of that message. It is due for a refresh at a random point of 75 to 90 % of its lifetime. */
export function tokenOf(message) {
  const due = message.lifetime * (0.75 + 0.15 * Math.random());
  return { ...message, due, at: performance.now() };
}

/** The claims of an access token, or null. They are for display only, because the signature is not verified. */
export function claims(access) {
  try {
    const base64 = access.split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    return Object.freeze(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return null;
  }
}

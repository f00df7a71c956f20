// A token as the tabs know it: `{ type, session, serial, access, refresh, lifetime, wall }`, and in a tab that holds it
// `at` and `due` too. `at` is on a clock that nobody sets, `wall` on one that runs during sleep.

export const age = ({ at, wall }) => Math.max(performance.now() - at, Date.now() - wall);

export const isFresh = (token) => token && token.lifetime - age(token) > Math.min(10_000, token.lifetime / 10);

/** The message to other tabs about the server's token response. */
export function news({ session_id: session, access_token: access, refresh_token: refresh, expires_in }, about) {
  // A token's times are whole seconds, rounded down: it may be good for a second less than it says.
  const lifetime = Math.max(expires_in - 1, expires_in / 2) * 1000;
  return { type: "news", session, access, refresh, lifetime, ...about };
}

/** The token of that message, as of now. */
export function tokenOf(message) {
  const due = message.lifetime * (0.75 + 0.15 * Math.random());
  return { ...message, due, at: performance.now() };
}

/** What the access token says of its user: for a page's texts, not for decisions, because nothing is verified. */
export function claims(access) {
  try {
    const base64 = access.split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    return Object.freeze(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return null;
  }
}

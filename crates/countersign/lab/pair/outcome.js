// Explains a response: what happened, why, and what to try next.
import { readRefreshToken } from "../refresh-token.js";
import { reasonText } from "../timeline/kinds.js";

const ENDINGS = {
  revoked: ({ reason }) => `The session was revoked (${reasonText(reason)})`,
  reused: () => "A spent refresh token was presented after the grace period, so the server revoked the session",
  expired: () => "The session has expired",
};

/** `{ tone, text }` of a finished call; `pair` is the pair before the call, `now` the pair after it. */
export const outcomes = {
  open: ({ status, json }) =>
    status === 201
      ? good("A session is open. The server returned two tokens.")
      : bad(`No session was opened: ${json?.detail ?? "the server did not say why"}`),

  refresh({ status, json }, pair, now) {
    if (status !== 200)
      return bad(`The server rejected the refresh token. ${whyOver(now)}. Open another session.`);
    const [before, after] = [pair.refreshToken, json.refresh_token].map((text) => readRefreshToken(text).generation);
    return good(
      `Generation ${before} is spent, and generation ${after} replaces it. The access token is new as well.`,
    );
  },

  call({ status }, pair) {
    const left = Math.ceil(pair.expiresIn - (Date.now() - pair.issuedAt) / 1_000);
    if (status === 200 && pair.ended) {
      return warn(
        `Accepted, although the session has ended: this API checks only the token, which is valid for ${left} s more. That is why access tokens are short-lived. An API that follows the server’s revocation list already rejects it.`,
      );
    }
    if (status === 200)
      return good("Accepted. The signature is valid, the audience is this API, and the token has not expired. The API did not need the database.");
    if (left > 0) return bad("Rejected. The response is at the end of this page, under “API calls”.");
    return bad(
      `Rejected: the access token expired ${-left} s ago. ${pair.ended ? "Its session has ended too." : "Refresh, and call the API again."}`,
    );
  },

  signOut: ({ status }) =>
    status === 204
      ? good("Signed out: the server revoked the session. Now try to refresh, and to call the API.")
      : bad("The server could not confirm the sign-out. Try again."),
};

const good = (text) => ({ tone: "good", text });
const warn = (text) => ({ tone: "warn", text });
const bad = (text) => ({ tone: "bad", text });

/** A sentence without its full stop. */
export const whyOver = (pair) => ENDINGS[pair.ended]?.(pair) ?? "The session has ended";

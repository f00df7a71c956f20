// What came back, in a sentence that says why and what to try next.
import { readRefreshToken } from "../refresh-token.js";
import { reasonText } from "../timeline/kinds.js";

const ENDINGS = {
  revoked: ({ reason }) => `The session was revoked: ${reasonText(reason)}`,
  reused: () => "A spent token was presented after its time, so the session was ended for everyone",
  expired: () => "The session has reached its end",
};

/** `{ tone, text }` of a finished call; `pair` as it was before, `now` as it is since. */
export const outcomes = {
  open: ({ status, json }) =>
    status === 201
      ? good("A session is open, and the answer has brought two tokens.")
      : bad(`No session was opened: ${json?.detail ?? "the server did not say why"}`),

  refresh({ status, json }, pair, now) {
    if (status !== 200)
      return bad(`Refused, and the refresh token buys nothing any more. ${whyOver(now)}. Open another session.`);
    const [before, after] = [pair.refreshToken, json.refresh_token].map((text) => readRefreshToken(text).generation);
    return good(
      `Generation ${before} is spent, and generation ${after} has taken its place. The access token is new as well.`,
    );
  },

  call({ status }, pair) {
    const left = Math.ceil(pair.expiresIn - (Date.now() - pair.issuedAt) / 1_000);
    if (status === 200 && pair.ended) {
      return warn(
        `Let in, although the session is over: this API looks at the token alone, which is good for ${left} s more. That is why it is short. An API that follows the server’s list of ended sessions refuses it by now.`,
      );
    }
    if (status === 200)
      return good("Let in. The signature holds, the API is the right one, and time is left. No database was asked.");
    if (left > 0) return bad("Refused. The answer, at the end of this page, says more.");
    return bad(
      `Refused: the access token expired ${-left} s ago. ${pair.ended ? "Its session is over too." : "Refresh, and call again."}`,
    );
  },

  signOut: ({ status }) =>
    status === 204
      ? good("Signed out: the session’s row is marked as over. Now try to refresh, and to call the API.")
      : bad("The server could not confirm the sign-out. Try again."),
};

const good = (text) => ({ tone: "good", text });
const warn = (text) => ({ tone: "warn", text });
const bad = (text) => ({ tone: "bad", text });

/** A sentence without its full stop. */
export const whyOver = (pair) => ENDINGS[pair.ended]?.(pair) ?? "The session is over";
